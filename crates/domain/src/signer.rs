//! The key that a claim names: an access key, or a temporary key of a session token. What authentication asks of either.

use std::net::IpAddr;

use signing::{Claim, Scheme};

use crate::access_keys::{AccessKey, KeyKind, KeyLimits, SchemeSet, SignedTime};
use crate::authenticate::StrayTokens;
use crate::caller::Credential;
use crate::clock::UnixMillis;
use crate::decision::{Unusable, may_act, may_act_for_token};
use crate::directory::UserRecord;
use crate::id::{KeyId, KeyUuid};
use crate::secret::Secret;
use crate::tokens::TokenKey;
use crate::vault::Vault;

/// A key of a user's record.
#[derive(Clone, Copy)]
pub(crate) enum Signer<'r> {
    /// One that lives by itself, or by its parent.
    Key(&'r AccessKey),
    /// One that lives by a session token.
    TokenKey(&'r TokenKey),
}

impl<'r> Signer<'r> {
    /// The live key of that id that may sign in that scheme.
    pub(crate) fn find(record: &'r UserRecord, key_id: &str, scheme: Scheme) -> Option<Self> {
        let key = match record.key(key_id) {
            Some(key) => Self::Key(key),
            None => Self::TokenKey(record.token_key(key_id)?),
        };
        Some(key).filter(|key| key.schemes().contains(scheme))
    }

    const fn schemes(self) -> SchemeSet {
        match self {
            Self::Key(key) => key.schemes,
            Self::TokenKey(key) => key.schemes,
        }
    }

    /// Whether its row carries its mark. A token's key that does not is in no record.
    pub(crate) fn is_intact(self, record: &UserRecord) -> bool {
        match self {
            Self::Key(key) => !record.damaged.contains(&key.uuid),
            Self::TokenKey(_) => true,
        }
    }

    /// Its secret; `None` when it does not open, or is empty.
    pub(crate) fn open(self, vault: &Vault) -> Option<Secret> {
        let (binding, sealed) = match self {
            Self::Key(key) => (key.binding(), key.sealed.as_deref()?),
            Self::TokenKey(key) => (key.binding(), key.sealed.as_slice()),
        };
        vault.open_sealed(&binding, sealed).ok().filter(|secret| !secret.is_empty())
    }

    /// Whether the claim comes with the security token that the key demands, and with none where there is none to match.
    pub(crate) fn is_accompanied(self, claim: &Claim, stray: StrayTokens) -> bool {
        match self {
            Self::TokenKey(key) => key.is_accompanied_by(claim.session_token()),
            Self::Key(_) => stray == StrayTokens::Ignored || claim.session_token().is_none(),
        }
    }

    /// Whether it takes only requests that tell their time.
    pub(crate) const fn signed_time(self) -> SignedTime {
        match self {
            Self::Key(key) => key.signed_time,
            Self::TokenKey(_) => SignedTime::AsScheme,
        }
    }

    /// The decision whether it may act.
    pub(crate) fn may_act(
        self,
        record: &UserRecord,
        now: UnixMillis,
        source: Option<IpAddr>,
        service: Option<&str>,
    ) -> Result<(), Unusable> {
        match self {
            Self::Key(key) => may_act(record, key, now, source, service),
            Self::TokenKey(key) => may_act_for_token(record, key, now),
        }
    }

    /// Its record, which nonces and last uses are kept under.
    pub(crate) const fn uuid(self) -> KeyUuid {
        match self {
            Self::Key(key) => key.uuid,
            Self::TokenKey(key) => key.uuid,
        }
    }

    /// The key whose last use is kept: of keys that show in no list nobody asks.
    pub(crate) const fn used(self) -> Option<KeyUuid> {
        match self {
            Self::Key(key) => Some(key.uuid),
            Self::TokenKey(_) => None,
        }
    }

    pub(crate) const fn credential(self) -> Credential {
        match self {
            Self::Key(key) => Credential::Key(key.uuid),
            Self::TokenKey(key) => Credential::TokenKey(key.uuid),
        }
    }

    pub(crate) const fn key_id(self) -> &'r KeyId {
        match self {
            Self::Key(key) => &key.key_id,
            Self::TokenKey(key) => &key.key_id,
        }
    }

    /// Whether keys that it would make are refused (threat T40).
    pub(crate) fn is_temporary(self) -> bool {
        match self {
            Self::Key(key) => key.kind == KeyKind::Temporary,
            Self::TokenKey(_) => true,
        }
    }

    /// What it is limited to, and so whatever it changes.
    pub(crate) fn limits(self, record: &UserRecord) -> Option<Box<KeyLimits>> {
        match self {
            Self::Key(key) => KeyLimits::of(key, record.parent(key), &record.rows.account),
            Self::TokenKey(key) => Some(Box::new(KeyLimits::ending(key.expires_at))),
        }
    }
}
