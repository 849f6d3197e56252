//! The shapes of what `docker run` takes.

use super::text::{Shape, is_account, line, word};
use crate::cluster::nearest;
use crate::cluster::read::Misfit;

/// docker refuses a memory limit below 6 MiB.
const MEMORY_MIN: u64 = 6 << 20;

/// The names that `docker run --ulimit` knows (docker/go-units `ulimit.go`).
const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// A memory limit as docker takes it.
pub(in crate::cluster) fn memory(text: &str) -> Shape<String> {
    let misfit = || Misfit {
        expected: "a memory limit such as `512m` or `2g`, at least `6m`".to_owned(),
        help: memory_written(text).map(|written| format!("write `memory = {written:?}`")),
    };
    let (digits, scale) = match text.as_bytes().last() {
        Some(b'b') => (&text[..text.len() - 1], 0),
        Some(b'k') => (&text[..text.len() - 1], 10),
        Some(b'm') => (&text[..text.len() - 1], 20),
        Some(b'g') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number = digits_of(digits).ok_or_else(misfit)?;
    let bytes = number.checked_mul(1 << scale).ok_or_else(misfit)?;
    if bytes < MEMORY_MIN || i64::try_from(bytes).is_err() {
        return Err(misfit());
    }
    Ok(text.to_owned())
}

/// What is meant by a memory limit that is written in another way: `1GB`, `1.5 GiB`, `512Mi`.
pub(in crate::cluster) fn memory_written(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale: f64 = match unit.trim().trim_end_matches("b").trim_end_matches('i') {
        "" => 1.0,
        "k" => 1024.0,
        "m" => f64::from(1 << 20),
        "g" => f64::from(1 << 30),
        "t" => f64::from(1 << 30) * 1024.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * scale;
    let units = [
        ("g", f64::from(1 << 30)),
        ("m", f64::from(1 << 20)),
        ("k", 1024.0),
        ("b", 1.0),
    ];
    let written = units.iter().find_map(|(unit, scale)| {
        let count = bytes / scale;
        (count >= 1.0 && count.fract() == 0.0).then(|| format!("{count}{unit}"))
    })?;
    (bytes >= 6.0 * f64::from(1 << 20) && bytes < 1e15).then_some(written)
}

/// A number of CPUs as docker takes it: at most nine decimals, since it counts billionths.
pub(in crate::cluster) fn cpus(text: &str) -> Shape<String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| (1..=9).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    let positive = text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if digits(whole) && digits(part) && positive {
        Ok(text.to_owned())
    } else {
        let fixed = match text.strip_suffix('%').map(str::parse::<f64>) {
            Some(Ok(percent)) if percent > 0.0 => Some((percent / 100.0).to_string()),
            _ => text.starts_with('.').then(|| format!("0{text}")),
        };
        Err(Misfit {
            expected: "a positive number of CPUs such as `1.5`".to_owned(),
            help: fixed.map(|fixed| format!("write `cpus = {fixed}`")),
        })
    }
}

/// A path in a container at which a file or a directory is mounted.
pub(in crate::cluster) fn target(text: &str) -> Shape<String> {
    let bare = text.trim_end_matches('/');
    let help = match bare.strip_prefix('/') {
        Some(rest) if bare != text && rest.split('/').all(is_path_part) => {
            format!("write `{bare:?}`, without the slash at the end")
        }
        _ => "write the path in the container: `\"/etc/app/app.conf\" = \"app.conf\"`".to_owned(),
    };
    let misfit = || Misfit::help("an absolute path of letters, digits and `._-+@`", help);
    let rest = text.strip_prefix('/').ok_or_else(misfit.clone())?;
    if !rest.split('/').all(is_path_part) {
        return Err(misfit());
    }
    let top = rest.split('/').next().unwrap_or_default();
    match ["proc", "sys"].contains(&top) {
        true => Err(Misfit::new(format!(
            "a path outside of `/{top}`, where the kernel's files are"
        ))),
        false => Ok(text.to_owned()),
    }
}

/// Whether this is a name in a path that is one word of `--mount`.
pub(in crate::cluster) fn is_path_part(part: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"._-+@".contains(&b);
    !part.is_empty() && part != "." && part != ".." && part.bytes().all(inner)
}

/// A volume: `source:target[:options]`. Gives the target too, to compare.
pub(in crate::cluster) fn volume(text: &str) -> Shape<(String, String)> {
    let misfit = || {
        Misfit {
        expected: "a volume `source:target` or `source:target:options` with an absolute target and an absolute path or a volume's name as source".to_owned(),
        help: match relative(text) {
            Some(target) => Some(format!(
                "a file of the repository is `[files]` {target:?} = {:?}, below the directory of the service; a directory of the host has an absolute path{}",
                text.split(':').next().unwrap_or_default().trim_start_matches("./"),
                volume_written(text).map_or_else(String::new, |written| format!(": write `{written:?}`"))
            )),
            // Compose gives it a volume without a name. The host's own directory of this path is another thing.
            None if text.starts_with('/') && !text.contains(':') => Some(format!(
                "write the name of a volume before it, which the engine makes: `{:?}`; a directory of the host is `{:?}`",
                format!("NAME:{text}"),
                format!("/srv/NAME:{text}")
            )),
            None => volume_written(text).map(|written| format!("write `{written:?}`")),
        },
    }
    };
    line(text)?;
    let mut parts = text.split(':');
    let (source, target) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let options = parts.next().unwrap_or("rw");
    let option = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b',' | b'=' | b'-' | b'_');
    let valid = (source.starts_with('/') || is_object_name(source))
        && target.starts_with('/')
        && !target.split('/').all(|part| matches!(part, "" | "."))
        && !target.split('/').any(|part| part == "..")
        && !options.is_empty()
        && options.bytes().all(option)
        && parts.next().is_none();
    if !valid {
        return Err(misfit());
    }
    Ok((text.to_owned(), target.trim_end_matches('/').to_owned()))
}

