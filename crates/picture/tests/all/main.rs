//! The picture through its public API: what every view shows in every situation, and what the fold promises.

// Marked so that clippy knows the helpers in them as tests.
#[cfg(test)]
mod access;
#[cfg(test)]
mod authority;
#[cfg(test)]
mod cards;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod fold;
#[cfg(test)]
mod hands;
#[cfg(test)]
mod latches;
#[cfg(test)]
mod panels;
#[cfg(test)]
mod path;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod scenes;
#[cfg(test)]
mod takeovers;
#[cfg(test)]
mod unasked;
#[cfg(test)]
mod views;
#[cfg(test)]
mod world;
