//! Columns of text: a header, rows, two spaces between, nothing cut.

use plex_domain::text::printable;
use unicode_width::UnicodeWidthStr;

/// Shown for a cell that has nothing in it.
const NOTHING: &str = "-";

/// A table whose columns are as wide as the rows it was made for; a wider cell in a later row pushes its
/// neighbours, so that rows can be printed before all of them are known.
pub(crate) struct Table {
    headers: &'static [&'static str],
    widths: Vec<usize>,
}

impl Table {
    /// A table for these first rows.
    pub(crate) fn fitting(headers: &'static [&'static str], rows: &[Vec<String>]) -> Self {
        let mut widths: Vec<usize> = headers.iter().map(|header| header.width()).collect();
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(shown(cell).width());
            }
        }
        Self { headers, widths }
    }

    /// The header's line.
    pub(crate) fn header(&self) -> String {
        self.line(self.headers.iter().copied())
    }

    /// A row's line; whatever is in the cells, it is one line and printable.
    pub(crate) fn row(&self, cells: &[String]) -> String {
        self.line(cells.iter().map(String::as_str))
    }

    fn line<'a>(&self, cells: impl Iterator<Item = &'a str>) -> String {
        let mut line = String::new();
        for (cell, width) in cells.zip(&self.widths) {
            let cell = shown(cell);
            line.push_str(&cell);
            let padding = width.saturating_sub(cell.width()) + 2;
            line.extend(std::iter::repeat_n(' ', padding));
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// Lines of `name: value`, the values in one column.
pub(crate) fn block<K: AsRef<str>>(pairs: &[(K, String)]) -> String {
    let names: Vec<_> = pairs
        .iter()
        .map(|(name, _)| format!("{}:", printable(name.as_ref())))
        .collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, (_, value)) in names.iter().zip(pairs) {
        text.push_str(name);
        text.extend(std::iter::repeat_n(' ', width - name.width() + 1));
        text.push_str(&shown(value));
        text.push('\n');
    }
    text
}

fn shown(cell: &str) -> String {
    if cell.is_empty() {
        NOTHING.to_owned()
    } else {
        printable(cell).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{Table, block};

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_line_up_by_what_is_seen() {
        let rows = [row(&["節点", "up"]), row(&["web-1", ""])];
        let table = Table::fitting(&["NAME", "STATE"], &rows);
        assert_eq!(table.header(), "NAME   STATE\n");
        assert_eq!(table.row(&rows[0]), "節点   up\n");
        assert_eq!(table.row(&rows[1]), "web-1  -\n");
    }

    #[test]
    fn a_cell_cannot_leave_its_line() {
        let rows = [row(&["a\nb\x1b[2J", "x"])];
        let line = Table::fitting(&["A", "B"], &rows).row(&rows[0]);
        assert_eq!(line.lines().count(), 1);
        assert!(!line.contains('\x1b'));
    }

    #[test]
    fn a_block_aligns_values() {
        let pairs = [("id", "1".to_owned()), ("created", "now\nthen".to_owned())];
        let text = block(&pairs);
        assert!(text.starts_with("id:      1\ncreated: now"), "{text}");
        assert_eq!(text.lines().count(), 2);
    }
}
