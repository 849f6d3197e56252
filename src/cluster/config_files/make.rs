//! What the files of a service hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::ValueKind;

use super::FileEntry;
use super::clash::{self, Mounts};
use super::expand::{ConfigSource, Expanded, expand};
use super::surroundings::{HOST, NAMES, Surroundings};
use crate::cluster::description::ServiceFile;
use crate::cluster::diagnostic::{Diagnostic, Place, quoted};
use crate::cluster::model::{ConfigFile, ConfigFiles, Content, Contents, LiveFiles};
use crate::cluster::name::HostName;
use crate::cluster::read::Problems;
use crate::cluster::secret::{Secret, TextPart};
use crate::cluster::sources::Sources;
use crate::cluster::template::TemplateProblem;
use crate::cluster::template::secret_text::{Masks, misused};
use crate::cluster::template::text::{self, Makes, TextTemplate, place_within};
use crate::cluster::values::Evaluated;

/// The largest file.
const FILE_MAX: usize = text::MADE_MAX;

/// What the files of one service may take together.
const SERVICE_MAX: usize = 16 << 20;

/// What templates of one service see.
pub(in crate::cluster) struct FileScope<'a> {
    pub surroundings: &'a Surroundings,
    /// What a variable is to the service.
    pub variable: &'a dyn Fn(&str) -> Option<&'a Evaluated>,
    /// What to do about a name that is none.
    pub explain: &'a dyn Fn(&str) -> Option<String>,
    /// Whether any name may be in a file that could not be read.
    pub incomplete: bool,
    /// Where the service is.
    pub hosts: &'a [HostName],
    pub sources: &'a Sources,
}

/// The files of a service; none if there is a problem with them, which is told.
pub(in crate::cluster) fn of_service(
    service: &ServiceFile,
    scope: &FileScope<'_>,
    problems: &mut Problems,
) -> ConfigFiles {
    let mut named: Vec<(&FileEntry, ConfigSource<'_>)> = Vec::new();
    let mut directories = BTreeMap::new();
    for entry in &service.files {
        match expand(entry, scope.sources, problems) {
            None => {}
            Some(Expanded::File(_)) if entry.live.is_some() => {
                problems.push(a_file_reloads(entry));
            }
            Some(Expanded::File(file)) => named.push((entry, file)),
            Some(Expanded::Directory(files)) => {
                directories.insert(entry.target.value.as_str(), entry);
                named.extend(files.into_iter().map(|file| (entry, file)));
            }
        }
    }
    let mut mounts = Mounts {
        directories,
        files: BTreeMap::new(),
    };
    for (entry, file) in &named {
        if let Some(first) = mounts.files.insert(&file.target, *entry) {
            problems.push(
                Diagnostic::error(
                    format!("expected one file at {}, found two", quoted(&file.target)),
                    entry.target.spot.label("second file there"),
                )
                .with_related(first.target.spot.label("first file there"))
                .with_help("remove one of them"),
            );
        }
    }
    if !clash::check(service, &mounts, problems) {
        return ConfigFiles::default();
    }
    let mut live = live_files(service, problems);
    let mut files = BTreeMap::new();
    let mut total = 0;
    for (entry, file) in &named {
        let maker = Maker {
            service,
            scope,
            file,
        };
        let contents = match entry.template {
            false => maker.as_it_is(problems),
            true => maker.template(problems),
        };
        let Some(contents) = contents else { continue };
        total += size(&contents);
        let made = ConfigFile {
            source: file.source.clone(),
            contents,
            owner: entry.owner,
            mode: entry.mode,
        };
        let below = file.target.strip_prefix(entry.target.value.as_str());
        let below = below.and_then(|below| below.strip_prefix('/'));
        match (&entry.live, &mut live, below) {
            (Some(_), Some(live), Some(below)) => {
                let directory = live.directories.entry(entry.target.value.clone());
                directory.or_default().insert(below.to_owned(), made);
            }
            _ => {
                files.insert(file.target.clone(), made);
            }
        }
    }
    for (target, files) in live.iter().flat_map(|live| &live.directories) {
        // A generation keeps what is encrypted beside the rest.
        let secret = files.iter().filter(|(_, file)| {
            let mut contents = file.contents.each();
            contents.any(|content| matches!(content, Content::Secret(_)))
        });
        let beside = secret.map(|(path, _)| format!("{path}.age"));
        if let Some(path) = beside.into_iter().find(|path| files.contains_key(path)) {
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected no file {} beside the one with a secret in it",
                        quoted(&path)
                    ),
                    Place::file(&files[&path].source, "its encrypted form has this name"),
                )
                .with_help(format!("give it another name below {}", quoted(target))),
            );
        }
    }
    if total > SERVICE_MAX {
        problems.push(
            Diagnostic::error(
                format!(
                    "expected at most {} MiB in the files of `{}`, found {total} bytes",
                    SERVICE_MAX >> 20,
                    service.name
                ),
                Place::file(&service.path, ""),
            )
            .with_help("put large files into the image or on a volume"),
        );
    }
    let mounts = mounts.mounted();
    ConfigFiles {
        mounts,
        files,
        live: live.filter(|live| !live.directories.is_empty()),
    }
}

