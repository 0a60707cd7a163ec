//! One session: reads, checks, decodes, forwards; writes what the outbox holds.

use crate::{
    connection::Shared,
    denied::{Denied, Serial, is_denied},
    engine_loop::{ControlItem, TelemetryItem},
    gatekeeper::{Proof, Stranger, Trust},
    held::Held,
    identity::IdentityRefusal,
    outbox::{Batch, Outbox, too_slow},
    pace::Pace,
    refusals::Refusals,
    socket::{Incoming, Socket, WriteFailure, not_binary, report},
    spans::Span,
};
use bytes::Bytes;
use std::{ops::ControlFlow, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{sleep_until, timeout},
};
use watchkeeper_engine::{EngineInput, Framed};
use watchkeeper_identity::TokenRefusal;
use watchkeeper_model::{Access, Label, MonoTime, OperatorRole, PersonId, SessionId};
use watchkeeper_protocol::{
    AgentMessage, DecodeError, OperatorMessage,
    operator::Refresh,
    session::{ErrorCode, ErrorReport},
};

/// WebSocket pings and pongs within 10 s that a session survives; clients send one every 20 s or so.
const ECHOES: usize = 100;
/// How long the last decisions of an agent that left may take to reach the engine before it hears of the end.
const LAST_DECISIONS: Duration = Duration::from_millis(500);

/// Control messages of an agent a second, and at once: ten times what heartbeats, acks and pongs come to.
const AGENT_PACE: (u32, u32) = (200, 400);
/// The same for a console: a person who drives sends 20 heartbeats a second for each lease, and a frame's worth
/// of reports.
const OPERATOR_PACE: (u32, u32) = (400, 800);

/// Which messages the peer may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Agent,
    /// Who, in which role.
    Operator((PersonId, OperatorRole)),
}

/// What lets a peer in, for as long as nobody takes it back.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) proof: Proof,
    /// That of an agent's certificate, also where a token came beside it.
    pub(crate) serial: Option<Serial>,
}

/// How a session ends.
#[derive(Debug)]
enum End {
    /// The peer closed in good order.
    Closed,
    /// The peer is gone.
    Lost,
    /// We close it, and say why.
    Told(ErrorReport),
    /// The engine is gone: the server is at its end.
    EngineGone,
}

enum Step {
    Write(Batch),
    Read(Incoming),
    /// A held decision went to the engine.
    Forwarded,
    /// The token that a message waited for is there.
    Token,
    /// Keys came or went, or something was revoked.
    Trust,
}

/// A session and what it works with.
#[derive(Debug)]
pub(crate) struct Session {
    shared: Arc<Shared>,
    id: SessionId,
    side: Side,
    /// What lets the peer in.
    credentials: Credentials,
    /// Change when that may no longer do so; `None` where nothing can.
    trust: Option<watch::Receiver<Arc<Trust>>>,
    denied: Option<Denied>,
    socket: Socket,
    outbox: Outbox,
    held: Held,
    pace: Pace,
    /// A control message that came too fast, and when it may go on; until then nothing more is read.
    paused: Option<(EngineInput, MonoTime)>,
    refusals: Refusals,
    echoes: Refusals,
}

impl Session {
    pub(crate) fn new(
        shared: Arc<Shared>,
        id: SessionId,
        (side, credentials): (Side, Credentials),
        socket: Socket,
        outbox: Outbox,
    ) -> Self {
        let refusals = Refusals::new(shared.limits.refused_frames);
        let echoes = Refusals::new(ECHOES);
        let (per_second, burst) = match side {
            Side::Agent => AGENT_PACE,
            Side::Operator(_) => OPERATOR_PACE,
        };
        let (held, pace) = (Held::default(), Pace::new(per_second, burst));
        let (trust, denied) = (shared.gatekeeper.trust(), shared.denied.clone());
        Self {
            shared,
            id,
            side,
            credentials,
            trust,
            denied,
            socket,
            outbox,
            held,
            pace,
            paused: None,
            refusals,
            echoes,
        }
    }

    /// Serves the session to its end and tells the engine of it.
    pub(crate) async fn run(mut self) {
        let end = loop {
            if let ControlFlow::Break(end) = self.step().await {
                break end;
            }
        };
        self.end(end).await;
    }

