//! What an operator does between releases.

use std::time::{Duration, Instant};

use crate::ground::Ground;
use crate::hosts::{Fleet, until};

/// Says something as the container does.
fn say(ground: &Ground, host: &str, what: &str) {
    ground.host(host).sh(&format!(
        "docker exec {}-web sh -c \"printf '{what}\\n' >/proc/1/fd/1\"",
        ground.repo.name
    ));
}

/// The messages that have this word, each with its host.
fn lines(said: &str, word: &str) -> Vec<String> {
    let lines = said.lines().filter(|line| line.contains(word));
    lines
        .map(|line| {
            let host = line.split(' ').next().unwrap_or_default();
            let message = line.split(" web ").nth(1).unwrap_or_default();
            format!("{host}: {}", message.trim())
        })
        .collect()
}

/// Journals of all hosts, merged; followed over a cut cable.
pub fn logs(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "talk");
    ground.images();
    ground.serve("web", 9941, "*");
    ground.repo.set_of("web", "max_down", 3);
    ground.release().exits(0);

    for host in ["docker02", "docker01", "docker03"] {
        say(&ground, host, &format!("good morning {host}"));
        std::thread::sleep(Duration::from_millis(20));
    }
    let expected = [
        "docker02: good morning docker02",
        "docker01: good morning docker01",
        "docker03: good morning docker03",
    ];
    until(Duration::from_secs(10), "all was in a journal", || {
        let said = ground.bayplan(&["logs", "talk", "web"]).exits(0).stdout;
        let found = lines(&said, "morning");
        (found.len() == 3).then(|| assert_eq!(found, expected))
    });
    let found = ground.bayplan(&["logs", "talk", "--grep", "morning docker0[12]", "-n", "1"]);
    assert_eq!(lines(&found.exits(0).stdout, "morning"), expected[..2]);
    let found = ground.bayplan(&["logs", "talk", "--since-release", "--host", "docker03"]);
    let found = found.exits(0).stdout;
    assert_eq!(lines(&found, "morning"), expected[2..]);
    assert!(found.contains("Started talk-web.service"), "{found}");
    ground
        .bayplan(&["logs", "talk", "nobody"])
        .exits(0)
        .never_says(&["morning"]);

    // What a container says does not steer the terminal.
    say(&ground, "docker01", "\\\\033[2J evil \\\\r\\\\377");
    until(Duration::from_secs(10), "it was in the journal", || {
        let said = ground.bayplan(&["logs", "talk", "--grep", "evil"]).stdout;
        assert!(!said.contains('\u{1b}'), "{said}");
        said.contains("\\u{1b}[2J evil \\r\u{fffd}").then_some(())
    });

    // The run before the last start.
    let first = ground.host("docker01");
    first.sh("systemctl restart talk-web");
    let previous = ground.bayplan(&["logs", "talk", "web", "--previous", "--host", "docker01"]);
    previous.exits(0).says(&["good morning docker01"]);
    say(&ground, "docker01", "good evening");
    ground
        .bayplan(&["logs", "talk", "web", "--previous", "--host", "docker01"])
        .exits(0)
        .never_says(&["evening"]);

    followed(fleet, &ground);
}

fn followed(fleet: &'static Fleet, ground: &Ground) {
    let mut followed = ground.start(&["logs", "talk", "web", "-f", "-n", "0"]);
    // Nothing tells when the last host is followed.
    until(Duration::from_secs(20), "all hosts are followed", || {
        for host in ["docker01", "docker02", "docker03"] {
            say(ground, host, "hello");
        }
        std::thread::sleep(Duration::from_millis(300));
        let hosts = lines(&followed.said(), "hello");
        let heard = |name: &str| hosts.iter().any(|line| line.starts_with(name));
        (heard("docker01") && heard("docker02") && heard("docker03")).then_some(())
    });
    fleet.cut("docker02");
    say(ground, "docker02", "all alone");
    let asked = Instant::now();
    say(ground, "docker01", "still here");
    followed.until_it_says("still here");
    // Most of it is the time that it takes to say it.
    assert!(asked.elapsed() < Duration::from_secs(3));
    // One that begins now goes on without it.
    let late = ground.bayplan(&["logs", "talk", "-n", "5"]).exits(1);
    late.says(&["still here"]).says(&["error", "docker02"]);
    followed.until_it_says("docker02: connection lost");
    fleet.heal("docker02");
    followed.until_it_says("docker02 answers again");
    followed.until_it_says("all alone");
    followed.interrupt();
    let ended = followed.ended().exits(130);
    assert_eq!(lines(&ended.stdout, "all alone").len(), 1);
    for host in &fleet.hosts {
        let left = "! pgrep -f '[j]ournalctl.*talk-web'";
        until(Duration::from_secs(10), "nothing is left", || {
            host.run(left).status.success().then_some(())
        });
    }
}

