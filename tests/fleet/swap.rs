//! A service with two slots behind HAProxy: no request is lost, whatever of it changes and whatever a release dies of.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use toml::Table;

use crate::drills::deaths::{Blow, HOST, steps};
use crate::drills::gate::Gate;
use crate::drills::steps::Every;
use crate::ground::Ground;
use crate::hosts::{Fleet, until};
use crate::run::start;
use crate::secrets::{KEY, identity};

/// The services of the example with nginx.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clusters/shop-nginx/services/");

const HAPROXY: &str = "\
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 20s
  timeout check 5s
  option idle-close-on-response
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response
  default-server check inter 500ms fall 1 rise 1 observe layer4 error-limit 1 on-error mark-down
frontend http
  bind :{{ services.web.port }}
  default_backend web
";

/// The file that says that a slot serves.
fn backend(slot: &str, ports: [u16; 2]) -> String {
    let [a, b] = ports;
    let (of_a, of_b) = match slot {
        "a" => ("", " backup"),
        _ => (" backup", ""),
    };
    format!(
        "backend web
  option httpchk GET /health
  http-request disable-l7-retry if {{ method POST PUT PATCH DELETE }}
  http-request set-var(txn.asked) bool(true) if {{ req.hdr(x-bayplan-slot) -m found }}
  http-response set-header x-bayplan-slot {slot} if {{ var(txn.asked) -m bool }}
  server a bayplan-slots:{a}{of_a}
  server b bayplan-slots:{b}{of_b}
"
    )
}

/// Serves its version, and an answer that takes 1.5 s.
const SERVE: &str = "mkdir -p /www/cgi-bin; \
     printf '#!/bin/sh\\nsleep 1.5\\nprintf \"Content-type: text/plain\\\\n\\\\n1.slow\"\\n' >/www/cgi-bin/slow; \
     chmod +x /www/cgi-bin/slow; exec /entry";

/// A service `web` with slots, and its proxy.
pub fn shop(fleet: &'static Fleet, cluster: &str, port: u16, podman: bool) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    if podman {
        ground = ground.with_podman();
    }
    ground.only(&[HOST]);
    ground.images();
    fleet.image("haproxy:2.6", &["haproxy"]);
    ground.serve("web", 3000, HOST);
    let slots = [port + 1, port + 2];
    let repo = &mut ground.repo;
    repo.set_of("web", "command", vec!["sh", "-c", SERVE]);
    repo.set_of("web", "swap.proxy", "proxy");
    repo.set_of("web", "swap.port", i64::from(port));
    repo.set_of("web", "swap.slots", slots.map(i64::from).to_vec());
    repo.set_of("web", "swap.drain", "15s");
    repo.set_of("proxy", "image", format!("{}/haproxy", fleet.registry));
    repo.set_of("proxy", "tag", "2.6");
    repo.set_of("proxy", "network", "host");
    repo.set_of("proxy", "user", "0");
    repo.set_of("proxy", "stop_signal", "USR1");
    let own = "/etc/haproxy/haproxy.cfg";
    let run = [
        "/sbin/haproxy",
        "-W",
        "-db",
        "-f",
        own,
        "-f",
        "/bayplan/swap/web",
    ];
    repo.set_of("proxy", "command", run.to_vec());
    let check = format!(
        "for slot in a b; do /sbin/haproxy -c -q -f {own} -f /etc/haproxy/web.$slot.cfg || exit; done"
    );
    let files = format!(
        "\"/etc/haproxy\" = {{ from = \"conf/\", template = true, reload = {{ signal = \"USR2\" }}, check = [\"sh\", \"-c\", '{check}'] }}"
    );
    let files: Table = toml::from_str(&files).expect("it is TOML");
    repo.set_of("proxy", "files", files);
    repo.place("proxy", HOST);
    let mut file = |name: &str, text: String| {
        let path = PathBuf::from("proxy/conf").join(name);
        repo.files.insert(path, text.into_bytes());
    };
    file("haproxy.cfg", HAPROXY.to_owned());
    file("web.a.cfg", backend("a", slots));
    file("web.b.cfg", backend("b", slots));
    ground
}