    async fn step(&mut self) -> ControlFlow<End> {
        let clock = self.shared.clock;
        let reads = self.reads();
        let token_at = self.paused.as_ref().map(|(_, token_at)| *token_at);
        let step = tokio::select! {
            biased;
            // Once for each change of what is trusted: whoever is revoked is not heard because he is also told much.
            () = changed(&mut self.trust) => Step::Trust,
            () = changed(&mut self.denied) => Step::Trust,
            // What leaves comes first: a stop must not wait behind what its agent says.
            batch = self.outbox.next_batch(|| clock.now()) => Step::Write(batch),
            permit = self.shared.telemetry.reserve(), if !self.held.is_empty() => match permit {
                Ok(permit) => {
                    permit.send(TelemetryItem::Input(self.held.pop().expect("checked: something is held")));
                    Step::Forwarded
                }
                Err(_) => return ControlFlow::Break(End::EngineGone),
            },
            () = sleep_until(self.shared.clock.wake_at(token_at)), if token_at.is_some() => Step::Token,
            incoming = self.socket.next(), if reads => Step::Read(incoming),
        };
        match step {
            Step::Write(batch) => {
                self.write(batch).await?;
                self.read_one().await
            }
            Step::Read(incoming) => self.take(incoming).await,
            Step::Forwarded => ControlFlow::Continue(()),
            Step::Trust => self.look_again().await,
            Step::Token => {
                let (input, _) = self.paused.take().expect("checked: something waits for the token");
                self.forward(input).await
            }
        }
    }

    /// Ends the session when what lets the peer in was revoked; first the engine hears that it may act no more.
    async fn look_again(&mut self) -> ControlFlow<End> {
        if is_denied(self.credentials.serial.as_ref(), self.denied.as_ref()) {
            return ControlFlow::Break(End::Told(IdentityRefusal::Denied.report()));
        }
        let Proof::Token(token) = &self.credentials.proof else { return ControlFlow::Continue(()) };
        let revoked = self.trust.as_ref().is_some_and(|trust| trust.borrow().revokes(token));
        if !revoked {
            return ControlFlow::Continue(());
        }
        if let Side::Operator((person, role)) = &self.side
            && let Ok(Some(access)) = self.credentials.proof.access(person, *role, self.shared.clock)
        {
            let access = Access { acts_until: Some(self.shared.clock.now()), ..access };
            self.forward(EngineInput::AccessChanged { session: self.id, access }).await?;
        }
        let why = Stranger::from(TokenRefusal::Revoked).to_string();
        ControlFlow::Break(End::Told(report(ErrorCode::Unauthorised, &why)))
    }

    /// Takes a newer token. It goes no further than here: neither the engine nor the record sees it.
    async fn refresh(&mut self, refresh: &Refresh) -> ControlFlow<End> {
        let Side::Operator((person, role)) = &self.side else {
            return ControlFlow::Continue(());
        };
        let clock = self.shared.clock;
        let shown = self.shared.gatekeeper.examine(refresh.token.as_str(), clock).and_then(|proof| {
            let access = proof.access(person, *role, clock)?;
            Ok((proof, access))
        });
        match shown {
            // The same token again is no news.
            Ok((proof, _)) if proof == self.credentials.proof => ControlFlow::Continue(()),
            Ok((proof, access)) => {
                self.credentials.proof = proof;
                match access {
                    Some(access) => {
                        self.forward(EngineInput::AccessChanged { session: self.id, access }).await
                    }
                    None => ControlFlow::Continue(()),
                }
            }
            Err(stranger) => {
                self.refuse(ErrorReport {
                    kind: Some(Label::cut("refresh")),
                    ..report(ErrorCode::Unauthorised, &stranger.to_string())
                })
                .await
            }
        }
    }

    /// Says whether another frame may be read; what is not read slows down nobody but its sender.
    fn reads(&self) -> bool {
        self.held.has_room() && self.paused.is_none()
    }

    /// Reads what is there already: a peer must be heard however much there is to write to it.
    async fn read_one(&mut self) -> ControlFlow<End> {
        let reads = self.reads();
        let incoming = tokio::select! {
            biased;
            incoming = self.socket.next(), if reads => incoming,
            () = std::future::ready(()) => return ControlFlow::Continue(()),
        };
        self.take(incoming).await
    }

    async fn write(&mut self, batch: Batch) -> ControlFlow<End> {
        if !batch.alerts.is_empty() {
            self.shared.spans.pause(Span::Outbox);
        }
        match self.socket.write(batch.frames).await {
            Ok(()) => {}
            Err(failure) => return ControlFlow::Break(end_of(failure)),
        }
        if !batch.alerts.is_empty() {
            // The moment t4 of `takeover.md` 3.3: the alert is in the console's socket. To note it is less urgent than
            // whatever waits for what was just written.
            let written_at = self.shared.clock.now();
            if let Some(queued_at) = batch.oldest_alert {
                self.shared.spans.record(Span::Outbox, written_at.since(queued_at));
            }
            tokio::task::yield_now().await;
            self.forward(EngineInput::Delivered {
                session: self.id,
                alerts: batch.alerts,
                at: Some(written_at),
            })
            .await?;
        }
        match batch.close {
            Some(report) => ControlFlow::Break(End::Told(report)),
            None => ControlFlow::Continue(()),
        }
    }

