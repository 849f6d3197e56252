//! What a saved plan holds fast, and what may change until it is released.

use proptest::prelude::*;

use super::*;
use crate::cluster::check;
use crate::cluster::model::Supervisor;
use crate::plan::observed::{Moment, ObservedProcess};
use crate::plan::plan;
use crate::plan::review::as_released;
use crate::render::render;

const CLUSTER: &str = "[hosts.h]\naddress = \"10.0.0.1\"\n[place]\nweb = \"h\"\napi = \"h\"\n\
                       [vars]\nTOKEN = \"s3ntinel\"\n";

fn sources(tag: &str) -> Sources {
    let mut sources = Sources::new();
    sources.insert("clusters/test/cluster.toml", CLUSTER);
    for (name, tag) in [("web", tag), ("api", "1")] {
        sources.insert(
            format!("clusters/test/services/{name}.toml"),
            format!("image = \"{name}\"\ntag = \"{tag}\"\nvars = [\"TOKEN\"]\n"),
        );
    }
    sources
}

fn desired(sources: &Sources) -> Desired {
    render(&check("test", sources).cluster.unwrap()).unwrap()
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

fn host() -> HostName {
    HostName::new("h").unwrap()
}

/// `web` restarts with another tag, `api` stays.
struct SavedCase {
    sources: Sources,
    desired: Desired,
    observed: Observed,
    saved: SavedPlan,
}

impl SavedCase {
    fn new() -> Self {
        Self::of(|_| {})
    }

    /// Where the host is like this when it is reviewed.
    fn of(change: impl FnOnce(&mut ObservedHost)) -> Self {
        let sources = sources("2");
        let before = self::desired(&self::sources("1"));
        let desired = desired(&sources);
        let mut observed = as_released(&before, &desired, |_| Supervisor::Systemd);
        change(observed.hosts.get_mut(&host()).unwrap());
        let options = Options::default();
        let basis = Basis {
            commit: Some("0123"),
            sources: &sources,
            options: &options,
            desired: &desired,
            observed: &observed,
        };
        let saved = SavedPlan::of(&plan(&desired, &observed, &options), &basis).unwrap();
        Self {
            sources,
            desired,
            observed,
            saved,
        }
    }

    /// What is told where the host became like this.
    fn moved(&self, change: impl FnOnce(&mut ObservedHost)) -> Option<String> {
        let mut observed = self.observed.clone();
        change(observed.hosts.get_mut(&host()).unwrap());
        let now = plan(&self.desired, &observed, &Options::default());
        let moved = self.saved.moved_hosts(&self.desired, &observed, &now);
        moved.into_values().next()
    }
}

fn service<'a>(host: &'a mut ObservedHost, text: &str) -> &'a mut ObservedService {
    host.services.get_mut(&name(text)).unwrap()
}

/// It ended, and systemd waits before it starts it again.
fn crash(host: &mut ObservedHost, text: &str) {
    let at = service(host, text);
    at.container = None;
    at.process = ObservedProcess::Unwell {
        state: "activating (auto-restart)".to_owned(),
    };
}

#[test]
fn what_did_not_move_is_released() {
    assert_eq!(SavedCase::new().moved(|_| {}), None);
}

#[test]
fn no_value_is_in_the_file() {
    let text = SavedCase::new().saved.to_text();
    assert!(!text.contains("s3ntinel"), "{text}");
}

#[test]
fn what_moved_is_named() {
    let it = SavedCase::new();
    let moved = |change: fn(&mut ObservedHost)| it.moved(change).unwrap();
    assert_eq!(
        moved(|host| {
            let Generation::Current { number, .. } = &mut host.generation else {
                panic!("it was released");
            };
            *number = 7;
        }),
        "its generation is 7 now, the plan was made at 1"
    );
    assert_eq!(
        moved(|host| host.generation = Generation::None),
        "its generation cannot be read now, the plan was made at 1"
    );
    let files: [fn(&mut ObservedHost); 5] = [
        |host| service(host, "web").unit.changed = Moment(9),
        |host| service(host, "web").unit.file = UnitFile::Absent,
        |host| service(host, "web").unit.enabled_by.clear(),
        |host| {
            service(host, "web")
                .drop_ins
                .insert("/etc/web.conf".to_owned());
        },
        |host| {
            for directory in service(host, "web").directories.values_mut() {
                let digest = Digest::of("edited");
                directory.files.insert("50-web.env".to_owned(), digest);
            }
        },
    ];
    for change in files {
        let said = moved(change);
        assert!(said.starts_with("the files of web were changed"), "{said}");
    }
    assert_eq!(
        moved(|host| crash(host, "api")),
        "api starts now (it is activating (auto-restart)), and that was not reviewed"
    );
}

