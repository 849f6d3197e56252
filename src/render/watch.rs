//! The watch of a service, `[health] watch`: a timer of its unit, and what that asks.
//!
//! ```text
//! production-web.watch.timer      is there as long as the service is: `StopWhenUnneeded=`, and a link among what that wants
//! production-web.watch.service    asks once, and does what is to be done about the answer
//! /run/bayplan/watch/production-web    what it found, a line (`note`, below)
//! ```
//!
//! Nothing of it is an input of the container: another watch restarts nothing. Slots share one, which asks the slot that
//! serves. As in `wait`, a bash script stands on the unit's own lines, since a host has no file of ours beside.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::desired::DesiredUnit;
use super::identity::{Instance, Slot, UnitFileName, UnitKind, UnitName};
use super::marks::around;
use super::shell::in_double_quotes;
use super::slots;
use super::unit::{parse_unit, quote_lines};
use super::wait;
use crate::cluster::model::{Health, HealthWatch, Probe, Service, WhenUnhealthy};
use crate::cluster::name::ClusterName;

/// Where hosts keep what watches found, a file a service: `UNIT START STATE FAILED SINCE RESTARTS LAST FOUND`. It is of that
/// start of that unit; `SINCE` and `LAST` are seconds since 1970, or 0.
pub const FOUND: &str = "/run/bayplan/watch";

/// How much longer than its question a run waits for the answer: the engine is asked besides.
const ENGINE: u64 = 5;

/// How much longer systemd waits for a run.
const MARGIN: u64 = 60;

/// The unit files of the watch of a service, if it has one.
pub(super) fn units(
    cluster: &ClusterName,
    service: &Service,
    listen: Option<IpAddr>,
    client: &str,
) -> BTreeMap<UnitFileName, DesiredUnit> {
    let Some((health, watch)) = watched(service) else {
        return BTreeMap::new();
    };
    let unit = Instance::of(&service.name).unit(cluster);
    let script = script(cluster, service, (health, watch), listen, client);
    let texts = [
        (
            UnitKind::Watch,
            asker(cluster, service, health, &quote_lines(&script)),
        ),
        (UnitKind::WatchTimer, timer(cluster, service, &unit, &watch)),
    ];
    let units = texts.into_iter().map(|(kind, text)| {
        let parsed = parse_unit(&text);
        (unit.file(kind), DesiredUnit::new(text.into(), &parsed))
    });
    units.collect()
}

/// What is asked, and how often.
fn watched(service: &Service) -> Option<(&Health, HealthWatch)> {
    let health = service.health.as_ref()?;
    Some((health, health.watch?))
}

fn timer(cluster: &ClusterName, service: &Service, unit: &UnitName, watch: &HealthWatch) -> String {
    let name = &service.name;
    let every = watch.every.as_millis();
    let wanted_by = match &service.swap {
        Some(_) => unit
            .slots()
            .map(|unit| unit.service_file().to_string())
            .join(" "),
        None => unit.service_file().to_string(),
    };
    let text = format!(
        "[Unit]\n\
         Description=When {name} of {cluster} is asked whether it is well\n\
         # It goes with the last unit that wants it.\n\
         StopWhenUnneeded=yes\n\
         \n\
         [Timer]\n\
         OnActiveSec={every}ms\n\
         OnUnitInactiveSec={every}ms\n\
         AccuracySec=500ms\n\
         \n\
         [Install]\n\
         WantedBy={wanted_by}\n"
    );
    let what = format!("When service {name} of cluster {cluster} is asked whether it is well");
    let file = around(cluster, name, &what, &text);
    let HealthWatch {
        every,
        failures,
        then,
    } = watch;
    let every = match every.subsec_millis() {
        0 => format!("{}s", every.as_secs()),
        _ => format!("{}ms", every.as_millis()),
    };
    let then = match then {
        WhenUnhealthy::Report => "report",
        WhenUnhealthy::Restart => "restart",
    };
    format!("{file}{WORDS}every {every}, unhealthy after {failures}, then {then}\n")
}

/// What a timer says of its watch in words, for plans.
const WORDS: &str = "Watch=";

/// What the file of a timer says of its watch, for a plan: `every 30s, unhealthy after 3, then restart`.
#[must_use]
pub fn words(timer: &str) -> Option<&str> {
    timer.lines().find_map(|line| line.strip_prefix(WORDS))
}

