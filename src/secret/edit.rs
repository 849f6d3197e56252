//! All values as one text for an editor, and back. Pure.

use std::collections::BTreeMap;

use toml_edit::{DocumentMut, Item, Value};

use crate::cluster::name::{ClusterName, VariableName};
use crate::cluster::secret::Plaintext;
use crate::cluster::too_deep;

/// The text for the editor: TOML, a value each. Values that are no text are only named.
#[must_use]
pub fn text(cluster: &ClusterName, values: &BTreeMap<VariableName, Plaintext>) -> Plaintext {
    let mut head = format!(
        "# The secrets of {cluster}. What changes here is encrypted anew; a name that is gone is removed.\n\
         # A value of several lines stands between \"\"\" or '''.\n"
    );
    let mut document = DocumentMut::new();
    for (name, value) in values {
        match value.text() {
            Some(text) => {
                document.insert(name.as_str(), Item::Value(Value::from(text)));
            }
            None => head.push_str(&format!(
                "# {name}: {} bytes that are no text; `bayplan secrets set {cluster} {name} --file FILE` changes it\n",
                value.bytes().len()
            )),
        }
    }
    Plaintext::new(format!("{head}\n{document}").into_bytes())
}

/// Parses a text for edits.
///
/// # Errors
/// It is no TOML, or nested too deep: the byte where that shows.
pub(super) fn document(text: &str) -> Result<DocumentMut, usize> {
    if let Some(bracket) = too_deep(text) {
        return Err(bracket.start);
    }
    text.parse().map_err(|error: toml_edit::TomlError| {
        error.span().map_or(0, |span| span.start.min(text.len()))
    })
}

/// Reads an edited text.
///
/// # Errors
/// What is wrong, and on which line, without a word of what stands there.
pub fn read(text: &Plaintext) -> Result<BTreeMap<VariableName, Plaintext>, String> {
    let text = text
        .text()
        .ok_or_else(|| "expected UTF-8, found other bytes".to_owned())?;
    let odd = |start: usize| {
        let line = text.as_bytes()[..start]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
            + 1;
        format!("expected TOML, found something else on line {line}")
    };
    let document = document(text).map_err(odd)?;
    let mut values = BTreeMap::new();
    for (number, (name, item)) in document.iter().enumerate() {
        let number = number + 1;
        let name = VariableName::new(name)
            .map_err(|error| format!("expected {} as name {number}", error.expected))?;
        let value = item
            .as_str()
            .ok_or_else(|| format!("expected a string for {name}, found another type"))?;
        values.insert(name, Plaintext::new(value.as_bytes().to_vec()));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_not_edited_comes_back_unchanged(
            values in prop::collection::btree_map("[A-Z_][A-Z0-9_]{0,5}", any::<String>(), 0..5),
        ) {
            let values: BTreeMap<VariableName, Plaintext> = values
                .into_iter()
                .map(|(name, value)| (VariableName::new(name).unwrap(), Plaintext::new(value.into_bytes())))
                .collect();
            let text = text(&ClusterName::new("test").unwrap(), &values);
            prop_assert!(read(&text) == Ok(values));
        }
    }

    #[test]
    fn a_mistake_is_told_without_what_stands_there() {
        for (text, expected) in [
            (
                "A = \"x\"\nB = s3ntinel\n",
                "expected TOML, found something else on line 2",
            ),
            ("A = 5\n", "expected a string for A, found another type"),
            (
                "\"s3ntinel x\" = \"a\"\n",
                "expected letters, digits, `_`, `.` and `-`, no sign but `_` first (`[A-Za-z0-9_][A-Za-z0-9_.-]*`), at most 200 as name 1",
            ),
        ] {
            let found = read(&Plaintext::new(text.as_bytes().to_vec())).unwrap_err();
            assert_eq!(found, expected);
        }
    }
}
