//! The gate: how many requests a second it can judge, against a bare handler that sends the same bytes.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use signing::request::Header;
use signing::{Body, RequestView, UrlScheme, aws4, format_basic};

use super::load::{Place, Request};
use super::table::{Row, Target, Unit};
use super::{Bench, Measured, baseline, progress, stats};
use crate::harness::scloud::Credential;

/// Different requests that are judged in turn.
const REQUESTS: usize = 1_000;
/// Requests in one call of `verify`.
const BATCH: usize = 100;
const HOST: &str = "api.example.org";
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A request under test, signed in the scheme of AWS version 4.
struct Signed {
    target: String,
    date: String,
    authorization: String,
}

impl Signed {
    fn new(key: &Credential, number: usize, date: &str) -> Result<Self> {
        let target = format!("/orders/{number:06}?page=1");
        let mut signed = Self { target, date: date.to_owned(), authorization: String::new() };
        let signer = aws4::Signer {
            access_key_id: &key.id,
            secret: key.secret.as_bytes(),
            region: "local",
            service: "api",
        };
        let names = ["host", "x-amz-content-sha256", "x-amz-date"];
        signed.authorization = signed.view(|request| aws4::sign(request, &signer, &names))?;
        Ok(signed)
    }

    fn view<T>(&self, read: impl FnOnce(&RequestView<'_>) -> T) -> T {
        let all: [Header<'_>; 4] = [
            ("host", HOST.as_bytes()),
            ("x-amz-content-sha256", EMPTY_SHA256.as_bytes()),
            ("x-amz-date", self.date.as_bytes()),
            ("authorization", self.authorization.as_bytes()),
        ];
        let headers = if self.authorization.is_empty() { all.get(..3) } else { all.get(..) };
        let headers = headers.unwrap_or_default();
        read(&RequestView::new("GET", &self.target, headers, Body::Bytes(b""), UrlScheme::Http))
    }

    /// As nginx asks.
    fn question(&self) -> Vec<u8> {
        let Self { target, date, authorization } = self;
        format!(
            "GET /gate/forward HTTP/1.1\r\nHost: gate\r\nX-Original-Method: GET\r\nX-Original-URI: {target}\r\n\
             X-Original-Host: {HOST}\r\nX-Real-IP: 192.0.2.7\r\nX-Amz-Content-Sha256: {EMPTY_SHA256}\r\n\
             X-Amz-Date: {date}\r\nAuthorization: {authorization}\r\n\r\n"
        )
        .into_bytes()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "method": "GET",
            "url": format!("http://{HOST}{}", self.target),
            "headers": {
                "X-Amz-Content-Sha256": EMPTY_SHA256,
                "X-Amz-Date": self.date,
                "Authorization": self.authorization,
            },
            "body_sha256": EMPTY_SHA256,
        })
    }
}

impl Bench {
    /// The gate's rows.
    pub(super) fn gate(&mut self) -> Result<()> {
        progress("gate");
        let date = format_basic(now()?);
        let key = self.few.administrator().clone();
        let signed =
            (0..REQUESTS).map(|number| Signed::new(&key, number, &date)).collect::<Result<Vec<_>>>()?;
        let questions: Vec<Request> = signed.iter().map(|signed| signed.question().into()).collect();
        let calls: Vec<Request> = signed.chunks(BATCH).map(|batch| call(batch).into()).collect();
        let server = self.few.server()?.1;
        let socket = Place::Unix(self.few.gate_socket());
        for (name, place, requests, per_request) in [
            ("gate forward, aws4, TCP", Place::Tcp(server), &questions, 1),
            ("gate forward, aws4, Unix socket", socket.clone(), &questions, 1),
            ("gate verify, 100 requests a call, Unix socket", socket, &calls, BATCH),
        ] {
            let target = if per_request == 1 { Target::RatioAtLeast(0.70) } else { Target::None };
            self.gate_row(name, server, &place, requests, (per_request, target), allowed)?;
        }
        let rates =
            (0..self.plan.rounds).map(|_| in_process(&signed, &key, self.plan.run)).collect::<Result<_>>()?;
        self.note("aws4 parse and verify in one process, one core", Unit::PerSecond, rates, Target::None);
        Ok(())
    }

    /// Rows about a way of asking, whose calls are worth so many requests each and are held to that target.
    pub(super) fn gate_row(
        &mut self,
        name: &str,
        server: SocketAddr,
        place: &Place,
        requests: &[Request],
        (per_request, target): (usize, Target),
        accepted: fn(&[u8]) -> bool,
    ) -> Result<()> {
        let example = requests.first().context("nothing to ask")?;
        let answer = baseline::ask(server, example)?;
        let bare = baseline::start(&answer, self.folder.path())?.ready(1)?;
        baseline::same_bytes(&answer, &baseline::ask(bare.1, example)?)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.plan.rounds {
            ours.push(self.measure(&self.few.server()?.0, place.clone(), requests, accepted)?);
            theirs.push(self.measure(&bare.0, bare.1, requests, accepted)?);
        }
        let times = stats::float(per_request);
        let values = |side: &[Measured], value: &dyn Fn(&Measured) -> f64| side.iter().map(value).collect();
        let mut row = |what: &str,
                       unit,
                       target,
                       ours_of: &dyn Fn(&Measured) -> f64,
                       theirs_of: &dyn Fn(&Measured) -> f64| {
            let what = format!("{name} / bare axum handler: {what}");
            self.rows.push(Row {
                what,
                unit,
                ours: values(&ours, ours_of),
                theirs: values(&theirs, theirs_of),
                target,
            });
        };
        // A call that asks about a hundred requests is worth a hundred of them.
        row("requests judged", Unit::PerSecond, target, &|side| side.sample.per_second() * times, &|side| {
            side.sample.per_second()
        });
        row("p99", Unit::Seconds, Target::None, &|side| side.sample.p99(), &|side| side.sample.p99());
        row(
            "server's processor time",
            Unit::Seconds,
            Target::None,
            &|side| side.processor / times,
            &|side| side.processor,
        );
        Ok(())
    }
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a signed request says when it was signed")]
fn now() -> Result<i64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().try_into()?)
}

fn call(batch: &[Signed]) -> Vec<u8> {
    let requests: Vec<_> = batch.iter().map(Signed::json).collect();
    let body = serde_json::json!({ "requests": requests }).to_string();
    let length = body.len();
    format!(
        "POST /gate/verify HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Whether a body says that every request passes. Cheap, because it is asked for every answer; the members are sorted.
fn allowed(body: &[u8]) -> bool {
    let has = |needle: &[u8]| body.windows(needle.len()).any(|window| window == needle);
    has(br#""allowed":true"#) && !has(br#""allowed":false"#)
}

/// Verifications a second on this thread, without any server: the work that a gate cannot do without.
fn in_process(signed: &[Signed], key: &Credential, run: Duration) -> Result<f64> {
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < run {
        for signed in signed {
            let verified = signed
                .view(|request| aws4::parse(request, aws4::Spelling::Exact)?.verify(key.secret.as_bytes()));
            if verified.is_err() {
                bail!("a good signature was refused");
            }
        }
        count += signed.len();
    }
    Ok(stats::float(count) / started.elapsed().as_secs_f64())
}
