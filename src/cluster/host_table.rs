//! Reads `[hosts.NAME]`, and what `cluster.toml` says of all hosts: the engine and `[ssh]`.

use std::net::IpAddr;
use std::path::PathBuf;

use super::description::{DescribedHost, assignments};
use super::diagnostic::{Diagnostic, quoted};
use super::foreign;
use super::model::{Delivery, Engine, EngineClient, Host, Ssh, Transport};
use super::name::HostName;
use super::nearest;
use super::read::{At, Item, Misfit, Problems, Spot, Table, TableKind};
use super::reserved::Within;
use super::shape;

const HOST: TableKind = TableKind {
    what: "a host",
    keys: &[
        "engine",
        "program",
        "address",
        "directory",
        "local",
        "user",
        "port",
        "sudo",
        "host_key",
        "secrets",
        "listen",
        "vars",
    ],
    foreign: foreign::HOST,
};

const SSH: TableKind = TableKind {
    what: "`[ssh]`",
    keys: &["user", "port", "sudo"],
    foreign: foreign::HOST,
};

/// What `[ssh]` says for all hosts.
#[derive(Default)]
pub(super) struct SshDefaults {
    user: Option<String>,
    port: Option<u16>,
    sudo: bool,
}

/// The engine's client of a host or of the cluster. What the table does not say, `other` says.
pub(super) fn read_client(
    table: &mut Table<'_>,
    other: &EngineClient,
    problems: &mut Problems,
) -> EngineClient {
    match (read_engine(table, problems), read_program(table, problems)) {
        (None, None) => other.clone(),
        (Some(engine), None) if engine.value == other.engine => other.clone(),
        (Some(engine), None) => EngineClient::usual(engine.value),
        (engine, Some(program)) => {
            if let Some(engine) = engine.filter(|engine| engine.value != program.value.engine) {
                problems.push(
                    Diagnostic::error(
                        format!(
                            "expected the path of `{}`, found that of `{}`",
                            engine.value.program(),
                            program.value.engine.program()
                        ),
                        program.spot.label("another engine's client"),
                    )
                    .with_related(engine.spot.label("the engine"))
                    .with_help("remove one of them: `program` alone tells the engine, too"),
                );
            }
            program.value
        }
    }
}

fn read_program(table: &mut Table<'_>, problems: &mut Problems) -> Option<At<EngineClient>> {
    table
        .string("program", problems)?
        .parse(problems, shape::host::program)
}

fn read_engine(table: &mut Table<'_>, problems: &mut Problems) -> Option<At<Engine>> {
    let text = table.string("engine", problems)?;
    let Some(engine) = Engine::named(&text.value) else {
        let help = nearest::help(&text.value, ["docker", "podman"]);
        problems.push(
            Diagnostic::error(
                format!(
                    "expected `docker` or `podman`, found {}",
                    quoted(&text.value)
                ),
                text.spot.label("unknown engine"),
            )
            .with_help_if(help),
        );
        return None;
    };
    Some(At {
        value: engine,
        spot: text.spot,
    })
}

/// Reads `[ssh]`.
pub(super) fn read_ssh(root: &mut Table<'_>, problems: &mut Problems) -> SshDefaults {
    let Some(mut table) = root.table("ssh", &SSH, problems) else {
        return SshDefaults::default();
    };
    let ssh = SshDefaults {
        user: read_login(&mut table, problems).map(|user| user.value),
        port: table.port("port", problems).map(|port| port.value),
        sudo: table
            .boolean("sudo", problems)
            .is_some_and(|sudo| sudo.value),
    };
    table.finish(problems);
    ssh
}

fn read_login(table: &mut Table<'_>, problems: &mut Problems) -> Option<At<String>> {
    table
        .string("user", problems)?
        .parse(problems, shape::host::login)
}

/// Where ports are published that name no address: `listen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listen {
    /// On every address, as the engines do.
    All,
    /// On the host's own.
    Address,
    /// On this one.
    At(IpAddr),
}

