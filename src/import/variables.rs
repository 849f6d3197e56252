//! The variables of services: which of them are `[vars]` of the cluster, and which are secrets.

use std::collections::{BTreeMap, BTreeSet};

use super::converter::Converter;
use super::dotenv::EnvFormat;
use super::draft::{Draft, DraftLine, DraftVariable, Toml};
use super::paths;
use super::told::{Keys, ToldLines};
use super::yaml::{TextSegment, YamlNode, YamlValue, plain};
use crate::cluster::diagnostic::Diagnostic;
use crate::cluster::name::VariableName;

/// Reads `environment` and `env_file`, and the lines of `label_file`, which are told.
pub(super) fn read(
    converter: &mut Converter<'_, '_>,
    keys: &mut Keys<'_>,
    draft: &mut Draft,
) -> Result<(), Diagnostic> {
    if let Some(node) = keys.take("env_file") {
        for item in node.items() {
            env_file(converter, &keys.key("env_file"), item, draft)?;
        }
    }
    if let Some(node) = keys.take("environment") {
        let path = keys.key("environment");
        if node.map().is_none() {
            let why = format!("expected a list or a table, found {}", node.kind());
            converter.told().not(&node.spot, &path, why);
        }
        for (name, node) in node.map().into_iter().flatten() {
            let value = match &node.value {
                YamlValue::Text(segments) => segments.clone(),
                YamlValue::Null => match converter.project.environment.get(&name.name) {
                    Some(value) => vec![TextSegment::Variable {
                        name: name.name.clone(),
                        value: value.clone(),
                    }],
                    None => {
                        let why =
                            "it is set nowhere, so the container does not get it, as in compose";
                        converter.told().otherwise(
                            &name.spot,
                            &format!("{path}.{}", name.name),
                            why,
                        );
                        continue;
                    }
                },
                YamlValue::List(_) | YamlValue::Map(_) => {
                    let why = format!("expected a text, found {}", node.kind());
                    converter
                        .told()
                        .not(&node.spot, &format!("{path}.{}", name.name), why);
                    continue;
                }
            };
            put(draft, &name.name, value, &node.spot);
        }
    }
    for (text, node) in keys.texts("label_file", converter.told()) {
        let key = keys.key("label_file");
        converter.told().not(
            &node.spot,
            &key,
            format!("{text}: write its lines into `labels`"),
        );
    }
    let valid = |variable: &DraftVariable| VariableName::new(variable.name.as_str()).is_ok();
    for bad in draft.variables.iter().filter(|variable| !valid(variable)) {
        let key = keys.key("environment");
        let why = format!("expected the name of a variable, found `{}`", bad.name);
        converter.loader.told.not(&bad.spot, &key, why);
    }
    draft.variables.retain(valid);
    Ok(())
}

/// Sets a variable; what was said before is gone.
fn put(draft: &mut Draft, name: &str, value: Vec<TextSegment>, spot: &super::yaml::YamlSpot) {
    draft.variables.retain(|variable| variable.name != name);
    draft.variables.push(DraftVariable {
        name: name.to_owned(),
        value,
        spot: spot.clone(),
    });
}

/// The path that an entry of `env_file` names.
pub(super) fn env_file_path(item: &YamlNode) -> Option<String> {
    let path = item.text().or_else(|| item.get("path")?.text())?;
    Some(paths::absolute(&item.spot.file.base, &path))
}

fn env_file(
    converter: &mut Converter<'_, '_>,
    key: &str,
    item: &YamlNode,
    draft: &mut Draft,
) -> Result<(), Diagnostic> {
    let Some(path) = env_file_path(item) else {
        let why = format!("expected the path of a file, found {}", item.kind());
        converter.told().not(&item.spot, key, why);
        return Ok(());
    };
    let field = |name: &str| item.get(name).and_then(YamlNode::text);
    let format = match field("format").as_deref() {
        Some("raw") => EnvFormat::Raw,
        _ => EnvFormat::Compose,
    };
    let shown = converter.loader.shown(&path);
    let is_there = matches!(
        (converter.loader.input.read)(&path),
        super::FoundPath::File { .. }
    );
    if field("required").as_deref() == Some("false") && !is_there {
        let why = format!("{shown} is not there");
        converter.told().otherwise(&item.spot, key, why);
        return Ok(());
    }
    let text = converter
        .loader
        .text(&shown, &item.spot.label("named here"))?;
    let environment = &converter.project.environment;
    let lines = converter
        .loader
        .assignments(&shown, &text, format, environment)?;
    let is_shared = converter.env_files.get(&path).is_some_and(|uses| *uses > 1);
    for (name, value, spot) in lines {
        let value = match value {
            Some(value) => plain(&value),
            None => match environment.get(&name) {
                Some(value) => value.clone(),
                None => continue,
            },
        };
        // What several services get stands in one place.
        let value = match is_shared {
            true => TextSegment::Variable {
                name: name.clone(),
                value,
            },
            false => TextSegment::Literal(value),
        };
        put(draft, &name, vec![value], &spot);
    }
    Ok(())
}

