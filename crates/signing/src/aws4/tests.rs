//! The 25 requests signed by botocore, and what must not verify.

mod properties;

use serde::Deserialize;

use super::*;
use crate::canonical::sha256_hex;
use crate::encode::percent_encode;
use crate::testing::{Case, near_misses};
use crate::{Body, Payload, UrlScheme, format_basic, request::Header};

#[derive(Deserialize)]
struct Vector {
    name: String,
    access_key: String,
    secret_key: String,
    token: Option<String>,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    amz_date: String,
    authorization: Option<String>,
    signed_url: Option<String>,
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../vectors/aws.json")).unwrap();
    assert_eq!(vectors.len(), 25);
    vectors
}

/// The recorded requests, for the tests of other modules.
pub(crate) fn cases() -> Vec<Case> {
    vectors().iter().map(Vector::case).collect()
}

impl Vector {
    fn case(&self) -> Case {
        let (_, rest) = self.signed_url.as_ref().unwrap_or(&self.url).split_once("://").unwrap();
        let target = &rest[rest.find('/').unwrap()..];
        let mut headers = self.headers.clone();
        headers.extend(self.authorization.clone().map(|value| ("Authorization".to_owned(), value)));
        Case {
            name: self.name.clone(),
            access_key_id: self.access_key.clone(),
            secret: self.secret_key.clone(),
            method: self.method.clone(),
            target: target.to_owned(),
            url_scheme: UrlScheme::Https,
            headers: headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
            body: self.body.clone().into_bytes(),
        }
    }
}

fn standard(request: &RequestView<'_>) -> Result<Claim, Reject> {
    parse(request, Spelling::Standard)
}

fn also_raw(request: &RequestView<'_>) -> Result<Claim, Reject> {
    parse(request, Spelling::AlsoRaw)
}

fn one(name: &str) -> Case {
    vectors().into_iter().find(|vector| vector.name == name).unwrap().case()
}

#[test]
fn every_client_request_is_accepted() {
    for vector in vectors() {
        let claim = vector.case().assert_good(standard);
        assert_eq!(claim.session_token(), vector.token.as_deref(), "{}", vector.name);
        assert_eq!(format_basic(claim.signed_at().unwrap() / 1000), vector.amz_date);
        let version = if [&vector.body, &vector.case().target].iter().any(|text| text.contains("2011-06-15"))
        {
            "sts"
        } else {
            "iam"
        };
        assert_eq!(claim.scope().unwrap().service, version, "{}", vector.name);
        vector.case().assert_good(also_raw);
    }
}

#[test]
fn any_changed_byte_of_the_signed_parts_is_refused() {
    for vector in vectors() {
        let case = vector.case();
        let claim = case.view(standard).unwrap();
        let mut changed = Vec::new();
        for (name, value) in &vector.headers {
            if claim.signs_header(name) && value.trim() == value && name != "X-Dup" {
                changed.extend(case.changed_header(name, usize::MAX));
                changed.push(case.without_header(name));
            }
        }
        if vector.authorization.is_some() {
            changed.extend(case.changed_header("Authorization", usize::MAX));
        }
        changed.extend(case.changed_target(0));
        if claim.payload() == Payload::Signed {
            changed.extend(case.changed_body());
        }
        for method in ["GET", "POST", "HEAD", "get"].iter().filter(|method| **method != case.method) {
            changed.push(Case { method: (*method).to_owned(), ..case.clone() });
        }
        // A segment that `..` takes back, and a dot segment, are not signed.
        let taken_back =
            |target: &str| target.starts_with("/base%20path/") && target.ends_with("/../%E2%82%AC//");
        changed.retain(|changed| changed.target == case.target || !taken_back(&changed.target));
        changed.iter().for_each(|changed| changed.assert_refused(standard));
    }
}

#[test]
fn header_values_that_are_squeezed_and_joined_are_bound() {
    let case = one("post-header-spaces-and-duplicates");
    let canonical = case.assert_good(standard).explain(case.secret.as_bytes()).canonical_request.unwrap();
    assert!(canonical.contains("\nmy-header:a b c\n") && canonical.contains("\nx-dup:two,one,three four\n"));
    assert_eq!(case.with_header("My-Header", "a b c").judge(standard), Ok(()));
    assert_eq!(case.with_header("My-Header", "a b  cc").judge(standard), Err(Reject::SignatureDiffers));
    assert_eq!(case.with_header("X-Dup", "two,one,three four").judge(standard), Ok(()));
    assert_eq!(
        case.with_header("X-Dup", "one,two,three four").judge(standard),
        Err(Reject::SignatureDiffers)
    );
}

