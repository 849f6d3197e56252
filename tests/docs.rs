//! What the pages of README.md and docs/ say, held against the program: commands parse, exit codes are
//! those of the program, tests that are named exist, links lead somewhere, examples are valid.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![expect(clippy::disallowed_methods, reason = "reads the pages and the sources")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bayplan::cli::Cli;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The pages that users read, by their path below the root.
fn pages() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let mut add = |path: String| {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        pages.insert(path, text);
    };
    add("README.md".to_owned());
    add("tests/fleet/README.md".to_owned());
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            add(format!("docs/{name}"));
        }
    }
    pages
}

/// The help of every command, as `docs/commands.md` shows it.
fn commands() -> String {
    fn add(command: &mut clap::Command, page: &mut String) {
        let help = command.render_long_help().to_string();
        let name = command.get_bin_name().unwrap_or("bayplan").to_owned();
        // Help breaks lines where a terminal would; what it leaves at their ends is nothing to see.
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(page, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n"));
        let commands = command.get_subcommands_mut();
        for command in commands.filter(|command| command.get_name() != "help") {
            add(command, page);
        }
    }
    let mut page =
        "# Commands\n\nThe help of every command, as `bayplan help` shows it.\n".to_owned();
    let mut cli = Cli::command().term_width(100);
    cli.build();
    add(&mut cli, &mut page);
    page
}

#[test]
fn the_help_of_every_command_is_in_the_docs() {
    let path = root().join("docs/commands.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, commands()).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(
        found == commands(),
        "docs/commands.md is not the help of now: `UPDATE_DOCS=1 cargo test --test docs` writes it anew"
    );
}

/// A fenced block of a page: its language, its first line's number, its text.
struct Block {
    language: String,
    line: usize,
    text: String,
}

/// A page's fenced blocks, and its prose with those blanked out.
fn parts(page: &str) -> (Vec<Block>, String) {
    let mut blocks: Vec<Block> = Vec::new();
    let mut prose = String::new();
    let mut inside = false;
    for (number, line) in page.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            inside = !inside;
            if inside {
                blocks.push(Block {
                    language: language.trim().to_owned(),
                    line: number + 2,
                    text: String::new(),
                });
            }
        } else if inside {
            let block = blocks.last_mut().unwrap();
            writeln!(block.text, "{line}").unwrap();
        } else {
            prose.push_str(line);
        }
        prose.push('\n');
    }
    assert!(!inside, "a fence is not closed");
    (blocks, prose)
}

/// What stands between single backquotes. A span may go over a line's end.
fn code_spans(prose: &str) -> Vec<String> {
    let words = |span: &str| span.split_whitespace().collect::<Vec<_>>().join(" ");
    prose.split('`').skip(1).step_by(2).map(words).collect()
}

