//! Passwords: kept as Argon2id hashes, computed off the async threads, and told to nobody.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::batch::{Effect, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::commit::Refused;
use crate::error::{Error, Field};
use crate::id::UserUuid;
use crate::limits::CONFLICT_RETRIES;
use crate::policy::Action;
use crate::secret::Secret;
use crate::service::Service;
use crate::users::UserRef;
use crate::vault::{Mark, MarkInput, same};

/// Characters of a password.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;
/// Longest input that is hashed, in bytes; of a longer one the rest is ignored and the answer is no (threat T53).
pub const PASSWORD_BYTES: usize = 1_024;

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes; one, since many logins at once are the parallelism.
    pub lanes: u32,
}

/// What new hashes cost: the first choice of OWASP's cheat sheet for Argon2id.
pub const HASH_COST: HashCost = HashCost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

/// A user's password, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// Whose it is.
    pub user: UserUuid,
    /// Its salt.
    pub salt: [u8; 16],
    /// The Argon2id hash.
    pub hash: [u8; 32],
    /// What the hash cost.
    pub cost: HashCost,
    /// When it was set.
    pub changed_at: UnixMillis,
    /// The mark over all of the above: a hash that is copied to another user's row opens nothing (threat T60).
    pub mark: Mark,
}

impl Password {
    /// What the mark covers.
    pub fn mark_input(&self) -> MarkInput {
        MarkInput::new("password")
            .bytes(self.user.as_bytes())
            .bytes(&self.salt)
            .bytes(&self.hash)
            .number(self.cost.memory_kib.into())
            .number(self.cost.passes.into())
            .number(self.cost.lanes.into())
            .number(self.changed_at.0)
    }
}

/// Rules for a new password: 8 to 256 characters, none of them a control character.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_new_password(password: &Secret) -> Result<(), Error> {
    let refuse = |rule| Err(Error::Invalid { field: Field::Password, rule });
    let Ok(text) = std::str::from_utf8(password.expose()) else { return refuse("must be UTF-8") };
    if !PASSWORD_CHARS.contains(&text.chars().count()) || text.len() > PASSWORD_BYTES {
        return refuse("must have 8 to 256 characters");
    }
    if text.chars().any(char::is_control) {
        return refuse("must not hold control characters");
    }
    Ok(())
}

impl Service {
    /// Sets the password of a user. All his tokens end with the change, in the same transaction (threat T29).
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::TemporaryCaller`], [`Error::ExceedsCaller`] when the caller's key has
    /// limits (threat T40), [`Error::UserNotFound`], [`Error::Invalid`], [`Error::Busy`].
    pub async fn set_password<'u>(
        &self,
        caller: &Caller,
        user: impl Into<UserRef<'u>>,
        password: &Secret,
    ) -> Result<(), Error> {
        let whom = user.into();
        caller.require_named(Action::SetPassword, whom)?;
        caller.require_permanent()?;
        caller.limits().allow_password()?;
        check_new_password(password)?;
        for _ in 0..CONFLICT_RETRIES {
            let record = self.find_user(caller, whom).await?;
            let old = &record.rows.user;
            caller.require_root_for(old)?;
            let now = self.clock.now();
            let row = self.new_password_row(old.uuid, password, now).await?;
            let mut user = old.clone();
            user.version += 1;
            user.modified_at = now;
            user.mark = self.vault.mark(&user.mark_input());
            let mut batch = self.batch_by(caller, now);
            batch.require.push(Require::UserVersionIs(old.uuid, old.version));
            let (uuid, version) = (user.uuid.as_bytes(), user.version);
            let detail = format!("name={}", user.name);
            batch.audit.push(caller.entry(now, Action::SetPassword, uuid, version, detail));
            batch.effects.extend([
                Effect::UpdateUser(user.clone()),
                Effect::ForgetLogin(user.uuid),
                Effect::SetPassword(row),
            ]);
            match self.commit(batch).await {
                Ok(()) => return Ok(()),
                Err(Refused::Changed) => {}
                Err(refused) => return Err(refused.into_error(&whom.to_string(), &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Hashes a password for a user's row.
    pub(crate) async fn new_password_row(
        &self,
        user: UserUuid,
        password: &Secret,
        now: UnixMillis,
    ) -> Result<Password, Error> {
        let mut salt = [0; 16];
        self.random.fill(&mut salt);
        let hash = self.hash_password(password, salt, HASH_COST).await?;
        let mut row = Password { user, salt, hash, cost: HASH_COST, changed_at: now, mark: [0; 32] };
        row.mark = self.vault.mark(&row.mark_input());
        Ok(row)
    }

    /// Whether `given` is the password of that row. Without a row, the same work for nothing, so that nobody learns from the
    /// time who exists or has a password (threat T53).
    ///
    /// # Errors
    /// [`Error::Busy`] when too many hashes wait.
    pub(crate) async fn is_password(&self, given: &Secret, row: Option<&Password>) -> Result<bool, Error> {
        let intact = row.filter(|row| self.vault.is_marked(&row.mark_input(), &row.mark));
        let (salt, cost) = intact.map_or(([0; 16], HASH_COST), |row| (row.salt, row.cost));
        let hash = self.hash_password(given, salt, cost).await?;
        let expected = intact.map_or([0; 32], |row| row.hash);
        let is_same = same(&hash, &expected);
        Ok(is_same && intact.is_some() && given.expose().len() <= PASSWORD_BYTES)
    }

    async fn hash_password(&self, given: &Secret, salt: [u8; 16], cost: HashCost) -> Result<[u8; 32], Error> {
        self.password_work.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let bounded = given.expose().get(..PASSWORD_BYTES).unwrap_or(given.expose());
        let input = Arc::new(Zeroizing::new(bounded.to_vec()));
        let hash = self.hashing.run(move || hash(&input, &salt, cost)).await;
        hash.map_err(|_| Error::Busy)?.ok_or(Error::Damaged)
    }

    /// Passwords hashed so far: one for each login that was judged, known user or not (threat T53).
    pub fn password_work(&self) -> u64 {
        self.password_work.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// `None` when the parameters of a row are ones that Argon2 does not have.
fn hash(input: &[u8], salt: &[u8], cost: HashCost) -> Option<[u8; 32]> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok()?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(input, salt, &mut out)
        .ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{HashCost, Secret, check_new_password, hash};

    /// A vector of the reference implementation (phc-winner-argon2, `src/test.c`).
    #[test]
    fn hashes_are_those_of_argon2id() {
        let cost = HashCost { memory_kib: 65_536, passes: 2, lanes: 1 };
        let made = hash(b"password", b"somesalt", cost).unwrap();
        let expected = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7";
        assert_eq!(crate::vault::to_hex(&made), expected);
        assert_eq!(hash(b"a", &[0; 16], HashCost { lanes: 0, ..cost }), None);
    }

    #[test]
    fn new_passwords_have_a_length_and_no_control_characters() {
        let check = |text: &str| check_new_password(&Secret::new(text.as_bytes().to_vec())).is_ok();
        assert!(check("12345678") && check(&"ü".repeat(256)) && check("with blanks in it"));
        assert!(!check("1234567") && !check("") && !check(&"a".repeat(257)) && !check("1234567\n"));
        assert!(check_new_password(&Secret::new(vec![0xff; 9])).is_err());
    }
}
