use std::fmt::Write as _;

use proptest::prelude::*;

use crate::cluster::model::{ConfigFile, Content, Contents, ReloadBy, Service};
use crate::cluster::name::{HostName, ServiceName};
use crate::cluster::{EXCERPT_WIDTH, Findings, Paint, Sources, check, excerpt};

const CLUSTER: &str = "\
[hosts.docker01]
address = \"10.0.0.1\"
[hosts.docker02]
address = \"db.example.com\"
[place]
web = [\"docker01\", \"docker02\"]
api = [\"docker02\", \"docker01\"]
[vars]
LEVEL = \"info\"
LIMIT = 3
FLAG = true
";

const WEB: &str = "image = \"example/web\"\ntag = \"1.0\"\n";
const BELOW: &str = "clusters/test/services/web";

/// The service `web` with these lines and files.
fn with(lines: &str, files: &[(&str, &[u8])]) -> Sources {
    let mut sources = Sources::new();
    sources.insert("clusters/test/cluster.toml", CLUSTER);
    sources.insert(format!("{BELOW}.toml"), format!("{WEB}{lines}\n"));
    sources.insert(
        "clusters/test/services/api.toml",
        "image = \"example/api\"\ntag = \"1.0\"\nport = 9000\n",
    );
    let digest = "0".repeat(64);
    let age = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBhCmIKLS0tIGMK";
    sources.insert(
        "clusters/test/secrets.toml",
        format!(
            "cluster = \"test\"\n[recipients]\nada = \"age1qqqqqqqqqqqqqqqqqqqqqqqq\"\n[readers]\nada = \"age1qqqqqqqqqqqqqqqqqqqqqqqq\"\n[keys]\nk1 = \"{age}\"\n[values]\nKEY = {{ age = \"{age}\", digest = \"k1:{digest}\" }}\n"
        ),
    );
    for (path, bytes) in files {
        sources.insert_exact(format!("{BELOW}/{path}"), *bytes);
    }
    sources
}

fn shown(checked: &Findings, sources: &Sources) -> String {
    let mut text = String::new();
    for diagnostic in &checked.diagnostics {
        // Whether anything gets the secret is not the point.
        if diagnostic.title.contains("no service gets")
            || diagnostic.title.contains("gets secrets for")
        {
            continue;
        }
        let shown = excerpt(diagnostic, sources, Paint::Plain, EXCERPT_WIDTH);
        writeln!(text, "{shown}\n").unwrap();
    }
    text
}

fn told(lines: &str, files: &[(&str, &[u8])]) -> String {
    let sources = with(lines, files);
    shown(&check("test", &sources), &sources)
}

/// The service, whose hosts may get secrets.
fn web(lines: &str, files: &[(&str, &[u8])]) -> Service {
    let mut sources = with(lines, files);
    let plain = CLUSTER.replace("address", "secrets = \"plain\"\naddress");
    sources.insert("clusters/test/cluster.toml", plain);
    let checked = check("test", &sources);
    let told = shown(&checked, &sources);
    let cluster = checked.cluster.unwrap_or_else(|| panic!("{told}"));
    cluster.services[&ServiceName::new("web").unwrap()].clone()
}

fn plain(file: &ConfigFile, host: &str) -> String {
    match file
        .contents
        .on(Some(&HostName::new(host).unwrap()))
        .unwrap()
    {
        Content::Plain(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Content::Secret(_) => panic!("it is secret"),
    }
}

/// What a template of `web` makes on its first host.
fn made(template: &str) -> String {
    let lines = "[files]\n\"/etc/x\" = { from = \"x\", template = true }\n[env]\nOWN = \"mine\"";
    let web = web(lines, &[("x", template.as_bytes())]);
    plain(&web.files.files["/etc/x"], "docker01")
}

#[test]
fn files_arrive_byte_for_byte() {
    let bytes = b"a\r\n\0\xff{{ LEVEL }}";
    let lines = "[files]\n\"/etc/a\" = \"a\"\n\"/etc/d\" = { from = \"d/\", owner = \"7\", mode = \"0400\" }";
    let web = web(
        lines,
        &[
            ("a", bytes),
            ("d/b", b"b"),
            ("d/e/c", b"c"),
            ("d/.hidden", b""),
        ],
    );
    let files = &web.files.files;
    let named: Vec<_> = files.keys().collect();
    assert_eq!(named, ["/etc/a", "/etc/d/b", "/etc/d/e/c"]);
    assert_eq!(
        files["/etc/a"].contents,
        Contents::Same(Content::Plain(bytes.as_slice().into()))
    );
    assert_eq!(
        web.files.mounts,
        ["/etc/a".to_owned(), "/etc/d".to_owned()].into()
    );
    let inner = &files["/etc/d/e/c"];
    assert_eq!(inner.source, format!("{BELOW}/d/e/c"));
    assert_eq!(
        (inner.mode.to_string(), inner.owner.user, inner.owner.group),
        ("0400".to_owned(), 7, 0)
    );
}

#[test]
fn what_is_below_a_directory_comes_with_it() {
    let lines = "[files]\n\"/etc/d\" = \"d\"\n\"/etc/d/own\" = \"own\"\n\"/etc/d/e\" = \"e/\"";
    let web = web(lines, &[("d/b", b"b"), ("own", b"o"), ("e/c", b"c")]);
    assert_eq!(web.files.mounts, ["/etc/d".to_owned()].into());
    let named: Vec<_> = web.files.files.keys().collect();
    assert_eq!(named, ["/etc/d/b", "/etc/d/e/c", "/etc/d/own"]);
}

/// It lies in a directory beside theirs, of a service or of none.
#[test]
fn services_share_a_file() {
    let lines =
        "[files]\n\"/etc/ca\" = \"../shared/tls/ca.pem\"\n\"/etc/tls\" = \"../shared/tls/\"";
    let mut sources = with(lines, &[]);
    sources.insert_exact("clusters/test/services/shared/tls/ca.pem", *b"x");
    let checked = check("test", &sources);
    let told = shown(&checked, &sources);
    let cluster = checked.cluster.unwrap_or_else(|| panic!("{told}"));
    let web = &cluster.services[&ServiceName::new("web").unwrap()];
    let found = web.files.files.iter();
    let found: Vec<(&str, &str)> = found
        .map(|(path, file)| (path.as_str(), file.source.as_str()))
        .collect();
    let shared = "clusters/test/services/shared/tls/ca.pem";
    assert_eq!(found, [("/etc/ca", shared), ("/etc/tls/ca.pem", shared)]);
}

#[test]
fn a_template_sees_variables_services_and_hosts() {
    let upstreams = "upstream api {\n{% for h in services.api.hosts %}\n  server {{ h.address }}:{{ services.api.port }};\n{% endfor %}\n}\n";
    assert_eq!(
        made(upstreams),
        "upstream api {\n  server db.example.com:9000;\n  server 10.0.0.1:9000;\n}\n"
    );
    for (template, expected) in [
        (
            "{{ LEVEL }} {{ LIMIT * 2 }} {{ FLAG }} {{ OWN }}\r\n",
            "info 6 true mine\r\n",
        ),
        (
            "{{ IMAGE }} {{ API_HOST }} {{ API_PORT }} {{ DOCKER01_IP }}",
            "example/web:1.0 db.example.com 9000 10.0.0.1",
        ),
        (
            "{% for s in services %}{{ s.name }}:{{ s.port | default('-') }} {% endfor %}",
            "api:9000 web:- ",
        ),
        (
            "{% for h in hosts %}{{ h.name }} {% endfor %}{{ hosts.docker02.address }}",
            "docker01 docker02 db.example.com",
        ),
        (
            "{{ cluster }} {{ service }} {{ services['api'].hosts | map(attribute='name') | join(',') }}",
            "test web docker02,docker01",
        ),
        (
            "{{ hosts[0].name }} {{ hosts | length }} {{ services.web.hosts.docker02.name }}",
            "docker01 2 docker02",
        ),
        (
            "{# gone #}{% if X is defined %}{{ X }}{% endif %}{% raw %}{{ X }}{% endraw %}\n\n",
            "{{ X }}\n",
        ),
    ] {
        assert_eq!(made(template), expected, "{template}");
    }
}

#[test]
fn a_template_that_speaks_of_its_host_differs_by_host() {
    let lines = "[files]\n\"/etc/x\" = { from = \"x\", template = true }";
    let web = web(lines, &[("x", b"{{ host.name }} {{ host.address }}")]);
    assert!(web.files.differ_by_host());
    let file = &web.files.files["/etc/x"];
    assert_eq!(plain(file, "docker01"), "docker01 10.0.0.1");
    assert_eq!(plain(file, "docker02"), "docker02 db.example.com");
}

#[test]
fn one_with_a_secret_is_a_secret_known_by_what_it_is_made_of() {
    let secret = |template: &str, vars: &str| {
        let lines =
            format!("[files]\n\"/etc/x\" = {{ from = \"x\", template = true }}\n[env]\n{vars}");
        let web = web(&lines, &[("x", template.as_bytes())]);
        match web.files.files["/etc/x"].contents.each().next().unwrap() {
            Content::Secret(secret) => {
                assert!(secret.names().iter().any(|name| name.as_str() == "KEY"));
                secret.identity().clone()
            }
            Content::Plain(_) => panic!("{template} is secret"),
        }
    };
    let one = secret("key={{ KEY }}\n", "");
    // However it is written.
    for template in [
        "{% set a = 'key=' %}{{ a }}{{ KEY }}\n",
        "{# none #}{% if FLAG %}{{ 'key=' ~ KEY }}\n{% endif %}",
        "{{ WORD ~ KEY }}\n",
    ] {
        assert_eq!(secret(template, "WORD = \"key=\""), one, "{template}");
    }
    assert_ne!(secret("key={{ KEY }}", ""), one);
    assert_ne!(
        secret("key={{ OTHER }}\n", "OTHER = \"{{ KEY|upper }}\""),
        one
    );
    // In a branch that is not taken it is none.
    assert_eq!(made("{% if not FLAG %}{{ KEY }}{% endif %}a"), "a");
}

#[test]
fn entries() {
    let mut text = String::new();
    for lines in [
        "[files]\n\"etc/x\" = \"x\"\n\"/etc/../x\" = \"x\"\n\"/etc/x/\" = \"x\"\n\"/etc/a b\" = \"x\"\n\"/proc/x\" = \"x\"\n\"/\" = \"x\"",
        "[files]\n\"/a\" = \"/etc/passwd\"\n\"/b\" = \"../../api/x\"\n\"/f\" = \"../x\"\n\"/g\" = \"../api/../x\"\n\"/h\" = \"../shared/gone\"\n\"/c\" = \"./x\"\n\"/d\" = \"\"\n\"/e\" = 1",
        "[files]\n\"/a\" = { template = true }\n\"/b\" = { source = \"x\" }\n\"/c\" = { from = \"x\", content = \"y\" }\n\"/d\" = { from = \"x\", target = \"/y\" }",
        "[files]\n\"/a\" = { from = \"x\", owner = \"root\" }\n\"/b\" = { from = \"x\", mode = 0o400 }\n\"/c\" = { from = \"x\", mode = \"4755\" }\n\"/d\" = { from = \"x\", uid = 7, chmod = \"0400\" }",
        "[files]\n\"/a\" = \"y\"\n\"/b\" = \"nginx.cnf\"\n\"/c\" = \"x/\"\n\"/d\" = \"empty\"",
        "volumes = [\"/srv:/a\", \"data:/d/data\"]\nsecrets = [{ name = \"KEY\", as = \"file\", path = \"/b\" }]\n[files]\n\"/a\" = \"x\"\n\"/b\" = \"x\"\n\"/d\" = \"d\"",
        "[files]\n\"/d\" = \"d\"\n\"/d/b\" = \"x\"\n\"/e\" = \"x\"\n\"/e/f\" = \"x\"",
        "configs = [\"x\"]",
    ] {
        let files: [(&str, &[u8]); 4] = [
            ("x", b"x"),
            ("nginx.conf", b"n"),
            ("d/b", b"b"),
            ("empty/.keep", b""),
        ];
        writeln!(text, "── {lines}\n{}", told(lines, &files)).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn templates() {
    let mut text = String::new();
    let long = "x".repeat(70_000);
    for template in [
        "a\n{{ LEVLE }}\n".as_bytes(),
        b"{{ ZETA }}\n{% if GONE %}{% endif %}{{ API_TOKEN|upper }}\n{{ B.x }}{% if false %}{{ NOT }}{% endif %}{{ services.apo.port }}",
        b"a\n  {{ services.mongodb-proxy.port }}\n",
        b"a\n  {{ services.apo.port }}\n",
        b"{{ host.adress }}",
        b"{% for h in hosts %}\n{{ h.name }",
        b"{% include 'x' %}",
        b"{{ LEVEL * 2 }}",
        b"a\n{{ KEY | upper }}\n",
        b"{% if KEY %}a{% endif %}",
        b"{% set k %}{{ KEY }}{% endset %}{{ k | length }}",
        b"{% for a in range(1000) %}{% for b in range(1000) %}{{ b }}{% endfor %}{% endfor %}",
        b"a\xffb",
        b"a\0b",
        long.as_bytes(),
    ] {
        let lines = "[files]\n\"/etc/x\" = { from = \"x\", template = true }";
        let start = String::from_utf8_lossy(&template[..template.len().min(60)]).into_owned();
        writeln!(text, "── {start:?}\n{}", told(lines, &[("x", template)])).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_too_large_is_refused_with_the_limit() {
    let large = vec![0; 4 << 20];
    let lines = "[files]\n\"/a\" = \"a\"";
    assert_eq!(told(lines, &[("a", &large)]), "");
    let larger = vec![0; (4 << 20) + 1];
    let text = told(lines, &[("a", &larger)]);
    assert!(
        text.contains("expected a file of at most 4 MiB, found 4194305 bytes"),
        "{text}"
    );
    let lines = "[files]\n\"/d\" = \"d\"";
    let many: Vec<(&str, &[u8])> = ["d/1", "d/2", "d/3", "d/4", "d/5"]
        .map(|path| (path, &large[..]))
        .to_vec();
    let text = told(lines, &many);
    assert!(
        text.contains("expected at most 16 MiB in the files of `web`"),
        "{text}"
    );
}

proptest! {
    #[test]
    fn any_template_is_made_or_refused(
        source in "(\\{\\{|\\}\\}|\\{%|%\\}|KEY|LEVEL|LIMIT|host|services|hosts|[a~+*().,' \n\u{1}\u{2}:0-]|set a = |for a in |endfor|if |endif|endset|raw|endraw|\\|join|\\|list){0,40}",
    ) {
        told("[files]\n\"/etc/x\" = { from = \"x\", template = true }", &[("x", source.as_bytes())]);
    }
}

const CONF: &[(&str, &[u8])] = &[
    ("conf/a.conf", b"level={{ LEVEL }}\n"),
    ("conf/more/b.conf", b"b\n"),
    ("one.conf", b"c\n"),
];

#[test]
fn a_directory_that_is_reloaded_is_apart() {
    let lines = "[files]\n\"/etc/one.conf\" = \"one.conf\"\n\
        \"/etc/app\" = { from = \"conf/\", template = true, mode = \"0640\", reload = { signal = \"HUP\" }, check = [\"app\", \"-t\"] }";
    let web = web(lines, CONF);
    assert_eq!(web.files.mounts, ["/etc/one.conf".to_owned()].into());
    assert_eq!(
        web.files.files.keys().collect::<Vec<_>>(),
        ["/etc/one.conf"]
    );
    let live = web.files.live.unwrap();
    assert_eq!(live.reload, ReloadBy::Signal("HUP".to_owned()));
    assert_eq!(live.checks, [["app", "-t"]]);
    let files = &live.directories["/etc/app"];
    assert_eq!(files.keys().collect::<Vec<_>>(), ["a.conf", "more/b.conf"]);
    assert_eq!(plain(&files["a.conf"], "docker01"), "level=info\n");
}

#[test]
fn what_is_wrong_with_a_reload_is_told() {
    let reload = "reload = { signal = \"HUP\" }";
    let check = "check = [\"app\", \"-t\"]";
    for (entries, expected, help) in [
        (
            format!("\"/etc/one.conf\" = {{ from = \"one.conf\", {reload}, {check} }}"),
            "expected a directory to reload, found the file",
            "it hides what the image has in `/etc`",
        ),
        (
            format!("\"/etc/app\" = {{ from = \"conf/\", {reload} }}"),
            "expected `check` beside a signal, found none",
            "check = [\"nginx\", \"-t\"]",
        ),
        (
            format!("\"/etc/app\" = {{ from = \"conf/\", {check} }}"),
            "expected `reload` beside `check`, found none",
            "or remove `check`",
        ),
        (
            format!("\"/etc/app\" = {{ from = \"conf/\", reload = \"HUP\", {check} }}"),
            "expected a table with `signal` or `command`",
            "write `reload = { signal = \"HUP\" }`",
        ),
        (
            format!("\"/etc/app\" = {{ from = \"conf/\", reload = {{}}, {check} }}"),
            "expected one of `signal` and `command`, found neither",
            "signal = \"HUP\"",
        ),
        (
            format!(
                "\"/etc/app\" = {{ from = \"conf/\", reload = {{ signal = \"KILL\" }}, {check} }}"
            ),
            "expected a signal that a process can answer",
            "mostly `HUP`",
        ),
        (
            format!(
                "\"/etc/app\" = {{ from = \"conf/\", reload = {{ signal = \"hup\" }}, {check} }}"
            ),
            "expected a signal such as `HUP` or `USR1`",
            "write `signal = \"HUP\"`",
        ),
        (
            format!(
                "\"/etc/app\" = {{ from = \"conf/\", reload = {{ exec = [\"a\"] }}, {check} }}"
            ),
            "exec",
            "command",
        ),
        (
            format!(
                "\"/etc/app\" = {{ from = \"conf/\", {reload}, {check} }}\n\"/etc/b\" = {{ from = \"conf/\", reload = {{ command = [\"b\"] }} }}"
            ),
            "expected one way to reload `web`, found two",
            "reload all of them in one way",
        ),
        (
            format!(
                "\"/etc/app\" = {{ from = \"conf/\", {reload}, {check} }}\n\"/etc/app/c.conf\" = \"one.conf\""
            ),
            "expected all of `/etc/app` from one directory",
            "conf/`",
        ),
        (
            format!(
                "\"/etc\" = \"conf/\"\n\"/etc/app\" = {{ from = \"conf/\", {reload}, {check} }}"
            ),
            "expected all of `/etc` from one directory",
            "or choose another path",
        ),
        (
            format!("\"/etc/app\" = {{ from = \"conf/\", signal = \"HUP\", {check} }}"),
            "signal",
            "reload = { signal = \"HUP\" }",
        ),
    ] {
        let told = told(&format!("[files]\n{entries}"), CONF);
        assert!(told.contains(expected), "{entries}: {told}");
        assert!(told.contains(help), "{entries}: {told}");
    }
}

#[test]
fn a_secret_below_a_reloaded_directory_is_told() {
    let lines = "secrets = [{ name = \"KEY\", as = \"file\", path = \"/etc/app/key\" }]\n[files]\n\
        \"/etc/app\" = { from = \"conf/\", reload = { command = [\"a\"] } }";
    let told = told(lines, CONF);
    assert!(
        told.contains("expected no secret below `/etc/app`, which is reloaded"),
        "{told}"
    );
}
