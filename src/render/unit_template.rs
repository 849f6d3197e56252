//! The unit template: the engine, and what a template is given.
//!
//! A template is minijinja's (Jinja2's syntax); `trim_blocks` and `lstrip_blocks` are on, so a line
//! that holds just a `{% … %}` leaves none behind, and an undefined name is an error. It gets:
//!
//! | name | what | example |
//! | --- | --- | --- |
//! | `cluster`, `service` | names | `production`, `search` |
//! | `unit` | unit without suffix, and container; `%N` in the unit is the same | `production-search` |
//! | `engine` | `docker` or `podman` | `docker` |
//! | `program` | the engine's client, for `Exec…=` | `/usr/bin/docker` |
//! | `inputs` | the inputs directory; `EnvironmentFile={{ inputs }}/*.env` must be there | `/etc/bayplan/production/search/3f9ac1b20c77` |
//! | `directory` | its name, for the label `bayplan.directory` | `3f9ac1b20c77` |
//! | `fingerprint` | for the label `bayplan.inputs` | `v2:…` |
//! | `arguments` | a list: the options of `docker run` with their values, quoted for the unit | `--publish 9000:9000` |
//! | `command` | a list: what follows the image, quoted for the unit; often empty | |
//! | `prepare` | a list: command lines, quoted, for `ExecStartPre=`: make sure of the networks, and of the links of files that are reloaded | |
//! | `connect` | a list: command lines, quoted, for `ExecStartPre=` between `create` and `start`: connect the container to all its networks but the first. Mostly empty, and the container is started by `run` | `/usr/bin/docker network connect …` |
//! | `wait` | a command line, quoted, for `ExecStartPost=`: ends when the service is healthy | |
//! | `stop_timeout` | seconds for `docker stop -t` | `10` |
//! | `stop_statuses` | a list: further exit statuses that are no failure, of another `stop_signal` | `130` |
//! | `timeout` | of a job: seconds for `TimeoutStartSec=` | `3600` |
//! | `start_limit`, `stop_limit` | seconds for `TimeoutStartSec=` and `TimeoutStopSec=` | `60`, `25` |
//! | `record` | none, or of a job that runs once three command lines, quoted: `begins` for `ExecStartPre=`, `succeeded` for `ExecStartPost=`, `ended` for `ExecStopPost=` | |
//! | `wanted_by` | for `[Install]` | `multi-user.target docker.service` |
//! | `image` | the reference, raw; in the unit it is `${IMAGE}` | `registry.example.com/search:1.4.2` |
//! | `port` | a number or none | `9000` |
//! | `variables` | a list: the names that the container gets from the unit's environment | `APP_PORT` |
//! | `needs` | a list of services | `listing` |
//! | `after` | for `After=`: the units that the service starts after on its host; empty without the field `after` | `production-db.service` |
//!
//! `{{ text | quote }}` quotes any text as one word of a command line.
//!
//! Nothing in it tells hosts apart but the engine, its path, and where ports are published: a service has the same unit
//! on all hosts that have these in common, but for fingerprint and directory where its files differ.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use minijinja::value::Value;
use minijinja::{Environment, context};

use super::config_files;
use super::error::RenderError;
use super::identity::{UnitName, inputs_parent};
use super::literal::{self, Carrying};
use super::live;
use super::marks::{DIRECTORY, FINGERPRINT};
use super::networks;
use super::once::{RecordLines, record_lines};
use super::plain_options;
use super::secret_files;
use super::slots;
use super::start_order::StartOrder;
use super::unit::{quote_lines, quote_word};
use super::volumes;
use super::wait;
use crate::cluster::model::{
    self, Cluster, Container, Engine, EngineClient, Host, Service, VariableValue,
};
use crate::cluster::name::{HostName, ServiceName};
use crate::cluster::signal_number;
use crate::cluster::template::TemplateProblem;
use crate::cluster::template::text::{self, Makes, TextTemplate};

/// The template that is used where the config repository has none, and that `init` writes.
pub const BUILT_IN: &str = include_str!("../../templates/container.service");

/// What a stop may take besides `docker stop -t`: the engine's own work.
const STOP_MARGIN: Duration = Duration::from_secs(15);

