//! Accounts beyond the first: the operator account's administrators make them, everybody reads his own.

use crate::access_keys::{CreatedKey, KeyIssue};
use crate::accounts::{Account, AccountStatus};
use crate::batch::{Effect, Require};
use crate::caller::Caller;
use crate::commit::Refused;
use crate::error::{Error, Field};
use crate::id::AccountUuid;
use crate::limits::{CONFLICT_RETRIES, LONGEST_KEY_LIFETIME_MS};
use crate::name::{Name, NameKey};
use crate::policy::{Action, Reach};
use crate::service::Service;
use crate::users::{User, check_display_name, check_email};

/// An account to be made.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// Its name.
    pub name: &'a str,
    /// Longest life of a key in milliseconds.
    pub max_key_lifetime_ms: Option<i64>,
    /// Name of its root user.
    pub administrator: &'a str,
    /// Free text about him.
    pub display_name: String,
    /// His address.
    pub email: String,
    /// His key.
    pub key: KeyIssue<'a>,
}

/// An account that was made.
#[derive(Debug)]
pub struct CreatedAccount {
    /// The account.
    pub account: Account,
    /// Its root user.
    pub user: User,
    /// His key and its secret.
    pub key: CreatedKey,
}

/// What to change of an account; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// Another longest life of keys in milliseconds, or none. Keys that are there keep theirs.
    pub max_key_lifetime_ms: Option<Option<i64>>,
    /// Enable or disable; for the operator account only, and never itself.
    pub status: Option<AccountStatus>,
}

