//! A service with two slots on each of its hosts (`[swap]`, `replace`): the units of its slots, the link that says which one
//! serves, and what a release does about both.
//!
//! ```text
//! production-web@a.service     the units: the same text; systemd puts the slot's letter in
//! production-web@b.service
//! /var/lib/bayplan/<cluster>/swap/web        a link to the file of the proxy, in its container, that says who serves
//! /var/lib/bayplan/<cluster>/swap/proxy      a link to nothing, `proxy.a.self`: which instance of the proxy serves
//! /run/bayplan/slots/production-web.a        where the slot is reached, for its unit: BAYPLAN_SLOT=172.17.0.1:19000
//! /run/bayplan/loaded/<unit of the proxy>    … swap:web=<where the link led when the proxy read it>
//! bayplan-keep-production-web.a.timer        stops a slot that has handed over, and is disabled by then (`keep`)
//! ```

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::identity::{Instance, Slot, UnitName};
use super::wait;
use crate::cluster::model::{Cluster, Engine, Probe, ReloadBy, Replacement, Service, SwapFile};
use crate::cluster::name::{ClusterName, ServiceName};

/// Where the links are in the container of a proxy.
pub const IN_PROXY: &str = "/bayplan/swap";

/// What a proxy finds the slots by: the address to which docker's own bridge publishes, or that of podman.
const SLOTS_HOST: &str = "bayplan-slots";

/// How the timers begin that stop slots which have handed over; the name of the container follows.
pub const KEEPER: &str = "bayplan-keep-";

/// The timer that stops the unit of a slot which has handed over, and the service by which it does.
#[must_use]
pub fn keepers(unit: &UnitName) -> [String; 2] {
    ["timer", "service"].map(|kind| format!("{KEEPER}{}.{kind}", unit.container()))
}

/// Where all links of a cluster are on a host.
#[must_use]
pub fn links(cluster: &ClusterName) -> String {
    format!("/var/lib/bayplan/{cluster}/swap")
}

/// How a release swaps a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slots {
    /// The service that takes its requests.
    pub proxy: ServiceName,
    /// How that is told to read its files again.
    pub reload: ReloadBy,
    /// What it answers on, on this host.
    pub port: u16,
    /// What it is asked for there.
    pub path: String,
    /// The `Host:` of that request, if it needs one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The ports of the slots.
    pub slots: [u16; 2],
    /// How many seconds the connections of a slot that goes are waited for.
    pub drain: u64,
    /// How many seconds it runs on after it has handed over, as the way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<NonZeroU64>,
    /// Where the link leads if a slot serves.
    pub files: [String; 2],
}

impl Slots {
    /// Of a service that has slots.
    pub(super) fn of(cluster: &Cluster, service: &Service) -> Option<Self> {
        let swap = service.swap.as_ref()?;
        let proxy = cluster.services.get(&swap.proxy)?;
        let Probe::Http(probe) = &service.health.as_ref()?.probe else {
            return None;
        };
        Some(Self {
            proxy: swap.proxy.clone(),
            reload: proxy.files.live.as_ref()?.reload.clone(),
            port: swap.port,
            path: probe.path.clone(),
            host: probe.host.clone(),
            slots: swap.slots,
            drain: wait::seconds(swap.drain),
            keep: NonZeroU64::new(wait::seconds(swap.keep)),
            files: swap.files.clone(),
        })
    }

    /// The port of a slot.
    #[must_use]
    pub fn port_of(&self, slot: Slot) -> u16 {
        let [a, b] = self.slots;
        if slot == Slot::A { a } else { b }
    }

    /// Where the link leads if a slot serves.
    #[must_use]
    pub fn file_of(&self, slot: Slot) -> &str {
        let [a, b] = &self.files;
        if slot == Slot::A { a } else { b }
    }
}

/// The ports of a service that its next instance opens beside it, as far as they are described: its own, and what it answers on
/// for services with slots.
pub(super) fn shared(cluster: &Cluster, service: &Service) -> Option<BTreeSet<u16>> {
    if service.replace != Replacement::Reuseport {
        return None;
    }
    let swaps = cluster.services.values().filter_map(|it| it.swap.as_ref());
    let answers = swaps.filter(|swap| swap.proxy == service.name);
    let answers = answers.map(|swap| swap.port);
    Some(answers.chain(service.port).collect())
}

/// Where the link of a service leads of which one instance replaces the other: to nothing, its name alone counts.
#[must_use]
pub fn own_target(service: &ServiceName, slot: Slot) -> String {
    format!("{service}.{slot}.self")
}

/// The slot that serves if the link of a service leads there: the file is called `web.a.cfg`.
#[must_use]
pub fn slot_of(service: &ServiceName, target: &str) -> Option<Slot> {
    let name = target.rsplit('/').next()?;
    let (slot, _) = name
        .strip_prefix(service.as_str())?
        .strip_prefix('.')?
        .split_once('.')?;
    Slot::new(slot).filter(|slot| Slot::BOTH.contains(slot))
}

