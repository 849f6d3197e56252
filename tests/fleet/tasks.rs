//! The tasks of a cluster's life, each with the command that docs/operating.md names for it.

use std::path::Path;
use std::process::Command;

use crate::ground::Ground;
use crate::hosts::Fleet;
use crate::run::{Ended, start};
use crate::secrets::identity;

/// A cluster whose operator has all tasks one after the other.
struct Tasks {
    ground: Ground,
}

/// Everything that one does with a cluster, from its first release to the last host that goes.
pub fn life(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "tasks");
    ground.images();
    fleet.image("app:broken", &["entry=exit"]);
    fleet.image("app:sick", &["entry=unhealthy"]);
    ground.serve("web", 9951, "docker01 docker02");
    ground.serve("api", 9952, "docker02");
    ground.serve("mail", 9953, "docker03");
    ground.repo.set_config("vars.LOG_LEVEL", "info");
    for service in ["web", "api"] {
        ground.repo.set_of(service, "vars", vec!["LOG_LEVEL"]);
    }
    identity(fleet);
    let mut tasks = Tasks { ground };
    tasks.run(&["secrets", "init", "tasks"]).exits(0);
    tasks.ground.release().exits(0);
    tasks.versions();
    tasks.services();
    tasks.values();
    tasks.looks();
    tasks.failures();
    tasks.quiet();
    tasks.hosts();
}

impl Tasks {
    /// Runs a command that edits files which no table of the test has, or needs none of them.
    fn run(&self, arguments: &[&str]) -> Ended {
        self.ground.bayplan(arguments)
    }

    /// Two app bumps; back again; one service only.
    fn versions(&mut self) {
        let before = self.ground.containers();
        self.run(&["bump", "tasks", "web=1.1", "api=1.1"])
            .exits(0)
            .says(&["web", "1.0", "1.1"]);
        self.ground
            .bayplan_as_written(&["release", "tasks", "--yes"])
            .exits(0);
        let bumped = self.ground.containers();
        assert_eq!(
            before.changes(&bumped),
            ["~ docker01/web", "~ docker02/api", "~ docker02/web"]
        );
        self.run(&["rollback", "tasks", "--yes"]).exits(0);
        let back = self.ground.containers();
        assert_eq!(bumped.changes(&back).len(), 3);
        self.ground.is_in_sync();

        for service in ["web", "api"] {
            self.ground.repo.set_of(service, "tag", "1.1");
        }
        self.run(&["release", "tasks", "api", "--yes"]).exits(0);
        assert_eq!(back.changes(&self.ground.containers()), ["~ docker02/api"]);
        self.ground.release().exits(0);
    }

    /// Add, move, rename, scale and remove a service.
    fn services(&mut self) {
        self.ground.serve("shop", 9954, "docker01");
        assert_eq!(self.ground.release_changes(), ["+ docker01/shop"]);
        self.ground.repo.place("shop", "docker03");
        assert_eq!(
            self.ground.release_changes(),
            ["- docker01/shop", "+ docker03/shop"]
        );
        self.ground.repo.remove("shop");
        self.ground.serve("store", 9954, "docker03");
        assert_eq!(
            self.ground.release_changes(),
            ["- docker03/shop", "+ docker03/store"]
        );
        self.ground.repo.place("store", "docker01 docker03");
        assert_eq!(self.ground.release_changes(), ["+ docker01/store"]);
        self.ground.repo.remove("store");
        assert_eq!(
            self.ground.release_changes(),
            ["- docker01/store", "- docker03/store"]
        );
    }

