//! From an HTTP request to whoever answers it, and back: one way for every dialect.
//!
//! What happens here happens to every request: the client behind the proxies, plain HTTP, the body's bound, routing, the
//! deadline, the log line and the metrics. Credentials and operations are the dialects' business.

use std::borrow::Cow;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dialects::{Answer, Note, Operation, Outcome, Registry, Request, TransportRefusal};
use domain::Service;
use domain::caller::Origin;
use domain::doctor::Refused;
use domain::id::RequestId;
use domain::net::AddressRange;
use domain::reason::Reason;
use http::header::{HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use signing::explain::Binding;
use signing::{Body, RequestView, UrlScheme};

use crate::forwarded::{self, Client, Way};
use crate::listen::{BodyLimits, BodyRefusal, ConnectionInfo, Peer, Transport, read_body};
use crate::node::World;

/// The dialect of a request that no dialect claims, in log and metrics.
const NOBODY: &str = "-";

/// What the settings say about requests.
#[derive(Debug)]
pub struct PipelineSettings {
    /// Peers whose forwarded headers are believed.
    pub trusted_proxies: Vec<AddressRange>,
    /// Whether credentials may travel unencrypted beyond this machine.
    pub plain_http: PlainHttp,
    /// The base URLs under which clients reach the server.
    pub public_urls: Vec<String>,
    /// Bounds on bodies.
    pub body: BodyLimits,
    /// From the end of the request to the answer.
    pub handler_timeout: Duration,
}

/// Whether unencrypted requests are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    /// From this machine only.
    LoopbackOnly,
    /// From anywhere; the operator said so.
    Anywhere,
}

/// The way of a request to a dialect.
pub struct Pipeline {
    registry: Registry,
    service: Arc<Service>,
    settings: PipelineSettings,
    world: World,
}

/// A finished request, for the log and the metrics.
pub struct Finished {
    /// What the client gets.
    pub response: Response<Full<Bytes>>,
    /// The id of the request.
    pub request: RequestId,
    /// The dialect, or `-` when nobody claimed the request.
    pub dialect: &'static str,
    /// The name of the operation, or `-` when none was recognised.
    pub operation: &'static str,
    /// How it ended.
    pub note: Note,
    /// The client's address.
    pub source: Option<IpAddr>,
    /// From the end of the head to the answer.
    pub took: Duration,
}

impl Pipeline {
    /// A pipeline over these dialects.
    pub const fn new(
        registry: Registry,
        service: Arc<Service>,
        settings: PipelineSettings,
        world: World,
    ) -> Self {
        Self { registry, service, settings, world }
    }

    /// The dialects.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Answers a request.
    pub async fn answer(&self, request: http::Request<Incoming>, from: ConnectionInfo) -> Finished {
        let started = Instant::now();
        let id = RequestId::generate(self.world.clock.now(), self.world.random.as_ref());
        let (parts, body) = request.into_parts();
        let peer = match from.peer {
            Peer::Tcp(address) => Some(address.ip()),
            Peer::Unix => None,
        };
        let https = from.transport == Transport::Tls;
        let client = forwarded::client(peer, https, &parts, &self.settings.trusted_proxies);
        let (dialect, source, answer) = match client {
            Err(malformed) => (NOBODY, peer, nobody(StatusCode::BAD_REQUEST, &malformed.to_string())),
            Ok(client) => {
                let (dialect, answer) = self.answer_client(&parts, body, client, id).await;
                (dialect, client.source, answer)
            }
        };
        let Answer { status, mut headers, body, note } = answer;
        if dialect == NOBODY {
            headers.push(("x-request-id", id.hex().into()));
        }
        let mut response = Response::new(Full::new(Bytes::from_owner(body)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in headers {
            let value = match value {
                Cow::Borrowed(value) => HeaderValue::from_str(value),
                Cow::Owned(value) => HeaderValue::try_from(value),
            };
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), value) {
                response.headers_mut().insert(name, value);
            }
        }
        let operation = note.operation.map_or("-", |operation: &Operation| operation.name);
        Finished { response, request: id, dialect, operation, note, source, took: started.elapsed() }
    }

