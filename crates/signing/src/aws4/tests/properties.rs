//! What holds for any request: signed ones verify, changed ones do not, and reading never panics.

use proptest::prelude::*;

use super::super::{Signer, presign, sign};
use super::{also_raw, standard};
use crate::{Body, Reject, RequestView, UrlScheme, format_basic, request::Header};

proptest! {
    #[test]
    fn signed_requests_verify_and_changed_ones_do_not(
        method in "GET|POST|DELETE",
        path in "(/[a-z0-9%.é~+]{0,6}){1,4}",
        query in "([a-z]{1,3}=([a-z+]|%2f|%26){0,4}&?){0,4}",
        note in "[!-~][ -~]{0,20}[!-~]",
        body in prop::collection::vec(any::<u8>(), 0..50),
        seconds in 0..4_000_000_000_i64,
        id in "[!-+--~]{1,30}", region in "[a-z0-9-]{0,10}", service in "[a-z0-9]{1,10}", secret in "\\PC{1,50}",
        presigned in any::<bool>(),
        at in any::<prop::sample::Index>(),
    ) {
        let (date, target) = (format_basic(seconds), format!("{path}?{query}"));
        let signer = Signer { access_key_id: &id, secret: secret.as_bytes(), region: &region, service: &service };
        let mut headers: Vec<Header<'_>> = vec![("Host", b"h"), ("X-Note", note.as_bytes())];
        if !presigned {
            headers.push(("X-Amz-Date", date.as_bytes()));
        }
        let request = RequestView::new(&method, &target, &headers, Body::Bytes(&body), UrlScheme::Http);
        let (target, authorization) = if presigned {
            let query = presign(&request, &signer, &["x-note"], &date, 60, Some("t/+=")).unwrap();
            (format!("{path}?{query}"), String::new())
        } else {
            (target.clone(), sign(&request, &signer, &["x-note", "x-amz-date", "host"]).unwrap())
        };
        if !presigned {
            headers.push(("Authorization", authorization.as_bytes()));
        }
        let request = RequestView::new(&method, &target, &headers, Body::Bytes(&body), UrlScheme::Http);
        let claim = standard(&request).unwrap();
        prop_assert_eq!((claim.access_key_id(), claim.signed_at()), (id.as_str(), Some(seconds * 1000)));
        prop_assert_eq!(claim.session_token(), presigned.then_some("t/+="));
        prop_assert_eq!(claim.verify(secret.as_bytes()), Ok(()));
        prop_assert_eq!(also_raw(&request).unwrap().verify(secret.as_bytes()), Ok(()));

        let mut changed = claim.clone();
        for candidate in &mut changed.candidates {
            candidate.flip_bit(|length| at.index(length));
        }
        prop_assert_eq!(changed.verify(secret.as_bytes()), Err(Reject::SignatureDiffers));
        let longer = [body.as_slice(), b"x"].concat();
        prop_assert!(standard(&request.with_body(Body::Bytes(&longer))).unwrap().verify(secret.as_bytes()).is_err());
    }

    #[test]
    fn t76_reading_never_panics(
        authorization in "(AWS4-HMAC-SHA256 )?(Credential=[ -~é]{0,40}(/20260115/r/s/aws4_request)?)?[, ]{0,2}\
                          (SignedHeaders=[a-z;-]{0,20}(host)?)?[, ]{0,2}(Signature=[ -~]{0,20})?",
        host in any::<Vec<u8>>(), date in "[0-9TZ]{0,18}|20260115T083000Z", method in "\\PC{0,5}",
        target in "\\PC{0,20}(\\?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-[A-Za-z]{1,9}=\\PC{0,9}){0,1}", in_header in any::<bool>(),
    ) {
        let mut headers: Vec<Header<'_>> = vec![("host", &host), ("x-amz-date", date.as_bytes())];
        if in_header {
            headers.push(("authorization", authorization.as_bytes()));
        }
        for body in [Body::Bytes(b""), Body::NotVisible] {
            let request = RequestView::new(&method, &target, &headers, body, UrlScheme::Http);
            let _ = also_raw(&request).map(|claim| claim.verify(b"secret"));
        }
    }
}
