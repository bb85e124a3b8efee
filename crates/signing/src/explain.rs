//! Lays a signature open for the person who debugs a client: the texts that were signed, what they should have given, and
//! the likely causes of a difference. The clock is judged only when the caller gives it, and no policy is applied.

mod causes;
mod raw;
mod suspects;

pub use raw::{RawError, RawRequest};

use crate::aws4::is_presigned;
use crate::params::{MAX_PARAMS, ParamError};
use crate::{
    Body, Claim, Explanation, Params, Reject, RequestView, Scheme, aws4, detect, scloud, scp,
    sdk_hmac_sha256, tc3, tencent_v1,
};

/// What the request does not say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// The time to judge the request by, in unix milliseconds; `None` leaves the clock out.
    pub now_ms: Option<i64>,
    /// Base URLs under which the server is known, for the scheme that signs whole URLs.
    pub public_urls: &'a [&'a str],
    /// How much of the request its signature must bind.
    pub binding: Binding,
}

/// How much of a request its signature must bind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Binding {
    /// As the cloud defines it and its own clients do it.
    #[default]
    Vendor,
    /// Path and query as they are: for opening something else than the cloud's own paths.
    Exact,
}

/// Why nothing can be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// The text is not a request.
    #[error(transparent)]
    Raw(#[from] RawError),
    /// The request carries no credential of a known scheme.
    #[error("the request carries no signature of a known scheme")]
    NoCredential,
    /// The parameters, where the credential is expected, cannot be read.
    #[error("the parameters cannot be read: {0}")]
    Params(ParamError),
}

/// Explains one raw HTTP/1.1 request.
///
/// # Errors
/// See [`ExplainError`]. A request that is refused for what it says still gives an explanation, with the reason among the
/// causes and as many of the texts as could be made.
pub fn explain(text: &[u8], secret: &[u8], options: &Options<'_>) -> Result<Explanation, ExplainError> {
    let raw = RawRequest::parse(text)?;
    let mut explanation = raw.view(|request| explain_request(request, secret, options))?;
    explanation.causes.extend(raw.notes);
    Ok(explanation)
}

/// Explains a request that is at hand already.
///
/// # Errors
/// As [`explain`].
pub fn explain_request(
    request: &RequestView<'_>,
    secret: &[u8],
    options: &Options<'_>,
) -> Result<Explanation, ExplainError> {
    lay_open(request, Some(secret), options)
}

/// What can be said of a request whose secret nobody knows: its texts, and the causes that need none. Nothing matches, and no
/// signature is expected.
///
/// # Errors
/// As [`explain`].
pub fn describe_request(
    request: &RequestView<'_>,
    options: &Options<'_>,
) -> Result<Explanation, ExplainError> {
    let mut described = lay_open(request, None, options)?;
    described.expected_signature.clear();
    Ok(described)
}

/// The access key id that a request names, also when the rest of its credential cannot be read.
pub fn claimed_key_id(request: &RequestView<'_>) -> Option<String> {
    // Asked of every refused request, so no more is read of it than a dialect would (threat T72).
    let params = scloud::params(request, MAX_PARAMS).unwrap_or_default();
    let scheme = detect(request, Some(&params))?;
    let signed = Signed { scheme, request, params, options: &Options::default() };
    Some(signed.named().0).filter(|id| !id.is_empty())
}

fn lay_open(
    request: &RequestView<'_>,
    secret: Option<&[u8]>,
    options: &Options<'_>,
) -> Result<Explanation, ExplainError> {
    let params = read_params(request);
    let Some(scheme) = detect(request, params.as_ref().ok()) else {
        return Err(params.err().map_or(ExplainError::NoCredential, ExplainError::Params));
    };
    let signed = Signed { scheme, request, params: params.unwrap_or_default(), options };
    let explained = |claim: &Claim| claim.explain(secret.unwrap_or_default());
    Ok(match signed.claim(request) {
        Ok(claim) => {
            let mut explanation = explained(&claim);
            explanation.causes = causes::of(&signed, &claim, secret, explanation.matches);
            explanation
        }
        // The rest of the request may well be right: show it as its declared digest makes it.
        Err(Reject::PayloadMismatch) => match signed.claim(&request.with_body(Body::NotVisible)) {
            Ok(claim) => {
                let cause = causes::of_reject(&Reject::PayloadMismatch);
                Explanation { matches: false, causes: vec![cause], ..explained(&claim) }
            }
            Err(reject) => signed.refused(&reject),
        },
        Err(reject) => signed.refused(&reject),
    })
}

