//! Writes the drafts, checks what they make, and takes out what is refused.

use std::collections::BTreeMap;

use super::cluster;
use super::draft::{Draft, Section, Toml};
use super::told::ToldLines;
use super::variables::SharedVariables;
use super::written::{self, Located};
use super::{ComposeInput, RepositoryFile};
use crate::cluster::diagnostic::{Diagnostic, Level, Place};
use crate::cluster::name::ClusterName;
use crate::cluster::{Sources, check};

/// By the path of a service's file: which draft it is, and where its lines are.
type Places = BTreeMap<String, (usize, Vec<Located>)>;

/// Everything that is to be written.
pub(super) struct Draftable<'a> {
    /// Values of secrets, which no line may show.
    pub hidden: Vec<String>,
    pub cluster: &'a ClusterName,
    pub drafts: Vec<Draft>,
    pub files: BTreeMap<String, RepositoryFile>,
    pub sealed: Option<Vec<u8>>,
    pub networks: Vec<(String, Toml)>,
    pub defaults: Vec<(String, Toml)>,
    pub shared: SharedVariables,
    pub input: &'a ComposeInput<'a>,
}

/// How often a line is taken out before the import gives up.
const ROUNDS: usize = 40;

impl Draftable<'_> {
    /// Writes it, checks it, and takes out what is refused, until nothing is.
    pub(super) fn settle(
        &mut self,
        told: &mut ToldLines,
    ) -> Result<BTreeMap<String, RepositoryFile>, Diagnostic> {
        let mut last = None;
        for _ in 0..ROUNDS {
            let (files, places) = self.write();
            let mut sources = Sources::new();
            for (path, file) in &files {
                match path.ends_with(".toml") && path.matches('/').count() <= 3 {
                    true => sources.insert(path.as_str(), file.bytes.clone()),
                    false => sources.insert_exact(path.as_str(), file.bytes.clone()),
                }
            }
            let found = check(self.cluster.as_str(), &sources).diagnostics;
            let errors: Vec<Diagnostic> = found
                .into_iter()
                .filter(|one| one.level == Level::Error)
                .collect();
            if errors.is_empty() {
                return Ok(files);
            }
            let mut taken_out = false;
            for error in errors {
                taken_out |= self.take_out(&error, &places, told);
                last = Some(error);
            }
            if !taken_out {
                break;
            }
        }
        let error = last.unwrap_or_else(|| {
            Diagnostic::error("the result is not accepted", Place::file("-", ""))
        });
        let service = self.drafts.iter().find(|draft| {
            error
                .place
                .path
                .ends_with(&format!("/services/{}.toml", draft.name))
        });
        let place = match service {
            Some(draft) => draft.spot.label("of this service"),
            None => Place::file(self.input.files.first().map_or("-", String::as_str), ""),
        };
        Err(Diagnostic::error(
            format!("what it would become is refused: {}", error.title),
            place,
        )
        .with_help_if(error.help))
    }

    /// Takes the line out that is refused; whether there was one.
    fn take_out(&mut self, error: &Diagnostic, places: &Places, told: &mut ToldLines) -> bool {
        let related = error.related.iter();
        for place in std::iter::once(&error.place).chain(related) {
            let Some((at, located)) = places.get(&place.path) else {
                continue;
            };
            let Some(span) = &place.span else { continue };
            let inside =
                |one: &&Located| one.range.start <= span.start && span.start < one.range.end;
            let Some(found) = located.iter().find(inside) else {
                continue;
            };
            if ["image", "from"].contains(&found.key.as_str()) {
                continue;
            }
            let draft = &mut self.drafts[*at];
            let name = draft.called.clone();
            let lines = draft.section_mut(found.section);
            let Some(index) = lines.iter().position(|line| line.key == found.key) else {
                continue;
            };
            let line = &mut lines[index];
            let spot = found
                .item
                .and_then(|item| line.spots.get(item))
                .unwrap_or(&line.spot)
                .clone();
            match (&mut line.value, found.item) {
                (Toml::List(items), Some(item)) if items.len() > 1 && item < items.len() => {
                    items.remove(item);
                    if item < line.spots.len() {
                        line.spots.remove(item);
                    }
                }
                _ => {
                    lines.remove(index);
                }
            }
            let heading = match found.section {
                Section::Fields => String::new(),
                Section::Env | Section::Files | Section::Health => {
                    format!("{}.", found.section.heading())
                }
            };
            let key = format!("services.{name}, as `{heading}{}`", found.key);
            let help = error
                .help
                .as_ref()
                .map(|help| format!("; {help}"))
                .unwrap_or_default();
            let mut why = format!("{}{help}", error.title);
            // What is shorter would hide parts of words.
            for value in self.hidden.iter().filter(|value| value.len() >= 4) {
                why = why.replace(value.as_str(), "[secret]");
            }
            told.not(&spot, &key, why);
            return true;
        }
        false
    }

    /// All files, and where the lines of services are in them.
    fn write(&self) -> (BTreeMap<String, RepositoryFile>, Places) {
        let below = format!("clusters/{}", self.cluster);
        let plain = |text: String| RepositoryFile {
            bytes: text.into_bytes(),
            executable: false,
        };
        let mut files = BTreeMap::new();
        let mut places = BTreeMap::new();
        for (at, draft) in self.drafts.iter().enumerate() {
            let head = "#:schema ../../../schemas/service.schema.json\n";
            let (text, located) = written::service(draft, head);
            let path = format!("{below}/services/{}.toml", draft.name);
            places.insert(path.clone(), (at, located));
            files.insert(path, plain(text));
        }
        for (path, file) in &self.files {
            files.insert(format!("{below}/services/{path}"), file.clone());
        }
        let services: Vec<&str> = self
            .drafts
            .iter()
            .map(|draft| draft.name.as_str())
            .collect();
        let text = cluster::ClusterText {
            files: &self.input.files,
            networks: &self.networks,
            defaults: &self.defaults,
            services: &services,
            shared: &self.shared,
        };
        files.insert(format!("{below}/cluster.toml"), plain(text.text()));
        if let Some(sealed) = &self.sealed {
            let file = RepositoryFile {
                bytes: sealed.clone(),
                executable: false,
            };
            files.insert(format!("{below}/secrets.toml"), file);
        }
        (files, places)
    }
}
