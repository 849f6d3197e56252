//! The shapes of what a container may do: options of security modules, of the kernel, and file systems in memory.

use super::process::bytes;
use super::text::{Shape, line};
use crate::cluster::nearest;
use crate::cluster::read::Misfit;

/// The settings of the kernel that a container has for itself, besides `net.` and `fs.mqueue.` (docker/cli
/// `opts/opts.go`): any other one is the host's, and both engines refuse it.
const SYSCTLS: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// Options of a `tmpfs` without a value.
const TMPFS_FLAGS: [&str; 16] = [
    "rw",
    "ro",
    "exec",
    "noexec",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "sync",
    "async",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
];

/// The name of a setting of the kernel.
pub(in crate::cluster) fn sysctl_name(text: &str) -> Shape<String> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"._-/*".contains(&b);
    let own = SYSCTLS.contains(&text) || text.starts_with("net.") || text.starts_with("fs.mqueue.");
    if own && text.bytes().all(inner) {
        return Ok(text.to_owned());
    }
    let host = ["kernel.", "vm.", "fs.", "dev.", "user."];
    let help = match nearest::nearest(text, SYSCTLS) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if host.iter().any(|start| text.starts_with(start)) => Some(format!(
            "remove it: `{}` is one for the whole host, set it there in `/etc/sysctl.d/`",
            text.escape_default()
        )),
        None => None,
    };
    Err(Misfit {
        expected: "a setting that a container has for itself, such as `net.core.somaxconn`"
            .to_owned(),
        help,
    })
}

/// The value of a setting of the kernel.
pub(in crate::cluster) fn sysctl_value(text: &str) -> Shape<String> {
    line(text)
}

/// A profile of seccomp.
pub(in crate::cluster) fn seccomp(text: &str) -> Shape<String> {
    line(text)?;
    match text {
        "unconfined" | "builtin" => Ok(text.to_owned()),
        path if path.starts_with('/') => Ok(text.to_owned()),
        _ => Err(Misfit::new(
            "`unconfined`, `builtin`, or the absolute path of a profile on the host",
        )),
    }
}

/// A profile of AppArmor.
pub(in crate::cluster) fn apparmor(text: &str) -> Shape<String> {
    let inner = |c: char| c.is_ascii_graphic() && !"\"'\\,".contains(c);
    match !text.is_empty() && text.chars().all(inner) {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new("`unconfined`, or the name of a profile")),
    }
}

/// A label of SELinux.
pub(in crate::cluster) fn selinux(text: &str) -> Shape<String> {
    let kinds = ["user", "role", "type", "level", "filetype"];
    let (kind, value) = text.split_once(':').unwrap_or((text, ""));
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"_:.,-".contains(&b);
    let labels = kinds.contains(&kind) && !value.is_empty() && value.bytes().all(inner);
    match text == "disable" || text == "nested" || labels {
        true => Ok(text.to_owned()),
        false => Err(Misfit {
            expected: "a label of SELinux such as `disable` or `type:container_t`".to_owned(),
            help: matches!(text, "disabled" | "off" | "none" | "false" | "unconfined")
                .then(|| "write `label = \"disable\"`".to_owned()),
        }),
    }
}

/// A file system in memory: `/path` or `/path:options`. Gives the path too, to compare.
pub(in crate::cluster) fn tmpfs(text: &str) -> Shape<(String, String)> {
    line(text)?;
    let misfit = |help: Option<String>| Misfit {
        expected: "an absolute path such as `/tmp`, with options such as `/tmp:size=64m,mode=1777`"
            .to_owned(),
        help,
    };
    let (path, options) = match text.split_once(':') {
        Some((path, options)) => (path, Some(options)),
        None => (text, None),
    };
    let parts = path.split('/');
    let plain = path.starts_with('/')
        && !path.split('/').all(|part| matches!(part, "" | "."))
        && !parts.into_iter().any(|part| part == "..");
    if !plain {
        let written = format!("/{}", text.trim_start_matches("./"));
        let fits = !text.starts_with('/') && tmpfs(&written).is_ok();
        return Err(misfit(fits.then(|| format!("write `{written:?}`"))));
    }
    for option in options.iter().flat_map(|options| options.split(',')) {
        if !tmpfs_option(option) {
            let near = nearest::nearest(option, TMPFS_FLAGS);
            let help = match option.split_once('=') {
                Some(("size", _)) => Some("write the size as `size=64m`".to_owned()),
                Some(("mode", _)) => Some("write the permissions as `mode=1777`".to_owned()),
                _ => near.map(|near| format!("did you mean `{near}`?")),
            };
            return Err(misfit(help));
        }
    }
    Ok((text.to_owned(), path.trim_end_matches('/').to_owned()))
}

fn tmpfs_option(option: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match option.split_once('=') {
        None => {
            TMPFS_FLAGS.contains(&option) || matches!(option, "tmpcopyup" | "notmpcopyup" | "U")
        }
        Some(("size", size)) => {
            // The kernel reads `16M` as `16m`.
            let lower = size.to_ascii_lowercase();
            bytes(&lower).is_some_and(|bytes| bytes > 0)
                || size.strip_suffix('%').is_some_and(digits)
        }
        Some(("mode", mode)) => {
            (3..=4).contains(&mode.len()) && mode.bytes().all(|b| (b'0'..=b'7').contains(&b))
        }
        Some(("uid" | "gid" | "nr_inodes" | "nr_blocks", number)) => {
            digits(number) || bytes(&number.to_ascii_lowercase()).is_some()
        }
        Some(_) => false,
    }
}

/// A driver that takes what a container prints.
pub(in crate::cluster) fn log_driver(text: &str) -> Shape<String> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"._-/:".contains(&b);
    match text.len() >= 2 && text.bytes().all(inner) && text.as_bytes()[0].is_ascii_alphanumeric() {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new(
            "a driver such as `json-file`, `local`, `journald` or `none`",
        )),
    }
}

/// The name of an option of a driver.
pub(in crate::cluster) fn log_option(text: &str) -> Shape<String> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    match !text.is_empty() && text.bytes().all(inner) {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new("the name of an option such as `max-size`")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::takes;
    use super::*;

    #[test]
    fn a_container_is_confined_as_the_engines_take_it() {
        takes(
            sysctl_name,
            &["net.core.somaxconn", "kernel.shmmax", "fs.mqueue.msg_max"],
            &[
                "",
                "vm.max_map_count",
                "kernel.pid_max",
                "net.a b",
                "nett.x",
            ],
        );
        takes(
            seccomp,
            &["unconfined", "builtin", "/etc/s.json"],
            &["", "s.json", "none"],
        );
        takes(
            apparmor,
            &["unconfined", "docker-default"],
            &["", "a b", "a,b"],
        );
        takes(
            selinux,
            &["disable", "type:spc_t", "level:s0:c100,c200"],
            &["", "disabled", "type:", "kind:x", "type:a b"],
        );
        takes(
            tmpfs,
            &[
                "/tmp",
                "/run/:size=64m",
                "/a:rw,noexec,mode=1777,size=10%,uid=1000",
            ],
            &[
                "",
                "tmp",
                "/",
                "/a/..",
                "/a:",
                "/a:size=big",
                "/a:mode=9",
                "/a:readonly",
                "/a:ro,",
            ],
        );
        takes(
            log_driver,
            &["json-file", "local", "grafana/loki:2"],
            &["", "-x", "a b"],
        );
        takes(log_option, &["max-size", "tag"], &["", "a=b", "a b"]);
    }
}
