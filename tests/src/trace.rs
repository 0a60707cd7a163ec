//! What the vehicles of the authority tests tell of themselves, one JSON object a line, on the clock of the machine.

use serde::{Deserialize, Serialize};
use watchkeeper_client::{Directive, Mode};
use watchkeeper_model::{
    AgentId, AgentTime, BootId, ControlState, DecisionSeq, DemandId, Epoch, FallbackLevel, Latch,
};

/// How to play the vehicles; the one argument of the program, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fleet {
    /// The monitor's endpoint.
    pub url: String,
    /// Where its token lies.
    pub token_file: String,
    /// Where the gates keep their records; `None` keeps them in memory.
    pub state_dir: Option<String>,
    /// One vehicle each, each alone on a road of its own.
    pub vehicles: Vec<AgentId>,
    /// How fast they like to drive, 3 to 30 m/s.
    pub speed_mps: f64,
}

/// What the program is told on its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// Ask for a person.
    Ask {
        /// Which vehicle.
        vehicle: AgentId,
    },
    /// Report that it is (not) steady, so that no transition completes.
    Steady {
        /// Which vehicle.
        vehicle: AgentId,
        /// As its sensors say; otherwise never.
        steady: bool,
    },
}

/// What the program says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Told {
    /// Something about a vehicle is other than it was.
    Line(Line),
    /// The machine let a vehicle wait: what it did meanwhile came so much later.
    Late {
        /// Which vehicle.
        vehicle: AgentId,
        /// When it was its turn again.
        at: AgentTime,
        /// For how long it had waited.
        by_nanos: u64,
    },
    /// The monitor told a vehicle of a head.
    Head {
        /// The number of the record.
        sequence: u64,
        /// The chain value after it.
        hash: [u8; 32],
    },
    /// The monitor told a vehicle that its decisions are safe up to this one.
    Durable {
        /// Which vehicle.
        vehicle: AgentId,
        /// In which run.
        boot_id: BootId,
        /// Up to which.
        seq: DecisionSeq,
    },
}

/// A vehicle at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// When, on the clock of the machine.
    pub at: AgentTime,
    /// Which vehicle.
    pub vehicle: AgentId,
    /// This run of its gate.
    pub boot_id: BootId,
    /// The monitor has welcomed it.
    pub connected: bool,
    /// Its control state.
    pub state: ControlState,
    /// The active epoch, else the pending one, else 0.
    pub epoch: Epoch,
    /// What it obeys.
    pub does: Does,
    /// The speed cap that is ordered, in m/s; the limit that follows the latency is apart.
    pub cap_mps: Option<f64>,
    /// The latches it holds.
    pub latches: Vec<Latch>,
    /// The open demand, and when T_demand is over.
    pub demand: Option<(DemandId, AgentTime)>,
    /// How fast it drives.
    pub speed_mps: f64,
    /// How long a comfortable stop takes from here, as the simulator models it.
    pub stopping_secs: f64,
    /// Its sensors confirm that it stands.
    pub standstill: bool,
}

impl Line {
    /// Says whether it has fallen back, and obeys that.
    pub fn has_fallen(&self) -> bool {
        matches!(self.state, ControlState::Fallback | ControlState::SafeHeld)
            && matches!(self.does, Does::Fallback(_) | Does::Held)
    }

    /// Says whether two lines tell the same but for what changes all the time.
    pub fn is_like(&self, other: &Self) -> bool {
        let lasting = |line: &Self| Self {
            at: AgentTime::default(),
            demand: line.demand.map(|(demand, _)| (demand, AgentTime::default())),
            speed_mps: 0.0,
            stopping_secs: 0.0,
            standstill: false,
            ..line.clone()
        };
        lasting(self) == lasting(other)
    }
}

/// What a vehicle obeys.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// Stands, not reconciled yet.
    SafePolicy,
    /// Drives by itself.
    Autonomous,
    /// Is led.
    Led {
        /// Stops and stands.
        hold: bool,
    },
    /// Is driven by hand.
    ByHand {
        /// -1 to 1.
        steer: f64,
        /// -1 to 1.
        accelerate: f64,
    },
    /// Nobody's hand is on it.
    Neutral,
    /// Falls back.
    Fallback(FallbackLevel),
    /// Stays where it is.
    Held,
    /// Stops.
    Estop,
    /// Somebody at the agent leads.
    Local,
}

impl From<Directive> for Does {
    fn from(directive: Directive) -> Self {
        match directive.mode {
            Mode::SafePolicy => Self::SafePolicy,
            Mode::Autonomous => Self::Autonomous,
            Mode::Human { hold } => Self::Led { hold },
            Mode::Manual { steer, accelerate } => Self::ByHand { steer, accelerate },
            Mode::Neutral => Self::Neutral,
            Mode::Fallback(level) => Self::Fallback(level),
            Mode::Held => Self::Held,
            Mode::Estop => Self::Estop,
            Mode::Local => Self::Local,
        }
    }
}
