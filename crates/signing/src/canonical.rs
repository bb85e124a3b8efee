//! What the canonical requests of TC3, SDK-HMAC and AWS version 4 have in common: the list of signed headers, their values,
//! digests. How each writes its lines is in its own file.

use sha2::{Digest, Sha256};

use crate::claim::Candidate;
use crate::encode::lower_hex;
use crate::{Reject, RequestView};

/// The word that stands for a body left out of the signature.
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The names in a list of signed headers: lower case, none empty, none twice.
pub(crate) fn signed_names(list: &str) -> Result<Vec<&str>, Reject> {
    let names: Vec<_> = list.split(';').collect();
    let well_formed =
        |name: &&str| !name.is_empty() && !name.contains(|c: char| c.is_ascii_uppercase() || c == '\n');
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == names.len() && names.iter().all(well_formed) {
        Ok(names)
    } else {
        Err(Reject::Malformed("SignedHeaders"))
    }
}

/// The values of the signed header `name`, outer blanks removed. The host may come from the request target or HTTP/2.
pub(crate) fn signed_values<'a>(request: &RequestView<'a>, name: &str) -> Result<Vec<&'a [u8]>, Reject> {
    if name == "host" {
        return Ok(vec![request.host()?.trim_ascii()]);
    }
    let values: Vec<_> = request.headers(name).map(<[u8]>::trim_ascii).collect();
    if values.is_empty() { Err(Reject::HeaderMissing(name.to_owned())) } else { Ok(values) }
}

/// Lower-case hex of SHA-256.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    lower_hex(&Sha256::digest(bytes))
}

/// Appends a candidate unless it signs the same text as an earlier one.
pub(crate) fn push_new(candidates: &mut Vec<Candidate>, candidate: Candidate) {
    if !candidates.contains(&candidate) {
        candidates.push(candidate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_signed_headers_have_one_spelling() {
        assert_eq!(signed_names("host;x-b;a"), Ok(vec!["host", "x-b", "a"]));
        for bad in ["", ";", "host;", ";host", "Host", "host;host", "a;b;a", "a\nb"] {
            assert_eq!(signed_names(bad), Err(Reject::Malformed("SignedHeaders")), "{bad:?}");
        }
    }
}
