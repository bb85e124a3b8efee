//! Users: the people and programs of an account.

mod read;

use std::collections::BTreeMap;
use std::fmt;

use crate::access_keys::{CreatedKey, KeyIssue, KeyKind};
use crate::accounts::Account;
use crate::batch::{Effect, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::commit::Refused;
use crate::error::{Error, Field};
use crate::id::{AccountUuid, Serial, UserUuid};
use crate::limits::{CONFLICT_RETRIES, DISPLAY_NAME_CHARS, EMAIL_CHARS, GENERATED_PASSWORD_CHARS};
use crate::name::{Name, NameKey};
use crate::policy::{Action, Role};
use crate::random::Randomness;
use crate::service::Service;
use crate::vault::{Mark, MarkInput};

pub use read::{UserList, UserPlace};

/// Fields that a dialect takes and echoes and that no decision ever reads, such as a login flag. Keyed
/// `<dialect>.<field>`.
pub type Attributes = BTreeMap<String, String>;

/// A user of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// His id; keys are bound to it.
    pub uuid: UserUuid,
    /// The number that dialects show.
    pub serial: Serial,
    /// His account.
    pub account: AccountUuid,
    /// His name, as written.
    pub name: String,
    /// What his name is unique by, among the live users of the account.
    pub name_key: NameKey,
    /// Whether he is the account's first user.
    pub is_root: bool,
    /// What he may do.
    pub role: Role,
    /// Whether his keys may act.
    pub status: UserStatus,
    /// Free text for people.
    pub display_name: String,
    /// Address for people; never mailed.
    pub email: String,
    /// Echo-only fields.
    pub attributes: Attributes,
    /// Raised with every change.
    pub version: u64,
    /// When he was made.
    pub created_at: UnixMillis,
    /// When he was last changed.
    pub modified_at: UnixMillis,
    /// When he was deleted.
    pub deleted_at: Option<UnixMillis>,
    /// The mark over all of the above.
    pub mark: Mark,
}

/// Whether a user's keys may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserStatus {
    /// They may.
    Active,
    /// They may not, whatever their own status.
    Frozen,
}

impl UserStatus {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            UserStatus::Active => "active",
            UserStatus::Frozen => "frozen",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [UserStatus::Active, UserStatus::Frozen].into_iter().find(|status| status.as_str() == text)
    }
}

impl User {
    /// A new active member without a mark.
    pub(crate) fn new(
        account: AccountUuid,
        serial: Serial,
        name: &Name,
        now: UnixMillis,
        random: &dyn Randomness,
    ) -> Self {
        Self {
            uuid: UserUuid::generate(now, random),
            serial,
            account,
            name: name.as_str().to_owned(),
            name_key: name.key().clone(),
            is_root: false,
            role: Role::Member,
            status: UserStatus::Active,
            display_name: String::new(),
            email: String::new(),
            attributes: Attributes::new(),
            version: 1,
            created_at: now,
            modified_at: now,
            deleted_at: None,
            mark: [0; 32],
        }
    }

    /// The first user of a new account, whose number he shares; without a mark.
    pub(crate) fn root(account: &Account, name: &Name, random: &dyn Randomness) -> Self {
        let user = Self::new(account.uuid, account.serial, name, account.created_at, random);
        Self { is_root: true, role: Role::Admin, ..user }
    }

    /// What the mark covers.
    pub fn mark_input(&self) -> MarkInput {
        let input = MarkInput::new("user")
            .bytes(self.uuid.as_bytes())
            .number(self.serial.get().into())
            .bytes(self.account.as_bytes())
            .text(&self.name)
            .text(self.name_key.as_str())
            .number(self.is_root.into())
            .text(self.role.as_str())
            .text(self.status.as_str())
            .text(&self.display_name)
            .text(&self.email)
            .number(self.version.cast_signed())
            .number(self.created_at.0)
            .number(self.modified_at.0)
            .maybe(self.deleted_at.map(|at| at.0));
        self.attributes.iter().fold(input, |input, (name, value)| input.text(name).text(value))
    }
}

