//! Why a session did not open, from what `ssh`, `sudo` and the login shell leave behind: an exit
//! status and some lines. Pure.
//!
//! The texts are those of OpenSSH and sudo with `LC_ALL=C`, each seen in a test.

use super::error::{
    HostErrorKind, KnownBy, NoSudo, Unreachable, WHILE_CONNECTING, excerpt, printable,
};

/// `ssh` itself failed, as `ssh(1)` says; the remote command's own status is never taken for it,
/// since a shell that ran ours would have answered.
const SSH_FAILED: i32 = 255;

/// How the session was to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    Ssh(KnownBy),
    ThisMachine,
}

/// Why nothing answered.
pub(super) fn explain(via: Via, status: Option<i32>, stderr: &str, noise: &[u8]) -> HostErrorKind {
    if let (Via::Ssh(known_by), Some(SSH_FAILED)) = (via, status) {
        return ssh(known_by, stderr);
    }
    if let Some(why) = sudo(stderr) {
        return HostErrorKind::NoSudo(why);
    }
    if stderr.contains("is not recognized as an internal or external command") {
        return HostErrorKind::NotLinux {
            kernel: "Windows".to_owned(),
        };
    }
    let found = if noise.trim_ascii().is_empty() {
        last_line(stderr).unwrap_or_else(|| match status {
            Some(status) => format!("nothing (status {status})"),
            None => "nothing (it was killed)".to_owned(),
        })
    } else {
        excerpt(noise)
    };
    HostErrorKind::Protocol {
        doing: WHILE_CONNECTING.to_owned(),
        found,
    }
}

fn ssh(known_by: KnownBy, stderr: &str) -> HostErrorKind {
    let says = |text: &str| stderr.contains(text);
    let methods = stderr.lines().find_map(|line| {
        let (_, methods) = line.trim_end().split_once(": Permission denied (")?;
        methods.strip_suffix(").")
    });
    if says("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        return HostErrorKind::WrongHostKey { known_by };
    }
    match known_by {
        // Another key of the pinned kind has "changed", and no other kind is asked for: so the file is not there.
        KnownBy::Description if says("host key is known for") => {
            return HostErrorKind::PinnedKeyGone;
        }
        KnownBy::Description
            if says("no matching host key type found") || says("Host key verification failed.") =>
        {
            return HostErrorKind::WrongHostKey { known_by };
        }
        KnownBy::KnownHosts if says("host key is known for") => {
            return HostErrorKind::UnknownHostKey;
        }
        KnownBy::Description | KnownBy::KnownHosts => {}
    }
    if let Some(methods) = methods {
        return HostErrorKind::Authentication {
            methods: printable(methods).replace(',', ", "),
        };
    }
    let causes = [
        ("Could not resolve hostname", Unreachable::UnknownName),
        ("Connection refused", Unreachable::Refused),
        ("timed out", Unreachable::TimedOut),
        ("No route to host", Unreachable::NoRoute),
        ("Network is unreachable", Unreachable::NoRoute),
        ("Connection closed by", Unreachable::Closed),
        ("Connection reset by", Unreachable::Closed),
        ("kex_exchange_identification:", Unreachable::Closed),
    ];
    match causes.into_iter().find(|(text, _)| says(text)) {
        Some((_, why)) => HostErrorKind::Unreachable(why),
        None => HostErrorKind::Ssh {
            line: last_line(stderr).unwrap_or_else(|| "it failed without a word".to_owned()),
        },
    }
}

fn sudo(stderr: &str) -> Option<NoSudo> {
    stderr.lines().find_map(|line| {
        let says = |texts: &[&str]| texts.iter().any(|text| line.contains(text));
        if says(&[
            "a password is required",
            // Older sudo, and sudo-rs.
            "no tty present and no askpass program",
            "a terminal is required to read the password",
            "interactive authentication is required",
        ]) {
            Some(NoSudo::PasswordRequired)
        } else if says(&["you must have a tty to run sudo"]) {
            Some(NoSudo::RequiresTerminal)
        } else if says(&[
            "is not in the sudoers file",
            "is not allowed to execute",
            "may not run sudo",
            "I'm afraid I can't do that",
        ]) {
            Some(NoSudo::NotAllowed)
        } else if line.contains("sudo") && says(&["not found", "No such file"]) {
            Some(NoSudo::NotInstalled)
        } else {
            None
        }
    })
}

fn last_line(stderr: &str) -> Option<String> {
    stderr
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .map(printable)
}

#[cfg(test)]
mod tests;
