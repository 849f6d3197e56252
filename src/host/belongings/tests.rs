use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::super::sample::{Root, directory_layout, shells};
use super::departure::{DepartureEvent, GoesBesides, KeptData, depart_script, parse_sizes};
use super::leftover::{ClusterFuture, LeftoverKind};
use super::prune::{parse_pruned, prune_script, remember_script};
use super::*;
use crate::cluster::model::Supervisor;
use crate::cluster::name::ClusterName;

const OLD: &str = "11aa";
const NEW: &str = "22bb";

fn id(beginning: &str) -> String {
    format!("{beginning}{}", "0".repeat(64 - beginning.len()))
}

fn demo() -> ClusterName {
    ClusterName::new("demo").unwrap()
}

fn image(beginning: &str, tags: &[&str]) -> EngineImage {
    EngineImage {
        id: id(beginning),
        size: 1000,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        digests: Vec::new(),
    }
}

/// A host with an old image of ours that nothing uses, and a new one that a container runs.
fn host() -> Belongings {
    Belongings {
        containers: vec![EngineContainer {
            id: id("c1"),
            name: "demo-web".to_owned(),
            image: id(NEW),
            state: "running".to_owned(),
            cluster: "demo".to_owned(),
            networks: ["demo-back".to_owned()].into(),
            ..EngineContainer::default()
        }],
        images: vec![image(OLD, &["r/web:1"]), image(NEW, &["r/web:2"])],
        networks: vec![EngineNetwork {
            id: id("e1"),
            name: "demo-back".to_owned(),
            wanted: false,
        }],
        kept: [("demo".to_owned(), [id(NEW), "r/web:2".to_owned()].into())].into(),
        once: [format!("sha256:{}", id(OLD)), "r/web:1".to_owned()].into(),
        ..Belongings::default()
    }
}

fn leftovers(of: &Belongings) -> Vec<String> {
    let all = of.leftovers(&demo());
    let words = all
        .iter()
        .map(|it| format!("{} {}", it.kind.word(), &it.id[..4]));
    words.collect()
}

#[test]
fn an_image_goes_that_was_named_once_and_that_nothing_names_or_uses() {
    let host = host();
    assert_eq!(leftovers(&host), ["image 11aa"]);
    let with = |change: &dyn Fn(&mut Belongings)| {
        let mut changed = host.clone();
        change(&mut changed);
        leftovers(&changed)
    };
    let none: [&str; 0] = [];
    // Nobody named it.
    assert_eq!(with(&|it| it.once.clear()), none);
    // It is known by either of both.
    assert_eq!(
        with(&|it| it.once = ["r/web:1".to_owned()].into()),
        ["image 11aa"]
    );
    assert_eq!(
        with(&|it| {
            it.once = [id(OLD)].into();
            it.images[0].tags.clear();
        }),
        ["image 11aa"]
    );
    // A generation of another cluster, by its id or its name.
    for name in [
        id(OLD),
        format!("sha256:{}", id(OLD)),
        "docker.io/r/web:1".to_owned(),
    ] {
        assert_eq!(
            with(&|it| {
                it.kept.insert("other".to_owned(), [name.clone()].into());
            }),
            none
        );
    }
    // A container of anybody, also one that does not run.
    assert_eq!(
        with(&|it| {
            it.containers.push(EngineContainer {
                id: id("c2"),
                image: id(OLD),
                state: "exited".to_owned(),
                ..EngineContainer::default()
            });
        }),
        none
    );
    // A tag that is nobody's here.
    assert_eq!(
        with(&|it| it.images[0].tags.push("mine:keep".to_owned())),
        none
    );
    // By digest.
    let digest = format!("r/web@sha256:{}", id("dd"));
    assert_eq!(
        with(&|it| {
            it.images[0].digests = vec![digest.clone()];
            it.kept.insert(
                "other".to_owned(),
                [format!("r/web:9@sha256:{}", id("dd"))].into(),
            );
        }),
        none
    );
}

