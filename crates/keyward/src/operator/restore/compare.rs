//! What of a backup was revoked after it was made, by what the present store says. Only reads.

use std::collections::{HashMap, HashSet};

use domain::access_keys::{AccessKey, KeyKind, KeyStatus};
use domain::accounts::{Account, AccountStatus};
use domain::clock::UnixMillis;
use domain::id::{AccountUuid, KeyUuid, UserUuid};
use domain::policy::Role;
use domain::ssh_keys::SshKey;
use domain::store::{Store, StoreError};
use domain::tokens::{Token, TokenHash, TokenKind};
use domain::users::{User, UserStatus};

/// Rows per read.
const PAGE: u32 = 500;

/// Which keys the operator accepts to work again although they were revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revive {
    /// These ids; none by default.
    Keys(Vec<String>),
    /// All that worked when the backup was made, logins and tokens included.
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
    users: HashMap<UserUuid, User>,
    /// Access keys, each with its end.
    keys: HashMap<KeyUuid, Option<UnixMillis>>,
    ssh_keys: HashMap<KeyUuid, SshKey>,
    gate_tokens: HashSet<TokenHash>,
}

impl InForce {
    /// Reads all of `store`.
    pub(super) async fn of(store: &dyn Store, now: UnixMillis) -> Result<Self, StoreError> {
        let mut found = Self::default();
        walk(store, now, |user, keys| {
            found.users.insert(user.uuid, user.clone());
            found.keys.extend(keys.iter().map(|key| (key.uuid, key.expires_at)));
        })
        .await?;
        found.ssh_keys = ssh_keys(store, now).await?.into_iter().map(|key| (key.uuid, key)).collect();
        found.gate_tokens = tokens(store, TokenKind::Gate).await?.iter().map(|token| token.hash).collect();
        Ok(found)
    }

    /// An SSH key of the backup as it is to be: disabled when it is no longer in force, and with the limits that it got. `None`
    /// when nothing was taken from it.
    fn limited(&self, key: &SshKey) -> Option<SshKey> {
        let Some(now) = self.ssh_keys.get(&key.uuid) else {
            return Some(SshKey { status: KeyStatus::Inactive, ..key.clone() });
        };
        let expires_at = key.expires_at.into_iter().chain(now.expires_at).min();
        let sources = if now.sources.is_empty() { &key.sources } else { &now.sources };
        let limited = SshKey { expires_at, sources: sources.clone(), ..key.clone() };
        (limited != *key).then_some(limited)
    }
}

/// What a restore has to change in the backup's store before it may serve.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Users as they are to be: frozen, or with the role that they have now.
    pub(super) users: Vec<User>,
    /// Keys to disable, each with its user.
    pub(super) suspended: Vec<(User, AccessKey)>,
    /// Keys that end earlier by now, each with its user.
    pub(super) shortened: Vec<(User, AccessKey)>,
    /// Keys that will work again as the operator asked.
    pub(super) revived: Vec<(User, AccessKey)>,
    /// SSH keys as they are to be: disabled, or with limits.
    pub(super) ssh_keys: Vec<SshKey>,
    /// Users who were changed since: their passwords may be old ones.
    pub(super) logins: Vec<User>,
    /// Tokens to end: those of the gate that are gone by now, and every session.
    pub(super) tokens: Vec<Token>,
    /// Administrators' keys among the suspended ones, of accounts that would have no other.
    pub(super) last_administrators: Vec<String>,
}

impl Plan {
    /// Compares the `backup` with what is in force now. Nothing is to be changed where all may be revived.
    pub(super) async fn new(
        backup: &dyn Store,
        present: &InForce,
        revive: &Revive,
        now: UnixMillis,
    ) -> Result<Self, StoreError> {
        let mut plan = Self::default();
        let mut administrators = Administrators::default();
        walk(backup, now, |user, keys| {
            let known = present.users.get(&user.uuid);
            let mut is_revived = *revive == Revive::All;
            for key in keys {
                let end = present.keys.get(&key.uuid);
                let revived = end.is_none() && revive.contains(key);
                is_revived |= revived;
                administrators.count(known.unwrap_or(user), key, end.is_some() || revived);
                let parents_end = key.parent.and_then(|parent| present.keys.get(&parent)).copied().flatten();
                plan.judge(user, key, end, parents_end, revived);
            }
            if *revive != Revive::All {
                plan.judge_user(user, known, is_revived);
            }
        })
        .await?;
        if *revive != Revive::All {
            plan.ssh_keys =
                ssh_keys(backup, now).await?.iter().filter_map(|key| present.limited(key)).collect();
            plan.tokens = tokens(backup, TokenKind::Session).await?;
            let gate = tokens(backup, TokenKind::Gate).await?.into_iter();
            plan.tokens.extend(gate.filter(|token| !present.gate_tokens.contains(&token.hash)));
        }
        plan.last_administrators = administrators.lost();
        Ok(plan)
    }

