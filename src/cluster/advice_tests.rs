//! Types what each message says to write: the description then has no errors.

use super::diagnostic::Level;
use super::{Sources, check};

const CLUSTER: &str = "[hosts.docker01]\naddress = \"10.0.0.1\"\n[place]\nweb = \"docker01\"\n";
const WEB: &str = "image = \"example/web\"\ntag = \"1.0\"\n";

/// The titles and helps of the errors.
fn errors(cluster: &str, web: &str) -> Vec<(String, String)> {
    let mut sources = Sources::new();
    sources.insert("clusters/test/cluster.toml", cluster);
    sources.insert("clusters/test/services/web.toml", web);
    sources.insert(
        "clusters/test/services/db.toml",
        "image = \"db\"\ntag = \"1\"\nport = 5432\n",
    );
    let placed = cluster.replace("[place]\n", "[place]\ndb = \"docker01\"\n");
    sources.insert("clusters/test/cluster.toml", placed);
    let diagnostics = check("test", &sources).diagnostics.into_iter();
    let errors = diagnostics.filter(|d| d.level == Level::Error);
    errors
        .map(|d| (d.title, d.help.unwrap_or_default()))
        .collect()
}

/// One error, its help says what to type, and that has no errors.
#[track_caller]
fn typed(before: [&str; 2], advice: &str, after: [&str; 2]) {
    let told = errors(before[0], before[1]);
    let [(title, help)] = &told[..] else {
        panic!("{before:?} has one error, not {told:#?}");
    };
    assert!(help.contains(advice), "{before:?}: {title}; {help}");
    assert_eq!(errors(after[0], after[1]), [], "{after:?}");
    let written = after.concat();
    assert!(
        written.contains(advice.trim_matches('`')),
        "{advice} is what is written"
    );
}

/// Lines of a service's file, after image and tag.
#[track_caller]
fn service(before: &str, advice: &str, after: &str) {
    let file = |lines: &str| format!("{WEB}{lines}\n");
    typed([CLUSTER, &file(before)], advice, [CLUSTER, &file(after)]);
}

