//! What every store must do, as one suite of cases that runs over each implementation.
//!
//! A case gets a fresh store and fails by panicking. Nothing here knows which store it looks at.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a suite of tests fails by panicking"
)]

mod account_wide;
mod atomic;
pub mod dump;
mod effects;
mod key_lists;
mod logins;
mod reads;
mod requires;
pub mod rows;
mod token_keys;

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use domain::audit::{AuditChain, AuditEntry, ChainHead};
use domain::batch::{Batch, Effect, Require};
use domain::clock::UnixMillis;
use domain::id::NodeId;
use domain::store::{CommitError, CommitObserver, SharedStore, StoreError};
use domain::testing::TestRandom;
use domain::vault::{MasterKey, RingRow, Vault};

/// Starts a store with this key ring, which appends to the chain and tells the observer.
pub type Start<'a> = &'a dyn Fn(Vec<RingRow>, AuditChain, Arc<dyn CommitObserver>) -> SharedStore;

/// One case of the suite.
pub type Case = fn(Subject) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! cases {
    ($($module:ident: $($name:ident),+;)+) => {
        /// Every case with its name.
        pub const CASES: &[(&str, Case)] = &[
            $($((concat!(stringify!($module), "::", stringify!($name)), |subject| {
                Box::pin($module::$name(subject))
            }),)+)+
        ];
    };
}

cases! {
    requires: store_is_empty, caller_may_act, caller_may_act_through_his_parent, versions, user_is_live, live_keys_are,
        name_is_free, key_id_is_free, serial_is_free, keys_below, children_below, children_are,
        users_below, another_admin_key_remains;
    effects: entities_read_back_as_they_were_written, updates_replace_what_may_change, what_never_changes_stays,
        nothing_is_inserted_twice, references_must_exist, ring_keys_and_their_seals,
        a_ring_key_is_rewrapped_from_the_master_key_it_had, refusals_add_up_and_age, the_latest_use_stays;
    key_lists: keys_are_found_by_record, keys_of_an_account_page_in_both_directions, each_filter_leaves_out_the_others,
        deleted_keys_are_listed_on_demand;
    account_wide: accounts_are_found_by_name_and_change, keys_are_found_by_id, users_are_walked_by_place,
        conditions_read_back_and_change, keys_on_their_way_out_do_not_count,
        keys_that_cannot_administrate_keep_no_account, requests_are_remembered_for_a_while,
        the_audit_is_read_by_account_and_object, the_audit_is_cut_alike;
    reads: owners_are_found_for_deleted_keys_too, names_find_live_users_only, numbers_find_live_users_only, users_come_with_account_and_live_keys,
        lists_page_by_creation, scans_page_by_id_with_tombstones, audit_rows_page_in_chain_order;
    logins: ssh_keys_read_back, ssh_keys_are_found_in_their_account, an_ssh_key_has_one_owner_in_an_account,
        what_never_changes_of_an_ssh_key_stays, ssh_key_requirements, passwords_are_replaced_and_forgotten,
        tokens_come_with_their_user, tokens_make_room, gate_tokens_have_names_of_their_own, a_token_may_act;
    token_keys: keys_come_with_their_user_and_go_with_their_token, expired_keys_make_room,
        a_key_belongs_to_a_session_of_its_user, key_requirements, a_key_may_act_while_its_token_may;
    atomic: a_refused_batch_changes_nothing, a_contradiction_changes_nothing, a_change_without_audit_is_refused,
        requirements_see_what_was_written_before, the_first_requirement_that_fails_is_named,
        the_observer_hears_before_the_waiter_wakes, concurrent_commits_leave_a_gapless_chain,
        of_many_concurrent_writers_one_wins, a_closed_store_answers_nothing;
}

/// A fresh store and what it told its observer.
pub struct Subject {
    /// The store.
    pub store: SharedStore,
    /// What it told.
    pub told: Arc<Told>,
    /// The vault whose keys chain its audit.
    pub vault: Vault,
    /// Its chain.
    pub node: NodeId,
}

/// An observer that remembers.
#[derive(Debug, Default)]
pub struct Told {
    /// Batches, in the order of their commits.
    pub committed: Mutex<Vec<Batch>>,
    /// Chain heads, one for each transaction.
    pub heads: Mutex<Vec<ChainHead>>,
    /// Why the store failed, if it did.
    pub failed: Mutex<Option<String>>,
}

impl CommitObserver for Told {
    fn committed(&self, batch: &Batch) {
        self.committed.lock().unwrap().push(batch.clone());
    }

    fn failed(&self, cause: &str) {
        *self.failed.lock().unwrap() = Some(cause.to_owned());
    }

    fn chained(&self, head: &ChainHead) {
        self.heads.lock().unwrap().push(*head);
    }
}

impl Subject {
    /// A fresh store.
    pub fn start(start: Start<'_>) -> Self {
        let random = TestRandom::seeded(1);
        let master = MasterKey::generate(&random);
        let ring = Vault::new_ring(&master, UnixMillis(1), &random);
        let vault = Vault::open(&master, &ring, &random).unwrap();
        let node = NodeId::generate(UnixMillis(1), &random);
        let told = Arc::new(Told::default());
        let store = start(ring, AuditChain::start(vault.audit_key(), node), told.clone());
        Self { store, told, vault, node }
    }

    /// Writes effects with an audit entry and no requirement.
    pub async fn write(&self, effects: Vec<Effect>) {
        self.try_write(effects).await.unwrap();
    }

    /// The same, for effects that may contradict what is stored.
    pub async fn try_write(&self, effects: Vec<Effect>) -> Result<(), CommitError> {
        self.store.commit(Batch { effects, audit: vec![entry(1)], require: Vec::new() }).await
    }

    /// Whether a requirement holds, by a batch that does nothing else.
    pub async fn holds(&self, require: Require) -> bool {
        let batch = Batch { require: vec![require.clone()], ..Batch::default() };
        match self.store.commit(batch).await {
            Ok(()) => true,
            Err(CommitError::Refused(refused)) => {
                assert_eq!(*refused, require, "the refusal names the requirement");
                false
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// An audit entry that says little.
pub fn entry(number: u64) -> AuditEntry {
    AuditEntry {
        at: UnixMillis(1_700_000_000_000),
        account: rows::account(1).uuid,
        actor: None,
        actor_key: None,
        request: None,
        source: None,
        dialect: "test".into(),
        action: "test.write".into(),
        object: [7; 16],
        object_version: number,
        detail: format!("number={number}"),
    }
}

fn is_corrupt(result: &Result<(), CommitError>) -> bool {
    matches!(result, Err(CommitError::Store(StoreError::Corrupt(_))))
}
