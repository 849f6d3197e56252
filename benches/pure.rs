//! How fast it is without hosts, every figure beside its floor from the same run.
//!
//! `cargo bench --bench pure`
//!
//! What needs memory runs in a child process of its own, so that its peak is its own too.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "measures and prints figures"
)]

#[path = "pure/completion.rs"]
mod completion;
#[path = "pure/review.rs"]
mod review;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use bayplan::cluster::digest::Digest;
use bayplan::cluster::model::{Cluster, OnFailure, Supervisor};
use bayplan::cluster::{Sources, check};
use bayplan::plan::observed::{
    Generation, Loaded, Moment, Observed, ObservedContainer, ObservedDirectory, ObservedHost,
    ObservedProcess, ObservedService, ObservedUnit, RunningImage, UnitFile,
};
use bayplan::plan::{Options, RolloutPolicy, plan};
use bayplan::render::desired::{Desired, DesiredHost, DesiredService};
use bayplan::render::render;
use bayplan::repository::Repository;

const RUNS: usize = 9;
const CHILDREN: usize = 5;
const HOSTS: usize = 50;
const SERVICES: usize = 200;

const TIME: Duration = Duration::from_secs(1);
const MEMORY: u64 = 300 << 10;
const CHECK: Duration = Duration::from_millis(20);

/// Says to a child of this program which case it is.
const CASE: &str = "BAYPLAN_BENCH_CASE";

fn main() -> ExitCode {
    if let Ok(case) = std::env::var(CASE) {
        let (case, hosts) = all_cases()
            .find(|(known, hosts)| title(*known, *hosts) == case)
            .expect("this program names its cases");
        case.run(hosts);
        return ExitCode::SUCCESS;
    }
    println!("| what | bayplan | floor | ratio | limit |");
    println!("| --- | --- | --- | --- | --- |");
    let mut kept = true;
    for (case, hosts) in all_cases() {
        kept &= many_units(case, hosts);
    }
    kept &= check_of_peerspace();
    completion::completion();
    kept &= review::reviews();
    ExitCode::from(u8::from(!kept))
}

/// Ten thousand units, in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Each of them another service.
    Distinct,
    /// Two hundred services, each on all hosts.
    Everywhere,
}

/// What is seen on the hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hosts {
    /// Nothing was ever released.
    Bare,
    /// Everything is as desired.
    Same,
    /// Every container restarts for a variable.
    Changed,
}

impl Hosts {
    const ALL: [Hosts; 3] = [Hosts::Bare, Hosts::Same, Hosts::Changed];

    fn name(self) -> &'static str {
        match self {
            Hosts::Bare => "all are new",
            Hosts::Same => "nothing changes",
            Hosts::Changed => "all restart",
        }
    }
}

fn all_cases() -> impl Iterator<Item = (Case, Hosts)> {
    let cases = Case::ALL.into_iter();
    cases.flat_map(|case| Hosts::ALL.into_iter().map(move |hosts| (case, hosts)))
}

fn title(case: Case, hosts: Hosts) -> String {
    format!("{}; {}", case.name(), hosts.name())
}

impl Case {
    const ALL: [Case; 2] = [Case::Distinct, Case::Everywhere];

