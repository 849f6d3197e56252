//! What a check of a staged generation found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use super::declared::{Declared, LostVolume};
use super::memory::mebibytes;
use super::{KnownMemory, KnownNetworks, TakenPorts, WrongNetwork};
use crate::cluster::model::Engine;
use crate::cluster::name::ServiceName;
use crate::cluster::ports::HostPorts;
use crate::host::ability::Ability;
use crate::host::image_keys;
use crate::host::said::one_line;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadinessCheck {
    /// All reasons not to activate; none if all is well.
    pub findings: Vec<Finding>,
    /// Every image by its reference.
    pub images: BTreeMap<String, CheckedImage>,
    /// What others have of the host's ports.
    pub taken: TakenPorts,
    /// Which networks there are.
    pub networks: KnownNetworks,
    /// What images declare, and which paths are not there.
    pub declared: Declared,
    /// What there is of memory.
    pub memory: KnownMemory,
    /// What the images of jobs are known by, by their references.
    pub jobs: BTreeMap<String, BTreeSet<String>>,
}

/// What a reference means on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedImage {
    /// The image's id before the pull, if there was an image of that name.
    pub before: Option<String>,
    /// The image's id now.
    pub after: String,
}

/// One reason not to activate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A staged file is not what was sent, or what the current generation should have; the words
    /// of `sha256sum`.
    Digest(String),
    /// A line of `systemd-analyze verify`.
    Verify(String),
    /// Too little room, in KiB.
    Space {
        /// A path on the file system.
        path: String,
        /// What the generation takes.
        needed: u64,
        /// What is there.
        available: u64,
    },
    /// An image is neither on the host nor in the registry.
    Pull {
        /// Its name.
        reference: String,
        /// The engine's last words.
        message: String,
    },
    /// There is no `age`; the command that installs it, if the host has a package manager that is
    /// known.
    NoAge {
        /// The command; empty if no package manager is known.
        install: String,
    },
    /// None of the host's SSH keys is one that age can use.
    NoHostKey,
    /// A ciphertext that the host cannot open, with age's words.
    Sealed {
        /// Below the generation.
        path: String,
        /// age's last words.
        message: String,
    },
    /// A key of the engine's configuration gives every container something that is none of its inputs.
    Given {
        /// As `proxies.default.httpProxy`.
        key: String,
        /// The configuration file.
        path: String,
    },
    /// A container that is not this cluster's has the name of one of its units: the unit's start
    /// would remove it.
    Container {
        /// The engine's client.
        engine: String,
        /// The container's name.
        name: String,
    },
    /// A port that a service needs is taken by somebody else.
    Port {
        /// The service.
        service: ServiceName,
        /// The port.
        ports: HostPorts,
        /// Who has it, in words.
        holder: String,
    },
    /// A service's port is to be published on an address that the host does not have.
    Address {
        /// The service.
        service: ServiceName,
        /// The address.
        address: IpAddr,
    },
    /// A network that containers are to be in is not there, or not the described one.
    Network {
        /// The engine.
        engine: Engine,
        /// Its name.
        name: String,
        /// What is wrong with it.
        wrong: WrongNetwork,
    },
    /// A service mounts what is not there.
    Source {
        /// The service.
        service: ServiceName,
        /// The path on the host.
        path: String,
    },
    /// There is too little memory for a slot beside the one that serves.
    Memory {
        /// The service.
        service: ServiceName,
        /// The most that the slot may use, in bytes.
        limit: u64,
        /// What is there, in bytes.
        available: u64,
    },
    /// A service that keeps data loses some at each restart.
    LostVolume(LostVolume),
    /// The start of a service waits for what its image does not have.
    NoHealthcheck {
        /// The service.
        service: ServiceName,
        /// The image.
        reference: String,
    },
    /// This podman misreads the file of variables that is staged there.
    Misreads(String),
    /// A service's own check refuses its files.
    Refused {
        /// The service.
        service: ServiceName,
        /// The command.
        command: String,
        /// Its exit status, `-` if it could not be run.
        status: String,
        /// What it said, line by line.
        said: Vec<String>,
    },
    /// A tool that the activation needs.
    Unable(Ability),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(line) => write!(f, "a staged file is not what was sent: {line}"),
            Self::Verify(line) => write!(f, "systemd-analyze verify: {line}"),
            Self::Space {
                path,
                needed,
                available,
            } => write!(
                f,
                "too little room below {path}: {available} KiB, {needed} KiB are needed"
            ),
            Self::Pull { reference, message } => {
                write!(f, "the image {reference} cannot be pulled: {message}")
            }
            Self::NoAge { .. } => write!(
                f,
                "expected `age` to open its secrets, found no such program"
            ),
            Self::NoHostKey => write!(
                f,
                "expected an ed25519 or RSA key of its own in /etc/ssh to open its secrets with, found none"
            ),
            Self::Sealed { path, message } => {
                write!(f, "the host cannot open its secrets in {path}: {message}")
            }
            Self::Given { key, path } => write!(
                f,
                "`{key}` in {path} gives variables to every container, and no plan shows them"
            ),
            Self::Container { engine: _, name } => write!(
                f,
                "there is a container {name} that is not bayplan's; its name is needed"
            ),
            Self::Port {
                service,
                ports,
                holder,
            } => write!(f, "{service} needs port {ports}, which {holder} has"),
            Self::Address { service, address } => write!(
                f,
                "{service} is to be published on {address}, which is no address of this host"
            ),
            Self::Network {
                engine: _,
                name,
                wrong,
            } => wrong.tell(name, f),
            Self::Source { service, path } => write!(
                f,
                "{service} mounts {path}, and there is nothing of that name on the host"
            ),
            Self::Memory {
                service,
                limit,
                available,
            } => write!(
                f,
                "expected {} MiB of memory for the second slot of {service} (`memory`), found {} MiB",
                mebibytes(*limit),
                mebibytes(*available)
            ),
            Self::LostVolume(lost) => f.write_str(&lost.words()),
            Self::NoHealthcheck { service, reference } => write!(
                f,
                "expected a HEALTHCHECK in the image {reference}, which the start of {service} waits for, found none"
            ),
            Self::Misreads(_) => write!(
                f,
                "podman 4.7.0 changes values of variables that it reads from a file, as it has to for names such as `PATH`"
            ),
            Self::Refused {
                service,
                command,
                status,
                said: _,
            } => match status.as_str() {
                "-" => write!(
                    f,
                    "the files of {service} could not be checked by `{command}`"
                ),
                status => write!(
                    f,
                    "`{command}` refuses the files of {service}: status {status}"
                ),
            },
            Self::Unable(ability) => write!(f, "expected {ability}, found another one"),
        }
    }
}

