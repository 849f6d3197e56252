use proptest::prelude::*;

use super::parse::More;
use super::*;
use crate::cluster::digest::Digest;
use crate::cluster::ports::HostPorts;
use crate::host::ability::Ability;
use crate::host::sample::{Root, add_timer, desired, layout, manifest, service, shells, unit};
use crate::host::version::Version;
use crate::plan::observed::{
    Attached, Death, Environment, Generation, Loaded, ObservedProcess, Owner, RunningImage, Steady,
    UnitFile,
};
use crate::render::desired::DesiredHost;
use crate::render::identity::UnitKind;

// ---- in root directories ----

#[test]
fn a_host_without_anything_has_nothing() {
    for shell in shells() {
        let root = Root::new(shell);
        let (look, exchanges) = root.look(&desired(&[("web", "1")]));
        assert_eq!(exchanges, 1);
        assert_eq!(look.observed.generation, Generation::None);
        assert_eq!(look.observed.next_generation, 1);
        assert_eq!(look.observed.supervisor, Supervisor::None);
        let seen = &look.observed.services[&service("web")];
        assert_eq!(*seen, Default::default());
    }
}

#[test]
fn a_host_that_is_as_desired_is_seen_in_one_exchange() {
    for shell in shells() {
        let root = Root::new(shell);
        let host = desired(&[("db", "1"), ("web", "it's")]);
        root.release(&host, 4);
        let (look, exchanges) = root.look(&host);
        assert_eq!(exchanges, 1);
        let Generation::Current {
            number, manifest, ..
        } = &look.observed.generation
        else {
            panic!("{look:?}");
        };
        assert_eq!(
            (*number, manifest),
            (4, &crate::host::sample::manifest(&host))
        );
        assert_eq!(look.observed.next_generation, 5);
        for (name, desired) in &host.services {
            let seen = &look.observed.services[name];
            let digest = Digest::of(&*desired.service_unit().text);
            assert_eq!(seen.unit.file, UnitFile::Ours { digest, text: None });
            assert_eq!(seen.unit.enabled_by, desired.service_unit().enabled_by);
            let there = &seen.directories[&desired.directory].files;
            assert_eq!(*there, manifest.services[name].files);
        }
    }
}

#[test]
fn what_differs_is_fetched_to_the_letter() {
    let root = Root::new("sh");
    root.release(
        &desired(&[("db", "1"), ("old", "1"), ("web", "1\n\u{1}ü")]),
        1,
    );
    let host = desired(&[("db", "1"), ("web", "2")]);
    let (look, exchanges) = root.look(&host);
    assert_eq!(exchanges, 2);
    let before = desired(&[("web", "1\n\u{1}ü")]);
    let web = &before.services[&service("web")];
    let seen = &look.observed.services[&service("web")];
    let (digest, text) = (
        Digest::of(&*web.service_unit().text),
        Some(web.service_unit().text.clone()),
    );
    assert_eq!(seen.unit.file, UnitFile::Ours { digest, text });
    let texts = &seen.directories[&web.directory].texts;
    assert_eq!(texts["50-web.env"].as_bytes(), web.files["50-web.env"]);
    // A service that leaves is told, too; one that stays is not.
    let UnitFile::Ours { text: Some(_), .. } = &look.observed.services[&service("old")].unit.file
    else {
        panic!("{look:?}");
    };
    let db = look.observed.services[&service("db")].directories.values();
    assert!(db.clone().count() == 1 && db.clone().all(|d| d.texts.is_empty()));
}

#[test]
fn every_unit_file_of_a_service_is_seen() {
    for shell in shells() {
        let root = Root::new(shell);
        let mut host = desired(&[("db", "1"), ("web", "1")]);
        add_timer(&mut host, "web", "daily");
        let file = unit("web").file(UnitKind::Timer);
        let timer = |host: &DesiredHost| {
            let (look, exchanges) = root.look(host);
            let web = &look.observed.services[&service("web")];
            (web.further.get(&file).cloned(), exchanges)
        };
        root.release(&host, 1);
        let wanted = &host.services[&service("web")].units[&file];
        let (Some(seen), 1) = timer(&host) else {
            panic!("{shell}");
        };
        let digest = Digest::of(&*wanted.text);
        assert_eq!(
            seen.file,
            UnitFile::Ours {
                digest: digest.clone(),
                text: None
            }
        );
        assert_eq!(seen.enabled_by, ["timers.target.wants".to_owned()].into());
        // Where it is not desired, or is another one, its text is told, too.
        let mut other = host.clone();
        add_timer(&mut other, "web", "weekly");
        for host in [&desired(&[("db", "1"), ("web", "1")]), &other] {
            let (Some(seen), 2) = timer(host) else {
                panic!("{shell}");
            };
            let (digest, text) = (digest.clone(), Some(wanted.text.clone()));
            assert_eq!(seen.file, UnitFile::Ours { digest, text });
        }
        // Somebody else's, where ours should be and where none should.
        root.write("etc/systemd/system/demo-web.timer", "[Timer]\n");
        root.write("etc/systemd/system/demo-other.timer", "[Timer]\n");
        for host in [&host, &desired(&[("web", "1")])] {
            let foreign = timer(host).0.map(|unit| unit.file);
            assert!(matches!(foreign, Some(UnitFile::Foreign { .. })), "{shell}");
        }
        let (look, _) = root.look(&host);
        assert!(!look.observed.services.contains_key(&service("other")));
    }
}

