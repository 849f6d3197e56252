//! What a release is doing: one line a host that changes in place on a terminal, a few plain
//! lines elsewhere. Both go to standard error.

#![expect(
    clippy::disallowed_methods,
    reason = "moves a display on a terminal, by the clock; asks what kind it is"
)]

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::palette::Palette;
use super::stream::is_quiet;
use super::text::{commas, count, escape, list, seconds, size};
use crate::cluster::name::HostName;
use crate::host::activate::activity::ActivationProgress;
use crate::plan::Phase;
use crate::plan::step::{Effect, Step, StepKind};
use crate::release::event::Ending;
use crate::release::event::{Event, EventKind};
use crate::trace;

/// The display of events. Threads may share it.
pub struct Progress(Display);

enum Display {
    Terminal(Box<Mutex<Terminal>>),
    Lines(Mutex<Log>),
    Nothing,
}

impl Progress {
    /// The display that standard error can carry. `hosts` get their lines in this order.
    #[must_use]
    pub fn stderr<'a>(hosts: impl IntoIterator<Item = &'a HostName>, palette: &Palette) -> Self {
        // Some CI has a terminal for its log, where a line that is drawn again is one more line.
        let kept = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let lines = kept || dumb || is_quiet() || trace::is_told();
        if std::io::stderr().is_terminal() && !lines {
            let terminal = Terminal::new(hosts, palette);
            Self(Display::Terminal(Box::new(Mutex::new(terminal))))
        } else {
            Self::log()
        }
    }

    /// Plain lines to standard error, also on a terminal: among lines of others nothing can be drawn again. None, if nobody
    /// wants to know.
    #[must_use]
    pub fn log() -> Self {
        match is_quiet() {
            true => Self(Display::Nothing),
            false => Self::lines(Box::new(std::io::stderr())),
        }
    }

    /// Plain lines to a writer.
    #[must_use]
    pub fn lines(to: Box<dyn Write + Send>) -> Self {
        let hosts = BTreeMap::new();
        Self(Display::Lines(Mutex::new(Log { to, hosts })))
    }

    /// Shows an event.
    pub fn event(&self, event: &Event) {
        match &self.0 {
            Display::Terminal(terminal) => lock(terminal).event(event),
            Display::Lines(log) => lock(log).event(event),
            Display::Nothing => {}
        }
    }

    /// Ends the display: what hosts did stays on the screen, mere looks are wiped away. To be
    /// called before anything else is printed.
    pub fn finish(&self) {
        match &self.0 {
            Display::Terminal(terminal) => lock(terminal).finish(),
            Display::Lines(_) | Display::Nothing => {}
        }
    }
}

/// A thread that panicked while it drew leaves nothing behind that drawing depends on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plain lines: one each time that a host is at work, with what it did. Who reads a log wants to find what
/// matters, not each of two hundred steps. That a host failed is told once, with the result.
struct Log {
    to: Box<dyn Write + Send>,
    hosts: BTreeMap<HostName, HostLog>,
}

/// What was not told yet of a host, or need not be told again.
#[derive(Default)]
struct HostLog {
    /// What the wave did until now.
    done: Vec<String>,
    /// Whether the wave did more than to record what there is.
    acted: bool,
    /// Whether it was told that a wave is done.
    told_done: bool,
    waiting_for: Option<String>,
    puts_back: bool,
}

impl Log {
    fn event(&mut self, event: &Event) {
        let host = self.hosts.entry(event.host.clone()).or_default();
        if let Some(text) = host.line(&event.kind) {
            // A log that cannot be written must not stop a release half-way.
            let _ = writeln!(self.to, "{}: {text}", event.host);
            let _ = self.to.flush();
        }
    }
}

impl HostLog {
    /// The line of an event, if it is worth one.
    fn line(&mut self, kind: &EventKind) -> Option<String> {
        match kind {
            EventKind::Connecting
            | EventKind::Observed
            | EventKind::Locked
            | EventKind::Followed { .. }
            | EventKind::Failed { .. } => None,
            EventKind::WaitingForLock { holder, .. } => {
                // Told again only if it is another one's.
                let known = self.waiting_for.as_ref() == Some(holder);
                self.waiting_for = Some(holder.clone());
                (!known).then(|| message(kind))
            }
            EventKind::Activating { .. } => {
                self.done.clear();
                self.acted = false;
                None
            }
            EventKind::Step { step, .. } => {
                self.acted |= step.kind() != StepKind::End;
                self.done.extend(done(step));
                None
            }
            EventKind::Activated { .. } => {
                let told = std::mem::replace(&mut self.told_done, true);
                (self.acted || !told)
                    .then(|| format!("{}{}", message(kind), enumerated(&self.done)))
            }
            EventKind::PuttingBack { .. } => {
                let told = std::mem::replace(&mut self.puts_back, true);
                (!told).then(|| "putting the previous generation back".to_owned())
            }
            EventKind::Staged { .. }
            | EventKind::Checked { .. }
            | EventKind::LosesVolume(_)
            | EventKind::TightMemory(_)
            | EventKind::Soaking { .. }
            | EventKind::PutBack
            | EventKind::Following { .. }
            | EventKind::FollowedToEnd { .. } => Some(message(kind)),
        }
    }
}

