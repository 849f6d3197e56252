use super::*;
use crate::cluster::model::Supervisor;
use crate::host::sample::{Root, desired, id, manifest, run, shells, staged};

#[test]
fn the_payload_depends_on_nothing_but_its_input() {
    let host = desired(&[("web", "1"), ("db", "2")]);
    let manifest = manifest(&host);
    let staged = Staged {
        scripts: &[("activate-0.sh".to_owned(), "echo\n".to_owned())],
        ..staged(&host, &manifest)
    };
    assert_eq!(staged.payload().unwrap(), staged.payload().unwrap());
}

#[test]
fn what_is_staged_is_what_was_sent() {
    for shell in shells() {
        let root = Root::new(shell);
        let host = desired(&[("web", "1"), ("db", "it's\n\"2\"")]);
        assert_eq!(root.stage(&host, &id("a")), ReadinessCheck::default());
        let stage = "var/lib/bayplan/demo/staging/a";
        assert_eq!(
            root.read(&format!("{stage}/units/demo-web.service")),
            *host.services[&crate::host::sample::service("web")]
                .service_unit()
                .text
        );
        // A second one replaces the first one.
        root.stage(&host, &id("b"));
        assert!(!root.path(stage).exists());
    }
}

#[test]
fn a_staged_file_that_was_changed_is_found() {
    let root = Root::new("sh");
    let host = desired(&[("web", "1")]);
    let manifest = manifest(&host);
    let staged = staged(&host, &manifest);
    root.stage_parts(&staged, &id("a"));
    root.write("var/lib/bayplan/demo/staging/a/units/demo-web.service", "x");
    let script = staged.check_script(
        &root.layout,
        Engine::Docker,
        &id("a"),
        &staged.expected(0),
        &HostNeeds::default(),
    );
    let checked = ReadinessCheck::parse(&root.run(&script, b"")).unwrap();
    let [Finding::Digest(found), ..] = &checked.findings[..] else {
        panic!("{checked:?}");
    };
    assert!(found.contains("demo-web.service"), "{found}");
}

#[test]
fn a_service_that_is_not_sent_comes_from_the_current_generation() {
    let root = Root::new("sh");
    let before = desired(&[("web", "1"), ("db", "1")]);
    root.release(&before, 1);
    // Only `web` is released; the manifest has the old `db`.
    let after = desired(&[("web", "2"), ("db", "1")]);
    let manifest = manifest(&after);
    let web = crate::host::sample::service("web");
    let staged = Staged {
        sent: after
            .services
            .iter()
            .filter(|(name, _)| **name == web)
            .collect(),
        ..staged(&after, &manifest)
    };
    assert_eq!(root.stage_parts(&staged, &id("b")).findings, []);
}

#[test]
fn a_payload_that_cannot_be_unpacked_is_told() {
    for shell in shells() {
        let root = Root::new(shell);
        let host = desired(&[("web", "1")]);
        let manifest = manifest(&host);
        let staged = staged(&host, &manifest);
        let script = staged.stage_script(&root.layout, &id("a"), None);
        let said = root.run(&script, &[b'x'; 100_000]);
        let said = String::from_utf8(said).unwrap();
        assert!(said.starts_with("failed "), "{said}");
        assert!(!root.path("var/lib/bayplan/demo/staging/a").exists());
    }
}

#[test]
fn what_was_pushed_goes_with_the_next_stage_unless_it_stays() {
    for shell in shells() {
        let root = Root::new(shell);
        let host = desired(&[("web", "1")]);
        let manifest = manifest(&host);
        let staged = staged(&host, &manifest);
        let there = |path: &str| root.path(&format!("var/lib/bayplan/demo/{path}")).exists();
        let payload = staged.payload().unwrap();
        for (stays, left) in [(Some("pushed"), true), (None, false)] {
            root.write("var/lib/bayplan/demo/pushed.json", "{}");
            root.write("var/lib/bayplan/demo/staging/pushed/manifest.json", "{}");
            root.write("var/lib/bayplan/demo/staging/old/manifest.json", "{}");
            let script = staged.stage_script(&root.layout, &id("a"), stays);
            assert_eq!(root.run(&script, &payload), b"staged\n");
            assert!(there("staging/a/manifest.json") && !there("staging/old"));
            assert_eq!(
                (there("pushed.json"), there("staging/pushed")),
                (left, left)
            );
        }
    }
}

#[test]
fn too_little_room_is_found() {
    let root = Root::new("sh");
    let host = desired(&[("web", "1")]);
    let manifest = manifest(&host);
    let staged = staged(&host, &manifest);
    root.stage_parts(&staged, &id("a"));
    let huge = u64::MAX / 8;
    let script = staged.check_script(
        &root.layout,
        Engine::Docker,
        &id("a"),
        &staged.expected(huge),
        &HostNeeds::default(),
    );
    let checked = ReadinessCheck::parse(&root.run(&script, b"")).unwrap();
    assert!(
        matches!(&checked.findings[..], [Finding::Space { path, .. }, ..] if path.ends_with("/var/lib")),
        "{checked:?}"
    );
}

