//! The file of SSH keys that nobody may use: `[ssh] blocked_keys`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use domain::ssh_keys::BlockList;

/// Longest file, in bytes: room for half a million keys.
const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// Reads the file, where one is named.
///
/// # Errors
/// A sentence: it cannot be read, is too long, or a line is no key.
pub(super) fn load(file: Option<&Path>) -> anyhow::Result<BlockList> {
    let Some(path) = file else { return Ok(BlockList::default()) };
    let shown = path.display();
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    let length = read.with_context(|| format!("the file {shown} of [ssh] blocked_keys cannot be read"))?;
    if u64::try_from(length).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        bail!(
            "the file {shown} of [ssh] blocked_keys is longer than 32 MiB; take the keys out that are weak by themselves"
        );
    }
    BlockList::parse(&text).or_else(|line| {
        bail!("{shown} line {line} is no SSH key to block; write a fingerprint (SHA256:...) or a public key, or # in front")
    })
}
