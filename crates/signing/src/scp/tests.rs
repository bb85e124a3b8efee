//! The 38 requests signed by the official Go client, the 15 to refuse, and what must not verify.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::testing::{Case, near_misses};
use crate::{Body, UrlScheme, request::Header};

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
    refuse: Vec<Vector>,
}

#[derive(Deserialize, Clone)]
struct Vector {
    name: String,
    access_key: String,
    secret_key: String,
    method: String,
    url: String,
    timestamp: String,
    string_to_sign: Option<String>,
    host: Option<String>,
    request_target: Option<String>,
    headers: std::collections::BTreeMap<String, String>,
    body: String,
    signature: String,
}

fn file() -> File {
    let file: File = serde_json::from_str(include_str!("../../vectors/samsung.json")).unwrap();
    assert_eq!((file.vectors.len(), file.refuse.len()), (38, 15));
    file
}

impl Vector {
    /// The request on the wire; vectors made by calling the signing function alone get the one that their URL stands for.
    fn case(&self) -> Case {
        let (scheme, rest) = self.url.split_once("://").unwrap();
        let (host, target) = rest.split_at(rest.find('/').unwrap());
        let host = self.host.as_deref().unwrap_or(host);
        let target = self.request_target.as_deref().unwrap_or(target);
        let headers =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([("Host", host)]);
        Case {
            name: self.name.clone(),
            access_key_id: self.access_key.clone(),
            secret: self.secret_key.clone(),
            method: self.method.clone(),
            target: target.to_owned(),
            url_scheme: if scheme == "https" { UrlScheme::Https } else { UrlScheme::Http },
            headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect(),
            body: self.body.clone().into_bytes(),
        }
    }
}

/// The accepted requests, for the tests of other modules.
pub(crate) fn cases() -> Vec<Case> {
    file().vectors.iter().map(Vector::case).collect()
}

/// One vector was signed with another client type, one against a URL that only the configuration knows.
const OPTIONS: Options<'_> =
    Options { client_types: &["Openapi", "Console"], public_urls: &["https://iam.e.samsungsdscloud.com"] };

fn configured(request: &RequestView<'_>) -> Result<Claim, Reject> {
    parse(request, &OPTIONS)
}

fn plain(request: &RequestView<'_>) -> Result<Claim, Reject> {
    parse(request, &Options::default())
}

fn one(name: &str) -> Case {
    file().vectors.iter().find(|vector| vector.name == name).unwrap().case()
}

#[test]
fn every_client_request_is_accepted() {
    for vector in file().vectors {
        let case = vector.case();
        let claim = case.assert_good(configured);
        assert_eq!(claim.signed_at().map(|ms| ms.to_string()), Some(vector.timestamp));
        assert_eq!(claim.payload(), Payload::Unsigned);
        let explanation = claim.explain(case.secret.as_bytes());
        assert_eq!(Some(explanation.string_to_sign), vector.string_to_sign, "{}", case.name);
        assert_eq!(explanation.canonical_request, None);
    }
}

#[test]
fn requests_to_refuse_are_refused() {
    for vector in file().refuse {
        let verdict = vector.case().judge(configured);
        let expected = match vector.signature.len() {
            0 => Reject::MissingCredential(SIGNATURE),
            44 => Reject::SignatureDiffers,
            _ => Reject::BadSignatureForm,
        };
        assert_eq!(verdict, Err(expected), "{}", vector.name);
    }
}

#[test]
fn any_changed_byte_of_the_signed_parts_is_refused() {
    for vector in file().vectors {
        let case = vector.case();
        let mut changed = case.changed_target(0);
        // Behind the one client that sets another Host, the host is the configured one.
        if vector.name != "list-host-override" {
            changed.extend(case.changed_header("Host", usize::MAX));
        }
        for name in [ACCESS_KEY, TIMESTAMP, CLIENT_TYPE, ACCOUNT_ID] {
            changed.extend(case.changed_header(name, usize::MAX));
        }
        changed.push(case.with_header(ACCOUNT_ID, "x"));
        for method in ["GET", "POST", "PUT", "DELETE", "get"].iter().filter(|method| **method != case.method)
        {
            changed.push(Case { method: (*method).to_owned(), ..case.clone() });
        }
        for changed in &changed {
            assert!(
                changed.judge(plain).is_err(),
                "{}: {} {:?}",
                changed.name,
                changed.target,
                changed.headers
            );
        }
    }
}

#[test]
fn t16_lenient_signatures_are_refused() {
    for vector in file().vectors {
        for near in near_misses(&vector.signature) {
            let verdict = vector.case().with_header(SIGNATURE, &near).judge(configured);
            let expected =
                [Reject::BadSignatureForm, Reject::SignatureDiffers, Reject::MissingCredential(SIGNATURE)];
            assert!(verdict.as_ref().is_err_and(|reject| expected.contains(reject)), "{near:?}: {verdict:?}");
        }
    }
}

