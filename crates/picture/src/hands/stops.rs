//! One press stops. Only beyond five agents within ten seconds the same press must come again.

use super::{CONFIRM_WITHIN, Pressed, Said};
use crate::{Intent, view::Tone};
use std::time::Duration;
use watchkeeper_model::{AgentId, MonoTime};

/// More agents than this within [`MANY_WITHIN`] must be confirmed (`takeover.md` 2.8).
const MANY: usize = 5;
const MANY_WITHIN: Duration = Duration::from_secs(10);

/// The stops of the last seconds, and the one that waits for its confirmation.
#[derive(Clone, Debug, Default)]
pub(super) struct Stops {
    /// One entry an agent.
    lately: Vec<(AgentId, MonoTime)>,
    armed: Option<(AgentId, MonoTime)>,
}

impl Stops {
    pub(super) const fn new() -> Self {
        Self { lately: Vec::new(), armed: None }
    }

    pub(super) fn stop(&mut self, agent: &AgentId, now: MonoTime) -> Pressed {
        self.lately.retain(|(_, at)| now.since(*at) < MANY_WITHIN);
        let others = self.lately.iter().filter(|(stopped, _)| stopped != agent).count();
        let confirmed = self.armed.take().is_some_and(|(armed, until)| armed == *agent && now < until);
        let confirm_many = others >= MANY;
        if confirm_many && !confirmed {
            self.armed = Some((agent.clone(), now.after(CONFIRM_WITHIN)));
            let text = format!("more than {MANY} stops within 10 s: S again stops {agent} too");
            return Pressed::said(Tone::Danger, text);
        }
        self.lately.retain(|(stopped, _)| stopped != agent);
        self.lately.push((agent.clone(), now));
        let said = Some(Said::new(Tone::Danger, format!("sent: STOP {agent}")));
        let intent = Intent::Stop { agent: agent.clone(), reason: None, confirm_many };
        Pressed { intents: vec![intent], said }
    }

    pub(super) fn awaits(&self, now: MonoTime) -> Option<&AgentId> {
        self.armed.as_ref().filter(|(_, until)| now < *until).map(|(agent, _)| agent)
    }

    pub(super) fn disarm(&mut self) {
        self.armed = None;
    }
}
