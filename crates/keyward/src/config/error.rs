//! What can be wrong with settings, told in a sentence that names the place and the way out.
//!
//! A message never repeats a value it did not understand: it could be a secret in the wrong place.

use std::fmt;

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The compiled-in defaults.
    Default,
    /// A line of the settings file, counted from 1.
    File {
        /// The file's name as given.
        name: String,
        /// The line of the key.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "the default settings"),
            Self::File { name, line } => write!(f, "{name} line {line}"),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
        }
    }
}

/// Why settings were refused. Each message is complete: what, where, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A key that does not exist.
    #[error("{origin}: there is no setting `{key}`{}", hint(.nearest.as_deref()))]
    UnknownKey {
        /// Full name, such as `limits.body_bytes`.
        key: String,
        /// Where it was found.
        origin: Origin,
        /// The known key that looks most like it.
        nearest: Option<String>,
        /// The keys that exist at this place, without their section.
        known: &'static [&'static str],
    },
    /// A key that exists, with a value that it cannot take.
    #[error("{origin}: `{key}` {problem}")]
    BadValue {
        /// Full name.
        key: String,
        /// Where it was found.
        origin: Origin,
        /// What it must be, as the rest of the sentence.
        problem: String,
    },
    /// The file is not TOML.
    #[error("{name} line {line}: this is not valid TOML: {problem}")]
    Syntax {
        /// The file's name as given.
        name: String,
        /// Line, counted from 1.
        line: usize,
        /// The parser's words.
        problem: String,
    },
    /// Values that are fine one by one but not together.
    #[error("{0}")]
    Conflict(String),
}

impl ConfigError {
    /// `nearest` is a key; where the mistake is in a variable, so is the hint.
    pub(super) fn unknown_key(
        key: String,
        origin: Origin,
        nearest: Option<String>,
        known: &'static [&'static str],
    ) -> Self {
        let nearest = nearest.map(|nearest| match &origin {
            Origin::Variable(_) => format!("KEYWARD_{}", nearest.replace('.', "__").to_ascii_uppercase()),
            Origin::Default | Origin::File { .. } => nearest,
        });
        Self::UnknownKey { key, origin, nearest, known }
    }
}

fn hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => "; `keyward config default` lists all settings".to_owned(),
    }
}

/// The known name that looks most like `given`, when one is near enough to be meant.
pub(super) fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let given = given.to_ascii_lowercase();
    known
        .iter()
        .map(|name| (strsim::osa_distance(&given, name), *name))
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3))
        .min()
        .map(|(_, name)| name)
}
