//! What `bump` asks registries: a registry of this test, on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use insta::assert_snapshot;

use crate::environment::{Output, TestEnvironment};

const WEB: &str = "clusters/shop/services/web.toml";
const API: &str = "clusters/shop/services/api.toml";
const PASSWORD: &str = "sentinel-password";
const TOKEN: &str = "sentinel-token";

/// How a registry wants to know who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nobody,
    ForPassword,
    ForToken,
}

/// What a registry has, and how it answers.
#[derive(Clone)]
struct Kept {
    /// Tags of each repository, by its name.
    tags: BTreeMap<&'static str, Vec<&'static str>>,
    asks: Asks,
    /// Whether digests are in headers.
    tells_digests: bool,
}

/// A registry that runs until it is dropped.
struct TestRegistry {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
    server: Option<JoinHandle<()>>,
}

impl TestRegistry {
    fn of(kept: Kept) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::default();
        let (told, name) = (Arc::clone(&requests), address.clone());
        let server = thread::spawn(move || {
            for stream in listener.incoming() {
                if !serve(&stream.unwrap(), &kept, &name, &told) {
                    return;
                }
            }
        });
        Self {
            address,
            requests,
            server: Some(server),
        }
    }

    /// What was asked since the last call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(b"END / HTTP/1.1\r\n\r\n").unwrap();
        self.server.take().unwrap().join().unwrap();
    }
}