fn asker(cluster: &ClusterName, service: &Service, health: &Health, script: &str) -> String {
    let name = &service.name;
    let limit = wait::seconds(wait::question(health)) + ENGINE + MARGIN;
    let text = format!(
        "[Unit]\n\
         Description=Whether {name} of {cluster} is well\n\
         # However often it is asked.\n\
         StartLimitIntervalSec=0\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         # That it was asked is nothing to write down.\n\
         LogLevelMax=notice\n\
         UMask=0077\n\
         TimeoutStartSec={limit}\n\
         # (To systemd `$$` is `$`.)\n\
         ExecStart=/bin/bash -pc {script}\n"
    );
    let what = format!("Whether service {name} of cluster {cluster} is well");
    around(cluster, name, &what, &text)
}

/// Asks once. A run ends with 0, whatever the answer is.
fn script(
    cluster: &ClusterName,
    service: &Service,
    (health, watch): (&Health, HealthWatch),
    listen: Option<IpAddr>,
    client: &str,
) -> Vec<String> {
    let (asks, _) = wait::question_lines(service, health, listen, client, "$n");
    let limit = wait::seconds(wait::question(health)) + ENGINE;
    // Who hangs up before all of a request is sent has answered, too.
    let mut lines = vec!["LC_ALL=C; trap \"\" PIPE;".to_owned()];
    lines.extend(unit_lines(cluster, service));
    lines.extend(state_lines(cluster, service));
    lines.extend(asks);
    lines.extend([
        "ask() {".to_owned(),
        format!(
            "  [ \"$({client} inspect -f \"{{{{.State.Running}}}}\" $n)\" = true ] || {{ echo its container does not run; return; }};"
        ),
        "  answers >/dev/null 2>&1; local ended=$?; ((ended > 0)) || { echo well; return; };"
            .to_owned(),
    ]);
    lines.extend(found_lines(health));
    lines.extend([
        "};".to_owned(),
        format!("read -r -t {limit} found < <(ask 2>/dev/null);"),
        format!("found=${{found//[! -~]/}}; found=${{found:-no answer within {limit} s}};"),
    ]);
    lines.extend(answer_lines(service, watch.failures));
    if watch.then == WhenUnhealthy::Restart {
        lines.extend(restart_lines(service));
    }
    lines
}

/// Which unit is asked: `u`, and its container, `n`. `which` says whether it is still that one.
fn unit_lines(cluster: &ClusterName, service: &Service) -> Vec<String> {
    let unit = Instance::of(&service.name).unit(cluster);
    if service.swap.is_none() {
        return vec![format!("u={unit} n={unit};"), "which() { :; };".to_owned()];
    }
    let name = &service.name;
    let [a, b] = Slot::BOTH.map(|slot| unit.of_slot(slot));
    let link = format!("{}/{name}", slots::links(cluster));
    vec![
        format!("which() {{ u={a}; case $(readlink {link}) in */{name}.b.*) u={b} ;; esac; }};"),
        "which; n=${u/@/.};".to_owned(),
    ]
}

/// What systemd says of the unit, and what was found before. What is not up is not asked.
fn state_lines(cluster: &ClusterName, service: &Service) -> Vec<String> {
    let file = Instance::of(&service.name).unit(cluster);
    let lines = [
        "active= start= within=0 burst=1;",
        "while IFS== read -r key value; do case $key in",
        "  ActiveState) active=$value ;; InvocationID) start=$value ;;",
        "  StartLimitIntervalUSec) within=$value ;; StartLimitBurst) burst=$value ;;",
        "  esac; done < <(systemctl show -p ActiveState,InvocationID,StartLimitIntervalUSec,StartLimitBurst $u.service);",
        "[ \"$active\" = active ] || exit 0;",
        "unit= was= state=well failed=0 since=0 restarts=0 last=0;",
    ];
    let mut lines: Vec<String> = lines.map(str::to_owned).into();
    lines.push(format!("f={FOUND}/{file};"));
    let more = [
        "[ ! -f $f ] || read -r unit was state failed since restarts last found <$f;",
        "[[ $failed$since$restarts$last == +([0-9]) ]] || failed=0 since=0 restarts=0 last=0;",
        // Another start: that this made it is still to be told.
        "[ \"$unit $was\" = \"$u $start\" ] || {",
        "  failed=0 since=0;",
        "  if [ \"$state\" = restarting ]; then state=restarted; else state=well restarts=0 last=0; fi; };",
        "note() { mkdir -p ${f%/*} && echo \"$u $start $state $failed $since $restarts $last $found\" >${f%/*}/.new.${f##*/} &&",
        "  mv ${f%/*}/.new.${f##*/} $f; };",
    ];
    lines.extend(more.map(str::to_owned));
    lines
}

