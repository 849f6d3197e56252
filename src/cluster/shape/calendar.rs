//! The shape of `OnCalendar=`: what systemd takes (`src/shared/calendarspec.c`), read here as it reads it, so that a typing
//! error has a line and a column. Whether a time zone is known is for the hosts to say.

use super::text::Shape;
use crate::cluster::read::Misfit;

/// Words that stand for a whole calendar.
const SHORTHANDS: [&str; 12] = [
    "minutely",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "quarterly",
    "yearly",
    "annually",
    "biannually",
    "bi-annually",
    "semiannually",
    "semi-annually",
];

/// Weekdays, the longer names first, each with its number.
const WEEKDAYS: [(&str, u8); 14] = [
    ("monday", 0),
    ("mon", 0),
    ("tuesday", 1),
    ("tue", 1),
    ("wednesday", 2),
    ("wed", 2),
    ("thursday", 3),
    ("thu", 3),
    ("friday", 4),
    ("fri", 4),
    ("saturday", 5),
    ("sat", 5),
    ("sunday", 6),
    ("sun", 6),
];

/// How many values a part may list.
const LISTED_MAX: usize = 240;

/// A second, in the unit in which they are counted.
const SECOND: u64 = 1_000_000;

/// When a timer fires.
pub(in crate::cluster) fn calendar(text: &str) -> Shape<String> {
    match is_calendar(text) {
        Some(()) => Ok(text.to_owned()),
        None => Err(Misfit {
            expected: "a calendar of systemd such as `Mon..Fri 02:30`, `*-*-01 04:00` or `*:0/15`"
                .to_owned(),
            help: meant(text).map(|written| format!("write `schedule = \"{written}\"`")),
        }),
    }
}

fn is_calendar(text: &str) -> Option<()> {
    let text = without_zone(text)?;
    let mut lower = text.to_ascii_lowercase();
    if SHORTHANDS.contains(&lower.as_str()) {
        return Some(());
    }
    if lower.is_empty() {
        return None;
    }
    // What follows is ASCII, or is refused.
    lower.push('\0');
    let rest = weekdays(lower.as_bytes())?;
    let rest = date(rest)?;
    time(rest)
}

/// The text before a time zone, if it names one.
fn without_zone(text: &str) -> Option<&str> {
    let Some((before, last)) = text.rsplit_once(' ') else {
        return Some(text);
    };
    if last.eq_ignore_ascii_case("utc") {
        return Some(before);
    }
    if !last.contains('/') || !last.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Some(text);
    }
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"_+-/".contains(&b);
    let sound = last.bytes().all(inner) && !last.contains("//") && !last.ends_with('/');
    sound.then_some(before)
}

/// Reads `Mon..Fri,Sun `, if there is one, and gives what follows.
fn weekdays(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    let mut since = None;
    let mut first = true;
    loop {
        let named = WEEKDAYS
            .iter()
            .find(|(name, _)| rest.starts_with(name.as_bytes()));
        let Some((name, number)) = named else {
            return first.then_some(text);
        };
        rest = &rest[name.len()..];
        if !matches!(rest[0], 0 | b'-' | b'.' | b',' | b' ') {
            return None;
        }
        if since.is_some_and(|since| since > *number) {
            return None;
        }
        let ranges = since.is_some();
        match rest {
            [0, ..] => return Some(rest),
            [b' ', ..] => return Some(blanks(rest)),
            [b'.', b'.', after @ ..] | [b'-', after @ ..] if !ranges => {
                since = Some(*number);
                rest = after;
            }
            [b',', after @ ..] => {
                since = None;
                rest = after;
            }
            _ => return None,
        }
        if matches!(rest[0], 0 | b' ') {
            return since.is_none().then(|| blanks(rest));
        }
        first = false;
    }
}

fn blanks(text: &[u8]) -> &[u8] {
    let blank = text.iter().take_while(|b| **b == b' ').count();
    &text[blank..]
}

