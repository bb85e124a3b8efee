//! What a request target may look like: its form, its characters and its path.
//!
//! Nothing here decodes or rewrites a target. Signatures cover the raw one, so it is passed on or refused.

use super::refusal::Refusal;
use std::ops::Range;

/// The methods that any dialect uses. Comparing them byte for byte refuses lower case as well.
const METHODS: [&[u8]; 7] = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"];

/// Refuses a method that no dialect uses, TRACE and CONNECT among them.
pub(super) fn check_method(method: &[u8]) -> Result<(), Refusal> {
    if METHODS.contains(&method) { Ok(()) } else { Err(Refusal::Method) }
}

/// The authority part of an absolute-form target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    /// Where in the target it stands.
    pub(super) range: Range<usize>,
    /// The port that an authority without one means.
    pub(super) default_port: u16,
}

/// Checks a target of HTTP/1 and returns its authority when it is a whole URL.
pub(super) fn check_target(method: &[u8], target: &[u8]) -> Result<Option<Authority>, Refusal> {
    if target.iter().any(|&b| b <= b' ' || b == 0x7f || b == b'#') {
        return Err(Refusal::Target);
    }
    match target {
        [b'/', ..] => check_path(target).map(|()| None),
        b"*" if method == b"OPTIONS" => Ok(None),
        _ => check_absolute(target).map(Some),
    }
}

/// Checks a path with its query that came otherwise than on a request line.
///
/// # Errors
/// [`Refusal::Target`] for another form or a bad character, [`Refusal::Path`] for a path that could be read in two ways.
pub fn check_origin_target(target: &[u8]) -> Result<(), Refusal> {
    if !target.starts_with(b"/") || target.iter().any(|&b| b <= b' ' || b >= 0x7f || b == b'#') {
        return Err(Refusal::Target);
    }
    check_path(target)
}

fn check_absolute(target: &[u8]) -> Result<Authority, Refusal> {
    let (start, default_port) = if starts_with_ignoring_case(target, b"http://") {
        (7, 80)
    } else if starts_with_ignoring_case(target, b"https://") {
        (8, 443)
    } else {
        return Err(Refusal::Target);
    };
    let rest = target.get(start..).unwrap_or_default();
    let length = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'\\')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(length);
    // User information is nothing that a client sends to a server, and hosts hide behind it.
    if authority.is_empty() || authority.contains(&b'@') {
        return Err(Refusal::Target);
    }
    check_path(path)?;
    Ok(Authority { range: start..start + length, default_port })
}

fn starts_with_ignoring_case(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Refuses a path that two readers could resolve differently; a query may follow it.
///
/// Repeated slashes and `%2F` pass: some clients send them, they are signed raw, and the router takes each for
/// what it is.
pub(super) fn check_path(target: &[u8]) -> Result<(), Refusal> {
    let path = target.split(|&b| b == b'?').next().unwrap_or_default();
    if !path.iter().any(|b| matches!(b, b'.' | b'%' | b'\\')) {
        return Ok(());
    }
    let nul = path.windows(3).any(|three| three == b"%00");
    if nul || path.contains(&b'\\') || path.split(|&b| b == b'/').any(is_dot_segment) {
        return Err(Refusal::Path);
    }
    Ok(())
}

/// `.` or `..`, each dot also as `%2e`.
fn is_dot_segment(segment: &[u8]) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    loop {
        rest = match rest {
            [] => return matches!(dots, 1 | 2),
            [b'.', after @ ..] | [b'%', b'2', b'e' | b'E', after @ ..] => after,
            _ => return false,
        };
        dots += 1;
    }
}

/// Whether a target's authority and a `Host` value name the same host and port. Host names have no letter
/// case; a missing port means `default_port` on both sides.
pub(super) fn same_authority(authority: &[u8], host: &[u8], default_port: u16) -> bool {
    let (left, right) = (split_port(authority, default_port), split_port(host, default_port));
    matches!((left, right), (Some((a, p)), Some((b, q))) if a.eq_ignore_ascii_case(b) && p == q)
}

fn split_port(authority: &[u8], default_port: u16) -> Option<(&[u8], u16)> {
    // A colon inside the brackets of an IPv6 address is not the port's.
    let after_address = authority.iter().rposition(|&b| b == b']').map_or(0, |at| at + 1);
    let tail = authority.get(after_address..)?;
    let Some(colon) = tail.iter().position(|&b| b == b':') else { return Some((authority, default_port)) };
    let (host, port) = authority.split_at_checked(after_address + colon)?;
    let digits = std::str::from_utf8(port.get(1..)?).ok()?;
    if digits.is_empty() {
        return Some((host, default_port));
    }
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    Some((host, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_agree_in_any_case_and_with_the_default_port() {
        for (authority, host, port) in [
            ("h", "h", 80),
            ("H.Test", "h.tesT", 80),
            ("h:80", "h", 80),
            ("h", "h:443", 443),
            ("h:", "h:80", 80),
            ("[::1]:7460", "[::1]:7460", 80),
            ("[::1]", "[::1]:80", 80),
        ] {
            assert!(same_authority(authority.as_bytes(), host.as_bytes(), port), "{authority} {host}");
        }
        for (authority, host, port) in [
            ("h", "i", 80),
            ("h:80", "h", 443),
            ("h:81", "h", 80),
            ("h:+80", "h", 80),
            ("h:8x", "h:8x", 80),
            ("[::1]:80", "::1", 80),
            ("h", "h/prefix", 80),
            ("h", "http://h", 80),
            ("h", "", 80),
        ] {
            assert!(!same_authority(authority.as_bytes(), host.as_bytes(), port), "{authority} {host}");
        }
    }

    #[test]
    fn absolute_form_gives_its_authority() {
        let seen = check_target(b"GET", b"HTTPS://a.test:1/x?y=http://z").unwrap().unwrap();
        assert_eq!(seen, Authority { range: 8..16, default_port: 443 });
        let seen = check_target(b"GET", b"http://a.test?x").unwrap().unwrap();
        assert_eq!(seen, Authority { range: 7..13, default_port: 80 });
        for bad in ["ftp://a/", "http:///x", "http://u@a/", "http:/a", "a.test:80", "http://a\\b/"] {
            assert!(check_target(b"GET", bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
