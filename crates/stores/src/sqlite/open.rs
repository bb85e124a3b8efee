//! From a directory to an opened store, and from there to one that serves.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use domain::audit::AuditChain;
use domain::store::{CommitObserver, StoreError};
use domain::vault::RingRow;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::checkpoint::{Checkpointer, MAX_LOG_BYTES};
use super::committer::{Committer, Room};
use super::fault::Fault;
use super::health::{Health, Watch};
use super::lock::{DataDir, create_private};
use super::readers::Readers;
use super::reserve::Reserve;
use super::{Counts, OpenError, Options, SqliteStore, effects, reads, schema};

/// Name of the database file in the data directory.
pub const FILE: &str = "keyward.db";
pub(super) const LOG: &str = "keyward.db-wal";
pub(super) const INDEX: &str = "keyward.db-shm";
/// Where a new file is made; it gets its name once it is whole, so an empty file of that name is always a damaged one.
const UNFINISHED: &str = "keyward.db.new";
const RESERVE: &str = "reserve";

/// How long a connection waits for another's lock before it says "busy".
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How long a checkpoint that cuts the log waits for readers, keeping writers waiting too.
const CUT_WAIT: Duration = Duration::from_millis(100);

/// Page caches, in KiB as SQLite's negative sizes. No memory map: a read error of a mapped page kills the process.
const WRITER_CACHE: i64 = -16_384;
const READER_CACHE: i64 = -4_096;

/// A store whose file is open and of the current version, before it serves: the key ring can be read and filled, so that a
/// vault can be opened, and nothing else can be done.
pub struct Opened {
    dir: DataDir,
    options: Options,
    db: Connection,
    room: Room,
    versions: Versions,
}

/// Versions of a file's schema; equal unless it was just brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// That of the file as it was found; 0 for one that was not there.
    pub found: usize,
    /// That of the file now.
    pub now: usize,
}

impl SqliteStore {
    /// Opens the store in `dir`, creating what is missing and bringing an older file up to date.
    ///
    /// # Errors
    /// [`OpenError`]; a file that is refused is left as it was.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Opened, OpenError> {
        Self::open_in(DataDir::take(dir.as_ref())?, options)
    }

    /// The same in a directory that this process holds already.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_in(dir: DataDir, options: Options) -> Result<Opened, OpenError> {
        let reserve = Reserve::at(dir.file(RESERVE), options.reserve_bytes);
        let mut room = Room::new(reserve, options.max_bytes);
        let (db, versions) = match open_file(&dir) {
            // Even to open a log takes room: give up the reserve and try again (promise P6).
            Err(OpenError::Store(StoreError::DiskFull)) if room.release() => open_file(&dir)?,
            other => other?,
        };
        room.reclaim_when_due(&db);
        room.limit_file(&db);
        Ok(Opened { dir, options, db, room, versions })
    }
}

impl Opened {
    /// From which version to which the file was brought.
    pub const fn versions(&self) -> Versions {
        self.versions
    }

    /// The wrapped keys; none in a new store.
    ///
    /// # Errors
    /// What the store says.
    pub fn ring_rows(&self) -> Result<Vec<RingRow>, StoreError> {
        Ok(reads::key_ring(&self.db)?)
    }

    /// Adds wrapped keys, all or none.
    ///
    /// # Errors
    /// What the store says. [`StoreError::Corrupt`] when there are accounts but no key ring: it was lost, and a new one would
    /// open nothing of what is stored (threat T62).
    pub fn insert_ring_rows(&mut self, rows: &[RingRow]) -> Result<(), StoreError> {
        Ok(insert_ring_rows(&mut self.db, rows)?)
    }

    /// Starts to serve: spawns the committer, which appends to `chain` and tells `observer`, the checkpointer and the
    /// readers.
    ///
    /// # Errors
    /// [`OpenError`] when connections cannot be opened or threads not be started.
    pub fn start(
        self,
        chain: AuditChain,
        observer: Arc<dyn CommitObserver>,
    ) -> Result<Arc<SqliteStore>, OpenError> {
        let Self { dir, options, db, room, versions: _ } = self;
        let path = dir.file(FILE);
        let health = Arc::new(Health::new(observer.clone()));
        let counts = Arc::new(Counts::default());

        let connections = (0..options.readers.max(1)).map(|_| read_connection(&path));
        let connections = connections.collect::<Result<_, Fault>>()?;
        let (readers, mut threads) =
            Readers::start(connections, options.read_queue).map_err(thread_failed)?;

        let (wrote, wrote_receiver) = channel();
        let (writer, jobs) = sync_channel(options.write_queue);
        let committer = Committer {
            db,
            chain,
            observer,
            health: health.clone(),
            counts: counts.clone(),
            checkpoints: wrote,
            room,
        };
        let watch = Watch(health.clone());
        threads.push(spawn("keyward-commit", move || {
            let _watch = watch;
            committer.run(&jobs);
        })?);

        let checkpointer = Checkpointer {
            db: write_connection(&path, CUT_WAIT)?,
            log: dir.file(LOG),
            health: health.clone(),
            counts: counts.clone(),
            erase_within: options.erase_within,
        };
        let watch = Watch(health.clone());
        threads.push(spawn("keyward-checkpoint", move || {
            let _watch = watch;
            checkpointer.run(&wrote_receiver);
        })?);
        Ok(Arc::new(SqliteStore::new(writer, readers, health, counts, dir, threads)))
    }
}

