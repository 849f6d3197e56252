//! The host itself: who we are there, its systemd, its tools, its keys, its identity, its clock. Pure.

use super::{FitnessFinding, FitnessTopic, Mend, SeenHost, doubtful, fit, unfit};
use crate::host::ability::Ability;
use crate::host::fitness::answer::Examination;
use crate::host::fitness::distribution::{DistributionFamily, HostPackage};
use crate::host::fitness::needs::NeedsOfHost;
use crate::host::reach::facts::{Facts, package_of};
use crate::host::version::OLDEST_SYSTEMD;

pub(super) fn root(seen: SeenHost<'_>) -> FitnessFinding {
    const TOPIC: FitnessTopic = FitnessTopic::Root;
    if let Some((why, help)) = seen.no_sudo {
        return unfit(
            TOPIC,
            format!("cannot become root with sudo: {why}"),
            Mend::by_hand(help.clone()),
        );
    }
    if seen.facts.uid != 0 {
        return unfit(
            TOPIC,
            format!("logged in as uid {}, not as root", seen.facts.uid),
            Mend::by_hand("write `sudo = true` under [ssh] into cluster.toml, or log in as root"),
        );
    }
    fit(TOPIC, "root")
}

pub(super) fn systemd(seen: SeenHost<'_>) -> Option<FitnessFinding> {
    const TOPIC: FitnessTopic = FitnessTopic::Systemd;
    let facts = seen.facts;
    if !facts.booted_with_systemd {
        let family = seen.examination.map(|it| it.distribution.family());
        let instead = match family {
            Some(DistributionFamily::Alpine) => {
                "Alpine has OpenRC in its place: take a host with Debian, Ubuntu, Fedora or another one with systemd"
            }
            Some(_) | None => "take a host that was booted with systemd",
        };
        let found = "systemd is not running there (no /run/systemd/system)";
        return Some(unfit(TOPIC, found, Mend::by_hand(instead)));
    }
    let version = facts.systemd?;
    let shown = match version.minor {
        0 => version.major.to_string(),
        _ => version.to_string(),
    };
    Some(if version < OLDEST_SYSTEMD {
        let oldest = OLDEST_SYSTEMD.major;
        let found = format!("systemd {shown}, expected {oldest} or newer");
        unfit(TOPIC, found, Mend::by_hand("upgrade the distribution"))
    } else {
        fit(TOPIC, format!("systemd {shown}"))
    })
}

pub(super) fn tools(seen: SeenHost<'_>) -> Vec<FitnessFinding> {
    const TOPIC: FitnessTopic = FitnessTopic::Tools;
    let mut findings = Vec::new();
    let facts = seen.facts;
    let missing = facts.missing.iter().filter_map(|program| {
        let package = package_of(program)?;
        Some((program.as_str(), package))
    });
    // Without systemd its tools are no wonder.
    let missing: Vec<_> = missing
        .filter(|(_, package)| *package != "systemd" || facts.booted_with_systemd)
        .collect();
    if !missing.is_empty() {
        let programs: Vec<&str> = missing.iter().map(|(program, _)| *program).collect();
        let mut packages: Vec<HostPackage> = missing
            .iter()
            .map(|(_, package)| HostPackage::Plain(package))
            .collect();
        packages.dedup();
        findings.push(unfit(
            TOPIC,
            format!("missing: {}", programs.join(", ")),
            Mend::install(packages),
        ));
    }
    let more = seen.examination.map_or(&[][..], |it| &it.unable);
    let unable = facts.unable.iter().chain(more);
    findings.extend(unable.map(|ability: &Ability| {
        let found = format!("expected {ability}, found another one");
        unfit(TOPIC, found, Mend::by_hand(ability.help()))
    }));
    if findings.is_empty() {
        findings.push(fit(TOPIC, "sh, coreutils, tar, flock and the rest"));
    }
    findings
}

pub(super) fn secrets(seen: &Examination, needs: &NeedsOfHost) -> Vec<FitnessFinding> {
    const TOPIC: FitnessTopic = FitnessTopic::Secrets;
    if !needs.sealed {
        return Vec::new();
    }
    let mut findings = Vec::new();
    match &seen.age {
        Some(words) if words.status == 0 => {
            findings.push(fit(TOPIC, format!("age {}", words.text)));
        }
        Some(_) | None => {
            let mend = Mend::install([HostPackage::Age]);
            findings.push(unfit(TOPIC, "age is not installed", mend));
        }
    }
    let Some(pinned) = &needs.host_key else {
        return findings;
    };
    let there = seen.host_keys.contains(pinned);
    findings.push(if there {
        fit(TOPIC, "the pinned host key is in /etc/ssh")
    } else {
        // Perhaps that of a jump host or of a proxy in between.
        let mend = "its private half has to be in /etc/ssh there; `cat /etc/ssh/ssh_host_*.pub` there shows the public ones";
        let found = "the pinned host key is none of those in /etc/ssh";
        unfit(TOPIC, found, Mend::by_hand(mend))
    });
    findings
}

pub(super) fn machine_id(facts: &Facts) -> FitnessFinding {
    const TOPIC: FitnessTopic = FitnessTopic::MachineId;
    let whole = |id: &&String| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    match facts.machine_id.as_ref().filter(whole) {
        Some(_) => fit(TOPIC, "a machine-id"),
        None => doubtful(
            TOPIC,
            "/etc/machine-id has none",
            Mend::run("systemd-machine-id-setup"),
        ),
    }
}

/// A clock that is off by so many seconds is told.
const OFF: u64 = 10;

pub(super) fn clock(seen: &Examination, ahead: Option<i64>) -> Option<FitnessFinding> {
    const TOPIC: FitnessTopic = FitnessTopic::Clock;
    let distribution = &seen.distribution;
    let set = || match seen.ntp {
        Some(ntp) if ntp.on => Mend::by_hand(format!(
            "`timedatectl timesync-status` or `chronyc tracking` there tells why nothing sets it; `systemctl restart {}`",
            distribution.time_unit()
        )),
        Some(_) | None => Mend::install([HostPackage::TimeSync]).and_run(format!(
            "systemctl enable --now {}",
            distribution.time_unit()
        )),
    };
    let ahead = ahead?;
    let off = ahead.unsigned_abs();
    if off > OFF {
        let way = if ahead > 0 { "ahead of" } else { "behind" };
        let found = format!("its clock is {} {way} this machine's", time(off));
        return Some(doubtful(TOPIC, found, set()));
    }
    Some(match seen.ntp {
        Some(ntp) if ntp.synchronized => fit(TOPIC, "its clock is right, and set from the network"),
        Some(ntp) if ntp.on => fit(TOPIC, "its clock is right, and to be set from the network"),
        Some(_) | None => fit(TOPIC, "its clock is right"),
    })
}

fn time(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
