//! The encoders and decoders that signatures rest on, each beside another implementation.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use signing::encode::{
    base64, form_decode, form_encode, is_base64, is_lower_hex, lower_hex, percent_decode as decode,
    percent_encode, percent_encode_path,
};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// Percent-encoding, form encoding, hexadecimal and base64: equal to other implementations where those are strict, and
/// stricter where they are lenient (threats T04, T16).
pub fn encode(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let percent = percent_encode(data);
        assert_eq!(percent, utf8_percent_encode(text, RESERVED).to_string());
        assert_eq!(percent_encode_path(data), utf8_percent_encode(text, RESERVED_IN_PATH).to_string());
        let form = form_encode(data);
        let elsewhere: String = form_urlencoded::byte_serialize(data).collect();
        // That serializer leaves `*` bare and escapes `~`.
        assert_eq!(form, elsewhere.replace('*', "%2A").replace("%7E", "~"));
        assert_eq!(decode(&percent).as_deref(), Ok(text));
        assert_eq!(form_decode(form.as_bytes()).as_deref(), Ok(text));
        check_decoder(text);
    }
    check_form_decoder(data);
    check_hex_and_base64(data);
}

fn check_decoder(text: &str) {
    let elsewhere = percent_decode(text.as_bytes()).decode_utf8();
    match decode(text) {
        Ok(decoded) => assert_eq!(elsewhere.as_deref(), Ok(&*decoded)),
        Err(_) => assert!(elsewhere.is_err() || has_bad_escape(text.as_bytes()), "{text}"),
    }
}

fn check_form_decoder(data: &[u8]) {
    let blanks: Vec<u8> = data.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    let elsewhere = percent_decode(&blanks).decode_utf8();
    match form_decode(data) {
        Ok(decoded) => {
            assert_eq!(elsewhere.as_deref(), Ok(&*decoded));
            assert!(!has_bad_escape(data));
        }
        Err(_) => assert!(elsewhere.is_err() || has_bad_escape(data)),
    }
}

fn has_bad_escape(text: &[u8]) -> bool {
    let is_bad = |(at, _): (usize, &u8)| {
        let digits = text.get(at + 1..at + 3).unwrap_or_default();
        digits.len() != 2 || !digits.iter().all(u8::is_ascii_hexdigit)
    };
    text.iter().enumerate().filter(|(_, byte)| **byte == b'%').any(is_bad)
}

fn check_hex_and_base64(data: &[u8]) {
    let hex = lower_hex(data);
    assert!(is_lower_hex(hex.as_bytes(), data.len() * 2));
    assert_eq!(domain::vault::to_hex(data), hex);
    assert_eq!(base64(data), STANDARD.encode(data));
    assert!(is_base64(base64(data).as_bytes(), data.len()));
    // What has the form of a signature decodes to as many bytes, but for bits that no encoder sets.
    for bytes in [20, 32] {
        if is_base64(data, bytes) {
            let mut text = data.to_vec();
            text.iter_mut().rev().filter(|byte| **byte != b'=').take(1).for_each(|byte| *byte = b'A');
            assert_eq!(STANDARD.decode(&text).map(|decoded| decoded.len()), Ok(bytes));
        }
    }
}
