//! The master key: its text form, its name, and what is no key.

use std::fmt;

use sha2::{Digest, Sha256};
use signing::encode::lower_hex;
use zeroize::Zeroizing;

use super::VaultError;
use crate::random::Randomness;

/// What the text form begins with.
pub(super) const PREFIX: &str = "keyward-master-key-1:";

/// The key that wraps the key ring. Wiped when dropped.
pub struct MasterKey {
    pub(super) key: Zeroizing<[u8; 32]>,
    pub(super) id: MasterKeyId,
}

/// Which master key wrapped a ring key: the first 8 bytes of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MasterKeyId(pub [u8; 8]);

impl fmt::Debug for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&lower_hex(&self.0))
    }
}

impl MasterKey {
    /// A new random key.
    pub fn generate(random: &dyn Randomness) -> Self {
        let mut key = Zeroizing::new([0u8; 32]);
        random.fill(key.as_mut_slice());
        Self::new(key)
    }

    fn new(key: Zeroizing<[u8; 32]>) -> Self {
        let mut id = [0u8; 8];
        for (to, from) in id.iter_mut().zip(Sha256::digest(key.as_slice())) {
            *to = from;
        }
        Self { key, id: MasterKeyId(id) }
    }

    /// Reads the text form; white space around it is ignored.
    ///
    /// # Errors
    /// [`VaultError::MasterKeyForm`], [`VaultError::MasterKeyTrivial`].
    pub fn from_text(text: &str) -> Result<Self, VaultError> {
        let digits = text.trim().strip_prefix(PREFIX).ok_or(VaultError::MasterKeyForm)?;
        let bytes = Zeroizing::new(from_hex(digits).ok_or(VaultError::MasterKeyForm)?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| VaultError::MasterKeyForm)?;
        let key = Zeroizing::new(key);
        if key.iter().all(|byte| Some(byte) == key.first()) {
            return Err(VaultError::MasterKeyTrivial);
        }
        Ok(Self::new(key))
    }

    /// The text form, as written to the master key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}\n", lower_hex(self.key.as_slice())))
    }

    /// Names this key without revealing it.
    pub const fn id(&self) -> MasterKeyId {
        self.id
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({:?})", self.id)
    }
}

/// Reads hexadecimal of either case; `None` for anything else.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?))
        .collect()
}
