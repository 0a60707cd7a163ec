//! The picture through its public API: what every view shows in every situation, and what the fold promises.

// Marked so that clippy knows the helpers in them as tests.
#[cfg(test)]
mod fold;
#[cfg(test)]
mod scenes;
#[cfg(test)]
mod views;
