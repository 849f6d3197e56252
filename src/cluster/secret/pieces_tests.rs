//! Which values made of secrets count as the same, held against what they are.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::cluster::name::VariableName;
use crate::cluster::secret::{KeyedDigest, Plaintext, Secret, Used};

fn stored(name: &str) -> Secret {
    let digest = KeyedDigest::new("k1", Digest::of(name));
    Secret::stored(VariableName::new(name).unwrap(), &digest)
}

/// `SEC`, `KEY` are secrets; `U` is the text `u`, `N` the number 5, `T` the text `5`, `F` is true.
fn uses() -> BTreeMap<String, Used> {
    let plain = |scalar| Used::Plain(scalar);
    [
        ("SEC", Used::Secret(stored("SEC"))),
        ("KEY", Used::Secret(stored("KEY"))),
        ("U", plain(Scalar::Text("u".to_owned()))),
        ("N", plain(Scalar::Integer(5))),
        ("T", plain(Scalar::Text("5".to_owned()))),
        ("F", plain(Scalar::Boolean(true))),
    ]
    .map(|(name, used)| (name.to_owned(), used))
    .into()
}

fn made(template: &str) -> Secret {
    let names = names_of_template(template);
    let mut uses = uses();
    uses.retain(|name, _| names.contains(name));
    Secret::made(template, uses)
}

fn names_of_template(template: &str) -> Vec<String> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    template.split(word).map(str::to_owned).collect()
}

fn same(templates: &[&str]) {
    let first = made(templates[0]);
    for other in templates {
        assert_eq!(made(other).identity(), first.identity(), "{other}");
    }
}

#[test]
fn what_gives_the_same_value_is_the_same() {
    same(&["{{ SEC }}", "{{SEC}}", "{{  SEC\n}}"]);
    assert_eq!(made("{{ SEC }}").identity(), stored("SEC").identity());
    assert_eq!(made("{{ SEC }}").names(), stored("SEC").names());
    same(&[
        "u:{{ SEC }}",
        "{{ U }}:{{ SEC }}",
        "{{ U ~ ':' ~ SEC }}",
        "{{ 'u:' }}{{SEC}}",
        "{{ U | lower }}:{{ SEC }}",
    ]);
    same(&[
        "5 {{ SEC }}",
        "{{ N }} {{ SEC }}",
        "{{ T }} {{ SEC }}",
        "{{ N ~ ' ' ~ SEC }}",
        "{{ 4 + 1 }} {{ SEC }}",
    ]);
    same(&["true{{ SEC }}", "{{ F }}{{ SEC }}"]);
    same(&["{{ SEC | upper }}", "{{SEC|upper}}", "{{ SEC |\tupper }}"]);
    same(&["{{ '{{' }}{{ SEC }}", "{{ \"{{\" }}{{ SEC }}"]);
}

#[test]
fn what_may_give_another_value_is_another_one() {
    let templates = [
        "{{ SEC }}",
        "{{ KEY }}",
        "{{ SEC }}{{ KEY }}",
        "{{ KEY }}{{ SEC }}",
        "{{ SEC }} ",
        "{{ SEC }}{{ SEC }}",
        "{{ SEC | upper }}",
        "{{ SEC | upper | lower }}",
        "{{ SEC | replace('a', 'b') }}",
        "{{ SEC | replace('a', ' b') }}",
        "{{ 'a' if N == 5 else SEC }}",
        "{{ 'a' if T == 5 else SEC }}",
        "{{ not SEC }}",
        "{{ SEC ~ F }}",
        "true{{ SEC }}",
    ];
    let found: std::collections::BTreeSet<_> = templates
        .iter()
        .map(|t| made(t).identity().clone())
        .collect();
    assert_eq!(found.len(), templates.len());
}

#[test]
fn a_value_within_a_value_is_what_it_consists_of() {
    let inner = made("{{ U }}:{{ SEC }}");
    let outer = |template: &str| {
        let uses = [("INNER".to_owned(), Used::Secret(inner.clone()))];
        Secret::made(template, uses.into())
    };
    assert_eq!(
        outer("x {{ INNER }}").identity(),
        made("x u:{{ SEC }}").identity()
    );
    assert_eq!(outer("{{ INNER }}").identity(), inner.identity());
    assert_ne!(outer("{{ INNER | upper }}").identity(), inner.identity());
}

#[test]
fn values_that_double_with_each_level_take_no_longer() {
    let mut value = made("{{ SEC }}-{{ KEY }}");
    for _ in 0..60 {
        let uses = [("A".to_owned(), Used::Secret(value))];
        value = Secret::made("{{ A }}{{ A }}", uses.into());
    }
    assert!(value.0.pieces.len() <= 2 * MOST);
}

/// Recipe v1 counts how a value is written, and for ever.
#[test]
fn the_identities_of_recipe_v1_never_change() {
    for (template, identity) in [
        (
            "{{ SEC }}",
            "made:fce80d66ade747b1eb788425a33f7d2430da8eb8d009c8bb4e217ccede06d108",
        ),
        (
            "{{SEC}}",
            "made:dcdcabafb7989bf389a7c8650870ce833ffcdac9e81b98c2b86b06585570f06e",
        ),
        (
            "{{ U }}:{{ SEC }}{{ N }}{{ F }}",
            "made:68f3776697907fa92d4c10a1e96e79411f59d8639cf1c31224bf8d2856a6ff62",
        ),
    ] {
        assert_eq!(
            made(template).identity_v1().as_str(),
            identity,
            "{template}"
        );
    }
}

proptest! {
    /// Texts of parts that look alike, put together in two ways.
    #[test]
    fn same_identity_same_value_and_the_other_way_round(
        one in prop::collection::vec(0..12usize, 0..5),
        other in prop::collection::vec(0..12usize, 0..5),
    ) {
        const PARTS: [&str; 12] = [
            "u", "5", "{{ U }}", "{{U}}", "{{ N }}", "{{ T }}", "{{ SEC }}", "{{SEC}}", "{{ KEY }}", "{{ U ~ SEC }}",
            "{{ 'u' }}", "{{ 5 }}",
        ];
        let template = |parts: &[usize]| parts.iter().map(|at| PARTS[*at]).collect::<String>() + "{{ SEC }}";
        let (one, other) = (template(&one), template(&other));
        let values = BTreeMap::from([("SEC", "<s>"), ("KEY", "<k>")].map(|(name, value)| {
            (VariableName::new(name).unwrap(), Plaintext::new(value.into()))
        }));
        let value = |template: &str| made(template).reveal(&values).unwrap();
        prop_assert_eq!(
            made(&one).identity() == made(&other).identity(),
            value(&one) == value(&other),
            "{} {}", one, other
        );
    }

    #[test]
    fn any_template_has_an_identity(template in "(\\{\\{|\\}\\}|\\{%|%\\}|\\{#|SEC|['\"\\\\~ ]|[ -~]){0,12}") {
        let _ = made(&template);
    }
}
