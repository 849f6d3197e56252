//! The problems of a release, as people read them.

use std::collections::BTreeSet;

use super::errors::HostFailure;
use crate::cluster::model::Engine;
use crate::host::look::ObserveError;
use crate::host::stage::{Finding, WrongNetwork};
use crate::release::problem::{Continues, FailedStep, Journal, Problem, Then, WhyHidden};

impl From<&Problem> for HostFailure {
    fn from(problem: &Problem) -> Self {
        let (long, help) = match problem {
            Problem::Host(error) => {
                let said: Vec<&str> = error.said().collect();
                let long = (!said.is_empty()).then(|| said.join("\n"));
                (long, error.kind.help())
            }
            Problem::Observe(error) => (None, observe_help(error)),
            Problem::SameMachine { .. } => (
                None,
                Some("give each machine one name under [hosts]".to_owned()),
            ),
            Problem::Locked { .. } => (None, Some("`--lock-wait 5m` waits for it".to_owned())),
            Problem::NoLock { .. } | Problem::NoLook { .. } | Problem::Unsafe { .. } => {
                (None, None)
            }
            Problem::NoGeneration { .. } => (
                None,
                Some("`bayplan history` shows what is kept, and the commits that can be released again".to_owned()),
            ),
            Problem::Stale { .. } => (
                None,
                Some("nothing was changed; look at the plan again".to_owned()),
            ),
            Problem::NotStaged { .. } => (None, Some("nothing was changed".to_owned())),
            Problem::NotReady { findings } => (more(findings), findings_help(findings)),
            Problem::Activation(failed) => (activation(failed), then(&failed.then)),
            Problem::Continues(continues) => {
                let Continues { error, at: _, log } = &**continues;
                let stderr = error.stderr.trim();
                let long = (!stderr.is_empty()).then(|| stderr.to_owned());
                let help = format!(
                    "the next release follows it to its end and goes on from there; on the host, \
                     `tail -f {log}` shows it"
                );
                (long, Some(help))
            }
        };
        Self {
            short: problem.line(),
            long,
            help,
        }
    }
}

fn observe_help(error: &ObserveError) -> Option<String> {
    let text = match error {
        ObserveError::Unable { ability } => return Some(ability.help()),
        ObserveError::OldEngine {
            engine: Engine::Docker,
            ..
        } => "upgrade docker there: older ones do not know `run --pull=never`",
        ObserveError::OldEngine {
            engine: Engine::Podman,
            ..
        } => "upgrade podman there, or write `engine = \"docker\"` for this host into cluster.toml",
        ObserveError::DropsVariable { .. } => {
            "take the character out, or give the service the value as a file: a secret with \
             `as = \"file\"`; systemd 247.3 and newer pass it on"
        }
        ObserveError::ReadOnly { .. } => {
            "`findmnt` and `dmesg` on the host say more: a disk with errors becomes read-only"
        }
        ObserveError::EngineFailed {
            engine: Engine::Docker,
            ..
        } => "`systemctl status docker` on the host says more",
        // It has no daemon.
        ObserveError::EngineFailed {
            engine: Engine::Podman,
            ..
        } => "`podman info` on the host says more",
        ObserveError::SystemdFailed { .. }
        | ObserveError::Malformed(_)
        | ObserveError::Changed { .. } => return None,
    };
    Some(text.to_owned())
}

