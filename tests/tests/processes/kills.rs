//! Kill -9 of the monitor at random moments of takeovers, and its restart on the same data, again and again.

mod checks;
mod roles;

use crate::{
    ghost::Old,
    rig::{MARGIN, Rig, T_LINK, is_fallen, now},
};
use anyhow::{Context, Result, ensure};
use checks::{LAST_WORDS, ON_ITS_WAY};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use roles::{Actor, Role};
use std::{collections::BTreeMap, thread, time::Duration};
use watchkeeper_model::{AgentId, AgentTime, CommandCode, ControlState, Epoch};

/// How often, unless the environment says otherwise.
const KILLS: u32 = 10;
/// How long everybody has to get where he belongs before the kill; it falls into wherever the others are.
const PLACED_WITHIN: Duration = Duration::from_millis(2_500);
/// From how many kills on each phase must have been hit.
const MANY: u32 = 200;
/// How fast the vehicles like to drive: fast enough to tell a stop from none, slow enough to stop soon.
const SPEED_MPS: f64 = 5.0;
/// Who may lead, by desk; at the last one sits a supervisor, who lets go of the fallbacks.
const PEOPLE: [(&str, &str); 4] =
    [("ada", "operator"), ("bea", "operator"), ("cleo", "operator"), ("sue", "supervisor")];
const SUPERVISOR: usize = PEOPLE.len() - 1;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}

#[test]
fn whatever_moment_the_monitor_is_killed_at_nobody_drives_twice_and_nothing_is_lost() -> Result<()> {
    let kills = setting("WATCHKEEPER_KILLS").map_or(KILLS, |kills| u32::try_from(kills).unwrap());
    let seed = setting("WATCHKEEPER_KILLS_SEED").unwrap_or_else(rand::random);
    println!("WATCHKEEPER_KILLS={kills} WATCHKEEPER_KILLS_SEED={seed}");
    let mut run = Run::start(seed)?;
    for kill in 1..=kills {
        run.round(kill).with_context(|| format!("kill {kill} of {kills}, seed {seed}"))?;
    }
    run.finish(kills)
}

struct Run {
    rig: Rig,
    random: StdRng,
    /// Who was ordered to keep a speed cap, in the order of giving.
    caps: Vec<AgentId>,
    steers: u32,
    phases: BTreeMap<&'static str, u32>,
    /// From kill to fallback where a person was in control: without a monitor, and with one that was soon back.
    fell_after: [Vec<Duration>; 2],
    held_after: Vec<Duration>,
    /// What was over a limit because the machine kept a vehicle waiting.
    excused: Vec<Duration>,
    refused: BTreeMap<(CommandCode, bool), u32>,
}

impl Run {
    fn start(seed: u64) -> Result<Self> {
        let mut rig = Rig::start(Role::ALL.len(), SPEED_MPS, &PEOPLE)?;
        rig.seat_hands()?;
        Ok(Self {
            rig,
            random: StdRng::seed_from_u64(seed),
            caps: Vec::new(),
            steers: 0,
            phases: BTreeMap::new(),
            fell_after: Default::default(),
            held_after: Vec::new(),
            excused: Vec::new(),
            refused: BTreeMap::new(),
        })
    }

    fn round(&mut self, kill: u32) -> Result<()> {
        let mut actors = self.cast()?;
        self.place(&mut actors)?;
        let killed_at = self.kill(&mut actors)?;
        let olds = self.old_authority(&actors, killed_at)?;
        self.rig.book.read(self.rig.monitor.data.path())?;
        self.rig.book.check(&self.rig.told)?;
        for actor in &actors {
            *self.phases.entry(checks::phase(actor, &self.rig, killed_at)?).or_default() += 1;
        }
        // In turn: a monitor that is back before anybody misses it, and one that is away for longer than T_link.
        let is_dark = kill % 5 == 2;
        if is_dark {
            let away = T_LINK + MARGIN + Duration::from_millis(self.random.random_range(100..900));
            self.rig.pass(now().until(killed_at.after(away)))?;
        } else {
            self.rig.pass(Duration::from_millis(self.random.random_range(0..200)))?;
        }
        self.rig.restart_monitor()?;
        self.come_home(&actors, killed_at)?;
        self.judge(&actors, killed_at, is_dark)?;
        for refusal in self.rig.haunt(&olds)? {
            ensure!(refusal.is_of_authority(), "{refusal}");
            *self.refused.entry((refusal.code, refusal.by_the_agent)).or_default() += 1;
        }
        Ok(())
    }

