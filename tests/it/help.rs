//! The help of every command, completions and manual pages.

use std::fs;
use std::process::Command as Process;

use clap::{CommandFactory, Parser};
use runner::cli::Cli;

use crate::support::Sandbox;

/// Every command that does something, as it is typed: `config show`.
fn commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for command in Cli::command().get_subcommands() {
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
    for command in commands() {
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

/// Red without the command in the list.
#[test]
fn shells_get_scripts_that_know_every_command() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = sandbox.runner(&["completions", shell]).success().stdout;
        for command in commands() {
            for word in command {
                assert!(script.contains(&word), "{shell}: {word}");
            }
        }
        let path = sandbox.write(&format!("runner.{shell}"), &script);
        // Where the shell is here, it reads its script.
        if let Ok(status) = Process::new(shell).arg("-n").arg(&path).status() {
            assert!(status.success(), "{shell}");
        }
    }
    sandbox.runner(&["completions", "tcsh"]).code(2);
}

#[test]
fn every_command_has_a_manual_page() {
    let sandbox = Sandbox::new();
    sandbox.runner(&["man", "pages/man1"]).success();
    let mut names = vec!["runner".to_owned()];
    names.extend(
        commands()
            .iter()
            .map(|words| format!("runner-{}", words.join("-"))),
    );
    for name in names {
        let page = sandbox.read(&format!("pages/man1/{name}.1"));
        assert!(page.contains(".TH"), "{name}: {page}");
        if name.matches('-').count() == 1 && !name.ends_with("config") {
            assert!(page.contains("Exit codes"), "{name}: {page}");
        }
    }
    fs::write(sandbox.path("file"), "").unwrap();
    sandbox
        .runner(&["man", "file/man1"])
        .code(74)
        .stderr_has(&["file/man1"]);
}
