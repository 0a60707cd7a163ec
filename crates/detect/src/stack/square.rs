//! Small symmetric matrices and their axes.
//!
//! Our own, for one reason: libraries choose fused multiply-add where a processor has it, and the same stream must give the
//! same bits everywhere. Matrices are 16 by 16 at most.

use serde::{Deserialize, Serialize};

/// Sweeps of the Jacobi method; ten are enough for 16 by 16.
const SWEEPS: usize = 30;

/// A square matrix, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Square {
    size: usize,
    cells: Vec<f64>,
}

impl Square {
    pub(super) fn zero(size: usize) -> Self {
        Self { size, cells: vec![0.0; size * size] }
    }

    fn identity(size: usize) -> Self {
        let mut square = Self::zero(size);
        square.cells.iter_mut().step_by(size + 1).for_each(|cell| *cell = 1.0);
        square
    }

    /// Returns the rows, each a slice of `size` cells.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.cells.chunks(self.size.max(1))
    }

    /// Returns the cells from the first row's first to the last row's last.
    pub(super) fn diagonal(&self) -> impl Iterator<Item = f64> {
        self.cells.iter().step_by(self.size + 1).copied()
    }

    /// Calls `change` with every cell, its row and its column.
    pub(super) fn change(&mut self, mut change: impl FnMut(&mut f64, usize, usize)) {
        let size = self.size.max(1);
        for (place, cell) in self.cells.iter_mut().enumerate() {
            change(cell, place / size, place % size);
        }
    }

    /// Adds another matrix of this size.
    pub(super) fn add(&mut self, other: &Self) {
        self.cells.iter_mut().zip(&other.cells).for_each(|(cell, more)| *cell += more);
    }

    /// Adds the outer product of two vectors.
    pub(super) fn add_outer(&mut self, one: &[f64], other: &[f64]) {
        for (row, one) in self.cells.chunks_mut(self.size.max(1)).zip(one) {
            row.iter_mut().zip(other).for_each(|(cell, other)| *cell += one * other);
        }
    }

    /// Returns whether it is of this size, all cells there.
    pub(super) fn is(&self, size: usize) -> bool {
        self.size == size && self.cells.len() == size * size
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self.cells.get(row * self.size + column).copied().unwrap_or_default()
    }

    fn set(&mut self, row: usize, column: usize, value: f64) {
        if let Some(cell) = self.cells.get_mut(row * self.size + column) {
            *cell = value;
        }
    }

    /// Returns v' M v.
    pub(super) fn quadratic(&self, vector: &[f64]) -> f64 {
        self.rows().zip(vector).map(|(row, v)| v * dot(row, vector)).sum()
    }

    /// Returns the axes of a symmetric matrix, one in each row, by the cyclic Jacobi method (Golub and Van Loan 2013,
    /// "Matrix Computations", 4th edition, section 8.5).
    pub(super) fn axes(mut self) -> Self {
        let size = self.size;
        let mut axes = Self::identity(size);
        for _ in 0..SWEEPS {
            let mut turned = false;
            for p in 0..size {
                for q in p + 1..size {
                    turned |= self.turn(&mut axes, p, q);
                }
            }
            if !turned {
                break;
            }
        }
        axes
    }

    /// Makes the cell (p, q) zero by a rotation; returns whether there was something to do.
    fn turn(&mut self, axes: &mut Self, p: usize, q: usize) -> bool {
        let (own_p, own_q, off) = (self.at(p, p), self.at(q, q), self.at(p, q));
        if off.abs() <= 1e-14 * libm::sqrt((own_p * own_q).abs()) + f64::MIN_POSITIVE {
            return false;
        }
        let tau = (own_q - own_p) / (2.0 * off);
        let tangent = libm::copysign(1.0, tau) / (tau.abs() + libm::sqrt(1.0 + tau * tau));
        let cosine = 1.0 / libm::sqrt(1.0 + tangent * tangent);
        let sine = tangent * cosine;
        for k in 0..self.size {
            let (a, b) = (self.at(k, p), self.at(k, q));
            self.set(k, p, cosine * a - sine * b);
            self.set(k, q, sine * a + cosine * b);
        }
        for k in 0..self.size {
            let (a, b) = (self.at(p, k), self.at(q, k));
            self.set(p, k, cosine * a - sine * b);
            self.set(q, k, sine * a + cosine * b);
            let (a, b) = (axes.at(p, k), axes.at(q, k));
            axes.set(p, k, cosine * a - sine * b);
            axes.set(q, k, sine * a + cosine * b);
        }
        true
    }
}

/// Returns the sum of products, in order.
pub(super) fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A symmetric matrix of which nothing is special.
    fn some(size: usize) -> Square {
        let mut square = Square::zero(size);
        for index in 0..3 * size {
            let vector: Vec<f64> = (0..size).map(|k| ((index * 7 + k * k * 3) % 11) as f64 - 5.0).collect();
            square.add_outer(&vector, &vector);
        }
        square
    }

    #[test]
    fn axes_are_at_right_angles_and_make_the_matrix_diagonal() {
        for size in [1, 2, 3, 8, 16] {
            let matrix = some(size);
            let axes = matrix.clone().axes();
            let rows: Vec<&[f64]> = axes.rows().collect();
            for (i, one) in rows.iter().enumerate() {
                for (j, other) in rows.iter().enumerate() {
                    let angle = dot(one, other);
                    assert!((angle - f64::from(u8::from(i == j))).abs() < 1e-10, "{size}: {i} {j} {angle}");
                    let image: Vec<f64> = matrix.rows().map(|row| dot(row, one)).collect();
                    let off = dot(&image, other);
                    assert!(i == j || off.abs() < 1e-8 * matrix.quadratic(one).abs().max(1.0), "{off}");
                }
            }
        }
    }

    #[test]
    fn a_matrix_of_zeros_has_the_axes_of_its_space() {
        assert_eq!(Square::zero(3).axes(), Square::identity(3));
    }
}
