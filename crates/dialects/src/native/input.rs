//! Reading queries and bodies: closed lists of names, one value for each name, types as the OpenAPI document says
//! (threats T03, T37, T74).

use domain::clock::UnixMillis;
use signing::encode::{form_decode, form_pieces};
use signing::{RequestView, Value, json};
use zeroize::Zeroize;

use super::errors::{Problem, Refusal};
use super::time;

/// Most items on a page.
const MOST_ITEMS: u32 = 500;
/// Items on a page unless the client says otherwise.
const DEFAULT_ITEMS: u32 = 100;

/// The parameters of a query.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query whose names must be among `known`.
    pub(super) fn read(query: &str, known: &[&str]) -> Result<Self, Refusal> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_pieces(query.as_bytes()) {
            let decode = |text| form_decode(text).map_err(|_| Refusal::of(Problem::MalformedRequest));
            let (name, value) = (decode(name)?, decode(value)?);
            if !known.contains(&name.as_ref()) {
                return Err(Refusal::unknown(&name));
            }
            if pairs.iter().any(|(given, _)| *given == name) {
                return Err(Refusal::invalid(&name, "stands twice in the query"));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter that was sent and is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// Everything that decides what a list shows, for its cursors.
    pub(super) fn identity(&self) -> String {
        let mut pairs: Vec<&(String, String)> =
            self.0.iter().filter(|(name, _)| !matches!(name.as_str(), "cursor" | "limit")).collect();
        pairs.sort();
        format!("{pairs:?}")
    }

    /// A time.
    pub(super) fn time(&self, name: &str) -> Result<Option<UnixMillis>, Refusal> {
        let rule = "must be a time such as 2026-12-31T00:00:00Z";
        self.text(name).map(|text| time::parse(text).ok_or_else(|| Refusal::invalid(name, rule))).transpose()
    }

    /// A flag; off unless set.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Refusal::invalid(name, "must be true or false")),
        }
    }

    /// How many items to put on a page.
    pub(super) fn limit(&self) -> Result<u32, Refusal> {
        let Some(text) = self.text("limit") else { return Ok(DEFAULT_ITEMS) };
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| plain && (1..=MOST_ITEMS).contains(number));
        number.ok_or_else(|| Refusal::invalid("limit", "must be a whole number from 1 to 500"))
    }
}

/// The type of a body, without parameters and in lower case where it is one that operations take; JSON unless named.
pub(super) fn content_type<'a>(view: &RequestView<'a>) -> Result<&'a str, Refusal> {
    const KNOWN: [&str; 3] = ["application/json", "application/x-ndjson", "text/csv"];
    let named = view.single_text("content-type", "Content-Type")?.unwrap_or("application/json");
    let essence = named.split(';').next().unwrap_or_default().trim();
    Ok(KNOWN.into_iter().find(|known| essence.eq_ignore_ascii_case(known)).unwrap_or(essence))
}

/// The members of a JSON object.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, Value)>);

impl Fields {
    /// Members that were read elsewhere.
    pub(super) const fn of(members: Vec<(String, Value)>) -> Self {
        Self(members)
    }

    /// Reads a JSON object.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        match json::parse(bytes) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(Refusal::new(Problem::MalformedRequest, "The body must be a JSON object.")),
            // Says what and at which byte.
            Err(problem) => {
                Err(Refusal::echoing(Problem::MalformedRequest, format!("The body is not JSON: {problem}.")))
            }
        }
    }

    /// Refuses members that the operation does not know: none is ever ignored (threat T37).
    pub(super) fn closed(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(Refusal::unknown(name)),
            None => Ok(()),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::invalid(name, "must be a string")),
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name)?.ok_or_else(|| Refusal::invalid(name, "is missing"))
    }

    /// A word that `parse` knows.
    pub(super) fn word<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let read =
            |word| parse(word).ok_or_else(|| Refusal::invalid(name, "is not one of the words that it takes"));
        self.text(name)?.map(read).transpose()
    }

    /// A time, `Some(None)` for null.
    pub(super) fn time(&self, name: &str) -> Result<Option<Option<UnixMillis>>, Refusal> {
        if self.get(name) == Some(&Value::Null) {
            return Ok(Some(None));
        }
        let rule = "must be a time such as 2026-12-31T00:00:00Z";
        self.text(name)?
            .map(|text| time::parse(text).map(Some).ok_or_else(|| Refusal::invalid(name, rule)))
            .transpose()
    }

    /// A whole number.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => {
                let number =
                    number.plain().parse().map_err(|_| Refusal::invalid(name, "must be a whole number"));
                number.map(Some)
            }
            Some(_) => Err(Refusal::invalid(name, "must be a whole number")),
        }
    }

    /// A whole number, `Some(None)` for null.
    pub(super) fn nullable_integer(&self, name: &str) -> Result<Option<Option<i64>>, Refusal> {
        if self.get(name) == Some(&Value::Null) { Ok(Some(None)) } else { Ok(self.integer(name)?.map(Some)) }
    }

    /// True or false.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Refusal::invalid(name, "must be true or false")),
        }
    }

    /// A list of different texts, each of which `parse` takes.
    pub(super) fn texts<T: PartialEq>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        rule: &'static str,
    ) -> Result<Option<Vec<T>>, Refusal> {
        let items = match self.get(name) {
            None => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(Refusal::invalid(name, "must be a list of strings")),
        };
        let mut read: Vec<T> = Vec::new();
        for item in items {
            let Value::Text(text) = item else {
                return Err(Refusal::invalid(name, "must be a list of strings"));
            };
            let item = parse(text).ok_or_else(|| Refusal::invalid(name, rule))?;
            if read.contains(&item) {
                return Err(Refusal::invalid(name, "holds an item twice"));
            }
            read.push(item);
        }
        Ok(Some(read))
    }

    /// An object within the object; absent when it is not there.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Self(members.clone()))),
            Some(_) => Err(Refusal::invalid(name, "must be an object")),
        }
    }
}

/// A body may hold a secret (requirement R8).
impl Drop for Fields {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, value)| wipe(value));
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::Text(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.iter_mut().for_each(|(_, value)| wipe(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
