use super::age::tests::identity;
use super::*;
use crate::cluster::name::ClusterName;

struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// An identity file, and its recipient.
    fn identity(&self, name: &str) -> (IdentityFile, String) {
        let (secret, recipient) = identity();
        let path = self.directory.path().join(name);
        fs_err::write(&path, secret).unwrap();
        let wanted = Wanted::Named;
        (IdentityFile { path, wanted }, recipient)
    }
}

fn name(name: &str) -> VariableName {
    VariableName::new(name).unwrap()
}

fn text(text: &str) -> Plaintext {
    Plaintext::new(text.as_bytes().to_vec())
}

fn production() -> ClusterName {
    ClusterName::new("production").unwrap()
}

fn opened(vault: Vault, files: &[IdentityFile]) -> Result<OpenVault, SecretError> {
    OpenVault::open(vault, &production(), files)
}

fn vault(recipients: &[(&str, &str)]) -> Vault {
    let recipients = recipients
        .iter()
        .map(|(n, k)| ((*n).to_owned(), (*k).to_owned()));
    let mut vault = Vault::new(&production(), &recipients.collect());
    first_key(&mut vault, &production()).unwrap();
    vault
}

#[test]
fn a_value_comes_back_and_is_shown_nowhere() {
    let desk = Desk::new();
    let (file, ada) = desk.identity("ada");
    let mut open = opened(vault(&[("ada", &ada)]), std::slice::from_ref(&file)).unwrap();
    assert_eq!(open.set(&name("A"), &text("s3ntinel")).unwrap(), Set::Added);
    let written = open.vault.text();
    assert!(!written.contains("s3ntinel"));
    let open = opened(Vault::parse(&written).unwrap(), &[file]).unwrap();
    let value = open.value(&name("A")).unwrap();
    assert_eq!(value.bytes(), b"s3ntinel");
    assert_eq!(format!("{value} {value:?}"), "[secret] [secret]");
}

#[test]
fn the_same_value_again_changes_nothing() {
    let desk = Desk::new();
    let (file, ada) = desk.identity("ada");
    let mut open = opened(vault(&[("ada", &ada)]), &[file]).unwrap();
    open.set(&name("A"), &text("one")).unwrap();
    let before = open.vault.text();
    assert_eq!(open.set(&name("A"), &text("one")).unwrap(), Set::Same);
    assert_eq!(open.vault.text(), before);
    assert_eq!(open.set(&name("A"), &text("two")).unwrap(), Set::Changed);
}

#[test]
fn equal_values_of_two_secrets_have_two_digests() {
    let desk = Desk::new();
    let (file, ada) = desk.identity("ada");
    let mut open = opened(vault(&[("ada", &ada)]), &[file]).unwrap();
    open.set(&name("A"), &text("x")).unwrap();
    open.set(&name("B"), &text("x")).unwrap();
    let values = open.vault.values().unwrap();
    assert_ne!(values[&name("A")].digest, values[&name("B")].digest);
}

#[test]
fn rekeying_lets_others_read_and_changes_no_digest() {
    let desk = Desk::new();
    let ((ada_file, ada), (bob_file, bob)) = (desk.identity("ada"), desk.identity("bob"));
    let mut open = opened(vault(&[("ada", &ada)]), std::slice::from_ref(&ada_file)).unwrap();
    open.set(&name("A"), &text("one")).unwrap();
    let digests = |vault: &Vault| -> Vec<KeyedDigest> {
        let values = vault.values().unwrap();
        values.into_values().map(|stored| stored.digest).collect()
    };
    let before = digests(&open.vault);
    // Bob takes the place of Ada.
    let changed = open.vault.text().replacen(&ada, &bob, 1);
    open.vault = Vault::parse(&changed).unwrap();
    assert_eq!(open.rekey(&production(), Whose::Own).unwrap(), 1);
    assert_eq!(digests(&open.vault), before);
    let rekeyed = open.vault.text();
    let parse = || Vault::parse(&rekeyed).unwrap();
    assert!(matches!(
        opened(parse(), &[ada_file]),
        Err(SecretError::Identity(IdentityError::NoMatch { .. }))
    ));
    let mut open = opened(parse(), &[bob_file]).unwrap();
    assert_eq!(open.value(&name("A")).unwrap().bytes(), b"one");
    // What is set from now on has a digest that nobody from before can try values against.
    open.set(&name("A"), &text("two")).unwrap();
    assert_eq!(digests(&open.vault)[0].key(), "k2");
}

