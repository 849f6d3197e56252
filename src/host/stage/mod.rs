//! Staging and checking: a generation travels to a host as one tar stream, is unpacked beside the
//! others, and checked, so that problems show before anything changes. Pure.

mod archive;
mod declared;
pub mod deliver;
mod findings;
mod known_networks;
mod memory;
mod taken_ports;
pub mod tries;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use crate::cluster::digest::Digest;
use crate::cluster::model::Engine;
use crate::cluster::name::ServiceName;
use crate::host::layout::{Layout, StageId};
use crate::host::said::one_line;
use crate::render::desired::DesiredService;
use crate::render::identity::UnitFileName;
use crate::render::live::{LiveName, is_live};
use crate::render::manifest::Manifest;
use crate::render::secret_files;
use crate::render::shell::{quote, quote_all};

pub use self::declared::{Declared, LostVolume, Starting};
pub use self::findings::{CheckedImage, Finding, ReadinessCheck};
pub use self::known_networks::{KnownNetworks, NeededNetworks, WrongNetwork};
pub use self::memory::{KnownMemory, SecondSlot, TightMemory};
pub use self::taken_ports::TakenPorts;

use self::archive::{append, append_above, append_directory};

/// A function that unpacks what is sent, for both ways to send it.
pub(super) const UNTAR: &str = include_str!("untar.sh");
const STAGE: &str = include_str!("stage.sh");
const CHECK: &str = concat!(include_str!("../image_keys.sh"), include_str!("check.sh"));
/// Functions that open ciphertexts, for checks and activations.
pub(super) const SECRETS: &str = include_str!("sealed.sh");

/// The file that lists the digests of a staged generation, as `sha256sum -c` reads it.
const DIGESTS: &str = "digests";

/// What is staged on one host.
#[derive(Debug, Clone)]
pub struct Staged<'a> {
    /// Every service of the generation.
    pub manifest: &'a Manifest,
    /// The generation of the host that the services are copied from which are not sent; `None` is
    /// its current one.
    pub from: Option<u64>,
    /// The services whose files travel. The others of the manifest are copied on the host.
    pub sent: BTreeMap<&'a ServiceName, &'a Arc<DesiredService>>,
    /// The files that the host makes of secrets, of the services that are sent.
    pub sealed: &'a BTreeMap<ServiceName, Vec<SealedFile>>,
    /// Scripts by file name.
    pub scripts: &'a [(String, String)],
}

/// What a check expects to find in a staging directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFiles {
    /// Of the list of the digests of all files there.
    pub digests: Digest,
    /// How many bytes were sent for them.
    pub bytes: u64,
}

/// A file that a host makes of secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFile {
    /// Below the inputs directory.
    pub path: String,
    /// The permissions that it gets.
    pub mode: u32,
    /// The digest that stands for it.
    pub stands: Digest,
    /// Encrypted to the host; `None` if it is sent when it is needed.
    pub ciphertext: Option<Vec<u8>>,
}

/// The list of them that is staged beside them, a line each: the ciphertext's digest or `-`, the
/// digest that stands for it, the permissions, the path.
fn sealed_list(files: &[SealedFile]) -> String {
    let mut list = String::new();
    for SealedFile {
        path,
        mode,
        stands,
        ciphertext,
    } in files
    {
        let digest = ciphertext.as_ref().map(Digest::of);
        let digest = digest.as_ref().map_or("-", Digest::as_str);
        writeln!(list, "{digest} {stands} {mode:04o} {path}")
            .expect("writing to a string does not fail");
    }
    list
}

