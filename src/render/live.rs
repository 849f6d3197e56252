//! Directories of files that a service reads again without a restart (`[files]` with `reload`): live directories.
//!
//! One of them is mounted as a directory, and stays the same on its host. What it shows are links through `..data`, so that
//! one rename takes all files at once from one version to another:
//!
//! ```text
//! /var/lib/bayplan/<cluster>/live/<service>/~etc~nginx~conf.d/      mounted at /etc/nginx/conf.d
//!     ..data                   a link to a version
//!     ..3f9ac1b20c77.Xq3vBz/   a version: the digest of its files, and a name that is never used again
//!         .modes               permissions and owners, as `0644 0:0 site.conf`
//!         .secrets             what the host notes of files that it made of secrets
//!         site.conf
//!     site.conf                a link to ..data/site.conf
//! /run/bayplan/loaded/<unit>   INVOCATION NAME=VERSION…: what the running process has read
//! ```
//!
//! In generations and staging areas they stand beside the inputs directory, by the same name. None of it is an input: the
//! fingerprint has the mount, and not what it shows.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::config_files;
use super::identity::{DirectoryName, UnitName};
use super::inputs::directives;
use super::run_line::{RunLine, RunOption};
use super::secret_files::{self, secret_file};
use super::slots;
use super::unit::{expand_nothing, parse_unit, quote_lines};
use crate::cluster::digest::Digest;
use crate::cluster::model::{ConfigFile, Content, Engine, FileMode, LiveFiles, ReloadBy, Service};
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::cluster::secret::Secret;

/// The list of permissions and owners in a version.
pub const MODES: &str = ".modes";

/// Where all live directories of a service are, on its host.
#[must_use]
pub fn parent(cluster: &ClusterName, service: &ServiceName) -> String {
    format!("/var/lib/bayplan/{cluster}/live/{service}")
}

/// The name of a live directory: its path in the container, with `~` for each `/`. Neither a service nor an inputs directory
/// is called like that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LiveName(String);

impl LiveName {
    /// Of the directory that is mounted there.
    #[must_use]
    pub fn of(target: &str) -> Self {
        Self(target.replace('/', "~"))
    }

    /// Takes a name that a host reports: `None` if it is none of ours.
    #[must_use]
    pub fn reported(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-+@~".contains(&b);
        let ours = text.starts_with('~') && text.bytes().all(plain);
        ours.then(|| Self(text.to_owned()))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it is mounted.
    #[must_use]
    pub fn target(&self) -> String {
        self.0.replace('~', "/")
    }

    /// The name of a file of it among all files that a host makes of secrets.
    #[must_use]
    pub fn file(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }

    /// The path below it of a file of this name, if it is one of its own.
    #[must_use]
    pub fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(&self.0)?.strip_prefix('/')
    }
}

impl fmt::Display for LiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a path of a file that a host makes of secrets is one of a live directory.
#[must_use]
pub fn is_live(path: &str) -> bool {
    path.starts_with('~')
}

/// A version of a live directory on a host: `..`, the digest of what it holds, `.`, and what nothing else there was ever called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LiveVersion(String);

impl LiveVersion {
    /// Takes a name that a host reports: `None` if it is none of ours.
    #[must_use]
    pub fn reported(text: &str) -> Option<Self> {
        let (digest, random) = text.strip_prefix("..")?.split_once('.')?;
        let plain = |b: u8| b.is_ascii_alphanumeric();
        let ours = DirectoryName::reported(digest).is_some()
            && !random.is_empty()
            && random.bytes().all(plain);
        ours.then(|| Self(text.to_owned()))
    }

    /// The first one of files of this digest, where there is no host to make it.
    #[must_use]
    pub fn first(digest: &DirectoryName) -> Self {
        Self(format!("..{digest}.0"))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it still holds what it was made of, if it holds files that count as these.
    #[must_use]
    pub fn is_whole(&self, files: &BTreeMap<String, Digest>) -> bool {
        self.is_of(&digest(files))
    }

    /// Whether it was made of files of this digest.
    #[must_use]
    pub fn is_of(&self, digest: &DirectoryName) -> bool {
        let made_of = self.0[2..].split('.').next();
        made_of == Some(digest.as_str())
    }
}

/// What a manifest says of the live directories of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestLive {
    /// How the service is told to read them again.
    pub reload: ReloadBy,
    /// The commands that must accept new files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Vec<String>>,
    /// The directories.
    pub directories: BTreeMap<LiveName, LiveDigests>,
}

/// What a live directory holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveDigests {
    /// The digest of all of it.
    pub digest: DirectoryName,
    /// The digests of its files, the list of permissions among them.
    pub files: BTreeMap<String, Digest>,
    /// What stands for those that the host makes of secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Digest>,
}

