//! What registries say of the versions of a description.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use crate::cluster::bump::{FileBump, WantedTag};
use crate::cluster::name::{ClusterName, ServiceName};
use crate::cluster::tag_order::newer;
use crate::cluster::version::{ImageVersion, WrittenVersion};
use crate::host::reach::parallel::each_in_parallel;
use crate::registry::{ImageHome, RegistryClient, RegistryError};
use crate::report::bump::{FoundTags, NewerTags, absent, written_anyway};
use crate::report::palette::Palette;
use crate::report::{errors, stream};

/// How many registries are asked at a time.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(8).expect("eight is not zero");

/// The answer for one thing: its digest, or that it is not there.
type Looked = Result<Option<String>, RegistryError>;

/// What was asked, and answered.
#[derive(Default)]
pub(super) struct RegistryAnswers {
    /// By the name of the image, and its tag or digest.
    known: BTreeMap<(String, String), Looked>,
}

impl RegistryAnswers {
    /// The versions with the digests that their tags have now. `None` if one is not known; that has been told.
    pub(super) fn pinned(
        &mut self,
        cluster: &ClusterName,
        wanted: &[WantedTag],
    ) -> Option<Vec<(ServiceName, ImageVersion)>> {
        let asked = wanted
            .iter()
            .map(|it| (&*it.image, &it.service, it.version.reference()));
        if !self.learn(cluster, asked.collect(), Pinning::Needed) {
            return None;
        }
        let pinned = wanted.iter().map(|it| {
            let asked = (it.image.clone(), it.version.reference().to_owned());
            let digest = self.known.get(&asked)?.as_ref().ok()?.as_ref()?;
            let version = it.version.pinned(it.key, digest);
            // It is there, since its tag is.
            let new = (it.image.clone(), version.reference().to_owned());
            Some((new, digest.clone(), it.service.clone(), version))
        });
        let pinned: Option<Vec<_>> = pinned.collect();
        let pinned = pinned?.into_iter().map(|(new, digest, service, version)| {
            self.known.insert(new, Ok(Some(digest)));
            (service, version)
        });
        Some(pinned.collect())
    }

    /// Whether registries have all versions that are to be written. What they lack, or do not say, is told.
    pub(super) fn have_all(&mut self, cluster: &ClusterName, bumps: &[FileBump]) -> bool {
        let asked = bumps.iter().flat_map(|bump| {
            let images = bump.images.iter();
            images.map(|(image, service)| (&**image, service, bump.version.reference()))
        });
        self.learn(cluster, asked.collect(), Pinning::No)
    }

    /// Asks for what is not known yet; whether all of it is there.
    fn learn(
        &mut self,
        cluster: &ClusterName,
        asked: Vec<(&str, &ServiceName, &str)>,
        pinning: Pinning,
    ) -> bool {
        let of = |(image, _, reference): &(&str, &ServiceName, &str)| {
            ((*image).to_owned(), (*reference).to_owned())
        };
        let unknown: BTreeSet<_> = asked.iter().map(of).collect();
        let unknown = unknown
            .into_iter()
            .filter(|it| !self.known.contains_key(it))
            .map(|it| (it, ()));
        let answers = each_in_parallel(unknown, AT_ONCE, |(image, reference), ()| {
            RegistryClient::of(&ImageHome::of(image)).digest(reference)
        });
        self.known.extend(answers);
        let mut told = BTreeSet::new();
        for (image, service, reference) in &asked {
            let key = ((*image).to_owned(), (*reference).to_owned());
            let (error, help) = match &self.known[&key] {
                Ok(Some(_)) => continue,
                Ok(None) => {
                    let list =
                        format!("`bayplan bump {cluster} --list {service}` shows newer ones");
                    (absent(image, reference), Some(list))
                }
                Err(error) => (error.to_string(), error.help()),
            };
            let help = match pinning {
                Pinning::Needed => help,
                Pinning::No => Some(written_anyway(help.as_deref())),
            };
            if told.insert((error.clone(), help.clone())) {
                let text = errors::one(&error, help.as_deref(), &Palette::stderr());
                stream::stderr(&text);
            }
        }
        told.is_empty()
    }
}

/// Whether a version can be written without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pinning {
    No,
    Needed,
}

/// Which newer versions there are of each service's image, and which registries did not say.
pub(super) fn newer_tags(
    present: &BTreeMap<ServiceName, WrittenVersion>,
) -> (Vec<NewerTags<'_>>, Vec<RegistryError>) {
    let comparable =
        |written: &&WrittenVersion| written.tag().is_some_and(|tag| newer(tag, []).is_some());
    let images = present.values().filter(comparable);
    let images: BTreeSet<&String> = images
        .filter_map(|written| written.image.as_ref())
        .collect();
    let images = images.into_iter().map(|image| (image, ()));
    let tags = each_in_parallel(images, AT_ONCE, |image, ()| {
        RegistryClient::of(&ImageHome::of(image)).tags()
    });
    let rows = present.iter().map(|(service, written)| {
        let found = match (written.tag(), &written.image) {
            (None, _) => FoundTags::OnlyDigest,
            (Some(tag), Some(image)) => match tags.get(&image) {
                Some(Ok(all)) => {
                    let newer = newer(tag, all.iter().map(String::as_str)).unwrap_or_default();
                    FoundTags::Newer(newer.into_iter().map(str::to_owned).collect())
                }
                Some(Err(_)) => FoundTags::Unknown,
                None => FoundTags::NoVersion,
            },
            (Some(_), None) => FoundTags::Unknown,
        };
        NewerTags {
            service,
            now: &written.value,
            found,
        }
    });
    let rows = rows.collect();
    let mut problems = Vec::new();
    for problem in tags.into_values().filter_map(Result::err) {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    (rows, problems)
}
