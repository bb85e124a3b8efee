//! No `==` on signatures, digests and MACs: it stops at the first difference, and the time tells where
//! (threat T55). The one comparison of secrets uses a constant-time function and no operator.

use super::Finding;
use super::lexer::{Kind, Token};
use super::tree::Tree;

/// What an identifier is made of when it names such a value.
const SECRET: [&str; 5] = ["signature", "signatures", "digest", "mac", "hmac"];

/// Further parts that still name the value itself; others, as in `signature_method`, name something about it.
const STILL: [&str; 10] =
    ["bytes", "hex", "base64", "text", "given", "expected", "computed", "actual", "left", "right"];

/// Methods that ask something harmless.
const HARMLESS: [&str; 6] = ["len", "is_empty", "is_some", "is_none", "is_ok", "is_err"];

/// Finds comparisons in product code; tests may compare.
pub(super) fn comparisons(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        let code = source.product_code();
        for (position, token) in
            code.iter().enumerate().filter(|(_, token)| matches!(token.text, "==" | "!="))
        {
            let left = before(code.get(..position).unwrap_or_default());
            let right = after(code.get(position + 1..).unwrap_or_default());
            // A literal is public.
            let secret = left.zip(right).and_then(|(left, right)| left.secret().or(right.secret()));
            if let Some(name) = secret {
                let message =
                    format!("`{name}` is compared with `{}`; use the constant-time comparison", token.text);
                findings.push(Finding::new(source.path, token.line, message));
            }
        }
    }
    findings
}

/// Calls that hand their argument on in another form.
const WRAPPERS: [&str; 8] = ["Some", "Ok", "hex", "to_hex", "lower_hex", "encode", "from", "as_ref"];

/// Words in front of a bracket that are no call.
const KEYWORDS: [&str; 6] = ["if", "while", "match", "return", "in", "else"];

/// The names in an operand such as `claim.signature.as_bytes()`.
#[derive(Default)]
struct Operand<'a> {
    names: Vec<&'a str>,
    last_method: Option<&'a str>,
}

impl<'a> Operand<'a> {
    fn secret(&self) -> Option<&'a str> {
        if self.last_method.is_some_and(|method| HARMLESS.contains(&method)) {
            return None;
        }
        self.names.iter().copied().find(|name| is_secret(name))
    }
}

fn is_secret(name: &str) -> bool {
    let mut parts: Vec<&str> = name.split('_').collect();
    while parts.len() > 1 && parts.last().is_some_and(|part| STILL.contains(part)) {
        parts.pop();
    }
    parts.last().is_some_and(|part| SECRET.contains(part))
}

/// The operand that ends at the end of these tokens; `None` for a literal.
fn before<'a>(code: &[Token<'a>]) -> Option<Operand<'a>> {
    let mut operand = Operand::default();
    let mut rest = code;
    while let Some((token, earlier)) = rest.split_last() {
        rest = earlier;
        match (token.kind, token.text) {
            (Kind::Literal, _) if operand.names.is_empty() => return None,
            (Kind::Mark, close @ (")" | "]")) => {
                let (outside, inside) = open_group(earlier);
                rest = outside;
                let callee = outside.last().filter(|last| last.is_word() && !KEYWORDS.contains(&last.text));
                if operand.names.is_empty() && close == ")" {
                    operand.last_method = callee.map(|callee| callee.text);
                }
                if close == ")" && callee.is_none_or(|callee| WRAPPERS.contains(&callee.text)) {
                    operand
                        .names
                        .extend(inside.iter().filter(|token| token.is_word()).map(|token| token.text));
                }
                if callee.is_none() && close == ")" {
                    break;
                }
            }
            (Kind::Word, name) => {
                operand.names.push(name);
                // Two words in a row are no longer one operand: `return a`, `if a`.
                if !earlier.last().is_some_and(|before| matches!(before.text, "." | "::")) {
                    break;
                }
            }
            (Kind::Mark, "." | "::" | "?") => {}
            _ => break,
        }
    }
    Some(operand)
}

/// The operand that begins these tokens; `None` for a literal.
fn after<'a>(code: &[Token<'a>]) -> Option<Operand<'a>> {
    let mut operand = Operand::default();
    let mut rest = code;
    while let Some((token, later)) = rest.split_first() {
        rest = later;
        match (token.kind, token.text) {
            (Kind::Literal, _) if operand.names.is_empty() => return None,
            (Kind::Mark, "&" | "*" | "(" | "!") if operand.names.is_empty() => {}
            (Kind::Mark, "(") if operand.names.last().is_some_and(|name| WRAPPERS.contains(name)) => {}
            (Kind::Mark, "(" | "[") => {
                operand.last_method = operand.names.last().copied();
                rest = after_group(later);
            }
            (Kind::Word, name) => {
                operand.last_method = None;
                operand.names.push(name);
                if later.first().is_some_and(Token::is_word) {
                    break;
                }
            }
            (Kind::Mark, "." | "::" | "?" | "&" | "*") => {}
            _ => break,
        }
    }
    Some(operand)
}

/// Splits tokens at the bracket that opens the group which ends with them: what is outside, what is inside.
fn open_group<'s, 'a>(code: &'s [Token<'a>]) -> (&'s [Token<'a>], &'s [Token<'a>]) {
    let mut depth = 1_usize;
    for (position, token) in code.iter().enumerate().rev() {
        match token.text {
            ")" | "]" => depth += 1,
            "(" | "[" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (code.get(..position).unwrap_or_default(), code.get(position + 1..).unwrap_or_default());
        }
    }
    (&[], code)
}

/// From the bracket on that closes what begins here.
fn after_group<'s, 'a>(code: &'s [Token<'a>]) -> &'s [Token<'a>] {
    let mut depth = 1_usize;
    for (position, token) in code.iter().enumerate() {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return code.get(position + 1..).unwrap_or_default();
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(expression: &str) -> bool {
        let text = format!("fn f() -> bool {{ {expression} }}");
        !comparisons(&Tree::of(&[("crates/a/src/lib.rs", &text)])).is_empty()
    }

    #[test]
    fn comparisons_of_secrets_are_found() {
        for expression in [
            "signature == other",
            "other != claim.signature",
            "claim.signature\n    == expected",
            "expected_signature.as_bytes() == given",
            "if ok && mac.finalize()[..] != *tag {}",
            "return body_digest == x;",
            "a == &self.digest_hex",
            "compute_signature(secret, text)? == given",
            "x == sign::hmac(key, (a, b))",
            "x.len() == 3 && x == signature_given",
            "(signature) == other",
            "if (signature) == other {}",
            "hex::encode(mac) == given",
            "x == Some(given_signature)",
            "Some(&claim.signature) == x",
            "&signature[..] == other",
        ] {
            assert!(found(expression), "{expression}");
        }
    }

    #[test]
    fn harmless_comparisons_are_not() {
        for expression in [
            "signature.len() == 40",
            "40 != claim.signature.len()",
            "signature_method == other",
            "digest == \"UNSIGNED-PAYLOAD\"",
            "b\"\" != signature",
            "machine == host",
            "verify(signature) == other",
            "if verify(signature) == other {}",
            "x == verify(signature)",
            "let signature = a == b;",
            "f(signature, a == b)",
            "signature.ct_eq(other)",
            "x == y // signature == z",
        ] {
            assert!(!found(expression), "{expression}");
        }
        let test = "#[cfg(test)]\nmod tests { fn f() { signature == other } }";
        assert_eq!(comparisons(&Tree::of(&[("crates/a/src/lib.rs", test)])), []);
    }
}
