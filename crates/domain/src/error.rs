//! Why a use case refused: one kind for each thing a client could act on. A dialect maps every kind to its own code and
//! text with an exhaustive match; causes stay here, for the log.

use crate::id::KeyId;
use crate::limits::LimitName;
use crate::ssh_keys::BadKey;
use crate::store::StoreError;

/// A refused use case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller's role does not reach this.
    #[error("the caller may not do this")]
    Denied,
    /// Only the account's root user may touch the root user or his keys.
    #[error("only the root user may change the root user or his keys")]
    RootOnly,
    /// The key that signed was disabled, deleted or ran out while the request was being carried out (threat T102).
    #[error("the caller's key stopped being valid during the request")]
    CallerRevoked,
    /// A temporary key tried to make keys (threat T40).
    #[error("temporary keys cannot create keys")]
    TemporaryCaller,
    /// No such user in the caller's account.
    #[error("no user `{0}`")]
    UserNotFound(String),
    /// No such key that the caller may see: unknown, deleted, of another user or of another account, told alike.
    #[error("no such access key")]
    KeyNotFound,
    /// No such SSH key that the caller may see, told alike as for access keys.
    #[error("no such SSH key")]
    SshKeyNotFound,
    /// A user of the account has the key already; which one is not told (threat T57).
    #[error("a user of the account has this SSH key already")]
    SshKeyTaken,
    /// The text is not a public key that is accepted.
    #[error("the SSH key {0}")]
    BadSshKey(#[from] BadKey),
    /// No such live token that the caller may see.
    #[error("no such token")]
    TokenNotFound,
    /// Too much is asked at once: password hashes that wait, or refusals from one source. Try again later.
    #[error("too much at once; try again later")]
    Busy,
    /// The key that a temporary key shall belong to is not a permanent, usable key that the caller may make one for: unknown,
    /// foreign, deleted, disabled, expired or temporary itself, told alike.
    #[error("no usable permanent access key to make a temporary key of")]
    ParentUnusable,
    /// The key is enabled, and what was asked for takes a disabled one.
    #[error("the access key is enabled")]
    KeyEnabled,
    /// More matches than are sorted without an index.
    #[error("too many access keys to sort by this; sort by creation time or id, or filter")]
    TooManyToSort,
    /// The key exists and the caller may see it, but it is not the key of the user whom he named.
    #[error("the access key belongs to another user")]
    KeyOfAnother,
    /// The user still has keys, and they were not to be deleted along with him.
    #[error("the user still has access keys")]
    UserHasKeys(Vec<KeyId>),
    /// The name, or one that folds to it, is taken.
    #[error("the name `{0}` is taken")]
    UserNameTaken(String),
    /// A limit of the configuration is reached.
    #[error("the limit {name} = {limit} is reached")]
    LimitReached {
        /// Which limit.
        name: LimitName,
        /// Its value.
        limit: u32,
    },
    /// The change would leave the account without a usable administrator key.
    #[error("this would take away the last usable administrator key of the account")]
    LastAdministratorKey,
    /// No such account that the caller may see.
    #[error("no account `{0}`")]
    AccountNotFound(String),
    /// The account's name, or one that folds to it, is taken.
    #[error("the account name `{0}` is taken")]
    AccountNameTaken(String),
    /// A key of that id exists, or existed once.
    #[error("the access key id is taken")]
    KeyIdTaken,
    /// The key to be made would be good for more, or longer, than the key that signed (threat T40).
    #[error("a key cannot make one that is good for more than itself: {0}")]
    ExceedsCaller(Field),
    /// The key is being replaced, or replaces one that is still good.
    #[error("the key's last rotation is not over")]
    RotationUnderWay,
    /// The same idempotency key came with another request.
    #[error("the idempotency key was used for another request")]
    RepeatDiffers,
    /// A cursor that was not made for this list, or a marker that names nothing that it could have shown.
    #[error("the cursor does not belong to this list")]
    CursorInvalid,
    /// A value breaks a rule of the domain.
    #[error("{field}: {rule}")]
    Invalid {
        /// The field, in the domain's words.
        field: Field,
        /// The rule, as a sentence.
        rule: &'static str,
    },
    /// Somebody else changed the same object at the same time, several times in a row.
    #[error("the object kept changing while this request tried to change it")]
    Conflict,
    /// The record does not carry the mark of this installation: edited by hand, or damaged (threat T60).
    #[error("a stored record failed its integrity check")]
    Damaged,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A field that a rule of the domain speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A user's name.
    UserName,
    /// A user's display name.
    DisplayName,
    /// A user's address.
    Email,
    /// A user's role.
    Role,
    /// A key's description.
    Description,
    /// An SSH key's title.
    Title,
    /// A user's password.
    Password,
    /// The signature schemes of a key.
    Schemes,
    /// Where a key may be used from.
    Sources,
    /// Which services a key is good for.
    Audience,
    /// A key's beginning of life.
    NotBefore,
    /// A key's end of life.
    Expiry,
    /// How long both keys of a rotation are good.
    Overlap,
    /// The name of an account.
    AccountName,
    /// The longest life of an account's keys.
    KeyLifetime,
    /// The id of a key that is brought along.
    KeyId,
    /// The secret of a key that is brought along.
    Secret,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Field::UserName => "user name",
            Field::DisplayName => "display name",
            Field::Email => "email",
            Field::Role => "role",
            Field::Description => "description",
            Field::Title => "title",
            Field::Password => "password",
            Field::Schemes => "schemes",
            Field::Sources => "sources",
            Field::Audience => "audience",
            Field::NotBefore => "beginning",
            Field::Expiry => "expiry",
            Field::Overlap => "overlap",
            Field::AccountName => "account name",
            Field::KeyLifetime => "longest life of keys",
            Field::KeyId => "access key id",
            Field::Secret => "secret access key",
        })
    }
}
