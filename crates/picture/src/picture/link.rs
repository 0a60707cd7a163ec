//! The connection, and who this session is.

use watchkeeper_model::{Label, MonoTime, OperatorRole, PersonId, SessionId};

/// How the connection to the monitor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// There was none yet.
    Never,
    /// The socket is open, the welcome has not come.
    Connecting {
        /// Since when, on the console's clock.
        since: MonoTime,
    },
    /// Welcomed.
    Connected {
        /// Since when, on the console's clock.
        since: MonoTime,
    },
    /// There was one, and it is gone.
    Lost {
        /// Since when, on the console's clock.
        since: MonoTime,
    },
}

impl Link {
    /// Returns whether messages can be sent now.
    pub const fn is_connected(self) -> bool {
        matches!(self, Self::Connected { .. })
    }
}

/// Who this session is to the monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// This connection.
    pub session_id: SessionId,
    /// The person.
    pub person: PersonId,
    /// In which role.
    pub role: OperatorRole,
    /// The monitor's build, for people.
    pub software_version: Label,
}
