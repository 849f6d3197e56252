use proptest::prelude::*;

use super::super::process::ReadResult;
use super::super::protocol::LOOP;
use super::super::protocol::frame;
use super::*;
use crate::host::sample::place;

/// Long enough for a busy machine; no test waits for it unless it fails.
const LONG: Duration = Duration::from_secs(60);

/// The shells of this machine that are somebody's `sh`.
fn shells() -> Vec<Vec<&'static str>> {
    let all = [
        vec!["sh"],
        vec!["dash"],
        vec!["bash"],
        vec!["busybox", "sh"],
    ];
    all.into_iter()
        .filter(|words| {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).args(["-c", ":"]);
            command.output().is_ok()
        })
        .collect()
}

fn session_of(words: &[&str], program: &str) -> Session {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(["-c", program]);
    let at = words.join(" ");
    Session::spawn(&mut command, Killing::Group, HostPlace { at, ..place() }).unwrap()
}

fn session(words: &[&str]) -> Session {
    session_of(words, LOOP)
}

/// Does the same in every shell, in one session each.
fn in_every_shell(test: impl Fn(&mut Session)) {
    for words in shells() {
        test(&mut session(&words));
    }
}

fn run(session: &mut Session, script: &str) -> Output {
    session.run("testing", script, LONG).unwrap()
}

/// A file of process ids; these processes end with it.
struct Leftovers(tempfile::NamedTempFile);

impl Leftovers {
    fn new() -> Self {
        Self(tempfile::NamedTempFile::new().unwrap())
    }

    fn file(&self) -> std::path::Display<'_> {
        self.0.path().display()
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        let ids = std::fs::read_to_string(self.0.path()).unwrap();
        for id in ids.lines() {
            let id = rustix::process::Pid::from_raw(id.parse().unwrap()).unwrap();
            // It may have ended by itself.
            let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
        }
    }
}

