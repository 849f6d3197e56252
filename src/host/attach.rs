//! A program in a container with the operator's own terminal, and what ends it when the operator goes. Pure.
//!
//! It is started in the container of a service, or in one of its own that is like that, but for its name, what it would
//! take from it (ports, addresses), and its labels: to a look it is nobody's.
//!
//! That the client of an engine dies ends nothing in a container. So whatever is started carries a mark in its environment, and
//! a watcher, a unit of its own, waits for a lock that the operator's session holds: that is free when the operator, or the
//! connection, is gone. Then it ends all that has the mark, and what that has started. All of it is in a directory below `/run`:
//!
//! ```text
//! /run/bayplan/attached/<id>/lease     locked by the session
//! /run/bayplan/attached/<id>/start     what the operator's terminal runs
//! /run/bayplan/attached/<id>/watch     the watcher
//! /run/bayplan/attached/<id>/ended     how it ended, if it did by itself
//! ```

use std::fmt::Write as _;

use super::layout::{ActivationId, Layout};
use crate::cluster::model::Engine;
use crate::cluster::name::ServiceName;
use crate::render::run_line::RunLine;
use crate::render::shell::quote;
use crate::render::unit::{expand_nothing, parse_unit, split_words};

/// What carries the mark: a variable of the environment.
const MARK: &str = "BAYPLAN_ATTACHED";
/// Keys that detach the engine's client from what it started: such that nobody types them by accident.
const DETACH: &str = "ctrl-@,ctrl-^,ctrl-@,ctrl-_";
/// What runs where no command is named.
pub const SHELL: [&str; 3] = [
    "sh",
    "-c",
    "command -v bash >/dev/null 2>&1 && exec bash || exec sh",
];

/// What is started in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its own name.
    pub id: ActivationId,
    /// In whose container, or in one like whose.
    pub service: ServiceName,
    /// In which container.
    pub container: AttachedTo,
    /// The command; none is a shell, or that of the service in a container of its own.
    pub command: Vec<String>,
    /// Whether it gets a terminal, and of which kind: the value of `TERM`.
    pub terminal: Option<String>,
}

/// In which container something is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachedTo {
    /// That of the service, which runs.
    Running,
    /// One of its own, that is removed at its end.
    Own(OneOff),
}

/// How a container is made that is like that of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OneOff {
    /// The files of variables.
    environment: Vec<String>,
    /// The options of the engine's client; `$` stands doubled.
    options: Vec<String>,
    /// The networks besides the one of the options.
    networks: Vec<String>,
}

/// Options that a container of its own does not have: what it would take from the service's, and what is said otherwise.
const NOT_TAKEN: [&str; 17] = [
    "name",
    "label",
    "label-file",
    "publish",
    "publish-all",
    "ip",
    "ip6",
    "mac-address",
    "network-alias",
    "net-alias",
    "interactive",
    "tty",
    "detach",
    "cidfile",
    "restart",
    "log-driver",
    "log-opt",
];

impl OneOff {
    /// From the text of a service's unit; `None` if it makes no container.
    #[must_use]
    pub fn of(unit: &str, engine: Engine) -> Option<Self> {
        let unit = parse_unit(unit);
        let service = unit.assignments.iter();
        let service = service.filter(|entry| entry.section == "Service");
        let directives: Vec<(String, Vec<String>)> = service
            .filter_map(|entry| Some((entry.key.clone(), split_words(&entry.value).ok()?)))
            .collect();
        let line = RunLine::of(&directives, engine)?;
        let options = line.options.iter();
        let options = options.filter(|option| {
            !NOT_TAKEN.contains(&option.name) && !option.name.starts_with("health-")
        });
        let options = options.map(|option| {
            let dashes = if option.name.len() == 1 { "-" } else { "--" };
            let name = option.name;
            match option.value {
                // No specifier of a unit means anything here.
                Some(value) => format!("{dashes}{name}={}", value.replace("%%", "%")),
                None => format!("{dashes}{name}"),
            }
        });
        let files = directives.iter();
        let files = files.filter(|(key, _)| key == "EnvironmentFile");
        Some(Self {
            environment: files
                .flat_map(|(_, words)| words.iter().map(|word| expand_nothing(word)))
                .collect(),
            options: options.collect(),
            networks: line.connected,
        })
    }
}

/// The script that prints the unit of a service; of two slots it is the one that serves. [`OneOff::of`] reads the answer.
#[must_use]
pub fn unit_script(layout: &Layout, service: &ServiceName) -> String {
    format!(
        "{}bp_s=${{bp_s#{service}.}}\n\
         cd {} && for file in {cluster}-{service}.service {cluster}-{service}@\"${{bp_s%%.*}}\".service \
         {cluster}-{service}@*.service; do\n\
         [ ! -f \"$file\" ] || {{ cat \"$file\"; break; }}\n\
         done\n",
        serving(layout, service),
        layout.units().quoted(),
        cluster = layout.cluster(),
    )
}

