//! `master-key status` and `master-key rotate`: who wraps the key ring, and how another master key comes to.
//!
//! Only the few keys of the ring are wrapped anew, in one transaction; no sealed record changes, so a rotation takes the
//! same time at ten keys and at ten million, and requests are served meanwhile.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use domain::batch::{Batch, Effect};
use domain::vault::{MasterKey, Purpose, RingRow, Vault};

use super::{Operator, Report};
use crate::config::MasterKeySource;
use crate::node::master_key::{self, Missing};
use crate::node::rotation;

pub(super) async fn status(operator: &Operator) -> anyhow::Result<Report> {
    let source = operator.config.master_key_source();
    let rows = operator.node.store.key_ring().await?;
    let key = present(operator, &source, &rows)?;
    let data: Vec<&RingRow> = rows.iter().filter(|row| row.purpose == Purpose::Data).collect();
    let seals: u64 = data.iter().map(|row| row.seals).sum();
    let waiting = rotation::next_place(&source)?.filter(|next| next.exists());
    let mut text = String::new();
    // Writing to memory does not fail.
    let _ = writeln!(text, "master key  {}, from {source}", key.id());
    let _ = writeln!(
        text,
        "key ring    {} keys, all wrapped by it; {} of them sealed {seals} secrets",
        rows.len(),
        data.len()
    );
    let _ = match waiting {
        None => writeln!(text, "rotation    none under way"),
        Some(next) => writeln!(
            text,
            "rotation    begun, its key waits in {}; finish it: keyward master-key rotate",
            next.display()
        ),
    };
    Ok(Report::done(text))
}

/// The master key in its place, which must be the one that wraps the ring.
fn present(operator: &Operator, source: &MasterKeySource, rows: &[RingRow]) -> anyhow::Result<MasterKey> {
    let environment = operator.world.environment.as_ref();
    let random = operator.world.random.as_ref();
    let key = master_key::load(source, environment, Missing::Refuse, random)?;
    match rows.iter().find(|row| row.master != key.id()) {
        None => Ok(key),
        Some(row) => match rotation::finish(source, key.id(), row.master)? {
            Some(key) => Ok(key),
            None => bail!(
                "the key ring is wrapped by the master key {}, but the one in {source} is {}; put the right one there",
                row.master,
                key.id()
            ),
        },
    }
}

pub(super) async fn rotate(operator: &Operator, new_key_file: Option<PathBuf>) -> anyhow::Result<Report> {
    let random = operator.world.random.as_ref();
    let source = operator.config.master_key_source();
    let rows = operator.node.store.key_ring().await?;
    let old = present(operator, &source, &rows)?;
    let new = match (&new_key_file, rotation::next_place(&source)?) {
        (Some(file), _) => master_key::read(file)?,
        (None, Some(next)) => rotation::next_key(&next, random)?,
        (None, None) => bail!(
            "the master key is in the variable {source}, which this program cannot change; make a new one with \
             keyward master-key generate --output FILE and name it with --new-key-file FILE"
        ),
    };
    if new.id() == old.id() {
        bail!("the new master key is the present one; make another with keyward master-key generate");
    }
    let rewrapped = Vault::rewrap(&old, &new, &rows, random)?;
    Vault::open(&new, &rewrapped, random)
        .context("the rewrapped key ring does not open; nothing was changed")?;
    let count = rewrapped.len();
    let detail = format!("from={} to={} keys={count}", old.id(), new.id());
    let entry = operator.node.entry(operator.world.clock.now(), "operator", "master-key.rotate", detail);
    let effects = rewrapped.into_iter().map(|row| Effect::RewrapRingKey { from: old.id(), row }).collect();
    let batch = Batch { effects, audit: vec![entry], ..Batch::default() };
    operator.node.store.commit(batch).await.context("the store did not take the new wrapping; try again")?;

    let mut text =
        format!("the {count} keys of the ring are now wrapped by {}; {} is refused\n", new.id(), old.id());
    let _ = match new_key_file {
        Some(file) => writeln!(
            text,
            "put the key of {} in its place before the next start: {source}\n\
             keep the old one as long as you keep backups made before now",
            file.display()
        ),
        None => {
            let kept = rotation::put_in_place(&source, old.id())?.unwrap_or_default();
            writeln!(
                text,
                "the new key is in {source}: copy it to where you keep the copy\n\
                 the old one is in {}: backups made before now open only with it",
                kept.display()
            )
        }
    };
    Ok(Report::done(text))
}
