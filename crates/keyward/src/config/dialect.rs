//! `[dialect.<name>]`: what every dialect has, and a free table that the dialect itself parses and checks.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::error::{ConfigError, nearest};
use super::tree::Node;

/// Settings of one dialect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DialectSettings {
    /// Whether this dialect is served at all.
    pub enabled: bool,
    /// Host names, lower case and without port, under which this dialect owns every path.
    pub hosts: Vec<String>,
    /// The other keys, for the dialect, which refuses those it does not know.
    #[serde(flatten)]
    pub own: toml::Table,
}

impl Default for DialectSettings {
    fn default() -> Self {
        Self { enabled: true, hosts: Vec::new(), own: toml::Table::new() }
    }
}

// By hand: serde's `flatten` would lose the text form that environment variables have.
impl<'de> Deserialize<'de> for DialectSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Section;

        impl<'de> Visitor<'de> for Section {
            type Value = DialectSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a section")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut settings = DialectSettings::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "enabled" => settings.enabled = map.next_value()?,
                        "hosts" => settings.hosts = map.next_value()?,
                        _ => {
                            settings.own.insert(key, map.next_value()?);
                        }
                    }
                }
                Ok(settings)
            }
        }

        deserializer.deserialize_map(Section)
    }
}

/// A section for a dialect that this build does not have is an unknown key like any other.
pub(super) fn refuse_unknown_names(tree: &Node, dialects: &[&str]) -> Result<(), ConfigError> {
    for (name, node) in tree.section("dialect") {
        if !dialects.contains(&name.as_str()) {
            let nearest = nearest(name, dialects).map(|known| format!("dialect.{known}"));
            return Err(ConfigError::unknown_key(
                format!("dialect.{name}"),
                node.origin.clone(),
                nearest,
                &[],
            ));
        }
    }
    Ok(())
}
