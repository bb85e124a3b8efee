//! Request parameters: read once, and the same values serve the signature and the handlers (threats S2, T04).
//!
//! Reading is strict: a name that occurs twice, also in another letter case (T03), a bad escape, JSON `null` where no client
//! sends it, or more than the limits allow is refused. Which names an operation knows is the dialect's business.

use std::borrow::Cow;
use std::fmt;

use crate::encode::{form_decode, form_pieces};
use crate::json::{self, JsonError, Names, Value};

/// Most parameters in one request unless the caller says otherwise.
pub const MAX_PARAMS: usize = 256;

/// The parameters of one request, in the order received.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Params {
    entries: Vec<(String, Value)>,
}

/// What JSON `null` means to a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// No client sends it: refuse.
    Refuse,
    /// A member that is null is as if it were absent; inside arrays it is refused.
    Drop,
}

/// Why parameters could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// The name occurs twice, letter case ignored, or the same list index does.
    #[error("parameter `{0}` is repeated")]
    Repeated(String),
    /// A parameter without a name.
    #[error("a parameter has no name")]
    EmptyName,
    /// Name or value (given here undecoded) has a bad escape or is not UTF-8.
    #[error("parameter `{0}` has a bad escape or is not UTF-8")]
    Undecodable(String),
    /// JSON `null` in the parameter.
    #[error("parameter `{0}` is null")]
    Null(String),
    /// An index that is not plain decimal, or elements beside a whole list of the same name.
    #[error("parameter `{0}` is not a list element")]
    BadIndex(String),
    /// Query and body disagree about the parameter.
    #[error("parameter `{0}` differs between query and body")]
    Contradiction(&'static str),
    /// Parameters in both query and body, where they may be in one of them.
    #[error("parameters in query and body")]
    TwoSources,
    /// More parameters than the limit.
    #[error("more than {0} parameters")]
    TooMany(usize),
    /// The body is not a JSON object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// The body is not acceptable JSON.
    #[error("JSON body: {0}")]
    Json(JsonError),
    /// The body is of a media type that carries no parameters.
    #[error("the content type carries no parameters")]
    ContentType,
    /// The body is not visible.
    #[error("body not visible")]
    BodyNotVisible,
}

impl ParamError {
    /// The name of the offending parameter, when it is known.
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::Repeated(name) | Self::Undecodable(name) | Self::Null(name) | Self::BadIndex(name) => {
                Some(name)
            }
            Self::Json(JsonError::Repeated(name)) => Some(name),
            Self::Contradiction(name) => Some(name),
            Self::EmptyName => Some(""),
            Self::TwoSources
            | Self::TooMany(_)
            | Self::NotAnObject
            | Self::Json(_)
            | Self::ContentType
            | Self::BodyNotVisible => None,
        }
    }
}

impl Params {
    /// Reads a query or an `application/x-www-form-urlencoded` body of at most `max` parameters.
    ///
    /// # Errors
    /// See [`ParamError`].
    pub fn from_form(text: &[u8], max: usize) -> Result<Self, ParamError> {
        let mut entries = Vec::new();
        let mut names = Names::default();
        for (raw_name, raw_value) in form_pieces(text) {
            let undecodable = |_| ParamError::Undecodable(String::from_utf8_lossy(raw_name).into_owned());
            let name = form_decode(raw_name).map_err(undecodable)?.into_owned();
            let value = form_decode(raw_value).map_err(undecodable)?.into_owned();
            check_entry(&name, &mut names, entries.len(), max)?;
            entries.push((name, Value::Text(value)));
        }
        Ok(Self { entries })
    }

    /// Reads a JSON object of at most `max` members.
    ///
    /// # Errors
    /// See [`ParamError`].
    pub fn from_json(text: &[u8], nulls: Nulls, max: usize) -> Result<Self, ParamError> {
        let Value::Object(mut entries) = json::parse(text).map_err(ParamError::Json)? else {
            return Err(ParamError::NotAnObject);
        };
        if entries.len() > max {
            return Err(ParamError::TooMany(max));
        }
        if nulls == Nulls::Drop {
            drop_null_members(&mut entries);
        }
        for (name, value) in &entries {
            if name.is_empty() {
                return Err(ParamError::EmptyName);
            }
            if holds_null(value) {
                return Err(ParamError::Null(name.clone()));
            }
        }
        Ok(Self { entries })
    }

