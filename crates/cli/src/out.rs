//! What the command says.

use std::io::{self, Write};

/// Returns a number with what it counts, in the plural where there is not exactly one.
pub(crate) fn count(number: impl Into<u64>, what: &str) -> String {
    let number = number.into();
    if number == 1 {
        return format!("1 {what}");
    }
    let plural = if what.ends_with(['s', 'h']) { "es" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Returns [`count`] of what lies in memory.
pub(crate) fn count_of(number: usize, what: &str) -> String {
    count(number as u64, what)
}

/// Writes a line and sends it off, so that a reader of a pipe has it at once.
pub(crate) fn say(text: impl std::fmt::Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Writes a line about what is done on the way to standard error.
pub(crate) fn note(text: impl std::fmt::Display) {
    // Where standard error is closed there is nobody left to tell.
    writeln!(io::stderr().lock(), "{text}").unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn one_is_counted_in_the_singular() {
        assert_eq!(count(0_u64, "demand"), "0 demands");
        assert_eq!(count(1_u64, "demand"), "1 demand");
        assert_eq!(count(2_u64, "near miss"), "2 near misses");
    }
}
