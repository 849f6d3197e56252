//! The client of docker or podman on this machine.

#![expect(
    clippy::disallowed_methods,
    reason = "is where the engine of this machine is asked"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::decide::SeenContainer;
use super::name::LocalName;
use crate::cluster::digest::Digest;
use crate::cluster::model::{Engine, EngineClient};
use crate::cluster::name::{ServiceName, VariableName};
use crate::cluster::ports::Protocol;
use crate::cluster::secret::Plaintext;
use crate::trace;

/// Whose a container, volume or network is: the name of the cluster here.
pub const OWNER: &str = "bayplan.local";
/// The service of a container.
pub const SERVICE: &str = "bayplan.local.service";
/// Its fingerprint.
pub const FINGERPRINT: &str = "bayplan.local.inputs";
/// The name of its inputs directory.
pub const DIRECTORY: &str = "bayplan.local.directory";
/// What its image is called.
pub const REFERENCE: &str = "bayplan.local.image";
/// What its ports speak.
pub const SCHEME: &str = "bayplan.local.scheme";
/// That it is a job.
pub const JOB: &str = "bayplan.local.job";

/// How many subnets there are for networks of our own: 198.18.0.0/15 in pieces of 256 addresses. Nobody routes it
/// (RFC 2544), and the engines' own pools are empty after 30 networks.
const SUBNETS: u32 = 512;

/// Why the engine did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocalEngineError {
    /// There is none.
    #[error("expected docker or podman on this machine, found none")]
    None,
    /// The one that was asked for is not there.
    #[error("expected {0} on this machine, found none")]
    Absent(&'static str),
    /// It said no.
    #[error("{said} ({command})")]
    Refused {
        /// What was typed, in short.
        command: String,
        /// What it said.
        said: String,
    },
    /// It says what nobody understands.
    #[error("expected {expected} of `{command}`, found something else")]
    Strange {
        /// What was typed, in short.
        command: String,
        /// What was expected.
        expected: &'static str,
    },
}

/// The engine of this machine.
#[derive(Debug, Clone)]
pub struct LocalEngine {
    client: EngineClient,
}

/// A container that is to be made.
pub struct NewContainer<'a> {
    /// Its name.
    pub name: String,
    /// All options of `run` but those that carry values.
    pub options: Vec<String>,
    /// The image.
    pub image: &'a str,
    /// What follows it.
    pub command: &'a [String],
    /// The values of variables: in no argument.
    pub environment: &'a BTreeMap<VariableName, Plaintext>,
}

#[derive(Deserialize)]
struct EngineState {
    #[serde(rename = "Running", default)]
    running: bool,
    #[serde(rename = "Restarting", default)]
    restarting: bool,
    #[serde(rename = "ExitCode", default)]
    exit: i64,
    #[serde(rename = "StartedAt", default)]
    started: Value,
    #[serde(rename = "FinishedAt", default)]
    finished: Value,
    #[serde(rename = "Health", alias = "Healthcheck", default)]
    health: Option<EngineHealth>,
}

#[derive(Deserialize)]
struct EngineHealth {
    #[serde(rename = "Status", default)]
    status: String,
}

#[derive(Deserialize)]
struct BoundPort {
    #[serde(rename = "HostPort", default)]
    port: String,
}

type BoundPorts = BTreeMap<String, Option<Vec<BoundPort>>>;
type InspectedContainer = (
    String,
    String,
    Option<BTreeMap<String, String>>,
    EngineState,
    Option<u64>,
    Option<BoundPorts>,
);

/// What `inspect` tells of a container, by the names that both engines have for it.
const INSPECT: &str = "[{{json .ID}},{{json .Image}},{{json .Config.Labels}},{{json .State}},{{json .RestartCount}},{{json .NetworkSettings.Ports}}]";

impl LocalEngine {
    /// The one that was asked for, else docker if it is there, else podman.
    ///
    /// # Errors
    /// There is none.
    pub fn find(asked: Option<Engine>) -> Result<Self, LocalEngineError> {
        let answers = |engine: Engine| {
            let mut command = Command::new(engine.program());
            command.arg("--version").stdin(Stdio::null());
            trace::starts(&command);
            let output = command
                .output()
                .ok()
                .filter(|output| output.status.success())?;
            // A `docker` that is podman under another name.
            let said = String::from_utf8_lossy(&output.stdout).to_lowercase();
            let engine = match said.contains("podman") {
                true => Engine::Podman,
                false => engine,
            };
            Some(Self {
                client: EngineClient::usual(engine),
            })
        };
        match asked {
            Some(engine) => answers(engine).ok_or(LocalEngineError::Absent(engine.program())),
            None => answers(Engine::Docker)
                .or_else(|| answers(Engine::Podman))
                .ok_or(LocalEngineError::None),
        }
    }