/// The target of `./config:/etc/app`, which compose reads beside its file.
fn relative(text: &str) -> Option<&str> {
    let target = text.strip_prefix("./")?.split(':').nth(1)?;
    target.starts_with('/').then_some(target)
}

/// A directory of the host that may be made: an absolute path, below the root.
pub(in crate::cluster) fn directory_to_make(text: &str) -> Shape<String> {
    let path = text.trim_end_matches('/');
    let parts = || path.split('/').skip(1);
    let valid = path.starts_with('/')
        && parts().all(|part| !matches!(part, "" | "." | ".."))
        && line(path).is_ok();
    match valid {
        true => Ok(path.to_owned()),
        false => Err(Misfit::new(
            "an absolute path such as `/srv/data`, without `.`, `..` and `//`",
        )),
    }
}

/// What is meant by a volume with a relative or a home directory, without a target, or with options apart.
fn volume_written(text: &str) -> Option<String> {
    let mut parts: Vec<&str> = text.split(':').collect();
    let options = (parts.len() > 3).then(|| parts.split_off(2).join(","));
    let source = parts.first()?.trim();
    let home = ["~/", "$HOME/", "${HOME}/"]
        .iter()
        .find_map(|home| source.strip_prefix(home));
    let source = match (
        home,
        source
            .strip_prefix("./")
            .or(source.contains('/').then_some(source)),
    ) {
        // The engine runs as root, and no shell reads this.
        (Some(rest), _) => format!("/root/{rest}"),
        (None, Some(rest)) if !source.starts_with('/') && !rest.starts_with("..") => {
            format!("/srv/{rest}")
        }
        _ => source.to_owned(),
    };
    let target = match parts.get(1) {
        Some(target) if target.starts_with('/') => (*target).to_owned(),
        Some(target) => format!("/{}", target.trim_start_matches("./")),
        None => return None,
    };
    let options = options.or(parts.get(2).map(|part| (*part).to_owned()));
    let written = match options.filter(|options| !options.is_empty()) {
        Some(options) => format!("{source}:{target}:{options}"),
        None => format!("{source}:{target}"),
    };
    (written != text && !written.contains(['~', '$']) && volume(&written).is_ok())
        .then_some(written)
}

/// A name of a docker volume or network: at least two characters (`RestrictedNamePattern`).
fn is_object_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    text.len() >= 2 && text.bytes().all(inner) && !text.starts_with(['_', '.', '-'])
}

/// A network.
pub(in crate::cluster) fn network(text: &str) -> Shape<String> {
    const EXPECTED: &str = "`host`, `none`, `bridge` or a network's name";
    if is_object_name(text) {
        return Ok(text.to_owned());
    }
    Err(match text.split_once(':') {
        Some(("service" | "container", _)) => Misfit::help(
            EXPECTED,
            "the other container would take its network away with each restart: put both into one network of the cluster, `networks = [\"backend\"]`, where they find each other by name",
        ),
        _ => Misfit::new(EXPECTED),
    })
}

/// The name of a limit.
pub(in crate::cluster) fn ulimit_name(text: &str) -> Shape<String> {
    if ULIMITS.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(Misfit {
        expected: "a limit that docker knows".to_owned(),
        help: nearest::help(text, ULIMITS),
    })
}

/// A limit: `soft` or `soft:hard`, numbers or `-1` for none, soft not above hard.
pub(in crate::cluster) fn ulimit(text: &str) -> Shape<String> {
    let misfit = || Misfit {
        expected: "a number, or `soft:hard` with the hard limit not below the soft one".to_owned(),
        help: matches!(text, "unlimited" | "infinity" | "none" | "inf")
            .then(|| "write `-1` for no limit".to_owned()),
    };
    let limit = |s: &str| match s {
        "-1" => Some(u64::MAX),
        digits => digits_of(digits).filter(|n| i64::try_from(*n).is_ok()),
    };
    let (soft, hard) = text.split_once(':').unwrap_or((text, text));
    match (limit(soft), limit(hard)) {
        (Some(soft), Some(hard)) if soft <= hard => Ok(text.to_owned()),
        _ => Err(misfit()),
    }
}

