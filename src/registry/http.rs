//! One request, by `curl`.

use std::io::{self, Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::cluster::secret::Plaintext;
use crate::trace;

/// How much of an answer is read.
const LARGEST: u64 = 32 << 20;
/// How many seconds one request may take.
const SECONDS: u32 = 30;

/// What is done.
#[derive(Debug, Clone, Copy)]
pub(super) enum HttpMethod<'a> {
    Head,
    /// With fields behind the URL.
    Get(&'a [(&'a str, &'a str)]),
    /// With fields of a form.
    Post(&'a [(&'a str, &'a str)]),
}

/// How one may talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schemes {
    OnlyTls,
    /// The registry is on this machine, or somebody said that it has no TLS.
    AlsoPlain,
}

impl Schemes {
    /// That of the registry.
    pub(super) fn first(self) -> &'static str {
        match self {
            Self::OnlyTls => "https",
            Self::AlsoPlain => "http",
        }
    }

    /// Whether a URL may be asked.
    pub(super) fn takes(self, url: &str) -> bool {
        url.starts_with("https://") || self == Self::AlsoPlain && url.starts_with("http://")
    }
}

/// A request.
pub(super) struct HttpRequest<'a> {
    pub(super) method: HttpMethod<'a>,
    pub(super) url: &'a str,
    /// `Name: value`
    pub(super) headers: &'a [&'a str],
    /// `Authorization: …`
    pub(super) authorization: Option<&'a Plaintext>,
    pub(super) schemes: Schemes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum HttpError {
    NoCurl(io::Error),
    /// curl's words.
    Failed(String),
    /// What came is no answer, or the request cannot be one.
    Strange(&'static str),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HttpAnswer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl HttpAnswer {
    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// All of this name.
    pub(super) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let headers = self.headers.iter();
        let headers = headers.filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        headers.map(|(_, value)| value.as_str())
    }

    /// Reads what `curl --include` prints: the headers of each answer on the way, then the last one's body.
    fn parse(printed: &[u8]) -> Option<Self> {
        let mut rest = printed;
        loop {
            let (head, body) = split(rest)?;
            let mut lines = head.lines();
            let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
            let headers = lines.filter_map(|line| line.split_once(':'));
            let headers = headers
                .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
                .collect();
            let answer = Self {
                status,
                headers,
                body: body.to_vec(),
            };
            let leads_on = status < 200 || (300..400).contains(&status);
            if !(leads_on && body.starts_with(b"HTTP/")) {
                return Some(answer);
            }
            rest = body;
        }
    }
}

/// What stands before the first empty line, and behind it.
fn split(bytes: &[u8]) -> Option<(String, &[u8])> {
    let mut start = 0;
    while let Some(end) = bytes[start..].iter().position(|b| *b == b'\n') {
        let line = &bytes[start..start + end];
        if line.is_empty() || line == b"\r" {
            let head = String::from_utf8_lossy(&bytes[..start]).into_owned();
            return Some((head, &bytes[start + end + 1..]));
        }
        start += end + 1;
    }
    None
}

