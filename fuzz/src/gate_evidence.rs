//! What a proxy tells the gate about a request.

use keyward::gate::evidence::{Evidence, Fault, signable};

/// Headers, one on a line: whatever is evidence has the form that a request has, and a second source that names something else
/// takes it away (threats T12, T13).
pub fn gate_evidence(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let named: Vec<(String, &str)> =
        lines.take(32).map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let headers: Vec<(&str, &[u8])> =
        named.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let own = signable(&headers);
    assert!(own.iter().all(|(name, _)| !name.starts_with("x-original-") && *name != "host"));
    for evidence in [Evidence::told(&headers, &[]), Evidence::itself("GET", "/a?b", &headers, &[])] {
        let Ok(evidence) = evidence else { continue };
        check(&evidence);
    }
    if let Ok(evidence) = Evidence::told(&headers, &[]) {
        let says_original = headers.iter().any(|(name, _)| *name == "x-original-uri");
        let other = if says_original { "x-forwarded-uri" } else { "x-original-uri" };
        let elsewhere = format!("{}x", evidence.target);
        let mut two = headers.clone();
        two.retain(|(name, _)| *name != other);
        two.push((other, elsewhere.as_bytes()));
        let verdict = Evidence::told(&two, &[]);
        assert!(matches!(verdict, Err(Fault::Disagree(_) | Fault::Missing(_))), "{verdict:?}");
    }
}

fn check(evidence: &Evidence<'_>) {
    assert!(evidence.method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-'));
    assert!(evidence.target.starts_with('/') && evidence.target.bytes().all(|byte| byte.is_ascii_graphic()));
    let path = evidence.target.split('?').next().unwrap_or_default();
    assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")), "{path}");
    assert!(evidence.host.is_none_or(|host| !host.is_empty() && !host.contains(['/', '@', ' '])));
}
