//! Markers of Samsung's list, which are ids of records.

use dialects::samsung::fuzzing::marker;

/// Markers: one spelling for each record, 32 lower-case hexadecimal digits (threat T51).
pub fn samsung_marker(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(record) = marker(text) {
        assert_eq!(record.hex(), text);
    } else {
        let is_record =
            text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        assert!(!is_record, "{text:?} is a record's id");
    }
}
