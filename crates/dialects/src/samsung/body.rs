//! The members of a JSON body. Unknown ones are passed over: the provider sends explicit nulls for whatever is not set, and
//! nothing but what a handler asks for is ever read (threat T37).

use signing::json::{self, Value};
use signing::{Body, RequestView};

use super::errors::{Code, Refusal};

/// The object in a body.
pub(super) struct Members(Vec<(String, Value)>);

impl Members {
    /// Reads the body as a JSON object. An absent body is none.
    ///
    /// # Errors
    /// 415 for another media type; `ValidationError` for what is no JSON object.
    pub(super) fn read(view: &RequestView<'_>) -> Result<Self, Refusal> {
        let name = "Content-Type";
        let invalid = |text: String| Refusal::invalid(vec![text]);
        let media_type = view.single_text(name, name).map_err(|reject| invalid(reject.to_string()))?;
        let media_type = media_type.and_then(|text| text.split(';').next()).map(str::trim);
        if media_type.is_some_and(|text| !text.eq_ignore_ascii_case("application/json")) {
            return Err(Refusal::plain(Code::UnsupportedMediaType, "Content-Type must be application/json."));
        }
        let Body::Bytes(bytes) = view.body() else { return Err(invalid("Field required".to_owned())) };
        match json::parse(bytes) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(invalid("Input should be a valid object".to_owned())),
            // Says what and at which byte, and repeats nothing but a name.
            Err(error) => Err(invalid(format!("JSON decode error: {error}"))),
        }
    }

    /// A member that is neither absent nor null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.entry(name).filter(|value| **value != Value::Null)
    }

    /// Whether the member is there, null or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    fn entry(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    /// A text; anything else is a problem.
    pub(super) fn text(&self, name: &str, problems: &mut Problems) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                problems.add(name, "Input should be a valid string");
                None
            }
        }
    }

    /// A boolean, or the text of one, as the cloud's own example sends it.
    pub(super) fn flag(&self, name: &str, problems: &mut Problems) -> Option<bool> {
        let flag = match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::Text(text) => text.parse().ok(),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        };
        if flag.is_none() {
            problems.add(name, "Input should be a valid boolean");
        }
        flag
    }
}

/// What is wrong with the values of a request: one text for each.
#[derive(Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    /// Notes a problem of a member or parameter.
    pub(super) fn add(&mut self, name: &str, what: &str) {
        self.0.push(format!("{name}: {what}"));
    }

    /// # Errors
    /// `ValidationError` when there are any.
    pub(super) fn check(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::invalid(self.0)) }
    }
}
