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

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
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
    pub(super) options: Options,
}

/// Which options the client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Options {
    All,
    /// Before OpenSSH 8.5: no `KnownHostsCommand`, which is an error on the command line.
    Before85,
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
    pub(super) fn from_environment() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            program: "ssh".into(),
            user_config: variable("BAYPLAN_SSH_CONFIG")
                .map(PathBuf::from)
                .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".ssh/config"))),
            xdg_runtime_dir: variable("XDG_RUNTIME_DIR").map(PathBuf::from),
            temporary: std::env::temp_dir(),
            options: Options::All,
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
            // No terminal, no X11.
            .args(["-T", "-x"]);
        for option in ALWAYS {
            command.args(["-o", option]);
        }
        if let (Some(pin), Some(known_hosts)) = (&pin, known_hosts) {
            command.arg("-o").arg({
                let mut option = OsString::from("UserKnownHostsFile=");
                option.push(known_hosts);
                option
            });
            command.args(["-o", &format!("HostKeyAlias={alias}")]);
            command.args(["-o", &format!("HostKeyAlgorithms={}", pin.algorithms)]);
            for option in PINNED {
                command.args(["-o", option]);
            }
            if self.options == Options::All {
                command.args(["-o", "KnownHostsCommand=none"]);
            }
        }
        if let Some(user) = &to.ssh.user {
            command.args(["-l", user]);
        }
        if let Some(port) = to.ssh.port {
            command.args(["-p", &port.to_string()]);
        }
        command.args(["--", to.address, &remote_command(to.ssh.sudo)]);
        Ok(command)
    }

    /// Writes the configuration, and the known hosts of a pinned key.
    fn prepare(
        &self,
        alias: &str,
        pin: Option<&Pin<'_>>,
        connect_timeout: Duration,
    ) -> std::io::Result<(PathBuf, Option<PathBuf>)> {
        let directory = RuntimeDirectory::open(self.xdg_runtime_dir.as_deref(), &self.temporary)?;
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

    /// As shown: the address, and the port if the description has one.
    pub(super) fn at(&self) -> String {
        match self.ssh.port {
            Some(port) => format!("{} port {port}", self.address),
            None => self.address.to_owned(),
        }
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
    // Why it failed is said at this level, and not much else.
    "LogLevel=INFO",
];

/// What makes a pinned key the only one that is accepted.
const PINNED: &[&str] = &[
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
];

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