    fn name(self) -> &'static str {
        match self {
            Case::Distinct => "10,000 services, each on one of 50 hosts",
            Case::Everywhere => "200 services, each on all of 50 hosts",
        }
    }

    /// What a child does: prints `<what> <number>` for each part: seconds, and the peak of memory
    /// in KiB from the checked model on.
    fn run(self, hosts: Hosts) {
        let tell = |what, took: Duration| println!("{what} {}", took.as_secs_f64());
        let seen = |desired: &Desired| match hosts {
            Hosts::Bare => bare(desired),
            Hosts::Same => as_released(desired, Texts::Unfetched),
            Hosts::Changed => as_released(desired, Texts::Fetched),
        };
        let before = match hosts {
            Hosts::Bare | Hosts::Same => "a",
            // A variable that every service reads has another value since.
            Hosts::Changed => "b",
        };
        let rendered = |cluster: &Cluster| render(cluster).expect("the built-in template is fine");
        let seen = seen(&rendered(&checked("big", &self.describe(before))));
        let (cluster, took) = timed(|| checked("big", &self.describe("a")));
        tell("check", took);
        std::fs::write("/proc/self/clear_refs", "5").expect("Linux forgets the peak so");
        let (desired, took) = timed(|| rendered(&cluster));
        tell("render", took);
        // Without the wave at the end that records what all have.
        let rollout = RolloutPolicy {
            on_failure: OnFailure::Host,
            ..RolloutPolicy::default()
        };
        let options = Options {
            rollout,
            ..Options::default()
        };
        let (plan, took) = timed(|| plan(&desired, &seen, &options));
        tell("plan", took);
        println!("memory {}", peak());
        let (_, took) = timed(|| floor(&desired));
        tell("floor", took);
        let units = desired.hosts.values().map(|host| host.services.len());
        assert_eq!(units.sum::<usize>(), HOSTS * SERVICES);
        let waves = match (hosts, self) {
            // The first host, then all others.
            (Hosts::Bare, Case::Distinct) => 2,
            // Each service needs the one before: a wave each, and one host first.
            (Hosts::Bare, Case::Everywhere) => SERVICES,
            (Hosts::Same, _) => 0,
            (Hosts::Changed, Case::Distinct) => HOSTS,
            // Each service is well on all hosts before one restarts that needs it, and is down on one host at a time: nearly
            // a wave each on each host.
            (Hosts::Changed, Case::Everywhere) => 9752,
        };
        assert_eq!(plan.waves.len(), waves);
    }

    fn describe(self, value: &str) -> Sources {
        let mut sources = Sources::new();
        let mut cluster = String::new();
        for host in 0..HOSTS {
            let address = format!("10.0.{}.{}", host / 200, host % 200 + 1);
            writeln!(cluster, "[hosts.h{host:02}]\naddress = \"{address}\"").expect("a string");
        }
        let count = match self {
            Case::Distinct => HOSTS * SERVICES,
            Case::Everywhere => SERVICES,
        };
        cluster.push_str("[place]\n");
        for service in 0..count {
            let hosts: Vec<usize> = match self {
                Case::Distinct => vec![service / SERVICES],
                Case::Everywhere => (0..HOSTS).collect(),
            };
            let hosts: Vec<String> = hosts.iter().map(|h| format!("\"h{h:02}\"")).collect();
            writeln!(cluster, "s{service:05} = [{}]", hosts.join(", ")).expect("a string");
        }
        writeln!(
            cluster,
            "[vars]\nMONGODB_HOST = \"{value}\"\nMONGODB_URL = \"mongodb://{{{{ MONGODB_HOST }}}}/prod\"\nEXTERNAL_ADDRESS = \"https://example.com\""
        )
        .expect("a string");
        sources.insert("clusters/big/cluster.toml", cluster);
        sources.insert(
            "clusters/big/service-config.toml",
            "[vars]\nLOG_LEVEL = \"info\"\nLOG_FORMAT = \"json\"\n",
        );
        for service in 0..count {
            let before = match service % SERVICES {
                0 => service + 1,
                _ => service - 1,
            };
            let text = format!(
                "image = \"registry.example.com/s{service:05}\"\ntag = \"1.4.2\"\nport = {}\n\
                 needs = [\"s{before:05}\"]\nvars = [\"MONGODB_*\", \"EXTERNAL_*\", \"LOG_*\"]\n\
                 [env]\nJAVA_OPTS = \"-Xmx512m -Dfile.encoding=UTF-8\"\n\
                 [health]\nhttp = \"/health\"\n",
                9000 + service % SERVICES
            );
            sources.insert(format!("clusters/big/services/s{service:05}.toml"), text);
        }
        sources
    }
}

fn checked(name: &str, sources: &Sources) -> Cluster {
    let checked = check(name, sources);
    checked.cluster.expect("the description has no errors")
}

/// Hashes and copies every byte that is rendered.
fn floor(desired: &Desired) {
    for service in desired
        .hosts
        .values()
        .flat_map(|host| host.services.values())
    {
        let text = &*service.service_unit().text;
        black_box((Digest::of(text), text.to_owned()));
        for bytes in service.files.values() {
            black_box((Digest::of(bytes), bytes.clone()));
        }
    }
}

fn bare(desired: &Desired) -> Observed {
    let hosts = desired.hosts.keys();
    Observed {
        hosts: hosts
            .map(|name| (name.clone(), ObservedHost::default()))
            .collect(),
    }
}

/// Whether a look fetched the texts of files, as it does of those that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Texts {
    Fetched,
    Unfetched,
}

/// What a look sees where this was released.
fn as_released(desired: &Desired, texts: Texts) -> Observed {
    let host = |name, host: &DesiredHost| ObservedHost {
        supervisor: Supervisor::Systemd,
        generation: Generation::Current {
            number: 1,
            manifest: host.manifest(&desired.cluster, name),
            images: BTreeMap::new(),
        },
        next_generation: 2,
        kept_generations: [1].into(),
        services: host
            .services
            .iter()
            .map(|(name, service)| (name.clone(), running(service, texts)))
            .collect(),
        ..ObservedHost::default()
    };
    Observed {
        hosts: desired
            .hosts
            .iter()
            .map(|(name, wanted)| (name.clone(), host(name, wanted)))
            .collect(),
    }
}

