use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::cluster::template::values_environment;

const LIMIT: usize = 131_072;

/// The value with `T` as a text, `N` as a number, `B` as a flag and `L` as a large text.
fn value(text: &str) -> Result<String, String> {
    let environment = values_environment();
    let large = "l".repeat(LIMIT - 10);
    let context = Value::from_pairs([
        ("T", Value::from("some text")),
        ("N", Value::from(7)),
        ("B", Value::from(false)),
        ("L", Value::from(large)),
    ]);
    let template = ValueTemplate::parse(text, &environment).map_err(|problem| problem.message)?;
    let bytes =
        template
            .render(&environment, &context, LIMIT)
            .map_err(|failure| match failure {
                EvaluationError::TooLarge => "too large".to_owned(),
                EvaluationError::Undefined(problem) | EvaluationError::Other(problem, _) => {
                    problem.message
                }
            })?;
    Ok(String::from_utf8(bytes).unwrap())
}

#[test]
fn only_double_braces_are_code() {
    for (text, expected) in [
        ("n=${#X} t=${Y#}z", "n=${#X} t=${Y#}z"),
        ("{# {{ N }} #}", "{# 7 #}"),
        ("{#- a -#}", "{#- a -#}"),
        ("date +{%Y-%m-%d}", "date +{%Y-%m-%d}"),
        ("{%s}{%if", "{%s}{%if"),
        ("{% iffy %}", "{% iffy %}"),
        ("a }} b %} c #}", "a }} b %} c #}"),
        (" {{ N }} \n", " 7 \n"),
        ("{{ N }}\r\n\r\n{{ N }}\n\n", "7\r\n\r\n7\n\n"),
        ("# for x in y\n## z\n{{ N }}", "# for x in y\n## z\n7"),
        ("<&>\"'{{ '<&>' }}", "<&>\"'<&>"),
        ("\\n{{ '\\n' }}", "\\n\n"),
        ("{{ '{{' }} {{ '{%' }} {{ '}}' }}", "{{ {% }}"),
        (
            "{{ B }} {{ not B }} {{ 'a' if B else 'b' }}",
            "false true b",
        ),
        ("{{ 'a' if B }}|", "|"),
        (
            "{{ U|default('d') }}{{ T|replace(' ', '_')|upper }}",
            "dSOME_TEXT",
        ),
        ("{{ [T, N]|join(',') }}", "some text,7"),
        ("{{ N * 1024 * 2 ~ 'k' }}", "14336k"),
        ("{{ -N }} {{ {'a': {'b': 1}}.a.b }}", "-7 1"),
        ("${{ N }}{", "$7{"),
    ] {
        assert_eq!(value(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_would_lose_text_is_refused() {
    for (text, message) in [
        (
            "a {{- N }}",
            "expected `{{ … }}`, found one that removes the blanks beside it",
        ),
        (
            "{{ N -}} a",
            "expected `{{ … }}`, found one that removes the blanks beside it",
        ),
        (
            "{{+ N +}}",
            "expected `{{ … }}`, found one that removes the blanks beside it",
        ),
        (
            "{% if B %}a{% endif %}",
            "expected only `{{ … }}`, found `{% if B %}`",
        ),
        (
            "{{ N }}{%- raw %}a",
            "expected only `{{ … }}`, found `{%- raw %}`",
        ),
        ("a {{ N", "expected `}}`, found the end"),
        ("{{ U }}", "`U` is undefined"),
        ("{{ {}.a }}", "`(...).a` is undefined"),
    ] {
        assert_eq!(value(text).unwrap_err(), message, "{text}");
    }
}

#[test]
fn what_takes_too_much_is_refused() {
    let doubled = |times: usize| {
        let mut text = "T".to_owned();
        for _ in 0..times {
            text = format!("({text}|list ~ '')");
        }
        format!("{{{{ {text}|length }}}}")
    };
    let mut many = String::new();
    for _ in 0..5000 {
        write!(many, "{{{{ range(1000)|sum }}}}").unwrap();
    }
    for text in [
        format!("{{{{ {} }}}}", "L ~ ".repeat(200) + "L"),
        format!("{{{{ ({}L)|length }}}}", "L ~ ".repeat(200)),
        format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{{{{ {}1{} }}}}", "[".repeat(240), "]".repeat(240)),
        format!("{{{{ {}N }}}}", "not ".repeat(10_000)),
        format!("{{{{ {}N }}}}", "- ".repeat(10_000)),
        format!("{{{{ N{} }}}}", "|abs".repeat(10_000)),
        format!("{{{{ T{} }}}}", ".a".repeat(10_000)),
        format!("{{{{ N{} }}}}", " if B else N".repeat(10_000)),
        format!("{{{{ N{} }}}}", " + N".repeat(10_000)),
        "{{ 'x' * 100000000 }}".to_owned(),
        "{{ ([L] * 1000000) ~ '' }}".to_owned(),
        "{{ range(100000)|list|length }}".to_owned(),
        "{{ L|replace('l', L) }}".to_owned(),
        "{{ L|replace('', L)|length }}".to_owned(),
        "{{ L|list|join(L)|length }}".to_owned(),
        "{{ L|list|map('replace', 'l', L)|list|length }}".to_owned(),
        "{{ 'a'|indent(10000000000) }}".to_owned(),
        "{{ '%1000000000d'|format(1) }}".to_owned(),
        "{{ [1]|batch(1000000000, 'x') }}".to_owned(),
        doubled(20),
        many,
    ] {
        let start = text.get(..60).unwrap_or(&text);
        assert!(value(&text).is_err(), "{start}");
    }
    // Just within what is allowed, on the small stack of a test.
    for text in [
        format!("{{{{ {}N }}}}", "not ".repeat(490)),
        format!("{{{{ {}N }}}}", "- ".repeat(490)),
        format!("{{{{ N{} }}}}", "|abs".repeat(249)),
        format!("{{{{ N{} }}}}", " + N".repeat(249)),
        format!("{{{{ N{} }}}}", " if B else N".repeat(120)),
        format!("{{{{ {}1{} }}}}", "[".repeat(70), "]".repeat(70)),
        format!("{{{{ {}1{} }}}}", "(".repeat(70), ")".repeat(70)),
        format!("{{{{ {}1{} }}}}", "{1:".repeat(70), "}".repeat(70)),
    ] {
        let start = text.get(..60).unwrap_or(&text);
        let value = value(&text);
        assert!(value.is_ok(), "{start} {value:?}");
    }
}

/// Text between two expressions that means nothing to a reader of `{{ … }}`.
fn plain() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{", "}", "%", "#", "-", "{%", "{#", "#}", "%}", "{%-", "-%}", "}}", "-}}", " ", "\n",
            "\r\n", "\t", "##", "raw", " if ", "$", "\\", "'", "\"", "<&>", "{# x #}", "\u{85}",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    let text = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    text.prop_filter("it holds no code", |text| {
        !text.contains("{{") && !text.ends_with('{') && statement(text).is_none()
    })
}

fn expression() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        Just(("{{ T }}".to_owned(), "some text".to_owned())),
        Just(("{{N}}".to_owned(), "7".to_owned())),
        Just(("{{ '}}{#' ~ \"-}}\" }}".to_owned(), "}}{#-}}".to_owned())),
        Just(("{{\n{'a': N}['a']\n}}".to_owned(), "7".to_owned())),
        plain().prop_map(|text| {
            let quoted = text.replace('\\', "\\\\").replace('\'', "\\'");
            (format!("{{{{ '{quoted}' }}}}"), text)
        }),
    ]
}

proptest! {
    #[test]
    fn each_part_outside_of_double_braces_arrives_byte_for_byte(
        parts in prop::collection::vec((plain(), expression()), 0..6), last in plain(),
    ) {
        let (mut text, mut expected) = (String::new(), String::new());
        for (plain, (code, value)) in parts {
            text += &(plain.clone() + &code);
            expected += &(plain + &value);
        }
        text += &last;
        expected += &last;
        // A statement may arise where two parts meet.
        match value(&text) {
            Ok(found) => prop_assert_eq!(found, expected),
            Err(message) => prop_assert!(message.contains("found `{%"), "{}: {}", text, message),
        }
    }

    #[test]
    fn any_text_is_evaluated_or_refused(
        text in "(\\{\\{|\\}\\}|\\{%|%\\}|[NTL|~+*().,' -]|\\[|\\]|list|join|replace|not |if|else|[ -~]){0,60}",
    ) {
        let found = value(&text);
        if !text.contains("{{") && statement(&text).is_none() {
            prop_assert_eq!(found, Ok(text));
        }
    }
}

#[test]
fn a_text_as_a_list_of_characters_costs_more_than_a_text() {
    for filter in [
        "unique",
        "select('eq', 'x')|list",
        "sort",
        "min",
        "max",
        "list",
    ] {
        assert!(
            value(&format!("{{{{ L|{filter}|length }}}}")).is_ok(),
            "{filter}"
        );
        let many = format!("L|{filter}|length + ").repeat(30);
        let told = value(&format!("{{{{ {many}0 }}}}"));
        let told = told.unwrap_err();
        assert!(
            told.contains("it makes too much text on its way"),
            "{filter}: {told}"
        );
    }
    assert!(value("{{ (L ~ L)|list|length }}").is_err());
}
