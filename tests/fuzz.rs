//! A fuzzer of the readers, without a nightly compiler: `BAYPLAN_FUZZ_SECONDS=600 cargo test --release --test fuzz -- --ignored
//! --test-threads=1 --nocapture` mutates the examples for so long each; `BAYPLAN_FUZZ_SEED` repeats a run.
//!
//! What a case must not do: panic, compute for two seconds, or 256 MiB more than all before it. The input of the last case is in
//! `target/fuzz/READER`, also after a stack overflow.

#![expect(clippy::print_stdout, reason = "says what it did and with which seed")]
#![expect(
    clippy::disallowed_methods,
    reason = "reads the examples, and the clocks"
)]

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bayplan::cluster::model::Engine;
use bayplan::cluster::name::ServiceName;
use bayplan::cluster::{EXCERPT_WIDTH, Paint, Sources, check, definitions, excerpt, provenance};
use bayplan::host::activate::activity::Activity;
use bayplan::host::activate::event::ScriptEvent;
use bayplan::host::activate::follow::Lines;
use bayplan::host::layout::Layout;
use bayplan::host::lock::parse_lock;
use bayplan::host::look::{self, Look, LookFor, Request};
use bayplan::host::past::generation::StoredGeneration;
use bayplan::host::past::history;
use bayplan::host::place::HostPlace;
use bayplan::host::stage::deliver::parse_delivered;
use bayplan::host::stage::{ReadinessCheck, parse_staged};
use bayplan::plan::saved::SavedPlan;
use bayplan::render::inputs::inputs_of;
use bayplan::render::manifest::Manifest;
use bayplan::render::marks::blanked;
use bayplan::render::{env_file, render, unit};

const SLOW: Duration = Duration::from_secs(2);
const HUGE_KIB: u64 = 256 << 10;

