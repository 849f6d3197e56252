use std::path::Path;

use super::super::error::{KnownBy, Unreachable};
use super::*;
use crate::cluster::model::{Engine, EngineClient, Ssh};
use crate::cluster::name::HostName;

fn client() -> EngineClient {
    EngineClient::usual(Engine::Docker)
}

fn host(transport: Transport) -> Host {
    Host {
        listen: None,
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
