//! A cluster leaves hosts: they are as if it had never been there, and its neighbours as before.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ground::Ground;
use crate::hosts::{Fleet, Host, until};
use crate::volumes::table;

pub fn docker(fleet: &'static Fleet) {
    let (leaves, neighbour) = (
        Ground::new(fleet, "leaves"),
        Ground::new(fleet, "leaves-not"),
    );
    departs(leaves, neighbour, "docker");
}

pub fn podman(fleet: &'static Fleet) {
    let leaves = Ground::new(fleet, "leaves-podman").with_podman();
    let neighbour = Ground::new(fleet, "leaves-podman-not").with_podman();
    departs(leaves, neighbour, "podman");
}

/// All that a host has and that is not of a moment: names and content of files, and what its engine has.
fn everything(host: &Host, engine: &str) -> BTreeSet<String> {
    let script = format!(
        "cd /
        find etc var/lib run \\( -path var/lib/docker -o -path var/lib/containerd -o -path var/lib/containers -o -path var/lib/cni -o -path run/docker \\
            -o -path run/containerd -o -path run/containers -o -path run/libpod -o -path run/crun -o -path run/netns \\
            -o -path run/systemd -o -path run/user -o -path run/utmp -o -path run/sudo -o -path run/log -o -path run/lock \\
            -o -path run/udev -o -path run/bayplan/volumes -o -path run/bayplan/networks -o -path 'run/bayplan/call-*' -o -path run/cni -o -path run/runc -o -path run/initctl \\
            -o -path var/lib/systemd/random-seed -o -path var/lib/systemd/timesync \\
            -o -path var/lib/systemd/timers/stamp-apt-daily.timer \\) -prune \\
            -o -printf '%y %m %U:%G %p %l\\n' | grep -v '/docker.*[.]pid' | sort
        find run/systemd/system run/systemd/system.control run/systemd/transient -printf '%y %p\\n' 2>/dev/null | grep leaves
        find etc -type f -exec sha256sum {{}} + | sort
        {engine} ps --all --format 'container {{{{.Names}}}}'
        {engine} network ls --format 'network {{{{.Name}}}}'
        {engine} volume ls --format 'volume {{{{.Name}}}}'
        {engine} images --all --format 'image {{{{.ID}}}} {{{{.Repository}}}}:{{{{.Tag}}}}'
        systemctl list-units --all --full --plain --no-legend 'leaves*' 'bayplan*' | cut -d ' ' -f 1
        ls -d /srv/* 2>/dev/null"
    );
    let said = host.run(&script).stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    said.lines().map(str::to_owned).collect()
}

#[track_caller]
fn assert_same(before: &BTreeSet<String>, after: &BTreeSet<String>) {
    let gone: Vec<&String> = before.difference(after).collect();
    let left: Vec<&String> = after.difference(before).collect();
    assert!(
        gone.is_empty() && left.is_empty(),
        "gone: {gone:#?}, left: {left:#?}"
    );
}

fn departs(mut ground: Ground, mut neighbour: Ground, engine: &str) {
    let (fleet, cluster) = (ground.fleet, ground.repo.name.clone());
    let hosts = ["docker01", "docker02", "docker03"].map(|name| ground.host(name));
    // Tests before this one left what all clusters share.
    for host in hosts {
        host.sh("rmdir /etc/bayplan 2>/dev/null || [ ! -e /etc/bayplan ]
            rm -f /var/lib/bayplan/lock /var/lib/bayplan/.mending
            rmdir /var/lib/bayplan 2>/dev/null || [ ! -e /var/lib/bayplan ]
            rm -rf /run/bayplan");
    }
    // With its first network an engine makes files for itself.
    for host in hosts {
        host.sh(&format!(
            "{engine} network create first-of-all && {engine} network rm first-of-all"
        ));
    }
    let never = hosts.map(|host| everything(host, engine));

    // Images with the same in them are the same, and another cluster of an earlier test may name one.
    let own = format!("whose={cluster}");
    for image in ["app:1", "app:2", "hand:9"] {
        fleet.image(&format!("{cluster}-{image}"), &[&own]);
    }
    let of = |ground: &mut Ground, service: &str, name: &str| {
        let image = format!("{}/{cluster}-{name}", fleet.registry);
        ground.repo.set_of(service, "image", image);
        ground.repo.set_of(service, "tag", "1");
    };
    neighbour.only(&["docker01"]);
    neighbour.serve("web", 9948, "docker01");
    of(&mut neighbour, "web", "hand");
    neighbour.repo.set_of("web", "tag", "9");
    neighbour
        .repo
        .set_of("web", "volumes", vec!["leaves-both:/both"]);
    neighbour.release().exits(0);
    let with_neighbour = everything(hosts[0], engine);
    let neighbours = neighbour.containers();

    // All that makes something on a host: two generations, a network, volumes of both kinds, a job with a timer, files, a drop-in.
    ground.repo.set("networks.back", toml::Table::new());
    ground.serve("web", 9947, "*");
    ground.repo.set_of("web", "networks", vec!["back"]);
    ground.repo.set_of("web", "max_down", 3);
    let data = format!("/srv/{cluster}");
    let volumes = vec![
        table(&data, "/data", "owner = \"1234\""),
        table(&format!("{cluster}-data"), "/more", ""),
        table("leaves-both", "/both", ""),
    ];
    ground.repo.set_of("web", "volumes", volumes);
    ground.serve("tick", 9949, "*");
    ground
        .repo
        .services
        .get_mut("tick")
        .expect("it was just made")
        .remove("port");
    ground
        .repo
        .services
        .get_mut("tick")
        .expect("it was just made")
        .remove("health");
    ground
        .repo
        .set_of("tick", "command", vec!["/bin/sh", "-c", "true"]);
    ground.repo.set_of("tick", "schedule", "hourly");
    ground.repo.set_of("tick", "catch_up", true);
    for (service, tag) in [("web", "1"), ("tick", "1"), ("web", "2")] {
        of(&mut ground, "web", "app");
        of(&mut ground, "tick", "app");
        ground.repo.set_of(service, "tag", tag);
        ground.release().exits(0);
    }
    hosts[0].sh(&format!(
        "mkdir /etc/systemd/system/{cluster}-web.service.d
        printf '[Service]\\nNice=1\\n' >/etc/systemd/system/{cluster}-web.service.d/hand.conf
        systemctl daemon-reload"
    ));

    let decommission = |words: &[&str]| {
        let mut line = vec!["decommission", &*cluster, "docker01"];
        line.extend(words);
        ground.bayplan(&line)
    };
    let before = ground.containers();
    decommission(&[])
        .exits(1)
        .says(&["units", "web.service", "tick.timer"])
        .says(&["volumes", &data, "they stay"])
        .says(&["leaves-both", "others use them"])
        .says(&["images", "2 images", "they stay"])
        .says(&["`--confirm docker01`"]);
    decommission(&["--confirm", "docker02"]).exits(64);
    assert_eq!(before.changes(&ground.containers()), [""; 0]);

    // The operator is gone in the middle of it; a second run goes on.
    let mut begun = ground.start(&[
        "decommission",
        &cluster,
        "docker01",
        "--confirm",
        "docker01",
    ]);
    begun.until_it_says("stopping units");
    begun.kill();
    let go = ["--confirm", "docker01", "--volumes", "--images"];
    until(Duration::from_secs(60), "the lock is free", || {
        let ended = decommission(&go);
        (ended.code != 3).then(|| ended.exits(0))
    });
    decommission(&go).exits(0).says(&["docker01: nothing of"]);
    assert_same(&with_neighbour, &everything(hosts[0], engine));
    assert_eq!(neighbours.changes(&neighbour.containers()), [""; 0]);
    neighbour.is_in_sync();
    // It is described: the next release puts it there again.
    ground.release().exits(0);
    assert!(ground.containers().names().contains("docker01/web"));

    // One that left the description, and is known by the others.
    ground.only(&["docker01", "docker03"]);
    ground.status().says(&["docker02", "no longer described"]);
    ground
        .bayplan(&[
            "decommission",
            &cluster,
            "docker02",
            "--volumes",
            "--images",
            "--confirm",
            "docker02",
        ])
        .exits(0);
    assert_same(&never[1], &everything(hosts[1], engine));
    ground.status().exits(0).never_says(&["docker02"]);
    ground.is_in_sync();
    ground
        .bayplan(&[
            "decommission",
            &cluster,
            "docker02",
            "--confirm",
            "docker02",
        ])
        .exits(1)
        .says(&["now or once"]);

    // All of it; then the neighbour, too.
    fleet.close_connections();
    fleet.cut("docker03");
    let all = [
        "destroy",
        &*cluster,
        "--volumes",
        "--images",
        "--confirm",
        &*cluster,
    ];
    let refused = ground.bayplan(&all);
    fleet.heal("docker03");
    refused
        .exits(1)
        .says(&["docker03", "unreachable"])
        .says(&["nothing was removed from any host"]);
    until(Duration::from_secs(30), "docker03 answers again", || {
        let ended = ground.bayplan(&all);
        (ended.code == 0).then_some(())
    });
    assert_same(&with_neighbour, &everything(hosts[0], engine));
    assert_same(&never[2], &everything(hosts[2], engine));
    let name = &*neighbour.repo.name;
    neighbour
        .bayplan(&["destroy", name, "--volumes", "--images", "--confirm", name])
        .exits(0);
    assert_same(&never[0], &everything(hosts[0], engine));
}
