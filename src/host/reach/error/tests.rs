use super::*;

fn error(kind: HostErrorKind) -> HostError {
    HostError {
        kind,
        at: "10.0.0.1".to_owned(),
        stderr: String::new(),
    }
}

fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

#[test]
fn hosts_with_one_cause_stand_together_wherever_they_are() {
    let refused = HostErrorKind::Unreachable(Unreachable::Refused);
    let mut other_place = error(refused.clone());
    other_place.at = "10.0.0.3".to_owned();
    other_place.stderr = "something else".to_owned();
    let errors = BTreeMap::from([
        (host("a"), error(HostErrorKind::NoSystemd)),
        (host("b"), error(refused)),
        (host("c"), error(HostErrorKind::NotRoot { uid: 1000 })),
        (host("d"), other_place),
        (host("e"), error(HostErrorKind::NotRoot { uid: 1001 })),
    ]);
    let grouped = group(&errors);
    let names: Vec<Vec<&str>> = grouped
        .iter()
        .map(|(hosts, _)| hosts.iter().map(HostName::as_str).collect())
        .collect();
    assert_eq!(names, [vec!["a"], vec!["b", "d"], vec!["c"], vec!["e"]]);
    assert_eq!(grouped[1].1.at, "10.0.0.1");
}

#[test]
fn every_kind_says_what_and_what_to_type() {
    let doing = || "pulling images".to_owned();
    let kinds = [
        HostErrorKind::Unreachable(Unreachable::Refused),
        HostErrorKind::Unreachable(Unreachable::TimedOut),
        HostErrorKind::Unreachable(Unreachable::NoRoute),
        HostErrorKind::Unreachable(Unreachable::UnknownName),
        HostErrorKind::Unreachable(Unreachable::Closed),
        HostErrorKind::WrongHostKey {
            known_by: KnownBy::Description,
        },
        HostErrorKind::WrongHostKey {
            known_by: KnownBy::KnownHosts,
        },
        HostErrorKind::UnknownHostKey,
        HostErrorKind::UnusableHostKey {
            found: "AAAA".to_owned(),
        },
        HostErrorKind::Authentication {
            methods: "publickey, password".to_owned(),
        },
        HostErrorKind::NoSudo(NoSudo::PasswordRequired),
        HostErrorKind::NoSudo(NoSudo::NotAllowed),
        HostErrorKind::NoSudo(NoSudo::RequiresTerminal),
        HostErrorKind::NoSudo(NoSudo::NotInstalled),
        HostErrorKind::NotRoot { uid: 1000 },
        HostErrorKind::NoSystemd,
        HostErrorKind::NoEngine {
            engine: Engine::Docker,
        },
        HostErrorKind::ClientElsewhere {
            engine: Engine::Docker,
            program: "/usr/bin/docker".to_owned(),
            found: "/snap/bin/docker".to_owned(),
        },
        HostErrorKind::OldSystemd {
            found: Version::new(237, 0),
        },
        HostErrorKind::Unable {
            ability: Ability::Head,
        },
        HostErrorKind::Unable {
            ability: Ability::SameFile,
        },
        HostErrorKind::NotLinux {
            kernel: "Darwin".to_owned(),
        },
        HostErrorKind::MissingTool {
            tools: vec![
                Tool {
                    program: "flock",
                    package: "util-linux",
                },
                Tool {
                    program: "systemctl",
                    package: "systemd",
                },
                Tool {
                    program: "systemd-run",
                    package: "systemd",
                },
            ],
        },
        HostErrorKind::Lost { doing: doing() },
        HostErrorKind::Timeout {
            doing: doing(),
            after: Duration::from_secs(90),
        },
        HostErrorKind::Protocol {
            doing: doing(),
            found: excerpt(b"\x1b[2JWelcome\n"),
        },
        HostErrorKind::Failed {
            doing: doing(),
            status: 2,
        },
        HostErrorKind::NoSsh,
        HostErrorKind::Ssh {
            line: "Bad configuration option: foo".to_owned(),
        },
        HostErrorKind::Io {
            doing: "preparing ssh".to_owned(),
            why: "no space left".to_owned(),
        },
    ];
    let text: String = kinds
        .into_iter()
        .map(|kind| error(kind).details())
        .collect();
    insta::assert_snapshot!(text, @r#"
    10.0.0.1: unreachable: connection refused
    help: is sshd running there, on this port? (`[ssh] port` in cluster.toml)
    10.0.0.1: unreachable: connecting timed out
    help: is it up, and is its `address` in cluster.toml right? (a VPN, a firewall)
    10.0.0.1: unreachable: no route to it
    help: is it up, and is its `address` in cluster.toml right? (a VPN, a firewall)
    10.0.0.1: unreachable: no such host name
    help: is its `address` in cluster.toml right?
    10.0.0.1: unreachable: the other side closed the connection
    help: try again in a moment; if it happens again, look on the host: `journalctl -u ssh -n 20`
    10.0.0.1: wrong host key: expected the pinned one, found another one
    help: compare on the host: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`; if the host really has a new key, change its `host_key` in cluster.toml
    10.0.0.1: wrong host key: expected the one of your known hosts, found another one
    help: compare on the host: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`; if the host really has a new key, pin it: `host_key = "…"` in cluster.toml
    10.0.0.1: unknown host key: no `host_key` is pinned, and it is not in your known hosts
    help: `bayplan host pin` shows the key to compare and writes it; or take it from the host: the first two words of `cat /etc/ssh/ssh_host_ed25519_key.pub` as `host_key = "ssh-ed25519 AAAA…"` of this host in cluster.toml
    10.0.0.1: expected a `host_key` such as `ssh-ed25519 AAAA…`, found `AAAA`
    help: `bayplan host pin` shows the key to compare and writes it; or take it from the host: the first two words of `cat /etc/ssh/ssh_host_ed25519_key.pub` as `host_key = "ssh-ed25519 AAAA…"` of this host in cluster.toml
    10.0.0.1: permission denied: the host takes publickey, password, and none of your keys was accepted
    help: bayplan never asks for passwords: `ssh-add -l` shows your keys; the user is `[ssh] user` in cluster.toml, or your ssh_config's
    10.0.0.1: cannot become root with sudo: it asks for a password
    help: as root on the host: `visudo -f /etc/sudoers.d/bayplan`, one line: `USER ALL=(root) NOPASSWD: ALL`
    10.0.0.1: cannot become root with sudo: the user may not run `sh` with it
    help: as root on the host: `visudo -f /etc/sudoers.d/bayplan`, one line: `USER ALL=(root) NOPASSWD: ALL`
    10.0.0.1: cannot become root with sudo: it requires a terminal (`requiretty`)
    help: as root on the host: `visudo -f /etc/sudoers.d/bayplan`, one line: `Defaults:USER !requiretty`
    10.0.0.1: cannot become root with sudo: sudo is not installed there
    help: install sudo there, or use `user = "root"` under [ssh]
    10.0.0.1: expected root, found uid 1000
    help: `sudo = true` under [ssh] (for a local host: under its own name), or log in as root
    10.0.0.1: systemd is not running there (no /run/systemd/system)
    help: bayplan needs a host that was booted with systemd; for files alone use `directory = "…"` in place of its address
    10.0.0.1: docker is not installed there
    help: install it there, or choose the other one: `engine = "podman"`
    10.0.0.1: expected docker as /usr/bin/docker, found it as /snap/bin/docker
    help: write `program = "/snap/bin/docker"` for this host, or for all of them, into cluster.toml
    10.0.0.1: expected systemd 240 or newer, found 237.0
    help: upgrade the host: older ones do not know `Type=exec`, which tells whether a container started
    10.0.0.1: expected a `head -c` that leaves the rest of a pipe alone, found another one
    help: `command -v head; readlink -f /bin/sh` there shows which one is used: bayplan needs GNU coreutils 8.25 or newer, first in PATH, and dash or bash as /bin/sh (busybox's shell prefers its own tools: `ln -sf dash /bin/sh`)
    10.0.0.1: expected a shell that knows `[ FILE -ef FILE ]`, found another one
    help: `readlink -f /bin/sh` there shows which shell it is: bayplan needs dash or bash (`ln -sf dash /bin/sh`)
    10.0.0.1: expected Linux, found Darwin
    10.0.0.1: missing there: flock, systemctl, systemd-run
    help: install there: systemd util-linux
    10.0.0.1: connection lost while pulling images
    help: the next run looks at the host again and finishes what was begun
    10.0.0.1: no answer within 90 s while pulling images
    10.0.0.1: expected an answer of sh while pulling images, found `\u{1b}[2JWelcome`
    help: the account needs a login shell that runs `sh -c` (no forced command, no menu)
    10.0.0.1: pulling images failed with status 2
    10.0.0.1: the program `ssh` is not installed on this machine
    help: install the OpenSSH client
    10.0.0.1: ssh: Bad configuration option: foo
    10.0.0.1: preparing ssh: no space left
    "#);
}

#[test]
fn details_show_what_the_host_said_but_nothing_that_a_terminal_obeys() {
    let mut error = error(HostErrorKind::NoSystemd);
    error.stderr = "one\n\n\x1b[31mtwo\r\n".to_owned();
    let details = error.details();
    assert!(
        details.ends_with("  | one\n  | \\u{1b}[31mtwo\n"),
        "{details}"
    );
}

#[test]
fn an_odd_answer_is_cut_and_printable() {
    assert_eq!(excerpt(b" \n"), "nothing");
    assert_eq!(excerpt(b"\0hi\xff\n"), "`\\u{0}hi\u{fffd}`");
    let long = excerpt("ä".repeat(500).as_bytes());
    assert_eq!(long.chars().count(), 83);
    assert!(long.ends_with("…`"));
}

#[test]
fn what_was_said_is_shown_once_and_never_leads_astray() {
    let said = |kind, stderr: &str| {
        let mut error = error(kind);
        error.stderr = stderr.to_owned();
        error.said().map(str::to_owned).collect::<Vec<_>>()
    };
    let line = "something odd".to_owned();
    let twice = said(HostErrorKind::Ssh { line }, "before\n\nsomething odd\r\n");
    assert_eq!(twice, ["before"]);
    // The known hosts are ours: nobody should edit them.
    let pinned = KnownBy::Description;
    let advice = said(
        HostErrorKind::WrongHostKey { known_by: pinned },
        "IDENTIFICATION HAS CHANGED\nOffending ED25519 key in /run/known-1:1\n  remove with:\n  ssh-keygen -f x\n",
    );
    assert_eq!(advice, ["IDENTIFICATION HAS CHANGED"]);
}
