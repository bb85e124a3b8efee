//! The signature doctor: why a request was refused, told later to those whom it concerns and to nobody else.
//!
//! A refusal only leaves its redacted pieces in a bounded ring; the explaining, which may try some thirty signatures, is done
//! when somebody asks. It takes the key's real secret and hands out neither that nor any signature, expected or given: with
//! the texts alone nobody can make one, and a given one may be good from another address (threats T25, T66).

mod findings;
mod kept;
mod ring;

use std::sync::Arc;

use signing::explain::{Binding, Options};
use signing::{
    ExplainError, Explanation, RequestView, Scheme, claimed_key_id, describe_request, explain_request,
};

pub use findings::Finding;
pub use kept::KEPT_REQUEST_BYTES;
pub(crate) use ring::Ring;

use self::findings::Patient;
use self::kept::KeptRequest;
use self::ring::Standing;
use crate::access_keys::AccessKey;
use crate::caller::{Caller, Origin};
use crate::clock::UnixMillis;
use crate::directory::{Lookup, UserRecord};
use crate::error::Error;
use crate::id::{AccountUuid, KeyId, RequestId, UserUuid};
use crate::net::limit_key;
use crate::policy::{Action, Reach};
use crate::reason::Reason;
use crate::secret::Secret;
use crate::service::Service;
use crate::ssh_keys::Fingerprint;

/// A request that was refused.
#[derive(Debug)]
pub struct Refused<'a> {
    /// Where it came from, and its id.
    pub origin: Origin,
    /// The operation in its dialect's words; empty when none was recognised.
    pub operation: &'static str,
    /// The HTTP status that the client got.
    pub status: u16,
    /// The code that he got.
    pub code: &'a str,
    /// A sentence that holds nothing of the request.
    pub text: &'a str,
    /// Why, where the credential was the reason.
    pub reason: Option<Reason>,
    /// Whose it says that it is.
    pub claimed: Claimed,
    /// The service that asked the gate about it.
    pub service: Option<&'a str>,
    /// How much of the request its signature must bind.
    pub binding: Binding,
    /// The request, where it could be told what it is.
    pub request: Option<&'a RequestView<'a>>,
}

/// Whose a request says that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Nobody's.
    Nothing,
    /// It names an access key, unverified.
    AccessKey(String),
    /// It proved to be of this user's, whatever it was refused for.
    User {
        /// His account.
        account: AccountUuid,
        /// Himself, not his name: another one may have it later (threat T47).
        user: UserUuid,
        /// The key or token that he used.
        credential: String,
    },
    /// It offers an SSH key to the logins of an account.
    SshKey {
        /// The account's name.
        account: String,
        /// The key.
        fingerprint: Fingerprint,
    },
}

/// What is kept of a refusal.
#[derive(Debug)]
pub(crate) struct Entry {
    at: UnixMillis,
    origin: Origin,
    operation: &'static str,
    status: u16,
    code: Box<str>,
    text: Box<str>,
    reason: Option<Reason>,
    claimed: Claimed,
    service: Option<Box<str>>,
    binding: Binding,
    request: Kept,
}

/// Whether the request itself was kept.
#[derive(Debug)]
enum Kept {
    /// It could not be told what it was.
    Nothing,
    /// It was too long.
    TooLong,
    /// It was.
    Request(KeptRequest),
}

impl Entry {
    /// How much memory it takes, about.
    fn bytes(&self) -> usize {
        let request = self.request().map_or(0, KeptRequest::bytes);
        size_of::<Self>() + self.code.len() + self.text.len() + request
    }

    const fn request(&self) -> Option<&KeptRequest> {
        match &self.request {
            Kept::Request(request) => Some(request),
            Kept::Nothing | Kept::TooLong => None,
        }
    }
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// When.
    pub at: UnixMillis,
    /// Where it came from, and its id.
    pub origin: Origin,
    /// The operation; empty when none was recognised.
    pub operation: &'static str,
    /// The HTTP status that the client got.
    pub status: u16,
    /// The code that he got.
    pub code: String,
    /// The sentence of the log.
    pub text: String,
    /// The reason.
    pub reason: Reason,
    /// The key that the request names; an SSH key by its fingerprint.
    pub key: Option<String>,
    /// Whose that is.
    pub user: Option<String>,
    /// The service that asked the gate.
    pub service: Option<String>,
    /// What the request was, where it was kept.
    pub request: Option<RequestSeen>,
    /// What was found out, the likeliest first.
    pub findings: Vec<Finding>,
}

