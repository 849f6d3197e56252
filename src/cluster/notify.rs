//! Reads whom a release tells what it does, and who may forbid it: `[notify]` and `[hooks]`.

use super::description::DescribedTold;
use super::diagnostic::Diagnostic;
use super::foreign;
use super::loaded::LoadedCluster;
use super::model::{Hooks, Notify};
use super::name::VariableName;
use super::read::{Misfit, Problems, Table, TableKind};
use super::secret_references::{no_such_secret, set_secret};
use super::shape::text::Shape;

pub(super) const NOTIFY: TableKind = TableKind {
    what: "`[notify]`",
    keys: &["command", "webhook"],
    foreign: foreign::NOTIFY,
};

pub(super) const HOOKS: TableKind = TableKind {
    what: "`[hooks]`",
    keys: &["before"],
    foreign: foreign::HOOKS,
};

/// Reads `[notify]`.
pub(super) fn read_notify(mut table: Table<'_>, problems: &mut Problems) -> DescribedTold {
    let command = read_command(&mut table, "command", problems);
    let webhook = table
        .get("webhook")
        .and_then(|item| item.parse_unseen(problems, secret_name));
    table.finish(problems);
    DescribedTold { command, webhook }
}

/// Reads `[hooks]`: the command of `before`.
pub(super) fn read_hooks(mut table: Table<'_>, problems: &mut Problems) -> Vec<String> {
    let before = read_command(&mut table, "before", problems);
    table.finish(problems);
    before
}

/// A program and its arguments; nothing if there is none.
fn read_command(table: &mut Table<'_>, key: &'static str, problems: &mut Problems) -> Vec<String> {
    let Some(item) = table.get(key) else {
        return Vec::new();
    };
    let words = item.strings(problems);
    if words.first().is_none_or(|program| program.value.is_empty()) {
        problems.push(
            Diagnostic::error(
                format!("expected a program and its arguments for `{key}`, found none"),
                item.spot.label(""),
            )
            .with_help(format!("write `{key} = [\"scripts/{key}.sh\"]`")),
        );
    }
    words.into_iter().map(|word| word.value).collect()
}

fn secret_name(text: &str) -> Shape<VariableName> {
    VariableName::new(text).map_err(|_| Misfit {
        expected: "the name of a secret".to_owned(),
        help: Some(
            "whoever knows the URL can write there: `bayplan secrets set CLUSTER WEBHOOK`, then `webhook = \"WEBHOOK\"`"
                .to_owned(),
        ),
    })
}

/// Finds a webhook that is no secret of this cluster.
pub(super) fn check_notify(
    description: &LoadedCluster,
    told: &DescribedTold,
    problems: &mut Problems,
) {
    let Some(webhook) = &told.webhook else {
        return;
    };
    let secrets = description.secrets.iter();
    let secrets = secrets.flat_map(|file| file.values.keys());
    if secrets.clone().any(|name| *name == webhook.value) {
        return;
    }
    problems.push(no_such_secret(
        webhook.value.as_str(),
        &webhook.spot,
        secrets.map(VariableName::as_str),
        &set_secret(&description.name),
    ));
}

/// What the model has of both.
pub(super) fn known(told: &DescribedTold, before: &[String]) -> (Notify, Hooks) {
    let notify = Notify {
        command: told.command.clone(),
        webhook: told.webhook.as_ref().map(|name| name.value.clone()),
    };
    let hooks = Hooks {
        before: before.to_vec(),
    };
    (notify, hooks)
}