#[test]
fn words_of_other_tools_have_their_one_equivalent() {
    for (before, after) in [
        ("depends_on = [\"db\"]", "needs = [\"db\"]"),
        (
            "ports = [\"8080:8080\"]",
            "publish = [\"80:3000\", \"8443\"]",
        ),
        ("expose = [\"3000\"]", "port = 3000"),
        ("mem_limit = \"512m\"", "memory = \"512m\""),
        ("cpu = 2", "cpus = 1.5"),
        (
            "cap_add = [\"NET_ADMIN\"]",
            "capabilities = [\"NET_ADMIN\", \"-NET_RAW\"]",
        ),
        ("network_mode = \"host\"", "network = \"host\""),
        ("stop_grace_period = \"30s\"", "stop_timeout = \"30s\""),
        ("working_dir = \"/app\"", "workdir = \"/app\""),
        ("host_name = \"web\"", "hostname = \"web.example.com\""),
        ("group_add = [998]", "groups = [\"998\"]"),
        ("pids_limit = 100", "pids = 200"),
        ("cpuset_cpus = \"0\"", "cpuset = \"0-3\""),
        ("mem_reservation = \"1g\"", "memory_reservation = \"256m\""),
        ("shm = \"1g\"", "shm_size = \"1g\""),
        (
            "extra_hosts = [\"db:10.0.0.5\"]",
            "hosts = { \"db.example.com\" = \"10.0.0.5\" }",
        ),
        (
            "security_opt = [\"no-new-privileges:true\"]",
            "security = { no_new_privileges = true }",
        ),
        (
            "no_new_privileges = true",
            "security = { no_new_privileges = true, seccomp = \"unconfined\" }",
        ),
        (
            "sysctl = [\"net.core.somaxconn=1\"]",
            "sysctls = { \"net.core.somaxconn\" = 1024 }",
        ),
        (
            "dns_search = \"example.com\"",
            "dns = { servers = [\"10.0.0.2\"], search = [\"example.com\"], options = [\"ndots:2\"] }",
        ),
        (
            "logging = { driver = \"json-file\" }",
            "log = { driver = \"local\", options = { max-size = \"10m\" } }",
        ),
        ("gpu = true", "gpus = \"all\""),
        ("pid = \"host\"", "extra_args = [\"--pid\", \"host\"]"),
        ("ipc = \"host\"", "extra_args = [\"--ipc\", \"host\"]"),
        (
            "userns_mode = \"host\"",
            "extra_args = [\"--userns\", \"host\"]",
        ),
        ("uts = \"host\"", "extra_args = [\"--uts\", \"host\"]"),
        (
            "cgroup = \"host\"",
            "extra_args = [\"--cgroupns\", \"host\"]",
        ),
        (
            "cgroup_parent = \"x\"",
            "extra_args = [\"--cgroup-parent\", \"batch.slice\"]",
        ),
        (
            "memswap_limit = 1",
            "extra_args = [\"--memory-swap\", \"1g\"]",
        ),
        (
            "mem_swappiness = 1",
            "extra_args = [\"--memory-swappiness\", \"10\"]",
        ),
        (
            "oom_score_adj = 1",
            "extra_args = [\"--oom-score-adj\", \"500\"]",
        ),
        ("cpu_shares = 1", "extra_args = [\"--cpu-shares\", \"512\"]"),
        (
            "device_cgroup_rules = [\"c 1:3 mr\"]",
            "extra_args = [\"--device-cgroup-rule\", \"c 1:3 mr\"]",
        ),
        (
            "storage_opt = { size = \"1G\" }",
            "extra_args = [\"--storage-opt\", \"size=10G\"]",
        ),
        (
            "mac_address = \"02:42:ac:11:00:02\"",
            "extra_args = [\"--mac-address\", \"02:42:ac:11:00:02\"]",
        ),
        ("volumes_from = [\"db\"]", "volumes = [\"shared:/data\"]"),
        ("pull_policy = \"always\"", "remove it"),
        ("profiles = [\"x\"]", "remove it"),
        ("extends = \"db\"", "from = \"db\""),
        ("attach = false", "remove it"),
        (
            "annotations = { team = \"search\" }",
            "extra_args = [\"--annotation\", \"team=search\"]",
        ),
        (
            "oom_kill_disable = true",
            "extra_args = [\"--oom-kill-disable\"]",
        ),
        (
            "mounts = [\"/srv/data:/data\"]",
            "volumes = [\"/srv/data:/data\"]",
        ),
        ("args = [\"serve\"]", "command = [\"serve\", \"--verbose\"]"),
        ("run_as_user = 1000", "user = \"1000:1000\""),
    ] {
        match after {
            "remove it" => service(before, after, "# remove it"),
            _ => service(before, &format!("`{after}`"), after),
        }
    }
    service("environment = { A = \"b\" }", "`[env]`", "[env]\nA = \"b\"");
    service("environment = [\"A=b\"]", "`[env]`", "[env]\nA = \"b\"");
    service("env_file = \".env\"", "`[env]`", "[env]\nA = \"b\"");
    service("restart_policy = \"always\"", "remove it", "# remove it");
    service("container_name = \"web\"", "remove it", "# remove it");
    for restart in ["always", "unless-stopped", "on-failure", "no"] {
        service(
            &format!("restart = \"{restart}\""),
            "remove the line",
            "# remove the line",
        );
    }
    let health = |line: &str| format!("port = 8080\n[health]\nhttp = \"/health\"\n{line}");
    for (word, advice) in [
        ("retries = 3", "timeout = \"60s\""),
        ("start_interval = \"2s\"", "interval = \"5s\""),
        ("timeout_seconds = 3", "probe_timeout = \"30s\""),
        ("liveness_probe = \"10s\"", "watch = \"30s\""),
        ("watch = \"200ms\"", "watch = \"1s\""),
        (
            "http_headers = {}",
            "headers = { X-Forwarded-Proto = \"https\" }",
        ),
        ("vhost = \"a\"", "host = \"web.example.com\""),
        ("interval = \"200ms\"", "interval = \"1s\""),
        ("headers = { Host = \"a\" }", "host = \"web.example.com\""),
    ] {
        service(&health(word), &format!("`{advice}`"), &health(advice));
    }
    let watch = |line: &str| health(&format!("watch = \"30s\"\n{line}"));
    for (word, advice) in [
        ("failure_threshold = 5", "failures = 3"),
        ("on_unhealthy = \"restart\"", "then = \"restart\""),
        ("then = \"kill\"", "then = \"restart\""),
        ("then = \"notify\"", "then = \"report\""),
    ] {
        service(&watch(word), &format!("`{advice}`"), &watch(advice));
    }
    service(
        "[health]\ndisable = true",
        "`image = false`",
        "[health]\nimage = false",
    );
    service(
        "[health]\ndocker = true",
        "`image = true`",
        "[health]\nimage = true",
    );
    service("max_unavailable = 1", "`max_down = 2`", "max_down = 2");
    service("max_down = \"2\"", "`max_down = 2`", "max_down = 2");
    let volume = |more: &str| {
        format!("volumes = [{{ source = \"/srv/data\", target = \"/data\", {more} }}]")
    };
    for (word, advice) in [
        ("readonly = true", "read_only = true"),
        ("uid = 1000", "owner = \"1000:1000\""),
        ("chmod = \"750\"", "mode = \"0750\""),
    ] {
        service(&volume(word), &format!("`{advice}`"), &volume(advice));
    }
    service(
        "volumes = [{ src = \"/srv/data\", target = \"/data\" }]",
        "`source = \"/srv/data\"`",
        "volumes = [{ source = \"/srv/data\", target = \"/data\" }]",
    );
    let everywhere = CLUSTER.replace("\"docker01\"\n", "\"all\"\n");
    let star = CLUSTER.replace("\"docker01\"\n", "\"*\"\n");
    typed([&everywhere, WEB], "`web = \"*\"`", [&star, WEB]);
    let placed = CLUSTER.replace("\"docker01\"\n", "[\"docker01\", \"docker02\"]\n");
    let both = format!("[hosts.docker02]\naddress = \"10.0.0.2\"\n{placed}");
    for word in ["replicas = 2", "deploy = { replicas = 2 }", "scale = 2"] {
        let web = format!("{WEB}{word}\n");
        typed(
            [CLUSTER, &web],
            "`web = [\"docker01\", \"docker02\"]`",
            [&both, WEB],
        );
    }
    let nodes = CLUSTER.replace("[hosts.", "[nodes.");
    typed([&nodes, WEB], "`[hosts.docker01]`", [CLUSTER, WEB]);
    let ip = CLUSTER.replace("address", "ip");
    typed([&ip, WEB], "`address = \"10.0.0.1\"`", [CLUSTER, WEB]);
    let vars = format!("{CLUSTER}[env]\nA = \"1\"\n");
    let after = format!("{CLUSTER}[vars]\nA = \"1\"\n");
    let web = format!("{WEB}vars = [\"A\"]\n");
    typed([&vars, &web], "`[vars]`", [&after, &web]);
}

