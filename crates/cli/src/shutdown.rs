//! When somebody outside wants the command to end.

use anyhow::{Context, ensure};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A work that waits for a pipe does not see that it should end.
const CLEAN_UP: Duration = Duration::from_secs(2);

/// SIGTERM and SIGINT (Ctrl-C), caught from the moment this is made.
pub(crate) struct Shutdown {
    terminate: Signal,
    interrupt: Signal,
}

impl Shutdown {
    /// Starts to catch the signals.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let catch = |kind| signal(kind).context("catching SIGTERM and SIGINT");
        Ok(Self { terminate: catch(SignalKind::terminate())?, interrupt: catch(SignalKind::interrupt())? })
    }

    /// Waits for one of them. Cancel-safe.
    pub(crate) async fn wanted(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Whether a work of its own thread was told to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Fails once somebody wants the command to end: asked often, so that nothing half-done is left.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(!self.0.load(Ordering::Relaxed), "interrupted; nothing was written");
        Ok(())
    }
}

/// Does a long work in a thread of its own, which has [`CLEAN_UP`] to tidy up once somebody wants the command to end.
pub(crate) async fn interruptible<T: Send + 'static>(
    work: impl FnOnce(&Stop) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let mut shutdown = Shutdown::listen()?;
    let stop = Stop::default();
    let told = stop.clone();
    let mut work = tokio::task::spawn_blocking(move || work(&told));
    tokio::select! {
        done = &mut work => done?,
        () = shutdown.wanted() => {
            stop.0.store(true, Ordering::Relaxed);
            tokio::time::timeout(CLEAN_UP, work).await.context("interrupted while waiting for the input")??
        }
    }
}
