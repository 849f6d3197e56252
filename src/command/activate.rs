//! `bayplan activate CLUSTER`: a release of what was pushed.

use std::path::Path;

use super::release::{Staging, release};
use super::{Exit, Failure};
use crate::cli::{Activate, Committing, Part, Release, TagLookup};

pub(super) fn run(directory: Option<&Path>, arguments: &Activate) -> Result<Exit, Failure> {
    let Activate {
        cluster,
        yes,
        diff,
        patience,
        allow_move,
        lift,
        identities,
        parallel,
    } = arguments.clone();
    let arguments = Release {
        cluster: Some(cluster),
        services: Vec::new(),
        plan: None,
        bump: Vec::new(),
        lookup: TagLookup::default(),
        committing: Committing::default(),
        resume: false,
        yes,
        diff,
        part: Part::default(),
        patience,
        allow_move,
        dismiss: Vec::new(),
        lift,
        identities,
        parallel,
    };
    release(directory, &arguments, Staging::Pushed)
}
