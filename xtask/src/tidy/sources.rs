//! Checks that look at one file at a time.

use super::Finding;
use super::tree::{Source, Tree, starts_with};

/// Files that are hard to move in begin at a few hundred lines.
const MAX_LINES: usize = 500;

/// Sources under `crates/` stay short.
pub(super) fn long_files(tree: &Tree) -> Vec<Finding> {
    let lines = |source: &Source<'_>| source.text.lines().count();
    tree.sources()
        .filter(|source| source.path.starts_with("crates/") && lines(source) > MAX_LINES)
        .map(|source| {
            let message = format!("{} lines; split it, {MAX_LINES} are the most", lines(&source));
            Finding::new(source.path, 0, message)
        })
        .collect()
}

/// Every module begins by saying what lives in it.
pub(super) fn missing_heads(tree: &Tree) -> Vec<Finding> {
    tree.sources()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| {
            Finding::new(source.path, 1, "begin with a `//!` comment: what lives here, what must not")
        })
        .collect()
}

/// Unfinished work, left-over debugging and tests that do not run.
pub(super) fn forbidden_words(tree: &Tree) -> Vec<Finding> {
    const CODE: [&[&str]; 4] =
        [&["todo", "!"], &["unimplemented", "!"], &["dbg", "!"], &["#", "[", "ignore"]];
    let mut findings = Vec::new();
    for source in tree.sources() {
        let tokens: Vec<_> = source.tokens.iter().copied().filter(|token| !token.is_comment()).collect();
        for position in 0..tokens.len() {
            let rest = tokens.get(position..).unwrap_or_default();
            if let Some((first, words)) = rest.first().zip(CODE.iter().find(|words| starts_with(rest, words)))
            {
                findings.push(Finding::new(
                    source.path,
                    first.line,
                    format!("`{}` must not stay", words.concat()),
                ));
            }
        }
        for comment in source.tokens.iter().filter(|token| token.is_comment()) {
            findings.extend(unfinished(source.path, comment.line, comment.text));
        }
    }
    for (path, text) in tree.files().filter(|(path, _)| path.ends_with(".py")) {
        findings.extend(unfinished(path, 1, text));
        for (number, line) in text.lines().enumerate() {
            if line.contains("mark.skip") || line.contains("unittest.skip") {
                findings.push(Finding::new(path, number + 1, "a test that does not run must not stay"));
            }
        }
    }
    findings
}

/// Marks of unfinished work in a text that begins at `first_line`.
fn unfinished(path: &str, first_line: usize, text: &str) -> Vec<Finding> {
    const MARKS: [&str; 3] = ["TODO", "FIXME", "XXX"];
    let words = |line: &str, mark: &str| line.split(|c: char| !c.is_alphanumeric()).any(|word| word == mark);
    text.lines()
        .enumerate()
        .flat_map(|(number, line)| {
            MARKS.into_iter().filter(move |mark| words(line, mark)).map(move |mark| (number, mark))
        })
        .map(|(number, mark)| {
            Finding::new(path, first_line + number, format!("`{mark}`: finish it or write an issue"))
        })
        .collect()
}

/// Nothing names a path of somebody's machine.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Finding> {
    // Put together here, so that this file passes its own check.
    let roots = ["work", "root", "Users"].map(|name| format!("/{name}/"));
    let mut findings = Vec::new();
    for (path, text) in tree.files() {
        for (number, line) in text.lines().enumerate() {
            for root in &roots {
                let begins_a_path = |(position, _): (usize, &str)| {
                    let before = line.get(..position).and_then(|before| before.chars().next_back());
                    !before.is_some_and(|c| c.is_alphanumeric() || "._-~}*".contains(c))
                };
                if line.match_indices(root.as_str()).any(begins_a_path) {
                    findings.push(Finding::new(
                        path,
                        number + 1,
                        format!("`{root}` is a path of one machine"),
                    ));
                }
            }
        }
    }
    findings
}

