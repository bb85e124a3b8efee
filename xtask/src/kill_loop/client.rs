//! One client of the kill loop: random operations on users of its own until the server dies, and the look at what is left.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::history::{Change, History, KeyState, Listed, User, Violation};
use crate::harness::random::Random;
use crate::harness::scloud::{self, Answer, Client, Credential, ret_code};

/// The product's default quota.
const KEYS_PER_USER: usize = 2;
/// Live users per client, so that their keys are touched often.
const MAX_LIVE_USERS: usize = 8;

/// A client with everything it remembers.
pub(super) struct Worker {
    number: usize,
    random: Random,
    history: History,
    names: u32,
    touched: BTreeSet<String>,
    /// Changes that the server acknowledged.
    pub(super) acknowledged: u64,
}

impl Worker {
    pub(super) fn new(number: usize, seed: u64) -> Self {
        let random = Random::new(seed, number as u64 + 1);
        let (history, touched) = (History::default(), BTreeSet::new());
        Self { number, random, history, names: 0, touched, acknowledged: 0 }
    }

    /// Users that must exist.
    pub(super) fn live_users(&self) -> usize {
        self.history.users().filter(|(_, user)| user.exists()).count()
    }

    /// Operations until the connection breaks. Only a kill may break it.
    pub(super) fn load(&mut self, server: SocketAddr, admin: &Credential, killed: &AtomicBool) -> Result<()> {
        let lost = |error: &io::Error| {
            let no_answer = !matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            );
            no_answer && killed.load(Ordering::SeqCst)
        };
        let mut client = match Client::open(server) {
            Err(error) if lost(&error) => return Ok(()),
            opened => opened?,
        };
        loop {
            match self.operation(&mut client, admin) {
                Ok(()) => {}
                Err(error) if error.downcast_ref().is_some_and(&lost) => return Ok(()),
                Err(error) => return Err(error.context(format!("client {} under load", self.number))),
            }
        }
    }

    /// Looks at every user touched since the last look, at `older` others, or at all.
    pub(super) fn check(
        &mut self,
        server: SocketAddr,
        admin: &Credential,
        older: Option<usize>,
    ) -> Result<()> {
        let mut client = Client::open(server)?;
        let all: Vec<String> = self.history.users().map(|(name, _)| name.clone()).collect();
        let mut names = std::mem::take(&mut self.touched);
        match older {
            None => names.extend(all),
            Some(count) => names.extend((0..count).filter_map(|_| self.random.choose(&all).cloned())),
        }
        for name in &names {
            self.check_user(&mut client, admin, name)?;
        }
        Ok(())
    }

    fn check_user(&mut self, client: &mut Client, admin: &Credential, name: &str) -> Result<()> {
        let user = client.call(admin, "GetUser", &[("UserName", name)])?;
        let listed = list(client, admin, name)?;
        if (user.ret_code == ret_code::OK) != listed.is_some() {
            bail!("user {name}: GetUser answers {}, ListAccessKeys disagrees", user.ret_code);
        }
        self.history.settle(name, &listed)?;
        for (key, state) in self.history.user(name).into_iter().flat_map(User::usable_keys) {
            use_key(client, name, &key, state)?;
        }
        Ok(())
    }

    fn operation(&mut self, client: &mut Client, admin: &Credential) -> Result<()> {
        let live: Vec<String> =
            self.history.users().filter(|(_, user)| user.exists()).map(|(name, _)| name.clone()).collect();
        let grow = live.len() < MAX_LIVE_USERS && self.random.between(0, 6) == 0;
        let Some(name) = self.random.choose(&live).filter(|_| !grow).cloned() else {
            return self.create_user(client, admin);
        };
        let user = self.history.user(&name).cloned().unwrap_or_default();
        let keys: Vec<String> = user.live_keys().map(|(id, _)| id.clone()).collect();
        let key = self.random.choose(&keys).cloned();
        let set = |user, key, state| Change::SetState { user, key, state };
        match (self.random.between(0, 99), key) {
            (0..=19, Some(key)) => self.change(client, admin, set(name, key, KeyState::Inactive)),
            (20..=39, Some(key)) => self.change(client, admin, set(name, key, KeyState::Active)),
            (40..=54, Some(key)) => self.change(client, admin, Change::DeleteKey { user: name, key }),
            (55..=59, _) => self.change(client, admin, Change::DeleteUser { user: name }),
            (60..=69, _) => {
                let listed = list(client, admin, &name)?;
                Ok(self.history.settle(&name, &listed)?)
            }
            (70..=79, _) => {
                let known: Vec<_> = user.usable_keys().collect();
                let Some((key, state)) = self.random.choose(&known) else { return Ok(()) };
                use_key(client, &name, key, *state)
            }
            _ => self.change(client, admin, Change::CreateKey { user: name }),
        }
    }

    /// Mostly a new name, sometimes that of a deleted user.
    fn create_user(&mut self, client: &mut Client, admin: &Credential) -> Result<()> {
        let gone: Vec<String> =
            self.history.users().filter(|(_, user)| !user.exists()).map(|(name, _)| name.clone()).collect();
        let reuse = self.random.between(0, 7) == 0;
        let user = self.random.choose(&gone).filter(|_| reuse).cloned().unwrap_or_else(|| {
            self.names += 1;
            format!("user{}-{}", self.number, self.names)
        });
        let first_key = self.random.between(0, 1) == 0;
        self.change(client, admin, Change::CreateUser { user, first_key })
    }

    /// Asks for a change, as the administrator or as the user himself, and records the answer.
    fn change(&mut self, client: &mut Client, admin: &Credential, change: Change) -> Result<()> {
        let name = change.user().to_owned();
        let user = self.history.user(&name).cloned().unwrap_or_default();
        let own: Vec<Credential> =
            user.usable_keys().filter(|(_, state)| *state == KeyState::Active).map(|(key, _)| key).collect();
        let by_himself = !matches!(change, Change::CreateUser { .. } | Change::DeleteUser { .. });
        let signer = match self.random.choose(&own) {
            Some(key) if by_himself && self.random.between(0, 2) == 0 => key.clone(),
            _ => admin.clone(),
        };
        let full = matches!(change, Change::CreateKey { .. }) && user.live_keys().count() >= KEYS_PER_USER;
        let expected = if full { ret_code::KEY_QUOTA } else { ret_code::OK };

        self.touched.insert(name.clone());
        self.history.begin(change.clone());
        let answer = send(client, &signer, &change)?;
        if answer.ret_code != expected {
            bail!("{change:?} was to be answered with RetCode {expected}: {}", answer.body);
        }
        if full {
            self.history.refused();
            return Ok(());
        }
        let created = match &change {
            Change::CreateUser { first_key: true, .. } => Some(Answer::credential(&answer.body)?),
            Change::CreateKey { .. } => {
                Some(Answer::credential(answer.body.get("AccessKey").unwrap_or(&Value::Null))?)
            }
            _ => None,
        };
        self.history.acknowledge(created);
        self.acknowledged += 1;
        Ok(())
    }
}

