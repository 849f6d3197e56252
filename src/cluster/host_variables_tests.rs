//! Variables that differ by host: `[hosts.NAME.vars]`, and the host itself.

use std::collections::BTreeMap;

use super::model::{Layer, Service, VariableValue};
use super::name::{HostName, ServiceName};
use super::{EXCERPT_WIDTH, Findings, Paint, Sources, check, excerpt, provenance};
use crate::render::render;
use crate::report::palette::Palette;
use crate::report::view::WhyView;
use crate::report::why;

const HOSTS: &str = "\
[hosts.h1]
address = \"10.0.0.1\"
[hosts.h2]
address = \"h2.example.com\"
[hosts.h2.vars]
DISK = \"sdb\"
";
const PLACE: &str = "[place]\nweb = \"*\"\napi = \"*\"\n";
const IMAGE: &str = "image = \"example/web\"\ntag = \"1.0\"\n";

fn sources(vars: &str, web: &str) -> Sources {
    let mut sources = Sources::new();
    sources.insert(
        "clusters/test/cluster.toml",
        format!("{HOSTS}{PLACE}{vars}"),
    );
    sources.insert("clusters/test/services/web.toml", format!("{IMAGE}{web}"));
    sources.insert(
        "clusters/test/services/api.toml",
        format!("{IMAGE}vars = [\"DISKS\"]\n"),
    );
    sources
}

const VARS: &str =
    "[vars]\nDISK = \"sda\"\nDISKS = \"all\"\nURL = \"http://{{ CLUSTER_HOST }}/{{ DISK }}\"\n";

fn told(found: &Findings, sources: &Sources) -> String {
    let shown = found.diagnostics.iter();
    let shown = shown.map(|one| excerpt(one, sources, Paint::Plain, EXCERPT_WIDTH));
    shown.collect::<Vec<_>>().join("\n\n")
}

fn service(sources: &Sources, name: &str) -> Service {
    let found = check("test", sources);
    assert_eq!(told(&found, sources), "");
    found.cluster.unwrap().services[&ServiceName::new(name).unwrap()].clone()
}

fn variables(service: &Service, host: &str) -> BTreeMap<String, (Layer, String)> {
    let there = service.on(&HostName::new(host).unwrap()).into_owned();
    let variables = there.variables.into_iter();
    variables
        .map(|(name, variable)| {
            let value = match variable.value {
                VariableValue::Plain(value) => value,
                VariableValue::Secret(_) => "secret".to_owned(),
            };
            (name.to_string(), (variable.layer, value))
        })
        .collect()
}

#[test]
fn a_service_gets_what_its_host_has() {
    let web = "vars = [\"CLUSTER_HOST\", \"DISK*\", \"URL\"]\n[env]\nMINE = \"{{ CLUSTER_HOST }} {{ DISK }}\"\n";
    let sources = sources(VARS, web);
    let web = service(&sources, "web");
    let value = |host: &str, name: &str| {
        let (layer, value) = variables(&web, host)[name].clone();
        (layer, value)
    };
    let of = |layer, text: &str| (layer, text.to_owned());
    assert_eq!(value("h1", "DISK"), of(Layer::Cluster, "sda"));
    assert_eq!(value("h2", "DISK"), of(Layer::Host, "sdb"));
    assert_eq!(value("h1", "URL"), of(Layer::Cluster, "http://h1/sda"));
    assert_eq!(value("h2", "URL"), of(Layer::Cluster, "http://h2/sdb"));
    assert_eq!(value("h2", "CLUSTER_HOST"), of(Layer::Host, "h2"));
    assert_eq!(value("h1", "MINE"), of(Layer::Service, "h1 sda"));
    assert_eq!(value("h2", "MINE"), of(Layer::Service, "h2 sdb"));
}

/// One that reads nothing of its host is the same on all, with the fingerprint that it has without any such variable.
#[test]
fn who_reads_nothing_of_its_host_is_the_same_everywhere() {
    let with = sources(VARS, "vars = [\"CLUSTER_HOST\"]\n");
    let api = service(&with, "api");
    assert!(api.elsewhere.is_empty());
    let mut without = sources(&VARS.replace("{{ CLUSTER_HOST }}/", ""), "");
    let text = format!(
        "{}{PLACE}[vars]\nDISKS = \"all\"\n",
        HOSTS.split("[hosts.h2.vars]").next().unwrap()
    );
    without.insert("clusters/test/cluster.toml", text);
    let fingerprint = |sources: &Sources| {
        let desired = render(&check("test", sources).cluster.unwrap()).unwrap();
        let hosts = desired.hosts.values();
        let api = ServiceName::new("api").unwrap();
        hosts
            .map(|host| host.services[&api].fingerprint.clone())
            .collect::<Vec<_>>()
    };
    let found = fingerprint(&with);
    assert_eq!(found, fingerprint(&without));
    assert_eq!(found[0], found[1]);
}

