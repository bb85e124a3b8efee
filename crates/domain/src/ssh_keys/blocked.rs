//! Keys that nobody may use, because others have them too: such as those that Debian made in 2006 to 2008, or one that was
//! found in a public repository (threat T87).

use std::collections::HashSet;

use super::base64;
use super::public_key::Fingerprint;

/// The list, by fingerprints.
#[derive(Clone, Debug, Default)]
pub struct BlockList(HashSet<Fingerprint>);

impl BlockList {
    /// Reads a key a line: its fingerprint as `ssh-keygen -l` prints it, `SHA256:…`, or the whole line of a public key, which
    /// may be of a type or a length that is refused anyway. Blank lines, and what follows a `#` at the beginning of a line or
    /// behind a fingerprint, are passed over.
    ///
    /// # Errors
    /// The number of the first line that is something else.
    pub fn parse(text: &str) -> Result<Self, usize> {
        let lines = text.lines().map(str::trim).zip(1..);
        let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
        lines.map(|(line, number)| fingerprint(line).ok_or(number)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a key is in it.
    pub fn contains(&self, key: &Fingerprint) -> bool {
        self.0.contains(key)
    }

    /// How many keys it holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn fingerprint(line: &str) -> Option<Fingerprint> {
    let mut words = line.split_ascii_whitespace();
    let (first, second) = (words.next()?, words.next());
    if let Some(fingerprint) = Fingerprint::parse(first) {
        return second.is_none_or(|word| word.starts_with('#')).then_some(fingerprint);
    }
    let blob = base64::decode(second?.as_bytes())?;
    // A blob begins with its type, so that base64 of something else is no key.
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let inner = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    (inner == first.as_bytes()).then(|| Fingerprint::of(&blob))
}
