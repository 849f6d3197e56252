//! Reads the files of a project: merged, included, extended, variables replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::combine::{combine, lengthen, without_reset};
use super::dotenv::{self, EnvFormat};
use super::interpolate::{ComposeEnvironment, interpolate};
use super::paths;
use super::told::ToldLines;
use super::yaml::{self, ComposeFile, YamlNode, YamlSpot, YamlValue};
use super::{ComposeInput, FoundPath};
use crate::cluster::Sources;
use crate::cluster::diagnostic::{Diagnostic, Place};

/// How deep files may include and services extend each other.
const DEPTH_MAX: usize = 20;

/// The tables beside the services.
const TABLES: [&str; 5] = ["services", "networks", "volumes", "configs", "secrets"];

/// A line of a file of variables: the name, the value, the place.
type PlacedAssignment = (String, Option<Vec<yaml::TextSegment>>, YamlSpot);

/// A project: one tree of all its files.
pub(super) struct Project {
    /// As the engine has it: in the names of volumes.
    pub name: String,
    pub root: YamlNode,
    pub environment: ComposeEnvironment,
    /// Of `--profile` and `COMPOSE_PROFILES`.
    pub profiles: BTreeSet<String>,
}

/// Reads files and remembers them.
pub(super) struct Loader<'a> {
    pub input: &'a ComposeInput<'a>,
    /// What was read, for excerpts.
    pub sources: Sources,
    pub told: ToldLines,
    unset: BTreeSet<String>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(input: &'a ComposeInput<'a>) -> Self {
        Self {
            input,
            sources: Sources::new(),
            told: ToldLines::default(),
            unset: BTreeSet::new(),
        }
    }

    /// The whole project.
    pub(super) fn project(&mut self) -> Result<Project, Diagnostic> {
        let first = self.input.files.first().map_or("-", |file| file.as_str());
        let base = match first {
            "-" => self.input.directory.to_owned(),
            path => paths::directory(&paths::absolute(self.input.directory, path)),
        };
        let environment = self.environment(&base)?;
        let mut root: Option<YamlNode> = None;
        for name in &self.input.files {
            let file = Rc::new(ComposeFile {
                name: match name.as_str() {
                    "-" => "standard input".to_owned(),
                    other => other.to_owned(),
                },
                base: base.clone(),
            });
            let text = match name.as_str() {
                "-" => self.input.stdin.to_owned(),
                path => self.text(path, &Place::file(path, ""))?,
            };
            let node = self.file(&text, &file, &environment, &mut Vec::new())?;
            root = Some(match root {
                None => node,
                Some(below) => combine("", below, node),
            });
        }
        let mut root = root.ok_or_else(|| {
            Diagnostic::error("expected a compose file, found none", Place::file("-", ""))
        })?;
        without_reset(&mut root);
        let written = root.get("name").and_then(YamlNode::text);
        let name = self.input.project.clone();
        let name = name
            .or_else(|| environment.get("COMPOSE_PROJECT_NAME").cloned())
            .filter(|name| !name.is_empty())
            .or(written)
            .unwrap_or_else(|| paths::file_name(&base).to_owned());
        let name = normalized(&name);
        if name.is_empty() {
            return Err(Diagnostic::error(
                "expected a name of the project, found none",
                Place::file(first, ""),
            )
            .with_help("write `name: shop` into the file, or `--project shop`"));
        }
        let listed = environment.get("COMPOSE_PROFILES").cloned();
        let listed = listed.unwrap_or_default();
        let profiles = listed.split(',').map(|one| one.trim().to_owned());
        let profiles = profiles
            .chain(self.input.profiles.iter().cloned())
            .filter(|one| !one.is_empty())
            .collect();
        Ok(Project {
            name,
            root,
            environment,
            profiles,
        })
    }

    /// What the shell has, and below it `.env`.
    fn environment(&mut self, base: &str) -> Result<ComposeEnvironment, Diagnostic> {
        let mut files: Vec<String> = self.input.env_files.clone();
        if files.is_empty() {
            let usual = paths::absolute(base, ".env");
            if matches!((self.input.read)(&usual), FoundPath::File { .. }) {
                files.push(usual);
            }
        }
        let given = self.input.environment.clone();
        self.with_files(given, &files)
    }

    fn with_files(
        &mut self,
        given: ComposeEnvironment,
        files: &[String],
    ) -> Result<ComposeEnvironment, Diagnostic> {
        let mut environment = given.clone();
        for file in files {
            let text = self.text(file, &Place::file(file, ""))?;
            for (name, value, _) in self.assignments(file, &text, EnvFormat::Compose, &given)? {
                if let Some(value) = value.filter(|_| !given.contains_key(&name)) {
                    environment.insert(name, yaml::plain(&value));
                }
            }
        }
        Ok(environment)
    }

    /// The lines of a file of variables, each with its place.
    pub(super) fn assignments(
        &mut self,
        file: &str,
        text: &str,
        format: EnvFormat,
        environment: &ComposeEnvironment,
    ) -> Result<Vec<PlacedAssignment>, Diagnostic> {
        let whole = Rc::new(ComposeFile {
            name: file.to_owned(),
            base: paths::directory(&paths::absolute(self.input.directory, file)),
        });
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        let spot = |line: usize| {
            let start = starts.get(line - 1).copied().unwrap_or(text.len());
            YamlSpot {
                file: whole.clone(),
                span: start..start + text[start..].find('\n').unwrap_or(text.len() - start),
                line,
                column: 1,
            }
        };
        let mut unset = Vec::new();
        let read = dotenv::read(text, format, environment, &mut unset);
        // No line of such a file is shown: it may be a secret.
        let read = read.map_err(|bad| {
            Diagnostic::error(
                format!("{file}:{}: {}", bad.line, bad.what),
                Place::file(file, ""),
            )
        })?;
        for name in unset {
            self.note_unset(&name, &spot(1));
        }
        let lines = read.into_iter();
        Ok(lines
            .map(|one| (one.name, one.value, spot(one.line)))
            .collect())
    }

    fn note_unset(&mut self, name: &str, spot: &YamlSpot) {
        if self.unset.insert(name.to_owned()) {
            self.told.otherwise(
                spot,
                &format!("${{{name}}}"),
                "it is set nowhere, so it is empty, as in compose",
            );
        }
    }

    /// The text of a file; `place` is who names it.
    pub(super) fn text(&self, path: &str, place: &Place) -> Result<String, Diagnostic> {
        let full = paths::absolute(self.input.directory, path);
        let found = match (self.input.read)(&full) {
            FoundPath::File { bytes, .. } => match String::from_utf8(bytes) {
                Ok(text) => return Ok(text.replace("\r\n", "\n")),
                Err(_) => "another encoding".to_owned(),
            },
            FoundPath::Directory(_) => "a directory".to_owned(),
            FoundPath::Unreadable(why) => why,
            FoundPath::Absent => "no such file".to_owned(),
        };
        let is_named = self.input.files.iter().any(|file| file == path);
        let help = is_named
            .then(|| "the directory to write into stands before `--from-compose`".to_owned());
        Err(Diagnostic::error(
            format!("expected a file in UTF-8 at {path}, found {found}"),
            place.clone(),
        )
        .with_help_if(help))
    }

    /// One file, with what it includes and extends.
    fn file(
        &mut self,
        text: &str,
        file: &Rc<ComposeFile>,
        environment: &ComposeEnvironment,
        within: &mut Vec<String>,
    ) -> Result<YamlNode, Diagnostic> {
        // Lines end in LF, as in what excerpts are made of.
        let text = text.replace("\r\n", "\n");
        self.sources.insert(&*file.name, text.clone().into_bytes());
        let mut root = yaml::read(&text, file)?;
        if !matches!(root.value, YamlValue::Map(_)) {
            let title = format!(
                "expected the tables of a compose file, found {}",
                root.kind()
            );
            let help = "it has `services:`, with a table for each service";
            return Err(Diagnostic::error(title, root.spot.label("")).with_help(help));
        }
        self.replace(&mut root, environment)?;
        if let YamlValue::Map(entries) = &mut root.value {
            for (_, services) in entries.iter_mut().filter(|(key, _)| key.name == "services") {
                if let YamlValue::Map(services) = &mut services.value {
                    for (_, service) in services {
                        lengthen(service);
                    }
                }
            }
        }
        let included = self.included(&root, file, environment, within)?;
        self.extend_all(&mut root, environment)?;
        if let YamlValue::Map(entries) = &mut root.value {
            entries.retain(|(key, _)| key.name != "include");
        }
        for other in included {
            put_beside(&mut root, other)?;
        }
        Ok(root)
    }

    /// Replaces variables in all values.
    fn replace(
        &mut self,
        node: &mut YamlNode,
        environment: &ComposeEnvironment,
    ) -> Result<(), Diagnostic> {
        match &mut node.value {
            YamlValue::Null => {}
            YamlValue::Text(segments) => {
                let text = yaml::plain(segments);
                if !text.contains('$') {
                    return Ok(());
                }
                let mut unset = Vec::new();
                *segments = interpolate(&text, environment, &mut unset).map_err(|error| {
                    Diagnostic::error(error.what, node.spot.label("")).with_help(error.help)
                })?;
                let spot = node.spot.clone();
                for name in unset {
                    self.note_unset(&name, &spot);
                }
            }
            YamlValue::List(items) => {
                for item in items {
                    self.replace(item, environment)?;
                }
            }
            YamlValue::Map(entries) => {
                for (_, value) in entries {
                    self.replace(value, environment)?;
                }
            }
        }
        Ok(())
    }

    /// What `include` names.
    fn included(
        &mut self,
        root: &YamlNode,
        file: &Rc<ComposeFile>,
        environment: &ComposeEnvironment,
        within: &mut Vec<String>,
    ) -> Result<Vec<YamlNode>, Diagnostic> {
        let Some(include) = root.get("include") else {
            return Ok(Vec::new());
        };
        let YamlValue::List(items) = &include.value else {
            let title = format!("expected a list after `include`, found {}", include.kind());
            return Err(Diagnostic::error(title, include.spot.label("")));
        };
        let mut all = Vec::new();
        for item in items {
            let names: Vec<String> = match item.get("path") {
                Some(path) => super::told::texts("include.path", path, &mut self.told)
                    .into_iter()
                    .map(|(text, _)| text)
                    .collect(),
                None => item.text().into_iter().collect(),
            };
            let Some(first) = names.first() else {
                let title = "expected the path of a file to include, found none";
                return Err(Diagnostic::error(title, item.spot.label("")));
            };
            let first = paths::absolute(&file.base, first);
            let base = match item.get("project_directory").and_then(YamlNode::text) {
                Some(directory) => paths::absolute(&file.base, &directory),
                None => paths::directory(&first),
            };
            let env_files: Vec<String> = match item.get("env_file") {
                Some(files) => super::told::texts("include.env_file", files, &mut self.told)
                    .into_iter()
                    .map(|(text, _)| paths::absolute(&file.base, &text))
                    .collect(),
                None => {
                    let usual = paths::absolute(&base, ".env");
                    let there = matches!((self.input.read)(&usual), FoundPath::File { .. });
                    there.then_some(usual).into_iter().collect()
                }
            };
            let inner = self.with_files(environment.clone(), &env_files)?;
            let mut whole: Option<YamlNode> = None;
            for name in names {
                let path = paths::absolute(&file.base, &name);
                if within.contains(&path) || within.len() >= DEPTH_MAX {
                    let title = "this file includes itself, by itself or by another one";
                    return Err(Diagnostic::error(title, item.spot.label("in a circle")));
                }
                let shown = self.shown(&path);
                let text = self.text(&shown, &item.spot.label("included here"))?;
                let other = Rc::new(ComposeFile {
                    name: shown,
                    base: base.clone(),
                });
                within.push(path);
                let node = self.file(&text, &other, &inner, within);
                within.pop();
                let node = node?;
                whole = Some(match whole {
                    None => node,
                    Some(below) => combine("", below, node),
                });
            }
            all.extend(whole);
        }
        Ok(all)
    }

    /// A path as a person would type it.
    pub(super) fn shown(&self, path: &str) -> String {
        let below = path.strip_prefix(self.input.directory);
        match below.and_then(|rest| rest.strip_prefix('/')) {
            Some(rest) => rest.to_owned(),
            None => path.to_owned(),
        }
    }

    /// Puts what services extend below them.
    fn extend_all(
        &mut self,
        root: &mut YamlNode,
        environment: &ComposeEnvironment,
    ) -> Result<(), Diagnostic> {
        let Some(services) = root.get("services").cloned() else {
            return Ok(());
        };
        let Some(entries) = services.map() else {
            return Ok(());
        };
        let mut extended = Vec::new();
        for (key, service) in entries {
            let service = self.extended(service, &services, environment, 0)?;
            extended.push((key.clone(), service));
        }
        if let YamlValue::Map(all) = &mut root.value {
            for (_, node) in all.iter_mut().filter(|(key, _)| key.name == "services") {
                node.value = YamlValue::Map(extended.clone());
            }
        }
        Ok(())
    }

    fn extended(
        &mut self,
        service: &YamlNode,
        siblings: &YamlNode,
        environment: &ComposeEnvironment,
        depth: usize,
    ) -> Result<YamlNode, Diagnostic> {
        let Some(extends) = service.get("extends") else {
            return Ok(service.clone());
        };
        let place = extends.spot.label("extended here");
        if depth >= DEPTH_MAX {
            let title = "this service extends itself, by itself or by another one";
            return Err(Diagnostic::error(title, place));
        }
        let name = match extends.get("service") {
            Some(name) => name.text(),
            None => extends.text(),
        };
        let Some(name) = name else {
            let title = "expected the name of a service that is extended, found none";
            return Err(Diagnostic::error(title, place));
        };
        let other = match extends.get("file").and_then(YamlNode::text) {
            None => None,
            Some(path) => {
                let path = paths::absolute(&extends.spot.file.base, &path);
                let shown = self.shown(&path);
                let text = self.text(&shown, &place)?;
                let file = Rc::new(ComposeFile {
                    name: shown.clone(),
                    base: paths::directory(&path),
                });
                self.sources.insert(&*shown, text.clone().into_bytes());
                let mut root = yaml::read(&text, &file)?;
                self.replace(&mut root, environment)?;
                let mut services = root.get("services").cloned().unwrap_or(YamlNode {
                    value: YamlValue::Null,
                    ..root
                });
                if let YamlValue::Map(entries) = &mut services.value {
                    for (_, service) in entries {
                        lengthen(service);
                    }
                }
                Some(services)
            }
        };
        let siblings = other.as_ref().unwrap_or(siblings);
        let Some(base) = siblings.get(&name) else {
            let title =
                format!("expected the service `{name}`, which is extended here, found none");
            return Err(Diagnostic::error(title, place));
        };
        let base = self.extended(base, siblings, environment, depth + 1)?;
        let mut over = service.clone();
        if let YamlValue::Map(entries) = &mut over.value {
            entries.retain(|(key, _)| key.name != "extends");
        }
        Ok(combine("", base, over))
    }
}

