//! `bayplan board`.

use std::net::SocketAddr;

use clap::Args;

use super::arguments::{Parallel, cluster};
use crate::cluster::name::ClusterName;

/// Show the page of `status` in a browser, and look again every few seconds
///
/// Serves one page on this machine until Ctrl-C: to read only, and to nobody else. Hosts are looked at
/// while somebody looks at the page.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan board production                           then open http://127.0.0.1:7077/
  bayplan board production --listen 127.0.0.1:8080   on another port")]
pub struct Board {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Where to listen: an address of this machine alone, and a port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7077", value_parser = loopback)]
    pub listen: SocketAddr,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// An address that other machines do not reach.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "expected an address and a port, as `127.0.0.1:7077`".to_owned())?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(
            "expected an address of this machine alone, as `127.0.0.1`: whoever reaches the page reads it, and there is no password"
                .to_owned(),
        ),
    }
}
