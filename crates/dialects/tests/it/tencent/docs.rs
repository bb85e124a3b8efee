//! The page for users says what the code does.

use dialects::tencent::{Code, Tencent};

use crate::page::Page;

const PAGE: Page = Page(include_str!("../../../../../docs/dialects/tencent.md"));

#[test]
fn the_page_lists_exactly_the_operations_of_the_table() {
    PAGE.lists_operations([0, 1, 2], Tencent::operations());
}

#[test]
fn the_page_lists_exactly_the_codes() {
    PAGE.lists_codes(Code::ALL.iter().map(|code| code.as_str()));
}

#[test]
fn the_page_lists_exactly_the_settings() {
    PAGE.lists_settings(7, "[7]", Tencent::new);
}
