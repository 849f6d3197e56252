//! The login for a registry, as `docker login` or `podman login` left it.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::image_home::{ImageHome, NAMES_OF_DOCKER_HUB};
use crate::cluster::DOCKER_HUB;
use crate::cluster::secret::Plaintext;
use crate::trace;

/// Who asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Login {
    Password {
        user: String,
        password: Plaintext,
    },
    /// A token for which another one is given.
    Identity(Plaintext),
}

/// How credential helpers call a user whose password is a token.
const TOKEN: &str = "<token>";
/// How docker calls its own registry where it keeps logins.
const SERVER_OF_DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A name and a password in a header.
pub(super) fn basic(user: &str, password: &Plaintext) -> Plaintext {
    let pair = [user.as_bytes(), b":", password.bytes()].concat();
    let pair = Plaintext::new(pair);
    let header = format!("Authorization: Basic {}", STANDARD.encode(pair.bytes()));
    Plaintext::new(header.into_bytes())
}

/// The first login that is found for where an image is; `None` if there is none.
///
/// # Errors
/// A file or a program that should have it does not say it: which one, and never what is in it.
pub(super) fn login(image: &ImageHome) -> Result<Option<Login>, String> {
    for path in files() {
        let text = match fs_err::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.to_string()),
        };
        let stored = StoredLogins::parse(&text)
            .map_err(|line| format!("{}:{line}: expected logins in JSON", path.display()))?;
        let found = stored.login(image, helper);
        let found = found.map_err(|why| format!("{}: {why}", path.display()))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Where logins are: docker's, then podman's.
fn files() -> Vec<PathBuf> {
    let of = |name: &str| {
        env::var_os(name)
            .filter(|it| !it.is_empty())
            .map(PathBuf::from)
    };
    let below = |directory: &Option<PathBuf>, path: &str| {
        directory
            .as_deref()
            .map(|directory: &Path| directory.join(path))
    };
    let home = of("HOME");
    let docker = match of("DOCKER_CONFIG") {
        Some(directory) => Some(directory.join("config.json")),
        None => below(&home, ".docker/config.json"),
    };
    let files = [
        docker,
        of("REGISTRY_AUTH_FILE"),
        below(&of("XDG_RUNTIME_DIR"), "containers/auth.json"),
        below(&home, ".config/containers/auth.json"),
    ];
    files.into_iter().flatten().collect()
}

/// The file of logins, of which only these are read.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct StoredLogins {
    auths: Option<BTreeMap<String, Option<StoredLogin>>>,
    /// The helper for all registries.
    creds_store: Option<String>,
    /// The helpers for some.
    cred_helpers: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StoredLogin {
    /// A name and a password, in base64.
    auth: Option<String>,
    identitytoken: Option<String>,
}

impl StoredLogins {
    /// The line that is wrong, where it is no such file. The parser's own words may have a password.
    fn parse(text: &[u8]) -> Result<Self, usize> {
        serde_json::from_slice(text).map_err(|error| error.line())
    }

    fn login(
        &self,
        image: &ImageHome,
        helper: impl Fn(&str, &str) -> Result<Option<Login>, String>,
    ) -> Result<Option<Login>, String> {
        let helpers = self.cred_helpers.iter().flatten();
        let mut helpers = helpers.filter(|(server, _)| covers(server, image).is_some());
        let own = helpers.next().map(|(_, name)| name);
        let store = own
            .or(self.creds_store.as_ref())
            .filter(|it| !it.is_empty());
        if let Some(store) = store {
            let server = match image.registry() {
                DOCKER_HUB => SERVER_OF_DOCKER_HUB,
                other => other,
            };
            if let Some(login) = helper(store, server)? {
                return Ok(Some(login));
            }
        }
        let stored = self.auths.iter().flatten();
        let stored =
            stored.filter_map(|(server, login)| Some((covers(server, image)?, login.as_ref()?)));
        // podman has logins for parts of a registry: the nearest counts.
        let nearest = stored.max_by_key(|(length, _)| *length);
        nearest.map_or(Ok(None), |(_, login)| login.login())
    }
}

impl StoredLogin {
    fn login(&self) -> Result<Option<Login>, String> {
        if let Some(token) = self.identitytoken.as_ref().filter(|it| !it.is_empty()) {
            let token = Plaintext::new(token.clone().into_bytes());
            return Ok(Some(Login::Identity(token)));
        }
        let Some(auth) = self.auth.as_ref().filter(|it| !it.is_empty()) else {
            return Ok(None);
        };
        let odd = || "expected a name and a password in `auth`, found something else".to_owned();
        let pair = STANDARD.decode(auth.trim()).map_err(|_| odd())?;
        let pair = Plaintext::new(pair);
        let text = pair.text().ok_or_else(odd)?;
        let (user, password) = text.split_once(':').ok_or_else(odd)?;
        // docker ends some with NUL.
        let password = password.trim_end_matches('\0');
        Ok(Some(Login::Password {
            user: user.to_owned(),
            password: Plaintext::new(password.as_bytes().to_vec()),
        }))
    }
}

