//! Which variables a service gets, from which layer, with which value.

use std::collections::{BTreeMap, BTreeSet};

use super::description::{ClusterFile, DescribedHost, ServiceFile, WrittenVariable};
use super::diagnostic::{Diagnostic, Place, quoted};
use super::loaded::LoadedCluster;
use super::model::{Layer, SecretFile, Variable, VariableValue};
use super::name::{HostName, ServiceName, VariableName};
use super::nearest;
use super::placement::Placements;
use super::read::{At, Problems, Spot};
use super::reserved::{self, Carrier, Within};
use super::scalar::Scalar;
use super::scope::{OWN_HOST, OWN_HOST_IP, absent, derived, locations, own_host};
use super::secret::Secret;
use super::secret_references::{self, no_such_secret, set_secret};
use super::secrets_file::{SecretsFile, StoredSecret};
use super::sources::Sources;
use super::values::{Evaluated, Evaluator, Values};

/// What one service's variables may take together, in bytes of `NAME=value` and a NUL each: the
/// kernel's limit for a new process is about 2 MiB with its arguments, and the container's
/// process gets them once more.
const SERVICE_MAX: usize = 1 << 20;

/// The variables of a cluster, evaluated.
pub(super) struct Variables<'a> {
    evaluator: Evaluator<'a>,
    /// What `vars` of a service ranges over.
    selectable: BTreeMap<String, (Layer, Evaluated)>,
    /// What the values of `[env]` can use besides each other.
    scope: Values,
    /// Where `[vars]` of a winning file defines a name.
    defined: BTreeMap<String, Spot>,
    /// Where each service is: `LISTING_HOST` and its like, by service.
    locations: BTreeMap<ServiceName, Values>,
    /// What to do about a name that a service or a host could give and does not.
    absent: BTreeMap<String, String>,
    /// Names that some host has, this one or another.
    of_hosts: BTreeSet<String>,
    /// `secrets.toml`.
    secrets: Option<&'a SecretsFile>,
    /// What to type to add a secret.
    set_secret: String,
    /// Whether a file with `[vars]` or secrets could not be read, so that any name may be in it.
    incomplete: bool,
}

/// The variables of one service, evaluated.
pub(super) struct OfService {
    /// What its containers get.
    pub variables: BTreeMap<VariableName, Variable>,
    /// What it defines itself, and where it finds what it needs.
    pub own: Values,
}

