//! What the consoles' bars are drawn by against what the monitor and the agents begin with.

use watchkeeper_model::AgentKind;
use watchkeeper_picture::timers;
use watchkeeper_takeover::{Timers, latency};

#[test]
fn a_console_counts_with_the_limits_of_the_latency_that_monitor_and_agent_keep() {
    assert_eq!(
        [timers::CAPPED_ABOVE, timers::NOT_GRANTED_ABOVE, timers::UNANSWERED_AFTER],
        [latency::CAPPED_ABOVE, latency::NOT_GRANTED_ABOVE, latency::UNKNOWN_AFTER]
    );
    assert!(timers::PROBE_EVERY < latency::UNKNOWN_AFTER, "one missed answer is noticed by the next");
}

#[test]
fn a_console_counts_every_wait_by_the_default_that_monitor_and_agent_begin_with() {
    for kind in AgentKind::ALL {
        let shown = [
            ("demand", timers::demand_within(*kind)),
            ("claim", timers::claim_within(*kind)),
            ("engage next", timers::engage_next_within(*kind)),
            ("answer", timers::answer_within(*kind)),
            ("link", timers::link_within(*kind)),
            ("fresh", timers::fresh_within(*kind)),
            ("heartbeat", timers::heartbeat_period(*kind)),
        ];
        let real = Timers::for_kind(*kind);
        let begun_with = [
            ("demand", real.demand),
            ("claim", real.claim),
            ("engage next", real.engage_next()),
            ("answer", real.handover),
            ("link", real.link),
            ("fresh", real.fresh),
            ("heartbeat", real.heartbeat),
        ];
        assert_eq!(shown, begun_with, "{kind}");
    }
}
