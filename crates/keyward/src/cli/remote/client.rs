//! A small HTTP/1.1 client: one connection per request, signed with AWS signature version 4, over the same HTTP and TLS
//! crates as the server.

use std::time::Duration;

use bytes::Bytes;
use domain::clock::Clock;
use domain::random::Randomness;
use domain::vault::to_hex;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use signing::encode::percent_encode;
use signing::{Body, RequestView, UrlScheme, aws4, format_basic};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use super::output::clean;
use super::profile::Profile;
use super::{Failure, Page, Query};
use crate::cli::local::runtime;
use crate::system::{OsRandom, SystemClock};

/// Longest wait for a whole answer; a report of a large account takes some seconds.
const ANSWER_WAIT: Duration = Duration::from_secs(120);
/// Largest answer: a report of some hundred thousand keys.
const MAX_ANSWER_BYTES: usize = 512 * 1024 * 1024;
const REGION: &str = "local";
const SERVICE: &str = "keyward";

/// A request.
#[derive(Debug)]
pub(super) struct Call {
    method: &'static str,
    target: String,
    content_type: &'static str,
    body: Zeroizing<Vec<u8>>,
    idempotency_key: Option<String>,
}

impl Call {
    /// Reads.
    pub(super) fn get(path: &[&str], query: Query<'_>) -> Self {
        Self::new("GET", path, query)
    }

    /// Deletes.
    pub(super) fn delete(path: &[&str]) -> Self {
        Self::new("DELETE", path, &[])
    }

    /// Changes.
    pub(super) fn patch(path: &[&str], body: &Value) -> Self {
        Self::new("PATCH", path, &[]).json(body)
    }

    /// Sets.
    pub(super) fn put(path: &[&str], body: &Value) -> Self {
        Self::new("PUT", path, &[]).json(body)
    }

    /// Makes something. Sent again when the connection breaks before the answer: the key that it carries keeps the server
    /// from making it twice (promise P20).
    pub(super) fn create(path: &[&str], body: &Value) -> Self {
        let mut key = [0; 16];
        Randomness::fill(&OsRandom, &mut key);
        Self { idempotency_key: Some(to_hex(&key)), ..Self::new("POST", path, &[]).json(body) }
    }

    /// Sends what is there already.
    pub(super) fn post(
        path: &[&str],
        query: Query<'_>,
        content_type: &'static str,
        body: Zeroizing<Vec<u8>>,
    ) -> Self {
        Self { content_type, body, ..Self::new("POST", path, query) }
    }

    fn new(method: &'static str, path: &[&str], query: Query<'_>) -> Self {
        let mut target = String::new();
        for segment in path {
            target.push('/');
            target.push_str(&percent_encode(segment.as_bytes()));
        }
        let mut separator = '?';
        for (name, value) in query {
            if let Some(value) = value {
                target.extend([separator]);
                target.push_str(&[name, "=", &percent_encode(value.as_bytes())].concat());
                separator = '&';
            }
        }
        Self {
            method,
            target,
            content_type: "application/json",
            body: Zeroizing::default(),
            idempotency_key: None,
        }
    }

    fn json(self, body: &Value) -> Self {
        Self { body: Zeroizing::new(body.to_string().into_bytes()), ..self }
    }

    fn may_be_repeated(&self) -> bool {
        self.method == "GET" || self.idempotency_key.is_some()
    }
}

/// What the server answered with success.
pub(super) struct Answer(Zeroizing<Vec<u8>>);

impl Answer {
    /// The body, with a line's end.
    pub(super) fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.0).into_owned();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    pub(super) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.0).map_err(|_| not_keyward())
    }

    pub(super) fn page(&self) -> Result<Page<'_>, Failure> {
        serde_json::from_slice(&self.0).map_err(|_| not_keyward())
    }
}

fn not_keyward() -> Failure {
    Failure("the answer is not one of Keyward's native API; check the endpoint.".to_owned())
}

/// A server and a key for it.
pub(super) struct Client {
    profile: Profile,
    runtime: Runtime,
}

impl Client {
    pub(super) fn new(profile: Profile) -> Result<Self, Failure> {
        Ok(Self { profile, runtime: runtime()? })
    }

    /// Sends `call` and returns the body of a successful answer.
    pub(super) fn call(&self, call: &Call) -> Result<Answer, Failure> {
        let mut sent = self.runtime.block_on(self.send(call));
        if sent.is_err() && call.may_be_repeated() {
            sent = self.runtime.block_on(self.send(call));
        }
        let (status, body) = sent.map_err(|cause| {
            let endpoint = &self.profile.endpoint;
            Failure(format!(
                "{endpoint} does not answer: {cause}; is the server running, and is this its address?"
            ))
        })?;
        if (200..300).contains(&status) { Ok(Answer(body)) } else { Err(self.refused(status, &body)) }
    }

