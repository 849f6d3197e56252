//! What a unit does to find out whether its container is healthy (`ExecStartPost=`), as command lines that
//! can be run beside it: a container that goes on running is asked by a new probe before that counts.

use super::unit::{parse_unit, split_words};

/// The commands of a unit's `ExecStartPost=`, word by word. Those that only systemd can run as they are
/// meant (with other rights, or with variables of the unit in them) or whose failure does not count are
/// left out.
#[must_use]
pub fn probes(unit_text: &str, unit: &str) -> Vec<Vec<String>> {
    let parsed = parse_unit(unit_text);
    let values = parsed.values("Service", "ExecStartPost");
    values
        .into_iter()
        .filter_map(|value| {
            let words = split_words(value).ok()?;
            let words = words.iter().map(|word| expand(word, unit));
            let words: Vec<String> = words.collect::<Option<_>>()?;
            words
                .first()
                .is_some_and(|p| p.starts_with('/'))
                .then_some(words)
        })
        .collect()
}

/// What a process gets of a word; `None` if only systemd knows.
fn expand(word: &str, unit: &str) -> Option<String> {
    let mut expanded = String::with_capacity(word.len());
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match (c, c == '$' || c == '%') {
            (_, false) => expanded.push(c),
            (_, true) => match (c, chars.next()?) {
                ('$', '$') => expanded.push('$'),
                ('%', '%') => expanded.push('%'),
                ('%', 'N' | 'p') => {
                    expanded.push_str(unit);
                    // The whole name of a slot's container.
                    if chars.as_str().starts_with(".%i") {
                        chars.nth(2);
                    }
                }
                _ => return None,
            },
        }
    }
    Some(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_what_systemd_would_run() {
        let unit = "[Service]\nExecStartPost=/bin/old\nExecStartPost=\n\
                    ExecStartPost=/bin/bash -pc 'kill -0 $$MAINPID; echo 5%% \\\n  %N'\n\
                    ExecStartPost=-/bin/may-fail\nExecStartPost=/bin/echo ${SECRET}\n\
                    ExecStartPost=+/bin/root\n";
        assert_eq!(
            probes(unit, "demo-web"),
            [["/bin/bash", "-pc", "kill -0 $MAINPID; echo 5%  demo-web"]]
        );
    }
}
