//! Two operators at once, one who dies, and one who thinks for long.

use std::time::Duration;

use crate::ground::Ground;
use crate::hosts::{Fleet, until};
use crate::run::{Running, start};

/// A service that is healthy only when the test says so, and one besides it.
fn ground(fleet: &'static Fleet, cluster: &str) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    ground.images();
    ground.serve("slow", 9501, "docker01");
    ground.serve("web", 9502, "docker02");
    ground.repo.set_of("slow", "health", toml::Table::new());
    ground
        .repo
        .set_of("slow", "health.command", vec!["test", "-e", "/tmp/go"]);
    ground.repo.set_of("slow", "health.timeout", "60s");
    ground.only(&["docker01", "docker02"]);
    ground
}

/// Waits until the slow one runs, so that the release waits for its health.
fn until_it_waits(ground: &Ground) {
    until(Duration::from_secs(30), "the slow container runs", || {
        ground
            .containers()
            .names()
            .contains("docker01/slow")
            .then_some(())
    });
}

fn go(ground: &Ground) {
    let unit = format!("{}-slow", ground.repo.name);
    ground
        .host("docker01")
        .sh(&format!("docker exec {unit} touch /tmp/go"));
}

pub fn one_at_a_time(fleet: &'static Fleet) {
    let mut ground = ground(fleet, "locks");
    let release = ["release", "locks", "--yes"];
    let first: Running = ground.start(&release);
    until_it_waits(&ground);

    // Who comes second is told who is first, and gone at once.
    let second = ground
        .bayplan(&release)
        .exits(3)
        .says(&["docker01", "olivia"])
        .never_says(&["did not finish"]);
    assert!(second.took < Duration::from_secs(5), "{second}");
    // To look is always allowed.
    let at_work = "an activation of locks";
    ground
        .bayplan(&["status", "locks", "--by", "host"])
        .says(&[at_work, "olivia"]);
    ground
        .diff()
        .says(&[at_work, "step", "olivia"])
        .never_says(&["did not finish"]);
    // The lock is the host's: another cluster on it has to wait, too.
    let mut other = Ground::new(fleet, "locks-other");
    other.serve("web", 9503, "docker01");
    other.release().exits(3).says(&["docker01", "olivia"]);
    // Not so on another host.
    other.repo.place("web", "docker03");
    other.only(&["docker03"]);
    other.release().exits(0);

    let mut patient = ground.start(&["release", "locks", "--yes", "--lock-wait", "60s"]);
    patient.until_it_says("waiting for the lock");
    go(&ground);
    first.ended().exits(0);
    let after_first = ground.containers();
    // Nobody was asked, so it plans anew: the first one did all that there was to do.
    patient.ended().exits(0).says(&["No changes.", "locks"]);
    assert_eq!(after_first.changes(&ground.containers()), [""; 0]);
    ground.is_in_sync();
    ground.repo.set_of("web", "tag", "1.1");
    assert_eq!(ground.release_changes(), ["~ docker02/web"]);
}

/// Of two that begin together each takes the locks that it finds free; one of them must get all.
pub fn two_at_once(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "both");
    ground.images();
    let all: Vec<&str> = fleet.hosts.iter().map(|host| host.name.as_str()).collect();
    ground.serve("web", 9521, &all.join(" "));
    ground.release().exits(0);
    for turn in 0..4 {
        ground.repo.set_of("web", "tag", ["1.1", "1.0"][turn % 2]);
        ground.repo.write();
        let line = ["-C", ground.repo.root(), "release", "both", "--yes"];
        let both = [(); 2].map(|()| start(fleet, &line));
        let both = both.map(Running::ended);
        assert!(both.iter().any(|ended| ended.code == 0), "{both:?}");
        for late in both.into_iter().filter(|ended| ended.code != 0) {
            late.exits(3).says(&["locked by", "olivia"]);
        }
        ground.is_in_sync();
    }

    // Who came too late gives back what it took with its look, so it is waited for; but not for long, and
    // not at all on the first host, which decides.
    let hold = |host: &str, seconds: u32| {
        fleet.host(host).sh(&format!(
            "systemd-run --quiet --collect --unit=both-holder flock /var/lib/bayplan/lock sleep {seconds}"
        ));
    };
    let free = |host: &str| fleet.host(host).sh("systemctl stop both-holder || true");
    ground.repo.set_of("web", "tag", "1.1");
    hold("docker02", 1);
    ground.release().exits(0);
    ground.repo.set_of("web", "tag", "1.0");
    for (host, at_most) in [("docker02", 10), ("docker01", 2)] {
        let containers = ground.containers();
        hold(host, 60);
        // Not who had it before.
        let late = ground
            .release()
            .exits(3)
            .says(&[host, "locked by process", "(flock)"])
            .never_says(&["olivia"]);
        assert!(late.took < Duration::from_secs(at_most), "{late}");
        assert_eq!(containers.changes(&ground.containers()), [""; 0]);
        free(host);
    }
    ground.release().exits(0);
}

