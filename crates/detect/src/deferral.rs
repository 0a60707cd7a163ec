//! The confidence above which an agent may decide alone, with a guarantee learnt from labelled decisions.
//!
//! Learn-then-Test (Angelopoulos, Bates, Candès, Jordan and Lei 2021, arXiv 2110.01052, section 2 and, for selective
//! classification, 5): each threshold is a hypothesis, "the error among decisions above it is more than `risk`", and fixed-sequence
//! testing goes from the most confident decisions downwards and stops at the first hypothesis that cannot be rejected at
//! level `delta`. The p-value is exact: the probability of so few errors among so many handled decisions if each were wrong
//! with probability `risk` (binomial; Clopper and Pearson 1934).
//!
//! What the guarantee conditions on: how many labelled decisions lie above a threshold is chance. Given their number they are
//! independent draws from all decisions above it, so that the count of errors is binomial. The probability `1 - delta` is that of
//! the labelled sample: of 100 samples, 95 give a threshold that keeps the promise where `delta` is 0.05. It holds where labels are
//! right and where decisions to come are drawn as the labelled ones were; for each class, hour or agent alone it says nothing.
//!
//! We deviate in the grid, which is the labelled confidences themselves and not a list made in advance. Let `t` be the highest
//! threshold below which the risk is exceeded. A wrong result has to reject the set of all labelled decisions from `t` on,
//! which the sequence comes by, since it tries every set; given its size its errors are binomial with at least `risk`.
//! So `delta` is kept whatever the shape of the risk. Only where that set is smaller than the one that is tried first, it
//! needs that less confident decisions are not more often right. The first set is of a size fixed by `risk`, `delta` and the number
//! of rows: a start at the very top would rest on no error at all.
//!
//! With a horizon the promise is about a count, not about a probability: "of the next `horizon` decisions that are handled, at
//! most a share of `risk` is wrong". Half of `delta` then goes to the labelled sample and half to those decisions: what is
//! tested is the greatest probability of an error with which they break the promise at most with the second half.

use thiserror::Error;

/// The first set tested may hold so many errors, where there are rows enough: fewer, and one early error refuses all.
const FIRST_ERRORS: u64 = 3;
/// No set and no horizon is larger than that: beyond it, a binomial coefficient has too few digits for an exact test.
const MOST_ROWS: u64 = 1_000_000_000;
/// Halvings of an interval within 0 and 1 until nothing of a number's digits is left.
const BISECTIONS: usize = 60;

/// A decision of which it is known whether it was right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelledDecision {
    /// How sure the agent was; any finite number, the greater the surer.
    pub confidence: f64,
    /// Whether it was right.
    pub is_correct: bool,
}

/// What is to be promised of decisions that no person looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Promise {
    /// The highest share of them that may be wrong, within 0 and 1.
    pub risk: f64,
    /// The highest probability that the promise is not kept, within 0 and 0.5.
    pub delta: f64,
    /// `None`: the probability of an error is at most `risk`. Otherwise: at most so great a share of so many handled
    /// decisions to come, 1 to 1,000,000,000, is wrong, which is a little more to ask.
    pub horizon: Option<u64>,
}

/// Above which confidence decisions keep a [`Promise`].
#[derive(Clone, Debug, PartialEq)]
pub struct Deferral {
    /// What is promised.
    pub promise: Promise,
    /// Decisions more confident than that are handled, the others deferred; `None`: all are handled.
    pub above: Option<f64>,
    /// Labelled decisions.
    pub rows: u64,
    /// Those of them that are handled.
    pub handled: u64,
    /// Those of the handled that were wrong.
    pub errors: u64,
}