#[test]
fn a_crash_of_what_restarts_anyway_blocks_nothing() {
    assert_eq!(SavedCase::new().moved(|host| crash(host, "web")), None);
    // Nor does it that it runs again for a moment.
    let it = SavedCase::of(|host| crash(host, "web"));
    let running = SavedCase::new().observed.hosts[&host()].services[&name("web")].clone();
    assert_eq!(it.moved(|host| *service(host, "web") = running), None);
}

#[test]
fn less_than_was_reviewed_is_fine() {
    let it = SavedCase::of(|host| crash(host, "api"));
    let changes = &it.saved.hosts[&host()].changes;
    assert_eq!(changes.len(), 2, "{changes:?}");
    let running = SavedCase::new().observed.hosts[&host()].services[&name("api")].clone();
    assert_eq!(it.moved(|host| *service(host, "api") = running), None);
}

#[test]
fn another_description_or_commit_is_not_what_was_reviewed() {
    let SavedCase { sources, saved, .. } = SavedCase::new();
    assert_eq!(saved.moved(Some("0123"), &sources), None);
    assert_eq!(
        saved.moved(None, &sources),
        Some(Moved::Commit {
            expected: Some("0123".to_owned()),
            found: None
        })
    );
    let other = self::sources("3");
    let path = "clusters/test/services/web.toml".to_owned();
    assert_eq!(
        saved.moved(Some("0123"), &other),
        Some(Moved::Files(vec![path]))
    );
    // What another bayplan renders otherwise is told as such.
    let it = SavedCase {
        desired: desired(&other),
        ..SavedCase::new()
    };
    let said = it.moved(|_| {}).unwrap();
    assert_eq!(said, "web would get other files than were reviewed");
    let mut older = it;
    older.saved.bayplan = "0.0.9".to_owned();
    let said = older.moved(|_| {}).unwrap();
    assert!(said.contains("than 0.0.9, which made the plan"), "{said}");
}

#[test]
fn a_plan_that_did_not_see_every_host_is_not_saved() {
    let it = SavedCase::new();
    let observed = Observed::default();
    let options = Options::default();
    let basis = Basis {
        commit: None,
        sources: &it.sources,
        options: &options,
        desired: &it.desired,
        observed: &observed,
    };
    let partial = plan(&it.desired, &observed, &options);
    assert_eq!(SavedPlan::of(&partial, &basis), None);
}

#[test]
fn files_that_are_no_plan_say_why() {
    let parse = |text: &str| SavedPlan::parse(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        parse("{\"format\": 2, \"future\": true}"),
        "its format is 2, this bayplan reads up to 1"
    );
    assert_eq!(
        parse("{\"version\": 1, \"cluster\": \"test\"}"),
        "expected a plan that `bayplan diff -o` saved, found what `--json` prints"
    );
    for text in ["", "{}", "[]", "null", "{\"format\":1}", "PK\u{3}\u{4}"] {
        let said = parse(text);
        let expected = "expected a plan that `bayplan diff -o` saved, found something else: ";
        assert!(said.starts_with(expected), "{said}");
    }
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = SavedPlan::parse(&bytes);
    }

    #[test]
    fn a_damaged_plan_is_refused_or_another_plan(at in any::<prop::sample::Index>(), byte: u8) {
        let saved = SavedCase::new().saved;
        let text = saved.to_text();
        prop_assert_eq!(SavedPlan::parse(text.as_bytes()), Ok(saved.clone()));
        let at = at.index(text.len() - 2);
        prop_assert!(SavedPlan::parse(&text.as_bytes()[..at]).is_err());
        let mut damaged = text.into_bytes();
        let same = damaged[at] == byte;
        damaged[at] = byte;
        if let Ok(read) = SavedPlan::parse(&damaged) {
            // White space may differ; else it says something else.
            let blank = |b: u8| b.is_ascii_whitespace();
            prop_assert!(same || read != saved || blank(byte), "{}", at);
        }
    }
}

#[test]
fn an_error_of_a_file_that_is_no_plan_quotes_nothing_of_it() {
    for text in [
        "\"hunter2\"",
        "hunter2",
        "{\"format\": \"hunter2\"}",
        "{\"format\": 1, \"bayplan\": \"1\", \"hunter2\": 1}",
        "{\"format\": 1, \"bayplan\": \"1\", \"cluster\": \"hunter2!\"}",
        "{\"format\": 1",
    ] {
        let error = SavedPlan::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        assert!(error.contains("line 1 column "), "{error}");
    }
}
