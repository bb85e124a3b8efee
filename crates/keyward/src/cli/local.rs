//! What the local commands share: settings, an opened node or the way to the server that holds it, and the plain sentence
//! when that fails.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stores::sqlite::OpenError;

use super::config::{ConfigArgs, load};
use super::{Environment, Failure, print};
use crate::config::{Config, Flags};
use crate::node::{Node, OnMissing, Quiet, World};
use crate::operator::{Operator, Progress, Report, Request, Standing, socket};
use crate::system::{self, OsRandom, SystemClock};

/// The machine as the domain sees it.
pub(super) fn world(environment: Environment) -> World {
    let variable = move |name: &str| {
        let found = environment.iter().find(|(key, _)| key == name);
        // Text that is not UTF-8 fits nowhere, but it must not pass for a variable that is not set.
        found.map(|(_, value)| value.to_string_lossy().into_owned())
    };
    World { clock: Arc::new(SystemClock), random: Arc::new(OsRandom), environment: Arc::new(variable) }
}

/// The settings that a local command's flags name.
pub(super) fn settings(args: &ConfigArgs, environment: Environment) -> Result<Config, Failure> {
    let flags = Flags { data_dir: args.data_dir.clone(), ..Flags::default() };
    load(args.config.as_deref(), environment, &flags)
}

/// Does `request` and prints its report: on the store that the settings name, or, while a server holds that, through it.
pub(super) fn operate(
    args: &ConfigArgs,
    environment: Environment,
    request: Request,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    protect();
    let config = settings(args, environment.clone())?;
    let report = runtime()?.block_on(reach(config, world(environment), request))?;
    tell(report, out)
}

/// Prints a report; a finding is a failure.
pub(super) fn tell(report: Report, out: &mut dyn Write) -> Result<(), Failure> {
    print(out, &report.text)?;
    report.failure.map_or(Ok(()), |sentence| Err(Failure(sentence)))
}

async fn reach(config: Config, world: World, request: Request) -> anyhow::Result<Report> {
    match Node::open(&config, &world, Arc::new(Quiet), OnMissing::Refuse).await {
        Ok(node) => {
            let operator = Operator::new(node.clone(), config, world, Standing::Alone);
            let report = operator.run(request, progress()).await;
            node.store.close().await?;
            report
        }
        Err(error) if is_in_use(&error) => socket::ask(&config.data_dir, &request, &progress()),
        Err(error) => Err(error),
    }
}

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OpenError::InUse { .. }))
}

/// Shown to a person who waits; a script's output stays clean.
pub(super) fn progress() -> Progress {
    if !std::io::stderr().is_terminal() {
        return Arc::new(|_, _| {});
    }
    Arc::new(|what, percent| {
        let end = if percent >= 100 { "\n" } else { "" };
        // A closed standard error has nobody to show progress to.
        let _ = write!(std::io::stderr(), "\r{what} {percent:3} %{end}");
    })
}

/// The same path for a server whose working directory is another.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure(format!("{} names no file: {error}.", path.display())))
}

/// Keeps what a command holds in memory from dumps and debuggers, as `serve` does. A refusal changes nothing for a command
/// that ends in a moment.
pub(super) fn protect() {
    let _refused = system::harden();
}

/// A runtime for one command.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure(format!("the system gives no runtime: {error}.")))
}