/// The words of a command line as a shell sees them, up to a pipe, a redirection, a comment or a column
/// of explanation.
fn command_words(line: &str) -> Vec<String> {
    let line = line.split("  ").next().unwrap();
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for char in line.chars() {
        match (quote, char) {
            (None, '|' | '>' | '#' | ';' | '&') => break,
            (None, ' ') => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (None, '"' | '\'') => quote = Some(char),
            (Some(open), char) if open == char => quote = None,
            (_, char) => word.push(char),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// An argument as one would type it for a placeholder of the pages: `CLUSTER` is a cluster.
fn filled(word: &str) -> String {
    match word {
        "CLUSTER" => "production",
        "SERVICE" => "search",
        "HOST" => "docker01",
        "REV" | "REV1..REV2" | "REV1...REV2" => "HEAD",
        "GUARD" => "protect",
        "N" => "1",
        "DIR" => ".",
        word => word,
    }
    .to_owned()
}

/// Why bayplan would not take a command line, as far as it is spelled out.
fn refused(line: &str) -> Option<String> {
    let words = command_words(line);
    let elided = |word: &String| word.contains('…') || word.starts_with('[');
    let words: Vec<String> = words
        .iter()
        .filter(|w| !elided(w))
        .map(|w| filled(w))
        .collect();
    match Cli::try_parse_from(&words) {
        Ok(_) => None,
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            | ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand => None,
            _ => Some(error.to_string()),
        },
    }
}

#[test]
fn every_command_of_the_pages_is_one_that_bayplan_takes() {
    let mut wrong = String::new();
    let mut seen = 0;
    let mut pages = pages();
    // It is help, in which lines begin with `bayplan`, too; its examples are run as they stand (tests/cli/examples.rs).
    pages.remove("docs/commands.md");
    for (path, page) in pages {
        let (blocks, prose) = parts(&page);
        let lines = blocks.iter().flat_map(|block| {
            let lines = block.text.lines().enumerate();
            lines.map(|(at, line)| (block.line + at, line.trim_start().to_owned()))
        });
        let spans = code_spans(&prose).into_iter().map(|span| (0, span));
        for (at, line) in lines.chain(spans) {
            let line = line.replacen("cargo run --release -- ", "bayplan ", 1);
            let line = line.trim_start_matches("- run: ").trim_start_matches("- ");
            let line = line.trim_start_matches("run: ");
            let Some(first) = line.strip_prefix("bayplan ") else {
                continue;
            };
            // `bayplan 0.1.0 …` is what it says.
            if first.starts_with(|c: char| c.is_ascii_digit()) {
                continue;
            }
            seen += 1;
            if let Some(why) = refused(line) {
                writeln!(wrong, "{path}:{at}: `{line}`: {why}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(seen > 50, "only {seen} commands were found");
}

#[test]
fn the_exit_codes_of_the_pages_are_those_of_the_program() {
    let help = Cli::command().get_after_help().unwrap().to_string();
    let of_help: BTreeSet<u8> = help
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    let how = &pages()["docs/how.md"];
    let (_, table) = how.split_once("## Exit codes").unwrap();
    let of_page: BTreeSet<u8> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    let of_program: BTreeSet<u8> = bayplan::command::Exit::ALL
        .iter()
        .map(|e| e.code())
        .collect();
    assert_eq!(of_page, of_program);
    // Nobody asks the help what a closed pipe gives.
    let closed = bayplan::command::Exit::Closed.code();
    let of_people: BTreeSet<u8> = of_program.into_iter().filter(|c| *c != closed).collect();
    assert_eq!(of_help, of_people);
}

/// Every Rust source below a directory of the root.
fn sources(below: &Path, found: &mut String) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let guarantees = &pages()["docs/guarantees.md"];
    let mut tests = String::new();
    for below in ["src", "tests"] {
        sources(&root().join(below), &mut tests);
    }
    let mut names = 0;
    let mut missing = Vec::new();
    for span in code_spans(&parts(guarantees).1) {
        let (fleet, name) = match span.strip_prefix("fleet: ") {
            Some(name) => (true, name),
            None => (false, span.as_str()),
        };
        let is_name = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !(fleet || is_name && name.matches('_').count() >= 3) {
            continue;
        }
        names += 1;
        let there = if fleet {
            tests.contains(&format!("\"{name}\""))
        } else {
            tests.contains(&format!("fn {name}("))
        };
        if !there {
            missing.push(span);
        }
    }
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    assert!(names > 20, "only {names} names were found");
}

/// The name of the type that a line of Rust defines. An associated type is indented, and is none.
fn defined_type(line: &str) -> Option<&str> {
    let words = line.trim_start().trim_start_matches("pub");
    let words = match words.strip_prefix('(') {
        Some(rest) => rest.split_once(')')?.1,
        None => words,
    };
    let (kind, rest) = words.trim_start().split_once(' ')?;
    let is_type = match kind {
        "struct" | "enum" | "trait" | "union" => true,
        "type" => !line.starts_with(' '),
        _ => false,
    };
    let name = rest
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()?;
    (is_type && name.starts_with(char::is_uppercase)).then_some(name)
}

#[test]
fn a_type_name_means_one_thing() {
    let mut text = String::new();
    sources(&root().join("src"), &mut text);
    let mut seen = BTreeSet::new();
    let types = text.lines().filter_map(defined_type);
    let twice: BTreeSet<&str> = types.filter(|name| !seen.insert(*name)).collect();
    assert!(seen.len() > 300, "only {} types were found", seen.len());
    assert!(twice.is_empty(), "defined more than once: {twice:#?}");
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let mut pages = pages();
    let changelog = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    pages.insert("CHANGELOG.md".to_owned(), changelog);
    let mut broken = Vec::new();
    for (path, page) in &pages {
        let (_, prose) = parts(page);
        for target in prose
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if target.contains("://") {
                continue;
            }
            let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
            let from = Path::new(path).parent().unwrap();
            let to = if file.is_empty() {
                PathBuf::from(path)
            } else {
                from.join(file)
            };
            let known = pages.get(&to.to_string_lossy().into_owned());
            let heads = |page: &String| {
                let (_, prose) = parts(page);
                let headings = prose.lines().filter(|line| line.starts_with('#'));
                headings
                    .map(|h| anchor(h.trim_start_matches('#').trim()))
                    .any(|a| a == fragment)
            };
            let there = root().join(&to).exists();
            if !there || !fragment.is_empty() && !known.is_some_and(heads) {
                broken.push(format!("{path}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The paths below docs/ that a text names: `docs/how.md`.
fn named_pages(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("docs/").filter_map(|(at, _)| {
        let rest = &text[at..];
        let end =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '/' | '.' | '-'))?;
        let path = rest[..end].trim_end_matches('.');
        path.ends_with(".md").then_some(path)
    })
}

#[test]
fn every_page_that_the_program_names_exists() {
    let mut source = String::new();
    for below in ["src", "tests", "benches"] {
        sources(&root().join(below), &mut source);
    }
    let named: BTreeSet<&str> = named_pages(&source).collect();
    let missing: Vec<_> = named.iter().filter(|p| !root().join(p).exists()).collect();
    assert!(missing.is_empty(), "no such pages: {missing:?}");
    assert!(named.len() > 4, "only {named:?} were found");
}

/// The text of a file, or of every script below a directory.
fn texts(path: &Path, found: &mut String) {
    let entries = std::fs::read_dir(path).into_iter().flatten();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() || path.extension().is_some_and(|e| e == "sh") {
            texts(&path, found);
        }
    }
    if path.is_file() {
        found.push_str(&std::fs::read_to_string(path).unwrap());
    }
}

#[test]
fn every_file_and_function_of_the_architecture_page_exists() {
    let page = &pages()["docs/architecture.md"];
    let mut wrong = Vec::new();
    let mut stages = 0;
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, file, function] = cells[..] else {
            continue;
        };
        if !file.contains('/') {
            continue;
        }
        stages += 1;
        let mut text = String::new();
        texts(&root().join(file), &mut text);
        let function = function.trim_matches('`');
        let defined = [
            format!("fn {function}("),
            format!("fn {function}<"),
            format!("\n{function}() {{"),
        ]
        .iter()
        .any(|definition| text.contains(definition));
        let there = if function.is_empty() {
            !text.is_empty()
        } else {
            defined
        };
        if !there {
            wrong.push(line.to_owned());
        }
    }
    for span in code_spans(page) {
        if span.starts_with("src/") && !root().join(&span).exists() {
            wrong.push(span);
        }
    }
    assert!(wrong.is_empty(), "not there: {wrong:#?}");
    assert!(stages > 20, "only {stages} stages were found");
}

#[test]
fn every_command_is_in_the_pages() {
    let pages: String = pages().into_values().collect();
    let mut absent = Vec::new();
    let mut look = |words: String| {
        if !pages.contains(&format!("bayplan {words}")) {
            absent.push(words);
        }
    };
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        if command.has_subcommands() {
            for below in command.get_subcommands() {
                look(format!("{name} {}", below.get_name()));
            }
        } else {
            look(name.to_owned());
        }
    }
    assert!(absent.is_empty(), "{absent:?}");
}

#[test]
fn every_example_of_the_pages_is_valid_in_its_language() {
    let mut wrong = String::new();
    for (path, page) in pages() {
        for Block {
            language,
            line,
            text,
        } in parts(&page).0
        {
            let problem = match language.as_str() {
                // An ellipsis stands for what is too long to show.
                "toml" => text.parse::<toml::Table>().err().map(|e| e.to_string()),
                "json" => serde_json::from_str::<serde_json::Value>(&text)
                    .err()
                    .map(|e| e.to_string()),
                _ => None,
            };
            if let Some(problem) = problem {
                writeln!(wrong, "{path}:{line}: {problem}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
