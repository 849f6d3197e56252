//! What a host said of itself. Pure.

use super::distribution::Distribution;
use crate::cluster::registry_address;
use crate::cluster::subnet::Subnet;
use crate::host::ability::Ability;
use crate::host::said::one_line;
use crate::host::version::Version;

/// What was seen of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Examination {
    /// Its distribution.
    pub distribution: Distribution,
    /// The engine's client: what it said of its version.
    pub client: Option<CommandWords>,
    /// The engine itself.
    pub server: Option<CommandWords>,
    /// The engine's unit: whether there is one, whether it runs, whether it starts at boot.
    pub unit: EngineUnit,
    /// What `age` said of its version, if it is there.
    pub age: Option<CommandWords>,
    /// The public host keys, `<type> <base64>`.
    pub host_keys: Vec<String>,
    /// Whether there is `nft`.
    pub nft: bool,
    /// Whether SELinux enforces.
    pub selinux: bool,
    /// Its clock, in seconds since 1970.
    pub clock: Option<i64>,
    /// Whether something sets its clock, and whether that is done; `None` if nobody knows.
    pub ntp: Option<NtpState>,
    /// What docker knows of registries, as JSON.
    pub registries: String,
    /// What its tools cannot do, beyond what the session itself needs.
    pub unable: Vec<Ability>,
    /// Room on its disks.
    pub disks: Vec<DiskRoom>,
}

/// How a command ended and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandWords {
    /// The exit status.
    pub status: i32,
    /// In one line.
    pub text: String,
}

/// Properties of the engine's unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineUnit {
    /// `LoadState`
    pub load: String,
    /// `ActiveState`
    pub active: String,
    /// `UnitFileState`
    pub file: String,
}

/// What `timedatectl` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NtpState {
    /// A service for it is switched on.
    pub on: bool,
    /// The clock was set by it.
    pub synchronized: bool,
}

/// Room below a path: KiB, or inodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskRoom {
    /// The path.
    pub path: String,
    /// What is counted.
    pub of: RoomOf,
    /// All of it.
    pub size: u64,
    /// What is left.
    pub available: u64,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomOf {
    /// KiB
    Bytes,
    /// Files.
    Inodes,
}

impl Examination {
    /// Reads the answer of the script; `None` if it is not whole. What it does not know it leaves out.
    #[must_use]
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(answer);
        let mut seen = Self::default();
        let mut whole = false;
        for line in text.lines() {
            let (key, rest) = line.split_once(' ').unwrap_or((line, ""));
            let plain = || one_line(rest);
            match key {
                "os-id" => seen.distribution.id = plain(),
                "os-like" => seen.distribution.like = plain(),
                "os-version" => seen.distribution.version = Version::parse(rest),
                "os-name" => seen.distribution.name = plain(),
                "docker-repository" => seen.distribution.has_docker_repository = true,
                "client" => seen.client = CommandWords::parse(rest),
                "server" => seen.server = CommandWords::parse(rest),
                "unit" => seen.unit.read(rest),
                "age" => seen.age = CommandWords::parse(rest),
                // Not shown, and longer than a line that is: one of RSA has up to 700 letters and more.
                "host-key" => seen.host_keys.push(rest.to_owned()),
                "nft" => seen.nft = true,
                "selinux" => seen.selinux = rest == "1",
                "clock" => seen.clock = rest.trim().parse().ok(),
                "time" => seen.read_time(rest),
                "registries" => rest.clone_into(&mut seen.registries),
                "disk" => seen.disks.extend(DiskRoom::parse(RoomOf::Bytes, rest)),
                "inodes" => seen.disks.extend(DiskRoom::parse(RoomOf::Inodes, rest)),
                "unable" => seen.unable.extend(Ability::named(rest)),
                "end" => whole = true,
                _ => {}
            }
        }
        seen.disks.dedup();
        whole.then_some(seen)
    }

    fn read_time(&mut self, words: &str) {
        let ntp = self.ntp.get_or_insert_default();
        match words {
            "NTP yes" => ntp.on = true,
            "NTPSynchronized yes" => ntp.synchronized = true,
            _ => {}
        }
    }

    /// The version of the engine's client.
    #[must_use]
    pub fn client_version(&self) -> Option<Version> {
        // `Docker version 20.10.24+dfsg1, build 297e128`, `podman version 4.3.1`
        let words = self.client.as_ref().filter(|words| words.status == 0)?;
        let (_, after) = words.text.split_once("ersion ")?;
        Version::parse(after)
    }

    /// Which registries docker takes without TLS.
    pub(super) fn takes_insecurely(&self, registry: &str) -> bool {
        let Ok(json) = serde_json::from_str::<serde_json::Value>(&self.registries) else {
            return false;
        };
        if let Some(known) = json
            .pointer("/IndexConfigs")
            .and_then(|all| all.get(registry))
        {
            return known.get("Secure") == Some(&serde_json::Value::Bool(false));
        }
        let Some(address) = registry_address(registry) else {
            return false;
        };
        let ranges = json.get("InsecureRegistryCIDRs");
        let ranges = ranges.and_then(serde_json::Value::as_array);
        let mut ranges = ranges
            .into_iter()
            .flatten()
            .filter_map(|range| Subnet::parse(range.as_str()?));
        ranges.any(|range| range.holds(address))
    }
}

impl CommandWords {
    fn parse(text: &str) -> Option<Self> {
        let (status, text) = text.split_once(' ').unwrap_or((text, ""));
        Some(Self {
            status: status.parse().ok()?,
            text: one_line(text),
        })
    }
}

impl EngineUnit {
    fn read(&mut self, words: &str) {
        let (key, value) = words.split_once(' ').unwrap_or((words, ""));
        match key {
            "LoadState" => self.load = one_line(value),
            "ActiveState" => self.active = one_line(value),
            "UnitFileState" => self.file = one_line(value),
            _ => {}
        }
    }
}

impl DiskRoom {
    fn parse(of: RoomOf, words: &str) -> Option<Self> {
        let mut parts = words.splitn(3, ' ');
        Some(Self {
            of,
            size: parts.next()?.parse().ok()?,
            available: parts.next()?.parse().ok()?,
            path: one_line(parts.next()?),
        })
    }
}

/// What a registry answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryAnswer {
    /// Its name.
    pub registry: String,
    /// How that went.
    pub words: CommandWords,
}

/// Reads the answers of the script that asks registries.
#[must_use]
pub fn registry_answers(answer: &[u8]) -> Vec<RegistryAnswer> {
    let text = String::from_utf8_lossy(answer);
    let mut answers: Vec<RegistryAnswer> = text.lines().filter_map(RegistryAnswer::parse).collect();
    answers.sort_by(|a, b| a.registry.cmp(&b.registry));
    answers
}

impl RegistryAnswer {
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.strip_prefix("registry ")?.splitn(3, ' ');
        let status = parts.next()?.parse().ok()?;
        let registry = one_line(parts.next()?);
        let text = one_line(parts.next().unwrap_or_default());
        Some(Self {
            registry,
            words: CommandWords { status, text },
        })
    }
}
