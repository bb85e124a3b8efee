//! Reading an OpenSSH public key: one line of text, and the blob in it. Strict: what is accepted here ends up in an
//! `authorized_keys` answer, so nothing may pass that another reader could take for something else (threats T88, T89).
//!
//! The formats are those of RFC 4253 (section 6.6), RFC 5656, RFC 8709 and OpenSSH's `PROTOCOL.u2f`.

use sha2::{Digest, Sha256};
use signing::encode;

use super::{base64, curve, weak};

/// Longest text of a key, in characters: room for RSA of 16384 bits and a comment.
pub const KEY_CHARS: usize = 5_000;
/// Longest application of a security key, in bytes.
const APPLICATION_BYTES: usize = 255;

macro_rules! types {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// The types of keys that are accepted. DSA and certificates are not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum SshKeyType {
            $($(#[$doc])* $variant,)*
        }

        impl SshKeyType {
            /// Every type.
            pub const ALL: &'static [SshKeyType] = &[$(SshKeyType::$variant,)*];

            /// The word in the line, in the blob and in the store.
            pub const fn as_str(self) -> &'static str {
                match self { $(SshKeyType::$variant => $text,)* }
            }
        }
    };
}

types! {
    /// Ed25519 (RFC 8709).
    Ed25519 = "ssh-ed25519";
    /// ECDSA on P-256 (RFC 5656).
    EcdsaP256 = "ecdsa-sha2-nistp256";
    /// ECDSA on P-384.
    EcdsaP384 = "ecdsa-sha2-nistp384";
    /// ECDSA on P-521.
    EcdsaP521 = "ecdsa-sha2-nistp521";
    /// RSA (RFC 4253).
    Rsa = "ssh-rsa";
    /// Ed25519 in a security key (`PROTOCOL.u2f`).
    SkEd25519 = "sk-ssh-ed25519@openssh.com";
    /// ECDSA on P-256 in a security key.
    SkEcdsaP256 = "sk-ecdsa-sha2-nistp256@openssh.com";
}

impl SshKeyType {
    /// Reads the word; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// Why a text is not a key that is accepted. None of them repeats any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Longer than [`KEY_CHARS`].
    #[error("has at most 5000 characters")]
    TooLong,
    /// More than one line, or none.
    #[error("must be one line")]
    NotOneLine,
    /// A private key (threat T89).
    #[error("is a private key; hand in the public one, and stop using this one")]
    Private,
    /// Not `<type> <base64> [comment]`; options in front end here too.
    #[error("must read `<type> <base64> [comment]`, with nothing in front")]
    Form,
    /// A type that is not accepted.
    #[error("is of a type that is not accepted")]
    Type,
    /// The comment holds control characters.
    #[error("has a comment with control characters")]
    Comment,
    /// Not strict base64.
    #[error("is not base64")]
    Base64,
    /// The blob is not one of its type: fields, lengths, points, or bytes that are left over.
    #[error("is damaged: its inner form is not that of its type")]
    Blob,
    /// It can be broken (threat T87).
    #[error("is weak: {0}")]
    Weak(Weakness),
}

/// Why a well-formed key must not be used (threat T87).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// RSA of fewer than 2048 bits.
    #[error("RSA needs at least 2048 bits")]
    TooShort,
    /// RSA of more than 16384 bits, which nothing uses and every check of which takes long.
    #[error("RSA has at most 16384 bits")]
    TooBig,
    /// An exponent that is even, 1, or absurdly large.
    #[error("its exponent is not a good one")]
    Exponent,
    /// The modulus is even or has a small factor.
    #[error("its modulus has a small factor")]
    SmallFactor,
    /// Made by the library of CVE-2017-15361 (ROCA).
    #[error("it was made by a faulty library (CVE-2017-15361)")]
    Roca,
    /// Its primes lie so close together that Fermat's method finds them (CVE-2022-26320).
    #[error("its primes are too close together")]
    ClosePrimes,
    /// It is in the list of known keys.
    #[error("it is in the list of compromised keys")]
    Listed,
}

/// A public key that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its type.
    pub kind: SshKeyType,
    /// The decoded blob: what the key is, whatever surrounds it.
    pub blob: Vec<u8>,
    /// The comment; empty when there is none.
    pub comment: String,
}

/// A SHA-256 over the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of a blob.
    pub fn of(blob: &[u8]) -> Self {
        Self(Sha256::digest(blob).into())
    }

    /// Reads what [`Display`](std::fmt::Display) writes, which is what `ssh-keygen -l` and sshd print; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("SHA256:")?;
        let bytes = base64::decode(format!("{digits}=").as_bytes())?;
        bytes.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SHA256:{}", encode::base64(&self.0).trim_end_matches('='))
    }
}

