//! Every limit of the domain, by name, with its default.

use crate::lockout::LockRule;
use crate::throttle::Rate;

/// Limits that the configuration sets under `[limits]` and `[cache]`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Live permanent keys per user and dialect, disabled and expired ones included.
    pub access_keys_per_user: u32,
    /// Live SSH keys per user.
    pub ssh_keys_per_user: u32,
    /// Live temporary keys per permanent key, expired ones left out.
    pub temporary_keys_per_key: u32,
    /// Temporary keys of session tokens per user, expired ones left out.
    pub token_keys_per_user: u32,
    /// Users per account.
    pub users_per_account: u32,
    /// Keys held by the directory; the least used make room.
    pub cached_keys: usize,
    /// Failed authentications per source address; `None` switches the limit off.
    pub failed_authentications: Option<Rate>,
    /// Wrong passwords per user and source that lock him out there; `None` switches the lock off.
    pub password_lock: Option<LockRule>,
    /// Wrong signatures in a row per key and source that lock it there, in dialects whose cloud does so.
    pub key_lock: Option<LockRule>,
    /// How much of recent refusals is kept to be explained.
    pub kept_refusals: KeptRefusals,
    /// Requests per key; off by default, because official clients handle refusals badly.
    pub requests: Option<Rate>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            access_keys_per_user: 2,
            ssh_keys_per_user: 1000,
            temporary_keys_per_key: 5,
            token_keys_per_user: 50,
            users_per_account: 5000,
            cached_keys: 100_000,
            failed_authentications: Some(Rate { per_second: 10, burst: 40 }),
            password_lock: Some(LockRule { failures: 5, within_ms: 15 * MINUTE, locked_ms: 15 * MINUTE }),
            // In a row, however long that takes.
            key_lock: Some(LockRule { failures: 6, within_ms: i64::MAX, locked_ms: 5 * MINUTE }),
            kept_refusals: KeptRefusals { entries: 1_000, bytes: 4 * 1024 * 1024 },
            requests: None,
        }
    }
}

/// Bounds of what is kept of refused requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptRefusals {
    /// Requests; 0 keeps none.
    pub entries: usize,
    /// Bytes of memory, about.
    pub bytes: usize,
}

const MINUTE: i64 = 60_000;

/// Most characters in a key's description.
pub const DESCRIPTION_CHARS: usize = 1024;
/// Most characters in a display name.
pub const DISPLAY_NAME_CHARS: usize = 128;
/// Most characters in an address (RFC 5321).
pub const EMAIL_CHARS: usize = 254;
/// Most items in a list of a key's conditions.
pub const CONDITION_ITEMS: usize = 64;
/// Most characters in the name of a service that a key is good for.
pub const AUDIENCE_CHARS: usize = 64;
/// Longest time for which both keys of a rotation are good, in milliseconds: 30 days.
pub const LONGEST_OVERLAP_MS: i64 = 30 * 86_400_000;
/// Longest life that an account can set for its keys, in milliseconds: ten years of 365 days.
pub const LONGEST_KEY_LIFETIME_MS: i64 = 3_650 * 86_400_000;
/// Most keys that are sorted by what the store has no index for.
pub const SORTED_KEYS: u32 = 10_000;
/// Characters of a password that is made for a user.
pub const GENERATED_PASSWORD_CHARS: usize = 32;
/// Users read from the store at once.
pub const USERS_AT_ONCE: u32 = 500;
/// How often a use case tries again when its objects changed under it.
pub const CONFLICT_RETRIES: usize = 8;

/// A limit that a refusal names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitName {
    /// [`Limits::access_keys_per_user`].
    AccessKeysPerUser,
    /// [`Limits::ssh_keys_per_user`].
    SshKeysPerUser,
    /// [`Limits::temporary_keys_per_key`].
    TemporaryKeysPerKey,
    /// [`Limits::token_keys_per_user`].
    TokenKeysPerUser,
    /// [`Limits::users_per_account`].
    UsersPerAccount,
}

impl std::fmt::Display for LimitName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            LimitName::AccessKeysPerUser => "limits.access_keys_per_user",
            LimitName::SshKeysPerUser => "limits.ssh_keys_per_user",
            LimitName::TemporaryKeysPerKey => "limits.temporary_keys_per_key",
            LimitName::TokenKeysPerUser => "limits.token_keys_per_user",
            LimitName::UsersPerAccount => "limits.users_per_account",
        })
    }
}
