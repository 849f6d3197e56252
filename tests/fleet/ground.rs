//! Where a test stands: a cluster of its own on the shared hosts, which is gone when it ends.

use std::collections::BTreeMap;

use crate::containers::{Containers, on_every_host};
use crate::hosts::{FileState, Fleet, Host};
use crate::repo::Repo;
use crate::run::{Ended, Running, start, start_on_terminal};

/// A cluster on the fleet's hosts.
pub struct Ground {
    pub fleet: &'static Fleet,
    pub repo: Repo,
    engine: &'static str,
}

impl Ground {
    /// A cluster without services, on all hosts, as root.
    pub fn new(fleet: &'static Fleet, cluster: &str) -> Self {
        let mut ground = Self::on(fleet, Repo::new(&fleet.operator, cluster));
        ground.repo.set("type", "test");
        ground.repo.set("ssh.user", "root");
        ground
    }

    /// The cluster of a repository, its hosts replaced by ours; what a host has of variables, ours of that name has.
    pub fn on(fleet: &'static Fleet, mut repo: Repo) -> Self {
        let described = repo.cluster.remove("hosts");
        for host in &fleet.hosts {
            let own = described.as_ref().and_then(|hosts| hosts.get(&host.name));
            if let Some(variables) = own.and_then(|own| own.get("vars")) {
                repo.set(&format!("hosts.{}.vars", host.name), variables.clone());
            }
            repo.set(
                &format!("hosts.{}.address", host.name),
                host.address.as_str(),
            );
            repo.set(
                &format!("hosts.{}.host_key", host.name),
                host.host_key.as_str(),
            );
        }
        // What it is about has tests of its own.
        repo.set("rollout.soak", "0s");
        Self {
            fleet,
            repo,
            engine: "docker",
        }
    }

    /// Only these hosts are of the cluster: a release locks all that it has, also those where nothing
    /// changes.
    pub fn only(&mut self, hosts: &[&str]) {
        let table = self.repo.cluster["hosts"].as_table_mut();
        table
            .expect("a table")
            .retain(|host, _| hosts.contains(&host));
    }

    /// The same with podman as the engine.
    pub fn with_podman(mut self) -> Self {
        self.engine = "podman";
        self.repo.set("engine", "podman");
        self
    }

    /// A service of the test image that answers on its port, `app:1.0` if nothing else is said.
    pub fn serve(&mut self, service: &str, port: u16, hosts: &str) {
        let image = format!("{}/app", self.fleet.registry);
        self.repo.set_of(service, "image", image);
        self.repo.set_of(service, "tag", "1.0");
        self.repo.set_of(service, "port", i64::from(port));
        self.repo.set_of(service, "health.http", "/health");
        self.repo.place(service, hosts);
    }

    /// The images `app:1.0` and `app:1.1`.
    pub fn images(&self) {
        self.fleet.image("app:1.0", &[]);
        self.fleet.image("app:1.1", &[]);
    }

    /// A host of the fleet.
    pub fn host(&self, name: &str) -> &'static Host {
        self.fleet.host(name)
    }

    /// Writes the description, and runs bayplan with it.
    pub fn bayplan(&self, arguments: &[&str]) -> Ended {
        self.repo.write();
        self.bayplan_as_written(arguments)
    }

    /// Runs bayplan with the files as they are.
    pub fn bayplan_as_written(&self, arguments: &[&str]) -> Ended {
        start(self.fleet, &self.line(arguments)).ended()
    }

    /// Writes the description, and starts bayplan with it.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.repo.write();
        start(self.fleet, &self.line(arguments))
    }

    /// Writes the description, and starts bayplan with it on a terminal.
    pub fn start_on_terminal(&self, arguments: &[&str]) -> Running {
        self.repo.write();
        start_on_terminal(self.fleet, &self.line(arguments))
    }

    fn line<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let mut line = vec!["-C", self.repo.root()];
        line.extend(arguments);
        line
    }

    /// `bayplan release CLUSTER --yes`
    pub fn release(&self) -> Ended {
        self.bayplan(&["release", &self.repo.name, "--yes"])
    }

    /// `bayplan diff CLUSTER --exit-code`
    pub fn diff(&self) -> Ended {
        self.bayplan(&["diff", &self.repo.name, "--exit-code"])
    }

    /// `bayplan status CLUSTER --by host`
    pub fn status(&self) -> Ended {
        self.bayplan(&["status", &self.repo.name, "--by", "host"])
    }

    /// What runs.
    pub fn containers(&self) -> Containers {
        Containers::seen(self.fleet, &self.repo.name, self.engine)
    }

    /// Releases, and gives what became of the containers.
    #[track_caller]
    pub fn release_changes(&self) -> Vec<String> {
        let before = self.containers();
        self.release().exits(0);
        before.changes(&self.containers())
    }

    /// Everything that it could do is done: a look says so, a release does nothing.
    #[track_caller]
    pub fn is_in_sync(&self) {
        self.diff()
            .exits(0)
            .says(&["No changes.", &self.repo.name, "in sync"]);
        let (containers, files) = (self.containers(), self.files());
        self.release()
            .exits(0)
            .says(&["No changes.", &self.repo.name, "in sync"]);
        assert_eq!(containers.changes(&self.containers()), [""; 0]);
        self.assert_untouched(&files);
        self.status()
            .exits(0)
            .says(&[&self.repo.name, "is in sync"]);
    }

    /// A release of another description would do nothing.
    #[track_caller]
    pub fn is_as_described(&mut self, describe: impl FnOnce(&mut Repo)) {
        let described = self.repo.services.clone();
        describe(&mut self.repo);
        self.diff().exits(0).says(&["No changes."]);
        self.repo.services = described;
    }

    /// Every file of systemd's and of ours on every host.
    pub fn files(&self) -> BTreeMap<String, FileState> {
        let looks = on_every_host(self.fleet, |host| {
            host.files(&["/etc/systemd/system", "/etc/bayplan"])
        });
        looks.into_iter().flatten().collect()
    }

    /// No file changed, appeared or vanished, not even for a moment.
    #[track_caller]
    pub fn assert_untouched(&self, before: &BTreeMap<String, FileState>) {
        let after = self.files();
        let differ = |path: &&String| before.get(*path) != after.get(*path);
        let touched: Vec<_> = before.keys().chain(after.keys()).filter(differ).collect();
        assert!(touched.is_empty(), "touched: {touched:#?}");
    }
}

impl Drop for Ground {
    /// By hand, not by bayplan: it must work after whatever a test left.
    fn drop(&mut self) {
        let cluster = &self.repo.name;
        let script = format!(
            "systemctl start docker.service
            cd /etc/systemd/system
            units=$(grep -lx 'Cluster={cluster}' ./*.service ./*.timer 2>/dev/null | sed 's,^./,,')
            [ -z \"$units\" ] || {{ systemctl stop $units; systemctl disable --quiet $units; rm -f $units; }}
            for engine in docker podman; do
                $engine ps --all --quiet --filter label=bayplan.cluster={cluster} | xargs -r $engine rm -f
                $engine network ls --quiet --filter label=bayplan.cluster={cluster} | xargs -r $engine network rm
            done
            rm -rf /etc/bayplan/{cluster} /var/lib/bayplan/{cluster}
            systemctl daemon-reload
            systemctl reset-failed"
        );
        on_every_host(self.fleet, |host| host.run(&script));
    }
}