/// Pieces that mean something to one of the readers.
const WORDS: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    "=",
    "\n",
    "\r\n",
    "\"",
    "'",
    "'''",
    "\"\"\"",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{{-",
    "-}}",
    ".",
    ",",
    "|",
    "~",
    "*",
    "-",
    "(",
    ")",
    "\\",
    "#",
    ";",
    "$",
    "\0",
    "\u{feff}",
    "\u{85}",
    "\u{202e}",
    "é",
    "0",
    "1",
    "99999999999999999999",
    "-1",
    "1e999",
    "nan",
    "true",
    "1979-05-27",
    "[vars]\n",
    "[env]\n",
    "[hosts.x]\n",
    "[place]\n",
    "[health]\n",
    "image = ",
    "tag = ",
    "port = ",
    "needs = [\"web\"]\n",
    "vars = [\"*\"]\n",
    "command = ",
    "extra_args = [\"--publish\", \"80\"]\n",
    "publish = [\"127.0.0.1:80:3000\", \"8443\", \"10000-10010/udp\", \"[::1]:9000:3000\"]\n",
    "publish = []\n",
    "listen = \"address\"\n",
    "volumes = [\"a:/b\"]\n",
    "A = \"{{ A }}\"\n",
    "range(1000)",
    "|list",
    "|join('x')",
    "|replace('a', 'b')",
    "|map('upper')",
    " if ",
    " else ",
    " not ",
    " is defined",
    "loop.index",
    "{% for a in arguments %}",
    "{% endfor %}",
    "{% set x = unit %}",
    "{% set x %}",
    "{% endset %}",
    "{% if port %}",
    "{% elif port %}",
    "{% endif %}",
    "{% raw %}",
    "{% endraw %}",
    "{% with a = b %}",
    "{% endwith %}",
    "[Service]\n",
    "ExecStart=",
    "EnvironmentFile=",
    "\\\n",
    "\\x41",
    "\\u0000",
    "%n",
    "${A}",
    "\"version\": ",
    "null",
    "[[",
    "]]",
    "sha256:",
    "v1:",
    "../",
    "/",
    "end\n",
    "status 0\nend\n",
    "s 81a4 9 1.000000000 1.000000000 /etc/bayplan/demo/web/0123456789ab/50-web.env\0",
    "texts\0",
    "states demo-web.service loaded active running web\n 0\0",
    "show 0 Id=demo-web.service\nNRestarts=3\0",
    "current ",
    "kept ",
    "{\"generation\": ",
    "step 3 ",
    "image ",
];

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).expect("it is below a usize")
    }

    /// A part of a text: short more often than long.
    fn part(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = 1 << self.below(10);
        start..(start + self.below(most)).min(length)
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
        let part = self.part(bytes.len());
        match self.below(9) {
            0 => bytes[part].fill(b'a'),
            1 => drop(bytes.drain(part)),
            2 => {
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(part.start..part.start, word.bytes());
            }
            3 => {
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(part, word.bytes());
            }
            4 => {
                let times = 1 << self.below(12);
                let copy = bytes[part.clone()].repeat(times);
                let room = copy.len().min(100_000);
                bytes.splice(part.start..part.start, copy[..room].iter().copied());
            }
            5 => {
                let other = &others[self.below(others.len())];
                let taken = self.part(other.len());
                bytes.splice(part, other[taken].iter().copied());
            }
            6 => {
                let byte = self.next().to_le_bytes()[0];
                bytes.insert(part.start, byte);
            }
            7 => bytes.truncate(part.start),
            _ => {
                let mut lines: Vec<Vec<u8>> = bytes
                    .split_inclusive(|b| *b == b'\n')
                    .map(<[u8]>::to_vec)
                    .collect();
                if lines.len() > 1 {
                    let (a, b) = (self.below(lines.len()), self.below(lines.len()));
                    lines.swap(a, b);
                    *bytes = lines.concat();
                }
            }
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// How long this thread has computed: other work of the machine does not count.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux says so");
    let first = stat.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(first.expect("nanoseconds come first"))
}

/// Gives a reader mutations of a corpus for the time that is set.
fn fuzz(name: &str, corpus: &[Vec<u8>], read: impl Fn(&[u8])) {
    let seconds = setting("BAYPLAN_FUZZ_SECONDS").unwrap_or(10);
    let seed = setting("BAYPLAN_FUZZ_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let directory = root().join("target/fuzz");
    fs::create_dir_all(&directory).expect("target/ can be written");
    let input = directory.join(name);
    println!(
        "{name}: {seconds} s with BAYPLAN_FUZZ_SEED={seed}, inputs in {}",
        input.display()
    );
    let mut random = Random(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut cases, mut slowest, mut highest) = (0_u64, Duration::ZERO, memory_kib());
    while Instant::now() < end {
        let mut bytes = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(6) {
            random.mutate(&mut bytes, corpus);
        }
        bytes.truncate(1 << 20);
        fs::write(&input, &bytes).expect("target/ can be written");
        let start = cpu();
        let answered = catch_unwind(AssertUnwindSafe(|| read(&bytes)));
        let took = cpu().saturating_sub(start);
        let memory = memory_kib();
        assert!(answered.is_ok(), "{name}: a panic, case {cases}");
        assert!(took < SLOW, "{name}: {took:?}, case {cases}");
        assert!(
            memory < highest + HUGE_KIB,
            "{name}: {memory} KiB after {highest}, case {cases}"
        );
        cases += 1;
        slowest = slowest.max(took);
        highest = highest.max(memory);
    }
    println!(
        "{name}: {cases} cases, the slowest {slowest:?}, at most {} MiB",
        highest >> 10
    );
}

/// The files of an example.
fn example(name: &str) -> Sources {
    let mut sources = Sources::new();
    for directory in [
        format!("clusters/{name}"),
        format!("clusters/{name}/services"),
        "templates".to_owned(),
    ] {
        for entry in fs::read_dir(root().join(&directory)).expect("the example is there") {
            let path = entry.expect("it can be read").path();
            if path.is_file() {
                let file = path
                    .file_name()
                    .and_then(|file| file.to_str())
                    .expect("a plain name");
                sources.insert(
                    format!("{directory}/{file}"),
                    fs::read(&path).expect("it can be read"),
                );
            }
        }
    }
    sources
}

/// Everything that is done with a description without a host.
fn read_description(cluster: &str, sources: &Sources) {
    let checked = check(cluster, sources);
    for problem in &checked.diagnostics {
        let _ = excerpt(problem, sources, Paint::Plain, EXCERPT_WIDTH);
    }
    let _ = definitions(cluster, sources);
    let _ = provenance(cluster, &ServiceName::new("web").expect("a name"), sources);
    if let Some(cluster) = checked.cluster {
        let _ = render(&cluster);
    }
}

fn files_below(directory: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files_below(&entry.path(), found);
        } else {
            found.extend(fs::read(entry.path()));
        }
    }
}

#[test]
#[ignore = "runs for a time that is set"]
fn description() {
    let mut corpus = Vec::new();
    files_below(&root().join("clusters"), &mut corpus);
    let sources = example("demo");
    let paths: Vec<String> = sources.files().map(|(path, _)| path.to_owned()).collect();
    fuzz("description", &corpus, |bytes| {
        // Which file it is, from the bytes themselves: so a case is its input.
        let path = &paths[bytes.iter().map(|b| usize::from(*b)).sum::<usize>() % paths.len()];
        let mut sources = sources.clone();
        sources.insert(path.as_str(), bytes);
        read_description("demo", &sources);
    });
}

