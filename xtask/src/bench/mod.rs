//! `cargo xtask bench`: the figures that the product is held to, in one table and one run on one machine.
//!
//! Every comparison alternates (ours, theirs, ours, theirs …), because machines drift; a ratio is taken per round, and the
//! table shows the median of the rounds and their spread. A wrong answer ends the run: speed of errors is no figure.

pub(crate) mod baseline;
mod cases;
mod fixture;
mod gate;
mod huawei;
mod load;
mod logins;
mod native;
mod pages;
mod sqlite;
mod ssh;
mod stats;
mod table;
mod tencent;
mod usage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::harness::options::Options;
use crate::harness::process::{self, Process, Profile};
use crate::harness::random::Random;
use cases::{LISTS, ListCase, Owner, SCLOUD};
use fixture::{Fixture, KEYS_PER_USER};
use load::{Place, Request};
use stats::Sample;
use table::{Row, Target, Unit};

const USAGE: &str = "usage: cargo xtask bench [--keys N (100000)] [--quick] [--only lists|pages|gate|ssh|logins|creates|keys] [--binary PATH]";
/// Connections in every figure.
const CONNECTIONS: usize = 64;
/// The small store that larger ones are compared with.
const FEW_KEYS: usize = 1_000;
/// Users whose lists are repeated: all of the small store's, as many of the large one's.
const WORKING_SET: usize = FEW_KEYS / KEYS_PER_USER;
/// Users asked for once each in a freshly started server: with their keys as many as its cache holds.
const COLD_USERS: usize = 50_000;

/// Runs the task.
///
/// # Errors
/// A wrong answer, or a server that does not start. A missed figure is no error: the table says so.
pub(crate) fn main(arguments: &[&str]) -> Result<()> {
    let mut options = Options::new(arguments);
    let plan = if options.flag("--quick") { Plan::QUICK } else { Plan::FULL };
    let keys = options.value("--keys")?.unwrap_or(plan.keys);
    let only: Option<String> = options.value("--only")?;
    let binary = options.value("--binary")?;
    options.finish(USAGE)?;
    let sections = SECTIONS.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == name));
    if sections.clone().next().is_none() {
        bail!("there is no such section\n{USAGE}");
    }
    let binary = process::binary(binary, Profile::Release)?;
    let started = Instant::now();
    let mut bench = Bench::new(binary, Plan { keys, ..plan })?;
    bench.describe();
    for (_, section) in sections {
        section(&mut bench)?;
    }
    println!("\n{}\nin {:.0} s", table::render(&bench.rows), started.elapsed().as_secs_f64());
    Ok(())
}

/// The parts of the table, which can also be asked for alone.
const SECTIONS: &[(&str, Section)] = &[
    ("lists", Bench::lists),
    ("pages", Bench::pages),
    ("gate", Bench::gate),
    ("ssh", Bench::ssh),
    ("logins", Bench::logins),
    ("creates", Bench::creates),
    ("keys", Bench::many_keys),
];

type Section = fn(&mut Bench) -> Result<()>;

/// How much is measured.
struct Plan {
    keys: usize,
    rounds: usize,
    run: Duration,
    warm_up: Duration,
    creates_per_round: usize,
    inserts: Duration,
    /// Pairs of logins, over all kinds of wrong passwords.
    logins: usize,
    /// Rounds of tokens.
    tokens: usize,
    /// Pairs of wrong signatures.
    signatures: usize,
}

impl Plan {
    const FULL: Self = Self {
        keys: 100_000,
        rounds: 7,
        run: Duration::from_secs(2),
        warm_up: Duration::from_millis(300),
        creates_per_round: 10_000,
        inserts: Duration::from_secs(1),
        logins: 2_000,
        tokens: 1_000,
        signatures: 100_000,
    };
    /// About half a minute.
    const QUICK: Self = Self {
        keys: 20_000,
        rounds: 3,
        run: Duration::from_millis(600),
        warm_up: Duration::from_millis(150),
        creates_per_round: 3_000,
        inserts: Duration::from_millis(400),
        logins: 150,
        tokens: 200,
        signatures: 20_000,
    };
}

struct Bench {
    plan: Plan,
    binary: PathBuf,
    folder: TempDir,
    /// A server with [`FEW_KEYS`].
    few: Fixture,
    few_owners: Vec<Owner>,
    rows: Vec<Row>,
}

/// One side of a comparison in one round.
struct Measured {
    sample: Sample,
    /// Processor seconds of the server per request.
    processor: f64,
}

impl Bench {
    fn new(binary: PathBuf, plan: Plan) -> Result<Self> {
        // Below target/, because /tmp may be memory, where durability costs nothing.
        let folder = TempDir::with_prefix_in("bench-", process::target()?)?;
        let few = Fixture::start(&binary, folder.path(), "few")?;
        let few_owners = few.seed(FEW_KEYS)?;
        Ok(Self { plan, binary, folder, few, few_owners, rows: Vec::new() })
    }

