//! The example `clusters/peerspace`: three hosts, 22 services and a migration, from its first release on.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::containers::{environment, names_shown, on_every_host};
use crate::ground::Ground;
use crate::hosts::Fleet;
use crate::repo::Repo;

/// The example on our hosts: its services run the test image, everything else is as it is described.
fn ground(fleet: &'static Fleet) -> Ground {
    let mut ground = Ground::on(fleet, Repo::example(&fleet.operator, "peerspace"));
    ground.images();
    ground.repo.set("ssh", Table::new());
    ground.repo.set("ssh.user", "deploy");
    ground.repo.set("ssh.sudo", true);
    for service in ground.repo.services.values_mut() {
        service.insert("image".to_owned(), format!("{}/app", fleet.registry).into());
        service.insert("tag".to_owned(), "1.0".into());
        // A host of the fleet has no more than the machine that it runs on.
        if let Some(Value::Table(limits)) = service.get_mut("ulimits") {
            limits.insert("nofile".to_owned(), 1024.into());
        }
        // The test image has neither of the programs that say whether files are right.
        let files = service.get_mut("files").and_then(Value::as_table_mut);
        for (path, entry) in files.into_iter().flatten() {
            if let Some(check) = entry
                .as_table_mut()
                .and_then(|entry| entry.get_mut("check"))
            {
                *check = texts_value(&["grep", "-r", "-q", "server\\|source", path]);
            }
        }
    }
    // What the migration does leaves a line.
    let migrate = "echo migrated to $(cat /version) >>/data/runs";
    let repo = &mut ground.repo;
    repo.set_of("migrate", "command", vec!["/bin/sh", "-c", migrate]);
    let made = crate::volumes::table(MIGRATED, "/data", "mode = \"0755\"");
    repo.set_of("migrate", "volumes", vec![made]);
    ground
}

/// Where that is, on its host.
const MIGRATED: &str = "/var/lib/peerspace-migrated";

/// What the migration left since it was asked last.
fn migrated(ground: &Ground) -> String {
    let [host] = &ground.repo.placed("migrate")[..] else {
        panic!("a job has one host");
    };
    let runs = format!("cat {MIGRATED}/runs 2>/dev/null; rm -rf {MIGRATED}/runs");
    ground.host(host).sh(&runs).trim().to_owned()
}

pub fn life(fleet: &'static Fleet) {
    let mut ground = ground(fleet);
    let name = ground.repo.name.clone();
    assert_eq!((ground.repo.services.len(), fleet.hosts.len()), (23, 3));
    migrated(&ground);
    let placed: BTreeSet<String> = ground
        .repo
        .services
        .iter()
        .filter(|(_, service)| !service.contains_key("once"))
        .flat_map(|(service, _)| {
            ground
                .repo
                .placed(service)
                .into_iter()
                .map(move |host| format!("{host}/{service}"))
        })
        .collect();

    // Before anything was released, a look shows all of it, and changes nothing.
    let untouched = ground.files();
    let total = format!("{} units start", placed.len());
    ground.diff().exits(2).says(&["3 hosts:", &total]);
    ground.assert_untouched(&untouched);

    // The first release: exactly the placed containers run.
    ground.release().exits(0).says(&["docker01", "done"]);
    assert_eq!(ground.containers().names(), placed);
    assert_eq!(migrated(&ground), "migrated to 1.0");
    for container in &placed {
        let (host, service) = container.split_once('/').expect("host/service");
        let unit = format!("{name}-{service}");
        let seen = names_shown(fleet.host(host), &unit);
        assert_eq!(
            seen,
            expected_names(&ground.repo, service),
            "docker exec {unit} env on {host}"
        );
    }
    on_every_host(fleet, |host| {
        assert_eq!(
            host.sh("systemctl --failed --no-legend --plain"),
            "",
            "{}",
            host.name
        );
    });

    the_proxy_finds_what_is_behind_it(&ground);
    the_shipper_knows_who_is_there(&ground);

    // The second one finds nothing to do, and does nothing.
    ground.is_in_sync();

    a_comment_restarts_nothing(&ground);
    a_tag_restarts_its_containers(&mut ground);
    a_variable_restarts_its_readers(&mut ground);
    a_service_moves(&mut ground);
    a_service_leaves(&mut ground);
    assert_eq!(migrated(&ground), "", "its image is the same");
    an_image_is_migrated_to(&mut ground);
}

/// The migration runs before the service whose image it has, and once.
fn an_image_is_migrated_to(ground: &mut Ground) {
    for service in ["api", "migrate"] {
        ground.repo.set_of(service, "tag", "1.1");
    }
    ground
        .diff()
        .exits(2)
        .says(&["migrate", "run", "image 1.0 → 1.1"]);
    let hosts = ground.repo.placed("api");
    let expected: Vec<String> = hosts.iter().map(|host| format!("~ {host}/api")).collect();
    assert_eq!(ground.release_changes(), expected);
    assert_eq!(migrated(ground), "migrated to 1.1");
    ground.is_in_sync();
}