    /// Waits; for commands that ask again and again.
    pub(super) fn pause(&self, time: Duration) {
        // The timer wants the runtime around it when it is made.
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    fn refused(&self, status: u16, body: &[u8]) -> Failure {
        let problem: Option<Value> = serde_json::from_slice(body).ok();
        let member = |name| problem.as_ref()?.get(name)?.as_str().map(clean);
        let Some(detail) = member("detail").or_else(|| member("title")) else {
            return Failure(format!(
                "{} answered with status {status} and without a reason; is this the address of a Keyward server?",
                self.profile.endpoint
            ));
        };
        let detail = detail.trim_end_matches('.');
        Failure(match member("type").as_deref().and_then(advice) {
            Some(advice) => format!("{detail}; {advice}."),
            None => format!("{detail}."),
        })
    }

    async fn send(&self, call: &Call) -> Result<(u16, Zeroizing<Vec<u8>>), String> {
        let exchange = async {
            let endpoint = &self.profile.endpoint;
            let stream = TcpStream::connect(endpoint.address()).await.map_err(|error| error.to_string())?;
            match endpoint.scheme {
                UrlScheme::Http => self.exchange(stream, call).await,
                UrlScheme::Https => self.exchange(tls(stream, endpoint.host()).await?, call).await,
            }
        };
        tokio::time::timeout(ANSWER_WAIT, exchange).await.map_err(|_| "it takes too long".to_owned())?
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        call: &Call,
    ) -> Result<(u16, Zeroizing<Vec<u8>>), String> {
        let plain = |error: hyper::Error| error.to_string();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(plain)?;
        tokio::spawn(connection);
        let request = self.signed(call)?;
        let response = sender.send_request(request).await.map_err(plain)?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok((status, Zeroizing::new(body.to_vec())))
    }

    /// Everything that is sent is signed.
    fn signed(&self, call: &Call) -> Result<hyper::Request<Full<Bytes>>, String> {
        let Profile { endpoint, access_key_id, secret_access_key } = &self.profile;
        let target = format!("{}/api/v1{}", endpoint.base, call.target);
        let date = format_basic(SystemClock.now().0.div_euclid(1000));
        let mut headers = vec![("host", endpoint.authority.as_str()), ("x-amz-date", &date)];
        if !call.body.is_empty() {
            headers.push(("content-type", call.content_type));
        }
        headers.extend(call.idempotency_key.as_deref().map(|key| ("idempotency-key", key)));
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let bytes: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let view = RequestView::new(call.method, &target, &bytes, Body::Bytes(&call.body), endpoint.scheme);
        let signer = aws4::Signer {
            access_key_id,
            secret: secret_access_key.as_bytes(),
            region: REGION,
            service: SERVICE,
        };
        let authorization = aws4::sign(&view, &signer, &names).map_err(|error| error.to_string())?;
        let mut request = hyper::Request::builder().method(call.method).uri(&target);
        for (name, value) in headers.iter().copied().chain([("authorization", authorization.as_str())]) {
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::copy_from_slice(&call.body));
        request.body(body).map_err(|_| {
            "the access key id or the address has characters that no request can carry".to_owned()
        })
    }
}

/// What to do about a problem of the API, where its own sentence says only what is wrong.
fn advice(kind: &str) -> Option<&'static str> {
    Some(match kind.strip_prefix("urn:keyward:problem:")? {
        "credential-refused" => "check the profile, or KEYWARD_ACCESS_KEY_ID and KEYWARD_SECRET_ACCESS_KEY",
        "request-stale" => "set the clock of this machine or of the server",
        "access-key-unusable" | "source-refused" | "denied" => "ask an administrator, or use another key",
        "path-unknown" => "the server is older than this program, or the endpoint is wrong",
        "account-not-found" => "keyward account list shows them",
        "user-not-found" => "keyward user list shows them",
        "access-key-not-found" => "keyward key list shows them",
        "ssh-key-not-found" => "keyward ssh-key list shows them",
        "ssh-key-taken" => "keyward ssh-key find shows whose it is to those who may see it",
        "name-taken" | "access-key-id-taken" => "choose another one",
        "last-administrator" => "make another administrator's key first",
        "throttled" | "unavailable" | "timeout" => "try again in a moment",
        "internal" => "the server's log says more",
        _ => return None,
    })
}

/// TLS with the certificates that the system trusts; `SSL_CERT_FILE` names others.
#[cfg(feature = "tls")]
async fn tls(
    stream: TcpStream,
    host: &str,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static, String> {
    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use std::sync::Arc;
    use tokio_rustls::TlsConnector;

    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| "its name is none that a certificate can have".to_owned())?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connected.map_err(|error| format!("{error} (SSL_CERT_FILE names certificates to trust)"))
}

#[cfg(not(feature = "tls"))]
async fn tls(_: TcpStream, _: &str) -> Result<TcpStream, String> {
    Err("this build has no TLS".to_owned())
}
