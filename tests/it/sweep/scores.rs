//! Which trial is best, and what is shown of it.

use std::fs;
use std::path::Path;

use super::{column, run, sandbox, sweep, write};

/// Writes values of `eval_accuracy` into the rows of a trial's metrics.csv, in place of its own.
fn rewrite(folder: &Path, trial: usize, values: &[&str]) {
    let path = super::runs(folder)[trial - 1].join("metrics.csv");
    let mut reader = csv::Reader::from_path(&path).unwrap();
    let headers = reader.headers().unwrap().clone();
    let place = headers.iter().position(|it| it == "eval_accuracy").unwrap();
    let mut text = headers.iter().collect::<Vec<_>>().join(",") + "\n";
    for (row, value) in reader.records().zip(values) {
        let row = row.unwrap();
        let mut cells: Vec<&str> = row.iter().collect();
        cells[place] = value;
        text += &(cells.join(",") + "\n");
    }
    fs::write(path, text).unwrap();
}

/// numpy 2.4: `np.mean([0.5, 0.75, 0.875])`, `np.std([0.5, 0.75, 0.875], ddof=1)`. Seen red with ddof=0.
#[test]
fn a_points_score_is_the_mean_of_its_seeds() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\"training.learning_rate\" = { values = [1e-3, 1e-2] }\nseeds = [1, 2, 3]\n",
    );
    let folder = run(&sandbox, &[]);
    for (trial, value) in [(1, "0.5"), (2, "0.75"), (3, "0.875")] {
        rewrite(&folder, trial, &["0.1", value]);
    }
    for (trial, value) in [(4, "0.625"), (5, "0.625"), (6, "0.625")] {
        rewrite(&folder, trial, &["0.9", value]);
    }
    let table = sweep(&sandbox, &["show", "--json"]).success().stdout;
    let rows: serde_json::Value = serde_json::from_str(&table).unwrap();
    let first = &rows[0];
    assert_eq!(first["point"], 1);
    assert_eq!(first["training.learning_rate"], 0.001);
    let near = |value: &serde_json::Value, expected: f64| {
        (value.as_f64().unwrap() - expected).abs() < 1e-15
    };
    assert!(
        near(&first["eval_accuracy"], 0.708_333_333_333_333_4),
        "{first}"
    );
    assert!(
        near(&first["standard_deviation"], 0.190_940_653_956_493_34),
        "{first}"
    );
    assert_eq!(first["trials"], "1 2 3");
    assert_eq!(rows[1]["standard_deviation"], 0.0);
    sweep(&sandbox, &["best"]).success().stdout_has(&[
        "eval_accuracy 0.7083 (mean of trials 1, 2, 3)",
        "  training.learning_rate = 0.001\n",
        "run: experiments/sweeps/",
    ]);
    let best = sweep(&sandbox, &["best", "-q"]).success().stdout;
    assert!(best.trim().ends_with("trials/s-003"), "{best}");
    sandbox.runner(&["show", best.trim()]).success();
}

// Seen red with `score = "best"` read as "last".
#[test]
fn the_score_is_of_the_last_epoch_or_of_the_best_one() {
    let sandbox = sandbox();
    let parameters = "[parameters]\n\"training.learning_rate\" = { values = [1e-3, 1e-2] }\n";
    for (score, best) in [("last", "2"), ("best", "1")] {
        let objective =
            format!("name = \"{score}\"\n{parameters}[objective]\nscore = \"{score}\"\n");
        write(&sandbox, &objective);
        let folder = run(&sandbox, &[]);
        for (trial, values) in [(1, ["0.9", "0.1"]), (2, ["0.2", "0.3"])] {
            rewrite(&folder, trial, &values);
        }
        let told = sweep(&sandbox, &["best", folder.to_str().unwrap()]);
        let told = told.success().stdout;
        assert!(told.contains(&format!("(trial {best})")), "{told}");
    }
}

