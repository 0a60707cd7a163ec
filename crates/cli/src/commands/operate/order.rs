//! What a script may ask for: one JSON object a line.

use serde::Deserialize;
use serde_json::Value;
use watchkeeper_model::{
    AgentId, AlertId, ControlState, DemandId, FallbackLevel, LatchId, MAX_SHELVED, Note, SceneId, Verdict,
};

/// One line of a script.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Given back with the answer; the script's own.
    pub(super) id: Option<Value>,
    /// What to do.
    pub(super) order: Order,
}

/// What to do. Where `agent` may be left out, it is the one that was claimed or waited for last.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Order {
    /// Have the lease.
    Claim { agent: Option<AgentId> },
    /// Take control; without `latches` it names all that are held but an ESTOP's.
    Engage { agent: Option<AgentId>, latches: Option<Vec<LatchId>> },
    /// Stop comfortably and stand.
    Hold { agent: Option<AgentId> },
    /// Drive at most `mps`.
    SpeedCap { agent: Option<AgentId>, mps: f64 },
    /// Go on after a hold, without a cap.
    Resume { agent: Option<AgentId> },
    /// Let the agent drive again.
    HandBack { agent: Option<AgentId> },
    /// Give the lease up.
    Release { agent: Option<AgentId> },
    /// Call the demand a false alarm.
    Dismiss { agent: Option<AgentId>, reason: Note },
    /// Release a latch; without `latch_id` the first one that this role may.
    ClearLatch { agent: Option<AgentId>, latch_id: Option<LatchId>, reason: Note },
    /// Answer a question of the agent with one of its options, counted from 0; without `scene_id` the only open one.
    Decide { agent: Option<AgentId>, scene_id: Option<SceneId>, option: u8 },
    /// Say that the holder, somebody else, may hand back though the cause is still there.
    Waive { agent: Option<AgentId>, reason: Note },
    /// Take a held or stopped agent out of service (supervisors).
    Suspend { agent: Option<AgentId>, reason: Note },
    /// Bring it back into service; it stays held (supervisors).
    Reinstate { agent: Option<AgentId>, reason: Note },
    /// Go to the minimal-risk condition, level 1 to 3.
    MinimalRisk { agent: Option<AgentId>, level: FallbackLevel },
    /// Give the agent's own software a task, written as people write it: `freeze_card card-7 2h`.
    Task { agent: Option<AgentId>, task: String },
    /// Take note of an alert.
    Acknowledge { alert_id: AlertId },
    /// Put an alert aside for a while.
    Shelve {
        alert_id: AlertId,
        reason: Note,
        #[serde(default = "default_shelved_secs")]
        for_secs: f64,
    },
    /// Take an alert back before its time.
    Unshelve { alert_id: AlertId },
    /// Ask the holder for control; with `preempt` a supervisor takes it, which needs a reason.
    RequestHandover {
        agent: Option<AgentId>,
        #[serde(default)]
        preempt: bool,
        reason: Option<Note>,
    },
    /// Answer who asks for control; without `request_id` whoever asks now.
    AnswerHandover { agent: Option<AgentId>, request_id: Option<u64>, accept: bool },
    /// Say whether others may take over without asking.
    AllowTakeover { agent: Option<AgentId>, allowed: bool },
    /// Say what a takeover was: real, false_alarm, late or unclear.
    Label { demand_id: DemandId, verdict: Verdict },
    /// Stop the agent at once (ESTOP).
    Stop {
        agent: Option<AgentId>,
        reason: Option<Note>,
        #[serde(default)]
        confirm_many: bool,
    },
    /// Print how every agent, or one, is.
    Status { agent: Option<AgentId> },
    /// Take no further line until something is so, or the time is up.
    Wait {
        #[serde(rename = "for")]
        condition: Condition,
        #[serde(default = "default_timeout_secs")]
        timeout_secs: f64,
    },
    /// End the session, as at the end of the input.
    Quit,
}

