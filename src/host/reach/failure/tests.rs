use super::*;

const PINNED: Via = Via::Ssh(KnownBy::Description);
const UNPINNED: Via = Via::Ssh(KnownBy::KnownHosts);

/// The warning of a host key that is not the known one, as OpenSSH 9.2 prints it.
const CHANGED: &str = "\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
SHA256:2/rm2ngUStBi4q2n/X5ADeffaOdNLsOR5/NdJHEB9p8.
Please contact your system administrator.
Add correct host key in /run/user/1000/bayplan/known-8e66ced1 to get rid of this message.
Offending ED25519 key in /run/user/1000/bayplan/known-8e66ced1:1
  remove with:
  ssh-keygen -f \"/run/user/1000/bayplan/known-8e66ced1\" -R \"docker01.production.bayplan\"
Host key for docker01.production.bayplan has changed and you have requested strict checking.
Host key verification failed.
";

fn of_ssh(via: Via, stderr: &str) -> HostErrorKind {
    explain(via, Some(255), stderr, b"")
}

#[test]
fn every_way_of_not_reaching_a_host_is_told_apart() {
    let cases = [
        (
            "ssh: connect to host 10.77.0.11 port 23: Connection refused",
            Unreachable::Refused,
        ),
        (
            "ssh: connect to host 10.77.0.11 port 22: Connection timed out",
            Unreachable::TimedOut,
        ),
        (
            "ssh: connect to host 10.77.0.11 port 22: Operation timed out",
            Unreachable::TimedOut,
        ),
        (
            "Connection timed out during banner exchange",
            Unreachable::TimedOut,
        ),
        (
            "mux_client_request_session: read from master failed: Broken pipe\n\
             ssh: connect to host 10.77.0.11 port 22: Connection timed out",
            Unreachable::TimedOut,
        ),
        (
            "ssh: connect to host 10.77.0.11 port 22: No route to host",
            Unreachable::NoRoute,
        ),
        (
            "ssh: connect to host 10.77.0.11 port 22: Network is unreachable",
            Unreachable::NoRoute,
        ),
        (
            "ssh: Could not resolve hostname nosuch.invalid: Name or service not known",
            Unreachable::UnknownName,
        ),
        (
            "kex_exchange_identification: read: Connection reset by peer\n\
             Connection reset by 10.77.0.11 port 22",
            Unreachable::Closed,
        ),
        (
            "Your account has expired; please contact your system administrator.\n\
             Connection closed by 10.77.0.11 port 22",
            Unreachable::Closed,
        ),
    ];
    for (stderr, why) in cases {
        assert_eq!(
            of_ssh(PINNED, stderr),
            HostErrorKind::Unreachable(why),
            "{stderr}"
        );
    }
}

#[test]
fn a_key_that_is_not_the_known_one_is_wrong_whoever_knows_it() {
    for known_by in [KnownBy::Description, KnownBy::KnownHosts] {
        let kind = of_ssh(Via::Ssh(known_by), CHANGED);
        assert_eq!(kind, HostErrorKind::WrongHostKey { known_by });
    }
}

#[test]
fn a_host_without_the_pinned_kind_of_key_has_a_wrong_one() {
    let stderr = "Unable to negotiate with 10.77.0.11 port 22: no matching host key type found. \
                  Their offer: ssh-ed25519";
    let known_by = KnownBy::Description;
    assert_eq!(
        of_ssh(PINNED, stderr),
        HostErrorKind::WrongHostKey { known_by }
    );
    assert!(matches!(
        of_ssh(UNPINNED, stderr),
        HostErrorKind::Ssh { .. }
    ));
}

#[test]
fn a_key_that_nobody_knows_is_unknown() {
    let stderr = "No ED25519 host key is known for 10.77.0.11 and you have requested strict \
                  checking.\nHost key verification failed.\n";
    assert_eq!(of_ssh(UNPINNED, stderr), HostErrorKind::UnknownHostKey);
}

#[test]
fn a_pinned_key_whose_file_is_gone_is_not_a_wrong_one() {
    let stderr = "No ED25519 host key is known for 10.77.0.11 and you have requested strict \
                  checking.\r\nHost key verification failed.\r\n";
    assert_eq!(of_ssh(PINNED, stderr), HostErrorKind::PinnedKeyGone);
}

#[test]
fn a_banner_is_not_taken_for_a_reason() {
    let stderr = "*** Permission denied (to all others).\nConnection refused by law\n\
                  nobody@10.77.0.11: Permission denied (publickey,password).\r\n";
    let methods = "publickey, password".to_owned();
    assert_eq!(
        of_ssh(PINNED, stderr),
        HostErrorKind::Authentication { methods }
    );
}

#[test]
fn what_ssh_says_otherwise_is_quoted() {
    let stderr = "/home/u/.ssh/config: line 1: Bad configuration option: foo\n\
                  /home/u/.ssh/config: terminating, 1 bad configuration options\n";
    let line = "/home/u/.ssh/config: terminating, 1 bad configuration options".to_owned();
    assert_eq!(of_ssh(PINNED, stderr), HostErrorKind::Ssh { line });
    assert!(matches!(of_ssh(PINNED, ""), HostErrorKind::Ssh { .. }));
}

#[test]
fn sudo_that_gives_no_root_says_why() {
    let cases = [
        ("sudo: a password is required", NoSudo::PasswordRequired),
        (
            "sudo: unable to resolve host docker01: Name or service not known\n\
             sudo: a password is required",
            NoSudo::PasswordRequired,
        ),
        (
            "sudo: interactive authentication is required",
            NoSudo::PasswordRequired,
        ),
        (
            "sudo: sorry, you must have a tty to run sudo",
            NoSudo::RequiresTerminal,
        ),
        (
            "deploy is not in the sudoers file.  This incident will be reported.",
            NoSudo::NotAllowed,
        ),
        (
            "Sorry, user deploy is not allowed to execute '/usr/bin/sh -c x' as root on docker01.",
            NoSudo::NotAllowed,
        ),
        (
            "env: 'sudo': No such file or directory",
            NoSudo::NotInstalled,
        ),
        (
            "env: can't execute 'sudo': No such file or directory",
            NoSudo::NotInstalled,
        ),
    ];
    for (stderr, why) in cases {
        for via in [PINNED, Via::ThisMachine] {
            let kind = explain(via, Some(1), stderr, b"");
            assert_eq!(kind, HostErrorKind::NoSudo(why), "{stderr}");
        }
    }
}

#[test]
fn a_login_that_is_no_shell_shows_what_it_said() {
    let found = |status, stderr, noise: &[u8]| match explain(PINNED, status, stderr, noise) {
        HostErrorKind::Protocol { found, .. } => found,
        other => panic!("{other}"),
    };
    let nologin = b"This account is currently not available.\n";
    assert_eq!(
        found(Some(1), "", nologin),
        "`This account is currently not available.`"
    );
    assert_eq!(
        found(Some(127), "sh: 1: head: not found\n", b""),
        "sh: 1: head: not found"
    );
    assert_eq!(found(Some(0), "", b""), "nothing (status 0)");
    assert_eq!(found(None, "", b""), "nothing (it was killed)");
}

#[test]
fn windows_is_not_linux() {
    let stderr = "'exec' is not recognized as an internal or external command,\r\n\
                  operable program or batch file.\r\n";
    let kernel = "Windows".to_owned();
    assert_eq!(
        explain(PINNED, Some(1), stderr, b""),
        HostErrorKind::NotLinux { kernel }
    );
}
