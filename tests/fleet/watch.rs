//! Services that are asked whether they are well as long as they run.

use std::time::Duration;

use crate::ground::Ground;
use crate::hosts::{Fleet, Host, until};

const LIMIT: Duration = Duration::from_secs(40);

pub fn docker(fleet: &'static Fleet) {
    life(Ground::new(fleet, "watched"), "docker");
}

pub fn podman(fleet: &'static Fleet) {
    life(Ground::new(fleet, "watched-podman").with_podman(), "podman");
}

/// One host of a watched service.
struct WatchedUnit<'a> {
    host: &'a Host,
    engine: &'a str,
    unit: String,
}

impl WatchedUnit<'_> {
    /// From now on its container is not well, until it starts anew.
    fn sicken(&self) {
        let Self { engine, unit, .. } = self;
        self.host
            .sh(&format!("{engine} exec {unit} touch /tmp/sick"));
    }

    fn heal(&self) {
        let Self { engine, unit, .. } = self;
        self.host.sh(&format!("{engine} exec {unit} rm /tmp/sick"));
    }

    fn start(&self) -> String {
        self.host
            .unit(&format!("{}.service", self.unit), "InvocationID")
    }

    fn timer(&self) -> String {
        self.host
            .unit(&format!("{}.watch.timer", self.unit), "ActiveState")
    }

    /// What its watch said: nothing of its runs, but of what it found.
    fn said(&self, words: &str) -> usize {
        let ask = format!(
            "journalctl -o cat --no-pager -u {}.watch.service",
            self.unit
        );
        let said = self.host.sh(&ask);
        assert!(
            said.lines().all(|line| line.starts_with("bayplan: ")),
            "{said}"
        );
        said.matches(words).count()
    }

    fn until_said(&self, words: &str) {
        until(LIMIT, words, || (self.said(words) > 0).then_some(()));
    }
}

fn life(mut ground: Ground, engine: &str) {
    let name = ground.repo.name.clone();
    ground.images();
    ground.serve("web", 9677, "docker01 docker02");
    let well = vec![
        "/bin/sh",
        "-c",
        "! test -e /tmp/sick || { echo secret; exit 3; }",
    ];
    ground.repo.set_of("web", "health", toml::Table::new());
    ground.repo.set_of("web", "health.command", well);
    ground.release().exits(0);
    let web = WatchedUnit {
        host: ground.host("docker01"),
        engine,
        unit: format!("{name}-web"),
    };

    // It is asked from now on, and goes on running.
    ground.repo.set_of("web", "health.watch", "1s");
    ground.repo.set_of("web", "health.failures", 2);
    ground
        .diff()
        .exits(2)
        .says(&["watched every 1s, unhealthy after 2, then report"]);
    assert_eq!(ground.release_changes(), [""; 0]);
    ground.is_in_sync();
    assert_eq!(web.timer(), "active");
    tells(&ground, &web);
    restarts(&mut ground, &web);
    goes_with_its_service(&mut ground, &web);

    // It ends without a restart, too.
    for key in ["watch", "failures", "then"] {
        ground.repo.unset_of("web", &format!("health.{key}"));
    }
    ground.diff().exits(2).says(&["watched no more"]);
    assert_eq!(ground.release_changes(), [""; 0]);
    ground.is_in_sync();
    let left = format!(
        "ls -d /etc/systemd/system/{0}.watch.* /etc/systemd/system/{0}.service.wants /run/bayplan/watch/{0} 2>/dev/null || :",
        web.unit
    );
    assert_eq!(web.host.sh(&left), "");
    assert_eq!(web.timer(), "inactive");
}

