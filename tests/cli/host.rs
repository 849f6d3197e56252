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

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const FINGERPRINT: &str = "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA";
const OTHER: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFXc8CbGcsMCKR2wguRhLbMi7pnFRuF6lm9i8yw18OAl";

/// A shop whose second host shows this key, as `ssh` notes it.
fn showing(key: &str) -> TestEnvironment {
    let it = shop(&format!(
        "#!/bin/sh\nfor word; do\ncase $word in\nUserKnownHostsFile=*) echo 'shown.bayplan {key}' >\"${{word#*=}}\" ;;\nesac\ndone\n\
         echo 'root@192.0.2.1: Permission denied (publickey).' >&2\nexit 255\n"
    ));
    it.edit(
        "clusters/shop/cluster.toml",
        "address = \"192.0.2.1\"",
        "address = \"192.0.2.1\"   # in the cellar",
    );
    it
}

#[test]
fn a_key_that_was_compared_is_written_and_nothing_else() {
    let it = showing(KEY);
    let before = it.read("clusters/shop/cluster.toml");
    assert_snapshot!(it.bayplan("host pin shop").exits(1));
    let other = format!("host pin shop --expect {}", FINGERPRINT.replace("Zk", "Zz"));
    let refused = it.bayplan(&other).exits(1);
    assert!(
        refused
            .stderr
            .contains("expected a host with the key SHA256:Zz"),
        "{refused}"
    );
    assert_eq!(it.read("clusters/shop/cluster.toml"), before);

    it.bayplan(&format!("host pin shop --expect {FINGERPRINT}"))
        .succeeds();
    let after = it.read("clusters/shop/cluster.toml");
    let line = format!("host_key = \"{KEY}\"");
    let rest: Vec<&str> = after.lines().filter(|it| *it != line).collect();
    assert_eq!(rest, before.lines().collect::<Vec<_>>());
    assert_ne!(after, before);
    it.bayplan("check shop").succeeds();
    // Once more there is nothing to do, and nobody is asked.
    let again = it.bayplan("host pin shop").succeeds();
    assert!(again.stdout.trim_end().ends_with("  pinned"), "{again}");
    // What was compared is what the host shows.
    let other = FINGERPRINT.replace("Zk", "Zz");
    it.bayplan(&format!("host pin shop --expect {other}"))
        .exits(1);
}

#[test]
fn another_key_is_never_written_unasked() {
    let it = showing(OTHER);
    it.edit(
        "clusters/shop/cluster.toml",
        "   # in the cellar",
        &format!("\nhost_key = \"{KEY}\"  # compared by ada"),
    );
    let before = it.read("clusters/shop/cluster.toml");
    let refused = it.bayplan("host pin shop --yes").exits(1);
    assert!(
        refused
            .stdout
            .contains("ANOTHER KEY than the pinned SHA256:ZkAsl"),
        "{refused}"
    );
    assert!(
        refused.stderr.contains("`--yes` does not replace"),
        "{refused}"
    );
    assert_eq!(it.read("clusters/shop/cluster.toml"), before);
    let help = refused.stderr.split("--expect ").nth(1).unwrap();
    let fingerprint = help.split('`').next().unwrap();
    it.bayplan(&format!("host pin shop --expect {fingerprint}"))
        .succeeds();
    assert_eq!(
        it.read("clusters/shop/cluster.toml"),
        before.replace(KEY, OTHER)
    );
}

#[test]
fn a_host_that_shows_no_key_stops_it() {
    let it = shop(
        "#!/bin/sh\necho 'ssh: connect to host 192.0.2.1 port 22: Connection refused' >&2\nexit 255\n",
    );
    assert_snapshot!(it.bayplan("host pin shop --yes").exits(1));
    assert_snapshot!(TestEnvironment::shop().bayplan("host pin shop").succeeds());
}

#[test]
fn directories_need_no_preparation() {
    let it = TestEnvironment::shop();
    assert_snapshot!(it.bayplan("host prepare shop").succeeds());
    let refused = it
        .bayplan("host prepare shop --cloud-init debian-13")
        .exits(1);
    assert!(refused.stderr.contains("directories alone"), "{refused}");
}

#[test]
fn user_data_needs_no_host() {
    let it = shop("#!/bin/sh\necho called >\"$HOME/called\"\nexit 255\n");
    assert_snapshot!(
        it.bayplan("host prepare shop --cloud-init debian-13")
            .succeeds()
    );
    assert!(!it.beside("home/called").exists());
    it.bayplan("host prepare shop --cloud-init beos-5")
        .exits(64);
    it.bayplan("host prepare shop --yes").exits(1);
}
