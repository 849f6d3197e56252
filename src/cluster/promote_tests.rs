use std::collections::BTreeMap;

use proptest::prelude::{Strategy, any};
use proptest::sample::subsequence;
use proptest::{collection, prop_assert, prop_assert_eq, proptest};

use super::*;

const SERVICES: [&str; 4] = ["api", "web", "worker", "cluster"];

/// Files as two clusters may have them, by their path below the cluster.
fn paths() -> Vec<String> {
    let mut paths: Vec<String> = ["service-config.toml", "services/shared/ca.pem"]
        .into_iter()
        .map(str::to_owned)
        .collect();
    for service in SERVICES {
        paths.push(format!("services/{service}.toml"));
        paths.push(format!("services/{service}/secrets.toml"));
        paths.push(format!("services/{service}/d/cluster.toml"));
    }
    paths
}

fn text(path: &str, number: u8) -> String {
    if path == "services/worker.toml" {
        return format!("from = \"api\"\nmemory = \"{}m\"\n", 6 + number);
    }
    if path.ends_with(".toml") && path.matches('/').count() == 1 {
        return format!(
            "image = \"a\"\ntag = \"{number}\"\nfiles = {{ \"/ca\" = \"../shared/ca.pem\" }}\n"
        );
    }
    match path {
        "service-config.toml" => format!("[vars]\nA = {number}\n"),
        _ => number.to_string(),
    }
}

fn cluster() -> impl Strategy<Value = BTreeMap<String, String>> {
    let files = subsequence(paths(), 0..=paths().len());
    let place = subsequence(SERVICES.to_vec(), 0..=SERVICES.len());
    (
        files,
        place,
        collection::vec(0..3_u8, paths().len()),
        any::<u8>(),
    )
        .prop_map(|(files, place, numbers, own)| {
            let with_numbers = files.into_iter().zip(numbers);
            let mut files: BTreeMap<String, String> = with_numbers
                .map(|(path, number)| (path.clone(), text(&path, number)))
                .collect();
            let place = place.iter().map(|service| format!("{service} = \"h\"\n"));
            let place: String = place.collect();
            files.insert(
                "cluster.toml".to_owned(),
                format!("[hosts.h]\ndirectory = \"h{own}\"\n[place]\n{place}"),
            );
            files.insert(
                "secrets.toml".to_owned(),
                format!("[recipients]\na = \"{own}\"\n"),
            );
            files
        })
}

fn name(text: &str) -> ClusterName {
    ClusterName::new(text).unwrap()
}

proptest! {
    #[test]
    fn what_makes_it_another_cluster_is_never_touched(
        from in cluster(),
        to in cluster(),
        named in subsequence(SERVICES.to_vec(), 0..=2),
    ) {
        let mut sources = Sources::new();
        for (cluster, files) in [("from", &from), ("to", &to)] {
            for (path, text) in files {
                sources.insert_exact(format!("clusters/{cluster}/{path}"), text.as_bytes());
            }
        }
        let named: Vec<ServiceName> = named.iter().map(|name| ServiceName::new(*name).unwrap()).collect();
        let Ok(found) = promotion(&name("from"), &name("to"), &named, &sources) else {
            return Ok(());
        };
        for file in &found.files {
            let below = file.to.strip_prefix("clusters/to/").unwrap();
            prop_assert!(below == "service-config.toml" && named.is_empty() || below.starts_with("services/"), "{}", below);
        }
        let after = found.applied(&sources);
        prop_assert!(sources.same_below(&after, "clusters/from/"));
        for path in ["cluster.toml", "secrets.toml"] {
            let path = format!("clusters/to/{path}");
            prop_assert_eq!(sources.get(&path), after.get(&path));
        }
        // What is taken over is the same then, to the byte, and what is not stays.
        for service in SERVICES {
            let taken = found.services.iter().any(|name| name.as_str() == service);
            let files = [format!("services/{service}.toml"), format!("services/{service}/secrets.toml")];
            for path in files {
                let there = after.get(&format!("clusters/to/{path}"));
                let expected = match taken {
                    true => after.get(&format!("clusters/from/{path}")),
                    false => sources.get(&format!("clusters/to/{path}")),
                };
                // A directory of no service is shared.
                let shared = path.matches('/').count() == 2 && !from.contains_key(&format!("services/{service}.toml"));
                prop_assert!(shared || there == expected, "{}", path);
            }
        }
        // Twice is once.
        let again = promotion(&name("from"), &name("to"), &named, &after).unwrap();
        prop_assert_eq!(again.files, vec![]);
    }
}

fn sources(files: &[(&str, &str)]) -> Sources {
    let mut sources = Sources::new();
    for (path, text) in files {
        sources.insert(format!("clusters/{path}"), text.as_bytes());
    }
    sources
}

const TWO: [(&str, &str); 9] = [
    (
        "a/cluster.toml",
        "[hosts.h]\ndirectory = \"h\"\n[place]\napi = \"h\"\nworker = \"h\"\nmail = \"h\"\n",
    ),
    ("a/service-config.toml", "[vars]\nA = 2\n"),
    (
        "a/services/api.toml",
        "image = \"api\"\ntag = \"2\"\nfiles = { \"/ca\" = \"../shared/ca\" }\n",
    ),
    ("a/services/worker.toml", "from = \"api\"\n"),
    ("a/services/mail.toml", "image = \"mail\"\ntag = \"2\"\n"),
    ("a/services/shared/ca", "new"),
    (
        "b/cluster.toml",
        "[hosts.h]\ndirectory = \"b\"\n[place]\napi = \"h\"\nworker = \"h\"\nown = \"h\"\n",
    ),
    ("b/services/api.toml", "image = \"api\"\ntag = \"1\"\n"),
    ("b/services/own.toml", "image = \"own\"\ntag = \"1\"\n"),
];

fn found(named: &[&str]) -> Result<Promotion, PromoteError> {
    let named: Vec<ServiceName> = named
        .iter()
        .map(|name| ServiceName::new(*name).unwrap())
        .collect();
    promotion(&name("a"), &name("b"), &named, &sources(&TWO))
}

#[test]
fn a_cluster_takes_over_what_it_has_or_places() {
    let all = found(&[]).unwrap();
    let paths: Vec<&str> = all.files.iter().map(|file| file.to.as_str()).collect();
    assert_eq!(
        paths,
        [
            "clusters/b/service-config.toml",
            "clusters/b/services/api.toml",
            "clusters/b/services/shared/ca",
            "clusters/b/services/worker.toml",
        ]
    );
    assert_eq!(all.left_out.first().unwrap().as_str(), "mail");
    assert_eq!(all.own.first().unwrap().as_str(), "own");
    let one = found(&["api"]).unwrap();
    let paths: Vec<&str> = one.files.iter().map(|file| file.to.as_str()).collect();
    assert_eq!(
        paths,
        [
            "clusters/b/services/api.toml",
            "clusters/b/services/shared/ca"
        ]
    );
    assert!(one.config_stays);
}

#[test]
fn what_would_run_otherwise_than_there_is_refused() {
    for (named, error, help) in [
        (&["wroker"][..], "found `wroker`", "did you mean `worker`?"),
        (
            &["mail"],
            "b places no mail, which a runs on h",
            "`mail = \"HOST\"` below [place]",
        ),
        (
            &["worker"],
            "worker is made from api, whose file in b differs",
            "`bayplan promote a b worker api`",
        ),
    ] {
        let refused = found(named).unwrap_err();
        assert!(refused.to_string().contains(error), "{refused}");
        assert!(
            refused.help().unwrap().contains(help),
            "{:?}",
            refused.help()
        );
    }
}
