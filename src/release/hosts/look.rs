//! One look at a host.

use super::super::problem::Problem;
use super::{LOOK, LOOKING, Setting};
use crate::cluster::name::{HostName, ServiceName, VariableName};
use crate::host::layout::Layout;
use crate::host::look::{self, HostLook, Look, LookFor, ObserveError, Request};
use crate::host::reach::session::Session;
use crate::host::version::{Version, has_odd_control_character, passes_control_characters};
use crate::render::desired::DesiredHost;
use crate::render::inputs::{InputValue, InputVariable};

/// The first variable with a value that this systemd does not pass on.
pub(super) fn dropped_by(
    systemd: Version,
    host: &DesiredHost,
) -> Option<(&ServiceName, &VariableName)> {
    if passes_control_characters(systemd) {
        return None;
    }
    host.services.iter().find_map(|(name, service)| {
        let mut variables = service.inputs.variables.iter();
        let odd = |variable: &InputVariable| match &variable.value {
            InputValue::Plain(value) => has_odd_control_character(value),
            // Looked at when it is decrypted.
            InputValue::Secret(_) => false,
        };
        let (variable, _) = variables.find(|(_, variable)| odd(variable))?;
        Some((name, variable))
    })
}

/// What is asked of a host, and at which level of detail.
pub(super) fn with_request<T>(
    setting: Setting<'_>,
    name: &HostName,
    layout: &Layout,
    detail: LookFor,
    then: impl FnOnce(&Request<'_>) -> T,
) -> T {
    let wanted = &setting.desired.hosts[name];
    then(&Request {
        layout,
        engine: wanted.engine,
        desired: &wanted.services,
        detail,
    })
}

/// One look: one exchange, or two where something differs. `answered` is the answer of the first one, if
/// it was asked already. A file that changes while it is looked
/// at is looked at once more.
pub(super) fn observe(
    setting: Setting<'_>,
    name: &HostName,
    session: &mut Session,
    layout: &Layout,
    detail: LookFor,
    mut answered: Option<Vec<u8>>,
) -> Result<(HostLook, Vec<u8>), Problem> {
    with_request(setting, name, layout, detail, |request| {
        let mut once = || -> Result<_, Problem> {
            let answer = match answered.take() {
                Some(answer) => answer,
                None => session.run(LOOKING, &request.script(), LOOK)?.stdout,
            };
            let look = match look::parse(request, &answer)? {
                Look::Complete(look) => look,
                Look::NeedsMore(first) => {
                    let more = session.run(LOOKING, &first.script(), LOOK)?;
                    first.complete(&more.stdout)?
                }
            };
            Ok((look, answer))
        };
        let mut tries = 0;
        loop {
            tries += 1;
            match once() {
                Err(Problem::Observe(ObserveError::Changed { .. })) if tries < 3 => {}
                result => return result,
            }
        }
    })
}