/// A service that is not well is told, also when it is well again.
fn tells(ground: &Ground, web: &WatchedUnit<'_>) {
    let start = web.start();
    web.sicken();
    web.until_said("web is unhealthy: 2 in a row: its health command ended with 3");
    ground
        .status()
        .exits(0)
        .says(&[
            "web",
            "unhealthy: ",
            "times in a row its health command ended",
        ])
        .says(&["1 unhealthy", "1 in sync"])
        .never_says(&["secret"]);
    let status = ["status", ground.repo.name.as_str(), "--exit-code"];
    ground.bayplan(&status).exits(2);
    let json = ["status", ground.repo.name.as_str(), "--json"];
    ground
        .bayplan(&json)
        .exits(0)
        .says(&["\"found\": \"its health command ended with 3\""]);
    // A release has nothing to do with that.
    ground.diff().exits(0).says(&["No changes."]);
    let errors = format!("journalctl -q -o cat -p err -u {}.watch.service", web.unit);
    assert_eq!(web.host.sh(&errors).lines().count(), 1);
    ground
        .bayplan(&["logs", ground.repo.name.as_str(), "web"])
        .exits(0)
        .says(&["bayplan: web is unhealthy"]);
    web.heal();
    web.until_said("web is well again");
    ground.is_in_sync();
    assert_eq!(web.start(), start);
}

/// One that is not well is restarted, but not under the lock of a release.
fn restarts(ground: &mut Ground, web: &WatchedUnit<'_>) {
    let name = ground.repo.name.clone();
    ground.repo.set_of("web", "health.then", "restart");
    ground
        .diff()
        .exits(2)
        .says(&["watched every 1s, unhealthy after 2, then restart"]);
    assert_eq!(ground.release_changes(), [""; 0]);
    let start = web.start();
    let lock = format!("{name}-holds-the-lock");
    web.host.sh(&format!(
        "systemd-run --quiet --collect --unit={lock} flock /var/lib/bayplan/lock sleep 600"
    ));
    web.sicken();
    web.until_said("web is not restarted: somebody holds the lock of this host");
    assert_eq!(web.start(), start);
    web.host.sh(&format!("systemctl stop {lock}.service"));
    until(LIMIT, "it is restarted", || {
        let well = format!("{} exec {} test ! -e /tmp/sick", web.engine, web.unit);
        let well = web.host.run(&well).status.success();
        (well && web.start() != start).then_some(())
    });
    web.until_said("restarting web: ");
    until(LIMIT, "it is up", || {
        let unit = format!("{}.service", web.unit);
        (web.host.unit(&unit, "ActiveState") == "active").then_some(())
    });
    ground
        .status()
        .exits(0)
        .says(&["restarted by its watch"])
        .says(&["is in sync"]);
    ground
        .bayplan(&["why", &name, "web", "--live"])
        .exits(0)
        .says(&["it was unhealthy, and its watch"]);
    // No release takes that for an edit or a crash.
    ground.is_in_sync();
}

/// The timer is there as long as the service runs, and what a hand does to it is mended.
fn goes_with_its_service(ground: &mut Ground, web: &WatchedUnit<'_>) {
    let name = ground.repo.name.clone();
    web.host
        .sh(&format!("systemctl stop {}.watch.timer", web.unit));
    ground.diff().exits(2);
    assert_eq!(ground.release_changes(), [""; 0]);
    assert_eq!(web.timer(), "active");
    ground.is_in_sync();

    let stop = ["stop", &name, "web", "--host", "docker01", "--yes"];
    ground.bayplan(&stop).exits(0);
    until(LIMIT, "the watch stops with it", || {
        (web.timer() == "inactive").then_some(())
    });
    ground.bayplan(&["start", &name, "web", "--yes"]).exits(0);
    assert_eq!(web.timer(), "active");
    ground.is_in_sync();

    // Its failures count from its last start, whoever made it.
    web.host
        .sh(&format!("systemctl restart {}.service", web.unit));
    assert_eq!(web.timer(), "active");
    ground
        .status()
        .exits(0)
        .never_says(&["restarted by its watch", "unhealthy"]);
    ground.repo.set_of("web", "tag", "1.1");
    assert_eq!(ground.release_changes().len(), 2);
    assert_eq!(web.timer(), "active");
    ground.is_in_sync();
}
