//! A page for users under `docs/dialects`, held against the code.

use dialects::{Access, Operation, Reveals};

/// The text of a page.
pub struct Page(pub &'static str);

impl Page {
    /// Rows of the table under a heading, without its two head lines, cells trimmed.
    pub fn table(&self, heading: &str) -> Vec<Vec<&'static str>> {
        let section = self.0.split(heading).nth(1).unwrap_or_else(|| panic!("no section {heading}"));
        let lines = section
            .lines()
            .skip_while(|line| !line.starts_with('|'))
            .take_while(|line| line.starts_with('|'));
        lines.skip(2).map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
    }

    /// The table of operations is the code's: name, what it does and what it reveals, in the columns given.
    pub fn lists_operations(
        &self,
        columns: [usize; 3],
        operations: impl Iterator<Item = &'static Operation>,
    ) {
        let documented: Vec<[&str; 3]> = self
            .table("## Operations")
            .iter()
            .map(|row| columns.map(|column| row[column]))
            .map(|[name, access, reveals]| [name.trim_matches('`'), access, reveals])
            .collect();
        let real: Vec<[&str; 3]> = operations
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
                [operation.name, access, reveals]
            })
            .collect();
        assert_eq!(documented, real);
    }

    /// The table of codes is the code's, in its order.
    pub fn lists_codes<'c>(&self, codes: impl Iterator<Item = &'c str>) {
        let documented: Vec<&str> =
            self.table("## Codes").iter().map(|row| row[0].trim_matches('`')).collect();
        assert_eq!(documented, codes.collect::<Vec<_>>());
    }

    /// Each of the `count` settings is one that the dialect reads: `wrong`, a value of another type, is refused by its name.
    pub fn lists_settings<D>(&self, count: usize, wrong: &str, new: fn(&toml::Table) -> Result<D, String>) {
        let settings = self.table("## Settings");
        for row in &settings {
            let name = row[0].trim_matches('`');
            if name == "enabled" || name == "hosts" {
                continue;
            }
            let refused = new(&format!("{name} = {wrong}").parse().unwrap()).err().unwrap();
            assert!(refused.starts_with(&format!("`{name}` must be")), "{name}: {refused}");
        }
        let unknown = new(&"none = 1".parse().unwrap()).err().unwrap();
        assert!(unknown.starts_with("there is no setting `none`"), "{unknown}");
        assert_eq!(settings.len(), count);
    }
}
