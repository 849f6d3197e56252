//! `bayplan local`, run on a host as a developer runs it on a laptop: by the engine there alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::hosts::{Fleet, Host};

/// The services of the random edits, with what they need.
const SERVICES: [(&str, &str); 4] = [("api", "db"), ("db", ""), ("web", "api"), ("worker", "db")];

/// How many edits.
const EDITS: usize = 60;

/// A checkout on a host, and what its description is to say.
struct Laptop {
    host: &'static Host,
    directory: &'static str,
    engine: &'static str,
    image: String,
    /// By service, what its file says.
    services: BTreeMap<&'static str, Said>,
    /// The variables of the cluster, each read by two services.
    vars: BTreeMap<&'static str, u32>,
    comments: usize,
    address: u8,
}

#[derive(Clone)]
struct Said {
    tag: &'static str,
    own: u32,
    file: u32,
    live: u32,
    memory: &'static str,
    publish: u16,
}

/// Ways to write the same.
const MEMORY: [[&str; 2]; 2] = [["64m", "65536k"], ["80m", "81920k"]];

impl Said {
    /// What a container starts with: what is read again is no part of it.
    fn means(&self) -> impl PartialEq + use<> {
        let memory = MEMORY.iter().position(|same| same.contains(&self.memory));
        (self.tag, self.own, self.file, memory, self.publish)
    }
}

/// Who reads which variable of the cluster.
const READERS: [(&str, &[&str]); 2] = [
    ("SHARED_A", &["api", "web"]),
    ("SHARED_B", &["db", "worker"]),
];

impl Laptop {
    fn new(fleet: &'static Fleet, directory: &'static str, engine: &'static str) -> Self {
        fleet.image("app:1.0", &[]);
        fleet.image("app:1.1", &[]);
        let host = fleet.host("docker01");
        install(host);
        host.sh(&format!(
            "rm -rf {directory} && mkdir -p {directory}/clusters/local/services"
        ));
        let said = |at: u16| Said {
            tag: "1.0",
            own: 0,
            file: 0,
            live: 0,
            memory: "64m",
            publish: 9300 + at,
        };
        let services = SERVICES.iter().zip(0..);
        let services = services.map(|((name, _), at)| (*name, said(at)));
        Self {
            host,
            directory,
            engine,
            image: format!("{}/app", fleet.registry),
            services: services.collect(),
            vars: READERS.iter().map(|(name, _)| (*name, 0)).collect(),
            comments: 0,
            address: 1,
        }
    }

    /// Writes the description as it is to be.
    fn write(&self) {
        let base = self
            .host
            .path(&format!("{}/clusters/local", self.directory));
        let comments = "# a comment\n".repeat(self.comments);
        let mut cluster = format!(
            "{comments}[hosts.one]\naddress = \"10.0.0.{}\"\n[hosts.two]\naddress = \"10.0.1.1\"\n[place]\n",
            self.address
        );
        for (name, _) in SERVICES {
            cluster += &format!("{name} = [\"one\", \"two\"]\n");
        }
        cluster += "[vars]\n";
        for (name, value) in &self.vars {
            cluster += &format!("{name} = \"{value}\"\n");
        }
        fs::write(base.join("cluster.toml"), cluster).expect("we are root");
        for (name, needs) in SERVICES {
            let said = &self.services[name];
            let reads = READERS
                .iter()
                .filter(|(_, readers)| readers.contains(&name));
            let reads: Vec<String> = reads.map(|(name, _)| format!("\"{name}\"")).collect();
            let needs = match needs {
                "" => String::new(),
                needs => format!("needs = [\"{needs}\"]\n"),
            };
            let text = format!(
                "image = \"{}\"\ntag = \"{}\"\nport = 8080\npublish = [\"{}:8080\"]\n{needs}vars = [{}]\nmemory = \"{}\"\nstop_timeout = \"1s\"\n\
                 [env]\nOWN = \"{} two\\nlines\"\n[health]\nhttp = \"/health\"\n\
                 [files]\n\"/etc/app.conf\" = \"app.conf\"\n\"/etc/live\" = {{ from = \"live/\", reload = {{ command = [\"true\"] }} }}\n",
                self.image,
                said.tag,
                said.publish,
                reads.join(", "),
                said.memory,
                said.own
            );
            let services = base.join("services");
            fs::write(services.join(format!("{name}.toml")), text).expect("we are root");
            fs::create_dir_all(services.join(name).join("live")).expect("we are root");
            fs::write(
                services.join(name).join("app.conf"),
                format!("{}\n", said.file),
            )
            .expect("we are root");
            fs::write(
                services.join(name).join("live/a.conf"),
                format!("{}\n", said.live),
            )
            .expect("we are root");
        }
    }

