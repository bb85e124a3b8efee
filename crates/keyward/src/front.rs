//! What the listeners call: the public door leads into the pipeline, the admin door answers health and metrics. Each request
//! leaves one log line and its counts.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use dialects::Outcome;
use domain::Service;
use domain::audit::ChainHead;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::watch;

use crate::gate::{self, Gate};
use crate::listen::{self, ConnectionInfo, Door, Peer, Refusal, Stats};
use crate::pipeline::{Finished, Pipeline};
use crate::telemetry::log::{Log, RequestLine};
use crate::telemetry::metrics::{self, Metrics, OperationMetrics};

/// Answers everything that comes through a listener.
pub struct Front {
    pipeline: Pipeline,
    gate: Gate,
    service: Arc<Service>,
    log: Log,
    metrics: Arc<Metrics>,
    stats: Arc<Stats>,
    heads: watch::Receiver<Option<ChainHead>>,
    operations: HashMap<(&'static str, &'static str), OperationMetrics>,
    unknown: OperationMetrics,
    ready: AtomicBool,
}

/// The name of an operation that was not recognised, in labels.
const UNKNOWN: &str = "-";

impl Front {
    /// Resolves every metric that a request may touch.
    pub fn new(
        pipeline: Pipeline,
        gate: Gate,
        service: Arc<Service>,
        log: Log,
        metrics: Arc<Metrics>,
        stats: Arc<Stats>,
        heads: watch::Receiver<Option<ChainHead>>,
    ) -> Self {
        let mut operations = HashMap::new();
        for dialect in pipeline.registry().dialects() {
            let names = dialect.operations().map(|operation| operation.name).chain([UNKNOWN]);
            let name = dialect.name();
            operations.extend(names.map(|operation| ((name, operation), metrics.operation(name, operation))));
        }
        let routes = gate::Route::ALL.into_iter().map(gate::Route::as_str).chain([UNKNOWN]);
        operations.extend(routes.map(|route| ((gate::NAME, route), metrics.operation(gate::NAME, route))));
        let unknown = metrics.operation(UNKNOWN, UNKNOWN);
        let ready = AtomicBool::new(false);
        Self { pipeline, gate, service, log, metrics, stats, heads, operations, unknown, ready }
    }

    /// Says whether requests are served; `/readyz` tells it on.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    async fn public(&self, request: Request<Incoming>, from: ConnectionInfo) -> Response<Full<Bytes>> {
        let finished = if gate::owns(request.uri().path()) {
            self.gate.answer(request, from).await
        } else {
            self.pipeline.answer(request, from).await
        };
        self.note(&finished);
        finished.response
    }

    async fn asked(&self, request: Request<Incoming>, from: ConnectionInfo) -> Response<Full<Bytes>> {
        let finished = self.gate.answer(request, from).await;
        self.note(&finished);
        finished.response
    }

    fn note(&self, finished: &Finished) {
        let Finished { note, dialect, operation, .. } = finished;
        let outcome = note.outcome;
        let duration_us = u64::try_from(finished.took.as_micros()).unwrap_or(u64::MAX);
        self.operations.get(&(*dialect, operation)).unwrap_or(&self.unknown).record(outcome, duration_us);
        let account = note.caller.as_ref().map(|caller| caller.account.hex());
        let caller_key = note.caller.as_ref().map(|caller| caller.key_id.as_str());
        self.log.request(&RequestLine {
            time_ms: self.service.clock().now().0,
            request_id: &finished.request.hex(),
            dialect,
            operation,
            account: account.as_deref(),
            user: note.caller.as_ref().map(|caller| caller.user.as_str()),
            key_id: caller_key.or(note.key_id.as_deref()),
            source: finished.source,
            status: finished.response.status().as_u16(),
            outcome,
            cause: note.cause.as_ref().map(|cause| cause.text.as_str()),
            duration_us,
        });
    }

    fn admin(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" if self.ready.load(Ordering::Acquire) => text(StatusCode::OK, "ready\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            "/metrics" => self.exposition(),
            _ => text(StatusCode::NOT_FOUND, "known here: /healthz, /readyz, /metrics\n"),
        }
    }

    fn exposition(&self) -> Response<Full<Bytes>> {
        self.metrics.refresh(&self.service, &self.stats);
        let head = self.heads.borrow().map_or(0, |head| head.seq);
        self.metrics.audit_head_seq.set(i64::try_from(head).unwrap_or(i64::MAX));
        match self.metrics.exposition() {
            Ok(body) => {
                let mut response = text(StatusCode::OK, body);
                let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written\n"),
        }
    }
}

impl listen::Service for Front {
    type Body = Full<Bytes>;

    async fn call(&self, request: Request<Incoming>, from: ConnectionInfo) -> Response<Full<Bytes>> {
        match from.door {
            Door::Public => self.public(request, from).await,
            Door::Admin => self.admin(&request),
            Door::Gate => self.asked(request, from).await,
        }
    }

    fn on_panic(&self, _: ConnectionInfo) -> Response<Full<Bytes>> {
        text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
    }

    fn on_refusal(&self, from: ConnectionInfo, refusal: Refusal) {
        let source = match from.peer {
            Peer::Tcp(address) => Some(address.ip()),
            Peer::Unix => None,
        };
        self.log.request(&RequestLine {
            time_ms: self.service.clock().now().0,
            request_id: "",
            dialect: UNKNOWN,
            operation: UNKNOWN,
            account: None,
            user: None,
            key_id: None,
            source,
            status: refusal.status().as_u16(),
            outcome: Outcome::Malformed,
            cause: Some(&refusal.to_string()),
            duration_us: 0,
        });
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
