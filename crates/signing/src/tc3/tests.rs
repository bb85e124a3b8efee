//! The 48 version 3 requests of the vendor's clients and documentation, and what must not verify.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::testing::Case;
use crate::{Body, UrlScheme, request::Header};

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
    service: Option<String>,
    authorization: Option<String>,
    signature: String,
    canonical_request: Option<String>,
    string_to_sign: String,
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../vectors/tencent.json")).unwrap();
    let vectors: Vec<_> = vectors.into_iter().filter(|vector| vector.algorithm == ALGORITHM).collect();
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
        let authorization = self.authorization.as_deref().unwrap();
        let headers = headers.chain([("Host", self.host.as_str()), ("Authorization", authorization)]);
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

fn vendor(request: &RequestView<'_>) -> Result<Claim, Reject> {
    parse(request, Target::Vendor)
}

fn exact(request: &RequestView<'_>) -> Result<Claim, Reject> {
    parse(request, Target::Exact)
}

fn one(name: &str) -> Case {
    vectors().into_iter().find(|vector| vector.name == name).unwrap().case()
}

#[test]
fn every_client_request_is_accepted() {
    for vector in vectors() {
        let claim = vector.case().assert_good(vendor);
        assert_eq!(claim.signed_at(), Some(vector.timestamp * 1000));
        assert_eq!(claim.session_token(), vector.token.as_deref());
        assert_eq!(claim.scope().map(|scope| &scope.service), vector.service.as_ref());
        assert_eq!(claim.signature(), vector.signature.as_bytes());
        let explanation = claim.explain(vector.secret_key.as_bytes());
        assert_eq!(explanation.canonical_request, vector.canonical_request, "{}", vector.name);
        assert_eq!(explanation.string_to_sign, vector.string_to_sign, "{}", vector.name);
    }
}

#[test]
fn any_changed_byte_of_the_signed_parts_is_refused() {
    for vector in vectors() {
        let case = vector.case();
        let host = vector.host.rfind(':').unwrap_or(vector.host.len());
        let mut changed = case.changed_header("Host", host);
        for name in ["Content-Type", "Authorization", "X-TC-Timestamp"] {
            changed.extend(case.changed_header(name, usize::MAX));
        }
        if case.view(vendor).unwrap().signs_header("x-tc-action") {
            changed.extend(case.changed_header("X-TC-Action", usize::MAX));
        }
        if case.method == "GET" {
            changed.extend(case.changed_target(vector.path.len() + 1));
        }
        if !vector.name.contains("unsigned") {
            changed.extend(case.changed_body());
        }
        for method in ["POST", "GET", "PUT", "get", "post"].iter().filter(|method| **method != case.method) {
            changed.push(Case { method: (*method).to_owned(), ..case.clone() });
        }
        changed.iter().for_each(|changed| changed.assert_refused(vendor));
    }
}

#[test]
fn t16_lenient_signatures_are_refused() {
    vectors().iter().for_each(|vector| vector.case().assert_near_misses_refused(vendor));
}

#[test]
fn t15_other_algorithm_words_are_refused() {
    let case = one("v3_post_list_no_params");
    let authorization = case.header("Authorization");
    for word in [
        "SKIP",
        "TC3-HMAC-SHA1",
        "TC3-HMAC-SM3",
        "TC3-SM3",
        "HmacSHA1",
        "HmacSHA256",
        "tc3-hmac-sha256",
        "TC3-HMAC-SHA256X",
        "AWS4-HMAC-SHA256",
        "SDK-HMAC-SHA256",
        "none",
        "Bearer",
    ] {
        let changed = case.with_header("Authorization", &authorization.replace(ALGORITHM, word));
        assert_eq!(changed.judge(vendor), Err(Reject::AlgorithmNotAllowed), "{word}");
    }
    assert_eq!(case.with_header("Authorization", "SKIP").judge(vendor), Err(Reject::AlgorithmNotAllowed));
}

