//! Which services a service needs, and which others it only comes after.

use std::collections::BTreeMap;

use super::description::ServiceFile;
use super::diagnostic::{Diagnostic, quoted};
use super::loaded::LoadedCluster;
use super::name::ServiceName;
use super::nearest;
use super::placement::Placements;
use super::read::{At, Problems, Spot};
use super::reserved;

/// What one service says of others.
#[derive(Debug, Clone, Default)]
pub(super) struct Relations {
    /// Those whose locations it gets: they come before it.
    pub(super) needs: Vec<ServiceName>,
    /// Those that only come before it.
    pub(super) after: Vec<ServiceName>,
}

/// A list that names other services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Needs,
    After,
}

/// Resolves `needs` and `after` of a service. `placements` is `None` where `[place]` could not be read.
pub(super) fn check_needs(
    description: &LoadedCluster,
    placements: Option<&Placements>,
    service: &ServiceFile,
    problems: &mut Problems,
) -> Relations {
    let mut check = RelationCheck {
        description,
        placements,
        service,
        seen: BTreeMap::new(),
        problems,
    };
    let needs = service.needs.iter();
    let needs = needs.filter_map(|name| check.resolve(List::Needs, name));
    let needs = needs.collect();
    let after = service.after.iter();
    let after = after.filter_map(|name| check.resolve(List::After, name));
    Relations {
        needs,
        after: after.collect(),
    }
}

struct RelationCheck<'a, 'p> {
    description: &'a LoadedCluster,
    placements: Option<&'a Placements>,
    service: &'a ServiceFile,
    seen: BTreeMap<&'a str, (List, &'a Spot)>,
    problems: &'p mut Problems,
}

impl<'a> RelationCheck<'a, '_> {
    fn resolve(&mut self, list: List, written: &'a At<String>) -> Option<ServiceName> {
        let service = &self.service.name;
        let text = written.value.as_str();
        if let Some((first_list, first)) = self.seen.insert(text, (list, &written.spot)) {
            let (title, first_label, help) = match (first_list, list) {
                (List::Needs, List::Needs) => {
                    ("is needed twice", "first time", "remove one of them")
                }
                (List::After, List::After) => (
                    "stands in `after` twice",
                    "first time",
                    "remove one of them",
                ),
                (List::Needs, List::After) | (List::After, List::Needs) => (
                    "stands in `needs` and in `after`",
                    "needed here",
                    "remove it from `after`: what a service needs comes before it anyway",
                ),
            };
            self.problems.push(
                Diagnostic::error(
                    format!("{} {title}", quoted(text)),
                    written.spot.label("second time"),
                )
                .with_related(first.label(first_label))
                .with_help(help),
            );
            return None;
        }
        let name = self.known(written)?;
        if name == *service {
            let (title, help) = match list {
                List::Needs => ("needs itself", "remove it: its own port is `APP_PORT`"),
                List::After => ("comes after itself", "remove it"),
            };
            self.problems.push(
                Diagnostic::error(format!("service `{name}` {title}"), written.spot.label(""))
                    .with_help(help),
            );
            return None;
        }
        if !self.check_schedule(list, &name, &written.spot) {
            return None;
        }
        if list == List::Needs {
            self.check_location(&name, &written.spot);
        }
        if let Some(placements) = self.placements
            && placements.contains_key(service)
            && !placements.contains_key(&name)
        {
            let verb = match list {
                List::Needs => "needs",
                List::After => "comes after",
            };
            self.problems.push(
                Diagnostic::error(
                    format!("`{service}` {verb} `{name}`, which is placed nowhere"),
                    written.spot.label("placed nowhere"),
                )
                .with_help(format!(
                    "write `{name} = \"…\"` below `[place]` in `{}`",
                    self.description.cluster_path
                )),
            );
        }
        Some(name)
    }

    /// The service of this name, or a problem.
    fn known(&mut self, written: &At<String>) -> Option<ServiceName> {
        let text = written.value.as_str();
        let services = &self.description.services;
        let name = ServiceName::new(text).ok();
        let name = name.filter(|name| services.contains_key(name));
        if name.is_none() && !self.description.misnamed.contains(text) {
            let others = services.keys().filter(|n| **n != self.service.name);
            self.problems.push(
                Diagnostic::error(
                    format!("expected a service, found {}", quoted(text)),
                    written.spot.label("there is no such service"),
                )
                .with_help_if(nearest::help(text, others.map(ServiceName::as_str))),
            );
        }
        name
    }

    /// That it is no job with a schedule: nothing can wait for one, and it has no port.
    fn check_schedule(&mut self, list: List, name: &ServiceName, spot: &Spot) -> bool {
        let other = self.description.services.get(name).and_then(Option::as_ref);
        let Some(schedule) = other.and_then(|other| {
            other.run.schedule()?;
            other.keys.get("schedule")
        }) else {
            return true;
        };
        let service = &self.service.name;
        let verb = match list {
            List::Needs => "needs",
            List::After => "comes after",
        };
        self.problems.push(
            Diagnostic::error(
                format!("`{service}` {verb} `{name}`, which runs only now and then"),
                spot.label("nothing can wait for it"),
            )
            .with_related(schedule.label("a timer starts it"))
            .with_help("remove it"),
        );
        false
    }

    /// That it gives no variable with a reserved name.
    fn check_location(&mut self, name: &ServiceName, spot: &Spot) {
        let variable = format!("{}_HOST", name.variable_stem());
        if let Some(why) = reserved::why(&variable) {
            self.problems.push(
                Diagnostic::error(
                    format!(
                        "service `{name}` gives the variable `{variable}`, which is reserved: {why}"
                    ),
                    spot.label("gives a reserved variable"),
                )
                .with_help("choose another name for the service, or write `after`, which gives no variables"),
            );
        }
    }
}
