//! The question before a release.

use std::io::{self, BufRead, Write};

/// What the operator said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// Do it.
    Yes,
    /// Leave it, which is also meant by everything that is no yes.
    No,
}

/// Asks, and reads one line. Only `y` and `yes` are a yes; the end of the input is a no.
///
/// # Errors
/// The question cannot be written or the answer not be read.
pub fn ask(
    question: &str,
    input: &mut impl BufRead,
    to: &mut impl Write,
) -> io::Result<Confirmation> {
    let line = answer(question, input, to)?;
    match line.trim_ascii().to_ascii_lowercase().as_slice() {
        b"y" | b"yes" => Ok(Confirmation::Yes),
        _ => Ok(Confirmation::No),
    }
}

/// Asks for a name, and reads one line. Only the name itself is a yes.
///
/// # Errors
/// The question cannot be written or the answer not be read.
pub fn ask_name(
    question: &str,
    name: &str,
    input: &mut impl BufRead,
    to: &mut impl Write,
) -> io::Result<Confirmation> {
    let line = answer(question, input, to)?;
    Ok(match line.trim_ascii() == name.as_bytes() {
        true => Confirmation::Yes,
        false => Confirmation::No,
    })
}

/// One line of an answer.
fn answer(question: &str, input: &mut impl BufRead, to: &mut impl Write) -> io::Result<Vec<u8>> {
    to.write_all(question.as_bytes())?;
    to.flush()?;
    let mut line = Vec::new();
    let read = input.read_until(b'\n', &mut line)?;
    if read == 0 {
        // Ctrl-D leaves the cursor behind the question.
        writeln!(to)?;
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_y_and_yes_are_a_yes() {
        let answer = |text: &[u8]| {
            let mut shown = Vec::new();
            let answer = ask("Apply? [y/N] ", &mut &text[..], &mut shown).unwrap();
            (answer, String::from_utf8(shown).unwrap())
        };
        for yes in ["y\n", "Y\n", "yes\n", " YES \r\n", "y"] {
            assert_eq!(
                answer(yes.as_bytes()),
                (Confirmation::Yes, "Apply? [y/N] ".to_owned())
            );
        }
        for no in ["\n", "n\n", "yy\n", "yes please\n", "j\n"] {
            assert_eq!(answer(no.as_bytes()).0, Confirmation::No, "{no:?}");
        }
        assert_eq!(answer(b"\xff\xfe\n").0, Confirmation::No);
        assert_eq!(
            answer(b""),
            (Confirmation::No, "Apply? [y/N] \n".to_owned())
        );
    }

    #[test]
    fn only_the_name_itself_is_a_yes() {
        let answer =
            |text: &[u8]| ask_name("Name: ", "docker01", &mut &text[..], &mut Vec::new()).unwrap();
        assert_eq!(answer(b"docker01\n"), Confirmation::Yes);
        for no in ["\n", "y\n", "docker02\n", "docker01 docker02\n", ""] {
            assert_eq!(answer(no.as_bytes()), Confirmation::No, "{no:?}");
        }
    }
}
