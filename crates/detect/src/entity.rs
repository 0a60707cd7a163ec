//! Payments by entity: what this customer usually spends, how often, and what is known of this terminal.
//!
//! A profile of each customer and each terminal, of the past only and of bounded size; how odd a payment is comes from how
//! rarely one was as odd before, counted over all customers. No label is needed for that ([`Assessment::score`]). Where people
//! judge payments afterwards, their verdicts, as late as they come, say which terminals and customers to look at and how much
//! each kind of evidence is worth ([`Assessment::risk`]).
//!
//! The windows of 1, 7 and 30 days and the delay of verdicts follow the Fraud Detection Handbook (Le Borgne et al. 2022,
//! chapter 3); ours are decaying counts in place of sliding windows, so that a profile has the same size whatever happens.
//!
//! | what | bound | when full |
//! |---|---|---|
//! | profiles of customers | [`MAX_ENTITIES`] | the one not used for longest is forgotten |
//! | profiles of terminals | the same | the same |

mod amounts;
mod profiles;
mod tail;
mod verdicts;
mod weights;

use amounts::Amounts;
use profiles::Profiles;
use std::{fmt, ops::Range};
use tail::Tail;
use verdicts::Verdicts;
use weights::Weights;

/// Most customers, and most terminals, of which a profile is kept: below 300 bytes each, with the maps around them.
pub const MAX_ENTITIES: usize = 100_000;
/// From so many nats on an amount is rare, one payment in 55, and very rare, one in 400: what it is worth may change there.
const RARE: f64 = 4.0;
const VERY_RARE: f64 = 6.0;
/// What is not in nats is brought to about their size: payments a day are divided, shares of verdicts multiplied.
const RATES: f64 = 5.0;
const SHARES: f64 = 5.0;
/// Kinds of evidence, the constant included.
pub const EVIDENCE: usize = 15;

/// A payment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Payment {
    /// When, in seconds since whatever the stream counts from. What is earlier than the last
    /// one, or no number, counts as at the same time.
    pub at_secs: f64,
    /// Whose.
    pub customer: u64,
    /// Where.
    pub terminal: u64,
    /// How much. What is not finite is not judged, and nothing is learnt from it.
    pub amount: f64,
}

/// Why a payment is odd, with the figures that a person can check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// More than this customer spends.
    Customer {
        /// How much.
        amount: f64,
        /// What the customer spends on average.
        usual: f64,
    },
    /// More than anybody spends.
    Everybody {
        /// How much.
        amount: f64,
        /// One payment in so many is as large.
        one_in: f64,
    },
    /// Verdicts on the terminal.
    Terminal {
        /// Payments there that were judged to be fraud, lately.
        frauds: f64,
        /// Payments there that were judged, lately.
        judged: f64,
    },
    /// Verdicts on the customer.
    History {
        /// The customer's payments that were judged to be fraud, lately.
        frauds: f64,
        /// The customer's payments that were judged, lately.
        judged: f64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer { amount, usual } => {
                write!(f, "{amount:.2}, this customer usually spends {usual:.2}")
            }
            Self::Everybody { amount, one_in } => {
                write!(f, "{amount:.2}: one payment in {one_in:.0} is as large")
            }
            Self::Terminal { frauds, judged } => {
                write!(f, "{frauds:.1} of {judged:.1} payments judged lately at this terminal were fraud")
            }
            Self::History { frauds, judged } => {
                write!(f, "{frauds:.1} of {judged:.1} payments judged lately of this customer were fraud")
            }
        }
    }
}

/// What is known of a payment when it is made: to be handed back with the verdict on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence([f64; EVIDENCE]);

/// What is made of a payment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// How odd it is, from 0 to 1: the share of payments that are less odd. No verdict went into it.
    pub score: f64,
    /// How likely it is to be fraud, from 0 to 1, by all verdicts so far; `None` as long as there are none.
    pub risk: Option<f64>,
    /// What makes it odd, or likely to be fraud where there are verdicts; `None` where nothing does.
    pub reason: Option<Reason>,
    /// For the verdict.
    pub evidence: Evidence,
}

/// Profiles of all customers and terminals of one stream of payments.
#[derive(Clone, Debug)]
pub struct Payments {
    customers: Profiles<Customer>,
    terminals: Profiles<Verdicts>,
    by_customer: Tail,
    by_everybody: Tail,
    weights: Weights,
    now_secs: f64,
}

