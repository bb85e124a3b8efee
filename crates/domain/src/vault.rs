//! Sealing and opening: the one module that turns secrets into stored bytes and back (threats R1 to R14).
//!
//! A master key, kept outside the store, wraps every key in the key ring. Data keys seal secrets with AES-256-GCM; one MAC
//! key marks rows, one chains the audit. Formats, so that another program could open them:
//!
//! ```text
//! sealed  = 0x01 | data key id (u32 BE) | nonce (12) | ciphertext and tag
//!           associated data: "keyward/secret/1" | each binding field as u32 BE length and bytes
//! wrapped = 0x01 | nonce (12) | ciphertext and tag
//!           associated data: "keyward/ring/1" | ring id (u32 BE) | purpose (1) | created at (i64 BE, milliseconds)
//! backup  = header (64) | pieces of 1 MiB and a last one, each sealed; see `backup`
//! ```

mod backup;
mod master_key;

use std::collections::HashMap;
use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
pub use signing::encode::lower_hex as to_hex;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::clock::UnixMillis;
use crate::random::Randomness;
use crate::secret::Secret;
pub use backup::{BackupCipher, BackupHeader, Place};
pub(crate) use master_key::from_hex;
pub use master_key::{MasterKey, MasterKeyId};

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 12;

/// Seals under one data key after which a start makes a new one: far below 2^32, where random 96-bit nonces would begin
/// to repeat (threat T61).
pub const SEALS_PER_DATA_KEY: u64 = 1 << 30;

/// Why the vault could not do what was asked. Never carries key material.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The master key's text has another form.
    #[error("the master key must read `keyward-master-key-1:` and 64 hexadecimal digits")]
    MasterKeyForm,
    /// All bytes are equal: a blank, not a key (threat T62).
    #[error("the master key is one byte repeated; generate a real one")]
    MasterKeyTrivial,
    /// The store was sealed under another master key.
    #[error("this is not the master key of this store: it does not open the key ring")]
    WrongMasterKey,
    /// The key ring lacks a key that the store needs.
    #[error("the key ring of the store is incomplete")]
    RingIncomplete,
    /// Sealed bytes do not open: edited, moved to another row, or damaged.
    #[error("a sealed record does not open: it was edited, moved or damaged")]
    DoesNotOpen,
}

/// What a key of the ring is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Seals secrets.
    Data,
    /// Marks rows, so that an edited one is noticed.
    RowMark,
    /// Chains the audit.
    AuditChain,
}

impl Purpose {
    /// The stored number.
    pub const fn code(self) -> u8 {
        match self {
            Purpose::Data => 1,
            Purpose::RowMark => 2,
            Purpose::AuditChain => 3,
        }
    }

    /// Reads the stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Purpose::Data),
            2 => Some(Purpose::RowMark),
            3 => Some(Purpose::AuditChain),
            _ => None,
        }
    }
}

/// A wrapped key, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingRow {
    /// Number of the key in the ring.
    pub id: u32,
    /// What it is for.
    pub purpose: Purpose,
    /// Which master key wrapped it.
    pub master: MasterKeyId,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
    /// How many records it sealed.
    pub seals: u64,
    /// Since when it is there.
    pub created_at: UnixMillis,
}

/// What sealed bytes belong to. Opening them for anything else fails (threats R3, T60).
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// Kind of record, such as `access-key`.
    pub kind: &'static str,
    /// The record.
    pub record: &'a [u8; 16],
    /// Its account.
    pub account: &'a [u8; 16],
    /// Its owner.
    pub owner: &'a [u8; 16],
    /// The dialect that issued it.
    pub dialect: &'a str,
}

impl Binding<'_> {
    fn associated_data(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(112);
        out.extend_from_slice(b"keyward/secret/1");
        for field in [self.kind.as_bytes(), self.record, self.account, self.owner, self.dialect.as_bytes()] {
            push_field(&mut out, field);
        }
        out
    }
}

/// A 32-byte keyed mark over a row or an audit entry.
pub type Mark = [u8; 32];

/// The opened key ring.
pub struct Vault {
    data: HashMap<u32, Aes256Gcm>,
    active: u32,
    row_mark: Hmac<Sha256>,
    audit_chain: Zeroizing<[u8; 32]>,
    decoy: Vec<u8>,
}

impl Vault {
    /// A new ring for an empty store: the rows to keep.
    pub fn new_ring(master: &MasterKey, now: UnixMillis, random: &dyn Randomness) -> Vec<RingRow> {
        [Purpose::Data, Purpose::RowMark, Purpose::AuditChain]
            .into_iter()
            .zip(1..)
            .map(|(purpose, id)| Self::new_ring_key(master, id, purpose, now, random))
            .collect()
    }

