//! The one decision: may this credential act now (structural rule S3)? Dialects, console and gate all ask here.

use std::net::IpAddr;

use crate::access_keys::{AccessKey, KeyStatus};
use crate::accounts::AccountStatus;
use crate::clock::UnixMillis;
use crate::directory::UserRecord;
use crate::reason::Reason;
use crate::ssh_keys::SshKey;
use crate::tokens::{Token, TokenError, TokenKey, TokenKind};
use crate::users::UserStatus;

/// Why a known credential may not act now. Told only to somebody who proved that he holds the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The key is disabled.
    #[error("the access key is disabled")]
    KeyInactive,
    /// The key's time is up.
    #[error("the access key has expired")]
    KeyExpired,
    /// The key's time has not come.
    #[error("the access key is not valid yet")]
    KeyNotYetValid,
    /// The key or token that it belongs to may not act.
    #[error("what this temporary key belongs to may not be used")]
    ParentUnusable,
    /// The user is frozen.
    #[error("the user is frozen")]
    UserFrozen,
    /// The account is disabled.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The request comes from an address that the key does not allow, or from an unknown one.
    #[error("the access key may not be used from this address")]
    SourceNotAllowed,
    /// The key is good for other services only.
    #[error("the access key is not good for this service")]
    ServiceNotAllowed,
}

impl Unusable {
    /// The reason for log, metrics, the count of refusals and the doctor.
    pub const fn reason(self) -> Reason {
        match self {
            Unusable::KeyInactive => Reason::KeyInactive,
            Unusable::KeyExpired => Reason::KeyExpired,
            Unusable::KeyNotYetValid => Reason::KeyNotYetValid,
            Unusable::ParentUnusable => Reason::ParentUnusable,
            Unusable::UserFrozen => Reason::UserFrozen,
            Unusable::AccountDisabled => Reason::AccountDisabled,
            Unusable::SourceNotAllowed => Reason::SourceNotAllowed,
            Unusable::ServiceNotAllowed => Reason::ServiceNotAllowed,
        }
    }
}

/// Whether `key`, a live key of `record`, may act at `now` for a request from `source` to `service`; `None` is this server itself.
///
/// # Errors
/// The first reason that it may not.
pub fn may_act(
    record: &UserRecord,
    key: &AccessKey,
    now: UnixMillis,
    source: Option<IpAddr>,
    service: Option<&str>,
) -> Result<(), Unusable> {
    is_in_force(key, now)?;
    if key.parent.is_some() {
        let parent = record.parent(key).ok_or(Unusable::ParentUnusable)?;
        is_in_force(parent, now).map_err(|_| Unusable::ParentUnusable)?;
        // What limits the parent limits its temporary keys (threat T40).
        if !is_allowed_from(parent, source) {
            return Err(Unusable::SourceNotAllowed);
        }
        if !is_good_for(parent, service) {
            return Err(Unusable::ServiceNotAllowed);
        }
    }
    owner_may_act(record)?;
    if !is_allowed_from(key, source) {
        return Err(Unusable::SourceNotAllowed);
    }
    if is_good_for(key, service) { Ok(()) } else { Err(Unusable::ServiceNotAllowed) }
}

/// Whether a session token of `record`'s user stands for him at `now`.
///
/// # Errors
/// The first reason that it does not.
pub fn may_hold(record: &UserRecord, token: &Token, now: UnixMillis) -> Result<(), TokenError> {
    if let Some(end) = token.expires_at.filter(|_| token.is_expired(now)) {
        return Err(TokenError::Expired(end));
    }
    if token.user_version != record.rows.user.version {
        return Err(TokenError::UserChanged);
    }
    Ok(owner_may_act(record)?)
}

/// Whether `key`, a temporary key of a session token of `record`'s user, may act at `now`: while its token stands for him.
///
/// # Errors
/// The first reason that it may not.
pub fn may_act_for_token(record: &UserRecord, key: &TokenKey, now: UnixMillis) -> Result<(), Unusable> {
    if key.is_expired(now) {
        return Err(Unusable::KeyExpired);
    }
    let token = record.token(&key.token).filter(|token| token.kind == TokenKind::Session);
    let token = token.ok_or(Unusable::ParentUnusable)?;
    may_hold(record, token, now).map_err(|reason| match reason {
        TokenError::Unusable(reason) => reason,
        TokenError::Unknown
        | TokenError::Expired(_)
        | TokenError::UserChanged
        | TokenError::Damaged
        | TokenError::Throttled
        | TokenError::Store(_) => Unusable::ParentUnusable,
    })
}

/// Whether `key`, a live SSH key of `record`'s user, opens a login at `now`.
///
/// # Errors
/// The first reason that it does not.
pub fn may_log_in(record: &UserRecord, key: &SshKey, now: UnixMillis) -> Result<(), Unusable> {
    if key.status != KeyStatus::Active {
        return Err(Unusable::KeyInactive);
    }
    if key.is_expired(now) {
        return Err(Unusable::KeyExpired);
    }
    owner_may_act(record)
}

fn owner_may_act(record: &UserRecord) -> Result<(), Unusable> {
    if record.rows.user.status != UserStatus::Active {
        return Err(Unusable::UserFrozen);
    }
    if record.rows.account.status != AccountStatus::Active {
        return Err(Unusable::AccountDisabled);
    }
    Ok(())
}

fn is_allowed_from(key: &AccessKey, source: Option<IpAddr>) -> bool {
    key.sources.is_empty()
        || source.is_some_and(|source| key.sources.iter().any(|range| range.contains(source)))
}

fn is_good_for(key: &AccessKey, service: Option<&str>) -> bool {
    key.audience.is_empty()
        || service.is_some_and(|service| key.audience.iter().any(|audience| audience.as_str() == service))
}

fn is_in_force(key: &AccessKey, now: UnixMillis) -> Result<(), Unusable> {
    if key.status != KeyStatus::Active {
        return Err(Unusable::KeyInactive);
    }
    if key.is_expired(now) {
        return Err(Unusable::KeyExpired);
    }
    if key.not_before.is_some_and(|start| now < start) {
        return Err(Unusable::KeyNotYetValid);
    }
    Ok(())
}
