//! `runner run`, end to end.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use crate::resume::NORMALIZED;
use crate::support::Sandbox;

#[test]
fn two_runs_of_one_config_are_equal() {
    let sandbox = Sandbox::new();
    let (first, second) = (sandbox.run_tiny(&[]), sandbox.run_tiny(&[]));
    assert_ne!(first, second);
    let metrics = |run: &str| sandbox.read(&format!("{run}/metrics.csv"));
    assert_eq!(metrics(&first), metrics(&second));
    assert_ne!(metrics(&first), metrics(&sandbox.run_tiny(&["seed=2"])));
}

#[test]
fn prints_the_tutorials_two_lines_an_epoch_then_the_report_and_what_to_type_next() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.runner(&["run", "tiny.toml"]).success();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    for epoch in 0..3 {
        for (line, split) in lines[2 * epoch..].iter().zip(["Train", "Eval"]) {
            assert!(is_scores_line(line, split), "{line}");
        }
    }
    let run = latest(&sandbox);
    let report = sandbox.read(&format!("{run}/report.txt"));
    assert!(outcome.stdout.contains(&report));
    assert!(outcome.stdout.contains(&format!("Run:  {run}")));
    assert!(
        outcome
            .stdout
            .contains(&format!("runner resume {run} training.epochs=6"))
    );
    let epochs = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("epoch "));
    assert_eq!(epochs.count(), 3, "{}", outcome.stderr);
    assert!(!outcome.stderr.contains('\u{1b}'), "no colours into a pipe");
    let log = sandbox.read(&format!("{run}/train.log"));
    for line in outcome.stdout.lines().chain(outcome.stderr.lines()) {
        assert!(log.contains(line), "{line:?} is not in train.log");
    }
}

/// `Train Loss: 0.4862 Acc: 0.8683 F1: 0.8675(0.8675/0.8674)`
fn is_scores_line(line: &str, split: &str) -> bool {
    let digits: String = line
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    digits == format!("{split} Loss: 0.0000 Acc: 0.0000 F0: 0.0000(0.0000/0.0000)")
}

#[test]
fn leaves_every_file_of_the_docs_and_nothing_else() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let mut names: Vec<String> = fs::read_dir(sandbox.path(&run))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "best_predictions.csv",
        "checkpoints",
        "config.toml",
        "confusion_matrix.csv",
        "events.jsonl",
        "lock",
        "metrics.csv",
        "predictions.csv",
        "report.txt",
        "resolved.toml",
        "result.json",
        "run.json",
        "timing.csv",
        "train.log",
    ];
    assert_eq!(names, expected);
    let docs = crate::support::project().join("docs/run-directory.md");
    let docs = fs::read_to_string(docs).unwrap();
    for name in expected {
        assert!(
            docs.contains(&format!("`{name}")),
            "{name} is not in docs/run-directory.md"
        );
    }
    assert_eq!(
        sandbox.read(&format!("{run}/config.toml")),
        sandbox.read("tiny.toml")
    );
    let link = fs::read_link(sandbox.path("experiments/latest")).unwrap();
    assert_eq!(format!("experiments/{}", link.display()), run);
}

#[test]
fn tables_at_the_end_agree_with_each_other() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let confusion = sandbox.read(&format!("{run}/confusion_matrix.csv"));
    let mut reader = csv::Reader::from_reader(confusion.as_bytes());
    let mut counts = vec![vec![0u64; 10]; 10];
    for (truth, record) in reader.records().enumerate() {
        let record = record.unwrap();
        assert_eq!(record[0], truth.to_string());
        for predicted in 0..10 {
            counts[truth][predicted] = record[predicted + 1].parse().unwrap();
        }
    }
    let predictions = sandbox.read(&format!("{run}/predictions.csv"));
    let mut reader = csv::Reader::from_reader(predictions.as_bytes());
    assert_eq!(
        reader.headers().unwrap(),
        &[
            "index",
            "path",
            "label",
            "label_name",
            "prediction",
            "prediction_name",
            "probability"
        ][..]
    );
    let mut rows = 0;
    for (index, record) in reader.records().enumerate() {
        let record = record.unwrap();
        assert_eq!(record[0], index.to_string());
        let (label, prediction): (usize, usize) =
            (record[2].parse().unwrap(), record[4].parse().unwrap());
        let probability: f64 = record[6].parse().unwrap();
        assert!((0.1..=1.0).contains(&probability), "{probability}");
        counts[label][prediction] -= 1;
        rows += 1;
    }
    assert_eq!(rows, 30);
    assert!(counts.iter().flatten().all(|count| *count == 0));
    let result: serde_json::Value =
        serde_json::from_str(&sandbox.read(&format!("{run}/result.json"))).unwrap();
    assert_eq!(result["epochs"], 3);
    assert_eq!(result["last"]["epoch"], 3);
}

