//! One takeover as a waterfall: each stage with its span, its error bar, its budget, and a bar in time.

use crate::{
    record::HOW_UNKNOWN,
    stages::{owner, span},
};
use std::{fmt::Write, time::Duration};
use watchkeeper_model::{MonoTime, Stage, StageOwner, machine_budget};
use watchkeeper_picture::view::waterfall::{Measured, ends, extent, is_engaged, measure, moment, sum};
use watchkeeper_protocol::record::{Moment, TakeoverRecord};

/// Characters of a bar that spans the whole takeover.
const BAR: usize = 44;
/// The moments (`takeover.md` 3.3).
const MOMENTS: [&str; 12] = [
    "event at the source",
    "ingested",
    "detected",
    "alert emitted",
    "in the console's socket",
    "frame presented",
    "acknowledged",
    "decision issued",
    "at the monitor",
    "at the agent",
    "accepted by the agent",
    "effect confirmed",
];

/// Returns the takeover in words, figures and bars.
pub(super) fn text(takeover: &TakeoverRecord) -> String {
    let mut text = String::new();
    head(&mut text, takeover).expect("a String takes every write");
    stages(&mut text, takeover).expect("a String takes every write");
    moments(&mut text, takeover).expect("a String takes every write");
    commands(&mut text, takeover).expect("a String takes every write");
    text.truncate(text.trim_end().len());
    text
}

fn head(text: &mut String, takeover: &TakeoverRecord) -> std::fmt::Result {
    let TakeoverRecord { demand_id, agent, kind, origin, .. } = takeover;
    writeln!(text, "takeover {} of {agent} ({kind}), wanted by the {origin}", demand_id.0)?;
    writeln!(text, "  why      {}", takeover.reason)?;
    let holder = takeover.holder.as_ref().map_or("nobody took it".to_owned(), |holder| {
        let epoch = takeover.epoch.map(|epoch| format!(" (lease {epoch})")).unwrap_or_default();
        format!("{holder}{epoch}")
    });
    writeln!(text, "  who      {holder}")?;
    let outcome = takeover.outcome.map_or(HOW_UNKNOWN, watchkeeper_model::DemandOutcome::word);
    let back = if takeover.handed_back_at.is_some() { ", handed back" } else { "" };
    writeln!(text, "  outcome  {outcome}{back}; the agent then was {}", takeover.final_state)?;
    if let Some(verdict) = takeover.verdict {
        let by = takeover.labelled_by.as_ref().map(|person| format!(" (by {person})")).unwrap_or_default();
        writeln!(text, "  verdict  {}{by}", verdict.word().replace('_', " "))?;
    }
    writeln!(text)
}

fn stages(text: &mut String, takeover: &TakeoverRecord) -> std::fmt::Result {
    let scale = Scale::of(takeover);
    writeln!(text, "stage    time of        span     error          budget  verdict   {}", scale.legend())?;
    let mut machine = Vec::new();
    let mut human = Vec::new();
    for stage in Stage::ALL {
        let (from, to) = ends(*stage);
        let (from, to) = (moment(takeover, from), moment(takeover, to));
        let measured = measure(takeover, *stage);
        match stage.owner() {
            StageOwner::Machine => machine.push(measured),
            StageOwner::Human => human.push(measured),
        }
        let row = row(stage.word(), owner(stage.owner()), measured, stage.budget(takeover.kind));
        let bar = match measured {
            Measured::Absent => String::new(),
            Measured::Known { .. } | Measured::Unknown | Measured::Pending => {
                scale.bar(from, to, stage.owner())
            }
        };
        writeln!(text, "{}", format!("{row}  {bar}").trim_end())?;
    }
    // The budget of all stages says nothing about some of them.
    let is_whole = !machine.contains(&Measured::Absent);
    let budget = is_whole.then(|| machine_budget(takeover.kind));
    writeln!(text, "{}", row("machine", "total", sum(machine), budget).trim_end())?;
    writeln!(text, "{}\n", row("human", "total", sum(human), None).trim_end())
}

/// One line of the table.
fn row(name: &str, whose: &str, measured: Measured, budget: Option<(Duration, Duration)>) -> String {
    let (length, error) = match measured {
        Measured::Known { length, error } if length < error => (format!("<= {}", span(error)), String::new()),
        Measured::Known { length, error } if error.is_zero() => (span(length), String::new()),
        Measured::Known { length, error } => (span(length), format!("+-{}", span(error))),
        // A takeover in the record is over: what has not come does not come.
        Measured::Unknown | Measured::Pending => ("unknown".to_owned(), String::new()),
        Measured::Absent => return format!("{name:<8} {whose:<8} {:>36}", "does not apply"),
    };
    let no_budget = if name == "machine" { "of a part" } else { "the deadline" };
    let budget_text =
        budget.map_or_else(|| no_budget.to_owned(), |(p99, hard)| format!("{} / {}", span(p99), span(hard)));
    let verdict = verdict(measured, budget);
    format!("{name:<8} {whose:<8} {length:>10} {error:>9} {budget_text:>15}  {verdict:<8}")
}

