//! `diff --against`, by the real program, on real git repositories.

#![allow(clippy::unwrap_used, reason = "these are tests")]
#![expect(clippy::disallowed_methods, reason = "a real process on real files")]

/// Compares with a snapshot, without the ids of commits: a commit of a test's repository holds the built-in template, so each
/// change of that would change every one.
macro_rules! assert_snapshot {
    ($text:expr) => {
        insta::with_settings!({filters => [
            (r"\([0-9a-f]{12}\b", "(COMMIT"),
            (r#""[0-9a-f]{40}""#, r#""COMMIT""#),
        ]}, {
            insta::assert_snapshot!($text);
        })
    };
}

mod goldens;
mod guards;
mod lines;
mod links;
mod recipes;
mod repo;
mod spellings;
