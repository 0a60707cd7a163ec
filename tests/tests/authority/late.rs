//! What comes late has no effect: held on the way, stalled in a socket, and whatever the wall clock says.

use crate::rig::{Console, PATIENCE, Site, Truck, is_long, ms, take_control, until, within, work};
use std::{process::Command, time::Duration};
use watchkeeper_client::{
    Endpoint, Intent, Mode, Operator, OperatorEvent, OperatorOptions, TokenSource, console_now,
};
use watchkeeper_model::{
    AgentId, CommandArgs, CommandCode, CommandId, CommandKind, CommandState, ControlState, Note,
    OperatorRole, PersonId,
};
use watchkeeper_protocol::{AgentMessage, ToAgent};
use watchkeeper_tests::{
    process::{Monitor, Program, watchkeeper},
    proxy::{Fate, Leg, Proxy, Rule},
    wall_clock,
};

/// Longer than a click of a console may take to a vehicle (2 s).
const HELD: Duration = Duration::from_secs(3);
const HOUR_SECS: i32 = 3_600;

/// Delays the next RESUME on its last way.
fn delays_resume() -> Rule {
    Rule::new(Leg::MonitorToAgent, Fate::Delay(HELD, HELD)).verbs(&[CommandKind::Resume]).times(1)
}

