//! From what a request says about its signer to who he is.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use signing::{Claim, Reject, Scheme};

use crate::access_keys::SignedTime;
use crate::caller::{Caller, Origin};
use crate::decision::Unusable;
use crate::directory::Lookup;
use crate::id::{AccountUuid, KeyUuid};
use crate::last_used::UseKind;
use crate::net::limit_key;
use crate::reason::Reason;
use crate::replay::ReplayRefusal;
use crate::service::Service;
use crate::signer::Signer;
use crate::store::StoreError;

/// How a dialect wants a signed time to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// Greatest distance between the signed time and now, either way, in milliseconds.
    pub window_ms: u64,
}

/// What a dialect wants of an authentication.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// How its signed time is judged.
    pub freshness: Freshness,
    /// In which order refusals are told.
    pub order: Order,
    /// Whether its nonces are used up.
    pub nonces: Nonces,
    /// What a security token beside a key that has none means.
    pub stray_tokens: StrayTokens,
    /// The service that the request is for, where it is for another than this server: a key that is good for named services
    /// only must name it.
    pub service: Option<&'a str>,
    /// The account whose keys whoever asks may know of; to him, a key of any other is none, in whatever state. `None`: all.
    pub account: Option<AccountUuid>,
    /// The operation that is asked for, in the dialect's words, as the key's last use; empty when it is none.
    pub operation: &'static str,
}

impl From<Freshness> for Terms<'_> {
    fn from(freshness: Freshness) -> Self {
        Self {
            freshness,
            order: Order::SignatureFirst,
            nonces: Nonces::Once,
            stray_tokens: StrayTokens::Refused,
            service: None,
            account: None,
            operation: "",
        }
    }
}

/// In which order refusals are told. Whatever it is, nobody but a holder of the secret learns the state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The key, its signature, then the clock and the key's state.
    SignatureFirst,
    /// The clock before everything else, as it concerns no key; and a wrong signature under a key that may not act is an
    /// unknown key, for a cloud that answers disabled keys like unknown ones.
    ClockFirst,
}

/// Whether a nonce carries one request only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonces {
    /// It does: clients that send one want that.
    Once,
    /// Any number: the cloud's clients must send one and some draw it from sixteen bits.
    Repeatable,
}

/// What a security token means that comes with a key which has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrayTokens {
    /// It belongs to another key: the request is refused.
    Refused,
    /// Nothing, as in a cloud whose clients keep sending an old one. The key's own signature is what counts.
    Ignored,
}

