//! `extra_args`: flags of `docker run` and `podman run`. What has a field or breaks the unit is refused here, and so is a
//! word that the engine would take for the image.

use std::net::IpAddr;

use super::diagnostic::{Diagnostic, quoted};
use super::fields::{self, Field, FieldType};
use super::flag_advice::{self, Advised};
use super::name::VariableName;
use super::nearest;
use super::ports;
use super::read::{At, Misfit, Problems, toml_key, toml_text};
use super::run_flags::{self, RunFlag, Takes};

/// What `extra_args` do with a flag.
#[derive(Debug, Clone, Copy)]
enum Treatment {
    Fine,
    /// A field says the same.
    Field(&'static Field),
    /// The unit would not work, for this reason.
    Breaks(&'static str),
}

impl Treatment {
    fn of(flag: &RunFlag) -> Self {
        match (flag.breaks, fields::of_flag(flag.name)) {
            (Some(why), _) => Treatment::Breaks(why),
            (None, Some(field)) => Treatment::Field(field),
            (None, None) => Treatment::Fine,
        }
    }
}

/// What of the service's other fields decides.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside<'a> {
    /// `port`.
    pub port: Option<u16>,
    /// Whether there is `networks`: with `network` alone no field gives aliases.
    pub has_networks: bool,
    /// The first of `networks`, which is the one that an address is in.
    pub network: Option<FirstNetwork<'a>>,
}

/// The first network of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstNetwork<'a> {
    /// As the cluster names it.
    pub name: &'a str,
    /// It is the only one.
    pub alone: bool,
    /// The service says its address there.
    pub has_address: bool,
}

/// Checks the flags.
///
/// `written` says whether the service has a field.
pub(super) fn check(
    words: &[At<String>],
    beside: Beside<'_>,
    written: &dyn Fn(&str) -> bool,
    problems: &mut Problems,
) {
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        let text = word.value.as_str();
        let flags = match text.strip_prefix("--") {
            Some("") => Err(()),
            Some(long) => Ok(long_flag(long)),
            None => match text.strip_prefix('-') {
                // `-shm-size`: the letters would be taken one by one.
                Some(letters) if letters.len() > 1 && run_flags::named(letters).is_some() => {
                    Err(())
                }
                Some(letters) if !letters.is_empty() => Ok(short_flags(letters)),
                Some(_) | None => Err(()),
            },
        };
        let Ok(flags) = flags else {
            let name = text.strip_prefix('-');
            if let Some(name) = name.filter(|name| run_flags::named(name).is_some()) {
                problems.push(unknown(name, text, word));
                return;
            }
            problems.push(
                Diagnostic::error(
                    format!("expected a flag in `extra_args`, found {}", quoted(text)),
                    word.spot.label("the engine would take it for the image"),
                )
                .with_help(
                    "what follows the image is `command`; a flag and its value are `--flag=value`",
                ),
            );
            return;
        };
        for WrittenFlag { name, shown, value } in flags {
            let Some(flag) = run_flags::named(&name) else {
                if value.is_none() {
                    problems.push(unknown(&name, &shown, word));
                    // Its value, most likely.
                    rest.next_if(|next| !next.value.starts_with('-'));
                }
                break;
            };
            let value = match (flag.takes, value) {
                (Takes::Nothing, value) => value,
                (Takes::Value, Some(value)) => Some(value),
                (Takes::Value, None) => match rest.next() {
                    Some(next) => Some(next.value.clone()),
                    None => {
                        problems.push(
                            Diagnostic::error(
                                format!("expected a value after `{shown}`, found none"),
                                word.spot.label(""),
                            )
                            .with_help(format!("write `\"{shown}=…\"`, or remove it")),
                        );
                        break;
                    }
                },
            };
            let value = value.unwrap_or_default();
            match Treatment::of(flag) {
                Treatment::Fine => {}
                Treatment::Breaks(why) => problems.push(
                    Diagnostic::error(
                        format!("expected no `{shown}` in `extra_args`: {why}"),
                        word.spot.label(""),
                    )
                    .with_help("remove it"),
                ),
                Treatment::Field(field) => {
                    let told = field_instead(field, flag.name, &shown, &value, word, beside);
                    let once = match flag.name {
                        // `[env]` once took no such name.
                        "env" => odd_variable(&value),
                        "ip" | "ip6" => beside.network.is_none_or(|first| !first.has_address),
                        name => field.once_extra.contains(&name) && !written(field.key),
                    };
                    problems.0.extend(told.map(|told| match once {
                        true => may_stay(field, &shown, told),
                        false => told,
                    }));
                }
            }
        }
    }
}

