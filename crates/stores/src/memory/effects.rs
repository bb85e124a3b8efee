//! What each effect does, on plain maps, and what it must not contradict.

use std::collections::BTreeMap;

use domain::access_keys::AccessKey;
use domain::accounts::Account;
use domain::batch::Effect;
use domain::clock::UnixMillis;
use domain::id::KeyUuid;
use domain::idempotency::RememberedRequest;
use domain::last_used::KeyUse;
use domain::refusals::KEPT_MINUTES;
use domain::ssh_keys::SshKey;
use domain::store::StoreError;
use domain::tokens::{SESSIONS_PER_USER, Token, TokenHash, TokenKey, TokenKind};
use domain::users::User;
use domain::vault::RingRow;

use super::Rows;

/// Puts back what an effect changed.
type Undo = Box<dyn FnOnce(&mut Rows)>;

impl Rows {
    /// All effects or none.
    pub(super) fn apply_all(&mut self, effects: &[Effect]) -> Result<(), StoreError> {
        let mut done: Vec<Undo> = Vec::new();
        for effect in effects {
            match self.fits(effect) {
                Ok(()) => done.push(self.apply(effect)),
                Err(what) => {
                    done.into_iter().rev().for_each(|undo| undo(self));
                    return Err(StoreError::Corrupt(what.to_owned()));
                }
            }
        }
        Ok(())
    }

