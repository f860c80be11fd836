//! Trials that fail: the others go on, and each is told with its reason.

use std::fs;
use std::process::Command;

use super::sessions::{children, epochs, started};
use super::{all_are_as_alone, column, of_trial, only, sandbox, sweep, write};

// Seen red with a sweep that ends at the first failure.
#[test]
fn a_trial_that_diverges_harms_no_other_and_is_not_tried_again() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\"training.learning_rate\" = { values = [3e37, 1e-2, 1e-3] }\n",
    );
    let told = sweep(&sandbox, &["run", "s.toml", "--parallel", "1"])
        .code(6)
        .stderr_has(&["error: 1 trial failed:\n  trial 1: diverged"]);
    assert!(!told.stderr.contains("sweep resume"), "{}", told.stderr);
    let folder = only(&sandbox);
    assert_eq!(
        column(&folder, "status"),
        ["failed", "finished", "finished"]
    );
    assert_eq!(column(&folder, "objective")[0], "");
    let before = super::extend::evidence(&folder);
    sweep(&sandbox, &["resume"])
        .code(6)
        .stderr_has(&["trial 1: diverged"]);
    assert_eq!(super::extend::evidence(&folder), before);
    sweep(&sandbox, &["status"])
        .success()
        .stdout_has(&["trials  2 finished, 1 failed", "failed  trial 1: diverged"]);
    sweep(&sandbox, &["best"])
        .success()
        .stdout_has(&["training.learning_rate = 0.01"]);
}

/// A point whose trial fails for good is never promoted, and its rung goes on without it. Seen red with a rung that
/// waits for it.
#[test]
fn a_rung_goes_on_without_a_trial_that_diverges() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\
         \"training.learning_rate\" = { values = [3e37, 1e-4, 1e-2, 1e-3] }\n\
         [search]\nhalving = { eta = 2 }\n",
    );
    sweep(&sandbox, &["run", "s.toml"]).code(6);
    let folder = only(&sandbox);
    let statuses = column(&folder, "status");
    assert_eq!(statuses[0], "failed");
    let count = |status: &str| statuses.iter().filter(|it| *it == status).count();
    assert_eq!([count("finished"), count("pruned")], [2, 1]);
}

// Seen red with a killed trial taken for one whose error comes again.
#[test]
#[cfg(target_os = "linux")]
fn a_trial_that_is_killed_is_told_and_tried_again() {
    let sandbox = sandbox();
    let session = started(&sandbox);
    let victim = children(&session).remove(0);
    let status = Command::new("kill").args(["-KILL", &victim]).status();
    assert!(status.unwrap().success());
    let output = session.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let folder = only(&sandbox);
    let statuses = column(&folder, "status");
    let victim = 1 + statuses.iter().position(|it| it == "interrupted").unwrap();
    assert!(statuses.contains(&"finished".to_owned()), "{statuses:?}");
    let reason = format!("trial {victim}: its process was killed (SIGKILL)");
    assert!(told.contains(&reason), "{told}");
    assert!(
        told.contains("runner sweep resume experiments/sweeps/"),
        "{told}"
    );
    assert!(epochs(&folder, victim) < 400);
    sweep(&sandbox, &["resume"]).success();
    assert_eq!(column(&folder, "status"), ["finished"; 2]);
    all_are_as_alone(&sandbox, &folder);
}

/// What the trial of another sweep, or nobody, has left in the place of a run. Seen red with any run taken.
#[test]
fn a_run_directory_that_is_gone_is_run_again_and_another_ones_is_refused() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\"training.batch_size\" = { values = [20, 30] }\n",
    );
    let folder = super::run(&sandbox, &[]);
    let metrics = of_trial(&folder, 2, "metrics.csv");
    fs::remove_dir_all(folder.join("trials/s-002")).unwrap();
    sweep(&sandbox, &["resume"])
        .success()
        .stderr_has(&["the run directory of trial 2 is gone; it is run again"]);
    assert_eq!(of_trial(&folder, 2, "metrics.csv"), metrics);
    fs::remove_dir_all(folder.join("trials/s-002")).unwrap();
    fs::rename(folder.join("trials/s-001"), folder.join("trials/s-002")).unwrap();
    sweep(&sandbox, &["resume"]).code(5).stderr_has(&[
        "s-002",
        "this is not the run of trial 2",
        "move it away",
    ]);
}
