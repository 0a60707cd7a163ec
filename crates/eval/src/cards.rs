//! Card payments of the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot and Bontempi 2022): simulated customers,
//! terminals and three scenarios of fraud, judged as the handbook judges them.
//!
//! A week is trained on; the verdicts on the week after it are still out; the week after that is the test. Cards that are
//! known to be compromised by then are not in it ([`Split`], the handbook's `get_train_test_set`). Scenarios: 1, an amount
//! above 220; 2, every payment at a terminal for 28 days; 3, a third of a customer's payments for 14 days, five times as large.

mod metrics;
mod read;
mod split;

pub use metrics::{Judged, average_precision, card_precision, roc_auc};
pub use read::{CardsError, Transaction, read};
pub use split::{DELAY_DAYS, Split, TEST_DAYS, TRAIN_DAYS};
