//! A session of the SDK on threads of its own, and what wakes the window when something came.

use super::Drained;
use anyhow::Context;
use bevy::winit::{EventLoopProxy, WinitUserEvent};
use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};
use watchkeeper_client::{Intent, Operator, OperatorEvent, OperatorOptions, Wake};
use watchkeeper_model::{AgentId, AlertId, MonoTime, Setpoint};
use watchkeeper_picture::{Picture, Said, view::Tone};
use watchkeeper_protocol::{ToOperator, session::ErrorCode};

/// How long the monitor may take to let the session in before the console gives up.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long what was sent may take to leave at the end.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// Most messages that one frame folds: a thousand agents at 10 Hz for a fifth of a second.
const MESSAGES_A_FRAME: usize = 2_048;

/// Wakes a window that waits, once for all that came since its last frame.
#[derive(Clone, Default)]
pub struct Waker(Arc<Wakes>);

#[derive(Default)]
struct Wakes {
    pending: AtomicBool,
    window: OnceLock<EventLoopProxy<WinitUserEvent>>,
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}

impl Waker {
    /// Names the window to wake, once it exists.
    pub(crate) fn set_window(&self, window: EventLoopProxy<WinitUserEvent>) {
        // A second window changes nothing: there is one.
        self.0.window.set(window).unwrap_or_default();
        self.wake();
    }

    /// Asks for a frame, unless one is asked for already.
    pub(crate) fn wake(&self) {
        if !self.0.pending.swap(true, Ordering::AcqRel)
            && let Some(window) = self.0.window.get()
        {
            // A window that is gone needs no frame.
            window.send_event(WinitUserEvent::WakeUp).unwrap_or_default();
        }
    }

    /// Takes note that a frame has begun: what comes from now on asks for another.
    fn clear(&self) {
        self.0.pending.store(false, Ordering::Release);
    }
}

pub(super) struct Live {
    operator: Option<Operator>,
    runtime: Runtime,
    waker: Waker,
    /// Why the connection was lost, as the person was told last.
    lost: Option<String>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("lost", &self.lost).finish_non_exhaustive()
    }
}

impl Live {
    /// Starts the session, and waits until it is welcomed.
    pub(super) fn connect(mut options: OperatorOptions) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("operator")
            .enable_all()
            .build()
            .context("starting the thread of the session")?;
        let waker = Waker::default();
        let woken = waker.clone();
        options.wake = Some(Wake::new(move || woken.wake()));
        let mut operator = {
            let _inside = runtime.enter();
            Operator::connect(options)
        };
        runtime.block_on(welcomed(&mut operator))?;
        Ok(Self { operator: Some(operator), runtime, waker, lost: None })
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    pub(super) fn picture(&self) -> &Picture {
        self.session().picture()
    }

    pub(super) fn drain(&mut self) -> Drained {
        self.waker.clear();
        let mut drained = Drained::default();
        for _ in 0..MESSAGES_A_FRAME {
            let Some(event) = self.session_mut().try_next() else { return drained };
            if let OperatorEvent::Message(message) = &event {
                let at = self.picture().last_message_at();
                drained.came |= at.is_some();
                drained.news.extend(at.filter(|_| is_news(message)));
            }
            drained.said.extend(self.say(event));
        }
        drained.more = true;
        drained
    }

    /// Returns what the person must be told of an event. The picture says whether there is a connection; why
    /// there is none, and what the monitor did not take, only the event says.
    fn say(&mut self, event: OperatorEvent) -> Option<Said> {
        match event {
            OperatorEvent::Connected { .. } => {
                let was_lost = self.lost.take().is_some();
                was_lost.then(|| Said { tone: Tone::Own, text: "connected again".to_owned() })
            }
            OperatorEvent::Disconnected { reason } => {
                let text = format!("NO CONNECTION: {reason}. What you see is old; trying again");
                let is_news = self.lost.as_ref() != Some(&text);
                self.lost = Some(text.clone());
                // A line of its own over the whole window says it for as long as it is so; this says why.
                is_news.then_some(Said { tone: Tone::Warning, text })
            }
            OperatorEvent::Refused(report) => {
                Some(Said { tone: Tone::Danger, text: format!("NOT TAKEN: {}", report.message) })
            }
            OperatorEvent::Ended => Some(Said { tone: Tone::Danger, text: "THE SESSION IS OVER".to_owned() }),
            OperatorEvent::Message(_) => None,
        }
    }

