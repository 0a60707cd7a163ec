//! Detectors against labelled data: the published scores of public benchmarks, recomputed, and ours beside them; and
//! made streams, where no benchmark has what is asked.
//!
//! [`table`] reads what people bring themselves, for `watchkeeper score`.
//!
//! What a benchmark reads, and how it scores, is here; which detector makes the scores is the caller's to say. Deliberately
//! not here: detectors, and the data, which stay where they are.

pub mod cards;
pub mod cifar10h;
pub mod nab;
mod ranking;
pub mod skab;
pub mod table;
pub mod verdicts;