/// Whom a request means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserRef<'a> {
    /// The user of that exact name.
    Named(&'a str),
    /// The user of that number.
    Numbered(Serial),
    /// The user of that id.
    Identified(UserUuid),
    /// Whoever asks.
    Caller,
}

impl<'a, T: AsRef<str> + ?Sized> From<&'a T> for UserRef<'a> {
    fn from(name: &'a T) -> Self {
        Self::Named(name.as_ref())
    }
}

impl fmt::Display for UserRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UserRef::Named(name) => f.write_str(name),
            UserRef::Numbered(serial) => write!(f, "{}", serial.get()),
            UserRef::Identified(uuid) => uuid.fmt(f),
            UserRef::Caller => Ok(()),
        }
    }
}

impl User {
    /// Whether a reference in a request of `caller` means this user of his account.
    pub(crate) fn is_meant_by(&self, reference: UserRef<'_>, caller: &Caller) -> bool {
        match reference {
            UserRef::Named(name) => self.name == name,
            UserRef::Numbered(serial) => self.serial == serial,
            UserRef::Identified(uuid) => self.uuid == uuid,
            UserRef::Caller => self.uuid == caller.user,
        }
    }
}

/// A user to be made.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// His name.
    pub name: &'a str,
    /// Free text for people.
    pub display_name: String,
    /// Address for people.
    pub email: String,
    /// What he may do.
    pub role: Role,
    /// Echo-only fields.
    pub attributes: Attributes,
    /// The key to make along with him, in the same transaction.
    pub first_key: Option<KeyIssue<'a>>,
}

/// A user that was made, with the key that was asked for.
#[derive(Debug)]
pub struct CreatedUser {
    /// The user.
    pub user: User,
    /// His first key and its secret.
    pub key: Option<CreatedKey>,
}

/// What to change of a user; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Another name.
    pub name: Option<String>,
    /// Other free text.
    pub display_name: Option<String>,
    /// Another address.
    pub email: Option<String>,
    /// Another role.
    pub role: Option<Role>,
    /// Freeze or thaw.
    pub status: Option<UserStatus>,
    /// Echo-only fields to set.
    pub attributes: Attributes,
}

impl Service {
    /// A password for a dialect whose cloud makes one. It opens nothing and is not kept.
    pub fn new_password(&self) -> zeroize::Zeroizing<String> {
        crate::random::password(self.random.as_ref(), GENERATED_PASSWORD_CHARS)
    }