/// Brings a truck to a stand under its holder.
async fn hold<const N: usize>(consoles: &mut [Console; N], who: usize) {
    let hold = consoles[who].order(CommandKind::Hold);
    until(consoles, "a standstill", |consoles| consoles[who].fate(hold).0 == Some(CommandState::Completed))
        .await;
    // The hold changed the state: only who has seen that may resume.
    work(consoles, ms(150)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_held_for_three_seconds_on_its_way_to_the_agent_is_expired_and_moves_nothing() {
    let site = Site::open("").await;
    let truck = Truck::start(&site, "truck-1", ms(200), 1).await;
    let mut ada = [Console::open(&site, "ada", OperatorRole::Operator, truck.name(), 2)];
    assert!(take_control(&mut ada, 0, PATIENCE).await);
    hold(&mut ada, 0).await;
    truck.changes();

    truck.proxy.set_rules([delays_resume()]);
    let late = ada[0].order(CommandKind::Resume);
    until(&mut ada, "an end", |ada| ada[0].is_over(late)).await;
    assert_eq!(ada[0].fate(late), (Some(CommandState::Expired), Some(CommandCode::Expired)));
    work(&mut ada, ms(500)).await;
    let changes = truck.changes();
    assert!(changes.is_empty(), "nothing moves: {changes:?}");
    assert_eq!(truck.mode(), Mode::Human { hold: true });
    // It was the gate that said so, after the deadline on the agent's own clock.
    let [command] = &truck.proxy.commands(Leg::MonitorToAgent, CommandKind::Resume)[..] else {
        panic!("one frame, sent once");
    };
    let ToAgent::Command(command) = command.message().unwrap() else { panic!("a command") };
    let acks =
        truck.proxy.seen_where(|seen| seen.leg == Leg::AgentToMonitor && seen.command_id == Some(late));
    let [AgentMessage::Ack(ack)] = &acks.iter().map(|ack| ack.message().unwrap()).collect::<Vec<_>>()[..]
    else {
        panic!("one answer, not {acks:?}");
    };
    assert_eq!((ack.state, ack.code), (CommandState::Expired, Some(CommandCode::Expired)));
    println!("expired {:?} after its deadline", ack.at.since(command.deadline));
    assert!(ack.at >= command.deadline);

    // The same click, not held up, moves it: the silence above was not for another reason.
    let timely = ada[0].order(CommandKind::Resume);
    until(&mut ada, "an end", |ada| ada[0].is_over(timely)).await;
    assert_eq!(ada[0].fate(timely).0, Some(CommandState::Completed));
    assert_eq!(truck.mode(), Mode::Human { hold: false });
    truck.close().await;
    site.close().await;
}

/// An operator without a proxy of his own at a real monitor, and what he does.
struct Driver {
    operator: Operator,
    agent: AgentId,
}

impl Driver {
    /// Beats at 20 Hz until something is so.
    async fn until<T>(&mut self, what: &str, mut wished: impl FnMut(&Operator) -> Option<T>) -> T {
        let last = console_now().after(PATIENCE);
        loop {
            while let Some(event) = self.operator.try_next() {
                assert!(!matches!(event, OperatorEvent::Refused(_)), "{event:?}");
            }
            self.operator.assume_due();
            self.operator.heartbeat(true);
            if let Some(found) = wished(&self.operator) {
                return found;
            }
            assert!(console_now() < last, "{what} never came");
            tokio::time::sleep(ms(40)).await;
        }
    }

    async fn until_state(&mut self, state: ControlState) {
        let agent = self.agent.clone();
        self.until(state.word(), |operator| {
            let status = operator.picture().agent(&agent)?.status();
            (status.control_state == state && status.settled).then_some(())
        })
        .await;
    }

    fn order(&mut self, kind: CommandKind) -> CommandId {
        let intent = Intent::Command { agent: self.agent.clone(), kind, args: CommandArgs::default() };
        self.operator.act(intent).unwrap().unwrap()
    }

    async fn end_of(&mut self, command: CommandId) -> CommandState {
        let agent = self.agent.clone();
        let end = self
            .until("an end", |operator| {
                let mut commands = operator.picture().commands(&agent);
                commands.find(|entry| entry.command_id == command && entry.is_terminal())?.state
            })
            .await;
        let lately = console_now().after(ms(300));
        self.until("a moment", |_| (console_now() >= lately).then_some(())).await;
        end
    }

    async fn take_control(&mut self) {
        self.until_state(ControlState::Autonomous).await;
        // It drives by then.
        let moving = console_now().after(Duration::from_secs(2));
        self.until("speed", |_| (console_now() >= moving).then_some(())).await;
        self.operator.act(Intent::Claim { agent: self.agent.clone() }).unwrap();
        self.until_state(ControlState::Claimed).await;
        let agent = self.agent.clone();
        self.until("a ready lease", |operator| {
            operator.picture().agent(&agent)?.status().lease.as_ref().filter(|lease| lease.ready).map(drop)
        })
        .await;
        self.operator.act(Intent::Engage { agent: self.agent.clone(), latches: Vec::new() }).unwrap();
        self.until_state(ControlState::Human).await;
    }
}

/// Returns the last directive that a simulated vehicle logged, with the hour of its wall clock.
fn last_directive(log: &str) -> (u32, bool) {
    let line = log.lines().rfind(|line| line.contains("vehicle-1") && line.contains("mode=")).unwrap();
    let hour = line.split_once('T').and_then(|(_, clock)| clock.get(..2)).unwrap();
    (hour.parse().unwrap(), line.contains("Human { hold: true }"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_clock_that_jumps_by_an_hour_makes_no_late_resume_young_and_no_timely_one_old() {
    let monitor = Monitor::start(&[]).unwrap();
    let proxy = Proxy::start(&monitor.url, 3).unwrap();
    let mut simulate = Command::new(watchkeeper().unwrap());
    simulate
        .args([
            "simulate",
            "ring-calm",
            "--seed",
            "5",
            "--seconds",
            "120",
            "--url",
            &proxy.url(),
            "--token-file",
        ])
        .arg(&monitor.token_file)
        .env("RUST_LOG", "watchkeeper=info")
        .env_remove("XDG_RUNTIME_DIR");
    let vehicles = Program::start("vehicles", &mut simulate).unwrap();
    let endpoint = Endpoint::new(monitor.url.clone(), TokenSource::File(monitor.token_file.clone()));
    let operator = Operator::connect(OperatorOptions::new(endpoint, PersonId::new("ada").unwrap()));
    let mut ada = Driver { operator, agent: AgentId::new("vehicle-1").unwrap() };
    ada.take_control().await;
    let unchanged = last_directive(&vehicles.written()).0;

    for hours in [-1, 1] {
        let hold = ada.order(CommandKind::Hold);
        assert_eq!(ada.end_of(hold).await, CommandState::Completed);
        proxy.set_rules([delays_resume()]);
        let late = ada.order(CommandKind::Resume);
        ada.until("the way", |_| proxy.commands(Leg::MonitorToAgent, CommandKind::Resume).pop()).await;
        for pid in [vehicles.id(), monitor.program.id()] {
            if let Err(error) = wall_clock::set_ahead(pid, hours * HOUR_SECS) {
                println!("skipped: the wall clock of a process cannot be stepped here: {error:#}");
                return;
            }
        }
        assert_eq!(ada.end_of(late).await, CommandState::Expired, "{hours} h");
        assert!(last_directive(&vehicles.written()).1, "it holds: {}", vehicles.written());

        let timely = ada.order(CommandKind::Resume);
        assert_eq!(ada.end_of(timely).await, CommandState::Completed, "{hours} h");
        let (hour, holds) = last_directive(&vehicles.written());
        assert!(!holds, "it goes on: {}", vehicles.written());
        // The step was real: the vehicles' own log tells another hour.
        let expected = u32::try_from((i64::from(unchanged) + i64::from(hours)).rem_euclid(24)).unwrap();
        let (log, next) = (hour, (expected + 1) % 24);
        println!(
            "with the wall clock {hours:+} h (log: {log} h, machine: {unchanged} h): late EXPIRED, timely done"
        );
        assert!(log == expected || log == next, "the log says {log} h, not {expected} h");
        assert!(log != unchanged || unchanged == next, "the wall clock did not move");
    }
    ada.operator.close().await;
}

/// What a stalled click meets.
struct Stalled {
    end: (Option<CommandState>, Option<CommandCode>),
    state: Option<ControlState>,
}

/// Lets `click` sit in ada's socket, which the proxy does not read, for this long.
async fn stall(
    ada: &mut [Console; 1],
    click: impl FnOnce(&mut Console) -> CommandId,
    stalled: Duration,
) -> (CommandId, Stalled) {
    ada[0].proxy.stall(Leg::OperatorToMonitor);
    work(ada, ms(100)).await;
    let before = ada[0].proxy.seen_where(|seen| seen.leg == Leg::OperatorToMonitor).len();
    let clicked_at = console_now();
    let command = click(&mut ada[0]);
    work(ada, stalled).await;
    let passed = ada[0].proxy.seen_where(|seen| seen.leg == Leg::OperatorToMonitor).len() - before;
    assert_eq!(passed, 0, "nothing is read while it is stalled");
    ada[0].proxy.go_on(Leg::OperatorToMonitor);
    let told = |ada: &[Console; 1]| !ada[0].ends(command).is_empty();
    assert!(within(ada, PATIENCE, told).await, "its end never came: {:?}", ada[0].told.get(&command));
    println!("the click came through {:?} after it was made", console_now().since(clicked_at));
    work(ada, ms(500)).await;
    let end = ada[0].told[&command].last().map(|(_, update)| (Some(update.state), update.code)).unwrap();
    assert_eq!(ada[0].fate(command), end, "the picture shows what was told");
    (command, Stalled { end, state: ada[0].state() })
}

fn stall_of() -> Duration {
    if is_long() { Duration::from_secs(30) } else { Duration::from_secs(4) }
}

/// The hardest case: whoever clicked is still in control when his click arrives, since T_link is long.
#[tokio::test(flavor = "multi_thread")]
async fn a_resume_that_sat_in_a_stalled_socket_is_expired_though_its_sender_is_still_in_control() {
    let site = Site::open("[timers.vehicle]\nlink_secs = 90\n").await;
    let truck = Truck::start(&site, "truck-1", ms(200), 1).await;
    let mut ada = [Console::open(&site, "ada", OperatorRole::Operator, truck.name(), 2)];
    assert!(take_control(&mut ada, 0, PATIENCE).await);
    hold(&mut ada, 0).await;
    truck.changes();
    let (command, stalled) = stall(&mut ada, |ada| ada.order(CommandKind::Resume), stall_of()).await;
    assert_eq!(stalled.end, (Some(CommandState::Expired), Some(CommandCode::Expired)));
    assert_eq!(stalled.state, Some(ControlState::Human), "the lease lives, so only the deadline can refuse");
    assert!(truck.changes().is_empty(), "nothing moves");
    assert_eq!(truck.mode(), Mode::Human { hold: true });
    let arrived = truck.proxy.commands(Leg::MonitorToAgent, CommandKind::Resume);
    assert_eq!(arrived.iter().map(|seen| seen.command_id).collect::<Vec<_>>(), [Some(command)]);

    let timely = ada[0].order(CommandKind::Resume);
    until(&mut ada, "an end", |ada| ada[0].is_over(timely)).await;
    assert_eq!(ada[0].fate(timely).0, Some(CommandState::Completed));
    truck.close().await;
    site.close().await;
}

/// The ordinary case: T_link ends control long before, and the click is of an epoch that is closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_resume_that_sat_in_a_stalled_socket_until_its_lease_was_lost_is_refused() {
    let site = Site::open("").await;
    let truck = Truck::start(&site, "truck-1", ms(200), 1).await;
    let mut ada = [Console::open(&site, "ada", OperatorRole::Operator, truck.name(), 2)];
    assert!(take_control(&mut ada, 0, PATIENCE).await);
    hold(&mut ada, 0).await;
    let (_, stalled) = stall(&mut ada, |ada| ada.order(CommandKind::Resume), stall_of()).await;
    assert_eq!(stalled.end, (Some(CommandState::Rejected), Some(CommandCode::StaleEpoch)));
    assert_eq!(stalled.state, Some(ControlState::SafeHeld));
    assert_eq!(truck.mode(), Mode::Held);
    truck.close().await;
    site.close().await;
}

/// A click that needs no lease, so that nothing but its deadline can refuse it.
#[tokio::test(flavor = "multi_thread")]
async fn a_cleared_latch_that_sat_in_a_stalled_socket_is_expired_and_releases_nothing() {
    let site = Site::open("").await;
    let truck = Truck::start(&site, "truck-1", ms(100), 1).await;
    let mut sue = [Console::open(&site, "sue", OperatorRole::Supervisor, truck.name(), 2)];
    until(&mut sue, "a settled agent", |sue| sue[0].status().is_some_and(|status| status.settled)).await;
    let level = Some(watchkeeper_model::FallbackLevel::COMFORTABLE);
    sue[0].try_order(CommandKind::MinimalRisk, CommandArgs { level, ..CommandArgs::default() }).unwrap();
    until(&mut sue, "a safe hold", |sue| sue[0].state() == Some(ControlState::SafeHeld)).await;
    work(&mut sue, ms(150)).await;
    let clear = |sue: &mut Console| {
        let latch_id = sue.latches().first().copied();
        let reason = Some(Note::cut("looked at"));
        sue.try_order(CommandKind::ClearLatch, CommandArgs { latch_id, reason, ..CommandArgs::default() })
            .unwrap()
    };
    truck.changes();
    let (_, stalled) = stall(&mut sue, clear, stall_of()).await;
    assert_eq!(stalled.end, (Some(CommandState::Expired), Some(CommandCode::Expired)));
    assert_eq!(stalled.state, Some(ControlState::SafeHeld));
    assert!(truck.changes().is_empty(), "nothing moves");
    assert_eq!((truck.mode(), sue[0].latches().len()), (Mode::Held, 1));

    let timely = clear(&mut sue[0]);
    until(&mut sue, "an end", |sue| sue[0].is_over(timely)).await;
    assert_eq!(sue[0].fate(timely).0, Some(CommandState::Completed));
    until(&mut sue, "autonomy", |sue| sue[0].state() == Some(ControlState::Autonomous)).await;
    truck.close().await;
    site.close().await;
}
