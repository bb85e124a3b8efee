//! A store as a whole: copied out as it is at one moment, also while it is written to, and put in the place of another.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::fault::Fault;
use super::lock::{DataDir, create_private};
use super::open::{FILE, INDEX, LOCK_WAIT, LOG, flags, read_connection, write_connection};
use super::{OpenError, StoreError};

/// Pages copied at a time: 8 MiB, so that progress is told some times per second.
const PAGES: i32 = 2_048;

/// Copies the store of the directory `from` into the empty directory `to`, where it can be opened like any other. All of
/// it is of one moment: one read transaction lasts as long as the copy, which keeps the log from being cut meanwhile and
/// nobody from writing. Blocks; `progress` is told the percentage that is done.
///
/// # Errors
/// [`OpenError`]; what was copied so far is then of no use.
pub fn snapshot(from: &Path, to: &DataDir, progress: &mut dyn FnMut(u8)) -> Result<(), OpenError> {
    let path = to.file(FILE);
    let failed = |source| OpenError::Directory { path: path.clone(), source };
    let file = create_private(&path).map_err(failed)?;
    copy(&from.join(FILE), &path, progress)?;
    file.sync_all().map_err(failed)?;
    to.sync().map_err(failed)
}

fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(u8)) -> Result<(), Fault> {
    let mut source = read_connection(from)?;
    let source = source.transaction()?;
    // Only with its first read does a transaction begin to see one moment. Held, it also keeps the copy from starting
    // over with each write of somebody else.
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut target = Connection::open_with_flags(to, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    // Nothing of it is of use until all of it is there.
    target.pragma_update(None, "journal_mode", "off")?;
    target.pragma_update(None, "synchronous", "off")?;
    let backup = Backup::new(&source, &mut target)?;
    loop {
        match backup.step(PAGES)? {
            StepResult::Done => break,
            StepResult::More => progress(percent(&backup)),
            _ => return Err(Fault::Busy),
        }
    }
    drop(backup);
    target.close().map_err(|(_, error)| error.into())
}

fn percent(backup: &Backup<'_, '_>) -> u8 {
    let pages = backup.progress();
    let done = i64::from(pages.pagecount - pages.remaining) * 100 / i64::from(pages.pagecount.max(1));
    u8::try_from(done).unwrap_or(100)
}

/// Puts `file`, a whole store without a log, in the place of the store of `dir`. The old one, if there is one, stays in the
/// directory under the name that is returned. At every moment one of the two is in place, whole.
///
/// # Errors
/// [`OpenError`]; the old store is then still in place.
pub fn replace(dir: &DataDir, file: &Path, kept: &str) -> Result<Option<PathBuf>, OpenError> {
    let (place, log, kept) = (dir.file(FILE), dir.file(LOG), dir.file(kept));
    let failed = |source| OpenError::Directory { path: place.clone(), source };
    let was_there = match fs::hard_link(&place, &kept) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(failed(error)),
    };
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) && fold_log(&place).is_err() {
        // A store that cannot be opened: its log stays with it, and must not be taken for one of the new store.
        let mut kept_log = kept.clone().into_os_string();
        kept_log.push("-wal");
        fs::rename(&log, kept_log).map_err(failed)?;
    }
    for left in [log, dir.file(INDEX)] {
        remove(&left).map_err(failed)?;
    }
    File::open(file).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(file, &place).map_err(failed)?;
    dir.sync().map_err(failed)?;
    Ok(was_there.then_some(kept))
}

/// Writes the log into the file, so that the file alone is the store.
fn fold_log(place: &Path) -> Result<(), StoreError> {
    let fold = || {
        let db = write_connection(place, LOCK_WAIT)?;
        let blocked: bool = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if blocked { Err(Fault::Busy) } else { Ok(()) }
    };
    fold().map_err(StoreError::from)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