/// What a step did to a container, if anything.
fn done(step: &Step) -> Option<String> {
    let did = match step.kind().effect()? {
        Effect::Stops => "stopped",
        Effect::Starts => "started",
    };
    let services = step.services();
    let done = services.iter().map(|service| format!("{service} {did}"));
    let done: Vec<String> = done.collect();
    (!done.is_empty()).then(|| done.join(", "))
}

/// `: a started, b stopped and 198 more`
fn enumerated(done: &[String]) -> String {
    /// More would be a list that nobody reads.
    const NAMED: usize = 4;
    match done {
        [] => String::new(),
        few if few.len() <= NAMED => format!(": {}", list(few)),
        many => {
            let rest = many.len() - (NAMED - 1);
            format!(": {} and {rest} more", commas(&many[..NAMED - 1]))
        }
    }
}

/// An event in words.
fn message(kind: &EventKind) -> String {
    match kind {
        EventKind::Connecting => "connecting".to_owned(),
        EventKind::Observed => "looked at".to_owned(),
        EventKind::WaitingForLock { holder, at } => {
            let at = at.as_ref().map(ActivationProgress::words);
            let at = at.map_or_else(String::new, |at| format!(": {}", escape(&at)));
            let holder = match holder.as_str() {
                "" => "a process that cannot be seen there".to_owned(),
                holder => escape(holder),
            };
            format!("waiting for the lock of {holder}{at}")
        }
        EventKind::Following { holder, since, at } => {
            let holder = match holder.as_str() {
                "" => "somebody".to_owned(),
                holder => escape(holder),
            };
            let since = since.and_then(|since| jiff::Timestamp::from_second(since).ok());
            let since = since.map_or_else(String::new, |since| format!(" since {since}"));
            format!(
                "an activation goes on here{since}, begun by {holder}, whose session is gone; \
                 following it: {}",
                escape(&at.words())
            )
        }
        EventKind::Followed { at } | EventKind::Soaking { at } => escape(&at.words()),
        EventKind::FollowedToEnd { ending } => match ending {
            Ending::Done => "that activation is done".to_owned(),
            Ending::PutBack => "that activation failed and was put back".to_owned(),
            Ending::Failed => "that activation did not come to its end".to_owned(),
        },
        EventKind::PuttingBack { step: None } => "putting the previous generation back".to_owned(),
        EventKind::PuttingBack { step: Some(step) } => format!("putting back: {}", step.words()),
        EventKind::PutBack => "the previous generation is back".to_owned(),
        EventKind::Locked => "locked".to_owned(),
        EventKind::Staged { bytes } => format!("staged {}", size(*bytes)),
        EventKind::Checked { pulled: 0 } => "checked".to_owned(),
        EventKind::Checked { pulled } => {
            format!("checked, {} pulled", count(*pulled, "image", "images"))
        }
        EventKind::LosesVolume(lost) => {
            let first = lost.paths.first().map_or("/data", String::as_str);
            format!(
                "warning: {}; mount something there: volumes = [\"{}-data:{}\"]",
                escape(&lost.words()),
                lost.service,
                escape(first)
            )
        }
        EventKind::TightMemory(tight) => format!(
            "warning: {}; write `memory` for {}, and it is checked",
            escape(&tight.words()),
            tight.service
        ),
        EventKind::Activating { phase, steps } => {
            let what = match phase {
                Phase::Expand => "activating what is new",
                Phase::Change => "activating",
                Phase::Contract => "finishing",
            };
            format!("{what}, {}", count(*steps, "step", "steps"))
        }
        EventKind::Step { number, of, step } => format!("{number}/{of} {}", step.words()),
        EventKind::Activated { took } => format!("done in {}", seconds(*took)),
        EventKind::Failed { error } => format!("failed: {}", escape(error)),
    }
}

/// One line a host.
struct Terminal {
    all: MultiProgress,
    bars: BTreeMap<HostName, Bar>,
    busy: ProgressStyle,
    done: ProgressStyle,
    failed: ProgressStyle,
}

struct Bar {
    bar: ProgressBar,
    /// What is left of the line when the display ends.
    end: LineEnd,
}

/// What becomes of a host's line when the display ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    /// The host was only looked at, or got ready.
    Wiped,
    /// It was changed, or failed.
    Stays,
}

