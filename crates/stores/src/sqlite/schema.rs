//! The schema's versions and how a file gets from one to the next.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::OpenError;
use super::fault::Fault;

/// Written into the file's header: `KEYW`.
const APPLICATION_ID: i32 = 0x4b45_5957;

/// The steps. A file says in `user_version` how many were taken; a released step never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_start.sql"),
    include_str!("../../migrations/sqlite/0002_last_used.sql"),
    include_str!("../../migrations/sqlite/0003_ssh_keys_and_logins.sql"),
    include_str!("../../migrations/sqlite/0004_key_lists.sql"),
    include_str!("../../migrations/sqlite/0005_native_api.sql"),
    include_str!("../../migrations/sqlite/0006_ssh_key_sources.sql"),
    include_str!("../../migrations/sqlite/0007_keys_of_tokens.sql"),
    include_str!("../../migrations/sqlite/0008_ssh_key_uses.sql"),
];

/// Makes an empty file a store.
pub(super) fn create(db: &mut Connection) -> Result<(), Fault> {
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate_from(db, 0)
}

/// Brings a store up to date. One written by a newer version, or a file that is something else, is refused untouched
/// (promise P14). Returns the version that was found.
pub(super) fn migrate(db: &mut Connection, path: &Path) -> Result<usize, OpenError> {
    let foreign = || OpenError::Foreign { path: path.to_owned() };
    let number = |name| match db.pragma_query_value(None, name, |row| row.get::<_, i32>(0)) {
        Ok(number) => Ok(number),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => Err(foreign()),
        Err(error) => Err(Fault::from(error).into()),
    };
    if number("application_id")? != APPLICATION_ID {
        return Err(foreign());
    }
    let found = number("user_version")?;
    match usize::try_from(found) {
        Ok(taken @ 1..=LATEST) => {
            migrate_from(db, taken)?;
            Ok(taken)
        }
        _ => Err(OpenError::Newer { path: path.to_owned(), found, known: MIGRATIONS.len() }),
    }
}

/// The newest version that is known.
pub(super) const LATEST: usize = MIGRATIONS.len();

/// Each step in a transaction of its own: one that fails leaves the file as the version before.
fn migrate_from(db: &mut Connection, taken: usize) -> Result<(), Fault> {
    for (step, version) in MIGRATIONS.iter().zip(1_u32..).skip(taken) {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}
