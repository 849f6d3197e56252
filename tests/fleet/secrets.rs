//! Secrets on real hosts: they arrive, they restart exactly what uses them, and they are nowhere but
//! where they must be.

#![expect(clippy::unwrap_used, reason = "a failure of a test says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::containers::environment;
use crate::ground::Ground;
use crate::hosts::{FileState, Fleet};
use crate::run::Ended;

/// What is looked for everywhere. Several lines, and what an env file would have to quote.
const PASSWORD: &str = "s3ntinel-password";
pub const KEY: &str =
    "-----BEGIN KEY-----\ns3ntinel-key \"quoted\" \\ $HOME %n\n-----END KEY-----\n";
const SENTINEL: &str = "s3ntinel";

/// The operator's key.
pub fn identity(fleet: &Fleet) {
    let identity = fleet.operator.join(".ssh/id_ed25519");
    if !identity.exists() {
        std::fs::create_dir_all(identity.parent().unwrap()).unwrap();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&identity)
            .status();
        assert!(made.unwrap().success());
    }
}

/// A cluster whose services use secrets.
pub struct Vault {
    pub ground: Ground,
    said: Vec<String>,
}

impl Vault {
    /// Two services that use secrets in each way, and one that uses none.
    pub fn new(fleet: &'static Fleet, cluster: &str, port: u16) -> Self {
        Self::on(Ground::new(fleet, cluster), port)
    }

    fn on(mut ground: Ground, port: u16) -> Self {
        let (fleet, cluster) = (ground.fleet, ground.repo.name.clone());
        ground.images();
        ground.serve("web", port, "docker01 docker02");
        ground.serve("shop", port + 1, "docker01");
        ground.serve("plain", port + 2, "docker01");
        ground.repo.write();
        let mut vault = Self {
            ground,
            said: Vec::new(),
        };
        identity(fleet);
        vault.run(&["secrets", "init", &cluster], "").exits(0);
        vault.set("PASSWORD", PASSWORD);
        vault.set("KEY", KEY);
        vault.set("FILE_KEY", KEY);
        let repo = &mut vault.ground.repo;
        repo.set("vars.URL", "postgres://app:{{ PASSWORD }}@db/app");
        repo.set_of("web", "secrets", vec!["KEY"]);
        repo.set_of("shop", "vars", vec!["URL"]);
        let mut file = toml::Table::new();
        file.insert("name".to_owned(), "FILE_KEY".into());
        file.insert("as".to_owned(), "file".into());
        file.insert("path".to_owned(), "/run/secrets/key.pem".into());
        repo.set_of("shop", "secrets", vec![toml::Value::Table(file)]);
        vault.ground.repo.write();
        vault
    }

    pub fn run(&mut self, arguments: &[&str], input: &str) -> Ended {
        self.ground.repo.write();
        let mut arguments = arguments.to_vec();
        arguments.extend(["-C", self.ground.repo.root()]);
        let mut running = crate::run::start(self.ground.fleet, &arguments);
        running.types(input);
        let ended = running.ended();
        self.said.push(ended.to_string());
        ended
    }

    pub fn set(&mut self, name: &str, value: &str) {
        let cluster = self.ground.repo.name.clone();
        self.run(&["secrets", "set", &cluster, name], value)
            .exits(0);
    }

    /// Releases, and gives what became of the containers.
    fn release_changes(&mut self) -> Vec<String> {
        let before = self.ground.containers();
        let cluster = self.ground.repo.name.clone();
        self.run(&["release", &cluster, "--yes"], "").exits(0);
        before.changes(&self.ground.containers())
    }

    fn path(&self, service: &str, file: &str) -> String {
        format!("/etc/bayplan/{}/{service}/*/{file}", self.ground.repo.name)
    }
}

