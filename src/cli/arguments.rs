//! Arguments that several commands have, and how their values are read.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use crate::cluster::model::GuardName;
use crate::cluster::name::{ClusterName, HostName, ServiceName, VariableName};

/// Which hosts take part.
#[derive(Debug, Clone, Default, Args)]
pub struct Part {
    /// Leave this host out, whether it answers or not: nothing is done there, and what is pending stays
    /// pending; may be repeated
    #[arg(long, value_name = "HOST", value_parser = host, conflicts_with = "only")]
    pub skip: Vec<HostName>,

    /// Only this host, all others are left out; may be repeated
    #[arg(long = "host", value_name = "HOST", value_parser = host)]
    pub only: Vec<HostName>,
}

/// How many hosts are worked with at a time.
#[derive(Debug, Clone, Copy, Args)]
pub struct Parallel {
    /// How many hosts to talk to at the same time
    #[arg(long = "parallel", value_name = "N", default_value = "32")]
    pub hosts: NonZeroUsize,
}

/// How an operator's command goes about what it does.
#[derive(Debug, Clone, Args)]
pub struct Operating {
    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,

    /// Wait this long for a lock that somebody else holds, as `30s` or `5m`; by default fail at once
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_wait: Option<Duration>,

    #[command(flatten)]
    pub identities: Identities,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// How long to wait for others, and what to do with what fails.
#[derive(Debug, Clone, Copy, Args)]
pub struct Patience {
    /// Wait this long for a lock that somebody else holds, as `30s` or `5m`; by default fail at once
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_wait: Option<Duration>,

    /// What to do where a step fails on a host: put its previous generation back; the same, and then back with the hosts
    /// that were done, too; or keep all as it is. Without it `on_failure` of the description counts, else back
    #[arg(long, value_name = "WHAT")]
    pub on_failure: Option<FailureChoice>,
}

/// What becomes of a host on which a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailureChoice {
    PutBack,
    Back,
    Keep,
}

/// A guard that is lifted, by its key in `[guard]`; or the hooks, or a freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lift {
    #[value(name = "max_restarts")]
    MaxRestarts,
    Protect,
    Branch,
    Clean,
    Signed,
    Hours,
    Hooks,
    Freeze,
}

impl Lift {
    /// The guard that is lifted; `None` for what is no guard.
    #[must_use]
    pub fn guard(self) -> Option<GuardName> {
        match self {
            Lift::MaxRestarts => Some(GuardName::MaxRestarts),
            Lift::Protect => Some(GuardName::Protect),
            Lift::Branch => Some(GuardName::Branch),
            Lift::Clean => Some(GuardName::Clean),
            Lift::Signed => Some(GuardName::Signed),
            Lift::Hours => Some(GuardName::Hours),
            Lift::Hooks | Lift::Freeze => None,
        }
    }
}

/// What opens secrets.
#[derive(Debug, Clone, Args)]
pub struct Identities {
    /// An age identity or SSH key that opens the secrets; besides, ~/.ssh/id_ed25519 and
    /// ~/.config/bayplan/identity are tried
    #[arg(long = "identity", value_name = "FILE", env = "BAYPLAN_IDENTITY", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
}

pub(super) fn cluster(text: &str) -> Result<ClusterName, String> {
    // Completing a path is how people often find the name.
    let name = text.strip_prefix("clusters/").unwrap_or(text);
    let name = name.strip_suffix('/').unwrap_or(name);
    ClusterName::new(name).map_err(|error| format!("expected {}", error.expected))
}

pub(super) fn host(text: &str) -> Result<HostName, String> {
    HostName::new(text).map_err(|error| format!("expected {}", error.expected))
}

pub(super) fn service(text: &str) -> Result<ServiceName, String> {
    ServiceName::new(text).map_err(|error| format!("expected {}", error.expected))
}

pub(super) fn variable(text: &str) -> Result<VariableName, String> {
    VariableName::new(text).map_err(|error| format!("expected {}", error.expected))
}

/// A moment: so long ago, or a date and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeArgument {
    /// So long ago.
    Ago(Duration),
    /// With a zone.
    Fixed(jiff::Timestamp),
    /// A date and a time of whoever asks.
    Local(jiff::civil::DateTime),
    /// A time of today.
    Today(jiff::civil::Time),
}

