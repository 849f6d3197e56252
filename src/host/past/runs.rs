//! The scripts that read and write what a host keeps of the runs of jobs. Pure. The units of jobs write their own:
//! [`crate::render::once`] says what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::cluster::name::ServiceName;
use crate::host::layout::Layout;
use crate::host::look::run_record;
use crate::host::said::written;
use crate::plan::observed::RunRecord;
use crate::render::shell::quote;

/// Records of runs, by service and key.
pub type RecordedRuns<'a> = BTreeMap<&'a ServiceName, BTreeMap<&'a str, &'a RunRecord>>;

/// The script that puts records beside those that are there: each beside its place, flushed, renamed.
#[must_use]
pub fn write_script(layout: &Layout, runs: &RecordedRuns<'_>) -> String {
    let mut script = String::from("{\n");
    for (service, records) in runs {
        let directory = layout.runs(service).quoted();
        for (key, RunRecord { line, .. }) in records {
            writeln!(
                script,
                "mkdir -p {directory} && cd {directory} && printf '%s\\n' {} >.copy && sync .copy && \
                 mv -T .copy {} && sync . .. &&",
                quote(line),
                quote(key),
            )
            .expect("writing to a string does not fail");
        }
    }
    script + "printf 'written\\n'\n} 2>&1\n"
}

/// The script that removes what is kept of the runs of these jobs.
#[must_use]
pub fn remove_script(layout: &Layout, services: &BTreeSet<&ServiceName>) -> String {
    let mut script = String::from("{\n");
    for service in services {
        let directory = layout.runs(service).quoted();
        writeln!(script, "rm -rf {directory} &&").expect("writing to a string does not fail");
    }
    let all = layout.state().join("jobs").quoted();
    script + &format!("{{ rmdir {all} 2>/dev/null || :; }} && printf 'written\\n'\n}} 2>&1\n")
}

/// Reads what such a script says: nothing if all is well.
///
/// # Errors
/// What the host said, as one line.
pub fn parse_written(answer: &[u8]) -> Result<(), String> {
    written(answer, "that a job has run cannot be recorded")
}

/// The script that tells the records of a job.
#[must_use]
pub fn read_script(layout: &Layout, service: &ServiceName) -> String {
    format!(
        "for each in {}/*; do\n\
         [ ! -f \"$each\" ] || printf 'run {service}/%s %s\\n' \"${{each##*/}}\" \"$(head -c 1001 \"$each\")\"\n\
         done\n\
         echo end\n",
        layout.runs(service).quoted()
    )
}

/// Reads what that script says; `None` if it is not whole.
#[must_use]
pub fn parse_read(answer: &[u8]) -> Option<BTreeMap<String, RunRecord>> {
    let answer = String::from_utf8_lossy(answer);
    let lines = answer.strip_suffix("end\n")?.lines();
    let records = lines.filter_map(|line| {
        let (_, key, record) = run_record(line.strip_prefix("run ")?)?;
        Some((key.to_owned(), record))
    });
    Some(records.collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::super::super::sample::directory_layout;
    use super::*;
    use crate::cluster::model::Supervisor;
    use crate::plan::observed::RunState;

    fn run(script: &str) -> Vec<u8> {
        let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
        output.stdout
    }

    #[test]
    fn what_is_written_is_read_and_goes_again() {
        let root = tempfile::tempdir().unwrap();
        let layout = directory_layout(root.path(), Supervisor::None);
        let service = ServiceName::new("migrate").unwrap();
        let line = "state=ok began=1764180000 boot=b run=r image=registry:5000/a/api:1.2 id=sha256:0a ended=1764180042";
        let record = RunRecord::parse(line).unwrap();
        assert_eq!(record.state, RunState::Succeeded);
        assert_eq!(record.last(), Some(1_764_180_042));
        let key = "sha256:0b";
        let runs: RecordedRuns<'_> = [(&service, [(key, &record)].into())].into();
        assert_eq!(parse_written(&run(&write_script(&layout, &runs))), Ok(()));
        let read = parse_read(&run(&read_script(&layout, &service))).unwrap();
        assert_eq!(read, [(key.to_owned(), record)].into());
        let directory = root.path().join("var/lib/bayplan/demo/jobs");
        assert!(directory.join("migrate").join(key).is_file());
        let gone = remove_script(&layout, &[&service].into());
        assert_eq!(parse_written(&run(&gone)), Ok(()));
        assert!(!directory.exists());
        assert_eq!(
            parse_read(&run(&read_script(&layout, &service))),
            Some(BTreeMap::new())
        );
    }

    #[test]
    fn what_a_hand_wrote_is_no_record() {
        let root = tempfile::tempdir().unwrap();
        let layout = directory_layout(root.path(), Supervisor::None);
        let service = ServiceName::new("migrate").unwrap();
        let directory = root.path().join("var/lib/bayplan/demo/jobs/migrate");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("a b"), "state=ok image=a:1\n").unwrap();
        fs::write(directory.join("empty"), "").unwrap();
        fs::write(directory.join("odd"), "state=perhaps image=a:1\n").unwrap();
        fs::write(
            directory.join("long"),
            format!("state=ok image={}\n", "a".repeat(2000)),
        )
        .unwrap();
        assert_eq!(
            parse_read(&run(&read_script(&layout, &service))),
            Some(BTreeMap::new())
        );
        assert!(parse_written(b"sh: no space left\n").is_err());
    }
}