/// Moves every boundary between neighbouring fields of the text that is signed, by every distance.
#[test]
fn t10_characters_moved_between_fields_are_refused() {
    for case in [one("list-account-header"), one("list-limit"), one("list-every-parameter")] {
        let url_tail = case.target.clone();
        let fields = [
            url_tail,
            case.header(TIMESTAMP),
            case.header(ACCESS_KEY),
            case.header(ACCOUNT_ID),
            case.header(CLIENT_TYPE),
        ];
        let joined = fields.concat();
        let ends: Vec<usize> = fields[..4]
            .iter()
            .scan(0, |end, field| {
                *end += field.len();
                Some(*end)
            })
            .collect();
        let mut accepted = 0;
        for moved in 0..4 {
            for other in 0..4 {
                for by in -15_isize..=15 {
                    let mut cut = ends.clone();
                    cut[moved] = cut[moved].saturating_add_signed(by).min(joined.len());
                    if other != moved {
                        cut[other] = cut[other].saturating_add_signed(by).min(joined.len());
                    }
                    if !cut.is_sorted() {
                        continue;
                    }
                    let shifted = Case { target: joined[..cut[0]].to_owned(), ..case.clone() }
                        .with_header(TIMESTAMP, &joined[cut[0]..cut[1]])
                        .with_header(ACCESS_KEY, &joined[cut[1]..cut[2]])
                        .with_header(ACCOUNT_ID, &joined[cut[2]..cut[3]])
                        .with_header(CLIENT_TYPE, &joined[cut[3]..]);
                    let same_fields = cut == ends;
                    if let Ok(claim) = shifted.view(plain) {
                        let same_claim = claim.access_key_id() == case.access_key_id
                            && claim.signed_at().map(|ms| ms.to_string()) == Some(case.header(TIMESTAMP));
                        // Another key's secret is another; another time lies years away from any window.
                        assert_eq!(
                            same_claim && claim.verify(case.secret.as_bytes()).is_ok(),
                            same_fields,
                            "{cut:?}"
                        );
                        accepted += usize::from(same_fields);
                    }
                }
            }
        }
        assert!(accepted > 0);
    }
}

#[test]
fn t15_client_types_outside_the_list_are_refused() {
    let case = one("fixed-other-client-type");
    assert_eq!(case.judge(plain), Err(Reject::Malformed(CLIENT_TYPE)));
    assert_eq!(case.judge(configured), Ok(()));
    assert_eq!(case.without_header(CLIENT_TYPE).judge(plain), Err(Reject::MissingCredential(CLIENT_TYPE)));
}

#[test]
fn t21_missing_and_misshapen_parts_are_named() {
    let case = one("list-limit");
    for name in [ACCESS_KEY, TIMESTAMP, SIGNATURE] {
        assert_eq!(case.without_header(name).judge(plain), Err(Reject::MissingCredential(name)));
        assert_eq!(case.with_header(name, "").judge(plain), Err(Reject::MissingCredential(name)));
        let mut twice = case.clone();
        twice.headers.push((name.to_lowercase(), b"x".to_vec()));
        assert_eq!(twice.judge(plain), Err(Reject::HeaderRepeated(name.to_owned())));
    }
    for bad in
        ["1795306162", "17953061620990", "179530616209x", "+795306162099", "１795306162099", "179530616209.9"]
    {
        assert_eq!(case.with_header(TIMESTAMP, bad).judge(plain), Err(Reject::BadDate), "{bad}");
    }
    assert_eq!(case.without_header("Host").judge(plain), Err(Reject::HeaderMissing("host".to_owned())));
    assert_eq!(case.without_header(ACCOUNT_ID).judge(plain), Ok(()));
}

fn signed_for(url: &str, scheme: UrlScheme, host: &str, target: &str) -> Case {
    let stamp =
        Stamp { access_key_id: "k", timestamp_ms: 1_795_306_162_099, account_id: "", client_type: "Openapi" };
    let headers = sign("GET", url, stamp, b"s").map(|(name, value)| (name.to_owned(), value.into_bytes()));
    let case = Case {
        name: url.to_owned(),
        access_key_id: "k".to_owned(),
        secret: "s".to_owned(),
        method: "GET".to_owned(),
        target: target.to_owned(),
        url_scheme: scheme,
        headers: headers.to_vec(),
        body: Vec::new(),
    };
    case.with_header("Host", host)
}