fn verdict(measured: Measured, budget: Option<(Duration, Duration)>) -> &'static str {
    match (measured, budget) {
        (Measured::Unknown | Measured::Pending, _) => "BREACH",
        (Measured::Known { .. }, None) | (Measured::Absent, _) => "-",
        (Measured::Known { length, .. }, Some((p99, _))) if length <= p99 => "within",
        (Measured::Known { length, .. }, Some((_, hard))) if length <= hard => "over p99",
        (Measured::Known { .. }, Some(_)) => "BREACH",
    }
}

/// Says whether there can be such a moment.
fn moment_applies(takeover: &TakeoverRecord, index: usize) -> bool {
    // Up to t6 a moment is one of the alert, from t7 on one of the takeover's first command.
    if index <= 6 { takeover.alert_id.is_some() } else { is_engaged(takeover) }
}

/// Where in the width of a bar a moment lies.
struct Scale {
    from: Option<MonoTime>,
    total: Duration,
}

impl Scale {
    fn of(takeover: &TakeoverRecord) -> Self {
        let (from, to) = extent(takeover);
        let total = from.zip(to).map_or(Duration::ZERO, |(from, to)| to.since(from));
        Self { from, total }
    }

    fn legend(&self) -> String {
        format!("# machine, = human, {} in all", span(self.total))
    }

    fn column(&self, moment: Moment) -> usize {
        let Some(from) = self.from else { return 0 };
        let share = moment.at.since(from).as_nanos().saturating_mul(BAR as u128);
        usize::try_from(share / self.total.as_nanos().max(1)).unwrap_or(BAR).min(BAR)
    }

    /// Returns the bar; a span too short for a character still shows one.
    fn bar(&self, from: Option<Moment>, to: Option<Moment>, owner: StageOwner) -> String {
        let (Some(from), Some(to)) = (from, to) else { return "?".to_owned() };
        let begin = self.column(from).min(BAR - 1);
        let length = self.column(to).saturating_sub(begin).max(1);
        let mark = match owner {
            StageOwner::Machine => "#",
            StageOwner::Human => "=",
        };
        format!("{}{}", " ".repeat(begin), mark.repeat(length))
    }
}

fn moments(text: &mut String, takeover: &TakeoverRecord) -> std::fmt::Result {
    let from = takeover.moments.iter().flatten().map(|moment| moment.at).min();
    writeln!(text, "moments")?;
    for (index, name) in MOMENTS.iter().enumerate() {
        let name_and_number = format!("t{index} {name}");
        match (moment(takeover, index), from) {
            (Some(moment), Some(from)) => {
                let after = span(moment.at.since(from));
                let error = Duration::from_nanos(moment.error_nanos);
                let error = if error.is_zero() { String::new() } else { format!("  +-{}", span(error)) };
                writeln!(text, "  {name_and_number:<28} {after:>10}{error}")?;
            }
            (None, _) if !moment_applies(takeover, index) => {
                writeln!(text, "  {name_and_number:<28}  does not apply")?;
            }
            (None, _) | (Some(_), None) => writeln!(text, "  {name_and_number:<28}    unknown")?,
        }
    }
    writeln!(text)
}