/// What to wait for; everything that is given must hold at once, for one agent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "`condition_reached` is its name everywhere")]
pub(super) struct Condition {
    /// Which agent; without it the one that was claimed or waited for last, and before there is one, any. The one
    /// that is found is the agent of the lines that follow.
    #[serde(default)]
    pub(super) agent: Option<AgentId>,
    /// Any agent will do, also when one was claimed or waited for before.
    #[serde(default)]
    pub(super) any: bool,
    /// Its control state.
    #[serde(default)]
    pub(super) state: Option<ControlState>,
    /// Its lease is this session's (`mine`), nobody's (`none`), or this session's as soon as it engages (`next`).
    #[serde(default)]
    pub(super) lease: Option<LeaseWanted>,
    /// An active alert asks for a takeover (`takeover`), there is any active one (`any`), or none that asks for a
    /// takeover (`none`).
    #[serde(default)]
    pub(super) alert: Option<AlertWanted>,
    /// The last command of this session to the agent has ended (`terminal`), or its effect is confirmed (`completed`).
    #[serde(default)]
    pub(super) command: Option<CommandWanted>,
    /// The agent says whether it could go on by itself.
    #[serde(default)]
    pub(super) can_resume: Option<bool>,
    /// The minimal-risk condition is reached, as its sensors confirm.
    #[serde(default)]
    pub(super) condition_reached: Option<bool>,
    /// Somebody asks its holder for control.
    #[serde(default)]
    pub(super) handover: Option<bool>,
    /// It is offline.
    #[serde(default)]
    pub(super) offline: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LeaseWanted {
    Mine,
    Next,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AlertWanted {
    Takeover,
    Any,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CommandWanted {
    Terminal,
    Completed,
}

const fn default_timeout_secs() -> f64 {
    30.0
}

const fn default_shelved_secs() -> f64 {
    3_600.0
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        let object =
            value.as_object_mut().ok_or("a line is one JSON object, for example {\"do\":\"status\"}")?;
        let id = object.remove("id");
        let order: Order = serde_json::from_value(value).map_err(|error| error.to_string())?;
        if let Order::Wait { timeout_secs, .. } = &order
            && !(timeout_secs.is_finite() && (0.0..=86_400.0).contains(timeout_secs))
        {
            return Err(format!("timeout_secs is {timeout_secs}: it lies between 0 and 86400"));
        }
        if let Order::Shelve { for_secs, .. } = &order
            && !(for_secs.is_finite() && *for_secs > 0.0 && *for_secs <= MAX_SHELVED.as_secs_f64())
        {
            return Err(format!("for_secs is {for_secs}: it lies between 0 and {}", MAX_SHELVED.as_secs()));
        }
        Ok(Self { id, order })
    }
}

impl Order {
    /// Returns the word of the order.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Claim { .. } => "claim",
            Self::Engage { .. } => "engage",
            Self::Hold { .. } => "hold",
            Self::SpeedCap { .. } => "speed_cap",
            Self::Resume { .. } => "resume",
            Self::HandBack { .. } => "hand_back",
            Self::Release { .. } => "release",
            Self::Dismiss { .. } => "dismiss",
            Self::ClearLatch { .. } => "clear_latch",
            Self::Decide { .. } => "decide",
            Self::Waive { .. } => "waive",
            Self::Suspend { .. } => "suspend",
            Self::Reinstate { .. } => "reinstate",
            Self::MinimalRisk { .. } => "minimal_risk",
            Self::Task { .. } => "task",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Shelve { .. } => "shelve",
            Self::Unshelve { .. } => "unshelve",
            Self::RequestHandover { .. } => "request_handover",
            Self::AnswerHandover { .. } => "answer_handover",
            Self::AllowTakeover { .. } => "allow_takeover",
            Self::Label { .. } => "label",
            Self::Stop { .. } => "stop",
            Self::Status { .. } => "status",
            Self::Wait { .. } => "wait",
            Self::Quit => "quit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> Order {
        Line::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).order
    }

