//! The page for users says what the code does.

use dialects::samsung::{Code, Samsung};

use crate::page::Page;

const PAGE: Page = Page(include_str!("../../../../../docs/dialects/samsung.md"));

#[test]
fn the_page_lists_exactly_the_operations_of_the_table() {
    PAGE.lists_operations([0, 2, 3], Samsung::operations());
}

#[test]
fn the_page_lists_exactly_the_codes() {
    let documented: Vec<[&str; 2]> =
        PAGE.table("## Errors").iter().map(|row| [row[0], row[1].trim_matches('`')]).collect();
    let real: Vec<[String; 2]> =
        Code::ALL.iter().map(|code| [code.status().to_string(), code.as_str().to_owned()]).collect();
    assert_eq!(documented, real);
}

#[test]
fn the_page_lists_exactly_the_settings() {
    PAGE.lists_settings(7, "-7", Samsung::new);
}
