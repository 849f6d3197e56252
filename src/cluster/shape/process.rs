//! The shapes of what a container's process is started with: its names, its limits, its signal.

use super::container::memory_written;
use super::text::{Shape, is_account, line};
use crate::cluster::nearest;
use crate::cluster::read::Misfit;

/// The kernel's limit of a host's name.
const HOSTNAME_MAX: usize = 64;

/// The signals of Linux that have one name and one number everywhere docker runs.
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// The name that a container has for itself.
pub(in crate::cluster) fn hostname(text: &str) -> Shape<String> {
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= HOSTNAME_MAX && text.split('.').all(label) {
        return Ok(text.to_owned());
    }
    let written = text.trim().replace(['_', ' '], "-");
    Err(Misfit {
        expected: format!(
            "a host's name of letters, digits and inner `-`, at most {HOSTNAME_MAX} characters"
        ),
        help: (written != text && hostname(&written).is_ok())
            .then(|| format!("write `hostname = {written:?}`")),
    })
}

/// The signal that asks a container to end: `SIGINT`, `INT`, `2`, `SIGRTMIN+3`.
pub(in crate::cluster) fn stop_signal(text: &str) -> Shape<String> {
    if signal_number(text).is_some() {
        return Ok(text.to_owned());
    }
    let upper = text.trim().to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let help = match signal_number(&upper) {
        Some(_) => Some(format!("write `stop_signal = {upper:?}`")),
        None => nearest::nearest(name, SIGNALS)
            .map(|near| format!("did you mean `stop_signal = \"SIG{near}\"`?")),
    };
    Err(Misfit {
        expected: "a signal such as `SIGINT` or `SIGRTMIN+3`".to_owned(),
        help,
    })
}

/// The number of a signal, which is what a process that it ends is told by: 128 and the number.
pub(crate) fn signal_number(text: &str) -> Option<u8> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().filter(|number| (1..=64).contains(number));
    }
    let name = text.strip_prefix("SIG").unwrap_or(text);
    if let Some(at) = SIGNALS.iter().position(|signal| *signal == name) {
        return u8::try_from(at + 1).ok();
    }
    // Both engines count from 34: glibc keeps two for itself.
    let real_time = |text: &str, sign: char, from: i16, step: i16| {
        let rest = match text {
            "" => "0",
            text => text.strip_prefix(sign)?,
        };
        let number: u8 = rest.parse().ok()?;
        u8::try_from(from + step * i16::from(number)).ok()
    };
    let number = match name.strip_prefix("RTMIN") {
        Some(rest) => real_time(rest, '+', 34, 1),
        None => real_time(name.strip_prefix("RTMAX")?, '-', 64, -1),
    };
    number.filter(|number| (34..=64).contains(number))
}

/// The directory that a command starts in.
pub(in crate::cluster) fn workdir(text: &str) -> Shape<String> {
    line(text)?;
    if text.starts_with('/') {
        return Ok(text.to_owned());
    }
    let written = format!("/{}", text.trim_start_matches("./"));
    Err(Misfit::help(
        "an absolute path",
        format!("write `workdir = {written:?}`"),
    ))
}

/// A further group of the container's user.
pub(in crate::cluster) fn group(text: &str) -> Shape<String> {
    match is_account(text) {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new(
            "a group's name or number, of letters, digits, `.`, `_` and `-`",
        )),
    }
}

/// How many processes a container may have.
pub(in crate::cluster) fn pids(text: &str) -> Shape<String> {
    let number = text.bytes().all(|b| b.is_ascii_digit());
    let count = text.parse::<i64>().ok().filter(|_| number);
    if text == "-1" || count.is_some_and(|count| count > 0) {
        return Ok(text.to_owned());
    }
    Err(Misfit {
        expected: "a number of processes such as `200`, or `-1` for no limit".to_owned(),
        help: matches!(text, "0" | "unlimited" | "max" | "none" | "infinity")
            .then(|| "write `pids = -1`".to_owned()),
    })
}

/// CPUs by number: `0-3,8`.
pub(in crate::cluster) fn cpuset(text: &str) -> Shape<String> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| digits)
    };
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        matches!((number(first), number(last)), (Some(first), Some(last)) if first <= last)
    };
    match text.split(',').all(range) {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new(
            "numbers of CPUs such as `0-3` or `0,2`, counted from 0",
        )),
    }
}

