use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::cluster::fields::{Inherited, SERVICE as FIELDS};
use crate::cluster::model::Service;
use crate::cluster::{EXCERPT_WIDTH, Paint, Sources, check, excerpt, provenance};

const CLUSTER_HEAD: &str = "[hosts.h1]\naddress = \"10.0.0.1\"\nsecrets = \"plain\"\n[place]\nworker = \"h1\"\napi = \"h1\"\nbase = \"h1\"\ndb = \"h1\"\ncache = \"h1\"\n[vars]\nA = 1\nB = 2\nMONGODB_URL = \"a\"\n";

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
enum FieldText {
    Whole(String),
    List(Vec<&'static str>),
    Names(BTreeMap<&'static str, String>),
}

impl FieldText {
    fn toml(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::List(items) => format!("{items:?}"),
            Self::Names(names) => {
                let names = names
                    .iter()
                    .map(|(name, value)| format!("{name} = {value}"));
                format!("{{ {} }}", names.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

type Text = BTreeMap<&'static str, FieldText>;

fn toml(text: &Text) -> String {
    let lines = text.iter();
    lines
        .map(|(key, value)| format!("{key} = {}\n", value.toml()))
        .collect()
}

fn field() -> impl Strategy<Value = (&'static str, FieldText)> {
    let whole = |key: &'static str, values: Vec<&'static str>| {
        select(values).prop_map(move |value| (key, FieldText::Whole(value.to_owned())))
    };
    let names = |key: &'static str, names: Vec<&'static str>| {
        btree_map(select(names), 1..9_u8, 0..3).prop_map(move |found| {
            let found = found
                .into_iter()
                .map(|(name, value)| (name, value.to_string()));
            (key, FieldText::Names(found.collect()))
        })
    };
    let list = |key: &'static str, all: Vec<&'static str>| {
        let number = all.len();
        subsequence(all, 0..=number).prop_map(move |items| (key, FieldText::List(items)))
    };
    prop_oneof![
        whole("memory", vec!["\"64m\"", "\"1g\""]),
        whole("cpus", vec!["1", "\"1.5\""]),
        whole("user", vec!["\"app\"", "\"1000:1000\""]),
        whole("read_only", vec!["true", "false"]),
        whole("command", vec!["[\"a\"]", "[\"b\", \"c\"]", "[]"]),
        whole("stop_timeout", vec!["\"3s\"", "\"1m\""]),
        whole("port", vec!["80", "8080"]),
        whole("stateful", vec!["true", "false"]),
        whole("restart", vec!["\"manual\"", "\"auto\""]),
        names("env", vec!["X", "Y", "Z"]),
        names("ulimits", vec!["nofile", "nproc"]),
        names("labels", vec!["team", "tier"]),
        list("needs", vec!["db", "cache"]),
        list("vars", vec!["A", "B"]),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    vec(field(), 0..8).prop_map(|fields| fields.into_iter().collect())
}

/// What `from` leaves out.
const OF_ONE: [&str; 4] = ["port", "stateful", "restart", "labels"];

/// The texts written out by hand, the farthest first.
fn by_hand(texts: &[(&Text, bool)]) -> Text {
    let mut all = Text::new();
    for (text, inherited) in texts {
        for (key, value) in *text {
            if *inherited && OF_ONE.contains(key) {
                continue;
            }
            let value = match (all.remove(key), value.clone()) {
                (Some(FieldText::Names(mut before)), FieldText::Names(more)) => {
                    before.extend(more);
                    FieldText::Names(before)
                }
                (Some(FieldText::List(mut before)), FieldText::List(more)) => {
                    let new = more.into_iter().filter(|item| !before.contains(item));
                    let new: Vec<_> = new.collect();
                    before.extend(new);
                    FieldText::List(before)
                }
                (_, value) => value,
            };
            all.insert(key, value);
        }
    }
    all
}

fn sources(cluster: &str, services: &[(&str, String)]) -> Sources {
    let mut sources = Sources::new();
    sources.insert(
        "clusters/x/cluster.toml",
        format!("{CLUSTER_HEAD}{cluster}"),
    );
    for (name, text) in services {
        sources.insert(format!("clusters/x/services/{name}.toml"), text.clone());
    }
    sources.insert("templates/gpu.service", crate::cluster::BUILT_IN_TEMPLATE);
    let digest = "0".repeat(64);
    let age = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB4Cg==";
    sources.insert(
        "clusters/x/secrets.toml",
        format!(
            "cluster = \"x\"\n[recipients]\nada = \"age1qqqqqqqqqqqqqqqqqqqqqqqq\"\n[readers]\nada = \"age1qqqqqqqqqqqqqqqqqqqqqqqq\"\n[keys]\nk1 = \"{age}\"\n[values]\nSTRIPE_KEY = {{ age = \"{age}\", digest = \"k1:{digest}\" }}\n"
        ),
    );
    sources
}

fn other(name: &'static str) -> (&'static str, String) {
    (
        name,
        format!("image = \"{name}\"\ntag = \"1\"\nport = 99{}\n", name.len()),
    )
}

fn worker(sources: &Sources) -> Result<Service, String> {
    let checked = check("x", sources);
    let name = ServiceName::new("worker").unwrap();
    match checked.cluster {
        Some(mut cluster) => Ok(cluster.services.remove(&name).unwrap()),
        None => Err(format!("{:#?}", checked.diagnostics)),
    }
}

proptest! {
    #[test]
    fn what_is_merged_is_what_it_is_written_out_by_hand(
        defaults in text(), base in text(), api in text(), own in text(), overrides in text(),
        version in prop_oneof![Just("tag = \"9\""), Just("")], deep in any::<bool>(),
    ) {
        let image = "image = \"a\"\ntag = \"1\"\n";
        // Two services of one host cannot have one port.
        let without_port = |text: &Text| {
            let mut text = text.clone();
            text.remove("port");
            text
        };
        let (defaults, base, api) = (without_port(&defaults), without_port(&base), without_port(&api));
        let api_head = if deep { "from = \"base\"\n" } else { image };
        let cluster = format!("[defaults]\n{}[services.worker]\n{}", toml(&defaults), toml(&overrides));
        let services = |worker: String| [
            other("db"), other("cache"),
            ("base", format!("{image}{}", toml(&base))),
            ("api", format!("{api_head}{}", toml(&api))),
            ("worker", worker),
        ];
        let merged = sources(&cluster, &services(format!("from = \"api\"\n{version}\n{}", toml(&own))));
        let mut texts = vec![(&defaults, false)];
        if deep {
            texts.push((&base, true));
        }
        texts.extend([(&api, true), (&own, false), (&overrides, false)]);
        let tag = if version.is_empty() { "tag = \"1\"" } else { version };
        let hand = format!("image = \"a\"\n{tag}\n{}", toml(&by_hand(&texts)));
        let hand = sources("", &services(hand));
        let (merged, hand) = (worker(&merged), worker(&hand));
        prop_assert!(hand.is_ok(), "{hand:?}");
        prop_assert_eq!(merged, hand);
    }
}

/// Every row of the table, also those to come.
#[test]
fn each_field_is_inherited_as_its_row_says() {
    let mut seen = 0;
    for field in FIELDS {
        let line = match field.key {
            "from" | "image" | "tag" => continue,
            "needs" => "needs = [\"db\"]\n".to_owned(),
            key => format!("{key} = {}\n", field.example),
        };
        let version = match field.key {
            "digest" => "",
            _ => "tag = \"1\"\n",
        };
        let services = |worker: String| {
            [
                other("db"),
                ("api", format!("image = \"a\"\n{version}{line}")),
                ("worker", worker),
            ]
        };
        let cluster = CLUSTER_HEAD.replace("api = \"h1\"\nbase = \"h1\"\n", "");
        let check_with = |worker: String| {
            let mut sources = sources("", &services(worker));
            let cluster = cluster.replace("cache = \"h1\"\n", "");
            sources.insert("clusters/x/cluster.toml", cluster);
            self::worker(&sources)
        };
        let inherited = match field.inherited {
            Inherited::Yes => line.as_str(),
            Inherited::No | Inherited::Unsaid => "",
        };
        let Ok(hand) = check_with(format!("image = \"a\"\n{version}{inherited}")) else {
            // Its example needs more than is here.
            continue;
        };
        seen += 1;
        assert_eq!(
            check_with("from = \"api\"\n".to_owned()),
            Ok(hand),
            "{}",
            field.key
        );
    }
    assert!(seen > 20, "only {seen} fields were looked at");
}

#[test]
fn a_nearer_digest_takes_the_place_of_an_inherited_tag() {
    let digest = format!("digest = \"sha256:{}\"\n", "0".repeat(64));
    for (api, own) in [
        ("tag = \"1\"\n", digest.as_str()),
        (digest.as_str(), "tag = \"1\"\n"),
    ] {
        let merged = sources(
            "",
            &[
                other("db"),
                other("cache"),
                other("base"),
                ("api", format!("image = \"a\"\n{api}")),
                ("worker", format!("from = \"api\"\n{own}")),
            ],
        );
        let reference = worker(&merged).unwrap().image.reference;
        assert_eq!(reference.contains('@'), own == digest, "{reference}");
    }
}

#[test]
fn inherited_files_are_those_of_the_other_service() {
    let files = "[files]\n\"/etc/a\" = \"a.conf\"\n\"/etc/b\" = \"b.conf\"\n";
    let mut sources = sources(
        "[services.worker.files]\n\"/etc/c\" = \"c.conf\"\n",
        &[
            other("db"),
            other("cache"),
            other("base"),
            ("api", format!("image = \"a\"\ntag = \"1\"\n{files}")),
            (
                "worker",
                "from = \"api\"\n[files]\n\"/etc/b\" = \"own.conf\"\n".to_owned(),
            ),
        ],
    );
    for path in ["api/a", "api/b", "worker/own", "worker/c"] {
        sources.insert(format!("clusters/x/services/{path}.conf"), "x = 1\n");
    }
    let files = worker(&sources).unwrap().files.files;
    let sources = files
        .iter()
        .map(|(path, file)| format!("{path} {}", file.source));
    assert_eq!(
        sources.collect::<Vec<_>>(),
        [
            "/etc/a clusters/x/services/api/a.conf",
            "/etc/b clusters/x/services/worker/own.conf",
            "/etc/c clusters/x/services/worker/c.conf",
        ]
    );
}

fn messages(cases: &[(&str, &str, &str)]) -> String {
    let mut text = String::new();
    for (cluster, api, own) in cases {
        let services = [
            other("db"),
            other("cache"),
            other("base"),
            ("api", (*api).to_owned()),
            ("worker", (*own).to_owned()),
        ];
        let mut sources = sources(cluster, &services);
        sources.remove("clusters/x/secrets.toml");
        let checked = check("x", &sources);
        assert!(!checked.diagnostics.is_empty(), "{own}");
        for diagnostic in &checked.diagnostics {
            text += &excerpt(diagnostic, &sources, Paint::Plain, EXCERPT_WIDTH);
            text += "\n\n";
        }
        text += "──\n";
    }
    text
}

#[test]
fn what_is_wrong_stands_at_the_text_that_has_it() {
    let api = "image = \"a\"\ntag = \"1\"\n";
    let from = "from = \"api\"\n";
    insta::assert_snapshot!(messages(&[
        ("", api, "from = \"aip\"\n"),
        ("", api, "from = \"worker\"\n"),
        ("", "from = \"worker\"\n", from),
        ("", "image = \"a\"\n", from),
        ("", "image = 1\nmemory = 1\n", from),
        ("[defaults]\nmemory = 512\n", api, from),
        (
            "[defaults]\ntag = \"1\"\nmemry = \"1g\"\nports = [1]\n",
            api,
            from
        ),
        ("[services.workr]\nmemory = \"1g\"\n", api, from),
        ("[services.worker]\ndigest = \"x\"\nport = 0\n", api, from),
        ("[services]\nworker = 1\n", api, from),
        ("[[defaults]]\n", api, from),
        ("", "image = \"a\"\ntag = \"1\"\nvars = [\"NOT\"]\n", from),
    ]));
}

#[test]
fn why_knows_which_text_decides() {
    let sources = sources(
        "[defaults]\nmemory = \"1g\"\nneeds = [\"db\"]\nenv = { X = 1 }\n[services.worker]\nmemory = \"2g\"\n",
        &[
            other("db"),
            other("cache"),
            other("base"),
            (
                "api",
                "image = \"a\"\ntag = \"1\"\nmemory = \"3g\"\nuser = \"app\"\nenv = { X = 2 }\n"
                    .to_owned(),
            ),
            ("worker", "from = \"api\"\nneeds = [\"cache\"]\n".to_owned()),
        ],
    );
    let found = provenance("x", &ServiceName::new("worker").unwrap(), &sources).unwrap();
    let at = |line: &crate::cluster::Line| {
        let file = line.path.rsplit('/').next().unwrap();
        format!("{file}:{}", line.line.unwrap())
    };
    let fields = found.fields.iter().map(|origin| {
        let written = origin.written.iter();
        let written = written.map(|one| format!("{} {} {}", at(&one.at), one.raw, one.counts));
        format!("{}: {}", origin.key, written.collect::<Vec<_>>().join(", "))
    });
    let mut text = fields.collect::<Vec<_>>().join("\n");
    let env = found.variables["X"].iter().map(|one| at(&one.at));
    text += &format!("\nX: {}\n", env.collect::<Vec<_>>().join(", "));
    text += &format!("image: {}", at(&found.image));
    insta::assert_snapshot!(text);
}

/// A mistake in it would wait for the first service that takes it.
#[test]
fn a_default_that_nobody_takes_is_read_too() {
    let own = "image = \"a\"\ntag = \"1\"\nport = 80\nuser = \"1\"\nnetworks = [\"n\"]\naliases = [\"b\"]\nhealth = { tcp = true }\n";
    let defaults = "[defaults]\nuser = \"a b\"\naliases = [\"A B\"]\nhealth = { http = 1 }\nstop_timeout = \"1s\"\n[networks]\nn = {}\n";
    let names = ["api", "worker", "db", "cache", "base"];
    let services = |own: &str| names.map(|name| (name, own.to_owned()));
    let errors = |cluster: &str, own: &str| {
        let mut sources = sources(cluster, &services(own));
        sources.remove("clusters/x/secrets.toml");
        let found = check("x", &sources).diagnostics.into_iter();
        let found = found.filter(|one| one.place.path == "clusters/x/cluster.toml");
        found.map(|one| one.title).collect::<Vec<_>>()
    };
    let found = errors(defaults, own);
    assert_eq!(found.len(), 3, "{found:#?}");
    let right = defaults
        .replace("a b", "1")
        .replace("A B", "c")
        .replace("http = 1", "http = \"/\"");
    assert_eq!(errors(&right, own), [""; 0]);
}