/// The template engine, with what these services need.
#[must_use]
pub fn environment<'source>(services: &BTreeMap<ServiceName, Service>) -> Environment<'source> {
    let lists = services.values().map(|service| {
        let Container {
            volumes,
            entrypoint: _,
            command,
            user: _,
            memory: _,
            cpus: _,
            ulimits,
            capabilities,
            read_only: _,
            devices,
            labels,
            network: _,
            stop_timeout: _,
            stop_signal: _,
            hostname: _,
            workdir: _,
            groups,
            init: _,
            tty: _,
            tmpfs,
            shm_size: _,
            memory_reservation: _,
            pids: _,
            cpuset: _,
            platform: _,
            gpus: _,
            privileged: _,
            security: _,
            sysctls,
            dns,
            hosts,
            log,
            no_healthcheck: _,
            made,
            extra_args,
        } = &service.container;
        let published = service.published(None).len();
        let mounts = service.secret_files.len() + service.files.all().count();
        let options = ulimits.len() + labels.len() + mounts + published;
        let named = sysctls.len() + log.options.len();
        let resolved = hosts.values().map(Vec::len).sum::<usize>();
        let asked = dns.servers.len() + dns.search.len() + dns.options.len();
        let options = options + named + resolved + asked + groups.len() + tmpfs.len();
        let words = volumes.len() + command.len() + devices.len() + extra_args.len();
        let words = words + 4 * service.networks.len() + service.aliases.len() + made.len();
        let names = 2 * service.variables.len() + service.needs.len();
        options + words + names + capabilities.len()
    });
    let mut environment = text::units(lists.max().unwrap_or_default());
    environment.add_filter("quote", |word: String| quote_word(&word));
    environment
}

/// What of a host a unit depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OnHost<'a> {
    /// The engine's client.
    pub client: &'a EngineClient,
    /// Where ports are published that name no address; every address if the service has no such port.
    pub listen: Option<IpAddr>,
    /// The host itself, where files of the service speak of it.
    pub files: Option<&'a HostName>,
    /// What it needs and finds by name there, in a network that both are in.
    pub by_name: BTreeSet<&'a ServiceName>,
}

impl<'a> OnHost<'a> {
    /// What a service depends on of a host.
    pub(super) fn of(cluster: &'a Cluster, service: &Service, host: &'a Host) -> Self {
        let needs = service
            .needs
            .iter()
            .filter_map(|need| cluster.services.get(need));
        let by_name = needs.filter(|needed| service.finds_by_name(needed, &host.name));
        Self {
            by_name: by_name.map(|needed| &needed.name).collect(),
            client: &host.client,
            listen: host.listen.filter(|_| service.depends_on_listen()),
            files: service.files.differ_by_host().then_some(&host.name),
        }
    }
}

/// Which version's words a unit has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spelling {
    pub words: Words,
    pub carrying: Carrying,
}

/// The words of a command line that a service's fields give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    Plain,
    /// Also that a container gets no variable of the host: podman gives it `http_proxy` and its like unasked.
    NoProxy,
}

impl Words {
    /// Those of this version.
    pub(super) fn of(engine: Engine) -> Self {
        match engine {
            Engine::Docker => Words::Plain,
            Engine::Podman => Words::NoProxy,
        }
    }
}

/// The templates of a cluster, each parsed once.
pub(super) struct Templates<'e, 's> {
    environment: &'e Environment<'s>,
    order: StartOrder<'s>,
    parsed: HashMap<(&'s str, &'s str), Result<TextTemplate<'e, 's, 'static>, TemplateProblem>>,
}

impl<'e, 's> Templates<'e, 's> {
    pub(super) fn new(
        environment: &'e Environment<'s>,
        services: &'s BTreeMap<ServiceName, Service>,
    ) -> Self {
        Self {
            environment,
            order: StartOrder::of(services),
            parsed: HashMap::new(),
        }
    }

    /// The units that a service starts after.
    pub(super) fn after(&self, cluster: &Cluster, service: &Service) -> String {
        self.order.after(cluster, service)
    }

    /// The text of a service's unit, [`FINGERPRINT`] and [`DIRECTORY`] still in their places. `after` is what
    /// [`Self::after`] says of it.
    pub(super) fn render(
        &mut self,
        cluster: &Cluster,
        service: &'s Service,
        unit: &UnitName,
        place: &OnHost<'_>,
        spelling: Spelling,
        after: &str,
    ) -> Result<String, Vec<RenderError>> {
        let model::Template { origin, source } = &service.template;
        let template = self
            .parsed
            .entry((origin, source))
            .or_insert_with(|| TextTemplate::parse(self.environment, source, Makes::Unit));
        let text = match template {
            Ok(template) => {
                let made = template.render(context(cluster, service, unit, place, spelling, after));
                made.map_err(|unmade| unmade.problem)
            }
            Err(problem) => Err(problem.clone()),
        };
        let mut text = text.map_err(|problem| vec![RenderError::of_template(service, &problem)])?;
        // A last `{% endif %}` often takes the line break at the end.
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }
}

