//! The files of hosts on standard output: `render` without `-o`.

use super::palette::{Palette, paint};
use super::text::{escape, escape_lines, width};
use crate::cluster::name::HostName;

/// One file under a line that names host and path. Bytes that are not UTF-8 are counted, not
/// shown. Whatever could steer a terminal is escaped: for the very bytes there
/// is `-o`.
#[must_use]
pub fn text(host: &HostName, path: &str, bytes: &[u8], palette: &Palette) -> String {
    let title = format!("── {host} {} ", escape(path));
    let rule = "─".repeat(palette.width().saturating_sub(width(&title)));
    let mut text = format!("{}\n", paint(palette.strong, &format!("{title}{rule}")));
    match std::str::from_utf8(bytes) {
        Ok(content) => {
            for line in escape_lines(content) {
                text += &format!("{line}\n");
            }
        }
        Err(_) => text += &format!("({} bytes, not UTF-8)\n", bytes.len()),
    }
    text
}
