//! Every frame after the first, as each side would read it.

use crate::refusal;
use std::fmt::Debug;
use watchkeeper_protocol::{
    AgentMessage, DecodeError, OperatorMessage, ToAgent, ToOperator, Wire, scan::ShapeError,
};

/// Decodes `frame` as each set of messages; what is a message survives being written and read again.
pub(crate) fn run(frame: &[u8]) {
    check::<AgentMessage>(frame);
    check::<ToAgent>(frame);
    check::<OperatorMessage>(frame);
    check::<ToOperator>(frame);
}

fn check<M: Wire + PartialEq + Debug>(frame: &[u8]) {
    let message = match M::decode(frame) {
        Ok(message) => message,
        Err(error) => return refusal::check(&error),
    };
    let written = message.encode();
    match M::decode(&written) {
        Ok(again) => {
            // A signal may be NaN, which equals nothing; its bytes below do.
            assert!(
                again == message || format!("{again:?}") == format!("{message:?}"),
                "{again:?} {message:?}"
            );
            assert_eq!(again.kind(), message.kind());
            assert_eq!(again.encode(), written, "one message has one encoding");
        }
        // The shortest encoding of a number was read, or a field left out, and that is not what is written.
        Err(DecodeError::Shape(ShapeError::TooLarge(size))) => assert_eq!(size, written.len()),
        Err(error) => panic!("what was written cannot be read: {error}: {message:?}"),
    }
}
