//! `runner resume`: whatever stops a run, it goes on to the same bytes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{Outcome, Sandbox};

/// Everything of a run that must not depend on how it got there.
#[derive(Debug, PartialEq)]
pub struct Traces {
    metrics: String,
    predictions: String,
    report: String,
}

pub fn traces(sandbox: &Sandbox, run: &str) -> Traces {
    let read = |name: &str| sandbox.read(&format!("{run}/{name}"));
    Traces {
        metrics: read("metrics.csv"),
        predictions: read("predictions.csv"),
        report: read("report.txt"),
    }
}

/// Names of the checkpoint files, in the order of writing.
pub fn checkpoints(sandbox: &Sandbox, run: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(sandbox.path(run).join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".safetensors"))
        .collect();
    names.sort();
    names
}

pub fn copy_run(sandbox: &Sandbox, from: &str, to: &str) {
    let copied = Command::new("cp")
        .arg("-r")
        .args([sandbox.path(from), sandbox.path(to)])
        .status()
        .unwrap();
    assert!(copied.success());
}

// Seen red with the epoch left out of the shuffle's stream, with the step left out of the dropout
// mask's, and with the partial sums left out of the checkpoint.
#[test]
fn resuming_from_every_step_of_training_and_evaluation_gives_the_same_run() {
    let sandbox = Sandbox::new();
    let whole = sandbox.run_tiny(&["checkpoint.every_steps=1", "checkpoint.keep_last=1000"]);
    let expected = traces(&sandbox, &whole);
    let names = checkpoints(&sandbox, &whole);
    // 3 epochs of 9 steps; each epoch's last step also as the end of the epoch.
    assert_eq!(names.len(), 30);
    for (index, name) in names.iter().enumerate() {
        let copy = format!("copy-{index}");
        copy_run(&sandbox, &whole, &copy);
        for later in &names[index + 1..] {
            fs::remove_file(sandbox.path(&copy).join("checkpoints").join(later)).unwrap();
        }
        fs::remove_file(sandbox.path(&copy).join("result.json")).unwrap();
        sandbox.runner(&["resume", &copy]).success();
        assert_eq!(traces(&sandbox, &copy), expected, "after {name}");
        for later in &names[index + 1..] {
            let file = |run: &str| fs::read(sandbox.path(run).join("checkpoints").join(later));
            assert!(
                file(&copy).unwrap() == file(&whole).unwrap(),
                "{later} after {name}"
            );
        }
    }
}

#[test]
fn a_run_stopped_after_every_batch_gives_the_same_run() {
    let sandbox = Sandbox::new();
    let expected = traces(&sandbox, &sandbox.run_tiny(&[]));
    // Each process gets its signal before its first batch or soon after it.
    let (run, mut outcome) = start_and_signal(&sandbox, &["run", "tiny.toml"], "INT");
    let mut stops = 0;
    while outcome.code == Some(130) {
        stops += 1;
        outcome = start_and_signal(&sandbox, &["resume", &run], "INT").1;
    }
    outcome.success();
    assert!(stops > 0);
    assert_eq!(traces(&sandbox, &run), expected);
}

#[test]
fn each_signal_has_its_exit_code_and_leaves_a_checkpoint() {
    let sandbox = Sandbox::new();
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129), ("USR1", 75)] {
        let arguments = ["run", "tiny.toml", "training.epochs=100000"];
        let (run, outcome) = start_and_signal(&sandbox, &arguments, signal);
        outcome
            .code(code)
            .stderr_has(&[&format!("runner resume {run}")]);
        assert!(!checkpoints(&sandbox, &run).is_empty());
        sandbox.runner(&["show", &run]).success();
        let events = sandbox.read(&format!("{run}/events.jsonl"));
        assert!(events.contains(&format!("SIG{signal}")), "{events}");
    }
}

/// Starts a command, sends it a signal as soon as it says which run it works on, and waits for its end.
fn start_and_signal(sandbox: &Sandbox, arguments: &[&str], signal: &str) -> (String, Outcome) {
    let mut child = start(sandbox, arguments);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    let run = loop {
        let mut line = String::new();
        assert!(
            stderr.read_line(&mut line).unwrap() > 0,
            "ended early:\n{told}"
        );
        told.push_str(&line);
        if let Some(run) = line.strip_prefix("run: ") {
            break run.trim().to_owned();
        }
    };
    kill(&child, signal);
    std::io::Read::read_to_string(&mut stderr, &mut told).unwrap();
    let output = child.wait_with_output().unwrap();
    let outcome = Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: told,
    };
    (run, outcome)
}

