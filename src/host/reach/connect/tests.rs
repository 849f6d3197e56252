use std::path::Path;

use super::super::error::{KnownBy, Unreachable};
use super::*;
use crate::cluster::model::{Engine, Ssh};
use crate::cluster::name::HostName;

fn client() -> EngineClient {
    EngineClient::usual(Engine::Docker)
}

fn host(transport: Transport) -> Host {
    Host {
        secrets: Default::default(),
        name: HostName::new("docker01").unwrap(),
        address: Some("10.0.0.226".to_owned()),
        transport,
        client: client(),
    }
}

fn context(repository_root: &Path) -> ConnectContext {
    ConnectContext {
        interrupt: Interrupt::default(),
        unknown_options: UnknownOptions::default(),
        cluster: ClusterName::new("production").unwrap(),
        repository_root: repository_root.to_owned(),
        connect_timeout: CONNECT_TIMEOUT,
    }
}

fn place(host: &Host, context: &ConnectContext) -> HostPlace {
    HostPlace::of(host, &context.repository_root)
}

const FIRST: First<'static> = First {
    doing: "asking",
    script: "echo first; (exit 7)",
    timeout: LOGIN,
};

/// Connects through a program that stands for `ssh`.
fn connect_through(ssh: &str) -> Result<Session, HostError> {
    let there = tempfile::Builder::new()
        .prefix("b")
        .tempdir_in("/tmp")
        .unwrap();
    connect_with(&there, ssh, Duration::from_secs(60))
}

fn connect_with(
    there: &tempfile::TempDir,
    ssh: &str,
    dead_after: Duration,
) -> Result<Session, HostError> {
    let program = there.path().join("ssh");
    // Written by another process: one that this process holds open for writing, even for a moment
    // in a child that another test just forked, cannot be executed.
    let written = Command::new("sh")
        .args([
            "-c",
            "printf '%s\\n' '#!/bin/sh' \"$1\" >\"$0\"; chmod 755 \"$0\"",
        ])
        .arg(&program)
        .arg(ssh)
        .status()
        .unwrap();
    assert!(written.success());
    let client = Client {
        program: program.into(),
        user_config: None,
        xdg_runtime_dir: None,
        temporary: there.path().to_owned(),
        home: None,
        unknown: UnknownOptions::default(),
        dead_after,
    };
    let pinned = Ssh {
        port: Some(2222),
        host_key: Some(format!("ssh-ed25519 {}", "A".repeat(68))),
        ..Ssh::default()
    };
    let host = host(Transport::Ssh(pinned));
    let context = context(there.path());
    connect_by(&client, &host, place(&host, &context), &context, FIRST).map(|(session, _)| session)
}

fn error_through(ssh: &str) -> HostError {
    connect_through(ssh).err().expect("the program fails")
}

#[test]
fn a_directory_is_this_machine_below_a_root() {
    let repository = tempfile::tempdir().unwrap();
    let directory = Transport::Directory {
        root: "hosts/docker01".into(),
    };
    let (host, context) = (host(directory), context(repository.path()));
    let (mut session, first) = connect(&host, place(&host, &context), &context, FIRST).unwrap();
    assert_eq!(
        (first.stdout.as_slice(), first.status),
        (&b"first\n"[..], 7)
    );
    let root = repository.path().join("hosts/docker01");
    assert_eq!(session.place().root.as_ref(), Some(&root));
    assert_eq!(session.place().supervisor, Supervisor::None);
    assert_eq!(session.place().at, root.to_str().unwrap());
    assert!(!root.exists());
    let output = session.run("testing", "echo on", LOGIN).unwrap();
    assert_eq!(output.stdout, b"on\n");
}

#[test]
fn a_refused_connection_says_where() {
    let error =
        error_through("echo 'ssh: connect to host x port 1: Connection refused' >&2; exit 255");
    assert_eq!(error.kind, HostErrorKind::Unreachable(Unreachable::Refused));
    assert_eq!(
        error.to_string(),
        "10.0.0.226 port 2222: unreachable: connection refused"
    );
}

