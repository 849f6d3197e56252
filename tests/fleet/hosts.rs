//! The hosts of `tests/fleet/fleet`: booted, looked into past ssh, and ended again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fleet/fleet");

/// Ends the fleet when this process is gone, whatever it died of: then its input ends. Also the
/// connections that bayplan keeps open, and the operator's files.
const GUARDIAN: &str = "cat >/dev/null
for socket in \"$2\"/bayplan/*; do
    [ ! -S \"$socket\" ] || ssh -F /dev/null -O exit -S \"$socket\" any 2>/dev/null
done
\"$0\" down \"$1\"
rm -rf \"$2\"";

/// How many fleets this process has booted: each has a directory of its own.
static BOOTED: AtomicUsize = AtomicUsize::new(0);

/// A fleet that runs.
pub struct Fleet {
    directory: PathBuf,
    pub hosts: Vec<Host>,
    /// `10.77.0.1:5000`, as hosts know the registry.
    pub registry: String,
    /// The operator's home, runtime directory, and config repositories. The path is short, since
    /// control sockets lie below it. It goes with the fleet.
    pub operator: PathBuf,
    guardian: Mutex<Option<Child>>,
}

/// One host.
#[derive(Debug, Clone)]
pub struct Host {
    pub name: String,
    pub address: String,
    /// `ssh-ed25519 AAAA…`
    pub host_key: String,
    directory: PathBuf,
}

/// What a file on a host is; two that are equal were not touched in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    mode: u32,
    /// When it last changed (ctime, nanoseconds).
    changed: i128,
    content: Vec<u8>,
}

/// Says to the operator's docker that a registry has no TLS, as people do who have such a registry.
fn without_tls(operator: &Path, registry: &str) -> Result<(), String> {
    let directory = operator.join(".docker");
    let text = format!("{{ \"insecure-registries\": [\"{registry}\"] }}\n");
    fs::create_dir(&directory)
        .and_then(|()| fs::write(directory.join("daemon.json"), text))
        .map_err(|error| format!("{}: {error}", directory.display()))
}

impl Fleet {
    /// Boots hosts and a registry. `hosts` is a number, or for each host its release of Debian.
    ///
    /// # Errors
    /// What the script said.
    pub fn up(hosts: &[&str]) -> Result<Self, String> {
        let below =
            std::env::var_os("BAYPLAN_FLEET_STATE").map_or_else(std::env::temp_dir, PathBuf::from);
        let number = BOOTED.fetch_add(1, Ordering::Relaxed);
        let directory = below.join(format!(
            "bayplan-fleet.{}.{number}.{}",
            std::process::id(),
            hosts.join(".")
        ));
        let operator = tempfile::Builder::new()
            .prefix("bp")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in("/tmp")
            .map_err(|error| error.to_string())?
            .keep();
        // Not of our process group, so that a Ctrl-C does not end it first.
        let guardian = Command::new("sh")
            .args(["-c", GUARDIAN, SCRIPT])
            .args([&directory, &operator])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        fleet("up", &directory, hosts)?;
        let read = |path: PathBuf| {
            fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
        };
        let names = fs::read_dir(directory.join("hosts")).map_err(|error| error.to_string())?;
        let names: BTreeSet<String> = names
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let hosts = names
            .into_iter()
            .map(|name| {
                let at = directory.join("hosts").join(&name);
                Ok(Host {
                    address: read(at.join("address"))?.trim().to_owned(),
                    host_key: read(at.join("host_key"))?.trim().to_owned(),
                    directory: at,
                    name,
                })
            })
            .collect::<Result<_, String>>()?;
        let registry = read(directory.join("registry"))?.trim().to_owned();
        without_tls(&operator, &registry)?;
        Ok(Self {
            registry,
            hosts,
            operator,
            guardian: Mutex::new(Some(guardian)),
            directory,
        })
    }

    /// Ends all of it, and waits until it is gone.
    pub fn down(&self) {
        let guardian = self.guardian.lock().expect("nobody panics with it").take();
        if let Some(mut guardian) = guardian {
            drop(guardian.stdin.take());
            let _ = guardian.wait();
        }
    }

    /// The host of that name: `docker01`, ….
    pub fn host(&self, name: &str) -> &Host {
        self.hosts
            .iter()
            .find(|host| host.name == name)
            .unwrap_or_else(|| panic!("no host {name}"))
    }

    /// The `ssh_config(5)` of the operator: the key, and the hosts' keys.
    pub fn ssh_config(&self) -> PathBuf {
        self.directory.join("ssh_config")
    }

    /// Puts an image into the registry, and gives its digest; the options are those of `fleet image`.
    pub fn image(&self, reference: &str, options: &[&str]) -> String {
        let arguments: Vec<&str> = [reference]
            .into_iter()
            .chain(options.iter().copied())
            .collect();
        must(fleet("image", &self.directory, &arguments))
            .trim()
            .to_owned()
    }

    /// Pulls the network cable of a host.
    pub fn cut(&self, host: &str) {
        must(fleet("cut", &self.directory, &[host]));
    }

    /// Plugs it in again.
    pub fn heal(&self, host: &str) {
        must(fleet("heal", &self.directory, &[host]));
    }

