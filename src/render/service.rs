//! One service on hosts that are the same to it: its units, its inputs directory and what a manifest says of both, under the
//! current recipe and the one before.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config_files;
use super::desired::{DesiredService, DesiredUnit, OlderForm};
use super::env_file;
use super::error::RenderError;
use super::fingerprint::{Recipe, fingerprint};
use super::identity::{DirectoryName, Instance, Slot, UnitFileName, UnitKind};
use super::inputs::{InputValue, InputVariable, Inputs, directives};
use super::literal::{self, Carrying};
use super::live;
use super::manifest::{Handling, ManifestService, Readiness, Runs};
use super::marks::marked;
use super::networks;
use super::rules;
use super::secret_files;
use super::secrets::DesiredSecrets;
use super::slots::{self, Slots};
use super::timer;
use super::unit::{Unit, parse_unit};
use super::unit_template::{OnHost, Spelling, Templates, Words};
use super::volumes;
use super::watch;
use crate::cluster::digest::Digest;
use crate::cluster::model::{Cluster, Layer, Service, VariableValue};
use crate::cluster::name::{ClusterName, HostName, ServiceName, VariableName};
use crate::cluster::reserved::{Carrier, carrier};

/// A service as the hosts get it that are this to it.
pub(super) fn render_service<'s>(
    templates: &mut Templates<'_, 's>,
    cluster: &Cluster,
    service: &'s Service,
    place: &OnHost<'_>,
) -> Result<DesiredService, Vec<RenderError>> {
    let name = slots::rendered(service).unit(&cluster.name);
    let after = templates.after(cluster, service);
    let mut text = |spelling| -> Result<(String, Unit), Vec<RenderError>> {
        let blanked = templates.render(cluster, service, &name, place, spelling, &after)?;
        let unit = parse_unit(&blanked);
        let engine = place.client.engine;
        let broken = rules::broken(&unit, &cluster.name, service, &name, &after, engine);
        match broken.is_empty() {
            true if service.has_slots() => {
                let blanked = slots::of_either(&blanked, service, &name);
                let unit = parse_unit(&blanked);
                Ok((blanked, unit))
            }
            true => Ok((blanked, unit)),
            false => Err(broken),
        }
    };
    let moved = |name: &VariableName| carrier(name) == Carrier::LiteralByNow;
    let moved = service.variables.keys().any(moved);
    // Without such a name both ways are one.
    let before = match moved {
        true => Carrying::Before,
        false => Carrying::Now,
    };
    let mut rendering = |spelling: Spelling| -> Result<Rendering, Vec<RenderError>> {
        let (blanked, unit) = text(spelling)?;
        Ok(Rendering {
            spelling,
            blanked,
            directives: directives(&unit).into(),
            unit,
            files: files(cluster, service, place, spelling.carrying),
        })
    };
    let words = Words::of(place.client.engine);
    let now = Spelling {
        words,
        carrying: Carrying::Now,
    };
    // The first version wrote other words.
    let first = Spelling {
        words: Words::Plain,
        carrying: before,
    };
    let mut written = rendering(now)?;
    let of = (cluster, service, place);
    let mut newest = form(of, Recipe::CURRENT, &written);
    // No bayplan wrote slots otherwise.
    if service.has_slots() {
        return Ok(newest);
    }
    // Most services are spelled in one way.
    if first == now && newest.secrets.is_empty() {
        newest.older = OlderForm::follows();
        return Ok(newest);
    }
    let mut older = |recipe, spelling| -> Result<DesiredService, Vec<RenderError>> {
        if written.spelling != spelling {
            written = rendering(spelling)?;
        }
        Ok(form(of, recipe, &written))
    };
    let between = Spelling {
        words,
        carrying: before,
    };
    let between = moved.then(|| older(Recipe::CURRENT, between)).transpose()?;
    let oldest = OlderForm::of(older(Recipe::V1, first)?);
    newest.older = match between {
        Some(mut between) => {
            between.older = oldest;
            OlderForm::of(between)
        }
        None => oldest,
    };
    Ok(newest)
}

