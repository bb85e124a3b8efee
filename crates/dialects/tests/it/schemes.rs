//! A key of one dialect is nobody's in every other: the full matrix of the dialects that stand.

use dialects::huawei::Huawei;
use dialects::native::Native;
use dialects::registry::NAMES;
use dialects::samsung::Samsung;
use dialects::scloud::Scloud;
use dialects::tencent::Tencent;
use dialects::{Answer, Dialect};
use domain::access_keys::SchemeSet;
use domain::clock::Clock as _;
use signing::{Scheme, aws4, format_basic, tc3};

use crate::samsung::wire::{raw, signed};
use crate::wire::{JSON, Wire};
use crate::world::{KeySpec, SOURCE, Signer, World, limits, signer};

fn dialect(name: &str) -> Dialect {
    let own = toml::Table::new();
    match name {
        "huawei" => Dialect::Huawei(Huawei::new(&own).unwrap()),
        "native" => Dialect::Native(Native::new(&own).unwrap()),
        "samsung" => Dialect::Samsung(Samsung::new(&own).unwrap()),
        "scloud" => Dialect::Scloud(Scloud::new(&own).unwrap()),
        "tencent" => Dialect::Tencent(Tencent::new(&own).unwrap()),
        other => panic!("{other}: add it to the matrix"),
    }
}

/// What the keys that a dialect issues may sign in.
fn schemes(name: &str) -> SchemeSet {
    SchemeSet::of(match name {
        "huawei" => &[Scheme::SdkHmacSha256],
        "native" => &[Scheme::Aws4],
        "samsung" => &[Scheme::Scp],
        "scloud" => &[Scheme::Scloud],
        "tencent" => &[Scheme::Tc3, Scheme::TencentV1],
        other => panic!("{other}: add it to the matrix"),
    })
}

/// A request of a dialect that reads the caller's own keys or the like, signed.
fn request(name: &str, world: &World, signer: &Signer) -> Wire {
    let (seconds, secret) = (world.clock.now().seconds(), signer.secret.as_bytes());
    match name {
        "huawei" => crate::huawei::signed_by(world, signer, "GET", "/v4/user/keys", ""),
        "native" => {
            let date = format_basic(seconds);
            let wire = raw("GET", "/whoami", "").with_header("X-Amz-Date", &date);
            let by = aws4::Signer { access_key_id: &signer.id, secret, region: "local", service: "keyward" };
            let signature = aws4::sign(&wire.view(&wire.headers()), &by, &["host", "x-amz-date"]).unwrap();
            wire.with_header("Authorization", &signature)
        }
        "samsung" => signed(world, signer, "GET", "/v1/access-keys", ""),
        "scloud" => Wire::signed(signer, &[("Action", "GetRegion")]),
        "tencent" => {
            let wire = Wire::post("/", JSON, "{}")
                .with_header("Host", "cam.example.org")
                .with_header("X-TC-Action", "ListAccessKeys")
                .with_header("X-TC-Version", "2019-01-16")
                .with_header("X-TC-Timestamp", &seconds.to_string());
            let signature = tc3::sign(&wire.view(&wire.headers()), &signer.id, secret, "cam", &[]).unwrap();
            wire.with_header("Authorization", &signature)
        }
        other => panic!("{other}: add it to the matrix"),
    }
}

/// A body without the key's own id, which some clouds repeat.
fn told(answer: &Answer, signer: &Signer) -> String {
    String::from_utf8_lossy(&answer.body).replace(&signer.id, "<id>")
}

async fn answer(name: &str, world: &World, signer: &Signer) -> Answer {
    world.answer(&request(name, world, signer), Some(SOURCE.parse().unwrap())).await
}

#[tokio::test]
async fn t18_a_key_of_one_dialect_is_unknown_in_every_other() {
    for spoken in NAMES {
        let world = World::speaking(dialect(spoken), limits()).await;
        let bob = world.uuid_of("bob").await;
        for issuer in NAMES {
            let spec = KeySpec { schemes: schemes(issuer), ..KeySpec::default() };
            world.key(bob, &format!("of{issuer}"), spec).await;
        }
        let work = world.service.signature_work();
        let unknown = answer(spoken, &world, &signer("nobody")).await;
        let wrong = Signer { id: signer(&format!("of{spoken}")).id, ..signer("bob") };
        let wrong = answer(spoken, &world, &wrong).await;
        assert!(unknown.note.caller.is_none() && wrong.note.caller.is_none(), "{spoken}");
        for issuer in NAMES {
            let theirs = signer(&format!("of{issuer}"));
            let seen = answer(spoken, &world, &theirs).await;
            if issuer == spoken {
                assert_eq!(seen.status, 200, "{spoken}: {}", String::from_utf8_lossy(&seen.body));
                assert_eq!(seen.note.caller.unwrap().user, "bob", "{spoken}");
            } else {
                assert!(seen.note.caller.is_none(), "a key of {issuer} signs in {spoken}");
                assert_eq!(
                    (seen.status, told(&seen, &theirs)),
                    (unknown.status, told(&unknown, &signer("nobody"))),
                    "{issuer} in {spoken}"
                );
            }
        }
        let judged = u64::try_from(NAMES.len()).unwrap() + 2;
        assert_eq!(
            world.service.signature_work() - work,
            judged,
            "{spoken}: the same work for each (threat T54)"
        );
    }
}
