//! Every metric by name, with what it says; `docs/metrics.md` lists the same.

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Only grows, from zero at the start of the server.
    Counter,
    /// Comes and goes.
    Gauge,
    /// Spans in buckets.
    Histogram,
}

#[cfg(test)]
impl Shape {
    /// Returns its word in the text.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! catalogue {
    ($($constant:ident = $name:literal, $shape:ident, $help:literal;)+) => {
        $(pub(crate) const $constant: &str = $name;)+

        /// Name, kind and meaning of every metric.
        pub(crate) const CATALOGUE: &[(&str, Shape, &str)] = &[$(($name, Shape::$shape, $help)),+];
    };
}

catalogue! {
    BUILD_INFO = "watchkeeper_build_info", Gauge,
        "Always 1; its labels name the build and which run on the data directory this is.";
    STAGE = "watchkeeper_stage_seconds", Histogram,
        "How long each stage of alerts and takeovers took, where that is known, by kind of agent.";
    STAGE_BUDGET = "watchkeeper_stage_budget_seconds", Gauge,
        "Budget of each machine stage: p99, and the hard one that a breach breaks. Human time has none.";
    STAGE_BREACHES = "watchkeeper_stage_breaches_total", Counter,
        "Spans above the hard budget of their stage, and those that are unknown.";
    STAGE_UNKNOWN = "watchkeeper_stage_unknown_total", Counter,
        "Spans of which a moment is missing, such as an alert that nobody was shown.";
    SPAN = "watchkeeper_server_span_seconds", Histogram,
        "How long each part of the way through the server took: queue, detect, outbox, ledger.";
    OVER_BUDGET = "watchkeeper_takeovers_over_budget_total", Counter,
        "Takeovers that are over and broke a hard budget of the machine; each is an alert of its own.";
    TAKEOVERS_ENDED = "watchkeeper_takeovers_total", Counter,
        "Takeovers that are over, by how their demand ended.";
    DEMANDS_RAISED = "watchkeeper_demands_raised_total", Counter, "Takeovers asked for.";
    DEMANDS_OPEN = "watchkeeper_demands_open", Gauge, "Agents for which a takeover is asked now.";
    LEASES = "watchkeeper_leases_held", Gauge, "Agents that a person holds now.";
    ALERTS_RAISED = "watchkeeper_alerts_raised_total", Counter,
        "Alerts raised, and raised again after they were over, by severity.";
    ALERTS_OPEN = "watchkeeper_alerts_open", Gauge, "Alerts that are not over and acknowledged.";
    COMMANDS_RECEIVED = "watchkeeper_commands_received_total", Counter,
        "Commands of people, each counted once however often it came.";
    COMMANDS_ENDED = "watchkeeper_commands_ended_total", Counter, "Commands that are over, by their last state.";
    DECISIONS = "watchkeeper_decisions_total", Counter, "Decisions of agents that the engine scored.";
    RULES_UNJUDGED = "watchkeeper_rules_unjudged_total", Counter,
        "Decisions that a rule could not judge, because something that it speaks of was missing.";
    SESSIONS = "watchkeeper_sessions", Gauge, "Sessions that are open, by kind.";
    SESSIONS_BEGUN = "watchkeeper_sessions_begun_total", Counter, "Sessions since the start.";
    REFUSED_FRAMES = "watchkeeper_refused_frames_total", Counter,
        "Frames that could not be decoded, and unknown messages.";
    REFUSED_CONNECTIONS = "watchkeeper_refused_connections_total", Counter,
        "Connections that did not become a session.";
    TELEMETRY_DROPPED = "watchkeeper_telemetry_dropped_total", Counter,
        "Telemetry and repeats of a status that newer ones replaced after they were to leave for their console, or that found no room.";
    PAGES_DELIVERED = "watchkeeper_pages_delivered_total", Counter,
        "Calls to people away from their consoles that the receiver of the webhook took.";
    PAGE_TRIES_FAILED = "watchkeeper_page_tries_failed_total", Counter,
        "Tries of such calls that the receiver did not take.";
    PAGES_GIVEN_UP = "watchkeeper_pages_given_up_total", Counter,
        "Such calls that nobody will hear of: their time was over, or too many waited.";
    PAGES_WAITING = "watchkeeper_pages_waiting", Gauge, "Such calls that the receiver has not taken yet.";
    INPUTS = "watchkeeper_engine_inputs_total", Counter, "Inputs fed to the engine.";
    ROUNDS = "watchkeeper_engine_rounds_total", Counter,
        "Rounds of the engine loop, four a second while it lives.";
    BUSY = "watchkeeper_engine_busy_microseconds_total", Counter,
        "Time that the engine loop spent on inputs; its rate by 1e6 is the share of one core.";
    QUEUE = "watchkeeper_ledger_queue_ratio", Gauge, "Share of the queue to the record in use, 0 to 1.";
    STALLED = "watchkeeper_ledger_stalled", Gauge,
        "1 while the record has not been written for 2 s and riskier actions are refused, else 0.";
    DURABLE_HEAD = "watchkeeper_ledger_durable_sequence", Gauge, "Sequence of the last record that is on disk.";
    DURABLE_INPUTS = "watchkeeper_ledger_durable_inputs", Gauge,
        "Inputs up to which everything is on disk; what the engine had beyond it is on its way.";
}
