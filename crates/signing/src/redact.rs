//! Which parts of a request carry credentials, by their names: what is shown or kept of a request leaves their values out
//! (threats T66, T68).

/// What the name of a header or parameter holds when its value may be a credential.
const WORDS: [&str; 6] = ["token", "authorization", "cookie", "secret", "password", "api-key"];

/// Names of parameters that hold such a word and whose values are ids.
const IDS: [&str; 1] = ["secretid"];

/// Whether the value under that name of a header or parameter, in any letter case, may be a credential.
pub fn names_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word)) && !IDS.contains(&name.as_str())
}

/// Whether a text has such a word anywhere, in any letter case: a body that may hold a credential, whatever its form.
pub fn mentions_credential(text: &[u8]) -> bool {
    WORDS.iter().any(|word| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::{mentions_credential, names_credential};

    #[test]
    fn bodies_that_may_hold_a_credential_are_known() {
        for body in ["{\"password\":\"x\"}", "{\"NewPassWord\":\"x\"}", "secret=x"] {
            assert!(mentions_credential(body.as_bytes()), "{body}");
        }
        for body in ["", "{}", "{\"name\":\"bob\"}", "passwor"] {
            assert!(!mentions_credential(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn names_of_credentials_are_known_in_any_letter_case() {
        for name in
            ["X-Auth-Token", "authorization", "Proxy-Authorization", "Set-Cookie", "SecretKey", "PASSWORD"]
        {
            assert!(names_credential(name), "{name}");
        }
        for name in ["Host", "SecretId", "X-Amz-Date", "PublicKey", "Signature", ""] {
            assert!(!names_credential(name), "{name}");
        }
    }
}
