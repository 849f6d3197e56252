//! Edits of one service.

use super::description::{
    ConfigFiles, Description, Health, Image, Images, PLAIN, Piece, Published, Reload, Service,
    Value,
};
use super::edits::{EXISTING, MOVING, TAGS, nasty, toggle, value};
use super::expected::Scope;
use super::random::Random;

pub fn of_service(
    name: &str,
    description: &mut Description,
    images: &Images<'_>,
    random: &mut Random,
) -> Option<String> {
    let names: Vec<String> = description.services.keys().cloned().collect();
    let which = random.pick(&names).clone();
    let mut service = description.services[&which].clone();
    let secrets: Vec<String> = description.secrets.keys().cloned().collect();
    let number = random.below(4);
    let words = match random.below(46) {
        0..=3 => {
            let variable = *random.pick(&["OWN", "OWN", "OWN", "BOTH"]);
            let variable = format!("{variable}_{number}");
            let value = match variable.starts_with("OWN") {
                true => value(name, description, images, Some(&service), &variable, random),
                false => Value::words(&nasty(random)),
            };
            service.env.insert(variable.clone(), value.clone());
            format!("env {variable} = {value:?}")
        }
        4 => {
            let variable = service.env.keys().next()?.clone();
            service.env.remove(&variable);
            format!("env {variable} is taken away")
        }
        5 | 6 => {
            let patterns = [
                "CFG_*",
                "CLU_*",
                "BOTH_*",
                "CFG_0",
                "CLU_1",
                "CLUSTER_*",
                "DOCKER01_IP",
            ];
            let pattern = random.pick(&patterns).to_string();
            toggle(&mut service.vars, &pattern);
            format!("vars {:?}", service.vars)
        }
        7 | 8 => {
            let other = random.pick(&names).clone();
            (other != which).then(|| toggle(&mut service.needs, &other))?;
            format!("needs {:?}", service.needs)
        }
        9 => {
            toggle(&mut service.secrets, random.pick(&secrets));
            format!("secrets {:?}", service.secrets)
        }
        10 => {
            let path = random
                .pick(&["/run/secrets/one", "/srv/keys/two"])
                .to_string();
            if service.files.remove(&path).is_none() {
                service.files.insert(path, random.pick(&secrets).clone());
            }
            format!("secret files {:?}", service.files)
        }
        11 | 12 => {
            let tag = random
                .pick(&[TAGS[0], TAGS[1], TAGS[2], MOVING])
                .to_string();
            service.image = Image::Tag(tag.clone());
            format!("tag {tag}")
        }
        13 => {
            let tag = random.pick(&TAGS).to_string();
            service.image = Image::Digest(tag.clone());
            format!("the digest of {tag}")
        }
        14 => {
            let ports: Vec<Option<u16>> = (0..4).map(|n| Some(service.ports + n)).collect();
            service.port = if random.chance(80) {
                *random.pick(&ports)
            } else {
                None
            };
            format!("port {:?}", service.port)
        }
        15 => {
            let volumes = [
                format!("{name}-data:/data"),
                format!("{name}-more:/more:ro"),
                format!("/srv/{name}/a:/srv/a"),
                format!("/srv/{name}/b:/srv/b:ro"),
            ];
            toggle(&mut service.volumes, random.pick(&volumes));
            format!("volumes {:?}", service.volumes)
        }
        16 => {
            service.command = match random.below(3) {
                0 => Vec::new(),
                // No control characters: docker's own log of a start would not tell them apart.
                _ => vec!["/entry".to_owned(), nasty(random)],
            };
            service.entrypoint = None;
            format!("command {:?}", service.command)
        }
        17 => {
            service.entrypoint = Some("/bin/busybox".to_owned());
            service.command = vec!["sh".to_owned(), "/entry".to_owned()];
            "an entrypoint".to_owned()
        }
        18 => {
            let users = [None, Some("nobody"), Some("65534:65534"), Some("0")];
            service.user = random.pick(&users).map(str::to_owned);
            format!("user {:?}", service.user)
        }
        19 => {
            service.memory = *random.pick(&[None, Some(64 << 20), Some(96 << 20)]);
            format!("memory {:?}", service.memory)
        }
        20 => {
            service.cpus = *random.pick(&[None, Some(500), Some(1000), Some(1250)]);
            format!("cpus {:?}", service.cpus)
        }
        21 => {
            // Both or none: of one alone podman raises the other, which a host of the fleet may not.
            let values = *random.pick(&[(512, 512), (512, 1024), (600, 600)]);
            if service.ulimits.is_empty() {
                for limit in ["nofile", "nproc"] {
                    service.ulimits.insert(limit.to_owned(), values);
                }
            } else {
                service.ulimits.clear();
            }
            format!("ulimits {:?}", service.ulimits)
        }
        22 => {
            let all = ["NET_ADMIN", "SYS_TIME", "-NET_RAW", "-MKNOD"].map(str::to_owned);
            toggle(&mut service.capabilities, random.pick(&all));
            format!("capabilities {:?}", service.capabilities)
        }
        23 => {
            service.read_only ^= true;
            format!("read_only {}", service.read_only)
        }
        24 => {
            let all = [
                "/dev/null:/dev/nothing",
                "/dev/zero:/dev/zeros:r",
                "/dev/full",
            ];
            toggle(&mut service.devices, &random.pick(&all).to_string());
            format!("devices {:?}", service.devices)
        }
        25 => {
            let label = *random.pick(&["team", "tier-2"]);
            if service.labels.remove(label).is_none() {
                service.labels.insert(label.to_owned(), nasty(random));
            }
            format!("labels {:?}", service.labels)
        }
        26 => {
            let own = format!("{name}-net");
            let all = [
                None,
                Some("host"),
                Some("none"),
                Some("bridge"),
                Some(own.as_str()),
            ];
            service.network = random.pick(&all).map(str::to_owned);
            format!("network {:?}", service.network)
        }
        27 => {
            service.stop_timeout = *random.pick(&[None, Some(3), Some(5), Some(20)]);
            service.stateful ^= random.chance(30);
            let (stop, stateful) = (service.stop_timeout, service.stateful);
            format!("stop_timeout {stop:?}, stateful {stateful}")
        }
        28 => {
            service.manual ^= true;
            format!("manual {}", service.manual)
        }
        35 | 36 => {
            let all: [&[&str]; 7] = [
                &[],
                &["one"],
                &["two"],
                &["one", "two"],
                &["two", "one"],
                &[EXISTING],
                &[EXISTING, "one"],
            ];
            service.networks = random.pick(&all).to_vec();
            service.network = service.network.filter(|_| service.networks.is_empty());
            format!("networks {:?}", service.networks)
        }
        37 => {
            toggle(&mut service.aliases, random.pick(&["mysql", "cache.local"]));
            format!("aliases {:?}", service.aliases)
        }
        38 | 39 => {
            service.publish = *random.pick(&[
                Published::Port,
                Published::Nothing,
                Published::Other,
                Published::Loopback,
                Published::More,
            ]);
            format!("publish {:?}", service.publish)
        }
        40 => {
            let owners = ["0:0", "1000:1001", "7"];
            let one = (
                *random.pick(&owners),
                *random.pick(&["0755", "0700", "0777"]),
            );
            service.own_volume = random.chance(75).then_some(one);
            format!("a volume of its own {:?}", service.own_volume)
        }
        41 => {
            let other = random.pick(&names).clone();
            (other != which).then(|| toggle(&mut service.after, &other))?;
            format!("after {:?}", service.after)
        }
        42 => {
            let all = [Reload::Signal, Reload::Command, Reload::CommandWithCheck];
            service.reload = *random.pick(&all);
            format!("reload {:?}", service.reload)
        }
        30..=33 | 43..=45 => config_edit(name, description, images, &mut service, random),
        29 => {
            let command = ["test", "-e", "/entry"].map(str::to_owned).to_vec();
            let all = [
                Health::None,
                Health::Http,
                Health::Tcp,
                Health::Command(command),
            ];
            service.health = random.pick(&all).clone();
            "another health".to_owned()
        }
        _ => {
            for _ in 0..3 {
                let (key, ..) = *random.pick(&PLAIN);
                if !service.plain.remove(key) {
                    service.plain.insert(key);
                }
            }
            service.own_template ^= random.chance(40);
            let (plain, own) = (&service.plain, service.own_template);
            format!("plain keys {plain:?}, own template {own}")
        }
    };
    description.services.insert(which.clone(), service);
    Some(format!("{which}: {words}"))
}

