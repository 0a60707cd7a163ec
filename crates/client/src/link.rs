//! The connection that comes back: opens, is lost, waits with back-off and jitter, opens again, for ever.

use crate::{
    backoff::Backoff,
    clock,
    connection::{Connection, Happened, LinkLoss},
    discover::{Endpoint, TokenSource},
};
use bytes::Bytes;
use std::{future::Future, pin::Pin, time::Duration};
use watchkeeper_model::{BearerToken, MonoTime};

/// How long a good-bye may take.
const GOOD_BYE: Duration = Duration::from_millis(500);

/// What happened on the link.
pub(crate) enum LinkEvent {
    /// The socket is open: say hello, with this token.
    Opened(Option<BearerToken>),
    /// A frame came.
    Frame(Bytes),
    /// There is room to send again.
    Room,
    /// The connection is gone, or could not be opened; the next attempt is scheduled.
    Lost(LinkLoss),
}

type Opening = Pin<Box<dyn Future<Output = Result<(Connection, Option<BearerToken>), LinkLoss>> + Send>>;

enum State {
    Waiting { until: MonoTime },
    Opening(Opening),
    Open(Box<Connection>),
}

/// A connection that comes back.
pub(crate) struct Link {
    endpoint: Endpoint,
    backoff: Backoff,
    state: State,
}

impl Link {
    /// Makes a link that opens at once.
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, backoff: Backoff::new(), state: State::Waiting { until: MonoTime::default() } }
    }

    /// Returns the next thing that happens. Cancel-safe.
    pub(crate) async fn next(&mut self) -> LinkEvent {
        loop {
            match &mut self.state {
                State::Waiting { until } => {
                    clock::sleep_until(*until).await;
                    self.state = State::Opening(Box::pin(open(self.endpoint.clone())));
                }
                State::Opening(opening) => match opening.await {
                    Ok((connection, token)) => {
                        self.state = State::Open(Box::new(connection));
                        return LinkEvent::Opened(token);
                    }
                    Err(loss) => {
                        self.give_up();
                        return LinkEvent::Lost(loss);
                    }
                },
                State::Open(connection) => match connection.drive().await {
                    Ok(Happened::Frame(frame)) => return LinkEvent::Frame(frame),
                    Ok(Happened::Flushed) => return LinkEvent::Room,
                    Err(loss) => {
                        self.give_up();
                        return LinkEvent::Lost(loss);
                    }
                },
            }
        }
    }

    /// Returns whether a frame may be fed now.
    pub(crate) fn has_room(&self) -> bool {
        match &self.state {
            State::Open(connection) => connection.has_room(),
            State::Waiting { .. } | State::Opening(_) => false,
        }
    }

    /// Returns whether everything that was fed has left.
    pub(crate) fn is_idle(&self) -> bool {
        match &self.state {
            State::Open(connection) => connection.is_idle(),
            State::Waiting { .. } | State::Opening(_) => true,
        }
    }

    /// Returns whether the socket is open.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Hands over a frame; without a connection it is gone, like everything that was on the way.
    pub(crate) fn feed(&mut self, frame: Bytes) -> Result<(), LinkLoss> {
        match &mut self.state {
            State::Open(connection) => connection.feed(frame),
            State::Waiting { .. } | State::Opening(_) => Ok(()),
        }
    }

    /// Drops the connection and schedules the next attempt.
    pub(crate) fn give_up(&mut self) {
        let wait = self.backoff.next_wait(rand::random());
        self.state = State::Waiting { until: clock::console_now().after(wait) };
    }

    /// Takes note that the monitor let us in.
    pub(crate) const fn welcomed(&mut self) {
        self.backoff.reset();
    }

    /// Takes note that trying again soon would do harm.
    pub(crate) const fn slow_down(&mut self) {
        self.backoff.slow_down();
    }

    /// Says good-bye.
    pub(crate) async fn close(self) {
        match self.state {
            State::Open(connection) => connection.close(GOOD_BYE).await,
            State::Waiting { .. } | State::Opening(_) => {}
        }
    }
}

/// Opens a connection, and reads the token when the monitor has answered: one that is only just starting takes
/// connections before it has written the token of this run.
async fn open(endpoint: Endpoint) -> Result<(Connection, Option<BearerToken>), LinkLoss> {
    let connection = Connection::open(&endpoint).await?;
    let token = read(endpoint.token).await?;
    Ok((connection, token))
}

/// Reads a token without holding anybody up.
async fn read(source: TokenSource) -> Result<Option<BearerToken>, LinkLoss> {
    match source {
        // Only a file can keep somebody waiting.
        TokenSource::File(_) => Ok(tokio::task::spawn_blocking(move || source.read())
            .await
            .map_err(|error| LinkLoss::Io(error.into()))??),
        TokenSource::Absent | TokenSource::Text(_) => Ok(source.read()?),
    }
}