/// One flag as it is written.
struct WrittenFlag {
    name: String,
    shown: String,
    value: Option<String>,
}

fn long_flag(text: &str) -> Vec<WrittenFlag> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    vec![WrittenFlag {
        name: name.to_owned(),
        shown: format!("--{name}"),
        value,
    }]
}

/// `-it`, `-p80:80`, `-e=A`: letters up to the first one that takes a value.
fn short_flags(letters: &str) -> Vec<WrittenFlag> {
    let mut flags = Vec::new();
    for (at, letter) in letters.char_indices() {
        let known = run_flags::of_letter(letter);
        let name = known.map_or_else(|| letters[at..].to_owned(), |flag| flag.name.to_owned());
        let rest = &letters[at + letter.len_utf8()..];
        let takes = known.map(|flag| flag.takes);
        let value = match (takes, rest.strip_prefix('=')) {
            (_, Some(value)) => Some(value.to_owned()),
            (Some(Takes::Value), None) if !rest.is_empty() => Some(rest.to_owned()),
            _ => None,
        };
        let ends = value.is_some() || takes != Some(Takes::Nothing);
        flags.push(WrittenFlag {
            shown: match known {
                Some(_) => format!("-{letter}"),
                None => format!("-{letters}"),
            },
            name,
            value,
        });
        if ends {
            break;
        }
    }
    flags
}

fn unknown(name: &str, shown: &str, word: &At<String>) -> Diagnostic {
    let mut parts = word.value.split_whitespace();
    let help = match (parts.next(), parts.next()) {
        (Some(_), Some(_)) => {
            let words: Vec<String> = word.value.split_whitespace().map(toml_text).collect();
            format!(
                "each word is an argument of its own: `{}`",
                words.join(", ")
            )
        }
        _ => match nearest::nearest(name.trim_start_matches('-'), run_flags::names()) {
            Some(near) => format!("did you mean `--{near}`?"),
            None => {
                format!("if the engine has it, write its value into the same word: `{shown}=…`")
            }
        },
    };
    Diagnostic::error(
        format!("expected a flag of `run`, found {}", quoted(shown)),
        word.spot.label("unknown flag"),
    )
    .with_help(help)
}

/// The error that names the field; `None` where the field cannot say it.
fn field_instead(
    field: &Field,
    flag: &str,
    shown: &str,
    value: &str,
    word: &At<String>,
    beside: Beside<'_>,
) -> Option<Diagnostic> {
    let key = field.key;
    if let Some(advised) = flag_advice::table_of_flag(flag, value) {
        return Some(in_table(field, advised, shown, word));
    }
    let help = match (flag, value.split_once('=')) {
        // A port of the container alone is published on any free port of the host, which no field says.
        ("publish", _) if ports::range(value.split('/').next().unwrap_or_default()).is_some() => {
            return None;
        }
        ("publish", _) => published_instead(value, beside.port),
        ("network-alias", _) if !beside.has_networks => return None,
        ("ip" | "ip6", _) => address_instead(value, beside.network?)?,
        // What the table cannot say in the same words.
        ("security-opt" | "add-host" | "log-opt" | "gpus", _) => return None,
        // Off where the engine's configuration may say on.
        ("init" | "privileged", _) if value.eq_ignore_ascii_case("false") => return None,
        ("env", Some((variable, _))) if VariableName::new(variable).is_err() => return None,
        // Once there was no other way.
        ("env", Some((variable, value))) if odd_variable(variable) => {
            let written = format!(
                "{} = {}` below `[env]",
                toml_key(variable),
                toml_text(value)
            );
            return Some(in_table(field, Advised::Reworded(written), shown, word));
        }
        ("env", Some((variable, value))) => {
            format!("write `{variable} = {}` below `[env]`", toml_text(value))
        }
        ("env", None) => format!(
            "name {} in `vars`, or define it below `[env]`",
            quoted(value)
        ),
        ("env-file" | "label-file", _) => format!("write its lines below `[{key}]`"),
        ("label", _) if value.starts_with("bayplan.") => {
            "remove it: labels that begin with `bayplan.` are bayplan's own".to_owned()
        }
        ("cap-drop", _) => format!("write `{key} = [{}]`", toml_text(&format!("-{value}"))),
        _ => written_as(field, value),
    };
    let shown_field = field.in_code();
    Some(
        Diagnostic::error(
            format!("expected no `{shown}` in `extra_args`: {shown_field} says it"),
            word.spot.label(""),
        )
        .with_help(help),
    )
}