fn insert_ring_rows(db: &mut Connection, rows: &[RingRow]) -> Result<(), Fault> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let lost = "SELECT EXISTS (SELECT 1 FROM accounts) AND NOT EXISTS (SELECT 1 FROM key_ring)";
    if transaction.query_row(lost, [], |row| row.get(0))? {
        return Err(Fault::Row("there are accounts, but the key ring is gone".to_owned()));
    }
    rows.iter().try_for_each(|row| effects::insert_ring_key(&transaction, row))?;
    Ok(transaction.commit()?)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(thread_failed)
}

fn thread_failed(error: std::io::Error) -> OpenError {
    OpenError::Store(StoreError::Unavailable(format!("a thread does not start: {error}")))
}

/// Opens the file, which is created when neither it nor a log of it is there.
fn open_file(dir: &DataDir) -> Result<(Connection, Versions), OpenError> {
    let path = dir.file(FILE);
    let damaged = |what| OpenError::Damaged { path: path.clone(), what };
    let mut is_new = false;
    match fs::metadata(&path) {
        Ok(file) if file.len() == 0 => return Err(damaged("it is empty")),
        Ok(_) => make_files_private(dir)?,
        Err(source) if source.kind() != ErrorKind::NotFound => {
            return Err(OpenError::Directory { path, source });
        }
        Err(_) if fs::metadata(dir.file(LOG)).is_ok_and(|log| log.len() > 0) => {
            return Err(damaged("it is missing but its log is there"));
        }
        Err(_) => {
            create_file(dir)?;
            is_new = true;
        }
    }
    let mut db = write_connection(&path, LOCK_WAIT).map_err(|fault| match fault {
        Fault::Damaged(_) => OpenError::Foreign { path: path.clone() },
        other => other.into(),
    })?;
    let found = schema::migrate(&mut db, &path)?;
    let versions = Versions { found: if is_new { 0 } else { found }, now: schema::LATEST };
    let mode: String =
        db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).map_err(Fault::from)?;
    if mode == "wal" { Ok((db, versions)) } else { Err(damaged("it cannot be used with a write-ahead log")) }
}

/// Closes files that were copied here by hand to others (threat T64).
fn make_files_private(dir: &DataDir) -> Result<(), OpenError> {
    for path in [FILE, LOG, INDEX, RESERVE].map(|name| dir.file(name)) {
        match fs::set_permissions(&path, Permissions::from_mode(0o600)) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                return Err(OpenError::Directory { path, source });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn create_file(dir: &DataDir) -> Result<(), OpenError> {
    let unfinished = dir.file(UNFINISHED);
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::StorageFull => OpenError::Store(StoreError::DiskFull),
        _ => OpenError::Directory { path: unfinished.clone(), source },
    };
    // A start that was cut off left it behind; nothing was ever acknowledged from it.
    let file = create_private(&unfinished).map_err(failed)?;
    let mut db = Connection::open_with_flags(&unfinished, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))
        .map_err(Fault::from)?;
    // In memory, because the file has no readers yet and a journal of its name would be one more thing to clean up.
    db.pragma_update(None, "journal_mode", "memory").map_err(Fault::from)?;
    schema::create(&mut db)?;
    db.close().map_err(|(_, error)| Fault::from(error))?;
    file.sync_all().map_err(failed)?;
    fs::rename(&unfinished, dir.file(FILE)).map_err(failed)?;
    dir.sync().map_err(failed)
}

pub(super) fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// A connection that writes. What it must not do is said here once: sync less than at each commit, checkpoint by itself,
/// leave deleted bytes in place, trust what the schema of a foreign file calls, or spill to temporary files.
pub(super) fn write_connection(path: &Path, lock_wait: Duration) -> Result<Connection, Fault> {
    let db = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    common(&db, lock_wait)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // Where a plain fsync stops at the drive's cache (macOS), go further; elsewhere it changes nothing.
    db.pragma_update(None, "fullfsync", true)?;
    db.pragma_update(None, "checkpoint_fullfsync", true)?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "secure_delete", true)?;
    db.pragma_update(None, "journal_size_limit", MAX_LOG_BYTES)?;
    db.pragma_update(None, "cache_size", WRITER_CACHE)?;
    Ok(db)
}

pub(super) fn read_connection(path: &Path) -> Result<Connection, Fault> {
    let db = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    common(&db, LOCK_WAIT)?;
    db.pragma_update(None, "cache_size", READER_CACHE)?;
    Ok(db)
}

fn common(db: &Connection, lock_wait: Duration) -> Result<(), Fault> {
    db.busy_timeout(lock_wait)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // The last connection to close would checkpoint too, and tell nobody of errors.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Otherwise a statement is prepared again whenever a bound value could suit another plan: half of a write's work.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "mmap_size", 0)?;
    db.pragma_update(None, "cell_size_check", true)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}