    /// Which one it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.client.engine
    }

    /// Its client, as a description names it.
    #[must_use]
    pub fn client(&self) -> &EngineClient {
        &self.client
    }

    /// How a container calls this machine.
    #[must_use]
    pub fn machine(&self) -> &'static str {
        match self.engine() {
            Engine::Docker => "host.docker.internal",
            Engine::Podman => "host.containers.internal",
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.engine().program());
        command.stdin(Stdio::null());
        command
    }

    fn refused(&self, arguments: &[&str], said: &[u8]) -> LocalEngineError {
        let verb: Vec<&str> = arguments.iter().copied().take(2).collect();
        let said = String::from_utf8_lossy(said);
        let last = said.lines().map(str::trim).rfind(|line| {
            !line.is_empty() && !line.starts_with("See '") && !line.starts_with("Run 'docker")
        });
        let last = last.unwrap_or("it said nothing");
        let last = last.strip_prefix("docker: ").unwrap_or(last);
        let last = last
            .strip_prefix("Error response from daemon: ")
            .unwrap_or(last);
        let last = last.strip_prefix("Error: ").unwrap_or(last);
        LocalEngineError::Refused {
            command: format!("{} {}", self.engine().program(), verb.join(" ")),
            said: last.trim_end_matches('.').to_owned(),
        }
    }

    fn ask(&self, arguments: &[&str]) -> Result<String, LocalEngineError> {
        let mut command = self.command();
        command.args(arguments);
        trace::starts(&command);
        let output = command.output();
        let output =
            output.map_err(|error| self.refused(arguments, error.to_string().as_bytes()))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(self.refused(arguments, &output.stderr)),
        }
    }

    /// Every container of a cluster here.
    ///
    /// # Errors
    /// The engine does not answer.
    pub fn containers(&self, name: &LocalName) -> Result<Vec<SeenContainer>, LocalEngineError> {
        let filter = format!("label={OWNER}={name}");
        let ids = self.ask(&["ps", "-a", "-q", "--no-trunc", "--filter", &filter])?;
        let ids: Vec<&str> = ids.split_whitespace().collect();
        self.inspect(&ids)
    }

    /// One of them; `None` if it is gone.
    ///
    /// # Errors
    /// The engine does not answer.
    pub(super) fn container(&self, id: &str) -> Result<Option<SeenContainer>, LocalEngineError> {
        match self.inspect(&[id]) {
            Ok(mut seen) => Ok(seen.pop()),
            Err(LocalEngineError::Refused { said, .. })
                if said.to_lowercase().contains("no such") =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn inspect(&self, ids: &[&str]) -> Result<Vec<SeenContainer>, LocalEngineError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut arguments = vec!["inspect", "--type", "container", "--format", INSPECT];
        arguments.extend(ids);
        let text = self.ask(&arguments)?;
        let seen = text.lines().filter(|line| !line.trim().is_empty());
        let seen = seen.map(|line| {
            let read = serde_json::from_str::<InspectedContainer>(line);
            read.map_err(|_| LocalEngineError::Strange {
                command: format!("{} inspect", self.engine().program()),
                expected: "the state of a container",
            })
        });
        let seen: Vec<InspectedContainer> = seen.collect::<Result<_, _>>()?;
        Ok(seen.into_iter().filter_map(seen_container).collect())
    }

    /// What these references mean, as far as they are here.
    #[must_use]
    pub fn images(&self, references: &BTreeSet<&str>) -> BTreeMap<String, String> {
        let one = |reference: &&str| {
            let asked = ["image", "inspect", "--format", "{{.Id}}", reference];
            let id = self.ask(&asked).ok()?;
            Some(((*reference).to_owned(), bare_id(id.trim()).to_owned()))
        };
        thread::scope(|scope| {
            let all: Vec<_> = references
                .iter()
                .map(|reference| scope.spawn(move || one(reference)))
                .collect();
            all.into_iter()
                .filter_map(|one| one.join().expect("it does not panic"))
                .collect()
        })
    }

    /// Fetches an image.
    ///
    /// # Errors
    /// The engine's words.
    pub fn pull(&self, reference: &str, platform: Option<&str>) -> Result<(), LocalEngineError> {
        let mut arguments = vec!["pull", "--quiet"];
        if let Some(platform) = platform {
            arguments.extend(["--platform", platform]);
        }
        arguments.push(reference);
        self.ask(&arguments).map(|_| ())
    }

    /// Makes the network of a cluster, unless it is there.
    ///
    /// # Errors
    /// The engine's words.
    pub fn make_network(&self, name: &LocalName) -> Result<(), LocalEngineError> {
        let network = name.network();
        if self.ask(&["network", "inspect", &network]).is_ok() {
            return Ok(());
        }
        let label = format!("{OWNER}={name}");
        let digest = Digest::of(&network);
        let first = u32::from_str_radix(&digest.as_str()[..4], 16).unwrap_or_default();
        let mut last = None;
        for tried in 0..SUBNETS {
            let at = (first + tried) % SUBNETS;
            let subnet = format!("198.{}.{}.0/24", 18 + at / 256, at % 256);
            let made = self.ask(&[
                "network", "create", "--label", &label, "--subnet", &subnet, &network,
            ]);
            match made {
                Ok(_) => return Ok(()),
                Err(error) => {
                    let said = error.to_string();
                    let clash = ["overlap", "conflict", "already used", "being used"];
                    if !clash.iter().any(|word| said.contains(word)) {
                        return Err(error);
                    }
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or(LocalEngineError::None))
    }

    /// Makes a volume of a cluster, unless it is there.
    ///
    /// # Errors
    /// The engine's words.
    pub fn make_volume(&self, name: &LocalName, volume: &str) -> Result<(), LocalEngineError> {
        if self.ask(&["volume", "inspect", volume]).is_ok() {
            return Ok(());
        }
        let label = format!("{OWNER}={name}");
        let made = self.ask(&["volume", "create", "--label", &label, volume]);
        match made {
            Ok(_) => Ok(()),
            // Another service has the same one, and was faster.
            Err(_) if self.ask(&["volume", "inspect", volume]).is_ok() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes a container and starts it: its id.
    ///
    /// # Errors
    /// The engine's words. What was made of it is removed.
    pub fn run(&self, new: &NewContainer<'_>) -> Result<String, LocalEngineError> {
        let mut command = self.command();
        command.args(["run", "-d", "--name", &new.name]);
        // An image was fetched before anything stopped.
        command.arg("--pull=never");
        command.args(&new.options).arg(new.image).args(new.command);
        for (name, value) in new.environment {
            command.env(name.as_str(), OsStr::from_bytes(value.bytes()));
        }
        let arguments = ["run", new.image];
        trace::starts(&command);
        let output = command.output();
        let output =
            output.map_err(|error| self.refused(&arguments, error.to_string().as_bytes()))?;
        if output.status.success() {
            let id = String::from_utf8_lossy(&output.stdout);
            return Ok(id.trim().to_owned());
        }
        let error = self.refused(&arguments, &output.stderr);
        // One that was made and could not start is in the way of the next try; one of this name that is somebody else's
        // stays.
        let filter = format!("name=^{}$", new.name.replace('.', "[.]"));
        let owner = format!("label={OWNER}");
        let made = self.ask(&["ps", "-a", "-q", "--filter", &filter, "--filter", &owner]);
        for id in made.unwrap_or_default().split_whitespace() {
            let _ = self.ask(&["rm", "-f", "-v", id]);
        }
        Err(error)
    }

    /// Ends a container as it wants to be ended, and removes it with the volumes that have no name.
    ///
    /// # Errors
    /// The engine's words.
    pub fn remove(&self, id: &str) -> Result<(), LocalEngineError> {
        let stopped = self.ask(&["stop", id]);
        let removed = self.ask(&["rm", "-f", "-v", id]);
        match (stopped, removed) {
            (_, Ok(_)) => Ok(()),
            // Somebody else was faster.
            (_, Err(error)) => match self.ask(&["inspect", "--type", "container", id]) {
                Err(_) => Ok(()),
                Ok(_) => Err(error),
            },
        }
    }

    /// Ends a container and leaves it there.
    pub(super) fn stop(&self, id: &str) {
        // It is looked at again.
        let _ = self.ask(&["stop", id]);
    }

    /// Sends a signal to the main process of a container.
    ///
    /// # Errors
    /// The engine's words.
    pub fn signal(&self, id: &str, signal: &str) -> Result<(), LocalEngineError> {
        self.ask(&["kill", "--signal", signal, id]).map(|_| ())
    }

    /// Runs a command in a container to its end, which may take so long.
    ///
    /// # Errors
    /// It ended with another status than 0, or not in time: what it said.
    pub fn exec(
        &self,
        id: &str,
        words: &[String],
        limit: Duration,
    ) -> Result<(), LocalEngineError> {
        let arguments = ["exec", words.first().map_or("", String::as_str)];
        let failed = |error: std::io::Error| self.refused(&arguments, error.to_string().as_bytes());
        let mut command = self.command();
        command.args(["exec", id]).args(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        trace::starts(&command);
        let mut child = command.spawn().map_err(failed)?;
        let (out, errors) = (child.stdout.take(), child.stderr.take());
        let said = thread::spawn(move || all_of(out));
        let complained = thread::spawn(move || all_of(errors));
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                break status;
            }
            if began.elapsed() > limit {
                // Its end is nobody's matter: the next question is another process.
                let _ = child.kill();
                let _ = child.wait();
                let said = format!("no answer within {} s", limit.as_secs());
                return Err(self.refused(&arguments, said.as_bytes()));
            }
            thread::sleep(Duration::from_millis(20));
        };
        if status.success() {
            return Ok(());
        }
        let mut both = said.join().unwrap_or_default();
        both.extend(complained.join().unwrap_or_default());
        Err(self.refused(&arguments, &both))
    }

    /// The last lines that a container wrote.
    #[must_use]
    pub fn last_lines(&self, id: &str, lines: usize) -> String {
        let mut command = self.command();
        command.args(["logs", "--tail", &lines.to_string(), id]);
        trace::starts(&command);
        let Ok(output) = command.output() else {
            return String::new();
        };
        let both = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&both).into_owned()
    }

    /// Takes away what is left of a cluster here: the network, and the volumes if that is wished. How many volumes.
    ///
    /// # Errors
    /// The engine's words.
    pub fn clear(&self, name: &LocalName, volumes: VolumeFate) -> Result<usize, LocalEngineError> {
        let network = name.network();
        if self.ask(&["network", "inspect", &network]).is_ok() {
            self.ask(&["network", "rm", &network])?;
        }
        if volumes == VolumeFate::Stay {
            return Ok(0);
        }
        let filter = format!("label={OWNER}={name}");
        let found = self.ask(&["volume", "ls", "-q", "--filter", &filter])?;
        let found: Vec<&str> = found.split_whitespace().collect();
        for volume in &found {
            self.ask(&["volume", "rm", volume])?;
        }
        Ok(found.len())
    }

    /// A process of the client, as `logs` and `exec`, on the terminal that we are on. It is to be started at once.
    #[must_use]
    pub fn attached(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(self.engine().program());
        command.args(arguments);
        trace::starts(&command);
        command
    }
}

/// What a process writes until it closes its end.
fn all_of(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What came until then is all that there is.
        let _ = stream.read_to_end(&mut bytes);
    }
    bytes
}

/// What becomes of volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeFate {
    /// They stay, with what is in them.
    Stay,
    /// They go.
    Go,
}