fn text(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// Bytes of every value, not periodic in any power of two.
fn bytes(count: usize) -> Vec<u8> {
    let mut state = 1_u32;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(count)
    .collect()
}

#[test]
fn the_loop_passes_unchanged_through_every_login_shell() {
    // fish and csh are not on every machine; where they are, they are asked.
    for login in ["sh", "dash", "bash", "zsh", "fish", "csh", "tcsh"] {
        if Command::new(login).args(["-c", "true"]).output().is_err() {
            continue;
        }
        let mut session = session_of(&[login], &format!("exec env LC_ALL=C sh -c '{LOOP}'"));
        let output = run(&mut session, "echo \"$LC_ALL\"");
        assert_eq!(text(&output), "C\n", "{login}");
    }
}

#[test]
fn output_and_status_are_those_of_the_script() {
    in_every_shell(|session| {
        let cases = [
            ("echo one; echo two", "one\ntwo\n", 0),
            ("printf 'no line break'", "no line break", 0),
            ("printf '\\n\\n'", "\n\n", 0),
            ("false", "", 1),
            ("exit 3", "", 3),
            ("set -e; echo a; false; echo b", "a\n", 1),
            ("kill -TERM $(sh -c 'echo $PPID')", "", 143),
            ("", "", 0),
            ("# only a comment", "", 0),
            ("cat <<'END'\n$a `b` \\c\nEND", "$a `b` \\c\n", 0),
            ("printf '%s' \"a'b!c\"", "a'b!c", 0),
            ("echo ü", "ü\n", 0),
        ];
        for (script, stdout, status) in cases {
            let output = run(session, script);
            assert_eq!((text(&output), output.status), (stdout, status), "{script}");
        }
    });
}

#[test]
fn a_syntax_error_ends_only_its_own_script() {
    in_every_shell(|session| {
        assert_ne!(run(session, "if then (").status, 0);
        assert_eq!(text(&run(session, "echo on")), "on\n");
    });
}

#[test]
fn nothing_that_a_script_runs_can_read_the_connection() {
    in_every_shell(|session| {
        assert_eq!(run(session, "cat; read -r line").status, 1);
        assert_ne!(run(session, "cat <&7").status, 0);
        assert_eq!(text(&run(session, "echo on")), "on\n");
    });
}

#[test]
fn only_what_runs_here_outlives_its_script() {
    let lock = tempfile::NamedTempFile::new().unwrap();
    let lock = lock.path().display();
    in_every_shell(|session| {
        run(session, "a=1; f() { echo f; }; cd /");
        assert_eq!(text(&run(session, "echo \"${a-unset}\"")), "unset\n");
        let here = format!("b=2; g() {{ echo g; }}; exec 9<>{lock}; (exit 4)");
        let output = session.run_here("testing", &here, LONG).unwrap();
        assert_eq!(output.status, 4);
        assert_eq!(
            text(&run(session, "echo $b; g; : <&9 && echo open")),
            "2\ng\nopen\n"
        );
    });
}

#[test]
fn noise_before_and_between_calls_is_skipped() {
    for words in shells() {
        let program = format!("echo Welcome; printf 'no line break'; {LOOP}");
        let mut session = session_of(&words, &program);
        assert_eq!(text(&run(&mut session, "echo one")), "one\n");
        // Printed after the end of the call that started it, since it waits for a later one.
        let fifo = tempfile::tempdir().unwrap();
        let fifo = fifo.path().join("fifo");
        let fifo = fifo.display();
        let late = format!("mkfifo {fifo}; (cat {fifo}; echo late; echo >{fifo}) & echo two");
        assert_eq!(text(&run(&mut session, &late)), "two\n");
        session
            .run_here("testing", &format!("echo go >{fifo}; cat {fifo}"), LONG)
            .unwrap();
        assert_eq!(text(&run(&mut session, "echo three")), "three\n");
    }
}

#[test]
fn output_that_looks_like_a_marker_is_output() {
    in_every_shell(|session| {
        // The loop's own variables, as a script sees them.
        let output = run(
            session,
            "set | grep '^bp_'; printf '%s' \"$bp_t\"; echo; echo x",
        );
        assert!(text(&output).ends_with("x\n"), "{output:?}");
        assert_eq!(output.status, 0);
        let nonce = "\x1e0123456789abcdef0123456789abcdef";
        let output = run(session, &format!("printf '{nonce}\\n{nonce} 0\\n'"));
        assert_eq!(text(&output), format!("{nonce}\n{nonce} 0\n"));
    });
}

#[test]
fn a_large_script_arrives_whole() {
    in_every_shell(|session| {
        let script = format!(": {}\necho end", "x".repeat(300_000));
        assert_eq!(text(&run(session, &script)), "end\n");
    });
}

#[test]
fn a_script_that_was_cut_off_is_not_run() {
    for words in shells() {
        let there = tempfile::tempdir().unwrap();
        let file = there.path().join("run");
        let script = format!("touch {}\nfalse", file.display());
        let mut whole = frame(Mode::Subshell, "nonce", &script, 0);
        whole.truncate(whole.len() - 3);
        let mut session = session(&words);
        session.process.write(whole);
        let (status, _) = session.process.finish();
        assert_eq!(status.unwrap().code(), Some(1));
        assert!(!file.exists());
    }
}

#[test]
fn a_payload_of_64_mib_comes_back_unchanged() {
    // Both ways at once, so that neither may wait for the other.
    let payload = bytes(64 << 20);
    let mut session = session(&["sh"]);
    let output = session
        .run_with_payload("testing", "cat", payload.clone(), LONG)
        .unwrap();
    assert!(output.stdout == payload);
    assert_eq!(text(&run(&mut session, "echo on")), "on\n");
}

#[test]
fn what_a_script_leaves_of_its_payload_is_dropped() {
    in_every_shell(|session| {
        let payload = bytes(1 << 20);
        for (script, status) in [("exit 3", 3), ("head -c 5 >/dev/null", 0), ("", 0)] {
            let output = session
                .run_with_payload("testing", script, payload.clone(), LONG)
                .unwrap();
            assert_eq!(output.status, status);
            assert_eq!(text(&run(session, "echo on")), "on\n");
        }
    });
}

#[test]
fn an_empty_payload_is_an_empty_input() {
    in_every_shell(|session| {
        let output = session
            .run_with_payload("testing", "cat; echo end", Vec::new(), LONG)
            .unwrap();
        assert_eq!(text(&output), "end\n");
    });
}

#[test]
fn lines_are_handed_over_as_they_come() {
    let there = tempfile::tempdir().unwrap();
    let fifo = there.path().join("fifo");
    for words in shells() {
        let _ = std::fs::remove_file(&fifo);
        let mut session = session(&words);
        // The second line comes only after the first one was handed over.
        let script = format!(
            "mkfifo {0}; echo one; cat {0}; printf three",
            fifo.display()
        );
        let mut lines = Vec::new();
        let status = session.run_following("testing", &script, LONG, |line| {
            if line == "one" {
                std::fs::write(&fifo, "two\n").unwrap();
            }
            lines.push(line.to_owned());
        });
        assert_eq!(status.unwrap(), 0);
        assert_eq!(lines, ["one", "two", "three"]);
    }
}

#[test]
fn what_never_ends_to_talk_is_no_answer() {
    let mut talks = session(&["sh"]);
    let error = talks.run("looking", "yes", LONG).unwrap_err();
    let HostErrorKind::Protocol { doing, found } = &error.kind else {
        panic!("{error}");
    };
    assert_eq!(doing, "looking");
    assert!(found.len() < 1000, "{}", found.len());

    // Not even a marker of ours.
    let mut talks = session_of(&["sh"], "yes");
    let error = talks.run("looking", ":", Duration::from_secs(1));
    let kind = error.unwrap_err().kind;
    assert!(matches!(kind, HostErrorKind::Timeout { .. }), "{kind:?}");
}

#[test]
fn a_process_that_dies_in_the_middle_is_a_lost_connection() {
    let left = Leftovers::new();
    in_every_shell(|session| {
        // Its own subshell goes on, as what a host runs may.
        let script = format!(
            "sh -c 'echo $PPID' >>{}; echo last words >&2; kill -KILL $$; exec sleep 1000",
            left.file()
        );
        let error = session.run("installing", &script, LONG).unwrap_err();
        let doing = "installing".to_owned();
        assert_eq!(error.kind, HostErrorKind::Lost { doing });
        assert_eq!(error.stderr, "last words\n");
        let error = session.run("looking", ":", LONG).unwrap_err();
        assert!(matches!(error.kind, HostErrorKind::Lost { .. }), "{error}");
    });
}

#[test]
fn a_timeout_kills_what_runs_and_says_what_was_awaited() {
    for words in shells() {
        let there = tempfile::tempdir().unwrap();
        let fifo = there.path().join("fifo");
        let mut session = session(&words);
        // A child that holds both pipes, and ignores polite signals.
        let script = format!(
            "mkfifo {0}; (trap '' TERM HUP; sh -c 'exec cat <>{0}') <&0",
            fifo.display()
        );
        let timeout = Duration::from_millis(100);
        let error = session.run("pulling", &script, timeout).unwrap_err();
        let kind = HostErrorKind::Timeout {
            doing: "pulling".to_owned(),
            after: timeout,
        };
        assert_eq!(error.kind, kind);
        // Every end of the pipe is closed: nothing of the session is left.
        assert!(matches!(
            session.process.read(Instant::now() + LONG),
            ReadResult::End
        ));
    }
}

#[test]
fn a_timeout_ends_a_payload_that_nobody_reads() {
    let mut session = session_of(&["sh"], "sleep 1000");
    let error = session
        .run_with_payload("staging", "cat", bytes(1 << 20), Duration::from_millis(100))
        .unwrap_err();
    assert!(
        matches!(error.kind, HostErrorKind::Stalled { .. }),
        "{error}"
    );
}

#[test]
fn dropping_a_session_does_not_wait_for_what_it_left_running() {
    let left = Leftovers::new();
    let begin = Instant::now();
    in_every_shell(|session| {
        let file = left.file();
        run(
            session,
            &format!("sleep 1000 >/dev/null 2>&1 & echo $! >>{file}"),
        );
        run(session, &format!("sleep 1000 & echo $! >>{file}"));
    });
    assert!(begin.elapsed() < LONG);
}

#[test]
fn a_host_that_hears_nothing_ends_the_session_and_frees_its_lock() {
    let lock = tempfile::NamedTempFile::new().unwrap();
    let take = format!("exec 9<{}; flock -n 9", lock.path().display());
    let mut session = session(&["sh"]);
    assert_eq!(session.run_here("locking", &take, LONG).unwrap().status, 0);
    // The host's half alone: this side shows no life.
    session.run_here("watching", "bp_w=0.1", LONG).unwrap();
    assert!(matches!(
        session.process.read(Instant::now() + LONG),
        ReadResult::End
    ));
    let again = run(&mut self::session(&["sh"]), &take);
    assert_eq!(again.status, 0);
}

#[test]
fn a_payload_that_stops_coming_ends_the_session_and_frees_its_lock() {
    for words in shells() {
        let lock = tempfile::NamedTempFile::new().unwrap();
        let take = format!("exec 9<{}; flock -n 9", lock.path().display());
        let mut session = session(&words);
        session.run_here("locking", &take, LONG).unwrap();
        session.run_here("watching", "bp_w=0.2", LONG).unwrap();
        let payload = bytes(200_000);
        let mut part = frame(
            Mode::Payload,
            "\u{1e}nonce",
            "cat >/dev/null",
            payload.len(),
        );
        part.extend(&payload[..100_000]);
        session.process.write(part);
        loop {
            match session.process.read(Instant::now() + LONG) {
                ReadResult::Bytes(_) => {}
                ReadResult::End => break,
                ReadResult::TimedOut => panic!("{words:?} waits on"),
            }
        }
        let again = run(&mut self::session(&["sh"]), &take);
        assert_eq!(again.status, 0);
    }
}

#[test]
fn a_payload_may_take_as_long_as_it_needs_if_its_pieces_come() {
    // Each piece takes a part of the limit, all of them more than the limit.
    let slow = LOOP.replace("dd bs", "sleep 0.2; dd bs");
    let mut session = session_of(&["sh"], &slow);
    let payload = bytes(10 * 32 * 1024);
    let silence = Duration::from_millis(1500);
    let output = session.run_with_payload("staging", "cat", payload.clone(), silence);
    assert!(output.unwrap().stdout == payload);
    let error = session
        .run_with_payload(
            "staging",
            "cat; sleep 1000",
            payload,
            Duration::from_millis(300),
        )
        .unwrap_err();
    assert!(
        matches!(error.kind, HostErrorKind::Stalled { .. }),
        "{error}"
    );
}

#[test]
fn a_command_is_watched_as_long_as_something_comes_of_it() {
    in_every_shell(|session| {
        let there = tempfile::tempdir().unwrap();
        session.words = there.path().to_str().unwrap().to_owned();
        let doing = |said: &[u8]| format!("saying {}", String::from_utf8_lossy(said).trim());
        // Longer than one piece of two seconds.
        let script = "echo one; sleep 2.2; printf two; (exit 7)";
        let output = session.run_watched(script, LONG, doing).unwrap();
        assert_eq!((text(&output), output.status), ("one\ntwo", 7));
        let output = session.run_watched("echo on", LONG, doing).unwrap();
        assert_eq!((text(&output), output.status), ("on\n", 0));
        assert_eq!(std::fs::read_dir(there.path()).unwrap().count(), 0);
        let error = session
            .run_watched("echo pulling; sleep 1000", Duration::from_secs(1), doing)
            .unwrap_err();
        let kind = HostErrorKind::Stalled {
            doing: "saying pulling".to_owned(),
            after: Duration::from_secs(1),
        };
        assert_eq!(error.kind, kind);
    });
}

#[test]
fn the_surroundings_of_a_script_are_plain() {
    for words in shells() {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["-c", LOOP]);
        command.envs([
            ("LANG", "de_DE.UTF-8"),
            ("SYSTEMD_COLORS", "1"),
            ("SYSTEMD_LOG_LEVEL", "debug"),
            ("TAR_OPTIONS", "--verbose"),
            ("DF_BLOCK_SIZE", "G"),
        ]);
        let at = words.join(" ");
        let mut session =
            Session::spawn(&mut command, Killing::Group, HostPlace { at, ..place() }).unwrap();
        let output = run(
            &mut session,
            "env | grep -E '^(LC_ALL|NO_COLOR|SYSTEMD_|TAR_|DF_)' | sort",
        );
        assert_eq!(
            text(&output),
            "LC_ALL=C\nNO_COLOR=1\nSYSTEMD_COLORS=0\nSYSTEMD_EMOJI=0\nSYSTEMD_LOG_COLOR=0\nSYSTEMD_URLIFY=0\n"
        );
    }
}