#[test]
fn a_broken_stdout_or_stderr_does_not_stop_a_training() {
    let sandbox = Sandbox::new();
    let expected = sandbox.read(&format!("{}/metrics.csv", sandbox.run_tiny(&[])));
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    for (stdout, stderr) in [(full(), full()), (closed_pipe(), closed_pipe())] {
        let mut command = sandbox.command(&["run", "tiny.toml"]);
        let status = command.stdout(stdout).stderr(stderr).status().unwrap();
        assert_eq!(status.code(), Some(0));
        let metrics = sandbox.read(&format!("{}/metrics.csv", latest(&sandbox)));
        assert_eq!(metrics, expected);
    }
}

/// The writing end of a pipe that no one reads any more.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn the_number_of_threads_is_told_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let expected = sandbox.read(&format!("{}/metrics.csv", sandbox.run_tiny(&[NORMALIZED])));
    let run = |arguments: &[&str], environment: &str, told: &str| {
        let mut command = sandbox.command(&["run", "tiny.toml", NORMALIZED]);
        command.args(arguments).env("RUNNER_THREADS", environment);
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(told), "{told} is not in {stderr}");
        let metrics = sandbox.read(&format!("{}/metrics.csv", latest(&sandbox)));
        assert_eq!(metrics, expected, "{told}");
    };
    run(&[], "1", "1 thread,");
    run(&[], "3", "3 threads,");
    run(&["--threads", "5"], "1", "5 threads,");
    for wrong in ["0", "-1", "many", "70000"] {
        let argument = format!("--threads={wrong}");
        sandbox
            .runner(&["run", "tiny.toml", &argument])
            .code(2)
            .stderr_has(&["--threads", wrong]);
    }
}

/// A checkpoint has running statistics under PyTorch's names, and they count as no parameters.
#[test]
fn batch_norm_leaves_pytorchs_names() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[NORMALIZED, "training.epochs=1"]);
    let bytes = fs::read(sandbox.path(&format!("{run}/checkpoints/step-00000009.safetensors")));
    let bytes = bytes.unwrap();
    let checkpoint = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    for name in ["weight", "bias", "running_mean", "running_var"] {
        let tensor = checkpoint
            .tensor(&format!("model.layers.4.{name}"))
            .unwrap();
        assert_eq!(tensor.shape(), [8]);
    }
    assert!(
        checkpoint
            .tensor("optimizer.exp_avg.layers.4.running_mean")
            .is_err()
    );
    let identity: serde_json::Value =
        serde_json::from_str(&sandbox.read(&format!("{run}/run.json"))).unwrap();
    // 36 + 2*4, 288 + 8 + 2*8, 2*8, 32 * 10 + 10
    assert_eq!(identity["parameters"], 36 + 8 + 296 + 16 + 16 + 330);
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_and_names_the_layer() {
    let sandbox = Sandbox::new();
    let outcome = sandbox
        .runner(&["run", "tiny.toml", "training.learning_rate=3e37"])
        .code(6)
        .stderr_has(&["diverged in epoch 1, step 2", "layers.5 (linear)"]);
    assert!(!outcome.stdout.contains("Train Loss"));
    let run = latest(&sandbox);
    assert_eq!(
        fs::read_dir(sandbox.path(&format!("{run}/checkpoints")))
            .unwrap()
            .count(),
        0
    );
    sandbox.runner(&["show", "last"]).success();
}

#[test]
fn optimizer_state_that_overflows_ends_the_run_at_that_step() {
    let sandbox = Sandbox::new();
    sandbox
        .runner(&[
            "run",
            "tiny.toml",
            "data.scale=1e18",
            "training.learning_rate=1e-9",
        ])
        .code(6)
        .stderr_has(&["diverged in epoch 1, step 1", "exp_avg_sq.layers."]);
    sandbox.runner(&["list"]).success().stdout_has(&["failed"]);
    let events = sandbox.read(&format!("{}/events.jsonl", latest(&sandbox)));
    let failed: serde_json::Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!(failed["cause"], "diverged");
    let shown = sandbox.runner(&["show", "last"]).success();
    assert!(
        !shown.stdout.contains("to continue"),
        "it would do so again"
    );
}