/// nginx in the place of HAProxy, as in the example.
fn behind_nginx(ground: &mut Ground, port: u16) {
    let fleet = ground.fleet;
    let made = ["var/lib/nginx/made=", "run/made="];
    fleet.image("nginx:1.22", &[&["nginx"][..], &made].concat());
    let example = fs::read_to_string(EXAMPLE.to_owned() + "proxy.toml").expect("it is there");
    // Debian's is older than the one of the example.
    let example = example.replace("\"nginx", "\"/sbin/nginx");
    let example = example.replace(" nginx -t", " /sbin/nginx -t");
    let example: Table = toml::from_str(&example).expect("it is TOML");
    let repo = &mut ground.repo;
    for key in ["command", "files", "network", "stop_signal"] {
        repo.set_of("proxy", key, example[key].clone());
    }
    repo.set_of("proxy", "image", format!("{}/nginx", fleet.registry));
    repo.set_of("proxy", "tag", "1.22");
    repo.files.retain(|path, _| !path.starts_with("proxy/conf"));
    for name in ["nginx.conf", "web.a.conf", "web.b.conf"] {
        let path = PathBuf::from("proxy/conf").join(name);
        let text =
            fs::read_to_string(EXAMPLE.to_owned() + "proxy/conf/" + name).expect("it is there");
        let text = text.replace("19000", &(port + 1).to_string());
        let text = text.replace("19001", &(port + 2).to_string());
        let text = text.replace("keepalive_min_timeout", "# keepalive_min_timeout");
        repo.files.insert(path, text.into_bytes());
    }
}

/// Requests from beside the hosts, until it is told to stop.
pub struct Load {
    stops: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    lost: Arc<Mutex<Vec<String>>>,
    threads: Vec<JoinHandle<()>>,
    began: Instant,
}

/// One kind of client.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    path: &'static str,
    keeps: bool,
    pause: Duration,
    asks_again: bool,
}

impl Client {
    /// One that asks for this, on one connection or on many, and rests so many milliseconds in between.
    pub fn of(path: &'static str, keeps: bool, pause: u64) -> Self {
        Self {
            path,
            keeps,
            pause: Duration::from_millis(pause),
            asks_again: false,
        }
    }

    /// It opens another connection if the one that it kept has ended, as HTTP clients do.
    fn asks_again(self) -> Self {
        Self {
            asks_again: true,
            ..self
        }
    }

    fn asks(&self, at: &str, kept: Option<Kept>) -> Result<Option<Kept>, String> {
        let was_kept = kept.is_some();
        match request(at, self.path, kept) {
            Err(why) if was_kept && self.asks_again && why.starts_with(ENDED) => {
                request(at, self.path, None)
            }
            asked => asked,
        }
    }
}

impl Load {
    /// Fresh and kept-alive connections, answers that take long, a client that sleeps through each swap, and one that paces
    /// itself.
    pub fn on(address: &str, port: u16) -> Self {
        Self::of(
            address,
            port,
            &[
                (3, Client::of("/version", false, 10)),
                (3, Client::of("/version", true, 10)),
                (3, Client::of("/cgi-bin/slow", false, 0)),
                (2, Client::of("/version", true, 5000)),
                (1, Client::of("/version", true, 1000)),
            ],
        )
    }

