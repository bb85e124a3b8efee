//! The gate's Unix socket: made so that nobody can connect before it has its permissions, and no two servers share one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::config::{SocketMode, SocketPlace};

/// A bound socket. Its file goes with it.
#[derive(Debug)]
pub struct GateSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Held for as long as the socket is in use.
    _lock: File,
}

/// Why there is no socket; a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another server uses it.
    #[error("{0} is the gate's socket of another running server; give gate.socket another path")]
    Taken(PathBuf),
    /// The system refuses.
    #[error(
        "the gate's socket {path} cannot be made: {cause}; give gate.socket another path, or \"\" for none"
    )]
    Refused {
        /// Where it was to be.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

impl GateSocket {
    /// Binds a socket at `place`; `None` where there is to be none.
    ///
    /// # Errors
    /// [`SocketError`]. Of the usual places one that cannot be had is passed over, the last one is insisted on.
    pub fn bind(place: &SocketPlace, mode: SocketMode) -> Result<Option<Self>, SocketError> {
        match place {
            SocketPlace::Nowhere => Ok(None),
            SocketPlace::Told(path) => Self::at(path, mode).map(Some),
            SocketPlace::Usual(paths) => {
                let mut outcome = Ok(None);
                for path in paths {
                    outcome = Self::at(path, mode).map(Some);
                    if outcome.is_ok() {
                        break;
                    }
                }
                outcome
            }
        }
    }

    fn at(path: &Path, mode: SocketMode) -> Result<Self, SocketError> {
        let refused = |cause| SocketError::Refused { path: path.to_owned(), cause };
        let path = std::path::absolute(path).map_err(refused)?;
        let directory = path.parent().unwrap_or(Path::new("/"));
        fs::DirBuilder::new().recursive(true).mode(0o755).create(directory).map_err(refused)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(beside(&path, ".lock"));
        let lock = lock.map_err(refused)?;
        // Whatever the umask is.
        lock.set_permissions(Permissions::from_mode(0o600)).map_err(refused)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(SocketError::Taken(path));
        }
        let listener = bind_hidden(&path, mode).map_err(refused)?;
        Ok(Self { listener, path, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A handle that accepts connections.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for GateSocket {
    fn drop(&mut self) {
        // The next server replaces a file that stays.
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds in a directory that nobody else enters, sets the permissions, and moves the socket to its place, over whatever a
/// killed server has left there.
fn bind_hidden(path: &Path, mode: SocketMode) -> io::Result<UnixListener> {
    let hidden = beside(path, ".new");
    let _ = fs::remove_dir_all(&hidden);
    fs::DirBuilder::new().mode(0o700).create(&hidden)?;
    fs::set_permissions(&hidden, Permissions::from_mode(0o700))?;
    let made = hidden.join("s");
    let bound = UnixListener::bind(&made).and_then(|listener| {
        fs::set_permissions(&made, Permissions::from_mode(mode.0))?;
        fs::rename(&made, path)?;
        Ok(listener)
    });
    let _ = fs::remove_dir_all(&hidden);
    bound
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn told(path: &Path) -> SocketPlace {
        SocketPlace::Told(path.to_owned())
    }

    #[test]
    fn t64_a_socket_has_its_permissions_and_is_gone_when_it_is_closed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run/gate.sock");
        let socket = GateSocket::bind(&told(&path), SocketMode(0o606)).unwrap().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o606);
        UnixStream::connect(&path).unwrap();
        assert!(matches!(GateSocket::bind(&told(&path), SocketMode(0o660)), Err(SocketError::Taken(_))));
        UnixStream::connect(&path).unwrap();
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_server_left_is_replaced_and_no_second_server_steals_a_usual_place() {
        let home = tempfile::tempdir().unwrap();
        let (first, second) = (home.path().join("a.sock"), home.path().join("b.sock"));
        drop(UnixListener::bind(&first).unwrap());
        let usual = SocketPlace::Usual(vec![first.clone(), second.clone()]);
        let one = GateSocket::bind(&usual, SocketMode(0o660)).unwrap().unwrap();
        let two = GateSocket::bind(&usual, SocketMode(0o660)).unwrap().unwrap();
        assert_eq!((one.path(), two.path()), (first.as_path(), second.as_path()));
        UnixStream::connect(&first).unwrap();
        assert!(GateSocket::bind(&SocketPlace::Nowhere, SocketMode(0o660)).unwrap().is_none());
        let nowhere = SocketPlace::Told("/proc/nowhere/gate.sock".into());
        assert!(matches!(GateSocket::bind(&nowhere, SocketMode(0o660)), Err(SocketError::Refused { .. })));
    }
}
