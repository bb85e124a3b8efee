//! How the process is asked to stop or to read its files again, and how it answers.
//!
//! The first SIGTERM or SIGINT cancels the token that everything else watches; the second one ends the wait at
//! once. Nothing here exits the process: `main` returns the code, so destructors run where there is time.

use std::io;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What an operator wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// Source of the operator's commands.
pub trait Commands {
    /// The next command. Must lose none when the future is dropped.
    fn next(&mut self) -> impl Future<Output = Command>;
}

/// The signals of the process.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes over SIGTERM, SIGINT and SIGHUP for the rest of the process's life. Needs a tokio runtime with its
    /// I/O driver. Do it before anything is worth draining: until then they kill the process.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

impl Commands for Signals {
    async fn next(&mut self) -> Command {
        tokio::select! {
            _ = self.terminate.recv() => Command::Stop,
            _ = self.interrupt.recv() => Command::Stop,
            _ = self.hangup.recv() => Command::Reload,
        }
    }
}

/// How the wait for the end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<T> {
    /// Everything came to its own end, on request or not.
    Finished(T),
    /// A second command to stop came before that. Threads may still run; return from `main` now.
    AtOnce,
}

impl<T, E> Ended<Result<T, E>> {
    /// 0 for a clean end; 1 for a failure or an end by force.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Finished(Ok(_)) => ExitCode::SUCCESS,
            Self::Finished(Err(_)) | Self::AtOnce => ExitCode::FAILURE,
        }
    }
}

/// Waits for `work` to end. The first command to stop cancels `stop`, the second one ends the wait, and each
/// command to reload calls `reload`, which must be quick or hand its work on.
pub async fn until_finished<W: Future>(
    work: W,
    commands: &mut impl Commands,
    stop: &CancellationToken,
    mut reload: impl FnMut(),
) -> Ended<W::Output> {
    let mut work = std::pin::pin!(work);
    let mut asked = false;
    loop {
        let command = tokio::select! {
            biased;
            output = work.as_mut() => return Ended::Finished(output),
            command = commands.next() => command,
        };
        match command {
            Command::Reload => reload(),
            Command::Stop if asked => return Ended::AtOnce,
            Command::Stop => {
                asked = true;
                stop.cancel();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::future::{pending, ready};

    /// Gives these commands and then none.
    struct Script(VecDeque<Command>);

    impl Commands for Script {
        async fn next(&mut self) -> Command {
            match self.0.pop_front() {
                Some(command) => command,
                None => pending().await,
            }
        }
    }

    fn script(commands: &[Command]) -> Script {
        Script(commands.iter().copied().collect())
    }

    #[tokio::test]
    async fn the_first_command_drains_and_reloads_do_not_count() {
        let stop = CancellationToken::new();
        let mut reloads = 0;
        let mut commands = script(&[Command::Reload, Command::Reload, Command::Stop, Command::Reload]);
        let work = async {
            stop.cancelled().await;
            // Let the rest of the script run while "draining".
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            Ok::<_, Infallible>(7)
        };
        let ended = until_finished(work, &mut commands, &stop, || reloads += 1).await;
        assert_eq!(ended, Ended::Finished(Ok(7)));
        assert_eq!(reloads, 3);
        assert_eq!(ended.exit_code(), ExitCode::SUCCESS);
    }

    #[tokio::test]
    async fn the_second_command_ends_at_once() {
        let stop = CancellationToken::new();
        let mut commands = script(&[Command::Stop, Command::Stop]);
        let ended = until_finished(pending::<Result<(), ()>>(), &mut commands, &stop, || {}).await;
        assert!(stop.is_cancelled());
        assert_eq!(ended, Ended::AtOnce);
        assert_eq!(ended.exit_code(), ExitCode::FAILURE);
    }

    #[tokio::test]
    async fn work_that_fails_by_itself_is_a_failure() {
        let stop = CancellationToken::new();
        let ended = until_finished(ready(Err::<(), _>(())), &mut script(&[]), &stop, || {}).await;
        assert!(!stop.is_cancelled());
        assert_eq!(ended.exit_code(), ExitCode::FAILURE);
    }

    #[tokio::test]
    async fn signals_of_the_process_arrive() {
        let mut signals = Signals::install().unwrap();
        for (name, expected) in [("-TERM", Command::Stop), ("-INT", Command::Stop), ("-HUP", Command::Reload)]
        {
            let own = std::process::id().to_string();
            let sent = std::process::Command::new("kill").args([name, &own]).status().unwrap();
            assert!(sent.success());
            assert_eq!(signals.next().await, expected);
        }
    }
}
