//! From a name and a password to a session token.

use std::net::IpAddr;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{SESSION_MILLIS, Token, TokenHash, TokenKind};
use crate::accounts::AccountStatus;
use crate::audit::AuditEntry;
use crate::batch::{Batch, Effect, Require};
use crate::caller::Origin;
use crate::clock::UnixMillis;
use crate::directory::UserRecord;
use crate::error::Error;
use crate::id::{AccountUuid, UserUuid};
use crate::name::{MAX_NAME_CHARS, NameKey};
use crate::net::limit_key;
use crate::policy::{Action, Reach};
use crate::secret::Secret;
use crate::service::Service;
use crate::store::{CommitError, StoreError};
use crate::users::UserStatus;
use crate::vault::to_hex;

/// Which account is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountRef<'a> {
    /// The one of that exact name.
    Named(&'a str),
    /// The one of that id.
    Identified(AccountUuid),
}

/// Who wants to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginUser<'a> {
    /// The user of that name.
    Named {
        /// His account.
        account: AccountRef<'a>,
        /// His name.
        name: &'a str,
    },
    /// The user of that id.
    Identified(UserUuid),
}

/// A login.
pub struct Login<'a> {
    /// Who.
    pub user: LoginUser<'a>,
    /// With which password.
    pub password: Secret,
    /// What the token is to be for, in the dialect's words; asked once the password was right. `None`: not for this user,
    /// which is told like a wrong password.
    pub scope: &'a (dyn Fn(&UserRecord) -> Option<String> + Sync),
}

impl std::fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({:?})", self.user)
    }
}

/// A token that was issued. Its text leaves here and never again.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token itself.
    pub text: Zeroizing<String>,
    /// Its row.
    pub token: Token,
    /// Its user.
    pub owner: Arc<UserRecord>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown account or user, wrong password, a user or account that may not act, a lock, or a scope that is not his: all
    /// told alike (threats T53, T56).
    #[error("the user name or password is wrong")]
    Wrong,
    /// Too many logins wait, or this source has failed too often lately.
    #[error("too many logins")]
    Busy,
    /// The record fails its integrity check.
    #[error("a stored record failed its integrity check")]
    Damaged,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Identity = (String, Option<IpAddr>);

