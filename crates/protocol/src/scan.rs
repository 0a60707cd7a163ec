//! A look over a frame before anything is allocated for it.
//!
//! rmp-serde by itself believes lengths up to a megabyte a level, nests 1,024 deep and ignores trailing bytes.
//! This pass walks the markers once, without recursion or allocation, and refuses what no honest peer sends.

use crate::{MAX_DEPTH, MAX_FRAME};
use rmp::Marker;
use thiserror::Error;

/// Most items of one array, and most entries of one map.
pub const MAX_ITEMS: u32 = 1_024;

/// Says why a frame's shape is refused; `at` is the byte offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// More than 64 KiB.
    #[error("the frame has {0} bytes, at most {MAX_FRAME} are allowed")]
    TooLarge(usize),
    /// The frame ends inside a value.
    #[error("the frame ends inside the value that starts at byte {at}")]
    CutShort {
        /// Where the value starts.
        at: usize,
    },
    /// Bytes follow the frame's value.
    #[error("{extra} bytes follow the frame's end at byte {at}")]
    Trailing {
        /// Where the value ends.
        at: usize,
        /// How many bytes follow.
        extra: usize,
    },
    /// Arrays and maps are nested deeper than 16.
    #[error("arrays and maps are nested deeper than {MAX_DEPTH} at byte {at}")]
    TooDeep {
        /// Where the nesting goes too deep.
        at: usize,
    },
    /// A list or map claims more than 1,024 entries.
    #[error("the list or map at byte {at} claims {claimed} entries, at most {MAX_ITEMS} are allowed")]
    TooMany {
        /// Where it starts.
        at: usize,
        /// What it claims.
        claimed: u32,
    },
    /// An extension type or a reserved marker, which v1 does not use.
    #[error("an extension type or reserved marker at byte {at}, which v1 does not use")]
    Extension {
        /// Where it is.
        at: usize,
    },
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn take(&mut self, count: usize, start: usize) -> Result<u32, ShapeError> {
        let end = self.at.checked_add(count).ok_or(ShapeError::CutShort { at: start })?;
        let slice = self.bytes.get(self.at..end).ok_or(ShapeError::CutShort { at: start })?;
        self.at = end;
        Ok(slice.iter().fold(0u32, |sum, byte| (sum << 8) | u32::from(*byte)))
    }

    fn skip(&mut self, count: u32, start: usize) -> Result<(), ShapeError> {
        let end = usize::try_from(count).ok().and_then(|count| self.at.checked_add(count));
        match end {
            Some(end) if end <= self.bytes.len() => {
                self.at = end;
                Ok(())
            }
            Some(_) | None => Err(ShapeError::CutShort { at: start }),
        }
    }

    /// Reads one value's head and payload; returns how many values follow inside it.
    fn value(&mut self) -> Result<Option<u32>, ShapeError> {
        let start = self.at;
        let byte = self.bytes.get(start).copied().ok_or(ShapeError::CutShort { at: start })?;
        self.at += 1;
        let bounded = |claimed: u32, each: u32| {
            if claimed > MAX_ITEMS {
                return Err(ShapeError::TooMany { at: start, claimed });
            }
            Ok(Some(claimed * each))
        };
        match Marker::from_u8(byte) {
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => Ok(None),
            Marker::U8 | Marker::I8 => self.skip(1, start).map(|()| None),
            Marker::U16 | Marker::I16 => self.skip(2, start).map(|()| None),
            Marker::U32 | Marker::I32 | Marker::F32 => self.skip(4, start).map(|()| None),
            Marker::U64 | Marker::I64 | Marker::F64 => self.skip(8, start).map(|()| None),
            Marker::FixStr(length) => self.skip(u32::from(length), start).map(|()| None),
            Marker::Str8 | Marker::Bin8 => {
                let length = self.take(1, start)?;
                self.skip(length, start).map(|()| None)
            }
            Marker::Str16 | Marker::Bin16 => {
                let length = self.take(2, start)?;
                self.skip(length, start).map(|()| None)
            }
            Marker::Str32 | Marker::Bin32 => {
                let length = self.take(4, start)?;
                self.skip(length, start).map(|()| None)
            }
            Marker::FixArray(count) => bounded(u32::from(count), 1),
            Marker::Array16 => bounded(self.take(2, start)?, 1),
            Marker::Array32 => bounded(self.take(4, start)?, 1),
            Marker::FixMap(count) => bounded(u32::from(count), 2),
            Marker::Map16 => bounded(self.take(2, start)?, 2),
            Marker::Map32 => bounded(self.take(4, start)?, 2),
            Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32
            | Marker::Reserved => Err(ShapeError::Extension { at: start }),
        }
    }
}

/// Checks that `frame` is exactly one MessagePack value within the limits of v1.
pub fn check_shape(frame: &[u8]) -> Result<(), ShapeError> {
    if frame.len() > MAX_FRAME {
        return Err(ShapeError::TooLarge(frame.len()));
    }
    let mut cursor = Cursor { bytes: frame, at: 0 };
    // How many values are still to come at each level of nesting.
    let mut left = [0u32; MAX_DEPTH as usize + 1];
    let mut depth = 0usize;
    if let Some(level) = left.first_mut() {
        *level = 1;
    }
    loop {
        let level = left.get_mut(depth).expect("depth stays within the limit");
        if *level == 0 {
            if depth == 0 {
                break;
            }
            depth -= 1;
            continue;
        }
        *level -= 1;
        let start = cursor.at;
        if let Some(inside) = cursor.value()? {
            depth += 1;
            *left.get_mut(depth).ok_or(ShapeError::TooDeep { at: start })? = inside;
        }
    }
    match frame.len() - cursor.at {
        0 => Ok(()),
        extra => Err(ShapeError::Trailing { at: cursor.at, extra }),
    }
}
