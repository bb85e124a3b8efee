//! Names of users and accounts.

use domain::name::{MAX_NAME_CHARS, Name, NameKey};
use unicode_normalization::UnicodeNormalization;

/// What may never be part of a name, nor of what a name is looked up by (threat T46).
const IN_NO_NAME: &[char] =
    &['/', '\\', '*', '?', '$', '{', '}', '%', '"', '\'', '<', '>', '&', ':', ';', '\u{feff}'];

/// Names: one canonical form, whatever the letter case and normalisation, and an alphabet without tricks (threats T06, T45,
/// T46).
pub fn name(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let key = NameKey::of(text);
    assert_eq!(NameKey::of(key.as_str()), key, "folded twice");
    if let Ok(name) = Name::parse(text) {
        assert_eq!((name.as_str(), name.key()), (text, &key));
        assert!((1..=MAX_NAME_CHARS).contains(&text.chars().count()));
        for form in [text, key.as_str()] {
            let bad = form.chars().find(|c| c.is_control() || IN_NO_NAME.contains(c));
            assert_eq!(bad, None, "{text:?} is looked up as {form:?}");
            assert!(
                !form.is_empty() && !form.starts_with(['.', '-', ' ']),
                "{text:?} is looked up as {form:?}"
            );
        }
        check_spellings(text, &key);
    }
}

/// Spellings that a person or another system would take for the same name have its key.
fn check_spellings(text: &str, key: &NameKey) {
    let spellings: [String; 6] = [
        text.to_lowercase(),
        text.to_uppercase(),
        text.nfc().collect(),
        text.nfd().collect(),
        text.nfkc().collect(),
        text.nfkd().collect(),
    ];
    for spelling in spellings {
        assert_eq!(&NameKey::of(&spelling), key, "{text:?} as {spelling:?}");
    }
}

#[cfg(test)]
mod tests {
    /// Every name of one character, and each character inside a name.
    #[test]
    fn t45_every_character_has_one_key() {
        for character in '\0'..=char::MAX {
            super::name(character.to_string().as_bytes());
            super::name(format!("a{character}b").as_bytes());
        }
    }
}
