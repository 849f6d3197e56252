use minijinja::context;
use proptest::prelude::*;

use super::*;

fn unit(source: &str) -> Result<String, String> {
    let environment = units(3);
    let context = context! {
        unit => "a-b",
        port => 7,
        arguments => vec!["a".repeat(1000), "b".to_owned(), "c".to_owned()],
    };
    let template = TextTemplate::parse(&environment, source, Makes::Unit)
        .map_err(|problem| problem.message)?;
    let rendered = template.render(context);
    rendered.map_err(|unmade| unmade.problem.message)
}

#[test]
fn statements_comments_and_raw_text_work() {
    let source = "{# a comment #}\n{% set n = unit ~ '-x' %}\n{% for a in arguments %}\n{{ loop.index * 2 }}{{ a | length }}\n{% endfor %}\n{% if port %}\np={{ port * 2 }}\n{% elif n %}\n{% else %}\n{% endif %}\n{% set c %}{{ n }}!{% endset %}\n{% with d = c %}\n{{ d }}{% raw %}{{ d }}{% endraw %}\n{% endwith %}\n{{ arguments | reverse | join(' ') | replace('a', '') }}\n{{ 'a\nb' | indent(2) }}\n";
    assert_eq!(
        unit(source).unwrap(),
        "21000\n41\n61\np=14\na-b-x!{{ d }}c b \na\n  b\n"
    );
}

#[test]
fn what_takes_too_long_or_too_much_is_refused() {
    let sets = |code: &str| format!("{{% set x = unit %}}{}{{{{ x }}}}", code.repeat(34));
    let loops = "{% for a in range(1000) %}".repeat(3) + "{{ a }}" + &"{% endfor %}".repeat(3);
    let text = "x".repeat(1000);
    let long = format!(
        "{{% for a in range(1000) %}}{{% for b in range(9) %}}{text}{{% endfor %}}{{% endfor %}}"
    );
    for source in [
        sets("{% set x = x ~ x %}"),
        sets("{% set x = [x, x] %}"),
        sets("{% set x = x + x %}"),
        sets("{% set x %}{{ x }}{{ x }}{% endset %}"),
        sets("{% with y = x ~ x %}{% set x = y %}"),
        sets("{% set x = x | replace('', x) %}"),
        sets("{% for y in [x ~ x] %}{% set x = y %}"),
        "{% set x %}{% for a in range(1000) %}xxx{% endfor %}{% endset %}".to_owned(),
        "{% macro f(x) %}{{ f(x ~ x) }}{% endmacro %}{{ f(unit) }}".to_owned(),
        "{% for a in [unit] recursive %}{{ loop([a ~ a]) }}{% endfor %}".to_owned(),
        "{% set n = namespace(a=unit) %}{% set n.a = 1 %}".to_owned(),
        "{{ 'x' * 100000000 }}".to_owned(),
        "{{ unit | indent(1000000000) }}".to_owned(),
        "{{ '%1000000000d' | format(1) }}".to_owned(),
        "{% include 'x' %}".to_owned(),
        "{% if unit %}".repeat(400) + &"{% endif %}".repeat(400),
        "{% if a %}".to_owned() + &"{% elif a %}".repeat(10_000) + "{% endif %}",
        format!("{{{{ {}unit }}}}", "not ".repeat(4500)),
        format!("{{{{ unit{} }}}}", " ~ unit".repeat(4500)),
        "x".repeat(SOURCE_MAX + 1),
        loops,
        long,
    ] {
        let start = source.get(..60).unwrap_or(&source);
        assert!(unit(&source).is_err(), "{start}");
    }
    let branches =
        "{% if not unit %}".to_owned() + &"{% elif not unit %}".repeat(497) + "{% endif %}";
    assert_eq!(unit(&branches), Ok(String::new()));
}

proptest! {
    #[test]
    fn any_template_is_rendered_or_refused(
        source in "(\\{\\{|\\}\\}|\\{%|%\\}|\\{#|#\\}|[a~+*().,' \n-]|set a = |for a in |endfor|if a|endif|endset|raw|endraw|unit|arguments|range\\(9\\)|\\|join|\\|list){0,60}",
    ) {
        let _ = unit(&source);
    }
}