#[test]
fn values_of_another_type_or_form_are_written_out() {
    for (before, advice) in [
        ("command = \"httpd -f\"", "command = [\"httpd\", \"-f\"]"),
        (
            "command = \"echo $A && sleep 1\"",
            "command = [\"sh\", \"-c\", \"echo $A && sleep 1\"]",
        ),
        ("needs = \"db\"", "needs = [\"db\"]"),
        (
            "extra_args = \"--ipc host --uts host\"",
            "extra_args = [\"--ipc\", \"host\", \"--uts\", \"host\"]",
        ),
        ("stop_timeout = 30", "stop_timeout = \"30s\""),
        ("memory = 512", "memory = \"512m\""),
        ("memory = 536870912", "memory = \"536870912\""),
        ("memory = \"1GB\"", "memory = \"1g\""),
        ("memory = \"1.5 GiB\"", "memory = \"1536m\""),
        ("memory = \"512Mi\"", "memory = \"512m\""),
        ("cpus = \"50%\"", "cpus = 0.5"),
        ("cpus = \".5\"", "cpus = 0.5"),
        ("port = \"6379\"", "port = 6379"),
        ("port = \"8080:8080\"", "port = 8080"),
        ("port = \"8080:80\"", "publish = [\"8080:80\"]"),
        ("port = \"80/tcp\"", ""),
        ("user = 1000", "user = \"1000\""),
        ("read_only = \"yes\"", "read_only = true"),
        ("stateful = 1", "stateful = true"),
        ("devices = [\"fuse\"]", "devices = [\"/dev/fuse\"]"),
        ("capabilities = [\"net_admin\"]", ""),
        ("pids = 0", "pids = -1"),
        ("pids = \"unlimited\"", "pids = -1"),
        ("stop_signal = \"sigint\"", "stop_signal = \"SIGINT\""),
        ("stop_signal = \"SIGQUT\"", "stop_signal = \"SIGQUIT\""),
        ("workdir = \"app\"", "workdir = \"/app\""),
        ("hostname = \"my_web\"", "hostname = \"my-web\""),
        ("shm_size = \"1GB\"", "shm_size = \"1g\""),
        ("shm_size = 64", "shm_size = \"64m\""),
        ("platform = \"arm64\"", "platform = \"linux/arm64\""),
        ("log = \"local\"", "log = { driver = \"local\" }"),
        (
            "security = [\"no-new-privileges:true\"]",
            "security = { no_new_privileges = true }",
        ),
        ("security = { label = \"disabled\" }", ""),
        ("sysctls = { \"vm.max_map_count\" = 262144 }", ""),
        ("hosts = [\"docker01\"]", ""),
        ("dns = [\"10.0.0.2:53\"]", ""),
        ("dns = \"10.0.0.2\"", "dns = [\"10.0.0.2\"]"),
        ("groups = \"998\"", "groups = [\"998\"]"),
        ("tmpfs = \"/tmp\"", "tmpfs = [\"/tmp\"]"),
        ("init = \"yes\"", "init = true"),
        ("memory = \"1g\"\nmemory_reservation = \"2g\"", ""),
        ("network = \"none\"\ndns = [\"10.0.0.2\"]", ""),
        (
            "network = \"host\"\nsysctls = { \"net.core.somaxconn\" = 1 }",
            "",
        ),
        ("volumes = [\"/a:/tmp\"]\ntmpfs = [\"/tmp/\"]", ""),
        ("log = { driver = \"none\", options = { a = \"b\" } }", ""),
    ] {
        match advice {
            "" => assert_eq!(
                errors(CLUSTER, &format!("{WEB}{before}\n")).len(),
                1,
                "{before}"
            ),
            advice => service(before, &format!("`{advice}`"), advice),
        }
    }
    for (before, advice) in [
        ("~/x:/y", "/root/x:/y"),
        ("$HOME/x:/y", "/root/x:/y"),
        ("./x:/y", "/srv/x:/y"),
        ("x/y:/z", "/srv/x/y:/z"),
        ("/x:y", "/x:/y"),
        ("/x:/y:ro:z", "/x:/y:ro,z"),
    ] {
        let line = |volume: &str| format!("volumes = [\"{volume}\"]");
        service(&line(before), &format!("`\"{advice}\"`"), &line(advice));
    }
    let health = |line: &str| format!("port = 80\n[health]\ntcp = true\n{line}");
    for before in [
        "timeout = 30",
        "timeout = \"30\"",
        "timeout = \"30 seconds\"",
        "timeout = \"0.5 min\"",
    ] {
        let help = errors(CLUSTER, &format!("{WEB}{}", health(before)));
        assert!(help[0].1.contains("\"30s\"`"), "{before} {help:?}");
    }
    assert_eq!(
        errors(CLUSTER, &format!("{WEB}{}", health("timeout = \"30s\""))),
        []
    );
    let tagged = |tag: &str| format!("image = \"example/web\"\n{tag}\n");
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for (before, advice) in [
        ("tag = \"1.0+b5\"", "tag = \"1.0-b5\"".to_owned()),
        ("tag = \":1.0\"", "tag = \"1.0\"".to_owned()),
        ("tag = 1", "tag = \"1\"".to_owned()),
        ("tag = 1.25", "tag = \"1.25\"".to_owned()),
        ("tag = 2026-11-26", "tag = \"2026-11-26\"".to_owned()),
        (
            &format!("digest = \"{digest}\""),
            format!("digest = \"sha256:{digest}\""),
        ),
        (
            &format!("tag = \"@sha256:{digest}\""),
            format!("digest = \"sha256:{digest}\""),
        ),
    ] {
        typed(
            [CLUSTER, &tagged(before)],
            &format!("`{advice}`"),
            [CLUSTER, &tagged(&advice)],
        );
    }
}

