//! Paths of the table of operations: split once, each segment decoded once, never normalised (threat T13).

use std::borrow::Cow;

use signing::encode::percent_decode;

/// A path that was split, or the path parameters that a pattern found in it.
#[derive(Debug)]
pub(super) struct Segments<'a>(Vec<Cow<'a, str>>);

/// A path that other readers could take for another one: dot segments, NUL, bytes that are not UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ambiguous;

impl<'a> Segments<'a> {
    /// Splits a path. One slash at its end counts for nothing, and one too many at its beginning neither: clients of a
    /// versionless endpoint send it.
    pub(super) fn of(path: &'a str) -> Result<Self, Ambiguous> {
        let path = without_doubled_start(path);
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = Vec::new();
        for segment in path.split('/') {
            let segment = percent_decode(segment).map_err(|_| Ambiguous)?;
            if matches!(segment.as_ref(), "." | "..") || segment.contains(['\0', '\\']) {
                return Err(Ambiguous);
            }
            segments.push(segment);
        }
        Ok(Self(segments))
    }

    /// Holds the path against a pattern such as `/v5/users/{user}`; its path parameters.
    pub(super) fn matching(&self, pattern: &str) -> Option<Segments<'a>> {
        let mut found = Vec::new();
        let mut given = self.0.iter();
        for wanted in pattern.strip_prefix('/').unwrap_or(pattern).split('/') {
            let segment = given.next()?;
            if wanted.starts_with('{') {
                found.push(Some(segment.clone()).filter(|text| !text.is_empty())?);
            } else if wanted != segment {
                return None;
            }
        }
        given.next().is_none().then_some(Self(found))
    }

    /// The path parameter at this place; empty when the pattern has none.
    pub(super) fn get(&self, place: usize) -> &str {
        self.0.get(place).map_or("", AsRef::as_ref)
    }
}

/// The path without one slash too many in front.
pub(super) fn without_doubled_start(path: &str) -> &str {
    match path.strip_prefix("//") {
        Some(rest) if !rest.starts_with('/') => path.get(1..).unwrap_or(path),
        Some(_) | None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::{Ambiguous, Segments};

    fn user(pattern: &str, path: &str) -> Option<String> {
        let segments = Segments::of(path).unwrap().matching(pattern)?;
        Some(segments.get(0).to_owned())
    }

    #[test]
    fn paths_match_whole_and_once_decoded() {
        for path in ["/v3", "/v3/", "//v3", "//v3/", "/%763"] {
            assert_eq!(user("/v3", path).as_deref(), Some(""), "{path}");
        }
        assert_eq!(user("/", "/").as_deref(), Some(""));
        assert_eq!(user("/v5/users/{id}", "/v5/users/a%2Fb").as_deref(), Some("a/b"));
        assert_eq!(user("/v5/users/{id}/x", "/v5/users/%2561/x/").as_deref(), Some("%61"));
        for path in [
            "/v5/users",
            "/v5/users/",
            "/v5/users//",
            "///v5/users/a",
            "/v5//users/a",
            "/V5/users/a",
            "/v5/users/a/x",
        ] {
            assert_eq!(user("/v5/users/{id}", path), None, "{path}");
        }
    }

    #[test]
    fn t13_paths_that_others_would_fold_are_refused() {
        for path in [
            "/v4/user/../x",
            "/v4/./user",
            "/v4/%2e%2e/x",
            "/v4/%00",
            "/v4/a\\b",
            "/v4/%ff",
            "/v4/%zz",
            "/..",
        ] {
            assert_eq!(Segments::of(path).err(), Some(Ambiguous), "{path}");
        }
    }
}
