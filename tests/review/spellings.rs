//! Another way to write the same thing restarts nothing.

use super::repo::Repo;

#[test]
fn another_way_to_write_the_same_container_restarts_nothing() {
    let repo = Repo::new();
    let cache = "clusters/production/services/cache.toml";
    repo.edit(
        cache,
        "volumes = [\"cache:/data\"]",
        "volumes = [\"cache:/data\", \"/srv/a:/a:ro\"]\nmemory = \"1g\"\ncpus = 0.5\n\
         ulimits = { nofile = 1024 }\ncapabilities = [\"NET_ADMIN\", \"SYS_TIME\"]\nenv = { N = 5 }",
    );
    repo.commit("fields");
    for (from, to) in [
        (
            "\"cache:/data\", \"/srv/a:/a:ro\"",
            "\"/srv/a/:/a:ro\", \"cache:/data:rw\"",
        ),
        ("\"1g\"", "\"1024m\""),
        ("cpus = 0.5", "cpus = \"0.50\""),
        ("nofile = 1024", "nofile = \"1024:1024\""),
        ("\"NET_ADMIN\", \"SYS_TIME\"", "\"SYS_TIME\", \"NET_ADMIN\""),
        ("N = 5", "N = \"5\""),
    ] {
        repo.edit(cache, from, to);
        let ran = repo.run("diff production --against HEAD --json");
        assert_eq!(ran.code, 0, "{}", ran.text());
        assert!(
            !ran.stdout.contains("\"action\": \"restart\""),
            "{to}: {}",
            ran.stdout
        );
    }
    // What is another container is one.
    repo.edit(cache, "\"1024m\"", "\"1025m\"");
    let ran = repo.run("diff production --against HEAD --json");
    assert!(
        ran.stdout.contains("\"action\": \"restart\""),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("--memory"), "{}", ran.stdout);
}