    /// Pulls the plug of a host, and switches it on again.
    pub fn power_cut(&self, host: &str) {
        must(fleet("poweroff", &self.directory, &[host]));
        must(fleet("boot", &self.directory, &[host]));
    }

    /// The processes of the connections that bayplan keeps open.
    pub fn masters(&self) -> Vec<String> {
        let entries = fs::read_dir(self.operator.join("bayplan"));
        let sockets = entries.into_iter().flatten().flatten().filter(|entry| {
            use std::os::unix::fs::FileTypeExt as _;
            entry.file_type().is_ok_and(|kind| kind.is_socket())
        });
        let master = |entry: fs::DirEntry| {
            let checked = Command::new("ssh")
                .args(["-F", "/dev/null", "-O", "check", "-S"])
                .arg(entry.path())
                .arg("any")
                .output()
                .expect("ssh starts");
            // `Master running (pid=4711)`
            let said = String::from_utf8_lossy(&checked.stderr).into_owned();
            let (_, pid) = said.split_once("pid=")?;
            Some(pid.split(')').next()?.to_owned())
        };
        sockets.filter_map(master).collect()
    }

    /// Ends the connections that bayplan keeps open: the next one connects anew.
    pub fn close_connections(&self) {
        let Ok(entries) = fs::read_dir(self.operator.join("bayplan")) else {
            return;
        };
        for entry in entries.flatten() {
            use std::os::unix::fs::FileTypeExt as _;
            if entry.file_type().is_ok_and(|kind| kind.is_socket()) {
                let _ = Command::new("ssh")
                    .args(["-F", "/dev/null", "-O", "exit", "-S"])
                    .arg(entry.path())
                    .arg("any")
                    .stderr(Stdio::null())
                    .status();
            }
        }
    }
}

impl Host {
    /// Runs a script in the host, past its network and sshd.
    pub fn run(&self, script: &str) -> Output {
        let pid = fs::read_to_string(self.directory.join("pid")).expect("the host runs");
        Command::new("nsenter")
            .args([
                "--target",
                pid.trim(),
                "--all",
                "--root",
                "env",
                "-i",
                "--chdir=/",
            ])
            .args(["HOME=/root", "LANG=C.UTF-8"])
            .arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .args(["sh", "-c", script])
            .stdin(Stdio::null())
            .output()
            .expect("nsenter starts")
    }

    /// Runs a script that must succeed, and gives what it wrote.
    pub fn sh(&self, script: &str) -> String {
        let output = self.run(script);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "on {}: `{script}` ended with {}\n{text}{}",
            self.name,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// A property of a unit, as `systemctl show` tells it.
    pub fn unit(&self, unit: &str, property: &str) -> String {
        let value = self.sh(&format!("systemctl show --value -p {property} {unit}"));
        value.trim().to_owned()
    }

    /// A path of the host's disk, seen from outside.
    pub fn path(&self, path: &str) -> PathBuf {
        self.directory
            .join("root")
            .join(path.trim_start_matches('/'))
    }

    /// The text of a file on the host's disk.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path))
            .unwrap_or_else(|error| panic!("{}: {path}: {error}", self.name))
    }

    /// Every file below these directories.
    pub fn files(&self, below: &[&str]) -> BTreeMap<String, FileState> {
        let mut files = BTreeMap::new();
        for directory in below {
            self.walk(Path::new(directory), &mut files);
        }
        files
    }

    fn walk(&self, directory: &Path, files: &mut BTreeMap<String, FileState>) {
        let Ok(entries) = fs::read_dir(self.path(&directory.to_string_lossy())) else {
            return;
        };
        for entry in entries.flatten() {
            let path = directory.join(entry.file_name());
            let metadata = fs::symlink_metadata(entry.path()).expect("nobody removes it meanwhile");
            let content = if metadata.is_symlink() {
                let target = fs::read_link(entry.path()).expect("it is a link");
                target.into_os_string().into_encoded_bytes()
            } else if metadata.is_dir() {
                self.walk(&path, files);
                Vec::new()
            } else {
                fs::read(entry.path()).expect("it can be read")
            };
            let state = FileState {
                mode: metadata.mode(),
                changed: i128::from(metadata.ctime()) * 1_000_000_000
                    + i128::from(metadata.ctime_nsec()),
                content,
            };
            files.insert(format!("{}:{}", self.name, path.display()), state);
        }
    }
}

/// Builds the roots of these releases of Debian, those that are not there.
///
/// # Errors
/// What the script said.
pub fn build(suites: &[&str]) -> Result<(), String> {
    let output = Command::new(SCRIPT).arg("build").args(suites).output();
    let output = output.map_err(|error| format!("{SCRIPT}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("fleet build {suites:?}: {}\n{said}", output.status))
}

/// Calls the script, and gives what it wrote.
fn fleet(command: &str, directory: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(SCRIPT)
        .arg(command)
        .arg(directory)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{SCRIPT}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "fleet {command} {arguments:?}: {}\n{said}",
        output.status
    ))
}

fn must(result: Result<String, String>) -> String {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Looks until there is something to see, at most so long.
pub fn until<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(
            start.elapsed() < limit,
            "waited {limit:?} in vain until {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
