//! What a reviewer reads about the usual changes, and about what can go wrong.

use std::fs;

use crate::repo::{Ran, Repo};

const CLUSTER: &str = "clusters/production/cluster.toml";
const SEARCH: &str = "clusters/production/services/search.toml";

/// The checkout against the first commit.
fn review(repo: &Repo) -> Ran {
    repo.run("diff production --against main --exit-code")
}

fn after(edit: impl FnOnce(&Repo)) -> String {
    let repo = Repo::new();
    edit(&repo);
    review(&repo).text()
}

/// Without the line that names the commits: they hold the built-in template.
fn below_the_title(ran: &Ran) -> String {
    let text = ran.text();
    let (_, below) = text.split_once('\n').unwrap();
    below.to_owned()
}

#[test]
fn a_tag_restarts_its_service() {
    assert_snapshot!(after(|repo| repo.edit(SEARCH, "1.4.2", "1.5.0")));
}

#[test]
fn a_shared_variable_restarts_who_reads_it() {
    assert_snapshot!(after(|repo| repo.edit(CLUSTER, "10.0.0.177", "10.0.0.178")));
}

#[test]
fn a_variable_that_nobody_reads_restarts_nothing() {
    assert_snapshot!(after(|repo| repo.edit(CLUSTER, "\"one\"", "\"two\"")));
}

#[test]
fn a_comment_restarts_nothing() {
    assert_snapshot!(after(|repo| repo.edit(SEARCH, "port", "# why\nport")));
}

#[test]
fn a_moved_service_starts_there_stops_here_and_is_found_by_who_needs_it() {
    let place = "listing = \"docker02\"";
    assert_snapshot!(after(|repo| {
        repo.edit(CLUSTER, place, "listing = \"docker03\"");
    }));
}

#[test]
fn a_stateful_service_that_moves_needs_leave() {
    assert_snapshot!(after(|repo| {
        repo.edit(CLUSTER, "cache   = \"docker03\"", "cache = \"docker01\"");
    }));
}

#[test]
fn a_new_host_starts_what_is_placed_on_it() {
    assert_snapshot!(after(|repo| {
        repo.edit(
            CLUSTER,
            "[place]",
            "[hosts.docker04]\naddress = \"10.0.0.9\"\n[place]",
        );
        repo.edit(
            CLUSTER,
            "[\"docker01\", \"docker02\"]",
            "[\"docker01\", \"docker02\", \"docker04\"]",
        );
    }));
}

#[test]
fn a_host_that_leaves_is_not_reached_any_more() {
    assert_snapshot!(after(|repo| {
        repo.edit(CLUSTER, "[hosts.docker03]\naddress = \"10.0.0.101\"\n", "");
        repo.edit(CLUSTER, "cache   = \"docker03\"", "cache = \"docker01\"");
    }));
}

#[test]
fn another_address_may_be_another_machine() {
    assert_snapshot!(after(|repo| repo.edit(CLUSTER, "10.0.0.144", "10.0.0.145")));
}

#[test]
fn a_renamed_service_is_a_new_one_and_an_old_one() {
    assert_snapshot!(after(|repo| {
        repo.write("clusters/production/services/find.toml", &repo.read(SEARCH));
        repo.remove(SEARCH);
        repo.edit(CLUSTER, "search  =", "find =");
    }));
}

#[test]
fn a_default_names_the_services_that_restart_for_it() {
    let repo = Repo::new();
    repo.edit(CLUSTER, "[place]", "[defaults]\nmemory = \"1g\"\n[place]");
    repo.edit(SEARCH, "port", "memory = \"2g\"\nport");
    repo.commit("before");
    repo.edit(
        CLUSTER,
        "memory = \"1g\"",
        "memory = \"3g\"\nstop_timeout = \"9s\"",
    );
    assert_snapshot!(below_the_title(&review(&repo)));
}

#[test]
fn a_tag_names_the_services_that_are_made_from_its_own() {
    let repo = Repo::new();
    repo.edit(CLUSTER, "search  =", "worker = \"docker03\"\nsearch  =");
    repo.write(
        "clusters/production/services/worker.toml",
        "from = \"search\"\ncommand = [\"work\"]\nmemory = \"1g\"\n[env]\nLOG_LEVEL = \"warn\"\n",
    );
    repo.commit("before");
    let why = repo.run("why production worker").text();
    repo.edit(SEARCH, "1.4.2", "1.5.0");
    assert_snapshot!(why + &below_the_title(&review(&repo)));
}

