//! The master key while servers are killed: rotated as often as it goes, and in the end only the last one is accepted.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};

use crate::harness::process::Launch;

/// Rotates the master key of the running server until it is killed. How many rotations were acknowledged.
///
/// # Errors
/// A rotation failed although the server lived.
pub(super) fn rotate_until(launch: &Launch, killed: &AtomicBool) -> Result<u64> {
    for count in 0.. {
        let (status, text) = launch.local(&["master-key", "rotate"])?;
        if killed.load(Ordering::SeqCst) {
            return Ok(count + u64::from(status.success()));
        }
        if !status.success() {
            bail!("a rotation of the master key ends with {status}: {text}");
        }
    }
    Ok(0)
}

/// Puts each master key of earlier in the place of the present one: none opens the store. How many there were.
///
/// # Errors
/// One did, there were none, or the present one does not.
pub(super) fn refuse_old_keys(launch: &Launch) -> Result<usize> {
    let place = launch.data_dir.join("master.key");
    let present = fs::read(&place)?;
    let mut refused = 0;
    for entry in fs::read_dir(&launch.data_dir)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.starts_with("master.key.") || name.ends_with(".next") || name.ends_with(".unfinished") {
            continue;
        }
        fs::copy(&path, &place)?;
        let (status, text) = launch.local(&["verify-store"])?;
        if status.success() || !text.contains("not the master key of this store") {
            bail!("the old master key {name} is not refused: {text}");
        }
        refused += 1;
    }
    fs::write(&place, present)?;
    let (status, text) = launch.local(&["verify-store"])?;
    if refused == 0 || !status.success() {
        bail!("{refused} old master keys, and the present one says: {text}");
    }
    Ok(refused)
}
