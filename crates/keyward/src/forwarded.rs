//! Who the client is and whether he came over TLS: the connection tells, and a trusted proxy in front of it may tell more.
//!
//! Forwarded headers of anybody else are ignored, whatever they say (threats T09, T12, T84).

use std::net::IpAddr;

use domain::net::AddressRange;
use http::HeaderMap;
use http::header::HOST;

/// The client behind a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// His address; none on a Unix socket.
    pub source: Option<IpAddr>,
    /// Whether the client's own connection was TLS.
    pub https: bool,
}

/// What a trusted proxy said makes no sense, so nothing is believed and the request is refused with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// A forwarded header came twice or is not of its form.
    #[error("the header {0} is repeated or malformed")]
    Malformed(&'static str),
    /// Over HTTP/2, `Host` names another server than `:authority`.
    #[error("Host differs from :authority")]
    Authority,
}

/// The client of a request that arrived from `peer`.
///
/// # Errors
/// [`Contradiction`], only for what a trusted proxy sent or for HTTP/2's two names of one host.
pub fn client(
    peer: Option<IpAddr>,
    https: bool,
    parts: &http::request::Parts,
    trusted: &[AddressRange],
) -> Result<Client, Contradiction> {
    if let (Some(authority), Some(host)) = (parts.uri.authority(), parts.headers.get(HOST))
        && parts.version == http::Version::HTTP_2
        && !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())
    {
        return Err(Contradiction::Authority);
    }
    let direct = Client { source: peer.map(|peer| peer.to_canonical()), https };
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    if !direct.source.is_some_and(is_trusted) {
        return Ok(direct);
    }
    let https = match single(&parts.headers, "x-forwarded-proto")? {
        None => https,
        Some("https") => true,
        Some("http") => false,
        Some(_) => return Err(Contradiction::Malformed("X-Forwarded-Proto")),
    };
    // The rightmost address that is no proxy of ours: everything left of it was written by the client or a stranger.
    let mut source = direct.source;
    for hop in hops(&parts.headers).rev() {
        let address = hop.parse::<IpAddr>().map_err(|_| Contradiction::Malformed("X-Forwarded-For"))?;
        source = Some(address.to_canonical());
        if !is_trusted(address) {
            break;
        }
    }
    Ok(Client { source, https })
}

fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Contradiction> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let malformed = Contradiction::Malformed("X-Forwarded-Proto");
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
    use super::{Client, Contradiction, client};

    fn parts(headers: &[(&str, &str)]) -> http::request::Parts {
        let mut request = http::Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn of(peer: &str, headers: &[(&str, &str)]) -> Result<Client, Contradiction> {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        client(Some(peer.parse().unwrap()), false, &parts(headers), &trusted)
    }

    fn is(source: &str, https: bool) -> Result<Client, Contradiction> {
        Ok(Client { source: Some(source.parse().unwrap()), https })
    }

    #[test]
    fn t12_forwarded_headers_count_from_trusted_proxies_only() {
        let lies = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")];
        assert_eq!(of("198.51.100.7", &lies), is("198.51.100.7", false));
        assert_eq!(of("10.1.2.3", &lies), is("192.0.2.1", true));
        assert_eq!(of("::ffff:10.1.2.3", &lies), is("192.0.2.1", true));
        assert_eq!(of("10.1.2.3", &[]), is("10.1.2.3", false));
    }

    #[test]
    fn t12_only_the_part_that_our_proxies_wrote_is_believed() {
        let chain = [("x-forwarded-for", "127.0.0.1, 203.0.113.9, 10.0.0.2")];
        assert_eq!(of("10.0.0.1", &chain), is("203.0.113.9", false));
        let split = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "10.0.0.2")];
        assert_eq!(of("10.0.0.1", &split), is("203.0.113.9", false));
    }

    #[test]
    fn t12_contradictions_are_refused() {
        for (name, headers) in [
            ("X-Forwarded-Proto", vec![("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")]),
            ("X-Forwarded-Proto", vec![("x-forwarded-proto", "https, http")]),
            ("X-Forwarded-For", vec![("x-forwarded-for", "unknown")]),
            ("X-Forwarded-For", vec![("x-forwarded-for", "203.0.113.9:8080")]),
        ] {
            assert_eq!(of("10.0.0.1", &headers), Err(Contradiction::Malformed(name)), "{headers:?}");
        }
    }

    #[test]
    fn t12_http2_names_one_host() {
        let request = |host| {
            let request = http::Request::builder().uri("https://a.example/").version(http::Version::HTTP_2);
            request.header("host", host).body(()).unwrap().into_parts().0
        };
        assert!(client(None, true, &request("a.example"), &[]).is_ok());
        assert_eq!(client(None, true, &request("b.example"), &[]), Err(Contradiction::Authority));
    }
}
