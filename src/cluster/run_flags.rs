//! The flags of `docker run` and `podman run`, each in one row: what it takes, what several of it mean together, and why a
//! unit cannot have it. `extra_args` and the one form of command lines read this table.

/// A flag of `run`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunFlag {
    /// Its name without `--`.
    pub name: &'static str,
    /// Its letter, the same in both engines.
    pub short: Option<char>,
    /// Its other name.
    pub alias: Option<&'static str>,
    /// Whether a value follows it.
    pub takes: Takes,
    /// What several of it mean together. `None`: nobody has said it yet, so two command lines with it are the same only if
    /// they are the same words.
    pub meaning: Option<Meaning>,
    /// Why a unit cannot have it.
    pub breaks: Option<&'static str>,
}

/// Whether a value follows a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// `--flag value` or `--flag=value`.
    Value,
    /// `--flag`, or `--flag=false`.
    Nothing,
}

/// What the values of one flag mean to each other, and in which ways one value can be written.
///
/// Fingerprints of recipe v2 digest what this makes of a command line. So what is released here never changes: a flag
/// gets another meaning only in another recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// No value: it is on, or off by `=false`.
    Switch,
    /// The last one counts.
    Last(Writing),
    /// One value for each key. Order means nothing, except between two of one key.
    Keyed(Writing, Key),
    /// Neither order nor repetition means anything.
    Set(Writing),
    /// All of them, in their order.
    List,
}

/// In which ways a value can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// In one way.
    AsIs,
    /// A size: `1g`, `1024m`.
    Bytes,
    /// A decimal number: `1.5`, `1.50`.
    Decimal,
    /// A capability: `NET_ADMIN`, `cap_net_admin`.
    Capability,
    /// `name=value`; a label without a value has an empty one.
    Label,
    /// `name=soft:hard`, or `name=soft`.
    Ulimit,
    /// `source:target[:options]`.
    Volume,
    /// `type=bind,source=…,target=…`.
    Mount,
    /// `/dev/a[:/dev/b][:rwm]`.
    Device,
    /// A port in the container: `80`, `80/tcp`.
    Port,
    /// `[address:][host:]container`.
    Publish,
}

/// What tells which value of a flag another one takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// What stands before `=`.
    BeforeEquals,
    /// What stands before `:` or `=`.
    BeforeColon,
    /// Where a volume is in the container.
    VolumeTarget,
    /// Where a mount is in the container.
    MountTarget,
    /// Where a device is in the container.
    DeviceTarget,
    /// The container's port: one may be published at several addresses.
    PortInside,
}

use Key::{BeforeColon, BeforeEquals, DeviceTarget, MountTarget, PortInside, VolumeTarget};
use Meaning::{Keyed, Last, List, Set, Switch};
use Writing::{
    AsIs, Bytes, Capability, Decimal, Device, Label, Mount, Port, Publish, Ulimit, Volume,
};

/// The flag of this name, without `--`.
pub(crate) fn named(name: &str) -> Option<&'static RunFlag> {
    match FLAGS.binary_search_by(|flag| flag.name.cmp(name)) {
        Ok(at) => Some(&FLAGS[at]),
        Err(_) => FLAGS.iter().find(|flag| flag.alias == Some(name)),
    }
}

/// The flag of this letter.
pub(crate) fn of_letter(letter: char) -> Option<&'static RunFlag> {
    FLAGS.iter().find(|flag| flag.short == Some(letter))
}

/// Every name of every flag.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FLAGS
        .iter()
        .flat_map(|flag| [Some(flag.name), flag.alias])
        .flatten()
}