    /// Makes a user of the caller's account.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Invalid`], [`Error::UserNameTaken`], [`Error::LimitReached`], [`Error::CallerRevoked`].
    pub async fn create_user(&self, caller: &Caller, new: NewUser<'_>) -> Result<CreatedUser, Error> {
        caller.require_account(Action::CreateUser)?;
        if new.first_key.is_some() {
            caller.require_account(Action::CreateAccessKey)?;
            caller.require_permanent()?;
        }
        let name = Name::parse(new.name).map_err(|rule| Error::Invalid { field: Field::UserName, rule })?;
        check_display_name(&new.display_name)?;
        check_email(&new.email)?;
        for _ in 0..CONFLICT_RETRIES {
            let now = self.clock.now();
            let random = self.random.as_ref();
            let mut user = User {
                role: new.role,
                display_name: new.display_name.clone(),
                email: new.email.clone(),
                attributes: new.attributes.clone(),
                ..User::new(caller.account, Serial::generate(random), &name, now, random)
            };
            user.mark = self.vault.mark(&user.mark_input());
            let key = match &new.first_key {
                Some(issue) => {
                    let account = self.caller_record(caller).await?.rows.account.clone();
                    Some(self.new_key(caller, &account, user.uuid, issue, now)?)
                }
                None => None,
            };
            let mut batch = self.batch_by(caller, now);
            batch.require.extend([
                Require::NameIsFree { account: caller.account, name: user.name_key.clone(), except: None },
                Require::UsersBelow { account: caller.account, limit: self.limits.users_per_account },
                Require::SerialIsFree(user.serial),
            ]);
            let detail = format!("name={} role={}", user.name, user.role.as_str());
            batch.audit.push(caller.entry(now, Action::CreateUser, user.uuid.as_bytes(), 1, detail));
            batch.effects.push(Effect::InsertUser(user.clone()));
            let key = key.map(|made| made.add_to(&mut batch, caller, user.serial, now));
            self.remember(&mut batch, caller, user.uuid.as_bytes(), now);
            match self.commit(batch).await {
                Ok(()) => return Ok(CreatedUser { user, key }),
                Err(Refused::Other(Require::SerialIsFree(_) | Require::KeyIdIsFree(_))) => {}
                Err(refused) => return Err(refused.into_error(name.as_str(), &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Changes a user. His id and keys stay.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::UserNotFound`], [`Error::Invalid`], [`Error::UserNameTaken`],
    /// [`Error::LastAdministratorKey`].
    pub async fn update_user(&self, caller: &Caller, name: &str, change: UserChange) -> Result<User, Error> {
        caller.require_named(Action::UpdateUser, name)?;
        let new_name = change.name.as_deref().map(Name::parse).transpose();
        let new_name = new_name.map_err(|rule| Error::Invalid { field: Field::UserName, rule })?;
        if let Some(text) = &change.display_name {
            check_display_name(text)?;
        }
        if let Some(text) = &change.email {
            check_email(text)?;
        }
        for _ in 0..CONFLICT_RETRIES {
            let record = self.find_user(caller, name.into()).await?;
            let old = &record.rows.user;
            caller.require_root_for(old)?;
            let now = self.clock.now();
            let mut user = apply(old, &change, new_name.as_ref());
            if user == *old {
                return Ok(user);
            }
            if user.is_root && user.role != Role::Admin {
                return Err(Error::Invalid { field: Field::Role, rule: "of the root user is always admin" });
            }
            user.version += 1;
            user.modified_at = now;
            user.mark = self.vault.mark(&user.mark_input());
            let mut batch = self.batch_by(caller, now);
            batch.require.push(Require::UserVersionIs(old.uuid, old.version));
            if user.name_key != old.name_key {
                let (account, name) = (user.account, user.name_key.clone());
                batch.require.push(Require::NameIsFree { account, name, except: Some(user.uuid) });
            }
            let is_frozen = user.status == UserStatus::Frozen && old.status == UserStatus::Active;
            if is_frozen || user.role != old.role {
                batch.require.extend(record.loses_admin_user(now));
            }
            let detail = describe_change(old, &user);
            batch.audit.push(caller.entry(
                now,
                Action::UpdateUser,
                user.uuid.as_bytes(),
                user.version,
                detail,
            ));
            batch.effects.push(Effect::UpdateUser(user.clone()));
            match self.commit(batch).await {
                Ok(()) => return Ok(user),
                Err(Refused::Changed) => {}
                Err(refused) => {
                    let wanted = new_name.as_ref().map_or(name, Name::as_str);
                    return Err(refused.into_error(wanted, &self.limits));
                }
            }
        }
        Err(Error::Conflict)
    }

    /// Deletes a user and, in the same transaction, all his keys, whatever dialect issued them, his SSH keys, his password
    /// and his tokens (threat T47).
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`] for the root user, [`Error::UserNotFound`], [`Error::LastAdministratorKey`].
    pub async fn delete_user(&self, caller: &Caller, name: &str) -> Result<(), Error> {
        self.remove_user(caller, name, Keys::GoWithHim).await
    }

    /// Deletes a user who has no keys of any dialect.
    ///
    /// # Errors
    /// [`Error::UserHasKeys`], and as [`delete_user`](Self::delete_user).
    pub async fn delete_user_without_keys(&self, caller: &Caller, name: &str) -> Result<(), Error> {
        self.remove_user(caller, name, Keys::KeepHim).await
    }

    async fn remove_user(&self, caller: &Caller, name: &str, keys: Keys) -> Result<(), Error> {
        caller.require_named(Action::DeleteUser, name)?;
        for _ in 0..CONFLICT_RETRIES {
            let record = self.find_user(caller, name.into()).await?;
            let old = &record.rows.user;
            if old.is_root {
                return Err(Error::RootOnly);
            }
            if keys == Keys::KeepHim && !record.rows.keys.is_empty() {
                let permanent = record.rows.keys.iter().filter(|key| key.kind == KeyKind::Permanent);
                return Err(Error::UserHasKeys(permanent.map(|key| key.key_id.clone()).collect()));
            }
            let now = self.clock.now();
            let mut user = old.clone();
            user.deleted_at = Some(now);
            user.modified_at = now;
            user.version += 1;
            user.mark = self.vault.mark(&user.mark_input());
            let mut batch = self.batch_by(caller, now);
            let live = record.rows.keys.iter().map(|key| key.uuid).collect();
            batch.require.push(Require::UserVersionIs(old.uuid, old.version));
            batch.require.push(Require::LiveKeysAre(old.uuid, live));
            // A key changed in between would be buried under a version number that its change has taken already.
            let versions = record.rows.keys.iter().map(|key| Require::KeyVersionIs(key.uuid, key.version));
            batch.require.extend(versions);
            let ssh_keys = self.directory.ssh_keys(old.account, old.uuid).await?;
            let live = ssh_keys.keys.iter().map(|key| key.uuid).collect();
            batch.require.push(Require::LiveSshKeysAre(old.uuid, live));
            batch
                .require
                .extend(ssh_keys.keys.iter().map(|key| Require::SshKeyVersionIs(key.uuid, key.version)));
            batch.require.extend(record.loses_admin_user(now));
            let (keys, ssh) = (record.rows.keys.len(), ssh_keys.keys.len());
            let detail = format!("name={} keys={keys} ssh_keys={ssh}", old.name);
            batch.audit.push(caller.entry(
                now,
                Action::DeleteUser,
                user.uuid.as_bytes(),
                user.version,
                detail,
            ));
            batch.effects.extend([Effect::ForgetLogin(user.uuid), Effect::UpdateUser(user)]);
            for key in &record.rows.keys {
                self.bury(&mut batch, caller, key, now);
            }
            for key in &ssh_keys.keys {
                self.bury_ssh_key(&mut batch, caller, key, now);
            }
            match self.commit(batch).await {
                Ok(()) => return Ok(()),
                Err(Refused::Changed) => {}
                Err(refused) => return Err(refused.into_error(name, &self.limits)),
            }
        }
        Err(Error::Conflict)
    }
}

/// What the keys of a user mean for his deletion.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    GoWithHim,
    KeepHim,
}

pub(crate) fn check_display_name(text: &str) -> Result<(), Error> {
    let field = Field::DisplayName;
    if text.chars().count() > DISPLAY_NAME_CHARS {
        return Err(Error::Invalid { field, rule: "has at most 128 characters" });
    }
    if text.chars().any(char::is_control) {
        return Err(Error::Invalid { field, rule: "must not hold control characters" });
    }
    Ok(())
}

pub(crate) fn check_email(text: &str) -> Result<(), Error> {
    let field = Field::Email;
    if text.chars().count() > EMAIL_CHARS {
        return Err(Error::Invalid { field, rule: "has at most 254 characters" });
    }
    if text.chars().any(char::is_control) {
        return Err(Error::Invalid { field, rule: "must not hold control characters" });
    }
    Ok(())
}

fn apply(old: &User, change: &UserChange, new_name: Option<&Name>) -> User {
    let mut user = old.clone();
    if let Some(name) = new_name {
        (user.name, user.name_key) = name.clone().into_parts();
    }
    if let Some(text) = &change.display_name {
        user.display_name.clone_from(text);
    }
    if let Some(text) = &change.email {
        user.email.clone_from(text);
    }
    if let Some(role) = change.role {
        user.role = role;
    }
    if let Some(status) = change.status {
        user.status = status;
    }
    user.attributes.extend(change.attributes.clone());
    user
}

fn describe_change(old: &User, new: &User) -> String {
    let mut words = vec![format!("name={}", old.name)];
    if new.name != old.name {
        words.push(format!("new_name={}", new.name));
    }
    if new.role != old.role {
        words.push(format!("role={}", new.role.as_str()));
    }
    if new.status != old.status {
        words.push(format!("status={}", new.status.as_str()));
    }
    if new.display_name != old.display_name || new.email != old.email || new.attributes != old.attributes {
        words.push("profile=changed".to_owned());
    }
    words.join(" ")
}