/// Sets `bp_s` to the name of the file to which the link of a service with slots leads, as `web.a.cfg`.
fn serving(layout: &Layout, service: &ServiceName) -> String {
    let link = layout.state().join("swap").join(service.as_str());
    format!("bp_s=$(readlink {})\nbp_s=${{bp_s##*/}}\n", link.quoted())
}

/// What preparing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// The path of the script that the operator's terminal runs.
    Start(String),
    /// No container of the service runs.
    NotRunning,
}

impl Attachment {
    fn directory(&self) -> String {
        format!("/run/bayplan/attached/{}", self.id)
    }

    /// Writes the scripts, takes the lease, and starts the watcher. For [`Session::run_here`](super::reach::session::Session::run_here):
    /// the lease is the session's descriptor 9. [`Attachment::parse_prepared`] reads the answer.
    #[must_use]
    pub fn prepare(&self, layout: &Layout, engine: Engine) -> String {
        let directory = self.directory();
        let program = quote(layout.client(engine));
        let find = match &self.container {
            AttachedTo::Own(_) => "none needed".to_owned(),
            AttachedTo::Running => self.running(layout, &program),
        };
        let mut script = format!("bp_d={directory}\nbp_c=\"{find}\"\nif [ \"$bp_c\" ]; then\n");
        let _ = write!(
            script,
            "umask 077\n\
             mkdir -p \"$bp_d\" && {{ printf '%s\\n' \"bp_c='$bp_c'\"; printf '%s' {}; }} >\"$bp_d/start\" &&\n\
             printf '%s' {} >\"$bp_d/watch\" && exec 9>\"$bp_d/lease\" && flock -n 9 &&\n\
             systemd-run --quiet --collect --unit=bayplan-attached-{} sh \"$bp_d/watch\" 9>&- && echo ready\n\
             umask 022\n\
             else echo none; fi\n",
            quote(&self.start(layout, engine)),
            quote(&self.watch(layout, engine)),
            self.id,
        );
        script
    }

    /// What gives the name of a container of the service that runs: of two slots it is the one that serves.
    fn running(&self, layout: &Layout, program: &str) -> String {
        let service = &self.service;
        format!(
            "$({program} ps --filter label=bayplan.cluster={} --filter label=bayplan.service={service} \
             --filter status=running --format '{{{{.Names}}}}' 2>/dev/null | sed 's/,.*//' | {{\n\
             {}bp_f=\n\
             while read -r bp_n; do\n\
             case $bp_s in {service}.\"${{bp_n##*.}}\".*) bp_f=$bp_n ;; esac\n\
             : \"${{bp_f:=$bp_n}}\"\n\
             done\n\
             echo \"$bp_f\"\n}})",
            layout.cluster(),
            serving(layout, service),
        )
    }

    /// Reads the answer of [`Attachment::prepare`]; `None` if it failed.
    #[must_use]
    pub fn parse_prepared(&self, answer: &[u8]) -> Option<Prepared> {
        match answer {
            b"ready\n" => Some(Prepared::Start(format!("{}/start", self.directory()))),
            b"none\n" => Some(Prepared::NotRunning),
            _ => None,
        }
    }

    /// The script that tells how it ended; [`parse_ended`] reads the answer.
    #[must_use]
    pub fn ended(&self) -> String {
        format!("cat {}/ended 2>/dev/null\n", self.directory())
    }

    /// The name of a container of its own.
    fn own_name(&self, layout: &Layout) -> String {
        format!("{}.{}", self.tag(layout), self.id)
    }

    /// What its lines in the journal are marked with.
    fn tag(&self, layout: &Layout) -> String {
        format!("bayplan-run.{}.{}", layout.cluster(), self.service)
    }

    fn start(&self, layout: &Layout, engine: Engine) -> String {
        let directory = self.directory();
        let run = match &self.container {
            AttachedTo::Running => self.exec(&quote(layout.client(engine))),
            AttachedTo::Own(one) => self.make(one, layout, engine),
        };
        format!(
            "[ -f {directory}/lease ] || exit 255\n\
             {run}\
             bp_s=$?\n\
             echo \"$bp_s\" >{directory}/ended\n\
             exit \"$bp_s\"\n"
        )
    }

    fn exec(&self, program: &str) -> String {
        let mut options = format!("-i -e {MARK}={}", self.id);
        if let Some(kind) = &self.terminal {
            let _ = write!(options, " -t -e TERM={}", quote(kind));
        }
        let words: Vec<String> = match self.command.is_empty() {
            true => SHELL.iter().map(|word| quote(word)).collect(),
            false => self.command.iter().map(|word| quote(word)).collect(),
        };
        let words = words.join(" ");
        format!("{program} exec {options} --detach-keys {DETACH} \"$bp_c\" {words}\n")
    }

