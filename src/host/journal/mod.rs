//! What the containers of a host say, as its journal has it: the script that asks for it, and the reader of the answer. Pure.

mod reader;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::layout::Layout;
use crate::cluster::name::ServiceName;
use crate::render::shell::quote;

pub use self::reader::{JournalBatch, JournalMessage, JournalReader};

/// Which part of a journal is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalRequest {
    /// Only what these services said; none means all of the cluster.
    pub services: BTreeSet<ServiceName>,
    /// Only the last lines, so many.
    pub lines: Option<usize>,
    /// Where it begins.
    pub since: Since,
    /// Nothing that is younger; microseconds since 1970.
    pub until: Option<i64>,
    /// Only messages that match this pattern of `journalctl`.
    pub grep: Option<String>,
    /// What is asked of the runs of a service.
    pub runs: RunsAsked,
    /// Whether what comes later is waited for.
    pub follow: Follow,
}

/// Where a part of a journal begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Since {
    /// Where the journal does.
    #[default]
    Ever,
    /// Microseconds since 1970.
    Moment(i64),
    /// When the last release began that acted on the host.
    Release,
}

/// Which runs of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunsAsked {
    /// All.
    #[default]
    All,
    /// The one before the last start.
    Previous,
}

/// Whether what comes later is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Follow {
    /// It is not.
    #[default]
    No,
    /// It is.
    Yes,
}

/// Where a journal goes on that was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoOn<'a> {
    /// After this entry.
    After(&'a str),
    /// Nothing had come: from this second of the host's clock on.
    From(i64),
}

/// What a host says that has no release to begin at.
pub const NO_RELEASE: &str = "nothing was released here";

impl JournalRequest {
    /// The last lines of what matches a pattern: `journalctl` has them in another order, so they are chosen here.
    #[must_use]
    pub fn chosen_here(&self) -> Option<usize> {
        match self.grep {
            Some(_) if self.follow == Follow::No => self.lines,
            Some(_) | None => None,
        }
    }

    /// The script that tells it, in the format `export` of `journalctl`. `on` says where it goes on that was lost.
    #[must_use]
    pub fn script(&self, layout: &Layout, on: Option<GoOn<'_>>) -> String {
        let mut script = layout.variables();
        script.push_str(&units(&self.services));
        script.push_str("[ $# -gt 0 ] || exit 0\n");
        if self.runs == RunsAsked::Previous {
            script.push_str(PREVIOUS);
        }
        let mut options = String::new();
        match (on, self.since) {
            (Some(GoOn::After(cursor)), _) => {
                let _ = write!(options, " --after-cursor={}", quote(cursor));
            }
            (Some(GoOn::From(second)), _) => {
                let _ = write!(options, " --since=@{second}");
            }
            (None, Since::Ever) if self.grep.is_some() && self.follow == Follow::Yes => {
                options.push_str(" --since=now");
            }
            (None, Since::Ever) => {}
            (None, Since::Moment(moment)) => {
                let _ = write!(options, " --since={}", at(moment));
            }
            (None, Since::Release) => {
                let _ = write!(
                    script,
                    "when=$(tail -n 1 {} 2>/dev/null | sed -n 's/.*[{{,]\"when\":\"\\([0-9TZ:.+-]*\\)\".*/\\1/p')\n\
                     [ \"$when\" ] || {{ echo {} >&2; exit 1; }}\n\
                     when=$(printf '%s\\n' \"$when\" | sed 's/T/ /; s/Z/ UTC/')\n",
                    layout.history().quoted(),
                    quote(NO_RELEASE),
                );
                options.push_str(" --since=\"$when\"");
            }
        }
        if let Some(until) = self.until {
            let _ = write!(options, " --until={}", at(until));
        }
        if let Some(pattern) = &self.grep {
            let _ = write!(options, " --grep={}", quote(pattern));
        }
        match (self.lines, on) {
            (Some(lines), None) if self.grep.is_none() => {
                let _ = write!(options, " -n {lines}");
            }
            (Some(_) | None, _) if self.follow == Follow::Yes => options.push_str(" --no-tail"),
            (Some(_) | None, _) => {}
        }
        if self.follow == Follow::Yes {
            options.push_str(" -f");
        }
        let _ = writeln!(
            script,
            "exec journalctl -q --no-pager -o export \\\n\
             --output-fields=MESSAGE,_SYSTEMD_UNIT,UNIT,OBJECT_SYSTEMD_UNIT{options} \"$@\""
        );
        script
    }
}

