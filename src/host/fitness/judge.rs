//! What was seen of a host, held against what it needs. Pure.

mod disk;
mod engine;
mod own;

use std::collections::BTreeMap;

use crate::cluster::name::HostName;
use crate::host::reach::facts::Facts;

use super::answer::{Examination, RegistryAnswer};
use super::distribution::{Distribution, HostPackage};
use super::needs::NeedsOfHost;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FitnessTopic {
    /// Whether the session is root.
    Root,
    /// systemd.
    Systemd,
    /// The programs that bayplan runs there, and what they can do.
    Tools,
    /// The container engine, and its version.
    Engine,
    /// Whether it starts at boot.
    Boot,
    /// `nft`, which the networks of podman 5 need.
    Nft,
    /// SELinux, and what containers mount.
    Selinux,
    /// Whether a registry gives its images to the host.
    Registry,
    /// What opens secrets.
    Secrets,
    /// `/etc/machine-id`
    MachineId,
    /// The clock.
    Clock,
    /// Room on the disks.
    Disk,
}

impl FitnessTopic {
    /// Its word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Systemd => "systemd",
            Self::Tools => "tools",
            Self::Engine => "engine",
            Self::Boot => "boot",
            Self::Nft => "nft",
            Self::Selinux => "selinux",
            Self::Registry => "registry",
            Self::Secrets => "secrets",
            Self::MachineId => "machine-id",
            Self::Clock => "clock",
            Self::Disk => "disk",
        }
    }

    /// Why it matters.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::Root => "units, their files and the engine belong to root",
            Self::Systemd => {
                "systemd starts the containers, restarts them, and brings them back after a boot"
            }
            Self::Tools => "bayplan has no program of its own on a host: these do the work",
            Self::Engine => "it runs the containers",
            Self::Boot => "after a boot its containers come back only where their units require it",
            Self::Nft => {
                "podman 5 makes its networks with it: without it no container with a network starts"
            }
            Self::Selinux => {
                "it denies containers what they mount of the host, unless that is labelled"
            }
            Self::Registry => "a release pulls its images before it changes anything",
            Self::Secrets => {
                "secrets are encrypted to the host's own key, and opened there with age"
            }
            Self::MachineId => "it tells machines apart: copies of one machine look like one",
            Self::Clock => {
                "certificates, tokens of registries and the times of releases depend on it"
            }
            Self::Disk => {
                "a release stages its files and pulls its images before it changes anything"
            }
        }
    }
}

/// How good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Fit,
    /// A release works, and somebody may regret it.
    Doubtful,
    /// A release is refused, or fails.
    Unfit,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FitnessFinding {
    /// What it is about.
    pub topic: FitnessTopic,
    /// How good it is.
    pub grade: Grade,
    /// What was found, in one line.
    pub found: String,
    /// What mends it; nothing where nothing has to be.
    pub mend: Mend,
}

/// What mends it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mend {
    /// What is to be installed.
    pub packages: Vec<HostPackage>,
    /// Commands for root there, after that.
    pub commands: Vec<String>,
    /// What no command of ours does: somebody has to decide or to know something.
    pub by_hand: Option<String>,
}

impl Mend {
    fn install(packages: impl Into<Vec<HostPackage>>) -> Self {
        Self {
            packages: packages.into(),
            ..Self::default()
        }
    }

    fn run(command: impl Into<String>) -> Self {
        Self {
            commands: vec![command.into()],
            ..Self::default()
        }
    }

    fn by_hand(what: impl Into<String>) -> Self {
        Self {
            by_hand: Some(what.into()),
            ..Self::default()
        }
    }

    fn and_run(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }

    /// What root types there, by its distribution; or what somebody does instead.
    #[must_use]
    pub fn on(&self, distribution: &Distribution) -> (Vec<String>, Option<String>) {
        match distribution.install(&self.packages) {
            Ok(mut commands) => {
                commands.extend(self.commands.iter().cloned());
                (commands, self.by_hand.clone())
            }
            Err(instead) => (self.commands.clone(), Some(instead)),
        }
    }
}