/// What can be shown of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSeen {
    /// Its method.
    pub method: String,
    /// Its path, as it was sent.
    pub path: String,
    /// Its host.
    pub host: Option<String>,
    /// The scheme of its signature, if it has one.
    pub scheme: Option<Scheme>,
    /// What this server made of it for signing, in schemes with that step.
    pub canonical_request: Option<String>,
    /// What the signature must be made over; `None` where the texts could not be made, or a credential in the body could be
    /// guessed by them.
    pub string_to_sign: Option<String>,
    /// Whether the signature is right; `None` where the secret, or something that is signed, is not there to tell by.
    pub signature_matches: Option<bool>,
}

impl Service {
    /// Keeps a refusal for who may ask about it. Cheap: a copy of the request's head, and no look at the store.
    pub fn note_refused(&self, refused: Refused<'_>) {
        if !self.doctor.keeps() {
            return;
        }
        let Refused { origin, operation, status, code, text, reason, claimed, service, binding, request } =
            refused;
        let claimed = match claimed {
            Claimed::AccessKey(id) if !id.is_empty() => Claimed::AccessKey(id),
            Claimed::Nothing | Claimed::AccessKey(_) => {
                request.and_then(claimed_key_id).map_or(Claimed::Nothing, Claimed::AccessKey)
            }
            claimed @ (Claimed::User { .. } | Claimed::SshKey { .. }) => claimed,
        };
        // A longer id names nobody's key.
        let claimed = match claimed {
            Claimed::AccessKey(id) if id.len() > KeyId::MAX_BYTES => Claimed::Nothing,
            claimed => claimed,
        };
        let standing = self.standing(&claimed, reason);
        let entry = Entry {
            at: self.clock.now(),
            origin,
            operation,
            status,
            code: code.into(),
            text: text.into(),
            reason,
            claimed,
            service: service.map(Into::into),
            binding,
            request: match request.map(KeptRequest::of) {
                None => Kept::Nothing,
                Some(None) => Kept::TooLong,
                Some(Some(request)) => Kept::Request(request),
            },
        };
        self.doctor.keep(entry, origin.source.map(limit_key), standing);
    }

