//! Secrets on a host, by the scripts themselves: with age where it is installed, and in the clear.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Arc;

use super::activate::record::Source;
use super::sample::{Root, desired, id, manifest, service, shells, steps};
use super::stage::deliver::{DeliveredFiles, parse_delivered};
use super::stage::{Finding, HostNeeds, ReadinessCheck, SealedFile, Staged};
use crate::cluster::digest::Digest;
use crate::cluster::model::Engine;
use crate::cluster::name::ServiceName;
use crate::cluster::secret::Plaintext;
use crate::plan::step::Step;
use crate::render::desired::DesiredHost;

const ENV: &str = "40-secrets.env";
const FILE: &str = "secret-files/KEY";

fn age() -> bool {
    Command::new("age").arg("--version").output().is_ok()
}

fn plaintext(path: &str) -> Plaintext {
    Plaintext::new(format!("A=\"s3ntinel of {path}\"\n").into_bytes())
}

/// A host with a service that has secrets, and the digests that stand for them.
fn host(value: &str) -> DesiredHost {
    let mut host = desired(&[("web", value), ("db", "1")]);
    let web = host.services.get_mut(&service("web")).unwrap();
    let web = Arc::get_mut(web).unwrap();
    for path in [ENV, FILE] {
        let stands = Digest::of(format!("stands for {path}"));
        web.entry.files.insert(path.to_owned(), stands);
    }
    host
}

type Sealed = BTreeMap<ServiceName, Vec<SealedFile>>;

fn sealed(seal: impl Fn(&Plaintext) -> Option<Vec<u8>>) -> Sealed {
    let file = |path: &str, mode| SealedFile {
        path: path.to_owned(),
        mode,
        stands: Digest::of(format!("stands for {path}")),
        ciphertext: seal(&plaintext(path)),
    };
    BTreeMap::from([(service("web"), vec![file(ENV, 0o600), file(FILE, 0o444)])])
}

/// Makes the host's own key, and gives its public half.
fn host_key(root: &Root) -> String {
    let path = root.path("etc/ssh/ssh_host_ed25519_key");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = std::fs::remove_file(&path);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    root.read("etc/ssh/ssh_host_ed25519_key.pub")
}

fn seal_to(key: &str) -> Sealed {
    sealed(|bytes| Some(crate::secret::seal_to_host(key.trim(), bytes).unwrap()))
}

fn staged<'a>(
    manifest: &'a crate::render::manifest::Manifest,
    host: &'a DesiredHost,
    sealed: &'a Sealed,
) -> Staged<'a> {
    Staged {
        from: None,
        manifest,
        sent: host.services.iter().collect(),
        sealed,
        scripts: &[],
    }
}

fn mode(root: &Root, path: &str) -> u32 {
    let metadata = std::fs::metadata(root.path(path)).unwrap();
    metadata.permissions().mode() & 0o777
}

fn directory(host: &DesiredHost) -> String {
    let directory = &host.services[&service("web")].directory;
    format!("etc/bayplan/demo/web/{directory}")
}

/// They are in place, closed, and a look takes them for what stands for them.
fn assert_made(root: &Root, host: &DesiredHost) {
    let directory = directory(host);
    for path in [ENV, FILE] {
        let text = root.read(&format!("{directory}/{path}"));
        assert_eq!(text.as_bytes(), plaintext(path).bytes());
    }
    assert_eq!(mode(root, &directory), 0o700);
    assert_eq!(mode(root, &format!("{directory}/{ENV}")), 0o600);
    assert_eq!(mode(root, &format!("{directory}/.secrets")), 0o600);
    assert_eq!(mode(root, &format!("{directory}/{FILE}")), 0o444);
    let (look, _) = root.look(host);
    let seen = &look.observed.services[&service("web")];
    let web = &host.services[&service("web")];
    assert_eq!(seen.directories[&web.directory].files, web.entry.files);
    assert!(seen.leftovers.is_empty());
    // Plaintext is there and nowhere else.
    for (path, text) in root.tree() {
        let there = path.ends_with(ENV) || path.ends_with(FILE);
        assert!(there == text.contains("s3ntinel"), "{path}");
    }
}

