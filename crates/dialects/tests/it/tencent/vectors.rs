//! Requests recorded from the official clients, sent to the dialect as they are, at the time at which they were signed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::clock::Clock;
use serde::Deserialize;

use super::samples::world;
use super::wire::{Seen, code};
use crate::wire::Wire;
use crate::world::{KeySpec, SOURCE, Signer, World};

#[derive(Deserialize)]
struct Vector {
    name: String,
    secret_id: String,
    secret_key: String,
    method: String,
    host: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: String,
    timestamp: i64,
    authorization: Option<String>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../../signing/vectors/tencent.json")).unwrap()
}

impl Vector {
    fn wire(&self) -> Wire {
        let target =
            if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) };
        let mut wire =
            Wire { method: self.method.clone(), target, fields: Vec::new(), body: self.body.clone().into() };
        wire = wire.with_header("Host", &self.host);
        for (name, value) in self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            wire = wire.with_header(name, value);
        }
        match &self.authorization {
            Some(value) => wire.with_header("Authorization", value),
            None => wire,
        }
    }

    fn signer(&self) -> Signer {
        Signer { id: self.secret_id.clone(), secret: self.secret_key.clone() }
    }
}

/// A world at the vector's time in which the administrator has its key.
async fn world_of(vector: &Vector) -> World {
    let world = world().await;
    world.clock.advance(vector.timestamp * 1000 - world.clock.now().0);
    let admin = world.uuid_of("admin").await;
    world.key_of(admin, &vector.signer(), KeySpec::default()).await;
    world
}

/// The answer below the dialect's prefix.
async fn answer(world: &World, wire: &Wire) -> Seen {
    let headers = wire.headers();
    Seen::new(world.answer_view(wire.view(&headers), "/", Some(SOURCE.parse().unwrap())).await)
}

/// What each request of an official client is answered: nothing about its signature.
#[tokio::test]
async fn requests_of_official_clients_get_to_their_operation() {
    let mut table = String::new();
    let vectors = vectors();
    assert_eq!(vectors.len(), 65);
    for vector in &vectors {
        let world = world_of(vector).await;
        let seen = answer(&world, &vector.wire()).await;
        // A token comes after the signature.
        let is_signed = !seen.code.starts_with("AuthFailure.") || seen.code == "AuthFailure.TokenFailure";
        assert!(is_signed, "{}: {}", vector.name, seen.text);
        writeln!(table, "{:<44}{}", vector.name, seen.code).unwrap();
    }
    super::golden::compare("official_clients.golden", &table);
}

/// Signed with another secret, none of them does.
#[tokio::test]
async fn requests_of_official_clients_need_their_secret() {
    for vector in vectors() {
        let world = world().await;
        world.clock.advance(vector.timestamp * 1000 - world.clock.now().0);
        let admin = world.uuid_of("admin").await;
        let other = Signer { secret: format!("{}x", vector.secret_key), ..vector.signer() };
        world.key_of(admin, &other, KeySpec::default()).await;
        let before = world.digest().await;
        let seen = answer(&world, &vector.wire()).await;
        assert!(
            seen.note.caller.is_none() && seen.code.starts_with("AuthFailure."),
            "{}: {}",
            vector.name,
            seen.text
        );
        assert_eq!(world.digest().await, before);
    }
}

/// Without its prefix taken off, a path is nobody's.
#[tokio::test]
async fn every_action_is_at_the_root_of_the_dialect() {
    let vector = vectors().into_iter().find(|vector| vector.name == "node_v3_post_prefix").unwrap();
    let world = world_of(&vector).await;
    let seen = Seen::new(world.answer(&vector.wire(), None).await);
    assert_eq!((seen.status, seen.code.as_str()), (404, "ResourceNotFound"));
    let plain = vectors().into_iter().find(|vector| vector.name == "v3_post_list_no_params").unwrap();
    assert_eq!(code(&world_of(&plain).await, &plain.wire()).await, "ok");
}
