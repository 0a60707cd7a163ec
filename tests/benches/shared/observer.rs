//! A console without the SDK: its socket, and nothing that reads it.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
    },
};
use watchkeeper_model::{BearerToken, OperatorRole, PersonId};
use watchkeeper_protocol::{
    SUBPROTOCOL, SessionKind,
    operator::{ConsoleKind, OperatorHello},
};

/// Returns where a server listens, `127.0.0.1:7410` of `ws://127.0.0.1:7410/v1`.
pub(crate) fn address_of(url: &str) -> &str {
    url.trim_start_matches("ws://").split('/').next().unwrap()
}

/// Says hello on a connection and takes the welcome.
pub(crate) async fn open(
    url: &str,
    token: &str,
    person: &str,
    stream: TcpStream,
) -> WebSocketStream<TcpStream> {
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let hello = OperatorHello {
        session: SessionKind::Operator,
        token: Some(BearerToken::new(token).unwrap()),
        person: PersonId::new(person).unwrap(),
        role: OperatorRole::Observer,
        console: ConsoleKind::Window,
        resume: None,
    };
    socket.send(Message::Binary(watchkeeper_protocol::encode("hello", &hello))).await.unwrap();
    socket.next().await.unwrap().unwrap();
    socket
}
