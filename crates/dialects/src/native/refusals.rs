//! GetRefusal: why a request was refused, in sentences. No match has a wildcard arm, so that a new reason does not compile until
//! somebody has said what to do about it.

use domain::access_keys::{Audience, SchemeSet};
use domain::clock::UnixMillis;
use domain::doctor::{Diagnosis, Finding, RequestSeen};
use domain::id::RequestId;
use domain::net::AddressRange;
use domain::reason::Reason;
use serde::Serialize;
use signing::Scheme;

use super::call::{Answering, Call, Reply};
use super::errors::{Problem, Refusal};
use super::time;

#[derive(Serialize)]
struct RefusalModel<'a> {
    request_id: String,
    at: String,
    dialect: &'static str,
    operation: Option<&'static str>,
    source: Option<String>,
    service: Option<&'a str>,
    status: u16,
    code: Option<&'a str>,
    reason: &'static str,
    summary: &'static str,
    detail: &'a str,
    causes: Vec<String>,
    advice: &'static str,
    key: Option<&'a str>,
    user: Option<&'a str>,
    request: Option<RequestModel<'a>>,
}

#[derive(Serialize)]
struct RequestModel<'a> {
    method: &'a str,
    path: &'a str,
    host: Option<&'a str>,
    scheme: Option<&'static str>,
    canonical_request: Option<&'a str>,
    string_to_sign: Option<&'a str>,
    signature_matches: Option<bool>,
}

impl<'a> From<&'a RequestSeen> for RequestModel<'a> {
    fn from(seen: &'a RequestSeen) -> Self {
        Self {
            method: &seen.method,
            path: &seen.path,
            host: seen.host.as_deref(),
            scheme: seen.scheme.map(Scheme::as_str),
            canonical_request: seen.canonical_request.as_deref(),
            string_to_sign: seen.string_to_sign.as_deref(),
            signature_matches: seen.signature_matches,
        }
    }
}

impl<'a> From<&'a Diagnosis> for RefusalModel<'a> {
    fn from(told: &'a Diagnosis) -> Self {
        let (summary, advice) = words(told.reason);
        Self {
            request_id: told.origin.request.hex(),
            at: time::text(told.at),
            dialect: told.origin.dialect,
            operation: Some(told.operation).filter(|name| !name.is_empty()),
            source: told.origin.source.map(|source| source.to_string()),
            service: told.service.as_deref(),
            status: told.status,
            code: Some(told.code.as_str()).filter(|code| !code.is_empty()),
            reason: told.reason.word(),
            summary,
            detail: &told.text,
            causes: told.findings.iter().map(|finding| sentence(finding, told)).collect(),
            advice,
            key: told.key.as_deref(),
            user: told.user.as_deref(),
            request: told.request.as_ref().map(RequestModel::from),
        }
    }
}

pub(super) fn get(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let urls: Vec<&str> = call.public_urls.iter().map(String::as_str).collect();
        // As one of the clouds writes it.
        let id = call.name().strip_prefix("req-").unwrap_or(call.name());
        let told = match RequestId::parse(id) {
            Some(request) => call.service.why(call.caller, request, &urls).await?,
            None => None,
        };
        let told = told.ok_or(Refusal::of(Problem::RefusalNotFound))?;
        Reply::ok(&RefusalModel::from(&told))
    })
}

