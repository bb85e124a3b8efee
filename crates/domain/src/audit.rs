//! The audit: one entry for each change, written in the change's own transaction and chained.
//!
//! Each node (one run of the server) has a chain of its own, gapless in commit order. An entry's mark covers the mark before
//! it, so an edited, dropped or reordered entry is found; only a chain head kept elsewhere shows that the end was cut off.

use std::borrow::Cow;

use crate::clock::UnixMillis;
use crate::id::{AccountUuid, KeyId, NodeId, RequestId, UserUuid};
use crate::vault::{AuditKey, Mark, MarkInput, from_hex, same};

/// What happened, before it has a place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: UnixMillis,
    /// In which account.
    pub account: AccountUuid,
    /// Who did it; `None` for the server itself.
    pub actor: Option<UserUuid>,
    /// With which key.
    pub actor_key: Option<KeyId>,
    /// The request that asked for it.
    pub request: Option<RequestId>,
    /// From which address, as text.
    pub source: Option<String>,
    /// Through which dialect.
    pub dialect: Cow<'static, str>,
    /// What was done: an action of the policy or an event such as `node.start`.
    pub action: Cow<'static, str>,
    /// To what: the record's UUID.
    pub object: [u8; 16],
    /// The object's version after the change, so that an old row put back is found.
    pub object_version: u64,
    /// What changed, as `name=value` pairs in a fixed order. Never a secret.
    pub detail: String,
}

impl AuditEntry {
    fn mark_input(&self, node: NodeId, seq: u64) -> MarkInput {
        MarkInput::new("audit")
            .bytes(node.as_bytes())
            .number(seq.cast_signed())
            .number(self.at.0)
            .bytes(self.account.as_bytes())
            .bytes(self.actor.as_ref().map_or(&[], |id| id.as_bytes().as_slice()))
            .maybe_text(self.actor_key.as_ref().map(KeyId::as_str))
            .bytes(self.request.as_ref().map_or(&[], |id| id.as_bytes().as_slice()))
            .maybe_text(self.source.as_deref())
            .text(&self.dialect)
            .text(&self.action)
            .bytes(&self.object)
            .number(self.object_version.cast_signed())
            .text(&self.detail)
    }
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// The chain.
    pub node: NodeId,
    /// The place in it, from 1.
    pub seq: u64,
    /// The entry.
    pub entry: AuditEntry,
    /// The keyed mark over the previous mark and this entry.
    pub mark: Mark,
}

/// The newest link of one node's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The chain.
    pub node: NodeId,
    /// The place of its last entry; 0 before the first.
    pub seq: u64,
    /// That entry's mark; zeros before the first.
    pub mark: Mark,
}

impl ChainHead {
    /// Reads `node:seq:mark`, as a start's entry and `keyward audit verify` write it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (node, seq, mark) = (parts.next()?, parts.next()?, parts.next()?);
        let mark = from_hex(mark)?.try_into().ok()?;
        let head = Self { node: NodeId::parse(node)?, seq: seq.parse().ok()?, mark };
        parts.next().is_none().then_some(head)
    }
}

/// The chain that a committer appends to.
#[derive(Clone, Debug)]
pub struct AuditChain {
    key: AuditKey,
    head: ChainHead,
}

impl AuditChain {
    /// An empty chain for a node that has just started.
    pub const fn start(key: AuditKey, node: NodeId) -> Self {
        Self { key, head: ChainHead { node, seq: 0, mark: [0; 32] } }
    }

    /// Gives `entry` the next place.
    pub fn append(&mut self, entry: AuditEntry) -> AuditRow {
        let seq = self.head.seq.saturating_add(1);
        let mark = self.key.link(&self.head.mark, &entry.mark_input(self.head.node, seq));
        self.head = ChainHead { seq, mark, ..self.head };
        AuditRow { node: self.head.node, seq, entry, mark }
    }

    /// The newest link.
    pub const fn head(&self) -> ChainHead {
        self.head
    }
}

/// Where a chain breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainBreak {
    /// An entry is missing or out of order.
    #[error("audit chain {node}: entry {expected} is missing, found {found}")]
    Gap {
        /// The chain.
        node: NodeId,
        /// The place that should come next.
        expected: u64,
        /// The place that does.
        found: u64,
    },
    /// An entry was edited, or one before it was.
    #[error("audit chain {node}: entry {seq} does not carry its mark")]
    Edited {
        /// The chain.
        node: NodeId,
        /// The place.
        seq: u64,
    },
}

/// Checks a chain, entry by entry.
#[derive(Debug)]
pub struct ChainCheck {
    chain: AuditChain,
}

impl ChainCheck {
    /// Begins before a node's first entry.
    pub const fn start(key: AuditKey, node: NodeId) -> Self {
        Self { chain: AuditChain::start(key, node) }
    }

    /// Takes the next stored row. After a break it goes on from that row as it is stored, so that each break is told once.
    ///
    /// # Errors
    /// [`ChainBreak`].
    pub fn next(&mut self, row: &AuditRow) -> Result<(), ChainBreak> {
        let (node, expected) = (self.chain.head.node, self.chain.head.seq.saturating_add(1));
        let right = self.chain.append(row.entry.clone());
        self.chain.head = ChainHead { node, seq: row.seq, mark: row.mark };
        if row.seq != expected || row.node != node {
            return Err(ChainBreak::Gap { node, expected, found: row.seq });
        }
        if same(&right.mark, &row.mark) { Ok(()) } else { Err(ChainBreak::Edited { node, seq: row.seq }) }
    }

    /// The last entry that was taken.
    pub const fn head(&self) -> ChainHead {
        self.chain.head
    }
}