    pub(super) fn act(&mut self, intent: Intent) -> Result<(), String> {
        self.session_mut().act(intent).map(drop).map_err(|error| error.to_string())
    }

    pub(super) fn beat(&mut self, ready: bool, driving: Option<(&AgentId, Setpoint)>) {
        match driving {
            Some((agent, setpoint)) => self.session_mut().heartbeat_driving(ready, agent, setpoint),
            None => self.session_mut().heartbeat(ready),
        };
    }

    /// `assume`: the frame showed every agent that changes hands now.
    pub(super) fn presented(&mut self, alerts: &[AlertId], assume: bool, at: MonoTime) {
        let operator = self.session_mut();
        if operator.picture().is_current() {
            operator.presented_at(alerts, at);
        }
        if assume {
            operator.assume_due();
        }
    }

    fn session(&self) -> &Operator {
        self.operator.as_ref().expect("the session is taken only when this is dropped")
    }

    fn session_mut(&mut self) -> &mut Operator {
        self.operator.as_mut().expect("the session is taken only when this is dropped")
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let Some(operator) = self.operator.take() else { return };
        let closing = async { tokio::time::timeout(CLOSE_WITHIN, operator.close()).await };
        if self.runtime.block_on(closing).is_err() {
            tracing::warn!("the network did not take what was sent last");
        }
    }
}

const fn is_news(message: &ToOperator) -> bool {
    match message {
        ToOperator::Alert(_)
        | ToOperator::CommandStatus(_)
        | ToOperator::Lease(_)
        | ToOperator::Takeover(_) => true,
        ToOperator::Welcome(_)
        | ToOperator::Snapshot(_)
        | ToOperator::Error(_)
        | ToOperator::ControlStatus(_)
        | ToOperator::Telemetry(_)
        | ToOperator::Roster(_)
        | ToOperator::Dropped(_)
        | ToOperator::Health(_)
        | ToOperator::Head(_)
        | ToOperator::Ping(_)
        | ToOperator::Probed(_)
        | ToOperator::Access(_) => false,
    }
}

/// Waits until the monitor has welcomed the session.
async fn welcomed(operator: &mut Operator) -> anyhow::Result<()> {
    let mut last_reason = "nothing answered".to_owned();
    let welcome = async {
        loop {
            match operator.next().await {
                OperatorEvent::Connected { .. } => return Ok(()),
                OperatorEvent::Disconnected { reason } => last_reason = reason,
                OperatorEvent::Refused(report) if report.code == ErrorCode::Unauthorised => {
                    anyhow::bail!(
                        "the monitor did not let us in: {}. A monitor makes a new token at each start: give the \
                         file that `watchkeeper serve` printed with --token-file FILE",
                        report.message.to_string().trim_end_matches('.')
                    );
                }
                OperatorEvent::Refused(report) => last_reason = report.message.to_string(),
                OperatorEvent::Message(_) => {}
                OperatorEvent::Ended => anyhow::bail!("the session ended before it began"),
            }
        }
    };
    match tokio::time::timeout(CONNECT_WITHIN, welcome).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => anyhow::bail!(
            "the monitor did not let us in within {} s: {last_reason}. Is `watchkeeper serve` running, and is it \
             the one of --connect and --token-file?",
            CONNECT_WITHIN.as_secs()
        ),
    }
}