#[test]
fn a_template_is_told_as_the_cause() {
    assert_snapshot!(after(|repo| {
        let path = "templates/container.service";
        repo.edit(path, "--pull=never", "--pull=never --init");
    }));
}

#[test]
fn a_template_may_change_without_a_restart() {
    assert_snapshot!(after(|repo| {
        let path = "templates/container.service";
        repo.edit(path, "[Service]", "[Service]\nTimeoutStartSec=99");
    }));
}

#[test]
fn a_template_of_ones_own_takes_the_place_of_the_built_in() {
    let repo = Repo::new();
    repo.remove("templates");
    repo.commit("without");
    let ran = repo.run("diff production --against HEAD~1");
    assert_snapshot!(ran.text());
}

#[test]
fn a_removed_cluster_runs_on() {
    let repo = Repo::new();
    repo.write(
        "clusters/test/cluster.toml",
        "[hosts.a]\naddress = \"10.0.0.5\"\n",
    );
    repo.commit("another");
    repo.remove("clusters/production");
    let one = review(&repo).text();
    let all = repo.run("diff --all --against main").text();
    assert_snapshot!(format!("{one}\n{all}"));
}

#[test]
fn all_shows_the_clusters_that_a_change_touches() {
    let repo = Repo::new();
    let minimal = "[hosts.a]\naddress = \"10.0.0.5\"\n[place]\nweb = \"a\"\n";
    for cluster in ["integration", "test"] {
        repo.write(&format!("clusters/{cluster}/cluster.toml"), minimal);
        let web = "image = \"web\"\ntag = \"1\"\n";
        repo.write(&format!("clusters/{cluster}/services/web.toml"), web);
    }
    repo.write(
        "templates/odd.service",
        &repo.read("templates/container.service"),
    );
    repo.edit(
        "clusters/test/services/web.toml",
        "tag",
        "template = \"odd.service\"\ntag",
    );
    repo.commit("more");
    repo.edit(SEARCH, "1.4.2", "1.5.0");
    repo.edit(
        "templates/odd.service",
        "--pull=never",
        "--pull=never --init",
    );
    repo.write("clusters/new/cluster.toml", minimal);
    repo.write(
        "clusters/new/services/web.toml",
        "image = \"web\"\ntag = \"1\"\n",
    );
    assert_snapshot!(repo.run("diff --all --against HEAD").text());
}

#[test]
fn a_broken_description_tells_the_side() {
    let repo = Repo::new();
    repo.edit(SEARCH, "needs = [\"listing\"]", "needs = [\"lisitng\"]");
    let new = review(&repo).text();
    repo.commit("broken");
    repo.edit(SEARCH, "needs = [\"lisitng\"]", "needs = [\"listing\"]");
    let old = review(&repo).text();
    let markdown = repo
        .run("diff production --against main --format markdown")
        .stdout;
    assert_snapshot!(format!("{new}\n{old}\n{markdown}"));
}

#[test]
fn two_revisions_need_no_checkout_and_leave_a_dirty_one_alone() {
    let repo = Repo::new();
    repo.edit(SEARCH, "1.4.2", "1.5.0");
    repo.commit("second");
    repo.edit(SEARCH, "1.5.0", "1.6.0");
    repo.write("clusters/production/services/half.toml", "not yet");
    let dirty = |repo: &Repo| {
        let statuses = repo.git.statuses(None).unwrap();
        let all = statuses
            .iter()
            .map(|entry| (entry.path().unwrap().to_owned(), entry.status()));
        all.collect::<Vec<_>>()
    };
    let before = dirty(&repo);
    let index = fs::read(repo.root().join(".git/index")).unwrap();
    let ran = repo.run("diff production --against HEAD~1..HEAD");
    assert_eq!(dirty(&repo), before);
    assert_eq!(fs::read(repo.root().join(".git/index")).unwrap(), index);
    assert_eq!(
        repo.read("clusters/production/services/half.toml"),
        "not yet"
    );
    assert_snapshot!(ran.text());
}

