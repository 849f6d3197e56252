//! What an activation tells of itself, a line an event. Pure.

/// What a script says in one line. A step of several calls starts and ends several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptEvent {
    /// The script begins: how many steps it has, and the time (seconds since 1970).
    Begun {
        /// How many steps.
        steps: usize,
        /// Seconds since 1970, on the host's clock.
        at: i64,
    },
    /// A step, and the call that it consists of.
    Started {
        /// The step, from 0.
        number: usize,
        /// The function of the script's library, and its arguments.
        call: String,
    },
    /// What the step does, in words ([`Step::words`](crate::plan::step::Step::words)). An older bayplan's script does not say it.
    Doing(String),
    /// What was started is healthy, and is watched for so many seconds.
    Soaking(String),
    /// That step was done.
    Done(usize),
    /// Nothing runs there, so there is nothing to reload or restart.
    Skipped(usize),
    /// That step failed, and the script ends; the lines before it say why.
    Failed(usize),
    /// Why a step fails.
    Error(String),
    /// `Key=Value` of `systemctl show` about a unit that failed.
    State {
        /// Its name, without suffix.
        unit: String,
        /// The line.
        text: String,
    },
    /// One of the last lines of the journal of a unit that failed.
    Journal {
        /// Its name, without suffix.
        unit: String,
        /// The line.
        text: String,
    },
    /// What went wrong and is no failure.
    Note(String),
    /// A step failed, and the previous generation is being put back.
    PuttingBack,
    /// A step of that.
    Back {
        /// The step of the way back, from 0.
        number: usize,
        /// As of a step.
        call: String,
    },
    /// The previous generation was put back, all of it.
    PutBack,
    /// The host's history has a line of this release.
    Recorded,
    /// Every step was done.
    Ended,
}

impl ScriptEvent {
    /// Reads a line; `None` if it is none of the script's.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let about = || rest.split_once(' ').unwrap_or((rest, ""));
        Some(match word {
            "step" => {
                let (number, what) = about();
                let number = number.parse().ok()?;
                match what {
                    start if start == "start" || start.starts_with("start ") => {
                        ScriptEvent::Started {
                            number,
                            call: start.get(6..).unwrap_or_default().to_owned(),
                        }
                    }
                    "done" => ScriptEvent::Done(number),
                    "skipped" => ScriptEvent::Skipped(number),
                    "failed" => ScriptEvent::Failed(number),
                    _ => return None,
                }
            }
            "begin" => {
                let (steps, at) = about();
                // The process and the id come after it, for anybody who follows it on the host.
                let at = at.split(' ').next().unwrap_or_default();
                ScriptEvent::Begun {
                    steps: steps.parse().ok()?,
                    at: at.parse().ok()?,
                }
            }
            "putting" if rest == "back" => ScriptEvent::PuttingBack,
            "put" if rest == "back" => ScriptEvent::PutBack,
            "doing" => ScriptEvent::Doing(rest.to_owned()),
            "soaking" => ScriptEvent::Soaking(rest.to_owned()),
            "back" => {
                let (number, what) = about();
                ScriptEvent::Back {
                    number: number.parse().ok()?,
                    call: what.strip_prefix("start ")?.to_owned(),
                }
            }
            "error" => ScriptEvent::Error(rest.to_owned()),
            "note" => ScriptEvent::Note(rest.to_owned()),
            "state" | "journal" => {
                let (unit, text) = about();
                let (unit, text) = (unit.to_owned(), text.to_owned());
                if word == "state" {
                    ScriptEvent::State { unit, text }
                } else {
                    ScriptEvent::Journal { unit, text }
                }
            }
            "recorded" => ScriptEvent::Recorded,
            "end" if rest.is_empty() => ScriptEvent::Ended,
            _ => return None,
        })
    }
}