    /// So many of each kind of client.
    pub fn of(address: &str, port: u16, clients: &[(usize, Client)]) -> Self {
        let mut load = Self {
            stops: Arc::default(),
            count: Arc::default(),
            lost: Arc::default(),
            threads: Vec::new(),
            began: Instant::now(),
        };
        for &(number, client) in clients {
            for _ in 0..number {
                let at = format!("{address}:{port}");
                let (stops, count, lost) =
                    (load.stops.clone(), load.count.clone(), load.lost.clone());
                load.threads.push(std::thread::spawn(move || {
                    let mut connection = None;
                    while !stops.load(Ordering::Relaxed) {
                        let kept = connection.take().filter(|_| client.keeps);
                        match client.asks(&at, kept) {
                            Ok(next) => connection = next,
                            Err(why) => {
                                let since = Instant::now();
                                let mut lost = lost.lock().expect("nobody panics with it");
                                lost.push(format!("{since:?} {client:?}: {why}"));
                            }
                        }
                        count.fetch_add(1, Ordering::Relaxed);
                        sleep(client.pause);
                    }
                }));
            }
        }
        load
    }

    /// How many requests there were; none was lost.
    #[track_caller]
    pub fn lost_none(self) -> usize {
        self.stops.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("it does not panic");
        }
        let count = self.count.load(Ordering::Relaxed);
        let lost = self.lost.lock().expect("nobody panics with it");
        let seconds = self.began.elapsed().as_secs();
        println!("{count} requests in {seconds} s, {} lost", lost.len());
        assert!(lost.is_empty(), "{} of {count} lost: {lost:#?}", lost.len());
        count
    }
}

/// A connection that may be used for the next request.
type Kept = BufReader<TcpStream>;

/// What is said of a connection on which no answer began.
const ENDED: &str = "ended before an answer";

/// One request; gives the connection back if the answer leaves it open.
pub fn request(at: &str, path: &str, kept: Option<Kept>) -> Result<Option<Kept>, String> {
    let told = |what: &str| {
        let what = what.to_owned();
        move |error: std::io::Error| format!("{what}: {error}")
    };
    let mut stream = match kept {
        Some(kept) => kept,
        None => {
            let stream = TcpStream::connect(at).map_err(told("connect"))?;
            let limit = Some(Duration::from_secs(20));
            stream.set_read_timeout(limit).map_err(told("limit"))?;
            BufReader::new(stream)
        }
    };
    let text = format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n");
    stream
        .get_mut()
        .write_all(text.as_bytes())
        .map_err(told(ENDED))?;
    let (mut head, mut length, mut closes, mut chunked) = (String::new(), None, false, false);
    loop {
        let mut line = String::new();
        let part = if head.is_empty() { ENDED } else { "head" };
        let read = stream.read_line(&mut line).map_err(told(part))?;
        if read == 0 {
            return Err(format!("{part}: after {head:?} nothing came"));
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse::<usize>().ok();
        }
        closes |= line == "connection: close";
        chunked |= line == "transfer-encoding: chunked";
        head += &line;
        head.push('\n');
    }
    let mut body = Vec::new();
    match length {
        Some(length) => {
            body.resize(length, 0);
            stream.read_exact(&mut body).map_err(told("body"))?;
        }
        None => {
            closes = true;
            if chunked {
                // All of it comes in one chunk.
                let mut size = String::new();
                stream.read_line(&mut size).map_err(told("chunk"))?;
                let size = usize::from_str_radix(size.trim(), 16).map_err(|e| e.to_string())?;
                body.resize(size, 0);
                stream.read_exact(&mut body).map_err(told("body"))?;
            } else {
                stream.read_to_end(&mut body).map_err(told("body"))?;
            }
        }
    }
    let right = head.starts_with("http/1.1 200") && body.starts_with(b"1.");
    match right {
        true => Ok((!closes).then_some(stream)),
        false => Err(format!("{head}{}", String::from_utf8_lossy(&body))),
    }
}

/// One slot of `web` is up, and it is the one of the link.
#[track_caller]
pub fn one_serves(ground: &Ground, engine: &str) -> String {
    one_is_up(ground, engine, "web", "/etc/haproxy/web.SLOT.cfg")
}

