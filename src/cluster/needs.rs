//! Which services a service needs.

use std::collections::BTreeMap;

use super::description::ServiceFile;
use super::diagnostic::{Diagnostic, quoted};
use super::load::LoadedCluster;
use super::name::ServiceName;
use super::nearest;
use super::placement::Placements;
use super::read::{Problems, Spot};
use super::reserved;

/// Resolves `needs` of a service. `placements` is `None` where `[place]` could not be read.
pub(super) fn check_needs(
    description: &LoadedCluster,
    placements: Option<&Placements>,
    service: &ServiceFile,
    problems: &mut Problems,
) -> Vec<ServiceName> {
    let mut needs: Vec<ServiceName> = Vec::new();
    let mut seen: BTreeMap<&str, &Spot> = BTreeMap::new();
    for need in &service.needs {
        let text = need.value.as_str();
        if let Some(first) = seen.insert(text, &need.spot) {
            problems.push(
                Diagnostic::error(
                    format!("{} is needed twice", quoted(text)),
                    need.spot.label("second time"),
                )
                .with_related(first.label("first time"))
                .with_help("remove one of them"),
            );
            continue;
        }
        let name = ServiceName::new(text).ok();
        let name = name.filter(|name| description.services.contains_key(name));
        let Some(name) = name else {
            if !description.misnamed.contains(text) {
                let others = description.services.keys().filter(|n| **n != service.name);
                problems.push(
                    Diagnostic::error(
                        format!("expected a service, found {}", quoted(text)),
                        need.spot.label("there is no such service"),
                    )
                    .with_help_if(nearest::help(text, others.map(ServiceName::as_str))),
                );
            }
            continue;
        };
        if name == service.name {
            problems.push(
                Diagnostic::error(
                    format!("service `{name}` needs itself"),
                    need.spot.label(""),
                )
                .with_help("remove it: its own port is `APP_PORT`"),
            );
            continue;
        }
        let variable = format!("{}_HOST", name.variable_stem());
        if let Some(why) = reserved::why(&variable) {
            problems.push(
                Diagnostic::error(
                    format!(
                        "service `{name}` gives the variable `{variable}`, which is reserved: {why}"
                    ),
                    need.spot.label("gives a reserved variable"),
                )
                .with_help("choose another name for the service"),
            );
        }
        if let Some(placements) = placements
            && placements.contains_key(&service.name)
            && !placements.contains_key(&name)
        {
            problems.push(
                Diagnostic::error(
                    format!("`{}` needs `{name}`, which is placed nowhere", service.name),
                    need.spot.label("placed nowhere"),
                )
                .with_help(format!(
                    "write `{name} = \"…\"` below `[place]` in `{}`",
                    description.cluster_path
                )),
            );
        }
        needs.push(name);
    }
    needs
}
