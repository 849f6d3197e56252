//! `secrets.toml` as bayplan edits it: what stays the same stays byte for byte, and one value is one
//! line, so that one changed value is one changed line in git.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::edit::document;
use crate::cluster::name::{ClusterName, VariableName};
use crate::cluster::secret::{KeyedDigest, key_number};

/// The file.
#[derive(Debug, Clone)]
pub struct Vault {
    document: DocumentMut,
}

/// A value as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// An age file.
    pub ciphertext: Vec<u8>,
    /// What tells a change without an identity.
    pub digest: KeyedDigest,
    /// What it can be in a container.
    pub form: Form,
}

/// What a value can be in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A variable or a file.
    Any,
    /// It is not UTF-8, or too large for a variable.
    FileOnly,
}

/// Why the file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct VaultError {
    what: String,
}

impl VaultError {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

impl Vault {
    /// A file without values.
    #[must_use]
    pub fn new(cluster: &ClusterName, recipients: &BTreeMap<String, String>) -> Self {
        let mut vault = Self {
            document: DocumentMut::new(),
        };
        let mut table = table_of(recipients);
        table.decor_mut().set_prefix(format!(
            "\n# Who is to read them. After a change: `bayplan secrets rekey {cluster}`.\n"
        ));
        vault.document.insert("recipients", Item::Table(table));
        let mut keys = Table::new();
        keys.decor_mut().set_prefix(
            "\n# The keys of the digests below, encrypted: by them everybody sees which value changed.\n",
        );
        vault.document.insert("keys", Item::Table(keys));
        let mut values = Table::new();
        values.decor_mut().set_prefix("\n");
        vault.document.insert("values", Item::Table(values));
        vault.set_sealed(cluster, recipients);
        if let Some(mut key) = vault.document.key_mut("cluster") {
            key.leaf_decor_mut().set_prefix(format!(
                "# The secrets of {cluster}, encrypted by age one by one. `bayplan secrets` writes this file.\n"
            ));
        }
        vault
    }

    /// Writes whose secrets these are and whom all of them are encrypted to.
    pub fn set_sealed(&mut self, cluster: &ClusterName, readers: &BTreeMap<String, String>) {
        let root = self.document.as_table_mut();
        root.insert("cluster", Item::Value(Value::from(cluster.as_str())));
        let mut table = table_of(readers);
        table
            .decor_mut()
            .set_prefix("\n# Whom all of it is encrypted to; `rekey` writes this table.\n");
        if let Some(old) = root.get_mut("readers").and_then(Item::as_table_mut) {
            *table.decor_mut() = old.decor().clone();
            table.set_position(old.position());
            *old = table;
            return;
        }
        // Where there is none it goes before the digest keys, beside the recipients.
        let later = ["keys", "values"].map(|name| root.remove_entry(name));
        root.insert("readers", Item::Table(table));
        for (key, item) in later.into_iter().flatten() {
            root.insert_formatted(&key, item);
        }
    }

    /// Whose secrets these are; `None` in the file of an older bayplan.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        self.document.get("cluster").and_then(Item::as_str)
    }

    /// Whom all of it is encrypted to; `None` in the file of an older bayplan.
    ///
    /// # Errors
    /// A reader is no string.
    pub fn readers(&self) -> Result<Option<BTreeMap<String, String>>, VaultError> {
        let there = self.document.contains_key("readers");
        there.then(|| self.texts("readers")).transpose()
    }

