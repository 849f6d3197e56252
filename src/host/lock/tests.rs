use super::*;
use crate::host::sample::{Root, id, run, shells};

fn docker01() -> &'static HostName {
    static NAME: std::sync::OnceLock<HostName> = std::sync::OnceLock::new();
    NAME.get_or_init(|| HostName::new("docker01").unwrap())
}

fn holder<'a>(words: &'a str, release: &'a StageId) -> Holder<'a> {
    Holder {
        words,
        release,
        host: docker01(),
    }
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn nobody_else_can_open_the_lock_also_not_an_older_one() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    for shell in shells() {
        let root = Root::new(shell);
        let (lock, directory) = (
            root.path("var/lib/bayplan/lock"),
            root.path("var/lib/bayplan"),
        );
        let release = id("a");
        let script = lock_script(&root.layout, holder("ada", &release), "");
        let take = || parse_lock(&root.run(&script, b""));
        assert_eq!(take(), LockAnswer::Taken);
        assert_eq!((mode(&lock), mode(&directory)), (0o600, 0o700));
        assert_eq!(mode(&root.path("var/lib")), 0o755);
        let first = std::fs::metadata(&lock).unwrap().ino();
        assert_eq!(take(), LockAnswer::Taken);
        assert_eq!(std::fs::metadata(&lock).unwrap().ino(), first);

        // As an older bayplan left it: whoever opened it then may have it still.
        let open = |path: &std::path::Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        open(&lock, 0o644);
        open(&directory, 0o755);
        assert_eq!(take(), LockAnswer::Taken);
        assert_eq!((mode(&lock), mode(&directory)), (0o600, 0o700));
        assert_ne!(std::fs::metadata(&lock).unwrap().ino(), first);

        // Not under the feet of a release that has it.
        open(&lock, 0o644);
        let file = root.path("ask.sh");
        std::fs::write(&file, &script).unwrap();
        let held = format!(
            "exec 9<>'{0}'; flock -n 9; {shell} '{1}' 9<&-; ls -l '{0}'",
            lock.display(),
            file.display()
        );
        let said = String::from_utf8(root.run(&held, b"")).unwrap();
        assert!(said.starts_with("held\n"), "{shell}: {said}");
        assert!(said.contains("-rw-r--r--"), "{shell}: {said}");
    }
}

#[test]
fn a_lock_names_its_holder_and_no_other() {
    for shell in shells() {
        let root = Root::new(shell);
        let release = id("a");
        let script = lock_script(&root.layout, holder("ada", &release), "");
        let lock = root.path("var/lib/bayplan/lock");
        let read = || std::fs::read_to_string(&lock).unwrap();
        // The name goes with the lock, given back or ended.
        root.run(&format!("{script}{UNLOCK}"), b"");
        assert_eq!(read(), "");
        let guarded = lock_script(
            &root.layout,
            holder("ada", &release),
            &guard_stage(&root.layout, &release),
        );
        root.run(&guarded, b"");
        assert_eq!(read(), "");
        // A session that was killed leaves its name; who has the lock then is another one.
        root.run(&format!("{script}kill -KILL $$"), b"");
        assert!(read().starts_with("ada\n"), "{}", read());
        let file = root.path("ask.sh");
        std::fs::write(&file, &script).unwrap();
        let stranger = format!("flock '{}' {shell} '{}'", lock.display(), file.display());
        let answer = parse_lock(&root.run(&stranger, b""));
        let LockAnswer::Held { holder, release } = &answer else {
            panic!("{shell}: {answer:?}");
        };
        assert!(
            holder.starts_with("process ") && holder.ends_with(" (flock)"),
            "{holder}"
        );
        assert_eq!(*release, None);
    }
}

#[test]
fn the_lock_is_held_until_its_shell_ends_and_names_its_holder() {
    for shell in shells() {
        let root = Root::new(shell);
        let (ours, theirs) = (id("a"), id("b"));
        let first = holder("ada@laptop\n1234 it's me", &ours);
        let first = lock_script(&root.layout, first, "");
        let second = holder("bob", &theirs);
        let second = lock_script(&root.layout, second, "echo 'never said'");
        // The second shell asks while the first one has it, then after it was given back.
        let file = root.path("second.sh");
        std::fs::write(&file, second).unwrap();
        let ask = format!("{shell} '{}' 9>&-", file.display());
        let said = root.run(
            &format!("{first}\necho ---\n{ask}\necho ---\n{UNLOCK}{ask}"),
            b"",
        );
        let said = String::from_utf8(said).unwrap();
        let parts: Vec<_> = said.split("---\n").collect();
        let answers: Vec<_> = parts
            .iter()
            .map(|part| parse_lock(part.as_bytes()))
            .collect();
        let held = LockAnswer::Held {
            holder: "ada@laptop 1234 it's me".to_owned(),
            release: Some((ours, docker01().clone())),
        };
        assert_eq!(
            answers,
            [LockAnswer::Taken, held, LockAnswer::Taken],
            "{shell}: {said}"
        );
    }
}

#[test]
fn a_lock_that_cannot_be_made_does_not_end_the_session() {
    for shell in shells() {
        let root = Root::new(shell);
        root.write("var/lib/bayplan", "a file");
        let release = id("a");
        let script = lock_script(&root.layout, holder("ada", &release), "echo 'never said'");
        let said = run(shell, &format!("{script}\necho alive"), b"");
        let said = String::from_utf8(said).unwrap();
        assert!(
            said.starts_with("failed\n") && said.ends_with("alive\n"),
            "{shell}: {said}"
        );
    }
}
