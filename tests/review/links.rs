//! A review of a branch that anybody can write: nothing but files of the repository is read, and nothing
//! of any other file is shown.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::repo::{Ran, Repo};

const PRIVATE: &str = "-----BEGIN PRIVATE-----\nMARKER = [ of a private file\n";
const SERVICE: &str = "clusters/production/services/evil.toml";

/// A repository beside a private file: `outside/key` of its parent directory.
struct Scene {
    repo: Repo,
    outside: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let outside = tempfile::tempdir().unwrap();
        fs::create_dir(outside.path().join("services")).unwrap();
        for name in ["key", "cluster.toml", "services/evil.toml", "services/key"] {
            fs::write(outside.path().join(name), PRIVATE).unwrap();
        }
        Self {
            repo: Repo::new(),
            outside,
        }
    }

    fn link(&self, path: &str, target: impl AsRef<Path>) {
        let path = self.repo.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        symlink(target, path).unwrap();
    }

    fn private(&self, name: &str) -> String {
        self.outside.path().join(name).to_str().unwrap().to_owned()
    }

    /// Every way to show the description, of the checkout and of the commit.
    fn shows_nothing(&self, case: &str, expected: &str) {
        self.repo.write("committed", case);
        self.repo.commit("hostile");
        for arguments in [
            "check production",
            "render production",
            "diff production",
            "diff production --against main~1",
            "diff production --against main~1 --format markdown",
            "diff production --against main~1 --format json",
            "diff --all --against main~1..main --format markdown",
            "diff production --against main..main~1 --diff",
            "secrets list production",
            "why production search",
        ] {
            let text = self.repo.run(arguments).text();
            for line in PRIVATE.lines() {
                assert!(!text.contains(line), "{case}: {arguments}: {text}");
            }
        }
        let text = self
            .repo
            .run("diff production --against main~1..main")
            .text();
        assert!(text.contains(expected), "{case}, the commit: {text}");
        let Ran { code, .. } = self.repo.run("diff production --against main~1");
        assert_eq!(code, 1, "{case}");
        let text = self.repo.run("check production").text();
        assert!(text.contains(expected), "{case}, the checkout: {text}");
    }
}

/// The longest way out that a relative link can take.
fn up(path: &str) -> String {
    format!("{}{}", "../".repeat(40), path.trim_start_matches('/'))
}

#[test]
fn a_link_out_of_the_repository_is_an_error_and_shows_nothing() {
    let out = "found a link out of it";
    let absolute = |scene: &Scene, name: &str| scene.private(name);
    let relative = |scene: &Scene, name: &str| up(&scene.private(name));
    for target in [absolute, relative] {
        for path in [
            SERVICE,
            "templates/container.service",
            "clusters/production/cluster.toml",
            "clusters/production/service-config.toml",
            "clusters/production/secrets.toml",
        ] {
            let scene = Scene::new();
            scene.link(path, target(&scene, "key"));
            scene.shows_nothing(path, out);
        }
        // A directory on the way.
        for (path, name) in [
            ("clusters/production/services", "services"),
            ("clusters/production", ""),
            ("templates", "services"),
        ] {
            let scene = Scene::new();
            scene.repo.remove(path);
            scene.link(path, target(&scene, name));
            scene.shows_nothing(path, out);
        }
        // Links to links.
        let scene = Scene::new();
        scene.link("shared/one", target(&scene, "key"));
        scene.link("shared/two", "one");
        scene.link(SERVICE, "../../../shared/two");
        scene.shows_nothing("a chain", out);
        let scene = Scene::new();
        scene.link("shared", target(&scene, "services"));
        scene.link(SERVICE, "../../../shared/key");
        scene.shows_nothing("a directory behind a link", out);
    }
    let scene = Scene::new();
    scene.link(SERVICE, "/proc/self/environ");
    scene.shows_nothing("the environment", out);
    let scene = Scene::new();
    scene.link(SERVICE, "/proc/kmsg");
    scene.shows_nothing("what never ends", out);
}

#[test]
fn a_link_into_git_is_an_error() {
    for target in [
        "../../../.git/config",
        "../../../.GIT/config",
        "../../../templates/../.git/config",
    ] {
        let scene = Scene::new();
        fs::write(scene.repo.root().join(".git/description"), PRIVATE).unwrap();
        scene.link(SERVICE, target);
        scene.shows_nothing(target, "found a link into its `.git`");
    }
}

#[test]
fn a_link_to_what_git_does_not_track_is_an_error() {
    let scene = Scene::new();
    let repo = &scene.repo;
    repo.write(".gitignore", "*.key\n");
    repo.write("ci.key", PRIVATE);
    scene.link(SERVICE, "../../../ci.key");
    repo.commit("hostile");
    let text = repo
        .run("diff production --against main~1 --format markdown")
        .text();
    assert!(!text.contains("MARKER"), "{text}");
    assert!(text.contains("which git does not track"), "{text}");
    // A clone of something else within the checkout, as CI has them.
    let scene = Scene::new();
    let repo = &scene.repo;
    git2::Repository::init(repo.root().join("tools")).unwrap();
    repo.write("tools/key", PRIVATE);
    scene.link(SERVICE, "../../../tools/key");
    let text = repo.run("check production").text();
    assert!(!text.contains("MARKER"), "{text}");
    assert!(text.contains("which git does not track"), "{text}");
}

