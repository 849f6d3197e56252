//! `init`: a config repository that is checked and released at once, and never a file less.

use std::fs;

use insta::assert_snapshot;

use crate::environment::{Entry, TestEnvironment};

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
