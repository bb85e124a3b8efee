//! `POST /gate/verify`: a service describes one or several requests in JSON, body digest included. The way for signatures
//! that cover a body which no header tells the digest of.

use std::net::IpAddr;

use domain::caller::Origin;
use domain::id::RequestId;
use hyper::body::Incoming;
use signing::json::{self, Value};
use signing::request::Header;
use signing::{Body, RequestView, UrlScheme};

use super::callers::Asker;
use super::evidence::{Evidence, Fault};
use super::judge::{Denial, Verdict};
use super::{Answered, Gate, Route, answer};
use crate::listen::read_body;

/// Most requests in one call.
pub const MAX_REQUESTS: usize = 100;

/// What a call asks.
#[derive(Debug, PartialEq, Eq)]
pub enum Questions {
    /// One request; the answer's status is its own.
    One(Question),
    /// Several, each with its result.
    Many(Vec<Question>),
}

/// One request under test.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    method: String,
    scheme: UrlScheme,
    authority: String,
    target: String,
    headers: Vec<(String, String)>,
    body_sha256: Option<[u8; 32]>,
    source: Option<IpAddr>,
}

/// The call is not of its form; the text says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAQuestion(pub &'static str);

impl Questions {
    /// Reads the body of a call.
    ///
    /// # Errors
    /// [`NotAQuestion`] for what a service never sends. What its client can bring about, such as a strange path, is judged with
    /// that one request.
    pub fn read(body: &[u8]) -> Result<Self, NotAQuestion> {
        let Ok(Value::Object(members)) = json::parse(body) else {
            return Err(NotAQuestion("the body is not a JSON object"));
        };
        match members.as_slice() {
            [(name, Value::Array(requests))] if name == "requests" => {
                if requests.is_empty() || requests.len() > MAX_REQUESTS {
                    return Err(NotAQuestion("requests holds 1 to 100 of them"));
                }
                let read = |request: &Value| match request {
                    Value::Object(members) => Question::read(members),
                    _ => Err(NotAQuestion("requests holds something else than objects")),
                };
                requests.iter().map(read).collect::<Result<_, _>>().map(Self::Many)
            }
            members => Question::read(members).map(Self::One),
        }
    }
}

impl Question {
    fn read(members: &[(String, Value)]) -> Result<Self, NotAQuestion> {
        let (mut method, mut url, mut headers, mut digest, mut source) = (None, None, Vec::new(), None, None);
        for (name, value) in members {
            match (name.as_str(), value) {
                ("method", Value::Text(text)) => method = Some(text.clone()),
                ("url", Value::Text(text)) => url = Some(text.as_str()),
                ("headers", Value::Object(given)) => headers = read_headers(given)?,
                ("body_sha256", Value::Text(text)) => {
                    digest = Some(
                        sha256(text).ok_or(NotAQuestion("body_sha256 is not 64 digits of lower-case hex"))?,
                    );
                }
                ("source", Value::Text(text)) => {
                    source = Some(text.parse().map_err(|_| NotAQuestion("source is not an address"))?);
                }
                ("method" | "url" | "headers" | "body_sha256" | "source", _) => {
                    return Err(NotAQuestion("a member is not of its type"));
                }
                _ => {
                    return Err(NotAQuestion(
                        "known members are method, url, headers, body_sha256 and source",
                    ));
                }
            }
        }
        let method = method.ok_or(NotAQuestion("method is missing"))?;
        let (scheme, rest) = url
            .and_then(split_scheme)
            .ok_or(NotAQuestion("url is missing or does not begin with http:// or https://"))?;
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (authority, target) = (authority.to_owned(), target.to_owned());
        Ok(Self { method, scheme, authority, target, headers, body_sha256: digest, source })
    }

