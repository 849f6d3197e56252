//! The real binary, as its user meets it: what it prints, how it exits, what it leaves behind.
//! Hosts are directories, or an `ssh` that fails; no network, no root, no clock.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![expect(clippy::disallowed_methods, reason = "a real process on real files")]

mod environment;
mod examples;

mod bump;
mod check;
mod completion;
mod files;
mod garbage;
mod host;
mod init;
mod killed;
mod local;
mod locks;
mod many;
mod meddled;
mod notify;
mod operate;
mod page;
mod part;
mod past;
mod promote;
mod pushed;
mod readme;
mod refusals;
mod registry;
mod release;
mod render;
mod rollout;
mod saved;
mod ssh;
mod state;
mod told;
mod usage;
mod watch;