fn texts_value(words: &[&str]) -> Value {
    Value::Array(words.iter().map(|word| Value::from(*word)).collect())
}

/// A list of upstreams that a template makes, as its container sees it.
fn the_proxy_finds_what_is_behind_it(ground: &Ground) {
    let container = format!("{}-proxy", ground.repo.name);
    for host in ground.repo.placed("proxy") {
        let at = ground.host(&host);
        let read = |file: &str| {
            at.sh(&format!(
                "docker exec {container} cat /etc/nginx/conf.d/{file}"
            ))
        };
        let upstreams = read("upstreams.conf");
        for service in ["web", "api", "admin"] {
            for behind in ground.repo.placed(service) {
                let server = format!("server {}:", ground.host(&behind).address);
                assert!(
                    upstreams.contains(&server),
                    "{service} on {behind}: {upstreams}"
                );
            }
        }
        let servers = read("servers.conf");
        assert!(servers.contains(&format!("\"{host}\\n\"")), "{servers}");
    }
}

/// Of each host, its own services.
fn the_shipper_knows_who_is_there(ground: &Ground) {
    let name = &ground.repo.name;
    for host in ground.repo.placed("log-shipper") {
        let configuration = ground.host(&host).sh(&format!(
            "docker exec {name}-log-shipper cat /fluentd/etc/fluent.conf"
        ));
        for service in ground.repo.services.keys() {
            let unit = format!("\"{name}-{service}.service\"");
            let here = ground.repo.placed(service).contains(&host);
            assert_eq!(
                configuration.contains(&unit),
                here,
                "{service} on {host}: {configuration}"
            );
        }
    }
}

fn a_comment_restarts_nothing(ground: &Ground) {
    let (containers, files) = (ground.containers(), ground.files());
    ground.repo.write();
    for service in ground.repo.services.keys() {
        ground
            .repo
            .prepend(&format!("services/{service}.toml"), "# A remark.");
    }
    ground.repo.prepend("cluster.toml", "# Another one.");
    let release = ground.bayplan_as_written(&["release", &ground.repo.name, "--yes"]);
    release
        .exits(0)
        .says(&["No changes.", "in sync (3 hosts, 23 services)"]);
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);
}

fn a_tag_restarts_its_containers(ground: &mut Ground) {
    let service = ground
        .repo
        .services
        .keys()
        .next()
        .expect("there are some")
        .clone();
    ground.repo.set_of(&service, "tag", "1.1");
    ground
        .diff()
        .exits(2)
        .says(&[&service, "restart", "image 1.0 → 1.1"]);
    let hosts = ground.repo.placed(&service);
    let expected: Vec<String> = hosts
        .iter()
        .map(|host| format!("~ {host}/{service}"))
        .collect();
    assert_eq!(ground.release_changes(), expected);
    for host in &hosts {
        let container = format!("{}-{service}", ground.repo.name);
        assert_eq!(
            ground
                .host(host)
                .sh(&format!("docker exec {container} cat /version"))
                .trim(),
            "1.1"
        );
    }
    ground.is_in_sync();
}

fn a_variable_restarts_its_readers(ground: &mut Ground) {
    let key = "MONGODB_HOST_01";
    let before = ground.repo.cluster["vars"][key]
        .as_str()
        .expect("a text")
        .to_owned();
    let after = "10.77.99.99";
    let readers = readers_of(&ground.repo, key);
    assert!(
        !readers.is_empty() && readers.len() < 22,
        "some read it, some do not: {readers:?}"
    );
    ground.repo.set(&format!("vars.{key}"), after);
    let diff = ground.diff().exits(2);
    for service in ground.repo.services.keys() {
        if readers.contains(service) {
            continue;
        }
        assert!(
            !diff
                .stdout
                .lines()
                .any(|line| line.contains(&format!("~ {service} "))),
            "{service}; {diff}"
        );
    }
    diff.says(&[&format!("cluster.toml {key}:")])
        .says(&[&before])
        .says(&["→", after]);
    let expected: BTreeSet<String> = readers
        .iter()
        .filter(|service| !ground.repo.services[*service].contains_key("once"))
        .flat_map(|service| {
            ground
                .repo
                .placed(service)
                .into_iter()
                .map(move |host| format!("~ {host}/{service}"))
        })
        .collect();
    assert_eq!(
        ground
            .release_changes()
            .into_iter()
            .collect::<BTreeSet<_>>(),
        expected
    );
    // Also those that read it only as a part of another value.
    for change in &expected {
        let (host, service) = change[2..].split_once('/').expect("host/service");
        let values = environment(
            ground.host(host),
            "docker",
            &format!("{}-{service}", ground.repo.name),
        );
        let values: Vec<_> = values
            .values()
            .map(|value| String::from_utf8_lossy(value))
            .collect();
        assert!(
            values.iter().any(|value| value.contains(after)),
            "{change}: {values:?}"
        );
        assert!(
            !values.iter().any(|value| value.contains(&before)),
            "{change}: {values:?}"
        );
    }
    ground.is_in_sync();
}

