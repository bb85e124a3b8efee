//! The form in which seeds hold a signed request: readable text.
//!
//! ```text
//! https SECRET
//! GET /path?query
//! Name: value
//!
//! body
//! ```
//!
//! The first line names the scheme of the URL and the secret; the rest is HTTP/1.1 without a version. Lines end in a line feed.

use signing::{Body, RequestView, UrlScheme};

use crate::choices::Choices;

/// A request and the secret that it may have been signed with.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) url_scheme: UrlScheme,
    pub(crate) secret: Vec<u8>,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads the text form; `None` for anything else.
    pub(crate) fn read(data: &[u8]) -> Option<Self> {
        let mut rest = data;
        let (url_scheme, secret) = split_at_byte(next_line(&mut rest), b' ')?;
        let url_scheme = match url_scheme {
            b"http" => UrlScheme::Http,
            b"https" => UrlScheme::Https,
            _ => return None,
        };
        let (method, target) = std::str::from_utf8(next_line(&mut rest)).ok()?.split_once(' ')?;
        let mut headers = Vec::new();
        loop {
            let line = next_line(&mut rest);
            if line.is_empty() {
                break;
            }
            let (name, value) = split_at_byte(line, b':')?;
            headers.push((std::str::from_utf8(name).ok()?.to_owned(), value.trim_ascii().to_vec()));
        }
        let (method, target) = (method.to_owned(), target.to_owned());
        Some(Self { url_scheme, secret: secret.to_vec(), method, target, headers, body: rest.to_vec() })
    }

    /// Hands a view of the request to `read`.
    pub(crate) fn view<T>(&self, read: impl FnOnce(&RequestView<'_>) -> T) -> T {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let body = Body::Bytes(&self.body);
        read(&RequestView::new(&self.method, &self.target, &headers, body, self.url_scheme))
    }

    /// Whether the head checker could have let this through: what HTTP forbids never reaches a signature.
    pub(crate) fn is_http(&self) -> bool {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte);
        let is_value = |byte: u8| byte == b'\t' || !byte.is_ascii_control();
        !self.method.is_empty()
            && self.method.bytes().all(|byte| byte.is_ascii_uppercase())
            && ["/", "http://", "https://"].iter().any(|start| self.target.starts_with(start))
            && self.target.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b'#')
            && self.headers.iter().all(|(name, value)| {
                !name.is_empty() && name.bytes().all(is_token) && value.iter().copied().all(is_value)
            })
            && ["host", "authorization"].iter().all(|name| self.values(name).count() <= 1)
    }

    /// The values of the header `name`, in any letter case.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The value of the header `name`, unless there are none or several, or it is no text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.values(name).collect();
        let [value] = values.as_slice() else { return None };
        std::str::from_utf8(value).ok().map(str::to_owned)
    }

    /// Gives the header `name` one value.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.headers.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Gives the header `name` one value unless it has one already.
    pub(crate) fn set_if_missing(&mut self, name: &str, value: &str) {
        if self.values(name).count() != 1 {
            self.set(name, value);
        }
    }

    /// The names of the headers in lower case, each once, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The same request with one small change somewhere, credentials included.
    pub(crate) fn changed(&self, choices: &mut Choices) -> Self {
        let mut changed = self.clone();
        let header = choices.below(self.headers.len());
        match (choices.below(8), changed.headers.get_mut(header)) {
            (0, _) => choices.change_text(&mut changed.method),
            (1 | 2, _) => choices.change_text(&mut changed.target),
            (3, _) => choices.change(&mut changed.body),
            (4, Some(_)) => drop(changed.headers.remove(header)),
            (5, Some((name, value))) => {
                let again = (name.clone(), value.clone());
                changed.headers.push(again);
            }
            (_, Some((_, value))) => choices.change(value),
            (_, None) => choices.change(&mut changed.body),
        }
        changed
    }
}

/// Takes a line off the front of `rest`, without its line end.
fn next_line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (line, tail) = split_at_byte(rest, b'\n').unwrap_or((rest, b""));
    *rest = tail;
    line
}

fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&other| other == byte)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(1..)?))
}
