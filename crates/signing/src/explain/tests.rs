//! Every recorded request is explained; every usual mistake is made and named.

use proptest::prelude::*;

use super::*;
use crate::testing::Case;
use crate::{UrlScheme, request::Header};

/// The request as text. A request over TLS says so by an absolute target.
fn text(case: &Case) -> Vec<u8> {
    let host = case.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = host.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default();
    let origin = if case.url_scheme == UrlScheme::Https { format!("https://{host}") } else { String::new() };
    let mut text = format!("{} {origin}{} HTTP/1.1\r\n", case.method, case.target).into_bytes();
    for (name, value) in case.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
    {
        text.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    text.extend(format!("Content-Length: {}\r\n\r\n", case.body.len()).into_bytes());
    text.extend(&case.body);
    text
}

fn explained(case: &Case) -> Explanation {
    let options = Options { public_urls: &["https://iam.e.samsungsdscloud.com"], ..Options::default() };
    explain(&text(case), case.secret.as_bytes(), &options)
        .unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

#[test]
fn every_recorded_request_is_explained_and_matches() {
    let all = [
        (Scheme::Scloud, scloud::tests::cases()),
        (Scheme::Tc3, tc3::tests::cases()),
        (Scheme::TencentV1, tencent_v1::tests::cases()),
        (Scheme::SdkHmacSha256, sdk_hmac_sha256::tests::cases()),
        (Scheme::Scp, scp::tests::cases()),
        (Scheme::Aws4, aws4::tests::cases()),
    ];
    for (scheme, cases) in all {
        for case in cases {
            let explanation = explained(&case);
            assert_eq!(explanation.scheme, scheme, "{}", case.name);
            assert_eq!(explanation.access_key_id, case.access_key_id, "{}", case.name);
            assert!(explanation.matches, "{}: {explanation:?}", case.name);
            assert_eq!(explanation.expected_signature, explanation.given_signature);
            let canonical = matches!(scheme, Scheme::Tc3 | Scheme::SdkHmacSha256 | Scheme::Aws4);
            assert_eq!(explanation.canonical_request.is_some(), canonical);
            let other = Case { secret: "another secret".to_owned(), ..case.clone() };
            let explanation = explained(&other);
            assert!(
                !explanation.matches && explanation.causes[0].starts_with("No usual mistake"),
                "{explanation:?}"
            );
            if case.secret.trim() != case.secret {
                continue;
            }
            let blank = explained(&Case { secret: format!(" {}\n", case.secret), ..case.clone() });
            assert!(blank.causes[0].contains("around the secret"), "{}: {blank:?}", case.name);
        }
    }
}

/// Asserts that the request does not match and that the cause given first says `words`.
fn assert_cause(case: &Case, words: &str) {
    let explanation = explained(case);
    assert!(!explanation.matches, "{explanation:?}");
    assert!(
        explanation.causes.first().is_some_and(|cause| cause.contains(words)),
        "{words}: {explanation:?}"
    );
}

fn scloud_form(wire: &str, signed: &str) -> Case {
    let secret = "9ZxCvBnM1234567890qWeRtYuIoPaSdFgHjKlZxC";
    let signature = crate::mac::Mac::Sha1Suffix.keyed(secret.as_bytes()).sign(signed.as_bytes());
    let case = scloud::tests::cases().swap_remove(3);
    Case { secret: secret.to_owned(), body: format!("{wire}&Signature={signature}").into_bytes(), ..case }
}

#[test]
fn scloud_mistakes_are_named() {
    let cases = [
        ("PublicKey=p&Action=A", "PublicKeypActionA", "sorted by name"),
        ("PublicKey=p&b=1&C=2", "b1C2PublicKeyp", "letter case"),
        ("PublicKey=p&On=true", "OnTruePublicKeyp", "`True`"),
        ("PublicKey=p&On=True", "OntruePublicKeyp", "sent as `True`"),
        ("PublicKey=a%40b", "PublicKeya%40b", "percent-encoded"),
        ("PublicKey=p&a=b+c", "PublicKeypab%20c", "percent-encoded"),
        ("PublicKey=p&a=b+%2F", "PublicKeypab+%2F", "form-encoded"),
        ("PublicKey=p&a=b+c/", "PublicKeypab+c/", "signed as `+`"),
        ("PublicKey=p&a=b%2Bc", "PublicKeypab c", "signed as a blank"),
        ("PublicKey=p&a=+b", "PublicKeypab", "blanks around"),
        ("PublicKey=p&a=1", "PublicKey=p&a=1", "without separators"),
        ("PublicKey=p&Action=A", "ActionA", "`PublicKey` was left out"),
        ("PublicKey=p&e=", "PublicKeyp", "Empty parameters"),
    ];
    for (wire, signed, words) in cases {
        assert_cause(&scloud_form(wire, signed), words);
    }
    let json = scloud_form("", "");
    let signature = crate::mac::Mac::Sha1Suffix.keyed(json.secret.as_bytes()).sign(b"PublicKeypn42.0");
    let body = format!("{{\"PublicKey\":\"p\",\"n\":42.0,\"Signature\":\"{signature}\"}}").into_bytes();
    assert_cause(&Case { body, ..json.with_header("Content-Type", "application/json") }, "plain decimal");
}

#[test]
fn signatures_spelt_wrongly_are_named() {
    let hex = scloud::tests::cases().swap_remove(3);
    let body = String::from_utf8(hex.body.clone()).unwrap();
    let (head, signature) = body.rsplit_once('=').unwrap();
    let upper = Case { body: format!("{head}={}", signature.to_uppercase()).into_bytes(), ..hex.clone() };
    assert_cause(&upper, "lower-case hexadecimal");
    let aws = aws4::tests::cases().swap_remove(0);
    let (head, signature) =
        aws.header("Authorization").rsplit_once('=').map(|(a, b)| (a.to_owned(), b.to_uppercase())).unwrap();
    assert_cause(&aws.with_header("Authorization", &format!("{head}={signature}")), "lower-case hexadecimal");
    for case in scp::tests::cases() {
        let signature = case.header("Scp-Signature");
        assert_cause(&case.with_header("Scp-Signature", signature.trim_end_matches('=')), "standard base64");
        if signature.contains(['+', '/']) {
            let url_safe = signature.replace('+', "-").replace('/', "_");
            assert_cause(&case.with_header("Scp-Signature", &url_safe), "standard base64");
        }
    }
    let v1 = tencent_v1::tests::cases().into_iter().find(|case| case.target.contains("%2BIWI")).unwrap();
    let unescaped = Case { target: v1.target.replace("%2B", "+"), ..v1 };
    assert_cause(&unescaped, "not percent-encoded");
}

/// Signs a canonical request that a client with a mistake would write: one line of the right one replaced.
fn with_line(case: &Case, at: usize, line: &str) -> Case {
    let right = explained(case);
    let canonical = right.canonical_request.unwrap();
    let mut lines: Vec<&str> = canonical.split('\n').collect();
    lines[at] = line;
    let digest = crate::canonical::sha256_hex(lines.join("\n").as_bytes());
    let string_to_sign = [&right.string_to_sign[..right.string_to_sign.len() - 64], &digest].concat();
    let claim = case.view(|request| match right.scheme {
        Scheme::Tc3 => tc3::parse(request, tc3::Target::Vendor),
        Scheme::Aws4 => aws4::parse(request, aws4::Spelling::Standard),
        _ => sdk_hmac_sha256::parse(request),
    });
    let signature = claim.unwrap().mac.keyed(case.secret.as_bytes()).sign(string_to_sign.as_bytes());
    let authorization = case.header("Authorization").replace(&right.given_signature, &signature);
    case.with_header("Authorization", &authorization)
}

#[test]
fn mistakes_in_canonical_requests_are_named() {
    let find = |cases: Vec<Case>, name: &str| cases.into_iter().find(|case| case.name == name).unwrap();
    let huawei = |name: &str| find(sdk_hmac_sha256::tests::cases(), name);
    let plain = huawei("list-keys-plain");
    assert_cause(&with_line(&plain, 0, "POST"), "method");
    assert_cause(&with_line(&plain, 1, "/v4/user/keys"), "Path encoding");
    assert_cause(
        &with_line(&huawei("path-encoded-slash"), 1, "/v1/users/sshkey/a%252Fb%252fc"),
        "Path encoding",
    );
    assert_cause(&with_line(&huawei("wire-plus-is-space"), 2, "limit=1&query=my+laptop"), "Query");
    assert_cause(&with_line(&plain, 4, "host:codehub-ext.cn-north-4.myhuaweicloud.com:443"), "Host");
    assert_cause(&with_line(&huawei("host-with-port"), 4, "host:127.0.0.1"), "Host");
    let body = huawei("post-json-body");
    let last = explained(&body).canonical_request.unwrap().split('\n').count() - 1;
    assert_cause(&with_line(&body, last, "UNSIGNED-PAYLOAD"), "Body digest");
    assert_cause(&with_line(&body, last, &crate::canonical::sha256_hex(b"")), "Body digest");
    let aws = find(aws4::tests::cases(), "get-key-prefix-order");
    let query = aws.target.split_once('?').unwrap().1;
    assert_eq!(explained(&with_line(&aws, 2, query)).causes.len(), 1, "older curl's spelling matches");
    assert_cause(&with_line(&aws, 2, ""), "Query");
    let tencent = find(tc3::tests::cases(), "v3_post_host_with_port");
    assert_cause(&with_line(&tencent, 2, "x=y"), "No usual mistake");
}

#[test]
fn refusals_are_named_with_what_is_known() {
    let case = sdk_hmac_sha256::tests::cases().swap_remove(0);
    let missing = explained(&case.without_header("User-Agent"));
    assert!(missing.causes[0].contains("header `user-agent` is missing"), "{missing:?}");
    assert_eq!((missing.access_key_id.as_str(), missing.matches), (case.access_key_id.as_str(), false));
    assert_eq!(missing.given_signature, explained(&case).given_signature);
    assert_eq!(missing.canonical_request, None);
    let tencent = tc3::tests::cases().swap_remove(0);
    let scope = tencent.header("Authorization").replace("2023-11-14", "2023-11-15");
    let lying = explained(&tencent.with_header("Authorization", &scope));
    assert!(lying.causes[0].contains("UTC day"), "{lying:?}");
    assert_eq!(lying.access_key_id, tencent.access_key_id);
    let aws = aws4::tests::cases().swap_remove(0);
    let word = aws.header("Authorization").replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1");
    assert_cause(&aws.with_header("Authorization", &word), "accepts one word");
    assert_cause(&aws.with_header("X-Amz-Target", "t"), "named in SignedHeaders");
    let scp = scp::tests::cases().swap_remove(0);
    assert_cause(&scp.with_header("Scp-Timestamp", "1"), "signed time");
    let v1 = tencent_v1::tests::cases().swap_remove(0);
    assert_cause(&Case { target: v1.target.replace("Nonce=11886&", ""), ..v1 }, "no Nonce");
}

#[test]
fn a_wrong_body_digest_still_shows_the_texts() {
    let case =
        sdk_hmac_sha256::tests::cases().into_iter().find(|case| case.name == "post-json-body").unwrap();
    let declared = crate::canonical::sha256_hex(b"what was signed");
    let case = case.without_header("Authorization").with_header("X-Sdk-Content-Sha256", &declared);
    let authorization = case
        .view(|request| {
            let unseen = request.with_body(Body::NotVisible);
            sdk_hmac_sha256::sign(&unseen, "AK", case.secret.as_bytes(), &["host", "x-sdk-date"])
        })
        .unwrap();
    let explanation = explained(&case.with_header("Authorization", &authorization));
    assert!(!explanation.matches && explanation.causes[0].contains("body digest"), "{explanation:?}");
    assert!(explanation.canonical_request.unwrap().ends_with(&declared));
    assert_eq!(explanation.expected_signature, explanation.given_signature);
}

#[test]
fn mistakes_about_the_url_are_named() {
    let case = scp::tests::cases().into_iter().find(|case| case.name == "list-limit").unwrap();
    let stamp = scp::Stamp {
        access_key_id: &case.access_key_id,
        timestamp_ms: 1_795_306_162_099,
        account_id: "",
        client_type: "Openapi",
    };
    let host = "iam.e.samsungsdscloud.com";
    let cases = [
        (format!("http://{host}/v1/access-keys?limit=20"), "public URL"),
        ("/v1/access-keys?limit=20".to_owned(), "Only path and query"),
        (format!("https://{host}/v1/access-keys"), "query was left out"),
    ];
    for (url, words) in cases {
        let [.., (_, signature)] = scp::sign("GET", &url, stamp, case.secret.as_bytes());
        assert_cause(&case.with_header("Scp-Signature", &signature), words);
    }
    let refuse = scp::tests::cases().into_iter().find(|case| case.name == "create-permanent").unwrap();
    let text = explained(&refuse).string_to_sign + std::str::from_utf8(&refuse.body).unwrap();
    let signature = crate::mac::Mac::Sha256Base64.keyed(refuse.secret.as_bytes()).sign(text.as_bytes());
    assert_cause(&refuse.with_header("Scp-Signature", &signature), "The body was signed");
}

#[test]
fn the_clock_is_judged_only_when_given() {
    let case = tc3::tests::cases().swap_remove(0);
    let causes = |now_ms| {
        let options = Options { now_ms, ..Options::default() };
        explain(&text(&case), case.secret.as_bytes(), &options).unwrap().causes
    };
    assert!(causes(None)[0].contains("the clock was not judged"));
    for inside in [-300_000, 0, 300_999] {
        assert_eq!(causes(Some(1_700_000_000_000 + inside)), Vec::<String>::new());
    }
    assert!(causes(Some(1_700_000_301_000))[0].contains("301 s behind"));
    assert!(causes(Some(1_699_999_699_000))[0].contains("301 s ahead"));
}

#[test]
fn t19_an_empty_secret_is_named_and_never_matches() {
    let wire = scloud::signed_form(&[("Action", "A")], "p", b"");
    let case =
        Case { secret: String::new(), body: wire.into_bytes(), ..scloud::tests::cases().swap_remove(3) };
    assert_cause(&case, "secret is empty");
}

#[test]
fn texts_without_credential_are_not_explained() {
    let error = |text: &str| explain(text.as_bytes(), b"s", &Options::default()).unwrap_err();
    assert_eq!(error("GET / HTTP/1.1\r\n\r\n"), ExplainError::NoCredential);
    assert_eq!(
        error("GET /?Action=X HTTP/1.1\r\nAuthorization: Bearer x\r\n\r\n"),
        ExplainError::NoCredential
    );
    assert_eq!(error("hello"), ExplainError::Raw(RawError::RequestLine));
    let repeated = ParamError::Repeated("publickey".to_owned());
    assert_eq!(error("GET /?PublicKey=a&publickey=b HTTP/1.1\n\n"), ExplainError::Params(repeated));
}

proptest! {
    #[test]
    fn t76_explaining_never_panics(
        line in "(GET|POST) /\\PC{0,12}(\\?(PublicKey|SecretId|Signature|X-Amz-Algorithm)=[ -~]{0,9}&?){0,3} HTTP/1.1",
        headers in prop::collection::vec(
            ("Authorization|Host|X-Sdk-Date|X-TC-Timestamp|Content-Type|Scp-[A-Z][a-z]{1,9}",
             "((TC3|SDK|AWS4)-HMAC-SHA256 (Credential=a/20260101/r/s/aws4_request, )?SignedHeaders=host, Signature=\\PC{0,9})|[ -~]{0,20}"),
            0..6,
        ),
        body in any::<Vec<u8>>(),
    ) {
        let mut text = line.into_bytes();
        for (name, value) in headers {
            text.extend(format!("\n{name}: {value}").into_bytes());
        }
        text.extend(b"\n\n");
        text.extend(body);
        let _ = explain(&text, b"secret", &Options::default());
    }
}

/// A view can be explained as well: what the server keeps of a recent refusal.
#[test]
fn a_view_is_explained_like_its_text() {
    let case = tc3::tests::cases().swap_remove(0);
    let of_view =
        case.view(|request| explain_request(request, case.secret.as_bytes(), &Options::default())).unwrap();
    assert_eq!(of_view, explained(&case));
    let headers: [Header<'_>; 0] = [];
    let bare = RequestView::new("GET", "/", &headers, Body::Bytes(b""), UrlScheme::Http);
    assert_eq!(explain_request(&bare, b"s", &Options::default()), Err(ExplainError::NoCredential));
}

#[test]
fn t72_a_key_is_looked_for_in_no_more_parameters_than_are_read() {
    let form = |others: usize| -> String {
        let others = (0..others).map(|number| format!("&p{number}="));
        others.fold("PublicKey=id&Signature=x".to_owned(), |form, other| form + &other)
    };
    let named = |form: &str| {
        let view = RequestView::new("POST", "/", &[], Body::Bytes(form.as_bytes()), UrlScheme::Https);
        claimed_key_id(&view)
    };
    assert_eq!(named(&form(MAX_PARAMS - 2)).as_deref(), Some("id"));
    assert_eq!(named(&form(MAX_PARAMS - 1)), None);
}