#[test]
fn a_line_that_is_no_toml_is_written_as_one() {
    let tagged = |tag: &str| format!("image = \"example/web\"\n{tag}\n");
    for (before, advice) in [
        ("tag = 0.5.2", "tag = \"0.5.2\""),
        ("tag = v1.2.3 # pinned", "tag = \"v1.2.3\""),
        ("tag = 2026.11.26", "tag = \"2026.11.26\""),
        ("tag = 2026-11", "tag = \"2026-11\""),
        ("tag = latest", "tag = \"latest\""),
        ("tag = “1.0”", "tag = \"1.0\""),
        ("tag: \"1.0\"", "tag = \"1.0\""),
        ("tag: 1.0-rc1", "tag = \"1.0-rc1\""),
        ("tag = \"1.0", "tag = '1.0'"),
    ] {
        typed(
            [CLUSTER, &tagged(before)],
            &format!("`{advice}`"),
            [CLUSTER, &tagged(advice)],
        );
    }
    for (before, advice) in [
        ("network = host", "network = \"host\""),
        ("memory = 512m", "memory = \"512m\""),
        ("needs = [db]", "needs = [\"db\"]"),
        (
            "volumes = [/srv/a:/a, /srv/b:/b]",
            "volumes = [\"/srv/a:/a\", \"/srv/b:/b\"]",
        ),
        ("read_only = True", "read_only = true"),
        ("stateful = yes", "stateful = true"),
        ("entrypoint = \"C:\\web\"", "entrypoint = 'C:\\web'"),
    ] {
        service(before, &format!("`{advice}`"), advice);
    }
    service("needs = [\n  db,\n]", "`\"db\"`", "needs = [\n  \"db\",\n]");
}

