//! What a restore changes in the backup's store, each change with its entry in the audit, and how it is told.

use std::fmt::Write as _;

use domain::access_keys::{AccessKey, KeyStatus};
use domain::audit::AuditEntry;
use domain::batch::{Batch, Effect};
use domain::clock::UnixMillis;
use domain::policy::Action;
use domain::ssh_keys::SshKey;
use domain::tokens::Token;
use domain::users::User;

use super::compare::Plan;
use crate::node::Node;

/// Changes per transaction.
const BATCH: usize = 200;

type Change = (Effect, AuditEntry);

impl Plan {
    /// The figures for the audit.
    pub(super) fn counts(&self) -> String {
        let Self { suspended, shortened, revived, users, ssh_keys, tokens, .. } = self;
        let counts = [
            ("disabled", suspended.len()),
            ("shortened", shortened.len()),
            ("revived", revived.len()),
            ("users", users.len()),
            ("ssh_keys", ssh_keys.len()),
            ("tokens", tokens.len()),
        ];
        counts.map(|(name, count)| format!("{name}={count}")).join(" ")
    }

    /// What the operator should know. `passwords` are the users whose passwords went.
    pub(super) fn told(&self, passwords: &[User]) -> String {
        let mut text = String::new();
        // Writing to memory does not fail.
        for (user, key) in &self.suspended {
            let (id, name) = (&key.key_id, &user.name);
            let _ = writeln!(text, "disabled key {id} of {name}: it was revoked after the backup was made");
        }
        for (user, key) in &self.shortened {
            let _ = writeln!(text, "key {} of {} ends when it ends by now", key.key_id, user.name);
        }
        for (user, key) in &self.revived {
            let _ = writeln!(text, "key {} of {} works again, as you asked", key.key_id, user.name);
        }
        for user in &self.users {
            let (name, status, role) = (&user.name, user.status.as_str(), user.role.as_str());
            let _ = writeln!(text, "user {name} is {status} and {role}, as he is by now");
        }
        for key in &self.ssh_keys {
            let _ = match key.status {
                KeyStatus::Inactive => {
                    writeln!(
                        text,
                        "disabled SSH key {:?}: it was revoked after the backup was made",
                        key.title
                    )
                }
                KeyStatus::Active => writeln!(text, "SSH key {:?} is limited as it is by now", key.title),
            };
        }
        for user in passwords {
            let _ = writeln!(
                text,
                "set a new password for {}: he was changed after the backup was made",
                user.name
            );
        }
        text
    }
}

/// Writes the plan. Returns the users whose passwords went.
pub(super) async fn write(node: &Node, plan: &Plan, now: UnixMillis) -> anyhow::Result<Vec<User>> {
    let inactive = |key: &AccessKey| AccessKey { status: KeyStatus::Inactive, ..key.clone() };
    let keys = plan.suspended.iter().map(|(_, key)| inactive(key));
    let keys = keys.chain(plan.shortened.iter().map(|(_, key)| key.clone()));
    let mut changes: Vec<Change> = keys.map(|key| change_key(node, key, now)).collect();
    changes.extend(plan.users.iter().map(|user| change_user(node, user.clone(), now)));
    changes.extend(plan.ssh_keys.iter().map(|key| change_ssh_key(node, key.clone(), now)));
    changes.extend(plan.tokens.iter().map(|token| end_token(node, token, now)));
    let mut passwords = Vec::new();
    for user in &plan.logins {
        if node.store.password(user.uuid).await?.is_some() {
            let detail = format!("password_of={}", user.name);
            changes
                .push((Effect::ForgetLogin(user.uuid), node.entry(now, "operator", "store.restore", detail)));
            passwords.push(user.clone());
        }
    }
    for part in changes.chunks(BATCH) {
        let (effects, audit) = part.iter().cloned().unzip();
        node.store.commit(Batch { effects, audit, ..Batch::default() }).await?;
    }
    Ok(passwords)
}

fn change_key(node: &Node, key: AccessKey, now: UnixMillis) -> Change {
    let mut key = AccessKey { version: key.version + 1, modified_at: now, ..key };
    key.mark = node.vault.mark(&key.mark_input());
    let detail = format!("key={} status={} by=restore", key.key_id, key.status.as_str());
    let entry = node.entry(now, "operator", Action::UpdateAccessKey.as_str(), detail);
    let (account, object, object_version) = (key.account, *key.uuid.as_bytes(), key.version);
    (Effect::UpdateKey(key), AuditEntry { account, object, object_version, ..entry })
}

fn change_user(node: &Node, user: User, now: UnixMillis) -> Change {
    let mut user = User { version: user.version + 1, modified_at: now, ..user };
    user.mark = node.vault.mark(&user.mark_input());
    let (status, role) = (user.status.as_str(), user.role.as_str());
    let detail = format!("name={} status={status} role={role} by=restore", user.name);
    let entry = node.entry(now, "operator", Action::UpdateUser.as_str(), detail);
    let (account, object, object_version) = (user.account, *user.uuid.as_bytes(), user.version);
    (Effect::UpdateUser(user), AuditEntry { account, object, object_version, ..entry })
}

fn change_ssh_key(node: &Node, key: SshKey, now: UnixMillis) -> Change {
    let mut key = SshKey { version: key.version + 1, modified_at: now, ..key };
    key.mark = node.vault.mark(&key.mark_input());
    let detail = format!("ssh_key={} status={} by=restore", key.serial.get(), key.status.as_str());
    let entry = node.entry(now, "operator", Action::UpdateSshKey.as_str(), detail);
    let (account, object, object_version) = (key.account, *key.uuid.as_bytes(), key.version);
    (Effect::UpdateSshKey(key), AuditEntry { account, object, object_version, ..entry })
}

fn end_token(node: &Node, token: &Token, now: UnixMillis) -> Change {
    let detail = format!("kind={} by=restore", token.kind.as_str());
    let entry = node.entry(now, "operator", Action::RevokeToken.as_str(), detail);
    let (account, object) = (token.account, token.hash.object());
    (Effect::DeleteToken(token.clone()), AuditEntry { account, object, ..entry })
}