#[test]
fn a_value_under_another_name_or_digest_is_refused() {
    let desk = Desk::new();
    let (file, ada) = desk.identity("ada");
    let mut open = opened(vault(&[("ada", &ada)]), &[file]).unwrap();
    open.set(&name("A"), &text("one")).unwrap();
    open.set(&name("B"), &text("two")).unwrap();
    let values = open.vault.values().unwrap();
    let (a, b) = (values[&name("A")].clone(), values[&name("B")].clone());
    let mixed = Stored {
        digest: b.digest.clone(),
        ..a.clone()
    };
    for wrong in [b, mixed] {
        open.vault.set_value(&name("A"), &wrong);
        let refused = SecretError::Mismatch { name: name("A") };
        assert_eq!(open.value(&name("A")), Err(refused));
    }
    let mut cut = a;
    cut.ciphertext.pop();
    open.vault.set_value(&name("A"), &cut);
    let refused = SecretError::Value {
        name: name("A"),
        error: OpenError::Damaged,
    };
    assert_eq!(open.value(&name("A")), Err(refused));
}

#[test]
fn without_a_matching_identity_each_file_is_told() {
    let desk = Desk::new();
    let ((_, ada), (bob_file, _)) = (desk.identity("ada"), desk.identity("bob"));
    let missing = IdentityFile {
        path: "/nonexistent/identity".into(),
        wanted: Wanted::Default,
    };
    let files = [bob_file.clone(), missing];
    let Err(error) = opened(vault(&[("ada", &ada)]), &files) else {
        panic!("Bob is no recipient");
    };
    let expected = format!(
        "no identity opens the secrets\n  \
         tried /nonexistent/identity: there is no such file\n  \
         tried {}: it is none of the recipients",
        bob_file.path.display()
    );
    let mut lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
    lines[1..].sort();
    let mut wanted: Vec<String> = expected.lines().map(str::to_owned).collect();
    wanted[1..].sort();
    assert_eq!(lines, wanted);
}

#[test]
fn values_that_a_variable_cannot_carry_are_marked() {
    let desk = Desk::new();
    let (file, ada) = desk.identity("ada");
    let mut open = opened(vault(&[("ada", &ada)]), &[file]).unwrap();
    let large = vec![b'x'; 131_072];
    for (bytes, form) in [
        (b"a\nb".to_vec(), Form::Any),
        (b"a\0b".to_vec(), Form::FileOnly),
        (vec![0xff], Form::FileOnly),
        (large, Form::FileOnly),
    ] {
        open.set(&name("A"), &Plaintext::new(bytes.clone()))
            .unwrap();
        let vault = Vault::parse(&open.vault.text()).unwrap();
        assert_eq!(vault.values().unwrap()[&name("A")].form, form);
        assert_eq!(open.value(&name("A")).unwrap().bytes(), bytes);
    }
}

/// The same file as an older bayplan would have left it: nothing says whose it is.
fn older(open: &OpenVault) -> Vault {
    let mut text = open.vault.text();
    let cut = text.find("[recipients]").unwrap();
    text = text[cut..].to_owned();
    let (from, to) = (
        text.find("[readers]").unwrap(),
        text.find("[keys]").unwrap(),
    );
    text.replace_range(from..to, "");
    let mut vault = Vault::parse(&text).unwrap();
    let key = open.recipients().unwrap();
    let key = key.encrypt(open.keys["k1"].key.bytes()).unwrap();
    vault.set_key("k1", &key);
    vault
}

