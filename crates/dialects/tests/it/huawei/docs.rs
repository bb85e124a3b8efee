//! The page for users says what the code does.

use dialects::huawei::{Code, Huawei};

use crate::page::Page;

const PAGE: Page = Page(include_str!("../../../../../docs/dialects/huawei.md"));

#[test]
fn the_page_lists_exactly_the_operations_of_the_table() {
    PAGE.lists_operations([0, 1, 2], Huawei::operations());
}

#[test]
fn the_page_lists_exactly_the_codes() {
    let documented: Vec<&str> = PAGE.table("## Codes").iter().map(|row| row[0].trim_matches('`')).collect();
    let real: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, real);
}

#[test]
fn the_page_lists_exactly_the_settings() {
    PAGE.lists_settings(5, "[7]", Huawei::new);
}
