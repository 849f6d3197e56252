//! Reads the fields of a container that are tables or depend on each other: `security`, `log`, `dns`, `hosts`, `tmpfs`,
//! `hardened`.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::diagnostic::{Diagnostic, quoted};
use super::foreign;
use super::model::{Container, Dns, Logging, Security};
use super::read::{At, Item, Problems, Table, TableKind, parse_all};
use super::shape::process::bytes;
use super::shape::text::Shape;
use super::shape::{confinement, resolver, text};

const SECURITY: TableKind = TableKind {
    what: "`security`",
    keys: &["no_new_privileges", "seccomp", "apparmor", "label"],
    foreign: foreign::SECURITY,
};

const DNS: TableKind = TableKind {
    what: "`dns`",
    keys: &["servers", "search", "options"],
    foreign: foreign::DNS,
};

const LOG: TableKind = TableKind {
    what: "`log`",
    keys: &["driver", "options"],
    foreign: foreign::LOG,
};

/// How many processes a hardened container may have where `pids` does not say.
pub(super) const HARDENED_PIDS: &str = "1024";

/// Reads them into the container, whose other fields are read.
pub(super) fn read_tables(
    root: &mut Table<'_>,
    container: &mut Container,
    problems: &mut Problems,
) {
    container.security = read_security(root, problems);
    container.dns = read_dns(root, problems);
    container.hosts = read_hosts(root, problems);
    container.log = read_log(root, problems);
    harden(root, container, problems);
    check_together(root, container, problems);
}

fn read_security(root: &mut Table<'_>, problems: &mut Problems) -> Security {
    let Some(item) = root.get("security") else {
        return Security::default();
    };
    if let DeValue::Array(_) = item.value
        && !item.borrowed
    {
        problems.push(
            Diagnostic::error("expected a table for `security`, found an array", item.spot.label(""))
                .with_help(
                    "write `security = { no_new_privileges = true }`; `seccomp`, `apparmor` and `label` stand there, too",
                ),
        );
        return Security::default();
    }
    let Some(mut table) = item.table(&SECURITY, problems) else {
        return Security::default();
    };
    let mut one = |key, shape: fn(&str) -> Shape<String>, problems: &mut Problems| {
        let text = table.string(key, problems)?;
        Some(text.parse(problems, shape)?.value)
    };
    let seccomp = one("seccomp", confinement::seccomp, problems);
    let apparmor = one("apparmor", confinement::apparmor, problems);
    let no_new_privileges = table.boolean("no_new_privileges", problems);
    let label = one_or_more(table.get("label"), problems);
    table.finish(problems);
    Security {
        no_new_privileges: no_new_privileges.map(|found| found.value),
        seccomp,
        apparmor,
        label: parse_all(label, confinement::selinux, problems),
    }
}

/// Reads `options`, which may also be numbers and `true`: each name with its place, and its value.
pub(super) fn settings(
    table: &mut Table<'_>,
    (name, value): (
        impl Fn(&str) -> Shape<String>,
        impl Fn(&str) -> Shape<String>,
    ),
    problems: &mut Problems,
) -> Vec<(At<String>, String)> {
    let items = table.names("options", problems).into_iter();
    items
        .filter_map(|item| {
            let written = if let DeValue::Integer(number) = item.value {
                Some(item.at(number.to_string()))
            } else if let DeValue::Boolean(value) = item.value {
                Some(item.at(value.to_string()))
            } else {
                item.string(problems)
            };
            let name = item.name().parse(problems, &name);
            let value = written?.parse(problems, &value);
            Some((name?, value?.value))
        })
        .collect()
}

/// A text, or a list of texts.
pub(super) fn one_or_more(item: Option<Item<'_>>, problems: &mut Problems) -> Vec<At<String>> {
    match item {
        None => Vec::new(),
        Some(item) if matches!(item.value, DeValue::String(_)) => {
            item.string(problems).into_iter().collect()
        }
        Some(item) => item.strings(problems),
    }
}

fn read_dns(root: &mut Table<'_>, problems: &mut Problems) -> Dns {
    let Some(item) = root.get("dns") else {
        return Dns::default();
    };
    if !matches!(item.value, DeValue::Table(_)) {
        return Dns {
            servers: parse_all(item.strings(problems), resolver::dns_server, problems),
            ..Dns::default()
        };
    }
    let Some(mut table) = item.table(&DNS, problems) else {
        return Dns::default();
    };
    let mut list = |key, shape, problems: &mut Problems| {
        let texts = table.strings(key, problems);
        parse_all(texts, shape, problems)
    };
    let dns = Dns {
        servers: list("servers", resolver::dns_server, problems),
        search: list("search", resolver::dns_search, problems),
        options: list("options", resolver::dns_option, problems),
    };
    table.finish(problems);
    dns
}

fn read_hosts(root: &mut Table<'_>, problems: &mut Problems) -> BTreeMap<String, Vec<String>> {
    if let Some(item) = root.get("hosts")
        && matches!(item.value, DeValue::Array(_) | DeValue::String(_))
    {
        if !item.borrowed {
            problems.push(hosts_as_list(&item));
        }
        return BTreeMap::new();
    }
    let entries = root.names("hosts", problems);
    let entries = entries.into_iter().filter_map(|item| {
        let name = item.name().parse(problems, resolver::host_name);
        let none = matches!(item.value, DeValue::Array(items) if items.is_empty());
        if none {
            problems.push(
                Diagnostic::error(
                    format!("expected an address for {}, found none", quoted(&item.key)),
                    item.spot.label(""),
                )
                .with_help("remove it, or write its address"),
            );
        }
        let addresses = one_or_more(Some(item), problems);
        let addresses = parse_all(addresses, resolver::host_address, problems);
        Some((name?.value, addresses))
    });
    entries.collect()
}

