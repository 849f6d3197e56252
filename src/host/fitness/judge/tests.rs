use super::*;
use crate::cluster::model::{Engine, EngineClient};
use crate::host::fitness::registry_answers;
use crate::host::version::Version;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKeyOfThisHost";

fn needs(engine: Engine) -> NeedsOfHost {
    NeedsOfHost {
        client: EngineClient::usual(engine),
        registries: [("ghcr.io".to_owned(), "ghcr.io/a/b:1".to_owned())].into(),
        sealed: true,
        host_key: Some(KEY.to_owned()),
        mounts: Some("web".to_owned()),
    }
}

fn facts() -> Facts {
    Facts {
        kernel: "Linux".to_owned(),
        machine_id: Some("0123456789abcdef0123456789abcdef".to_owned()),
        booted_with_systemd: true,
        systemd: Some(Version::new(252, 0)),
        ..Facts::default()
    }
}

/// A good answer, with some of its lines replaced by the key.
fn answer(other: &[&str]) -> Examination {
    let good = "os-id debian\nos-like \nos-version 12\nos-name Debian GNU/Linux 12 (bookworm)\n\
        client 0 Docker version 20.10.24+dfsg1, build 297e128\n\
        server 0 20.10.24+dfsg1\n\
        registries {\"InsecureRegistryCIDRs\":[\"10.77.0.0/16\",\"127.0.0.0/8\"],\"IndexConfigs\":{\"docker.io\":{\"Secure\":true},\"registry:5000\":{\"Secure\":false}}}\n\
        unit LoadState loaded\nunit ActiveState active\nunit UnitFileState enabled\n\
        age 0 v1.1.1\n\
        host-key ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQOther\n\
        host-key ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKeyOfThisHost\n\
        nft yes\nclock 1795000000\ntime CanNTP yes\ntime NTP yes\ntime NTPSynchronized yes\n\
        disk 102400000 51200000 /etc\ninodes 100000 90000 /etc\n\
        disk 102400000 51200000 /var/lib/docker\ninodes 0 0 /var/lib/docker\nend\n";
    let key = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "unit" | "time" => words[..2].join(" "),
            other => other.to_owned(),
        }
    };
    let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
    for other in other {
        match other.strip_prefix('-') {
            Some(gone) => lines.retain(|line| !line.starts_with(gone)),
            None => {
                let at = lines.iter().position(|line| key(line) == key(other));
                match at {
                    Some(at) => lines[at] = (*other).to_owned(),
                    None => lines.insert(0, (*other).to_owned()),
                }
            }
        }
    }
    let text = lines.join("\n") + "\n";
    Examination::parse(text.as_bytes()).expect("it is whole")
}

fn said(registries: &str) -> Vec<RegistryAnswer> {
    registry_answers(registries.as_bytes())
}

/// All that is not well, as somebody reads it.
fn complaints(seen: SeenHost<'_>, needs: &NeedsOfHost) -> String {
    let distribution = seen.examination.map(|it| it.distribution.clone());
    let distribution = distribution.unwrap_or_default();
    let mut text = String::new();
    for finding in judge(seen, needs) {
        if finding.grade == Grade::Fit {
            continue;
        }
        text += &format!(
            "{:?} {}: {}\n",
            finding.grade,
            finding.topic.word(),
            finding.found
        );
        let (commands, by_hand) = finding.mend.on(&distribution);
        for command in commands {
            text += &format!("  # {command}\n");
        }
        if let Some(by_hand) = by_hand {
            text += &format!("  {by_hand}\n");
        }
    }
    text
}

fn of(examination: &Examination, engine: Engine) -> String {
    let facts = facts();
    let seen = SeenHost {
        facts: &facts,
        no_sudo: None,
        examination: Some(examination),
        ahead: Some(0),
        registries: &[],
    };
    complaints(seen, &needs(engine))
}

