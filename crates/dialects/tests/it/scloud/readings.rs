//! One signature, one reading (threats T05 and T06).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde::Deserialize;

use super::samples::{operations, sample};
use crate::wire::{Client, FORM, JSON, Wire, form_text};
use crate::world::{KeySpec, Signer, World, signer};

/// Every name that some action takes, and some that none does.
const NAMES: &[&str] = &[
    "AccessKeyID",
    "AccessKeyStatus",
    "Action",
    "Description",
    "DisplayName",
    "Email",
    "GenerateRandomPassword",
    "IsFinance",
    "Limit",
    "LoginProfileStatus",
    "MFABindRequired",
    "MaxPasswordAge",
    "NewUserName",
    "Nonce",
    "Offset",
    "Password",
    "PasswordResetRequired",
    "ProjectId",
    "PublicKey",
    "Region",
    "SecurityToken",
    "Status",
    "Timestamp",
    "UserEmail",
    "UserName",
    "Zone",
    "q",
    "x",
];
/// Parameters that most actions can do without, and whose values are worth shifting.
const OPTIONAL: &[&str] = &[
    "Region",
    "Zone",
    "ProjectId",
    "Description",
    "DisplayName",
    "Email",
    "Password",
    "UserEmail",
    "NewUserName",
    "Nonce",
];
/// Readings of one text that are tried at most.
const READINGS: usize = 24;
/// What is answered before a handler runs.
const REFUSED: [u64; 8] = [160, 161, 170, 171, 172, 174, 220, 230];

type Reading = Vec<(String, String)>;

fn signed_text(pairs: &Reading) -> String {
    let mut sorted = pairs.clone();
    sorted.sort();
    sorted.into_iter().map(|(name, value)| name + &value).collect()
}

fn signature_of(form: &Wire) -> String {
    String::from_utf8(form.body.clone()).unwrap().rsplit_once("Signature=").unwrap().1.to_owned()
}

/// Ways to cut `text` into ascending names and values, `Action` and `PublicKey` among them.
fn readings(text: &str, after: &str, out: &mut Vec<Reading>, so_far: &mut Reading) {
    if out.len() >= READINGS {
        return;
    }
    if text.is_empty() {
        if ["Action", "PublicKey"].iter().all(|name| so_far.iter().any(|(given, _)| given == name)) {
            out.push(so_far.clone());
        }
        return;
    }
    for name in NAMES.iter().filter(|name| **name > after) {
        let Some(rest) = text.strip_prefix(name) else { continue };
        let ends = (0..=rest.len()).filter(|&end| {
            rest.is_char_boundary(end)
                && (end == rest.len()
                    || NAMES.iter().any(|later| *later > *name && rest[end..].starts_with(later)))
        });
        for end in ends.collect::<Vec<_>>() {
            so_far.push(((*name).to_owned(), rest[..end].to_owned()));
            readings(&rest[end..], name, out, so_far);
            so_far.pop();
        }
    }
}

/// The boundary between two neighbours moved by a few characters, whatever that makes of the name.
fn shifts(pairs: &Reading) -> Vec<Reading> {
    let mut sorted = pairs.clone();
    sorted.sort();
    let mut out = Vec::new();
    for at in 0..sorted.len() {
        let value = sorted[at].1.clone();
        for cut in (0..value.len()).filter(|&cut| value.is_char_boundary(cut)).take(2) {
            let mut shifted = sorted.clone();
            shifted[at].1.truncate(cut);
            shifted.push((value[cut..].to_owned(), String::new()));
            out.push(shifted);
        }
        if let Some((next, _)) = sorted.get(at + 1).cloned() {
            let mut shifted = sorted.clone();
            shifted[at].1.push_str(&next[..1]);
            shifted[at + 1].0 = next[1..].to_owned();
            out.push(shifted);
        }
    }
    out
}

/// Values that resemble what an attacker would make a user sign: other names in them, at the end, in the middle, twice.
fn value(free: bool) -> BoxedStrategy<String> {
    let name = prop::sample::select(NAMES);
    let word = prop_oneof![
        "[a-zA-Z0-9._-]{0,6}",
        Just("Active".to_owned()),
        Just("true".to_owned()),
        Just("7".to_owned())
    ];
    let hidden = prop::collection::vec((word.clone(), name), 0..3).prop_flat_map(move |parts| {
        word.clone().prop_map(move |last| {
            let mut text = String::new();
            for (word, name) in &parts {
                text.push_str(word);
                text.push_str(name);
            }
            text + &last
        })
    });
    if free { hidden.boxed() } else { prop_oneof![3 => Just(String::new()), 1 => hidden].boxed() }
}

fn requests() -> impl Strategy<Value = Reading> {
    let operation = prop::sample::select(operations());
    let extra = prop::collection::btree_map(prop::sample::select(OPTIONAL), value(true), 0..3);
    (operation, extra, value(false)).prop_map(|(operation, extra, target)| {
        let mut sample = sample(operation.name, "bob");
        for (name, text) in &extra {
            sample = sample.with(name, text);
        }
        if !target.is_empty() && sample.0.iter().any(|(name, _)| name == "UserName") {
            sample = sample.with("UserName", &target);
        }
        sample.with("PublicKey", &signer("admin").id).0
    })
}

