//! `extra_args`: flags of `docker run` and `podman run`. What has a field or breaks the unit is refused here, and so is a
//! word that the engine would take for the image.

use std::ops::RangeInclusive;

use super::diagnostic::{Diagnostic, quoted};
use super::name::VariableName;
use super::nearest;
use super::read::{At, Misfit, Problems, toml_text};
use super::shape;
use super::shape::text::Shape;

/// Flags of either engine that take a value and are nobody else's.
const VALUES: &str = "add-host annotation arch authfile blkio-weight blkio-weight-device cgroup-conf cgroup-parent \
    cgroupns cgroups chrootdirs cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares \
    cpuset-cpus cpuset-mems creds decryption-key detach-keys device-cgroup-rule device-read-bps device-read-iops \
    device-write-bps device-write-iops dns dns-opt dns-option dns-search domainname env-merge expose gidmap gpus \
    group-add group-entry health-cmd health-interval health-log-destination health-max-log-count health-max-log-size \
    health-on-failure health-retries health-start-interval health-start-period health-startup-cmd \
    health-startup-interval health-startup-retries health-startup-success health-startup-timeout health-timeout \
    hostname hosts-file hostuser image-volume init-path intel-rdt-closid io-maxbandwidth io-maxiops ip ip6 ipc \
    isolation kernel-memory link link-local-ip log-driver log-opt mac-address memory-reservation memory-swap \
    memory-swappiness mount net-alias network-alias oom-score-adj os passwd-entry personality pid pids-limit platform \
    pod preserve-fd preserve-fds rdt-class requires retry retry-delay runtime sdnotify seccomp-policy secret \
    security-opt shm-size shm-size-systemd stop-signal storage-opt subgidname subuidname sysctl systemd timeout tmpfs \
    tz uidmap umask unsetenv userns uts variant volume-driver volumes-from workdir";

/// Flags that take none.
const SWITCHES: &str = "disable-content-trust http-proxy init no-healthcheck no-hostname no-hosts oom-kill-disable passwd \
    privileged publish-all quiet read-only-tmpfs sig-proxy tls-verify unsetenv-all use-api-socket";

/// Flags that a field says, and that take a value.
const FIELDS: [(&str, &str); 17] = [
    ("cap-add", "capabilities"),
    ("cap-drop", "capabilities"),
    ("cpus", "cpus"),
    ("device", "devices"),
    ("entrypoint", "entrypoint"),
    ("env", "env"),
    ("env-file", "env"),
    ("label", "labels"),
    ("label-file", "labels"),
    ("memory", "memory"),
    ("net", "network"),
    ("network", "network"),
    ("stop-timeout", "stop_timeout"),
    ("ulimit", "ulimits"),
    ("user", "user"),
    ("volume", "volumes"),
    ("read-only", "read_only"),
];

/// Flags that break the unit, whether they take a value, and why.
const BREAKING: [(&str, Takes, &str); 16] = [
    (
        "attach",
        Takes::Value,
        "the unit shows what the container prints",
    ),
    (
        "cidfile",
        Takes::Value,
        "a second start would find the file and fail",
    ),
    (
        "conmon-pidfile",
        Takes::Value,
        "the unit's process is the engine's client",
    ),
    (
        "detach",
        Takes::Nothing,
        "the unit lasts as long as the engine's client",
    ),
    (
        "env-host",
        Takes::Nothing,
        "the container gets what is described and nothing else",
    ),
    ("help", Takes::Nothing, "nothing would be started"),
    ("interactive", Takes::Nothing, "a unit has no terminal"),
    ("name", Takes::Value, "the unit names the container"),
    (
        "pidfile",
        Takes::Value,
        "the unit's process is the engine's client",
    ),
    ("pod-id-file", Takes::Value, "the unit names the container"),
    (
        "pull",
        Takes::Value,
        "a release pulls the image before anything stops",
    ),
    (
        "replace",
        Takes::Nothing,
        "the unit removes what a crash left",
    ),
    ("restart", Takes::Value, "systemd starts it again"),
    ("rm", Takes::Nothing, "the unit has it"),
    ("rmi", Takes::Nothing, "the way back needs the image"),
    ("rootfs", Takes::Nothing, "there is an image"),
];