    async fn take(&mut self, incoming: Incoming) -> ControlFlow<End> {
        match incoming {
            Incoming::Frame(frame) => self.take_frame(frame).await,
            Incoming::Text => self.refuse(not_binary()).await,
            Incoming::Echo => {
                if self.echoes.count(self.shared.clock.now()) {
                    return ControlFlow::Break(End::Told(report(
                        ErrorCode::Malformed,
                        "more than 100 WebSocket pings within 10 s",
                    )));
                }
                ControlFlow::Continue(())
            }
            Incoming::Closed => ControlFlow::Break(End::Closed),
            Incoming::Lost => ControlFlow::Break(End::Lost),
            Incoming::Broken(report) => {
                self.shared.counters.frame_refused();
                ControlFlow::Break(End::Told(report))
            }
        }
    }

    async fn take_frame(&mut self, frame: Bytes) -> ControlFlow<End> {
        let bytes = frame.len();
        let input = match self.decode(frame) {
            Ok(input) => input,
            Err(error) => return self.refuse(error.report()).await,
        };
        if let EngineInput::Operator { framed, .. } = &input
            && let OperatorMessage::Refresh(refresh) = framed.message()
        {
            // Each is verified, and recorded where it changes anything: nobody needs many.
            if self.echoes.count(self.shared.clock.now()) {
                return ControlFlow::Break(End::Told(report(
                    ErrorCode::Malformed,
                    "more than 100 pings and newer tokens within 10 s",
                )));
            }
            let refresh = refresh.clone();
            return self.refresh(&refresh).await;
        }
        match lane(&input) {
            Lane::Telemetry => self.take_decision(input, bytes),
            Lane::Stop => self.forward(input).await,
            Lane::Control => {
                let now = self.shared.clock.now();
                let wait = self.pace.take(now);
                if wait.is_zero() {
                    return self.forward(input).await;
                }
                self.paused = Some((input, now.after(wait)));
                ControlFlow::Continue(())
            }
        }
    }

    fn take_decision(&mut self, input: EngineInput, bytes: usize) -> ControlFlow<End> {
        let input = if self.held.is_empty() {
            match self.shared.telemetry.try_send(TelemetryItem::Input(input)) {
                Ok(()) => return ControlFlow::Continue(()),
                Err(mpsc::error::TrySendError::Full(TelemetryItem::Input(input))) => input,
                Err(mpsc::error::TrySendError::Full(TelemetryItem::Barrier(_)))
                | Err(mpsc::error::TrySendError::Closed(_)) => {
                    return ControlFlow::Break(End::EngineGone);
                }
            }
        } else {
            input
        };
        self.held.push(input, bytes);
        ControlFlow::Continue(())
    }

    fn decode(&self, frame: Bytes) -> Result<EngineInput, DecodeError> {
        let (session, received_at) = (self.id, self.shared.clock.now());
        match &self.side {
            Side::Agent => Ok(EngineInput::Agent { session, received_at, framed: Framed::decode(frame)? }),
            Side::Operator(_) => {
                Ok(EngineInput::Operator { session, received_at, framed: Framed::decode(frame)? })
            }
        }
    }

