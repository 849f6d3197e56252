//! A small host for the tests of this room.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::activate::record::{Record, Source};
use super::activate::script::{Activation, PATIENCE, PartEnd, ReleasePart, SETTLE};
use super::layout::{ActivationId, Layout, StageId};
use super::look::{HostLook, Look, LookFor, Request, parse};
use super::place::HostPlace;
use super::stage::{HostNeeds, ReadinessCheck, SealedFile, Staged, parse_staged};
use crate::cluster::digest::Digest;
use crate::cluster::model::{Engine, EngineClient, Excerpts, Image, RestartPolicy, Supervisor};
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::plan::WayBack;
use crate::plan::step::{Begins, Step};
use crate::render::desired::{DesiredHost, DesiredService, DesiredUnit, Mounted, OlderForm};
use crate::render::identity::{DirectoryName, Fingerprint, Instance, UnitKind, UnitName};
use crate::render::inputs::Inputs;
use crate::render::manifest::{Handling, Manifest, ManifestService, Readiness};
use crate::render::unit::parse_unit;

pub fn cluster() -> ClusterName {
    ClusterName::new("demo").unwrap()
}

pub fn service(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

pub fn unit(name: &str) -> UnitName {
    Instance::of(&service(name)).unit(&cluster())
}

/// All services of a host on their way to it, without secrets.
pub fn staged<'a>(host: &'a DesiredHost, manifest: &'a Manifest) -> Staged<'a> {
    static NO_SECRETS: BTreeMap<ServiceName, Vec<SealedFile>> = BTreeMap::new();
    Staged {
        manifest,
        from: None,
        sent: host.services.iter().collect(),
        sealed: &NO_SECRETS,
        scripts: &[],
    }
}

/// A service whose inputs depend on one value.
pub fn desired_service(name: &str, value: &str) -> DesiredService {
    let env = format!("IMAGE=\"registry/{name}:1\"\nVALUE=\"{value}\"\n");
    let files = BTreeMap::from([
        ("30-cluster.env".to_owned(), b"A=\"b\"\n".to_vec()),
        (format!("50-{name}.env"), env.into_bytes()),
        ("files/etc/app.conf".to_owned(), value.as_bytes().to_vec()),
    ]);
    let digest = Digest::of(format!("{name} {value}"));
    let directory = DirectoryName::reported(&digest.as_str()[..12]).unwrap();
    let fingerprint = Fingerprint::reported(&format!("v1:{digest}"));
    let unit_text = format!(
        "[Service]\n\
         EnvironmentFile=/etc/bayplan/demo/{name}/{directory}/*.env\n\
         ExecStart=/usr/bin/docker run --label bayplan.inputs={fingerprint} ${{IMAGE}}\n\
         [Install]\nWantedBy=multi-user.target\n\
         [X-Bayplan]\nFormat=1\nCluster=demo\nService={name}\n",
    );
    let handling = Handling {
        networks: BTreeMap::new(),
        addresses: BTreeMap::new(),
        ports: BTreeSet::new(),
        needs: Vec::new(),
        after: Vec::new(),
        restart: RestartPolicy::Auto,
        readiness: Readiness::Running,
        runs: Default::default(),
        slots: None,
        shared: None,
    };
    let entry = ManifestService {
        units: [(unit(name).service_file(), Digest::of(&unit_text))].into(),
        directory: directory.clone(),
        fingerprint: fingerprint.clone(),
        image: format!("registry/{name}:1"),
        stateful: false,
        files: files
            .iter()
            .map(|(path, bytes)| (path.clone(), Digest::of(bytes)))
            .collect(),
        live: None,
        handling: Some(handling.clone()),
    };
    DesiredService {
        unit: unit(name),
        entry,
        units: [(
            unit(name).service_file(),
            DesiredUnit::new(unit_text.as_str().into(), &parse_unit(&unit_text)),
        )]
        .into(),
        directory,
        files,
        secrets: Default::default(),
        live: BTreeMap::new(),
        inputs: Inputs::default(),
        fingerprint,
        image: Image {
            reference: format!("registry/{name}:1"),
            version: "1".to_owned(),
            moving: false,
        },
        handling,
        stateful: false,
        max_down: None,
        batch: None,
        soak: None,
        deadline: None,
        sources: BTreeSet::new(),
        mounted: Mounted::default(),
        template: "built-in".to_owned(),
        older: OlderForm::none(),
    }
}

/// Adds a timer to a service; its second unit file.
pub fn add_timer(host: &mut DesiredHost, name: &str, calendar: &str) {
    let text = format!(
        "[Timer]\nOnCalendar={calendar}\n[Install]\nWantedBy=timers.target\n\
         [X-Bayplan]\nFormat=1\nCluster=demo\nService={name}\n"
    );
    let of_it = host.services.get_mut(&service(name)).unwrap();
    let of_it = std::sync::Arc::make_mut(of_it);
    let file = unit(name).file(UnitKind::Timer);
    of_it.entry.units.insert(file.clone(), Digest::of(&text));
    let timer = DesiredUnit::new(text.as_str().into(), &parse_unit(&text));
    of_it.units.insert(file, timer);
}

/// A host by ssh.
pub fn place() -> HostPlace {
    HostPlace {
        at: "10.0.0.226".to_owned(),
        root: None,
        supervisor: Supervisor::Systemd,
        client: EngineClient::usual(Engine::Docker),
    }
}

/// Its paths.
pub fn layout() -> Layout {
    Layout::of(&place(), &cluster())
}

/// Those below a root directory.
pub fn directory_layout(root: &Path, supervisor: Supervisor) -> Layout {
    let place = HostPlace {
        at: root.display().to_string(),
        root: Some(root.to_owned()),
        supervisor,
        ..place()
    };
    Layout::of(&place, &cluster())
}

/// A host with these services.
pub fn desired(services: &[(&str, &str)]) -> DesiredHost {
    let services = services.iter();
    DesiredHost {
        engine: Engine::Docker,
        services: services
            .map(|(name, value)| (service(name), desired_service(name, value).into()))
            .collect(),
    }
}

pub fn manifest(host: &DesiredHost) -> Manifest {
    host.manifest(&cluster(), &HostName::new("docker01").unwrap())
}

pub fn id(text: &str) -> StageId {
    StageId::new(text).unwrap()
}

/// The steps that place everything of a host as the generation `number`.
pub fn steps(host: &DesiredHost, number: u64) -> Vec<Step> {
    let mut steps = Vec::new();
    for (name, service) in &host.services {
        steps.push(Step::PlaceInputs {
            service: name.clone(),
            directory: service.directory.clone(),
        });
    }
    for (name, service) in &host.services {
        let files = service.units.keys().cloned();
        steps.extend(files.map(|file| Step::WriteUnit {
            service: name.clone(),
            file,
        }));
    }
    let units: Vec<_> = host.services.values().map(|s| s.unit.clone()).collect();
    let files = host.services.values().flat_map(|s| s.units.keys());
    steps.push(Step::Enable {
        files: files.cloned().collect(),
    });
    steps.push(Step::Reload);
    for (name, service) in &host.services {
        steps.push(Step::Restart {
            service: name.clone(),
            unit: service.unit.clone(),
            begins: Begins::After,
        });
    }
    steps.push(Step::AwaitHealthy { units });
    steps.push(Step::SetCurrent { number });
    steps
}

/// The script of an activation.
pub fn activation(layout: &Layout, host: &DesiredHost, source: &Source, steps: &[Step]) -> String {
    activation_with(
        layout,
        host,
        source,
        steps,
        None,
        &ActivationWaits::default(),
    )
}

/// How long an activation waits for what.
pub struct ActivationWaits {
    pub patience: Duration,
    pub soak: Duration,
    pub deadline: Option<Duration>,
    /// What asks while it soaks.
    pub probes: BTreeMap<UnitName, Vec<Vec<String>>>,
}

impl Default for ActivationWaits {
    fn default() -> Self {
        Self {
            patience: PATIENCE,
            soak: Duration::ZERO,
            deadline: None,
            probes: BTreeMap::new(),
        }
    }
}

/// The same, with what is done when a step fails, and how long it waits.
pub fn activation_with(
    layout: &Layout,
    host: &DesiredHost,
    source: &Source,
    steps: &[Step],
    way_back: Option<&WayBack>,
    waits: &ActivationWaits,
) -> String {
    let units = host.services.values().flat_map(|service| &service.units);
    let enabled_by = units
        .map(|(file, unit)| (file.clone(), unit.enabled_by.clone()))
        .collect();
    let record = Record {
        format: 1,
        bayplan: "0.1.0",
        release: "20261121-093000-4711".to_owned(),
        who: "ada@laptop".to_owned(),
        when: "2026-11-21T09:30:00Z".to_owned(),
        commit: None,
        back_to: None,
        reasons: Vec::new(),
        deed: None,
        action: "release",
    };
    let activation = Activation {
        layout,
        id: &ActivationId::new("3f9ac1b20c77").unwrap(),
        engine: host.engine,
        source,
        steps,
        enabled_by: &enabled_by,
        record: &record,
        part: &ReleasePart {
            generation: match source {
                Source::Staged { number, .. } | Source::Generation(number) => *number,
            },
            started: BTreeSet::new(),
            mended: BTreeSet::new(),
            end: PartEnd::Done,
        },
        probes: &waits.probes,
        way_back,
        goes_back: None,
        settle: SETTLE,
        soak: waits.soak,
        deadline: waits.deadline,
        patience: waits.patience,
        journal: Excerpts::Shown,
        parallel: NonZeroUsize::new(2),
    };
    activation.script().unwrap()
}

/// Runs a script as a session does: the script by an argument, `input` on standard input.
pub fn run(shell: &str, script: &str, input: &[u8]) -> Vec<u8> {
    let mut words = shell.split(' ');
    let mut child = Command::new(words.next().unwrap())
        .args(words)
        .arg("-c")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    // A script that reads nothing closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap().stdout
}

/// The shells of this machine, of those that are `sh` on systemd hosts. (Busybox is not: its
/// shell prefers its own small programs to coreutils.)
pub fn shells() -> Vec<&'static str> {
    let known = ["sh", "dash", "bash"];
    let there = |shell: &&str| {
        let mut words = shell.split(' ');
        let mut command = Command::new(words.next().unwrap());
        let command = command.args(words).arg("-c").arg(":");
        command.output().is_ok_and(|output| output.status.success())
    };
    known.into_iter().filter(there).collect()
}

