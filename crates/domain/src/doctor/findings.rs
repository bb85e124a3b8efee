//! What was found out about a refusal: from the reason that was noted, the key's record and the request's texts. Facts only;
//! the sentences are for the dialect to make.

use signing::{Explanation, Scheme};

use super::kept::Withheld;
use super::{Entry, Kept};
use crate::access_keys::{AccessKey, Audience, SchemeSet};
use crate::clock::UnixMillis;
use crate::decision::{Unusable, may_act};
use crate::directory::UserRecord;
use crate::net::AddressRange;
use crate::reason::Reason;

/// Something that explains a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The key belongs to nobody.
    NoSuchKey,
    /// The key was deleted.
    KeyDeleted(UnixMillis),
    /// The key may not sign in the request's scheme.
    SchemeNotAllowed {
        /// That of the request.
        used: Scheme,
        /// Those of the key.
        allowed: SchemeSet,
    },
    /// The key is disabled.
    KeyInactive,
    /// The key expired.
    KeyExpired(Option<UnixMillis>),
    /// The key is not valid before that time.
    KeyNotYetValid(Option<UnixMillis>),
    /// The key that this temporary one belongs to may not act.
    ParentUnusable,
    /// The user is frozen.
    UserFrozen,
    /// The account is disabled.
    AccountDisabled,
    /// The key may be used from these addresses only; none: those of the key that it belongs to.
    SourceNotAllowed(Vec<AddressRange>),
    /// The key is good for these services only; none: those of the key that it belongs to.
    ServiceNotAllowed(Vec<Audience>),
    /// The signature is right in the way in which the cloud's clients sign, and not for exactly this request.
    NotBound,
    /// A value that was signed was not kept, because it may be a credential: the texts lack it, so the signature could not be
    /// made again.
    Withheld(String),
    /// The body may hold a credential, which could be guessed by its digest in the texts.
    BodyWithheld,
    /// The request was too long to be kept.
    NotKept,
    /// What laying the signature open has shown, as a sentence.
    Signature(String),
}

/// A refusal, and what is known of those that it concerns.
pub(super) struct Patient<'a> {
    pub(super) entry: &'a Entry,
    pub(super) owner: Option<&'a UserRecord>,
    pub(super) key: Option<&'a AccessKey>,
    pub(super) told: Option<&'a Explanation>,
    /// The same where the signature could be made again with the key's secret.
    pub(super) judged: Option<&'a Explanation>,
    /// Whether the signature, if it is right at all, is right for exactly this request.
    pub(super) is_bound: bool,
    /// What is signed and was not kept.
    pub(super) missing: Option<&'a Withheld>,
}

impl Patient<'_> {
    /// What was found out, the likeliest first.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.of_key().into_iter().chain(self.of_state()).collect();
        findings.extend(self.of_signature());
        findings
    }

    fn of_key(&self) -> Option<Finding> {
        let Some(key) = self.key else {
            let is_unknown = self.entry.reason == Some(Reason::UnknownKey) && self.owner.is_none();
            return is_unknown.then_some(Finding::NoSuchKey);
        };
        if let Some(at) = key.deleted_at {
            return Some(Finding::KeyDeleted(at));
        }
        let used = self.entry.request()?.scheme(self.told)?;
        let allowed = key.schemes;
        (!allowed.contains(used)).then_some(Finding::SchemeNotAllowed { used, allowed })
    }

    /// Why the key may not act, as it was noted; where the refusal does not say, as its record stands now.
    fn of_state(&self) -> Option<Finding> {
        let key = self.key.filter(|key| key.deleted_at.is_none())?;
        let noted = match self.entry.reason {
            Some(Reason::KeyInactive) => Some(Unusable::KeyInactive),
            Some(Reason::KeyExpired) => Some(Unusable::KeyExpired),
            Some(Reason::KeyNotYetValid) => Some(Unusable::KeyNotYetValid),
            Some(Reason::ParentUnusable) => Some(Unusable::ParentUnusable),
            Some(Reason::UserFrozen) => Some(Unusable::UserFrozen),
            Some(Reason::AccountDisabled) => Some(Unusable::AccountDisabled),
            Some(Reason::SourceNotAllowed) => Some(Unusable::SourceNotAllowed),
            Some(Reason::ServiceNotAllowed) => Some(Unusable::ServiceNotAllowed),
            _ => None,
        };
        let now = || {
            let (source, service) = (self.entry.origin.source, self.entry.service.as_deref());
            may_act(self.owner?, key, self.entry.at, source, service).err()
        };
        Some(match noted.or_else(now)? {
            Unusable::KeyInactive => Finding::KeyInactive,
            Unusable::KeyExpired => Finding::KeyExpired(key.expires_at),
            Unusable::KeyNotYetValid => Finding::KeyNotYetValid(key.not_before),
            Unusable::ParentUnusable => Finding::ParentUnusable,
            Unusable::UserFrozen => Finding::UserFrozen,
            Unusable::AccountDisabled => Finding::AccountDisabled,
            Unusable::SourceNotAllowed => Finding::SourceNotAllowed(key.sources.clone()),
            Unusable::ServiceNotAllowed => Finding::ServiceNotAllowed(key.audience.clone()),
        })
    }

    fn of_signature(&self) -> Vec<Finding> {
        if matches!(self.entry.request, Kept::TooLong) {
            return vec![Finding::NotKept];
        }
        if let Some(Withheld::Header(name) | Withheld::Parameter(name)) = self.missing {
            return vec![Finding::Withheld(name.clone())];
        }
        if !self.is_bound {
            return vec![Finding::NotBound];
        }
        let is_right = self.judged.is_some_and(|judged| judged.matches);
        match self.entry.reason {
            // What is left of a right signature is a remark that nobody asked for, unless it is about the clock.
            reason if is_right && reason != Some(Reason::Stale) => Vec::new(),
            _ => self.of_texts(),
        }
    }

    fn of_texts(&self) -> Vec<Finding> {
        let Some(told) = self.told else { return Vec::new() };
        let hides = self.entry.request().is_some_and(|request| request.hides_texts(self.told));
        // The last line of a canonical request is the body's digest.
        let digest = told.canonical_request.as_deref().and_then(|text| text.rsplit('\n').next());
        let is_shown = |cause: &&String| !(hides && digest.is_some_and(|digest| cause.contains(digest)));
        let shown = told.causes.iter().filter(is_shown).cloned().map(Finding::Signature);
        shown.chain(hides.then_some(Finding::BodyWithheld)).collect()
    }
}