impl TimeArgument {
    /// When that is.
    ///
    /// # Errors
    /// Such a moment is not in the calendar.
    pub fn at(
        &self,
        now: jiff::Timestamp,
        zone: &jiff::tz::TimeZone,
    ) -> Result<jiff::Timestamp, String> {
        let local = |time: jiff::civil::DateTime| Ok(time.to_zoned(zone.clone())?.timestamp());
        let moment = match self {
            Self::Ago(age) => now.checked_sub(*age),
            Self::Fixed(moment) => Ok(*moment),
            Self::Local(time) => local(*time),
            Self::Today(time) => local(now.to_zoned(zone.clone()).date().to_datetime(*time)),
        };
        moment.map_err(|error: jiff::Error| error.to_string())
    }
}

impl TimeArgument {
    /// The same of a moment to come: an age is how long it is until then.
    ///
    /// # Errors
    /// It has passed, or is not in the calendar.
    pub fn ahead(
        &self,
        now: jiff::Timestamp,
        zone: &jiff::tz::TimeZone,
    ) -> Result<jiff::Timestamp, String> {
        let moment = match self {
            Self::Ago(time) => now.checked_add(*time).map_err(|error| error.to_string())?,
            Self::Fixed(_) | Self::Local(_) | Self::Today(_) => self.at(now, zone)?,
        };
        match moment > now {
            true => Ok(moment),
            false => Err(format!("expected a moment to come, found {moment}")),
        }
    }
}

/// A moment, as `--since` takes it.
pub(super) fn moment(text: &str) -> Result<TimeArgument, String> {
    if let Ok(age) = duration(text) {
        return Ok(TimeArgument::Ago(age));
    }
    if let Ok(moment) = text.parse() {
        return Ok(TimeArgument::Fixed(moment));
    }
    // A whole date, and an hour alone, are times, too, for whoever reads no further.
    if !text.contains('-')
        && text.contains(':')
        && let Ok(time) = text.parse()
    {
        return Ok(TimeArgument::Today(time));
    }
    text.parse().map(TimeArgument::Local).map_err(|_| {
        "expected an age such as `10m`, or a moment such as `2026-11-27 09:30`, `09:30` or `2026-11-27T09:30:00Z`"
            .to_owned()
    })
}

/// Why something is done, in a line that others read later.
pub(super) fn why(text: &str) -> Result<String, String> {
    const LONGEST: usize = 200;
    let text = text.trim();
    match !text.is_empty() && text.chars().count() <= LONGEST && !text.contains(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(format!("expected one line of up to {LONGEST} characters")),
    }
}

/// A time with units.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let time = text.parse::<jiff::SignedDuration>().ok();
    time.and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| "expected a time such as `30s`, `5m` or `1h 30m`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_an_age_or_a_date() {
        let now = "2026-11-27T21:00:00Z".parse().unwrap();
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(1));
        let at = |text| moment(text).unwrap().at(now, &zone).unwrap().to_string();
        assert_eq!(at("10m"), "2026-11-27T20:50:00Z");
        assert_eq!(at("09:30"), "2026-11-27T08:30:00Z");
        assert_eq!(at("2026-11-26"), "2026-11-25T23:00:00Z");
        assert_eq!(at("2026-11-26 09:30"), "2026-11-26T08:30:00Z");
        assert_eq!(at("2026-11-26T09:30:00Z"), "2026-11-26T09:30:00Z");
        for wrong in ["", "soon", "25:00", "2026-13-01", "10"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_to_come_is_a_time_or_a_date() {
        let now = "2026-11-27T21:00:00Z".parse().unwrap();
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(1));
        let ahead = |text| moment(text).unwrap().ahead(now, &zone);
        assert_eq!(ahead("2h").unwrap().to_string(), "2026-11-27T23:00:00Z");
        assert_eq!(ahead("22:30").unwrap().to_string(), "2026-11-27T21:30:00Z");
        assert_eq!(
            ahead("2026-11-28").unwrap().to_string(),
            "2026-11-27T23:00:00Z"
        );
        for past in ["21:00", "2026-11-27", "2026-11-27T21:00:00Z"] {
            let error = ahead(past).unwrap_err();
            assert!(error.starts_with("expected a moment to come"), "{error}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        for wrong in ["5", "", "-5m", "soon", "5 parsecs"] {
            let error = duration(wrong).unwrap_err();
            assert_eq!(
                error, "expected a time such as `30s`, `5m` or `1h 30m`",
                "{wrong}"
            );
        }
    }
}
