//! Choices that depend on nothing but the input, and small changes made with them. A crash must come again whenever its
//! input does, so there is no other randomness in a target.

/// A stream of choices (SplitMix64).
pub(crate) struct Choices(u64);

/// Bytes that parsers give a meaning to.
const SPECIAL: &[u8] = b"\0\t\n\r \"#%&'*+,-./:;<=>?@[\\]^_`{|}~\x7f\x80\xff0aAzZ";

impl Choices {
    /// The choices that belong to `data`.
    pub(crate) fn of(data: &[u8]) -> Self {
        // FNV-1a.
        let hash = data.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let number = self.next() % u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(number).unwrap_or(0)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let [byte, ..] = self.next().to_le_bytes();
        byte
    }

    /// One of `items`, unless there are none.
    pub(crate) fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Changes `bytes` in one small way, such as one bit, one byte more or one byte less.
    pub(crate) fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let special = self.one_of(SPECIAL).copied().unwrap_or_default();
        match (self.below(6), bytes.get_mut(at)) {
            (0, Some(byte)) => *byte ^= 1 << self.below(8),
            (1, Some(byte)) => *byte = special,
            (2, Some(byte)) => *byte ^= 0x20,
            (3, Some(_)) => drop(bytes.remove(at)),
            (4, Some(&mut byte)) => bytes.insert(at, byte),
            _ => bytes.insert(self.below(bytes.len() + 1), special),
        }
    }

    /// [`change`](Self::change) of a text; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn change_text(&mut self, text: &mut String) {
        let mut bytes = std::mem::take(text).into_bytes();
        self.change(&mut bytes);
        *text = String::from_utf8_lossy(&bytes).into_owned();
    }
}
