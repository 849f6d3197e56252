//! Reads `cluster.toml` and `service-config.toml`.

use toml::de::{DeTable, DeValue};

use super::description::{
    ClusterFile, DescribedGuard, DescribedRollout, DescribedTold, PlaceLine, WrittenVariable,
    assignments,
};
use super::foreign;
use super::host_table::{read_client, read_host, read_listen, read_ssh};
use super::lint::{LINT, read_lint};
use super::model::{Engine, EngineClient};
use super::networks::read_networks;
use super::notify::{HOOKS, NOTIFY, read_hooks, read_notify};
use super::read::{Item, Misfit, Problems, Table, TableKind};
use super::reserved::Within;
use super::rollout::{ROLLOUT, read_rollout};
use super::shape;

const SERVICE_CONFIG: TableKind = TableKind {
    what: "`service-config.toml`",
    keys: &["vars"],
    foreign: &[],
};

/// The keys of `cluster.toml`.
pub(crate) const CLUSTER_KEYS: &[&str] = &[
    "type", "engine", "program", "listen", "ssh", "hosts", "place", "vars", "guard", "rollout",
    "notify", "hooks", "defaults", "services", "networks", "lint",
];

pub(super) const CLUSTER: TableKind = TableKind {
    what: "`cluster.toml`",
    keys: CLUSTER_KEYS,
    foreign: foreign::CLUSTER,
};

const GUARD: TableKind = TableKind {
    what: "`[guard]`",
    keys: &[
        "max_restarts",
        "protect",
        "branch",
        "clean",
        "signed",
        "hours",
    ],
    foreign: &[],
};

/// Reads `service-config.toml`: its variables.
pub(super) fn read_service_config(
    path: &str,
    entries: &DeTable<'_>,
    problems: &mut Problems,
) -> Vec<WrittenVariable> {
    let mut root = Table::root(path, entries, &SERVICE_CONFIG);
    let vars = assignments(root.names("vars", problems), Within::Vars, problems);
    root.finish(problems);
    vars
}

/// Reads `cluster.toml`: what can be read of it.
pub(super) fn read_cluster(
    path: &str,
    entries: &DeTable<'_>,
    problems: &mut Problems,
) -> ClusterFile {
    let mut root = Table::root(path, entries, &CLUSTER);
    let kind = root.string("type", problems);
    let kind = kind.and_then(|kind| kind.parse(problems, shape::text::line));
    let client = read_client(&mut root, &EngineClient::usual(Engine::Docker), problems);
    let ssh = read_ssh(&mut root, problems);
    let listen = read_listen(&mut root, problems);
    let items = root.names("hosts", problems);
    let host_names = items.iter().map(Item::name).collect();
    let hosts = items
        .iter()
        .filter_map(|item| read_host(item, &client, &ssh, listen.as_ref(), problems))
        .collect();
    let place = root
        .names("place", problems)
        .iter()
        .map(|item| read_placement(item, problems))
        .collect();
    let vars = assignments(root.names("vars", problems), Within::Vars, problems);
    let guard = root.table("guard", &GUARD, problems);
    let guard = guard.map_or_else(DescribedGuard::default, |table| read_guard(table, problems));
    let rollout = root.table("rollout", &ROLLOUT, problems);
    let rollout = rollout.map_or_else(DescribedRollout::default, |table| {
        read_rollout(table, problems)
    });
    let notify = root.table("notify", &NOTIFY, problems);
    let notify = notify.map_or_else(DescribedTold::default, |table| read_notify(table, problems));
    let hooks = root.table("hooks", &HOOKS, problems);
    let before = hooks.map_or_else(Vec::new, |table| read_hooks(table, problems));
    // These are read with each service.
    let _ = (root.get("defaults"), root.get("services"));
    let networks = read_networks(&mut root, problems);
    let lint = root.table("lint", &LINT, problems);
    let lint = lint.map(|table| read_lint(table, problems));
    root.finish(problems);
    ClusterFile {
        kind,
        host_names,
        hosts,
        place,
        vars,
        guard,
        rollout,
        notify,
        before,
        networks,
        lint,
        here: None,
    }
}

fn read_guard(mut table: Table<'_>, problems: &mut Problems) -> DescribedGuard {
    let guard = DescribedGuard {
        max_restarts: table.integer("max_restarts", 0..=1_000_000, problems),
        protect: table.strings("protect", problems),
        branch: table
            .string("branch", problems)
            .and_then(|branch| branch.parse(problems, branch_name)),
        clean: table.boolean("clean", problems),
        signed: table.boolean("signed", problems),
        hours: table
            .string("hours", problems)
            .and_then(|hours| hours.parse(problems, shape::hours::release_hours)),
    };
    table.finish(problems);
    guard
}

/// A branch, not a ref of another kind.
fn branch_name(text: &str) -> Result<String, Misfit> {
    if let Some(branch) = text.strip_prefix("refs/heads/") {
        return Err(Misfit::help("a branch's name", format!("write `{branch}`")));
    }
    match text.is_empty() || text.contains(|c: char| c.is_control() || " ~^:?*[\\".contains(c)) {
        true => Err(Misfit::new("a branch's name such as `main`")),
        false => Ok(text.to_owned()),
    }
}

fn read_placement(item: &Item<'_>, problems: &mut Problems) -> PlaceLine {
    let hosts = match item.value {
        DeValue::String(text) => vec![item.at(text.to_string())],
        DeValue::Array(_) => item.strings(problems),
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => {
            item.mistyped("a host or a list of hosts", problems);
            Vec::new()
        }
    };
    PlaceLine {
        service: item.name(),
        hosts,
    }
}