fn digits_of(text: &str) -> Option<u64> {
    // `u64::from_str` takes a leading `+`, docker does not.
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// A capability to add, or to drop with a leading `-`.
pub(in crate::cluster) fn capability(text: &str) -> Shape<String> {
    let name = text.strip_prefix('-').unwrap_or(text);
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
        return Ok(text.to_owned());
    }
    let upper = text.to_ascii_uppercase();
    Err(Misfit {
        expected: "a capability such as `NET_ADMIN`, or `-NET_RAW` to drop one".to_owned(),
        help: (upper != text && capability(&upper).is_ok())
            .then(|| format!("did you mean `{upper}`?")),
    })
}

/// A device as the container device interface names it: `vendor.com/class=name`.
fn is_cdi_name(text: &str) -> bool {
    let part = |part: &str, more: &[u8]| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || more.contains(&b);
        part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.bytes().all(inner)
    };
    let Some((kind, name)) = text.split_once('=') else {
        return false;
    };
    let Some((vendor, class)) = kind.split_once('/') else {
        return false;
    };
    part(vendor, b"._-") && part(class, b"_-") && part(name, b"._:-")
}

/// A device of the host: `/dev/a[:/dev/b[:rwm]]`, or by its name.
pub(in crate::cluster) fn device(text: &str) -> Shape<String> {
    line(text)?;
    let mut parts = text.split(':');
    let source = parts.next().unwrap_or("");
    let rest: Vec<&str> = parts.collect();
    let permissions = |s: &str| !s.is_empty() && s.bytes().all(|b| b"rwm".contains(&b));
    let valid = source.starts_with('/')
        && match rest[..] {
            [] => true,
            [one] => one.starts_with('/') || permissions(one),
            [target, mode] => target.starts_with('/') && permissions(mode),
            _ => false,
        };
    if valid || is_cdi_name(text) {
        Ok(text.to_owned())
    } else {
        let written = format!("/dev/{text}");
        let fits = !text.is_empty() && !text.contains(['/', ':', '=']) && device(&written).is_ok();
        Err(Misfit {
            expected: "an absolute path such as `/dev/fuse`".to_owned(),
            help: fits.then(|| format!("write `devices = [{written:?}]`")),
        })
    }
}

/// A label's name.
pub(in crate::cluster) fn label(text: &str) -> Shape<String> {
    if text.starts_with("bayplan.") {
        return Err(Misfit::help(
            "a label that is not bayplan's own",
            "choose a name that does not begin with `bayplan.`",
        ));
    }
    let text = word(text, "a label's name without blanks")?;
    if text.contains('=') {
        return Err(Misfit::new("a label's name without `=`"));
    }
    Ok(text)
}

/// A container's user: a name or number, and a group after a colon.
pub(in crate::cluster) fn user(text: &str) -> Shape<String> {
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    if is_account(user) && is_account(group) {
        return Ok(text.to_owned());
    }
    Err(Misfit::new(
        "a user such as `1000:1000`, of letters, digits, `.`, `_` and `-`",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::takes;
    use super::*;

    #[test]
    fn memory_and_cpus_are_what_docker_takes() {
        takes(
            memory,
            &["512m", "2g", "6291456", "6291456b", "9000k"],
            &[
                "",
                "5m",
                "1t",
                "-1",
                "+512m",
                "1.5g",
                "99999999999999999999g",
            ],
        );
        takes(
            cpus,
            &["1", "0.5", "1.500000001"],
            &[
                "",
                "0",
                "0.0",
                "-1",
                "1.",
                ".5",
                "1.0000000001",
                "1e3",
                "NaN",
            ],
        );
    }

    #[test]
    fn volumes_devices_and_limits_are_what_docker_takes() {
        takes(
            volume,
            &["/a:/b", "data:/b:ro", "/a:/b/:ro,z"],
            &[
                "",
                "/a",
                "a:/b",
                "../x:/b",
                "/a:b",
                "/a:/",
                "/a:/b:",
                "/a:/b:ro:x",
                "/a:/.",
                "/a://",
                "/a:/b/..",
                "/a:/b/../c",
                "/a:/b\n",
            ],
        );
        takes(
            device,
            &[
                "/dev/fuse",
                "/dev/a:/dev/b",
                "/dev/a:/dev/b:rw",
                "vendor/gpu=all",
                "nvidia.com/gpu=0:1",
            ],
            &[
                "",
                "vendor.com/=a",
                "vendor/gpu",
                "a b/c=d",
                "fuse",
                "/dev/a:b",
                "/a:/b:x",
            ],
        );
        takes(
            ulimit,
            &["1", "1:2", "-1", "1:-1"],
            &["", "a", "2:1", "1:2:3", "-2", "-1:1"],
        );
        takes(
            capability,
            &["NET_ADMIN", "-ALL"],
            &["", "-", "net_admin", "--A"],
        );
    }

    #[test]
    fn users_and_labels_have_nothing_that_steers_a_shell() {
        takes(
            user,
            &["1000", "1000:1000", "www-data", "a.b_c:d", "Root"],
            &[
                "", ":", "a:", ":0", "a:b:c", "$(id)", "a;b", "`id`", "a b", "-a", "a\n", "é",
                "a/b", "a$",
            ],
        );
    }
}
