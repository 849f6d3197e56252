//! Tab in a description with a thousand services.

use std::fmt::Write as _;
use std::fs;

use super::*;

/// What a shell waits for: the hosts of the cluster, and ten of its services. The limit is told, and nobody fails for it.
pub fn completion() {
    let directory = tempfile::tempdir().expect("a directory");
    let services = directory.path().join("clusters/big/services");
    fs::create_dir_all(&services).expect("it is ours");
    let mut cluster = String::from("[hosts.alpha]\naddress = \"10.0.0.1\"\n[place]\n");
    for number in 0..1000 {
        let text = format!("image = \"app\"\ntag = \"{number}\"\nport = 9000\n");
        fs::write(services.join(format!("app-{number}.toml")), text).expect("it is ours");
        let _ = writeln!(cluster, "app-{number} = \"alpha\"");
    }
    fs::write(services.with_file_name("cluster.toml"), cluster).expect("it is ours");
    let process = |words: &[&str], asks: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bayplan"));
        command.current_dir(directory.path()).args(words);
        if asks {
            command.env("BAYPLAN_COMPLETE", "fish");
        }
        let (output, took) = timed(|| command.output().expect("it starts"));
        assert!(!output.stdout.is_empty(), "{words:?}");
        took.as_secs_f64()
    };
    for (what, line) in [
        ("hosts", ["--", "bayplan", "logs", "big", "--host", "a"]),
        ("services", ["--", "bayplan", "logs", "big", "-f", "app-99"]),
    ] {
        let (mut ours, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ours.push(process(&line, true));
            floors.push(process(&["--version"], false));
        }
        row(
            &format!("Tab for {what} of a cluster with 1,000 services; `bayplan --version`"),
            median(&mut ours),
            median(&mut floors),
            &mut true,
        );
    }
}
