//! A look into the store's file from outside, also while a server runs on it.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// Everything that a request could change: each row of each table as text. Counted refusals are no change, and neither is
/// the entry that a start leaves in the audit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    rows: BTreeMap<String, Vec<String>>,
}

impl Snapshot {
    pub(crate) fn of(data: &Path) -> Self {
        let db = open(data);
        let rows = ["key_ring", "serials", "accounts", "users", "access_keys", "audit"]
            .into_iter()
            .map(|table| (table.to_owned(), rows(&db, table)))
            .collect();
        Self { rows }
    }

    /// The rows of a table, each as `column=value` parted by blanks.
    pub(crate) fn rows(&self, table: &str) -> &[String] {
        &self.rows[table]
    }
}

/// The actions in the audit, in the order of their entries within each node.
pub(crate) fn audited_actions(data: &Path) -> Vec<String> {
    let db = open(data);
    let mut statement = db.prepare("SELECT action FROM audit ORDER BY at, node, seq").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn open(data: &Path) -> Connection {
    Connection::open_with_flags(data.join("keyward.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn rows(db: &Connection, table: &str) -> Vec<String> {
    let condition = if table == "audit" { "WHERE action <> 'node.start'" } else { "" };
    let mut statement = db.prepare(&format!("SELECT * FROM {table} {condition} ORDER BY 1, 2")).unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let columns = names.iter().enumerate().map(|(index, name)| {
            let value = match row.get_ref(index).unwrap() {
                ValueRef::Null => "null".to_owned(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Blob(blob) => blob.iter().map(|byte| format!("{byte:02x}")).collect(),
            };
            format!("{name}={value}")
        });
        found.push(columns.collect::<Vec<_>>().join(" "));
    }
    found
}