/// Says why no threshold can be given.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DeferralError {
    /// The risk is no probability that can be tested.
    #[error("the risk is {0}; it must be more than 0 and less than 1")]
    Risk(f64),
    /// The probability of failure is none that can be tested.
    #[error("delta is {0}; it must be more than 0 and less than 0.5")]
    Delta(f64),
    /// The horizon is empty, or longer than can be tested.
    #[error("the horizon is {0} decisions; it must be at least 1 and at most {MOST_ROWS}")]
    Horizon(u64),
    /// More labelled decisions than can be tested.
    #[error("{0} labelled decisions; at most {MOST_ROWS} can be tested")]
    TooMany(u64),
    /// Even without an error it would take more of them.
    #[error("it takes more than {MOST_ROWS} labelled decisions to promise this; ask for less")]
    OutOfReach,
    /// A confidence is not a finite number.
    #[error("labelled decision {row} has confidence {confidence}, which is no finite number")]
    Confidence {
        /// Which, from 1.
        row: usize,
        /// What it has.
        confidence: f64,
    },
    /// Even without an error there would be too few.
    #[error(
        "needs {more} more labelled decisions: it takes {least} without an error to promise this, and there are {rows}"
    )]
    TooFew {
        /// How many there are.
        rows: u64,
        /// How many it takes, all of them right.
        least: u64,
        /// How many are missing.
        more: u64,
    },
    /// There are enough, but of the most confident too many are wrong for so few.
    #[error(
        "needs about {more} more labelled decisions: {errors} of the {handled} most confident are wrong, too many for so few"
    )]
    MayBeLuck {
        /// How many were tested.
        handled: u64,
        /// How many of those were wrong.
        errors: u64,
        /// How many are missing, if those to come are as these.
        more: u64,
    },
    /// Too many are wrong for any number of labels.
    #[error(
        "no number of labelled decisions helps: {errors} of the {handled} most confident are wrong, which is more than the risk \
         allows"
    )]
    TooManyErrors {
        /// How many were tested.
        handled: u64,
        /// How many of those were wrong.
        errors: u64,
    },
}

impl Promise {
    fn check(&self, rows: u64) -> Result<(), DeferralError> {
        if !(self.risk > 0.0 && self.risk < 1.0) {
            return Err(DeferralError::Risk(self.risk));
        }
        if !(self.delta > 0.0 && self.delta < 0.5) {
            return Err(DeferralError::Delta(self.delta));
        }
        if let Some(horizon) = self.horizon.filter(|horizon| !(1..=MOST_ROWS).contains(horizon)) {
            return Err(DeferralError::Horizon(horizon));
        }
        if rows > MOST_ROWS {
            return Err(DeferralError::TooMany(rows));
        }
        Ok(())
    }

    /// Returns the probability of an error that is tested, and the level of the test.
    fn test(&self) -> Test {
        let Some(horizon) = self.horizon else { return Test { risk: self.risk, level: self.delta } };
        let level = self.delta / 2.0;
        let allowed = whole((self.risk * horizon as f64).floor()).min(horizon - 1);
        // More than allowed are wrong where fewer than the others are right.
        let breaks = |risk: f64| binomial_tail(horizon - allowed - 1, horizon, 1.0 - risk) > level;
        let (mut low, mut high) = (0.0, self.risk);
        for _ in 0..BISECTIONS {
            let middle = f64::midpoint(low, high);
            if breaks(middle) { high = middle } else { low = middle }
        }
        Test { risk: low, level }
    }
}

/// What each threshold is tested for.
#[derive(Clone, Copy, Debug)]
struct Test {
    risk: f64,
    level: f64,
}

impl Test {
    fn keeps(self, errors: u64, handled: u64) -> bool {
        binomial_tail(errors, handled, self.risk) <= self.level
    }

    /// Returns the least number of handled decisions that passes with so many errors; `None` where [`MOST_ROWS`] do not.
    ///
    /// For no error it is ln `level` / ln(1 - `risk`), rounded up: 299 for 1 % at 95 %.
    fn least_handled(self, errors: impl Fn(u64) -> u64) -> Option<u64> {
        let keeps = |handled: u64| self.keeps(errors(handled), handled);
        let mut most = 1;
        while !keeps(most) {
            if most == MOST_ROWS {
                return None;
            }
            most = (most * 2).min(MOST_ROWS);
        }
        let mut fewest = most / 2;
        while fewest + 1 < most {
            let middle = fewest.midpoint(most);
            if keeps(middle) {
                most = middle;
            } else {
                fewest = middle;
            }
        }
        Some(most)
    }