    fn describe(&self) {
        let Plan { keys, rounds, .. } = self.plan;
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        println!(
            "{cores} cores, loopback, load generator (one thread) on the same machine; {CONNECTIONS} connections, \
             {rounds} rounds in alternation, medians; {keys} keys, {KEYS_PER_USER} per user.\n\
             keyward: release build, default log (standard output and error are pipes, read and dropped) and limits, but \
             users_per_account raised.\nData in {}.",
            self.folder.path().display()
        );
    }

    /// Each dialect's signed list against a bare handler that sends the same bytes.
    fn lists(&mut self) -> Result<()> {
        for case in LISTS {
            let mut fixture = Fixture::start(&self.binary, self.folder.path(), case.name)?;
            let owners = (case.owners)(&fixture, FEW_KEYS)?;
            let rows = self.against_bare(case, fixture.server()?, &owners)?;
            fixture.stop()?;
            self.rows.extend(rows);
        }
        Ok(())
    }

    fn against_bare(
        &self,
        case: &ListCase,
        server: &(Process, SocketAddr),
        owners: &[Owner],
    ) -> Result<[Row; 3]> {
        progress(case.name);
        let requests = presigned(case, server.1, owners);
        let example = requests.first().context("nobody to ask for")?;
        let answer = baseline::ask(server.1, example)?;
        let bare = baseline::start(&answer, self.folder.path())?.ready(1)?;
        baseline::same_bytes(&answer, &baseline::ask(bare.1, example)?)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.plan.rounds {
            ours.push(self.measure(&server.0, server.1, &requests, case.accepted)?);
            theirs.push(self.measure(&bare.0, bare.1, &requests, case.accepted)?);
        }
        let what = format!("{} / bare axum handler", case.name);
        Ok(compared(&what, &ours, &theirs, (Target::RatioAtLeast(0.70), Target::RatioAtMost(2.0))))
    }

    /// Samsung's lists: one's own keys, and the last page of an account's against its first.
    fn pages(&mut self) -> Result<()> {
        progress(&format!("storing {} keys for pages", pages::KEYS));
        let mut fixture = Fixture::start(&self.binary, self.folder.path(), "pages")?;
        fixture.seed_samsung(pages::KEYS)?;
        let server = fixture.server()?;

        progress("samsung pages");
        let admin = fixture.administrator();
        let marker = fixture.marker_before_the_last_page()?;
        let first = vec![Request::from(pages::page(server.1, admin, None))];
        let last = vec![Request::from(pages::page(server.1, admin, Some(&marker)))];
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.plan.rounds {
            ours.push(self.measure(&server.0, server.1, &last, pages::is_full)?);
            theirs.push(self.measure(&server.0, server.1, &first, pages::is_full)?);
        }
        let what =
            format!("samsung page {} / first page, of {} keys", pages::KEYS / pages::PAGE, pages::KEYS);
        self.rows.extend(compared(
            &what,
            &ours,
            &theirs,
            (Target::RatioAtLeast(0.70), Target::RatioAtMost(1.3)),
        ));
        fixture.stop()
    }

    /// What the time of an answer tells.
    fn logins(&mut self) -> Result<()> {
        progress("logins, tokens and signatures, one at a time");
        // Rates of failures would answer instead of what is measured.
        let unlimited = [("KEYWARD_RATE_LIMIT__ENABLED", "false")];
        let mut fixture = Fixture::start_with(&self.binary, self.folder.path(), "logins", &unlimited)?;
        let rows = logins::rows(&fixture, &self.plan)?;
        fixture.stop()?;
        self.rows.extend(rows);
        Ok(())
    }

    /// Durable creates against SQLite with one insert per transaction.
    fn creates(&mut self) -> Result<()> {
        progress("durable CreateAccessKey");
        let (rounds, per_round) = (self.plan.rounds, self.plan.creates_per_round);
        let users = (rounds * per_round).div_ceil(KEYS_PER_USER);
        let mut fixture = Fixture::start(&self.binary, self.folder.path(), "creates")?;
        fixture.seed_users(users)?;
        let mut table = sqlite::Table::create(self.folder.path())?;
        let (mut ours, mut theirs, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            // Users in turn: everybody's first key, then everybody's second.
            let turns = (0..per_round).map(|turn| (round * per_round + turn) % users);
            let sample = fixture.create_keys_of(turns, CONNECTIONS)?;
            ours.push(sample.per_second());
            latencies.push(sample.p99());
            theirs.push(table.insert(self.plan.inserts)?.per_second());
        }
        fixture.stop()?;
        self.rows.push(Row {
            what: "durable CreateAccessKey / SQLite, one insert per transaction".to_owned(),
            unit: Unit::PerSecond,
            ours,
            theirs,
            target: Target::RatioAtLeast(10.0),
        });
        self.note("durable CreateAccessKey: p99", Unit::Seconds, latencies, Target::None);
        Ok(())
    }

