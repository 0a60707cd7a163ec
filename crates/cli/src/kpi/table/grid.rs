//! Columns that are as wide as what is in them.

/// Between two columns.
const GAP: &str = "  ";

/// One table: names on the left, figures on the right.
pub(super) struct Grid {
    rows: Vec<Vec<String>>,
    /// How many columns behind the name are words, which begin where their column does.
    words: usize,
}

impl Grid {
    /// Makes a table of figures with this title in its first line.
    pub(super) fn new(title: &str, columns: &[&str]) -> Self {
        Self::list(title, columns, 0)
    }

    /// Makes a table of which so many columns behind the name are words.
    pub(super) fn list(title: &str, columns: &[&str], words: usize) -> Self {
        let mut grid = Self { rows: Vec::new(), words };
        grid.row(title, columns.iter().map(|column| (*column).to_owned()));
        grid
    }

    pub(super) fn row(&mut self, name: &str, figures: impl IntoIterator<Item = String>) {
        self.rows.push([name.to_owned()].into_iter().chain(figures).collect());
    }

    pub(super) fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                if column <= self.words { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        };
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Returns a name that a terminal prints in one line and in at most so many columns: agents choose their own. What is too
/// long is cut in its middle, for names often differ at their ends.
pub(super) fn plain(name: &str, most: usize) -> String {
    let letters: Vec<char> = name
        .chars()
        .map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter })
        .collect();
    let Some(over) = letters.len().checked_sub(most).filter(|over| *over > 0) else {
        return letters.into_iter().collect();
    };
    let (before, cut) = (most / 2, over + 1);
    let behind = letters.iter().skip(before + cut);
    letters.iter().take(before).chain(['…'].iter()).chain(behind).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_long_name_is_cut_in_its_middle_and_nothing_moves_the_terminal() {
        assert_eq!(plain("vehicle-4", 9), "vehicle-4");
        assert_eq!(plain("vehicle-41", 9), "vehi…e-41");
        assert_eq!(plain("a\u{1b}b", 9), "a\u{fffd}b");
    }
}
