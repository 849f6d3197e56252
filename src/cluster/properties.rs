//! Properties of the check and of excerpts, over the examples and over anything.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::{Index, select};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::diagnostic::{Diagnostic, Place};
use super::model::{Layer, Transport, VariableValue};
use super::name::ServiceName;
use crate::repository::Repository;

use super::{EXCERPT_WIDTH, Findings, Paint, Sources, check, excerpt};

/// The files of an example, as the repository room reads them.
fn example(name: &str) -> Sources {
    Repository::find(Path::new(env!("CARGO_MANIFEST_DIR")))
        .and_then(|repository| repository.load(name))
        .unwrap()
}

fn shown(checked: &Findings, sources: &Sources) -> String {
    let shown = checked
        .diagnostics
        .iter()
        .map(|d| excerpt(d, sources, Paint::Plain, EXCERPT_WIDTH));
    shown.collect::<Vec<_>>().join("\n")
}

fn variables(checked: &Findings, service: &str) -> BTreeMap<String, (Layer, String)> {
    let cluster = checked.cluster.as_ref().unwrap();
    cluster.services[&ServiceName::new(service).unwrap()]
        .variables
        .iter()
        .map(|(name, v)| {
            let value = match &v.value {
                VariableValue::Plain(value) => value.clone(),
                VariableValue::Secret(_) => "secret".to_owned(),
            };
            (name.to_string(), (v.layer, value))
        })
        .collect()
}

#[test]
fn the_examples_have_neither_errors_nor_warnings() {
    for name in ["demo", "monitoring", "peerspace"] {
        let sources = example(name);
        let checked = check(name, &sources);
        assert_eq!(shown(&checked, &sources), "", "{name}");
        assert!(checked.cluster.is_some(), "{name}");
    }
}

#[test]
fn a_service_gets_what_it_names_and_nothing_else() {
    let checked = check("peerspace", &example("peerspace"));
    let text = variables(&checked, "search")
        .iter()
        .map(|(name, (layer, value))| {
            let layer = layer.label(&ServiceName::new("search").unwrap());
            format!("{layer:<22} {name}={value}\n")
        })
        .collect::<String>();
    insta::assert_snapshot!(text);
}

#[test]
fn values_use_other_values_in_any_order_and_keep_every_byte() {
    let mut sources = example("demo");
    let path = "clusters/demo/cluster.toml";
    let mut text = String::from_utf8(sources.get(path).unwrap().to_vec()).unwrap();
    text += "X_1 = \"{{ X_2 }}!\"\nX_2 = \"{{ 'yes' if X_3 else 'no' }} {{ X_4 + 1 }}\"\nX_3 = false\nX_4 = 41\nX_5 = \" $A %n \\\\ ' \\\" # \\n\\t\"\nX_6 = \"{{ X_5 }}\\n\"\nX_7 = \"{{ ALPHA_IP is defined }} {{ BETA_IP }} <&>\"\n";
    sources.insert(path, text);
    sources.insert(
        "clusters/demo/services/worker.toml",
        "image = \"a\"\ntag = \"1\"\nvars = [\"X_*\"]\n[env]\nOWN = \"{{ X_4 }}{{ OTHER }}\"\nOTHER = true\n",
    );
    let checked = check("demo", &sources);
    assert_eq!(shown(&checked, &sources), "");
    let found = variables(&checked, "worker");
    for (name, value) in [
        ("X_1", "no 42!"),
        ("X_3", "false"),
        ("X_5", " $A %n \\ ' \" # \n\t"),
        ("X_6", " $A %n \\ ' \" # \n\t\n"),
        ("X_7", "false 10.20.0.2 <&>"),
        ("OWN", "41true"),
        ("IMAGE", "a:1"),
    ] {
        assert_eq!(found[name].1, value, "{name}");
    }
}

#[test]
fn of_two_layers_the_later_one_decides() {
    let mut sources = example("demo");
    sources.insert(
        "clusters/demo/service-config.toml",
        "[vars]\nLOG_LEVEL = 1\nLOG_FORMAT = 2\nGREETING = 3\n",
    );
    sources.insert(
        "clusters/demo/services/worker.toml",
        "image = \"a\"\ntag = \"1\"\nneeds = [\"cache\"]\nvars = [\"LOG_*\", \"GREETING\"]\n[env]\nLOG_LEVEL = 4\nCACHE_PORT = 5\n",
    );
    let found = variables(&check("demo", &sources), "worker");
    let layer = |name: &str| found[name].0;
    assert_eq!(layer("LOG_LEVEL"), Layer::Service);
    assert_eq!(layer("LOG_FORMAT"), Layer::ServiceConfig);
    assert_eq!(layer("GREETING"), Layer::Cluster);
    assert_eq!(layer("CACHE_PORT"), Layer::Service);
    assert_eq!(layer("CACHE_HOST"), Layer::ServiceLocations);
    assert_eq!(found["CACHE_PORT"].1, "5");
}