/// The names that a text refers to as `${NAME}`, `${NAME:-text}` and their like.
fn references(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("${").filter_map(move |(at, open)| {
        // `$${NAME}` and `\${NAME}` are how to write it where it is replaced.
        if text[..at].ends_with(['$', '\\']) {
            return None;
        }
        let rest = &text[at + open.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        rest[end..]
            .starts_with(['}', ':', '-', '?', '+'])
            .then(|| &rest[..end])
    })
}

/// Whether a name sounds as if it were a secret's.
fn is_secretive(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    [
        "PASS",
        "SECRET",
        "TOKEN",
        "KEY",
        "CREDENTIAL",
        "SALT",
        "PRIVATE",
    ]
    .iter()
    .any(|word| name.contains(word))
}

impl<'a> Variables<'a> {
    /// Evaluates `[vars]` of both files and of the host that reads them. Without one, what depends on it is not known.
    pub(crate) fn of_cluster(
        description: &'a LoadedCluster,
        cluster: &ClusterFile,
        placements: &Placements,
        host: Option<&DescribedHost>,
        sources: &'a Sources,
        problems: &mut Problems,
    ) -> Self {
        let evaluator = Evaluator::new(sources);
        let service_config = description.service_config.as_deref().unwrap_or_default();
        let locations = locations(description, cluster, placements);
        let derived = derived(description, cluster);

        let mut winning: BTreeMap<String, (Layer, &WrittenVariable)> = BTreeMap::new();
        for assignment in service_config {
            winning.insert(
                assignment.name.value.to_string(),
                (Layer::ServiceConfig, assignment),
            );
        }
        for assignment in &cluster.vars {
            let name = assignment.name.value.to_string();
            let second = (Layer::Cluster, assignment);
            if let Some((_, first)) = winning.insert(name.clone(), second) {
                problems.push(
                    Diagnostic::warning(
                        format!("`{name}` is defined in two layers; 30-cluster wins"),
                        assignment.name.spot.label("this value wins"),
                    )
                    .with_related(first.name.spot.label("this value is never used"))
                    .with_help("remove one of them"),
                );
            }
        }
        // Over a value of the cluster without a word: that is what they are for.
        for assignment in host.into_iter().flat_map(|host| &host.vars) {
            let name = assignment.name.value.to_string();
            winning.insert(name, (Layer::Host, assignment));
        }
        for (name, (_, spot)) in &derived {
            // CLUSTER_ID and CLUSTER_TYPE are refused where they are defined.
            let Some(spot) = spot else { continue };
            if let Some((_, assignment)) = winning.get(name) {
                problems.push(
                    Diagnostic::error(
                        format!("`{name}` is derived by bayplan and cannot be defined"),
                        assignment.name.spot.label("defined here"),
                    )
                    .with_related(spot.label("derived from this address"))
                    .with_help("remove the definition, or rename the host"),
                );
            }
        }
        warn_locations(description, &locations, &winning, problems);
        let secrets = description.secrets.as_ref();
        for (name, secret) in secrets.into_iter().flat_map(|file| &file.values) {
            if let Some((_, assignment)) = winning.get(name.as_str()) {
                problems.push(
                    Diagnostic::error(
                        format!("`{name}` is a secret and cannot be defined as a variable"),
                        assignment.name.spot.label("defined here"),
                    )
                    .with_related(secret.spot.label("a secret here"))
                    .with_help("remove the definition, or give it another name"),
                );
            }
        }

        let mut outer: Values = Values::new();
        for variables in locations.values() {
            outer.extend(variables.clone());
        }
        for (name, (outcome, _)) in &derived {
            outer.insert(name.clone(), outcome.clone());
        }
        for (name, secret) in secrets.into_iter().flat_map(|file| &file.values) {
            outer.insert(name.to_string(), secret.outcome(name));
        }
        let given =
            |outer: &Values, name: &str| winning.contains_key(name) || outer.contains_key(name);
        let mut of_host = Values::new();
        match host {
            Some(host) => {
                for (name, (outcome, _)) in own_host(host) {
                    if !given(&outer, &name) {
                        of_host.insert(name, outcome);
                    }
                }
            }
            // A service that is nowhere: any host may be its own one day.
            None => {
                let hosts = cluster.hosts.iter().flat_map(|host| &host.vars);
                let names = hosts.map(|assignment| assignment.name.value.as_str());
                for name in names.chain([OWN_HOST, OWN_HOST_IP]) {
                    if !given(&outer, name) {
                        of_host.insert(name.to_owned(), Evaluated::Failed);
                    }
                }
            }
        }
        outer.extend(of_host.clone());
        let definitions: BTreeMap<String, &WrittenVariable> = winning
            .iter()
            .filter(|(name, _)| !derived.contains_key(*name))
            .map(|(name, (_, assignment))| (name.clone(), *assignment))
            .collect();
        let mut variables = Self {
            selectable: BTreeMap::new(),
            defined: BTreeMap::new(),
            absent: {
                let mut absent = absent(description, &locations);
                absent.extend(host.into_iter().flat_map(|host| absent_here(cluster, host)));
                absent
            },
            of_hosts: cluster
                .hosts
                .iter()
                .flat_map(|host| &host.vars)
                .map(|assignment| assignment.name.value.to_string())
                .collect(),
            incomplete: description.service_config.is_none() || description.secrets.is_none(),
            secrets,
            set_secret: set_secret(&description.name),
            scope: outer,
            evaluator,
            locations,
        };
        let values = variables.evaluate(&definitions, &Values::new(), problems);
        for (name, (outcome, _)) in derived {
            variables.selectable.insert(name, (Layer::Cluster, outcome));
        }
        for (name, outcome) in of_host {
            variables.selectable.insert(name, (Layer::Host, outcome));
        }
        for (name, outcome) in values {
            let (layer, assignment) = winning[&name];
            let spot = assignment.name.spot.clone();
            variables.defined.insert(name.clone(), spot);
            variables.scope.insert(name.clone(), outcome.clone());
            variables.selectable.insert(name, (layer, outcome));
        }
        variables
    }

    /// The values of definitions that see the whole scope and, before it, `own`.
    fn evaluate(
        &self,
        definitions: &BTreeMap<String, &WrittenVariable>,
        own: &Values,
        problems: &mut Problems,
    ) -> Values {
        if self.incomplete {
            // Every name may be defined in the file that could not be read.
            return definitions
                .keys()
                .map(|name| (name.clone(), Evaluated::Failed))
                .collect();
        }
        self.warn_references(definitions, own, problems);
        let explain = |name: &str| {
            let known = definitions.keys().chain(own.keys());
            self.explain(known, name)
        };
        let given = |name: &str| self.given(name);
        let outer = [own, &self.scope];
        self.evaluator
            .evaluate(definitions, outer, &explain, &given, problems)
    }

    /// Warns of `${NAME}` in a value, as compose and shells have it, where there is such a name: it arrives as it is.
    fn warn_references(
        &self,
        definitions: &BTreeMap<String, &WrittenVariable>,
        own: &Values,
        problems: &mut Problems,
    ) {
        for (variable, definition) in definitions {
            let Some(At {
                value: Scalar::Text(text),
                spot,
            }) = &definition.value
            else {
                continue;
            };
            let known = |name: &str| {
                definitions.contains_key(name)
                    || own.contains_key(name)
                    || self.scope.contains_key(name)
            };
            let Some(name) = references(text).find(|name| known(name)) else {
                continue;
            };
            let help = match variable == name {
                true => self.given(name),
                false => None,
            };
            let help = help.unwrap_or_else(|| format!("write `{{{{ {name} }}}}` for its value"));
            problems.push(
                Diagnostic::warning(
                    format!("`${{{name}}}` in the value of `{variable}` is not replaced: it arrives as it is"),
                    spot.label("these very letters"),
                )
                .with_help(help),
            );
        }
    }

    /// What a service writes to get this name as it is, where it says `NAME = "{{ NAME }}"`, as compose does.
    fn given(&self, name: &str) -> Option<String> {
        let field = match self.selectable.contains_key(name) {
            true => "vars",
            false => {
                let secret = VariableName::new(name).ok()?;
                self.secrets?.values.get(&secret)?;
                "secrets"
            }
        };
        Some(format!(
            "remove the line, and write `{field} = [\"{name}\"]` at the top of the file: the service gets it as it is"
        ))
    }

    /// What to do about a name that neither `more` nor the scope has.
    pub(crate) fn explain<'n>(
        &'n self,
        more: impl Iterator<Item = &'n String>,
        name: &str,
    ) -> Option<String> {
        if let Some(help) = self.absent.get(name) {
            return Some(help.clone());
        }
        if reserved::derived(name, Within::Vars).is_some() {
            return Some(reserved::define(name));
        }
        let known = more.chain(self.scope.keys());
        Some(match nearest::nearest(name, known.map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if is_secretive(name) && reserved::why(name).is_none() => format!(
                "{}; for a secret type `{} {name}`",
                reserved::define(name),
                self.set_secret
            ),
            None => reserved::define(name),
        })
    }

    /// The variables of one service. `locations` is where it finds what it needs, on hosts where that is the same.
    pub(crate) fn of_service(
        &self,
        service: &ServiceFile,
        locations: &Values,
        problems: &mut Problems,
    ) -> OfService {
        let mut found: BTreeMap<String, (Layer, Evaluated)> = BTreeMap::new();
        for (name, outcome) in locations {
            found.insert(name.clone(), (Layer::ServiceLocations, outcome.clone()));
        }
        for pattern in &service.vars {
            self.select(service, pattern, &mut found, problems);
        }
        for reference in service.secrets.iter().filter(|r| r.file.is_none()) {
            let name = &reference.name;
            let Some(secret) = self.stored(name, problems) else {
                continue;
            };
            if let Some(variable) = secret_references::variable(name, secret, problems) {
                let outcome = secret.outcome(&variable);
                found.insert(variable.to_string(), (Layer::Secrets, outcome));
            }
        }
        self.warn_shadowed(service, &found, problems);

        let mut own = Values::new();
        if let Some(image) = &service.image {
            own.insert("IMAGE".to_owned(), Evaluated::text(&*image.reference));
        }
        if let Some(port) = &service.port {
            own.insert("APP_PORT".to_owned(), Evaluated::number(port.value));
        }
        let definitions = service
            .env
            .iter()
            .map(|assignment| (assignment.name.value.to_string(), assignment))
            .collect();
        // Before what these locations are to everybody.
        let mut near = locations.clone();
        near.extend(own.clone());
        let env = self.evaluate(&definitions, &near, problems);
        own.extend(env);
        for (name, outcome) in &own {
            found.insert(name.clone(), (Layer::Service, outcome.clone()));
        }

        let mut variables = BTreeMap::new();
        let mut total = 0;
        for (name, (layer, outcome)) in found {
            let Ok(name) = VariableName::new(name) else {
                continue;
            };
            self.check_line(service, &name, &outcome, problems);
            let variable = match outcome {
                Evaluated::Known { text, .. } => {
                    total += name.as_str().len() + text.len() + 2;
                    let value = VariableValue::Plain(text);
                    Variable { layer, value }
                }
                // Wherever it is written: what is made of a secret is one.
                Evaluated::Secret(secret) => Variable {
                    layer: Layer::Secrets,
                    value: VariableValue::Secret(secret),
                },
                Evaluated::Failed => continue,
            };
            variables.insert(name, variable);
        }
        if total > SERVICE_MAX {
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected at most {SERVICE_MAX} bytes of variables for `{}`, found {total}",
                        service.name
                    ),
                    Place::file(&service.path, ""),
                )
                .with_help("put large values into files: `[files]`"),
            );
        }
        let mut seen = locations.clone();
        seen.extend(own);
        OfService {
            variables,
            own: seen,
        }
    }

    /// What a name means where the service's own definitions come first.
    pub(crate) fn get<'v>(&'v self, own: &'v Values, name: &str) -> Option<&'v Evaluated> {
        own.get(name).or_else(|| self.scope.get(name))
    }

    /// The port at which a service is found from other hosts.
    pub(crate) fn port_of(&self, service: &ServiceName) -> Option<&Evaluated> {
        let locations = self.locations.get(service)?;
        locations.get(&format!("{}_PORT", service.variable_stem()))
    }

    /// Whether any name may be defined in a file that could not be read.
    pub(crate) fn are_incomplete(&self) -> bool {
        self.incomplete
    }

    /// Whether a value is one line, where its name needs that.
    fn check_line(
        &self,
        service: &ServiceFile,
        name: &VariableName,
        outcome: &Evaluated,
        problems: &mut Problems,
    ) {
        let Evaluated::Known { text, .. } = outcome else {
            return;
        };
        let Some(what) = reserved::unfit_for_line(name, text) else {
            return;
        };
        if reserved::carrier(name) == Carrier::Environment {
            return;
        }
        let mut own = service.env.iter();
        let own = own.find(|assignment| assignment.name.value == *name);
        let place = own
            .map(|assignment| &assignment.name.spot)
            .or_else(|| self.defined.get(name.as_str()))
            .map_or_else(|| Place::file(&service.path, ""), |spot| spot.label(""));
        problems.push(
            Diagnostic::error(
                format!("expected a value on one line for `{name}`, found {what}"),
                place,
            )
            .with_help(
                "the engine's client reads a variable of this name from a file (`--env-file`), a line each: \
                 choose another name, or put the value into a file in the image or on a volume",
            ),
        );
    }

    /// The secrets of one service that are files, by their path in the container.
    pub(crate) fn files_of_service(
        &self,
        service: &ServiceFile,
        problems: &mut Problems,
    ) -> BTreeMap<String, SecretFile> {
        let mut files = BTreeMap::new();
        for reference in &service.secrets {
            let Some(path) = &reference.file else {
                continue;
            };
            let name = &reference.name;
            // Also a value that is made of secrets.
            let made = self.selectable.get(&name.value).map(|(_, outcome)| outcome);
            let secret: Option<Secret> = match made {
                Some(Evaluated::Secret(secret)) => Some(secret.clone()),
                Some(Evaluated::Failed) => None,
                Some(Evaluated::Known { .. }) => {
                    problems.push(
                        Diagnostic::error(
                            format!(
                                "expected a secret, found the variable {}",
                                quoted(&name.value)
                            ),
                            name.spot.label("not secret"),
                        )
                        .with_help("name it in `vars`"),
                    );
                    None
                }
                None => self.stored(name, problems).and_then(|stored| {
                    let name = VariableName::new(name.value.as_str()).ok()?;
                    match stored.outcome(&name) {
                        Evaluated::Secret(secret) => Some(secret),
                        Evaluated::Known { .. } | Evaluated::Failed => None,
                    }
                }),
            };
            if let (Some(secret), Ok(name)) = (secret, VariableName::new(name.value.as_str())) {
                files.insert(path.value.clone(), SecretFile { name, secret });
            }
        }
        files
    }

    /// The stored secret of this name, or a problem.
    fn stored(&self, name: &At<String>, problems: &mut Problems) -> Option<&'a StoredSecret> {
        let found = VariableName::new(name.value.as_str()).ok();
        let found = found.and_then(|name| self.secrets?.values.get(&name));
        if found.is_none() && !self.incomplete {
            let known = self.secrets.into_iter().flat_map(|file| file.values.keys());
            let known = known.map(VariableName::as_str);
            problems.push(no_such_secret(
                &name.value,
                &name.spot,
                known,
                &self.set_secret,
            ));
        }
        found
    }

    /// Adds what one entry of `vars` selects.
    fn select(
        &self,
        service: &ServiceFile,
        pattern: &At<String>,
        found: &mut BTreeMap<String, (Layer, Evaluated)>,
        problems: &mut Problems,
    ) {
        let text = pattern.value.as_str();
        if text.contains('*') {
            // Another host may have what it means.
            let mut any = self.of_hosts.iter().any(|name| matches(text, name));
            for (name, selected) in &self.selectable {
                // They differ by host: who gets them says so.
                let named = selected.0 == Layer::Host && !self.of_hosts.contains(name);
                if !named && matches(text, name) {
                    any = true;
                    found.insert(name.clone(), selected.clone());
                }
            }
            if !any && !self.incomplete {
                problems.push(
                    Diagnostic::error(
                        format!("no variable matches {}", quoted(text)),
                        pattern.spot.label("matches nothing"),
                    )
                    .with_help("define one below `[vars]`, or remove the pattern"),
                );
            }
            return;
        }
        if let Some(selected) = self.selectable.get(text) {
            found.insert(text.to_owned(), selected.clone());
            return;
        }
        if self.incomplete {
            return;
        }
        let location = self
            .locations
            .iter()
            .find(|(_, variables)| variables.contains_key(text));
        let secret = VariableName::new(text).ok();
        let secret = secret.filter(|name| {
            self.secrets
                .is_some_and(|file| file.values.contains_key(name))
        });
        let help = if let Some(secret) = secret {
            format!("it is a secret: write `secrets = [\"{secret}\"]`")
        } else if let Some((needed, _)) = location {
            format!("write `needs = [\"{needed}\"]`")
        } else if service.env.iter().any(|a| a.name.value.as_str() == text) {
            "remove it: the service has it from its own `[env]`".to_owned()
        } else if let Some(help) = self.absent.get(text) {
            help.clone()
        } else if reserved::derived(text, Within::Vars).is_some() {
            reserved::define(text)
        } else if let Some(near) =
            nearest::nearest(text, self.selectable.keys().map(String::as_str))
        {
            format!("did you mean `{near}`?")
        } else {
            reserved::define(text)
        };
        problems.push(
            Diagnostic::error(
                format!(
                    "expected a variable of this cluster, found {}",
                    quoted(text)
                ),
                pattern.spot.label("unknown variable"),
            )
            .with_help(help),
        );
    }

    /// Warns of names in `[env]` that an earlier layer gives the service too.
    fn warn_shadowed(
        &self,
        service: &ServiceFile,
        found: &BTreeMap<String, (Layer, Evaluated)>,
        problems: &mut Problems,
    ) {
        for assignment in &service.env {
            let name = assignment.name.value.as_str();
            let Some((layer, _)) = found.get(name) else {
                continue;
            };
            // Compose files set such names themselves: that one is meant.
            if *layer == Layer::ServiceLocations {
                continue;
            }
            let mut problem = Diagnostic::warning(
                format!(
                    "`{name}` is defined in two layers; 50-{} wins",
                    service.name
                ),
                assignment.name.spot.label("this value wins"),
            );
            if let Some(first) = self.defined.get(name) {
                problem = problem.with_related(first.label("not this one"));
            }
            let help = match layer {
                Layer::Secrets => "remove it here, or do not name it in `secrets`",
                Layer::ServiceLocations
                | Layer::ServiceConfig
                | Layer::Cluster
                | Layer::Host
                | Layer::Service => "remove it here, or do not name it in `vars`",
            };
            problems.push(problem.with_help(help));
        }
    }
}

