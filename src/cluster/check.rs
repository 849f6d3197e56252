//! The whole check: every file, then everything that refers from one file to another.

use std::collections::BTreeMap;

use super::config_files::{self, FileScope, Surroundings};
use super::description::{DescribedGuard, DescribedHost, ServiceFile};
use super::diagnostic::{Diagnostic, Level, Place, quoted};
use super::gather::{gather, settle};
use super::here::Here;
use super::lint::lint;
use super::load::{load, unfit};
use super::loaded::LoadedCluster;
use super::model::{
    CleanOnly, Cluster, Guard, OtherVariables, Replacement, Service, SignedOnly, Template,
};
use super::name::{HostName, ServiceName};
use super::nearest;
use super::needs::{Relations, check_needs};
use super::networks::check_networks;
use super::notify::{self, check_notify};
use super::once::check_once;
use super::placement::{check_hosts, place};
use super::port_clashes::check_ports;
use super::proxies::{check_swap, resolve_swaps};
use super::reach::{LocationVariables, NeedingService, check_reach};
use super::read::{Problems, text};
use super::replace::check_replace;
use super::rollout::{check_rollout, known_rollout};
use super::scope::{depends_on_host, locations_of, values};
use super::secret_references::{check_deliveries, warn_unused};
use super::service_networks::{check_address_clashes, resolve_networks};
use super::sources::Sources;
use super::template::text::{self as text_template, Makes, TextTemplate};
use super::variables::Variables;

/// The unit template that is used where the config repository has none.
pub const BUILT_IN_TEMPLATE: &str = include_str!("../../templates/container.service");

/// The same for a job.
pub(super) const BUILT_IN_JOB: &str = include_str!("../../templates/job.service");

/// [`Template::origin`](super::model::Template) of the built-in template.
pub const BUILT_IN: &str = "built-in";

/// The template of a service that names none, if the config repository has it.
const DEFAULT_TEMPLATE: &str = "templates/container.service";

/// The same of a job.
const DEFAULT_JOB: &str = "templates/job.service";

/// What a check found.
#[derive(Debug, Clone)]
pub struct Findings {
    /// The cluster, if there were no errors.
    pub cluster: Option<Cluster>,
    /// Every problem: errors by file and position, then warnings likewise.
    pub diagnostics: Vec<Diagnostic>,
    /// What is allowed and seldom meant, for `bayplan check` only.
    pub lints: Vec<Diagnostic>,
}

/// Checks the description of one cluster. Whatever the bytes are, it ends, and without a panic.
#[must_use]
pub fn check(name: &str, sources: &Sources) -> Findings {
    check_as(name, sources, None)
}

/// The same of a description that runs here, and not on its hosts.
#[must_use]
pub fn check_here(name: &str, sources: &Sources, here: &Here) -> Findings {
    check_as(name, sources, Some(here))
}

fn check_as(name: &str, sources: &Sources, here: Option<&Here>) -> Findings {
    let mut problems = Problems::default();
    let found = load(name, sources, &mut problems).and_then(|mut description| {
        if let (Some(here), Some(cluster)) = (here, &mut description.cluster) {
            gather(cluster, here);
        }
        resolve(description, sources, &mut problems)
    });
    let (cluster, mut lints) = found.unzip();
    let mut diagnostics = problems.0;
    sort(&mut diagnostics);
    if let Some(lints) = &mut lints {
        sort(lints);
    }
    let failed = diagnostics.iter().any(|d| d.level == Level::Error);
    Findings {
        cluster: cluster.filter(|_| !failed),
        diagnostics,
        lints: lints.unwrap_or_default(),
    }
}

/// Puts errors before warnings, each by file and position, and drops repetitions.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        let start = |d: &Diagnostic| d.place.span.as_ref().map(|span| span.start);
        (a.level, &a.place.path, start(a), &a.title).cmp(&(
            b.level,
            &b.place.path,
            start(b),
            &b.title,
        ))
    });
    diagnostics.dedup();
}

