//! `promote`: services, their files and service-config.toml of one cluster in another one, all of it or nothing.

use std::fs;

use insta::assert_snapshot;

use crate::environment::TestEnvironment;

/// The cluster `shop`, and `prod`, which has an older state of it, hosts of its own, and `own`.
fn two() -> TestEnvironment {
    let it = TestEnvironment::shop();
    let copy = |path: &str, to: &str| {
        let text = it.read(&format!("clusters/shop/{path}"));
        it.write(&format!("clusters/prod/{to}"), text);
    };
    for path in [
        "cluster.toml",
        "service-config.toml",
        "services/web.toml",
        "services/api.toml",
        "services/db.toml",
    ] {
        copy(path, path);
    }
    copy("services/db.toml", "services/own.toml");
    it.edit("clusters/prod/services/own.toml", "5432", "5433");
    let cluster = it.read("clusters/prod/cluster.toml");
    let cluster = cluster
        .replace("hosts/", "prod/")
        .replace("db  =", "own = \"beta\"\ndb  =");
    it.write("clusters/prod/cluster.toml", cluster);
    it.edit("clusters/shop/services/web.toml", "1.4.2", "1.5.0");
    it.edit("clusters/shop/service-config.toml", "info", "warn");
    it.write("clusters/shop/services/web/app.conf", b"a\r\nb\xff\n");
    let web = it.read("clusters/shop/services/web.toml");
    it.write(
        "clusters/shop/services/web.toml",
        web + "\n[files]\n\"/etc/app.conf\" = \"app.conf\"\n",
    );
    it
}

#[test]
fn services_files_and_settings_are_taken_over_and_nothing_else() {
    let it = two();
    let own = (
        it.read("clusters/prod/cluster.toml"),
        it.read("clusters/prod/services/own.toml"),
    );
    let before = it.tree("clusters/prod");
    let dry = it.bayplan("promote shop prod --dry-run").succeeds();
    assert_snapshot!(dry);
    assert_eq!(it.tree("clusters/prod"), before);
    it.bayplan("promote shop prod").succeeds();
    let (from, to) = (it.tree("clusters/shop"), it.tree("clusters/prod"));
    for path in [
        "service-config.toml",
        "services/web.toml",
        "services/web/app.conf",
        "services/api.toml",
    ] {
        assert_eq!(from[path], to[path], "{path}");
    }
    assert_eq!(
        (
            it.read("clusters/prod/cluster.toml"),
            it.read("clusters/prod/services/own.toml")
        ),
        own
    );
    assert_snapshot!(it.bayplan("promote shop prod").succeeds(), @"prod has all of that as shop has it; nothing was written");
    it.bayplan("check prod").succeeds();
}

#[test]
fn one_service_comes_with_its_files() {
    let it = two();
    let config = it.read("clusters/prod/service-config.toml");
    let output = it.bayplan("promote shop prod web").succeeds();
    assert!(
        output
            .stdout
            .contains("service-config.toml differs and stays"),
        "{output}"
    );
    assert_eq!(it.read("clusters/prod/service-config.toml"), config);
    assert_eq!(
        it.tree("clusters/prod")["services/web/app.conf"],
        it.tree("clusters/shop")["services/web/app.conf"]
    );
    // What is gone there goes here.
    fs::remove_file(it.path("clusters/shop/services/web/app.conf")).unwrap();
    it.edit(
        "clusters/shop/services/web.toml",
        "\n[files]\n\"/etc/app.conf\" = \"app.conf\"\n",
        "",
    );
    it.bayplan("promote shop prod web").succeeds();
    assert!(!it.path("clusters/prod/services/web").exists());
}

#[test]
fn what_the_other_cluster_lacks_is_named_and_nothing_is_written() {
    let it = two();
    it.edit(
        "clusters/shop/services/web.toml",
        "\"TITLE\", ",
        "\"TITLE\", \"MOTTO\", ",
    );
    it.edit(
        "clusters/shop/cluster.toml",
        "TITLE  =",
        "MOTTO = \"m\"\nTITLE  =",
    );
    let before = it.tree("clusters");
    assert_snapshot!(it.bayplan("promote shop prod").exits(1));
    assert_eq!(it.tree("clusters"), before);
    it.write(
        "clusters/shop/services/mail.toml",
        "image = \"mail\"\ntag = \"1\"\n",
    );
    it.edit(
        "clusters/shop/cluster.toml",
        "api = \"beta\"",
        "api = \"beta\"\nmail = \"beta\"",
    );
    let before = it.tree("clusters");
    for (words, told) in [
        (
            "promote shop prod mail",
            "write `mail = \"HOST\"` below [place]",
        ),
        ("promote shop prod wbe", "did you mean `web`?"),
        ("promote shop shop", "found shop twice"),
        ("promote shop prd", "did you mean `prod`?"),
        ("promote shp prod", "did you mean `shop`?"),
    ] {
        let output = it.bayplan(words).exits(1);
        assert!(output.stderr.contains(told), "{words}: {output}");
        assert_eq!(it.tree("clusters"), before, "{words}");
    }
    it.bayplan("promote shop prod --for 2h").exits(64);
    it.bayplan("promote shop prod --require-healthy --for 2")
        .exits(64);
}

#[test]
fn a_link_in_the_other_cluster_is_not_written_through() {
    let it = two();
    let path = it.path("clusters/prod/services/web.toml");
    fs::rename(&path, it.path("clusters/prod/web.real")).unwrap();
    std::os::unix::fs::symlink("../web.real", &path).unwrap();
    let before = it.tree("clusters");
    let output = it.bayplan("promote shop prod").exits(1);
    assert!(
        output
            .stderr
            .contains("found a link at clusters/prod/services/web.toml"),
        "{output}"
    );
    assert_eq!(it.tree("clusters"), before);
}

#[test]
fn what_runs_nowhere_is_not_healthy() {
    let it = two();
    it.bayplan("release shop --yes").succeeds();
    let before = it.tree("clusters");
    assert_snapshot!(it.bayplan("promote shop prod --require-healthy").exits(1));
    assert_eq!(it.tree("clusters"), before);
}
