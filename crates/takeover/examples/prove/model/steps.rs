//! What can happen next, and how it does.

use super::{
    bounds::{Bounds, TICK},
    flaws::Flaw,
    monitor::orders::Order,
    state::{Fate, Known, Link, State},
};
use watchkeeper_model::{CommandKind, CommandState, DemandOrigin, DemandOutcome, Epoch, FallbackLevel};

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The agent's clock moves on.
    Tick,
    /// The agent evaluates what is due.
    Timers,
    /// The sensors say something else.
    World(u8),
    FallBack(FallbackLevel),
    StopItself,
    /// The agent asks people.
    AskPeople,
    Reboot {
        forgets: bool,
    },
    LinkBreaks,
    Connect(usize),
    HelloArrives,
    WelcomeArrives,
    /// A monitor learns that the connection is gone.
    DropNoticed(usize),
    ReportArrives(usize),
    AckArrives {
        command: usize,
        is_end: bool,
    },
    DemandArrives(usize),
    DemandEndArrives(usize),
    GrantArrives(usize),
    VoidArrives(usize),
    HeartbeatArrives {
        who: usize,
        place: usize,
    },
    CommandArrives(usize),
    /// A monitor's clock moves on to what is due next there.
    MonitorWaits(usize),
    MonitorCrashes(usize),
    DemandRaised(usize),
    CauseClears(usize),
    Claim(usize),
    Ask(usize),
    AllowTakeover(usize),
    Yes(usize),
    PreEmpt(usize),
    Beat {
        who: usize,
        ready: bool,
        hands: bool,
    },
    Order(Order),
    Stop(usize),
}

/// Adds everything that can happen next.
pub(crate) fn offer(bounds: &Bounds, state: &State, steps: &mut Vec<Step>) {
    offer_of_agent(bounds, state, steps);
    if let Some(m) = state.link.monitor() {
        offer_arrivals(bounds, state, m, steps);
    }
    for m in 0..state.monitors.len() {
        offer_of_monitor(bounds, state, m, steps);
    }
    for who in 0..state.people.len() {
        if !has_a_double(state, who) {
            offer_of_person(bounds, state, who, steps);
        }
    }
}

fn offer_of_agent(bounds: &Bounds, state: &State, steps: &mut Vec<Step>) {
    steps.push(if state.is_due() { Step::Timers } else { Step::Tick });
    let worlds = 0..u8::try_from(bounds.worlds.len()).unwrap_or(0);
    // The same again is the agent's loop coming round: what only waits for that is done then.
    let runs = state.sent.iter().any(|sent| sent.fate == Fate::Accepted);
    steps.extend(worlds.filter(|world| runs || *world != state.world).map(Step::World));
    if state.left.own > 0 {
        steps.push(Step::FallBack(FallbackLevel::COMFORTABLE));
        steps.push(Step::StopItself);
    }
    if state.left.questions > 0 && state.gate.state().is_nominal() {
        steps.push(Step::AskPeople);
    }
    if state.left.reboots > 0 {
        steps.push(Step::Reboot { forgets: false });
    }
    if state.left.forgets > 0 {
        steps.push(Step::Reboot { forgets: true });
    }
    match state.link {
        Link::Down => steps.extend((0..state.monitors.len()).map(Step::Connect)),
        Link::Greeting(..) => steps.push(Step::HelloArrives),
        Link::Welcoming(..) => steps.push(Step::WelcomeArrives),
        Link::Welcomed(_) => {}
    }
    if state.link != Link::Down && state.left.drops > 0 {
        steps.push(Step::LinkBreaks);
    }
}

/// What may arrive at the agent from monitor `m`: before the welcome only a stop.
fn offer_arrivals(bounds: &Bounds, state: &State, m: usize, steps: &mut Vec<Step>) {
    let is_welcomed = state.hears(m);
    let commands = state
        .sent
        .iter()
        .enumerate()
        .filter(|(_, sent)| sent.from == m && sent.is_posted && !sent.is_gone(state.now));
    let heard = commands.filter(|(_, sent)| is_welcomed || sent.kind == CommandKind::Estop);
    steps.extend(heard.map(|(index, _)| Step::CommandArrives(index)));
    if !is_welcomed {
        return;
    }
    let mail = &state.mail;
    let from = |index_of: &mut dyn Iterator<Item = (usize, usize)>| -> Vec<usize> {
        index_of.filter(|(_, from)| *from == m).map(|(index, _)| index).collect()
    };
    let demands = from(&mut mail.demands.iter().map(|demand| demand.from).enumerate());
    steps.extend(demands.into_iter().map(Step::DemandArrives));
    let ends = from(&mut mail.ends.iter().map(|end| end.from).enumerate());
    steps.extend(ends.into_iter().map(Step::DemandEndArrives));
    let grants = from(&mut mail.grants.iter().map(|grant| grant.from).enumerate());
    steps.extend(grants.into_iter().map(Step::GrantArrives));
    let voids = from(&mut mail.voids.iter().map(|(from, _)| *from).enumerate());
    steps.extend(voids.into_iter().map(Step::VoidArrives));
    for (who, person) in state.people.iter().enumerate().filter(|(_, person)| person.monitor == m) {
        let places = if bounds.overtaking { 0..2 } else { 1..2 };
        let sent = places.filter(|place| person.beats.get(*place).is_some_and(Option::is_some));
        steps.extend(sent.map(|place| Step::HeartbeatArrives { who, place }));
    }
}