/// `feature` changes a tag; meanwhile `main` changed another.
fn diverged() -> Repo {
    let repo = Repo::new();
    repo.branch("feature");
    repo.edit(SEARCH, "1.4.2", "1.5.0");
    repo.commit("search 1.5.0");
    repo.checkout("main");
    repo.edit(
        "clusters/production/services/listing.toml",
        "2.0.0",
        "2.1.0",
    );
    repo.commit("listing 2.1.0");
    repo.checkout("feature");
    repo
}

#[test]
fn the_tip_takes_back_what_the_branch_lacks_and_the_merge_base_does_not() {
    let repo = diverged();
    let tip = review(&repo).text();
    let base = repo.run("diff production --against main...").text();
    let named = repo.run("diff production --against main...feature").text();
    assert_snapshot!(format!("{tip}\n{base}\n{named}"));
}

#[test]
fn a_shallow_clone_says_how_to_deepen_it() {
    let repo = Repo::new();
    repo.branch("feature");
    repo.edit(SEARCH, "1.4.2", "1.5.0");
    let tip = repo.commit("search 1.5.0");
    // What `git clone --depth 1 --branch feature` leaves.
    repo.git
        .find_reference("refs/heads/main")
        .unwrap()
        .delete()
        .unwrap();
    fs::write(repo.root().join(".git/shallow"), format!("{tip}\n")).unwrap();
    assert_snapshot!(review(&repo).text());
}

/// A branch that shares no commit with `main`.
fn unrelated() -> Repo {
    let repo = Repo::new();
    repo.git.set_head("refs/heads/other").unwrap();
    repo.edit(SEARCH, "1.4.2", "1.5.0");
    repo.commit("from nowhere");
    repo
}

#[test]
fn an_unrelated_history_has_no_merge_base_and_can_be_compared() {
    let repo = unrelated();
    let base = repo.run("diff production --against main...").text();
    let tip = review(&repo).text();
    assert_snapshot!(format!("{base}\n{tip}"));
}

#[test]
fn a_revision_that_is_not_there_has_near_ones() {
    let repo = Repo::new();
    let head = repo.git.head().unwrap().peel_to_commit().unwrap();
    for branch in ["refs/remotes/origin/main", "refs/remotes/origin/release"] {
        repo.git.reference(branch, head.id(), false, "").unwrap();
    }
    let texts = ["mian", "release", "v1.0", "main..v9", "HEAD:templates"];
    let texts = texts.map(|range| {
        repo.run(&format!("diff production --against {range}"))
            .text()
    });
    assert_snapshot!(texts.join("\n"));
}

#[test]
fn outside_of_git_there_is_nothing_to_compare() {
    let repo = Repo::new();
    repo.remove(".git");
    assert_snapshot!(review(&repo).text());
}

#[test]
fn names_that_neither_side_has_are_errors() {
    let repo = Repo::new();
    let cluster = repo.run("diff prodution --against main").text();
    let service = repo.run("diff production serach --against main").text();
    assert_snapshot!(format!("{cluster}\n{service}"));
}

#[test]
fn a_service_can_be_looked_at_alone() {
    let repo = Repo::new();
    repo.edit(CLUSTER, "10.0.0.177", "10.0.0.178");
    let ran = repo.run("diff production listing --against main --diff");
    assert_snapshot!(ran.text());
}

#[test]
fn the_config_repository_may_be_a_directory_of_a_larger_one() {
    let repo = Repo::empty();
    let inner = Repo::new();
    for path in [CLUSTER, SEARCH, "clusters/production/services/listing.toml"] {
        repo.write(&format!("deploy/{path}"), &inner.read(path));
    }
    repo.edit(
        &format!("deploy/{CLUSTER}"),
        "calendar = \"docker02\"\ncache   = \"docker03\"\n",
        "",
    );
    repo.write(
        "deploy/clusters/production/service-config.toml",
        "[vars]\nLOG_LEVEL = \"info\"\n",
    );
    repo.commit("first");
    repo.edit(&format!("deploy/{SEARCH}"), "1.4.2", "1.5.0");
    let ran = repo.run_in("deploy/clusters", "diff production --against HEAD");
    assert!(ran.stdout.contains("image 1.4.2 → 1.5.0"), "{}", ran.text());
}

