//! A host: how bayplan gets a `sh` on it, what it says to it, and what it answers.
//!
//! | room | what it does |
//! | --- | --- |
//! | [`place`] | where a host is, and what runs its containers |
//! | [`reach`] | opens a session, one `sh` on the host, and runs scripts in it |
//! | [`fitness`] | asks whether a host is fit at all, and what mends it |
//! | [`look`] | asks what is on the host, before a plan is made |
//! | [`lock`] | takes the lock of the host, and tells who has it |
//! | [`stage`] | brings the files of a generation there, and checks them |
//! | [`activate`] | carries the steps of a plan out, and follows that |
//! | [`past`] | what was released there: generations, history, placement, runs of jobs |
//! | [`attach`] | a program in a container with the operator's terminal, and what ends it |
//! | [`belongings`] | what a cluster has there beside what runs, before something of it goes |
//! | [`usage`] | what it and its containers use at the moment |
//! | [`journal`] | what its containers say: asks for it, and reads the answer |
//!
//! Whatever the transport, a host is one running `sh` ([`reach::session::Session`]): behind the system's
//! `ssh`, on this machine, or on this machine but looking at a root directory. There is no agent.
//! [`reach::connect::connect`] opens it and looks around in the same round trip; what can go wrong is a
//! [`reach::error::HostError`]. What is said are POSIX scripts, written by the other rooms, which are pure:
//! text in, text out.

pub mod ability;
pub mod activate;
#[cfg(test)]
mod answers_tests;
pub mod attach;
pub mod belongings;
pub mod fitness;
pub mod journal;
pub mod layout;
pub mod lock;
pub mod look;
pub mod past;
pub mod place;
pub mod reach;
mod said;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod sealed_tests;
pub mod stage;
pub mod usage;
pub mod version;

use std::collections::BTreeSet;

/// What an image is known by, from what `image_keys.sh` tells: `ID REPOSITORY@DIGEST…`. Podman tells ids without the
/// name of the algorithm.
fn image_keys(words: &str) -> BTreeSet<String> {
    let plain = |key: &str| key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':');
    let keys = words
        .split_whitespace()
        .map(|word| match word.rsplit_once('@') {
            Some((_, digest)) => digest.to_owned(),
            None => format!("sha256:{}", word.trim_start_matches("sha256:")),
        });
    keys.filter(|key| plain(key)).collect()
}
