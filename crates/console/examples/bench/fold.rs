//! What it costs to decode and fold messages.

use crate::clock::processor_time;
use watchkeeper_model::{DecisionSeq, MonoTime};
use watchkeeper_picture::examples;
use watchkeeper_protocol::{ToOperator, Wire, operator::Telemetry};

/// Messages a second of the figure that is printed.
const RATE: f64 = 10_000.0;
/// Rounds over all agents.
const ROUNDS: u64 = 60;

/// Decodes and folds six seconds of decisions of a thousand agents.
pub(crate) fn measure() {
    let situation = examples::thousand();
    let mut picture = situation.picture.clone();
    let mut frames = Vec::new();
    for round in 1..=ROUNDS {
        frames.extend(telemetry(&situation, round).map(|(at, message)| (at, message.encode())));
    }
    let count = frames.len();
    let took = processor_time(|| {
        for (at, frame) in &frames {
            picture.handle(&ToOperator::decode(frame).unwrap(), *at);
        }
    });
    let micros = took.as_secs_f64() * 1e6 / count as f64;
    let share = micros * RATE / 1e6 * 100.0;
    println!("decode and fold: {count} messages of 1,000 agents, {micros:.1} us each");
    println!("  10,000 a second take {share:.1} % of a core");
}

/// The next decision of every agent that drives: all move on, round by round.
pub(crate) fn telemetry(
    situation: &examples::Situation,
    round: u64,
) -> impl Iterator<Item = (MonoTime, ToOperator)> + '_ {
    let at = situation.now.after(std::time::Duration::from_millis(100 * round));
    situation.picture.agents().filter_map(move |(agent, entry)| {
        let newest = entry.history().newest()?;
        let mut pose = newest.pose?;
        let way = 1.3 * round as f64;
        pose.x_meters += way * pose.heading_radians.cos();
        pose.y_meters += way * pose.heading_radians.sin();
        let message = ToOperator::Telemetry(Telemetry {
            agent: agent.clone(),
            seq: DecisionSeq(newest.seq.0 + round),
            received_at: MonoTime::from_nanos(100_000_000 * round),
            action: newest.action.clone(),
            confidence: newest.confidence,
            signals: newest.signals.clone(),
            score: newest.score,
            pose: Some(pose),
            plan: Vec::new(),
        });
        Some((at, message))
    })
}