/// Everything that is known of a host.
#[derive(Debug, Clone, Copy)]
pub struct SeenHost<'a> {
    /// What it said when the session was opened.
    pub facts: &'a Facts,
    /// Who logs in where `sudo` did not make that root, and why it did not.
    pub no_sudo: Option<&'a (String, String)>,
    /// What it is like; `None` where its tools are such that no answer can be believed.
    pub examination: Option<&'a Examination>,
    /// How far its clock is ahead of ours, in seconds.
    pub ahead: Option<i64>,
    /// What registries answered.
    pub registries: &'a [RegistryAnswer],
}

/// Whether a host is fit: all that was looked at, in the order in which one mends it.
#[must_use]
pub fn judge(seen: SeenHost<'_>, needs: &NeedsOfHost) -> Vec<FitnessFinding> {
    let mut findings = vec![own::root(seen)];
    findings.extend(own::systemd(seen));
    findings.extend(own::tools(seen));
    let Some(examination) = seen.examination else {
        return findings;
    };
    findings.extend(engine::engine(seen.facts, examination, needs));
    findings.extend(engine::boot(examination, needs));
    findings.extend(engine::nft(examination, needs));
    findings.extend(engine::selinux(examination, needs));
    findings.extend(seen.registries.iter().map(|it| engine::registry(it, needs)));
    findings.extend(own::secrets(examination, needs));
    findings.push(own::machine_id(seen.facts));
    findings.extend(own::clock(examination, seen.ahead));
    findings.extend(disk::disks(examination, needs));
    findings
}

/// The same for a directory, which has files alone.
#[must_use]
pub fn judge_directory(facts: &Facts) -> Vec<FitnessFinding> {
    own::tools(SeenHost {
        facts,
        no_sudo: None,
        examination: None,
        ahead: None,
        registries: &[],
    })
}

/// What is wrong with hosts beside each other: names of one machine, and copies of one.
#[must_use]
pub fn alike(hosts: &BTreeMap<&HostName, &Facts>) -> Vec<(HostName, FitnessFinding)> {
    const TOPIC: FitnessTopic = FitnessTopic::MachineId;
    let mut findings = Vec::new();
    for (number, (name, facts)) in hosts.iter().enumerate() {
        let mut before = hosts.iter().take(number);
        let same_id = |(_, other): &(&&HostName, &&Facts)| other.machine_id == facts.machine_id;
        if facts.machine_id.is_none() {
            continue;
        }
        let Some((other, twin)) = before.find(same_id) else {
            continue;
        };
        let finding = if facts.are_of_one_machine(twin) {
            let mend = Mend::by_hand("give each machine one name under [hosts]");
            unfit(TOPIC, format!("it is the same machine as {other}"), mend)
        } else {
            let mend = Mend::by_hand(
                "`rm /etc/machine-id; systemd-machine-id-setup` there, then restart it",
            );
            let found = format!("it has the same /etc/machine-id as {other}, as copies have");
            doubtful(TOPIC, found, mend)
        };
        findings.push(((*name).clone(), finding));
    }
    findings
}

fn fit(topic: FitnessTopic, found: impl Into<String>) -> FitnessFinding {
    FitnessFinding {
        topic,
        grade: Grade::Fit,
        found: found.into(),
        mend: Mend::default(),
    }
}

fn doubtful(topic: FitnessTopic, found: impl Into<String>, mend: Mend) -> FitnessFinding {
    FitnessFinding {
        topic,
        grade: Grade::Doubtful,
        found: found.into(),
        mend,
    }
}

fn unfit(topic: FitnessTopic, found: impl Into<String>, mend: Mend) -> FitnessFinding {
    FitnessFinding {
        grade: Grade::Unfit,
        ..doubtful(topic, found, mend)
    }
}

#[cfg(test)]
mod tests;
