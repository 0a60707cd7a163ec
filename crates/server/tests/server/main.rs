//! The server over real sockets: who gets in, what is answered, what is recorded, how it ends.

mod doors;
mod frames;
mod lifecycle;
mod metrics;
mod paging;
mod record;
mod rules;
mod support;
mod tokens;
