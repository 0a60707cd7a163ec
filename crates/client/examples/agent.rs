//! An agent in 20 lines, as the README shows it: `cargo run -p watchkeeper-client --example agent`.

use watchkeeper_client::{Agent, AgentOptions, DecisionDraft, Mode, World, discover};
use watchkeeper_model::{AgentId, AgentKind, Confidence};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = AgentOptions::new(discover(None, None)?, AgentId::new("my-agent")?, AgentKind::Generic)
        .with_signals(&[("load", "%")]);
    let agent = Agent::connect(options.clone()).await?;
    for step in 0.. {
        let load = 40.0 + f64::from(step % 7); // what your agent measures, and how sure it is:
        let confidence = Confidence::new(0.9)?;
        let acting = agent.directive().mode == Mode::Autonomous; // the gate's last word: obey it
        if acting {
            agent.decide(DecisionDraft::new("keep", Some(confidence), vec![load]))?;
        }
        agent.report(World { condition_reached: !acting, ..options.world });
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(())
}
