//! Cursors of lists: where the next page begins, bound to the account, the list and its filters, so that a forged or foreign
//! one, or one for other filters, opens nothing (threat T51).

use crate::caller::Caller;
use crate::error::Error;
use crate::service::Service;
use crate::vault::{MarkInput, same, to_hex};

/// Bytes of the keyed tag that a cursor ends with.
const TAG_BYTES: usize = 16;
/// Longest text that can be a cursor, in bytes.
const MAX_BYTES: usize = 512;

impl Service {
    /// A cursor for `list`, a text that names the list and everything that decides what is on it.
    pub fn cursor(&self, caller: &Caller, list: &str, position: &[u8]) -> String {
        to_hex(&[position, &self.cursor_tag(caller, list, position)].concat())
    }

    /// The position of a cursor that [`cursor`](Self::cursor) made for the same account and list.
    ///
    /// # Errors
    /// [`Error::CursorInvalid`].
    pub fn cursor_position(&self, caller: &Caller, list: &str, cursor: &str) -> Result<Vec<u8>, Error> {
        let bytes = from_hex(cursor).ok_or(Error::CursorInvalid)?;
        let end = bytes.len().checked_sub(TAG_BYTES).ok_or(Error::CursorInvalid)?;
        let (position, tag) = bytes.split_at(end);
        if same(tag, &self.cursor_tag(caller, list, position)) {
            Ok(position.to_vec())
        } else {
            Err(Error::CursorInvalid)
        }
    }

    fn cursor_tag(&self, caller: &Caller, list: &str, position: &[u8]) -> Vec<u8> {
        let input = MarkInput::new("cursor").bytes(caller.account.as_bytes()).text(list).bytes(position);
        self.vault.mark(&input).into_iter().take(TAG_BYTES).collect()
    }
}

/// Reads lower-case hexadecimal.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_BYTES || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::from_hex;

    #[test]
    fn hexadecimal_has_one_spelling() {
        assert_eq!(from_hex("00ff10"), Some(vec![0, 255, 16]));
        assert_eq!(from_hex(""), Some(Vec::new()));
        for text in ["0", "0F", "zz", "0 ", "é"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
        assert_eq!(from_hex(&"0".repeat(514)), None);
    }
}
