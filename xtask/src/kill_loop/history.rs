//! What one client knows to be stored, and whether what it finds after a crash agrees. Pure: no server, no clock.
//!
//! A client has at most one change on its way. When the answer is lost, the change may have happened whole or not at all;
//! everything acknowledged before must be there exactly (promises P1 and P4).

use std::collections::BTreeMap;

use crate::harness::scloud::Credential;

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// Listed, accepted.
    Active,
    /// Listed, refused as disabled.
    Inactive,
    /// Not listed, refused as unknown.
    Deleted,
}

/// A key as the client knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its secret, unless the answer that carried it was lost.
    pub(crate) secret: Option<String>,
    /// Its state.
    pub(crate) state: KeyState,
}

/// A user, with every key he ever had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct User {
    exists: bool,
    keys: BTreeMap<String, Key>,
}

impl User {
    /// Whether he is there.
    pub(crate) fn exists(&self) -> bool {
        self.exists
    }

    /// His keys that are not deleted.
    pub(crate) fn live_keys(&self) -> impl Iterator<Item = (&String, &Key)> {
        self.keys.iter().filter(|(_, key)| key.state != KeyState::Deleted)
    }

    /// Each key whose secret is known, with the state that using it must show.
    pub(crate) fn usable_keys(&self) -> impl Iterator<Item = (Credential, KeyState)> {
        self.keys.iter().filter_map(|(id, key)| {
            let secret = key.secret.clone()?;
            Some((Credential { id: id.clone(), secret }, key.state))
        })
    }

    fn apply(&mut self, change: &Change, created: Option<(String, Option<String>)>) {
        match change {
            Change::CreateUser { .. } => self.exists = true,
            Change::CreateKey { .. } => {}
            Change::SetState { key, state, .. } => self.set(key, *state),
            Change::DeleteKey { key, .. } => self.set(key, KeyState::Deleted),
            Change::DeleteUser { .. } => {
                self.exists = false;
                self.keys.values_mut().for_each(|key| key.state = KeyState::Deleted);
            }
        }
        if let Some((id, secret)) = created {
            self.keys.insert(id, Key { secret, state: KeyState::Active });
        }
    }

    fn set(&mut self, id: &str, state: KeyState) {
        if let Some(key) = self.keys.get_mut(id) {
            key.state = state;
        }
    }
}

/// A change of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A new user, with a first key or without.
    CreateUser { user: String, first_key: bool },
    /// A new key.
    CreateKey { user: String },
    /// Enable or disable a key.
    SetState { user: String, key: String, state: KeyState },
    /// Delete a key.
    DeleteKey { user: String, key: String },
    /// Delete a user with his keys.
    DeleteUser { user: String },
}

impl Change {
    /// The user.
    pub(crate) fn user(&self) -> &str {
        match self {
            Change::CreateUser { user, .. }
            | Change::CreateKey { user }
            | Change::SetState { user, .. }
            | Change::DeleteKey { user, .. }
            | Change::DeleteUser { user } => user,
        }
    }

    fn creates_key(&self) -> bool {
        matches!(self, Change::CreateUser { first_key: true, .. } | Change::CreateKey { .. })
    }
}

/// A user as the server shows him: the state of each listed key. `None` when there is no such user.
pub(crate) type Listed = Option<BTreeMap<String, KeyState>>;

/// How the store differs from what was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// Acknowledged and gone.
    #[error("user {0} was acknowledged and is missing")]
    LostUser(String),
    /// Deleted and back.
    #[error("user {0} was deleted, or never made, and is there")]
    UnexplainedUser(String),
    /// Acknowledged and gone.
    #[error("key {key} of user {user} was acknowledged as {state:?} and is missing")]
    LostKey { user: String, key: String, state: KeyState },
    /// There without an acknowledged or lost creation, or after its deletion.
    #[error("key {key} of user {user} is listed, though it was deleted or never made")]
    UnexplainedKey { user: String, key: String },
    /// Enabled though disabled, or the other way round.
    #[error("key {key} of user {user} was acknowledged as {acknowledged:?} and is {found:?}")]
    WrongState { user: String, key: String, acknowledged: KeyState, found: KeyState },
    /// Listed as one thing, judged as another: secret lost, revocation not in force.
    #[error("key {key} of user {user} is {state:?}, but a request signed with it got RetCode {ret_code}")]
    WrongAnswer { user: String, key: String, state: KeyState, ret_code: i64 },
}

