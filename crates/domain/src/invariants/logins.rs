//! Passwords, tokens and keys of tokens. They have no versions to hold against the audit; what was set or ended last is there
//! all the same, so that an old row put back by hand is found although its mark is good (threat T60).

use std::collections::{HashMap, HashSet};

use super::{Report, Secrets};
use crate::audit::AuditEntry;
use crate::clock::UnixMillis;
use crate::policy::Action;
use crate::store::{Store, StoreError, UserRows};
use crate::users::User;
use crate::vault::{self, Vault};

/// What the audit says of logins.
#[derive(Default)]
pub(super) struct AuditedLogins {
    /// For each user whose password was set, the version that this gave him, and when: the newest.
    passwords: HashMap<[u8; 16], (u64, UnixMillis)>,
    /// Tokens that were ended.
    ended: HashSet<[u8; 16]>,
}

impl AuditedLogins {
    pub(super) fn note(&mut self, entry: &AuditEntry) {
        if entry.action == Action::SetPassword.as_str() {
            let newest = self.passwords.entry(entry.object).or_insert((0, entry.at));
            *newest = (*newest).max((entry.object_version, entry.at));
        } else if [Action::RevokeToken, Action::RevokeGateToken]
            .iter()
            .any(|action| entry.action == action.as_str())
        {
            self.ended.insert(entry.object);
        }
    }

    /// When the user's password was set last. The first administrator's may have come with him.
    fn password_set_at(&self, user: &User) -> UnixMillis {
        self.passwords.get(user.uuid.as_bytes()).map_or(user.created_at, |(_, at)| *at)
    }
}

/// Checks what `user` can log in with, and what he got for it.
pub(super) async fn check(
    store: &dyn Store,
    vault: &Vault,
    user: &User,
    audited: &AuditedLogins,
    secrets: &mut Secrets,
    report: &mut Report,
) -> Result<(), StoreError> {
    if let Some(password) = store.password(user.uuid).await? {
        if !vault.is_marked(&password.mark_input(), &password.mark) {
            report.add("I7", format!("the password of user {} does not carry its mark", user.uuid));
        }
        if password.changed_at != audited.password_set_at(user) {
            report.add("I6", format!("the password of user {} is not the one that was set last", user.uuid));
        }
    }
    let Some(rows) = store.user_rows(user.uuid).await? else { return Ok(()) };
    for token in &rows.tokens {
        let name = vault::to_hex(&token.hash.object());
        if !vault.is_marked(&token.mark_input(), &token.mark) || token.account != user.account {
            report.add("I7", format!("token {name} of user {} does not carry its mark", user.uuid));
        }
        if audited.ended.contains(&token.hash.object()) {
            report.add("I6", format!("token {name} of user {} is there although it was ended", user.uuid));
        }
    }
    check_token_keys(vault, &rows, secrets, report);
    Ok(())
}

fn check_token_keys(vault: &Vault, rows: &UserRows, secrets: &mut Secrets, report: &mut Report) {
    for key in &rows.token_keys {
        let id = &key.key_id;
        if !vault.is_marked(&key.mark_input(), &key.mark) || key.account != rows.user.account {
            report.add("I7", format!("key {id} of a token does not carry its mark"));
        }
        if !vault.open_sealed(&key.binding(), &key.sealed).is_ok_and(|secret| !secret.is_empty()) {
            report.add("I7", format!("the secret of key {id} does not open"));
        }
        let token = rows.tokens.iter().find(|token| token.hash == key.token);
        if token.is_none_or(|token| token.expires_at.is_some_and(|end| key.expires_at > end)) {
            report.add("I4", format!("key {id} outlives its token or has none"));
        }
        secrets.note(id.as_str(), &key.sealed, report);
    }
}
