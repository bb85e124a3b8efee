//! Who the client is and what protected his request: the connection tells, and a trusted proxy in front of it may tell more.
//!
//! Forwarded headers of anybody else are ignored, whatever they say (threats T09, T12, T84).

use std::net::IpAddr;

use domain::net::AddressRange;
use http::HeaderMap;

/// The client behind a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// His address; none on a Unix socket. Behind a proxy that does not name him, the proxy's.
    pub source: Option<IpAddr>,
    /// What protected his request on its way.
    pub way: Way,
}

/// What protects a request from those who listen to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// TLS, up to us or to a trusted proxy.
    Encrypted,
    /// It never left this machine.
    Local,
    /// Nothing.
    Plain,
}

/// A header of a trusted proxy came twice or is not of its form, so nothing is believed and the request is refused with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header {0} is repeated or malformed")]
pub struct Malformed(pub &'static str);

/// The client of a request that arrived from `peer`.
///
/// # Errors
/// [`Malformed`], only for what a trusted proxy sent.
pub fn client(
    peer: Option<IpAddr>,
    https: bool,
    parts: &http::request::Parts,
    trusted: &[AddressRange],
) -> Result<Client, Malformed> {
    let peer = peer.map(|peer| peer.to_canonical());
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    if !peer.is_some_and(is_trusted) {
        return Ok(Client { source: peer, way: way(https, peer) });
    }
    let said = single(&parts.headers, "x-forwarded-proto")?;
    let https = match said {
        None => https,
        Some("https") => true,
        Some("http") => false,
        Some(_) => return Err(Malformed("X-Forwarded-Proto")),
    };
    let named = nearest_stranger(hops(&parts.headers), trusted)?;
    let way = match (said, named) {
        // Somebody reached the proxy unencrypted, and it does not say from where: not from here, for all we know.
        (Some("http"), None) => Way::Plain,
        _ => way(https, named.or(peer)),
    };
    Ok(Client { source: named.or(peer), way })
}

/// The rightmost address of `X-Forwarded-For` that is no proxy of ours: everything left of it was written by the client or a
/// stranger. Where all are ours, the leftmost.
///
/// # Errors
/// [`Malformed`] for a hop up to there that is no address.
pub(crate) fn nearest_stranger<'a>(
    hops: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &[AddressRange],
) -> Result<Option<IpAddr>, Malformed> {
    let mut named = None;
    for hop in hops.rev() {
        let address = hop.parse::<IpAddr>().map_err(|_| Malformed("X-Forwarded-For"))?;
        named = Some(address.to_canonical());
        if !trusted.iter().any(|range| range.contains(address)) {
            break;
        }
    }
    Ok(named)
}

fn way(https: bool, source: Option<IpAddr>) -> Way {
    if https {
        Way::Encrypted
    } else if source.is_none_or(|source| source.is_loopback()) {
        Way::Local
    } else {
        Way::Plain
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Malformed> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let malformed = Malformed("X-Forwarded-Proto");
    if values.next().is_some() {
        return Err(malformed);
    }
    first.to_str().map(Some).map_err(|_| malformed)
}

fn hops(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = &str> {
    headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::{Client, Malformed, Way, client};

    fn parts(headers: &[(&str, &str)]) -> http::request::Parts {
        let mut request = http::Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn of(peer: &str, headers: &[(&str, &str)]) -> Result<Client, Malformed> {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        client(Some(peer.parse().unwrap()), false, &parts(headers), &trusted)
    }

    fn is(source: &str, way: Way) -> Result<Client, Malformed> {
        Ok(Client { source: Some(source.parse().unwrap()), way })
    }

    #[test]
    fn t12_forwarded_headers_count_from_trusted_proxies_only() {
        let lies = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")];
        assert_eq!(of("198.51.100.7", &lies), is("198.51.100.7", Way::Plain));
        assert_eq!(of("10.1.2.3", &lies), is("192.0.2.1", Way::Encrypted));
        assert_eq!(of("::ffff:10.1.2.3", &lies), is("192.0.2.1", Way::Encrypted));
        assert_eq!(of("10.1.2.3", &[]), is("10.1.2.3", Way::Plain));
    }

    #[test]
    fn t12_only_the_part_that_our_proxies_wrote_is_believed() {
        let chain = [("x-forwarded-for", "127.0.0.1, 203.0.113.9, 10.0.0.2")];
        assert_eq!(of("10.0.0.1", &chain), is("203.0.113.9", Way::Plain));
        let split = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "10.0.0.2")];
        assert_eq!(of("10.0.0.1", &split), is("203.0.113.9", Way::Plain));
    }

    #[test]
    fn t11_a_proxy_on_this_machine_does_not_make_a_stranger_local() {
        let proto = |word| [("x-forwarded-proto", word)];
        assert_eq!(of("::1", &[]), is("::1", Way::Local));
        assert_eq!(of("::1", &proto("https")), is("::1", Way::Encrypted));
        assert_eq!(of("::1", &proto("http")), is("::1", Way::Plain));
        let named = |client| [("x-forwarded-proto", "http"), ("x-forwarded-for", client)];
        assert_eq!(of("::1", &named("203.0.113.9")), is("203.0.113.9", Way::Plain));
        assert_eq!(of("::1", &named("127.0.0.1")), is("127.0.0.1", Way::Local));
        assert_eq!(of("127.0.0.1", &proto("http")), is("127.0.0.1", Way::Local), "nobody's proxy");
    }

    #[test]
    fn t12_contradictions_are_refused() {
        for (name, headers) in [
            ("X-Forwarded-Proto", vec![("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")]),
            ("X-Forwarded-Proto", vec![("x-forwarded-proto", "https, http")]),
            ("X-Forwarded-For", vec![("x-forwarded-for", "unknown")]),
            ("X-Forwarded-For", vec![("x-forwarded-for", "203.0.113.9:8080")]),
        ] {
            assert_eq!(of("10.0.0.1", &headers), Err(Malformed(name)), "{headers:?}");
        }
    }
}