#[test]
fn a_misspelled_key_is_told_once() {
    service(
        "prot = 8080\n[health]\nhttp = \"/\"",
        "`port`",
        "port = 8080\n[health]\nhttp = \"/\"",
    );
    service(
        "need = [\"db\"]\n[env]\nA = \"{{ DB_HOST }}\"",
        "`needs`",
        "needs = [\"db\"]",
    );
    for (before, key) in [
        ("imgae = \"a\"\ntag = \"1\"\n", "image"),
        ("image = \"a\"\ntga = \"1\"\n", "tag"),
    ] {
        let after = "image = \"a\"\ntag = \"1\"\n";
        typed([CLUSTER, before], &format!("`{key}`"), [CLUSTER, after]);
    }
    for (key, wrong) in [
        ("[hosts.", "[host."),
        ("address", "adress"),
        ("[place]", "[places]"),
    ] {
        // `errors` places `db` by the same word.
        if key != "[place]" {
            let advice = format!("`{}`", key.trim_matches(['[', '.']));
            typed([&CLUSTER.replace(key, wrong), WEB], &advice, [CLUSTER, WEB]);
        }
    }
    let vars = format!("{CLUSTER}[var]\nA = \"1\"\n");
    let after = format!("{CLUSTER}[vars]\nA = \"1\"\n");
    let web = format!("{WEB}vars = [\"A\"]\n");
    typed([&vars, &web], "`[vars]`", [&after, &web]);
}

#[test]
fn a_host_that_is_absent_is_no_misspelled_one() {
    let cluster = CLUSTER.replace("web = \"docker01\"", "web = \"docker02\"");
    let told = errors(&cluster, WEB);
    assert_eq!(told[0].1, "known here: `docker01`");
    let cluster = CLUSTER.replace("web = \"docker01\"", "web = \"dokcer01\"");
    assert_eq!(errors(&cluster, WEB)[0].1, "did you mean `docker01`?");
}

#[test]
fn a_value_of_a_name_that_a_client_reads_is_one_line() {
    for (value, what) in [
        ("\"a\\nb\"", "a line break"),
        ("\"a\\r\"", "a carriage return at its end"),
        (
            &format!("\"{}\"", "x".repeat(65_535)),
            "more than 65,535 bytes with its name",
        ),
    ] {
        for name in ["PATH", "\"discovery.type\"", "TMPDIR"] {
            let web = |name: &str| format!("{WEB}[env]\n{name} = {value}\n");
            let told = errors(CLUSTER, &web(name));
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].0.ends_with(what), "{told:?}");
            assert_eq!(errors(CLUSTER, &web("ANY")), []);
        }
    }
    let inherited = CLUSTER.replace("[place]", "[vars]\nDOCKER_OPTS = \"a\\nb\"\n[place]");
    let told = errors(&inherited, &format!("{WEB}vars = [\"DOCKER_*\"]\n"));
    assert!(told[0].0.contains("`DOCKER_OPTS`"), "{told:?}");
    assert_eq!(errors(&inherited, WEB), []);
}