pub fn attached_docker(fleet: &'static Fleet) {
    attached(Ground::new(fleet, "hands"), "docker");
}

pub fn attached_podman(fleet: &'static Fleet) {
    attached(Ground::new(fleet, "hands-podman").with_podman(), "podman");
}

/// Commands in containers: with input, output, exit code and Ctrl-C; they end with the operator and with the connection.
fn attached(mut ground: Ground, engine: &str) {
    let cluster = ground.repo.name.clone();
    ground.images();
    ground.serve("web", 9942, "docker01");
    ground.repo.set_of("web", "env.GREETING", "it's $HOME 50%");
    ground.release().exits(0);
    let before = ground.containers();
    let host = ground.host("docker01");
    let exec = |words: &[&str]| {
        let mut line = vec!["exec", &cluster, "web", "--"];
        line.extend(words);
        ground.bayplan(&line)
    };
    let ended = exec(&[
        "sh",
        "-c",
        "printf '%s|' \"$@\"; exit 7",
        "sh",
        "a b",
        "it's",
    ])
    .exits(7);
    assert_eq!(ended.stdout, "a b|it's|");
    // Its input ends with ours.
    exec(&["cat"]).exits(0);
    ground
        .bayplan(&["exec", &cluster, "web", "--host", "docker02", "--", "true"])
        .exits(1)
        .says(&["web does not run on docker02"]);
    let run = |words: &[&str]| {
        let mut line = vec!["run", &cluster, "web", "--"];
        line.extend(words);
        ground.bayplan(&line)
    };
    let ended = run(&["sh", "-c", "echo \"$GREETING\"; exit 3"]).exits(3);
    assert_eq!(ended.stdout, "it's $HOME 50%\n", "{ended}");
    let words = format!("journalctl -q -t bayplan-run.{cluster}.web -o cat");
    until(Duration::from_secs(10), "it was in the journal", || {
        host.sh(&words).contains("it's $HOME 50%").then_some(())
    });
    let leftover = format!("{engine} ps -aq --filter label=bayplan.run");
    assert_eq!(host.sh(&leftover), "");

    // A terminal is one there, and Ctrl-C reaches what runs.
    let trap = r#"trap "echo caught; exit 9" INT; tty; echo ready; while :; do sleep 0.1; done"#;
    for command in ["exec", "run"] {
        let mut on_terminal =
            ground.start_on_terminal(&[command, &cluster, "web", "--", "sh", "-c", trap]);
        on_terminal.until_it_says("ready");
        on_terminal.types("\u{3}");
        on_terminal.until_it_says("caught");
        let ended = on_terminal.ended_with_its_terminal().exits(9);
        assert!(ended.stdout.contains("/dev/"), "{ended}");
    }

    ends_with_the_operator(&ground, "exec");
    ends_with_the_operator(&ground, "run");
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    until(Duration::from_secs(10), "nothing is left", || {
        let left = host.sh(&format!("ls /run/bayplan/attached; {leftover}"));
        left.is_empty().then_some(())
    });
}

fn ends_with_the_operator(ground: &Ground, command: &str) {
    let (fleet, cluster) = (ground.fleet, &ground.repo.name);
    let host = ground.host("docker01");
    let runs = "pgrep -f '^sleep 8639[0-9]'";
    // What it started, and what that put aside.
    let line = "sleep 86391 & setsid sleep 86392 & sleep 86393";
    let start = |tell: &str| {
        let running = ground.start(&[command, cluster, "web", "--", "sh", "-c", line]);
        until(Duration::from_secs(30), tell, || {
            (host.run(runs).stdout.split(|b| *b == b'\n').count() > 3).then_some(())
        });
        running
    };
    let gone = |tell: &str| {
        until(Duration::from_secs(60), tell, || {
            (!host.run(runs).status.success()).then_some(())
        });
    };
    start("it runs").kill();
    gone("it ended with the operator");
    let running = start("it runs again");
    // A look does not take it for anybody's.
    ground.status().exits(0).says(&["is in sync"]);
    fleet.cut("docker01");
    gone("it ended with the connection");
    running
        .ended()
        .exits(1)
        .says(&["the connection to docker01 was lost"]);
    fleet.heal("docker01");
}

