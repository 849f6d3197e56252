//! Checks of files that a service reads again without a restart: its own commands say whether they are right, before anything
//! changes anywhere. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::UNTAR;
use crate::cluster::model::Engine;
use crate::cluster::name::ServiceName;
use crate::host::layout::{Layout, StageId};
use crate::render::desired::DesiredService;
use crate::render::identity::inputs_parent;
use crate::render::live::{CheckContainer, LiveName, parent};
use crate::render::shell::quote;

/// The steps of an activation that make files.
const MAKING: &str = concat!(
    include_str!("../activate/runner.sh"),
    include_str!("../activate/steps/files.sh"),
    include_str!("../activate/steps/inputs.sh"),
    include_str!("../activate/steps/secrets.sh"),
    include_str!("../activate/steps/live.sh"),
    include_str!("try.sh"),
);

/// Where copies of all files are while they are checked.
#[must_use]
pub fn tried(layout: &Layout, stage: &StageId) -> String {
    format!("/run/bayplan/check-{}-{stage}", layout.cluster())
}

/// The script's part that checks files of these services.
pub(super) fn script(
    layout: &Layout,
    stage: &StageId,
    engine: Engine,
    services: &BTreeMap<&ServiceName, &DesiredService>,
) -> String {
    let mut calls = String::new();
    let at = tried(layout, stage);
    let cluster = layout.cluster();
    for (name, service) in services {
        let Some(live) = &service.entry.live else {
            continue;
        };
        let inputs = format!("{}/{}", inputs_parent(cluster, name), service.directory);
        let moved = [
            (inputs, format!("{at}/etc/{name}/{}", service.directory)),
            (parent(cluster, name), format!("{at}/var/live/{name}")),
        ];
        let text = &service.service_unit().text;
        let Some(container) = CheckContainer::of(text, &service.unit, engine, &moved) else {
            continue;
        };
        let directories: Vec<&str> = live.directories.keys().map(LiveName::as_str).collect();
        let words = |words: &[&str]| {
            let words = words.iter().map(|word| quote(word));
            words.collect::<Vec<_>>().join(" ")
        };
        let mut copy = vec![name.as_str(), service.directory.as_str()];
        copy.extend(&directories);
        writeln!(calls, "if said=$(copy_files {} 2>&1); then", words(&copy))
            .expect("writing to a string does not fail");
        for check in &live.checks {
            let shown = check.join(" ");
            let networks = container.networks.join(" ");
            let image = service.image.reference.as_str();
            let mut all = vec![
                name.as_str(),
                service.directory.as_str(),
                image,
                &shown,
                &networks,
                &container.program,
            ];
            all.extend(container.options.iter().map(String::as_str));
            let (first, rest) = check.split_first().expect("a command has a word");
            // A manager expands them once more.
            let first = first.replace('$', "$$");
            let rest: Vec<String> = rest.iter().map(|word| word.replace('$', "$$")).collect();
            all.extend(["--entrypoint", &first, image]);
            all.extend(rest.iter().map(String::as_str));
            writeln!(calls, "try {}", words(&all)).expect("writing to a string does not fail");
        }
        writeln!(
            calls,
            "else\ntell_refusal {name} - 'the copy of its files' \"$said\"\nfi"
        )
        .expect("writing to a string does not fail");
    }
    if calls.is_empty() {
        return "try_all() { :; }\n".to_owned();
    }
    format!(
        "tried={}\nclient={}\n{UNTAR}{MAKING}try_all() {{\nbegin_tries || return\n{calls}}}\n",
        quote(&at),
        quote(layout.client(engine)),
    )
}