#[test]
fn t16_lenient_signatures_are_refused() {
    for vector in vectors() {
        let case = vector.case();
        let Some((head, signature)) = case.target.split_once("X-Amz-Signature=") else {
            case.assert_near_misses_refused(standard);
            continue;
        };
        for near in near_misses(signature) {
            let target = [head, "X-Amz-Signature=", &percent_encode(near.as_bytes())].concat();
            let verdict = Case { target, ..case.clone() }.judge(standard);
            let expected = [Reject::BadSignatureForm, Reject::SignatureDiffers];
            assert!(verdict.as_ref().is_err_and(|reject| expected.contains(reject)), "{near:?}: {verdict:?}");
        }
    }
}

#[test]
fn t15_other_algorithm_words_are_refused() {
    for word in [
        "AWS4-HMAC-SHA1",
        "AWS4-ECDSA-P256-SHA256",
        "AWS3-HTTPS",
        "AWS2",
        "AWS",
        "aws4-hmac-sha256",
        "none",
        "SKIP",
        "AWS4-HMAC-SM3",
        "TC3-HMAC-SHA256",
        "SDK-HMAC-SHA256",
        "Bearer",
    ] {
        let case = one("iam-list-access-keys");
        let authorization = case.header("Authorization").replace(ALGORITHM, word);
        let verdict = case.with_header("Authorization", &authorization).judge(standard);
        assert_eq!(verdict, Err(Reject::AlgorithmNotAllowed), "{word}");
        let case = one("presign-get-caller-identity");
        let target = case.target.replace(ALGORITHM, word);
        assert_eq!(Case { target, ..case }.judge(standard), Err(Reject::AlgorithmNotAllowed), "{word}");
    }
}

#[test]
fn t17_scopes_that_lie_are_refused() {
    let case = one("iam-list-access-keys");
    let authorization = case.header("Authorization");
    let judge = |from: &str, to: &str| {
        case.with_header("Authorization", &authorization.replace(from, to)).judge(standard)
    };
    assert_eq!(judge("/20260101/", "/20260102/"), Err(Reject::BadScope("date")));
    assert_eq!(judge("/20260101/", "/2026010/"), Err(Reject::BadScope("date")));
    assert_eq!(judge("/20260101/", "//"), Err(Reject::BadScope("date")));
    assert_eq!(judge("aws4_request", "aws5_request"), Err(Reject::BadScope("terminator")));
    assert_eq!(judge("/iam/", "//"), Err(Reject::BadScope("service")));
    assert_eq!(judge("/iam/", "/"), Err(Reject::Malformed("Credential")));
    assert_eq!(judge("/iam/", "/sts/"), Err(Reject::SignatureDiffers));
    assert_eq!(judge("/us-east-1/", "/us-east-2/"), Err(Reject::SignatureDiffers));
    assert_eq!(judge("/us-east-1/", "//"), Err(Reject::SignatureDiffers));
    assert_eq!(judge("AKIASIONOUXC4BLHCQRI/", "/"), Err(Reject::MissingCredential("Credential")));
    let other = case.with_header("X-Amz-Date", "20260102T090006Z");
    assert_eq!(other.judge(standard), Err(Reject::BadScope("date")));
}

#[test]
fn t02_header_and_query_credentials_exclude_each_other() {
    let header = one("iam-list-access-keys");
    let presigned = one("presign-get-caller-identity");
    let both = presigned.with_header("Authorization", &header.header("Authorization"));
    assert_eq!(both.judge(standard), Err(Reject::TwoCredentials("Authorization")));
    let bearer = presigned.with_header("Authorization", "Bearer x");
    assert_eq!(bearer.judge(standard), Err(Reject::TwoCredentials("Authorization")));
    let neither = header.without_header("Authorization");
    assert_eq!(neither.judge(standard), Err(Reject::MissingCredential("Authorization")));
    let mut twice = header.clone();
    twice.headers.push(("authorization".to_owned(), header.header("Authorization").into_bytes()));
    assert_eq!(twice.judge(standard), Err(Reject::TwoCredentials("Authorization")));
    // Of a repeated parameter the first counts, and all of them are signed.
    let token = Case { target: format!("{}&X-Amz-Security-Token=t", presigned.target), ..presigned };
    assert_eq!(token.judge(standard), Err(Reject::SignatureDiffers));
}