    /// Reads the file.
    ///
    /// # Errors
    /// It is no TOML, or not of the shape that it should have; `bayplan check` says more.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let document = document(text)
            .map_err(|_| VaultError::new("expected TOML in secrets.toml, found something else"))?;
        let vault = Self { document };
        vault.recipients()?;
        vault.readers()?;
        vault.keys()?;
        vault.values()?;
        Ok(vault)
    }

    fn table(&self, name: &str) -> Result<Option<&Table>, VaultError> {
        match self.document.get(name) {
            None => Ok(None),
            Some(item) => {
                let table = item.as_table();
                let error =
                    || VaultError::new(format!("expected a table `[{name}]` in secrets.toml"));
                table.map(Some).ok_or_else(error)
            }
        }
    }

    fn texts(&self, name: &str) -> Result<BTreeMap<String, String>, VaultError> {
        let mut texts = BTreeMap::new();
        for (key, item) in self.table(name)?.into_iter().flatten() {
            let error =
                || VaultError::new(format!("expected a string for `{key}` below `[{name}]`"));
            texts.insert(key.to_owned(), item.as_str().ok_or_else(error)?.to_owned());
        }
        Ok(texts)
    }

    /// Who can read, by name.
    ///
    /// # Errors
    /// A recipient is no string.
    pub fn recipients(&self) -> Result<BTreeMap<String, String>, VaultError> {
        self.texts("recipients")
    }

    /// The encrypted digest keys by name.
    ///
    /// # Errors
    /// A key has another name than `k<number>`, or is no base64.
    pub fn keys(&self) -> Result<BTreeMap<String, Vec<u8>>, VaultError> {
        let keys = self.texts("keys")?.into_iter();
        keys.map(|(name, text)| {
            let error = || {
                VaultError::new(format!(
                    "expected a digest key, found `{name}` below `[keys]`"
                ))
            };
            key_number(&name).ok_or_else(error)?;
            let bytes = STANDARD.decode(text).map_err(|_| error())?;
            Ok((name, bytes))
        })
        .collect()
    }

    /// The name of the newest digest key.
    ///
    /// # Errors
    /// As [`Vault::keys`], or there is none.
    pub fn newest_key(&self) -> Result<String, VaultError> {
        let keys = self.keys()?;
        let newest = keys.into_keys().max_by_key(|name| key_number(name));
        newest.ok_or_else(|| VaultError::new("expected a digest key below `[keys]`, found none"))
    }

    /// The values.
    ///
    /// # Errors
    /// A line is not of the shape that it should have.
    pub fn values(&self) -> Result<BTreeMap<VariableName, Stored>, VaultError> {
        let mut values = BTreeMap::new();
        for (key, item) in self.table("values")?.into_iter().flatten() {
            let error = || {
                VaultError::new(format!(
                    "expected `{{ age = \"…\", digest = \"k1:…\" }}` for `{key}` below `[values]`"
                ))
            };
            let name = VariableName::new(key).map_err(|_| error())?;
            let field = |name: &str| item.get(name).and_then(Item::as_str);
            let ciphertext = field("age").and_then(|text| STANDARD.decode(text).ok());
            let digest = field("digest").and_then(KeyedDigest::parse);
            let stored = Stored {
                ciphertext: ciphertext.ok_or_else(error)?,
                digest: digest.ok_or_else(error)?,
                form: match field("as") {
                    Some("file") => Form::FileOnly,
                    _ => Form::Any,
                },
            };
            values.insert(name, stored);
        }
        Ok(values)
    }

    /// Adds or replaces a digest key.
    pub fn set_key(&mut self, name: &str, ciphertext: &[u8]) {
        let value = Value::from(STANDARD.encode(ciphertext));
        set(self.table_mut("keys"), name, value, |name| {
            format!("{:010}", key_number(name).unwrap_or_default())
        });
    }

    /// Takes a digest key away.
    pub fn remove_key(&mut self, name: &str) {
        self.table_mut("keys").remove(name);
    }

    /// Adds or replaces a value: one line.
    pub fn set_value(&mut self, name: &VariableName, stored: &Stored) {
        let Stored {
            ciphertext,
            digest,
            form,
        } = stored;
        let mut line = InlineTable::new();
        line.insert("age", Value::from(STANDARD.encode(ciphertext)));
        line.insert("digest", Value::from(digest.to_string()));
        if *form == Form::FileOnly {
            line.insert("as", Value::from("file"));
        }
        let values = self.table_mut("values");
        set(
            values,
            name.as_str(),
            Value::InlineTable(line),
            str::to_owned,
        );
    }

    /// Takes a value away; whether it was there.
    pub fn remove_value(&mut self, name: &VariableName) -> bool {
        self.table_mut("values").remove(name.as_str()).is_some()
    }

    fn table_mut(&mut self, name: &str) -> &mut Table {
        let item = self
            .document
            .entry(name)
            .or_insert_with(|| Item::Table(Table::new()));
        item.as_table_mut()
            .expect("`parse` and `new` make sure of it")
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        self.document.to_string()
    }
}

