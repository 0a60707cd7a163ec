//! A WebSocket with deadlines: batches out with one flush, errors out, and an end that the peer understands.

use crate::tls::Stream;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error as WsError, Message,
        error::ProtocolError,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};
use watchkeeper_model::Label;
use watchkeeper_protocol::{
    MAX_FRAME, encode,
    session::{ErrorCode, ErrorReport},
};

/// How long a peer may take to read the end and to close its side. Without this, closing a socket whose input
/// was not read resets the connection, and the peer may never see why.
const LINGER: Duration = Duration::from_millis(500);

/// Why nothing can be written any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteFailure {
    /// The peer did not take it within the write deadline.
    TooSlow,
    /// The connection is gone.
    Lost,
}

/// What a peer did.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// It sent a binary frame.
    Frame(Bytes),
    /// It sent a text frame.
    Text,
    /// It sent a WebSocket ping or pong, which is answered below here.
    Echo,
    /// It closed in good order.
    Closed,
    /// It is gone.
    Lost,
    /// It broke a rule of WebSocket; nothing more can be read.
    Broken(ErrorReport),
}

/// The socket of a session.
#[derive(Debug)]
pub(crate) struct Socket {
    inner: WebSocketStream<Stream>,
    write_deadline: Duration,
}

impl Socket {
    pub(crate) fn new(inner: WebSocketStream<Stream>, write_deadline: Duration) -> Self {
        Self { inner, write_deadline }
    }

    /// Sets how long a write may take.
    pub(crate) fn set_write_deadline(&mut self, write_deadline: Duration) {
        self.write_deadline = write_deadline;
    }

    /// Waits for what the peer does next. Cancelling it loses nothing.
    pub(crate) async fn next(&mut self) -> Incoming {
        match self.inner.next().await {
            Some(Ok(message)) => incoming(message),
            Some(Err(error)) => broken(&error),
            None => Incoming::Lost,
        }
    }

    /// Writes frames with one flush, within the write deadline.
    pub(crate) async fn write(&mut self, frames: Vec<Bytes>) -> Result<(), WriteFailure> {
        let socket = &mut self.inner;
        let write = async {
            for frame in frames {
                socket.feed(Message::Binary(frame)).await?;
            }
            socket.flush().await
        };
        match timeout(self.write_deadline, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(WsError::WriteBufferFull(_))) | Err(_) => Err(WriteFailure::TooSlow),
            Ok(Err(error)) => {
                tracing::debug!(%error, "could not write");
                Err(WriteFailure::Lost)
            }
        }
    }

    /// Tells the peer what was wrong; the session goes on.
    pub(crate) async fn report(&mut self, report: &ErrorReport) -> Result<(), WriteFailure> {
        self.write(vec![encode("error", report)]).await
    }

    /// Says why, closes, and waits a moment so that the peer can read it.
    pub(crate) async fn close(mut self, report: &ErrorReport) {
        let reason = Label::cut(report.message.as_str());
        let frame = CloseFrame { code: close_code(report.code), reason: reason.as_str().into() };
        let farewell = async {
            self.inner.feed(Message::Binary(encode("error", report))).await?;
            self.inner.send(Message::Close(Some(frame))).await
        };
        match timeout(self.write_deadline, farewell).await {
            Ok(Ok(())) => self.linger().await,
            Ok(Err(error)) => tracing::debug!(%error, "could not say why the session is closed"),
            Err(_) => tracing::debug!("the peer does not even read why the session is closed"),
        }
    }

    /// Ends our side and reads the peer's until it ends too.
    async fn linger(mut self) {
        let stream = self.inner.get_mut();
        let end = async {
            stream.shutdown().await?;
            let mut unread = [0_u8; 4_096];
            while stream.read(&mut unread).await? > 0 {}
            Ok::<(), std::io::Error>(())
        };
        match timeout(LINGER, end).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::trace!(%error, "the peer was gone first"),
            Err(_) => tracing::trace!("the peer did not close its side in time"),
        }
    }
}

fn incoming(message: Message) -> Incoming {
    match message {
        Message::Binary(frame) => Incoming::Frame(frame),
        Message::Text(_) => Incoming::Text,
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Incoming::Echo,
        Message::Close(_) => Incoming::Closed,
    }
}

fn broken(error: &WsError) -> Incoming {
    let code = match error {
        WsError::Capacity(_) => ErrorCode::TooLarge,
        WsError::Utf8(_) => ErrorCode::NotBinary,
        WsError::ConnectionClosed | WsError::AlreadyClosed => return Incoming::Closed,
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) | WsError::Io(_) => {
            return Incoming::Lost;
        }
        WsError::Protocol(_)
        | WsError::AttackAttempt
        | WsError::Tls(_)
        | WsError::WriteBufferFull(_)
        | WsError::Url(_)
        | WsError::Http(_)
        | WsError::HttpFormat(_) => ErrorCode::Malformed,
    };
    Incoming::Broken(report(code, &format!("{error}; a frame is binary and has at most {MAX_FRAME} bytes")))
}

/// Makes a report without kind and field.
pub(crate) fn report(code: ErrorCode, message: &str) -> ErrorReport {
    ErrorReport { code, message: watchkeeper_model::Note::cut(message), kind: None, field: None }
}

/// The report for a text frame.
pub(crate) fn not_binary() -> ErrorReport {
    report(ErrorCode::NotBinary, "only binary frames are taken: MessagePack [kind, body]")
}

const fn close_code(code: ErrorCode) -> CloseCode {
    match code {
        ErrorCode::TooLarge => CloseCode::Size,
        ErrorCode::NotBinary => CloseCode::Unsupported,
        ErrorCode::ShuttingDown => CloseCode::Away,
        ErrorCode::TooManySessions | ErrorCode::TooSlow => CloseCode::Again,
        ErrorCode::Internal => CloseCode::Error,
        ErrorCode::NoHello
        | ErrorCode::Unauthorised
        | ErrorCode::Malformed
        | ErrorCode::UnknownMessage
        | ErrorCode::BadField
        | ErrorCode::Forbidden
        | ErrorCode::UnknownAgent
        | ErrorCode::Replaced => CloseCode::Policy,
    }
}