fn resolve(
    description: LoadedCluster,
    sources: &Sources,
    problems: &mut Problems,
) -> Option<(Cluster, Vec<Diagnostic>)> {
    let mut read = BTreeMap::new();
    let mut templates = BTreeMap::new();
    for service in description.services.values().flatten() {
        let template = template_of(service, sources, &mut read, problems);
        templates.insert(service.name.clone(), template);
    }
    let Some(cluster) = &description.cluster else {
        for service in description.services.values().flatten() {
            check_needs(&description, None, service, problems);
        }
        return None;
    };
    let here = cluster.here.as_ref();
    let mut placements = place(&description, cluster, problems);
    if here.is_some() {
        for hosts in placements.values_mut() {
            *hosts = cluster
                .hosts
                .iter()
                .take(1)
                .map(|host| host.name.value.clone())
                .collect();
        }
    } else {
        check_hosts(&description, cluster, problems);
        check_networks(&description, cluster, &placements, problems);
        check_address_clashes(&description, cluster, &placements, problems);
        check_ports(&description, cluster, &placements, sources, problems);
    }
    check_once(&description, &placements, problems);
    let by_host = depends_on_host(&description, cluster, sources);
    let of = |host: Option<&DescribedHost>, problems: &mut Problems| {
        Variables::of_cluster(&description, cluster, &placements, host, sources, problems)
    };
    let variables = of(None, problems);
    let hosts = cluster.hosts.iter().filter(|_| by_host);
    let of_hosts: BTreeMap<&HostName, Variables<'_>> = hosts
        .map(|host| (&host.name.value, of(Some(host), problems)))
        .collect();
    let surroundings = Surroundings::of(&description, cluster, &placements, &variables);
    let mut services = BTreeMap::new();
    for service in description.services.values().flatten() {
        let Relations { needs, after } =
            check_needs(&description, Some(&placements), service, problems);
        check_reach(&description, cluster, &placements, service, problems);
        check_swap(&description, &placements, service, problems);
        check_replace(service, problems);
        let networks = resolve_networks(&description, &cluster.networks, service, problems);
        let hosts = placements.get(&service.name).map_or(&[][..], Vec::as_slice);
        let near = |host: Option<&HostName>| {
            let reader = host.map(|host| NeedingService { service, host });
            locations_of(&description, cluster, &placements, &needs, reader)
        };
        let here = |locations: LocationVariables, hosts: &[HostName], problems: &mut Problems| {
            let own = hosts.first().and_then(|host| of_hosts.get(host));
            let variables = own.unwrap_or(&variables);
            let secret_files = variables.files_of_service(service, problems);
            let of_service = variables.of_service(service, &values(locations), problems);
            let own = &of_service.own;
            let scope = FileScope {
                surroundings: &surroundings,
                variable: &|name| variables.get(own, name),
                explain: &|name| variables.explain(own.keys(), name),
                incomplete: variables.are_incomplete(),
                hosts,
                sources,
            };
            let files = config_files::of_service(service, &scope, problems);
            OtherVariables {
                hosts: hosts.iter().cloned().collect(),
                variables: of_service.variables,
                secret_files,
                files,
            }
        };
        let groups = match by_host {
            false => by_locations(hosts, &near),
            true => {
                let each = hosts.iter();
                each.map(|host| (near(Some(host)), vec![host.clone()]))
                    .collect()
            }
        };
        let mut forms: Vec<OtherVariables> = Vec::new();
        for (locations, hosts) in groups {
            let form = here(locations, &hosts, problems);
            match forms.iter_mut().find(|other| other.is_same(&form)) {
                Some(same) => same.hosts.extend(form.hosts),
                None => forms.push(form),
            }
        }
        if forms.is_empty() {
            forms.push(here(near(None), &[], problems));
        }
        let elsewhere = forms.split_off(1);
        let first = forms.remove(0);
        let template = templates.remove(&service.name).flatten();
        if let (Some(template), Some(image)) = (template, service.image.clone()) {
            services.insert(
                service.name.clone(),
                Service {
                    name: service.name.clone(),
                    hosts: hosts.to_vec(),
                    image,
                    port: service.port.as_ref().map(|port| port.value),
                    publish: service
                        .publish
                        .as_ref()
                        .map(|all| all.iter().map(|one| one.value).collect()),
                    needs,
                    after,
                    variables: first.variables,
                    elsewhere,
                    networks,
                    aliases: service.aliases.clone(),
                    secret_files: first.secret_files,
                    files: first.files,
                    container: service.container.clone(),
                    health: service.health.clone(),
                    swap: None,
                    replace: service
                        .replace
                        .as_ref()
                        .map_or_else(Replacement::default, |replace| replace.value),
                    swaps: Vec::new(),
                    stateful: service.stateful,
                    max_down: service.max_down,
                    batch: service.batch,
                    soak: service.soak,
                    deadline: service.deadline,
                    restart: service.restart,
                    template,
                    run: service.run.clone(),
                },
            );
        }
    }
    resolve_swaps(&description, &mut services, problems);
    if let Some(here) = here {
        services
            .values_mut()
            .for_each(|service| settle(service, here));
    }
    check_deliveries(cluster, services.values(), problems);
    if let Some(secrets) = &description.secrets
        // A service with errors is missing here, and it may use any secret.
        && services.len() == description.services.len()
        && description.misnamed.is_empty()
    {
        let told = cluster.notify.webhook.as_ref().map(|name| &name.value);
        warn_unused(
            &description.name,
            secrets,
            services.values(),
            told,
            problems,
        );
    }
    let hosts = cluster
        .hosts
        .iter()
        .map(|host| (host.name.value.clone(), host.host.clone()))
        .collect();
    let guard = check_guard(&description, &cluster.guard, problems);
    check_rollout(cluster, problems);
    check_notify(&description, &cluster.notify, problems);
    let (notify, hooks) = notify::known(&cluster.notify, &cluster.before);
    let lints = match here {
        Some(_) => Vec::new(),
        None => lint(&description, cluster, &services, problems),
    };
    let cluster = Cluster {
        guard,
        rollout: known_rollout(cluster),
        notify,
        hooks,
        name: description.name,
        hosts,
        services,
    };
    Some((cluster, lints))
}

