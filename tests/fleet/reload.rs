//! Files that a service reads again without a restart.

use std::path::PathBuf;
use std::time::Duration;

use toml::Table;

use crate::ground::Ground;
use crate::hosts::{Fleet, Host, until};
use crate::secrets::Vault;

const NAME: &str = "~etc~app~conf";

/// It keeps what it has read in /tmp/read, and reads at its start and at each SIGHUP. `fatal` ends it.
const READER: &str = "read_it() { grep -q level=fatal /etc/app/conf/app.conf && exit 9; cat /etc/app/conf/app.conf /etc/app/conf/more/own.conf >/tmp/new; mv /tmp/new /tmp/read; }; \
     trap read_it HUP; trap 'exit 0' TERM; read_it; /entry & while :; do wait; done";

/// It refuses `bad`, and says what it refuses.
const CHECK: &str = "grep -q level=bad /etc/app/conf/app.conf || exit 0; echo \"refused: $(cat /etc/app/conf/app.conf) $GREETING\"; exit 7";

struct Reloads {
    ground: Ground,
    engine: &'static str,
}

impl Reloads {
    fn new(fleet: &'static Fleet, cluster: &str, engine: &'static str, port: u16) -> Self {
        let mut ground = Ground::new(fleet, cluster);
        if engine == "podman" {
            ground = ground.with_podman();
        }
        ground.only(&["docker01", "docker02"]);
        ground.images();
        ground.serve("app", port, "docker01 docker02");
        ground
            .repo
            .set_of("app", "command", vec!["sh", "-c", READER]);
        ground
            .repo
            .set_of("app", "env.GREETING", "a \"quoted\" $value");
        ground.repo.files.insert(
            PathBuf::from("app/conf/app.conf"),
            b"level={{ LEVEL }}\n".to_vec(),
        );
        ground.repo.files.insert(
            PathBuf::from("app/conf/more/own.conf"),
            b"{{ host.name }} of {{ services.app.hosts | length }}\n".to_vec(),
        );
        let mut reloads = Self { ground, engine };
        reloads.by("{ signal = \"HUP\" }");
        reloads.level("one");
        reloads
    }

    fn by(&mut self, reload: &str) {
        let entry = format!(
            "\"/etc/app/conf\" = {{ from = \"conf/\", template = true, reload = {reload}, check = [\"sh\", \"-c\", '''{CHECK}'''] }}"
        );
        let files: Table = toml::from_str(&entry).expect("it is TOML");
        self.ground.repo.set_of("app", "files", files);
    }

    fn level(&mut self, level: &str) {
        self.ground.repo.set("vars.LEVEL", level);
    }

    fn container(&self) -> String {
        format!("{}-app", self.ground.repo.name)
    }

    fn hosts(&self) -> [&'static Host; 2] {
        ["docker01", "docker02"].map(|host| self.ground.host(host))
    }

    /// What the process has read, on each host.
    #[track_caller]
    fn has_read(&self, level: &str) {
        for host in self.hosts() {
            let (engine, container) = (self.engine, self.container());
            let expected = format!("level={level}\n{} of 2\n", host.name);
            let read = || host.sh(&format!("{engine} exec {container} cat /tmp/read || true"));
            // A signal asks; the shell answers a moment later. What crashed is back after five seconds.
            until(
                Duration::from_secs(30),
                &format!("{expected:?} is read"),
                || (read() == expected).then_some(()),
            );
        }
    }

    /// Where `..data` leads, on each host.
    fn versions(&self) -> Vec<String> {
        let live = format!("/var/lib/bayplan/{}/live/app/{NAME}", self.ground.repo.name);
        self.hosts()
            .iter()
            .map(|host| host.sh(&format!("readlink {live}/..data")))
            .collect()
    }

    /// Of a release that ended nothing is left but what is shown.
    #[track_caller]
    fn is_tidy(&self) {
        let live = format!("/var/lib/bayplan/{}/live", self.ground.repo.name);
        for host in self.hosts() {
            let found = host.sh(&format!(
                "cd {live} && stat -c %a . && cd app/{NAME} && ls -A1 | sed 's/^\\.\\.[0-9a-f]*\\.[A-Za-z0-9]*$/VERSION/' | LC_ALL=C sort && ls -d /run/bayplan/check-* 2>/dev/null | wc -l"
            ));
            assert_eq!(
                found, "700\n..data\nVERSION\napp.conf\nmore\n0\n",
                "{}",
                host.name
            );
            let (engine, cluster) = (self.engine, &self.ground.repo.name);
            let left = host.sh(&format!(
                "{engine} ps -a --format '{{{{.Names}}}}' | grep '^bayplan-check-{cluster}' || true"
            ));
            assert_eq!(left, "", "{}", host.name);
        }
    }