#[test]
fn the_pin_decides_what_an_unknown_key_means() {
    let error = error_through("echo 'Host key verification failed.' >&2; exit 255");
    let known_by = KnownBy::Description;
    assert_eq!(error.kind, HostErrorKind::WrongHostKey { known_by });
}

#[test]
fn a_failed_sudo_is_told_before_anything_answered() {
    let error = error_through("echo 'sudo: a password is required' >&2; exit 1");
    assert_eq!(error.kind, HostErrorKind::NoSudo(NoSudo::PasswordRequired));
}

#[test]
fn an_old_ssh_is_asked_again_without_the_option_that_it_does_not_know() {
    let error = error_through(
        "case $* in *KnownHostsCommand*) \
         echo 'command-line: line 0: Bad configuration option: knownhostscommand' >&2; exit 255;; \
         esac; echo 'u@h: Permission denied (publickey).' >&2; exit 255",
    );
    let methods = "publickey".to_owned();
    assert_eq!(error.kind, HostErrorKind::Authentication { methods });
}

#[test]
fn an_ssh_of_2016_is_asked_without_every_option_that_it_does_not_know() {
    // OpenSSH 7.4: it ends at the first one.
    let error = error_through(
        "for word; do case $word in RemoteCommand=*|KnownHostsCommand=*|SessionType=*|StdinNull=*\
         |ForkAfterAuthentication=*) \
         echo \"command-line: line 0: Bad configuration option: ${word%%=*}\" | tr A-Z a-z \
         | sed 's/bad conf/Bad conf/' >&2; exit 255;; esac; done; \
         echo 'u@h: Permission denied (publickey).' >&2; exit 255",
    );
    let methods = "publickey".to_owned();
    assert_eq!(error.kind, HostErrorKind::Authentication { methods });
}

#[test]
fn a_word_of_the_users_that_ssh_does_not_know_is_told() {
    let line = "/home/u/.ssh/config: line 3: Bad configuration option: usekeychain";
    let error = error_through(&format!("echo '{line}' >&2; exit 255"));
    assert_eq!(
        error.kind,
        HostErrorKind::Ssh {
            line: line.to_owned()
        }
    );
}

#[test]
fn a_connection_that_is_shared_and_dead_is_not_waited_for() {
    // What goes through the socket never gets an answer.
    let there = tempfile::Builder::new()
        .prefix("b")
        .tempdir_in("/tmp")
        .unwrap();
    let uid = rustix::process::geteuid().as_raw();
    for (directory, ours) in [
        (format!("bayplan-{uid}"), true),
        ("users".to_owned(), false),
    ] {
        let socket = there.path().join(directory).join("socket");
        let parent = socket.parent().unwrap();
        std::fs::create_dir(parent).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(parent, private).unwrap();
        std::fs::write(&socket, "").unwrap();
        let ssh = format!(
            "case \" $* \" in *' -G '*) echo 'controlpath {0}'; exit;; *ControlPath=none*) ;; \
             *) [ ! -e {0} ] || exec sleep 1000;; esac; \
             echo 'u@h: Permission denied (publickey).' >&2; exit 255",
            socket.display()
        );
        let error = connect_with(&there, &ssh, Duration::ZERO).err();
        let methods = "publickey".to_owned();
        assert_eq!(
            error.unwrap().kind,
            HostErrorKind::Authentication { methods }
        );
        // The user's own stays.
        assert_eq!(socket.exists(), !ours);
    }
}

