//! Files of the repository in containers: what hosts get, what a plan shows of them, and what is mended.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::environment::TestEnvironment;

const BELOW: &str = "clusters/shop/services/web";
const FILES: &str = "\n[files]\n\"/etc/nginx/nginx.conf\" = { from = \"nginx.conf\", template = true }\n\"/etc/nginx/conf.d\" = \"conf.d/\"\n\"/run/logo\" = { from = \"logo.png\", mode = \"0400\" }\n";

/// A released cluster whose `web` has files.
fn released() -> TestEnvironment {
    let it = TestEnvironment::released();
    let path = format!("{BELOW}.toml");
    let file = it.read(&path);
    it.write(&path, file + FILES);
    it.write(
        &format!("{BELOW}/nginx.conf"),
        "level {{ LEVEL | default('info') }}\n{% for h in services.web.hosts %}\nserver {{ h.name }};\n{% endfor %}\n",
    );
    it.write(&format!("{BELOW}/conf.d/a.conf"), "one\ntwo\n");
    fs::write(it.path(&format!("{BELOW}/logo.png")), b"\x89PNG\r\n\0\xff").unwrap();
    it.bayplan("release shop --yes").succeeds();
    it.bayplan("diff shop --exit-code").exits(0);
    it
}

fn mode(it: &TestEnvironment, path: &str) -> u32 {
    let metadata = fs::metadata(it.path(path)).unwrap();
    metadata.permissions().mode() & 0o7777
}

#[test]
fn files_are_on_the_host_as_the_description_has_them() {
    let it = released();
    let inputs = it.inputs("alpha", "web");
    assert_eq!(
        it.read(&format!("{inputs}/files/etc/nginx/conf.d/a.conf")),
        "one\ntwo\n"
    );
    assert!(
        it.read(&format!("{inputs}/files/etc/nginx/nginx.conf"))
            .starts_with("level info\nserver ")
    );
    let logo = format!("{inputs}/files/run/logo");
    assert_eq!(fs::read(it.path(&logo)).unwrap(), b"\x89PNG\r\n\0\xff");
    assert_eq!(mode(&it, &logo), 0o400);
    assert_eq!(
        mode(&it, &format!("{inputs}/files/etc/nginx/nginx.conf")),
        0o644
    );
    assert_eq!(
        mode(&it, &format!("{inputs}/files/etc/nginx/conf.d")),
        0o755
    );
    let unit = it.read("hosts/alpha/etc/systemd/system/shop-web.service");
    for target in ["/etc/nginx/nginx.conf", "/etc/nginx/conf.d", "/run/logo"] {
        let mount = format!("/files{target},target={target},readonly");
        assert!(unit.contains(&mount), "{unit}");
    }
}

#[test]
fn a_changed_file_is_named_and_its_lines_are_shown() {
    let it = released();
    it.write(&format!("{BELOW}/conf.d/a.conf"), "one\n2\n");
    fs::write(it.path(&format!("{BELOW}/logo.png")), b"\x89PNG\xfe").unwrap();
    let diff = it.bayplan("diff shop --diff").succeeds().stdout;
    for words in [
        "web/files/etc/nginx/conf.d/a.conf",
        "web/files/run/logo",
        "-two",
        "+2",
        "(not UTF-8, sha256 ",
    ] {
        assert!(diff.contains(words), "{words}: {diff}");
    }
    // What a template makes is what counts.
    it.write(&format!("{BELOW}/conf.d/a.conf"), "one\ntwo\n");
    fs::write(it.path(&format!("{BELOW}/logo.png")), b"\x89PNG\r\n\0\xff").unwrap();
    let template = it.read(&format!("{BELOW}/nginx.conf"));
    it.write(
        &format!("{BELOW}/nginx.conf"),
        format!("{{# a comment #}}{template}"),
    );
    it.bayplan("diff shop --exit-code").exits(0);
    it.edit(&format!("{BELOW}.toml"), "0400", "0444");
    let diff = it.bayplan("diff shop --diff").succeeds().stdout;
    assert!(diff.contains("+0444 0:0 files/run/logo"), "{diff}");
    let why = it.bayplan("why shop web").succeeds().stdout;
    assert!(why.contains("services/web/logo.png, mode 0444"), "{why}");
}