/// Answers one request; `false` if it was the last one.
fn serve(stream: &TcpStream, kept: &Kept, name: &str, told: &Mutex<Vec<String>>) -> bool {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 || line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let mut headers = head.iter().filter_map(|line| line.split_once(": "));
        headers.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    };
    let mut body = vec![0; header("content-length").map_or(0, |it| it.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let words: Vec<&str> = head[0].split(' ').collect();
    if words[0] == "END" {
        return false;
    }
    let asked = format!("{} {}", words[0], words[1]);
    told.lock().unwrap().push(asked);
    let (head, body) = answer(words[1], header("authorization"), kept, name);
    let body = if words[0] == "HEAD" { "" } else { &body };
    let length = body.len();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    true
}

/// Status and headers, and what follows them.
fn answer(path: &str, authorization: Option<&str>, kept: &Kept, name: &str) -> (String, String) {
    // `ada:sentinel-password`
    let password = "Basic YWRhOnNlbnRpbmVsLXBhc3N3b3Jk";
    if path.starts_with("/token?") {
        let scope = path.contains("scope=repository%3aweb%3apull")
            || path.contains("scope=repository%3Aweb%3Apull");
        return match authorization == Some(password) && scope && path.contains("service=test") {
            true => ("200 OK".to_owned(), format!("{{\"token\": \"{TOKEN}\"}}")),
            false => ("401 Unauthorized".to_owned(), String::new()),
        };
    }
    let (wanted, challenge) = match kept.asks {
        Asks::Nobody => (None, String::new()),
        Asks::ForPassword => (Some(password.to_owned()), "Basic realm=\"test\"".to_owned()),
        Asks::ForToken => (
            Some(format!("Bearer {TOKEN}")),
            format!(
                "Bearer realm=\"http://{name}/token\",service=\"test\",scope=\"repository:web:pull\""
            ),
        ),
    };
    if wanted.is_some() && wanted.as_deref() != authorization {
        let head = format!("401 Unauthorized\r\nWWW-Authenticate: {challenge}");
        return (head, String::new());
    }
    let below = path.strip_prefix("/v2/").unwrap_or_default();
    let (repository, rest) = below.split_once('/').unwrap_or_default();
    let Some(tags) = kept.tags.get(repository) else {
        return ("404 Not Found".to_owned(), "{}".to_owned());
    };
    if let Some(tag) = rest.strip_prefix("manifests/") {
        let known = tags.iter().find(|it| **it == tag || digest(it) == tag);
        return match known {
            None => ("404 Not Found".to_owned(), "{}".to_owned()),
            Some(tag) if kept.tells_digests => {
                let head = format!("200 OK\r\nDocker-Content-Digest: {}", digest(tag));
                (head, manifest(tag))
            }
            Some(tag) => ("200 OK".to_owned(), manifest(tag)),
        };
    }
    // Two of them on a page.
    let last = rest.split_once("last=").map(|(_, last)| last);
    let start = last.map_or(0, |last| {
        tags.iter().position(|it| *it == last).unwrap() + 1
    });
    let page = &tags[start..tags.len().min(start + 2)];
    let body = serde_json::json!({ "name": repository, "tags": page }).to_string();
    match page.last() {
        Some(last) if start + 2 < tags.len() => {
            let next = format!("</v2/{repository}/tags/list?n=2&last={last}>; rel=\"next\"");
            (format!("200 OK\r\nLink: {next}"), body)
        }
        Some(_) | None => ("200 OK".to_owned(), body),
    }
}

fn manifest(tag: &str) -> String {
    format!("{{\"of\": \"{tag}\"}}")
}

/// The digest of the manifest of a tag.
fn digest(tag: &str) -> String {
    format!(
        "sha256:{}",
        bayplan::cluster::digest::Digest::of(manifest(tag))
    )
}

fn kept() -> Kept {
    let web = vec![
        "latest",
        "1.4.2",
        "1.4.10",
        "1.4.3",
        "1.5.0",
        "2.0.0-rc1",
        "1.4.1",
    ];
    Kept {
        tags: [("web", web), ("api", vec!["2.0.0", "1.9.0"])].into(),
        asks: Asks::Nobody,
        tells_digests: true,
    }
}

/// The cluster `shop`, whose `web` and `api` are in a registry.
fn shop(address: &str) -> TestEnvironment {
    let it = TestEnvironment::shop();
    for path in [WEB, API, "clusters/shop/services/db.toml"] {
        it.edit(path, "registry.example.com", address);
    }
    it
}

/// What was said, without the port of the registry.
fn said(output: &Output, address: &str) -> String {
    output.to_string().replace(address, "REGISTRY")
}

#[test]
fn a_version_that_no_registry_has_is_not_written() {
    let registry = TestRegistry::of(kept());
    let it = shop(&registry.address);
    let before = it.tree("clusters");
    let refused = it.bayplan("bump shop web=1.6.0 api=2.1.0").exits(1);
    assert_snapshot!(said(&refused, &registry.address), @"
    ------- stderr -------
    error: expected a tag `2.1.0` of REGISTRY/api in its registry, found none
    help: `bayplan bump shop --list api` shows newer ones; `--offline` writes it without asking
    error: expected a tag `1.6.0` of REGISTRY/web in its registry, found none
    help: `bayplan bump shop --list web` shows newer ones; `--offline` writes it without asking
    nothing was written
    [exit code: 1]
    ");
    assert_eq!(it.tree("clusters"), before);
    registry.asked();
    it.bayplan("bump shop web=1.5.0").succeeds();
    assert!(it.read(WEB).contains("\"1.5.0\""));
    // Nothing is pulled for that.
    assert_eq!(registry.asked(), ["HEAD /v2/web/manifests/1.5.0"]);
    // What is written already asks nobody, and neither does what cannot be written.
    it.bayplan("bump shop web=1.5.0").succeeds();
    it.bayplan("bump shop nobody=1").exits(1);
    it.bayplan("bump shop web=1.6.0 --offline").succeeds();
    assert_eq!(registry.asked(), Vec::<String>::new());
}

#[test]
fn services_with_one_version_and_two_images_need_both() {
    let registry = TestRegistry::of(kept());
    let it = shop(&registry.address);
    let image = format!("from = \"web\"\nimage = \"{}/worker\"\n", registry.address);
    it.write("clusters/shop/services/worker.toml", image);
    it.edit(
        "clusters/shop/cluster.toml",
        "api = \"beta\"",
        "api = \"beta\"\nworker = \"alpha\"",
    );
    for more in ["", " --digest"] {
        let refused = it.bayplan(&format!("bump shop web=1.5.0{more}")).exits(1);
        assert!(
            refused
                .stderr
                .contains("/worker in its registry, found none"),
            "{refused}"
        );
        assert!(it.read(WEB).contains("\"1.4.2\""));
    }
}

#[test]
fn a_registry_that_does_not_answer_is_told_with_how_to_go_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let it = shop(&address);
    let before = it.tree("clusters");
    let refused = it.bayplan("bump shop web=1.5.0").exits(1);
    assert!(
        refused
            .stderr
            .contains(&format!("error: {address} cannot be asked: ")),
        "{refused}"
    );
    assert!(
        refused
            .stderr
            .contains("`--offline` writes it without asking"),
        "{refused}"
    );
    assert_eq!(it.tree("clusters"), before);
    let mut command = it.command();
    command.env("PATH", it.beside("bin"));
    let refused = it.run(command.args(["bump", "shop", "web=1.5.0"])).exits(1);
    assert!(
        refused.stderr.contains("expected `curl` on this machine"),
        "{refused}"
    );
    // A pin needs the answer.
    let refused = it.bayplan("bump shop web=1.5.0 --digest").exits(1);
    assert!(!refused.stderr.contains("--offline"), "{refused}");
    it.bayplan("bump shop web=1.5.0 --digest --offline")
        .exits(64);
    it.bayplan("bump shop web=1.5.0 --offline").succeeds();
    assert!(it.read(WEB).contains("\"1.5.0\""));
}

#[test]
fn a_digest_is_what_the_tag_means_now() {
    for tells_digests in [true, false] {
        let registry = TestRegistry::of(Kept {
            tells_digests,
            ..kept()
        });
        let it = shop(&registry.address);
        let text = it.read(WEB);
        it.bayplan("bump shop web=1.5.0 --digest").succeeds();
        let pinned = format!("1.5.0@{}", digest("1.5.0"));
        assert_eq!(it.read(WEB), text.replace("1.4.2", &pinned));
        // A pin stays one.
        let refused = it.bayplan("bump shop web=1.4.10").exits(1);
        assert!(
            refused.stderr.contains("`--digest` looks it up"),
            "{refused}"
        );
        let digest_alone = format!("digest = \"{}\"", digest("1.4.2"));
        it.write(WEB, text.replace("tag   = \"1.4.2\"", &digest_alone));
        let refused = it.bayplan("bump shop web=1.5.0").exits(1);
        assert!(
            refused.stderr.contains("`--digest` looks it up"),
            "{refused}"
        );
        it.bayplan("bump shop web=1.5.0 --digest").succeeds();
        assert!(
            it.read(WEB)
                .contains(&format!("digest = \"{}\"", digest("1.5.0")))
        );
        // What somebody pinned by hand is looked up as it is.
        let absent = format!("sha256:{}", "0a".repeat(32));
        let refused = it.bayplan(&format!("bump shop web={absent}")).exits(1);
        assert!(
            refused
                .stderr
                .contains("expected an image `sha256:0a0a0a0a0a0a` of"),
            "{refused}"
        );
        it.bayplan(&format!("bump shop web={}", digest("1.4.3")))
            .succeeds();
    }
}

#[test]
fn a_login_is_used_and_not_shown() {
    for asks in [Asks::ForPassword, Asks::ForToken] {
        let registry = TestRegistry::of(Kept { asks, ..kept() });
        let it = shop(&registry.address);
        let refused = it.bayplan("bump shop web=1.5.0").exits(1);
        let help = format!("`docker login {}`", registry.address);
        assert!(refused.stderr.contains(&help), "{refused}");
        let login = |auth: &str| {
            fs::create_dir_all(it.beside("home/.docker")).unwrap();
            let text = format!(
                "{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}",
                registry.address
            );
            fs::write(it.beside("home/.docker/config.json"), text).unwrap();
        };
        login("YWRhOndyb25n");
        let refused = it.bayplan("bump shop web=1.5.0").exits(1);
        assert!(
            refused.stderr.contains("it needs another login"),
            "{refused}"
        );
        login("c2VudGluZWw=");
        let refused = it.bayplan("bump shop web=1.5.0").exits(1);
        assert!(
            refused
                .stderr
                .contains("config.json: expected a name and a password"),
            "{refused}"
        );
        assert!(!refused.stderr.contains("sentinel"), "{refused}");
        login("YWRhOnNlbnRpbmVsLXBhc3N3b3Jk");
        let done = it
            .bayplan("-v bump shop web=1.5.0 --digest")
            .succeeds()
            .to_string();
        assert!(done.contains("+ curl --disable --config -\n"), "{done}");
        assert!(!done.contains(PASSWORD) && !done.contains(TOKEN), "{done}");
        let listed = it.bayplan("-v bump shop --list web").succeeds().to_string();
        assert!(
            !listed.contains(PASSWORD) && !listed.contains(TOKEN),
            "{listed}"
        );
    }
}

#[test]
fn newer_versions_are_listed_and_nothing_is_written() {
    let registry = TestRegistry::of(kept());
    let it = shop(&registry.address);
    it.edit("clusters/shop/services/db.toml", "\"17.1\"", "\"latest\"");
    let before = it.tree("clusters");
    let listed = it.bayplan("bump shop --list").succeeds();
    assert_snapshot!(said(&listed, &registry.address), @"
    SERVICE  NOW     NEWER
    api      2.0.0   none
    db       latest  unknown: that tag is no version
    web      1.4.2   1.5.0, 1.4.10, 1.4.3
    next: bayplan bump shop web=1.5.0
    ");
    let asked: BTreeSet<String> = registry.asked().into_iter().collect();
    let first = |image: &str| format!("GET /v2/{image}/tags/list?n=1000");
    // Page after page, and of what can be compared.
    assert_eq!(asked.len(), 5, "{asked:?}");
    assert!(
        asked.contains(&first("web")) && asked.contains(&first("api")),
        "{asked:?}"
    );
    it.edit(
        WEB,
        "\"1.4.2\"",
        &format!("\"1.4.10@{}\"", digest("1.4.10")),
    );
    let listed = it.bayplan("bump shop --list web").succeeds();
    assert!(
        listed
            .stdout
            .ends_with("next: bayplan bump shop web=1.5.0 --digest\n"),
        "{listed}"
    );
    assert!(!listed.stdout.contains("api"), "{listed}");
    it.edit(WEB, &format!("1.4.10@{}", digest("1.4.10")), "1.4.2");
    assert_eq!(it.tree("clusters"), before);
    // One that does not answer does not hide the others.
    it.edit(API, &registry.address, "127.0.0.1:1");
    let listed = it.bayplan("bump shop --list").exits(1);
    assert!(
        listed
            .stdout
            .contains("2.0.0   unknown: the registry does not say"),
        "{listed}"
    );
    assert!(listed.stdout.contains("1.5.0, 1.4.10"), "{listed}");
    assert!(
        listed.stderr.contains("127.0.0.1:1 cannot be asked"),
        "{listed}"
    );
}

#[test]
fn what_cannot_be_listed_is_told() {
    let registry = TestRegistry::of(kept());
    let it = shop(&registry.address);
    for (words, code, told) in [
        ("bump shop --list wbe", 1, "did you mean `web`?"),
        (
            "bump shop --list web=1",
            64,
            "expected services alone beside `--list`",
        ),
        ("bump shop --list --digest", 64, "--digest"),
        ("bump shop --list db", 1, "has no image db"),
        ("bump shop web", 64, "`--list web` shows newer ones"),
    ] {
        let output = it.bayplan(words).exits(code);
        assert!(output.stderr.contains(told), "{words}: {output}");
    }
}

#[test]
fn a_release_looks_a_bump_up_first() {
    let registry = TestRegistry::of(kept());
    let it = shop(&registry.address);
    let refused = it.bayplan("release shop --yes --bump web=1.6.0").exits(1);
    assert!(refused.stderr.contains("nothing was written"), "{refused}");
    assert!(!it.path("hosts/alpha/etc/bayplan").exists());
    it.bayplan("release shop --yes --bump web=1.5.0 --digest")
        .succeeds();
    let unit = format!("{}/50-web.env", it.inputs("alpha", "web"));
    assert!(
        it.read(&unit)
            .contains(&format!("/web@{}", digest("1.5.0"))),
        "{}",
        it.read(&unit)
    );
    it.bayplan("release shop --yes --bump web=1.6.0@sha256:00 --offline")
        .exits(64);
    for option in ["--digest", "--offline", "--commit"] {
        let alone = it
            .bayplan(&format!("release shop --yes {option}"))
            .exits(64);
        assert!(
            alone.stderr.contains(&format!("beside `{option}`")),
            "{alone}"
        );
    }
}