/// Shifts every boundary of 10,000 signed requests and cuts their texts in every way that could make sense.
#[test]
fn t05_at_most_one_reading_of_a_signed_text_is_accepted() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let world = runtime.block_on(World::new());
    let admin = signer("admin");
    let counts = std::cell::RefCell::new([0_usize; 3]);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 10_000, failure_persistence: None, max_shrink_iters: 200, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let outcome = runner.run(&requests(), |request| {
        let text = signed_text(&request);
        let signed: Vec<(&str, &str)> = request
            .iter()
            .filter(|(name, _)| name != "PublicKey")
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let signature = signature_of(&Wire::signed(&admin, &signed));
        let mut all = Vec::new();
        readings(&text, "", &mut all, &mut Vec::new());
        let cuts = all.len();
        all.extend(shifts(&request));
        all.push(request.clone());
        all.iter_mut().for_each(|reading| reading.sort());
        let all: BTreeSet<Reading> = all.into_iter().filter(|reading| signed_text(reading) == text).collect();
        let mut accepted = Vec::new();
        for reading in &all {
            let pairs: Vec<(&str, &str)> =
                reading.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let wire = Wire::raw(Client::Python, &[&pairs[..], &[("Signature", &signature)]].concat());
            let seen = runtime.block_on(world.send(&wire));
            prop_assert_ne!(seen.code, 170);
            if !REFUSED.contains(&seen.code) {
                accepted.push(reading.clone());
            }
        }
        let mut counts = counts.borrow_mut();
        counts[0] += accepted.len();
        counts[1] += usize::from(cuts > 1);
        counts[2] += usize::from(cuts > 1 && !accepted.is_empty());
        prop_assert!(accepted.len() <= 1, "{:?} are all accepted", accepted);
        Ok(())
    });
    outcome.unwrap();
    let [accepted, ambiguous, settled] = *counts.borrow();
    assert!(accepted > 3_000, "only {accepted} requests were accepted at all");
    assert!(
        ambiguous > 3_000 && settled > 500,
        "{ambiguous} texts had two readings, {settled} of them were accepted in one"
    );
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    encoding: String,
    public_key: String,
    private_key: String,
    wire: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../../signing/vectors/scloud.json")).unwrap()
}

/// Requests recorded from the official clients: each signature is good, whatever the parameters are then worth here.
#[tokio::test]
async fn requests_of_the_official_clients_authenticate() {
    let world = World::new().await;
    let admin = world.uuid_of("admin").await;
    let mut keys = BTreeSet::new();
    let mut table = String::new();
    for vector in vectors() {
        let (id, secret) = (vector.public_key, vector.private_key);
        // One vector gives a key that another one uses too a secret of its own.
        if !secret.is_ascii() {
            continue;
        }
        if keys.insert(id.clone()) {
            world.key_of(admin, &Signer { id, secret }, KeySpec::default()).await;
        }
        let content_type = if vector.encoding == "json" { JSON } else { FORM };
        let seen = world.send(&Wire::post("/", content_type, vector.wire)).await;
        // One was signed with a time that is long over.
        let is_stale = seen.code == 171 && seen.message().contains("Timestamp");
        assert!(is_stale || !matches!(seen.code, 170..=172), "{}: {}", vector.name, seen.text);
        writeln!(table, "{:<42}{}", vector.name, seen.code).unwrap();
    }
    super::golden::compare("official_clients.golden", &table);
}

/// The two requests that the official Python client signs alike: the one for `bobq` passes, its twin for `bob` does not.
#[tokio::test]
async fn t05_the_ambiguous_pair_is_told_apart() {
    let world = World::new().await;
    world.member("bobq").await;
    let vectors = vectors();
    let find = |name: &str| vectors.iter().find(|vector| vector.name == name).unwrap();
    let (left, right) = (find("ambiguous_pair_left"), find("ambiguous_pair_right_same_signature"));
    let key = Signer { id: left.public_key.clone(), secret: left.private_key.clone() };
    world.key_of(world.uuid_of("admin").await, &key, KeySpec::default()).await;
    let seen = world.send(&Wire::post("/", FORM, left.wire.clone())).await;
    assert_eq!(seen.code, 0, "{}", seen.text);
    let seen = world.send(&Wire::post("/", FORM, right.wire.clone())).await;
    assert_eq!((seen.code, seen.message()), (230, "Params [q] not available"));
}