/// One of the two containers of a service is up, and it is the one of the link, which leads to `target`.
#[track_caller]
pub fn one_is_up(ground: &Ground, engine: &str, service: &str, target: &str) -> String {
    let cluster = &ground.repo.name;
    let seen = ground.host(HOST).sh(&format!(
        "{engine} ps --format '{{{{.Names}}}}' | grep -F {cluster}-{service} | LC_ALL=C sort
        readlink /var/lib/bayplan/{cluster}/swap/{service}
        ls /etc/systemd/system/multi-user.target.wants | grep -F {cluster}-{service}"
    ));
    let lines: Vec<&str> = seen.lines().collect();
    let [container, link, enabled] = lines[..] else {
        panic!("expected one of two, found {seen}");
    };
    let slot = container
        .strip_prefix(&format!("{cluster}-{service}."))
        .expect("one of two");
    assert_eq!(link, target.replace("SLOT", slot));
    assert_eq!(enabled, format!("{cluster}-{service}@{slot}.service"));
    slot.to_owned()
}

/// Power fails, and it serves again.
pub fn boots(ground: &Ground, port: u16) {
    let at = format!("{}:{port}", ground.host(HOST).address);
    ground.fleet.power_cut(HOST);
    ground.fleet.close_connections();
    until(Duration::from_secs(90), "it serves after a boot", || {
        request(&at, "/version", None).is_ok().then_some(())
    });
}

/// The proxy gets another configuration, which means the same.
pub fn configure(ground: &mut Ground, retries: usize) {
    let text = HAPROXY.replace("retries 3", &format!("retries {retries}"));
    let path = PathBuf::from("proxy/conf/haproxy.cfg");
    ground.repo.files.insert(path, text.into_bytes());
}

/// An activation dies before each of its steps, while the tag of a service goes from one of these to the other and back.
pub fn killed_before_each_step(
    ground: &mut Ground,
    gate: &Gate,
    (service, tags): (&str, [&str; 2]),
    is_whole: impl Fn(&Ground),
) {
    let [first, second] = tags;
    ground.repo.set_of(service, "tag", second);
    ground.release().exits(0);
    let steps = steps(ground);
    for (number, (script, step)) in Every::of_this_run().of(steps).into_iter().enumerate() {
        let tag = [first, second][number % 2];
        ground.repo.set_of(service, "tag", tag);
        let at = format!("before step {step} of {script}");
        Blow::Activation.strike(ground, gate, (&script, step), &at);
        let ended = ground.release();
        assert_eq!(ended.code, 0, "{at}: {ended}");
        is_whole(ground);
        ground.diff().exits(0);
    }
}

pub fn docker(fleet: &'static Fleet) {
    life(fleet, "shop", 9901, "docker");
}

pub fn podman(fleet: &'static Fleet) {
    life(fleet, "podshop", 9911, "podman");
}

/// Lets `web` have a variable, a secret, and a file that is rendered.
pub fn with_inputs(ground: &mut Ground) {
    identity(ground.fleet);
    ground.repo.write();
    let cluster = ground.repo.name.clone();
    ground.bayplan(&["secrets", "init", &cluster]).exits(0);
    set_secret(ground, KEY);
    ground.repo.set_of("web", "secrets", vec!["KEY"]);
    ground.repo.set_of("web", "vars", vec!["GREETING"]);
    ground.repo.set("vars.GREETING", "hello");
    let files = "\"/etc/app.conf\" = { from = \"app.conf\", template = true }";
    let files: Table = toml::from_str(files).expect("it is TOML");
    ground.repo.set_of("web", "files", files);
    set_file(ground, "{{ GREETING }}\n");
}

/// Image, variable, secret and file in turn.
pub fn change_one_input(ground: &mut Ground, number: usize) {
    match number % 4 {
        0 => {
            let tag = ["1.1", "1.0"][number / 4 % 2];
            ground.repo.set_of("web", "tag", tag);
        }
        1 => ground.repo.set("vars.GREETING", format!("hello {number}")),
        2 => set_secret(ground, &format!("{KEY}{number}")),
        _ => set_file(ground, &format!("{number} {{{{ GREETING }}}}\n")),
    }
}

