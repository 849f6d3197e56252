//! What a host and the containers of a cluster use at the moment: processors, memory, disks, and how often units started again.
//! Pure.

use std::collections::BTreeMap;

use super::layout::Layout;
use super::said::one_line;
use crate::cluster::model::Engine;
use crate::render::shell::quote;

const USAGE: &str = concat!(include_str!("../ours.sh"), include_str!("usage.sh"));

/// What one host told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostUsage {
    /// How many processors it has.
    pub processors: Option<u64>,
    /// How many processes ran or waited for a processor in the last minute, in hundredths.
    pub load: Option<u64>,
    /// Its memory in bytes.
    pub memory: Option<u64>,
    /// What is free of it, or can be made free.
    pub available: Option<u64>,
    /// Its file systems.
    pub disks: Vec<DiskUsage>,
    /// The containers of the cluster, and its units without one that started again, by their names.
    pub containers: BTreeMap<String, ContainerUsage>,
    /// Why the engine does not tell what containers use, if it does not.
    pub silent: Option<String>,
}

/// One file system, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskUsage {
    /// Where it is mounted.
    pub mount: String,
    /// Its size.
    pub size: u64,
    /// What is used of it.
    pub used: u64,
    /// What is free for everybody.
    pub free: u64,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerUsage {
    /// How much of one processor it takes, in hundredths of a percent.
    pub processor: Option<u64>,
    /// How many processors it may use, in thousandths; none, if all of them.
    pub processor_limit: Option<u64>,
    /// Its memory in bytes.
    pub memory: Option<u64>,
    /// How much it may have; none, if all of the host's.
    pub memory_limit: Option<u64>,
    /// How often systemd started it again by itself since it was started.
    pub restarts: Option<u64>,
}

/// The script that asks; [`HostUsage::parse`] reads what it says.
#[must_use]
pub fn usage_script(layout: &Layout, engine: Engine) -> String {
    format!(
        "{}engine={}\n{USAGE}",
        layout.variables(),
        quote(engine.program())
    )
}

impl HostUsage {
    /// Reads an answer; `None` if it is not whole.
    #[must_use]
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let answer = String::from_utf8_lossy(answer);
        let mut lines = answer.lines();
        if lines.next() != Some("bayplan usage 1") {
            return None;
        }
        let mut found = Self::default();
        let mut units = UnitRestarts::default();
        for line in lines {
            if line == "end" {
                for (name, restarts) in units.all {
                    if restarts > 0 || found.containers.contains_key(&name) {
                        found.container(&name).restarts = Some(restarts);
                    }
                }
                return Some(found);
            }
            if let Some(words) = line.strip_prefix("unit ") {
                units.hear(words);
            } else {
                found.hear(line);
            }
        }
        None
    }

    fn hear(&mut self, line: &str) {
        if let Some(words) = line.strip_prefix("uses\t") {
            let mut words = words.split('\t');
            let (Some(name), Some(processor), Some(memory)) =
                (words.next(), words.next(), words.next())
            else {
                return;
            };
            let it = self.container(name);
            it.processor = hundredths(processor.trim().trim_end_matches('%'));
            it.memory = memory.split('/').next().and_then(bytes);
            return;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
        let kib = |at: usize| number(at).map(|kib| kib.saturating_mul(1024));
        match words[0] {
            "cpus" => self.processors = number(1).filter(|number| *number > 0),
            "load" => self.load = words.get(1).and_then(|word| hundredths(word)),
            "memory" => match words.get(1) {
                Some(&"MemTotal:") => self.memory = kib(2),
                Some(&"MemAvailable:") => self.available = kib(2),
                Some(_) | None => {}
            },
            "disk" => {
                if let (Some(size), Some(used), Some(free)) = (kib(1), kib(2), kib(3)) {
                    let mount = words.get(4..).unwrap_or_default().join(" ");
                    self.disks.push(DiskUsage {
                        mount,
                        size,
                        used,
                        free,
                    });
                }
            }
            "limits" => {
                let limits = (number(2), number(3));
                let it = self.container(words.get(1).copied().unwrap_or_default());
                it.processor_limit = limits.0.map(|nano| nano / 1_000_000).filter(|it| *it > 0);
                it.memory_limit = limits.1.filter(|it| *it > 0);
            }
            "silent" => self.silent = Some(one_line(&line["silent".len()..])),
            _ => {}
        }
    }

    fn container(&mut self, name: &str) -> &mut ContainerUsage {
        let name = name.trim_start_matches('/').to_owned();
        self.containers.entry(name).or_default()
    }
}

/// What systemd says of units, the properties of each in whatever order.
#[derive(Debug, Default)]
struct UnitRestarts {
    name: Option<String>,
    restarts: Option<u64>,
    all: BTreeMap<String, u64>,
}

