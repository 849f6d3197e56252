//! The example `clusters/monitoring`: agents on every host, a store and its face on one; everything hardened.

use std::collections::BTreeSet;
use std::time::Duration;

use toml::{Table, Value};

use crate::containers::{environment, on_every_host};
use crate::ground::Ground;
use crate::hosts::{Fleet, until};
use crate::repo::Repo;
use crate::secrets::identity;

const HOSTS: [&str; 3] = ["docker01", "docker02", "docker03"];
const AGENTS: [&str; 3] = ["cadvisor", "fluent-bit", "metricbeat"];
const SECRETS: [(&str, &str); 6] = [
    ("ELASTICSEARCH_KEY", "a-key"),
    ("ELASTICSEARCH_USERS", "admin:a-hash"),
    ("FLUENT_BIT_PASSWORD", "p4ss-fluent-bit"),
    ("KIBANA_ENCRYPTION_KEY", "p4ss-encryption"),
    ("KIBANA_PASSWORD", "p4ss-kibana"),
    ("METRICBEAT_PASSWORD", "p4ss-metricbeat"),
];

/// In the place of Fluent Bit: it reads its configuration at its start and at each SIGHUP.
const READER: &str = "read_it() { cat /etc/fluent-bit/fluent-bit.yaml >/var/lib/fluent-bit/read; }; \
     trap read_it HUP; trap 'exit 0' TERM; read_it; /entry & while :; do wait; done";

/// What hosts have that are no containers.
const PREPARE: &str = "mkdir -p /dev/disk";
/// What the services of the example make there.
const MADE: &str = "rm -rf /srv/elasticsearch /srv/kibana /srv/metricbeat /srv/fluent-bit";

struct Stack {
    ground: Ground,
}

impl Drop for Stack {
    fn drop(&mut self) {
        let cluster = &self.ground.repo.name;
        let script = format!(
            "systemctl stop '{cluster}-*.service'; {MADE}; rmdir --ignore-fail-on-non-empty /dev/disk"
        );
        on_every_host(self.ground.fleet, |host| host.run(&script));
    }
}

/// The example on our hosts: its services run the test image, everything else is as it is described.
fn stack(fleet: &'static Fleet) -> Stack {
    let mut ground = Ground::on(fleet, Repo::example(&fleet.operator, "monitoring"));
    ground.images();
    on_every_host(fleet, |host| host.sh(&format!("{PREPARE}; {MADE}")));
    let image = format!("{}/app", fleet.registry);
    for (name, service) in &mut ground.repo.services {
        service.insert("image".to_owned(), image.as_str().into());
        service.insert("tag".to_owned(), "1.0".into());
        // The programs of the real images.
        service.remove("command");
        service.remove("entrypoint");
        let health = service.get_mut("health").and_then(Value::as_table_mut);
        let health = health.unwrap_or_else(|| panic!("{name} is probed"));
        health.remove("command");
        health.insert("http".to_owned(), "/health".into());
        // A host of the fleet has no more than the machine that it runs on, and no log of the kernel.
        service.remove("ulimits");
        service.remove("devices");
    }
    ground
        .repo
        .set_of("fluent-bit", "command", vec!["sh", "-c", READER]);
    let shipper = ground.repo.services.get_mut("fluent-bit");
    let files = shipper.and_then(|service| service.get_mut("files"));
    let live = files.and_then(|files| files.get_mut("/etc/fluent-bit"));
    let live = live.and_then(Value::as_table_mut);
    let check = [
        "grep",
        "-q",
        "^pipeline:",
        "/etc/fluent-bit/fluent-bit.yaml",
    ];
    let check = check.into_iter().map(Value::from).collect();
    live.expect("a directory that is read again")
        .insert("check".to_owned(), Value::Array(check));
    identity(fleet);
    let name = ground.repo.name.clone();
    ground.bayplan(&["secrets", "init", &name]).exits(0);
    let stack = Stack { ground };
    for (name, value) in SECRETS {
        stack.keep(name, value);
    }
    stack
}

impl Stack {
    /// `bayplan secrets set`
    fn keep(&self, secret: &str, value: &str) {
        let cluster = &self.ground.repo.name;
        let mut set = self.ground.start(&["secrets", "set", cluster, secret]);
        set.types(value);
        set.ended().exits(0);
    }

    /// Releases, and holds that exactly these containers are others now.
    #[track_caller]
    fn restarts(&self, expected: &[&str]) {
        assert_eq!(self.ground.release_changes(), expected);
        self.ground.is_in_sync();
    }