fn set_secret(ground: &Ground, value: &str) {
    let (root, cluster) = (ground.repo.root(), ground.repo.name.as_str());
    let mut running = start(
        ground.fleet,
        &["-C", root, "secrets", "set", cluster, "KEY"],
    );
    running.types(value);
    running.ended().exits(0);
}

fn set_file(ground: &mut Ground, text: &str) {
    let path = PathBuf::from("web/app.conf");
    ground.repo.files.insert(path, text.as_bytes().to_vec());
}

/// Each kind of change in turn, under load.
fn life(fleet: &'static Fleet, cluster: &str, port: u16, engine: &str) {
    let mut ground = shop(fleet, cluster, port, engine == "podman");
    with_inputs(&mut ground);
    ground.release().exits(0);
    let mut slot = one_serves(&ground, engine);
    assert_eq!(slot, "a");
    let address = ground.host(HOST).address.clone();
    let load = Load::on(&address, port);
    for number in 0..8 {
        change_one_input(&mut ground, number);
        ground.diff().exits(2).says(&["web", "swap"]);
        ground.release().exits(0).says(&["web"]);
        let now = one_serves(&ground, engine);
        assert_ne!(now, slot, "change {number}");
        slot = now;
    }
    // Nothing changed.
    ground.diff().exits(0);
    // The proxy goes on with another configuration.
    configure(&mut ground, 4);
    ground.release().exits(0).says(&["proxy"]);
    assert_eq!(one_serves(&ground, engine), slot);
    load.lost_none();
    ground.is_in_sync();
    // A boot starts the slot of the link.
    boots(&ground, port);
    assert_eq!(one_serves(&ground, engine), slot);
    ground.diff().exits(0);
}

/// The same behind nginx. It ends connections that rest at each swap.
pub fn nginx(fleet: &'static Fleet) {
    let port = 9991;
    let mut ground = shop(fleet, "nginxshop", port, false);
    behind_nginx(&mut ground, port);
    with_inputs(&mut ground);
    ground.release().exits(0);
    let serves = |ground: &Ground| one_is_up(ground, "docker", "web", "/etc/shop/web.SLOT.conf");
    let mut slot = serves(&ground);
    let address = ground.host(HOST).address.clone();
    let kept = |pause| Client::of("/version", true, pause).asks_again();
    let load = Load::of(
        &address,
        port,
        &[
            (3, Client::of("/version", false, 10)),
            (3, kept(10)),
            (3, Client::of("/cgi-bin/slow", false, 0)),
            (2, kept(5000)),
        ],
    );
    for number in 0..4 {
        change_one_input(&mut ground, number);
        ground.release().exits(0).says(&["web"]);
        let now = serves(&ground);
        assert_ne!(now, slot, "change {number}");
        slot = now;
    }
    // A configuration that nginx refuses changes nothing.
    let path = PathBuf::from("proxy/conf/nginx.conf");
    let good = ground.repo.files[&path].clone();
    let bad = [&good[..], b"}\n"].concat();
    ground.repo.files.insert(path.clone(), bad);
    ground
        .release()
        .exits(1)
        .says(&["refuses the files of proxy"]);
    ground.repo.files.insert(path, good);
    ground.diff().exits(0);
    load.lost_none();
    ground.is_in_sync();
}

/// A version that is not healthy, or a proxy that does not take over, leaves all as it was.
pub fn failures(fleet: &'static Fleet) {
    let mut ground = shop(fleet, "badshop", 9921, false);
    fleet.image("app:unhealthy", &["entry=unhealthy"]);
    ground.repo.set_of("web", "health.timeout", "5s");
    ground.release().exits(0);
    let slot = one_serves(&ground, "docker");
    let address = ground.host(HOST).address.clone();
    let load = Load::on(&address, 9921);
    let before = ground.containers();
    ground.repo.set_of("web", "tag", "unhealthy");
    ground.release().exits(5);
    assert_eq!(one_serves(&ground, "docker"), slot);
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    ground.repo.set_of("web", "tag", "1.0");
    ground.diff().exits(0);
    load.lost_none();
}