/// What a container prints of its secrets is in nothing that is shown.
pub fn printed(fleet: &'static Fleet) {
    let mut vault = Vault::new(fleet, "talks", 9831);
    // Values of its own: the hosts' journals keep what a container prints, and other tests search them.
    vault.set("PASSWORD", "pr1nted-password");
    let key = KEY.replace(SENTINEL, "pr1nted");
    vault.set("KEY", &key);
    vault.set("FILE_KEY", &key);
    let one = fleet.host("docker01");
    vault.ground.only(&["docker01"]);
    vault.ground.repo.place("web", "docker01");
    let talks = "echo \"I have $KEY, and $URL\"; head -n 2 /run/secrets/key.pem; exit 1";
    for service in ["web", "shop"] {
        vault
            .ground
            .repo
            .set_of(service, "command", vec!["sh", "-c", talks]);
    }
    let release = ["release", "talks", "--yes"];
    let ended = vault.run(&release, "").exits(5);
    let ended = ended.says(&["I have", "[secret]"]).never_says(&["pr1nted"]);
    assert!(!ended.stderr.contains("BEGIN KEY"), "{ended}");
    let modes = one.sh("stat -c %a /run/bayplan/activate-talks*");
    assert!(modes.lines().all(|mode| mode == "600"), "{modes}");

    vault.ground.repo.set("rollout.journal", false);
    let ended = vault.run(&release, "").exits(5);
    ended
        .says(&["its journal is not shown (`journal = false` in `[rollout]`)"])
        .says(&["journalctl -u talks-"])
        .never_says(&["I have"]);
}

pub fn life(fleet: &'static Fleet) {
    let mut vault = Vault::new(fleet, "vault", 9801);
    let (one, two) = (fleet.host("docker01"), fleet.host("docker02"));
    assert_eq!(
        vault.release_changes(),
        [
            "+ docker01/plain",
            "+ docker01/shop",
            "+ docker01/web",
            "+ docker02/web"
        ]
    );
    for host in [one, two] {
        let variables = environment(host, "docker", "vault-web");
        assert_eq!(variables["KEY"], KEY.as_bytes());
        assert!(!variables.contains_key("PASSWORD"));
    }
    let variables = environment(one, "docker", "vault-shop");
    assert_eq!(variables["URL"], b"postgres://app:s3ntinel-password@db/app");
    assert!(!variables.contains_key("FILE_KEY") && !variables.contains_key("PASSWORD"));
    let file = one.run("docker exec vault-shop cat /run/secrets/key.pem");
    assert_eq!(file.stdout, KEY.as_bytes());
    vault.ground.is_in_sync();
    assert_nowhere_else(&vault);

    // One secret, the services that use it.
    vault.set("PASSWORD", "s3ntinel-other");
    let diff = vault.run(&["diff", "vault", "--exit-code"], "").exits(2);
    let diff = diff.says(&["shop", "restart"]).says(&["URL changed"]);
    assert!(
        !diff.stdout.contains("web") && !diff.stdout.contains("plain"),
        "{diff}"
    );
    for form in ["--diff", "--json"] {
        vault.run(&["diff", "vault", form], "").exits(0);
    }
    assert_eq!(vault.release_changes(), ["~ docker01/shop"]);
    vault.set("FILE_KEY", "s3ntinel-file\nof two lines\n");
    vault
        .run(&["diff", "vault"], "")
        .exits(0)
        .says(&["FILE_KEY changed"]);
    assert_eq!(vault.release_changes(), ["~ docker01/shop"]);
    let file = one.run("docker exec vault-shop cat /run/secrets/key.pem");
    assert_eq!(file.stdout, b"s3ntinel-file\nof two lines\n");
    vault.set("KEY", "s3ntinel-new-key");
    assert_eq!(
        vault.release_changes(),
        ["~ docker01/web", "~ docker02/web"]
    );

    // Back to what ran before: its ciphertexts are on the hosts, so nobody's identity is needed.
    let before = vault.ground.containers();
    let identity = fleet.operator.join(".ssh/id_ed25519");
    let away = fleet.operator.join("away");
    std::fs::rename(&identity, &away).unwrap();
    vault
        .run(&["rollback", "vault", "--yes"], "")
        .exits(0)
        .says(&["web", "restart", "KEY changed"]);
    std::fs::rename(&away, &identity).unwrap();
    let back = vault.ground.containers();
    assert_eq!(before.changes(&back), ["~ docker01/web", "~ docker02/web"]);
    for host in [one, two] {
        let variables = environment(host, "docker", "vault-web");
        assert_eq!(variables["KEY"], KEY.as_bytes());
    }
    assert_eq!(
        vault.release_changes(),
        ["~ docker01/web", "~ docker02/web"]
    );

    // So it is where a release fails.
    fleet.image("app:broken", &["entry=exit"]);
    vault.ground.repo.set_of("web", "tag", "broken");
    vault.set("KEY", "s3ntinel-third-key");
    let before = vault.ground.containers();
    vault.run(&["release", "vault", "--yes"], "").exits(5);
    let after = vault.ground.containers();
    assert_eq!(before.changes(&after), ["~ docker01/web"]);
    let variables = environment(one, "docker", "vault-web");
    assert_eq!(variables["KEY"], b"s3ntinel-new-key");
    vault.ground.repo.set_of("web", "tag", "1.0");
    vault.set("KEY", "s3ntinel-new-key");
    assert_eq!(vault.release_changes(), [""; 0]);

    // Encrypting anew restarts nothing; nor does the release of a service without secrets need them.
    vault
        .run(&["secrets", "rekey", "vault"], "")
        .exits(0)
        .says(&["0 values changed"]);
    vault.ground.is_in_sync();
    vault.ground.repo.set_of("plain", "env.A", "b");
    assert_eq!(vault.release_changes(), ["~ docker01/plain"]);
    vault.ground.repo.set_of("plain", "env.A", "c");
    vault
        .run(&["release", "vault", "plain", "--yes"], "")
        .exits(0);
    vault.ground.is_in_sync();

    // Same bytes, another time: variables are compared with what the engine keeps, files cannot be.
    one.sh("touch /etc/bayplan/vault/*/*/*.env");
    vault.ground.is_in_sync();
    one.sh("touch /etc/bayplan/vault/shop/*/secret-files/FILE_KEY");
    vault
        .run(&["diff", "vault"], "")
        .exits(0)
        .says(&["shop", "may have read an edit"]);
    assert_eq!(vault.release_changes(), ["~ docker01/shop"]);
    vault.ground.is_in_sync();

    // An edit by hand is seen and undone, though nobody can tell what should stand there.
    let edited = vault.path("web", "40-secrets.env");
    two.sh(&format!("sed -i 's/new-key/hacked/' {edited}"));
    vault
        .run(&["diff", "vault"], "")
        .exits(0)
        .says(&["40-secrets.env edited"]);
    assert_eq!(vault.release_changes(), ["~ docker02/web"]);
    assert_eq!(
        environment(two, "docker", "vault-web")["KEY"],
        b"s3ntinel-new-key"
    );
    vault.ground.is_in_sync();

    // It comes and goes like any variable.
    vault
        .ground
        .repo
        .set_of("plain", "secrets", vec!["PASSWORD"]);
    vault
        .run(&["diff", "vault"], "")
        .exits(0)
        .says(&["PASSWORD added"]);
    assert_eq!(vault.release_changes(), ["~ docker01/plain"]);
    vault
        .ground
        .repo
        .services
        .get_mut("plain")
        .unwrap()
        .remove("secrets");
    vault
        .run(&["diff", "vault"], "")
        .exits(0)
        .says(&["PASSWORD removed"]);
    assert_eq!(vault.release_changes(), ["~ docker01/plain"]);
    for command in [
        &["status", "vault"][..],
        &["status", "vault", "--json"],
        &["secrets", "list", "vault"],
        &["render", "vault"],
        &["check"],
    ] {
        vault.run(command, "").exits(0);
    }
    assert_nowhere_else(&vault);
}

