//! Which files change so that services get other versions, and who else gets them.

use std::collections::BTreeMap;

use super::name::{ClusterName, ServiceName};
use super::nearest;
use super::sources::Sources;
use super::version::{ImageVersion, VersionKey, WrittenVersion, versions};

/// Another version in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBump {
    /// The file, relative to the root of the config repository.
    pub path: String,
    /// The service whose file it is.
    pub of: ServiceName,
    /// The version that it has.
    pub before: String,
    /// The version that it is to have.
    pub version: ImageVersion,
    /// The services that take their version from there and were not asked for, sorted.
    pub along: Vec<ServiceName>,
    /// The names of the images that get it, each with a service that runs it. Services with one version may have several.
    pub images: BTreeMap<String, ServiceName>,
}

/// Why services cannot get the versions that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BumpError {
    /// There is no such service.
    #[error("expected a service of {cluster}, found `{service}`")]
    Unknown {
        /// The cluster.
        cluster: ClusterName,
        /// What was typed.
        service: ServiceName,
        /// What may be meant.
        help: Option<String>,
    },
    /// No version can be read.
    #[error("expected `tag` or `digest` of {service}, found none that can be read")]
    Unwritten {
        /// The cluster.
        cluster: ClusterName,
        /// The service.
        service: ServiceName,
    },
    /// A tag was asked for where a digest is written, or the other way round.
    #[error("expected a {} for {service}, found `{version}`: {path} has `{}`", key.as_str(), key.as_str())]
    OtherKey {
        /// The service.
        service: ServiceName,
        /// The file.
        path: String,
        /// The field that the file has.
        key: VersionKey,
        /// What was typed.
        version: ImageVersion,
    },
    /// The digest would be lost.
    #[error(
        "expected a tag with its digest for {service}, found `{version}` alone: {path} pins `{before}`"
    )]
    Unpinned {
        /// The service.
        service: ServiceName,
        /// The file.
        path: String,
        /// The version that it has.
        before: String,
        /// What was typed.
        version: ImageVersion,
    },
    /// One place would get two versions.
    #[error(
        "expected one version in {path}, found `{first}` for {first_service} and `{second}` for {second_service}"
    )]
    Torn {
        /// The file.
        path: String,
        /// A service that takes its version from there.
        first_service: ServiceName,
        /// What was asked for it.
        first: ImageVersion,
        /// Another such service, or the same once more.
        second_service: ServiceName,
        /// What was asked for that.
        second: ImageVersion,
    },
}

impl BumpError {
    /// What to type.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            BumpError::Unknown { help, .. } => help.clone(),
            BumpError::Unwritten { cluster, .. } => {
                Some(format!("`bayplan check {cluster}` shows what is wrong"))
            }
            BumpError::OtherKey {
                service,
                path,
                key: VersionKey::Digest,
                ..
            } => Some(format!(
                "`--digest` looks it up; or write `{service}=sha256:…`, or put `tag = \"…\"` in the place of `digest` in {path}"
            )),
            BumpError::OtherKey {
                service,
                path,
                key: VersionKey::Tag,
                ..
            } => Some(format!(
                "write `{service}=TAG@sha256:…`, or put `digest = \"…\"` in the place of `tag` in {path}"
            )),
            BumpError::Unpinned {
                service, version, ..
            } => Some(format!(
                "`--digest` looks it up; or write `{service}={version}@sha256:…`"
            )),
            BumpError::Torn {
                path,
                first_service,
                second_service,
                ..
            } if first_service != second_service => Some(format!(
                "name one of them: both take their version from {path}"
            )),
            BumpError::Torn { .. } => Some("name it once".to_owned()),
        }
    }
}

/// Finds the files that are to change. What has its version already is not among them.
///
/// # Errors
/// A service is not there, its version is written in another form than the one that was asked for, or two that were
/// asked for are written in one place.
pub fn bumps(
    cluster: &ClusterName,
    sources: &Sources,
    wanted: &[(ServiceName, ImageVersion)],
) -> Result<Vec<FileBump>, Box<BumpError>> {
    let versions = versions(cluster.as_str(), sources);
    let mut places: BTreeMap<&str, (&ServiceName, &WrittenVersion, &ImageVersion)> =
        BTreeMap::new();
    for (service, version) in wanted {
        let written = find(cluster, &versions, service)?;
        fits(service, written, version)?;
        let (first_service, _, first) = *places
            .entry(&written.path)
            .or_insert((service, written, version));
        if first != version {
            return Err(Box::new(BumpError::Torn {
                path: written.path.clone(),
                first_service: first_service.clone(),
                first: first.clone(),
                second_service: service.clone(),
                second: version.clone(),
            }));
        }
    }
    let changed = places.into_values();
    let changed = changed.filter(|(_, written, version)| written.value != version.as_str());
    Ok(changed
        .map(|(_, written, version)| FileBump {
            path: written.path.clone(),
            of: written.of.clone(),
            before: written.value.clone(),
            version: version.clone(),
            along: along(&versions, written, wanted),
            images: images(&versions, written),
        })
        .collect())
}