/// Why a claim did not become a caller.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No such key, or not one that may sign in this scheme (threat T18). The work of a real one was done all the same.
    #[error("no such access key for this scheme")]
    UnknownKey,
    /// The signature is good, and whoever asks may know nothing of the key's account (threat T38): answered as an unknown key.
    #[error("the access key is of another account than whoever asks")]
    OfAnotherAccount,
    /// The signature is not the one that the key makes.
    #[error("the signature differs")]
    WrongSignature(#[source] Reject),
    /// The signed time is too far from now.
    #[error("the signed time is outside the window")]
    Stale,
    /// The key's requests must tell their time, and this one does not.
    #[error("the access key takes only requests with a signed time and, where that is optional, a nonce")]
    Untimed,
    /// The nonce, or in strict mode the signature, was used before, or cannot be remembered.
    #[error(transparent)]
    Replayed(#[from] ReplayRefusal),
    /// A temporary key's token is missing or wrong, or a token came with a key that has none.
    #[error("the session token does not belong to this key")]
    WrongToken,
    /// The key is known and the signature good, but it may not act now.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The record fails its integrity check or its secret does not open (threats T19, T60): an alarm, never a pass.
    #[error("the key's record is damaged")]
    Damaged,
    /// This source has failed too often lately; the reason of this failure is withheld. A good signature always passes.
    #[error("too many failed authentications from this address")]
    Throttled,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AuthError {
    /// The reason for log, metrics, the count of refusals and the doctor.
    pub const fn reason(&self) -> Reason {
        match self {
            AuthError::UnknownKey => Reason::UnknownKey,
            AuthError::OfAnotherAccount => Reason::AskerOfAnotherAccount,
            AuthError::WrongSignature(_) => Reason::WrongSignature,
            AuthError::Stale => Reason::Stale,
            AuthError::Untimed => Reason::Untimed,
            AuthError::Replayed(_) => Reason::Replayed,
            AuthError::WrongToken => Reason::WrongToken,
            AuthError::Unusable(unusable) => unusable.reason(),
            AuthError::Damaged => Reason::Damaged,
            AuthError::Throttled => Reason::Throttled,
            AuthError::Store(_) => Reason::Store,
        }
    }

    /// Whether it may be a guess at a key or a secret. Somebody who proved that he holds the secret does not guess.
    const fn is_guess(&self) -> bool {
        match self {
            AuthError::UnknownKey
            | AuthError::WrongSignature(_)
            | AuthError::Stale
            | AuthError::Replayed(_)
            | AuthError::WrongToken => true,
            AuthError::OfAnotherAccount
            | AuthError::Untimed
            | AuthError::Unusable(_)
            | AuthError::Damaged
            | AuthError::Throttled
            | AuthError::Store(_) => false,
        }
    }
}

impl Service {
    /// Verifies `claim` and decides whether its key may act now. When the directory knows the key, nothing is awaited.
    /// Refusals are counted, and a source that guesses too often learns nothing more.
    ///
    /// # Errors
    /// [`AuthError`]; everything after [`AuthError::WrongSignature`] is told only to a holder of the secret.
    pub async fn authenticate(
        &self,
        claim: &Claim,
        origin: Origin,
        terms: impl Into<Terms<'_>>,
    ) -> Result<Caller, AuthError> {
        let terms = terms.into();
        let refusal = match self.judge(claim, origin, terms).await {
            Ok((caller, key)) => {
                if let Some(key) = key {
                    self.last_used.mark(UseKind::AccessKey, key, self.clock.now(), &origin, terms.operation);
                }
                return Ok(caller);
            }
            Err(refusal) => refusal,
        };
        self.refusals.note(
            self.clock.now(),
            origin.source,
            claim.access_key_id(),
            refusal.reason().word(),
            origin.dialect,
        );
        let throttled = refusal.is_guess()
            && origin.source.is_some_and(|source| !self.failures.take(limit_key(source), self.clock.now()));
        Err(if throttled { AuthError::Throttled } else { refusal })
    }

    async fn judge(
        &self,
        claim: &Claim,
        origin: Origin,
        terms: Terms<'_>,
    ) -> Result<(Caller, Option<KeyUuid>), AuthError> {
        let Freshness { window_ms } = terms.freshness;
        let now = self.clock.now();
        let is_stale = claim.signed_at().is_some_and(|signed_at| now.0.abs_diff(signed_at) > window_ms);
        if is_stale && terms.order == Order::ClockFirst {
            return Err(AuthError::Stale);
        }
        let key_id = claim.access_key_id();
        let record = match self.directory.get(key_id) {
            Lookup::Hit(record) => Some(record),
            Lookup::Absent => None,
            Lookup::Miss => self.directory.by_key(key_id).await?,
        };
        let known =
            record.as_ref().and_then(|record| Some((record, Signer::find(record, key_id, claim.scheme())?)));
        self.signature_work.fetch_add(1, Ordering::Relaxed);
        let Some((record, key)) = known else {
            let decoy = self.vault.open_decoy();
            // The verdict is known; the work is done so that time does not tell (threat T54).
            let _ = std::hint::black_box(claim.verify(decoy.expose()));
            return Err(AuthError::UnknownKey);
        };
        if !record.intact || !key.is_intact(record) {
            return Err(AuthError::Damaged);
        }
        let Some(secret) = key.open(&self.vault) else {
            // The mark of the row does not cover it, so the directory has not noticed; the operator must (requirement R7).
            self.directory.counts().damaged.fetch_add(1, Ordering::Relaxed);
            return Err(AuthError::Damaged);
        };
        claim.verify(secret.expose()).map_err(|reject| {
            let is_usable = key.may_act(record, now, origin.source, terms.service).is_ok();
            if is_usable || terms.order == Order::SignatureFirst {
                AuthError::WrongSignature(reject)
            } else {
                AuthError::UnknownKey
            }
        })?;
        if terms.account.is_some_and(|account| account != record.rows.account.uuid) {
            return Err(AuthError::OfAnotherAccount);
        }
        if !key.is_accompanied(claim, terms.stray_tokens) {
            return Err(AuthError::WrongToken);
        }
        if is_stale {
            return Err(AuthError::Stale);
        }
        if key.signed_time() == SignedTime::Required && !tells_its_time(claim) {
            return Err(AuthError::Untimed);
        }
        if let Some(nonce) = claim.nonce().filter(|_| terms.nonces == Nonces::Once) {
            // Without a time a nonce would have to be remembered for ever, or would not be looked at (threat T21).
            let signed_at = claim.signed_at().ok_or(ReplayRefusal::Untimed)?;
            self.replay.use_nonce(key.uuid(), nonce, signed_at, now, window_ms)?;
        }
        key.may_act(record, now, origin.source, terms.service)?;
        let user = &record.rows.user;
        let caller = Caller {
            account: user.account,
            account_name: record.rows.account.name.clone(),
            account_serial: record.rows.account.serial,
            user: user.uuid,
            user_serial: user.serial,
            user_name: user.name.clone(),
            is_root: user.is_root,
            role: user.role,
            rights: self.rights_of(user.role),
            key: key.credential(),
            key_id: key.key_id().clone(),
            temporary: key.is_temporary(),
            limits: key.limits(record),
            repeatable: None,
            signature_tag: None,
            payload: claim.payload(),
            origin,
        };
        Ok((caller, key.used()))
    }

    /// Notes a good signature that does not cover the operation (threat T07).
    pub fn note_unsigned_operation(&self, caller: &Caller, claim: &Claim, operation: &'static str) {
        self.signature_uses.note(claim.signature(), operation, caller.origin.source);
    }

    /// Whether the claim's key is locked for its source, after too many wrong signatures in a row. Only dialects whose cloud
    /// locks keys ask; the gate does not.
    pub fn is_key_locked(&self, claim: &Claim, origin: &Origin) -> bool {
        self.key_locks.is_locked(&key_and_source(claim, origin), self.clock.now())
    }

    /// Counts a wrong signature under a key towards its lock.
    pub fn note_wrong_signature(&self, claim: &Claim, origin: &Origin) {
        self.key_locks.failed(key_and_source(claim, origin), self.clock.now());
    }

    /// Ends the row of wrong signatures.
    pub fn note_good_signature(&self, claim: &Claim, origin: &Origin) {
        self.key_locks.succeeded(&key_and_source(claim, origin));
    }

    /// For an operation that writes: tags the signature for the audit, notices when one signature comes from two addresses,
    /// and in strict mode refuses a signature that was used before (threat T24).
    ///
    /// # Errors
    /// [`ReplayRefusal`], in strict mode only.
    pub fn note_write(&self, caller: &mut Caller, claim: &Claim, strict: bool) -> Result<(), ReplayRefusal> {
        let tag = self.vault.signature_tag(claim.signature());
        let verdict = self.replay.note_signature(&tag, caller.origin.source, strict);
        caller.signature_tag = Some(tag);
        verdict
    }
}

/// Whoever knows a key's id could lock its owner out, were the source not part of it (threat T56).
fn key_and_source(claim: &Claim, origin: &Origin) -> (String, Option<IpAddr>) {
    (claim.access_key_id().to_owned(), origin.source.map(limit_key))
}

/// Whether a captured request is good for a while only: its time is signed, and where the scheme leaves that open a nonce makes
/// it good for once (threat T26).
fn tells_its_time(claim: &Claim) -> bool {
    claim.signed_at().is_some() && (claim.scheme() != Scheme::Scloud || claim.nonce().is_some())
}
