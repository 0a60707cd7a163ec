//! The operator console.

fn main() {}