fn running(service: &DesiredService, texts: Texts) -> ObservedService {
    let fetched = texts == Texts::Fetched;
    let files = service.files.iter().filter(|_| fetched);
    let texts = files.map(|(path, bytes)| {
        let text = String::from_utf8(bytes.clone()).expect("env files are UTF-8");
        (path.clone(), text.into())
    });
    let directory = ObservedDirectory {
        files: service.entry.files.clone(),
        texts: texts.collect(),
        ..ObservedDirectory::default()
    };
    ObservedService {
        unit: ObservedUnit {
            file: UnitFile::Ours {
                digest: service.unit_digest().clone(),
                // Every host sends its own.
                text: fetched.then(|| (&*service.service_unit().text).into()),
            },
            changed: Moment(1),
            enabled_by: service.service_unit().enabled_by.clone(),
            loaded: Loaded::AsOnDisk,
        },
        directories: [(service.directory.clone(), directory)].into(),
        process: ObservedProcess::Active { since: Moment(2) },
        container: Some(ObservedContainer {
            fingerprint: service.fingerprint.clone(),
            directory: Some(service.directory.clone()),
            reference: service.image.reference.clone(),
            image: RunningImage::Referenced,
            environment: bayplan::plan::observed::Environment::Unasked,
            ports: service.handling.ports.clone(),
        }),
        ..ObservedService::default()
    }
}

/// Runs a case in children and prints its medians. Whether it keeps the limits.
fn many_units(case: Case, hosts: Hosts) -> bool {
    let program = std::env::current_exe().expect("Linux tells it");
    let title = title(case, hosts);
    let mut parts: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for _ in 0..CHILDREN {
        let mut child = Command::new(&program);
        let child = child.env(CASE, &title).stderr(Stdio::inherit());
        let output = child.output().expect("this program starts");
        assert!(output.status.success(), "{title}");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let (what, number) = line.split_once(' ').expect("two words");
            let number = number.parse().expect("a number");
            parts.entry(what.to_owned()).or_default().push(number);
        }
    }
    let mut part = |what| median(parts.get_mut(what).expect("every child tells it"));
    let (render, plan, floor, memory) =
        (part("render"), part("plan"), part("floor"), part("memory"));
    let mut kept = true;
    println!(
        "| {title}: render + plan | {} + {} | {} | {:.1} | {} |",
        milliseconds(render),
        milliseconds(plan),
        milliseconds(floor),
        (render + plan) / floor,
        judged(render + plan <= TIME.as_secs_f64(), "1 s", &mut kept),
    );
    println!(
        "| {title}: peak of memory | {:.0} MB | | | {} |",
        memory / 1024.0,
        judged(memory <= MEMORY as f64, "300 MB", &mut kept)
    );
    println!(
        "| {title}: its `check`, before that | {} | | | |",
        milliseconds(part("check"))
    );
    kept
}

fn check_of_peerspace() -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let repository = Repository::find(root).expect("it has clusters/");
    let load = || repository.load("peerspace").expect("it is there");
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (_, took) = timed(|| {
            let cluster = checked("peerspace", &load());
            render(&cluster).expect("it is an example")
        });
        ours.push(took.as_secs_f64());
        let (_, took) = timed(|| {
            for (_, bytes) in load().files() {
                let text = std::str::from_utf8(bytes).expect("they are UTF-8");
                black_box(toml::from_str::<toml::Table>(text).ok());
            }
        });
        floors.push(took.as_secs_f64());
    }
    let mut kept = true;
    row(
        "`check` of clusters/peerspace in-process; reading and parsing its files",
        median(&mut ours),
        median(&mut floors),
        &mut kept,
    );

    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    let process = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bayplan"));
        command.current_dir(root).args(arguments);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let (status, took) = timed(|| command.status().expect("it starts"));
        assert!(status.success(), "{arguments:?}");
        took.as_secs_f64()
    };
    for _ in 0..RUNS {
        ours.push(process(&["check", "peerspace"]));
        floors.push(process(&["--version"]));
    }
    row(
        "`bayplan check peerspace`; `bayplan --version`",
        median(&mut ours),
        median(&mut floors),
        &mut kept,
    );
    kept
}

fn row(what: &str, took: f64, floor: f64, kept: &mut bool) {
    println!(
        "| {what} | {} | {} | {:.1} | {} |",
        milliseconds(took),
        milliseconds(floor),
        took / floor,
        judged(took <= CHECK.as_secs_f64(), "20 ms", kept)
    );
}

fn judged(fits: bool, limit: &str, kept: &mut bool) -> String {
    *kept &= fits;
    let word = if fits { "" } else { ", MISSED" };
    format!("{limit}{word}")
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1000.0)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed())
}

fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The peak of this process's memory, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number of kB")
}
