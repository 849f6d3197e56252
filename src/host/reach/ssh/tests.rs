use std::path::Path;

use super::*;

const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFXc8CbGcsMCKR2wguRhLbMi7pnFRuF6lm9i8yw18OAl";

/// A client whose private directory is a short temporary one.
fn client() -> (Client, tempfile::TempDir) {
    let there = tempfile::Builder::new()
        .prefix("b")
        .tempdir_in("/tmp")
        .unwrap();
    let client = Client {
        program: "ssh".into(),
        user_config: Some("/home/u/.ssh/config".into()),
        xdg_runtime_dir: None,
        temporary: there.path().to_owned(),
        home: None,
        unknown: UnknownOptions::default(),
        dead_after: Duration::from_secs(60),
    };
    (client, there)
}

fn command_of(client: &Client, ssh: &Ssh) -> Result<Command, HostErrorKind> {
    let to = Destination {
        cluster: &ClusterName::new("production").unwrap(),
        host: &HostName::new("docker01").unwrap(),
        address: "10.0.0.226",
        ssh,
    };
    client.command(&to, Duration::from_secs(10), Sharing::Shared)
}

/// The arguments before the remote command, with the directory's name taken out.
fn arguments(command: &Command, there: &Path) -> String {
    let arguments: Vec<String> = command
        .get_args()
        .map(|argument| argument.to_str().unwrap().to_owned())
        .collect();
    let (remote, before) = arguments.split_last().unwrap();
    assert!(remote.ends_with(&format!("sh -c '{LOOP}'")), "{remote}");
    normal(&before.join(" "), there).replace(" -o ", "\n-o ")
}

/// With the directory's name, and digests of it, taken out.
fn normal(text: &str, there: &Path) -> String {
    let text = text.replace(there.to_str().unwrap(), "TMP");
    let mut normal = String::new();
    for (index, part) in text.split("/ssh-").enumerate() {
        if index > 0 {
            normal.push_str("/ssh-DIGEST");
        }
        normal.push_str(if index > 0 { &part[8..] } else { part });
    }
    let uid = normal.find("bayplan-").map(|at| &normal[at + 8..]);
    let digits = uid.map(|rest| {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        format!("bayplan-{}", &rest[..end])
    });
    match digits {
        Some(name) => normal.replace(&name, "bayplan-UID"),
        None => normal,
    }
}

