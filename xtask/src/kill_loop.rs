//! `cargo xtask kill-loop`: kills a server under load again and again, and checks that nothing acknowledged is lost.
//!
//! Proves promises P1 (an acknowledged write survives `kill -9`), P4 (an unacknowledged one is whole or absent), P9 (a
//! revocation holds from its acknowledgement on) and P12 (it is back within 10 seconds). Power loss is another test's task.
//! With `--rotate` the master key is rotated all the while (threat T63): every secret verifies after each kill, and in the
//! end no master key but the last is accepted.

mod client;
mod history;
mod rotation;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::harness::options::Options;
use crate::harness::process::{self, Launch, Process, Profile, SERVER_LISTENERS, Wait};
use crate::harness::random::Random;
use crate::harness::scloud::{Client, Credential, ret_code};
use client::Worker;

const USAGE: &str = "usage: cargo xtask kill-loop [--cycles N (25)] [--rotate] [--seed S (random)] [--release | --binary PATH]";
const CLIENTS: usize = 8;
/// Users of earlier cycles that each client looks at again after a kill.
const OLDER_USERS_CHECKED: usize = 10;

/// Runs the task.
///
/// # Errors
/// The first violation.
pub(crate) fn main(arguments: &[&str]) -> Result<()> {
    let mut options = Options::new(arguments);
    let cycles = options.value("--cycles")?.unwrap_or(25);
    let seed = options.value("--seed")?.unwrap_or_else(Random::fresh_seed);
    let profile = if options.flag("--release") { Profile::Release } else { Profile::Debug };
    let rotate = options.flag("--rotate");
    let binary = options.value("--binary")?;
    options.finish(USAGE)?;

    let binary = process::binary(binary, profile)?;
    let folder = TempDir::with_prefix("keyward-kill-loop-")?;
    println!("kill-loop: {cycles} cycles, seed {seed}");
    let mut run = Run::new(binary, folder.path().join("data"), seed);
    run.rotations = rotate.then_some(0);
    for cycle in 1..=cycles {
        if let Err(error) = run.cycle(cycle == cycles) {
            let acks = run.acknowledged();
            println!("violation in cycle {cycle} after {acks} acknowledged changes, seed {seed}: {error:#}");
            bail!("data kept in {}", folder.keep().display());
        }
        if cycle % 100 == 0 {
            println!("{cycle} cycles, {} acknowledged changes", run.acknowledged());
        }
    }
    if run.acknowledged() == 0 {
        bail!("nothing was acknowledged, so nothing was tested");
    }
    if let Some(rotations) = run.rotations {
        let refused = rotation::refuse_old_keys(&run.launch)?;
        println!(
            "{rotations} rotations of the master key acknowledged, {refused} old keys refused afterwards"
        );
    }
    println!(
        "cycles={cycles} ({} killed under load, {} while starting, {} while starting for the first time) acks={} lost=0 \
         slowest restart {} ms, seed {seed}",
        run.moments.load,
        run.moments.start,
        run.moments.first_start,
        run.acknowledged(),
        run.slowest_start.as_millis(),
    );
    Ok(())
}

/// When the server is killed.
enum Moment {
    /// Some time after it is ready, under load.
    Load(Duration),
    /// Some time after it was started, ready or not, on the data of the cycles before.
    Start(Duration),
    /// The same on an empty directory.
    FirstStart(Duration),
}

#[derive(Default)]
struct Moments {
    load: u32,
    start: u32,
    first_start: u32,
}

struct Run {
    launch: Launch,
    random: Random,
    workers: Vec<Worker>,
    moments: Moments,
    slowest_start: Duration,
    /// How many rotations of the master key were acknowledged, when there are any.
    rotations: Option<u64>,
}

impl Run {
    fn new(binary: PathBuf, data_dir: PathBuf, seed: u64) -> Self {
        let bootstrap =
            Credential { id: "kill-loop-administrator".to_owned(), secret: "kill-loop-secret-".repeat(3) };
        // Deleted and disabled keys are used on purpose; the limit on failed authentications would answer instead.
        let settings = vec![("KEYWARD_RATE_LIMIT__ENABLED", "false".to_owned())];
        Self {
            launch: Launch { binary, data_dir, bootstrap, settings },
            random: Random::new(seed, 0),
            workers: (0..CLIENTS).map(|number| Worker::new(number, seed)).collect(),
            moments: Moments::default(),
            slowest_start: Duration::ZERO,
            rotations: None,
        }
    }

    fn acknowledged(&self) -> u64 {
        self.workers.iter().map(|worker| worker.acknowledged).sum()
    }

    fn cycle(&mut self, last: bool) -> Result<()> {
        match self.moment() {
            Moment::Load(after) => {
                self.moments.load += 1;
                self.kill_under_load(after)
                    .with_context(|| format!("killed {after:?} after it was ready"))?;
            }
            Moment::Start(after) => {
                self.moments.start += 1;
                kill_during_start(&self.launch, after)?;
            }
            Moment::FirstStart(after) => {
                self.moments.first_start += 1;
                self.kill_first_start(after)
                    .with_context(|| format!("first start killed after {after:?}"))?;
            }
        }
        let (server, address) = self.restart()?;
        self.check(address, last)?;
        stop(server)?;
        check_files(&self.launch)
    }

