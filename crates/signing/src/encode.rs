//! Percent-encoding, form-encoding, hexadecimal and base64: one function per published rule, and strict decoders.
//!
//! Encoders work on bytes; decoders refuse a bad escape and text that is not UTF-8, because two readers would disagree
//! about what such a request says (threat T04).

use std::borrow::Cow;

/// A broken `%` escape, or text that is not UTF-8 once decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bad percent escape or bad UTF-8")]
pub struct Undecodable;

/// Appends `text` to `out`; everything but RFC 3986's unreserved characters `A-Za-z0-9-_.~` becomes `%XX` in upper case.
///
/// The rule of AWS for queries and path segments, and of Huawei for both.
pub fn percent_encode_into(text: &[u8], out: &mut String) {
    for &byte in text {
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            push_escape(byte, out);
        }
    }
}

/// [`percent_encode_into`] with a string of its own.
pub fn percent_encode(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    percent_encode_into(text, &mut out);
    out
}

/// [`percent_encode_into`] that leaves `/` alone: a whole path, segment by segment.
pub fn percent_encode_path(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len());
    for (n, segment) in path.split(|&byte| byte == b'/').enumerate() {
        if n > 0 {
            out.push('/');
        }
        percent_encode_into(segment, &mut out);
    }
    out
}

/// `application/x-www-form-urlencoded` as clients write it: as [`percent_encode`], but a blank is `+`.
pub fn form_encode(text: &[u8]) -> String {
    percent_encode(text).replace("%20", "+")
}

/// Decodes `%XX`; `+` stays.
///
/// # Errors
/// [`Undecodable`] for a broken escape or a result that is not UTF-8.
pub fn percent_decode(text: &str) -> Result<Cow<'_, str>, Undecodable> {
    if text.contains('%') { unescape(text.as_bytes(), b'+').map(Cow::Owned) } else { Ok(Cow::Borrowed(text)) }
}

/// Decodes `%XX`, and `+` as a blank.
///
/// # Errors
/// As [`percent_decode`].
pub fn form_decode(text: &[u8]) -> Result<Cow<'_, str>, Undecodable> {
    if text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        unescape(text, b' ').map(Cow::Owned)
    } else {
        std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| Undecodable)
    }
}

/// The pieces of a query or form body: split at `&` only (`;` is an ordinary character), empty pieces dropped, each split at
/// its first `=`. Not decoded. A piece without `=` has an empty value.
pub fn form_pieces(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|&byte| byte == b'&').filter(|piece| !piece.is_empty()).map(|piece| {
        match piece.iter().position(|&byte| byte == b'=').and_then(|at| piece.split_at_checked(at)) {
            Some((name, value)) => (name, value.strip_prefix(b"=").unwrap_or_default()),
            None => (piece, &[][..]),
        }
    })
}

/// Lower-case hexadecimal.
pub fn lower_hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for &byte in bytes {
        out.push(char::from(hex_digit(byte >> 4, b'a')));
        out.push(char::from(hex_digit(byte & 15, b'a')));
    }
    out
}

/// Whether `text` is exactly `digits` lower-case hexadecimal digits (threat T16).
pub fn is_lower_hex(text: &[u8], digits: usize) -> bool {
    text.len() == digits && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Standard base64 with padding. There is no decoder on purpose: signatures are compared as text, so that each has one
/// spelling only.
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let sextet = ALPHABET.get((bits >> (18 - 6 * n) & 63) as usize).copied();
            out.push(if n <= chunk.len() { char::from(sextet.unwrap_or(b'=')) } else { '=' });
        }
    }
    out
}

/// Whether `text` has the length, alphabet and padding of the standard base64 of `bytes` bytes (threat T16).
pub fn is_base64(text: &[u8], bytes: usize) -> bool {
    let padding = (3 - bytes % 3) % 3;
    let Some((digits, pad)) = text.split_at_checked(text.len().saturating_sub(padding)) else { return false };
    text.len() == bytes.div_ceil(3) * 4
        && digits.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        && pad.iter().all(|&byte| byte == b'=')
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

fn push_escape(byte: u8, out: &mut String) {
    out.push('%');
    out.push(char::from(hex_digit(byte >> 4, b'A')));
    out.push(char::from(hex_digit(byte & 15, b'A')));
}

/// The digit for a value below 16; `ten` is the letter for 10.
const fn hex_digit(value: u8, ten: u8) -> u8 {
    if value < 10 { b'0' + value } else { ten + (value - 10) }
}

fn unescape(text: &[u8], plus: u8) -> Result<String, Undecodable> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        out.push(match byte {
            b'%' => {
                let high = rest.next().and_then(|&digit| hex_value(digit)).ok_or(Undecodable)?;
                let low = rest.next().and_then(|&digit| hex_value(digit)).ok_or(Undecodable)?;
                high << 4 | low
            }
            b'+' => plus,
            other => other,
        });
    }
    String::from_utf8(out).map_err(|_| Undecodable)
}

const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_has_the_answers_of_rfc_4648() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
            assert!(is_base64(encoded.as_bytes(), plain.len()));
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
        for bad in ["Zg=", "Zg", "Zg==\n", "Zg=A", "Z===", "_g=="] {
            assert!(!is_base64(bad.as_bytes(), 1), "{bad}");
        }
    }

    #[test]
    fn bad_escapes_and_bad_utf8_are_refused() {
        for bad in ["%", "%4", "%zz", "a%4", "%%41", "%ff", "%c3", "%ed%a0%80", "%+1"] {
            assert_eq!(percent_decode(bad), Err(Undecodable), "{bad}");
            assert_eq!(form_decode(bad.as_bytes()), Err(Undecodable), "{bad}");
        }
        assert_eq!(form_decode(b"\xff"), Err(Undecodable));
        assert_eq!(percent_decode("a+%2B%c3%A9"), Ok("a++é".into()));
        assert_eq!(form_decode(b"a+%2B%c3%A9"), Ok("a +é".into()));
    }

    #[test]
    fn pieces_keep_order_and_split_at_the_first_equals_sign() {
        let pieces: Vec<_> = form_pieces(b"a=1&&b&c==x;d=2&=e&").collect();
        let expected: [(&[u8], &[u8]); 4] = [(b"a", b"1"), (b"b", b""), (b"c", b"=x;d=2"), (b"", b"e")];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn paths_keep_their_slashes_and_blanks_have_two_spellings() {
        assert_eq!(percent_encode_path("//a b/%20/é~".as_bytes()), "//a%20b/%2520/%C3%A9~");
        assert_eq!(form_encode(b"a b+%20"), "a+b%2B%2520");
        assert_eq!(percent_encode(b"-_.~*/"), "-_.~%2A%2F");
    }

    proptest! {
        #[test]
        fn decoders_undo_encoders(text in any::<String>()) {
            let (percent, form) = (percent_encode(text.as_bytes()), form_encode(text.as_bytes()));
            prop_assert_eq!(percent_decode(&percent).unwrap(), text.as_str());
            prop_assert_eq!(form_decode(form.as_bytes()).unwrap(), text.as_str());
        }

        #[test]
        fn decoders_never_panic(bytes in any::<Vec<u8>>(), text in "[%+a-fA-F0-9é]*") {
            let _ = form_decode(&bytes);
            let _ = percent_decode(&text);
            let _ = form_pieces(&bytes).count();
            prop_assert!(is_lower_hex(lower_hex(&bytes).as_bytes(), bytes.len() * 2));
            prop_assert!(is_base64(base64(&bytes).as_bytes(), bytes.len()));
        }
    }
}
