//! `runner resume`: whatever stops a run, it goes on to the same bytes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use runner::config::Document;
use runner::data::Splits;
use runner::device::choose;
use runner::metrics::EpochRecord;
use runner::run_dir::{Timing, Writer};
use runner::train::{End, Interrupt, Observer, Progress, Session, fit};

use crate::support::{Outcome, Sandbox};

/// Everything of a run that must not depend on how it got there.
#[derive(Debug, PartialEq)]
pub struct Traces {
    pub metrics: String,
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

// Seen red with the epoch's sums or the optimizer's state not taken back, and with dropout masks
// keyed by the steps of the process instead of the run's.
#[test]
fn resuming_from_every_step_of_training_and_evaluation_gives_the_same_run() {
    resume_from_every_step(&Sandbox::new(), "tiny.toml", &[]);
}

// Seen red with running statistics that are not taken back.
#[test]
fn resuming_from_every_step_keeps_running_statistics() {
    resume_from_every_step(&Sandbox::new(), "tiny.toml", &[NORMALIZED]);
}

// Seen red with predictions of an earlier evaluation taken for those of the last epoch.
#[test]
fn resuming_from_every_step_keeps_schedule_and_evaluations() {
    resume_from_every_step(
        &Sandbox::new(),
        "tiny.toml",
        &[
            "training.eval_every_epochs=2",
            "schedule.by=step",
            "schedule.warmup=0.5",
            "schedule.cosine={}",
        ],
    );
}

pub const NORMALIZED: &str = "model.layers=[\
    {conv2d={out_channels=4,kernel_size=3,stride=2,bias=false}},'batch_norm2d','relu',\
    {conv2d={out_channels=8,kernel_size=3,padding=1}},{batch_norm2d={momentum=0.3}},'relu',\
    {max_pool2d={kernel_size=2}},'batch_norm2d',{adaptive_avg_pool2d={output_size=2}},'flatten',\
    {linear={out_features=10}}]";

/// Trains by a config, and goes on with a copy of the run from every checkpoint; there is one after every
/// step, and one at the end of every epoch.
pub fn resume_from_every_step(sandbox: &Sandbox, config: &str, overrides: &[&str]) {
    let every_step = ["checkpoint.every_steps=1", "checkpoint.keep_last=1000"];
    let arguments = [&["run", config, "-q"], &every_step[..], overrides].concat();
    let whole = sandbox.runner(&arguments).success().stdout;
    let whole = whole.trim();
    let expected = traces(sandbox, whole);
    let names = checkpoints(sandbox, whole);
    let metrics = sandbox.read(&format!("{whole}/metrics.csv"));
    let epochs = metrics.lines().count() - 1;
    let steps = metrics.lines().last().unwrap().split(',').nth(1).unwrap();
    assert_eq!(names.len(), epochs + steps.parse::<usize>().unwrap());
    for (index, name) in names.iter().enumerate() {
        let copy = format!("copy-{index}");
        copy_run(sandbox, whole, &copy);
        for later in &names[index + 1..] {
            fs::remove_file(sandbox.path(&copy).join("checkpoints").join(later)).unwrap();
        }
        fs::remove_file(sandbox.path(&copy).join("result.json")).unwrap();
        sandbox.runner(&["resume", &copy]).success();
        assert_eq!(
            traces(sandbox, &copy),
            expected,
            "after {name} of {overrides:?}"
        );
        for later in &names[index + 1..] {
            let file = |run: &str| fs::read(sandbox.path(run).join("checkpoints").join(later));
            assert!(
                file(&copy).unwrap() == file(whole).unwrap(),
                "{later} after {name}"
            );
        }
        fs::remove_dir_all(sandbox.path(&copy)).unwrap();
    }
}

// Seen red with dropout masks keyed by the steps of the process.
#[test]
fn a_run_stopped_by_signals_again_and_again_gives_the_same_run() {
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

// Seen red with the stop not preceded by a commit.
#[test]
fn each_signal_has_its_exit_code_and_leaves_a_checkpoint() {
    let sandbox = Sandbox::new();
    for (signal, code) in [
        ("INT", 130),
        ("TERM", 143),
        ("HUP", 129),
        ("USR1", 75),
        ("USR2", 75),
        ("XCPU", 75),
    ] {
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

// Seen red with SIGXFSZ left to end the process.
#[cfg(unix)]
#[test]
fn a_limit_on_file_sizes_is_an_error_that_names_the_file() {
    let sandbox = Sandbox::new();
    let program = env!("CARGO_BIN_EXE_runner");
    // In blocks of 512 bytes: enough for some files of a run, but not for all.
    let script = format!("ulimit -f 2; exec {program} run tiny.toml");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(sandbox.path(""))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{stderr}");
    assert!(stderr.contains("File too large"), "{stderr}");
    assert!(stderr.contains("experiments/"), "{stderr}");
    assert!(runner::run_dir::list(&sandbox.path("experiments")).is_empty());
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
        .stdout_has(&["is finished after epoch 3", "training.epochs=6"]);
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
        .stdout_has(&["is finished after epoch 5"]);
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

// Seen red with both comparisons taken out of Checkpoint::decode.
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

    sandbox
        .runner(&["resume", &run])
        .success()
        .stderr_has(&["set aside", "damaged", &newest]);
    assert_eq!(traces(&sandbox, &run), expected);
    let aside = sandbox.path(&run).join("checkpoints/damaged").join(&newest);
    assert!(fs::read(aside).unwrap() == bytes, "kept as it was");
    sandbox
        .runner(&["show", &run])
        .success()
        .stdout_has(&[&format!("set {newest} aside")]);
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
            .stderr_has(&["none of its checkpoints is intact", "start a new run"]);
    }
}

// Seen red with metrics.csv not restored.
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

// Seen red with the lock not taken.
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
        "data.scale=1",
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
        .stderr_has(&[
            "data/t10k-images-idx3-ubyte differs from the file",
            "sha256",
        ]);
    assert!(
        sandbox.path(&run).join("result.json").exists(),
        "nothing was changed"
    );
}

// Seen red with the keys fixed, and with paths taken from where the run was begun.
#[test]
fn data_that_have_moved_are_taken_where_they_are_now() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["training.epochs=2"]);
    let whole = traces(&sandbox, &sandbox.run_tiny(&["training.epochs=4"]));
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    fs::rename(sandbox.path("data"), sandbox.path("elsewhere/digits")).unwrap();
    let absolute = sandbox.path(&run).display().to_string();
    for command in ["resume", "reproduce"] {
        let way = format!("runner {command} {run} data.path=PLACE");
        let more = ["training.epochs=3"];
        let more: &[&str] = if command == "resume" { &more } else { &[] };
        let arguments = [&[command, &run], more].concat();
        sandbox.runner(&arguments).code(4).stderr_has(&[&way]);
    }
    sandbox.runner(&["verify", &run]).code(3);
    // A path that is typed starts where it is typed.
    let elsewhere = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        let output = command.current_dir(sandbox.path("elsewhere")).output();
        let output = output.unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    };
    elsewhere(&["verify", &absolute, "data.path=digits"]).success();
    elsewhere(&["reproduce", &absolute, "data.path=digits"])
        .success()
        .stdout_has(&["all 2 epochs"]);
    elsewhere(&["resume", &absolute, "data.path=digits", "training.epochs=3"])
        .success()
        .stderr_has(&["changed: data.path = "]);
    let events = sandbox.read(&format!("{run}/events.jsonl"));
    let now = sandbox.path("elsewhere/digits").display().to_string();
    assert!(
        events.contains(&format!("\"data.path\":\"\\\"{now}\\\"\"")),
        "{events}"
    );
    // From now on they are known to be there.
    sandbox.runner(&["verify", &run]).success();
    sandbox
        .runner(&["resume", &run, "training.epochs=4"])
        .success();
    let there = traces(&sandbox, &run);
    assert_eq!(there.metrics, whole.metrics);
    sandbox.runner(&["show", &run]).success();
}

