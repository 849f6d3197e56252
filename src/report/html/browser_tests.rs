//! Pages in a real browser. Left out, with a line, where there is no chromium.

#![expect(clippy::print_stdout, reason = "says what is left out")]

use std::path::{Path, PathBuf};
use std::process::Command;

use super::tests::{HOSTILE, page_of_many, pages};

/// What a browser made of a page.
struct Drawn {
    dom: String,
    /// Errors of scripts and refusals of the page's policy.
    console: Vec<String>,
    /// Everything that it asked a network for.
    asked: Vec<String>,
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-headless-shell", "google-chrome"];
    let found = std::env::split_paths(&path).find_map(|directory| {
        let mut programs = names.iter().map(|name| directory.join(name));
        programs.find(|program| program.is_file())
    });
    if found.is_none() {
        println!("left out: there is no chromium");
    }
    found
}

fn draw(chromium: &Path, page: &str) -> Drawn {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("page.html");
    let log = directory.path().join("net.json");
    fs_err::write(&file, page).unwrap();
    let output = Command::new("timeout")
        .arg("120")
        .arg(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-features=NetworkTimeServiceQuerying,OptimizationHints",
            "--enable-logging=stderr",
        ])
        .arg(format!(
            "--user-data-dir={}",
            directory.path().join("data").display()
        ))
        .arg(format!("--log-net-log={}", log.display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let console = stderr.lines().filter(|line| line.contains(":CONSOLE"));
    let log = fs_err::read_to_string(&log).unwrap_or_default();
    let urls = log.split("\"url\":\"").skip(1);
    let urls = urls.filter_map(|rest| rest.split('"').next());
    let urls = urls.filter(|url| !url.starts_with("file:") && !url.starts_with("data:"));
    // What a browser asks its own makers, whatever it shows: the time, dictionaries, updates of itself.
    let makers = [".google.com/", ".googleapis.com/", ".gvt1.com/"];
    let urls = urls.filter(|url| !makers.iter().any(|maker| url.contains(maker)));
    Drawn {
        dom: String::from_utf8_lossy(&output.stdout).into_owned(),
        console: console.map(str::to_owned).collect(),
        asked: urls.map(str::to_owned).collect(),
    }
}

#[test]
fn hostile_names_are_inert_and_nothing_is_asked_for() {
    let Some(chromium) = chromium() else { return };
    let secret = format!("{HOSTILE} text");
    for (name, page) in pages(&secret) {
        let drawn = draw(&chromium, &page);
        assert!(drawn.dom.contains("</table>"), "{name}: {}", drawn.dom);
        assert!(
            !drawn.dom.contains("<script") && !drawn.dom.contains("<img"),
            "{name}"
        );
        assert!(!drawn.dom.contains("<title>owned"), "{name}");
        assert_eq!(drawn.console, [""; 0], "{name}");
        assert_eq!(drawn.asked, [""; 0], "{name}");
    }
}

#[test]
fn a_page_that_asks_would_be_found_out() {
    let Some(chromium) = chromium() else { return };
    let (_, page) = pages("ordinary").remove(0);
    let asking = page.replacen("<main>", "<main><img src=http://evil.test/x>", 1);
    assert!(!draw(&chromium, &asking).console.is_empty());
    let meta = asking.find("<meta http-equiv=\"Content-Security").unwrap();
    let end = meta + asking[meta..].find('>').unwrap();
    let free = format!("{}{}", &asking[..meta], &asking[end + 1..]);
    let asked = draw(&chromium, &free).asked;
    assert!(
        asked.iter().any(|url| url.contains("evil.test")),
        "{asked:?}"
    );
}

#[test]
fn a_thousand_hosts_are_drawn() {
    let Some(chromium) = chromium() else { return };
    let drawn = draw(&chromium, &page_of_many(1000, 20));
    assert!(drawn.dom.contains("docker1000") && drawn.console.is_empty());
}
