//! What goes on on a host: who holds its lock, and how far an activation is. Pure.

use super::event::ScriptEvent;
use crate::host::layout::{ActivationId, Layout};
use crate::host::lock::HOLDER;
use crate::host::said::one_line;

const ACTIVITY: &str = include_str!("activity.sh");

/// The script that tells who holds the host's lock, and what an activation is doing there. It does
/// not touch the lock.
#[must_use]
pub fn activity_script(layout: &Layout) -> String {
    format!("lock={}\n{HOLDER}\n{ACTIVITY}", layout.lock().quoted())
}

/// What goes on on a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activity {
    /// Who holds the lock: their line, or the process if it has none; empty if nobody is seen.
    pub holder: String,
    /// Whether the session that took the lock is still there.
    pub session: Holding,
    /// The activation that runs, of whatever cluster.
    pub activation: Option<RunningActivation>,
}

/// Whether a session holds the host's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Holding {
    /// A session holds it.
    Yes,
    /// Nobody holds it, or an activation does whose session is gone.
    #[default]
    No,
}

/// An activation that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningActivation {
    /// The cluster's name, as the host tells it.
    pub cluster: String,
    /// `None` for one of an older bayplan.
    pub id: Option<ActivationId>,
    /// Since when, in seconds since 1970 on the host's clock.
    pub since: Option<i64>,
    /// How far it is.
    pub at: ActivationProgress,
}

/// How far an activation is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActivationProgress {
    /// From 1; 0 before the first one.
    pub step: usize,
    /// How many steps it has.
    pub of: usize,
    /// What it is doing: `restarting web`. May be empty.
    pub doing: String,
}

impl Activity {
    /// The activation that runs without its session, if there is one: only its host can end it.
    #[must_use]
    pub fn orphan(&self) -> Option<&RunningActivation> {
        match self.session {
            Holding::Yes => None,
            Holding::No => self.activation.as_ref(),
        }
    }

    /// Whether anything goes on.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.session == Holding::Yes || self.activation.is_some()
    }

    /// Reads the answer of [`activity_script`]; `None` if it is not whole.
    #[must_use]
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let answer = String::from_utf8_lossy(answer);
        let mut lines = answer.lines();
        if lines.next() != Some("bayplan activity 1") {
            return None;
        }
        let mut activity = Self::default();
        for line in lines {
            if let Some(holder) = line.strip_prefix("holder ") {
                activity.holder = one_line(holder);
                continue;
            }
            match line {
                "session" => activity.session = Holding::Yes,
                "end" => return Some(activity),
                _ => {}
            }
            if let Some(unit) = line.strip_prefix("activation ") {
                let (cluster, id) = unit.rsplit_once('.').unwrap_or((unit, ""));
                activity.activation = Some(RunningActivation {
                    cluster: one_line(cluster),
                    id: ActivationId::new(id),
                    since: None,
                    at: ActivationProgress::default(),
                });
            } else if let Some(activation) = &mut activity.activation
                && let Some(event) = ScriptEvent::parse(line)
            {
                activation.hear(&event);
            }
        }
        None
    }
}

impl RunningActivation {
    fn hear(&mut self, event: &ScriptEvent) {
        if let ScriptEvent::Begun { at, .. } = event {
            self.since = Some(*at);
        }
        self.at.hear(event);
    }
}

impl ActivationProgress {
    /// `step 3 of 7, restarting web`
    #[must_use]
    pub fn words(&self) -> String {
        let Self { step, of, doing } = self;
        match (step, doing.as_str()) {
            (0, _) => "activating".to_owned(),
            (_, "") => format!("step {step} of {of}"),
            (_, doing) => format!("step {step} of {of}, {doing}"),
        }
    }

    /// Keeps up with what an activation says.
    pub fn hear(&mut self, event: &ScriptEvent) {
        match event {
            ScriptEvent::Begun { steps, .. } => self.of = *steps,
            ScriptEvent::Started { number, call } => {
                self.step = number.saturating_add(1);
                self.doing = as_words(call);
            }
            ScriptEvent::PuttingBack => {
                self.doing = "putting the previous generation back".to_owned()
            }
            ScriptEvent::Back { call, .. } => {
                self.doing = format!("putting back: {}", as_words(call))
            }
            ScriptEvent::Doing(words) => self.doing = one_line(words),
            ScriptEvent::Soaking(seconds) => {
                self.doing = format!("watching for {} s what started", one_line(seconds));
            }
            ScriptEvent::Done(_)
            | ScriptEvent::Skipped(_)
            | ScriptEvent::Failed(_)
            | ScriptEvent::Error(_)
            | ScriptEvent::State { .. }
            | ScriptEvent::Journal { .. }
            | ScriptEvent::Note(_)
            | ScriptEvent::Recorded
            | ScriptEvent::PutBack
            | ScriptEvent::Ended => {}
        }
    }
}

/// A call of the shell as words, for the script of an older bayplan, which says nothing else.
fn as_words(call: &str) -> String {
    let (function, words) = call.split_once(' ').unwrap_or((call, ""));
    let first = words.split(' ').next().unwrap_or_default();
    one_line(&format!("{} {first}", function.replace('_', " ")))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_orphan_is_an_activation_without_a_session() {
        let answer = "bayplan activity 1\nactivation demo.3f9ac1\nbegin 7 1763712000 4711 3f9ac1\n\
                      step 4 start restart_unit demo-web\ndoing restarting web\nholder ada@laptop since noon\nend\n";
        let activity = Activity::parse(answer.as_bytes()).unwrap();
        let activation = activity.orphan().unwrap();
        assert_eq!(activity.holder, "ada@laptop since noon");
        assert_eq!(activation.cluster, "demo");
        assert_eq!(activation.id, ActivationId::new("3f9ac1"));
        assert_eq!(activation.since, Some(1_763_712_000));
        assert_eq!(activation.at.step, 5);
        assert_eq!(activation.at.of, 7);
        assert_eq!(activation.at.doing, "restarting web");

        let answer = answer.replace("activation", "session\nactivation");
        let activity = Activity::parse(answer.as_bytes()).unwrap();
        assert_eq!(activity.orphan(), None);
        assert!(activity.is_busy());

        // As an older bayplan calls it, and tells of it.
        let older = answer
            .replace(".3f9ac1", "")
            .replace("doing restarting web\n", "");
        let older = Activity::parse(older.as_bytes())
            .unwrap()
            .activation
            .unwrap();
        assert_eq!((older.cluster.as_str(), older.id), ("demo", None));
        assert_eq!(older.at.words(), "step 5 of 7, restart unit demo-web");

        let idle = Activity::parse(b"bayplan activity 1\nholder \nend\n").unwrap();
        assert!(!idle.is_busy());
        assert_eq!(Activity::parse(b"bayplan activity 1\nholder x\n"), None);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            answer in prop::collection::vec(any::<u8>(), 0..200),
            lines in "(session|activation|holder|begin|step|back|doing|end|[ 0-9\n]|start){0,30}",
        ) {
            let _ = Activity::parse(&answer);
            let _ = Activity::parse(format!("bayplan activity 1\n{lines}").as_bytes());
        }
    }
}