impl Terminal {
    fn new<'a>(hosts: impl IntoIterator<Item = &'a HostName>, palette: &Palette) -> Self {
        let hosts: Vec<&HostName> = hosts.into_iter().collect();
        let widest = hosts
            .iter()
            .map(|host| host.as_str().len())
            .max()
            .unwrap_or(0);
        let Palette {
            added,
            changed,
            removed,
            ..
        } = palette;
        let style = |ticks: &[&str], style: &anstyle::Style, end: &str| {
            let template =
                format!("{{prefix:{widest}}} {style}{{spinner}}{style:#} {{wide_msg}}{end}");
            ProgressStyle::with_template(&template)
                .expect("the template is well-formed")
                .tick_strings(ticks)
        };
        let dots = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", " "];
        let mut terminal = Self {
            all: MultiProgress::new(),
            bars: BTreeMap::new(),
            busy: style(&dots, changed, " {elapsed}"),
            done: style(&["✓", "✓"], added, ""),
            failed: style(&["✗", "✗"], removed, ""),
        };
        for host in hosts {
            terminal.add(host);
        }
        terminal
    }

    fn add(&mut self, host: &HostName) -> &mut Bar {
        self.bars.entry(host.clone()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.set_style(self.busy.clone());
            bar.set_prefix(host.to_string());
            Bar {
                bar,
                end: LineEnd::Wiped,
            }
        })
    }

    fn event(&mut self, event: &Event) {
        let (busy, done, failed) = (self.busy.clone(), self.done.clone(), self.failed.clone());
        if let EventKind::LosesVolume(_) | EventKind::TightMemory(_) = &event.kind {
            // It stays on the screen.
            let _ = self
                .all
                .println(format!("{} {}", event.host, message(&event.kind)));
            return;
        }
        let Bar { bar, end } = self.add(&event.host);
        let mut rest = |style| {
            *end = LineEnd::Stays;
            bar.disable_steady_tick();
            bar.set_style(style);
        };
        match &event.kind {
            EventKind::Activated { .. } => rest(done),
            EventKind::Failed { .. } => rest(failed),
            EventKind::Connecting | EventKind::Activating { .. } => {
                bar.reset_elapsed();
                bar.set_style(busy);
                bar.enable_steady_tick(Duration::from_millis(100));
            }
            EventKind::Observed
            | EventKind::WaitingForLock { .. }
            | EventKind::Locked
            | EventKind::Staged { .. }
            | EventKind::Checked { .. }
            | EventKind::LosesVolume(_)
            | EventKind::TightMemory(_)
            | EventKind::Following { .. }
            | EventKind::Followed { .. }
            | EventKind::FollowedToEnd { .. }
            | EventKind::PuttingBack { .. }
            | EventKind::PutBack
            | EventKind::Soaking { .. }
            | EventKind::Step { .. } => {}
        }
        bar.set_message(message(&event.kind));
    }

    fn finish(&mut self) {
        for Bar { bar, end } in self.bars.values() {
            bar.disable_steady_tick();
            match end {
                LineEnd::Wiped => bar.finish_and_clear(),
                LineEnd::Stays => bar.abandon(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use insta::assert_snapshot;
    use proptest::prelude::{any, proptest};

    use super::super::samples;
    use super::*;
    use crate::plan::step::Begins;

    /// A writer whose text can be read afterwards.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(events: &[Event]) -> String {
        let to = Shared::default();
        let progress = Progress::lines(Box::new(to.clone()));
        events.iter().for_each(|event| progress.event(event));
        progress.finish();
        let text = to.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_log_has_a_few_lines_that_matter() {
        assert_snapshot!(shown(&samples::events("deploy@ci (pid 12)")));
    }

    #[test]
    fn every_event_has_its_words_on_a_terminal() {
        let events = samples::events("deploy@ci (pid 12)");
        let lines: Vec<String> = events.iter().map(|event| message(&event.kind)).collect();
        assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn threads_share_it_and_a_terminal_takes_any_event() {
        let progress = Progress(Display::Terminal(Box::new(Mutex::new(Terminal::new(
            [],
            &Palette::COLOURED,
        )))));
        let display = match &progress.0 {
            Display::Terminal(terminal) => terminal,
            Display::Lines(_) | Display::Nothing => unreachable!("made as a terminal"),
        };
        lock(display)
            .all
            .set_draw_target(indicatif::ProgressDrawTarget::hidden());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    samples::events("x")
                        .iter()
                        .for_each(|event| progress.event(event))
                });
            }
        });
        progress.finish();
    }

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(24_000), "24 KiB");
        assert_eq!(size(1_600_000), "1.5 MiB");
        assert_eq!(seconds(Duration::from_millis(432)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 5 s");
    }

    #[test]
    fn two_hundred_restarts_are_one_line() {
        let event = |kind| Event {
            host: samples::host("docker01"),
            kind,
        };
        let (phase, of) = (Phase::Change, 200);
        let mut events = vec![event(EventKind::Activating { phase, steps: of })];
        for number in 1..=of {
            let step = Step::Restart {
                service: samples::service(&format!("web-{number}")),
                unit: samples::unit(&format!("web-{number}")),
                begins: Begins::After,
            };
            events.push(event(EventKind::Step { number, of, step }));
        }
        let took = Duration::from_secs(92);
        events.push(event(EventKind::Activated { took }));
        let error = "told with the result".to_owned();
        events.push(event(EventKind::Failed { error }));
        assert_eq!(
            shown(&events),
            "docker01: done in 1 min 32 s: web-1 started, web-2 started, web-3 started and 197 more\n"
        );
    }

    proptest! {
        #[test]
        fn no_event_can_steer_a_terminal(odd in any::<String>()) {
            let events = samples::events(&odd);
            samples::assert_tame(&shown(&events));
            events.iter().for_each(|event| samples::assert_tame(&message(&event.kind)));
        }
    }
}
