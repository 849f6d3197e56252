//! What becomes of each service, and why. Pure.

use std::collections::BTreeMap;

use crate::cluster::job::OnceKey;
use crate::cluster::name::ServiceName;
use crate::cluster::ports::Protocol;
use crate::plan::reason::Reason;
use crate::plan::reasons::between;
use crate::render::inputs::Inputs;

/// A container of a cluster here, as the engine tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenContainer {
    /// Its id.
    pub id: String,
    /// Its service.
    pub service: ServiceName,
    /// Whether it runs; one that the engine is about to start again does.
    pub running: bool,
    /// Whether it is a job, which ends.
    pub job: bool,
    /// What it ended with, if it did.
    pub exit: i64,
    /// How often the engine started it again.
    pub restarts: u64,
    /// The fingerprint that it started with.
    pub fingerprint: String,
    /// The name of its inputs directory.
    pub directory: String,
    /// The id of its image.
    pub image: String,
    /// What its image is called in the description.
    pub reference: String,
    /// What is asked on its ports, as `http`.
    pub scheme: String,
    /// Since when, in the engine's words.
    pub since: String,
    /// When it ended, in the engine's words.
    pub ended: String,
    /// What the `HEALTHCHECK` of its image says, if it has one.
    pub health: Option<String>,
    /// Ports of this machine by those of the container.
    pub ports: BTreeMap<(u16, Protocol), u16>,
}

/// A service as it is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedContainer<'a> {
    /// Its inputs.
    pub inputs: &'a Inputs,
    /// Their digest.
    pub fingerprint: &'a str,
    /// The image's reference.
    pub reference: &'a str,
    /// What that means.
    pub image: &'a str,
}

/// Why a container is to start or to be replaced: nothing if it may go on.
#[must_use]
pub fn reasons(
    wanted: &WantedContainer<'_>,
    seen: Option<&SeenContainer>,
    kept: Option<&Inputs>,
) -> Vec<Reason> {
    let Some(seen) = seen else {
        return vec![Reason::New];
    };
    let mut reasons = Vec::new();
    if seen.fingerprint != wanted.fingerprint {
        reasons = kept.map_or_else(Vec::new, |kept| between(kept, wanted.inputs));
        if reasons.is_empty() {
            reasons.push(Reason::Unknown {
                fingerprint: seen.fingerprint.clone(),
            });
        }
    } else if seen.image != wanted.image {
        reasons.push(Reason::ImageMoved {
            reference: wanted.reference.to_owned(),
            running: seen.image.clone(),
        });
    }
    if reasons.is_empty() && !seen.running {
        let state = format!("ended with {}", seen.exit);
        reasons.push(Reason::NotRunning { state });
    }
    reasons
}

/// What the success of a job is kept under; `None` if it runs again whenever something else starts.
#[must_use]
pub fn job_key(key: OnceKey, wanted: &WantedContainer<'_>) -> Option<String> {
    match key {
        OnceKey::Image => Some(wanted.image.to_owned()),
        OnceKey::Inputs => Some(wanted.fingerprint.to_owned()),
        OnceKey::Always => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> SeenContainer {
        SeenContainer {
            id: "0a".to_owned(),
            service: ServiceName::new("web").unwrap(),
            running: true,
            job: false,
            exit: 0,
            restarts: 0,
            fingerprint: "v2:a".to_owned(),
            directory: String::new(),
            image: "i1".to_owned(),
            reference: "web:1".to_owned(),
            scheme: String::new(),
            since: String::new(),
            ended: String::new(),
            health: None,
            ports: BTreeMap::new(),
        }
    }

    #[test]
    fn a_container_is_replaced_for_a_reason_and_not_without() {
        let inputs = Inputs::default();
        let wanted = |fingerprint, image| WantedContainer {
            inputs: &inputs,
            fingerprint,
            reference: "web:1",
            image,
        };
        let told = |wanted: &WantedContainer<'_>, seen: Option<&SeenContainer>| {
            reasons(wanted, seen, None)
        };
        let same = wanted("v2:a", "i1");
        assert_eq!(told(&same, None), [Reason::New]);
        assert_eq!(told(&same, Some(&seen())), []);
        let moved = told(&wanted("v2:a", "i2"), Some(&seen()));
        assert!(matches!(moved[..], [Reason::ImageMoved { .. }]));
        let changed = told(&wanted("v2:b", "i1"), Some(&seen()));
        assert!(matches!(changed[..], [Reason::Unknown { .. }]));
        let ended = SeenContainer {
            running: false,
            exit: 3,
            ..seen()
        };
        let state = "ended with 3".to_owned();
        assert_eq!(told(&same, Some(&ended)), [Reason::NotRunning { state }]);
    }
}
