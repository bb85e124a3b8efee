//! The one way to write: requirements, effects and audit entries that stand or fall together.

use crate::access_keys::{AccessKey, KeyStatus, SchemeSet};
use crate::accounts::{Account, AccountStatus};
use crate::audit::AuditEntry;
use crate::caller::Credential;
use crate::clock::UnixMillis;
use crate::id::{AccountUuid, KeyId, KeyUuid, Serial, UserUuid};
use crate::idempotency::RememberedRequest;
use crate::last_used::KeyUse;
use crate::name::NameKey;
use crate::passwords::Password;
use crate::policy::Role;
use crate::ssh_keys::{Fingerprint, SshKey};
use crate::tokens::{Token, TokenHash, TokenKey};
use crate::users::{User, UserStatus};
use crate::vault::{Mark, MasterKeyId, RingRow};

/// A write. All requirements are looked at inside the transaction and before the first effect, so a refusal changes
/// nothing and needs no savepoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// What must hold.
    pub require: Vec<Require>,
    /// What changes.
    pub effects: Vec<Effect>,
    /// What the audit says of it. A batch with effects on entities has at least one entry (promise P19).
    pub audit: Vec<AuditEntry>,
}

impl Batch {
    /// Whether it changes entities without an audit entry: a mistake of the caller that a store must refuse (promise P19).
    pub fn lacks_audit(&self) -> bool {
        self.audit.is_empty() && self.effects.iter().any(Effect::is_on_entity)
    }

    /// Whether all it does to entities is to make credentials stop working. Such a batch may use the room that a store
    /// holds back for a full disk.
    pub fn only_revokes(&self) -> bool {
        !self.effects.is_empty() && self.effects.iter().all(Effect::revokes)
    }
}

/// A condition on the store at the moment of writing. The list is closed; a store evaluates each by a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Require {
    /// Nothing has been stored yet: no account exists.
    StoreIsEmpty,
    /// The caller's credential may still act: a key that is live, active, not expired at `at`, likewise its parent, or a
    /// session token of the user as he is now, or a key of such a token; its user with the same role, and its account (threat
    /// T102).
    CallerMayAct {
        /// What identified him.
        credential: Credential,
        /// Its user's role when the request was authorised.
        role: Role,
        /// The time of the request.
        at: UnixMillis,
    },
    /// The user is as it was read.
    UserVersionIs(UserUuid, u64),
    /// The key is as it was read.
    KeyVersionIs(KeyUuid, u64),
    /// The user exists and is not deleted.
    UserIsLive(UserUuid),
    /// The user's live keys are exactly these, in any order: what a deletion of the user takes along.
    LiveKeysAre(UserUuid, Vec<KeyUuid>),
    /// The SSH key is as it was read.
    SshKeyVersionIs(KeyUuid, u64),
    /// The user's live SSH keys are exactly these, in any order.
    LiveSshKeysAre(UserUuid, Vec<KeyUuid>),
    /// No live SSH key of the account is this one.
    SshKeyIsFree {
        /// The account.
        account: AccountUuid,
        /// What the key is found by.
        fingerprint: Fingerprint,
    },
    /// The user has fewer than `limit` live SSH keys.
    SshKeysBelow {
        /// The user.
        user: UserUuid,
        /// The quota.
        limit: u32,
    },
    /// No gate token of the account names the service.
    GateTokenIsFree {
        /// The account.
        account: AccountUuid,
        /// The service.
        name: String,
    },
    /// The token has not been ended.
    TokenExists(TokenHash),
    /// No live user of the account has the name, other than `except`.
    NameIsFree {
        /// The account.
        account: AccountUuid,
        /// The canonical name.
        name: NameKey,
        /// The user who may have it already: one who is being renamed.
        except: Option<UserUuid>,
    },
    /// No live account has the name.
    AccountNameIsFree(NameKey),
    /// The account is as it was read.
    AccountVersionIs(AccountUuid, u64),
    /// No request was remembered under this key since then.
    RequestIsNew {
        /// What it is recognised by.
        key: Mark,
        /// What is older is forgotten.
        remembered_since: UnixMillis,
    },
    /// No key, live or deleted, nor any key of a token has the id.
    KeyIdIsFree(KeyId),
    /// No account, user or SSH key ever had the serial.
    SerialIsFree(Serial),
    /// The user has fewer than `limit` live permanent keys whose schemes meet `schemes`, those that are being replaced left
    /// aside.
    KeysBelow {
        /// The user.
        user: UserUuid,
        /// The schemes of the dialect that counts.
        schemes: SchemeSet,
        /// The quota.
        limit: u32,
    },
    /// The key has fewer than `limit` live temporary keys that are not expired at `at`.
    ChildrenBelow {
        /// The owner of both.
        user: UserUuid,
        /// The permanent key.
        parent: KeyUuid,
        /// The quota.
        limit: u32,
        /// The time of the request.
        at: UnixMillis,
    },
    /// The user has fewer than `limit` keys of tokens that are not expired at `at`.
    TokenKeysBelow {
        /// The user.
        user: UserUuid,
        /// The quota.
        limit: u32,
        /// The time of the request.
        at: UnixMillis,
    },
    /// The live temporary keys of a key are exactly these, in any order: what a deletion of the key takes along.
    ChildrenAre {
        /// The owner of all.
        user: UserUuid,
        /// The permanent key.
        parent: KeyUuid,
        /// Its temporary keys.
        keys: Vec<KeyUuid>,
    },
    /// The account has fewer than `limit` live users.
    UsersBelow {
        /// The account.
        account: AccountUuid,
        /// The quota.
        limit: u32,
    },
    /// Apart from `lost_keys` and all keys of `lost_user`, some live, active, permanent key without audience that may act at
    /// `at` belongs to a live, active administrator of the account.
    AnotherAdminKeyRemains {
        /// The account.
        account: AccountUuid,
        /// Keys that are about to stop working.
        lost_keys: Vec<KeyUuid>,
        /// A user who is about to stop working.
        lost_user: Option<UserUuid>,
        /// The time of the request.
        at: UnixMillis,
    },
}

