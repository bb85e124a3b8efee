//! The threat model's cases keep their tests: a guard that is not run is no guard.
//!
//! `xtask/threats.txt` names the cases `Tnn` that have tests, one per line. Every case in it must have at least one
//! test function whose name begins with `tnn_`; a case with tests that is not in it must be added. So a case can
//! only lose its last test together with its line, which a reviewer sees.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::lexer::Token;
use super::tree::Tree;

const LIST: &str = "xtask/threats.txt";

/// The macro that makes a test of each name in it.
const TEST_LIST: &str = "both_stores";

/// List and tests agree.
pub(super) fn coverage(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut listed = BTreeSet::new();
    let mut last = 0;
    for (number, line) in tree.file(LIST).unwrap_or_default().lines().enumerate() {
        match line.strip_prefix('T').and_then(case_number) {
            Some(case) if case > last => {
                last = case;
                listed.insert(case);
            }
            _ => findings.push(Finding::new(
                LIST,
                number + 1,
                "write one case per line, such as T07, in rising order",
            )),
        }
    }
    let tested = tested(tree);
    for case in listed.iter().filter(|case| !tested.contains_key(case)) {
        findings.push(Finding::new(LIST, 0, format!("T{case:02} has lost its last test `t{case:02}_…`")));
    }
    for (case, (path, line)) in tested.iter().filter(|(case, _)| !listed.contains(case)) {
        findings.push(Finding::new(
            path,
            *line,
            format!("add T{case:02} to {LIST}, so that its test cannot get lost"),
        ));
    }
    findings
}

/// Cases that have a test function, with the place of one.
fn tested(tree: &Tree) -> BTreeMap<u32, (String, usize)> {
    let mut found = BTreeMap::new();
    for source in tree.sources() {
        let code: Vec<Token<'_>> =
            source.tokens.iter().copied().filter(|token| !token.is_comment()).collect();
        let mut in_list = false;
        for (position, name) in code.iter().enumerate() {
            let before = code.get(..position).unwrap_or_default();
            let last: Vec<&str> = before.iter().rev().take(3).map(|token| token.text).collect();
            in_list = name.text != "}" && (in_list || last == ["{", "!", TEST_LIST]);
            let case = name
                .text
                .strip_prefix('t')
                .and_then(|rest| rest.split_once('_'))
                .and_then(|(digits, _)| case_number(digits));
            let is_function =
                before.split_last().is_some_and(|(fun, rest)| fun.text == "fn" && is_test(rest));
            if let Some(case) = case
                && (in_list || is_function)
            {
                found.entry(case).or_insert((source.path.to_owned(), name.line));
            }
        }
    }
    found
}

/// Two digits, or three from 100 on.
fn case_number(digits: &str) -> Option<u32> {
    let case: u32 = digits.parse().ok()?;
    (case > 0 && digits == format!("{case:02}")).then_some(case)
}

/// Whether the attributes before a function hold one whose name ends in `test`: `#[test]`, `#[tokio::test(…)]`.
fn is_test(before: &[Token<'_>]) -> bool {
    let mut rest = before;
    while let Some((last, earlier)) = rest.split_last() {
        match last.text {
            "pub" | "async" | "unsafe" => rest = earlier,
            "]" => {
                let start = earlier.iter().rposition(|token| token.text == "#").unwrap_or_default();
                let inside = earlier.get(start..).unwrap_or_default();
                let name =
                    inside.iter().take_while(|token| token.text != "(").filter(|token| token.is_word());
                if name.last().is_some_and(|name| name.text == "test") {
                    return true;
                }
                rest = earlier.get(..start).unwrap_or_default();
            }
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "//! Head.\n#[test]\nfn t07_replayed() {}\n#[tokio::test(flavor = \"multi_thread\")]\n#[allow(x)]\n\
                          async fn t100_strict() {}\nfn t08_helper() {}\n// #[test] fn t09_comment() {}\n#[test]\nfn total_1() {}\n";

    fn messages(list: &str, source: &str) -> Vec<String> {
        let tree = Tree::of(&[(LIST, list), ("crates/a/src/lib.rs", source)]);
        coverage(&tree)
            .into_iter()
            .map(|finding| format!("{}:{}: {}", finding.path, finding.line, finding.message))
            .collect()
    }

    #[test]
    fn list_and_tests_that_agree_pass() {
        assert_eq!(messages("T07\nT100\n", SOURCE), Vec::<String>::new());
    }

    #[test]
    fn a_case_that_lost_its_test_is_named() {
        assert_eq!(
            messages("T07\nT08\nT100\n", SOURCE),
            [format!("{LIST}:0: T08 has lost its last test `t08_…`")]
        );
        let without_attribute = SOURCE.replacen("#[test]\n", "", 1);
        assert_eq!(
            messages("T07\nT100\n", &without_attribute),
            [format!("{LIST}:0: T07 has lost its last test `t07_…`")]
        );
    }

    #[test]
    fn names_in_a_list_of_tests_count() {
        let listed =
            "macro_rules! both_stores { t05_x }\nboth_stores! {\n    t08_helper,\n}\nfn t09_helper() {}\n";
        let source = format!("{SOURCE}{listed}");
        assert_eq!(messages("T07\nT08\nT100\n", &source), Vec::<String>::new());
    }

    #[test]
    fn a_tested_case_that_is_not_listed_is_named() {
        let expected = format!("crates/a/src/lib.rs:3: add T07 to {LIST}, so that its test cannot get lost");
        assert_eq!(messages("T100\n", SOURCE), [expected]);
    }

    #[test]
    fn the_list_is_sorted_and_well_formed() {
        for list in ["T100\nT07\n", "T07\nT07\nT100\n", "T7\nT100\n", "T07\n\nT100\n", "T07\nx\nT100\n"] {
            assert!(
                messages(list, SOURCE).iter().any(|message| message.contains("in rising order")),
                "{list:?}"
            );
        }
    }
}
