//! Hosts that cannot be had, without hosts: an `ssh` that fails.

use insta::assert_snapshot;

use crate::environment::{Output, TestEnvironment};

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

/// A release that this stops. Checks that nothing is changed and that the other host is shown.
#[track_caller]
fn stopped(it: &TestEnvironment) -> Output {
    for command in ["diff shop", "status shop", "diff shop --exit-code"] {
        let output = it.bayplan(command).exits(1);
        assert!(output.stdout.contains("alpha"), "{output}");
        assert!(output.stderr.contains("error: beta: "), "{output}");
    }
    let json = it.bayplan("diff shop --json").exits(1).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["failures"][0]["host"], "beta");
    assert_eq!(json["in_sync"], false);
    assert_eq!(json["hosts"][0]["host"], "alpha");
    let release = it.bayplan("release shop --yes").exits(1);
    assert!(!it.path("hosts").exists());
    release
}

#[test]
fn a_refused_key_is_told() {
    let it =
        shop("#!/bin/sh\necho 'ada@192.0.2.1: Permission denied (publickey).' >&2\nexit 255\n");
    assert_snapshot!(stopped(&it), @"
    alpha  hosts/alpha  (a directory: files are written, nothing is started)
      + web  write  shop-web.service, web/10-service-locations.env,
                      web/20-service-config.env and 2 more
    1 host: 5 files change; nothing is started; beta not seen
    ------- stderr -------
    error: beta: permission denied: the host takes publickey, and none of your keys was accepted
        ada@192.0.2.1: Permission denied (publickey).
    help: bayplan never asks for passwords: `ssh-add -l` shows your keys; the user is `[ssh] user` in cluster.toml, or your ssh_config's
    help: `bayplan release shop --skip beta` goes on without, and what is pending there stays pending
    nothing was changed on any host
    [exit code: 1]
    ");
    assert_snapshot!(it.bayplan("diff shop").exits(1), @"
    alpha  hosts/alpha  (a directory: files are written, nothing is started)
      + web  write  shop-web.service, web/10-service-locations.env,
                      web/20-service-config.env and 2 more
    1 host: 5 files change; nothing is started; beta not seen
    ------- stderr -------
    error: beta: permission denied: the host takes publickey, and none of your keys was accepted
        ada@192.0.2.1: Permission denied (publickey).
    help: bayplan never asks for passwords: `ssh-add -l` shows your keys; the user is `[ssh] user` in cluster.toml, or your ssh_config's
    help: `bayplan diff shop --skip beta` goes on without, and what is pending there stays pending
    [exit code: 1]
    ");
    assert_snapshot!(it.bayplan("status shop").exits(1), @"
    shop: 1 not released, beta not seen
    + not released
        web  alpha
    ------- stderr -------
    error: beta: permission denied: the host takes publickey, and none of your keys was accepted
        ada@192.0.2.1: Permission denied (publickey).
    help: bayplan never asks for passwords: `ssh-add -l` shows your keys; the user is `[ssh] user` in cluster.toml, or your ssh_config's
    [exit code: 1]
    ");
}

#[test]
fn a_host_that_talks_and_leaves_is_told() {
    let it = shop(
        "#!/bin/sh\necho 'Welcome to beta'\nprintf 'This account is \\033[31mnot available\\033[0m.\\n\\001\\377'\n",
    );
    assert_snapshot!(stopped(&it).stderr, @r"
    error: beta: expected an answer of sh while connecting, found `Welcome to beta\nThis account is \u{1b}[31mnot available\u{1b}[0m.\n\u{1}�`
    help: the account needs a login shell that runs `sh -c` (no forced command, no menu)
    help: `bayplan release shop --skip beta` goes on without, and what is pending there stays pending
    nothing was changed on any host
    ");
}

#[test]
fn an_ssh_that_is_killed_is_told() {
    let it = shop("#!/bin/sh\nkill -9 $$\n");
    assert_snapshot!(stopped(&it).stderr, @"
    error: beta: expected an answer of sh while connecting, found nothing (it was killed)
    help: the account needs a login shell that runs `sh -c` (no forced command, no menu)
    help: `bayplan release shop --skip beta` goes on without, and what is pending there stays pending
    nothing was changed on any host
    ");
}

#[test]
fn a_description_that_is_wrong_connects_nowhere() {
    let it = shop("#!/bin/sh\necho called >\"$HOME/called\"\nexit 255\n");
    it.edit("clusters/shop/services/db.toml", "5432", "\"5432\"");
    it.bayplan("release shop --yes").exits(1);
    it.bayplan("diff shop").exits(1);
    it.bayplan("check").exits(1);
    assert!(!it.beside("home/called").exists());
}
