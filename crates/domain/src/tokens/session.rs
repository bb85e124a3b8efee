//! From a session token to its caller; looking at tokens and ending them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Token, TokenHash, TokenKind};
use crate::batch::{Effect, Require};
use crate::caller::{Caller, Credential, Origin};
use crate::clock::UnixMillis;
use crate::decision::{Unusable, may_hold};
use crate::directory::UserRecord;
use crate::error::Error;
use crate::id::KeyId;
use crate::net::limit_key;
use crate::policy::{Action, Reach};
use crate::service::Service;
use crate::store::StoreError;
use crate::vault::to_hex;

/// Why a token does not make a caller.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No such token, or not of this kind: never issued, revoked, or altered.
    #[error("no such token")]
    Unknown,
    /// Its time is up.
    #[error("the token has expired")]
    Expired(UnixMillis),
    /// Its user has changed since: password, role, status.
    #[error("the token's user has changed")]
    UserChanged,
    /// Its user or account may not act.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The user's record fails its integrity check.
    #[error("the token's record is damaged")]
    Damaged,
    /// This source has failed too often lately.
    #[error("too many failed authentications from this address")]
    Throttled,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TokenError {
    /// A word for log, metrics and the count of refusals; one of a fixed set.
    pub const fn word(&self) -> &'static str {
        match self {
            TokenError::Unknown => "unknown_token",
            TokenError::Expired(_) => "token_expired",
            TokenError::UserChanged => "token_ended",
            TokenError::Unusable(_) => "token_unusable",
            TokenError::Damaged => "damaged",
            TokenError::Throttled => "throttled",
            TokenError::Store(_) => "store",
        }
    }
}

impl Service {
    /// The caller whose session token this is. When the directory knows it, nothing is awaited from the store.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn authenticate_token(&self, token: &str, origin: Origin) -> Result<Caller, TokenError> {
        let refusal = match self.judge_token(token, origin).await {
            Ok(caller) => return Ok(caller),
            Err(refusal) => refusal,
        };
        let now = self.clock.now();
        self.refusals.note(now, origin.source, "", refusal.word(), origin.dialect);
        let is_guess = matches!(refusal, TokenError::Unknown);
        let throttled =
            is_guess && origin.source.is_some_and(|source| !self.failures.take(limit_key(source), now));
        Err(if throttled { TokenError::Throttled } else { refusal })
    }

    async fn judge_token(&self, token: &str, origin: Origin) -> Result<Caller, TokenError> {
        let hash = self.hash_token(TokenKind::Session, token.as_bytes()).ok_or(TokenError::Unknown)?;
        let record = self.directory.by_token(&hash).await?.ok_or(TokenError::Unknown)?;
        let token = record.token(&hash).filter(|token| token.kind == TokenKind::Session);
        let token = token.ok_or(TokenError::Unknown)?;
        if !record.intact {
            return Err(TokenError::Damaged);
        }
        may_hold(&record, token, self.clock.now())?;
        Ok(self.caller_with_token(&record, token, origin))
    }

    /// What a presented token is looked up by, if it has the form of one; counted, because it is all that a token which is none
    /// may cost.
    pub(crate) fn hash_token(&self, kind: TokenKind, token: &[u8]) -> Option<TokenHash> {
        if !kind.could_be(token) {
            return None;
        }
        self.token_work.fetch_add(1, Ordering::Relaxed);
        Some(TokenHash::of(token))
    }

    /// Presented tokens that were hashed so far: at most one for each, whatever it is (threat T36).
    pub fn token_work(&self) -> u64 {
        self.token_work.load(Ordering::Relaxed)
    }

    fn caller_with_token(&self, record: &UserRecord, token: &Token, origin: Origin) -> Caller {
        let user = &record.rows.user;
        Caller {
            account: user.account,
            account_serial: record.rows.account.serial,
            account_name: record.rows.account.name.clone(),
            user: user.uuid,
            user_serial: user.serial,
            user_name: user.name.clone(),
            is_root: user.is_root,
            role: user.role,
            rights: self.rights_of(user.role),
            key: Credential::Token(token.hash),
            key_id: KeyId::new(format!("token:{}", to_hex(&token.hash.object()))),
            temporary: false,
            limits: None,
            repeatable: None,
            signature_tag: None,
            payload: signing::Payload::Unchecked,
            origin,
        }
    }

    /// A live session token with its user: his own, or for who reaches further, one of his account.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::TokenNotFound`] for one that is unknown, has ended, or is not the caller's to see.
    pub async fn read_token(&self, caller: &Caller, token: &str) -> Result<(Token, Arc<UserRecord>), Error> {
        self.token_within_reach(caller, Action::ReadToken, token).await
    }

    /// Ends a session token at once.
    ///
    /// # Errors
    /// As [`read_token`](Self::read_token); [`Error::CallerRevoked`].
    pub async fn revoke_token(&self, caller: &Caller, token: &str) -> Result<(), Error> {
        let (token, _) = self.token_within_reach(caller, Action::RevokeToken, token).await?;
        let now = self.clock.now();
        let mut batch = self.batch_by(caller, now);
        batch.require.push(Require::TokenExists(token.hash));
        let object = token.hash.object();
        let detail = format!("token={} user={}", to_hex(&object), token.user);
        batch.audit.push(caller.entry(now, Action::RevokeToken, &object, 2, detail));
        batch.effects.push(Effect::DeleteToken(token));
        self.commit(batch).await.map_err(|refused| refused.into_error("", &self.limits))
    }

    async fn token_within_reach(
        &self,
        caller: &Caller,
        action: Action,
        token: &str,
    ) -> Result<(Token, Arc<UserRecord>), Error> {
        let reach = caller.reach(action)?;
        let hash = self.hash_token(TokenKind::Session, token.as_bytes()).ok_or(Error::TokenNotFound)?;
        let record = self.directory.by_token(&hash).await?.ok_or(Error::TokenNotFound)?;
        let owner = &record.rows.user;
        let visible =
            owner.account == caller.account && (reach == Reach::Account || owner.uuid == caller.user);
        let is_live = |token: &&Token| {
            token.kind == TokenKind::Session && may_hold(&record, token, self.clock.now()).is_ok()
        };
        let token = record.token(&hash).filter(|_| visible).filter(is_live);
        let token = token.ok_or(Error::TokenNotFound)?.clone();
        if record.intact { Ok((token, record)) } else { Err(Error::Damaged) }
    }
}