/// Sorted by name.
#[rustfmt::skip]
const FLAGS: &[RunFlag] = &[
    value("add-host").means(Keyed(AsIs, BeforeColon)),
    value("annotation").means(Keyed(AsIs, BeforeEquals)),
    value("arch"),
    value("attach").short('a').breaks("the unit shows what the container prints"),
    value("authfile"),
    value("blkio-weight"),
    value("blkio-weight-device"),
    value("cap-add").means(Set(Capability)),
    value("cap-drop").means(Set(Capability)),
    value("cgroup-conf"),
    value("cgroup-parent").means(Last(AsIs)),
    value("cgroupns").means(Last(AsIs)),
    value("cgroups").means(Last(AsIs)),
    value("chrootdirs"),
    value("cidfile").means(Last(AsIs)).breaks("a second start would find the file and fail"),
    value("conmon-pidfile").breaks("the unit's process is the engine's client"),
    value("cpu-count"),
    value("cpu-percent"),
    value("cpu-period").means(Last(AsIs)),
    value("cpu-quota").means(Last(AsIs)),
    value("cpu-rt-period"),
    value("cpu-rt-runtime"),
    value("cpu-shares").short('c').means(Last(AsIs)),
    value("cpus").means(Last(Decimal)),
    value("cpuset-cpus").means(Last(AsIs)),
    value("cpuset-mems").means(Last(AsIs)),
    value("creds"),
    value("decryption-key"),
    switch("detach").short('d').means(Switch).breaks("the unit lasts as long as the engine's client"),
    value("detach-keys"),
    value("device").means(Keyed(Device, DeviceTarget)),
    value("device-cgroup-rule").means(List),
    value("device-read-bps"),
    value("device-read-iops"),
    value("device-write-bps"),
    value("device-write-iops"),
    switch("disable-content-trust"),
    value("dns").means(List),
    value("dns-option").alias("dns-opt").means(List),
    value("dns-search").means(List),
    value("domainname").means(Last(AsIs)),
    value("entrypoint").means(Last(AsIs)),
    value("env").short('e').means(Keyed(AsIs, BeforeEquals)),
    value("env-file").means(List),
    switch("env-host").means(Switch).breaks("the container gets what is described and nothing else"),
    value("env-merge"),
    value("expose").means(Set(Port)),
    value("gidmap"),
    value("gpus").means(Last(AsIs)),
    value("group-add").means(List),
    value("group-entry"),
    value("health-cmd"),
    value("health-interval"),
    value("health-log-destination"),
    value("health-max-log-count"),
    value("health-max-log-size"),
    value("health-on-failure"),
    value("health-retries"),
    value("health-start-interval"),
    value("health-start-period"),
    value("health-startup-cmd"),
    value("health-startup-interval"),
    value("health-startup-retries"),
    value("health-startup-success"),
    value("health-startup-timeout"),
    value("health-timeout"),
    switch("help").breaks("nothing would be started"),
    value("hostname").short('h').means(Last(AsIs)),
    value("hosts-file"),
    value("hostuser"),
    switch("http-proxy").means(Switch),
    value("image-volume"),
    switch("init").means(Switch),
    value("init-path"),
    value("intel-rdt-closid"),
    switch("interactive").short('i').means(Switch).breaks("a unit has no terminal"),
    value("io-maxbandwidth"),
    value("io-maxiops"),
    value("ip").means(Last(AsIs)),
    value("ip6").means(Last(AsIs)),
    value("ipc").means(Last(AsIs)),
    value("isolation").means(Last(AsIs)),
    value("kernel-memory").means(Last(Bytes)),
    value("label").short('l').means(Keyed(Label, BeforeEquals)),
    value("label-file").means(List),
    value("link"),
    value("link-local-ip"),
    value("log-driver").means(Last(AsIs)),
    value("log-opt").means(Keyed(AsIs, BeforeEquals)),
    value("mac-address").means(Last(AsIs)),
    value("memory").short('m').means(Last(Bytes)),
    value("memory-reservation").means(Last(Bytes)),
    value("memory-swap").means(Last(Bytes)),
    value("memory-swappiness").means(Last(AsIs)),
    value("mount").means(Keyed(Mount, MountTarget)),
    value("name").means(Last(AsIs)).breaks("the unit names the container"),
    value("network").short('n').alias("net").means(List),
    value("network-alias").alias("net-alias").means(List),
    switch("no-healthcheck").means(Switch),
    switch("no-hostname"),
    switch("no-hosts").means(Switch),
    switch("oom-kill-disable").means(Switch),
    value("oom-score-adj").means(Last(AsIs)),
    value("os"),
    switch("passwd"),
    value("passwd-entry"),
    value("personality"),
    value("pid").means(Last(AsIs)),
    value("pidfile").breaks("the unit's process is the engine's client"),
    value("pids-limit").means(Last(AsIs)),
    value("platform").means(Last(AsIs)),
    value("pod"),
    value("pod-id-file").breaks("the unit names the container"),
    value("preserve-fd"),
    value("preserve-fds"),
    switch("privileged").means(Switch),
    value("publish").short('p').means(Keyed(Publish, PortInside)),
    switch("publish-all").short('P').means(Switch),
    value("pull").means(Last(AsIs)).breaks("a release pulls the image before anything stops"),
    switch("quiet").short('q').means(Switch),
    value("rdt-class"),
    switch("read-only").means(Switch),
    switch("read-only-tmpfs"),
    switch("replace").means(Switch).breaks("the unit removes what a crash left"),
    value("requires"),
    value("restart").breaks("systemd starts it again"),
    value("retry"),
    value("retry-delay"),
    switch("rm").means(Switch).breaks("the unit has it"),
    switch("rmi").breaks("the way back needs the image"),
    switch("rootfs").breaks("there is an image"),
    value("runtime").means(Last(AsIs)),
    value("sdnotify").means(Last(AsIs)),
    value("seccomp-policy"),
    value("secret").means(List),
    value("security-opt").means(List),
    value("shm-size").means(Last(Bytes)),
    value("shm-size-systemd"),
    switch("sig-proxy").means(Switch),
    value("stop-signal").means(Last(AsIs)),
    value("stop-timeout").means(Last(AsIs)),
    value("storage-opt").means(List),
    value("subgidname"),
    value("subuidname"),
    value("sysctl").means(Keyed(AsIs, BeforeEquals)),
    value("systemd"),
    value("timeout"),
    switch("tls-verify"),
    value("tmpfs").means(Keyed(AsIs, BeforeColon)),
    switch("tty").short('t').means(Switch),
    value("tz"),
    value("uidmap"),
    value("ulimit").means(Keyed(Ulimit, BeforeEquals)),
    value("umask"),
    value("unsetenv"),
    switch("unsetenv-all"),
    switch("use-api-socket"),
    value("user").short('u').means(Last(AsIs)),
    value("userns").means(Last(AsIs)),
    value("uts").means(Last(AsIs)),
    value("variant"),
    value("volume").short('v').means(Keyed(Volume, VolumeTarget)),
    value("volume-driver").means(Last(AsIs)),
    value("volumes-from").means(List),
    value("workdir").short('w').means(Last(AsIs)),
];

