//! What the unit of a job that runs once does around its run: it keeps a record of it on the host. The record is on
//! the disk before the container starts, and again before systemd tells anybody that the run has succeeded: so a
//! release that dies, or whose host loses its power, never runs a job again whose success was recorded.
//!
//! ```text
//! /var/lib/bayplan/<cluster>/jobs/<service>/<key>
//!   state=ok began=1764180000 boot=<id> run=<invocation> image=<reference> id=sha256:<id> ended=1764180042
//! ```
//!
//! The key is the manifest's digest of the image (its id, where it came from no registry), the fingerprint of the
//! inputs, or `always`. Each run finds its own record by the invocation that systemd gave it, so the words of a unit
//! that was written meanwhile do no harm.

use super::marks::FINGERPRINT;
use super::unit::quote_lines;
use crate::cluster::job::OnceKey;
use crate::cluster::model::Service;
use crate::cluster::name::{ClusterName, ServiceName};

/// The key of a job that each release runs.
pub const EACH_RELEASE: &str = "always";

/// The directory of the records of a job.
#[must_use]
pub fn records(cluster: &ClusterName, service: &ServiceName) -> String {
    format!("/var/lib/bayplan/{cluster}/jobs/{service}")
}

/// The command lines around a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordLines {
    /// Before it starts.
    pub begins: String,
    /// After it ended with exit status 0.
    pub succeeded: String,
    /// After it ended in whatever way.
    pub ended: String,
}

