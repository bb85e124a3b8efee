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
