use super::LINTS;
use crate::cluster::diagnostic::Level;
use crate::cluster::{Findings, Sources, check};

const PAGE: &str = include_str!("../../docs/description.md");

/// `web` with these lines, beside `safe`, of which no lint warns.
fn checked(top: &str, web: &str) -> Findings {
    let mut sources = Sources::new();
    let lint = match top.contains("[lint]") {
        true => "",
        false => "[lint]",
    };
    sources.insert(
        "clusters/test/cluster.toml",
        format!(
            "{top}\n{lint}\n[hosts.h1]\naddress = \"10.0.0.1\"\n[place]\nweb = \"h1\"\nsafe = \"h1\"\n"
        ),
    );
    let file = |lines: &str| format!("image = \"example/web\"\ntag = \"1.0\"\n{lines}\n");
    sources.insert(
        "clusters/test/services/safe.toml",
        file("memory = \"64m\"\nhardened = true"),
    );
    sources.insert("clusters/test/services/web.toml", file(web));
    check("test", &sources)
}

fn lints(top: &str, web: &str) -> Vec<String> {
    let found = checked(top, web);
    assert_eq!(found.diagnostics, [], "{web}");
    found.lints.into_iter().map(|one| one.place.label).collect()
}

const FINE: &str = "memory = \"64m\"\nuser = \"1000\"\n";

#[test]
fn each_lint_is_told_where_it_is() {
    let web = |lines: &str| format!("{FINE}{lines}");
    for (name, lines) in [
        (
            "docker-socket",
            "volumes = [\"/var/run/docker.sock:/sock\"]",
        ),
        ("docker-socket", "volumes = [\"/run/:/host\"]"),
        ("host-namespace", "network = \"host\""),
        ("host-namespace", "extra_args = [\"--pid\", \"host\"]"),
        ("host-namespace", "extra_args = [\"--ipc=host\"]"),
        ("privileged", "privileged = true"),
        ("published-everywhere", "port = 80"),
        ("published-everywhere", "publish = [\"80:8080\"]"),
        ("sys-admin", "capabilities = [\"SYS_ADMIN\"]"),
        ("system-mount", "volumes = [\"/:/rootfs:ro\"]"),
        ("system-mount", "volumes = [\"/etc/:/host\"]"),
        ("unconfined", "security = { seccomp = \"unconfined\" }"),
    ] {
        assert_eq!(lints("", &web(lines)), [name], "{lines}");
    }
    assert_eq!(
        lints("", &web("volumes = [\"/etc/nginx:/x\", \"proc:/y\"]")),
        [""; 0]
    );
    assert_eq!(
        lints("", &web("extra_args = [\"--ipc\", \"private\"]")),
        [""; 0]
    );
    assert_eq!(
        lints("", &web("publish = [\"127.0.0.1:80:8080\"]")),
        [""; 0]
    );
    assert_eq!(lints("listen = \"address\"", &web("port = 80")), [""; 0]);
    assert_eq!(lints("", "user = \"1000\""), ["no-memory-limit"]);
    assert_eq!(lints("", "memory = \"64m\""), ["root-user"]);
    assert_eq!(lints("", "memory = \"64m\"\nread_only = true"), [""; 0]);
}

#[test]
fn a_tag_may_move_where_nobody_depends_on_it() {
    let found = |kind: &str| {
        let mut sources = Sources::new();
        let top = "[hosts.h1]\naddress = \"10.0.0.1\"\n[place]\nweb = \"h1\"\n";
        sources.insert(
            "clusters/test/cluster.toml",
            format!("{kind}\n[lint]\n{top}"),
        );
        let web = format!("image = \"example/web\"\ntag = \"latest\"\n{FINE}");
        sources.insert("clusters/test/services/web.toml", web);
        check("test", &sources).lints.len()
    };
    assert_eq!(found(""), 0);
    assert_eq!(found("type = \"staging\""), 0);
    assert_eq!(found("type = \"Production\""), 1);
}

#[test]
fn what_is_allowed_is_not_told_and_what_is_denied_is_an_error() {
    let web = "privileged = true\nmemory = \"64m\"\nuser = \"1\"";
    let lint = |lines: &str| format!("[lint]\n{lines}\n");
    for allow in ["privileged", "privileged:web"] {
        assert_eq!(
            lints(&lint(&format!("allow = [\"{allow}\"]")), web),
            [""; 0]
        );
    }
    assert_eq!(
        lints(&lint("allow = [\"privileged:safe\"]"), web),
        ["privileged"]
    );
    let denied = checked(&lint("deny = [\"privileged\"]"), web);
    assert!(denied.cluster.is_none());
    assert_eq!(
        (denied.diagnostics.len(), denied.diagnostics[0].level),
        (1, Level::Error)
    );
    let help = denied.diagnostics[0].help.as_deref().unwrap_or_default();
    assert!(help.contains("`allow = [\"privileged:web\"]`"), "{help}");
    let both = lint("deny = [\"privileged\"]\nallow = [\"privileged:web\"]");
    assert_eq!(lints(&both, web), [""; 0]);
    for (line, help) in [
        ("deny = [\"priviliged\"]", "did you mean `privileged`?"),
        (
            "allow = [\"docker_socket\"]",
            "did you mean `docker-socket`?",
        ),
        ("allow = [\"privileged:wep\"]", "did you mean `web`?"),
        (
            "deny = [\"privileged:web\"]",
            "write `privileged`: only `allow` takes",
        ),
        ("deny = [\"beauty\"]", "known: "),
        (
            "ignore = [\"privileged\"]",
            "write `allow = [\"privileged\"]`",
        ),
    ] {
        let said = checked(&lint(line), FINE).diagnostics;
        let told = said[0].help.as_deref().unwrap_or_default();
        assert!(told.contains(help), "{line}: {told}");
    }
}

#[test]
fn a_cluster_without_the_table_is_not_linted() {
    let mut sources = Sources::new();
    let top = "[hosts.h1]\naddress = \"10.0.0.1\"\n[place]\nweb = \"h1\"\n";
    sources.insert("clusters/test/cluster.toml", top);
    let web = "image = \"example/web\"\ntag = \"1\"\nprivileged = true\n";
    sources.insert("clusters/test/services/web.toml", web);
    assert_eq!(check("test", &sources).lints, []);
}

#[test]
fn many_services_are_one_warning() {
    let mut sources = Sources::new();
    let names: Vec<String> = (0..7).map(|number| format!("s{number}")).collect();
    let place: String = names
        .iter()
        .map(|name| format!("{name} = \"h1\"\n"))
        .collect();
    let top = format!("[lint]\n[hosts.h1]\naddress = \"10.0.0.1\"\n[place]\n{place}");
    sources.insert("clusters/test/cluster.toml", top);
    for name in &names {
        let file = "image = \"example/web\"\ntag = \"1.0\"\nhardened = true\n";
        sources.insert(format!("clusters/test/services/{name}.toml"), file);
    }
    let lints = check("test", &sources).lints;
    assert_eq!(lints.len(), 1);
    assert_eq!(
        lints[0].title,
        "each of `s0`, `s1`, `s2`, `s3`, `s4` and 2 more has no limit of memory"
    );
}

#[test]
fn the_page_has_a_line_for_each_lint() {
    for lint in &LINTS {
        let line = format!("| `{}` |", lint.name);
        assert!(PAGE.contains(&line), "docs/description.md has no {line}");
    }
    assert!(LINTS.is_sorted_by_key(|lint| lint.name));
}