#[test]
#[ignore = "runs for a time that is set"]
fn templates() {
    let corpus = [
        include_bytes!("../templates/container.service").to_vec(),
        b"{% set x = unit %}{% for a in arguments %}{{ a | quote }}{{ loop.index * 2 }}{% endfor %}".to_vec(),
        b"{% set c %}{{ x }}{% endset %}{% with d = c ~ c %}{{ d | replace('a', 'b') }}{% endwith %}".to_vec(),
        b"{% if port %}{{ port }}{% elif engine == 'docker' %}{% else %}{% endif %}{% raw %}{{ }}{% endraw %}".to_vec(),
        b"{{ arguments | map('upper') | list | join(' ') | indent(4) }}{{ range(9) | sum }}".to_vec(),
    ];
    let sources = example("demo");
    fuzz("templates", &corpus, |bytes| {
        let mut sources = sources.clone();
        sources.insert("templates/container.service", bytes);
        read_description("demo", &sources);
    });
}

#[test]
#[ignore = "runs for a time that is set"]
fn values() {
    let corpus = [
        "{{ LOG_LEVEL }}:{{ N * 2 }} ${#X} {# a #}",
        "{{ 'a' if FLAG else LARGE }}{{ [N, LARGE]|join(',')|upper }}",
        "{{ LARGE|list|map('replace', 'a', LARGE)|list|join(LARGE) }}",
        "{{ ((LARGE ~ LARGE)|list ~ '')|replace('', N)|length }}",
        "{{ {'a': [1, 2][::-1], 'b': range(9)}|dictsort|list }}{{ N ** 3 // 7 % 5 }}",
        "{{ LARGE.a|default('b', true)|trim|title|capitalize|lines|unique|sort|batch(3) }}",
    ]
    .map(|value| value.as_bytes().to_vec());
    let sources = example("demo");
    let large = "a b'".repeat(25_000);
    fuzz("values", &corpus, |bytes| {
        let Ok(value) = std::str::from_utf8(bytes) else {
            return;
        };
        let value = toml::Value::String(value.to_owned());
        let text = format!(
            "[vars]\nLOG_LEVEL = \"i\"\nN = 7\nFLAG = false\nLARGE = \"{large}\"\nV = {value}\n"
        );
        let mut sources = sources.clone();
        sources.insert("clusters/demo/service-config.toml", text);
        read_description("demo", &sources);
    });
}

#[test]
#[ignore = "runs for a time that is set"]
fn manifests() {
    let sources = example("demo");
    let cluster = check("demo", &sources)
        .cluster
        .expect("the example is right");
    let desired = render(&cluster).expect("it renders");
    let mut corpus = Vec::new();
    for (name, host) in &desired.hosts {
        for service in host.services.values() {
            corpus.extend(
                service
                    .units
                    .values()
                    .map(|unit| unit.text.as_bytes().to_vec()),
            );
            corpus.extend(service.files.values().cloned());
        }
        corpus.push(host.manifest(&cluster.name, name).to_text().into_bytes());
    }
    fuzz("manifests", &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let _ = Manifest::parse(&text);
        let _ = blanked(&text);
        let _ = inputs_of(
            &text,
            &BTreeMap::from([("50-web.env".to_owned(), text.clone())]),
        );
        let _ = env_file::parse(&text);
        for entry in unit::parse_unit(&text).assignments {
            let _ = unit::split_words(&entry.value);
        }
    });
}

#[test]
#[ignore = "runs for a time that is set"]
fn secrets() {
    // A whole header, of one recipient.
    let age = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB4CkFBQUEKLS0tIG1hYwp4eA==";
    let digest = "k1:".to_owned() + &"0123456789abcdef".repeat(4);
    let ada = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";
    let corpus = [
        format!("cluster = \"demo\"\n[recipients]\nada = \"{ada}\"\n[readers]\nada = \"{ada}\"\n[keys]\nk1 = \"{age}\"\n"),
        format!("[recipients]\nada = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\"\n[keys]\nk1 = \"{age}\"\n[values]\nA = {{ age = \"{age}\", digest = \"{digest}\" }}\n"),
        format!("[values.A]\nage = \"{age}\"\ndigest = \"{digest}\"\n[values.B]\nage = \"\"\n"),
    ]
    .map(String::into_bytes);
    let sources = example("demo");
    fuzz("secrets", &corpus, |bytes| {
        let mut sources = sources.clone();
        sources.insert("clusters/demo/secrets.toml", bytes);
        // So that somebody asks for them.
        let service =
            "image = \"web\"\ntag = \"1\"\nsecrets = [\"A\", { name = \"B\", as = \"file\" }]\n";
        sources.insert("clusters/demo/services/web.toml", service);
        read_description("demo", &sources);
    });
}

