//! The 48 requests signed by the vendor's Python client, and what must not verify.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::testing::Case;
use crate::{Body, UrlScheme, format_basic, request::Header};

#[derive(Deserialize)]
struct Vector {
    name: String,
    ak: String,
    sk: String,
    method: String,
    path: String,
    query: String,
    headers: std::collections::BTreeMap<String, String>,
    body: Option<String>,
    x_sdk_date: String,
    authorization: String,
    canonical_request: String,
    string_to_sign: String,
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../vectors/huawei.json")).unwrap();
    assert_eq!(vectors.len(), 48);
    vectors
}

/// The recorded requests, for the tests of other modules.
pub(crate) fn cases() -> Vec<Case> {
    vectors().iter().map(Vector::case).collect()
}

impl Vector {
    fn case(&self) -> Case {
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers = headers.chain([("Authorization", self.authorization.as_str())]);
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        Case {
            name: self.name.clone(),
            access_key_id: self.ak.clone(),
            secret: self.sk.clone(),
            method: self.method.clone(),
            target: [&self.path, query.as_str()].concat(),
            url_scheme: UrlScheme::Https,
            headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect(),
            body: self.body.clone().unwrap_or_default().into_bytes(),
        }
    }
}

fn one(name: &str) -> Case {
    vectors().into_iter().find(|vector| vector.name == name).unwrap().case()
}

#[test]
fn every_client_request_is_accepted() {
    for vector in vectors() {
        let claim = vector.case().assert_good(parse);
        assert_eq!(format_basic(claim.signed_at().unwrap() / 1000), vector.x_sdk_date);
        let token = vector.headers.get("X-Security-Token").map(String::as_str);
        assert_eq!(claim.session_token(), token);
        let explanation = claim.explain(vector.sk.as_bytes());
        assert_eq!(
            explanation.canonical_request.as_ref(),
            Some(&vector.canonical_request),
            "{}",
            vector.name
        );
        assert_eq!(explanation.string_to_sign, vector.string_to_sign, "{}", vector.name);
    }
}

#[test]
fn any_changed_byte_of_the_signed_parts_is_refused() {
    for vector in vectors() {
        let case = vector.case();
        let claim = case.view(parse).unwrap();
        let mut changed = case.changed_header("Authorization", usize::MAX);
        changed.extend(case.changed_target(0));
        for (name, value) in &vector.headers {
            if claim.signs_header(name) && value.trim() == value {
                changed.extend(case.changed_header(name, usize::MAX));
                changed.push(case.without_header(name));
            }
        }
        if claim.payload() == Payload::Signed {
            changed.extend(case.changed_body());
        }
        for method in ["GET", "POST", "PUT", "DELETE", "HEAD"] {
            if method != vector.method.to_ascii_uppercase() {
                changed.push(Case { method: method.to_owned(), ..case.clone() });
            }
        }
        changed.iter().for_each(|changed| changed.assert_refused(parse));
    }
}

#[test]
fn t16_lenient_signatures_are_refused() {
    vectors().iter().for_each(|vector| vector.case().assert_near_misses_refused(parse));
}

#[test]
fn t15_the_vendors_other_algorithm_words_are_refused() {
    let case = one("list-keys-plain");
    let authorization = case.header("Authorization");
    for word in [
        "SDK-HMAC-SM3",
        "SDK-ECDSA-P256-SHA256",
        "SDK-SM2-SM3",
        "V11-HMAC-SHA256",
        "SDK-HMAC-SHA1",
        "sdk-hmac-sha256",
        "SDK-HMAC-SHA256,",
        "AWS4-HMAC-SHA256",
        "TC3-HMAC-SHA256",
        "SKIP",
        "none",
    ] {
        let changed = case.with_header("Authorization", &authorization.replace(ALGORITHM, word));
        assert_eq!(changed.judge(parse), Err(Reject::AlgorithmNotAllowed), "{word}");
    }
    let derived = "V11-HMAC-SHA256 Credential=AK/20260115/region/service, SignedHeaders=host, Signature=00";
    assert_eq!(case.with_header("Authorization", derived).judge(parse), Err(Reject::AlgorithmNotAllowed));
}