    #[test]
    fn every_order_of_the_manual_is_understood() {
        let agent = Some(AgentId::new("vehicle-3").unwrap());
        assert_eq!(order(r#"{"do":"claim","agent":"vehicle-3"}"#), Order::Claim { agent: agent.clone() });
        assert_eq!(order(r#"{"do":"speed_cap","mps":5}"#), Order::SpeedCap { agent: None, mps: 5.0 });
        assert_eq!(
            order(r#"{"do":"clear_latch","agent":"vehicle-3","latch_id":7,"reason":"checked"}"#),
            Order::ClearLatch { agent, latch_id: Some(LatchId(7)), reason: Note::cut("checked") }
        );
        let waiting = order(r#"{"do":"wait","for":{"alert":"takeover"},"timeout_secs":5}"#);
        let condition = Condition { alert: Some(AlertWanted::Takeover), ..Condition::default() };
        assert_eq!(waiting, Order::Wait { condition, timeout_secs: 5.0 });
        for text in [
            r#"{"do":"engage"}"#,
            r#"{"do":"hold"}"#,
            r#"{"do":"resume"}"#,
            r#"{"do":"hand_back"}"#,
            r#"{"do":"release"}"#,
            r#"{"do":"dismiss","reason":"shadow"}"#,
            r#"{"do":"decide","option":0}"#,
            r#"{"do":"decide","agent":"a","scene_id":3,"option":1}"#,
            r#"{"do":"waive","agent":"a","reason":"known"}"#,
            r#"{"do":"suspend","reason":"tyres"}"#,
            r#"{"do":"reinstate","reason":"done"}"#,
            r#"{"do":"minimal_risk","level":2}"#,
            r#"{"do":"task","agent":"a","task":"freeze_card card-7 2h"}"#,
            r#"{"do":"acknowledge","alert_id":1}"#,
            r#"{"do":"shelve","alert_id":1,"reason":"dirt","for_secs":600}"#,
            r#"{"do":"unshelve","alert_id":1}"#,
            r#"{"do":"request_handover","agent":"a"}"#,
            r#"{"do":"request_handover","preempt":true,"reason":"he sleeps"}"#,
            r#"{"do":"answer_handover","accept":true}"#,
            r#"{"do":"allow_takeover","allowed":true}"#,
            r#"{"do":"label","demand_id":1,"verdict":"false_alarm"}"#,
            r#"{"do":"wait","for":{"lease":"next","handover":false}}"#,
            r#"{"do":"stop","agent":"a","confirm_many":true}"#,
            r#"{"do":"status"}"#,
            r#"{"do":"wait","for":{"state":"human","lease":"mine","command":"completed"}}"#,
            r#"{"do":"quit"}"#,
        ] {
            let word = serde_json::from_str::<Value>(text).unwrap()["do"].as_str().unwrap().to_owned();
            assert_eq!(order(text).word(), word);
        }
    }

    #[test]
    fn the_id_of_a_line_is_kept_for_its_answer() {
        assert_eq!(Line::parse(r#"{"do":"quit","id":[1]}"#).unwrap().id, Some(serde_json::json!([1])));
    }

    #[test]
    fn a_line_that_is_wrong_says_what_is_wrong() {
        for (text, reason) in [
            ("hold", "not JSON"),
            ("[1]", "one JSON object"),
            (r#"{"do":"fly"}"#, "unknown variant `fly`"),
            (r#"{"agent":"a"}"#, "missing field `do`"),
            (r#"{"do":"speed_cap"}"#, "missing field `mps`"),
            (r#"{"do":"hold","agnet":"a"}"#, "unknown field `agnet`"),
            (r#"{"do":"hold","agent":"a b"}"#, "found ' '"),
            (r#"{"do":"minimal_risk","level":9}"#, "a fallback level is 0, 1, 2 or 3"),
            (r#"{"do":"wait","for":{"state":"flying"}}"#, "flying"),
            (r#"{"do":"wait","for":{},"timeout_secs":-1}"#, "between 0 and 86400"),
            (r#"{"do":"shelve","alert_id":1,"reason":"x","for_secs":28801}"#, "between 0 and 28800"),
            (r#"{"do":"shelve","alert_id":1}"#, "missing field `reason`"),
        ] {
            let error = Line::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