/// What an image was built for.
pub(in crate::cluster) fn platform(text: &str) -> Shape<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let word = |part: &&str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if (2..=3).contains(&parts.len()) && parts[0] == "linux" && parts.iter().all(word) {
        return Ok(text.to_owned());
    }
    let help = match text {
        "amd64" | "x86_64" | "x86-64" | "linux/x86_64" => Some("linux/amd64"),
        "arm64" | "aarch64" | "linux/aarch64" => Some("linux/arm64"),
        "armv7" | "arm/v7" | "armhf" => Some("linux/arm/v7"),
        _ => None,
    };
    Err(Misfit {
        expected: "a platform such as `linux/amd64` or `linux/arm64`".to_owned(),
        help: help.map(|written| format!("write `platform = {written:?}`")),
    })
}

/// Which GPUs a container gets.
pub(in crate::cluster) fn gpus(text: &str) -> Shape<String> {
    let device = |b: u8| b.is_ascii_alphanumeric() || b"-_:.,".contains(&b);
    let devices = text.strip_prefix("device=");
    let fits = match devices {
        Some(devices) => !devices.is_empty() && devices.bytes().all(device),
        None => text == "all" || text.parse::<u16>().is_ok_and(|count| count > 0),
    };
    match fits {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new(
            "`all`, a number of GPUs, or some of them such as `device=0,1`",
        )),
    }
}

/// A size of memory without a lower limit: what `/dev/shm` holds.
pub(in crate::cluster) fn shm_size(text: &str) -> Shape<String> {
    size("shm_size", "a size such as `64m` or `1g`", 1, text)
}

/// A soft limit of memory; docker's lower limit is that of the hard one.
pub(in crate::cluster) fn memory_reservation(text: &str) -> Shape<String> {
    let expected = "memory such as `256m` or `1g`, at least `6m`";
    size("memory_reservation", expected, 6 << 20, text)
}

fn size(field: &str, expected: &str, least: u64, text: &str) -> Shape<String> {
    if bytes(text).is_some_and(|bytes| bytes >= least) {
        return Ok(text.to_owned());
    }
    let written = memory_written(text).filter(|written| written != text);
    let written = written.filter(|written| bytes(written).is_some_and(|bytes| bytes >= least));
    Err(Misfit {
        expected: expected.to_owned(),
        help: written.map(|written| format!("write `{field} = {written:?}`")),
    })
}

/// The bytes of a size as docker takes it: `512m`.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let (digits, scale) = match text.as_bytes().last()? {
        b'b' => (&text[..text.len() - 1], 0),
        b'k' => (&text[..text.len() - 1], 10),
        b'm' => (&text[..text.len() - 1], 20),
        b'g' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|_| plain)?;
    let bytes = number.checked_mul(1 << scale)?;
    i64::try_from(bytes).is_ok().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::takes;
    use super::*;

    #[test]
    fn a_process_is_started_with_what_the_engines_take() {
        takes(
            hostname,
            &["web", "Web-1", "a.example.com", "1"],
            &["", "-a", "a-", "a_b", "a b", "a..b", "é", &"a".repeat(65)],
        );
        takes(
            stop_signal,
            &[
                "SIGINT",
                "INT",
                "2",
                "SIGRTMIN+3",
                "RTMAX-1",
                "SIGRTMIN",
                "64",
            ],
            &[
                "", "0", "65", "int", "SIG", "SIGNOPE", "RTMIN+31", "RTMIN3", "+2",
            ],
        );
        takes(
            workdir,
            &["/", "/app", "/a b"],
            &["", "app", "./a", "/a\nb"],
        );
        takes(group, &["docker", "998"], &["", "a b", "-x", "a:b"]);
        takes(
            pids,
            &["1", "4096", "-1"],
            &["", "0", "-2", "+1", "1.5", "many"],
        );
        takes(
            cpuset,
            &["0", "0-3", "0,2", "0-1,4-7"],
            &["", "3-0", "a", "0-", ",", "0,,1", "-1", "70000"],
        );
        takes(
            platform,
            &["linux/amd64", "linux/arm/v7"],
            &[
                "",
                "amd64",
                "windows/amd64",
                "linux/",
                "linux/a/b/c",
                "Linux/amd64",
            ],
        );
        takes(
            gpus,
            &["all", "1", "device=0", "device=0,GPU-3a:1"],
            &[
                "",
                "0",
                "none",
                "device=",
                "device=0 1",
                "-1",
                "all,capabilities=x\"",
            ],
        );
        takes(
            shm_size,
            &["64m", "1g", "1", "100k"],
            &["", "0", "1t", "1.5g"],
        );
        takes(memory_reservation, &["6m", "1g"], &["", "5m", "-1", "1GB"]);
    }

    #[test]
    fn a_signal_has_its_number() {
        for (signal, number) in [
            ("INT", 2),
            ("SIGTERM", 15),
            ("SIGRTMIN+3", 37),
            ("RTMAX", 64),
        ] {
            assert_eq!(signal_number(signal), Some(number), "{signal}");
        }
    }
}