/// What a finding says.
fn sentence(finding: &Finding, told: &Diagnosis) -> String {
    let at = |at: &Option<UnixMillis>| at.map_or("a time that was changed since".to_owned(), time::text);
    match finding {
        Finding::NoSuchKey => "No access key of this id exists here. None ever did, unless it was the temporary key of a \
                               token, which leaves nothing behind."
            .to_owned(),
        Finding::KeyDeleted(at) => format!("The key was deleted at {}.", time::text(*at)),
        Finding::SchemeNotAllowed { used, allowed } => format!(
            "Scheme: the request is signed with {}, and the key may sign with {} only.",
            used.as_str(),
            schemes(*allowed)
        ),
        Finding::KeyInactive => "The key is disabled.".to_owned(),
        Finding::KeyExpired(end) => format!("The key expired at {}.", at(end)),
        Finding::KeyNotYetValid(start) => format!("The key is not valid before {}.", at(start)),
        Finding::ParentUnusable => "The key that this temporary key belongs to may not be used.".to_owned(),
        Finding::UserFrozen => "The key's user is frozen.".to_owned(),
        Finding::AccountDisabled => "The key's account is disabled.".to_owned(),
        Finding::SourceNotAllowed(ranges) => format!(
            "Source address: the request came from {}, and the key may be used from {} only.",
            told.origin.source.map_or("an unknown address".to_owned(), |source| source.to_string()),
            sources(ranges)
        ),
        Finding::ServiceNotAllowed(services) => format!(
            "Audience: the request was for {}, and the key is good for {} only.",
            told.service.as_deref().map_or("this server itself".to_owned(), |name| format!("`{name}`")),
            audience(services)
        ),
        Finding::NotBound => "Path: the signature is right in the way in which this cloud's own clients sign, but does \
                              not bind method, path and query exactly as they were sent, which the gate demands."
            .to_owned(),
        Finding::Withheld(name) => format!(
            "`{name}` is signed, and its value was not kept because it may be a credential: the texts lack it, and \
             the signature could not be made again."
        ),
        Finding::BodyWithheld => "The signature covers the body, which may hold a credential. The texts are not shown, because \
                                  it could be guessed by its digest in them; sign the same without it, and compare \
                                  these, or use `keyward explain`."
            .to_owned(),
        Finding::NotKept => "The request was too long to be kept.".to_owned(),
        Finding::Signature(sentence) => sentence.clone(),
    }
}

fn schemes(allowed: SchemeSet) -> String {
    let names = Scheme::ALL.into_iter().filter(|scheme| allowed.contains(*scheme)).map(Scheme::as_str);
    names.collect::<Vec<_>>().join(", ")
}

fn sources(ranges: &[AddressRange]) -> String {
    let texts: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    if texts.is_empty() { "the addresses of the key that it belongs to".to_owned() } else { texts.join(", ") }
}

fn audience(services: &[Audience]) -> String {
    let texts: Vec<String> = services.iter().map(|service| format!("`{}`", service.as_str())).collect();
    if texts.is_empty() { "the services of the key that it belongs to".to_owned() } else { texts.join(", ") }
}