/// What to do about names that other hosts have and this one has not.
fn absent_here(cluster: &ClusterFile, host: &DescribedHost) -> BTreeMap<String, String> {
    let name = &host.name.value;
    let mut by_name: BTreeMap<String, Vec<&HostName>> = BTreeMap::new();
    for other in &cluster.hosts {
        for assignment in &other.vars {
            let hosts = by_name.entry(assignment.name.value.to_string());
            hosts.or_default().push(&other.name.value);
        }
    }
    let shared = |variable: &str| {
        let mut shared = cluster.vars.iter();
        shared.any(|assignment| assignment.name.value.as_str() == variable)
    };
    let missing = by_name
        .into_iter()
        .filter(|(variable, hosts)| !hosts.contains(&name) && !shared(variable));
    let mut absent: BTreeMap<String, String> = missing
        .map(|(variable, hosts)| {
            let first = hosts.first().map_or("", |host| host.as_str());
            let help = format!(
                "host `{name}` has none, as `{first}` has: define `{variable}` below `[hosts.{name}.vars]`, or for all below `[vars]`"
            );
            (variable, help)
        })
        .collect();
    if !own_host(host).contains_key(OWN_HOST_IP) {
        let help = format!("the `address` of host `{name}` is no IP address, so it gives none");
        absent.insert(OWN_HOST_IP.to_owned(), help);
    }
    absent
}

