//! Which keys of a backup were revoked after it was made: what the present store says of them. Pure, but for reading.

use std::collections::{HashMap, HashSet};

use domain::access_keys::{AccessKey, KeyKind, KeyStatus};
use domain::accounts::{Account, AccountStatus};
use domain::clock::UnixMillis;
use domain::id::{AccountUuid, KeyUuid, UserUuid};
use domain::policy::Role;
use domain::store::{Store, StoreError};
use domain::users::{User, UserStatus};

/// Rows per read.
const PAGE: u32 = 500;

/// Which keys the operator accepts to work again although they were revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revive {
    /// These ids; none by default.
    Keys(Vec<String>),
    /// All that worked when the backup was made.
    All,
}

impl Revive {
    fn contains(&self, key: &AccessKey) -> bool {
        match self {
            Self::All => true,
            Self::Keys(ids) => ids.iter().any(|id| id == key.key_id.as_str()),
        }
    }
}

/// What works in a store at one time.
#[derive(Debug, Default)]
pub(super) struct InForce {
    users: HashSet<UserUuid>,
    keys: HashSet<KeyUuid>,
}

impl InForce {
    /// Reads all of `store`.
    pub(super) async fn of(store: &dyn Store, now: UnixMillis) -> Result<Self, StoreError> {
        let mut found = Self::default();
        walk(store, now, |user, keys| {
            found.users.insert(user.uuid);
            found.keys.extend(keys.iter().map(|key| key.uuid));
        })
        .await?;
        Ok(found)
    }
}

/// What a restore has to change in the backup's store before it may serve.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Users to freeze.
    pub(super) frozen: Vec<User>,
    /// Keys to disable, each with its user.
    pub(super) suspended: Vec<(User, AccessKey)>,
    /// Keys that will work again as the operator asked.
    pub(super) revived: Vec<(User, AccessKey)>,
    /// Administrators' keys among the suspended ones, of accounts that would have no other.
    pub(super) last_administrators: Vec<String>,
}

impl Plan {
    /// Compares the `backup` with what is in force now; `None` where no present store can tell.
    pub(super) async fn new(
        backup: &dyn Store,
        present: Option<&InForce>,
        revive: &Revive,
        now: UnixMillis,
    ) -> Result<Self, StoreError> {
        let mut plan = Self::default();
        // For each account, how many administrators' keys stay, and which do not.
        let mut administrators: HashMap<AccountUuid, (u64, Vec<String>)> = HashMap::new();
        walk(backup, now, |user, keys| {
            let mut stays = present.is_some_and(|present| present.users.contains(&user.uuid));
            for key in keys {
                let is_known = present.is_some_and(|present| present.keys.contains(&key.uuid));
                let is_revived = !is_known && revive.contains(key);
                stays |= is_revived;
                if user.role == Role::Admin && key.kind == KeyKind::Permanent {
                    let (staying, lost) = administrators.entry(user.account).or_default();
                    if is_known || is_revived {
                        *staying += 1;
                    } else {
                        lost.push(key.key_id.as_str().to_owned());
                    }
                }
                match (is_known, is_revived) {
                    (true, _) => {}
                    (false, true) => plan.revived.push((user.clone(), key.clone())),
                    (false, false) => plan.suspended.push((user.clone(), key.clone())),
                }
            }
            if !stays && *revive != Revive::All {
                plan.frozen.push(user.clone());
            }
        })
        .await?;
        plan.last_administrators = administrators
            .into_values()
            .filter(|(staying, _)| *staying == 0)
            .flat_map(|(_, lost)| lost)
            .collect();
        plan.last_administrators.sort();
        Ok(plan)
    }
}

/// Shows each user who may act, with those of his keys that may.
async fn walk(
    store: &dyn Store,
    now: UnixMillis,
    mut see: impl FnMut(&User, &[AccessKey]),
) -> Result<(), StoreError> {
    let accounts = active_accounts(store).await?;
    let mut after = None;
    loop {
        let page = store.scan_users(after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.uuid);
        for (user, keys) in &page {
            let may_act = user.deleted_at.is_none() && user.status == UserStatus::Active;
            if may_act && accounts.contains(&user.account) {
                see(user, &keys_in_force(keys, now));
            }
        }
    }
}

async fn active_accounts(store: &dyn Store) -> Result<HashSet<AccountUuid>, StoreError> {
    let is_active =
        |account: &Account| account.deleted_at.is_none() && account.status == AccountStatus::Active;
    let (mut found, mut after) = (HashSet::new(), None);
    loop {
        let page = store.scan_accounts(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.uuid);
        found.extend(page.iter().filter(|account| is_active(account)).map(|account| account.uuid));
    }
}

fn keys_in_force(keys: &[AccessKey], now: UnixMillis) -> Vec<AccessKey> {
    let is_in_force =
        |key: &AccessKey| key.deleted_at.is_none() && key.status == KeyStatus::Active && !key.is_expired(now);
    let parent_is = |key: &AccessKey| {
        key.parent.is_none_or(|parent| keys.iter().any(|other| other.uuid == parent && is_in_force(other)))
    };
    keys.iter().filter(|key| is_in_force(key) && parent_is(key)).cloned().collect()
}
