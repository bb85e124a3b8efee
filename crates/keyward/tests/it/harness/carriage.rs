//! The ways in which parameters travel: in the query, in a form, as JSON.

use serde_json::{Map, Value};
use signing::encode::form_encode;

use super::http::Request;

/// Where a request keeps its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carriage {
    Query,
    Form,
    Json,
}

impl Carriage {
    pub(crate) const ALL: [Self; 3] = [Self::Query, Self::Form, Self::Json];

    /// A request for `path` with these parameters, in this order.
    pub(crate) fn request(self, path: &str, pairs: &[(&str, &str)]) -> Request {
        match self {
            Self::Query => Request::get(&format!("{path}?{}", form(pairs))),
            Self::Form => Request::form(path, &form(pairs)),
            Self::Json => {
                let member = |(name, value): &(&str, &str)| ((*name).to_owned(), Value::from(*value));
                Request::json(
                    path,
                    Value::Object(pairs.iter().map(member).collect::<Map<_, _>>()).to_string(),
                )
            }
        }
    }
}

/// Parameters as a form.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| {
        format!("{}={}", form_encode(name.as_bytes()), form_encode(value.as_bytes()))
    };
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}
