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

fn vault(recipients: &[(&str, &str)]) -> Vault {
    let recipients = recipients
        .iter()
        .map(|(n, k)| ((*n).to_owned(), (*k).to_owned()));
    let mut vault = Vault::new(
        &ClusterName::new("production").unwrap(),
        &recipients.collect(),
    );
    first_key(&mut vault).unwrap();
    vault
}

#[test]
fn a_value_comes_back_and_is_shown_nowhere() {
    let desk = Desk::new();
    let (file, ada) = desk.identity("ada");
    let mut open = OpenVault::open(vault(&[("ada", &ada)]), std::slice::from_ref(&file)).unwrap();
    assert_eq!(open.set(&name("A"), &text("s3ntinel")).unwrap(), Set::Added);
    let written = open.vault.text();
    assert!(!written.contains("s3ntinel"));
    let open = OpenVault::open(Vault::parse(&written).unwrap(), &[file]).unwrap();
    let value = open.value(&name("A")).unwrap();
    assert_eq!(value.bytes(), b"s3ntinel");
    assert_eq!(format!("{value} {value:?}"), "[secret] [secret]");
}

#[test]
fn the_same_value_again_changes_nothing() {
    let desk = Desk::new();
    let (file, ada) = desk.identity("ada");
    let mut open = OpenVault::open(vault(&[("ada", &ada)]), &[file]).unwrap();
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
    let mut open = OpenVault::open(vault(&[("ada", &ada)]), &[file]).unwrap();
    open.set(&name("A"), &text("x")).unwrap();
    open.set(&name("B"), &text("x")).unwrap();
    let values = open.vault.values().unwrap();
    assert_ne!(values[&name("A")].digest, values[&name("B")].digest);
}

#[test]
fn rekeying_lets_others_read_and_changes_no_digest() {
    let desk = Desk::new();
    let ((ada_file, ada), (bob_file, bob)) = (desk.identity("ada"), desk.identity("bob"));
    let mut open =
        OpenVault::open(vault(&[("ada", &ada)]), std::slice::from_ref(&ada_file)).unwrap();
    open.set(&name("A"), &text("one")).unwrap();
    let digests = |vault: &Vault| -> Vec<KeyedDigest> {
        let values = vault.values().unwrap();
        values.into_values().map(|stored| stored.digest).collect()
    };
    let before = digests(&open.vault);
    // Bob takes the place of Ada.
    let changed = open.vault.text().replace(&ada, &bob);
    open.vault = Vault::parse(&changed).unwrap();
    assert_eq!(open.rekey().unwrap(), 1);
    assert_eq!(digests(&open.vault), before);
    let rekeyed = open.vault.text();
    let parse = || Vault::parse(&rekeyed).unwrap();
    assert!(matches!(
        OpenVault::open(parse(), &[ada_file]),
        Err(SecretError::Identity(IdentityError::NoMatch { .. }))
    ));
    let mut open = OpenVault::open(parse(), &[bob_file]).unwrap();
    assert_eq!(open.value(&name("A")).unwrap().bytes(), b"one");
    // What is set from now on has a digest that nobody from before can try values against.
    open.set(&name("A"), &text("two")).unwrap();
    assert_eq!(digests(&open.vault)[0].key(), "k2");
}

#[test]
fn a_value_under_another_name_or_digest_is_refused() {
    let desk = Desk::new();
    let (file, ada) = desk.identity("ada");
    let mut open = OpenVault::open(vault(&[("ada", &ada)]), &[file]).unwrap();
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
    let Err(error) = OpenVault::open(vault(&[("ada", &ada)]), &files) else {
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
    let mut open = OpenVault::open(vault(&[("ada", &ada)]), &[file]).unwrap();
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