/// Short forms that both engines have.
const SHORT: [(char, &str); 16] = [
    ('a', "attach"),
    ('c', "cpu-shares"),
    ('d', "detach"),
    ('e', "env"),
    ('h', "hostname"),
    ('i', "interactive"),
    ('l', "label"),
    ('m', "memory"),
    ('p', "publish"),
    ('P', "publish-all"),
    ('q', "quiet"),
    ('t', "tty"),
    ('u', "user"),
    ('v', "volume"),
    ('w', "workdir"),
    ('n', "net"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Value,
    Nothing,
}

#[derive(Debug, Clone, Copy)]
enum Verdict {
    Fine,
    Field(&'static str),
    Breaks(&'static str),
    Publish,
}

/// Ports of the host that a `--publish` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    /// The address; `None` is all of them.
    pub ip: Option<String>,
    pub ports: RangeInclusive<u16>,
    pub protocol: String,
}

impl Published {
    /// A port of all addresses, as `port` has it.
    pub fn tcp(port: u16) -> Self {
        Self {
            ip: None,
            ports: port..=port,
            protocol: "tcp".to_owned(),
        }
    }

    /// Whether two of them cannot be on one host.
    pub fn clashes(&self, other: &Self) -> bool {
        let address = self.ip.is_none() || other.ip.is_none() || self.ip == other.ip;
        address
            && self.protocol == other.protocol
            && self.ports.start() <= other.ports.end()
            && other.ports.start() <= self.ports.end()
    }
}

fn flag(name: &str) -> Option<(Takes, Verdict)> {
    if let Some((_, field)) = FIELDS.iter().find(|(flag, _)| *flag == name) {
        let takes = match *field {
            "read_only" => Takes::Nothing,
            _ => Takes::Value,
        };
        return Some((takes, Verdict::Field(field)));
    }
    if let Some((_, takes, why)) = BREAKING.iter().find(|(flag, ..)| *flag == name) {
        return Some((*takes, Verdict::Breaks(why)));
    }
    match name {
        "publish" => Some((Takes::Value, Verdict::Publish)),
        "tty" => Some((Takes::Nothing, Verdict::Breaks("a unit has no terminal"))),
        _ if VALUES.split_whitespace().any(|flag| flag == name) => {
            Some((Takes::Value, Verdict::Fine))
        }
        _ if SWITCHES.split_whitespace().any(|flag| flag == name) => {
            Some((Takes::Nothing, Verdict::Fine))
        }
        _ => None,
    }
}

/// Checks the flags. Gives the ports that they publish.
pub(super) fn check(words: &[At<String>], problems: &mut Problems) -> Vec<At<Published>> {
    let mut published = Vec::new();
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        let text = word.value.as_str();
        let flags = match text.strip_prefix("--") {
            Some("") => Err(()),
            Some(long) => Ok(long_flag(long)),
            None => match text.strip_prefix('-') {
                // `-shm-size`: the letters would be taken one by one.
                Some(letters) if flag(letters).is_some() && letters.len() > 1 => Err(()),
                Some(letters) if !letters.is_empty() => Ok(short_flags(letters)),
                Some(_) | None => Err(()),
            },
        };
        let Ok(flags) = flags else {
            if let Some(name) = text.strip_prefix('-').filter(|name| flag(name).is_some()) {
                problems.push(unknown(name, text, word));
                return published;
            }
            problems.push(
                Diagnostic::error(
                    format!("expected a flag in `extra_args`, found {}", quoted(text)),
                    word.spot.label("the engine would take it for the image"),
                )
                .with_help(
                    "what follows the image is `command`; a flag and its value are `--flag=value`",
                ),
            );
            return published;
        };
        for Written { name, shown, value } in flags {
            let Some((takes, verdict)) = flag(&name) else {
                if value.is_none() {
                    problems.push(unknown(&name, &shown, word));
                    // Its value, most likely.
                    rest.next_if(|next| !next.value.starts_with('-'));
                }
                break;
            };
            let (value, spot) = match (takes, value) {
                (Takes::Nothing, value) => (value, &word.spot),
                (Takes::Value, Some(value)) => (Some(value), &word.spot),
                (Takes::Value, None) => match rest.next() {
                    Some(next) => (Some(next.value.clone()), &next.spot),
                    None => {
                        problems.push(
                            Diagnostic::error(
                                format!("expected a value after `{shown}`, found none"),
                                word.spot.label(""),
                            )
                            .with_help(format!("write `\"{shown}=…\"`, or remove it")),
                        );
                        break;
                    }
                },
            };
            let value = value.unwrap_or_default();
            match verdict {
                Verdict::Fine => {}
                Verdict::Publish => {
                    let value = At {
                        value,
                        spot: spot.clone(),
                    };
                    published.extend(value.parse(problems, publish).and_then(|found| {
                        Some(At {
                            value: found.value?,
                            spot: found.spot,
                        })
                    }));
                }
                Verdict::Breaks(why) => problems.push(
                    Diagnostic::error(
                        format!("expected no `{shown}` in `extra_args`: {why}"),
                        word.spot.label(""),
                    )
                    .with_help("remove it"),
                ),
                Verdict::Field(field) => {
                    problems
                        .0
                        .extend(field_instead(field, &name, &shown, &value, word));
                }
            }
        }
    }
    published
}

/// One flag as it is written.
struct Written {
    name: String,
    shown: String,
    value: Option<String>,
}

fn long_flag(text: &str) -> Vec<Written> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    vec![Written {
        name: name.to_owned(),
        shown: format!("--{name}"),
        value,
    }]
}

