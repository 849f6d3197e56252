//! What to write for a flag of `run` whose field is a table, or writes the value in another way.

use super::read::{Misfit, toml_text};
use super::shape::{confinement, process, resolver};

/// What a flag of `run` is in a table of the description, as TOML; `None` where no field says it in the same words.
pub(super) fn table_of_flag(flag: &str, value: &str) -> Option<Advised> {
    let text = toml_text;
    let exact = |written: String| Some(Advised::Same(written));
    match flag {
        "dns-search" => exact(format!("dns = {{ search = [{}] }}", text(value))),
        "dns-option" => exact(format!("dns = {{ options = [{}] }}", text(value))),
        "log-driver" => exact(format!("log = {{ driver = {} }}", text(value))),
        "log-opt" => {
            let (name, value) = value.split_once('=')?;
            let value = text(value);
            exact(format!("log = {{ options = {{ \"{name}\" = {value} }} }}"))
        }
        "add-host" => {
            let (name, address) = value.split_once(':')?;
            let address = address.trim_start_matches('[').trim_end_matches(']');
            let fits = resolver::host_name(name).and(resolver::host_address(address));
            fits.ok()?;
            exact(format!("hosts = {{ \"{name}\" = {} }}", text(address)))
        }
        "security-opt" => security_of_flag(value),
        "gpus" => {
            let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            let gpus = process::gpus(bare.unwrap_or(value)).ok()?;
            let written = match gpus.bytes().all(|b| b.is_ascii_digit()) {
                true => format!("gpus = {gpus}"),
                false => format!("gpus = {}", text(&gpus)),
            };
            // Quotes keep commas together.
            match bare.is_some() == gpus.contains(',') {
                true => exact(written),
                false => Some(Advised::Reworded(written)),
            }
        }
        _ => None,
    }
}

/// What to write for a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Advised {
    /// It gives the container the same words.
    Same(String),
    /// It means the same and is other words: the container restarts once.
    Reworded(String),
}

fn security_of_flag(value: &str) -> Option<Advised> {
    let text = toml_text;
    let nothing_new = |on: bool| format!("security = {{ no_new_privileges = {on} }}");
    let same = |key: &str, value: &str, shape: fn(&str) -> Result<String, Misfit>| {
        shape(value).ok()?;
        Some(format!("security = {{ {key} = {} }}", text(value)))
    };
    let one = |(key, value): (&str, &str)| match key {
        "seccomp" => same("seccomp", value, confinement::seccomp),
        "apparmor" => same("apparmor", value, confinement::apparmor),
        "label" => same("label", value, confinement::selinux),
        "no-new-privileges" if value == "true" => Some(nothing_new(true)),
        "no-new-privileges" if value == "false" => Some(nothing_new(false)),
        _ => None,
    };
    match (value, value.split_once('='), value.split_once(':')) {
        ("no-new-privileges", ..) => Some(Advised::Same(nothing_new(true))),
        ("no-new-privileges=true", ..) => Some(Advised::Reworded(nothing_new(true))),
        (_, Some(pair), _) => one(pair).map(Advised::Same),
        // As docker once had it.
        (_, None, Some(pair)) => one(pair).map(Advised::Reworded),
        (_, None, None) => None,
    }
}