    /// The value of the parameter `name`, exact in letter case.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    /// The value's text, exactly as scloud signs it; see [`Value::text`].
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(Value::text)
    }

    /// The value's text unless the parameter is absent or empty: for required parameters.
    pub fn non_empty(&self, name: &str) -> Option<Cow<'_, str>> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// Names and values in the order received.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many parameters there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The elements of the list `name`: a JSON array of that name, or the parameters `name.<n>` in the order of their numbers
    /// (gaps are allowed). Empty when there are none.
    ///
    /// # Errors
    /// [`ParamError::BadIndex`] for `name.x`, for an index with leading zeros or above 65,535, for a `name` that is no array,
    /// and for elements beside an array.
    pub fn list(&self, name: &str) -> Result<Vec<&Value>, ParamError> {
        let mut elements = Vec::new();
        for (given, value) in &self.entries {
            if let Some(index) = given.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) {
                let number = index_number(index).ok_or_else(|| ParamError::BadIndex(given.clone()))?;
                elements.push((number, value));
            }
        }
        match self.get(name) {
            None => {
                elements.sort_by_key(|(number, _)| *number);
                Ok(elements.into_iter().map(|(_, value)| value).collect())
            }
            Some(Value::Array(items)) if elements.is_empty() => Ok(items.iter().collect()),
            Some(_) => Err(ParamError::BadIndex(name.to_owned())),
        }
    }
}

impl fmt::Debug for Params {
    /// Names only: values may be passwords, tokens and signatures (threat T66).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

impl Value {
    /// The text of the value as scloud signs it: a string is itself, a boolean `true` or `false`, a number its plain decimal,
    /// an array the texts of its items, an object its names in byte order, each followed by its value's text. Empty for
    /// null and for empty arrays and objects.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Bool(true) => Cow::Borrowed("true"),
            Self::Bool(false) => Cow::Borrowed("false"),
            Self::Number(number) => number.plain(),
            Self::Null | Self::Array(_) | Self::Object(_) => {
                let mut out = String::new();
                self.write_text(&mut out);
                Cow::Owned(out)
            }
        }
    }

    /// Appends [`text`](Self::text) to `out`.
    pub(crate) fn write_text(&self, out: &mut String) {
        match self {
            Self::Null => {}
            Self::Array(items) => items.iter().for_each(|item| item.write_text(out)),
            Self::Object(members) => {
                write_sorted(members.iter().map(|(name, value)| (name.as_str(), value)), out)
            }
            Self::Bool(_) | Self::Number(_) | Self::Text(_) => out.push_str(&self.text()),
        }
    }
}

/// Appends name + text of each member, sorted by the bytes of the names.
pub(crate) fn write_sorted<'v>(members: impl Iterator<Item = (&'v str, &'v Value)>, out: &mut String) {
    let mut sorted: Vec<_> = members.collect();
    sorted.sort_by_key(|(name, _)| *name);
    for (name, value) in sorted {
        out.push_str(name);
        value.write_text(out);
    }
}

fn check_entry(name: &str, names: &mut Names, count: usize, max: usize) -> Result<(), ParamError> {
    if count >= max {
        return Err(ParamError::TooMany(max));
    }
    if name.is_empty() {
        return Err(ParamError::EmptyName);
    }
    if names.is_new(name) { Ok(()) } else { Err(ParamError::Repeated(name.to_owned())) }
}

fn index_number(index: &str) -> Option<u16> {
    // One spelling per number: `01` and `+1` would be second names for the same element.
    let plain = index.bytes().all(|byte| byte.is_ascii_digit()) && (index == "0" || !index.starts_with('0'));
    if plain { index.parse().ok() } else { None }
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(holds_null),
        Value::Object(members) => members.iter().any(|(_, value)| holds_null(value)),
        Value::Bool(_) | Value::Number(_) | Value::Text(_) => false,
    }
}

fn drop_null_members(members: &mut Vec<(String, Value)>) {
    members.retain(|(_, value)| *value != Value::Null);
    for (_, value) in members {
        drop_nested_nulls(value);
    }
}

fn drop_nested_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => drop_null_members(members),
        Value::Array(items) => items.iter_mut().for_each(drop_nested_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

#[cfg(test)]
mod tests;
