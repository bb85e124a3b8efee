//! The 17 version 1 requests of the vendor's clients and documentation, and what must not verify.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::params::MAX_PARAMS;
use crate::testing::{Case, near_misses};
use crate::{Hash, UrlScheme, request::Header};

#[derive(Deserialize)]
struct Vector {
    name: String,
    algorithm: String,
    secret_id: String,
    secret_key: String,
    #[serde(default)]
    token: Option<String>,
    method: String,
    host: String,
    path: String,
    query: String,
    headers: std::collections::BTreeMap<String, String>,
    body: String,
    timestamp: i64,
    nonce: Option<u64>,
    signature: String,
    string_to_sign: String,
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../vectors/tencent.json")).unwrap();
    let vectors: Vec<_> = vectors.into_iter().filter(|vector| vector.algorithm.starts_with("Hmac")).collect();
    assert_eq!(vectors.len(), 17);
    vectors
}

/// The recorded requests, for the tests of other modules.
pub(crate) fn cases() -> Vec<Case> {
    vectors().iter().map(Vector::case).collect()
}

impl Vector {
    fn case(&self) -> Case {
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers = headers.chain([("Host", self.host.as_str())]);
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        Case {
            name: self.name.clone(),
            access_key_id: self.secret_id.clone(),
            secret: self.secret_key.clone(),
            method: self.method.clone(),
            target: [&self.path, query.as_str()].concat(),
            url_scheme: UrlScheme::Http,
            headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect(),
            body: self.body.clone().into_bytes(),
        }
    }
}

/// Reads parameters and claim; parameters that cannot be read are refused as well.
fn whole(request: &RequestView<'_>) -> Result<Claim, Reject> {
    parse(request, &params(request, MAX_PARAMS).map_err(|_| Reject::Malformed("parameters"))?)
}

fn one(name: &str) -> Case {
    vectors().into_iter().find(|vector| vector.name == name).unwrap().case()
}

#[test]
fn every_client_request_is_accepted() {
    for vector in vectors() {
        let claim = vector.case().assert_good(whole);
        assert_eq!(claim.signed_at(), Some(vector.timestamp * 1000));
        assert_eq!(claim.nonce().map(str::parse), vector.nonce.map(Ok), "{}", vector.name);
        assert_eq!(claim.session_token(), vector.token.as_deref());
        assert_eq!(claim.signature(), vector.signature.as_bytes());
        assert_eq!(claim.explain(vector.secret_key.as_bytes()).string_to_sign, vector.string_to_sign);
        let hash = if vector.algorithm == "HmacSHA1" { Hash::Sha1 } else { Hash::Sha256 };
        assert_eq!(claim.hash(), hash, "{}", vector.name);
    }
}

#[test]
fn any_changed_byte_of_the_signed_parts_is_refused() {
    for vector in vectors() {
        let case = vector.case();
        let mut changed = case.changed_header("Host", usize::MAX);
        if case.method == "POST" {
            changed.extend(case.changed_body());
        } else {
            changed.extend(case.changed_target(vector.path.len() + 1));
        }
        for changed in &changed {
            // A sign that is not signed, such as an empty piece between two `&`, may be read back to the same parameters.
            let same = changed.view(|request| params(request, MAX_PARAMS))
                == case.view(|request| params(request, MAX_PARAMS));
            if !same || changed.header("Host") != case.header("Host") {
                changed.assert_refused(whole);
            }
        }
    }
}

