//! A comment that is being written, and how text gets into it.

use std::collections::BTreeSet;

use super::super::text::{commas, count, escape_lines};

/// What a comment may hold: GitHub takes 65,536 characters. Counted in bytes, which are more.
pub const MAX: usize = 65_536;

/// What is kept free for the lines that say what was left out.
pub(super) const RESERVE: usize = 1_024;

/// How many clusters of which something is left out are named: the longest names fit in [`RESERVE`].
pub(super) const INCOMPLETE: usize = 8;

/// A folded part: its title, of names only, and its Markdown.
pub(super) struct FoldedPart {
    pub(super) title: String,
    pub(super) body: String,
}

/// A comment that is being written: what people must see first, then what fits.
pub(super) struct Page {
    text: String,
    /// With the cluster that each belongs to.
    folded: Vec<(Option<String>, FoldedPart)>,
    /// The cluster that is being written about, where there may be several.
    pub(super) about: Option<String>,
    rows_left_out: usize,
    parts_left_out: usize,
    /// The clusters of which something is left out.
    incomplete: BTreeSet<String>,
}

impl Page {
    pub(super) fn new(marker: &str) -> Self {
        Self {
            text: format!("<!-- bayplan:{marker} -->\n"),
            folded: Vec::new(),
            about: None,
            rows_left_out: 0,
            parts_left_out: 0,
            incomplete: BTreeSet::new(),
        }
    }

    pub(super) fn fits(&self, more: usize) -> bool {
        self.text.len() + more + RESERVE <= MAX
    }

    /// Adds a block, if it fits.
    pub(super) fn push(&mut self, block: String) {
        if self.fits(block.len() + 1) {
            self.text += &block;
            self.text.push('\n');
        } else {
            self.parts_left_out += 1;
            self.incomplete.extend(self.about.clone());
        }
    }

    /// Adds a table, or as many of its rows as fit in half of what is left.
    pub(super) fn table(&mut self, rows: &[String]) {
        const HEAD: &str = "| service | hosts | what | why |\n| --- | --- | --- | --- |\n";
        if !self.fits(HEAD.len() + 1) {
            self.rows_left_out += rows.len();
            self.incomplete.extend(self.about.clone());
            return;
        }
        self.text += HEAD;
        let mut left_out = 0;
        for row in rows {
            if left_out == 0 && self.fits(row.len() + 1) {
                self.text += row;
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            self.rows_left_out += left_out;
            self.incomplete.extend(self.about.clone());
        }
        self.text.push('\n');
    }

    pub(super) fn fold(&mut self, part: FoldedPart) {
        self.folded.push((self.about.clone(), part));
    }

    pub(super) fn finish(mut self) -> String {
        let several = self.incomplete.len() > 1 || {
            let about: BTreeSet<_> = self.folded.iter().map(|(about, _)| about).collect();
            about.len() > 1
        };
        for (about, part) in std::mem::take(&mut self.folded) {
            let FoldedPart { title, body } = part;
            let title = match &about {
                Some(cluster) if several => format!("{cluster}: {title}"),
                Some(_) | None => title,
            };
            self.about = about;
            self.push(format!(
                "<details><summary>{title}</summary>\n\n{body}\n</details>\n"
            ));
        }
        let mut left = Vec::new();
        if self.rows_left_out > 0 {
            left.push(count(self.rows_left_out, "row", "rows"));
        }
        if self.parts_left_out > 0 {
            left.push(count(self.parts_left_out, "part", "parts"));
        }
        if !left.is_empty() {
            let of = match self.incomplete.len() {
                0 | 1 => String::new(),
                number => {
                    let named = self.incomplete.iter().take(INCOMPLETE);
                    let named: Vec<_> = named.map(|name| name.as_str()).collect();
                    match number - named.len() {
                        0 => format!(" of {}", commas(&named)),
                        more => format!(" of {} and {more} more clusters", named.join(", ")),
                    }
                }
            };
            self.text += &format!(
                "**Left out, since a comment holds {MAX} characters: {}{of}.** \
                 `bayplan diff --diff` shows all of it.\n",
                left.join(" and ")
            );
        }
        self.text
    }
}

/// A block of lines as they are; the fence is longer than any that they could hold.
pub(super) fn fence(language: &str, lines: &str) -> String {
    let run = lines.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(run.max(2) + 1);
    let body: String = escape_lines(lines).map(|line| line + "\n").collect();
    format!("{fence}{language}\n{body}{fence}\n")
}

/// A text that nobody reads as markup; in `<code>`, where mentions and links are none either.
pub(super) fn code(shown: &str) -> String {
    format!(
        "<code>{}</code>",
        entities(&super::super::text::escape(shown))
    )
}

/// A sentence of ours in which `…` marks what to type and anything else may be a user's.
pub(super) fn text(sentence: &str) -> String {
    let mut shown = String::new();
    for (number, part) in sentence.split('`').enumerate() {
        match number % 2 {
            0 => shown += &entities(&super::super::text::escape(part)),
            _ => shown += &code(part),
        }
    }
    shown
}

/// Every character that Markdown or HTML reads as more than itself as an entity: in Markdown an
/// entity is never structure.
pub(super) fn entities(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => shown += "&amp;",
            '<' => shown += "&lt;",
            '>' => shown += "&gt;",
            '"' => shown += "&quot;",
            // A blank at the start of a line, or two, would indent or break it.
            ' ' | '.' | ',' | ':' | '/' | '-' | '(' | ')' | '+' | '=' | '%' | ';' | '?' | '→'
            | '…' => shown.push(c),
            c if c.is_ascii_punctuation() => shown += &format!("&#{};", u32::from(c)),
            c => shown.push(c),
        }
    }
    shown
}
