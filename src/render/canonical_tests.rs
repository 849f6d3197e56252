//! What counts as the same container, held against a model that shares no code with the recipe: a meaning is
//! written in two ways of many, through the description and the unit, and two meanings have two fingerprints.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::cluster::{Sources, check};
use crate::render::render;

fn line(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn same(lines: &[&str]) {
    let first = command_line(&line(lines[0]));
    for other in lines {
        assert_eq!(command_line(&line(other)), first, "{other}");
        // And it is the same once more.
        assert_eq!(command_line(&first), first, "{other}");
    }
}

fn different(lines: &[&str]) {
    let forms: BTreeSet<_> = lines.iter().map(|text| command_line(&line(text))).collect();
    assert_eq!(forms.len(), lines.len(), "{forms:?}");
}

#[test]
fn ways_of_writing_an_option_are_one() {
    same(&[
        "docker run -e A -e B -m 1g x",
        "docker run --env=A --memory 1024m -eB x",
        "docker container run -e=B --memory=1073741824 --env A x",
        "docker run --memory 5m -e A -m 1048576k --env B x",
    ]);
    same(&["docker run x", "docker run --read-only=false --rm=0 x"]);
    same(&["docker run --read-only x", "docker run --read-only=true x"]);
    same(&["docker run --network a x", "docker run --net=a x"]);
    different(&["podman run x", "podman run --read-only=false x"]);
    different(&["docker run x a b", "docker run x b a", "docker run a x b"]);
    different(&["docker run x", "/usr/bin/docker run x", "podman run x"]);
    same(&["/usr/bin/docker run x", "/snap/bin/docker run x"]);
    different(&["/usr/bin/docker run x", "-/usr/bin/docker run x"]);
}

#[test]
fn ways_of_writing_a_value_are_one() {
    same(&[
        "docker run --cpus 0.5 x",
        "docker run --cpus 00.500 x",
        "docker run --cpus .5 x",
    ]);
    same(&["docker run --cpus 1 x", "docker run --cpus 1.0 x"]);
    same(&["docker run --ulimit a=1 x", "docker run --ulimit a=1:01 x"]);
    same(&[
        "docker run --device /a x",
        "docker run --device /a:/a:mwr x",
        "docker run --device /a:rwm x",
    ]);
    same(&[
        "docker run -v /a:/b x",
        "docker run -v /a/:/b/.:rw x",
        "docker run -v //a:/c/../b x",
    ]);
    same(&["docker run -v a:/b:z,ro x", "docker run -v a:/b:ro,z x"]);
    same(&["docker run -p 80:80 x", "docker run -p 080:80/TCP x"]);
    same(&[
        "docker run -p 80-81:90-91/udp x",
        "docker run -p 81:91/udp -p 80:90/udp x",
    ]);
    same(&[
        "docker run --cap-add NET_ADMIN x",
        "docker run --cap-add CAP_NET_ADMIN --cap-add net_admin x",
    ]);
    same(&[
        "docker run --cap-drop ALL x",
        "docker run --cap-drop NET_RAW --cap-drop ALL x",
    ]);
    same(&["docker run -l a x", "docker run --label a= x"]);
    same(&[
        "docker run --mount type=bind,source=/a,target=/b,readonly x",
        "docker run --mount dst=/b/,src=/a,type=bind,ro=true x",
    ]);
    different(&[
        "docker run --memory 1g x",
        "docker run --memory 1 x",
        "docker run --memory 1k x",
        "docker run --memory 1.5g x",
    ]);
    different(&[
        "docker run -p 80:80 x",
        "docker run -p 0.0.0.0:80:80 x",
        "docker run -p 80:80/udp x",
        "docker run -p 80 x",
        "docker run -p 80:80 -p 80:80 x",
    ]);
    different(&[
        "docker run -v /a:/b x",
        "docker run -v /a:/b:ro x",
        "docker run -v a:/b x",
        "docker run -v /a:/b:z x",
    ]);
    different(&[
        "docker run --device /a:r x",
        "docker run --device /a:rw x",
        "docker run --device /a:/r x",
    ]);
    different(&[
        "docker run --ulimit a=1 x",
        "docker run --ulimit a=1:2 x",
        "docker run --ulimit a=-1 x",
    ]);
}

#[test]
fn order_counts_where_it_means_something() {
    same(&[
        "docker run -v a:/a -v b:/b x",
        "docker run -v b:/b -v a:/a x",
    ]);
    same(&[
        "docker run --add-host a:1 --add-host b:2 x",
        "docker run --add-host b:2 --add-host a:1 x",
    ]);
    different(&[
        "docker run --add-host a:1 --add-host a:2 x",
        "docker run --add-host a:2 --add-host a:1 x",
    ]);
    different(&[
        "docker run --dns 1 --dns 2 x",
        "docker run --dns 2 --dns 1 x",
    ]);
    different(&[
        "docker run --network a --network b x",
        "docker run --network b --network a x",
    ]);
    different(&[
        "docker run --label a=1 --label a=2 x",
        "docker run --label a=2 --label a=1 x",
    ]);
}

#[test]
fn what_is_not_known_stays_as_it_is() {
    for text in [
        "nice docker run -e B -e A x",
        "@docker run -e B -e A x",
        "docker --debug run -e B -e A x",
        "docker",
        "",
        "docker run --unknown -e B -e A x",
        "docker run -it -e B -e A x",
        "docker run $ARGS -e B -e A x",
        "docker run -e $ARGS -e B -e A x",
        "docker run --read-only=perhaps -e B -e A x",
        "docker run -",
        "docker run -é -e B -e A x",
        "docker run -e",
    ] {
        assert_eq!(command_line(&line(text)), line(text), "{text}");
    }
    // What stands before it is known.
    same(&[
        "docker run -e A -e B --unknown x",
        "docker run -e B -e A --unknown x",
    ]);
    // One of them may be any name.
    different(&["docker run -e ${A} -e B x", "docker run -e B -e ${A} x"]);
    same(&[
        "docker run -e A=$$1 -e B=%%n x",
        "docker run -e B=%%n -e A=$$1 x",
    ]);
}

// ---- the model ----

/// What a container is to be, as a person would say it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ContainerMeaning {
    /// In MiB.
    memory: Option<u64>,
    /// In thousandths.
    cpus: Option<u32>,
    ulimits: BTreeMap<&'static str, (i64, i64)>,
    added: BTreeSet<&'static str>,
    dropped: BTreeSet<&'static str>,
    /// By target: the source, and whether it is read-only and shared among labels.
    volumes: BTreeMap<&'static str, (&'static str, bool, bool)>,
    /// By path in the container: the host's, and what is allowed.
    devices: BTreeMap<&'static str, (&'static str, BTreeSet<char>)>,
    labels: BTreeMap<&'static str, &'static str>,
    variables: BTreeMap<&'static str, &'static str>,
    read_only: bool,
    user: Option<&'static str>,
    port: Option<u16>,
    command: Vec<&'static str>,
}

