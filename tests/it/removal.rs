//! Disk space: sizes, pruning, removal.

use std::fs;
use std::process::Stdio;

use crate::resume::{checkpoints, copy_run};
use crate::support::{Outcome, Sandbox};

/// `run_tiny` of one epoch.
fn run(sandbox: &Sandbox, overrides: &[&str]) -> String {
    sandbox.run_tiny(&[&["training.epochs=1"], overrides].concat())
}

/// Sums of file sizes, as the system tells them.
fn bytes_of(sandbox: &Sandbox, run: &str) -> u64 {
    fn of(folder: &std::path::Path) -> u64 {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let sizes = entries.map(|entry| match entry.path().is_dir() {
            true => of(&entry.path()),
            false => entry.metadata().unwrap().len(),
        });
        sizes.sum()
    }
    of(&sandbox.path(run))
}

#[test]
fn lists_can_tell_sizes() {
    let sandbox = Sandbox::new();
    let run = run(&sandbox, &[]);
    let text = sandbox
        .runner(&["list", "--sizes", "--csv"])
        .success()
        .stdout;
    let mut lines = text.lines();
    assert!(lines.next().unwrap().ends_with(",size"));
    assert!(
        lines
            .next()
            .unwrap()
            .ends_with(&format!(",{}", bytes_of(&sandbox, &run)))
    );
    sandbox
        .runner(&["list", "--sizes"])
        .success()
        .stdout_has(&["KiB"]);
}

#[test]
fn pruning_leaves_what_is_needed() {
    let sandbox = Sandbox::new();
    let keep = "checkpoint.keep_last=10";
    // The first epoch is the best of these.
    let run = sandbox.run_tiny(&[keep, "training.learning_rate=0.5", "training.epochs=4"]);
    let shown = sandbox.runner(&["show", &run]).success().stdout;
    let (_, best) = shown.split_once("best        epoch ").unwrap();
    let best: usize = best.split(' ').next().unwrap().parse().unwrap();
    let all = checkpoints(&sandbox, &run);
    assert_eq!(all.len(), 4);
    copy_run(&sandbox, &run, "experiments/copy");
    let prune = |options: &[&str]| sandbox.runner(&[&["prune"], options].concat());
    prune(&["--keep-best", "--dry-run"])
        .success()
        .stdout_has(&[&run, "KiB"]);
    prune(&["--keep-best"])
        .code(2)
        .stderr_has(&["--yes", "nothing was removed"]);
    prune(&["--older-than", "1h", "--yes"])
        .success()
        .stderr_has(&["old enough"]);
    assert_eq!(checkpoints(&sandbox, &run), all);
    prune(&[&run, "--keep-best", "--yes"]).success();
    let mut kept = vec![all[best - 1].clone(), all[3].clone()];
    kept.dedup();
    assert_eq!(checkpoints(&sandbox, &run), kept);
    prune(&["copy", "--yes"]).success();
    assert_eq!(checkpoints(&sandbox, "experiments/copy"), all[3..]);
    for run in [&run, "experiments/copy"] {
        sandbox.runner(&["verify", run]).success();
        sandbox
            .runner(&["show", run])
            .success()
            .stdout_has(&["pruned: step-"]);
    }
    prune(&["--yes"]).success();
    assert_eq!(checkpoints(&sandbox, &run), all[3..]);
    prune(&["--yes"])
        .success()
        .stderr_has(&["no checkpoint that nobody needs"]);

    let forked = sandbox.runner(&["fork", "-q", &run, "training.epochs=6", keep]);
    let forked = forked.success().stdout.trim().to_owned();
    prune(&[&forked, "--yes"]).success();
    let left = checkpoints(&sandbox, &forked);
    assert_eq!((left.len(), &left[0]), (2, &all[3]));
    sandbox.runner(&["reproduce", &forked]).success();
    prune(&["--older-than", "soon"])
        .code(2)
        .stderr_has(&["30d"]);
}

