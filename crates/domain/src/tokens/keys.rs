//! Temporary keys of a session token: an id and a secret that sign for whoever logged in, so that a client that only signs can
//! go on from a login. Each comes with a security token, of which only the hash is kept, and without which its signature is
//! nothing.
//!
//! Such a key has no life of its own. It never outlives its token, and whatever ends the token, or makes it stand for nobody,
//! ends the key at the same moment (threats T29, T30): its row goes with the token's. It makes no keys (threat T40), shows in
//! no list of keys, and counts towards no quota but [`Limits::token_keys_per_user`](crate::limits::Limits).

use zeroize::Zeroizing;

use super::TokenHash;
use crate::access_keys::{KeyShape, SchemeSet};
use crate::batch::{Effect, Require};
use crate::caller::{Caller, Credential};
use crate::clock::UnixMillis;
use crate::commit::Refused;
use crate::error::{Error, Field};
use crate::id::{AccountUuid, KeyId, KeyUuid, UserUuid};
use crate::limits::CONFLICT_RETRIES;
use crate::policy::Action;
use crate::random::{ALPHANUMERIC, text};
use crate::secret::Reveal;
use crate::service::Service;
use crate::vault::{Binding, Mark, MarkInput, same, to_hex};

/// What security tokens begin with, so that scanners for leaked secrets find them.
const PREFIX: &str = "kwt-";
/// Random characters of a security token: 256 bits.
const RANDOM_CHARS: usize = 43;

/// A temporary key of a session token, without its secret, which stays sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// Its record.
    pub uuid: KeyUuid,
    /// What travels in requests.
    pub key_id: KeyId,
    /// The session token that it belongs to.
    pub token: TokenHash,
    /// Its account.
    pub account: AccountUuid,
    /// Who logged in.
    pub user: UserUuid,
    /// The dialect that issued it.
    pub dialect: String,
    /// Which schemes it may sign in.
    pub schemes: SchemeSet,
    /// The sealed secret.
    pub sealed: Vec<u8>,
    /// The hash of the security token that must come with each signature.
    pub security_token: TokenHash,
    /// When it was made.
    pub issued_at: UnixMillis,
    /// From when on it is nothing any more; no later than its token.
    pub expires_at: UnixMillis,
    /// The mark over all of the above.
    pub mark: Mark,
}

impl TokenKey {
    /// What the mark covers.
    pub fn mark_input(&self) -> MarkInput {
        MarkInput::new("token-key")
            .bytes(self.uuid.as_bytes())
            .text(self.key_id.as_str())
            .bytes(&self.token.0)
            .bytes(self.account.as_bytes())
            .bytes(self.user.as_bytes())
            .text(&self.dialect)
            .number(self.schemes.bits().into())
            .bytes(&self.sealed)
            .bytes(&self.security_token.0)
            .number(self.issued_at.0)
            .number(self.expires_at.0)
    }

    /// What the sealed secret belongs to.
    pub fn binding(&self) -> Binding<'_> {
        Binding {
            kind: "token-key",
            record: self.uuid.as_bytes(),
            account: self.account.as_bytes(),
            owner: self.user.as_bytes(),
            dialect: &self.dialect,
        }
    }

    /// Whether its time is up.
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_at <= now
    }

    /// Whether `given` is the security token that belongs to it; in constant time (threat T55).
    pub(crate) fn is_accompanied_by(&self, given: Option<&str>) -> bool {
        given.is_some_and(|given| same(&TokenHash::of(given.as_bytes()).0, &self.security_token.0))
    }
}

/// How a dialect issues a temporary key of a token.
#[derive(Clone, Copy, Debug)]
pub struct TokenKeyIssue<'a> {
    /// The dialect.
    pub dialect: &'static str,
    /// The schemes that the key may sign in.
    pub schemes: SchemeSet,
    /// The shape of id and secret.
    pub shape: &'a KeyShape,
    /// How long it is to live, in milliseconds.
    pub lives_ms: i64,
}