fn file_of(root: &Root, host: &DesiredHost, name: &str) -> Option<UnitFile> {
    let (look, _) = root.look(host);
    let seen = look.observed.services.get(&service(name));
    seen.map(|seen| seen.unit.file.clone())
}

#[test]
fn every_kind_of_foreign_unit_is_told_with_its_owner() {
    let host = desired(&[("web", "1")]);
    let place = "etc/systemd/system/demo-web.service";
    let other = "[Unit]\n[X-Bayplan]\nFormat=1\nCluster=demo-2\nService=web\n";
    let renamed = "[Unit]\n[X-Bayplan]\nCluster=demo\nService=db\n";
    for (text, expected) in [
        ("[Service]\nExecStart=/bin/true\n", Owner::Unmarked),
        ("# [X-Bayplan]\n# Cluster=demo\n", Owner::Unmarked),
        (other, Owner::Cluster("demo-2".to_owned())),
        (renamed, Owner::Unmarked),
        ("", Owner::Masked),
        ("\u{fffd}", Owner::Unmarked),
    ] {
        let root = Root::new("sh");
        root.write(place, text);
        let Some(UnitFile::Foreign { path, owner }) = file_of(&root, &host, "web") else {
            panic!("{text}");
        };
        assert_eq!(owner, expected, "{text}");
        assert!(path.ends_with(place), "{path}");
    }
    for (target, expected) in [("/dev/null", Owner::Masked), ("/nowhere", Owner::Unmarked)] {
        for place in [place, "run/systemd/system/demo-web.service"] {
            let root = Root::new("sh");
            root.write("etc/systemd/system/x", "");
            root.write("run/systemd/system/x", "");
            std::os::unix::fs::symlink(target, root.path(place)).unwrap();
            let Some(UnitFile::Foreign { path, owner }) = file_of(&root, &host, "web") else {
                panic!("{target}");
            };
            assert_eq!(owner, expected, "{target}");
            assert!(path.ends_with(place), "{path}");
        }
    }
    let root = Root::new("sh");
    root.write("usr/lib/systemd/system/demo-web.service", "[Service]\n");
    let Some(UnitFile::Foreign { owner, .. }) = file_of(&root, &host, "web") else {
        panic!();
    };
    assert_eq!(owner, Owner::Unmarked);
}

#[test]
fn a_cluster_whose_name_begins_like_ours_is_not_ours() {
    let root = Root::new("sh");
    let unit = "[X-Bayplan]\nCluster=demo-eu\nService=web\n";
    root.write("etc/systemd/system/demo-eu-web.service", unit);
    assert_eq!(file_of(&root, &desired(&[("web", "1")]), "eu-web"), None);
    // Unless a service of ours wants the name.
    let Some(UnitFile::Foreign { owner, .. }) =
        file_of(&root, &desired(&[("eu-web", "1")]), "eu-web")
    else {
        panic!();
    };
    assert_eq!(owner, Owner::Cluster("demo-eu".to_owned()));
}

#[test]
fn drop_ins_and_links_are_seen_and_equal_nothing() {
    let root = Root::new("sh");
    let host = desired(&[("web", "1")]);
    root.release(&host, 1);
    root.write(
        "run/systemd/system/demo-web.service.d/50-memory.conf",
        "[Service]\n",
    );
    let directory = &host.services[&service("web")].directory;
    let file = root.path(&format!("etc/bayplan/demo/web/{directory}/30-cluster.env"));
    let elsewhere = root.path("elsewhere");
    std::fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    let (look, _) = root.look(&host);
    let seen = &look.observed.services[&service("web")];
    assert!(
        seen.drop_ins
            .iter()
            .any(|path| path.ends_with("/50-memory.conf"))
    );
    let wanted = &manifest(&host).services[&service("web")].files["30-cluster.env"];
    assert_ne!(seen.directories[directory].files["30-cluster.env"], *wanted);
}