/// A version that was asked for, and where a registry is asked what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTag {
    /// The service.
    pub service: ServiceName,
    /// The name of its image.
    pub image: String,
    /// The field that is written.
    pub key: VersionKey,
    /// What was typed.
    pub version: ImageVersion,
}

/// What is to be looked up before versions are pinned.
///
/// # Errors
/// A service is not there, or its image and version cannot be read.
pub fn wanted_tags(
    cluster: &ClusterName,
    sources: &Sources,
    wanted: &[(ServiceName, ImageVersion)],
) -> Result<Vec<WantedTag>, Box<BumpError>> {
    let versions = versions(cluster.as_str(), sources);
    let tags = wanted.iter().map(|(service, version)| {
        let written = find(cluster, &versions, service)?;
        let Some(image) = &written.image else {
            return Err(unwritten(cluster, service));
        };
        Ok(WantedTag {
            service: service.clone(),
            image: image.clone(),
            key: written.key,
            version: version.clone(),
        })
    });
    tags.collect()
}

/// The version that each of some services has, or of all of them that say it; sorted.
///
/// # Errors
/// A service that was named is not there, or its version cannot be read.
pub fn present(
    cluster: &ClusterName,
    sources: &Sources,
    only: &[ServiceName],
) -> Result<BTreeMap<ServiceName, WrittenVersion>, Box<BumpError>> {
    let mut versions = versions(cluster.as_str(), sources);
    for service in only {
        find(cluster, &versions, service)?;
    }
    versions.retain(|service, _| only.is_empty() || only.contains(service));
    let read = versions.into_iter();
    Ok(read
        .filter_map(|(service, written)| Some((service, written?)))
        .collect())
}

fn find<'a>(
    cluster: &ClusterName,
    versions: &'a BTreeMap<ServiceName, Option<WrittenVersion>>,
    service: &ServiceName,
) -> Result<&'a WrittenVersion, Box<BumpError>> {
    match versions.get(service) {
        Some(Some(written)) => Ok(written),
        Some(None) => Err(unwritten(cluster, service)),
        None => Err(Box::new(BumpError::Unknown {
            cluster: cluster.clone(),
            service: service.clone(),
            help: nearest::help(service.as_str(), versions.keys().map(ServiceName::as_str)),
        })),
    }
}

fn unwritten(cluster: &ClusterName, service: &ServiceName) -> Box<BumpError> {
    Box::new(BumpError::Unwritten {
        cluster: cluster.clone(),
        service: service.clone(),
    })
}

fn fits(
    service: &ServiceName,
    written: &WrittenVersion,
    version: &ImageVersion,
) -> Result<(), Box<BumpError>> {
    let (service, path) = (service.clone(), written.path.clone());
    if written.key != version.key() {
        return Err(Box::new(BumpError::OtherKey {
            service,
            path,
            key: written.key,
            version: version.clone(),
        }));
    }
    if written.value.contains('@') && !version.is_pinned() {
        return Err(Box::new(BumpError::Unpinned {
            service,
            path,
            before: written.value.clone(),
            version: version.clone(),
        }));
    }
    Ok(())
}

/// The images whose version stands in this place.
fn images(
    versions: &BTreeMap<ServiceName, Option<WrittenVersion>>,
    place: &WrittenVersion,
) -> BTreeMap<String, ServiceName> {
    let same = versions.iter().filter_map(|(name, written)| {
        let written = written.as_ref().filter(|it| it.path == place.path)?;
        Some((written.image.clone()?, name.clone()))
    });
    same.collect()
}

/// Who takes its version from the same place unasked.
fn along(
    versions: &BTreeMap<ServiceName, Option<WrittenVersion>>,
    place: &WrittenVersion,
    wanted: &[(ServiceName, ImageVersion)],
) -> Vec<ServiceName> {
    let same = versions.iter().filter(|(name, written)| {
        let there = written
            .as_ref()
            .is_some_and(|written| written.path == place.path);
        there && !wanted.iter().any(|(asked, _)| asked == *name)
    });
    same.map(|(name, _)| name.clone()).collect()
}
