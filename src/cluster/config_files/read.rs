//! Reads `[files]`.

use toml::de::DeValue;

use crate::cluster::diagnostic::{Diagnostic, quoted};
use crate::cluster::foreign;
use crate::cluster::health::read_command;
use crate::cluster::model::{FileMode, FileOwner, ReloadBy};
use crate::cluster::read::{At, Item, Misfit, Problems, Spot, Table, TableKind};
use crate::cluster::shape::container::target;
use crate::cluster::shape::text::Shape;
use crate::cluster::signal_number;

const FILE: TableKind = TableKind {
    what: "a file of a service",
    keys: &["from", "template", "owner", "mode", "reload", "check"],
    foreign: foreign::FILE,
};

const RELOAD: TableKind = TableKind {
    what: "`reload`",
    keys: &["signal", "command"],
    foreign: foreign::RELOAD,
};

/// One entry of `[files]`.
#[derive(Debug)]
pub(in crate::cluster) struct FileEntry {
    /// The path in the container.
    pub target: At<String>,
    /// The path in the config repository, without a final slash.
    pub from: At<String>,
    /// Whether it was written with a final slash: it is a directory.
    pub slash: bool,
    /// Whether the files are templates.
    pub template: bool,
    /// Whose the files are.
    pub owner: FileOwner,
    /// Their permissions.
    pub mode: FileMode,
    /// How the service reads them again without a restart.
    pub live: Option<LiveEntry>,
}

/// What an entry with `reload` says of it.
#[derive(Debug)]
pub(in crate::cluster) struct LiveEntry {
    pub reload: At<ReloadBy>,
    /// The command that must accept new files.
    pub check: Option<Vec<String>>,
}

/// Reads `[files]` of the service whose file this is.
pub(in crate::cluster) fn read_files(
    root: &mut Table<'_>,
    path: &str,
    problems: &mut Problems,
) -> Vec<FileEntry> {
    let own = path.strip_suffix(".toml").unwrap_or(path);
    let items = root.names("files", problems);
    let entries = items.into_iter().filter_map(|item| {
        // What is inherited are the files of the other service; what `cluster.toml` names are the service's own.
        let depth = |path: &str| path.matches('/').count();
        let text = item.key_spot.path.strip_suffix(".toml");
        let below = text.filter(|text| depth(text) == depth(own)).unwrap_or(own);
        let target = item.name().parse(problems, target);
        let entry = read_entry(&item, below, problems);
        let (target, (from, table)) = (target?, entry?);
        let slash = from.value.ends_with('/');
        let name = from.value.trim_end_matches('/');
        Some(FileEntry {
            target,
            from: At {
                value: match name.strip_prefix(SHARED) {
                    Some(shared) => format!("{}/{shared}", parent(below)),
                    None => format!("{below}/{name}"),
                },
                spot: from.spot.clone(),
            },
            slash,
            template: table.template,
            owner: table.owner,
            mode: table.mode,
            live: table.live,
        })
    });
    entries.collect()
}

/// What an entry says besides `from`.
#[derive(Default)]
struct EntryOptions {
    template: bool,
    owner: FileOwner,
    mode: FileMode,
    live: Option<LiveEntry>,
}

fn read_entry(
    item: &Item<'_>,
    below: &str,
    problems: &mut Problems,
) -> Option<(At<String>, EntryOptions)> {
    let source = |text: &str| source(text, below);
    if item.value.is_str() {
        let from = item.string(problems)?.parse(problems, source)?;
        return Some((from, EntryOptions::default()));
    }
    if !item.value.is_table() {
        item.mistyped("a string or a table", problems);
        return None;
    }
    let mut table = item.table(&FILE, problems)?;
    let written = table.string("from", problems);
    if written.is_none() && table.get("from").is_none() {
        problems.push(
            Diagnostic::error(
                format!("expected `from` for {}, found none", quoted(&item.key)),
                item.spot.label("which file?"),
            )
            .with_help(format!(
                "write `from = \"app.conf\"`, a file below `{below}/`"
            )),
        );
    }
    let from = written.and_then(|from| from.parse(problems, source));
    let template = table.boolean("template", problems);
    let owner = table.string("owner", problems);
    let owner = owner.and_then(|owner| owner.parse(problems, owner_shape));
    let mode = table
        .get("mode")
        .and_then(|item| read_mode(&item, problems));
    let live = read_live(&mut table, problems);
    table.finish(problems);
    let options = EntryOptions {
        template: template.is_some_and(|template| template.value),
        owner: owner.map(|owner| owner.value).unwrap_or_default(),
        mode: mode.unwrap_or_default(),
        live,
    };
    Some((from?, options))
}

