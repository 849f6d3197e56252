//! A flag of `extra_args` that has a field by now: the message says what to write, and whoever writes it
//! restarts nothing.

use super::fingerprint::Recipe;
use super::render;
use crate::cluster::diagnostic::Level;
use crate::cluster::model::Cluster;
use crate::cluster::{Findings, Sources, check};

fn checked(engine: &str, lines: &str) -> Findings {
    let mut sources = Sources::new();
    sources.insert(
        "clusters/test/cluster.toml",
        format!(
            "engine = \"{engine}\"\n[hosts.h1]\naddress = \"10.0.0.1\"\n[place]\nweb = \"h1\"\n"
        ),
    );
    sources.insert(
        "clusters/test/services/web.toml",
        format!("image = \"example/web\"\ntag = \"1.0\"\n{lines}\n"),
    );
    check("test", &sources)
}

fn fingerprint(cluster: &Cluster) -> String {
    let desired = render(cluster).unwrap();
    let service = desired.hosts.values().next().unwrap().services.values();
    let service = service.into_iter().next().unwrap();
    assert!(
        service
            .fingerprint
            .as_str()
            .starts_with(Recipe::CURRENT.name())
    );
    service.fingerprint.to_string()
}

/// What runs today: the flags as a version without the field took them.
fn before(engine: &str, words: &[&str]) -> String {
    let mut cluster = checked(engine, "").cluster.unwrap();
    let service = cluster.services.values_mut().next().unwrap();
    service.container.extra_args = words.iter().map(|word| (*word).to_owned()).collect();
    fingerprint(&cluster)
}

/// The flags, and what the description says in their place.
const MOVES: &[(&[&str], &str)] = &[
    (&["--hostname", "web"], "hostname = \"web\""),
    (&["-h", "web.example.com"], "hostname = \"web.example.com\""),
    (&["--workdir=/app"], "workdir = \"/app\""),
    (&["-w", "/app"], "workdir = \"/app\""),
    (&["--stop-signal", "SIGINT"], "stop_signal = \"SIGINT\""),
    (&["--platform", "linux/arm64"], "platform = \"linux/arm64\""),
    (&["--shm-size", "1g"], "shm_size = \"1g\""),
    (
        &["--memory-reservation", "256m"],
        "memory_reservation = \"256m\"",
    ),
    (&["--pids-limit", "200"], "pids = 200"),
    (&["--pids-limit=-1"], "pids = -1"),
    (&["--cpuset-cpus", "0-3,8"], "cpuset = \"0-3,8\""),
    (&["--group-add", "998"], "groups = [\"998\"]"),
    (&["--tmpfs", "/tmp:size=64m"], "tmpfs = [\"/tmp:size=64m\"]"),
    (
        &["--sysctl", "net.core.somaxconn=1024"],
        "sysctls = { \"net.core.somaxconn\" = \"1024\" }",
    ),
    (
        &["--security-opt", "no-new-privileges"],
        "security = { no_new_privileges = true }",
    ),
    (
        &["--security-opt=no-new-privileges=false"],
        "security = { no_new_privileges = false }",
    ),
    (
        &["--security-opt", "seccomp=unconfined"],
        "security = { seccomp = \"unconfined\" }",
    ),
    (
        &["--security-opt", "apparmor=docker-web"],
        "security = { apparmor = \"docker-web\" }",
    ),
    (
        &["--security-opt", "label=disable"],
        "security = { label = \"disable\" }",
    ),
    (&["--dns", "10.0.0.2"], "dns = [\"10.0.0.2\"]"),
    (
        &["--dns-search", "example.com"],
        "dns = { search = [\"example.com\"] }",
    ),
    (
        &["--dns-opt", "ndots:2"],
        "dns = { options = [\"ndots:2\"] }",
    ),
    (
        &["--add-host", "db:10.0.0.5"],
        "hosts = { \"db\" = \"10.0.0.5\" }",
    ),
    (
        &["--add-host=db:host-gateway"],
        "hosts = { \"db\" = \"host-gateway\" }",
    ),
    (&["--log-driver", "local"], "log = { driver = \"local\" }"),
    (
        &["--log-opt", "max-size=10m"],
        "log = { options = { \"max-size\" = \"10m\" } }",
    ),
    (&["--init"], "init = true"),
    (&["--privileged=true"], "privileged = true"),
    (&["--gpus", "all"], "gpus = \"all\""),
    (&["--gpus=2"], "gpus = 2"),
    (&["--gpus", "\"device=0,1\""], "gpus = \"device=0,1\""),
];

