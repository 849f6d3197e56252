//! `render`: the files of every host, always the same.

use insta::assert_snapshot;

use crate::environment::{Entry, TestEnvironment};

#[test]
fn files_are_shown_with_their_host_and_path() {
    let it = TestEnvironment::shop();
    let output = it.bayplan("render shop").succeeds();
    let headings: Vec<_> = output
        .stdout
        .lines()
        .filter(|line| line.contains("/etc/"))
        .collect();
    assert_snapshot!(headings.join("\n"), @"
    ── alpha /etc/systemd/system/shop-web.service ──────────────────────────────────
    EnvironmentFile=/etc/bayplan/shop/web/[INPUTS]/*.env
    ── alpha /etc/bayplan/shop/web/[INPUTS]/10-service-locations.env ───────────
    ── alpha /etc/bayplan/shop/web/[INPUTS]/20-service-config.env ──────────────
    ── alpha /etc/bayplan/shop/web/[INPUTS]/30-cluster.env ─────────────────────
    ── alpha /etc/bayplan/shop/web/[INPUTS]/50-web.env ─────────────────────────
    ── beta /etc/systemd/system/shop-api.service ───────────────────────────────────
    EnvironmentFile=/etc/bayplan/shop/api/[INPUTS]/*.env
    ── beta /etc/bayplan/shop/api/[INPUTS]/10-service-locations.env ────────────
    ── beta /etc/bayplan/shop/api/[INPUTS]/20-service-config.env ───────────────
    ── beta /etc/bayplan/shop/api/[INPUTS]/30-cluster.env ──────────────────────
    ── beta /etc/bayplan/shop/api/[INPUTS]/50-api.env ──────────────────────────
    ── beta /etc/systemd/system/shop-db.service ────────────────────────────────────
    EnvironmentFile=/etc/bayplan/shop/db/[INPUTS]/*.env
    ── beta /etc/bayplan/shop/db/[INPUTS]/50-db.env ────────────────────────────
    ── beta /etc/systemd/system/shop-web.service ───────────────────────────────────
    EnvironmentFile=/etc/bayplan/shop/web/[INPUTS]/*.env
    ── beta /etc/bayplan/shop/web/[INPUTS]/10-service-locations.env ────────────
    ── beta /etc/bayplan/shop/web/[INPUTS]/20-service-config.env ───────────────
    ── beta /etc/bayplan/shop/web/[INPUTS]/30-cluster.env ──────────────────────
    ── beta /etc/bayplan/shop/web/[INPUTS]/50-web.env ──────────────────────────
    ");
    assert_eq!(output.stderr, "");
}

#[test]
fn files_are_written_and_twice_the_same() {
    let it = TestEnvironment::shop();
    assert_snapshot!(it.bayplan("render shop -o once").succeeds(), @"
    ------- stderr -------
    17 files of 2 hosts in once
    ");
    it.bayplan("render shop -o twice").succeeds();
    let tree = it.tree("once");
    assert!(!tree.is_empty());
    assert_eq!(tree, it.tree("twice"));
    assert_eq!(it.bayplan("render shop"), it.bayplan("render shop"));
}

#[test]
fn what_is_rendered_is_what_a_release_writes() {
    let it = TestEnvironment::released();
    it.bayplan("render shop -o out").succeeds();
    for host in ["alpha", "beta"] {
        let released = it.tree(&format!("hosts/{host}/etc"));
        for (path, entry) in it.tree(&format!("out/{host}/etc")) {
            assert_eq!(released.get(&path), Some(&entry), "{host} {path}");
        }
    }
}

#[test]
fn a_file_in_the_way_is_named() {
    let it = TestEnvironment::shop();
    it.write("out", "");
    assert_snapshot!(it.bayplan("render shop -o out").exits(1), @"
    ------- stderr -------
    error: failed to create directory `out/alpha/etc/systemd/system`: Not a directory (os error 20)
    [exit code: 1]
    ");
}

#[test]
fn what_a_terminal_cannot_show_is_shown_escaped() {
    let it = TestEnvironment::shop();
    it.edit(
        "clusters/shop/cluster.toml",
        "\"Shop\"",
        "\"one\\r\\ntwo\\r\"",
    );
    let shown = it.bayplan("render shop").succeeds().stdout;
    assert!(shown.contains("TITLE=\"one\\r\ntwo\\r\"\n"), "{shown}");
    it.bayplan("render shop -o out").succeeds();
    let written = it
        .tree("out")
        .into_iter()
        .find_map(|(path, entry)| match entry {
            Entry::File(bytes) if path.ends_with("30-cluster.env") && path.contains("/web/") => {
                Some(bytes)
            }
            _ => None,
        });
    let written = String::from_utf8(written.unwrap()).unwrap();
    assert!(written.contains("TITLE=\"one\r\ntwo\r\"\n"), "{written:?}");
}

#[test]
fn agents_of_the_example_are_hardened_and_know_their_host() {
    let it = TestEnvironment::examples();
    it.bayplan("render monitoring -o out").succeeds();
    let unit = it.read("out/docker01/etc/systemd/system/monitoring-cadvisor.service");
    let start = unit.split("ExecStart=").nth(1).unwrap();
    let options = start.lines().take_while(|line| !line.contains("${IMAGE}"));
    let options = options.filter(|line| !line.contains("--label"));
    let options: Vec<_> = options
        .map(|line| line.trim_end_matches([' ', '\\']))
        .collect();
    assert_snapshot!(options.join("\n"), @"
    /usr/bin/docker run --rm --name %N --pull=never
        --network monitoring-scrape
        --network-alias cadvisor
        --memory 256m
        --cap-drop ALL
        --cap-add DAC_READ_SEARCH
        --cap-add SYSLOG
        --device /dev/kmsg
        --volume /:/rootfs:ro
        --volume /var/run:/var/run:ro
        --volume /sys:/sys:ro
        --volume /var/lib/docker:/var/lib/docker:ro
        --volume /dev/disk:/dev/disk:ro
        -e APP_PORT
        --read-only
        --pids-limit 1024
        --security-opt no-new-privileges
        --log-driver none
    ");
    let read = |host: &str| {
        let live = "var/lib/bayplan/monitoring/live/fluent-bit/~etc~fluent-bit";
        it.read(&format!("out/{host}/{live}/fluent-bit.yaml"))
    };
    let (here, there) = (read("docker03"), read("docker01"));
    let there: Vec<_> = there.lines().collect();
    let own: Vec<_> = here.lines().filter(|line| !there.contains(line)).collect();
    assert_snapshot!(own.join("\n"), @"
            - _SYSTEMD_UNIT=monitoring-elasticsearch.service
            - _SYSTEMD_UNIT=monitoring-kibana.service
            - host.name docker03
            - fields.zone eu-west-1c
          host: elasticsearch
    ");
}
