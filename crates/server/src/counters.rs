//! What the sessions count for the engine and for the report.

use crate::pager::PageCounts;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Counters shared by all sessions; every one only grows.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    refused_frames: AtomicU64,
    refused_connections: AtomicU64,
    sessions: AtomicU64,
    telemetry_dropped: AtomicU64,
    pages: Arc<PageCounts>,
}

impl Counters {
    /// Returns what the pager counts; without one nothing does.
    pub(crate) fn pages(&self) -> &Arc<PageCounts> {
        &self.pages
    }

    /// Counts a frame that was not taken.
    pub(crate) fn frame_refused(&self) {
        self.refused_frames.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that did not become a session.
    pub(crate) fn connection_refused(&self) {
        self.refused_connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts telemetry, or a repeat of a status, that something newer replaced before it left.
    pub(crate) fn drop_telemetry(&self) {
        self.telemetry_dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a session and returns its number, from 1.
    pub(crate) fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns how many frames were refused so far.
    pub(crate) fn refused_frames(&self) -> u64 {
        self.refused_frames.load(Ordering::Relaxed)
    }

    /// Returns how many connections were refused so far.
    pub(crate) fn refused_connections(&self) -> u64 {
        self.refused_connections.load(Ordering::Relaxed)
    }

    /// Returns how much telemetry was dropped so far.
    pub(crate) fn telemetry_dropped(&self) -> u64 {
        self.telemetry_dropped.load(Ordering::Relaxed)
    }

    /// Returns how many sessions there were so far.
    pub(crate) fn sessions(&self) -> u64 {
        self.sessions.load(Ordering::Relaxed)
    }
}
