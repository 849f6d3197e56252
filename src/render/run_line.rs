//! The container that a unit makes, as its command lines say: the options of `docker run`, by their long names.
//!
//! For what is asked about a unit. Fingerprints compare command lines by a reading of their own
//! ([`canonical`](super::canonical)), which never changes.

use super::canonical::splits;
use super::unit::expand_nothing;
use crate::cluster::bytes;
use crate::cluster::model::Engine;
use crate::cluster::run_flags::{Takes, named, of_letter};

/// What makes the container of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunLine<'a> {
    /// The engine's client.
    pub(crate) program: &'a str,
    /// The options of `run` or `create`, in their order.
    pub(crate) options: Vec<RunOption<'a>>,
    /// The networks that it is connected to before it starts, by commands of their own.
    pub(crate) connected: Vec<String>,
}

/// An option as a unit has it: `$` and `%` stand doubled in its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunOption<'a> {
    /// Its name without dashes, the long one where the option is known.
    pub(crate) name: &'a str,
    /// What it is given.
    pub(crate) value: Option<&'a str>,
}

impl<'a> RunLine<'a> {
    /// Of a unit's [directives](super::inputs::directives), if one of them makes a container.
    pub(crate) fn of(directives: &'a [(String, Vec<String>)], engine: Engine) -> Option<Self> {
        let mut made = None;
        let mut connected = Vec::new();
        for (key, words) in directives {
            if key != "ExecStart" && key != "ExecStartPre" {
                continue;
            }
            let is_client = |word: &String| {
                let program = word.trim_start_matches('-').rsplit('/').next();
                program == Some(engine.program())
            };
            let Some(client) = words.iter().position(is_client) else {
                continue;
            };
            let program = words[client].trim_start_matches('-');
            match &words[client + 1..] {
                [verb, rest @ ..] if verb == "run" || verb == "create" => {
                    made = Some((program, options(rest)));
                }
                [container, run, rest @ ..] if container == "container" && run == "run" => {
                    made = Some((program, options(rest)));
                }
                [network, connect, .., of, _] if network == "network" && connect == "connect" => {
                    connected.push(expand_nothing(of));
                }
                _ => {}
            }
        }
        let (program, options) = made?;
        Some(Self {
            program,
            options,
            connected,
        })
    }

    /// The most memory that the container may use, in bytes.
    pub(crate) fn memory(&self) -> Option<u64> {
        let limit = self.values("memory").last()?;
        bytes(&expand_nothing(limit).to_ascii_lowercase())
    }

    /// The values of an option.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_it = self
            .options
            .iter()
            .filter(move |option| option.name == name);
        of_it.filter_map(|option| option.value)
    }
}

/// All words before the image.
fn options(words: &[String]) -> Vec<RunOption<'_>> {
    let mut options = Vec::new();
    let mut words = words.iter();
    // systemd makes any number of words of `$NAME`.
    let is_option = |word: &&String| word.starts_with('-') || splits(word);
    while let Some(word) = words.next().filter(is_option) {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value)),
            Some(_) | None => (word.as_str(), None),
        };
        let row = match flag.strip_prefix("--") {
            Some(name) => named(name),
            None => flag.chars().nth(1).and_then(of_letter),
        };
        let takes = row.is_some_and(|row| row.takes == Takes::Value);
        // `-eNAME`, `-e=NAME`
        let joined = !flag.starts_with("--") && flag.len() > 2;
        let value = match (takes, value) {
            (true, None) if joined => {
                let value = &flag[2..];
                Some(value.strip_prefix('=').unwrap_or(value))
            }
            (true, None) => words.next().map(String::as_str),
            (_, value) => value,
        };
        let name = row.map_or(flag.trim_start_matches('-'), |row| row.name);
        options.push(RunOption { name, value });
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directives(words: &str) -> [(String, Vec<String>); 1] {
        let words = words.split(' ').map(str::to_owned).collect();
        [("ExecStart".to_owned(), words)]
    }

    fn makes_one(words: &str) -> bool {
        RunLine::of(&directives(words), Engine::Docker).is_some()
    }

    #[test]
    fn options_are_read_in_every_way_to_write_them() {
        let directives = directives(
            "-/usr/bin/docker run --rm -e A=1 -eB=2 -e=C=3 --volume=/a:/b -it -v /c:/d image -v /x:/y",
        );
        let read = RunLine::of(&directives, Engine::Docker).unwrap();
        assert_eq!(read.program, "/usr/bin/docker");
        assert_eq!(
            read.values("env").collect::<Vec<_>>(),
            ["A=1", "B=2", "C=3"]
        );
        assert_eq!(
            read.values("volume").collect::<Vec<_>>(),
            ["/a:/b", "/c:/d"]
        );
        assert_eq!(read.values("rm").next(), None);
    }

    #[test]
    fn a_unit_that_makes_no_container_has_no_such_line() {
        assert!(!makes_one("/usr/bin/docker start --attach web"));
        assert!(!makes_one("/usr/bin/podman run image"));
        assert!(makes_one("/usr/bin/docker container run image"));
    }
}
