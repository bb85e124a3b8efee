//! What each requirement means, on plain maps.

use std::collections::BTreeSet;

use domain::access_keys::{AccessKey, KeyKind, KeyStatus};
use domain::accounts::AccountStatus;
use domain::batch::Require;
use domain::caller::Credential;
use domain::clock::UnixMillis;
use domain::id::{KeyUuid, UserUuid};
use domain::policy::Role;
use domain::tokens::{Token, TokenHash, TokenKey, TokenKind};
use domain::users::{User, UserStatus};

use super::Rows;

impl Rows {
    /// Whether `require` holds now.
    pub(super) fn holds(&self, require: &Require) -> bool {
        match require {
            Require::StoreIsEmpty => self.accounts.is_empty(),
            Require::CallerMayAct { credential: Credential::Key(key), role, at } => {
                self.may_act(*key, *role, *at)
            }
            Require::CallerMayAct { credential: Credential::Token(hash), role, at } => {
                self.token_may_act(*hash, *role, *at)
            }
            Require::CallerMayAct { credential: Credential::TokenKey(key), role, at } => {
                let key = self.token_keys.get(key).filter(|key| !key.is_expired(*at));
                key.is_some_and(|key| self.token_may_act(key.token, *role, *at))
            }
            Require::UserVersionIs(user, version) => {
                self.users.get(user).is_some_and(|user| user.version == *version)
            }
            Require::KeyVersionIs(key, version) => {
                self.keys.get(key).is_some_and(|key| key.version == *version)
            }
            Require::UserIsLive(user) => self.users.get(user).is_some_and(|user| user.deleted_at.is_none()),
            Require::LiveKeysAre(user, keys) => are(self.live_keys(*user), keys),
            Require::NameIsFree { account, name, except } => {
                self.live_users(*account).all(|user| user.name_key != *name || Some(user.uuid) == *except)
            }
            Require::KeyIdIsFree(key_id) => {
                self.keys.values().all(|key| key.key_id != *key_id)
                    && self.token_keys.values().all(|key| key.key_id != *key_id)
            }
            Require::SerialIsFree(serial) => !self.is_serial_taken(*serial),
            Require::AccountNameIsFree(name) => {
                !self.accounts.values().any(|row| row.name_key == *name && row.deleted_at.is_none())
            }
            Require::AccountVersionIs(account, version) => {
                self.accounts.get(account).is_some_and(|row| row.version == *version)
            }
            Require::RequestIsNew { key, remembered_since } => {
                self.requests.get(key).is_none_or(|request| request.at <= *remembered_since)
            }
            Require::KeysBelow { user, schemes, limit } => {
                let counts = |key: &&AccessKey| {
                    key.kind == KeyKind::Permanent && key.schemes.meets(*schemes) && key.successor.is_none()
                };
                is_below(self.live_keys(*user).filter(counts).count(), *limit)
            }
            Require::SshKeyVersionIs(key, version) => {
                self.ssh_keys.get(key).is_some_and(|key| key.version == *version)
            }
            Require::LiveSshKeysAre(user, keys) => {
                let wanted: BTreeSet<KeyUuid> = keys.iter().copied().collect();
                let live = self.live_ssh_keys().filter(|key| key.user == *user);
                live.map(|key| key.uuid).collect::<BTreeSet<_>>() == wanted
            }
            Require::SshKeyIsFree { account, fingerprint } => {
                self.live_ssh_keys().all(|key| key.account != *account || key.fingerprint != *fingerprint)
            }
            Require::SshKeysBelow { user, limit } => {
                is_below(self.live_ssh_keys().filter(|key| key.user == *user).count(), *limit)
            }
            Require::GateTokenIsFree { account, name } => {
                let is_it = |token: &Token| token.kind == TokenKind::Gate && token.account == *account;
                !self.tokens.values().any(|token| is_it(token) && token.name == *name)
            }
            Require::TokenExists(hash) => self.tokens.contains_key(hash),
            Require::ChildrenBelow { user, parent, limit, at } => {
                let counts = |key: &&AccessKey| key.parent == Some(*parent) && !key.is_expired(*at);
                is_below(self.live_keys(*user).filter(counts).count(), *limit)
            }
            Require::TokenKeysBelow { user, limit, at } => {
                let counts = |key: &&TokenKey| key.user == *user && !key.is_expired(*at);
                is_below(self.token_keys.values().filter(counts).count(), *limit)
            }
            Require::ChildrenAre { user, parent, keys } => {
                are(self.live_keys(*user).filter(|key| key.parent == Some(*parent)), keys)
            }
            Require::UsersBelow { account, limit } => is_below(self.live_users(*account).count(), *limit),
            Require::AnotherAdminKeyRemains { account, lost_keys, lost_user, at } => {
                let remains = |user: &User| Some(user.uuid) != *lost_user;
                let is_admin = |user: &&User| user.role == Role::Admin && user.status == UserStatus::Active;
                let works = |key: &AccessKey| {
                    key.kind == KeyKind::Permanent
                        && key.status == KeyStatus::Active
                        && key.not_before.is_none_or(|start| start <= *at)
                        && key.audience.is_empty()
                };
                self.live_users(*account).filter(is_admin).any(|user| {
                    remains(user)
                        && self
                            .live_keys(user.uuid)
                            .any(|key| works(key) && !key.is_expired(*at) && !lost_keys.contains(&key.uuid))
                })
            }
        }
    }

    fn may_act(&self, key: KeyUuid, role: Role, at: UnixMillis) -> bool {
        let works = |key: &AccessKey| {
            key.deleted_at.is_none() && key.status == KeyStatus::Active && !key.is_expired(at)
        };
        let Some(key) = self.keys.get(&key).filter(|key| works(key)) else { return false };
        let parent_works = key.parent.is_none_or(|parent| self.keys.get(&parent).is_some_and(works));
        parent_works && self.owner_may_act(key.user, role)
    }

    fn token_may_act(&self, hash: TokenHash, role: Role, at: UnixMillis) -> bool {
        let works = |token: &&Token| {
            let version = self.users.get(&token.user).map(|user| user.version);
            token.kind == TokenKind::Session && !token.is_expired(at) && version == Some(token.user_version)
        };
        let token = self.tokens.get(&hash).filter(works);
        token.is_some_and(|token| self.owner_may_act(token.user, role))
    }

    fn owner_may_act(&self, user: UserUuid, role: Role) -> bool {
        let Some(user) = self.users.get(&user) else { return false };
        let user_works = user.deleted_at.is_none() && user.status == UserStatus::Active && user.role == role;
        let account_works = self
            .accounts
            .get(&user.account)
            .is_some_and(|account| account.deleted_at.is_none() && account.status == AccountStatus::Active);
        user_works && account_works
    }
}

fn are<'k>(found: impl Iterator<Item = &'k AccessKey>, wanted: &[KeyUuid]) -> bool {
    let found: BTreeSet<KeyUuid> = found.map(|key| key.uuid).collect();
    found == wanted.iter().copied().collect()
}

fn is_below(count: usize, limit: u32) -> bool {
    u32::try_from(count).is_ok_and(|count| count < limit)
}