impl LiveDigests {
    /// Every file, with what it counts as on a host.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Digest> {
        let all = self.files.iter().chain(&self.secrets);
        all.map(|(path, digest)| (path.clone(), digest.clone()))
            .collect()
    }
}

/// The files of a live directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DesiredLive {
    /// Those that hold no secrets, by path below it, the list of permissions among them.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Those that the host makes of secrets.
    pub secrets: BTreeMap<String, (FileMode, Secret)>,
}

/// The live directories of a service on one host.
pub(super) fn desired(
    service: &Service,
    host: Option<&HostName>,
) -> (BTreeMap<LiveName, DesiredLive>, Option<ManifestLive>) {
    let Some(LiveFiles {
        reload,
        checks,
        directories,
    }) = &service.files.live
    else {
        return (BTreeMap::new(), None);
    };
    let mut desired = BTreeMap::new();
    let mut digests = BTreeMap::new();
    for (target, files) in directories {
        let (files, of_it) = directory(files, host);
        digests.insert(LiveName::of(target), of_it);
        desired.insert(LiveName::of(target), files);
    }
    let manifest = ManifestLive {
        reload: reload.clone(),
        checks: checks.clone(),
        directories: digests,
    };
    (desired, Some(manifest))
}

fn directory(
    files: &BTreeMap<String, ConfigFile>,
    host: Option<&HostName>,
) -> (DesiredLive, LiveDigests) {
    let mut desired = DesiredLive::default();
    let mut secrets = BTreeMap::new();
    let mut modes = String::new();
    for (path, file) in files {
        match file.contents.on(host) {
            None => continue,
            Some(Content::Plain(bytes)) => {
                desired.files.insert(path.clone(), bytes.to_vec());
            }
            Some(Content::Secret(secret)) => {
                secrets.insert(path.clone(), secret_file(secret.identity()));
                desired
                    .secrets
                    .insert(path.clone(), (file.mode, secret.clone()));
            }
        }
        modes += &config_files::mode_line(file, path);
    }
    desired.files.insert(MODES.to_owned(), modes.into_bytes());
    let files: BTreeMap<String, Digest> = desired
        .files
        .iter()
        .map(|(path, bytes)| (path.clone(), Digest::of(bytes)))
        .collect();
    let mut digests = LiveDigests {
        digest: DirectoryName(String::new()),
        files,
        secrets,
    };
    digests.digest = digest(&digests.all());
    (desired, digests)
}

/// The digest of files that count as these.
fn digest(files: &BTreeMap<String, Digest>) -> DirectoryName {
    let files = files.iter();
    let parts = files.flat_map(|(path, digest)| [path.as_bytes(), digest.as_str().as_bytes()]);
    let digest = Digest::of_parts(std::iter::once(b"live v1".as_slice()).chain(parts));
    DirectoryName(digest.as_str()[..12].to_owned())
}

/// What is mounted: the path on the host, and the one in the container.
pub(super) fn mounts(cluster: &ClusterName, service: &Service) -> Vec<(String, String)> {
    let live = service.files.live.iter();
    let targets = live.flat_map(|live| live.directories.keys());
    let parent = parent(cluster, &service.name);
    targets
        .map(|target| (format!("{parent}/{}", LiveName::of(target)), target.clone()))
        .collect()
}

/// The command line for `ExecStartPre=` that makes the links right and notes what the container is about to read. No clock
/// decides what it has read, and no power cut leaves a link that leads nowhere.
pub(super) fn prepare(cluster: &ClusterName, service: &Service, unit: &UnitName) -> Option<String> {
    service.files.live.as_ref()?;
    let parent = parent(cluster, &service.name);
    let unit = unit.as_str();
    let lines = [
        format!(
            "umask 077; cd {parent} && mkdir -p /run/bayplan/loaded || exit; said=$INVOCATION_ID;"
        ),
        "for d in *; do".to_owned(),
        "for f in \"$d\"/* \"$d\"/.[!.]*; do".to_owned(),
        "{ [ -L \"$f\" ] && [ \"$f\" -ef \"$d/..data/${f##*/}\" ]; } || rm -rf \"$f\"; done;"
            .to_owned(),
        "for f in \"$d\"/..data/*; do".to_owned(),
        "[ -L \"$d/${f##*/}\" ] || ln -s \"..data/${f##*/}\" \"$d/\"; done;".to_owned(),
        "said=\"$said $d=$(readlink \"$d/..data\")\"; done;".to_owned(),
    ]
    .into_iter()
    .chain(slots::make_links(cluster, service))
    .chain([
        format!("echo \"$said\" >/run/bayplan/loaded/.{unit} &&"),
        format!("mv /run/bayplan/loaded/.{unit} /run/bayplan/loaded/{unit}"),
    ]);
    let lines: Vec<String> = lines.collect();
    Some(format!("/bin/sh -c {}", quote_lines(&lines)))
}

