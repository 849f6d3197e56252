//! How a registry wants to know who asks: the header `WWW-Authenticate`. Pure.

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token.
    Bearer(Bearer),
}

/// Where to get a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bearer {
    /// The URL.
    pub(super) realm: String,
    /// For which service, as that URL knows it.
    pub(super) service: Option<String>,
    /// For what.
    pub(super) scope: Option<String>,
}

impl Challenge {
    /// `None` if it is neither.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        let of = |name: &str| {
            let mut found = parameters
                .iter()
                .filter(|(key, _)| key.eq_ignore_ascii_case(name));
            found.next().map(|(_, value)| value.clone())
        };
        Some(Self::Bearer(Bearer {
            realm: of("realm")?,
            service: of("service"),
            scope: of("scope"),
        }))
    }
}

/// `realm="https://…",service=x`
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        let mut key = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=') {
            if !c.is_whitespace() && c != ',' {
                key.push(c);
            }
        }
        if chars.next().is_none() {
            return parameters;
        }
        let mut value = String::new();
        if chars.next_if_eq(&'"').is_some() {
            while let Some(c) = chars.next() {
                match c {
                    '"' => break,
                    '\\' => value.extend(chars.next()),
                    _ => value.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != ',') {
                value.push(c);
            }
        }
        parameters.push((key, value.trim().to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_challenge_says_where_tokens_are() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            Some(Challenge::Bearer(Bearer {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
                scope: scope.map(str::to_owned),
            }))
        };
        for (header, expected) in [
            (
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull,push\"",
                bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:a/b:pull,push"),
                ),
            ),
            (
                "bearer Realm=https://a/t, service=\"a \\\"b\\\"\"",
                bearer("https://a/t", Some("a \"b\""), None),
            ),
            ("Basic realm=\"Registry\"", Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            ("Bearer service=\"a\"", None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(Challenge::parse(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in "(Bearer )?[ -~]{0,60}") {
            let _ = Challenge::parse(&header);
        }
    }
}
