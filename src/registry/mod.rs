//! The registries of images, as this machine reaches them: what a tag means there, and which tags there are.
//!
//! Asked by the HTTP interface that all of them have (OCI distribution), with `curl`, which knows the proxies and certificates of
//! this machine. A login is that of docker or podman, is read only where a registry asks for one, and reaches `curl` by its standard
//! input. Nothing is pulled.

#![expect(
    clippy::disallowed_methods,
    reason = "is where registries are asked, and logins are read"
)]

mod challenge;
mod http;
mod image_home;
mod login;
mod plain;

use serde::Deserialize;

use self::challenge::Challenge;
use self::http::{HttpAnswer, HttpError, HttpMethod, HttpRequest, Schemes};
pub use self::image_home::ImageHome;
use self::login::{Login, basic};
use crate::cluster::digest::Digest;
use crate::cluster::secret::Plaintext;
use crate::cluster::version::{ImageVersion, VersionKey};

/// What a tag may name: an image, or one for each of several platforms.
const MANIFESTS: &str = "Accept: application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// How many pages of tags are read. A page has up to 1000.
const PAGES: usize = 200;

/// Why a registry did not say what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// There is no `curl`.
    #[error("expected `curl` on this machine, which asks registries: {why}")]
    NoCurl {
        /// The system's words.
        why: String,
    },
    /// No answer.
    #[error("{registry} cannot be asked: {why}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// curl's words.
        why: String,
    },
    /// It wants to know who asks, or knows and says no.
    #[error("{registry} tells nothing of {repository} ({status}): it is not there, or it needs {}", login(*.known))]
    Refused {
        /// The registry.
        registry: String,
        /// The repository in it.
        repository: String,
        /// Of HTTP.
        status: u16,
        /// Whether a login was tried.
        known: bool,
    },
    /// It has no such image at all.
    #[error("{registry} has no image {repository}")]
    NoImage {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
    },
    /// What nobody expects.
    #[error("expected {expected} of {registry}, found {found}")]
    Strange {
        /// The registry.
        registry: String,
        /// What was expected.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// A login is there, and cannot be used.
    #[error("the login for {registry} cannot be used: {why}")]
    Login {
        /// The registry.
        registry: String,
        /// What is wrong.
        why: String,
    },
}

fn login(known: bool) -> &'static str {
    match known {
        true => "another login",
        false => "a login",
    }
}

impl RegistryError {
    /// What to type.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoCurl { .. } => Some("install `curl`".to_owned()),
            Self::Refused { registry, .. } => {
                Some(format!("`docker login {registry}`, if the image is there"))
            }
            Self::Unreachable { registry, .. } => Some(format!(
                "`curl https://{registry}/v2/` tells more; registries without TLS are named in `insecure-registries` of docker's daemon.json"
            )),
            Self::NoImage { .. } | Self::Strange { .. } | Self::Login { .. } => None,
        }
    }
}

/// What a registry is asked about one image.
pub struct RegistryClient<'a> {
    image: &'a ImageHome,
    schemes: Schemes,
    /// `Authorization: …`, once it asked for it.
    authorization: Option<Plaintext>,
    /// Whether a login is behind that.
    known: bool,
}

impl<'a> RegistryClient<'a> {
    /// Nothing is asked yet.
    #[must_use]
    pub fn of(image: &'a ImageHome) -> Self {
        Self {
            image,
            schemes: match plain::speaks_plainly(image.registry()) {
                true => Schemes::AlsoPlain,
                false => Schemes::OnlyTls,
            },
            authorization: None,
            known: false,
        }
    }