impl Service {
    /// Makes an account with its root user and a key for him.
    ///
    /// # Errors
    /// [`Error::Denied`] outside the operator account, [`Error::TemporaryCaller`], [`Error::Invalid`],
    /// [`Error::AccountNameTaken`], [`Error::ExceedsCaller`], [`Error::CallerRevoked`].
    pub async fn create_account(
        &self,
        caller: &Caller,
        new: &NewAccount<'_>,
    ) -> Result<CreatedAccount, Error> {
        caller.require_account(Action::CreateAccount)?;
        caller.require_permanent()?;
        if !self.is_operator(caller).await? {
            return Err(Error::Denied);
        }
        let name = |field, text| Name::parse(text).map_err(|rule| Error::Invalid { field, rule });
        let account_name = name(Field::AccountName, new.name)?;
        let user_name = name(Field::UserName, new.administrator)?;
        check_display_name(&new.display_name)?;
        check_email(&new.email)?;
        check_lifetime(new.max_key_lifetime_ms)?;
        for _ in 0..CONFLICT_RETRIES {
            let now = self.clock.now();
            let random = self.random.as_ref();
            let mut account = Account {
                max_key_lifetime_ms: new.max_key_lifetime_ms,
                ..Account::new(&account_name, now, random)
            };
            account.mark = self.vault.mark(&account.mark_input());
            let mut user = User {
                display_name: new.display_name.clone(),
                email: new.email.clone(),
                ..User::root(&account, &user_name, random)
            };
            user.mark = self.vault.mark(&user.mark_input());
            let made = self.new_key(caller, &account, user.uuid, &new.key, now)?;
            let mut batch = self.batch_by(caller, now);
            batch.require.push(Require::AccountNameIsFree(account.name_key.clone()));
            batch.require.push(Require::SerialIsFree(account.serial));
            batch.effects.push(Effect::InsertAccount(account.clone()));
            batch.effects.push(Effect::InsertUser(user.clone()));
            let detail = format!("name={} root", user.name);
            batch.audit.push(caller.entry(now, Action::CreateUser, user.uuid.as_bytes(), 1, detail));
            let key = made.add_to(&mut batch, caller, account.serial, now);
            // What happens in the new account is in its own audit, its making in the maker's.
            for entry in &mut batch.audit {
                entry.account = account.uuid;
            }
            let detail = format!("name={}", account.name);
            batch.audit.push(caller.entry(now, Action::CreateAccount, account.uuid.as_bytes(), 1, detail));
            self.remember(&mut batch, caller, user.uuid.as_bytes(), now);
            match self.commit(batch).await {
                Ok(()) => return Ok(CreatedAccount { account, user, key }),
                Err(Refused::Other(Require::SerialIsFree(_) | Require::KeyIdIsFree(_))) => {}
                Err(refused) => return Err(refused.into_error(account_name.as_str(), &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Accounts in the order of their ids, at most `limit` after one: all for the operator account, else the caller's own.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Damaged`], [`Error::CallerRevoked`].
    pub async fn list_accounts(
        &self,
        caller: &Caller,
        after: Option<AccountUuid>,
        limit: u32,
    ) -> Result<Vec<Account>, Error> {
        let own = self.own_account_to_read(caller).await?;
        if caller.reach(Action::ReadAccount)? != Reach::Account || !own.is_operator() {
            return Ok(if after < Some(own.uuid) { vec![own] } else { Vec::new() });
        }
        let accounts = self.store.scan_accounts(after, limit).await?;
        let is_intact = |account: &Account| self.vault.is_marked(&account.mark_input(), &account.mark);
        if accounts.iter().all(is_intact) { Ok(accounts) } else { Err(Error::Damaged) }
    }

    /// The account of that name: the caller's own, or any for the operator account.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::AccountNotFound`] for unknown and foreign ones alike, [`Error::Damaged`].
    pub async fn get_account(&self, caller: &Caller, name: &str) -> Result<Account, Error> {
        let reach = caller.reach(Action::ReadAccount)?;
        self.find_account(caller, name, reach).await
    }

    /// Changes an account.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::AccountNotFound`], [`Error::Invalid`], [`Error::LastAdministratorKey`] when the operator
    /// account would disable itself.
    pub async fn update_account(
        &self,
        caller: &Caller,
        name: &str,
        change: &AccountChange,
    ) -> Result<Account, Error> {
        caller.require_account(Action::UpdateAccount)?;
        check_lifetime(change.max_key_lifetime_ms.flatten())?;
        for _ in 0..CONFLICT_RETRIES {
            let old = self.find_account(caller, name, Reach::Account).await?;
            let mut account = old.clone();
            account.max_key_lifetime_ms = change.max_key_lifetime_ms.unwrap_or(old.max_key_lifetime_ms);
            account.status = change.status.unwrap_or(old.status);
            if account == old {
                return Ok(account);
            }
            if account.status != old.status {
                if !self.is_operator(caller).await? {
                    return Err(Error::Denied);
                }
                if old.is_operator() {
                    return Err(Error::LastAdministratorKey);
                }
            }
            let now = self.clock.now();
            account.version += 1;
            account.modified_at = now;
            account.mark = self.vault.mark(&account.mark_input());
            let mut batch = self.batch_by(caller, now);
            batch.require.push(Require::AccountVersionIs(old.uuid, old.version));
            let life = account.max_key_lifetime_ms.map_or("none".to_owned(), |life| life.to_string());
            let detail = format!(
                "name={} status={} max_key_lifetime_ms={life}",
                account.name,
                account.status.as_str()
            );
            let (object, version) = (account.uuid, account.version);
            let mut entry = caller.entry(now, Action::UpdateAccount, object.as_bytes(), version, detail);
            entry.account = account.uuid;
            batch.audit.push(entry);
            batch.effects.push(Effect::UpdateAccount(account.clone()));
            match self.commit(batch).await {
                Ok(()) => return Ok(account),
                Err(Refused::Changed) => {}
                Err(refused) => return Err(refused.into_error("", &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    pub(crate) async fn is_operator(&self, caller: &Caller) -> Result<bool, Error> {
        Ok(self.caller_record(caller).await?.rows.account.is_operator())
    }

    async fn own_account_to_read(&self, caller: &Caller) -> Result<Account, Error> {
        caller.reach(Action::ReadAccount)?;
        Ok(self.caller_record(caller).await?.rows.account.clone())
    }

    async fn find_account(&self, caller: &Caller, name: &str, reach: Reach) -> Result<Account, Error> {
        let own = self.caller_record(caller).await?.rows.account.clone();
        if own.name == name {
            return Ok(own);
        }
        let not_found = || Error::AccountNotFound(name.to_owned());
        if reach != Reach::Account || !own.is_operator() {
            return Err(not_found());
        }
        let found = self.store.account_named(&NameKey::of(name)).await?;
        let account = found.filter(|account| account.name == name).ok_or_else(not_found)?;
        let is_intact = self.vault.is_marked(&account.mark_input(), &account.mark);
        if is_intact { Ok(account) } else { Err(Error::Damaged) }
    }
}

fn check_lifetime(life: Option<i64>) -> Result<(), Error> {
    let rule = "must be between one second and ten years";
    match life {
        Some(life) if !(1_000..=LONGEST_KEY_LIFETIME_MS).contains(&life) => {
            Err(Error::Invalid { field: Field::KeyLifetime, rule })
        }
        _ => Ok(()),
    }
}