fn send(client: &mut Client, signer: &Credential, change: &Change) -> io::Result<Answer> {
    let word = |state| if state == KeyState::Active { "Active" } else { "Inactive" };
    match change {
        Change::CreateUser { user, first_key } => {
            let status = if *first_key { "Active" } else { "Inactive" };
            let parameters = [
                ("UserName", user.as_str()),
                ("AccessKeyStatus", status),
                ("LoginProfileStatus", "Inactive"),
            ];
            client.call(signer, "CreateUser", &parameters)
        }
        Change::CreateKey { user } => client.call(signer, "CreateAccessKey", &[("UserName", user)]),
        Change::SetState { key, state, .. } => {
            client.call(signer, "UpdateAccessKey", &[("AccessKeyID", key), ("Status", word(*state))])
        }
        Change::DeleteKey { key, .. } => client.call(signer, "DeleteAccessKey", &[("AccessKeyID", key)]),
        Change::DeleteUser { user } => client.call(signer, "DeleteUser", &[("UserName", user)]),
    }
}

/// The user's keys as the administrator sees them.
fn list(client: &mut Client, admin: &Credential, name: &str) -> Result<Listed> {
    let answer = client.call(admin, "ListAccessKeys", &[("UserName", name)])?;
    if answer.ret_code == ret_code::UNKNOWN_USER {
        return Ok(None);
    }
    let keys = answer.body.get("AccessKey").and_then(Value::as_array);
    let mut listed = BTreeMap::new();
    for key in keys.with_context(|| format!("ListAccessKeys of {name} answers {}", answer.body))? {
        let state = match scloud::text(key, "Status")?.as_str() {
            "Active" => KeyState::Active,
            "Inactive" => KeyState::Inactive,
            _ => bail!("a key with an unknown status: {key}"),
        };
        if listed.insert(scloud::text(key, "AccessKeyID")?, state).is_some() {
            bail!("a key is listed twice: {}", answer.body);
        }
    }
    Ok(Some(listed))
}

/// A request signed with the key must be answered as its state says; an active one proves that the secret still verifies.
fn use_key(client: &mut Client, user: &str, key: &Credential, state: KeyState) -> Result<()> {
    let answer = client.call(key, "GetUser", &[("UserName", user)])?;
    let expected = match state {
        KeyState::Active => ret_code::OK,
        KeyState::Inactive => ret_code::REFUSED,
        KeyState::Deleted => ret_code::UNKNOWN_KEY,
    };
    if answer.ret_code == expected {
        return Ok(());
    }
    let (user, key) = (user.to_owned(), key.id.clone());
    Err(Violation::WrongAnswer { user, key, state, ret_code: answer.ret_code }.into())
}
