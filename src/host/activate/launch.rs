//! How an activation begins: on a host with systemd as a unit of its own. Pure.

use crate::cluster::model::Supervisor;
use crate::host::layout::{ActivationId, Layout, StageId, activation_log, activation_unit};
use crate::render::shell::quote;

const LAUNCH: &str = include_str!("launch.sh");

/// The script that writes an activation's script into the staging area, where it stays with the
/// generation, and runs it. It holds the host's lock (descriptor 9) as long as it runs, whatever
/// becomes of the session. On a host with systemd it outlives the session, so this only starts it:
/// [`parse_launched`] reads what it says, and [`follow_script`](super::follow::follow_script) follows the activation. Below a directory
/// this is all of it.
#[must_use]
pub fn launch(
    layout: &Layout,
    stage: &StageId,
    wave: usize,
    id: &ActivationId,
    activation: &str,
) -> String {
    let name = Layout::activation_name(wave);
    let script = layout.staging(stage).join(&name).quoted();
    // A disk that is full may take a part of it.
    let write = format!(
        "script={script}\n\
         why=$({{ printf %s {} >\"$script\" && chmod 0755 \"$script\" && \
         [ \"$(wc -c <\"$script\")\" -eq {} ]; }} 2>&1) || ",
        quote(activation),
        activation.len(),
    );
    match layout.supervisor() {
        Supervisor::None => format!(
            "{write}{{\n\
             printf 'error may not write %s: %s\\n' \"$script\" \"$why\"\n\
             exit 1\n\
             }}\n\
             exec sh \"$script\" 0<&9 9<&-\n"
        ),
        Supervisor::Systemd => {
            let cluster = layout.cluster().as_str();
            format!(
                "{write}{{\n\
                 printf 'failed\\nmay not write %s: %s\\n' \"$script\" \"$why\"\n\
                 exit 1\n\
                 }}\n\
                 said={}\ncluster={cluster}\nid={id}\nunit={}\n{LAUNCH}",
                quote(&activation_log(cluster)),
                quote(&activation_unit(cluster, Some(id))),
            )
        }
    }
}

/// What came of [`launch`] on a host with systemd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launched {
    /// It has begun; its log tells the rest.
    Yes,
    /// It has not, and will not.
    No {
        /// One line.
        why: String,
    },
    /// systemd has not answered yet: it may still begin.
    Unknown,
}

/// Reads the answer of [`launch`].
#[must_use]
pub fn parse_launched(answer: &[u8]) -> Launched {
    let answer = String::from_utf8_lossy(answer);
    let (first, rest) = answer.split_once('\n').unwrap_or((&answer, ""));
    match first {
        "launched" => Launched::Yes,
        "failed" => Launched::No {
            why: crate::host::said::one_line(rest),
        },
        _ => Launched::Unknown,
    }
}
