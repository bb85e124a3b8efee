//! The page for users says what the code does.

use dialects::native::Native;

const PAGE: &str = include_str!("../../../../../docs/dialects/native.md");

#[test]
fn the_page_lists_exactly_the_settings() {
    let section = PAGE.split("## Settings").nth(1).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `") && !line.contains("[dialect.native]"));
    let names: Vec<&str> = rows.map(|row| row.trim_start_matches("| `").split('`').next().unwrap()).collect();
    assert_eq!(names, ["enabled", "hosts", "strict_replay"]);
    let refused = Native::new(&"strict_replay = 7".parse().unwrap()).unwrap_err();
    assert!(refused.starts_with("`strict_replay` must be"), "{refused}");
}