/// Reads `2026-*-01 `, `*-01 ` or `*~03 `, if there is one, and gives what follows.
fn date(text: &[u8]) -> Option<&[u8]> {
    if text[0] == 0 {
        return Some(text);
    }
    let (first, rest) = parts(text, 1)?;
    if matches!(rest[0], 0 | b':') {
        // It is a time.
        return Some(text);
    }
    let mut from_end = match rest[0] {
        b'~' => true,
        b'-' => false,
        _ => return None,
    };
    let (second, rest) = parts(&rest[1..], 1)?;
    let (year, month, day, rest) = match rest[0] {
        0 | b' ' => (None, first, second, rest),
        _ if from_end => return None,
        mark @ (b'~' | b'-') => {
            from_end = mark == b'~';
            let (third, rest) = parts(&rest[1..], 1)?;
            (Some(first), second, third, rest)
        }
        _ => return None,
    };
    if !matches!(rest[0], 0 | b' ') {
        return None;
    }
    let years = year
        .unwrap_or_default()
        .into_iter()
        .map(ListedTime::of_year);
    let sound = years
        .into_iter()
        .all(|part| part.is_within(1970, 2199, false))
        && month.iter().all(|part| part.is_within(1, 12, false))
        && day.iter().all(|part| part.is_within(1, 31, from_end));
    sound.then(|| blanks(rest))
}

/// Reads `02:30` or `*:*:0/10` to the end; none at all is midnight.
fn time(text: &[u8]) -> Option<()> {
    if text[0] == 0 {
        return Some(());
    }
    let (hour, rest) = parts(text, 1)?;
    let rest = rest.strip_prefix(b":")?;
    let (minute, rest) = parts(rest, 1)?;
    let (second, rest) = match rest {
        [0] => (Vec::new(), rest),
        [b':', rest @ ..] => parts(rest, SECOND)?,
        _ => return None,
    };
    let sound = rest == [0]
        && hour.iter().all(|part| part.is_within(0, 23, false))
        && minute.iter().all(|part| part.is_within(0, 59, false))
        && second
            .iter()
            .all(|part| part.is_within(0, 60 * SECOND - 1, false));
    sound.then_some(())
}

/// One value of a list: `3`, `3..9`, `3/2` or `3..9/2`.
#[derive(Debug, Clone, Copy)]
struct ListedTime {
    start: u64,
    stop: Option<u64>,
    repeat: u64,
}

impl ListedTime {
    /// Years of two digits are near.
    fn of_year(self) -> Self {
        let year = |year: u64| match year {
            0..=69 => year + 2000,
            70..=99 => year + 1900,
            _ => year,
        };
        Self {
            start: year(self.start),
            stop: self.stop.map(year),
            ..self
        }
    }

    /// A repetition that comes to nothing is none.
    fn normalized(self) -> Self {
        let Self {
            start,
            stop,
            repeat,
        } = self;
        let stop = stop.map(|stop| match stop > start && repeat > 0 {
            true => stop - (stop - start) % repeat,
            false => stop,
        });
        match stop {
            Some(stop) if start == stop => Self {
                start,
                stop: None,
                repeat: 0,
            },
            _ => Self {
                start,
                stop,
                repeat,
            },
        }
    }

    fn is_within(self, from: u64, to: u64, from_end: bool) -> bool {
        let Self {
            start,
            stop,
            repeat,
        } = self.normalized();
        let repeats = match from_end {
            true => start >= from + repeat,
            false => start + repeat <= to,
        };
        (from..=to).contains(&start)
            && repeat <= to - from
            && repeats
            && stop.is_none_or(|stop| (start..=to).contains(&stop))
    }
}

/// Reads `*`, which is no part at all, or a list. `scale` is what a whole number counts; above one it may have a fraction.
fn parts(text: &[u8], scale: u64) -> Option<(Vec<ListedTime>, &[u8])> {
    if text[0] == b'*' {
        return Some((Vec::new(), &text[1..]));
    }
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let (start, mut after) = number(rest, scale)?;
        let mut part = ListedTime {
            start,
            stop: None,
            repeat: 0,
        };
        if let [b'.', b'.', more @ ..] = after {
            let (stop, more) = number(more, scale)?;
            part.stop = Some(stop);
            part.repeat = scale;
            after = more;
        }
        if let [b'/', more @ ..] = after {
            let (repeat, more) = number(more, scale)?;
            part.repeat = repeat;
            after = more;
            if repeat == 0 {
                return None;
            }
        } else if scale > 1 && part.stop.is_some_and(|stop| start + part.repeat > stop) {
            return None;
        }
        if !matches!(after[0], 0 | b' ' | b',' | b'-' | b'~' | b':') || found.len() > LISTED_MAX {
            return None;
        }
        found.push(part);
        match after {
            [b',', more @ ..] => rest = more,
            _ => return Some((found, after)),
        }
    }
}

