//! From a public key that somebody offers at an SSH server to its owner. Whether he holds the private one is for that server
//! to find out.

use super::{Fingerprint, PublicKey};
use crate::accounts::Account;
use crate::caller::Origin;
use crate::clock::UnixMillis;
use crate::decision::{Unusable, may_log_in};
use crate::error::Error;
use crate::id::{AccountUuid, Serial};
use crate::last_used::UseKind;
use crate::name::NameKey;
use crate::net::AddressRange;
use crate::service::Service;

/// The account whose keys open logins, as somebody asks about it.
#[derive(Clone, Copy, Debug)]
pub struct LoginAccount<'a> {
    /// Its name.
    pub name: &'a str,
    /// The account that the asker belongs to; `None`: he may ask about every one (threat T38).
    pub asker: Option<AccountUuid>,
}

/// A key that may log in now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginKey {
    /// Its account's name.
    pub account: String,
    /// Its owner's name.
    pub user: String,
    /// Its number.
    pub serial: Serial,
    /// What it is.
    pub fingerprint: Fingerprint,
    /// Where it may be used from, which the SSH server has to see to; empty means anywhere.
    pub sources: Vec<AddressRange>,
    /// When its time is up.
    pub expires_at: Option<UnixMillis>,
    /// Type and blob, as they are stored.
    pub line: String,
}

/// Why an offered key may not log in.
#[derive(Debug, thiserror::Error)]
pub enum LoginRefused {
    /// No live key of the account is exactly this one.
    #[error("no such SSH key")]
    UnknownKey,
    /// It is in the list of keys that nobody may use (threat T87): put there after it was added.
    #[error("the SSH key is blocked")]
    Blocked,
    /// The key or its owner may not act now.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The records fail their integrity check, or the store could not answer.
    #[error(transparent)]
    Failed(Error),
}

impl Service {
    /// The key of the account that was offered, if it may log in now. Notes the offer, which is no proof of a login:
    /// an SSH server asks about every key that a stranger merely names.
    ///
    /// # Errors
    /// [`LoginRefused`].
    pub async fn login_key(
        &self,
        account: LoginAccount<'_>,
        offered: &PublicKey,
        origin: &Origin,
    ) -> Result<LoginKey, LoginRefused> {
        let named = self.login_account(account).await?;
        let found = self.ssh_key_of(named.uuid, &offered.fingerprint()).await;
        let found = found.map_err(LoginRefused::Failed)?.ok_or(LoginRefused::UnknownKey)?;
        // The index finds by a digest; what counts is the key (threats T91, T92).
        if found.key.blob != offered.blob || found.key.kind != offered.kind {
            return Err(LoginRefused::UnknownKey);
        }
        let now = self.clock.now();
        self.last_used.mark(UseKind::SshOffer, found.key.uuid, now, origin, "offered");
        if self.is_blocked(&found.key) {
            return Err(LoginRefused::Blocked);
        }
        may_log_in(&found.owner, &found.key, now)?;
        Ok(LoginKey {
            account: found.owner.rows.account.name.clone(),
            user: found.owner.rows.user.name.clone(),
            serial: found.key.serial,
            fingerprint: found.key.fingerprint,
            expires_at: found.key.expires_at,
            line: found.key.line(),
            sources: found.key.sources,
        })
    }

    /// Notes that the key of that number opened a login of the account, as the login's own command says. Whoever may ask the
    /// gate about it may say so.
    ///
    /// # Errors
    /// [`LoginRefused::UnknownKey`] when no live key of the account has the number, [`LoginRefused::Failed`].
    pub async fn note_ssh_login(
        &self,
        account: LoginAccount<'_>,
        serial: Serial,
        origin: &Origin,
    ) -> Result<(), LoginRefused> {
        let account = self.login_account(account).await?;
        let store = |error| LoginRefused::Failed(Error::Store(error));
        let key = self.store.ssh_key_with_serial(account.uuid, serial).await.map_err(store)?;
        let key = self.intact(key.ok_or(LoginRefused::UnknownKey)?).map_err(LoginRefused::Failed)?;
        self.last_used.mark(UseKind::SshLogin, key.uuid, self.clock.now(), origin, "login");
        Ok(())
    }

    /// The account, unless somebody of another one asks: for him nothing of it is there.
    async fn login_account(&self, wanted: LoginAccount<'_>) -> Result<Account, LoginRefused> {
        let store = |error| LoginRefused::Failed(Error::Store(error));
        let LoginAccount { name, asker } = wanted;
        let named = self.store.account_named(&NameKey::of(name)).await.map_err(store)?;
        let is_it = |named: &Account| named.name == name && asker.is_none_or(|asker| asker == named.uuid);
        named.filter(is_it).ok_or(LoginRefused::UnknownKey)
    }
}
