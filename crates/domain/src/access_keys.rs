//! Access keys: an id that travels in requests and a secret that signs them. The types; the use cases are in the files
//! below.

mod change;
mod conditions;
mod import;
mod issue;
mod list;
mod read;
mod rotate;
mod temporary;

use std::fmt;

use signing::Scheme;

use crate::clock::UnixMillis;
use crate::error::{Error, Field};
use crate::id::{AccountUuid, KeyId, KeyUuid, UserUuid};
use crate::limits::DESCRIPTION_CHARS;
use crate::net::AddressRange;
use crate::vault::{Binding, Mark, MarkInput};

pub use change::{Doomed, KeyChange, KeyRef};
pub(crate) use conditions::check_conditions;
pub use conditions::{Audience, Conditions, KeyLimits, SignedTime};
pub use import::ImportedKey;
pub use issue::{CreatedKey, KeyIssue, KeyShape};
pub use list::{
    Direction, KeyField, KeyFilter, KeyList, KeyQuery, KeyScan, KeyScanPage, KeySort, Tombstones, Total,
};
pub use rotate::{RotatedKey, Rotation};

/// An access key without its secret, which stays sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Its record.
    pub uuid: KeyUuid,
    /// What travels in requests; unique over the server, never given out again.
    pub key_id: KeyId,
    /// Its account.
    pub account: AccountUuid,
    /// Its owner; never changes.
    pub user: UserUuid,
    /// The key that a temporary key belongs to.
    pub parent: Option<KeyUuid>,
    /// The dialect that issued it.
    pub dialect: String,
    /// Which schemes it may sign in.
    pub schemes: SchemeSet,
    /// Permanent or temporary.
    pub kind: KeyKind,
    /// Enabled or disabled.
    pub status: KeyStatus,
    /// The sealed secret; gone once the key is deleted.
    pub sealed: Option<Vec<u8>>,
    /// Where it may be used from; empty means anywhere.
    pub sources: Vec<AddressRange>,
    /// From when on it may act.
    pub not_before: Option<UnixMillis>,
    /// From when on it may not act any more.
    pub expires_at: Option<UnixMillis>,
    /// What it is good for; empty means everything.
    pub audience: Vec<Audience>,
    /// Whether its requests must tell their time.
    pub signed_time: SignedTime,
    /// The key that takes its place: this one is on its way out.
    pub successor: Option<KeyId>,
    /// Free text.
    pub description: String,
    /// Raised with every change.
    pub version: u64,
    /// When and by whom it was made.
    pub created_at: UnixMillis,
    /// Who made it.
    pub created_by: UserUuid,
    /// When it was last changed.
    pub modified_at: UnixMillis,
    /// Who last changed it.
    pub modified_by: UserUuid,
    /// When it was deleted.
    pub deleted_at: Option<UnixMillis>,
    /// Who deleted it.
    pub deleted_by: Option<UserUuid>,
    /// The mark over all of the above but the sealed secret, which has a tag of its own.
    pub mark: Mark,
}

/// Enabled or disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// May act.
    Active,
    /// May not.
    Inactive,
}

impl KeyStatus {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyStatus::Active => "active",
            KeyStatus::Inactive => "inactive",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [KeyStatus::Active, KeyStatus::Inactive].into_iter().find(|status| status.as_str() == text)
    }
}

/// Permanent or temporary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Lives until it is deleted or expires.
    Permanent,
    /// Belongs to a parent, never outlives it, cannot create keys.
    Temporary,
}

impl KeyKind {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyKind::Permanent => "permanent",
            KeyKind::Temporary => "temporary",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [KeyKind::Permanent, KeyKind::Temporary].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Schemes that are counted together: those of one cloud.
const QUOTA_GROUPS: [SchemeSet; 5] = [
    SchemeSet::of(&[Scheme::Scloud]),
    SchemeSet::of(&[Scheme::Tc3, Scheme::TencentV1]),
    SchemeSet::of(&[Scheme::SdkHmacSha256]),
    SchemeSet::of(&[Scheme::Scp]),
    SchemeSet::of(&[Scheme::Aws4]),
];

/// A set of signature schemes, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemeSet(u8);

impl SchemeSet {
    /// The set of these.
    pub const fn of(schemes: &[Scheme]) -> Self {
        let mut bits = 0;
        let mut rest = schemes;
        while let [first, tail @ ..] = rest {
            bits |= first.bit();
            rest = tail;
        }
        Self(bits)
    }