#[test]
#[ignore = "runs for a time that is set"]
fn plans() {
    let digest = "0123456789abcdef".repeat(4);
    let reasons = r#"[{"kind":"image","from":"web:1","to":"web:2"},{"kind":"variable","name":"A"},{"kind":"new"}]"#;
    let corpus = [
        format!(
            "{{\"format\": 1, \"bayplan\": \"0.1.0\", \"cluster\": \"demo\", \"commit\": null, \"services\": [\"web\"], \
             \"description\": {{\"clusters/demo/cluster.toml\": \"{digest}\"}}, \"hosts\": {{\"alpha\": {{\"generation\": 3, \
             \"current\": \"{digest}\", \"found\": {{\"web\": \"{digest}\"}}, \"desired\": {{\"web\": \"{digest}\"}}, \
             \"changes\": [{{\"service\": \"web\", \"change\": \"changed\", \"action\": \"restart\", \"reasons\": {reasons}}}]}}}}}}"
        ),
        "{\"format\": 2, \"bayplan\": \"9.9.9\"}".to_owned(),
        "{\"kind\": \"plan\", \"format\": 1, \"hosts\": {}}".to_owned(),
    ]
    .map(String::into_bytes);
    fuzz("plans", &corpus, |bytes| {
        if let Ok(plan) = SavedPlan::parse(bytes) {
            let again = SavedPlan::parse(plan.to_text().as_bytes());
            assert_eq!(again.as_ref(), Ok(&plan), "what is written is read");
            let _ = plan.moved(Some("0123"), &Sources::new());
        }
    });
}

#[test]
#[ignore = "runs for a time that is set"]
fn answers() {
    let cluster = check("demo", &example("demo"))
        .cluster
        .expect("the example is right");
    let desired = render(&cluster).expect("it renders");
    let (name, host) = desired.hosts.iter().next().expect("it has hosts");
    let desired = &host.services;
    let place = HostPlace::of(&cluster.hosts[name], Path::new("/"));
    let layout = Layout::of(&place, &cluster.name);
    let request = |engine, detail| Request {
        layout: &layout,
        engine,
        desired,
        detail,
    };
    let look = b"bayplan look 1\0states demo-web.service loaded active running web of demo\n 0\0\
        current link /var/lib/bayplan/demo/generations/3\0\
        s 81a4 300 1795253471.000000000 1795253471.000000000 /etc/systemd/system/demo-web.service\0\
        s 41ed 60 1795253471.000000000 1795253471.000000000 /etc/bayplan/demo/web/0123456789ab\0\
        s a1ff 32 1795253472.334209060 1795253472.334209060 /run/systemd/units/invocation:demo-web.service\0texts\0\
        [\"demo-web\",\"be8e\",\"web\",\"v1:00\",\"0123456789ab\",\"registry/web:1\",\"\",\"0.0.0.0:9000->80/tcp\"]\n\
        status 0\nend\n";
    let corpus = [
        &look[..],
        b"bayplan look 1\0problem systemd\0end\0",
        b"bayplan more 1\0show 0 Id=demo-web.service\nNRestarts=3\nActiveEnterTimestamp=Sat 2026-11-21 09:31:12 UTC\0\
          now 1795253480\0restarts {\"MESSAGE_ID\":\"5eb03494b6584870a536b337290809b3\",\"UNIT\":\"demo-web.service\",\
          \"N_RESTARTS\":\"3\",\"__REALTIME_TIMESTAMP\":\"1795253478000000\"}\n\0first \0deaths die a 7 demo-web\n\0\
          loaded UnitsLoadTimestamp=Sat 2026-11-21 09:31:12 UTC\0texts\0end\n",
        b"kept 1\nkept 2\ncurrent generations/2\n{\"generation\": 2, \"who\": \"a@b\", \"when\": \"now\"}\nend\n",
        b"bayplan check 1\nimage web:1 sha256:00 sha256:01\nspace /var 1 2\nend\n",
        b"held a@b since now\nend\n",
        b"step 3 restart web\ndone 3\nended 0\n",
    ]
    .map(<[u8]>::to_vec);
    fuzz("answers", &corpus, |bytes| {
        for engine in [Engine::Docker, Engine::Podman] {
            for detail in [LookFor::Plan, LookFor::Status] {
                if let Ok(Look::NeedsMore(first)) = look::parse(&request(engine, detail), bytes) {
                    let _ = first.script();
                    drop(first.complete(bytes));
                }
                if let Ok(Look::NeedsMore(first)) = look::parse(&request(engine, detail), look) {
                    drop(first.complete(bytes));
                }
            }
        }
        let _ = look::split(bytes);
        let _ = look::same_files(&request(Engine::Docker, LookFor::Plan), look, bytes);
        let _ = history::parse(bytes);
        let _ = Activity::parse(bytes);
        let _ = parse_lock(bytes);
        let _ = parse_staged(bytes);
        let _ = parse_delivered(bytes);
        let _ = ReadinessCheck::parse(bytes);
        let _ = StoredGeneration::parse(bytes);
        Lines::default().feed(bytes, |line| drop(ScriptEvent::parse(line)));
    });
}
