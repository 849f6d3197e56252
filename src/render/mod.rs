//! The checked model → what every host should hold: units, inputs directories, manifests. Pure, and
//! the same bytes for the same model.
//!
//! ```text
//! unit_template   a service's words and numbers -> the unit's text (wait: its ExecStartPost=)
//! probe           a unit's ExecStartPost= as commands
//! rules           what a unit must have, whoever wrote the template
//! unit            quoting for units, and reading them
//! env_file        writing layers, and reading them
//! identity        who is who on a host: names of units, containers, files and directories
//! inputs          what decides how a container runs, in a unit and the files beside it
//! marks           what a unit says of itself
//! fingerprint     the digest of inputs -> v2:…
//! canonical       `docker run` in one form, whatever way it is written
//! secrets         what stands for files that only the host makes
//! desired         the result; digest, manifest: its digests
//! ```

mod canonical;
pub mod desired;
pub mod env_file;
mod error;
pub mod fingerprint;
pub mod identity;
pub mod inputs;
pub mod manifest;
pub mod marks;
pub mod placement;
pub mod probe;
mod rules;
pub mod secrets;
pub mod stored;
pub mod unit;
pub mod unit_template;
mod wait;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use self::error::RenderError;
pub use crate::cluster::digest;

use self::desired::{Desired, DesiredHost, DesiredService, DesiredUnit};
use self::digest::Digest;
use self::fingerprint::{Recipe, fingerprint};
use self::identity::{DirectoryName, Instance};
use self::inputs::{InputValue, InputVariable, Inputs, directives};
use self::manifest::{Handling, ManifestService, Readiness};
use self::marks::{DIRECTORY, FINGERPRINT};
use self::placement::Reach;
use self::secrets::DesiredSecrets;
use self::unit::{Unit, parse_unit};
use self::unit_template::{Templates, Words, environment, inputs_parent, taken_port};
use crate::cluster::model::{Cluster, EngineClient, Layer, Service, VariableValue};
use crate::cluster::name::{HostName, VariableName};

/// What every host of the cluster should hold.
///
/// # Errors
/// Templates that fail, or that make units which break a rule: each message once for a template,
/// with the first service that it happened with, sorted by template and line.
pub fn render(cluster: &Cluster) -> Result<Desired, Vec<RenderError>> {
    let environment = environment(&cluster.services);
    let mut templates = Templates::new(&environment);
    let mut errors = BTreeMap::new();
    let mut hosts: BTreeMap<_, _> = cluster
        .hosts
        .iter()
        .map(|(name, host)| {
            let host = DesiredHost {
                engine: host.client.engine,
                services: BTreeMap::new(),
            };
            (name.clone(), host)
        })
        .collect();

    for service in cluster.services.values() {
        // A service is the same on every host with the same engine's client.
        let mut placed: BTreeMap<&EngineClient, BTreeSet<&HostName>> = BTreeMap::new();
        for name in &service.hosts {
            let host = cluster
                .hosts
                .get(name)
                .expect("a service is placed on hosts of its cluster");
            placed.entry(&host.client).or_default().insert(name);
        }
        for (client, names) in placed {
            match render_service(&mut templates, cluster, service, client) {
                Ok(desired) => {
                    let copies = std::iter::repeat_n(Arc::new(desired), names.len());
                    for (name, desired) in names.into_iter().zip(copies) {
                        let host = hosts.get_mut(name).expect("every host has its entry");
                        host.services.insert(service.name.clone(), desired);
                    }
                }
                Err(found) => {
                    for e in found {
                        let key = (e.origin.clone(), e.line, e.message.clone());
                        errors.entry(key).or_insert(e);
                    }
                }
            }
        }
    }
    if errors.is_empty() {
        Ok(Desired {
            cluster: cluster.name.clone(),
            hosts,
            machines: Reach::of_all(cluster),
        })
    } else {
        Err(errors.into_values().collect())
    }
}

