//! `restore FILE`: a backup becomes the store of a data directory, and no key that was revoked since the backup was made
//! works again unless the operator says so (threat T99, promise P13).
//!
//! The backup is opened beside the present store, brought up to date, compared with it, changed where need be and checked
//! whole; then one rename puts it in place. Whatever dies before that leaves the present store as it was.

mod changes;
mod compare;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use domain::batch::{Batch, Effect};
use domain::clock::UnixMillis;
use domain::invariants;
use domain::vault::{MasterKey, MasterKeyId, Vault};
use stores::sqlite::{DataDir, FILE, Options, SqliteStore, replace};

pub use self::compare::Revive;
use self::compare::{InForce, Plan};
use super::backup::Sealed;
use super::{Progress, Report, Scratch, blocking};
use crate::config::{Config, MasterKeySource};
use crate::node::master_key::{self, Missing};
use crate::node::rotation::write_private;
use crate::node::{Node, Quiet, World};

/// What to restore, and what the operator has agreed to.
#[derive(Clone, Debug)]
pub struct Order {
    /// The backup.
    pub file: PathBuf,
    /// The master key of the time when it was made, where that is another one than the present.
    pub master_key_file: Option<PathBuf>,
    /// Whether a store may be there already.
    pub present: Present,
    /// Revoked keys that may work again.
    pub revive: Revive,
}

/// What may happen to a store that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Present {
    /// Nothing: there must be none.
    Refuse,
    /// It is replaced, and kept under another name.
    Replace,
}

/// Restores. The directory is held all the while, so no server can run on it.
///
/// # Errors
/// One sentence that says what to do next; the present store is as it was.
pub async fn restore(
    config: &Config,
    world: &World,
    order: Order,
    progress: Progress,
) -> anyhow::Result<Report> {
    let dir = DataDir::take(&config.data_dir)?;
    let is_there = dir.file(FILE).exists();
    if is_there && order.present == Present::Refuse {
        bail!(
            "there is a store in {}; name an empty directory with --data-dir, or add --force to replace it",
            config.data_dir.display()
        );
    }
    let sealed = Sealed::open(&order.file)?;
    let made_at = sealed.header.made_at;
    let keys = Keys::find(config, world, &order, sealed.header.master)?;
    let scratch = Scratch::new(&config.data_dir)?;
    let copy = DataDir::take(scratch.path())?;
    let plain = copy.file(FILE);
    let keys = blocking(move || {
        sealed.write_to(&plain, &keys.backup, &progress)?;
        Ok(keys)
    })
    .await?;
    let node = open(&copy, &keys.backup, config, world)?;
    let present = if is_there { in_force_now(&dir, config, world).await } else { None };
    let changed = prepare(&node, present.as_ref(), &order, &keys, made_at, world).await;
    let closed = node.store.close().await;
    let mut text = changed?;
    closed?;
    if let Some((path, key)) = &keys.to_place {
        write_private(path, key.to_text().as_bytes())
            .with_context(|| format!("the master key cannot be written to {}", path.display()))?;
    }
    let kept = replace(&dir, &copy.file(FILE), &format!("keyward.db.replaced-{}", world.clock.now().0))?;
    if let Some(kept) = kept {
        text.push_str(&format!("the store that was here is kept as {}\n", kept.display()));
    }
    Ok(Report::done(text))
}

/// The master keys at hand.
struct Keys {
    /// Opens the backup.
    backup: MasterKey,
    /// Wraps the ring of the restored store, where that is not the backup's.
    present: Option<MasterKey>,
    /// The backup's key and where to put it, where the data directory has none.
    to_place: Option<(PathBuf, MasterKey)>,
}

impl Keys {
    fn find(config: &Config, world: &World, order: &Order, wanted: MasterKeyId) -> anyhow::Result<Self> {
        let source = config.master_key_source();
        let place = match &source {
            MasterKeySource::DataDir(path) if !path.exists() => Some(path.clone()),
            _ => None,
        };
        let load =
            || master_key::load(&source, world.environment.as_ref(), Missing::Refuse, world.random.as_ref());
        let present = if place.is_none() { Some(load()?) } else { None };
        let given = order.master_key_file.as_deref().map(master_key::read).transpose()?;
        let needed = || {
            format!(
                "the backup opens only with the master key {wanted}; name the file that holds it with \
                 --master-key-file"
            )
        };
        if present.as_ref().is_some_and(|key| key.id() == wanted) {
            let backup = present.with_context(needed)?;
            return Ok(Self { backup, present: None, to_place: None });
        }
        let backup = given.filter(|key| key.id() == wanted).with_context(needed)?;
        let to_place = match (place, &order.master_key_file) {
            (Some(path), Some(file)) => Some((path, master_key::read(file)?)),
            _ => None,
        };
        Ok(Self { backup, present, to_place })
    }
}

