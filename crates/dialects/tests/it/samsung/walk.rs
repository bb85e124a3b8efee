//! Walks over many keys in pages, as clients follow them.

use domain::access_keys::KeyStatus;
use domain::limits::Limits;

use super::wire::{ask, speaking};
use crate::world::{KeySpec, limits, signer};

/// Follows `next` until there is none, while keys come and go between the pages: each key that is there throughout is
/// seen once.
#[tokio::test]
async fn t51_following_next_shows_each_key_once_while_keys_come_and_go() {
    let world = speaking("", Limits { access_keys_per_user: 1_000, ..limits() }).await;
    let bob = world.uuid_of("bob").await;
    let mut expected = vec![signer("bob").id];
    for number in 0..60 {
        if number % 3 == 0 {
            world.clock.advance(1_000);
        }
        let name = format!("stays-{number:03}x");
        world.key(bob, &name, KeySpec::default()).await;
        expected.push(signer(&name).id);
        let status = KeyStatus::Inactive;
        world.key(bob, &format!("goes-{number:03}x"), KeySpec { status, ..KeySpec::default() }).await;
    }
    expected.sort_unstable();
    let mut goes = 0..60;
    for sort in [
        "created_at:desc",
        "created_at:asc",
        "id:asc",
        "id:desc",
        "access_key:asc",
        "access_key_type,access_key:desc",
    ] {
        for limit in [1, 2, 7, 60, 121, 10_000] {
            let mut target = format!("/v1/access-keys?limit={limit}&sort={sort}");
            let mut seen = Vec::new();
            loop {
                let page = ask(&world, &signer("bob"), "GET", &target, "").await;
                assert_eq!(page.status, 200, "{target}: {}", page.text);
                seen.extend(page.listed().into_iter().map(str::to_owned));
                let Some(next) = page.link("next") else { break };
                target = next.strip_prefix("https://iam.example.org").unwrap().to_owned();
                if let Some(number) = goes.next() {
                    let gone = super::wire::record_of(&world, &signer(&format!("goes-{number:03}x"))).await;
                    let gone =
                        ask(&world, &signer("bob"), "DELETE", &format!("/v1/access-keys/{gone}"), "").await;
                    assert_eq!(gone.status, 204);
                    world.key(bob, &format!("comes-{number:03}x"), KeySpec::default()).await;
                }
            }
            seen.sort_unstable();
            let count = seen.len();
            seen.dedup();
            assert_eq!(seen.len(), count, "{sort} in pages of {limit}: a key twice");
            seen.retain(|id| expected.binary_search(id).is_ok());
            assert_eq!(seen, expected, "{sort} in pages of {limit}: a gap");
        }
    }
}