/// The hosts of a service by where it finds there what it needs: mostly that is the same on all of them.
fn by_locations(
    hosts: &[HostName],
    near: &dyn Fn(Option<&HostName>) -> LocationVariables,
) -> Vec<(LocationVariables, Vec<HostName>)> {
    let mut groups: Vec<(LocationVariables, Vec<HostName>)> = Vec::new();
    for host in hosts {
        let locations = near(Some(host));
        match groups.iter_mut().find(|(known, _)| *known == locations) {
            Some((_, hosts)) => hosts.push(host.clone()),
            None => groups.push((locations, vec![host.clone()])),
        }
    }
    groups
}

/// What `[guard]` says by itself, whatever services there are.
pub(super) fn read_guard(written: &DescribedGuard) -> Guard {
    let protect = written.protect.iter();
    Guard {
        max_restarts: written
            .max_restarts
            .as_ref()
            .and_then(|limit| usize::try_from(limit.value).ok()),
        protect: protect
            .filter_map(|name| ServiceName::new(name.value.as_str()).ok())
            .collect(),
        branch: written.branch.as_ref().map(|branch| branch.value.clone()),
        clean: match written.clean.as_ref().map(|clean| clean.value) {
            Some(true) => CleanOnly::Yes,
            Some(false) | None => CleanOnly::No,
        },
        signed: match written.signed.as_ref().map(|signed| signed.value) {
            Some(true) => SignedOnly::Yes,
            Some(false) | None => SignedOnly::No,
        },
        hours: written.hours.as_ref().map(|hours| hours.value.clone()),
    }
}