#[test]
fn a_session_that_shows_life_goes_on() {
    let mut session = session(&["sh"]);
    let limit = Duration::from_secs(1);
    let watch = Session::end_when_silent(limit);
    session.run_here("watching", &watch, LONG).unwrap();
    session.show_life(limit);
    // Longer than the limit: first idle, then in a script.
    let idle = session
        .process
        .read(Instant::now() + Duration::from_millis(1500));
    assert!(matches!(idle, ReadResult::TimedOut));
    let output = run(
        &mut session,
        "timeout 1.2 cat /dev/zero >/dev/null; echo on",
    );
    assert_eq!(text(&output), "on\n");
    let payload = bytes(300_000);
    let output = session.run_with_payload("testing", "cat", payload.clone(), LONG);
    assert!(output.unwrap().stdout == payload);
}

#[test]
fn of_stderr_the_end_is_kept() {
    let mut session = session(&["sh"]);
    let script = "head -c 200000 /dev/zero | tr '\\0' x >&2; echo end >&2; kill -KILL $$";
    let error = session.run("testing", script, LONG).unwrap_err();
    assert_eq!(error.stderr.len(), 64 * 1024);
    assert!(error.stderr.ends_with("xend\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_payload_comes_back_unchanged(
        payload in prop::collection::vec(any::<u8>(), 0..200_000),
        status in 0..=125_i32,
        shell in 0..4_usize,
    ) {
        let shells = shells();
        let mut session = session(&shells[shell % shells.len()]);
        for _ in 0..2 {
            let script = format!("cat; exit {status}");
            let output = session
                .run_with_payload("testing", &script, payload.clone(), LONG)
                .unwrap();
            prop_assert!(output.stdout == payload);
            prop_assert_eq!(output.status, status);
        }
    }
}

#[test]
fn an_interrupt_ends_what_is_waited_for() {
    let mut session = session(&["sh"]);
    let interrupt = Interrupt::default();
    session.set_interrupt(interrupt.clone());
    session
        .run("starting", ":", Duration::from_secs(30))
        .unwrap();
    let asks = std::thread::spawn(move || interrupt.ask());
    let error = session
        .run("sleeping", "sleep 60", Duration::from_secs(90))
        .unwrap_err();
    asks.join().unwrap();
    assert!(matches!(error.kind, HostErrorKind::Interrupted { .. }));
}

#[test]
fn what_is_attended_is_handed_over_whole_with_its_status() {
    in_every_shell(|session| {
        let mut count = 0;
        let script = "yes | head -c 1000000; exec sh -c 'echo end; exit 3'";
        let limit = Duration::from_secs(60);
        let status = session.run_attended("testing", script, limit, |bytes| count += bytes.len());
        assert_eq!((status.unwrap(), count), (3, 1_000_004));
    });
}

#[test]
fn what_is_attended_ends_with_the_session() {
    for words in shells() {
        let left = Leftovers::new();
        let mut session = session(&words);
        let interrupt = Interrupt::default();
        session.set_interrupt(interrupt.clone());
        // The shell itself becomes what is ended.
        let script = format!(
            "exec sh -c 'echo $$ >{}; echo ready; exec sleep 600'",
            left.file()
        );
        let limit = Duration::from_secs(60);
        let ended = session.run_attended("testing", &script, limit, |_| interrupt.ask());
        assert!(ended.is_err(), "{words:?}");
        drop(session);
        let id = std::fs::read_to_string(left.0.path()).unwrap();
        let process = std::path::PathBuf::from(format!("/proc/{}/comm", id.trim()));
        let deadline = Instant::now() + LONG;
        while std::fs::read_to_string(&process).is_ok_and(|name| name == "sleep\n") {
            assert!(Instant::now() < deadline, "{words:?}");
            std::thread::yield_now();
        }
    }
}
