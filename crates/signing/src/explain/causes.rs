//! Why a signature differs, in plain sentences. Guesses are tried: a cause is named as such only when the signature that the
//! mistake would give is the one that was sent.

use super::Signed;
use super::suspects;
use crate::mac::{Keyed, same_signature};
use crate::{Claim, Payload, Reject, Scheme};

/// Causes for a request whose texts could be made; without a secret, those that need none.
pub(super) fn of(signed: &Signed<'_>, claim: &Claim, secret: Option<&[u8]>, matches: bool) -> Vec<String> {
    let mut causes = Vec::new();
    if secret.is_some_and(<[u8]>::is_empty) {
        causes.push("The secret is empty: nothing verifies with it.".to_owned());
    } else if let Some(secret) = secret.filter(|_| !matches) {
        let found = blank_around_secret(claim, secret)
            .or_else(|| other_spelling(claim, secret))
            .or_else(|| suspects::find(signed, claim, &claim.mac.keyed(secret)));
        causes.push(found.unwrap_or_else(|| {
            "No usual mistake explains the difference. Compare the texts with those of the client, line by line; \
             if they are the same, the secret is another one."
                .to_owned()
        }));
    }
    causes.extend(clock(signed, claim, matches));
    if matches && claim.payload() == Payload::Unsigned && claim.scheme() != Scheme::Scp {
        causes.push("The signature is right but leaves the body out; a server may refuse that.".to_owned());
    }
    causes
}

/// The cause that a refusal states.
pub(super) fn of_reject(reject: &Reject) -> String {
    let hint = match reject {
        Reject::HeaderMissing(_) => "; the client signed it, so something on the way may have removed it",
        Reject::HeaderNotSigned(_) => "; the scheme demands that it be named in SignedHeaders",
        Reject::BadScope("date") => "; it must be the UTC day of the signed time",
        Reject::PayloadMismatch => "; the body was changed after signing, or another text was hashed",
        Reject::AlgorithmNotAllowed => "; each scheme accepts one word, in one letter case",
        _ => "",
    };
    format!("The request is refused before signatures are compared: {reject}{hint}.")
}

fn blank_around_secret(claim: &Claim, secret: &[u8]) -> Option<String> {
    let trimmed = secret.trim_ascii();
    let matches = trimmed != secret && claim.verify(trimmed).is_ok();
    matches.then(|| {
        "There is a blank or a line end around the secret; without it the signature matches.".to_owned()
    })
}

/// The right signature, written in another way than its scheme writes it.
fn other_spelling(claim: &Claim, secret: &[u8]) -> Option<String> {
    let given = claim.signature.as_str();
    let hex = claim.mac.keyed(secret).sign(b"").bytes().all(|byte| byte.is_ascii_hexdigit());
    let spellings = if hex {
        vec![(given.trim().to_ascii_lowercase(), "It must be lower-case hexadecimal, without blanks.")]
    } else {
        let standard = given.trim().replace('-', "+").replace('_', "/");
        let padded = [standard.trim_end_matches('='), "="].concat();
        vec![
            (given.replace(' ', "+"), "A `+` in it was not percent-encoded and arrived as a blank."),
            (padded, "It must be standard base64 with padding, without blanks."),
        ]
    };
    let right = |spelling: &str| {
        let key = claim.mac.keyed(secret);
        let mut texts = claim.candidates.iter().map(|candidate| key.sign(&candidate.string_to_sign()));
        texts.any(|expected| same_signature(expected.as_bytes(), spelling.as_bytes()))
    };
    let (_, hint) = spellings.into_iter().find(|(spelling, _)| right(spelling))?;
    Some(format!("The signature is right but spelt wrongly. {hint}"))
}

/// Whether `text` gives the signature that was sent.
pub(super) fn gives(key: &Keyed<'_>, text: &[u8], claim: &Claim) -> bool {
    same_signature(key.sign(text).as_bytes(), claim.signature())
}

fn clock(signed: &Signed<'_>, claim: &Claim, matches: bool) -> Option<String> {
    let signed_at = claim.signed_at()?;
    let window_seconds = match claim.scheme() {
        Scheme::Scloud | Scheme::Tc3 | Scheme::TencentV1 => 300,
        Scheme::SdkHmacSha256 | Scheme::Scp | Scheme::Aws4 => 900,
    };
    let Some(now) = signed.options.now_ms else {
        let note = "The signature is right; the clock was not judged. Servers refuse a request that is more than \
                    a few minutes old or ahead.";
        return matches.then(|| note.to_owned());
    };
    let seconds = now.saturating_sub(signed_at) / 1000;
    let direction = if seconds < 0 { "ahead of" } else { "behind" };
    let outside = seconds.unsigned_abs() > window_seconds;
    outside.then(|| {
        let seconds = seconds.unsigned_abs();
        format!("The signed time is {seconds} s {direction} the clock; the window is {window_seconds} s by default.")
    })
}