/// What a reason means, and what to do about it.
const fn words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::UnknownKey => (
            "No such access key, for this scheme.",
            "Check the key id, and that the client talks to the right server and signs in the key's scheme.",
        ),
        Reason::WrongSignature => (
            "The signature is not the one that the key makes for this request.",
            "Compare the texts with those that the client signed, line by line; if they are the same, the secret differs.",
        ),
        Reason::Stale => (
            "The request was signed too long ago or too far ahead.",
            "Set the client's clock, or sign anew: a signature is good for minutes, a presigned URL for as long as it says.",
        ),
        Reason::Untimed => (
            "The key takes only requests with a signed time and, in scloud, a nonce.",
            "Let the client send Timestamp and Nonce, or take the condition off the key.",
        ),
        Reason::Replayed => (
            "The request, or its nonce, was seen before.",
            "Sign each request anew. If no client of yours sends it twice, somebody has captured it: rotate the key.",
        ),
        Reason::WrongToken => (
            "The session token does not belong to the key.",
            "Send the token that came with the temporary key, and none with a permanent one.",
        ),
        Reason::KeyInactive => ("The key is disabled.", "Enable it, or let the client use another one."),
        Reason::KeyExpired => ("The key has expired.", "Rotate it, or set another end."),
        Reason::KeyNotYetValid => {
            ("The key is not valid yet.", "Wait until its time has come, or set an earlier one.")
        }
        Reason::ParentUnusable => (
            "The key that this temporary key belongs to may not be used.",
            "Enable or renew that key, and make a new temporary one.",
        ),
        Reason::UserFrozen => ("The key's user is frozen.", "Let an administrator unfreeze the user."),
        Reason::AccountDisabled => {
            ("The key's account is disabled.", "Let the operator of the server enable the account.")
        }
        Reason::SourceNotAllowed => (
            "The key may not be used from this address.",
            "Add the address to the key's sources. Behind a proxy, check trusted_proxies: the proxy's address may stand for the client's.",
        ),
        Reason::ServiceNotAllowed => (
            "The key is not good for this service.",
            "Add the service to the key's audience, or use another key.",
        ),
        Reason::Damaged => (
            "The key's record fails its integrity check.",
            "Run `keyward verify-store` on the server: somebody or something has changed the store.",
        ),
        Reason::Throttled => (
            "The address has failed too often lately, the key is locked for it, or it asks more often than it may.",
            "Mend the cause; failures count down by themselves, and a good signature passes at once.",
        ),
        Reason::Store => {
            ("The store could not answer.", "Try again; look at the server's log if it goes on.")
        }
        Reason::NoCredential => (
            "The request carries no signature of a known scheme.",
            "Give the client a key, and look for a proxy that removes headers.",
        ),
        Reason::Token => ("The session token is not good, or no more.", "Log in again."),
        Reason::Malformed => (
            "The request was refused before its credential was looked at.",
            "The detail says what is wrong with its path, its form or its body.",
        ),
        Reason::Claim => (
            "The credential cannot be read, leaves out what it must cover, or is not meant for this.",
            "The detail and the causes name the part; look for a proxy that changes or removes headers.",
        ),
        Reason::BodyNotVisible => (
            "The signature covers the body, which the gate does not see.",
            "Send the body's digest in the scheme's own header, or ask at /gate/verify.",
        ),
        Reason::UnboundScheme => (
            "The scheme binds neither method nor path.",
            "Let the client sign in another scheme, or set [gate] unbound_schemes.",
        ),
        Reason::ScopeNotServed => (
            "The signature is for a service that is not served here.",
            "Let the client sign for one of [gate] services, or add its word there.",
        ),
        Reason::UnsignedPayload => (
            "The signature leaves the body out, which the asking service does not take.",
            "Let the client sign the body, or take the service out of [gate] refuse_unsigned_payload.",
        ),
        Reason::AskerOfAnotherAccount => (
            "The service that asked belongs to another account than the key.",
            "Use a key of that account, or let the service ask with a token of the account `default`.",
        ),
        Reason::GateToken => (
            "Whoever asked the gate has no valid gate token.",
            "Give the service a token (`keyward gate-token create`), or let it ask at the socket.",
        ),
        Reason::PlainHttp => {
            ("A gate token crossed a network unencrypted.", "Let the service ask over https.")
        }
        Reason::UnknownPath => ("Nothing is asked at this path of the gate.", "See docs/integrations."),
        Reason::Method => ("This path of the gate takes another method.", "See docs/integrations."),
        Reason::Question => ("What was asked of the gate cannot be read.", "See docs/integrations."),
        Reason::Evidence => (
            "What the request was cannot be told, or two sources disagree about it.",
            "Compare the proxy's settings with those in docs/integrations.",
        ),
        Reason::SshKeyForm => (
            "The offered SSH key is not of a kind that is taken, or not the one of its fingerprint.",
            "Use a plain key; certificates are not taken.",
        ),
        Reason::SshKeyUnknown => ("Nobody has this SSH key.", "Add it to its user, in the account of [ssh]."),
        Reason::SshKeyUnusable => {
            ("The SSH key or its user may not act now.", "Enable the key or user, or add another key.")
        }
        Reason::SshKeyBlocked => (
            "The SSH key is on the server's list of blocked keys.",
            "Its private half is known to others: delete it and add a new one.",
        ),
        Reason::SshKeyOfAnother => (
            "The SSH key is another user's than those of the login.",
            "Log in under the user's own name, or open the login to him in [ssh.logins].",
        ),
        Reason::SshUserName => (
            "The user's name cannot stand in the login's forced command.",
            "Name the user with letters, digits and . _ @ + - only, or use {key_id} in the command.",
        ),
        Reason::SshTwoSources => (
            "Both the SSH key and the options of the login say where it may be used from.",
            "Take `from=` out of the login's options, or the networks off the key.",
        ),
        Reason::Failed => ("The server failed.", "Look at the server's log."),
        Reason::Refused => (
            "The signer is known, and what he asked for was refused.",
            "The detail says why: his role, the object that he names, a value or a limit.",
        ),
    }
}