#[test]
fn a_flag_with_a_field_is_written_there() {
    for (before, after) in [
        ("[\"--memory\", \"1GB\"]", "memory = \"1g\""),
        ("[\"-u1000\"]", "user = \"1000\""),
        ("[\"--cap-drop=NET_RAW\"]", "capabilities = [\"-NET_RAW\"]"),
        ("[\"-v\", \"/a:/b:ro\"]", "volumes = [\"/a:/b:ro\"]"),
        ("[\"--network=host\"]", "network = \"host\""),
        ("[\"--label\", \"a.b=c\"]", "labels = { \"a.b\" = \"c\" }"),
        (
            "[\"--ulimit=nofile=1024\"]",
            "ulimits = { nofile = \"1024\" }",
        ),
        ("[\"--read-only\"]", "read_only = true"),
        ("[\"--stop-timeout=30\"]", "stop_timeout = \"30s\""),
        ("[\"--device=/dev/fuse\"]", "devices = [\"/dev/fuse\"]"),
        (
            "[\"--entrypoint\", \"/bin/a b\"]",
            "entrypoint = \"/bin/a b\"",
        ),
        ("[\"--ipc host\"]", "extra_args = [\"--ipc\", \"host\"]"),
    ] {
        let advice = after
            .trim_start_matches("extra_args = [")
            .trim_end_matches(']');
        let advice = if after.starts_with("extra_args") {
            advice
        } else {
            after
        };
        service(
            &format!("extra_args = {before}"),
            &format!("`{advice}`"),
            after,
        );
    }
    service(
        "extra_args = [\"-e\", \"A=b\"]",
        "`A = \"b\"`",
        "[env]\nA = \"b\"",
    );
}

#[test]
fn two_services_of_a_host_cannot_publish_one_port() {
    let web = |lines: &str| format!("{WEB}{lines}\n");
    let both = "`db` and `web` both take port 5432 of `docker01`";
    for (lines, title) in [
        ("port = 5432", both),
        ("port = 80\npublish = [\"5432:80\"]", both),
        ("publish = [\"5000-6000\"]", both),
        ("publish = [\"127.0.0.1:5432:80\"]", both),
        ("port = 5432\nnetwork = \"host\"", both),
        (
            "publish = [\"80\", \"79-81:8079-8081\"]",
            "`web` takes port 80 twice",
        ),
        (
            "publish = [\"53/udp\", \"127.0.0.1:53/udp\"]",
            "`web` takes port 53/udp twice",
        ),
    ] {
        let told = errors(CLUSTER, &web(lines));
        let titles: Vec<&str> = told.iter().map(|(title, _)| title.as_str()).collect();
        assert_eq!(titles, [title], "{lines}");
    }
    for lines in [
        "publish = [\"5432:80/udp\"]",
        "port = 80\npublish = [\"8443\"]",
        "port = 5432\npublish = []",
        "port = 5432\nnetwork = \"none\"",
        "extra_args = [\"-p\", \"5432\"]",
    ] {
        assert_eq!(errors(CLUSTER, &web(lines)), [], "{lines}");
    }
}

