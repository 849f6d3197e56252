//! Reads `[swap]` of a service: two slots, of which one takes over from the other behind a proxy.

use std::time::Duration;

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::foreign;
use super::read::{At, Misfit, Problems, Spot, Table, TableKind};
use super::shape::duration::duration;
use super::shape::text::Shape;

const SWAP: TableKind = TableKind {
    what: "`[swap]`",
    keys: &["proxy", "port", "slots", "drain", "keep", "volumes"],
    foreign: foreign::SWAP,
};

/// How long the connections of the slot that goes are waited for where `[swap]` does not say.
const DRAIN: Duration = Duration::from_secs(30);

/// `[swap]` as it is written.
#[derive(Debug, Clone)]
pub(super) struct WrittenSwap {
    /// Where it stands.
    pub spot: Spot,
    /// The service that takes its requests, perhaps one that is not there.
    pub proxy: At<String>,
    /// What the proxy answers on.
    pub port: At<u16>,
    /// The port of each slot.
    pub slots: [At<u16>; 2],
    /// How long a slot that goes may take until its connections have ended.
    pub drain: Duration,
    /// How long it runs on after that, as the way back.
    pub keep: Duration,
    /// `volumes = "shared"`: both slots may have them at once.
    pub shares_volumes: bool,
}

/// Reads `[swap]`, if there is one that can be read.
pub(super) fn read_swap(root: &mut Table<'_>, problems: &mut Problems) -> Option<WrittenSwap> {
    let mut table = root.table("swap", &SWAP, problems)?;
    let spot = table.spot.clone();
    let before = problems.0.len();
    let proxy = table.string("proxy", problems);
    let port = table.port("port", problems);
    let slots = read_slots(&mut table, problems);
    let drain = table.string("drain", problems);
    let drain = drain.and_then(|drain| drain.parse(problems, duration));
    let keep = read_keep(
        &mut table,
        drain.as_ref().map_or(DRAIN, |drain| drain.value),
        problems,
    );
    let volumes = table.string("volumes", problems);
    let volumes = volumes.and_then(|volumes| volumes.parse(problems, shared));
    let lacks = [
        (
            "proxy",
            table.get("proxy").is_none(),
            "proxy = \"proxy\"`: the service that takes its requests",
        ),
        (
            "port",
            table.get("port").is_none(),
            "port = 8080`: what the proxy answers on",
        ),
        (
            "slots",
            table.get("slots").is_none(),
            "slots = [19000, 19001]`: a port of the host for each slot",
        ),
    ];
    table.finish(problems);
    for (key, lacks, write) in lacks {
        if lacks && problems.0.len() == before {
            problems.push(
                Diagnostic::error(
                    format!("expected `{key}` in `[swap]`, found none"),
                    spot.label("lacks a key"),
                )
                .with_help(format!("write `{write}")),
            );
        }
    }
    Some(WrittenSwap {
        proxy: proxy?,
        port: port?,
        slots: slots?,
        drain: drain.map_or(DRAIN, |drain| drain.value),
        keep,
        shares_volumes: volumes.is_some(),
        spot,
    })
}

/// How long a slot that has handed over runs on: not at all, or as long as its connections are waited for at least.
fn read_keep(table: &mut Table<'_>, drain: Duration, problems: &mut Problems) -> Duration {
    let keep = table.string("keep", problems);
    let Some(keep) = keep.and_then(|keep| keep.parse(problems, duration)) else {
        return Duration::ZERO;
    };
    if !keep.value.is_zero() && keep.value < drain {
        let seconds = drain.as_millis().div_ceil(1000);
        problems.push(
            Diagnostic::error(
                "`keep` is shorter than `drain`",
                keep.spot.label("when this is over, it is stopped"),
            )
            .with_help(format!(
                "connections to it may take {seconds} s to end: write `keep = \"{seconds}s\"` or more, or a shorter `drain`"
            )),
        );
    }
    keep.value
}

fn read_slots(table: &mut Table<'_>, problems: &mut Problems) -> Option<[At<u16>; 2]> {
    const EXPECTED: &str = "two ports of the host, such as `[19000, 19001]`";
    let item = table.get("slots")?;
    let items = item.items(EXPECTED, problems);
    if items.is_empty() && !matches!(item.value, DeValue::Array(_)) {
        return None;
    }
    let ports: Vec<At<u16>> = items
        .iter()
        .filter_map(|item| {
            let DeValue::Integer(number) = item.value else {
                return None;
            };
            let port = u16::from_str_radix(number.as_str(), number.radix()).ok();
            Some(item.at(port.filter(|port| *port > 0)?))
        })
        .collect();
    if ports.len() != items.len() || ports.len() != 2 {
        problems.push(Diagnostic::error(
            format!("expected {EXPECTED} for `slots`, found another list"),
            item.spot.label(""),
        ));
        return None;
    }
    ports.try_into().ok()
}

fn shared(text: &str) -> Shape<()> {
    match text {
        "shared" => Ok(()),
        _ => Err(Misfit::new(
            "`shared`: both versions may have the volumes at once",
        )),
    }
}
