//! One broken description per message, as it is shown. `INSTA_UPDATE=always cargo test goldens`
//! writes the files in `snapshots/` anew: read their diff.

use std::fmt::Write as _;

use super::model::Layer;
use super::name::{ServiceName, VariableName};
use super::{EXCERPT_WIDTH, Findings, Paint, Sources, check, excerpt};

const CLUSTER: &str = "clusters/test/cluster.toml";
const CONFIG: &str = "clusters/test/service-config.toml";
const WEB: &str = "clusters/test/services/web.toml";
const API: &str = "clusters/test/services/api.toml";

const HOSTS: &str =
    "[hosts.docker01]\naddress = \"10.0.0.1\"\n[hosts.docker02]\naddress = \"db.example.com\"\n";
const PLACE: &str = "[place]\nweb = \"docker01\"\napi = [\"docker02\", \"docker01\"]\n";
const IMAGE: &str = "image = \"example/web\"\ntag = \"1.0\"\n";

/// A description without problems, with these files in place of its own.
fn with(files: &[(&str, &[u8])]) -> Sources {
    let mut sources = Sources::new();
    sources.insert(
        CLUSTER,
        format!("{HOSTS}{PLACE}[vars]\nEXTERNAL_ADDRESS = \"a\"\n"),
    );
    sources.insert(WEB, format!("{IMAGE}port = 8080\n"));
    sources.insert(API, format!("{IMAGE}port = 9000\n"));
    for (path, bytes) in files {
        sources.insert(*path, *bytes);
    }
    sources
}

fn shown(checked: &Findings, sources: &Sources) -> String {
    let mut text = String::new();
    for diagnostic in &checked.diagnostics {
        let shown = excerpt(diagnostic, sources, Paint::Plain, EXCERPT_WIDTH);
        writeln!(text, "{shown}\n").unwrap();
    }
    text
}

/// All messages of several descriptions, each a change to the one without problems.
fn messages(cases: &[&[(&str, String)]]) -> String {
    let mut text = String::new();
    for (number, files) in cases.iter().enumerate() {
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(path, text)| (*path, text.as_bytes()))
            .collect();
        let sources = with(&files);
        let checked = check("test", &sources);
        assert!(
            !checked.diagnostics.is_empty(),
            "case {number} has a message"
        );
        let failed = checked.cluster.is_none();
        writeln!(
            text,
            "── {} {}",
            number + 1,
            if failed { "fails" } else { "passes" }
        )
        .unwrap();
        text += &shown(&checked, &sources);
    }
    text
}

/// Descriptions that differ in `web.toml`: what follows image and tag.
fn services(texts: &[&str]) -> String {
    let files: Vec<[(&str, String); 1]> = texts
        .iter()
        .map(|text| [(WEB, format!("{IMAGE}{text}\n"))])
        .collect();
    let cases: Vec<&[(&str, String)]> = files.iter().map(|files| &files[..]).collect();
    messages(&cases)
}

/// Descriptions that differ in `cluster.toml`: what comes before `[place]`.
fn clusters(texts: &[&str]) -> String {
    let files: Vec<[(&str, String); 1]> = texts
        .iter()
        .map(|text| [(CLUSTER, format!("{text}\n{PLACE}"))])
        .collect();
    let cases: Vec<&[(&str, String)]> = files.iter().map(|files| &files[..]).collect();
    messages(&cases)
}

/// Descriptions that differ in `[vars]` of the cluster and in what `web.toml` says.
fn variables(cases: &[(&str, &str)]) -> String {
    let files: Vec<[(&str, String); 2]> = cases
        .iter()
        .map(|(vars, web)| {
            [
                (CLUSTER, format!("{HOSTS}{PLACE}[vars]\n{vars}\n")),
                (WEB, format!("{IMAGE}{web}\n")),
            ]
        })
        .collect();
    let cases: Vec<&[(&str, String)]> = files.iter().map(|files| &files[..]).collect();
    messages(&cases)
}

#[test]
fn the_description_that_the_others_change_has_no_problems() {
    let sources = with(&[]);
    assert_eq!(shown(&check("test", &sources), &sources), "");
}