/// `-it`, `-p80:80`, `-e=A`: letters up to the first one that takes a value.
fn short_flags(letters: &str) -> Vec<Written> {
    let mut flags = Vec::new();
    for (at, letter) in letters.char_indices() {
        let known = SHORT.iter().find(|(short, _)| *short == letter);
        let name = known.map_or_else(|| letters[at..].to_owned(), |(_, long)| (*long).to_owned());
        let rest = &letters[at + letter.len_utf8()..];
        let takes = flag(&name).map(|(takes, _)| takes);
        let value = match (takes, rest.strip_prefix('=')) {
            (_, Some(value)) => Some(value.to_owned()),
            (Some(Takes::Value), None) if !rest.is_empty() => Some(rest.to_owned()),
            _ => None,
        };
        let ends = value.is_some() || takes != Some(Takes::Nothing);
        flags.push(Written {
            shown: match known {
                Some(_) => format!("-{letter}"),
                None => format!("-{letters}"),
            },
            name,
            value,
        });
        if ends {
            break;
        }
    }
    flags
}

fn unknown(name: &str, shown: &str, word: &At<String>) -> Diagnostic {
    let mut parts = word.value.split_whitespace();
    let known = [VALUES, SWITCHES]
        .into_iter()
        .flat_map(str::split_whitespace);
    let fields = FIELDS.iter().map(|(flag, _)| *flag);
    let breaking = BREAKING.iter().map(|(flag, ..)| *flag);
    let known = known
        .chain(fields)
        .chain(breaking)
        .chain(["publish", "tty"]);
    let help = match (parts.next(), parts.next()) {
        (Some(_), Some(_)) => {
            let words: Vec<String> = word.value.split_whitespace().map(toml_text).collect();
            format!(
                "each word is an argument of its own: `{}`",
                words.join(", ")
            )
        }
        _ => match nearest::nearest(name.trim_start_matches('-'), known) {
            Some(near) => format!("did you mean `--{near}`?"),
            None => {
                format!("if the engine has it, write its value into the same word: `{shown}=…`")
            }
        },
    };
    Diagnostic::error(
        format!("expected a flag of `run`, found {}", quoted(shown)),
        word.spot.label("unknown flag"),
    )
    .with_help(help)
}

/// The error that names the field; `None` where the field cannot say it.
fn field_instead(
    field: &str,
    name: &str,
    shown: &str,
    value: &str,
    word: &At<String>,
) -> Option<Diagnostic> {
    let text = toml_text(value);
    let pair = || value.split_once('=').unwrap_or((value, ""));
    let key = |name: &str| match name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    {
        true if !name.is_empty() => name.to_owned(),
        _ => toml_text(name),
    };
    let help = match (field, name) {
        ("env", "env") => match value.split_once('=') {
            // systemd carries no variable of such a name, so no field does.
            Some((variable, _)) if VariableName::new(variable).is_err() => return None,
            Some((variable, value)) => {
                format!("write `{variable} = {}` below `[env]`", toml_text(value))
            }
            None => format!(
                "name {} in `vars`, or define it below `[env]`",
                quoted(value)
            ),
        },
        ("env", _) => "write its lines below `[env]`".to_owned(),
        ("labels", "label-file") => "write its lines below `[labels]`".to_owned(),
        ("labels", _) if value.starts_with("bayplan.") => {
            "remove it: labels that begin with `bayplan.` are bayplan's own".to_owned()
        }
        ("labels", _) => {
            let (label, value) = pair();
            format!(
                "write `labels = {{ {} = {} }}`",
                key(label),
                toml_text(value)
            )
        }
        ("ulimits", _) => {
            let (limit, value) = pair();
            format!(
                "write `ulimits = {{ {} = {} }}`",
                key(limit),
                toml_text(value)
            )
        }
        ("capabilities", "cap-drop") => {
            format!(
                "write `capabilities = [{}]`",
                toml_text(&format!("-{value}"))
            )
        }
        ("capabilities" | "devices" | "volumes", _) => format!("write `{field} = [{text}]`"),
        ("read_only", _) => "write `read_only = true`".to_owned(),
        ("stop_timeout", _) => {
            format!("write `stop_timeout = {}`", toml_text(&format!("{value}s")))
        }
        ("memory", _) => {
            let fixed =
                shape::container::memory_written(value).map_or(text, |fixed| toml_text(&fixed));
            format!("write `memory = {fixed}`")
        }
        _ => format!("write `{field} = {text}`"),
    };
    let field = match field {
        "env" => "`[env]`".to_owned(),
        field => format!("`{field}`"),
    };
    Some(
        Diagnostic::error(
            format!("expected no `{shown}` in `extra_args`: {field} says it"),
            word.spot.label(""),
        )
        .with_help(help),
    )
}