#[test]
fn a_good_host_is_fit() {
    let (facts, examination) = (facts(), answer(&[]));
    let registries = said("registry 0 ghcr.io \n");
    let seen = SeenHost {
        facts: &facts,
        no_sudo: None,
        examination: Some(&examination),
        ahead: Some(-3),
        registries: &registries,
    };
    let findings = judge(seen, &needs(Engine::Docker));
    let shown: Vec<String> = findings
        .iter()
        .map(|it| format!("{:?} {}: {}", it.grade, it.topic.word(), it.found))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn what_an_engine_lacks_is_told_with_what_mends_it() {
    let mut text = String::new();
    for other in [
        vec!["-client", "-server", "-unit"],
        vec![
            "server 1 Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
            "unit ActiveState inactive",
        ],
        vec!["server 1 Cannot connect", "unit ActiveState failed"],
        vec![
            "server 1 Cannot connect",
            "unit LoadState masked",
            "unit ActiveState inactive",
            "unit UnitFileState masked",
        ],
        vec![
            "server 1 Cannot connect",
            "unit LoadState not-found",
            "unit ActiveState inactive",
            "unit UnitFileState ",
        ],
        vec!["server 124 "],
        vec!["unit UnitFileState disabled"],
        vec!["client 0 Docker version 19.3.15, build 99e3ed8"],
        vec!["client 127 not a word"],
    ] {
        text += &format!("{other:?}\n{}", of(&answer(&other), Engine::Docker));
    }
    for other in [
        vec![
            "client 0 podman version 3.0.1",
            "server 0 /var/lib/containers/storage",
        ],
        vec!["client 0 podman version 5.4.2", "-nft"],
        vec!["client 0 podman version 4.3.1", "-nft", "selinux 1"],
        vec![
            "client 0 podman version 4.3.1",
            "server 125 Error: no such storage",
        ],
        vec!["-client", "os-id fedora", "os-version 42"],
    ] {
        text += &format!("{other:?}\n{}", of(&answer(&other), Engine::Podman));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_the_host_itself_lacks_is_told_with_what_mends_it() {
    let mut text = String::new();
    let good = answer(&[]);
    let mut tell = |what: &str, facts: &Facts, examination: &Examination, ahead: i64, no_sudo| {
        let seen = SeenHost {
            facts,
            no_sudo,
            examination: Some(examination),
            ahead: Some(ahead),
            registries: &[],
        };
        text += &format!("{what}\n{}", complaints(seen, &needs(Engine::Docker)));
    };
    let no_sudo = ("it asks for a password".to_owned(), "visudo".to_owned());
    let user = Facts {
        uid: 1000,
        ..facts()
    };
    tell("no sudo", &user, &good, 0, Some(&no_sudo));
    tell("no root", &user, &good, 0, None);
    let old = Facts {
        systemd: Some(Version::new(239, 0)),
        ..facts()
    };
    tell("old systemd", &old, &good, 0, None);
    let none = Facts {
        booted_with_systemd: false,
        systemd: None,
        missing: vec!["systemctl".to_owned(), "/bin/bash".to_owned()],
        machine_id: None,
        ..facts()
    };
    tell("alpine", &none, &answer(&["os-id alpine"]), 0, None);
    let tools = Facts {
        missing: vec![
            "sha256sum".to_owned(),
            "stat".to_owned(),
            "flock".to_owned(),
        ],
        ..facts()
    };
    tell("tools", &tools, &good, 0, None);
    let unable = Facts {
        unable: vec![crate::host::ability::Ability::Head],
        ..facts()
    };
    tell("busybox", &unable, &good, 0, None);
    tell("no age", &facts(), &answer(&["-age"]), 0, None);
    tell(
        "no age, no package",
        &facts(),
        &answer(&[
            "-age",
            "os-id ubuntu",
            "os-version 20.04",
            "os-name Ubuntu 20.04",
        ]),
        0,
        None,
    );
    tell("other key", &facts(), &answer(&["-host-key"]), 0, None);
    tell(
        "clock, nothing sets it",
        &facts(),
        &answer(&["-time"]),
        3700,
        None,
    );
    tell("clock, to be set", &facts(), &good, -86_400 * 40, None);
    tell(
        "clock, fedora",
        &facts(),
        &answer(&["-time", "os-id fedora"]),
        11,
        None,
    );
    tell(
        "full",
        &facts(),
        &answer(&["disk 1000000 1000 /etc", "inodes 100000 2000 /etc"]),
        0,
        None,
    );
    insta::assert_snapshot!(text);
}

#[test]
fn registries_are_told_apart_by_what_they_answer() {
    let facts = facts();
    let examination = answer(&[]);
    let mut text = String::new();
    for words in [
        "registry 1 ghcr.io Error: unauthorized: authentication required\n",
        "registry 1 ghcr.io no such manifest: ghcr.io/a/b:1\n",
        "registry 1 ghcr.io dial tcp: lookup ghcr.io: no such host\n",
        "registry 124 ghcr.io \n",
        "registry 125 ghcr.io Error: getting repository tags: fetching tags list: denied\u{1b}[31m\n",
    ] {
        let registries = said(words);
        let seen = SeenHost {
            facts: &facts,
            no_sudo: None,
            examination: Some(&examination),
            ahead: Some(0),
            registries: &registries,
        };
        text += &complaints(seen, &needs(Engine::Docker));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_registry_without_tls_is_asked_so_only_where_the_daemon_takes_it() {
    let seen = answer(&[]);
    for (registry, insecure) in [
        ("docker.io", false),
        ("ghcr.io", false),
        ("registry:5000", true),
        ("10.77.0.1:5000", true),
        ("10.78.0.1:5000", false),
        ("127.0.0.1:5000", true),
    ] {
        assert_eq!(seen.takes_insecurely(registry), insecure, "{registry}");
    }
    let odd = answer(&["registries {\"InsecureRegistryCIDRs\":[\"10.0.0.0/99\",7,\"x\"]}"]);
    assert!(!odd.takes_insecurely("10.0.0.1:5000"));
}

#[test]
fn copies_and_second_names_are_told() {
    let machine = |boot: &str, mount: &str| Facts {
        boot_id: Some(boot.to_owned()),
        root_mount: Some(mount.to_owned()),
        ..facts()
    };
    let names = ["a", "b", "c"].map(|name| HostName::new(name).unwrap());
    let (one, copy, same) = (machine("1", "5"), machine("2", "5"), machine("1", "5"));
    let hosts = BTreeMap::from([(&names[0], &one), (&names[1], &copy), (&names[2], &same)]);
    let found: Vec<String> = alike(&hosts)
        .into_iter()
        .map(|(host, it)| format!("{host} {:?} {}", it.grade, it.found))
        .collect();
    assert_eq!(
        found,
        [
            "b Doubtful it has the same /etc/machine-id as a, as copies have",
            "c Unfit it is the same machine as a",
        ]
    );
}

proptest::proptest! {
    #[test]
    fn no_answer_makes_it_panic(answer in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), line in "(disk|inodes|client|registries|time|unit|clock|registry) [ -~]{0,40}") {
        let _ = Examination::parse(&answer);
        let _ = registry_answers(&answer);
        let text = format!("{line}\nend\n");
        if let Some(seen) = Examination::parse(text.as_bytes()) {
            let _ = of(&seen, Engine::Docker);
            let _ = seen.takes_insecurely("10.0.0.1:5000");
        }
        let _ = registry_answers(text.as_bytes());
    }
}

/// One of RSA is longer than a line that is shown.
#[test]
fn a_host_key_of_any_length_is_read_whole() {
    let key = format!("ssh-rsa {}", "A".repeat(1400));
    let said = format!("host-key {key}\nend\n");
    let seen = Examination::parse(said.as_bytes()).unwrap();
    assert_eq!(seen.host_keys, [key]);
}
