//! Networks that units make: names in them, several of them, and what is wrong with one.

use crate::containers::environment;
use crate::ground::Ground;
use crate::hosts::Fleet;

pub fn docker(fleet: &'static Fleet) {
    life(fleet, "docker", "docker01");
}

pub fn podman(fleet: &'static Fleet) {
    life(fleet, "podman", "docker01");
}

/// Debian 11 has docker 20.10, 13 has docker 26 and podman 5.
pub fn other_releases(fleet: &'static Fleet) {
    for (engine, host) in [
        ("podman", "docker02"),
        ("docker", "docker01"),
        ("docker", "docker02"),
    ] {
        life(fleet, engine, host);
    }
}

fn life(fleet: &'static Fleet, engine: &'static str, on: &str) {
    let mut ground = Ground::new(fleet, "nets");
    if engine == "podman" {
        ground = ground.with_podman();
    }
    // The podman of Debian 11 is too old.
    ground.only(&[on]);
    ground.images();
    let host = ground.host(on);
    if engine == "podman" {
        // The docker beside it drops what it does not forward itself.
        host.sh("iptables -P FORWARD ACCEPT");
    }
    let table = |text: &str| toml::from_str::<toml::Table>(text).expect("it is TOML");
    ground.repo.set("networks.back", table(""));
    ground.repo.set("networks.mail.subnet", "172.29.7.0/24");
    ground.repo.set("networks.mail.internal", true);
    ground.serve("db", 9621, on);
    ground.repo.set_of("db", "networks", vec!["back", "mail"]);
    ground.repo.set_of("db", "aliases", vec!["mysql"]);
    let value = "two\nlines, a \"quote\", a \\ and 100 %";
    ground.repo.set_of("db", "env.NASTY", value);
    ground.serve("web", 9622, on);
    ground.repo.set_of("web", "networks", vec!["back"]);
    ground.repo.set_of("web", "needs", vec!["db"]);
    ground.serve("mailer", 9623, on);
    ground.repo.set_of("mailer", "networks", vec!["mail"]);
    // Asked in the container itself.
    for service in ["db", "mailer"] {
        ground
            .repo
            .set_of(service, "publish", toml::Value::Array(Vec::new()));
    }
    assert_eq!(
        ground.release_changes(),
        ["db", "mailer", "web"].map(|service| format!("+ {on}/{service}"))
    );
    ground.is_in_sync();
    let variables = environment(host, engine, "nets-web");
    assert_eq!(variables["DB_HOST"], b"db");
    assert_eq!(variables["DB_PORT"], b"9621");
    assert_eq!(
        environment(host, engine, "nets-db")["NASTY"],
        value.as_bytes()
    );
    // The image's programs are static: none but this one looks up names.
    let ask = |from: &str, name: &str| {
        // podman's server of names learns of a container a moment after its start.
        host.sh(&format!(
            "inside=$({engine} inspect --format '{{{{.State.Pid}}}}' nets-{from})
            for _ in $(seq 50); do
                said=$({engine} exec nets-{from} /bin/busybox nslookup {name} 2>&1)
                address=$(printf '%s\n' \"$said\" | sed -n '/^Name/,$s/^Address[^:]*: *//p' | head -n 1)
                if [ -n \"$address\" ]; then
                    nsenter --target \"$inside\" --net curl --silent --fail --max-time 5 \"http://$address:9621/health\" && exit
                fi
                sleep 0.2
            done
            printf '%s\n' \"$said\""
        ))
    };
    for (from, name) in [
        ("web", "db"),
        ("web", "mysql"),
        ("mailer", "db"),
        ("mailer", "mysql"),
    ] {
        let said = ask(from, name);
        assert!(
            said.contains("ok"),
            "{engine} {on}: {from} asks {name}: {said}"
        );
    }

    // It ends by its own will, and comes back into both networks.
    host.sh("systemctl restart nets-db.service");
    assert_eq!(host.unit("nets-db.service", "Result"), "success");
    assert!(ask("mailer", "mysql").contains("ok"));
    ground.is_in_sync();

    // Six at once make one network.
    ground.repo.set("networks.many", table(""));
    let six: Vec<String> = (0..6).map(|number| format!("s{number}")).collect();
    for (service, port) in six.iter().zip(9630..) {
        ground.serve(service, port, on);
        ground.repo.set_of(service, "networks", vec!["many"]);
    }
    ground.release().exits(0);
    let units: Vec<String> = six
        .iter()
        .map(|name| format!("nets-{name}.service"))
        .collect();
    let units = units.join(" ");
    let told = host.sh(&format!(
        "round=0
        while [ $round -lt {} ]; do
            systemctl stop {units} && {engine} network rm nets-many >/dev/null && systemctl start {units} || exit
            {engine} network ls -q --filter 'name=^nets-many$' | wc -l
            round=$((round + 1))
        done | sort | uniq -c",
        rounds()
    ));
    let told = told.split_whitespace().collect::<Vec<_>>();
    assert_eq!(told, [rounds().to_string().as_str(), "1"], "{engine} {on}");
    ground.is_in_sync();
    for service in &six {
        ground.repo.remove(service);
    }
    ground.release().exits(0);

    other_options(&mut ground, engine, on, &ask);

    // One of somebody else's is left alone.
    host.sh(&format!("{engine} network create nets-other"));
    ground.repo.set("networks.other", table(""));
    ground
        .repo
        .set("networks.nets-other", table("existing = true"));
    ground.repo.set_of("web", "networks", vec!["back", "other"]);
    if engine == "docker" {
        ground
            .release()
            .exits(1)
            .says(&["nets-other that is not bayplan's"]);
    }
    ground
        .repo
        .set_of("web", "networks", vec!["back", "nets-other"]);
    ground.release().exits(0);
    ground.is_in_sync();
    for service in ["web", "db", "mailer"] {
        ground.repo.remove(service);
    }
    ground.release().exits(0);
    // Those of the cluster went with the last who used them, and nothing of others did.
    let left = format!("{engine} network ls --format '{{{{.Name}}}}' --filter name=nets-");
    assert_eq!(host.sh(&left), "nets-other\n", "{engine} {on}");
    host.sh(&format!("{engine} network rm nets-other"));
    if engine == "podman" {
        host.sh("iptables -P FORWARD DROP");
    }
}

pub fn addresses_docker(fleet: &'static Fleet) {
    addresses(fleet, "docker", "docker01");
}

pub fn addresses_podman(fleet: &'static Fleet) {
    addresses(fleet, "podman", "docker01");
}

pub fn other_releases_have_addresses(fleet: &'static Fleet) {
    for (engine, host) in [
        ("podman", "docker02"),
        ("docker", "docker01"),
        ("docker", "docker02"),
    ] {
        addresses(fleet, engine, host);
    }
}

/// Addresses that services have of their own, in networks of both families, and which they take from each other.
fn addresses(fleet: &'static Fleet, engine: &'static str, on: &str) {
    let mut ground = Ground::new(fleet, "addr");
    if engine == "podman" {
        ground = ground.with_podman();
    }
    ground.only(&[on]);
    ground.images();
    let host = ground.host(on);
    let table = |text: &str| toml::from_str::<toml::Table>(text).expect("it is TOML");
    ground.repo.set("networks.back", table("ipv6 = true"));
    let options = match engine {
        "docker" => {
            "\"com.docker.network.bridge.name\" = \"br-addr\"\n\"com.docker.network.driver.mtu\" = 1400"
        }
        _ => "\"com.docker.network.driver.mtu\" = 1400",
    };
    ground.repo.set(
        "networks.mail",
        table(&format!(
            "subnet = [\"172.29.17.0/24\", \"fd00:29:17::/64\"]\ngateway = \"fd00:29:17::9\"\n[options]\n{options}"
        )),
    );
    let give = |ground: &mut Ground, db: &str, web: &str| {
        let networks = |text: &str| table(text)["networks"].clone();
        let of_db = networks(&format!(
            "networks = [\"back\", {{ name = \"mail\", address = [\"172.29.17.{db}\", \"fd00:29:17::{db}\"] }}]"
        ));
        ground.repo.set_of("db", "networks", of_db);
        let of_web = networks(&format!(
            "networks = [{{ name = \"mail\", address = \"172.29.17.{web}\" }}]"
        ));
        ground.repo.set_of("web", "networks", of_web);
    };
    ground.serve("db", 9641, on);
    ground.serve("web", 9642, on);
    ground.repo.set_of("web", "tty", true);
    give(&mut ground, "250", "251");
    assert_eq!(
        ground.release_changes(),
        ["db", "web"].map(|service| format!("+ {on}/{service}"))
    );
    ground.is_in_sync();
    let seen = |service: &str| {
        host.sh(&format!(
            "{engine} inspect -f '{{{{range $name, $at := .NetworkSettings.Networks}}}}{{{{$name}}}} {{{{$at.IPAddress}}}} {{{{$at.GlobalIPv6Address}}}};{{{{end}}}}{{{{.Config.Tty}}}}' addr-{service}"
        ))
    };
    let mail = |service: &str| {
        let all = seen(service);
        let mut all = all.split(';');
        all.find_map(|one| one.strip_prefix("addr-mail "))
            .unwrap_or_default()
            .to_owned()
    };
    let back = seen("db");
    assert!(back.contains("addr-back 198."), "{engine} {on}: {back}");
    let local = back
        .split(';')
        .find(|one| one.starts_with("addr-back"))
        .unwrap_or_default();
    assert!(local.contains(" fd"), "{engine} {on}: {local}");
    assert_eq!(mail("db"), "172.29.17.250 fd00:29:17::250", "{engine} {on}");
    assert!(
        mail("web").starts_with("172.29.17.251 fd00:29:17:"),
        "{engine} {on}: {}",
        mail("web")
    );
    assert!(seen("web").trim_end().ends_with("true"), "{engine} {on}");
    let bridge = host.sh(&format!("{engine} network inspect addr-mail"));
    assert!(
        bridge.contains("fd00:29:17::9") && bridge.contains("1400"),
        "{engine} {on}: {bridge}"
    );
    if engine == "docker" {
        host.sh("ip link show br-addr");
    }

    // Each takes the other one's: both stop before one of them starts.
    give(&mut ground, "251", "250");
    assert_eq!(
        ground.release_changes(),
        ["db", "web"].map(|service| format!("~ {on}/{service}"))
    );
    assert_eq!(mail("db"), "172.29.17.251 fd00:29:17::251", "{engine} {on}");
    assert!(mail("web").starts_with("172.29.17.250 "), "{engine} {on}");
    ground.is_in_sync();
    host.sh("systemctl restart addr-db.service addr-web.service");
    assert_eq!(mail("db"), "172.29.17.251 fd00:29:17::251", "{engine} {on}");
    for service in ["db", "web"] {
        ground.repo.remove(service);
    }
    ground.release().exits(0);
}

/// How often units start at once: `BAYPLAN_FLEET_ROUNDS`.
fn rounds() -> usize {
    let asked = std::env::var("BAYPLAN_FLEET_ROUNDS");
    asked.map_or(3, |rounds| rounds.parse().expect("a number"))
}

/// `mail` with `db` and `mailer` in it gets other options; `web` is not in it.
fn other_options(ground: &mut Ground, engine: &str, on: &str, ask: &dyn Fn(&str, &str) -> String) {
    let host = ground.host(on);
    let subnet = || {
        let subnet = match engine {
            "docker" => "{{range .IPAM.Config}}{{.Subnet}}{{end}}",
            _ => "{{range .Subnets}}{{.Subnet}}{{end}}",
        };
        let subnet = host.sh(&format!("{engine} network inspect -f '{subnet}' nets-mail"));
        subnet.trim().to_owned()
    };
    let nothing: [String; 0] = [];
    let restarted = ["db", "mailer"].map(|service| format!("~ {on}/{service}"));

    // Somebody else's container is in it: nothing stops.
    host.sh(&format!(
        "{engine} run -d --name stranger --network nets-mail --entrypoint /bin/busybox \
        $({engine} inspect --format '{{{{.Config.Image}}}}' nets-db) sleep 1000"
    ));
    ground.repo.set("networks.mail.subnet", "172.29.8.0/24");
    let before = ground.containers();
    ground
        .release()
        .exits(1)
        .says(&[
            "the network nets-mail has `subnet=172.29.7.0/24,internal` and is to have",
            "stranger would stay in it",
        ])
        .says(&[&format!(
            "{engine} network disconnect -f nets-mail stranger"
        )]);
    assert_eq!(before.changes(&ground.containers()), nothing);
    host.sh(&format!("{engine} rm -f stranger"));

    // A service that is in it is not named.
    let only = ["release", "nets", "mailer", "--yes"];
    ground
        .bayplan(&only)
        .exits(1)
        .says(&["db would stay in it"])
        .says(&["`bayplan release nets db mailer`"]);
    assert_eq!(before.changes(&ground.containers()), nothing);

    // One of them does not start: all is as it was.
    ground.repo.set_of("mailer", "command", vec!["/bin/false"]);
    ground.release().exits(5);
    assert_eq!(subnet(), "172.29.7.0/24", "{engine} {on}");
    assert_eq!(
        before.changes(&ground.containers()),
        restarted,
        "{engine} {on}"
    );
    assert!(ask("mailer", "db").contains("ok"));
    ground
        .repo
        .services
        .get_mut("mailer")
        .expect("it is there")
        .remove("command");

    // Exactly those that are in it are down, and the plan said so.
    ground
        .diff()
        .exits(2)
        .says(&["network nets-mail is made anew: `subnet=172.29.7.0/24,internal` →"])
        .says(&["db and mailer are down meanwhile"]);
    ground.status().says(&["network nets-mail is made anew"]);
    assert_eq!(ground.release_changes(), restarted, "{engine} {on}");
    assert_eq!(subnet(), "172.29.8.0/24");
    assert!(ask("mailer", "mysql").contains("ok"));
    ground.is_in_sync();
    let before = ground.containers();
    ground.bayplan(&["rollback", "nets", "--yes"]).exits(0);
    assert_eq!(
        before.changes(&ground.containers()),
        restarted,
        "{engine} {on}"
    );
    assert_eq!(subnet(), "172.29.7.0/24");
    assert!(ask("mailer", "db").contains("ok"));
    ground.release().exits(0);
    ground.is_in_sync();

    // A hand made it with other options, and what runs in it has the right ones on its label.
    host.sh(&format!(
        "systemctl stop nets-db nets-mailer && {engine} network rm nets-mail &&
        {engine} network create --label bayplan.cluster=nets --label bayplan.network=subnet=172.29.9.0/24 \
            --subnet 172.29.9.0/24 nets-mail && systemctl start nets-db nets-mailer"
    ));
    assert_eq!(ground.release_changes(), restarted, "{engine} {on}");
    assert_eq!(subnet(), "172.29.8.0/24");
    ground.is_in_sync();

    // A dot is a dot: the engine reads a pattern.
    host.sh(&format!("{engine} network create nets-axb"));
    ground.repo.cluster["networks"]
        .as_table_mut()
        .expect("a table")
        .insert("a.b".to_owned(), toml::Value::Table(toml::Table::new()));
    ground.repo.set_of("web", "networks", vec!["back", "a.b"]);
    assert_eq!(ground.release_changes(), [format!("~ {on}/web")]);
    ground.is_in_sync();
    ground.repo.set_of("web", "networks", vec!["back"]);
    assert_eq!(ground.release_changes(), [format!("~ {on}/web")]);
    let left = format!("{engine} network ls --format '{{{{.Name}}}}' --filter name=nets-a");
    assert_eq!(host.sh(&left), "nets-axb\n");
    host.sh(&format!("{engine} network rm nets-axb"));

    if engine == "docker" {
        // Several of one name: docker makes them without a word.
        host.sh(
            "docker network create --label bayplan.cluster=nets --label bayplan.network= nets-back \
                --subnet 10.253.0.0/24 || :",
        );
        let ids = host.sh("docker network ls --no-trunc -q --filter 'name=^nets-back$'");
        let ids: Vec<&str> = ids.lines().collect();
        if let [first, second] = ids[..] {
            ground
                .release()
                .exits(1)
                .says(&["expected one network nets-back, found several:"])
                .says(&[first])
                .says(&[second]);
            host.sh("for id in $(docker network ls -q --filter 'name=^nets-back$'); do docker network rm $id || :; done");
        }
        ground.is_in_sync();
    }
}
