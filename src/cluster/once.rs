//! What is asked of jobs that run once, beyond their own files: one host, and a place in the order.

use std::collections::BTreeSet;

use super::circles::{Needs, circles};
use super::description::ServiceFile;
use super::diagnostic::Diagnostic;
use super::loaded::LoadedCluster;
use super::name::ServiceName;
use super::placement::Placements;
use super::read::Problems;

/// Checks every job that runs once.
pub(super) fn check_once(
    description: &LoadedCluster,
    placements: &Placements,
    problems: &mut Problems,
) {
    let services: Vec<&ServiceFile> = description.services.values().flatten().collect();
    let jobs = || {
        let services = services.iter();
        services.filter_map(|service| Some((*service, service.keys.get("once")?)))
    };
    for (job, once) in jobs().filter(|(job, _)| job.run.once().is_some()) {
        let hosts = placements.get(&job.name).map_or(&[][..], Vec::as_slice);
        if hosts.len() > 1 {
            let hosts: Vec<&str> = hosts.iter().map(AsRef::as_ref).collect();
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected one host of the job `{}`, found {}: {}",
                        job.name,
                        hosts.len(),
                        hosts.join(", ")
                    ),
                    once.label("it runs once, not once a host"),
                )
                .with_help(format!(
                    "write `{} = \"{}\"` below `[place]` in `{}`",
                    job.name, hosts[0], description.cluster_path
                )),
            );
        }
    }
    if jobs().next().is_some() {
        check_circles(&services, problems);
    }
}

/// A service of a circle comes before itself, so a job in one would never be done in time.
fn check_circles(services: &[&ServiceFile], problems: &mut Problems) {
    let mut before: Needs<'_> = services.iter().map(|one| (&one.name, [].into())).collect();
    let known: BTreeSet<&ServiceName> = before.keys().copied().collect();
    for service in services {
        let named = service.needs.iter().chain(&service.after);
        let named = named.filter_map(|name| {
            let mut known = known.iter();
            known.find(|known| known.as_str() == name.value).copied()
        });
        before.insert(&service.name, named.collect());
    }
    for circle in circles(&before)
        .into_iter()
        .filter(|circle| circle.len() > 1)
    {
        let in_it = services.iter().filter(|one| circle.contains(&&one.name));
        for job in in_it.filter(|one| one.run.once().is_some()) {
            let Some(once) = job.keys.get("once") else {
                continue;
            };
            let mut names: Vec<&str> = circle.iter().map(|name| name.as_str()).collect();
            names.sort_unstable();
            problems.push(
                Diagnostic::error(
                    format!(
                        "the job `{}` comes before and after the same services: {}",
                        job.name,
                        names.join(", ")
                    ),
                    once.label("it has to have its place in the order"),
                )
                .with_help("remove it from `needs` or `after` of one of them"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::sources::Sources;

    fn problems(place: &str, web: &str, migrate: &str) -> Vec<String> {
        let mut sources = Sources::default();
        let cluster =
            format!("[hosts.h1]\nlocal = true\n[hosts.h2]\ndirectory = \"r\"\n[place]\n{place}");
        sources.insert("clusters/demo/cluster.toml", cluster.into_bytes());
        let image = "image = \"r/a\"\ntag = \"1\"\n";
        for (name, text) in [("web", web), ("migrate", migrate)] {
            let path = format!("clusters/demo/services/{name}.toml");
            sources.insert(path, format!("{image}{text}").into_bytes());
        }
        let findings = check("demo", &sources);
        findings
            .diagnostics
            .into_iter()
            .map(|found| found.title)
            .collect()
    }

    const PLACE: &str = "web = [\"h1\", \"h2\"]\nmigrate = \"h1\"\n";

    #[test]
    fn a_job_before_a_service_is_fine() {
        let found = problems(
            PLACE,
            "after = [\"migrate\"]",
            "once = \"image\"\ntimeout = \"10m\"",
        );
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_job_has_one_host() {
        let both = "web = \"h1\"\nmigrate = [\"h1\", \"h2\"]\n";
        let found = problems(both, "", "once = \"inputs\"");
        assert_eq!(
            found,
            ["expected one host of the job `migrate`, found 2: h1, h2"]
        );
    }

    #[test]
    fn a_job_has_its_place_in_the_order() {
        let found = problems(
            PLACE,
            "after = [\"migrate\"]",
            "once = \"always\"\nafter = [\"web\"]",
        );
        assert_eq!(
            found,
            ["the job `migrate` comes before and after the same services: migrate, web"]
        );
    }
}