#[test]
fn what_a_hand_changed_of_a_file_is_mended() {
    let it = released();
    let inputs = it.inputs("alpha", "web");
    let logo = format!("{inputs}/files/run/logo");
    let chmod = |path: &str, mode| {
        fs::set_permissions(it.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod(&logo, 0o644);
    let diff = it.bayplan("diff shop").succeeds().stdout;
    assert!(diff.contains("files/run/logo"), "{diff}");
    it.bayplan("release shop --yes").succeeds();
    assert_eq!(mode(&it, &logo), 0o400);
    it.bayplan("diff shop --exit-code").exits(0);
    // The list itself, and what it speaks of.
    let list = format!("{inputs}/files.modes");
    let text = it.read(&list).replace("0400", "0600");
    it.write(&list, text);
    chmod(&logo, 0o600);
    let added = format!("{inputs}/files/etc/nginx/conf.d/own.conf");
    it.write(&added, "by hand\n");
    it.bayplan("release shop --yes").succeeds();
    assert_eq!(mode(&it, &logo), 0o400);
    assert!(!it.path(&added).exists());
    it.bayplan("diff shop --exit-code").exits(0);
}

#[test]
fn a_review_names_the_file_as_a_reason() {
    let it = released();
    it.write(".gitignore", "/hosts\n");
    let cluster = it.read("clusters/shop/cluster.toml");
    // Reasons are those of containers.
    let cluster = cluster
        .replace("directory = \"hosts/alpha\"", "address = \"10.0.0.1\"")
        .replace("directory = \"hosts/beta\"", "address = \"10.0.0.2\"");
    it.write("clusters/shop/cluster.toml", cluster);
    it.commit("one");
    it.write(&format!("{BELOW}/conf.d/a.conf"), "one\n2\n");
    let review = it
        .bayplan("diff shop --against HEAD --diff")
        .succeeds()
        .stdout;
    for words in ["/etc/nginx/conf.d/a.conf changed", "-two", "+2"] {
        assert!(review.contains(words), "{words}: {review}");
    }
    it.edit(&format!("{BELOW}.toml"), "0400", "0444");
    it.write(&format!("{BELOW}/conf.d/a.conf"), "one\ntwo\n");
    let review = it.bayplan("diff shop --against HEAD").succeeds().stdout;
    assert!(review.contains("/run/logo changed"), "{review}");
}

#[test]
fn a_rollback_brings_the_files_back() {
    let it = released();
    it.write(&format!("{BELOW}/conf.d/a.conf"), "changed\n");
    fs::write(it.path(&format!("{BELOW}/logo.png")), b"\xfe").unwrap();
    it.bayplan("release shop --yes").succeeds();
    it.bayplan("rollback shop --yes").succeeds();
    let inputs = it.inputs("alpha", "web");
    let logo = format!("{inputs}/files/run/logo");
    assert_eq!(fs::read(it.path(&logo)).unwrap(), b"\x89PNG\r\n\0\xff");
    assert_eq!(mode(&it, &logo), 0o400);
}

#[test]
fn a_link_that_leaves_the_repository_is_refused() {
    let it = released();
    let path = it.path(&format!("{BELOW}/conf.d/a.conf"));
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    let told = it.bayplan("check shop").exits(1).stdout;
    for words in [
        "found a link out of it to `/etc/passwd`",
        "conf.d/a.conf",
        "named here",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

const LIVE: &str = "hosts/alpha/var/lib/bayplan/shop/live/web/~etc~nginx~conf.d";

/// The same cluster, with a directory that `web` reads again without a restart.
fn released_live() -> TestEnvironment {
    let it = released();
    it.edit(
        &format!("{BELOW}.toml"),
        "\"/etc/nginx/conf.d\" = \"conf.d/\"",
        "\"/etc/nginx/conf.d\" = { from = \"conf.d/\", template = true, mode = \"0640\", reload = { signal = \"HUP\" }, check = [\"nginx\", \"-t\"] }",
    );
    it.write(&format!("{BELOW}/conf.d/more/b.conf"), "{{ host.name }}\n");
    it.bayplan("release shop --yes").succeeds();
    it.bayplan("diff shop --exit-code").exits(0);
    it
}

/// The version that is shown.
fn version(it: &TestEnvironment) -> String {
    let version = fs::read_link(it.path(&format!("{LIVE}/..data"))).unwrap();
    version.to_str().unwrap().to_owned()
}

/// What a reader of the directory sees, and nothing but that is there.
fn shows(it: &TestEnvironment, a: &str) {
    assert_eq!(it.read(&format!("{LIVE}/a.conf")), a);
    assert_eq!(it.read(&format!("{LIVE}/more/b.conf")), "alpha\n");
    assert_eq!(mode(it, &format!("{LIVE}/a.conf")), 0o640);
    let entries = fs::read_dir(it.path(LIVE)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let mut expected = ["..data", &*version(it), "a.conf", "more"];
    expected.sort_unstable();
    assert_eq!(names, expected);
    for name in ["a.conf", "more"] {
        let link = fs::read_link(it.path(&format!("{LIVE}/{name}"))).unwrap();
        assert_eq!(link.to_str(), Some(&*format!("..data/{name}")));
    }
    it.bayplan("diff shop --exit-code").exits(0);
}

#[test]
fn files_that_are_read_again_are_swapped_beside_the_inputs() {
    let it = released_live();
    shows(&it, "one\ntwo\n");
    let (inputs, first) = (it.inputs("alpha", "web"), version(&it));
    let unit = "hosts/alpha/etc/systemd/system/shop-web.service";
    let text = it.read(unit);
    assert!(
        text.contains("source=/var/lib/bayplan/shop/live/web/~etc~nginx~conf.d,target=/etc/nginx/conf.d,readonly"),
        "{text}"
    );
    assert_eq!(mode(&it, "hosts/alpha/var/lib/bayplan/shop/live"), 0o700);
    assert_eq!(mode(&it, LIVE), 0o755);

    it.write(&format!("{BELOW}/conf.d/a.conf"), "one\n2\n");
    let diff = it.bayplan("diff shop --diff").succeeds().stdout;
    for words in ["web/live/etc/nginx/conf.d/a.conf", "-two", "+2"] {
        assert!(diff.contains(words), "{words}: {diff}");
    }
    it.bayplan("release shop --yes").succeeds();
    shows(&it, "one\n2\n");
    assert_ne!(version(&it), first);
    assert_eq!((it.inputs("alpha", "web"), it.read(unit)), (inputs, text));
    let why = it.bayplan("why shop web").succeeds().stdout;
    let words: Vec<&str> = why.split_whitespace().collect();
    assert!(
        words
            .join(" ")
            .contains("read again by SIGHUP, without a restart"),
        "{why}"
    );
    let rendered = it.bayplan("render shop").succeeds().stdout;
    assert!(
        rendered.contains("/var/lib/bayplan/shop/live/web/~etc~nginx~conf.d/a.conf"),
        "{rendered}"
    );

    // Back, and gone.
    it.bayplan("rollback shop --yes").succeeds();
    assert_eq!(it.read(&format!("{LIVE}/a.conf")), "one\ntwo\n");
    it.bayplan("release shop --yes").succeeds();
    shows(&it, "one\n2\n");
    it.edit(
        &format!("{BELOW}.toml"),
        ", reload = { signal = \"HUP\" }, check = [\"nginx\", \"-t\"]",
        "",
    );
    it.bayplan("release shop --yes").succeeds();
    assert!(!it.path("hosts/alpha/var/lib/bayplan/shop/live").exists());
    it.bayplan("diff shop --exit-code").exits(0);
}

#[test]
fn what_a_hand_changed_of_files_that_are_read_again_is_another_version() {
    let it = released_live();
    let link = |name: &str| it.path(&format!("{LIVE}/{name}"));
    let hands: [(&str, &dyn Fn()); 6] = [
        ("an edit", &|| {
            it.write(&format!("{LIVE}/..data/a.conf"), "hand\n")
        }),
        ("a file of somebody's", &|| {
            it.write(&format!("{LIVE}/own.conf"), "hand\n")
        }),
        ("a link that is gone", &|| {
            fs::remove_file(link("a.conf")).unwrap()
        }),
        ("a file in place of a link", &|| {
            fs::remove_file(link("a.conf")).unwrap();
            it.write(&format!("{LIVE}/a.conf"), "hand\n");
        }),
        ("permissions", &|| {
            let permissions = fs::Permissions::from_mode(0o600);
            fs::set_permissions(link("a.conf"), permissions).unwrap();
        }),
        ("all of it", &|| fs::remove_dir_all(it.path(LIVE)).unwrap()),
    ];
    for (what, hand) in hands {
        let before = version(&it);
        hand();
        it.bayplan("diff shop --exit-code").exits(2);
        it.bayplan("release shop --yes").succeeds();
        assert_ne!(version(&it), before, "{what}");
        shows(&it, "one\ntwo\n");
    }
}
