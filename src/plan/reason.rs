//! Why a container restarts, down to the key.

use crate::cluster::model::Layer;
use crate::cluster::name::{ServiceName, VariableName};
use crate::plan::Change;
use crate::render::hold::Hold;

/// One reason. A restart has at least one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The service is new on this host.
    New,
    /// Rule (a): it should run and does not; systemd's word for what it does.
    NotRunning {
        /// As `inactive`.
        state: String,
    },
    /// Rule (b), a variable. `None` before: added; `None` after: removed.
    Variable {
        /// The layer of its value now, or before if it is gone.
        layer: Layer,
        /// Its name.
        name: VariableName,
        /// What it was.
        before: Option<String>,
        /// What it is to be.
        after: Option<String>,
    },
    /// Rule (b), a secret, as a variable or a file; what it is or was nobody is told.
    Secret {
        /// Its name.
        name: VariableName,
        /// What becomes of it.
        change: Change,
    },
    /// Rule (b), the image reference.
    Image {
        /// What it was.
        before: String,
        /// What it is to be.
        after: String,
    },
    /// Rule (b), a line of the unit that decides how the container runs: the words that are gone
    /// and the words that came; none of both if they are in another order.
    Directive {
        /// As `ExecStart`.
        key: String,
        /// The words that are gone.
        removed: Vec<String>,
        /// The words that came.
        added: Vec<String>,
    },
    /// Rule (b), a config file: its path in the container, or below the inputs directory.
    File {
        /// The path.
        path: String,
    },
    /// Rule (b), but what it ran with can no longer be read on the host.
    Unknown {
        /// The one that it runs with.
        fingerprint: String,
    },
    /// Rule (c): the reference means another image than the container runs.
    ImageMoved {
        /// What the unit calls it.
        reference: String,
        /// The running image's id.
        running: String,
    },
    /// Rule (d): these files (of its inputs directory, or its unit) were changed by hand after or
    /// before the process started, so it may run what they said.
    Edited {
        /// The paths, or the directory with `/`.
        paths: Vec<String>,
    },
    /// Rule (d), in doubt: these files are as they should be and changed after the process started, so it
    /// may have read an edit in between.
    Touched {
        /// The paths, or the directory with `/`.
        paths: Vec<String>,
    },
    /// Its network has other options than described, and is made anew.
    Network {
        /// As engines know it.
        network: String,
    },
    /// Files in these directories were swapped, and what runs was not told to read them, or did not: a release ended in
    /// between.
    NotReloaded {
        /// The directories, by their paths in the container.
        paths: Vec<String>,
    },
    /// A release ended before one slot had taken over from the other: the proxy does not know who serves, or the slot that
    /// went still runs.
    HalfSwapped,
    /// A job that has not run yet, on any host.
    NotRunYet,
    /// Its last run did not succeed.
    RunFailed {
        /// The exit status, or a signal, in systemd's words.
        exit: String,
        /// When it ended, in seconds since 1970.
        ended: Option<i64>,
    },
    /// Its last run began, and nobody recorded its end: it goes on, or was cut off.
    RunCut {
        /// When it began, in seconds since 1970.
        began: Option<i64>,
    },
    /// It runs with each release that changes something.
    EachRelease,
    /// It is as it should be, and somebody asks for its restart.
    Asked {
        /// Why, in the operator's words.
        why: Option<String>,
    },
    /// Somebody holds it: it is to stay stopped.
    Held {
        /// Who, until when and why.
        hold: Hold,
    },
    /// It gives its port or address to another service first, and comes back after it.
    Displaced {
        /// The other service.
        by: ServiceName,
    },
}