fn offer_of_monitor(bounds: &Bounds, state: &State, m: usize, steps: &mut Vec<Step>) {
    let monitor = state.monitor(m);
    if monitor.due().is_some() {
        steps.push(Step::MonitorWaits(m));
    }
    if state.left.crashes > 0 {
        steps.push(Step::MonitorCrashes(m));
    }
    if !monitor.is_connected {
        return;
    }
    if !state.hears(m) {
        steps.push(Step::DropNoticed(m));
    }
    if state.link.monitor() == Some(m) {
        let places = if bounds.overtaking { 0..2 } else { 1..2 };
        let sent = places.filter(|place| state.reports.get(*place).is_some_and(Option::is_some));
        steps.extend(sent.map(Step::ReportArrives));
    }
    steps.extend((0..state.sent.len()).filter_map(|command| acknowledgement(state, m, command)));
    if state.left.demands > 0 && state.can_be_asked(m) {
        steps.push(Step::DemandRaised(m));
    }
    if state.can_self_clear(m) {
        steps.push(Step::CauseClears(m));
    }
}

/// The acknowledgement of a command, where it still tells its monitor anything that matters there.
fn acknowledgement(state: &State, m: usize, command: usize) -> Option<Step> {
    let sent = state.sent.get(command).filter(|sent| sent.from == m && sent.known != Known::Forgotten)?;
    let monitor = state.monitor(m);
    let is_next = monitor.book.next().is_some_and(|next| next.lease.epoch == sent.epoch);
    let holds = monitor.book.lease().is_some_and(|lease| lease.epoch == sent.epoch);
    let latched = monitor.latches.iter().any(|latch| sent.names(latch.latch_id));
    let (is_end, matters) = match sent.kind {
        CommandKind::Engage => (true, latched || (is_next && sent.known == Known::Open)),
        CommandKind::ClearLatch => (false, latched),
        CommandKind::Release => (false, holds || is_next),
        CommandKind::HandBack => (false, monitor.book.wish().is_some() || monitor.book.next().is_some()),
        _ => return None,
    };
    let has_left = match sent.fate {
        Fate::Unseen => false,
        Fate::Refused(_) => is_end,
        Fate::Accepted => !is_end,
        Fate::Ended(_) => true,
    };
    (matters && has_left).then_some(Step::AckArrives { command, is_end })
}

/// Returns whether somebody before `who` could do the same and, like him, has done nothing yet: which of the two begins
/// makes no difference.
fn has_a_double(state: &State, who: usize) -> bool {
    let is_fresh =
        |who: usize| state.person(who).epoch == Epoch(0) && state.sent.iter().all(|sent| sent.by != who);
    let kind = |who: usize| (state.person(who).monitor, state.person(who).is_supervisor);
    is_fresh(who) && (0..who).any(|other| is_fresh(other) && kind(other) == kind(who))
}

fn offer_of_person(bounds: &Bounds, state: &State, who: usize, steps: &mut Vec<Step>) {
    let person = state.person(who);
    let book = &state.monitor(person.monitor).book;
    let holds = book.lease().is_some_and(|lease| lease.session == person.session);
    if state.left.grants > 0 {
        steps.push(Step::Claim(who));
        if state.left.asks > 0 && book.wish().is_none() {
            steps.push(Step::Ask(who));
        }
        if holds && book.wish().is_some() {
            steps.push(Step::Yes(who));
        }
        let allows = book.lease().is_some_and(|lease| lease.takeover_allowed);
        if holds && !allows && bounds.asks > 0 {
            steps.push(Step::AllowTakeover(who));
        }
        if state.left.preempts > 0 && person.is_supervisor {
            steps.push(Step::PreEmpt(who));
        }
    }
    if person.epoch.0 > 0 {
        steps.push(Step::Beat { who, ready: true, hands: false });
        if bounds.unready {
            steps.push(Step::Beat { who, ready: false, hands: false });
        }
        if bounds.hands {
            steps.push(Step::Beat { who, ready: true, hands: true });
        }
    }
    if state.left.orders > 0 {
        steps.extend(state.orders(bounds, who).into_iter().map(Step::Order));
    }
    if state.left.stops > 0 {
        steps.push(Step::Stop(who));
    }
}