/// A root directory as a host.
pub struct Root {
    pub layout: Layout,
    pub directory: tempfile::TempDir,
    pub shell: &'static str,
}

impl Root {
    pub fn new(shell: &'static str) -> Self {
        // A blank and a pattern in the path: every word of every script must be quoted.
        let directory = tempfile::Builder::new()
            .prefix("a b[c]*")
            .tempdir()
            .unwrap();
        let layout = directory_layout(directory.path(), Supervisor::None);
        Root {
            layout,
            directory,
            shell,
        }
    }

    /// Its paths, where something runs containers.
    pub fn with_supervisor(&self, supervisor: Supervisor) -> Layout {
        directory_layout(self.directory.path(), supervisor)
    }

    pub fn path(&self, path: &str) -> std::path::PathBuf {
        self.directory.path().join(path)
    }

    pub fn read(&self, path: &str) -> String {
        let path = self.path(path);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    pub fn write(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        std::fs::write(self.path(path), text).unwrap();
    }

    pub fn run(&self, script: &str, input: &[u8]) -> Vec<u8> {
        run(self.shell, script, input)
    }

    /// Stages everything, and checks it.
    pub fn stage(&self, host: &DesiredHost, id: &StageId) -> ReadinessCheck {
        let manifest = manifest(host);
        self.stage_parts(&staged(host, &manifest), id)
    }

    pub fn stage_parts(&self, staged: &Staged<'_>, id: &StageId) -> ReadinessCheck {
        let payload = staged.payload().unwrap();
        let script = staged.stage_script(&self.layout, id, None);
        parse_staged(&self.run(&script, &payload)).unwrap();
        let script = staged.check_script(
            &self.layout,
            Engine::Docker,
            id,
            &staged.expected(payload.len() as u64),
            &HostNeeds::default(),
        );
        ReadinessCheck::parse(&self.run(&script, b"")).unwrap()
    }

    pub fn activate(&self, host: &DesiredHost, source: &Source, steps: &[Step]) -> String {
        let script = activation(&self.layout, host, source, steps);
        let file = self.path("activate.sh");
        std::fs::write(&file, script).unwrap();
        let answer = self.run(
            &format!("{} '{}' </dev/null", self.shell, file.display()),
            b"",
        );
        std::fs::remove_file(file).unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// A release of everything, by the steps of [`steps`].
    pub fn release(&self, host: &DesiredHost, number: u64) {
        let id = id(&format!("release-{number}"));
        assert_eq!(self.stage(host, &id).findings, []);
        let source = Source::Staged { id, number };
        let said = self.activate(host, &source, &steps(host, number));
        assert!(said.ends_with("end\n"), "{said}");
    }

    /// A look, in as many exchanges as it needs: what was seen, and their number.
    pub fn look(&self, host: &DesiredHost) -> (HostLook, usize) {
        let request = Request {
            layout: &self.layout,
            engine: host.engine,
            desired: &host.services,
            detail: LookFor::Plan,
        };
        match parse(&request, &self.run(&request.script(), b"")).unwrap() {
            Look::Complete(look) => (look, 1),
            Look::NeedsMore(first) => {
                let answer = self.run(&first.script(), b"");
                (first.complete(&answer).unwrap(), 2)
            }
        }
    }

    /// Every entry below the root: its path and what it holds.
    pub fn tree(&self) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        collect(self.directory.path(), self.directory.path(), &mut tree);
        tree
    }
}

fn collect(root: &Path, directory: &Path, tree: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            tree.insert(name, "directory".to_owned());
            collect(root, &path, tree);
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&path).unwrap();
            tree.insert(name, format!("-> {}", target.display()));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            tree.insert(name, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}
