//! The tar stream: every entry is root's, and has no time, so that the same input gives the same bytes.

use std::collections::BTreeSet;
use std::io;

fn header(mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

pub(super) type Archive = tar::Builder<Vec<u8>>;

pub(super) fn append(tar: &mut Archive, path: &str, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut header = header(mode);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, path, bytes)
}

/// A file that only root reads.
pub(super) fn append_private(tar: &mut Archive, path: &str, bytes: &[u8]) -> io::Result<()> {
    append(tar, path, 0o600, bytes)
}

pub(super) fn append_directory(tar: &mut Archive, path: &str, mode: u32) -> io::Result<()> {
    let mut header = header(mode);
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    tar.append_data(&mut header, format!("{path}/"), io::empty())
}

/// The directories between a base and a file, those that are not `made` yet.
pub(super) fn append_above(
    tar: &mut Archive,
    made: &mut BTreeSet<String>,
    base: &str,
    path: &str,
    mode: u32,
) -> io::Result<()> {
    for (end, _) in path.match_indices('/') {
        let directory = format!("{base}/{}", &path[..end]);
        if made.insert(directory.clone()) {
            append_directory(tar, &directory, mode)?;
        }
    }
    Ok(())
}