impl UnitRestarts {
    fn hear(&mut self, words: &str) {
        let (key, value) = words.split_once(' ').unwrap_or((words, ""));
        match key {
            "Id" => self.name = Some(value.trim_end_matches(".service").to_owned()),
            "NRestarts" => self.restarts = value.parse().ok(),
            _ => return,
        }
        if let (Some(name), Some(restarts)) = (&self.name, self.restarts) {
            // The engine takes no name with an @.
            self.all.insert(name.replacen('@', ".", 1), restarts);
            (self.name, self.restarts) = (None, None);
        }
    }
}

/// `1.25` as 125.
fn hundredths(text: &str) -> Option<u64> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let whole: u64 = whole.parse().ok()?;
    let part: String = part.chars().chain("00".chars()).take(2).collect();
    whole.checked_mul(100)?.checked_add(part.parse().ok()?)
}

/// `12.3MiB`, `1.2GB`, `512B` in bytes.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let number = hundredths(&text[..at])?;
    let unit: u64 = match text[at..].trim() {
        "B" => 1,
        "kB" | "KB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        "TB" => 1_000_000_000_000,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(unit).map(|it| it / 100)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample::{Root, shells};
    use super::*;
    use crate::cluster::model::Supervisor;

    #[test]
    fn numbers_of_an_engine_are_read() {
        assert_eq!(hundredths("12.3"), Some(1230));
        assert_eq!(hundredths("0.07"), Some(7));
        assert_eq!(hundredths("250"), Some(25_000));
        assert_eq!(hundredths("--"), None);
        assert_eq!(bytes("12.5MiB "), Some(13_107_200));
        assert_eq!(bytes("1.25kB"), Some(1250));
        assert_eq!(bytes("512B"), Some(512));
        assert_eq!(bytes("0B"), Some(0));
        assert_eq!(bytes("many"), None);
    }

    #[test]
    fn what_a_host_uses_is_read() {
        let answer = "bayplan usage 1\ncpus 4\nload 0.50\nmemory MemTotal: 1000\nmemory MemAvailable: 250\n\
            disk 100 91 9 /\ndisk 50 1 49 /mnt/a b\n\
            unit Id demo-web.service\nunit NRestarts 3\nunit ActiveState active\n\
            unit NRestarts 0\nunit ActiveState inactive\nunit Id demo-tick.service\n\
            unit Id demo-api@a.service\nunit NRestarts 1\n\
            limits /demo-web 1500000000 536870912\nlimits /demo-db 0 0\n\
            uses\tdemo-web\t12.50%\t480MiB / 512MiB\nuses\tdemo-db\t0.07%\t1.5GiB / 2GiB\nend\n";
        let usage = HostUsage::parse(answer.as_bytes()).unwrap();
        assert_eq!((usage.processors, usage.load), (Some(4), Some(50)));
        assert_eq!(
            (usage.memory, usage.available),
            (Some(1_024_000), Some(256_000))
        );
        assert_eq!(usage.disks[1].mount, "/mnt/a b");
        let web = &usage.containers["demo-web"];
        assert_eq!(
            (web.processor, web.processor_limit),
            (Some(1250), Some(1500))
        );
        assert_eq!(
            (web.memory, web.memory_limit),
            (Some(480 << 20), Some(512 << 20))
        );
        assert_eq!(web.restarts, Some(3));
        assert_eq!(usage.containers["demo-db"].memory_limit, None);
        assert_eq!(usage.containers["demo-api.a"].restarts, Some(1));
        assert!(!usage.containers.contains_key("demo-tick"));
        assert_eq!(HostUsage::parse(&answer.as_bytes()[..200]), None);
    }

    /// A cluster `demo` is asked for no unit of a cluster `demo-two`.
    #[test]
    fn units_of_others_are_not_told() {
        for shell in shells() {
            let root = Root::new(shell);
            let layout = root.with_supervisor(Supervisor::Systemd);
            for (unit, cluster) in [("demo-web", "demo"), ("demo-two-web", "demo-two")] {
                root.write(
                    &format!("etc/systemd/system/{unit}.service"),
                    &format!("[Service]\n[X-Bayplan]\nFormat=1\nCluster={cluster}\n"),
                );
            }
            let tools = "docker() { :; }\nsystemctl() {\n\
                for it; do case $it in *.service) printf 'Id=%s\\nNRestarts=2\\n' \"$it\" ;; esac; done\n}\n";
            let script = usage_script(&layout, Engine::Docker);
            let (variables, rest) = script.split_once("engine=").unwrap();
            let answer = root.run(&format!("{variables}{tools}engine={rest}"), b"");
            let usage = HostUsage::parse(&answer)
                .unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&answer)));
            let names: Vec<&String> = usage.containers.keys().collect();
            assert_eq!(names, ["demo-web"]);
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(lines in prop::collection::vec("(uses\t|disk |limits |unit |cpus |load |memory )?[0-9a-zA-Z/%. \t:]{0,30}", 0..8)) {
            let _ = HostUsage::parse(format!("bayplan usage 1\n{}\nend\n", lines.join("\n")).as_bytes());
        }
    }
}
