//! The page for users says what the code does.

use dialects::scloud::{RetCode, Scloud};

use crate::page::Page;

const PAGE: Page = Page(include_str!("../../../../../docs/dialects/scloud.md"));

#[test]
fn the_page_lists_exactly_the_operations_of_the_table() {
    PAGE.lists_operations([0, 1, 2], Scloud::operations());
}

#[test]
fn the_page_lists_exactly_the_codes() {
    let documented: Vec<String> = PAGE.table("## RetCodes").iter().map(|row| row[0].to_owned()).collect();
    let real: Vec<String> = RetCode::ALL.iter().map(|code| code.number().to_string()).collect();
    assert_eq!(documented, real);
    assert!(RetCode::ALL.iter().all(|code| code.as_str() == code.number().to_string()));
}

#[test]
fn the_page_lists_exactly_the_settings() {
    PAGE.lists_settings(5, "7", Scloud::new);
}
