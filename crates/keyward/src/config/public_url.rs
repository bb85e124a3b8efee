//! `public_url`: the base URLs under which clients reach the server, which some schemes sign.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use serde::Deserializer;
use serde::de::{Error, SeqAccess, Visitor};

use super::text::{InvalidText, text_form};

/// A base URL: scheme, host, port when it was written, and a path prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    scheme: &'static str,
    authority: String,
    path_prefix: String,
}

impl PublicUrl {
    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Host in lower case, with the port when it was written: what a client sends as `Host`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path in front of every route, without a slash at its end: empty or such as `/keys`.
    #[must_use]
    pub fn path_prefix(&self) -> &str {
        &self.path_prefix
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let form = || {
            InvalidText::new(
                "must hold base URLs such as \"https://keys.example.org\" or \"https://example.org/keys\", \
                 without user name, query and fragment",
            )
        };
        // `Uri` drops a fragment silently, and an address list would hide in a comma.
        if text.contains(['#', '?', '@', ',']) {
            return Err(form());
        }
        let uri: Uri = text.parse().map_err(|_| form())?;
        let scheme = match uri.scheme_str() {
            Some("http") => "http",
            Some("https") => "https",
            _ => return Err(form()),
        };
        let authority = uri.authority().filter(|authority| !authority.host().is_empty()).ok_or_else(form)?;
        if authority.as_str().ends_with(':') {
            return Err(form());
        }
        let path_prefix = uri.path().trim_end_matches('/');
        if path_prefix.contains("//")
            || path_prefix.split('/').any(|segment| segment == "." || segment == "..")
        {
            return Err(form());
        }
        Ok(Self {
            scheme,
            authority: authority.as_str().to_ascii_lowercase(),
            path_prefix: path_prefix.to_owned(),
        })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path_prefix)
    }
}

text_form!(PublicUrl);

/// One URL or a list of them; in the environment the list is separated by commas.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicUrl>, D::Error> {
    struct OneOrMany;

    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<PublicUrl>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a URL or a list of URLs")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            text.split(',').map(|url| url.trim().parse().map_err(E::custom)).collect()
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut urls = Vec::new();
            while let Some(url) = list.next_element()? {
                urls.push(url);
            }
            Ok(urls)
        }
    }

    deserializer.deserialize_any(OneOrMany)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_taken_apart_once() {
        let url: PublicUrl = "https://Keys.Example.org:8443/cloud/keys/".parse().unwrap();
        assert_eq!(
            (url.scheme(), url.authority(), url.path_prefix()),
            ("https", "keys.example.org:8443", "/cloud/keys")
        );
        assert_eq!(url.to_string(), "https://keys.example.org:8443/cloud/keys");
        let root: PublicUrl = "http://[::1]:7460/".parse().unwrap();
        assert_eq!((root.authority(), root.path_prefix()), ("[::1]:7460", ""));
    }

    #[test]
    fn what_is_not_a_base_url_is_refused_without_repeating_it() {
        for text in [
            "",
            "keys.example.org",
            "/keys",
            "ftp://a",
            "https://",
            "https:///x",
            "https://a?b",
            "https://a#b",
            "https://a:",
            "https://user:hunter2@a",
            "https://a/../b",
            "https://a//b",
            "https://a,https://b",
        ] {
            let error = text.parse::<PublicUrl>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{text}");
        }
    }
}
