//! What an access key is good for, as flags and as members of the API's JSON.

use clap::Args;
use serde_json::{Map, Value};

/// Conditions of a key. What is not given stays as it is, or is the server's default.
#[derive(Args, Clone, Debug, Default)]
pub struct ConditionArgs {
    /// Free text
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Signature schemes that it may sign in, separated by commas
    #[arg(long, value_name = "SCHEMES", value_delimiter = ',')]
    pub schemes: Vec<String>,
    /// Network that it may be used from, such as 10.0.0.0/8; may be repeated, `any` allows all
    #[arg(long, value_name = "NETWORK")]
    pub source: Vec<String>,
    /// Service that it is good for, as the gate names it; may be repeated, `any` allows all
    #[arg(long, value_name = "SERVICE")]
    pub audience: Vec<String>,
    /// Not good before this time (RFC 3339), or `none`
    #[arg(long, value_name = "TIME")]
    pub not_before: Option<String>,
    /// Not good from this time on (RFC 3339), or `none`
    #[arg(long, value_name = "TIME")]
    pub expires_at: Option<String>,
    /// Whether requests without a signed time are refused
    #[arg(long, value_name = "BOOL")]
    pub requires_freshness: Option<bool>,
}

impl ConditionArgs {
    /// The members that were given.
    pub(super) fn body(&self) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        if let Some(description) = &self.description {
            put("description", description.as_str().into());
        }
        if !self.schemes.is_empty() {
            put("schemes", self.schemes.clone().into());
        }
        for (name, values) in [("sources", &self.source), ("audience", &self.audience)] {
            if !values.is_empty() {
                let any = values.iter().any(|value| value == "any");
                put(name, if any { Vec::<String>::new().into() } else { values.clone().into() });
            }
        }
        for (name, time) in [("not_before", &self.not_before), ("expires_at", &self.expires_at)] {
            if let Some(time) = time {
                put(name, if time == "none" { Value::Null } else { time.as_str().into() });
            }
        }
        if let Some(required) = self.requires_freshness {
            put("requires_freshness", required.into());
        }
        Value::Object(body)
    }
}