/// Reads `listen`, of a host or of the cluster.
pub(super) fn read_listen(table: &mut Table<'_>, problems: &mut Problems) -> Option<At<Listen>> {
    let text = table.string("listen", problems)?;
    text.parse(problems, |text| match text {
        "all" => Ok(Listen::All),
        "address" => Ok(Listen::Address),
        text => text.parse().map(Listen::At).map_err(|_| {
            const EXPECTED: &str =
                "`all`, `address` (the host's own) or an IP address for `listen`";
            let meant = match text {
                "localhost" | "loopback" => Some("127.0.0.1"),
                "*" | "any" => Some("all"),
                other => nearest::nearest(other, ["all", "address"]),
            };
            match meant {
                Some(meant) => Misfit::help(EXPECTED, format!("write `listen = \"{meant}\"`")),
                None => Misfit::help(EXPECTED, "such as `listen = \"127.0.0.1\"`"),
            }
        }),
    })
}

/// The address of it on a host with this one.
fn listen_at(
    listen: Option<&At<Listen>>,
    address: Option<&At<String>>,
    spot: &Spot,
    problems: &mut Problems,
) -> Option<IpAddr> {
    let listen = listen?;
    match listen.value {
        Listen::All => None,
        Listen::At(address) => Some(address),
        Listen::Address => {
            let own = address.and_then(|address| address.value.parse().ok());
            if own.is_none() {
                let spot = address.map_or(spot, |address| &address.spot);
                problems.push(
                    Diagnostic::error(
                        "expected an IP address of the host, on which `listen = \"address\"` publishes its ports, found none",
                        spot.label("no IP address"),
                    )
                    .with_related(listen.spot.label("asks for it"))
                    .with_help("write the IP address itself for this host: `listen = \"10.0.0.1\"`"),
                );
            }
            own
        }
    }
}

/// A key of a host that only some hosts can have, with its place.
struct Extra {
    key: &'static str,
    place: super::diagnostic::Place,
}

