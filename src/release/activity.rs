//! What goes on on a host.

use std::time::Duration;

use crate::host::activate::activity::{Activity, activity_script};
use crate::host::layout::Layout;
use crate::host::reach::error::HostError;
use crate::host::reach::session::Session;

/// For the question what goes on.
pub(super) const ACTIVITY: Duration = Duration::from_secs(30);

/// What goes on on a host; nothing below a root directory.
pub(super) fn activity(session: &mut Session, layout: &Layout) -> Result<Activity, HostError> {
    if !layout.supervisor().runs_containers() {
        return Ok(Activity::default());
    }
    let doing = "asking what goes on there";
    let answer = session.run(doing, &activity_script(layout), ACTIVITY)?;
    Activity::parse(&answer.stdout).ok_or_else(|| session.misunderstood(doing, &answer.stdout))
}