#[test]
fn whatever_stands_among_the_inputs_is_seen_and_only_files_are_read() {
    let name_of_a_hand = "files/it's \"new\\\nline\" [x]*";
    for shell in shells() {
        let root = Root::new(shell);
        let host = desired(&[("web", "1")]);
        root.release(&host, 1);
        let directory = &host.services[&service("web")].directory;
        let inputs = format!("etc/bayplan/demo/web/{directory}");
        let files = ["files/etc/.hidden", ".env", "files/a/b/c/d", name_of_a_hand];
        for file in files {
            root.write(&format!("{inputs}/{file}"), file);
        }
        // Who reads these reads for ever.
        let pipe = root.path(&format!("{inputs}/files/pipe"));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let others = [
            "files/pipe",
            "files/zero",
            "files/up",
            "files/env",
            "files/gone",
        ];
        for (link, target) in
            others[1..]
                .iter()
                .zip(["/dev/zero", "..", "../30-cluster.env", "/gone"])
        {
            std::os::unix::fs::symlink(target, root.path(&format!("{inputs}/{link}"))).unwrap();
        }

        let (look, _) = root.look(&host);
        let seen = &look.observed.services[&service("web")].directories[directory].files;
        let mut expected = manifest(&host).services[&service("web")].files.clone();
        expected.extend(files.map(|file| (file.to_owned(), Digest::of(file))));
        expected.extend(others.map(|file| (file.to_owned(), Digest::of("not a regular file"))));
        assert_eq!(*seen, expected, "{shell}");
    }
}

#[test]
fn what_a_link_to_a_directory_leads_to_is_somebody_elses() {
    for shell in shells() {
        let root = Root::new(shell);
        let host = desired(&[("db", "1"), ("web", "1")]);
        root.release(&host, 1);
        let service_directory = root.path("etc/bayplan/demo/db");
        let inputs = &host.services[&service("web")].directory;
        let inputs_directory = root.path(&format!("etc/bayplan/demo/web/{inputs}"));
        for (place, elsewhere) in [(service_directory, "a"), (inputs_directory, "b")] {
            let elsewhere = root.path(elsewhere);
            std::fs::rename(&place, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &place).unwrap();
        }
        let (look, _) = root.look(&host);
        let seen = |name| &look.observed.services[&service(name)];
        assert!(seen("db").directories.is_empty() && seen("db").leftovers.is_empty());
        let leftovers: Vec<_> = seen("web").leftovers.iter().map(String::as_str).collect();
        assert!(seen("web").directories.is_empty());
        assert_eq!(leftovers, [inputs.as_str()]);
    }
}

#[test]
fn a_current_that_cannot_be_read_says_why() {
    let host = desired(&[("web", "1")]);
    let newer = "{\"format\": 99, \"more\": 1}";
    let other = manifest(&host).to_text().replace("\"demo", "\"other");
    for (text, expected, is_newer) in [
        (newer, "this bayplan reads up to", true),
        ("{", "cannot be read", false),
        (
            &*other,
            "expected a manifest of demo, found one of other",
            false,
        ),
    ] {
        let root = Root::new("sh");
        root.release(&host, 1);
        root.write("var/lib/bayplan/demo/current/manifest.json", text);
        let (look, _) = root.look(&host);
        let Generation::Unreadable { why, newer } = &look.observed.generation else {
            panic!("{look:?}");
        };
        assert!(why.contains(expected), "{why}");
        assert_eq!(*newer, is_newer);
        assert_eq!(look.observed.next_generation, 2);
    }
    let root = Root::new("sh");
    root.release(&host, 1);
    std::fs::remove_dir_all(root.path("var/lib/bayplan/demo/generations/1")).unwrap();
    let (look, _) = root.look(&host);
    assert!(matches!(
        look.observed.generation,
        Generation::Unreadable { .. }
    ));
}

// ---- answers of a host that runs, as real ones look ----

const FINGERPRINT: &str = "v1:4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865";
const STARTED: &str = "1795253472.334209060";

/// What a host answers, with what the test changes.
struct Answer {
    state: &'static str,
    /// The times of: the unit file, the inputs directory, the last reload.
    unit: &'static str,
    inputs: &'static str,
    reloaded: &'static str,
    containers: String,
    status: u32,
}

impl Default for Answer {
    fn default() -> Self {
        let host = desired(&[("web", "1")]);
        let directory = &host.services[&service("web")].directory;
        Answer {
            state: "loaded active running Web of demo",
            unit: "1795253471.000000000",
            inputs: "1795253471.000000000",
            reloaded: "1795253472.000000000",
            containers: format!(
                "[\"demo-web\",\"be8e\",\"web\",\"{FINGERPRINT}\",\"{directory}\",\"registry/web:1\",\"\",\"0.0.0.0:9000-9001->80-81/tcp, :::53->53/udp\",\"Up 2 hours (unhealthy)\"]\n"
            ),
            status: 0,
        }
    }
}