/// The directories with `reload`, still without their files: all of them are read again at once.
fn live_files(service: &ServiceFile, problems: &mut Problems) -> Option<LiveFiles> {
    let mut entries = service.files.iter().filter_map(|entry| entry.live.as_ref());
    let first = entries.next()?;
    if service.run.is_job() {
        problems.push(
            Diagnostic::error(
                "a job has no `reload`: each run reads its files when it starts",
                first
                    .reload
                    .spot
                    .label("nothing runs that reads them again"),
            )
            .with_help("remove it"),
        );
        return None;
    }
    let mut checks: Vec<Vec<String>> = first.check.iter().cloned().collect();
    for other in entries {
        if other.reload.value != first.reload.value {
            problems.push(
                Diagnostic::error(
                    format!("expected one way to reload `{}`, found two", service.name),
                    other.reload.spot.label("another way"),
                )
                .with_related(first.reload.spot.label("the first one"))
                .with_help("reload all of them in one way: a `command` may do several things"),
            );
        }
        let check = other.check.as_ref();
        if let Some(check) = check.filter(|check| !checks.contains(check)) {
            checks.push(check.clone());
        }
    }
    Some(LiveFiles {
        reload: first.reload.value.clone(),
        checks,
        directories: BTreeMap::new(),
    })
}

fn a_file_reloads(entry: &FileEntry) -> Diagnostic {
    let target = &entry.target.value;
    let (parent, name) = target.rsplit_once('/').unwrap_or(("", target));
    let parent = if parent.is_empty() {
        "/etc/app"
    } else {
        parent
    };
    let place = entry.live.as_ref().map(|live| &live.reload.spot);
    let place = place.unwrap_or(&entry.target.spot);
    Diagnostic::error(
        format!("expected a directory to reload, found the file {}", quoted(&entry.from.value)),
        place.label("only all files of a directory can be swapped at once"),
    )
    .with_help(format!(
        "put it into a directory as `{name}`, and mount that: `{parent:?} = {{ from = \"conf.d/\", … }}`; it hides what the image has in `{parent}`"
    ))
}

/// The largest that it is on a host.
fn size(contents: &Contents) -> usize {
    let sizes = contents.each().map(|content| match content {
        Content::Plain(bytes) => bytes.len(),
        Content::Secret(_) => 0,
    });
    sizes.max().unwrap_or(0)
}

struct Maker<'m, 's> {
    service: &'m ServiceFile,
    scope: &'m FileScope<'s>,
    file: &'m ConfigSource<'m>,
}