fn number(text: &[u8], scale: u64) -> Option<(u64, &[u8])> {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (whole, mut rest) = text.split_at(digits(text));
    let whole: u64 = std::str::from_utf8(whole).ok()?.parse().ok()?;
    let mut value = whole.checked_mul(scale)?;
    if scale > 1
        && let [b'.', after @ ..] = rest
        && after[0] != b'.'
    {
        let (fraction, after) = after.split_at(digits(after));
        if fraction.is_empty() {
            return None;
        }
        let mut unit = scale;
        for digit in &fraction[..fraction.len().min(6)] {
            unit /= 10;
            value = value.checked_add(u64::from(digit - b'0') * unit)?;
        }
        // As systemd rounds.
        if fraction.get(6).is_some_and(|digit| *digit >= b'5') {
            value += 1;
        }
        rest = after;
    }
    (value <= i32::MAX.unsigned_abs().into()).then_some((value, rest))
}

/// What is meant by a time that is written in another way: cron's five fields, or a word of its.
fn meant(text: &str) -> Option<String> {
    let text = text.trim();
    let written = match text.strip_prefix('@') {
        Some("midnight") => "daily".to_owned(),
        Some("annually" | "yearly") => "yearly".to_owned(),
        Some(word) if SHORTHANDS.contains(&word) => word.to_owned(),
        Some(word) => every(word.strip_prefix("every ")?)?,
        None => match text.split_whitespace().collect::<Vec<_>>()[..] {
            [minute, hour, day, month, weekday] => of_cron([minute, hour, day, month, weekday])?,
            [time] => every(time)?,
            ["every", time] => every(time)?,
            _ => return None,
        },
    };
    is_calendar(&written).map(|()| written)
}

/// `15m`, `1h`.
fn every(text: &str) -> Option<String> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = number.parse().ok()?;
    match (number, unit) {
        (1..=59, "s") if 60 % number == 0 => Some(format!("*:*:0/{number}")),
        (1, "m") => Some("minutely".to_owned()),
        (2..=59, "m") if 60 % number == 0 => Some(format!("*:0/{number}")),
        (1, "h") => Some("hourly".to_owned()),
        (2..=23, "h") if 24 % number == 0 => Some(format!("0/{number}:00")),
        (1, "d") => Some("daily".to_owned()),
        _ => None,
    }
}