impl Answer {
    fn bytes(&self) -> Vec<u8> {
        let host = desired(&[("web", "1")]);
        let web = &host.services[&service("web")];
        let inputs = format!("/etc/bayplan/demo/web/{}", web.directory);
        let manifest = manifest(&host).to_text();
        let mut records = vec![
            "bayplan look 1".to_owned(),
            format!("{}  /dev/null", Digest::of("")),
            "s 41ed 4096 1.000000000 1.000000000 /".to_owned(),
            format!("states demo-web.service {}\n 0", self.state),
            "current link /var/lib/bayplan/demo/generations/3".to_owned(),
            format!(
                "{}  /etc/systemd/system/demo-web.service",
                Digest::of(&*web.service_unit().text)
            ),
            format!(
                "s 81a4 300 {0} {0} /etc/systemd/system/demo-web.service",
                self.unit
            ),
            format!("s 41ed 4096 {0} {0} /etc/bayplan/demo/web", self.inputs),
            format!("s 41ed 4096 {0} {0} {inputs}", self.inputs),
            format!("s a1ff 32 {STARTED} {STARTED} /run/systemd/units/invocation:demo-web.service"),
            format!("s 81a4 0 {0} {0} /run/bayplan/reloaded", self.reloaded),
            format!(
                "s 81a4 {} {STARTED} {STARTED} /var/lib/bayplan/demo/current/manifest.json",
                manifest.len()
            ),
        ];
        for (path, bytes) in &web.files {
            records.push(format!("{}  {inputs}/{path}", Digest::of(bytes)));
            records.push(format!(
                "s 81a4 9 {0} {0} {inputs}/{path}",
                "1795253471.000000000"
            ));
        }
        records.push("texts".to_owned());
        let mut bytes: Vec<u8> = records
            .into_iter()
            .flat_map(|r| format!("{r}\0").into_bytes())
            .collect();
        bytes.extend(manifest.as_bytes());
        bytes.extend(self.containers.as_bytes());
        bytes.extend(format!("status {}\nend\n", self.status).into_bytes());
        bytes
    }
}

