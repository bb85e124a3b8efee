//! The temporary key of a token: `/v3.0/OS-CREDENTIAL/securitytokens`. The SDK's own way from a login to a key that signs.

use domain::error::Error;
use domain::tokens::TokenKeyIssue;
use serde::Serialize;
use zeroize::Zeroizing;

use super::access_keys::{SCHEMES, SHAPE};
use super::call::{Answering, Call, Reply};
use super::errors::Refusal;
use super::input::Fields;
use super::{Family, NAME};
use crate::keystone::micros;

/// How long such a key lives unless the request says otherwise, in seconds.
const DEFAULT_SECONDS: u32 = 900;
/// How long one may be asked to live, in seconds; it never lives longer than its token.
const SECONDS: std::ops::RangeInclusive<u32> = 900..=86_400;

/// The body: who asks, if no header tells, and for how long.
pub(super) struct TokenBody {
    token: Option<Zeroizing<String>>,
    /// Judged once it is known who asks.
    seconds: Result<u32, ()>,
}

impl TokenBody {
    /// Reads a body.
    ///
    /// # Errors
    /// A malformed request. One that narrows the key's rights by a `policy` is refused: a key that has more than was asked for
    /// is worse than none.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let malformed = || Refusal::malformed(Family::Iam);
        let identity = Fields::read(body).and_then(|fields| fields.object("auth")?.object("identity"));
        let identity = identity.ok_or_else(malformed)?;
        if identity.words("methods").as_deref() != Some(&["token"]) {
            return Err(malformed());
        }
        if identity.has("policy") {
            let rule = "cannot be narrowed: keys have the rights of their user";
            return Err(Refusal::invalid(Family::Iam, "policy", rule));
        }
        if !identity.has("token") {
            return Ok(Self { token: None, seconds: Ok(DEFAULT_SECONDS) });
        }
        let token = identity.object("token").ok_or_else(malformed)?;
        let id = token.text("id").map_err(|()| malformed())?.filter(|id| !id.is_empty());
        let seconds = token.whole_number("duration_seconds").map(|given| given.unwrap_or(DEFAULT_SECONDS));
        Ok(Self { token: id.map(|id| Zeroizing::new(id.to_owned())), seconds })
    }

    /// The token in it, if it is here and not in a header.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
    }

    /// How long the key is to live, in milliseconds.
    fn lives_ms(&self) -> Result<i64, Refusal> {
        let seconds = self.seconds.ok().filter(|seconds| SECONDS.contains(seconds));
        let rule = "must be a whole number of 900 to 86400";
        let seconds = seconds.ok_or_else(|| Refusal::invalid(Family::Iam, "duration_seconds", rule))?;
        Ok(i64::from(seconds) * 1000)
    }
}

/// What a body is read as that asks for a token: every text in it, with its place. For fuzzing.
#[cfg(feature = "testing")]
pub fn decode_login(body: &[u8]) -> Option<Vec<(&'static str, String)>> {
    crate::keystone::LoginBody::read(body).ok().map(|login| login.parts())
}

/// The same for one that asks for a key with a token, and for how many seconds that is to live, if that is allowed.
#[cfg(feature = "testing")]
pub fn decode_exchange(body: &[u8]) -> Option<(Vec<(&'static str, String)>, Option<i64>)> {
    let body = TokenBody::read(body).ok()?;
    let token = body.token().map(|token| ("/auth/identity/token/id", token.to_owned()));
    Some((token.into_iter().collect(), body.lives_ms().ok().map(|millis| millis / 1000)))
}

#[derive(Serialize)]
struct Answer<'a> {
    credential: Credential<'a>,
}

#[derive(Serialize)]
struct Credential<'a> {
    access: &'a str,
    secret: &'a str,
    securitytoken: &'a str,
    expires_at: String,
}

pub(super) fn create(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let body = call.token_body.ok_or_else(|| Refusal::malformed(call.family))?;
        let lives_ms = body.lives_ms()?;
        let issue = TokenKeyIssue { dialect: NAME, schemes: SCHEMES, shape: &SHAPE, lives_ms };
        let made = call.service.create_token_key(call.caller()?, &issue).await;
        let made = made.map_err(|error: Error| call.refused(error))?;
        let secret = made.secret.into_text();
        Reply::created(&Answer {
            credential: Credential {
                access: made.key.key_id.as_str(),
                secret: &secret,
                securitytoken: &made.security_token,
                expires_at: micros(made.key.expires_at),
            },
        })
    })
}
