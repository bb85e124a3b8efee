//! The effective settings as text to show to people.

use toml::Value;

use super::Config;
use super::error::ConfigError;

/// What stands in place of a value that could be a secret.
const REDACTED: &str = "[redacted]";

pub(super) fn to_redacted_toml(config: &Config) -> Result<String, ConfigError> {
    let problem =
        |_| ConfigError::Conflict("a path in the settings is not UTF-8; rename the file.".to_owned());
    let mut table = toml::Table::try_from(config).map_err(problem)?;
    redact(&mut table);
    toml::to_string(&table).map_err(problem)
}

/// Nothing known is secret, but a dialect's own table is free: what is named like a secret is not shown, nor is
/// the user part of a URL.
fn redact(table: &mut toml::Table) {
    for (key, value) in table.iter_mut() {
        if names_a_secret(key) && !value.is_table() {
            *value = Value::from(REDACTED);
        }
        redact_value(value);
    }
}

fn redact_value(value: &mut Value) {
    match value {
        Value::Table(table) => redact(table),
        Value::Array(items) => items.iter_mut().for_each(redact_value),
        Value::String(text) => {
            if let Some((scheme, rest)) = text.split_once("://")
                && let Some((_, host)) = rest.rsplit_once('@')
            {
                *text = format!("{scheme}://{REDACTED}@{host}");
            }
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

fn names_a_secret(key: &str) -> bool {
    ["password", "passphrase", "token", "secret_key", "private_key", "access_key"]
        .iter()
        .any(|word| key == *word || key.ends_with(&format!("_{word}")))
        || key == "secret"
}