impl Staged<'_> {
    /// The tar stream: `manifest.json`, `digests`, `units/`, `inputs/` and the scripts. The same
    /// input gives the same bytes.
    ///
    /// # Errors
    /// A path does not fit into the format.
    pub fn payload(&self) -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        append(
            &mut tar,
            "manifest.json",
            0o644,
            self.manifest.to_text().as_bytes(),
        )?;
        append(&mut tar, DIGESTS, 0o644, self.digests().as_bytes())?;
        for directory in ["units", "inputs"] {
            append_directory(&mut tar, directory, 0o755)?;
        }
        for (service, desired) in &self.sent {
            for (file, unit) in &desired.units {
                append(
                    &mut tar,
                    &format!("units/{file}"),
                    0o644,
                    unit.text.as_bytes(),
                )?;
            }
            let base = format!("inputs/{service}/{}", desired.directory);
            append_directory(&mut tar, &format!("inputs/{service}"), 0o755)?;
            append_directory(&mut tar, &base, 0o755)?;
            let mut made = BTreeSet::new();
            for (path, bytes) in &desired.files {
                append_above(&mut tar, &mut made, &base, path, 0o755)?;
                append(&mut tar, &format!("{base}/{path}"), 0o644, bytes)?;
            }
            for (path, bytes) in self.sealed_files(service, None) {
                append_above(&mut tar, &mut made, &base, &path, 0o755)?;
                append(&mut tar, &format!("{base}/{path}"), 0o644, &bytes)?;
            }
            for (name, live) in &desired.live {
                let base = format!("inputs/{service}/{name}");
                append_directory(&mut tar, &base, 0o755)?;
                let mut made = BTreeSet::new();
                let sealed = self.sealed_files(service, Some(name));
                let plain = live.files.iter();
                let plain = plain.map(|(path, bytes)| (path.clone(), bytes.clone()));
                for (path, bytes) in plain.chain(sealed) {
                    append_above(&mut tar, &mut made, &base, &path, 0o755)?;
                    append(&mut tar, &format!("{base}/{path}"), 0o644, &bytes)?;
                }
            }
        }
        for (name, text) in self.scripts {
            append(&mut tar, name, 0o755, text.as_bytes())?;
        }
        tar.into_inner()
    }

    /// What is staged of a service's secrets, by path below its inputs directory, or below one of its live directories: the list,
    /// and the ciphertexts.
    fn sealed_files(
        &self,
        service: &ServiceName,
        live: Option<&LiveName>,
    ) -> Vec<(String, Vec<u8>)> {
        let files = self.sealed.get(service).into_iter().flatten();
        let files: Vec<SealedFile> = files
            .filter_map(|file| match live {
                None => (!is_live(&file.path)).then(|| file.clone()),
                Some(name) => Some(SealedFile {
                    path: name.below(&file.path)?.to_owned(),
                    ..file.clone()
                }),
            })
            .collect();
        if files.is_empty() {
            return Vec::new();
        }
        let list = (
            secret_files::SEALED.to_owned(),
            sealed_list(&files).into_bytes(),
        );
        let ciphertexts = files.iter().filter_map(|file| {
            let ciphertext = file.ciphertext.clone()?;
            Some((format!("{}.age", file.path), ciphertext))
        });
        std::iter::once(list).chain(ciphertexts).collect()
    }

    /// The list of the digests of all files of the generation, sent or copied. Ciphertexts that are
    /// copied are not in it: nobody knows their digests but the list that is copied with them.
    fn digests(&self) -> String {
        let mut list = String::new();
        let mut add = |digest: &Digest, path: &str| {
            // How sha256sum itself writes names that would not be one line.
            let odd = path.contains(['\n', '\\']);
            let path = path.replace('\\', "\\\\").replace('\n', "\\n");
            let mark = if odd { "\\" } else { "" };
            writeln!(list, "{mark}{digest}  {path}").expect("writing to a string does not fail");
        };
        add(&Digest::of(self.manifest.to_text()), "manifest.json");
        for (service, entry) in &self.manifest.services {
            for (file, digest) in &entry.units {
                add(digest, &format!("units/{file}"));
            }
            let base = format!("inputs/{service}/{}", entry.directory);
            for (path, bytes) in self.sealed_files(service, None) {
                add(&Digest::of(bytes), &format!("{base}/{path}"));
            }
            for (name, digests) in entry.live_directories() {
                let base = format!("inputs/{service}/{name}");
                for (path, bytes) in self.sealed_files(service, Some(name)) {
                    add(&Digest::of(bytes), &format!("{base}/{path}"));
                }
                for (path, digest) in &digests.files {
                    add(digest, &format!("{base}/{path}"));
                }
            }
            for (path, digest) in &entry.files {
                if secret_files::is_secret(path) {
                    continue;
                }
                add(
                    digest,
                    &format!("inputs/{service}/{}/{path}", entry.directory),
                );
            }
        }
        for (name, text) in self.scripts {
            add(&Digest::of(text), name);
        }
        list
    }

    /// What a check expects of these files once they were sent as so many bytes.
    #[must_use]
    pub fn expected(&self, bytes: u64) -> ExpectedFiles {
        ExpectedFiles {
            digests: Digest::of(self.digests()),
            bytes,
        }
    }

    /// The script that unpacks a payload from its standard input. What earlier releases left in the staging
    /// area goes, and what was pushed there; but the directory `stays`, if there is one.
    #[must_use]
    pub fn stage_script(&self, layout: &Layout, id: &StageId, stays: Option<&str>) -> String {
        let mut carried = String::new();
        for (service, entry) in &self.manifest.services {
            if !self.sent.contains_key(service) {
                let units: Vec<_> = entry.units.keys().map(UnitFileName::as_str).collect();
                writeln!(
                    carried,
                    "carry {service} {} {} || return 1",
                    entry.directory,
                    units.join(" ")
                )
                .expect("writing to a string does not fail");
                for (name, _) in entry.live_directories() {
                    writeln!(
                        carried,
                        "carry {service} {} || return 1",
                        quote(name.as_str())
                    )
                    .expect("writing to a string does not fail");
                }
            }
        }
        format!(
            "{}id={id}\nstays={}\nfrom={}\ncarried() {{\n:\n{carried}}}\n{UNTAR}{STAGE}",
            layout.variables(),
            quote(stays.unwrap_or_default()),
            self.from
                .map_or_else(|| layout.current(), |number| layout.generation(number))
                .quoted(),
        )
    }

    /// The script that looks for everything that could go wrong, and pulls images. It changes
    /// nothing but the engine's images. [`ReadinessCheck::parse`] reads what it says.
    #[must_use]
    pub fn check_script(
        &self,
        layout: &Layout,
        engine: Engine,
        id: &StageId,
        expected: &ExpectedFiles,
        needs: &HostNeeds<'_>,
    ) -> String {
        let HostNeeds {
            images,
            jobs,
            ports,
            networks,
            sources,
            declare,
            slots,
            tries,
        } = needs;
        let tries = tries::script(layout, id, engine, tries);
        let units = self.sent.values().flat_map(|desired| desired.units.keys());
        let units: Vec<_> = units.map(|file| format!("units/{file}")).collect();
        let words = |means: fn(&Means) -> bool| {
            let images = images.iter().filter(|image| means(&image.means));
            quote_all(images.flat_map(|image| match &image.means {
                Means::Whatever | Means::Moving => vec![image.name.as_str()],
                Means::Image(id) => vec![image.name.as_str(), id.as_str()],
            }))
        };
        format!(
            "{}engine={}\nstage={}\ndigests={}\nneeded={}\nstaged_units={}\n\
             fixed={}\nmoving={}\nexact={}\nplatforms={}\njobs={}\nports={}\nnetworks={}\nsources={}\ndeclare={}\nslots={}\n{SECRETS}\n{tries}{CHECK}",
            layout.variables(),
            engine.program(),
            layout.staging(id).quoted(),
            expected.digests,
            // The files are written once more at activation; the rest is for what surrounds them.
            expected.bytes / 1024 * 3 + 10 * 1024,
            quote(&units.join(" ")),
            words(|means| *means == Means::Whatever),
            words(|means| *means == Means::Moving),
            words(|means| matches!(means, Means::Image(_))),
            {
                let platforms = images.iter();
                let platforms = platforms
                    .filter_map(|image| Some([image.name.as_str(), image.platform.as_deref()?]));
                quote_all(platforms.flatten())
            },
            quote_all(jobs.iter().map(String::as_str)),
            match ports {
                AskPorts::Yes => "yes",
                AskPorts::No => "",
            },
            quote(&networks.join(" ")),
            quote_all(sources.iter().copied()),
            quote_all(declare.iter().copied()),
            quote_all(
                slots
                    .iter()
                    .flat_map(|slot| [slot.serves.as_str(), &slot.replaced])
            ),
        )
    }
}

