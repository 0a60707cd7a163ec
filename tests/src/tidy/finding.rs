//! What a broken layout rule looks like, and how it is told.

use std::fmt;

use super::MAX_LINES;

/// One broken rule. Its text says where and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A crate that no row of [`ALLOWED_EDGES`](super::ALLOWED_EDGES) describes.
    UnknownCrate {
        /// The crate's short name.
        name: String,
    },
    /// A dependency between two of our crates that the architecture does not have.
    ForbiddenEdge {
        /// The crate that depends.
        from: String,
        /// The crate depended on.
        to: String,
    },
    /// A pure crate that depends on sockets, threads, chance or a renderer.
    ImpureDependency {
        /// The pure crate.
        from: String,
        /// The package it must not need.
        dependency: String,
    },
    /// A crate that names a family confined to others.
    ConfinedDependency {
        /// The crate that names it.
        from: String,
        /// The package named.
        dependency: String,
    },
    /// A package whose name is not its folder's name with the project's prefix.
    PackageName {
        /// The folder.
        folder: String,
        /// The name it has.
        name: String,
    },
    /// A manifest without a description.
    NoDescription {
        /// The folder.
        folder: String,
    },
    /// A manifest that does not take the workspace's lints.
    LintsNotInherited {
        /// The folder.
        folder: String,
    },
    /// A crate whose `lib.rs` or `main.rs` does not open with its story, or that has neither.
    NoCrateDocs {
        /// The folder or the file.
        path: String,
    },
    /// A `mod.rs`; the project uses `foo.rs` beside `foo/`.
    ModFile {
        /// The file.
        path: String,
    },
    /// A file longer than [`MAX_LINES`] without a reason.
    TooLong {
        /// The file.
        path: String,
        /// How long it is, in lines.
        lines: usize,
    },
    /// A row of [`LONG_FILES`](super::LONG_FILES) whose file is short again or gone.
    StaleLongFile {
        /// The file the row names.
        path: String,
    },
    /// A clock read outside of a shell's `clock.rs`.
    ReadsClock {
        /// The file.
        path: String,
        /// The line, counted from one.
        line: usize,
        /// The call that reads it.
        call: &'static str,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCrate { name } => {
                write!(f, "{name}: no row in ALLOWED_EDGES; decide its place in ARCHITECTURE.md first")
            }
            Self::ForbiddenEdge { from, to } => write!(f, "{from} -> {to}: not an edge of ARCHITECTURE.md"),
            Self::ImpureDependency { from, dependency } => {
                write!(
                    f,
                    "{from} -> {dependency}: {from} is pure; sockets, threads and chance belong in a shell"
                )
            }
            Self::ConfinedDependency { from, dependency } => {
                write!(f, "{from} names {dependency}: only the console's own crates may")
            }
            Self::PackageName { folder, name } => {
                write!(f, "{folder}: the package is called {name}, not watchkeeper-<folder>")
            }
            Self::NoDescription { folder } => write!(f, "{folder}/Cargo.toml: no description"),
            Self::LintsNotInherited { folder } => {
                write!(f, "{folder}/Cargo.toml: no `lints.workspace = true`")
            }
            Self::NoCrateDocs { path } => write!(f, "{path}: no `//!` crate docs at the top"),
            Self::ModFile { path } => write!(f, "{path}: use foo.rs beside foo/ instead of mod.rs"),
            Self::TooLong { path, lines } => {
                write!(
                    f,
                    "{path}: {lines} lines, more than {MAX_LINES}; split it, or give a reason in LONG_FILES"
                )
            }
            Self::StaleLongFile { path } => write!(f, "{path}: its row in LONG_FILES is no longer needed"),
            Self::ReadsClock { path, line, call } => {
                write!(f, "{path}:{line}: `{call}` outside of a shell's clock.rs; take `now` as an argument")
            }
        }
    }
}
