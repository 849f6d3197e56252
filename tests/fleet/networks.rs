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
    for _ in 0..5 {
        host.sh(&format!(
            "systemctl stop {units}; {engine} network rm nets-many"
        ));
        host.sh(&format!("systemctl start {units}"));
        let found = host.sh(&format!(
            "{engine} network ls -q --filter 'name=^nets-many$' | wc -l"
        ));
        assert_eq!(found.trim(), "1", "{engine} {on}");
    }
    ground.is_in_sync();

    // Another subnet: refused before anything stops, and done once the network is gone.
    ground.repo.set("networks.mail.subnet", "172.29.8.0/24");
    let before = ground.containers();
    ground.release().exits(1).says(&[
        "nets-mail was made with `subnet=172.29.7.0/24,internal`",
        "`subnet=172.29.8.0/24,internal`",
    ]);
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    host.sh(&format!(
        "systemctl stop nets-db nets-mailer && {engine} network rm nets-mail"
    ));
    ground.release().exits(0);
    assert!(ask("mailer", "db").contains("ok"));
    ground.is_in_sync();

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
    for service in ["web", "db", "mailer"]
        .into_iter()
        .chain(six.iter().map(String::as_str))
    {
        ground.repo.remove(service);
    }
    ground.release().exits(0);
    host.sh(&format!("{engine} network rm nets-other"));
    if engine == "podman" {
        host.sh("iptables -P FORWARD DROP");
    }
}