// Seen red with files compared only as far as both lists go.
#[test]
fn what_is_elsewhere_must_be_the_very_same_data() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let others = ["data.train=data", "data.eval=data"];
    let two = sandbox.run_tiny(&others);
    sandbox.cut_data("other", 59, 30);
    sandbox.cut_data("same", 60, 30);
    let refused = |run: &str, code, overrides: &[&str], parts: &[&str]| {
        for (command, more) in [("resume", &["training.epochs=4"][..]), ("reproduce", &[])] {
            let arguments = [&[command, run], overrides, more].concat();
            sandbox.runner(&arguments).code(code).stderr_has(parts);
        }
        let arguments = [&["verify", run], overrides].concat();
        let code = if code == 4 { 3 } else { code };
        sandbox.runner(&arguments).code(code);
    };
    let parts = [
        "differs from the file the run started with",
        "data.path=PLACE",
    ];
    refused(&run, 4, &["data.path=other"], &parts);
    let parts = ["data.train=PLACE data.eval=PLACE"];
    refused(&two, 4, &["data.train=other"], &parts);
    // A split that the run did not name is another run.
    let parts = ["`data.test` cannot change from absent", "from data.path"];
    refused(&run, 2, &["data.test=same"], &parts);
    refused(
        &run,
        2,
        &[
            "data.path={unset=true}",
            "data.train=same",
            "data.eval=same",
        ],
        &[],
    );
    for command in ["reproduce", "verify"] {
        sandbox
            .runner(&[command, &run, "training.epochs=9"])
            .code(2)
            .stderr_has(&["`training.epochs` cannot change", "data.path"]);
    }
    let same = ["data.train=same", "data.eval=same"];
    sandbox
        .runner(&[&["resume", &two, "training.epochs=4"], &same[..]].concat())
        .success();
    sandbox.runner(&["verify", &two]).success();
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