#[test]
fn t08_an_unsigned_body_is_told_from_a_signed_one() {
    let case = one("unsigned-payload");
    let swapped = Case { body: b"swapped".to_vec(), ..case };
    assert_eq!(swapped.assert_good(parse).payload(), Payload::Unsigned);
    // The client that signs the digest of nothing has signed that there is no body.
    let empty = one("unsigned-payload-without-body");
    assert_eq!(empty.assert_good(parse).payload(), Payload::Unsigned);
    let grown = Case { body: b"{}".to_vec(), ..empty };
    assert_eq!(grown.judge(parse), Err(Reject::SignatureDiffers));
}

/// Signs a request with a digest header the way the Go and Node.js clients do.
fn with_digest(declared: &str, body: &[u8]) -> Case {
    let case = one("post-json-body").without_header("Authorization").with_header(CONTENT_SHA256, declared);
    let case = Case { body: body.to_vec(), ..case };
    let signed = ["host", "x-sdk-content-sha256", "x-sdk-date"];
    let authorization = case
        .view(|request| {
            let digest = crate::canonical::sha256_hex(body);
            let body = if declared == digest { request.body() } else { Body::NotVisible };
            sign(&request.with_body(body), &case.access_key_id, case.secret.as_bytes(), &signed)
        })
        .unwrap();
    case.with_header("Authorization", &authorization)
}

#[test]
fn a_declared_digest_must_be_that_of_the_body() {
    let digest = sha256_hex(b"{\"a\":1}");
    let good = with_digest(&digest, b"{\"a\":1}");
    assert_eq!(good.assert_good(parse).payload(), Payload::Signed);
    good.changed_body()
        .iter()
        .for_each(|changed| assert_eq!(changed.judge(parse), Err(Reject::PayloadMismatch)));
    for declared in [digest.to_uppercase(), sha256_hex(b""), "x".to_owned(), "STREAMING".to_owned()] {
        let lying = with_digest(&declared, b"{\"a\":1}");
        assert_eq!(lying.judge(parse), Err(Reject::PayloadMismatch), "{declared}");
    }
    let unseen = good.view(|request| parse(&request.with_body(Body::NotVisible))).unwrap();
    assert_eq!((unseen.payload(), unseen.verify(good.secret.as_bytes())), (Payload::Unchecked, Ok(())));
    let plain = one("list-keys-plain").view(|request| parse(&request.with_body(Body::NotVisible)));
    assert_eq!(plain.unwrap_err(), Reject::BodyNotVisible);
}

#[test]
fn t21_a_request_without_time_is_refused() {
    let case = one("list-keys-plain");
    let missing = Err(Reject::MissingCredential(DATE));
    assert_eq!(case.without_header(DATE).judge(parse), missing);
    assert_eq!(case.with_header(DATE, "").judge(parse), missing);
    for bad in ["20260115T083000", "1768465800", "20261315T083000Z", "Thu, 15 Jan 2026 08:30:00 GMT"] {
        assert_eq!(case.with_header(DATE, bad).judge(parse), Err(Reject::BadDate), "{bad}");
    }
    let mut twice = case.clone();
    twice.headers.push(("x-sdk-date".to_owned(), b"20260115T083000Z".to_vec()));
    assert_eq!(twice.judge(parse), Err(Reject::HeaderRepeated(DATE.to_owned())));
}

#[test]
fn repeated_headers_are_signed_by_value_and_bad_escapes_refused() {
    let case = one("list-keys-plain").without_header("Authorization");
    let mut case = case.with_header("X-Note", "b");
    case.headers.push(("x-note".to_owned(), b" a ".to_vec()));
    let authorization = case
        .view(|request| sign(request, &case.access_key_id, case.secret.as_bytes(), &["x-note", "x-sdk-date"]))
        .unwrap();
    let case = case.with_header("Authorization", &authorization);
    let canonical = case.assert_good(parse).explain(case.secret.as_bytes()).canonical_request.unwrap();
    assert!(canonical.contains("\nx-note:a\nx-note:b\nx-sdk-date:"), "{canonical}");
    for (target, part) in [("/%zz", "path"), ("/%ff", "path"), ("/?a=%", "query"), ("/?%c3=1", "query")] {
        let changed = Case { target: target.to_owned(), ..case.clone() };
        assert_eq!(changed.judge(parse), Err(Reject::Malformed(part)), "{target}");
    }
}