#[test]
fn a_stopped_container_goes_with_its_network_and_image_if_its_unit_does_not_run() {
    let mut host = host();
    host.containers[0].state = "exited".to_owned();
    host.kept.clear();
    host.once.insert("r/web:2".to_owned());
    let all = ["container c100", "network e100", "image 11aa", "image 22bb"];
    assert_eq!(leftovers(&host), all);
    host.active.insert("demo-web.service".to_owned());
    assert_eq!(leftovers(&host), ["image 11aa"]);
    // Of another cluster, or of nobody.
    host.active.clear();
    host.containers[0].cluster = "other".to_owned();
    assert_eq!(leftovers(&host), ["image 11aa"]);
    // A slot.
    host.containers[0].cluster = "demo".to_owned();
    host.containers[0].name = "demo-web.a".to_owned();
    host.active.insert("demo-web@a.service".to_owned());
    assert_eq!(leftovers(&host), ["image 11aa"]);
}

#[test]
fn a_network_stays_that_a_unit_names() {
    let mut host = host();
    host.containers.clear();
    host.networks[0].wanted = true;
    assert_eq!(leftovers(&host), ["image 11aa"]);
}

#[test]
fn whoever_leaves_keeps_no_image() {
    let host = host();
    let all = host.unused_images(&demo(), &BTreeSet::new(), ClusterFuture::Leaves);
    assert_eq!(all.len(), 2);
    let used = id(NEW);
    let used = BTreeSet::from([used.as_str()]);
    let all = host.unused_images(&demo(), &used, ClusterFuture::Leaves);
    assert_eq!(all.len(), 1);
}

#[test]
fn what_is_gone_is_not_remembered() {
    let mut host = host();
    host.once.insert("r/gone:1".to_owned());
    assert_eq!(
        host.remembered(&BTreeSet::new()),
        ["r/web:1", &format!("sha256:{}", id(OLD))]
    );
    let gone = id(OLD);
    let gone = BTreeSet::from([gone.as_str()]);
    assert_eq!(host.remembered(&gone), [""; 0]);
}

/// An engine that has what it is told, and a systemd of which nothing runs.
const ENGINE: &str = r#"
docker() {
  case "$*" in
  'container ls'*) echo c1 ;;
  'image ls'*) printf '11aa\n11aa\n' ;;
  'container inspect'*) printf '%s\n' "$container" ;;
  'image inspect --format {{.Id}} r/web:1') echo sha256:11aa ;;
  'image inspect 11aa') return 1 ;;
  'image inspect'*) printf '%s\n' 'image ["sha256:11aa",1234,["r/web:1","<none>:<none>"],null]' ;;
  'network ls'*) echo 'e1 demo-back' ;;
  'network rm'*) echo 'error: network has active endpoints'; return 1 ;;
  *) echo "$*" >>"$root/called" ;;
  esac
}
systemctl() { echo 'demo-web.service loaded active running web of demo'; }
container='container ["c1","sha256:11aa","/demo-old","exited","demo",[{"Type":"volume","Name":"data","Source":"/v"},{"Type":"bind","Source":"/srv/a b"}],{"demo-back":{}}]'
"#;

fn with_engine(root: &Root, script: &str) -> Vec<u8> {
    // After the variables of every script: they say where the root is.
    let (variables, rest) = script.split_once("engine=").unwrap();
    root.run(&format!("{variables}{ENGINE}engine={rest}"), b"")
}

