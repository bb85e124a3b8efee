//! UCloud's signature and the reading of its parameters.

use signing::params::{MAX_PARAMS, Params};
use signing::{Reject, Value, scloud as scheme};

use crate::json::write_object;
use crate::request::Request;
use crate::scheme::{KEY_ID, Read, Scheme};

pub(crate) const SCHEME: Scheme = Scheme {
    parse: |request| {
        let params = params(request).ok_or(Reject::Malformed("parameters"))?;
        scheme::parse(&params)
    },
    sign,
    // Names and values are joined without separators: this text is all that a signature can bind (threat T05), and closed
    // lists of names per action do the rest.
    same_meaning: |one: Read<'_>, other| text(one.0) == text(other.0),
};

/// Reading of the parameters from query, form or JSON, parser and verification.
pub fn scloud(data: &[u8]) {
    SCHEME.check(data);
    check_colliding_block(data);
    let Some(request) = Request::read(data) else { return };
    let Some(params) = params(&request) else { return };
    let Ok(claim) = scheme::parse(&params) else { return };
    let signed = claim.explain(&request.secret).string_to_sign;
    assert_eq!(signed, reference(&params), "signed is not what handlers read (threat T04)");
    let length: usize = params
        .iter()
        .filter(|(name, _)| *name != scheme::SIGNATURE)
        .map(|(name, value)| name.len() + value.text().len())
        .sum();
    assert_eq!(signed.len(), length, "a name or value was not signed, or twice");
}

/// A binary block cannot be carried in any way, so none that was made to collide under SHA-1 can (threat T06).
fn check_colliding_block(data: &[u8]) {
    let Some(block) = data.get(..64).filter(|block| std::str::from_utf8(block).is_err()) else { return };
    let escaped: String = block.iter().map(|byte| format!("%{byte:02x}")).collect();
    for place in ["Name=", "Na"] {
        let form = [place, &escaped, "=x"].concat();
        assert!(Params::from_form(form.as_bytes(), MAX_PARAMS).is_err());
    }
    let carried: [Vec<u8>; 2] =
        [[b"{\"Name\":\"", block, b"\"}"].concat(), [b"{\"", block, b"\":\"x\"}"].concat()];
    for body in carried {
        assert!(Params::from_json(&body, signing::params::Nulls::Refuse, MAX_PARAMS).is_err());
    }
}

fn params(request: &Request) -> Option<Params> {
    request.view(|view| scheme::params(view, MAX_PARAMS)).ok()
}

fn sign(request: &Request) -> Option<Request> {
    let params = params(request)?;
    let is_common =
        |name: &str| ["signature", "publickey", "timestamp"].contains(&name.to_lowercase().as_str());
    let mut pairs: Vec<(&str, Value)> = params
        .iter()
        .filter(|(name, _)| !is_common(name))
        .map(|(name, value)| (name, value.clone()))
        .collect();
    pairs.push((scheme::PUBLIC_KEY, Value::Text(KEY_ID.to_owned())));
    let is_json = request.method == "POST"
        && request.text("Content-Type").is_some_and(|text| text.to_ascii_lowercase().contains("json"));
    let write = |pairs: &[(&str, Value)]| {
        let pairs = pairs.iter().map(|(name, value)| (*name, value));
        if is_json {
            write_object(pairs)
        } else {
            let pairs = pairs.map(|(name, value)| (name, value.text().into_owned()));
            form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
        }
    };
    let mut signed = request.clone();
    let mut put = |text: String| {
        if signed.method == "POST" {
            signed.body = text.into_bytes();
        } else {
            signed.target = ["/?", &text].concat();
        }
        signed.clone()
    };
    let signature = scheme::sign(&self::params(&put(write(&pairs)))?, &request.secret);
    pairs.push((scheme::SIGNATURE, Value::Text(signature)));
    Some(put(write(&pairs)))
}

/// What a signature binds; nothing for a request whose parameters cannot be read.
fn text(request: &Request) -> Option<String> {
    params(request).map(|params| reference(&params))
}

/// Names and values sorted by name and joined; inside a value likewise.
fn reference(params: &Params) -> String {
    let members: Vec<_> = params.iter().filter(|(name, _)| *name != scheme::SIGNATURE).collect();
    joined(members)
}

fn joined(mut members: Vec<(&str, &Value)>) -> String {
    members.sort_by(|(one, _), (other, _)| one.as_bytes().cmp(other.as_bytes()));
    members.into_iter().map(|(name, value)| name.to_owned() + &value_text(value)).collect()
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.plain().into_owned(),
        Value::Text(text) => text.clone(),
        Value::Array(items) => items.iter().map(value_text).collect(),
        Value::Object(members) => {
            joined(members.iter().map(|(name, value)| (name.as_str(), value)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use signing::Params;
    use signing::params::{MAX_PARAMS, Nulls};

    /// The first blocks of the two files that were made to collide in 2017 (the SHAttered attack).
    const COLLIDING: [&str; 2] = [
        "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c56b45c1530afedfb76038e972722fe7ad\
         728f0e4904e046c2",
        "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5df45c14f26fedfb3dc38e96ac22fe7bd\
         728f0e45bce046d2",
    ];

    #[test]
    fn t06_a_colliding_block_cannot_be_carried() {
        for block in COLLIDING {
            let bytes: Vec<u8> = (0..block.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&block[at..at + 2], 16).unwrap())
                .collect();
            assert_eq!(bytes.len(), 64);
            super::check_colliding_block(&bytes);
            let pairs = [("UserName", String::from_utf8_lossy(&bytes).into_owned())];
            let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            let params = Params::from_form(form.as_bytes(), MAX_PARAMS).unwrap();
            assert_ne!(params.text("UserName").unwrap().as_bytes(), bytes, "only a mangled block is text");
            let escaped: String = bytes.iter().map(|byte| format!("\\u00{byte:02x}")).collect();
            let body = format!("{{\"UserName\":\"{escaped}\"}}");
            let params = Params::from_json(body.as_bytes(), Nulls::Refuse, MAX_PARAMS).unwrap();
            assert_ne!(
                params.text("UserName").unwrap().as_bytes(),
                bytes,
                "escapes name characters, not bytes"
            );
        }
    }
}
