//! Which ports of a host others have, as a check tells it: before anything stops for a start that would fail.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Finding;
use crate::cluster::model::Engine;
use crate::cluster::name::ServiceName;
use crate::cluster::ports::{HostPorts, Protocol};
use crate::host::look::host_ports;
use crate::host::said::one_line;

/// The ports of a host that others have, and the host's addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TakenPorts {
    held: Vec<(HostPorts, String)>,
    addresses: BTreeSet<IpAddr>,
}

impl TakenPorts {
    /// Takes one line of a check; `None` if it is none.
    pub(super) fn take(&mut self, word: &str, rest: &str) -> Option<()> {
        match word {
            "listens" => {
                let mut words = rest.splitn(4, ' ');
                let (protocol, socket) = (words.next()?, words.next()?);
                let (pid, name) = (words.next()?, words.next()?);
                let holder = match pid.parse::<u32>() {
                    Ok(pid) => format!("{} (process {pid})", one_line(name)),
                    Err(_) => "a process that cannot be seen".to_owned(),
                };
                // What is of another protocol or has no number says nothing about ours.
                self.held
                    .extend(socket_of(protocol, socket).map(|ports| (ports, holder)));
            }
            "publishes" => {
                let mut words = rest.splitn(3, ' ');
                let engine = Engine::named(words.next()?)?;
                let (name, published) = (words.next()?, words.next()?);
                let ports = host_ports(engine, published).into_iter();
                let holder = format!("the container {}", one_line(name));
                self.held.extend(ports.map(|ports| (ports, holder.clone())));
            }
            _ => self.addresses.extend(rest.parse::<IpAddr>().ok()),
        }
        Some(())
    }

    /// What keeps these ports from services that start.
    #[must_use]
    pub fn against(&self, needed: &[(ServiceName, HostPorts)]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (service, ports) in needed {
            // The container, not the process that listens for it.
            let mut held = self.held.iter().rev();
            let holder = held.find_map(|(held, holder)| Some((holder, held.clash(ports)?)));
            if let Some((holder, port)) = holder {
                findings.push(Finding::Port {
                    service: service.clone(),
                    ports: HostPorts {
                        first: port,
                        last: port,
                        ..*ports
                    },
                    holder: holder.clone(),
                });
            }
            let absent = ports.address.filter(|address| {
                !(address.is_unspecified()
                    || address.is_loopback()
                    || self.addresses.is_empty()
                    || self.addresses.contains(address))
            });
            let absent = absent.map(|address| Finding::Address {
                service: service.clone(),
                address,
            });
            if let Some(absent) = absent.filter(|absent| !findings.contains(absent)) {
                findings.push(absent);
            }
        }
        findings
    }
}

/// `0.0.0.0:80`, `*:80`, `[::1]:53`, `127.0.0.53%lo:53`, `[fe80::1]%eth0:546`.
fn socket_of(protocol: &str, socket: &str) -> Option<HostPorts> {
    let (address, port) = socket.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    let address = address.split('%').next().unwrap_or_default();
    let address = address.trim_start_matches('[').trim_end_matches(']');
    Some(HostPorts {
        address: match address {
            "*" => None,
            address => Some(address.parse().ok()?),
        },
        first: port,
        last: port,
        protocol: Protocol::named(protocol)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_is_found_before_a_start() {
        let mut taken = TakenPorts::default();
        for line in [
            "listens tcp 0.0.0.0:22 1 sshd",
            "listens tcp *:8080 77 ja va",
            "listens tcp [::]:443 - -",
            "listens udp 127.0.0.53%lo:53 9 systemd-resolve",
            "listens tcp 127.0.0.1:5000 80 docker-proxy",
            "publishes docker registry 127.0.0.1:5000->5000/tcp, 9000/tcp",
            "address 10.0.0.5",
            "address ::1",
        ] {
            let (word, rest) = line.split_once(' ').unwrap();
            taken.take(word, rest).unwrap();
        }
        let against = |text: &str| {
            let needed = (
                ServiceName::new("web").unwrap(),
                HostPorts::parse(text).unwrap(),
            );
            let found: Vec<String> = taken
                .against(&[needed])
                .iter()
                .map(ToString::to_string)
                .collect();
            found.join("; ")
        };
        for (needed, found) in [
            ("23", ""),
            (
                "127.0.0.1:22",
                "web needs port 127.0.0.1:22, which sshd (process 1) has",
            ),
            (
                "8000-9000",
                "web needs port 8080, which ja va (process 77) has",
            ),
            (
                "[::1]:443",
                "web needs port [::1]:443, which a process that cannot be seen has",
            ),
            ("0.0.0.0:443", ""),
            ("127.0.0.1:53/udp", ""),
            (
                "53/udp",
                "web needs port 53/udp, which systemd-resolve (process 9) has",
            ),
            (
                "5000",
                "web needs port 5000, which the container registry has",
            ),
            ("10.0.0.5:1", ""),
            (
                "10.0.0.6:1",
                "web is to be published on 10.0.0.6, which is no address of this host",
            ),
        ] {
            assert_eq!(against(needed), found, "{needed}");
        }
    }
}
