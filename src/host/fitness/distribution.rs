//! Distributions of Linux: how each installs what a host lacks, from its own package repository or docker's. Pure.

use crate::cluster::model::Engine;
use crate::host::version::Version;

/// What a host runs, as `os-release(5)` says it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distribution {
    /// `ID`
    pub id: String,
    /// `ID_LIKE`
    pub like: String,
    /// `VERSION_ID`
    pub version: Option<Version>,
    /// `PRETTY_NAME`, for people.
    pub name: String,
    /// Whether its packages come from docker's repository, too.
    pub has_docker_repository: bool,
}

/// Distributions that install alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DistributionFamily {
    /// Debian.
    Debian,
    /// Ubuntu and what is made from it.
    Ubuntu,
    /// Fedora.
    Fedora,
    /// RHEL, CentOS, Rocky, Alma, Oracle.
    Enterprise,
    /// openSUSE.
    Suse,
    /// Alpine: it has no systemd.
    Alpine,
    /// Any other one.
    Other,
}

/// Something that packages bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPackage {
    /// The engine, with its client.
    Engine(Engine),
    /// `age`
    Age,
    /// `nft`
    Nft,
    /// What sets the clock from the network.
    TimeSync,
    /// A package that has the same name everywhere.
    Plain(&'static str),
}

impl Distribution {
    /// Which ones it installs like.
    #[must_use]
    pub fn family(&self) -> DistributionFamily {
        let words = std::iter::once(self.id.as_str()).chain(self.like.split_whitespace());
        for word in words {
            return match word {
                "debian" => DistributionFamily::Debian,
                "ubuntu" => DistributionFamily::Ubuntu,
                "fedora" => DistributionFamily::Fedora,
                "rhel" | "centos" | "rocky" | "almalinux" | "ol" => DistributionFamily::Enterprise,
                "suse" | "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" => {
                    DistributionFamily::Suse
                }
                "alpine" => DistributionFamily::Alpine,
                _ => continue,
            };
        }
        DistributionFamily::Other
    }

    /// Its name for people.
    #[must_use]
    pub fn shown(&self) -> &str {
        match (self.name.as_str(), self.id.as_str()) {
            ("", "") => "an unknown Linux",
            ("", id) => id,
            (name, _) => name,
        }
    }

    /// The commands that install all of it; nothing for nothing.
    ///
    /// # Errors
    /// It has no package of it: what to do instead.
    pub fn install(&self, wanted: &[HostPackage]) -> Result<Vec<String>, String> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut packages = Vec::new();
        for one in wanted {
            packages.extend(self.packages(*one)?);
        }
        packages.sort_unstable();
        packages.dedup();
        let packages = packages.join(" ");
        Ok(match self.family() {
            DistributionFamily::Debian | DistributionFamily::Ubuntu => vec![
                "apt-get update".to_owned(),
                format!(
                    "DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends {packages}"
                ),
            ],
            DistributionFamily::Fedora => vec![format!("dnf install -y {packages}")],
            DistributionFamily::Enterprise => {
                let mut commands = self.enterprise_repositories(wanted);
                commands.push(format!("dnf install -y {packages}"));
                commands
            }
            DistributionFamily::Suse => {
                vec![format!("zypper --non-interactive install {packages}")]
            }
            DistributionFamily::Alpine | DistributionFamily::Other => {
                return Err(by_hand(&packages));
            }
        })
    }

    /// Enterprise Linux has neither docker nor age in its own repositories.
    fn enterprise_repositories(&self, wanted: &[HostPackage]) -> Vec<String> {
        let mut commands = Vec::new();
        if wanted.contains(&HostPackage::Engine(Engine::Docker)) && !self.has_docker_repository {
            let of = match self.id.as_str() {
                "rhel" => "rhel",
                _ => "centos",
            };
            commands.push("dnf install -y dnf-plugins-core".to_owned());
            commands.push(format!(
                "dnf config-manager --add-repo https://download.docker.com/linux/{of}/docker-ce.repo"
            ));
        }
        if wanted.contains(&HostPackage::Age) {
            commands.push("dnf install -y epel-release".to_owned());
        }
        commands
    }

    fn older_than(&self, major: u32, minor: u32) -> bool {
        // Without one it is always the newest: Debian sid, Tumbleweed. Those that are made from another one count in their
        // own way.
        let counts = ["debian", "raspbian", "ubuntu", "fedora"].contains(&self.id.as_str());
        self.version
            .filter(|_| counts)
            .is_some_and(|version| version < Version::new(major, minor))
    }

    /// The packages of one thing.
    fn packages(&self, wanted: HostPackage) -> Result<Vec<&'static str>, String> {
        let family = self.family();
        let too_old = |what: &str| {
            Err(format!(
                "{} has no package of {what}: upgrade it",
                self.shown()
            ))
        };
        Ok(match wanted {
            HostPackage::Engine(Engine::Docker) => return self.docker(family),
            HostPackage::Engine(Engine::Podman) => match family {
                DistributionFamily::Debian if self.older_than(12, 0) => {
                    return too_old("podman 4.0 or newer");
                }
                DistributionFamily::Ubuntu if self.older_than(23, 4) => {
                    return too_old("podman 4.0 or newer");
                }
                DistributionFamily::Debian | DistributionFamily::Ubuntu => vec![
                    "podman",
                    "crun",
                    "netavark",
                    "aardvark-dns",
                    "iptables",
                    "nftables",
                    "ca-certificates",
                ],
                DistributionFamily::Fedora
                | DistributionFamily::Enterprise
                | DistributionFamily::Suse => vec!["podman", "nftables"],
                DistributionFamily::Alpine | DistributionFamily::Other => vec!["podman"],
            },
            HostPackage::Age => match family {
                DistributionFamily::Debian if self.older_than(11, 0) => return too_old("age"),
                DistributionFamily::Ubuntu if self.older_than(22, 4) => return too_old("age"),
                DistributionFamily::Enterprise if self.id == "rhel" => {
                    return Err(
                        "enable EPEL (https://docs.fedoraproject.org/en-US/epel/), then: dnf install -y age"
                            .to_owned(),
                    );
                }
                DistributionFamily::Debian
                | DistributionFamily::Ubuntu
                | DistributionFamily::Fedora
                | DistributionFamily::Enterprise
                | DistributionFamily::Suse
                | DistributionFamily::Alpine
                | DistributionFamily::Other => vec!["age"],
            },
            HostPackage::Nft => vec!["nftables"],
            HostPackage::TimeSync => match family {
                DistributionFamily::Debian | DistributionFamily::Ubuntu => {
                    vec!["systemd-timesyncd"]
                }
                DistributionFamily::Fedora
                | DistributionFamily::Enterprise
                | DistributionFamily::Suse
                | DistributionFamily::Alpine
                | DistributionFamily::Other => vec!["chrony"],
            },
            HostPackage::Plain(package) => vec![package],
        })
    }

    fn docker(&self, family: DistributionFamily) -> Result<Vec<&'static str>, String> {
        const OF_DOCKER: [&str; 3] = ["docker-ce", "docker-ce-cli", "containerd.io"];
        if self.has_docker_repository {
            return Ok(OF_DOCKER.to_vec());
        }
        Ok(match family {
            // Without `apparmor` its daemon starts no container where the kernel has AppArmor on.
            DistributionFamily::Debian if self.older_than(13, 0) => {
                vec!["docker.io", "apparmor", "ca-certificates"]
            }
            DistributionFamily::Debian => {
                vec!["docker.io", "docker-cli", "apparmor", "ca-certificates"]
            }
            DistributionFamily::Ubuntu => vec!["docker.io", "apparmor", "ca-certificates"],
            DistributionFamily::Fedora if self.older_than(41, 0) => vec!["moby-engine"],
            DistributionFamily::Fedora => vec!["moby-engine", "docker-cli"],
            DistributionFamily::Enterprise => OF_DOCKER.to_vec(),
            DistributionFamily::Suse if self.id.starts_with("opensuse") => vec!["docker"],
            DistributionFamily::Suse => {
                return Err(
                    "enable the Containers module (`SUSEConnect`), then: zypper install docker"
                        .to_owned(),
                );
            }
            DistributionFamily::Alpine | DistributionFamily::Other => vec!["docker"],
        })
    }

    /// The unit that sets the clock from the network.
    #[must_use]
    pub fn time_unit(&self) -> &'static str {
        match self.family() {
            DistributionFamily::Debian | DistributionFamily::Ubuntu => "systemd-timesyncd.service",
            DistributionFamily::Fedora
            | DistributionFamily::Enterprise
            | DistributionFamily::Suse
            | DistributionFamily::Alpine
            | DistributionFamily::Other => "chronyd.service",
        }
    }
}