/// An activation dies before each of its steps.
pub fn killed(fleet: &'static Fleet) {
    let mut ground = shop(fleet, "killshop", 9931, false);
    let gate = Gate::of(fleet, HOST);
    ground.release().exits(0);
    let address = ground.host(HOST).address.clone();
    let load = Load::on(&address, 9931);
    killed_before_each_step(&mut ground, &gate, ("web", ["1.0", "1.1"]), |ground| {
        one_serves(ground, "docker");
    });
    load.lost_none();
}

/// The slots of which containers run, the one that serves first, and whether a timer waits for the other one. A boot starts
/// just the one that serves.
#[track_caller]
fn slots_up(ground: &Ground) -> (Vec<String>, bool) {
    let cluster = &ground.repo.name;
    let seen = ground.host(HOST).sh(&format!(
        "echo serves $(basename $(readlink /var/lib/bayplan/{cluster}/swap/web) | cut -d. -f2)
        echo enabled $(cd /etc/systemd/system/multi-user.target.wants && ls -d {cluster}-web@*)
        echo runs $(docker ps --format '{{{{.Names}}}}' | grep -F {cluster}-web. | LC_ALL=C sort | cut -d. -f2)
        echo timers $(systemctl list-units --plain --no-legend 'bayplan-keep-{cluster}-*.timer' | cut -d' ' -f1)"
    ));
    let line = |word: &str| {
        let mut lines = seen.lines().filter_map(|line| line.split_once(' '));
        let (_, rest) = lines.find(|(it, _)| *it == word).unwrap_or((word, ""));
        rest.to_owned()
    };
    let serving = line("serves");
    assert_eq!(
        line("enabled"),
        format!("{cluster}-web@{serving}.service"),
        "{seen}"
    );
    let runs = line("runs");
    let mut up: Vec<String> = runs.split_whitespace().map(str::to_owned).collect();
    assert!(up.contains(&serving), "{seen}");
    up.sort_by_key(|slot| *slot != serving);
    let timer = up.get(1).map_or_else(String::new, |slot| {
        format!("bayplan-keep-{cluster}-web.{slot}.timer")
    });
    assert_eq!(line("timers"), timer, "a timer for who is kept: {seen}");
    let kept = up.len() > 1;
    (up, kept)
}

/// The container of a slot.
fn container(ground: &Ground, slot: &str) -> String {
    let name = format!("{}-web.{slot}", ground.repo.name);
    ground
        .host(HOST)
        .sh(&format!("docker inspect -f '{{{{.Id}}}}' {name}"))
}

