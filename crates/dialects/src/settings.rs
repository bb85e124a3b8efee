//! Reading `[dialect.<name>]`: shared by all dialects, so that each refuses what it does not know in the same words.

/// A dialect's own settings, read one by one.
pub(crate) struct Own<'a>(&'a toml::Table);

impl<'a> Own<'a> {
    /// Wraps the table, whose names must be among `known`.
    ///
    /// # Errors
    /// A sentence that names the unknown setting and the known one nearest to it.
    pub(crate) fn new(table: &'a toml::Table, known: &[&str]) -> Result<Self, String> {
        match table.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self(table)),
            Some(unknown) => {
                let nearest = known.iter().min_by_key(|name| distance(unknown, name)).unwrap_or(&"");
                Err(format!("there is no setting `{unknown}`; did you mean `{nearest}`?"))
            }
        }
    }

    /// A boolean; off unless set. Text such as "false" is refused, because it would be taken for true (threat T100).
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, String> {
        match self.0.get(name) {
            None => Ok(false),
            Some(toml::Value::Boolean(value)) => Ok(*value),
            Some(_) => Err(format!("`{name}` must be true or false, without quotes")),
        }
    }

    /// A whole number; 0 unless set.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn number(&self, name: &str, most: u32) -> Result<u32, String> {
        let Some(value) = self.0.get(name) else { return Ok(0) };
        let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| *number <= most)
            .ok_or_else(|| format!("`{name}` must be a whole number of 0 to {most}"))
    }

    /// A text, if it is set.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| format!("`{name}` must be a text, in quotes"))
    }

    /// One of some words, or the default of `T`.
    ///
    /// # Errors
    /// A sentence that names the words.
    pub(crate) fn choice<T: Copy + Default>(&self, name: &str, words: &[(&str, T)]) -> Result<T, String> {
        let Some(value) = self.0.get(name) else { return Ok(T::default()) };
        let chosen = words.iter().find(|(word, _)| value.as_str() == Some(word));
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            format!("`{name}` must be {}", words.join(" or "))
        })
    }
}

/// Levenshtein distance: how many characters to add, drop or replace.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (n, left) in one.chars().enumerate() {
        let mut diagonal = n;
        let mut before = n + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(other.chars()) {
            let replaced = diagonal + usize::from(left != right);
            diagonal = *cell;
            before = replaced.min(*cell + 1).min(before + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = n + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distance_counts_edits() {
        for (one, other, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("a", "a", 0),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(one, other), edits, "{one} {other}");
        }
    }
}
