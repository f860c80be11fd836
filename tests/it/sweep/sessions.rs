//! Processes: the one that runs a sweep, those of its trials, and others that look or want to run it too.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{all_are_as_alone, column, only, sandbox, sweep, write};
use crate::support::Sandbox;

/// Trains for some seconds: time to look, and to stop it.
const LONG: &str = "[parameters]\n\"training.epochs\" = { values = [400, 401] }\n";

/// The processes that a session has started.
pub fn children(session: &Child) -> Vec<String> {
    let id = session.id();
    let path = format!("/proc/{id}/task/{id}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    children.split_whitespace().map(str::to_owned).collect()
}

/// Starts the long sweep, and waits until both trials have done an epoch.
pub fn started(sandbox: &Sandbox) -> Child {
    write(sandbox, LONG);
    let mut command = sandbox.command(&["sweep", "run", "s.toml", "--parallel", "2"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let session = command.spawn().unwrap();
    wait_for("two epochs", || {
        let sweeps = fs::read_dir(sandbox.path("experiments/sweeps"));
        let sweep = sweeps.ok().and_then(|mut it| it.next()?.ok());
        sweep.is_some_and(|it| (1..=2).all(|trial| epochs(&it.path(), trial) > 1))
    });
    session
}

/// The number of rows of a trial's metrics.csv.
pub fn epochs(folder: &Path, trial: usize) -> usize {
    let path = folder.join(format!("trials/s-{trial:03}/metrics.csv"));
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().count().saturating_sub(1)
}

#[track_caller]
pub fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_there() {
        assert!(Instant::now() < end, "{what} did not come");
        sleep(Duration::from_millis(5));
    }
}

// Seen red with the lock not taken.
#[test]
fn of_two_sessions_the_second_is_refused_and_others_may_look() {
    let sandbox = sandbox();
    let mut session = started(&sandbox);
    let id = session.id().to_string();
    for arguments in [&["run", "s.toml"][..], &["resume"]] {
        sweep(&sandbox, arguments)
            .code(75)
            .stderr_has(&[&format!("process {id} on "), "runner sweep status"]);
    }
    sweep(&sandbox, &["status"]).success().stdout_has(&[
        "trials  2 running",
        &format!("run by  process {id} on "),
        "  trial 1 ",
    ]);
    sweep(&sandbox, &["list"])
        .success()
        .stdout_has(&["running"]);
    sweep(&sandbox, &["show"]).success();
    sweep(&sandbox, &["cancel"]).success().stdout_has(&[
        "checkpoints are written",
        "runner sweep resume experiments/sweeps/",
    ]);
    assert_eq!(session.wait().unwrap().code(), Some(143));
    sweep(&sandbox, &["status"])
        .success()
        .stdout_has(&["trials  2 interrupted", "to continue: runner sweep resume"]);
    sweep(&sandbox, &["cancel"])
        .success()
        .stderr_has(&["no process runs this sweep"]);
    sweep(&sandbox, &["resume"]).success();
    all_are_as_alone(&sandbox, &only(&sandbox));
}

// Seen red with trials in the group of the session, which got the signal too.
#[test]
fn a_signal_stops_all_trials_with_their_checkpoints() {
    let sandbox = sandbox();
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129), ("USR1", 75)] {
        let mut session = started(&sandbox);
        let trials = children(&session);
        assert_eq!(trials.len(), 2);
        crate::resume::kill(&session, signal);
        assert_eq!(session.wait().unwrap().code(), Some(code), "{signal}");
        for trial in trials {
            assert!(!Path::new("/proc").join(trial).exists());
        }
        let folder = only(&sandbox);
        assert_eq!(column(&folder, "status"), ["interrupted"; 2]);
        fs::remove_dir_all(sandbox.path("experiments")).unwrap();
    }
}

// Seen red without the signal at the parent's end.
#[test]
#[cfg(target_os = "linux")]
fn trials_of_a_session_that_was_killed_end_with_their_checkpoints() {
    let sandbox = sandbox();
    let mut session = started(&sandbox);
    let trials = children(&session);
    session.kill().unwrap();
    session.wait().unwrap();
    wait_for("the end of the trials", || {
        let is_gone = |trial: &String| !Path::new("/proc").join(trial).exists();
        trials.iter().all(is_gone)
    });
    let folder = only(&sandbox);
    assert!(epochs(&folder, 1) < 400);
    sweep(&sandbox, &["resume"]).success();
    all_are_as_alone(&sandbox, &folder);
}

/// A process that another session has left is waited for, and its trial is not run beside it. Seen red with trials
/// that are started whoever works on them.
#[test]
fn a_trial_that_another_process_works_on_is_waited_for() {
    let sandbox = sandbox();
    let mut session = started(&sandbox);
    session.kill().unwrap();
    session.wait().unwrap();
    let folder = only(&sandbox);
    wait_for("the end of the trials", || {
        sweep(&sandbox, &["status"])
            .stdout
            .contains("2 interrupted")
    });
    let before = epochs(&folder, 1);
    let run = folder.join("trials/s-001");
    let mut command = sandbox.command(&["resume", run.to_str().unwrap(), "-q"]);
    let mut other = command.stdout(Stdio::null()).spawn().unwrap();
    wait_for("an epoch", || epochs(&folder, 1) > before);
    sweep(&sandbox, &["resume"]).success();
    assert!(other.wait().unwrap().success());
    let events = super::of_trial(&folder, 1, "events.jsonl");
    assert_eq!(events.matches("\"resumed\"").count(), 1, "{events}");
    all_are_as_alone(&sandbox, &folder);
}

/// What a killed process has left of a run directory. Red with it left there for an hour.
#[test]
fn unfinished_run_directories_are_removed() {
    let sandbox = sandbox();
    write(&sandbox, "[parameters]\nseeds = [1, 2]\n");
    let folder = super::run(&sandbox, &[]);
    fs::create_dir(folder.join("trials/.tmp-left")).unwrap();
    fs::remove_dir_all(folder.join("trials/s-002")).unwrap();
    sleep(Duration::from_millis(20));
    sweep(&sandbox, &["resume"]).success();
    assert!(!folder.join("trials/.tmp-left").exists());
    assert_eq!(column(&folder, "status"), ["finished"; 2]);
}

/// Who goes on and who does not is told when a rung ends. Red with trials that are told of one by one alone.
#[test]
fn the_end_of_a_rung_is_told() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\"training.learning_rate\" = { values = [1e-4, 1e-2, 1e-1, 1e-3] }\n\
         [search]\nhalving = { eta = 2 }\n",
    );
    let told = sweep(&sandbox, &["run", "s.toml"]).success().stderr;
    let statuses = column(&only(&sandbox), "status");
    let trials = |status: &str| {
        let numbers = (1..=4).filter(|trial| statuses[trial - 1] == status);
        let numbers: Vec<String> = numbers.map(|trial: usize| trial.to_string()).collect();
        assert_eq!(numbers.len(), 2);
        numbers.join(", ")
    };
    let expected = format!(
        "\npromoted to epoch 2: trials {}\npruned: trials {}\n",
        trials("finished"),
        trials("pruned")
    );
    assert!(told.contains(&expected), "{told}");
    assert_eq!(told.matches("is done with its rung: epoch 1").count(), 4);
}
