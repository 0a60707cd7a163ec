//! The cells of the table of roles that hang on what an agent is doing: its stop, its lock-out, how long its task may last.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks at a few messages of many"
)]

#[path = "rig/rig.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod rig;

use rig::{
    Rig, VEHICLE, ms,
    shift::{ADA, SUE, connected_to, fall_back_alone},
};
use watchkeeper_model::{
    Access, AgentKind, CommandArgs, CommandKind, CommandState, ControlState, Epoch, Label, LatchCause, Note,
    OperatorRole, Permission, Reach, Role, Scope, TaskVerb,
};

/// The console under test, beside those of the rig.
const EVE: u64 = 7;

/// Seats somebody in a role, for these agents, with a token that is over or not, and looks at what comes of what she does.
fn may(
    (rig, role, scope, expired): (&mut Rig, OperatorRole, &str, bool),
    (kind, args): (CommandKind, CommandArgs),
    is_done: impl Fn(&Rig) -> bool,
) -> bool {
    let acts_until = expired.then(|| rig.now());
    let scope = Scope::new([scope]).unwrap();
    rig.connect_with(EVE, "eve", Access { role, scope, token_id: Some(Label::cut("7d0c")), acts_until });
    assert!(!is_done(rig), "it is still to be done");
    let id = rig.command_under(EVE, kind, args, Epoch(0));
    rig.run(ms(400));
    let (state, done) = (rig.command_state(id), is_done(rig));
    assert_eq!(state == Some(CommandState::Rejected) || state.is_none(), !done, "{role} {state:?}");
    done
}

/// Each cell of a permission: role, scope and end of the token; `act` makes its rig and says whether it was done.
fn check(permission: Permission, act: impl Fn(OperatorRole, &str, bool) -> bool) {
    for role in OperatorRole::ALL {
        let has_it = permission.reach(Role::from(*role)) == Reach::Scope;
        for (scope, expired, allows) in
            [("vehicle-*", false, true), ("truck-*", false, false), ("*", true, false)]
        {
            let done = act(*role, scope, expired);
            assert_eq!(done, has_it && allows, "{permission}: {role}, {scope}, expired {expired}");
        }
    }
}

fn latch_of(rig: &Rig, cause: LatchCause) -> CommandArgs {
    CommandArgs {
        latch_id: Some(rig.latch(cause)),
        reason: Some(Note::cut("looked at it")),
        ..CommandArgs::default()
    }
}

#[test]
fn whose_role_and_scope_say_so_clears_the_latch_of_a_stop_until_the_token_ends() {
    check(Permission::ClearEstop, |role, scope, expired| {
        let mut rig = connected_to(AgentKind::Vehicle);
        rig.stop(ADA, VEHICLE, false);
        rig.standstill = true;
        rig.run(ms(600));
        assert_eq!(rig.state(), ControlState::Estopped);
        let args = latch_of(&rig, LatchCause::Estop);
        let is_done = |rig: &Rig| rig.state() == ControlState::SafeHeld;
        may((&mut rig, role, scope, expired), (CommandKind::ClearLatch, args), is_done)
    });
}

#[test]
fn whose_role_and_scope_say_so_ends_a_lock_out_until_the_token_ends() {
    check(Permission::EndLockOut, |role, scope, expired| {
        let mut rig = connected_to(AgentKind::Vehicle);
        for _ in 0..2 {
            fall_back_alone(&mut rig);
            let args = latch_of(&rig, LatchCause::Fallback);
            rig.command_under(ADA, CommandKind::ClearLatch, args, Epoch(0));
            rig.run(ms(200));
            rig.standstill = false;
            rig.run(ms(4_000));
        }
        fall_back_alone(&mut rig);
        assert!(rig.status(SUE).locked_out);
        let args = latch_of(&rig, LatchCause::Fallback);
        let is_done = |rig: &Rig| !rig.status(SUE).locked_out;
        may((&mut rig, role, scope, expired), (CommandKind::ClearLatch, args), is_done)
    });
}

#[test]
fn whose_role_and_scope_say_so_lets_a_task_last_longer_than_a_day_until_the_token_ends() {
    check(Permission::LongTask, |role, scope, expired| {
        let mut rig = connected_to(AgentKind::Transaction);
        let args = CommandArgs {
            target: Some(Label::cut("payment-1")),
            ttl_nanos: Some(25 * 3_600 * 1_000_000_000),
            reason: Some(Note::cut("weekend")),
            ..CommandArgs::default()
        };
        let is_done = |rig: &Rig| !rig.tasks.is_empty();
        may((&mut rig, role, scope, expired), (CommandKind::Task(TaskVerb::HoldPayment), args), is_done)
    });
}