#[test]
fn the_secrets_of_another_cluster_are_refused() {
    let desk = Desk::new();
    let (file, ada) = desk.identity("ada");
    let files = std::slice::from_ref(&file);
    let mut open = opened(vault(&[("ada", &ada)]), files).unwrap();
    open.set(&name("A"), &text("one")).unwrap();
    let copied = open.vault.text().replace("production", "staging");
    let staging = ClusterName::new("staging").unwrap();
    let error = OpenVault::open(Vault::parse(&copied).unwrap(), &staging, files).err();
    let expected = SecretError::OtherCluster {
        expected: "staging".to_owned(),
        found: "production".to_owned(),
    };
    assert_eq!(error, Some(expected));
    // Lines alone fit nowhere either.
    let mut other = Vault::new(&staging, &open.vault.recipients().unwrap());
    first_key(&mut other, &staging).unwrap();
    let stored = open.vault.values().unwrap().remove(&name("A")).unwrap();
    other.set_value(&name("A"), &stored);
    let other = OpenVault::open(other, &staging, files).unwrap();
    let refused = SecretError::Mismatch { name: name("A") };
    assert_eq!(other.value(&name("A")), Err(refused));
    // Taken over on purpose they are its own, under a key of its own.
    let mut taken = OpenVault::open(Vault::parse(&copied).unwrap(), &production(), files);
    let taken = taken.as_mut().unwrap();
    assert_eq!(taken.rekey(&staging, Whose::Others), Ok(1));
    let values = taken.vault.values().unwrap();
    assert_ne!(values[&name("A")].digest, stored.digest);
    assert!(!taken.vault.keys().unwrap().contains_key("k1"));
    let taken = OpenVault::open(Vault::parse(&taken.vault.text()).unwrap(), &staging, files);
    assert_eq!(taken.unwrap().value(&name("A")).unwrap().bytes(), b"one");
}

#[test]
fn the_secrets_of_an_older_bayplan_are_read_and_bound_by_a_rekey() {
    let desk = Desk::new();
    let (file, ada) = desk.identity("ada");
    let files = std::slice::from_ref(&file);
    let mut new = opened(vault(&[("ada", &ada)]), files).unwrap();
    new.set(&name("A"), &text("one")).unwrap();
    let mut old = opened(older(&new), files).unwrap();
    assert_eq!(old.value(&name("A")).unwrap().bytes(), b"one");
    assert_eq!(old.set(&name("B"), &text("two")), Ok(Set::Added));
    let before = old.vault.values().unwrap();
    old.rekey(&production(), Whose::Own).unwrap();
    let digest = |values: &BTreeMap<VariableName, Stored>| {
        let digests = values.values().map(|stored| stored.digest.clone());
        digests.collect::<Vec<_>>()
    };
    assert_eq!(digest(&old.vault.values().unwrap()), digest(&before));
    let parse = || Vault::parse(&old.vault.text()).unwrap();
    assert_eq!(opened(parse(), files).unwrap().values().unwrap().len(), 2);
    let staging = ClusterName::new("staging").unwrap();
    assert!(OpenVault::open(parse(), &staging, files).is_err());
    // An old key is not taken among new ones: it may be any cluster's.
    let mut mixed = parse();
    mixed.set_key("k7", &older(&new).keys().unwrap()["k1"]);
    let unbound = SecretError::Unbound {
        name: "k7".to_owned(),
    };
    assert_eq!(opened(mixed, files).err(), Some(unbound));
    // The tables stand where a new file has them.
    let text = old.vault.text();
    let tables = ["cluster", "[recipients]", "[readers]", "[keys]", "[values]"];
    let at = tables.map(|table| text.find(&format!("\n{table}")));
    assert!(
        at[1..].is_sorted() && at[1..].iter().all(Option::is_some),
        "{text}"
    );
    assert!(text.starts_with("cluster = \"production\"\n"), "{text}");
}

#[test]
fn nothing_is_set_for_others_than_the_rest() {
    let desk = Desk::new();
    let ((file, ada), (_, eve)) = (desk.identity("ada"), desk.identity("eve"));
    let files = std::slice::from_ref(&file);
    let new = opened(vault(&[("ada", &ada)]), files).unwrap();
    let eve = format!("[recipients]\neve = \"{eve}\"");
    for vault in [older(&new).text(), new.vault.text()] {
        let changed = Vault::parse(&vault.replace("[recipients]", &eve)).unwrap();
        let mut open = opened(changed, files).unwrap();
        let refused = open.set(&name("A"), &text("one"));
        assert!(
            matches!(
                refused,
                Err(SecretError::Recipients(_) | SecretError::SealedToOthers { .. })
            ),
            "{refused:?}"
        );
        open.rekey(&production(), Whose::Own).unwrap();
        assert_eq!(open.set(&name("A"), &text("one")), Ok(Set::Added));
    }
    // Both tables changed by hand: only the key knows.
    let forged = new.vault.text().replace("[recipients]", &eve);
    let forged = forged.replace("[readers]", &eve.replace("[recipients]", "[readers]"));
    let mut open = opened(Vault::parse(&forged).unwrap(), files).unwrap();
    assert_eq!(
        open.set(&name("A"), &text("one")),
        Err(SecretError::Readers)
    );
}
