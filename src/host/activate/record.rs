//! What an activation leaves for people: who released what, in record.json and in the history of the host. Pure.

use serde::Serialize;

use crate::host::layout::{Layout, StageId};
use crate::plan::recorded::Because;
use crate::render::shell::quote;

pub(super) const HISTORY: &str = include_str!("../past/history.sh");

/// Where the files of an activation come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A staging directory, which becomes the generation of this number at
    /// [`Step::SetCurrent`](crate::plan::step::Step::SetCurrent); later waves, and a second run by hand, find it there.
    Staged {
        /// The staging directory.
        id: StageId,
        /// The number that it gets.
        number: u64,
    },
    /// A generation that is there.
    Generation(u64),
}

/// Who released what: the beginning of a generation's record.json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// 1.
    pub format: u32,
    /// The version of bayplan.
    pub bayplan: &'static str,
    /// Which release it is: the same on every host, and no other's.
    pub release: String,
    /// `ada@laptop`.
    pub who: String,
    /// RFC 3339, by the clock of the releaser.
    pub when: String,
    /// The commit of the config repository, `None` outside of one.
    pub commit: Option<String>,
    /// The generation whose files these are again, in a rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u64>,
    /// Why containers of this host are started and restarted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Because>,
    /// What is done, in words, where it is no release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deed: Option<String>,
    /// The command that does it, as it is typed: for the journal.
    #[serde(skip)]
    pub action: &'static str,
}

/// The script that adds a line to a host's history for a release whose activation there wrote none: how
/// it ended, and why. It runs under the host's lock.
#[must_use]
pub fn note_script(
    layout: &Layout,
    source: &Source,
    record: &Record,
    generation: u64,
    (result, why): (&str, &str),
) -> String {
    let why = serde_json::to_string(&why.chars().take(300).collect::<String>());
    let why = why.expect("a text is plain data");
    let why = &why[1..why.len() - 1];
    format!(
        "{}{}made=false\n{HISTORY}\nnote_history {} {}\n",
        layout.variables(),
        history_variables(layout, source, record, generation),
        quote(result),
        quote(why),
    )
}

/// The script that adds a line to a host's history for what was no release: [`Record::deed`] says it. Whatever becomes of
/// it, what was done was done.
#[must_use]
pub fn deed_script(layout: &Layout, record: &Record) -> String {
    format!(
        "{}staged=''\n\
         numbered=/dev/null\n\
         {}made=false\n\
         of_generation=$(readlink \"$var/current\")\n\
         of_generation=${{of_generation#generations/}}\n\
         case $of_generation in\n\
         '' | *[!0-9]*) of_generation=0 ;;\n\
         esac\n\
         {HISTORY}\nnote_history 'done' ''\n",
        layout.variables(),
        record_variables(layout, record),
    )
}

/// What the functions of [`HISTORY`] need.
pub(super) fn history_variables(
    layout: &Layout,
    source: &Source,
    record: &Record,
    generation: u64,
) -> String {
    let (staged, number) = match source {
        Source::Staged { id, number } => (layout.staging(id).quoted(), *number),
        Source::Generation(number) => (quote(""), *number),
    };
    format!(
        "staged={staged}\n\
         numbered={}\n\
         of_generation={generation}\n\
         {}",
        layout.generation(number).quoted(),
        record_variables(layout, record),
    )
}

/// Who did what.
fn record_variables(layout: &Layout, record: &Record) -> String {
    let text = serde_json::to_string(record).expect("a record is plain data");
    let text = text.strip_suffix('}').expect("a record is an object");
    let (words, fields) = journal(layout, record);
    format!(
        "release={}\n\
         record={}\n\
         journal_words={}\n\
         journal_fields={}\n",
        quote(&record.release),
        quote(text),
        quote(&words),
        quote(&fields),
    )
}

/// What the journal of a host gets: who does what, in words, and the fields by which it is found. Each field is one line: a
/// value with a line break in it would make another one.
fn journal(layout: &Layout, record: &Record) -> (String, String) {
    let Record {
        format: _,
        bayplan: _,
        release,
        who,
        when: _,
        commit,
        back_to: _,
        reasons: _,
        deed,
        action,
    } = record;
    let plain = |text: &str| text.replace(|c: char| c.is_control(), " ");
    let cluster = layout.cluster();
    let deed = deed.as_ref();
    let deed = deed.map_or_else(String::new, |deed| format!(" ({})", plain(deed)));
    let words = format!("{action} of {cluster} by {}{deed}", plain(who));
    let mut fields = vec![
        format!("BAYPLAN_CLUSTER={cluster}"),
        format!("BAYPLAN_WHO={}", plain(who)),
        format!("BAYPLAN_RELEASE={}", plain(release)),
        format!("BAYPLAN_ACTION={action}"),
    ];
    if let Some(commit) = commit {
        fields.push(format!("BAYPLAN_COMMIT={}", plain(commit)));
    }
    (words, fields.join("\n"))
}
