//! The use cases, and what they share. Each family of use cases is an `impl Service` in the file of its family.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::batch::{Batch, Effect};
use crate::caller::{Caller, Credential};
use crate::clock::Clock;
use crate::directory::{Directory, Generations};
use crate::doctor::Ring;
use crate::hashing::Hashing;
use crate::last_used::LastUsed;
use crate::limits::Limits;
use crate::lockout::Lockout;
#[cfg(any(test, feature = "testing"))]
use crate::policy::Action;
use crate::policy::{Rights, Role};
use crate::random::Randomness;
use crate::refusals::Refusals;
use crate::replay::Replay;
use crate::signature_uses::SignatureUses;
use crate::ssh_keys::BlockList;
use crate::store::{CommitError, SharedStore};
use crate::throttle::Throttle;
use crate::vault::Vault;

/// What a [`Service`] is made of.
pub struct Parts {
    /// Where data lives.
    pub store: SharedStore,
    /// The opened key ring.
    pub vault: Arc<Vault>,
    /// The counters that the store's committer raises.
    pub generations: Arc<Generations>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub random: Arc<dyn Randomness>,
    /// The limits.
    pub limits: Limits,
    /// SSH keys that nobody may add.
    pub blocked_keys: BlockList,
}

/// The product: every use case is a method.
pub struct Service {
    pub(crate) store: SharedStore,
    pub(crate) vault: Arc<Vault>,
    pub(crate) directory: Directory,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Randomness>,
    pub(crate) limits: Limits,
    pub(crate) replay: Replay,
    pub(crate) signature_uses: SignatureUses,
    pub(crate) last_used: LastUsed,
    pub(crate) signature_work: AtomicU64,
    pub(crate) hashing: Hashing,
    pub(crate) password_work: AtomicU64,
    pub(crate) token_work: AtomicU64,
    /// Logins that failed, per user and source.
    pub(crate) login_locks: Lockout<(String, Option<IpAddr>)>,
    /// Wrong signatures in a row, per key id and source.
    pub(crate) key_locks: Lockout<(String, Option<IpAddr>)>,
    pub(crate) blocked_keys: BlockList,
    pub(crate) refusals: Refusals,
    pub(crate) doctor: Ring,
    /// Failed authentications, per source.
    pub(crate) failures: Throttle<IpAddr>,
    /// Requests, per key.
    requests: Throttle<Credential>,
    #[cfg(any(test, feature = "testing"))]
    withheld: std::sync::Mutex<Option<Action>>,
}

impl Service {
    /// Puts the parts together. Reads nothing: a start takes the same time at ten keys and at ten million.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, vault, generations, clock, random, limits, blocked_keys } = parts;
        let directory =
            Directory::new(store.clone(), vault.clone(), clock.clone(), generations, limits.cached_keys);
        Self {
            store,
            vault,
            directory,
            replay: Replay::new(clock.now()),
            clock,
            random,
            signature_uses: SignatureUses::default(),
            last_used: LastUsed::default(),
            signature_work: AtomicU64::new(0),
            hashing: Hashing::default(),
            password_work: AtomicU64::new(0),
            token_work: AtomicU64::new(0),
            login_locks: Lockout::new(limits.password_lock),
            key_locks: Lockout::new(limits.key_lock),
            blocked_keys,
            refusals: Refusals::default(),
            doctor: Ring::new(limits.kept_refusals),
            failures: Throttle::new(limits.failed_authentications),
            requests: Throttle::new(limits.requests),
            limits,
            #[cfg(any(test, feature = "testing"))]
            withheld: std::sync::Mutex::default(),
        }
    }

    /// The directory, for look-ups that need no caller and for its counts.
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The limits in force.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// What was seen of repeated requests.
    pub const fn replay(&self) -> &Replay {
        &self.replay
    }

    /// How often one signature came with two operations from two addresses (threat T07), or carried writes from two
    /// (threat T24): an alarm.
    pub fn suspected_replays(&self) -> u64 {
        self.replay.suspected() + self.signature_uses.suspected()
    }

    /// Signatures computed so far: one for each claim that was judged, known key or not (threat T54).
    pub fn signature_work(&self) -> u64 {
        self.signature_work.load(Ordering::Relaxed)
    }

    /// Takes a request of `caller` out of his key's rate, where one is configured. `false`: too many, try later.
    pub fn admit(&self, caller: &Caller) -> bool {
        self.requests.take(caller.key(), self.clock.now())
    }

    /// The rights that a role gives.
    #[cfg(not(any(test, feature = "testing")))]
    pub(crate) const fn rights_of(&self, role: Role) -> Rights {
        Rights::of(role)
    }

    /// The rights that a role gives, less what a test withholds.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn rights_of(&self, role: Role) -> Rights {
        let withheld = *self.withheld.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        withheld.map_or(Rights::of(role), |action| Rights::of(role).except(action))
    }

    /// Takes one action away from everybody who is authenticated from now on, so that a test can prove that each operation
    /// asks for the right to what it does (threat T42).
    #[cfg(any(test, feature = "testing"))]
    pub fn withhold(&self, action: Option<Action>) {
        *self.withheld.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = action;
    }

    /// Refused authentications since the start, by reason.
    pub fn refusal_totals(&self) -> BTreeMap<&'static str, u64> {
        self.refusals.totals()
    }

    /// Writes the refusals counted since the last call, in one batch.
    ///
    /// # Errors
    /// What the store says; the counts of this interval are then lost, which costs a statistic and no promise.
    pub async fn flush_refusals(&self) -> Result<(), CommitError> {
        let effects: Vec<Effect> = self.refusals.take().into_iter().map(Effect::CountRefusals).collect();
        if effects.is_empty() {
            return Ok(());
        }
        self.store.commit(Batch { effects, ..Batch::default() }).await
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Service({:?})", self.directory)
    }
}