    /// Gives every vehicle a role that it can be brought to from where it is.
    fn cast(&mut self) -> Result<Vec<Actor>> {
        let vehicles = self.rig.fleet.vehicles().to_vec();
        let mut roles = Role::ALL.to_vec();
        roles.shuffle(&mut self.random);
        let mut actors = Vec::new();
        for vehicle in vehicles {
            let state = self.rig.fleet.state(&vehicle).context("the vehicle is there")?;
            let fits = |role: &Role| match state {
                ControlState::Autonomous => true,
                ControlState::Requested => !matches!(role, Role::Free | Role::Asked),
                _ => role.begins_in_a_fallback(),
            };
            // Where nothing is left that fits, it is let go first, or waits.
            let index = roles.iter().position(fits).unwrap_or(0);
            let role = roles.remove(index);
            let holder = self.random.random_range(0..SUPERVISOR);
            let other = (holder + 1) % SUPERVISOR;
            self.steers += 1;
            let steer = f64::from(self.steers) / 1_000_000.0;
            actors.push(Actor::new(vehicle, role, (holder, other), steer));
        }
        Ok(actors)
    }

    /// Brings every vehicle to its role, as far as that is possible in time.
    fn place(&mut self, actors: &mut [Actor]) -> Result<()> {
        let end = now().after(PLACED_WITHIN);
        let mut released_at = AgentTime::default();
        while now() < end && !actors.iter().all(|actor| actor.is_placed) {
            let release = now().since(released_at) > Duration::from_millis(300);
            if release {
                released_at = now();
            }
            self.advance(actors, release)?;
        }
        let end = now().after(Duration::from_millis(self.random.random_range(0..700)));
        while now() < end {
            self.advance(actors, false)?;
        }
        Ok(())
    }

    fn advance(&mut self, actors: &mut [Actor], release: bool) -> Result<()> {
        for actor in actors {
            let is_held = self.rig.fleet.state(actor.vehicle()) == Some(ControlState::SafeHeld);
            if is_held && !actor.role.begins_in_a_fallback() {
                if release {
                    let reason = serde_json::json!({"reason": "the test goes on"});
                    self.rig.desks[SUPERVISOR].order("clear_latch", actor.vehicle(), reason)?;
                }
            } else {
                actor.advance(&mut self.rig, &mut self.caps)?;
            }
        }
        self.rig.pass(Duration::from_millis(5))
    }

    /// Kills the monitor; some orders leave in the last milliseconds before.
    fn kill(&mut self, actors: &mut [Actor]) -> Result<AgentTime> {
        let mut last_words: Vec<(Duration, usize)> = (0..actors.len())
            .map(|index| (self.random.random_range(Duration::ZERO..LAST_WORDS), index))
            .collect();
        last_words.sort_unstable();
        let kill_at = now().after(LAST_WORDS);
        for (before, index) in last_words.into_iter().rev() {
            thread::sleep(now().until(kill_at.before(before)));
            actors[index].speak_last(&mut self.rig)?;
        }
        thread::sleep(now().until(kill_at));
        self.rig.monitor.program.kill();
        let killed_at = now();
        if let Some(hands) = &self.rig.hands {
            hands.drive(None);
        }
        self.rig.pass(ON_ITS_WAY * 2)?;
        Ok(killed_at)
    }

    fn old_authority(&self, actors: &[Actor], killed_at: AgentTime) -> Result<Vec<Old>> {
        let mut olds = Vec::new();
        for actor in actors {
            let then = self.rig.fleet.at(actor.vehicle(), killed_at)?;
            if then.epoch > Epoch(0) {
                let (agent, boot_id, epoch) = (actor.vehicle().clone(), then.boot_id, then.epoch);
                olds.push(Old { agent, boot_id, epoch, at: killed_at });
            }
        }
        Ok(olds)
    }

