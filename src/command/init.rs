//! `bayplan init [DIR]`.

#![expect(
    clippy::disallowed_methods,
    reason = "makes a directory, and looks at what is in it"
)]

mod compose;

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::bump::not_written;
use super::{Exit, Failure};
use crate::cli::Init;
use crate::render::unit_template::BUILT_IN;
use crate::report::palette::Palette;
use crate::report::{description_schema, errors, init as text, stream};
use crate::repository::{Edit, EditMode, Repository};

/// What may be there already, and stays then.
const KEPT: [&str; 2] = ["README.md", ".gitignore"];

/// Every file, by its path in the repository.
fn files() -> Vec<(&'static str, String)> {
    let (web, cache) = (
        include_str!("init/web.toml"),
        include_str!("init/cache.toml"),
    );
    let config = include_str!("init/service-config.toml");
    let mut files = vec![
        ("README.md", include_str!("init/README.md").to_owned()),
        (".gitignore", include_str!("init/gitignore").to_owned()),
        (
            "clusters/local/cluster.toml",
            include_str!("init/local.toml").to_owned(),
        ),
        (
            "clusters/production/cluster.toml",
            include_str!("init/production.toml").to_owned(),
        ),
        ("templates/container.service", BUILT_IN.to_owned()),
        ("schemas/cluster.schema.json", description_schema::cluster()),
        ("schemas/service.schema.json", description_schema::service()),
        (
            "schemas/service-config.schema.json",
            description_schema::service_config(),
        ),
    ];
    for (path, text) in [
        ("clusters/local/service-config.toml", config),
        ("clusters/local/services/cache.toml", cache),
        ("clusters/local/services/web.toml", web),
        ("clusters/production/service-config.toml", config),
        ("clusters/production/services/cache.toml", cache),
        ("clusters/production/services/web.toml", web),
    ] {
        files.push((path, text.to_owned()));
    }
    files.sort();
    files
}

pub(super) fn run(directory: Option<&Path>, arguments: &Init) -> Result<Exit, Failure> {
    if !arguments.from_compose.is_empty() {
        return compose::run(directory, arguments);
    }
    let into = directory.unwrap_or(Path::new("")).join(&arguments.into);
    let new = files().into_iter().map(|(path, text)| NewFile {
        path: path.to_owned(),
        bytes: text.into_bytes(),
        mode: EditMode::Plain,
    });
    let MadeFiles { paths, kept } = make(&into, new.collect(), |path| KEPT.contains(&path))?;
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    stream::stdout(&text::text(&arguments.into, &paths, &Palette::stdout()))?;
    for path in kept {
        let note = format!(
            "{path} was there and stays as it is{}",
            text::missing(&path)
        );
        stream::aside(&errors::note(&note, &Palette::stderr()));
    }
    Ok(Exit::Done)
}

/// A file that is to be made.
struct NewFile {
    path: String,
    bytes: Vec<u8>,
    mode: EditMode,
}

/// What was made.
struct MadeFiles {
    /// The files that are new.
    paths: Vec<String>,
    /// Those that were there and stay.
    kept: Vec<String>,
}

/// Makes all files, or none: what is in the way is an error, unless it is one of those that stay.
fn make(
    into: &Path,
    files: Vec<NewFile>,
    stays: impl Fn(&str) -> bool,
) -> Result<MadeFiles, Failure> {
    let is_there = |path: &str| into.join(path).symlink_metadata().is_ok();
    let (files, present): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| !is_there(&file.path));
    let (kept, in_the_way): (Vec<String>, Vec<String>) = present
        .into_iter()
        .map(|file| file.path)
        .partition(|path| stays(path));
    if !in_the_way.is_empty() {
        let place = match into {
            here if here == Path::new(".") => "this directory".to_owned(),
            other => other.display().to_string(),
        };
        let there = format!(
            "expected a place for new files in {place}, found:\n{}",
            in_the_way.join("\n")
        );
        return Err(Failure::with_help(
            anyhow::anyhow!(there),
            "nothing was written; `bayplan init DIR` makes another directory",
        ));
    }
    let made = make_directories(into)?;
    let edits: Vec<Edit> = files
        .into_iter()
        .map(|file| Edit {
            path: file.path,
            before: None,
            after: Some(file.bytes),
            mode: file.mode,
        })
        .collect();
    let written = Repository::new(into).map_err(super::description::not_loaded)?;
    if let Err(error) = written.write_all(&edits) {
        for directory in made.iter().rev() {
            // It is empty again, or somebody else put something there.
            let _ = fs::remove_dir(directory);
        }
        return Err(not_written(error));
    }
    Ok(MadeFiles {
        paths: edits.into_iter().map(|edit| edit.path).collect(),
        kept,
    })
}

/// Makes a directory and those above it; those that were not there, the outermost first.
fn make_directories(into: &Path) -> Result<Vec<PathBuf>, Failure> {
    let missing = into
        .ancestors()
        .take_while(|at| !at.as_os_str().is_empty() && at.symlink_metadata().is_err());
    let mut missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
    missing.reverse();
    for directory in &missing {
        fs::create_dir(directory)?;
    }
    Ok(missing)
}
