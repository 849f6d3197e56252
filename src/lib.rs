//! bayplan: a small fleet of container hosts from a description in git.
//!
//! This page is the map: which room does what, what goes in and comes out, what always holds, and
//! what may never be in it. What a user sees of all this is in `docs/how.md`; `docs/architecture.md` follows one
//! variable and one tag through it, and `docs/glossary.md` has the words.
//!
//! Data walks through the rooms once, left to right; no room names one to its right:
//!
//! ```text
//! description ─> model ─> desired ─> plan ─> scripts ─> hosts        report
//!   (TOML)      cluster   render     plan    host       release ──events──┘
//!                          observed ──┘        ^ (looks, sessions)
//! ```
//!
//! | room | in | out |
//! | --- | --- | --- |
//! | [`cluster`] | bytes of files ([`cluster::Sources`]) | a checked [`Cluster`](cluster::model::Cluster), every [`Diagnostic`](cluster::diagnostic::Diagnostic) |
//! | [`render`] | the model | [`Desired`](render::desired::Desired): the files of every host, and their meaning |
//! | [`plan`](mod@plan) | desired, [`Observed`](plan::observed::Observed) | a [`Plan`](plan::Plan): [steps](plan::step::Step) in waves, each restart with its [reasons](plan::reason::Reason) |
//! | [`host`] | steps, desired | [scripts](host::activate::script), [sessions](host::reach::session) that run them, what was [seen](host::look) |
//! | [`release`](mod@release) | a plan that was shown, hosts | [events](release::event), and how it ended |
//! | [`mod@local`] | a model that runs [here](cluster::here), the engine of this machine | containers; [events](local::event) |
//! | [`mod@import`] | files of compose | the files of a [cluster](import::Imported), and a line for each key that is not carried |
//! | [`report`] | plans, states, events, problems | [views](report::view), drawn as text, JSON, Markdown; a progress display |
//! | [`registry`] | the name of an image | its tags, and their digests |
//! | [`repository`] | a directory | sources; the commit |
//! | [`command`] | the [`cli`]'s types | an exit code |
//!
//! # Pure: cluster, render, plan, import, and most of host
//!
//! The same input gives the same output, to the byte. No file, process, clock, environment or
//! terminal: clippy's `disallowed-methods` sees to it, and modules that may say so at their top.
//!
//! **cluster** finds all problems in one run, and never panics, whatever the bytes are. Only
//! [`cluster::check()`] makes a model: later rooms find every reference resolved, every value evaluated and
//! such that systemd carries it unchanged, every name a type of its own, and check nothing twice. Nothing of
//! systemd or docker runs here; what they would refuse is refused here all the same, where it has a line and a
//! column.
//!
//! **render** knows units, env files and digests. A unit has the fingerprint of its own inputs in it, and the name
//! of an inputs directory is the digest of what it holds: so such a directory never changes, and
//! [recipes](render::fingerprint::Recipe) of fingerprints that are released never do. A host gets only what its
//! services name. What differs between two commits without changing a value (a date, a revision) may not be in any file.
//!
//! **plan** decides everything, and nothing later decides anything: what is written, restarted, removed, refused, in
//! which order, and why. The rule is one function over one service (`plan/rule.rs`); that no release, wherever it
//! dies, leaves a container with other inputs than desired while the plan is empty is a property test over a model
//! of a host (`plan/model_host.rs`), which is the second interpreter of the steps. Each step done twice is as if done once.
//! It never asks how a host is reached.
//!
//! **host** without its ends: [`host::layout`] (where things are), [`host::activate`], [`host::stage`], [`host::look`] and
//! the protocol are text in, text out. No value of a variable is in a script. What a host says is data: it gives errors,
//! never a panic, and no path from it leads out of its directory.
//!
//! **import** reads compose: a tree in which everything has its place, then lines of a description that know theirs. A table whose
//! keys nobody takes tells them. What [`cluster::check()`] refuses of the result is taken out again and told.
//!
//! # Effects: the ends
//!
//! **host**'s session is one `sh` on a host, by `ssh`, here, or before a root directory. Nothing is trusted on first use, nothing
//! asks, everything has a time limit, and a session that is dropped ends. No `ssh` library, and no program of
//! ours on a host.
//!
//! **release** goes over many hosts: lock, look again, stage, check, and only when all are ready, activate wave after wave.
//! It carries out nothing but an [`Approved`](plan::Approved) plan: what was shown, and the restarts that crashes and pulls
//! add to it. No `if` about *what* to do; it never prints. What it holds (locks, sessions) goes with it.
//!
//! **local** runs a description on the machine of a developer, by the engine alone. Names, reasons, order and ports are pure; `engine`,
//! `store` and `probe` are its ends. It restarts by the fingerprint of hosts, and knows no plan: there is one engine, and nothing to approve.
//!
//! **report** alone prints. What a state, a plan or a history says is a view, plain data; a format only draws it.
//! Whatever comes from files or hosts is shown escaped, so that no value steers a terminal. Data goes to standard output, all else to standard error. It decides nothing and asks nobody but the
//! operator.
//!
//! **trace** tells what these ends start, where somebody asked with `--verbose`.
//!
//! **registry** asks registries of images what they have, by `curl`, and pulls nothing. It alone reads the logins of docker and podman.
//!
//! **repository** alone names git, and reads the description and writes it: all files of a change, or none. **command** has one file a subcommand: it wires the rooms,
//! and is where library errors (types) become messages (`anyhow`) and exit codes. **cli** is types.
//!
//! # Add something
//!
//! - a field of a container: a row in `cluster/fields.rs`, which says whether `from` inherits it, a field of [`Container`](cluster::model::Container), and the
//!   flag in `render/unit_template.rs`, which the compiler asks for. `UPDATE_DOCS=1 cargo test
//!   the_page_has_the_table_of_fields` writes its row in `docs/description.md`. Another field of a service also has a
//!   reader in `cluster/service_file.rs`
//! - a kind of unit file (`.path`): [`UnitKind`](render::identity::UnitKind), the lines that it must have in
//!   `render/rules.rs`, its text in `render/service.rs`, and its suffix in `host/look/look.sh`. From there on unit files go by
//!   their names: staged, seen, compared, written and removed, and none but the one that runs a container ever restarts it
//! - a second instance of a service on a host: [`Instance`](render::identity::Instance) has its slot, and makes the names of
//!   its unit and container
//! - a reason to restart: [`plan::reason::Reason`]; every room that shows one matches all of them
//! - a step: a variant of [`plan::step::Step`] with its kind and words; its call in `host/activate/script.rs` and that
//!   function in `host/activate/steps/`; an arm of the model host (`plan/model_host.rs`). Then the property test kills releases
//!   before it, too
//! - another way over the hosts (a batch, a canary): [`plan::RolloutPolicy`] decides which hosts go next
//! - a field of `--json`: a field of a [view](report::view), whose comment is its description in the schema; a line in
//!   `docs/json.md`
//! - a format of a report: one file in `report` that draws views, and its name in `cli/diff.rs`
//! - a command: one file in `cli` with an example in its help, one in `command`; `UPDATE_DOCS=1 cargo test --test docs`
//!   writes its help in `docs/commands.md`
//!
//! A test run holds the plan against the model of hosts in 1,000 cases. After a change of a rule, let it take more of
//! them: `PROPTEST_CASES=10000 cargo test --release --lib plan::`.

// Tests read fixtures and start shells; the program itself is linted without them.
#![cfg_attr(test, allow(clippy::disallowed_methods))]
// Every public item says what it is, an item is no more public than it has to be, and a new variant of an enum asks
// every place that tells them apart.
#![cfg_attr(
    not(test),
    warn(missing_docs, unreachable_pub, clippy::wildcard_enum_match_arm)
)]

pub mod cli;
pub mod cluster;
pub mod command;
pub mod host;
pub mod import;
pub mod local;
pub mod plan;
pub mod registry;
pub mod release;
pub mod render;
pub mod report;
pub mod repository;
pub mod secret;
pub mod trace;