/// The lock is root's: nobody else can hold it, nor the one that an older bayplan left.
pub fn of_nobody_else(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "mine");
    ground.images();
    ground.only(&["docker01"]);
    ground.serve("web", 9541, "docker01");
    ground.release().exits(0);
    let host = ground.host("docker01");
    let hold = "setpriv --reuid nosudo --clear-groups flock -n /var/lib/bayplan/lock";
    let wait = hold.replace(" -n", "");
    assert!(!host.run(&format!("{hold} true")).status.success());
    let ours = "cd / && stat -c %a /var/lib/bayplan /var/lib/bayplan/lock /run/bayplan /run/bayplan/activate-*";
    assert_eq!(
        host.sh(ours).lines().collect::<Vec<_>>()[..3],
        ["700", "600", "700"]
    );
    assert!(host.sh(ours).lines().skip(3).all(|mode| mode == "600"));
    assert_eq!(
        host.sh("cat /var/lib/bayplan/lock"),
        "",
        "its name went with it"
    );

    host.sh("chmod 755 /var/lib/bayplan; chmod 644 /var/lib/bayplan/lock");
    // It waits, since the look below holds the lock too, for a moment.
    host.sh(&format!(
        "systemd-run --quiet --collect --unit=mine-holder {wait} sleep 60"
    ));
    until(Duration::from_secs(5), "somebody holds it", || {
        let held = host.run("! flock -n /var/lib/bayplan/lock true");
        held.status.success().then_some(())
    });
    ground.repo.set_of("web", "tag", "1.1");
    ground.release().exits(0);
    host.sh("systemctl stop mine-holder");
    assert!(!host.run(&format!("{hold} true")).status.success());
    ground.is_in_sync();
}

pub fn killed(fleet: &'static Fleet) {
    let mut ground = ground(fleet, "killed");
    // The operator's machine dies while a host is at work: the host finishes its part.
    let first = ground.start(&["release", "killed", "--yes"]);
    until_it_waits(&ground);
    first.kill();
    // Who releases again is told what goes on there, and follows it to its end.
    let mut second = ground.start(&["release", "killed", "--yes"]);
    second.until_it_says("whose session is gone");
    ground
        .status()
        .says(&["olivia", "is gone", "restarting slow"]);
    go(&ground);
    second
        .ended()
        .exits(0)
        .says(&["that activation is done"])
        .says(&["Released", "killed"]);
    ground.is_in_sync();
    ground.repo.set_of("web", "tag", "1.1");
    assert_eq!(ground.release_changes(), ["~ docker02/web"]);
}