impl State {
    /// The agent's clock moves on, and what is too late to arrive at all is lost for good.
    fn pass(&mut self, bounds: &Bounds) {
        self.now = self.now.after(TICK);
        let now = self.now;
        if self.is_due() && !bounds.tardy {
            self.evaluate_timers();
        }
        for beat in self.people.iter_mut().flat_map(|person| &mut person.beats) {
            beat.take_if(|beat| now >= beat.deadline.after(bounds.late));
        }
    }

    /// Does it; returns whether anything came of it.
    pub(crate) fn take(&mut self, bounds: &Bounds, flaw: Flaw, step: Step) -> bool {
        match step {
            Step::Tick => self.pass(bounds),
            Step::Timers => self.evaluate_timers(),
            Step::World(world) => self.change_world(bounds, world),
            Step::FallBack(level) => {
                self.left.own -= 1;
                self.fall_back(level);
            }
            Step::StopItself => {
                self.left.own -= 1;
                self.stop_itself();
            }
            Step::AskPeople => {
                self.left.questions -= 1;
                self.ask_people();
            }
            Step::Reboot { forgets } => {
                let left = if forgets { &mut self.left.forgets } else { &mut self.left.reboots };
                *left -= 1;
                self.reboot(bounds, forgets);
            }
            Step::LinkBreaks => {
                self.left.drops -= 1;
                self.lose_link();
            }
            Step::Connect(m) => self.connect(m),
            Step::HelloArrives => {
                let Link::Greeting(m, hello) = self.link.clone() else { return false };
                self.take_hello(m, &hello);
            }
            Step::WelcomeArrives => {
                let Link::Welcoming(m, welcome) = self.link.clone() else { return false };
                self.take_welcome(m, &welcome, flaw);
            }
            Step::DemandArrives(index) => {
                let Some(demand) = self.mail.demands.get(index).copied() else { return false };
                self.take_demand(demand);
            }
            Step::DemandEndArrives(index) => {
                let Some(end) = self.mail.ends.get(index).copied() else { return false };
                self.take_demand_end(end);
            }
            Step::GrantArrives(index) => {
                let Some(grant) = self.mail.grants.get(index).copied() else { return false };
                self.take_grant(grant, flaw);
            }
            Step::VoidArrives(index) => {
                let Some((_, epoch)) = self.mail.voids.get(index).copied() else { return false };
                self.take_void(epoch);
            }
            Step::HeartbeatArrives { who, place } => self.take_beat(who, place, flaw),
            Step::CommandArrives(index) => self.take_command(index, flaw),
            step => return self.take_elsewhere(bounds, step),
        }
        true
    }

    /// What happens at a monitor.
    fn take_elsewhere(&mut self, bounds: &Bounds, step: Step) -> bool {
        match step {
            Step::DropNoticed(m) => self.notice_drop(m),
            Step::ReportArrives(place) => {
                let Some(report) = self.reports.get(place).cloned().flatten() else { return false };
                let Some(m) = self.link.monitor() else { return false };
                self.take_report(m, &report);
            }
            Step::AckArrives { command, is_end } => {
                let Some(fate) = self.sent.get(command).map(|sent| sent.fate) else { return false };
                let state = match fate {
                    Fate::Ended(state) if is_end => state,
                    Fate::Refused(_) if is_end => CommandState::Rejected,
                    Fate::Unseen | Fate::Refused(_) | Fate::Accepted | Fate::Ended(_) => {
                        CommandState::Accepted
                    }
                };
                self.take_ack(command, state);
            }
            Step::MonitorWaits(m) => self.pass_time(m),
            Step::MonitorCrashes(m) => {
                self.left.crashes -= 1;
                self.crash(m);
            }
            Step::DemandRaised(m) => {
                self.left.demands -= 1;
                self.raise_demand(m, DemandOrigin::Monitor);
            }
            Step::CauseClears(m) => self.end_demand(m, DemandOutcome::SelfCleared),
            step => return self.take_of_person(bounds, step),
        }
        true
    }

    /// What a person does.
    fn take_of_person(&mut self, bounds: &Bounds, step: Step) -> bool {
        let granted = self.history.minted;
        let done = match step {
            Step::Claim(who) => self.claim(self.person(who).monitor, who),
            Step::Ask(who) => {
                self.left.asks -= 1;
                self.ask(self.person(who).monitor, who)
            }
            Step::Yes(who) => self.say_yes(self.person(who).monitor),
            Step::AllowTakeover(who) => self.allow_takeover(self.person(who).monitor, who),
            Step::PreEmpt(who) => {
                self.left.preempts -= 1;
                self.pre_empt(self.person(who).monitor, who)
            }
            Step::Beat { who, ready, hands } => self.beat(who, ready, hands),
            Step::Order(order) => {
                self.left.orders -= 1;
                return self.order(bounds, order);
            }
            Step::Stop(who) => {
                self.left.stops -= 1;
                self.stop(who);
                true
            }
            _ => false,
        };
        if self.history.minted != granted {
            self.left.grants -= 1;
        }
        done
    }
}
