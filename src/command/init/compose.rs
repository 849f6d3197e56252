//! `bayplan init --from-compose`: looks at the disk for the import, and writes what it made.

#![expect(
    clippy::disallowed_methods,
    reason = "reads the project's files and the environment"
)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fs_err as fs;

use super::{KEPT, MadeFiles, NewFile, make};
use crate::cli::Init;
use crate::cluster::name::{ClusterName, VariableName};
use crate::cluster::secret::Plaintext;
use crate::command::description::show;
use crate::command::secrets::recipients_or_own;
use crate::command::{Exit, Failure};
use crate::import::{ComposeInput, FoundFile, FoundPath, HowCarried, Imported, import};
use crate::render::unit_template::BUILT_IN;
use crate::report::palette::Palette;
use crate::report::{description_schema, import as text, init, stream};
use crate::repository::EditMode;
use crate::secret::sealed;

/// The largest file that is read.
const FILE_MAX: u64 = 4 << 20;

/// How many files of a directory are read, and how deep.
const BELOW_MAX: usize = 1000;
const DEPTH_MAX: usize = 7;

/// The most bytes of a directory.
const ALL_MAX: usize = 16 << 20;

pub(super) fn run(directory: Option<&Path>, arguments: &Init) -> Result<Exit, Failure> {
    let at = directory.unwrap_or(Path::new("."));
    let current = fs::canonicalize(at)?;
    let Some(current) = current.to_str() else {
        let error = anyhow::anyhow!("expected a directory with a name in UTF-8");
        return Err(Failure::with_help(error, "rename it"));
    };
    let mut stdin = String::new();
    if arguments.from_compose.iter().any(|file| file == "-") {
        std::io::stdin().lock().read_to_string(&mut stdin)?;
    }
    let imported = imported(arguments, current, &stdin)?;
    let palette = Palette::stdout();
    let not = |one: &&crate::import::ToldLine| one.carried == HowCarried::Not;
    let lost = imported.told.iter().filter(not).count();
    if arguments.strict && lost > 0 {
        stream::stdout(&text::told(&imported.told, &palette))?;
        let what = text::lost_keys(lost);
        return Err(Failure::with_help(
            anyhow::anyhow!("{what}, which --strict does not accept"),
            "nothing was written; change the files of compose, or leave --strict out and see to these lines",
        ));
    }
    let into = directory.unwrap_or(Path::new("")).join(&arguments.into);
    let MadeFiles { paths, .. } = make(&into, files(&imported), |path| {
        KEPT.contains(&path) || path.starts_with("schemas/") || path.starts_with("templates/")
    })?;
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let cluster = imported.cluster.as_str();
    stream::stdout(&init::files(&arguments.into, &paths, &palette))?;
    stream::stdout(&text::told(&imported.told, &palette))?;
    stream::stdout(&text::summary(&imported, lost))?;
    stream::stdout(&init::go_on(&arguments.into, cluster, &palette))?;
    Ok(Exit::Done)
}

fn imported(arguments: &Init, current: &str, stdin: &str) -> Result<Imported, Failure> {
    let failure = std::cell::RefCell::new(None);
    let seal = |cluster: &ClusterName, values: &BTreeMap<VariableName, Plaintext>| {
        let again = || "`bayplan init --from-compose …`".to_owned();
        let recipients = recipients_or_own(&arguments.recipients, again).map_err(|error| {
            *failure.borrow_mut() = Some(error);
            String::new()
        })?;
        let vault = sealed(cluster, &recipients, values).map_err(|error| error.to_string())?;
        Ok(vault.text().into_bytes())
    };
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let input = ComposeInput {
        files: arguments.from_compose.clone(),
        stdin,
        directory: current,
        environment: environment.collect(),
        env_files: arguments.env_files.clone(),
        project: arguments.project.clone(),
        profiles: arguments.profiles.clone(),
        plain_secrets: arguments.plain_secrets,
        read: &look,
        seal: &seal,
    };
    import(&input).map_err(|error| {
        if let Some(mut failure) = failure.borrow_mut().take() {
            if let Some(help) = &mut failure.help {
                help.push_str("; --plain-secrets writes the values as they are");
            }
            return failure;
        }
        let shown = show(
            std::slice::from_ref(&*error.diagnostic),
            &error.sources,
            &Palette::stderr(),
        );
        stream::stderr(&shown);
        Failure::with_help(
            anyhow::anyhow!("nothing was imported"),
            "nothing was written",
        )
    })
}

