//! `bayplan local`, with an engine that keeps its containers as files and starts nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

use crate::environment::TestEnvironment;

/// An engine that knows what bayplan asks of one.
pub const ENGINE: &str = include_str!("local/engine.sh");

const CLUSTER: &str = r#"[hosts.docker01]
address = "10.0.0.1"
[hosts.docker02]
address = "10.0.0.2"
[place]
web = ["docker01", "docker02"]
db = "docker02"
migrate = "docker01"
[vars]
GREETING = "hello"
DB_URL = "tcp://{{ DB_HOST }}:{{ DB_PORT }}"
"#;

struct Local {
    it: TestEnvironment,
}

impl Local {
    fn new() -> Self {
        let it = TestEnvironment::new();
        it.program("docker", ENGINE);
        it.write("clusters/shop/cluster.toml", CLUSTER);
        let service = |name: &str, text: &str| {
            it.write(&format!("clusters/shop/services/{name}.toml"), text);
        };
        service(
            "web",
            "image = \"web\"\ntag = \"1\"\nport = 8080\nneeds = [\"db\"]\nafter = [\"migrate\"]\nvars = [\"GREETING\", \"DB_URL\"]\nmemory = \"1g\"\n[env]\nNASTY = \"two\\nlines\"\n[files]\n\"/etc/app.conf\" = \"app.conf\"\n",
        );
        it.write("clusters/shop/services/web/app.conf", "a file\n");
        service(
            "db",
            "image = \"db\"\ntag = \"1\"\nport = 5432\nvolumes = [\"data:/data\"]\n",
        );
        service(
            "migrate",
            "from = \"db\"\nonce = \"image\"\ncommand = [\"migrate\"]\n",
        );
        Self { it }
    }

    /// What the engine was asked to run since the last time, by the services.
    fn ran(&self) -> BTreeSet<String> {
        let path = self.it.beside("home/.engine/ran");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        text.lines().map(str::to_owned).collect()
    }

    fn up(&self) -> BTreeSet<String> {
        self.it.bayplan("local up").succeeds();
        self.ran()
    }

    /// From now on the engine waits with one of its commands while the file is there that this gives.
    fn slow(&self, command: &str) -> PathBuf {
        let case = format!("\n{command})");
        let waits = format!("{case} while [ -e \"$HOME/slow\" ]; do sleep 0.05; done;");
        let slow = ENGINE.replace(&case, &waits);
        assert_ne!(slow, ENGINE);
        self.it.program("docker", &slow);
        let gate = self.it.beside("home/slow");
        fs::write(&gate, "").unwrap();
        gate
    }

    /// Begins a command, and what it says.
    fn begin(&self, words: &str) -> (Child, BufReader<ChildStderr>) {
        let mut command = self.it.command();
        command.args(words.split_whitespace());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        (child, said)
    }

    /// What is kept of a container.
    fn kept(&self, service: &str, what: &str) -> String {
        let path = self
            .it
            .beside(&format!("home/.engine/local.repository.{service}/{what}"));
        fs::read_to_string(path).unwrap()
    }

