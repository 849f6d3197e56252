//! What the tools of a host must be able to do beyond POSIX. Programs of one name differ: busybox has a
//! `stat`, a `head` and a `tail` of its own, and Debian's `busybox sh` prefers them to all others. So
//! what counts is tried on every host. A tool that fails is a problem of the host, and its answer is
//! not read. Pure.

use std::fmt;

/// One thing that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ability {
    /// `[ A -ef B ]`
    SameFile,
    /// `head -c N` leaves what comes after N bytes to the next reader of a pipe.
    Head,
    /// `stat --printf` with times in nanoseconds.
    Stat,
    /// `sha256sum -z`
    Digest,
    /// `tail -f --pid=PID` with `-s` of a part of a second.
    Follow,
    /// `sync FILE`
    Sync,
    /// `timeout`
    Timeout,
    /// `sleep` of a part of a second.
    Sleep,
}

impl Ability {
    const ALL: [Ability; 8] = [
        Ability::SameFile,
        Ability::Head,
        Ability::Stat,
        Ability::Digest,
        Ability::Follow,
        Ability::Sync,
        Ability::Timeout,
        Ability::Sleep,
    ];

    /// The ability that a script names by this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ability| ability.word() == word)
    }

    /// The program, and its word in scripts.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Ability::SameFile => "[",
            Ability::Head => "head",
            Ability::Stat => "stat",
            Ability::Digest => "sha256sum",
            Ability::Follow => "tail",
            Ability::Sync => "sync",
            Ability::Timeout => "timeout",
            Ability::Sleep => "sleep",
        }
    }

    /// What to type on the host.
    #[must_use]
    pub fn help(self) -> String {
        match self {
            Ability::SameFile => {
                "`readlink -f /bin/sh` there shows which shell it is: bayplan needs dash or bash \
                 (`ln -sf dash /bin/sh`)"
                    .to_owned()
            }
            Ability::Head
            | Ability::Stat
            | Ability::Digest
            | Ability::Follow
            | Ability::Sync
            | Ability::Timeout
            | Ability::Sleep => format!(
                "`command -v {}; readlink -f /bin/sh` there shows which one is used: bayplan needs \
                 GNU coreutils 8.25 or newer, first in PATH, and dash or bash as /bin/sh \
                 (busybox's shell prefers its own tools: `ln -sf dash /bin/sh`)",
                self.word()
            ),
        }
    }
}

impl fmt::Display for Ability {
    /// As what was expected of the host.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ability::SameFile => "a shell that knows `[ FILE -ef FILE ]`",
            Ability::Head => "a `head -c` that leaves the rest of a pipe alone",
            Ability::Stat => "a `stat` that knows `--printf` and `%.9Z`",
            Ability::Digest => "a `sha256sum` that knows `-z`",
            Ability::Follow => "a `tail` that knows `-f -s 0.1 --pid`",
            Ability::Sync => "a `sync` that takes files",
            Ability::Timeout => "a `timeout` that runs a command",
            Ability::Sleep => "a `sleep` that takes parts of a second",
        })
    }
}