/// A change. Each carries the whole new row, so that a store only writes what it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A new account; takes its serial.
    InsertAccount(Account),
    /// A changed account.
    UpdateAccount(Account),
    /// A new user; takes its serial unless it is the account's root, which shares the account's.
    InsertUser(User),
    /// A changed or deleted user.
    UpdateUser(User),
    /// A new key.
    InsertKey(AccessKey),
    /// A changed or deleted key.
    UpdateKey(AccessKey),
    /// A new SSH key; takes its serial.
    InsertSshKey(SshKey),
    /// A changed or deleted SSH key.
    UpdateSshKey(SshKey),
    /// A user's password, new or in place of the one before.
    SetPassword(Password),
    /// A new token. Of its user's session tokens, those that expired before it was issued go, and the oldest beyond
    /// [`crate::tokens::SESSIONS_PER_USER`]. The keys of a token that goes go with it.
    InsertToken(Token),
    /// A token ends, and with it its keys.
    DeleteToken(Token),
    /// A new temporary key of a session token. Those of its user that expired before it was issued go.
    InsertTokenKey(TokenKey),
    /// The user's password and session tokens go, and the keys of these.
    ForgetLogin(UserUuid),
    /// A new wrapped key in the ring.
    InsertRingKey(RingRow),
    /// A key of the ring, until now wrapped by the master key `from`, as another master key wraps it.
    RewrapRingKey {
        /// The master key that wrapped it.
        from: MasterKeyId,
        /// The same key of the ring; only who wraps it has changed.
        row: RingRow,
    },
    /// `seals` more records were sealed under this data key.
    CountSeals {
        /// The data key.
        ring_key: u32,
        /// How many.
        seals: u64,
    },
    /// A request that may be sent again, in place of one under the same key; those from before `remembered_since` go.
    RememberRequest {
        /// The request.
        request: RememberedRequest,
        /// What is older is forgotten.
        remembered_since: UnixMillis,
    },
    /// Refused authentications of one minute, added up; rows of more than [`crate::refusals::KEPT_MINUTES`] before go.
    CountRefusals(crate::refusals::RefusalCount),
    /// A key was used; an older use than the stored one changes nothing.
    NoteUse(KeyUse),
}

impl Effect {
    const fn is_on_entity(&self) -> bool {
        match self {
            Effect::InsertAccount(_)
            | Effect::UpdateAccount(_)
            | Effect::InsertUser(_)
            | Effect::UpdateUser(_)
            | Effect::InsertKey(_)
            | Effect::UpdateKey(_)
            | Effect::InsertSshKey(_)
            | Effect::UpdateSshKey(_)
            | Effect::SetPassword(_)
            | Effect::InsertToken(_)
            | Effect::DeleteToken(_)
            | Effect::InsertTokenKey(_)
            | Effect::ForgetLogin(_)
            | Effect::RewrapRingKey { .. } => true,
            Effect::InsertRingKey(_)
            | Effect::CountSeals { .. }
            | Effect::RememberRequest { .. }
            | Effect::CountRefusals(_)
            | Effect::NoteUse(_) => false,
        }
    }

    fn revokes(&self) -> bool {
        match self {
            Effect::UpdateUser(user) => user.deleted_at.is_some() || user.status == UserStatus::Frozen,
            Effect::UpdateKey(key) => key.deleted_at.is_some() || key.status == KeyStatus::Inactive,
            Effect::UpdateAccount(account) => account.status == AccountStatus::Disabled,
            Effect::UpdateSshKey(key) => key.deleted_at.is_some() || key.status == KeyStatus::Inactive,
            Effect::DeleteToken(_) | Effect::ForgetLogin(_) => true,
            Effect::InsertAccount(_)
            | Effect::InsertUser(_)
            | Effect::InsertKey(_)
            | Effect::InsertSshKey(_)
            | Effect::SetPassword(_)
            | Effect::InsertToken(_)
            | Effect::InsertTokenKey(_)
            | Effect::InsertRingKey(_)
            | Effect::RewrapRingKey { .. }
            | Effect::CountSeals { .. }
            | Effect::RememberRequest { .. }
            | Effect::CountRefusals(_)
            | Effect::NoteUse(_) => false,
        }
    }
}
