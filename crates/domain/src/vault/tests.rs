//! Known answers made by an independent implementation (Python's `cryptography` and `hmac`, from the format in the head of
//! the module), and everything that must not open.

use super::master_key::{PREFIX as MASTER_PREFIX, from_hex};
use super::*;
use crate::testing::TestRandom;

const RING: [(u32, Purpose, &str); 3] = [
    (
        1,
        Purpose::Data,
        "0101010101010101010101010136a8cf508725af011fce605ba8950a71e457aa26997243969a0a5bddf450cedcc4ac6539e054949b2ec07d754e3e4d91",
    ),
    (
        2,
        Purpose::RowMark,
        "01020202020202020202020202b0062aaf2efd1c4b65d6ced8414358b13db00c4d3458572c8b954972f8991c3f8e6b781e11dd0d04998e5eb1d0f64d52",
    ),
    (
        3,
        Purpose::AuditChain,
        "01030303030303030303030303dea528e00491d5436823f3919b1e2a427f9b7d724dd1dc10bbf4f36b3d3800fec8d2d71ceb5fdbe3703e4f88c71a2064",
    ),
];
const SEALED: &str = "0100000001090909090909090909090909f7ddf30ae5616ccc5f47f4d083a5b09823ec3a9d97f24366c0111336286754870c1e9a77e4618e03ecf6765e";
const BINDING: Binding<'static> = Binding {
    kind: "access-key",
    record: &[0xa1; 16],
    account: &[0xa2; 16],
    owner: &[0xa3; 16],
    dialect: "scloud",
};

fn master() -> MasterKey {
    let text = format!("{MASTER_PREFIX}0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20");
    MasterKey::from_text(&text).unwrap()
}

fn rows() -> Vec<RingRow> {
    let row = |(id, purpose, wrapped): (u32, Purpose, &str)| RingRow {
        id,
        purpose,
        master: master().id(),
        wrapped: from_hex(wrapped).unwrap(),
        seals: 0,
        created_at: UnixMillis(0),
    };
    RING.map(row).to_vec()
}

fn vault() -> Vault {
    Vault::open(&master(), &rows(), &TestRandom::seeded(1)).unwrap()
}

#[test]
fn another_implementation_agrees() {
    assert_eq!(format!("{:?}", master()), "MasterKey(ae216c2ef5247a37)");
    let secret = vault().open_sealed(&BINDING, &from_hex(SEALED).unwrap()).unwrap();
    assert_eq!(secret.expose(), b"correct horse battery staple");
    let input = MarkInput::new("access-key").text("bob").number(-7).maybe(None);
    let mark = vault().mark(&input);
    assert_eq!(to_hex(&mark), "9fc827c4a5e4d7f64d71a6c329b50885ba4bd3461815d12683e22b333609e15f");
    let link = vault().audit_key().link(&[0; 32], &input);
    assert_eq!(to_hex(&link), "efc708a8ba054b22c977973272269b4799ee1a428aa4ff2849e3228d0434ebd7");
}

#[test]
fn what_was_sealed_opens_for_its_own_record_only() {
    let vault = vault();
    let random = TestRandom::seeded(2);
    let sealed = vault.seal(&BINDING, &Secret::new(b"s3cret".to_vec()), &random).unwrap();
    assert_eq!(vault.open_sealed(&BINDING, &sealed).unwrap().expose(), b"s3cret");
    for moved in [
        Binding { kind: "token", ..BINDING },
        Binding { record: &[0; 16], ..BINDING },
        Binding { account: &[0; 16], ..BINDING },
        Binding { owner: &[0; 16], ..BINDING },
        Binding { dialect: "samsung", ..BINDING },
    ] {
        assert_eq!(vault.open_sealed(&moved, &sealed).unwrap_err(), VaultError::DoesNotOpen);
    }
}