impl PublicKey {
    /// Reads one line `<type> <base64> [comment]`. Blanks around it and one final line end are passed over.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        if text.contains("PRIVATE KEY") {
            return Err(BadKey::Private);
        }
        if text.chars().count() > KEY_CHARS {
            return Err(BadKey::TooLong);
        }
        let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        if line.contains(['\n', '\r']) {
            return Err(BadKey::NotOneLine);
        }
        let blank = |c: char| c == ' ' || c == '\t';
        let line = line.trim_matches(blank);
        if line.is_empty() {
            return Err(BadKey::NotOneLine);
        }
        let (word, rest) = line.split_once(blank).ok_or(BadKey::Form)?;
        let rest = rest.trim_start_matches(blank);
        let (code, comment) = rest.split_once(blank).unwrap_or((rest, ""));
        let comment = comment.trim_start_matches(blank);
        let kind = SshKeyType::parse(word).ok_or_else(|| {
            // A word with these is no type of anything: options, or a line of another file.
            if word.contains(['"', '=', ',', ':', '*']) { BadKey::Form } else { BadKey::Type }
        })?;
        if comment.chars().any(char::is_control) {
            return Err(BadKey::Comment);
        }
        let blob = base64::decode(code.as_bytes()).ok_or(BadKey::Base64)?;
        check_blob(kind, &blob)?;
        Ok(Self { kind, blob, comment: comment.to_owned() })
    }

    /// Its fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.blob)
    }
}

/// Type and blob as a line for `authorized_keys`, written anew from what was understood (threat T89).
pub fn line(kind: SshKeyType, blob: &[u8]) -> String {
    format!("{} {}", kind.as_str(), encode::base64(blob))
}

/// Whether `blob` is a good key of that type and of no other.
///
/// # Errors
/// [`BadKey::Blob`], [`BadKey::Weak`].
pub fn check_blob(kind: SshKeyType, blob: &[u8]) -> Result<(), BadKey> {
    let mut fields = Fields(blob);
    if fields.next()? != kind.as_str().as_bytes() {
        return Err(BadKey::Blob);
    }
    match kind {
        SshKeyType::Ed25519 => fields.ed25519()?,
        SshKeyType::EcdsaP256 => fields.ecdsa(&curve::P256)?,
        SshKeyType::EcdsaP384 => fields.ecdsa(&curve::P384)?,
        SshKeyType::EcdsaP521 => fields.ecdsa(&curve::P521)?,
        SshKeyType::SkEd25519 => {
            fields.ed25519()?;
            fields.application()?;
        }
        SshKeyType::SkEcdsaP256 => {
            fields.ecdsa(&curve::P256)?;
            fields.application()?;
        }
        SshKeyType::Rsa => {
            let (exponent, modulus) = (fields.positive()?, fields.positive()?);
            fields.end()?;
            return weak::check_rsa(exponent, modulus).map_err(BadKey::Weak);
        }
    }
    fields.end()
}

/// The length-prefixed fields of a blob (RFC 4251, section 5).
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<&'a [u8], BadKey> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or(BadKey::Blob)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| BadKey::Blob)?;
        let (field, rest) = rest.split_at_checked(length).ok_or(BadKey::Blob)?;
        self.0 = rest;
        Ok(field)
    }

    /// A positive `mpint` in its only legal spelling: no needless leading zero, no sign.
    fn positive(&mut self) -> Result<&'a [u8], BadKey> {
        let field = self.next()?;
        match field {
            [0, digits @ ..] if digits.first() >= Some(&0x80) => Ok(digits),
            [first, ..] if (1..0x80).contains(first) => Ok(field),
            _ => Err(BadKey::Blob),
        }
    }

    fn ed25519(&mut self) -> Result<(), BadKey> {
        let point: &[u8; 32] = self.next()?.try_into().map_err(|_| BadKey::Blob)?;
        if curve::is_ed25519_key(point) { Ok(()) } else { Err(BadKey::Blob) }
    }

    fn ecdsa(&mut self, curve: &curve::Curve) -> Result<(), BadKey> {
        let named = self.next()? == curve.name.as_bytes();
        if named && curve.holds(self.next()?) { Ok(()) } else { Err(BadKey::Blob) }
    }

    fn application(&mut self) -> Result<(), BadKey> {
        let text = self.next()?;
        let fits = (1..=APPLICATION_BYTES).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
        if fits { Ok(()) } else { Err(BadKey::Blob) }
    }

    const fn end(&self) -> Result<(), BadKey> {
        if self.0.is_empty() { Ok(()) } else { Err(BadKey::Blob) }
    }
}