/// Every file below the private directory, by the beginning of its name.
fn file(there: &Path, prefix: &str) -> String {
    let private = std::fs::read_dir(there).unwrap().next().unwrap().unwrap();
    let mut found = std::fs::read_dir(private.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(prefix)
        });
    let path = found.next().unwrap();
    assert_eq!(found.next(), None);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn without_a_pin_the_users_known_hosts_decide_strictly() {
    let (client, there) = client();
    let command = command_of(&client, &Ssh::default()).unwrap();
    insta::assert_snapshot!(arguments(&command, there.path()), @r#"
    -F TMP/bayplan-UID/ssh-DIGEST -T -x -e none -a -k
    -o BatchMode=yes
    -o StrictHostKeyChecking=yes
    -o NoHostAuthenticationForLocalhost=no
    -o ClearAllForwardings=yes
    -o PermitLocalCommand=no
    -o RemoteCommand=none
    -o SessionType=default
    -o StdinNull=no
    -o ForkAfterAuthentication=no
    -o Tunnel=no
    -o LogLevel=INFO -- 10.0.0.226
    "#);
}

#[test]
fn a_pinned_key_is_the_only_one() {
    let (client, there) = client();
    let ssh = Ssh {
        user: Some("deploy".to_owned()),
        port: Some(2222),
        sudo: true,
        host_key: Some(format!("{ED25519} root@docker01")),
    };
    let command = command_of(&client, &ssh).unwrap();
    insta::assert_snapshot!(arguments(&command, there.path()), @r#"
    -F TMP/bayplan-UID/ssh-DIGEST -T -x -e none -a -k
    -o BatchMode=yes
    -o StrictHostKeyChecking=yes
    -o NoHostAuthenticationForLocalhost=no
    -o ClearAllForwardings=yes
    -o PermitLocalCommand=no
    -o RemoteCommand=none
    -o SessionType=default
    -o StdinNull=no
    -o ForkAfterAuthentication=no
    -o Tunnel=no
    -o LogLevel=INFO
    -o UserKnownHostsFile=TMP/bayplan-UID/known-780774eb
    -o HostKeyAlias=docker01.production.bayplan
    -o HostKeyAlgorithms=ssh-ed25519
    -o GlobalKnownHostsFile=/dev/null
    -o UpdateHostKeys=no
    -o VerifyHostKeyDNS=no
    -o KnownHostsCommand=none -l deploy -p 2222 -- 10.0.0.226
    "#);
    assert_eq!(
        file(there.path(), "known-"),
        format!("docker01.production.bayplan {ED25519}\n")
    );
    let remote = command.get_args().last().unwrap().to_str().unwrap();
    assert!(
        remote.starts_with("exec env LC_ALL=C sudo -n sh -c 'PATH="),
        "{remote}"
    );
}

#[test]
fn the_users_configuration_stands_before_ours() {
    let (client, there) = client();
    command_of(&client, &Ssh::default()).unwrap();
    let config = file(there.path(), "ssh-");
    let fixed = |line: &&str| !line.contains("ControlPath");
    let lines: Vec<&str> = config.lines().filter(fixed).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Include "/home/u/.ssh/config"
    Include "/etc/ssh/ssh_config"
    Host *
      ConnectTimeout 10
      ServerAliveInterval 5
      ServerAliveCountMax 3
      ControlMaster auto
      ControlPersist 60s
      BatchMode yes
    "#);
}

#[test]
fn nothing_asks_for_a_password() {
    let (client, _there) = client();
    let command = command_of(&client, &Ssh::default()).unwrap();
    let set: Vec<_> = command.get_envs().collect();
    let expected = [
        ("LC_ALL", Some("C")),
        ("SSH_ASKPASS", None),
        ("SSH_ASKPASS_REQUIRE", Some("never")),
    ];
    assert_eq!(
        set,
        expected.map(|(name, value)| (name.as_ref(), value.map(AsRef::as_ref)))
    );
}

#[test]
fn a_login_is_shared_only_where_the_same_key_was_checked() {
    let socket = |key: Option<&str>, config: &str| {
        let (mut client, there) = client();
        client.user_config = Some(config.into());
        let ssh = Ssh {
            host_key: key.map(str::to_owned),
            ..Ssh::default()
        };
        command_of(&client, &ssh).unwrap();
        let config = file(there.path(), "ssh-");
        let path = config
            .lines()
            .find_map(|line| line.trim().strip_prefix("ControlPath "))
            .unwrap()
            .to_owned();
        // With `%C` in full and what ssh appends, it fits into a socket's address.
        assert!(path.len() - "%C".len() + 40 + 17 < 104, "{path}");
        path.rsplit_once('/').unwrap().1.to_owned()
    };
    let other = ED25519.replace("18OAl", "18OAm");
    let sockets = [
        socket(None, "/a"),
        socket(None, "/b"),
        socket(Some(ED25519), "/a"),
        socket(Some(&other), "/a"),
    ];
    let distinct: std::collections::BTreeSet<_> = sockets.iter().collect();
    assert_eq!(distinct.len(), sockets.len(), "{sockets:?}");
    assert_eq!(
        sockets[2],
        socket(Some(&format!("{ED25519} comment")), "/a")
    );
}

#[test]
fn whatever_the_user_configured_the_session_is_ours_and_nothing_is_lent() {
    let (mut client, there) = client();
    let config = there.path().join("config");
    std::fs::write(
        &config,
        "ForwardAgent yes\nForwardX11 yes\nTunnel yes\nGSSAPIDelegateCredentials yes\n\
         LocalForward 8080 localhost:80\nRemoteForward 8081 localhost:80\nDynamicForward 1080\n\
         StdinNull yes\nSessionType none\nForkAfterAuthentication yes\nRequestTTY force\n\
         RemoteCommand menu\nPermitLocalCommand yes\nLocalCommand touch /tmp/x\nEscapeChar ~\n\
         BatchMode no\nStrictHostKeyChecking no\nLogLevel QUIET\n",
    )
    .unwrap();
    client.user_config = Some(config);
    let to = Destination {
        cluster: &ClusterName::new("production").unwrap(),
        host: &HostName::new("docker01").unwrap(),
        address: "10.0.0.226",
        ssh: &Ssh::default(),
    };
    let mut command = client
        .without_words(&to, Duration::from_secs(10), Sharing::Shared)
        .unwrap();
    // `ssh` itself says what is in force; it connects nowhere.
    let Ok(output) = command.args(["-G", "--", "10.0.0.226"]).output() else {
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    if client
        .unknown
        .learn(&String::from_utf8_lossy(&output.stderr))
    {
        return;
    }
    let expected = [
        "forwardagent no",
        "forwardx11 no",
        "tunnel false",
        "stdinnull no",
        "sessiontype default",
        "forkafterauthentication no",
        "requesttty false",
        "permitlocalcommand no",
        "escapechar none",
        "batchmode yes",
        "stricthostkeychecking true",
        "loglevel INFO",
        "clearallforwardings yes",
    ];
    let lines: Vec<&str> = text.lines().collect();
    for expected in expected {
        let (name, _) = expected.split_once(' ').unwrap();
        let found = lines
            .iter()
            .find(|line| line.split(' ').next() == Some(name));
        assert!(found.is_none_or(|line| *line == expected), "{found:?}");
    }
    for never in [
        "localforward",
        "remoteforward",
        "dynamicforward",
        "gssapidelegatecredentials yes",
    ] {
        assert!(!text.contains(&format!("\n{never}")), "{text}");
    }
}

#[test]
fn an_rsa_key_is_asked_for_by_its_signature_algorithms() {
    let key = format!("ssh-rsa {}", "A".repeat(300));
    assert_eq!(
        Pin::parse(&key).unwrap().algorithms,
        "rsa-sha2-512,rsa-sha2-256"
    );
}

#[test]
fn a_host_key_that_is_none_is_refused() {
    let no_keys = [
        "",
        "ssh-ed25519",
        "AAAAC3NzaC1lZDI1NTE5AAAAIFXc8CbGcsMCKR2w",
        "ssh-dss AAAAB3NzaC1kc3MAAACBAPqT",
        "ssh-ed25519 AAAA*,!x\u{1b}AAAAAAAAAAAAAAAAAA",
    ];
    for key in no_keys {
        let error = Pin::parse(key).err().unwrap();
        assert!(
            matches!(error, HostErrorKind::UnusableHostKey { .. }),
            "{key}"
        );
        assert!(!error.to_string().contains('\u{1b}'));
    }
}
