//! A claim: what a request says about its signer, not yet verified. It owns what it needs, so the request may be dropped.
//!
//! Nothing here knows how a scheme writes its strings; the scheme modules fill a claim and this module judges it.

use std::borrow::Cow;
use std::fmt;

use crate::canonical::sha256_hex;
use crate::mac::{Hash, Mac, same_signature};
use crate::{Reject, Scheme};

/// Whether the signature binds the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payload {
    /// The signature covers the body that was seen (or the digest that the caller vouched for).
    Signed,
    /// The signature leaves the body out: anyone may have changed it.
    Unsigned,
    /// The signature covers a digest which could not be compared, because the body was not visible.
    Unchecked,
}

/// The credential scope of the schemes that derive a key from it (TC3 and AWS version 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The day as written in the scope; it has been compared with the signed time.
    pub date: String,
    /// The region; `None` where the scheme has none. May be empty.
    pub region: Option<String>,
    /// The service. Whether it is one that may be called is the dialect's decision.
    pub service: String,
}

/// One way in which the signer may have written the request down.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// What is signed, for schemes that sign in one step.
    Text(Vec<u8>),
    /// What is signed is `head` and the digest of a canonical request. The digest is taken when it is asked for: nearly
    /// always the first candidate is the right one.
    Digest { head: String, canonical_request: Vec<u8> },
}

impl Candidate {
    pub(crate) fn string_to_sign(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Digest { head, canonical_request } => {
                Cow::Owned([head.as_str(), &sha256_hex(canonical_request)].concat().into_bytes())
            }
        }
    }

    pub(crate) fn canonical_request(&self) -> Option<&[u8]> {
        match self {
            Self::Text(_) => None,
            Self::Digest { canonical_request, .. } => Some(canonical_request),
        }
    }
}

/// The signature of the likeliest candidate, which is how this crate itself writes requests down.
pub(crate) fn sign_first(mac: &Mac, candidates: &[Candidate], secret: &[u8]) -> String {
    let text = candidates.first().map(Candidate::string_to_sign);
    mac.keyed(secret).sign(&text.unwrap_or_default())
}

/// What a request says about its signer, unverified.
#[derive(Clone)]
pub struct Claim {
    pub(crate) scheme: Scheme,
    pub(crate) access_key_id: String,
    pub(crate) signed_at: Option<i64>,
    pub(crate) nonce: Option<String>,
    pub(crate) session_token: Option<String>,
    pub(crate) scope: Option<Scope>,
    /// Names separated by `;`, as signed; empty where the scheme signs no headers.
    pub(crate) signed_headers: String,
    pub(crate) payload: Payload,
    pub(crate) signature: String,
    pub(crate) mac: Mac,
    /// Never empty; the likeliest first.
    pub(crate) candidates: Vec<Candidate>,
}

impl Claim {
    /// The scheme that the request is signed with.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The access key id that the request names. Any text: unknown and hostile ids included.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The signed time in unix milliseconds; `None` when the request carries none. The window is for the caller to judge.
    pub fn signed_at(&self) -> Option<i64> {
        self.signed_at
    }

