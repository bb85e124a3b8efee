//! Settings as a tree of values that remember where they came from.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::ConfigFile;
use super::error::{ConfigError, Origin};

/// A value or a section, with the place it was read from.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) kind: Kind,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A section, by key.
    Section(BTreeMap<String, Node>),
    /// A value with the type that the file gave it.
    Typed(toml::Value),
    /// Text from the environment: whoever reads it decides the type.
    Text(String),
}

impl Node {
    pub(super) fn empty_table(origin: Origin) -> Self {
        Self { origin, kind: Kind::Section(BTreeMap::new()) }
    }

    /// The entries of a section directly below this one; none when there is no such section.
    pub(super) fn section(&self, name: &str) -> impl Iterator<Item = (&String, &Node)> {
        let entries = match &self.kind {
            Kind::Section(entries) => entries.get(name),
            Kind::Typed(_) | Kind::Text(_) => None,
        };
        let below = match entries.map(|node| &node.kind) {
            Some(Kind::Section(below)) => Some(below),
            _ => None,
        };
        below.into_iter().flatten()
    }
}

/// Parses a settings file.
pub(super) fn parse(file: &ConfigFile) -> Result<Node, ConfigError> {
    let lines = Lines { name: &file.name, text: &file.text };
    let root = DeTable::parse(&file.text).map_err(|error| lines.syntax(&error))?;
    lines.section(Origin::File { name: file.name.clone(), line: 1 }, root.into_inner())
}

/// A file's text, to tell the line of a byte position.
struct Lines<'a> {
    name: &'a str,
    text: &'a str,
}

impl Lines<'_> {
    fn line(&self, span: Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1)
    }

    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        ConfigError::Syntax {
            name: self.name.to_owned(),
            line: self.line(error.span().unwrap_or_default()),
            problem: error.message().to_owned(),
        }
    }

    fn section(&self, origin: Origin, table: DeTable<'_>) -> Result<Node, ConfigError> {
        let mut entries = BTreeMap::new();
        for (key, value) in table {
            let origin = Origin::File { name: self.name.to_owned(), line: self.line(key.span()) };
            let span = value.span();
            let node = match value.into_inner() {
                DeValue::Table(below) => self.section(origin, below)?,
                value => Node { origin, kind: Kind::Typed(self.typed(Spanned::new(span, value))?) },
            };
            entries.insert(key.into_inner().into_owned(), node);
        }
        Ok(Node { origin, kind: Kind::Section(entries) })
    }

    fn typed(&self, value: Spanned<DeValue<'_>>) -> Result<toml::Value, ConfigError> {
        toml::Value::deserialize(ValueDeserializer::from(value)).map_err(|error| self.syntax(&error))
    }
}