fn a_service_moves(ground: &mut Ground) {
    let (service, from, to) = movable(&ground.repo);
    let unit = format!("{}-{service}", ground.repo.name);
    ground.repo.place(&service, &to);
    ground
        .diff()
        .exits(2)
        .says(&[&format!("{from} → {to}")])
        .says(&["→", &service, "move", "nothing else changes"])
        .says(&["log-shipper", "reload"]);
    let changes: BTreeSet<String> = ground.release_changes().into_iter().collect();
    // Who needs it is told where it is now, and nobody else is touched.
    let mut expected = BTreeSet::from([format!("- {from}/{service}"), format!("+ {to}/{service}")]);
    let stem = service.to_uppercase().replace('-', "_");
    for (other, table) in &ground.repo.services {
        let needs = texts(table.get("needs")).contains(&service);
        if needs && !table.contains_key("once") {
            expected.extend(
                ground
                    .repo
                    .placed(other)
                    .iter()
                    .map(|host| format!("~ {host}/{other}")),
            );
        }
    }
    assert_eq!(changes, expected);
    for change in expected.iter().filter(|change| change.starts_with('~')) {
        let (host, other) = change[2..].split_once('/').expect("host/service");
        let container = format!("{}-{other}", ground.repo.name);
        let values = environment(ground.host(host), "docker", &container);
        assert_eq!(values[&format!("{stem}_HOST")], to.as_bytes(), "{change}");
        let known = ground
            .host(host)
            .sh(&format!("docker exec {container} cat /etc/hosts"));
        let address = &ground.host(&to).address;
        let entry = |line: &str| line.split_whitespace().eq([address.as_str(), &to]);
        assert!(known.lines().any(entry), "{change}: {known}");
    }
    // It ran at its new place before it was taken down at the old one.
    let moment = |host: &str, command: &str| {
        let text = ground.host(host).sh(command);
        let seconds = text.trim().parse::<f64>();
        seconds.unwrap_or_else(|_| panic!("expected a moment of `{command}`, found `{text}`"))
    };
    let started = moment(
        &to,
        &format!("date +%s.%N -d \"$(docker inspect -f '{{{{.State.StartedAt}}}}' {unit})\""),
    );
    let stopping = moment(
        &from,
        &format!("journalctl -u {unit} -o short-unix | grep Stopping | tail -n 1 | cut -d' ' -f1"),
    );
    assert!(started < stopping, "expand comes before contract");
    assert_gone(ground, &from, &service);
    // Who only has it in a file reads that again.
    the_shipper_knows_who_is_there(ground);
    ground.is_in_sync();
}

fn a_service_leaves(ground: &mut Ground) {
    let needed: BTreeSet<String> = ground
        .repo
        .services
        .values()
        .flat_map(|table| ["needs", "after"].map(|key| texts(table.get(key))).concat())
        .collect();
    let leaves = |service: &&String| {
        let stateful = ground.repo.services[*service].get("stateful").is_some();
        !needed.contains(*service) && !stateful && !ground.repo.placed(service).is_empty()
    };
    let service = ground
        .repo
        .services
        .keys()
        .find(leaves)
        .expect("somebody needs nobody")
        .clone();
    let hosts = ground.repo.placed(&service);
    ground.repo.remove(&service);
    ground
        .diff()
        .exits(2)
        .says(&["-", &service, "stop", "no longer described"]);
    let expected: Vec<String> = hosts
        .iter()
        .map(|host| format!("- {host}/{service}"))
        .collect();
    assert_eq!(ground.release_changes(), expected);
    for host in &hosts {
        assert_gone(ground, host, &service);
    }
    ground.is_in_sync();
}