    #[track_caller]
    fn reloads_to(&mut self, level: &str) {
        let versions = self.versions();
        self.level(level);
        let before = self.ground.containers();
        self.ground.release().exits(0);
        assert_eq!(before.changes(&self.ground.containers()), [""; 0]);
        self.has_read(level);
        for (old, new) in versions.iter().zip(self.versions()) {
            assert_ne!(*old, new);
        }
        self.ground.is_in_sync();
        self.is_tidy();
    }
}

pub fn docker(fleet: &'static Fleet) {
    life(fleet, "docker", 9641);
}

pub fn podman(fleet: &'static Fleet) {
    life(fleet, "podman", 9651);
}

fn life(fleet: &'static Fleet, engine: &'static str, port: u16) {
    let mut app = Reloads::new(fleet, &format!("live{engine}"), engine, port);
    app.ground.release().exits(0);
    app.has_read("one");
    app.ground.is_in_sync();
    app.is_tidy();

    app.level("two");
    app.ground
        .diff()
        .exits(2)
        .says(&["app", "reload", "/etc/app/conf/app.conf changed"])
        .says(&["2 hosts", "2 units reload"]);
    app.ground.status().says(&["app", "pending reload"]);
    app.reloads_to("two");

    // Its own check refuses it: nothing changes anywhere.
    app.level("bad");
    let (before, versions) = (app.ground.containers(), app.versions());
    app.ground
        .release()
        .exits(1)
        .says(&["refuses the files of app: status 7"])
        .says(&["refused: level=bad a \"quoted\" $value"])
        .says(&["nothing was changed"]);
    assert_eq!(before.changes(&app.ground.containers()), [""; 0]);
    assert_eq!(versions, app.versions());
    app.is_tidy();

    // A reload that fails: the link goes back, and what was there is read again.
    app.by("{ command = [\"sh\", \"-c\", \"grep -q level=broken /etc/app/conf/app.conf && { echo no; exit 3; }; kill -HUP 1\"] }");
    app.level("broken");
    app.ground
        .release()
        .exits(5)
        .says(&["the reload of", "status 3: no"])
        .says(&["put back"]);
    assert_eq!(before.changes(&app.ground.containers()), [""; 0]);
    assert_eq!(versions, app.versions());
    app.has_read("two");
    app.level("two");
    // Only how it is reloaded is new.
    app.ground.release().exits(0);
    app.ground.is_in_sync();
    app.reloads_to("three");

    // What it reads ends it: it comes back with what it had.
    app.by("{ signal = \"HUP\" }");
    app.level("fatal");
    app.ground.release().exits(5).says(&["put back"]);
    app.has_read("three");
    app.level("three");
    app.ground.release().exits(0);
    app.ground.is_in_sync();

    // Killed after the swap, before anybody knows that it is read.
    app.by("{ command = [\"sh\", \"-c\", \"kill -HUP 1; sleep 1000\"] }");
    app.level("four");
    let release = app
        .ground
        .start(&["release", &app.ground.repo.name, "--yes"]);
    let first = app.ground.host("docker01");
    let container = app.container();
    until(
        Duration::from_secs(60),
        "the first host has swapped",
        || {
            let read = first.sh(&format!("{engine} exec {container} cat /tmp/read"));
            read.starts_with("level=four").then_some(())
        },
    );
    release.kill();
    let cluster = app.ground.repo.name.clone();
    first.sh(&format!(
        "for unit in $(systemctl list-units --plain --no-legend 'bayplan-activate-{cluster}.*' | cut -d' ' -f1); do systemctl kill -s KILL $unit; done"
    ));
    until(Duration::from_secs(60), "no activation runs", || {
        let runs = app.hosts().iter().any(|host| {
            !host
                .sh(&format!(
                    "systemctl list-units --plain --no-legend 'bayplan-activate-{cluster}.*'"
                ))
                .is_empty()
        });
        (!runs).then_some(())
    });
    app.by("{ signal = \"HUP\" }");
    app.ground.status().says(&["pending reload"]);
    app.ground.diff().exits(2).says(&["reload"]);
    app.ground.release().exits(0);
    app.has_read("four");
    app.ground.is_in_sync();
    app.is_tidy();

    // By hand: an edit, a link, a file of somebody's.
    let live = format!("/var/lib/bayplan/{cluster}/live/app/{NAME}");
    for (hand, path) in [
        (
            format!("echo level=hand >{live}/..data/app.conf"),
            "/etc/app/conf/app.conf",
        ),
        (format!("rm {live}/app.conf"), "/etc/app/conf"),
        (format!("echo other >{live}/other.conf"), "/etc/app/conf"),
        (
            format!("chmod 0600 {live}/..data/app.conf"),
            "/etc/app/conf/app.conf",
        ),
    ] {
        let before = app.ground.containers();
        first.sh(&hand);
        app.ground.status().says(&["app", "edited by hand", path]);
        app.ground.release().exits(0);
        assert_eq!(before.changes(&app.ground.containers()), [""; 0], "{hand}");
        app.has_read("four");
        app.ground.is_in_sync();
        app.is_tidy();
    }

    // A restart for another reason takes the files with it.
    app.level("five");
    app.ground.repo.set_of("app", "env.GREETING", "hello");
    assert_eq!(
        app.ground.release_changes(),
        ["~ docker01/app", "~ docker02/app"]
    );
    app.has_read("five");
    app.ground.is_in_sync();
    app.is_tidy();

    // Crashes and power cuts: a start reads what is there, and notes it.
    first.sh(&format!("{engine} kill {}", app.container()));
    until(Duration::from_secs(30), "it is back", || {
        let unit = format!("{}.service", app.container());
        (first.unit(&unit, "ActiveState") == "active").then_some(())
    });
    app.has_read("five");
    app.ground.diff().exits(0);
    fleet.power_cut("docker01");
    until(Duration::from_secs(60), "it is back", || {
        let unit = format!("{}.service", app.container());
        (first.unit(&unit, "ActiveState") == "active").then_some(())
    });
    app.has_read("five");
    app.ground.is_in_sync();

    // Back to what was, by a reload.
    app.reloads_to("six");
    let before = app.ground.containers();
    app.ground
        .bayplan(&["rollback", &app.ground.repo.name, "--yes"])
        .exits(0);
    assert_eq!(before.changes(&app.ground.containers()), [""; 0]);
    app.has_read("five");

    // It leaves, and so do its files.
    app.ground.repo.remove("app");
    app.ground.release().exits(0);
    for host in app.hosts() {
        let left = host.sh(&format!(
            "ls -d /var/lib/bayplan/{cluster}/live /run/bayplan/loaded/{cluster}-app 2>/dev/null || true"
        ));
        assert_eq!(left, "", "{}", host.name);
    }
}

