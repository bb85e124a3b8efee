//! A directory inside the data directory for what lasts as long as one operation: a copy of the store, say. Private like
//! the data directory itself, and never left behind: the next operation or start removes it.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Its name; the data directory knows what begins like this for its own.
const NAME: &str = "keyward.scratch";

/// The directory. Removed when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes it, empty.
    ///
    /// # Errors
    /// The data directory cannot be written.
    pub fn new(data_dir: &Path) -> anyhow::Result<Self> {
        Self::sweep(data_dir)?;
        let path = data_dir.join(NAME);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self(path))
    }

    /// Removes what an operation left behind that was cut off.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn sweep(data_dir: &Path) -> anyhow::Result<()> {
        let path = data_dir.join(NAME);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed; remove it", path.display()))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed by the next operation or start.
        let _ = fs::remove_dir_all(&self.0);
    }
}
