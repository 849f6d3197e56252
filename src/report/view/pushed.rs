//! What was pushed and is not effective, as it is shown.

use schemars::JsonSchema;
use serde::Serialize;

use crate::render::pushed::PushedRelease;

/// A release that `push` staged, and that `activate` would make effective.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PushedView<'a> {
    /// Who pushed.
    pub who: &'a str,
    /// When, RFC 3339, by the clock of who pushed.
    pub when: &'a str,
    /// The commit of the config repository, or null.
    pub commit: Option<&'a str>,
}

impl<'a> PushedView<'a> {
    /// What hosts keep of a push.
    #[must_use]
    pub fn of(pushed: &'a PushedRelease) -> Self {
        Self {
            who: &pushed.who,
            when: &pushed.when,
            commit: pushed.commit.as_deref(),
        }
    }
}
