//! Whatever is killed, however many trials run at a time, and whoever finishes first: the same trials train the same
//! epochs.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use runner::random::{Purpose, Stream, stream};

use super::{all_are_as_alone, only, run, sandbox, sweep, trials, write};
use crate::support::Sandbox;

const PARAMETERS: &str = "[parameters]\n\
                          \"training.learning_rate\" = { log_uniform = [1e-4, 1e-1] }\n\
                          \"training.batch_size\" = { values = [10, 15, 20] }\n";

/// Searches with and without rungs, seeds and results that they go by.
const SEARCHES: [&str; 4] = [
    "seeds = [1, 2]\n[search]\nhalving = { trials = 6, eta = 2 }",
    "[search]\nhyperband = { eta = 2 }",
    "[search]\ntpe = { trials = 8, startup = 4, batch = 2 }",
    "seeds = [3, 4, 5]\n[search]\nrandom = { trials = 3 }",
];

fn prepared(search: &str) -> Sandbox {
    let sandbox = sandbox();
    let tiny = sandbox
        .read("tiny.toml")
        .replace("epochs = 2", "epochs = 5");
    sandbox.write("tiny.toml", tiny);
    write(&sandbox, &format!("{PARAMETERS}{search}\n"));
    sandbox
}

/// Everything of a sweep that must not depend on how it got there.
struct Traces {
    trials: String,
    /// Of each run, in the order of their names.
    metrics: Vec<(String, String)>,
}

fn traces(folder: &Path) -> Traces {
    let metrics = super::runs(folder).into_iter().map(|run| {
        let text = fs::read_to_string(run.join("metrics.csv")).unwrap();
        (run.file_name().unwrap().to_str().unwrap().to_owned(), text)
    });
    let metrics = metrics.collect();
    Traces {
        trials: fs::read_to_string(folder.join("trials.csv")).unwrap(),
        metrics,
    }
}

#[track_caller]
fn equal(found: &Traces, expected: &Traces, what: &str) {
    assert_eq!(found.trials, expected.trials, "{what}");
    assert_eq!(found.metrics.len(), expected.metrics.len(), "{what}");
    for (found, expected) in found.metrics.iter().zip(&expected.metrics) {
        assert_eq!(found, expected, "{what}");
    }
}

// Seen red with rungs that promote whoever comes first, and with schedules of the rung's length.
#[test]
fn halving_promotes_the_best_and_a_promoted_trial_is_the_run_alone() {
    let sandbox = prepared(SEARCHES[0]);
    let tiny = sandbox.read("tiny.toml") + "\n[schedule]\ncosine = {}\n";
    sandbox.write("tiny.toml", tiny);
    let folder = run(&sandbox, &["--parallel", "3"]);
    all_are_as_alone(&sandbox, &folder);
    let rows = trials(&folder);
    let count = |epochs: &str| rows.iter().filter(|row| row["epochs"] == epochs).count();
    // Two seeds: 6 points to epoch 1, 3 to epoch 2, 1 to the end.
    assert_eq!([count("1"), count("2"), count("5")], [6, 4, 2]);
    // The mean of the seeds decides, after the first epoch as after the second.
    let score = |row: &std::collections::BTreeMap<String, String>, epoch: usize| -> f64 {
        let run = folder.join(&row["run_directory"]);
        let mut metrics = csv::Reader::from_path(run.join("metrics.csv")).unwrap();
        let place = metrics
            .headers()
            .unwrap()
            .iter()
            .position(|it| it == "eval_accuracy");
        let record = metrics.records().nth(epoch - 1).unwrap().unwrap();
        record[place.unwrap()].parse().unwrap()
    };
    let mut first: Vec<(f64, usize)> = (0..6)
        .map(|point| {
            let [one, other] = [&rows[2 * point], &rows[2 * point + 1]];
            ((score(one, 1) + score(other, 1)) / 2.0, point)
        })
        .collect();
    first.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    for (place, (_, point)) in first.iter().enumerate() {
        let is_promoted = rows[2 * point]["epochs"] != "1";
        assert_eq!(is_promoted, place < 3, "{first:?}");
    }
}

// Seen red with the state of a search kept in memory.
#[test]
fn neither_the_number_at_a_time_nor_kills_change_a_sweep() {
    for (index, search) in SEARCHES.iter().enumerate() {
        let sandbox = prepared(search);
        let folder = run(&sandbox, &["--parallel", "1"]);
        all_are_as_alone(&sandbox, &folder);
        let expected = traces(&folder);
        fs::remove_dir_all(sandbox.path("experiments")).unwrap();
        let folder = run(&sandbox, &["--parallel", "3"]);
        equal(&traces(&folder), &expected, search);
        fs::remove_dir_all(sandbox.path("experiments")).unwrap();
        killed(&sandbox, index as u64, 3);
        equal(&traces(&only(&sandbox)), &expected, search);
    }
}

// Seen red with the epochs of a rung counted from the run's beginning of the process.
#[test]
#[ignore = "takes a minute; .ci/run runs it"]
fn soak_sweeps_killed_at_random_come_out_equal() {
    let kills = std::env::var("SOAK").map_or(100, |times| times.parse().unwrap());
    let mut done = 0;
    let expected = SEARCHES.map(|search| {
        let sandbox = prepared(search);
        let traces = traces(&run(&sandbox, &[]));
        fs::remove_dir_all(sandbox.path("experiments")).unwrap();
        (sandbox, traces)
    });
    for round in 0.. {
        let (sandbox, expected) = &expected[round as usize % expected.len()];
        done += killed(sandbox, 1000 + round, 5);
        equal(&traces(&only(sandbox)), expected, &format!("round {round}"));
        fs::remove_dir_all(sandbox.path("experiments")).unwrap();
        if done >= kills {
            break;
        }
    }
}

/// Runs `s.toml` to its end through kills at random: of the session alone, or of it and all its trials. How many of
/// them hit.
fn killed(sandbox: &Sandbox, seed: u64, times: u64) -> u64 {
    let mut hits = 0;
    for index in 0..times {
        let mut chance = stream(2026, Purpose::Proof, seed, index);
        let parallel = (1 + chance.below(3)).to_string();
        let mut session = start(sandbox, &["run", "s.toml", "--parallel", &parallel]);
        sleep(Duration::from_micros(chance.below(150_000)));
        hits += u64::from(kill(&mut session, &mut chance));
    }
    sweep(sandbox, &["run", "s.toml"]).success();
    hits
}

fn start(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut command = sandbox.command(&[&["sweep"], arguments].concat());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Whether the session was still there to be killed.
fn kill(session: &mut Child, chance: &mut Stream) -> bool {
    let mut processes = vec![session.id().to_string()];
    if chance.below(2) == 0 {
        processes.extend(super::sessions::children(session));
    }
    let is_alive = session.try_wait().unwrap().is_none();
    if is_alive {
        // Some of them may have ended since.
        let mut kill = Command::new("kill");
        kill.arg("-KILL").args(&processes).stderr(Stdio::null());
        kill.status().unwrap();
    }
    session.wait().unwrap();
    is_alive
}

/// Nothing of a sweep that is done is done again. Seen red with a new directory for each `run`.
#[test]
fn the_same_command_again_runs_nothing_that_is_done() {
    let sandbox = prepared(SEARCHES[0]);
    let folder = run(&sandbox, &[]);
    let before = super::extend::evidence(&folder);
    assert_eq!(run(&sandbox, &[]), folder);
    sweep(&sandbox, &["resume"]).success();
    assert_eq!(super::extend::evidence(&folder), before);
    assert_ne!(run(&sandbox, &["--new"]), folder);
}