#[test]
fn t17_scopes_that_lie_are_refused() {
    let case = one("v3_post_list_no_params");
    let authorization = case.header("Authorization");
    let judge = |from: &str, to: &str| {
        case.with_header("Authorization", &authorization.replace(from, to)).judge(vendor)
    };
    assert_eq!(judge("2023-11-14", "2023-11-13"), Err(Reject::BadScope("date")));
    assert_eq!(judge("2023-11-14", "2023-11-15"), Err(Reject::BadScope("date")));
    assert_eq!(judge("2023-11-14", "20231114"), Err(Reject::BadScope("date")));
    assert_eq!(judge("tc3_request", "tc4_request"), Err(Reject::BadScope("terminator")));
    assert_eq!(judge("/cam/tc3_request", "//tc3_request"), Err(Reject::BadScope("service")));
    assert_eq!(judge("/cam/tc3_request", "/tc3_request"), Err(Reject::Malformed("Credential")));
    assert_eq!(judge("/cam/", "/sts/"), Err(Reject::SignatureDiffers));
    assert_eq!(
        judge("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/", "/"),
        Err(Reject::MissingCredential("Credential"))
    );
    // Another key in the credential is another claim: its own secret must have made the signature.
    let other = case.with_header("Authorization", &authorization.replace("AKIDz8", "AKIDz9"));
    assert_eq!(other.view(vendor).unwrap().verify(b"the other key's secret"), Err(Reject::SignatureDiffers));
    // The day is that of the timestamp, also a second before and after midnight.
    for name in ["v3_post_day_last_second", "v3_post_day_first_second"] {
        let case = one(name);
        let seconds: i64 = case.header("X-TC-Timestamp").parse().unwrap();
        let step = if name.contains("last") { 1 } else { -1 };
        let changed = case.with_header("X-TC-Timestamp", &(seconds + step).to_string());
        assert_eq!(changed.judge(vendor), Err(Reject::BadScope("date")), "{name}");
    }
}

#[test]
fn t08_an_unsigned_body_is_told_from_a_signed_one() {
    let case = one("v3_post_unsigned_payload");
    let swapped = Case { body: b"{\"Description\":\"swapped\"}".to_vec(), ..case.clone() };
    let claim = swapped.assert_good(vendor);
    assert_eq!(claim.payload(), Payload::Unsigned);
    assert_eq!(one("v3_post_list_no_params").view(vendor).unwrap().payload(), Payload::Signed);
    // Adding the word to a signed request does not unsign its body.
    let signed = one("v3_post_list_no_params").with_header("X-TC-Content-SHA256", UNSIGNED_PAYLOAD);
    assert_eq!(signed.judge(vendor), Err(Reject::SignatureDiffers));
    // Any other value of the header is ignored.
    assert_eq!(one("v3_post_list_no_params").with_header("X-TC-Content-SHA256", "0").judge(vendor), Ok(()));
}

#[test]
fn t07_a_signed_action_is_bound_and_an_unsigned_one_is_known_to_be_so() {
    let unsigned = one("v3_post_list_no_params").view(vendor).unwrap();
    assert!(!unsigned.signs_header("X-TC-Action"));
    let case = one("doc_v3_post_2019_action_header");
    assert!(case.view(vendor).unwrap().signs_header("X-TC-Action"));
    case.with_header("X-TC-Action", "RunInstances").assert_refused(vendor);
}

#[test]
fn t21_a_request_without_time_is_refused() {
    let case = one("v3_post_list_no_params");
    let missing = Err(Reject::MissingCredential("X-TC-Timestamp"));
    assert_eq!(case.without_header("X-TC-Timestamp").judge(vendor), missing);
    assert_eq!(case.with_header("X-TC-Timestamp", "").judge(vendor), missing);
    for bad in ["x", "-1700000000", "+1700000000", "1700000000.0", " 1700000000", "17000000000000"] {
        assert_eq!(case.with_header("X-TC-Timestamp", bad).judge(vendor), Err(Reject::BadDate), "{bad}");
    }
}

#[test]
fn host_and_content_type_must_be_signed_and_single() {
    let case = one("v3_post_list_no_params");
    let authorization = case.header("Authorization");
    for (list, name) in [("host", "content-type"), ("content-type", "host")] {
        let changed = case.with_header("Authorization", &authorization.replace("content-type;host", list));
        assert_eq!(changed.judge(vendor), Err(Reject::HeaderNotSigned(name.to_owned())));
    }
    let mut twice = case.clone();
    twice.headers.push(("content-type".to_owned(), b"application/json".to_vec()));
    assert_eq!(twice.judge(vendor), Err(Reject::HeaderRepeated("content-type".to_owned())));
    let missing = Err(Reject::HeaderMissing("content-type".to_owned()));
    assert_eq!(case.without_header("Content-Type").judge(vendor), missing);
    assert_eq!(case.without_header("Host").judge(vendor), Err(Reject::HeaderMissing("host".to_owned())));
}

