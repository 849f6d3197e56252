//! `bayplan render CLUSTER [-o DIR]`.

#![expect(
    clippy::disallowed_methods,
    reason = "writes the rendered files where `-o` says"
)]

use std::path::Path;

use super::description::{load, repository};
use super::{Exit, Failure};
use crate::cli::Render;
use crate::cluster::name::ClusterName;
use crate::render::desired::DesiredHost;
use crate::render::identity::inputs_parent;
use crate::render::live;
use crate::report::palette::Palette;
use crate::report::{files, stream};

pub(super) fn run(directory: Option<&Path>, arguments: &Render) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let description = match load(&repository, &arguments.cluster) {
        Ok(description) => description,
        Err(exit) => return Ok(exit),
    };
    let mut written = 0;
    for (host, desired) in &description.desired.hosts {
        for (path, bytes) in files_of(&arguments.cluster, desired) {
            match &arguments.output {
                None => stream::stdout(&files::text(host, &path, bytes, &Palette::stdout()))?,
                Some(output) => {
                    let to = output
                        .join(host.as_str())
                        .join(path.trim_start_matches('/'));
                    if let Some(parent) = to.parent() {
                        fs_err::create_dir_all(parent)?;
                    }
                    fs_err::write(to, bytes)?;
                    written += 1;
                }
            }
        }
    }
    if let Some(output) = &arguments.output {
        let hosts = description.desired.hosts.len();
        let line = format!("{written} files of {hosts} hosts in {}\n", output.display());
        stream::stderr(&line);
    }
    Ok(Exit::Done)
}

/// Every file of a host by its absolute path there.
fn files_of<'a>(cluster: &ClusterName, host: &'a DesiredHost) -> Vec<(String, &'a [u8])> {
    let mut files = Vec::new();
    for (name, service) in &host.services {
        for (file, unit) in &service.units {
            let path = format!("/etc/systemd/system/{file}");
            files.push((path, unit.text.as_bytes()));
        }
        for (path, bytes) in &service.files {
            let parent = inputs_parent(cluster, name);
            let path = format!("{parent}/{}/{path}", service.directory);
            files.push((path, bytes.as_slice()));
        }
        // As a container sees them.
        for (directory, live) in &service.live {
            let parent = live::parent(cluster, name);
            for (path, bytes) in live.files.iter().filter(|(path, _)| !live::is_own(path)) {
                let path = format!("{parent}/{directory}/{path}");
                files.push((path, bytes.as_slice()));
            }
        }
    }
    files
}