#[test]
fn a_flag_moves_into_its_field_without_a_restart() {
    for (words, field) in MOVES {
        for engine in ["docker", "podman"] {
            // podman before 5 does nothing for `--gpus`.
            if words[0].starts_with("--gpus") && engine == "podman" {
                continue;
            }
            let list = words
                .iter()
                .map(|word| format!("{word:?}"))
                .collect::<Vec<_>>();
            let told = checked(engine, &format!("extra_args = [{}]", list.join(", ")));
            assert!(told.cluster.is_some(), "it may stay: {words:?}");
            let told = told.diagnostics.iter();
            let help: Vec<&str> = told.filter_map(|d| d.help.as_deref()).collect();
            assert_eq!(help, [format!("write `{field}`")], "{words:?}");
            let after = checked(engine, field);
            let after = after
                .cluster
                .unwrap_or_else(|| panic!("{:#?}", after.diagnostics));
            assert_eq!(
                fingerprint(&after),
                before(engine, words),
                "{engine} {words:?}"
            );
        }
    }
}

#[test]
fn a_flag_beside_its_field_is_refused() {
    let both = "shm_size = \"1g\"\nextra_args = [\"--shm-size\", \"2g\"]";
    let told = &checked("docker", both).diagnostics[0];
    assert_eq!(told.level, Level::Error);
    assert!(told.title.ends_with("`shm_size` says it"), "{told:?}");
}

/// Where a network is, an address goes to its name.
#[test]
fn an_address_moves_into_its_network_without_a_restart() {
    let cluster = |lines: &str| {
        let mut sources = Sources::new();
        sources.insert(
            "clusters/test/cluster.toml",
            "[hosts.h1]\naddress = \"10.0.0.1\"\n[place]\nweb = \"h1\"\n[networks]\nmail = { subnet = [\"172.22.1.0/24\", \"fd00:1::/64\"] }\nback = {}\n",
        );
        sources.insert(
            "clusters/test/services/web.toml",
            format!("image = \"example/web\"\ntag = \"1.0\"\n{lines}\n"),
        );
        check("test", &sources)
    };
    for (before, after) in [
        (
            "networks = [\"mail\"]\nextra_args = [\"--ip\", \"172.22.1.254\"]",
            "networks = [{ name = \"mail\", address = \"172.22.1.254\" }]",
        ),
        (
            "networks = [\"mail\"]\nextra_args = [\"--ip6=fd00:1::254\"]",
            "networks = [{ name = \"mail\", address = \"fd00:1::254\" }]",
        ),
        (
            "networks = [\"mail\", \"back\"]\nextra_args = [\"--ip=172.22.1.254\"]",
            "networks = [{ name = \"mail\", address = \"172.22.1.254\" }, \"back\"]",
        ),
    ] {
        let told = cluster(before);
        let helps: Vec<&str> = told
            .diagnostics
            .iter()
            .filter_map(|told| told.help.as_deref())
            .collect();
        let entry = after.trim_start_matches("networks = [");
        let entry = &entry[..=entry.find('}').unwrap()];
        assert!(
            matches!(helps[..], [help] if help.contains(entry)),
            "{before}: {helps:?}"
        );
        let then = cluster(after).cluster.unwrap();
        assert_eq!(fingerprint(&told.cluster.unwrap()), fingerprint(&then));
    }
    let both = "networks = [{ name = \"mail\", address = \"fd00:1::254\" }]\nextra_args = [\"--ip\", \"172.22.1.254\"]";
    assert_eq!(cluster(both).diagnostics[0].level, Level::Error);
    let foreign = cluster("network = \"lan\"\nextra_args = [\"--ip\", \"172.22.1.254\"]");
    assert_eq!(foreign.diagnostics, []);
}