fn with_request<T>(engine: Engine, detail: LookFor, then: impl FnOnce(&Request<'_>) -> T) -> T {
    let layout = layout();
    let mut desired = desired(&[("web", "1")]).services;
    let web = std::sync::Arc::make_mut(desired.get_mut(&service("web")).unwrap());
    web.fingerprint = crate::render::identity::Fingerprint::reported(FINGERPRINT);
    then(&Request {
        layout: &layout,
        engine,
        desired: &desired,
        detail,
    })
}

/// What is seen of `web`, with the answer to the second question, if it comes to one.
fn look(engine: Engine, answer: &Answer, more: Option<&str>) -> HostLook {
    with_request(engine, LookFor::Plan, |request| {
        match (parse(request, &answer.bytes()).unwrap(), more) {
            (Look::Complete(look), None) => look,
            (Look::NeedsMore(first), Some(more)) => first.complete(more.as_bytes()).unwrap(),
            (look, more) => panic!("{look:?}, {more:?}"),
        }
    })
}

fn seen(look: &HostLook) -> &crate::plan::observed::ObservedService {
    &look.observed.services[&service("web")]
}

fn more(show: &str, loaded: &str) -> String {
    format!("bayplan more 1\0show 0 Id=demo-web.service\n{show}\0loaded {loaded}\0texts\0end\n")
}

#[test]
fn a_running_service_needs_one_exchange() {
    let look = look(Engine::Docker, &Answer::default(), None);
    let seen = seen(&look);
    let since = Moment(1_795_253_472_334_209_060);
    assert_eq!(seen.process, ObservedProcess::Active { since });
    assert_eq!(seen.unit.loaded, Loaded::AsOnDisk);
    let container = seen.container.as_ref().unwrap();
    assert_eq!(container.fingerprint.as_str(), FINGERPRINT);
    assert_eq!(container.image, RunningImage::Referenced);
    let ports = ["0.0.0.0:9000", "0.0.0.0:9001", "[::]:53/udp"];
    let ports = ports.map(|ports| HostPorts::parse(ports).unwrap());
    assert_eq!(container.ports, ports.into());
    assert!(matches!(
        look.observed.generation,
        Generation::Current { number: 3, .. }
    ));
    assert_eq!(look.observed.next_generation, 4);
    assert_eq!(look.details[&service("web")].sub, "running");
    assert_eq!(look.unmanaged, []);
}

#[test]
fn status_asks_systemd_about_every_unit() {
    with_request(Engine::Docker, LookFor::Status, |request| {
        let Look::NeedsMore(first) = parse(request, &Answer::default().bytes()).unwrap() else {
            panic!();
        };
        assert!(first.script().contains("shown=demo-web.service\n"));
        let show = "NRestarts=3\nActiveEnterTimestamp=Sat 2026-11-21 09:31:12.440922 UTC";
        let look = first.complete(more(show, "").as_bytes()).unwrap();
        let shown = look.details[&service("web")].shown.clone().unwrap();
        assert_eq!(shown.restarts, 3);
        assert_eq!(shown.active_since, Some(Moment(1_795_253_472_440_922_000)));
    });
}

#[test]
fn a_directory_that_changed_since_the_start_asks_for_the_exact_moment() {
    let answer = Answer {
        inputs: "1795253472.400000000",
        ..Answer::default()
    };
    // The link is from before the edit, the process from after it.
    let show = "ExecMainStartTimestamp=Sat 2026-11-21 09:31:12.429501 UTC";
    let exact = look(Engine::Docker, &answer, Some(&more(show, "")));
    let since = Moment(1_795_253_472_429_501_000);
    assert_eq!(seen(&exact).process, ObservedProcess::Active { since });
}

/// Before systemd 248 a start is told in whole seconds, and `status` took every container for edited that was
/// started in the second of its files.
#[test]
fn a_start_in_whole_seconds_is_not_before_its_link() {
    let since = |answer: &Answer, show: &str| match seen(&look(
        Engine::Docker,
        answer,
        Some(&more(show, "")),
    ))
    .process
    {
        ObservedProcess::Active { since } => since.0,
        _ => panic!(),
    };
    let answer = Answer {
        inputs: "1795253472.400000000",
        ..Answer::default()
    };
    let link = 1_795_253_472_334_209_060;
    let show = "ExecMainStartTimestamp=Sat 2026-11-21 09:31:12 UTC";
    assert_eq!(since(&answer, show), link);
    let later = "ExecMainStartTimestamp=Sat 2026-11-21 09:31:13 UTC";
    assert_eq!(since(&answer, later), 1_795_253_473_000_000_000);
    // And where it is told in the time zone of the host, which nobody knows.
    let local = "ExecMainStartTimestamp=Sat 2026-11-21 10:31:12 CET";
    assert_eq!(since(&answer, local), link);
}

#[test]
fn the_engine_is_asked_only_where_files_changed_after_the_start() {
    let answer = Answer {
        inputs: "1795253472.400000000",
        ..Answer::default()
    };
    let environment = |said: &str| {
        let more = more("", "").replace("\0texts", &format!("\0{said}texts"));
        let look = look(Engine::Docker, &answer, Some(&more));
        seen(&look).container.clone().unwrap().environment
    };
    assert_eq!(environment(""), Environment::Unasked);
    assert_eq!(
        environment("environment same demo-web\0"),
        Environment::AsFiles
    );
    assert_eq!(
        environment("environment another demo-web\0"),
        Environment::Another
    );
    with_request(Engine::Docker, LookFor::Plan, |request| {
        let Look::NeedsMore(first) = parse(request, &answer.bytes()).unwrap() else {
            panic!();
        };
        let script = first.script();
        assert!(
            script.contains("\"$@\" demo-web 'A IMAGE VALUE' /etc/bayplan/demo/web/"),
            "{script}"
        );
        let perhaps = more("", "").replace("\0texts", "\0environment perhaps demo-web\0texts");
        assert!(first.complete(perhaps.as_bytes()).is_err());
    });
}

#[test]
fn a_unit_file_is_loaded_only_if_systemd_read_it_later() {
    let answer = Answer {
        unit: "1795253472.100000000",
        ..Answer::default()
    };
    for (loaded, expected) in [
        (
            "UnitsLoadTimestamp=Sat 2026-11-21 09:31:12.100000 UTC",
            Loaded::AsOnDisk,
        ),
        (
            "UnitsLoadTimestamp=Sat 2026-11-21 09:31:12.099999 UTC",
            Loaded::Older,
        ),
        ("UnitsLoadTimestamp=", Loaded::Older),
        ("", Loaded::Older),
    ] {
        let look = look(Engine::Docker, &answer, Some(&more("", loaded)));
        assert_eq!(seen(&look).unit.loaded, expected, "{loaded}");
    }
}

#[test]
fn what_is_not_well_is_told_in_the_words_of_systemd() {
    for (state, show, expected) in [
        (
            "loaded failed failed x",
            "Result=exit-code",
            "failed (exit-code)",
        ),
        (
            "loaded activating auto-restart x",
            "",
            "activating (auto-restart)",
        ),
        (
            "loaded deactivating stop-sigterm x",
            "",
            "deactivating (stop-sigterm)",
        ),
    ] {
        let answer = Answer {
            state,
            containers: String::new(),
            ..Answer::default()
        };
        let look = look(Engine::Docker, &answer, Some(&more(show, "")));
        let state = expected.to_owned();
        assert_eq!(seen(&look).process, ObservedProcess::Unwell { state });
        assert_eq!(seen(&look).container, None);
    }
    let answer = Answer {
        state: "loaded inactive dead x",
        containers: String::new(),
        ..Answer::default()
    };
    let look = look(Engine::Docker, &answer, None);
    assert_eq!(seen(&look).process, ObservedProcess::Stopped);
}

#[test]
fn an_image_that_its_reference_means_no_more_is_told_by_its_id() {
    let id = format!("sha256:{}", "a".repeat(64));
    let mut answer = Answer::default();
    answer.containers = answer.containers.replace("registry/web:1", &id);
    let docker = look(Engine::Docker, &answer, None);
    let image = |look: &HostLook| seen(look).container.clone().unwrap().image;
    assert_eq!(image(&docker), RunningImage::Another { id });

    let mut podman = Answer::default();
    podman.containers = podman.containers.replace(",\"\",", ",\"aa\",");
    for (listed, expected) in [
        (
            "[\"sha256:aa\",\"registry/web\",\"1\"]\n",
            RunningImage::Referenced,
        ),
        (
            "[\"bb\",\"registry/web\",\"1\"]\n",
            RunningImage::Another {
                id: "aa".to_owned(),
            },
        ),
        (
            "",
            RunningImage::Another {
                id: "aa".to_owned(),
            },
        ),
    ] {
        let answer = Answer {
            containers: format!("{}{listed}", podman.containers),
            ..Answer::default()
        };
        assert_eq!(
            image(&look(Engine::Podman, &answer, None)),
            expected,
            "{listed}"
        );
    }
}

#[test]
fn the_answers_of_dockerd_and_of_docker_mean_the_same() {
    let answer = Answer::default();
    let directory = &desired(&[("web", "1")]).services[&service("web")]
        .directory
        .clone();
    let daemon = Answer {
        containers: format!(
            "[{{\"Id\":\"be8e\",\"Names\":[\"/demo-web\"],\"Image\":\"registry/web:1\",\"ImageID\":\"sha256:1\",\
             \"Labels\":{{\"bayplan.service\":\"web\",\"bayplan.inputs\":\"{FINGERPRINT}\",\"bayplan.directory\":\"{directory}\"}},\
             \"Ports\":[{{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"PublicPort\":9000,\"Type\":\"tcp\"}},\
             {{\"IP\":\"0.0.0.0\",\"PrivatePort\":81,\"PublicPort\":9001,\"Type\":\"tcp\"}},\
             {{\"IP\":\"::\",\"PrivatePort\":53,\"PublicPort\":53,\"Type\":\"udp\"}},\
             {{\"PrivatePort\":82,\"Type\":\"tcp\"}}],\"Status\":\"Up 2 hours (unhealthy)\",\"New\":1}}]\n"
        ),
        ..Answer::default()
    };
    assert_eq!(
        look(Engine::Docker, &daemon, None),
        look(Engine::Docker, &answer, None)
    );
}

/// What both engines, and dockerd itself, say of two networks of the cluster.
const NETWORKS: [(Engine, &str); 3] = [
    (
        Engine::Docker,
        "networks [{\"Name\":\"demo-b\",\"Id\":\"22\",\"Labels\":{\"bayplan.network\":\"subnet=10.0.0.0/24,internal\"},\"New\":1},\
         {\"Name\":\"demo-a\",\"Id\":\"11\",\"Labels\":{\"bayplan.network\":\"\"}},{\"Name\":\"demo-b\",\"Id\":\"21\",\"Labels\":{\"bayplan.network\":\"subnet=10.0.0.0/24,internal\"}}]\n",
    ),
    (
        Engine::Docker,
        "network 11 demo-a \nnetwork 21 demo-b \nnetwork 22 demo-b subnet=10.0.0.0/24,internal\n",
    ),
    (
        Engine::Podman,
        "network 11 demo-a \nnetwork 21 demo-b \nnetwork 22 demo-b subnet=10.0.0.0/24,internal\n",
    ),
];

#[test]
fn who_is_in_a_network_is_asked_only_where_it_is_not_as_described() {
    let answer = |networks: &str| {
        let mut answer = Answer::default();
        answer.containers += networks;
        answer.bytes()
    };
    for (engine, networks) in NETWORKS {
        with_request(engine, LookFor::Plan, |request| {
            let mut desired = request.desired.clone();
            let web = std::sync::Arc::make_mut(desired.get_mut(&service("web")).unwrap());
            let a = ("demo-a".to_owned(), Some(String::new()));
            web.handling.networks = [a].into();
            let request = Request {
                desired: &desired,
                ..request.clone()
            };
            let Look::NeedsMore(first) = parse(&request, &answer(networks)).unwrap() else {
                panic!("{networks}");
            };
            let script = first.script();
            assert!(
                script.contains("\nnetworks='demo-b'\n") || script.contains("\nnetworks=demo-b\n"),
                "{script}"
            );
            let more = "bayplan more 1\0attached 0 demo-b demo-web \"demo\" \"web\"\nstranger null null\n\
                        other \"\" \"\"\ndemo-gone \"demo\" \"gone\"\0texts\0end\n";
            let look = first.complete(more.as_bytes()).unwrap();
            let seen = &look.observed.networks;
            assert_eq!(seen["demo-a"].options, "");
            assert_eq!(seen["demo-a"].attached, [].into());
            assert_eq!(seen["demo-b"].ids, ["21", "22"]);
            assert_eq!(seen["demo-b"].options, "subnet=10.0.0.0/24,internal");
            let container = |name: &str| Attached::Container(name.to_owned());
            let attached = [
                Attached::Service(service("web")),
                container("demo-gone"),
                container("other"),
                container("stranger"),
            ];
            assert_eq!(seen["demo-b"].attached, attached.into());
        });
    }
}

#[test]
fn a_container_without_a_unit_is_unmanaged() {
    let mut answer = Answer::default();
    answer.containers += "[\"demo-gone\",\"1\",\"gone\",\"v1:0\",\"\",\"registry/gone:1\",\"\",\"\",\"Up\"]\n\
                          [\"by-hand\",\"2\",\"\",\"\",\"\",\"registry/x:1\",\"\",\"\",\"Up\"]\n";
    let look = with_request(Engine::Docker, LookFor::Plan, |request| {
        match parse(request, &answer.bytes()).unwrap() {
            Look::Complete(look) => look,
            Look::NeedsMore(first) => panic!("{first:?}"),
        }
    });
    let names: Vec<_> = look
        .unmanaged
        .iter()
        .map(|u| u.container.as_str())
        .collect();
    assert_eq!(names, ["demo-gone", "by-hand"]);
    assert!(look.observed.services.contains_key(&service("gone")));
}

fn error(answer: &[u8]) -> ObserveError {
    with_request(Engine::Docker, LookFor::Plan, |request| {
        parse(request, answer).map(|_| ()).unwrap_err()
    })
}

#[test]
fn what_a_host_lacks_is_one_clear_line() {
    let problems = |records: &str| error(format!("bayplan look 1\0{records}end\0").as_bytes());
    let lines = [
        problems("problem readonly /etc/systemd/system\0"),
        error(
            &Answer {
                status: 1,
                containers: "Cannot connect to the Docker daemon\nat x\n".to_owned(),
                ..Answer::default()
            }
            .bytes(),
        ),
        error(b"bayplan look 1\0states Failed to connect to bus\nHost is down\n 1\0"),
        error(b"Welcome to Ubuntu\0"),
        error(b""),
    ];
    let lines = lines.map(|line| line.to_string()).join("\n");
    insta::assert_snapshot!(lines);
}

/// busybox's tools, and those of coreutils before 8.25, know no such option.
#[test]
fn a_tool_that_does_not_know_our_options_is_no_host_without_files() {
    for (tool, ability) in [("stat", Ability::Stat), ("sha256sum", Ability::Digest)] {
        for shell in shells() {
            let root = Root::new(shell);
            let host = desired(&[("web", "1")]);
            root.release(&host, 1);
            let request = Request {
                layout: &root.layout,
                engine: host.engine,
                desired: &host.services,
                detail: LookFor::Plan,
            };
            let broken =
                format!("{tool}() {{ echo '{tool}: unrecognized option' >&2; return 1; }}");
            let answer = root.run(&format!("{broken}\n{}", request.script()), b"");
            assert_eq!(
                parse(&request, &answer).map(|_| ()),
                Err(ObserveError::Unable { ability })
            );
        }
    }
}

/// As uutils' has it.
#[test]
fn a_stat_without_nanoseconds_is_told_as_such() {
    let answer = String::from_utf8(Answer::default().bytes()).unwrap();
    let (usual, coarse) = ("1.000000000 1.000000000 /\0", "1 1.000000000 /\0");
    let answer = answer.replace(usual, coarse);
    let ability = Ability::Stat;
    assert_eq!(error(answer.as_bytes()), ObserveError::Unable { ability });
}

#[test]
fn an_engine_that_is_too_old_is_told_by_its_version() {
    let old = |engine, said: &str, status| {
        let answer = Answer {
            status,
            containers: said.to_owned(),
            ..Answer::default()
        };
        with_request(engine, LookFor::Plan, |request| {
            parse(request, &answer.bytes()).map(|_| ())
        })
    };
    let unknown = "Error: template: ps: function \"json\" not defined\nversion 3.0.1\n";
    let found = Version::new(3, 0);
    assert_eq!(
        old(Engine::Podman, unknown, 125),
        Err(ObserveError::OldEngine {
            engine: Engine::Podman,
            oldest: Version::new(4, 0),
            found
        })
    );
    assert_eq!(
        old(Engine::Docker, "version 19.03.15\n[]\n", 0)
            .unwrap_err()
            .to_string(),
        "expected docker 20.10 or newer, found 19.3"
    );
    assert_eq!(
        old(Engine::Docker, "version 20.10.5+dfsg1\n[]\n", 0),
        Ok(())
    );
}

fn is_error(answer: &[u8]) -> bool {
    with_request(Engine::Docker, LookFor::Plan, |request| {
        parse(request, answer).is_err()
    })
}

#[test]
fn an_answer_that_is_cut_off_anywhere_is_an_error() {
    let whole = Answer::default().bytes();
    assert!(!is_error(&whole));
    for end in 0..whole.len() {
        assert!(is_error(&whole[..end]), "{end}");
    }
    let texts = ["/a".to_owned()].into();
    let whole = b"bayplan more 1\0show 0 Id=x\0loaded \0s 81a4 3 1.000000000 1.000000000 /a\0texts\0abcend\n";
    assert_eq!(More::parse(&texts, whole).unwrap().texts["/a"], "abc");
    for end in 0..whole.len() {
        assert!(More::parse(&texts, &whole[..end]).is_err(), "{end}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_answer_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), head in any::<bool>()) {
        let mut answer = if head { b"bayplan look 1\0".to_vec() } else { Vec::new() };
        answer.extend(&bytes);
        prop_assert!(is_error(&answer));
        let mut answer = b"bayplan more 1\0".to_vec();
        answer.extend(bytes);
        let _ = More::parse(&["/a".to_owned()].into(), &answer);
    }

    #[test]
    fn no_damage_makes_it_panic(edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..4, any::<u8>()), 1..6)) {
        let mut answer = Answer::default().bytes();
        for (at, what, byte) in edits {
            let at = at.index(answer.len());
            match what {
                0 => answer[at] = byte,
                1 => { answer.remove(at); }
                2 => answer.insert(at, byte),
                _ => { let tail = answer[at..].to_vec(); answer.extend(tail); }
            }
        }
        with_request(Engine::Docker, LookFor::Plan, |request| {
            if let Ok(Look::NeedsMore(first)) = parse(request, &answer) {
                let _ = first.script();
                let _ = first.complete(b"bayplan more 1\0texts\0end\n");
            }
        });
    }
}

