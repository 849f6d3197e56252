//! The `ssh` command of a host.
//!
//! The user's own `ssh_config(5)` stays in force: jump hosts, agents, certificates, keys, and a
//! ControlMaster of theirs. A generated file includes it first and adds our defaults at its end,
//! since in `ssh_config(5)` the first value wins. What must hold whatever the user wrote is said
//! on the command line, which wins over every file.

#![expect(
    clippy::disallowed_methods,
    reason = "starts `ssh` in the user's surroundings"
)]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::error::HostErrorKind;
use super::error::KnownBy;
use super::failure::Via;
use super::protocol::LOOP;
use super::runtime::RuntimeDirectory;
use crate::cluster::model::Ssh;
use crate::cluster::name::{ClusterName, HostName};

/// What the client's surroundings decide.
#[derive(Debug, Clone)]
pub(super) struct Client {
    /// `ssh`, found in `PATH`.
    pub(super) program: OsString,
    /// The user's configuration: `$BAYPLAN_SSH_CONFIG`, else `$HOME/.ssh/config`.
    pub(super) user_config: Option<PathBuf>,
    pub(super) xdg_runtime_dir: Option<PathBuf>,
    pub(super) temporary: PathBuf,
    pub(super) home: Option<PathBuf>,
    pub(super) unknown: UnknownOptions,
    /// How long nothing at all may come through a connection that is shared before it counts as dead.
    pub(super) dead_after: Duration,
}

/// How long nothing at all may come through a connection that is shared. A cut that `ssh` has not noticed yet
/// would take it 15 s and more, and the new connection begins only then.
const DEAD_AFTER: Duration = Duration::from_secs(5);

/// The options of ours that the client does not know, in lower case: an older OpenSSH ends with an error on each
/// of them (7.4 has no `RemoteCommand`). What it does not know cannot be in force either, so it is tried again
/// without. Clones share what they learned: only the first host of a run pays for it.
#[derive(Debug, Clone, Default)]
pub struct UnknownOptions(Arc<Mutex<BTreeSet<String>>>);

impl UnknownOptions {
    fn has(&self, option: &str) -> bool {
        let name = option.split('=').next().unwrap_or_default();
        let unknown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unknown.contains(&name.to_ascii_lowercase())
    }

    /// Whether `ssh` ended because it does not know an option of ours. That option is left out from now on.
    pub(super) fn learn(&self, stderr: &str) -> bool {
        let name = stderr.lines().find_map(|line| {
            let (_, name) = line.split_once("Bad configuration option: ")?;
            Some(name.trim().to_ascii_lowercase())
        });
        let Some(name) = name else {
            return false;
        };
        let options = ALWAYS.iter().chain(PINNED);
        let ours = options.filter_map(|option| option.split('=').next());
        let is_ours = ours
            .into_iter()
            .any(|ours| ours.eq_ignore_ascii_case(&name));
        if is_ours {
            let mut unknown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            unknown.insert(name);
        }
        is_ours
    }
}

/// Whether what is started gets the terminal of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenTerminal {
    /// It does.
    Own,
    /// It only gets its input, output and errors.
    None,
}

/// How often an `ssh` may be tried again without an option that it does not know.
pub(super) const OPTIONS: usize = ALWAYS.len() + PINNED.len();

/// Which connection a session may go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// One that is open already, if there is one.
    Shared,
    /// A new one, which others share from now on.
    Anew,
    /// A new one of its own.
    Alone,
}

/// Which host, and how.
pub(super) struct Destination<'a> {
    pub(super) cluster: &'a ClusterName,
    pub(super) host: &'a HostName,
    pub(super) address: &'a str,
    pub(super) ssh: &'a Ssh,
}