pub fn interrupted(fleet: &'static Fleet) {
    let mut ground = ground(fleet, "ctrlc");
    // While an image is pulled: every host is as it was, also its staging area.
    ground.repo.place("web", "docker01 docker02");
    let files = ground.files();
    let wrapper = "/usr/local/bin/docker";
    ground.host("docker01").sh(&format!(
        "printf '#!/bin/sh\n[ \"$1\" != pull ] || sleep 30\nexec /usr/bin/docker \"$@\"\n' >{wrapper} && chmod +x {wrapper} \
         && {{ docker image ls --quiet '*/app' | xargs -r docker rmi --force || :; }}"
    ));
    let mut release = ground.start(&["release", "ctrlc", "--yes"]);
    release.until_it_says("docker02: checked");
    release.interrupt();
    let ended = release.ended().exits(130);
    ended
        .says(&["interrupted"])
        .says(&["nothing was changed on any host"]);
    ground
        .host("docker01")
        .sh(&format!("rm {wrapper}; pkill -x sleep || :"));
    ground.assert_untouched(&files);
    until(
        Duration::from_secs(40),
        "the staging areas are empty",
        || {
            let staged = |host: &&str| {
                let list = "ls -A /var/lib/bayplan/ctrlc/staging 2>/dev/null || :";
                ground.host(host).sh(list).is_empty()
            };
            ["docker01", "docker02"].iter().all(staged).then_some(())
        },
    );

    // While a host is at work: it goes on, and the next release follows it.
    let release = ground.start(&["release", "ctrlc", "--yes"]);
    until_it_waits(&ground);
    release.interrupt();
    release
        .ended()
        .exits(130)
        .says(&["docker01", "the host goes on by itself", "step"])
        .says(&["tail -f /run/bayplan/activate-ctrlc.log"])
        .says(&["`bayplan release ctrlc` follows it"]);
    let mut next = ground.start(&["release", "ctrlc", "--yes"]);
    next.until_it_says("whose session is gone");
    go(&ground);
    next.ended().exits(0).says(&["that activation is done"]);
    ground.is_in_sync();
}

pub fn power_cut(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "power");
    ground.images();
    ground.only(&["docker01", "docker02"]);
    ground.serve("web", 9521, "docker01 docker02");
    ground.serve("shop", 9522, "docker01");
    ground.release().exits(0);
    ground.repo.set_of("web", "tag", "1.1");
    ground.repo.set_of("shop", "env.GREETING", "hello");
    let release = ground.start(&["release", "power", "--yes"]);
    let at_work = "systemctl is-active --quiet 'bayplan-activate-power*'";
    until(Duration::from_secs(30), "docker01 is at work", || {
        ground
            .host("docker01")
            .run(at_work)
            .status
            .success()
            .then_some(())
    });
    fleet.power_cut("docker01");
    release
        .ended()
        .exits(1)
        .says(&["docker01"])
        .never_says(&["docker02: done"]);
    fleet.close_connections();
    // Whatever was done when the lights went out: the containers are up again with it.
    let both = ["docker01/shop", "docker01/web", "docker02/web"].map(str::to_owned);
    until(Duration::from_secs(30), "the boot started what ran", || {
        (ground.containers().names() == both.clone().into()).then_some(())
    });
    ground.diff().exits(2);
    ground.release().exits(0);
    ground.is_in_sync();
}

pub fn stale_plan(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "stale");
    ground.images();
    ground.serve("web", 9511, "docker01");
    ground.serve("shop", 9512, "docker02");
    ground.release().exits(0);
    ground.repo.set_of("web", "tag", "1.1");
    let (containers, files) = (ground.containers(), ground.files());

    // Without a terminal nobody can be asked.
    ground
        .bayplan(&["release", "stale"])
        .exits(1)
        .says(&["--yes"]);

    // A no is a no.
    let mut asked = ground.start_on_terminal(&["release", "stale"]);
    asked.until_it_says("[y/N]");
    asked.types("n\n");
    let ended = asked
        .ended_with_its_terminal()
        .says(&["Apply", "stale", "[y/N]"]);
    assert_ne!(ended.code, 4, "{ended}");
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);

    // Between question and answer somebody edits a file: that is another plan.
    let mut asked = ground.start_on_terminal(&["release", "stale"]);
    asked.until_it_says("[y/N]");
    ground
        .host("docker02")
        .sh("echo '# hm' >>/etc/systemd/system/stale-shop.service");
    let edited = ground.files();
    asked.types("y\n");
    asked.ended_with_its_terminal().exits(4).says(&["docker02"]);
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&edited);

    // That a container crashed meanwhile is no reason to refuse: it may be why there is a release.
    let mut asked = ground.start_on_terminal(&["release", "stale"]);
    asked.until_it_says("[y/N]");
    ground.host("docker01").sh("docker kill stale-web");
    asked.types("y\n");
    asked.ended_with_its_terminal().exits(0);
    ground.is_in_sync();
}
