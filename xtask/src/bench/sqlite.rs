//! What durable creates are compared with: SQLite in the same directory, one insert per transaction, one thread, the same
//! durability (`WAL`, `synchronous=FULL`), rows of the same size.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;

use super::stats::Sample;

/// What an access key takes in the product's table, about, apart from its id.
const ROW_BYTES: usize = 360;

/// A table of keys.
pub(super) struct Table {
    connection: Connection,
    rows: u64,
}

impl Table {
    /// A new one in `folder`.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let connection = Connection::open(folder.join("one-insert-per-transaction.sqlite"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection
            .execute_batch("CREATE TABLE keys(pk INTEGER PRIMARY KEY, key_id TEXT UNIQUE, row BLOB)")?;
        Ok(Self { connection, rows: 0 })
    }

    /// Inserts rows for `duration`.
    pub(super) fn insert(&mut self, duration: Duration) -> Result<Sample> {
        let mut insert = self.connection.prepare("INSERT INTO keys(key_id, row) VALUES (?1, ?2)")?;
        let row = [0x5a_u8; ROW_BYTES];
        let mut latencies = Vec::new();
        let started = Instant::now();
        while started.elapsed() < duration {
            self.rows += 1;
            // Scattered like generated ids, so that the index is not spared.
            let key_id = format!("{:024x}", self.rows.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let begun = Instant::now();
            insert.execute((key_id, row))?;
            latencies.push(begun.elapsed());
        }
        Ok(Sample::new(latencies, started.elapsed()))
    }
}
