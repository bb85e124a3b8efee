//! The 64 requests made by the official clients, and what must not verify.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::params::MAX_PARAMS;
use crate::testing::{Case, near_misses, one_changed};
use crate::{UrlScheme, request::Header};

#[derive(Deserialize)]
struct Vector {
    name: String,
    encoding: String,
    public_key: String,
    private_key: String,
    wire: String,
    signature: String,
}

/// Signed by the clients, but the names differ in letter case only: the signature holds, the parameters are refused (T03).
const CASE_VARIANTS: [&str; 3] =
    ["same_name_different_case", "sort_case_digit_underscore_dot_dash", "sort_shared_prefix"];

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../vectors/scloud.json")).unwrap();
    assert_eq!(vectors.len(), 64);
    vectors
}

fn readable_vectors() -> impl Iterator<Item = Vector> {
    vectors().into_iter().filter(|vector| !CASE_VARIANTS.contains(&vector.name.as_str()))
}

/// The recorded requests that are accepted, for the tests of other modules.
pub(crate) fn cases() -> Vec<Case> {
    let case = |vector: Vector| Case {
        name: vector.name,
        access_key_id: vector.public_key,
        secret: vector.private_key,
        method: "POST".to_owned(),
        target: "/".to_owned(),
        url_scheme: UrlScheme::Http,
        headers: vec![("Content-Type".to_owned(), content_type(&vector.encoding).to_vec())],
        body: vector.wire.into_bytes(),
    };
    readable_vectors().map(case).collect()
}

fn content_type(encoding: &str) -> &'static [u8] {
    if encoding == "json" { b"application/json" } else { b"application/x-www-form-urlencoded" }
}

