//! Options of `run` for the fields of a container that no other field depends on.

use super::unit::quote_word;
use crate::cluster::model::{Container, Dns, Engine, Logging, Security};

/// The options, each with its value and quoted. The order is fixed: of a flag that may come several times it
/// can mean something.
pub(super) fn options(container: &Container, engine: Engine) -> Vec<String> {
    let mut options = Vec::new();
    let mut option = |name: &str, value: &str| {
        options.push(format!("{name} {}", quote_word(value)));
    };
    for (name, value) in [
        ("--hostname", &container.hostname),
        ("--workdir", &container.workdir),
        ("--stop-signal", &container.stop_signal),
        ("--platform", &container.platform),
        ("--shm-size", &container.shm_size),
        ("--memory-reservation", &container.memory_reservation),
        ("--pids-limit", &container.pids),
        ("--cpuset-cpus", &container.cpuset),
    ] {
        if let Some(value) = value {
            option(name, value);
        }
    }
    if let Some(gpus) = &container.gpus {
        match engine {
            // Its value is one of CSV.
            Engine::Docker if gpus.contains(',') => option("--gpus", &format!("\"{gpus}\"")),
            Engine::Docker => option("--gpus", gpus),
            // podman before 5 takes `--gpus` and does nothing.
            Engine::Podman => {
                for device in gpu_devices(gpus) {
                    option("--device", &device);
                }
            }
        }
    }
    for group in &container.groups {
        option("--group-add", group);
    }
    for mount in &container.tmpfs {
        option("--tmpfs", mount);
    }
    for (name, value) in &container.sysctls {
        option("--sysctl", &format!("{name}={value}"));
    }
    for value in security(&container.security) {
        option("--security-opt", &value);
    }
    let Dns {
        servers,
        search,
        options: resolver,
    } = &container.dns;
    for (name, values) in [
        ("--dns", servers),
        ("--dns-search", search),
        ("--dns-option", resolver),
    ] {
        for value in values {
            option(name, value);
        }
    }
    for (name, addresses) in &container.hosts {
        for address in addresses {
            option("--add-host", &format!("{name}:{address}"));
        }
    }
    let Logging {
        driver,
        options: log,
    } = &container.log;
    if let Some(driver) = driver {
        option("--log-driver", driver);
    }
    for (name, value) in log {
        option("--log-opt", &format!("{name}={value}"));
    }
    for (name, on) in [
        ("--init", container.init),
        ("--tty", container.tty),
        ("--privileged", container.privileged),
        ("--no-healthcheck", container.no_healthcheck),
    ] {
        if on {
            options.push(name.to_owned());
        }
    }
    options
}

fn security(security: &Security) -> Vec<String> {
    let Security {
        no_new_privileges,
        seccomp,
        apparmor,
        label,
    } = security;
    let no_new_privileges = no_new_privileges.map(|on| match on {
        true => "no-new-privileges".to_owned(),
        false => "no-new-privileges=false".to_owned(),
    });
    let named =
        |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}={value}"));
    let label = label.iter().map(|label| format!("label={label}"));
    no_new_privileges
        .into_iter()
        .chain(named("seccomp", seccomp))
        .chain(named("apparmor", apparmor))
        .chain(label)
        .collect()
}

/// GPUs by the names that the container device interface has for them.
fn gpu_devices(gpus: &str) -> Vec<String> {
    let device = |name: &str| format!("nvidia.com/gpu={name}");
    match (gpus.strip_prefix("device="), gpus.parse::<u16>()) {
        (Some(names), _) => names.split(',').map(device).collect(),
        (None, Ok(count)) => (0..count)
            .map(|number| device(&number.to_string()))
            .collect(),
        (None, Err(_)) => vec![device(gpus)],
    }
}