#[test]
fn t21_a_request_without_time_is_refused() {
    let case = one("iam-list-access-keys");
    assert_eq!(
        case.without_header("X-Amz-Date").judge(standard),
        Err(Reject::MissingCredential("X-Amz-Date"))
    );
    for bad in
        ["20260101T090006", "2026-01-01T09:00:06Z", "20260101T090060Z", "Thu, 01 Jan 2026 09:00:06 GMT"]
    {
        assert_eq!(case.with_header("X-Amz-Date", bad).judge(standard), Err(Reject::BadDate), "{bad}");
    }
    let presigned = one("presign-get-caller-identity");
    for name in ["X-Amz-Date", "X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature"] {
        let target = presigned.target.replace(&format!("{name}="), "X-Other=");
        assert_eq!(
            Case { target, ..presigned.clone() }.judge(standard),
            Err(Reject::MissingCredential(name))
        );
    }
    for bad in ["0", "604801", "-1", "%2B60", "6e1", "", "60.0", "99999999999"] {
        let target = presigned.target.replace("X-Amz-Expires=60", &format!("X-Amz-Expires={bad}"));
        let verdict = Case { target, ..presigned.clone() }.judge(standard);
        assert_eq!(verdict, Err(Reject::Malformed("X-Amz-Expires")), "{bad}");
    }
}

