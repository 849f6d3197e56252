//! Hosts that were released under recipe v1 of fingerprints stay as they are under a bayplan whose recipe
//! is another one: no file is written, no container restarts, until a service changes for another reason.

#![expect(clippy::unwrap_used, reason = "a failure of a test says where")]
#![expect(clippy::disallowed_methods, reason = "a real process on real files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bayplan::cluster::digest::Digest;
use bayplan::cluster::model::Supervisor;
use bayplan::cluster::name::{HostName, ServiceName};
use bayplan::cluster::{Sources, check};
use bayplan::plan::observed::{
    Environment, Generation, Loaded, Moment, Observed, ObservedContainer, ObservedDirectory,
    ObservedHost, ObservedProcess, ObservedService, ObservedUnit, RunningImage, UnitFile,
};
use bayplan::plan::{Options, plan};
use bayplan::render::identity::{DirectoryName, Fingerprint};
use bayplan::render::manifest::Manifest;
use bayplan::render::render;
use bayplan::render::unit::parse_unit;
use tempfile::TempDir;

const CLUSTERS: [&str; 3] = ["demo", "peerspace", "wide"];

/// The config repository of then, with its hosts.
struct Then {
    directory: TempDir,
}

impl Then {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let archive =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hosts-of-recipe-v1.tar.gz");
        let unpacked = Command::new("tar")
            .arg("-xzf")
            .arg(archive)
            .arg("-C")
            .arg(directory.path())
            .status();
        assert!(unpacked.unwrap().success());
        Self { directory }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_bayplan"))
            .args(arguments)
            .current_dir(self.directory.path())
            .env("HOME", self.directory.path())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(said).unwrap(),
        )
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        fs::write(self.path(path), text.replace(from, to)).unwrap();
    }

    /// Every unit and env file below the hosts, without what bayplan notes for itself.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path("hosts"), &mut files);
        files.retain(|path, _| path.components().any(|part| part.as_os_str() == "etc"));
        files
    }

    /// What a host has on record of its generation.
    fn manifest(&self, host: &str) -> String {
        let cluster = host.split('/').next().unwrap();
        let current = format!("hosts/{host}/var/lib/bayplan/{cluster}/current/manifest.json");
        fs::read_to_string(self.path(&current)).unwrap()
    }

    fn sources(&self, cluster: &str) -> Sources {
        let mut files = BTreeMap::new();
        collect(&self.path(&format!("clusters/{cluster}")), &mut files);
        collect(&self.path("templates"), &mut files);
        let mut sources = Sources::new();
        for (path, bytes) in files {
            let path = path.strip_prefix(self.directory.path()).unwrap();
            sources.insert(path.to_str().unwrap(), bytes);
        }
        sources
    }
}