/// Red if a key that a resolved.toml has not is in its digest, or is on unless it is stated.
#[test]
fn a_run_from_before_a_key_existed_goes_on() {
    let sandbox = Sandbox::new();
    let split = ["data.validation=0.25", "training.epochs=1"];
    let run = sandbox.run_tiny(&split);
    let resolved = format!("{run}/resolved.toml");
    let text = sandbox.read(&resolved);
    let before = text.replace("stratify = false\n", "");
    assert_ne!(before, text);
    sandbox.write(&resolved, &before);
    // As the first versions computed it.
    let digest = "a74fe0fffa71ca78dd118db6e8fdac9a73fb5762c7ea2f16b04b1b790b6de5ad";
    let identity = sandbox.read(&format!("{run}/run.json"));
    assert!(identity.contains(digest), "{identity}");
    sandbox.runner(&["verify", &run]).success();
    sandbox
        .runner(&["resume", &run, "training.epochs=2"])
        .success();
    sandbox
        .runner(&["resume", &run, "data.stratify=true"])
        .code(2)
        .stderr_has(&["`data.stratify` cannot change from false to true"]);
    let whole = sandbox.run_tiny(&["data.validation=0.25", "training.epochs=2"]);
    assert_eq!(traces(&sandbox, &run), traces(&sandbox, &whole));
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
        .code(2)
        .stderr_has(&["2026"]);
    sandbox
        .runner(&["resume", "last"])
        .code(2)
        .stderr_has(&["no runs"]);
    let run = sandbox.run_tiny(&["training.epochs=1"]);
    let id = Path::new(&run).file_name().unwrap().to_str().unwrap();
    sandbox.runner(&["show", "last"]).success();
    sandbox.runner(&["show", &id[..id.len() - 1]]).success();
    sandbox.run_tiny(&["training.epochs=1"]);
    sandbox
        .runner(&["show", &id[..4]])
        .code(2)
        .stderr_has(&["2 runs have names that begin or end like this", id]);
}

/// Asks for a stop after each batch.
struct OneBatch(Interrupt);

impl Observer for OneBatch {
    fn batch(&mut self, _progress: Progress) {
        self.0.request();
    }

    fn epoch(&mut self, _record: &EpochRecord, _timing: &Timing) {}
}