    /// What depends on the number of keys stored: latency, start, memory.
    fn many_keys(&mut self) -> Result<()> {
        let keys = self.plan.keys;
        progress(&format!("storing {keys} keys"));
        let mut many = Fixture::start(&self.binary, self.folder.path(), "many")?;
        let seeding = Instant::now();
        let mut owners = many.seed(keys)?;
        println!("  {:.0} keys/s", stats::float(keys) / seeding.elapsed().as_secs_f64());
        // In an order without relation to the store's.
        let mut random = Random::new(0, 0);
        owners.sort_by_cached_key(|_| random.next());

        progress("start to first verified request");
        let mut start = (Vec::new(), Vec::new());
        for round in 0..self.plan.rounds {
            start.0.push(first_answer(&mut many, &owners, round)?);
            start.1.push(first_answer(&mut self.few, &self.few_owners, round)?);
        }
        self.note(
            &format!("start to first verified request, {keys} keys"),
            Unit::Seconds,
            start.0.clone(),
            Target::AtMost(1.0),
        );
        self.rows.push(Row {
            what: format!("start to first verified request, {keys} keys / {FEW_KEYS} keys"),
            unit: Unit::Seconds,
            ours: start.0,
            theirs: start.1,
            target: Target::RatioAtMost(1.2),
        });

        progress("memory");
        let address = many.restart()?;
        let idle = usage::resident_bytes(&many.server()?.0)?;
        let cold = presigned(&SCLOUD, address, owners.get(..COLD_USERS).unwrap_or(&owners));
        let cold = load::once(&address.into(), CONNECTIONS, cold, SCLOUD.accepted)?;
        let used = usage::resident_bytes(&many.server()?.0)?;

        progress("list p99 by number of keys");
        let hot = presigned(&SCLOUD, address, owners.get(..WORKING_SET).unwrap_or(&owners));
        let few_hot = presigned(&SCLOUD, self.few.server()?.1, &self.few_owners);
        let mut p99 = (Vec::new(), Vec::new());
        for _ in 0..self.plan.rounds {
            let (process, address) = many.server()?;
            p99.0.push(self.measure(process, *address, &hot, SCLOUD.accepted)?.sample.p99());
            let (process, address) = self.few.server()?;
            p99.1.push(self.measure(process, *address, &few_hot, SCLOUD.accepted)?.sample.p99());
        }
        many.stop()?;
        self.rows.push(Row {
            what: format!("list p99, {WORKING_SET} users of {keys} keys / of {FEW_KEYS} keys"),
            unit: Unit::Seconds,
            ours: p99.0,
            theirs: p99.1,
            target: Target::RatioAtMost(1.3),
        });
        let once = format!("each of {} users once after a start", cold.count());
        self.note(
            &format!("list throughput, {once}"),
            Unit::PerSecond,
            vec![cold.per_second()],
            Target::None,
        );
        self.note(&format!("list p99, {once}"), Unit::Seconds, vec![cold.p99()], Target::None);
        let limit = Target::AtMost(64e6);
        self.note(&format!("resident memory, {keys} keys, after a start"), Unit::Bytes, vec![idle], limit);
        self.note(&format!("resident memory, {keys} keys, {once}"), Unit::Bytes, vec![used], limit);
        Ok(())
    }

    fn measure(
        &self,
        process: &Process,
        server: impl Into<Place>,
        requests: &[Request],
        accepted: fn(&[u8]) -> bool,
    ) -> Result<Measured> {
        let server = server.into();
        load::replay(&server, CONNECTIONS, self.plan.warm_up, requests, accepted)?;
        let before = usage::processor_seconds(process)?;
        let sample = load::replay(&server, CONNECTIONS, self.plan.run, requests, accepted)?;
        let processor = (usage::processor_seconds(process)? - before) / stats::float(sample.count());
        Ok(Measured { sample, processor })
    }

    /// A row that is compared with nothing.
    fn note(&mut self, what: &str, unit: Unit, ours: Vec<f64>, target: Target) {
        self.rows.push(Row { what: what.to_owned(), unit, ours, theirs: Vec::new(), target });
    }
}

/// Three rows of a comparison: throughput and p99 with their targets, and what it costs the server.
fn compared(what: &str, ours: &[Measured], theirs: &[Measured], targets: (Target, Target)) -> [Row; 3] {
    let row = |name: &str, unit, target, value: fn(&Measured) -> f64| {
        let values = |side: &[Measured]| side.iter().map(value).collect();
        Row { what: format!("{what}: {name}"), unit, ours: values(ours), theirs: values(theirs), target }
    };
    [
        row("throughput", Unit::PerSecond, targets.0, |side| side.sample.per_second()),
        row("p99", Unit::Seconds, targets.1, |side| side.sample.p99()),
        row("server's processor time", Unit::Seconds, Target::None, |side| side.processor),
    ]
}

fn presigned(case: &ListCase, server: SocketAddr, owners: &[Owner]) -> Vec<Request> {
    owners.iter().map(|owner| (case.request)(server, owner).into()).collect()
}

/// A different user each round, so that nothing is warm.
fn first_answer(fixture: &mut Fixture, owners: &[Owner], round: usize) -> Result<f64> {
    let owner = owners.get(round % owners.len().max(1)).context("nobody to ask for")?;
    Ok(fixture.start_to_first_answer(&SCLOUD, owner)?.as_secs_f64())
}

fn progress(what: &str) {
    println!("… {what}");
}
