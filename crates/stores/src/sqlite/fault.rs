//! What SQLite's errors mean to a store: try later, no room, a row that contradicts, or the end.

use domain::store::StoreError;
use rusqlite::{ErrorCode, ffi};

/// Why a statement or transaction did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// One row: it cannot be read, or a write contradicts it. The rest of the store is fine.
    Row(String),
    /// No room on the device (promise P6).
    Full,
    /// Another connection holds a lock.
    Busy,
    /// Pages of the file do not make sense (promise P7).
    Damaged(String),
    /// Reading or writing failed. When it happened to a write, nothing that follows can be trusted: after a failed sync the
    /// kernel may have dropped the very pages that the next sync reports as written (promise P5).
    Broken(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE) {
            // The index of the log could not grow: how SQLite says "disk full" when it opens a log.
            return Fault::Full;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Fault::Row(error.to_string()),
            Some(ErrorCode::DiskFull) => Fault::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Fault::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::Damaged(error.to_string()),
            _ => Fault::Broken(error.to_string()),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Row(what) | Fault::Damaged(what) => StoreError::Corrupt(what),
            Fault::Full => StoreError::DiskFull,
            Fault::Busy => StoreError::Busy,
            Fault::Broken(what) => StoreError::Unavailable(what),
        }
    }
}
