//! The fields of `services/NAME.toml`, each in one row: what it is called, how it is written, which flags of `run` say the
//! same, and what its documentation says.
//!
//! The reader, `extra_args`, the help for misspelled keys and the table in docs/description.md come from these rows. A new
//! field of the container is a row here, a field of [`Container`], and a line in `render/unit_template.rs`, which the
//! compiler asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::foreign;
use super::model::Container;
use super::read::{Merge, TableKind};
use super::shape::text::Shape;
use super::shape::{confinement, container, process, text};

/// What is known of `services/NAME.toml` before it is read.
pub(super) const SERVICE_FILE: TableKind = TableKind {
    what: "a service",
    keys: &KEYS,
    foreign: foreign::SERVICE,
};

/// A field of a service.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its key in the service's file.
    pub key: &'static str,
    /// How it is read.
    pub(super) reader: ReadAs,
    /// Flags of `run` that say the same, so that `extra_args` cannot have them.
    pub flags: &'static [&'static str],
    /// Flags of `run` that say the same and once had no field, so that `extra_args` of descriptions in use may have
    /// them: that is told.
    pub once_extra: &'static [&'static str],
    /// Flags of `run` that it becomes beside another field of the same flag, or beside `extra_args`.
    pub shared_flags: &'static [&'static str],
    /// What a change of it does to a running container.
    pub change: OnChange,
    /// Whether a service gets it that names this one in `from`.
    pub inherited: Inherited,
    /// What holds where several texts have it, a service's file and one that it is made `from`.
    pub(super) merge: Merge,
    /// What it means, in Markdown on one line.
    pub meaning: &'static str,
    /// What holds where it is not written, in Markdown.
    pub default: &'static str,
    /// A value, in TOML on one line.
    pub example: &'static str,
    /// The first version that has it.
    pub since: &'static str,
}

/// What a release does to a container when a field changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChange {
    /// The field is part of the fingerprint: the container restarts.
    Restarts,
    /// The container stays as it is.
    Keeps,
}

/// Whether `from` inherits a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inherited {
    /// It is of the image, or of what a process of that image needs.
    Yes,
    /// It is of this service alone.
    No,
    /// Nobody said it yet, which does not compile.
    Unsaid,
}

/// The type of a field in TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A string.
    Text,
    /// An integer.
    Integer,
    /// A number, or a string with one.
    Number,
    /// A boolean.
    Boolean,
    /// A string such as `30s`.
    Duration,
    /// A list of strings.
    List,
    /// A table from names of the user's choice to strings or numbers, in one line or more.
    Map,
    /// A table with a heading of its own, `[health]`.
    Table,
}

/// The shape of a text.
type TextShape = fn(&str) -> Shape<String>;

/// How a field is read, and where its value goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum ReadAs {
    /// A string of this shape.
    Text(TextShape, fn(&mut Container) -> &mut Option<String>),
    /// A number, or a string, of this shape.
    Number(TextShape, fn(&mut Container) -> &mut Option<String>),
    /// A boolean.
    Boolean(fn(&mut Container) -> &mut bool),
    /// A duration.
    Duration(fn(&mut Container) -> &mut Duration),
    /// Strings of this shape.
    List(TextShape, fn(&mut Container) -> &mut Vec<String>),
    /// Names of the first shape with values of the second one.
    Map(
        TextShape,
        TextShape,
        fn(&mut Container) -> &mut BTreeMap<String, String>,
    ),
    /// A function of its own in `service_file.rs`: more than one value depends on it, or it is no part of the container.
    Own(FieldType),
}

impl Field {
    /// Its key as code in a text, that of a table in brackets.
    pub(super) fn in_code(&self) -> String {
        let key = self.key;
        match self.field_type() {
            FieldType::Table => format!("`[{key}]`"),
            FieldType::Text
            | FieldType::Integer
            | FieldType::Number
            | FieldType::Boolean
            | FieldType::Duration
            | FieldType::List
            | FieldType::Map => format!("`{key}`"),
        }
    }

