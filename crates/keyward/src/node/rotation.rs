//! The files of a master key rotation: how a new key takes the place of the old one so that, whenever the process or the
//! machine dies, a start finds a key that opens the store.
//!
//! 1. The new key is written beside the old one, `master.key.next`. The ring is still wrapped by the old one.
//! 2. One transaction wraps the whole ring by the new key (`operator::master_key`).
//! 3. The old key is copied to `master.key.<its id>`, since older backups open only with it.
//! 4. `master.key.next` is renamed to `master.key`.
//!
//! A rotation that ended before 2 goes on with the same new key when it is asked for again; one that ended after 2 is
//! finished by the next start. Nothing here touches the store.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::random::Randomness;
use domain::vault::{MasterKey, MasterKeyId};

use super::master_key::read;
use crate::config::MasterKeySource;

/// The file in which a master key can be replaced; `None` where it is a variable.
fn place(source: &MasterKeySource) -> anyhow::Result<Option<PathBuf>> {
    match source {
        MasterKeySource::Variable(_) => Ok(None),
        // Through links, or the link would be replaced and the key behind it stay as it is.
        MasterKeySource::File(path) | MasterKeySource::DataDir(path) => fs::canonicalize(path)
            .map(Some)
            .with_context(|| format!("the master key {} cannot be found", path.display())),
    }
}

fn beside(place: &Path, suffix: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Where the new key waits during a rotation; `None` where the key is a variable.
///
/// # Errors
/// The present key's file is not there.
pub fn next_place(source: &MasterKeySource) -> anyhow::Result<Option<PathBuf>> {
    Ok(place(source)?.map(|place| beside(&place, ".next")))
}

/// The key that an earlier rotation began with, or a new one, written and synced beside the present one.
///
/// # Errors
/// A sentence: the directory cannot be written, or what lies there is no master key.
pub fn next_key(next: &Path, random: &dyn Randomness) -> anyhow::Result<MasterKey> {
    if next.exists() {
        return read(next);
    }
    let key = MasterKey::generate(random);
    write_private(next, key.to_text().as_bytes()).with_context(|| {
        format!(
            "the new master key cannot be written to {}; bring one yourself: keyward master-key generate \
             --output FILE, then keyward master-key rotate --new-key-file FILE",
            next.display()
        )
    })?;
    Ok(key)
}

/// Puts the new key in the place of the old one, which is kept under its id. Returns where.
///
/// # Errors
/// A sentence; the next start will finish the work.
pub fn put_in_place(source: &MasterKeySource, old: MasterKeyId) -> anyhow::Result<Option<PathBuf>> {
    let Some(place) = place(source)? else { return Ok(None) };
    let kept = beside(&place, &format!(".{old}"));
    let swap = || {
        write_private(&kept, &fs::read(&place)?)?;
        fs::rename(beside(&place, ".next"), &place)?;
        sync_directory(&place)
    };
    swap().with_context(|| {
        format!(
            "the store has its new master key, but it cannot be put in its place; rename {}.next to {0}",
            place.display()
        )
    })?;
    Ok(Some(kept))
}

/// Finishes a rotation that was cut off between its transaction and its last step: when the waiting key is the one that
/// wraps the ring, it becomes the master key. Otherwise nothing happens, and the caller's key is judged as it is.
///
/// # Errors
/// A sentence: the key is the right one but cannot be put in its place.
pub fn finish(
    source: &MasterKeySource,
    present: MasterKeyId,
    ring: MasterKeyId,
) -> anyhow::Result<Option<MasterKey>> {
    let waiting = next_place(source)?.filter(|next| next.exists()).map(|next| read(&next)).transpose()?;
    let Some(key) = waiting.filter(|key| key.id() == ring) else { return Ok(None) };
    put_in_place(source, present)?;
    Ok(Some(key))
}

/// A file that only its owner can read: whole and synced under its name, or not there.
///
/// # Errors
/// What the system says.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = beside(path, ".unfinished");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_directory(path)
}

/// Makes the names in a file's directory durable.
///
/// # Errors
/// What the system says.
pub fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}
