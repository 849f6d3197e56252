//! bayplan on real hosts: systemd as PID 1, sshd, dockerd and podman, over real ssh. The hosts are
//! those of `tests/fleet/fleet`; `sudo tests/fleet/run` boots them and runs this. Without them
//! every test counts as ignored.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "drives real hosts and prints what it does"
)]

mod containers;
mod depart;
mod fleets;
mod ground;
mod holds;
mod hosts;
mod repo;
mod run;

mod activations;
mod begun;
mod compose;
mod drills;
mod driver;
mod edits;
mod environment;
mod failures;
mod fitness;
mod foreign;
mod hosts_fail;
mod jobs;
mod load;
mod local;
mod locks;
mod monitoring;
mod networks;
mod operate;
mod order;
mod part;
mod past;
mod peerspace;
mod podman;
mod ports;
mod prepare;
mod proxy;
mod prune;
mod pushed;
mod refusals;
mod reload;
mod rollout;
mod saved;
mod secrets;
mod smoke;
mod swap;
mod tasks;
mod timers;
mod top;
mod tutorial;
mod volumes;
mod watch;

use std::process::ExitCode;
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};

use fleets::Fleets;
use hosts::Fleet;

/// The fleets that tests have one after the other. Each test has a cluster of its own, and leaves the hosts as it
/// found them.
static FLEETS: Fleets = Fleets::new(|| Fleet::up(HOSTS));
/// The hosts of [`ON_OTHER_RELEASES`].
static OTHERS: Fleets = Fleets::new(|| {
    hosts::build(OTHER_RELEASES)?;
    Fleet::up(OTHER_RELEASES)
});

/// Hosts that are yet to be prepared.
static BARE: Fleets = Fleets::new(|| {
    hosts::build(BARE_RELEASES)?;
    Fleet::up(BARE_RELEASES)
});

/// The host of a reader of docs/tutorial.md.
static FIRST: Fleets = Fleets::new(|| {
    hosts::build(FIRST_RELEASE)?;
    Fleet::up(FIRST_RELEASE)
});

/// Of the machine's own release of Debian.
const HOSTS: &[&str] = &["3"];
/// The releases before and after: systemd 247 and 257, docker 20.10 and 26, cgroups v1 and v2.
const OTHER_RELEASES: &[&str] = &["bullseye", "trixie"];

/// With sshd and a user who may use sudo, and nothing else.
const BARE_RELEASES: &[&str] = &["bare-bookworm", "bare-trixie"];

/// The same, and one of them.
const FIRST_RELEASE: &[&str] = &["bare-trixie"];

