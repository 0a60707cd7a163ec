//! Takes connections, owns their tasks, and lets them end.

use crate::{
    connection::{self, Shared},
    doorway::Doorway,
};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time::timeout,
};

/// After a failed accept, most likely for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the sessions may take to say goodbye when the server stops.
const GOODBYE: Duration = Duration::from_secs(4);

/// Takes connections until `shutdown`, then waits for the sessions to end.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>, mut shutdown: watch::Receiver<bool>) {
    let doorway = Doorway::new(shared.limits.waiting);
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = shutdown.changed() => break,
            Some(ended) = tasks.join_next() => look_at(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => spawn(&mut tasks, stream, peer.ip(), &shared, &doorway),
                Err(error) => {
                    tracing::warn!(%error, "could not take a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    drop(shared);
    doorway.evict_all();
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            look_at(ended);
        }
    };
    if timeout(GOODBYE, all).await.is_err() {
        tracing::debug!(sessions = tasks.len(), "sessions that did not end in time were cut off");
        tasks.shutdown().await;
    }
}

fn spawn(
    tasks: &mut JoinSet<()>,
    stream: TcpStream,
    peer: IpAddr,
    shared: &Arc<Shared>,
    doorway: &Arc<Doorway>,
) {
    tasks.spawn(connection::serve(stream, Arc::clone(shared), doorway.enter(peer)));
}

fn look_at(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "the task of a connection panicked");
    }
}