    /// Why that request was refused; `None` alike for requests that were not, or are forgotten, and for those that do not
    /// concern the caller. They concern the owner of the key that they name, whoever reaches his account, and, when they name
    /// nobody's, the operator's administrators and auditors. `public_urls` are those of the server.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn why(
        &self,
        caller: &Caller,
        request: RequestId,
        public_urls: &[&str],
    ) -> Result<Option<Diagnosis>, Error> {
        let reach = caller.reach(Action::ReadRefusal)?;
        let Some(entry) = self.doctor.find(request) else { return Ok(None) };
        let owner = self.claimed_owner(&entry.claimed).await?;
        let concerns = match &owner {
            Some(owner) => {
                let user = &owner.rows.user;
                user.account == caller.account && (reach == Reach::Account || user.uuid == caller.user)
            }
            None => reach == Reach::Account && self.is_operator(caller).await?,
        };
        if !concerns {
            return Ok(None);
        }
        let key = match (&owner, entry.claimed.access_key()) {
            (Some(owner), Some(id)) => self.key_of(owner, id).await?,
            _ => None,
        };
        Ok(Some(self.diagnose(&entry, owner.as_deref(), key.as_ref(), public_urls)))
    }

    fn standing(&self, claimed: &Claimed, reason: Option<Reason>) -> Standing {
        match claimed {
            Claimed::AccessKey(id) => match self.directory.get(id) {
                Lookup::Hit(record) => Standing::Known(Some(record.rows.user.uuid)),
                Lookup::Absent | Lookup::Miss => Standing::Stranger,
            },
            Claimed::User { user, .. } => Standing::Known(Some(*user)),
            Claimed::SshKey { .. } => match reason {
                Some(
                    Reason::SshKeyUnusable
                    | Reason::SshKeyBlocked
                    | Reason::SshKeyOfAnother
                    | Reason::SshUserName
                    | Reason::SshTwoSources,
                ) => Standing::Known(None),
                _ => Standing::Stranger,
            },
            Claimed::Nothing => Standing::Stranger,
        }
    }

    /// Whose the request says that it is, if that is anybody whose record can be believed.
    async fn claimed_owner(&self, claimed: &Claimed) -> Result<Option<Arc<UserRecord>>, Error> {
        let owner = match claimed {
            Claimed::Nothing => None,
            Claimed::AccessKey(id) => self.directory.by_key(id).await?,
            Claimed::User { account, user, .. } => self.directory.by_user(*account, *user).await?,
            Claimed::SshKey { account, fingerprint } => {
                let account = self.store.account_named(&crate::name::NameKey::of(account)).await?;
                let found = match account {
                    Some(account) => self.ssh_key_of(account.uuid, fingerprint).await,
                    None => Ok(None),
                };
                match found {
                    Ok(found) => found.map(|found| found.owner),
                    Err(Error::Damaged) => None,
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(owner.filter(|owner| owner.intact))
    }

    /// The key, deleted or not, if its record can be believed.
    async fn key_of(&self, owner: &UserRecord, id: &str) -> Result<Option<AccessKey>, Error> {
        let key = match owner.key(id) {
            Some(key) => Some(key.clone()),
            None => self.store.key_with_id(&KeyId::new(id)).await?,
        };
        let is_his = |key: &AccessKey| {
            key.user == owner.rows.user.uuid && self.vault.is_marked(&key.mark_input(), &key.mark)
        };
        Ok(key.filter(is_his))
    }

    fn secret_of(&self, key: &AccessKey) -> Option<Secret> {
        let opened = self.vault.open_sealed(&key.binding(), key.sealed.as_deref()?).ok()?;
        (!opened.is_empty()).then_some(opened)
    }

    fn diagnose(
        &self,
        entry: &Entry,
        owner: Option<&UserRecord>,
        key: Option<&AccessKey>,
        public_urls: &[&str],
    ) -> Diagnosis {
        let secret = key.and_then(|key| self.secret_of(key));
        let explain = |binding| {
            let options = Options { now_ms: Some(entry.at.0), public_urls, binding };
            let request = entry.request()?;
            Some(request.view(|view| match &secret {
                Some(secret) => explain_request(view, secret.expose(), &options),
                None => describe_request(view, &options),
            }))
        };
        let explained = explain(entry.binding);
        let matches = |explained: Option<Result<Explanation, ExplainError>>| {
            explained.is_some_and(|explained| explained.is_ok_and(|told| told.matches))
        };
        let would_match = || entry.binding == Binding::Exact && matches(explain(Binding::Vendor));
        let told = explained.as_ref().and_then(|explained| explained.as_ref().ok());
        let missing = entry.request().and_then(|request| request.missing(told));
        let judged = if secret.is_some() && missing.is_none() { told } else { None };
        let is_bound = judged.is_none_or(|judged| judged.matches) || !would_match();
        let patient = Patient { entry, owner, key, told, judged, missing, is_bound };
        Diagnosis {
            at: entry.at,
            origin: entry.origin,
            operation: entry.operation,
            status: entry.status,
            code: entry.code.to_string(),
            text: entry.text.to_string(),
            reason: entry.reason(explained.as_ref()),
            key: entry.claimed.shown(),
            user: owner.map(|owner| owner.rows.user.name.clone()),
            service: entry.service.as_deref().map(str::to_owned),
            request: entry.request().map(|request| request.seen(told, judged)),
            findings: patient.findings(),
        }
    }
}

impl Entry {
    /// The reason that was noted, else the one that the request itself gives.
    fn reason(&self, explained: Option<&Result<Explanation, ExplainError>>) -> Reason {
        let has_token = self.request().is_some_and(KeptRequest::has_token);
        match (self.reason, &self.claimed, explained) {
            (Some(reason), _, _) => reason,
            (None, Claimed::User { .. }, _) => Reason::Refused,
            (None, _, None | Some(Err(ExplainError::NoCredential))) if has_token => Reason::Token,
            (None, _, None | Some(Err(ExplainError::NoCredential))) => Reason::NoCredential,
            (None, _, Some(Ok(_) | Err(ExplainError::Params(_) | ExplainError::Raw(_)))) => Reason::Claim,
        }
    }
}

impl Claimed {
    fn access_key(&self) -> Option<&str> {
        match self {
            Self::AccessKey(id) | Self::User { credential: id, .. } => Some(id),
            Self::Nothing | Self::SshKey { .. } => None,
        }
    }

    fn shown(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::AccessKey(id) | Self::User { credential: id, .. } => Some(id.clone()),
            Self::SshKey { fingerprint, .. } => Some(fingerprint.to_string()),
        }
    }
}

impl KeptRequest {
    fn seen(&self, told: Option<&Explanation>, judged: Option<&Explanation>) -> RequestSeen {
        let can_match = told.filter(|told| !told.string_to_sign.is_empty());
        let texts = can_match.filter(|_| !self.hides_texts(told));
        self.view(|view| RequestSeen {
            method: view.method().to_owned(),
            path: view.path().to_owned(),
            host: view.host().ok().map(|host| String::from_utf8_lossy(host).into_owned()),
            scheme: self.scheme(told),
            canonical_request: texts.and_then(|told| told.canonical_request.clone()),
            string_to_sign: texts.map(|told| told.string_to_sign.clone()),
            signature_matches: can_match.and(judged).map(|judged| judged.matches),
        })
    }
}
