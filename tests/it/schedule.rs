//! The learning rate over a run: as PyTorch's schedulers have it, and exact whatever happens to the run.

use std::fs;

use runner::config::Document;
use runner::run_dir::MetricsTable;
use runner::schedule::learning_rate;

use crate::support::{Sandbox, project};

#[test]
fn every_schedule_is_pytorchs() {
    #[derive(serde::Deserialize)]
    struct Case {
        schedule: String,
        epochs: u64,
        steps_per_epoch: u64,
        learning_rate: f64,
        rates: Vec<f64>,
    }
    let path = project().join("tests/fixtures/schedules.json");
    let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() > 15);
    for case in cases {
        let text = format!(
            "seed = 1\ndata.path = \"data\"\n[training]\nepochs = {}\nbatch_size = 1\n\
             learning_rate = {:?}\n[model]\ninput = [1, 2, 2]\n\
             layers = [\"flatten\", {{ linear = {{ out_features = 2 }} }}]\n[schedule]\n{}",
            case.epochs, case.learning_rate, case.schedule
        );
        let document = Document::parse("case.toml", text, "case");
        let experiment = document.experiment().unwrap();
        assert_eq!(case.rates.len() as u64, case.epochs * case.steps_per_epoch);
        for (step, expected) in case.rates.iter().enumerate() {
            let rate = learning_rate(
                experiment.schedule.as_ref(),
                experiment.training.learning_rate,
                case.steps_per_epoch,
                step as u64,
            );
            assert!(
                (rate - expected).abs() <= 1e-6 * expected.abs().max(1e-9),
                "step {step} of {}: {rate} and not {expected}",
                case.schedule
            );
        }
    }
}

#[test]
fn a_resumed_run_goes_on_with_its_schedule() {
    let sandbox = Sandbox::new();
    let schedule = [
        "schedule.by=step",
        "schedule.warmup=0.5",
        "schedule.cosine.eta_min=1e-4",
        "checkpoint.every_steps=2",
    ];
    let whole = sandbox.run_tiny(&schedule);
    // Stopped in the middle of the warm-up, by a limit of no time at all.
    let arguments = [
        &["run", "tiny.toml", "-q", "training.max_minutes=1e-9"],
        &schedule[..],
    ]
    .concat();
    let run = sandbox.runner(&arguments).code(75).stdout.trim().to_owned();
    sandbox
        .runner(&["resume", &run, "-q", "training.max_minutes=0"])
        .success();
    let read = |run: &str| sandbox.read(&format!("{run}/metrics.csv"));
    assert_eq!(read(&whole), read(&run));
    let metrics = MetricsTable::read(&sandbox.path(&whole).join("metrics.csv")).unwrap();
    let rates: Vec<f64> = (0..3)
        .map(|row| metrics.get(row, "learning_rate").unwrap())
        .collect();
    // The last of 27 steps: the time is 26/9 epochs, of which half a one is warm-up.
    let part: f64 = (26.0 / 9.0 - 0.5) / 2.5;
    let last = 1e-4 + (1e-2 - 1e-4) * (1.0 + (std::f64::consts::PI * part).cos()) / 2.0;
    assert!((rates[2] - last).abs() < 1e-12, "{rates:?}");
    assert!(rates[0] > rates[1] && rates[1] > rates[2], "{rates:?}");
}

#[test]
fn the_rate_reaches_the_optimizer() {
    let sandbox = Sandbox::new();
    let plain = sandbox.run_tiny(&[]);
    let constant = sandbox.run_tiny(&["schedule={}"]);
    let falling = sandbox.run_tiny(&["schedule.exponential.gamma=0.1"]);
    let rows = |run: &str| -> Vec<String> {
        let text = sandbox.read(&format!("{run}/metrics.csv"));
        text.lines().skip(1).map(str::to_owned).collect()
    };
    assert_eq!(rows(&plain), rows(&constant));
    assert_eq!(
        rows(&plain)[0],
        rows(&falling)[0],
        "the first epoch is the same"
    );
    assert_ne!(rows(&plain)[1], rows(&falling)[1]);
}

#[test]
fn a_run_made_longer_keeps_its_schedule() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["schedule.cosine={}"]);
    let outcome = sandbox
        .runner(&["resume", &run, "training.epochs=4"])
        .success();
    let config = format!("{run}/resolved.toml");
    outcome.stderr_has(&[
        "warning: the schedule gives epoch 4 a learning rate of 0.0",
        &format!("runner run {config} training.epochs=4 schedule.cosine.t_max=4.0"),
    ]);
    // What is offered runs.
    let stretched = [
        "run",
        &config,
        "training.epochs=4",
        "schedule.cosine.t_max=4.0",
    ];
    sandbox.runner(&stretched).success();
    // Before it is asked for, too.
    let told = [
        "the schedule gives epochs 5 to 8 learning rates between 0.0025 and 0.01, starting at 0.0025",
    ];
    sandbox
        .runner(&["resume", &run])
        .success()
        .stdout_has(&told);
    let metrics = MetricsTable::read(&sandbox.path(&run).join("metrics.csv")).unwrap();
    // The cosine of an epoch beyond its end, as PyTorch's goes on.
    assert!(metrics.get(3, "learning_rate").unwrap() < 1e-12);
    sandbox
        .runner(&["resume", &run, "schedule.cosine.t_max=9"])
        .code(2);
}

#[test]
fn what_a_schedule_cannot_be_is_told() {
    let sandbox = Sandbox::new();
    for (overrides, told) in [
        (
            &["schedule.cosine={}", "schedule.step.step_size=1"][..],
            "both `cosine` and `step` are set; keep one",
        ),
        (
            &["schedule.step={}"],
            "missing key `schedule.step.step_size`",
        ),
        (
            &["schedule.multi_step.milestones=[2, 1]"],
            "each larger than the one before",
        ),
        (&["schedule.by=batch"], "`schedule.by` must be one of"),
        (&["schedule.cosine.T_max=3"], "did you mean `t_max`?"),
        (&["scheduler.cosine={}"], "here it is called `schedule`"),
    ] {
        let arguments = [&["config", "show", "tiny.toml"], overrides].concat();
        sandbox.runner(&arguments).code(2).stderr_has(&[told]);
    }
    for (overrides, told) in [
        (
            &["schedule.cosine.t_max=4"][..],
            "`schedule.cosine.t_max` of 4 epochs is longer than the run",
        ),
        (
            &["schedule.warmup=3"],
            "the warm-up takes the whole run: `warmup` is 3",
        ),
        (
            &["schedule.multi_step.milestones=[1, 3]"],
            "the milestone 3 is not before the end of the run",
        ),
        (
            &["schedule.step.step_size=2", "schedule.warmup=2"],
            "`schedule.step.step_size` of 2 epochs is longer than the run, which has 1",
        ),
        (&["schedule.cosine.t_max=2"], "rises again 2 epochs after"),
    ] {
        let arguments = [&["config", "show", "tiny.toml"], overrides].concat();
        let outcome = sandbox.runner(&arguments).success();
        outcome.stderr_has(&["warning: ", told, "the run has 3"]);
    }
}