/// Puts the tables of an included project beside those of the file that includes it.
fn put_beside(root: &mut YamlNode, other: YamlNode) -> Result<(), Diagnostic> {
    let YamlValue::Map(others) = other.value else {
        return Ok(());
    };
    let YamlValue::Map(entries) = &mut root.value else {
        return Ok(());
    };
    for (key, node) in others {
        if !TABLES.contains(&key.name.as_str()) {
            continue;
        }
        let Some((_, there)) = entries.iter_mut().find(|(one, _)| one.name == key.name) else {
            entries.push((key, node));
            continue;
        };
        let (YamlValue::Map(there), YamlValue::Map(added)) = (&mut there.value, node.value) else {
            continue;
        };
        for (name, node) in added {
            let same = there.iter().find(|(one, _)| one.name == name.name);
            match same {
                None => there.push((name, node)),
                Some((first, _)) if key.name == "services" => {
                    return Err(Diagnostic::error(
                        format!("the service `{}` is in two files, one of which includes the other", name.name),
                        name.spot.label("second time"),
                    )
                    .with_related(first.spot.label("first time"))
                    .with_help("name both after `path` of one entry of `include`: then the later one is merged over the other"));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// A project's name as compose makes it.
fn normalized(name: &str) -> String {
    let name = name.to_lowercase();
    let kept = name
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(*c));
    let kept: String = kept.collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

/// All entries of a table of the project, by name.
pub(super) fn table<'a>(root: &'a YamlNode, name: &str) -> BTreeMap<&'a str, &'a YamlNode> {
    let entries = root.get(name).and_then(YamlNode::map);
    let entries = entries.into_iter().flatten();
    entries
        .map(|(key, node)| (key.name.as_str(), node))
        .collect()
}