/// A temporary key of a token that was made. Secret and security token leave here and never again.
#[derive(Debug)]
pub struct CreatedTokenKey {
    /// The key.
    pub key: TokenKey,
    /// Its secret.
    pub secret: Reveal,
    /// Its security token.
    pub security_token: Zeroizing<String>,
}

impl Service {
    /// Makes a temporary key of the session token that the caller came with. Its end is the earliest of what is asked for, the
    /// token's own and the account's longest lifetime of keys. Expired ones of the same user make room.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::TemporaryCaller`] and [`Error::ParentUnusable`] for a caller who came with a key and not
    /// with a token; [`Error::Invalid`], [`Error::LimitReached`], [`Error::CallerRevoked`].
    pub async fn create_token_key(
        &self,
        caller: &Caller,
        issue: &TokenKeyIssue<'_>,
    ) -> Result<CreatedTokenKey, Error> {
        caller.reach(Action::CreateTokenKey)?;
        caller.require_permanent()?;
        let Credential::Token(hash) = caller.key else { return Err(Error::ParentUnusable) };
        for _ in 0..CONFLICT_RETRIES {
            let record = self.caller_record(caller).await?;
            let token = record.token(&hash).ok_or(Error::CallerRevoked)?;
            let now = self.clock.now();
            let longest = record.rows.account.max_key_lifetime_ms.map(|life| now.plus(life));
            let ends = [Some(now.plus(issue.lives_ms)), token.expires_at, longest];
            let expires_at = ends.into_iter().flatten().min().unwrap_or(now);
            if expires_at <= now {
                return Err(Error::Invalid { field: Field::Expiry, rule: "must lie in the future" });
            }
            let made = self.new_token_key(caller, hash, issue, now, expires_at)?;
            let key = &made.key;
            let mut batch = self.batch_by(caller, now);
            let limit = self.limits.token_keys_per_user;
            batch.require.push(Require::TokenKeysBelow { user: key.user, limit, at: now });
            batch.require.push(Require::KeyIdIsFree(key.key_id.clone()));
            let detail = format!(
                "key={} user={} dialect={} token={} expires_at={}",
                key.key_id,
                key.user,
                key.dialect,
                to_hex(&hash.object()),
                expires_at.0
            );
            batch.audit.push(caller.entry(now, Action::CreateTokenKey, key.uuid.as_bytes(), 1, detail));
            batch.effects.push(Effect::InsertTokenKey(key.clone()));
            batch.effects.push(Effect::CountSeals { ring_key: self.vault.active_data_key(), seals: 1 });
            match self.commit(batch).await {
                Ok(()) => return Ok(made),
                Err(Refused::Changed | Refused::Other(Require::KeyIdIsFree(_))) => {}
                Err(refused) => return Err(refused.into_error("", &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Makes a key in memory, sealed and marked.
    fn new_token_key(
        &self,
        caller: &Caller,
        token: TokenHash,
        issue: &TokenKeyIssue<'_>,
        now: UnixMillis,
        expires_at: UnixMillis,
    ) -> Result<CreatedTokenKey, Error> {
        let random = self.random.as_ref();
        let word = Zeroizing::new(text(random, ALPHANUMERIC, RANDOM_CHARS));
        let security_token = Zeroizing::new([PREFIX, word.as_str()].concat());
        let secret = issue.shape.new_secret(random);
        let mut key = TokenKey {
            uuid: KeyUuid::generate(now, random),
            key_id: issue.shape.new_id(now, random),
            token,
            account: caller.account,
            user: caller.user,
            dialect: issue.dialect.to_owned(),
            schemes: issue.schemes,
            sealed: Vec::new(),
            security_token: TokenHash::of(security_token.as_bytes()),
            issued_at: now,
            expires_at,
            mark: [0; 32],
        };
        key.sealed = self.vault.seal(&key.binding(), &secret, random).map_err(|_| Error::Damaged)?;
        key.mark = self.vault.mark(&key.mark_input());
        Ok(CreatedTokenKey { key, secret: Reveal::new(secret), security_token })
    }
}