impl Vector {
    fn read(&self, wire: &str) -> Result<Params, ParamError> {
        let headers: [Header<'_>; 1] = [("Content-Type", content_type(&self.encoding))];
        let request = RequestView::new("POST", "/", &headers, Body::Bytes(wire.as_bytes()), UrlScheme::Http);
        params(&request, MAX_PARAMS)
    }

    fn claim(&self) -> Claim {
        parse(&self.read(&self.wire).unwrap_or_else(|error| panic!("{}: {error}", self.name))).unwrap()
    }

    fn key(&self) -> &[u8] {
        self.private_key.as_bytes()
    }
}

#[test]
fn every_client_request_is_accepted() {
    for vector in readable_vectors() {
        let claim = vector.claim();
        assert_eq!(claim.access_key_id(), vector.public_key, "{}", vector.name);
        assert_eq!(claim.signature(), vector.signature.as_bytes(), "{}", vector.name);
        assert_eq!(claim.verify(vector.key()), Ok(()), "{}", vector.name);
        assert_eq!(claim.payload(), Payload::Signed);
        let explanation = claim.explain(vector.key());
        assert!(
            explanation.matches && !explanation.string_to_sign.contains(&vector.private_key),
            "{}",
            vector.name
        );
    }
}

#[test]
fn t03_names_that_differ_in_case_only_are_refused_although_signed() {
    for vector in vectors().into_iter().filter(|vector| CASE_VARIANTS.contains(&vector.name.as_str())) {
        assert!(matches!(vector.read(&vector.wire), Err(ParamError::Repeated(_))), "{}", vector.name);
        let pairs: Vec<(String, Value)> = form_pieces(vector.wire.as_bytes())
            .map(|(name, value)| {
                (
                    form_decode(name).unwrap().into_owned(),
                    Value::Text(form_decode(value).unwrap().into_owned()),
                )
            })
            .collect();
        let text = string_to_sign(pairs.iter().map(|(name, value)| (name.as_str(), value)));
        assert_eq!(
            Mac::Sha1Suffix.keyed(vector.key()).sign(text.as_bytes()),
            vector.signature,
            "{}",
            vector.name
        );
    }
}

#[test]
fn any_changed_character_of_the_request_is_refused() {
    for vector in readable_vectors() {
        let step = if vector.wire.len() > 1000 { 41 } else { 1 };
        for wire in one_changed(&vector.wire, step) {
            let Ok(claim) = vector.read(&wire).map_err(drop).and_then(|params| parse(&params).map_err(drop))
            else {
                continue;
            };
            // Reading `%2B` or `%2b`, `1e+21` or `1e21` makes no difference to what is signed or to what handlers see.
            let same = vector.read(&wire) == vector.read(&vector.wire);
            assert_eq!(claim.verify(vector.key()).is_ok(), same, "{}: {wire}", vector.name);
        }
    }
}

#[test]
fn any_changed_byte_of_the_signed_text_or_the_key_is_refused() {
    for vector in readable_vectors() {
        let claim = vector.claim();
        let text = claim.candidates[0].string_to_sign();
        for at in (0..text.len()).step_by(1 + text.len() / 500) {
            let mut changed = claim.clone();
            changed.candidates[0].flip_bit(|_| at);
            assert_eq!(changed.verify(vector.key()), Err(Reject::SignatureDiffers), "{}", vector.name);
        }
        for at in 0..vector.key().len() {
            let mut key = vector.key().to_vec();
            key[at] ^= 0x20;
            assert_eq!(claim.verify(&key), Err(Reject::SignatureDiffers), "{}", vector.name);
        }
    }
}

#[test]
fn t16_lenient_signatures_are_refused() {
    for vector in readable_vectors() {
        let params = vector.read(&vector.wire).unwrap();
        for near in near_misses(&vector.signature) {
            let changed: Vec<_> = params
                .iter()
                .map(|(name, value)| match name {
                    SIGNATURE => (name, near.clone()),
                    _ => (name, value.text().into_owned()),
                })
                .map(|(name, value)| {
                    format!("{}={}", form_encode(name.as_bytes()), form_encode(value.as_bytes()))
                })
                .collect();
            let changed = Params::from_form(changed.join("&").as_bytes(), MAX_PARAMS).unwrap();
            match parse(&changed) {
                Ok(claim) => assert_eq!(claim.verify(vector.key()), Err(Reject::SignatureDiffers), "{near}"),
                Err(error) => {
                    assert!(near.is_empty() && error == Reject::MissingCredential(SIGNATURE), "{near}")
                }
            }
        }
    }
}

#[test]
fn t19_an_empty_secret_verifies_nothing() {
    let wire = signed_form(&[("Action", "ListUsers")], "p", b"");
    let claim = parse(&Params::from_form(wire.as_bytes(), MAX_PARAMS).unwrap()).unwrap();
    assert_eq!(claim.verify(b""), Err(Reject::EmptySecret));
    assert!(!claim.explain(b"").matches);
}

/// The weakness that the closed parameter lists of the dialect answer (threat T05).
#[test]
fn the_ambiguous_pair_has_one_signature() {
    let of = |name: &str| vectors().into_iter().find(|vector| vector.name == name).unwrap();
    let (left, right) = (of("ambiguous_pair_left"), of("ambiguous_pair_right_same_signature"));
    assert_eq!(left.signature, right.signature);
    assert!(left.claim().candidates == right.claim().candidates);
    assert_ne!(left.read(&left.wire), right.read(&right.wire));
}

#[test]
fn time_nonce_and_token_are_read_but_not_judged() {
    let claim = |text: &str| {
        let text = format!("PublicKey=p&Signature={}&{text}", "0".repeat(40));
        parse(&Params::from_form(text.as_bytes(), MAX_PARAMS).unwrap())
    };
    let full = claim("Timestamp=1700000000&Nonce=5f1c&SecurityToken=t").unwrap();
    assert_eq!(full.signed_at(), Some(1_700_000_000_000));
    assert_eq!((full.nonce(), full.session_token()), (Some("5f1c"), Some("t")));
    let bare = claim("Nonce=&SecurityToken=").unwrap();
    assert_eq!((bare.signed_at(), bare.nonce(), bare.session_token()), (None, None, None));
    for bad in ["", "x", "-1", "%2B1", "1.0", "1e9", "1700000000000", "+1", "１"] {
        assert_eq!(claim(&format!("Timestamp={bad}")).unwrap_err(), Reject::BadDate, "{bad}");
    }
}

#[test]
fn missing_parts_are_named_in_the_order_that_clients_expect() {
    let error = |text: &str| parse(&Params::from_form(text.as_bytes(), MAX_PARAMS).unwrap()).unwrap_err();
    assert_eq!(error("Action=X"), Reject::MissingCredential(SIGNATURE));
    assert_eq!(error("PublicKey=p&Signature="), Reject::MissingCredential(SIGNATURE));
    assert_eq!(error("Signature=x"), Reject::MissingCredential(PUBLIC_KEY));
    assert_eq!(error("Signature=x&PublicKey=p&Timestamp=x"), Reject::BadDate);
}

fn read(method: &str, target: &str, content_type: Option<&str>, body: &[u8]) -> Result<Params, ParamError> {
    let headers: Vec<Header<'_>> =
        content_type.iter().map(|value| ("content-type", value.as_bytes())).collect();
    params(&RequestView::new(method, target, &headers, Body::Bytes(body), UrlScheme::Http), MAX_PARAMS)
}

#[test]
fn t04_parameters_have_one_source() {
    let texts = |result: Result<Params, ParamError>| -> Vec<String> {
        result.unwrap().iter().map(|(name, value)| format!("{name}={}", value.text())).collect()
    };
    const FORM: Option<&str> = Some("Application/X-WWW-Form-Urlencoded; charset=gbk");
    assert_eq!(texts(read("GET", "/?a=q", FORM, b"a=b")), ["a=q"]);
    assert_eq!(texts(read("POST", "/?a=q", FORM, b"")), ["a=q"]);
    assert_eq!(texts(read("POST", "/?a=q&b=%zz", FORM, b"a=b")), ["a=b"]);
    assert_eq!(texts(read("POST", "/", None, b"a=b")), ["a=b"]);
    assert_eq!(texts(read("POST", "/", Some("application/json ;charset=utf-8"), b"{\"a\":1}")), ["a=1"]);
    assert_eq!(read("POST", "/", Some("text/plain"), b"a=b"), Err(ParamError::ContentType));
    assert_eq!(read("POST", "/", Some(""), b"a=b"), Err(ParamError::ContentType));
    let twice: [Header<'_>; 2] =
        [("Content-Type", b"application/json"), ("content-type", b"application/json")];
    let request = RequestView::new("POST", "/", &twice, Body::Bytes(b"{}"), UrlScheme::Http);
    assert_eq!(params(&request, MAX_PARAMS), Err(ParamError::ContentType));
    let unseen = RequestView::new("POST", "/?a=b", &[], Body::NotVisible, UrlScheme::Http);
    assert_eq!(params(&unseen, MAX_PARAMS), Err(ParamError::BodyNotVisible));
}

#[test]
fn t03_an_action_in_query_and_body_must_be_the_same() {
    let post = |query: &str| read("POST", query, None, b"Action=ListUsers");
    assert!(post("/?Action=ListUsers").is_ok());
    assert!(post("/?Action=ListUser%73&x=1").is_ok());
    for query in [
        "/?Action=DeleteUser",
        "/?Action=",
        "/?Action",
        "/?action=x",
        "/?Action=ListUsers&Action=x",
        "/?Action=%zz",
    ] {
        assert_eq!(post(query), Err(ParamError::Contradiction("Action")), "{query}");
    }
    assert_eq!(read("POST", "/?Action=X", None, b"a=b"), Err(ParamError::Contradiction("Action")));
}

proptest! {
    #[test]
    fn signed_requests_verify_and_changed_ones_do_not(
        values in prop::collection::btree_map("[a-z.0-9]{1,8}", ".{0,20}", 0..8),
        key in any::<String>(),
        secret in prop::collection::vec(any::<u8>(), 1..80),
        at in any::<prop::sample::Index>(),
    ) {
        let pairs: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let wire = signed_form(&pairs, &format!("k{key}"), &secret);
        let params = Params::from_form(wire.as_bytes(), MAX_PARAMS).unwrap();
        let claim = parse(&params).unwrap();
        prop_assert_eq!(claim.verify(&secret), Ok(()));
        let signature = sign(&params, &secret);
        prop_assert_eq!(signature.as_bytes(), claim.signature());

        let mut changed = claim.clone();
        changed.candidates[0].flip_bit(|length| at.index(length));
        prop_assert_eq!(changed.verify(&secret), Err(Reject::SignatureDiffers));
    }

    #[test]
    fn t76_reading_never_panics(method in "GET|POST|", target in "/?\\PC*", json in any::<bool>(), body in any::<Vec<u8>>()) {
        let content_type = if json { "application/json" } else { "application/x-www-form-urlencoded" };
        if let Ok(params) = read(&method, &target, Some(content_type), &body) {
            let _ = parse(&params).map(|claim| claim.verify(b"secret"));
        }
    }
}
