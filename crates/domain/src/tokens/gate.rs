//! Gate tokens: each names a service, which may ask the gate about requests and do nothing else.
//!
//! Unlike a session, such a token belongs to its account and not to whoever made it: a service must not stop when an
//! administrator leaves or changes his password. It ends when it is revoked, or when its account is disabled.

use zeroize::Zeroizing;

use super::{Token, TokenHash, TokenKind};
use crate::access_keys::Audience;
use crate::accounts::AccountStatus;
use crate::batch::{Effect, Require};
use crate::caller::Caller;
use crate::error::{Error, Field};
use crate::id::AccountUuid;
use crate::policy::Action;
use crate::service::Service;
use crate::store::StoreError;

/// Gate tokens of an account that are listed and looked through; an administrator who makes more sees the first.
pub const GATE_TOKENS_LISTED: u32 = 1_000;

/// A gate token that was just made; the only time that it can be read.
pub struct NewGateToken {
    /// What is stored.
    pub token: Token,
    /// The token itself.
    pub word: Zeroizing<String>,
}

/// Who asks with a gate token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateCaller {
    /// The service that the token names.
    pub service: String,
    /// The account whose keys it may ask about; `None`: every account, for a service of the operator account.
    pub account: Option<AccountUuid>,
}

impl Service {
    /// Makes a token with which the service `name` may ask the gate.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::TemporaryCaller`], [`Error::Invalid`]; [`Error::UserNameTaken`] when another token names the
    /// service; [`Error::CallerRevoked`].
    pub async fn create_gate_token(&self, caller: &Caller, name: &str) -> Result<NewGateToken, Error> {
        caller.require_account(Action::CreateGateToken)?;
        caller.require_permanent()?;
        // A key's audience names services in the same words.
        let rule = "names a service with 1 to 64 letters, digits, `_`, `.` and `-`, the first a letter, digit or `_`";
        Audience::parse(name).ok_or(Error::Invalid { field: Field::Audience, rule })?;
        let now = self.clock.now();
        let word = TokenKind::Gate.generate(self.random.as_ref());
        let mut token = Token {
            hash: TokenHash::of(word.as_bytes()),
            kind: TokenKind::Gate,
            account: caller.account,
            user: caller.user,
            user_version: 0,
            name: name.to_owned(),
            issued_at: now,
            expires_at: None,
            mark: [0; 32],
        };
        token.mark = self.vault.mark(&token.mark_input());
        let mut batch = self.batch_by(caller, now);
        batch.require.push(Require::GateTokenIsFree { account: caller.account, name: name.to_owned() });
        let object = token.hash.object();
        let detail = format!("service={name}");
        batch.audit.push(caller.entry(now, Action::CreateGateToken, &object, 1, detail));
        batch.effects.push(Effect::InsertToken(token.clone()));
        self.commit(batch).await.map_err(|refused| refused.into_error(name, &self.limits))?;
        Ok(NewGateToken { token, word })
    }

    /// The gate tokens of the caller's account, by name.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Damaged`], [`Error::Store`].
    pub async fn list_gate_tokens(&self, caller: &Caller) -> Result<Vec<Token>, Error> {
        caller.require_account(Action::ReadGateToken)?;
        let tokens = self.store.tokens(caller.account, TokenKind::Gate, GATE_TOKENS_LISTED).await?;
        let intact = |token: &Token| self.vault.is_marked(&token.mark_input(), &token.mark);
        if tokens.iter().all(intact) { Ok(tokens) } else { Err(Error::Damaged) }
    }

    /// Ends the token of the service `name` at once.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::TokenNotFound`], [`Error::CallerRevoked`].
    pub async fn revoke_gate_token(&self, caller: &Caller, name: &str) -> Result<(), Error> {
        caller.require_account(Action::RevokeGateToken)?;
        let tokens = self.store.tokens(caller.account, TokenKind::Gate, GATE_TOKENS_LISTED).await?;
        let token = tokens.into_iter().find(|token| token.name == name).ok_or(Error::TokenNotFound)?;
        let now = self.clock.now();
        let mut batch = self.batch_by(caller, now);
        batch.require.push(Require::TokenExists(token.hash));
        let detail = format!("service={name}");
        batch.audit.push(caller.entry(now, Action::RevokeGateToken, &token.hash.object(), 2, detail));
        batch.effects.push(Effect::DeleteToken(token));
        self.commit(batch).await.map_err(|refused| refused.into_error(name, &self.limits))
    }

    /// Who asks with this token; `None`: nobody. When the directory knows it, nothing is awaited from the store.
    ///
    /// # Errors
    /// What the store says.
    pub async fn gate_caller(&self, word: &[u8]) -> Result<Option<GateCaller>, StoreError> {
        let Some(hash) = self.hash_token(TokenKind::Gate, word) else { return Ok(None) };
        let Some(record) = self.directory.by_token(&hash).await? else { return Ok(None) };
        let now = self.clock.now();
        let account = &record.rows.account;
        let is_live = |token: &&Token| token.kind == TokenKind::Gate && !token.is_expired(now);
        let token = record.token(&hash).filter(is_live);
        let token = token.filter(|_| record.intact && account.status == AccountStatus::Active);
        Ok(token.map(|token| GateCaller {
            service: token.name.clone(),
            account: (!account.is_operator()).then_some(account.uuid),
        }))
    }
}
