//! From a secret and a string to sign to the text of a signature, and the one comparison of such texts.
//!
//! Every scheme of this crate is one of the few [`Mac`] shapes below; what differs otherwise is the string to sign.

use hmac::{Hmac, KeyInit, Mac as _};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::encode::{base64, is_base64, is_lower_hex, lower_hex};

/// Whether two signature texts are equal, in time that depends on their lengths only (threat T55).
///
/// The only comparison of signatures in this crate. Lengths may leak: they are public, each scheme has one.
pub fn same_signature(expected: &[u8], given: &[u8]) -> bool {
    expected.ct_eq(given).into()
}

/// The hash function behind a signature, for keys that demand a minimum (threat T15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hash {
    /// SHA-1: scloud always, Tencent version 1 unless asked otherwise.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// How a scheme turns a secret and a text into a signature.
#[derive(Debug, Clone)]
pub(crate) enum Mac {
    /// Lower-case hex of SHA-1 over the text followed by the secret.
    Sha1Suffix,
    /// Base64 of HMAC-SHA1.
    Sha1Base64,
    /// Base64 of HMAC-SHA256.
    Sha256Base64,
    /// Lower-case hex of HMAC-SHA256.
    Sha256Hex,
    /// Lower-case hex of HMAC-SHA256 under a key derived from prefix + secret through one HMAC per element of the scope.
    DerivedSha256Hex { prefix: &'static str, scope: Vec<String> },
}

/// A [`Mac`] with its secret put in, ready to sign any number of texts.
pub(crate) enum Keyed<'s> {
    Sha1Suffix(&'s [u8]),
    Sha1Base64(Hmac<Sha1>),
    Sha256Base64(Hmac<Sha256>),
    Sha256Hex(Hmac<Sha256>),
}

impl Mac {
    pub(crate) fn hash(&self) -> Hash {
        match self {
            Self::Sha1Suffix | Self::Sha1Base64 => Hash::Sha1,
            Self::Sha256Base64 | Self::Sha256Hex | Self::DerivedSha256Hex { .. } => Hash::Sha256,
        }
    }

    /// Whether `signature` has the exact length and alphabet that this shape writes (threat T16).
    pub(crate) fn has_form(&self, signature: &[u8]) -> bool {
        match self {
            Self::Sha1Suffix => is_lower_hex(signature, 40),
            Self::Sha1Base64 => is_base64(signature, 20),
            Self::Sha256Base64 => is_base64(signature, 32),
            Self::Sha256Hex | Self::DerivedSha256Hex { .. } => is_lower_hex(signature, 64),
        }
    }

    pub(crate) fn keyed<'s>(&self, secret: &'s [u8]) -> Keyed<'s> {
        match self {
            Self::Sha1Suffix => Keyed::Sha1Suffix(secret),
            Self::Sha1Base64 => Keyed::Sha1Base64(hmac_sha1(secret)),
            Self::Sha256Base64 => Keyed::Sha256Base64(hmac_sha256(secret)),
            Self::Sha256Hex => Keyed::Sha256Hex(hmac_sha256(secret)),
            Self::DerivedSha256Hex { prefix, scope } => Keyed::Sha256Hex(derived(prefix, secret, scope)),
        }
    }
}

impl Keyed<'_> {
    /// The signature of `text` in the scheme's own spelling.
    pub(crate) fn sign(&self, text: &[u8]) -> String {
        match self {
            Self::Sha1Suffix(secret) => {
                lower_hex(&Sha1::new().chain_update(text).chain_update(secret).finalize())
            }
            Self::Sha1Base64(mac) => base64(&mac.clone().chain_update(text).finalize().into_bytes()),
            Self::Sha256Base64(mac) => base64(&mac.clone().chain_update(text).finalize().into_bytes()),
            Self::Sha256Hex(mac) => lower_hex(&mac.clone().chain_update(text).finalize().into_bytes()),
        }
    }
}

/// A key padded to the block of SHA-1 and SHA-256 as RFC 2104 says. Doing it here, rather than in the general constructor
/// of the `hmac` crate, leaves no error to handle: HMAC takes keys of any length.
fn block_key<D: Digest>(secret: &[u8]) -> Zeroizing<[u8; 64]> {
    let mut block = Zeroizing::new([0; 64]);
    let hashed;
    let source = if secret.len() > block.len() {
        hashed = D::digest(secret);
        hashed.as_slice()
    } else {
        secret
    };
    for (slot, byte) in block.iter_mut().zip(source) {
        *slot = *byte;
    }
    block
}

fn hmac_sha1(secret: &[u8]) -> Hmac<Sha1> {
    Hmac::new((&*block_key::<Sha1>(secret)).into())
}

fn hmac_sha256(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new((&*block_key::<Sha256>(secret)).into())
}

fn derived(prefix: &str, secret: &[u8], scope: &[String]) -> Hmac<Sha256> {
    let mut first = Zeroizing::new(Vec::with_capacity(prefix.len() + secret.len()));
    first.extend_from_slice(prefix.as_bytes());
    first.extend_from_slice(secret);
    let mut mac = hmac_sha256(&first);
    for element in scope {
        let key = Zeroizing::new(<[u8; 32]>::from(mac.chain_update(element).finalize().into_bytes()));
        mac = hmac_sha256(key.as_slice());
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 case 6 and RFC 4231 cases 2 and 6: short keys, and keys longer than a block.
    #[test]
    fn hmac_gives_the_published_answers() {
        let long = [0xaa; 131];
        let text = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let sha256 = |key: &[u8], text: &[u8]| Mac::Sha256Hex.keyed(key).sign(text);
        assert_eq!(
            sha256(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(sha256(&long, text), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
        let sha1 = hmac_sha1(&[0xaa; 80]).chain_update(text).finalize().into_bytes();
        assert_eq!(lower_hex(&sha1), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    }

    #[test]
    fn comparison_wants_equal_length_and_every_byte() {
        assert!(same_signature(b"abc", b"abc"));
        assert!(!same_signature(b"abc", b"abd"));
        assert!(!same_signature(b"abc", b"ab"));
        assert!(!same_signature(b"abc", b""));
    }
}
