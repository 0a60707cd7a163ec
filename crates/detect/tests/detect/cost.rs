use crate::feed::{decision, noise, specs};
use watchkeeper_detect::{DetectSettings, Pipeline};
use watchkeeper_model::{AgentId, AgentKind, AgentTime, MonoTime};

/// Run with `cargo test --release -p watchkeeper-detect -- --ignored --nocapture cost`.
#[test]
#[ignore = "a measurement, not a check"]
#[expect(clippy::disallowed_methods, reason = "measures real time")]
fn cost_of_a_quiet_decision() {
    for width in [1_usize, 8, 64] {
        let names: Vec<String> = (0..width).map(|at| format!("s{at}")).collect();
        let names: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "m")).collect();
        let agent = AgentId::new("agent").unwrap();
        let mut pipeline =
            Pipeline::new(&agent, AgentKind::Vehicle, specs(&names), &DetectSettings::default());
        let row: Vec<f64> = vec![0.0; width];
        let mut example = decision(1, MonoTime::from_nanos(0), &row, Some(0.9));
        let mut found = Vec::new();
        let count = 400_000_u64;
        let start = std::time::Instant::now();
        for at in 0..count {
            example.seq.0 = at + 1;
            example.made_at = AgentTime::from_nanos(at * 100_000_000);
            for (column, value) in example.signals.iter_mut().enumerate() {
                *value = noise(at + column as u64);
            }
            pipeline.handle_decision(&example, &mut found, MonoTime::from_nanos(at * 100_000_000));
        }
        let nanos = start.elapsed().as_nanos() as f64 / count as f64;
        println!("{width} signals: {nanos:.0} ns a decision, {} findings", found.len());
    }
}
