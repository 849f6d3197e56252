//! What a host says of itself when a session opens, and whether bayplan can work there. Pure.

use std::fmt::Write as _;

use super::error::{HostErrorKind, Tool};
use crate::cluster::model::EngineClient;
use crate::host::ability::Ability;
use crate::host::version::{OLDEST_SYSTEMD, Version};
use crate::render::shell::quote;

/// What a host says of itself when a session opens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// As `uname -s` says it.
    pub kernel: String,
    /// As `uname -n` says it.
    pub hostname: String,
    /// `id -u` of the session's `sh`.
    pub uid: u32,
    /// `/etc/machine-id`, where there is one. Copies of one image may share it.
    pub machine_id: Option<String>,
    /// `/proc/sys/kernel/random/boot_id`: the kernel's. Containers on one machine share it.
    pub boot_id: Option<String>,
    /// The number of the mount that is `/`, as the kernel counts them: containers do not share it.
    pub root_mount: Option<String>,
    /// Whether it was booted with systemd (`sd_booted(3)`).
    pub booted_with_systemd: bool,
    /// The version of systemd, if it is known.
    pub systemd: Option<Version>,
    /// Which of the programs that were looked for are not there.
    pub missing: Vec<String>,
    /// Where the engine's client is, if it is not where units run it.
    pub elsewhere: Option<String>,
    /// What its tools cannot do.
    pub unable: Vec<Ability>,
}

/// What a host needs besides `sh`.
pub(super) const TOOLS: &[Tool] = &[
    tool("tar", "tar"),
    tool("sha256sum", "coreutils"),
    tool("stat", "coreutils"),
    tool("timeout", "coreutils"),
    tool("grep", "grep"),
    tool("sed", "sed"),
    // Units run it by this path.
    tool("/bin/bash", "bash"),
    tool("flock", "util-linux"),
    tool("systemctl", "systemd"),
    tool("systemd-run", "systemd"),
    tool("systemd-analyze", "systemd"),
];

/// What this machine needs for a directory.
pub(super) const FILE_TOOLS: &[Tool] = &[
    tool("tar", "tar"),
    tool("sha256sum", "coreutils"),
    tool("stat", "coreutils"),
];

const fn tool(program: &'static str, package: &'static str) -> Tool {
    Tool { program, package }
}

/// The package that has a program of [`TOOLS`].
pub(in crate::host) fn package_of(program: &str) -> Option<&'static str> {
    let tool = TOOLS.iter().find(|tool| tool.program == program)?;
    Some(tool.package)
}

/// What ends the host's words of itself.
const FACTS_END: &[u8] = b"\nthen\n";

/// The first script, and then `then`, if the tools are such that its answer can be believed. Everything in
/// it that can be is built into `sh`. What it prints, it prints at once, and ends with [`FACTS_END`].
pub(super) fn look_around(tools: &[Tool], client: Option<&EngineClient>, then: &str) -> String {
    let mut script = String::from(
        "uid=\n\
         while read -r key _ id _; do\n\
         [ \"$key\" != Uid: ] || { uid=$id; break; }\n\
         done 2>/dev/null </proc/self/status\n\
         read -r kernel 2>/dev/null </proc/sys/kernel/ostype || kernel=$(uname -s)\n\
         read -r hostname 2>/dev/null </proc/sys/kernel/hostname || hostname=$(uname -n)\n\
         facts=\"uid ${uid:-$(id -u)}\nkernel $kernel\nhostname $hostname\" unable=''\n\
         fact() { facts=\"$facts\n$1\"; }\n\
         unable() { unable=1; fact \"unable $1\"; }\n\
         if read -r id 2>/dev/null </etc/machine-id; then fact \"machine-id $id\"; fi\n\
         if read -r id 2>/dev/null </proc/sys/kernel/random/boot_id; then fact \"boot-id $id\"; fi\n\
         while read -r id _ _ _ at _; do\n\
         [ \"$at\" != / ] || { fact \"root-mount $id\"; break; }\n\
         done 2>/dev/null </proc/self/mountinfo\n\
         [ / -ef / ] 2>/dev/null || unable [\n\
         printf 'ab\\n' | { head -c 1 >/dev/null && read -r rest && [ \"$rest\" = b ]; } 2>/dev/null || unable head\n\
         for program in",
    );
    for tool in tools {
        script.push(' ');
        script.push_str(tool.program);
    }
    script.push_str(
        "; do\n\
         case $program in\n\
         /*) [ -x \"$program\" ] ;;\n\
         *) command -v \"$program\" >/dev/null 2>&1 ;;\n\
         esac || fact \"missing $program\"\n\
         done\n",
    );
    if let Some(client) = client {
        let (program, engine) = (quote(&client.program), client.engine.program());
        script.push_str(SYSTEMD);
        let _ = write!(
            script,
            "[ -x {program} ] ||\n\
             {{ found=$(command -v {engine} 2>/dev/null) && fact \"elsewhere $found\"; }} ||\n\
             fact 'missing {engine}'\n"
        );
    }
    let _ = write!(
        script,
        "printf '%s\\nthen\\n' \"$facts\"\n\
         if [ -z \"$unable\" ]; then\n\
         :\n\
         {then}\n\
         fi\n"
    );
    script
}