/// The acknowledged past of one client, and the change whose answer it is waiting for.
#[derive(Debug, Default)]
pub(crate) struct History {
    users: BTreeMap<String, User>,
    pending: Option<Change>,
}

impl History {
    /// The user, when he was ever mentioned.
    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// Every user, deleted ones included.
    pub(crate) fn users(&self) -> impl Iterator<Item = (&String, &User)> {
        self.users.iter()
    }

    /// A request for `change` is about to be sent.
    pub(crate) fn begin(&mut self, change: Change) {
        self.users.entry(change.user().to_owned()).or_default();
        self.pending = Some(change);
    }

    /// The pending change was acknowledged; `created` is the key in the answer.
    pub(crate) fn acknowledge(&mut self, created: Option<Credential>) {
        let Some(change) = self.pending.take() else { return };
        if let Some(user) = self.users.get_mut(change.user()) {
            user.apply(&change, created.map(|key| (key.id, Some(key.secret))));
        }
    }

    /// The pending change was refused, so nothing may have happened.
    pub(crate) fn refused(&mut self) {
        self.pending = None;
    }

    /// Compares what the server lists with the past. A change whose answer was lost is settled by it, either way.
    pub(crate) fn settle(&mut self, name: &str, listed: &Listed) -> Result<(), Violation> {
        let acknowledged = self.users.get(name).cloned().unwrap_or_default();
        let pending = self.pending.take_if(|change| change.user() == name);
        let settled = match difference(name, &acknowledged, listed) {
            None => acknowledged,
            Some(violation) => {
                let change = pending.ok_or_else(|| violation.clone())?;
                let created = created_unseen(&change, &acknowledged, listed);
                let mut changed = acknowledged;
                changed.apply(&change, created.map(|id| (id, None)));
                match difference(name, &changed, listed) {
                    // A user created with his first key is no user without it.
                    None if is_whole(&change, &changed) => changed,
                    _ => return Err(violation),
                }
            }
        };
        self.users.insert(name.to_owned(), settled);
        Ok(())
    }
}

/// A key in the list that the client never heard of, if `change` could have made it.
fn created_unseen(change: &Change, known: &User, listed: &Listed) -> Option<String> {
    let listed = listed.as_ref().filter(|_| change.creates_key())?;
    listed.keys().find(|id| !known.keys.contains_key(*id)).cloned()
}

fn is_whole(change: &Change, user: &User) -> bool {
    !matches!(change, Change::CreateUser { first_key: true, .. }) || user.live_keys().next().is_some()
}

/// The first difference between a user as he should be and as he is listed.
fn difference(name: &str, expected: &User, listed: &Listed) -> Option<Violation> {
    let user = || name.to_owned();
    let listed = match (expected.exists, listed) {
        (true, Some(listed)) => listed,
        (true, None) => return Some(Violation::LostUser(user())),
        (false, Some(_)) => return Some(Violation::UnexplainedUser(user())),
        (false, None) => return None,
    };
    for (id, key) in expected.live_keys() {
        match listed.get(id) {
            None => return Some(Violation::LostKey { user: user(), key: id.clone(), state: key.state }),
            Some(found) if *found != key.state => {
                let acknowledged = key.state;
                return Some(Violation::WrongState {
                    user: user(),
                    key: id.clone(),
                    acknowledged,
                    found: *found,
                });
            }
            Some(_) => {}
        }
    }
    let is_expected = |id: &&String| expected.live_keys().any(|(expected, _)| expected == *id);
    let extra = listed.keys().find(|id| !is_expected(id))?;
    Some(Violation::UnexplainedKey { user: user(), key: extra.clone() })
}

#[cfg(test)]
mod tests;
