//! Where an image is kept. Pure.

use crate::cluster::{DOCKER_HUB, registry_and_path};

/// A registry, and a repository in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageHome {
    registry: String,
    repository: String,
}

/// What docker's own registry may be called.
pub(super) const NAMES_OF_DOCKER_HUB: [&str; 3] =
    [DOCKER_HUB, "index.docker.io", "registry-1.docker.io"];

impl ImageHome {
    /// Where an image of this name is: `nginx`, `ghcr.io/ada/search`.
    #[must_use]
    pub fn of(image: &str) -> Self {
        let (registry, repository) = registry_and_path(image);
        let registry = registry.unwrap_or(DOCKER_HUB);
        if !NAMES_OF_DOCKER_HUB.contains(&registry) {
            return Self {
                registry: registry.to_owned(),
                repository: repository.to_owned(),
            };
        }
        let repository = match repository.contains('/') {
            true => repository.to_owned(),
            false => format!("library/{repository}"),
        };
        Self {
            registry: DOCKER_HUB.to_owned(),
            repository,
        }
    }

    /// The registry's name: `docker.io`, `registry.example.com:5000`.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository: `library/nginx`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Host and path under which everything of it is asked, without a scheme.
    pub(super) fn below(&self) -> String {
        let host = match self.registry.as_str() {
            DOCKER_HUB => "registry-1.docker.io",
            other => other,
        };
        format!("{host}/v2/{}", self.repository)
    }

    /// Where a list goes on, by its header `Link`: what follows `below()` and a slash. A link that leads elsewhere is none.
    pub(super) fn next_page(&self, link: &str) -> Option<String> {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        if !parameters.replace('"', "").contains("rel=next") {
            return None;
        }
        let below = self.below();
        let (host, path) = below.split_at(below.find('/')?);
        let target = match target.split_once("://") {
            Some((_, target)) => target.strip_prefix(host)?,
            None => target,
        };
        let rest = target.strip_prefix(path)?.strip_prefix('/')?;
        let is_plain = rest
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\"\\<>[]{}".contains(&b));
        is_plain.then(|| rest.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_at_a_registry() {
        for (image, registry, below) in [
            (
                "nginx",
                "docker.io",
                "registry-1.docker.io/v2/library/nginx",
            ),
            ("ada/web", "docker.io", "registry-1.docker.io/v2/ada/web"),
            (
                "docker.io/nginx",
                "docker.io",
                "registry-1.docker.io/v2/library/nginx",
            ),
            (
                "index.docker.io/ada/web",
                "docker.io",
                "registry-1.docker.io/v2/ada/web",
            ),
            ("ghcr.io/ada/web", "ghcr.io", "ghcr.io/v2/ada/web"),
            ("10.0.0.1:5000/web", "10.0.0.1:5000", "10.0.0.1:5000/v2/web"),
            ("localhost/web", "localhost", "localhost/v2/web"),
            ("registry:5000/web", "registry:5000", "registry:5000/v2/web"),
        ] {
            let home = ImageHome::of(image);
            assert_eq!(
                (home.registry(), &*home.below()),
                (registry, below),
                "{image}"
            );
        }
    }

    #[test]
    fn a_list_goes_on_at_the_same_place_only() {
        let home = ImageHome::of("ghcr.io/ada/web");
        for (link, expected) in [
            (
                "</v2/ada/web/tags/list?last=1.0&n=2>; rel=\"next\"",
                Some("tags/list?last=1.0&n=2"),
            ),
            (
                "<https://ghcr.io/v2/ada/web/tags/list?last=1>;rel=next",
                Some("tags/list?last=1"),
            ),
            (
                "<https://evil.example.com/v2/ada/web/tags/list>; rel=\"next\"",
                None,
            ),
            ("</v2/ada/other/tags/list>; rel=\"next\"", None),
            ("</v2/ada/web/tags/list>; rel=\"prev\"", None),
            ("</v2/ada/web/tags/list?a=\"b>; rel=\"next\"", None),
            ("nothing", None),
        ] {
            assert_eq!(home.next_page(link).as_deref(), expected, "{link}");
        }
    }
}
