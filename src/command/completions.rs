//! `bayplan completions SHELL`, and what a shell is answered that asks what a word may become: from files of the
//! description, never from a host.

#![expect(
    clippy::disallowed_methods,
    reason = "is asked by a shell, which gives the words in arguments and the environment"
)]

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::CommandFactory as _;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};
use clap_complete::env::Shells;

use super::{Exit, Failure};
use crate::cli::{Cli, Completions};
use crate::cluster::name::ServiceName;
use crate::cluster::version::versions;
use crate::cluster::{Sources, hosts_alone};
use crate::report::stream;
use crate::repository::Repository;

/// The variable that names the shell that asks.
const ASKED_BY: &str = "BAYPLAN_COMPLETE";

/// The function of bash. Its words are divided at `=`, too: unlike the one of clap_complete it passes them on with that.
const BASH: &str = r#"_bayplan() {
    local IFS=$'\013' words=("${COMP_WORDS[@]}")
    [[ ${words[COMP_CWORD]} == "=" ]] || words[COMP_CWORD]=$2
    COMPREPLY=($(BAYPLAN_COMPLETE=bash _CLAP_COMPLETE_INDEX=$COMP_CWORD bayplan -- "${words[@]}" 2>/dev/null))
    if [[ ${COMPREPLY-} == *[=/:] ]]; then
        compopt -o nospace 2>/dev/null
    fi
    return 0
}
if [[ ${BASH_VERSINFO[0]} -gt 4 || (${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4) ]]; then
    complete -o bashdefault -o nosort -F _bayplan bayplan
else
    complete -o bashdefault -F _bayplan bayplan
fi
"#;

pub(super) fn run(arguments: &Completions) -> Result<Exit, Failure> {
    let shell = arguments.shell.to_string();
    if shell == "bash" {
        stream::stdout(BASH)?;
        return Ok(Exit::Done);
    }
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let known = shells.completer(&shell);
    let known = known.ok_or_else(|| anyhow::anyhow!("expected a shell, found {shell}"))?;
    known.write_registration(ASKED_BY, "bayplan", "bayplan", "bayplan", &mut script)?;
    stream::stdout(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Answers a shell, if one asks. What it asks wrongly has no answer: a person who types has no use for an error.
pub fn completed() -> Option<Exit> {
    let shell = std::env::var_os(ASKED_BY)?;
    let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    let answer = answer(&shell, words.collect());
    let _ = stream::stdout(&String::from_utf8_lossy(&answer.unwrap_or_default()));
    Some(Exit::Done)
}

/// What a word may become, as the shell reads it.
fn answer(shell: &OsStr, words: Vec<OsString>) -> Option<Vec<u8>> {
    let here = std::env::current_dir().ok();
    let mut answer = Vec::new();
    let at = std::env::var("_CLAP_COMPLETE_INDEX");
    let at: Option<usize> = at.ok().and_then(|at| at.parse().ok());
    if shell != "bash" {
        let mut command = command(&words, at.unwrap_or(words.len().saturating_sub(1)));
        let shells = Shells::builtins();
        let shell = shells.completer(shell.to_str()?)?;
        let written = shell.write_complete(&mut command, words, here.as_deref(), &mut answer);
        return written.ok().map(|()| answer);
    }
    let (words, at, before) = joined(&words, at?);
    let mut command = command(&words, at);
    let candidates = complete(&mut command, words, at, here.as_deref()).ok()?;
    let candidates = candidates.iter().map(CompletionCandidate::get_value);
    let values: Vec<&[u8]> = candidates
        .filter_map(|value| value.as_encoded_bytes().get(before..))
        .collect();
    Some(values.join(&b"\x0b"[..]))
}

/// Words as they were typed, from those of bash, which ends one before and after each `=`; the place of one of them, and how
/// much of that stands before what bash takes for the word.
fn joined(words: &[OsString], at: usize) -> (Vec<OsString>, usize, usize) {
    let mut all: Vec<OsString> = Vec::new();
    let (mut place, mut before, mut glued) = (0, 0, false);
    for (number, word) in words.iter().enumerate() {
        let is_sign = word == "=" && number > 0;
        let last = all.last_mut().filter(|_| is_sign || glued);
        let start = match last {
            Some(last) => {
                let start = last.len();
                last.push(word);
                start
            }
            None => {
                all.push(word.clone());
                0
            }
        };
        glued = is_sign;
        if number == at {
            place = all.len() - 1;
            before = start + usize::from(is_sign);
        }
    }
    (all, place, before)
}

/// The command line, with names of the description where it takes them.
fn command(words: &[OsString], at: usize) -> clap::Command {
    let words = words.iter().map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = words.collect();
    let asks_options = words.get(at).is_some_and(|word| word.starts_with('-'));
    let command = with_names(Cli::command(), &Arc::new(KnownNames::of(words)));
    match asks_options {
        true => command,
        false => without_options(command),
    }
}

/// Where a word may be a name, options are offered to whoever begins with `-`. (What is hidden is offered if there is nothing
/// else.)
fn without_options(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|argument| {
        let is_option = !argument.is_positional();
        argument.hide(is_option)
    });
    let command = command.disable_help_flag(true).disable_version_flag(true);
    command.mut_subcommands(without_options)
}

fn with_names(command: clap::Command, known: &Arc<KnownNames>) -> clap::Command {
    let of_argument = |argument: clap::Arg| {
        let names = argument.get_value_names().unwrap_or_default();
        let Some(kind) = names.first().and_then(|name| NameKind::of(name)) else {
            return argument;
        };
        let known = Arc::clone(known);
        argument.add(ArgValueCompleter::new(move |current: &OsStr| {
            known.candidates(kind, &current.to_string_lossy())
        }))
    };
    let command = command.mut_args(of_argument);
    command.mut_subcommands(|command| with_names(command, known))
}

/// What an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameKind {
    Clusters,
    Services,
    Hosts,
    /// `SERVICE=TAG`
    Versions,
}

impl NameKind {
    /// By how the help calls it.
    fn of(value_name: &str) -> Option<Self> {
        match value_name {
            "CLUSTER" | "FROM" | "TO" => Some(Self::Clusters),
            "SERVICE" => Some(Self::Services),
            "HOST" => Some(Self::Hosts),
            "SERVICE=TAG" => Some(Self::Versions),
            _ => None,
        }
    }
}

/// The description around which a line is typed. It is read where a name of it is asked for.
struct KnownNames {
    repository: Option<Repository>,
    words: Vec<String>,
}

impl KnownNames {
    fn of(words: Vec<String>) -> Self {
        let mut flags = words.iter().enumerate();
        let given = flags.find_map(|(at, word)| match word.strip_prefix("-C")? {
            "" => words.get(at + 1).map(PathBuf::from),
            directory => Some(PathBuf::from(directory)),
        });
        let from = given.as_deref().unwrap_or(Path::new("."));
        Self {
            repository: Repository::find(from).ok(),
            words,
        }
    }

    fn candidates(&self, kind: NameKind, current: &str) -> Vec<CompletionCandidate> {
        let names = match kind {
            NameKind::Clusters => self.clusters().into_iter().collect(),
            NameKind::Services => self.services(),
            NameKind::Hosts => self.hosts(),
            NameKind::Versions => match current.split_once('=') {
                // `bump --list` takes services alone.
                None if self
                    .words
                    .iter()
                    .any(|word| word == "--list" || word == "-l") =>
                {
                    self.services()
                }
                None => self.services().into_iter().map(|name| name + "=").collect(),
                Some((service, _)) => self.versions(service),
            },
        };
        let fits = names.into_iter().filter(|name| name.starts_with(current));
        fits.map(CompletionCandidate::new).collect()
    }

    /// What is in a directory of the repository.
    fn names(&self, directory: &str) -> Vec<String> {
        let repository = self.repository.as_ref();
        repository.map_or_else(Vec::new, |it| it.names(directory))
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.repository.as_ref()?.read_to_edit(path).ok()?
    }

    fn clusters(&self) -> Vec<String> {
        self.names("clusters")
    }

    /// The clusters that the line is about: the first that it names, else all.
    fn meant(&self) -> Vec<String> {
        let clusters = self.clusters();
        let mut words = self.words.iter().skip(1).map(|word| {
            let word = word.rsplit_once('=').map_or(&**word, |(_, value)| value);
            let name = word.strip_prefix("clusters/").unwrap_or(word);
            name.strip_suffix('/').unwrap_or(name)
        });
        match words.find(|word| clusters.iter().any(|cluster| cluster == word)) {
            Some(cluster) => vec![cluster.to_owned()],
            None => clusters,
        }
    }

    fn services(&self) -> BTreeSet<String> {
        let files = self.meant().into_iter();
        let files = files.flat_map(|cluster| self.names(&format!("clusters/{cluster}/services")));
        files
            .filter_map(|file| Some(file.strip_suffix(".toml")?.to_owned()))
            .collect()
    }

    fn hosts(&self) -> BTreeSet<String> {
        let clusters = self.meant().into_iter().filter_map(|cluster| {
            let path = format!("clusters/{cluster}/cluster.toml");
            let mut sources = Sources::new();
            sources.insert(path.clone(), self.read(&path)?);
            hosts_alone(&cluster, &sources)
        });
        clusters
            .flat_map(|cluster| cluster.hosts.into_keys())
            .map(|host| host.to_string())
            .collect()
    }

    /// The versions of a service that other clusters have.
    fn versions(&self, service: &str) -> BTreeSet<String> {
        let Ok(service) = ServiceName::new(service) else {
            return BTreeSet::new();
        };
        let written = self.clusters().into_iter().filter_map(|cluster| {
            let path = format!("clusters/{cluster}/services/{service}.toml");
            let mut sources = Sources::new();
            sources.insert(path.clone(), self.read(&path)?);
            versions(&cluster, &sources).remove(&service)?
        });
        written
            .map(|written| format!("{service}={}", written.value))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_bash_are_what_was_typed() {
        let told = |words: &str, at| {
            let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            let (words, at, before) = joined(&words, at);
            (words.join(OsStr::new(" ")), at, before)
        };
        let typed = |text: &str, at, before| (OsString::from(text), at, before);
        assert_eq!(told("b bump p sea", 3), typed("b bump p sea", 3, 0));
        assert_eq!(told("b bump p web = 1", 5), typed("b bump p web=1", 3, 4));
        assert_eq!(told("b bump p web =", 4), typed("b bump p web=", 3, 4));
        assert_eq!(told("b bump p a = 1 we", 6), typed("b bump p a=1 we", 4, 0));
    }

    #[test]
    fn a_file_of_a_name_is_no_argument() {
        assert_eq!(NameKind::of("FILE"), None);
        assert_eq!(NameKind::of("SERVICE=TAG"), Some(NameKind::Versions));
    }
}