fn check_guard(
    description: &LoadedCluster,
    written: &DescribedGuard,
    problems: &mut Problems,
) -> Guard {
    let mut guard = read_guard(written);
    guard
        .protect
        .retain(|name| description.services.contains_key(name));
    for name in &written.protect {
        let text = name.value.as_str();
        let is_known = guard.protect.iter().any(|known| known.as_str() == text);
        if is_known || description.misnamed.contains(text) {
            continue;
        }
        let known = description.services.keys().map(ServiceName::as_str);
        problems.push(
            Diagnostic::error(
                format!("expected a service, found {}", quoted(text)),
                name.spot.label("there is no such service"),
            )
            .with_help_if(nearest::help(text, known)),
        );
    }
    guard
}

/// The template of a service. Each one is read once, however many services have it.
fn template_of(
    service: &ServiceFile,
    sources: &Sources,
    read: &mut BTreeMap<(String, bool), Option<Template>>,
    problems: &mut Problems,
) -> Option<Template> {
    let default = match service.run.is_job() {
        true => DEFAULT_JOB,
        false => DEFAULT_TEMPLATE,
    };
    let path = match &service.template {
        Some(name) => format!("templates/{}", name.value),
        None => default.to_owned(),
    };
    // Where there is no file of that name, a service that names none has the built-in one.
    let key = (path, service.template.is_some());
    if let Some(template) = read.get(&key) {
        return template.clone();
    }
    let template = read_template(&key.0, service, sources, problems);
    // A template that is not there is told for each service that names it.
    if template.is_some() || sources.get(&key.0).is_some() {
        read.insert(key, template.clone());
    }
    template
}

fn built_in_template(service: &ServiceFile) -> &'static str {
    match service.run.is_job() {
        true => BUILT_IN_JOB,
        false => BUILT_IN_TEMPLATE,
    }
}

fn read_template(
    path: &str,
    service: &ServiceFile,
    sources: &Sources,
    problems: &mut Problems,
) -> Option<Template> {
    if let Some(why) = sources.unfit(path) {
        problems.push(unfit(path, why));
        return None;
    }
    let template = match (sources.get(path), &service.template) {
        (Some(bytes), _) => Template {
            source: text(path, bytes, problems)?.into(),
            origin: path.to_owned(),
        },
        (None, None) => Template {
            source: built_in_template(service).into(),
            origin: BUILT_IN.to_owned(),
        },
        (None, Some(name)) => {
            let known = sources.below("templates/").map(|(file, _)| file);
            let help = nearest::help(&name.value, known)
                .unwrap_or_else(|| format!("write the file `{path}`"));
            problems.push(
                Diagnostic::error(
                    format!("expected the template `{path}`, found no such file"),
                    name.spot.label("no such template"),
                )
                .with_help(help),
            );
            return None;
        }
    };
    let environment = text_template::units(0);
    if let Err(problem) = TextTemplate::parse(&environment, &template.source, Makes::Unit) {
        problems.push(
            Diagnostic::error(
                format!("unit template: {}", problem.message),
                Place {
                    path: template.origin,
                    span: Some(problem.at),
                    label: String::new(),
                },
            )
            .with_help_if(problem.help),
        );
        return None;
    }
    Some(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_is_named_and_not_there_is_told_beside_services_that_name_none() {
        let mut sources = Sources::new();
        let cluster = "[hosts.h1]\naddress = \"10.0.0.1\"\n[place]\na = \"h1\"\nb = \"h1\"\n";
        sources.insert("clusters/test/cluster.toml", cluster);
        let image = "image = \"example/a\"\ntag = \"1\"\n";
        sources.insert("clusters/test/services/a.toml", image);
        let named = format!("{image}template = \"container.service\"\n");
        sources.insert("clusters/test/services/b.toml", named);
        let found = check("test", &sources);
        let told = found.diagnostics.iter().map(|found| found.title.as_str());
        let expected = "expected the template `templates/container.service`, found no such file";
        assert_eq!(told.collect::<Vec<_>>(), [expected]);
    }
}
