//! The chain of audit entries as a store hands it back, honest or not.

use std::sync::LazyLock;

use domain::audit::{AuditChain, AuditEntry, AuditRow, ChainBreak, ChainCheck};
use domain::clock::UnixMillis;
use domain::id::{AccountUuid, KeyId, NodeId, RequestId, UserUuid};
use domain::testing::TestRandom;
use domain::vault::{AuditKey, MasterKey, Vault};

use crate::choices::Choices;

static KEY: LazyLock<AuditKey> = LazyLock::new(|| {
    let random = TestRandom::seeded(5);
    let master = MasterKey::generate(&random);
    let ring = Vault::new_ring(&master, UnixMillis(0), &random);
    Vault::open(&master, &ring, &random).expect("a new ring opens").audit_key()
});

const NODE: NodeId = NodeId::from_bytes(*b"node-of-16-bytes");

/// Audit chains: an honest one passes; whatever is edited, dropped, doubled or moved, the check stops there (threat T105).
pub fn audit_chain(data: &[u8]) {
    let mut chain = AuditChain::start(KEY.clone(), NODE);
    let mut fields = Fields(data.split(|&byte| byte == b'\n').collect());
    let mut rows = Vec::new();
    while !fields.0.is_empty() && rows.len() < 8 {
        rows.push(chain.append(fields.entry()));
    }
    let mut check = ChainCheck::start(KEY.clone(), NODE);
    assert_eq!(rows.iter().try_for_each(|row| check.next(row)), Ok(()));
    assert_eq!(check.head(), chain.head());

    let mut choices = Choices::of(data);
    for _ in 0..4 {
        let mut stored = rows.clone();
        let Some(at) = tamper(&mut stored, &mut choices) else { continue };
        // Of rows cut off at the end nothing can be known here: only a head kept elsewhere shows it.
        let is_cut = rows.starts_with(&stored);
        let broken = breaks(&stored);
        assert!(is_cut || broken.first() == Some(&at), "{broken:?} and not {at}: {stored:?}");
        assert!(broken.len() <= 4, "one deed, and so many breaks: {broken:?} in {stored:?}");
    }
}

/// The indexes of the rows that the check refuses.
fn breaks(rows: &[AuditRow]) -> Vec<usize> {
    let mut check = ChainCheck::start(KEY.clone(), NODE);
    let is_broken: Vec<_> = rows.iter().map(|row| check.next(row).is_err()).collect();
    let mut other = ChainCheck::start(KEY.clone(), NodeId::from_bytes([0; 16]));
    let foreign = rows.first().map(|row| other.next(row));
    assert!(!matches!(foreign, Some(Ok(()) | Err(ChainBreak::Edited { .. }))), "another node's row");
    is_broken.iter().enumerate().filter(|(_, broken)| **broken).map(|(at, _)| at).collect()
}

/// Does what somebody who can write to the store could do; gives the index where the rows first differ.
fn tamper(rows: &mut Vec<AuditRow>, choices: &mut Choices) -> Option<usize> {
    let honest = rows.clone();
    let at = choices.below(rows.len());
    let row = rows.get_mut(at)?;
    match choices.below(8) {
        0 => drop(rows.remove(at)),
        1 => {
            let again = row.clone();
            rows.insert(at, again);
        }
        2 => rows.swap(at, choices.below(honest.len())),
        3 => row.seq = choices.one_of(&[0, row.seq ^ 1, row.seq ^ (1 << 63), u64::MAX]).copied()?,
        4 => row.mark.iter_mut().skip(choices.below(32)).take(1).for_each(|byte| *byte ^= choices.byte()),
        5 => row.node = NodeId::from_bytes(std::array::from_fn(|_| choices.byte())),
        _ => edit(&mut row.entry, choices),
    }
    let differs = honest.iter().zip(rows.iter()).position(|(one, other)| one != other);
    differs.or((rows.len() != honest.len()).then_some(rows.len().min(honest.len())))
}

fn edit(entry: &mut AuditEntry, choices: &mut Choices) {
    let text = |text: &mut String, choices: &mut Choices| choices.change_text(text);
    match choices.below(11) {
        0 => entry.at.0 ^= 1 << choices.below(64),
        1 => entry.account = AccountUuid::from_bytes([choices.byte(); 16]),
        2 => entry.actor = entry.actor.is_none().then(|| UserUuid::from_bytes([choices.byte(); 16])),
        3 => {
            entry.actor_key = entry
                .actor_key
                .is_none()
                .then(|| KeyId::new(choices.one_of(&["", "k"]).copied().unwrap_or_default()))
        }
        4 => entry.request = entry.request.is_none().then(|| RequestId::from_bytes([choices.byte(); 16])),
        5 => {
            entry.source = entry
                .source
                .is_none()
                .then(|| choices.one_of(&["", "::1"]).copied().unwrap_or_default().to_owned())
        }
        6 => text(entry.dialect.to_mut(), choices),
        7 => text(entry.action.to_mut(), choices),
        8 => entry.object = [choices.byte(); 16],
        9 => entry.object_version ^= 1 << choices.below(64),
        // From one field into the next: nothing may be won by where a text ends.
        _ => {
            entry.detail = [entry.action.as_ref(), &entry.detail].concat();
            entry.action = "".into();
        }
    }
}

/// Lines of the input, taken as the fields of entries.
struct Fields<'a>(Vec<&'a [u8]>);

impl Fields<'_> {
    fn bytes(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default().to_vec()
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn optional_text(&mut self) -> Option<String> {
        Some(self.text()).filter(|text| text != "-")
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let bytes = self.bytes();
        std::array::from_fn(|at| bytes.get(at).copied().unwrap_or_default())
    }

    fn entry(&mut self) -> AuditEntry {
        AuditEntry {
            at: UnixMillis(i64::from_be_bytes(self.array())),
            account: AccountUuid::from_bytes(self.array()),
            actor: self.optional_text().map(|_| UserUuid::from_bytes(self.array())),
            actor_key: self.optional_text().map(KeyId::new),
            request: self.optional_text().map(|_| RequestId::from_bytes(self.array())),
            source: self.optional_text(),
            dialect: self.text().into(),
            action: self.text().into(),
            object: self.array(),
            object_version: u64::from_be_bytes(self.array()),
            detail: self.text(),
        }
    }
}