#[test]
fn only_one_machine_seen_twice_is_one_machine() {
    let facts = |machine: &str, boot: &str, mount: &str| {
        facts(&format!(
            "uid 0\nkernel Linux\nmachine-id {machine}\nboot-id {boot}\nroot-mount {mount}\n"
        ))
    };
    let one = facts("a", "b", "21");
    assert!(one.are_of_one_machine(&facts("a", "b", "21")));
    // A copy; a container beside; a copy of a container.
    for other in [
        facts("a", "c", "21"),
        facts("x", "b", "99"),
        facts("a", "b", "99"),
    ] {
        assert!(!one.are_of_one_machine(&other));
    }
    let unknown = self::facts("uid 0\nkernel Linux\nmachine-id a\n");
    assert!(!unknown.are_of_one_machine(&unknown));
}

#[test]
fn an_answer_that_is_none_is_shown() {
    // It takes the script and answers in the right frame, but with nonsense.
    let error =
        error_through("read -r mode nonce rest; printf '%s\\nhm\\n%s 0\\n' \"$nonce\" \"$nonce\"");
    assert_eq!(
        error.to_string(),
        "10.0.0.226 port 2222: expected an answer of sh while connecting, found `hm`"
    );
}

#[test]
fn a_missing_ssh_is_said_plainly() {
    let there = tempfile::tempdir().unwrap();
    let client = Client {
        program: there.path().join("nothing").into(),
        user_config: None,
        xdg_runtime_dir: None,
        temporary: there.path().to_owned(),
        home: None,
        unknown: UnknownOptions::default(),
        dead_after: Duration::from_secs(60),
    };
    let host = host(Transport::Ssh(Ssh::default()));
    let context = context(there.path());
    let error = connect_by(&client, &host, place(&host, &context), &context, FIRST)
        .err()
        .unwrap();
    assert_eq!(error.kind, HostErrorKind::NoSsh);
}

#[test]
fn facts_are_read_from_a_noisy_login() {
    // A whole session through the fake, whatever this machine is: only its fitness differs.
    let opened = connect_through(
        "echo Welcome; printf 'no line break'; for last; do :; done; exec sh -c \"$last\"",
    );
    match opened {
        Ok(session) => assert_eq!(session.facts().kernel, "Linux"),
        Err(error) => assert!(
            matches!(
                error.kind,
                HostErrorKind::NotLinux { .. }
                    | HostErrorKind::NotRoot { .. }
                    | HostErrorKind::NoSystemd
                    | HostErrorKind::MissingTool { .. }
                    | HostErrorKind::NoEngine { .. }
            ),
            "{error}"
        ),
    }
}

fn facts(answer: &str) -> Facts {
    Facts::parse(answer.as_bytes()).unwrap()
}

/// What a host says whose first tools in PATH are these. Each is a line of a shell script.
fn facts_with(tools: &[(&str, &str)]) -> Facts {
    let there = tempfile::tempdir().unwrap();
    for (name, line) in tools {
        let written = Command::new("sh")
            .args([
                "-c",
                "printf '%s\\n' '#!/bin/sh' \"$1\" >\"$0\"; chmod 755 \"$0\"",
            ])
            .arg(there.path().join(name))
            .arg(line)
            .status();
        assert!(written.unwrap().success());
    }
    let script = look_around(TOOLS, Some(&client()), "echo first");
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-c", &script])
        .env("PATH", format!("{}:{path}", there.path().display()))
        .output()
        .unwrap();
    let (facts, then) = Facts::split(&output.stdout).unwrap();
    let facts = Facts::parse(facts).unwrap();
    let expected: &[u8] = if facts.unable.is_empty() {
        b"first\n"
    } else {
        b""
    };
    assert_eq!(then, expected);
    facts
}

#[test]
fn a_head_that_reads_ahead_is_found_before_anything_else_is_asked() {
    assert_eq!(facts_with(&[]).unable, []);
    // As busybox's: what it read is lost.
    let facts = facts_with(&[("head", "printf a; cat >/dev/null")]);
    assert_eq!(facts.unable, [Ability::Head]);
    assert_eq!(
        Facts {
            unable: vec![Ability::Head],
            ..super::tests::facts(FIT)
        }
        .unfit(Some(&client()), TOOLS),
        Some(HostErrorKind::Unable {
            ability: Ability::Head
        })
    );
}

