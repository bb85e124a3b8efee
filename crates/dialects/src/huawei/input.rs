//! Reading queries and bodies: one value for each name that matters, and each of its type (threats T03, T74).

use signing::encode::{form_decode, form_pieces};
use signing::{Value, json};

/// The parameters of a query. The vendor's services ignore names that they do not know, and so does this; none of them
/// reaches a handler.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads a query. `None` when it cannot be decoded, or when a known name stands twice: the order of two is not protected
    /// by the signature.
    pub(super) fn read(query: &str, known: &[&'static str]) -> Option<Self> {
        let mut pairs: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in form_pieces(query.as_bytes()) {
            let (name, value) = (form_decode(name).ok()?, form_decode(value).ok()?);
            let Some(known) = known.iter().find(|known| **known == name) else { continue };
            if pairs.iter().any(|(given, _)| given == known) {
                return None;
            }
            pairs.push((known, value.into_owned()));
        }
        Some(Self(pairs))
    }

    /// The value of a parameter, empty or not.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// A whole number of a range, or the default. `Err` for anything else, an empty one included.
    pub(super) fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32, ()> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let number = Some(text).filter(|text| is_digits(text)).and_then(|text| text.parse().ok());
        number.filter(|number| range.contains(number)).ok_or(())
    }
}

/// Whether a text is decimal digits and nothing else.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The members of a JSON object.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, Value)>);

impl Fields {
    /// Reads a body; `None` when it is no JSON object.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        match json::parse(bytes) {
            Ok(Value::Object(members)) => Some(Self(members)),
            Ok(_) | Err(_) => None,
        }
    }

    /// The object of that name in it.
    pub(super) fn object(&self, name: &str) -> Option<Self> {
        match self.find(name)? {
            Value::Object(members) => Some(Self(members.clone())),
            _ => None,
        }
    }

    /// The text of that name. `Err` when there is something else.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ()> {
        match self.find(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(()),
        }
    }

    /// Whether there is a member of that name, other than `null`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some_and(|value| *value != Value::Null)
    }

    /// The texts in the array of that name; `None` when there is something else.
    pub(super) fn words(&self, name: &str) -> Option<Vec<&str>> {
        let Value::Array(items) = self.find(name)? else { return None };
        items.iter().map(word).collect()
    }

    /// The whole number of that name, written as one. `Err` when there is something else.
    pub(super) fn whole_number(&self, name: &str) -> Result<Option<u32>, ()> {
        match self.find(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => number.literal().parse().map(Some).map_err(|_| ()),
            Some(_) => Err(()),
        }
    }

    fn find(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value)
    }
}

fn word(item: &Value) -> Option<&str> {
    match item {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, Query};

    #[test]
    fn known_names_stand_once() {
        let known = &["limit", "query"];
        assert!(Query::read("limit=1&query=a&x=1&x=2", known).is_some());
        assert!(Query::read("limit=1&limit=1", known).is_none());
        assert!(Query::read("limit=1&%6cimit=1", known).is_none());
        assert!(Query::read("query=%ff", known).is_none());
        let query = Query::read("query=a+b%2B&limit", known).unwrap();
        assert_eq!((query.get("query"), query.get("limit"), query.get("x")), (Some("a b+"), Some(""), None));
    }

    #[test]
    fn numbers_are_digits_in_their_range() {
        let number = |text: &str| Query::read(text, &["limit"]).unwrap().number("limit", 1..=100, 20);
        assert_eq!((number(""), number("limit=1"), number("limit=100")), (Ok(20), Ok(1), Ok(100)));
        for text in [
            "limit",
            "limit=",
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=+1",
            "limit=1e1",
            "limit=%31%20",
            "limit=99999999999999999999",
        ] {
            assert_eq!(number(text), Err(()), "{text}");
        }
    }

    #[test]
    fn members_have_their_types() {
        let fields = Fields::read(br#"{"a":"x","b":1,"c":{"d":"y"},"e":null}"#).unwrap();
        assert_eq!(
            (fields.text("a"), fields.text("b"), fields.text("e")),
            (Ok(Some("x")), Err(()), Ok(None))
        );
        assert_eq!(fields.object("c").unwrap().text("d"), Ok(Some("y")));
        assert!(fields.object("a").is_none() && fields.object("x").is_none());
        assert!(fields.has("a") && !fields.has("e") && !fields.has("x"));
        let fields =
            Fields::read(br#"{"w":["a","b"],"m":["a",1],"n":900,"f":9e2,"s":"900","l":4294967296}"#).unwrap();
        assert_eq!(
            (fields.words("w"), fields.words("m"), fields.words("n")),
            (Some(vec!["a", "b"]), None, None)
        );
        assert_eq!((fields.whole_number("n"), fields.whole_number("x")), (Ok(Some(900)), Ok(None)));
        for other in ["f", "s", "l", "w"] {
            assert_eq!(fields.whole_number(other), Err(()), "{other}");
        }
        assert!(Fields::read(b"[]").is_none() && Fields::read(b"").is_none());
    }
}
