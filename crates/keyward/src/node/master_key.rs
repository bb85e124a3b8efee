//! Where the master key comes from: a file that only its owner can read, or an environment variable.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use domain::random::Randomness;
use domain::vault::MasterKey;
use zeroize::Zeroizing;

use super::rotation::write_private;
use crate::config::MasterKeySource;

/// A master key file is one short line.
const LONGEST_FILE: u64 = 4096;

/// What to do when the key is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The store is empty: make one, where it is kept in the data directory.
    Create,
    /// The store was sealed with one: refuse.
    Refuse,
}

/// Reads the master key, or makes the first one.
///
/// # Errors
/// A sentence that says what is wrong with the key's place, permissions or form and what to do (threat T62).
pub fn load(
    source: &MasterKeySource,
    environment: &dyn Fn(&str) -> Option<String>,
    missing: Missing,
    random: &dyn Randomness,
) -> anyhow::Result<MasterKey> {
    match source {
        MasterKeySource::Variable(name) => {
            let text = environment(name).map(Zeroizing::new).with_context(|| {
                format!("the environment variable {name} that holds the master key is not set")
            })?;
            MasterKey::from_text(&text).with_context(|| format!("the master key in {name} cannot be used"))
        }
        MasterKeySource::File(path) => read(path),
        MasterKeySource::DataDir(path) if path.exists() => read(path),
        MasterKeySource::DataDir(path) => match missing {
            Missing::Create => create(path, random),
            Missing::Refuse => bail!(
                "the store is there but its master key {} is not; put the key back, or name its place with \
                 [master_key] file",
                path.display()
            ),
        },
    }
}

/// Reads a master key file.
///
/// # Errors
/// A sentence, as [`load`].
pub fn read(path: &Path) -> anyhow::Result<MasterKey> {
    let open =
        || File::open(path).with_context(|| format!("the master key {} cannot be opened", path.display()));
    let file = open()?;
    let metadata = file.metadata()?;
    if metadata.permissions().mode() & 0o077 != 0 {
        bail!("the master key {} can be read by others; run: chmod 600 {0}", path.display());
    }
    let owner = rustix::process::geteuid().as_raw();
    if metadata.uid() != owner {
        bail!(
            "the master key {} belongs to user {}, not to the server's user {owner}",
            path.display(),
            metadata.uid()
        );
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST_FILE).read_to_string(&mut text)?;
    MasterKey::from_text(&text).with_context(|| format!("the master key {} cannot be used", path.display()))
}

/// Written and synced before anything is sealed with it: a store whose key was lost in a crash would be lost with it.
fn create(path: &Path, random: &dyn Randomness) -> anyhow::Result<MasterKey> {
    let key = MasterKey::generate(random);
    write_private(path, key.to_text().as_bytes())
        .with_context(|| format!("the master key {} cannot be created", path.display()))?;
    Ok(key)
}