#[test]
fn sealed_secrets_are_opened_into_a_closed_directory() {
    if !age() {
        return;
    }
    for shell in shells() {
        let root = Root::new(shell);
        let (host, sealed) = (host("1"), seal_to(&host_key(&root)));
        let manifest = manifest(&host);
        let staged = staged(&manifest, &host, &sealed);
        assert_eq!(
            root.stage_parts(&staged, &id("a")),
            ReadinessCheck::default()
        );
        let source = Source::Staged {
            id: id("a"),
            number: 1,
        };
        let said = root.activate(&host, &source, &steps(&host, 1));
        assert!(said.ends_with("end\n"), "{said}");
        assert_made(&root, &host);

        // A hand edit is seen, and mended from the generation's ciphertext.
        let (directory, web) = (directory(&host), &host.services[&service("web")]);
        root.write(&format!("{directory}/{ENV}"), "A=\"hacked\"\n");
        let (look, _) = root.look(&host);
        let seen = &look.observed.services[&service("web")];
        assert_ne!(seen.directories[&web.directory].files, web.entry.files);
        let mend = [Step::RepairInputs {
            service: service("web"),
            directory: web.directory.clone(),
            write: [ENV.to_owned(), FILE.to_owned()].into(),
            remove: [].into(),
        }];
        let said = root.activate(&host, &Source::Generation(1), &mend);
        assert!(said.ends_with("end\n"), "{said}");
        assert_made(&root, &host);
    }
}

#[test]
fn what_a_host_cannot_open_is_found_before_anything_changes() {
    if !age() {
        return;
    }
    let root = Root::new("sh");
    let (host, sealed) = (host("1"), seal_to(&host_key(&root)));
    let manifest = manifest(&host);
    let staged = staged(&manifest, &host, &sealed);
    root.stage_parts(&staged, &id("a"));
    let check = || {
        let script = staged.check_script(
            &root.layout,
            Engine::Docker,
            &id("a"),
            &staged.expected(0),
            &HostNeeds::default(),
        );
        ReadinessCheck::parse(&root.run(&script, b""))
            .unwrap()
            .findings
    };
    assert_eq!(check(), []);
    let base = host.services[&service("web")].directory.to_string();
    let file = format!("var/lib/bayplan/demo/staging/a/inputs/web/{base}/{ENV}.age");
    let whole = std::fs::read(root.path(&file)).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for wrong in [&whole[..whole.len() - 3], &flipped] {
        std::fs::write(root.path(&file), wrong).unwrap();
        let found = check();
        assert!(
            found
                .iter()
                .any(|f| matches!(f, Finding::Digest(path) if path.contains(ENV))),
            "{found:?}"
        );
    }
    std::fs::write(root.path(&file), whole).unwrap();
    host_key(&root);
    let found = check();
    assert!(
        matches!(&found[..], [Finding::Sealed { path, .. }, _] if path.ends_with("40-secrets.env.age")),
        "{found:?}"
    );
    // Nor does an activation that is started all the same leave anything.
    let source = Source::Staged {
        id: id("a"),
        number: 1,
    };
    let said = root.activate(&host, &source, &steps(&host, 1));
    assert!(
        said.contains("failed\n") && !said.contains("s3ntinel"),
        "{said}"
    );
    let tree = root.tree();
    assert!(
        !tree
            .keys()
            .any(|path| path.starts_with("etc/bayplan/demo/web/")),
        "{tree:?}"
    );
    std::fs::remove_dir_all(root.path("etc/ssh")).unwrap();
    assert_eq!(check(), [Finding::NoHostKey]);
}

#[test]
fn secrets_in_the_clear_are_put_into_their_place_and_never_staged() {
    for shell in shells() {
        let root = Root::new(shell);
        let (host, sealed) = (host("1"), sealed(|_| None));
        let manifest = manifest(&host);
        let staged = staged(&manifest, &host, &sealed);
        assert_eq!(
            root.stage_parts(&staged, &id("a")),
            ReadinessCheck::default()
        );
        let (web, name) = (&host.services[&service("web")], service("web"));
        let (env, file) = (plaintext(ENV), plaintext(FILE));
        let files = BTreeMap::from([(ENV, &env), (FILE, &file)]);
        let delivery = DeliveredFiles {
            files: BTreeMap::from([((&name, web.directory.as_str()), files)]),
        };
        let deliver = |cut: usize| {
            let payload = delivery.payload().unwrap();
            let script = delivery.script(&root.layout);
            parse_delivered(&root.run(&script, &payload[..payload.len() - cut]))
        };
        // What was cut off on the way leaves nothing.
        assert!(deliver(4096).is_err());
        assert!(root.tree().values().all(|text| !text.contains("s3ntinel")));
        assert_eq!(deliver(0), Ok(()));
        let beside = format!("etc/bayplan/demo/web/.secrets-{}", web.directory);
        assert_eq!(mode(&root, &beside), 0o700);
        let source = Source::Staged {
            id: id("a"),
            number: 1,
        };
        let said = root.activate(&host, &source, &steps(&host, 1));
        assert!(said.ends_with("end\n"), "{said}");
        assert_made(&root, &host);
        assert!(!root.path(&beside).exists());

        deliver(0).unwrap();
        root.run(&delivery.cleaning_script(&root.layout), b"");
        assert!(!root.path(&beside).exists());
    }
}