    /// A shared variable, a secret, a teammate's key.
    fn values(&mut self) {
        self.ground.repo.set_config("vars.LOG_LEVEL", "debug");
        let readers = ["~ docker01/web", "~ docker02/api", "~ docker02/web"];
        assert_eq!(self.ground.release_changes(), readers);

        self.set_secret("PASSWORD", "s3ntinel-of-tasks");
        self.ground.repo.set_of("mail", "secrets", vec!["PASSWORD"]);
        assert_eq!(self.ground.release_changes(), ["~ docker03/mail"]);

        let teammate = self.ground.fleet.operator.join("teammate");
        if !teammate.exists() {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&teammate)
                .status();
            assert!(made.is_ok_and(|made| made.success()));
        }
        let read = |path: &Path| std::fs::read_to_string(path).expect("it is there");
        let key = read(&teammate.with_extension("pub"));
        let secrets = Path::new(self.ground.repo.root()).join("clusters/tasks/secrets.toml");
        let line = format!("[recipients]\nteammate = \"{}\"", key.trim());
        let described = read(&secrets).replace("[recipients]", &line);
        std::fs::write(&secrets, described).expect("it can be written");
        self.run(&["secrets", "rekey", "tasks"]).exits(0).says(&[
            "encrypted to olivia",
            "teammate",
            "nothing restarts",
        ]);
        assert_eq!(self.ground.release_changes(), [""; 0]);
    }

    fn set_secret(&self, name: &str, value: &str) {
        self.ground.repo.write();
        let root = self.ground.repo.root();
        let line = ["-C", root, "secrets", "set", "tasks", name];
        let mut running = start(self.ground.fleet, &line);
        running.types(value);
        running.ended().exits(0);
    }

    /// Logs of all hosts; why did it restart; a one-off command; what a change would do, without any host.
    fn looks(&mut self) {
        self.run(&["logs", "tasks", "web", "--grep", "Started"])
            .exits(0)
            .says(&["docker01", "Started tasks-web"])
            .says(&["docker02", "Started tasks-web"]);
        self.run(&["history", "tasks"])
            .exits(0)
            .says(&["LOG_LEVEL", "web"]);
        self.run(&["why", "tasks", "web"])
            .exits(0)
            .says(&["LOG_LEVEL", "debug"]);
        self.run(&["run", "tasks", "web", "--", "sh", "-c", "echo once only"])
            .exits(0)
            .says(&["once only"]);

        self.ground.repo.write();
        let root = Path::new(self.ground.repo.root());
        let git = |arguments: &[&str]| {
            let user = [
                "-c",
                "user.name=olivia",
                "-c",
                "user.email=olivia@localhost",
            ];
            let ended = Command::new("git")
                .args(user)
                .args(arguments)
                .current_dir(root)
                .status();
            assert!(ended.is_ok_and(|ended| ended.success()), "{arguments:?}");
        };
        git(&["init", "--quiet", "--initial-branch=main"]);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message=first"]);
        self.ground.repo.set_config("vars.LOG_LEVEL", "trace");
        self.run(&["diff", "tasks", "--against", "main"])
            .exits(0)
            .says(&["LOG_LEVEL", "trace"])
            .never_says(&["mail"]);
        self.ground.repo.set_config("vars.LOG_LEVEL", "debug");
    }

    /// A deploy that fails at once, one that is unhealthy, a bad tag, and a colleague at work.
    fn failures(&mut self) {
        let before = self.ground.containers();
        self.ground.repo.set_of("web", "tag", "broken");
        self.ground.release().exits(5).says(&["exiting at once"]);
        self.ground.repo.set_of("web", "tag", "sick");
        self.ground.repo.set_of("web", "health.timeout", "2s");
        self.ground.release().exits(5).says(&["/health", "404"]);
        self.ground.repo.set_of("web", "tag", "9.9");
        self.ground.release().exits(1).says(&["app:9.9"]);
        self.ground.repo.set_of("web", "tag", "1.1");
        self.ground.repo.set_of("web", "health.timeout", "30s");
        let after = self.ground.containers();
        for same in ["docker02/web", "docker02/api", "docker03/mail"] {
            assert_eq!(before.id(same), after.id(same), "{same}");
        }
        self.ground.release().exits(0);

        self.ground.repo.set_of("mail", "tag", "1.1");
        self.ground.repo.set("rollout.soak", "8s");
        let mut colleague = self.ground.start(&["release", "tasks", "--yes"]);
        colleague.until_it_says("docker03");
        self.run(&["release", "tasks", "--yes"])
            .exits(3)
            .says(&["olivia"]);
        colleague.ended().exits(0);
        self.ground.repo.set("rollout.soak", "0s");
        self.ground.is_in_sync();
    }

    /// A service that is stopped for an hour, one that is started anew, a freeze, a host in maintenance, disk space.
    fn quiet(&mut self) {
        let before = self.ground.containers();
        let stop = [
            "stop", "tasks", "mail", "--for", "1h", "--why", "reindex", "--yes",
        ];
        self.run(&stop).exits(0);
        assert_eq!(
            before.changes(&self.ground.containers()),
            ["- docker03/mail"]
        );
        self.ground.is_in_sync();
        self.run(&["start", "tasks", "mail", "--yes"]).exits(0);
        let before = self.ground.containers();
        self.run(&["restart", "tasks", "api", "--why", "leak", "--yes"])
            .exits(0);
        assert_eq!(
            before.changes(&self.ground.containers()),
            ["~ docker02/api"]
        );

        self.run(&["freeze", "tasks", "--why", "sale"]).exits(0);
        self.ground.repo.set_of("mail", "tag", "1.0");
        self.ground.release().exits(7).says(&["frozen", "sale"]);
        self.run(&["unfreeze", "tasks"]).exits(0);
        self.ground.release().exits(0);

        let before = self.ground.containers();
        self.run(&["drain", "tasks", "docker02", "--yes"])
            .exits(1)
            .says(&["api runs nowhere else than on docker02"])
            .says(&["`--last`"]);
        self.run(&["drain", "tasks", "docker02", "--last", "--yes"])
            .exits(0);
        assert_eq!(
            before.changes(&self.ground.containers()),
            ["- docker02/api", "- docker02/web"]
        );
        self.run(&["undrain", "tasks", "docker02", "--yes"])
            .exits(0);
        self.ground.is_in_sync();
        self.run(&["prune", "tasks", "--yes"]).exits(0);
        self.ground.is_in_sync();
    }

    /// A host that is dead, one that goes for good, and the end of all.
    fn hosts(&mut self) {
        let fleet = self.ground.fleet;
        self.ground.repo.set_of("api", "tag", "1.0");
        fleet.close_connections();
        fleet.cut("docker03");
        let refused = self.ground.release();
        let left_out = self.run(&["release", "tasks", "--yes", "--skip", "docker03"]);
        fleet.heal("docker03");
        refused.exits(1).says(&["docker03", "--skip docker03"]);
        left_out.exits(0).says(&["docker03", "left out"]);

        self.ground.repo.remove("mail");
        self.ground.only(&["docker01", "docker02"]);
        self.run(&["decommission", "tasks", "docker03", "--confirm", "docker03"])
            .exits(0);
        let left: Vec<String> = self.ground.containers().names().into_iter().collect();
        assert_eq!(left, ["docker01/web", "docker02/api", "docker02/web"]);
        self.ground.release().exits(0);
        self.run(&["destroy", "tasks", "--confirm", "tasks"])
            .exits(0);
        assert!(self.ground.containers().names().is_empty());
    }
}
