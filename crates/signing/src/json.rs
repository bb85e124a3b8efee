//! A strict JSON reader for request bodies.
//!
//! Why not a general one: number literals must keep their text, because clients sign it and a detour through a float would
//! change it; and whatever two readers could understand differently is refused: members named twice or alike but for
//! letter case, a byte order mark, trailing bytes, lone surrogates, `-0` (threats T03, T04, T74). Depth and size are bounded.

use std::borrow::Cow;
use std::collections::HashSet;

/// Deepest nesting of arrays and objects (threats §4).
pub const MAX_DEPTH: usize = 32;
/// Most values, those inside others included (threats §4).
pub const MAX_NODES: usize = 10_000;
/// Longest plain decimal text of a number. Any double fits (330 characters); `1e999` does not.
pub const MAX_NUMBER_TEXT: usize = 400;

/// A JSON value; form parameters are [`Value::Text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its literal.
    Number(Number),
    /// A string, decoded.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// An object, members in the order received; no two names are equal, letter case ignored.
    Object(Vec<(String, Value)>),
}

/// A number literal. Never a float: clients sign digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(String);

/// Why a body is not acceptable JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Starts with a byte order mark.
    #[error("starts with a byte order mark")]
    ByteOrderMark,
    /// Not JSON, or bytes follow the value.
    #[error("syntax error at byte {0}")]
    Syntax(usize),
    /// A `\u` escape that is half of a surrogate pair.
    #[error("lone surrogate at byte {0}")]
    LoneSurrogate(usize),
    /// A member name that the object has already, letter case ignored.
    #[error("member `{0}` is repeated")]
    Repeated(String),
    /// Minus zero, or a number whose plain decimal text is longer than [`MAX_NUMBER_TEXT`].
    #[error("number at byte {0} is out of range")]
    Number(usize),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// More values than [`MAX_NODES`].
    #[error("more than {MAX_NODES} values")]
    TooManyNodes,
}

/// Reads one JSON value that fills `bytes`.
///
/// # Errors
/// See [`JsonError`].
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    if text.starts_with('\u{feff}') {
        return Err(JsonError::ByteOrderMark);
    }
    let mut reader = Reader { text, at: 0, nodes: 0 };
    let value = reader.value(0)?;
    reader.skip_blanks();
    if reader.at < text.len() { Err(JsonError::Syntax(reader.at)) } else { Ok(value) }
}

impl Number {
    /// The literal as received.
    pub fn literal(&self) -> &str {
        &self.0
    }

    /// The plain decimal text: no exponent, no trailing zero of a fraction (`42.0` is `42`, `1e-7` is `0.0000001`). An
    /// integer literal is its own text, digit for digit.
    pub fn plain(&self) -> Cow<'_, str> {
        if self.0.contains(['.', 'e', 'E']) {
            plain_decimal(&self.0).map_or(Cow::Borrowed(&self.0), Cow::Owned)
        } else {
            Cow::Borrowed(&self.0)
        }
    }
}

/// `None` for minus zero and for texts longer than [`MAX_NUMBER_TEXT`].
fn plain_decimal(literal: &str) -> Option<String> {
    let (sign, digits) = literal.strip_prefix('-').map_or(("", literal), |digits| ("-", digits));
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let significant = [whole, fraction].concat();
    if significant.bytes().all(|digit| digit == b'0') {
        return sign.is_empty().then(|| "0".to_owned());
    }
    // Leading and trailing zeros go into the position of the point, so that 0.000…1 and 1000… need no special case.
    let trimmed = significant.trim_start_matches('0');
    let leading = i64::try_from(significant.len() - trimmed.len()).ok()?;
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent.parse().ok()?)?.checked_sub(leading)?;
    let trimmed = trimmed.trim_end_matches('0');
    let out = match usize::try_from(point) {
        Err(_) | Ok(0) => {
            let zeros =
                usize::try_from(point.unsigned_abs()).ok().filter(|&zeros| zeros <= MAX_NUMBER_TEXT)?;
            format!("{sign}0.{}{trimmed}", "0".repeat(zeros))
        }
        Ok(point) => match trimmed.split_at_checked(point) {
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
            None if point <= MAX_NUMBER_TEXT => format!("{sign}{trimmed:0<point$}"),
            None => return None,
        },
    };
    (out.len() <= MAX_NUMBER_TEXT).then_some(out)
}

/// Collects names and tells whether one is new, letter case ignored (threat T03).
#[derive(Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    pub(crate) fn is_new(&mut self, name: &str) -> bool {
        // Through upper case, because some letters (`ſ`, `ß`) meet their likes only there.
        let folded =
            if name.is_ascii() { name.to_ascii_lowercase() } else { name.to_uppercase().to_lowercase() };
        self.0.insert(folded)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(JsonError::TooManyNodes);
        }
        self.skip_blanks();
        match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => Err(JsonError::TooDeep),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => self.syntax(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut members = Vec::new();
        let mut names = Names::default();
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return self.syntax();
            }
            let name = self.string()?;
            if !names.is_new(&name) {
                return Err(JsonError::Repeated(name));
            }
            self.skip_blanks();
            if !self.take(b':') {
                return self.syntax();
            }
            members.push((name, self.value(depth + 1)?));
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.take(b',') {
                return self.syntax();
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return self.syntax();
            }
        }
    }

    fn number(&mut self) -> Result<Number, JsonError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let literal = self.text.get(start..self.at).unwrap_or_default();
        let is_integer = !literal.contains(['.', 'e', 'E']);
        let in_range = if is_integer {
            literal != "-0" && literal.len() <= MAX_NUMBER_TEXT
        } else {
            plain_decimal(literal).is_some()
        };
        if in_range { Ok(Number(literal.to_owned())) } else { Err(JsonError::Number(start)) }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { self.syntax() } else { Ok(()) }
    }

    /// A string; the reader stands at its opening quote.
    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = rest.find(|c| matches!(c, '"' | '\\' | '\0'..='\x1f')).unwrap_or(rest.len());
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            if self.take(b'"') {
                return Ok(out);
            }
            if !self.take(b'\\') {
                return self.syntax();
            }
            out.push(self.escape()?);
        }
    }

    /// One escaped character; the reader stands behind the backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        let Some(letter) = self.peek() else { return self.syntax() };
        let plain = match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return self.syntax(),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        let first = self.code_unit()?;
        let code = match first {
            0xd800..=0xdbff if self.take(b'\\') && self.peek() == Some(b'u') => {
                let second = self.code_unit()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(JsonError::LoneSurrogate(start));
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            other => other,
        };
        char::from_u32(code).ok_or(JsonError::LoneSurrogate(start))
    }

    /// The letter `u` and four hex digits.
    fn code_unit(&mut self) -> Result<u32, JsonError> {
        let digits = self
            .text
            .get(self.at + 1..self.at + 5)
            .filter(|digits| digits.bytes().all(|d| d.is_ascii_hexdigit()));
        let Some(unit) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return self.syntax();
        };
        self.at += 5;
        Ok(unit)
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        let rest: &'a str = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return self.syntax();
        }
        self.at += word.len();
        Ok(value)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn syntax<T>(&self) -> Result<T, JsonError> {
        Err(JsonError::Syntax(self.at))
    }
}

#[cfg(test)]
mod tests;
