//! `KEYWARD_…` variables as settings: `KEYWARD_LIMITS__BODY_BYTES` is `limits.body_bytes`.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::error::{ConfigError, Origin};
use super::tree::{Kind, Node};

/// No setting lies deeper; a name of thousands of sections must not build as many.
const MAX_NESTING: usize = 8;
const PREFIX: &str = "KEYWARD_";

/// Variables with our prefix that other parts of the program read. They are not settings.
const RESERVED: &[&str] =
    &["KEYWARD_ENDPOINT", "KEYWARD_ACCESS_KEY_ID", "KEYWARD_SECRET_ACCESS_KEY", "KEYWARD_SECRET_KEY"];
const RESERVED_PREFIX: &str = "KEYWARD_BOOTSTRAP_";

/// Lays the environment over the settings of a file.
pub(super) fn overlay(
    tree: &mut Node,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(), ConfigError> {
    // Sorted, so that the first error is the same one at each start.
    let mut variables: BTreeMap<String, OsString> = environment
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX) && !is_reserved(name))
        .collect();
    let master_key = variables.get("KEYWARD_MASTER_KEY__ENV").and_then(|value| value.to_str());
    if let Some(name) = master_key.or_else(|| master_key_variable(tree)).map(str::to_owned) {
        variables.remove(&name);
    }
    for (name, value) in variables {
        let origin = Origin::Variable(name.clone());
        let path = name.strip_prefix(PREFIX).unwrap_or_default();
        if path != path.to_ascii_uppercase() {
            let nearest = Some(path.to_ascii_lowercase().replace("__", "."));
            return Err(ConfigError::unknown_key(path.to_owned(), origin, nearest, &[]));
        }
        if path.matches("__").count() > MAX_NESTING {
            return Err(ConfigError::unknown_key(
                path.to_ascii_lowercase().replace("__", "."),
                origin,
                None,
                &[],
            ));
        }
        let Ok(value) = value.into_string() else {
            let problem = "must be UTF-8 text".to_owned();
            return Err(ConfigError::BadValue {
                key: path.to_ascii_lowercase().replace("__", "."),
                origin,
                problem,
            });
        };
        put(tree, "", &path.to_ascii_lowercase(), Node { origin, kind: Kind::Text(value) })?;
    }
    Ok(())
}

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with(RESERVED_PREFIX)
}

/// The variable that holds the master key, when the file names one: it may well begin with our prefix.
fn master_key_variable(tree: &Node) -> Option<&str> {
    tree.section("master_key").find(|(key, _)| *key == "env").and_then(|(_, node)| match &node.kind {
        Kind::Typed(toml::Value::String(name)) => Some(name.as_str()),
        Kind::Typed(_) | Kind::Text(_) | Kind::Section(_) => None,
    })
}

/// Puts a value at `path`, whose parts are joined by `__`, below `at`.
fn put(at: &mut Node, above: &str, path: &str, node: Node) -> Result<(), ConfigError> {
    let Kind::Section(entries) = &mut at.kind else {
        return Err(ConfigError::BadValue {
            key: above.to_owned(),
            origin: at.origin.clone(),
            problem: "is a section; set the keys in it, not the section itself".to_owned(),
        });
    };
    match path.split_once("__") {
        None => {
            entries.insert(path.to_owned(), node);
            Ok(())
        }
        Some((section, rest)) => {
            let key = if above.is_empty() { section.to_owned() } else { format!("{above}.{section}") };
            let below =
                entries.entry(section.to_owned()).or_insert_with(|| Node::empty_table(node.origin.clone()));
            put(below, &key, rest, node)
        }
    }
}
