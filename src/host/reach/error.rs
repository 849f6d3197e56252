//! What can go wrong with a host: one short line each, what to type next, and all of it on demand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::cluster::model::Engine;
use crate::cluster::name::HostName;
use crate::host::ability::Ability;
use crate::host::version::{OLDEST_SYSTEMD, Version};

/// What is being done until the first answer.
pub(super) const WHILE_CONNECTING: &str = "connecting";

/// Why bayplan could not talk to a host.
///
/// `Display` is one line: where, and what. [`HostErrorKind::help`] says what to type next,
/// [`HostError::details`] is the long form. The host's name stands beside it, as a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {kind}")]
pub struct HostError {
    /// What went wrong.
    #[source]
    pub kind: HostErrorKind,
    /// Where: `10.0.0.226`, `10.0.0.226 port 2222`, `this machine`, or a directory.
    pub at: String,
    /// What the process wrote to stderr: the last 64 KiB.
    pub stderr: String,
}

/// What went wrong. Two hosts with equal kinds share one cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostErrorKind {
    /// There is no connection.
    #[error("unreachable: {0}")]
    Unreachable(Unreachable),
    /// The host showed another key than the one that is known for it.
    #[error("wrong host key: expected {}, found another one", known_key(*.known_by))]
    WrongHostKey {
        /// Where the right key stands.
        known_by: KnownBy,
    },
    /// The file that has the pinned key for `ssh` went while it connected.
    #[error("the file that gives `ssh` the pinned host key is gone")]
    PinnedKeyGone,
    /// No key is known for the host, and nothing is trusted on first use.
    #[error("unknown host key: no `host_key` is pinned, and it is not in your known hosts")]
    UnknownHostKey,
    /// The `host_key` of the description cannot be used.
    #[error("expected a `host_key` such as `ssh-ed25519 AAAA…`, found `{found}`")]
    UnusableHostKey {
        /// What the description says.
        found: String,
    },
    /// `Permission denied (publickey,…)`; the methods that the host would take.
    #[error("permission denied: the host takes {methods}, and none of your keys was accepted")]
    Authentication {
        /// Those that the host takes, as `ssh` lists them.
        methods: String,
    },
    /// The login is not root, and cannot become root.
    #[error("cannot become root with sudo: {0}")]
    NoSudo(NoSudo),
    /// The session is not root.
    #[error("expected root, found uid {uid}")]
    NotRoot {
        /// Who it is.
        uid: u32,
    },
    /// Another init, or a container without one.
    #[error("systemd is not running there (no /run/systemd/system)")]
    NoSystemd,
    /// The client of the container engine is not there.
    #[error("{} is not installed there", .engine.program())]
    NoEngine {
        /// The engine.
        engine: Engine,
    },
    /// Units run the engine's client by its path.
    #[error("expected {} as {program}, found it as {found}", .engine.program())]
    ClientElsewhere {
        /// The engine.
        engine: Engine,
        /// The path that units would have.
        program: String,
        /// The path where it is.
        found: String,
    },
    /// systemd is older than bayplan knows how to use.
    #[error("expected systemd {} or newer, found {found}", OLDEST_SYSTEMD.major)]
    OldSystemd {
        /// Its version.
        found: Version,
    },
    /// Another system.
    #[error("expected Linux, found {kernel}")]
    NotLinux {
        /// As `uname` says.
        kernel: String,
    },
    /// Programs that every host needs; each with the package that usually has it.
    #[error("missing there: {}", list(tools.iter().map(|tool| tool.program)))]
    MissingTool {
        /// All that are missing.
        tools: Vec<Tool>,
    },
    /// A tool is there and is not like those of others.
    #[error("expected {ability}, found another one")]
    Unable {
        /// What it should be able to do.
        ability: Ability,
    },
    /// The connection ended in the middle.
    #[error("connection lost while {doing}")]
    Lost {
        /// What was being done.
        doing: String,
    },
    /// No answer came in time.
    #[error("no answer within {} while {doing}", seconds(*.after))]
    Timeout {
        /// What was being done.
        doing: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// It still runs, but makes no progress.
    #[error("no progress for {} while {doing}", seconds(*.after))]
    Stalled {
        /// What was being done.
        doing: String,
        /// For how long nothing moved.
        after: Duration,
    },
    /// The operator asked to stop.
    #[error("interrupted while {doing}")]
    Interrupted {
        /// What was being done.
        doing: String,
    },
    /// The answer was not what the protocol says. `found` is printable.
    #[error("expected an answer of sh while {doing}, found {found}")]
    Protocol {
        /// What was being done.
        doing: String,
        /// What came instead.
        found: String,
    },
    /// A script ended with a status that its reader did not expect.
    #[error("{doing} failed with status {status}")]
    Failed {
        /// What was being done.
        doing: String,
        /// The exit status.
        status: i32,
    },
    /// An activation's log, which is to be followed, cannot be.
    #[error("its log {log} is gone, or is that of another activation")]
    NoLog {
        /// Its path.
        log: String,
    },
    /// There is no `ssh` on this machine.
    #[error("the program `ssh` is not installed on this machine")]
    NoSsh,
    /// `ssh` failed in a way that we do not know: its own last line.
    #[error("ssh: {line}")]
    Ssh {
        /// The line.
        line: String,
    },
    /// Something on this machine failed.
    #[error("{doing}: {why}")]
    Io {
        /// What was being done.
        doing: String,
        /// The system's words.
        why: String,
    },
}