/// What systemd, the journal and the engine say of `demo-web` after restarts at these seconds.
fn crashed(state: &'static str, show: &str, restarts: &[(u64, u64)], deaths: &str) -> HostLook {
    const NOW: u64 = 1_795_254_000;
    let entry = |(ago, number): &(u64, u64)| {
        format!(
            "{{\"MESSAGE_ID\":\"5eb03494b6584870a536b337290809b3\",\"UNIT\":\"demo-web.service\",\
             \"N_RESTARTS\":\"{number}\",\"__REALTIME_TIMESTAMP\":\"{}000000\"}}\n",
            NOW - ago
        )
    };
    let first = restarts.iter().rfind(|(_, number)| *number == 1);
    let first: String = first.iter().map(|restart| entry(restart)).collect();
    let journal: String = restarts.iter().map(entry).collect();
    let more = format!(
        "bayplan more 1\0show 0 Id=demo-web.service\n{show}\0now {NOW}\0restarts {journal}\0first {first}\0\
         deaths {deaths}\0loaded \0texts\0end\n"
    );
    let answer = Answer {
        state,
        ..Answer::default()
    };
    with_request(Engine::Docker, LookFor::Status, |request| {
        match parse(request, &answer.bytes()).unwrap() {
            Look::NeedsMore(first) => first.complete(more.as_bytes()).unwrap(),
            Look::Complete(_) => panic!("a status asks for more"),
        }
    })
}