/// A list of addresses as compose has it, or the hosts of `[place]`.
fn hosts_as_list(item: &Item<'_>) -> Diagnostic {
    let address = |text: &str| text.contains([':', '=']);
    let addresses = match item.value.as_array() {
        Some(items) => items
            .iter()
            .all(|item| item.get_ref().as_str().is_some_and(address)),
        None => false,
    };
    let help = match addresses {
        true => "write the addresses by name: `hosts = { \"db.example.com\" = \"10.0.0.5\" }`",
        false => {
            "`hosts` are names for the container's `/etc/hosts`: `hosts = { \"db.example.com\" = \"10.0.0.5\" }`; where it runs is `web = \"docker01\"` below `[place]` of `cluster.toml`"
        }
    };
    Diagnostic::error(
        "expected a table for `hosts`, found another type",
        item.spot.label(""),
    )
    .with_help(help)
}

fn read_log(root: &mut Table<'_>, problems: &mut Problems) -> Logging {
    let Some(item) = root.get("log") else {
        return Logging::default();
    };
    if let DeValue::String(driver) = item.value
        && !item.borrowed
    {
        problems.push(
            Diagnostic::error(
                "expected a table for `log`, found a string",
                item.spot.label(""),
            )
            .with_help(format!(
                "write `log = {{ driver = {:?} }}`",
                driver.as_ref()
            )),
        );
        return Logging::default();
    }
    let Some(mut table) = item.table(&LOG, problems) else {
        return Logging::default();
    };
    let driver = table.string("driver", problems);
    let driver = driver.and_then(|driver| driver.parse(problems, confinement::log_driver));
    let options = settings(&mut table, (confinement::log_option, text::line), problems);
    let options: BTreeMap<String, String> = options
        .into_iter()
        .map(|(name, value)| (name.value, value))
        .collect();
    if let (Some(driver), false) = (&driver, options.is_empty())
        && driver.value == "none"
    {
        problems.push(
            Diagnostic::error(
                "the driver `none` takes no options",
                driver.spot.label("keeps nothing"),
            )
            .with_help("remove `options`, or choose another driver"),
        );
    }
    table.finish(problems);
    Logging {
        driver: driver.map(|driver| driver.value),
        options,
    }
}

/// What `hardened` sets where the file does not say otherwise.
fn harden(root: &mut Table<'_>, container: &mut Container, problems: &mut Problems) {
    let hardened = root.boolean("hardened", problems);
    let Some(hardened) = hardened.filter(|hardened| hardened.value) else {
        return;
    };
    if container.privileged
        && let Some(privileged) = root.get("privileged")
    {
        problems.push(
            Diagnostic::error(
                "`privileged` and `hardened` say the opposite",
                privileged.key_spot.label("may do everything"),
            )
            .with_related(hardened.spot.label("may do what is named"))
            .with_help("remove one of them; a hardened container gets what it needs by `capabilities` and `devices`"),
        );
    }
    if !container.capabilities.iter().any(|one| one == "-ALL") {
        container.capabilities.insert(0, "-ALL".to_owned());
    }
    container.security.no_new_privileges.get_or_insert(true);
    container
        .pids
        .get_or_insert_with(|| HARDENED_PIDS.to_owned());
    if root.get("read_only").is_none() {
        container.read_only = true;
    }
}

/// What fits one by one, and not together.
fn check_together(root: &mut Table<'_>, container: &Container, problems: &mut Problems) {
    let sizes = [&container.memory, &container.memory_reservation];
    if let [Some(limit), Some(reserved)] = sizes.map(|size| size.as_deref().and_then(bytes))
        && reserved > limit
        && let (Some(soft), Some(hard)) = (root.get("memory_reservation"), root.get("memory"))
    {
        problems.push(
            Diagnostic::error(
                "expected `memory_reservation` of at most `memory`, found more",
                soft.spot.label("more than the limit"),
            )
            .with_related(hard.spot.label("the limit"))
            .with_help("it is what is left to the container when memory is short: write less"),
        );
    }
    let network = container.network.as_deref();
    if network == Some("none")
        && let Some(dns) = root.get("dns")
    {
        problems.push(
            Diagnostic::error(
                "`dns` means nothing to a container without network",
                dns.key_spot.label("whom does it ask?"),
            )
            .with_help("remove `dns`, or `network = \"none\"`"),
        );
    }
    if network == Some("host")
        && let Some(name) = container
            .sysctls
            .keys()
            .find(|name| name.starts_with("net."))
        && let Some(sysctls) = root.get("sysctls")
    {
        problems.push(
            Diagnostic::error(
                format!("`{name}` is the host's where the container has the host's network"),
                sysctls.key_spot.label("the engine refuses it"),
            )
            .with_help("remove it here, and set it on the host in `/etc/sysctl.d/`"),
        );
    }
}

/// `tmpfs` beside the targets of volumes: no two at one path.
pub(super) fn read_tmpfs(
    root: &mut Table<'_>,
    targets: &mut BTreeMap<String, At<String>>,
    problems: &mut Problems,
) -> Vec<String> {
    let mut mounts = Vec::new();
    for text in root.strings("tmpfs", problems) {
        let Some(mount) = text.parse(problems, confinement::tmpfs) else {
            continue;
        };
        let (mount, target) = mount.value;
        if let Some(first) = targets.get(&target) {
            problems.push(
                Diagnostic::error(
                    format!("expected one file system at {}, found two", quoted(&target)),
                    text.spot.label("second one there"),
                )
                .with_related(first.spot.label("first one there"))
                .with_help("remove one of them, or choose another path"),
            );
        }
        targets.entry(target).or_insert(text);
        mounts.push(mount);
    }
    mounts
}