    /// Every scheme.
    pub const fn all() -> Self {
        Self::of(&Scheme::ALL)
    }

    /// The stored bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Reads stored bits; unknown ones are kept and match nothing.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether `scheme` is in it.
    pub const fn contains(self, scheme: Scheme) -> bool {
        self.0 & scheme.bit() != 0
    }

    /// Whether every scheme of it is in `other` too.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The groups of schemes that a key of these schemes counts in: the quota is one for each cloud.
    pub fn quota_groups(self) -> impl Iterator<Item = Self> {
        QUOTA_GROUPS.into_iter().filter(move |group| group.meets(self))
    }

    /// The schemes that both have.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the two sets share a scheme.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Which keys a dialect shows and edits. What it counts as a user's quota are the permanent ones alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyScope {
    /// Those that may sign in one of its schemes.
    pub schemes: SchemeSet,
    /// Whether temporary keys are among them.
    pub temporary: TemporaryKeys,
}

/// Whether a dialect shows temporary keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemporaryKeys {
    /// It does not: they never show in its lists.
    Hidden,
    /// It does.
    Shown,
}

impl From<SchemeSet> for KeyScope {
    fn from(schemes: SchemeSet) -> Self {
        Self { schemes, temporary: TemporaryKeys::Hidden }
    }
}

impl KeyScope {
    /// Whether it has `key`.
    pub fn shows(self, key: &AccessKey) -> bool {
        let kind = key.kind == KeyKind::Permanent || self.temporary == TemporaryKeys::Shown;
        kind && key.schemes.meets(self.schemes)
    }
}

impl fmt::Display for SchemeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            Scheme::ALL.into_iter().filter(|scheme| self.contains(*scheme)).map(Scheme::as_str).collect();
        f.write_str(&names.join(","))
    }
}

impl AccessKey {
    /// What the mark covers.
    pub fn mark_input(&self) -> MarkInput {
        let mut input = MarkInput::new("access-key")
            .bytes(self.uuid.as_bytes())
            .text(self.key_id.as_str())
            .bytes(self.account.as_bytes())
            .bytes(self.user.as_bytes())
            .bytes(self.parent.as_ref().map_or(&[], |id| id.as_bytes().as_slice()))
            .text(&self.dialect)
            .number(self.schemes.bits().into())
            .text(self.kind.as_str())
            .text(self.status.as_str())
            .maybe(self.not_before.map(|at| at.0))
            .maybe(self.expires_at.map(|at| at.0))
            .text(&self.description)
            .number(self.version.cast_signed())
            .number(self.created_at.0)
            .bytes(self.created_by.as_bytes())
            .number(self.modified_at.0)
            .bytes(self.modified_by.as_bytes())
            .maybe(self.deleted_at.map(|at| at.0))
            .bytes(self.deleted_by.as_ref().map_or(&[], |id| id.as_bytes().as_slice()));
        for range in &self.sources {
            input = input.text(&range.to_string());
        }
        // What came later is left out where it is not set, so that marks of older rows stay good. None of these texts is a
        // range or another of these.
        for audience in &self.audience {
            input = input.text(&format!("audience={}", audience.as_str()));
        }
        if self.signed_time != SignedTime::AsScheme {
            input = input.text(&format!("signed_time={}", self.signed_time.as_str()));
        }
        if let Some(successor) = &self.successor {
            input = input.text(&format!("successor={successor}"));
        }
        input
    }

    /// What the sealed secret belongs to.
    pub fn binding(&self) -> Binding<'_> {
        Binding {
            kind: "access-key",
            record: self.uuid.as_bytes(),
            account: self.account.as_bytes(),
            owner: self.user.as_bytes(),
            dialect: &self.dialect,
        }
    }

    /// Whether a dialect of those schemes, or of that scope, lists and edits it.
    pub fn is_shown_by(&self, scope: impl Into<KeyScope>) -> bool {
        scope.into().shows(self)
    }

    /// Whether its time is up.
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

fn check_description(text: &str) -> Result<(), Error> {
    let field = Field::Description;
    if text.chars().count() > DESCRIPTION_CHARS {
        return Err(Error::Invalid { field, rule: "has at most 1024 characters" });
    }
    if text.chars().any(char::is_control) {
        return Err(Error::Invalid { field, rule: "must not hold control characters" });
    }
    Ok(())
}
