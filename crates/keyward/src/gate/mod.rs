//! The gate: other services ask here whether a request is validly signed, by whom, and whether that key may be used now.
//!
//! A question passes `callers` (who may ask), `evidence` (what the request under test is), `judge` (whose it is) and
//! `answer`. It is answered from its head alone: nobody waits for a body, which nginx announces and never sends. Only
//! `verify` reads one, its own. No answer holds a secret, a derived key or an expected signature (threat T25).

mod answer;
mod callers;
pub mod evidence;
mod judge;
mod route;
mod settings;
pub mod socket;
pub mod ssh;
mod ssh_used;
pub mod verify;

pub use route::{AUTHORIZED_KEYS, Route, SSH_USED, owns};
pub use settings::GateSettings;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use dialects::Note;
use domain::Service;
use domain::caller::Origin;
use domain::doctor::Refused;
use domain::id::RequestId;
use http::Response;
use http_body_util::Full;
use hyper::body::Incoming;
use signing::explain::Binding;
use signing::{Body, RequestView};

use self::callers::Asker;
use self::evidence::Evidence;
use self::judge::{Denial, Verdict};
use crate::listen::ConnectionInfo;
use crate::node::World;
use crate::pipeline::Finished;

/// The name of the gate in log, metrics and audit, beside the dialects'.
pub const NAME: &str = "gate";

/// Answers the questions of other services.
pub struct Gate {
    service: Arc<Service>,
    settings: GateSettings,
    world: World,
}

/// What is known of a question that is answered with no.
struct Question<'a> {
    origin: Origin,
    route: &'static str,
    asker: Option<&'a Asker>,
    /// The request under test.
    view: Option<&'a RequestView<'a>>,
}

/// A question that was answered, before it gets its time and id.
struct Answered {
    response: Response<Full<Bytes>>,
    note: Note,
    /// The address of the request under test.
    source: Option<IpAddr>,
}

impl Gate {
    /// A gate over these use cases.
    pub const fn new(service: Arc<Service>, settings: GateSettings, world: World) -> Self {
        Self { service, settings, world }
    }

    /// Answers a question.
    pub async fn answer(&self, request: http::Request<Incoming>, from: ConnectionInfo) -> Finished {
        let started = Instant::now();
        let id = RequestId::generate(self.world.clock.now(), self.world.random.as_ref());
        let (parts, body) = request.into_parts();
        let route = Route::of(parts.uri.path());
        let operation = route.map_or("-", Route::as_str);
        let nothing_known =
            Question { origin: self.origin(id, None), route: operation, asker: None, view: None };
        let answered = match (self.asker(&parts.headers, from).await, route) {
            (Err(denial), _) => self.refuse(&denial.into(), &nothing_known),
            (Ok(_), None) => self.refuse(&Denial::UnknownPath, &nothing_known),
            (Ok(asker), Some(route @ (Route::Forward | Route::Envoy))) => {
                self.proxied(&parts, &asker, route, id).await
            }
            (Ok(asker), Some(Route::AuthorizedKeys)) => self.authorized_keys(&parts, &asker, id).await,
            (Ok(asker), Some(Route::SshUsed)) => self.ssh_used(&parts, &asker, id).await,
            (Ok(asker), Some(Route::Verify)) => self.verify(&parts, body, &asker, id).await,
        };
        let Answered { response, note, source } = answered;
        Finished { response, request: id, dialect: NAME, operation, note, source, took: started.elapsed() }
    }

    /// Judges the request that a proxy describes.
    async fn proxied(
        &self,
        parts: &http::request::Parts,
        asker: &Asker,
        route: Route,
        id: RequestId,
    ) -> Answered {
        let headers: Vec<_> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let own = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let evidence = match route::below_envoy(own) {
            None => Evidence::told(&headers, &self.settings.trusted_proxies),
            Some(target) => {
                Evidence::itself(parts.method.as_str(), target, &headers, &self.settings.trusted_proxies)
            }
        };
        let evidence = match evidence {
            Ok(evidence) => evidence,
            Err(fault) => {
                let origin = self.origin(id, None);
                let question = Question { origin, route: route.as_str(), asker: Some(asker), view: None };
                return self.refuse(&fault.into(), &question);
            }
        };
        let signable = evidence::signable(&headers);
        let view = evidence.view(&signable, Body::NotVisible);
        let origin = self.origin(id, evidence.source);
        match self.judge(&view, asker, route, origin).await {
            Verdict::Allowed(allowed) => answer::allowed(&allowed, id),
            Verdict::Denied(denial) => {
                let question =
                    Question { origin, route: route.as_str(), asker: Some(asker), view: Some(&view) };
                self.refuse(&denial, &question)
            }
        }
    }

    /// Refuses, and keeps what explains it to whoever may ask.
    fn refuse(&self, denial: &Denial, question: &Question<'_>) -> Answered {
        self.note_refused(denial, question);
        answer::refusal(denial, &question.origin)
    }

    fn note_refused(&self, denial: &Denial, question: &Question<'_>) {
        let note = answer::denied_note(denial);
        self.service.note_refused(Refused {
            origin: question.origin,
            operation: question.route,
            status: denial.status(),
            code: "",
            text: &denial.cause(),
            reason: note.reason,
            claimed: note.claimed(),
            service: question.asker.and_then(|asker| asker.service.as_deref()),
            binding: Binding::Exact,
            request: question.view,
        });
    }

    const fn origin(&self, request: RequestId, source: Option<IpAddr>) -> Origin {
        Origin { request, source, dialect: NAME }
    }
}