/// Every file of the repository.
fn files(imported: &Imported) -> Vec<NewFile> {
    let plain = |path: &str, text: String| NewFile {
        path: path.to_owned(),
        bytes: text.into_bytes(),
        mode: EditMode::Plain,
    };
    let readme = include_str!("compose.md").replace("NAME", imported.cluster.as_str());
    let mut files = vec![
        plain("README.md", readme),
        plain(
            ".gitignore",
            "# Saved plans: `bayplan diff CLUSTER -o plan.json`\n/plan.json\n".to_owned(),
        ),
        plain("templates/container.service", BUILT_IN.to_owned()),
        plain("schemas/cluster.schema.json", description_schema::cluster()),
        plain("schemas/service.schema.json", description_schema::service()),
    ];
    files.extend(imported.files.iter().map(|(path, file)| NewFile {
        path: path.clone(),
        bytes: file.bytes.clone(),
        mode: match file.executable {
            true => EditMode::Executable,
            false => EditMode::Plain,
        },
    }));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// What a path of this machine is.
fn look(path: &str) -> FoundPath {
    let path = Path::new(path);
    match fs::metadata(path) {
        Ok(found) if found.is_file() => match read_file(path) {
            Ok((bytes, executable)) => FoundPath::File { bytes, executable },
            Err(why) => FoundPath::Unreadable(why),
        },
        Ok(found) if found.is_dir() => {
            let mut files = Vec::new();
            let read = below(path, "", DEPTH_MAX, &mut files);
            files.sort_by(|a, b| a.name.cmp(&b.name));
            FoundPath::Directory(read.map(|()| files))
        }
        Ok(_) => FoundPath::Unreadable("something that is no file".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => FoundPath::Absent,
        Err(error) => FoundPath::Unreadable(error.to_string()),
    }
}

fn read_file(path: &Path) -> Result<(Vec<u8>, bool), String> {
    let found = fs::metadata(path).map_err(|error| error.to_string())?;
    if !found.is_file() || found.len() > FILE_MAX {
        return Err(format!("expected a file of at most {} MiB", FILE_MAX >> 20));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    Ok((bytes, found.permissions().mode() & 0o100 != 0))
}

/// The files below a directory, or why they cannot be files of a repository.
fn below(
    directory: &Path,
    before: &str,
    depth: usize,
    files: &mut Vec<FoundFile>,
) -> Result<(), String> {
    let entries = fs::read_dir(directory).map_err(|error| error.to_string())?;
    for entry in entries {
        let entry = entry.map_err(|error| error.to_string())?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
            return Err("it has files that a repository leaves out".to_owned());
        };
        if files.len() >= BELOW_MAX || depth == 0 {
            return Err("it has too many files, or too deep ones".to_owned());
        }
        let path = entry.path();
        let name = format!("{before}{name}");
        let kind = fs::metadata(&path).map_err(|error| error.to_string())?;
        if kind.is_dir() {
            below(&path, &format!("{name}/"), depth - 1, files)?;
            continue;
        }
        let (bytes, executable) = read_file(&path)?;
        let all: usize = files.iter().map(|file| file.bytes.len()).sum();
        if all + bytes.len() > ALL_MAX {
            return Err(format!("it has more than {} MiB", ALL_MAX >> 20));
        }
        files.push(FoundFile {
            name,
            bytes,
            executable,
        });
    }
    Ok(())
}
