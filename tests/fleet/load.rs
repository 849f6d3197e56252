//! A service with two slots under as much load as the machine bears: requests by the hundred thousand, and WebSockets.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::drills::deaths::{Blow, HOST};
use crate::drills::gate::Gate;
use crate::ground::Ground;
use crate::hosts::{Fleet, until};
use crate::swap::{
    Client, Load, change_one_input, configure, one_serves, request, shop, with_inputs,
};

const PORT: u16 = 9861;
const CLUSTER: &str = "rush";

/// How many WebSockets there are at each moment.
const SOCKETS: usize = 4;

/// How long clients of the old slot may go on, in seconds.
const DRAIN: f64 = 4.0;

/// As many as `BAYPLAN_FLEET_RELEASES` says: with 50 there are more than 100,000 requests.
pub fn releases() -> usize {
    let asked = std::env::var("BAYPLAN_FLEET_RELEASES").ok();
    asked.map_or(4, |asked| asked.parse().expect("a number of releases"))
}

/// Image, variable, secret and file change in turn, and the configuration of the proxy between them. Nobody loses a request, and no
/// WebSocket is cut before its time.
pub fn many(fleet: &'static Fleet) {
    let mut ground = shop(fleet, CLUSTER, PORT, false);
    for tag in ["1.0", "1.1"] {
        fleet.image(&format!("{CLUSTER}-app:{tag}"), &["server"]);
    }
    let repo = &mut ground.repo;
    let image = format!("{}/{CLUSTER}-app", fleet.registry);
    repo.set_of("web", "image", image);
    repo.set_of("web", "command", vec!["/bin/server", "3000"]);
    repo.set_of("web", "swap.drain", format!("{DRAIN}s"));
    with_inputs(&mut ground);
    ground.release().exits(0);
    let mut slot = one_serves(&ground, "docker");
    let address = ground.host(HOST).address.clone();
    let clients = [
        (8, Client::of("/version", false, 15)),
        (12, Client::of("/version", true, 15)),
        (4, Client::of("/cgi-bin/slow", false, 0)),
        (2, Client::of("/version", true, 5000)),
        (2, Client::of("/version", true, 1000)),
    ];
    let load = Load::of(&address, PORT, &clients);
    let sockets = Sockets::to(&address, PORT, SOCKETS);
    let mut all = 0;
    for number in 0..releases() {
        change_one_input(&mut ground, number);
        if number % 4 == 3 {
            configure(&mut ground, 3 + number % 8);
        }
        ground.release().exits(0);
        let now = one_serves(&ground, "docker");
        assert_ne!(now, slot, "release {number}");
        slot = now;
        // The link is as old as the turn.
        let link = format!("stat -c %.3Y /var/lib/bayplan/{CLUSTER}/swap/web");
        let turned: f64 = ground.host(HOST).sh(&link).trim().parse().expect("a time");
        for cut in sockets.cuts() {
            all += 1;
            let lasted = cut - turned;
            assert!(lasted >= DRAIN - 0.1, "cut {lasted} s after the turn");
        }
    }
    let said = sockets.end();
    println!("{said} messages of WebSockets; {all} WebSockets were cut, when their time was over");
    assert!(
        all >= releases() * SOCKETS / 2,
        "each release ends those of the old slot"
    );
    load.lost_none();
    ground.is_in_sync();
    power_cut(fleet, ground, &address);
}

/// Once the new slot serves the plug is pulled. Nobody can be served until the host is back; then it is the new slot that
/// serves, and from then on no request is lost either.
fn power_cut(fleet: &'static Fleet, mut ground: Ground, address: &str) {
    let gate = Gate::of(fleet, HOST);
    let turn = ground.host(HOST).sh(&format!(
        "cd /var/lib/bayplan/{CLUSTER}/current; grep -Ho '^step [0-9]* flip_slot' activate-*.sh"
    ));
    let (script, step) = turn.split_once(":step ").expect("FILE:step N flip_slot");
    let turn: usize = step
        .split(' ')
        .next()
        .and_then(|it| it.parse().ok())
        .expect("a number");
    let slot = one_serves(&ground, "docker");
    ground.repo.set("vars.GREETING", "at last");
    Blow::Power.strike(&ground, &gate, (script, turn + 1), "after the turn");
    until(Duration::from_secs(90), "it serves after a boot", || {
        request(&format!("{address}:{PORT}"), "/version", None)
            .is_ok()
            .then_some(())
    });
    let load = Load::of(address, PORT, &[(4, Client::of("/version", false, 10))]);
    ground.release().exits(0);
    assert_ne!(one_serves(&ground, "docker"), slot);
    load.lost_none();
    ground.is_in_sync();
}

/// WebSockets that say something all the time, and begin again when they are cut.
struct Sockets {
    stops: Arc<AtomicBool>,
    said: Arc<AtomicUsize>,
    cuts: Arc<Mutex<Vec<f64>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Sockets {
    fn to(address: &str, port: u16, number: usize) -> Self {
        let mut sockets = Self {
            stops: Arc::default(),
            said: Arc::default(),
            cuts: Arc::default(),
            threads: Vec::new(),
        };
        for _ in 0..number {
            let at = format!("{address}:{port}");
            let stops = sockets.stops.clone();
            let (said, cuts) = (sockets.said.clone(), sockets.cuts.clone());
            sockets.threads.push(std::thread::spawn(move || {
                while !stops.load(Ordering::Relaxed) {
                    // One that cannot even begin is a lost request.
                    let mut stream = opened(&at).expect("a WebSocket begins");
                    while !stops.load(Ordering::Relaxed) {
                        if echoed(&mut stream).is_err() {
                            let now = SystemTime::now().duration_since(UNIX_EPOCH);
                            let now = now.expect("it is after 1970").as_secs_f64();
                            cuts.lock().expect("nobody panics with it").push(now);
                            break;
                        }
                        said.fetch_add(1, Ordering::Relaxed);
                        sleep(Duration::from_millis(50));
                    }
                }
            }));
        }
        sockets
    }

    /// When some were cut since this was last asked, in seconds since 1970.
    fn cuts(&self) -> Vec<f64> {
        std::mem::take(&mut self.cuts.lock().expect("nobody panics with it"))
    }

    /// How many messages came back.
    fn end(self) -> usize {
        self.stops.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("it does not panic");
        }
        self.said.load(Ordering::Relaxed)
    }
}

fn opened(at: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(
        b"GET /talk HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let right = head.starts_with("http/1.1 101") && head.contains("s3pplmbitxaq9kygzzhzrbk+xoo=");
    assert!(right, "{head}");
    Ok(stream)
}

/// A message goes and comes back.
fn echoed(stream: &mut TcpStream) -> std::io::Result<()> {
    let words = b"here";
    let mask = [1, 2, 3, 4];
    let mut frame = vec![0x81, 0x80 | 4];
    frame.extend(mask);
    frame.extend(words.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    stream.write_all(&frame)?;
    let mut answer = [0; 6];
    stream.read_exact(&mut answer)?;
    assert_eq!(&answer[2..], words);
    Ok(())
}