/// `[[ip:]host:]container[/protocol]`; without a port of the host the engine takes a free one.
fn publish(text: &str) -> Shape<Option<Published>> {
    let misfit = || Misfit::new("ports such as `8443:8443`, `127.0.0.1:8443:8443` or `53:53/udp`");
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if !["tcp", "udp", "sctp"].contains(&protocol) {
        return Err(misfit());
    }
    let (before, container) = ports.rsplit_once(':').unwrap_or(("", ports));
    range(container).ok_or_else(misfit)?;
    let (ip, host) = match before.rsplit_once(':') {
        Some((ip, host)) => {
            let bare = ip.trim_start_matches('[').trim_end_matches(']');
            let ip: std::net::IpAddr = bare.parse().map_err(|_| misfit())?;
            (Some(ip), host)
        }
        None => (None, before),
    };
    if host.is_empty() {
        return Ok(None);
    }
    Ok(Some(Published {
        ip: ip
            .filter(|ip| !ip.is_unspecified())
            .map(|ip| ip.to_string()),
        ports: range(host).ok_or_else(misfit)?,
        protocol: protocol.to_owned(),
    }))
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let port = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>().ok().filter(|port| digits && *port > 0)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::super::read::Spot;
    use super::*;

    fn told(words: &[&str]) -> Vec<String> {
        let words: Vec<At<String>> = words
            .iter()
            .map(|word| At {
                value: (*word).to_owned(),
                spot: Spot::file("web.toml"),
            })
            .collect();
        let mut problems = Problems::default();
        check(&words, &mut problems);
        let told = problems.0.into_iter();
        told.map(|problem| format!("{}; {}", problem.title, problem.help.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn flags_of_the_engines_are_taken_with_their_values() {
        for words in [
            &["--shm-size", "1g"][..],
            &["--shm-size=1g", "--init", "--privileged=false"],
            &["-w", "/app", "-h", "name", "-c512"],
            &["-qP", "--sysctl", "net.core.somaxconn=1024"],
            &["--env", "discovery.type=single-node"],
            &[
                "--publish",
                "8443:8443",
                "-p53:53/udp",
                "-p=[::1]:1-3:1-3",
                "-p",
                "80",
            ],
            &["--flag-of-tomorrow=1"],
            &["--tmpfs", "--rm"],
            &[],
        ] {
            assert_eq!(told(words), Vec::<String>::new(), "{words:?}");
        }
    }

    #[test]
    fn what_has_a_field_or_breaks_the_unit_is_told() {
        let mut text = String::new();
        for words in [
            &["-d"][..],
            &["-dit"],
            &["-it=false"],
            &["--restart=always"],
            &["--restart", "always"],
            &["--name", "web"],
            &["--rm"],
            &["--pull=always"],
            &["--cidfile", "/run/x"],
            &["-a", "stdout"],
            &["-e", "A=b \"c\""],
            &["-eA=b"],
            &["--env", "A"],
            &["--env-file=/etc/x.env"],
            &["-l", "bayplan.service=other"],
            &["--label=a.b=c"],
            &["--memory", "1GB"],
            &["-m512m"],
            &["-u", "1000"],
            &["--user=root"],
            &["-v/a:/b"],
            &["--cap-drop", "ALL"],
            &["--cap-add=NET_ADMIN"],
            &["--ulimit", "nofile=1024:2048"],
            &["--net", "host"],
            &["--read-only"],
            &["--stop-timeout", "30"],
            &["--device=/dev/fuse"],
            &["--entrypoint", "/bin/x"],
            &["--cpus=1.5"],
            &["nginx"],
            &["--init", "true"],
            &["--", "nginx"],
            &["-"],
            &["--shm-size"],
            &["--shm-size 1g"],
            &["--shm-sise", "1g"],
            &["--frobnicate", "1"],
            &["-shm-size", "1g"],
            &["-p", "8080:http"],
            &["-p", "1.2.3:80:80"],
        ] {
            text += &format!("{words:?}\n");
            for line in told(words) {
                text += &format!("  {line}\n");
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn ports_clash_on_one_address_and_protocol() {
        let ports = |text| publish(text).unwrap().unwrap();
        for (a, b, expected) in [
            ("80:80", "80:81", true),
            ("80:80", "81:80", false),
            ("80:80", "80:80/udp", false),
            ("1-100:1-100", "50:1", true),
            ("127.0.0.1:80:80", "80:80", true),
            ("127.0.0.1:80:80", "10.0.0.1:80:80", false),
            ("0.0.0.0:80:80", "10.0.0.1:80:80", true),
        ] {
            assert_eq!(ports(a).clashes(&ports(b)), expected, "{a} {b}");
        }
    }
}