/// What a job that runs once does around its run; `client` is the engine's, one word of a shell.
pub(super) fn record_lines(
    cluster: &ClusterName,
    service: &Service,
    client: &str,
) -> Option<RecordLines> {
    let once = service.run.once()?;
    let directory = records(cluster, &service.name);
    let (found, key) = match once.key {
        OnceKey::Image => (
            vec![
                format!(
                    "set -- $({client} image inspect -f \"{{{{.Id}}}}{{{{range .RepoDigests}}}} {{{{.}}}}{{{{end}}}}\" \"$IMAGE\");"
                ),
                "[ $# -gt 0 ]; id=sha256:${1#sha256:} key=${2##*@};".to_owned(),
            ],
            "${key:-$id}".to_owned(),
        ),
        OnceKey::Inputs => (vec!["id=-;".to_owned()], FINGERPRINT.to_owned()),
        OnceKey::Always => (vec!["id=-;".to_owned()], EACH_RELEASE.to_owned()),
    };
    // In two steps, so that a power cut leaves the old record or the new one.
    let keep = |key: &str| format!("sync .new; mv -T .new \"{key}\"; sync .;");
    let mut begins = vec![
        "set -e;".to_owned(),
        format!("mkdir -p {directory}; cd {directory};"),
    ];
    begins.extend(found);
    begins.extend([
        "read -r boot </proc/sys/kernel/random/boot_id;".to_owned(),
        "printf \"state=running began=%(%s)T boot=%s run=%s image=%s id=%s\\n\" -1 \"$boot\" \"$INVOCATION_ID\" \"$IMAGE\" \"$id\" >.new;"
            .to_owned(),
        keep(&key),
    ]);
    let ends = |becomes: &str, last: &str| {
        let lines = [
            format!("cd {directory}; for record in *; do"),
            "  read -r line <\"$record\" || continue;".to_owned(),
            "  case \" $line \" in".to_owned(),
            "  *\" state=running \"*\" run=$INVOCATION_ID \"*)".to_owned(),
            "    set -e;".to_owned(),
            format!(
                "    printf \"%s ended=%(%s)T\\n\" \"${{line/state=running/{becomes}}}\" -1 >.new;"
            ),
            format!("    {} exit 0 ;;", keep("$record")),
            format!("  esac; done; {last}"),
        ];
        format!("/bin/bash -pc {}", quote_lines(&lines))
    };
    Some(RecordLines {
        begins: format!("/bin/bash -pc {}", quote_lines(&begins)),
        succeeded: ends("state=ok", "exit 1;"),
        ended: ends("state=failed exit=${EXIT_STATUS:-unknown}", "exit 0;"),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    use super::*;
    use crate::cluster::job::{Once, Run};
    use crate::plan::observed::{RunRecord, RunState};
    use crate::render::desired::DesiredService;
    use crate::render::tests::{BUILT_IN_JOB, rendered, service};
    use crate::render::unit::{parse_unit, split_words};

    fn job(key: OnceKey, timeout: u64) -> DesiredService {
        let mut job = service("migrate");
        job.run = Run::Once(Once {
            key,
            timeout: Duration::from_secs(timeout),
        });
        job.template.source = BUILT_IN_JOB.into();
        rendered(job)
    }

    /// What a host has below a root: its engine tells of one image.
    struct FakeHost(tempfile::TempDir);

    impl FakeHost {
        fn new(image: &str) -> Self {
            let host = Self(tempfile::tempdir().unwrap());
            let docker = host.0.path().join("docker");
            fs::write(&docker, format!("#!/bin/sh\necho {image}\n")).unwrap();
            fs::set_permissions(docker, fs::Permissions::from_mode(0o755)).unwrap();
            host
        }

        /// Runs the command lines of a key that keep the record, and tells whether they succeeded.
        fn runs(&self, job: &DesiredService, key: &str, invocation: &str) -> bool {
            let unit = parse_unit(&job.service_unit().text);
            let lines = unit.values("Service", key).into_iter();
            let mut lines = lines
                .filter(|line| line.contains("/jobs/migrate"))
                .peekable();
            assert!(lines.peek().is_some(), "{key}");
            let root = self.0.path();
            lines.all(|line| {
                let words = split_words(line.trim_start_matches('-')).unwrap();
                let words: Vec<String> = words
                    .iter()
                    .map(|word| word.replace("%%", "%").replace("$$", "$"))
                    .map(|word| word.replace("/var/lib/bayplan", &root.to_string_lossy()))
                    .collect();
                let path = format!("{}:{}", root.display(), std::env::var("PATH").unwrap());
                let status = Command::new(&words[0])
                    .args(&words[1..])
                    .env("PATH", path)
                    .env("IMAGE", "registry.example.com/migrate:1.4.2")
                    .env("INVOCATION_ID", invocation)
                    .env("EXIT_STATUS", "3")
                    .status();
                status.unwrap().success()
            })
        }

        fn records(&self) -> Vec<(String, RunRecord)> {
            let directory = self.0.path().join("production/jobs/migrate");
            let mut records: Vec<_> = fs::read_dir(directory)
                .unwrap()
                .map(|entry| {
                    let path = entry.unwrap().path();
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    (name, record(&path))
                })
                .collect();
            records.sort_by(|one, other| one.0.cmp(&other.0));
            records
        }
    }

    fn record(path: &Path) -> RunRecord {
        RunRecord::parse(&fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn a_run_leaves_its_record_under_the_digest_of_its_image() {
        let host =
            FakeHost::new("sha256:0a registry.example.com/migrate@sha256:0b other@sha256:0c");
        let job = job(OnceKey::Image, 60);
        assert!(host.runs(&job, "ExecStartPre", "run1"));
        let [(key, first)] = &host.records()[..] else {
            panic!("one record");
        };
        assert_eq!(
            (key.as_str(), &first.state),
            ("sha256:0b", &RunState::Running)
        );
        assert_eq!(first.reference, "registry.example.com/migrate:1.4.2");
        assert_eq!(first.image.as_deref(), Some("sha256:0a"));
        assert!(first.began.is_some() && first.ended.is_none());
        // The end of another run is none of this one.
        assert!(!host.runs(&job, "ExecStartPost", "run2"));
        assert!(host.runs(&job, "ExecStopPost", "run2"));
        assert_eq!(host.records()[0].1.state, RunState::Running);
        assert!(host.runs(&job, "ExecStartPost", "run1"));
        // A success stays one, whatever the unit does at its end.
        assert!(host.runs(&job, "ExecStopPost", "run1"));
        let [(_, last)] = &host.records()[..] else {
            panic!("one record");
        };
        assert_eq!(last.state, RunState::Succeeded);
        assert!(last.ended.is_some());
    }

    #[test]
    fn a_run_that_failed_says_with_what() {
        let host = FakeHost::new("0a");
        let job = job(OnceKey::Image, 60);
        assert!(host.runs(&job, "ExecStartPre", "run1"));
        assert!(host.runs(&job, "ExecStopPost", "run1"));
        let [(key, record)] = &host.records()[..] else {
            panic!("one record");
        };
        // It came from no registry: its id has to do.
        assert_eq!(key, "sha256:0a");
        let exit = "3".to_owned();
        assert_eq!(record.state, RunState::Failed { exit });
    }

    #[test]
    fn other_keys_are_the_fingerprint_and_a_word() {
        let host = FakeHost::new("");
        let inputs = job(OnceKey::Inputs, 60);
        assert!(host.runs(&inputs, "ExecStartPre", "run1"));
        assert!(host.runs(&job(OnceKey::Always, 60), "ExecStartPre", "run2"));
        let records = host.records();
        let keys: Vec<&str> = records.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, [EACH_RELEASE, inputs.fingerprint.as_str()]);
        assert!(records.iter().all(|(_, record)| record.image.is_none()));
        // Of an image that is not there nothing is known, so nothing runs.
        assert!(!host.runs(&job(OnceKey::Image, 60), "ExecStartPre", "run3"));
    }

    #[test]
    fn when_and_how_long_a_job_runs_is_no_input() {
        let one = job(OnceKey::Image, 60);
        assert_eq!(one.fingerprint, job(OnceKey::Always, 90).fingerprint);
        assert!(one.service_unit().enabled_by.is_empty());
        assert!(one.service_unit().text.contains("\nTimeoutStartSec=60\n"));
    }
}
