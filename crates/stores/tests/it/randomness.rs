//! Ids, secrets and nonces: no pattern, no repetition (threats T20, T61).

use std::collections::HashSet;
use std::sync::Mutex;

use domain::access_keys::{CreatedKey, KeyIssue, KeyShape};
use domain::id::Serial;
use domain::random::{self, ALPHANUMERIC, Randomness};
use domain::secret::Secret;
use domain::testing::TestRandom;
use domain::vault::{Binding, MasterKey, Vault};

use crate::both_stores;
use crate::world::{Credentials, OsRandom, SHAPE, START, Setup, World, issue};

both_stores! {
    t20_issued_ids_and_secrets_are_all_different,
}

/// How far counts are from even: about `cells - 1` for an even source, give or take a few times the root of twice that.
fn chi_square(counts: &[u64]) -> f64 {
    let as_float = |n: u64| f64::from(u32::try_from(n).unwrap());
    let expected = as_float(counts.iter().sum()) / as_float(counts.len().try_into().unwrap());
    counts.iter().map(|&count| (as_float(count) - expected).powi(2) / expected).sum()
}

/// A bound that an even source passes but for one run in billions.
fn is_even(counts: &[u64]) -> bool {
    let freedom = f64::from(u32::try_from(counts.len() - 1).unwrap());
    chi_square(counts) < freedom + 7.0 * (2.0 * freedom).sqrt()
}

/// Counts of each character of the alphabet, at each place of texts of equal length.
fn by_place(texts: &[String], alphabet: &[u8]) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; 256]; texts[0].len()];
    for text in texts {
        text.bytes().enumerate().for_each(|(place, byte)| counts[place][usize::from(byte)] += 1);
    }
    let of_alphabet = |counts: Vec<u64>| {
        let kept: Vec<u64> = alphabet.iter().map(|&byte| counts[usize::from(byte)]).collect();
        assert_eq!(kept.iter().sum::<u64>(), counts.iter().sum::<u64>(), "only the alphabet");
        kept
    };
    counts.into_iter().map(of_alphabet).collect()
}

#[test]
fn t20_a_hundred_thousand_ids_and_secrets_show_no_pattern_and_no_duplicate() {
    const HOW_MANY: usize = 100_000;
    let random = Buffered::default();
    let secrets: Vec<String> = (0..HOW_MANY)
        .map(|_| String::from_utf8(SHAPE.new_secret(&random).expose().to_vec()).unwrap())
        .collect();
    let ids: Vec<String> =
        (0..HOW_MANY).map(|_| SHAPE.new_id(START, &random).as_str()[SHAPE.time_chars..].to_owned()).collect();
    for texts in [&secrets, &ids] {
        assert_eq!(texts.iter().collect::<HashSet<_>>().len(), HOW_MANY);
        for (place, counts) in by_place(texts, ALPHANUMERIC).iter().enumerate() {
            assert!(is_even(counts), "place {place}: {}", chi_square(counts));
        }
    }
    let serials: Vec<u32> = (0..HOW_MANY).map(|_| Serial::generate(&random).get()).collect();
    let mut slots = vec![0; 64];
    serials.iter().for_each(|serial| slots[usize::try_from(serial >> 25).unwrap()] += 1);
    assert!(is_even(&slots), "serials use their whole range evenly");
    assert!(serials.iter().all(|&serial| (1..1 << 31).contains(&serial)));
}

#[test]
fn t20_every_alphabet_is_drawn_from_evenly() {
    let random = TestRandom::seeded(20);
    let all: Vec<u8> = (0..=127).collect();
    for size in [1, 2, 3, 10, 16, 26, 32, 36, 62, 64, 65, 100, 127, 128] {
        let alphabet = &all[..size];
        let text = random::text(&random, alphabet, 60_000);
        assert_eq!(text.len(), 60_000);
        let mut counts = vec![0; size];
        text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
        assert!(size == 1 || is_even(&counts), "{size} characters: {}", chi_square(&counts));
    }
    // The same bound catches the usual mistake, a plain remainder.
    let mut bytes = vec![0; 60_000];
    random.fill(&mut bytes);
    let mut counts = vec![0; 62];
    bytes.iter().for_each(|byte| counts[usize::from(byte % 62)] += 1);
    assert!(!is_even(&counts), "a remainder favours the first characters: {}", chi_square(&counts));
}

