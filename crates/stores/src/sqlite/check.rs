//! What the store finds wrong with itself. Slow by nature: it reads every page, in one read transaction, so it belongs to
//! `verify-store` and not to a request.

use domain::name::NameKey;
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::reads::all;
use super::rows::Columns;

/// One sentence for each fault of pages, indexes, references, names and serials.
pub(super) fn check(db: &Connection) -> Result<Vec<String>, Fault> {
    let mut faults = all(db, "PRAGMA integrity_check(100)", [], |row| Ok(row.get::<_, String>(0)?))?;
    faults.retain(|line| line != "ok");
    faults.extend(all(db, "PRAGMA foreign_key_check", [], |row| {
        Ok(format!(
            "a row of {} refers to a missing row of {}",
            row.get::<_, String>(0)?,
            row.get::<_, String>(2)?
        ))
    })?);
    for (query, what) in SERIAL_FAULTS {
        let serials: Vec<i64> = all(db, query, params![], |row| Ok(row.get(0)?))?;
        faults.extend(serials.iter().map(|serial| format!("serial {serial} {what}")));
    }
    for table in ["accounts", "users"] {
        faults.extend(name_faults(db, table)?);
    }
    Ok(faults)
}

const SERIAL_FAULTS: [(&str, &str); 3] = [
    (
        "SELECT serial FROM (SELECT serial FROM accounts UNION ALL SELECT serial FROM users WHERE is_root = 0 \
         UNION ALL SELECT serial FROM ssh_keys) \
         GROUP BY serial HAVING count(*) > 1",
        "belongs to several accounts, users or SSH keys",
    ),
    (
        "SELECT serial, kind FROM serials EXCEPT SELECT serial, 'account' FROM accounts \
         EXCEPT SELECT serial, 'user' FROM users WHERE is_root = 0 EXCEPT SELECT serial, 'ssh-key' FROM ssh_keys",
        "is taken but nobody of its kind has it",
    ),
    (
        "SELECT user.serial FROM users AS user JOIN accounts AS account ON account.uuid = user.account \
         WHERE user.is_root = 1 AND user.serial <> account.serial",
        "of a root user is not that of the account",
    ),
];

/// Names whose canonical form is not the one that today's rules give: such a user is not found by name.
fn name_faults(db: &Connection, table: &'static str) -> Result<Vec<String>, Fault> {
    let query = format!("SELECT uuid, name, name_key FROM {table} WHERE deleted_at IS NULL");
    let mut statement = db.prepare(&query)?;
    let mut rows = statement.query([])?;
    let mut faults = Vec::new();
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(table, row);
        let id = columns.id(domain::id::UserUuid::from_bytes)?;
        let (name, key) = (columns.value::<String>()?, columns.value::<String>()?);
        if NameKey::of(&name).as_str() != key {
            faults.push(format!("table {table}, row {id}: name_key is not the canonical form of the name"));
        }
    }
    Ok(faults)
}