/// How long is waited between two looks at a container.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// An id as both engines and all their commands tell it.
fn bare_id(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

/// `None` if it is none of ours.
fn seen_container(inspected: InspectedContainer) -> Option<SeenContainer> {
    let (id, image, labels, state, restarts, ports) = inspected;
    let mut labels = labels?;
    let mut label = |name: &str| labels.remove(name).unwrap_or_default();
    let service = ServiceName::new(label(SERVICE)).ok()?;
    let ports = ports.unwrap_or_default();
    let ports = ports.into_iter().filter_map(|(inside, bound)| {
        let (port, protocol) = inside.split_once('/')?;
        let outside = bound?.first()?.port.parse().ok()?;
        Some(((port.parse().ok()?, Protocol::named(protocol)?), outside))
    });
    Some(SeenContainer {
        id,
        service,
        running: state.running || state.restarting,
        job: !label(JOB).is_empty(),
        exit: state.exit,
        restarts: restarts.unwrap_or_default(),
        fingerprint: label(FINGERPRINT),
        directory: label(DIRECTORY),
        image: bare_id(&image).to_owned(),
        reference: label(REFERENCE),
        scheme: label(SCHEME),
        since: state.started.as_str().unwrap_or_default().to_owned(),
        ended: state.finished.as_str().unwrap_or_default().to_owned(),
        health: state
            .health
            .map(|health| health.status)
            .filter(|status| !status.is_empty()),
        ports: ports.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_are_understood() {
        let docker = r#"["0a","sha256:1b",{"bayplan.local.service":"web","bayplan.local.inputs":"v2:c"},{"Status":"running","Running":true,"Restarting":false,"ExitCode":0,"StartedAt":"2026-11-27T09:00:00Z","Health":{"Status":"starting","Log":null}},2,{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}],"81/tcp":null}]"#;
        let podman = r#"["0a","1b",{"bayplan.local.service":"web","bayplan.local.inputs":"v2:c"},{"Status":"running","Running":true,"ExitCode":0,"StartedAt":"2026-11-27T09:00:00Z","Healthcheck":{"Status":"starting"}},2,{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}],"81/tcp":null}]"#;
        let read = |text| seen_container(serde_json::from_str(text).unwrap()).unwrap();
        let seen = read(docker);
        assert_eq!(seen, read(podman));
        assert_eq!(seen.ports, [((80, Protocol::Tcp), 8080)].into());
        assert_eq!((seen.restarts, seen.running), (2, true));
        assert_eq!(seen.health.as_deref(), Some("starting"));
        let foreign = r#"["0a","1b",null,{"Running":true},null,null]"#;
        assert_eq!(seen_container(serde_json::from_str(foreign).unwrap()), None);
    }
}
