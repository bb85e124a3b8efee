//! `store`: which database keeps the data.

use std::fmt;
use std::str::FromStr;

use super::text::{InvalidText, text_form};

/// A database that this build can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// One SQLite file in the data directory.
    Sqlite,
}

impl FromStr for StoreKind {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        if text == "sqlite" {
            return Ok(Self::Sqlite);
        }
        // The text is not repeated: such a URL usually holds a password.
        let postgres = ["postgres://", "postgresql://"].iter().any(|prefix| text.starts_with(prefix));
        Err(InvalidText::new(if postgres {
            "names a PostgreSQL database, but this build supports only SQLite; set it to \"sqlite\""
        } else {
            "must be \"sqlite\", the only store that this build supports"
        }))
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite => f.write_str("sqlite"),
        }
    }
}

text_form!(StoreKind);
