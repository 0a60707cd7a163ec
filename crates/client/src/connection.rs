//! One WebSocket to the monitor: bounded, without delay, and never waited on for longer than a deadline.

use crate::{
    clock,
    discover::{Endpoint, TOKEN_FILE_VARIABLE, TokenError, URL_VARIABLE},
    tls::{self, TlsError},
};
use bytes::Bytes;
use futures_util::{Sink, Stream};
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, ClientRequestBuilder, Message,
        http::{Uri, uri::InvalidUri},
        protocol::WebSocketConfig,
    },
};
use tokio_util::either::Either;
use watchkeeper_model::MonoTime;
use watchkeeper_protocol::{MAX_FRAME, SUBPROTOCOL};

/// How long opening may take, the handshake included.
const OPEN_WITHIN: Duration = Duration::from_secs(5);
/// How long the monitor may be silent: it pings once a second.
const SILENCE: Duration = Duration::from_secs(5);
/// How long written bytes may wait for the network; the monitor is as good as gone then.
const WRITE_WITHIN: Duration = Duration::from_secs(2);
/// How many bytes are fed before they must have left.
const BATCH: usize = 64 * 1024;
/// Most bytes that wait in the WebSocket: a batch, one more frame, and room for control frames.
const MAX_WRITE_BUFFER: usize = BATCH + 2 * MAX_FRAME;
/// Read buffer; the default of 128 KiB is for servers of few and fast clients.
const READ_BUFFER: usize = 16 * 1024;

