//! Nothing that a host can answer makes a parser panic, and what it says is one short line wherever it
//! is shown: truncated answers, binary ones, other words in between.

use proptest::prelude::*;

use super::activate::event::ScriptEvent;
use super::lock::{LockAnswer, parse_lock};
use super::reach::facts::Facts;
use super::stage::deliver::parse_delivered;
use super::stage::{ReadinessCheck, parse_staged};

/// Lines of the words that answers are made of, with numbers and noise between them.
fn lines() -> impl Strategy<Value = String> {
    let words = "(bayplan check 1|begin|step|back|start|done|skipped|failed|doing|error|state|journal|note|ended|put back\
                 |locked|held|staged|delivered|digest|verify|space|image|pull|container|sealed|noage|nokey|end\
                 |uid|kernel|hostname|systemd|machine-id|missing|[0-9]{1,25}|-|[ -~]{0,4}|\u{1b}\\[2J|ä|\r)";
    let line = prop::collection::vec(words, 0..6).prop_map(|words| words.join(" "));
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

fn is_tame(text: &str) -> bool {
    !text.contains(char::is_control) && text.chars().count() < 2000
}

fn read(answer: &[u8]) {
    for line in String::from_utf8_lossy(answer).lines() {
        let _ = ScriptEvent::parse(line);
    }
    match parse_lock(answer) {
        LockAnswer::Taken => {}
        LockAnswer::Held {
            holder: said,
            release: _,
        }
        | LockAnswer::Failed { why: said } => {
            assert!(is_tame(&said), "{said:?}");
        }
    }
    for said in [parse_staged(answer), parse_delivered(answer)] {
        assert!(
            said.as_ref().err().is_none_or(|why| is_tame(why)),
            "{said:?}"
        );
    }
    match ReadinessCheck::parse(answer) {
        Ok(checked) => {
            for finding in checked.findings {
                assert!(is_tame(&finding.to_string()), "{finding:?}");
            }
        }
        Err(why) => assert!(is_tame(&why), "{why:?}"),
    }
    let _ = Facts::parse(answer);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_make_a_parser_panic(answer in prop::collection::vec(any::<u8>(), 0..300)) {
        read(&answer);
    }

    #[test]
    fn no_words_make_a_parser_panic(lines in lines(), head in "(bayplan check 1\n|held\n|failed |)", end in "(\nend\n|)") {
        read(format!("{head}{lines}{end}").as_bytes());
    }
}
