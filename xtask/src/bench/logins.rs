//! What the time of an answer tells: of a login whether the user exists (threat T53), of a token whether it is one (threat
//! T36), of a signature how much of it is right (threat T55). Sequential, because what waits in a queue tells of the queue.

use std::hint::black_box;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use signing::{Params, scloud};

use super::fixture::{Fixture, user_name};
use super::stats::welch_t;
use super::table::{Row, Target, Unit};
use super::{Plan, huawei};
use crate::harness::http::Connection;
use crate::harness::random::Random;

/// Greatest |t| that is no difference (threats T53, T55).
const NO_DIFFERENCE: f64 = 4.5;
/// How far the medians of a pair may lie apart, as a share.
const APART: f64 = 0.05;
/// A token of the longest legal length.
const LONGEST: usize = 100_000;
/// Signatures compared at once, for a time that a clock can tell.
const AT_ONCE: usize = 20;

/// Seconds that each of two things took, in turn.
#[derive(Default)]
struct Pair {
    one: Vec<f64>,
    other: Vec<f64>,
}

impl Pair {
    /// Two rows: the medians, pair by pair, and how sure it is that the means differ.
    fn rows(&self, what: &str) -> [Row; 2] {
        let t = welch_t(&self.one, &self.other).abs();
        [
            Row {
                what: format!("{what}: time"),
                unit: Unit::Seconds,
                ours: self.one.clone(),
                theirs: self.other.clone(),
                target: Target::RatioWithin(APART),
            },
            Row {
                what: format!("{what}: |t| of {} pairs", self.one.len()),
                unit: Unit::Number,
                ours: vec![t],
                theirs: Vec::new(),
                target: Target::AtMost(NO_DIFFERENCE),
            },
        ]
    }
}

/// The rows of the section, from a server on which no rate of failures is limited.
pub(super) fn rows(fixture: &Fixture, plan: &Plan) -> Result<Vec<Row>> {
    fixture.seed_users(1)?;
    let server = fixture.server()?.1;
    let known = user_name(0);
    huawei::set_password(&mut Connection::open(server)?, server, fixture.administrator(), &known)?;
    let mut rows = Vec::new();
    for (kind, pair) in logins(server, &known, plan.logins)? {
        rows.extend(pair.rows(&format!("login, unknown user / wrong password, {kind}")));
    }
    rows.extend(tokens(server, &known, plan.tokens)?);
    rows.extend(signatures(plan.signatures)?.rows("wrong signature, by its first digit / by its last"));
    Ok(rows)
}