/// Patterns were there before: what is new must not change what they select.
#[test]
fn no_pattern_takes_the_host_itself() {
    let web = service(
        &sources(
            VARS,
            "vars = [\"CLUSTER_*\", \"*\"]\n[env]\nA = \"{{ CLUSTER_HOST }}\"\n",
        ),
        "web",
    );
    let names: Vec<String> = variables(&web, "h2").into_keys().collect();
    assert_eq!(
        names,
        ["A", "CLUSTER_ID", "DISK", "DISKS", "H1_IP", "IMAGE", "URL"]
    );
}

#[test]
fn what_had_such_a_name_before_keeps_it() {
    let vars = "[vars]\nDISKS = 1\nCLUSTER_HOST = \"mine\"\n";
    let web = service(&sources(vars, "vars = [\"CLUSTER_HOST\"]\n"), "web");
    for host in ["h1", "h2"] {
        let expected = (Layer::Cluster, "mine".to_owned());
        assert_eq!(variables(&web, host)["CLUSTER_HOST"], expected);
    }
    let mut sources = sources(VARS, "needs = [\"cluster\"]\n");
    let placed = format!("{HOSTS}{PLACE}cluster = \"h1\"\n{VARS}");
    sources.insert("clusters/test/cluster.toml", placed);
    sources.insert(
        "clusters/test/services/cluster.toml",
        format!("{IMAGE}port = 80\n"),
    );
    let web = service(&sources, "web");
    let expected = (Layer::ServiceLocations, "h1".to_owned());
    assert_eq!(variables(&web, "h2")["CLUSTER_HOST"], expected);
}

#[test]
fn a_file_of_a_template_and_its_env_file_are_those_of_the_host() {
    let mut sources = sources(
        VARS,
        "vars = [\"DISK\"]\n[files]\n\"/etc/x\" = { from = \"x\", template = true }\n",
    );
    sources.insert(
        "clusters/test/services/web/x",
        "{{ CLUSTER_HOST }} {{ host.name }} {{ DISK }}\n",
    );
    let desired = render(&check("test", &sources).cluster.unwrap()).unwrap();
    let web = ServiceName::new("web").unwrap();
    let mut text = String::new();
    for (host, files) in &desired.hosts {
        for (path, bytes) in &files.services[&web].files {
            text += &format!("== {host} {path}\n{}", String::from_utf8_lossy(bytes));
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_wrong_with_them() {
    let cases = [
        (VARS, "vars = [\"CLUSTER_HOST_IP\", \"DISKZ\"]\n"),
        (
            "[vars]\nDISKS = 1\n",
            "vars = [\"DISK\"]\n[env]\nA = \"{{ DISK }}\"\n",
        ),
        (
            "[vars]\nDISKS = 1\n[hosts.h1.vars]\nCLUSTER_ID = \"a\"\nH1_IP = \"b\"\nA = [1]\nB = \"{{ NO }}\"\n",
            "",
        ),
        ("[vars]\nDISKS = 1\n[hosts.h1.env]\nA = \"a\"\n", ""),
        (VARS, "vars = [\"DISK\"]\n[env]\nDISK = \"x\"\n"),
    ];
    let mut text = String::new();
    for (number, (vars, web)) in cases.into_iter().enumerate() {
        let sources = sources(vars, web);
        text += &format!(
            "── {number}\n{}\n\n",
            told(&check("test", &sources), &sources)
        );
    }
    insta::assert_snapshot!(text);
}

#[test]
fn why_tells_which_host_has_which_value() {
    let web = "vars = [\"CLUSTER_HOST\", \"DISK\", \"DISKS\"]\n";
    let sources = sources(VARS, web);
    let cluster = check("test", &sources).cluster.unwrap();
    let name = ServiceName::new("web").unwrap();
    let service = &cluster.services[&name];
    let names = service
        .all_variables()
        .map(|(name, _)| name.as_str())
        .collect();
    let found = provenance("test", &name, &sources).unwrap().of(&names);
    let view = WhyView::of(&cluster.name, service, None, &found);
    let text = why::text(&view, &Palette::PLAIN);
    let variables: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.ends_with(".env"))
        .collect();
    let end = variables
        .iter()
        .position(|line| line.starts_with("A change"));
    insta::assert_snapshot!(variables[..end.unwrap()].join("\n"));
}
