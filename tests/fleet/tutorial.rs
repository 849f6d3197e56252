//! docs/tutorial.md, command by command, as it stands, on a bare host.

use std::fs;
use std::path::Path;

use crate::hosts::{Fleet, until};
use crate::run::start;
use crate::secrets::identity;

/// The fenced blocks of a page: what stands behind the fence, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            inside = !inside;
            if inside {
                blocks.push((language.to_owned(), String::new()));
            }
        } else if let Some((_, text)) = blocks.last_mut().filter(|_| inside) {
            *text += line;
            text.push('\n');
        }
    }
    blocks
}

/// What somebody without a terminal adds to a command that asks.
fn answers<'a>(words: &[&'a str], fingerprint: &'a str) -> Vec<&'a str> {
    let answer: &[&str] = match words {
        ["host", "pin", ..] => &["--expect", fingerprint],
        ["host", "prepare", ..] | ["release" | "rollback", ..] => &["--yes"],
        _ => &[],
    };
    words.iter().chain(answer).copied().collect()
}

pub fn followed(fleet: &'static Fleet) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tutorial.md");
    let page = fs::read_to_string(page).expect("it is part of the checkout");
    let host = fleet.host("docker01");
    fleet.image("whoami:v1.10.3", &[]);
    fleet.image("whoami:v1.11.0", &[]);
    identity(fleet);
    let said = host.sh("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    let fingerprint = said.split_whitespace().nth(1).unwrap_or_default();
    let version = || {
        let said = host.run("docker exec production-hello cat /version");
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    };

    let root = tempfile::tempdir_in(&fleet.operator).expect("there is room");
    let repository = root.path().join("fleet");
    let mut commands = 0;
    let mut seen = Vec::new();
    for (language, text) in blocks(&page) {
        let text = text
            .replace("192.0.2.11", &host.address)
            .replace("docker.io/traefik", &fleet.registry);
        match language.as_str() {
            "toml" => {
                let first = text.lines().next().unwrap_or_default();
                let path = repository.join(first.trim_start_matches("# "));
                fs::write(&path, &text).expect("its directory is there");
            }
            "sh" => {
                for file in ["web", "cache"] {
                    let services = repository.join("clusters/production/services");
                    fs::remove_file(services.join(format!("{file}.toml"))).expect("init made it");
                }
                assert_eq!(text, "cd fleet\nrm clusters/production/services/*.toml\n");
            }
            "" => {
                for line in text.lines() {
                    let words: Vec<&str> = line.split(' ').skip(1).collect();
                    let directory = if repository.exists() {
                        &repository
                    } else {
                        root.path()
                    };
                    let mut arguments = vec!["-C", directory.to_str().expect("plain")];
                    arguments.extend(answers(&words, fingerprint));
                    start(fleet, &arguments).ended().exits(0);
                    commands += 1;
                    seen.push(version());
                }
            }
            other => panic!("a block of {other}"),
        }
    }
    assert_eq!(commands, 10, "the page says ten");
    let changes: Vec<&String> = seen.iter().filter(|seen| !seen.is_empty()).collect();
    assert_eq!(
        changes,
        [
            "v1.10.3", "v1.10.3", "v1.10.3", "v1.10.3", "v1.11.0", "v1.10.3"
        ]
    );
    let environment = host.sh("docker exec production-hello env");
    assert!(environment.contains("WHOAMI_NAME=Good morning\n"));
    assert!(environment.contains("WHOAMI_PORT_NUMBER=8080\n"));
    fleet.power_cut("docker01");
    until(
        std::time::Duration::from_secs(60),
        "the container is back",
        || (version() == "v1.10.3").then_some(()),
    );
}
