//! `verify`, `reproduce` and `prove`: they say yes to what the program wrote and no to anything else.

use std::fs;
use std::process::Command;

use runner::array::Values;
use runner::run_dir::Checkpoint;

use crate::resume::checkpoints;
use crate::support::Sandbox;

#[test]
fn verify_says_yes_to_a_run_and_no_to_anything_that_was_changed() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let verify = |code: i32, named: &str| {
        sandbox
            .runner(&["verify", &run])
            .code(code)
            .stdout_has(&[named]);
    };
    verify(0, "all 11 checks passed");
    let [older, newest] = checkpoints(&sandbox, &run).try_into().unwrap();
    let newest = format!("checkpoints/{newest}");
    for (name, from, to) in [
        ("metrics.csv", "\n2,18,", "\n2,19,"),
        ("resolved.toml", "seed = 1", "seed = 2"),
        ("report.txt", "accuracy", "Accuracy"),
        ("result.json", "\"epochs\": 3", "\"epochs\": 9"),
        ("confusion_matrix.csv", "\n0,", "\n0,1"),
        ("predictions.csv", "\n0,", "\n1,"),
        (newest.as_str(), "", ""),
    ] {
        let path = sandbox.path(&run).join(name);
        let original = fs::read(&path).unwrap();
        let mut changed = original.clone();
        if from.is_empty() {
            *changed.last_mut().unwrap() ^= 1;
        } else {
            let text = String::from_utf8(changed).unwrap();
            // The index column of the predictions says nothing that could be checked.
            let to = if name == "predictions.csv" { "\nx" } else { to };
            changed = text.replacen(from, to, 1).into_bytes();
        }
        assert_ne!(changed, original, "{name}");
        fs::write(&path, changed).unwrap();
        verify(3, "FAILED");
        fs::write(&path, original).unwrap();
    }
    // A whole checkpoint in the place of another is none.
    let folder = sandbox.path(&run).join("checkpoints");
    let original = fs::read(sandbox.path(&run).join(&newest)).unwrap();
    fs::copy(folder.join(older), sandbox.path(&run).join(&newest)).unwrap();
    verify(3, "it is actually step-");
    fs::write(sandbox.path(&run).join(&newest), original).unwrap();
    let data = sandbox.path("data/train-labels-idx1-ubyte");
    let mut bytes = fs::read(&data).unwrap();
    bytes[20] ^= 1;
    fs::write(&data, bytes).unwrap();
    verify(3, "data/train-labels-idx1-ubyte: differs from the file");
}

#[test]
fn verify_says_yes_to_runs_however_they_came_about() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["checkpoint.every_epochs=2", "checkpoint.every_steps=4"]);
    sandbox.runner(&["verify", &run]).success();
    sandbox
        .runner(&["resume", &run, "training.epochs=7"])
        .success();
    sandbox.runner(&["verify", &run]).success();
    fs::remove_file(sandbox.path(&run).join("result.json")).unwrap();
    sandbox.runner(&["verify", &run]).success();
}

#[test]
fn reproduce_trains_again_and_names_the_first_epoch_that_differs() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["seed=5"]);
    // From the directory alone: the config may be gone.
    fs::remove_file(sandbox.path("tiny.toml")).unwrap();
    sandbox
        .runner(&["reproduce", &run])
        .success()
        .stdout_has(&["all 3 epochs", "are equal"]);
    let metrics = sandbox.read(&format!("{run}/metrics.csv"));
    let digest = metrics.lines().nth(2).unwrap().split(',').nth(13).unwrap();
    let changed = metrics.replace(digest, "0123456789abcdef");
    sandbox.write(&format!("{run}/metrics.csv"), changed);
    sandbox
        .runner(&["reproduce", &run])
        .code(3)
        .stdout_has(&["NOT REPRODUCED: the first epoch that differs is 2"]);
}

#[test]
fn reproduce_goes_on_past_the_time_limit_and_names_data_that_changed() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["training.max_minutes=1000"]);
    let resolved = sandbox.read(&format!("{run}/resolved.toml"));
    // What a resume may change does not count against the run.
    let limited = resolved.replace("max_minutes = 1000.0", "max_minutes = 0.00001");
    assert_ne!(limited, resolved);
    sandbox.write(&format!("{run}/resolved.toml"), limited);
    sandbox.runner(&["reproduce", &run]).success();
    sandbox.write(
        &format!("{run}/resolved.toml"),
        resolved.replace("seed = 1", "seed = 2"),
    );
    sandbox
        .runner(&["reproduce", &run])
        .code(5)
        .stderr_has(&["resolved.toml"]);
    sandbox.write(&format!("{run}/resolved.toml"), resolved);
    let path = sandbox.path("data/train-labels-idx1-ubyte");
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, bytes).unwrap();
    sandbox
        .runner(&["reproduce", &run])
        .code(4)
        .stderr_has(&["data/train-labels-idx1-ubyte differs from the file"]);
}

#[test]
fn prove_kills_resumes_and_compares() {
    let sandbox = Sandbox::new();
    let outcome = sandbox
        .runner(&[
            "prove",
            "tiny.toml",
            "training.epochs=20",
            "checkpoint.every_steps=3",
            "--kills=4",
            "--seed=1",
        ])
        .success()
        .stdout_has(&["proven"]);
    assert!(
        outcome.stderr.contains("uninterrupted run: experiments/2"),
        "{}",
        outcome.stderr
    );
    sandbox
        .runner(&["prove", "missing.toml"])
        .code(2)
        .stderr_has(&["missing.toml"]);
}

/// Where Python with safetensors and numpy is, `RUNNER_TEST_PYTHON` says.
#[test]
#[ignore = "needs Python with safetensors; .ci/run runs it"]
fn python_reads_a_checkpoint() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let name = checkpoints(&sandbox, &run).pop().unwrap();
    let path = sandbox.path(&run).join("checkpoints").join(name);
    let script = "
import json, sys
from safetensors.numpy import load_file
arrays = load_file(sys.argv[1])
print(json.dumps({k: [list(v.shape), str(v.dtype), v.astype('float64').sum()] for k, v in arrays.items()}))
";
    let python = std::env::var("RUNNER_TEST_PYTHON").expect("RUNNER_TEST_PYTHON names a Python");
    let output = Command::new(python)
        .args(["-c", script])
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let (checkpoint, _) = Checkpoint::read(&path).unwrap();
    assert_eq!(told.as_object().unwrap().len(), checkpoint.arrays.len());
    assert_eq!(
        told["model.layers.5.weight"][0],
        serde_json::json!([10, 108])
    );
    for (name, array) in &checkpoint.arrays {
        assert_eq!(told[name][0], serde_json::json!(array.shape), "{name}");
        let (dtype, sum) = match &array.values {
            Values::F32(values) => ("float32", values.iter().map(|v| f64::from(*v)).sum()),
            Values::I64(values) => ("int64", values.iter().map(|v| *v as f64).sum::<f64>()),
        };
        assert_eq!(told[name][1], dtype, "{name}");
        assert!(
            (told[name][2].as_f64().unwrap() - sum).abs() < 1e-9,
            "{name}"
        );
    }
}