/// The instance that a unit is rendered for: one of which no slot is known, or the only one.
pub(super) fn rendered(service: &Service) -> Instance {
    Instance {
        service: service.name.clone(),
        slot: service.has_slots().then_some(Slot::UNKNOWN),
    }
}

/// The text of the unit of either slot: systemd puts in which one it is.
pub(super) fn of_either(text: &str, service: &Service, unit: &UnitName) -> String {
    // A doubled percent is one of somebody else's.
    let parts = text.split("%%").map(|part| part.replace("%N", "%p.%i"));
    let text = parts
        .collect::<Vec<_>>()
        .join("%%")
        .replace(&unit.container(), "%p.%i")
        .replace(unit.as_str(), "%p@%i");
    if service.swap.is_none() {
        return text;
    }
    let mut lines = String::new();
    let mut is_in = false;
    for line in text.lines() {
        lines += line;
        lines.push('\n');
        if line.starts_with("EnvironmentFile=") && !is_in {
            is_in = true;
            lines += "# Where its port of the host is: it is written just before the container starts.\n";
            lines += "EnvironmentFile=-/run/bayplan/slots/%p.%i\n";
        }
    }
    lines
}

/// Options of `run`: of a slot, which is published where only the host knows, and of a proxy.
pub(super) fn arguments(cluster: &ClusterName, service: &Service, engine: Engine) -> Vec<String> {
    let mut arguments = Vec::new();
    if service.has_slots() {
        arguments.push("--label bayplan.slot=%i".to_owned());
    }
    if service.swap.is_some() {
        let port = service.port.unwrap_or_default();
        arguments.push(format!("--publish ${{BAYPLAN_SLOT}}:{port}"));
    }
    if !service.swaps.is_empty() {
        let at = match engine {
            Engine::Docker => "host-gateway",
            Engine::Podman => "127.0.0.1",
        };
        let source = links(cluster);
        arguments.push(format!("--add-host {SLOTS_HOST}:{at}"));
        arguments.push(format!(
            "--mount type=bind,source={source},target={IN_PROXY},readonly"
        ));
    }
    arguments
}

/// The lines of a script that says where a slot is published, before its container starts. docker-proxy takes connections on
/// the loopback address for a container that ended: by the address of docker's bridge they are refused at once.
pub(super) fn publish(
    service: &Service,
    container: &str,
    engine: Engine,
    client: &str,
) -> Option<Vec<String>> {
    let [a, b] = service.swap.as_ref()?.slots;
    let mut lines = vec![format!(
        "n={container}; case ${{n##*.}} in a) p={a} ;; *) p={b} ;; esac;"
    )];
    match engine {
        Engine::Podman => lines.push("at=127.0.0.1;".to_owned()),
        Engine::Docker => lines.extend([
            format!(
                "at=; for g in $({client} network inspect -f \"{{{{range .IPAM.Config}}}}{{{{.Gateway}}}} {{{{end}}}}\" bridge)"
            ),
            "$(ip -4 -o address show docker0 2>/dev/null | sed \"s/.* inet //; s/ .*//\"); do".to_owned(),
            "g=${g%/*}; case $g in *.*.*.*) at=$g; break ;; esac; done;".to_owned(),
            "[ -n \"$at\" ] || { echo \"bayplan: docker tells no address of its bridge\"; exit 1; };".to_owned(),
        ]),
    }
    lines.extend([
        "mkdir -p /run/bayplan/slots &&".to_owned(),
        "echo \"BAYPLAN_SLOT=$at:$p\" >/run/bayplan/slots/.$n &&".to_owned(),
        "mv /run/bayplan/slots/.$n /run/bayplan/slots/$n".to_owned(),
    ]);
    Some(lines)
}