    /// Its type in TOML.
    #[must_use]
    pub fn field_type(&self) -> FieldType {
        match self.reader {
            ReadAs::Text(..) => FieldType::Text,
            ReadAs::Number(..) => FieldType::Number,
            ReadAs::Boolean(_) => FieldType::Boolean,
            ReadAs::Duration(_) => FieldType::Duration,
            ReadAs::List(..) => FieldType::List,
            ReadAs::Map(..) => FieldType::Map,
            ReadAs::Own(field_type) => field_type,
        }
    }

    /// The types of JSON that its value can have, where all of them are known.
    pub(crate) fn json_types(&self) -> Option<&'static [&'static str]> {
        match self.reader {
            ReadAs::Text(..) | ReadAs::Duration(_) => Some(&["string"]),
            ReadAs::Number(..) => Some(&["number", "string"]),
            ReadAs::Boolean(_) => Some(&["boolean"]),
            ReadAs::List(..) => Some(&["array"]),
            ReadAs::Map(..) => Some(&["object"]),
            // Many of them can be written in more than one way.
            ReadAs::Own(_) => None,
        }
    }

    /// The shape of its value, if that is one text.
    pub(super) fn shape(&self) -> Option<TextShape> {
        match self.reader {
            ReadAs::Text(shape, _) | ReadAs::Number(shape, _) => Some(shape),
            ReadAs::Boolean(_)
            | ReadAs::Duration(_)
            | ReadAs::List(..)
            | ReadAs::Map(..)
            | ReadAs::Own(_) => None,
        }
    }
}

/// The field that says the same as a flag of `run`.
pub(super) fn of_flag(flag: &str) -> Option<&'static Field> {
    SERVICE
        .iter()
        .find(|field| field.flags.contains(&flag) || field.once_extra.contains(&flag))
}

/// The keys of a service.
pub(super) const KEYS: [&str; SERVICE.len()] = {
    let mut keys = [""; SERVICE.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = SERVICE[at].key;
        at += 1;
    }
    keys
};

/// The fields that stand in a service's own file alone, not in `[defaults]` or `[services.NAME]` of `cluster.toml`: which image
/// runs, and what makes it a job.
pub(super) const OWN_KEYS: [&str; 6] = ["image", "tag", "digest", "from", "once", "schedule"];

/// The keys of `[defaults]` and of `[services.NAME]`.
pub(super) const SHARED_KEYS: [&str; SHARED] = {
    let mut keys = [""; SHARED];
    let (mut at, mut to) = (0, 0);
    while at < KEYS.len() {
        if !is_own(KEYS[at]) {
            keys[to] = KEYS[at];
            to += 1;
        }
        at += 1;
    }
    keys
};

const SHARED: usize = {
    let (mut at, mut number) = (0, 0);
    while at < KEYS.len() {
        if !is_own(KEYS[at]) {
            number += 1;
        }
        at += 1;
    }
    number
};

/// Whether a field stands in a service's own file alone.
pub(crate) fn is_own_key(key: &str) -> bool {
    is_own(key)
}

