//! The shape of the hours in which releases are allowed.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::text::Shape;
use crate::cluster::read::Misfit;

/// Weekdays from Monday on.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Hours of some weekdays in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseHours {
    /// As they are written.
    written: String,
    /// From Monday on: whether they begin on that day.
    days: [bool; 7],
    /// The minutes of a day at which they begin and end. An end that is not after the begin is on the next day.
    begin: u16,
    end: u16,
    zone: TimeZone,
}

impl ReleaseHours {
    /// Whether a moment is within them.
    #[must_use]
    pub fn contain(&self, moment: Timestamp) -> bool {
        let there = moment.to_zoned(self.zone.clone());
        let today = usize::try_from(there.weekday().to_monday_zero_offset()).unwrap_or_default();
        let begins = |day: usize| self.days[day % 7];
        let minute = minute(there.time());
        match self.begin < self.end {
            true => begins(today) && (self.begin..self.end).contains(&minute),
            false => {
                begins(today) && minute >= self.begin || begins(today + 6) && minute < self.end
            }
        }
    }

    /// A moment as clocks there show it: `Sat 07:21`.
    #[must_use]
    pub fn clock(&self, moment: Timestamp) -> String {
        let there = moment.to_zoned(self.zone.clone());
        there.strftime("%a %H:%M").to_string()
    }

    /// As they are written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

fn minute(time: Time) -> u16 {
    let minutes = i32::from(time.hour()) * 60 + i32::from(time.minute());
    u16::try_from(minutes).unwrap_or_default()
}

/// Days, hours and a time zone: `Mon..Fri 09:00-16:00 Europe/Berlin`; without days on all of them.
pub(in crate::cluster) fn release_hours(text: &str) -> Shape<ReleaseHours> {
    let misfit =
        || Misfit::new("days, hours and a time zone such as `Mon..Fri 09:00-16:00 Europe/Berlin`");
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let (days, hours, zone) = match words.as_slice() {
        [days, hours, zone] => (weekdays(days).ok_or_else(misfit)?, *hours, *zone),
        [hours, zone] => ([true; 7], *hours, *zone),
        _ => return Err(misfit()),
    };
    let (begin, end) = hours.split_once('-').ok_or_else(misfit)?;
    let (begin, end) = (
        clock(begin).ok_or_else(misfit)?,
        clock(end).ok_or_else(misfit)?,
    );
    if begin == end || begin == DAY {
        return Err(misfit());
    }
    let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| {
        Misfit::help(
            "a time zone such as `Europe/Berlin` or `UTC` after the hours",
            "`timedatectl list-timezones` lists them".to_owned(),
        )
    })?;
    Ok(ReleaseHours {
        written: words.join(" "),
        days,
        begin,
        end,
        zone,
    })
}

/// The minutes of a day.
const DAY: u16 = 24 * 60;

/// `09:00`, and `24:00` for the end of a day.
fn clock(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, most: u16| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u16 = text.parse().ok()?;
        (digits && number <= most).then_some(number)
    };
    let minutes = number(hour, 24)? * 60 + number(minute, 59)?;
    (minutes <= DAY).then_some(minutes)
}

/// `Mon..Fri`, `Tue`, `Mon,Wed..Fri`; a range may go over the end of a week.
fn weekdays(text: &str) -> Option<[bool; 7]> {
    let day = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once("..").unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let length = (last + 7 - first) % 7;
        for number in first..=first + length {
            days[number % 7] = true;
        }
    }
    Some(days)
}

#[cfg(test)]
impl ReleaseHours {
    /// Those that are written so.
    pub(crate) fn of(text: &str) -> Self {
        release_hours(text).expect("a test writes them well")
    }
}

#[cfg(test)]
mod tests {
    use super::super::takes;
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn hours_have_days_and_a_zone() {
        takes(
            release_hours,
            &[
                "Mon..Fri 09:00-16:00 Europe/Berlin",
                "mon,WED 09:00-16:00 UTC",
                "22:00-06:00 America/New_York",
                "Fri..Mon 00:00-24:00 UTC",
            ],
            &[
                "",
                "09:00-16:00",
                "Mon..Fri 09:00-16:00",
                "Mon..Fri 9-16 UTC",
                "Mon-Fri 09:00-16:00 UTC",
                "Mon..Fri 09:00-16:60 UTC",
                "Mon..Fri 09:00-25:00 UTC",
                "Mon..Fri 09:00-09:00 UTC",
                "Mon..Fri 24:00-09:00 UTC",
                "Mon..Fri 09:00-16:00 Europe/Atlantis",
                "Mon..Fri 09:00-16:00 ../../etc/passwd",
                "Mon..Fri 09:00-16:00 Europe/Berlin UTC",
            ],
        );
    }

    #[test]
    fn a_moment_is_seen_as_clocks_there_show_it() {
        let office = ReleaseHours::of("Mon..Fri 09:00-16:00 Europe/Berlin");
        // In summer Berlin is two hours ahead, in winter one.
        assert!(office.contain(at("2026-07-06T07:00:00Z")));
        assert!(!office.contain(at("2026-12-07T07:59:59Z")));
        assert!(office.contain(at("2026-12-07T08:00:00Z")));
        assert!(!office.contain(at("2026-12-07T15:00:00Z")));
        assert!(!office.contain(at("2026-11-28T10:00:00Z")), "a Saturday");
        assert_eq!(office.clock(at("2026-11-28T10:05:00Z")), "Sat 11:05");
        // A night begins on its day and ends on the next one.
        let night = ReleaseHours::of("Sun 22:00-06:00 UTC");
        assert!(night.contain(at("2026-11-29T22:00:00Z")));
        assert!(night.contain(at("2026-11-30T05:59:00Z")));
        assert!(!night.contain(at("2026-11-30T22:30:00Z")));
        assert!(!night.contain(at("2026-11-29T05:00:00Z")));
        let always = ReleaseHours::of("00:00-24:00 UTC");
        assert!(always.contain(at("2026-11-29T23:59:59Z")));
        let weekend = ReleaseHours::of("Sat..Mon 00:00-24:00 UTC");
        assert!(weekend.contain(at("2026-11-29T12:00:00Z")));
        assert!(!weekend.contain(at("2026-12-01T12:00:00Z")));
    }
}
