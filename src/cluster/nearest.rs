//! "Did you mean": the known name that is nearest to a mistyped one.

/// Longer texts are no mistyped names, and the time for a distance grows with the product of both lengths.
const LENGTH_MAX: usize = 100;

/// The known name nearest to `found`, if one is near enough to be meant: at most a third of the
/// letters differ, where a swap of two neighbours is one difference, and letter case, `-` and `_`
/// are none. Names with other numbers are other names: nobody who writes `docker02` means `docker01`.
pub(crate) fn nearest<'a>(
    found: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if found.len() > LENGTH_MAX {
        return None;
    }
    let found = fold(found);
    let letters = found.chars().count();
    known
        .into_iter()
        .filter(|name| name.len() <= LENGTH_MAX && numbers(name).eq(numbers(&found)))
        .map(|name| (strsim::damerau_levenshtein(&found, &fold(name)), name))
        .filter(|(distance, name)| *distance <= letters.max(name.chars().count()) / 3)
        .min()
        .map(|(_, name)| name)
}

/// The nearest known name as a help line, else all of them if they are few.
pub(crate) fn help<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(name) = nearest(found, known.iter().copied()) {
        return Some(format!("did you mean `{name}`?"));
    }
    (1..=30)
        .contains(&known.len())
        .then(|| format!("known here: {}", list(known)))
}

/// Names as a sentence lists them: `a`, `b`, `c`.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// The numbers in a name, without leading zeros.
fn numbers(name: &str) -> impl Iterator<Item = &str> {
    let parts = name.split(|c: char| !c.is_ascii_digit());
    parts
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.trim_start_matches('0'))
}

fn fold(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_a_case_and_a_hyphen_are_near() {
        let known = ["listing", "booking", "mongodb-proxy"];
        assert_eq!(nearest("lisitng", known), Some("listing"));
        assert_eq!(nearest("Booking", known), Some("booking"));
        assert_eq!(nearest("mongodb_proxy", known), Some("mongodb-proxy"));
        assert_eq!(nearest("search", known), None);
        assert_eq!(nearest("A", ["B"]), None);
        assert_eq!(nearest("ap", ["api"]), Some("api"));
    }

    #[test]
    fn another_number_is_another_name() {
        assert_eq!(nearest("docker02", ["docker01"]), None);
        assert_eq!(nearest("dokcer1", ["docker01"]), Some("docker01"));
        assert_eq!(nearest("MONGODB_HOST_2", ["MONGODB_HOST_1"]), None);
    }

    #[test]
    fn an_endless_name_is_near_to_nothing() {
        assert_eq!(nearest(&"a".repeat(1 << 20), ["a"]), None);
    }
}
