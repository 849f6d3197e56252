//! Whether a host is fit for a cluster, in one look: what it lacks, why that matters, and what mends it. Pure: the texts of
//! scripts out, bytes of answers in.

mod answer;
mod distribution;
mod judge;
mod needs;
mod prepare;

use std::fmt::Write as _;

pub use answer::{Examination, RegistryAnswer, registry_answers};
pub use distribution::{Distribution, DistributionFamily, HostPackage};
pub use judge::{
    FitnessFinding, FitnessTopic, Grade, Mend, SeenHost, alike, judge, judge_directory,
};
pub use needs::NeedsOfHost;
pub use prepare::{HostMending, cloud_init, preparation};

use crate::cluster::model::{Engine, EngineClient};
use crate::render::shell::quote;

const EXAMINE: &str = include_str!("examine.sh");
const REGISTRIES: &str = include_str!("registries.sh");

/// The unit that runs an engine; podman has none.
#[must_use]
pub fn engine_unit(client: &EngineClient) -> Option<&'static str> {
    match client.engine {
        // Snaps have names of their own.
        Engine::Docker if client.program.starts_with("/snap/") => {
            Some("snap.docker.dockerd.service")
        }
        Engine::Docker => Some("docker.service"),
        Engine::Podman => None,
    }
}

fn variables(client: &EngineClient) -> String {
    format!(
        "engine={} client={} unit={}\n",
        client.engine.program(),
        quote(&client.program),
        engine_unit(client).unwrap_or("''"),
    )
}

/// The script whose answer [`Examination::parse`] reads.
#[must_use]
pub fn examine_script(needs: &NeedsOfHost) -> String {
    variables(&needs.client) + EXAMINE
}

/// The script that asks every registry of a description for one of its images; its answer is for [`registry_answers`].
#[must_use]
pub fn registries_script(needs: &NeedsOfHost, seen: &Examination) -> String {
    let mut script = variables(&needs.client) + REGISTRIES;
    for (registry, reference) in &needs.registries {
        // The client asks by itself, and does not know what its daemon may do.
        let insecure = if seen.takes_insecurely(registry) {
            " --insecure"
        } else {
            ""
        };
        let _ = writeln!(
            script,
            "ask {} {} {}{insecure} &",
            quote(registry),
            quote(needs::repository(reference)),
            quote(reference)
        );
    }
    script + "wait\n"
}