    fn state(&self) -> PathBuf {
        self.it.beside("home/.local/state/bayplan/local/repository")
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn exactly_what_changed_starts_again_here() {
    let local = Local::new();
    let edit = |path: &str, from: &str, to: &str| {
        local.it.edit(&format!("clusters/shop/{path}"), from, to);
    };
    assert_eq!(local.up(), set(&["db", "migrate", "web"]));
    assert_eq!(local.up(), set(&[]));
    edit("cluster.toml", "hello", "ahoy");
    assert_eq!(local.up(), set(&["web"]));
    edit("services/web/app.conf", "a file", "another file");
    assert_eq!(local.up(), set(&["web"]));
    // What means the same is the same.
    edit("services/web.toml", "1g", "1024m");
    assert_eq!(local.up(), set(&[]));
    edit("cluster.toml", "10.0.0.2", "10.0.0.3");
    assert_eq!(local.up(), set(&[]));
    // The job has the image of the database.
    edit("services/db.toml", "tag = \"1\"", "tag = \"2\"");
    assert_eq!(local.up(), set(&["db", "migrate"]));
    edit("cluster.toml", "web = [", "# web = [");
    local.it.bayplan("local up").succeeds();
    assert_eq!(local.ran(), set(&[]));
    let seen = local.it.bayplan("local status").succeeds();
    assert!(
        !seen.stdout.contains("web") && seen.stdout.contains("db"),
        "{seen}"
    );
}

#[test]
fn a_container_here_gets_what_it_gets_on_a_host() {
    let local = Local::new();
    local.up();
    let arguments = local.kept("web", "arguments");
    let inputs = fs::read_dir(local.state().join("inputs/web")).unwrap();
    let inputs = inputs
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_dir())
        .unwrap();
    for expected in [
        "--network local.repository",
        "--network-alias web",
        "--memory 1g",
        "--restart unless-stopped",
        "-e GREETING",
        &format!(
            "source={}/files/etc/app.conf,target=/etc/app.conf,readonly",
            inputs.display()
        ),
    ] {
        assert!(
            arguments.contains(expected),
            "{expected} is not in {arguments}"
        );
    }
    // Values are in no argument.
    assert!(!arguments.contains("hello"), "{arguments}");
    let environment = local.kept("web", "environment");
    for expected in [
        "GREETING=hello",
        "DB_URL=tcp://db:5432",
        "APP_PORT=8080",
        "NASTY=two\nlines",
    ] {
        assert!(
            environment.contains(expected),
            "{expected} is not in {environment}"
        );
    }
    let db = local.kept("db", "arguments");
    assert!(db.contains("--volume local.repository.data:/data"), "{db}");
    assert!(db.contains("--publish 127.0.0.1:"), "{db}");
    assert_eq!(
        fs::read_to_string(inputs.join("files/etc/app.conf")).unwrap(),
        "a file\n"
    );
}

#[test]
fn the_way_up_and_down_is_told() {
    let local = Local::new();
    let up = local.it.bayplan("local up").succeeds();
    for expected in [
        "db starts: new here",
        "migrate done after",
        "web runs after",
        "is up: 3 changes",
    ] {
        assert!(up.stderr.contains(expected), "{expected} is not in {up}");
    }
    let again = local.it.bayplan("local up").succeeds();
    assert!(again.stderr.contains("is up to date"), "{again}");
    local.it.edit("clusters/shop/cluster.toml", "hello", "ahoy");
    let edited = local.it.bayplan("local up").succeeds();
    assert!(edited.stderr.contains("GREETING: hello → ahoy"), "{edited}");
    let down = local.it.bayplan("local down").succeeds();
    assert!(down.stderr.contains("web removed"), "{down}");
    let nothing = local.it.bayplan("local status").succeeds();
    assert!(nothing.stdout.contains("nothing runs"), "{nothing}");
    // The job has run, and the volume it filled is there.
    local.ran();
    assert_eq!(local.up(), set(&["db", "web"]));
    local.it.bayplan("local down --volumes").succeeds();
    assert!(!local.state().exists());
    local.it.bayplan("local status").exits(1);
    local.ran();
    assert_eq!(local.up(), set(&["db", "migrate", "web"]));
}

#[test]
fn what_runs_here_is_told_to_programs() {
    let local = Local::new();
    local.up();
    let json = |words: &str| -> Value {
        let shown = local.it.bayplan(words).succeeds();
        serde_json::from_str(&shown.stdout).unwrap()
    };
    let seen = json("local status --json");
    assert_eq!(seen["version"], 1);
    assert_eq!(seen["cluster"], "shop");
    assert_eq!(seen["engine"], "docker");
    let of = |field: &str| -> Vec<Value> {
        let services = seen["services"].as_array().unwrap();
        services.iter().map(|it| it[field].clone()).collect()
    };
    assert_eq!(of("service"), ["db", "migrate", "web"]);
    let kinds: Vec<Value> = of("state").iter().map(|it| it["kind"].clone()).collect();
    assert_eq!(kinds, ["running", "job_done", "running"]);
    assert_eq!(of("version")[0], "1");
    assert_eq!(of("since")[0], "2026-11-27T09:00:00Z");
    // The text has the same ports.
    let text = local.it.bayplan("local status").succeeds().stdout;
    let at = &of("ports")[2][0]["at"];
    assert!(text.contains(&format!(":{at}")), "{at} is not in {text}");
    local.it.bayplan("local down").succeeds();
    assert_eq!(
        json("local status --json")["services"],
        serde_json::json!([])
    );
    local.it.bayplan("local down --volumes").succeeds();
    let unknown = local.it.bayplan("local status --json").exits(1);
    assert_eq!(unknown.stdout, "");
}

#[test]
fn what_fails_here_is_told_and_holds_up_who_needs_it() {
    let local = Local::new();
    local.it.edit(
        "clusters/shop/services/db.toml",
        "tag = \"1\"",
        "tag = \"broken\"",
    );
    let up = local.it.bayplan("local up").exits(1);
    for expected in [
        "error: db: it ended with 3",
        "the last words",
        "web not started: ",
        "not as it should be",
    ] {
        assert!(up.stderr.contains(expected), "{expected} is not in {up}");
    }
    local
        .it
        .edit("clusters/shop/services/db.toml", "broken", "absent");
    let up = local.it.bayplan("local up").exits(1);
    assert!(
        up.stderr.contains("its image db:absent is not here"),
        "{up}"
    );
    local
        .it
        .edit("clusters/shop/services/db.toml", "absent", "1");
    local.it.bayplan("local up").succeeds();
    let unknown = local.it.bayplan("local up wbe").exits(1);
    assert!(unknown.stderr.contains("did you mean `web`?"), "{unknown}");
    let none = local.it.bayplan("local status --name other").exits(1);
    assert!(none.stderr.contains("expected a cluster `other`"), "{none}");
}

#[test]
fn a_process_outside_gets_what_the_container_would() {
    let local = Local::new();
    local.up();
    let env = local.it.bayplan("local env web").succeeds();
    for line in [
        "GREETING=hello",
        "DB_HOST=127.0.0.1",
        "APP_PORT=8080",
        "NASTY=\"two\\nlines\"",
    ] {
        assert!(
            env.stdout.lines().any(|found| found == line),
            "{line} is not in {env}"
        );
    }
    assert!(!env.stdout.contains("IMAGE="), "{env}");
    let port = env
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("DB_PORT="))
        .unwrap();
    let status = local.it.bayplan("local status").succeeds();
    assert!(
        status.stdout.contains(&format!("127.0.0.1:{port}")),
        "{status}"
    );
    let export = local.it.bayplan("local env web --export").succeeds();
    assert!(
        export.stdout.contains("export NASTY='two\nlines'\n"),
        "{export}"
    );