fn start(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut command = sandbox.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

pub fn kill(child: &Child, signal: &str) {
    let status = Command::new("kill")
        .args([&format!("-{signal}"), &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_finished_run_extended_equals_a_longer_run() {
    let sandbox = Sandbox::new();
    let longer = sandbox.run_tiny(&["training.epochs=5"]);
    let extended = sandbox.run_tiny(&[]);
    sandbox
        .runner(&["resume", &extended])
        .success()
        .stdout_has(&["is finished: 3 epochs", "training.epochs=6"]);
    let outcome = sandbox
        .runner(&["resume", &extended, "training.epochs=5"])
        .success();
    assert_eq!(
        outcome.stdout.matches("Train Loss").count(),
        2,
        "only the new epochs"
    );
    assert_eq!(traces(&sandbox, &extended), traces(&sandbox, &longer));
    sandbox
        .runner(&["resume", &extended])
        .success()
        .stdout_has(&["is finished: 5 epochs"]);
}

#[test]
fn an_extension_that_is_killed_at_once_still_knows_its_epochs() {
    let sandbox = Sandbox::new();
    let longer = sandbox.run_tiny(&["training.epochs=5"]);
    let run = sandbox.run_tiny(&[]);
    let arguments = ["resume", &run, "training.epochs=5"];
    // Where the signal comes too late, the run is complete, and as good.
    start_and_signal(&sandbox, &arguments, "KILL");
    sandbox.runner(&["resume", &run]).success();
    assert_eq!(traces(&sandbox, &run), traces(&sandbox, &longer));
}

#[test]
fn a_run_killed_before_its_first_checkpoint_starts_over() {
    let sandbox = Sandbox::new();
    let expected = traces(&sandbox, &sandbox.run_tiny(&[]));
    let (run, _) = start_and_signal(&sandbox, &["run", "tiny.toml"], "KILL");
    sandbox.runner(&["resume", &run]).success();
    assert_eq!(traces(&sandbox, &run), expected);
}

// Seen red with the comparison of digests taken out of Checkpoint::decode.
#[test]
fn a_damaged_checkpoint_is_put_aside_and_the_one_before_it_taken() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let expected = traces(&sandbox, &run);
    fs::remove_file(sandbox.path(&run).join("result.json")).unwrap();
    let newest = checkpoints(&sandbox, &run).pop().unwrap();
    let path = sandbox.path(&run).join("checkpoints").join(&newest);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() - 100;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();

    sandbox.runner(&["resume", &run]).success();
    assert_eq!(traces(&sandbox, &run), expected);
    let aside = sandbox.path(&run).join("checkpoints/damaged").join(&newest);
    assert!(fs::read(aside).unwrap() == bytes, "kept as it was");
    sandbox
        .runner(&["show", &run])
        .success()
        .stdout_has(&[&format!("put {newest} aside")]);
}

#[test]
fn without_any_whole_checkpoint_a_run_is_not_silently_started_again() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    fs::remove_file(sandbox.path(&run).join("result.json")).unwrap();
    for name in checkpoints(&sandbox, &run) {
        fs::write(sandbox.path(&run).join("checkpoints").join(name), "").unwrap();
    }
    for _ in 0..2 {
        sandbox
            .runner(&["resume", &run])
            .code(5)
            .stderr_has(&["none of its checkpoints is whole", "start a new run"]);
    }
}

#[test]
fn rows_after_the_checkpoint_and_torn_rows_are_cut_back() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let expected = traces(&sandbox, &run);
    for damage in ["4,36,0.01\n", "4,36,0.0", ""] {
        fs::remove_file(sandbox.path(&run).join("result.json")).unwrap();
        let metrics = if damage.is_empty() {
            String::new()
        } else {
            expected.metrics.clone() + damage
        };
        sandbox.write(&format!("{run}/metrics.csv"), metrics);
        sandbox.runner(&["resume", &run]).success();
        assert_eq!(traces(&sandbox, &run), expected);
    }
}

#[test]
fn a_running_run_cannot_be_resumed_but_can_be_read() {
    let sandbox = Sandbox::new();
    let mut child = start(
        &sandbox,
        &["run", "tiny.toml", "training.epochs=100000", "-q"],
    );
    let mut run = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut run)
        .unwrap();
    let run = run.trim();
    let pid = child.id().to_string();
    sandbox
        .runner(&["resume", run])
        .code(75)
        .stderr_has(&["in use by process", &pid, " since 20"]);
    sandbox.runner(&["list"]).success().stdout_has(&["running"]);
    sandbox.runner(&["show", run]).success();
    sandbox.runner(&["compare", run]).success();
    child.kill().unwrap();
    child.wait().unwrap();
    sandbox
        .runner(&["list"])
        .success()
        .stdout_has(&["interrupted"]);
}