/// Containers start again as they were released, host after host, whatever the description says by now.
pub fn restarted(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "again");
    ground.images();
    ground.serve("web", 9943, "*");
    ground.serve("calm", 9944, "docker01");
    ground.release().exits(0);
    let restart = |ground: &Ground, words: &[&str]| {
        let mut line = vec!["restart", "again"];
        line.extend(words);
        ground.bayplan(&line)
    };
    // Another version is described, and is nobody's business here.
    ground.repo.set_of("web", "tag", "1.1");
    let before = ground.containers();
    let files = ground.files();
    let ended = restart(&ground, &["web", "--yes", "--why", "it leaks"]).exits(0);
    ended
        .says(&["asked for: it leaks"])
        .says(&["Restarted again on 3 hosts"])
        .says(&["3 units restarted"]);
    let all = ["~ docker01/web", "~ docker02/web", "~ docker03/web"];
    assert_eq!(before.changes(&ground.containers()), all);
    ground.assert_untouched(&files);
    let image = "docker inspect --format '{{.Config.Image}}' again-web";
    for host in &fleet.hosts {
        assert!(host.sh(image).trim().ends_with("app:1.0"), "{}", host.name);
    }
    assert_one_after_the_other(&ground, "docker0");
    let history = ground.bayplan(&["history", "again"]).exits(0).stdout;
    let told = history.matches("asked for (it leaks): web").count();
    assert_eq!(told, 1, "{history}");
    assert!(!history.contains("back to"), "{history}");
    // What was described still waits for its release, and the last release is still the one to undo.
    ground.diff().exits(2).says(&["image 1.0 → 1.1"]);

    // One host.
    let before = ground.containers();
    restart(&ground, &["--host", "docker01", "--yes"]).exits(0);
    let one = ["~ docker01/calm", "~ docker01/web"];
    assert_eq!(before.changes(&ground.containers()), one);

    // What is down starts; what a hand edited is not started from the edit.
    let host = ground.host("docker02");
    host.sh("systemctl stop again-web");
    restart(&ground, &["web", "--host", "docker02", "--yes"])
        .exits(0)
        .says(&["1 unit started"]);
    host.sh("echo '# mine' >> /etc/systemd/system/again-web.service");
    let before = ground.containers();
    restart(&ground, &["web", "--yes"])
        .exits(1)
        .says(&["web is not as it was released"])
        .says(&["bayplan release again web"]);
    assert_eq!(before.changes(&ground.containers()), [""; 0]);

    // A host that is gone blocks nobody else.
    fleet.cut("docker02");
    restart(&ground, &["web", "--yes"])
        .exits(1)
        .says(&["bayplan restart again web --skip docker02"]);
    restart(&ground, &["calm", "--yes"]).exits(0);
    restart(&ground, &["web", "--yes", "--skip", "docker02"]).exits(0);
    fleet.heal("docker02");
    until(Duration::from_secs(30), "docker02 answers again", || {
        let told = ground.status();
        (!told.stderr.contains("docker02")).then_some(())
    });
    let all = ["~ docker01/calm", "~ docker01/web", "~ docker03/web"];
    assert_eq!(before.changes(&ground.containers()), all);

    ground.release().exits(0);
    ground.is_in_sync();
}

/// No host began before another one was done, by its journal.
fn assert_one_after_the_other(ground: &Ground, prefix: &str) {
    let words = "journalctl -u again-web -o short-unix -q | grep -E 'Started|Stopping' | tail -n 2";
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for host in ground
        .fleet
        .hosts
        .iter()
        .filter(|host| host.name.starts_with(prefix))
    {
        let said = host.sh(words);
        let times: Vec<f64> = said
            .lines()
            .filter_map(|line| line.split(' ').next()?.parse().ok())
            .collect();
        let [down, up] = times[..] else {
            panic!("{}: {said}", host.name);
        };
        spans.push((down, up));
    }
    spans.sort_by(|one, other| one.0.total_cmp(&other.0));
    let apart = |pair: &[(f64, f64)]| pair[0].1 <= pair[1].0;
    assert!(spans.windows(2).all(apart), "{spans:?}");
}
