//! Who calls: a value that only a verified credential can produce (structural rule S1).

use std::net::IpAddr;

use signing::Payload;

use crate::access_keys::KeyLimits;
use crate::audit::AuditEntry;
use crate::clock::UnixMillis;
use crate::error::Error;
use crate::id::{AccountUuid, KeyId, KeyUuid, RequestId, Serial, UserUuid};
use crate::idempotency::Repeatable;
use crate::policy::{Action, Reach, Rights, Role};
use crate::tokens::TokenHash;
use crate::users::{User, UserRef};

/// Where a request came from and under which id it is logged. Known before anybody is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The id told to the client.
    pub request: RequestId,
    /// The client's address, taken from trusted proxies only.
    pub source: Option<IpAddr>,
    /// The dialect that carries the request, as in its registry row.
    pub dialect: &'static str,
}

/// What identified a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// The access key that signed.
    Key(KeyUuid),
    /// The session token that came with the request.
    Token(TokenHash),
    /// The temporary key of a session token that signed.
    TokenKey(KeyUuid),
}

/// A verified caller. Its fields are private: the only ways to get one are [`crate::Service::authenticate`] and
/// [`crate::Service::authenticate_token`].
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) account: AccountUuid,
    pub(crate) account_name: String,
    pub(crate) account_serial: Serial,
    pub(crate) user: UserUuid,
    pub(crate) user_serial: Serial,
    pub(crate) user_name: String,
    pub(crate) is_root: bool,
    pub(crate) role: Role,
    pub(crate) rights: Rights,
    pub(crate) key: Credential,
    pub(crate) key_id: KeyId,
    pub(crate) temporary: bool,
    pub(crate) limits: Option<Box<KeyLimits>>,
    pub(crate) repeatable: Option<Box<Repeatable>>,
    pub(crate) signature_tag: Option<String>,
    pub(crate) payload: Payload,
    pub(crate) origin: Origin,
}

impl Caller {
    /// The caller's account.
    pub const fn account(&self) -> AccountUuid {
        self.account
    }

    /// The name of the caller's account, as written.
    pub fn account_name(&self) -> &str {
        &self.account_name
    }

    /// The number of the caller's account.
    pub const fn account_serial(&self) -> Serial {
        self.account_serial
    }

    /// The caller's user.
    pub const fn user(&self) -> UserUuid {
        self.user
    }

    /// The user's number; root's is his account's.
    pub const fn user_serial(&self) -> Serial {
        self.user_serial
    }

    /// The user's name, as written.
    pub fn user_name(&self) -> &str {
        &self.user_name
    }

    /// Whether the caller is the root user of his account.
    pub const fn is_root(&self) -> bool {
        self.is_root
    }

    /// The caller's role.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// What identified him.
    pub const fn key(&self) -> Credential {
        self.key
    }

    /// The id of the key that signed; for a token, a name that it has in log and audit and that is no secret.
    pub const fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// Whether a temporary key signed.
    pub const fn is_temporary(&self) -> bool {
        self.temporary
    }

    /// Where the request came from.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whose objects `action` reaches for this caller.
    ///
    /// # Errors
    /// [`Error::Denied`] when it reaches nobody's.
    pub fn reach(&self, action: Action) -> Result<Reach, Error> {
        match self.rights.reach(action) {
            Reach::Nobody => Err(Error::Denied),
            reach @ (Reach::Own | Reach::Account) => Ok(reach),
        }
    }

    /// What the key that signed is limited to.
    pub(crate) fn limits(&self) -> &KeyLimits {
        self.limits.as_deref().unwrap_or(KeyLimits::NONE)
    }

    /// Asks for `action` on an object of the whole account, such as its list of users.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub fn require_account(&self, action: Action) -> Result<(), Error> {
        if self.reach(action)? == Reach::Account { Ok(()) } else { Err(Error::Denied) }
    }

    /// Asks for `action` on a user named in the request, before that user is looked up: a caller who reaches only himself
    /// learns nothing about other names (threat T38).
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub fn require_named<'u>(&self, action: Action, user: impl Into<UserRef<'u>>) -> Result<(), Error> {
        match self.reach(action)? {
            Reach::Account => Ok(()),
            Reach::Own if self.is_meant_by(user.into()) => Ok(()),
            Reach::Own | Reach::Nobody => Err(Error::Denied),
        }
    }

    /// Whether the reference is to the caller himself.
    pub fn is_meant_by(&self, user: UserRef<'_>) -> bool {
        match user {
            UserRef::Named(name) => name == self.user_name,
            UserRef::Numbered(serial) => serial == self.user_serial,
            UserRef::Identified(uuid) => uuid == self.user,
            UserRef::Caller => true,
        }
    }

    /// Root's keys and root's own record are changed by root alone (threat T41).
    pub(crate) fn require_root_for(&self, target: &User) -> Result<(), Error> {
        if target.is_root && target.uuid != self.user { Err(Error::RootOnly) } else { Ok(()) }
    }

    /// The same caller with one action taken away; tests only.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn without(mut self, action: Action) -> Self {
        self.rights = self.rights.except(action);
        self
    }
}

impl Caller {
    /// Temporary keys cannot make keys (threat T40).
    pub(crate) fn require_permanent(&self) -> Result<(), Error> {
        if self.temporary { Err(Error::TemporaryCaller) } else { Ok(()) }
    }

    /// An audit entry for what this caller does.
    pub(crate) fn entry(
        &self,
        at: UnixMillis,
        action: Action,
        object: &[u8; 16],
        object_version: u64,
        detail: String,
    ) -> AuditEntry {
        let mut detail = detail;
        if let Some(tag) = &self.signature_tag {
            detail.push_str(&format!(" signature={tag}"));
        }
        if self.payload == Payload::Unsigned {
            // Whoever sat in between may have written the body (threat T08).
            detail.push_str(" payload=unsigned");
        }
        AuditEntry {
            at,
            account: self.account,
            actor: Some(self.user),
            actor_key: Some(self.key_id.clone()),
            request: Some(self.origin.request),
            source: self.origin.source.map(|source| source.to_string()),
            dialect: self.origin.dialect.into(),
            action: action.as_str().into(),
            object: *object,
            object_version,
            detail,
        }
    }
}
