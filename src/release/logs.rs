//! The journals of many hosts, merged by time as they come. One host that is slow, or gone, holds nobody up.

#![expect(
    clippy::disallowed_methods,
    reason = "waits for hosts, by the clock, and a thread each"
)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::hosts::Setting;
use super::problem::Problem;
use crate::cluster::name::HostName;
use crate::host::journal::{
    Follow, GoOn, JournalBatch, JournalMessage, JournalReader, JournalRequest,
};
use crate::host::layout::Layout;
use crate::host::place::HostPlace;
use crate::host::reach::connect::{First, connect};
use crate::host::reach::error::{HostError, HostErrorKind};
use crate::host::reach::parallel::apart;

const READING: &str = "reading the journal";
/// How long a host is waited for whose next line may be older than those of others.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same where lines are followed as they come: so late a line is shown, and so long ones may come out of order.
const HOLD: Duration = Duration::from_millis(200);
/// How long a host goes on that hears nothing from here.
const SILENCE: Duration = Duration::from_secs(20);
/// Between two tries to reach a host again.
const AGAIN: Duration = Duration::from_secs(1);
/// How many pieces of a journal wait to be merged: a host that is ahead of others waits.
const PIECES: usize = 8;

/// What is told while journals are read.
pub enum LogEvent<'a> {
    /// The next line.
    Line {
        /// The number of the host, in their order.
        host: usize,
        /// When, whose.
        entry: &'a JournalMessage,
        /// What.
        message: &'a [u8],
    },
    /// Nothing comes for now.
    Pause,
    /// A host answers so slowly that others go on without it: its lines come when they come.
    Slow(&'a HostName),
    /// A host cannot be read any more, or yet. It is tried again.
    Away(&'a HostName, &'a HostError),
    /// It answers again.
    Back(&'a HostName),
}

/// What a thread says of its host.
enum JournalPart {
    Batch(JournalBatch),
    Away(HostError),
    Connected,
}

/// One host, seen from where lines are merged.
struct MergedSource<'a> {
    name: &'a HostName,
    parts: Receiver<JournalPart>,
    batch: JournalBatch,
    next: usize,
    state: SourceState,
    told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SourceState {
    /// It is waited for, since then.
    Awaited(Instant),
    /// Others go on without it.
    Quiet,
    Done,
}

impl MergedSource<'_> {
    fn head(&self) -> Option<&JournalMessage> {
        self.batch.entries.get(self.next)
    }
}