fn meaning() -> impl Strategy<Value = ContainerMeaning> {
    use prop::collection::{btree_map, btree_set, vec};
    use prop::option::of;
    use prop::sample::select;
    let capabilities = || btree_set(select(vec!["NET_ADMIN", "SYS_TIME", "NET_RAW"]), 0..3);
    let limit = select(vec![(1024, 1024), (1024, 2048), (-1, -1), (512, 512)]);
    let volume = (select(vec!["/srv/a", "data"]), any::<bool>(), any::<bool>());
    let device = (
        select(vec!["/dev/fuse", "/dev/null"]),
        btree_set(select(vec!['r', 'w', 'm']), 1..=3),
    );
    let text = || select(vec!["5", "true", "x", "", "a b"]);
    (
        (
            of(select(vec![512, 1024, 1536, 2048])),
            of(select(vec![500, 1000, 1500])),
            btree_map(select(vec!["nofile", "nproc"]), limit, 0..3),
            capabilities(),
            capabilities(),
            btree_map(select(vec!["/a", "/b", "/c"]), volume, 0..3),
        ),
        (
            btree_map(select(vec!["/dev/x", "/dev/y", "/dev/fuse"]), device, 0..3),
            btree_map(select(vec!["team", "tier"]), text(), 0..3),
            btree_map(select(vec!["A", "B"]), text(), 0..3),
            any::<bool>(),
            of(select(vec!["1000", "app"])),
            of(select(vec![80_u16, 8080])),
            vec(select(vec!["a", "b"]), 0..3),
        ),
    )
        .prop_map(|((memory, cpus, ulimits, added, dropped, volumes), rest)| {
            let (devices, labels, variables, read_only, user, port, command) = rest;
            ContainerMeaning {
                memory,
                cpus,
                ulimits,
                added,
                dropped,
                volumes,
                devices,
                labels,
                variables,
                read_only,
                user,
                port,
                command,
            }
        })
}