    /// Returns how many decisions the first set that is tested has at least; `least` are needed without an error.
    fn first_handled(self, rows: u64, least: u64) -> u64 {
        let sizes = (1..=FIRST_ERRORS).rev().filter_map(|errors| self.least_handled(|_| errors));
        sizes.into_iter().find(|size| *size <= rows / 2).unwrap_or(least)
    }
}

/// The labelled decisions from some confidence on.
#[derive(Clone, Copy, Debug)]
struct Set {
    handled: u64,
    errors: u64,
    /// The next lower confidence.
    above: Option<f64>,
}

impl Deferral {
    /// Returns the lowest threshold that keeps the promise, learnt from labelled decisions in any order.
    ///
    /// Time and memory grow with their number, n log n and n; there may be 1,000,000,000.
    ///
    /// # Errors
    /// What is wrong with the input; or how many labelled decisions are missing.
    pub fn learn(decisions: &[LabelledDecision], promise: Promise) -> Result<Self, DeferralError> {
        let rows = decisions.len() as u64;
        promise.check(rows)?;
        for (index, LabelledDecision { confidence, .. }) in decisions.iter().enumerate() {
            if !confidence.is_finite() {
                return Err(DeferralError::Confidence { row: index + 1, confidence: *confidence });
            }
        }
        let test = promise.test();
        let least = test.least_handled(|_| 0).ok_or(DeferralError::OutOfReach)?;
        if rows < least {
            return Err(DeferralError::TooFew { rows, least, more: least - rows });
        }
        let sets = sets(decisions);
        let first = test.first_handled(rows, least);
        let mut kept = None;
        // What was allowed of a smaller set is allowed of a greater one.
        let mut allowed = None;
        for set in sets.iter().filter(|set| set.handled >= first) {
            if allowed.is_none_or(|allowed| set.errors > allowed) {
                if !test.keeps(set.errors, set.handled) {
                    break;
                }
                allowed = Some(set.errors);
            }
            kept = Some(*set);
        }
        let Some(Set { handled, errors, above }) = kept else {
            return Err(refusal(&sets, test, first, least));
        };
        Ok(Self { promise, above, rows, handled, errors })
    }

    /// Returns whether a decision of this confidence may be left to the agent; never where it is not a number.
    pub fn handles(&self, confidence: f64) -> bool {
        confidence.is_finite() && self.above.is_none_or(|above| confidence > above)
    }

    /// Returns the share of labelled decisions that is handled, 0 to 1.
    pub fn coverage(&self) -> f64 {
        self.handled as f64 / self.rows as f64
    }
}

/// Returns every set of the most confident decisions, the smallest first; decisions of one confidence are together.
fn sets(decisions: &[LabelledDecision]) -> Vec<Set> {
    let mut sorted = decisions.to_vec();
    sorted.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut sets = Vec::new();
    let (mut handled, mut errors) = (0, 0);
    let mut rest = sorted.iter().peekable();
    while let Some(decision) = rest.next() {
        handled += 1;
        errors += u64::from(!decision.is_correct);
        let above = rest.peek().map(|next| next.confidence);
        if above.is_none_or(|next| next < decision.confidence) {
            sets.push(Set { handled, errors, above });
        }
    }
    sets
}

