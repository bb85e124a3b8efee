//! `verify-store` and `audit verify`. While requests are served, what is checked is a copy of one moment: a look at a store
//! that changes under it would find contradictions that are none.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Context;
use domain::audit::ChainHead;
use domain::invariants::{self, Report as Findings};
use domain::vault::to_hex;
use stores::sqlite::{DataDir, Options, SqliteStore, snapshot};

use super::{Operator, Progress, Report, Scratch, Standing, blocking};
use crate::node::{Node, Quiet};

pub(super) async fn store(operator: &Operator, progress: Progress) -> anyhow::Result<Report> {
    let limits = operator.node.service.limits().clone();
    let found = look(operator, progress, async |node: &Node| {
        invariants::check(node.store.as_ref(), &node.vault, &limits).await
    })
    .await?;
    Ok(store_report(&found))
}

/// What `verify-store` says.
pub(super) fn store_report(found: &Findings) -> Report {
    let mut text = lines(found);
    let Findings { accounts, users, keys, audit_entries, .. } = found;
    // Writing to memory does not fail.
    let _ = writeln!(
        text,
        "checked {accounts} accounts, {users} users, {keys} access keys, {audit_entries} audit entries"
    );
    if found.is_clean() {
        text.push_str("clean\n");
        return Report::done(text);
    }
    let failure = "the store violates its invariants; keep a copy of the data directory before you go on.";
    Report { text, failure: Some(failure.to_owned()) }
}

pub(super) async fn audit(
    operator: &Operator,
    heads: &[String],
    progress: Progress,
) -> anyhow::Result<Report> {
    let heads: Vec<ChainHead> = heads.iter().filter_map(|head| ChainHead::parse(head)).collect();
    let found = look(operator, progress, async |node: &Node| {
        invariants::check_audit_only(node.store.as_ref(), &node.vault, &heads).await
    })
    .await?;
    let mut text = lines(&found);
    for head in &found.heads {
        let _ = writeln!(text, "head {} {} {}", head.node, head.seq, to_hex(&head.mark));
    }
    let _ = writeln!(text, "checked {} entries in {} chains", found.audit_entries, found.heads.len());
    let failure = "the audit was changed; keep a copy of the data directory before you go on.";
    Ok(Report { text, failure: (!found.is_clean()).then(|| failure.to_owned()) })
}

fn lines(found: &Findings) -> String {
    found.findings.iter().map(|finding| format!("{finding}\n")).collect()
}

async fn look<E: std::error::Error + Send + Sync + 'static>(
    operator: &Operator,
    progress: Progress,
    check: impl AsyncFnOnce(&Node) -> Result<Findings, E>,
) -> anyhow::Result<Findings> {
    const UNREADABLE: &str = "the store cannot be read";
    if operator.standing == Standing::Alone {
        return check(&operator.node).await.context(UNREADABLE);
    }
    let data_dir = operator.config.data_dir.clone();
    let scratch = blocking(move || {
        let scratch = Scratch::new(&data_dir)?;
        let copy = DataDir::take(scratch.path())?;
        snapshot(&data_dir, &copy, &mut |percent| progress("copying", percent))?;
        Ok(scratch)
    })
    .await?;
    let opened = SqliteStore::open(scratch.path(), Options { reserve_bytes: 0, ..Options::default() })?;
    let Operator { node, config, world, .. } = operator;
    let copy = Node::start(opened, node.vault.clone(), config, world, Arc::new(Quiet))?;
    let found = check(&copy).await.context(UNREADABLE);
    copy.store.close().await?;
    found
}
