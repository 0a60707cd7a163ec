//! The bytes of headers and records (`docs/ledger-format.md`), all numbers little endian.

use sha2::{Digest, Sha256};

use crate::head::{ChainHash, Head};

/// The format this crate writes, and the only one it reads.
pub const FORMAT_VERSION: u32 = 1;
/// The longest payload of a record, in bytes: sixteen times the longest frame of the protocol.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;
/// The longest opening of a segment, in bytes: configuration and authority snapshots stay far below.
pub const MAX_OPENING_BYTES: usize = 16 << 20;

pub(crate) const HEADER_BYTES: usize = 160;
pub(crate) const HASH_BYTES: usize = 32;
/// A record with an empty payload.
pub(crate) const MIN_RECORD_BYTES: usize = 72;
/// Far above any real ledger, so that counting on from it cannot overflow.
pub(crate) const MAX_SEQUENCE: u64 = u64::MAX / 2;
const MAGIC: &[u8; 8] = b"WKLEDGER";
const RECORD_HEAD_BYTES: usize = 36;
const FLAG_GAP: u32 = 1;

/// What is wrong with a segment header or its opening.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// The file ends inside the header or the opening.
    #[error("the file ends inside it")]
    CutShort,
    /// The file does not begin with the magic bytes.
    #[error("it does not begin with `WKLEDGER`")]
    Magic,
    /// The checksum does not fit the bytes.
    #[error("its checksum does not fit its bytes")]
    Checksum,
    /// The format is newer than this program.
    #[error("it has format version {version}, this program reads only version {FORMAT_VERSION}")]
    Version {
        /// The version found.
        version: u32,
    },
    /// A reserved field or flag is not zero, or a length or sequence number is outside its range.
    #[error("a reserved field is in use or a value is outside its range")]
    Range,
    /// The number in the header is not the number in the file's name.
    #[error("it says that it is segment {found}")]
    Number {
        /// The number found in the header.
        found: u64,
    },
    /// The segment belongs to another ledger.
    #[error("it belongs to another deployment")]
    Deployment,
    /// The opening or the padding after it was changed.
    #[error("its opening (configuration) does not fit the digest in the header")]
    Opening,
    /// The first sequence number does not continue the segment before.
    #[error("it starts with record {found}, but record {expected} comes next")]
    FirstSequence {
        /// What the segment before leads to.
        expected: u64,
        /// What the header says.
        found: u64,
    },
    /// A chain value does not continue the segment before.
    #[error("it does not continue the chain of the segment before")]
    PreviousHash,
}

/// What is wrong with the bytes of one record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// The length is above [`MAX_PAYLOAD_BYTES`].
    #[error("its length of {len} bytes is above the limit")]
    TooLong {
        /// The length found.
        len: u32,
    },
    /// The file ends inside the record.
    #[error("the file ends inside it")]
    CutShort,
    /// The checksum does not fit the bytes.
    #[error("its checksum does not fit its bytes")]
    Checksum,
    /// Checksum good, chain value wrong: the record or what stands before it was changed.
    #[error("its chain value does not follow from the record before and its own bytes")]
    Chain,
    /// A whole record in the wrong place.
    #[error("record {found} stands in its place")]
    Sequence {
        /// The sequence number found.
        found: u64,
    },
    /// Bytes where a sealed segment should have ended.
    #[error("bytes follow the last record of a sealed segment")]
    Trailing,
}

/// The fixed part of a segment header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) gap: bool,
    pub(crate) deployment: [u8; 16],
    pub(crate) number: u64,
    pub(crate) first_sequence: u64,
    /// The chain value at the end of the segment before (its header's, if it held no record).
    pub(crate) previous_hash: ChainHash,
    /// The chain value of the last record before this segment.
    pub(crate) head_hash: ChainHash,
    pub(crate) opening_hash: [u8; 32],
    pub(crate) opening_len: u32,
}

impl Header {
    /// Writes the 160 bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&if self.gap { FLAG_GAP } else { 0 }.to_le_bytes());
        bytes.extend_from_slice(&self.deployment);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first_sequence.to_le_bytes());
        bytes.extend_from_slice(&self.previous_hash.0);
        bytes.extend_from_slice(&self.head_hash.0);
        bytes.extend_from_slice(&self.opening_hash);
        bytes.extend_from_slice(&self.opening_len.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        assert_eq!(bytes.len(), HEADER_BYTES, "the header has a fixed length");
        bytes
    }

    /// Reads the first 160 bytes of a segment; `segment` is the number in the file's name.
    pub(crate) fn decode(bytes: &[u8], segment: u64) -> Result<Self, HeaderFault> {
        let Some(bytes) = bytes.get(..HEADER_BYTES) else { return Err(HeaderFault::CutShort) };
        if bytes.get(..8) != Some(MAGIC.as_slice()) {
            return Err(HeaderFault::Magic);
        }
        if crc32c::crc32c(bytes.get(..156).unwrap_or_default()) != u32_at(bytes, 156) {
            return Err(HeaderFault::Checksum);
        }
        let version = u32_at(bytes, 8);
        if version != FORMAT_VERSION {
            return Err(HeaderFault::Version { version });
        }
        let (flags, opening_len) = (u32_at(bytes, 12), u32_at(bytes, 144));
        let first_sequence = u64_at(bytes, 40);
        if flags & !FLAG_GAP != 0
            || u64_at(bytes, 148) != 0
            || to_usize(opening_len) > MAX_OPENING_BYTES
            || !(1..=MAX_SEQUENCE).contains(&first_sequence)
        {
            return Err(HeaderFault::Range);
        }
        let number = u64_at(bytes, 32);
        if number != segment {
            return Err(HeaderFault::Number { found: number });
        }
        Ok(Self {
            gap: flags & FLAG_GAP != 0,
            deployment: array_at(bytes, 16),
            number,
            first_sequence,
            previous_hash: ChainHash(array_at(bytes, 48)),
            head_hash: ChainHash(array_at(bytes, 80)),
            opening_hash: array_at(bytes, 112),
            opening_len,
        })
    }

    /// The last record before this segment.
    pub(crate) fn head(&self) -> Head {
        Head { sequence: self.first_sequence - 1, hash: self.head_hash }
    }

    /// The chain value that the first record of the segment follows.
    pub(crate) fn hash(&self) -> ChainHash {
        ChainHash(Sha256::new().chain_update([1]).chain_update(self.encode()).finalize().into())
    }

    pub(crate) fn records_start(&self) -> u64 {
        to_u64(HEADER_BYTES + to_usize(self.opening_len).next_multiple_of(8))
    }

    pub(crate) fn salt(&self) -> Salt {
        Salt::new(self.deployment, self.number)
    }
}