fn commands(text: &mut String, takeover: &TakeoverRecord) -> std::fmt::Result {
    if takeover.commands.is_empty() {
        return writeln!(text, "no command");
    }
    writeln!(text, "commands")?;
    let from = takeover.moments.iter().flatten().map(|moment| moment.at).min();
    for command in &takeover.commands {
        let from = from.unwrap_or(command.received_at);
        let after = |at: Option<watchkeeper_model::MonoTime>| {
            at.map_or_else(|| "unknown".to_owned(), |at| span(at.since(from)))
        };
        writeln!(
            text,
            "  {:<12} {:<11} received {:>8}, accepted {:>8}, confirmed {:>8}",
            command.kind.word(),
            command.state.word(),
            after(Some(command.received_at)),
            after(command.accepted_at),
            after(command.completed_at),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeeper_model::{
        AgentId, AgentKind, AlertId, BootId, CommandId, CommandKind, CommandState, ControlState, DemandId,
        DemandOrigin, DemandOutcome, Epoch, MonoTime, Note, PersonId, Verdict,
    };
    use watchkeeper_protocol::record::TakeoverCommand;

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_nanos((1_000 + millis) * 1_000_000)
    }

    fn exact(millis: u64) -> Moment {
        Moment { at: at(millis), error_nanos: 0 }
    }

    fn peer(millis: u64) -> Moment {
        Moment { at: at(millis), error_nanos: 300_000 }
    }

    fn takeover() -> TakeoverRecord {
        let command = |kind, state, received, completed: Option<u64>| TakeoverCommand {
            command_id: CommandId(uuid::Uuid::from_u128(1)),
            kind,
            state,
            received_at: at(received),
            accepted_at: completed.map(|_| at(received + 2)),
            completed_at: completed.map(at),
        };
        TakeoverRecord {
            demand_id: DemandId(100_000_001),
            agent: AgentId::new("vehicle-4").unwrap(),
            kind: AgentKind::Vehicle,
            boot_id: BootId(uuid::Uuid::from_u128(7)),
            origin: DemandOrigin::Monitor,
            reason: Note::cut("confidence 0.45 is below 0.5\u{1b}[2J"),
            alert_id: Some(AlertId(100_000_001)),
            holder: Some(PersonId::new("anna").unwrap()),
            epoch: Some(Epoch(3)),
            outcome: Some(DemandOutcome::Human),
            demand_ended_at: Some(at(2_420)),
            granted_at: Some(at(1_700)),
            human_at: Some(at(2_420)),
            handed_back_at: Some(at(14_000)),
            final_state: ControlState::Autonomous,
            decision: None,
            moments: [
                peer(0),
                exact(1),
                exact(1),
                exact(1),
                exact(2),
                peer(300),
                exact(1_500),
                peer(2_200),
                exact(2_201),
                peer(2_210),
                peer(2_210),
                peer(2_420),
            ]
            .map(Some),
            commands: vec![
                command(CommandKind::Engage, CommandState::Completed, 2_201, Some(2_420)),
                command(CommandKind::Hold, CommandState::Completed, 3_000, Some(9_000)),
                command(CommandKind::HandBack, CommandState::Rejected, 9_500, None),
            ],
            verdict: None,
            labelled_by: None,
            over: true,
        }
    }

    #[test]
    fn a_takeover_is_told_stage_by_stage() {
        insta::assert_snapshot!(text(&takeover()));
    }

    #[test]
    fn what_is_missing_is_unknown_and_a_breach_also_in_the_total() {
        let mut takeover = takeover();
        takeover.moments[5] = None;
        let told = text(&takeover);
        let line = |name: &str| told.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        for name in ["notify", "decide", "machine", "human"] {
            assert!(line(name).contains("unknown") && line(name).contains("BREACH"), "{}", line(name));
        }
        assert!(line("command").contains("within"), "{}", line("command"));
    }

    #[test]
    fn a_wish_without_an_alert_has_no_stages_before_the_command_and_no_breach_for_them() {
        let mut takeover = takeover();
        takeover.alert_id = None;
        takeover.moments[..7].fill(None);
        let told = text(&takeover);
        let line = |name: &str| told.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        for name in ["detect", "notify", "decide", "human"] {
            assert!(line(name).ends_with("does not apply"), "{}", line(name));
        }
        assert!(line("machine").contains("220 ms") && line("machine").ends_with('-'), "{}", line("machine"));
        assert!(!told.contains("BREACH") && !told.contains("unknown\n  t1"), "{told}");
        takeover.moments[10] = None;
        let told = text(&takeover);
        let line = |name: &str| told.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        for name in ["command", "actuate", "machine"] {
            assert!(line(name).contains("unknown") && line(name).contains("BREACH"), "{}", line(name));
        }
    }

    #[test]
    fn a_demand_that_nobody_engaged_on_has_no_command_and_is_over() {
        let mut takeover = takeover();
        takeover.commands.clear();
        takeover.human_at = None;
        takeover.outcome = None;
        takeover.moments[6..].fill(None);
        let told = text(&takeover);
        let line = |name: &str| told.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        for name in ["command", "actuate"] {
            assert!(line(name).ends_with("does not apply"), "{}", line(name));
        }
        assert!(
            line("decide").contains("unknown") && line("decide").contains("BREACH"),
            "{}",
            line("decide")
        );
        assert!(line("  outcome").contains("how it ended is unknown"), "{}", line("  outcome"));
    }

    #[test]
    fn what_somebody_said_of_it_afterwards_is_told_with_his_name() {
        let mut takeover = takeover();
        assert!(!text(&takeover).contains("verdict  false"));
        takeover.verdict = Some(Verdict::FalseAlarm);
        takeover.labelled_by = Some(PersonId::new("ben").unwrap());
        assert!(text(&takeover).contains("\n  verdict  false alarm (by ben)\n\n"), "{}", text(&takeover));
    }

    #[test]
    fn a_span_below_its_error_is_only_said_to_be_no_longer_than_it() {
        let mut takeover = takeover();
        takeover.moments[11] = takeover.moments[10];
        let told = text(&takeover);
        let line = told.lines().find(|line| line.starts_with("actuate")).unwrap();
        assert!(line.contains("<= 0.60 ms"), "{line}");
    }
}