    /// Waits until everybody is back, and whoever fell back stands.
    fn come_home(&mut self, actors: &[Actor], killed_at: AgentTime) -> Result<()> {
        let mut unsteady: Vec<&Actor> = actors.iter().collect();
        self.rig.until_after("everybody is back, and stands or drives by itself", |rig| {
            // Who would only wait to be steady must not be, until he has lost his authority.
            let waits = |rig: &Rig, actor: &Actor| {
                let state = rig.fleet.state(actor.vehicle());
                state.is_some_and(|state| state.is_driven() || state == ControlState::InTransition)
            };
            let (still, lost): (Vec<&Actor>, Vec<&Actor>) =
                unsteady.iter().copied().partition(|actor| waits(rig, actor));
            for actor in lost {
                rig.fleet.steady(actor.vehicle(), true)?;
            }
            unsteady = still;
            let at_rest = |actor: &Actor| {
                matches!(
                    rig.fleet.state(actor.vehicle()),
                    Some(ControlState::Autonomous | ControlState::Requested | ControlState::SafeHeld)
                )
            };
            Ok(now() > killed_at.after(ON_ITS_WAY) && rig.is_settled() && actors.iter().all(at_rest))
        })
    }

    fn judge(&mut self, actors: &[Actor], killed_at: AgentTime, is_dark: bool) -> Result<()> {
        let until = now();
        for actor in actors {
            let outcome = checks::check(&self.rig.fleet, actor, killed_at, until)?;
            self.fell_after[usize::from(!is_dark)].extend(outcome.fell.map(|fell| fell.took));
            self.held_after.extend(outcome.held.map(|held| held.took));
            let excused = [outcome.fell, outcome.held].into_iter().flatten().map(|measured| measured.excused);
            self.excused.extend(excused.filter(|span| !span.is_zero()));
        }
        ensure!(
            actors.iter().all(|actor| self.rig.fleet.state(actor.vehicle()).is_some_and(|state| {
                is_fallen(state) || matches!(state, ControlState::Autonomous | ControlState::Requested)
            })),
            "somebody leads without having been asked to"
        );
        Ok(())
    }

    /// Checks everything once more, over the whole run, and prints the figures.
    fn finish(mut self, kills: u32) -> Result<()> {
        self.rig.monitor.program.kill();
        self.rig.pass(ON_ITS_WAY)?;
        self.rig.book.read(self.rig.monitor.data.path())?;
        self.rig.book.check(&self.rig.told)?;
        let (orders, unrecorded) = checks::check_all(&self.rig.fleet, &self.rig.book, &self.caps)?;
        let replayed = self.rig.replay_record()?;
        let runs = replayed.lines().filter(|line| line.starts_with("run ")).count();
        println!("{}\n{runs} runs of the monitor replay identically", self.rig.verify_record()?.trim());
        println!("what the kills fell into, over all vehicles:");
        for (phase, count) in &self.phases {
            println!("  {count:>6}  {phase}");
        }
        let missed = checks::PHASES.iter().find(|phase| !self.phases.contains_key(*phase));
        ensure!(kills < MANY || missed.is_none(), "no kill fell into {missed:?}");
        for (what, spans) in ["monitor away", "monitor back at once"].iter().zip(&mut self.fell_after) {
            println!("kill to FALLBACK, {what}: {}", distribution(spans));
        }
        println!("FALLBACK to SAFE_HELD: {}", distribution(&mut self.held_after));
        println!(
            "over a limit because this machine kept the vehicle waiting: {}",
            distribution(&mut self.excused)
        );
        println!(
            "orders under old epochs, by refusal and whether the agent itself said it: {:?}",
            self.refused
        );
        let told = &self.rig.told;
        println!(
            "looked up in the record: {} heads, {} grants, {} logged commands, {} runs of decisions; {} commands \
             accepted, {orders} speed caps seen at the vehicles, 0 under two epochs, 0 lost; {unrecorded} of them \
             left at once and were killed with the monitor before they were on record",
            told.heads.len(),
            told.grants.len(),
            told.logged.len(),
            told.durable.len(),
            self.rig.book.accepted(),
        );
        Ok(())
    }
}

fn distribution(spans: &mut [Duration]) -> String {
    spans.sort_unstable();
    let at = |share: usize| spans.get(spans.len() * share / 100).copied().unwrap_or_default();
    let last = spans.last().copied().unwrap_or_default();
    format!(
        "{} times, p50 {:.3} s, p95 {:.3} s, max {:.3} s",
        spans.len(),
        at(50).as_secs_f64(),
        at(95).as_secs_f64(),
        last.as_secs_f64()
    )
}