const fn value(name: &'static str) -> RunFlag {
    RunFlag {
        name,
        short: None,
        alias: None,
        takes: Takes::Value,
        meaning: None,
        breaks: None,
    }
}

const fn switch(name: &'static str) -> RunFlag {
    RunFlag {
        takes: Takes::Nothing,
        ..value(name)
    }
}

impl RunFlag {
    const fn short(self, letter: char) -> Self {
        Self {
            short: Some(letter),
            ..self
        }
    }

    const fn alias(self, name: &'static str) -> Self {
        Self {
            alias: Some(name),
            ..self
        }
    }

    const fn means(self, meaning: Meaning) -> Self {
        Self {
            meaning: Some(meaning),
            ..self
        }
    }

    const fn breaks(self, why: &'static str) -> Self {
        Self {
            breaks: Some(why),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_name_is_there_once_and_in_order() {
        assert!(FLAGS.is_sorted_by_key(|flag| flag.name));
        let all: Vec<&str> = names().collect();
        assert_eq!(BTreeSet::from_iter(&all).len(), all.len());
        let letters: Vec<char> = FLAGS.iter().filter_map(|flag| flag.short).collect();
        assert_eq!(BTreeSet::from_iter(&letters).len(), letters.len());
        for name in all {
            let flag = named(name).unwrap();
            assert!(flag.name == name || flag.alias == Some(name));
        }
    }

    #[test]
    fn a_switch_is_what_takes_nothing() {
        for flag in FLAGS {
            let switch = flag.takes == Takes::Nothing;
            let meaning = flag
                .meaning
                .is_none_or(|meaning| (meaning == Switch) == switch);
            assert!(meaning, "{}", flag.name);
        }
    }

    /// A line that changes, or that is new, restarts at an upgrade every container that has such a flag.
    #[test]
    fn what_recipe_v2_digests() {
        let known = FLAGS.iter().filter_map(|flag| {
            let meaning = flag.meaning?;
            let letter = flag.short.map(|letter| format!("-{letter} "));
            let alias = flag.alias.map(|alias| format!("--{alias} "));
            Some(format!(
                "{}{}--{} {meaning:?}\n",
                letter.unwrap_or_default(),
                alias.unwrap_or_default(),
                flag.name
            ))
        });
        insta::assert_snapshot!(known.collect::<String>());
    }
}
