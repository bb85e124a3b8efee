//! What a dialect answers: bytes for the client, and a note for log and metrics that never reaches him.

use std::borrow::Cow;

use domain::caller::Caller;
use domain::doctor::Claimed;
use domain::id::{AccountUuid, KeyId, UserUuid};
use domain::reason::Reason;
use zeroize::Zeroizing;

use crate::operation::Operation;

/// Longest claimed key id that the log repeats, in characters: the longest that an imported key can have.
const KEY_ID_CHARS: usize = 128;

/// A finished answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers beyond those that every answer has.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body. Wiped when dropped, because it may hold a secret (requirement R8).
    pub body: Zeroizing<Vec<u8>>,
    /// For log and metrics.
    pub note: Note,
}

/// How a request ended, for the operator.
#[derive(Debug)]
pub struct Note {
    /// The operation, once it was recognised.
    pub operation: Option<&'static Operation>,
    /// The verified caller.
    pub caller: Option<CallerNote>,
    /// The key id that the request claimed, verified or not.
    pub key_id: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, when it was refused or failed.
    pub cause: Option<Cause>,
    /// Why the credential was refused, where it was.
    pub reason: Option<Reason>,
}

impl Note {
    /// The note of a request of which nothing is known yet.
    pub(crate) const fn blank() -> Self {
        Self { operation: None, caller: None, key_id: None, outcome: Outcome::Ok, cause: None, reason: None }
    }
}

/// Who called.
#[derive(Clone, Debug)]
pub struct CallerNote {
    /// The account.
    pub account: AccountUuid,
    /// The user.
    pub user_id: UserUuid,
    /// His name.
    pub user: String,
    /// The key that signed.
    pub key_id: KeyId,
}

impl From<&Caller> for CallerNote {
    fn from(caller: &Caller) -> Self {
        Self {
            account: caller.account(),
            user_id: caller.user(),
            user: caller.user_name().to_owned(),
            key_id: caller.key_id().clone(),
        }
    }
}

impl Note {
    /// Notes the key that a request names, cut to what the longest key id has.
    pub fn names(&mut self, key_id: &str) {
        self.key_id = Some(key_id.chars().take(KEY_ID_CHARS).collect());
    }

    /// Whose the request says that it is: a verified caller's, or whoever's key it names.
    pub fn claimed(&self) -> Claimed {
        match (&self.caller, &self.key_id) {
            (Some(CallerNote { account, user_id, user: _, key_id }), _) => {
                Claimed::User { account: *account, user: *user_id, credential: key_id.as_str().to_owned() }
            }
            (None, Some(key_id)) => Claimed::AccessKey(key_id.clone()),
            (None, None) => Claimed::Nothing,
        }
    }
}

/// How a request ended, in the few words that log and metrics share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The caller got what he asked for.
    Ok,
    /// A known caller was refused: not allowed, not found, over quota, wrong value.
    Refused,
    /// Nobody proved to be anybody.
    Unauthenticated,
    /// Refused before anybody looked at credentials: unknown route, wrong shape.
    Malformed,
    /// Over a rate, or shed under load.
    Limited,
    /// The server could not do what it promises.
    Failed,
}

impl Outcome {
    /// All of them, in the order of [`Outcome::index`].
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Refused, Self::Unauthenticated, Self::Malformed, Self::Limited, Self::Failed];

    /// The word in log lines and metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Unauthenticated => "unauthenticated",
            Self::Malformed => "malformed",
            Self::Limited => "limited",
            Self::Failed => "failed",
        }
    }

    /// Position in [`Outcome::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Why a request was refused or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The code that the client got.
    pub code: Cow<'static, str>,
    /// A sentence for the operator; never holds a secret, a signature or raw input.
    pub text: String,
}

/// Why a request ends outside its dialect. The server finds out, the dialect lends the answer its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportRefusal {
    /// Nothing lives at this path.
    PathUnknown,
    /// Nothing takes this method.
    MethodNotAllowed,
    /// The body is longer than [`body_limit`](crate::Dialect::body_limit).
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The operation did not end in time.
    Deadline,
    /// The server failed: a bug, such as a caught panic.
    Internal,
    /// The server is stopping or has no room for the request.
    Unavailable,
}

impl TransportRefusal {
    /// Every refusal.
    pub const ALL: [Self; 7] = [
        Self::PathUnknown,
        Self::MethodNotAllowed,
        Self::BodyTooLarge,
        Self::BodyTimeout,
        Self::Deadline,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The status that HTTP has for it; a dialect may answer another.
    pub const fn status(self) -> u16 {
        match self {
            Self::PathUnknown => 404,
            Self::MethodNotAllowed => 405,
            Self::BodyTooLarge => 413,
            Self::BodyTimeout => 408,
            Self::Deadline => 504,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}
