//! From the request under test to whose it is. Stricter than the dialects: a signature opens only what it binds, so it must
//! bind method, path and query as they are.

use dialects::CallerNote;
use domain::authenticate::{AuthError, Freshness, Nonces, Order, StrayTokens, Terms};
use domain::caller::{Caller, Origin};
use domain::reason::Reason;
use signing::{
    Claim, Params, Payload, Reject, RequestView, Scheme, aws4, detect, params::MAX_PARAMS, scloud, scp,
    sdk_hmac_sha256, tc3, tencent_v1,
};

use super::callers::{Asker, NotTrusted, UnsignedPayload};
use super::evidence::Fault;
use super::{Gate, Route};
use crate::config::UnboundSchemes;

/// How a question is decided.
pub(super) enum Verdict {
    /// The request may pass.
    Allowed(Allowed),
    /// It may not.
    Denied(Denial),
}

/// Who signed a request that may pass.
pub(super) struct Allowed {
    pub(super) caller: Caller,
    pub(super) scheme: Scheme,
    pub(super) payload: Payload,
}

/// Why a question is not answered with yes.
#[derive(Debug)]
pub(super) enum Denial {
    /// Nothing is asked at this path.
    UnknownPath,
    /// It is not POST, where only POST is.
    Method,
    /// The asker may not ask.
    Asker(NotTrusted),
    /// What is asked cannot be read.
    Question(&'static str),
    /// What the request is cannot be told.
    Evidence(Fault),
    /// It carries no signature of a known scheme.
    NoCredential,
    /// The signature cannot be read or leaves out what it must cover.
    Claim(String, Reject),
    /// The scheme binds neither method nor path.
    Unbound(String),
    /// Not authenticated, or not a key that may be used now.
    Auth(String, AuthError),
    /// The signature's scope names a service that is not served here.
    Service(CallerNote),
    /// The signature leaves the body out, which this service does not take.
    UnsignedPayload(CallerNote),
}

impl From<NotTrusted> for Denial {
    fn from(reason: NotTrusted) -> Self {
        Self::Asker(reason)
    }
}

impl From<Fault> for Denial {
    fn from(fault: Fault) -> Self {
        Self::Evidence(fault)
    }
}

/// How far a signed time may be from now: as each cloud's own servers judge it.
const fn window_ms(scheme: Scheme) -> u64 {
    match scheme {
        Scheme::Scloud | Scheme::Tc3 | Scheme::TencentV1 => 300_000,
        Scheme::SdkHmacSha256 | Scheme::Scp | Scheme::Aws4 => 900_000,
    }
}

impl Gate {
    /// Decides on one request for `asker`. On a hit of the directory nothing is awaited.
    pub(super) async fn judge(
        &self,
        view: &RequestView<'_>,
        asker: &Asker,
        route: Route,
        origin: Origin,
    ) -> Verdict {
        match self.try_judge(view, asker, route, origin).await {
            Ok(allowed) => Verdict::Allowed(allowed),
            Err(denial) => Verdict::Denied(denial),
        }
    }

    async fn try_judge(
        &self,
        view: &RequestView<'_>,
        asker: &Asker,
        route: Route,
        origin: Origin,
    ) -> Result<Allowed, Denial> {
        let claim = self.claim(view)?;
        let scheme = claim.scheme();
        let terms = Terms {
            freshness: self.freshness(view, &claim)?,
            order: Order::SignatureFirst,
            // Every client of version 1 sends one, and a proxy may ask twice about one request.
            nonces: if scheme == Scheme::TencentV1 { Nonces::Repeatable } else { Nonces::Once },
            // Nothing passes with a credential that is not good, even beside one that is.
            stray_tokens: StrayTokens::Refused,
            service: asker.service.as_deref(),
            account: asker.account,
            operation: route.as_str(),
        };
        let key_id = || claim.access_key_id().to_owned();
        let caller = self.service.authenticate(&claim, origin, terms).await;
        let caller = caller.map_err(|error| Denial::Auth(key_id(), error))?;
        if let Some(scope) = claim.scope()
            && !self.settings.services.is_empty()
            && !self.settings.services.contains(&scope.service)
        {
            return Err(Denial::Service(CallerNote::from(&caller)));
        }
        let payload = payload(&claim);
        if payload == Payload::Unsigned && asker.unsigned_payload == UnsignedPayload::Refuse {
            return Err(Denial::UnsignedPayload(CallerNote::from(&caller)));
        }
        Ok(Allowed { caller, scheme, payload })
    }

