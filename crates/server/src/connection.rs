//! From an accepted TCP connection to a session: TLS, upgrade, hello, identity, token, a free place.

use crate::{
    allowed::AllowedSites,
    clock::Clock,
    counters::Counters,
    denied::{Denied, is_denied},
    doorway::Ticket,
    engine_loop::{ControlItem, TelemetryItem},
    gatekeeper::{Gatekeeper, Proof},
    handshake,
    identity::{IdentityRefusal, Peer, check_identity},
    options::Limits,
    outbox::outbox,
    session::{Credentials, Session, Side},
    socket::{Incoming, Socket, not_binary, report},
    spans::Spans,
    tls::{Stream, TlsDoor, is_about_certificate},
};
use std::{net::IpAddr, sync::Arc};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tokio_util::either::Either;
use tracing::Instrument;
use watchkeeper_engine::EngineInput;
use watchkeeper_model::{Access, SessionId};
use watchkeeper_protocol::{
    FirstFrame, Hello,
    session::{ErrorCode, ErrorReport},
};

/// Sessions of one incarnation; ids of the next ones start above them.
const SESSIONS_PER_INCARNATION: u64 = 100_000_000;

/// What every connection shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) listen: IpAddr,
    pub(crate) allowed: AllowedSites,
    /// `None`: connections are in the clear.
    pub(crate) tls: Option<TlsDoor>,
    /// `None`: no certificate is denied before its end.
    pub(crate) denied: Option<Denied>,
    pub(crate) gatekeeper: Gatekeeper,
    pub(crate) incarnation: u64,
    pub(crate) counters: Arc<Counters>,
    pub(crate) spans: Arc<Spans>,
    pub(crate) agent_places: Arc<Semaphore>,
    pub(crate) console_places: Arc<Semaphore>,
    pub(crate) control: mpsc::Sender<ControlItem>,
    pub(crate) telemetry: mpsc::Sender<TelemetryItem>,
}

/// A connection that said hello.
struct Admitted {
    socket: Socket,
    guest: Guest,
    place: OwnedSemaphorePermit,
}

/// Who is let in.
struct Guest {
    hello: Hello,
    credentials: Credentials,
    /// What a person may do, as his token says.
    access: Option<Access>,
}

/// Serves one connection to its end.
pub(crate) async fn serve(stream: TcpStream, shared: Arc<Shared>, mut ticket: Ticket) {
    let admitted = tokio::select! {
        biased;
        () = ticket.evicted() => {
            tracing::debug!("a connection that had not said hello made room for a newer one");
            None
        }
        admitted = admit(stream, &shared) => admitted,
    };
    drop(ticket);
    let Some(Admitted { socket, guest, place }) = admitted else {
        shared.counters.connection_refused();
        return;
    };
    let number = shared.counters.next_session();
    let session = SessionId(shared.incarnation * SESSIONS_PER_INCARNATION + number);
    let span = tracing::info_span!("session", session = session.0);
    Box::pin(begin(shared, session, socket, guest).instrument(span)).await;
    drop(place);
}

async fn begin(shared: Arc<Shared>, session: SessionId, mut socket: Socket, guest: Guest) {
    let Guest { hello, credentials, access } = guest;
    let (sender, receiver) = outbox(Arc::clone(&shared.counters));
    let (side, input) = match hello {
        Hello::Agent(hello) => {
            tracing::info!(agent = %hello.agent, kind = %hello.kind, "an agent connected");
            socket.set_write_deadline(shared.limits.agent_write_deadline);
            (Side::Agent, EngineInput::AgentConnected { session, hello })
        }
        Hello::Operator(hello) => {
            tracing::info!(person = %hello.person, console = ?hello.console, "a console connected");
            socket.set_write_deadline(shared.limits.console_write_deadline);
            let who = (hello.person.clone(), hello.role);
            (Side::Operator(who), EngineInput::OperatorConnected { session, hello, access })
        }
    };
    let connected = ControlItem::Connected { session, outbox: sender, hello: Box::new(input) };
    if shared.control.send(connected).await.is_err() {
        // The engine is gone: the server is at its end.
        return;
    }
    Session::new(shared, session, (side, credentials), socket, receiver).run().await;
}