    /// The first cycle and one in six are killed during the start, one in six during a first start.
    fn moment(&mut self) -> Moment {
        let start = u64::try_from(self.slowest_start.as_micros()).unwrap_or(u64::MAX).max(50_000);
        let while_starting = Duration::from_micros(self.random.between(0, start));
        match self.random.between(0, 5) {
            _ if self.slowest_start.is_zero() => Moment::Start(while_starting),
            0 => Moment::Start(while_starting),
            1 => Moment::FirstStart(while_starting),
            _ => Moment::Load(Duration::from_millis(self.random.between(5, 500))),
        }
    }

    fn kill_under_load(&mut self, after: Duration) -> Result<()> {
        let (mut server, address) = self.restart()?;
        let killed = AtomicBool::new(false);
        let (admin, killed) = (&self.launch.bootstrap, &killed);
        let (launch, rotations) = (&self.launch, &mut self.rotations);
        thread::scope(|scope| {
            let (failed, failures) = channel();
            if let Some(rotations) = rotations {
                let failed = failed.clone();
                scope.spawn(move || match rotation::rotate_until(launch, killed) {
                    Ok(count) => *rotations += count,
                    // As below.
                    Err(error) => drop(failed.send(error)),
                });
            }
            for worker in &mut self.workers {
                let failed = failed.clone();
                scope.spawn(move || {
                    if let Err(error) = worker.load(address, admin, killed) {
                        // The receiver waits until every client is done.
                        let _ = failed.send(error);
                    }
                });
            }
            drop(failed);
            let violation = failures.recv_timeout(after).ok();
            let ended = server.has_ended()?;
            killed.store(true, Ordering::SeqCst);
            if ended {
                bail!("the server ended by itself: {}", server.last_words());
            }
            server.kill()?;
            violation.or_else(|| failures.iter().next()).map_or(Ok(()), Err)
        })
    }

    /// A first start that is killed must leave a directory in which the next one succeeds.
    fn kill_first_start(&mut self, after: Duration) -> Result<()> {
        let folder = TempDir::with_prefix("keyward-kill-loop-first-")?;
        let launch = Launch {
            binary: self.launch.binary.clone(),
            data_dir: folder.path().join("data"),
            bootstrap: self.launch.bootstrap.clone(),
            settings: self.launch.settings.clone(),
        };
        let checked = kill_during_start(&launch, after).and_then(|()| {
            let (server, address) = launch.start()?.ready(SERVER_LISTENERS)?;
            let mut client = Client::open(address)?;
            let answer = client.call(&launch.bootstrap, "GetUser", &[("UserName", "admin")])?;
            if answer.ret_code != ret_code::OK {
                bail!("the administrator's first key is answered {}", answer.body);
            }
            stop(server)?;
            check_files(&launch)
        });
        checked.with_context(|| format!("first start, data kept in {}", folder.keep().display()))
    }

    fn restart(&mut self) -> Result<(Process, SocketAddr)> {
        let started = Instant::now();
        let (server, address) = self.launch.start()?.ready(SERVER_LISTENERS)?;
        self.slowest_start = self.slowest_start.max(started.elapsed());
        Ok((server, address))
    }

    fn check(&mut self, address: SocketAddr, everything: bool) -> Result<()> {
        let admin = &self.launch.bootstrap;
        let older = if everything { None } else { Some(OLDER_USERS_CHECKED) };
        thread::scope(|scope| {
            let checks: Vec<_> = self
                .workers
                .iter_mut()
                .map(|worker| scope.spawn(move || worker.check(address, admin, older)))
                .collect();
            for check in checks {
                check.join().map_err(|_| anyhow::anyhow!("a check panicked"))??;
            }
            anyhow::Ok(())
        })?;
        let expected = 1 + self.workers.iter().map(Worker::live_users).sum::<usize>();
        let answer = Client::open(address)?.call(admin, "ListUsers", &[])?;
        if answer.body.get("TotalCount").and_then(serde_json::Value::as_u64) != u64::try_from(expected).ok() {
            bail!("{expected} users should exist: {}", answer.body);
        }
        Ok(())
    }
}

/// Starts the server and kills it `after` that, ready or not.
fn kill_during_start(launch: &Launch, after: Duration) -> Result<()> {
    let deadline = Instant::now() + after;
    let server = launch.start()?;
    // More listeners than there are: the wait ends with the time, or with the process.
    for _ in 0..=SERVER_LISTENERS {
        if let Wait::Ended = server.listener(deadline.saturating_duration_since(Instant::now())) {
            bail!("the server ended while it started: {}", server.last_words());
        }
    }
    Ok(server.kill()?)
}

fn stop(server: Process) -> Result<()> {
    let status = server.stop()?;
    if !status.success() {
        bail!("the server stopped with {status}");
    }
    Ok(())
}

/// The operator's own checks: invariants I1 to I8, and the audit chain.
fn check_files(launch: &Launch) -> Result<()> {
    for arguments in [&["verify-store"][..], &["audit", "verify"]] {
        let (status, text) = launch.local(arguments)?;
        if !status.success() {
            bail!("keyward {} ends with {status}: {text}", arguments.join(" "));
        }
    }
    Ok(())
}