    /// What is unique stays so, what is referred to exists, and what never changes does not.
    fn fits(&self, effect: &Effect) -> Result<(), &'static str> {
        match effect {
            Effect::InsertAccount(new) => {
                ensure(!self.accounts.contains_key(&new.uuid), "the account exists")?;
                ensure(!self.is_serial_taken(new.serial), "the serial is taken")?;
                self.account_name_fits(new)
            }
            Effect::UpdateAccount(new) => {
                let fixed = |account: &Account| {
                    (account.serial, account.name.clone(), account.name_key.clone(), account.created_at)
                };
                let old = self.accounts.get(&new.uuid).ok_or("the account does not exist")?;
                ensure(fixed(old) == fixed(new), "what never changes of an account has changed")?;
                self.account_name_fits(new)
            }
            Effect::RememberRequest { request, remembered_since } => {
                let is_old = |old: &RememberedRequest| old.at <= *remembered_since;
                ensure(self.requests.get(&request.repeatable.key).is_none_or(is_old), "the request is known")
            }
            Effect::InsertUser(new) => {
                let account = self.accounts.get(&new.account).ok_or("the account does not exist")?;
                ensure(!self.users.contains_key(&new.uuid), "the user exists")?;
                if new.is_root {
                    ensure(account.serial == new.serial, "root has another serial than the account")?;
                    let other = self.users.values().any(|user| user.is_root && user.account == new.account);
                    ensure(!other, "the account has a root user")?;
                } else {
                    ensure(!self.is_serial_taken(new.serial), "the serial is taken")?;
                }
                self.user_name_fits(new)
            }
            Effect::UpdateUser(new) => {
                let fixed = |user: &User| (user.serial, user.account, user.is_root, user.created_at);
                let old = self.users.get(&new.uuid).ok_or("the user does not exist")?;
                ensure(fixed(old) == fixed(new), "what never changes of a user has changed")?;
                self.user_name_fits(new)
            }
            Effect::InsertKey(new) => {
                let user = self.users.get(&new.user).ok_or("the user does not exist")?;
                ensure(user.account == new.account, "the user is of another account")?;
                ensure(!self.keys.contains_key(&new.uuid), "the key exists")?;
                ensure(self.keys.values().all(|key| key.key_id != new.key_id), "the key id is taken")?;
                ensure(
                    new.parent.is_none_or(|parent| self.keys.contains_key(&parent)),
                    "the parent does not exist",
                )
            }
            Effect::UpdateKey(new) => {
                let fixed = |key: &AccessKey| AccessKey {
                    schemes: new.schemes,
                    status: new.status,
                    sealed: new.sealed.clone(),
                    sources: new.sources.clone(),
                    not_before: new.not_before,
                    expires_at: new.expires_at,
                    audience: new.audience.clone(),
                    signed_time: new.signed_time,
                    successor: new.successor.clone(),
                    description: new.description.clone(),
                    version: new.version,
                    modified_at: new.modified_at,
                    modified_by: new.modified_by,
                    deleted_at: new.deleted_at,
                    deleted_by: new.deleted_by,
                    mark: new.mark,
                    ..key.clone()
                };
                let old = self.keys.get(&new.uuid).ok_or("the key does not exist")?;
                ensure(fixed(old) == *new, "what never changes of a key has changed")
            }
            Effect::InsertSshKey(new) => {
                let user = self.users.get(&new.user).ok_or("the user does not exist")?;
                ensure(user.account == new.account, "the user is of another account")?;
                ensure(!self.ssh_keys.contains_key(&new.uuid), "the SSH key exists")?;
                ensure(!self.is_serial_taken(new.serial), "the serial is taken")?;
                self.blob_fits(new)
            }
            Effect::UpdateSshKey(new) => {
                let fixed = |key: &SshKey| SshKey {
                    title: new.title.clone(),
                    status: new.status,
                    sources: new.sources.clone(),
                    expires_at: new.expires_at,
                    version: new.version,
                    modified_at: new.modified_at,
                    modified_by: new.modified_by,
                    deleted_at: new.deleted_at,
                    deleted_by: new.deleted_by,
                    mark: new.mark,
                    ..key.clone()
                };
                let old = self.ssh_keys.get(&new.uuid).ok_or("the SSH key does not exist")?;
                ensure(fixed(old) == *new, "what never changes of an SSH key has changed")?;
                self.blob_fits(new)
            }
            Effect::SetPassword(new) => ensure(self.users.contains_key(&new.user), "the user does not exist"),
            Effect::InsertToken(new) => {
                let user = self.users.get(&new.user).ok_or("the user does not exist")?;
                ensure(user.account == new.account, "the user is of another account")?;
                ensure(!self.tokens.contains_key(&new.hash), "the token exists")?;
                let clashes = |other: &Token| {
                    other.kind == TokenKind::Gate && other.account == new.account && other.name == new.name
                };
                let taken = new.kind == TokenKind::Gate && self.tokens.values().any(clashes);
                ensure(!taken, "the gate token's name is taken")
            }
            Effect::DeleteToken(old) => {
                ensure(self.tokens.contains_key(&old.hash), "the token does not exist")
            }
            Effect::InsertTokenKey(new) => {
                let token = self.tokens.get(&new.token).ok_or("the token does not exist")?;
                let is_his = (token.account, token.user) == (new.account, new.user);
                ensure(is_his && token.kind == TokenKind::Session, "the token is not a session of the user")?;
                ensure(!self.token_keys.contains_key(&new.uuid), "the key exists")?;
                ensure(self.token_keys.values().all(|key| key.key_id != new.key_id), "the key id is taken")
            }
            Effect::ForgetLogin(_) => Ok(()),
            Effect::InsertRingKey(new) => ensure(!self.ring.contains_key(&new.id), "the ring key exists"),
            Effect::RewrapRingKey { from, row } => {
                let old = self.ring.get(&row.id).ok_or("the ring key does not exist")?;
                let same = (old.purpose, old.created_at) == (row.purpose, row.created_at);
                ensure(same && old.master == *from, "the ring key is another one")
            }
            Effect::CountSeals { ring_key, .. } => {
                ensure(self.ring.contains_key(ring_key), "the ring key does not exist")
            }
            Effect::CountRefusals(_) | Effect::NoteUse(_) => Ok(()),
        }
    }

    fn blob_fits(&self, new: &SshKey) -> Result<(), &'static str> {
        let clashes = |other: &SshKey| {
            other.uuid != new.uuid && other.account == new.account && other.fingerprint == new.fingerprint
        };
        ensure(new.deleted_at.is_some() || !self.live_ssh_keys().any(clashes), "the SSH key is taken")
    }

    fn account_name_fits(&self, new: &Account) -> Result<(), &'static str> {
        let clashes = |other: &Account| {
            other.uuid != new.uuid && other.name_key == new.name_key && other.deleted_at.is_none()
        };
        ensure(new.deleted_at.is_some() || !self.accounts.values().any(clashes), "the account name is taken")
    }

    fn user_name_fits(&self, new: &User) -> Result<(), &'static str> {
        let clashes = |other: &User| other.uuid != new.uuid && other.name_key == new.name_key;
        let taken = self.live_users(new.account).any(clashes);
        ensure(new.deleted_at.is_some() || !taken, "the user name is taken")
    }

    fn drop_old_sessions(&mut self, new: &Token) {
        let is_session = |token: &Token| token.kind == TokenKind::Session && token.user == new.user;
        self.tokens.retain(|_, token| !is_session(token) || !token.is_expired(new.issued_at));
        let mut sessions: Vec<(UnixMillis, TokenHash)> = self
            .tokens
            .values()
            .filter(|token| is_session(token))
            .map(|token| (token.issued_at, token.hash))
            .collect();
        sessions.sort();
        let too_many = sessions.len().saturating_sub(SESSIONS_PER_USER);
        for (_, hash) in sessions.into_iter().take(too_many) {
            self.tokens.remove(&hash);
        }
    }

    /// The keys of tokens that are gone go too. Returns the keys from before.
    fn drop_orphans(&mut self) -> BTreeMap<KeyUuid, TokenKey> {
        let before = self.token_keys.clone();
        self.token_keys.retain(|_, key| self.tokens.contains_key(&key.token));
        before
    }

    fn apply(&mut self, effect: &Effect) -> Undo {
        match effect {
            Effect::InsertAccount(new) | Effect::UpdateAccount(new) => {
                put(self, |rows| &mut rows.accounts, new.uuid, new.clone())
            }
            Effect::RememberRequest { request, .. } => {
                put(self, |rows| &mut rows.requests, request.repeatable.key, request.clone())
            }
            Effect::InsertUser(new) | Effect::UpdateUser(new) => {
                put(self, |rows| &mut rows.users, new.uuid, new.clone())
            }
            Effect::InsertKey(new) | Effect::UpdateKey(new) => {
                put(self, |rows| &mut rows.keys, new.uuid, new.clone())
            }
            Effect::InsertSshKey(new) | Effect::UpdateSshKey(new) => {
                put(self, |rows| &mut rows.ssh_keys, new.uuid, new.clone())
            }
            Effect::SetPassword(new) => put(self, |rows| &mut rows.passwords, new.user, new.clone()),
            Effect::InsertToken(new) => {
                let before = self.tokens.clone();
                self.tokens.insert(new.hash, new.clone());
                self.drop_old_sessions(new);
                let keys = self.drop_orphans();
                Box::new(move |rows| {
                    rows.tokens = before;
                    rows.token_keys = keys;
                })
            }
            Effect::DeleteToken(old) => {
                let token = take(self, |rows| &mut rows.tokens, old.hash);
                let keys = self.drop_orphans();
                Box::new(move |rows| {
                    rows.token_keys = keys;
                    token(rows);
                })
            }
            Effect::InsertTokenKey(new) => {
                let before = self.token_keys.clone();
                self.token_keys.insert(new.uuid, new.clone());
                self.token_keys.retain(|_, key| key.user != new.user || !key.is_expired(new.issued_at));
                Box::new(move |rows| rows.token_keys = before)
            }
            Effect::ForgetLogin(user) => {
                let (tokens, password) = (self.tokens.clone(), take(self, |rows| &mut rows.passwords, *user));
                self.tokens.retain(|_, token| token.user != *user || token.kind != TokenKind::Session);
                let keys = self.drop_orphans();
                Box::new(move |rows| {
                    rows.tokens = tokens;
                    rows.token_keys = keys;
                    password(rows);
                })
            }
            Effect::InsertRingKey(new) => put(self, |rows| &mut rows.ring, new.id, new.clone()),
            Effect::RewrapRingKey { row, .. } => {
                let seals = self.ring.get(&row.id).map_or(row.seals, |old| old.seals);
                put(self, |rows| &mut rows.ring, row.id, RingRow { seals, ..row.clone() })
            }
            Effect::CountSeals { ring_key, seals } => match self.ring.get(ring_key).cloned() {
                Some(row) => {
                    let row = RingRow { seals: row.seals + seals, ..row };
                    put(self, |rows| &mut rows.ring, row.id, row)
                }
                None => Box::new(|_| {}),
            },
            Effect::CountRefusals(new) => {
                let text = |text: &str| text.to_owned();
                let (source, key_id) = (text(&new.source), text(&new.key_id));
                let kind = (new.minute, source, key_id, text(&new.reason), text(&new.dialect));
                let count = self.refusals.get(&kind).copied().unwrap_or_default() + new.count;
                let oldest = new.minute.saturating_sub(KEPT_MINUTES);
                let counted = put(self, |rows| &mut rows.refusals, kind, count);
                let kept = self.refusals.split_off(&(
                    oldest,
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                ));
                let mut aged = std::mem::replace(&mut self.refusals, kept);
                Box::new(move |rows| {
                    rows.refusals.append(&mut aged);
                    counted(rows);
                })
            }
            Effect::NoteUse(KeyUse { kind, key, last }) => match self.last_used.get(&(*kind, *key)) {
                Some(known) if known.at > last.at => Box::new(|_| {}),
                Some(_) | None => put(self, |rows| &mut rows.last_used, (*kind, *key), last.clone()),
            },
        }
    }
}

/// Takes `key` out and says how to go back.
fn take<K: Ord + Clone + 'static, V: 'static>(
    rows: &mut Rows,
    map: fn(&mut Rows) -> &mut BTreeMap<K, V>,
    key: K,
) -> Undo {
    let old = map(rows).remove(&key);
    Box::new(move |rows| {
        if let Some(old) = old {
            map(rows).insert(key, old);
        }
    })
}

/// Sets `key` to `value` and says how to go back.
fn put<K: Ord + Clone + 'static, V: 'static>(
    rows: &mut Rows,
    map: fn(&mut Rows) -> &mut BTreeMap<K, V>,
    key: K,
    value: V,
) -> Undo {
    let old = map(rows).insert(key.clone(), value);
    Box::new(move |rows| {
        match old {
            Some(old) => map(rows).insert(key, old),
            None => map(rows).remove(&key),
        };
    })
}

fn ensure(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}
