//! Room that is held back: a file that is given up when the disk is full, so that credentials can still be revoked
//! (promise P6, threat T86), and taken again when space returns.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use super::lock::create_private;

const BLOCK: usize = 64 * 1024;

/// The reserve file.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
    held: bool,
}

impl Reserve {
    /// The reserve at `path`; held when a file of at least that size is there.
    pub(super) fn at(path: PathBuf, bytes: u64) -> Self {
        let held = fs::metadata(&path).is_ok_and(|file| file.len() >= bytes);
        Self { path, bytes, held }
    }

    /// Whether it is there. While it is not, the disk counts as full.
    pub(super) const fn is_held(&self) -> bool {
        self.held
    }

    /// How much is held back at the moment.
    pub(super) const fn held_bytes(&self) -> u64 {
        if self.held { self.bytes } else { 0 }
    }

    /// Gives the room back to the disk; whether there was any.
    pub(super) fn release(&mut self) -> bool {
        // If it cannot be removed, emptying it serves as well; if that fails too, there is no room to give.
        if fs::remove_file(&self.path).is_err() {
            let _ = create_private(&self.path);
        }
        std::mem::replace(&mut self.held, false)
    }

    /// Takes the room again if there is enough.
    pub(super) fn reclaim(&mut self) {
        self.held = self.write().is_ok();
        if !self.held {
            self.release();
        }
    }

    fn write(&self) -> io::Result<()> {
        let mut file = create_private(&self.path)?;
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut left = self.bytes;
        while left > 0 {
            // Noise (xorshift): a file system that compresses would store zeros in no room at all.
            let block: Vec<u8> = (0..BLOCK / 8)
                .flat_map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state.to_le_bytes()
                })
                .collect();
            let length = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
            file.write_all(block.get(..length).unwrap_or(&block))?;
            left -= u64::try_from(length).unwrap_or(left);
        }
        file.sync_all()
    }
}
