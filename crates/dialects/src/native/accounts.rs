//! Accounts on the wire.

use domain::accounts::Account;
use serde::Serialize;

use super::time;

/// An account.
#[derive(Serialize)]
pub(super) struct AccountModel<'a> {
    name: &'a str,
    id: String,
    number: u32,
    is_operator: bool,
    status: &'static str,
    max_key_lifetime_seconds: Option<i64>,
    version: u64,
    created_at: String,
    modified_at: String,
}

impl<'a> From<&'a Account> for AccountModel<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            name: &account.name,
            id: account.uuid.hex(),
            number: account.serial.get(),
            is_operator: account.is_operator(),
            status: account.status.as_str(),
            max_key_lifetime_seconds: account.max_key_lifetime_ms.map(|millis| millis / 1000),
            version: account.version,
            created_at: time::text(account.created_at),
            modified_at: time::text(account.modified_at),
        }
    }
}