/// The container in which new files are checked: the one that a unit makes, without what others could notice or use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckContainer {
    /// The engine's client.
    pub program: String,
    /// The options of `create`, as a unit has them: `$` is doubled in them, and `%` is not.
    pub options: Vec<String>,
    /// The networks that it is in.
    pub networks: Vec<String>,
}

/// Options that a container for a check has not: what others would see of it, what it would leave behind, and what belongs to
/// the one that runs.
const NOT_OF_A_CHECK: [&str; 40] = [
    "attach",
    "cgroup-parent",
    "cgroups",
    "cidfile",
    "conmon-pidfile",
    "detach",
    "detach-keys",
    "entrypoint",
    "expose",
    "health-cmd",
    "health-interval",
    "health-retries",
    "health-start-interval",
    "health-start-period",
    "health-timeout",
    "interactive",
    "ip",
    "ip6",
    "label",
    "label-file",
    "link",
    "link-local-ip",
    "mac-address",
    "name",
    "net-alias",
    "network",
    "network-alias",
    "no-healthcheck",
    "pidfile",
    "pod",
    "publish",
    "publish-all",
    "pull",
    "replace",
    "restart",
    "rm",
    "sdnotify",
    "sig-proxy",
    "tty",
    "volumes-from",
];

impl CheckContainer {
    /// Of the unit with this text. `moved` are paths of the host, and where the same files are for the check.
    #[must_use]
    pub fn of(
        unit_text: &str,
        unit: &UnitName,
        engine: Engine,
        moved: &[(String, String)],
    ) -> Option<Self> {
        let directives = directives(&parse_unit(unit_text));
        let RunLine {
            program,
            options: all,
            connected,
        } = RunLine::of(&directives, engine)?;
        let (mut options, mut networks) = (Vec::new(), Vec::new());
        let is_ours = |value: &str| moved.iter().any(|(from, _)| value.contains(from.as_str()));
        for RunOption { name, value } in all {
            match (name, value) {
                ("network", Some(network)) => {
                    let network = expand_nothing(network);
                    let name = network
                        .split_once(':')
                        .filter(|(kind, _)| *kind != "container");
                    networks.push(name.map_or(network.clone(), |(name, _)| name.to_owned()));
                }
                ("volume" | "mount", value) if !value.is_some_and(is_ours) => {}
                (name, _) if NOT_OF_A_CHECK.contains(&name) => {}
                (name, value) => {
                    let dashes = if name.len() == 1 { "-" } else { "--" };
                    let mut option = format!("{dashes}{name}");
                    if let Some(value) = value {
                        let mut value = value.to_owned();
                        for (from, to) in moved {
                            value = value.replace(from.as_str(), to);
                        }
                        option = format!("{option}={value}");
                    }
                    let option = option
                        .replace("%N", &unit.container())
                        .replace("%p", &unit.container());
                    options.push(option.replace("%%", "%"));
                }
            }
        }
        networks.extend(connected);
        Some(Self {
            program: program.to_owned(),
            options,
            networks,
        })
    }
}

/// The files of a staged live directory that the host makes, by the names that they have among all of a service.
pub(super) fn made_paths(
    live: &BTreeMap<LiveName, DesiredLive>,
) -> BTreeMap<String, (FileMode, Secret)> {
    let directories = live.iter();
    let files = directories.flat_map(|(name, directory)| {
        let secrets = directory.secrets.iter();
        secrets.map(move |(path, made)| (name.file(path), made.clone()))
    });
    files.collect()
}