/// An engine that knows `there:1`, pulls what begins with `good`, and refuses the rest.
const ENGINE: &str = r#"
docker() {
  case "$1 $2" in
  'image inspect')
    shift 4
    for name; do
      case $name in
      there:1) echo sha256:aa ;;
      good*) [ -e "$stage/.pulled" ] && echo sha256:bb || return 1 ;;
      *) return 1 ;;
      esac
    done
    ;;
  'pull --quiet')
    case $3 in
    good*) : >"$stage/.pulled" ;;
    *) printf 'no such\nimage\n' >&2; return 1 ;;
    esac
    ;;
  esac
}
systemd-analyze() { :; }
"#;

#[test]
fn images_are_pulled_where_they_are_missing_or_moving() {
    let root = Root::new("bash");
    let host = desired(&[("web", "1")]);
    root.stage(&host, &id("a"));
    let manifest = manifest(&host);
    let staged = Staged {
        sent: BTreeMap::new(),
        ..staged(&host, &manifest)
    };
    let images = [("there:1", false), ("good:1", false), ("bad:1", true)];
    let images = images.map(|(name, moving)| Reference {
        name: name.to_owned(),
        platform: None,
        means: if moving {
            Means::Moving
        } else {
            Means::Whatever
        },
    });
    let layout = root.with_supervisor(Supervisor::Systemd);
    let script = staged.check_script(
        &layout,
        Engine::Docker,
        &id("a"),
        &staged.expected(0),
        &HostNeeds {
            jobs: &[],
            images: &images,
            ..HostNeeds::default()
        },
    );
    let checked = ReadinessCheck::parse(&run("bash", &format!("{ENGINE}{script}"), b"")).unwrap();
    let message = "no such image".to_owned();
    let reference = "bad:1".to_owned();
    assert_eq!(checked.findings, [Finding::Pull { reference, message }]);
    let there = &checked.images["there:1"];
    assert_eq!(
        (there.before.as_deref(), &*there.after),
        (Some("sha256:aa"), "sha256:aa")
    );
    let good = &checked.images["good:1"];
    assert_eq!((good.before.as_deref(), &*good.after), (None, "sha256:bb"));
}

/// An engine that has one image, which it pulled for its own platform or for another one.
const PLATFORMS: &str = r#"
docker() {
  case "$1 $2 $4" in
  'image inspect {{.Id}}')
    [ -e "$stage/.arm" ] && echo sha256:arm || echo sha256:amd
    ;;
  'image inspect {{.Os}}/{{.Architecture}}')
    [ -e "$stage/.arm" ] && echo linux/arm64 || echo linux/amd64
    ;;
  'pull --quiet '*)
    case "$*" in
    *'--platform linux/arm64/v8 there:1') : >"$stage/.arm" ;;
    *) return 1 ;;
    esac
    ;;
  esac
}
systemd-analyze() { :; }
"#;

#[test]
fn an_image_is_pulled_for_its_platform() {
    for (platform, after) in [
        (None, "sha256:amd"),
        (Some("linux/amd64"), "sha256:amd"),
        (Some("linux/arm64/v8"), "sha256:arm"),
    ] {
        let root = Root::new("bash");
        let host = desired(&[("web", "1")]);
        root.stage(&host, &id("a"));
        let manifest = manifest(&host);
        let staged = Staged {
            sent: BTreeMap::new(),
            ..staged(&host, &manifest)
        };
        let image = Reference {
            name: "there:1".to_owned(),
            means: Means::Whatever,
            platform: platform.map(str::to_owned),
        };
        let needs = HostNeeds {
            images: &[image],
            ..HostNeeds::default()
        };
        let layout = root.with_supervisor(Supervisor::Systemd);
        let script = staged.check_script(
            &layout,
            Engine::Docker,
            &id("a"),
            &staged.expected(0),
            &needs,
        );
        let answer = run("bash", &format!("{PLATFORMS}{script}"), b"");
        let checked = ReadinessCheck::parse(&answer).unwrap();
        assert_eq!(checked.findings, [], "{platform:?}");
        assert_eq!(checked.images["there:1"].after, after, "{platform:?}");
    }
}

#[test]
fn a_check_that_is_cut_off_is_an_error() {
    let whole = "bayplan check 1\nspace /a b 10 5\nimage a - b\nend\n";
    let checked = ReadinessCheck::parse(whole.as_bytes()).unwrap();
    assert_eq!(checked.images["a"].before, None);
    for end in 0..whole.len() - 1 {
        // Without the last line break nothing is lost.
        if end < whole.len() - 1 {
            assert!(
                ReadinessCheck::parse(&whole.as_bytes()[..end]).is_err(),
                "{end}"
            );
        }
    }
    let layout = crate::host::sample::layout();
    assert_eq!(layout.lock().as_str(), "/var/lib/bayplan/lock");
}