/// Decides how something is written.
struct Hand(Vec<u8>);

impl Hand {
    fn choose<T: Clone>(&mut self, ways: &[T]) -> T {
        let next = self.0.pop().unwrap_or(0);
        ways[usize::from(next) % ways.len()].clone()
    }

    fn shuffle<T>(&mut self, mut list: Vec<T>) -> Vec<T> {
        for at in (1..list.len()).rev() {
            let other = usize::from(self.0.pop().unwrap_or(0)) % (at + 1);
            list.swap(at, other);
        }
        list
    }
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", items.join(", "))
}

/// A scalar that arrives as this text.
fn scalar(hand: &mut Hand, text: &str) -> String {
    match text {
        "5" | "true" => hand.choose(&[text.to_owned(), format!("{text:?}")]),
        text => format!("{text:?}"),
    }
}

/// The service file of a meaning, in one of many ways.
fn written(meaning: &ContainerMeaning, hand: &mut Hand) -> String {
    let mut lines = Vec::new();
    if let Some(mib) = meaning.memory {
        let mut ways = vec![
            format!("{mib}m"),
            format!("{}k", mib << 10),
            format!("{}b", mib << 20),
            format!("{}", mib << 20),
        ];
        if mib % 1024 == 0 {
            ways.push(format!("{}g", mib / 1024));
        }
        lines.push(format!("memory = {:?}", hand.choose(&ways)));
    }
    if let Some(thousandths) = meaning.cpus {
        let (whole, half) = (thousandths / 1000, thousandths % 1000 == 500);
        let ways = match half {
            true => vec![
                format!("{whole}.5"),
                format!("\"{whole}.50\""),
                format!("\"{whole}.500000000\""),
            ],
            false => vec![
                format!("{whole}"),
                format!("\"{whole}\""),
                format!("{whole}.0"),
            ],
        };
        lines.push(format!("cpus = {}", hand.choose(&ways)));
    }
    let ulimits = meaning.ulimits.iter().map(|(name, (soft, hard))| {
        let mut ways = vec![format!("\"{soft}:{hard}\"")];
        if soft == hard {
            ways.extend([format!("{soft}"), format!("\"{soft}\"")]);
        }
        format!("{name} = {}", hand.choose(&ways))
    });
    let ulimits: Vec<String> = ulimits.collect();
    lines.push(format!(
        "ulimits = {{ {} }}",
        hand.shuffle(ulimits).join(", ")
    ));
    let mut capabilities = Vec::new();
    for (sign, names) in [("", &meaning.added), ("-", &meaning.dropped)] {
        for name in names {
            let way = hand.choose(&[(*name).to_owned(), format!("CAP_{name}")]);
            for _ in 0..hand.choose(&[1, 2]) {
                capabilities.push(format!("{sign}{way}"));
            }
        }
    }
    lines.push(format!(
        "capabilities = {}",
        list(&hand.shuffle(capabilities))
    ));
    let volumes = meaning
        .volumes
        .iter()
        .map(|(target, (source, read_only, label))| {
            let mut options = Vec::new();
            if *read_only {
                options.push("ro");
            } else if hand.choose(&[true, false]) {
                options.push("rw");
            }
            if *label {
                options.push("z");
            }
            let options = hand.shuffle(options).join(",");
            let slash = hand.choose(&["", "/"]);
            match options.as_str() {
                "" => format!("{source}:{target}{slash}"),
                options => format!("{source}:{target}{slash}:{options}"),
            }
        });
    let volumes: Vec<String> = volumes.collect();
    lines.push(format!("volumes = {}", list(&hand.shuffle(volumes))));
    let devices = meaning.devices.iter().map(|(target, (source, allowed))| {
        let letters = hand.shuffle(allowed.iter().collect::<Vec<_>>());
        let letters: String = letters.into_iter().collect();
        let mut ways = vec![format!("{source}:{target}:{letters}")];
        if allowed.len() == 3 {
            ways.push(format!("{source}:{target}"));
        }
        if source == target {
            ways.push(format!("{source}:{letters}"));
            if allowed.len() == 3 {
                ways.push((*source).to_owned());
            }
        }
        hand.choose(&ways)
    });
    let devices: Vec<String> = devices.collect();
    lines.push(format!("devices = {}", list(&hand.shuffle(devices))));
    for (key, map) in [("labels", &meaning.labels), ("env", &meaning.variables)] {
        let entries = map.iter().map(|(name, value)| {
            // A label is no boolean.
            let value = match (key, *value) {
                ("labels", "true") => "\"true\"".to_owned(),
                (_, value) => scalar(hand, value),
            };
            format!("{name} = {value}")
        });
        let entries: Vec<String> = entries.collect();
        lines.push(format!(
            "{key} = {{ {} }}",
            hand.shuffle(entries).join(", ")
        ));
    }
    match meaning.read_only {
        true => lines.push("read_only = true".to_owned()),
        false => lines.push(hand.choose(&["read_only = false", "# nothing"]).to_owned()),
    }
    if let Some(user) = meaning.user {
        lines.push(format!("user = {user:?}"));
    }
    if let Some(port) = meaning.port {
        let ways = [format!("{port}"), format!("0x{port:x}")];
        lines.push(format!("port = {}", hand.choose(&ways)));
    }
    let command: Vec<String> = meaning
        .command
        .iter()
        .map(|word| (*word).to_owned())
        .collect();
    lines.push(format!("command = {}", list(&command)));
    lines.push("image = \"example/a\"\ntag = \"1\"".to_owned());
    hand.shuffle(lines).join("\n") + "\n"
}

