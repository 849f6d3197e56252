//! The few colours of the reports, or none.

#![expect(
    clippy::disallowed_methods,
    reason = "asks whether the streams are terminals"
)]

use anstyle::{AnsiColor, Style};

/// Styles by meaning. [`Palette::PLAIN`] gives text without any escape sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    pub added: Style,
    pub changed: Style,
    pub removed: Style,
    pub error: Style,
    pub help: Style,
    pub strong: Style,
    pub dim: Style,
}

impl Palette {
    /// No colours: for pipes, files, `NO_COLOR` and `--color never`.
    pub const PLAIN: Self = Self {
        added: Style::new(),
        changed: Style::new(),
        removed: Style::new(),
        error: Style::new(),
        help: Style::new(),
        strong: Style::new(),
        dim: Style::new(),
    };

    /// The sixteen colours that every terminal has, so that the reader's own theme decides.
    pub const COLOURED: Self = Self {
        added: AnsiColor::Green.on_default(),
        changed: AnsiColor::Yellow.on_default(),
        removed: AnsiColor::Red.on_default(),
        error: AnsiColor::Red.on_default().bold(),
        help: AnsiColor::Cyan.on_default(),
        strong: Style::new().bold(),
        dim: Style::new().dimmed(),
    };

    /// The palette for standard output, after `--color` ([`anstream::ColorChoice::write_global`]),
    /// `NO_COLOR`, `CLICOLOR_FORCE` and whether it is a terminal.
    #[must_use]
    pub fn stdout() -> Self {
        Self::of(anstream::AutoStream::choice(&std::io::stdout()))
    }

    /// The palette for standard error, by the same rules.
    #[must_use]
    pub fn stderr() -> Self {
        Self::of(anstream::AutoStream::choice(&std::io::stderr()))
    }

    fn of(choice: anstream::ColorChoice) -> Self {
        match choice {
            anstream::ColorChoice::Never => Self::PLAIN,
            anstream::ColorChoice::Auto
            | anstream::ColorChoice::AlwaysAnsi
            | anstream::ColorChoice::Always => Self::COLOURED,
        }
    }
}

/// The text in a style.
pub(super) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