#[test]
fn t23_the_signed_date_header_counts() {
    let case = one("iam-list-access-keys").with_header("Date", "20990101T000000Z");
    assert_eq!(case.assert_good(standard).signed_at(), Some(1_767_258_006_000));
    let signer = Signer { access_key_id: "k", secret: b"s", region: "", service: "iam" };
    let headers: [Header<'_>; 2] = [("host", b"h"), ("date", b"20260101T090006Z")];
    let request = RequestView::new("GET", "/", &headers, Body::Bytes(b""), UrlScheme::Http);
    let authorization = sign(&request, &signer, &["host", "date"]).unwrap();
    let headers = [headers[0], headers[1], ("authorization", authorization.as_bytes())];
    let claim = standard(&RequestView::new("GET", "/", &headers, Body::Bytes(b""), UrlScheme::Http)).unwrap();
    assert_eq!((claim.signed_at(), claim.verify(b"s")), (Some(1_767_258_006_000), Ok(())));
    assert_eq!(claim.scope().and_then(|scope| scope.region.as_deref()), Some(""));
}

#[test]
fn t09_headers_that_steer_must_be_signed() {
    let case = one("iam-list-access-keys");
    let unsigned = |name: &str| Err(Reject::HeaderNotSigned(name.to_owned()));
    let with_token = case.with_header("X-Amz-Security-Token", "t");
    assert_eq!(with_token.judge(standard), unsigned("x-amz-security-token"));
    assert_eq!(case.with_header("x-AMZ-target", "t").judge(standard), unsigned("x-amz-target"));
    assert_eq!(case.with_header("X-Amzn-Trace-Id", "t").judge(standard), Ok(()));
    let authorization = case.header("Authorization").replace("content-type;host;", "content-type;");
    assert_eq!(case.with_header("Authorization", &authorization).judge(standard), unsigned("host"));
    let authorization = case.header("Authorization").replace("host;", "host;my-header;");
    let missing = case.with_header("Authorization", &authorization);
    assert_eq!(missing.judge(standard), Err(Reject::HeaderMissing("my-header".to_owned())));
}

/// A request with a digest header, signed over it.
fn with_digest(declared: &str, body: &[u8]) -> Case {
    let case = one("iam-list-access-keys").without_header("Authorization");
    let case = Case { body: body.to_vec(), ..case.with_header("X-Amz-Content-Sha256", declared) };
    let signer = Signer {
        access_key_id: &case.access_key_id,
        secret: case.secret.as_bytes(),
        region: "r",
        service: "iam",
    };
    let signed = ["host", "x-amz-date", "x-amz-content-sha256"];
    let authorization =
        case.view(|request| sign(&request.with_body(Body::NotVisible), &signer, &signed)).unwrap();
    case.with_header("Authorization", &authorization)
}

#[test]
fn t08_payload_words_and_digests_are_told_apart() {
    let unsigned = one("post-content-sha256-unsigned");
    let swapped = Case { body: b"Action=DeleteUser".to_vec(), ..unsigned };
    assert_eq!(swapped.assert_good(standard).payload(), Payload::Unsigned);
    let good = with_digest(&sha256_hex(b"a=b"), b"a=b");
    assert_eq!(good.assert_good(standard).payload(), Payload::Signed);
    good.changed_body()
        .iter()
        .for_each(|changed| assert_eq!(changed.judge(standard), Err(Reject::PayloadMismatch)));
    let unseen = good.view(|request| standard(&request.with_body(Body::NotVisible))).unwrap();
    assert_eq!((unseen.payload(), unseen.verify(good.secret.as_bytes())), (Payload::Unchecked, Ok(())));
    let streamed = with_digest("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", b"a=b");
    assert_eq!(streamed.assert_good(standard).payload(), Payload::Unchecked);
    for word in ["unsigned-payload", "", "STREAMING", &sha256_hex(b"a=b").to_uppercase()] {
        let changed = good.with_header("X-Amz-Content-Sha256", word);
        assert_eq!(changed.judge(standard), Err(Reject::Malformed("X-Amz-Content-Sha256")), "{word}");
    }
    let plain = one("iam-list-access-keys").view(|request| standard(&request.with_body(Body::NotVisible)));
    assert_eq!(plain.unwrap_err(), Reject::BodyNotVisible);
}

#[test]
fn raw_spellings_verify_where_they_are_allowed() {
    // Older curl signs path and query as it sends them; object stores want the path encoded once.
    let date = "20260101T090006Z";
    let headers: [Header<'_>; 2] = [("host", b"h"), ("x-amz-date", date.as_bytes())];
    let target = "/a%20b//c?z=1&a=%7e&flag";
    let request = RequestView::new("GET", target, &headers, Body::Bytes(b""), UrlScheme::Http);
    let signer = Signer { access_key_id: "k", secret: b"s", region: "r", service: "s3" };
    let scope = Scope { date: "20260101".into(), region: Some("r".into()), service: "s3".into() };
    for (path, query) in
        [("/a%20b//c", "z=1&a=%7e&flag"), ("/a%20b//c", "a=~&flag=&z=1"), ("/a%2520b/c", "a=~&flag=&z=1")]
    {
        let digest = sha256_hex(b"");
        let canonical =
            format!("GET\n{path}\n{query}\nhost:h\nx-amz-date:{date}\n\nhost;x-amz-date\n{digest}");
        let text =
            format!("{ALGORITHM}\n{date}\n{}\n{}", scope_text(&scope), sha256_hex(canonical.as_bytes()));
        let signature = mac(&scope).keyed(signer.secret).sign(text.as_bytes());
        let authorization = format!(
            "{ALGORITHM} Credential=k/{},SignedHeaders=host;x-amz-date,Signature={signature}",
            scope_text(&scope)
        );
        let headers = [headers[0], headers[1], ("authorization", authorization.as_bytes())];
        let request = RequestView::new(request.method(), target, &headers, request.body(), UrlScheme::Http);
        assert_eq!(also_raw(&request).unwrap().verify(b"s"), Ok(()), "{canonical}");
        assert_eq!(standard(&request).unwrap().verify(b"s").is_ok(), path.contains("%25"), "{canonical}");
    }
}

#[test]
fn bad_escapes_in_the_query_are_refused_and_key_ids_may_hold_slashes() {
    let case = one("get-blank-values");
    for bad in ["&x=%zz", "&%=1", "&x=%ff"] {
        let target = format!("{}{bad}", case.target);
        assert_eq!(Case { target, ..case.clone() }.judge(standard), Err(Reject::Malformed("query")), "{bad}");
    }
    let parts = split_credential("mail@x/1+2==/20260101/r/s/aws4_request").unwrap();
    assert_eq!((parts.0, parts.1.region.as_deref()), ("mail@x/1+2==", Some("r")));
}

#[test]
fn an_exact_signature_tells_spellings_of_a_path_apart() {
    let signer = Signer { access_key_id: "id", secret: b"secret", region: "r", service: "s" };
    let sign_and_send = |signed: &str, sent: &str| {
        let mut headers: Vec<Header<'_>> = vec![("Host", b"h.test"), ("X-Amz-Date", b"20250102T030405Z")];
        let of = |path, headers: &[Header<'_>]| {
            let request = RequestView::new("GET", path, headers, Body::Bytes(b""), UrlScheme::Http);
            sign(&request, &signer, &["host", "x-amz-date"])
        };
        let authorization = of(signed, &headers).unwrap();
        headers.push(("Authorization", authorization.as_bytes()));
        let request = RequestView::new("GET", sent, &headers, Body::Bytes(b""), UrlScheme::Http);
        let verdict = |spelling| parse(&request, spelling).and_then(|claim| claim.verify(b"secret"));
        (verdict(Spelling::AlsoRaw), verdict(Spelling::Exact))
    };
    let refused = Err(Reject::SignatureDiffers);
    assert_eq!(sign_and_send("/a/b", "/a/b"), (Ok(()), Ok(())));
    assert_eq!(sign_and_send("/a/b%20c", "/a/b%20c"), (Ok(()), Ok(())));
    for other in ["/a//b", "//a/b", "/a/./b", "/a/x/../b"] {
        assert_eq!(sign_and_send("/a/b", other), (Ok(()), refused.clone()), "{other}");
    }
}

#[test]
fn a_presigned_url_says_how_long_it_is_good() {
    let seconds =
        |target| presigned_seconds(&RequestView::new("GET", target, &[], Body::NotVisible, UrlScheme::Http));
    assert_eq!(seconds("/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60"), Some(60));
    assert_eq!(seconds("/?X-Amz-Algorithm=AWS4-HMAC-SHA256"), None);
    assert_eq!(seconds("/?X-Amz-Expires=60"), None);
}
