//! The `Authorization` header as TC3, SDK-HMAC and AWS version 4 write it: an algorithm word and `name=value` parts.

use crate::{Reject, RequestView};

/// The parts of an `Authorization` header behind its algorithm word.
pub(crate) struct Authorization<'a> {
    parts: Vec<(&'a str, &'a str)>,
}

impl<'a> Authorization<'a> {
    /// Reads the header of `request`, which must start with exactly `algorithm`. Blanks after commas are optional.
    pub(crate) fn read(request: &RequestView<'a>, algorithm: &str) -> Result<Self, Reject> {
        let mut values = request.headers("authorization");
        let value = values.next().ok_or(Reject::MissingCredential("Authorization"))?;
        if values.next().is_some() {
            return Err(Reject::TwoCredentials("Authorization"));
        }
        let text = std::str::from_utf8(value).map_err(|_| Reject::Malformed("Authorization"))?;
        if text.trim().is_empty() {
            return Err(Reject::MissingCredential("Authorization"));
        }
        if text.trim() != text {
            // HTTP has removed outer blanks; whatever is still there would be read as part of the signature (threat T16).
            return Err(Reject::Malformed("Authorization"));
        }
        let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        if word != algorithm {
            return Err(Reject::AlgorithmNotAllowed);
        }
        let parts =
            rest.split(',').map(|part| part.trim().split_once('=').ok_or(Reject::Malformed("Authorization")));
        Ok(Self { parts: parts.collect::<Result<_, _>>()? })
    }

    /// The part `name`, which must occur once and not be empty.
    pub(crate) fn part(&self, name: &'static str) -> Result<&'a str, Reject> {
        let mut values = self.parts.iter().filter(|(given, _)| *given == name).map(|(_, value)| *value);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Reject::TwoCredentials(name)),
            (None | Some(""), None) => Err(Reject::MissingCredential(name)),
            (Some(value), None) => Ok(value),
        }
    }

    /// The last part `name`, which must not be empty.
    pub(crate) fn last_part(&self, name: &'static str) -> Result<&'a str, Reject> {
        let value = self.parts.iter().rev().find(|(given, _)| *given == name).map(|(_, value)| *value);
        value.filter(|value| !value.is_empty()).ok_or(Reject::MissingCredential(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, UrlScheme, request::Header};

    fn read(values: &[&str]) -> Result<Vec<(String, String)>, Reject> {
        let headers: Vec<Header<'_>> =
            values.iter().map(|value| ("authorization", value.as_bytes())).collect();
        let request = RequestView::new("GET", "/", &headers, Body::Bytes(b""), UrlScheme::Http);
        let parts = Authorization::read(&request, "ALG")?.parts;
        Ok(parts.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn parts_are_split_with_and_without_blanks() {
        let expected = Ok(vec![("A".to_owned(), "1=2".to_owned()), ("B".to_owned(), String::new())]);
        assert_eq!(read(&["ALG A=1=2,B="]), expected);
        assert_eq!(read(&["ALG \tA=1=2 ,   B="]), expected);
        assert_eq!(read(&["ALG A=1,,B=2"]), Err(Reject::Malformed("Authorization")));
        assert_eq!(read(&["ALG A=1 "]), Err(Reject::Malformed("Authorization")));
        assert_eq!(read(&["ALG"]), Err(Reject::Malformed("Authorization")));
        assert_eq!(read(&["ALGO A=1"]), Err(Reject::AlgorithmNotAllowed));
        assert_eq!(read(&["alg A=1"]), Err(Reject::AlgorithmNotAllowed));
        assert_eq!(read(&[" "]), Err(Reject::MissingCredential("Authorization")));
        assert_eq!(read(&[]), Err(Reject::MissingCredential("Authorization")));
    }

    #[test]
    fn t02_two_authorizations_are_refused() {
        assert_eq!(read(&["ALG A=1", "ALG A=1"]), Err(Reject::TwoCredentials("Authorization")));
        assert_eq!(read(&["Bearer x", "ALG A=1"]), Err(Reject::TwoCredentials("Authorization")));
        let headers: [Header<'_>; 1] = [("Authorization", b"ALG A=1, A=2")];
        let request = RequestView::new("GET", "/", &headers, Body::Bytes(b""), UrlScheme::Http);
        let authorization = Authorization::read(&request, "ALG").unwrap();
        assert_eq!(authorization.part("A"), Err(Reject::TwoCredentials("A")));
        assert_eq!(authorization.last_part("A"), Ok("2"));
        assert_eq!(authorization.last_part("B"), Err(Reject::MissingCredential("B")));
    }
}
