//! Queries and form bodies.

use std::collections::HashSet;

use signing::Params;
use signing::encode::{form_encode, form_pieces};
use signing::params::MAX_PARAMS;

use crate::json::folded;

/// Queries and form bodies: what is accepted means the same to another reader, encodes and decodes to itself, has names
/// that are unique in any letter case, and lists have one spelling per element (threats T03, T04).
pub fn form(data: &[u8]) {
    check_pieces(data);
    let Ok(params) = Params::from_form(data, MAX_PARAMS) else { return };
    let read: Vec<_> =
        params.iter().map(|(name, value)| (name.to_owned(), value.text().into_owned())).collect();
    let elsewhere: Vec<(String, String)> = form_urlencoded::parse(data).into_owned().collect();
    assert_eq!(read, elsewhere, "two readers");
    let names: HashSet<_> = read.iter().map(|(name, _)| folded(name)).collect();
    assert_eq!(names.len(), read.len(), "names that differ in letter case only: {read:?}");
    assert!(read.len() <= MAX_PARAMS && read.iter().all(|(name, _)| !name.is_empty()));
    if let Some(fewer) = read.len().checked_sub(1) {
        assert!(Params::from_form(data, fewer).is_err(), "one more than allowed");
    }
    let encode = |(name, value): &(String, String)| {
        [form_encode(name.as_bytes()), form_encode(value.as_bytes())].join("=")
    };
    let written = read.iter().map(encode).collect::<Vec<_>>().join("&");
    assert_eq!(Params::from_form(written.as_bytes(), MAX_PARAMS).as_ref(), Ok(&params), "{written}");
    check_lists(&params);
}

/// Nothing of the text is lost or invented but separators.
fn check_pieces(data: &[u8]) {
    let whole = data.split(|&byte| byte == b'&').filter(|piece| !piece.is_empty());
    assert_eq!(whole.clone().count(), form_pieces(data).count());
    for (piece, (name, value)) in whole.zip(form_pieces(data)) {
        let joined = [name, b"=", value].concat();
        assert!(joined == piece || (value.is_empty() && name == piece), "{piece:?}");
        assert!(!name.contains(&b'='));
    }
}

/// The elements of a list are parameters `name.<n>`, each once, in the order of their numbers.
fn check_lists(params: &Params) {
    for (name, _) in params.iter() {
        let Some((list, _)) = name.split_once('.') else { continue };
        let Ok(elements) = params.list(list) else { continue };
        let prefix = [list, "."].concat();
        let mut numbered: Vec<(u16, _)> = params
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.parse().ok()?, value)))
            .collect();
        numbered.sort_by_key(|(number, _)| *number);
        numbered.dedup_by_key(|(number, _)| *number);
        assert!(numbered.iter().map(|(_, value)| *value).eq(elements), "{list}");
    }
}
