//! Accounts (tenants), and the first start that creates one.

mod tenants;

use std::sync::Arc;

use crate::access_keys::{AccessKey, KeyKind, KeyStatus, SchemeSet, SignedTime};
use crate::audit::AuditEntry;
use crate::batch::{Batch, Effect, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::directory::UserRecord;
use crate::error::{Error, Field};
use crate::id::{AccountUuid, KeyId, KeyUuid, Serial};
use crate::name::{Name, NameKey};
use crate::passwords::check_new_password;
use crate::policy::Action;
use crate::random::Randomness;
use crate::secret::Secret;
use crate::service::Service;
use crate::store::CommitError;
use crate::users::User;
use crate::vault::{Mark, MarkInput};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub uuid: AccountUuid,
    /// The number that dialects show.
    pub serial: Serial,
    /// Its name, as written.
    pub name: String,
    /// What its name is unique by, among live accounts.
    pub name_key: NameKey,
    /// Whether its keys may act.
    pub status: AccountStatus,
    /// Longest life of a key in milliseconds, where the account sets one.
    pub max_key_lifetime_ms: Option<i64>,
    /// Raised with every change.
    pub version: u64,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub modified_at: UnixMillis,
    /// When it was deleted.
    pub deleted_at: Option<UnixMillis>,
    /// The mark over all of the above.
    pub mark: Mark,
}

/// Whether an account's keys may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// They may.
    Active,
    /// They may not, whatever their own status.
    Disabled,
}

impl AccountStatus {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            AccountStatus::Active => "active",
            AccountStatus::Disabled => "disabled",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [AccountStatus::Active, AccountStatus::Disabled].into_iter().find(|status| status.as_str() == text)
    }
}

/// The account that a first start creates, and whose administrators may make others.
pub const OPERATOR: &str = "default";

impl Account {
    /// Whether its administrators may make accounts. No second account can take the name.
    pub fn is_operator(&self) -> bool {
        self.name_key.as_str() == OPERATOR
    }

    /// A new active account without limits and without a mark.
    pub(crate) fn new(name: &Name, now: UnixMillis, random: &dyn Randomness) -> Self {
        Self {
            uuid: AccountUuid::generate(now, random),
            serial: Serial::generate(random),
            name: name.as_str().to_owned(),
            name_key: name.key().clone(),
            status: AccountStatus::Active,
            max_key_lifetime_ms: None,
            version: 1,
            created_at: now,
            modified_at: now,
            deleted_at: None,
            mark: [0; 32],
        }
    }

    /// What the mark covers.
    pub fn mark_input(&self) -> MarkInput {
        MarkInput::new("account")
            .bytes(self.uuid.as_bytes())
            .number(self.serial.get().into())
            .text(&self.name)
            .text(self.name_key.as_str())
            .text(self.status.as_str())
            .maybe(self.max_key_lifetime_ms)
            .number(self.version.cast_signed())
            .number(self.created_at.0)
            .number(self.modified_at.0)
            .maybe(self.deleted_at.map(|at| at.0))
    }
}

pub use tenants::{AccountChange, CreatedAccount, NewAccount};

/// The administrator that a first start creates.
#[derive(Debug)]
pub struct FirstAdministrator {
    /// Name of the account.
    pub account: String,
    /// Name of its root user.
    pub user: String,
    /// Id of his access key.
    pub key_id: String,
    /// Its secret.
    pub secret: Secret,
    /// His password; without one nobody can log in for him.
    pub password: Option<Secret>,
}

/// Rules for a given id: 16 to 128 of `[A-Za-z0-9_-]`, which every scheme and every client can carry.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_given_key_id(id: &str) -> Result<(), Error> {
    let fits = (16..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let rule = "must be 16 to 128 letters, digits, _ or -";
    if fits { Ok(()) } else { Err(Error::Invalid { field: Field::KeyId, rule }) }
}