/// Reads `reload` and `check`.
fn read_live(table: &mut Table<'_>, problems: &mut Problems) -> Option<LiveEntry> {
    let written = table.get("reload");
    let check = table.get("check");
    let command = |item: &Item<'_>, problems: &mut Problems| {
        let words = read_command(item, problems);
        (!words.is_empty()).then_some(words)
    };
    let words = check.as_ref().map(|check| command(check, problems));
    let Some(written) = written else {
        if let Some(check) = check {
            problems.push(
                Diagnostic::error(
                    "expected `reload` beside `check`, found none",
                    check.key_spot.label("nothing is reloaded"),
                )
                .with_help(
                    "files without `reload` are read at a restart, which waits for `[health]`: write `reload = { signal = \"HUP\" }`, or remove `check`",
                ),
            );
        }
        return None;
    };
    if !written.value.is_table() {
        let signal = if let DeValue::String(text) = written.value {
            signal_number(text).map(|_| text)
        } else {
            None
        };
        let help = match signal {
            Some(signal) => format!("write `reload = {{ signal = \"{signal}\" }}`"),
            None => "write `reload = { signal = \"HUP\" }` or `reload = { command = [\"nginx\", \"-s\", \"reload\"] }`"
                .to_owned(),
        };
        problems.push(
            Diagnostic::error(
                "expected a table with `signal` or `command`, found another value",
                written.spot.label("reloaded how?"),
            )
            .with_help(help),
        );
        return None;
    }
    let mut how = written.table(&RELOAD, problems)?;
    let signal = how.get("signal");
    let by_command = how.get("command");
    let spot = how.spot.clone();
    how.finish(problems);
    let unclear = |found: &str, spot: &Spot, problems: &mut Problems| {
        problems.push(
            Diagnostic::error(
                format!("expected one of `signal` and `command`, {found}"),
                spot.label(""),
            )
            .with_help(
                "write `{ signal = \"HUP\" }` or `{ command = [\"nginx\", \"-s\", \"reload\"] }`",
            ),
        );
    };
    let reload = match (signal, by_command) {
        (Some(signal), None) => {
            if check.is_none() {
                problems.push(
                    Diagnostic::error(
                        "expected `check` beside a signal, found none",
                        signal.key_spot.label("a signal cannot say no"),
                    )
                    .with_help(
                        "write the command that tells whether the new files are right, as `check = [\"nginx\", \"-t\"]`, or reload by a `command`, whose exit status counts",
                    ),
                );
            }
            let name = signal.string(problems)?.parse(problems, reload_signal)?;
            ReloadBy::Signal(name.value)
        }
        (None, Some(words)) => ReloadBy::Command(command(&words, problems)?),
        (Some(_), Some(second)) => {
            unclear("found both", &second.key_spot, problems);
            return None;
        }
        (None, None) => {
            unclear("found neither", &spot, problems);
            return None;
        }
    };
    Some(LiveEntry {
        reload: written.at(reload),
        check: words.flatten(),
    })
}

/// The signal that asks a process to read its files again.
fn reload_signal(text: &str) -> Shape<String> {
    let ends = [9, 19];
    match signal_number(text) {
        Some(number) if !ends.contains(&number) => Ok(text.to_owned()),
        Some(_) => Err(Misfit::help(
            "a signal that a process can answer",
            "write the one that it reads its files at: mostly `HUP`",
        )),
        None => Err(Misfit::help(
            "a signal such as `HUP` or `USR1`",
            match signal_number(&text.trim().to_ascii_uppercase()) {
                Some(_) => format!("write `signal = \"{}\"`", text.trim().to_ascii_uppercase()),
                None => "`HUP` is the usual one".to_owned(),
            },
        )),
    }
}

/// What the path of a file begins with that lies in a directory beside that of the service.
const SHARED: &str = "../";

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// A path below the directory of the service, or below one beside it.
fn source(text: &str, below: &str) -> Shape<String> {
    let name = text.strip_suffix('/').unwrap_or(text);
    let odd = |part: &str| matches!(part, "" | "." | "..") || part.contains(char::is_control);
    let shared = name.strip_prefix(SHARED);
    let is_plain = !shared.unwrap_or(name).split('/').any(odd);
    // Else it would be a service's own description.
    let is_below = shared.is_none_or(|shared| shared.contains('/'));
    if is_plain && is_below {
        return Ok(text.to_owned());
    }
    if is_plain || text.starts_with("../../") {
        let last = name
            .rsplit('/')
            .find(|part| !odd(part))
            .unwrap_or("app.conf");
        return Err(Misfit::help(
            format!("a path below `{below}/`, or of a directory beside it"),
            format!(
                "put the file into `{}/shared/`, and write `../shared/{last}`",
                parent(below)
            ),
        ));
    }
    let bare = text.trim_start_matches("./");
    let meant = match bare.rsplit('/').find(|part| !odd(part)) {
        _ if bare != text && !bare.trim_end_matches('/').split('/').any(odd) => bare.to_owned(),
        Some(last) => last.to_owned(),
        None => "app.conf".to_owned(),
    };
    Err(Misfit::help(
        format!("a path below `{below}/`"),
        format!("put the file into `{below}/`, and write `{meant}`"),
    ))
}

/// `1000` or `1000:1000`. Names in a container are not those of the host, which sets the owner.
pub(in crate::cluster) fn owner_shape(text: &str) -> Shape<FileOwner> {
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten()
    };
    // The last one means "leave it as it is" to chown.
    match (number(user), number(group)) {
        (Some(user), Some(group)) if user != u32::MAX && group != u32::MAX => {
            Ok(FileOwner { user, group })
        }
        _ => Err(Misfit::help(
            "the number of a user, or those of a user and a group, such as `1000:1000`",
            "the host knows no names of the image; `id NAME` in the container tells the numbers",
        )),
    }
}

pub(in crate::cluster) fn read_mode(item: &Item<'_>, problems: &mut Problems) -> Option<FileMode> {
    if let DeValue::Integer(number) = item.value {
        problems.push(
            Diagnostic::error(
                "expected permissions as a text, found an integer",
                item.spot.label(""),
            )
            .with_help(format!("write `mode = \"{:0>4}\"`", number.as_str())),
        );
        return None;
    }
    let mode = item.string(problems)?.parse(problems, mode_shape)?;
    Some(mode.value)
}

/// Three or four octal digits, without setuid, setgid and the sticky bit.
fn mode_shape(text: &str) -> Shape<FileMode> {
    let digits = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let mode = u32::from_str_radix(text, 8).ok();
    match mode.filter(|mode| digits && *mode <= 0o777) {
        Some(mode) => Ok(FileMode(mode)),
        None => Err(Misfit::new(
            "permissions in octal from `0000` to `0777`, such as `0400`",
        )),
    }
}
