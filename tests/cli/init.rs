//! `init`: a config repository that is checked and released at once, and never a file less.

use std::fs;

use insta::assert_snapshot;

use crate::environment::{Entry, Output, TestEnvironment};

#[test]
fn what_init_makes_is_clean_and_runs_at_once() {
    let it = TestEnvironment::new();
    assert_snapshot!(it.bayplan("init").succeeds());
    assert_snapshot!(it.bayplan("check").succeeds(), @"
    ok: local (1 host, 2 services)
    ok: production (2 hosts, 2 services)
    ");
    it.bayplan("release local --yes").succeeds();
    it.bayplan("diff local --exit-code").exits(0);
    assert!(
        it.path("hosts/here/etc/systemd/system/local-web.service")
            .exists()
    );
    // A version, and then all of it in the other cluster.
    it.registries_have_all();
    it.bayplan("bump local web=1.29.4").succeeds();
    it.bayplan("promote local production").succeeds();
    let web = |cluster: &str| it.read(&format!("clusters/{cluster}/services/web.toml"));
    assert_eq!(web("local"), web("production"));
    assert!(web("production").contains("1.29.4"));
    it.bayplan("release local --yes").succeeds();
}

#[test]
fn the_schemas_are_those_of_the_program() {
    let it = TestEnvironment::new();
    it.bayplan("init config/of/mine").succeeds();
    for name in ["cluster", "service", "service-config"] {
        let path = format!("config/of/mine/schemas/{name}.schema.json");
        let printed = it.bayplan(&format!("schema {name}")).succeeds().stdout;
        assert_eq!(it.read(&path), printed, "{name}");
    }
    // Each file of the description leads to its schema.
    for (path, entry) in it.tree("config/of/mine/clusters") {
        if let Entry::File(bytes) = entry {
            let text = String::from_utf8(bytes).unwrap();
            let schema = text
                .lines()
                .next()
                .unwrap()
                .strip_prefix("#:schema ")
                .unwrap();
            let file = it.path("config/of/mine/clusters").join(&path);
            assert!(
                file.parent().unwrap().join(schema).is_file(),
                "{path}: {schema}"
            );
        }
    }
}

#[test]
fn what_is_in_the_way_is_listed_and_nothing_is_written() {
    let it = TestEnvironment::new();
    it.write("clusters/local/services/web.toml", "mine");
    it.write("templates/container.service", "mine");
    it.write("README.md", "mine");
    let before = it.tree("");
    assert_snapshot!(it.bayplan("init").exits(1));
    assert_eq!(it.tree(""), before);
    // A link to nothing is in the way, too, and so is a file where a directory would be.
    fs::remove_file(it.path("clusters/local/services/web.toml")).unwrap();
    fs::remove_file(it.path("templates/container.service")).unwrap();
    std::os::unix::fs::symlink("/nowhere", it.path("schemas")).unwrap();
    let before = it.tree("");
    let output = it.bayplan("init").exits(1);
    assert!(
        output
            .stderr
            .contains("found a link at schemas, to /nowhere"),
        "{output}"
    );
    assert_eq!(it.tree(""), before);
    it.write("file", "mine");
    it.bayplan("init file/below").exits(1);
    assert_eq!(it.read("file"), "mine");
}

#[test]
fn a_repository_that_is_new_keeps_its_first_files() {
    let it = TestEnvironment::new();
    it.write("README.md", "# mine\n");
    it.write(".gitignore", "*.log\n");
    let output = it.bayplan("init").succeeds();
    assert!(output.stderr.contains("README.md was there"), "{output}");
    assert!(output.stderr.contains("add the line `/hosts/`"), "{output}");
    assert_eq!(it.read("README.md"), "# mine\n");
    assert_eq!(it.read(".gitignore"), "*.log\n");
    it.bayplan("check").succeeds();
}

/// The project of `tests/fixtures/compose-shop` in `shop/`, and a key of one's own.
fn with_shop() -> TestEnvironment {
    let it = TestEnvironment::new();
    let fixture =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/compose-shop");
    for (name, to) in [
        ("compose.yml", "compose.yml"),
        ("compose.prod.yml", "compose.prod.yml"),
        ("env", ".env"),
        ("proxy/nginx.conf", "proxy/nginx.conf"),
        ("proxy/conf.d/shop.conf", "proxy/conf.d/shop.conf"),
    ] {
        let text = fs::read_to_string(fixture.join(name)).unwrap();
        it.write(&format!("shop/{to}"), &text);
    }
    it
}

const RECIPIENT: &str = "--recipient=me=ssh-ed25519_AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";

fn import(it: &TestEnvironment, arguments: &[&str]) -> Output {
    let recipient = RECIPIENT.replace('_', " ");
    let mut all = vec!["init", "config"];
    all.push(&recipient);
    all.push("--from-compose");
    all.extend(arguments);
    it.run(it.command().args(all))
}

#[test]
fn a_project_of_compose_becomes_a_cluster_that_is_clean() {
    let it = with_shop();
    let output = import(&it, &["shop/compose.yml"]).succeeds();
    assert!(output.stdout.contains("7 services, 2 secrets"), "{output}");
    assert!(output.stdout.contains("shop/compose.yml:"), "{output}");
    assert!(!output.to_string().contains("sentinel"), "{output}");
    let check = it.bayplan("-C config check").succeeds();
    assert_eq!(check.stdout, "ok: shop (1 host, 7 services)\n");
    it.bayplan("-C config render shop").succeeds();
    // Nothing of a secret is anywhere in the clear.
    for (path, entry) in it.tree("config") {
        if let Entry::File(bytes) = entry {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("sentinel"), "{path}");
        }
    }
    // A second time it is in the way.
    let before = it.tree("config");
    let again = import(&it, &["shop/compose.yml"]).exits(1);
    assert!(
        again.stderr.contains("clusters/shop/cluster.toml"),
        "{again}"
    );
    assert_eq!(it.tree("config"), before);
    // Another project goes beside it.
    it.write("other/compose.yaml", "services: {a: {image: 'a:1'}}\n");
    import(&it, &["other/compose.yaml"]).succeeds();
    let check = it.bayplan("-C config check").succeeds();
    assert!(
        check.stdout.contains("ok: other (1 host, 1 service)"),
        "{check}"
    );
}

