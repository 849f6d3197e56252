//! `host`: hosts before their first release. Real ones are in tests/fleet.

use insta::assert_snapshot;

use crate::environment::TestEnvironment;

/// The shop, whose second host is reached by this `ssh`.
fn shop(ssh: &str) -> TestEnvironment {
    let it = TestEnvironment::shop();
    it.edit(
        "clusters/shop/cluster.toml",
        "directory = \"hosts/beta\"",
        "address = \"192.0.2.1\"",
    );
    it.program("ssh", ssh);
    it
}

#[test]
fn a_directory_is_fit_and_is_not_made() {
    let it = TestEnvironment::shop();
    assert_snapshot!(it.bayplan("host check shop").succeeds());
    assert!(!it.path("hosts").exists());
}

#[test]
fn a_host_that_is_not_seen_is_not_fit() {
    let it =
        shop("#!/bin/sh\necho 'ada@192.0.2.1: Permission denied (publickey).' >&2\nexit 255\n");
    assert_snapshot!(it.bayplan("host check shop").exits(1));
    it.bayplan("host check shop --host alpha").succeeds();
    let json = it.bayplan("host check shop --json").exits(1).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["fit"], false);
    assert_eq!(json["failures"][0]["host"], "beta");
    assert_eq!(json["hosts"][0]["fit"], true);
    assert_eq!(json["hosts"][0]["findings"][0]["topic"], "tools");
}

#[test]
fn a_host_without_a_sudo_rule_is_looked_at_all_the_same() {
    // With sudo nobody gets in; without it everybody is root of nothing.
    let it = shop(
        "#!/bin/sh\nfor last; do :; done\ncase $last in\n*'sudo -n'*) echo 'sudo: a password is required' >&2; exit 1 ;;\nesac\n\
         exec sh -c \"$last\"\n",
    );
    it.edit(
        "clusters/shop/cluster.toml",
        "address = \"192.0.2.1\"",
        "address = \"192.0.2.1\"\nsudo = true",
    );
    let output = it.bayplan("host check shop --host beta").exits(1);
    for words in [
        "problem: cannot become root with sudo: it asks for a password",
        "visudo -f /etc/sudoers.d/bayplan",
        "1 host: 1 is not, with",
    ] {
        assert!(output.stdout.contains(words), "{words} in {output}");
    }
}

#[test]
fn an_unknown_host_is_told() {
    let it = TestEnvironment::shop();
    assert_snapshot!(it.bayplan("host check shop --host gamma").exits(1));
}
