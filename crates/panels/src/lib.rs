//! The panels of the operator console.