#[cfg(unix)]
#[test]
fn links_are_followed_as_in_the_checkout() {
    let repo = Repo::new();
    repo.write(
        "shared/unit.service",
        &repo.read("templates/container.service"),
    );
    repo.remove("templates/container.service");
    std::os::unix::fs::symlink(
        "../shared/unit.service",
        repo.root().join("templates/container.service"),
    )
    .unwrap();
    repo.commit("linked");
    let same = repo.run("diff production --against HEAD~1..HEAD --exit-code");
    assert_eq!(same.code, 0, "{}", same.text());
    repo.edit("shared/unit.service", "--pull=never", "--pull=never --init");
    let ran = review(&repo);
    assert!(
        ran.stdout.contains("templates/container.service changed"),
        "{}",
        ran.text()
    );
}

#[test]
fn a_comment_for_a_merge_request() {
    let repo = Repo::new();
    repo.edit(SEARCH, "1.4.2", "1.5.0");
    repo.edit(CLUSTER, "listing = \"docker02\"", "listing = \"docker03\"");
    repo.edit(CLUSTER, "/prod", "/`prod`|<b>@ada</b>");
    let ran = repo.run("diff production --against main --format markdown");
    assert_snapshot!(ran.text());
}

#[test]
fn json_for_programs() {
    let repo = Repo::new();
    repo.edit(CLUSTER, "10.0.0.177", "10.0.0.178");
    assert_snapshot!(
        repo.run("diff production --against main --format json")
            .text()
    );
}

#[test]
fn why_tells_where_everything_comes_from() {
    let repo = Repo::new();
    repo.edit(
        SEARCH,
        "JAVA_OPTS = ",
        "LOG_LEVEL = \"debug\"\nJAVA_OPTS = ",
    );
    repo.edit(CLUSTER, "UNUSED ", "LOG_LEVEL = \"warn\"\nUNUSED ");
    assert_snapshot!(repo.run("why production search").text());
    assert_snapshot!(repo.run("why production serach").text());
}