/// Warns where `[vars]` defines a name that a service's location gives too.
fn warn_locations(
    description: &LoadedCluster,
    locations: &BTreeMap<ServiceName, Values>,
    winning: &BTreeMap<String, (Layer, &WrittenVariable)>,
    problems: &mut Problems,
) {
    let mut needed: BTreeSet<&str> = BTreeSet::new();
    for service in description.services.values().flatten() {
        needed.extend(service.needs.iter().map(|need| need.value.as_str()));
    }
    for (service, variables) in locations {
        if !needed.contains(service.as_str()) {
            continue;
        }
        for name in variables.keys() {
            let Some((layer, assignment)) = winning.get(name) else {
                continue;
            };
            problems.push(
                Diagnostic::warning(
                    format!(
                        "`{name}` is defined in two layers; {} wins",
                        layer.label(service)
                    ),
                    assignment.name.spot.label("wins wherever `vars` names it"),
                )
                .with_help(format!(
                    "remove it: services that need `{service}` get it from its placement"
                )),
            );
        }
    }
}

/// Whether a name matches a pattern in which `*` stands for any letters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    // The leftmost match of each inner part leaves the most for those after it.
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, name, expected) in [
            ("A", "A", true),
            ("A", "AB", false),
            ("A_*", "A_B", true),
            ("A_*", "A_", true),
            ("A_*", "AB", false),
            ("*_IP", "DOCKER01_IP", true),
            ("*", "", true),
            ("A*A", "A", false),
            ("A*B*C", "AxBxBxC", true),
            ("A**C", "AC", true),
            ("*B*", "ABC", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
