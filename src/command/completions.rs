//! `runner completions`: the completion script of a shell, which asks the program what can be typed next.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::builder::ArgExt;
use clap::{Command, CommandFactory};
use clap_complete::env::Shells;
use clap_complete::{ArgValueCandidates, ArgValueCompleter, CompleteEnv, CompletionCandidate};

use crate::cli::{self, Cli};
use crate::config::LANGUAGE;
use crate::data::catalog::SETS;
use crate::exit::ExitCode;
use crate::run_dir;

use super::output::print_result;

/// The environment variable that the completion script sets.
const VARIABLE: &str = "RUNNER_COMPLETE";

pub fn execute(args: &cli::Completions) -> anyhow::Result<ExitCode> {
    let shells = Shells::builtins();
    let shell = args.shell.to_string();
    let shell = shells.completer(&shell).expect("both lists are clap's");
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "runner", "runner", "runner", &mut script)?;
    print_result(&String::from_utf8(script)?)?;
    Ok(ExitCode::Done)
}

/// If a completion script started the process, answers it and exits.
pub fn answer() {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

/// The command line, with completers for arguments whose values the types do not give.
fn command() -> Command {
    let mut command = Cli::command();
    let of_a_run = [
        "resume",
        "show",
        "export",
        "verify",
        "reproduce",
        "predict",
        "evaluate",
        "fork",
        "tag",
    ];
    for name in of_a_run {
        command = command.mut_subcommand(name, |it| with(it, "run", ArgValueCompleter::new(runs)));
    }
    command = command.mut_subcommand("compare", |it| {
        with(it, "runs", ArgValueCompleter::new(runs))
    });
    command = command.mut_subcommand("config", |it| {
        it.mut_subcommand("explain", |it| {
            with(it, "key", ArgValueCandidates::new(keys))
        })
    });
    if cfg!(feature = "fetch") {
        command = command.mut_subcommand("data", |it| {
            it.mut_subcommand("fetch", |it| {
                with(it, "name", ArgValueCandidates::new(sets))
            })
        });
    }
    command
}

/// Adds a completer to the argument with this name; the order of arguments stays.
fn with(command: Command, name: &str, how: impl ArgExt + Clone) -> Command {
    command.mut_args(|argument| match argument.get_id() == name {
        true => argument.add(how.clone()),
        false => argument,
    })
}

/// Candidates for a run: `last`, names, and paths of run directories.
fn runs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let out = env::var_os("RUNNER_OUT").map_or(PathBuf::from(cli::DEFAULT_OUT), PathBuf::from);
    let typed = typed.to_string_lossy();
    let mut candidates = match typed.rsplit_once('/') {
        Some((folder, _)) => {
            let names = run_names(Path::new(folder)).into_iter();
            names.map(|name| format!("{folder}/{name}")).collect()
        }
        None => run_names(&out),
    };
    candidates.push("last".to_owned());
    candidates.retain(|candidate| candidate.starts_with(&*typed));
    candidates.sort();
    candidates
        .into_iter()
        .map(CompletionCandidate::new)
        .collect()
}

/// The entries of a folder of runs, without hidden files.
fn run_names(out: &Path) -> Vec<String> {
    let mut names = run_dir::names(out);
    names.retain(|name| !name.starts_with('.'));
    names
}

/// Candidates for a known data set.
fn sets() -> Vec<CompletionCandidate> {
    let names = SETS.iter().map(|set| set.name);
    names.map(CompletionCandidate::new).collect()
}

/// Candidates for a key of the language.
fn keys() -> Vec<CompletionCandidate> {
    let keys = LANGUAGE.walk().into_iter();
    keys.map(|(path, key)| CompletionCandidate::new(path).help(Some(key.meaning.into())))
        .collect()
}
