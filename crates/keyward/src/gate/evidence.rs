//! What the request under test is: its method, target, host, the URL's scheme and the client's address, as the proxy tells.
//!
//! Evidence is one family of headers. Where a client's own headers slip through a proxy and name another method, target or
//! host than the proxy does, nobody can say which one the backend will see, so the question is refused (threat T12).

use std::net::IpAddr;

use domain::net::AddressRange;
use signing::request::Header;
use signing::{Body, RequestView, UrlScheme};

use super::callers::TOKEN;
use crate::forwarded;
use crate::listen::check_origin_target;

/// The request under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Path and query, as the client sent them.
    pub target: &'a str,
    /// The `Host` that the client sent; a request of HTTP/1.0 may have none.
    pub host: Option<&'a str>,
    /// The scheme of the URL that the client called.
    pub scheme: UrlScheme,
    /// The client's address.
    pub source: Option<IpAddr>,
}

/// Why a question cannot be judged. The texts name headers, never their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The proxy does not tell what it must: a fault of its configuration, which no client can bring about.
    #[error("the question tells no {0}; see docs/integrations")]
    Missing(&'static str),
    /// A header that the proxy sets came twice.
    #[error("{0} came twice")]
    Repeated(&'static str),
    /// A part is not of its form, or could be read in two ways.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// Two sources name different ones.
    #[error("two sources disagree about the {0}")]
    Disagree(&'static str),
}

/// The names of one family of headers.
struct Family {
    method: &'static str,
    target: &'static str,
    host: &'static str,
    scheme: &'static str,
}

/// As set for nginx.
const ORIGINAL: Family = Family {
    method: "x-original-method",
    target: "x-original-uri",
    host: "x-original-host",
    scheme: "x-original-proto",
};

/// As Caddy and Traefik set them.
const FORWARDED: Family = Family {
    method: "x-forwarded-method",
    target: "x-forwarded-uri",
    host: "x-forwarded-host",
    scheme: "x-forwarded-proto",
};

/// What one source says.
#[derive(Clone, Copy, Default)]
struct Told<'a> {
    method: Option<&'a str>,
    target: Option<&'a str>,
    host: Option<&'a str>,
}

impl<'a> Evidence<'a> {
    /// What the headers of a question tell: `X-Original-*`, else `X-Forwarded-*`. `headers` have lower-case names;
    /// `trusted` are proxies before the asking one.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn told(headers: &[Header<'a>], trusted: &[AddressRange]) -> Result<Self, Fault> {
        let (original, forwarded) = (Told::read(headers, &ORIGINAL)?, Told::read(headers, &FORWARDED)?);
        if original.is_silent() {
            let source = forwarded_for(headers, trusted)?;
            return forwarded.evidence(scheme(headers, &FORWARDED)?, source);
        }
        forwarded.must_agree_with(&original)?;
        let source = match single(headers, "x-real-ip")? {
            // What nginx tells of a client at a Unix socket.
            None | Some("unix:") => None,
            Some(text) => Some(text.parse::<IpAddr>().map_err(|_| Fault::Malformed("x-real-ip"))?),
        };
        original.evidence(scheme(headers, &ORIGINAL)?, source.map(|source| source.to_canonical()))
    }

    /// What the head of a question tells that is the request's own, sent below a prefix.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn itself(
        method: &'a str,
        target: &'a str,
        headers: &[Header<'a>],
        trusted: &[AddressRange],
    ) -> Result<Self, Fault> {
        let own = Told { method: Some(method), target: Some(target), host: single(headers, "host")? };
        for family in [&ORIGINAL, &FORWARDED] {
            Told::read(headers, family)?.must_agree_with(&own)?;
        }
        own.evidence(scheme(headers, &FORWARDED)?, forwarded_for(headers, trusted)?)
    }

    /// The request under test, with these headers of it.
    pub fn view<'v>(&self, headers: &'v [Header<'v>], body: Body<'v>) -> RequestView<'v>
    where
        'a: 'v,
    {
        RequestView::new(self.method, self.target, headers, body, self.scheme).with_authority(self.host)
    }

    /// Checks the parts for themselves.
    pub(super) fn checked(self) -> Result<Self, Fault> {
        let is_method = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
        if self.method.is_empty() || self.method.len() > 32 || !self.method.bytes().all(is_method) {
            return Err(Fault::Malformed("method"));
        }
        check_origin_target(self.target.as_bytes()).map_err(|_| Fault::Malformed("target"))?;
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        if self.host.is_some_and(|host| host.is_empty() || !host.bytes().all(is_host)) {
            return Err(Fault::Malformed("host"));
        }
        Ok(self)
    }
}

impl<'a> Told<'a> {
    fn read(headers: &[Header<'a>], family: &Family) -> Result<Self, Fault> {
        Ok(Self {
            method: single(headers, family.method)?,
            target: single(headers, family.target)?,
            host: single(headers, family.host)?,
        })
    }

    fn is_silent(&self) -> bool {
        self.method.or(self.target).or(self.host).is_none()
    }

    fn must_agree_with(&self, main: &Self) -> Result<(), Fault> {
        let disagree = |this: Option<&str>, main: Option<&str>| this.is_some() && this != main;
        for (part, this, main) in [
            ("method", self.method, main.method),
            ("target", self.target, main.target),
            ("host", self.host, main.host),
        ] {
            if disagree(this, main) {
                return Err(Fault::Disagree(part));
            }
        }
        Ok(())
    }

    fn evidence(self, scheme: UrlScheme, source: Option<IpAddr>) -> Result<Evidence<'a>, Fault> {
        let method = self.method.ok_or(Fault::Missing("method"))?;
        let target = self.target.ok_or(Fault::Missing("target"))?;
        Evidence { method, target, host: self.host, scheme, source }.checked()
    }
}

/// The headers that the request under test can have signed: those of the question, less its own.
pub fn signable<'a>(headers: &[Header<'a>]) -> Vec<Header<'a>> {
    let is_own = |name: &str| name == "host" || name == TOKEN || name.starts_with("x-original-");
    headers.iter().filter(|(name, _)| !is_own(name)).copied().collect()
}

fn single<'a>(headers: &[Header<'a>], name: &'static str) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.iter().filter(|(given, _)| *given == name).map(|(_, value)| *value);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Fault::Repeated(name));
    }
    std::str::from_utf8(value).map(Some).map_err(|_| Fault::Malformed(name))
}

fn scheme(headers: &[Header<'_>], family: &Family) -> Result<UrlScheme, Fault> {
    match single(headers, family.scheme)? {
        // Some proxies name the schemes of WebSocket, whose handshake is a request like any other.
        None | Some("http" | "ws") => Ok(UrlScheme::Http),
        Some("https" | "wss") => Ok(UrlScheme::Https),
        Some(_) => Err(Fault::Malformed(family.scheme)),
    }
}

fn forwarded_for(headers: &[Header<'_>], trusted: &[AddressRange]) -> Result<Option<IpAddr>, Fault> {
    let values = headers.iter().filter(|(name, _)| *name == "x-forwarded-for");
    let hops =
        values.flat_map(|(_, value)| std::str::from_utf8(value).unwrap_or("?").split(',').map(str::trim));
    forwarded::nearest_stranger(hops, trusted).map_err(|_| Fault::Malformed("x-forwarded-for"))
}

#[cfg(test)]
mod tests;