impl Client {
    /// The client of this process's environment.
    pub(super) fn from_environment(unknown: &UnknownOptions) -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            program: "ssh".into(),
            user_config: variable("BAYPLAN_SSH_CONFIG")
                .map(PathBuf::from)
                .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".ssh/config"))),
            xdg_runtime_dir: variable("XDG_RUNTIME_DIR").map(PathBuf::from),
            temporary: std::env::temp_dir(),
            home: variable("HOME").map(PathBuf::from),
            unknown: unknown.clone(),
            dead_after: DEAD_AFTER,
        }
    }

    /// The command that starts a session's `sh` on a host. Writes the files that it reads.
    ///
    /// # Errors
    /// The private directory cannot be had, or the pinned key is none.
    pub(super) fn command(
        &self,
        to: &Destination<'_>,
        connect_timeout: Duration,
        sharing: Sharing,
    ) -> Result<Command, HostErrorKind> {
        let mut command = self.without_words(to, connect_timeout, sharing)?;
        command.args(["--", to.address, &remote_command(to.ssh.sudo)]);
        Ok(command)
    }

    /// The command that runs a script of the host with the input and output of this process.
    ///
    /// # Errors
    /// As [`Client::command`].
    pub(super) fn on_terminal(
        &self,
        to: &Destination<'_>,
        connect_timeout: Duration,
        terminal: GivenTerminal,
        path: &str,
    ) -> Result<Command, HostErrorKind> {
        let mut command = self.without_words(to, connect_timeout, Sharing::Shared)?;
        // That a connection ended is told in our own words.
        command.arg("-q");
        if terminal == GivenTerminal::Own {
            // The last of `-T` and `-t` counts.
            command.arg("-t");
        }
        let sudo = if to.ssh.sudo {
            "env LC_ALL=C sudo -n "
        } else {
            ""
        };
        command.args(["--", to.address, &format!("exec {sudo}sh {path}")]);
        Ok(command)
    }

    /// The control socket of a connection that was there before `began`: a session that began then goes through it.
    pub(super) fn shared_since(
        &self,
        to: &Destination<'_>,
        connect_timeout: Duration,
        began: SystemTime,
    ) -> Option<ControlSocket> {
        let mut command = self
            .without_words(to, connect_timeout, Sharing::Shared)
            .ok()?;
        let command = command.args(["-G", "--", to.address]);
        let output = command.stdin(Stdio::null()).output().ok()?;
        let settings = String::from_utf8_lossy(&output.stdout);
        let mut lines = settings.lines();
        let path = lines.find_map(|line| line.strip_prefix("controlpath "))?;
        let path = PathBuf::from(path);
        let made = fs_err::metadata(&path).ok()?.modified().ok()?;
        let ours = self.directory().ok()?;
        (made < began).then(|| ControlSocket {
            ours: path.parent() == Some(ours.path()),
            path,
        })
    }

    /// `ssh` with its options, before the host and what runs there.
    fn without_words(
        &self,
        to: &Destination<'_>,
        connect_timeout: Duration,
        sharing: Sharing,
    ) -> Result<Command, HostErrorKind> {
        let pin = to.ssh.host_key.as_deref().map(Pin::parse).transpose()?;
        let alias = format!("{}.{}.bayplan", to.host, to.cluster);
        let prepared = self.prepare(&alias, pin.as_ref(), connect_timeout);
        let (config, known_hosts) = prepared.map_err(|error| HostErrorKind::Io {
            doing: "preparing ssh".to_owned(),
            why: error.to_string(),
        })?;

        let mut command = Command::new(&self.program);
        command
            // Its messages are read; and the host's programs answer in C where sshd takes it.
            .env("LC_ALL", "C")
            .env_remove("SSH_ASKPASS")
            .env("SSH_ASKPASS_REQUIRE", "never")
            .arg("-F")
            .arg(config)
            // No terminal, X11, escape character. Neither the agent nor a Kerberos ticket is for the host: root
            // there, and whoever becomes root, could use it as long as the connection is open.
            .args(["-T", "-x", "-e", "none", "-a", "-k"]);
        let option = |command: &mut Command, option: &str| {
            if !self.unknown.has(option) {
                command.args(["-o", option]);
            }
        };
        for always in ALWAYS {
            option(&mut command, always);
        }
        if sharing == Sharing::Alone {
            option(&mut command, "ControlPath=none");
        }
        if let (Some(pin), Some(known_hosts)) = (&pin, known_hosts) {
            command.arg("-o").arg({
                let mut option = OsString::from("UserKnownHostsFile=");
                option.push(known_hosts);
                option
            });
            command.args(["-o", &format!("HostKeyAlias={alias}")]);
            command.args(["-o", &format!("HostKeyAlgorithms={}", pin.algorithms)]);
            for pinned in PINNED {
                option(&mut command, pinned);
            }
        }
        if let Some(user) = &to.ssh.user {
            command.args(["-l", user]);
        }
        if let Some(port) = to.ssh.port {
            command.args(["-p", &port.to_string()]);
        }
        Ok(command)
    }

    /// The command that notes a host's key in a file of its own, and logs nobody in; and that file.
    ///
    /// # Errors
    /// The private directory cannot be had.
    pub(super) fn scan_command(
        &self,
        to: &Destination<'_>,
        connect_timeout: Duration,
        algorithms: &str,
        nonce: &str,
    ) -> Result<(Command, PathBuf), HostErrorKind> {
        let prepared = self.prepare("scan", None, connect_timeout);
        let prepared = prepared.and_then(|(config, _)| Ok((config, self.directory()?)));
        let (config, directory) = prepared.map_err(|error| HostErrorKind::Io {
            doing: "preparing ssh".to_owned(),
            why: error.to_string(),
        })?;
        let known_hosts = directory.path().join(format!("shown-{nonce}"));
        let mut command = Command::new(&self.program);
        command.env("LC_ALL", "C").env_remove("SSH_ASKPASS");
        command.env("SSH_ASKPASS_REQUIRE", "never");
        command.arg("-F").arg(config).args(["-T", "-x", "-a", "-k"]);
        let mut file = OsString::from("UserKnownHostsFile=");
        file.push(&known_hosts);
        command.arg("-o").arg(file);
        let algorithms = format!("HostKeyAlgorithms={algorithms}");
        let options = SCAN.iter().chain(PINNED).copied();
        for option in options.chain([algorithms.as_str()]) {
            if !self.unknown.has(option) {
                command.args(["-o", option]);
            }
        }
        if let Some(port) = to.ssh.port {
            command.args(["-p", &port.to_string()]);
        }
        // Whoever lets nobody in lets this in; then it does nothing there.
        command.args(["--", to.address, "exit"]);
        Ok((command, known_hosts))
    }

    fn directory(&self) -> std::io::Result<RuntimeDirectory> {
        RuntimeDirectory::open(
            self.xdg_runtime_dir.as_deref(),
            &self.temporary,
            self.home.as_deref(),
        )
    }

    /// Writes the configuration, and the known hosts of a pinned key.
    fn prepare(
        &self,
        alias: &str,
        pin: Option<&Pin<'_>>,
        connect_timeout: Duration,
    ) -> std::io::Result<(PathBuf, Option<PathBuf>)> {
        let directory = self.directory()?;
        let now = SystemTime::now();
        let known_hosts = pin
            .map(|pin| {
                let text = format!("{alias} {} {}\n", pin.key_type, pin.base64);
                directory.write(&format!("known-{}", short_digest(&text)), &text, now)
            })
            .transpose()?;
        // A control socket is a login that was checked against one key under one name: another
        // key, the same host without a pin, or another configuration must not find it. `%C` alone
        // does not tell them apart (a digest of local host, host, port, user and jump host).
        let identity = short_digest(&format!(
            "{:?}\n{}",
            self.user_config,
            pin.map_or_else(String::new, |pin| format!("{alias} {}", pin.base64))
        ));
        let socket = directory.path().join(format!("{identity}%C"));
        let mut config = String::new();
        for included in self
            .user_config
            .iter()
            .map(PathBuf::as_path)
            .chain([std::path::Path::new("/etc/ssh/ssh_config")])
        {
            // A file that is not there is silently left out (`ssh_config(5)`, Include).
            let _ = writeln!(config, "Include \"{}\"", included.display());
        }
        let _ = write!(
            config,
            "Host *\n  \
             ConnectTimeout {}\n  \
             ServerAliveInterval 5\n  \
             ServerAliveCountMax 3\n  \
             ControlMaster auto\n  \
             ControlPersist 60s\n  \
             ControlPath {}\n  \
             BatchMode yes\n",
            connect_timeout.as_secs().max(1),
            socket.display(),
        );
        let name = format!("ssh-{}", short_digest(&config));
        Ok((directory.write(&name, &config, now)?, known_hosts))
    }
}

