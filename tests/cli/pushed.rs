//! `push`, and later `activate`.

use crate::environment::TestEnvironment;

const API: &str = "clusters/shop/services/api.toml";
const ACTIVATE: &str = "activate shop --yes";

/// Released once; then a tag was changed and pushed.
fn pushed() -> TestEnvironment {
    let it = TestEnvironment::released();
    it.edit(API, "2.0.0", "2.1.0");
    let before = it.tree("hosts/beta/etc");
    let push = it.bayplan("push shop").succeeds().stdout;
    assert!(
        push.contains(
            "pushed to beta; nothing is effective yet: `bayplan activate shop` makes it so"
        ),
        "{push}"
    );
    assert_eq!(before, it.tree("hosts/beta/etc"));
    let status = it.bayplan("status shop").stdout;
    assert!(status.contains("pushed a release "), "{status}");
    assert!(status.contains(" that is not effective"), "{status}");
    it
}

#[track_caller]
fn status_tells_nothing(it: &TestEnvironment) {
    let status = it.bayplan("status shop").succeeds().stdout;
    assert!(!status.contains("pushed"), "{status}");
}

#[test]
fn what_was_pushed_becomes_effective_once_without_being_sent_again() {
    let it = pushed();
    // Whoever is not sure loses nothing.
    it.bayplan("activate shop").exits(1);
    // A rollback tells releases apart by their second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let activate = it.bayplan(ACTIVATE).succeeds();
    assert!(!activate.stderr.contains("staged"), "{}", activate.stderr);
    assert!(activate.stdout.contains("Released shop on 1 host"));
    it.bayplan("diff shop --exit-code").succeeds();
    status_tells_nothing(&it);
    let again = it.bayplan(ACTIVATE).exits(1).stderr;
    assert!(again.contains("found nothing"), "{again}");
    assert!(again.contains("`bayplan push shop`"), "{again}");
    // It is a generation as any other: the way back is there.
    it.bayplan("rollback shop --yes").succeeds();
    it.bayplan("diff shop --exit-code").exits(2);
}

#[test]
fn another_description_is_not_what_was_pushed() {
    let it = pushed();
    it.edit(API, "2.1.0", "2.2.0");
    let before = it.tree("hosts");
    let stale = it.bayplan(ACTIVATE).exits(4).stderr;
    assert!(stale.contains("expected the description that"), "{stale}");
    assert_eq!(before, it.tree("hosts"));
    // The one that was pushed still is.
    it.edit(API, "2.2.0", "2.1.0");
    it.bayplan(ACTIVATE).succeeds();
    it.bayplan("diff shop --exit-code").succeeds();
}

#[test]
fn another_release_or_push_throws_it_away() {
    let it = pushed();
    it.edit(API, "2.1.0", "2.2.0");
    it.bayplan("release shop --yes").succeeds();
    status_tells_nothing(&it);
    it.edit(API, "2.2.0", "2.1.0");
    let nothing = it.bayplan(ACTIVATE).exits(1).stderr;
    assert!(nothing.contains("found nothing"), "{nothing}");

    it.bayplan("push shop").succeeds();
    it.edit(API, "2.1.0", "2.3.0");
    it.bayplan("push shop").succeeds();
    let staged = "hosts/beta/var/lib/bayplan/shop/staging";
    assert_eq!(std::fs::read_dir(it.path(staged)).unwrap().count(), 1);
    it.bayplan(ACTIVATE).succeeds();
    it.bayplan("diff shop --exit-code").succeeds();
}

#[test]
fn files_that_a_hand_changed_there_never_become_effective() {
    let it = pushed();
    let staged = it.path("hosts/beta/var/lib/bayplan/shop/staging");
    let staged = std::fs::read_dir(staged).unwrap().next().unwrap().unwrap();
    let unit = staged.path().join("units/shop-api.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    std::fs::write(&unit, text + "# by hand\n").unwrap();
    let before = it.tree("hosts/beta/etc");
    let refused = it.bayplan(ACTIVATE).exits(1).stderr;
    assert!(
        refused.contains("a staged file is not what was sent"),
        "{refused}"
    );
    assert_eq!(before, it.tree("hosts/beta/etc"));
    // Who pushes anew goes on.
    it.bayplan("push shop").succeeds();
    it.bayplan(ACTIVATE).succeeds();
}

#[test]
fn only_what_was_pushed_becomes_effective() {
    let it = TestEnvironment::released();
    it.edit(API, "2.0.0", "2.1.0");
    it.edit("clusters/shop/services/web.toml", "1.4.2", "1.4.3");
    it.bayplan("push shop api").succeeds();
    it.bayplan(ACTIVATE).succeeds();
    let diff = it.bayplan("diff shop").stdout;
    assert!(diff.contains("~ web"), "{diff}");
    assert!(!diff.contains("~ api"), "{diff}");
}
