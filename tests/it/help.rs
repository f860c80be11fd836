//! The help of every command, completions and manual pages.

use std::fs;
use std::process::Command as Process;

use clap::{CommandFactory, Parser};
use runner::cli::Cli;

use crate::support::Sandbox;

/// The program itself, and the commands that only have others inside.
fn groups() -> Vec<Vec<String>> {
    let mut groups = vec![Vec::new()];
    for command in Cli::command().get_subcommands() {
        if command.has_subcommands() {
            groups.push(vec![command.get_name().to_owned()]);
        }
    }
    groups
}

/// Every command that does something, as it is typed: `config show`; but for those that the program itself starts.
fn commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let cli = Cli::command();
    for command in cli.get_subcommands().filter(|it| !it.is_hide_set()) {
        let name = command.get_name().to_owned();
        let inner: Vec<_> = command.get_subcommands().collect();
        if inner.is_empty() {
            found.push(vec![name.clone()]);
        }
        for inner in inner {
            found.push(vec![name.clone(), inner.get_name().to_owned()]);
        }
    }
    found
}

/// Red with `--marked` in the help of `compare`.
#[test]
fn every_help_has_two_examples_that_parse_and_exit_codes() {
    let sandbox = Sandbox::new();
    for command in [groups(), commands()].concat() {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = sandbox.runner(&arguments).success().stdout;
        let examples: Vec<&str> = help
            .lines()
            .filter_map(|line| line.strip_prefix("  runner "))
            .collect();
        assert_eq!(examples.len(), 2, "{command:?}: {help}");
        for example in examples {
            // What a shell would do with what follows.
            let example = example
                .split([">", "&"].map(|it| it.chars().next().unwrap()))
                .next();
            let words = example.unwrap().split_whitespace();
            let words = words.map(|word| word.trim_matches('\'').to_owned());
            let typed = ["runner".to_owned()].into_iter().chain(words);
            Cli::try_parse_from(typed).unwrap_or_else(|error| panic!("{command:?}: {error}"));
        }
        let (_, codes) = help.split_once("Exit codes:\n").unwrap();
        assert!(codes.starts_with("  0    done"), "{command:?}: {codes}");
    }
}

/// What a shell is told can be typed as the last of these words.
fn completions(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let arguments = [&["--", "runner"], words].concat();
    let output = sandbox
        .command(&arguments)
        .env("RUNNER_COMPLETE", "bash")
        .env("_CLAP_IFS", "\n")
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn shells_get_scripts_that_ask_the_program() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = sandbox.runner(&["completions", shell]).success().stdout;
        assert!(script.contains("RUNNER_COMPLETE"), "{shell}: {script}");
        let path = sandbox.write(&format!("runner.{shell}"), &script);
        // Where the shell is here, it reads its script.
        if let Ok(status) = Process::new(shell).arg("-n").arg(&path).status() {
            assert!(status.success(), "{shell}");
        }
    }
    sandbox.runner(&["completions", "tcsh"]).code(2);
}

/// Red where completers change the order of arguments: the key comes before the config.
#[test]
fn commands_runs_keys_and_sets_are_completed() {
    let sandbox = Sandbox::new();
    for command in commands() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let last = words.last().unwrap();
        assert!(
            completions(&sandbox, &words).iter().any(|it| it == last),
            "{words:?}"
        );
    }
    let run = sandbox.run_tiny(&["training.epochs=1"]);
    let id = run.strip_prefix("experiments/").unwrap();
    for command in ["show", "resume", "verify", "reproduce", "compare"] {
        let found = completions(&sandbox, &[command, ""]);
        let names: Vec<&String> = found.iter().filter(|it| !it.starts_with('-')).collect();
        assert_eq!(names, [id, "last"], "{command}");
        assert_eq!(
            completions(&sandbox, &[command, &run[..14]]),
            [run.as_str()]
        );
    }
    let found = completions(&sandbox, &["config", "explain", "optimizer.adamw.b"]);
    assert_eq!(found, ["optimizer.adamw.betas"]);
    let found = completions(&sandbox, &["data", "fetch", "fashion"]);
    assert_eq!(found, ["fashion-mnist"]);
}

#[test]
fn every_command_has_a_manual_page() {
    let sandbox = Sandbox::new();
    sandbox.runner(&["man", "pages/man1"]).success();
    let words = [groups(), commands()].concat();
    let names = words
        .into_iter()
        .map(|words| [vec!["runner".to_owned()], words].concat().join("-"));
    for name in names {
        let page = sandbox.read(&format!("pages/man1/{name}.1"));
        assert!(page.contains(".TH"), "{name}: {page}");
        assert!(page.contains(".SH \"EXIT STATUS\""), "{name}: {page}");
        assert!(page.contains(".SH EXAMPLES"), "{name}: {page}");
        assert!(!page.contains("EXTRA"), "{name}: {page}");
        assert_eq!(
            page.contains("\\-\\-out"),
            page.contains("RUNNER_OUT"),
            "{name}: {page}"
        );
    }
    fs::write(sandbox.path("file"), "").unwrap();
    sandbox
        .runner(&["man", "file/man1"])
        .code(74)
        .stderr_has(&["file/man1"]);
}