/// Says how many labelled decisions are missing if those to come are as the most confident ones of these.
fn refusal(sets: &[Set], test: Test, first: u64, least: u64) -> DeferralError {
    let rows = sets.last().map_or(0, |all| all.handled);
    let fits = sets.iter().position(|set| set.handled >= first).map_or(sets.len(), |index| index + 1);
    let tried = sets.get(..fits).unwrap_or_default();
    let (handled, errors) = tried.last().map_or((0, 0), |set| (set.handled, set.errors));
    let more = |set: &Set| {
        let rate = set.errors as f64 / set.handled as f64;
        if set.handled < least || rate >= test.risk {
            return None;
        }
        let needed = test.least_handled(|handled| whole((rate * handled as f64).ceil()))?.max(first);
        let all = whole((needed as f64 * rows as f64 / set.handled as f64).ceil());
        Some(all.saturating_sub(rows).max(1))
    };
    // Some dozens of sets say enough.
    let step = (tried.len() / 32).max(1);
    let fewest = tried.iter().rev().step_by(step).filter_map(more).min();
    match fewest {
        Some(more) => DeferralError::MayBeLuck { handled, errors, more },
        None => DeferralError::TooManyErrors { handled, errors },
    }
}

/// Returns a number of decisions, which is not negative and far below 2^53.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of decisions, rounded")]
fn whole(count: f64) -> u64 {
    count as u64
}

/// Returns ln of the binomial coefficient.
fn ln_choose(all: f64, some: f64) -> f64 {
    libm::lgamma(all + 1.0) - libm::lgamma(some + 1.0) - libm::lgamma(all - some + 1.0)
}

/// Returns P(X <= errors) for a binomial X; 1 where the errors are not fewer than expected.
fn binomial_tail(errors: u64, handled: u64, risk: f64) -> f64 {
    let (errors, handled) = (errors as f64, handled as f64);
    if errors >= risk * handled {
        return 1.0;
    }
    let log = ln_choose(handled, errors) + errors * risk.ln() + (handled - errors) * (-risk).ln_1p();
    let (mut index, mut term, mut sum) = (errors, log.exp(), 0.0);
    while index >= 0.0 && term > sum * 1e-17 {
        sum += term;
        term *= index / (handled - index + 1.0) * (1.0 - risk) / risk;
        index -= 1.0;
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tails_are_those_that_are_computed_by_hand() {
        // 0.9^10 and 0.9^10 + 10 * 0.1 * 0.9^9.
        assert!((binomial_tail(0, 10, 0.1) - 0.9_f64.powi(10)).abs() < 1e-14);
        let one = 0.9_f64.powi(30) + 30.0 * 0.1 * 0.9_f64.powi(29);
        assert!((binomial_tail(1, 30, 0.1) - one).abs() < 1e-13);
        assert!((binomial_tail(3, 10, 0.1) - 1.0).abs() < f64::EPSILON, "no fewer than expected");
    }

    #[test]
    fn more_labelled_decisions_than_can_be_tested_are_refused_with_the_limit() {
        let promise = Promise { risk: 0.01, delta: 0.05, horizon: Some(MOST_ROWS) };
        assert_eq!(promise.check(MOST_ROWS), Ok(()));
        let error = promise.check(MOST_ROWS + 1).unwrap_err();
        assert_eq!(error.to_string(), "1000000001 labelled decisions; at most 1000000000 can be tested");
    }

    #[test]
    fn a_longer_horizon_asks_for_less_and_half_of_delta_remains() {
        let promise = |horizon| Promise { risk: 0.01, delta: 0.05, horizon: Some(horizon) };
        for (horizon, expected) in [(100, 0.002_43), (3_750, 0.007_18), (1_000_000_000, 0.009_99)] {
            let Test { risk, level } = promise(horizon).test();
            assert!((level - 0.025).abs() < f64::EPSILON);
            assert!((risk - expected).abs() < 0.000_02, "{horizon}: {risk}");
        }
        // Of 100 at most one: 0.9975^100 + 100 * 0.0025 * 0.9975^99 is about 0.975.
        let Test { risk, .. } = promise(100).test();
        let kept = (1.0 - risk).powi(100) + 100.0 * risk * (1.0 - risk).powi(99);
        assert!((kept - 0.975).abs() < 1e-9, "{kept}");
    }
}