    /// The digest of what a tag or digest names; `None` if there is no such thing.
    ///
    /// # Errors
    /// The registry does not say.
    pub fn digest(&mut self, reference: &str) -> Result<Option<String>, RegistryError> {
        let path = format!("manifests/{reference}");
        let answer = self.ask(HttpMethod::Head, &path)?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            _ => return Err(self.unexpected(&answer, "a manifest")),
        }
        let digest = answer.header("docker-content-digest").unwrap_or_default();
        if ImageVersion::new(digest).is_ok_and(|it| it.key() == VersionKey::Digest) {
            return Ok(Some(digest.to_owned()));
        }
        // The header may be left out. It is the digest of these bytes.
        let answer = self.ask(HttpMethod::Get(&[]), &path)?;
        match answer.status {
            200 => Ok(Some(format!("sha256:{}", Digest::of(&answer.body)))),
            _ => Err(self.unexpected(&answer, "a manifest")),
        }
    }

    /// All tags of the image, in no order that means something.
    ///
    /// # Errors
    /// The registry does not say, or there is no such image.
    pub fn tags(&mut self) -> Result<Vec<String>, RegistryError> {
        let mut tags = Vec::new();
        let mut page = Some("tags/list?n=1000".to_owned());
        for _ in 0..PAGES {
            let Some(path) = page else {
                return Ok(tags);
            };
            let answer = self.ask(HttpMethod::Get(&[]), &path)?;
            match answer.status {
                200 => {}
                404 => {
                    return Err(RegistryError::NoImage {
                        registry: self.image.registry().to_owned(),
                        repository: self.image.repository().to_owned(),
                    });
                }
                _ => return Err(self.unexpected(&answer, "a list of tags")),
            }
            let list: TagList = serde_json::from_slice(&answer.body)
                .map_err(|_| self.strange("a list of tags", "something else"))?;
            // What is no tag cannot be written into a description either.
            let valid = |tag: &String| {
                ImageVersion::new(tag)
                    .is_ok_and(|it| it.key() == VersionKey::Tag && !it.is_pinned())
            };
            tags.extend(list.tags.unwrap_or_default().into_iter().filter(valid));
            page = answer
                .header("link")
                .and_then(|link| self.image.next_page(link));
        }
        Err(self.strange("at most 200 pages of tags", "more"))
    }

    /// Asks once, and again with a login where that is asked for.
    fn ask(&mut self, method: HttpMethod<'_>, path: &str) -> Result<HttpAnswer, RegistryError> {
        let scheme = self.schemes.first();
        let url = format!("{scheme}://{}/{path}", self.image.below());
        let answer = self.send(method, &url, self.authorization.as_ref(), &[MANIFESTS])?;
        if answer.status != 401 {
            return Ok(answer);
        }
        // One of before may have become too old.
        self.authorization = Some(self.authorize(&answer)?);
        self.send(method, &url, self.authorization.as_ref(), &[MANIFESTS])
    }

    fn send(
        &self,
        method: HttpMethod<'_>,
        url: &str,
        authorization: Option<&Plaintext>,
        headers: &[&str],
    ) -> Result<HttpAnswer, RegistryError> {
        let request = HttpRequest {
            method,
            url,
            headers,
            authorization,
            schemes: self.schemes,
        };
        request.send().map_err(|error| match error {
            HttpError::NoCurl(error) => RegistryError::NoCurl {
                why: error.to_string(),
            },
            HttpError::Failed(why) => RegistryError::Unreachable {
                registry: self.image.registry().to_owned(),
                why,
            },
            HttpError::Strange(found) => self.strange("an answer of HTTP", found),
        })
    }

    /// What the registry wants to see.
    fn authorize(&mut self, answer: &HttpAnswer) -> Result<Plaintext, RegistryError> {
        let challenge = answer
            .headers("www-authenticate")
            .find_map(Challenge::parse);
        let login = login::login(self.image).map_err(|why| RegistryError::Login {
            registry: self.image.registry().to_owned(),
            why,
        })?;
        self.known = login.is_some();
        match (challenge, login) {
            (Some(Challenge::Bearer(bearer)), login) => {
                if !self.schemes.takes(&bearer.realm) {
                    return Err(self.strange("`https://` for logins", "another scheme"));
                }
                self.token(&bearer, login)
            }
            (Some(Challenge::Basic), Some(Login::Password { user, password })) => {
                Ok(basic(&user, &password))
            }
            (Some(Challenge::Basic) | None, _) => Err(self.unexpected(answer, "a manifest")),
        }
    }

    /// Gets a token from where the registry says.
    fn token(
        &self,
        bearer: &challenge::Bearer,
        login: Option<Login>,
    ) -> Result<Plaintext, RegistryError> {
        let scope = format!("repository:{}:pull", self.image.repository());
        let mut fields = vec![("scope", bearer.scope.as_deref().unwrap_or(&scope))];
        if let Some(service) = &bearer.service {
            fields.push(("service", service));
        }
        let realm = &bearer.realm;
        let answer = match &login {
            None => self.send(HttpMethod::Get(&fields), realm, None, &[])?,
            Some(Login::Password { user, password }) => {
                let login = basic(user, password);
                self.send(HttpMethod::Get(&fields), realm, Some(&login), &[])?
            }
            Some(Login::Identity(token)) => {
                let token = token.text().unwrap_or_default();
                fields.extend([
                    ("grant_type", "refresh_token"),
                    ("client_id", "bayplan"),
                    ("refresh_token", token),
                ]);
                self.send(HttpMethod::Post(&fields), realm, None, &[])?
            }
        };
        if answer.status != 200 {
            return Err(self.unexpected(&answer, "a token"));
        }
        let given: GivenToken = serde_json::from_slice(&answer.body)
            .map_err(|_| self.strange("a token", "something else"))?;
        let token = given.token.or(given.access_token);
        let token = token.ok_or_else(|| self.strange("a token", "none"))?;
        let header = format!("Authorization: Bearer {token}");
        Ok(Plaintext::new(header.into_bytes()))
    }

    fn unexpected(&self, answer: &HttpAnswer, expected: &'static str) -> RegistryError {
        match answer.status {
            401 | 403 => RegistryError::Refused {
                registry: self.image.registry().to_owned(),
                repository: self.image.repository().to_owned(),
                status: answer.status,
                known: self.known,
            },
            status => self.strange(expected, format!("status {status}")),
        }
    }

    fn strange(&self, expected: &'static str, found: impl Into<String>) -> RegistryError {
        RegistryError::Strange {
            registry: self.image.registry().to_owned(),
            expected,
            found: found.into(),
        }
    }
}

#[derive(Deserialize)]
struct TagList {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct GivenToken {
    token: Option<String>,
    access_token: Option<String>,
}
