//! The lock of a host, held by somebody else.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use insta::assert_snapshot;

use crate::environment::TestEnvironment;

/// A session of another release, until its standard input ends.
struct Holder(Child);

/// As the lock's script does it.
const HOLD: &str = r#"umask 077
mkdir -p "${0%/*}"
chmod 0700 "${0%/*}"
exec 9<>"$0"
flock -n 9 || exit
printf '%s\n' 'grace@desk since 2026-11-21T09:00:00Z, releasing shop (pid 7)' "$$" '20261121-7 beta' >"$0"
echo held
read -r line"#;

impl Holder {
    fn new(it: &TestEnvironment, host: &str) -> Self {
        let lock = it.path(&format!("hosts/{host}/var/lib/bayplan/lock"));
        let mut child = Command::new("sh")
            .args(["-c", HOLD])
            .arg(lock)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut held = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut held)
            .unwrap();
        assert_eq!(held, "held\n");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Closes its standard input first.
        self.0.wait().unwrap();
    }
}

#[test]
fn a_held_lock_is_exit_code_3_and_names_the_holder() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/cluster.toml", "\"Shop\"", "\"The Shop\"");
    let holder = Holder::new(&it, "beta");
    let before = it.tree("hosts");
    assert_snapshot!(it.bayplan("release shop --yes").exits(3), @"
    alpha, beta  (a directory: files are written, nothing is started)
      ~ web  write  shop-web.service, web/30-cluster.env
    in this order: alpha → beta
    2 hosts: 4 files change; nothing is started
    ------- stderr -------
    error: beta: locked by grace@desk since 2026-11-21T09:00:00Z, releasing shop (pid 7)
    help: `--lock-wait 5m` waits for it
    nothing was changed on any host
    [exit code: 3]
    ");
    it.bayplan("release shop --yes --lock-wait 0s").exits(3);
    // Nothing of the host that could be locked changed either, but the name in its lock.
    let mut after = it.tree("hosts");
    let lock = "alpha/var/lib/bayplan/lock".to_owned();
    after.insert(lock.clone(), before[&lock].clone());
    assert_eq!(before, after);
    // Looking needs no lock.
    it.bayplan("diff shop").succeeds();
    it.bayplan("status shop").succeeds();
    drop(holder);
    it.bayplan("release shop --yes").succeeds();
}

#[test]
fn a_release_waits_as_long_as_it_is_told() {
    let it = TestEnvironment::shop();
    let holder = Holder::new(&it, "alpha");
    let mut release = it
        .command()
        .args(["release", "shop", "--yes", "--lock-wait", "5m"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(release.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert_snapshot!(line, @"alpha: waiting for the lock of grace@desk since 2026-11-21T09:00:00Z, releasing shop (pid 7)");
    drop(holder);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(release.wait().unwrap().success(), "{rest}");
    it.bayplan("diff shop --exit-code").exits(0);
}

#[test]
fn a_host_under_two_names_is_told_by_its_lock() {
    let it = TestEnvironment::shop();
    std::fs::create_dir_all(it.path("hosts/alpha")).unwrap();
    std::os::unix::fs::symlink("alpha", it.path("hosts/beta")).unwrap();
    let release = it.bayplan("release shop --yes").exits(1);
    assert_snapshot!(release.stderr, @"
    error: beta: is the same machine as alpha
    help: give each machine one name under [hosts]
    nothing was changed on any host
    ");
}

/// A cluster that leaves hosts changes none whose lock it does not get, and says for whom it waits.
#[test]
fn a_cluster_that_leaves_waits_as_long_as_it_is_told() {
    let it = TestEnvironment::released();
    let holder = Holder::new(&it, "beta");
    let held = it
        .bayplan("destroy shop --skip alpha --confirm shop")
        .exits(3);
    assert!(held.stderr.contains("beta: locked by grace@desk"), "{held}");
    let mut destroy = it
        .command()
        .args(["destroy", "shop", "--confirm", "shop", "--lock-wait", "5m"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(destroy.stderr.take().unwrap());
    let mut lines = stderr.lines().map(Result::unwrap);
    let waits = lines.find(|line| line.contains("waiting for the lock of grace@desk"));
    assert!(waits.is_some_and(|line| line.starts_with("beta: ")));
    drop(holder);
    let rest: Vec<String> = lines.collect();
    assert!(destroy.wait().unwrap().success(), "{rest:?}");
    it.bayplan("destroy shop --skip alpha --skip beta").exits(1);
}
