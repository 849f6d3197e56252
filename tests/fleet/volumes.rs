//! What a service mounts, what its image declares, and what asks it whether it is well.

use std::time::Duration;

use crate::containers::environment;
use crate::ground::Ground;
use crate::hosts::{Fleet, until};

/// A volume as a table.
pub fn table(source: &str, target: &str, more: &str) -> toml::Value {
    let text = format!("volume = {{ source = {source:?}, target = {target:?}, {more} }}");
    let table: toml::Table = text.parse().expect("it is TOML");
    table["volume"].clone()
}

fn with(fleet: &'static Fleet, engine: &str, cluster: &str) -> Ground {
    let ground = Ground::new(fleet, cluster);
    match engine {
        "podman" => ground.with_podman(),
        _ => ground,
    }
}

pub fn directories(fleet: &'static Fleet) {
    for engine in ["docker", "podman"] {
        let mut ground = with(fleet, engine, "made");
        ground.only(&["docker01"]);
        ground.images();
        let host = ground.host("docker01");
        let clear = "rm -rf '/srv/made it' /srv/made-too";
        host.sh(&format!(
            "{clear}; mkdir /srv/made-too; chmod 0711 /srv/made-too; echo kept >/srv/made-too/file"
        ));
        ground.serve("web", 9641, "docker01");
        let volumes = vec![
            table(
                "/srv/made it/a's",
                "/data",
                "owner = \"1234:55\", mode = \"0750\"",
            ),
            table("/srv/made it/a's/deep", "/deep", "read_only = true"),
            table("/srv/made-too", "/too", "owner = \"7\", mode = \"0700\""),
            table("made-index", "/index", ""),
        ];
        ground.repo.set_of("web", "volumes", volumes);
        assert_eq!(ground.release_changes(), ["+ docker01/web"], "{engine}");
        ground.is_in_sync();
        let seen = || {
            host.sh("stat -c '%a %u:%g %n' /srv/made* '/srv/made it/a'\\''s' '/srv/made it/a'\\''s/deep'; ls -A /srv/made*")
        };
        let made = seen();
        for line in [
            "755 0:0 /srv/made it\n",
            "750 1234:55 /srv/made it/a's\n",
            "755 0:0 /srv/made it/a's/deep\n",
            "711 0:0 /srv/made-too\n",
        ] {
            assert!(made.contains(line), "{engine}: {made}");
        }
        assert_eq!(host.read("/srv/made-too/file"), "kept\n");
        let inside = host.sh(&format!(
            "{engine} exec made-web /bin/busybox stat -c '%a %u:%g' /data; {engine} exec made-web /bin/busybox touch /deep/x 2>&1 || echo cannot"
        ));
        assert!(
            inside.starts_with("750 1234:55\n") && inside.trim_end().ends_with("cannot"),
            "{inside}"
        );

        // Another owner is for what is not there yet, and restarts nothing.
        let changed = table(
            "/srv/made it/a's",
            "/data",
            "owner = \"4321\", mode = \"0700\"",
        );
        ground.repo.set_of("web", "volumes", {
            let mut volumes = ground.repo.services["web"]["volumes"]
                .as_array()
                .expect("a list")
                .clone();
            volumes[0] = changed.clone();
            volumes
        });
        assert_eq!(ground.release_changes(), [""; 0], "{engine}");
        host.sh("systemctl restart made-web.service");
        assert_eq!(seen(), made, "{engine}");
        // It comes back as it is described now, by the unit alone.
        host.sh("systemctl stop made-web.service; rm -r '/srv/made it'; systemctl start made-web.service");
        let again = seen();
        assert!(
            again.contains("700 4321:0 /srv/made it/a's\n"),
            "{engine}: {again}"
        );
        ground.is_in_sync();
        drop(ground);
        host.sh(&format!("{clear}; {engine} volume rm made-index"));
    }
}