/// The lines of a script that makes the links which are missing: before anything served, the first slot will.
pub(super) fn make_links(cluster: &ClusterName, service: &Service) -> Vec<String> {
    if service.swaps.is_empty() {
        return Vec::new();
    }
    let links = links(cluster);
    let mut lines = vec![format!("mkdir -p -m 0755 {links} || exit;")];
    lines.extend(service.swaps.iter().map(|SwapFile { service, files: [a, b] }| {
        let link = format!("{links}/{service}");
        // The files may be elsewhere by now.
        format!(
            "case $(readlink {link}) in {a} | {b}) ;; */{service}.b.*) ln -sfn {b} {link} ;; *) ln -sfn {a} {link} ;; esac || exit;"
        )
    }));
    lines.push(format!(
        "for l in {links}/*; do said=\"$said swap:${{l##*/}}=$(readlink \"$l\")\"; done;"
    ));
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::cluster::model::{ConfigFile, Health, HttpProbe, LiveFiles, Swap};
    use crate::render::identity::UnitFileName;
    use crate::render::inputs::inputs_of;
    use crate::render::render;
    use crate::render::tests::{cluster_of, rendered, service};

    #[test]
    fn a_link_leads_to_a_file_that_is_called_after_a_slot() {
        let web = ServiceName::new("web").unwrap();
        let found = |target: &str| slot_of(&web, target).map(|slot| slot.to_string());
        assert_eq!(found("/etc/haproxy/web.a.cfg").as_deref(), Some("a"));
        assert_eq!(found("/etc/haproxy/web.b.cfg").as_deref(), Some("b"));
        for other in [
            "",
            "web.a",
            "/etc/web.c.cfg",
            "/etc/web2.a.cfg",
            "/etc/web.a/b",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }

    #[test]
    fn systemd_puts_the_slot_in() {
        let text =
            "EnvironmentFile=/e/*.env\nExecStart=docker run --name %N -l a=%%N x-web.Z x-web@Z\n";
        let web = service("web");
        let unit = Instance {
            service: web.name.clone(),
            slot: Some(Slot::UNKNOWN),
        };
        let unit = unit.unit(&ClusterName::new("x").unwrap());
        let either = |web: &Service| of_either(text, web, &unit);
        let expected =
            "EnvironmentFile=/e/*.env\nExecStart=docker run --name %p.%i -l a=%%N %p.%i %p@%i\n";
        assert_eq!(either(&web), expected);
        let web = swapped(web);
        let expected = "EnvironmentFile=/e/*.env\n# Where its port of the host is: it is written just before the container starts.\nEnvironmentFile=-/run/bayplan/slots/%p.%i\nExecStart=docker run --name %p.%i -l a=%%N %p.%i %p@%i\n";
        assert_eq!(either(&web), expected);
    }

    fn swapped(mut web: Service) -> Service {
        web.port = Some(3000);
        web.health = Some(Health::of(
            Probe::Http(HttpProbe::of("/health")),
            Duration::from_secs(30),
        ));
        let file = |slot: &str| format!("/etc/haproxy/web.{slot}.cfg");
        web.swap = Some(Swap {
            proxy: ServiceName::new("proxy").unwrap(),
            port: 8080,
            slots: [19000, 19001],
            drain: Duration::from_secs(30),
            keep: Duration::from_secs(600),
            files: [file("a"), file("b")],
        });
        web
    }

    #[test]
    fn the_instances_of_a_proxy_have_one_text_and_share_its_ports() {
        let mut proxy = service("proxy");
        proxy.container.network = Some("host".to_owned());
        proxy.replace = Replacement::Reuseport;
        proxy.port = Some(443);
        proxy.swaps = vec![SwapFile {
            service: ServiceName::new("web").unwrap(),
            files: ["/etc/web.a.cfg", "/etc/web.b.cfg"].map(str::to_owned),
        }];
        let files: BTreeMap<String, ConfigFile> = BTreeMap::new();
        proxy.files.live = Some(LiveFiles {
            reload: ReloadBy::Signal("USR2".to_owned()),
            checks: Vec::new(),
            directories: BTreeMap::from([("/etc".to_owned(), files)]),
        });
        let web = swapped(service("web"));
        let cluster = cluster_of([proxy, web]);
        let proxy = ServiceName::new("proxy").unwrap();
        let shared = shared(&cluster, &cluster.services[&proxy]);
        assert_eq!(shared, Some([443, 8080].into()));
        let desired = render(&cluster).unwrap();
        let hosts = desired.hosts.values();
        let mut found = hosts.filter_map(|host| host.services.get(&proxy));
        let proxy = found.next().unwrap();
        let texts: Vec<&str> = proxy.units.values().map(|unit| &*unit.text).collect();
        let [a, b] = texts[..] else {
            panic!("{:?}", proxy.units.keys());
        };
        assert_eq!(a, b);
        for line in [
            "--name %p.%i",
            "--label bayplan.slot=%i",
            "mv /run/bayplan/loaded/.%p@%i /run/bayplan/loaded/%p@%i",
        ] {
            assert!(a.contains(line), "{line} is not in {a}");
        }
        for other in ["BAYPLAN_SLOT", "%N", "proxy.Z", "proxy@Z"] {
            assert!(!a.contains(other), "{other} is in {a}");
        }
    }

    #[test]
    fn both_slots_have_one_text_and_one_fingerprint() {
        let web = rendered(swapped(service("web")));
        let files: Vec<&str> = web.units.keys().map(UnitFileName::as_str).collect();
        assert_eq!(
            files,
            ["production-web@a.service", "production-web@b.service"]
        );
        let [a, b] = [0, 1].map(|slot| web.units.values().nth(slot).unwrap());
        assert_eq!(a.text, b.text);
        for line in [
            "EnvironmentFile=-/run/bayplan/slots/%p.%i",
            "ExecStartPre=-/usr/bin/docker rm -f %p.%i",
            "--name %p.%i",
            "--label bayplan.slot=%i",
            "--publish ${BAYPLAN_SLOT}:3000",
            "n=%p.%i; case $${n##*.} in a) p=19000 ;; *) p=19001 ;; esac;",
        ] {
            assert!(a.text.contains(line), "{line} is not in {}", a.text);
        }
        assert!(!a.text.contains("%N") && !a.text.contains("production-web.Z"));
        // Another drain or proxy is no input.
        let inputs = inputs_of(&a.text, &BTreeMap::<String, String>::new());
        assert_eq!(inputs.directives, web.inputs.directives);
    }
}
