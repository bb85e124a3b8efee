//! The remedy for keys that somebody may have added in silence: all of the account's SSH keys are disabled at once, and each
//! opens a login again when it is enabled again, which its owner does for those that he knows (threat T90).

use super::SshKey;
use crate::access_keys::KeyStatus;
use crate::batch::{Effect, Require};
use crate::caller::Caller;
use crate::commit::Refused;
use crate::error::Error;
use crate::id::KeyUuid;
use crate::limits::CONFLICT_RETRIES;
use crate::policy::Action;
use crate::service::Service;

/// Keys that are disabled in one transaction, at most: others wait behind it.
const AT_ONCE: u32 = 200;
/// Transactions of one request; the caller goes on with another.
const BATCHES: usize = 25;

/// What a request has disabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DisabledSshKeys {
    /// Keys that it disabled.
    pub disabled: usize,
    /// Enabled keys that it left: those of the root user, which only he changes, and damaged ones, which open no login.
    pub kept: usize,
    /// The key behind which the next request goes on; `None` when all were seen.
    pub next: Option<KeyUuid>,
}

impl Service {
    /// Disables the SSH keys of the caller's account behind `after`, in bounded transactions, each with an audit entry for
    /// every key.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::CallerRevoked`], [`Error::Conflict`], [`Error::Store`]. What was disabled before stays so.
    pub async fn disable_ssh_keys(
        &self,
        caller: &Caller,
        after: Option<KeyUuid>,
    ) -> Result<DisabledSshKeys, Error> {
        caller.require_account(Action::DisableSshKeys)?;
        let mut done = DisabledSshKeys { next: after, ..DisabledSshKeys::default() };
        for _ in 0..BATCHES {
            let step = self.disable_some(caller, done.next).await?;
            done.disabled += step.disabled;
            done.kept += step.kept;
            done.next = step.next;
            if step.next.is_none() {
                break;
            }
        }
        Ok(done)
    }

    /// One transaction.
    async fn disable_some(&self, caller: &Caller, after: Option<KeyUuid>) -> Result<DisabledSshKeys, Error> {
        for _ in 0..CONFLICT_RETRIES {
            let rows = self.store.ssh_keys_of_account(caller.account, after, AT_ONCE).await?;
            let is_full = u32::try_from(rows.len()).is_ok_and(|found| found == AT_ONCE);
            let next = rows.last().filter(|_| is_full).map(|key| key.uuid);
            let enabled = rows.into_iter().filter(|key| key.status == KeyStatus::Active);
            let mut step = DisabledSshKeys { next, ..DisabledSshKeys::default() };
            let now = self.clock.now();
            let mut batch = self.batch_by(caller, now);
            for old in enabled {
                if !self.may_disable(caller, &old).await? {
                    step.kept += 1;
                    continue;
                }
                step.disabled += 1;
                batch.require.push(Require::SshKeyVersionIs(old.uuid, old.version));
                let key = SshKey { status: KeyStatus::Inactive, ..old };
                let key = self.touched_ssh_key(caller, key, now);
                let detail = format!("ssh_key={} user={} status=inactive", key.serial.get(), key.user);
                let (uuid, version) = (key.uuid.as_bytes(), key.version);
                batch.audit.push(caller.entry(now, Action::DisableSshKeys, uuid, version, detail));
                batch.effects.push(Effect::UpdateSshKey(key));
            }
            if step.disabled == 0 {
                return Ok(step);
            }
            match self.commit(batch).await {
                Ok(()) => return Ok(step),
                Err(Refused::Changed) => {}
                Err(refused) => return Err(refused.into_error("", &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// A key that somebody wrote by hand gets no new mark, and root's are root's (threat T41).
    async fn may_disable(&self, caller: &Caller, key: &SshKey) -> Result<bool, Error> {
        if !self.vault.is_marked(&key.mark_input(), &key.mark) {
            return Ok(false);
        }
        let owner = self.directory.by_user(caller.account, key.user).await?;
        Ok(owner.is_some_and(|owner| caller.require_root_for(&owner.rows.user).is_ok()))
    }
}