/// A moment as `journalctl` takes it.
fn at(moment: i64) -> String {
    let (seconds, micros) = (moment.div_euclid(1_000_000), moment.rem_euclid(1_000_000));
    format!("@{seconds}.{micros:06}")
}

/// Makes the arguments `-u UNIT`, of the units that are there, and of each named service whether or not it is there still.
fn units(services: &BTreeSet<ServiceName>) -> String {
    let mut script = String::from("set --\n");
    if services.is_empty() {
        script.push_str(
            "for file in \"$units/$cluster\"-*.service; do\n\
             grep -qsx \"Cluster=$cluster\" \"$file\" || continue\n\
             set -- \"$@\" -u \"${file##*/}\"\n\
             done\n",
        );
        return script;
    }
    let names: Vec<&str> = services.iter().map(AsRef::as_ref).collect();
    let _ = write!(
        script,
        "for service in {}; do\n\
         set -- \"$@\" -u \"$cluster-$service.service\"\n\
         for file in \"$units/$cluster-$service\"@*.service \"$units/$cluster-$service.watch.service\"; do\n\
         [ ! -f \"$file\" ] || set -- \"$@\" -u \"${{file##*/}}\"\n\
         done\n\
         done\n",
        names.join(" ")
    );
    script
}

/// Instead of each unit the run of it before its last start.
const PREVIOUS: &str = "\
ids=
while [ $# -gt 0 ]; do
  # A run of a watch is none of its service.
  case $2 in
  *.watch.service)
    shift 2
    continue
    ;;
  esac
  now=$(systemctl show --value -p InvocationID \"$2\")
  id=$(journalctl -q -r -o cat --output-fields=_SYSTEMD_INVOCATION_ID _SYSTEMD_UNIT=\"$2\" |
    grep -m 1 -vx \"$now\")
  [ -z \"$id\" ] || ids=\"$ids _SYSTEMD_INVOCATION_ID=$id\"
  shift 2
done
[ \"$ids\" ] || exit 0
set -- $ids
";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::sample::directory_layout;
    use super::*;
    use crate::cluster::model::Supervisor;

    fn script(request: &JournalRequest, after: Option<GoOn<'_>>) -> String {
        let layout = directory_layout(Path::new("/r"), Supervisor::Systemd);
        let script = request.script(&layout, after);
        script.lines().last().unwrap().to_owned()
    }

    #[test]
    fn no_word_of_the_operator_is_taken_for_another() {
        let request = JournalRequest {
            grep: Some("it's; $(reboot)".to_owned()),
            lines: Some(3),
            ..JournalRequest::default()
        };
        assert!(script(&request, None).contains(" --grep='it'\\''s; $(reboot)' \"$@\""));
        assert_eq!(request.chosen_here(), Some(3));
    }

    #[test]
    fn a_moment_before_1970_is_one() {
        assert_eq!(at(-1), "@-1.999999");
        assert_eq!(at(1_795_816_542_442_978), "@1795816542.442978");
    }

    #[test]
    fn after_a_lost_connection_it_goes_on_where_it_was() {
        let request = JournalRequest {
            lines: Some(10),
            follow: Follow::Yes,
            ..JournalRequest::default()
        };
        assert!(script(&request, None).contains(" -n 10 -f "));
        let again = script(&request, Some(GoOn::After("s=1;i=2")));
        assert!(
            again.contains(" --after-cursor='s=1;i=2' --no-tail -f "),
            "{again}"
        );
    }
}
