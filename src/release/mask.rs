//! Secret values in what containers print: they are replaced before anybody sees it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::cluster::name::ServiceName;
use crate::cluster::secret::Plaintext;

/// Shorter ones are not looked for: where a `1` is masked, nothing can be read any more.
const SHORTEST: usize = 4;
/// From this length on a value is looked for in base64, too.
const SHORTEST_ENCODED: usize = 8;

/// What stands in place of a value.
const MASKED: &str = "[secret]";

/// The values that are known here, and of which services all of them are.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    /// Each line of each value, the longest first: one can be a part of another.
    words: Vec<Plaintext>,
    services: BTreeSet<ServiceName>,
}

impl Mask {
    /// All of these values, by the service that has them.
    pub fn learn<'a>(
        &mut self,
        service: &ServiceName,
        values: impl IntoIterator<Item = &'a Plaintext>,
    ) {
        self.services.insert(service.clone());
        for value in values {
            let text = String::from_utf8_lossy(value.bytes());
            // A journal has lines, too.
            let lines = text.lines().map(str::trim);
            for line in lines.filter(|line| line.chars().count() >= SHORTEST) {
                self.words.push(Plaintext::new(line.as_bytes().to_vec()));
            }
            if value.bytes().len() >= SHORTEST_ENCODED {
                for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                    let encoded = engine.encode(value.bytes());
                    self.words.push(Plaintext::new(encoded.into_bytes()));
                }
            }
        }
        self.words
            .sort_by(|a, b| (b.bytes().len(), a.bytes()).cmp(&(a.bytes().len(), b.bytes())));
        self.words.dedup();
    }

    /// Whether every secret that the service has now is known.
    #[must_use]
    pub fn knows(&self, service: &ServiceName) -> bool {
        self.services.contains(service)
    }

    /// A line with every value in it replaced.
    #[must_use]
    pub fn line(&self, text: &str) -> String {
        let mut line = text.to_owned();
        for word in self.words.iter().filter_map(Plaintext::text) {
            if line.contains(word) {
                line = line.replace(word, MASKED);
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(values: &[&str]) -> Mask {
        let values: Vec<_> = values
            .iter()
            .map(|value| Plaintext::new(value.as_bytes().to_vec()))
            .collect();
        let mut mask = Mask::default();
        mask.learn(&ServiceName::new("web").unwrap(), &values);
        mask
    }

    #[test]
    fn a_known_value_is_in_no_line() {
        let mask = mask(&[
            "hunter22",
            "hunter22-and-more",
            "-----BEGIN-----\nMIIEow\n-----END-----\n",
        ]);
        let cases = [
            ("password hunter22!", "password [secret]!"),
            ("hunter22-and-more", "[secret]"),
            ("  MIIEow", "  [secret]"),
            ("basic aHVudGVyMjI=", "basic [secret]="),
            ("nothing here", "nothing here"),
        ];
        for (line, masked) in cases {
            assert_eq!(mask.line(line), masked);
        }
        assert!(!format!("{mask:?}").contains("hunter"));
    }

    #[test]
    fn a_value_that_is_hardly_one_masks_nothing() {
        assert_eq!(mask(&["1", "yes", ""]).line("1 yes 1"), "1 yes 1");
    }

    #[test]
    fn only_services_whose_values_came_are_known() {
        let mask = mask(&["hunter22"]);
        assert!(mask.knows(&ServiceName::new("web").unwrap()));
        assert!(!mask.knows(&ServiceName::new("db").unwrap()));
    }
}
