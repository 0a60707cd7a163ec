//! The limit: a WebSocket that sends back what it gets, one task a connection.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Bytes, Message},
};
use watchkeeper_client::console_now;

/// As long as a decision is on the wire, about.
const LENGTH: usize = 200;

#[derive(Debug)]
pub(crate) struct Echo(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Echo {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        });
        let (socket, _) = tokio_tungstenite::connect_async_with_config(format!("ws://{address}"), None, true)
            .await
            .unwrap();
        Self(socket)
    }

    /// Returns how long each of `samples` round trips took, in nanoseconds.
    pub(crate) async fn round(&mut self, samples: u32) -> Vec<u64> {
        let payload = Bytes::from(vec![7_u8; LENGTH]);
        let mut spans = Vec::new();
        for _ in 0..samples {
            let began = console_now();
            self.0.send(Message::Binary(payload.clone())).await.unwrap();
            let back = self.0.next().await.unwrap().unwrap();
            spans.push(watchkeeper_model::nanos(console_now().since(began)));
            assert_eq!(back.len(), LENGTH);
        }
        spans
    }
}
