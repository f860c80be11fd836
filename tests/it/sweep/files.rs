//! Sweep files: what is wrong with them is told in its place, and what is there stays as it is.

use std::path::PathBuf;
use std::{env, fs};

use super::{run, sandbox, sweep, write};
use crate::support::{Outcome, project};

/// Every `NAME.toml` of tests/sweeps/broken is told as `NAME.expected` says (`UPDATE_EXPECTED=1` writes them anew).
#[test]
fn every_broken_sweep_is_told_as_expected() {
    let folder = project().join("tests/sweeps/broken");
    let sandbox = sandbox();
    let home = sandbox.path("broken");
    fs::create_dir(&home).unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .collect();
    files.sort();
    assert!(files.len() > 30, "only {} sweeps", files.len());
    for file in &files {
        fs::copy(file, home.join(file.file_name().unwrap())).unwrap();
    }
    fs::copy(sandbox.path("tiny.toml"), home.join("tiny.toml")).unwrap();
    let broken = sandbox.read("tiny.toml").replace("seed = 1", "seed = -1");
    fs::write(home.join("broken-config.toml"), broken).unwrap();
    let mut differences = String::new();
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let mut command = sandbox.command(&["sweep", "run", name]);
        let output = command.current_dir(&home).output().unwrap();
        let outcome = Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
        .code(2);
        assert_eq!(outcome.stdout, "", "{name}");
        assert!(
            !home.join("experiments").exists(),
            "{name} leaves something"
        );
        let expected = file.with_extension("expected");
        if env::var_os("UPDATE_EXPECTED").is_some_and(|value| value == "1") {
            fs::write(&expected, &outcome.stderr).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if expected != outcome.stderr {
            let told = outcome.stderr;
            differences += &format!("== {name} is told\n{told}== and not\n{expected}");
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

// Seen red with a template that names a key that there is not.
#[test]
fn a_new_sweep_file_can_be_checked_and_run() {
    let sandbox = sandbox();
    sandbox.write(
        "sub/other.toml",
        sandbox
            .read("tiny.toml")
            .replace("batch_size = 20", "batch_size = 2"),
    );
    let told = sweep(
        &sandbox,
        &["new", "mine.toml", "--config", "sub/other.toml"],
    )
    .success();
    assert!(
        told.stdout.contains("runner sweep check mine.toml"),
        "{}",
        told.stdout
    );
    let text = sandbox.read("mine.toml");
    assert!(text.contains("config = \"sub/other.toml\""), "{text}");
    // 60 images are too few for its batches.
    sandbox.write("mine.toml", text.replace("[64, 256]", "[20, 60]"));
    sweep(&sandbox, &["check", "mine.toml"])
        .success()
        .stdout_has(&[
            "search  grid, 8 points with 2 seeds: 16 trials",
            "epochs  32 in all",
            "mine.toml can run",
        ]);
    assert!(!sandbox.path("experiments").exists());
    sweep(&sandbox, &["run", "mine.toml"])
        .success()
        .stdout_has(&["Trials: 16 finished"]);
    sweep(
        &sandbox,
        &["new", "mine.toml", "--config", "sub/other.toml"],
    )
    .code(2)
    .stderr_has(&["mine.toml exists already"]);
    let other = sweep(
        &sandbox,
        &["new", "deep/mine.toml", "--config", "tiny.toml"],
    );
    assert!(other.code != Some(0) || sandbox.read("deep/mine.toml").contains("../tiny.toml"));
    sweep(&sandbox, &["new", "--config", "none.toml"])
        .code(2)
        .stderr_has(&["cannot read the config none.toml"]);
}

// Seen red with values typed for a sweep that reach no trial.
#[test]
fn values_that_are_typed_go_over_the_experiment_and_under_the_trials() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\"training.batch_size\" = { values = [20, 30] }\n",
    );
    let folder = run(&sandbox, &["training.epochs=3", "training.batch_size=15"]);
    assert_eq!(super::column(&folder, "training.batch_size"), ["20", "30"]);
    assert_eq!(super::column(&folder, "epochs"), ["3", "3"]);
    let again = run(&sandbox, &["training.epochs=3"]);
    assert_eq!(again, folder);
    assert_ne!(run(&sandbox, &[]), folder);
}

// Seen red with the table read instead of written.
#[test]
fn a_table_that_was_edited_is_refused_and_one_that_is_gone_is_written_anew() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\"training.batch_size\" = { values = [20, 30] }\n",
    );
    let folder = run(&sandbox, &[]);
    let path = folder.join("trials.csv");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\n2,2,30,", "\n2,2,40,")).unwrap();
    sweep(&sandbox, &["resume"]).code(5).stderr_has(&[
        "trials.csv: line 3: `training.batch_size` is \"40\", and \"30\" was planned",
        "delete it",
    ]);
    fs::write(&path, text.clone() + "3,3,40,1,trials/s-003,waiting,0,\n").unwrap();
    sweep(&sandbox, &["resume"])
        .code(5)
        .stderr_has(&["there is no trial \"3\""]);
    fs::remove_file(&path).unwrap();
    sweep(&sandbox, &["resume"]).success();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn what_is_no_sweep_is_told_as_such() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path("empty")).unwrap();
    for command in ["status", "show", "best", "resume", "cancel"] {
        sweep(&sandbox, &[command, "empty"]).code(5).stderr_has(&[
            "empty: not a sweep directory: it has no sweep.json",
            "runner sweep list",
        ]);
        sweep(&sandbox, &[command, "nothing"])
            .code(2)
            .stderr_has(&["nothing: no such path"]);
    }
    let run_folder = sandbox.run_tiny(&[]);
    sweep(&sandbox, &["status", &run_folder]).code(5);
    write(
        &sandbox,
        "[parameters]\n\"training.batch_size\" = { values = [20, 30] }\n",
    );
    let folder = run(&sandbox, &[]);
    for damage in ["", "{}", "{\"format\": 2}"] {
        fs::write(folder.join("sweep.json"), damage).unwrap();
        sweep(&sandbox, &["resume"]).code(2);
        sweep(&sandbox, &["resume", folder.to_str().unwrap()])
            .code(5)
            .stderr_has(&["sweep.json"]);
    }
}