/// Back within the time that a slot is kept: no start, no request lost, one second.
pub fn kept(fleet: &'static Fleet) {
    let mut ground = shop(fleet, "keepshop", 9881, false);
    ground.repo.set_of("web", "swap.keep", "1m");
    ground.repo.set("rollout.soak", "15s");
    ground.release().exits(0);
    let address = ground.host(HOST).address.clone();
    let load = Load::on(&address, 9881);
    assert_eq!(slots_up(&ground), (vec!["a".to_owned()], false));
    let first = container(&ground, "a");
    // No host has the memory for two of these.
    ground.repo.set_of("web", "memory", "900g");
    ground
        .release()
        .exits(1)
        .says(&["expected 921600 MiB of memory for the second slot of web (`memory`), found"]);
    ground.repo.unset_of("web", "memory");
    ground.is_in_sync();
    ground.repo.set_of("web", "tag", "1.1");
    ground.release().exits(0);
    assert_eq!(slots_up(&ground).0, ["b", "a"]);
    let second = container(&ground, "b");
    ground.is_in_sync();
    ground
        .status()
        .exits(0)
        .says(&["slot a (1.0) is kept until"]);
    // There and back.
    let back = || {
        let began = Instant::now();
        let ended = ground.bayplan_as_written(&["rollback", "keepshop", "--yes"]);
        println!("back in {} ms", began.elapsed().as_millis());
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "nothing is watched: {ended}"
        );
        ended
            .exits(0)
            .says(&["web", "swap"])
            .says(&["back to slot", "which still runs"]);
    };
    back();
    assert_eq!(slots_up(&ground).0, ["a", "b"]);
    back();
    assert_eq!(slots_up(&ground).0, ["b", "a"]);
    back();
    assert_eq!(slots_up(&ground).0, ["a", "b"]);
    assert_eq!(container(&ground, "a"), first);
    assert_eq!(container(&ground, "b"), second);
    // Another version takes the place of what is kept.
    ground.repo.set_of("web", "tag", "1.0");
    ground.repo.set_of("web", "env.GREETING", "hello");
    ground.release().exits(0);
    assert_eq!(slots_up(&ground).0, ["b", "a"]);
    assert_ne!(container(&ground, "b"), second);
    ground.diff().exits(0);
    // When its time is over, it stops by itself.
    until(Duration::from_secs(120), "it is kept no more", || {
        let up = ground
            .host(HOST)
            .sh("docker ps --format '{{.Names}}' | grep -cF keepshop-web.");
        (up.trim() == "1").then_some(())
    });
    assert_eq!(slots_up(&ground), (vec!["b".to_owned()], false));
    ground.is_in_sync();
    // Then the way back starts it.
    ground
        .bayplan_as_written(&["rollback", "keepshop", "--yes"])
        .exits(0);
    assert_eq!(slots_up(&ground).0, ["a", "b"]);
    load.lost_none();
    // After a power cut the link decides, and nothing else runs.
    ground.release().exits(0);
    assert_eq!(slots_up(&ground).0, ["b", "a"]);
    fleet.power_cut(HOST);
    fleet.close_connections();
    until(Duration::from_secs(90), "it serves after a boot", || {
        request(&format!("{address}:9881"), "/version", None)
            .is_ok()
            .then_some(())
    });
    assert_eq!(slots_up(&ground), (vec!["b".to_owned()], false));
    ground.is_in_sync();
    // Who leaves leaves nothing.
    ground.repo.set_of("web", "env.GREETING", "bye");
    ground.release().exits(0);
    assert_eq!(slots_up(&ground).0, ["a", "b"]);
    ground.repo.remove("web");
    ground.repo.remove("proxy");
    ground.serve("other", 9889, HOST);
    ground.release().exits(0);
    let left = ground.host(HOST).sh(
        "ls /etc/systemd/system /etc/systemd/system/*.wants | grep -F keepshop-web || true
        docker ps --format '{{.Names}}' | grep -F keepshop-web || true
        systemctl list-units --all --plain --no-legend 'bayplan-keep-keepshop-*'",
    );
    assert_eq!(left, "");
}

/// An activation that goes back to a kept slot dies before each of its steps.
pub fn killed_on_the_way_back(fleet: &'static Fleet) {
    let mut ground = shop(fleet, "wakeshop", 9871, false);
    ground.repo.set_of("web", "swap.keep", "10m");
    let gate = Gate::of(fleet, HOST);
    let address = ground.host(HOST).address.clone();
    let to = |ground: &mut Ground, tag: &str| {
        ground.repo.set_of("web", "tag", tag);
        ground.release().exits(0);
    };
    to(&mut ground, "1.0");
    let load = Load::on(&address, 9871);
    to(&mut ground, "1.1");
    to(&mut ground, "1.0");
    for (script, step) in Every::of_this_run().of(steps(&ground)) {
        to(&mut ground, "1.1");
        assert!(slots_up(&ground).1, "one is kept");
        ground.repo.set_of("web", "tag", "1.0");
        let at = format!("before step {step} of {script}");
        Blow::Activation.strike(&ground, &gate, (&script, step), &at);
        let ended = ground.release();
        assert_eq!(ended.code, 0, "{at}: {ended}");
        slots_up(&ground);
        ground.diff().exits(0);
    }
    load.lost_none();
}
