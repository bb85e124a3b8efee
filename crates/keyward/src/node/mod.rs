//! A node: the store, the vault and the use cases, opened from the settings. `serve` runs one; local commands open one for
//! a look.

mod blocked_keys;
pub mod bootstrap;
pub mod master_key;
mod observer;
pub mod rotation;

use std::sync::Arc;

use anyhow::{Context, bail};
use domain::Service;
use domain::audit::{AuditChain, AuditEntry};
use domain::batch::Batch;
use domain::clock::{Clock, UnixMillis};
use domain::directory::Generations;
use domain::id::{AccountUuid, NodeId};
use domain::random::Randomness;
use domain::service::Parts;
use domain::store::{CommitError, SharedStore};
use domain::vault::{Purpose, SEALS_PER_DATA_KEY, Vault, to_hex};
use stores::sqlite::{Opened, Options, SqliteStore};

use self::master_key::Missing;
use crate::config::Config;
use crate::operator::Scratch;
pub use observer::{Alarms, Observer, Quiet};

/// An opened node.
#[derive(Clone)]
pub struct Node {
    /// This run of the server.
    pub id: NodeId,
    /// The use cases.
    pub service: Arc<Service>,
    /// Where data lives.
    pub store: SharedStore,
    /// The opened key ring.
    pub vault: Arc<Vault>,
}

/// Looks up an environment variable.
pub type Variables = dyn Fn(&str) -> Option<String> + Send + Sync;

/// What is outside the process, handed through.
#[derive(Clone)]
pub struct World {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub random: Arc<dyn Randomness>,
    /// The environment.
    pub environment: Arc<Variables>,
}

/// What to do when there is no store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMissing {
    /// Make one: a server starts.
    Create,
    /// Refuse: a command wants to look at one.
    Refuse,
}

impl Node {
    /// Opens the store and its key ring and starts the committer.
    ///
    /// # Errors
    /// A sentence for the operator: the store is locked, foreign or newer; the master key is missing, wrong or readable by
    /// others.
    pub async fn open(
        config: &Config,
        world: &World,
        alarms: Arc<dyn Alarms>,
        on_missing: OnMissing,
    ) -> anyhow::Result<Self> {
        let clock = world.clock.clone();
        if on_missing == OnMissing::Refuse && !config.data_dir.join(stores::sqlite::FILE).exists() {
            bail!("there is no store in {}; name its directory with --data-dir", config.data_dir.display());
        }
        let mut opened = SqliteStore::open(&config.data_dir, Options::default())?;
        Scratch::sweep(&config.data_dir)?;
        let vault = open_vault(&mut opened, config, world)?;
        let node = Self::start(opened, vault, config, world, alarms)?;
        if on_missing == OnMissing::Create {
            node.note_start(clock.as_ref()).await?;
        }
        Ok(node)
    }

    /// Starts the committer of an opened store.
    ///
    /// # Errors
    /// Connections or threads cannot be had; the file of blocked SSH keys is none.
    pub fn start(
        opened: Opened,
        vault: Arc<Vault>,
        config: &Config,
        world: &World,
        alarms: Arc<dyn Alarms>,
    ) -> anyhow::Result<Self> {
        let World { clock, random, .. } = world.clone();
        let blocked_keys = blocked_keys::load(config.ssh.blocked_keys.as_deref())?;
        let id = NodeId::generate(clock.now(), random.as_ref());
        let generations = Arc::new(Generations::default());
        let observer = Observer::new(generations.clone(), alarms);
        let store: SharedStore =
            opened.start(AuditChain::start(vault.audit_key(), id), Arc::new(observer))?;
        let parts = Parts {
            store: store.clone(),
            vault: vault.clone(),
            generations,
            clock: clock.clone(),
            random,
            limits: config.domain_limits(),
            blocked_keys,
        };
        Ok(Self { id, service: Arc::new(Service::new(parts)), store, vault })
    }

    /// The first entry of this node's chain names the last of every chain before it, so that a chain cut off at its end is
    /// missed at the next start's entry.
    async fn note_start(&self, clock: &dyn Clock) -> anyhow::Result<()> {
        let heads = self.store.audit_heads().await?;
        let heads: Vec<String> =
            heads.iter().map(|head| format!("{}:{}:{}", head.node, head.seq, to_hex(&head.mark))).collect();
        let detail = format!("version={} heads={}", env!("CARGO_PKG_VERSION"), heads.join(","));
        self.note(clock.now(), "server", "node.start", detail)
            .await
            .context("the start could not be written to the audit")
    }

    /// Writes an entry about the store as a whole into the audit: what the server or its operator did.
    ///
    /// # Errors
    /// What the store says.
    pub async fn note(
        &self,
        now: UnixMillis,
        dialect: &'static str,
        action: &'static str,
        detail: String,
    ) -> Result<(), CommitError> {
        let audit = vec![self.entry(now, dialect, action, detail)];
        self.store.commit(Batch { audit, ..Batch::default() }).await
    }

    /// Such an entry.
    pub fn entry(
        &self,
        now: UnixMillis,
        dialect: &'static str,
        action: &'static str,
        detail: String,
    ) -> AuditEntry {
        AuditEntry {
            at: now,
            account: AccountUuid::from_bytes([0; 16]),
            actor: None,
            actor_key: None,
            request: None,
            source: None,
            dialect: dialect.into(),
            action: action.into(),
            object: *self.id.as_bytes(),
            object_version: 1,
            detail,
        }
    }
}

/// Opens the key ring; fills it in a store that has none; adds a data key when the present one has sealed enough.
fn open_vault(opened: &mut Opened, config: &Config, world: &World) -> anyhow::Result<Arc<Vault>> {
    let World { clock, random, environment } = world;
    let (now, random) = (clock.now(), random.as_ref());
    let mut rows = opened.ring_rows()?;
    let missing = if rows.is_empty() { Missing::Create } else { Missing::Refuse };
    let source = config.master_key_source();
    let mut master = master_key::load(&source, environment.as_ref(), missing, random)?;
    if let Some(ring) = rows.first().map(|row| row.master).filter(|ring| *ring != master.id()) {
        master = rotation::finish(&source, master.id(), ring)?.unwrap_or(master);
    }
    let mut fresh = Vec::new();
    if rows.is_empty() {
        fresh = Vault::new_ring(&master, now, random);
    } else {
        let newest = rows.iter().filter(|row| row.purpose == Purpose::Data).max_by_key(|row| row.id);
        if newest.is_some_and(|row| row.seals >= SEALS_PER_DATA_KEY) {
            let id = rows.iter().map(|row| row.id).max().unwrap_or(0) + 1;
            fresh.push(Vault::new_ring_key(&master, id, Purpose::Data, now, random));
        }
    }
    rows.extend(fresh.iter().cloned());
    // Opened before anything is written: a wrong master key leaves the store as it was (threat T62).
    let vault = Vault::open(&master, &rows, random);
    let vault = vault.with_context(|| format!("the store does not open with the master key in {source}"))?;
    if !fresh.is_empty() {
        opened.insert_ring_rows(&fresh)?;
    }
    Ok(Arc::new(vault))
}
