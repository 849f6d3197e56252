//! The shapes of texts that docker takes: what it would refuse on a host is refused here, where it
//! has a line and a column.

use std::time::Duration;

use super::nearest;
use super::read::Misfit;

pub(super) type Shape<T> = Result<T, Misfit>;

/// Tags that are moved from one image to the next by habit. Only such references are pulled again
/// when an image of that name is already there. A tag that looks like a version never is, and a
/// digest cannot be.
pub(super) const MOVING_TAGS: [&str; 9] = [
    "latest", "stable", "edge", "main", "master", "nightly", "dev", "canary", "next",
];

/// The longest time that a field takes: a day. More is a typing error, and keeps sums in range.
const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

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

/// One of the 66 code points that Unicode keeps from ever being characters. systemd takes a text
/// with one for no UTF-8 at all (`unichar_is_valid()` of `src/basic/utf8.c`): it refuses an env file,
/// and drops a line of a unit.
pub(super) fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// A text without NUL: what any argument of a process can hold.
pub(super) fn argument(text: &str) -> Shape<String> {
    if text.contains('\0') {
        return Err(Misfit::new("text without NUL"));
    }
    if text.contains(is_noncharacter) {
        return Err(Misfit::new("text without noncharacters such as U+FFFE"));
    }
    Ok(text.to_owned())
}

/// A text on one line, not empty.
pub(super) fn line(text: &str) -> Shape<String> {
    if text.is_empty() {
        return Err(Misfit::new("some text"));
    }
    if text.contains(|c: char| c.is_control() || is_noncharacter(c)) {
        return Err(Misfit::new("text on one line without control characters"));
    }
    Ok(text.to_owned())
}

/// A text without blanks or control characters that no program takes for an option.
pub(super) fn word(text: &str, expected: &str) -> Shape<String> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || is_noncharacter(c);
    if text.is_empty() || text.starts_with('-') || text.contains(odd) {
        return Err(Misfit::new(expected));
    }
    Ok(text.to_owned())
}

/// A duration: `500ms`, `30s`, `2m`, `1h`.
pub(super) fn duration(text: &str) -> Shape<Duration> {
    let misfit = || Misfit {
        expected: "a duration such as `500ms`, `30s` or `2m`, at most `24h`".to_owned(),
        help: duration_written(text).map(|written| format!("write `\"{written}\"`")),
    };
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| misfit())?;
    let scale = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(misfit()),
    };
    let millis = number.checked_mul(scale).ok_or_else(misfit)?;
    let duration = Duration::from_millis(millis);
    (duration <= DURATION_MAX)
        .then_some(duration)
        .ok_or_else(misfit)
}

/// What is meant by a duration that is written in another way: without a unit, in words, with a fraction.
fn duration_written(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit.trim() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86400,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    let seconds = number * f64::from(seconds);
    let whole = (1.0..=86400.0).contains(&seconds) && seconds.fract() == 0.0;
    whole.then(|| format!("{seconds}s"))
}

/// A duration that is not zero.
pub(super) fn timeout(text: &str) -> Shape<Duration> {
    match duration(text) {
        Ok(Duration::ZERO) => Err(Misfit::new("a duration above zero")),
        other => other,
    }
}

/// An image's name without tag and digest, by the grammar of `distribution/reference`.
pub(super) fn image(text: &str) -> Shape<String> {
    if let Some((name, digest)) = text.split_once('@') {
        return Err(Misfit::help(
            "an image without its digest",
            format!("write `image = {name:?}` and `digest = {digest:?}`"),
        ));
    }
    if let Some((_, name)) = text.split_once("://") {
        return Err(Misfit::help(
            "an image without `https://`",
            format!("write `image = {name:?}`"),
        ));
    }
    let (domain, path) = match text.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
            (Some(first), rest)
        }
        _ => (None, text),
    };
    if let Some((name, tag)) = path.rsplit_once(':') {
        let start = text.len() - path.len();
        return Err(Misfit::help(
            "an image without its tag",
            format!(
                "write `image = \"{}{name}\"` and `tag = {tag:?}`",
                &text[..start]
            ),
        ));
    }
    if text.bytes().any(|b| b.is_ascii_uppercase()) && domain.is_none_or(is_registry) {
        let lower = text.to_ascii_lowercase();
        return Err(Misfit::help(
            "an image in lower case",
            format!("did you mean `{lower}`?"),
        ));
    }
    let valid = text.len() <= 255
        && domain.is_none_or(is_registry)
        && path.split('/').all(is_path_component);
    if !valid {
        return Err(Misfit::new(
            "an image such as `registry.example.com/search`",
        ));
    }
    Ok(text.to_owned())
}

/// A registry's host with an optional port.
fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "80"));
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label) && port.parse::<u16>().is_ok()
}

