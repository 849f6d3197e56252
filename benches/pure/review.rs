//! `diff --against REV` in git repositories of its own.

use std::fs;
use std::path::Path;

use bayplan::cluster::BUILT_IN_TEMPLATE;
use tempfile::TempDir;

use super::*;

const CLUSTERS: usize = 50;
const ONE: Duration = Duration::from_millis(100);
const ALL: Duration = Duration::from_secs(2);

/// `diff --against` of peerspace, and of fifty clusters with a hundred services each.
pub fn reviews() -> bool {
    let mut kept = true;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));

    let peerspace = Repo::new();
    peerspace.copy(&root.join("clusters/peerspace"), "clusters/peerspace");
    peerspace.commit();
    peerspace.edit(
        "clusters/peerspace/cluster.toml",
        "10.0.0.226",
        "10.0.0.227",
    );
    peerspace.measure("peerspace", "another address", ONE, &mut kept);

    let fifty = Repo::new();
    fifty.write("templates/container.service", BUILT_IN_TEMPLATE);
    for number in 0..CLUSTERS {
        let name = format!("c{number:02}");
        for (path, text) in cluster(&name) {
            fifty.write(&path, &text);
        }
    }
    fifty.commit();
    for number in 0..CLUSTERS {
        let path = format!("clusters/c{number:02}/cluster.toml");
        fifty.edit(&path, "MONGODB_HOST = \"a\"", "MONGODB_HOST = \"b\"");
    }
    fifty.measure("--all", "a variable restarts all", ALL, &mut kept);
    for number in 0..CLUSTERS {
        let path = format!("clusters/c{number:02}/cluster.toml");
        fifty.edit(&path, "MONGODB_HOST = \"b\"", "MONGODB_HOST = \"a\"");
    }
    let template = "templates/container.service";
    fifty.edit(template, "--pull=never", "--pull=never --init");
    fifty.measure("--all", "a template restarts all", ALL, &mut kept);
    kept
}

/// The files of a cluster of five hosts with a hundred services.
fn cluster(name: &str) -> Vec<(String, String)> {
    let mut text = String::new();
    for host in 0..5 {
        writeln!(text, "[hosts.h{host}]\naddress = \"10.0.0.{}\"", host + 1).expect("a string");
    }
    text += "[place]\n";
    for service in 0..100 {
        writeln!(text, "s{service:03} = \"h{}\"", service % 5).expect("a string");
    }
    text += "[vars]\nMONGODB_HOST = \"a\"\nMONGODB_URL = \"mongodb://{{ MONGODB_HOST }}/prod\"\n\
             EXTERNAL_ADDRESS = \"https://example.com\"\n";
    let mut files = vec![
        (format!("clusters/{name}/cluster.toml"), text),
        (
            format!("clusters/{name}/service-config.toml"),
            "[vars]\nLOG_LEVEL = \"info\"\nLOG_FORMAT = \"json\"\n".to_owned(),
        ),
    ];
    for service in 0..100 {
        let before = if service == 0 { 1 } else { service - 1 };
        let text = format!(
            "image = \"registry.example.com/s{service:03}\"\ntag = \"1.4.2\"\nport = {}\n\
             needs = [\"s{before:03}\"]\nvars = [\"MONGODB_*\", \"EXTERNAL_*\", \"LOG_*\"]\n\
             [env]\nJAVA_OPTS = \"-Xmx512m\"\n[health]\nhttp = \"/health\"\n",
            9000 + service
        );
        files.push((format!("clusters/{name}/services/s{service:03}.toml"), text));
    }
    files
}

/// A git repository in a temporary directory.
struct Repo {
    git: git2::Repository,
    root: TempDir,
}

impl Repo {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("there is room");
        let git = git2::Repository::init(root.path()).expect("there is room");
        Self { git, root }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("it is below")).expect("there is room");
        fs::write(path, text).expect("there is room");
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.root.path().join(path)).expect("it was written");
        assert!(text.contains(from), "{path}");
        self.write(path, &text.replacen(from, to, 1));
    }

    fn copy(&self, from: &Path, to: &str) {
        for entry in fs::read_dir(from).expect("it is there") {
            let entry = entry.expect("it can be listed");
            let to = format!("{to}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                self.copy(&entry.path(), &to);
            } else {
                let text = fs::read_to_string(entry.path()).expect("it is text");
                self.write(&to, &text);
            }
        }
    }

    fn commit(&self) {
        let mut index = self.git.index().expect("it has one");
        let all = git2::IndexAddOption::DEFAULT;
        index.add_all(["."], all, None).expect("files are there");
        index.write().expect("there is room");
        let tree = index.write_tree().expect("there is room");
        let tree = self.git.find_tree(tree).expect("it was just written");
        let who = git2::Signature::now("a", "a@example.com").expect("a plain name");
        self.git
            .commit(Some("HEAD"), &who, &who, "one", &tree, &[])
            .expect("there is room");
    }

    /// Reviews the checkout against its commit, beside reading both sides and parsing their TOML.
    fn measure(&self, which: &str, what: &str, limit: Duration, kept: &mut bool) {
        let (mut ours, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let mut command = Command::new(env!("CARGO_BIN_EXE_bayplan"));
            command.current_dir(self.root.path());
            command.args(["diff", which, "--against", "HEAD"]);
            let command = command.stdout(Stdio::null()).stderr(Stdio::null());
            let (status, took) = timed(|| command.status().expect("it starts"));
            assert!(status.success(), "{which}");
            ours.push(took.as_secs_f64());
            let (_, took) = timed(|| self.floor());
            floors.push(took.as_secs_f64());
        }
        let (took, floor) = (median(&mut ours), median(&mut floors));
        let title = match which {
            "--all" => format!("{CLUSTERS} clusters of 100 services"),
            one => format!("clusters/{one}"),
        };
        println!(
            "| `bayplan diff {which} --against HEAD` of {title}, {what}; both sides read and parsed | {} | {} | {:.1} | {} |",
            milliseconds(took),
            milliseconds(floor),
            took / floor,
            judged(
                took <= limit.as_secs_f64(),
                &format!("{} ms", limit.as_millis()),
                kept
            )
        );
    }

    fn floor(&self) {
        let repository = Repository::find(self.root.path()).expect("it has clusters/");
        let sources = repository.load_all().expect("it was written");
        let parse = |bytes: &[u8]| {
            let text = std::str::from_utf8(bytes).expect("they are UTF-8");
            black_box(toml::from_str::<toml::Table>(text).ok());
        };
        for (path, bytes) in sources.files() {
            if path.ends_with(".toml") {
                parse(bytes);
            }
        }
        let head = self.git.head().and_then(|head| head.peel_to_tree());
        let walk = |_: &str, entry: &git2::TreeEntry<'_>| {
            let blob = entry.to_object(&self.git).and_then(|it| it.peel_to_blob());
            let toml = entry.name().is_ok_and(|name| name.ends_with(".toml"));
            if let (Ok(blob), true) = (blob, toml) {
                parse(blob.content());
            }
            git2::TreeWalkResult::Ok
        };
        let head = head.expect("it has a commit");
        head.walk(git2::TreeWalkMode::PreOrder, walk)
            .expect("it is whole");
    }
}
