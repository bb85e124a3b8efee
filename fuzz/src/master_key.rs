//! The text of a master key, and the key ring that it opens.

use domain::clock::UnixMillis;
use domain::testing::TestRandom;
use domain::vault::{MasterKey, Purpose, RingRow, Vault, VaultError};

use crate::choices::Choices;

const PREFIX: &str = "keyward-master-key-1:";

/// Master keys: one form, blanks around it aside, never a blank key, and no message with key material (threat T62).
pub fn master_key(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let digits = text.trim().strip_prefix(PREFIX);
    let bytes = digits.filter(|digits| digits.len() == 64).and_then(plain_hex);
    match (MasterKey::from_text(text), bytes) {
        (Ok(key), Some(bytes)) => {
            assert!(bytes.windows(2).any(|pair| matches!(pair, [one, other] if one != other)), "a blank key");
            let written = key.to_text();
            assert_eq!(
                written.trim_end(),
                [PREFIX, &digits.unwrap_or_default().to_ascii_lowercase()].concat()
            );
            let again = MasterKey::from_text(&written).expect("what is written is read");
            assert_eq!(again.id(), key.id());
            let shown = format!("{key:?}");
            assert!(!shown.contains(written.get(PREFIX.len()..PREFIX.len() + 20).unwrap_or(PREFIX)));
            check_ring(&key, &mut Choices::of(data));
        }
        (Err(VaultError::MasterKeyTrivial), Some(bytes)) => {
            assert!(bytes.iter().all(|byte| Some(byte) == bytes.first()), "refused as blank: {bytes:?}");
        }
        (Err(VaultError::MasterKeyForm), None) => {}
        (outcome, bytes) => panic!("{outcome:?} for {bytes:?}"),
    }
}

/// A ring opens under its own master key, and no longer once any row of it was touched (threats T60, T62).
fn check_ring(master: &MasterKey, choices: &mut Choices) {
    let random = TestRandom::seeded(3);
    let ring = Vault::new_ring(master, UnixMillis(1_700_000_000_000), &random);
    let open = |master: &MasterKey, rows: &[RingRow]| Vault::open(master, rows, &random).map(|_| ());
    assert_eq!(open(master, &ring), Ok(()));
    let other = MasterKey::generate(&TestRandom::seeded(4));
    if other.id() != master.id() {
        assert_eq!(open(&other, &ring), Err(VaultError::WrongMasterKey));
    }
    let at = choices.below(ring.len());
    let without: Vec<_> =
        ring.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, row)| row.clone()).collect();
    assert_eq!(open(master, &without), Err(VaultError::RingIncomplete));

    let mut changed = ring.clone();
    let Some(row) = changed.get_mut(at) else { return };
    match choices.below(4) {
        0 => row.id ^= 1 << choices.below(32),
        1 => row.created_at.0 ^= 1 << choices.below(63),
        2 => row.purpose = if row.purpose == Purpose::Data { Purpose::RowMark } else { Purpose::Data },
        _ => choices.change(&mut row.wrapped),
    }
    if changed != ring {
        assert_eq!(open(master, &changed), Err(VaultError::WrongMasterKey), "{changed:?}");
    }
}

/// Hexadecimal digits as bytes, two by two.
fn plain_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair.filter(|pair| !pair.contains('+'))?, 16).ok()).collect()
}