/// Says why there is no connection, or no longer one.
#[derive(Debug, Error)]
pub enum LinkLoss {
    /// The address cannot be used.
    #[error(
        "{url:?} is no address of a monitor: {reason}; give the one that `watchkeeper serve` prints, \
         ws://HOST:PORT/v1, on the command line or with {URL_VARIABLE}"
    )]
    BadUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no TLS, or the monitor is not to be trusted, or does not trust us.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no token.
    #[error(
        "{0}; give the file that `watchkeeper serve` prints as `token in FILE` with --token-file FILE or \
         {TOKEN_FILE_VARIABLE}"
    )]
    Token(#[from] TokenError),
    /// Nobody listens, or the network fails.
    #[error("the monitor cannot be reached: {0}")]
    Io(#[from] io::Error),
    /// Somebody listens who is no monitor, or the WebSocket broke.
    #[error("the connection failed: {0}")]
    WebSocket(#[source] Box<tungstenite::Error>),
    /// Opening took longer than 5 s.
    #[error("the monitor did not answer within {} s", OPEN_WITHIN.as_secs())]
    TooSlow,
    /// Nothing came for 5 s.
    #[error("the monitor was silent for {} s", SILENCE.as_secs())]
    Silent,
    /// Nothing left for 2 s.
    #[error("nothing could be sent for {} s", WRITE_WITHIN.as_secs())]
    Stuck,
    /// The monitor closed it.
    #[error("the monitor closed the connection: {0}")]
    Closed(String),
    /// A text frame, where only binary ones are allowed.
    #[error("the monitor sent a text frame")]
    NotBinary,
    /// This side closed it: messages were not taken in time, and are asked for again.
    #[error("messages were not taken in time")]
    NotTaken,
    /// This side closed it, because something was missed and only a whole snapshot helps.
    #[error("something was missed: a whole snapshot is needed")]
    Resync,
    /// This side closed it, as the gate wants.
    #[error("{0}")]
    Gate(crate::agent::core::CloseReason),
}

impl From<tungstenite::Error> for LinkLoss {
    fn from(error: tungstenite::Error) -> Self {
        if let tungstenite::Error::Io(error) = error {
            // In TLS 1.3 the monitor looks at our certificate when we think that all is well.
            tls::refusal(&error).map_or(Self::Io(error), Self::Tls)
        } else {
            Self::WebSocket(Box::new(error))
        }
    }
}

/// What happened on a connection.
pub(crate) enum Happened {
    /// A binary frame came.
    Frame(Bytes),
    /// Everything that was fed has left.
    Flushed,
}

/// TCP, or TLS over it. The state of TLS is large, hence the box.
type Transport = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// An open WebSocket.
pub(crate) struct Connection {
    socket: WebSocketStream<Transport>,
    heard_at: MonoTime,
    /// Since when fed bytes wait, and how many were fed.
    waiting: Option<(MonoTime, usize)>,
}

impl Connection {
    /// Opens a WebSocket to a monitor within 5 s.
    pub(crate) async fn open(endpoint: &Endpoint) -> Result<Self, LinkLoss> {
        match tokio::time::timeout(OPEN_WITHIN, Self::shake_hands(endpoint)).await {
            Ok(opened) => opened,
            Err(_elapsed) => Err(LinkLoss::TooSlow),
        }
    }

    async fn shake_hands(endpoint: &Endpoint) -> Result<Self, LinkLoss> {
        let Address { uri, is_tls, host, port } = parse(&endpoint.url)?;
        let tls = endpoint.tls_for(is_tls)?;
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        stream.set_nodelay(true)?;
        let stream = match tls {
            None => Transport::Left(stream),
            Some(files) => Transport::Right(Box::new(tls::shake_hands(files.clone(), &host, stream).await?)),
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(BATCH)
            .max_write_buffer_size(MAX_WRITE_BUFFER)
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
        let (socket, _response) = client_async_with_config(request, stream, Some(config)).await?;
        Ok(Self { socket, heard_at: clock::console_now(), waiting: None })
    }

    /// Returns whether another frame may be fed now.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.is_none_or(|(_, fed)| fed < BATCH)
    }

    /// Returns whether everything that was fed has left.
    pub(crate) const fn is_idle(&self) -> bool {
        self.waiting.is_none()
    }

    /// Hands over a frame; it leaves while [`Self::drive`] is awaited. Call it only where there is room.
    pub(crate) fn feed(&mut self, frame: Bytes) -> Result<(), LinkLoss> {
        let (since, fed) = self.waiting.unwrap_or((clock::console_now(), 0));
        self.waiting = Some((since, fed + frame.len()));
        // The buffer has room for a batch and a frame more, so this never has to wait.
        Ok(Pin::new(&mut self.socket).start_send(Message::Binary(frame))?)
    }

    /// Returns the next thing that happens. Cancel-safe: all that is under way is kept in the connection.
    pub(crate) async fn drive(&mut self) -> Result<Happened, LinkLoss> {
        let (late_at, why) = match self.waiting {
            Some((since, _)) if since.after(WRITE_WITHIN) < self.heard_at.after(SILENCE) => {
                (since.after(WRITE_WITHIN), LinkLoss::Stuck)
            }
            Some(_) | None => (self.heard_at.after(SILENCE), LinkLoss::Silent),
        };
        tokio::select! {
            // What is there comes first: a busy peer is never called late.
            biased;
            happened = poll_fn(|cx| self.poll_happened(cx)) => happened,
            () = clock::sleep_until(late_at) => Err(why),
        }
    }

    fn poll_happened(&mut self, cx: &mut Context<'_>) -> Poll<Result<Happened, LinkLoss>> {
        if self.waiting.is_some() && Pin::new(&mut self.socket).poll_flush(cx)?.is_ready() {
            self.waiting = None;
            return Poll::Ready(Ok(Happened::Flushed));
        }
        loop {
            let Poll::Ready(message) = Pin::new(&mut self.socket).poll_next(cx) else {
                return Poll::Pending;
            };
            self.heard_at = clock::console_now();
            return Poll::Ready(match message {
                Some(Ok(Message::Binary(frame))) => Ok(Happened::Frame(frame)),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                    // The library has queued its answer; it leaves with a flush.
                    if Pin::new(&mut self.socket).poll_flush(cx)?.is_pending() {
                        self.waiting.get_or_insert((self.heard_at, 0));
                    }
                    continue;
                }
                Some(Ok(Message::Text(_))) => Err(LinkLoss::NotBinary),
                Some(Ok(Message::Close(frame))) => Err(LinkLoss::Closed(
                    frame.map_or_else(|| "no reason given".to_owned(), |f| f.to_string()),
                )),
                Some(Err(error)) => Err(error.into()),
                None => Err(LinkLoss::Closed("without a word".to_owned())),
            });
        }
    }

    /// Lets what was fed leave and says good-bye, within `limit`.
    pub(crate) async fn close(mut self, limit: Duration) {
        let good_bye = tokio::time::timeout(limit, poll_fn(|cx| Pin::new(&mut self.socket).poll_close(cx)));
        match good_bye.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the connection broke while closing"),
            Err(_elapsed) => tracing::debug!("the monitor did not take the rest in time"),
        }
    }
}

/// An address, taken apart.
pub(crate) struct Address {
    uri: Uri,
    pub(crate) is_tls: bool,
    /// Without the brackets of IPv6.
    host: String,
    port: u16,
}

pub(crate) fn parse(url: &str) -> Result<Address, LinkLoss> {
    let bad = |reason| LinkLoss::BadUrl { url: url.to_owned(), reason };
    let uri: Uri = url.parse().map_err(|_why: InvalidUri| bad("it cannot be read"))?;
    let (is_tls, default_port) = match uri.scheme_str() {
        Some("ws") => (false, 80),
        Some("wss") => (true, 443),
        Some(_) | None => return Err(bad("it must begin with ws:// or wss://")),
    };
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| bad("it names no host"))?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(default_port);
    Ok(Address { uri, is_tls, host, port })
}
