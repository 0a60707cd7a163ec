//! The limit: sockets whose frames are counted and thrown away. Each answers what an agent waits for: that all its
//! decisions are safe.

use futures_util::{SinkExt as _, StreamExt as _};
use std::time::Duration;
use tokio::{
    net::{TcpListener, TcpStream},
    time::MissedTickBehavior,
};
use tokio_tungstenite::tungstenite::{
    Message,
    handshake::server::{ErrorResponse, Request, Response},
    http::header::SEC_WEBSOCKET_PROTOCOL,
};
use watchkeeper_model::DecisionSeq;
use watchkeeper_protocol::{ToAgent, Wire as _, agent::DurableUpTo};

/// How often it says how far it is.
const SAID: Duration = Duration::from_millis(20);
const DECISION: &[u8] = b"\x92\xa8decision";

/// Takes connections from now on; returns where.
pub(crate) async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(count(stream));
        }
    });
    format!("ws://{address}/v1")
}

#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the library's signature")]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    if let Some(protocol) = request.headers().get(SEC_WEBSOCKET_PROTOCOL) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol.clone());
    }
    Ok(response)
}

async fn count(stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, agree).await.unwrap();
    let (mut decisions, mut said) = (0, 0);
    let mut say = tokio::time::interval(SAID);
    say.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            message = socket.next() => match message {
                Some(Ok(Message::Binary(frame))) => decisions += u64::from(frame.starts_with(DECISION)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            _ = say.tick() => {
                // The hello is answered too.
                if decisions > said || decisions == 0 {
                    said = decisions;
                    let upto = ToAgent::Durable(DurableUpTo { seq: DecisionSeq(decisions) });
                    if socket.send(Message::Binary(upto.encode())).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
