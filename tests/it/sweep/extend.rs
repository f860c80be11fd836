//! Sweep files that have grown: only what is new is run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{all_are_as_alone, column, run, sandbox, sweep, write};

const TWO: &str =
    "[parameters]\n\"training.learning_rate\" = { values = [1e-2, 1e-3] }\nseeds = [1]\n";

/// What every run has written, and when: the same again where nothing was run.
pub fn evidence(folder: &Path) -> BTreeMap<String, String> {
    let evidence = super::runs(folder).into_iter().map(|path| {
        let files = ["run.json", "events.jsonl", "timing.csv", "metrics.csv"];
        let texts = files.map(|file| fs::read_to_string(path.join(file)).unwrap_or_default());
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, texts.concat())
    });
    evidence.collect()
}

// Seen red with numbers by the order of the new file, and with a table in the old order taken for an edited one.
#[test]
fn more_values_and_another_seed_run_only_what_is_new() {
    let sandbox = sandbox();
    write(&sandbox, TWO);
    let folder = run(&sandbox, &[]);
    let before = evidence(&folder);
    assert_eq!(before.len(), 2);
    write(
        &sandbox,
        "[parameters]\n\"training.learning_rate\" = { values = [3e-3, 1e-2, 1e-3] }\nseeds = [2, 1]\n",
    );
    sweep(&sandbox, &["run", "s.toml"]).code(2).stderr_has(&[
        "has 2 of these 6 trials already",
        "runner sweep extend",
        "--new",
    ]);
    sweep(&sandbox, &["extend", "last", "s.toml"])
        .success()
        .stderr_has(&["4 trials new"]);
    let mut after = evidence(&folder);
    after.retain(|name, _| before.contains_key(name));
    assert_eq!(after, before);
    // In the order of the file; a trial keeps its number.
    assert_eq!(column(&folder, "trial"), ["3", "4", "5", "1", "6", "2"]);
    assert_eq!(column(&folder, "point"), ["1", "1", "2", "2", "3", "3"]);
    assert_eq!(column(&folder, "seed"), ["2", "1", "2", "1", "2", "1"]);
    assert_eq!(column(&folder, "status"), ["finished"; 6]);
    all_are_as_alone(&sandbox, &folder);
    assert_eq!(run(&sandbox, &[]), folder);
}

// Seen red with differences of the first trial of the file.
#[test]
fn a_sweep_can_only_grow() {
    let sandbox = sandbox();
    write(&sandbox, TWO);
    let folder = run(&sandbox, &[]);
    let before = (
        evidence(&folder),
        fs::read_to_string(folder.join("sweep.json")).unwrap(),
    );
    write(
        &sandbox,
        "[parameters]\n\"training.learning_rate\" = { values = [1e-2, 3e-3] }\nseeds = [1]\n",
    );
    sweep(&sandbox, &["extend", "last", "s.toml"])
        .code(2)
        .stderr_has(&[
            "lacks 1 of the 2 trials",
            "what is most like trial 2 differs: `training.learning_rate` was 0.001, and is 0.003",
            "runner sweep run s.toml",
        ]);
    // All values as before, of another experiment.
    write(&sandbox, TWO);
    let typed = [
        "extend",
        "last",
        "s.toml",
        "training.epochs=3",
        "data.limit_train=50",
    ];
    sweep(&sandbox, &typed).code(2).stderr_has(&[
        "lacks 2 of the 2 trials",
        "trial 1 differs: `data.limit_train` was absent, and is 50; `training.epochs` was 2, and is 3",
    ]);
    let after = (
        evidence(&folder),
        fs::read_to_string(folder.join("sweep.json")).unwrap(),
    );
    assert_eq!(after, before);
    // As a new one it is another sweep.
    write(
        &sandbox,
        "[parameters]\n\"training.learning_rate\" = { values = [1e-2, 3e-3] }\nseeds = [1]\n",
    );
    assert_ne!(run(&sandbox, &[]), folder);
}

/// Of points that a search has chosen by results, all stay. Seen red with those that the file alone does not say taken
/// for lost.
#[test]
fn a_search_by_results_goes_on_where_it_was() {
    let sandbox = sandbox();
    let search = |trials: usize, seeds: &str| {
        format!(
            "[parameters]\n\"training.learning_rate\" = {{ log_uniform = [1e-4, 1e-1] }}\n{seeds}\n\
             [search]\ntpe = {{ trials = {trials}, startup = 3, batch = 2 }}\n"
        )
    };
    write(&sandbox, &search(5, ""));
    let folder = run(&sandbox, &[]);
    let rates = column(&folder, "training.learning_rate");
    let before = evidence(&folder);
    write(&sandbox, &search(9, ""));
    sweep(&sandbox, &["run", "s.toml"])
        .code(2)
        .stderr_has(&["has 5 of these 9 trials already"]);
    sweep(&sandbox, &["extend", "last", "s.toml"]).success();
    assert_eq!(column(&folder, "training.learning_rate")[..5], rates);
    assert_eq!(column(&folder, "status"), ["finished"; 9]);
    let mut after = evidence(&folder);
    after.retain(|name, _| before.contains_key(name));
    assert_eq!(after, before);
    write(&sandbox, &search(9, "seeds = [1, 2]"));
    sweep(&sandbox, &["extend", "last", "s.toml"]).success();
    assert_eq!(column(&folder, "status"), ["finished"; 18]);
    all_are_as_alone(&sandbox, &folder);
    write(&sandbox, &search(4, "seeds = [1, 2]"));
    sweep(&sandbox, &["extend", "last", "s.toml"]).code(2);
    sweep(&sandbox, &["show"]).success();
}

/// More halving over the same trials, or another objective, is the same sweep: nothing is run twice. Seen red with a
/// new directory for it.
#[test]
fn another_search_or_objective_takes_the_trials_that_are_there() {
    let sandbox = sandbox();
    write(&sandbox, TWO);
    let folder = run(&sandbox, &[]);
    let before = evidence(&folder);
    write(
        &sandbox,
        &format!("{TWO}[objective]\nmonitor = \"eval_loss\"\n"),
    );
    sweep(&sandbox, &["run", "s.toml"])
        .code(2)
        .stderr_has(&["has 2 of these 2 trials already", "runner sweep extend"]);
    sweep(&sandbox, &["extend", "last", "s.toml"])
        .success()
        .stdout_has(&["eval_loss"])
        .stderr_has(&["0 trials new"]);
    assert_eq!(evidence(&folder), before);
}

/// What a file is called is part of what it is. Red with a sweep of another name taken for this one.
#[test]
fn a_sweep_under_another_name_is_told_and_not_run_again() {
    let sandbox = sandbox();
    write(&sandbox, TWO);
    let folder = run(&sandbox, &[]);
    sandbox.write("t.toml", sandbox.read("s.toml"));
    sweep(&sandbox, &["run", "t.toml"]).code(2).stderr_has(&[
        "has the same trials, under the name `s` instead of `t`",
        "to go on with it: runner sweep resume experiments/sweeps/",
        "add --new",
    ]);
    let other = sweep(&sandbox, &["run", "t.toml", "--new", "-q"]).success();
    assert_ne!(other.stdout.trim(), folder.to_str().unwrap());
    // Each now goes on with its own.
    let again = sweep(&sandbox, &["run", "s.toml"]).success();
    let name = folder.file_name().unwrap().to_str().unwrap();
    again.stderr_has(&[&format!("goes on with experiments/sweeps/{name}\n")]);
    assert_eq!(
        sweep(&sandbox, &["run", "t.toml", "-q"]).success().stdout,
        other.stdout
    );
}
