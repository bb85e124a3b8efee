//! From the tree to the typed structs: a serde deserializer that knows where each value came from.
//!
//! serde's own errors lose the place and repeat the value. These name the key, the place and the nearest known
//! key, and never the value. Text from the environment becomes what the struct asks for, strictly: a boolean is
//! `true` or `false` and nothing else (threat T100).

use std::collections::btree_map;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;
use toml::Value;

use super::error::{ConfigError, Origin, nearest};
use super::tree::{Kind, Node};

/// Reads a struct from the tree.
pub(super) fn read<T: DeserializeOwned>(tree: Node) -> Result<T, ConfigError> {
    T::deserialize(Reader { node: tree, key: String::new() })
        .map_err(|error| error.at("", &Origin::Default).into_config_error())
}

/// What went wrong. The key and the place are added on the way out, where the innermost ones win.
#[derive(Debug)]
struct Error {
    problem: Problem,
    place: Option<(String, Origin)>,
}

#[derive(Debug)]
enum Problem {
    UnknownKey(&'static [&'static str]),
    Other(String),
}

impl Error {
    fn other(problem: impl Into<String>) -> Self {
        Self { problem: Problem::Other(problem.into()), place: None }
    }

    fn at(mut self, key: &str, origin: &Origin) -> Self {
        self.place.get_or_insert_with(|| (key.to_owned(), origin.clone()));
        self
    }

    fn into_config_error(self) -> ConfigError {
        let (key, origin) = self.place.unwrap_or((String::new(), Origin::Default));
        match self.problem {
            Problem::Other(problem) => ConfigError::BadValue { key, origin, problem },
            Problem::UnknownKey(known) => {
                let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
                let nearest = nearest(name, known).map(|name| join(section, name));
                ConfigError::unknown_key(key, origin, nearest, known)
            }
        }
    }
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.problem, f)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::other(problem.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::other(format!("must be {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::other(format!("must be {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::other(format!("must be one of \"{}\"", expected.join("\", \"")))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self { problem: Problem::UnknownKey(expected), place: None }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::other(format!("needs `{field}` as well"))
    }
}

/// A node about to be read, with its full name.
struct Reader {
    node: Node,
    key: String,
}

impl Reader {
    /// Gives environment text the type that is asked for, then insists on that type.
    fn typed(
        mut self,
        must_be: &str,
        from_text: impl FnOnce(String) -> Option<Value>,
        fits: impl FnOnce(&Value) -> bool,
    ) -> Result<Self, Error> {
        let value = match self.node.kind {
            Kind::Text(text) => from_text(text),
            Kind::Typed(value) => Some(value),
            Kind::Section(_) => None,
        };
        match value.filter(fits) {
            Some(value) => {
                self.node.kind = Kind::Typed(value);
                Ok(self)
            }
            None => Err(Error::other(format!("must be {must_be}"))),
        }
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let from_text = |text: String| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits).map(Value::Integer)
        };
        let fits = |value: &Value| value.as_integer().is_some_and(|number| number >= 0);
        let reader = self.typed("a whole number, 0 or more", from_text, fits)?;
        reader.deserialize_any(visitor).map_err(|_| Error::other("is too large a number"))
    }
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Self { node: Node { origin, kind }, key } = self;
        let item = |value| Self {
            node: Node { origin: origin.clone(), kind: Kind::Typed(value) },
            key: key.clone(),
        };
        match kind {
            Kind::Section(entries) => {
                visitor.visit_map(Section { entries: entries.into_iter(), key, value: None })
            }
            Kind::Text(text) => item(guess(text)).deserialize_any(visitor),
            Kind::Typed(Value::Boolean(value)) => visitor.visit_bool(value),
            Kind::Typed(Value::Integer(value)) => visitor.visit_i64(value),
            Kind::Typed(Value::Float(value)) => visitor.visit_f64(value),
            Kind::Typed(Value::String(value)) => visitor.visit_string(value),
            Kind::Typed(Value::Datetime(value)) => visitor.visit_string(value.to_string()),
            Kind::Typed(Value::Array(items)) => {
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(item)))
            }
            Kind::Typed(Value::Table(table)) => visitor
                .visit_map(MapDeserializer::new(table.into_iter().map(|(name, value)| (name, item(value))))),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let from_text = |text: String| match text.as_str() {
            "true" => Some(Value::Boolean(true)),
            "false" => Some(Value::Boolean(false)),
            _ => None,
        };
        self.typed("true or false", from_text, Value::is_bool)?.deserialize_any(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.number(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.number(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let from_text = |text| Some(Value::String(text));
        self.typed("a text in quotes", from_text, Value::is_str)?.deserialize_any(visitor)
    }

    /// A list in the environment is separated by commas; empty text is the empty list.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let from_text = |text: String| {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(Value::from).collect()))
        };
        self.typed("a list in brackets", from_text, Value::is_array)?.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let word: StringDeserializer<Error> = String::deserialize(self)?.into_deserializer();
        visitor.visit_enum(word)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if matches!(self.node.kind, Kind::Section(_)) {
            return self.deserialize_any(visitor);
        }
        Err(Error::other("is a section; set the keys in it, not the section itself"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    // No setting asks for one of these.
    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char str bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Reader {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The entries of a section: every error in one of them gets that entry's name and place, unless it has one.
struct Section {
    entries: btree_map::IntoIter<String, Node>,
    key: String,
    value: Option<Reader>,
}

impl<'de> MapAccess<'de> for Section {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, node)) = self.entries.next() else { return Ok(None) };
        let reader = self.value.insert(Reader { key: join(&self.key, &name), node });
        let name: StringDeserializer<Error> = name.into_deserializer();
        seed.deserialize(name).map(Some).map_err(|error| error.at(&reader.key, &reader.node.origin))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some(reader) = self.value.take() else { return Err(Error::other("has no value")) };
        let (key, origin) = (reader.key.clone(), reader.node.origin.clone());
        seed.deserialize(reader).map_err(|error| error.at(&key, &origin))
    }
}

/// A value for a dialect's own table, whose type nobody here knows: TOML where it is TOML, otherwise text.
fn guess(text: String) -> Value {
    match text.parse::<Value>() {
        Ok(value @ (Value::Boolean(_) | Value::Integer(_) | Value::Array(_))) => value,
        _ => Value::String(text),
    }
}