/// Another file of the repository, or one that was there otherwise.
fn config_edit(
    name: &str,
    description: &Description,
    images: &Images<'_>,
    service: &mut Service,
    random: &mut Random,
) -> String {
    let target = random.pick(&["/etc/driver", "/run/driver"]).to_string();
    if service.config.contains_key(&target) && random.chance(25) {
        service.config.remove(&target);
        return format!("no files at {target}");
    }
    let usable = usable(name, description, images, service);
    let names: Vec<String> = description.services.keys().cloned().collect();
    let config = service.config.entry(target.clone()).or_insert_with(|| {
        let directory = random.chance(60);
        let files: &[&str] = if directory {
            &["a", "sub/b.conf"]
        } else {
            &[""]
        };
        ConfigFiles {
            files: files
                .iter()
                .map(|file| ((*file).to_owned(), Vec::new()))
                .collect(),
            template: random.chance(60),
            live: directory && random.chance(70),
            ..ConfigFiles::default()
        }
    });
    match random.chance(10) {
        true => config.live ^= true,
        false => change(config, &usable, &names, random),
    }
    format!("files at {target}: {config:?}")
}

/// Another text, other permissions, or another file.
pub fn change(config: &mut ConfigFiles, usable: &[String], names: &[String], random: &mut Random) {
    match random.below(8) {
        7 => {
            let directory = !config.files.contains_key("");
            if config.files.remove("more").is_none() && directory {
                config.files.insert("more".to_owned(), Vec::new());
            }
        }
        0 => config.mode = *random.pick(&[None, Some("0400"), Some("0444"), Some("0755")]),
        1 => config.owner = *random.pick(&[None, Some("7"), Some("1000:1001")]),
        2 => config.by_host ^= true,
        3 => config.lists = random.chance(70).then(|| random.pick(names).clone()),
        4 => config.template ^= true,
        _ => {
            let files: Vec<String> = config.files.keys().cloned().collect();
            let mut pieces = vec![Piece::Words(nasty(random))];
            for _ in 0..random.below(3) {
                pieces.push(Piece::Of(random.pick(usable).clone()));
                pieces.push(Piece::Words(nasty(random)));
            }
            config.files.insert(random.pick(&files).clone(), pieces);
        }
    }
}

/// What a file of a service may use.
pub fn usable(
    name: &str,
    description: &Description,
    images: &Images<'_>,
    service: &Service,
) -> Vec<String> {
    let scope = Scope {
        name,
        description,
        images,
        host: None,
    };
    scope.usable(Some(service)).into_iter().collect()
}
