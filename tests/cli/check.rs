//! `check`: every problem at once, each with what to write.

use insta::assert_snapshot;

use crate::environment::TestEnvironment;

#[test]
fn the_examples_are_clean() {
    let it = TestEnvironment::examples();
    assert_snapshot!(it.bayplan("check").succeeds(), @"
    ok: demo (2 hosts, 4 services)
    ok: monitoring (3 hosts, 5 services)
    ok: peerspace (3 hosts, 23 services)
    ok: shop (1 host, 2 services)
    ok: shop-nginx (1 host, 2 services)
    ");
}

#[test]
fn a_clean_cluster_is_one_line() {
    let it = TestEnvironment::shop();
    assert_snapshot!(it.bayplan("check shop").succeeds(), @"ok: shop (2 hosts, 3 services)");
    assert_eq!(it.bayplan("check clusters/shop/"), it.bayplan("check shop"));
}

#[test]
fn many_problems_are_found_at_once() {
    let it = TestEnvironment::shop();
    it.edit(
        "clusters/shop/cluster.toml",
        "api = \"beta\"",
        "api = \"gamma\"",
    );
    it.edit("clusters/shop/cluster.toml", "DB_HOST", "DB_HSOT");
    it.edit("clusters/shop/services/web.toml", "tag ", "tga ");
    it.edit("clusters/shop/services/web.toml", "8080", "80800");
    it.edit("clusters/shop/services/api.toml", "9000", "5432");
    it.write("clusters/shop/services/Cart.toml", "image = \"cart\"\n");
    it.write(
        "clusters/shop/service-config.toml",
        "[vars]\nLOG_LEVEL = \"info\n",
    );
    assert_snapshot!(it.bayplan("check").exits(1), @r#"
    error: expected a host of this cluster, found `gamma`
      --> clusters/shop/cluster.toml:10:7
       |
    10 | api = "gamma"
       |       ^^^^^^^ there is no such host
       |
    help: known here: `alpha`, `beta`

    error: expected a text between two quotes, found `"info`
     --> clusters/shop/service-config.toml:2:18
      |
    2 | LOG_LEVEL = "info
      |                  ^
      |
    help: write `LOG_LEVEL = 'info'`

    error: expected lower-case letters, digits and inner hyphens (`[a-z0-9]([a-z0-9-]*[a-z0-9])?`, at most 63), found `Cart`
    --> clusters/shop/services/Cart.toml
     |
    help: rename the file: its name is the service's name

    error: expected a key of a service, found `tga`
     --> clusters/shop/services/web.toml:2:1
      |
    2 | tga   = "1.4.2"
      | ^^^ unknown key
      |
    help: did you mean `tag`?

    error: expected a number from 1 to 65535 for `port`, found `80800`
     --> clusters/shop/services/web.toml:3:9
      |
    3 | port  = 80800
      |         ^^^^^

    5 errors in shop
    [exit code: 1]
    "#);
}

#[test]
fn a_warning_is_no_failure_and_hides_no_error() {
    let it = TestEnvironment::shop();
    it.edit(
        "clusters/shop/cluster.toml",
        "TITLE ",
        "UNREAD = \"x\"\nTITLE ",
    );
    assert_snapshot!(it.bayplan("check").succeeds(), @"ok: shop (2 hosts, 3 services)");
    it.edit("clusters/shop/services/db.toml", "5432", "\"5432\"");
    assert_snapshot!(it.bayplan("check").exits(1), @r#"
    error: expected a number from 1 to 65535 for `port`, found a string
     --> clusters/shop/services/db.toml:3:12
      |
    3 | port     = "5432"
      |            ^^^^^^
      |
    help: write `port = 5432`

    1 error in shop
    [exit code: 1]
    "#);
}

/// What no look could find is released nowhere.
#[test]
fn a_template_of_ones_own_is_told_the_lines_that_it_lacks() {
    let it = TestEnvironment::shop();
    let built_in = include_str!("../../templates/container.service");
    let lacks = built_in
        .replace("--name %N", "")
        .replace("    --label bayplan.directory={{ directory }} \\\n", "");
    it.write("templates/container.service", lacks);
    assert_snapshot!(it.bayplan("check").exits(1), @"
    error: expected `--label bayplan.directory={{ directory }}` in ExecStart=, found none
    --> templates/container.service
     |
    help: write `--label bayplan.directory={{ directory }}`

    error: expected `--name %N`, the name of the container, in ExecStart=, found none
    --> templates/container.service
     |
    help: write `--name %N`

    2 errors in shop
    [exit code: 1]
    ");
}

#[test]
fn of_a_file_with_very_many_problems_the_first_ones_are_shown() {
    let it = TestEnvironment::shop();
    let lines: String = (0..1000).map(|n| format!("zzz{n} = 1\n")).collect();
    it.edit(
        "clusters/shop/services/db.toml",
        "port ",
        &format!("{lines}port "),
    );
    let output = it.bayplan("check").exits(1);
    let shown = output.stdout.matches("error: expected a key").count();
    assert_eq!(shown, 20);
    let end =
        "note: 980 more problems in `clusters/shop/services/db.toml`\n\n1000 errors in shop\n";
    assert!(output.stdout.ends_with(end), "{}", output.stdout);
}

#[test]
fn an_unknown_cluster_gets_a_suggestion() {
    let it = TestEnvironment::examples();
    for command in ["check", "render", "diff", "release", "status"] {
        let output = it.bayplan(&format!("{command} peerspce")).exits(1);
        assert_eq!(output.stdout, "", "{command}");
        assert_eq!(
            output.stderr,
            it.bayplan("check peerspce").stderr,
            "{command}"
        );
    }
    assert_snapshot!(it.bayplan("check peerspce").exits(1), @"
    ------- stderr -------
    error: there is no cluster `peerspce`
    help: did you mean `peerspace`? known clusters: `demo`, `monitoring`, `peerspace`, `shop`, `shop-nginx`
    [exit code: 1]
    ");
}

#[test]
fn a_directory_without_clusters_is_no_config_repository() {
    let it = TestEnvironment::new();
    assert_snapshot!(it.bayplan("check").exits(1), @"
    ------- stderr -------
    error: expected a directory `clusters` in $ROOT/repository or above it, found none
    help: go to your config repository, or name it with `-C DIR`; `bayplan init` makes a new one
    [exit code: 1]
    ");
    assert_snapshot!(it.bayplan("-C nowhere check").exits(1), @"
    ------- stderr -------
    error: expected a directory to work in, found nowhere: No such file or directory (os error 2)
    [exit code: 1]
    ");
}

#[test]
fn a_config_repository_without_a_cluster_says_what_one_is() {
    let it = TestEnvironment::new();
    std::fs::create_dir(it.path("clusters")).unwrap();
    assert_snapshot!(it.bayplan("check").exits(1), @"
    ------- stderr -------
    error: there is no cluster in $ROOT/repository
    help: a cluster is a directory below clusters/ with a cluster.toml
    [exit code: 1]
    ");
    assert_snapshot!(it.bayplan("diff shop").exits(1), @"
    ------- stderr -------
    error: there is no cluster `shop`
    help: write `clusters/shop/cluster.toml`
    [exit code: 1]
    ");
}

#[test]
fn the_repository_is_found_from_below_and_by_name() {
    let it = TestEnvironment::shop();
    let expected = it.bayplan("check").succeeds();
    let services = it.path("clusters/shop/services");
    assert_eq!(
        it.run(it.command().arg("check").current_dir(services)),
        expected
    );
    let elsewhere = it.beside("home");
    let named = it.run(
        it.command()
            .args(["check", "-C"])
            .arg(it.path(""))
            .current_dir(elsewhere),
    );
    assert_eq!(named, expected);
}

#[test]
fn a_wrong_description_is_released_nowhere() {
    let it = TestEnvironment::shop();
    it.edit("clusters/shop/services/db.toml", "5432", "\"5432\"");
    for command in ["render shop", "diff shop", "release shop --yes"] {
        let output = it.bayplan(command).exits(1);
        assert_eq!(output.stdout, "", "{command}");
        assert_eq!(output.stderr, it.bayplan("check").stdout, "{command}");
    }
    assert!(!it.path("hosts").exists());
}

#[test]
fn a_misnamed_cluster_hides_no_other() {
    let it = TestEnvironment::shop();
    it.write("clusters/My Shop/cluster.toml", "");
    assert_snapshot!(it.bayplan("check").exits(1), @"
    error: clusters/My Shop: expected lower-case letters, digits and inner hyphens (`[a-z0-9]([a-z0-9-]*[a-z0-9])?`, at most 63), found `My Shop`
    help: rename the directory

    ok: shop (2 hosts, 3 services)
    [exit code: 1]
    ");
}

#[test]
fn problems_are_coloured_as_everything_else_is() {
    let it = TestEnvironment::shop();
    it.edit("clusters/shop/services/web.toml", "port", "prot");
    let coloured = |words: &[&str], variable: &str| {
        let mut command = it.command();
        let output = it.run(command.arg("check").args(words).env(variable, "1"));
        output.stdout.contains('\u{1b}')
    };
    assert!(!coloured(&[], "NOTHING"));
    assert!(coloured(&[], "CLICOLOR_FORCE"));
    assert!(coloured(&["--color", "always"], "NO_COLOR"));
    assert!(!coloured(&["--color", "never"], "CLICOLOR_FORCE"));
}

#[test]
fn json_has_the_place_of_each_problem() {
    let it = TestEnvironment::shop();
    let json = |ended: &str| -> serde_json::Value { serde_json::from_str(ended).expect("JSON") };
    let well = json(&it.bayplan("check --json").succeeds().stdout);
    assert_eq!(well["ok"], true);
    assert_eq!(well["clusters"][0]["cluster"], "shop");
    it.edit("clusters/shop/services/web.toml", "image", "imagine");
    let ended = it.bayplan("check shop --json").exits(1);
    assert_eq!(ended.stderr, "");
    let found = json(&ended.stdout);
    assert_eq!(found["ok"], false);
    let first = &found["diagnostics"][0];
    assert_eq!(first["level"], "error");
    assert_eq!(first["file"], "clusters/shop/services/web.toml");
    assert_eq!(first["column"], 1);
    assert!(first["line"].as_u64().is_some(), "{first}");
    let message = first["message"].as_str().unwrap_or_default();
    assert!(message.contains("imagine"), "{first}");
}