impl HttpRequest<'_> {
    /// Sends it. It is on curl's standard input: arguments could be seen by everybody on this machine.
    pub(super) fn send(&self) -> Result<HttpAnswer, HttpError> {
        let config = self
            .config()
            .ok_or(HttpError::Strange("a control character"))?;
        let mut command = Command::new("curl");
        command
            // Not what the user says of other requests.
            .args(["--disable", "--config", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        trace::starts(&command);
        let mut child = command.spawn().map_err(HttpError::NoCurl)?;
        if let Some(mut stdin) = child.stdin.take() {
            // Where it does not read, it says why.
            let _ = stdin.write_all(config.bytes());
        }
        let mut printed = Vec::new();
        if let Some(mut stdout) = child.stdout.take() {
            let _ = stdout.by_ref().take(LARGEST).read_to_end(&mut printed);
            let _ = io::copy(&mut stdout, &mut io::sink());
        }
        let ended = child.wait_with_output().map_err(HttpError::NoCurl)?;
        if !ended.status.success() {
            return Err(HttpError::Failed(words(&ended.stderr)));
        }
        if printed.len() as u64 >= LARGEST {
            return Err(HttpError::Strange("more than 32 MiB"));
        }
        HttpAnswer::parse(&printed).ok_or(HttpError::Strange("something else"))
    }

    /// What curl reads. `None` if it could be read in another way.
    fn config(&self) -> Option<Plaintext> {
        let protocols = match self.schemes {
            Schemes::OnlyTls => "=https",
            Schemes::AlsoPlain => "=http,https",
        };
        let mut config = format!(
            "silent\nshow-error\ninclude\nsuppress-connect-headers\nlocation\nmax-redirs = 5\n\
             connect-timeout = 10\nmax-time = {SECONDS}\nproto = \"{protocols}\"\nproto-redir = \"{protocols}\"\n"
        );
        let mut line = |option: &str, value: &str| {
            let is_plain = !value.contains(char::is_control);
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            config += &format!("{option} = \"{value}\"\n");
            is_plain.then_some(())
        };
        line("url", self.url)?;
        line("user-agent", concat!("bayplan/", env!("CARGO_PKG_VERSION")))?;
        for header in self.headers {
            line("header", header)?;
        }
        if let Some(authorization) = self.authorization {
            line("header", authorization.text()?)?;
        }
        let (option, fields): (_, &[(&str, &str)]) = match self.method {
            HttpMethod::Head => ("head", &[]),
            HttpMethod::Get(fields) => ("get", fields),
            HttpMethod::Post(fields) => ("", fields),
        };
        for (name, value) in fields {
            line("data-urlencode", &format!("{name}={value}"))?;
        }
        config += option;
        config.push('\n');
        Some(Plaintext::new(config.into_bytes()))
    }
}

/// What curl says, in one line and without its own name.
fn words(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().find(|line| !line.trim().is_empty());
    let line = line.unwrap_or("no word of why").trim();
    let line = line.strip_prefix("curl: ").unwrap_or(line);
    match line.split_once(") ") {
        Some((number, words)) if number.starts_with('(') => words.to_owned(),
        Some(_) | None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_counts() {
        let printed = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /b\r\n\r\n\
            HTTP/2 200 \r\nLink: </c>; rel=\"next\"\r\nlink: two\r\n\r\n{\"a\":\n\n1}";
        let answer = HttpAnswer::parse(printed).unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.headers("LINK").collect::<Vec<_>>(),
            ["</c>; rel=\"next\"", "two"]
        );
        assert_eq!(answer.body, b"{\"a\":\n\n1}");
        for odd in ["", "HTTP/1.1 200 OK", "hello\n\n", "HTTP/1.1 yes\n\n"] {
            assert_eq!(HttpAnswer::parse(odd.as_bytes()), None, "{odd}");
        }
        // A body is no answer on the way.
        let printed = b"HTTP/1.1 200 OK\n\nHTTP/1.1 404 No\n\n";
        assert_eq!(HttpAnswer::parse(printed).unwrap().status, 200);
    }

    #[test]
    fn no_value_becomes_another_option() {
        let login = Plaintext::new(b"Authorization: Basic \"x\"".to_vec());
        let request = |url, fields| HttpRequest {
            method: HttpMethod::Post(fields),
            url,
            headers: &["Accept: a"],
            authorization: Some(&login),
            schemes: Schemes::OnlyTls,
        };
        let config = request("https://a/\\\"b", &[("a", "b\"c")])
            .config()
            .unwrap();
        let config = config.text().unwrap();
        assert!(
            config.contains("url = \"https://a/\\\\\\\"b\"\n"),
            "{config}"
        );
        assert!(
            config.contains("data-urlencode = \"a=b\\\"c\"\n"),
            "{config}"
        );
        assert!(config.contains("Basic \\\"x\\\"\"\n"), "{config}");
        assert!(request("https://a\noutput = x", &[]).config().is_none());
        assert!(request("https://a", &[("a", "\n")]).config().is_none());
    }

    #[test]
    fn a_login_goes_by_tls_only_unless_somebody_said_so() {
        assert!(Schemes::OnlyTls.takes("https://a/token"));
        assert!(!Schemes::OnlyTls.takes("http://a/token"));
        assert!(Schemes::AlsoPlain.takes("http://a/token"));
        assert!(!Schemes::AlsoPlain.takes("file:///etc/passwd"));
    }

    #[test]
    fn curl_is_heard_in_its_own_words() {
        assert_eq!(
            words(b"curl: (6) Could not resolve host: a\n"),
            "Could not resolve host: a"
        );
        assert_eq!(words(b""), "no word of why");
    }
}
