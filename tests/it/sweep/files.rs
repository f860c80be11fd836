//! Sweep files: what is wrong with them is told in its place, and what is there stays as it is.

use std::fs;

use super::{run, sandbox, sweep, write};
use crate::support::{Outcome, all_are_told_as_expected, files, project};

#[test]
fn every_broken_sweep_is_told_as_expected() {
    let folder = project().join("tests/sweeps/broken");
    let sandbox = sandbox();
    let home = sandbox.path("broken");
    fs::create_dir(&home).unwrap();
    let sweeps = files(&folder, "toml");
    assert!(sweeps.len() > 30, "only {} sweeps", sweeps.len());
    for sweep in &sweeps {
        fs::copy(sweep, home.join(sweep.file_name().unwrap())).unwrap();
    }
    fs::copy(sandbox.path("tiny.toml"), home.join("tiny.toml")).unwrap();
    let broken = sandbox.read("tiny.toml").replace("seed = 1", "seed = -1");
    fs::write(home.join("broken-config.toml"), broken).unwrap();
    let out = home.join("experiments");
    all_are_told_as_expected(&sandbox, &folder, &home, &["sweep", "run"], &out);
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
fn values_that_are_typed_go_over_the_experiment() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\"training.batch_size\" = { values = [20, 30] }\n",
    );
    let folder = run(&sandbox, &["training.epochs=3"]);
    assert_eq!(super::column(&folder, "training.batch_size"), ["20", "30"]);
    assert_eq!(super::column(&folder, "epochs"), ["3", "3"]);
    let again = run(&sandbox, &["training.epochs=3"]);
    assert_eq!(again, folder);
    assert_ne!(run(&sandbox, &[]), folder);
}

// Seen red with an error for each of its keys.
#[test]
fn a_sweep_file_is_no_experiment() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\nseeds = [1, 2]\n[search]\ngrid = {}\n",
    );
    for command in ["run", "check"] {
        let told = sandbox.runner(&[command, "s.toml"]).code(2).stderr;
        let expected = [
            "error: this is a sweep, not an experiment\n --> s.toml:2:1\n",
            "= help: run it with: runner sweep run s.toml\n",
        ];
        assert!(expected.iter().all(|it| told.contains(it)), "{told}");
        assert_eq!(told.matches("error").count(), 1, "{told}");
    }
}

// Seen red with values that go under those of the trials without a word.
#[test]
fn a_value_for_a_key_that_varies_is_refused() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\"optimizer\" = { values = [\"adam\", \"sgd\"] }\nseeds = [1, 2]\n",
    );
    let typed = [
        "run",
        "s.toml",
        "optimizer.sgd.momentum=0.9",
        "seed=3",
        "training.epochs=1",
    ];
    let mut command = sandbox.command(&[&["sweep"], &typed[..]].concat());
    Outcome::of(command.env("RUNNER__OPTIMIZER", "lion"))
        .code(2)
        .stderr_has(&[
            "the sweep varies `optimizer.sgd.momentum`, so this value reaches no trial",
            "s.toml:3:1",
            "the sweep varies `seed`",
            "change `seeds` in the sweep file",
            "RUNNER__OPTIMIZER=lion",
            "3 errors",
        ]);
    assert!(!sandbox.path("experiments").exists());
}

/// The copies in a sweep directory are for reading. Red with changes that nobody tells of.
#[test]
fn copies_that_were_changed_are_told_and_refused() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\"training.batch_size\" = { values = [20, 30] }\n",
    );
    let folder = run(&sandbox, &[]);
    for name in ["sweep.toml", "base.toml"] {
        let path = folder.join(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}# changed\n")).unwrap();
        for command in ["status", "show"] {
            let told = sweep(&sandbox, &[command]).success();
            told.stderr_has(&[&format!("{name} was changed since the sweep was planned")]);
        }
        for arguments in [
            &["resume"][..],
            &["run", "s.toml"],
            &["extend", "last", "s.toml"],
        ] {
            sweep(&sandbox, arguments).code(5).stderr_has(&[
                &format!("{name}: this copy was changed"),
                "delete it",
                "runner sweep extend",
            ]);
        }
        fs::remove_file(&path).unwrap();
        let told = sweep(&sandbox, &["resume"]).success();
        assert!(!told.stderr.contains("changed"), "{}", told.stderr);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

/// Red with all trials listed whatever is there, and without rungs.
#[test]
fn a_dry_run_says_what_is_left_to_do() {
    let sandbox = sandbox();
    write(
        &sandbox,
        "[parameters]\n\"training.learning_rate\" = { values = [1e-3, 1e-2, 1e-1, 2e-1] }\n\
         [search]\nhalving = { eta = 2 }\n[launcher.slurm]\npartition = \"gpu\"\n",
    );
    let dry = |more: &[&str]| {
        let arguments = [&["run", "s.toml", "--dry-run"], more].concat();
        sweep(&sandbox, &arguments).success()
    };
    let rows = |told: &Outcome| told.stdout.matches(" 1       2\n").count();
    let told = dry(&[]);
    assert_eq!(rows(&told), 4, "{}", told.stdout);
    told.stdout_has(&["rungs   4 to epoch 1, 2 to epoch 2\n", "nothing was made\n"]);
    let told = dry(&["--launcher", "slurm"]);
    told.stdout_has(&[
        "#SBATCH --array=0-3\n",
        "sweep-task 'SWEEP_DIRECTORY'",
        "sweep-collect 'SWEEP_DIRECTORY'",
    ])
    .stderr_has(&["rungs   4 to epoch 1"]);
    assert!(!sandbox.path("experiments").exists());
    let folder = run(&sandbox, &[]);
    let told = dry(&[]);
    assert_eq!(rows(&told), 0, "{}", told.stdout);
    told.stdout_has(&[
        "there   experiments/sweeps/",
        ": 2 finished, 2 pruned\n",
        "nothing is to be run\n",
    ]);
    fs::remove_dir_all(folder.join("trials/s-002")).unwrap();
    let told = dry(&[]);
    assert_eq!(rows(&told), 1, "{}", told.stdout);
    told.stdout_has(&["1 waiting", "nothing was made"]);
    assert!(!folder.join("trials/s-002").exists());
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
    for command in ["status", "show", "best", "resume", "cancel"] {
        sweep(&sandbox, &[command]).code(2).stderr_has(&[
            "there are no sweeps in experiments/sweeps",
            "runner sweep new sweep.toml",
        ]);
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
