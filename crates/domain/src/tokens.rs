//! Tokens: opaque random words that stand for a login, or for a service that may ask the gate. Only their hashes are kept.
//!
//! A session token remembers the version of its user. Any change of the user raises that version, so a token dies with a
//! changed password, role or status, and with the user, at the moment of the commit and without anybody having to find
//! it (threat T29). The temporary keys made from a token die the same way.

mod gate;
mod keys;
mod login;
mod session;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::clock::UnixMillis;
use crate::id::{AccountUuid, UserUuid};
use crate::random::{ALPHANUMERIC, Randomness, text};
use crate::vault::{Mark, MarkInput};

pub use gate::{GATE_TOKENS_LISTED, GateCaller, NewGateToken};
pub use keys::{CreatedTokenKey, TokenKey, TokenKeyIssue};
pub use login::{AccountRef, IssuedToken, Login, LoginError, LoginUser};
pub use session::TokenError;

/// How long a session token lives, in milliseconds.
pub const SESSION_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// Session tokens of a user that are kept; with one more, the oldest ends (threat T85).
pub const SESSIONS_PER_USER: usize = 1_000;
/// Random characters of a token: 256 bits.
const RANDOM_CHARS: usize = 43;

/// What a token is kept and found by: the SHA-256 of its exact bytes, so that no other spelling of it is the token (threat
/// T31).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// Of a token as it was presented.
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// What names a token in log and audit: half of the hash.
    pub fn object(&self) -> [u8; 16] {
        self.0.first_chunk().copied().unwrap_or_default()
    }
}

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// What its user may do, for a time.
    Session,
    /// Asking the gate, and nothing else.
    Gate,
}

impl TokenKind {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            TokenKind::Session => "session",
            TokenKind::Gate => "gate",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [TokenKind::Session, TokenKind::Gate].into_iter().find(|kind| kind.as_str() == text)
    }

    /// What its tokens begin with; it lets scanners for leaked secrets find them.
    const fn prefix(self) -> &'static str {
        match self {
            TokenKind::Session => "kws-",
            TokenKind::Gate => "kwg-",
        }
    }

    /// A new token.
    pub fn generate(self, random: &dyn Randomness) -> Zeroizing<String> {
        let random = Zeroizing::new(text(random, ALPHANUMERIC, RANDOM_CHARS));
        Zeroizing::new([self.prefix(), random.as_str()].concat())
    }

    /// Whether `word` has the form of its tokens. What has not is none, and costs neither a hash nor a look-up, however long it
    /// is (threat T36).
    pub(crate) fn could_be(self, word: &[u8]) -> bool {
        word.len() == self.prefix().len() + RANDOM_CHARS && word.starts_with(self.prefix().as_bytes())
    }
}

/// A token, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its hash.
    pub hash: TokenHash,
    /// What it opens.
    pub kind: TokenKind,
    /// Its account.
    pub account: AccountUuid,
    /// Who logged in, or made it.
    pub user: UserUuid,
    /// The version of the user when it was issued.
    pub user_version: u64,
    /// What it is for: the project that a session was asked for, empty for the whole account; the name of a gate token.
    pub name: String,
    /// When it was issued.
    pub issued_at: UnixMillis,
    /// From when on it is nothing any more.
    pub expires_at: Option<UnixMillis>,
    /// The mark over all of the above.
    pub mark: Mark,
}

impl Token {
    /// What the mark covers.
    pub fn mark_input(&self) -> MarkInput {
        MarkInput::new("token")
            .bytes(&self.hash.0)
            .text(self.kind.as_str())
            .bytes(self.account.as_bytes())
            .bytes(self.user.as_bytes())
            .number(self.user_version.cast_signed())
            .text(&self.name)
            .number(self.issued_at.0)
            .maybe(self.expires_at.map(|at| at.0))
    }

    /// Whether its time is up.
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::{TokenHash, TokenKind};
    use crate::testing::TestRandom;

    #[test]
    fn tokens_are_long_random_words_without_blanks() {
        let random = TestRandom::seeded(1);
        let mut seen = std::collections::HashSet::new();
        for kind in [TokenKind::Session, TokenKind::Gate] {
            for _ in 0..1_000 {
                let token = kind.generate(&random);
                assert_eq!(token.len(), 47);
                assert!(kind.could_be(token.as_bytes()) && !kind.could_be(&token.as_bytes()[1..]));
                assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
                assert!(seen.insert(TokenHash::of(token.as_bytes())));
            }
        }
    }
}