    /// systemd reads the files of variables as it does for the service: the client that makes the container gets them from it.
    fn make(&self, one: &OneOff, layout: &Layout, engine: Engine) -> String {
        let (program, name, tag) = (
            quote(layout.client(engine)),
            self.own_name(layout),
            self.tag(layout),
        );
        // A unit runs a program by its path.
        let mut words = vec![
            layout.client_path(engine).to_owned(),
            "create".to_owned(),
            "-i".to_owned(),
            format!("--name={name}"),
            format!("--label=bayplan.run={}/{}", layout.cluster(), self.service),
            "--log-driver=journald".to_owned(),
            format!("--log-opt=tag={tag}"),
        ];
        if let Some(kind) = &self.terminal {
            words.extend(["-t".to_owned(), format!("-e=TERM={kind}")]);
        }
        words.extend(one.options.iter().cloned());
        words.push("${IMAGE}".to_owned());
        words.extend(self.command.iter().map(|word| word.replace('$', "$$")));
        let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
        let files: String = one
            .environment
            .iter()
            .map(|file| format!(" -p {}", quote(&format!("EnvironmentFile={file}"))))
            .collect();
        let mut script = format!(
            "{{\nsystemd-run --quiet --wait --collect --pipe --unit=bayplan-make-{}{files} -- {} >/dev/null </dev/null &&\n",
            self.id,
            words.join(" ")
        );
        for network in &one.networks {
            let _ = writeln!(
                script,
                "{program} network connect {} {name} &&",
                quote(network)
            );
        }
        let _ = writeln!(
            script,
            "{program} start -a -i --detach-keys {DETACH} {name}\n}}"
        );
        script
    }

    fn watch(&self, layout: &Layout, engine: Engine) -> String {
        let directory = self.directory();
        let work = match &self.container {
            AttachedTo::Running => WATCH.replace("MARKED", &format!("{MARK}={}", self.id)),
            AttachedTo::Own(_) => format!(
                "[ -f ended ] || {program} stop -t 10 {name}\n{program} rm -f {name}\n",
                program = quote(layout.client(engine)),
                name = self.own_name(layout),
            ),
        };
        format!("cd {directory} || exit\nexec 9<lease\nflock 9\n{work}rm -rf {directory}\n")
    }
}

/// How it ended by itself: its exit code.
#[must_use]
pub fn parse_ended(answer: &[u8]) -> Option<u8> {
    std::str::from_utf8(answer).ok()?.trim().parse().ok()
}

