//! The whole matrix of control state and event, written out once: what a vehicle's gate makes of everything that can
//! happen to it in each of its states. The same table stands in `docs/takeover.md`.

#[path = "support/matrix.rs"]
#[allow(dead_code, reason = "its words stand in the documentation")]
mod matrix;
#[path = "support/rig.rs"]
#[allow(dead_code, reason = "each file of scripts uses a part of it")]
mod rig;

use matrix::{EVENTS, MATRIX, happens};
use rig::Rig;
use watchkeeper_model::ControlState;

#[test]
fn everything_that_happens_in_every_state_leads_where_the_matrix_says() {
    let mut wrong = Vec::new();
    for state in ControlState::ALL {
        let row = MATRIX.iter().find(|(of, _)| of == state).unwrap_or_else(|| panic!("no row for {state}"));
        for (event, expected) in EVENTS.iter().zip(row.1) {
            let mut rig = Rig::in_state(*state);
            happens(&mut rig, *event);
            if rig.state() != expected {
                wrong.push(format!("{state} + {event:?}: {} instead of {expected}", rig.state()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
