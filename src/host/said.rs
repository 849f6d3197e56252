//! What a host said, for people.

/// How much of it is shown, in characters.
const SHOWN: usize = 500;

/// What a host said, as one line that fits a terminal: lines are joined, and nothing in it steers the terminal.
pub(super) fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let joined = lines.join("; ");
    let plain = joined.chars().take(SHOWN);
    plain
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Whether a script that writes files said nothing but that it did; else what it said, behind what that means.
pub(super) fn written(answer: &[u8], else_: &str) -> Result<(), String> {
    match String::from_utf8_lossy(answer) {
        said if said == "written\n" => Ok(()),
        said => Err(format!("{else_}: {}", one_line(&said))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_said_is_one_line_without_control_characters() {
        assert_eq!(one_line("  a\n\n b\x1b[1m \r\n"), "a; b\u{fffd}[1m");
        assert_eq!(one_line(&"x".repeat(2000)).len(), SHOWN);
        assert_eq!(one_line("\n"), "");
    }
}