const fn is_own(key: &str) -> bool {
    let mut at = 0;
    while at < OWN_KEYS.len() {
        if same(OWN_KEYS[at].as_bytes(), key.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

// Each row says whether `from` inherits it.
const _: () = {
    let mut at = 0;
    while at < SERVICE.len() {
        let said = !matches!(SERVICE[at].inherited, Inherited::Unsaid);
        assert!(said, "a row of the table lacks `inherited`");
        at += 1;
    }
};

/// Fields of which a service has one: the nearer text takes the place of the farther one.
pub(super) const ONE_OF: &[&[&str]] = &[&["tag", "digest"]];

/// The keys that `from` does not inherit.
pub(super) fn not_inherited() -> impl Iterator<Item = &'static str> {
    let own = SERVICE
        .iter()
        .filter(|field| field.inherited == Inherited::No);
    own.map(|field| field.key)
}

/// What holds where several texts have a key.
pub(super) fn merge(key: &str) -> Merge {
    let field = SERVICE.iter().find(|field| field.key == key);
    field.map_or(Merge::Replace, |field| match field.reader {
        ReadAs::Map(..) => Merge::Names,
        ReadAs::Text(..)
        | ReadAs::Number(..)
        | ReadAs::Boolean(_)
        | ReadAs::Duration(_)
        | ReadAs::List(..)
        | ReadAs::Own(_) => field.merge,
    })
}

/// What most rows have.
const ROW: Field = Field {
    key: "",
    reader: ReadAs::Own(FieldType::Text),
    flags: &[],
    once_extra: &[],
    shared_flags: &[],
    change: OnChange::Restarts,
    inherited: Inherited::Unsaid,
    merge: Merge::Replace,
    meaning: "",
    default: "",
    example: "",
    since: "0.1.0",
};

/// Every field of a service, in the order of the documentation.
pub const SERVICE: &[Field] = &[
    Field {
        key: "image",
        inherited: Inherited::Yes,
        meaning: "required, here or by `from`; without tag and digest",
        example: "\"registry.example.com/search\"",
        ..ROW
    },
    Field {
        key: "from",
        inherited: Inherited::No,
        meaning: "another service of the cluster, from whose file this one takes the image and [more](#one-image-several-services)",
        example: "\"listing\"",
        ..ROW
    },
    Field {
        key: "tag",
        inherited: Inherited::Yes,
        meaning: "this or `digest` is required; `\"1.4.2@sha256:…\"` has both, and the digest decides",
        example: "\"1.4.2\"",
        ..ROW
    },
    Field {
        key: "digest",
        inherited: Inherited::Yes,
        meaning: "`sha256:` and 64 hexadecimal digits",
        example: "\"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        ..ROW
    },
    Field {
        key: "port",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::Integer),
        shared_flags: &["publish", "env"],
        meaning: "the port it listens on in the container: `APP_PORT`, and what [`[health]`](#health) asks. Without `publish` the host has it, too, on [`listen`](#ports)",
        default: "none",
        example: "9000",
        ..ROW
    },
    Field {
        key: "publish",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::List),
        flags: &["publish"],
        meaning: "the [ports of the host](#ports) that lead to it, `[address:]host[:container][/udp]`, single ones or ranges; `[]` is none",
        default: "`port`",
        example: "[\"127.0.0.1:80:3000\", \"8443\", \"10000-10010/udp\", \"[::1]:9000:3000\"]",
        ..ROW
    },
    Field {
        key: "needs",
        inherited: Inherited::Yes,
        merge: Merge::Unite,
        reader: ReadAs::Own(FieldType::List),
        shared_flags: &["add-host", "env"],
        meaning: "other services, whose locations it gets; circles are allowed",
        default: "`[]`",
        example: "[\"listing\"]",
        ..ROW
    },
    Field {
        key: "after",
        inherited: Inherited::Yes,
        merge: Merge::Unite,
        reader: ReadAs::Own(FieldType::List),
        change: OnChange::Keeps,
        meaning: "other services that it comes after, whose locations it does not get: for a service that names them itself. They are healthy before a release starts or changes it, wherever they are, and on one host systemd starts them first (`After=`)",
        default: "`[]`",
        example: "[\"listing\"]",
        ..ROW
    },
    Field {
        key: "vars",
        inherited: Inherited::Yes,
        merge: Merge::Unite,
        reader: ReadAs::Own(FieldType::List),
        shared_flags: &["env"],
        meaning: "the variables it gets of `[vars]` and of those that the cluster derives: names, or patterns in which `*` stands for any letters. One that matches nothing is an error",
        default: "`[]`",
        example: "[\"MONGODB_*\"]",
        ..ROW
    },
    Field {
        key: "env",
        inherited: Inherited::Yes,
        merge: Merge::Names,
        reader: ReadAs::Own(FieldType::Table),
        flags: &["env", "env-file"],
        meaning: "its own variables, layer `50-NAME`",
        example: "{ LOG_LEVEL = \"info\" }",
        ..ROW
    },
    Field {
        key: "secrets",
        inherited: Inherited::Yes,
        merge: Merge::Unite,
        reader: ReadAs::Own(FieldType::List),
        shared_flags: &["env", "mount"],
        meaning: "the secrets it gets, as variables or as files: see [secrets.md](secrets.md)",
        default: "`[]`",
        example: "[\"STRIPE_KEY\"]",
        ..ROW
    },
    Field {
        key: "files",
        inherited: Inherited::Yes,
        merge: Merge::Names,
        reader: ReadAs::Own(FieldType::Table),
        shared_flags: &["mount"],
        meaning: "files of the repository that its container gets: see [below](#files)",
        default: "`{}`",
        example: "{ \"/etc/app/app.conf\" = \"app.conf\" }",
        ..ROW
    },
    Field {
        key: "health",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::Table),
        once_extra: &["no-healthcheck"],
        change: OnChange::Keeps,
        meaning: "see [below](#health). Only `image = false` restarts the container",
        example: "{ http = \"/health\" }",
        ..ROW
    },
    Field {
        key: "swap",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::Table),
        shared_flags: &["publish"],
        meaning: "two slots on each host, so that a release loses no request: see [zero downtime](zero-downtime.md). Another `proxy`, `drain` or `keep` restarts nothing",
        example: "{ proxy = \"proxy\", port = 8080, slots = [19000, 19001] }",
        ..ROW
    },
    Field {
        key: "replace",
        inherited: Inherited::No,
        meaning: "`\"reuseport\"`: the next instance opens the same ports beside the one that serves, and then that ends, so that a proxy itself is replaced without losing a request: see [zero downtime](zero-downtime.md#the-proxy-itself). Needs `network = \"host\"`",
        default: "the container restarts",
        example: "\"reuseport\"",
        ..ROW
    },
    Field {
        key: "volumes",
        inherited: Inherited::Yes,
        reader: ReadAs::Own(FieldType::List),
        flags: &["volume"],
        meaning: "`source:target` or `source:target:options`: an absolute path or a volume's name; absolute target. A table [makes the directory](#volumes) that is absent: `{ source = \"/srv/data\", target = \"/data\", owner = \"1000:1000\" }`",
        default: "`[]`",
        example: "[\"/srv/data:/data:ro\"]",
        ..ROW
    },
    Field {
        key: "command",
        inherited: Inherited::Yes,
        reader: ReadAs::List(text::argument, |c| &mut c.command),
        meaning: "the arguments after the image",
        default: "the image's",
        example: "[\"worker\", \"--queue\", \"a\"]",
        ..ROW
    },
    Field {
        key: "entrypoint",
        inherited: Inherited::Yes,
        reader: ReadAs::Text(text::argument, |c| &mut c.entrypoint),
        flags: &["entrypoint"],
        meaning: "the program; its words come first in `command`",
        default: "the image's",
        example: "\"/bin/serve\"",
        ..ROW
    },
    Field {
        key: "user",
        inherited: Inherited::Yes,
        reader: ReadAs::Text(container::user, |c| &mut c.user),
        flags: &["user"],
        meaning: "user, or `user:group`: letters, digits, `.`, `_` and `-`",
        default: "the image's",
        example: "\"1000:1000\"",
        ..ROW
    },
    Field {
        key: "memory",
        inherited: Inherited::Yes,
        reader: ReadAs::Text(container::memory, |c| &mut c.memory),
        flags: &["memory"],
        meaning: "bytes with `b`, `k`, `m` or `g`, at least `6m`",
        default: "no limit",
        example: "\"512m\"",
        ..ROW
    },
    Field {
        key: "cpus",
        inherited: Inherited::Yes,
        reader: ReadAs::Number(container::cpus, |c| &mut c.cpus),
        flags: &["cpus"],
        meaning: "a number, as text or not, up to nine decimals",
        default: "no limit",
        example: "1.5",
        ..ROW
    },
    Field {
        key: "ulimits",
        inherited: Inherited::Yes,
        reader: ReadAs::Map(container::ulimit_name, container::ulimit, |c| {
            &mut c.ulimits
        }),
        flags: &["ulimit"],
        meaning: "`soft`, or `\"soft:hard\"`; `-1` is none",
        default: "the daemon's",
        example: "{ nofile = 65536 }",
        ..ROW
    },
    Field {
        key: "capabilities",
        inherited: Inherited::Yes,
        reader: ReadAs::List(container::capability, |c| &mut c.capabilities),
        flags: &["cap-add", "cap-drop"],
        meaning: "to add, or with `-` to drop",
        default: "the engine's",
        example: "[\"NET_ADMIN\", \"-NET_RAW\"]",
        ..ROW
    },
    Field {
        key: "read_only",
        inherited: Inherited::Yes,
        reader: ReadAs::Boolean(|c| &mut c.read_only),
        flags: &["read-only"],
        meaning: "a read-only root file system",
        default: "`false`",
        example: "true",
        ..ROW
    },
    Field {
        key: "devices",
        inherited: Inherited::Yes,
        reader: ReadAs::List(container::device, |c| &mut c.devices),
        flags: &["device"],
        meaning: "`/dev/a`, `/dev/a:/dev/b`, `/dev/a:/dev/b:rwm`, or one of the container device interface, `vendor.com/class=name` (podman 4.1, docker 25 with `features.cdi`)",
        default: "`[]`",
        example: "[\"/dev/fuse\"]",
        ..ROW
    },
    Field {
        key: "workdir",
        inherited: Inherited::Yes,
        reader: ReadAs::Text(process::workdir, |c| &mut c.workdir),
        once_extra: &["workdir"],
        meaning: "the directory that the command starts in, an absolute path",
        default: "the image's",
        example: "\"/app\"",
        ..ROW
    },
    Field {
        key: "groups",
        inherited: Inherited::Yes,
        reader: ReadAs::List(process::group, |c| &mut c.groups),
        once_extra: &["group-add"],
        meaning: "further groups of the user, by name in the container or by number",
        default: "`[]`",
        example: "[\"998\"]",
        ..ROW
    },
    Field {
        key: "hostname",
        inherited: Inherited::No,
        reader: ReadAs::Text(process::hostname, |c| &mut c.hostname),
        once_extra: &["hostname"],
        meaning: "the name that the container has for itself",
        default: "the engine's",
        example: "\"web.example.com\"",
        ..ROW
    },
    Field {
        key: "init",
        inherited: Inherited::Yes,
        reader: ReadAs::Boolean(|c| &mut c.init),
        once_extra: &["init"],
        meaning: "a small first process that passes signals on and collects dead children",
        default: "`false`",
        example: "true",
        ..ROW
    },
    Field {
        key: "tty",
        inherited: Inherited::Yes,
        reader: ReadAs::Boolean(|c| &mut c.tty),
        flags: &["tty"],
        meaning: "it has a terminal, as programs want that end or keep their lines back without one. Nobody types into it",
        default: "`false`",
        example: "true",
        ..ROW
    },
    Field {
        key: "platform",
        inherited: Inherited::Yes,
        reader: ReadAs::Text(process::platform, |c| &mut c.platform),
        once_extra: &["platform"],
        meaning: "which of the image's variants is run, `linux/` and an architecture",
        default: "the host's",
        example: "\"linux/amd64\"",
        ..ROW
    },
    Field {
        key: "tmpfs",
        inherited: Inherited::Yes,
        reader: ReadAs::Own(FieldType::List),
        once_extra: &["tmpfs"],
        meaning: "empty file systems in memory: an absolute path, and options after a colon (`size`, `mode`, `noexec`, …)",
        default: "`[]`",
        example: "[\"/run\", \"/tmp:size=64m,mode=1777\"]",
        ..ROW
    },
    Field {
        key: "shm_size",
        inherited: Inherited::Yes,
        reader: ReadAs::Text(process::shm_size, |c| &mut c.shm_size),
        once_extra: &["shm-size"],
        meaning: "what `/dev/shm` holds, bytes with `b`, `k`, `m` or `g`",
        default: "the engine's, `64m`",
        example: "\"1g\"",
        ..ROW
    },
    Field {
        key: "memory_reservation",
        inherited: Inherited::Yes,
        reader: ReadAs::Text(process::memory_reservation, |c| &mut c.memory_reservation),
        once_extra: &["memory-reservation"],
        meaning: "what is left to it when memory is short, written as `memory` and not above it",
        default: "none",
        example: "\"256m\"",
        ..ROW
    },
    Field {
        key: "pids",
        inherited: Inherited::Yes,
        reader: ReadAs::Number(process::pids, |c| &mut c.pids),
        once_extra: &["pids-limit"],
        meaning: "how many processes and threads it may have; `-1` is no limit",
        default: "the engine's",
        example: "200",
        ..ROW
    },
    Field {
        key: "cpuset",
        inherited: Inherited::Yes,
        reader: ReadAs::Text(process::cpuset, |c| &mut c.cpuset),
        once_extra: &["cpuset-cpus"],
        meaning: "the CPUs that it may use, by number",
        default: "all",
        example: "\"0-3,8\"",
        ..ROW
    },
    Field {
        key: "gpus",
        inherited: Inherited::Yes,
        reader: ReadAs::Number(process::gpus, |c| &mut c.gpus),
        once_extra: &["gpus"],
        meaning: "`\"all\"`, a number of GPUs, or some: `\"device=0,1\"`. The host needs NVIDIA's container toolkit; podman gets them as devices `nvidia.com/gpu=…`, from 4.1 on",
        default: "none",
        example: "\"all\"",
        ..ROW
    },
    Field {
        key: "hardened",
        inherited: Inherited::Yes,
        reader: ReadAs::Own(FieldType::Boolean),
        shared_flags: &["cap-drop", "security-opt", "read-only", "pids-limit"],
        meaning: "all capabilities dropped but those that `capabilities` names, `no_new_privileges`, `read_only`, and `pids = 1024`; what the file says of one of them counts",
        default: "`false`",
        example: "true",
        ..ROW
    },
    Field {
        key: "privileged",
        inherited: Inherited::Yes,
        reader: ReadAs::Boolean(|c| &mut c.privileged),
        once_extra: &["privileged"],
        meaning: "may do everything on the host: as good as root there",
        default: "`false`",
        example: "true",
        ..ROW
    },
    Field {
        key: "security",
        inherited: Inherited::Yes,
        reader: ReadAs::Own(FieldType::Map),
        once_extra: &["security-opt"],
        meaning: "`no_new_privileges`; `seccomp` and `apparmor`: `\"unconfined\"` or a profile (seccomp's by its path on the host); `label` of SELinux, one or a list",
        default: "the engine's",
        example: "{ no_new_privileges = true, apparmor = \"docker-nginx\" }",
        ..ROW
    },
    Field {
        key: "sysctls",
        inherited: Inherited::Yes,
        reader: ReadAs::Map(confinement::sysctl_name, confinement::sysctl_value, |c| {
            &mut c.sysctls
        }),
        once_extra: &["sysctl"],
        meaning: "settings of the kernel that a container has for itself: `net.…`, `fs.mqueue.…`, those of `kernel.` for shared memory and messages",
        default: "the engine's",
        example: "{ \"net.core.somaxconn\" = 1024 }",
        ..ROW
    },
    Field {
        key: "labels",
        inherited: Inherited::No,
        reader: ReadAs::Map(container::label, text::argument, |c| &mut c.labels),
        flags: &["label", "label-file"],
        meaning: "of the container; none that begins with `bayplan.`",
        example: "{ team = \"search\" }",
        ..ROW
    },
    Field {
        key: "network",
        inherited: Inherited::Yes,
        reader: ReadAs::Text(container::network, |c| &mut c.network),
        flags: &["network"],
        meaning: "`host`, `none`, `bridge`, or a network that is there",
        default: "the engine's",
        example: "\"host\"",
        ..ROW
    },
    Field {
        key: "networks",
        inherited: Inherited::Yes,
        reader: ReadAs::Own(FieldType::List),
        once_extra: &["ip", "ip6"],
        shared_flags: &["network", "network-alias", "label"],
        meaning: "[networks of the cluster](#networks) that it is in; its name and its `aliases` are known there. A table gives it an address of its own: `{ name = \"backend\", address = \"172.22.1.254\" }`",
        default: "`[]`",
        example: "[\"backend\"]",
        ..ROW
    },
    Field {
        key: "aliases",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::List),
        flags: &["network-alias"],
        shared_flags: &["network"],
        meaning: "further names under which others in its `networks` find it",
        default: "`[]`",
        example: "[\"mysql\"]",
        ..ROW
    },
    Field {
        key: "dns",
        inherited: Inherited::Yes,
        reader: ReadAs::Own(FieldType::List),
        once_extra: &["dns", "dns-search", "dns-option"],
        meaning: "IP addresses of DNS servers, or `{ servers = […], search = […], options = […] }`",
        default: "the engine's",
        example: "[\"10.0.0.2\"]",
        ..ROW
    },
    Field {
        key: "hosts",
        inherited: Inherited::Yes,
        reader: ReadAs::Own(FieldType::Map),
        once_extra: &["add-host"],
        meaning: "names for the container's `/etc/hosts`, each with an IP address, a list of them, or `host-gateway` (the host itself; podman has it since 4.7). A name here takes the place of the same one of `needs`",
        default: "none but those of `needs`",
        example: "{ \"db.example.com\" = \"10.0.0.5\" }",
        ..ROW
    },
    Field {
        key: "log",
        inherited: Inherited::Yes,
        reader: ReadAs::Own(FieldType::Map),
        once_extra: &["log-driver", "log-opt"],
        meaning: "what the engine does with the output, `driver` and `options`; the unit's journal has it in any case, so `{ driver = \"none\" }` saves the second copy",
        default: "the engine's",
        example: "{ driver = \"local\", options = { max-size = \"10m\" } }",
        ..ROW
    },
    Field {
        key: "stop_signal",
        inherited: Inherited::Yes,
        reader: ReadAs::Text(process::stop_signal, |c| &mut c.stop_signal),
        once_extra: &["stop-signal"],
        meaning: "the signal that asks it to end",
        default: "the image's, else `SIGTERM`",
        example: "\"SIGINT\"",
        ..ROW
    },
    Field {
        key: "stop_timeout",
        inherited: Inherited::Yes,
        reader: ReadAs::Duration(|c| &mut c.stop_timeout),
        flags: &["stop-timeout"],
        change: OnChange::Keeps,
        meaning: "how long a stop may take before the kill",
        default: "`\"10s\"`",
        example: "\"30s\"",
        ..ROW
    },
    Field {
        key: "stateful",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::Boolean),
        change: OnChange::Keeps,
        meaning: "never moves to another host, never vanishes and never starts beside its old self without `--allow-move`",
        default: "`false`",
        example: "true",
        ..ROW
    },
    Field {
        key: "max_down",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::Number),
        change: OnChange::Keeps,
        meaning: "on how many of its hosts a release takes it down at once: a number, or a share of them such as `\"25%\"` (at least one). The first host of a release always goes alone; other services on the same hosts need a `max_down`, too",
        default: "one host after the other",
        example: "2",
        ..ROW
    },
    Field {
        key: "batch",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::Number),
        change: OnChange::Keeps,
        meaning: "with how many hosts at a time a release goes that acts on it: a number, or a share of its hosts such as `\"25%\"`; the smallest number of those that a host is visited for counts",
        default: "that of [`[rollout]`](#how-a-release-goes-over-the-hosts)",
        example: "2",
        ..ROW
    },
    Field {
        key: "soak",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::Duration),
        change: OnChange::Keeps,
        meaning: "how long a release watches it after it is healthy: `\"0s\"` is not at all; the longest of those that start together on a host counts",
        default: "that of [`[rollout]`](#how-a-release-goes-over-the-hosts), `\"10s\"`",
        example: "\"1m\"",
        ..ROW
    },
    Field {
        key: "deadline",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::Duration),
        change: OnChange::Keeps,
        meaning: "how long a release waits for all that starts with it on a host; the longest of those counts",
        default: "that of [`[rollout]`](#how-a-release-goes-over-the-hosts)",
        example: "\"5m\"",
        ..ROW
    },
    Field {
        key: "restart",
        inherited: Inherited::No,
        change: OnChange::Keeps,
        meaning: "`\"auto\"`, or `\"manual\"`: a running container restarts only when the service is named, `bayplan release CLUSTER SERVICE`; a stopped one is started all the same",
        default: "`\"auto\"`",
        example: "\"manual\"",
        ..ROW
    },
    Field {
        key: "once",
        inherited: Inherited::No,
        change: OnChange::Keeps,
        meaning: "a [job](#jobs) that a release runs to its end before whoever comes after it: again when its `\"image\"` is new, or any of its `\"inputs\"`, or `\"always\"`",
        default: "it runs all the time",
        example: "\"image\"",
        ..ROW
    },
    Field {
        key: "schedule",
        inherited: Inherited::No,
        change: OnChange::Keeps,
        meaning: "a [job](#jobs) that a timer of systemd starts on its one host: when, as `OnCalendar=` has it (`man systemd.time`)",
        default: "it runs all the time",
        example: "\"Mon..Fri 02:30\"",
        ..ROW
    },
    Field {
        key: "catch_up",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::Boolean),
        change: OnChange::Keeps,
        meaning: "a run of the `schedule` that the host slept through is made up for at its next boot",
        default: "`false`",
        example: "true",
        ..ROW
    },
    Field {
        key: "timeout",
        inherited: Inherited::No,
        reader: ReadAs::Own(FieldType::Duration),
        change: OnChange::Keeps,
        meaning: "how long a run of a [job](#jobs) may take before it is ended, and has failed",
        default: "`\"1h\"`",
        example: "\"2h\"",
        ..ROW
    },
    Field {
        key: "template",
        inherited: Inherited::Yes,
        change: OnChange::Keeps,
        meaning: "the name of a file in `templates/`. The container restarts only if the other template changes how it runs",
        default: "`container.service` there, else the built-in one",
        example: "\"gpu.service\"",
        ..ROW
    },
    Field {
        key: "extra_args",
        inherited: Inherited::Yes,
        reader: ReadAs::Own(FieldType::List),
        meaning: "further flags of `run`, each word one argument; no flag that has a field here or breaks the unit (`-d`, `--restart`, `--name`, `--rm`, `--pull`, …). One that had no field once may stay, with a warning that says what to write",
        default: "`[]`",
        example: "[\"--ipc\", \"host\"]",
        ..ROW
    },
];

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