fn table_of(keys: &BTreeMap<String, String>) -> Table {
    let mut table = Table::new();
    for (name, key) in keys {
        table.insert(name, Item::Value(Value::from(key.as_str())));
    }
    table
}

/// Replaces a value where it stands, or puts a new one before the first one that sorts after it: two
/// branches that add values rarely add them at the same place.
fn set(table: &mut Table, name: &str, value: Value, order: impl Fn(&str) -> String) {
    if let Some(Item::Value(old)) = table.get_mut(name) {
        let decor = old.decor().clone();
        *old = value;
        *old.decor_mut() = decor;
        return;
    }
    let later: Vec<String> = table
        .iter()
        .map(|(key, _)| key.to_owned())
        .skip_while(|key| order(key) < order(name))
        .collect();
    let later: Vec<_> = later
        .iter()
        .filter_map(|key| table.remove_entry(key))
        .collect();
    table.insert(name, Item::Value(value));
    for (key, item) in later {
        table.insert_formatted(&key, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::digest::Digest;

    fn stored(value: &str) -> Stored {
        Stored {
            ciphertext: value.as_bytes().to_vec(),
            digest: KeyedDigest::new("k1", Digest::of(value)),
            form: Form::Any,
        }
    }

    fn name(name: &str) -> VariableName {
        VariableName::new(name).unwrap()
    }

    fn vault(values: &[&str]) -> Vault {
        let recipients = BTreeMap::from([("ada".to_owned(), "age1x".to_owned())]);
        let mut vault = Vault::new(&ClusterName::new("production").unwrap(), &recipients);
        vault.set_key("k1", b"key");
        for value in values {
            vault.set_value(&name(value), &stored(value));
        }
        vault
    }

    fn added(before: &str, after: &str) -> Vec<String> {
        let lines: Vec<&str> = before.lines().collect();
        let new = after.lines().filter(|line| !lines.contains(line));
        new.map(str::to_owned).collect()
    }

    #[test]
    fn a_file_is_read_back() {
        let vault = vault(&["B", "A"]);
        let read = Vault::parse(&vault.text()).unwrap();
        assert_eq!(read.values().unwrap(), vault.values().unwrap());
        assert_eq!(read.newest_key().unwrap(), "k1");
        insta::assert_snapshot!(vault.text());
    }

    #[test]
    fn one_changed_value_is_one_changed_line() {
        let before = vault(&["A", "B", "C"]).text();
        let mut vault = Vault::parse(&before).unwrap();
        vault.set_value(&name("B"), &stored("other"));
        let after = vault.text();
        assert_eq!(before.lines().count(), after.lines().count());
        assert_eq!(added(&before, &after).len(), 1);
    }

    #[test]
    fn a_new_value_stands_where_it_sorts_whatever_stands_around_it() {
        let before = vault(&["A", "D"]).text().replace("D = ", "# mine\nD   = ");
        let mut vault = Vault::parse(&before).unwrap();
        vault.set_value(&name("C"), &stored("c"));
        let after = vault.text();
        let new = added(&before, &after);
        assert_eq!(new.len(), 1);
        let without: Vec<&str> = after.lines().filter(|line| **line != new[0]).collect();
        assert_eq!(without.join("\n"), before.trim_end());
        let at = |start: &str| {
            after
                .lines()
                .position(|line| line.starts_with(start))
                .unwrap()
        };
        assert!(at("A") < at("C") && at("C") < at("# mine"));
    }

    #[test]
    fn the_tenth_digest_key_is_newer_than_the_ninth() {
        let mut vault = vault(&[]);
        for key in ["k9", "k10", "k2"] {
            vault.set_key(key, b"key");
        }
        assert_eq!(vault.newest_key().unwrap(), "k10");
    }
}