impl ReadinessCheck {
    /// What a check is doing that has said so much: `pulling registry/app:1.1`.
    #[must_use]
    pub fn doing(answer: &[u8]) -> String {
        let answer = String::from_utf8_lossy(answer);
        let pulled: Vec<_> = answer
            .lines()
            .filter_map(|line| line.strip_prefix("pulling "))
            .map(one_line)
            .collect();
        match pulled.as_slice() {
            [] => "checking".to_owned(),
            [one] => format!("pulling {one}"),
            [first, ..] => format!("pulling {first} and {} more", pulled.len() - 1),
        }
    }

    /// Reads the answer of a check script.
    ///
    /// # Errors
    /// The answer is not whole, or not one of a check; as a sentence.
    pub fn parse(answer: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(answer);
        let mut checked = ReadinessCheck::default();
        let mut lines = text.lines();
        if lines.next() != Some("bayplan check 1") {
            return Err(format!(
                "expected the findings of a check, found `{}`",
                one_line(&text)
            ));
        }
        for found in lines {
            if found == "end" {
                return Ok(checked);
            }
            let odd = || format!("expected a finding, found `{}`", one_line(found));
            let (word, rest) = found.split_once(' ').ok_or_else(odd)?;
            match word {
                // Only tells what takes long.
                "pulling" => {}
                "digest" => checked.findings.push(Finding::Digest(one_line(rest))),
                "verify" => checked.findings.push(Finding::Verify(one_line(rest))),
                "space" => {
                    let mut words = rest.rsplitn(3, ' ');
                    let mut number = || words.next().and_then(|word| word.parse().ok());
                    let (available, needed) =
                        (number().ok_or_else(odd)?, number().ok_or_else(odd)?);
                    let path = one_line(words.next().ok_or_else(odd)?);
                    checked.findings.push(Finding::Space {
                        path,
                        needed,
                        available,
                    });
                }
                "pull" => {
                    let (reference, message) = rest.split_once(' ').ok_or_else(odd)?;
                    let (reference, message) = (one_line(reference), one_line(message));
                    checked.findings.push(Finding::Pull { reference, message });
                }
                "noage" => checked.findings.push(Finding::NoAge {
                    install: one_line(rest),
                }),
                "nokey" => checked.findings.push(Finding::NoHostKey),
                "sealed" => {
                    let (path, message) = rest.split_once(' ').ok_or_else(odd)?;
                    let (path, message) = (one_line(path), one_line(message));
                    checked.findings.push(Finding::Sealed { path, message });
                }
                "container" => {
                    let (engine, name) = rest.split_once(' ').ok_or_else(odd)?;
                    let (engine, name) = (one_line(engine), one_line(name));
                    checked.findings.push(Finding::Container { engine, name });
                }
                "listens" | "publishes" | "address" => {
                    checked.taken.take(word, rest).ok_or_else(odd)?;
                }
                "network" => checked.networks.take(rest).ok_or_else(odd)?,
                "absent" => checked.declared.take_absent(rest),
                "memory" => checked.memory.take(rest).ok_or_else(odd)?,
                "declares" => checked.declared.take(rest).ok_or_else(odd)?,
                "job" => {
                    let (reference, words) = rest.split_once(' ').ok_or_else(odd)?;
                    checked.jobs.insert(one_line(reference), image_keys(words));
                }
                "misreads" => checked.findings.push(Finding::Misreads(one_line(rest))),
                "refused" => {
                    let mut words = rest.splitn(3, ' ');
                    let mut word = || words.next().ok_or_else(odd);
                    let service = ServiceName::new(word()?).map_err(|_| odd())?;
                    checked.findings.push(Finding::Refused {
                        service,
                        status: one_line(word()?),
                        command: one_line(word()?),
                        said: Vec::new(),
                    });
                }
                "said" => {
                    if let Some(Finding::Refused { said, .. }) = checked.findings.last_mut() {
                        said.push(one_line(rest));
                    }
                }
                "unable" => {
                    let ability = Ability::named(rest).ok_or_else(odd)?;
                    checked.findings.push(Finding::Unable(ability));
                }
                "given" => {
                    let (key, path) = rest.split_once(' ').ok_or_else(odd)?;
                    let (key, path) = (one_line(key), one_line(path));
                    checked.findings.push(Finding::Given { key, path });
                }
                "image" => {
                    let words: Vec<_> = rest.split(' ').collect();
                    let [reference, before, after] = words[..] else {
                        return Err(odd());
                    };
                    let image = CheckedImage {
                        before: (before != "-").then(|| one_line(before)),
                        after: one_line(after),
                    };
                    checked.images.insert(one_line(reference), image);
                }
                _ => return Err(odd()),
            }
        }
        Err("expected the whole answer of a check, it ends too early".to_owned())
    }
}