#[test]
fn a_look_tells_what_is_there_in_every_shell() {
    for shell in shells() {
        let root = Root::new(shell);
        let layout = root.with_supervisor(Supervisor::Systemd);
        let ours = "[Service]\nx\n[X-Bayplan]\nFormat=1\nCluster=demo\n";
        root.write(
            "etc/systemd/system/demo-web.service",
            &format!("[Service]\nExecStartPre=x demo-back\n{ours}"),
        );
        root.write(
            "etc/systemd/system/demo-other.service",
            &ours.replace("=demo", "=demo-other"),
        );
        let var = "var/lib/bayplan";
        root.write(
            &format!("{var}/demo/images"),
            "r/web:0\nsha256:11aa\nodd line\n",
        );
        root.write(
            &format!("{var}/demo/generations/3/manifest.json"),
            "{\n  \"services\": {\n      \"image\": \"r/web:2\",\n      \"image\": \"r/api:1\"\n",
        );
        root.write(
            &format!("{var}/demo/generations/3/record.json"),
            "{\"format\":1,\"images\":{\"web\":\"sha256:22bb\",\"api\":\"33cc\"}}\n",
        );
        root.write(
            &format!("{var}/other/generations/1/record.json"),
            "{\"images\":{}}\n",
        );
        root.write(
            "etc/bayplan/other/db/1/50-db.env",
            "A=\"1\"\nIMAGE=\"r/db:1\"\n",
        );
        let script = belongings_script(&layout, Engine::Docker, BelongingsAsked::All);
        let answer = with_engine(&root, &script);
        let found = Belongings::parse(&answer);
        let found = found.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&answer)));
        let container = &found.containers[0];
        assert_eq!(
            (container.name.as_str(), container.state.as_str()),
            ("demo-old", "exited")
        );
        assert_eq!(container.volumes, ["data".to_owned()].into());
        assert_eq!(container.paths, ["/srv/a b".to_owned()].into());
        assert_eq!(found.images.len(), 1);
        assert_eq!(
            (found.images[0].size, &*found.images[0].tags),
            (1234, &["r/web:1".to_owned()][..])
        );
        assert!(found.networks[0].wanted);
        assert_eq!(
            found.once,
            ["r/web:0", "sha256:11aa"].map(str::to_owned).into()
        );
        let kept = ["33cc", "r/api:1", "r/web:2", "sha256:22bb"].map(str::to_owned);
        assert_eq!(found.kept["demo"], kept.into());
        assert_eq!(found.kept["other"], ["r/db:1".to_owned()].into());
        assert_eq!(found.active, ["demo-web.service".to_owned()].into());
        assert_eq!(found.units, ["demo-web.service".to_owned()].into());
        assert_eq!(found.texts.len(), 1);
        assert_eq!((found.generations, found.files.len()), (1, 1));
    }
}

#[test]
fn what_goes_is_removed_and_what_the_engine_keeps_is_told() {
    for shell in shells() {
        let root = Root::new(shell);
        let layout = root.with_supervisor(Supervisor::Systemd);
        root.write("var/lib/bayplan/demo/images", "r/web:0\nr/web:1\n");
        let one = |kind, id: &str, names: &[&str]| super::leftover::Leftover {
            kind,
            id: id.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            size: None,
        };
        let all = [
            one(LeftoverKind::Container, "c1", &["demo-old"]),
            one(LeftoverKind::Network, "e1", &["demo-back"]),
            one(LeftoverKind::Image, "11aa", &["r/web:1"]),
        ];
        let answer = with_engine(&root, &prune_script(&layout, Engine::Docker, &all));
        let outcome = parse_pruned(&answer).unwrap();
        assert_eq!(outcome[&(LeftoverKind::Container, "c1".to_owned())], None);
        assert_eq!(
            outcome[&(LeftoverKind::Network, "e1".to_owned())].as_deref(),
            Some("error: network has active endpoints")
        );
        assert_eq!(outcome[&(LeftoverKind::Image, "11aa".to_owned())], None);
        assert_eq!(root.read("called"), "container rm c1\nimage rm r/web:1\n");
        with_engine(
            &root,
            &remember_script(&layout, Engine::Docker, &["r/web:0"]),
        );
        assert_eq!(root.read("var/lib/bayplan/demo/images"), "r/web:0\n");
        with_engine(&root, &remember_script(&layout, Engine::Docker, &[]));
        assert!(!root.path("var/lib/bayplan/demo/images").exists());
    }
}