/// What a template is given: see the table above.
fn context(
    cluster: &Cluster,
    service: &Service,
    unit: &UnitName,
    place: &OnHost<'_>,
    spelling: Spelling,
    after: &str,
) -> Value {
    let client = place.client;
    let stop = service.container.stop_timeout;
    let wanted_by = match client.engine {
        // The unit stops with docker's daemon, so it must also start with it.
        Engine::Docker => "multi-user.target docker.service",
        Engine::Podman => "multi-user.target",
    };
    let called = client.called();
    let inputs = format!(
        "{}/{DIRECTORY}",
        inputs_parent(&cluster.name, &service.name)
    );
    let command = service.container.command.iter();
    context! {
        cluster => cluster.name.as_str(),
        service => service.name.as_str(),
        unit => unit.container(),
        engine => client.engine.program(),
        program => client.program.as_str(),
        inputs => inputs,
        directory => DIRECTORY,
        fingerprint => FINGERPRINT,
        arguments => arguments(cluster, service, place, spelling),
        command => command.map(|w| quote_word(w)).collect::<Vec<_>>(),
        prepare => {
            let mut lines = networks::prepare(&cluster.name, service, client.engine, called);
            lines.extend(live::prepare(&cluster.name, service, unit));
            let slot = slots::publish(service, &unit.container(), client.engine, called);
            lines.extend(slot.map(|lines| format!("/bin/sh -c {}", quote_lines(&lines))));
            lines
        },
        make => volumes::make(service),
        connect => networks::connect(service, unit, client.engine, &client.program),
        wait => wait::command_line(service, unit, place.listen, called),
        stop_timeout => wait::seconds(stop),
        stop_statuses => stop_status(service).into_iter().collect::<Vec<_>>(),
        timeout => service.run.timeout().map(wait::seconds),
        start_limit => wait::seconds(wait::start_limit(service)),
        record => record_lines(&cluster.name, service, called).map(record),
        stop_limit => wait::seconds(stop.saturating_add(STOP_MARGIN)),
        wanted_by => wanted_by,
        image => service.image.reference.as_str(),
        port => service.port,
        variables => names(service, spelling.carrying).map(Value::from).collect::<Vec<_>>(),
        needs => service.needs.iter().map(|s| s.as_str().into()).collect::<Vec<Value>>(),
        after => after,
    }
}

fn record(lines: RecordLines) -> Value {
    let RecordLines {
        begins,
        succeeded,
        ended,
    } = lines;
    context! { begins, succeeded, ended }
}

/// The variables that the container gets from the unit's environment: all but `IMAGE`, which is the unit's own.
pub(super) fn names(service: &Service, carrying: Carrying) -> impl Iterator<Item = &str> {
    let names = service.variables.keys();
    let names = names.filter(move |name| !carrying.is_literal(name));
    let names = names.map(|name| name.as_str());
    names.filter(|name| *name != "IMAGE")
}

/// The files of variables that the engine's client reads, below the inputs directory.
fn literal_files(service: &Service, carrying: Carrying) -> impl Iterator<Item = &'static str> {
    let literal = service.variables.iter();
    let literal = literal.filter(|(name, _)| carrying.is_literal(name));
    let literal: Vec<&VariableValue> = literal.map(|(_, variable)| &variable.value).collect();
    let has = |secret: bool| {
        let mut literal = literal.iter();
        literal.any(|value| matches!(value, VariableValue::Secret(_)) == secret)
    };
    let plain = has(false).then_some(literal::FILE);
    let secret = has(true).then_some(secret_files::LITERAL);
    plain.into_iter().chain(secret)
}

/// What a process exits with that its signal to stop ended, if that is another one than SIGTERM or SIGKILL.
fn stop_status(service: &Service) -> Option<u16> {
    let signal = service.container.stop_signal.as_deref()?;
    let number = u16::from(signal_number(signal)?);
    (!matches!(number, 9 | 15)).then_some(128 + number)
}