    /// What the request is.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn evidence(&self) -> Result<Evidence<'_>, Fault> {
        let mut hosts = self.headers.iter().filter(|(name, _)| name == "host").map(|(_, value)| value);
        if hosts.any(|host| *host != self.authority) {
            return Err(Fault::Disagree("host"));
        }
        Evidence {
            method: &self.method,
            target: &self.target,
            host: Some(&self.authority),
            scheme: self.scheme,
            source: self.source,
        }
        .checked()
    }

    fn signable(&self) -> Vec<Header<'_>> {
        let headers = self.headers.iter().filter(|(name, _)| name != "host");
        headers.map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    fn body(&self) -> Body<'static> {
        self.body_sha256.map_or(Body::NotVisible, Body::Sha256)
    }
}

impl Gate {
    /// Answers a call.
    pub(super) async fn verify(
        &self,
        parts: &http::request::Parts,
        body: Incoming,
        asker: &Asker,
        id: RequestId,
    ) -> Answered {
        let refuse = |denial| self.refuse(&denial, &asked(asker, self.origin(id, None), None));
        if parts.method != http::Method::POST {
            return refuse(Denial::Method);
        }
        let Ok(body) = read_body(body, &self.settings.body).await else {
            return refuse(Denial::Question("the body did not arrive or is too large"));
        };
        match Questions::read(&body) {
            Err(NotAQuestion(problem)) => refuse(Denial::Question(problem)),
            Ok(Questions::One(question)) => match self.verdict(&question, asker, id).await {
                Verdict::Allowed(allowed) => answer::allowed(&allowed, id),
                Verdict::Denied(denial) => answer::refusal(&denial, &self.origin(id, question.source)),
            },
            Ok(Questions::Many(questions)) => {
                let mut results = Vec::with_capacity(questions.len());
                for question in questions {
                    // Each has an id of its own, under which it can be asked why it was refused.
                    let own = RequestId::generate(self.world.clock.now(), self.world.random.as_ref());
                    results.push(match self.verdict(&question, asker, own).await {
                        Verdict::Allowed(allowed) => answer::allowed_json(&allowed, own),
                        Verdict::Denied(denial) => answer::denied_json(&denial, own),
                    });
                }
                answer::batch(results, id)
            }
        }
    }

    /// The verdict on one request. A refusal is kept to be explained.
    async fn verdict(&self, question: &Question, asker: &Asker, id: RequestId) -> Verdict {
        let origin = self.origin(id, question.source);
        let evidence = match question.evidence() {
            Ok(evidence) => evidence,
            Err(fault) => {
                let denial = fault.into();
                self.note_refused(&denial, &asked(asker, origin, None));
                return Verdict::Denied(denial);
            }
        };
        let headers = question.signable();
        let view = evidence.view(&headers, question.body());
        let verdict = self.judge(&view, asker, Route::Verify, origin).await;
        if let Verdict::Denied(denial) = &verdict {
            self.note_refused(denial, &asked(asker, origin, Some(&view)));
        }
        verdict
    }
}

fn asked<'a>(asker: &'a Asker, origin: Origin, view: Option<&'a RequestView<'a>>) -> super::Question<'a> {
    super::Question { origin, route: Route::Verify.as_str(), asker: Some(asker), view }
}

/// Names in lower case; a value is a text or a list of texts for a header that came several times.
fn read_headers(given: &[(String, Value)]) -> Result<Vec<(String, String)>, NotAQuestion> {
    let mut headers = Vec::with_capacity(given.len());
    for (name, value) in given {
        let name = name.to_ascii_lowercase();
        match value {
            Value::Text(text) => headers.push((name, text.clone())),
            Value::Array(items) => {
                for item in items {
                    let Value::Text(text) = item else {
                        return Err(NotAQuestion("the value of a header is not a text"));
                    };
                    headers.push((name.clone(), text.clone()));
                }
            }
            _ => return Err(NotAQuestion("the value of a header is neither a text nor a list of texts")),
        }
    }
    Ok(headers)
}

fn split_scheme(url: &str) -> Option<(UrlScheme, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    match scheme {
        "http" => Some((UrlScheme::Http, rest)),
        "https" => Some((UrlScheme::Https, rest)),
        _ => None,
    }
}

fn sha256(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return None;
    }
    let mut digest = [0; 32];
    for (place, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *place = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(digest)
}
