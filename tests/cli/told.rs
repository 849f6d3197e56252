//! `--verbose` tells all that runs, and `--quiet` nothing that nobody has to act on.

use crate::environment::TestEnvironment;
use crate::local::ENGINE;

#[test]
fn quiet_tells_the_result_and_nothing_else() {
    let it = TestEnvironment::shop();
    let released = it.bayplan("-q release shop --yes").succeeds();
    assert_eq!(released.stderr, "", "{released}");
    assert!(
        released.stdout.starts_with("Released shop on 2 hosts"),
        "{released}"
    );
    let again = it.bayplan("release shop --yes --quiet").succeeds();
    assert_eq!(again.stderr, "", "{again}");
    assert!(again.stdout.contains("in sync"), "{again}");
    // Whoever is asked sees what about.
    it.edit("clusters/shop/cluster.toml", "Shop", "Store");
    let asked = it.bayplan("release shop --quiet").exits(1);
    assert!(asked.stdout.contains("~ web  write"), "{asked}");
    assert!(asked.stderr.contains("expected a terminal"), "{asked}");
    // Errors are told.
    it.edit("clusters/shop/cluster.toml", "api = ", "apo = ");
    let broken = it.bayplan("release shop --yes -q").exits(1);
    assert!(broken.stderr.contains("did you mean `api`?"), "{broken}");
    it.bayplan("release shop -q -v").exits(64);
}

#[test]
fn verbose_tells_each_program_and_each_script() {
    let it = TestEnvironment::shop();
    let released = it.bayplan("release shop --yes -v").succeeds();
    for expected in [
        "+ sh -c '…'\n",
        "hosts/alpha: staging\n",
        "hosts/alpha: staging: done after ",
    ] {
        let told = released.stderr.contains(expected);
        assert!(told, "{expected} is not in {released}");
    }
    // Data is the same.
    let usual = it.bayplan("diff shop").succeeds();
    let verbose = it.bayplan("diff shop --verbose").succeeds();
    assert_eq!(usual.stdout, verbose.stdout);
}

#[test]
fn verbose_and_quiet_go_for_the_engine_here_too() {
    let it = TestEnvironment::new();
    it.program("docker", ENGINE);
    it.write(
        "clusters/shop/cluster.toml",
        "[hosts.a]\naddress = \"10.0.0.1\"\n[place]\nweb = \"a\"\n",
    );
    it.write(
        "clusters/shop/services/web.toml",
        "image = \"web\"\ntag = \"1\"\n[env]\nKEY = \"sentinel\"\n",
    );
    let up = it.bayplan("local up -v").succeeds();
    assert!(
        up.stderr
            .contains("+ docker run -d --name local.repository.web"),
        "{up}"
    );
    // What containers get is in no argument.
    assert!(!up.stderr.contains("sentinel"), "{up}");
    let down = it.bayplan("local down -q").succeeds();
    assert_eq!((&*down.stderr, &*down.stdout), ("", ""));
    it.edit("clusters/shop/services/web.toml", "\"1\"", "\"broken\"");
    let failed = it.bayplan("local up -q").exits(1);
    assert!(
        failed.stderr.starts_with("error: web: it ended"),
        "{failed}"
    );
}
