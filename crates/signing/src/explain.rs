//! Lays a signature open for the person who debugs a client: the texts that were signed, what they should have given, and
//! the likely causes of a difference. The clock is judged only when the caller gives it, and no policy is applied.

mod causes;
mod raw;
mod suspects;

pub use raw::{RawError, RawRequest};

use crate::params::ParamError;
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
    let params = read_params(request);
    let Some(scheme) = detect(request, params.as_ref().ok()) else {
        return Err(params.err().map_or(ExplainError::NoCredential, ExplainError::Params));
    };
    let signed = Signed { scheme, request, params: params.unwrap_or_default(), options };
    Ok(match signed.claim(request) {
        Ok(claim) => {
            let mut explanation = claim.explain(secret);
            explanation.causes = causes::of(&signed, &claim, secret, explanation.matches);
            explanation
        }
        // The rest of the request may well be right: show it as its declared digest makes it.
        Err(Reject::PayloadMismatch) => match signed.claim(&request.with_body(Body::NotVisible)) {
            Ok(claim) => {
                let cause = causes::of_reject(&Reject::PayloadMismatch);
                Explanation { matches: false, causes: vec![cause], ..claim.explain(secret) }
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
        match self.scheme {
            Scheme::Scloud => scloud::parse(&self.params),
            Scheme::Tc3 => tc3::read(request, tc3::Target::Vendor),
            Scheme::TencentV1 => tencent_v1::read(request, &self.params),
            Scheme::SdkHmacSha256 => sdk_hmac_sha256::read(request),
            Scheme::Scp => {
                let client_type =
                    request.single_text("scp-clienttype", "Scp-ClientType")?.unwrap_or_default();
                let options =
                    scp::Options { client_types: &[client_type], public_urls: self.options.public_urls };
                scp::read(request, &options)
            }
            Scheme::Aws4 => aws4::read(request, aws4::Spelling::AlsoRaw),
        }
    }

    /// What can be said of a request whose texts cannot be made.
    fn refused(&self, reject: &Reject) -> Explanation {
        let (access_key_id, given_signature) = match self.scheme {
            Scheme::Scloud => (self.param("PublicKey"), self.param("Signature")),
            Scheme::TencentV1 => (self.param("SecretId"), self.param("Signature")),
            Scheme::Scp => (self.header("scp-accesskey"), self.header("scp-signature")),
            Scheme::Tc3 | Scheme::Aws4 => (self.part("Credential="), self.part("Signature=")),
            Scheme::SdkHmacSha256 => (self.part("Access="), self.part("Signature=")),
        };
        Explanation {
            scheme: self.scheme,
            access_key_id: access_key_id.split('/').next().unwrap_or_default().to_owned(),
            canonical_request: None,
            string_to_sign: String::new(),
            expected_signature: String::new(),
            given_signature,
            matches: false,
            causes: vec![causes::of_reject(reject)],
        }
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

/// The parameters of either cloud that keeps its credential among them.
fn read_params(request: &RequestView<'_>) -> Result<Params, ParamError> {
    scloud::params(request, usize::MAX)
}

#[cfg(test)]
mod tests;