/// Waits for the end of the lease, and ends what is left. A process is known by its number and the moment of its start, so
/// that no other one that gets its number is meant.
const WATCH: &str = "\
born() {
  [ -r \"/proc/$1/stat\" ] && sed 's/.*) //' \"/proc/$1/stat\" 2>/dev/null | cut -d ' ' -f 20
}
tree() {
  for one; do
    echo \"$one $(born \"$one\")\"
    tree $(cat /proc/\"$one\"/task/*/children 2>/dev/null)
  done
}
marked() {
  grep -lzsx 'MARKED' /proc/[0-9]*/environ | sed 's|/proc/||; s|/environ||'
}
: >found
round=0
none=0
while [ ! -f ended ] && [ \"$none\" -lt 3 ] && [ \"$round\" -lt 60 ]; do
  tree $(marked) >>found
  left=
  while read -r process moment; do
    if [ \"$moment\" ] && [ \"$(born \"$process\")\" = \"$moment\" ]; then
      left=1
      if [ \"$round\" -lt 3 ]; then kill -HUP \"$process\"; kill -TERM \"$process\"; else kill -KILL \"$process\"; fi
    fi
  done <found 2>/dev/null
  if [ \"$left\" ]; then none=0; else none=$((none + 1)); fi
  round=$((round + 1))
  sleep 1
done
";

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::super::sample::{Root, directory_layout, shells};
    use super::*;
    use crate::cluster::model::Supervisor;

    fn attachment(command: &[&str], terminal: Option<&str>) -> Attachment {
        Attachment {
            id: ActivationId::new("0123abcd").unwrap(),
            service: ServiceName::new("web").unwrap(),
            container: AttachedTo::Running,
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            terminal: terminal.map(str::to_owned),
        }
    }

    fn layout() -> Layout {
        directory_layout(Path::new("/r"), Supervisor::Systemd)
    }

    #[test]
    fn a_command_arrives_word_by_word() {
        let words = ["printf", "%s|", "it's", "a b", "$(reboot)", "", "\n"];
        let start = attachment(&words, None).exec("engine");
        assert!(!start.contains(" -t "), "{start}");
        let script = format!("engine() {{ shift 7; printf '%s|' \"$@\"; }}\nbp_c=c\n{start}");
        let said = Command::new("sh").args(["-c", &script]).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert_eq!(said, "printf|%s||it's|a b|$(reboot)||\n|");
    }

    #[test]
    fn a_terminal_is_of_the_kind_of_the_operators() {
        let start = attachment(&[], Some("xterm-256color")).exec("docker");
        assert!(
            start.contains(" -t -e TERM='xterm-256color' ")
                || start.contains(" -t -e TERM=xterm-256color "),
            "{start}"
        );
        assert!(start.contains("exec bash || exec sh"));
    }

    /// Whichever the engine names first.
    #[test]
    fn of_two_slots_the_one_that_serves_is_attached_to() {
        for shell in shells() {
            let root = Root::new(shell);
            let layout = root.with_supervisor(Supervisor::Systemd);
            let find = attachment(&[], None).running(&layout, "engine");
            let said = |names: &str| {
                let script =
                    format!("engine() {{ printf '%s' '{names}'; }}\nprintf '<%s>' \"{find}\"\n");
                String::from_utf8(root.run(&script, b"")).unwrap()
            };
            let both = [
                "demo-web.a\ndemo-web.b,other/alias\n",
                "demo-web.b\ndemo-web.a\n",
            ];
            assert_eq!(both.map(said), ["<demo-web.a>", "<demo-web.b>"]);
            root.write("var/lib/bayplan/demo/swap/old", "");
            let link = root.path("var/lib/bayplan/demo/swap/web");
            std::os::unix::fs::symlink("/etc/bayplan/x/web.b.cfg", link).unwrap();
            assert_eq!(both.map(said), ["<demo-web.b>"; 2]);
            assert_eq!(
                [said("demo-web.a\n"), said("demo-web\n")],
                ["<demo-web.a>", "<demo-web>"]
            );
            assert_eq!(said(""), "<>");

            let web = ServiceName::new("web").unwrap();
            let unit = || root.run(&unit_script(&layout, &web), b"");
            for slot in ["a", "b"] {
                let path = format!("etc/systemd/system/demo-web@{slot}.service");
                root.write(&path, slot);
            }
            assert_eq!(unit(), b"b");
            std::fs::remove_file(root.path("var/lib/bayplan/demo/swap/web")).unwrap();
            assert_eq!(unit(), b"a");
        }
    }

    #[test]
    fn every_shell_takes_the_scripts() {
        let running = attachment(&["sh", "-c", "echo 'x'"], Some("xterm"));
        let own = Attachment {
            container: AttachedTo::Own(OneOff {
                networks: vec!["back".to_owned()],
                ..OneOff::default()
            }),
            ..running.clone()
        };
        let scripts = [running, own].map(|it| {
            [
                it.prepare(&layout(), Engine::Docker),
                it.start(&layout(), Engine::Docker),
                it.watch(&layout(), Engine::Docker),
            ]
        });
        for script in scripts.into_iter().flatten() {
            let checked = Command::new("sh").args(["-n", "-c", &script]).output();
            let checked = checked.unwrap();
            assert!(checked.status.success(), "{script}\n{checked:?}");
        }
    }

    #[test]
    fn a_container_of_its_own_takes_nothing_from_the_services() {
        let unit = "[Service]\nEnvironmentFile=/etc/bayplan/c/web/1/*.env\nExecStartPre=/usr/bin/docker create --rm --name %N \\\n\
                    --label a=b --publish 80:80 -p 81:81 --ip 10.0.0.1 --network front --network-alias web \\\n\
                    --volume \"/a b:/50%%\" --memory=1g --read-only -e KEY ${IMAGE} serve\n\
                    ExecStartPre=/usr/bin/docker network connect --alias web back %N\n\
                    ExecStart=/usr/bin/docker start --attach %N\n";
        let one = OneOff::of(unit, Engine::Docker).unwrap();
        let expected = [
            "--rm",
            "--network=front",
            "--volume=/a b:/50%",
            "--memory=1g",
            "--read-only",
            "--env=KEY",
        ];
        assert_eq!(one.options, expected);
        assert_eq!(one.networks, ["back"]);
        assert_eq!(one.environment, ["/etc/bayplan/c/web/1/*.env"]);
        assert_eq!(
            OneOff::of("[Service]\nExecStart=/bin/true\n", Engine::Docker),
            None
        );
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let it = attachment(&[], None);
        assert_eq!(it.parse_prepared(b""), None);
        assert_eq!(it.parse_prepared(b"none\n"), Some(Prepared::NotRunning));
        assert_eq!(parse_ended(b"3\n"), Some(3));
        assert_eq!(parse_ended(b""), None);
        assert_eq!(parse_ended(b"300\n"), None);
    }
}
