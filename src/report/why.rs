//! Where the inputs of a service come from.

use super::palette::{Palette, paint};
use super::text::{WIDTH, commas, escape, list, short_value, wrap};
use crate::cluster::model::{Layer, RestartPolicy, Service, VariableValue};
use crate::cluster::{BUILT_IN, Definition, Line, Provenance};
use crate::render::desired::DesiredService;

/// Everything of one service. `desired` is what its first host gets, if it is placed.
#[must_use]
pub fn text(
    service: &Service,
    desired: Option<&DesiredService>,
    found: &Provenance,
    palette: &Palette,
) -> String {
    let mut lines = Vec::new();
    let mut row = |name: &str, what: &str, at: Option<&Line>| {
        let at = at.map(|at| format!("  {}", paint(palette.dim, &line(at))));
        let name = paint(palette.strong, &format!("{name:<9}"));
        lines.push(format!("{name} {what}{}", at.unwrap_or_default()));
    };
    row("service", service.name.as_str(), Some(&found.file));
    let hosts = match service.hosts.as_slice() {
        [] => "placed nowhere".to_owned(),
        hosts => commas(hosts),
    };
    row("hosts", &hosts, found.place.as_ref());
    row(
        "image",
        &escape(&service.image.reference),
        Some(&found.image),
    );
    let template = match service.template.origin.as_str() {
        BUILT_IN => "built into bayplan".to_owned(),
        path => escape(path),
    };
    row("template", &template, None);
    if let Some(desired) = desired {
        row("inputs", desired.fingerprint.as_str(), None);
    }
    let mut layer = None;
    let mut variables: Vec<_> = service.variables.iter().collect();
    variables.sort_by_key(|(name, variable)| (variable.layer, *name));
    for (name, variable) in variables {
        if layer != Some(variable.layer) {
            layer = Some(variable.layer);
            lines.push(String::new());
            let label = variable.layer.label(&service.name);
            lines.push(paint(palette.strong, &format!("{label}.env")));
        }
        lines.push(match &variable.value {
            VariableValue::Plain(value) => format!("  {name}={}", short_value(value, 60)),
            VariableValue::Secret(secret) => {
                let from = secret.names();
                let itself = from.len() == 1 && from.contains(name);
                let from = if itself {
                    String::new()
                } else {
                    format!(", made of {}", list(from))
                };
                format!("  {name} is secret{from}")
            }
        });
        let definitions = found.variables.get(name.as_str());
        let definitions = definitions.map_or(&[][..], Vec::as_slice);
        let winner = match variable.value {
            VariableValue::Plain(_) => definitions.iter().rev().find(|d| d.layer == variable.layer),
            // What is made of a secret moved from the layer that defines it.
            VariableValue::Secret(_) => definitions.last(),
        };
        if let Some(winner) = winner {
            let what = origin(name.as_str(), winner, found);
            lines.push(format!("      {}", paint(palette.dim, &what)));
        }
        for other in definitions.iter().filter(|d| Some(*d) != winner) {
            let what = format!(
                "wins over {} at {}",
                other.layer.label(&service.name),
                line(&other.at)
            );
            lines.push(format!("      {}", paint(palette.dim, &what)));
        }
    }
    lines.push(String::new());
    for sentence in consequences(service) {
        lines.extend(wrap(&sentence, WIDTH));
    }
    lines.join("\n") + "\n"
}

/// Where a definition stands, and what it uses.
fn origin(name: &str, definition: &Definition, found: &Provenance) -> String {
    let at = line(&definition.at);
    if definition.layer == Layer::ServiceLocations {
        return match name.ends_with("_PORT") {
            true => format!("{at}, the port of what it needs"),
            false => format!("{at}, where what it needs is placed"),
        };
    }
    let uses = definition.uses.iter().map(|used| {
        let winner = found.variables.get(used).and_then(|all| all.last());
        match winner.or_else(|| found.used.get(used)) {
            Some(definition) => format!("{} ({})", escape(used), line(&definition.at)),
            None => escape(used),
        }
    });
    let uses: Vec<String> = uses.collect();
    match uses.as_slice() {
        [] => at,
        uses => format!("{at}, made of {}", list(uses)),
    }
}

fn line(at: &Line) -> String {
    let path = escape(&at.path);
    match at.line {
        Some(line) => format!("{path}:{line}"),
        None => path,
    }
}

/// What restarts it, and what does not (design, section 4).
fn consequences(service: &Service) -> Vec<String> {
    let restart = match service.restart {
        RestartPolicy::Auto => "restarts",
        RestartPolicy::Manual => "asks for a restart (`restart = \"manual\"`: it waits for one)",
    };
    let needs = match service.needs.as_slice() {
        [] => String::new(),
        needs => format!(", the place, address or port of {}", list(needs)),
    };
    vec![
        format!(
            "A change of these {restart} it: its image or tag, the value of a variable above{needs}, \
             and whatever changes the arguments of `{}` in its unit (port, volumes, limits, \
             command, template and so on).",
            "run"
        ),
        "These never do: comments and the order of lines, variables that it does not name, [health], \
         `restart`, `stateful`, and lines of the template that a reload makes effective \
         (Restart=, Timeout…=, [Unit], [Install])."
            .to_owned(),
    ]
}