/// Several at once, in the order of the fields and in another one where that means nothing.
#[test]
fn all_of_them_move_together() {
    let words = [
        "--init",
        "--tmpfs",
        "/b",
        "--tmpfs=/a",
        "--sysctl",
        "net.b=2",
        "--sysctl=net.a=1",
        "--security-opt",
        "no-new-privileges",
        "--security-opt",
        "seccomp=unconfined",
        "--dns",
        "10.0.0.3",
        "--dns=10.0.0.2",
        "--shm-size",
        "1024m",
        "--log-opt",
        "b=1",
        "--log-opt=a=2",
        "--log-driver",
        "local",
        "--group-add",
        "b",
        "--group-add",
        "a",
    ];
    let fields = "init = true\ntmpfs = [\"/a\", \"/b\"]\nsysctls = { \"net.a\" = 1, \"net.b\" = 2 }\n\
        security = { seccomp = \"unconfined\", no_new_privileges = true }\n\
        dns = [\"10.0.0.3\", \"10.0.0.2\"]\nshm_size = \"1g\"\ngroups = [\"b\", \"a\"]\n\
        log = { options = { a = 2, b = 1 }, driver = \"local\" }\n";
    let after = checked("docker", fields).cluster.unwrap();
    assert_eq!(fingerprint(&after), before("docker", &words));
}

/// Words that mean the same to an engine and are other words: they may stay where they are.
#[test]
fn what_no_field_says_in_the_same_words_stays() {
    for words in [
        &["--security-opt", "no-new-privileges:true"][..],
        &["--security-opt=no-new-privileges=true"],
        &["--security-opt", "label:disable"],
        &["--security-opt", "systempaths=unconfined"],
        &["--security-opt", "mask=/proc/x"],
        &["--add-host", "db=10.0.0.5"],
        &["--init=false"],
        &["--gpus", "\"device=0\""],
        &["--gpus", "all,capabilities=utility"],
    ] {
        let list = words
            .iter()
            .map(|word| format!("{word:?}"))
            .collect::<Vec<_>>();
        let kept = checked("docker", &format!("extra_args = [{}]", list.join(", ")));
        let kept = kept
            .cluster
            .unwrap_or_else(|| panic!("{:#?}", kept.diagnostics));
        assert_eq!(fingerprint(&kept), before("docker", words), "{words:?}");
    }
}

/// `hardened` is what its parts are.
#[test]
fn hardened_is_its_parts() {
    let parts = |more: &str| {
        format!(
            "capabilities = [\"-ALL\", \"NET_ADMIN\"]\nsecurity = {{ no_new_privileges = true }}\n{more}"
        )
    };
    let same = |a: &str, b: &str| {
        let both = [a, b].map(|lines| fingerprint(&checked("docker", lines).cluster.unwrap()));
        assert_eq!(both[0], both[1], "{a} {b}");
    };
    same(
        "hardened = true\ncapabilities = [\"NET_ADMIN\"]",
        &parts("read_only = true\npids = 1024"),
    );
    same(
        "hardened = true\nread_only = false\npids = 5\ncapabilities = [\"NET_ADMIN\", \"-NET_RAW\"]",
        &parts("pids = 5"),
    );
    same("hardened = false", "");
    let said = checked("docker", "hardened = true\nprivileged = true").diagnostics;
    assert!(said[0].title.contains("say the opposite"), "{said:?}");
}