#[test]
fn what_makes_the_run_what_it_is_cannot_change() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    for change in [
        "training.batch_size=5",
        "seed=2",
        "training.learning_rate=1",
        "model.layers[4].dropout.p=0.5",
        "training.epochs=2",
    ] {
        let key = change.split('=').next().unwrap();
        sandbox
            .runner(&["resume", &run, change])
            .code(2)
            .stderr_has(&[key, "runner run"]);
    }
    sandbox
        .runner(&[
            "resume",
            &run,
            "checkpoint.keep_last=7",
            "training.epochs=4",
        ])
        .success()
        .stderr_has(&["changed: checkpoint.keep_last = 7"]);
}

#[test]
fn other_data_are_refused_and_the_file_named() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let path = sandbox.path("data/t10k-images-idx3-ubyte");
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, bytes).unwrap();
    sandbox
        .runner(&["resume", &run, "training.epochs=4"])
        .code(4)
        .stderr_has(&["data/t10k-images-idx3-ubyte is not the file", "sha256"]);
    assert!(
        sandbox.path(&run).join("result.json").exists(),
        "nothing was changed"
    );
}

#[test]
fn another_version_or_a_changed_config_is_refused() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let identity = format!("{run}/run.json");
    let original = sandbox.read(&identity);
    let version = format!("\"program_version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(original.contains(&version));
    sandbox.write(
        &identity,
        original.replace(&version, "\"program_version\": \"0.0.9\""),
    );
    let resume = ["resume", &run, "training.epochs=4"];
    sandbox
        .runner(&resume)
        .code(5)
        .stderr_has(&["version 0.0.9", "--allow-other-version"]);
    let allowed = [&resume[..], &["--allow-other-version"]].concat();
    sandbox.runner(&allowed).success();
    sandbox
        .runner(&["show", &run])
        .success()
        .stdout_has(&["no longer reproducible"]);

    sandbox.write(&identity, original);
    let resolved = format!("{run}/resolved.toml");
    let text = sandbox
        .read(&resolved)
        .replace("batch_size = 7", "batch_size = 8");
    sandbox.write(&resolved, text);
    sandbox
        .runner(&["resume", &run, "training.epochs=5"])
        .code(5)
        .stderr_has(&["resolved.toml"]);
}

#[test]
fn a_path_that_is_no_run_is_named() {
    let sandbox = Sandbox::new();
    sandbox
        .runner(&["resume", "data"])
        .code(5)
        .stderr_has(&["data", "run.json", "runner list"]);
    sandbox
        .runner(&["resume", "2026"])
        .code(5)
        .stderr_has(&["2026"]);
    sandbox
        .runner(&["resume", "last"])
        .code(5)
        .stderr_has(&["no runs"]);
    let run = sandbox.run_tiny(&["training.epochs=1"]);
    let id = Path::new(&run).file_name().unwrap().to_str().unwrap();
    sandbox.runner(&["show", "last"]).success();
    sandbox.runner(&["show", &id[..id.len() - 1]]).success();
    sandbox.run_tiny(&["training.epochs=1"]);
    sandbox
        .runner(&["show", &id[..4]])
        .code(5)
        .stderr_has(&["2 runs begin so", id]);
}
