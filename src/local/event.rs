//! What is told while a cluster comes up here.

use std::time::Duration;

use crate::cluster::name::ServiceName;
use crate::plan::reason::Reason;
use crate::render::bare::LocalPort;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalEvent {
    /// Another `bayplan local` works on the same cluster: this one waits for it.
    Waits,
    /// An image is fetched.
    Pulls {
        /// Its reference.
        image: String,
    },
    /// A container starts, or another takes its place.
    Starts {
        /// Its service.
        service: ServiceName,
        /// Why.
        reasons: Vec<Reason>,
    },
    /// A port is taken, and another one leads to the container.
    Moved {
        /// Its service.
        service: ServiceName,
        /// The port, and where it was to be.
        port: LocalPort,
        /// Where it is.
        at: u16,
    },
    /// A container runs and is well.
    Runs {
        /// Its service.
        service: ServiceName,
        /// How long that took.
        took: Duration,
    },
    /// A job ended well.
    Done {
        /// Its service.
        service: ServiceName,
        /// How long that took.
        took: Duration,
    },
    /// New files were read without a restart.
    Reloaded {
        /// Whose.
        service: ServiceName,
    },
    /// A container that is no longer described was removed.
    Removed {
        /// What it was of.
        service: ServiceName,
    },
    /// A service does not run as it should.
    Failed {
        /// Its service.
        service: ServiceName,
        /// What is wrong.
        problem: LocalProblem,
    },
    /// A service was not started, since another one failed that comes before it.
    NotStarted {
        /// Its service.
        service: ServiceName,
        /// The other one.
        because: ServiceName,
    },
}

/// What is wrong with a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LocalProblem {
    /// One line.
    pub what: String,
    /// What it said last.
    pub lines: Option<String>,
    /// What to type.
    pub help: Option<String>,
}
