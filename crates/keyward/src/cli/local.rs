//! What the local commands share: settings, an opened node, and the plain sentence when that fails.

use std::sync::Arc;

use domain::audit::ChainHead;

use super::config::{ConfigArgs, load};
use super::{Environment, Failure};
use crate::config::Flags;
use crate::node::{Alarms, Node, OnMissing, World};
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

/// Opens the store that the settings name, lets `look` look, and closes it.
pub(super) fn with_node<T, E: std::error::Error>(
    args: &ConfigArgs,
    environment: Environment,
    look: impl AsyncFnOnce(&Node) -> Result<T, E>,
) -> Result<T, Failure> {
    protect();
    let flags = Flags { data_dir: args.data_dir.clone(), ..Flags::default() };
    let config = load(args.config.as_deref(), environment.clone(), &flags)?;
    let sentence = |error: anyhow::Error| Failure(format!("{error:#}."));
    let runtime = runtime()?;
    runtime.block_on(async {
        let node = Node::open(&config, &world(environment), Arc::new(Quiet), OnMissing::Refuse).await;
        let node = node.map_err(sentence)?;
        let seen = look(&node).await.map_err(|error| Failure(format!("the store cannot be read: {error}.")));
        node.store.close().await.map_err(|error| Failure(format!("the store did not close: {error}.")))?;
        seen
    })
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

/// A command that only looks has nobody to tell.
struct Quiet;

impl Alarms for Quiet {
    fn store_failed(&self, _: &str) {}

    fn audit_head(&self, _: &ChainHead) {}

    fn committed_in(&self, _: std::time::Duration) {}
}