#[test]
fn no_changed_byte_and_no_prefix_opens() {
    let vault = vault();
    let good = from_hex(SEALED).unwrap();
    for at in 0..good.len() {
        assert!(vault.open_sealed(&BINDING, &good[..at]).is_err(), "prefix of {at}");
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            assert!(vault.open_sealed(&BINDING, &bad).is_err(), "byte {at} bit {bit}");
        }
    }
    assert!(vault.open_sealed(&BINDING, &[good.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn t62_only_the_right_master_key_opens_a_ring() {
    let random = TestRandom::seeded(3);
    let other = MasterKey::generate(&random);
    assert_eq!(Vault::open(&other, &rows(), &random).unwrap_err(), VaultError::WrongMasterKey);
    let mut swapped = rows();
    swapped[0].wrapped = rows()[1].wrapped.clone();
    assert_eq!(Vault::open(&master(), &swapped, &random).unwrap_err(), VaultError::WrongMasterKey);
    assert_eq!(Vault::open(&master(), &rows()[..2], &random).unwrap_err(), VaultError::RingIncomplete);
    assert_eq!(Vault::open(&master(), &[], &random).unwrap_err(), VaultError::RingIncomplete);
}

#[test]
fn t62_a_master_key_has_one_form_and_is_no_blank() {
    let text = |digits: &str| MasterKey::from_text(&format!("{MASTER_PREFIX}{digits}")).map(|key| key.id());
    let good = "00".repeat(31) + "01";
    assert!(text(&good).is_ok());
    assert!(MasterKey::from_text(&MasterKey::generate(&TestRandom::seeded(4)).to_text()).is_ok());
    for blank in ["00", "ff", "2a"] {
        assert_eq!(text(&blank.repeat(32)).unwrap_err(), VaultError::MasterKeyTrivial);
    }
    for bad in ["", "00", &good[1..], &format!("{good}00"), &good.replace('1', "g"), &good.replace("01", "é")]
    {
        assert_eq!(text(bad).unwrap_err(), VaultError::MasterKeyForm, "{bad}");
    }
    assert_eq!(MasterKey::from_text(&good).unwrap_err(), VaultError::MasterKeyForm);
}

#[test]
fn a_made_ring_opens_and_a_second_data_key_takes_over() {
    let random = TestRandom::seeded(5);
    let master = MasterKey::generate(&random);
    let mut rows = Vault::new_ring(&master, UnixMillis(1), &random);
    let first = Vault::open(&master, &rows, &random).unwrap();
    let sealed = first.seal(&BINDING, &Secret::new(b"old".to_vec()), &random).unwrap();
    rows.push(Vault::new_ring_key(&master, 4, Purpose::Data, UnixMillis(2), &random));
    let second = Vault::open(&master, &rows, &random).unwrap();
    assert_eq!(second.active_data_key(), 4);
    assert_eq!(second.open_sealed(&BINDING, &sealed).unwrap().expose(), b"old");
    let fresh = second.seal(&BINDING, &Secret::new(b"new".to_vec()), &random).unwrap();
    assert!(first.open_sealed(&BINDING, &fresh).is_err(), "the first ring has no such key");
}

#[test]
fn nothing_secret_is_printed() {
    let random = TestRandom::seeded(6);
    let shown = format!(
        "{:?} {:?} {:?} {:?}",
        Secret::new(b"s3cret".to_vec()),
        crate::secret::Reveal::new(Secret::new(b"s3cret".to_vec())),
        vault(),
        vault().audit_key(),
    );
    assert!(!shown.contains("s3cret"), "{shown}");
    let key = MasterKey::generate(&random);
    assert!(!format!("{key:?}").contains(&key.to_text().as_str()[MASTER_PREFIX.len()..][..64]));
}

#[test]
fn marks_tell_fields_apart() {
    let vault = vault();
    let marks = [
        MarkInput::new("a").text("bc"),
        MarkInput::new("ab").text("c"),
        MarkInput::new("a").text("b").text("c"),
        MarkInput::new("a").text("bc").maybe(None),
        MarkInput::new("a").text("bc").number(0),
    ]
    .map(|input| vault.mark(&input));
    for (at, mark) in marks.iter().enumerate() {
        assert!(marks[..at].iter().all(|other| !same(other, mark)));
    }
}

#[test]
fn a_rewrapped_ring_holds_the_same_keys_under_the_other_master_key_only() {
    let random = TestRandom::seeded(11);
    let (old, new) = (master(), MasterKey::generate(&random));
    let rewrapped = Vault::rewrap(&old, &new, &rows(), &random).unwrap();
    assert!(Vault::open(&old, &rewrapped, &random).is_err(), "the old master key is refused afterwards");
    let vault = Vault::open(&new, &rewrapped, &random).unwrap();
    let secret = vault.open_sealed(&BINDING, &from_hex(SEALED).unwrap()).unwrap();
    assert_eq!(secret.expose(), b"correct horse battery staple");
    let input = MarkInput::new("access-key").text("bob");
    assert_eq!(vault.mark(&input), self::vault().mark(&input));
    assert_eq!(vault.audit_key().link(&[1; 32], &input), self::vault().audit_key().link(&[1; 32], &input));
    for (before, after) in rows().iter().zip(&rewrapped) {
        let kept = RingRow { master: before.master, wrapped: before.wrapped.clone(), ..after.clone() };
        assert_eq!(kept, *before);
        assert_ne!(after.wrapped, before.wrapped);
    }
    assert!(matches!(Vault::rewrap(&new, &old, &rows(), &random), Err(VaultError::WrongMasterKey)));
}
