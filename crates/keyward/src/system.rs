//! The machine: its clock, its randomness, and what the process asks of the kernel to keep its secrets.
//!
//! The only place that reads the wall clock or random bytes; everything else gets them as arguments.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use domain::clock::{Clock, UnixMillis};
use domain::random::Randomness;
use rustix::fs::Mode;
use rustix::io;
use rustix::process::{Resource, Rlimit, setrlimit, umask};

/// The wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Milliseconds since 1970-01-01T00:00:00Z; negative before that.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the wall clock")]
    pub fn now_ms(&self) -> i64 {
        let now = SystemTime::now();
        match now.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.now_ms())
    }
}

/// Random bytes of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl OsRandom {
    /// Fills `bytes` with random bytes fit for keys.
    ///
    /// Ends the process when the kernel has none to give: a secret made of anything else would be worse, and no
    /// caller could do better (threat T20). [`OsRandom::check`] finds that out at the start.
    pub fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            eprintln!("keyward: the operating system gives no random bytes ({error}); stopped");
            std::process::abort();
        }
    }

    /// Whether random bytes can be had.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn check(&self) -> Result<(), getrandom::Error> {
        getrandom::fill(&mut [0; 1])
    }
}

impl Randomness for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        Self::fill(self, bytes);
    }
}

/// A protection that the kernel refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was asked for, as a sentence can use it.
    pub protection: &'static str,
    /// The kernel's answer.
    pub error: io::Errno,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the system refused {}: {}", self.protection, self.error)
    }
}

/// Keeps the process's memory and files from others (threats T64, T65): no core dump, no debugger of the same
/// user, new files readable by their owner only. Call it first, before any secret is read.
///
/// Returns what the kernel refused, for the log; a refusal is no reason not to start.
#[must_use]
pub fn harden() -> Vec<Refused> {
    umask(Mode::RWXG | Mode::RWXO);
    let core = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    [("a core dump size of 0", core), ("protection from dumps and debuggers", forbid_dumps())]
        .into_iter()
        .filter_map(|(protection, result)| Some(Refused { protection, error: result.err()? }))
        .collect()
}

#[cfg(target_os = "linux")]
fn forbid_dumps() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

#[cfg(not(target_os = "linux"))]
fn forbid_dumps() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_in_milliseconds() {
        let after_2024_before_2200 = 1_704_067_200_000..7_258_118_400_000;
        assert!(after_2024_before_2200.contains(&SystemClock.now_ms()));
    }

    #[test]
    fn every_byte_is_filled_and_differs_each_time() {
        let draw = || {
            let mut bytes = [0_u8; 64];
            OsRandom.fill(&mut bytes);
            bytes
        };
        let (one, other) = (draw(), draw());
        assert_ne!(one, other);
        assert!(one.chunks(16).chain(other.chunks(16)).all(|part| part != [0; 16]));
        assert_eq!(OsRandom.check(), Ok(()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_hardened_process_leaves_no_dump_and_no_readable_file() {
        use rustix::process::{DumpableBehavior, dumpable_behavior, getrlimit};
        use std::os::unix::fs::PermissionsExt;

        assert_eq!(harden(), []);
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        let path = std::env::temp_dir().join(format!("keyward-umask-{}", std::process::id()));
        let file = std::fs::File::create_new(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