/// Whether a variable of this name and value is a secret.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    const NO_SECRETS: [&str; 23] = [
        "_FILE",
        "_PATH",
        "_DIR",
        "_TTL",
        "_EXPIRY",
        "_EXPIRES",
        "_EXPIRATION",
        "_LENGTH",
        "_ID",
        "_NAME",
        "_HOST",
        "_PORT",
        "_ENABLED",
        "_ALGORITHM",
        "_TYPE",
        "_TIMEOUT",
        "_HEADER",
        "_SCHEME",
        "_POLICY",
        "_REQUIRED",
        "_PREFIX",
        "_SIZE",
        "_INTERVAL",
    ];
    const NO_VALUES: [&str; 11] = [
        "true", "false", "yes", "no", "on", "off", "0", "1", "none", "null", "",
    ];
    let upper = name.to_ascii_uppercase();
    let of_words = upper
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| {
            (word.ends_with("PASS") && word != "BYPASS")
                || word.contains("PASSW")
                || word.contains("PASSPHRASE")
                || word.contains("SECRET")
                || word.ends_with("TOKEN")
                || word.ends_with("TOKENS")
                || word == "KEYS"
                || (word.ends_with("KEY") && word != "MONKEY")
        });
    of_words
        && !NO_SECRETS.iter().any(|ending| upper.ends_with(ending))
        && !NO_VALUES.contains(&value.to_ascii_lowercase().as_str())
        // A path says where the secret is.
        && !value.starts_with("/run/secrets/")
}

/// Tells the secrets that stand in a text outside of variables.
pub(super) fn tell_secrets(told: &mut ToldLines, key: &str, node: &YamlNode) {
    match &node.value {
        YamlValue::Text(segments) => {
            for segment in segments {
                if let TextSegment::Variable { name, value } = segment
                    && is_secret(name, value)
                {
                    let why = format!(
                        "the value of `{name}` stands there in the clear: only variables and files can have secrets in them"
                    );
                    told.otherwise(&node.spot, key, why);
                }
            }
        }
        YamlValue::List(items) => {
            for item in items {
                tell_secrets(told, key, item);
            }
        }
        YamlValue::Null | YamlValue::Map(_) => {}
    }
}

/// What became of all variables.
#[derive(Debug, Default)]
pub(super) struct SharedVariables {
    /// `[vars]`.
    pub vars: BTreeMap<String, String>,
    /// Secrets that are variables.
    pub secrets: BTreeMap<String, String>,
}

/// A variable of the environment, over all its uses.
#[derive(Default)]
struct Use {
    values: BTreeSet<String>,
    times: usize,
    is_secret: bool,
}

/// How long a secret is that is looked for anywhere in a text.
const LONG: usize = 16;

/// The values of secrets, the longest first, each with the name of the variable that has it.
fn known_secrets(drafts: &[Draft]) -> Vec<(String, String)> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for variable in drafts.iter().flat_map(|draft| &draft.variables) {
        let whole = plain(&variable.value);
        let single = match &variable.value[..] {
            [TextSegment::Variable { name, .. }] => name,
            _ => &variable.name,
        };
        if is_secret(&variable.name, &whole) {
            known.entry(whole).or_insert_with(|| single.clone());
        }
        for segment in &variable.value {
            if let TextSegment::Variable { name, value } = segment
                && is_secret(name, value)
            {
                known.entry(value.clone()).or_insert_with(|| name.clone());
            }
        }
    }
    let mut known: Vec<(String, String)> = known.into_iter().collect();
    known.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    known
}

