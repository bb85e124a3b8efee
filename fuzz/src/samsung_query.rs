//! The query of Samsung's list of access keys.

use dialects::samsung::fuzzing::query;

/// Queries: what is accepted is written into links, and a link asks for the very same page again. Nothing of it is more
/// than printable ASCII without quotes, blanks and angle brackets (threats T77, T78).
pub fn samsung_query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(written) = query(text) else { return };
    assert!(
        written.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>#`".contains(&byte)),
        "{written:?}"
    );
    assert_eq!(query(&written).as_deref(), Some(written.as_str()), "{text:?}");
    let names: Vec<&str> = written.split('&').filter_map(|piece| piece.split('=').next()).collect();
    assert!(names.is_sorted() && names.windows(2).all(|pair| pair.first() != pair.last()), "{written:?}");
}