impl Destination<'_> {
    pub(super) fn via(&self) -> Via {
        Via::Ssh(if self.ssh.host_key.is_some() {
            KnownBy::Description
        } else {
            KnownBy::KnownHosts
        })
    }
}

/// What holds for every session, whatever the user's configuration says.
const ALWAYS: &[&str] = &[
    // Never asks for anything: no password, no passphrase, no "are you sure".
    "BatchMode=yes",
    // Nothing is trusted on first use; nor because it looks like this machine.
    "StrictHostKeyChecking=yes",
    "NoHostAuthenticationForLocalhost=no",
    // A forwarded port of the user's can be open once only.
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    // A session that has our standard input and runs our command.
    "SessionType=default",
    "StdinNull=no",
    "ForkAfterAuthentication=no",
    // No network between the two machines.
    "Tunnel=no",
    // Why it failed is said at this level, and not much else.
    "LogLevel=INFO",
];

/// What makes a pinned key the only one that is accepted.
const PINNED: &[&str] = &[
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    "KnownHostsCommand=none",
];

/// What notes a key and offers nothing that could log in.
const SCAN: &[&str] = &[
    "BatchMode=yes",
    "StrictHostKeyChecking=accept-new",
    "PreferredAuthentications=none",
    "PubkeyAuthentication=no",
    "ControlMaster=no",
    "ControlPath=none",
    "HashKnownHosts=no",
    "HostKeyAlias=shown.bayplan",
    "NoHostAuthenticationForLocalhost=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "Tunnel=no",
    "LogLevel=INFO",
];