fn by_hand(packages: &str) -> String {
    format!("install there with its package manager: {packages}")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn distribution(id: &str, like: &str, version: &str) -> Distribution {
        Distribution {
            id: id.to_owned(),
            like: like.to_owned(),
            version: Version::parse(version),
            name: format!("{id} {version}").trim().to_owned(),
            has_docker_repository: false,
        }
    }

    #[test]
    fn every_distribution_installs_from_its_own_repository_or_dockers() {
        let mut text = String::new();
        for one in [
            distribution("debian", "", "11"),
            distribution("debian", "", "12"),
            distribution("debian", "", "13"),
            distribution("debian", "", ""),
            distribution("raspbian", "debian", "12"),
            Distribution {
                has_docker_repository: true,
                ..distribution("debian", "", "12")
            },
            distribution("ubuntu", "debian", "20.04"),
            distribution("ubuntu", "debian", "24.04"),
            distribution("linuxmint", "ubuntu debian", "22"),
            distribution("fedora", "", "40"),
            distribution("fedora", "", "42"),
            distribution("rocky", "rhel centos fedora", "9.4"),
            distribution("rhel", "fedora", "9.4"),
            distribution("opensuse-leap", "suse opensuse", "15.6"),
            distribution("sles", "suse", "15.6"),
            distribution("alpine", "", "3.20"),
            distribution("arch", "", ""),
        ] {
            let more = if one.has_docker_repository {
                " with docker's repository"
            } else {
                ""
            };
            let _ = writeln!(text, "{}{more}", one.shown());
            for wanted in [
                vec![HostPackage::Engine(Engine::Docker), HostPackage::Age],
                vec![HostPackage::Engine(Engine::Podman)],
                vec![HostPackage::Age],
                vec![HostPackage::TimeSync],
            ] {
                match one.install(&wanted) {
                    Ok(commands) => commands
                        .iter()
                        .for_each(|command| text += &format!("  # {command}\n")),
                    Err(instead) => text += &format!("  {instead}\n"),
                }
            }
        }
        insta::assert_snapshot!(text);
        assert!(!text.contains("curl") && !text.contains("| sh"));
    }

    #[test]
    fn nothing_is_installed_by_no_command() {
        assert_eq!(distribution("debian", "", "12").install(&[]), Ok(vec![]));
    }
}