#[test]
fn an_engine_that_fails_ends_the_look() {
    let layout = directory_layout(Path::new("/nowhere"), Supervisor::Systemd);
    let script = belongings_script(&layout, Engine::Docker, BelongingsAsked::Leftovers);
    let script = script.replace(
        "engine=docker",
        "docker() { echo no daemon >&2; return 1; }\nengine=docker",
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    match Belongings::parse(&output.stdout) {
        Err(BelongingsError::Failed(why)) => assert!(why.contains("no daemon"), "{why}"),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(answer in prop::collection::vec(any::<u8>(), 0..200), words in "[a-z]{3,9} [0-9\\[\\]\",a-z{}]{0,40}") {
        let _ = Belongings::parse(&answer);
        let _ = Belongings::parse(format!("bayplan belongings 1\n{words}\ntext 3\nabc\nend\n").as_bytes());
        let _ = parse_pruned(&answer);
    }
}

const UNIT: &str = "[Service]\n\
    ExecStartPre=/bin/sh -c 'mkdir -p /run/bayplan && exec 9>/run/bayplan/volumes && flock 9 || exit; \
    [ ! -e /srv/data ] && [ ! -L /srv/data ] || exit 0; umask 022;'\n\
    ExecStart=/usr/bin/docker run --rm --volume index:/index --volume /etc/x:/x -v \"/srv/data:/data\" \
    --mount type=volume,source=more,target=/more --mount type=bind,src=/y,dst=/y ${IMAGE}\n";

#[test]
fn whoever_leaves_has_data_in_volumes_and_directories() {
    let mut host = host();
    host.texts = vec![UNIT.to_owned(), UNIT.to_owned(), "[Unit]\n".to_owned()];
    host.containers[0].volumes = [id("ab"), "told".to_owned()].into();
    host.containers.push(EngineContainer {
        id: id("c2"),
        name: "hand".to_owned(),
        cluster: "other".to_owned(),
        paths: ["/srv/data/deep".to_owned()].into(),
        volumes: ["more".to_owned()].into(),
        ..EngineContainer::default()
    });
    let departure = host.departure(&demo(), Engine::Docker);
    let data: Vec<_> = departure
        .volumes
        .iter()
        .map(|it| (it.name.as_str(), it.shared))
        .collect();
    let expected = [
        ("/srv/data", true),
        ("index", false),
        ("more", true),
        ("told", false),
    ];
    assert_eq!(data, expected);
    assert_eq!(departure.containers, ["demo-web"]);
    assert_eq!(departure.images.len(), 2);
    // Of what is there the size is told, and whether a unit of others names it.
    let answer = b"data ours 5 index\ndata shared - told\ndata ours 9 unknown\nend\n";
    let told = parse_sizes(answer, &departure.volumes).unwrap();
    let expected = |name: &str, size, shared| KeptData {
        name: name.to_owned(),
        size,
        shared,
    };
    assert_eq!(
        told,
        [
            expected("index", Some(5 * 1024), false),
            expected("told", None, true)
        ]
    );
    assert_eq!(
        parse_sizes(b"data ours 5 index\n", &departure.volumes),
        None
    );
}

/// A systemd that knows what runs, and tells what it was asked.
const SYSTEMD: &str = r#"
systemctl() {
  echo "systemctl $*" >>"$root/called"
  case $1 in
  show) echo ActiveState=inactive ;;
  esac
}
sleep() { :; }
"#;

#[test]
fn a_cluster_leaves_a_host_and_its_neighbour_stays() {
    for shell in shells() {
        let root = Root::new(shell);
        let layout = root.with_supervisor(Supervisor::Systemd);
        let unit = |cluster: &str, target: &str| {
            format!(
                "[Service]\nx\n[Install]\nWantedBy={target}\n[X-Bayplan]\nFormat=1\nCluster={cluster}\n"
            )
        };
        let units = "etc/systemd/system";
        root.write(
            &format!("{units}/demo-web.service"),
            &unit("demo", "docker.service"),
        );
        root.write(
            &format!("{units}/demo-tick.timer"),
            &unit("demo", "timers.target"),
        );
        root.write(&format!("{units}/demo-web.service.d/hand.conf"), "x");
        root.write(
            &format!("{units}/demo-other.service"),
            &unit("demo-other", "docker.service"),
        );
        root.write(&format!("{units}/demo-hand.service"), "[Service]\n");
        let link = format!(
            "cd {units}; mkdir docker.service.wants timers.target.wants; ln -s ../demo-web.service ../demo-other.service docker.service.wants; \
             ln -s ../demo-tick.timer timers.target.wants"
        );
        root.run(&format!("cd '{}'; {link}", root.path("").display()), b"");
        for file in [
            "etc/bayplan/demo/web/1/a.env",
            "var/lib/bayplan/demo/history",
            "run/bayplan/loaded/demo-web",
            "run/bayplan/reloaded",
            "srv/data/x",
        ] {
            root.write(file, "x");
        }
        root.write("var/lib/bayplan/lock", "");
        root.write("var/lib/bayplan/demo-other/history", "x");
        root.write("var/lib/systemd/timers/stamp-demo-tick.timer", "x");
        // What an earlier run left of a service whose unit is gone.
        root.write(
            "var/lib/bayplan/demo/generations/1/units/demo-old.timer",
            &unit("demo", "timers.target"),
        );
        root.write("var/lib/systemd/timers/stamp-demo-old.timer", "x");
        let data = [KeptData {
            name: "/srv/data".to_owned(),
            size: None,
            shared: false,
        }];
        let besides = GoesBesides {
            data: &data,
            images: &[],
        };
        let script = depart_script(&layout, Engine::Docker, besides);
        let script = script.replacen("engine=", &format!("{SYSTEMD}engine="), 1);
        let script = script.replacen(
            "engine=",
            "docker() { case \"$*\" in ps*) ;; 'network ls'*) ;; esac; }\nengine=",
            1,
        );
        let said = root.run(&script, b"");
        let said = String::from_utf8_lossy(&said).into_owned();
        let events: Vec<_> = said.lines().filter_map(DepartureEvent::parse).collect();
        assert!(
            !events
                .iter()
                .any(|it| matches!(it, DepartureEvent::Failed(_))),
            "{said}"
        );
        assert_eq!(events.last(), Some(&DepartureEvent::Ended));
        let left: Vec<String> = root
            .tree()
            .into_iter()
            .filter(|(path, what)| path != "called" && what != "directory")
            .map(|(path, _)| path)
            .collect();
        let expected = [
            "etc/systemd/system/demo-hand.service",
            "etc/systemd/system/demo-other.service",
            "etc/systemd/system/docker.service.wants/demo-other.service",
            "run/bayplan/reloaded",
            "var/lib/bayplan/demo-other/history",
            "var/lib/bayplan/lock",
        ];
        assert_eq!(left, expected, "{said}");
        let called = root.read("called");
        let stop = called
            .find("stop demo-tick.timer demo-old.timer")
            .expect("timers stop");
        assert!(
            called.find("stop demo-web.service").expect("services stop") > stop,
            "{called}"
        );
        // The last one takes along what they share.
        root.run(
            &format!(
                "rm -r '{}'",
                root.path("var/lib/bayplan/demo-other").display()
            ),
            b"",
        );
        root.run(&script, b"");
        for path in ["run/bayplan", "var/lib/bayplan", "etc/bayplan"] {
            assert!(!root.path(path).exists(), "{path}");
        }
    }
}