impl Service {
    /// Logs a user in. Every try costs one hash and the same reads, whoever is asked for.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn log_in(&self, login: Login<'_>, origin: Origin) -> Result<IssuedToken, LoginError> {
        let now = self.clock.now();
        let owner = self.login_user(login.user).await?;
        let identity: Identity = (identity_of(login.user, owner.as_deref()), origin.source.map(limit_key));
        if self.login_locks.is_locked(&identity, now) {
            return Err(self.refuse_login("login_locked", origin, now));
        }
        let uuid = owner.as_ref().map_or(UserUuid::from_bytes([0; 16]), |owner| owner.rows.user.uuid);
        let row = self.store.password(uuid).await?;
        let is_password = self.is_password(&login.password, row.as_ref()).await;
        let is_right = is_password.map_err(|error| match error {
            Error::Damaged => LoginError::Damaged,
            _ => LoginError::Busy,
        })?;
        let Some(owner) = owner.filter(|_| is_right) else {
            self.login_locks.failed(identity, now);
            return Err(self.refuse_login("wrong_password", origin, now));
        };
        self.login_locks.succeeded(&identity);
        if !owner.intact {
            return Err(LoginError::Damaged);
        }
        let may_log_in = self.rights_of(owner.rows.user.role).reach(Action::CreateToken) != Reach::Nobody;
        let usable = may_log_in
            && owner.rows.user.status == UserStatus::Active
            && owner.rows.account.status == AccountStatus::Active;
        let scope = (login.scope)(&owner).filter(|_| usable);
        let scope = scope.ok_or_else(|| self.refuse_login("login_not_allowed", origin, now))?;
        self.issue_session(owner, scope, origin, now).await
    }

    async fn issue_session(
        &self,
        owner: Arc<UserRecord>,
        scope: String,
        origin: Origin,
        now: UnixMillis,
    ) -> Result<IssuedToken, LoginError> {
        let user = &owner.rows.user;
        let text = TokenKind::Session.generate(self.random.as_ref());
        let mut token = Token {
            hash: TokenHash::of(text.as_bytes()),
            kind: TokenKind::Session,
            account: user.account,
            user: user.uuid,
            user_version: user.version,
            name: scope,
            issued_at: now,
            expires_at: Some(now.plus(SESSION_MILLIS)),
            mark: [0; 32],
        };
        token.mark = self.vault.mark(&token.mark_input());
        let object = token.hash.object();
        let entry = AuditEntry {
            at: now,
            account: user.account,
            actor: Some(user.uuid),
            actor_key: None,
            request: Some(origin.request),
            source: origin.source.map(|source| source.to_string()),
            dialect: origin.dialect.into(),
            action: Action::CreateToken.as_str().into(),
            object,
            object_version: 1,
            detail: format!("token={} user={} scope={}", to_hex(&object), user.uuid, token.name),
        };
        let batch = Batch {
            // A password that was changed after it was compared opens nothing.
            require: vec![Require::UserVersionIs(user.uuid, user.version), Require::UserIsLive(user.uuid)],
            effects: vec![Effect::InsertToken(token.clone())],
            audit: vec![entry],
        };
        match self.store.commit(batch).await {
            Ok(()) => Ok(IssuedToken { text, token, owner }),
            Err(CommitError::Refused(_)) => Err(LoginError::Busy),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    async fn login_user(&self, wanted: LoginUser<'_>) -> Result<Option<Arc<UserRecord>>, StoreError> {
        let record = match wanted {
            LoginUser::Named { account, name } => match self.account_of(account).await? {
                Some(account) => self.directory.by_name(account, name).await?,
                None => None,
            },
            LoginUser::Identified(user) => match self.store.user_rows(user).await? {
                Some(rows) => self.directory.by_user(rows.account.uuid, user).await?,
                None => None,
            },
        };
        Ok(record.filter(|record| record.rows.user.deleted_at.is_none()))
    }

    /// The live account that is meant.
    ///
    /// # Errors
    /// What the store says.
    pub async fn account_of(&self, wanted: AccountRef<'_>) -> Result<Option<AccountUuid>, StoreError> {
        match wanted {
            AccountRef::Identified(uuid) => Ok(Some(uuid)),
            AccountRef::Named(name) => {
                let account = self.store.account_named(&NameKey::of(name)).await?;
                Ok(account.filter(|account| account.name == name).map(|account| account.uuid))
            }
        }
    }

    fn refuse_login(&self, reason: &'static str, origin: Origin, now: UnixMillis) -> LoginError {
        // No name is noted: people type passwords into the wrong field.
        self.refusals.note(now, origin.source, "", reason, origin.dialect);
        let within = origin.source.is_none_or(|source| self.failures.take(limit_key(source), now));
        if within { LoginError::Wrong } else { LoginError::Busy }
    }
}

/// What failures are counted by: the user where there is one, else what was asked for, in its canonical form.
fn identity_of(wanted: LoginUser<'_>, owner: Option<&UserRecord>) -> String {
    let folded = |text: &str| {
        let start: String = text.chars().take(MAX_NAME_CHARS).collect();
        NameKey::of(&start).as_str().to_owned()
    };
    match (owner, wanted) {
        (Some(owner), _) => owner.rows.user.uuid.hex(),
        (None, LoginUser::Identified(uuid)) => uuid.hex(),
        (None, LoginUser::Named { account: AccountRef::Named(account), name }) => {
            format!("{}/{}", folded(account), folded(name))
        }
        (None, LoginUser::Named { account: AccountRef::Identified(account), name }) => {
            format!("{account}/{}", folded(name))
        }
    }
}
