//! What services ask of the host and of their images before they start: sources of volumes that are there, and nothing that the
//! image keeps where nothing is mounted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Finding;
use crate::cluster::name::ServiceName;
use crate::host::said::one_line;
use crate::render::desired::DesiredService;

/// What images say of themselves, and which paths the host lacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Declared {
    images: BTreeMap<String, DeclaredByImage>,
    absent: BTreeSet<String>,
}

/// What an image says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DeclaredByImage {
    /// The paths of `VOLUME`.
    volumes: Vec<String>,
    /// It has a `HEALTHCHECK`.
    healthcheck: bool,
}

/// A container loses what its image keeps at these paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostVolume {
    /// The service.
    pub service: ServiceName,
    /// The paths in the container.
    pub paths: Vec<String>,
}

impl LostVolume {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { service, paths } = self;
        let (noun, pronoun) = match paths.as_slice() {
            [_] => ("a volume", "it"),
            _ => ("volumes", "them"),
        };
        format!(
            "the image of {service} keeps data in {noun} at {} that nothing is mounted at: each restart loses {pronoun}",
            paths.join(", ")
        )
    }
}

/// What must hold of a host for a service that starts there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starting<'a> {
    /// Its name.
    pub name: &'a ServiceName,
    /// The service.
    pub service: &'a DesiredService,
}

impl Declared {
    /// Takes a line of a check: `declares IMAGE VOLUMES HEALTHCHECK`, the last two as JSON. `None` if it is none.
    pub(super) fn take(&mut self, rest: &str) -> Option<()> {
        let (reference, json) = rest.split_once(' ')?;
        let mut values = serde_json::Deserializer::from_str(json).into_iter::<Value>();
        let volumes = values.next()?.ok()?;
        let volumes = volumes.as_object().into_iter().flatten();
        let volumes = volumes.map(|(path, _)| one_line(path)).collect();
        let healthcheck = values.next()?.ok()?;
        let test = healthcheck.get("Test").and_then(Value::as_array);
        let first = test.and_then(|test| test.first()?.as_str());
        let healthcheck = first.is_some_and(|first| first != "NONE");
        let image = DeclaredByImage {
            volumes,
            healthcheck,
        };
        self.images.insert(one_line(reference), image);
        Some(())
    }

    /// Takes a path that is not there.
    pub(super) fn take_absent(&mut self, path: &str) {
        self.absent.insert(path.to_owned());
    }

    /// What forbids these services to start, and what they lose.
    #[must_use]
    pub fn against(&self, starting: &[Starting<'_>]) -> (Vec<Finding>, Vec<LostVolume>) {
        let (mut findings, mut lost) = (Vec::new(), Vec::new());
        for Starting { name, service } in starting {
            let absent = service.sources.intersection(&self.absent);
            findings.extend(absent.map(|path| Finding::Source {
                service: (*name).clone(),
                path: path.clone(),
            }));
            let Some(image) = self.images.get(&service.image.reference) else {
                continue;
            };
            if service.mounted.by_image && !image.healthcheck {
                findings.push(Finding::NoHealthcheck {
                    service: (*name).clone(),
                    reference: service.image.reference.clone(),
                });
            }
            let Some(mounted) = &service.mounted.targets else {
                continue;
            };
            let forgotten = image.volumes.iter().filter(|path| {
                let path = path.trim_end_matches('/');
                !mounted.contains(path)
            });
            let paths: Vec<String> = forgotten.cloned().collect();
            if paths.is_empty() {
                continue;
            }
            let loses = LostVolume {
                service: (*name).clone(),
                paths,
            };
            match service.stateful {
                true => findings.push(Finding::LostVolume(loses)),
                false => lost.push(loses),
            }
        }
        (findings, lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::sample::desired;

    #[test]
    fn what_is_absent_or_lost_is_found() {
        let mut declared = Declared::default();
        for line in [
            r#"registry/web:1 {"/data":{},"/var/lib/x/":{}} null"#,
            r#"registry/db:1 null {"Test":["CMD","true"]}"#,
            r#"registry/none:1 {} {"Test":["NONE"]}"#,
        ] {
            declared.take(line).unwrap();
        }
        for odd in ["", "a", "a {", "a {} nul", "a {}"] {
            assert_eq!(declared.clone().take(odd), None, "{odd}");
        }
        declared.take_absent("/srv/web");
        let host = desired(&[("web", "1")]);
        let name = ServiceName::new("web").unwrap();
        let against = |change: &dyn Fn(&mut DesiredService)| {
            let mut service = (*host.services[&name]).clone();
            service.image.reference = "registry/web:1".to_owned();
            service.mounted.targets = Some(["/data".to_owned()].into());
            change(&mut service);
            let starting = Starting {
                name: &name,
                service: &service,
            };
            let (findings, lost) = declared.against(&[starting]);
            let findings = findings.iter().map(ToString::to_string);
            let lost = lost.iter().map(LostVolume::words);
            findings.chain(lost).collect::<Vec<_>>().join("; ")
        };
        let lost = "the image of web keeps data in a volume at /var/lib/x/ that nothing is mounted at: each restart loses it";
        assert_eq!(against(&|_| ()), lost);
        assert_eq!(against(&|service| service.stateful = true), lost);
        let (whole, parent) = (["/data", "/var/lib/x"], ["/data", "/var/lib"]);
        let mounted = |paths: [&str; 2]| Some(paths.map(str::to_owned).into());
        assert_eq!(
            against(&|service| service.mounted.targets = mounted(whole)),
            ""
        );
        assert_eq!(
            against(&|service| service.mounted.targets = mounted(parent)),
            lost
        );
        assert_eq!(against(&|service| service.mounted.targets = None), "");
        for (image, found) in [
            ("registry/db:1", ""),
            ("registry/unknown:1", ""),
            (
                "registry/none:1",
                "expected a HEALTHCHECK in the image registry/none:1, which the start of web waits for, found none",
            ),
        ] {
            let with = |service: &mut DesiredService| {
                service.image.reference = image.to_owned();
                service.mounted.by_image = true;
            };
            assert_eq!(against(&with), found, "{image}");
        }
        let sources = |service: &mut DesiredService| {
            service.image.reference = "registry/db:1".to_owned();
            service.sources = ["/srv".to_owned(), "/srv/web".to_owned()].into();
        };
        assert_eq!(
            against(&sources),
            "web mounts /srv/web, and there is nothing of that name on the host"
        );
    }
}