impl<'s> Maker<'_, 's> {
    fn problem(&self, problem: TemplateProblem) -> Diagnostic {
        let TemplateProblem { message, at, help } = problem;
        let place = Place {
            path: self.file.source.clone(),
            span: (!at.is_empty()).then_some(at),
            label: String::new(),
        };
        Diagnostic::error(message, place).with_help_if(help)
    }

    fn as_it_is(&self, problems: &mut Problems) -> Option<Contents> {
        let bytes = self.file.bytes;
        if bytes.len() > FILE_MAX {
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected a file of at most {} MiB, found {} bytes",
                        FILE_MAX >> 20,
                        bytes.len()
                    ),
                    Place::file(&self.file.source, ""),
                )
                .with_help("put it into the image or on a volume"),
            );
            return None;
        }
        Some(Contents::Same(Content::Plain(bytes.into())))
    }

    fn template(&self, problems: &mut Problems) -> Option<Contents> {
        if self.scope.incomplete {
            return None;
        }
        let source = self.text(problems)?;
        let is_number = |name: &str| match (self.scope.variable)(name) {
            Some(Evaluated::Known { value, .. }) => value.kind() == ValueKind::Number,
            Some(Evaluated::Secret(_) | Evaluated::Failed) | None => false,
        };
        let environment = text::files(self.scope.surroundings.size);
        let parsed = TextTemplate::parse(&environment, source, Makes::File(&is_number));
        let template = match parsed {
            Ok(template) => template,
            Err(problem) => {
                problems.push(self.problem(problem));
                return None;
            }
        };
        let uses = template.uses();
        let variables = self.variables(source, &uses, problems)?;
        let mut render = |host: Option<&HostName>| {
            let made = self.render(&template, source, (&uses, &variables), host);
            made.map_err(|found| problems.0.extend(found)).ok()
        };
        if !uses.contains(HOST) {
            return Some(Contents::Same(render(None)?));
        }
        let hosts = self.scope.hosts.iter();
        let made = hosts.map(|host| Some((host.clone(), render(Some(host))?)));
        Some(Contents::ByHost(made.collect::<Option<_>>()?))
    }

    fn text(&self, problems: &mut Problems) -> Option<&str> {
        let misfit = match std::str::from_utf8(self.file.bytes) {
            Ok(text) => match text.find('\0') {
                None => return Some(text),
                Some(at) => ("NUL", at),
            },
            Err(error) => ("other bytes", error.valid_up_to()),
        };
        let (found, at) = misfit;
        let problem = TemplateProblem {
            message: format!("expected UTF-8 text in a template, found {found}"),
            at: at..at + 1,
            help: Some("without `template = true` a file arrives byte for byte".to_owned()),
        };
        problems.push(self.problem(problem));
        None
    }

    /// What the names that it uses are, as far as they are variables: `None` if one of them has a problem.
    fn variables(
        &self,
        source: &str,
        uses: &BTreeSet<String>,
        problems: &mut Problems,
    ) -> Option<UsedVariables<'s>> {
        let (mut known, mut secrets, mut unknown) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut texts = vec![source];
        for name in uses.iter().filter(|name| !NAMES.contains(&name.as_str())) {
            match (self.scope.variable)(name) {
                Some(Evaluated::Known { value, text }) => {
                    known.insert(name.clone(), value.clone());
                    texts.push(text);
                }
                Some(Evaluated::Secret(secret)) => secrets.push((name, secret)),
                Some(Evaluated::Failed) => return None,
                None => unknown.push(name.clone()),
            }
        }
        let mut masks = Masks::beside(texts);
        for (name, secret) in secrets {
            known.insert(name.clone(), Value::from(masks.add(secret)));
        }
        let is_secret = |name: &str| {
            matches!((self.scope.variable)(name), Some(Evaluated::Secret(_))) && uses.contains(name)
        };
        if let Some((name, at)) = misused(source, &is_secret) {
            let problem = TemplateProblem {
                message: format!(
                    "expected the secret `{name}` as it is, `{{{{ {name} }}}}`, found it in other code"
                ),
                at,
                help: Some(format!(
                    "define what is made of it below `[vars]` (`{name}_MADE = \"{{{{ {name}|upper }}}}\"`), and write `{{{{ {name}_MADE }}}}`"
                )),
            };
            problems.push(self.problem(problem));
            return None;
        }
        Some(UsedVariables {
            known,
            masks,
            unknown,
        })
    }

    fn render(
        &self,
        template: &TextTemplate<'_, '_, '_>,
        source: &str,
        (uses, variables): (&BTreeSet<String>, &UsedVariables<'_>),
        host: Option<&HostName>,
    ) -> Result<Content, Vec<Diagnostic>> {
        let surroundings = NAMES.iter().filter_map(|name| {
            let value = self
                .scope
                .surroundings
                .get(name, &self.service.name, host)?;
            Some(((*name).to_owned(), value))
        });
        let surroundings = surroundings.filter(|(name, _)| uses.contains(name));
        let known = variables.known.iter();
        let known = known.map(|(name, value)| (name.clone(), value.clone()));
        let mut context: BTreeMap<String, Value> = known.chain(surroundings).collect();
        let mut problems = Vec::new();
        // An unknown name is no error in a branch that is not taken, nor before `is defined`. So each one that the
        // template fails of is told, and then taken for some text.
        let made = loop {
            let unmade = match template.render(Value::from(context.clone())) {
                Ok(made) => break made,
                Err(unmade) => unmade,
            };
            let mut problem = unmade.problem;
            let unknown = variables.unknown.iter();
            let mut unknown = unknown.filter(|name| !context.contains_key(*name));
            // A filter has words of its own for a value that is not there.
            let undefined = unmade.undefined || problem.message.contains("undefined");
            let named = unknown.find_map(|name| {
                let at = place_within(source, problem.at.clone(), name)?;
                Some((name.clone(), at))
            });
            let Some((name, at)) = named.filter(|_| undefined) else {
                if unmade.undefined {
                    problem.help = Some(PARTS.to_owned());
                }
                if problems.is_empty() {
                    problems.push(self.problem(problem));
                }
                return Err(problems);
            };
            problem.message = format!("{} is not defined", quoted(&name));
            problem.help = match is_part_of_a_name(source, at.start) {
                true => Some(PARTS.to_owned()),
                false => (self.scope.explain)(&name),
            };
            problem.at = at;
            problems.push(self.problem(problem));
            context.insert(name, Value::from("text"));
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let parts = variables.masks.split(&made);
        Ok(
            match parts.iter().any(|part| matches!(part, TextPart::Secret(_))) {
                true => Content::Secret(Secret::of_text(parts)),
                false => Content::Plain(Arc::from(made.into_bytes())),
            },
        )
    }
}

/// What there is of services and hosts.
const PARTS: &str = "a service has `name`, `hosts` and perhaps `port`, a host has `name` and perhaps `address`; \
     a name with `-` is written `services[\"mongodb-proxy\"]`";

/// Whether what stands there was meant as the end of a name, `services.mongodb-proxy`.
fn is_part_of_a_name(source: &str, start: usize) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let before = &source[..start];
    before.ends_with('-') && before.trim_end_matches(word).ends_with('.')
}

/// What a template uses.
struct UsedVariables<'a> {
    known: BTreeMap<String, Value>,
    masks: Masks<'a>,
    unknown: Vec<String>,
}