/// The same with podman: both forms arrive, and one that changes restarts what uses it.
pub fn podman(fleet: &'static Fleet) {
    let ground = Ground::new(fleet, "podvault").with_podman();
    let mut vault = Vault::on(ground, 9831);
    vault.release_changes();
    let one = fleet.host("docker01");
    let variables = environment(one, "podman", "podvault-web");
    assert_eq!(variables["KEY"], KEY.as_bytes());
    let variables = environment(one, "podman", "podvault-shop");
    assert_eq!(variables["URL"], b"postgres://app:s3ntinel-password@db/app");
    let file = one.run("podman exec podvault-shop cat /run/secrets/key.pem");
    assert_eq!(file.stdout, KEY.as_bytes());
    vault.ground.is_in_sync();
    vault.set("KEY", "s3ntinel-new-key");
    assert_eq!(
        vault.release_changes(),
        ["~ docker01/web", "~ docker02/web"]
    );
    let variables = environment(one, "podman", "podvault-web");
    assert_eq!(variables["KEY"], b"s3ntinel-new-key");
    vault.ground.is_in_sync();
}

/// A host that gets them over the connection keeps them in no other place either.
pub fn plain(fleet: &'static Fleet) {
    let mut vault = Vault::new(fleet, "open", 9811);
    for host in ["docker01", "docker02"] {
        vault
            .ground
            .repo
            .set(&format!("hosts.{host}.secrets"), "plain");
    }
    assert_eq!(
        vault.release_changes(),
        [
            "+ docker01/plain",
            "+ docker01/shop",
            "+ docker01/web",
            "+ docker02/web"
        ]
    );
    let one = fleet.host("docker01");
    assert_eq!(
        environment(one, "docker", "open-web")["KEY"],
        KEY.as_bytes()
    );
    vault.set("PASSWORD", "s3ntinel-other");
    assert_eq!(vault.release_changes(), ["~ docker01/shop"]);
    let edited = vault.path("web", "40-secrets.env");
    one.sh(&format!(
        "for file in {edited}; do echo 'X=1' >>\"$file\"; done"
    ));
    assert_eq!(vault.release_changes(), ["~ docker01/web"]);
    vault.ground.is_in_sync();
    let one = fleet.host("docker01");
    assert_eq!(
        one.sh("find /var/lib/bayplan/open -name '*.age' | wc -l")
            .trim(),
        "0"
    );
    assert_eq!(
        one.sh("find /etc/bayplan/open -name '.secrets-*' | wc -l")
            .trim(),
        "0"
    );
    assert_nowhere_else(&vault);

    // No generation has the values, so there is no way back once a directory is gone: that is found
    // before anything changes.
    vault.set("PASSWORD", "s3ntinel-third");
    assert_eq!(vault.release_changes(), ["~ docker01/shop"]);
    let (containers, files) = (vault.ground.containers(), vault.ground.files());
    vault
        .run(&["rollback", "open", "--yes"], "")
        .exits(1)
        .says(&["docker01", "shop", "secrets"])
        .says(&["nothing was changed on any host"]);
    assert_eq!(containers.changes(&vault.ground.containers()), [""; 0]);
    vault.ground.assert_untouched(&files);
}

