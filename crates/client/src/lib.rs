//! SDK: be an agent with the gate inside, or an operator.
//!
//! Each half is a core that does no I/O ([`AgentCore`](agent::AgentCore), [`OperatorCore`](operator::OperatorCore)), driven by tests and
//! simulations in virtual time, and a thin shell of tokio around it ([`Agent`], [`Operator`]) that connects,
//! reconnects with back-off and jitter for as long as it lives, and reads the clock.
//!
//! # Be an agent
//! ```no_run
//! use watchkeeper_client::{Agent, AgentOptions, DecisionDraft, Mode, discover};
//! use watchkeeper_model::{AgentId, AgentKind, Confidence};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let options = AgentOptions::new(discover(None, None)?, AgentId::new("my-agent")?, AgentKind::Generic)
//!         .with_signals(&[("load", "%")]);
//!     let agent = Agent::connect(options.clone()).await?;
//!     loop {
//!         let (load, confidence) = (42.0, Confidence::new(0.9)?);
//!         if agent.directive().mode == Mode::Autonomous {
//!             agent.decide(DecisionDraft::new("keep", Some(confidence), vec![load]))?;
//!         }
//!         let stopped = agent.directive().mode != Mode::Autonomous;
//!         agent.report(watchkeeper_client::World { condition_reached: stopped, ..options.world });
//!         tokio::time::sleep(std::time::Duration::from_millis(100)).await;
//!     }
//! }
//! ```
//! The gate inside keeps its own time: when a demand is not answered, or the holder or the monitor is lost,
//! the directive changes by itself. Obey it; it is the last word.
//!
//! # Be an operator
//! ```no_run
//! use watchkeeper_client::{Intent, Operator, OperatorEvent, OperatorOptions, discover};
//! use watchkeeper_model::PersonId;
//! use watchkeeper_protocol::ToOperator;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut operator =
//!         Operator::connect(OperatorOptions::new(discover(None, None)?, PersonId::new("ada")?));
//!     loop {
//!         match operator.next().await {
//!             OperatorEvent::Message(message) => {
//!                 if let ToOperator::Alert(update) = *message {
//!                     println!("{}: {}", update.alarm.agent, update.alarm.explanation.text);
//!                     operator.act(Intent::Acknowledge { alert: update.alarm.alert_id })?;
//!                 }
//!             }
//!             OperatorEvent::Ended => return Ok(()),
//!             other => println!("{other:?}"),
//!         }
//!     }
//! }
//! ```
//!
//! Where the address begins with `wss://` the connection is TLS 1.3, with the files that [`TlsFiles`] names.
//!
//! Deliberately not here: drawing, what an agent decides, and any second sending of a command but a stop. What
//! could not be sent is refused with a reason, and the person is asked.

pub mod agent;
pub mod backoff;
mod clock;
mod connection;
pub mod discover;
mod link;
pub mod operator;
pub mod tls;

pub use agent::{
    Agent, AgentOptions, AgentStatusView, AskError, Asked, Closed, DecideError, DecisionDraft, QuestionDraft,
    StartError, TaskEvent,
};
pub use clock::console_now;
pub use connection::LinkLoss;
pub use discover::{DiscoverError, Endpoint, Places, TokenSource, discover};
pub use operator::{ActError, Operator, OperatorEvent, OperatorOptions, Wake};
pub use tls::{TlsError, TlsFiles};
pub use watchkeeper_picture::{Intent, Picture};
pub use watchkeeper_protocol::agent::DriveLimits;
pub use watchkeeper_takeover::{Answer, Directive, Mode, Task, World};

/// What every filter of log lines ends with: the WebSocket library writes whole frames at its loudest, and a hello
/// holds a token (`security.md` T27).
pub const NO_FRAMES: [&str; 2] = ["tungstenite=info", "tokio_tungstenite=info"];