    /// What Fluent Bit has read on a host, once it has this line.
    #[track_caller]
    fn has_read(&self, host: &str, line: &str) {
        let read = || self.ground.host(host).sh("cat /srv/fluent-bit/read");
        until(
            Duration::from_secs(10),
            &format!("{line:?} is read on {host}"),
            || read().lines().any(|one| one.trim() == line).then_some(()),
        );
    }

    /// Which image a service finds at this name and port, in its networks.
    fn finds(&self, host: &str, service: &str, name: &str, port: u16) -> String {
        let container = format!("{}-{service}", self.ground.repo.name);
        // The image's programs are static and know no names but by nslookup, which does not read /etc/hosts.
        let found = self.ground.host(host).sh(&format!(
            "address=$(docker exec {container} sed -n 's/^\\([^[:blank:]]*\\)[[:blank:]]*{name}$/\\1/p' /etc/hosts | head -n 1)
            [ -n \"$address\" ] || address=$(docker exec {container} /bin/busybox nslookup {name} | sed -n '/^Name/,$s/^Address[^:]*: *//p' | head -n 1)
            inside=$(docker inspect --format '{{{{.State.Pid}}}}' {container})
            nsenter --target \"$inside\" --net curl --silent --show-error --fail --max-time 5 \"http://$address:{port}/version\""
        ));
        found.trim().to_owned()
    }
}

pub fn life(fleet: &'static Fleet) {
    let mut stack = stack(fleet);
    let name = stack.ground.repo.name.clone();
    let agents = HOSTS
        .iter()
        .flat_map(|host| AGENTS.map(|agent| format!("{host}/{agent}")));
    let mut placed: BTreeSet<String> = agents.collect();
    placed.extend(["docker03/elasticsearch", "docker03/kibana"].map(str::to_owned));

    let check = stack.ground.bayplan(&["check", &name]).exits(0);
    assert_eq!(check.stderr, "", "{check}");
    let diff = stack.ground.diff().exits(2).says(&["11 units start"]);
    diff.never_says(&["p4ss-"]);
    stack.ground.release().exits(0).never_says(&["p4ss-"]);
    assert_eq!(stack.ground.containers().names(), placed);
    stack.ground.is_in_sync();

    it_is_as_hard_as_it_says(&stack);
    they_find_each_other(&stack);
    each_agent_is_of_its_host(&stack);

    // One image.
    stack.ground.repo.set_of("kibana", "tag", "1.1");
    stack.restarts(&["~ docker03/kibana"]);
    // The one that the others need: who is told the same location runs on.
    stack.ground.repo.set_of("elasticsearch", "tag", "1.1");
    stack.restarts(&["~ docker03/elasticsearch"]);

    a_configuration_is_read_again(&mut stack);
    a_variable_of_one_host_is_that_hosts(&mut stack);

    // A configuration that nobody reads again.
    let roles = "elasticsearch/roles.yml".as_ref();
    let roles = stack.ground.repo.files.get_mut::<std::path::Path>(roles);
    roles.expect("it is there").extend(b"# more\n");
    stack.restarts(&["~ docker03/elasticsearch"]);

    // A secret that is a variable of an agent, and one within a file.
    stack.keep("METRICBEAT_PASSWORD", "p4ss-another");
    let diff = stack.ground.diff().exits(2);
    diff.says(&["METRICBEAT_PASSWORD changed"])
        .never_says(&["p4ss-"]);
    stack.restarts(
        &HOSTS
            .map(|host| format!("~ {host}/metricbeat"))
            .each_ref()
            .map(String::as_str),
    );
    stack.keep("KIBANA_PASSWORD", "p4ss-next");
    stack.restarts(&["~ docker03/kibana"]);
    let read = "docker exec monitoring-kibana cat /usr/share/kibana/config/kibana.yml";
    let read = stack.ground.host("docker03").sh(read);
    assert!(read.contains("password: \"p4ss-next\""), "{read}");
}

/// What `hardened` and the limits become, and the directories that are made, by their owner.
fn it_is_as_hard_as_it_says(stack: &Stack) {
    on_every_host(stack.ground.fleet, |host| {
        assert_eq!(
            host.sh("systemctl --failed --no-legend --plain"),
            "",
            "{}",
            host.name
        );
        let format = "{{.Name}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapAdd}} {{.HostConfig.CapDrop}} \
             {{.HostConfig.Privileged}} {{.HostConfig.SecurityOpt}} {{.Config.User}}";
        let seen = host.sh(&format!(
            "docker inspect -f '{format}' monitoring-cadvisor monitoring-metricbeat monitoring-fluent-bit"
        ));
        let seen = seen.replace("CAP_", "");
        assert_eq!(
            seen.lines().map(str::trim_end).collect::<Vec<_>>(),
            [
                "/monitoring-cadvisor true [DAC_READ_SEARCH SYSLOG] [ALL] false [no-new-privileges]",
                "/monitoring-metricbeat true [] [ALL] false [no-new-privileges] 1000:0",
                "/monitoring-fluent-bit true [] [ALL] false [no-new-privileges]",
            ],
            "{}",
            host.name
        );
        let made = host.sh("stat -c '%n %a %u:%g' /srv/metricbeat /srv/fluent-bit");
        assert_eq!(
            made,
            "/srv/metricbeat 770 1000:0\n/srv/fluent-bit 700 0:0\n"
        );
        let internal = host
            .sh("docker network inspect -f '{{.Internal}}' monitoring-elastic monitoring-scrape");
        assert_eq!(internal, "false\ntrue\n");
    });
    let made = "stat -c '%n %a %u:%g' /srv/elasticsearch /srv/kibana";
    assert_eq!(
        stack.ground.host("docker03").sh(made),
        "/srv/elasticsearch 770 1000:0\n/srv/kibana 770 1000:0\n"
    );
}

/// By name where both are in a network of one host, else by the host.
fn they_find_each_other(stack: &Stack) {
    for host in HOSTS {
        let found = stack.finds(host, "metricbeat", "cadvisor", 8080);
        assert_eq!(found, "1.0", "{host}");
        let at = if host == "docker03" {
            "elasticsearch"
        } else {
            "docker03"
        };
        for agent in ["metricbeat", "fluent-bit"] {
            let found = stack.finds(host, agent, at, 9200);
            assert_eq!(found, "1.0", "{agent} on {host}");
        }
        stack.has_read(host, &format!("host: {at}"));
    }
    let found = stack.finds("docker03", "kibana", "elasticsearch", 9200);
    assert_eq!(found, "1.0");
    // Kibana is for those who can log in there.
    let address = &stack.ground.host("docker03").address;
    let host = stack.ground.host("docker03");
    assert_eq!(host.sh("curl -s http://127.0.0.1:5601/health"), "ok");
    let from_afar = format!("curl -s -m 5 http://{address}:5601/health || echo refused");
    let from_afar = stack.ground.host("docker01").sh(&from_afar);
    assert_eq!(from_afar, "refused\n");
}

fn each_agent_is_of_its_host(stack: &Stack) {
    for (host, zone) in HOSTS.into_iter().zip(["a", "b", "c"]) {
        let zone = format!("eu-west-1{zone}");
        let values = environment(stack.ground.host(host), "docker", "monitoring-metricbeat");
        assert_eq!(values["CLUSTER_HOST"], host.as_bytes());
        assert_eq!(values["ZONE"], zone.as_bytes());
        stack.has_read(host, &format!("- fields.zone {zone}"));
        let unit = "- _SYSTEMD_UNIT=monitoring-kibana.service";
        let read = stack.ground.host(host).sh("cat /srv/fluent-bit/read");
        assert_eq!(read.contains(unit), host == "docker03", "{host}: {read}");
    }
}

fn a_configuration_is_read_again(stack: &mut Stack) {
    let units = "docker.service ssh.service cron.service";
    stack.ground.repo.set_config("vars.JOURNAL_UNITS", units);
    let diff = stack.ground.diff().exits(2);
    diff.says(&["~ fluent-bit", "reload", "fluent-bit.yaml changed"])
        .says(&["3 units reload, 8 stay"]);
    stack.restarts(&[]);
    for host in HOSTS {
        stack.has_read(host, "- _SYSTEMD_UNIT=cron.service");
    }
    // One that its check refuses reaches no host.
    let path = "fluent-bit/conf/fluent-bit.yaml".as_ref();
    let files = &mut stack.ground.repo.files;
    let text = files.get_mut::<std::path::Path>(path).expect("it is there");
    let good = std::mem::replace(text, b"pipelines:\n".to_vec());
    let refused = stack.ground.release().exits(1);
    refused
        .says(&["refuses the files of fluent-bit"])
        .says(&["nothing was changed on any host"]);
    let files = &mut stack.ground.repo.files;
    *files.get_mut::<std::path::Path>(path).expect("it is there") = good;
    stack.ground.is_in_sync();
}

fn a_variable_of_one_host_is_that_hosts(stack: &mut Stack) {
    let mut of_host = Table::new();
    of_host.insert("ZONE".to_owned(), "eu-west-1d".into());
    stack.ground.repo.set("hosts.docker02.vars", of_host);
    let diff = stack.ground.diff().exits(2);
    diff.says(&["ZONE: eu-west-1b → eu-west-1d"])
        .says(&["1 unit restarts", "1 unit reloads"]);
    stack.restarts(&["~ docker02/metricbeat"]);
    stack.has_read("docker02", "- fields.zone eu-west-1d");
    stack.has_read("docker01", "- fields.zone eu-west-1a");
}