/// A text in which a secret stands, as the password of a URL or as a long value, with its name in that place.
fn with_names(text: &str, known: &[(String, String)], segments: &mut Vec<TextSegment>) {
    for (value, name) in known {
        let found = match value.len() >= LONG {
            true => text.find(value.as_str()),
            false => text.find(&format!(":{value}@")).map(|at| at + 1),
        };
        if let Some(at) = found {
            with_names(&text[..at], known, segments);
            segments.push(TextSegment::Variable {
                name: name.clone(),
                value: value.clone(),
            });
            with_names(&text[at + value.len()..], known, segments);
            return;
        }
    }
    if !text.is_empty() {
        segments.push(TextSegment::Literal(text.to_owned()));
    }
}

/// Whether a text has a URL with a password in it.
fn has_password(segments: &[TextSegment]) -> bool {
    let literals = segments.iter().filter_map(|segment| match segment {
        TextSegment::Literal(text) => Some(text),
        TextSegment::Variable { .. } => None,
    });
    literals.into_iter().any(|text| {
        let Some((_, rest)) = text.split_once("://") else {
            return false;
        };
        let host = rest.split(['/', '?', '#', ' ']).next().unwrap_or(rest);
        let login = host.rsplit_once('@').map(|(login, _)| login);
        login
            .and_then(|login| login.split_once(':'))
            .is_some_and(|(_, password)| !password.is_empty())
    })
}

/// Names secrets that stand in other variables, and tells the passwords that stay there.
fn name_secrets(drafts: &mut [Draft], told: &mut ToldLines) {
    let known = known_secrets(drafts);
    for draft in drafts {
        for variable in &mut draft.variables {
            if is_secret(&variable.name, &plain(&variable.value)) {
                continue;
            }
            let mut segments = Vec::new();
            for segment in std::mem::take(&mut variable.value) {
                match segment {
                    TextSegment::Literal(text) if !text.is_empty() => {
                        with_names(&text, &known, &mut segments);
                    }
                    other @ (TextSegment::Literal(_) | TextSegment::Variable { .. }) => {
                        segments.push(other);
                    }
                }
            }
            variable.value = segments;
            if has_password(&variable.value) {
                let key = format!("services.{}.environment.{}", draft.called, variable.name);
                let why = "a password stands in it in the clear: `bayplan secrets set` it, and write its name there";
                told.otherwise(&variable.spot, &key, why);
            }
        }
    }
}

/// Decides about all variables, and writes the lines of the drafts.
pub(super) fn decide(
    drafts: &mut [Draft],
    told: &mut ToldLines,
    plain_secrets: bool,
) -> SharedVariables {
    if !plain_secrets {
        name_secrets(drafts, told);
    }
    let mut uses: BTreeMap<String, Use> = BTreeMap::new();
    for variable in drafts.iter().flat_map(|draft| &draft.variables) {
        let whole = plain(&variable.value);
        for segment in &variable.value {
            let TextSegment::Variable { name, value } = segment else {
                continue;
            };
            let found = uses.entry(name.clone()).or_default();
            found.times += 1;
            found.values.insert(value.clone());
            let alone = variable.value.len() == 1 && is_secret(&variable.name, &whole);
            found.is_secret |= is_secret(name, value) || alone;
        }
    }
    let locations: BTreeSet<String> = drafts
        .iter()
        .flat_map(|draft| {
            let stem = draft.name.to_ascii_uppercase().replace('-', "_");
            ["HOST", "PORT", "HOSTS"].map(|what| format!("{stem}_{what}"))
        })
        .collect();
    let mut deciding = Deciding {
        uses,
        locations,
        plain_secrets,
        shared: SharedVariables::default(),
    };
    for draft in drafts {
        for variable in std::mem::take(&mut draft.variables) {
            deciding.one(draft, variable);
        }
        draft
            .fields
            .iter_mut()
            .filter(|line| line.key == "vars")
            .for_each(|line| {
                if let Toml::List(items) = &mut line.value {
                    items.sort_by_key(super::written::inline);
                }
            });
    }
    deciding.shared
}

struct Deciding {
    uses: BTreeMap<String, Use>,
    /// What bayplan derives from names of services.
    locations: BTreeSet<String>,
    plain_secrets: bool,
    shared: SharedVariables,
}