#[derive(Clone, Debug, Default)]
struct Customer {
    amounts: Amounts,
    verdicts: Verdicts,
}

impl Default for Payments {
    fn default() -> Self {
        Self::new(MAX_ENTITIES)
    }
}

impl Payments {
    /// Makes the profiles of a stream of which nothing was seen: `max_entities` customers and as many terminals, at least one.
    pub fn new(max_entities: usize) -> Self {
        Self {
            customers: Profiles::new(max_entities),
            terminals: Profiles::new(max_entities),
            by_customer: Tail::new(),
            by_everybody: Tail::new(),
            weights: Weights::new(),
            now_secs: f64::MIN,
        }
    }

    /// Takes a payment; returns what it is by all that was before it.
    pub fn handle_payment(&mut self, payment: &Payment) -> Assessment {
        if !payment.amount.is_finite() {
            let evidence = Evidence([0.0; EVIDENCE]);
            return Assessment { score: 0.0, risk: None, reason: None, evidence };
        }
        let now = self.advance(payment.at_secs);
        let customer = self.customers.get_or_new(payment.customer);
        let usual = customer.amounts.mean();
        let by_customer = self.by_customer.take(customer.amounts.deviations(payment.amount));
        let by_everybody = self.by_everybody.take(payment.amount);
        customer.amounts.take(payment.amount, now);
        let [day, week, month] = customer.amounts.rates_a_day();
        let terminal = self.terminals.get_or_new(payment.terminal);
        let [week_there, month_there] = terminal.log_odds(now);
        let [week_own, month_own] = customer.verdicts.log_odds(now);
        let evidence = Evidence([
            1.0,
            by_customer,
            (by_customer - RARE).max(0.0),
            (by_customer - VERY_RARE).max(0.0),
            by_everybody,
            (by_everybody - RARE).max(0.0),
            (by_everybody - VERY_RARE).max(0.0),
            week_there,
            month_there,
            terminal.last_few(now) * SHARES,
            week_own,
            month_own,
            customer.verdicts.last_few(now) * SHARES,
            (day - month).clamp(-5.0, 10.0) / RATES,
            (week - month).clamp(-5.0, 10.0) / RATES,
        ]);
        let risk = self.weights.probability(&evidence.0);
        let [frauds, judged] = terminal.lately(now);
        let there = Reason::Terminal { frauds, judged };
        let [frauds, judged] = customer.verdicts.lately(now);
        // Without verdicts the odder of the two amounts; with them, what adds most to the risk.
        let share = |kinds: Range<usize>, alone: f64| match risk {
            Some(_) => self.weights.share(&evidence.0, kinds),
            None => alone,
        };
        // Of equals the last counts: what is known of the customer himself.
        let lead = [
            (share(10..13, 0.0), Reason::History { frauds, judged }),
            (share(7..10, 0.0), there),
            (
                share(4..7, by_everybody),
                Reason::Everybody { amount: payment.amount, one_in: by_everybody.exp() },
            ),
            (share(1..4, by_customer), Reason::Customer { amount: payment.amount, usual }),
        ]
        .into_iter();
        let lead = lead.filter(|(share, _)| *share > 0.0).max_by(|(a, _), (b, _)| a.total_cmp(b));
        Assessment {
            score: 1.0 - (-by_customer.max(by_everybody)).exp(),
            risk,
            reason: lead.map(|(_, reason)| reason),
            evidence,
        }
    }

    /// Takes the verdict on an earlier payment, at the time at which it comes; what was not judged teaches nothing.
    pub fn handle_verdict(&mut self, payment: &Payment, evidence: &Evidence, is_fraud: bool, now_secs: f64) {
        if !payment.amount.is_finite() {
            return;
        }
        let now = self.advance(now_secs);
        self.weights.learn(&evidence.0, is_fraud);
        self.terminals.get_or_new(payment.terminal).take(is_fraud, now);
        self.customers.get_or_new(payment.customer).verdicts.take(is_fraud, now);
    }

    /// Returns how many profiles are kept, of customers and of terminals.
    pub fn entities(&self) -> (usize, usize) {
        (self.customers.len(), self.terminals.len())
    }

    fn advance(&mut self, at_secs: f64) -> f64 {
        if at_secs.is_finite() {
            self.now_secs = self.now_secs.max(at_secs);
        }
        self.now_secs
    }
}