/// `[a-z0-9]+` joined by `.`, `_`, `__` or any number of `-`.
fn is_path_component(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    let separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    edge(bytes.first())
        && edge(bytes.last())
        && separators
            .into_iter()
            .all(|s| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

/// A tag: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`.
pub(super) fn tag(text: &str) -> Shape<String> {
    const EXPECTED: &str = "a tag such as `1.4.2`";
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let valid = |text: &str| {
        (1..=128).contains(&text.len()) && text.chars().all(inner) && !text.starts_with(['.', '-'])
    };
    if valid(text) {
        return Ok(text.to_owned());
    }
    if let Some(digest) = text.split_once('@').map(|(_, digest)| digest)
        && self::digest(digest).is_ok()
    {
        return Err(Misfit::help(
            EXPECTED,
            format!("write `digest = {digest:?}` instead"),
        ));
    }
    // `:1.0`, `web:1.0`
    let after = text.rsplit(':').next().unwrap_or_default();
    let changed: String = after
        .trim()
        .chars()
        .map(|c| if inner(c) { c } else { '-' })
        .collect();
    let plus = after.contains('+') && after.chars().all(|c| inner(c) || c == '+');
    Err(match valid(&changed) && (plus || changed == after.trim()) {
        true if after.contains('+') => Misfit::help(
            "a tag without `+`, which no registry has",
            format!("write `tag = {changed:?}`, if the image was pushed so"),
        ),
        true => Misfit::help(EXPECTED, format!("write `tag = {changed:?}`")),
        false => Misfit::new(EXPECTED),
    })
}

/// An image's digest: `sha256:` and 64 lower-case hexadecimal digits.
pub(super) fn digest(text: &str) -> Shape<String> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    match text.strip_prefix("sha256:") {
        Some(digits) if digits.len() == 64 && digits.bytes().all(hex) => Ok(text.to_owned()),
        _ => {
            let lower = text.trim().to_ascii_lowercase();
            let digits = lower.strip_prefix("sha256:").unwrap_or(&lower);
            let whole = digits.len() == 64 && digits.bytes().all(hex);
            Err(Misfit {
                expected: "`sha256:` and 64 hexadecimal digits".to_owned(),
                help: whole.then(|| format!("write `digest = \"sha256:{digits}\"`")),
            })
        }
    }
}

/// A memory limit as docker takes it.
pub(super) fn memory(text: &str) -> Shape<String> {
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
pub(super) fn memory_written(text: &str) -> Option<String> {
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
pub(super) fn cpus(text: &str) -> Shape<String> {
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

/// A volume: `source:target[:options]`. Gives the target too, to compare.
pub(super) fn volume(text: &str) -> Shape<(String, String)> {
    let misfit = || {
        Misfit {
        expected: "a volume `source:target` or `source:target:options` with an absolute target and an absolute path or a volume's name as source".to_owned(),
        help: volume_written(text).map(|written| format!("write `{written:?}`")),
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
        None if source.starts_with('/') => source.clone(),
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
pub(super) fn network(text: &str) -> Shape<String> {
    if is_object_name(text) {
        Ok(text.to_owned())
    } else {
        Err(Misfit::new("`host`, `none`, `bridge` or a network's name"))
    }
}

/// The name of a limit.
pub(super) fn ulimit_name(text: &str) -> Shape<String> {
    if ULIMITS.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(Misfit {
        expected: "a limit that docker knows".to_owned(),
        help: nearest::help(text, ULIMITS),
    })
}

/// A limit: `soft` or `soft:hard`, numbers or `-1` for none, soft not above hard.
pub(super) fn ulimit(text: &str) -> Shape<String> {
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
pub(super) fn capability(text: &str) -> Shape<String> {
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

/// A device of the host: `/dev/a[:/dev/b[:rwm]]`.
pub(super) fn device(text: &str) -> Shape<String> {
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
    if valid {
        Ok(text.to_owned())
    } else {
        let written = format!("/dev/{text}");
        let fits = !text.is_empty() && !text.contains(['/', ':']) && device(&written).is_ok();
        Err(Misfit {
            expected: "an absolute path such as `/dev/fuse`".to_owned(),
            help: fits.then(|| format!("write `devices = [{written:?}]`")),
        })
    }
}

/// A label's name.
pub(super) fn label(text: &str) -> Shape<String> {
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
pub(super) fn user(text: &str) -> Shape<String> {
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    if is_account(user) && is_account(group) {
        return Ok(text.to_owned());
    }
    Err(Misfit::new(
        "a user such as `1000:1000`, of letters, digits, `.`, `_` and `-`",
    ))
}

/// A name or a number of a user or a group, as `useradd` takes them.
pub(super) fn is_account(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=256).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with(['-', '.'])
}

/// The path of a health check.
pub(super) fn http_path(text: &str) -> Shape<String> {
    let plain = |b: u8| b.is_ascii_graphic();
    if text.starts_with('/') && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err(Misfit {
        expected: "a path that begins with `/`".to_owned(),
        help: text
            .bytes()
            .all(plain)
            .then(|| format!("write `http = \"/{}\"`", text.trim_start_matches("./"))),
    })
}

/// The name of a file in `templates/`.
pub(super) fn template(text: &str) -> Shape<String> {
    if text.contains('/') {
        let name = text.rsplit('/').next().unwrap_or_default();
        return Err(Misfit::help(
            "the name of a file in `templates/`",
            format!("write `template = {name:?}`"),
        ));
    }
    line(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes<T>(shape: fn(&str) -> Shape<T>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(shape(text).is_ok(), "{text:?} is fine");
        }
        for text in bad {
            assert!(shape(text).is_err(), "{text:?} is not");
        }
    }

    #[test]
    fn images_follow_the_reference_grammar() {
        takes(
            image,
            &[
                "nginx",
                "a/b",
                "registry.example.com/a-b/c__d",
                "localhost:5000/x",
                "10.77.0.1:5000/a",
            ],
            &[
                "",
                "Nginx",
                "a:1",
                "a@sha256:0",
                "a//b",
                "-a",
                "a_",
                "a___b",
                "a b",
                "x.y:port/z",
                "é",
            ],
        );
        takes(tag, &["1.4.2", "v1", "_a"], &["", ".a", "-a", "a b", "a:b"]);
    }

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
            &["/dev/fuse", "/dev/a:/dev/b", "/dev/a:/dev/b:rw"],
            &["", "fuse", "/dev/a:b", "/a:/b:x"],
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

    #[test]
    fn durations_are_bounded() {
        takes(
            duration,
            &["0s", "500ms", "30s", "2m", "24h"],
            &[
                "",
                "30",
                "s",
                "-1s",
                "25h",
                "1.5s",
                "99999999999999999h",
                "1d",
            ],
        );
    }
}