    // The others are pointed at it.
    local.ran();
    local.it.bayplan("local up --process db").succeeds();
    assert_eq!(local.ran(), set(&["web"]));
    assert!(
        local
            .kept("web", "environment")
            .contains("DB_HOST=host.docker.internal\n")
    );
    let env = local.it.bayplan("local env web").succeeds();
    assert!(env.stdout.contains("DB_HOST=127.0.0.1\n"), "{env}");
    assert_eq!(local.up(), set(&["db", "web"]));
}

#[test]
fn the_rest_is_found_in_another_cluster() {
    let local = Local::new();
    for path in [
        "cluster.toml",
        "services/web.toml",
        "services/db.toml",
        "services/migrate.toml",
        "services/web/app.conf",
    ] {
        let text = local.it.read(&format!("clusters/shop/{path}"));
        local.it.write(
            &format!("clusters/integration/{path}"),
            text.replace("10.0.0.", "10.9.9."),
        );
    }
    local
        .it
        .bayplan("local up web --from shop --rest integration")
        .succeeds();
    assert_eq!(local.ran(), set(&["web"]));
    let environment = local.kept("web", "environment");
    assert!(
        environment.contains("DB_URL=tcp://10.9.9.2:5432\n"),
        "{environment}"
    );
    local.it.edit(
        "clusters/integration/cluster.toml",
        "db = \"docker02\"",
        "db = \"docker01\"",
    );
    local
        .it
        .bayplan("local up web --from shop --rest integration")
        .succeeds();
    assert!(
        local
            .kept("web", "environment")
            .contains("DB_URL=tcp://10.9.9.1:5432\n")
    );
    // Without it all of it is here.
    local.ran();
    local.it.bayplan("local up web --from shop").succeeds();
    assert_eq!(local.ran(), set(&["db", "migrate", "web"]));
    local.it.bayplan("local up --rest integration").exits(64);
}