#[test]
fn numbers_sorted_as_numbers_are_tolerated() {
    // The Python client signs `n=9&n=10`, in the order of the numbers, and sends them so.
    let case = one("list-keys-plain");
    let case = Case { target: "/v4/user/keys?n=9&n=10".to_owned(), ..case };
    let candidates = case.view(parse).unwrap().candidates;
    let texts: Vec<_> = candidates
        .iter()
        .map(|candidate| String::from_utf8(candidate.canonical_request().unwrap().to_vec()).unwrap())
        .collect();
    assert!(texts[0].contains("\nn=10&n=9\n") && texts[1].contains("\nn=9&n=10\n") && texts.len() == 2);
}

proptest! {
    #[test]
    fn signed_requests_verify_and_changed_ones_do_not(
        method in "GET|POST|DELETE",
        path in "(/([a-z0-9é~+]|%2F|%c3%a9){0,4}){1,4}",
        query in "([a-z]{1,3}=([a-z+]|%2f|%26){0,4}&?){0,4}",
        note in "[!-~]{0,20}",
        body in prop::collection::vec(any::<u8>(), 0..50),
        seconds in 0..4_000_000_000_i64,
        id in "[!-+--~]{1,30}",
        secret in "\\PC{1,50}",
        at in any::<prop::sample::Index>(),
    ) {
        let (date, target) = (format_basic(seconds), format!("{path}?{query}"));
        let mut headers: Vec<Header<'_>> =
            vec![("Host", b"h"), ("X-Sdk-Date", date.as_bytes()), ("X-Note", note.as_bytes())];
        let request = RequestView::new(&method, &target, &headers, Body::Bytes(&body), UrlScheme::Http);
        let authorization = sign(&request, &id, secret.as_bytes(), &["x-note", "host"]).unwrap();
        headers.push(("Authorization", authorization.as_bytes()));
        let request = RequestView::new(&method, &target, &headers, Body::Bytes(&body), UrlScheme::Http);
        let claim = parse(&request).unwrap();
        prop_assert_eq!(claim.access_key_id(), id);
        prop_assert_eq!(claim.signed_at(), Some(seconds * 1000));
        prop_assert_eq!(claim.verify(secret.as_bytes()), Ok(()));

        let mut changed = claim.clone();
        for candidate in &mut changed.candidates {
            candidate.flip_bit(|length| at.index(length));
        }
        prop_assert_eq!(changed.verify(secret.as_bytes()), Err(Reject::SignatureDiffers));
        let longer = [body.as_slice(), b"x"].concat();
        prop_assert!(parse(&request.with_body(Body::Bytes(&longer))).unwrap().verify(secret.as_bytes()).is_err());
    }

    #[test]
    fn t76_reading_never_panics(
        authorization in "(SDK-HMAC-SHA256 )?(Access=[ -~é]{0,40})?[, ]{0,2}(SignedHeaders=[a-z;-]{0,20})?[, ]{0,2}(Signature=[ -~]{0,20})?",
        host in any::<Vec<u8>>(), date in "[0-9TZ]{0,18}|20260115T083000Z", method in "\\PC{0,5}", target in "\\PC{0,20}",
    ) {
        let headers: [Header<'_>; 4] = [
            ("authorization", authorization.as_bytes()), ("host", &host), ("x-sdk-date", date.as_bytes()), ("a", b""),
        ];
        for body in [Body::Bytes(b""), Body::NotVisible] {
            let request = RequestView::new(&method, &target, &headers, body, UrlScheme::Http);
            let _ = parse(&request).map(|claim| claim.verify(b"secret"));
        }
    }
}

#[test]
fn an_exact_signature_is_refused_where_an_encoded_slash_could_be_read_in_two_ways() {
    let headers: [Header<'_>; 2] = [("Host", b"h.test"), (DATE, b"20250102T030405Z")];
    let authorization = {
        let request = RequestView::new("GET", "/a/b", &headers, Body::Bytes(b""), UrlScheme::Http);
        sign(&request, "id", b"secret", &["host", "x-sdk-date"]).unwrap()
    };
    let headers = [headers[0], headers[1], ("Authorization", authorization.as_bytes())];
    let of = |target, parse: fn(&RequestView<'_>) -> Result<Claim, Reject>| {
        let request = RequestView::new("GET", target, &headers, Body::Bytes(b""), UrlScheme::Http);
        parse(&request).and_then(|claim| claim.verify(b"secret"))
    };
    assert_eq!((of("/a/b", parse), of("/a/b", parse_exact)), (Ok(()), Ok(())));
    for target in ["/a%2Fb", "/a%2fb"] {
        assert_eq!((of(target, parse), of(target, parse_exact)), (Ok(()), Err(Reject::Malformed("path"))));
    }
}
