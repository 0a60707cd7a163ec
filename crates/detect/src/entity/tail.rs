//! How rarely something was as large, over everything that was seen.

/// Cells of a factor of 1.02 each, from a thousandth to 10^9; what is less has the first one.
const CELLS: usize = 1_400;
const FACTOR: f64 = 1.02;
const LEAST: f64 = 1e-3;

/// Counts of how large something was.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    /// A tree of sums (Fenwick 1994) over the cells, from the largest to the least: adding and summing take eleven steps.
    sums: Vec<u64>,
    count: u64,
}

impl Tail {
    pub(super) fn new() -> Self {
        Self { sums: vec![0; CELLS + 1], count: 0 }
    }

    /// Takes a value; returns how surprising it is, in nats: -ln of the share of earlier ones that are as large, 0 at first.
    pub(super) fn take(&mut self, value: f64) -> f64 {
        let cell = cell(value);
        // Counting from the largest down, so that a sum up to a cell is what is as large.
        let place = CELLS - cell;
        let as_large = self.sum(place);
        let surprise = ((self.count as f64 + 1.0) / (as_large as f64 + 1.0)).ln();
        self.add(place);
        self.count += 1;
        surprise
    }

    fn sum(&self, mut place: usize) -> u64 {
        let mut sum = 0;
        while place > 0 {
            sum += self.sums.get(place).copied().unwrap_or_default();
            place &= place - 1;
        }
        sum
    }

    fn add(&mut self, mut place: usize) {
        while let Some(sum) = self.sums.get_mut(place) {
            *sum += 1;
            place += place & place.wrapping_neg();
        }
    }
}

/// Returns the cell of a value, 0 to [`CELLS`] - 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to CELLS - 1")]
fn cell(value: f64) -> usize {
    let cell = (value.max(LEAST) / LEAST).ln() / FACTOR.ln();
    cell.clamp(0.0, CELLS as f64 - 1.0) as usize
}