/// The signature algorithms of a key `<type> <base64>`.
pub(super) fn algorithms_of(key: &str) -> Option<&str> {
    Pin::parse(key).ok().map(|pin| pin.algorithms)
}

/// The socket of a connection that sessions share.
pub(super) struct ControlSocket {
    path: PathBuf,
    /// Whether it is one of bayplan's, not the user's.
    ours: bool,
}

impl ControlSocket {
    /// Stops the use of a dead one: a socket of ours is removed, so that everybody connects anew from now on (its process ends by
    /// itself, and sessions in it go on); the user's stays.
    pub(super) fn avoid(self) -> Sharing {
        if self.ours {
            // Another session may have been quicker.
            let _ = fs_err::remove_file(&self.path);
            Sharing::Anew
        } else {
            Sharing::Alone
        }
    }
}

/// The command on the host, for whatever login shell is there: `env` rather than an assignment,
/// which is not the same in all of them.
fn remote_command(sudo: bool) -> String {
    // What sudo says is read; `sh` itself hears of it in the loop.
    let sudo = if sudo { "env LC_ALL=C sudo -n " } else { "" };
    format!("exec {sudo}sh -c '{LOOP}'")
}

/// A pinned key, in parts.
struct Pin<'a> {
    key_type: &'a str,
    base64: &'a str,
    /// The signature algorithms of that key, for `HostKeyAlgorithms`.
    algorithms: &'a str,
}

impl<'a> Pin<'a> {
    /// `<type> <base64>`; a comment after it is ignored.
    fn parse(host_key: &'a str) -> Result<Self, HostErrorKind> {
        let mut words = host_key.split_ascii_whitespace();
        let is_base64 = |word: &&str| {
            word.len() > 16
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        };
        let algorithms = |key_type| match key_type {
            // ssh-rsa names the key; signatures with SHA-1 have been off since OpenSSH 8.8.
            "ssh-rsa" => Some("rsa-sha2-512,rsa-sha2-256"),
            "ssh-ed25519"
            | "ecdsa-sha2-nistp256"
            | "ecdsa-sha2-nistp384"
            | "ecdsa-sha2-nistp521"
            | "sk-ssh-ed25519@openssh.com"
            | "sk-ecdsa-sha2-nistp256@openssh.com" => Some(key_type),
            _ => None,
        };
        let parsed = words.next().zip(words.next().filter(is_base64));
        parsed
            .and_then(|(key_type, base64)| {
                Some(Self {
                    key_type,
                    base64,
                    algorithms: algorithms(key_type)?,
                })
            })
            .ok_or_else(|| HostErrorKind::UnusableHostKey {
                found: super::error::printable(host_key),
            })
    }
}

/// Eight hex digits: enough to keep a user's handful of hosts apart, short enough for a socket.
fn short_digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut hex = String::new();
    for byte in &digest[..4] {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests;
