//! What a release is asked to do, by whom, and how patiently.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::mask::Mask;
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::record::Record;
use crate::host::layout::StageId;
use crate::plan::Options;
use crate::plan::saved::SavedPlan;
use crate::render::begun::BegunRelease;
use crate::render::secrets::MadeFile;

/// Who releases, and how patiently.
#[derive(Debug, Clone)]
pub struct ReleaseRequest {
    /// What the operator chose of what is desired.
    pub options: Options,
    /// What others read who find the lock taken: one line.
    pub holder: String,
    /// How long a held lock is waited for; `None` is not at all.
    pub lock_wait: Option<Duration>,
    /// Who releases what, for the generation.
    pub record: Record,
    /// The hosts that go back to one of their generations, in a rollback.
    pub back: BTreeMap<HostName, Back>,
    /// The release that has not ended and that a rollback undoes.
    pub undoes: Option<BegunRelease>,
    /// What each host makes of secrets, of every service that has some: by path below the inputs directory.
    pub secrets: BTreeMap<HostName, BTreeMap<ServiceName, Arc<BTreeMap<String, MadeFile>>>>,
    /// The values of these secrets, so that none is shown.
    pub mask: Mask,
    /// The plan that was reviewed: nothing else is done.
    pub reviewed: Option<SavedPlan>,
    /// A name for the staging area that no other release uses.
    pub stage: StageId,
    /// What was pushed before and is to become effective: its name in the staging areas. It outlives this release if that
    /// ends before anything is effective.
    pub pushed: Option<StageId>,
}

impl ReleaseRequest {
    /// The name of what becomes effective in the staging areas.
    pub(super) fn staging(&self) -> &StageId {
        self.pushed.as_ref().unwrap_or(&self.stage)
    }
}

/// The generation that a host goes back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// Its number; `None` for a host on which nothing was released before.
    pub number: Option<u64>,
    /// The ids of the images that it ran.
    pub images: BTreeMap<ServiceName, String>,
}
