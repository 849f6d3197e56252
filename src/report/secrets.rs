//! What `bayplan secrets` says. No value is ever among it.

use std::collections::BTreeMap;

use super::palette::{Palette, paint};
use super::text::{escape, width};
use crate::cluster::name::{ClusterName, VariableName};

/// Characters of a recipient's key that tell it from others.
const KEY: usize = 24;

/// Who can read the secrets of a cluster now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readers {
    /// Keys by name, as `[readers]` has them.
    Recorded(BTreeMap<String, String>),
    /// What is encrypted is not for those whom the file names.
    Unknown,
}

/// The names of the secrets, who can read them and who gets them. `users` says of each secret which
/// services on which hosts get it; `None` if the description has errors.
#[must_use]
pub fn list(
    cluster: &ClusterName,
    readers: &Readers,
    names: &[&VariableName],
    users: Option<&BTreeMap<VariableName, Vec<String>>>,
    palette: &Palette,
) -> String {
    let mut text = match readers {
        Readers::Recorded(readers) => {
            let readers: Vec<String> = readers
                .iter()
                .map(|(name, key)| format!("{} ({})", escape(name), short(key)))
                .collect();
            format!("{cluster} can be read by {}\n", readers.join(", "))
        }
        Readers::Unknown => format!("who can read {cluster} is not known\n"),
    };
    if names.is_empty() {
        text.push_str("no secrets yet\n");
        return text;
    }
    let column = names
        .iter()
        .map(|name| width(name.as_str()))
        .max()
        .unwrap_or(0)
        .max(6);
    let head = format!("{:<column$}  USED BY", "SECRET");
    text.push_str(&format!("\n{}\n", paint(palette.dim, &head)));
    for name in names {
        let users = match users {
            None => "?".to_owned(),
            Some(users) => users.get(*name).map_or_else(
                || "nobody".to_owned(),
                |users| users.join(&format!("\n{:column$}  ", "")),
            ),
        };
        text.push_str(&format!("{name:<column$}  {users}\n"));
    }
    text
}

fn short(key: &str) -> String {
    let mut words = key.split_whitespace();
    let first = words.next().unwrap_or_default();
    match words.next() {
        // The end of an SSH key is what differs.
        Some(base64) => {
            let skip = base64.chars().count().saturating_sub(8);
            let end: String = base64.chars().skip(skip).collect();
            format!("{} …{}", escape(first), escape(&end))
        }
        None => {
            let text: String = first.chars().take(KEY).collect();
            format!("{}…", escape(&text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_names_and_no_values() {
        let name = |name: &str| VariableName::new(name).unwrap();
        let (stripe, old) = (name("STRIPE_KEY"), name("OLD"));
        let recipients = BTreeMap::from([
            (
                "ada".to_owned(),
                "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq".to_owned(),
            ),
            (
                "ci".to_owned(),
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgME".to_owned(),
            ),
        ]);
        let users = BTreeMap::from([(
            stripe.clone(),
            vec![
                "payment on docker01".to_owned(),
                "search on docker01, docker02".to_owned(),
            ],
        )]);
        let cluster = ClusterName::new("production").unwrap();
        let text = list(
            &cluster,
            &Readers::Recorded(recipients),
            &[&old, &stripe],
            Some(&users),
            &Palette::PLAIN,
        );
        insta::assert_snapshot!(text);
    }
}
