//! One file a command: each wires the stages and decides nothing.

mod activate;
mod board;
mod bump;
mod carry_out;
mod check;
mod completions;
mod confirm;
mod depart;
mod description;
mod diff;
mod exec;
mod freeze;
mod helper;
mod history;
mod host;
mod init;
mod local;
mod logs;
mod man;
mod notify;
mod operate;
mod operated;
mod operation;
mod page;
mod promote;
mod prune;
mod push;
mod release;
mod render;
mod request;
mod restart;
mod resume;
mod review;
mod rollback;
mod saved;
mod schema;
mod secrets;
mod selection;
mod shown;
mod status;
mod tag_lookup;
mod top;
mod why;

use std::io::{self, Write as _};
use std::path::Path;

pub use self::completions::completed;
use crate::cli::{Cli, Command};
use crate::report::errors;
use crate::report::palette::Palette;
use crate::report::stream::{self, StdoutError};
use crate::trace;

/// How bayplan ends. `docs/how.md` has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to do, or done.
    Done,
    /// Failed or refused, or the answer was no.
    Failed,
    /// There are changes, and `--exit-code` asked.
    Changes,
    /// Somebody else holds the lock of a host.
    Locked,
    /// A host changed after the plan was shown.
    Stale,
    /// A host failed, and every host that did was put back.
    RolledBack,
    /// A release waits after its canary, until somebody says that it may go on.
    Waits,
    /// Somebody froze the cluster.
    Frozen,
    /// The command line is wrong.
    Usage,
    /// The operator asked to stop (SIGINT).
    Interrupted,
    /// A command in a container ended with this.
    Ran(u8),
    /// Standard output was closed (`bayplan … | head`): what a shell says of a program that
    /// SIGPIPE ended.
    Closed,
}

impl Exit {
    /// Every way to end.
    pub const ALL: [Self; 11] = [
        Self::Done,
        Self::Failed,
        Self::Changes,
        Self::Locked,
        Self::Stale,
        Self::RolledBack,
        Self::Waits,
        Self::Frozen,
        Self::Usage,
        Self::Interrupted,
        Self::Closed,
    ];

    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Changes => 2,
            Exit::Locked => 3,
            Exit::Stale => 4,
            Exit::RolledBack => 5,
            Exit::Waits => 6,
            Exit::Frozen => 7,
            Exit::Usage => 64,
            Exit::Interrupted => 130,
            Exit::Ran(code) => code,
            Exit::Closed => 128 + 13,
        }
    }
}

/// Why a command ended early, what to type, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened.
    pub error: anyhow::Error,
    /// What to type next.
    pub help: Option<String>,
}

impl Failure {
    /// An error with a line that says what to type.
    #[must_use]
    pub fn with_help(error: impl Into<anyhow::Error>, help: impl Into<String>) -> Self {
        Self::of(error, Some(help.into()))
    }

    /// A command line that cannot be meant.
    #[must_use]
    pub fn usage(error: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::with_help(anyhow::anyhow!(error.into()), help)
        }
    }

    /// An error that may have such a line.
    #[must_use]
    pub fn of(error: impl Into<anyhow::Error>, help: Option<String>) -> Self {
        Self {
            help,
            ..Self::from(error)
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let exit = match error.downcast_ref::<StdoutError>() {
            Some(StdoutError::Closed) => Exit::Closed,
            Some(StdoutError::Other(_)) | None => Exit::Failed,
        };
        Self {
            exit,
            error,
            help: None,
        }
    }
}

/// Puts a file in the place of another as a whole, or not at all. It is written at `beside` first, which
/// nobody else made: a link that waits there is not followed.
#[expect(clippy::disallowed_methods, reason = "writes what a command saves")]
fn replace(path: &Path, beside: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = fs_err::OpenOptions::new();
    let mut file = new.write(true).create_new(true).open(beside)?;
    let written = file.write_all(bytes);
    drop(file);
    let done = written.and_then(|()| fs_err::rename(beside, path));
    if done.is_err() {
        // The first error says more than one of this.
        let _ = fs_err::remove_file(beside);
    }
    done
}

/// Writes what a command saves as a whole, in place of an older file. `what` is its name in a message, `help` a path
/// that can be given instead.
///
/// # Errors
/// Something else than a file is there, or nothing can be written.
#[expect(
    clippy::disallowed_methods,
    reason = "asks what is in the place of a file"
)]
fn write_whole(path: &Path, what: &str, bytes: &[u8], help: &str) -> Result<(), Failure> {
    let name = path.display();
    // A rename would put a file in the place of a device or a pipe.
    let other = fs_err::symlink_metadata(path).is_ok_and(|found| !found.is_file());
    if other || path == Path::new("-") {
        return Err(Failure::with_help(
            anyhow::anyhow!("expected a file to write {what} to, found `{name}`"),
            help,
        ));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    replace(path, Path::new(&beside), bytes).map_err(|error| {
        // The name beside it is nobody's concern.
        let why = error.kind();
        anyhow::anyhow!("{what} cannot be written to {name}: {why}").into()
    })
}

/// Runs a command to its end.
///
/// # Errors
/// Whatever stopped it before its result could be shown.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let Cli {
        directory,
        color,
        verbose,
        quiet,
        command,
    } = cli;
    anstream::ColorChoice::from(color).write_global();
    if verbose {
        trace::tell_with(|line| stream::stderr(&errors::trace(line, &Palette::stderr())));
    }
    if quiet {
        stream::be_quiet();
    }
    let directory = directory.as_deref();
    match command {
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
        Command::Init(arguments) => init::run(directory, &arguments),
        Command::Check(arguments) => check::run(directory, &arguments),
        Command::Render(arguments) => render::run(directory, &arguments),
        Command::Diff(arguments) => diff::run(directory, &arguments),
        Command::Release(arguments) => release::run(directory, &arguments),
        Command::Push(arguments) => push::run(directory, &arguments),
        Command::Activate(arguments) => activate::run(directory, &arguments),
        Command::Bump(arguments) => bump::run(directory, &arguments),
        Command::Promote(arguments) => promote::run(directory, &arguments),
        Command::Freeze(arguments) => freeze::run(directory, &arguments),
        Command::Unfreeze(arguments) => freeze::end(directory, &arguments),
        Command::Stop(arguments) => restart::stop(directory, &arguments),
        Command::Start(arguments) => restart::start(directory, &arguments),
        Command::Drain(arguments) => restart::drain(directory, &arguments),
        Command::Undrain(arguments) => restart::undrain(directory, &arguments),
        Command::Restart(arguments) => restart::run(directory, &arguments),
        Command::Rollback(arguments) => rollback::run(directory, &arguments),
        Command::History(arguments) => history::run(directory, &arguments),
        Command::Host(arguments) => host::run(directory, &arguments),
        Command::Secrets(arguments) => secrets::run(directory, &arguments),
        Command::Why(arguments) => why::run(directory, &arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Exec(arguments) => exec::run(directory, &arguments),
        Command::Run(arguments) => exec::run_one(directory, &arguments),
        Command::Local(arguments) => local::run(directory, &arguments),
        Command::Prune(arguments) => prune::run(directory, &arguments),
        Command::Decommission(arguments) => depart::run(directory, &arguments),
        Command::Destroy(arguments) => depart::destroy(directory, &arguments),
        Command::Top(arguments) => top::run(directory, &arguments),
        Command::Logs(arguments) => logs::run(directory, &arguments),
        Command::Status(arguments) => status::run(directory, &arguments),
        Command::Board(arguments) => board::run(directory, &arguments),
    }
}