type Test = fn(&'static Fleet);

/// Every test, in the order in which they run.
const TESTS: &[(&str, Test)] = &[
    ("peerspace_lives_through_its_releases", peerspace::life),
    ("monitoring_lives_through_its_releases", monitoring::life),
    (
        "an_imported_project_of_compose_runs_and_finds_its_data",
        compose::imported,
    ),
    ("hand_edits_are_seen_and_mended", edits::mended),
    (
        "an_edit_that_a_crashed_container_picked_up_is_undone",
        edits::picked_up,
    ),
    (
        "an_image_that_cannot_be_pulled_changes_nothing_anywhere",
        refusals::bad_tag,
    ),
    (
        "units_of_others_are_refused_by_name",
        refusals::units_of_others,
    ),
    (
        "a_host_that_cannot_be_reached_stops_the_release",
        hosts_fail::unreachable,
    ),
    (
        "a_host_with_another_key_is_not_trusted",
        hosts_fail::wrong_key,
    ),
    (
        "a_user_without_root_is_told_for_all_hosts_at_once",
        hosts_fail::no_root,
    ),
    (
        "a_connection_that_is_dead_is_noticed_soon",
        hosts_fail::dead_connection,
    ),
    (
        "nothing_of_the_operators_is_lent_to_a_host",
        hosts_fail::own_configuration,
    ),
    ("machines_that_were_copied_are_two", hosts_fail::twins),
    ("a_host_is_told_fit_or_what_it_lacks", fitness::docker),
    (
        "a_host_without_root_is_looked_at_all_the_same",
        fitness::without_root,
    ),
    (
        "a_stopped_docker_stops_the_release",
        hosts_fail::docker_stopped,
    ),
    (
        "a_tag_that_moved_restarts_exactly_its_containers",
        failures::moving_tag,
    ),
    (
        "a_container_that_exits_at_once_fails_the_release",
        failures::exits_at_once,
    ),
    ("a_release_is_undone", past::rolled_back),
    (
        "what_a_history_has_is_in_the_journal_of_its_host",
        past::in_the_journal,
    ),
    (
        "an_unhealthy_container_fails_the_release",
        failures::unhealthy,
    ),
    ("the_lock_is_held_by_nobody_else", locks::of_nobody_else),
    (
        "a_crash_loop_is_told_also_between_two_deaths",
        failures::crash_loop,
    ),
    ("one_release_at_a_time", locks::one_at_a_time),
    ("two_releases_at_once", locks::two_at_once),
    (
        "an_interrupt_leaves_hosts_as_they_were_or_at_work",
        locks::interrupted,
    ),
    (
        "a_killed_release_leaves_no_lock_and_no_half_work",
        locks::killed,
    ),
    (
        "a_power_cut_is_survived_and_finished_by_the_next_release",
        locks::power_cut,
    ),
    (
        "the_plan_that_was_shown_is_the_one_that_is_done",
        locks::stale_plan,
    ),
    (
        "a_saved_plan_does_what_was_reviewed_or_nothing",
        saved::released,
    ),
    ("what_was_pushed_becomes_effective_later", pushed::activated),
    ("a_newcomer_takes_the_port_of_a_leaver", ports::taken_over),
    (
        "a_leaver_is_stopped_while_its_unit_file_is_there",
        ports::stopped_first,
    ),
    (
        "ports_are_published_where_they_are_described",
        ports::published,
    ),
    (
        "ports_of_others_are_found_before_anything_stops",
        ports::of_others,
    ),
    (
        "directories_of_volumes_are_made_and_never_changed",
        volumes::directories,
    ),
    (
        "what_is_not_there_or_would_be_lost_is_found_first",
        volumes::found_first,
    ),
    (
        "the_image_or_a_request_with_headers_tells_health",
        volumes::health,
    ),
    ("a_container_gets_what_its_own_host_has", volumes::own_host),
    (
        "every_host_gets_it_and_few_are_down_at_once",
        volumes::everywhere,
    ),
    ("names_are_known_in_networks_of_docker", networks::docker),
    ("names_are_known_in_networks_of_podman", networks::podman),
    (
        "services_have_addresses_of_their_own_with_docker",
        networks::addresses_docker,
    ),
    (
        "services_have_addresses_of_their_own_with_podman",
        networks::addresses_podman,
    ),
    (
        "a_release_goes_over_the_hosts_as_it_is_told",
        rollout::as_told,
    ),
    (
        "what_dies_after_it_was_healthy_fails_the_release",
        rollout::soaks,
    ),
    ("what_is_late_is_put_back", rollout::late),
    ("a_release_goes_back_as_a_whole", rollout::all_go_back),
    ("a_release_waits_after_its_canary", begun::pauses),
    (
        "a_release_that_was_left_half_done_goes_on_or_back",
        begun::left_half_done,
    ),
    (
        "a_release_that_was_left_on_the_way_back_goes_on_with_it",
        begun::left_on_the_way_back,
    ),
    (
        "what_is_needed_on_another_host_starts_first",
        order::over_hosts,
    ),
    (
        "jobs_run_once_before_whoever_comes_after_them",
        jobs::docker,
    ),
    ("jobs_run_once_on_podman", jobs::podman),
    ("no_release_touches_a_run_of_a_timer", timers::docker),
    ("a_service_is_watched_as_long_as_it_runs", watch::docker),
    (
        "a_service_is_watched_as_long_as_it_runs_on_podman",
        watch::podman,
    ),
    (
        "no_release_touches_a_run_of_a_timer_on_podman",
        timers::podman,
    ),
    (
        "services_that_need_each_other_start_together",
        order::in_a_circle,
    ),
    (
        "restarts_are_side_by_side_where_nothing_orders_them",
        order::side_by_side,
    ),
    (
        "variables_of_the_engine_are_refused",
        refusals::given_by_the_engine,
    ),
    (
        "files_that_were_only_touched_restart_nothing",
        edits::touched,
    ),
    (
        "an_activation_that_cannot_begin_is_a_failure",
        activations::cannot_begin,
    ),
    (
        "a_host_is_followed_over_a_lost_connection",
        activations::connection_lost,
    ),
    (
        "a_systemd_that_is_executed_anew_fails_no_release",
        activations::reexecuted,
    ),
    (
        "what_systemd_starts_by_itself_is_put_back",
        activations::started_by_itself,
    ),
    (
        "a_new_probe_is_asked_before_it_counts",
        activations::new_probe,
    ),
    (
        "what_containers_say_comes_by_time_from_all_hosts",
        operate::logs,
    ),
    (
        "what_an_operator_starts_ends_with_the_operator",
        operate::attached_docker,
    ),
    (
        "what_an_operator_starts_ends_with_the_operator_on_podman",
        operate::attached_podman,
    ),
    ("what_is_restarted_is_what_was_released", operate::restarted),
    (
        "random_edits_restart_exactly_what_changed_on_a_laptop",
        local::docker,
    ),
    (
        "random_edits_restart_exactly_what_changed_on_a_laptop_with_podman",
        local::podman,
    ),
    (
        "three_branches_run_side_by_side_on_a_laptop",
        local::side_by_side,
    ),
    (
        "an_edit_is_seen_on_save_also_during_a_start",
        local::watched,
    ),
    ("what_nothing_uses_goes_and_nothing_else", prune::docker),
    (
        "what_nothing_uses_goes_and_nothing_else_on_podman",
        prune::podman,
    ),
    (
        "a_cluster_leaves_hosts_as_if_it_had_never_been_there",
        depart::docker,
    ),
    (
        "a_cluster_leaves_hosts_as_if_it_had_never_been_there_on_podman",
        depart::podman,
    ),
    ("what_is_near_its_limit_is_told", top::measured),
    (
        "what_cannot_be_measured_does_not_hide_the_rest",
        top::silent,
    ),
    (
        "what_is_held_stays_stopped_until_it_is_started",
        holds::held,
    ),
    ("a_host_is_drained_and_comes_back", holds::drained),
    ("nothing_is_released_to_a_frozen_cluster", holds::frozen),
    ("a_host_that_left_is_not_forgotten", part::left),
    ("a_host_that_is_gone_is_left_out", part::gone),
    ("podman_runs_what_docker_runs", podman::life),
    (
        "secrets_restart_what_uses_them_and_are_nowhere_else",
        secrets::life,
    ),
    (
        "secrets_that_a_container_prints_are_not_shown",
        secrets::printed,
    ),
    ("secrets_reach_containers_of_podman", secrets::podman),
    (
        "secrets_sent_unencrypted_are_kept_nowhere_else",
        secrets::plain,
    ),
    (
        "secrets_that_a_host_cannot_open_change_nothing",
        secrets::refused,
    ),
    (
        "drill_an_activation_killed_before_every_step",
        drills::deaths::activation_killed,
    ),
    (
        "drill_an_operator_killed_before_every_step",
        drills::deaths::operator_killed,
    ),
    (
        "drill_a_power_cut_before_every_step",
        drills::deaths::power_cut,
    ),
    (
        "drill_a_job_whose_activation_is_killed_before_every_step",
        jobs::activation_killed,
    ),
    (
        "drill_a_job_whose_operator_is_killed_before_every_step",
        jobs::operator_killed,
    ),
    (
        "drill_a_job_and_a_power_cut_before_every_step",
        jobs::power_cut,
    ),
    (
        "drill_a_holder_of_the_lock_killed",
        drills::deaths::holder_killed,
    ),
    (
        "drill_a_network_cut_before_the_activation",
        drills::cuts::before,
    ),
    (
        "drill_a_network_cut_during_the_activation",
        drills::cuts::during,
    ),
    (
        "drill_a_network_cut_after_the_activation",
        drills::cuts::after,
    ),
    (
        "drill_a_disk_that_is_full_while_staging",
        drills::scarcity::full_while_staging,
    ),
    (
        "drill_a_disk_that_is_full_while_activating",
        drills::scarcity::full_while_activating,
    ),
    (
        "drill_a_disk_that_is_full_while_recording",
        drills::scarcity::full_while_recording,
    ),
    (
        "drill_a_disk_that_cannot_be_written",
        drills::scarcity::read_only,
    ),
    (
        "drill_a_registry_that_is_gone",
        drills::scarcity::no_registry,
    ),
    (
        "drill_a_docker_that_stops_meanwhile",
        drills::scarcity::docker_stops,
    ),
    (
        "drill_a_start_limit_that_was_hit",
        drills::scarcity::start_limit,
    ),
    (
        "drill_a_storm_of_crashes_during_releases",
        drills::storm::weathered,
    ),
    (
        "drill_state_that_was_deleted_or_replaced",
        drills::meddling::state,
    ),
    (
        "drill_state_that_vanishes_under_an_activation",
        drills::meddling::at_work,
    ),
    (
        "drill_a_unit_that_was_edited_is_picked_up_meanwhile",
        drills::meddling::unit_at_work,
    ),
    ("drill_files_of_others_among_ours", drills::meddling::places),
    (
        "every_value_arrives_byte_for_byte",
        environment::nasty_values,
    ),
    ("files_are_read_again_without_a_restart", reload::docker),
    (
        "files_are_read_again_without_a_restart_by_podman",
        reload::podman,
    ),
    (
        "files_with_secrets_are_read_again_without_a_restart",
        reload::secrets,
    ),
    ("swaps_of_files_are_never_seen_half", reload::swaps),
    ("the_tasks_of_a_cluster_are_one_command_each", tasks::life),
    ("a_swap_loses_no_request", swap::docker),
    ("releases_under_load_lose_no_request", load::many),
    ("a_swap_loses_no_request_on_podman", swap::podman),
    ("a_swap_behind_nginx_loses_no_request", swap::nginx),
    ("a_swap_that_fails_loses_no_request", swap::failures),
    ("drill_a_swap_killed_before_every_step", swap::killed),
    ("a_proxy_is_replaced_without_a_lost_request", proxy::docker),
    (
        "a_proxy_is_replaced_without_a_lost_request_on_podman",
        proxy::podman,
    ),
    (
        "a_proxy_that_does_not_listen_takes_nothing_over",
        proxy::failures,
    ),
    ("drill_a_proxy_killed_before_every_step", proxy::killed),
    ("a_slot_that_is_kept_is_the_way_back", swap::kept),
    (
        "drill_a_way_back_to_a_kept_slot_killed_before_every_step",
        swap::killed_on_the_way_back,
    ),
    (
        "driver_random_edits_and_disturbances_agree_with_a_second_opinion",
        driver::drive,
    ),
];

/// The tests on hosts of other releases: `docker01` is of the first one, `docker02` of the second.
const ON_OTHER_RELEASES: &[(&str, Test)] = &[
    ("other_releases_live_through_a_release", smoke::life),
    (
        "a_static_build_runs_on_an_older_release",
        smoke::static_build,
    ),
    ("other_releases_run_podman", smoke::podman),
    (
        "other_releases_are_told_fit_or_what_they_lack",
        fitness::podman,
    ),
    ("other_releases_have_networks", networks::other_releases),
    (
        "other_releases_have_addresses",
        networks::other_releases_have_addresses,
    ),
    ("other_releases_read_files_again", reload::docker),
    ("tools_of_another_kind_are_a_problem", foreign::tools),
    ("programs_in_other_places_are_found", foreign::programs),
    ("versions_that_are_too_old_are_refused", foreign::versions),
];

/// The tests on bare hosts.
const ON_BARE_HOSTS: &[(&str, Test)] =
    &[("bare_hosts_are_prepared_and_released_to", prepare::bare)];

/// The test on a host of its own.
const ON_A_FIRST_HOST: &[(&str, Test)] = &[("the_tutorial_is_true", tutorial::followed)];

/// The tests of the tests' own parts, which need no host and are never ignored.
const WITHOUT_HOSTS: &[(&str, fn())] = &[(
    "all_offsets_together_strike_at_each_step_once",
    drills::steps::all_offsets_together_strike_at_each_step_once,
)];

/// How many tests run at the same time: mostly they wait, for containers to become healthy and to stay so.
fn at_once() -> usize {
    let wanted = std::env::var("BAYPLAN_FLEETS").ok();
    wanted.map_or(2, |wanted| {
        wanted
            .parse()
            .expect("BAYPLAN_FLEETS is a number of fleets")
    })
}

/// A test on one of these fleets. How long it took is printed: the whole must stay below half an hour.
fn trial(&(name, test): &'static (&str, Test), fleets: &'static Fleets) -> Trial {
    Trial::test(name, move || -> Result<(), Failed> {
        Ok(fleets.run(|fleet| {
            let start = Instant::now();
            test(fleet);
            println!("{name}: {:.0} s", start.elapsed().as_secs_f64());
        })?)
    })
}

fn main() -> ExitCode {
    // The message comes with the summary, and says more than a backtrace.
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            eprintln!("panicked at {place}");
        }
    }));
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(at_once());
    let wanted = std::env::var_os("BAYPLAN_FLEET").is_some_and(|value| value == "run");
    if !wanted && !arguments.list {
        println!("the tests on real hosts are skipped; type `sudo tests/fleet/run`");
    }
    let mine = TESTS.iter().map(|test| trial(test, &FLEETS));
    let on_others = ON_OTHER_RELEASES.iter().map(|test| trial(test, &OTHERS));
    let on_bare = ON_BARE_HOSTS.iter().map(|test| trial(test, &BARE));
    let on_a_first = ON_A_FIRST_HOST.iter().map(|test| trial(test, &FIRST));
    let without_hosts = WITHOUT_HOSTS.iter().map(|&(name, test)| {
        let run = move || -> Result<(), Failed> {
            test();
            Ok(())
        };
        Trial::test(name, run)
    });
    let on_hosts = mine
        .chain(on_others)
        .chain(on_bare)
        .chain(on_a_first)
        .map(|trial| trial.with_ignored_flag(!wanted));
    let trials = without_hosts.chain(on_hosts).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    FLEETS.down();
    OTHERS.down();
    BARE.down();
    FIRST.down();
    conclusion.exit_code()
}
