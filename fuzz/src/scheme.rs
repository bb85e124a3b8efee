//! What must hold of every signature scheme, whatever the request. Each scheme's own file says how to put a signature on a
//! request and when two requests mean the same; that is written a second time here, slowly and without the product's code.

use signing::{Claim, Payload, Reject};

use crate::choices::Choices;
use crate::request::Request;

/// The access key id of requests signed here. The form of the native ids.
pub(crate) const KEY_ID: &str = "KWJ5PZ3N7QY2DTLX6RVA4KCMGEWB";
/// How often a signed request is changed.
const CHANGES: usize = 4;

/// A request that was read, with its claim.
pub(crate) type Read<'a> = (&'a Request, &'a Claim);

/// One scheme.
pub(crate) struct Scheme {
    /// The product's parser.
    pub(crate) parse: fn(&Request) -> Result<Claim, Reject>,
    /// Signs the request with its secret as [`KEY_ID`], with the product's code; `None` when it cannot carry a signature.
    pub(crate) sign: fn(&Request) -> Option<Request>,
    /// Whether whoever acts on one request does the same on the other.
    pub(crate) same_meaning: fn(Read<'_>, Read<'_>) -> bool,
}

impl Scheme {
    /// Checks the scheme on one input.
    pub(crate) fn check(&self, data: &[u8]) {
        let Some(request) = Request::read(data) else { return };
        let mut choices = Choices::of(data);
        if let Ok(claim) = (self.parse)(&request) {
            check_claim(&claim, &request.secret);
            if request.is_http() && claim.verify(&request.secret).is_ok() {
                self.check_changes((&request, &claim), &mut choices);
            }
        }
        if !request.is_http() || request.secret.is_empty() {
            return;
        }
        if let Some(signed) = (self.sign)(&request) {
            let claim = (self.parse)(&signed)
                .unwrap_or_else(|reject| panic!("a request signed here is refused: {reject}\n{signed:?}"));
            assert_eq!(claim.access_key_id(), KEY_ID, "{signed:?}");
            assert_eq!(claim.verify(&signed.secret), Ok(()), "signed here, and refused: {signed:?}");
            check_claim(&claim, &signed.secret);
            self.check_changes((&signed, &claim), &mut choices);
        }
    }

    /// Whether the request in `data` carries a good signature.
    #[cfg(test)]
    pub(crate) fn accepts(&self, data: &[u8]) -> bool {
        let request = Request::read(data).expect("a request");
        (self.parse)(&request).is_ok_and(|claim| claim.verify(&request.secret).is_ok())
    }

    /// A good signature of `signed` is good for nothing that means something else (threats T04, T16).
    fn check_changes(&self, signed: Read<'_>, choices: &mut Choices) {
        let (request, claim) = signed;
        for _ in 0..CHANGES {
            let changed = request.changed(choices);
            // The secret of another key is another one.
            let Some(read) = (self.parse)(&changed)
                .ok()
                .filter(|read| changed.is_http() && read.access_key_id() == claim.access_key_id())
            else {
                continue;
            };
            if read.verify(&request.secret).is_ok() {
                assert_eq!(read.signature(), claim.signature(), "two signatures of one request: {changed:?}");
                let same = (self.same_meaning)(signed, (&changed, &read));
                assert!(same, "one signature for\n{request:?}\nand\n{changed:?}");
            }
        }
    }
}

/// What a claim must never do, whatever it says.
fn check_claim(claim: &Claim, secret: &[u8]) {
    assert!(!claim.access_key_id().is_empty());
    assert!(!claim.signature().is_empty());
    assert_eq!(claim.verify(b""), Err(Reject::EmptySecret));
    let holds = claim.verify(secret).is_ok();
    let explanation = claim.explain(secret);
    assert_eq!(explanation.matches, holds);
    let (expected, given) =
        (explanation.expected_signature.as_bytes(), explanation.given_signature.as_bytes());
    assert_eq!(signing::same_signature(expected, given) && !secret.is_empty(), holds);
    if holds {
        let mut other = secret.to_vec();
        other.push(b'x');
        assert_eq!(claim.verify(&other), Err(Reject::SignatureDiffers), "two secrets give one signature");
    }
}

/// Whether the two bodies are the same where a signature covers them.
pub(crate) fn same_body((one, claim): Read<'_>, (other, read): Read<'_>) -> bool {
    let free = |claim: &Claim| claim.payload() != Payload::Signed;
    one.body == other.body || (free(claim) && free(read))
}

/// Whether both claims sign the same headers with the same values, outer blanks and `host` aside, once `value` has been
/// applied to the values of each header.
pub(crate) fn same_headers(one: Read<'_>, other: Read<'_>, value: fn(Vec<&[u8]>) -> Vec<u8>) -> bool {
    let mut names = one.0.names();
    names.extend(other.0.names());
    names.iter().filter(|name| *name != "host").all(|name| {
        let read = |(request, claim): Read<'_>| {
            claim.signs_header(name).then(|| value(request.values(name).map(<[u8]>::trim_ascii).collect()))
        };
        read(one) == read(other)
    })
}

/// The host that the request names, without outer blanks.
pub(crate) fn host(request: &Request) -> Vec<u8> {
    request.view(|view| view.host().map(|host| host.trim_ascii().to_vec()).unwrap_or_default())
}

/// Path and query as received.
pub(crate) fn path_and_query(request: &Request) -> (String, String) {
    request.view(|view| (view.path().to_owned(), view.query().to_owned()))
}

/// The decoded parameters of a query or form, sorted.
pub(crate) fn sorted_pairs(text: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    pairs.sort();
    pairs
}