#[test]
fn what_containers_here_say_and_run_is_passed_on() {
    let local = Local::new();
    local.up();
    let logs = local.it.bayplan("local logs").succeeds();
    assert!(
        logs.stdout.contains("web") && logs.stdout.contains("the last words of"),
        "{logs}"
    );
    let one = local.it.bayplan("local logs db -n 5").succeeds();
    assert!(!one.stdout.contains("web"), "{one}");
    local.it.bayplan("local exec web -- true").succeeds();
    let asked = fs::read_to_string(local.it.beside("home/.engine/asked")).unwrap();
    assert!(
        asked.contains("exec -i local.repository.web true"),
        "{asked}"
    );
    let none = local.it.bayplan("local exec wbe").exits(1);
    assert!(none.stderr.contains("did you mean `web`?"), "{none}");
}

#[test]
fn what_starts_while_down_waits_goes_too() {
    let local = Local::new();
    local.up();
    local.it.bayplan("local down").succeeds();
    // An `up` that takes its time: it has the lock, and no container yet.
    let gate = local.slow("run");
    let (mut up, mut said) = local.begin("local up db");
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("db starts"), "{line}");
    let (mut down, mut told) = local.begin("local down --volumes");
    line.clear();
    told.read_line(&mut line).unwrap();
    assert!(line.contains("waiting for it"), "{line}");
    fs::remove_file(&gate).unwrap();
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(up.wait().unwrap().success() && down.wait().unwrap().success());
    assert!(rest.contains("db removed"), "{rest}");
    assert!(!local.it.beside("home/.engine/local.repository.db").exists());
}

#[test]
fn who_waits_for_a_lock_that_is_removed_takes_the_new_one() {
    let local = Local::new();
    local.up();
    let gate = local.slow("rm");
    let (mut down, _) = local.begin("local down --volumes");
    let lock = local.state().join("lock");
    let holds = || {
        Command::new("flock")
            .arg("-n")
            .arg(&lock)
            .arg("true")
            .status()
            .unwrap()
    };
    while holds().success() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let (mut up, mut told) = local.begin("local up");
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.contains("waiting for it"), "{line}");
    fs::remove_file(&gate).unwrap();
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(up.wait().unwrap().success() && down.wait().unwrap().success());
    assert!(local.state().join("cluster.json").is_file(), "{rest}");
}

#[test]
fn the_logs_of_a_container_go_on_when_it_starts_again() {
    let local = Local::new();
    local.up();
    // The engine ends what it tells with the container; the next time it is asked for what came since.
    let asked = r#"
logs)
  echo "$*" >>"$HOME/asked"
  case " $* " in
  *" --since "*) [ -e "$HOME/again" ] || echo "$(date -u +%FT%T.%NZ) it is back"; touch "$HOME/again" ;;
  *) echo "$(date -u +%FT%T.%NZ) it goes" ;;
  esac
  exit 0 ;;
"#;
    let engine = ENGINE.replace("\nlogs)", &format!("{asked}never)"));
    assert!(engine.contains("it is back"));
    local.it.program("docker", &engine);
    let mut command = local.it.command();
    command.args(["local", "logs", "-f", "web"]);
    let mut logs = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(logs.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().ends_with("it goes"));
    assert!(next().ends_with("it is back"));
    logs.kill().unwrap();
    logs.wait().unwrap();
    let asked = fs::read_to_string(local.it.beside("home/asked")).unwrap();
    let since: Vec<&str> = asked
        .lines()
        .filter(|line| line.contains("--since"))
        .collect();
    assert!(since[0].contains("--follow --since 20"), "{asked}");
}