/// Upgrades, takes the hello, and checks it; `None` when the connection is refused.
async fn admit(stream: TcpStream, shared: &Shared) -> Option<Admitted> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not turn Nagle's algorithm off");
    }
    let (stream, peer) = open_door(stream, shared).await?;
    let upgrade =
        handshake::upgrade(stream, shared.listen, &shared.allowed, (&shared.gatekeeper, shared.clock));
    let (inner, proof) = match timeout(shared.limits.upgrade_deadline, upgrade).await {
        Ok(Ok(upgraded)) => upgraded,
        Ok(Err(error)) => {
            tracing::debug!(%error, "refused a connection");
            return None;
        }
        Err(_) => {
            tracing::debug!("a connection was not upgraded in time");
            return None;
        }
    };
    let mut socket = Socket::new(inner, shared.limits.console_write_deadline);
    match take_hello(&mut socket, shared, proof, peer).await {
        Ok((guest, place)) => Some(Admitted { socket, guest, place }),
        Err(Some(report)) => {
            tracing::info!(code = ?report.code, why = %report.message, "refused a hello");
            socket.close(&report).await;
            None
        }
        Err(None) => None,
    }
}

/// Shakes hands in TLS where there is TLS; `None` when the connection is refused.
async fn open_door(stream: TcpStream, shared: &Shared) -> Option<(Stream, Peer)> {
    let Some(tls) = &shared.tls else { return Some((Either::Left(stream), Peer::NotAsked)) };
    let peer = stream.peer_addr().ok();
    match timeout(shared.limits.tls_deadline, tls.accept(stream)).await {
        Ok(Ok(opened)) => Some(opened),
        Ok(Err(error)) => {
            if is_about_certificate(&error) {
                tracing::info!(?peer, %error, "refused a certificate");
            } else {
                tracing::debug!(?peer, %error, "refused a TLS handshake");
            }
            None
        }
        Err(_) => {
            tracing::debug!("a TLS handshake did not end in time");
            None
        }
    }
}

/// Takes the hello and a place; the error is what to tell the peer, `None` where it is gone.
async fn take_hello(
    socket: &mut Socket,
    shared: &Shared,
    proof: Option<Proof>,
    peer: Peer,
) -> Result<(Guest, OwnedSemaphorePermit), Option<ErrorReport>> {
    let Ok(first) = timeout(shared.limits.hello_deadline, first_frame(socket)).await else {
        return Err(Some(report(ErrorCode::NoHello, "the hello did not come in time")));
    };
    let mut hello = match first {
        Incoming::Frame(frame) => FirstFrame::decode(&frame).map_err(|error| {
            shared.counters.frame_refused();
            Some(error.report())
        })?,
        Incoming::Text => {
            shared.counters.frame_refused();
            return Err(Some(not_binary()));
        }
        Incoming::Broken(report) => {
            shared.counters.frame_refused();
            return Err(Some(report));
        }
        Incoming::Closed | Incoming::Lost | Incoming::Echo => return Err(None),
    };
    check_identity(&hello, &peer).map_err(|refusal| Some(refusal.report()))?;
    let serial = match &peer {
        Peer::Agent(certificate) => Some(certificate.serial.clone()),
        Peer::NotAsked | Peer::NoCertificate | Peer::Nameless(_) => None,
    };
    if is_denied(serial.as_ref(), shared.denied.as_ref()) {
        return Err(Some(IdentityRefusal::Denied.report()));
    }
    let (token, places) = match &mut hello {
        Hello::Agent(hello) => (hello.token.take(), &shared.agent_places),
        Hello::Operator(hello) => (hello.token.take(), &shared.console_places),
    };
    let known = match (token, &peer) {
        // What the hello shows counts, also where the upgrade showed something.
        (Some(token), _) => shared.gatekeeper.examine(token.as_str(), shared.clock),
        // An agent that TLS knows needs no token beside its certificate.
        (None, Peer::Agent(_)) => Ok(Proof::Certificate),
        (None, Peer::NotAsked | Peer::NoCertificate | Peer::Nameless(_)) => {
            proof.ok_or_else(|| shared.gatekeeper.without_token())
        }
    };
    let admitted = known.and_then(|proof| {
        let access = proof.admit(&hello, shared.clock)?;
        Ok((proof, access))
    });
    let (proof, access) =
        admitted.map_err(|stranger| Some(report(ErrorCode::Unauthorised, &stranger.to_string())))?;
    let place = Arc::clone(places).try_acquire_owned().map_err(|_full| {
        Some(report(ErrorCode::TooManySessions, "the monitor has as many sessions of this kind as it takes"))
    })?;
    Ok((Guest { hello, credentials: Credentials { proof, serial }, access }, place))
}

async fn first_frame(socket: &mut Socket) -> Incoming {
    loop {
        match socket.next().await {
            Incoming::Echo => {}
            first @ (Incoming::Frame(_)
            | Incoming::Text
            | Incoming::Closed
            | Incoming::Lost
            | Incoming::Broken(_)) => return first,
        }
    }
}