/// Files with secrets in them are swapped, too: sealed to a host, or sent to it. What a check says has none.
pub fn secrets(fleet: &'static Fleet) {
    let mut vault = Vault::new(fleet, "livekeys", 9671);
    vault.ground.only(&["docker01", "docker02"]);
    vault.set("LIVE_KEY", "l1vekey-one");
    let entry = "\"/etc/app\" = { from = \"conf/\", template = true, owner = \"1000\", mode = \"0400\", reload = { command = [\"true\"] }, \
         check = [\"sh\", \"-c\", \"cat /etc/app/key.conf; echo; echo $PWD; grep -q good /etc/app/state.conf\"] }";
    let files: Table = toml::from_str(entry).expect("it is TOML");
    let repo = &mut vault.ground.repo;
    repo.set_of("shop", "files", files);
    repo.files
        .insert("shop/conf/key.conf".into(), b"key={{ LIVE_KEY }}".to_vec());
    repo.files
        .insert("shop/conf/state.conf".into(), b"good".to_vec());
    vault.ground.release().exits(0);
    for (number, delivery) in ["sealed", "plain"].into_iter().enumerate() {
        if delivery == "plain" {
            vault.ground.repo.set("hosts.docker01.secrets", "plain");
        }
        let host = vault.ground.host("docker01");
        let before = vault.ground.containers();
        let value = format!("l1vekey-{number}");
        vault.set("LIVE_KEY", &value);
        vault.ground.release().exits(0).never_says(&["l1vekey"]);
        assert_eq!(
            before.changes(&vault.ground.containers()),
            [""; 0],
            "{delivery}"
        );
        let read = host.sh("docker exec livekeys-shop sh -c 'cat /etc/app/key.conf; stat -c \" %a %u\" /etc/app/..data/key.conf'");
        assert_eq!(read, format!("key={value} 400 1000\n"), "{delivery}");
        assert_eq!(host.sh("stat -c %a /var/lib/bayplan"), "700\n");
        vault.ground.is_in_sync();

        // Refused, and nothing shows it.
        let state = PathBuf::from("shop/conf/state.conf");
        vault
            .ground
            .repo
            .files
            .insert(state.clone(), b"bad".to_vec());
        vault
            .ground
            .release()
            .exits(1)
            .says(&["refuses the files of shop: status 1"])
            .says(&["[secret]"])
            .never_says(&["l1vekey"]);
        assert_eq!(
            before.changes(&vault.ground.containers()),
            [""; 0],
            "{delivery}"
        );
        let left =
            "ls -d /run/bayplan/check-* /etc/bayplan/livekeys/*/.secrets-* 2>/dev/null | wc -l";
        assert_eq!(host.sh(left), "0\n", "{delivery}");
        vault.ground.repo.files.insert(state, b"good".to_vec());
        vault.ground.is_in_sync();
    }
}