fn collect(directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

#[test]
fn an_upgrade_writes_no_file() {
    let then = Then::new();
    let before = then.files();
    for cluster in CLUSTERS {
        let (code, said) = then.run(&["diff", cluster, "--exit-code"]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("No changes."), "{said}");
        let (_, said) = then.run(&["status", cluster]);
        assert!(said.contains("is in sync"), "{said}");
        let (code, said) = then.run(&["release", cluster, "--yes"]);
        assert_eq!(code, 0, "{said}");
    }
    assert!(then.files() == before, "a file was written");
}

/// The same hosts as if their containers ran, each with the fingerprint that its unit says.
#[test]
fn an_upgrade_restarts_nothing() {
    let then = Then::new();
    for cluster in CLUSTERS {
        let sources = then.sources(cluster);
        let checked = check(cluster, &sources).cluster.unwrap();
        let desired = render(&checked).unwrap();
        let hosts = desired.hosts.keys().map(|host| {
            let root = then.path(&format!("hosts/{cluster}/{host}"));
            (host.clone(), seen(&root, cluster))
        });
        let hosts: BTreeMap<HostName, ObservedHost> = hosts.collect();
        assert!(hosts.values().all(|host| !host.services.is_empty()));
        let plan = plan(&desired, &Observed { hosts }, &Options::default());
        assert!(plan.is_empty(), "{cluster}: {:#?}", plan.hosts);
        assert_eq!(plan.refusals, []);
        for host in plan.hosts.values() {
            // A tag such as `latest` is told; nothing else is.
            let told = host.services.iter();
            let told: Vec<_> = told.filter(|s| !s.files.is_empty()).collect();
            assert!(told.is_empty(), "{told:#?}");
        }
    }
}

#[test]
fn what_changes_moves_to_the_new_recipe_and_nothing_else_does() {
    let then = Then::new();
    let unit = |name: &str| {
        let path = format!("hosts/demo/beta/etc/systemd/system/demo-{name}.service");
        fs::read_to_string(then.path(&path)).unwrap()
    };
    let (greeter, web) = (unit("greeter"), unit("web"));
    assert!(greeter.contains("Fingerprint=v1:"));
    assert!(then.manifest("demo/beta").contains("\"format\": 1"));
    let others = then.manifest("demo/alpha");
    then.edit(
        "clusters/demo/services/greeter.toml",
        "tag",
        "memory = \"1g\"\ntag",
    );
    let (code, said) = then.run(&["release", "demo", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(unit("greeter").contains("Fingerprint=v2:"));
    // Only then a manifest says how a release treats its services.
    let manifest = then.manifest("demo/beta");
    assert!(manifest.contains("\"format\": 2") && manifest.contains("\"handling\""));
    assert_eq!(then.manifest("demo/alpha"), others);
    assert_eq!(unit("web"), web);
    // From then on only what it means counts.
    then.edit("clusters/demo/services/greeter.toml", "\"1g\"", "\"1024m\"");
    let sources = then.sources("demo");
    let fingerprints = |sources: &Sources| {
        let desired = render(&check("demo", sources).cluster.unwrap()).unwrap();
        let hosts = desired.hosts.values();
        let services = hosts.flat_map(|host| host.services.values());
        let fingerprints = services.map(|service| service.fingerprint.to_string());
        fingerprints.collect::<BTreeSet<_>>()
    };
    let now = fingerprints(&sources);
    let carried = unit("greeter");
    assert!(now.iter().any(|one| carried.contains(one.as_str())));
    // And back by its generation, which is of the old recipe.
    let (code, said) = then.run(&["rollback", "demo", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(unit("greeter"), greeter);
}

/// Without the generation it is the unit that says under which recipe a host is.
#[test]
fn a_lost_generation_is_recorded_anew_and_writes_nothing_else() {
    let then = Then::new();
    fs::remove_dir_all(then.path("hosts/demo/alpha/var/lib/bayplan")).unwrap();
    let before = then.files();
    let (code, said) = then.run(&["release", "demo", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(then.files() == before, "a file was written");
    let (code, said) = then.run(&["diff", "demo", "--exit-code"]);
    assert_eq!(code, 0, "{said}");
}

/// What a look at a host like this one sees, if everything runs that its units say.
fn seen(root: &Path, cluster: &str) -> ObservedHost {
    let state = root.join(format!("var/lib/bayplan/{cluster}/current"));
    let manifest = fs::read_to_string(state.join("manifest.json")).unwrap();
    let manifest = Manifest::parse(&manifest).unwrap();
    let services = manifest.services.keys().map(|service| {
        let unit = format!("etc/systemd/system/{cluster}-{service}.service");
        let text = fs::read_to_string(root.join(unit)).unwrap();
        (service.clone(), seen_service(root, cluster, service, &text))
    });
    ObservedHost {
        networks: BTreeMap::new(),
        supervisor: Supervisor::Systemd,
        services: services.collect(),
        generation: Generation::Current {
            number: 1,
            manifest: manifest.clone(),
            images: BTreeMap::new(),
        },
        next_generation: 2,
        placement: Default::default(),
        kept_generations: [1].into(),
        ..ObservedHost::default()
    }
}

fn seen_service(root: &Path, cluster: &str, service: &ServiceName, text: &str) -> ObservedService {
    let unit = parse_unit(text);
    let mark = |key: &str| unit.values("X-Bayplan", key)[0].to_owned();
    let directory = mark("Directory");
    let base = root.join(format!("etc/bayplan/{cluster}/{service}/{directory}"));
    let mut files = BTreeMap::new();
    collect(&base, &mut files);
    let image = files.iter().find_map(|(_, bytes)| {
        let text = std::str::from_utf8(bytes).ok()?;
        let line = text.lines().find(|line| line.starts_with("IMAGE="))?;
        Some(line["IMAGE=\"".len()..line.len() - 1].to_owned())
    });
    let record = fs::read_to_string(base.join(".secrets")).unwrap_or_default();
    let digest = |(path, bytes): (&PathBuf, &Vec<u8>)| {
        let path = path.strip_prefix(&base).unwrap().to_str().unwrap();
        let found = Digest::of(bytes);
        let stands = record.lines().find_map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            (words[0] == found.as_str() && words[2] == path).then(|| words[1])
        });
        let digest = stands.map_or(found, |stands| Digest::reported(stands).unwrap());
        (path != ".secrets").then(|| (path.to_owned(), digest))
    };
    let targets = unit.values("Install", "WantedBy").join(" ");
    let targets = targets.split(' ').map(|target| format!("{target}.wants"));
    let directory = DirectoryName::reported(&directory).unwrap();
    let there = ObservedDirectory {
        files: files.iter().filter_map(digest).collect(),
        ..ObservedDirectory::default()
    };
    ObservedService {
        unit: ObservedUnit {
            file: UnitFile::Ours {
                digest: Digest::of(text),
                text: None,
            },
            changed: Moment(0),
            enabled_by: targets.collect(),
            loaded: Loaded::AsOnDisk,
        },
        directories: [(directory.clone(), there)].into(),
        process: ObservedProcess::Active { since: Moment(1) },
        container: Some(ObservedContainer {
            fingerprint: Fingerprint::reported(&mark("Fingerprint")),
            directory: Some(directory),
            reference: image.unwrap(),
            image: RunningImage::Referenced,
            environment: Environment::Unasked,
            ports: BTreeSet::new(),
        }),
        ..ObservedService::default()
    }
}