/// Rules for a given secret: 16 to 256 printable ASCII characters without blanks.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_given_secret(secret: &Secret) -> Result<(), Error> {
    let fits =
        (16..=256).contains(&secret.expose().len()) && secret.expose().iter().all(u8::is_ascii_graphic);
    let rule = "must be 16 to 256 printable ASCII characters without blanks";
    if fits { Ok(()) } else { Err(Error::Invalid { field: Field::Secret, rule }) }
}

impl Service {
    /// The caller's own account.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::CallerRevoked`].
    pub async fn own_account(&self, caller: &Caller) -> Result<Account, Error> {
        caller.reach(Action::DescribeService)?;
        Ok(self.caller_record(caller).await?.rows.account.clone())
    }

    /// The caller's own record.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::CallerRevoked`].
    pub async fn own_record(&self, caller: &Caller) -> Result<Arc<UserRecord>, Error> {
        caller.reach(Action::DescribeService)?;
        self.caller_record(caller).await
    }

    /// Creates the first account with its root user and one key that may sign in every scheme. `false` when the store
    /// already holds an account; then nothing changes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a given name, id or secret against the rules; [`Error::Store`].
    pub async fn create_first_administrator(&self, first: FirstAdministrator) -> Result<bool, Error> {
        check_given_key_id(&first.key_id)?;
        check_given_secret(&first.secret)?;
        if let Some(password) = &first.password {
            check_new_password(password)?;
        }
        let name =
            |text: &str| Name::parse(text).map_err(|rule| Error::Invalid { field: Field::UserName, rule });
        let now = self.clock.now();
        let random = self.random.as_ref();
        let mut account = Account::new(&name(&first.account)?, now, random);
        account.mark = self.vault.mark(&account.mark_input());
        let mut user = User::root(&account, &name(&first.user)?, random);
        user.mark = self.vault.mark(&user.mark_input());
        let mut key = AccessKey {
            uuid: KeyUuid::generate(now, random),
            key_id: KeyId::new(first.key_id),
            account: account.uuid,
            user: user.uuid,
            parent: None,
            dialect: "bootstrap".to_owned(),
            schemes: SchemeSet::all(),
            kind: KeyKind::Permanent,
            status: KeyStatus::Active,
            sealed: None,
            sources: Vec::new(),
            not_before: None,
            expires_at: None,
            audience: Vec::new(),
            signed_time: SignedTime::AsScheme,
            successor: None,
            description: "first administrator".to_owned(),
            version: 1,
            created_at: now,
            created_by: user.uuid,
            modified_at: now,
            modified_by: user.uuid,
            deleted_at: None,
            deleted_by: None,
            mark: [0; 32],
        };
        let seals = self.seal_into(&mut key, &first.secret)?;
        let audit = |action: &'static str, object: &[u8; 16], detail: String| AuditEntry {
            at: now,
            account: account.uuid,
            actor: None,
            actor_key: None,
            request: None,
            source: None,
            dialect: "bootstrap".into(),
            action: action.into(),
            object: *object,
            object_version: 1,
            detail,
        };
        let audit = vec![
            audit("account.create", account.uuid.as_bytes(), format!("name={}", account.name)),
            audit(Action::CreateUser.as_str(), user.uuid.as_bytes(), format!("name={} root", user.name)),
            audit(Action::CreateAccessKey.as_str(), key.uuid.as_bytes(), format!("key={}", key.key_id)),
        ];
        let password = match &first.password {
            Some(password) => Some(self.new_password_row(user.uuid, password, now).await?),
            None => None,
        };
        let mut batch = Batch {
            require: vec![Require::StoreIsEmpty],
            effects: vec![
                Effect::InsertAccount(account),
                Effect::InsertUser(user),
                Effect::InsertKey(key),
                seals,
            ],
            audit,
        };
        batch.effects.extend(password.map(Effect::SetPassword));
        match self.store.commit(batch).await {
            Ok(()) => Ok(true),
            Err(CommitError::Refused(_)) => Ok(false),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}
