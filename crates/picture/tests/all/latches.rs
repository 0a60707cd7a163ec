//! Which latch a person clears first.

use crate::scenes::status;
use watchkeeper_model::{AgentKind, ControlState, Latch, LatchCause, LatchId, OperatorRole};
use watchkeeper_picture::Action;

#[test]
fn the_latch_of_a_stop_is_cleared_before_what_a_fallback_left_under_it() {
    let fallback = Latch { latch_id: LatchId(5), cause: LatchCause::Fallback };
    let stop = Latch { latch_id: LatchId(6), cause: LatchCause::Estop };
    let mut agent = status("truck-17", AgentKind::Vehicle);
    agent.control_state = ControlState::Estopped;
    agent.latches = vec![fallback, stop];
    assert_eq!(Action::clearable_latch(&agent, OperatorRole::Supervisor), Some(stop));
    assert_eq!(Action::clearable_latch(&agent, OperatorRole::Operator), None);
    agent.control_state = ControlState::SafeHeld;
    agent.latches = vec![fallback];
    assert_eq!(Action::clearable_latch(&agent, OperatorRole::Operator), Some(fallback));
}
