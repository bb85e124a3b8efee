//! Paths of the table of operations: matched segment by segment, each decoded once and never normalised (threat T13).

use std::borrow::Cow;

use signing::encode::percent_decode;

/// The path parameters, in their order.
#[derive(Debug, Default)]
pub(super) struct Segments<'a>(Vec<Cow<'a, str>>);

impl<'a> Segments<'a> {
    /// Holds `path` against a pattern such as `/users/{name}`. `None` when it is another path.
    pub(super) fn matching(pattern: &str, path: &'a str) -> Option<Self> {
        let mut found = Vec::new();
        let mut given = path.split('/');
        for wanted in pattern.split('/') {
            let segment = given.next()?;
            if wanted.starts_with('{') {
                found.push(percent_decode(segment).ok().filter(|text| !text.is_empty())?);
            } else if wanted != segment {
                return None;
            }
        }
        given.next().is_none().then_some(Self(found))
    }

    /// The first path parameter; empty when the path has none.
    pub(super) fn first(&self) -> &str {
        self.0.first().map_or("", AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::Segments;

    #[test]
    fn paths_match_whole_and_once_decoded() {
        let first =
            |pattern, path| Segments::matching(pattern, path).map(|segments| segments.first().to_owned());
        assert_eq!(first("/users", "/users").as_deref(), Some(""));
        assert_eq!(first("/users/{name}", "/users/bob").as_deref(), Some("bob"));
        assert_eq!(first("/users/{name}", "/users/%62ob+%2B").as_deref(), Some("bob++"));
        assert_eq!(first("/access-keys/{id}", "/access-keys/a%2Fb%252F").as_deref(), Some("a/b%2F"));
        for path in
            ["/users/", "/users", "/users/bob/", "//users/bob", "/USERS/bob", "/users/%zz", "/users/%ff", ""]
        {
            assert_eq!(first("/users/{name}", path), None, "{path}");
        }
        assert_eq!(first("/users/{name}/access-keys", "/users/a/b/access-keys"), None);
    }
}
