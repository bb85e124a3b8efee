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

#[cfg(test)]
mod tests {
    use super::names_credential;

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