#[test]
fn the_client_must_be_where_units_run_it() {
    let look = |program: &str| {
        let engine = Engine::Docker;
        let client = EngineClient {
            engine,
            program: program.to_owned(),
        };
        let script = look_around(&[], Some(&client), "");
        let output = Command::new("sh")
            .args(["-c", &format!("docker() {{ :; }}\n{script}")])
            .output()
            .unwrap();
        let (facts, _) = Facts::split(&output.stdout).unwrap();
        (Facts::parse(facts).unwrap(), client)
    };
    let (facts, client) = look("/nonexistent/docker");
    assert_eq!(facts.elsewhere.as_deref(), Some("docker"));
    let facts = super::tests::facts(&format!("{FIT}elsewhere /snap/bin/docker\n"));
    assert_eq!(
        facts.unfit(Some(&client), TOOLS).unwrap().to_string(),
        "expected docker as /nonexistent/docker, found it as /snap/bin/docker"
    );
    let (facts, _) = look("/bin/sh");
    assert_eq!((facts.elsewhere, facts.missing), (None, Vec::new()));
}

#[test]
fn the_version_of_systemd_is_read_from_its_library_or_its_word() {
    for (said, found) in [
        ("252", Some(Version::new(252, 0))),
        ("256.7-1.fc41", Some(Version::new(256, 7))),
        ("systemd 247 (247.3-7+deb11u8)", Some(Version::new(247, 3))),
        ("systemd 237", Some(Version::new(237, 0))),
        ("", None),
    ] {
        assert_eq!(
            facts(&format!("{FIT}version {said}\n")).systemd,
            found,
            "{said}"
        );
    }
    let old = facts(&format!("{FIT}version systemd 239 (239-82.el8)\n"));
    let found = Version::new(239, 0);
    assert_eq!(
        old.unfit(Some(&client()), TOOLS),
        Some(HostErrorKind::OldSystemd { found })
    );
}

const FIT: &str = "uid 0\nkernel Linux\nhostname docker01\nsystemd\nmachine-id f813\n";

#[test]
fn the_most_fundamental_reason_is_the_one_that_is_told() {
    let unfit = |answer: &str| facts(answer).unfit(Some(&client()), TOOLS);
    assert_eq!(unfit(FIT), None);
    let darwin = "uid 501\nkernel Darwin\nhostname mac\nmissing flock\nmissing docker\n";
    assert!(matches!(
        unfit(darwin),
        Some(HostErrorKind::NotLinux { .. })
    ));
    let user = "uid 1000\nkernel Linux\nhostname h\nmissing flock\n";
    assert_eq!(unfit(user), Some(HostErrorKind::NotRoot { uid: 1000 }));
    let container = "uid 0\nkernel Linux\nhostname h\nmissing flock\n";
    assert_eq!(unfit(container), Some(HostErrorKind::NoSystemd));
    let bare = format!("{FIT}missing flock\nmissing systemd-run\nmissing docker\n");
    let Some(HostErrorKind::MissingTool { tools }) = unfit(&bare) else {
        panic!("expected missing tools");
    };
    let tools: Vec<&str> = tools.iter().map(|tool| tool.program).collect();
    assert_eq!(tools, ["flock", "systemd-run"]);
    let no_docker = format!("{FIT}missing docker\n");
    assert!(matches!(
        unfit(&no_docker),
        Some(HostErrorKind::NoEngine { .. })
    ));
}

#[test]
fn an_answer_without_uid_or_kernel_is_none() {
    for answer in [
        "",
        "uid 0\n",
        "kernel Linux\n",
        "uid x\nkernel Linux\n",
        "uid 0\nkernel Linux\nhm\n",
    ] {
        assert_eq!(Facts::parse(answer.as_bytes()), None, "{answer}");
    }
    assert_eq!(Facts::parse(b"uid 0\nkernel \xff\n"), None);
}
