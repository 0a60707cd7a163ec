//! A rule over time: hysteresis, delays, changes of the rules, what cannot be judged.

use crate::{Bench, decision, rules};
use std::{sync::Arc, time::Duration};
use watchkeeper_model::MonoTime;
use watchkeeper_rules::{RuleChange, RuleSet, RuleWatch, Turn};

/// Feeds one value of `speed` a second and collects what changed: when, which rule, and how.
struct Play {
    bench: Bench,
    watch: RuleWatch,
    second: u64,
    told: Vec<(u64, String, Turn)>,
    last: Vec<RuleChange>,
    unjudged: u64,
}

impl Play {
    fn new(set: Arc<RuleSet>) -> Self {
        let bench = Bench::new("truck-7", &[("speed", "m/s")]);
        let watch = RuleWatch::new(&bench.agent, bench.kind, set);
        Self { bench, watch, second: 0, told: Vec::new(), last: Vec::new(), unjudged: 0 }
    }

    fn now(&self) -> MonoTime {
        MonoTime::default().after(Duration::from_secs(self.second))
    }

    fn note(&mut self, found: Vec<RuleChange>) {
        self.told.extend(found.iter().map(|one| (self.second, one.rule.to_string(), one.turn)));
        self.last = found;
    }

    fn decide(&mut self, speeds: &[f64]) {
        for speed in speeds {
            self.second += 1;
            let decision = decision(self.second, "drive", Some(0.9), &[*speed]);
            let mut found = Vec::new();
            let now = self.now();
            self.unjudged += self.watch.handle_decision(&self.bench.facts(&decision), &mut found, now);
            self.note(found);
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.second += seconds;
        let mut found = Vec::new();
        self.watch.handle_timeout(&mut found, self.now());
        self.note(found);
    }

    fn turns(&self) -> Vec<(u64, Turn)> {
        self.told.iter().map(|(second, _, turn)| (*second, *turn)).collect()
    }
}

const WITH_HYSTERESIS: &str =
    "[[rule]]\nid = \"fast\"\nlimit = { signal = \"speed\", max = 10.0, hysteresis = 1.0 }\n";

#[test]
fn a_value_that_swings_around_a_limit_raises_one_alert() {
    let mut play = Play::new(rules(WITH_HYSTERESIS));
    for _ in 0..1_000 {
        play.decide(&[10.5, 9.5]);
    }
    assert_eq!(play.turns(), [(1, Turn::Raised)]);
    play.decide(&[9.0]);
    assert_eq!(play.turns(), [(1, Turn::Raised), (2_001, Turn::Cleared)]);
    // Without hysteresis each swing is one: it is the hysteresis that holds it.
    let mut bare = Play::new(rules(&WITH_HYSTERESIS.replace("1.0 }", "0.0 }")));
    bare.decide(&[10.5, 9.5, 10.5, 9.5]);
    assert_eq!(bare.told.len(), 4);
}

#[test]
fn an_expression_has_its_hysteresis_from_clear() {
    let set = "[[rule]]\nid = \"fast\"\nwhen = \"signals.speed > 10.0\"\nclear = \"signals.speed < 9.0\"\n";
    let mut play = Play::new(rules(set));
    for _ in 0..1_000 {
        play.decide(&[10.5, 9.5]);
    }
    play.decide(&[8.9]);
    assert_eq!(play.turns(), [(1, Turn::Raised), (2_001, Turn::Cleared)]);
}

#[test]
fn an_off_delay_holds_a_swing_of_any_size() {
    let mut play = Play::new(rules(&format!("{WITH_HYSTERESIS}off_delay_millis = 3000\n")));
    for _ in 0..100 {
        play.decide(&[20.0, 0.0, 0.0]);
    }
    assert_eq!(play.turns(), [(1, Turn::Raised)]);
    assert_eq!(play.watch.poll_timeout(), Some(MonoTime::default().after(Duration::from_secs(302))));
    play.wait(1);
    assert_eq!(play.turns().len(), 1);
    play.wait(1);
    assert_eq!(play.turns(), [(1, Turn::Raised), (302, Turn::Cleared)]);
}

#[test]
fn an_on_delay_lets_a_short_peak_pass() {
    let mut play = Play::new(rules(&format!("{WITH_HYSTERESIS}on_delay_millis = 2000\n")));
    play.decide(&[11.0, 11.0, 9.9, 11.0, 11.0, 11.0]);
    assert_eq!(play.turns(), [(6, Turn::Raised)]);
    let explanation = &play.last[0].explanation;
    assert_eq!(explanation.text.as_str(), "rule fast: speed is 11 m/s, at decision 6");
    assert!((explanation.statistic - 11.0).abs() < f64::EPSILON);
    assert!((explanation.threshold - 10.0).abs() < f64::EPSILON);
}

#[test]
fn a_missing_value_changes_nothing_and_is_said_after_a_while() {
    let mut play = Play::new(rules(WITH_HYSTERESIS));
    play.decide(&[11.0]);
    play.decide(&[f64::NAN; 9]);
    assert_eq!((play.turns(), play.unjudged), (vec![(1, Turn::Raised)], 9));
    play.decide(&[f64::NAN; 5]);
    assert_eq!(play.turns(), [(1, Turn::Raised), (11, Turn::Unjudged)]);
    play.decide(&[9.5]);
    assert_eq!(play.turns()[2..], [(16, Turn::Judged)]);
    assert_eq!(play.watch.active().count(), 1);
}

#[test]
fn a_rule_that_does_not_hold_is_not_asked_whether_it_is_over() {
    let set = "[[rule]]\nid = \"fast\"\nwhen = \"has(signals.speed) && signals.speed > 10.0\"\nclear = \"signals.speed < 9.0\"\n";
    let mut play = Play::new(rules(set));
    play.decide(&[f64::NAN; 20]);
    assert_eq!((play.turns(), play.unjudged), (vec![], 0));
    // Where it stands, it is.
    play.decide(&[11.0, f64::NAN]);
    assert_eq!((play.turns(), play.unjudged), (vec![(21, Turn::Raised)], 1));
}

#[test]
fn other_rules_go_on_where_the_old_ones_were() {
    let other = "[[rule]]\nid = \"slow\"\nlimit = { signal = \"speed\", min = 1.0 }\n";
    let mut play = Play::new(rules(&format!("{WITH_HYSTERESIS}{other}")));
    play.decide(&[11.0]);
    // The limit is another one, and the alert stands on: it is told neither as over nor again.
    let raised = WITH_HYSTERESIS.replace("10.0", "12.5");
    let mut found = Vec::new();
    play.watch.handle_rules(rules(&raised), &mut found);
    assert_eq!(found, []);
    play.decide(&[12.0]);
    assert_eq!(play.turns(), [(1, Turn::Raised)]);
    play.decide(&[11.0]);
    assert_eq!(play.turns()[1..], [(3, Turn::Cleared)]);
}

#[test]
fn a_rule_that_is_gone_leaves_no_alert_behind() {
    let mut play = Play::new(rules(WITH_HYSTERESIS));
    play.decide(&[11.0]);
    let mut found = Vec::new();
    play.watch.handle_rules(Arc::new(RuleSet::empty()), &mut found);
    assert_eq!(found.iter().map(|one| one.turn).collect::<Vec<_>>(), [Turn::Cleared]);
    play.decide(&[11.0]);
    assert_eq!(play.told.len(), 1);
}

#[test]
fn a_rule_watches_the_agents_it_names_and_no_others() {
    let named = |agent: &str| rules(&format!("{WITH_HYSTERESIS}agent = \"{agent}\"\n"));
    for (agent, raises) in [("*", 1), ("truck-*", 1), ("truck-7", 1), ("truck-70", 0), ("crane-*", 0)] {
        let mut play = Play::new(named(agent));
        play.decide(&[11.0]);
        assert_eq!(play.told.len(), raises, "{agent}");
    }
    let mut play = Play::new(rules(&format!("{WITH_HYSTERESIS}kind = \"vehicle\"\n")));
    play.decide(&[11.0]);
    assert_eq!(play.told.len(), 0);
}

#[test]
fn an_agent_that_rests_or_has_other_signals_leaves_no_alert_standing() {
    let mut play = Play::new(rules(&format!("{WITH_HYSTERESIS}off_delay_millis = 3000\n")));
    play.decide(&[11.0]);
    play.watch.handle_rest();
    play.wait(3);
    assert_eq!(play.turns(), [(1, Turn::Raised), (4, Turn::Cleared)]);
    play.decide(&[11.0]);
    let mut found = Vec::new();
    play.watch.handle_anew(&mut found);
    assert_eq!(found.iter().map(|one| one.turn).collect::<Vec<_>>(), [Turn::Cleared]);
}

#[test]
fn each_reviewed_decision_is_news() {
    let set = "[[rule]]\nid = \"look\"\ndoes = \"review\"\nwhen = \"signals.speed > 10.0\"\n";
    let mut play = Play::new(rules(set));
    play.decide(&[11.0, 12.0, 1.0, 1.0, 11.0]);
    let turns =
        [(1, Turn::Raised), (2, Turn::Cleared), (2, Turn::Raised), (3, Turn::Cleared), (5, Turn::Raised)];
    assert_eq!(play.turns(), turns);
}
