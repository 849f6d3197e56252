//! What README promises of the demo.

use std::process::Command;

use insta::assert_snapshot;

use crate::environment::TestEnvironment;

#[test]
fn the_demo_does_what_the_readme_promises() {
    let it = TestEnvironment::examples();
    assert_snapshot!(it.bayplan("release demo --yes").succeeds(), @"
    alpha  target/demo/alpha  (a directory: files are written, nothing is started)
      + web      write  demo-web.service, web/10-service-locations.env,
                          web/20-service-config.env and 2 more
      + worker   write  demo-worker.service, worker/10-service-locations.env,
                          worker/20-service-config.env and 2 more
    beta  target/demo/beta  (a directory: files are written, nothing is started)
      + cache    write  demo-cache.service, cache/50-cache.env
      + greeter  write  demo-greeter.service, greeter/10-service-locations.env,
                          greeter/20-service-config.env and 2 more
      + web      write  demo-web.service, web/10-service-locations.env,
                          web/20-service-config.env and 2 more
    in this order: alpha (what is new) → beta (what is new)
    2 hosts: 22 files change; nothing is started
    Released demo on 2 hosts: files written.
    Nothing was started: directory hosts have files only.
    ------- stderr -------
    alpha: staged [SIZE]
    alpha: checked
    alpha: done in [TIME]
    beta: staged [SIZE]
    beta: checked
    beta: done in [TIME]
    ");
    assert_snapshot!(it.bayplan("release demo --yes").succeeds(), @"No changes. demo is in sync (2 hosts, 4 services).");
    // Its own command, as it stands there.
    let readme = include_str!("../../README.md");
    let sed = readme
        .lines()
        .find(|line| line.starts_with("sed "))
        .unwrap();
    let status = Command::new("sh")
        .arg("-c")
        .arg(sed)
        .current_dir(it.path(""))
        .status();
    assert!(status.unwrap().success());
    assert_snapshot!(it.bayplan("diff demo --diff").succeeds(), @r#"
    beta  target/demo/beta  (a directory: files are written, nothing is started)
      ~ greeter  write  demo-greeter.service, greeter/30-cluster.env
        === demo-greeter.service: only its fingerprint and the path of its inputs
        --- greeter/30-cluster.env
        +++ greeter/30-cluster.env
        @@ -1,3 +1,3 @@
         # 30-cluster: values of clusters/demo/cluster.toml that greeter reads; written by bayplan, do not edit here
         CACHE_URL="redis://beta:6379/0"
        -GREETING="Hello from demo, see https://demo.example.com"
        +GREETING="Ahoy"
    alpha  no changes
    2 hosts: 2 files change; nothing is started
    next: `bayplan release demo`
    "#);
    it.bayplan("release demo --yes").succeeds();
    assert!(
        it.path("target/demo/beta/etc/bayplan/demo/greeter")
            .exists()
    );
    assert_snapshot!(it.bayplan("status demo").succeeds(), @"demo is in sync (2 hosts, 5 units).");
}
