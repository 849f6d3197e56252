//! Hosts that were looked at.

use std::collections::BTreeMap;

use super::host;
use crate::cluster::model::Engine;
use crate::cluster::name::HostName;
use crate::host::fitness::{Distribution, FitnessFinding, FitnessTopic, Grade, HostPackage, Mend};
use crate::release::examine::ExaminedHost;

/// docker01 is fit, docker02 lacks something of each kind.
pub fn examined(odd: &str) -> BTreeMap<HostName, ExaminedHost> {
    let debian = Distribution {
        id: "debian".to_owned(),
        name: format!("Debian GNU/Linux 12 ({odd})"),
        ..Distribution::default()
    };
    let finding = |topic, grade, mend| FitnessFinding {
        topic,
        grade,
        found: format!("{odd} was found"),
        mend,
    };
    let fit = |topic| finding(topic, Grade::Fit, Mend::default());
    let good = vec![fit(FitnessTopic::Root), fit(FitnessTopic::Systemd)];
    let mut bad = good.clone();
    bad.push(finding(
        FitnessTopic::Engine,
        Grade::Unfit,
        Mend {
            packages: vec![HostPackage::Engine(Engine::Docker)],
            commands: vec!["systemctl enable --now docker.service".to_owned()],
            by_hand: None,
        },
    ));
    bad.push(finding(
        FitnessTopic::Registry,
        Grade::Doubtful,
        Mend {
            by_hand: Some(format!("`docker login {odd}`")),
            ..Mend::default()
        },
    ));
    [
        (host("docker01"), ExaminedHost::sample(debian.clone(), good)),
        (host("docker02"), ExaminedHost::sample(debian, bad)),
    ]
    .into()
}