/// A GET of `target`, signed by this crate's own `sign` over `signed_path` and `signed_query`.
fn exact(target: &str, signed_path: &str, signed_query: &str) -> Result<(), Reject> {
    const COMMON: &str = "Nonce=7&SecretId=id&Timestamp=1700000000";
    let headers: [Header<'_>; 1] = [("Host", b"h.test")];
    let signing = format!("{signed_path}?{COMMON}&{signed_query}");
    let signing = RequestView::new("GET", &signing, &headers, crate::Body::NotVisible, UrlScheme::Http);
    let signed = params(&signing, MAX_PARAMS).unwrap();
    let text = candidate(&signing, sent(&signed), signed_path)?.string_to_sign().into_owned();
    let signature = crate::encode::percent_encode(Mac::Sha1Base64.keyed(b"secret").sign(&text).as_bytes());
    let target = format!("{target}&{COMMON}&Signature={signature}");
    let request = RequestView::new("GET", &target, &headers, crate::Body::NotVisible, UrlScheme::Http);
    parse_exact(&request, &params(&request, MAX_PARAMS).unwrap())?.verify(b"secret")
}

#[test]
fn an_exact_signature_binds_path_and_parameters() {
    assert_eq!(exact("/a?x=1", "/a", "x=1"), Ok(()));
    assert_eq!(exact("/?x=1", "/", "x=1"), Ok(()));
    // The vendor's Python client signs `/` for every path, and a dot for every underscore.
    assert_eq!(exact("/a?x=1", "/", "x=1"), Err(Reject::SignatureDiffers));
    assert_eq!(exact("/a?x_1=1", "/a", "x.1=1"), Err(Reject::SignatureDiffers));
    // One text, two readings.
    for target in ["/a?x=1%26y%3D2", "/a?x%3D1=2", "/a?x%26y=2"] {
        assert_eq!(exact(target, "/a", "x=1"), Err(Reject::Malformed("query")), "{target}");
    }
    assert_eq!(exact("/a?x=1%3D", "/a", "x=1%3D"), Ok(()), "base64 may end in `=`");
}

#[test]
fn t16_lenient_signatures_are_refused() {
    for vector in vectors() {
        let case = vector.case();
        let signature = form_encode(vector.signature.as_bytes());
        for near in near_misses(&vector.signature) {
            let near = form_encode(near.as_bytes());
            let body = String::from_utf8(case.body.clone()).unwrap().replace(&signature, &near).into_bytes();
            let changed = Case { target: case.target.replace(&signature, &near), body, ..case.clone() };
            let verdict = changed.judge(whole);
            let expected =
                [Reject::BadSignatureForm, Reject::SignatureDiffers, Reject::MissingCredential(SIGNATURE)];
            assert!(verdict.as_ref().is_err_and(|reject| expected.contains(reject)), "{near:?}: {verdict:?}");
        }
    }
}

#[test]
fn t15_signature_methods_are_two_words_and_a_default_that_is_told() {
    let case = one("v1_sha256_get_target_uin");
    let judge =
        |to: &str| Case { target: case.target.replace("SignatureMethod=HmacSHA256", to), ..case.clone() };
    for word in
        ["", "none", "HmacSHA512", "hmacsha256", "HmacSM3", "TC3-HMAC-SHA256", "HmacMD5", "HmacSHA256%20"]
    {
        let verdict = judge(&format!("SignatureMethod={word}")).judge(whole);
        assert_eq!(verdict, Err(Reject::AlgorithmNotAllowed), "{word}");
    }
    // A downgrade needs a signature of the weaker kind.
    assert_eq!(judge("SignatureMethod=HmacSHA1").judge(whole), Err(Reject::BadSignatureForm));
    assert_eq!(judge("").judge(whole), Err(Reject::BadSignatureForm));
    assert_eq!(one("doc_v1_sha1_get").view(whole).unwrap().hash(), Hash::Sha1);
}

#[test]
fn t03_parameters_have_one_source_and_one_occurrence() {
    let post = one("v1_sha1_post_no_params");
    let both = Case { target: "/?Action=DeleteUser".to_owned(), ..post.clone() };
    assert_eq!(both.view(|request| params(request, MAX_PARAMS)), Err(ParamError::TwoSources));
    let json = post.with_header("Content-Type", "application/json");
    assert_eq!(json.view(|request| params(request, MAX_PARAMS)), Err(ParamError::ContentType));
    let twice = Case { body: [post.body.as_slice(), b"&action=X"].concat(), ..post.clone() };
    assert_eq!(twice.view(|request| params(request, MAX_PARAMS)), Err(ParamError::Repeated("action".into())));
}

#[test]
fn t21_missing_and_misshapen_parts_are_named() {
    let case = one("v1_sha1_get_no_params");
    let judge = |from: &str, to: &str| {
        assert!(case.target.contains(from), "{from}");
        Case { target: case.target.replace(from, to), ..case.clone() }.judge(whole)
    };
    for (from, part) in [
        ("Timestamp=1700000000", "Timestamp"),
        ("Nonce=11886", "Nonce"),
        ("SecretId=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "SecretId"),
    ] {
        assert_eq!(judge(from, ""), Err(Reject::MissingCredential(part)));
        assert_eq!(judge(from, &format!("{part}=")), Err(Reject::MissingCredential(part)));
    }
    assert_eq!(judge("Signature=", "Unsigned="), Err(Reject::MissingCredential(SIGNATURE)));
    assert_eq!(judge("1700000000", "x"), Err(Reject::BadDate));
    assert_eq!(judge("11886", "-1"), Err(Reject::Malformed("Nonce")));
    assert_eq!(judge("11886", "1.5"), Err(Reject::Malformed("Nonce")));
    assert_eq!(judge("11886", &"9".repeat(21)), Err(Reject::Malformed("Nonce")));
    assert_eq!(judge("1700000000", "1700000001"), Err(Reject::SignatureDiffers));
}

proptest! {
    #[test]
    fn signed_requests_verify_and_changed_ones_do_not(
        values in prop::collection::btree_map("[a-z.0-9]{1,8}", ".{0,20}", 0..8),
        post in any::<bool>(),
        sha256 in any::<bool>(),
        secret in "\\PC{1,50}",
        at in any::<prop::sample::Index>(),
    ) {
        let algorithm = if sha256 { "HmacSHA256" } else { "HmacSHA1" };
        let mut form = format!("SecretId=AKID&Timestamp=1700000000&Nonce=7&SignatureMethod={algorithm}");
        for (name, value) in &values {
            form.push_str(&format!("&{name}={}", form_encode(value.as_bytes())));
        }
        let headers: [Header<'_>; 2] = [("host", b"cam.example"), ("content-type", b"application/x-www-form-urlencoded")];
        let request = |target: &str, body: &[u8], judge: &dyn Fn(&RequestView<'_>)| {
            let method = if post { "POST" } else { "GET" };
            judge(&RequestView::new(method, target, &headers, Body::Bytes(body), UrlScheme::Http));
        };
        let unsigned = Params::from_form(form.as_bytes(), MAX_PARAMS).unwrap();
        let signed = std::cell::RefCell::new(String::new());
        request("/", b"", &|request| *signed.borrow_mut() = sign(request, &unsigned, secret.as_bytes()).unwrap());
        let signed = signed.into_inner();
        let (target, body) = if post { ("/prefix/".to_owned(), signed) } else { (format!("/?{signed}"), String::new()) };
        request(&target, body.as_bytes(), &|request| {
            let claim = whole(request).unwrap();
            assert_eq!(claim.verify(secret.as_bytes()), Ok(()));
            let mut changed = claim.clone();
            for candidate in &mut changed.candidates {
                candidate.flip_bit(|length| at.index(length));
            }
            assert_eq!(changed.verify(secret.as_bytes()), Err(Reject::SignatureDiffers));
        });
    }

    #[test]
    fn t76_reading_never_panics(
        form in "((SecretId|Signature|Nonce|Timestamp|Token|SignatureMethod|_)=[ -~é]{0,12}&?){0,8}",
        host in any::<Vec<u8>>(), post in any::<bool>(),
    ) {
        let headers: [Header<'_>; 2] = [("host", &host), ("content-type", b"application/x-www-form-urlencoded")];
        let (method, target, body) = if post { ("POST", "/".to_owned(), form) } else { ("GET", format!("/?{form}"), String::new()) };
        let request = RequestView::new(method, &target, &headers, Body::Bytes(body.as_bytes()), UrlScheme::Http);
        let _ = whole(&request).map(|claim| claim.verify(b"secret"));
    }
}