/// The findings behind the first one, which is the headline.
fn more(findings: &[Finding]) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for (number, finding) in findings.iter().enumerate() {
        if number > 0 {
            lines.push(finding.to_string());
        }
        if let Finding::Refused { said, .. } = finding {
            lines.extend(said.iter().map(|line| format!("  {line}")));
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn findings_help(findings: &[Finding]) -> Option<String> {
    findings.first().map(|finding| match finding {
        Finding::Digest(_) => "nothing was changed; release again".to_owned(),
        Finding::Verify(_) => "nothing was changed; `bayplan render` shows the unit".to_owned(),
        Finding::Space { .. } => "nothing was changed; make room and release again".to_owned(),
        Finding::Memory { service, .. } => format!(
            "nothing was changed; free memory there, or write a lower `memory` for {service}: both of its slots run at once"
        ),
        Finding::Pull { .. } => {
            "nothing was changed; check `image` and `tag`, or log the host in to the registry"
                .to_owned()
        }
        Finding::NoAge { install } if install == "-" => {
            "nothing was changed; install age there, or write `secrets = \"plain\"` for the host"
                .to_owned()
        }
        Finding::NoAge { install } => format!(
            "nothing was changed; `{install}` there, or write `secrets = \"plain\"` for the host"
        ),
        Finding::NoHostKey => {
            "nothing was changed; `ssh-keygen -A` there makes one to pin as its `host_key`"
                .to_owned()
        }
        Finding::Sealed { .. } => {
            "nothing was changed; is `host_key` in cluster.toml the key of this host?".to_owned()
        }
        Finding::Given { key, path } => format!(
            "nothing was changed; say it in the description ([vars], and `vars` of the services that \
             need it), and remove `{key}` from {path} on the host"
        ),
        Finding::Container { engine, name } => {
            format!("nothing was changed; `{engine} rm -f {name}` on the host if nobody needs it")
        }
        Finding::Port { .. } => {
            "nothing was changed; stop what has the port, or choose another one with `publish`".to_owned()
        }
        Finding::Address { .. } => {
            "nothing was changed; correct the address in `publish` or `listen`: `ip address` on the host shows those \
             that there are"
                .to_owned()
        }
        Finding::Network { engine, name, wrong } => {
            let engine = engine.program();
            match wrong {
                WrongNetwork::Absent => format!(
                    "nothing was changed; `{engine} network create {name}` on the host, or let bayplan make one: without \
                     `existing = true`"
                ),
                WrongNetwork::Several(_) => format!(
                    "nothing was changed; `{engine} network inspect ID` on the host shows who is in which one; \
                     `{engine} network rm ID` removes one that nobody is in"
                ),
                WrongNetwork::Foreign => format!(
                    "nothing was changed; choose another name below [networks], or `{engine} network rm {name}` on the host \
                     if nobody needs it"
                ),
                WrongNetwork::Options { .. } => format!(
                    "nothing was changed; on the host stop the units of its services, `{engine} network rm {name}`, then \
                     release again: the units make it anew"
                ),
            }
        }
        Finding::Source { path, .. } => format!(
            "nothing was changed; `mkdir -p '{path}'` on the host if it is a directory, or let bayplan make it: \
             `{{ source = \"{path}\", target = \"…\", owner = \"1000:1000\" }}` in `volumes`"
        ),
        Finding::LostVolume(lost) => {
            let path = lost.paths.first().map_or("/data", String::as_str);
            format!(
                "nothing was changed; mount something there: `volumes = [\"{}-data:{path}\"]`, or a `tmpfs` if nobody needs it",
                lost.service
            )
        }
        Finding::NoHealthcheck { .. } => {
            "nothing was changed; in `[health]` write `http`, `tcp` or `command` in place of `image = true`".to_owned()
        }
        Finding::Misreads(file) => format!(
            "nothing was changed; upgrade podman there, or rename the variables of {file}"
        ),
        Finding::Refused { .. } => {
            "nothing was changed on any host; mend the files, or the `check`, and release again".to_owned()
        }
        Finding::Unable(ability) => format!("nothing was changed; {}", ability.help()),
    })
}

/// What became of the host.
fn then(then: &Then) -> Option<String> {
    match then {
        Then::PutBack => None,
        Then::Left => Some("it stays as it is; release again once the cause is mended".to_owned()),
        Then::NotPutBack { .. } => Some(
            "look at it now: `bayplan status` and `journalctl -u UNIT` on the host; a release of \
             what ran before, or of what mends it, goes on from here"
                .to_owned(),
        ),
    }
}

fn activation(failed: &FailedStep) -> Option<String> {
    let mut lines: Vec<String> = failed.errors.iter().skip(1).cloned().collect();
    // Which one it is stands in the error, unless there are several.
    let failed_units: BTreeSet<&str> = failed.states.iter().map(|line| &*line.unit).collect();
    let several = failed_units.len() > 1;
    for unit in failed.states.chunk_by(|one, other| one.unit == other.unit) {
        let texts: Vec<&str> = unit.iter().map(|line| &*line.text).collect();
        let states = texts.join(" ");
        lines.push(match several {
            true => format!("{}: {states}", unit[0].unit),
            false => states,
        });
    }
    match &failed.journal {
        Journal::Lines(journal) => {
            for unit in journal.chunk_by(|one, other| one.unit == other.unit) {
                lines.push(match several {
                    true => format!("the last lines of the journal of {}:", unit[0].unit),
                    false => "the last lines of its journal:".to_owned(),
                });
                lines.extend(unit.iter().map(|line| format!("  {}", line.text)));
            }
        }
        Journal::Hidden { unit, why } => {
            let why = match why {
                WhyHidden::Described => "`journal = false` in `[rollout]`",
                WhyHidden::UnknownSecrets => {
                    "it may have secrets in it, and their values are not known here"
                }
            };
            lines.push(format!(
                "its journal is not shown ({why}); on the host: `journalctl -u {unit} -n 20`"
            ));
        }
    }
    if let Then::NotPutBack { errors } = &failed.then {
        lines.push("the previous generation could not be put back:".to_owned());
        lines.extend(errors.iter().map(|line| format!("  {line}")));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}