pub fn found_first(fleet: &'static Fleet) {
    fleet.image(
        "keeps:1.0",
        &["settings=\"Volumes\":{\"/data\":{},\"/data/sub\":{}}"],
    );
    let image = format!("{}/keeps", fleet.registry);
    for engine in ["docker", "podman"] {
        let mut ground = with(fleet, engine, "first");
        ground.only(&["docker01", "docker02"]);
        ground.images();
        ground.serve("web", 9642, "docker01 docker02");
        ground.release().exits(0);
        let (containers, files) = (ground.containers(), ground.files());
        let refused = |ground: &Ground, words: &[&str]| {
            let ended = ground.release().exits(1).says(&["nothing was changed"]);
            words.iter().fold(ended, |ended, word| ended.says(&[word]));
            assert_eq!(containers.changes(&ground.containers()), [""; 0]);
            ground.assert_untouched(&files);
        };

        // It is on one host, and not on the other: neither changes.
        ground.host("docker01").sh("mkdir -p '/srv/first one'");
        ground
            .repo
            .set_of("web", "volumes", vec!["/srv/first one:/one"]);
        refused(
            &ground,
            &[
                "docker02",
                "web mounts /srv/first one, and there is nothing of that name",
                "source =",
            ],
        );
        let absent = ground.host("docker02").run("test -e '/srv/first one'");
        assert!(!absent.status.success(), "a check makes nothing");
        ground.host("docker02").sh("mkdir -p '/srv/first one'");
        assert_eq!(
            ground.release_changes(),
            ["~ docker01/web", "~ docker02/web"],
            "{engine}"
        );
        ground.is_in_sync();
        let (containers, files) = (ground.containers(), ground.files());
        let refused = |ground: &Ground, words: &[&str]| {
            let ended = ground.release().exits(1).says(&["nothing was changed"]);
            words.iter().fold(ended, |ended, word| ended.says(&[word]));
            assert_eq!(containers.changes(&ground.containers()), [""; 0]);
            ground.assert_untouched(&files);
        };

        // What the image keeps where only a parent is mounted.
        ground.serve("db", 9643, "docker01");
        ground.repo.set_of("db", "image", image.as_str());
        ground.repo.set_of("db", "stateful", true);
        ground
            .repo
            .set_of("db", "volumes", vec!["first-data:/data"]);
        refused(
            &ground,
            &[
                "the image of db keeps data in a volume at /data/sub",
                "db-data:/data/sub",
            ],
        );
        ground.repo.set_of("db", "stateful", false);
        ground.release().exits(0).says(&[
            "docker01",
            "warning: the image of db keeps data in a volume at /data/sub",
        ]);
        ground.is_in_sync();
        ground.repo.set_of("db", "stateful", true);
        let volumes = vec!["first-data:/data", "first-sub:/data/sub/"];
        ground.repo.set_of("db", "volumes", volumes);
        ground.release().exits(0).never_says(&["warning"]);
        ground.is_in_sync();

        // An image without a health check can never be healthy by it.
        ground.repo.set_of(
            "db",
            "health",
            toml::Table::from_iter([("image".to_owned(), true.into())]),
        );
        ground.repo.set_of("db", "env.A", "1");
        ground
            .release()
            .exits(1)
            .says(&["expected a HEALTHCHECK in the image"])
            .says(&["image = true"]);
        drop(ground);
        for host in ["docker01", "docker02"] {
            let host = fleet.host(host);
            host.run(&format!(
                "{engine} volume rm first-data first-sub; rmdir '/srv/first one'"
            ));
        }
    }
}

/// `/www/ask` answers only who has both headers.
const ASK: &str = "while read -r line; do
  case $line in
  'Host: web.example.com'*) host=1 ;;
  'X-Forwarded-Proto: https, 100% $x'*) scheme=1 ;;
  ?) break ;;
  esac
done
case $host$scheme in
11) printf 'HTTP/1.0 200 OK\\r\\n\\r\\n' ;;
*) printf 'HTTP/1.0 404 No\\r\\n\\r\\n' ;;
esac
";

pub fn health(fleet: &'static Fleet) {
    let check = |seconds: u64| {
        format!(
            "settings=\"Healthcheck\":{{\"Test\":[\"CMD\",\"/bin/busybox\",\"test\",\"-e\",\"/www/health\"],\"Interval\":{}}}",
            seconds * 1_000_000_000
        )
    };
    fleet.image("checked:1.0", &[&check(1)]);
    fleet.image("checked:1.1", &["entry=unhealthy", &check(1)]);
    fleet.image("asks:1.0", &[&format!("www/ask={ASK}")]);
    for engine in ["docker", "podman"] {
        let mut ground = with(fleet, engine, "wells");
        ground.only(&["docker01"]);
        let host = ground.host("docker01");
        ground.serve("web", 9644, "docker01");
        let health = |text: &str| text.parse::<toml::Table>().expect("it is TOML");
        let image = |name: &str| format!("{}/{name}", fleet.registry);
        ground.repo.set_of("web", "image", image("checked"));
        ground
            .repo
            .set_of("web", "health", health("image = true\ntimeout = \"20s\""));
        assert_eq!(ground.release_changes(), ["+ docker01/web"], "{engine}");
        ground.is_in_sync();
        let state = host.sh(&format!(
            "{engine} inspect -f '{{{{.State.Health.Status}}}}' wells-web"
        ));
        assert_eq!(state.trim(), "healthy", "{engine}");
        // It may become unhealthy later: that is told, and no release mends it.
        host.sh(&format!(
            "{engine} exec wells-web /bin/busybox mv /www/health /www/ill"
        ));
        until(Duration::from_secs(30), "it is unhealthy", || {
            let told = ground.bayplan(&["status", "wells"]).stdout;
            told.contains("its HEALTHCHECK fails").then_some(())
        });
        ground
            .bayplan(&["status", "wells", "--exit-code"])
            .exits(2)
            .says(&["✗ unhealthy"]);
        host.sh(&format!(
            "{engine} exec wells-web /bin/busybox mv /www/ill /www/health"
        ));
        until(Duration::from_secs(30), "it is healthy again", || {
            let told = ground.bayplan(&["status", "wells"]).stdout;
            told.contains("wells is in sync").then_some(())
        });
        // What never becomes healthy is put back.
        ground.repo.set_of("web", "tag", "1.1");
        ground.repo.set_of("web", "health.timeout", "5s");
        ground
            .release()
            .exits(5)
            .says(&["before it was healthy by the HEALTHCHECK of its image; its status:"]);
        // Not run at all.
        ground.repo.set_of("web", "health", health("image = false"));
        assert_eq!(ground.release_changes(), ["~ docker01/web"], "{engine}");
        ground.is_in_sync();
        let state = host.sh(&format!(
            "{engine} inspect -f '{{{{if .State.Health}}}}{{{{.State.Health.Status}}}}{{{{end}}}}' wells-web"
        ));
        assert_eq!(state.trim(), "", "{engine}");

        // Headers, and a pause of a second.
        ground.repo.set_of("web", "image", image("asks"));
        ground.repo.set_of("web", "tag", "1.0");
        ground.repo.set_of("web", "entrypoint", "/bin/sh");
        let serves = "while :; do /bin/busybox nc -l -p $APP_PORT -e /bin/sh /www/ask; done";
        ground.repo.set_of("web", "command", vec!["-c", serves]);
        let asked = health(
            "http = \"/\"\nhost = \"web.example.com\"\nheaders = { X-Forwarded-Proto = \"https, 100% $x\" }\ninterval = \"1s\"\nprobe_timeout = \"20s\"\n",
        );
        ground.repo.set_of("web", "health", asked);
        assert_eq!(ground.release_changes(), ["~ docker01/web"], "{engine}");
        ground.is_in_sync();
        ground
            .repo
            .set_of("web", "health.host", "other.example.com");
        ground.repo.set_of("web", "health.timeout", "4s");
        ground.release().exits(5).says(&["last answer: 404"]);
    }
}

