//! Questions to the operator, where there is a terminal to ask on.

#![expect(clippy::disallowed_methods, reason = "asks the operator")]

use std::io::{IsTerminal as _, stderr, stdin};

use super::Failure;
use crate::report::confirm::{Confirmation, ask, ask_name};

/// Whether the answer is yes. `otherwise` is what goes on without asking.
pub(super) fn is_confirmed(question: &str, otherwise: &str) -> Result<bool, Failure> {
    on_terminal(otherwise)?;
    let answer = ask(question, &mut stdin().lock(), &mut stderr())?;
    Ok(answer == Confirmation::Yes)
}

/// Whether the answer is this name.
pub(super) fn is_named(question: &str, name: &str, otherwise: &str) -> Result<bool, Failure> {
    on_terminal(otherwise)?;
    let answer = ask_name(question, name, &mut stdin().lock(), &mut stderr())?;
    Ok(answer == Confirmation::Yes)
}

fn on_terminal(otherwise: &str) -> Result<(), Failure> {
    if stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::with_help(
        anyhow::anyhow!("expected a terminal to ask on, found none"),
        otherwise.to_owned(),
    ))
}
