//! User and account names: one rule, one canonical form (threats T45, T46).

use unicode_normalization::UnicodeNormalization;

/// Most characters in a name.
pub const MAX_NAME_CHARS: usize = 64;

/// A name that may be given to a new user or account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    text: String,
    key: NameKey,
}

/// What a name is unique by: NFKC, then case folded. Two spellings that a person or another system would take for the
/// same name share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(Box<str>);

impl NameKey {
    /// The canonical form of any text, valid name or not.
    pub fn of(text: &str) -> Self {
        // What the rest comes to for most names, at a fraction of the work.
        if text.is_ascii() {
            return Self(text.to_ascii_lowercase().into_boxed_str());
        }
        let folded = |input: &str| input.nfkc().collect::<String>().to_uppercase().to_lowercase();
        // Upper case first: it joins spellings that lower case alone keeps apart (sharp s and ss, the two small sigmas).
        // Case mapping can undo the normal form, so fold until nothing changes; three rounds settle all of Unicode.
        let mut current = folded(text);
        for _ in 0..3 {
            let next = folded(&current);
            if next == current {
                break;
            }
            current = next;
        }
        Self(current.nfkc().collect::<String>().into_boxed_str())
    }

    /// Wraps the canonical form as it was stored.
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Name {
    /// Accepts letters and digits of any script and `_ + = , . @ -`, 1 to 64 characters, the first a letter, digit or
    /// `_`. So `.`, `..`, `*`, `/` and `${x}` can never be names and never reach a path or a pattern.
    ///
    /// # Errors
    /// A sentence that says which part of the rule is broken.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut characters = text.chars();
        let first = characters.next().ok_or("a name must not be empty")?;
        if !(first.is_alphanumeric() || first == '_') {
            return Err("a name must begin with a letter, a digit or _");
        }
        if text.chars().count() > MAX_NAME_CHARS {
            return Err("a name has at most 64 characters");
        }
        let is_allowed = |c: char| c.is_alphanumeric() || "_+=,.@-".contains(c);
        if !characters.all(is_allowed) {
            return Err("a name holds only letters, digits and _ + = , . @ -");
        }
        let key = NameKey::of(text);
        // A few letters fold to a blank and another letter; nobody could be looked up by such a form.
        if !key.as_str().chars().all(is_allowed) {
            return Err("a name must not hold letters that stand for several characters");
        }
        Ok(Self { text: text.to_owned(), key })
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The canonical form.
    pub const fn key(&self) -> &NameKey {
        &self.key
    }

    /// Splits into written and canonical form.
    pub fn into_parts(self) -> (String, NameKey) {
        (self.text, self.key)
    }
}
