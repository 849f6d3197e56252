//! A config repository in a directory of its own, written from tables that a test changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use toml::{Table, Value};

/// A config repository with one cluster.
pub struct Repo {
    root: TempDir,
    pub name: String,
    /// `cluster.toml`
    pub cluster: Table,
    /// `service-config.toml`
    pub config: Table,
    /// `services/*.toml`
    pub services: BTreeMap<String, Table>,
    /// Files of services, by path below `services`.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// `templates/container.service`; the built-in one without.
    pub template: Option<String>,
}

impl Repo {
    /// An empty cluster, in a directory below this one.
    pub fn new(below: &Path, name: &str) -> Self {
        Self {
            root: tempfile::Builder::new()
                .prefix("repo.")
                .tempdir_in(below)
                .expect("there is room in the temporary directory"),
            name: name.to_owned(),
            cluster: Table::new(),
            config: Table::new(),
            services: BTreeMap::new(),
            files: BTreeMap::new(),
            template: None,
        }
    }

    /// A copy of the example `clusters/NAME` of this checkout.
    pub fn example(below: &Path, name: &str) -> Self {
        let mut repo = Self::new(below, name);
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("clusters")
            .join(name);
        repo.cluster = read(&from.join("cluster.toml"));
        repo.config = read(&from.join("service-config.toml"));
        for entry in fs::read_dir(from.join("services")).expect("the example has services") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                repo.take_files(&from.join("services"), &path);
                continue;
            }
            let service = path
                .file_stem()
                .expect("it has a name")
                .to_string_lossy()
                .into_owned();
            repo.services.insert(service, read(&path));
        }
        repo
    }

    fn take_files(&mut self, services: &Path, directory: &Path) {
        for entry in fs::read_dir(directory).expect("it is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                self.take_files(services, &path);
                continue;
            }
            let below = path.strip_prefix(services).expect("it is below");
            let bytes = fs::read(&path).expect("it can be read");
            self.files.insert(below.to_owned(), bytes);
        }
    }

    /// The directory for `-C`.
    pub fn root(&self) -> &str {
        self.root.path().to_str().expect("mktemp makes plain names")
    }

    /// Sets a value of `cluster.toml`: `vars.MONGODB_HOST_01`.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        put(&mut self.cluster, key, value.into());
    }

    /// Sets a value of `service-config.toml`: `vars.LOG_LEVEL`.
    pub fn set_config(&mut self, key: &str, value: impl Into<Value>) {
        put(&mut self.config, key, value.into());
    }

    /// Sets a value of a service: `env.JAVA_OPTS`.
    pub fn set_of(&mut self, service: &str, key: &str, value: impl Into<Value>) {
        put(
            self.services.entry(service.to_owned()).or_default(),
            key,
            value.into(),
        );
    }

    /// Takes a value of a service away, which is there.
    pub fn unset_of(&mut self, service: &str, key: &str) {
        let table = self.services.get_mut(service).expect("it is described");
        let (table, key) = match key.rsplit_once('.') {
            Some((path, key)) => (table[path].as_table_mut().expect("a table"), key),
            None => (table, key),
        };
        table.remove(key).expect("it is there");
    }

    /// Places a service on hosts, separated by blanks.
    pub fn place(&mut self, service: &str, hosts: &str) {
        let hosts: Vec<&str> = hosts.split_whitespace().collect();
        self.set(&format!("place.{service}"), hosts);
    }

    /// Where a service is placed.
    pub fn placed(&self, service: &str) -> Vec<String> {
        let text = |value: &Value| value.as_str().expect("a host is a name").to_owned();
        match self
            .cluster
            .get("place")
            .and_then(|place| place.get(service))
        {
            Some(Value::Array(hosts)) => hosts.iter().map(text).collect(),
            Some(host) => vec![text(host)],
            None => Vec::new(),
        }
    }

    /// Takes a service out of the description.
    pub fn remove(&mut self, service: &str) {
        self.services.remove(service);
        if let Some(Value::Table(place)) = self.cluster.get_mut("place") {
            place.remove(service);
        }
    }

    /// Writes every file anew.
    pub fn write(&self) {
        let cluster = self.root.path().join("clusters").join(&self.name);
        let services = cluster.join("services");
        let _ = fs::remove_dir_all(&services);
        fs::create_dir_all(&services).expect("there is room");
        write(&cluster.join("cluster.toml"), &self.cluster.to_string());
        write(
            &cluster.join("service-config.toml"),
            &self.config.to_string(),
        );
        for (name, service) in &self.services {
            write(&services.join(format!("{name}.toml")), &service.to_string());
        }
        for (path, bytes) in &self.files {
            let path = services.join(path);
            fs::create_dir_all(path.parent().expect("it is below")).expect("there is room");
            fs::write(path, bytes).expect("there is room");
        }
        if let Some(template) = &self.template {
            let templates = self.root.path().join("templates");
            fs::create_dir_all(&templates).expect("there is room");
            write(&templates.join("container.service"), template);
        }
    }

    /// Puts a line before the first one of a written file of the cluster: `services/web.toml`.
    pub fn prepend(&self, path: &str, line: &str) {
        let path = self
            .root
            .path()
            .join("clusters")
            .join(&self.name)
            .join(path);
        let text = fs::read_to_string(&path).expect("it was written");
        write(&path, &format!("{line}\n{text}"));
    }
}

fn put(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            let entry = table.entry(first).or_insert_with(|| Table::new().into());
            let below = entry.as_table_mut().expect("the path leads through tables");
            put(below, rest, value);
        }
    }
}

fn read(path: &Path) -> Table {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
