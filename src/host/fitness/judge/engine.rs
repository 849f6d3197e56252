//! The container engine, and what it needs. Pure.

use super::{FitnessFinding, FitnessTopic, Mend, doubtful, fit, unfit};
use crate::cluster::model::Engine;
use crate::host::fitness::answer::{Examination, RegistryAnswer};
use crate::host::fitness::distribution::HostPackage;
use crate::host::fitness::engine_unit;
use crate::host::fitness::needs::NeedsOfHost;
use crate::host::reach::facts::Facts;
use crate::host::version::{OLDEST_DOCKER, OLDEST_PODMAN, Version};

pub(super) fn engine(
    facts: &Facts,
    seen: &Examination,
    needs: &NeedsOfHost,
) -> Vec<FitnessFinding> {
    const TOPIC: FitnessTopic = FitnessTopic::Engine;
    let engine = needs.client.engine;
    let name = engine.program();
    if let Some(found) = &facts.elsewhere {
        let found = crate::host::said::one_line(found);
        let mend = Mend::by_hand(format!(
            "write `program = \"{found}\"` for this host into cluster.toml"
        ));
        let expected = &needs.client.program;
        return vec![unfit(
            TOPIC,
            format!("expected {name} as {expected}, found it as {found}"),
            mend,
        )];
    }
    if seen.client.is_none() {
        let mend = Mend::install([HostPackage::Engine(engine)]);
        let mend = match engine_unit(&needs.client) {
            Some(unit) => mend.and_run(format!("systemctl enable --now {unit}")),
            None => mend,
        };
        return vec![unfit(TOPIC, format!("{name} is not installed"), mend)];
    }
    let oldest = match engine {
        Engine::Docker => OLDEST_DOCKER,
        Engine::Podman => OLDEST_PODMAN,
    };
    let Some(version) = seen.client_version() else {
        let said = seen.client.as_ref().map_or("", |words| &words.text);
        let found = format!("expected the version of {name}, found `{said}`");
        return vec![unfit(
            TOPIC,
            found,
            Mend::by_hand(format!("`{name} --version` there shows it")),
        )];
    };
    if version < oldest {
        let found = format!("{name} {version}, expected {oldest} or newer");
        let mend = Mend::by_hand(format!("upgrade {name}, or the distribution"));
        return vec![unfit(TOPIC, found, mend)];
    }
    let answers = seen.server.as_ref().is_some_and(|words| words.status == 0);
    vec![if answers {
        fit(TOPIC, format!("{name} {version}"))
    } else if facts.uid != 0 {
        doubtful(
            TOPIC,
            format!("{name} {version}; only root sees whether it works"),
            Mend::default(),
        )
    } else {
        let found = match seen
            .server
            .as_ref()
            .map(|words| (words.status, words.text.as_str()))
        {
            Some((124, _)) => format!("{name} {version} does not answer within 20 s"),
            Some((_, said)) => format!("{name} {version} does not answer: {said}"),
            None => format!("{name} {version} does not answer"),
        };
        unfit(TOPIC, found, not_answering(seen, needs))
    }]
}

fn not_answering(seen: &Examination, needs: &NeedsOfHost) -> Mend {
    match engine_unit(&needs.client) {
        Some(unit) if seen.unit.load == "masked" => Mend::run(format!("systemctl unmask {unit}"))
            .and_run(format!("systemctl enable --now {unit}")),
        Some(unit) if seen.unit.load == "not-found" => {
            // Its client is there alone.
            Mend::install([HostPackage::Engine(needs.client.engine)])
                .and_run(format!("systemctl enable --now {unit}"))
        }
        Some(unit) if seen.unit.active == "inactive" => {
            Mend::run(format!("systemctl enable --now {unit}"))
        }
        Some(unit) => Mend::by_hand(format!(
            "`systemctl status {unit}` and `journalctl -u {unit} -n 50` there tell why"
        )),
        None => Mend::by_hand(format!(
            "`{} info` as root there shows all of it",
            needs.client.engine.program()
        )),
    }
}

pub(super) fn boot(seen: &Examination, needs: &NeedsOfHost) -> Option<FitnessFinding> {
    const TOPIC: FitnessTopic = FitnessTopic::Boot;
    let unit = engine_unit(&needs.client)?;
    match seen.unit.file.as_str() {
        // Where it is not installed, or masked, that is told already.
        "" | "masked" => None,
        "enabled" | "static" | "generated" | "indirect" => {
            Some(fit(TOPIC, format!("{unit} starts at boot")))
        }
        other => Some(doubtful(
            TOPIC,
            format!("{unit} does not start at boot ({other})"),
            Mend::run(format!("systemctl enable --now {unit}")),
        )),
    }
}

pub(super) fn nft(seen: &Examination, needs: &NeedsOfHost) -> Option<FitnessFinding> {
    const TOPIC: FitnessTopic = FitnessTopic::Nft;
    let version = seen.client_version()?;
    if needs.client.engine != Engine::Podman || version < Version::new(5, 0) {
        return None;
    }
    Some(if seen.nft {
        fit(TOPIC, "nft")
    } else {
        let mend = Mend::install([HostPackage::Nft]);
        unfit(TOPIC, format!("podman {version} and no nft"), mend)
    })
}

pub(super) fn selinux(seen: &Examination, needs: &NeedsOfHost) -> Option<FitnessFinding> {
    const TOPIC: FitnessTopic = FitnessTopic::Selinux;
    if !seen.selinux || needs.client.engine != Engine::Podman {
        return None;
    }
    Some(match &needs.mounts {
        None => fit(
            TOPIC,
            "SELinux enforces, and no service mounts what it would deny",
        ),
        Some(service) => doubtful(
            TOPIC,
            format!("SELinux enforces, and {service} mounts what it may deny"),
            Mend::by_hand(format!(
                "add `:z` to the volumes of {service} (`\"/srv/data:/data:z\"`), or, for files and secrets, `security = {{ label = \"disable\" }}`"
            )),
        ),
    })
}

pub(super) fn registry(answer: &RegistryAnswer, needs: &NeedsOfHost) -> FitnessFinding {
    const TOPIC: FitnessTopic = FitnessTopic::Registry;
    let RegistryAnswer { registry, words } = answer;
    let program = needs.client.engine.program();
    let image = needs.registries.get(registry).map_or("", String::as_str);
    if words.status == 0 {
        return fit(TOPIC, format!("{registry} gives its images"));
    }
    let said = words.text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&[
        "unauthorized",
        "authentication required",
        "denied",
        "no basic auth",
        "forbidden",
    ]) {
        let found = format!("{registry} refuses {image}: {}", words.text);
        let mend = Mend::by_hand(format!("as root there: `{program} login {registry}`"));
        return unfit(TOPIC, found, mend);
    }
    if says(&[
        "no such manifest",
        "manifest unknown",
        "not found",
        "name unknown",
    ]) {
        let found = format!("{registry} answers, and has no {image}");
        let mend = Mend::by_hand("push it, or name another version: `bayplan bump`");
        return doubtful(TOPIC, found, mend);
    }
    let found = match words.status {
        124 => format!("{registry} does not answer within 30 s"),
        _ => format!("{registry} could not be asked: {}", words.text),
    };
    let mend = Mend::by_hand(format!(
        "as root there: `{program} pull {image}` shows more"
    ));
    doubtful(TOPIC, found, mend)
}