    fn claim(&self, view: &RequestView<'_>) -> Result<Claim, Denial> {
        // Two schemes keep their parts in parameters; reading those is left out where a header tells already.
        let (scheme, params) = match detect(view, None) {
            Some(scheme) => (scheme, Params::default()),
            None => {
                let params = Params::from_form(view.query().as_bytes(), MAX_PARAMS);
                let params = params.map_err(|_| Denial::NoCredential)?;
                (detect(view, Some(&params)).ok_or(Denial::NoCredential)?, params)
            }
        };
        let claim = match scheme {
            Scheme::Tc3 => tc3::parse(view, tc3::Target::Exact),
            Scheme::TencentV1 if view.method() == "POST" => Err(Reject::BodyNotVisible),
            Scheme::TencentV1 => tencent_v1::parse_exact(view, &params),
            Scheme::SdkHmacSha256 => sdk_hmac_sha256::parse_exact(view),
            Scheme::Scp => scp::parse(view, &scp::Options::default()),
            Scheme::Aws4 => aws4::parse(view, aws4::Spelling::Exact),
            Scheme::Scloud if self.settings.unbound == UnboundSchemes::Refuse => {
                let key_id = params.text(scloud::PUBLIC_KEY).unwrap_or_default();
                return Err(Denial::Unbound(key_id.into_owned()));
            }
            Scheme::Scloud if view.method() == "POST" => Err(Reject::BodyNotVisible),
            Scheme::Scloud => scloud::parse(&params),
        };
        claim.map_err(|reject| Denial::Claim(claimed_key(view, &params), reject))
    }

