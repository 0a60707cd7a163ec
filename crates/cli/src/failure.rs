//! Errors as a person reads them: one paragraph, from what was tried to what went wrong.

use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Prints an error and returns the exit code for it.
///
/// A reader of our output that went away (`| head`) is no error.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let pipe_is_closed = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe);
    if pipe_is_closed {
        return ExitCode::SUCCESS;
    }
    let text = paragraph(error);
    // Where standard error is closed there is nobody left to tell.
    writeln!(io::stderr().lock(), "watchkeeper: {text}").unwrap_or_default();
    ExitCode::FAILURE
}

/// Returns the chain of causes as one paragraph; a cause that the text before already tells is left out.
pub(crate) fn paragraph(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| {
        if text.is_empty() {
            cause
        } else if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::paragraph;
    use anyhow::anyhow;

    #[test]
    fn a_chain_reads_as_one_paragraph_and_says_nothing_twice() {
        let error = anyhow!("the disk is full").context("writing F: the disk is full").context("saving");
        assert_eq!(paragraph(&error), "saving: writing F: the disk is full");
    }
}
