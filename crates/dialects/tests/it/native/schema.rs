//! As much of JSON Schema as the OpenAPI document uses, to hold answers against it. A word that it does not know fails, so that
//! no rule of the document goes unchecked.

use serde_json::{Map, Value};

/// Where `value` breaks `schema` of the document: nothing, when it holds.
pub fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    Check { document, faults: &mut faults }.value("$", schema, value);
    faults
}

struct Check<'a> {
    document: &'a Value,
    faults: &'a mut Vec<String>,
}

impl Check<'_> {
    fn fault(&mut self, at: &str, what: impl std::fmt::Display) {
        self.faults.push(format!("{at}: {what}"));
    }

    fn value(&mut self, at: &str, schema: &Value, value: &Value) {
        for (word, rule) in schema.as_object().unwrap() {
            match word.as_str() {
                "$ref" => {
                    let target = self.document.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap());
                    let target = target.unwrap_or_else(|| panic!("{rule} leads nowhere")).clone();
                    self.value(at, &target, value);
                }
                "type" => self.kind(at, rule, value),
                "enum" if rule.as_array().unwrap().contains(value) => {}
                "enum" => self.fault(at, format!("{value} is none of {rule}")),
                "oneOf" => {
                    let fits = |schema: &&Value| faults(self.document, schema, value).is_empty();
                    if rule.as_array().unwrap().iter().filter(fits).count() != 1 {
                        self.fault(at, format!("{value} fits not exactly one of the choices"));
                    }
                }
                "properties" => self.properties(at, rule.as_object().unwrap(), schema, value),
                "required" => {
                    for name in rule.as_array().unwrap() {
                        if value.get(name.as_str().unwrap()).is_none() {
                            self.fault(at, format!("{name} is missing"));
                        }
                    }
                }
                "items" => {
                    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(&format!("{at}[{n}]"), rule, item);
                    }
                }
                "format" => assert_eq!(rule, "date-time"),
                "pattern" => self.pattern(at, rule.as_str().unwrap(), value),
                "minimum" if value.as_i64().is_some_and(|number| number < rule.as_i64().unwrap()) => {
                    self.fault(at, format!("{value} is too small"));
                }
                "maximum" if value.as_i64().is_some_and(|number| number > rule.as_i64().unwrap()) => {
                    self.fault(at, format!("{value} is too large"));
                }
                "additionalProperties" if schema.get("properties").is_none() => {
                    for (name, item) in value.as_object().into_iter().flatten() {
                        self.value(&format!("{at}.{name}"), rule, item);
                    }
                }
                "minimum"
                | "maximum"
                | "additionalProperties"
                | "description"
                | "default"
                | "minLength"
                | "maxLength"
                | "minItems"
                | "maxItems"
                | "uniqueItems" => {}
                other => panic!("the test does not know `{other}`"),
            }
        }
        if schema.get("format").is_some() && value.is_string() {
            let text = value.as_str().unwrap();
            let is_time = text.len() == 24 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok();
            if !is_time {
                self.fault(at, format!("{text} is no time in UTC with milliseconds"));
            }
        }
    }

    fn kind(&mut self, at: &str, rule: &Value, value: &Value) {
        let is = |kind: &Value| match kind.as_str().unwrap() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("the test does not know the type `{other}`"),
        };
        let fits = rule.as_array().map_or_else(|| is(rule), |kinds| kinds.iter().any(is));
        if !fits {
            self.fault(at, format!("{value} is no {rule}"));
        }
    }

    fn properties(&mut self, at: &str, known: &Map<String, Value>, schema: &Value, value: &Value) {
        for (name, item) in value.as_object().into_iter().flatten() {
            match known.get(name) {
                Some(schema) => self.value(&format!("{at}.{name}"), schema, item),
                None if schema["additionalProperties"] == Value::Bool(false) => {
                    self.fault(at, format!("`{name}` is not in the document"));
                }
                None => {}
            }
        }
    }

    /// The patterns that answers have.
    fn pattern(&mut self, at: &str, pattern: &str, value: &Value) {
        let Some(text) = value.as_str() else { return };
        let fits = match pattern {
            "^[0-9a-f]{32}$" => {
                text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            }
            "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$" => {
                let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
                let first = text.bytes().next();
                first.is_some_and(is_word)
                    && text.len() <= 64
                    && text.bytes().all(|b| is_word(b) || b".-".contains(&b))
            }
            other => panic!("the test does not know the pattern {other}"),
        };
        if !fits {
            self.fault(at, format!("{text} does not fit {pattern}"));
        }
    }
}

#[test]
fn what_breaks_a_rule_is_found() {
    let document = serde_json::json!({"components": {"schemas": {"A": {
        "type": "object", "additionalProperties": false, "required": ["id"],
        "properties": {"id": {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "n": {"type": ["integer", "null"], "minimum": 1},
            "at": {"type": "string", "format": "date-time"}, "w": {"enum": ["x"]}, "l": {"type": "array", "items": {"type": "boolean"}}}
    }}}});
    let schema = serde_json::json!({"$ref": "#/components/schemas/A"});
    let id = "a".repeat(32);
    let check = |value: Value| faults(&document, &schema, &value).len();
    assert_eq!(
        check(
            serde_json::json!({"id": id, "n": null, "at": "2026-11-22T00:00:00.000Z", "w": "x", "l": [true]})
        ),
        0
    );
    for broken in [
        serde_json::json!({}),
        serde_json::json!({"id": "A"}),
        serde_json::json!({"id": id, "n": 0}),
        serde_json::json!({"id": id, "n": "1"}),
        serde_json::json!({"id": id, "at": "2026-11-22"}),
        serde_json::json!({"id": id, "w": "y"}),
        serde_json::json!({"id": id, "l": [1]}),
        serde_json::json!({"id": id, "secret": "x"}),
    ] {
        assert_eq!(check(broken.clone()), 1, "{broken}");
    }
}
