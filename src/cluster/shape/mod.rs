//! The shapes of texts. What docker, ssh or systemd would refuse on a host is refused here, where it has a line and a
//! column.

pub(super) mod calendar;
pub(super) mod confinement;
pub(super) mod container;
pub(super) mod duration;
pub(super) mod host;
pub(super) mod hours;
pub(super) mod image;
pub(super) mod process;
pub(super) mod resolver;
pub(super) mod text;

/// Asserts which texts a shape takes, and which it does not.
#[cfg(test)]
fn takes<T>(shape: fn(&str) -> text::Shape<T>, good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(shape(text).is_ok(), "{text:?} is fine");
    }
    for text in bad {
        assert!(shape(text).is_err(), "{text:?} is not");
    }
}