/// Reads the journals of these hosts, and tells their lines in order. Returns the problems of those that could not be read.
///
/// # Errors
/// That of `tell`, which ends it.
pub fn logs<E>(
    setting: Setting<'_>,
    request: &JournalRequest,
    hosts: &[HostName],
    tell: &mut impl FnMut(LogEvent<'_>) -> Result<(), E>,
) -> Result<BTreeMap<HostName, Problem>, E> {
    let merger = thread::current();
    thread::scope(|scope| {
        let mut sources = Vec::new();
        let mut threads = Vec::new();
        for name in hosts {
            let (to, parts) = sync_channel(PIECES);
            let merger = merger.clone();
            threads.push(scope.spawn(move || {
                let teller = Teller { to, merger };
                let read = read_host(setting, request, name, &teller);
                (name.clone(), read)
            }));
            sources.push(MergedSource {
                name,
                parts,
                batch: JournalBatch::default(),
                next: 0,
                state: SourceState::Awaited(Instant::now()),
                told: false,
            });
        }
        let merged = merge(&mut sources, request.follow, tell);
        if merged.is_err() {
            setting.connect.interrupt.ask();
        }
        // Whoever waits for room to tell more ends.
        drop(sources);
        let ended = threads.into_iter().map(|thread| {
            let ended = thread.join();
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        let (_, problems) = apart(ended.collect());
        merged.map(|()| problems)
    })
}

/// Merges by time what comes.
fn merge<E>(
    sources: &mut [MergedSource<'_>],
    follow: Follow,
    tell: &mut impl FnMut(LogEvent<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let begun = Instant::now();
    loop {
        for source in &mut *sources {
            receive(source, follow, tell)?;
        }
        let now = Instant::now();
        let patience = match follow {
            Follow::Yes if now.duration_since(begun) >= PATIENCE => HOLD,
            Follow::Yes | Follow::No => PATIENCE,
        };
        let mut left = None;
        for source in &mut *sources {
            let SourceState::Awaited(since) = source.state else {
                continue;
            };
            if source.head().is_some() {
                continue;
            }
            let waits = patience.saturating_sub(now.duration_since(since));
            if !waits.is_zero() {
                left = Some(left.map_or(waits, |left: Duration| left.min(waits)));
                continue;
            }
            source.state = SourceState::Quiet;
            if follow == Follow::No && !source.told {
                source.told = true;
                tell(LogEvent::Slow(source.name))?;
            }
        }
        if let Some(left) = left {
            tell(LogEvent::Pause)?;
            thread::park_timeout(left);
        } else if !pass(sources, tell)? {
            if sources
                .iter()
                .all(|source| source.state == SourceState::Done)
            {
                return tell(LogEvent::Pause);
            }
            tell(LogEvent::Pause)?;
            thread::park_timeout(HOLD);
        }
    }
}

/// Takes what has come of a host that has no line in hand.
fn receive<E>(
    source: &mut MergedSource<'_>,
    follow: Follow,
    tell: &mut impl FnMut(LogEvent<'_>) -> Result<(), E>,
) -> Result<(), E> {
    while source.head().is_none() && source.state != SourceState::Done {
        match source.parts.try_recv() {
            Ok(JournalPart::Batch(batch)) if batch.entries.is_empty() => {}
            Ok(JournalPart::Batch(batch)) => {
                (source.batch, source.next) = (batch, 0);
                source.state = SourceState::Awaited(Instant::now());
            }
            Ok(JournalPart::Connected) if source.told && follow == Follow::Yes => {
                source.told = false;
                tell(LogEvent::Back(source.name))?;
            }
            Ok(JournalPart::Connected) => {}
            Ok(JournalPart::Away(error)) => {
                source.state = SourceState::Quiet;
                if !source.told {
                    source.told = true;
                    tell(LogEvent::Away(source.name, &error))?;
                }
            }
            Err(TryRecvError::Empty) => return Ok(()),
            Err(TryRecvError::Disconnected) => source.state = SourceState::Done,
        }
    }
    Ok(())
}

/// Tells the lines of the host that has the oldest one, as long as it has. Whether there were any.
fn pass<E>(
    sources: &mut [MergedSource<'_>],
    tell: &mut impl FnMut(LogEvent<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    let all = &*sources;
    let heads = || {
        let all = all.iter().enumerate();
        all.filter_map(|(at, source)| Some((source.head()?.time, at)))
    };
    let Some((_, host)) = heads().min() else {
        return Ok(false);
    };
    let others = heads().filter(|(_, at)| *at != host);
    let until = others.map(|(time, _)| time).min().unwrap_or(i64::MAX);
    let source = &mut sources[host];
    let entries = source.batch.entries[source.next..].iter();
    let mut told = 0;
    for entry in entries {
        if told > 0 && entry.time > until {
            break;
        }
        told += 1;
        tell(LogEvent::Line {
            host,
            entry,
            message: source.batch.message(entry),
        })?;
    }
    source.next += told;
    source.state = SourceState::Awaited(Instant::now());
    Ok(true)
}

/// The way from a host's thread to where lines are merged.
struct Teller {
    to: SyncSender<JournalPart>,
    merger: Thread,
}

impl Teller {
    /// Whether anybody still wants to hear it.
    fn tell(&self, part: JournalPart) -> bool {
        let told = self.to.send(part).is_ok();
        self.merger.unpark();
        told
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        // That the host is done shows when the sender is gone, a moment later: it is looked for again by then.
        self.merger.unpark();
    }
}

/// Reads the journal of one host to its end; what is followed goes on where it was when a connection was lost.
fn read_host(
    setting: Setting<'_>,
    request: &JournalRequest,
    name: &HostName,
    teller: &Teller,
) -> Result<(), Problem> {
    let mut reader = JournalReader::new(&setting.cluster.name);
    let mut began = None;
    loop {
        let error = match read_once(setting, request, name, &mut reader, &mut began, teller) {
            Ok(()) => return Ok(()),
            Err(Problem::Host(error)) => error,
            Err(problem) => return Err(problem),
        };
        let interrupt = &setting.connect.interrupt;
        if interrupt.asked() {
            return Ok(());
        }
        if request.follow == Follow::No || !may_pass(&error.kind) {
            return Err(error.into());
        }
        if !teller.tell(JournalPart::Away(error)) {
            return Ok(());
        }
        let until = Instant::now() + AGAIN;
        while Instant::now() < until && !interrupt.asked() {
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Whether it may be over by itself in a while.
fn may_pass(kind: &HostErrorKind) -> bool {
    matches!(
        kind,
        HostErrorKind::Unreachable(_)
            | HostErrorKind::Lost { .. }
            | HostErrorKind::Timeout { .. }
            | HostErrorKind::Stalled { .. }
    )
}

fn read_once(
    setting: Setting<'_>,
    request: &JournalRequest,
    name: &HostName,
    reader: &mut JournalReader,
    began: &mut Option<i64>,
    teller: &Teller,
) -> Result<(), Problem> {
    let host = &setting.cluster.hosts[name];
    let place = HostPlace::of(host, &setting.connect.repository_root);
    let layout = Layout::of(&place, &setting.cluster.name);
    let first = First {
        doing: READING,
        script: "date +%s",
        timeout: Duration::from_secs(30),
    };
    let (mut session, clock) = connect(host, place, setting.connect, first)?;
    teller.tell(JournalPart::Connected);
    reader.begin_anew();
    let on = reader.cursor().map(GoOn::After).or(began.map(GoOn::From));
    let script = request.script(&layout, on);
    if began.is_none() {
        let clock = String::from_utf8_lossy(&clock.stdout);
        *began = clock.trim().parse().ok();
    }
    let mut last = Last::new(request.chosen_here());
    let status = session.run_attended(READING, &script, SILENCE, |bytes| {
        let batch = reader.take(bytes);
        if let Some(batch) = last.take(batch)
            && !batch.entries.is_empty()
            && !teller.tell(JournalPart::Batch(batch))
        {
            setting.connect.interrupt.ask();
        }
    })?;
    for batch in last.end() {
        teller.tell(JournalPart::Batch(batch));
    }
    // `journalctl --grep` that finds nothing fails in silence.
    let said = session.stderr();
    match status {
        0 => Ok(()),
        _ if said.trim().is_empty() && request.grep.is_some() => Ok(()),
        _ => Err(session.failed(READING, status).into()),
    }
}

/// The last entries, so many, if only those are wanted.
struct Last {
    lines: Option<usize>,
    kept: VecDeque<JournalBatch>,
    count: usize,
}

impl Last {
    fn new(lines: Option<usize>) -> Self {
        Self {
            lines,
            kept: VecDeque::new(),
            count: 0,
        }
    }

    /// The batch, if all are wanted; else it is kept.
    fn take(&mut self, batch: JournalBatch) -> Option<JournalBatch> {
        let Some(lines) = self.lines else {
            return Some(batch);
        };
        self.count += batch.entries.len();
        self.kept.push_back(batch);
        while let Some(first) = self.kept.front()
            && self.count - first.entries.len() >= lines
        {
            self.count -= first.entries.len();
            self.kept.pop_front();
        }
        None
    }

    fn end(mut self) -> VecDeque<JournalBatch> {
        let lines = self.lines.unwrap_or(self.count);
        if let Some(first) = self.kept.front_mut() {
            first.entries.drain(..self.count.saturating_sub(lines));
        }
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::name::ClusterName;

    fn batch(times: &[i64]) -> JournalBatch {
        let text: String = times
            .iter()
            .map(|time| {
                format!(
                    "__REALTIME_TIMESTAMP={time}\n_SYSTEMD_UNIT=c-s.service\nMESSAGE={time}\n\n"
                )
            })
            .collect();
        JournalReader::new(&ClusterName::new("c").unwrap()).take(text.as_bytes())
    }

    fn source<'a>(
        name: &'a HostName,
        batches: &[&[i64]],
    ) -> (SyncSender<JournalPart>, MergedSource<'a>) {
        let (to, parts) = sync_channel(100);
        for times in batches {
            to.send(JournalPart::Batch(batch(times))).unwrap();
        }
        let source = MergedSource {
            name,
            parts,
            batch: JournalBatch::default(),
            next: 0,
            state: SourceState::Awaited(Instant::now()),
            told: false,
        };
        (to, source)
    }

    fn merged(mut sources: Vec<MergedSource<'_>>) -> (Vec<String>, Vec<String>) {
        let (mut lines, mut slow) = (Vec::new(), Vec::new());
        let told = merge(&mut sources, Follow::No, &mut |event| {
            match event {
                LogEvent::Line { host, message, .. } => {
                    lines.push(format!("{host} {}", String::from_utf8_lossy(message)));
                }
                LogEvent::Slow(name) => slow.push(name.to_string()),
                LogEvent::Pause | LogEvent::Away(..) | LogEvent::Back(_) => {}
            }
            Ok::<(), ()>(())
        });
        assert_eq!(told, Ok(()));
        (lines, slow)
    }

    #[test]
    fn lines_of_all_hosts_come_by_time() {
        let name = HostName::new("a").unwrap();
        let (_, first) = source(&name, &[&[1, 4], &[6, 7]]);
        let (_, second) = source(&name, &[&[2, 3, 5], &[], &[8]]);
        let (lines, slow) = merged(vec![first, second]);
        let expected = ["0 1", "1 2", "1 3", "0 4", "1 5", "0 6", "0 7", "1 8"];
        assert_eq!(lines, expected);
        assert!(slow.is_empty());
    }

    #[test]
    fn a_slow_host_holds_nobody_up_and_is_named() {
        let (quick, late) = (
            HostName::new("quick").unwrap(),
            HostName::new("late").unwrap(),
        );
        let (_, first) = source(&quick, &[&[3, 4]]);
        let (to, second) = source(&late, &[]);
        let ends = thread::spawn(move || {
            thread::sleep(PATIENCE * 2);
            to.send(JournalPart::Batch(batch(&[1]))).unwrap();
        });
        let (lines, slow) = merged(vec![first, second]);
        ends.join().unwrap();
        assert_eq!(lines, ["0 3", "0 4", "1 1"]);
        assert_eq!(slow, ["late"]);
    }

    #[test]
    fn of_matches_the_last_ones_are_kept() {
        let mut last = Last::new(Some(3));
        for times in [&[1, 2][..], &[3, 4], &[5]] {
            assert!(last.take(batch(times)).is_none());
        }
        let kept = last.end();
        let kept: Vec<i64> = kept
            .iter()
            .flat_map(|batch| batch.entries.iter().map(|entry| entry.time))
            .collect();
        assert_eq!(kept, [3, 4, 5]);
    }
}