#[test]
fn strict_writes_nothing_if_a_key_is_not_carried() {
    let it = with_shop();
    let output = import(&it, &["shop/compose.yml", "--strict"]).exits(1);
    assert!(
        output.stdout.contains("not carried: services.worker.build"),
        "{output}"
    );
    assert!(
        output.stderr.contains("--strict does not accept"),
        "{output}"
    );
    assert!(!it.path("config").exists());
    it.write(
        "small/compose.yml",
        "services: {a: {image: 'a:1', user: '1000'}}\n",
    );
    import(&it, &["small/compose.yml", "--strict"]).succeeds();
}

#[test]
fn a_mistake_in_a_project_writes_nothing() {
    let it = with_shop();
    it.write(
        "bad/compose.yml",
        "services:\n  web:\n    image: ${TAG:?which one}\n",
    );
    assert_snapshot!(import(&it, &["bad/compose.yml"]).exits(1));
    let output = import(&it, &["none.yml"]).exits(1);
    assert!(output.stderr.contains("no such file"), "{output}");
    // Without a key of one's own nothing can be encrypted.
    let output = it
        .bayplan("init config --from-compose shop/compose.yml")
        .exits(1);
    assert!(output.stderr.contains("--plain-secrets"), "{output}");
    assert!(!it.path("config").exists());
    it.bayplan("init config --plain-secrets --from-compose shop/compose.yml")
        .succeeds();
    assert!(!it.path("config/clusters/shop/secrets.toml").exists());
}