fn fingerprint_of(service: &str) -> String {
    let mut sources = Sources::new();
    sources.insert(
        "clusters/x/cluster.toml",
        "[hosts.h]\nlocal = true\n[place]\na = \"h\"\n",
    );
    sources.insert("clusters/x/services/a.toml", service);
    let checked = check("x", &sources);
    let Some(cluster) = checked.cluster else {
        panic!("{service}\n{:#?}", checked.diagnostics);
    };
    let desired = render(&cluster).unwrap();
    let host = desired.hosts.values().next().unwrap();
    let service = host.services.values().next().unwrap();
    service.fingerprint.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn one_meaning_has_one_fingerprint_and_two_have_two(
        one in meaning(),
        other in meaning(),
        // Most changes are small.
        mixed in prop::collection::vec(any::<bool>(), 13),
        hand in prop::collection::vec(any::<u8>(), 120),
        another in prop::collection::vec(any::<u8>(), 120),
    ) {
        let mut changed = one.clone();
        let ContainerMeaning {
            memory, cpus, ulimits, added, dropped, volumes, devices, labels, variables, read_only, user, port, command,
        } = other;
        let mut mixed = mixed.into_iter();
        let mut take = || mixed.next().unwrap_or(false);
        if take() { changed.memory = memory; }
        if take() { changed.cpus = cpus; }
        if take() { changed.ulimits = ulimits; }
        if take() { changed.added = added; }
        if take() { changed.dropped = dropped; }
        if take() { changed.volumes = volumes; }
        if take() { changed.devices = devices; }
        if take() { changed.labels = labels; }
        if take() { changed.variables = variables; }
        if take() { changed.read_only = read_only; }
        if take() { changed.user = user; }
        if take() { changed.port = port; }
        if take() { changed.command = command; }

        let first = fingerprint_of(&written(&one, &mut Hand(hand.clone())));
        let again = fingerprint_of(&written(&one, &mut Hand(another.clone())));
        prop_assert_eq!(&first, &again);
        let second = fingerprint_of(&written(&changed, &mut Hand(another)));
        prop_assert_eq!(first == second, one == changed);
    }

    #[test]
    fn any_words_have_one_form(words in prop::collection::vec("-{0,2}[a-z-]{0,8}[=:/0-9a-z$%,]{0,8}", 0..8)) {
        let mut line = vec!["docker".to_owned(), "run".to_owned()];
        line.extend(words);
        let form = command_line(&line);
        prop_assert_eq!(command_line(&form), form);
    }
}