/// The options of `run`, each with its value and quoted.
pub(super) fn arguments(
    cluster: &Cluster,
    service: &Service,
    place: &OnHost<'_>,
    Spelling { words, carrying }: Spelling,
) -> Vec<String> {
    let Container {
        volumes,
        entrypoint,
        command: _,
        user,
        memory,
        cpus,
        ulimits,
        capabilities,
        read_only,
        devices,
        labels,
        network,
        stop_timeout: _,
        stop_signal: _,
        hostname: _,
        workdir: _,
        groups: _,
        init: _,
        tty: _,
        tmpfs: _,
        shm_size: _,
        memory_reservation: _,
        pids: _,
        cpuset: _,
        platform: _,
        gpus: _,
        privileged: _,
        security: _,
        sysctls: _,
        dns: _,
        hosts,
        log: _,
        no_healthcheck: _,
        made: _,
        extra_args,
    } = &service.container;
    let mut arguments = Vec::new();
    let mut option = |name: &str, value: &str| {
        arguments.push(format!("{name} {}", quote_word(value)));
    };

    for (name, value) in labels {
        option("--label", &format!("{name}={value}"));
    }
    if let Some(network) = network {
        option("--network", network);
    }
    for (name, value) in networks::arguments(service, place.client.engine) {
        option(name, &value);
    }
    for publish in service.published(place.listen) {
        option("--publish", &publish.argument());
    }
    for (host, address) in needed_hosts(cluster, service, place) {
        // What the file says itself counts.
        if hosts.contains_key(host.as_str()) {
            continue;
        }
        option("--add-host", &format!("{host}:{address}"));
    }
    let single = [
        ("--user", user),
        ("--memory", memory),
        ("--cpus", cpus),
        ("--entrypoint", entrypoint),
    ];
    for (name, value) in single {
        if let Some(value) = value {
            option(name, value);
        }
    }
    for (name, value) in ulimits {
        option("--ulimit", &format!("{name}={value}"));
    }
    for capability in capabilities {
        match capability.strip_prefix('-') {
            Some(dropped) => option("--cap-drop", dropped),
            None => option("--cap-add", capability),
        }
    }
    for device in devices {
        option("--device", device);
    }
    for volume in volumes {
        option("--volume", volume);
    }
    let inputs = format!(
        "{}/{DIRECTORY}",
        inputs_parent(&cluster.name, &service.name)
    );
    for (path, file) in &service.secret_files {
        let source = format!("{inputs}/{}/{}", secret_files::FILES, file.name);
        option(
            "--mount",
            &format!("type=bind,source={source},target={path},readonly"),
        );
    }
    for (path, target) in config_files::mounts(service, place.files) {
        let mount = format!("type=bind,source={inputs}/{path},target={target},readonly");
        option("--mount", &mount);
    }
    for (path, target) in live::mounts(&cluster.name, service) {
        let mount = format!("type=bind,source={path},target={target},readonly");
        option("--mount", &mount);
    }
    let engine = place.client.engine;
    for file in literal_files(service, carrying) {
        option("--env-file", &format!("{inputs}/{file}"));
    }
    for name in names(service, carrying) {
        option("-e", name);
    }
    arguments.extend(slots::arguments(&cluster.name, service, engine));
    match words {
        Words::Plain => {}
        Words::NoProxy => {
            arguments.extend(["--env-host=false", "--http-proxy=false"].map(str::to_owned));
        }
    }
    if *read_only {
        arguments.push("--read-only".to_owned());
    }
    arguments.extend(plain_options::options(
        &service.container,
        place.client.engine,
    ));
    arguments.extend(extra_args.iter().map(|word| quote_word(word)));
    arguments
}

/// The hosts of the services that it needs, so that it finds them by name where no DNS knows them.
fn needed_hosts<'m>(
    cluster: &'m Cluster,
    service: &Service,
    place: &OnHost<'_>,
) -> BTreeMap<&'m HostName, IpAddr> {
    let far = service
        .needs
        .iter()
        .filter(|need| !place.by_name.contains(need));
    let needed = far.filter_map(|need| cluster.services.get(need));
    let hosts = needed
        .flat_map(|service| &service.hosts)
        .filter_map(|host| cluster.hosts.get(host));
    hosts
        .filter_map(|host| {
            // `--add-host` takes an address only; a DNS name needs no entry.
            let address = host.address.as_deref()?.parse().ok()?;
            Some((&host.name, address))
        })
        .collect()
}
