//! Sweeps, end to end: many runs of one experiment, on the real binary.

mod data;
mod extend;
mod failures;
mod files;
mod kills;
mod points;
mod scores;
mod sessions;
mod slurm;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Outcome, Sandbox, project};

/// A sandbox whose `tiny.toml` trains two epochs of made-up images in milliseconds.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let synthetic = fs::read_to_string(project().join("tests/configs/synthetic.toml")).unwrap();
    sandbox.write("tiny.toml", synthetic);
    sandbox
}

/// `runner sweep ...`
fn sweep(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    sandbox.runner(&[&["sweep"], arguments].concat())
}

/// Writes a sweep over `tiny.toml` with these lines into `s.toml`.
fn write(sandbox: &Sandbox, lines: &str) {
    sandbox.write("s.toml", format!("config = \"tiny.toml\"\n{lines}"));
}

/// Runs `s.toml` to its end; gives the sweep directory.
fn run(sandbox: &Sandbox, arguments: &[&str]) -> PathBuf {
    let arguments = [&["run", "s.toml", "-q"], arguments].concat();
    let outcome = sweep(sandbox, &arguments).success();
    PathBuf::from(outcome.stdout.trim())
}

/// The only sweep directory, beside what a kill has left of one that was to be made.
fn only(sandbox: &Sandbox) -> PathBuf {
    let all = fs::read_dir(sandbox.path("experiments/sweeps")).unwrap();
    let all = all.map(|entry| entry.unwrap());
    let mut all = all.filter(|it| !it.file_name().to_str().unwrap().starts_with('.'));
    let only = all.next().unwrap().path();
    assert!(all.next().is_none());
    only
}

/// The rows of trials.csv, by the names of its columns.
fn trials(folder: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.join("trials.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// A column of trials.csv.
fn column(folder: &Path, name: &str) -> Vec<String> {
    let trials = trials(folder);
    trials.iter().map(|trial| trial[name].clone()).collect()
}

/// The run directories of a sweep's trials, in the order of their names.
fn runs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("trials")).unwrap();
    let entries = entries.map(Result::unwrap);
    // Beside a link to the latest one, and what a kill has left of one that was to be made.
    let runs = entries.filter(|entry| {
        let is_hidden = entry.file_name().to_str().unwrap().starts_with('.');
        entry.file_type().unwrap().is_dir() && !is_hidden
    });
    let mut runs: Vec<PathBuf> = runs.map(|entry| entry.path()).collect();
    runs.sort();
    runs
}

/// A file of the run of a trial.
fn of_trial(folder: &Path, trial: usize, file: &str) -> String {
    let is_its = |run: &PathBuf| run.to_str().unwrap().ends_with(&format!("-{trial:03}"));
    let run = runs(folder).into_iter().find(is_its).unwrap();
    fs::read_to_string(run.join(file)).unwrap()
}

/// metrics.csv of `runner run tiny.toml` with values.
fn alone(sandbox: &Sandbox, values: &[String]) -> String {
    let values = values.iter().map(String::as_str);
    let arguments: Vec<&str> = ["run", "tiny.toml", "-q", "--out", "alone"]
        .into_iter()
        .chain(values)
        .collect();
    let run = sandbox.runner(&arguments).success().stdout;
    sandbox.read(&format!("{}/metrics.csv", run.trim()))
}

/// Every trial's metrics.csv has the first rows of the same run alone, and all of them where it finished.
#[track_caller]
fn all_are_as_alone(sandbox: &Sandbox, folder: &Path) {
    for trial in trials(folder) {
        let keys = trial.iter().filter(|(name, _)| {
            let fixed = ["trial", "point", "run_directory"];
            let moving = ["status", "epochs", "objective"];
            ![&fixed[..], &moving].concat().contains(&name.as_str())
        });
        let values: Vec<String> = keys.map(|(key, value)| format!("{key}={value}")).collect();
        let expected = alone(sandbox, &values);
        let found = of_trial(folder, trial["trial"].parse().unwrap(), "metrics.csv");
        let rows = found.lines().count() - 1;
        assert_eq!(rows.to_string(), trial["epochs"], "{trial:?}");
        assert!(rows > 0, "{trial:?}");
        let first: String = expected.split_inclusive('\n').take(rows + 1).collect();
        assert_eq!(found, first, "{trial:?}");
        if trial["status"] == "finished" {
            assert_eq!(found, expected, "{trial:?}");
        }
    }
}