/// What a service is in one spelling.
struct Rendering {
    spelling: Spelling,
    /// The unit's text, fingerprint and directory still in their places.
    blanked: String,
    /// That text, parsed.
    unit: Unit,
    /// What of it decides how the container runs.
    directives: Arc<[(String, Vec<String>)]>,
    /// The files that hold no secrets.
    files: BTreeMap<String, Vec<u8>>,
}

/// A service under one recipe, without its older form.
fn form(
    (cluster, service, place): (&Cluster, &Service, &OnHost<'_>),
    recipe: Recipe,
    written: &Rendering,
) -> DesiredService {
    let Rendering {
        spelling: Spelling { carrying, .. },
        blanked,
        unit,
        directives,
        files,
    } = written;
    let mut files = files.clone();
    let (live, live_entry) = live::desired(service, place.files);
    let secrets = DesiredSecrets::of(recipe, service, place.files, *carrying).with_live(&live);
    let inputs = Inputs::of(
        directives.clone(),
        variables(recipe, service),
        &files,
        secrets.identities(),
    );
    let fingerprint = fingerprint(recipe, &inputs);
    if secrets.has_inputs() {
        let text = secrets.digests(&service.name);
        files.insert(secret_files::DIGESTS.to_owned(), text.into_bytes());
    }
    let digests = files
        .iter()
        .map(|(path, bytes)| (path.clone(), Digest::of(bytes)));
    let digests = digests.chain(secrets.entries()).collect();
    let directory = DirectoryName::of(&fingerprint, &digests);
    let unit_text = marked(blanked, &fingerprint, &directory);
    let handling = Handling {
        ports: service.takes(place.listen).into_iter().collect(),
        networks: service
            .networks
            .iter()
            .map(|network| {
                (
                    network.name.clone(),
                    network.is_made().then(|| networks::options(network)),
                )
            })
            .collect(),
        addresses: service
            .networks
            .iter()
            .filter(|network| !network.addresses.is_empty())
            .map(|network| (network.name.clone(), network.addresses.clone()))
            .collect(),
        needs: service.needs.clone(),
        after: service.after.clone(),
        restart: service.restart,
        readiness: match service.health {
            Some(_) => Readiness::Probed,
            None => Readiness::Running,
        },
        runs: Runs::of(&service.run),
        slots: Slots::of(cluster, service),
        shared: slots::shared(cluster, service),
    };
    let first = Instance {
        service: service.name.clone(),
        slot: service.has_slots().then_some(Slot::A),
    };
    let name = &first.unit(&cluster.name);
    let mut units: BTreeMap<UnitFileName, DesiredUnit> = match service.has_slots() {
        true => of_both_slots(&cluster.name, &service.name, &unit_text),
        false => {
            let unit = DesiredUnit::new(unit_text.into(), unit);
            [(name.service_file(), unit)].into()
        }
    };
    if let Some(schedule) = service.run.schedule() {
        let timer = timer::unit(&cluster.name, &service.name, schedule);
        units.insert(name.file(UnitKind::Timer), timer);
    }
    let called = place.client.called();
    units.extend(watch::units(&cluster.name, service, place.listen, called));
    let digests_of_units = units
        .iter()
        .map(|(file, unit)| (file.clone(), Digest::of(&*unit.text)));
    let entry = ManifestService {
        units: digests_of_units.collect(),
        directory: directory.clone(),
        fingerprint: fingerprint.clone(),
        image: service.image.reference.clone(),
        stateful: service.stateful,
        files: digests,
        live: live_entry,
        handling: Some(handling.clone()),
    };
    DesiredService {
        units,
        unit: name.clone(),
        directory,
        files,
        secrets,
        live,
        inputs,
        entry,
        fingerprint,
        image: service.image.clone(),
        handling,
        stateful: service.stateful,
        max_down: service.max_down.map(|most| most.of(service.hosts.len())),
        soak: service.soak,
        deadline: service.deadline,
        batch: service.batch.map(|batch| batch.of(service.hosts.len())),
        sources: volumes::sources(service),
        mounted: volumes::mounted(service, directives, place.client.engine),
        template: service.template.origin.clone(),
        older: OlderForm::none(),
    }
}

fn variables(recipe: Recipe, service: &Service) -> BTreeMap<VariableName, InputVariable> {
    let variables = service.variables.iter();
    variables
        .map(|(name, variable)| {
            let variable = InputVariable {
                layer: variable.layer,
                value: match &variable.value {
                    VariableValue::Plain(value) => InputValue::Plain(value.clone()),
                    VariableValue::Secret(secret) => {
                        InputValue::Secret(recipe.identity(secret).clone())
                    }
                },
            };
            (name.clone(), variable)
        })
        .collect()
}

/// The files that hold no secrets.
fn files(
    cluster: &Cluster,
    service: &Service,
    place: &OnHost<'_>,
    carrying: Carrying,
) -> BTreeMap<String, Vec<u8>> {
    let mut files = layers(cluster, service, carrying);
    files.extend(plain_files(service, place.files, carrying));
    files
}

/// Those that a container gets without a unit, too: files of the config repository with the list of their permissions, and
/// the variables that the client reads from a file.
pub(super) fn plain_files(
    service: &Service,
    host: Option<&HostName>,
    carrying: Carrying,
) -> BTreeMap<String, Vec<u8>> {
    let mut files = config_files::plain(service, host);
    let mut literal: BTreeMap<Layer, BTreeMap<&VariableName, &str>> = BTreeMap::new();
    for (name, variable) in &service.variables {
        if let VariableValue::Plain(value) = &variable.value
            && carrying.is_literal(name)
        {
            literal
                .entry(variable.layer)
                .or_default()
                .insert(name, value);
        }
    }
    if !literal.is_empty() {
        let text = literal::write(&service.name, &literal);
        files.insert(literal::FILE.to_owned(), text.into_bytes());
    }
    files
}

/// The env files, `NN-layer.env`: each layer that has a variable, and always the service's own. What
/// changes from one commit to the next without changing a value (a revision, a date) must not be
/// in them.
fn layers(cluster: &Cluster, service: &Service, carrying: Carrying) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for layer in Layer::ALL {
        let variables = service.variables.iter().filter(|(_, v)| v.layer == layer);
        let variables = variables.filter(|(name, _)| !carrying.is_literal(name));
        let plain = variables.filter_map(|(name, variable)| match &variable.value {
            VariableValue::Plain(value) => Some((name, value.as_str())),
            // The host makes the file of these.
            VariableValue::Secret(_) => None,
        });
        let mut variables = plain.peekable();
        if variables.peek().is_none() && layer != Layer::Service {
            continue;
        }
        let label = layer.label(&service.name);
        let from = format!("clusters/{}", cluster.name);
        let what = match layer {
            Layer::ServiceLocations => format!("where {} finds what it needs", service.name),
            Layer::ServiceConfig => {
                format!(
                    "values of {from}/service-config.toml that {} reads",
                    service.name
                )
            }
            Layer::Cluster => format!("values of {from}/cluster.toml that {} reads", service.name),
            Layer::Host => format!(
                "values of this host in {from}/cluster.toml that {} reads",
                service.name
            ),
            Layer::Secrets => format!("secrets that {} reads", service.name),
            Layer::Service => format!("values of {from}/services/{}.toml", service.name),
        };
        let comment = format!("{label}: {what}; written by bayplan, do not edit here");
        let text = env_file::write(&comment, variables);
        files.insert(format!("{label}.env"), text.into_bytes());
    }
    files
}

/// The unit files of both slots.
fn of_both_slots(
    cluster: &ClusterName,
    service: &ServiceName,
    text: &str,
) -> BTreeMap<UnitFileName, DesiredUnit> {
    let parsed = parse_unit(text);
    let units = Instance::of(service).unit(cluster).slots();
    let files = units.map(|unit| {
        let text = DesiredUnit::new(text.into(), &parsed);
        (unit.service_file(), text)
    });
    files.into()
}