pub fn everywhere(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "every");
    ground.images();
    ground.serve("agent", 9645, "");
    ground.repo.set("place.agent", "*");
    let all = |sign: &str| {
        let hosts = fleet.hosts.iter();
        hosts
            .map(|host| format!("{sign} {}/agent", host.name))
            .collect::<Vec<_>>()
    };
    assert_eq!(ground.release_changes(), all("+"));
    ground.is_in_sync();
    ground.repo.set_of("agent", "env.A", "1");
    assert_eq!(waves(&ground), [1, 1, 1]);
    assert_eq!(ground.release_changes(), all("~"));
    ground.repo.set_of("agent", "env.A", "2");
    ground.repo.set_of("agent", "max_down", "70%");
    assert_eq!(waves(&ground), [1, 2]);
    assert_eq!(ground.release_changes(), all("~"));
    ground.is_in_sync();
}

/// How many hosts each wave of the plan has in which something restarts.
fn waves(ground: &Ground) -> Vec<usize> {
    let plan = ground.bayplan(&["diff", "every", "--json"]).exits(0).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("it is JSON");
    let waves = plan["waves"].as_array().expect("a list");
    let hosts = |wave: &serde_json::Value| wave["hosts"].as_array().expect("a list").len();
    let acts = |wave: &&serde_json::Value| wave["phase"] != "contract";
    waves.iter().filter(acts).map(hosts).collect()
}

/// Each container gets what its own host has, and one that reads none of it does not restart for it.
pub fn own_host(fleet: &'static Fleet) {
    for engine in ["docker", "podman"] {
        let mut ground = with(fleet, engine, "own");
        ground.images();
        ground.serve("web", 9646, "");
        ground.serve("shop", 9647, "");
        ground.repo.set("place.web", "*");
        ground.repo.set("place.shop", "*");
        ground.repo.set("vars.DISK", "sda");
        ground
            .repo
            .set("vars.URL", "http://{{ CLUSTER_HOST }}/{{ DISK }}");
        ground.repo.set("hosts.docker02.vars.DISK", "sdb");
        let names = vec!["CLUSTER_HOST", "CLUSTER_HOST_IP", "DISK", "URL"];
        ground.repo.set_of("web", "vars", names);
        ground.release().exits(0);
        ground.is_in_sync();
        let check = |disk: &str| {
            for host in &fleet.hosts {
                let found = environment(host, engine, "own-web");
                let disk = match host.name.as_str() {
                    "docker02" => disk,
                    _ => "sda",
                };
                for (name, value) in [
                    ("CLUSTER_HOST", host.name.clone()),
                    ("CLUSTER_HOST_IP", host.address.clone()),
                    ("DISK", disk.to_owned()),
                    ("URL", format!("http://{}/{disk}", host.name)),
                ] {
                    assert_eq!(
                        found[name],
                        value.as_bytes(),
                        "{engine} {} {name}",
                        host.name
                    );
                }
            }
        };
        check("sdb");
        ground.repo.set("hosts.docker02.vars.DISK", "sdc");
        ground
            .diff()
            .says(&["DISK: sdb → sdc"])
            .says(&["docker01, docker03", "no changes"]);
        assert_eq!(ground.release_changes(), ["~ docker02/web"], "{engine}");
        check("sdc");
        ground.is_in_sync();
        ground
            .bayplan(&["why", "own", "web"])
            .says(&["35-host.env"])
            .says(&["DISK=sdc"])
            .says(&["on docker02"]);
    }
}
