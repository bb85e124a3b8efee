//! The one type that holds a secret in memory (structural rule S4): no `Display`, no `Serialize`, no `Clone`, wiped when
//! dropped, and read through one method that is easy to search for.

use std::fmt;

use zeroize::Zeroizing;

/// Plaintext secret bytes.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of `bytes`; the buffer is wiped when the secret is dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The plaintext. Every call of this method is a place to review.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is nothing in it. An empty secret never verifies anything (threat T19).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// The one-shot exit of a secret: only the use cases that may show one return it, and taking it consumes it.
#[derive(Debug)]
pub struct Reveal(Secret);

impl Reveal {
    pub(crate) fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The text for the one answer that may carry it. Secrets that are not UTF-8 are never issued or imported.
    pub fn into_text(self) -> Zeroizing<String> {
        Zeroizing::new(String::from_utf8_lossy(self.0.expose()).into_owned())
    }
}