    fn up(&self, more: &str) -> String {
        let Self {
            directory, engine, ..
        } = self;
        self.host.sh(&format!(
            "cd {directory} && bayplan local up --engine {engine} {more} 2>&1"
        ))
    }

    /// The ids of the containers, by service.
    fn containers(&self) -> BTreeMap<String, String> {
        let Self {
            directory, engine, ..
        } = self;
        let name = directory.rsplit('/').next().unwrap_or_default();
        let text = self.host.sh(&format!(
            "{engine} ps --no-trunc --filter label=bayplan.local={name} --format '{{{{.Names}}}} {{{{.ID}}}}'"
        ));
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines
            .map(|(name, id)| {
                let service = name.rsplit('.').next().unwrap_or_default();
                (service.to_owned(), id.to_owned())
            })
            .collect()
    }

    /// What a command in a container says.
    fn inside(&self, service: &str, command: &str) -> String {
        let Self { directory, .. } = self;
        self.host.sh(&format!(
            "cd {directory} && bayplan local exec {service} -- {command}"
        ))
    }

    /// That what runs is what is described, asked of the containers themselves.
    fn is_as_described(&self) {
        for (name, said) in &self.services {
            let text = self.inside(
                name,
                "sh -c 'cat /version; echo; echo \"$OWN\"; cat /etc/app.conf /etc/live/a.conf'",
            );
            let words: Vec<&str> = text.split_whitespace().collect();
            let (own, file, live) = (
                said.own.to_string(),
                said.file.to_string(),
                said.live.to_string(),
            );
            let expected = [said.tag, &*own, "two", "lines", &*file, &*live];
            assert_eq!(words, expected, "{name}");
        }
    }

    fn clear(&self) {
        self.host.sh(&format!(
            "cd {0} && bayplan local down --volumes && rm -rf {0}",
            self.directory
        ));
    }
}

/// This very program, in a host of the same release of Debian as this machine.
fn install(host: &Host) {
    let program = host.path("/usr/local/bin/bayplan");
    // Whoever runs it keeps the old one.
    let _ = fs::remove_file(&program);
    fs::copy(env!("CARGO_BIN_EXE_bayplan"), program).expect("we are root");
}

/// Numbers that look random, the same ones for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("it is small")
    }
}

