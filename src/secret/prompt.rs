//! Questions on the terminal, and nowhere else: without a terminal nothing waits for an answer.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};

use crate::cluster::secret::Plaintext;

/// The terminal of the session, whatever standard input and output are.
fn terminal() -> Option<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .ok()
}

/// Asks without echo; `None` if there is no terminal, or no answer.
pub fn hidden(question: &str) -> Option<Plaintext> {
    terminal()?;
    let answer = rpassword::prompt_password(question).ok()?;
    Some(Plaintext::new(answer.into_bytes()))
}

/// Asks with echo; `None` if there is no terminal, or no answer.
pub fn visible(question: &str) -> Option<String> {
    let mut terminal = terminal()?;
    write!(terminal, "{question}").ok()?;
    let mut answer = String::new();
    BufReader::new(terminal).read_line(&mut answer).ok()?;
    Some(answer.trim_end_matches(['\r', '\n']).to_owned())
}

/// Shows a message, if there is anybody.
pub(super) fn tell(message: &str) {
    if let Some(mut terminal) = terminal() {
        let _ = writeln!(terminal, "{message}");
    }
}
