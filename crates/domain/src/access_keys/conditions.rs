//! When, where and for what a key may be used; and what the key that makes another one passes on (threat T40).

use super::{AccessKey, KeyIssue};
use crate::accounts::Account;
use crate::clock::UnixMillis;
use crate::error::{Error, Field};
use crate::limits::{AUDIENCE_CHARS, CONDITION_ITEMS};
use crate::net::AddressRange;

/// A service that a key is good for, as the gate names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audience(String);

impl Audience {
    /// Accepts 1 to 64 letters, digits, `_`, `.` and `-`, the first a letter, digit or `_`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let fits = begins_well && text.len() <= AUDIENCE_CHARS && text.chars().all(is_allowed);
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether requests that are signed with a key must tell their time, in schemes that leave it open (threat T26).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignedTime {
    /// As the scheme has it.
    #[default]
    AsScheme,
    /// They must; where the time is optional they need a nonce too.
    Required,
}

impl SignedTime {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            SignedTime::AsScheme => "scheme",
            SignedTime::Required => "required",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [SignedTime::AsScheme, SignedTime::Required].into_iter().find(|rule| rule.as_str() == text)
    }
}

/// What a key to be made is limited to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Where it may be used from; empty means anywhere.
    pub sources: Vec<AddressRange>,
    /// What it is good for; empty means everything.
    pub audience: Vec<Audience>,
    /// From when on it may act.
    pub not_before: Option<UnixMillis>,
    /// Whether its requests must tell their time.
    pub signed_time: SignedTime,
}

/// What the key that signed is limited to. Keys that it makes or changes are so too (threat T40): who holds a key that ends
/// on Friday, or that works at one address only, cannot make himself one without that limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLimits {
    sources: Vec<AddressRange>,
    ends_at: Option<UnixMillis>,
}

impl KeyLimits {
    /// None.
    pub(crate) const NONE: &'static Self = &Self { sources: Vec::new(), ends_at: None };

    /// The limits of a key; most have none. `parent` is the key that it belongs to: what limits that one limits it as well, and
    /// its end is its own whatever the account allows.
    pub(crate) fn of(key: &AccessKey, parent: Option<&AccessKey>, account: &Account) -> Option<Box<Self>> {
        let limits = match parent {
            None => Self { sources: key.sources.clone(), ends_at: key.own_end(account) },
            Some(parent) => Self { sources: common(&key.sources, &parent.sources), ends_at: key.expires_at },
        };
        (limits != *Self::NONE).then(|| Box::new(limits))
    }

    /// Those of a key that is limited by nothing but its end.
    pub(crate) const fn ending(at: UnixMillis) -> Self {
        Self { sources: Vec::new(), ends_at: Some(at) }
    }

    /// The end of a key whose end was not, or was asked to be, this.
    pub(crate) fn end(&self, asked: Option<UnixMillis>) -> Result<Option<UnixMillis>, Error> {
        match (asked, self.ends_at) {
            (Some(asked), Some(limit)) if asked > limit => Err(Error::ExceedsCaller(Field::Expiry)),
            (asked, limit) => Ok(asked.or(limit)),
        }
    }

    /// An end that is no later than the caller's own.
    pub(crate) fn cap(&self, end: Option<UnixMillis>) -> Option<UnixMillis> {
        end.into_iter().chain(self.ends_at).min()
    }

    /// Whether a key may be given this end.
    pub(crate) fn allow_end(&self, end: Option<UnixMillis>) -> Result<(), Error> {
        if self.end(end)? == end { Ok(()) } else { Err(Error::ExceedsCaller(Field::Expiry)) }
    }

    /// Whether a key may be given these sources.
    pub(crate) fn allow_sources(&self, sources: &[AddressRange]) -> Result<(), Error> {
        if self.sources(sources)? == sources { Ok(()) } else { Err(Error::ExceedsCaller(Field::Sources)) }
    }

    /// Whether a password may be set: it has neither end nor networks, and neither have the keys that a login can make.
    pub(crate) fn allow_password(&self) -> Result<(), Error> {
        if self == Self::NONE { Ok(()) } else { Err(Error::ExceedsCaller(Field::Password)) }
    }

    /// The sources of a key whose sources were not, or were asked to be, these.
    pub(crate) fn sources(&self, asked: &[AddressRange]) -> Result<Vec<AddressRange>, Error> {
        let is_within = |asked: &AddressRange| self.sources.iter().any(|limit| limit.covers(asked));
        if asked.is_empty() || self.sources.is_empty() {
            Ok(if asked.is_empty() { self.sources.clone() } else { asked.to_vec() })
        } else if asked.iter().all(is_within) {
            Ok(asked.to_vec())
        } else {
            Err(Error::ExceedsCaller(Field::Sources))
        }
    }
}

/// The networks that are in both lists; an empty list is every network.
fn common(some: &[AddressRange], others: &[AddressRange]) -> Vec<AddressRange> {
    match (some, others) {
        (all, []) | ([], all) => all.to_vec(),
        _ => {
            let within =
                |range: &&AddressRange, list: &[AddressRange]| list.iter().any(|limit| limit.covers(range));
            let narrower = others.iter().filter(|range| within(range, some) && !some.contains(range));
            some.iter().filter(|range| within(range, others)).chain(narrower).copied().collect()
        }
    }
}

impl AccessKey {
    /// The end that was set for this very key: one that merely is the account's longest life says nothing of its holder.
    pub(crate) fn own_end(&self, account: &Account) -> Option<UnixMillis> {
        let longest = account.max_key_lifetime_ms.map(|life| self.created_at.plus(life));
        self.expires_at.filter(|end| longest.is_none_or(|longest| *end < longest))
    }

    /// Whether it could call an API of this server at `at`, its owner left aside.
    pub(crate) fn can_administrate(&self, at: UnixMillis) -> bool {
        self.kind == super::KeyKind::Permanent
            && self.status == super::KeyStatus::Active
            && !self.is_expired(at)
            && self.not_before.is_none_or(|start| start <= at)
            && self.audience.is_empty()
    }
}

impl KeyIssue<'_> {
    /// Its conditions against the rules.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.schemes.bits() == 0 {
            return Err(Error::Invalid { field: Field::Schemes, rule: "must name at least one scheme" });
        }
        check_conditions(&self.conditions.sources, &self.conditions.audience)?;
        check_times(self.conditions.not_before, self.expires_at)
    }
}

/// Bounds on lists: a key is read with every request.
pub(crate) fn check_conditions(sources: &[AddressRange], audience: &[Audience]) -> Result<(), Error> {
    let rule = "has at most 64 items";
    if sources.len() > CONDITION_ITEMS {
        return Err(Error::Invalid { field: Field::Sources, rule });
    }
    if audience.len() > CONDITION_ITEMS {
        return Err(Error::Invalid { field: Field::Audience, rule });
    }
    Ok(())
}

/// A key that ends before it begins is a slip.
pub(crate) fn check_times(not_before: Option<UnixMillis>, end: Option<UnixMillis>) -> Result<(), Error> {
    match (not_before, end) {
        (Some(start), Some(end)) if end <= start => {
            Err(Error::Invalid { field: Field::NotBefore, rule: "must lie before the end" })
        }
        _ => Ok(()),
    }
}
