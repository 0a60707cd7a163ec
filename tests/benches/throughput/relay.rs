//! A network between consoles and the server that goes away and comes back: it carries bytes, and knows nothing of them.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use watchkeeper_client::console_now;
use watchkeeper_model::MonoTime;

/// A relay that runs; dropping it takes no more connections.
pub(crate) struct Relay {
    address: SocketAddr,
    /// Whether it carries anything. Each connection holds a receiver.
    is_up: Arc<watch::Sender<bool>>,
    /// When each connection came that it carries, since it came up.
    arrivals: Arc<Mutex<Vec<MonoTime>>>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Starts a relay to the server that listens there.
    pub(crate) async fn start(server: &str) -> Self {
        let server: SocketAddr = server.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let is_up = Arc::new(watch::Sender::new(true));
        let arrivals = Arc::default();
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&is_up), Arc::clone(&arrivals)));
        Self { address, is_up, arrivals, accepting }
    }

    /// Returns the server's address as consoles reach it through this relay.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}{}", self.address, watchkeeper_protocol::PATH)
    }

    /// Breaks every connection; returns when the last one is closed on both sides. Attempts fail at once from now on.
    pub(crate) async fn go_down(&self) {
        self.is_up.send_replace(false);
        self.is_up.closed().await;
    }

    /// Takes connections again.
    pub(crate) fn come_up(&self) {
        self.arrivals.lock().unwrap().clear();
        self.is_up.send_replace(true);
    }

    /// Returns when connections came since it came up last, the first one first.
    pub(crate) fn arrivals(&self) -> Vec<MonoTime> {
        self.arrivals.lock().unwrap().clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    is_up: Arc<watch::Sender<bool>>,
    arrivals: Arc<Mutex<Vec<MonoTime>>>,
) {
    while let Ok((console, _)) = listener.accept().await {
        // Subscribed before it looks: a connection that is carried hears of every change.
        let mut change = is_up.subscribe();
        if *change.borrow_and_update() {
            arrivals.lock().unwrap().push(console_now());
            tokio::spawn(carry(console, server, change));
        }
    }
}

/// Carries one connection until either side ends it, or the relay goes down.
async fn carry(mut console: TcpStream, server: SocketAddr, mut change: watch::Receiver<bool>) {
    let both_ways = async {
        console.set_nodelay(true)?;
        let mut server = TcpStream::connect(server).await?;
        server.set_nodelay(true)?;
        tokio::io::copy_bidirectional(&mut console, &mut server).await
    };
    tokio::select! {
        biased;
        // The sender outlives the connections that matter; where it is gone, so is the relay.
        _ = change.changed() => {}
        // Why it ended is for both sides to say.
        _ = both_ways => {}
    }
}