/// How long swaps are tried, where nobody says how many: `BAYPLAN_FLEET_SWAPS=10000`.
const SWAPPING: Duration = Duration::from_secs(20);

/// A reader that opens files all the time never finds one torn or missing, whatever is swapped meanwhile: by the function that
/// activations call.
pub fn swaps(fleet: &'static Fleet) {
    let mut app = Reloads::new(fleet, "swaps", "docker", 9661);
    let long = |token: &str| format!("{token}\n").repeat(2000).into_bytes();
    for (generation, token) in ["aaaa", "bbbb"].into_iter().enumerate() {
        for file in ["app/conf/app.conf", "app/conf/more/own.conf"] {
            app.ground
                .repo
                .files
                .insert(PathBuf::from(file), long(token));
        }
        app.level(&generation.to_string());
        app.ground.release().exits(0);
    }
    let host = app.ground.host("docker01");
    let number = std::env::var("BAYPLAN_FLEET_SWAPS").unwrap_or_default();
    let limit = if number.is_empty() {
        SWAPPING.as_secs()
    } else {
        3600
    };
    let script = r#"
        cd /var/lib/bayplan/swaps/generations
        set -- *
        first=$PWD/$1 second=$PWD/$2
        work=$(mktemp -d)
        sed '/^begin$/,$d' "$second"/activate-1.sh >$work/swap.sh
        cat >>$work/swap.sh <<END
        did() { :; }
        done=0 until=$(($(date +%s) + LIMIT))
        while [ \$done -lt ${NUMBER:-1000000} ] && [ \$(date +%s) -lt \$until ]; do
            if [ \$((done % 2)) = 0 ]; then source=$first; else source=$second; fi
            swap_files app '~etc~app~conf' 0123456789ab || exit 1
            done=\$((done + 1))
            [ \$((done % 50)) != 0 ] || clean_live app '~etc~app~conf' || exit 1
        done
        echo \$done
END
        inside=$(docker inspect --format '{{.State.Pid}}' swaps-app)
        perl -e '
            $SIG{TERM} = sub { $end = 1 };
            until ($end) {
                for ("app.conf", "more/own.conf") {
                    $reads++;
                    open(F, "<", "/proc/$ARGV[0]/root/etc/app/conf/$_") or $missing++, next;
                    local $/;
                    $text = <F>;
                    close F;
                    $torn++ unless $text eq ("aaaa\n" x 2000) or $text eq ("bbbb\n" x 2000);
                    $seen{substr($text, 0, 1)}++;
                }
            }
            printf "%d reads, %d torn, %d missing, %d kinds\n", $reads, $torn, $missing, scalar keys %seen;
        ' "$inside" >$work/said &
        reader=$!
        sh $work/swap.sh
        kill $reader
        wait $reader
        cat $work/said
        rm -rf $work"#;
    let script = script.replace("LIMIT", &limit.to_string()).replace(
        "${NUMBER:-1000000}",
        if number.is_empty() {
            "1000000"
        } else {
            &number
        },
    );
    let said = host.sh(&script);
    println!("swaps: {}", said.replace('\n', "; "));
    let (swapped, read) = said.split_once('\n').expect("two lines");
    let swapped: u64 = swapped.parse().unwrap_or_else(|_| panic!("{said}"));
    assert!(swapped > 20, "{said}");
    assert!(read.contains(" 0 torn, 0 missing, 2 kinds"), "{said}");
    if !number.is_empty() {
        assert_eq!(swapped.to_string(), number);
    }
}