/// Why a host cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Nothing listens on the port.
    #[error("connection refused")]
    Refused,
    /// Nothing answers.
    #[error("connecting timed out")]
    TimedOut,
    /// The network has no route.
    #[error("no route to it")]
    NoRoute,
    /// The name has no address.
    #[error("no such host name")]
    UnknownName,
    /// It ended between the TCP connection and the login.
    #[error("the other side closed the connection")]
    Closed,
}

/// Where a host's key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// `host_key` in the description.
    Description,
    /// The user's known hosts.
    KnownHosts,
}

/// Why `sudo -n` did not make the session root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSudo {
    /// There is no `NOPASSWD`.
    #[error("it asks for a password")]
    PasswordRequired,
    /// No rule of sudoers fits.
    #[error("the user may not run `sh` with it")]
    NotAllowed,
    /// `requiretty` is set.
    #[error("it requires a terminal (`requiretty`)")]
    RequiresTerminal,
    /// There is no `sudo`.
    #[error("sudo is not installed there")]
    NotInstalled,
}

/// A program that a host needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its name in PATH.
    pub program: &'static str,
    /// The package that has it, by Debian's name, which most distributions share.
    pub package: &'static str,
}

impl HostError {
    /// The long form: the line, what to type, and what the host or `ssh` said.
    #[must_use]
    pub fn details(&self) -> String {
        let mut text = format!("{self}\n");
        if let Some(help) = self.kind.help() {
            let _ = writeln!(text, "help: {help}");
        }
        for line in self.said() {
            let _ = writeln!(text, "  | {}", printable(line));
        }
        text
    }

    /// What the host or `ssh` said, line by line, as it came: without empty lines, what the error
    /// itself says already, and advice that would lead astray.
    pub fn said(&self) -> impl Iterator<Item = &str> {
        let own = if let HostErrorKind::Ssh { line } = &self.kind {
            line.as_str()
        } else {
            ""
        };
        let lines = self.stderr.lines().filter(|line| !line.trim().is_empty());
        lines.filter(move |line| line.trim() != own && !self.kind.is_misleading(line))
    }
}

impl HostErrorKind {
    /// Whether a line of `ssh` would lead astray: how to edit known hosts that we generated.
    fn is_misleading(&self, line: &str) -> bool {
        let pinned = Self::WrongHostKey {
            known_by: KnownBy::Description,
        };
        let advice = [
            "Add correct host key",
            "Offending",
            "remove with:",
            "ssh-keygen -f",
        ];
        *self == pinned
            && advice
                .iter()
                .any(|text| line.trim_start().starts_with(text))
    }

