//! What a container of the tests under load runs: a web server that is built with `rustc` alone, without shared libraries.
//!
//! `server PORT`: `/health`, `/version` (the image's), `/cgi-bin/slow` (1.5 s) and, at any path, a WebSocket that says again what it is
//! told. Connections are kept. SIGTERM ends it at once, as it ends most programs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// The answer to the key of RFC 6455, section 1.3, which the tests' clients send.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn main() {
    let port = std::env::args().nth(1).expect("server PORT");
    let version = std::fs::read_to_string("/version").expect("/version");
    let version: &'static str = version.trim().to_owned().leak();
    let listener = TcpListener::bind(format!("0.0.0.0:{port}")).expect("the port is free");
    for stream in listener.incoming().flatten() {
        // A client that goes is no trouble of the server's.
        std::thread::spawn(move || serve(stream, version).ok());
    }
}

fn serve(stream: TcpStream, version: &str) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut closes, mut upgrades) = (false, false);
        loop {
            let mut header = String::new();
            if stream.read_line(&mut header)? == 0 {
                return Ok(());
            }
            let header = header.trim_end().to_ascii_lowercase();
            closes |= header == "connection: close";
            upgrades |= header == "upgrade: websocket";
            if header.is_empty() {
                break;
            }
        }
        if upgrades {
            return echo(stream);
        }
        let body = match path.as_str() {
            "/health" => "ok".to_owned(),
            "/version" => version.to_owned(),
            "/cgi-bin/slow" => {
                std::thread::sleep(Duration::from_millis(1500));
                format!("{version} slow")
            }
            _ => String::new(),
        };
        let status = if body.is_empty() {
            "404 Not Found"
        } else {
            "200 OK"
        };
        let kept = if closes { "Connection: close\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {status}\r\n{kept}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.get_mut().write_all((head + &body).as_bytes())?;
        if closes {
            return Ok(());
        }
    }
}

/// Small frames only: two bytes of head, four of mask, at most 125 of words.
fn echo(mut stream: BufReader<TcpStream>) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    );
    stream.get_mut().write_all(head.as_bytes())?;
    loop {
        let mut head = [0; 6];
        stream.read_exact(&mut head)?;
        let mut words = vec![0; usize::from(head[1] & 0x7f)];
        stream.read_exact(&mut words)?;
        for (at, byte) in words.iter_mut().enumerate() {
            *byte ^= head[2 + at % 4];
        }
        let mut frame = vec![head[0], words.len() as u8];
        frame.extend(words);
        stream.get_mut().write_all(&frame)?;
    }
}