#[test]
fn why_is_json_as_its_schema_says() {
    let repo = Repo::new();
    repo.edit(CLUSTER, "[place]", "[defaults]\nmemory = \"1g\"\n[place]");
    let schema = serde_json::from_str(&repo.run("schema why").stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let shown: serde_json::Value =
        serde_json::from_str(&repo.run("why production search --json").stdout).unwrap();
    let problems: Vec<_> = validator.iter_errors(&shown).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(shown["fields"][0]["written"][0]["value"], "1g");
    assert_eq!(shown["variables"][0]["name"], "LISTING_HOST");
}

#[test]
fn what_follows_from_an_edit_is_told_with_its_cause() {
    let repo = Repo::new();
    let uses = "[env]\nSTORE = \"{{ MONGODB_HOST_01 }}/calendar\"\n";
    let calendar = "clusters/production/services/cache.toml";
    repo.write(calendar, &(repo.read(calendar) + uses));
    repo.commit("another reader");
    repo.edit(CLUSTER, "10.0.0.177", "10.0.0.178");
    assert_snapshot!(review(&repo).text());
}

#[test]
fn the_schemas_are_printed() {
    let repo = Repo::new();
    for (what, option) in [
        ("plan", "--json"),
        ("review", "--against"),
        ("saved-plan", "-o"),
        ("status", "status"),
        ("history", "history"),
        ("local-status", "local status"),
        ("event", "event"),
        ("why", "why"),
    ] {
        let ran = repo.run(&format!("schema {what}"));
        assert_eq!(ran.code, 0);
        let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(
            schema["title"].as_str().unwrap().contains(option),
            "{schema}"
        );
        assert_eq!(schema["type"], "object");
    }
}

#[test]
fn a_comment_says_why_nothing_could_be_compared() {
    let repo = Repo::new();
    let mut said = repo
        .run("diff production --against NOSUCH --format markdown")
        .text();
    said += &repo
        .run("diff --all --against NOSUCH --format markdown")
        .text();
    said += &repo.run("diff nothing --format markdown").text();
    repo.edit(SEARCH, "\"listing\"", "\"listng\"");
    said += &repo.run("diff production --format markdown").text();
    repo.remove(".git");
    said += &repo
        .run("diff --all --against main --format markdown")
        .text();
    repo.remove("clusters");
    said += &repo.run("diff production --format markdown").text();
    assert_snapshot!(said);
}

#[test]
fn who_may_read_and_whom_we_trust_is_a_change() {
    const ADA: &str = "age1qqqqqqqqqqqqqqqqqqqqqqqq";
    const EVE: &str = "age1eeeeeeeeeeeeeeeeeeeeeeee";
    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    let secrets = "clusters/production/secrets.toml";
    let readers = |names: &[(&str, &str)]| {
        let table: String = names
            .iter()
            .map(|(name, key)| format!("{name} = \"{key}\"\n"))
            .collect();
        format!("cluster = \"production\"\n[recipients]\n{table}[readers]\n{table}")
    };
    let repo = Repo::new();
    repo.write(secrets, &readers(&[("ada", ADA), ("bob", KEY)]));
    repo.edit(
        CLUSTER,
        "10.0.0.226\"",
        &format!("10.0.0.226\"\nhost_key = \"{KEY}\""),
    );
    repo.edit(
        CLUSTER,
        "[vars]",
        "[guard]\nmax_restarts = 1\nprotect = [\"listing\"]\nbranch = \"main\"\nclean = true\n[vars]",
    );
    repo.commit("before");
    repo.write(secrets, &readers(&[("ada", ADA), ("eve", EVE)]));
    repo.edit(
        CLUSTER,
        &format!("10.0.0.226\"\nhost_key = \"{KEY}\""),
        &format!(
            "10.0.0.226\"\nhost_key = \"{}\"",
            KEY.replace("HR4f", "HR5f")
        ),
    );
    repo.edit(
        CLUSTER,
        "address = \"10.0.0.144\"",
        "address = \"10.0.0.145\"\nsecrets = \"plain\"\nuser = \"eve\"\nport = 2222\nsudo = true",
    );
    repo.edit(
        CLUSTER,
        "max_restarts = 1\nprotect = [\"listing\"]\nbranch = \"main\"\nclean = true\n",
        "max_restarts = 50\n",
    );
    let trust = review(&repo).text();
    // The guards that go still speak.
    repo.edit(CLUSTER, "10.0.0.177", "10.0.0.178");
    let broken = repo
        .run("diff production --against main --format markdown")
        .stdout;
    let prose = broken.split("| service |").next().unwrap().to_owned();
    // A description with errors hides none of it.
    repo.edit(SEARCH, "\"listing\"", "\"listng\"");
    let errors = repo
        .run("diff production --against main --format markdown")
        .stdout;
    assert_snapshot!(format!("{trust}\n{prose}\n{errors}"));
}

#[test]
fn every_kind_of_trust_counts_as_a_change() {
    for (from, to) in [
        (
            "address = \"10.0.0.101\"",
            "address = \"10.0.0.101\"\nsecrets = \"plain\"",
        ),
        (
            "address = \"10.0.0.101\"",
            "address = \"10.0.0.101\"\nsudo = true",
        ),
        (
            "address = \"10.0.0.101\"",
            "address = \"10.0.0.101\"\nuser = \"root\"",
        ),
        (
            "address = \"10.0.0.101\"",
            "address = \"10.0.0.101\"\nport = 2222",
        ),
        ("address = \"10.0.0.101\"", "address = \"10.0.0.102\""),
        ("address = \"10.0.0.101\"", "local = true"),
        (
            "[place]",
            "[hosts.docker09]\naddress = \"10.0.0.9\"\n[place]",
        ),
        ("[vars]", "[guard]\nclean = true\n[vars]"),
    ] {
        let repo = Repo::new();
        repo.edit(CLUSTER, from, to);
        let text = review(&repo);
        assert_eq!(text.code, 2, "{to}: {}", text.text());
        assert!(text.stdout.contains("Who may read, whom we trust:"), "{to}");
        let json = repo.run("diff --all --against main --format json").stdout;
        assert!(json.contains("\"trust\": [\n        {"), "{to}: {json}");
    }
}

/// `secrets.toml` with these names.
fn secrets(names: &[&str]) -> String {
    const ADA: &str = "age1qqqqqqqqqqqqqqqqqqqqqqqq";
    const AGE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB4Cg==";
    let digest = format!("k1:{}", "0123456789abcdef".repeat(4));
    let line = |name: &&str| format!("{name} = {{ age = \"{AGE}\", digest = \"{digest}\" }}\n");
    let values: String = names.iter().map(line).collect();
    format!(
        "cluster = \"production\"\n[recipients]\nada = \"{ADA}\"\n[readers]\nada = \"{ADA}\"\n\
         [keys]\nk1 = \"{AGE}\"\n[values]\n{values}"
    )
}

#[test]
fn what_becomes_a_secret_is_shown_no_more() {
    const PATH: &str = "clusters/production/secrets.toml";
    const OWN: &str = "JAVA_OPTS = \"-Xmx512m\"\n";
    let used = "vars  = [\"MONGODB_URL\", \"LOG_LEVEL\"]";
    let with_password = "vars  = [\"MONGODB_URL\", \"LOG_LEVEL\", \"PASSWORD\"]";
    for (case, before, after) in [
        ("the same name", "vars", "secrets = [\"PASSWORD\"]"),
        (
            "a file",
            "vars",
            "secrets = [{ name = \"PASSWORD\", as = \"file\" }]",
        ),
        ("another name", "vars", "secrets = [\"RENAMED\"]"),
        ("in the service", "env", "secrets = [\"PASSWORD\"]"),
    ] {
        let repo = Repo::new();
        repo.edit(
            CLUSTER,
            "[vars]",
            "[hosts.docker09]\naddress = \"10.0.0.9\"\n[vars]",
        );
        for name in ["docker01", "docker02", "docker03", "docker09"] {
            repo.edit(
                CLUSTER,
                &format!("[hosts.{name}]"),
                &format!("[hosts.{name}]\nsecrets = \"plain\""),
            );
        }
        repo.edit(
            SEARCH,
            "port ",
            "command = [\"--password\", \"hunter2\"]\nport ",
        );
        let listing = "clusters/production/services/listing.toml";
        repo.write(
            listing,
            &(repo.read(listing) + "[env]\nDSN = \"app:hunter2@db\"\n"),
        );
        if before == "vars" {
            repo.edit(CLUSTER, "[vars]", "[vars]\nPASSWORD = \"hunter2\"");
            repo.edit(SEARCH, used, with_password);
        } else {
            repo.edit(SEARCH, OWN, "PASSWORD = \"hunter2\"\n");
        }
        repo.commit("public");
        repo.write(PATH, &secrets(&["PASSWORD", "RENAMED"]));
        repo.edit(SEARCH, "hunter2\"]", "-\"]");
        repo.edit(listing, "app:hunter2@db", "app:{{ PASSWORD }}@db");
        if before == "vars" {
            repo.edit(CLUSTER, "PASSWORD = \"hunter2\"", "");
            repo.edit(SEARCH, with_password, &format!("{used}\n{after}"));
        } else {
            repo.edit(SEARCH, "PASSWORD = \"hunter2\"\n", "");
            repo.edit(SEARCH, used, &format!("{used}\n{after}"));
        }
        repo.commit("secret");
        for range in ["main~1", "main~1..main", "main..main~1"] {
            for form in [
                "--diff",
                "--format json",
                "--diff --format json",
                "--format markdown",
            ] {
                let ran = repo.run(&format!("diff production --against {range} {form}"));
                let text = ran.text();
                assert_eq!(ran.code, 0, "{case}: {text}");
                assert!(text.contains("search"), "{case}: {text}");
                assert!(
                    range.starts_with("main..") || !text.contains("hunter2"),
                    "{case} {range} {form}: {text}"
                );
                // On the way back it is in the description again: never under its name.
                for line in text.lines().filter(|line| line.contains("hunter2")) {
                    let public = case == "another name";
                    assert!(public || !line.contains("PASSWORD="), "{case}: {line}");
                }
            }
        }
        let text = repo.run("diff production --against main~1").text();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let renamed = case == "another name";
        assert_eq!(
            text.contains("PASSWORD was public until now"),
            !renamed,
            "{case}: {text}"
        );
        assert!(text.contains("DSN was public until now"), "{case}: {text}");
    }
}
