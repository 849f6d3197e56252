//! Directories of the host that a unit makes before its container starts, unless they are there.

use std::collections::BTreeSet;

use super::canonical::expands;
use super::desired::Mounted;
use super::run_line::{RunLine, RunOption};
use super::shell::quote;
use super::unit::{expand_nothing, quote_lines};
use crate::cluster::model::{Engine, Health, MadeDirectory, Probe, Service};

/// The command lines for `ExecStartPre=`.
pub(super) fn make(service: &Service) -> Vec<String> {
    let mut made: Vec<&MadeDirectory> = service.container.made.iter().collect();
    // One may be in another.
    made.sort_by_key(|made| &made.path);
    made.dedup();
    let made = made.into_iter();
    made.map(|made| format!("/bin/sh -c {}", quote_lines(&lines(made))))
        .collect()
}

/// How the path of a directory stands in the line that makes it.
pub(super) fn path_of(made: &MadeDirectory) -> String {
    let line = quote_lines(&[format!("[ ! -e {} ]", quote(&made.path))]);
    line.trim_matches('\'').to_owned()
}

/// A shell that makes a directory with its owner and its permissions, all at once: whoever finds it finds it whole. What is
/// there stays as it is, whatever it is.
fn lines(made: &MadeDirectory) -> Vec<String> {
    let MadeDirectory { path, owner, mode } = made;
    let above = match path.rsplit_once('/') {
        None | Some(("", _)) => "/",
        Some((above, _)) => above,
    };
    let (path, above) = (quote(path), quote(above));
    vec![
        "mkdir -p /run/bayplan && exec 9>/run/bayplan/volumes && flock 9 || exit;".to_owned(),
        format!("[ ! -e {path} ] && [ ! -L {path} ] || exit 0;"),
        "umask 022;".to_owned(),
        format!("mkdir -p {above} && new=$(mktemp -d -p {above} .bayplan.XXXXXX) || exit;"),
        format!(
            "chown {}:{} \"$new\" && chmod {mode} \"$new\" && mv -T \"$new\" {path} ||",
            owner.user, owner.group
        ),
        "{ rmdir \"$new\"; exit 1; }".to_owned(),
    ]
}

/// The directory that a shell of [`make`] makes, if it is one.
pub(crate) fn made_by(script: &str) -> Option<String> {
    let (_, rest) = script.split_once("exec 9>/run/bayplan/volumes ")?;
    let (_, rest) = rest.split_once("[ ! -e ")?;
    let (path, _) = rest.split_once(" ] && [ ! -L ")?;
    let path = match path.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')) {
        Some(inside) => inside.replace(r"'\''", "'"),
        None => path.to_owned(),
    };
    path.starts_with('/').then_some(path)
}

/// The source of a volume that is a path of the host.
fn path(volume: &str) -> Option<&str> {
    let source = volume.split(':').next()?;
    source.starts_with('/').then_some(source)
}

/// The paths of the host that must be there before the container starts: nobody makes them.
pub(super) fn sources(service: &Service) -> BTreeSet<String> {
    let container = &service.container;
    let is_made = |source: &str| {
        let mut made = container.made.iter();
        made.any(|made| made.path == source.trim_end_matches('/'))
    };
    let sources = container.volumes.iter().filter_map(|volume| path(volume));
    let sources = sources.filter(|source| !is_made(source));
    sources.map(str::to_owned).collect()
}

/// What the container of a unit with these directives mounts, and whether its image is to have a `HEALTHCHECK`.
pub(super) fn mounted(
    service: &Service,
    directives: &[(String, Vec<String>)],
    engine: Engine,
) -> Mounted {
    Mounted {
        targets: RunLine::of(directives, engine).and_then(|line| targets(&line)),
        by_image: matches!(
            service.health,
            Some(Health {
                probe: Probe::Image,
                ..
            })
        ),
    }
}

/// Where something is mounted in a container, whoever said it: fields, `extra_args`, or a template of the user's own.
fn targets(line: &RunLine<'_>) -> Option<BTreeSet<String>> {
    let volumes = line.values("volume").map(|volume| {
        let mut parts = volume.split(':');
        let first = parts.next();
        parts.next().or(first)
    });
    let mounts = line.values("mount").map(|mount| {
        let mut fields = mount.split(',').filter_map(|field| field.split_once('='));
        let target = fields.find(|(name, _)| matches!(*name, "target" | "dst" | "destination"));
        target.map(|(_, target)| target)
    });
    let tmpfs = line.values("tmpfs").map(|mount| mount.split(':').next());
    let mut targets = BTreeSet::new();
    for target in volumes.chain(mounts).chain(tmpfs) {
        let target = target.filter(|target| !expands(target))?;
        targets.insert(match expand_nothing(target).trim_end_matches('/') {
            "" => "/".to_owned(),
            target => target.to_owned(),
        });
    }
    // What another container has, or what systemd puts in, may be anything.
    let is_open = |option: &RunOption<'_>| option.name == "volumes-from" || expands(option.name);
    (!line.options.iter().any(is_open)).then_some(targets)
}