#[test]
fn default_ports_may_be_signed_or_not() {
    use UrlScheme::{Http, Https};
    let good = [
        ("https://h/p", Https, "h"),
        ("https://h:443/p", Https, "h"),
        ("https://h/p", Https, "h:443"),
        ("http://h:80/p", Http, "h"),
        ("http://[::1]:80/p", Http, "[::1]"),
        ("http://[::1]/p", Http, "[::1]:80"),
    ];
    for (url, scheme, host) in good {
        assert_eq!(signed_for(url, scheme, host, "/p").judge(plain), Ok(()), "{url} {host}");
    }
    let bad = [
        ("http://h/p", Https, "h"),
        ("https://h:80/p", Https, "h"),
        ("https://h:8443/p", Https, "h"),
        ("https://h/p", Https, "h:8443"),
        ("https://h:8443:443/p", Https, "h:8443"),
        ("https://H/p", Https, "h"),
    ];
    for (url, scheme, host) in bad {
        assert_eq!(
            signed_for(url, scheme, host, "/p").judge(plain),
            Err(Reject::SignatureDiffers),
            "{url} {host}"
        );
    }
}

#[test]
fn t12_only_configured_public_urls_are_tried() {
    let options = Options {
        public_urls: &["https://gw.example/samsung/", "https://bare.example"],
        ..Options::default()
    };
    let judge = |url: &str, target: &str| {
        let case = signed_for(url, UrlScheme::Http, "inner:7460", target);
        case.view(|request| parse(request, &options)).unwrap().verify(b"s")
    };
    assert_eq!(judge("https://gw.example/samsung/v1/x?a=b", "/v1/x?a=b"), Ok(()));
    assert_eq!(judge("https://gw.example/samsung/v1/x", "/samsung/v1/x"), Ok(()));
    assert_eq!(judge("https://bare.example/v1/x", "/v1/x"), Ok(()));
    assert_eq!(judge("http://inner:7460/v1/x", "/v1/x"), Ok(()));
    assert_eq!(judge("https://gw.example/v1/x", "/v1/x"), Err(Reject::SignatureDiffers));
    assert_eq!(judge("https://other.example/v1/x", "/v1/x"), Err(Reject::SignatureDiffers));
    let forwarded = signed_for("https://other.example/v1/x", UrlScheme::Http, "inner", "/v1/x");
    let forwarded =
        forwarded.with_header("X-Forwarded-Host", "other.example").with_header("X-Forwarded-Proto", "https");
    assert_eq!(forwarded.judge(plain), Err(Reject::SignatureDiffers));
}

proptest! {
    #[test]
    fn signed_requests_verify_and_changed_ones_do_not(
        method in "GET|POST|PUT|DELETE",
        https in any::<bool>(),
        host in "[a-zA-Z0-9.]{1,20}(:[0-9]{1,5})?",
        target in "/[!-~]{0,40}",
        timestamp_ms in 1_000_000_000_000_i64..9_999_999_999_999,
        id in "[!-~]{1,40}",
        account_id in "[0-9a-f]{0,32}",
        secret in "\\PC{1,50}",
        at in any::<prop::sample::Index>(),
    ) {
        let (scheme, word) = if https { (UrlScheme::Https, "https") } else { (UrlScheme::Http, "http") };
        let stamp = Stamp { access_key_id: &id, timestamp_ms, account_id: &account_id, client_type: "Openapi" };
        let signed = sign(&method, &format!("{word}://{host}{target}"), stamp, secret.as_bytes());
        let mut headers: Vec<Header<'_>> = signed.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        headers.push(("host", host.as_bytes()));
        let claim = plain(&RequestView::new(&method, &target, &headers, Body::NotVisible, scheme)).unwrap();
        prop_assert_eq!((claim.access_key_id(), claim.signed_at()), (id.as_str(), Some(timestamp_ms)));
        prop_assert_eq!(claim.verify(secret.as_bytes()), Ok(()));
        let mut changed = claim.clone();
        for candidate in &mut changed.candidates {
            candidate.flip_bit(|length| at.index(length));
        }
        prop_assert_eq!(changed.verify(secret.as_bytes()), Err(Reject::SignatureDiffers));
    }

    #[test]
    fn t76_reading_never_panics(
        values in prop::collection::vec(any::<Vec<u8>>(), 6), timestamp in "[0-9]{13}", target in "\\PC{0,20}", url in "\\PC{0,20}",
    ) {
        let names = [ACCESS_KEY, SIGNATURE, CLIENT_TYPE, ACCOUNT_ID, "host", "x"];
        let mut headers: Vec<Header<'_>> = names.iter().zip(&values).map(|(name, value)| (*name, value.as_slice())).collect();
        headers.push((TIMESTAMP, timestamp.as_bytes()));
        let request = RequestView::new("GET", &target, &headers, Body::NotVisible, UrlScheme::Http);
        let client_type = String::from_utf8_lossy(&values[2]);
        let options = Options { client_types: &[&client_type], public_urls: &[&url] };
        let _ = parse(&request, &options).map(|claim| claim.verify(b"secret"));
    }
}