    /// One more key for the ring.
    pub fn new_ring_key(
        master: &MasterKey,
        id: u32,
        purpose: Purpose,
        now: UnixMillis,
        random: &dyn Randomness,
    ) -> RingRow {
        let mut key = Zeroizing::new([0u8; 32]);
        random.fill(key.as_mut_slice());
        let wrapped = wrap_ring_key(master, (id, purpose, now), &key, random);
        RingRow { id, purpose, master: master.id, wrapped, seals: 0, created_at: now }
    }

    /// The same ring as `to` wraps it: what a rotation of the master key writes. No sealed record changes.
    ///
    /// # Errors
    /// [`VaultError::WrongMasterKey`] unless `from` opens every row.
    pub fn rewrap(
        from: &MasterKey,
        to: &MasterKey,
        rows: &[RingRow],
        random: &dyn Randomness,
    ) -> Result<Vec<RingRow>, VaultError> {
        let rewrap = |row: &RingRow| {
            let key = unwrap_ring_key(from, row)?;
            let wrapped = wrap_ring_key(to, (row.id, row.purpose, row.created_at), &key, random);
            Ok(RingRow { master: to.id, wrapped, ..row.clone() })
        };
        rows.iter().map(rewrap).collect()
    }

    /// Opens the ring of a store.
    ///
    /// # Errors
    /// [`VaultError::WrongMasterKey`] when a row names another master key or does not open,
    /// [`VaultError::RingIncomplete`] when a purpose has no key.
    pub fn open(master: &MasterKey, rows: &[RingRow], random: &dyn Randomness) -> Result<Self, VaultError> {
        let mut data = HashMap::new();
        let (mut active, mut row_mark, mut audit_chain) = (None, None, None);
        for row in rows {
            let key = unwrap_ring_key(master, row)?;
            match row.purpose {
                Purpose::Data => {
                    data.insert(row.id, cipher(&key));
                    active = active.max(Some(row.id));
                }
                Purpose::RowMark => row_mark = Some(key),
                Purpose::AuditChain => audit_chain = Some(key),
            }
        }
        let (Some(active), Some(row_mark), Some(audit_chain)) = (active, row_mark, audit_chain) else {
            return Err(VaultError::RingIncomplete);
        };
        let mut vault =
            Self { data, active, row_mark: keyed(row_mark.as_slice()), audit_chain, decoy: Vec::new() };
        let mut noise = vec![0u8; 40];
        random.fill(&mut noise);
        vault.decoy = vault.seal(&DECOY, &Secret::new(noise), random)?;
        Ok(vault)
    }

    /// Number of the data key that seals now.
    pub const fn active_data_key(&self) -> u32 {
        self.active
    }

    /// Seals `secret` for the record that `binding` names.
    ///
    /// # Errors
    /// [`VaultError::RingIncomplete`] when the active key is missing, which opening rules out.
    pub fn seal(
        &self,
        binding: &Binding<'_>,
        secret: &Secret,
        random: &dyn Randomness,
    ) -> Result<Vec<u8>, VaultError> {
        let cipher = self.data.get(&self.active).ok_or(VaultError::RingIncomplete)?;
        let nonce = fresh_nonce(random);
        let aad = binding.associated_data();
        let sealed = cipher
            .encrypt(&Nonce::from(nonce), Payload { msg: secret.expose(), aad: &aad })
            .map_err(|_| VaultError::DoesNotOpen)?;
        let mut out = Vec::with_capacity(1 + 4 + NONCE_BYTES + sealed.len());
        out.push(FORMAT);
        out.extend_from_slice(&self.active.to_be_bytes());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`Self::seal`] made for the same binding.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] for anything else. The record is then unusable, never empty (threats R7, T19).
    pub fn open_sealed(&self, binding: &Binding<'_>, sealed: &[u8]) -> Result<Secret, VaultError> {
        let (head, ciphertext) =
            sealed.split_at_checked(1 + 4 + NONCE_BYTES).ok_or(VaultError::DoesNotOpen)?;
        let (&FORMAT, rest) = head.split_first().ok_or(VaultError::DoesNotOpen)? else {
            return Err(VaultError::DoesNotOpen);
        };
        let (id, nonce) = rest.split_first_chunk::<4>().ok_or(VaultError::DoesNotOpen)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| VaultError::DoesNotOpen)?;
        let cipher = self.data.get(&u32::from_be_bytes(*id)).ok_or(VaultError::DoesNotOpen)?;
        let aad = binding.associated_data();
        cipher
            .decrypt(&Nonce::from(nonce), Payload { msg: ciphertext, aad: &aad })
            .map(Secret::new)
            .map_err(|_| VaultError::DoesNotOpen)
    }

    /// A secret that belongs to nobody, opened at the same cost as a real one: work for a key that does not exist, so
    /// that time does not tell (threat T54).
    pub fn open_decoy(&self) -> Secret {
        self.open_sealed(&DECOY, &self.decoy).unwrap_or_else(|_| Secret::new(vec![0; 40]))
    }

    /// The mark of a row.
    pub fn mark(&self, input: &MarkInput) -> Mark {
        let mut mac = self.row_mark.clone();
        mac.update(&input.0);
        mac.finalize().into_bytes().into()
    }

    /// Whether a row carries the mark that this installation gave it.
    pub fn is_marked(&self, input: &MarkInput, mark: &Mark) -> bool {
        same(&self.mark(input), mark)
    }

    /// The key of the audit chain.
    pub fn audit_key(&self) -> AuditKey {
        AuditKey(keyed(self.audit_chain.as_slice()))
    }

    /// A keyed hash of a signature for the audit: equal signatures are seen to be equal, and nobody can turn it back
    /// (threat T24).
    pub fn signature_tag(&self, signature: &[u8]) -> String {
        let mut mac = self.row_mark.clone();
        mac.update(b"signature");
        mac.update(signature);
        to_hex(mac.finalize().into_bytes().get(..8).unwrap_or_default())
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} data keys)", self.data.len())
    }
}