async fn t20_issued_ids_and_secrets_are_all_different(world: World) {
    let mut seen = HashSet::new();
    for number in 0..40 {
        let name = format!("user{number}");
        for made in [world.member(&name).await, world.another_key(&name).await] {
            let Credentials { id, secret } = made;
            assert_eq!(id.len(), SHAPE.time_chars + SHAPE.random_chars);
            assert_eq!(secret.len(), SHAPE.secret_chars);
            assert!(seen.insert(id.into_bytes()) && seen.insert(secret));
        }
    }
}

/// The operating system's randomness, a block at a time.
#[derive(Default)]
struct Buffered(Mutex<Vec<u8>>);

impl Randomness for Buffered {
    fn fill(&self, bytes: &mut [u8]) {
        let mut block = self.0.lock().unwrap();
        for byte in bytes {
            if block.is_empty() {
                block.resize(1 << 16, 0);
                OsRandom.fill(&mut block);
            }
            *byte = block.pop().unwrap();
        }
    }
}

#[test]
fn t61_two_hundred_thousand_seals_never_repeat_a_nonce() {
    let random = Buffered::default();
    let master = MasterKey::generate(&random);
    let ring = Vault::new_ring(&master, START, &random);
    let vault = Vault::open(&master, &ring, &random).unwrap();
    let binding =
        Binding { kind: "test", record: &[1; 16], account: &[2; 16], owner: &[3; 16], dialect: "test" };
    let secret = Secret::new(b"the same secret every time".to_vec());
    let mut nonces = HashSet::new();
    let mut sealed = HashSet::new();
    for _ in 0..200_000 {
        let one = vault.seal(&binding, &secret, &random).unwrap();
        assert!(nonces.insert(one[5..17].to_vec()), "a nonce came twice");
        sealed.insert(one[17..].to_vec());
    }
    assert_eq!(sealed.len(), 200_000, "and so the same secret never looks the same");
}

/// Randomness whose every nonce is the same, as after a fork or in a restored snapshot of a careless program.
struct StuckNonce(TestRandom);

impl Randomness for StuckNonce {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes);
        if bytes.len() == 12 {
            bytes.fill(7);
        }
    }
}

#[tokio::test]
async fn t61_a_repeated_nonce_is_caught() {
    let random = std::sync::Arc::new(StuckNonce(TestRandom::seeded(5)));
    let world = World::memory_with(Setup { random, ..Setup::default() }).await;
    let findings = world.check().await.findings;
    assert_eq!(findings, [], "one secret alone repeats nothing");
    world.member("quinn").await;
    let findings = world.check().await.findings;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].invariant, "I8", "{}", findings[0]);
    assert!(findings[0].what.contains("nonce"), "{}", findings[0]);
}

#[tokio::test]
async fn t20_an_id_that_is_taken_is_drawn_again() {
    // Few enough ids that draws collide: the store refuses a taken one and the use case draws again.
    const NARROW: KeyShape = KeyShape { time_chars: 0, random_chars: 1, id_alphabet: b"0123456789", ..SHAPE };
    let world = World::memory().await;
    let admin = world.admin().await;
    let mut ids = HashSet::new();
    for number in 0..5 {
        let name = format!("narrow{number}");
        world.service.create_user(&admin, crate::world::new_user(&name)).await.unwrap();
        let issue = KeyIssue { shape: &NARROW, ..issue() };
        if let Ok(CreatedKey { key, .. }) = world.service.create_access_key(&admin, &name, &issue).await {
            assert!(ids.insert(key.key_id.as_str().to_owned()), "an id was given out twice");
        }
    }
    assert!(ids.len() >= 4, "drawing again works: {ids:?}");
    world.assert_clean().await;
}