/// Neither a unit nor an enablement nor a container nor a file of it is left.
fn assert_gone(ground: &Ground, host: &str, service: &str) {
    let cluster = &ground.repo.name;
    let unit = format!("{cluster}-{service}");
    let at = ground.host(host);
    assert_eq!(
        at.unit(&format!("{unit}.service"), "LoadState"),
        "not-found",
        "{unit} on {host}"
    );
    assert_eq!(
        at.unit(&format!("{unit}.service"), "ActiveState"),
        "inactive",
        "{unit} on {host}"
    );
    let left = at.sh(&format!(
        "find /etc/systemd/system -name '{unit}.service*'; find /etc/bayplan/{cluster}/{service} -type f 2>/dev/null; \
         docker ps --all --quiet --filter name='^{unit}$'"
    ));
    assert_eq!(left, "", "of {unit} on {host}");
}

/// A service on one host that may move, that host, and another one where its port is free.
fn movable(repo: &Repo) -> (String, String, String) {
    let port = |service: &str| {
        repo.services[service]
            .get("port")
            .and_then(Value::as_integer)
    };
    for (service, table) in &repo.services {
        let placed = repo.placed(service);
        let [from] = placed.as_slice() else {
            continue;
        };
        let needed = repo
            .services
            .values()
            .any(|other| texts(other.get("needs")).contains(service));
        if table.get("stateful").is_some() || port(service).is_none() || !needed {
            continue;
        }
        let free = |host: &&str| {
            let mut others = repo
                .services
                .keys()
                .filter(|other| repo.placed(other).iter().any(|at| at == host));
            !others.any(|other| port(other) == port(service))
        };
        let hosts = ["docker01", "docker02", "docker03"];
        if let Some(to) = hosts.into_iter().filter(|host| host != from).find(free) {
            return (service.clone(), from.clone(), to.to_owned());
        }
    }
    panic!("the example has no service on one host that another one needs");
}

/// The services that read a variable of the cluster, directly or as a part of another value.
fn readers_of(repo: &Repo, key: &str) -> BTreeSet<String> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for table in [Some(&repo.config), repo.cluster["vars"].as_table()]
        .into_iter()
        .flatten()
    {
        flatten(table, &mut values);
    }
    let mut carriers = BTreeSet::from([key.to_owned()]);
    loop {
        let more: Vec<String> = values
            .iter()
            .filter(|(name, value)| !carriers.contains(*name) && uses(value, &carriers))
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        carriers.extend(more);
    }
    let reads = |table: &Table| {
        let mut own = BTreeMap::new();
        table
            .get("env")
            .and_then(Value::as_table)
            .into_iter()
            .for_each(|env| flatten(env, &mut own));
        let named = texts(table.get("vars"));
        carriers
            .iter()
            .any(|carrier| named.iter().any(|pattern| matches(pattern, carrier)))
            || own.values().any(|value| uses(value, &carriers))
    };
    repo.services
        .iter()
        .filter(|(_, table)| reads(table))
        .map(|(name, _)| name.clone())
        .collect()
}

fn flatten(table: &Table, into: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        match value {
            Value::Table(below) => flatten(below, into),
            Value::String(text) => drop(into.insert(name.clone(), text.clone())),
            other => drop(into.insert(name.clone(), other.to_string())),
        }
    }
}

/// Whether a value names one of the variables between `{{` and `}}`.
fn uses(value: &str, names: &BTreeSet<String>) -> bool {
    let inside = value
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(inside, _)| inside);
    inside
        .flat_map(|inside| inside.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .any(|word| names.contains(word))
}

/// What `docker exec … env` must show: what the service names, and nothing else.
fn expected_names(repo: &Repo, service: &str) -> BTreeSet<String> {
    let table = &repo.services[service];
    let mut defined = BTreeMap::new();
    flatten(&repo.config, &mut defined);
    repo.cluster["vars"]
        .as_table()
        .into_iter()
        .for_each(|vars| flatten(vars, &mut defined));
    let mut names: BTreeSet<String> = ["CLUSTER_ID", "CLUSTER_TYPE"].map(str::to_owned).into();
    names.extend(defined.into_keys());
    names.extend(["DOCKER01_IP", "DOCKER02_IP", "DOCKER03_IP"].map(str::to_owned));
    let patterns = texts(table.get("vars"));
    names.retain(|name| patterns.iter().any(|pattern| matches(pattern, name)));
    names.extend(
        table
            .get("env")
            .and_then(Value::as_table)
            .into_iter()
            .flat_map(Table::keys)
            .cloned(),
    );
    if table.contains_key("port") {
        names.insert("APP_PORT".to_owned());
    }
    for needed in texts(table.get("needs")) {
        let stem = needed.to_uppercase().replace('-', "_");
        names.insert(format!("{stem}_HOST"));
        names.insert(format!("{stem}_HOSTS"));
        if repo.services[&needed].contains_key("port") {
            names.insert(format!("{stem}_PORT"));
        }
    }
    names
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name
            .strip_prefix(start)
            .is_some_and(|name| (0..=name.len()).any(|at| matches(rest, &name[at..]))),
    }
}
