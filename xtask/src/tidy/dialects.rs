//! A dialect is a folder, a row of the registry, a page and a journey of its official client: all or none.

use std::collections::BTreeSet;

use super::Finding;
use super::lexer::Kind;
use super::tree::Tree;

const FOLDERS: &str = "crates/dialects/src/";
const MODULES: &str = "crates/dialects/src/lib.rs";
const REGISTRY: &str = "crates/dialects/src/registry.rs";
const PAGES: &str = "docs/dialects/";
const JOURNEYS: &str = "tests/sdk/";

/// Every dialect answers errors in its own way, so this file tells a dialect's folder from others.
const MARK: &str = "/errors.rs";

/// A folder that several dialects share, though it has errors of its own.
const SHARED: &str = "keystone";

/// Folders, registry, pages and journeys name the same dialects.
pub(super) fn agreement(tree: &Tree) -> Vec<Finding> {
    let folders: BTreeSet<&str> = tree
        .files()
        .filter_map(|(path, _)| path.strip_prefix(FOLDERS)?.strip_suffix(MARK))
        .filter(|name| *name != SHARED)
        .collect();
    let journeys: BTreeSet<&str> = tree.folders(JOURNEYS).into_iter().collect();
    let pages: BTreeSet<&str> = tree
        .files()
        .filter_map(|(path, _)| path.strip_prefix(PAGES)?.strip_suffix(".md"))
        .filter(|name| !name.contains('/'))
        .collect();
    let declared = declared(tree);
    let registered = registered(tree);

    let mut findings = Vec::new();
    for name in &folders {
        let path = format!("{FOLDERS}{name}");
        if !declared.contains(*name) {
            findings.push(Finding::new(&path, 0, format!("add `mod {name};` to {MODULES}")));
        }
        if !registered.contains(*name) {
            findings.push(Finding::new(
                &path,
                0,
                format!("add its row with the name \"{name}\" to {REGISTRY}"),
            ));
        }
        if !pages.contains(name) {
            findings.push(Finding::new(
                &path,
                0,
                format!("write {PAGES}{name}.md: supported, deviations, sources"),
            ));
        }
        if !journeys.contains(name) {
            findings.push(Finding::new(
                &path,
                0,
                format!("add a journey with the official client in {JOURNEYS}{name}/"),
            ));
        }
    }
    let orphans = |names: &BTreeSet<&str>, place: &str| -> Vec<Finding> {
        let lost = names.difference(&folders);
        lost.map(|name| Finding::new(format!("{place}{name}"), 0, format!("there is no {FOLDERS}{name}")))
            .collect()
    };
    findings.extend(orphans(&pages, PAGES));
    findings.extend(orphans(&journeys, JOURNEYS));
    findings
}

/// Modules of the crate.
fn declared(tree: &Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in tree.sources().filter(|source| source.path == MODULES) {
        for pair in source.product_code().windows(2) {
            if let [keyword, name] = pair
                && keyword.text == "mod"
            {
                names.insert(name.text.to_owned());
            }
        }
    }
    names
}

/// Texts in the registry, among them the name in each dialect's row.
fn registered(tree: &Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in tree.sources().filter(|source| source.path == REGISTRY) {
        let code = source.product_code();
        let literals = code.iter().filter(|token| token.kind == Kind::Literal);
        names.extend(literals.map(|token| token.text.trim_matches('"').to_owned()));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [(&str, &str); 7] = [
        (MODULES, "//! Dialects.\npub mod keystone;\npub mod registry;\npub mod scloud;\n"),
        (REGISTRY, "//! Registry.\nregistry! { Scloud(Scloud) = \"scloud\", prefix \"/scloud\"; }\n"),
        ("crates/dialects/src/scloud/errors.rs", ""),
        ("docs/dialects/scloud.md", ""),
        ("tests/sdk/scloud/journey.py", ""),
        ("crates/dialects/src/keystone/errors.rs", ""),
        ("crates/dialects/src/request/tests.rs", ""),
    ];

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        agreement(&Tree::of(files))
            .into_iter()
            .map(|finding| format!("{}: {}", finding.path, finding.message))
            .collect()
    }

    #[test]
    fn a_whole_dialect_passes_and_so_does_none() {
        assert_eq!(messages(&WHOLE), Vec::<String>::new());
        assert_eq!(
            messages(&[(MODULES, "//! None.\n"), ("tests/sdk/run_journey.py", "")]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn each_missing_part_is_named() {
        for (position, expected) in [
            (0, "add `mod scloud;`"),
            (1, "add its row with the name \"scloud\""),
            (2, "there is no crates/dialects/src/scloud"),
            (3, "write docs/dialects/scloud.md"),
            (4, "in tests/sdk/scloud/"),
        ] {
            let mut files = WHOLE.to_vec();
            files.remove(position);
            let found = messages(&files);
            assert!(found.iter().any(|message| message.contains(expected)), "{expected}: {found:?}");
        }
    }

    #[test]
    fn a_comment_or_a_test_registers_nothing() {
        for registry in ["// \"scloud\"", "#[cfg(test)]\nmod tests { const A: &str = \"scloud\"; }"] {
            let mut files = WHOLE;
            files[1].1 = registry;
            assert_eq!(messages(&files).len(), 1, "{registry}");
        }
    }
}