/// Whether it was booted with systemd, and which one: its library has the version in its name, which costs no
/// process. Before 248 the minor number counts, too.
const SYSTEMD: &str = "\
[ ! -d /run/systemd/system ] || fact systemd
version=''
for library in /usr/lib/systemd/libsystemd-shared-*.so /usr/lib/*/systemd/libsystemd-shared-*.so \
  /usr/lib64/systemd/libsystemd-shared-*.so /lib/systemd/libsystemd-shared-*.so; do
  [ -e \"$library\" ] || continue
  library=${library##*-shared-} library=${library%.so}
  case $version in
  '' | \"$library\") version=$library ;;
  *) version=several ;;
  esac
done
case $version in
24[89]* | 2[5-9][0-9]* | [3-9][0-9][0-9]*) ;;
*) version=$(systemctl --version 2>/dev/null | head -n 1) ;;
esac
fact \"version $version\"
";

impl Facts {
    /// The words of [`look_around`], and what comes after them.
    pub(super) fn split(said: &[u8]) -> Option<(&[u8], &[u8])> {
        let mut places = said.windows(FACTS_END.len());
        let end = places.position(|bytes| bytes == FACTS_END)?;
        Some((&said[..end], &said[end + FACTS_END.len()..]))
    }

    /// Reads the answer of [`look_around`]; `None` if it is none.
    pub(in crate::host) fn parse(stdout: &[u8]) -> Option<Self> {
        let mut facts = Self::default();
        let mut uid = None;
        for line in std::str::from_utf8(stdout).ok()?.lines() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            match key {
                "uid" => uid = Some(value.parse().ok()?),
                "kernel" => value.clone_into(&mut facts.kernel),
                "hostname" => value.clone_into(&mut facts.hostname),
                "systemd" => facts.booted_with_systemd = true,
                "version" => facts.systemd = systemd_version(value),
                "machine-id" => facts.machine_id = Some(value.to_owned()),
                "boot-id" => facts.boot_id = Some(value.to_owned()),
                "root-mount" => facts.root_mount = Some(value.to_owned()),
                "missing" => facts.missing.push(value.to_owned()),
                "elsewhere" => facts.elsewhere = Some(value.to_owned()),
                "unable" => facts.unable.push(Ability::named(value)?),
                _ => return None,
            }
        }
        facts.uid = uid?;
        (!facts.kernel.is_empty()).then_some(facts)
    }

    /// Whether these are surely facts of one machine, seen twice. Copied machines, or containers of one kernel, agree in
    /// some of them, but never in all.
    #[must_use]
    pub fn are_of_one_machine(&self, other: &Self) -> bool {
        fn identity(facts: &Facts) -> Option<[&str; 3]> {
            let Facts {
                machine_id,
                boot_id,
                root_mount,
                ..
            } = facts;
            Some([
                machine_id.as_deref()?,
                boot_id.as_deref()?,
                root_mount.as_deref()?,
            ])
        }
        identity(self).is_some() && identity(self) == identity(other)
    }

    /// Why bayplan cannot work there: the most fundamental reason. `client` is the engine's, where anything
    /// runs.
    pub(super) fn unfit(
        &self,
        client: Option<&EngineClient>,
        tools: &[Tool],
    ) -> Option<HostErrorKind> {
        let missing: Vec<Tool> = tools
            .iter()
            .filter(|tool| self.missing.iter().any(|name| name == tool.program))
            .copied()
            .collect();
        let tools = (!missing.is_empty())
            .then_some(HostErrorKind::MissingTool { tools: missing })
            .or_else(|| {
                let ability = *self.unable.first()?;
                Some(HostErrorKind::Unable { ability })
            });
        let Some(client) = client else {
            return tools;
        };
        if self.kernel != "Linux" {
            return Some(HostErrorKind::NotLinux {
                kernel: super::error::printable(&self.kernel),
            });
        }
        if self.uid != 0 {
            return Some(HostErrorKind::NotRoot { uid: self.uid });
        }
        if !self.booted_with_systemd {
            return Some(HostErrorKind::NoSystemd);
        }
        if let Some(found) = self.systemd.filter(|found| *found < OLDEST_SYSTEMD) {
            return Some(HostErrorKind::OldSystemd { found });
        }
        tools.or_else(|| self.without_client(client))
    }

    fn without_client(&self, client: &EngineClient) -> Option<HostErrorKind> {
        let engine = client.engine;
        if let Some(found) = &self.elsewhere {
            return Some(HostErrorKind::ClientElsewhere {
                engine,
                program: client.program.clone(),
                found: super::error::printable(found),
            });
        }
        let missing = self.missing.iter().any(|name| name == engine.program());
        missing.then_some(HostErrorKind::NoEngine { engine })
    }
}

/// `252`, or the first line of `systemctl --version`: `systemd 247 (247.3-7+deb11u8)`.
fn systemd_version(text: &str) -> Option<Version> {
    let words = text.strip_prefix("systemd ").unwrap_or(text);
    let exact = words.split_once('(').map(|(_, exact)| exact);
    exact
        .and_then(Version::parse)
        .or_else(|| Version::parse(words))
}

#[cfg(test)]
mod tests;