/// What every record checksum of a segment starts from.
///
/// Without it, an agent could put the image of a later record into a payload, and a crash in the middle of
/// that payload would look like damage. It would have to guess the deployment id first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Salt(u32);

impl Salt {
    pub(crate) fn new(deployment: [u8; 16], segment: u64) -> Self {
        Self(crc32c::crc32c_append(crc32c::crc32c(&deployment), &segment.to_le_bytes()))
    }

    /// The checksum of a record: all bytes before the chain value but the checksum itself.
    pub(crate) fn checksum(self, body: &[u8]) -> u32 {
        let len = body.get(..4).unwrap_or_default();
        crc32c::crc32c_append(crc32c::crc32c_append(self.0, len), body.get(8..).unwrap_or_default())
    }
}

/// The length of a record up to its chain value.
pub(crate) fn body_bytes(payload_len: usize) -> usize {
    (RECORD_HEAD_BYTES + payload_len).next_multiple_of(8)
}

/// What [`encode_record`] writes besides the payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) sequence: u64,
    pub(crate) mono_nanos: u64,
    pub(crate) wall_nanos: i64,
    pub(crate) record_type: u16,
    pub(crate) flags: u16,
}

/// Appends the bytes of a record to `out` and returns the chain value after it.
///
/// `payload` is at most [`MAX_PAYLOAD_BYTES`] long.
pub(crate) fn encode_record(
    out: &mut Vec<u8>,
    salt: Salt,
    previous: ChainHash,
    stamp: &Stamp,
    payload: &[u8],
) -> ChainHash {
    let len = u32::try_from(payload.len()).expect("a payload is at most 1 MiB");
    let start = out.len();
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&stamp.sequence.to_le_bytes());
    out.extend_from_slice(&stamp.mono_nanos.to_le_bytes());
    out.extend_from_slice(&stamp.wall_nanos.to_le_bytes());
    out.extend_from_slice(&stamp.record_type.to_le_bytes());
    out.extend_from_slice(&stamp.flags.to_le_bytes());
    out.extend_from_slice(payload);
    out.resize(start + body_bytes(payload.len()), 0);
    let body = out.get_mut(start..).expect("the record was appended above");
    let checksum = salt.checksum(body).to_le_bytes();
    body.get_mut(4..8).expect("a record has a head of 36 bytes").copy_from_slice(&checksum);
    let hash = chain(previous, body);
    out.extend_from_slice(&hash.0);
    hash
}

/// A record as it lies in a segment; the checksum may or may not be right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'b> {
    pub(crate) body: &'b [u8],
    pub(crate) hash: ChainHash,
}

impl<'b> Frame<'b> {
    /// Splits the bytes of a whole record.
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        let at = bytes.len() - HASH_BYTES;
        let (body, hash) = bytes.split_at(at);
        Self { body, hash: ChainHash(array_at(hash, 0)) }
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp {
            sequence: u64_at(self.body, 8),
            mono_nanos: u64_at(self.body, 16),
            wall_nanos: i64::from_le_bytes(array_at(self.body, 24)),
            record_type: u16::from_le_bytes(array_at(self.body, 32)),
            flags: u16::from_le_bytes(array_at(self.body, 34)),
        }
    }

    pub(crate) fn sequence(&self) -> u64 {
        u64_at(self.body, 8)
    }

    pub(crate) fn payload(&self) -> &'b [u8] {
        let end = RECORD_HEAD_BYTES + to_usize(u32_at(self.body, 0));
        self.body.get(RECORD_HEAD_BYTES..end).expect("a frame is as long as its length field says")
    }

    pub(crate) fn has_checksum(&self, salt: Salt) -> bool {
        // Zeroed space must never pass for a record, whatever the salt; sequences start at 1.
        self.sequence() != 0 && salt.checksum(self.body) == u32_at(self.body, 4)
    }

    /// The chain value this record should have after `previous`.
    pub(crate) fn chain(&self, previous: ChainHash) -> ChainHash {
        chain(previous, self.body)
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        to_u64(self.body.len() + HASH_BYTES)
    }
}

fn chain(previous: ChainHash, body: &[u8]) -> ChainHash {
    ChainHash(Sha256::new().chain_update([0]).chain_update(previous.0).chain_update(body).finalize().into())
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Reads the little-endian number at `at`; the caller has checked the length.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

/// Reads the little-endian number at `at`; the caller has checked the length.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes
        .get(at..at + N)
        .and_then(|field| field.try_into().ok())
        .expect("the caller has checked the length of the bytes")
}

pub(crate) fn to_usize(len: u32) -> usize {
    usize::try_from(len).expect("a usize has at least 32 bits")
}

pub(crate) fn to_u64(len: usize) -> u64 {
    u64::try_from(len).expect("a usize has at most 64 bits")
}
