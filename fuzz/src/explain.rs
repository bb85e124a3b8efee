//! `keyward explain`: a request as somebody pasted it.

use signing::explain::{ExplainError, Options, RawRequest, explain as lay_open};
use signing::{Scheme, aws4, scloud, scp, sdk_hmac_sha256, tc3, tencent_v1};

use crate::choices::Choices;

/// Explanations: they say that a signature matches only when it verifies, and never contain the secret (threat T66). The
/// first line of the input is the secret, the rest the request.
pub fn explain(data: &[u8]) {
    let at = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (secret, text) = data.split_at_checked(at).unwrap_or_default();
    let text = text.strip_prefix(b"\n").unwrap_or(text);
    let mut choices = Choices::of(data);
    let options = Options {
        now_ms: choices
            .one_of(&[None, Some(1_700_000_000_000), Some(i64::MIN), Some(i64::MAX)])
            .copied()
            .flatten(),
        public_urls: &["https://public.example/scp"],
        ..Options::default()
    };
    match lay_open(text, secret, &options) {
        Err(ExplainError::Raw(_)) => assert!(RawRequest::parse(text).is_err()),
        Err(ExplainError::NoCredential | ExplainError::Params(_)) => assert!(RawRequest::parse(text).is_ok()),
        Ok(explanation) => {
            let request = RawRequest::parse(text).unwrap_or_else(|error| panic!("explained, and {error}"));
            let holds = request.view(|view| verifies(view, explanation.scheme, secret, &options));
            // The strict readers refuse more than an explanation must.
            assert!(explanation.matches || !holds, "{explanation:?}");
            if explanation.matches {
                assert_eq!(explanation.expected_signature, explanation.given_signature);
                assert!(!secret.is_empty());
            }
            if secret.len() >= 8 && !text.windows(secret.len()).any(|window| window == secret) {
                let shown = format!("{explanation:?}");
                assert!(!shown.as_bytes().windows(secret.len()).any(|window| window == secret), "{shown}");
            }
        }
    }
}

/// Whether the strict reader of the scheme accepts the request under the secret.
fn verifies(view: &signing::RequestView<'_>, scheme: Scheme, secret: &[u8], options: &Options<'_>) -> bool {
    let claim = match scheme {
        Scheme::Scloud => {
            scloud::params(view, usize::MAX).ok().and_then(|params| scloud::parse(&params).ok())
        }
        Scheme::TencentV1 => {
            tencent_v1::params(view, usize::MAX).ok().and_then(|params| tencent_v1::parse(view, &params).ok())
        }
        Scheme::Tc3 => tc3::parse(view, tc3::Target::Vendor).ok(),
        Scheme::SdkHmacSha256 => sdk_hmac_sha256::parse(view).ok(),
        Scheme::Scp => {
            scp::parse(view, &scp::Options { public_urls: options.public_urls, ..scp::Options::default() })
                .ok()
        }
        Scheme::Aws4 => aws4::parse(view, aws4::Spelling::AlsoRaw).ok(),
    };
    claim.is_some_and(|claim| claim.verify(secret).is_ok())
}
