//! The page for users says what the code does.

use dialects::samsung::{Code, Samsung};
use dialects::{Access, Reveals};

const PAGE: &str = include_str!("../../../../../docs/dialects/samsung.md");

/// Rows of the table under a heading, without its two head lines, cells trimmed.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = PAGE.split(heading).nth(1).unwrap_or_else(|| panic!("no section {heading}"));
    let lines =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    lines.skip(2).map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_page_lists_exactly_the_operations_of_the_table() {
    let documented: Vec<[String; 3]> = table("## Operations")
        .iter()
        .map(|row| [row[0].trim_matches('`').to_owned(), row[2].to_owned(), row[3].to_owned()])
        .collect();
    let real: Vec<[String; 3]> = Samsung::operations()
        .map(|operation| {
            let access = match operation.access {
                Access::Read => "reads",
                Access::Write => "changes",
            };
            let reveals = match operation.reveals {
                Reveals::Never => "never",
                Reveals::AtCreation => "of the new key",
                Reveals::ToOwner => "own keys, if switched on",
            };
            [operation.name.to_owned(), access.to_owned(), reveals.to_owned()]
        })
        .collect();
    assert_eq!(documented, real);
}

#[test]
fn the_page_lists_exactly_the_codes() {
    let documented: Vec<[&str; 2]> =
        table("## Errors").iter().map(|row| [row[0], row[1].trim_matches('`')]).collect();
    let real: Vec<[String; 2]> =
        Code::ALL.iter().map(|code| [code.status().to_string(), code.as_str().to_owned()]).collect();
    assert_eq!(documented, real);
}

#[test]
fn the_page_lists_exactly_the_settings() {
    for row in table("## Settings") {
        let name = row[0].trim_matches('`');
        if name == "enabled" || name == "hosts" {
            continue;
        }
        let refused = Samsung::new(&format!("{name} = -7").parse().unwrap()).unwrap_err();
        assert!(refused.starts_with(&format!("`{name}` must be")), "{name}: {refused}");
    }
    assert_eq!(table("## Settings").len(), 7);
}
