//! The name of a cluster on this machine: containers, volumes and the network are called after it, so that two never meet.

use std::fmt;

use crate::cluster::digest::Digest;
use crate::cluster::name::ServiceName;

/// How long a name may be.
const MOST: usize = 40;

/// The name of a cluster on this machine, mostly that of a branch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalName(String);

impl LocalName {
    /// Takes a name that somebody chose.
    ///
    /// # Errors
    /// Engines would not take it: what was expected.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=MOST).contains(&text.len()) && text.bytes().all(plain);
        match fits && !text.starts_with('-') && !text.ends_with('-') {
            true => Ok(Self(text.to_owned())),
            false => Err("at most 40 lower-case letters, digits and `-` between them"),
        }
    }

    /// The name for a branch or a directory: `feature/Login` is `feature-login`. `None` if nothing of it can stay.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let mut name = String::new();
        for c in text.chars() {
            match c.to_ascii_lowercase() {
                c if c.is_ascii_lowercase() || c.is_ascii_digit() => name.push(c),
                _ if name.is_empty() || name.ends_with('-') => {}
                _ => name.push('-'),
            }
        }
        let name = name.trim_end_matches('-');
        if name.len() <= MOST {
            return Self::new(name).ok();
        }
        // What long names begin with is often the same.
        let digest = Digest::of(text);
        let head = name[..MOST - 7].trim_end_matches('-');
        Self::new(&format!("{head}-{}", &digest.as_str()[..6])).ok()
    }

    /// Another one, for another repository that has a branch of the same name.
    #[must_use]
    pub fn apart(&self, root: &str) -> Self {
        let digest = Digest::of(root);
        let head = &self.0[..self.0.len().min(MOST - 7)];
        let head = head.trim_end_matches('-');
        Self(format!("{head}-{}", &digest.as_str()[..6]))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The network of its containers. A dot is in no such name, so nothing else is called the same.
    #[must_use]
    pub fn network(&self) -> String {
        format!("local.{self}")
    }

    /// The container of a service.
    #[must_use]
    pub fn container(&self, service: &ServiceName) -> String {
        format!("local.{self}.{service}")
    }

    /// What stands in front of the name of a volume.
    #[must_use]
    pub fn volumes(&self) -> String {
        format!("local.{self}.")
    }
}

impl fmt::Display for LocalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_gives_a_name() {
        for (branch, expected) in [
            ("main", Some("main")),
            ("feature/Login_form", Some("feature-login-form")),
            ("--x..y--", Some("x-y")),
            ("日本", None),
        ] {
            let name = LocalName::of(branch);
            assert_eq!(name.as_ref().map(LocalName::as_str), expected, "{branch}");
        }
        let long = |end: &str| LocalName::of(&format!("{}{end}", "a/".repeat(40))).unwrap();
        assert_ne!(long("1"), long("2"));
        assert_eq!(LocalName::new(long("1").as_str()), Ok(long("1")));
    }

    #[test]
    fn names_apart_are_names() {
        for name in ["main", &"a".repeat(40)] {
            let name = LocalName::new(name).unwrap();
            let apart = name.apart("/home/me/shop");
            assert_eq!(LocalName::new(apart.as_str()), Ok(apart.clone()));
            assert_ne!(apart, name.apart("/home/me/other"));
        }
        assert!(LocalName::new("").is_err() && LocalName::new("a.b").is_err());
    }
}