/// Whether a name in a version says nothing to the service.
#[must_use]
pub fn is_own(path: &str) -> bool {
    path == MODES || path == secret_files::RECORD
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cluster::name::ServiceName;
    use crate::cluster::{Sources, check};
    use crate::render::desired::DesiredService;
    use crate::render::manifest::Manifest;
    use crate::render::render;

    /// A service with a live directory, from these lines and this level; `template` is one of its own.
    fn made(
        lines: &str,
        level: &str,
        template: Option<&str>,
    ) -> Result<(Arc<DesiredService>, Manifest), String> {
        let mut sources = Sources::new();
        sources.insert(
            "clusters/test/cluster.toml",
            format!("[hosts.h1]\naddress = \"10.0.0.1\"\n[networks]\nfront = {{}}\nback = {{}}\n[place]\nweb = \"h1\"\n[vars]\nLEVEL = \"{level}\"\n"),
        );
        sources.insert(
            "clusters/test/services/web.toml",
            format!("image = \"example/web\"\ntag = \"1.0\"\n{lines}\n[files]\n\"/etc/one\" = \"one\"\n\"/etc/app\" = {{ from = \"conf/\", template = true, reload = {{ signal = \"HUP\" }}, check = [\"app\", \"-t\", \"$x %y\"] }}\n"),
        );
        sources.insert("clusters/test/services/web/one", "1");
        sources.insert("clusters/test/services/web/conf/a.conf", "{{ LEVEL }}");
        if let Some(text) = template {
            sources.insert("templates/container.service", text);
        }
        let checked = check("test", &sources);
        let told = format!("{:?}", checked.diagnostics);
        let cluster = checked.cluster.ok_or(told)?;
        let desired = render(&cluster).map_err(|errors| format!("{errors:?}"))?;
        let (name, host) = desired.hosts.first_key_value().unwrap();
        let web = &host.services[&ServiceName::new("web").unwrap()];
        Ok((Arc::clone(web), host.manifest(&cluster.name, name)))
    }

    #[test]
    fn what_a_live_directory_holds_is_no_input_and_that_it_is_mounted_is_one() {
        let (one, first) = made("", "info", None).unwrap();
        let (other, second) = made("", "debug", None).unwrap();
        assert_eq!(one.fingerprint, other.fingerprint);
        assert_eq!(one.directory, other.directory);
        assert_eq!(one.service_unit(), other.service_unit());
        assert!(!first.holds_same(&second.services.iter().collect()));
        let text = &one.service_unit().text;
        assert!(text.contains(
            "--mount type=bind,source=/var/lib/bayplan/test/live/web/~etc~app,target=/etc/app,readonly"
        ), "{text}");
        assert!(text.contains("/run/bayplan/loaded/test-web"), "{text}");
        let mount =
            |(_, words): &(String, Vec<String>)| words.iter().any(|word| word.contains("~etc~app"));
        assert!(one.inputs.directives.iter().any(mount));
        // An older bayplan must not take it for a generation that it knows.
        assert!(first.to_text().contains("\"format\": 3"));
        assert_eq!(Manifest::parse(&first.to_text()).as_ref(), Ok(&first));
    }

    #[test]
    fn a_template_without_the_line_is_told() {
        let built_in = crate::render::unit_template::BUILT_IN;
        let without = built_in.replace("ExecStartPre={{ line }}", "");
        let told = made("", "info", Some(&without)).unwrap_err();
        assert!(told.contains("for each line of `prepare`"), "{told}");
    }

    #[test]
    fn a_check_gets_what_the_service_has_and_nothing_that_others_notice() {
        let lines = "port = 80\nuser = \"1000\"\nhostname = \"a b\"\nvolumes = [\"/srv:/srv\"]\nnetworks = [\"front\", \"back\"]\naliases = [\"www\"]\nread_only = true\n\
            [labels]\na = \"b\"\n[env]\nA = \"1\"\nPATH = \"/x\"\n";
        let lines = lines.replace("hostname = \"a b\"\n", "");
        let (web, _) = made(&lines, "info", None).unwrap();
        let moved = [
            (
                format!("/etc/bayplan/test/web/{}", web.directory),
                "/run/t/etc".to_owned(),
            ),
            (
                "/var/lib/bayplan/test/live/web".to_owned(),
                "/run/t/live".to_owned(),
            ),
        ];
        let text = &web.service_unit().text;
        let container = CheckContainer::of(text, &web.unit, Engine::Docker, &moved).unwrap();
        assert_eq!(container.program, "/usr/bin/docker");
        assert_eq!(container.networks, ["test-front", "test-back"]);
        assert_eq!(
            container.options,
            [
                "--user=1000",
                "--mount=type=bind,source=/run/t/etc/files/etc/one,target=/etc/one,readonly",
                "--mount=type=bind,source=/run/t/live/~etc~app,target=/etc/app,readonly",
                "--env-file=/run/t/etc/literal",
                "--env=A",
                "--env=APP_PORT",
                "--read-only",
            ]
        );
    }

    #[test]
    fn names_are_read_back() {
        let name = LiveName::of("/etc/nginx/conf.d");
        assert_eq!(name.as_str(), "~etc~nginx~conf.d");
        assert_eq!(name.target(), "/etc/nginx/conf.d");
        assert_eq!(LiveName::reported(name.as_str()), Some(name));
        for bad in ["", "etc", "~a/b", "~a b", "3f9ac1b20c77"] {
            assert_eq!(LiveName::reported(bad), None, "{bad}");
        }
        let digest = DirectoryName::reported("3f9ac1b20c77").unwrap();
        let version = LiveVersion::reported("..3f9ac1b20c77.Xq3vBz").unwrap();
        assert!(version.is_of(&digest));
        for bad in [
            "",
            "-",
            "..data",
            "..3f9ac1b20c77.",
            "..3f9ac1b20c77",
            "..3f9ac1b20c77.a/b",
        ] {
            assert_eq!(LiveVersion::reported(bad), None, "{bad}");
        }
    }
}