    /// What to type next, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable(why) => why.help().to_owned(),
            Self::WrongHostKey {
                known_by: KnownBy::Description,
            } => "compare on the host: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`; if the \
                  host really has a new key, change its `host_key` in cluster.toml"
                .to_owned(),
            Self::WrongHostKey {
                known_by: KnownBy::KnownHosts,
            } => "compare on the host: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`; if the \
                  host really has a new key, pin it: `host_key = \"…\"` in cluster.toml"
                .to_owned(),
            Self::PinnedKeyGone => "try again: it is written anew; if it stays so, something empties \
                                    $XDG_RUNTIME_DIR/bayplan (or /tmp/bayplan-UID) all the time"
                .to_owned(),
            Self::UnknownHostKey | Self::UnusableHostKey { .. } => {
                "`bayplan host pin` shows the key to compare and writes it; or take it from the host: the first two words of \
                 `cat /etc/ssh/ssh_host_ed25519_key.pub` as `host_key = \"ssh-ed25519 AAAA…\"` of this host in cluster.toml"
                    .to_owned()
            }
            Self::Authentication { .. } => {
                "bayplan never asks for passwords: `ssh-add -l` shows your keys; the user is \
                 `[ssh] user` in cluster.toml, or your ssh_config's"
                    .to_owned()
            }
            Self::NoSudo(why) => why.help().to_owned(),
            Self::NotRoot { .. } => {
                "`sudo = true` under [ssh] (for a local host: under its own name), or log in as root".to_owned()
            }
            Self::NoSystemd => {
                "bayplan needs a host that was booted with systemd; for files alone use \
                 `directory = \"…\"` in place of its address"
                    .to_owned()
            }
            Self::NoEngine { engine } => format!(
                "install it there, or choose the other one: `engine = \"{}\"`",
                match engine {
                    Engine::Docker => Engine::Podman.program(),
                    Engine::Podman => Engine::Docker.program(),
                }
            ),
            Self::ClientElsewhere { found, .. } => format!(
                "write `program = \"{found}\"` for this host, or for all of them, into cluster.toml"
            ),
            Self::OldSystemd { .. } => {
                "upgrade the host: older ones do not know `Type=exec`, which tells whether a \
                 container started"
                    .to_owned()
            }
            Self::Unable { ability } => ability.help(),
            Self::MissingTool { tools } => {
                let mut packages: Vec<&str> = tools.iter().map(|tool| tool.package).collect();
                packages.sort_unstable();
                packages.dedup();
                format!("install there: {}", packages.join(" "))
            }
            Self::Lost { .. } => {
                "the next run looks at the host again and finishes what was begun".to_owned()
            }
            Self::Protocol { .. } => {
                "the account needs a login shell that runs `sh -c` (no forced command, no menu)"
                    .to_owned()
            }
            Self::NoSsh => "install the OpenSSH client".to_owned(),
            Self::Timeout { doing, .. } if doing == WHILE_CONNECTING => {
                "log in by hand with `ssh`: that shows what it waits for".to_owned()
            }
            Self::NotLinux { .. }
            | Self::Stalled { .. }
            | Self::Timeout { .. }
            | Self::Interrupted { .. }
            | Self::Failed { .. }
            | Self::NoLog { .. }
            | Self::Ssh { .. }
            | Self::Io { .. } => return None,
        })
    }
}

impl Unreachable {
    fn help(self) -> &'static str {
        match self {
            Self::Refused => "is sshd running there, on this port? (`[ssh] port` in cluster.toml)",
            Self::TimedOut | Self::NoRoute => {
                "is it up, and is its `address` in cluster.toml right? (a VPN, a firewall)"
            }
            Self::UnknownName => "is its `address` in cluster.toml right?",
            Self::Closed => {
                "try again in a moment; if it happens again, look on the host: `journalctl -u ssh -n 20`"
            }
        }
    }
}

impl NoSudo {
    fn help(self) -> &'static str {
        match self {
            Self::PasswordRequired | Self::NotAllowed => {
                "as root on the host: `visudo -f /etc/sudoers.d/bayplan`, one line: `USER \
                 ALL=(root) NOPASSWD: ALL`"
            }
            Self::RequiresTerminal => {
                "as root on the host: `visudo -f /etc/sudoers.d/bayplan`, one line: \
                 `Defaults:USER !requiretty`"
            }
            Self::NotInstalled => "install sudo there, or use `user = \"root\"` under [ssh]",
        }
    }
}

/// Brings together the hosts that share one cause, in the order of their first hosts. The error
/// is that of the group's first host.
#[must_use]
pub fn group(errors: &BTreeMap<HostName, HostError>) -> Vec<(Vec<HostName>, &HostError)> {
    let mut groups: Vec<(Vec<HostName>, &HostError)> = Vec::new();
    for (host, error) in errors {
        match groups.iter_mut().find(|(_, one)| one.kind == error.kind) {
            Some((hosts, _)) => hosts.push(host.clone()),
            None => groups.push((vec![host.clone()], error)),
        }
    }
    groups
}

/// Text from elsewhere, safe to print: control characters are escaped.
pub(super) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// The first bytes of an odd answer, safe to print.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 80;
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    if text.is_empty() {
        return "nothing".to_owned();
    }
    let head: String = text.chars().take(SHOWN).collect();
    let more = if head.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", printable(&head))
}

fn known_key(known_by: KnownBy) -> &'static str {
    match known_by {
        KnownBy::Description => "the pinned one",
        KnownBy::KnownHosts => "the one of your known hosts",
    }
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else if duration.as_secs() >= 120 {
        format!("{} min", duration.as_secs() / 60)
    } else {
        format!("{} s", duration.as_secs())
    }
}

#[cfg(test)]
mod tests;