impl Deciding {
    fn one(&mut self, draft: &mut Draft, variable: DraftVariable) {
        let DraftVariable { name, value, spot } = variable;
        let whole = plain(&value);
        let by_itself = !self.plain_secrets && is_secret(&name, &whole);
        let single = match &value[..] {
            [TextSegment::Variable { name, value }] => Some((name.clone(), value.clone())),
            _ => None,
        };
        if by_itself && single.is_none() {
            let stored = self.secret(&draft.name, &name, &whole);
            if stored == name {
                draft.add("secrets", Toml::Text(name), &spot);
            } else {
                push(
                    draft,
                    &name,
                    Toml::Text(format!("{{{{ {stored} }}}}")),
                    &spot,
                );
            }
            return;
        }
        let mut text = String::new();
        for segment in &value {
            match segment {
                TextSegment::Literal(literal) => text.push_str(&escaped(literal)),
                TextSegment::Variable { name: used, value } => {
                    match self.reference(&draft.name, used, value) {
                        Some(VariableReference::Var) if single.is_some() && *used == name => {
                            draft.add("vars", Toml::Text(name), &spot);
                            return;
                        }
                        Some(VariableReference::Secret(stored))
                            if single.is_some() && stored == name =>
                        {
                            draft.add("secrets", Toml::Text(name), &spot);
                            return;
                        }
                        Some(VariableReference::Var) => text.push_str(&format!("{{{{ {used} }}}}")),
                        Some(VariableReference::Secret(stored)) => {
                            text.push_str(&format!("{{{{ {stored} }}}}"));
                        }
                        None => text.push_str(&escaped(value)),
                    }
                }
            }
        }
        push(draft, &name, value_of(&text), &spot);
    }

    /// What a variable of the environment is here; `None`: its value.
    fn reference(&mut self, service: &str, name: &str, value: &str) -> Option<VariableReference> {
        let found = self.uses.get(name)?;
        let is_secret = found.is_secret && !self.plain_secrets;
        if is_secret && !value.is_empty() {
            return Some(VariableReference::Secret(self.secret(service, name, value)));
        }
        let shared = found.times > 1
            && found.values.len() == 1
            && !self.locations.contains(name)
            && !is_secret
            && is_free(name);
        if shared {
            self.shared.vars.insert(name.to_owned(), value.to_owned());
        }
        shared.then_some(VariableReference::Var)
    }

    /// Stores a secret; its name.
    fn secret(&mut self, service: &str, name: &str, value: &str) -> String {
        let stem = service.to_ascii_uppercase().replace('-', "_");
        let candidates = [
            name.to_owned(),
            format!("{stem}_{}", name.replace(['.', '-'], "_")),
        ];
        let numbered = (2..).map(|number| format!("{stem}_{name}_{number}"));
        for candidate in candidates.into_iter().chain(numbered) {
            match self.shared.secrets.get(&candidate) {
                Some(other) if other != value => {}
                Some(_) => return candidate,
                None => {
                    self.shared
                        .secrets
                        .insert(candidate.clone(), value.to_owned());
                    return candidate;
                }
            }
        }
        name.to_owned()
    }
}

/// What stands in a value for a variable of the environment.
enum VariableReference {
    Var,
    Secret(String),
}

/// Whether a name can be one of `[vars]`.
fn is_free(name: &str) -> bool {
    let derived = [
        "CLUSTER_ID",
        "CLUSTER_TYPE",
        "APP_PORT",
        "IMAGE",
        "CLUSTER_HOST",
        "CLUSTER_HOST_IP",
        "HERE_IP",
    ];
    !derived.contains(&name) && !name.starts_with("BAYPLAN_")
}

fn push(draft: &mut Draft, name: &str, value: Toml, spot: &super::yaml::YamlSpot) {
    draft.env.push(DraftLine::new(name, value, spot));
}

/// A text in which nothing is code.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        escaped.push_str(before);
        let token = ["{{", "{%"]
            .into_iter()
            .find(|token| from.starts_with(token));
        match token {
            Some(token) => {
                escaped.push_str(&format!("{{{{ '{token}' }}}}"));
                rest = &from[2..];
            }
            None => {
                escaped.push('{');
                rest = &from[1..];
            }
        }
    }
    escaped + rest
}

/// A value as one writes it: numbers and booleans without quotes.
pub(super) fn value_of(text: &str) -> Toml {
    let number = text
        .parse::<i64>()
        .is_ok_and(|number| number.to_string() == text);
    match number || text == "true" || text == "false" {
        true => Toml::Bare(text.to_owned()),
        false => Toml::text(text),
    }
}