fn random_edits(fleet: &'static Fleet, directory: &'static str, engine: &'static str) {
    let seed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(1, |since| since.as_secs() | 1);
    let seed = std::env::var("BAYPLAN_LOCAL_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(seed);
    let mut dice = Dice(seed);
    let mut it = Laptop::new(fleet, directory, engine);
    it.write();
    let said = it.up("");
    assert!(said.contains("is up: 4 changes"), "{said}");
    it.is_as_described();
    let mut told = Vec::new();
    for step in 0..EDITS {
        let before = it.containers();
        assert_eq!(before.len(), 4, "{told:#?}");
        let (services, vars) = (it.services.clone(), it.vars.clone());
        let mut expected: BTreeSet<String> = BTreeSet::new();
        // One to three edits at a time.
        for _ in 0..=dice.roll(3) {
            let name = SERVICES[dice.roll(SERVICES.len())].0;
            let said = it.services.get_mut(name).expect("it is one of them");
            let edit = match dice.roll(12) {
                0 => {
                    said.own += 1;
                    format!("OWN of {name}")
                }
                1 => {
                    said.tag = if said.tag == "1.0" { "1.1" } else { "1.0" };
                    format!("tag of {name}")
                }
                2 => {
                    said.file += 1;
                    format!("file of {name}")
                }
                3 => {
                    said.live += 1;
                    format!("live file of {name}")
                }
                4 => {
                    let spellings = MEMORY.iter().find(|same| same.contains(&said.memory));
                    let mut others = spellings.into_iter().flatten();
                    let other = others.find(|other| **other != said.memory);
                    said.memory = other.expect("there are two");
                    format!("spelling of {name}")
                }
                5 => {
                    said.memory = MEMORY[dice.roll(MEMORY.len())][0];
                    format!("memory of {name}")
                }
                6 => {
                    said.publish += 10;
                    format!("port of {name}")
                }
                7 | 8 => {
                    let (variable, _) = READERS[dice.roll(READERS.len())];
                    *it.vars.get_mut(variable).expect("it is one of them") += 1;
                    variable.to_owned()
                }
                9 => {
                    it.comments += 1;
                    "a comment".to_owned()
                }
                10 => {
                    it.address = 1 + it.address % 200;
                    "an address".to_owned()
                }
                _ => {
                    let id = &before[name];
                    it.host
                        .sh(&format!("{engine} stop -t 1 {id} >/dev/null 2>&1 || true"));
                    expected.insert(name.to_owned());
                    format!("{name} is stopped")
                }
            };
            told.push(format!("{step}: {edit}"));
        }
        // Two edits may have undone each other.
        for (name, _) in SERVICES {
            let reads = READERS
                .iter()
                .filter(|(_, readers)| readers.contains(&name));
            let mut reads = reads.map(|(variable, _)| variable);
            if services[name].means() != it.services[name].means()
                || reads.any(|variable| vars[variable] != it.vars[variable])
            {
                expected.insert(name.to_owned());
            }
        }
        it.write();
        let said = it.up("");
        let after = it.containers();
        let changed: BTreeSet<String> = after
            .iter()
            .filter(|(name, id)| before.get(*name) != Some(*id))
            .map(|(name, _)| name.clone())
            .collect();
        assert_eq!(changed, expected, "seed {seed}: {told:#?}\n{said}");
        if step % 10 == 9 {
            it.is_as_described();
        }
    }
    it.is_as_described();
    let again = it.up("");
    assert!(again.contains("is up to date"), "{again}");
    it.clear();
}

pub fn docker(fleet: &'static Fleet) {
    random_edits(fleet, "/root/local-edits", "docker");
}

pub fn podman(fleet: &'static Fleet) {
    random_edits(fleet, "/root/local-pods", "podman");
}

/// Three branches at once: nobody types a port, and all are healthy.
pub fn side_by_side(fleet: &'static Fleet) {
    fleet.image("app:1.0", &[]);
    let host = fleet.host("docker01");
    install(host);
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("clusters/peerspace");
    let branches = ["one", "two", "three"];
    for branch in branches {
        let to = host.path(&format!("/root/{branch}/clusters"));
        let _ = fs::remove_dir_all(&to);
        fs::create_dir_all(&to).expect("we are root");
        let copied = std::process::Command::new("cp")
            .arg("-r")
            .arg(&example)
            .arg(&to)
            .status();
        assert!(copied.expect("cp starts").success());
        // The services run the test image, which has no program to migrate or to check files with.
        let image = format!("{}/app", fleet.registry);
        host.sh(&format!(
            "cd /root/{branch}/clusters/peerspace/services && sed -i \
             -e 's#^image *=.*#image = \"{image}\"#' -e 's#^tag *=.*#tag = \"1.0\"#' -e '/^ulimits/d' -e '/^command/d' *.toml && sed -i 's#^once.*#once = \"image\"\\nentrypoint = \"true\"#' migrate.toml && mkdir -p /var/log/journal"
        ));
    }
    let up = branches.map(|branch| {
        format!("(cd /root/{branch} && bayplan local up web --engine docker >/root/{branch}.log 2>&1; echo $? >/root/{branch}.exit) &")
    });
    host.sh(&format!("{} wait", up.join(" ")));
    let mut ports = BTreeSet::new();
    for branch in branches {
        let log = host.read(&format!("/root/{branch}.log"));
        assert_eq!(
            host.read(&format!("/root/{branch}.exit")).trim(),
            "0",
            "{branch}: {log}"
        );
        let status = host.sh(&format!("cd /root/{branch} && bayplan local status"));
        let web = status
            .lines()
            .find(|line| line.trim_start().starts_with("web "))
            .expect("web runs");
        let url = web
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .expect("web is somewhere");
        assert!(ports.insert(url.to_owned()), "two are at {url}");
        let answer = host.sh(&format!("curl -s {url}/health"));
        assert_eq!(answer, "ok", "{branch}");
        // Each finds its own.
        let found = host.sh(&format!(
            "cd /root/{branch} && bayplan local exec web -- sh -c 'echo $API_URL; wget -q -O - $API_URL/health'"
        ));
        assert_eq!(found.trim(), "http://api:9000\nok", "{branch}");
    }
    for branch in branches {
        host.sh(&format!("cd /root/{branch} && bayplan local down --volumes && rm -rf /root/{branch} /root/{branch}.*"));
    }
    let left = host.sh("docker ps -aq --filter label=bayplan.local; docker volume ls -q --filter label=bayplan.local; docker network ls -q --filter label=bayplan.local");
    assert_eq!(left, "");
}

/// An edit is found on save, also one that is made while something starts.
pub fn watched(fleet: &'static Fleet) {
    let mut it = Laptop::new(fleet, "/root/local-watch", "docker");
    it.write();
    let directory = it.directory;
    it.host.sh(&format!(
        "cd {directory} && (setsid bayplan local up --watch --engine docker >{directory}.log 2>&1 & echo $! >{directory}.pid)"
    ));
    let log = |it: &Laptop| it.host.read(&format!("{directory}.log"));
    let until = |it: &Laptop, what: &str, holds: &dyn Fn() -> bool| {
        for _ in 0..240 {
            if holds() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        panic!("{what}: {}", log(it));
    };
    until(&it, "it comes up", &|| {
        log(&it).contains("watching clusters/local")
    });
    for round in 1..=5 {
        let before = it.containers();
        it.services.get_mut("db").expect("it is there").own += 1;
        it.write();
        until(&it, "the edit is seen", &|| {
            log(&it).matches("db starts").count() > 2 * round - 1
        });
        // The database is starting now.
        it.services.get_mut("web").expect("it is there").own += 1;
        it.write();
        let changes = || {
            let after = it.containers();
            let mut changed = after
                .iter()
                .filter(|(name, id)| before.get(*name) != Some(*id));
            let first = changed.next().map(|(name, _)| name.clone());
            let second = changed.next().map(|(name, _)| name.clone());
            (first, second, changed.next().is_some())
        };
        let both = (Some("db".to_owned()), Some("web".to_owned()), false);
        until(&it, "both have started again", &|| changes() == both);
        // `db` once more, so that each round counts two.
        it.services.get_mut("db").expect("it is there").own += 1;
        it.write();
        until(&it, "the third edit is seen", &|| {
            log(&it).matches("db starts").count() > 2 * round
        });
    }
    it.host.sh(&format!(
        "kill $(cat {directory}.pid); rm {directory}.pid {directory}.log"
    ));
    it.up("");
    it.is_as_described();
    it.clear();
}
