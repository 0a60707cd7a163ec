//! What stands before a task for an agent's own software (`takeover.md` 3.2), beyond what stands before every command.

use super::authority::Refusal;
use crate::agent::Agent;
use std::time::Duration;
use watchkeeper_model::{CommandArgs, CommandCode, OperatorRole, Permission, TaskArg, TaskVerb};

/// The longest that an operator may let a task last, and a supervisor (`takeover.md` 3.2, "capped by role"): ours.
const LONGEST: Duration = Duration::from_hours(24);
const SUPERVISORS_LONGEST: Duration = Duration::from_hours(7 * 24);

/// The task is one that this agent does, with what it needs, and lasts no longer than the person may make it (3.2).
pub(super) fn check_task(
    agent: &Agent,
    role: OperatorRole,
    verb: TaskVerb,
    args: &CommandArgs,
) -> Result<(), Refusal> {
    if !agent.tasks.contains(&verb) {
        let detail = format!("{} does no {verb}", agent.id);
        return Err((CommandCode::Unsupported, detail));
    }
    if let Err(need) = verb.check(args) {
        let detail = format!("{verb} needs {}: {}", need.word(), verb.usage());
        return Err((CommandCode::Denied, detail));
    }
    let longest = if role.may(Permission::LongTask) { SUPERVISORS_LONGEST } else { LONGEST };
    let ttl = verb.needs().contains(&TaskArg::Ttl).then_some(args.ttl_nanos).flatten();
    if ttl.is_some_and(|nanos| Duration::from_nanos(nanos) > longest) {
        let detail = format!(
            "{role} may let {verb} last {} h at most (rule: longest task)",
            longest.as_secs() / 3_600
        );
        return Err((CommandCode::Denied, detail));
    }
    Ok(())
}
