//! What the operator does to a store as a whole: rotate its master key, back it up, verify it. A local command does it
//! itself when no server runs, and otherwise asks the server through its [`socket`], with the same code behind both.
//!
//! Requests of clients never come here, and nothing here authenticates: whoever can open the data directory may do this.

pub mod backup;
mod master_key;
pub mod restore;
mod scratch;
pub mod socket;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::config::Config;
use crate::node::{Node, World};
pub use scratch::Scratch;

/// An operation. Paths are absolute: the server has another working directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Which master key wraps the key ring.
    MasterKeyStatus,
    /// Wrap the key ring by another master key.
    RotateMasterKey {
        /// The new key, where the program cannot make and place it itself.
        new_key_file: Option<PathBuf>,
    },
    /// Write a sealed copy of the store.
    Backup {
        /// The file to make.
        file: PathBuf,
    },
    /// Check every invariant.
    VerifyStore,
    /// Check the audit chains.
    VerifyAudit {
        /// Links that left the machine earlier, each as `node:seq:mark`.
        heads: Vec<String>,
    },
}

/// What an operation has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// For standard output.
    pub text: String,
    /// One sentence when it found what must not be.
    pub failure: Option<String>,
}

impl Report {
    fn done(text: String) -> Self {
        Self { text, failure: None }
    }
}

/// Told what is being done, and the percentage of it that is.
pub type Progress = Arc<dyn Fn(&str, u8) + Send + Sync>;

/// Who else uses the store meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody: a local command opened it.
    Alone,
    /// Requests are served from it.
    Serving,
}

/// An opened node and what the operations need besides. One operation at a time; others wait their turn.
pub struct Operator {
    node: Node,
    config: Config,
    world: World,
    standing: Standing,
    turn: Mutex<()>,
}

impl Operator {
    /// An operator of `node`.
    pub fn new(node: Node, config: Config, world: World, standing: Standing) -> Self {
        Self { node, config, world, standing, turn: Mutex::default() }
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// One sentence that says what to do next.
    pub async fn run(&self, request: Request, progress: Progress) -> anyhow::Result<Report> {
        let _turn = self.turn.lock().await;
        match request {
            Request::MasterKeyStatus => master_key::status(self).await,
            Request::RotateMasterKey { new_key_file } => master_key::rotate(self, new_key_file).await,
            Request::Backup { file } => backup::backup(self, file, progress).await,
            Request::VerifyStore => verify::store(self, progress).await,
            Request::VerifyAudit { heads } => verify::audit(self, &heads, progress).await,
        }
    }
}

/// Runs what blocks, such as copying files, off the threads that serve.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}
