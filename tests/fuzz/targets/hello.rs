//! The first frame of a session: what anybody may send before he has said who he is.

use crate::refusal;
use watchkeeper_protocol::{DecodeError, FirstFrame, Hello, encode, scan::ShapeError};

/// Decodes `frame` as the first of a session; a hello survives being written and read again.
pub(crate) fn run(frame: &[u8]) {
    let hello = match FirstFrame::decode(frame) {
        Ok(hello) => hello,
        Err(error) => return refusal::check(&error),
    };
    let written = write(&hello);
    match FirstFrame::decode(&written) {
        Ok(again) => {
            assert_eq!(again, hello);
            assert_eq!(write(&again), written, "one message has one encoding");
        }
        // The shortest encoding of a number was read, and is not what is written.
        Err(DecodeError::Shape(ShapeError::TooLarge(size))) => assert_eq!(size, written.len()),
        Err(error) => panic!("what was written cannot be read: {error}: {hello:?}"),
    }
}

fn write(hello: &Hello) -> Vec<u8> {
    match hello {
        Hello::Agent(hello) => encode("hello", hello).to_vec(),
        Hello::Operator(hello) => encode("hello", hello).to_vec(),
    }
}
