//! Pages: as files, and served.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::environment::TestEnvironment;

#[test]
fn a_page_is_written_as_a_whole_in_place_of_an_older_one() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/api.toml", "2.0.0", "2.1.0");
    for (line, told) in [
        ("status shop", "✓ in sync"),
        ("diff shop", "api:2.1.0"),
        ("history shop", "✓ done"),
    ] {
        it.write("page.html", "of before");
        let said = it.bayplan(&format!("{line} --html page.html")).succeeds();
        assert_eq!(said.stdout, "Wrote page.html: open it in a browser.\n");
        let page = it.read("page.html");
        assert!(page.contains(told) && page.ends_with("</html>"), "{page}");
        let printed = it.bayplan(&format!("{line} --html -")).succeeds().stdout;
        assert!(printed.contains(told), "{printed}");
    }
    let error = it.bayplan("status shop --html nowhere/page.html").exits(1);
    assert!(
        error.stderr.contains("nowhere/page.html: ") && !error.stderr.contains(".new"),
        "{error}"
    );
    // What is no file stays what it is.
    std::os::unix::fs::symlink("page.html", it.path("link.html")).unwrap();
    for command in ["status shop", "diff shop", "history shop"] {
        let error = it.bayplan(&format!("{command} --html link.html")).exits(1);
        assert!(
            error
                .stderr
                .contains("expected a file to write the page to, found `link.html`"),
            "{error}"
        );
    }
    assert!(it.path("link.html").is_symlink());
}

#[test]
fn the_page_of_a_plan_says_what_to_type_as_its_text_does() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/api.toml", "2.0.0", "2.1.0");
    for (line, next) in [
        ("diff shop", "bayplan release shop"),
        ("diff shop api", "bayplan release shop api"),
        (
            "diff shop -o plan.json",
            "bayplan release shop --plan plan.json",
        ),
    ] {
        let page = it.bayplan(&format!("{line} --html -")).succeeds().stdout;
        let told = format!("next: <code>{next}</code>");
        assert!(page.contains(&told), "{line}: {page}");
    }
    let page = it.bayplan("diff shop web --html -").succeeds().stdout;
    let told = "No changes. web is in sync on shop";
    assert!(page.contains(told) && !page.contains("next:"), "{page}");
}

#[test]
fn what_is_watched_needs_a_terminal() {
    let it = TestEnvironment::released();
    let error = it.bayplan("status shop --watch").exits(64).stderr;
    assert!(
        error.contains("expected a terminal for `--watch`"),
        "{error}"
    );
}

/// A board that runs, and its port.
struct ServedPage {
    process: Child,
    port: u16,
}

impl ServedPage {
    fn start(it: &TestEnvironment) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let listen = format!("127.0.0.1:{port}");
        let mut command = it.command();
        command.args(["board", "shop", "--listen", &listen]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let output = process.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert!(
            line.starts_with(&format!("http://{listen}/ shows shop")),
            "{line}"
        );
        Self { process, port }
    }

    fn ask(&self, method: &str, path: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for ServedPage {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_board_is_for_this_machine_alone_and_to_read() {
    let it = TestEnvironment::released();
    let mut board = ServedPage::start(&it);
    let page = board.ask("GET", "/", "localhost");
    assert!(
        page.starts_with("HTTP/1.1 200 ") && page.contains("✓ in sync"),
        "{page}"
    );
    let head = page.to_lowercase();
    for told in [
        "content-security-policy: default-src 'none'",
        "cache-control: no-store",
        "http-equiv=\"refresh\"",
    ] {
        assert!(head.contains(told), "{told}: {page}");
    }
    let still = board.ask("GET", "/still", "127.0.0.1:7077");
    assert!(!still.contains("http-equiv=\"refresh\""), "{still}");
    for (method, path, host, status) in [
        ("GET", "/", "evil.test", "403"),
        ("GET", "/", "127.0.0.1.evil.test", "403"),
        ("POST", "/", "localhost", "405"),
        ("GET", "/etc/passwd", "localhost", "404"),
    ] {
        let answer = board.ask(method, path, host);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(!answer.contains("in sync"), "{answer}");
    }
    let pid = board.process.id().to_string();
    let told = Command::new("kill").args(["-INT", &pid]).status();
    assert!(told.unwrap().success());
    assert_eq!(board.process.wait().unwrap().code(), Some(130));

    let far = it.bayplan("board shop --listen 0.0.0.0:7077").exits(64);
    assert!(
        far.stderr
            .contains("expected an address of this machine alone"),
        "{far}"
    );
}
