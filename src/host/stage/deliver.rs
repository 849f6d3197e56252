//! Secrets of a host with `secrets = "plain"`: they go through the session to a directory beside their
//! place, just before the activation that puts them there. They are never staged and never kept.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;

use super::UNTAR;
use super::archive::{append_above, append_directory, append_private};
use crate::cluster::name::ServiceName;
use crate::cluster::secret::Plaintext;
use crate::host::layout::Layout;
use crate::render::shell::quote;

const DELIVER: &str = include_str!("deliver.sh");

/// Files of inputs directories, by path below them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveredFiles<'a> {
    /// Whose directory, then path and contents.
    pub files: BTreeMap<(&'a ServiceName, &'a str), BTreeMap<&'a str, &'a Plaintext>>,
}

impl DeliveredFiles<'_> {
    /// The tar stream.
    ///
    /// # Errors
    /// A path does not fit into the format.
    pub fn payload(&self) -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        for ((service, directory), files) in &self.files {
            let base = format!("{service}/{}", beside(directory));
            append_directory(&mut tar, &base, 0o700)?;
            let mut made = BTreeSet::new();
            for (path, bytes) in files {
                append_above(&mut tar, &mut made, &base, path, 0o700)?;
                append_private(&mut tar, &format!("{base}/{path}"), bytes.bytes())?;
            }
        }
        tar.into_inner()
    }

    /// The script that takes the payload from its standard input.
    /// [`parse_delivered`] reads what it says.
    #[must_use]
    pub fn script(&self, layout: &Layout) -> String {
        self.script_to(layout, "")
    }

    /// The same for a directory that only root enters, in place of where the inputs directories are.
    #[must_use]
    pub fn script_below(&self, layout: &Layout, directory: &str) -> String {
        let to = quote(directory);
        self.script_to(
            layout,
            &format!("mkdir -p /run/bayplan && mkdir -m 0700 {to}\netc={to}/etc\n"),
        )
    }

    fn script_to(&self, layout: &Layout, place: &str) -> String {
        let mut services: Vec<&str> = self.files.keys().map(|(s, _)| s.as_str()).collect();
        services.dedup();
        let mut whole = String::new();
        for ((service, directory), files) in &self.files {
            for (path, bytes) in files {
                let path = quote(&format!("{service}/{}/{path}", beside(directory)));
                let size = bytes.bytes().len();
                writeln!(
                    whole,
                    "[ \"$(wc -c <\"$etc\"/{path})\" -eq {size} ] || return 1"
                )
                .expect("writing to a string does not fail");
            }
        }
        format!(
            "{}{place}{}services={}\nwhole() {{\n:\n{whole}}}\n{UNTAR}{DELIVER}",
            layout.variables(),
            self.undeliver(),
            quote(&services.join(" ")),
        )
    }

    /// The script that takes back what was delivered, if the activation left it.
    #[must_use]
    pub fn cleaning_script(&self, layout: &Layout) -> String {
        format!("{}{}undeliver\n", layout.variables(), self.undeliver())
    }

    fn undeliver(&self) -> String {
        let mut function = "undeliver() {\n:\n".to_owned();
        for (service, directory) in self.files.keys() {
            let path = quote(&format!("{service}/{}", beside(directory)));
            writeln!(function, "rm -rf \"$etc\"/{path}")
                .expect("writing to a string does not fail");
        }
        function.push_str("}\n");
        function
    }
}

fn beside(directory: &str) -> String {
    format!(".secrets-{directory}")
}

/// Reads what the script says: nothing if all is well.
///
/// # Errors
/// What the host said, as one line.
pub fn parse_delivered(answer: &[u8]) -> Result<(), String> {
    match String::from_utf8_lossy(answer).trim_end() {
        "delivered" => Ok(()),
        said => Err(crate::host::said::one_line(
            said.trim_start_matches("failed "),
        )),
    }
}