/// What to write for a `--publish`. The field names all ports, so that of `port` is among them.
fn published_instead(value: &str, port: Option<u16>) -> String {
    let (written, entry) = match ports::publish(value) {
        Ok(_) => ("write", value.to_owned()),
        Err(Misfit {
            help: Some(help), ..
        }) => return help,
        Err(_) => ("name its ports there, such as", "8443:443".to_owned()),
    };
    // `80:80` is `80`.
    let entry = match entry.split_once(':') {
        Some((outside, inside)) if outside == inside => outside.to_owned(),
        Some(_) | None => entry,
    };
    let own = port.map(|port| port.to_string());
    let all = own.into_iter().chain([entry]);
    let all: Vec<String> = all.map(|one| toml_text(&one)).collect();
    format!("{written} `publish = [{}]`", all.join(", "))
}

/// What to write for an address in a network.
fn address_instead(value: &str, first: FirstNetwork<'_>) -> Option<String> {
    value.parse::<IpAddr>().ok()?;
    let FirstNetwork {
        name,
        alone,
        has_address,
    } = first;
    let entry = format!(
        "{{ name = {}, address = {} }}",
        toml_text(name),
        toml_text(value)
    );
    Some(match (has_address, alone) {
        (true, _) => format!(
            "write it there: `address = [\"…\", {}]`, or remove it",
            toml_text(value)
        ),
        (false, true) => format!("write `networks = [{entry}]`"),
        (false, false) => format!(
            "write `{entry}` in `networks`, in the place of `{}`",
            toml_text(name)
        ),
    })
}

/// Whether a variable, perhaps with its value, has a name that systemd drops.
fn odd_variable(text: &str) -> bool {
    let name = text.split('=').next().unwrap_or_default();
    VariableName::new(name).is_ok_and(|name| !name.is_plain())
}

/// What a flag is in a table.
fn in_table(field: &Field, advised: Advised, shown: &str, word: &At<String>) -> Diagnostic {
    let shown_field = field.in_code();
    let help = match advised {
        Advised::Same(written) => format!("write `{written}`"),
        Advised::Reworded(written) => format!(
            "write `{written}` when the container may restart: to the engine it is another word"
        ),
    };
    Diagnostic::error(
        format!("expected no `{shown}` in `extra_args`: {shown_field} says it"),
        word.spot.label(""),
    )
    .with_help(help)
}

/// A flag that had no field once. It may stay, or a description that is in use could not be released after an upgrade;
/// not beside its field.
fn may_stay(field: &Field, shown: &str, told: Diagnostic) -> Diagnostic {
    let title = format!("`{shown}` in `extra_args` has a field: {}", field.in_code());
    let mut place = told.place;
    place.label = "an older way of writing it".to_owned();
    Diagnostic::warning(title, place).with_help_if(told.help)
}

