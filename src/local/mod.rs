//! A cluster on the machine of a developer, by the engine alone: no systemd, no root, no ssh.
//!
//! The description is checked as one that runs [here](crate::cluster::here), a service is rendered as a
//! [container without a unit](crate::render::bare), and what restarts one is the same fingerprint as on a host. There are no hosts:
//! one look at the engine's containers, one decision for each service, and a start in the order of what they need.
//!
//! ```text
//! name        the name of a cluster here, and what it calls its containers, volumes and network
//! decide      pure: what becomes of each service, and why
//! order       pure: who starts before whom
//! ports       which port of this machine leads to which port of a container
//! kept        the inputs of what runs, as they are kept for reasons
//! engine      the end: the client of docker or podman
//! store       the end: the files of a cluster here
//! probe       the end: whether a container is well
//! up          all of it
//! event       what is told meanwhile
//! ```

pub mod decide;
pub mod engine;
pub mod event;
mod kept;
pub mod name;
mod order;
mod ports;
mod probe;
pub mod store;
pub mod up;
