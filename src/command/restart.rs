//! `bayplan restart CLUSTER [SERVICE…]`, `stop`, `start`, `drain` and `undrain`.

use std::path::Path;

use super::freeze::hold;
use super::operate::operate;
use super::operation::{LastHost, Operation, OperationKind, WhichHolds};
use super::{Exit, Failure};
use crate::cli::{Drain, Part, Restart, Start, Stop, TimeArgument, Undrain};
use crate::cluster::name::HostName;
use crate::render::hold::Hold;

/// `bayplan restart`.
pub(super) fn run(directory: Option<&Path>, arguments: &Restart) -> Result<Exit, Failure> {
    let Restart {
        cluster,
        services,
        why,
        part,
        operating,
    } = arguments;
    let kind = OperationKind::Restart { why: why.clone() };
    let operation = Operation {
        command: "restart",
        cluster,
        services,
        part,
        operating,
        kind,
    };
    operate(directory, &operation)
}

/// `bayplan stop`.
pub(super) fn stop(directory: Option<&Path>, arguments: &Stop) -> Result<Exit, Failure> {
    let Stop {
        cluster,
        services,
        time,
        why,
        last,
        part,
        operating,
    } = arguments;
    let kind = OperationKind::Stop {
        hold: hold(time.map(TimeArgument::Ago).as_ref(), why.clone())?,
        last: match last {
            true => LastHost::Allowed,
            false => LastHost::Whole,
        },
    };
    let operation = Operation {
        command: "stop",
        cluster,
        services,
        part,
        operating,
        kind,
    };
    operate(directory, &operation)
}

/// `bayplan start`.
pub(super) fn start(directory: Option<&Path>, arguments: &Start) -> Result<Exit, Failure> {
    let Start {
        cluster,
        services,
        part,
        operating,
    } = arguments;
    let these = WhichHolds::All;
    let kind = OperationKind::Start { these };
    let operation = Operation {
        command: "start",
        cluster,
        services,
        part,
        operating,
        kind,
    };
    operate(directory, &operation)
}

/// `bayplan drain`.
pub(super) fn drain(directory: Option<&Path>, arguments: &Drain) -> Result<Exit, Failure> {
    let Drain {
        cluster,
        host,
        time,
        why,
        last,
        operating,
    } = arguments;
    let hold = hold(time.map(TimeArgument::Ago).as_ref(), why.clone())?;
    let kind = OperationKind::Stop {
        hold: Hold {
            drains: true,
            ..hold
        },
        last: match last {
            true => LastHost::Allowed,
            false => LastHost::Refused,
        },
    };
    let operation = Operation {
        command: "drain",
        cluster,
        services: &[],
        part: &alone(host),
        operating,
        kind,
    };
    operate(directory, &operation)
}

/// `bayplan undrain`.
pub(super) fn undrain(directory: Option<&Path>, arguments: &Undrain) -> Result<Exit, Failure> {
    let Undrain {
        cluster,
        host,
        operating,
    } = arguments;
    let these = WhichHolds::OfDrained;
    let kind = OperationKind::Start { these };
    let operation = Operation {
        command: "undrain",
        cluster,
        services: &[],
        part: &alone(host),
        operating,
        kind,
    };
    operate(directory, &operation)
}

/// Only this host.
fn alone(host: &HostName) -> Part {
    Part {
        skip: Vec::new(),
        only: vec![host.clone()],
    }
}
