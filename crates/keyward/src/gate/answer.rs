//! What the asker gets: a status, identity headers and the same once more as JSON. Never anything about the request's
//! secret or expected signature (threat T25), and nothing that a stranger must not know, because proxies hand it on.

use std::net::IpAddr;

use bytes::Bytes;
use dialects::{CallerNote, Cause, Note, Outcome};
use domain::caller::{Caller, Origin};
use domain::id::RequestId;
use domain::ssh_keys::LoginKey;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use signing::Payload;
use signing::encode::percent_encode;

use super::Answered;
use super::judge::{Allowed, Denial};
use super::ssh::SshDenial;

/// The identity headers, in the order of [`identity`].
const IDENTITY: [&str; 5] =
    ["x-keyward-account", "x-keyward-user", "x-keyward-key", "x-keyward-scheme", "x-keyward-payload"];
const REQUEST_ID: &str = "x-keyward-request-id";
const CAUSE: &str = "x-keyward-cause";

/// Names go percent-encoded: they are UTF-8, which a header is not, and could hold what splits one (threat T78).
fn identity(allowed: &Allowed) -> [String; 5] {
    let caller = &allowed.caller;
    [
        percent_encode(caller.account_name().as_bytes()),
        percent_encode(caller.user_name().as_bytes()),
        percent_encode(caller.key_id().as_str().as_bytes()),
        allowed.scheme.as_str().to_owned(),
        payload_word(allowed.payload).to_owned(),
    ]
}

const fn payload_word(payload: Payload) -> &'static str {
    match payload {
        Payload::Signed => "signed",
        Payload::Unsigned => "unsigned",
        Payload::Unchecked => "unchecked",
    }
}

/// The request may pass.
pub(super) fn allowed(allowed: &Allowed, id: RequestId) -> Answered {
    let mut response = json_response(StatusCode::OK, &allowed_json(allowed, id), id);
    for (name, value) in IDENTITY.into_iter().zip(identity(allowed)) {
        insert(&mut response, name, &value);
    }
    let note = Note {
        operation: None,
        caller: Some(CallerNote::from(&allowed.caller)),
        key_id: None,
        outcome: Outcome::Ok,
        cause: None,
        reason: None,
    };
    Answered { response, note, source: allowed.caller.origin().source }
}

/// The request does not pass.
pub(super) fn refusal(denial: &Denial, origin: &Origin) -> Answered {
    let id = origin.request;
    let status = StatusCode::from_u16(denial.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_response(status, &denied_json(denial, id), id);
    insert(&mut response, CAUSE, &denial.cause());
    match status {
        StatusCode::UNAUTHORIZED => insert(&mut response, WWW_AUTHENTICATE.as_str(), "Keyward"),
        StatusCode::METHOD_NOT_ALLOWED => insert(&mut response, ALLOW.as_str(), "POST"),
        _ => {}
    }
    Answered { response, note: denied_note(denial), source: origin.source }
}

/// The line that opens an SSH login, or none. The asker is `keyward authorized-keys`, which hands the text to sshd.
pub(super) fn authorized_keys(outcome: Result<(String, LoginKey), SshDenial>, id: RequestId) -> Answered {
    let (status, body, key, note) = match outcome {
        Ok((line, key)) => (StatusCode::OK, line, Some(key.fingerprint), (Outcome::Ok, None)),
        Err(denial) => {
            (denial.status(), String::new(), None, (denial.outcome(), Some(denial.reason().word())))
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    insert(&mut response, REQUEST_ID, &id.hex());
    let (outcome, word) = note;
    let cause = word.map(|word| Cause { code: status.as_str().to_owned().into(), text: word.to_owned() });
    let key_id = key.map(|fingerprint| fingerprint.to_string());
    let note = Note { operation: None, caller: None, key_id, outcome, cause, reason: None };
    Answered { response, note, source: None }
}

/// Whether a login was noted, for a client at `source`.
pub(super) fn ssh_used(noted: Result<(), SshDenial>, source: Option<IpAddr>, id: RequestId) -> Answered {
    let (status, outcome, reason) = match &noted {
        Ok(()) => (StatusCode::NO_CONTENT, Outcome::Ok, None),
        Err(denial) => (denial.status_of_report(), denial.outcome(), Some(denial.reason())),
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    insert(&mut response, REQUEST_ID, &id.hex());
    let cause = reason
        .map(|reason| Cause { code: status.as_str().to_owned().into(), text: reason.word().to_owned() });
    let note = Note { operation: None, caller: None, key_id: None, outcome, cause, reason };
    Answered { response, note, source }
}

/// The answer to several questions at once.
pub(super) fn batch(results: Vec<Value>, id: RequestId) -> Answered {
    let body = json!({ "results": results, "request_id": id.hex() });
    let note =
        Note { operation: None, caller: None, key_id: None, outcome: Outcome::Ok, cause: None, reason: None };
    Answered { response: json_response(StatusCode::OK, &body, id), note, source: None }
}

/// One result, allowed.
pub(super) fn allowed_json(allowed: &Allowed, id: RequestId) -> Value {
    let caller: &Caller = &allowed.caller;
    json!({
        "allowed": true,
        "status": 200,
        "account": caller.account_name(),
        "user": caller.user_name(),
        "key": caller.key_id().as_str(),
        "scheme": allowed.scheme.as_str(),
        "payload": payload_word(allowed.payload),
        "request_id": id.hex(),
    })
}

/// One result, denied.
pub(super) fn denied_json(denial: &Denial, id: RequestId) -> Value {
    json!({
        "allowed": false,
        "status": denial.status(),
        "cause": denial.cause(),
        "request_id": id.hex(),
    })
}

/// What log, metrics and doctor are told.
pub(super) fn denied_note(denial: &Denial) -> Note {
    let outcome = match denial.status() {
        401 => Outcome::Unauthenticated,
        403 if denial.is_of_known_caller() => Outcome::Refused,
        500.. => Outcome::Failed,
        _ => Outcome::Malformed,
    };
    let (caller, key_id) = match denial {
        Denial::Service(caller) | Denial::UnsignedPayload(caller) => (Some(caller.clone()), None),
        Denial::Claim(key, _) | Denial::Unbound(key) | Denial::Auth(key, _) => (None, Some(key.clone())),
        Denial::UnknownPath
        | Denial::Method
        | Denial::Asker(_)
        | Denial::Question(_)
        | Denial::Evidence(_)
        | Denial::NoCredential => (None, None),
    };
    let reason = Some(denial.reason());
    let text = denial.reason().word().to_owned();
    let cause = Some(Cause { code: denial.status().to_string().into(), text });
    Note { operation: None, caller, key_id, outcome, cause, reason }
}

fn json_response(status: StatusCode, body: &Value, id: RequestId) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    insert(&mut response, REQUEST_ID, &id.hex());
    response
}

fn insert(response: &mut Response<Full<Bytes>>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