    /// Puts an input on the control lane; waits while it is full.
    async fn forward(&mut self, input: EngineInput) -> ControlFlow<End> {
        match self.shared.control.send(ControlItem::Input(input)).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(End::EngineGone),
        }
    }

    /// Counts a frame that is not taken and says why; too many end the session.
    async fn refuse(&mut self, why: ErrorReport) -> ControlFlow<End> {
        tracing::debug!(code = ?why.code, "refused a frame");
        self.shared.counters.frame_refused();
        if self.refusals.count(self.shared.clock.now()) {
            let limit = self.shared.limits.refused_frames;
            let message = format!("more than {limit} refused frames within 10 s, the last: {}", why.message);
            return ControlFlow::Break(End::Told(report(ErrorCode::Malformed, &message)));
        }
        match self.socket.report(&why).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => ControlFlow::Break(end_of(failure)),
        }
    }

    async fn end(mut self, end: End) {
        match &end {
            End::Closed => tracing::info!("the session ended"),
            End::Lost => tracing::info!("the connection was lost"),
            End::Told(report) => {
                tracing::info!(code = ?report.code, reason = %report.message, "closed the session");
            }
            End::EngineGone => tracing::debug!("the engine is gone"),
        }
        // Who is not let in any more is not heard any more either.
        if matches!(&end, End::Told(report) if report.code == ErrorCode::Unauthorised) {
            self.held = Held::default();
            self.paused = None;
        }
        if self.side == Side::Agent && timeout(LAST_DECISIONS, self.hand_in()).await.is_err() {
            tracing::debug!("the last decisions of the agent did not reach the engine in time");
        }
        if let Some((input, _)) = self.paused.take()
            && self.forward(input).await.is_break()
        {
            tracing::debug!("the engine is gone");
        }
        let disconnected = ControlItem::Input(EngineInput::Disconnected { session: self.id });
        if self.shared.control.send(disconnected).await.is_err() {
            tracing::debug!("the engine is gone");
        }
        match end {
            End::Told(report) => self.socket.close(&report).await,
            End::Closed | End::Lost | End::EngineGone => {}
        }
    }

    /// Hands the held decisions in and waits until the engine has them, so that the record holds what an agent
    /// said before it went.
    async fn hand_in(&mut self) {
        while let Some(input) = self.held.pop() {
            if self.shared.telemetry.send(TelemetryItem::Input(input)).await.is_err() {
                return;
            }
        }
        let (passed, wait) = oneshot::channel();
        if self.shared.telemetry.send(TelemetryItem::Barrier(passed)).await.is_ok() {
            // Without an answer the loop has ended; nothing more can be handed in.
            wait.await.unwrap_or_default();
        }
    }
}

/// Waits for a change; for ever where there can be none.
async fn changed<T>(followed: &mut Option<watch::Receiver<T>>) {
    let gone = match followed {
        Some(followed) => followed.changed().await.is_err(),
        None => true,
    };
    if gone {
        std::future::pending::<()>().await;
    }
}

fn end_of(failure: WriteFailure) -> End {
    match failure {
        WriteFailure::TooSlow => End::Told(too_slow("it did not read within the write deadline")),
        WriteFailure::Lost => End::Lost,
    }
}

/// How an input travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// Before decisions, at the session's pace.
    Control,
    /// Before decisions, at any pace: a stop waits for nothing.
    Stop,
    /// Behind everything else.
    Telemetry,
}

fn lane(input: &EngineInput) -> Lane {
    match input {
        EngineInput::Agent { framed, .. } => match framed.message() {
            AgentMessage::Decision(_) => Lane::Telemetry,
            AgentMessage::Heartbeat(_)
            | AgentMessage::RequestIntervention(_)
            | AgentMessage::Question(_)
            | AgentMessage::Ack(_)
            | AgentMessage::Pong(_)
            | AgentMessage::Probed(_) => Lane::Control,
        },
        EngineInput::Operator { framed, .. } => match framed.message() {
            OperatorMessage::Stop(_) => Lane::Stop,
            OperatorMessage::Claim(_)
            | OperatorMessage::Engage(_)
            | OperatorMessage::Release(_)
            | OperatorMessage::HandBack(_)
            | OperatorMessage::Command(_)
            | OperatorMessage::Acknowledge(_)
            | OperatorMessage::Shelve(_)
            | OperatorMessage::Unshelve(_)
            | OperatorMessage::TakeOutOfService(_)
            | OperatorMessage::ReturnToService(_)
            | OperatorMessage::Reset(_)
            | OperatorMessage::RequestHandover(_)
            | OperatorMessage::AnswerHandover(_)
            | OperatorMessage::AllowTakeover(_)
            | OperatorMessage::Label(_)
            | OperatorMessage::Waive(_)
            | OperatorMessage::Heartbeat(_)
            | OperatorMessage::Presented(_)
            | OperatorMessage::Pong(_)
            | OperatorMessage::Probe(_)
            | OperatorMessage::Refresh(_) => Lane::Control,
        },
        EngineInput::AgentConnected { .. }
        | EngineInput::OperatorConnected { .. }
        | EngineInput::AccessChanged { .. }
        | EngineInput::Disconnected { .. }
        | EngineInput::Delivered { .. }
        | EngineInput::Durable { .. }
        | EngineInput::LedgerPressure { .. }
        | EngineInput::RefusedFrames { .. }
        | EngineInput::RulesChanged { .. }
        | EngineInput::Timeout => Lane::Control,
    }
}

#[cfg(test)]
mod tests;