/// The key that chains audit rows.
#[derive(Clone)]
pub struct AuditKey(Hmac<Sha256>);

impl AuditKey {
    /// The mark of an entry that follows `previous`.
    pub fn link(&self, previous: &Mark, input: &MarkInput) -> Mark {
        let mut mac = self.0.clone();
        mac.update(previous);
        mac.update(&input.0);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey(redacted)")
    }
}

/// The fields of a row in one unambiguous line of bytes: each with its length in front.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarkInput(Vec<u8>);

impl MarkInput {
    /// Starts with the kind of record.
    pub fn new(kind: &str) -> Self {
        let mut input = Self(Vec::with_capacity(256));
        push_field(&mut input.0, kind.as_bytes());
        input
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        push_field(&mut self.0, bytes);
        self
    }

    /// Adds text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Adds text that may be absent; absent differs from empty.
    #[must_use]
    pub fn maybe_text(self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.number(1).text(text),
            None => self.number(0),
        }
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, number: i64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Adds a number that may be absent; absent differs from every number.
    #[must_use]
    pub fn maybe(self, number: Option<i64>) -> Self {
        match number {
            Some(number) => self.number(number),
            None => self.bytes(&[]),
        }
    }
}

/// Constant-time equality: the only comparison of marks.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

const DECOY: Binding<'static> =
    Binding { kind: "decoy", record: &[0; 16], account: &[0; 16], owner: &[0; 16], dialect: "none" };

/// Which data key sealed this; `None` for bytes of another form.
pub fn sealed_under(sealed: &[u8]) -> Option<u32> {
    let (&FORMAT, rest) = sealed.split_first()? else { return None };
    rest.first_chunk::<4>().map(|id| u32::from_be_bytes(*id))
}

fn wrap_ring_key(
    master: &MasterKey,
    (id, purpose, created_at): (u32, Purpose, UnixMillis),
    key: &[u8; 32],
    random: &dyn Randomness,
) -> Vec<u8> {
    let nonce = fresh_nonce(random);
    let mut wrapped = vec![FORMAT];
    wrapped.extend_from_slice(&nonce);
    let aad = ring_associated_data(id, purpose, created_at);
    // AES-GCM refuses only messages of more than 64 GiB.
    if let Ok(sealed) = cipher(&master.key).encrypt(&Nonce::from(nonce), Payload { msg: key, aad: &aad }) {
        wrapped.extend_from_slice(&sealed);
    }
    wrapped
}

fn unwrap_ring_key(master: &MasterKey, row: &RingRow) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    if row.master != master.id {
        return Err(VaultError::WrongMasterKey);
    }
    let (&FORMAT, rest) = row.wrapped.split_first().ok_or(VaultError::WrongMasterKey)? else {
        return Err(VaultError::WrongMasterKey);
    };
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::WrongMasterKey)?;
    let aad = ring_associated_data(row.id, row.purpose, row.created_at);
    let key = cipher(&master.key)
        .decrypt(&Nonce::from(*nonce), Payload { msg: ciphertext, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| VaultError::WrongMasterKey)?;
    let key: [u8; 32] = key.as_slice().try_into().map_err(|_| VaultError::WrongMasterKey)?;
    Ok(Zeroizing::new(key))
}

fn ring_associated_data(id: u32, purpose: Purpose, created_at: UnixMillis) -> Vec<u8> {
    let mut out = b"keyward/ring/1".to_vec();
    out.extend_from_slice(&id.to_be_bytes());
    out.push(purpose.code());
    out.extend_from_slice(&created_at.0.to_be_bytes());
    out
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length, so the fallback is never reached; it keeps the function total.
    <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key)
        .unwrap_or_else(|_| hmac::KeyInit::new(&Default::default()))
}

fn fresh_nonce(random: &dyn Randomness) -> [u8; NONCE_BYTES] {
    let mut nonce = [0u8; NONCE_BYTES];
    random.fill(&mut nonce);
    nonce
}

fn push_field(out: &mut Vec<u8>, field: &[u8]) {
    let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(field);
}

#[cfg(test)]
mod tests;