/// The shifts that were reproduced against the real service, and what else the names of the actions allow: of two requests
/// with one signature the first does something, the second nothing.
#[tokio::test]
async fn t05_the_known_shifts_are_refused() {
    let admin = signer("admin");
    let key = signer("bob").id;
    let swallowed = format!("{key}ActionDeleteAccessKeyProjectId");
    let create = [
        ("Action", "CreateUser"),
        ("UserName", "eve"),
        ("AccessKeyStatus", "Inactive"),
        ("LoginProfileStatus", "Inactive"),
    ];
    let cases: [[&[(&str, &str)]; 2]; 7] = [
        [
            &[("Action", "GetUser"), ("UserName", "alice")],
            &[("Action", "GetUser"), ("UserName", "al"), ("ice", "")],
        ],
        [
            &[("Action", "UpdateAccessKey"), ("AccessKeyID", &key), ("Status", "Inactive"), ("Zone", "z")],
            &[("Action", "UpdateAccessKey"), ("AccessKeyID", &key), ("Status", "InactiveZonez")],
        ],
        [
            &[("Action", "UpdateAccessKey"), ("AccessKeyID", &key), ("Description", "y")],
            &[("Action", "UpdateAccessKeyDescriptiony"), ("AccessKeyID", &key)],
        ],
        [
            &[("Action", "UpdateUser"), ("UserName", "bob"), ("DisplayName", "A"), ("NewUserName", "rob")],
            &[("Action", "UpdateUser"), ("UserName", "bob"), ("DisplayName", "ANewUserNamerob")],
        ],
        [
            &[("Action", "DeleteUser"), ("UserName", "bob"), ("Zone", "1")],
            &[("Action", "DeleteUser"), ("UserName", "bobZone1")],
        ],
        [
            &[&create[..], &[("PasswordResetRequired", "true")]].concat(),
            &[&create[..], &[("Password", "ResetRequiredtrue")]].concat(),
        ],
        [
            &[
                ("Action", "DeleteAccessKey"),
                ("AccessKeyID", &key),
                ("ProjectId", "ActionUpdateAccessKeyDescriptionx"),
            ],
            &[("Action", "UpdateAccessKey"), ("AccessKeyID", &swallowed), ("Description", "x")],
        ],
    ];
    for [good, twin] in cases {
        let world = World::new().await;
        let signatures = [good, twin].map(|pairs| signature_of(&Wire::signed(&admin, pairs)));
        assert_eq!(signatures[0], signatures[1], "{good:?}");
        let before = world.digest().await;
        let seen = world.send(&Wire::signed(&admin, twin)).await;
        assert!(matches!(seen.code, 161 | 230), "{twin:?}: {}", seen.text);
        assert_eq!(world.digest().await, before);
        let seen = world.send(&Wire::signed(&admin, good)).await;
        assert_eq!(seen.code, 0, "{good:?}: {}", seen.text);
    }
}

/// A block of a chosen-prefix collision is 64 bytes and more that look random. No parameter carries it, so two requests with
/// the same SHA-1 cannot be made, whoever knows how.
#[test]
fn t06_no_parameter_carries_binary_data() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let world = runtime.block_on(World::new());
    let before = runtime.block_on(world.digest());
    let admin = signer("admin");
    let carriers: Vec<&str> =
        NAMES.iter().copied().filter(|name| !["Action", "q", "x"].contains(name)).collect();
    let block = prop::collection::vec(any::<u8>(), 64..=640);
    let strategy = (prop::sample::select(operations()), prop::sample::select(carriers), block, any::<bool>());
    let mut runner = TestRunner::new(Config { cases: 2_000, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&strategy, |(operation, name, block, json)| {
        let wire = if json {
            // The nearest that JSON can come: a character for each byte.
            let text: String = block.iter().map(|&byte| char::from(byte)).collect();
            let sample = sample(operation.name, "bob").with(name, &text);
            match name {
                "PublicKey" | "Signature" => Wire::raw(Client::Js, &sample.with("Signature", "0").pairs()),
                _ => Wire::signed_as(Client::Js, &admin, &sample.pairs()),
            }
        } else {
            let escaped: String = block.iter().map(|byte| format!("%{byte:02x}")).collect();
            let rest = sample(operation.name, "bob").without(name);
            Wire::post("/", FORM, format!("{}&{name}={escaped}", form_text(&rest.pairs())))
        };
        let seen = runtime.block_on(world.send(&wire));
        prop_assert!(seen.code != 0 && seen.code < 1000, "{} {}: {}", operation.name, name, seen.text);
        Ok(())
    });
    outcome.unwrap();
    assert_eq!(runtime.block_on(world.digest()), before);
}

/// Not even one control character gets in, in any parameter of any action.
#[tokio::test]
async fn t06_control_characters_are_refused_in_every_parameter() {
    let world = World::new().await;
    let before = world.digest().await;
    let admin = signer("admin");
    let controls = (0..=0x1f_u32).chain(0x7f..=0x9f).filter_map(char::from_u32);
    for control in controls {
        for operation in operations() {
            for name in NAMES.iter().filter(|name| !["Action", "PublicKey"].contains(name)) {
                let sample = sample(operation.name, "bob").with(name, &format!("a{control}b"));
                let seen = world.send(&sample.signed(&admin)).await;
                // A time that is none is refused with the signature, and so is a token.
                assert!(
                    matches!(seen.code, 230 | 171 | 174),
                    "{} {name} {control:?}: {}",
                    operation.name,
                    seen.text
                );
            }
        }
    }
    assert_eq!(world.digest().await, before);
}
