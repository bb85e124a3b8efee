//! Helpers shared by the tests of the schemes.

use std::collections::BTreeSet;

/// A thousand and more texts near a good signature that must not pass for it (threat T16): cut, extended, re-cased, blanks,
/// other digits and alphabets, and each position replaced. Deterministic.
pub(crate) fn near_misses(signature: &str) -> Vec<String> {
    let mut near = BTreeSet::new();
    let characters: Vec<char> = signature.chars().collect();
    for end in 0..characters.len() {
        near.insert(characters[..end].iter().collect());
        near.insert(characters[end..].iter().skip(1).collect());
        for other in "0123456789abcdefABCDEFxyzXYZ+/=-_ \t%".chars().chain(['\0', '０', '٣', 'а', 'ｆ']) {
            let mut changed = characters.clone();
            changed[end] = other;
            near.insert(changed.iter().collect());
            if end % 8 == 0 {
                changed = characters.clone();
                changed.insert(end, other);
                near.insert(changed.into_iter().collect());
            }
        }
        let mut cased = characters.clone();
        cased[end] = if cased[end].is_lowercase() {
            cased[end].to_ascii_uppercase()
        } else {
            cased[end].to_ascii_lowercase()
        };
        near.insert(cased.into_iter().collect());
    }
    for (before, after) in
        [(" ", ""), ("", " "), ("\t", ""), ("", "\n"), ("", "\r\n"), ("0x", ""), ("", "\0"), ("\"", "\"")]
    {
        near.insert(format!("{before}{signature}{after}"));
    }
    near.insert(signature.to_uppercase());
    near.insert(signature.to_lowercase());
    near.insert(signature.repeat(2));
    near.insert(signature.trim_end_matches('=').to_owned());
    near.insert(signature.replace('+', "-").replace('/', "_"));
    near.insert(signature.chars().rev().collect());
    near.remove(signature);
    assert!(near.len() >= 1000, "only {} near misses", near.len());
    near.into_iter().collect()
}

/// `text` with one character changed at each position, long texts only at every `step`th.
pub(crate) fn one_changed(text: &str, step: usize) -> impl Iterator<Item = String> {
    let positions: Vec<_> = text.char_indices().step_by(step).collect();
    positions.into_iter().map(move |(at, old)| {
        let new = if old == 'x' { 'y' } else { 'x' };
        [&text[..at], &new.to_string(), &text[at + old.len_utf8()..]].concat()
    })
}
