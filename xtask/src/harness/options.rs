//! `--name value` options of a task.

use std::fmt::Display;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

/// The arguments behind a task's name.
pub(crate) struct Options(Vec<String>);

impl Options {
    /// Takes what follows the task's name.
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self(arguments.iter().map(|argument| (*argument).to_owned()).collect())
    }

    /// Whether `--name` is there; takes it out.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|argument| argument != name);
        self.0.len() < before
    }

    /// The value behind `--name`; takes both out.
    pub(crate) fn value<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(at) = self.0.iter().position(|argument| argument == name) else { return Ok(None) };
        self.0.remove(at);
        if at >= self.0.len() {
            bail!("{name} needs a value");
        }
        let text = self.0.remove(at);
        let value = text.parse().map_err(|error| anyhow::anyhow!("{error}"));
        value.map(Some).with_context(|| format!("{name} {text}"))
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self, usage: &str) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some(unknown) => bail!("unknown argument {unknown}\n{usage}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Options {
        Options::new(&text.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn flags_and_values_are_taken_in_any_order_and_the_rest_is_refused() {
        let mut given = options("--keys 5 --quick");
        assert!(given.flag("--quick"));
        assert!(!given.flag("--quick"));
        assert_eq!(given.value::<u32>("--keys").unwrap(), Some(5));
        assert_eq!(given.value::<u32>("--keys").unwrap(), None);
        given.finish("").unwrap();

        assert!(options("--keys").value::<u32>("--keys").is_err());
        assert!(options("--keys many").value::<u32>("--keys").is_err());
        assert!(options("--other").finish("").is_err());
    }
}
