//! Services × hosts: a wide grid for a few hosts, a list of what is to be told for many.

use std::collections::{BTreeMap, BTreeSet};

use super::super::hosts;
use super::super::text::count;
use super::sheet::{DiffLine, PageMark, SheetCell, SheetHead, SheetRow, SheetTable};

/// So many hosts fit beside each other.
const WIDE: usize = 8;

/// Whether the hosts of a page fit beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageSize {
    /// They do.
    Few,
    /// They do not: what is said of several of them stands there once.
    Many,
}

impl PageSize {
    pub(super) fn of(hosts: usize) -> Self {
        match hosts <= WIDE {
            true => Self::Few,
            false => Self::Many,
        }
    }
}

/// A service on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GridCell {
    pub service: String,
    pub host: String,
    pub mark: PageMark,
    pub sign: &'static str,
    pub word: String,
    pub version: String,
    pub since: String,
    /// What is said when it is opened, the reasons first.
    pub lines: Vec<String>,
    pub diff: Vec<DiffLine>,
    /// The last column of its row.
    pub why: String,
}

/// What is known of a host beside its services.
pub(super) type HostRemarks = BTreeMap<String, String>;

/// The tables of a grid; `well` says what all of the rest is.
pub(super) fn tables(cells: &[GridCell], hosts: &HostRemarks, well: &str) -> Vec<SheetTable> {
    match PageSize::of(hosts.len()) {
        PageSize::Few => vec![wide(cells, hosts)],
        PageSize::Many => tall(cells, hosts, well),
    }
}

impl GridCell {
    /// Whether the same is to be said of another service; since when it runs is told where all of them do.
    fn is_told_as(&self, other: &Self) -> bool {
        let Self {
            service,
            host: _,
            mark,
            sign,
            word,
            version,
            since: _,
            lines,
            diff,
            why,
        } = self;
        (service, mark, sign, word, version)
            == (
                &other.service,
                &other.mark,
                &other.sign,
                &other.word,
                &other.version,
            )
            && (lines, diff, why) == (&other.lines, &other.diff, &other.why)
    }
}

fn is_told(cell: &GridCell) -> bool {
    cell.mark < PageMark::Good
}

fn wide(cells: &[GridCell], hosts: &HostRemarks) -> SheetTable {
    let mut heads = vec![SheetHead::new("service")];
    heads.extend(hosts.iter().map(|(host, remark)| SheetHead {
        text: host.clone(),
        small: (!remark.is_empty()).then(|| remark.clone()),
    }));
    heads.push(SheetHead::new("why"));
    let mut services: BTreeMap<&str, BTreeMap<&str, &GridCell>> = BTreeMap::new();
    for cell in cells {
        let row = services.entry(&cell.service).or_default();
        row.insert(&cell.host, cell);
    }
    let mut rows: Vec<(PageMark, SheetRow)> = services
        .iter()
        .map(|(service, at)| {
            let worst = at
                .values()
                .map(|cell| cell.mark)
                .min()
                .unwrap_or(PageMark::Calm);
            let why: BTreeSet<&str> = at.values().map(|cell| &*cell.why).collect();
            let why: Vec<&str> = why.into_iter().filter(|why| !why.is_empty()).collect();
            let cell = |host: &String| match at.get(host.as_str()) {
                Some(cell) => shown(cell, Some(host.clone())),
                None => SheetCell::empty(),
            };
            let row = SheetRow {
                class: (worst >= PageMark::Good).then_some(PageMark::Calm),
                name: (*service).to_owned(),
                cells: hosts.keys().map(cell).collect(),
                why: why.join("; "),
            };
            (worst, row)
        })
        .collect();
    rows.sort_by_key(|(worst, _)| (*worst).min(PageMark::Good));
    SheetTable {
        name: "services and hosts".to_owned(),
        class: "stack",
        heads,
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        ..SheetTable::default()
    }
}

