//! The file of variables that the environment of the engine's client cannot carry: names that the client itself, systemd
//! or the linker reads, and names that systemd drops, such as `discovery.type`.
//!
//! It is written for `--env-file`, as both clients read it (`docker/cli` `pkg/kvfile`, `containers/podman`
//! `pkg/env`): a line each, everything after the first `=` is the value as it is, `#` begins a comment. It is not
//! called `*.env`, so systemd does not read it.

use std::collections::BTreeMap;

use super::env_file::layer_of;
use crate::cluster::model::Layer;
use crate::cluster::name::{ServiceName, VariableName};
use crate::cluster::reserved::{Carrier, carrier};

/// The file's name, below the inputs directory.
pub const FILE: &str = "literal";

/// Which version's way a service's variables take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrying {
    /// This version's.
    Now,
    /// That of versions which knew fewer names that a client reads.
    Before,
}

impl Carrying {
    /// Whether a variable stands in the file.
    pub(super) fn is_literal(self, name: &VariableName) -> bool {
        match (carrier(name), self) {
            (Carrier::Literal, _) | (Carrier::LiteralByNow, Carrying::Now) => true,
            (Carrier::Environment, _) | (Carrier::LiteralByNow, Carrying::Before) => false,
        }
    }
}

/// The text of the file: for each layer a comment with its name, then a line for each variable. Values are
/// fit (`cluster/reserved.rs`).
#[must_use]
pub fn write(
    service: &ServiceName,
    layers: &BTreeMap<Layer, BTreeMap<&VariableName, &str>>,
) -> String {
    let mut text =
        format!("# what {service} gets by --env-file; written by bayplan, do not edit here\n");
    for (layer, variables) in layers {
        text.push_str(&format!("# {}\n", layer.label(service)));
        for (name, value) in variables {
            text.push_str(&line(name, value));
        }
    }
    text
}

/// A variable as a line.
pub(super) fn line(name: &VariableName, value: &str) -> String {
    format!("{name}={value}\n")
}

/// The variables of a file, each with its layer. Any text is fine; a later line of a name wins.
pub(super) fn parse(text: &str) -> Vec<(VariableName, String, Layer)> {
    let mut layer = Layer::Service;
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(label) = line.strip_prefix("# ") {
            layer = layer_of(label);
        } else if let Some((name, value)) = line.split_once('=')
            && let Ok(name) = VariableName::new(name.trim_start())
        {
            found.push((name, value.to_owned(), layer));
        }
    }
    found
}

/// Replaces the values of these variables by another text.
#[must_use]
pub fn with_values_hidden(
    text: &str,
    is_hidden: impl Fn(&VariableName) -> bool,
    shown: &str,
) -> String {
    let hidden = text.lines().map(|line| {
        let name = line.split_once('=').map(|(name, _)| name);
        let name = name.and_then(|name| VariableName::new(name.trim_start()).ok());
        match name.filter(|name| is_hidden(name)) {
            Some(name) => self::line(&name, shown),
            None => format!("{line}\n"),
        }
    });
    hidden.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_reads_well() {
        let name = |n: &str| VariableName::new(n).unwrap();
        let (path, host, dotted) = (name("PATH"), name("DOCKER_HOST"), name("discovery.type"));
        let layers = BTreeMap::from([
            (
                Layer::ServiceLocations,
                BTreeMap::from([(&host, "docker01")]),
            ),
            (
                Layer::Service,
                BTreeMap::from([(&path, "/opt/bin:/bin"), (&dotted, " \"a\" $b #c")]),
            ),
        ]);
        insta::assert_snapshot!(write(&ServiceName::new("search").unwrap(), &layers), @r##"
        # what search gets by --env-file; written by bayplan, do not edit here
        # 10-service-locations
        DOCKER_HOST=docker01
        # 50-search
        PATH=/opt/bin:/bin
        discovery.type= "a" $b #c
        "##);
    }

    #[test]
    fn names_that_were_found_later_moved() {
        for (name, before, now) in [
            ("LOG_LEVEL", false, false),
            ("TMPDIR", false, true),
            ("STORAGE_DRIVER", false, true),
            ("PATH", true, true),
            ("LISTEN_ADDR", true, true),
            ("a.b", true, true),
            ("1A", true, true),
        ] {
            let name = VariableName::new(name).unwrap();
            let found = [Carrying::Before, Carrying::Now].map(|way| way.is_literal(&name));
            assert_eq!(found, [before, now], "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            variables in prop::collection::btree_map("[A-Za-z_][A-Za-z0-9_.-]{0,5}", "[^\n\r]{0,9}", 0..6),
            layer in prop::sample::select(vec![Layer::Cluster, Layer::Service]),
        ) {
            let variables: BTreeMap<VariableName, String> = variables
                .into_iter()
                .map(|(n, v)| (VariableName::new(n).unwrap(), v))
                .collect();
            let borrowed = variables.iter().map(|(n, v)| (n, v.as_str())).collect();
            let text = write(&ServiceName::new("web").unwrap(), &BTreeMap::from([(layer, borrowed)]));
            let expected: Vec<_> = variables.into_iter().map(|(n, v)| (n, v, layer)).collect();
            prop_assert_eq!(parse(&text), expected);
        }
    }
}