fn render_service<'s>(
    templates: &mut Templates<'_, 's>,
    cluster: &Cluster,
    service: &'s Service,
    client: &EngineClient,
) -> Result<DesiredService, Vec<RenderError>> {
    let mut text = |words| -> Result<(String, Unit), Vec<RenderError>> {
        let blanked = templates.render(cluster, service, client, words)?;
        let unit = parse_unit(&blanked);
        let parent = inputs_parent(&cluster.name, &service.name);
        let name = Instance::of(&service.name).unit(&cluster.name);
        let broken = rules::broken(&unit, &cluster.name, service, &name, &parent);
        match broken.is_empty() {
            true => Ok((blanked, unit)),
            false => Err(broken),
        }
    };
    let (blanked, unit) = text(Words::of(client.engine))?;
    let files = layers(cluster, service);
    let form = |recipe, (blanked, unit): (&str, &Unit), files, older| {
        form(service, recipe, (blanked, unit), (cluster, files), older)
    };
    let older = match Words::of(client.engine) {
        Words::Plain => form(Recipe::V1, (&blanked, &unit), files.clone(), None),
        // The first version wrote other words.
        Words::NoProxy => {
            let (blanked, unit) = text(Words::Plain)?;
            form(Recipe::V1, (&blanked, &unit), files.clone(), None)
        }
    };
    let older = Some(older.into());
    Ok(form(Recipe::CURRENT, (&blanked, &unit), files, older))
}

/// A service under one recipe.
fn form(
    service: &Service,
    recipe: Recipe,
    (blanked, unit): (&str, &Unit),
    (cluster, mut files): (&Cluster, BTreeMap<String, Vec<u8>>),
    older: Option<Arc<DesiredService>>,
) -> DesiredService {
    let inputs = Inputs {
        directives: directives(unit),
        variables: variables(recipe, service),
        files: BTreeMap::new(),
        secret_files: service
            .secret_files
            .values()
            .map(|file| {
                let path = format!("{}/{}", secrets::FILES, file.name);
                (path, recipe.identity(&file.secret).clone())
            })
            .collect(),
    };
    let secrets = DesiredSecrets::of(recipe, service);
    let fingerprint = fingerprint(recipe, &inputs);
    if !secrets.is_empty() {
        let text = secrets.digests(&service.name);
        files.insert(secrets::DIGESTS.to_owned(), text.into_bytes());
    }
    let digests = files
        .iter()
        .map(|(path, bytes)| (path.clone(), Digest::of(bytes)));
    let digests = digests.chain(secrets.entries()).collect();
    let directory = DirectoryName::of(&fingerprint, &digests);
    let unit_text = blanked
        .replace(FINGERPRINT, fingerprint.as_str())
        .replace(DIRECTORY, directory.as_str());
    let name = Instance::of(&service.name).unit(&cluster.name);
    let handling = Handling {
        ports: taken_port(service).into_iter().collect(),
        needs: service.needs.clone(),
        restart: service.restart,
        readiness: match service.health {
            Some(_) => Readiness::Probed,
            None => Readiness::Running,
        },
    };
    let entry = ManifestService {
        units: [(name.service_file(), Digest::of(&unit_text))].into(),
        directory: directory.clone(),
        fingerprint: fingerprint.clone(),
        image: service.image.reference.clone(),
        stateful: service.stateful,
        files: digests,
        handling: Some(handling.clone()),
    };
    DesiredService {
        units: [(
            name.service_file(),
            DesiredUnit::new(unit_text.into(), unit),
        )]
        .into(),
        unit: name,
        directory,
        files,
        secrets,
        inputs,
        entry,
        fingerprint,
        image: service.image.clone(),
        handling,
        stateful: service.stateful,
        template: service.template.origin.clone(),
        older,
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

/// The env files, `NN-layer.env`: each layer that has a variable, and always the service's own. What
/// changes from one commit to the next without changing a value (a revision, a date) must not be
/// in them.
fn layers(cluster: &Cluster, service: &Service) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for layer in Layer::ALL {
        let variables = service.variables.iter().filter(|(_, v)| v.layer == layer);
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
            Layer::Secrets => format!("secrets that {} reads", service.name),
            Layer::Service => format!("values of {from}/services/{}.toml", service.name),
        };
        let comment = format!("{label}: {what}; written by bayplan, do not edit here");
        let text = env_file::write(&comment, variables);
        files.insert(format!("{label}.env"), text.into_bytes());
    }
    files
}