/// An image that a generation runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// As units name it: `registry.example.com/search:1.4.2`.
    pub name: String,
    /// Which image it is to mean.
    pub means: Means,
    /// Of several images of one name, that for this platform: `linux/arm64`.
    pub platform: Option<String>,
}

/// What a host needs besides its files for what is to start there.
#[derive(Debug, Clone, Default)]
pub struct HostNeeds<'a> {
    /// The images.
    pub images: &'a [Reference],
    /// References of images of which is told what they are known by.
    pub jobs: &'a [String],
    /// Whether ports are needed.
    pub ports: AskPorts,
    /// The names of networks.
    pub networks: Vec<&'a str>,
    /// Paths that must be there.
    pub sources: BTreeSet<&'a str>,
    /// Images that are to say what they declare.
    pub declare: BTreeSet<&'a str>,
    /// Slots that start while others serve.
    pub slots: &'a [SecondSlot],
    /// The services whose files are checked by commands of their own.
    pub tries: BTreeMap<&'a ServiceName, &'a DesiredService>,
}

/// Whether a check tells what listens on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AskPorts {
    /// It does: ports are needed that no container of the cluster has now.
    Yes,
    /// It does not: no port is needed.
    #[default]
    No,
}

/// Which image a reference is to mean.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// The one that it means on the host, or in the registry.
    Whatever,
    /// The one that it means in the registry now: pulled even if there is one.
    Moving,
    /// The image of this id: a rollback runs what ran before.
    Image(String),
}

/// Reads what a stage script says: nothing if all is well.
///
/// # Errors
/// What the host said, as one line.
pub fn parse_staged(answer: &[u8]) -> Result<(), String> {
    let answer = String::from_utf8_lossy(answer);
    match answer.trim_end().strip_prefix("failed ") {
        None if answer == "staged\n" => Ok(()),
        Some(why) => Err(one_line(why)),
        None => Err(format!("expected `staged`, found `{}`", one_line(&answer))),
    }
}

#[cfg(test)]
mod tests;