/// A new kind of error must fail to compile until each dialect has answered it, so no arm catches all.
pub(super) fn wildcards_in_errors(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources().filter(|source| source.path.ends_with("/errors.rs")) {
        for window in source.product_code().windows(3) {
            let [before, pattern, after] = window else { continue };
            let begins_an_arm = matches!(before.text, "{" | "," | "}" | "|");
            let catches_all = pattern.is_word()
                && pattern.text.starts_with(|c: char| c == '_' || c.is_lowercase())
                && !matches!(pattern.text, "true" | "false");
            if begins_an_arm && catches_all && after.text == "=>" {
                let message =
                    format!("`{} =>` answers errors that nobody has thought of; name them", pattern.text);
                findings.push(Finding::new(source.path, pattern.line, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    /// Lines of the findings in one file.
    fn lines(check: fn(&Tree) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_file_of_501_lines_is_too_long() {
        let check = |path: &str, count: usize| lines(long_files, path, &"x\n".repeat(count)).len();
        assert_eq!(check("crates/a/src/lib.rs", 500), 0);
        assert_eq!(check("crates/a/src/lib.rs", 501), 1);
        assert_eq!(check("crates/a/vectors.json", 501), 0);
    }

    #[test]
    fn a_module_begins_with_its_head() {
        assert_eq!(lines(missing_heads, "crates/a/src/lib.rs", "//! Here.\nuse b;"), NONE);
        assert_eq!(lines(missing_heads, "crates/a/src/lib.rs", "// Here.\nuse b;"), [1]);
        assert_eq!(lines(missing_heads, "crates/a/src/lib.rs", "use b;\n//! Late."), [1]);
    }

    #[test]
    fn unfinished_work_is_found_in_code_and_comments_only() {
        let text = "todo!()\nunimplemented!(\"x\")\ndbg! (x)\n#[ignore]\nfn a() {}\n#[ ignore = \"slow\"]\n// FIXME later\n\
                    /* so\n XXX */\n// TODO: x\n";
        assert_eq!(lines(forbidden_words, "crates/a/src/lib.rs", text), [1, 2, 3, 4, 6, 7, 9, 10]);
        let fine =
            "let todo = \"todo!() FIXME\"; // todos, XXXL, fixme\n#[expect(x)]\nfn ignore() { debug!(a) }";
        assert_eq!(lines(forbidden_words, "crates/a/src/lib.rs", fine), NONE);
        let python = "a = 1  # TODO\n@pytest.mark.skip\nb = 2\n";
        assert_eq!(lines(forbidden_words, "tests/sdk/a/b.py", python), [1, 2]);
    }

    #[test]
    fn paths_of_one_machine_are_found_in_any_file() {
        let of = |name: &str| {
            format!("see /{name}/x\n\"/{name}/y\"\nfine/{name}/z ~/{name}/ $HOME}}/{name}/\n/{name}\n")
        };
        for name in ["work", "root", "Users"] {
            assert_eq!(lines(machine_paths, "docs/a.md", &of(name)), [1, 2], "{name}");
        }
        assert_eq!(lines(machine_paths, "docs/a.md", &of("home")), NONE);
    }

    #[test]
    fn an_arm_that_catches_all_is_found_in_errors_only() {
        let text = "fn code(k: Kind) -> u16 {\n match k {\n Kind::A => 1,\n Kind::B(_) | Kind::C { .. } => 2,\n \
                    _ => 3,\n }\n}\nfn b(k: Kind) { match k { other => 4 } }\nfn c(x: bool) { match x { true => 1, false => 0 } }\n\
                    fn d() { x.map(|_| 1) }\nfn e(k: Kind) { match k { Kind::A => {}\n _ => {} } }\n";
        assert_eq!(lines(wildcards_in_errors, "crates/dialects/src/a/errors.rs", text), [5, 8, 12]);
        assert_eq!(lines(wildcards_in_errors, "crates/dialects/src/a/users.rs", text), NONE);
    }
}