fn shown(cell: &GridCell, here: Option<String>) -> SheetCell {
    SheetCell {
        class: Some(cell.mark),
        here,
        text: format!("{} {}", cell.sign, cell.word),
        version: cell.version.clone(),
        since: cell.since.clone(),
        open: !cell.lines.is_empty() || !cell.diff.is_empty(),
        lines: cell.lines.clone(),
        diff: cell.diff.clone(),
        ..SheetCell::default()
    }
}

/// First what is to be told, the same on several hosts once; then every host with what it has, closed.
fn tall(cells: &[GridCell], hosts: &HostRemarks, well: &str) -> Vec<SheetTable> {
    let mut groups: Vec<(&GridCell, Vec<&GridCell>)> = Vec::new();
    let mut places: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| is_told(cell)) {
        let places = places.entry((&cell.service, &cell.word)).or_default();
        let same = |index: &&usize| groups[**index].0.is_told_as(cell);
        match places.iter().find(same).copied() {
            Some(index) => groups[index].1.push(cell),
            None => {
                places.push(groups.len());
                groups.push((cell, vec![cell]));
            }
        }
    }
    groups.sort_by_key(|(cell, _)| cell.mark);
    let rows = groups.iter().map(|(cell, on)| SheetRow {
        class: None,
        name: cell.service.clone(),
        cells: vec![
            SheetCell {
                since: match on.iter().all(|other| other.since == cell.since) {
                    true => cell.since.clone(),
                    false => String::new(),
                },
                ..shown(cell, None)
            },
            SheetCell::plain(hosts::hosts(on.iter().map(|cell| &cell.host))),
        ],
        why: cell.why.clone(),
    });
    let told = SheetTable {
        name: "what is to be told".to_owned(),
        class: "tall stack",
        heads: ["service", "what", "on", "why"].map(SheetHead::new).into(),
        rows: rows.collect(),
        ..SheetTable::default()
    };
    let all = every_host(cells, hosts, well);
    let tables = [told, all].into_iter();
    tables.filter(|table| !table.rows.is_empty()).collect()
}

/// A row a host, a column a service: what runs there.
fn every_host(cells: &[GridCell], hosts: &HostRemarks, well: &str) -> SheetTable {
    let services: BTreeSet<&str> = cells.iter().map(|cell| &*cell.service).collect();
    let mut at: BTreeMap<(&str, &str), &GridCell> = BTreeMap::new();
    for cell in cells {
        at.insert((&cell.host, &cell.service), cell);
    }
    let mut heads = vec![SheetHead::new("host")];
    heads.extend(services.iter().map(|service| SheetHead::new(*service)));
    heads.push(SheetHead::new(""));
    let rows = hosts.iter().map(|(host, remark)| {
        let cell = |service: &&str| match at.get(&(host.as_str(), *service)) {
            Some(cell) if is_told(cell) => SheetCell {
                open: false,
                since: String::new(),
                ..shown(cell, None)
            },
            Some(cell) => SheetCell::plain(match cell.version.as_str() {
                "" | "-" => cell.sign,
                version => version,
            }),
            None => SheetCell::empty(),
        };
        SheetRow {
            class: None,
            name: host.clone(),
            cells: services.iter().map(cell).collect(),
            why: remark.clone(),
        }
    });
    let told = count(hosts.len(), "host", "hosts");
    SheetTable {
        name: "every host".to_owned(),
        fold: Some(format!("all {told}; a plain version is {well}")),
        class: "tall",
        heads,
        rows: rows.collect(),
    }
}

/// The first of these reasons, and how many more there are. A value that is too long for its line stands below it,
/// indented.
pub(super) fn in_short(lines: &[String]) -> String {
    let Some((first, rest)) = lines.split_first() else {
        return String::new();
    };
    let more = rest.iter().filter(|line| !line.starts_with(' ')).count();
    match (rest.is_empty(), more) {
        (true, _) => first.clone(),
        (false, 0) => first.trim_end_matches(':').to_owned(),
        (false, more) => format!("{} and {more} more", first.trim_end_matches(':')),
    }
}