    /// `end` is that of the key now, `None` when it is no longer in force; `parents_end` that of the key that it belongs to.
    fn judge(
        &mut self,
        user: &User,
        key: &AccessKey,
        end: Option<&Option<UnixMillis>>,
        parents_end: Option<UnixMillis>,
        revived: bool,
    ) {
        let ends = key.expires_at.into_iter().chain(end.copied().flatten()).chain(parents_end);
        let ending = AccessKey { expires_at: ends.min(), ..key.clone() };
        match end {
            None if !revived => return self.suspended.push((user.clone(), ending)),
            None => self.revived.push((user.clone(), key.clone())),
            Some(_) => {}
        }
        if ending.expires_at != key.expires_at {
            self.shortened.push((user.clone(), ending));
        }
    }

    fn judge_user(&mut self, user: &User, known: Option<&User>, is_revived: bool) {
        match known {
            Some(known) if known.version == user.version => {}
            Some(known) => {
                self.logins.push(user.clone());
                if known.role != user.role {
                    self.users.push(User { role: known.role, ..user.clone() });
                }
            }
            None => {
                self.logins.push(user.clone());
                if !is_revived {
                    self.users.push(User { status: UserStatus::Frozen, ..user.clone() });
                }
            }
        }
    }
}

/// For each account, how many keys of administrators will work, and which will not.
#[derive(Default)]
struct Administrators(HashMap<AccountUuid, (u64, Vec<String>)>);

impl Administrators {
    fn count(&mut self, user: &User, key: &AccessKey, works: bool) {
        if user.role != Role::Admin || key.kind != KeyKind::Permanent {
            return;
        }
        let (working, lost) = self.0.entry(user.account).or_default();
        if works {
            *working += 1;
        } else {
            lost.push(key.key_id.as_str().to_owned());
        }
    }

    fn lost(self) -> Vec<String> {
        let without = self.0.into_values().filter(|(working, _)| *working == 0);
        let mut lost: Vec<String> = without.flat_map(|(_, lost)| lost).collect();
        lost.sort();
        lost
    }
}

/// Shows each user who may act, with those of his keys that may.
async fn walk(
    store: &dyn Store,
    now: UnixMillis,
    mut see: impl FnMut(&User, &[AccessKey]),
) -> Result<(), StoreError> {
    let is_active =
        |account: &Account| account.deleted_at.is_none() && account.status == AccountStatus::Active;
    let accounts: HashSet<AccountUuid> = accounts(store)
        .await?
        .iter()
        .filter(|account| is_active(account))
        .map(|account| account.uuid)
        .collect();
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

async fn accounts(store: &dyn Store) -> Result<Vec<Account>, StoreError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.scan_accounts(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.uuid);
        found.extend(page);
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

async fn ssh_keys(store: &dyn Store, now: UnixMillis) -> Result<Vec<SshKey>, StoreError> {
    let is_in_force =
        |key: &SshKey| key.deleted_at.is_none() && key.status == KeyStatus::Active && !key.is_expired(now);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.scan_ssh_keys(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.uuid);
        found.extend(page.into_iter().filter(is_in_force));
    }
}

/// Every token of a kind. There are as many as people who are logged in, or as services.
async fn tokens(store: &dyn Store, kind: TokenKind) -> Result<Vec<Token>, StoreError> {
    let mut found = Vec::new();
    for account in accounts(store).await? {
        found.extend(store.tokens(account.uuid, kind, u32::MAX).await?);
    }
    Ok(found)
}
