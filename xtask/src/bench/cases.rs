//! The signed lists that are measured, one row per dialect, and the keys that they are measured with.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::Value;

use super::fixture::Fixture;
use super::{huawei, pages, tencent};
use crate::harness::scloud::{self, Credential};

/// A user with an access key of his own.
#[derive(Clone)]
pub(super) struct Owner {
    /// His name.
    pub(super) user: String,
    /// One of his keys.
    pub(super) key: Credential,
}

impl Owner {
    /// Reads a key that was just made, as the native API and the Samsung dialect show it.
    pub(super) fn of_key(key: &Value) -> Option<Self> {
        let text = |name: &str| Some(key.get(name)?.as_str()?.to_owned());
        Some(Self { user: text("user")?, key: Credential { id: text("id")?, secret: text("secret")? } })
    }
}

/// A dialect's way to list one's own access keys.
pub(super) struct ListCase {
    /// The dialect and its operation.
    pub(super) name: &'static str,
    /// Makes so many keys that sign for the dialect, with their users, and returns each user with one of his keys.
    pub(super) owners: fn(&Fixture, usize) -> Result<Vec<Owner>>,
    /// The request, signed with the owner's key and good for as long as the bench runs.
    pub(super) request: fn(SocketAddr, &Owner) -> Vec<u8>,
    /// Whether a body says success.
    pub(super) accepted: fn(&[u8]) -> bool,
}

/// Every list that is measured. A new dialect adds a row here.
pub(super) const LISTS: &[ListCase] = &[SCLOUD, tencent::LIST, pages::OWN, huawei::BY_KEY, huawei::BY_TOKEN];

/// The list that stands for all where only the number of stored keys differs.
pub(super) const SCLOUD: ListCase = ListCase {
    name: "scloud ListAccessKeys",
    owners: Fixture::seed,
    request: |server, owner| {
        scloud::request(server, &owner.key, "ListAccessKeys", &[("UserName", &owner.user)])
    },
    accepted: succeeded,
};

/// Whether a body says success. Cheap, because it is asked for every answer; the dialect puts `RetCode` first.
pub(super) fn succeeded(body: &[u8]) -> bool {
    body.starts_with(br#"{"RetCode":0,"#)
}