/// How much of an image's place a server's name says; `None` if it is another place.
fn covers(server: &str, image: &ImageHome) -> Option<usize> {
    let name = server.split_once("://").map_or(server, |(_, name)| name);
    let name = name.trim_end_matches('/');
    let name = ["/v1", "/v2"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    let name = match NAMES_OF_DOCKER_HUB.contains(&name) {
        true => DOCKER_HUB,
        false => name,
    };
    let place = format!("{}/{}/", image.registry(), image.repository());
    place.starts_with(&format!("{name}/")).then_some(name.len())
}

/// What a helper prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperLogin {
    username: String,
    secret: String,
}

/// Asks `docker-credential-NAME`.
fn helper(name: &str, server: &str) -> Result<Option<Login>, String> {
    let program = format!("docker-credential-{name}");
    let mut command = Command::new(&program);
    command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    trace::starts(&command);
    let failed = |error: io::Error| format!("`{program}` cannot be started: {error}");
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(server.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    // It fails where it has none, and says so in words of its own.
    if !output.status.success() {
        return Ok(None);
    }
    let printed = Plaintext::new(output.stdout);
    let login: HelperLogin = serde_json::from_slice(printed.bytes())
        .map_err(|_| format!("expected a login of `{program}`, found something else"))?;
    let secret = Plaintext::new(login.secret.into_bytes());
    Ok(Some(match login.username.as_str() {
        TOKEN => Login::Identity(secret),
        _ => Login::Password {
            user: login.username,
            password: secret,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, image: &str) -> Result<Option<String>, String> {
        let stored = StoredLogins::parse(text.as_bytes()).map_err(|line| line.to_string())?;
        let helper = |name: &str, server: &str| {
            let password = Plaintext::new(server.as_bytes().to_vec());
            let user = name.to_owned();
            Ok((name != "empty").then_some(Login::Password { user, password }))
        };
        let login = stored.login(&ImageHome::of(image), helper)?;
        Ok(login.map(|login| match login {
            Login::Password { user, password } => format!("{user}/{}", password.text().unwrap()),
            Login::Identity(token) => format!("token {}", token.text().unwrap()),
        }))
    }

    #[test]
    fn a_login_is_that_of_the_registry() {
        let auth = |pair: &str| STANDARD.encode(pair);
        let text = format!(
            r#"{{"auths": {{
                "https://index.docker.io/v1/": {{"auth": "{}"}},
                "registry.example.com": {{"auth": "{}"}},
                "registry.example.com/team": {{"auth": "{}"}},
                "https://azure.example.com": {{"auth": "{}", "identitytoken": "t"}},
                "empty.example.com": {{}}
            }}, "HttpHeaders": {{}}}}"#,
            auth("ada:a:b"),
            auth("bob:b\0"),
            auth("team:c"),
            auth("00:")
        );
        for (image, expected) in [
            ("nginx", Some("ada/a:b")),
            ("registry.example.com/web", Some("bob/b")),
            ("registry.example.com/team/web", Some("team/c")),
            ("registry.example.com/teams/web", Some("bob/b")),
            ("registry.example.com.evil.org/web", None),
            ("azure.example.com/web", Some("token t")),
            ("empty.example.com/web", None),
            ("ghcr.io/web", None),
        ] {
            assert_eq!(
                found(&text, image),
                Ok(expected.map(str::to_owned)),
                "{image}"
            );
        }
    }

    #[test]
    fn a_helper_is_asked_first() {
        let auth = STANDARD.encode("ada:x");
        let auths = format!(r#""auths": {{"ghcr.io": {{"auth": "{auth}"}}}}"#);
        let text = |store: &str| {
            format!(
                r#"{{{auths}, "credsStore": "{store}", "credHelpers": {{"gcr.io": "gcloud"}}}}"#
            )
        };
        for (store, image, expected) in [
            ("pass", "nginx", "pass/https://index.docker.io/v1/"),
            ("pass", "ghcr.io/web", "pass/ghcr.io"),
            ("pass", "gcr.io/web", "gcloud/gcr.io"),
            ("empty", "ghcr.io/web", "ada/x"),
        ] {
            assert_eq!(
                found(&text(store), image),
                Ok(Some(expected.to_owned())),
                "{image}"
            );
        }
    }

    #[test]
    fn what_is_damaged_is_told_without_what_is_in_it() {
        assert_eq!(
            found("{\n\"auths\": \"sentinel\"}", "nginx"),
            Err("2".to_owned())
        );
        for auth in ["sentinel!", &STANDARD.encode("sentinel")] {
            let text = format!(r#"{{"auths": {{"docker.io": {{"auth": "{auth}"}}}}}}"#);
            let told = found(&text, "nginx").unwrap_err();
            assert!(!told.contains("sentinel"), "{told}");
        }
        assert_eq!(found("{}", "nginx"), Ok(None));
        assert_eq!(
            found(r#"{"auths": null, "credHelpers": null}"#, "nginx"),
            Ok(None)
        );
    }

    #[test]
    fn a_login_is_not_shown() {
        let login = Login::Password {
            user: "ada".to_owned(),
            password: Plaintext::new(b"sentinel".to_vec()),
        };
        assert!(!format!("{login:?}").contains("sentinel"));
        assert_eq!(
            basic("ada", &Plaintext::new(b"a:b".to_vec())).text(),
            Some("Authorization: Basic YWRhOmE6Yg==")
        );
    }
}