#[test]
fn a_container_that_ends_again_and_again_is_told_also_while_it_runs() {
    let runs = "loaded active running Web of demo";
    let waits = "loaded activating auto-restart Web of demo";
    let of = |look: HostLook| look.observed.services[&service("web")].crashes.clone();
    let steady = |look: HostLook| of(look).unwrap().steady;

    // Twice within a quarter of an hour, or once a moment ago.
    let often = crashed(
        runs,
        "NRestarts=2",
        &[(700, 1), (300, 2)],
        "die a 7 demo-web\n",
    );
    let crashes = of(often).unwrap();
    assert_eq!(crashes.steady, Steady::No);
    assert_eq!(crashes.death, Some(Death::Exit(7)));
    assert_eq!(crashes.first, Some(Moment(1_795_253_300_000_000_000)));
    assert_eq!(crashes.last, Some(Moment(1_795_253_700_000_000_000)));
    let now = crashed(runs, "NRestarts=1", &[(3, 1)], "");
    assert_eq!(steady(now), Steady::No);
    let dead = "NRestarts=0\nExecMainCode=1\nExecMainStatus=9";
    let crashes = of(crashed(waits, dead, &[], "")).unwrap();
    assert_eq!(
        (crashes.steady, crashes.death),
        (Steady::No, Some(Death::Exit(9)))
    );

    // Once, some time ago; what was before a start that somebody asked for does not count.
    assert_eq!(
        steady(crashed(runs, "NRestarts=1", &[(90, 1)], "")),
        Steady::Yes
    );
    let before = &[(200, 1), (150, 2), (100, 1)];
    assert_eq!(
        steady(crashed(runs, "NRestarts=1", before, "")),
        Steady::Yes
    );
    assert_eq!(of(crashed(runs, "NRestarts=0", before, "")), None);

    // The last death counts, and memory is told where it was the cause of this one.
    let deaths = "die a 137 demo-web\noom a <no value> demo-web\n";
    let crashes = of(crashed(runs, "NRestarts=2", &[], deaths)).unwrap();
    assert!(crashes.out_of_memory);
    assert_eq!(crashes.death, Some(Death::Exit(137)));
    // What the engine tells of memory may come after what it tells of the end.
    let soon = format!("{deaths}die b 137 demo-web\n");
    let soon = of(crashed(runs, "NRestarts=3", &[], &soon)).unwrap();
    assert!(soon.out_of_memory);
    let deaths = format!("{deaths}die b 1 demo-web\ndie c 2 demo-other\n");
    let crashes = of(crashed(runs, "NRestarts=3", &[], &deaths)).unwrap();
    assert!(!crashes.out_of_memory);
    assert_eq!(crashes.death, Some(Death::Exit(1)));
}
