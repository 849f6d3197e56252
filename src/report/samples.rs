//! Clusters, plans, states and events for the tests of this room: one of everything, with a text
//! of the test's choice wherever text is free.

mod events;
mod fitness;
mod leftovers;
mod locals;
mod plans;
mod reviews;
mod states;
mod usage;

pub use events::events;
pub use fitness::examined;
pub use leftovers::leftovers;
pub use locals::containers_here;
pub use plans::{documented, everything, left, ordinary, saved};
pub use reviews::{reviews, sides};
pub use states::{activities, documented_status, every_state, failures, histories, in_sync};
pub use usage::usages;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cluster::model::{
    Cluster, ConfigFiles, Container, Engine, EngineClient, Guard, Host, Image, Layer, Replacement,
    RestartPolicy, Service, Ssh, Template, Transport,
};
use crate::cluster::name::{ClusterName, HostName, ServiceName, VariableName};
use crate::plan::reason::Reason;
use crate::plan::step::Step;
use crate::plan::{Action, Change, FileChange, HostPlan, Phase, Plan, ServicePlan, Wave};
use crate::render::identity::{Instance, UnitName};

/// Fails if a text holds a control character other than a line break.
#[track_caller]
pub fn assert_tame(text: &str) {
    let odd = text.chars().find(|c| *c != '\n' && super::text::steers(*c));
    assert_eq!(odd, None, "in {text:?}");
}

pub fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

pub fn service(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

pub fn production() -> ClusterName {
    ClusterName::new("production").unwrap()
}

pub fn unit(name: &str) -> UnitName {
    Instance::of(&service(name)).unit(&production())
}

/// `production`: docker01 to docker03; search, listing, calendar on some, `reports` restarts only
/// when named.
pub fn cluster() -> Cluster {
    let hosts = [
        ("docker01", "10.0.0.226"),
        ("docker02", "10.0.0.144"),
        ("docker03", "10.0.0.13"),
    ];
    let model = |name: &str, address: &str| Host {
        listen: None,
        secrets: Default::default(),
        name: host(name),
        address: Some(address.to_owned()),
        transport: Transport::Ssh(Ssh::default()),
        client: EngineClient::usual(Engine::Docker),
    };
    let services = ["search", "listing", "calendar", "reports"];
    Cluster {
        name: production(),
        hosts: hosts
            .map(|(name, address)| (host(name), model(name, address)))
            .into(),
        services: services.map(|name| (service(name), described(name))).into(),
        guard: Guard::default(),
        rollout: Default::default(),
        notify: Default::default(),
        hooks: Default::default(),
    }
}

/// The same cluster in directories.
pub fn directories() -> Cluster {
    let mut cluster = cluster();
    for (name, host) in &mut cluster.hosts {
        host.transport = Transport::Directory {
            root: PathBuf::from(format!("target/demo/{name}")),
        };
    }
    cluster
}

fn described(name: &str) -> Service {
    Service {
        name: service(name),
        hosts: vec![host("docker01")],
        image: Image {
            reference: format!("registry.example.com/{name}:1.4.2"),
            version: "1.4.2".to_owned(),
            moving: false,
        },
        port: None,
        publish: None,
        needs: Vec::new(),
        after: Vec::new(),
        variables: BTreeMap::new(),
        elsewhere: Vec::new(),
        networks: Vec::new(),
        aliases: Vec::new(),
        secret_files: BTreeMap::new(),
        files: ConfigFiles::default(),
        container: Container::default(),
        health: None,
        swap: None,
        replace: Replacement::default(),
        swaps: Vec::new(),
        stateful: false,
        max_down: None,
        batch: None,
        soak: None,
        deadline: None,
        restart: match name {
            "reports" => RestartPolicy::Manual,
            _ => RestartPolicy::Auto,
        },
        template: Template {
            origin: "built-in".to_owned(),
            source: "".into(),
        },
        run: Default::default(),
    }
}

pub fn variable(name: &str, before: Option<&str>, after: Option<&str>) -> Reason {
    Reason::Variable {
        layer: Layer::Cluster,
        name: VariableName::new(name).unwrap(),
        before: before.map(Into::into),
        after: after.map(Into::into),
    }
}

pub fn secret(name: &str, change: Change) -> Reason {
    Reason::Secret {
        name: VariableName::new(name).unwrap(),
        change,
    }
}

pub fn image(before: &str, after: &str) -> Reason {
    let reference = |tag| format!("registry.example.com/search:{tag}");
    Reason::Image {
        before: reference(before),
        after: reference(after),
    }
}

pub fn file(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    FileChange {
        path: path.to_owned(),
        before: before.map(Into::into),
        after: after.map(Into::into),
        kind: match (before, after) {
            (None, Some(_)) => Change::Added,
            (Some(_), None) => Change::Removed,
            _ => Change::Changed,
        },
    }
}

/// A changed service that restarts for these reasons.
pub fn restarts(name: &str, reasons: Vec<Reason>) -> ServicePlan {
    ServicePlan {
        service: service(name),
        unit: unit(name),
        change: Change::Changed,
        files: vec![file(
            &format!("{name}/50-{name}.env"),
            Some("IMAGE=\"r/search:1.4.2\"\nA=\"1\"\n"),
            Some("IMAGE=\"r/search:1.5.0\"\nA=\"1\"\n"),
        )],
        action: Action::Restart,
        reasons,
        notes: Vec::new(),
    }
}

pub fn acting(services: Vec<ServicePlan>) -> HostPlan {
    HostPlan {
        services,
        stay: 12,
        acts: true,
        unfinished: false,
        lost: None,
        drop_ins: BTreeMap::new(),
        networks: Vec::new(),
        held: BTreeMap::new(),
    }
}

pub fn still() -> HostPlan {
    HostPlan {
        stay: 14,
        ..HostPlan::default()
    }
}

pub fn wave(phase: Phase, hosts: &[&str]) -> Wave {
    let steps = |name: &&str| (host(name), vec![Step::Reload]);
    Wave {
        phase,
        activations: hosts.iter().map(steps).collect(),
    }
}

pub fn plan(hosts: Vec<(&str, HostPlan)>, waves: Vec<Wave>) -> Plan {
    Plan {
        cluster: production(),
        hosts: hosts
            .into_iter()
            .map(|(name, plan)| (host(name), plan))
            .collect(),
        waves,
        rollout: Default::default(),
        pause_after: None,
        refusals: Vec::new(),
        left: Vec::new(),
        dismissed: Vec::new(),
        left_out: BTreeMap::new(),
    }
}