#[test]
fn links_within_the_repository_are_followed_by_both_sides() {
    let scene = Scene::new();
    let repo = &scene.repo;
    repo.write("shared/web.toml", "image = \"web\"\ntag = \"1\"\n");
    repo.write(
        "shared/more/template",
        &repo.read("templates/container.service"),
    );
    scene.link("shared/again.toml", "./more/../web.toml");
    scene.link(
        "clusters/production/services/web.toml",
        "../../../shared/again.toml",
    );
    scene.link("templates/container.service", "../shared/more//template");
    repo.edit(
        "clusters/production/cluster.toml",
        "[place]",
        "[place]\nweb = \"docker01\"",
    );
    repo.commit("links");
    let ran = repo.run("check production");
    assert_eq!(ran.code, 0, "{}", ran.text());
    let commits = repo.run("diff production --against main~1..main");
    assert!(commits.stdout.contains("web"), "{}", commits.text());
    let same = repo.run("diff production --against main --exit-code");
    assert_eq!(same.code, 0, "{}", same.text());
}

#[test]
fn what_is_no_file_is_an_error_and_is_not_waited_for() {
    let fifo = |scene: &Scene, path: &str| {
        let path = scene.repo.root().join(path);
        let made = Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    };
    let scene = Scene::new();
    fifo(&scene, SERVICE);
    let text = scene.repo.run("diff production --against main").text();
    assert!(text.contains("expected a file, found a fifo"), "{text}");
    // Behind a link it is no file either.
    let scene = Scene::new();
    fifo(&scene, "fifo");
    scene.link(SERVICE, "../../../fifo");
    let text = scene.repo.run("diff production --against main").text();
    assert!(text.contains("expected a file, found a fifo"), "{text}");
    let scene = Scene::new();
    let _socket = std::os::unix::net::UnixListener::bind(scene.repo.root().join(SERVICE)).unwrap();
    let text = scene.repo.run("check production").text();
    assert!(text.contains("expected a file, found a socket"), "{text}");
    let scene = Scene::new();
    fs::create_dir(scene.repo.root().join(SERVICE)).unwrap();
    let text = scene.repo.run("check production").text();
    assert!(
        text.contains("expected a file, found a directory"),
        "{text}"
    );
    for target in ["evil.toml", "gone.toml"] {
        let scene = Scene::new();
        scene.link(SERVICE, target);
        scene.shows_nothing(target, "expected a file, found ");
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let scene = Scene::new();
    let file = fs::File::create(scene.repo.root().join(SERVICE)).unwrap();
    file.set_len(3 << 30).unwrap();
    let text = scene.repo.run("check production").text();
    assert!(text.contains("expected a file of at most 16 MiB"), "{text}");
    // Git keeps it in a few bytes.
    file.set_len(17 << 20).unwrap();
    scene.repo.commit("large");
    let text = scene
        .repo
        .run("diff production --against main~1..main")
        .text();
    assert!(text.contains("expected a file of at most 16 MiB"), "{text}");
}

#[test]
fn a_template_is_named_within_its_directory() {
    for name in ["../../x", "/etc/passwd", "..", "a/../../b"] {
        let repo = Repo::new();
        let line = format!("image = \"web\"\ntag = \"1\"\ntemplate = \"{name}\"\n");
        repo.write(SERVICE, &line);
        let ran = repo.run("diff production --against main --format markdown");
        assert_eq!(ran.code, 1, "{}", ran.text());
        assert!(!ran.text().contains("root:"), "{}", ran.text());
    }
}

#[test]
fn a_review_touches_no_host_not_even_a_directory() {
    let repo = Repo::new();
    let cluster = "clusters/production/cluster.toml";
    let target = repo.root().join("etc");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("private"), PRIVATE).unwrap();
    let directory = format!("directory = \"{}\"", target.display());
    repo.edit(cluster, "address = \"10.0.0.101\"", &directory);
    let before = fs::metadata(&target).unwrap().modified().unwrap();
    let ran = repo.run("diff production --against main --format markdown");
    assert_eq!(ran.code, 0, "{}", ran.text());
    assert!(!ran.text().contains("MARKER"));
    assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
    assert_eq!(fs::metadata(&target).unwrap().modified().unwrap(), before);
}

#[test]
fn an_unfit_file_of_a_service_does_not_hide_the_other_problems() {
    let scene = Scene::new();
    scene.link(SERVICE, scene.private("key"));
    scene
        .repo
        .edit("clusters/production/services/search.toml", "port", "prot");
    let text = scene.repo.run("check production").text();
    assert!(
        text.contains("found a link out of it") && text.contains("prot"),
        "{text}"
    );
}