/// Red with `chrono::Utc::now`, which panics then.
#[cfg(target_os = "linux")]
#[test]
fn a_clock_before_1970_does_no_harm() {
    let sandbox = Sandbox::new();
    let source = "#define _GNU_SOURCE\n#include <time.h>\n#include <dlfcn.h>\n\
        int clock_gettime(clockid_t clock, struct timespec *time) {\n\
            int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, \"clock_gettime\");\n\
            int error = real(clock, time);\n\
            if (clock == CLOCK_REALTIME) time->tv_sec -= 3000000000;\n\
            return error;\n\
        }\n";
    let source = sandbox.write("clock.c", source);
    let library = sandbox.path("clock.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library);
    assert!(compiler.arg(source).arg("-ldl").status().unwrap().success());
    for arguments in [
        &["run", "tiny.toml", "-q"][..],
        &["show", "last"],
        &["list"],
    ] {
        let mut command = sandbox.command(arguments);
        let output = command.env("LD_PRELOAD", &library).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.success() && !stderr.contains("panicked"),
            "{stderr}"
        );
    }
    assert!(latest(&sandbox).starts_with("experiments/19"));
}

/// Red where position and length are set one after the other: the last batches of a phase among those of the next.
#[cfg(target_os = "linux")]
#[test]
fn the_bar_never_counts_beyond_its_length() {
    let sandbox = Sandbox::new();
    let program = env!("CARGO_BIN_EXE_runner");
    let mut command = Command::new("script");
    command.args([
        "-qec",
        &format!("{program} run tiny.toml training.batch_size=30"),
        "/dev/null",
    ]);
    command.current_dir(sandbox.path("")).env("TERM", "xterm");
    let output = command.output().unwrap();
    let drawn = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{drawn}");
    let counts = drawn.split_whitespace().filter_map(|word| {
        let (position, length) = word.split_once('/')?;
        Some((position.parse::<u64>().ok()?, length.parse::<u64>().ok()?))
    });
    let counts: Vec<(u64, u64)> = counts.collect();
    for drawn_once in [(2, 2), (1, 1)] {
        assert!(counts.contains(&drawn_once), "{drawn}");
    }
    assert!(
        counts.iter().all(|(position, length)| position <= length),
        "{drawn}"
    );
}

/// Red where the overrides are left out, which stand for more than the file.
#[test]
fn show_tells_the_results_then_the_config_then_its_overrides() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["training.epochs=1", "seed=5"]);
    let shown = sandbox.runner(&["show", &run]).success().stdout;
    let order = [
        "epochs      1 of 1\n",
        "\nEpochs\n",
        "\nClassification report\n",
        "\nConfig as typed",
        "\nepochs = 3\n",
        "\nOverrides from the command line\n\ntraining.epochs=1\nseed=5\n",
    ];
    let places = order.map(|part| shown.find(part));
    assert!(places.iter().all(Option::is_some), "{shown}");
    assert!(places.is_sorted(), "{shown}");
}

#[test]
fn a_network_beyond_the_memory_is_refused_before_anything_is_made() {
    let sandbox = Sandbox::new();
    // A gigabyte an image after the convolution, and a small network after that.
    let layers = "model.layers=[{conv2d={out_channels=1,kernel_size=3,padding=8000}},\
                  {max_pool2d={kernel_size=4000}},'flatten',{linear={out_features=10}}]";
    sandbox
        .runner(&["run", "tiny.toml", layers, "training.batch_size=60"])
        .code(2)
        .stderr_has(&["MiB of memory", "batch_size"]);
    assert!(!sandbox.path("experiments").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_an_io_error() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    sandbox
        .runner(&["run", "tiny.toml", "--out", "file/experiments"])
        .code(74)
        .stderr_has(&["file/experiments"]);
}

/// The newest run, relative to the sandbox.
pub fn latest(sandbox: &Sandbox) -> String {
    let outcome = sandbox.runner(&["list", "--csv"]).success();
    let last = outcome.stdout.lines().last().unwrap();
    format!("experiments/{}", last.split(',').next().unwrap())
}
