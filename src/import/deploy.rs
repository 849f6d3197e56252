//! `deploy` of a service, and `scale`.

use super::draft::{Draft, Toml};
use super::tables::gpus;
use super::told::{Keys, ToldLines};
use super::units::size;
use super::yaml::YamlNode;

/// `deploy`, and `scale`.
pub(super) fn deploy(told: &mut ToldLines, keys: &mut Keys<'_>, draft: &mut Draft) {
    let replicas = |told: &mut ToldLines, found: Option<(String, &YamlNode)>, key: &str| {
        if let Some((text, node)) = found.filter(|(text, _)| text != "1") {
            let why = format!(
                "{text} on one host: a further one is a service of its own, `from` this one; on further hosts, name them in `[place]`"
            );
            told.not(&node.spot, key, why);
        }
    };
    let scale = keys.text("scale", told);
    replicas(told, scale, &keys.key("scale"));
    let Some(node) = keys.take("deploy") else {
        return;
    };
    let mut deploy = Keys::new(keys.key("deploy"), node, told);
    let found = deploy.text("replicas", told);
    replicas(told, found, &deploy.key("replicas"));
    if let Some((mode, node)) = deploy
        .text("mode", told)
        .filter(|(mode, _)| mode != "replicated")
    {
        let why = format!("{mode}: for each host, write `\"*\"` in `[place]`");
        told.not(&node.spot, &deploy.key("mode"), why);
    }
    if let Some(node) = deploy.take("restart_policy") {
        let mut policy = Keys::new(deploy.key("restart_policy"), node, told);
        let condition = policy.text("condition", told);
        if let Some((text, node)) = condition.filter(|(text, _)| text != "any") {
            let why = format!(
                "{text}: systemd always starts it again; what runs to its end has `once` or `schedule`"
            );
            told.not(&node.spot, &policy.key("condition"), why);
        }
        policy.finish(told);
    }
    if let Some(node) = deploy.take("update_config") {
        let mut update = Keys::new(deploy.key("update_config"), node, told);
        if let Some((text, node)) = update.text("parallelism", told) {
            draft.set("max_down", Toml::number(&text), &node.spot);
        }
        update.finish(told);
    }
    if let Some(node) = deploy.take("resources") {
        let keys = Keys::new(deploy.key("resources"), node, told);
        resources(told, keys, draft);
    }
    deploy.finish(told);
}

fn resources(told: &mut ToldLines, mut resources: Keys<'_>, draft: &mut Draft) {
    if let Some(node) = resources.take("limits") {
        let mut limits = Keys::new(resources.key("limits"), node, told);
        if let Some((text, node)) = limits.text("cpus", told) {
            set_once(draft, "cpus", Toml::number(&text), node);
        }
        if let Some((text, node)) = limits.text("memory", told) {
            set_size(told, draft, "memory", &limits.key("memory"), (&text, node));
        }
        if let Some((text, node)) = limits.text("pids", told) {
            set_once(draft, "pids", Toml::number(&text), node);
        }
        limits.finish(told);
    }
    if let Some(node) = resources.take("reservations") {
        let mut reservations = Keys::new(resources.key("reservations"), node, told);
        if let Some((text, node)) = reservations.text("memory", told) {
            let key = reservations.key("memory");
            set_size(told, draft, "memory_reservation", &key, (&text, node));
        }
        if let Some(node) = reservations.take("devices") {
            gpus(told, &reservations.key("devices"), node, draft);
        }
        reservations.finish(told);
    }
    resources.finish(told);
}

fn set_once(draft: &mut Draft, field: &str, value: Toml, node: &YamlNode) {
    if draft.get(field).is_none() {
        draft.set(field, value, &node.spot);
    }
}

fn set_size(
    told: &mut ToldLines,
    draft: &mut Draft,
    field: &str,
    key: &str,
    (text, node): (&str, &YamlNode),
) {
    match size(text) {
        Some(size) if size == "0b" => {}
        Some(size) => set_once(draft, field, Toml::Text(size), node),
        None => told.not(
            &node.spot,
            key,
            format!("expected a size such as `512m`, found `{text}`"),
        ),
    }
}