/// What is told of a bad answer: nothing that a command printed, and of what a container sends only what it means.
fn found_lines(health: &Health) -> Vec<String> {
    match &health.probe {
        Probe::Http(probe) => vec![
            "  [[ $status == [1-9][0-9][0-9] ]] || status=\"no answer\";".to_owned(),
            format!(
                "  echo \"$status to GET {}\";",
                in_double_quotes(&probe.path)
            ),
        ],
        Probe::Tcp => vec!["  echo no connection to its port;".to_owned()],
        Probe::Command(_) => {
            let one = wait::seconds(wait::question(health));
            vec![
                format!(
                    "  case $ended in 124) echo its health command took longer than {one} s ;;"
                ),
                "  *) echo its health command ended with $ended ;; esac;".to_owned(),
            ]
        }
        Probe::Image => vec![
            "  [[ $state == +([a-z]) ]] || state=nothing;".to_owned(),
            "  echo \"its HEALTHCHECK says $state\";".to_owned(),
        ],
    }
}

/// What the answer means. Where it is not enough to be unhealthy, the script ends.
fn answer_lines(service: &Service, failures: u32) -> Vec<String> {
    let name = &service.name;
    vec![
        "if [ \"$found\" = well ]; then".to_owned(),
        format!(
            "  case $state in unhealthy | restarted) echo \"<5>bayplan: {name} is well again\" ;; esac;"
        ),
        "  state=well failed=0 since=0;".to_owned(),
        "  if ((restarts > 0)); then note; else rm -f $f; fi; exit 0; fi;".to_owned(),
        "printf -v now \"%(%s)T\" -1;".to_owned(),
        "failed=$((failed + 1)); ((failed > 1)) || since=$now;".to_owned(),
        format!("((failed >= {failures})) || {{"),
        "  [ \"$state\" = restarted ] || state=failing; note; exit 0; };".to_owned(),
        "[ \"$state\" = unhealthy ] || {".to_owned(),
        format!(
            "  state=unhealthy; echo \"<3>bayplan: {name} is unhealthy: $failed in a row: $found\"; }};"
        ),
        "note;".to_owned(),
    ]
}

/// A restart, unless the start limit or a release forbids it just now: then the next run tries again.
fn restart_lines(service: &Service) -> Vec<String> {
    let name = &service.name;
    vec![
        "wait=0; [ \"$within\" = 0 ] || {".to_owned(),
        "  wait=$(systemd-analyze timespan \"$within\" 2>/dev/null | sed -n \"2s/.*: //p\");".to_owned(),
        // Without an end: once is enough.
        "  [[ $wait == +([0-9]) && ${#wait} -lt 16 ]] || wait=999999999999999; };".to_owned(),
        "((last == 0 || now - last >= wait / 1000000 / (burst > 0 ? burst : 1))) || {".to_owned(),
        format!(
            "  echo \"<4>bayplan: {name} is not restarted: its start limit allows $burst starts in $within\"; exit 0; }};"
        ),
        format!("exec 9<>{LOCK} && flock -n 9 || {{"),
        format!(
            "  echo \"<4>bayplan: {name} is not restarted: somebody holds the lock of this host\"; exit 0; }};"
        ),
        // It was asked for a while, and is another one by now.
        "asked=$u; which; [ \"$asked $start\" = \"$u $(systemctl show -p InvocationID --value $u.service)\" ] || exit 0;"
            .to_owned(),
        "state=restarting restarts=$((restarts + 1)) last=$now; note;".to_owned(),
        format!("echo \"<3>bayplan: restarting {name}: $failed in a row: $found\";"),
        // Earlier starts may have used the limit up: then it would stay down.
        "[ \"$within\" = 0 ] || systemctl reset-failed $u.service;".to_owned(),
        "systemctl --no-block try-restart $u.service;".to_owned(),
    ]
}

