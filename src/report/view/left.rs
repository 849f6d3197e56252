//! What a release does not reach: machines that the description no longer has, and hosts that are left out.

use schemars::JsonSchema;
use serde::Serialize;

use super::HostView;
use crate::cluster::name::HostName;
use crate::plan::{Elsewhere, HostPlan, LeftMachine, LeftOut};
use crate::render::placement::Reach;

/// A machine that is no longer described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftView<'a> {
    /// The name that it had.
    pub host: &'a str,
    /// The address that it had, or null.
    pub address: Option<&'a str>,
    /// The key that it had, or null.
    pub host_key: Option<&'a str>,
    /// What may still run there.
    pub services: Vec<LeftServiceView<'a>>,
    /// How it was reached, in full.
    #[serde(skip)]
    pub reach: &'a Reach,
}

/// A service on a machine that is no longer described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftServiceView<'a> {
    /// The service.
    pub service: &'a str,
    /// Its data stays there.
    pub stateful: bool,
    /// Where the description has it now.
    pub placed: &'a [HostName],
}

impl<'a> LeftView<'a> {
    /// A machine that is no longer described.
    #[must_use]
    pub fn of(left: &'a LeftMachine) -> Self {
        let LeftMachine {
            host,
            reach,
            services,
        } = left;
        let services = services.iter().map(|(name, service)| LeftServiceView {
            service: name.as_str(),
            stateful: service.stateful,
            placed: &service.placed,
        });
        Self {
            host: host.as_str(),
            address: reach.address.as_deref(),
            host_key: reach.host_key.as_deref(),
            services: services.collect(),
            reach,
        }
    }
}

/// A host on which nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOutView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// What it is to run, and what may run there.
    pub services: Vec<&'a str>,
    /// Those of them that are on no other host.
    pub nowhere_else: Vec<&'a str>,
    /// What stays pending there; null if the host was not seen.
    pub pending: Option<HostView<'a>>,
}

impl<'a> LeftOutView<'a> {
    pub(super) fn of(
        host: &'a HostName,
        left_out: &'a LeftOut,
        view_of: impl Fn(&'a HostName, &'a HostPlan) -> HostView<'a>,
    ) -> Self {
        let LeftOut { pending, services } = left_out;
        let only = services.iter().filter(|(_, it)| **it == Elsewhere::No);
        Self {
            host: host.as_str(),
            services: services.keys().map(AsRef::as_ref).collect(),
            nowhere_else: only.map(|(name, _)| name.as_str()).collect(),
            pending: pending.as_ref().map(|plan| view_of(host, plan)),
        }
    }
}
