//! The guarantee: every value arrives in the container as it was described, byte for byte.

use std::collections::BTreeMap;

use crate::containers::environment;
use crate::ground::Ground;
use crate::hosts::Fleet;

pub fn nasty_values(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "nasty");
    ground.images();
    let values = Values::describe(&mut ground, 2000, 12);
    ground.repo.set_of("s00", "labels.nasty", "two\nlines");
    ground.release().exits(0);
    values.arrived(&ground);
    ground.is_in_sync();

    // A container is known for ours, whatever its other labels are.
    ground.repo.set_of("s00", "tag", "1.1");
    ground.release().exits(0);
}

/// What each service was given: the values by the names of their variables.
pub struct Values(BTreeMap<String, BTreeMap<String, String>>);

impl Values {
    /// Describes services `s00`, `s01`, … that are given so many values, one a host in turn.
    pub fn describe(ground: &mut Ground, values: usize, services: usize) -> Self {
        let fleet = ground.fleet;
        let mut random = Random(0x0062_6179_706c_616e);
        let mut expected: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for number in 0..values {
            let service = format!("s{:02}", number % services);
            let name = format!("V_{number}");
            let value = value(number, &mut random);
            let described = described(&value);
            // Every layer has a writer of its own to get past.
            match number / services % 3 {
                0 => ground
                    .repo
                    .set_of(&service, &format!("env.{name}"), described),
                1 => ground.repo.set(&format!("vars.{name}"), described),
                _ => ground.repo.set_config(&format!("vars.{name}"), described),
            }
            expected.entry(service).or_default().insert(name, value);
        }
        for (number, (service, values)) in expected.iter().enumerate() {
            ground
                .repo
                .set_of(service, "image", format!("{}/app", fleet.registry));
            ground.repo.set_of(service, "tag", "1.0");
            ground
                .repo
                .place(service, &fleet.hosts[number % fleet.hosts.len()].name);
            let named: Vec<&str> = values
                .keys()
                .filter(|name| {
                    ground.repo.services[service]["env"]
                        .get(name.as_str())
                        .is_none()
                })
                .map(String::as_str)
                .collect();
            ground.repo.set_of(service, "vars", named);
        }
        Self(expected)
    }

    /// The containers have exactly these, byte for byte.
    pub fn arrived(&self, ground: &Ground) {
        let hosts = &ground.fleet.hosts;
        for (number, (service, values)) in self.0.iter().enumerate() {
            let host = &hosts[number % hosts.len()];
            let container = format!("{}-{service}", ground.repo.name);
            let mut seen = environment(host, "docker", &container);
            for name in ["PATH", "HOME", "HOSTNAME"] {
                seen.remove(name);
            }
            assert_eq!(
                seen.keys().collect::<Vec<_>>(),
                values.keys().collect::<Vec<_>>(),
                "{service}: exactly the named variables"
            );
            for (name, value) in values {
                assert!(
                    seen[name] == value.as_bytes(),
                    "{service} {name}: {value:?} became {:?}",
                    seen[name].escape_ascii().to_string()
                );
            }
        }
    }
}

/// A value as the description has it: what is code in a value is written as such. All else is text, `{#` too.
fn described(value: &str) -> String {
    let text = value.replace("{{", "{{ '{{' }}");
    text.replace("{% if", "{{ '{%' }} if")
}

/// First every kind by itself, then random mixtures of them.
fn value(number: usize, random: &mut Random) -> String {
    let kinds = kinds();
    if let Some(value) = kinds.get(number) {
        return value.clone();
    }
    if number.is_multiple_of(200) {
        // A long one: 100 KiB of everything.
        let mut long = String::new();
        while long.len() < 100 * 1024 {
            long += &mixture(random, 64);
        }
        return long;
    }
    let parts = 1 + random.below(12);
    mixture(random, parts)
}

fn mixture(random: &mut Random, parts: usize) -> String {
    const PIECES: &[&str] = &[
        " ",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "\r",
        "\"",
        "'",
        "\\",
        "\\\\",
        "\\n",
        "\\\n",
        "`",
        "$",
        "$$",
        "${A}",
        "$A",
        "$(id)",
        "%",
        "%%",
        "%n",
        "%H",
        "#",
        ";",
        "=",
        "a=b",
        "export ",
        "{",
        "}",
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{\"a\": [1, \"b\"]}",
        "<&|>",
        "*",
        "?",
        "[a-z]",
        "~",
        "!",
        "\u{feff}",
        "\u{0}1",
        "ü",
        "東京",
        "🚢",
        "\u{202e}",
        "\u{2028}",
        "\u{85}",
        "\u{a0}",
        "e\u{301}",
        "\u{10fffd}",
        "x",
        "word",
        "https://a:b@c/?d=e&f#g",
    ];
    let mut text = String::new();
    for _ in 0..parts {
        match random.below(5) {
            0 => text.push(char::from(
                1 + u8::try_from(random.below(127)).expect("below 127"),
            )),
            1 => text.push(random.character()),
            _ => text += PIECES[random.below(PIECES.len())],
        }
    }
    // The one character that no environment can hold.
    text.replace('\0', "")
}

fn kinds() -> Vec<String> {
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";
    let mut kinds: Vec<String> = [
        "", " ", "\n", "\n\n", "\"", "'", "\\", "\\\\", "$", "%", "#", ";", "\u{feff}", pem,
    ]
    .map(str::to_owned)
    .into();
    // Every control character alone, before, between and after.
    for byte in (1..0x20).chain([0x7f]) {
        let c = char::from(byte);
        kinds.extend([
            c.to_string(),
            format!("{c}a"),
            format!("a{c}b"),
            format!("a{c}"),
        ]);
    }
    kinds.extend(
        [
            " a", "a ", "\ta", "a\t", "a\\", "a\\\n", "\\\nb", "\"a", "a\"", "\"a\"", "'a'",
            "a'b\"c`d",
        ]
        .map(str::to_owned),
    );
    kinds.extend(
        [
            "$HOME",
            "${HOME}",
            "$(id)",
            "`id`",
            "%n %H %%",
            "$$",
            "A=B",
            "# no comment",
            "a # b",
            "; c",
        ]
        .map(str::to_owned),
    );
    kinds.extend(["{{ A }}", "{% if %}", "{# a #}", "}}", "{", "{{", "{'{'}"].map(str::to_owned));
    kinds.push(serde_json::json!({"a": ["b\n", {"c": "\"\\"}], "π": 3.5}).to_string());
    kinds.push("x".repeat(100 * 1024));
    kinds.push("\\\"$`%\n".repeat(17 * 1024));
    kinds
}

/// splitmix64: the same values in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("limits are small");
        usize::try_from(self.next() % limit).expect("it is below a usize")
    }

    fn character(&mut self) -> char {
        loop {
            let code = u32::try_from(self.next() % 0x11_0000).expect("it is below 2^32");
            // `check` refuses noncharacters, since systemd does.
            let noncharacter = code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code);
            if let Some(c) = char::from_u32(code).filter(|_| !noncharacter) {
                return c;
            }
        }
    }
}