    /// A presigned URL is good for as long as it says, but never from before its time (threat T22).
    fn freshness(&self, view: &RequestView<'_>, claim: &Claim) -> Result<Freshness, Denial> {
        let mut window_ms = window_ms(claim.scheme());
        if let Some(seconds) = aws4::presigned_seconds(view).filter(|_| claim.scheme() == Scheme::Aws4) {
            let now = self.world.clock.now().0;
            let ahead = claim.signed_at().is_some_and(|at| at > now && now.abs_diff(at) > window_ms);
            if ahead {
                return Err(Denial::Auth(claim.access_key_id().to_owned(), AuthError::Stale));
            }
            let good_for = u64::from(seconds) * 1000;
            window_ms = if claim.signed_at().is_some_and(|at| at > now) { window_ms } else { good_for };
        }
        Ok(Freshness { window_ms })
    }
}

/// What the signature says of the body. The parameters that two schemes sign are those of the query, never a body.
fn payload(claim: &Claim) -> Payload {
    match claim.scheme() {
        Scheme::Scloud | Scheme::TencentV1 => Payload::Unsigned,
        Scheme::Tc3 | Scheme::SdkHmacSha256 | Scheme::Scp | Scheme::Aws4 => claim.payload(),
    }
}

/// The key id of a claim that could not be read, as far as it stands alone: for the log.
fn claimed_key(view: &RequestView<'_>, params: &Params) -> String {
    let param = params.text("SecretId").or_else(|| params.text(scloud::PUBLIC_KEY));
    let header = || String::from_utf8_lossy(view.header("scp-accesskey").unwrap_or_default()).into_owned();
    param.map_or_else(header, std::borrow::Cow::into_owned)
}

impl Denial {
    /// The HTTP status. A proxy such as nginx hands on 401 and 403 alone, so everything that a client can bring about is one
    /// of these; any other is a fault of the asker or ours, and fails closed.
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::UnknownPath => 404,
            Self::Method => 405,
            Self::Question(_) | Self::Evidence(Fault::Missing(_)) => 400,
            Self::Asker(NotTrusted::PlainHttp) | Self::Service(_) | Self::UnsignedPayload(_) => 403,
            Self::Asker(NotTrusted::Store) => 503,
            Self::Asker(NotTrusted::Token)
            | Self::Evidence(Fault::Repeated(_) | Fault::Malformed(_) | Fault::Disagree(_))
            | Self::NoCredential
            | Self::Claim(..)
            | Self::Unbound(_) => 401,
            Self::Auth(_, error) => match error {
                AuthError::UnknownKey
                | AuthError::OfAnotherAccount
                | AuthError::WrongSignature(_)
                | AuthError::Stale
                | AuthError::Untimed
                | AuthError::Replayed(_)
                | AuthError::WrongToken
                | AuthError::Throttled => 401,
                AuthError::Unusable(_) => 403,
                AuthError::Damaged => 500,
                AuthError::Store(_) => 503,
            },
        }
    }

    /// What the asker is told. A proxy may hand it to the client, so it says nothing that a stranger must not know: an
    /// unknown key is a wrong signature, and a key's state is told to a holder of its secret only.
    pub(super) fn cause(&self) -> String {
        match self {
            Self::UnknownPath => "nothing is asked at this path".to_owned(),
            Self::Method => "only POST is answered here".to_owned(),
            Self::Asker(NotTrusted::Token) => "no valid X-Keyward-Gate-Token".to_owned(),
            Self::Asker(NotTrusted::Store) => "the server cannot tell".to_owned(),
            Self::Asker(NotTrusted::PlainHttp) => "plain HTTP is refused beyond this machine".to_owned(),
            Self::Question(problem) => (*problem).to_owned(),
            Self::Evidence(fault) => fault.to_string(),
            Self::NoCredential => "no signature".to_owned(),
            Self::Claim(_, reject) => reject.to_string(),
            Self::Unbound(_) => "the scheme binds neither method nor path".to_owned(),
            Self::Auth(_, error) => match error {
                AuthError::UnknownKey
                | AuthError::OfAnotherAccount
                | AuthError::WrongSignature(_)
                | AuthError::Throttled => "wrong signature".to_owned(),
                AuthError::Stale | AuthError::Untimed => error.to_string(),
                AuthError::Replayed(refusal) => refusal.to_string(),
                AuthError::WrongToken => AuthError::WrongToken.to_string(),
                AuthError::Unusable(unusable) => unusable.to_string(),
                AuthError::Damaged | AuthError::Store(_) => "the server cannot tell".to_owned(),
            },
            Self::Service(_) => "the signature is for a service that is not served here".to_owned(),
            Self::UnsignedPayload(_) => "the signature leaves the body out".to_owned(),
        }
    }

    /// The reason in log and metrics, and for the doctor.
    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::UnknownPath => Reason::UnknownPath,
            Self::Method => Reason::Method,
            Self::Asker(NotTrusted::Token) => Reason::GateToken,
            Self::Asker(NotTrusted::Store) => Reason::Store,
            Self::Asker(NotTrusted::PlainHttp) => Reason::PlainHttp,
            Self::Question(_) => Reason::Question,
            Self::Evidence(_) => Reason::Evidence,
            Self::NoCredential => Reason::NoCredential,
            Self::Claim(_, Reject::BodyNotVisible) => Reason::BodyNotVisible,
            Self::Claim(..) => Reason::Claim,
            Self::Unbound(_) => Reason::UnboundScheme,
            Self::Auth(_, error) => error.reason(),
            Self::Service(_) => Reason::ScopeNotServed,
            Self::UnsignedPayload(_) => Reason::UnsignedPayload,
        }
    }

    /// Whether the caller proved who he is and is refused all the same.
    pub(super) const fn is_of_known_caller(&self) -> bool {
        matches!(self, Self::Service(_) | Self::UnsignedPayload(_) | Self::Auth(_, AuthError::Unusable(_)))
    }
}
