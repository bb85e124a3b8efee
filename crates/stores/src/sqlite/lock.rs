//! The directory of a store: private to its owner, and used by one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::OpenError;

/// The lock file; holds the process id of its owner.
const LOCK: &str = "keyward.lock";
/// Names that a data directory has of its own (the last on a volume of its own). What begins with none of them is somebody
/// else's.
const OWN_NAMES: [&str; 6] = ["keyward.", "reserve", "master.key", "admin.sock", "gate.sock", "lost+found"];

/// A data directory held by this process, until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: Arc<File>,
}

impl DataDir {
    /// Creates the directory where it is missing, makes it private, and takes its lock.
    ///
    /// # Errors
    /// [`OpenError::InUse`] while another process holds it, [`OpenError::Shared`], [`OpenError::Directory`].
    pub fn take(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Directory { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        // Absolute, so that a name such as `file:x` is never read as a URI.
        let path = path.canonicalize().map_err(failed)?;
        make_private(&path)?;
        let lock = lock(&path)?;
        Ok(Self { path, _lock: Arc::new(lock) })
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes names that were created, renamed or removed in it durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// A new or emptied file that only its owner can read, whatever the umask (threat T64).
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Closes the directory to others. One that also holds foreign files is somebody's home or `/tmp`: changing that would break
/// what we do not know, so the start is refused instead.
fn make_private(path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Directory { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o7777;
    if mode == 0o700 {
        return Ok(());
    }
    if mode & 0o077 != 0 && holds_foreign_files(path).map_err(failed)? {
        return Err(OpenError::Shared { path: path.to_owned(), mode });
    }
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)
}

fn holds_foreign_files(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if !OWN_NAMES.iter().any(|own| name.as_encoded_bytes().starts_with(own.as_bytes())) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let failed = |source| OpenError::Directory { path: path.clone(), source };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // Without its text the lock still says enough.
            let _ = file.read_to_string(&mut owner);
            return Err(OpenError::InUse { path: dir.to_owned(), owner: owner.trim().parse().ok() });
        }
        Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    // The name of the owner is a courtesy: on a full disk it must not keep the store from starting.
    let _ = write_owner(&mut file);
    Ok(file)
}

fn write_owner(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