#[test]
fn files_that_cannot_be_read() {
    let mut text = String::new();
    for files in [
        &[(
            CLUSTER,
            &b"[hosts.docker01\naddress = 1 2\n\n[place]\nweb = \n"[..],
        )][..],
        &[(CLUSTER, b"[hosts]\n[hosts]\n")],
        &[(WEB, b"image = \"\xff\xfe\"\n")],
        &[(WEB, b"image = \"a")],
        &[("templates/container.service", b"ok\n{{ unit \n")],
        &[("templates/container.service", b"\xff")],
        &[("clusters/test/secrets.toml", b"")],
        &[("clusters/test/services/Web_1.toml", b"")],
        &[
            (CONFIG, b"[vars]\nA = \n"),
            (
                WEB,
                b"image = \"a\"\ntag = \"1\"\nvars = [\"A\", \"B*\"]\n[env]\nC = \"{{ A }}\"\n",
            ),
        ],
    ] {
        let sources = with(files);
        writeln!(text, "──").unwrap();
        text += &shown(&check("test", &sources), &sources);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn clusters_that_are_not_there_or_empty() {
    let mut text = String::new();
    let none = Sources::new();
    let mut misnamed = with(&[]);
    misnamed.insert("clusters/Test_2/cluster.toml", "");
    let ours = |name: &str| {
        let mut sources = with(&[]);
        sources.insert(format!("clusters/{name}/cluster.toml"), HOSTS);
        sources
    };
    let mut no_file = Sources::new();
    no_file.insert(WEB, IMAGE);
    let mut nothing = Sources::new();
    nothing.insert(CLUSTER, "");
    let mut no_services = Sources::new();
    no_services.insert(CLUSTER, HOSTS);
    let mut no_hosts = no_file.clone();
    no_hosts.insert(CLUSTER, "");
    for (name, sources) in [
        ("test", none),
        ("tset", with(&[])),
        ("Test_2", misnamed),
        ("lock", ours("lock")),
        ("bayplan", ours("bayplan")),
        ("bayplan-activate", ours("bayplan-activate")),
        ("test", no_file),
        ("test", nothing),
        ("test", no_services),
        ("test", no_hosts),
    ] {
        writeln!(text, "──").unwrap();
        text += &shown(&check(name, &sources), &sources);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn hosts() {
    let text = clusters(&[
        "",
        "[hosts.docker01]\naddress = \"10.0.0.300\"\n[hosts.docker02]\n",
        "[hosts.docker01]\naddress = \"deploy@a\"\n[hosts.docker02]\naddress = \"a:22\"\n",
        "[hosts.docker01]\nadress = \"10.0.0.1\"\n[hosts.docker02]\nlocal = false\n",
        "[hosts.docker01]\ndirectory = \"a\"\nlocal = true\n[hosts.docker02]\ndirectory = \"\"\n",
        "[hosts.docker01]\ndirectory = \"a\"\nport = 1\nuser = \"a\"\nsudo = true\n[hosts.docker02]\nlocal = true\nhost_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\"\n",
        "[hosts.docker01]\naddress = \"a\"\n[hosts.docker02]\naddress = \"a\"\nport = 22\n",
        "[hosts.Docker_01]\naddress = \"10.0.0.1\"\n[hosts.docker]\naddress = \"10.0.0.2\"\n",
        "[hosts.docker01]\naddress = \"a\"\nhost_key = \"ssh-dss AAAA\"\n[hosts.docker02]\naddress = \"b\"\nhost_key = \"AAAA\"\n",
        "[hosts.docker01]\naddress = \"a\"\nhost_key = \"ssh-ed25519 AAA!\"\n[hosts.docker02]\naddress = \"b\"\nhost_key = \"ssh-rsa AAAA\"\n",
        "[hosts.docker01]\naddress = 10\nengine = \"dokcer\"\nsecrets = []\n[hosts]\ndocker02 = \"a\"\n",
        "type = 1\nengine = \"lxc\"\n[ssh]\nusr = \"a\"\nport = 0\nsudo = \"yes\"\nuser = \"-a b\"\n[hosts.docker01]\nlocal = true\n[hosts.docker02]\nlocal = true\n",
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn the_engines_client() {
    let text = clusters(&[
        "program = \"docker\"\n[hosts.docker01]\nlocal = true\nprogram = \"/opt/nerdctl\"\n[hosts.docker02]\naddress = \"a\"\nprogram = \"/a b/docker\"\n",
        "engine = \"docker\"\nprogram = \"/usr/local/bin/podman\"\n[hosts.docker01]\naddress = \"a\"\nengine = \"podman\"\nprogram = \"/snap/bin/docker\"\n[hosts.docker02]\naddress = \"b\"\n",
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn a_host_without_a_program_has_the_clusters_or_the_usual_one() {
    let sources = with(&[(
        CLUSTER,
        b"program = \"/snap/bin/docker\"\n[hosts.a]\naddress = \"a\"\n[hosts.b]\naddress = \"b\"\nengine = \"podman\"\n\
         [hosts.c]\naddress = \"c\"\nengine = \"docker\"\n[hosts.d]\naddress = \"d\"\nprogram = \"/opt/podman\"\n",
    )]);
    let cluster = check("test", &sources).cluster.expect("it has no errors");
    let clients = cluster.hosts.values();
    let clients: Vec<_> = clients
        .map(|host| (host.client.engine.program(), host.client.program.as_str()))
        .collect();
    let expected = [
        ("docker", "/snap/bin/docker"),
        ("podman", "/usr/bin/podman"),
        ("docker", "/snap/bin/docker"),
        ("podman", "/opt/podman"),
    ];
    assert_eq!(clients, expected);
}

#[test]
fn jobs_with_a_schedule() {
    let api = |lines: &str| (API, format!("{IMAGE}{lines}\n"));
    let text = messages(&[
        &[api(
            "schedule = \"30 2 * * 1-5\"\ncatch_up = 1\ntimeout = \"0s\"",
        )],
        &[api(
            "schedule = \"daily\"\nonce = \"image\"\nport = 80\nrestart = \"auto\"",
        )],
        &[api("catch_up = true\ntimeout = \"1h\"")],
        &[
            api("schedule = \"daily\""),
            (WEB, format!("{IMAGE}needs = [\"api\"]\n")),
        ],
        &[
            api("schedule = \"daily\""),
            (
                CLUSTER,
                format!("{HOSTS}[place]\nweb = \"docker01\"\napi = [\"docker01\", \"docker02\"]\n"),
            ),
            (WEB, format!("{IMAGE}after = [\"api\"]\n")),
        ],
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn how_many_restarts_are_side_by_side() {
    let most = |line: &str| (CLUSTER, format!("{HOSTS}{PLACE}[rollout]\n{line}\n"));
    let text = messages(&[
        &[most("parallel = 0")],
        &[most("parallel = \"4\"")],
        &[most("parallel = 1001")],
        &[most("paralel = 2")],
    ]);
    insta::assert_snapshot!(text);
    let (_, text) = most("parallel = 4");
    let cluster = check("test", &with(&[(CLUSTER, text.as_bytes())])).cluster;
    let parallel = cluster.unwrap().rollout.parallel;
    assert_eq!(parallel.map(std::num::NonZeroUsize::get), Some(4));
}

#[test]
fn how_a_release_goes_over_the_hosts() {
    let rollout = |text: &str| vec![(CLUSTER, format!("{HOSTS}{PLACE}[rollout]\n{text}"))];
    let all = [
        rollout("batch = 0\n"),
        rollout("batch = \"0%\"\ncanary = \"docker01\"\n"),
        rollout("batch = \"120%\"\n"),
        rollout("batch = \"2\"\n"),
        rollout("batch = [2]\n"),
        rollout("canary = [\"docker1\", \"docker02\", \"docker02\"]\n"),
        rollout("canary = [\"*\"]\n"),
        rollout("max_parallel = 2\nmax_down = 1\nfirst = [\"docker01\"]\nbacth = 1\n"),
        rollout("soak = 10\n"),
        rollout("soak = \"25h\"\non_failure = \"put-back\"\n"),
        rollout("on_failure = \"pause\"\nbake_time = \"1m\"\nauto_revert = true\n"),
        rollout("on_failure = true\n"),
        rollout("pause = \"5m\"\n"),
        rollout("canary = [\"docker01\"]\npause = \"manual\"\n"),
        rollout("canary = [\"docker01\"]\npause = \"5 minutes\"\nauto_promote = true\n"),
        vec![(WEB, format!("{IMAGE}batch = \"0%\"\nsoak = \"-1s\"\n"))],
        vec![(WEB, format!("{IMAGE}secrets = [\"A\"]\n"))],
    ];
    let all: Vec<_> = all.iter().map(Vec::as_slice).collect();
    insta::assert_snapshot!(messages(&all));
}

/// A share is of the described hosts, and of a service of its own.
#[test]
fn a_batch_may_be_a_share_of_the_hosts() {
    let cluster = format!(
        "{HOSTS}[place]\nweb = \"*\"\n[rollout]\nbatch = \"50%\"\ncanary = [\"docker02\"]\n"
    );
    let web = format!("{IMAGE}batch = \"100%\"\n");
    let sources = with(&[(CLUSTER, cluster.as_bytes()), (WEB, web.as_bytes())]);
    let cluster = check("test", &sources).cluster.unwrap();
    let hosts = cluster.hosts.len();
    assert!(hosts > 1);
    assert_eq!(cluster.rollout.batch.unwrap().of(hosts), hosts / 2);
    assert_eq!(
        cluster.rollout.canary,
        [super::name::HostName::new("docker02").unwrap()]
    );
    let rendered = crate::render::render(&cluster).unwrap();
    let (_, host) = rendered.hosts.first_key_value().unwrap();
    let (_, service) = host.services.first_key_value().unwrap();
    assert_eq!(service.batch, Some(hosts));
}

/// A file of secrets with these lines below `[values]`.
fn secrets(values: &str) -> (&'static str, String) {
    let text = format!(
        "cluster = \"test\"\n[recipients]\nada = \"{ADA}\"\n[readers]\nada = \"{ADA}\"\n[keys]\nk1 = \"{AGE}\"\n[values]\n{values}"
    );
    ("clusters/test/secrets.toml", text)
}

const ADA: &str = "age1qqqqqqqqqqqqqqqqqqqqqqqq";
const AGE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB4Cg==";
/// A whole header, of one recipient.
const WHOLE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB4CkFBQUEKLS0tIG1hYwp4eA==";
const DIGEST: &str = "k1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn secret(name: &str) -> String {
    format!("{name} = {{ age = \"{AGE}\", digest = \"{DIGEST}\" }}\n")
}

#[test]
fn secrets_files() {
    let line = |text: &str| secrets(&text.replace("AGE", AGE).replace("DIGEST", DIGEST));
    let file = |text: &str| ("clusters/test/secrets.toml", text.to_owned());
    let text = messages(&[
        &[line(
            "A = \"plain\"\nB = 5\nC-D = { age = \"AGE\", digest = \"DIGEST\" }\n",
        )],
        &[line(
            "A = { age = \"AGE\" }\nB = { digest = \"DIGEST\" }\nC = { age = \"AAAA\", digest = \"k1:12\", as = \"env\", x = 1 }\n",
        )],
        &[secrets(&secret("A").replace("k1:", "k7:"))],
        &[file(
            "[recipients]\na = \"AGE-SECRET-KEY-1\"\nb = \"ecdsa-sha2-nistp256 AAAA\"\nc = \"ssh-ed25519 AAAA\"\nd = \"age1\"\n[keys]\nfirst = \"x\"\n[value]\n",
        )],
        &[file(
            "[values]\nA = { age = \"x\", digest = \"y\" }\n[keys]\nk1 = \n",
        )],
        &[secrets(&secret("A"))],
        // Not whose it should be, not for whom it should be.
        &[file(&format!(
            "cluster = \"production\"\n[recipients]\nada = \"{ADA}\"\neve = \"{ADA}e\"\n[readers]\nada = \"{ADA}\"\nbob = \"{ADA}b\"\n[keys]\nk1 = \"{AGE}\"\n"
        ))],
        // What an older bayplan wrote, and its recipients are edited.
        &[file(&format!(
            "[recipients]\nada = \"{ADA}\"\neve = \"{ADA}e\"\n[keys]\nk1 = \"{WHOLE}\"\n[values]\nA = {{ age = \"{WHOLE}\", digest = \"{DIGEST}\" }}\n"
        ))],
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn secrets_of_services() {
    let service = |text: &str| (WEB, format!("{IMAGE}{text}\n"));
    let hosts = |one: &str| {
        let line = match one {
            "ecdsa" => {
                "host_key = \"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKgWwPJBvZKTdPiPWXMSGrCxMhPBWBVMpxkMkgUAXzOXfO8QRxFzXkBHCfYNBhRZQQyEUMxkLL8vlAUTr1LWFvU=\""
            }
            other => other,
        };
        let text = HOSTS.replace("[hosts.docker02]", &format!("{}\n[hosts.docker02]", line));
        (
            CLUSTER,
            format!(
                "{text}[place]\nweb = \"docker01\"\n[vars]\nPLAIN = \"a\"\nURL = \"{{{{ A }}}}@{{{{ PLAIN }}}}\"\n"
            ),
        )
    };
    let plain = || hosts("secrets = \"plain\"");
    let some = || {
        secrets(
            &(secret("A")
                + &secret("B_KEY")
                + &secret("HOME").replace("}\n", ", as = \"file\" }\n")),
        )
    };
    let text = messages(&[
        &[
            plain(),
            some(),
            service("secrets = [\"A\", \"A\", \"B_KYE\", \"NOPE\", \"HOME\", 5]"),
        ],
        &[
            plain(),
            some(),
            service(
                "secrets = [{ name = \"B_KEY\", as = \"file\", path = \"x\" }, { as = \"file\" }, { name = \"A\", as = \"fiel\" }, { name = \"A\", as = \"env\", path = \"/a\" }, { name = \"PLAIN\", as = \"file\" }, { name = \"NOPE\", path = \"/b\" }]",
            ),
        ],
        &[
            plain(),
            some(),
            service(
                "secrets = [{ name = \"A\", as = \"file\", path = \"/a\" }, { name = \"B_KEY\", as = \"file\", path = \"/a\" }]\nvars = [\"A\"]",
            ),
        ],
        &[
            plain(),
            some(),
            service(
                "vars = [\"URL\"]\nsecrets = [\"B_KEY\"]\n[env]\nB_KEY = \"x\"\nC = \"{{ A }}{{ MISSING }}\"",
            ),
        ],
        &[
            plain(),
            secrets(&(secret("A") + &secret("PLAIN"))),
            service("vars = [\"URL\"]"),
        ],
        &[
            hosts(""),
            secrets(&secret("A")),
            service("vars = [\"URL\"]"),
        ],
        &[
            hosts("ecdsa"),
            secrets(&secret("A")),
            service("secrets = [\"A\"]"),
        ],
        &[
            hosts("secrets = \"sealed\""),
            secrets(&secret("A")),
            service(""),
        ],
        &[
            (
                CLUSTER,
                "[hosts.docker01]\ndirectory = \"target/x\"\n[place]\nweb = \"docker01\"\n"
                    .to_owned(),
            ),
            secrets(&secret("A")),
            service("secrets = [{ name = \"A\", as = \"file\" }]"),
        ],
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn ports() {
    let place = |text: &str| {
        (
            CLUSTER,
            format!("{text}\n{HOSTS}[place]\nweb = \"docker01\"\napi = \"docker01\"\n"),
        )
    };
    let web = |text: &str| (WEB, format!("{IMAGE}{text}\n"));
    let api = |text: &str| (API, format!("{IMAGE}{text}\n"));
    let text = messages(&[
        &[web("port = 80\npublish = [\"80:\", 8443, \"localhost:80:80\"]"), place("")],
        &[web("publish = [\"80\"]\nnetwork = \"host\""), place("")],
        &[web("ports = [\"8080:80\"]\nexpose = [80]\nlisten = \"all\""), place("")],
        &[web("port = 80\npublish = \"80\""), api("port = 81\nneeds = [\"web\"]"), place("")],
        &[web("port = 80\npublish = []"), api("needs = [\"web\"]"), place("")],
        &[web("port = 80"), api("needs = [\"web\"]"), place("listen = \"127.0.0.1\"")],
        &[
            web("port = 80\npublish = [\"127.0.0.1:80\"]"),
            api("needs = [\"web\"]\n[env]\nURL = \"{{ WEB_HOST }}:{{ WEB_PORT }}\""),
            place(""),
        ],
        &[place("listen = \"localhost\"")],
        &[(CLUSTER, "listen = \"address\"\n[hosts.a]\naddress = \"a.example.com\"\n[hosts.b]\nlocal = true\n".to_owned())],
        // Another cluster on the same host, and one on another.
        &[
            web("publish = [\"8000-8010\"]"),
            api("port = 9000"),
            place(""),
            ("clusters/other/cluster.toml", "[hosts.x]\naddress = \"10.0.0.1\"\n[place]\nalso = \"x\"\n".to_owned()),
            ("clusters/other/services/also.toml", format!("{IMAGE}publish = [\"127.0.0.1:8005\", \"9000/udp\"]\n")),
            ("clusters/third/cluster.toml", "[hosts.x]\naddress = \"10.0.0.9\"\n[place]\nalso = \"x\"\n".to_owned()),
            ("clusters/third/services/also.toml", format!("{IMAGE}port = 9000\n")),
        ],
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn networks() {
    let place = |text: &str| {
        (
            CLUSTER,
            format!(
                "{HOSTS}[place]\nweb = \"docker01\"\napi = [\"docker01\", \"docker02\"]\n[networks]\n{text}\n"
            ),
        )
    };
    let web = |text: &str| (WEB, format!("{IMAGE}{text}\n"));
    let api = |text: &str| (API, format!("{IMAGE}{text}\n"));
    let text = messages(&[
        &[place(
            "host = {}\nBackend = {}\nx = {}\nmail = 1\ndata = { driver = \"overlay\", external = true }",
        )],
        &[place(
            "a1 = { subnet = \"10.0.0.1/24\" }\na2 = { subnet = \"10.0.0.0\" }\na3 = { subnet = \"198.18.4.0/24\" }\na4 = { subnet = \"10.1.0.0/16\" }\na5 = { subnet = \"10.1.7.0/24\" }",
        )],
        &[place(
            "lan = { existing = true, internal = true, ipv6 = true }",
        )],
        &[place(
            "b1 = { subnet = [\"10.1.0.0/16\", \"10.2.0.0/16\"] }\nb2 = { subnet = \"fd00:1::1/64\", ipv6 = true }\nb3 = { subnet = \"fd00:1::/64\", ipv6 = false }\nb4 = { subnet = \"fd00:1::/56\", gateway = [\"10.1.0.1\", \"fd00:2::1\"] }\nb5 = { gateway = \"10.1.0.1/24\", options = { name = \"br0\", mtu = 1400, \"com.docker.network.bridge.enable-icc\" = \"a b\", \"com.docker.network.of.tomorrow\" = true } }\nb6 = { driver_opts = { mtu = 1400 }, enable_ipv6 = true, ip_range = \"x\" }",
        )],
        &[
            (
                CLUSTER,
                format!(
                    "engine = \"podman\"\n{HOSTS}[place]\nweb = \"docker01\"\n[networks]\nback = {{ options = {{ \"com.docker.network.driver.mtu\" = 1400, \"com.docker.network.bridge.name\" = \"br0\" }} }}\n"
                ),
            ),
            web("networks = [\"back\"]"),
        ],
        &[
            place(
                "mail = { subnet = [\"172.22.1.0/24\", \"fd00:1::/64\"] }\nback = { ipv6 = true }",
            ),
            web(
                "networks = [{ name = \"mail\", address = [\"172.22.1.254\", \"fd00:1::254\"] }, \"back\"]",
            ),
            api(
                "networks = [{ name = \"back\", address = [\"10.1.0.5\", \"fd00::5\"] }, { name = \"mail\", address = \"172.22.1.254\" }]",
            ),
        ],
        &[
            place("mail = { subnet = \"172.22.1.0/24\" }\nlan = { existing = true }"),
            web(
                "networks = [{ name = \"mail\", address = \"172.22.1.1\" }, { name = \"lan\", address = \"10.9.9.9\" }]",
            ),
            api(
                "networks = [{ name = \"mail\", address = [\"172.22.2.5\", \"172.22.1.7\"] }, { name = \"lan\", ip = \"10.9.9.9\" }, { address = \"x\" }, 5]",
            ),
        ],
        &[
            place("back = {}\nlan = { existing = true }"),
            web("network = \"back\""),
            api("network = \"service:web\""),
        ],
        &[
            place("backend = {}"),
            web("networks = [\"backnd\", \"backend\", \"backend\"]"),
            api("networks = [\"lan\"]\nnetwork = \"host\""),
        ],
        &[
            place("backend = {}"),
            web("aliases = [\"db\"]"),
            api(
                "networks = { backend = { aliases = [\"db\"] }, mail = { ipv4_address = \"172.22.1.254\" } }",
            ),
        ],
        &[
            place("backend = {}"),
            web("networks = [\"backend\"]\naliases = [\"d b\"]"),
            api("network_mode = \"host\""),
        ],
        &[
            place("mail = { internal = true }"),
            web("port = 80\nnetworks = [\"mail\"]"),
            api("port = 81\npublish = [\"81\"]\nnetworks = [\"mail\"]"),
        ],
        // It is on another host, too.
        &[
            place("backend = {}"),
            web("port = 80\npublish = []\nnetworks = [\"backend\"]"),
            api("networks = [\"backend\"]\nneeds = [\"web\"]"),
        ],
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn words_of_compose() {
    let cluster = |vars: &str| {
        (
            CLUSTER,
            format!("{HOSTS}[place]\nweb = \"docker01\"\napi = \"docker01\"\n[vars]\n{vars}\n"),
        )
    };
    let web = |text: &str| (WEB, format!("{IMAGE}{text}\n"));
    let api = |text: &str| (API, format!("{IMAGE}{text}\n"));
    let text = messages(&[
        &[
            cluster("DB = \"db\"\nURL = \"postgres://${DB:-x}/\""),
            web(
                "[env]\nDB = \"${DB}\"\nA = \"a ${UNKNOWN} $${DB} \\\\${DB} $DB ${DB\"\nB = \"${A?}\"",
            ),
            api(""),
        ],
        &[
            cluster("A = \"{{ MISSING }} {{ DB_PASSWORD }}\""),
            web("entrypoint = \"/bin/sh /x.sh\"\npublish = [\":443:443\"]\ngpus = [\"0\", \"1\"]"),
            api(
                "entrypoint = \"/bin/sh -c 'a && b'\"\ngpus = [{ driver = \"nvidia\", count = 2, capabilities = [\"gpu\"] }]\ndevices = [\"vendor/gpu=all\", \"gpu=all\"]\nvolumes = [{ source = \"/a\", target = \"/b\", options = [\"z\", \"rslave\"] }]\nnetwork = \"container:web\"",
            ),
        ],
        &[
            cluster(""),
            web("gpus = true\nstdin_open = true"),
            api("gpus = [{ device_ids = [\"0\", \"3\"] }]\ntty = \"yes\""),
        ],
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn placement() {
    let place = |text: &str| (CLUSTER, format!("{HOSTS}[place]\n{text}\n"));
    let port = |path, port: &str| (path, format!("{IMAGE}port = 80\n{port}\n"));
    let text = messages(&[
        &[place(
            "web = \"docker1\"\nwbe = \"docker02\"\napi = \"docker01\"\n",
        )],
        &[place(
            "web = [\"docker01\", \"docker01\"]\napi = []\nsearch = \"docker01\"\n",
        )],
        &[place(
            "web = 1\n\"a b\" = \"docker01\"\napi = [1, \"docker02\"]\n",
        )],
        &[port(WEB, ""), port(API, "network = \"host\"")],
        &[(
            WEB,
            format!("{IMAGE}needs = [\"ap\", \"web\", \"api\", \"api\", \"nothing\"]\n"),
        )],
        &[
            (
                WEB,
                format!(
                    "{IMAGE}needs = [\"api\"]\nafter = [\"ap\", \"web\", \"api\", \"db\", \"db\"]\n"
                ),
            ),
            ("clusters/test/services/db.toml", IMAGE.to_owned()),
        ],
        &[
            place("web = \"docker01\"\ndocker = \"docker02\""),
            (WEB, format!("{IMAGE}needs = [\"api\", \"docker\"]\n")),
            ("clusters/test/services/docker.toml", IMAGE.to_owned()),
        ],
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn keys_and_types_of_a_service() {
    let text = services(&[
        "prot = 80\nvolume = []\nzzz = 1\n[health]\nhtpp = \"/\"\n",
        "port = \"80\"\nneeds = \"api\"\nvars = [1]\nread_only = 1\n",
        "port = 65536\nstateful = 1979-05-27\nenv = 1\n",
        "restart = \"maual\"\ntemplate = \"../a.service\"\n",
        "template = \"contaner.service\"\n",
        "cpus = true\nuser = 1000\nentrypoint = [\"a\"]\ncommand = \"run it\"\n",
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn images() {
    let web = |text: &str| [(WEB, format!("{text}\n"))];
    let cases = [
        web(""),
        web("image = \"example/web\""),
        web("image = \"example/web:1.0\""),
        web("image = \"example/web@sha256:00\""),
        web("image = \"Example/web\"\ntag = \"1.0\""),
        web("image = \"exa mple\"\ntag = 1.0"),
        web("image = \"a\"\ntag = \"1 0\""),
        web("image = \"a\"\ndigest = \"sha256:00\""),
        web("image = \"a\"\ntag = \"1\"\ndigest = \"sha256:00\""),
        web("image = \"a\\nb\"\ntag = \"1\""),
    ];
    let cases: Vec<&[(&str, String)]> = cases.iter().map(|case| &case[..]).collect();
    let text = messages(&cases);
    insta::assert_snapshot!(text);
}

#[test]
fn shapes_of_a_service() {
    let text = services(&[
        "memory = \"512MB\"\ncpus = \"0\"\nuser = \"a b\"\nnetwork = \"a/b\"\nstop_timeout = \"10\"\n",
        "memory = \"512m\\n\"\nvolumes = [\"data\", \"/a:/b\", \"/c:/b:ro\", \"/a:/d\\n\"]\n",
        "capabilities = [\"net_admin\", \"NET ADMIN\"]\ndevices = [\"fuse\"]\n",
        "command = [\"a\\u0000\", \"a\\ufdd0\"]\nextra_args = [\"\\u0000\"]\n",
        "[ulimits]\nnofiles = 1\nnproc = \"9:1\"\n[labels]\n\"bayplan.x\" = \"1\"\n\"a b\" = \"1\"\n\"a=b\" = \"1\"\nok = true\n",
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn health() {
    let text = services(&[
        "[health]\n",
        "[health]\nhttp = \"/health\"\n",
        "port = 80\n[health]\nhttp = \"health\"\ntimeout = \"0s\"\n",
        "port = 80\n[health]\nhttp = \"/health\"\ntcp = true\n",
        "port = 80\nnetwork = \"none\"\n[health]\ntcp = true\n",
        "port = 80\n[health]\ntcp = false\ntimeout = \"soon\"\n",
        "[health]\ncommand = []\n",
        "[health]\nimage = true\nprobe_timeout = \"1m\"\nhost = \"a\"\nheaders = { A = \"1\" }\n",
        "[health]\nimage = false\ninterval = \"0s\"\n",
        "[health]\nimage = false\nwatch = \"30s\"\n",
        "port = 80\n[health]\nhttp = \"/\"\nfailures = 2\nthen = \"restart\"\n",
        "port = 80\n[health]\nhttp = \"/\"\nwatch = \"100ms\"\nfailures = 0\nthen = \"shrug\"\n",
        "port = 80\n[health]\nhttp = \"/\"\nhost = \"a b\"\nheaders = { Host = \"a\", \"A B\" = \"1\", a = \"1\\n2\", X = \"1\", x = \"2\" }\n",
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn replacements() {
    const HOST: &str = "network = \"host\"\nreplace = \"reuseport\"\n";
    let texts = [
        "network = \"host\"\nreplace = \"reuse-port\"\n".to_owned(),
        "replace = true\n".to_owned(),
        "network = \"host\"\nreplace = \"restart\"\n".to_owned(),
        "replace = \"reuseport\"\n".to_owned(),
        format!("{HOST}stateful = true\nvolumes = [\"/a:/a\"]\nhostname = \"a\"\n"),
        format!("{HOST}once = \"image\"\n"),
        format!(
            "{HOST}port = 80\n[health]\nhttp = \"/\"\n[swap]\nproxy = \"api\"\nport = 8080\nslots = [19000, 19001]\n"
        ),
        "replace = \"reuseport\"\nnetworks = [\"front\"]\naliases = [\"a\"]\npublish = [\"81\"]\n"
            .to_owned(),
    ];
    let cases = texts.map(|text| [(WEB, format!("{IMAGE}{text}"))]);
    let cases: Vec<&[(&str, String)]> = cases.iter().map(<[_; 1]>::as_slice).collect();
    insta::assert_snapshot!(messages(&cases));
}

#[test]
fn slots() {
    const HEALTHY: &str = "port = 80\n[health]\nhttp = \"/\"\n";
    const SWAP: &str = "[swap]\nproxy = \"api\"\nport = 8080\nslots = [19000, 19001]\n";
    let swap = |lines: &str| format!("{IMAGE}{HEALTHY}[swap]\n{lines}");
    let beside = |lines: &str| format!("{IMAGE}{lines}{HEALTHY}{SWAP}");
    let unread = [
        swap(""),
        swap("proxy = 1\nport = 0\nslots = [1]\ndrain = \"soon\"\n"),
        swap("proxy = \"a\"\nport = 80\nslots = \"19000\"\nretain = \"1h\"\n"),
        swap("proxy = \"api\"\nport = 8080\nslots = [19000, 19001]\nkeep = \"10s\"\n"),
        swap("proxy = \"ap\"\nport = 80\nslots = [80, 80]\nvolumes = \"both\"\n"),
        swap("proxy = \"web\"\nport = 80\nslots = [81, 82]\n"),
        format!("{IMAGE}port = 80\n[health]\ntcp = true\n{SWAP}"),
        beside(
            "stateful = true\npublish = [\"81\"]\nvolumes = [\"/a:/a\"]\nhostname = \"a\"\n\
             files = { \"/etc/a\" = { from = \"a/\", reload = { command = [\"a\"] } } }\n",
        ),
        beside("network = \"host\"\n"),
        beside("networks = [\"front\"]\naliases = [\"a\"]\n"),
    ];
    let cases = unread.map(|text| [(WEB, text)]);
    let mut all: Vec<Vec<(&str, String)>> = cases.into_iter().map(Vec::from).collect();
    // Another host, a proxy without the files, and ports that somebody else has.
    let away = format!("{HOSTS}[place]\nweb = \"docker01\"\napi = \"docker02\"\n");
    all.push(vec![(CLUSTER, away), (WEB, beside(""))]);
    let proxy = format!("{IMAGE}network = \"host\"\n");
    all.push(vec![(API, proxy.clone()), (WEB, beside(""))]);
    all.push(vec![
        (API, format!("{proxy}port = 19000\n")),
        (WEB, beside("")),
    ]);
    let cases: Vec<&[(&str, String)]> = all.iter().map(Vec::as_slice).collect();
    insta::assert_snapshot!(messages(&cases));
}

#[test]
fn volumes_and_how_many_may_be_down() {
    let text = services(&[
        "volumes = [\"./conf:/etc/app\"]\n",
        "volumes = [1, { source = \"data\", target = \"/data\", owner = \"1\", mode = \"0700\" }]\n",
        "volumes = [{ source = \"/srv/a:b\", target = \"/a\" }, { source = \"/srv//x\", target = \"/x\" }, { target = \"/y\" }]\n",
        "volumes = [\"/srv/a:/a\", { source = \"/srv/b\", target = \"/a\", mode = 750, what = 1 }]\n",
        "volumes = [{ source = \"/srv/a\", target = \"/a\" }, { source = \"/srv/a\", target = \"/b\", mode = \"0700\" }]\n",
        "max_down = 0\n",
        "max_down = \"0%\"\n",
        "max_down = \"3\"\n",
        "max_down = true\n",
    ]);
    insta::assert_snapshot!(text);
}

/// A directory that a table names is made; what a text names has to be there.
#[test]
fn a_table_of_a_volume_is_made() {
    let web = format!(
        "{IMAGE}max_down = \"50%\"\nvolumes = [\"/srv/a:/a\", {{ source = \"/srv/b/\", target = \"/b\", owner = \"1000\", mode = \"0750\", read_only = true, options = \"z\" }}, {{ source = \"data\", target = \"/c\" }}]\n[health]\nimage = false\n"
    );
    let place = "[place]\nweb = \"*\"\n";
    let cluster = format!("{HOSTS}{place}");
    let sources = with(&[(CLUSTER, cluster.as_bytes()), (WEB, web.as_bytes())]);
    let cluster = check("test", &sources).cluster.unwrap();
    let web = &cluster.services[&ServiceName::new("web").unwrap()];
    assert_eq!(
        web.container.volumes,
        ["/srv/a:/a", "/srv/b/:/b:ro,z", "data:/c"]
    );
    let [made] = web.container.made.as_slice() else {
        panic!("{:?}", web.container.made);
    };
    let owner = (made.owner.user, made.owner.group);
    assert_eq!(
        (made.path.as_str(), owner, made.mode.0),
        ("/srv/b", (1000, 0), 0o750)
    );
    assert!(web.container.no_healthcheck && web.health.is_none());
    assert_eq!(web.hosts.len(), cluster.hosts.len());
    assert_eq!(web.max_down.unwrap().of(web.hosts.len()), 1);
    let host = cluster.hosts.keys().next().unwrap();
    let rendered = crate::render::render(&cluster).unwrap();
    let service = &rendered.hosts[host].services[&web.name];
    assert_eq!(Vec::from_iter(&service.sources), ["/srv/a"]);
}

#[test]
fn names_of_variables() {
    let text = variables(&[
        ("my-var = \"1\"\nA = 1.5\nB = [1]\nD = 1979-05-27", ""),
        (
            "DOCKER_HOST = \"1\"\nPATH = \"1\"\nLD_PRELOAD = \"\"\nLISTEN_FDS = \"\"\nIMAGE = \"a\"",
            "",
        ),
        (
            "CLUSTER_ID = \"1\"\nCLUSTER_TYPE = \"1\"\nAPP_PORT = 1\nDOCKER01_IP = \"1\"",
            "",
        ),
        ("", "port = 80\n[env]\nAPP_PORT = 81\nCLUSTER_ID = \"a\""),
        (
            "A_1 = \"\"",
            "vars = [\"A_2\", \"B*\", \"a-b\", \"\", \"API_HOST\", \"WEB_PORT\", \"OWN\", \"UNHEARD_OF\"]\n[env]\nOWN = 1",
        ),
    ]);
    insta::assert_snapshot!(text);
}

/// Whoever names what it needs by itself means it.
#[test]
fn its_own_value_wins_over_a_location_without_a_word() {
    let place = "[place]\nweb = \"docker01\"\napi = \"docker01\"\n";
    let cluster = format!("{HOSTS}{place}");
    let web = format!("{IMAGE}needs = [\"api\"]\n[env]\nAPI_PORT = 3\nCLUSTER_ID = \"mine\"\n");
    let api = format!("{IMAGE}port = 80\n");
    let checked = check(
        "test",
        &with(&[
            (CLUSTER, cluster.as_bytes()),
            (WEB, web.as_bytes()),
            (API, api.as_bytes()),
        ]),
    );
    assert_eq!(checked.diagnostics, []);
    let cluster = checked.cluster.unwrap();
    let web = &cluster.services[&ServiceName::new("web").unwrap()];
    let value = |name: &str| {
        let variable = &web.variables[&VariableName::new(name).unwrap()];
        (variable.layer, variable.value.clone())
    };
    assert_eq!(value("API_PORT"), (Layer::Service, "3".into()));
    assert_eq!(value("CLUSTER_ID"), (Layer::Service, "mine".into()));
    assert_eq!(value("API_HOST").0, Layer::ServiceLocations);
}

#[test]
fn names_in_two_layers() {
    let config = |text: &str| (CONFIG, format!("[vars]\n{text}\n"));
    let cluster = |text: &str| (CLUSTER, format!("{HOSTS}{PLACE}[vars]\n{text}\n"));
    let web = |text: &str| (WEB, format!("{IMAGE}{text}\n"));
    let text = messages(&[
        &[config("A = 1"), cluster("A = 2")],
        &[cluster("A = 2"), web("vars = [\"A\"]\n[env]\nA = 3")],
        &[cluster("API_HOST = \"x\""), web("needs = [\"api\"]")],
        // A warning does not hide an error.
        &[config("A = 1"), cluster("A = 2\nB = \"{{ C }}\"")],
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn values() {
    let large = format!("A = \"{}\"", "x".repeat(131_070));
    let sum = (0..9).map(|n| format!("A{n} = \"{}\"\n", "x".repeat(120_000)));
    let sum: String = sum.collect();
    let text = variables(&[
        (
            "A = \"{{ B }}\"\nB = \"x {{ A }}\"\nC = \"{{ A }}\"\nD = \"{{ D }}\"",
            "",
        ),
        (
            "MONGODB_HOST = 1\nURL = \"mongodb://{{ MONGODB_HOTS }}/{{ NOWHERE_TO_BE_SEEN }}\"\nAGAIN = \"{{ URL }}\"",
            "",
        ),
        (
            "A = \"{{ B\"\nB = \"{% if %}\"\nC = \"{{ 1 / 0 }}\"\nD = \"{{ 'a'|frobnicate }}\"\nE = \"{{ f() }}\"",
            "",
        ),
        ("A = \"{{ WEB_PORT }}\"", ""),
        (
            "A = \"{% for i in range(9) %}{{ i }}{% endfor %}\"\nB = \"{{ 'a' * 1000000 }}\"\nC = \"a {{- B -}} b\"\nD = \"\"\"\n\\tline {{ 1 + }}\n\"\"\"\nE = \"{{ range(9999) }}\"\nF = \"{{ ['x'|list, 1]|join('a')|frob }}\"",
            "",
        ),
        (
            "A = \"a\\u0000b\"\nB = \"{{ 'a\\\\u0000' }}\"\nC = \"a\\ufffe\"\nD = \"\\U0010fffd\"",
            "vars = [\"D\"]",
        ),
        (
            "",
            "[env]\nA = \"{{ B }}\"\nB = \"{{ EXTERNL_ADDRESS }}\"\nC = \"{{ IMAGE.b }}\"\nD = \"{{ CLUSTER_TYPE }}{{ HOME }}\"",
        ),
        (&large, ""),
        (&sum, "vars = [\"A*\"]"),
    ]);
    insta::assert_snapshot!(text);
}