fn open(dir: &DataDir, master: &MasterKey, config: &Config, world: &World) -> anyhow::Result<Node> {
    let options = Options { reserve_bytes: 0, ..Options::default() };
    let opened = SqliteStore::open_in(dir.clone(), options)?;
    let vault = Vault::open(master, &opened.ring_rows()?, world.random.as_ref())?;
    Node::start(opened, Arc::new(vault), config, world, Arc::new(Quiet))
}

/// What works in the present store; `None` where it cannot be read, for then it says nothing.
async fn in_force_now(dir: &DataDir, config: &Config, world: &World) -> Option<InForce> {
    let source = config.master_key_source();
    let environment = world.environment.as_ref();
    let master = master_key::load(&source, environment, Missing::Refuse, world.random.as_ref()).ok()?;
    let node = open(dir, &master, config, world).ok()?;
    let found = InForce::of(node.store.as_ref(), world.clock.now()).await.ok();
    // Closing writes its log into its file, which is then all of it.
    node.store.close().await.ok()?;
    found
}

/// Changes the backup's store into the one that will serve; returns what to tell.
async fn prepare(
    node: &Node,
    present: Option<&InForce>,
    order: &Order,
    keys: &Keys,
    made_at: UnixMillis,
    world: &World,
) -> anyhow::Result<String> {
    let at = jiff::Timestamp::from_millisecond(made_at.0)
        .map_or_else(|_| made_at.0.to_string(), |at| at.to_string());
    let now = world.clock.now();
    let plan = match present {
        Some(present) => Plan::new(node.store.as_ref(), present, &order.revive, now).await?,
        None if order.revive == Revive::All => Plan::default(),
        None => bail!(
            "no present store can tell what was revoked after {at}, when the backup was made: it would work again; \
             add --revive-all to accept that, and revoke it again afterwards"
        ),
    };
    if !plan.last_administrators.is_empty() {
        bail!(
            "no administrator could sign in afterwards, because every key of theirs in the backup was revoked since; \
             add --revive with one of {}",
            plan.last_administrators.join(", ")
        );
    }
    let passwords = changes::write(node, &plan, now).await?;
    if let Some(present) = &keys.present {
        rewrap(node, &keys.backup, present, world).await?;
    }
    let compared = if present.is_some() { "yes" } else { "no" };
    let detail = format!("backup={at} compared={compared} {}", plan.counts());
    node.note(now, "operator", "store.restore", detail).await?;
    let report = invariants::check(node.store.as_ref(), &node.vault, node.service.limits()).await?;
    if let Some(finding) = report.findings.iter().find(|_| !report.is_clean()) {
        bail!("the backup holds a store that is not whole; use another one: {finding}");
    }
    let mut text = format!(
        "restored the store of {at}: {} accounts, {} users, {} access keys, {} audit entries\n",
        report.accounts, report.users, report.keys, report.audit_entries
    );
    text.push_str(&plan.told(&passwords));
    if present.is_none() {
        text.push_str(
            "what was revoked after the backup was made works again, as you accepted: revoke it again now\n",
        );
    }
    Ok(text)
}

async fn rewrap(node: &Node, from: &MasterKey, to: &MasterKey, world: &World) -> anyhow::Result<()> {
    let rows = Vault::rewrap(from, to, &node.store.key_ring().await?, world.random.as_ref())?;
    let detail = format!("from={} to={} keys={}", from.id(), to.id(), rows.len());
    let entry = node.entry(world.clock.now(), "operator", "master-key.rotate", detail);
    let effects = rows.into_iter().map(|row| Effect::RewrapRingKey { from: from.id(), row }).collect();
    node.store.commit(Batch { effects, audit: vec![entry], ..Batch::default() }).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