/// Logins of a user who exists and of one who does not, with passwords that are wrong in every way, the two in random order.
fn logins(server: SocketAddr, known: &str, pairs: usize) -> Result<[(&'static str, Pair); 3]> {
    let long = "x".repeat(5_000);
    let unknown = user_name(9_999_999);
    let mut random = Random::new(53, 0);
    let passwords = ["wrong", long.as_str(), ""];
    let mut measured = [("short", Pair::default()), ("long", Pair::default()), ("empty", Pair::default())];
    for number in 0..pairs {
        let place = number % passwords.len();
        let (Some(password), Some((_, pair))) = (passwords.get(place), measured.get_mut(place)) else {
            continue;
        };
        // Each pair from an address of its own, so that nobody is locked out.
        let mut connection = from_own_address(number, server)?;
        // The first answer of a connection is another one.
        ask(&mut connection, format!("GET /v3 HTTP/1.1\r\nHost: {server}\r\n\r\n").as_bytes(), 200)?;
        let mut try_as = |user: &str| ask(&mut connection, &huawei::login(server, user, password), 401);
        if random.next().is_multiple_of(2) {
            pair.one.push(try_as(&unknown)?);
            pair.other.push(try_as(known)?);
        } else {
            pair.other.push(try_as(known)?);
            pair.one.push(try_as(&unknown)?);
        }
    }
    Ok(measured)
}

/// Tokens that are none against one that is, in requests of the same length.
fn tokens(server: SocketAddr, known: &str, rounds: usize) -> Result<[Row; 3]> {
    let mut connection = Connection::open(server)?;
    let answer = connection.exchange(&huawei::login(server, known, huawei::PASSWORD))?;
    let token = huawei::token(&answer).context("no token")?;
    let padding = format!("X-Padding: {}\r\n", "a".repeat(LONGEST - token.len()));
    let mut random = Random::new(36, 0);
    let (mut form, mut short, mut long) = (Pair::default(), Pair::default(), Pair::default());
    for _ in 0..rounds {
        // Another one each time: what was seen before is known for none.
        let garbage = format!("{:047}", random.next());
        let formed = format!("kws-{:043}", random.next());
        let longest = format!("{garbage}{}", "a".repeat(LONGEST - garbage.len()));
        form.one.push(ask(&mut connection, &huawei::with_token(server, &formed, ""), 401)?);
        form.other.push(ask(&mut connection, &huawei::with_token(server, &token, ""), 200)?);
        short.one.push(ask(&mut connection, &huawei::with_token(server, &garbage, ""), 401)?);
        short.other.push(ask(&mut connection, &huawei::with_token(server, &token, ""), 200)?);
        long.one.push(ask(&mut connection, &huawei::with_token(server, &longest, ""), 401)?);
        long.other.push(ask(&mut connection, &huawei::with_token(server, &token, &padding), 200)?);
    }
    let kinds = [("47 characters", short), ("100,000 characters", long), ("the right form", form)];
    Ok(kinds.map(|(kind, pair)| Row {
        what: format!("garbage token of {kind} / a valid one in as many bytes: time"),
        unit: Unit::Seconds,
        ours: pair.one,
        theirs: pair.other,
        target: Target::RatioAtMost(2.0),
    }))
}

/// Signatures that are wrong in their first digit and in their last.
fn signatures(samples: usize) -> Result<Pair> {
    let secret = b"a secret of forty-four characters or so, yes";
    let form = scloud::signed_form(&[("Action", "X")], "key", secret);
    let (head, signature) = form.rsplit_once('=').context("it is signed")?;
    let wrong = |at: usize| {
        let other = |digit| if digit == '0' { '1' } else { '0' };
        let digits = signature.chars().enumerate();
        let signature: String = digits.map(|(n, digit)| if n == at { other(digit) } else { digit }).collect();
        let form = format!("{head}={signature}");
        let params = Params::from_form(form.as_bytes(), 16).ok();
        params.and_then(|params| scloud::parse(&params).ok()).context("it is read")
    };
    let (first, last) = (wrong(0)?, wrong(signature.len() - 1)?);
    let mut random = Random::new(55, 0);
    let mut pair = Pair::default();
    for _ in 0..samples {
        for _ in 0..2 {
            let is_first = random.next().is_multiple_of(2);
            let (claim, times) = if is_first { (&first, &mut pair.one) } else { (&last, &mut pair.other) };
            let started = Instant::now();
            for _ in 0..AT_ONCE {
                if black_box(claim.verify(black_box(secret))).is_ok() {
                    bail!("a wrong signature was good");
                }
            }
            times.push(started.elapsed().as_secs_f64());
        }
    }
    Ok(pair)
}

/// Seconds until the answer was there, which must have this status.
fn ask(connection: &mut Connection, request: &[u8], status: u16) -> Result<f64> {
    let started = Instant::now();
    let answer = connection.exchange(request)?;
    let took = started.elapsed().as_secs_f64();
    if answer.status != status {
        bail!("{} instead of {status}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok(took)
}

/// A connection from one of the many addresses that a loopback interface has.
fn from_own_address(number: usize, server: SocketAddr) -> Result<Connection> {
    let number = u32::try_from(number)?;
    let source = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + number);
    Ok(Connection::over(connect_from(source, server)?)?)
}

fn connect_from(source: Ipv4Addr, server: SocketAddr) -> io::Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(source.into(), 0))?;
        socket.connect(server).await?.into_std()
    })?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}
