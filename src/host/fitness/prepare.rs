//! What makes hosts fit: the commands for one that was looked at, and the user-data for one that is yet to be. Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::distribution::{Distribution, HostPackage};
use super::engine_unit;
use super::judge::{FitnessFinding, FitnessTopic, Grade};
use super::needs::NeedsOfHost;
use crate::host::version::Version;

/// What is done on one host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostMending {
    /// For root there, one after the other.
    pub commands: Vec<String>,
    /// What no command does: what was found, and what somebody does about it.
    pub by_hand: Vec<(String, String)>,
}

/// What makes a host fit of which this was found.
#[must_use]
pub fn preparation(findings: &[FitnessFinding], distribution: &Distribution) -> HostMending {
    let mut prepared = HostMending::default();
    let is_root = !findings
        .iter()
        .any(|it| it.topic == FitnessTopic::Root && it.grade == Grade::Unfit);
    let (mut packages, mut commands) = (BTreeSet::new(), Vec::new());
    for finding in findings.iter().filter(|it| it.grade != Grade::Fit) {
        let mend = &finding.mend;
        let mut by_hand = |what: String| prepared.by_hand.push((finding.found.clone(), what));
        if let Some(what) = &mend.by_hand {
            by_hand(what.clone());
        }
        match distribution.install(&mend.packages) {
            Err(instead) => by_hand(instead),
            Ok(alone) if !is_root => {
                let all: Vec<&str> = alone
                    .iter()
                    .chain(&mend.commands)
                    .map(String::as_str)
                    .collect();
                if !all.is_empty() {
                    by_hand(format!("as root there: {}", all.join(" && ")));
                }
            }
            Ok(_) => {
                packages.extend(mend.packages.iter().copied());
                for command in &mend.commands {
                    if !commands.contains(command) {
                        commands.push(command.clone());
                    }
                }
            }
        }
    }
    let packages: Vec<HostPackage> = packages.into_iter().collect();
    // Each of them can be installed, so all of them can.
    prepared.commands = distribution.install(&packages).unwrap_or_default();
    prepared.commands.extend(commands);
    prepared
}

impl Distribution {
    /// `debian-12`, `ubuntu-24.04`, `opensuse-leap-15.6`; `None` if it is none that we know.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let (id, version) = text.rsplit_once('-')?;
        let version = Some(Version::parse(version)?);
        let known = [
            "debian",
            "ubuntu",
            "fedora",
            "centos",
            "rocky",
            "almalinux",
            "opensuse-leap",
        ];
        known.contains(&id).then(|| Self {
            id: id.to_owned(),
            version,
            name: text.to_owned(),
            ..Self::default()
        })
    }
}

/// User-data of cloud-init (`#cloud-config`) for a host that has what all of these need. `title` says whose it is.
///
/// # Errors
/// The distribution has no package of something: what to do instead.
pub fn cloud_init(
    needs: &[NeedsOfHost],
    distribution: &Distribution,
    title: &str,
) -> Result<String, String> {
    let mut packages: BTreeSet<HostPackage> = needs
        .iter()
        .map(|it| HostPackage::Engine(it.client.engine))
        .collect();
    if needs.iter().any(|it| it.sealed) {
        packages.insert(HostPackage::Age);
    }
    packages.insert(HostPackage::TimeSync);
    let packages: Vec<HostPackage> = packages.into_iter().collect();
    let mut commands = distribution.install(&packages)?;
    let units: BTreeSet<&str> = needs
        .iter()
        .filter_map(|it| engine_unit(&it.client))
        .collect();
    let units = units.into_iter().chain([distribution.time_unit()]);
    commands.extend(units.map(|unit| format!("systemctl enable --now {unit}")));
    let mut text = format!("#cloud-config\n# {title}\nruncmd:\n");
    for command in commands {
        let quoted = serde_json::to_string(&command).expect("a string is JSON");
        // JSON is YAML.
        let _ = writeln!(text, "  - [sh, -c, {quoted}]");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::judge::Mend;
    use super::*;
    use crate::cluster::model::{Engine, EngineClient};

    fn finding(topic: FitnessTopic, grade: Grade, mend: Mend) -> FitnessFinding {
        FitnessFinding {
            topic,
            grade,
            found: format!("{topic:?} is not well"),
            mend,
        }
    }

    fn bare() -> Vec<FitnessFinding> {
        let install = |package, command: &str| Mend {
            packages: vec![package],
            commands: vec![command.to_owned()],
            by_hand: None,
        };
        let engine = HostPackage::Engine(Engine::Docker);
        vec![
            finding(FitnessTopic::Systemd, Grade::Fit, Mend::default()),
            finding(
                FitnessTopic::Engine,
                Grade::Unfit,
                install(engine, "systemctl enable --now docker.service"),
            ),
            finding(
                FitnessTopic::Boot,
                Grade::Doubtful,
                Mend {
                    commands: vec!["systemctl enable --now docker.service".to_owned()],
                    ..Mend::default()
                },
            ),
            finding(
                FitnessTopic::Secrets,
                Grade::Unfit,
                Mend {
                    packages: vec![HostPackage::Age],
                    ..Mend::default()
                },
            ),
            finding(
                FitnessTopic::Registry,
                Grade::Unfit,
                Mend {
                    by_hand: Some("log in".to_owned()),
                    ..Mend::default()
                },
            ),
        ]
    }

    fn shown(prepared: &HostMending) -> String {
        let commands = prepared.commands.iter().map(|it| format!("# {it}\n"));
        let by_hand = prepared.by_hand.iter();
        let by_hand = by_hand.map(|(found, what)| format!("{found}: {what}\n"));
        commands.chain(by_hand).collect()
    }

    #[test]
    fn all_packages_come_at_once_and_each_command_once() {
        let mut text = String::new();
        for name in [
            "debian-12",
            "ubuntu-20.04",
            "rocky-9.4",
            "opensuse-leap-15.6",
            "fedora-42",
        ] {
            let distribution = Distribution::named(name).unwrap();
            text += &format!("{name}\n{}", shown(&preparation(&bare(), &distribution)));
        }
        let mut user = bare();
        user.insert(
            0,
            finding(FitnessTopic::Root, Grade::Unfit, Mend::default()),
        );
        let debian = Distribution::named("debian-12").unwrap();
        text += &format!("without root\n{}", shown(&preparation(&user, &debian)));
        insta::assert_snapshot!(text);
        assert_eq!(preparation(&bare()[..1], &debian), HostMending::default());
    }

    #[test]
    fn user_data_has_what_all_hosts_need() {
        let needs = |engine, sealed| NeedsOfHost {
            client: EngineClient::usual(engine),
            registries: [].into(),
            sealed,
            host_key: None,
            mounts: None,
        };
        let mut text = String::new();
        for (name, needs) in [
            ("debian-12", vec![needs(Engine::Docker, false)]),
            (
                "ubuntu-24.04",
                vec![needs(Engine::Docker, true), needs(Engine::Podman, false)],
            ),
            ("rocky-9", vec![needs(Engine::Docker, true)]),
            ("ubuntu-20.04", vec![needs(Engine::Docker, true)]),
        ] {
            let distribution = Distribution::named(name).unwrap();
            match cloud_init(&needs, &distribution, &format!("For {name}")) {
                Ok(one) => text += &one,
                Err(instead) => text += &format!("{instead}\n"),
            }
        }
        insta::assert_snapshot!(text);
        for unknown in ["debian", "alpine-3.20", "", "-", "debian-x"] {
            assert_eq!(Distribution::named(unknown), None, "{unknown}");
        }
    }
}
