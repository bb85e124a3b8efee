//! What a dialect is handed: the request as received, and where it came from.

use domain::caller::Origin;
use signing::RequestView;

/// A request for a dialect.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The request as received; the raw target and `Host` are what clients sign.
    pub view: RequestView<'a>,
    /// The path below the dialect's prefix, beginning with `/`.
    pub path: &'a str,
    /// Where it came from and under which id it is logged.
    pub origin: Origin,
    /// The base URLs under which clients reach the server, most important first; some schemes sign them, and links in
    /// answers begin with them.
    pub public_urls: &'a [String],
}

impl Request<'_> {
    /// The URL of the server, without a slash at its end, for links in answers: the public URL that goes with the host that was
    /// called, or the first one; without any, the host itself. Never what a stranger's forwarded header says (threat T12).
    pub(crate) fn server_url(&self) -> String {
        let host =
            self.view.host().ok().and_then(|host| std::str::from_utf8(host).ok()).unwrap_or("localhost");
        let is_called = |url: &&String| {
            let authority = url.split_once("://").map_or("", |(_, rest)| rest).split('/').next();
            authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
        };
        match self.public_urls.iter().find(is_called).or(self.public_urls.first()) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => [self.view.url_scheme().as_str(), "://", host].concat(),
        }
    }
}

/// Whether a request at the root, without prefix or host name to tell, is a dialect's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recognition {
    /// It is not.
    No,
    /// It is if nobody else's.
    Maybe,
    /// It is.
    Yes,
}