/// A chain of sessions, each of which does one batch of training or evaluation and stops.
#[test]
fn a_chain_that_stops_after_every_batch_gives_the_same_run() {
    let sandbox = Sandbox::new();
    let whole = sandbox.run_tiny(&[]);
    let expected = traces(&sandbox, &whole);
    let run = sandbox.run_tiny(&["training.epochs=1"]);
    // Back to the very beginning.
    let folder = sandbox.path(&run);
    for name in checkpoints(&sandbox, &run) {
        fs::remove_file(folder.join("checkpoints").join(name)).unwrap();
    }
    fs::remove_file(folder.join("result.json")).unwrap();
    let config = sandbox
        .read("tiny.toml")
        .replace("\"data\"", &format!("{:?}", sandbox.path("data")));
    let experiment = Document::parse("tiny.toml", config, "tiny")
        .experiment()
        .unwrap();
    let mut links = 0;
    loop {
        let mut writer = Writer::lock(&folder).unwrap();
        let checkpoint = writer.recover(&experiment.checkpoint).unwrap().checkpoint;
        let (model, data) = (&experiment.model, &experiment.data);
        let splits = Splits::load(data, model.input, 10, &|_, _| {}).unwrap();
        let device = choose(runner::config::Device::Cpu, None).unwrap().device;
        let mut session = Session::new(experiment.clone(), splits, device);
        if let Some(checkpoint) = &checkpoint {
            session.load(checkpoint, 0).unwrap();
        }
        let interrupt = Interrupt::default();
        let mut observer = OneBatch(interrupt.clone());
        if fit(&mut session, &mut writer, &interrupt, &mut observer).unwrap() == End::Complete {
            break;
        }
        links += 1;
    }
    // The last batch of each evaluation ends its epoch, and the last epoch the chain.
    assert_eq!(links, 3 * (9 + 5) - 1);
    assert_eq!(
        sandbox.read(&format!("{run}/metrics.csv")),
        expected.metrics
    );
    sandbox
        .runner(&["resume", &run, "training.epochs=3"])
        .success();
    assert_eq!(traces(&sandbox, &run), expected);
}

#[test]
fn a_checkpoint_under_another_name_is_put_aside() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let expected = traces(&sandbox, &run);
    let folder = sandbox.path(&run).join("checkpoints");
    let [older, newest] = checkpoints(&sandbox, &run).try_into().unwrap();
    fs::copy(folder.join(&older), folder.join(&newest)).unwrap();
    fs::remove_file(sandbox.path(&run).join("result.json")).unwrap();
    sandbox.runner(&["resume", &run]).success().stderr_has(&[
        "set aside",
        &older,
        &newest,
        "continuing after step 18",
    ]);
    assert_eq!(traces(&sandbox, &run), expected);
}

#[test]
fn a_run_whose_checkpoints_or_events_are_gone_is_not_started_again() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    fs::remove_file(sandbox.path(&run).join("result.json")).unwrap();
    let metrics = sandbox.read(&format!("{run}/metrics.csv"));
    for name in checkpoints(&sandbox, &run) {
        fs::remove_file(sandbox.path(&run).join("checkpoints").join(name)).unwrap();
    }
    sandbox
        .runner(&["resume", &run])
        .code(5)
        .stderr_has(&["checkpoints are missing", "3 epochs"]);
    assert_eq!(sandbox.read(&format!("{run}/metrics.csv")), metrics);

    let run = sandbox.run_tiny(&[]);
    sandbox
        .runner(&["resume", &run, "training.epochs=4"])
        .success();
    fs::remove_file(sandbox.path(&run).join("events.jsonl")).unwrap();
    sandbox
        .runner(&["resume", &run])
        .code(5)
        .stderr_has(&["events.jsonl is missing"]);
}

#[test]
fn taking_the_lock_file_away_does_not_let_two_write() {
    let sandbox = Sandbox::new();
    let mut child = start(
        &sandbox,
        &["run", "tiny.toml", "training.epochs=100000", "-q"],
    );
    let mut run = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut run)
        .unwrap();
    fs::remove_file(sandbox.path(run.trim()).join("lock")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(75));
    sandbox.runner(&["verify", run.trim()]).success();
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_so() {
    let sandbox = Sandbox::new();
    let program = env!("CARGO_BIN_EXE_runner");
    let script = format!("trap '' HUP; exec {program} run tiny.toml training.epochs=40 2>&1");
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .current_dir(sandbox.path(""))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines
        .find(|line| line.as_ref().unwrap().starts_with("run: "))
        .unwrap()
        .unwrap();
    kill(&child, "HUP");
    assert!(lines.count() > 10);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
