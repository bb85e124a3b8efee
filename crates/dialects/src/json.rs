//! Writing answers: JSON in buffers that are wiped, because an answer may hold a secret.

use std::io;

use serde::Serialize;
use zeroize::Zeroizing;

/// The body of an answer. Wiped when dropped.
pub(crate) type Body = Zeroizing<Vec<u8>>;

/// Writes an answer.
///
/// # Errors
/// When it cannot be written as JSON, which no type of ours provokes.
pub(crate) fn write(answer: &impl Serialize) -> Result<Body, serde_json::Error> {
    let mut wiping = Wiping(Zeroizing::new(Vec::with_capacity(1024)));
    serde_json::to_writer(&mut wiping, answer)?;
    Ok(wiping.0)
}

/// A buffer that wipes the smaller one it has grown out of, which a plain vector would leave behind (requirement R8).
struct Wiping(Zeroizing<Vec<u8>>);

impl io::Write for Wiping {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(self.0.capacity() * 2)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
