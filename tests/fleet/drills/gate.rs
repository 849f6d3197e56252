//! A gate before a step of a release on one host: something strikes there, or it waits until the test
//! lets it through.

use std::time::Duration;

use crate::hosts::{Fleet, Host, until};
use crate::run::Running;

/// Stands before `sh` in the path of the host: an activation's script is edited before it runs.
const SH: &str = r#"#!/bin/sh
if [ -e /run/drill/script ]; then
  case ${1##*/} in
  $(cat /run/drill/script))
    sed -f /run/drill/edit "$1" >/run/drill.sh
    cmp -s "$1" /run/drill.sh || touch /run/drill.met
    exec /bin/sh /run/drill.sh
    ;;
  esac
fi
exec /bin/sh "$@"
"#;

/// Stands before docker, for what happens before an activation.
const DOCKER: &str = r#"#!/bin/sh
if [ -e /run/drill/pull ] && [ "$1" = pull ]; then
  touch /run/drill.here
  while [ -e /run/drill ]; do sleep 0.05; done
fi
exec /usr/bin/docker "$@"
"#;

const WAIT: &str = "touch /run/drill.here; while [ -e /run/drill ]; do sleep 0.05; done";

/// The gate of one host. It goes with this value, whatever becomes of the test.
pub struct Gate(&'static Host);

impl Gate {
    /// A gate that is open.
    pub fn of(fleet: &'static Fleet, host: &str) -> Self {
        let gate = Self(fleet.host(host));
        for (name, text) in [("sh", SH), ("docker", DOCKER)] {
            gate.0.sh(&format!(
                "cat >/usr/local/bin/{name} <<'END'\n{text}END\nchmod 0755 /usr/local/bin/{name}"
            ));
        }
        gate
    }

    /// A line of shell is put before each step that a basic regular expression finds, `^step 3 `, in each
    /// script that a pattern names, `activate-1.sh`.
    pub fn strike(&self, script: &str, step: &str, line: &str) {
        self.0.sh(&format!(
            "rm -rf /run/drill*; mkdir /run/drill; cd /run/drill
            printf '/%s/i\\\\\\n%s\\n' '{step}' '{line}' >edit
            printf '%s\\n' '{script}' >script"
        ));
    }

    /// Shuts it before such a step.
    pub fn shut(&self, script: &str, step: &str) {
        self.strike(script, step, WAIT);
    }

    /// Shuts it before the pull of an image.
    pub fn shut_before_pull(&self) {
        self.0
            .sh("rm -rf /run/drill*; mkdir /run/drill; touch /run/drill/pull");
    }

    /// Whether an activation had such a step.
    pub fn was_met(&self) -> bool {
        self.0.run("test -e /run/drill.met").status.success()
    }

    /// Whether something waits there now.
    pub fn has_one_waiting(&self) -> bool {
        self.0.run("test -e /run/drill.here").status.success()
    }

    /// Waits until something waits there, or the release ended: then there was no such step.
    pub fn until_met(&self, release: &mut Running) -> bool {
        until(Duration::from_secs(60), "it is there, or ended", || {
            if self.has_one_waiting() {
                return Some(true);
            }
            release.has_ended().then_some(false)
        })
    }

    /// Lets it through.
    pub fn open(&self) {
        self.0.run("rm -rf /run/drill*");
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
        self.0.run("rm -f /usr/local/bin/sh /usr/local/bin/docker");
    }
}
