//! The command line: types only, one file a command, with its help.

#![allow(
    missing_docs,
    reason = "a comment here is a line of the help, and a group of options or a subcommand has its own"
)]

mod activate;
mod advice;
mod arguments;
mod board;
mod bump;
mod check;
mod completions;
mod depart;
mod diff;
mod drain;
mod exec;
mod freeze;
mod history;
mod host;
mod init;
mod local;
mod logs;
mod man;
mod promote;
mod prune;
mod push;
mod release;
mod render;
mod restart;
mod rollback;
mod run;
mod schema;
mod secrets;
mod status;
mod stop;
mod top;
mod why;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum, ValueHint};

pub use self::activate::Activate;
pub use self::advice::advised;
pub use self::arguments::{
    FailureChoice, Identities, Lift, Operating, Parallel, Part, Patience, TimeArgument,
};
pub use self::board::Board;
pub use self::bump::{Bump, Committing, TagLookup};
pub use self::check::Check;
pub use self::completions::Completions;
pub use self::depart::{Decommission, DepartureChoice, Destroy};
pub use self::diff::{Diff, Format};
pub use self::drain::{Drain, Undrain};
pub use self::exec::Exec;
pub use self::freeze::{Freeze, Unfreeze};
pub use self::history::History;
pub use self::host::{HostCheck, HostCommands, HostPin, HostPrepare, HostsOf};
pub use self::init::Init;
pub use self::local::{
    EngineChoice, LocalCommands, LocalDown, LocalEnv, LocalExec, LocalLogs, LocalScope,
    LocalStatus, LocalUpArguments,
};
pub use self::logs::Logs;
pub use self::man::Man;
pub use self::promote::Promote;
pub use self::prune::Prune;
pub use self::push::Push;
pub use self::release::Release;
pub use self::render::Render;
pub use self::restart::Restart;
pub use self::rollback::Rollback;
pub use self::run::RunOnce;
pub use self::schema::{Schema, SchemaOf};
pub use self::secrets::{
    Secrets, SecretsCluster, SecretsInit, SecretsOpen, SecretsRekey, SecretsScope, SecretsSet,
};
pub use self::status::{Status, StatusBlocks};
pub use self::stop::{Start, Stop};
pub use self::top::Top;
pub use self::why::Why;

const EXIT_CODES: &str = "\
Exit codes:
   0  nothing to do, or done
   1  failed
   2  there are changes (`diff --exit-code`)
   3  another release holds the lock of a host
   4  the plan is stale: a host changed after it was shown
   5  a host failed and was put back
   6  the release waits after its canary, for `release --resume`
   7  the cluster is frozen
  64  the command line is wrong
 130  interrupted; what a host had begun it finishes by itself

Examples:
  bayplan check                       every problem of every cluster
  bayplan diff production             what a release would change, and why
  bayplan release production search   release one service
  bayplan status production           what runs, and whether it is as it should be";

/// Containers on a handful of hosts, from a description in git.
///
/// bayplan writes the systemd units and env files of every service on every host of a cluster,
/// shows what that would change, pushes it over SSH, and restarts exactly the containers whose
/// inputs changed. No agent, no state file: what is on a host is plain files.
#[derive(Debug, Clone, Parser)]
#[command(name = "bayplan", version, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// Work in this directory: the config repository is the nearest one upwards with `clusters/`
    #[arg(short = 'C', value_name = "DIR", global = true, display_order = 100, value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,

    /// When to use colours; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        display_order = 101,
        default_value = "auto"
    )]
    pub color: Colour,

    /// Tell on standard error each program that runs here, and each script that runs on a host, by what it does
    #[arg(short, long, global = true, display_order = 102)]
    pub verbose: bool,

    /// Tell only errors, what needs a person, and the result: no progress, no notes, and no plan where nobody is asked
    #[arg(
        short,
        long,
        global = true,
        display_order = 103,
        conflicts_with = "verbose"
    )]
    pub quiet: bool,

    #[command(subcommand)]
    pub command: Command,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

impl From<Colour> for anstream::ColorChoice {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Auto => Self::Auto,
            Colour::Always => Self::Always,
            Colour::Never => Self::Never,
        }
    }
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    Init(Init),
    Check(Check),
    Render(Render),
    Diff(Diff),
    Release(Release),
    Push(Push),
    Activate(Activate),
    Bump(Bump),
    Promote(Promote),
    Rollback(Rollback),
    Restart(Restart),
    Stop(Stop),
    Start(Start),
    Drain(Drain),
    Undrain(Undrain),
    Freeze(Freeze),
    Unfreeze(Unfreeze),
    History(History),
    Status(Status),
    Top(Top),
    Board(Board),
    Logs(Logs),
    Exec(Exec),
    Run(RunOnce),
    Prune(Prune),
    Decommission(Decommission),
    Destroy(Destroy),
    Why(Why),
    #[command(subcommand)]
    Local(LocalCommands),
    #[command(subcommand)]
    Host(HostCommands),
    Schema(Schema),
    #[command(subcommand)]
    Secrets(Secrets),
    Completions(Completions),
    Man(Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;
    use insta::assert_snapshot;

    use super::*;
    use crate::cluster::name::ClusterName;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_by_examples() {
        fn collect(command: &mut clap::Command, help: &mut Vec<String>) {
            let text = command.render_long_help().to_string();
            assert!(text.contains("Examples:\n  "), "{text}");
            help.push(text);
            let commands = command.get_subcommands_mut();
            for command in commands.filter(|command| command.get_name() != "help") {
                collect(command, help);
            }
        }
        let mut help = Vec::new();
        let mut cli = Cli::command().term_width(80);
        cli.build();
        collect(&mut cli, &mut help);
        assert_snapshot!(help.join("\n────\n"));
    }

    #[test]
    fn a_cluster_may_be_written_as_its_directory() {
        let cli = parse("bayplan check clusters/production/").unwrap();
        let Command::Check(Check { clusters, json: _ }) = cli.command else {
            panic!("parsed as another command");
        };
        assert_eq!(clusters, [ClusterName::new("production").unwrap()]);
    }

    #[test]
    fn wrong_lines_are_usage_errors() {
        let kind = |line| parse(line).unwrap_err().kind();
        assert_eq!(
            kind("bayplan"),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        );
        assert_eq!(kind("bayplan frobnicate"), ErrorKind::InvalidSubcommand);
        assert_eq!(kind("bayplan diff"), ErrorKind::MissingRequiredArgument);
        assert_eq!(kind("bayplan diff Production"), ErrorKind::ValueValidation);
        assert_eq!(
            kind("bayplan diff production --parallel 0"),
            ErrorKind::ValueValidation
        );
        assert_eq!(
            kind("bayplan release production --lock-wait 5"),
            ErrorKind::ValueValidation
        );
        assert_eq!(kind("bayplan --version"), ErrorKind::DisplayVersion);
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        let cli = parse("bayplan diff production -C config --color never").unwrap();
        assert_eq!(cli.directory, Some(PathBuf::from("config")));
        assert_eq!(cli.color, Colour::Never);
    }
}
