//! The settings file and the environment laid over it.

use std::ffi::OsString;

use keyward::config::{Config, ConfigError, ConfigFile, DEFAULT_TOML, Flags};

use crate::choices::Choices;

/// The line between the file and the environment, which follows as `NAME=value` lines.
const ENVIRONMENT: &str = "\n--- environment ---\n";
const DIALECTS: [&str; 4] = ["scloud", "tencent", "huawei", "samsung"];
/// A value that no message may repeat: it could be a secret in the wrong place.
const PLANTED: &str = "planted-Zq7vKx2mW9";
const REDACTED: &str = "[redacted]";

/// Settings: what is accepted can be shown and read again, and no refusal repeats a value.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (file, environment) = text.split_once(ENVIRONMENT).unwrap_or((text, ""));
    match load(file, environment) {
        Ok(config) => check_accepted(&config),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if !text.contains(PLANTED) {
        let mut choices = Choices::of(data);
        check_refusal(&plant(file, " = ", &mut choices), environment);
        check_refusal(file, &plant(environment, "=", &mut choices));
    }
}

fn load(file: &str, environment: &str) -> Result<Config, ConfigError> {
    let file = ConfigFile { name: "keyward.toml".to_owned(), text: file.to_owned() };
    let variables = environment.lines().filter_map(|line| line.split_once('='));
    let variables = variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Config::load(Some(&file), variables, &Flags::default(), &DIALECTS)
}

fn check_accepted(config: &Config) {
    let shown = config.to_redacted_toml().expect("all of it came from text");
    let _warnings = config.warnings();
    if shown.contains(REDACTED) {
        return;
    }
    let again = load(&shown, "").unwrap_or_else(|error| panic!("shown, and refused: {error}\n{shown}"));
    assert_eq!(again.to_redacted_toml().as_ref(), Ok(&shown), "shown differently when read again");
    assert_eq!(load(DEFAULT_TOML, "").as_ref(), Ok(&Config::default()));
}

fn check_refusal(file: &str, environment: &str) {
    if let Err(error) = load(file, environment) {
        let told = [error.to_string(), format!("{error:?}")].concat();
        assert!(!told.contains(PLANTED), "a refusal repeats a value: {told}");
    }
}

/// The lines of `text` with another value in one that has a value.
fn plant(text: &str, equals: &str, choices: &mut Choices) -> String {
    let with_value: Vec<_> = text.lines().filter(|line| line.contains(equals)).collect();
    let chosen = choices.one_of(&with_value).copied().unwrap_or_default();
    let quote = if equals == "=" { "" } else { "\"" };
    let planted = text.lines().map(|line| match line.split_once(equals) {
        Some((name, _)) if line == chosen => [name, equals, quote, PLANTED, quote].concat(),
        _ => line.to_owned(),
    });
    planted.collect::<Vec<_>>().join("\n")
}
