//! Cuts Rust source into tokens, just well enough that no check mistakes a comment or a text for code.

/// A token and the line where it begins, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) line: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Identifier, keyword or number.
    Word,
    /// String, byte string or character.
    Literal,
    /// Line or block comment, with its marks.
    Comment,
    /// Lifetime or loop label.
    Lifetime,
    /// One operator or bracket.
    Mark,
}

impl Token<'_> {
    pub(super) fn is_comment(&self) -> bool {
        self.kind == Kind::Comment
    }

    pub(super) fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }
}

/// Operators of several characters that checks look for, or that must not be taken for one of those.
const LONG_MARKS: [&str; 10] = ["..=", "<<=", ">>=", "==", "!=", "=>", "::", "<=", ">=", "->"];

/// All tokens of a source.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next(rest, first);
        let (text, after) = rest.split_at(length);
        if let Some(kind) = kind {
            tokens.push(Token { kind, text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// Kind and length of the next token; no kind for blanks.
fn next(rest: &str, first: char) -> (Option<Kind>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("//") {
        return (Some(Kind::Comment), rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Some(Kind::Comment), block_comment(rest));
    }
    if let Some(length) = raw_string(rest) {
        return (Some(Kind::Literal), length);
    }
    let prefix =
        if rest.starts_with("b\"") || rest.starts_with("b'") || rest.starts_with("c\"") { 1 } else { 0 };
    match rest.get(prefix..).and_then(|body| body.chars().next()) {
        Some('"') => {
            return (Some(Kind::Literal), prefix + quoted(rest.get(prefix..).unwrap_or_default(), '"'));
        }
        Some('\'') => return character(rest, prefix),
        _ => {}
    }
    if is_word_character(first) {
        let end = rest.find(|character| !is_word_character(character)).unwrap_or(rest.len());
        return (Some(Kind::Word), end);
    }
    let long = LONG_MARKS.iter().find(|mark| rest.starts_with(**mark));
    (Some(Kind::Mark), long.map_or(first.len_utf8(), |mark| mark.len()))
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut position = 0;
    while let Some(here) = rest.get(position..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") {
            depth += 1;
            position += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                return position;
            }
        } else {
            position += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`, `br"…"`, `cr"…"`; `r#word` is none.
fn raw_string(rest: &str) -> Option<usize> {
    let body =
        rest.strip_prefix("br").or_else(|| rest.strip_prefix("cr")).or_else(|| rest.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let text = body.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let before = rest.len() - text.len();
    Some(text.find(&end).map_or(rest.len(), |position| before + position + end.len()))
}

/// Length of a quoted text with backslash escapes, from quote to quote.
fn quoted(rest: &str, quote: char) -> usize {
    let mut characters = rest.char_indices().skip(1);
    while let Some((position, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return position + quote.len_utf8();
        }
    }
    rest.len()
}

/// A character in quotes, or a lifetime.
fn character(rest: &str, prefix: usize) -> (Option<Kind>, usize) {
    let body = rest.get(prefix..).unwrap_or_default();
    let mut characters = body.chars().skip(1);
    let (one, two) = (characters.next(), characters.next());
    if one == Some('\\') || two == Some('\'') {
        return (Some(Kind::Literal), prefix + quoted(body, '\''));
    }
    let name = body.get(1..).unwrap_or_default();
    let end = name.find(|character| !is_word_character(character)).unwrap_or(name.len());
    (Some(Kind::Lifetime), prefix + 1 + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str, kind: Kind) -> Vec<&str> {
        tokens(source).into_iter().filter(|token| token.kind == kind).map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_texts_are_not_code() {
        let source = "a /* b /* c */ \"d */ e // f \"g\n h \"i // j \\\" k\" l r#\"m \" n\"# o br\"p\" q b\"r\" c\"s\"";
        assert_eq!(texts(source, Kind::Word), ["a", "e", "h", "l", "o", "q"]);
        assert_eq!(
            texts(source, Kind::Literal),
            ["\"i // j \\\" k\"", "r#\"m \" n\"#", "br\"p\"", "b\"r\"", "c\"s\""]
        );
        assert_eq!(texts(source, Kind::Comment), ["/* b /* c */ \"d */", "// f \"g"]);
    }

    #[test]
    fn characters_are_not_lifetimes() {
        let source = "'a' 'b '\\'' '\\u{1F600}' b'c' '\"' 'static r#type 'é' &'_";
        assert_eq!(texts(source, Kind::Literal), ["'a'", "'\\''", "'\\u{1F600}'", "b'c'", "'\"'", "'é'"]);
        assert_eq!(texts(source, Kind::Lifetime), ["'b", "'static", "'_"]);
    }

    #[test]
    fn operators_are_whole() {
        assert_eq!(
            texts("a==b!=c=>d::e..=f<=g=h->!", Kind::Mark),
            ["==", "!=", "=>", "::", "..=", "<=", "=", "->", "!"]
        );
    }

    #[test]
    fn lines_are_counted_through_everything() {
        let lines: Vec<usize> = tokens("a\n/*\n*/ b \"\n\n\" c").iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 2, 3, 3, 5]);
    }

    #[test]
    fn broken_source_ends() {
        for source in ["/*", "\"", "'", "r#\"", "b'", "'\\", "r#", "é'"] {
            tokens(source);
        }
    }
}