/// What stops a release before anything changes, with a clear word.
pub fn refused(fleet: &'static Fleet) {
    let mut vault = Vault::new(fleet, "closed", 9821);
    vault.release_changes();
    let (one, two) = (fleet.host("docker01"), fleet.host("docker02"));
    let before = vault.ground.files();
    let release = &["release", "closed", "--yes"];

    // A host without age.
    vault.set("KEY", "s3ntinel-b");
    two.sh("mv /usr/bin/age /usr/bin/age.away");
    let ended = vault.run(release, "");
    two.sh("mv /usr/bin/age.away /usr/bin/age");
    ended
        .exits(1)
        .says(&["expected `age`"])
        .says(&["apt-get install age"]);
    same_inputs(&vault, &before);

    // A host whose own key is not the pinned one: sshd has the right one, age finds only another.
    two.sh("mkdir /root/keys; mv /etc/ssh/ssh_host_ed25519_key* /root/keys/; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key");
    let ended = vault.run(release, "");
    two.sh("mv -f /root/keys/* /etc/ssh/; rmdir /root/keys");
    ended.exits(1).says(&["cannot open its secrets"]);
    same_inputs(&vault, &before);

    // A ciphertext of the current generation that was cut, and is carried into the next one.
    let sealed = "/var/lib/bayplan/closed/current/inputs/shop/*/40-secrets.env.age";
    one.sh(&format!("cp {sealed} /root/whole; truncate -s -5 {sealed}"));
    let ended = vault.run(&["release", "closed", "web", "--yes"], "");
    one.sh(&format!("cp /root/whole $(echo {sealed}); rm /root/whole"));
    ended
        .exits(1)
        .says(&["40-secrets.env.age is not what it was"]);
    same_inputs(&vault, &before);

    // A value under another's digest.
    let path = Path::new(vault.ground.repo.root()).join("clusters/closed/secrets.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
    let digest = |line: &str| line.split("digest = ").nth(1).unwrap().to_owned();
    let (key, file) = (line("KEY "), line("FILE_KEY "));
    let mixed = key.replace(&digest(key), &digest(file));
    std::fs::write(&path, text.replace(key, &mixed)).unwrap();
    let ended = vault.run(release, "");
    std::fs::write(&path, &text).unwrap();
    ended
        .exits(1)
        .says(&["KEY", "not the one that its digest was made of"]);
    same_inputs(&vault, &before);

    // No identity at all.
    let identity = fleet.operator.join(".ssh/id_ed25519");
    let away = fleet.operator.join(".ssh/away");
    std::fs::rename(&identity, &away).unwrap();
    let ended = vault.run(release, "");
    vault
        .run(&["diff", "closed"], "")
        .exits(0)
        .says(&["KEY changed"]);
    std::fs::rename(&away, &identity).unwrap();
    ended
        .exits(1)
        .says(&["no identity opens the secrets"])
        .says(&["its recipients are olivia"]);
    same_inputs(&vault, &before);

    assert_eq!(
        vault.release_changes(),
        ["~ docker01/web", "~ docker02/web"]
    );
    assert_nowhere_else(&vault);
}

/// Nothing that runs or is read at a start was touched.
fn same_inputs(vault: &Vault, before: &BTreeMap<String, FileState>) {
    let inputs = |files: &BTreeMap<String, FileState>| {
        let names = files.keys().filter(|path| path.contains("/etc/"));
        names.cloned().collect::<BTreeSet<_>>()
    };
    assert_eq!(inputs(before), inputs(&vault.ground.files()));
}

/// The sentinel is in the files of mode 0600 or in a directory of root's alone, and in the containers'
/// own environment; nowhere else.
fn assert_nowhere_else(vault: &Vault) {
    for said in &vault.said {
        assert!(!said.contains(SENTINEL), "bayplan said it: {said}");
    }
    let cluster = &vault.ground.repo.name;
    for host in &vault.ground.fleet.hosts {
        let found = |script: &str| -> Vec<String> {
            let output = host.run(script);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().map(str::to_owned).collect()
        };
        // The disk; docker's own state has the environment of the containers that it runs.
        for file in found(&format!(
            "grep -rlaF {SENTINEL} /etc /var/lib/bayplan /var/log /var/tmp /tmp /run /root /home 2>/dev/null"
        )) {
            assert!(
                file.starts_with("/etc/bayplan/")
                    && (file.ends_with("/40-secrets.env") || file.contains("/secret-files/"))
                    || file.starts_with("/run/docker/")
                    || file.starts_with("/run/containerd/"),
                "{}: {file}",
                host.name
            );
        }
        for line in found(&format!(
            "cd /etc/bayplan/{cluster} 2>/dev/null && find . -name 40-secrets.env -printf '%m %u\\n' -o -name .secrets -printf '%m %u\\n'"
        )) {
            assert_eq!(line, "600 root", "{}", host.name);
        }
        for line in found(&format!(
            "cd /etc/bayplan/{cluster} 2>/dev/null && find . -name .secrets -printf '%h\\n' | xargs -r stat -c '%a %U'"
        )) {
            assert_eq!(line, "700 root", "{}", host.name);
        }
        // The journal, arguments, what systemd tells, labels.
        for script in [
            "journalctl --no-pager -o cat -a",
            "ps -eo args",
            "cat /proc/[0-9]*/cmdline",
            "systemctl show '*'",
            "docker ps -aq | xargs -r docker inspect -f '{{json .Config.Labels}} {{json .Args}} {{json .Config.Cmd}}'",
        ] {
            let output = host.run(script);
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(!text.contains(SENTINEL), "{}: {script}", host.name);
        }
        let environments = host.run(&format!("grep -laF {SENTINEL} /proc/[0-9]*/environ"));
        for path in String::from_utf8_lossy(&environments.stdout).lines() {
            let cmdline = host.run(&format!(
                "tr '\\0' ' ' <{}",
                path.replace("environ", "cmdline")
            ));
            let cmdline = String::from_utf8_lossy(&cmdline.stdout).into_owned();
            // The engine's client that passes them on, and the container.
            assert!(
                cmdline.is_empty()
                    || cmdline.contains("docker run")
                    || cmdline.contains("/entry")
                    || cmdline.contains("/busybox")
                    || cmdline.contains("httpd")
                    || cmdline.contains("sleep"),
                "{}: {path} {cmdline}",
                host.name
            );
        }
    }
    // The operator's own machine, but the values that the test itself typed.
    let found = Command::new("grep")
        .args(["-rlaF", SENTINEL])
        .arg(&vault.ground.fleet.operator)
        .args(["/dev/shm", vault.ground.repo.root()])
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}
