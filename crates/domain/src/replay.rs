//! Repeated requests: nonces where a client opts in, and signatures of writes seen from two addresses.
//!
//! Equal requests are legitimate in every dialect (a client may send the same call twice in one second), so nothing is
//! refused by default (threat T24); what is remembered here is bounded, per key where a stranger could fill it (T27).

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::clock::UnixMillis;
use crate::id::KeyUuid;

/// Nonces remembered per key; a key that uses more within the window is refused, others are not affected.
pub const NONCES_PER_KEY: usize = 10_000;
/// Keys whose nonces are remembered at once.
pub const NONCE_KEYS: usize = 10_000;
/// Signatures of writes remembered; the oldest make room.
pub const SIGNATURES: usize = 100_000;
/// Longest nonce, in bytes.
pub const NONCE_BYTES: usize = 128;

/// Why a request counts as a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayRefusal {
    /// This key used the nonce before.
    #[error("the nonce was used before")]
    NonceUsed,
    /// The request was signed before this server started, so whether its nonce was used cannot be known.
    #[error("the request was signed before the server started; sign it again")]
    SignedBeforeStart,
    /// This key has used as many nonces as are remembered.
    #[error("too many nonces in use; wait for the window to pass")]
    Full,
    /// The nonce comes without a signed time.
    #[error("a nonce needs a signed time beside it")]
    Untimed,
    /// The nonce is empty or too long.
    #[error("the nonce must have 1 to 128 bytes")]
    Form,
    /// Strict mode: this signature already carried a write.
    #[error("this signature already carried a write")]
    SignatureUsed,
}

/// What was seen lately.
#[derive(Debug)]
pub struct Replay {
    started: UnixMillis,
    nonces: Mutex<HashMap<KeyUuid, Nonces>>,
    signatures: Mutex<Signatures>,
    suspected: AtomicU64,
}

#[derive(Debug, Default)]
struct Nonces {
    until: HashMap<String, UnixMillis>,
}

#[derive(Debug, Default)]
struct Signatures {
    seen: HashMap<String, Option<IpAddr>>,
    order: VecDeque<String>,
}

impl Replay {
    /// Remembers nothing that was before `started`.
    pub fn new(started: UnixMillis) -> Self {
        Self { started, nonces: Mutex::default(), signatures: Mutex::default(), suspected: AtomicU64::new(0) }
    }

    /// Uses up `nonce` for `key`.
    ///
    /// # Errors
    /// [`ReplayRefusal`].
    pub fn use_nonce(
        &self,
        key: KeyUuid,
        nonce: &str,
        signed_at: i64,
        now: UnixMillis,
        window_ms: u64,
    ) -> Result<(), ReplayRefusal> {
        if nonce.is_empty() || nonce.len() > NONCE_BYTES {
            return Err(ReplayRefusal::Form);
        }
        if signed_at < self.started.0 {
            return Err(ReplayRefusal::SignedBeforeStart);
        }
        let mut keys = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= NONCE_KEYS && !keys.contains_key(&key) {
            keys.retain(|_, nonces| nonces.until.values().any(|&until| now <= until));
            if keys.len() >= NONCE_KEYS {
                return Err(ReplayRefusal::Full);
            }
        }
        let until = &mut keys.entry(key).or_default().until;
        if until.len() >= NONCES_PER_KEY {
            until.retain(|_, end| now <= *end);
        }
        if until.get(nonce).is_some_and(|&end| now <= end) {
            return Err(ReplayRefusal::NonceUsed);
        }
        if until.len() >= NONCES_PER_KEY {
            return Err(ReplayRefusal::Full);
        }
        // A request stays fresh until its signed time plus the window; one signed in the future, the longest.
        let window = i64::try_from(window_ms).unwrap_or(i64::MAX);
        until.insert(nonce.to_owned(), UnixMillis(signed_at).plus(window));
        Ok(())
    }

    /// Notes the signature of a write.
    ///
    /// # Errors
    /// [`ReplayRefusal::SignatureUsed`] when `strict` and it was seen before.
    pub fn note_signature(
        &self,
        tag: &str,
        source: Option<IpAddr>,
        strict: bool,
    ) -> Result<(), ReplayRefusal> {
        let mut signatures = self.signatures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = signatures.seen.get(tag) {
            if *first != source {
                self.suspected.fetch_add(1, Ordering::Relaxed);
            }
            return if strict { Err(ReplayRefusal::SignatureUsed) } else { Ok(()) };
        }
        if signatures.order.len() >= SIGNATURES
            && let Some(oldest) = signatures.order.pop_front()
        {
            signatures.seen.remove(&oldest);
        }
        signatures.seen.insert(tag.to_owned(), source);
        signatures.order.push_back(tag.to_owned());
        Ok(())
    }

    /// How often one signature carried writes from two addresses: an alarm.
    pub fn suspected(&self) -> u64 {
        self.suspected.load(Ordering::Relaxed)
    }
}
