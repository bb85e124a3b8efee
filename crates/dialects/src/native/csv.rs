//! Comma-separated values (RFC 4180), read for the bulk import and written for the report.

/// Reads a table. Lines may end with CR LF or LF; empty lines are left out.
///
/// # Errors
/// The line, from 1, in which a quote is out of place.
pub(super) fn read(text: &str) -> Result<Vec<(usize, Vec<String>)>, usize> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let (mut cell, mut line, mut begun) = (String::new(), 1, 1);
    let (mut quoted, mut closed) = (false, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => (quoted, closed) = (false, true),
            '"' if cell.is_empty() && !closed => quoted = true,
            '"' => return Err(line),
            ',' if !quoted => {
                row.push(std::mem::take(&mut cell));
                closed = false;
            }
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                push(&mut rows, begun, std::mem::take(&mut row));
                closed = false;
                line += 1;
                begun = line;
            }
            _ if closed => return Err(line),
            _ => {
                line += usize::from(character == '\n');
                cell.push(character);
            }
        }
    }
    if quoted {
        return Err(line);
    }
    row.push(cell);
    push(&mut rows, begun, row);
    Ok(rows)
}

fn push(rows: &mut Vec<(usize, Vec<String>)>, line: usize, row: Vec<String>) {
    if row.len() > 1 || row.first().is_some_and(|cell| !cell.is_empty()) {
        rows.push((line, row));
    }
}

/// Appends a line of cells.
pub(super) fn write(out: &mut String, cells: &[&str]) {
    for (n, cell) in cells.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        // Spreadsheets take such cells for formulas; ids of imported keys may begin so.
        let guard = if cell.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
        if cell.contains([',', '"', '\n', '\r']) {
            out.extend(["\"", guard, &cell.replace('"', "\"\""), "\""]);
        } else {
            out.extend([guard, cell]);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    #[test]
    fn what_is_written_reads_back() {
        let cells = ["plain", "", "a,b", "say \"hi\"", "two\nlines"];
        let mut text = String::new();
        write(&mut text, &["head"]);
        write(&mut text, &cells);
        let rows = read(&text).unwrap();
        assert_eq!(rows, [(1, vec!["head".to_owned()]), (2, cells.map(str::to_owned).to_vec())]);
    }

    #[test]
    fn lines_are_counted_and_bad_quotes_named() {
        let rows = read("a,b\r\n\r\n\"x\ny\",2\n3,4").unwrap();
        assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 3, 5]);
        for (text, line) in [("a\"b", 1), ("x\n\"a\"b", 2), ("x\ny\n\"open", 3)] {
            assert_eq!(read(text), Err(line), "{text}");
        }
        assert_eq!(read(""), Ok(Vec::new()));
    }

    #[test]
    fn formulas_are_guarded() {
        let mut text = String::new();
        write(&mut text, &["=1+1", "@x", "a=b"]);
        assert_eq!(text, "'=1+1,'@x,a=b\r\n");
    }
}
