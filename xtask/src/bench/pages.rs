//! Lists of the Samsung dialect: a user's own keys, and pages deep in the list of a whole account.

use std::net::SocketAddr;

use anyhow::Result;
use signing::scp::{self, Stamp};

use super::cases::ListCase;
use super::fixture::Fixture;
use super::native;
use crate::harness::scloud::Credential;

/// Keys in the account whose list is walked.
pub(super) const KEYS: usize = 10_000;
/// Keys on a page.
pub(super) const PAGE: usize = 20;

/// One's own keys, as the provider lists them.
pub(super) const OWN: ListCase = ListCase {
    name: "samsung ListAccessKey",
    owners: Fixture::seed_samsung,
    request: |server, owner| list(server, &owner.key, ""),
    accepted: |body| body.starts_with(br#"{"access_keys":[{"#),
};

/// A page of an administrator's list, after `marker`.
pub(super) fn page(server: SocketAddr, admin: &Credential, marker: Option<&str>) -> Vec<u8> {
    let marker = marker.map(|marker| format!("&marker={marker}")).unwrap_or_default();
    list(server, admin, &format!("?limit={PAGE}{marker}&sort=created_at%3Adesc"))
}

/// Whether a page is full.
pub(super) fn is_full(body: &[u8]) -> bool {
    let records = body.windows(RECORD.len()).filter(|window| *window == RECORD).count();
    records == PAGE
}

/// Begins each record of a list.
const RECORD: &[u8] = br#"{"access_key":"#;

/// A key for a user, which may sign in this dialect, asked for over the native API.
pub(super) fn create_key(server: SocketAddr, admin: &Credential, user: &str) -> Result<Vec<u8>> {
    let path = format!("/users/{user}/access-keys");
    native::request(server, admin, "POST", &path, r#"{"schemes":["scp"]}"#)
}

fn list(server: SocketAddr, key: &Credential, query: &str) -> Vec<u8> {
    let target = format!("/samsung/v1/access-keys{query}");
    let stamp = Stamp {
        access_key_id: &key.id,
        timestamp_ms: native::now_ms(),
        account_id: "",
        client_type: "Openapi",
    };
    let signed = scp::sign("GET", &format!("http://{server}{target}"), stamp, key.secret.as_bytes());
    let headers: Vec<String> = signed.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "GET {target} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: keyward-xtask\r\nScp-Api-Version: iam 1.2\r\n{}\r\n",
        headers.concat()
    )
    .into_bytes()
}
