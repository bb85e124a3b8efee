//! Making signatures of AWS version 4: for the command line, the load generator and the tests.

use super::canonical::Text;
use super::{ALGORITHM, Place, SIGNATURE_PARAMETER, Spelling, header_date, mac, scope_text};
use crate::claim::sign_first;
use crate::encode::percent_encode;
use crate::{Reject, RequestView, Scope};

/// Who signs, and for what.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret: &'a [u8],
    /// The region of the scope; any text, also empty.
    pub region: &'a str,
    /// The service of the scope.
    pub service: &'a str,
}

/// The `Authorization` value for `request`, which has its `X-Amz-Date` already ([`format_basic`](crate::format_basic)).
/// Signs the headers `signed`: lower-case names in any order, among them `host` and every `x-amz-*` header.
///
/// # Errors
/// When a header is missing or unsigned, or the body is not visible.
pub fn sign(request: &RequestView<'_>, signer: &Signer<'_>, signed: &[&str]) -> Result<String, Reject> {
    let date = header_date(request)?;
    let scope = signer.scope(date)?;
    let signed_headers = joined(signed);
    let text = Text {
        place: Place::Header,
        query: request.query(),
        signed_headers: &signed_headers,
        date,
        scope: &scope,
    };
    let signature = signer.signature(request, &text)?;
    let credential = signer.credential(&scope);
    Ok(format!("{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}"))
}

/// The query of a presigned URL for `request`, whose own query has no `X-Amz-*` parameter yet. Signs `host` and the headers
/// `signed`. `date` has the form that [`format_basic`](crate::format_basic) writes; `token` belongs to a temporary key.
///
/// # Errors
/// As [`sign`].
pub fn presign(
    request: &RequestView<'_>,
    signer: &Signer<'_>,
    signed: &[&str],
    date: &str,
    expires_seconds: u32,
    token: Option<&str>,
) -> Result<String, Reject> {
    let scope = signer.scope(date)?;
    let signed_headers = joined(&[&["host"], signed].concat());
    let (credential, expires) = (signer.credential(&scope), expires_seconds.to_string());
    let mut parameters = vec![
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", date),
        ("X-Amz-Expires", &expires),
        ("X-Amz-SignedHeaders", &signed_headers),
    ];
    parameters.extend(token.map(|token| ("X-Amz-Security-Token", token)));
    let mut query = String::from(request.query());
    for (name, value) in parameters {
        let separator = if query.is_empty() { "" } else { "&" };
        query.push_str(&[separator, name, "=", &percent_encode(value.as_bytes())].concat());
    }
    let text =
        Text { place: Place::Query, query: &query, signed_headers: &signed_headers, date, scope: &scope };
    let signature = signer.signature(request, &text)?;
    Ok([&query, "&", SIGNATURE_PARAMETER, "=", &signature].concat())
}

impl Signer<'_> {
    fn scope(&self, date: &str) -> Result<Scope, Reject> {
        let day = date.get(..8).ok_or(Reject::BadDate)?;
        Ok(Scope {
            date: day.to_owned(),
            region: Some(self.region.to_owned()),
            service: self.service.to_owned(),
        })
    }

    fn credential(&self, scope: &Scope) -> String {
        [self.access_key_id, "/", &scope_text(scope)].concat()
    }

    fn signature(&self, request: &RequestView<'_>, text: &Text<'_>) -> Result<String, Reject> {
        let (_, candidates) = text.candidates(request, Spelling::Standard)?;
        Ok(sign_first(&mac(text.scope), &candidates, self.secret))
    }
}

fn joined(names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.join(";")
}
