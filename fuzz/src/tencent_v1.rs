//! Tencent Cloud signature version 1: the credential is among the parameters.

use signing::params::MAX_PARAMS;
use signing::{Params, Reject, tencent_v1 as v1};

use crate::request::Request;
use crate::scheme::{KEY_ID, Scheme, host, path_and_query, sorted_pairs};

pub(crate) const SCHEME: Scheme = Scheme {
    parse: |request| {
        request.view(|view| {
            let params = v1::params(view, MAX_PARAMS).map_err(|_| Reject::Malformed("parameters"))?;
            v1::parse(view, &params)
        })
    },
    sign,
    // The signed text joins names and values without escaping, so it is all that a signature can bind (see the module head
    // of the product); a closed list of names per action does the rest.
    same_meaning: |one, other| texts(one.0).iter().any(|text| texts(other.0).contains(text)),
};

/// Reading of the parameters, parser and verification of `HmacSHA1` and `HmacSHA256`.
pub fn tencent_v1(data: &[u8]) {
    SCHEME.check(data);
    let Some(request) = Request::read(data) else { return };
    let Ok(params) = request.view(|view| v1::params(view, MAX_PARAMS)) else { return };
    let Ok(claim) = request.view(|view| v1::parse(view, &params)) else { return };
    // Every value that a handler can read was signed (threat T04); one client signs `_` in names as `.`.
    let text = claim.explain(&request.secret).string_to_sign;
    for (name, value) in params.iter().filter(|(name, _)| *name != "Signature") {
        let signed = [name, &name.replace('_', ".")].map(|name| [name, "=", &value.text()].concat());
        assert!(
            signed.iter().any(|signed| text.contains(signed)),
            "{signed:?} is read and not signed: {text}"
        );
    }
}

fn sign(request: &Request) -> Option<Request> {
    let mut signed = request.clone();
    signed.set_if_missing("Host", "cam.example.com");
    let mut pairs: Vec<_> = sorted_pairs(carrier(&signed))
        .into_iter()
        .filter(|(name, _)| {
            !["signature", "secretid", "timestamp", "nonce", "token", "signaturemethod"]
                .contains(&name.to_lowercase().as_str())
        })
        .collect();
    for (name, value) in [("SecretId", KEY_ID), ("Timestamp", "1700000000"), ("Nonce", "42")] {
        pairs.push((name.to_owned(), value.to_owned()));
    }
    if signed.secret.len() % 2 == 0 {
        pairs.push(("SignatureMethod".to_owned(), "HmacSHA256".to_owned()));
    }
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let params = Params::from_form(form.as_bytes(), MAX_PARAMS).ok()?;
    let form = signed.view(|view| v1::sign(view, &params, &signed.secret)).ok()?;
    let path = path_and_query(&signed).0;
    if signed.method == "POST" {
        signed.set("Content-Type", "application/x-www-form-urlencoded");
        signed.target = path;
        signed.body = form.into_bytes();
    } else {
        signed.target = [&path, "?", &form].concat();
    }
    signed.target.starts_with('/').then_some(signed)
}

/// Where the parameters are.
fn carrier(request: &Request) -> &str {
    if request.method == "POST" && !request.body.is_empty() {
        std::str::from_utf8(&request.body).unwrap_or_default()
    } else {
        request.target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// Every text that the vendor's clients may have signed for the request.
fn texts(request: &Request) -> Vec<Vec<u8>> {
    let mut pairs = sorted_pairs(carrier(request));
    pairs.retain(|(name, _)| name != "Signature");
    let mut dotted: Vec<_> =
        pairs.iter().map(|(name, value)| (name.replace('_', "."), value.clone())).collect();
    dotted.sort();
    let mut texts = Vec::new();
    for pairs in [pairs, dotted] {
        let joined: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        for path in ["/", &path_and_query(request).0] {
            let head = [request.method.as_bytes(), &host(request), path.as_bytes(), b"?"].concat();
            texts.push([head, joined.join("&").into_bytes()].concat());
        }
    }
    texts
}