#[test]
fn a_host_is_told_by_its_dns_name_else_by_its_own() {
    let mut sources = example("demo");
    sources.insert(
        "clusters/demo/cluster.toml",
        "[ssh]\nuser = \"deploy\"\nsudo = true\n[hosts.alpha]\naddress = \"alpha.example.com\"\nport = 2222\nsudo = false\n[hosts.beta]\naddress = \"10.0.0.2\"\n[hosts.gamma]\nlocal = true\nengine = \"podman\"\n[place]\nweb = [\"gamma\", \"alpha\", \"beta\"]\nworker = \"alpha\"\n",
    );
    sources.remove("clusters/demo/services/cache.toml");
    sources.remove("clusters/demo/services/greeter.toml");
    sources.insert(
        "clusters/demo/services/web.toml",
        "image = \"a\"\ntag = \"latest\"\nport = 80\n",
    );
    sources.insert(
        "clusters/demo/services/worker.toml",
        "image = \"a\"\ntag = \"1.2.3\"\nneeds = [\"web\"]\n",
    );
    let checked = check("demo", &sources);
    assert_eq!(shown(&checked, &sources), "");
    let found = variables(&checked, "worker");
    assert_eq!(found["WEB_HOST"].1, "gamma");
    assert_eq!(found["WEB_HOSTS"].1, "gamma,alpha.example.com,beta");
    assert_eq!(found["WEB_PORT"].1, "80");
    let cluster = checked.cluster.unwrap();
    let transports: Vec<&Transport> = cluster.hosts.values().map(|host| &host.transport).collect();
    insta::assert_debug_snapshot!(transports);
    let moving = |name: &str| {
        cluster.services[&ServiceName::new(name).unwrap()]
            .image
            .moving
    };
    assert!(moving("web") && !moving("worker"));
}

/// Bytes that are more often than not close to a description.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let words = select(vec![
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
        "\"",
        "'''",
        "{{",
        "}}",
        "{%",
        "%}",
        ".",
        ",",
        "1",
        "-",
        "\\",
        "#",
        "\0",
        "\u{feff}",
        "é",
        "vars",
        "hosts",
        "place",
        "env",
        "a",
        "A",
        "image",
        "tag",
        "port",
        "needs",
        "address",
        "true",
        "range(99999)",
        "'a' * 99999999",
        "|indent(99999999999)",
        "\r\n",
        "\u{85}",
    ]);
    prop_oneof![
        vec(any::<u8>(), 0..200),
        vec(words, 0..60).prop_map(|words| words.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_checked_and_shown_without_a_panic(
        cluster in bytes(), config in bytes(), service in bytes(), template in bytes(),
    ) {
        let mut sources = Sources::new();
        sources.insert("clusters/x/cluster.toml", cluster);
        sources.insert("clusters/x/service-config.toml", config);
        sources.insert("clusters/x/services/a.toml", service);
        sources.insert("templates/container.service", template);
        let checked = check("x", &sources);
        shown(&checked, &sources);
        prop_assert!(checked.cluster.is_some() || !checked.diagnostics.is_empty());
    }

    #[test]
    fn any_value_is_evaluated_without_a_panic(value in "(\\{\\{|\\}\\}|\\{%|%\\}|[ -~]){0,40}") {
        let mut sources = example("demo");
        let literal = toml::Value::String(value).to_string();
        sources.insert("clusters/demo/service-config.toml", format!("[vars]\nLOG_LEVEL = {literal}\n"));
        let checked = check("demo", &sources);
        shown(&checked, &sources);
    }

    #[test]
    fn a_mutated_example_is_checked_and_shown_without_a_panic(
        edits in vec((any::<Index>(), any::<Index>(), 0_usize..9, bytes()), 1..4),
    ) {
        let mut sources = example("peerspace");
        let paths: Vec<String> = sources.files().map(|(path, _)| path.to_owned()).collect();
        for (file, at, gone, inserted) in edits {
            let path = file.get(&paths);
            let mut bytes = sources.get(path).unwrap().to_vec();
            let at = at.index(bytes.len() + 1);
            let end = (at + gone).min(bytes.len());
            bytes.splice(at..end, inserted);
            sources.insert(path.as_str(), bytes);
        }
        let checked = check("peerspace", &sources);
        shown(&checked, &sources);
        let errors = checked.diagnostics.iter().any(|d| d.level == super::diagnostic::Level::Error);
        prop_assert_eq!(checked.cluster.is_none(), errors);
    }

    #[test]
    fn any_span_is_shown_without_a_panic(
        file in bytes(), start in 0_usize..300, end in 0_usize..300, other in 0_usize..300, label in ".*", far in any::<bool>(),
    ) {
        let mut sources = Sources::new();
        sources.insert("a", file);
        let place = |span| Place { path: "a".to_owned(), span, label: label.clone() };
        let end = if far { usize::MAX } else { end };
        let diagnostic = Diagnostic::error(label.clone(), place(Some(start..end)))
            .with_related(place(Some(other..start)))
            .with_related(place(None))
            .with_related(Place::file("not there", ""))
            .with_help(label.clone());
        for (paint, start) in [(Paint::Plain, "error: "), (Paint::Colour, "\u{1b}")] {
            prop_assert!(excerpt(&diagnostic, &sources, paint, EXCERPT_WIDTH).starts_with(start));
        }
    }
}

#[test]
fn a_chain_of_many_values_is_evaluated_soon() {
    let chain: String = (0..5000)
        .map(|n| format!("A{n} = \"{{{{ A{} }}}}\"\n", n + 1))
        .collect();
    let mut sources = example("demo");
    sources.insert(
        "clusters/demo/service-config.toml",
        format!("[vars]\nLOG_LEVEL = 1\n{chain}A5000 = 1\n"),
    );
    let checked = check("demo", &sources);
    assert_eq!(shown(&checked, &sources), "");
}