/// An interrupted run, by a time limit that is over at once.
fn interrupted(sandbox: &Sandbox) -> String {
    let run = sandbox.run_tiny(&["checkpoint.keep_last=10"]);
    fs::remove_file(sandbox.path(&run).join("result.json")).unwrap();
    run
}

#[test]
fn runs_that_were_never_finished_are_pruned_as_a_whole() {
    let sandbox = Sandbox::new();
    let finished = run(&sandbox, &[]);
    let cut = interrupted(&sandbox);
    let before = checkpoints(&sandbox, &cut);
    sandbox.runner(&["prune", "--yes"]).success();
    assert_eq!(checkpoints(&sandbox, &cut), before);
    let dry = sandbox
        .runner(&["prune", "--unfinished", "--dry-run"])
        .success();
    dry.stdout_has(&[&cut, "interrupted"]);
    sandbox
        .runner(&["prune", "--unfinished", "--yes"])
        .success();
    assert!(!sandbox.path(&cut).exists());
    assert!(sandbox.path(&finished).exists());
}

#[test]
fn removed_runs_are_gone_and_nothing_else_is() {
    let sandbox = Sandbox::new();
    let [first, second, third] = [(); 3].map(|()| run(&sandbox, &[]));
    let remove = |arguments: &[&str]| sandbox.runner(&[&["remove"], arguments].concat());
    remove(&[&third])
        .code(2)
        .stdout_has(&[&third])
        .stderr_has(&["add --yes"]);
    assert!(sandbox.path(&third).exists());
    remove(&["last", &first, "--yes"])
        .success()
        .stderr_has(&["removed"]);
    assert!(!sandbox.path(&third).exists() && !sandbox.path(&first).exists());
    let listed = sandbox.runner(&["list", "--csv"]).success().stdout;
    let id = second.strip_prefix("experiments/").unwrap();
    assert_eq!(listed.lines().count(), 2);
    assert!(listed.contains(id), "{listed}");
    let link = fs::read_link(sandbox.path("experiments/latest")).unwrap();
    assert_eq!(format!("experiments/{}", link.display()), second);
    // Also one that is damaged, but nothing that is no run.
    sandbox.write(&format!("{second}/run.json"), "{");
    sandbox.write("experiments/mine/notes.txt", "mine");
    remove(&["experiments/mine", "--yes"])
        .code(5)
        .stderr_has(&["not a run directory"]);
    remove(&["nothing", "--yes"]).code(2);
    remove(&[&second, "--yes"]).success();
    let mut left: Vec<String> = fs::read_dir(sandbox.path("experiments"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [".sequence", "mine"]);
}

#[test]
fn a_run_in_use_is_left_alone() {
    let sandbox = Sandbox::new();
    let mut child = sandbox
        .command(&["run", "tiny.toml", "-q", "training.epochs=100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    let run = line.trim();
    let outcome: Outcome = sandbox.runner(&["remove", run, "--yes"]);
    let pruned = sandbox.runner(&["prune", "--unfinished", "--yes"]);
    let is_there = sandbox.path(run).join("run.json").exists();
    child.kill().unwrap();
    child.wait().unwrap();
    outcome.code(75).stderr_has(&["in use by"]);
    pruned
        .success()
        .stderr_has(&["no run that was never finished"]);
    assert!(is_there);
    sandbox.runner(&["remove", run, "--yes"]).success();
    assert!(!sandbox.path(run).exists());
}

#[test]
fn of_a_trial_it_is_said_which_sweep_it_belongs_to() {
    let sandbox = Sandbox::new();
    let trials = "experiments/sweeps/rates/trials";
    let run = run(&sandbox, &["--out", trials]);
    sandbox.write("experiments/sweeps/rates/sweep.json", "{}");
    sandbox
        .runner(&["remove", &run])
        .code(2)
        .stdout_has(&["a trial of the sweep", "sweeps/rates"]);
    sandbox.runner(&["remove", &run, "--yes"]).success();
    assert!(!sandbox.path(&run).exists());
}