/// A request with the scheme that it is signed with.
struct Signed<'a> {
    scheme: Scheme,
    request: &'a RequestView<'a>,
    params: Params,
    options: &'a Options<'a>,
}

impl Signed<'_> {
    /// The claim, read without judging the form of the signature; `request` may know less of the body than `self`.
    fn claim(&self, request: &RequestView<'_>) -> Result<Claim, Reject> {
        let is_exact = self.options.binding == Binding::Exact;
        match self.scheme {
            Scheme::Scloud => scloud::parse(&self.params),
            Scheme::Tc3 if is_exact => tc3::read(request, tc3::Target::Exact),
            Scheme::Tc3 => tc3::read(request, tc3::Target::Vendor),
            Scheme::TencentV1 if is_exact => tencent_v1::read_exact(request, &self.params),
            Scheme::TencentV1 => tencent_v1::read(request, &self.params),
            Scheme::SdkHmacSha256 => sdk_hmac_sha256::read(request),
            Scheme::Scp => {
                let client_type =
                    request.single_text("scp-clienttype", "Scp-ClientType")?.unwrap_or_default();
                let options =
                    scp::Options { client_types: &[client_type], public_urls: self.options.public_urls };
                scp::read(request, &options)
            }
            Scheme::Aws4 if is_exact => aws4::read(request, aws4::Spelling::Exact),
            Scheme::Aws4 => aws4::read(request, aws4::Spelling::AlsoRaw),
        }
    }

    /// What can be said of a request whose texts cannot be made.
    fn refused(&self, reject: &Reject) -> Explanation {
        let (access_key_id, given_signature) = self.named();
        Explanation {
            scheme: self.scheme,
            access_key_id,
            canonical_request: None,
            string_to_sign: String::new(),
            expected_signature: String::new(),
            given_signature,
            matches: false,
            causes: vec![causes::of_reject(reject)],
        }
    }

    /// The access key id and the signature, as far as they can be made out.
    fn named(&self) -> (String, String) {
        let (id, signature) = match self.scheme {
            Scheme::Scloud => (self.param("PublicKey"), self.param("Signature")),
            Scheme::TencentV1 => (self.param("SecretId"), self.param("Signature")),
            Scheme::Scp => (self.header("scp-accesskey"), self.header("scp-signature")),
            Scheme::Tc3 => (without_scope(&self.part("Credential="), 3), self.part("Signature=")),
            Scheme::Aws4 if is_presigned(self.request) => {
                (without_scope(&self.param("X-Amz-Credential"), 4), self.param("X-Amz-Signature"))
            }
            Scheme::Aws4 => (without_scope(&self.part("Credential="), 4), self.part("Signature=")),
            Scheme::SdkHmacSha256 => (self.part("Access="), self.part("Signature=")),
        };
        (id, signature)
    }

    fn param(&self, name: &str) -> String {
        self.params.text(name).unwrap_or_default().into_owned()
    }

    fn header(&self, name: &str) -> String {
        String::from_utf8_lossy(self.request.header(name).unwrap_or_default()).into_owned()
    }

    /// A part of the Authorization header, as far as it can be made out.
    fn part(&self, prefix: &str) -> String {
        let authorization = self.header("authorization");
        let part = authorization.split([',', ' ']).find_map(|part| part.trim().strip_prefix(prefix));
        part.unwrap_or_default().to_owned()
    }
}

/// The id before a scope of so many parts; ids may hold slashes too.
fn without_scope(credential: &str, parts: usize) -> String {
    credential.rsplitn(parts + 1, '/').nth(parts).unwrap_or(credential).to_owned()
}

/// The parameters of either cloud that keeps its credential among them.
fn read_params(request: &RequestView<'_>) -> Result<Params, ParamError> {
    scloud::params(request, usize::MAX)
}

#[cfg(test)]
mod tests;