#[test]
fn an_exact_target_binds_path_and_query() {
    let root = one("v3_post_list_no_params");
    assert_eq!(root.judge(exact), Ok(()));
    for target in ["/secrets", "/?a=b", "//"] {
        let moved = Case { target: target.to_owned(), ..root.clone() };
        assert_eq!(moved.judge(vendor), Ok(()), "{target}");
        assert_eq!(moved.judge(exact), Err(Reject::SignatureDiffers), "{target}");
    }
    assert_eq!(one("node_v3_post_prefix").judge(exact), Ok(()));
}

#[test]
fn bodies_out_of_sight_are_refused_or_marked() {
    let post = one("v3_post_list_no_params");
    let unseen = |case: &Case| case.view(|request| vendor(&request.with_body(Body::NotVisible)));
    assert_eq!(unseen(&post).unwrap_err(), Reject::BodyNotVisible);
    let get = one("v3_get_target_uin");
    let claim = unseen(&get).unwrap();
    assert_eq!(claim.payload(), Payload::Unchecked);
    assert_eq!(claim.verify(get.secret.as_bytes()), Ok(()));
    let digest = post.body.as_slice();
    let digest = Body::Bytes(digest).sha256().unwrap();
    let claim = post.view(|request| vendor(&request.with_body(Body::Sha256(digest)))).unwrap();
    assert_eq!((claim.payload(), claim.verify(post.secret.as_bytes())), (Payload::Signed, Ok(())));
}

proptest! {
    #[test]
    fn signed_requests_verify_and_changed_ones_do_not(
        post in any::<bool>(),
        host in "[a-z0-9.]{1,20}(:[0-9]{1,5})?",
        query in "[a-z=&%0-9]{0,20}",
        body in prop::collection::vec(any::<u8>(), 0..50),
        seconds in 0..4_000_000_000_i64,
        id in "[!-+--~]{1,30}",
        secret in "\\PC{1,50}",
        service in "[a-z0-9:./]{1,20}",
        at in any::<prop::sample::Index>(),
    ) {
        let (timestamp, target) = (seconds.to_string(), format!("/?{query}"));
        let mut headers: Vec<Header<'_>> = vec![
            ("Host", host.as_bytes()), ("Content-Type", b"application/json"), ("X-TC-Timestamp", timestamp.as_bytes()),
            ("X-TC-Action", b"ListUsers"),
        ];
        let method = if post { "POST" } else { "GET" };
        let request = RequestView::new(method, &target, &headers, Body::Bytes(&body), UrlScheme::Http);
        let authorization = sign(&request, &id, secret.as_bytes(), &service, &["x-tc-action"]).unwrap();
        headers.push(("Authorization", authorization.as_bytes()));
        let request = RequestView::new(method, &target, &headers, Body::Bytes(&body), UrlScheme::Http);
        let claim = vendor(&request).unwrap();
        prop_assert_eq!(claim.access_key_id(), id);
        prop_assert_eq!(&claim.scope().unwrap().service, &service);
        prop_assert_eq!(claim.verify(secret.as_bytes()), Ok(()));

        let mut changed = claim.clone();
        for candidate in &mut changed.candidates {
            candidate.flip_bit(|length| at.index(length));
        }
        prop_assert_eq!(changed.verify(secret.as_bytes()), Err(Reject::SignatureDiffers));
        let longer = [body.as_slice(), b"x"].concat();
        prop_assert!(vendor(&request.with_body(Body::Bytes(&longer))).unwrap().verify(secret.as_bytes()).is_err());
    }

    #[test]
    fn t76_reading_never_panics(
        authorization in "(TC3-HMAC-SHA256 )?(Credential=[ -~é]{0,40}(/1970-01-01/[a/]{0,3}/tc3_request)?)?[, ]{0,2}\
                          (SignedHeaders=[a-z;-]{0,20}(content-type;host)?)?[, ]{0,2}(Signature=[ -~]{0,20})?",
        host in any::<Vec<u8>>(), timestamp in "[0-9]{0,14}", method in "\\PC{0,5}", target in "\\PC{0,20}",
    ) {
        let headers: [Header<'_>; 4] = [
            ("authorization", authorization.as_bytes()), ("host", &host), ("x-tc-timestamp", timestamp.as_bytes()),
            ("content-type", b""),
        ];
        for body in [Body::Bytes(b""), Body::NotVisible] {
            let request = RequestView::new(&method, &target, &headers, body, UrlScheme::Http);
            for target in [Target::Vendor, Target::Exact] {
                let _ = parse(&request, target).map(|claim| claim.verify(b"secret"));
            }
        }
    }
}