/// Reads `[hosts.NAME]`. `client`, `ssh` and `listen` say what the cluster says for all hosts.
pub(super) fn read_host(
    item: &Item<'_>,
    client: &EngineClient,
    ssh: &SshDefaults,
    listen: Option<&At<Listen>>,
    problems: &mut Problems,
) -> Option<DescribedHost> {
    let name = match HostName::new(item.key.as_str()) {
        Ok(name) => Some(name),
        Err(invalid) => {
            let guess = HostName::new(item.key.to_lowercase().replace(['_', '.'], "-")).ok();
            problems.push(
                Diagnostic::error(
                    format!("expected {}, found {}", invalid.expected, quoted(&item.key)),
                    item.key_spot.label("no valid host name"),
                )
                .with_help_if(guess.map(|name| format!("write `[hosts.{name}]`"))),
            );
            None
        }
    };
    let mut table = item.table(&HOST, problems)?;
    let client = read_client(&mut table, client, problems);
    let address = table.string("address", problems);
    let kind = address
        .as_ref()
        .and_then(|address| address.parse(problems, shape::host::address));
    let directory = table.string("directory", problems);
    let directory = directory.and_then(|text| text.parse(problems, shape::host::directory));
    let local = read_local(&mut table, problems);
    let mut extras = Vec::new();
    let mut extra = |key, place| extras.push(Extra { key, place });
    let user = read_login(&mut table, problems);
    let port = table.port("port", problems);
    let sudo = table.boolean("sudo", problems);
    let host_key = table.string("host_key", problems);
    let host_key = host_key.and_then(|text| text.parse(problems, shape::host::host_key));
    if let Some(user) = &user {
        extra("user", user.spot.label("only for ssh"));
    }
    if let Some(port) = &port {
        extra("port", port.spot.label("only for ssh"));
    }
    if let Some(host_key) = &host_key {
        extra("host_key", host_key.spot.label("only for ssh"));
    }
    let pinned = host_key.as_ref().map(|key| key.spot.clone());
    if let (Some(sudo), Some(_)) = (&sudo, &directory) {
        extra("sudo", sudo.spot.label("not for a directory"));
    }
    let delivery = read_delivery(&mut table, problems);
    let vars = assignments(table.names("vars", problems), Within::Vars, problems);
    let spot = table.spot.clone();
    let own_listen = read_listen(&mut table, problems);
    let listen = own_listen.as_ref().or(listen);
    let listen = listen_at(listen, address.as_ref(), &spot, problems);
    let written = ["address", "directory", "local"]
        .into_iter()
        .any(|key| table.get(key).is_some());
    table.finish(problems);

    let transport = match (&directory, &local, &address) {
        (Some(directory), Some(local), _) => {
            problems.push(
                Diagnostic::error(
                    "expected one of `directory` and `local`, found both",
                    local.spot.label("second way to reach it"),
                )
                .with_related(directory.spot.label("first way to reach it"))
                .with_help("remove one of them"),
            );
            return None;
        }
        (Some(directory), None, _) => {
            reject_extras("a directory", extras, problems);
            let root = PathBuf::from(&directory.value);
            (Transport::Directory { root }, directory.spot.clone())
        }
        (None, Some(local), _) => {
            reject_extras("this machine", extras, problems);
            let sudo = sudo.is_some_and(|sudo| sudo.value);
            (Transport::Local { sudo }, local.spot.clone())
        }
        (None, None, Some(address)) => {
            let settings = Ssh {
                user: user.map(|user| user.value).or_else(|| ssh.user.clone()),
                port: port.map(|port| port.value).or(ssh.port),
                sudo: sudo.map_or(ssh.sudo, |sudo| sudo.value),
                host_key: host_key.map(|key| key.value),
            };
            (Transport::Ssh(settings), address.spot.clone())
        }
        (None, None, None) => {
            if !written {
                problems.push(
                    Diagnostic::error(
                        format!(
                            "expected `address`, `directory` or `local` for host {}, found none",
                            quoted(&item.key)
                        ),
                        spot.label("cannot be reached"),
                    )
                    .with_help("write `address = \"10.0.0.1\"`"),
                );
            }
            return None;
        }
    };
    let (transport, reach) = transport;
    let name = name?;
    Some(DescribedHost {
        address: kind,
        reach,
        host_key: pinned,
        vars,
        host: Host {
            name: name.clone(),
            address: address.map(|address| address.value),
            // Nothing is sent to this machine itself.
            secrets: match transport {
                Transport::Local { .. } => Delivery::Plain,
                Transport::Ssh(_) | Transport::Directory { .. } => delivery,
            },
            transport,
            client,
            listen,
        },
        name: At {
            value: name,
            spot: item.key_spot.clone(),
        },
    })
}

/// How secrets get there: `secrets = "plain"`, or nothing at all.
fn read_delivery(table: &mut Table<'_>, problems: &mut Problems) -> Delivery {
    let Some(text) = table.string("secrets", problems) else {
        return Delivery::Sealed;
    };
    match text.value.as_str() {
        "plain" => Delivery::Plain,
        other => {
            problems.push(
                Diagnostic::error(
                    format!("expected `plain`, found {}", quoted(other)),
                    text.spot.label("unknown way"),
                )
                .with_help("remove the line: secrets are encrypted to the host's `host_key`"),
            );
            Delivery::Sealed
        }
    }
}

fn read_local(table: &mut Table<'_>, problems: &mut Problems) -> Option<At<bool>> {
    let local = table.boolean("local", problems)?;
    if local.value {
        return Some(local);
    }
    problems.push(
        Diagnostic::error(
            "expected `local = true`, found `local = false`",
            local.spot.label(""),
        )
        .with_help("remove the line"),
    );
    None
}

fn reject_extras(of: &str, extras: Vec<Extra>, problems: &mut Problems) {
    for Extra { key, place } in extras {
        problems.push(
            Diagnostic::error(
                format!("`{key}` means nothing for a host that is {of}"),
                place,
            )
            .with_help("remove the line"),
        );
    }
}