// Seen red with ties that go to the last one, and with NaN as a number.
#[test]
fn ties_go_to_the_first_and_nan_is_never_best() {
    let sandbox = sandbox();
    // How many scores count as right changes nothing of the accuracy.
    let tops = "[parameters]\n\"metrics.top_k\" = { values = [3, 1, 2] }\n";
    write(&sandbox, &format!("{tops}[search]\nhalving = {{}}\n"));
    let folder = run(&sandbox, &[]);
    assert_eq!(column(&folder, "status"), ["finished", "pruned", "pruned"]);
    write(&sandbox, &format!("name = \"grid\"\n{tops}"));
    let folder = run(&sandbox, &[]);
    let folder_text = folder.to_str().unwrap();
    let best = || sweep(&sandbox, &["best", folder_text]).success();
    best().stdout_has(&["(trial 1)"]);
    for (trial, value) in [(1, "NaN"), (2, "0.25"), (3, "0.5")] {
        rewrite(&folder, trial, &["0.75", value]);
    }
    best().stdout_has(&["(trial 3)"]);
    let table = sweep(&sandbox, &["show", folder_text, "--csv"]);
    let table = table.success().stdout;
    let last = table.lines().last().unwrap();
    // Without a rank, and without a score.
    assert!(last.starts_with(",1,3,,1,"), "{table}");
}

/// Every format of the two tables, and of the list.
#[test]
fn sweeps_are_shown_as_tables_for_people_and_programs() {
    let sandbox = sandbox();
    sweep(&sandbox, &["list"])
        .success()
        .stderr_has(&["no sweeps in experiments", "runner sweep new"]);
    sweep(&sandbox, &["status"])
        .code(2)
        .stderr_has(&["there are no sweeps in experiments/sweeps"]);
    write(
        &sandbox,
        "[parameters]\n\"training.learning_rate\" = { values = [1e-3, 1e-2] }\n",
    );
    let folder = run(&sandbox, &[]);
    let trials = fs::read_to_string(folder.join("trials.csv")).unwrap();
    let shown = sweep(&sandbox, &["show", "--trials", "--csv"])
        .success()
        .stdout;
    assert_eq!(shown, trials);
    for format in ["--csv", "--json", "--markdown"] {
        for command in ["show", "list"] {
            let text = sweep(&sandbox, &[command, format]).success().stdout;
            assert!(text.contains("eval_accuracy"), "{command} {format}: {text}");
        }
    }
    // A trial is a run like any other, and where others are looked for, it is not in the way.
    let out = folder.join("trials");
    let list = ["list", "--csv", "--out", out.to_str().unwrap()];
    let list = sandbox.runner(&list).success().stdout;
    assert_eq!(list.lines().count(), 3, "{list}");
    let run = out.join("s-001");
    sandbox.runner(&["verify", run.to_str().unwrap()]).success();
    sandbox
        .runner(&["reproduce", run.to_str().unwrap()])
        .success();
}

/// Columns have the shortest ends of keys that are different, and that say something. Seen red with the last step alone.
#[test]
fn keys_are_shown_by_their_ends() {
    let sandbox = sandbox();
    sandbox.write("drop.toml", crate::support::TINY);
    let keys = "\"training.learning_rate\" = { values = [1e-2] }\n\
                \"model.layers[4].dropout.p\" = { values = [0.1, 0.2] }\n\
                \"checkpoint.keep_last\" = { values = [3] }\n";
    sandbox.write(
        "s.toml",
        format!("config = \"drop.toml\"\n[parameters]\n{keys}"),
    );
    let told = sweep(&sandbox, &["run", "s.toml", "--dry-run"]).success();
    let head: Vec<&str> = told
        .stdout
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let expected = [
        "trial",
        "point",
        "learning_rate",
        "dropout.p",
        "keep_last",
        "seed",
        "epochs",
    ];
    assert_eq!(head, expected);
}
