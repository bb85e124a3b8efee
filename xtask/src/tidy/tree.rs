//! The files of the repository, with Rust sources cut into tokens.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::lexer::{Token, tokens};

/// Text files by path from the root, with `/` between parts.
pub(super) struct Tree {
    files: BTreeMap<String, String>,
}

/// One Rust source.
pub(super) struct Source<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token<'a>>,
}

impl Tree {
    /// The files that git knows or would add.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let listing = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .current_dir(root)
            .output()
            .map_err(|error| format!("git could not be started: {error}"))?;
        if !listing.status.success() {
            return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listing.stderr)));
        }
        let names = String::from_utf8_lossy(&listing.stdout);
        let mut files = BTreeMap::new();
        for name in names.split_terminator('\0') {
            // A file that was just deleted, or that is not text, is of no interest.
            if let Ok(text) = std::fs::read_to_string(root.join(name)) {
                files.insert(name.to_owned(), text);
            }
        }
        Ok(Self { files })
    }

    /// A made-up tree.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self { files: files.iter().map(owned).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Every text file, by path.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(super) fn file(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Rust sources.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        self.files().filter(|(path, _)| path.ends_with(".rs")).map(|(path, text)| Source {
            path,
            text,
            tokens: tokens(text),
        })
    }

    /// Names of the folders directly in `folder`, which ends in `/`.
    pub(super) fn folders(&self, folder: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .files()
            .filter_map(|(path, _)| path.strip_prefix(folder)?.split_once('/'))
            .map(|(name, _)| name)
            .collect();
        names.dedup();
        names
    }
}

impl Source<'_> {
    /// Tokens that are code and not part of a test.
    pub(super) fn product_code(&self) -> Vec<Token<'_>> {
        let is_test_file = self.path.contains("/tests/") || self.path.ends_with("/tests.rs");
        if is_test_file { Vec::new() } else { without_tests(&code(&self.tokens)) }
    }
}

/// Tokens without comments.
fn code<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    tokens.iter().copied().filter(|token| !token.is_comment()).collect()
}

/// Leaves out each item under `#[cfg(test)]` or `#[test]`: up to its closing brace or its semicolon.
fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    const MARKS: [&[&str]; 2] = [&["#", "[", "cfg", "(", "test", ")", "]"], &["#", "[", "test", "]"]];
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        let mark = MARKS.iter().find(|mark| starts_with(rest, mark));
        match mark.and_then(|mark| rest.get(mark.len()..)) {
            Some(item) => rest = after_item(item),
            None => {
                kept.push(*first);
                rest = after;
            }
        }
    }
    kept
}

/// Whether these are the next tokens.
pub(super) fn starts_with(tokens: &[Token<'_>], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(token, text)| token.text == *text)
}

/// What follows an item.
fn after_item<'s, 'a>(tokens: &'s [Token<'a>]) -> &'s [Token<'a>] {
    let mut depth = 0_usize;
    for (position, token) in tokens.iter().enumerate() {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" {
                    return tokens.get(position + 1..).unwrap_or_default();
                }
            }
            ";" if depth == 0 => return tokens.get(position + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_not_product_code() {
        let text = "use a;\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn b() { c } }\nfn d() {}\n#[cfg(test)]\nmod e;\nfn f() {}\n\
                    #[test]\nfn g() {}\n#[cfg(not(test))]\nfn h() {}";
        let tree = Tree::of(&[("crates/a/src/lib.rs", text), ("crates/a/src/x/tests.rs", "fn t() {}")]);
        let words: Vec<String> = tree
            .sources()
            .flat_map(|source| {
                source.product_code().iter().map(|token| token.text.to_owned()).collect::<Vec<_>>()
            })
            .filter(|word| word.len() == 1 && word.chars().all(char::is_alphabetic))
            .collect();
        assert_eq!(words, ["a", "d", "f", "h"]);
    }

    #[test]
    fn folders_are_named_once() {
        let tree = Tree::of(&[("a/x/1", ""), ("a/x/2", ""), ("a/y/z/1", ""), ("a/file", ""), ("b/w/1", "")]);
        assert_eq!(tree.folders("a/"), ["x", "y"]);
    }
}
