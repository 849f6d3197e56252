//! The real binary, as its user meets it: what it prints, how it exits, what it leaves behind.
//! Hosts are directories, or an `ssh` that fails; no network, no root, no clock.

mod environment;

mod check;
mod readme;
mod release;
mod render;