/// Whoever comes from compose gets an answer to each of its words.
#[test]
fn every_key_of_compose_that_is_no_field_has_advice() {
    let keys = include_str!("../../tests/fixtures/compose-keys.txt").lines();
    let of_services = keys.filter(|key| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    let mut tried = 0;
    for key in of_services.filter(|key| !super::fields::KEYS.contains(key)) {
        tried += 1;
        let told = errors(CLUSTER, &format!("{WEB}{key} = \"x\"\n"));
        assert!(
            told.iter()
                .any(|(title, help)| title.contains(key) && !help.is_empty()),
            "{key}: {told:#?}"
        );
    }
    assert!(tried > 40, "{tried} keys were tried");
}

/// `TZ: ${TZ}` of compose.
#[test]
fn a_variable_of_the_cluster_is_named_and_not_made_of_itself() {
    let cluster = format!("{CLUSTER}[vars]\nTZ = \"UTC\"\n");
    let file = |lines: &str| format!("{WEB}{lines}\n");
    typed(
        [&cluster, &file("[env]\nTZ = \"{{ TZ }}\"")],
        "`vars = [\"TZ\"]`",
        [&cluster, &file("vars = [\"TZ\"]")],
    );
}

/// As `environment`, `sysctls`, `ulimits` and `entrypoint` stand in compose.
#[test]
fn other_forms_of_compose_are_written_as_these() {
    for (before, after) in [
        (
            "env = [\"A=1\", \"b.c=x=y\"]",
            "env = { A = \"1\", \"b.c\" = \"x=y\" }",
        ),
        ("labels = [\"team=a\"]", "labels = { team = \"a\" }"),
        (
            "sysctls = [\"net.core.somaxconn=1024\"]",
            "sysctls = { \"net.core.somaxconn\" = \"1024\" }",
        ),
    ] {
        service(before, &format!("`{after}`"), after);
    }
    service(
        "ulimits = { nofile = { soft = 1, hard = 2 } }",
        "`nofile = \"1:2\"`",
        "ulimits.nofile = \"1:2\"",
    );
    service(
        "entrypoint = [\"/bin/sh\", \"/start\", \"x\"]",
        "`command = [\"/start\", \"x\"]`",
        "entrypoint = \"/bin/sh\"\ncommand = [\"/start\", \"x\"]",
    );
}

/// `healthcheck.test` of compose says in its first word how the others are run.
#[test]
fn a_test_of_compose_is_written_as_a_command() {
    for (before, after) in [
        (
            "command = [\"CMD\", \"pg_isready\", \"-q\"]",
            "command = [\"pg_isready\", \"-q\"]",
        ),
        (
            "command = [\"CMD-SHELL\", \"a || exit 1\"]",
            "command = [\"sh\", \"-c\", \"a || exit 1\"]",
        ),
        ("command = [\"NONE\"]", "image = false"),
    ] {
        service(
            &format!("[health]\n{before}"),
            &format!("`{after}`"),
            &format!("[health]\n{after}"),
        );
    }
}

/// Compose gives such a line a volume without a name, never the host's directory of this path.
#[test]
fn a_volume_without_a_source_is_not_the_hosts_directory() {
    for after in ["NAME:/var/lib/mysql", "/srv/NAME:/var/lib/mysql"] {
        service(
            "volumes = [\"/var/lib/mysql\"]",
            &format!("`\"{after}\"`"),
            &format!("volumes = [\"{after}\"] # `\"{after}\"`"),
        );
    }
}

#[test]
fn a_duration_of_several_parts_is_one_number() {
    for (before, after) in [("1m30s", "90s"), ("1h5s", "3605s"), ("1h1m1s", "3661s")] {
        service(
            &format!("stop_timeout = \"{before}\""),
            &format!("`\"{after}\"`"),
            &format!("stop_timeout = \"{after}\" # `\"{after}\"`"),
        );
    }
    for no in ["30s1m", "1m1", "99h1m"] {
        let told = errors(CLUSTER, &format!("{WEB}stop_timeout = \"{no}\"\n"));
        assert_eq!(told[0].1, "", "{no}");
    }
}

#[test]
fn a_name_and_a_domain_of_compose_have_their_places() {
    let cluster = format!("{CLUSTER}[networks]\nback = {{}}\n");
    let file = |lines: &str| format!("{WEB}networks = [\"back\"]\n{lines}\n");
    typed(
        [&cluster, &file("container_name = \"web\"")],
        "`aliases = [\"web\"]`",
        [&cluster, &file("aliases = [\"web\"]")],
    );
    let domain = "extra_args = [\"--domainname\", \"example.com\"]";
    service(
        "domainname = \"example.com\"",
        &format!("`{domain}`"),
        domain,
    );
}

/// `${…}` of compose, and templates where values are no templates.
#[test]
fn variables_are_not_put_into_other_fields() {
    for lines in [
        "publish = [\"${PORT:-80}:80\"]",
        "publish = [\"{{ PORT }}:80\"]",
        "user = \"${UID}:0\"",
        "memory = \"${LIMIT}\"",
    ] {
        let told = errors(CLUSTER, &format!("{WEB}{lines}\n"));
        assert_eq!(told.len(), 1, "{lines}");
        assert!(told[0].1.starts_with("write the value itself"), "{told:?}");
    }
    let told = errors(CLUSTER, "image = \"${IMAGE:-web}\"\ntag = \"1\"\n");
    assert!(told[0].1.starts_with("write the value itself"), "{told:?}");
}
