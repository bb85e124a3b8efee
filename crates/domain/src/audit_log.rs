//! Reading the audit: an account's entries, filtered, page by page.
//!
//! The order is that of the chains: run of the server, then place in it. It is the order of commit, so that who follows the
//! audit misses nothing; times are those of the requests and may run a little crosswise.

use std::collections::BTreeMap;

use crate::audit::AuditRow;
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::error::Error;
use crate::id::{AccountUuid, NodeId, UserUuid};
use crate::policy::{Action, Reach};
use crate::service::Service;

/// Entries that one page looks at, at most; matches beyond are on the next.
pub const SCANNED_ENTRIES: u32 = 10_000;

/// A place in the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPlace {
    /// The chain.
    pub node: NodeId,
    /// The place in it.
    pub seq: u64,
}

/// Which actions a filter shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionFilter {
    /// Exactly this one.
    Is(String),
    /// All that begin so.
    BeginsWith(String),
}

/// Which entries of an account are shown: those that meet every member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFilter {
    /// The account.
    pub account: AccountUuid,
    /// Who did it.
    pub actor: Option<UserUuid>,
    /// With which key.
    pub actor_key: Option<String>,
    /// What was done.
    pub action: Option<ActionFilter>,
    /// To what.
    pub object: Option<[u8; 16]>,
    /// Not before.
    pub since: Option<UnixMillis>,
    /// Before.
    pub until: Option<UnixMillis>,
}

impl AuditFilter {
    /// Every entry of an account.
    pub const fn of(account: AccountUuid) -> Self {
        Self { account, actor: None, actor_key: None, action: None, object: None, since: None, until: None }
    }

    /// Whether `row` is shown.
    pub fn shows(&self, row: &AuditRow) -> bool {
        let entry = &row.entry;
        entry.account == self.account
            && self.actor.is_none_or(|actor| entry.actor == Some(actor))
            && self.object.is_none_or(|object| entry.object == object)
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && self
                .actor_key
                .as_deref()
                .is_none_or(|key| entry.actor_key.as_ref().is_some_and(|given| given.as_str() == key))
            && self.action.as_ref().is_none_or(|action| match action {
                ActionFilter::Is(action) => entry.action == *action,
                ActionFilter::BeginsWith(start) => entry.action.starts_with(start),
            })
    }
}

/// Which way a page runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOrder {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// What a store is asked for.
#[derive(Clone, Debug)]
pub struct AuditScan {
    /// Which entries.
    pub filter: AuditFilter,
    /// Which way.
    pub order: AuditOrder,
    /// Behind this place, in that order.
    pub after: Option<AuditPlace>,
    /// Most entries shown.
    pub limit: u32,
    /// Most entries looked at.
    pub scanned: u32,
}

/// A page of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The entries.
    pub rows: Vec<AuditRow>,
    /// The last place that was looked at, if any was.
    pub last: Option<AuditPlace>,
    /// Whether there may be more behind it.
    pub has_more: bool,
}

impl AuditScan {
    /// Takes entries of the account, those behind the place in the order asked for, until the page is full or enough was
    /// looked at. For stores, so that all cut alike.
    pub fn collect<E>(&self, rows: impl Iterator<Item = Result<AuditRow, E>>) -> Result<AuditPage, E> {
        let mut page = AuditPage::default();
        let full = usize::try_from(self.limit).unwrap_or(usize::MAX);
        for (row, scanned) in rows.zip(0_u32..) {
            let row = row?;
            if page.rows.len() >= full || scanned >= self.scanned {
                page.has_more = true;
                break;
            }
            page.last = Some(AuditPlace { node: row.node, seq: row.seq });
            if self.filter.shows(&row) {
                page.rows.push(row);
            }
        }
        Ok(page)
    }
}

impl Service {
    /// What the users of the caller's account who stand in these entries are called now, deleted ones included. Who reaches
    /// only himself learns no other name (threat T38).
    ///
    /// # Errors
    /// What the store says.
    pub async fn actor_names(
        &self,
        caller: &Caller,
        rows: &[AuditRow],
    ) -> Result<BTreeMap<UserUuid, String>, Error> {
        let reach = caller.reach(Action::ReadUser).unwrap_or(Reach::Nobody);
        let mut names = BTreeMap::new();
        for actor in rows.iter().filter_map(|row| row.entry.actor) {
            let is_told = reach == Reach::Account || reach == Reach::Own && actor == caller.user;
            if !is_told || names.contains_key(&actor) {
                continue;
            }
            if let Some(record) = self.directory.by_user(caller.account, actor).await? {
                names.insert(actor, record.rows.user.name.clone());
            }
        }
        Ok(names)
    }

    /// A page of the audit of the caller's account.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn read_audit(
        &self,
        caller: &Caller,
        filter: AuditFilter,
        order: AuditOrder,
        after: Option<AuditPlace>,
        limit: u32,
    ) -> Result<AuditPage, Error> {
        caller.require_account(Action::ReadAudit)?;
        let filter = AuditFilter { account: caller.account, ..filter };
        self.scan_audit(filter, order, after, limit).await
    }

    /// A page of what happened to a key, newest first: to whoever may read the key, dead or alive.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::KeyNotFound`], [`Error::Damaged`], [`Error::Store`].
    pub async fn access_key_events(
        &self,
        caller: &Caller,
        key_id: &str,
        after: Option<AuditPlace>,
        limit: u32,
    ) -> Result<AuditPage, Error> {
        let (_, key) = self.get_access_key(caller, key_id).await?;
        let filter = AuditFilter { object: Some(*key.uuid.as_bytes()), ..AuditFilter::of(caller.account) };
        self.scan_audit(filter, AuditOrder::Descending, after, limit).await
    }

    /// The newest place of the audit, where following begins.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn audit_end(&self, caller: &Caller) -> Result<Option<AuditPlace>, Error> {
        caller.require_account(Action::ReadAudit)?;
        let head = self.store.audit_heads().await?.pop();
        Ok(head.map(|head| AuditPlace { node: head.node, seq: head.seq }))
    }

    async fn scan_audit(
        &self,
        filter: AuditFilter,
        order: AuditOrder,
        after: Option<AuditPlace>,
        limit: u32,
    ) -> Result<AuditPage, Error> {
        let scan = AuditScan { filter, order, after, limit, scanned: SCANNED_ENTRIES };
        Ok(self.store.scan_audit(scan).await?)
    }
}