/// What to write for the value of a flag.
fn written_as(field: &Field, value: &str) -> String {
    let key = field.key;
    let text = toml_text(value);
    let written = match field.field_type() {
        FieldType::List => format!("[{text}]"),
        FieldType::Map | FieldType::Table => {
            let (name, value) = value.split_once('=').unwrap_or((value, ""));
            format!("{{ {} = {} }}", toml_key(name), toml_text(value))
        }
        FieldType::Boolean => (!value.eq_ignore_ascii_case("false")).to_string(),
        FieldType::Duration => toml_text(&format!("{value}s")),
        FieldType::Text | FieldType::Number | FieldType::Integer => {
            match field.shape().map(|shape| shape(value)) {
                // The shape knows what is meant by a value that it does not take.
                Some(Err(Misfit {
                    help: Some(help), ..
                })) => return help,
                Some(Ok(_)) if is_number(value) && field.field_type() == FieldType::Number => {
                    value.to_owned()
                }
                Some(Ok(_) | Err(_)) | None => text,
            }
        }
    };
    format!("write `{key} = {written}`")
}

/// Whether a text is an integer of TOML.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain && (digits == "0" || !digits.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::super::read::Spot;
    use super::*;

    fn told(words: &[&str]) -> Vec<String> {
        let words: Vec<At<String>> = words
            .iter()
            .map(|word| At {
                value: (*word).to_owned(),
                spot: Spot::file("web.toml"),
            })
            .collect();
        let mut problems = Problems::default();
        let beside = Beside {
            port: Some(9000),
            has_networks: true,
            network: Some(FirstNetwork {
                name: "back",
                alone: true,
                has_address: false,
            }),
        };
        check(&words, beside, &|_| true, &mut problems);
        let told = problems.0.into_iter();
        told.map(|problem| format!("{}; {}", problem.title, problem.help.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn flags_of_the_engines_are_taken_with_their_values() {
        for words in [
            &["--ipc", "host"][..],
            &["--ipc=host", "--init=false", "--privileged=false"],
            &["--userns", "host", "-c512"],
            &["-qP", "--oom-score-adj", "500"],
            &["--security-opt", "systempaths=unconfined"],
            &["-p", "80"],
            &["--flag-of-tomorrow=1"],
            &["--ipc", "--rm"],
            &[],
        ] {
            assert_eq!(told(words), Vec::<String>::new(), "{words:?}");
        }
    }

    #[test]
    fn what_has_a_field_or_breaks_the_unit_is_told() {
        let mut text = String::new();
        for words in [
            &["-d"][..],
            &["-dit"],
            &["-it=false"],
            &["--restart=always"],
            &["--restart", "always"],
            &["--name", "web"],
            &["--rm"],
            &["--pull=always"],
            &["--cidfile", "/run/x"],
            &["-a", "stdout"],
            &["-e", "A=b \"c\""],
            &["-eA=b"],
            &["--env", "A"],
            &["--env-file=/etc/x.env"],
            &["-l", "bayplan.service=other"],
            &["--label=a.b=c"],
            &["--memory", "1GB"],
            &["-m512m"],
            &["-u", "1000"],
            &["--user=root"],
            &["-v/a:/b"],
            &["--cap-drop", "ALL"],
            &["--cap-add=NET_ADMIN"],
            &["--ulimit", "nofile=1024:2048"],
            &["--net", "host"],
            &["--net-alias", "mysql"],
            &["--read-only"],
            &["--stop-timeout", "30"],
            &["--device=/dev/fuse"],
            &["--entrypoint", "/bin/x"],
            &["--cpus=1.5"],
            &["nginx"],
            &["--init", "true"],
            &["--", "nginx"],
            &["-"],
            &["--shm-size"],
            &["--shm-size 1g"],
            &["--shm-sise", "1g"],
            &["--frobnicate", "1"],
            &["-shm-size", "1g"],
            &["-p", "8080:http"],
            &["-p", "1.2.3:80:80"],
            &["-t"],
            &["--ip", "172.22.1.254"],
            &["--ip6=fd00::254"],
            &["--device", "vendor/gpu=all"],
        ] {
            text += &format!("{words:?}\n");
            for line in told(words) {
                text += &format!("  {line}\n");
            }
        }
        insta::assert_snapshot!(text);
    }
}
