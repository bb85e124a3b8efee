//! Helpers shared by the tests of the schemes.

use std::collections::BTreeSet;

use crate::claim::Candidate;
use crate::{Body, Claim, Reject, RequestView, UrlScheme};

/// A recorded request with what it was signed with.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) url_scheme: UrlScheme,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// A scheme's `parse`.
pub(crate) type Parse = fn(&RequestView<'_>) -> Result<Claim, Reject>;

impl Case {
    pub(crate) fn view<T>(&self, read: impl FnOnce(&RequestView<'_>) -> T) -> T {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        read(&RequestView::new(
            &self.method,
            &self.target,
            &headers,
            Body::Bytes(&self.body),
            self.url_scheme,
        ))
    }

    pub(crate) fn header(&self, name: &str) -> String {
        let (_, value) = self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).unwrap();
        String::from_utf8(value.clone()).unwrap()
    }

    /// The same case with another value of its header `name`.
    pub(crate) fn with_header(&self, name: &str, value: &str) -> Self {
        let mut case = self.clone();
        case.headers.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
        case.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        case
    }

    pub(crate) fn without_header(&self, name: &str) -> Self {
        let mut case = self.clone();
        case.headers.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
        case
    }

    /// One character changed in the first `len` bytes of the header `name`.
    pub(crate) fn changed_header(&self, name: &str, len: usize) -> Vec<Self> {
        let value = self.header(name);
        let (head, tail) = value.split_at(len.min(value.len()));
        one_changed(head, 1).map(|head| self.with_header(name, &[&head, tail].concat())).collect()
    }

    /// One character changed in the target from byte `from` on.
    pub(crate) fn changed_target(&self, from: usize) -> Vec<Self> {
        let (head, tail) = self.target.split_at(from.min(self.target.len()));
        one_changed(tail, 1).map(|tail| Self { target: [head, &tail].concat(), ..self.clone() }).collect()
    }

    /// One byte changed in the body, one added, one taken away.
    pub(crate) fn changed_body(&self) -> Vec<Self> {
        let mut bodies = vec![[self.body.as_slice(), b"x"].concat()];
        for at in 0..self.body.len() {
            let mut body = self.body.clone();
            body[at] ^= 1;
            bodies.push(body);
        }
        bodies.extend(self.body.split_last().map(|(_, rest)| rest.to_vec()));
        bodies.into_iter().map(|body| Self { body, ..self.clone() }).collect()
    }

    /// Parses and verifies.
    pub(crate) fn judge(&self, parse: Parse) -> Result<(), Reject> {
        self.view(parse)?.verify(self.secret.as_bytes())
    }

    /// Asserts that the request is refused, or names another key.
    pub(crate) fn assert_refused(&self, parse: Parse) {
        if let Ok(claim) = self.view(parse) {
            let other_key = claim.access_key_id() != self.access_key_id;
            let verdict = claim.verify(self.secret.as_bytes());
            let headers: Vec<_> =
                self.headers.iter().map(|(_, value)| String::from_utf8_lossy(value)).collect();
            assert!(other_key || verdict.is_err(), "{}: {} {headers:?}", self.name, self.target);
        }
    }

    /// What holds for every good request of every scheme: it verifies, with its own secret only.
    pub(crate) fn assert_good(&self, parse: Parse) -> Claim {
        let claim = self.view(parse).unwrap_or_else(|reject| panic!("{}: {reject}", self.name));
        assert_eq!(claim.access_key_id(), self.access_key_id, "{}", self.name);
        assert_eq!(claim.verify(self.secret.as_bytes()), Ok(()), "{}", self.name);
        assert_eq!(claim.verify(b""), Err(Reject::EmptySecret), "{}", self.name);
        assert!(claim.explain(self.secret.as_bytes()).matches, "{}", self.name);
        for secret in one_changed(&self.secret, 1).chain([format!("{} ", self.secret)]) {
            assert_eq!(claim.verify(secret.as_bytes()), Err(Reject::SignatureDiffers), "{}", self.name);
        }
        claim
    }

    /// Asserts that no near miss passes for the signature that stands behind `Signature=` in the Authorization header.
    pub(crate) fn assert_near_misses_refused(&self, parse: Parse) {
        let authorization = self.header("Authorization");
        let (head, signature) = authorization.rsplit_once("Signature=").unwrap();
        for near in near_misses(signature) {
            let verdict = self.with_header("Authorization", &format!("{head}Signature={near}")).judge(parse);
            let expected = [
                Reject::BadSignatureForm,
                Reject::SignatureDiffers,
                Reject::MissingCredential("Signature"),
                Reject::Malformed("Authorization"),
            ];
            assert!(verdict.as_ref().is_err_and(|reject| expected.contains(reject)), "{near:?}: {verdict:?}");
        }
    }
}

/// A thousand and more texts near a good signature that must not pass for it (threat T16): cut, extended, re-cased, blanks,
/// other digits and alphabets, and each position replaced. Deterministic.
pub(crate) fn near_misses(signature: &str) -> Vec<String> {
    let characters: Vec<char> = signature.chars().collect();
    let text = |characters: &[char]| characters.iter().collect::<String>();
    let mut near = BTreeSet::from([
        signature.to_uppercase(),
        signature.repeat(2),
        signature.trim_end_matches('=').to_owned(),
        signature.replace('+', "-").replace('/', "_"),
        signature.chars().rev().collect(),
    ]);
    for (before, after) in [
        (" ", ""),
        ("", " "),
        ("\t", ""),
        ("", "\n"),
        ("", "\r\n"),
        ("0x", ""),
        ("", "\0"),
        ("\"", "\""),
        ("", "="),
    ] {
        near.insert([before, signature, after].concat());
    }
    // Enough replacements per position for a thousand in all, other ones at each.
    let others: Vec<char> = "0123456789abcdefABCDEFxyzXYZ+/=-_ \t%\0０٣аｆ".chars().collect();
    let per_position = 1 + 1000 / characters.len();
    for (at, &character) in characters.iter().enumerate() {
        near.insert(text(&characters[..at]));
        near.insert(text(&characters[at + 1..]));
        let other_case = if character.is_lowercase() {
            character.to_ascii_uppercase()
        } else {
            character.to_ascii_lowercase()
        };
        let replacements = others.iter().cycle().skip(at * per_position).take(per_position);
        for &other in replacements.chain([&other_case]) {
            let mut changed = characters.clone();
            changed[at] = other;
            near.insert(text(&changed));
        }
        let mut longer = characters.clone();
        longer.insert(at, others[at % others.len()]);
        near.insert(text(&longer));
    }
    near.remove(signature);
    assert!(near.len() >= 1000, "only {} near misses", near.len());
    near.into_iter().collect()
}

/// `text` with one character changed at each position, long texts only at every `step`th.
pub(crate) fn one_changed(text: &str, step: usize) -> impl Iterator<Item = String> {
    let positions: Vec<_> = text.char_indices().step_by(step).collect();
    positions.into_iter().map(move |(at, old)| {
        let new = if old == 'x' { 'y' } else { 'x' };
        [&text[..at], &new.to_string(), &text[at + old.len_utf8()..]].concat()
    })
}

impl Candidate {
    /// Changes the text that is signed by one bit, at the byte that `at` picks of so many.
    pub(crate) fn flip_bit(&mut self, at: impl FnOnce(usize) -> usize) {
        let mut text = self.string_to_sign().into_owned();
        let at = at(text.len());
        text[at] ^= 1;
        *self = Self::Text(text);
    }
}