/// cron's minute, hour, day of the month, month and day of the week. With both days cron means either of them, which no
/// calendar says.
fn of_cron([minute, hour, day, month, weekday]: [&str; 5]) -> Option<String> {
    let part = |text: &str, first: &str| {
        let digit = |c: char| c.is_ascii_digit() || "*,-/".contains(c);
        if !text.chars().all(digit) {
            return None;
        }
        Some(match text.strip_prefix("*/") {
            Some(step) => format!("{first}/{step}"),
            None => text.replace('-', ".."),
        })
    };
    let two = |text: String| match text.as_bytes() {
        [_] if text != "*" => format!("0{text}"),
        _ => text,
    };
    let (minute, hour) = (two(part(minute, "0")?), two(part(hour, "0")?));
    let (day, month) = (two(part(day, "1")?), two(part(month, "1")?));
    let mut text = String::new();
    if weekday != "*" {
        if day != "*" {
            return None;
        }
        let name = |number: &str| {
            let names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
            names.get(number.parse::<usize>().ok()?).copied()
        };
        let days = weekday.split(',').map(|one| match one.split_once('-') {
            Some((from, to)) => Some(format!("{}..{}", name(from)?, name(to)?)),
            None => name(one).map(str::to_owned),
        });
        let days: Option<Vec<String>> = days.collect();
        text = days?.join(",") + " ";
    }
    if (day.as_str(), month.as_str()) != ("*", "*") {
        text += &format!("*-{month}-{day} ");
    }
    Some(text + &format!("{hour}:{minute}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::takes;
    use super::*;

    #[test]
    fn calendars_are_those_of_systemd() {
        takes(
            calendar,
            &[
                "daily",
                "Weekly",
                "02:30",
                "2:30",
                "Mon..Fri 02:30",
                "mon-fri 02:30",
                "Sat,Sun 12:00",
                "Mon, 02:30",
                "Tue",
                "*-*-* 02:30:00",
                "*-*-1 04:00",
                "*-*~01",
                "2026-02~03",
                "05-08 05:40",
                "*:0/15",
                "*:*:0/1",
                "*:*:0/2.5",
                "0/2:00",
                "*-01,04,07,10-01 00:00:00",
                "Mon..Thu,Sat,Sun *-*-* 00:00:00",
                "03-05..09 8:05:40 UTC",
                "Wed *-1 02:30 Europe/Berlin",
                "12-25",
                "99-1-1",
            ],
            &[
                "",
                " ",
                "every day",
                "*",
                "*/5",
                "*/5:00",
                "25:00",
                "02:60",
                "02:30:61",
                "2.30",
                "Fri..Mon",
                "Mon..",
                "Monn 02:30",
                "*-13-01",
                "*-*-32",
                "*-*-0",
                "0 2 * * *",
                "02:30 Europe/",
                "02:30 utc2",
                "02:30\n",
                "\u{fc}",
                "0/0:00",
                "5..3:00",
                "1969-01-01",
            ],
        );
    }

    #[test]
    fn other_ways_to_say_it_have_their_equivalent() {
        for (text, written) in [
            ("30 2 * * 1-5", "Mon..Fri 02:30"),
            ("*/15 * * * *", "*:0/15"),
            ("0 4 1 * *", "*-*-01 04:00"),
            ("0 0 * * 0", "Sun 00:00"),
            ("5 4 * 1,7 *", "*-1,7-* 04:05"),
            ("@daily", "daily"),
            ("@midnight", "daily"),
            ("@every 1h", "hourly"),
            ("5m", "*:0/5"),
            ("every 30s", "*:*:0/30"),
        ] {
            assert_eq!(meant(text).as_deref(), Some(written), "{text}");
            let help = calendar(text).unwrap_err().help.unwrap();
            assert_eq!(help, format!("write `schedule = \"{written}\"`"));
        }
        for text in ["0 0 1 * 1", "61 2 * * *", "7m", "now", "* * * *"] {
            assert_eq!(meant(text), None, "{text}");
        }
    }

    /// What is like a calendar, always the same for a number.
    fn text(number: u64) -> String {
        let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |limit: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % limit
        };
        let mut part = || {
            let mut number = || match below(8) {
                0 => 1960 + below(250),
                1 => 55 + below(50),
                _ => below(40),
            };
            let (a, b, c) = (number(), number(), number());
            match below(14) {
                0..4 => "*".to_owned(),
                4..8 => a.to_string(),
                8 | 9 => format!("{a}..{b}"),
                10 => format!("{a}/{b}"),
                11 => format!("{a}..{b}/{c}"),
                12 => format!("{a},{b}"),
                _ => format!("{a}.{b}"),
            }
        };
        let parts: [String; 6] = std::array::from_fn(|_| part());
        let [year, month, day, hour, minute, second] = parts;
        let names = ["Mon", "tue", "Thursday", "Sat", "sun", "Thur"];
        let (one, other) = (names[number as usize % 6], names[number as usize / 6 % 6]);
        let days = match number / 36 % 8 {
            0 => format!("{one} "),
            1 => format!("{one}..{other} "),
            2 => format!("{one},{other} "),
            3 => format!("{one},"),
            4 => format!("{one}-{other}"),
            _ => String::new(),
        };
        let date = match number / 3 % 9 {
            0 => format!("{month}-{day} "),
            1 => format!("{month}~{day} "),
            2 | 3 => format!("{year}-{month}-{day} "),
            4 => format!("{year}-{month}~{day}"),
            _ => String::new(),
        };
        let time = match number % 8 {
            0 => String::new(),
            1 => hour,
            2..5 => format!("{hour}:{minute}"),
            _ => format!("{hour}:{minute}:{second}"),
        };
        let zone = ["", "", "", "", " UTC", " Europe/Berlin", " "][number as usize / 5 % 7];
        days + &date + &time + zone
    }

    /// systemd's own reader is the other one: `systemd-analyze calendar`, where that is there.
    #[test]
    #[allow(clippy::disallowed_methods)]
    fn systemd_takes_the_same() {
        let asked = |text: &str| {
            let mut asked = std::process::Command::new("systemd-analyze");
            asked.args(["calendar", "--", text]).env("TZ", "UTC");
            asked.output().ok().map(|output| output.status.success())
        };
        if asked("daily") != Some(true) || asked("no calendar") != Some(false) {
            return;
        }
        let cases = std::env::var("PROPTEST_CASES").ok();
        // Among fewer there may be none that is sound.
        let cases: u64 = cases.and_then(|cases| cases.parse().ok()).unwrap_or(0);
        let cases = cases.max(150);
        let mut sound = 0;
        for number in 0..cases {
            let text = text(number);
            let takes = calendar(&text).is_ok();
            sound += u64::from(takes);
            assert_eq!(Some(takes), asked(&text), "{text:?}");
        }
        assert!(sound > 0 && sound < cases, "{sound} of {cases}");
    }

    proptest! {
        #[test]
        fn whatever_the_text_is_it_ends(text in ".{0,20}") {
            let _ = calendar(&text);
        }
    }
}
