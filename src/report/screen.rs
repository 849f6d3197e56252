//! A report that is drawn again and again in one place of a terminal.

#![expect(
    clippy::disallowed_methods,
    reason = "asks whether standard output is a terminal"
)]

use std::io::{IsTerminal as _, stdout};

use super::stream::{self, StdoutError};

/// The second screen of a terminal: what stood there before comes back at its end.
#[derive(Debug)]
pub struct Screen(());

impl Screen {
    /// `None` where standard output is no terminal that can be drawn on.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn open() -> Result<Option<Self>, StdoutError> {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if !stdout().is_terminal() || dumb {
            return Ok(None);
        }
        // The second screen, without a cursor and without wrapping: a line is a row.
        stream::stdout("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l")?;
        Ok(Some(Self(())))
    }

    /// Draws a report over the one before.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn draw(&self, text: &str) -> Result<(), StdoutError> {
        let rows = terminal_size::terminal_size_of(stdout()).map(|(_, rows)| usize::from(rows.0));
        stream::stdout(&frame(text, rows.filter(|rows| *rows > 0)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Whoever took the terminal away needs nothing back.
        let _ = stream::stdout("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l");
    }
}

/// From the first row on; each row and what is below the last one is cleared of what stood there. What does not fit is
/// counted.
fn frame(text: &str, rows: Option<usize>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let shown = match rows {
        Some(rows) if lines.len() > rows => rows.saturating_sub(1),
        Some(_) | None => lines.len(),
    };
    let mut drawn: Vec<String> = lines[..shown]
        .iter()
        .map(|line| format!("{line}\u{1b}[K"))
        .collect();
    if shown < lines.len() {
        drawn.push(format!("… {} more lines\u{1b}[K", lines.len() - shown));
    }
    format!("\u{1b}[H{}\u{1b}[J", drawn.join("\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_the_terminal() {
        let plain = |rows| frame("a\nb\nc\n", rows).replace('\u{1b}', "^");
        assert_eq!(plain(Some(3)), "^[Ha^[K\r\nb^[K\r\nc^[K^[J");
        assert_eq!(plain(None), "^[Ha^[K\r\nb^[K\r\nc^[K^[J");
        assert_eq!(plain(Some(2)), "^[Ha^[K\r\n… 2 more lines^[K^[J");
    }
}