    /// The signed nonce (scloud's optional `Nonce`, Tencent version 1's `Nonce`).
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// The token of a temporary key as sent. Not verified, and in some schemes not even signed.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// The credential scope, for the schemes that have one.
    pub fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref()
    }

    /// Whether the signature covers the header `name` (any letter case). A header it does not cover proves nothing.
    pub fn signs_header(&self, name: &str) -> bool {
        self.signed_headers.split(';').any(|signed| signed.eq_ignore_ascii_case(name))
    }

    /// The hash function that the signature rests on.
    pub fn hash(&self) -> Hash {
        self.mac.hash()
    }

    /// Whether the body is bound.
    pub fn payload(&self) -> Payload {
        self.payload
    }

    /// The given signature, as text. Meant for a keyed hash in the audit; never log it.
    pub fn signature(&self) -> &[u8] {
        self.signature.as_bytes()
    }

    /// The claim, unless its signature has another form than its scheme writes.
    pub(crate) fn strict(self) -> Result<Self, Reject> {
        if self.mac.has_form(self.signature()) { Ok(self) } else { Err(Reject::BadSignatureForm) }
    }

    /// Whether this request was signed with `secret`.
    ///
    /// # Errors
    /// [`Reject::SignatureDiffers`], or [`Reject::EmptySecret`] after the same work: a missing secret must neither open
    /// the door (threat T19) nor be told from a wrong signature by the time it takes (threat T54).
    pub fn verify(&self, secret: &[u8]) -> Result<(), Reject> {
        let key = self.mac.keyed(secret);
        let holds = self.candidates.iter().any(|candidate| {
            same_signature(key.sign(&candidate.string_to_sign()).as_bytes(), self.signature())
        });
        match (secret.is_empty(), holds) {
            (true, _) => Err(Reject::EmptySecret),
            (false, false) => Err(Reject::SignatureDiffers),
            (false, true) => Ok(()),
        }
    }

    /// The verification laid open, for the holder of the secret: the expected signature it contains is as good as a
    /// signed request. Shows the candidate that matches, else the likeliest.
    pub fn explain(&self, secret: &[u8]) -> Explanation {
        let key = self.mac.keyed(secret);
        let mut shown = None;
        for candidate in &self.candidates {
            let expected = key.sign(&candidate.string_to_sign());
            let matches = same_signature(expected.as_bytes(), self.signature()) && !secret.is_empty();
            if matches || shown.is_none() {
                shown = Some((candidate, expected, matches));
            }
            if matches {
                break;
            }
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (canonical_request, string_to_sign, expected_signature, matches) = match shown {
            Some((candidate, expected, matches)) => (
                candidate.canonical_request().map(text),
                text(&candidate.string_to_sign()),
                expected,
                matches,
            ),
            None => (None, String::new(), String::new(), false),
        };
        Explanation {
            scheme: self.scheme,
            access_key_id: self.access_key_id.clone(),
            canonical_request,
            string_to_sign,
            expected_signature,
            given_signature: self.signature.clone(),
            matches,
            causes: Vec::new(),
        }
    }
}

impl fmt::Debug for Claim {
    /// Leaves out the signature, the token and the texts: a log line must not allow a replay (threat T66).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("scheme", &self.scheme)
            .field("access_key_id", &self.access_key_id)
            .field("signed_at", &self.signed_at)
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}

/// A verification laid open for the person who debugs a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The scheme of the request.
    pub scheme: Scheme,
    /// The access key id that it names.
    pub access_key_id: String,
    /// The canonical request, for the schemes that have one.
    pub canonical_request: Option<String>,
    /// The string to sign; scloud's stops before the private key.
    pub string_to_sign: String,
    /// The signature that the secret gives.
    pub expected_signature: String,
    /// The signature that the request carries.
    pub given_signature: String,
    /// Whether the two are the same (never with an empty secret).
    pub matches: bool,
    /// Likely causes of a difference, in plain sentences; facts worth knowing when there is none.
    pub causes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use crate::{Body, Params, RequestView, UrlScheme, request::Header, scloud};

    #[test]
    fn debug_output_holds_no_credentials() {
        let form =
            scloud::signed_form(&[("Password", "hunter2"), ("SecurityToken", "t0ken")], "id", b"s3cret");
        let params = Params::from_form(form.as_bytes(), 8).unwrap();
        let claim = scloud::parse(&params).unwrap();
        let signature = String::from_utf8(claim.signature().to_vec()).unwrap();
        let headers: [Header<'_>; 1] = [("X-Auth-Token", b"t0ken")];
        let target = format!("/?{form}");
        let request = RequestView::new("GET", &target, &headers, Body::Bytes(b"hunter2"), UrlScheme::Http);
        let shown = format!("{claim:?} {params:?} {request:?}");
        for secret in ["hunter2", "t0ken", "s3cret", &signature] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("\"id\"") && shown.contains("\"Password\"") && shown.contains("\"GET\""));
    }
}