/// The lock of a host.
pub const LOCK: &str = "/var/lib/bayplan/lock";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;
    use std::time::Duration;

    use rustix::fs::{FlockOperation, flock};

    use super::*;
    use crate::cluster::model::{HttpProbe, Swap};
    use crate::cluster::name::ServiceName;
    use crate::plan::observed::{BadAnswers, Watched};
    use crate::render::desired::DesiredService;
    use crate::render::tests::{rendered, service};
    use crate::render::unit::{expand_nothing, split_words};

    const DOCKER: &str = "#!/bin/sh\ncd ROOT\ncase \"$*\" in\n\
        *State.Running*) echo true ;;\nexec*) echo secret; exit $(cat exit) ;;\n*) cat exit ;;\nesac\n";
    const SYSTEMCTL: &str = "#!/bin/sh\ncd ROOT\ncase \"$*\" in\n\
        *--value*) cat start ;;\n\
        show*) printf 'ActiveState=%s\\nInvocationID=%s\\n' \"$(cat active)\" \"$(cat start)\"\n\
        printf 'StartLimitIntervalUSec=%s\\nStartLimitBurst=5\\n' \"$(cat within)\" ;;\n\
        *) echo \"$*\" >>calls ;;\nesac\n";
    const ANALYZE: &str =
        "#!/bin/sh\nprintf 'Original: x\\n      us: 600000000\\n   Human: 10min\\n'\n";

    fn watched_by(probe: Probe, then: WhenUnhealthy) -> Service {
        let mut web = service("web");
        web.health = Some(Health {
            watch: Some(HealthWatch {
                every: Duration::from_secs(30),
                failures: 3,
                then,
            }),
            ..Health::of(probe, Duration::from_secs(30))
        });
        web
    }

    fn by_command(then: WhenUnhealthy) -> DesiredService {
        rendered(watched_by(Probe::Command(vec!["check".to_owned()]), then))
    }

    fn file(service: &DesiredService, suffix: &str) -> String {
        let mut units = service.units.iter();
        let found = units.find(|(file, _)| file.as_str().ends_with(suffix));
        found.unwrap().1.text.to_string()
    }

    /// A host below a root, on which the service has just started and is well.
    struct WatchedHost(tempfile::TempDir);

    impl WatchedHost {
        fn new() -> Self {
            let host = Self(tempfile::tempdir().unwrap());
            let root = host.0.path().to_string_lossy().into_owned();
            fs::create_dir_all(host.0.path().join("var/production/swap")).unwrap();
            for (name, text) in [
                ("docker", DOCKER),
                ("systemctl", SYSTEMCTL),
                ("systemd-analyze", ANALYZE),
            ] {
                let path = host.0.path().join(name);
                fs::write(&path, text.replace("ROOT", &root)).unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            }
            for (name, text) in [
                ("active", "active"),
                ("start", "s1"),
                ("within", "0"),
                ("exit", "0"),
                ("calls", ""),
            ] {
                host.set(name, text);
            }
            host
        }

        fn set(&self, name: &str, text: &str) {
            fs::write(self.0.path().join(name), text).unwrap();
        }

        fn get(&self, name: &str) -> String {
            fs::read_to_string(self.0.path().join(name)).unwrap_or_default()
        }

        /// Asks once; what is said.
        fn ask(&self, service: &DesiredService) -> String {
            let unit = parse_unit(&file(service, ".watch.service"));
            let words = split_words(unit.values("Service", "ExecStart")[0]).unwrap();
            let root = self.0.path().to_string_lossy().into_owned();
            let words = words.iter().map(|word| {
                let word = expand_nothing(word).replace("/var/lib/bayplan", &format!("{root}/var"));
                word.replace("/run/bayplan", &format!("{root}/run"))
            });
            let words: Vec<String> = words.collect();
            let path = format!("{root}:{}", std::env::var("PATH").unwrap());
            let output = Command::new(&words[0])
                .args(&words[1..])
                .env("PATH", path)
                .output()
                .unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && errors.is_empty(), "{errors}");
            String::from_utf8(output.stdout).unwrap()
        }

        /// What is kept, as it is told of a start of a unit.
        fn told(&self, unit: &str, start: &str) -> Option<Watched> {
            let cluster = ClusterName::new("production").unwrap();
            let unit = Instance::of_unit(&cluster, unit).unwrap().unit(&cluster);
            let line = self.get("run/watch/production-web");
            Watched::parse(line.trim_end(), &unit, start)
        }

        fn unhealthy(&self, start: &str) -> Option<BadAnswers> {
            self.told("production-web", start)?.unhealthy
        }
    }

    #[test]
    fn a_watch_is_two_files_and_no_input() {
        let web = watched_by(
            Probe::Http(HttpProbe::of("/health")),
            WhenUnhealthy::Restart,
        );
        let mut web = Service {
            port: Some(9000),
            ..web
        };
        let watched = rendered(web.clone());
        web.health.as_mut().unwrap().watch = None;
        let without = rendered(web);
        assert_eq!(watched.fingerprint, without.fingerprint);
        assert_eq!(watched.service_unit(), without.service_unit());
        let timer = watched.watch().unwrap();
        assert_eq!(timer.as_str(), "production-web.watch.timer");
        let links = &watched.units[&timer].enabled_by;
        assert_eq!(links, &["production-web.service.wants".to_owned()].into());
        let texts = [".watch.timer", ".watch.service"].map(|suffix| file(&watched, suffix));
        assert_eq!(
            words(&texts[0]),
            Some("every 30s, unhealthy after 3, then restart")
        );
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn bad_answers_in_a_row_make_it_unhealthy_and_a_good_one_well() {
        let (host, web) = (WatchedHost::new(), by_command(WhenUnhealthy::Report));
        assert_eq!(host.ask(&web), "");
        assert_eq!(host.get("run/watch/production-web"), "");
        host.set("exit", "3");
        assert_eq!(host.ask(&web) + &host.ask(&web), "");
        assert_eq!(host.unhealthy("s1"), None);
        // One good answer between them.
        host.set("exit", "0");
        assert_eq!(host.ask(&web), "");
        host.set("exit", "3");
        assert_eq!(host.ask(&web) + &host.ask(&web), "");
        assert_eq!(
            host.ask(&web),
            "<3>bayplan: web is unhealthy: 3 in a row: its health command ended with 3\n"
        );
        assert_eq!(host.ask(&web), "");
        let found = host.unhealthy("s1").unwrap();
        assert_eq!(found.number, 4);
        assert!(found.since.is_some());
        assert_eq!(found.found, "its health command ended with 3");
        // Of another start, or of another unit, it says nothing.
        assert_eq!(host.unhealthy("s2"), None);
        assert_eq!(host.told("production-web@a", "s1"), None);
        host.set("exit", "0");
        assert_eq!(host.ask(&web), "<5>bayplan: web is well again\n");
        assert_eq!(host.get("run/watch/production-web"), "");
        assert_eq!(host.get("calls"), "");
    }

    #[test]
    fn what_is_not_up_is_not_asked_and_another_start_counts_anew() {
        let (host, web) = (WatchedHost::new(), by_command(WhenUnhealthy::Report));
        host.set("exit", "1");
        host.set("active", "inactive");
        assert_eq!(host.ask(&web), "");
        assert_eq!(host.get("run/watch/production-web"), "");
        host.set("active", "active");
        assert_eq!(host.ask(&web) + &host.ask(&web), "");
        host.set("start", "s2");
        assert_eq!(host.ask(&web) + &host.ask(&web), "");
        assert_eq!(host.unhealthy("s2"), None);
        assert!(host.ask(&web).contains("unhealthy"));
        // What a hand wrote there is nothing.
        host.set("run/watch/production-web", "a b c $(id) -1 x\n");
        assert_eq!(host.ask(&web), "");
        let line = host.get("run/watch/production-web");
        assert!(line.starts_with("production-web s2 failing 1 "), "{line}");
    }

    #[test]
    fn a_restart_comes_after_the_bad_answers_and_is_told_until_somebody_else_starts_it() {
        let (host, web) = (WatchedHost::new(), by_command(WhenUnhealthy::Restart));
        host.set("exit", "1");
        assert_eq!(host.ask(&web) + &host.ask(&web), "");
        let said = host.ask(&web);
        assert!(
            said.ends_with(
                "<3>bayplan: restarting web: 3 in a row: its health command ended with 1\n"
            ),
            "{said}"
        );
        assert_eq!(
            host.get("calls"),
            "--no-block try-restart production-web.service\n"
        );
        // It starts.
        host.set("start", "s2");
        let told = host.told("production-web", "s2").unwrap();
        assert_eq!((told.restarts, told.unhealthy), (1, None));
        host.set("exit", "0");
        assert_eq!(host.ask(&web), "<5>bayplan: web is well again\n");
        assert_eq!(host.ask(&web), "");
        let told = host.told("production-web", "s2").unwrap();
        assert_eq!((told.restarts, told.unhealthy), (1, None));
        assert!(told.restarted.is_some());
        host.set("start", "s3");
        assert_eq!(host.told("production-web", "s3"), None);
        assert_eq!(host.ask(&web), "");
        assert_eq!(host.get("run/watch/production-web"), "");
    }

    #[test]
    fn nothing_is_restarted_under_the_lock_of_a_release() {
        let (host, web) = (WatchedHost::new(), by_command(WhenUnhealthy::Restart));
        host.set("exit", "1");
        let lock = fs::File::create(host.0.path().join("var/lock")).unwrap();
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        let said = [(); 4].map(|()| host.ask(&web)).concat();
        let held = "<4>bayplan: web is not restarted: somebody holds the lock of this host\n";
        assert!(said.ends_with(&held.repeat(2)), "{said}");
        assert_eq!(host.get("calls"), "");
        drop(lock);
        assert!(host.ask(&web).contains("restarting web"));
        assert!(host.get("calls").contains("try-restart"));
    }

    #[test]
    fn a_start_limit_holds_for_a_watch_too() {
        let (host, web) = (WatchedHost::new(), by_command(WhenUnhealthy::Restart));
        host.set("exit", "1");
        host.set("within", "10min");
        let said = [(); 3].map(|()| host.ask(&web)).concat();
        assert!(said.contains("restarting web"), "{said}");
        assert_eq!(
            host.get("calls"),
            "reset-failed production-web.service\n--no-block try-restart production-web.service\n"
        );
        host.set("start", "s2");
        let said = [(); 3].map(|()| host.ask(&web)).concat();
        assert!(
            said.ends_with(
                "<4>bayplan: web is not restarted: its start limit allows 5 starts in 10min\n"
            ),
            "{said}"
        );
        assert_eq!(host.get("calls").lines().count(), 2);
    }

    #[test]
    fn the_slot_that_serves_is_asked() {
        let mut web = watched_by(
            Probe::Command(vec!["check".to_owned()]),
            WhenUnhealthy::Restart,
        );
        // `check` wants `http` there; what is asked does not matter here.
        web.port = Some(3000);
        web.swap = Some(Swap {
            proxy: ServiceName::new("proxy").unwrap(),
            port: 8080,
            slots: [19000, 19001],
            drain: Duration::from_secs(30),
            keep: Duration::from_secs(600),
            files: ["a", "b"].map(|slot| format!("/etc/haproxy/web.{slot}.cfg")),
        });
        let web = rendered(web);
        let links = &web.units[&web.watch().unwrap()].enabled_by;
        let wants = ["a", "b"].map(|slot| format!("production-web@{slot}.service.wants"));
        assert_eq!(links, &wants.into());
        let host = WatchedHost::new();
        host.set("exit", "1");
        let link = host.0.path().join("var/production/swap/web");
        std::os::unix::fs::symlink("/etc/haproxy/web.b.cfg", &link).unwrap();
        let _ = [(); 3].map(|()| host.ask(&web));
        assert!(
            host.get("calls")
                .contains("try-restart production-web@b.service")
        );
        assert!(host.told("production-web@b", "s1").is_some());
        assert_eq!(host.told("production-web@a", "s1"), None);
    }

    #[test]
    fn an_answer_of_http_is_told_by_its_status_alone() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut web = watched_by(Probe::Http(HttpProbe::of("/health")), WhenUnhealthy::Report);
        web.port = Some(server.local_addr().unwrap().port());
        web.container.network = Some("host".to_owned());
        let web = rendered(web);
        let host = WatchedHost::new();
        let answers = [
            "HTTP/1.1 200 OK",
            "HTTP/1.1 503 a secret",
            "secret $(id) \u{1}",
        ];
        let answering = std::thread::spawn(move || {
            for answer in answers {
                let (mut connection, _) = server.accept().unwrap();
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    connection.read_exact(&mut byte).unwrap();
                    asked.extend(byte);
                }
                assert!(asked.starts_with(b"GET /health HTTP/1.0\r\n"));
                connection
                    .write_all(format!("{answer}\r\n").as_bytes())
                    .unwrap();
            }
        });
        let found = || {
            assert_eq!(host.ask(&web), "");
            let line = host.get("run/watch/production-web");
            line.trim_end().splitn(8, ' ').nth(7).map(str::to_owned)
        };
        assert_eq!(found(), None);
        assert_eq!(found().as_deref(), Some("503 to GET /health"));
        assert_eq!(found().as_deref(), Some("no answer to GET /health"));
        answering.join().unwrap();
        // Nobody listens any more.
        assert!(host.ask(&web).contains("no answer to GET /health"));
    }
}
