//! How a stream takes reports: their few colours, or none, and how wide it is.

#![expect(
    clippy::disallowed_methods,
    reason = "asks whether the streams are terminals"
)]

use std::os::fd::AsFd;

use anstyle::{AnsiColor, Style};

use super::text::WIDTH;

/// Styles by meaning, and a width. [`Palette::PLAIN`] gives text without any escape sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// What is new.
    pub added: Style,
    /// What changes.
    pub changed: Style,
    /// What goes, and what failed.
    pub removed: Style,
    /// The word `error`.
    pub error: Style,
    /// The words `help` and `next`.
    pub help: Style,
    /// Names that head a section.
    pub strong: Style,
    /// What matters less.
    pub dim: Style,
    /// The terminal's width in columns, where there is one.
    pub terminal: Option<usize>,
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
        terminal: None,
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
        terminal: None,
    };

    /// The palette for standard output, after `--color` ([`anstream::ColorChoice::write_global`]),
    /// `NO_COLOR`, `CLICOLOR_FORCE` and whether it is a terminal.
    #[must_use]
    pub fn stdout() -> Self {
        let stdout = std::io::stdout();
        Self::of(anstream::AutoStream::choice(&stdout), stdout)
    }

    /// The palette for standard error, by the same rules.
    #[must_use]
    pub fn stderr() -> Self {
        let stderr = std::io::stderr();
        Self::of(anstream::AutoStream::choice(&stderr), stderr)
    }

    /// Whether it has no colours.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let terminal = self.terminal;
        *self
            == Self {
                terminal,
                ..Self::PLAIN
            }
    }

    /// How wide a report is, in columns. Without a terminal always the same, as logs are compared.
    #[must_use]
    pub fn width(&self) -> usize {
        self.terminal.unwrap_or(WIDTH)
    }

    fn of(choice: anstream::ColorChoice, stream: impl AsFd) -> Self {
        let terminal = terminal_size::terminal_size_of(stream);
        let terminal = terminal.map(|(width, _)| usize::from(width.0));
        let palette = match choice {
            anstream::ColorChoice::Never => Self::PLAIN,
            anstream::ColorChoice::Auto
            | anstream::ColorChoice::AlwaysAnsi
            | anstream::ColorChoice::Always => Self::COLOURED,
        };
        // A terminal of no columns does not know its size.
        Self {
            terminal: terminal.filter(|width| *width > 0),
            ..palette
        }
    }
}

/// The text in a style.
pub(super) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
