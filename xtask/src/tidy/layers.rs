//! The arrows between crates, `signing ← domain ← {dialects, stores} ← keyward`, and what each layer may not know.

use super::Finding;
use super::lexer::Token;
use super::tree::Tree;

/// A crate and the crates that it must not use: no HTTP and no SQL in the core, no arrow between siblings.
const MUST_NOT_USE: &[(&str, &[&str])] = &[
    ("signing", &["tokio", "hyper", "axum", "rusqlite", "domain", "dialects", "stores"]),
    ("domain", &["tokio", "hyper", "axum", "rusqlite", "dialects", "stores"]),
    ("dialects", &["rusqlite", "stores"]),
    ("stores", &["hyper", "axum", "dialects"]),
];

/// Random bytes come from one place, so that one place has to be right (threat T20).
const RANDOM_SOURCES: [&str; 4] = ["getrandom", "rand", "OsRng", "ThreadRng"];
const RANDOMNESS_LIVES_IN: &str = "crates/keyward/src/system.rs";

/// No crate uses what its layer must not know, neither in its manifest nor in its code.
pub(super) fn arrows(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, forbidden) in MUST_NOT_USE {
        let manifest = format!("crates/{name}/Cargo.toml");
        for (line, dependency) in dependencies(tree.file(&manifest).unwrap_or_default()) {
            if forbidden.contains(&dependency) {
                findings.push(Finding::new(&manifest, line, format!("{name} must not use {dependency}")));
            }
        }
        let folder = format!("crates/{name}/src/");
        for source in tree.sources().filter(|source| source.path.starts_with(&folder)) {
            for (line, used) in paths(&source.product_code(), forbidden) {
                findings.push(Finding::new(source.path, line, format!("{name} must not use {used}")));
            }
        }
    }
    findings
}

/// No second source of random bytes.
pub(super) fn randomness(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let elsewhere = |path: &str| path.starts_with("crates/") && path != RANDOMNESS_LIVES_IN;
    for source in tree.sources().filter(|source| elsewhere(source.path)) {
        for (line, used) in paths(&source.product_code(), &RANDOM_SOURCES) {
            let message =
                format!("`{used}`: random bytes come in as an argument, from {RANDOMNESS_LIVES_IN}");
            findings.push(Finding::new(source.path, line, message));
        }
    }
    findings
}

/// Where one of the names begins a path (`name::x`, `use name;`), or stands alone in a list of imports.
fn paths<'a>(code: &[Token<'a>], names: &[&str]) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    for window in code.windows(3) {
        let [before, token, after] = window else { continue };
        let is_member = before.text == ".";
        let names_a_path = after.text == "::" || matches!(before.text, "use" | "::" | "crate");
        if token.is_word() && names.contains(&token.text) && !is_member && names_a_path {
            found.push((token.line, token.text));
        }
    }
    found
}

/// Names and lines in the `[dependencies]` of a manifest; those of tests do not matter.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (number, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.starts_with("[dependencies");
            // `[dependencies.name]`
            if let Some(name) = line.strip_prefix("[dependencies.") {
                found.push((number + 1, name.trim_end_matches(']')));
            }
        } else if inside && let Some(name) = line.split(['.', '=', ' ']).next() {
            found.push((number + 1, name));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    fn findings(check: fn(&Tree) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_layer_does_not_know_the_one_above() {
        let text = "//! tokio::spawn\nuse tokio::sync::Mutex;\nfn a() { hyper::body(); rusqlite::open(); }\nuse signing::Claim;\n\
                    fn b(tokio: u8) { self.tokio::<u8>(); }\n#[cfg(test)]\nmod tests { use tokio::test; }";
        assert_eq!(findings(arrows, "crates/domain/src/a.rs", text), [2, 3, 3]);
        assert_eq!(findings(arrows, "crates/keyward/src/a.rs", text), NONE);
        assert_eq!(
            findings(arrows, "crates/dialects/src/a.rs", "use ::stores::Sqlite;\nuse domain::Key;\n"),
            [1]
        );
    }

    #[test]
    fn a_manifest_does_not_name_the_layer_above() {
        let manifest = "[package]\nname = \"domain\"\n[dependencies]\nsigning.workspace = true\ntokio.workspace = true\n\
                        stores = { path = \"../stores\" }\n[dependencies.hyper]\nversion = \"1\"\n[dev-dependencies]\ntokio = \"1\"\n";
        assert_eq!(findings(arrows, "crates/domain/Cargo.toml", manifest), [5, 6, 7]);
    }

    #[test]
    fn randomness_has_one_source() {
        let text =
            "use rand::Rng;\nfn a() { getrandom::fill(x); aes_gcm::aead::OsRng; }\nfn b(rand: u8) {}\n";
        assert_eq!(findings(randomness, "crates/domain/src/a.rs", text), [1, 2, 2]);
        assert_eq!(findings(randomness, RANDOMNESS_LIVES_IN, text), NONE);
    }
}
