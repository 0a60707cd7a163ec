//! What the command says on its standard output.

use std::io::{self, Write};

/// Writes a line and sends it off, so that a reader of a pipe has it at once.
pub(crate) fn say(text: impl std::fmt::Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}
