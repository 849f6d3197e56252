//! `push`, and later `activate`, on hosts.

use crate::containers::Containers;
use crate::hosts::Fleet;
use crate::secrets::Vault;

/// What was pushed waits on the hosts, also over a power cut, and becomes effective without being sent again: exactly what
/// changed restarts, with its secrets.
pub fn activated(fleet: &'static Fleet) {
    let mut vault = Vault::new(fleet, "pushed", 9841);
    vault.run(&["release", "pushed", "--yes"], "").exits(0);
    let before = vault.ground.containers();
    vault.set("KEY", "s3ntinel-pushed");
    vault.ground.repo.set_of("plain", "tag", "1.1");
    vault
        .run(&["push", "pushed"], "")
        .exits(0)
        .says(&["pushed to docker01 and docker02"])
        .never_says(&["s3ntinel"]);
    let same = |vault: &Vault, before: &Containers, expected: &[&str]| {
        let changes = before.changes(&vault.ground.containers());
        assert_eq!(changes, expected);
    };
    same(&vault, &before, &[]);
    // A restart of what is there leaves it for later.
    vault
        .run(&["restart", "pushed", "plain", "--yes"], "")
        .exits(0);
    same(&vault, &before, &["~ docker01/plain"]);
    fleet.power_cut("docker02");
    let before = vault.ground.containers();
    vault
        .run(&["status", "pushed"], "")
        .says(&["pushed a release"])
        .says(&["`bayplan activate pushed` makes it so"]);
    vault
        .run(&["activate", "pushed", "--yes"], "")
        .exits(0)
        .never_says(&["staged"])
        .never_says(&["s3ntinel"]);
    same(
        &vault,
        &before,
        &["~ docker01/plain", "~ docker01/web", "~ docker02/web"],
    );
    for host in ["docker01", "docker02"] {
        let has = "docker exec pushed-web sh -c 'echo \"$KEY\"'";
        assert_eq!(vault.ground.host(host).sh(has).trim(), "s3ntinel-pushed");
        let left = "ls /var/lib/bayplan/pushed/staging /var/lib/bayplan/pushed/pushed.json 2>/dev/null | grep -c 2 || true";
        assert_eq!(vault.ground.host(host).sh(left).trim(), "0");
    }
    vault.ground.is_in_sync();

    // What does not answer is put back, and what was pushed is used up by that.
    vault.ground.repo.set_of("plain", "health.http", "/nope");
    vault.ground.repo.set_of("plain", "health.timeout", "2s");
    vault.run(&["push", "pushed"], "").exits(0);
    vault.run(&["activate", "pushed", "--yes"], "").exits(5);
    vault
        .run(&["activate", "pushed", "--yes"], "")
        .exits(1)
        .says(&["found nothing"]);
}