    async fn answer_client(
        &self,
        parts: &http::request::Parts,
        body: Incoming,
        client: Client,
        id: RequestId,
    ) -> (&'static str, Answer) {
        if self.settings.plain_http == PlainHttp::LoopbackOnly && client.way == Way::Plain {
            let text = "plain HTTP is refused beyond this machine; use https";
            return (NOBODY, nobody(StatusCode::FORBIDDEN, text));
        }
        let target = target(parts);
        let headers: Vec<(&str, &[u8])> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let scheme = match client.way {
            Way::Encrypted => UrlScheme::Https,
            Way::Local | Way::Plain => UrlScheme::Http,
        };
        let view = RequestView::new(parts.method.as_str(), &target, &headers, Body::Bytes(&[]), scheme)
            .with_authority(parts.uri.authority().map(http::uri::Authority::as_str));
        let body = match read_body(body, &self.settings.body).await {
            Ok(body) => body,
            Err(refusal) => return self.refuse_body(&view, refusal, id),
        };
        let view = view.with_body(Body::Bytes(&body));
        let source = client.source;
        let (name, answer) = match self.registry.route(&view) {
            None => (NOBODY, nobody(StatusCode::NOT_FOUND, "nothing is served at this path")),
            Some((dialect, _)) if body.len() > dialect.body_limit() => {
                (dialect.name(), dialect.refuse_transport(TransportRefusal::BodyTooLarge, id))
            }
            Some((dialect, path)) => {
                let origin = Origin { request: id, source, dialect: dialect.name() };
                let request = Request { view, path, origin, public_urls: &self.settings.public_urls };
                // Pinned where it is made, so that the deadline does not move the state of the whole request.
                let work = pin!(dialect.answer(&self.service, request));
                // The timer is touched only when the answer is not ready at once.
                let answer = match tokio::time::timeout(self.settings.handler_timeout, work).await {
                    Ok(answer) => answer,
                    Err(_) => dialect.refuse_transport(TransportRefusal::Deadline, id),
                };
                (dialect.name(), answer)
            }
        };
        if answer.note.outcome != Outcome::Ok {
            self.note_refused(&view, Origin { request: id, source, dialect: name }, &answer);
        }
        (name, answer)
    }

    /// Keeps what explains a refusal to whoever may ask about it.
    fn note_refused(&self, view: &RequestView<'_>, origin: Origin, answer: &Answer) {
        let Answer { status, note, .. } = answer;
        let (code, text) =
            note.cause.as_ref().map_or(("", ""), |cause| (cause.code.as_ref(), cause.text.as_str()));
        self.service.note_refused(Refused {
            origin,
            operation: note.operation.map_or("", |operation| operation.name),
            status: *status,
            code,
            text,
            reason: note.reason.or(reason_of(note)),
            claimed: note.claimed(),
            service: None,
            binding: Binding::Vendor,
            request: Some(view),
        });
    }

    /// Refuses in the words of the dialect that the head points to, where it does.
    fn refuse_body(
        &self,
        view: &RequestView<'_>,
        refusal: BodyRefusal,
        id: RequestId,
    ) -> (&'static str, Answer) {
        let refusal = match refusal {
            BodyRefusal::TooLarge => TransportRefusal::BodyTooLarge,
            BodyRefusal::Timeout | BodyRefusal::Broken => TransportRefusal::BodyTimeout,
        };
        let (name, mut answer) = match self.registry.route(view) {
            Some((dialect, _)) => (dialect.name(), dialect.refuse_transport(refusal, id)),
            None => {
                let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
                (NOBODY, nobody(status, "the body was refused"))
            }
        };
        // What is left of the body would be taken for the next request.
        answer.headers.push(("connection", "close".into()));
        (name, answer)
    }
}

/// The reason that the way in which a request ended gives; `None` where only its credential can tell.
const fn reason_of(note: &Note) -> Option<Reason> {
    match (note.outcome, &note.caller) {
        (Outcome::Failed, _) => Some(Reason::Failed),
        (Outcome::Limited, _) => Some(Reason::Throttled),
        (Outcome::Malformed | Outcome::Refused, None) => Some(Reason::Malformed),
        (Outcome::Ok | Outcome::Unauthenticated, _) | (Outcome::Malformed | Outcome::Refused, Some(_)) => {
            None
        }
    }
}

/// The raw target: clients sign what they sent, so nothing of it is decoded or normalised.
fn target(parts: &http::request::Parts) -> Cow<'_, str> {
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    if parts.version != http::Version::HTTP_2 && parts.uri.scheme().is_some() {
        return parts.uri.to_string().into();
    }
    path.into()
}

/// An answer to a request that is no dialect's: a status and one plain sentence.
fn nobody(status: StatusCode, text: &str) -> Answer {
    Answer {
        status: status.as_u16(),
        headers: vec![
            ("content-type", "text/plain; charset=utf-8".into()),
            // What is nobody's today may be somebody's after the next change of settings (threat T70).
            ("cache-control", "no-store".into()),
        ],
        body: format!("{text}\n").into_bytes().into(),
        note: Note {
            operation: None,
            caller: None,
            key_id: None,
            outcome: Outcome::Malformed,
            cause: Some(dialects::Cause { code: status.as_str().to_owned().into(), text: text.to_owned() }),
            reason: None,
        },
    }
}
