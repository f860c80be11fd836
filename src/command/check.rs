//! `runner check`: all that can be known of a run before it is made.

use std::fmt::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cli;
use crate::config::{Cost, Document, Experiment, Rule, Traced, Training};
use crate::data::Splits;
use crate::device::Chosen;
use crate::exit::ExitCode;
use crate::lifecycle::{Occasion, Prepared, begin, disk_needed, prepare};
use crate::memory::{self, Bound};
use crate::run_dir::{Moves, space, verify};
use crate::table::{Cell, Column, Table};
use crate::train::{Interrupt, Session, Silent, Trial, fit, try_out};
use crate::weights::Source;

use super::exit::unwrapped;
use super::experiment::{document, runnable};
use super::output::{Output, print_result, reading};
use super::progress::scan_bar;
use super::report::{Reporter, conclude, data_line, short};
use super::start;
use super::units::{bytes, counted, human, thousands};

/// How long batches are timed.
const BUDGET: Duration = Duration::from_millis(300);

/// Up to this number of classes, each has a row.
const MAX_CLASSES: usize = 20;

/// Columns and lines of the curve of the learning rate.
const CURVE_COLUMNS: u64 = 60;
const CURVE_LINES: usize = 4;

pub fn execute(args: cli::Check) -> anyhow::Result<ExitCode> {
    let mut document = document(&args.experiment)?;
    let (experiment, mut is_warned) = runnable(&document)?;
    let since = Instant::now();
    let bar = scan_bar("reading images");
    let prepared = prepare(&document, experiment, args.threads.threads, &|done, all| {
        bar.at(done, all)
    });
    let Prepared {
        session, device, ..
    } = prepared.map_err(unwrapped)?;
    // All errors come before the first table.
    let needed = disk_needed(&session);
    let lost = space::check_room(&args.out.out, needed)?;
    is_warned |= !session.data.warnings.is_empty() || !lost.is_empty();
    print_result(&network(&session.experiment))?;
    print_result(&groups(&session))?;
    print_result(&format!("\ndevice: {}\n", device.reason))?;
    for line in session.start.iter().flat_map(start::lines) {
        print_result(&format!("{line}\n"))?;
    }
    print_result(&data(&session))?;
    let notes = notes(&session, &document);
    for note in &notes {
        print_result(&format!("note: {note}\n\n"))?;
    }
    let read_in = since.elapsed();
    print_result(&learning_rate(&session))?;

    let checkpoint_bytes = session.checkpoint_bytes();
    let (experiment, data) = (session.experiment.clone(), Arc::clone(&session.data));
    let source = session
        .start
        .as_ref()
        .map(|start| Arc::clone(&start.source));
    let images = [data.train.len(), data.eval.len()];
    let trial = try_out(session, BUDGET)?;
    print_result(&time_and_memory(&experiment, images, read_in, &trial))?;
    print_result(&disk(&experiment, checkpoint_bytes, needed, &args.out.out))?;
    for lost in lost {
        print_result(&format!("warning: {lost}\n"))?;
    }
    let config = args.experiment.config.display();
    let verdict = match (is_warned, notes.is_empty()) {
        (true, _) => format!("\n{config} can run, but see the warnings above"),
        (false, false) => format!("\n{config} can run; see what is noted above"),
        (false, true) => format!("\n{config} is good"),
    };
    if !args.fast_dev_run {
        print_result(&format!("{verdict}\n"))?;
        return Ok(ExitCode::Done);
    }
    let data = Arc::into_inner(data).expect("the session is used up");
    fast_dev_run(&mut document, data, source, device, &verdict)
}

fn network(experiment: &Experiment) -> String {
    let batch_size = experiment.training.batch_size as u64;
    let row = |path, name: &str, output: String, numbers: [u64; 2], memory: u64| {
        let count = |number: u64| match number {
            0 => Cell::Empty,
            number => Cell::Text(thousands(number as f64)),
        };
        vec![
            Cell::Text(path),
            Cell::Text(name.to_owned()),
            Cell::Text(output),
            count(numbers[0]),
            count(numbers[1]),
            Cell::Text(bytes(memory * batch_size)),
        ]
    };
    let layers = experiment.trace();
    let costs: Vec<Cost> = layers.iter().map(Traced::cost).collect();
    let mut rows: Vec<Vec<Cell>> = layers
        .iter()
        .zip(&costs)
        .map(|(layer, cost)| {
            row(
                layer.path.clone(),
                layer.layer.name(),
                layer.output.to_string(),
                [cost.parameters, cost.flops],
                cost.output_bytes,
            )
        })
        .collect();
    let sum = |of: fn(&Cost) -> u64| costs.iter().map(of).sum::<u64>();
    rows.push(row(
        String::new(),
        "total",
        String::new(),
        [sum(|cost| cost.parameters), sum(|cost| cost.flops)],
        sum(|cost| cost.output_bytes),
    ));
    let table = Table {
        columns: vec![
            Column::new("layer"),
            Column::headed("name", ""),
            Column::new("output"),
            Column::numbers("parameters"),
            Column::numbers("FLOPs"),
            Column::numbers("memory"),
        ],
        rows,
    };
    let [channels, height, width] = experiment.model.input;
    format!(
        "experiment {}, input {channels}x{height}x{width}\n\n{}\n\
         FLOPs: of one image's forward pass (matrix products only; a multiply-add counts\n\
         as 2). memory: of each layer's output for a batch of {batch_size}; fused layers never\n\
         hold all of this, so real use is lower.\n",
        experiment.name,
        table.render(reading()),
    )
}

/// The groups of parameters, if there are any, with their rates and sizes.
fn groups(session: &Session) -> String {
    let Training {
        groups,
        learning_rate,
        ..
    } = &session.experiment.training;
    if groups.is_empty() {
        return String::new();
    }
    let sizes = session.network.group_sizes(groups);
    let count = |size: usize| Cell::Text(thousands(size as f64));
    let decay = session.experiment.optimizer.weight_decay();
    let mut rows: Vec<Vec<Cell>> = groups
        .iter()
        .zip(&sizes)
        .map(|(group, size)| {
            let pattern = Cell::Text(group.pattern.clone());
            if group.frozen {
                let frozen = Cell::Text("frozen".to_owned());
                return vec![pattern, frozen, Cell::Empty, count(*size)];
            }
            let rate = short(learning_rate * group.learning_rate_scale);
            let decay = short(group.weight_decay.unwrap_or(decay));
            vec![pattern, Cell::Text(rate), Cell::Text(decay), count(*size)]
        })
        .collect();
    if let Some(rest @ 1..) = sizes.last() {
        let [rate, decay] = [short(*learning_rate), short(decay)].map(Cell::Text);
        let name = Cell::Text("all others".to_owned());
        rows.push(vec![name, rate, decay, count(*rest)]);
    }
    let table = Table {
        columns: vec![
            Column::new("group"),
            Column::numbers("learning rate"),
            Column::numbers("weight decay"),
            Column::numbers("parameters"),
        ],
        rows,
    };
    format!("\n{}", table.render(reading()))
}

fn data(session: &Session) -> String {
    let data = &session.data;
    let classes = data.class_names.len();
    let counts = [&data.train, &data.eval].map(|split| split.class_counts(classes));
    let mut text = format!("data: {}\n", data_line(session));
    let mut order: Vec<usize> = (0..classes).collect();
    if classes > MAX_CLASSES {
        // The smallest and the largest classes show how balanced the data are.
        order.sort_by_key(|class| counts[0][*class]);
        order.drain(MAX_CLASSES / 2..classes - MAX_CLASSES / 2);
        let _ = writeln!(
            text,
            "the {} classes with the fewest training images, and those with the most:",
            MAX_CLASSES / 2
        );
    }
    let rows = order.iter().map(|class| {
        vec![
            Cell::Text(data.class_names[*class].clone()),
            Cell::Text(thousands(counts[0][*class] as f64)),
            Cell::Text(thousands(counts[1][*class] as f64)),
        ]
    });
    let table = Table {
        columns: vec![
            Column::new("class"),
            Column::numbers("training"),
            Column::numbers("evaluation"),
        ],
        rows: rows.collect(),
    };
    let _ = write!(text, "\n{}\n", table.render(reading()));
    for warning in &data.warnings {
        let _ = writeln!(text, "warning: {warning}\n");
    }
    text
}

/// What may be meant, but not by everybody.
fn notes(session: &Session, document: &Document) -> Vec<String> {
    let experiment = &session.experiment;
    let mut notes = Vec::new();
    match (experiment.model.input[0], session.data.train.is_colour()) {
        (1, true) => notes.push(
            "the images are in colour and become grey, since model.input has 1 channel".to_owned(),
        ),
        (3, false) if experiment.data.synthetic.is_none() => notes.push(
            "the images are grey, but model.input has 3 channels, which will be equal".to_owned(),
        ),
        _ => {}
    }
    notes.extend(session.data.notes.iter().cloned());
    let (top_k, classes) = (experiment.metrics.top_k, experiment.classes());
    // A `top_k` that is stated has its warning.
    if top_k >= classes && document.place("metrics.top_k").is_none() {
        notes.push(format!(
            "eval_top_k_accuracy will always be 1: metrics.top_k is {top_k}, and there are only {}",
            counted(classes, "class")
        ));
    }
    notes
}

fn learning_rate(session: &Session) -> String {
    let (steps, epochs) = (
        session.steps_per_epoch(),
        session.experiment.training.epochs,
    );
    let all = steps * epochs;
    let counts = format!(
        "{} steps ({} per epoch)",
        thousands(all as f64),
        thousands(steps as f64)
    );
    // Each column of the curve shows the highest rate of its steps.
    let columns = all.min(CURVE_COLUMNS);
    let rates: Vec<f64> = (0..columns)
        .map(|column| {
            highest_rate(
                session,
                column * all / columns..(column + 1) * all / columns,
            )
        })
        .collect();
    let highest = rates.iter().copied().fold(0.0, f64::max);
    let rule = session.experiment.schedule.as_ref();
    let reduction = match rule.and_then(|schedule| schedule.rule.as_ref()) {
        Some(Rule::ReduceOnPlateau(rule)) => {
            format!(", lower once {} stops improving", rule.monitor)
        }
        _ => String::new(),
    };
    if rates.iter().all(|rate| *rate == highest) {
        return format!(
            "learning rate  {} for all {counts}{reduction}\n",
            short(highest)
        );
    }
    let [first, last] = [0, all - 1].map(|step| session.learning_rate(step));
    let mut text = format!(
        "learning rate  from {} to {} over {counts},\n\
         \x20              at most {}{reduction}:\n",
        short(first),
        short(last),
        short(highest)
    );
    for line in curve(&rates, highest) {
        let _ = writeln!(text, "               {line}");
    }
    text
}

/// The highest rate of these steps; where they are many, of some that are spread over them, the last among them.
fn highest_rate(session: &Session, steps: Range<u64>) -> f64 {
    const MOST: u64 = 2000;
    let count = steps.end - steps.start;
    let tried = count.min(MOST);
    (1..=tried)
        .map(|part| session.learning_rate(steps.start + part * count / tried - 1))
        .fold(session.learning_rate(steps.start), f64::max)
}

/// A curve in blocks, the highest line first.
fn curve(values: &[f64], highest: f64) -> Vec<String> {
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let eighths = |value: f64| (value / highest * 8.0 * CURVE_LINES as f64).round() as usize;
    (0..CURVE_LINES)
        .rev()
        .map(|line| {
            let column = |value: &f64| BLOCKS[eighths(*value).saturating_sub(8 * line).min(8)];
            let line: String = values.iter().map(column).collect();
            line.trim_end().to_owned()
        })
        .collect()
}

fn time_and_memory(
    experiment: &Experiment,
    images: [usize; 2],
    read_in: Duration,
    trial: &Trial,
) -> String {
    let training = &experiment.training;
    let epochs = training.epochs;
    // A run ends with an evaluation, even where its last epoch was not evaluated.
    let evaluations = training.evaluations() + u64::from(!training.is_evaluated(epochs));
    let training_seconds = images[0] as f64 / trial.train_images_per_second;
    let eval_seconds = images[1] as f64 / trial.eval_images_per_second;
    let seconds = training_seconds + eval_seconds * evaluations as f64 / epochs as f64;
    let decimals = if seconds < 1.0 { 2 } else { 1 };
    let mut text = format!(
        "time           about {}: {:.2} s for the data, {} of {seconds:.decimals$} s,\n\
         \x20              at {} img/s training and {} img/s evaluating,\n\
         \x20              as measured just now on a few batches\n",
        human(read_in.as_secs_f64() + seconds * epochs as f64),
        read_in.as_secs_f64(),
        counted(epochs as usize, "epoch"),
        thousands(trial.train_images_per_second),
        thousands(trial.eval_images_per_second),
    );
    if let Some(peak) = trial.peak_memory_bytes {
        // What the machine has is told by other programs.
        let left = memory::available().filter(|left| left.bound != Bound::Machine);
        let left = left.map_or_else(String::new, |left| {
            format!(
                ";\n\x20              {} are {}",
                bytes(left.bytes),
                left.bound
            )
        });
        let _ = writeln!(
            text,
            "memory         about {}, including the data{left}",
            bytes(peak)
        );
    }
    text
}

fn disk(experiment: &Experiment, checkpoint_bytes: u64, needed: u64, out: &Path) -> String {
    let policy = &experiment.checkpoint;
    let free = space::available(out).map_or_else(String::new, |free| {
        format!(", which has {} free", bytes(free))
    });
    format!(
        "disk           {} at most in {}{free}:\n\
         \x20              {} newest and {} best checkpoints of {}, the one being\n\
         \x20              written, and the results\n",
        bytes(needed),
        out.display(),
        policy.keep_last,
        policy.keep_best,
        bytes(checkpoint_bytes),
    )
}

/// The real loop on two batches of each split, its directory verified and thrown away.
fn fast_dev_run(
    document: &mut Document,
    mut data: Splits,
    source: Option<Arc<Source>>,
    device: Chosen,
    verdict: &str,
) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: true };
    document.set_all(&[
        "training.epochs=1".to_owned(),
        "training.max_minutes=0".to_owned(),
    ]);
    let experiment = document.experiment()?;
    let images = 2 * experiment.training.batch_size;
    data.train.truncate(images);
    data.eval.truncate(images);
    if let Some(test) = &mut data.test {
        test.truncate(images);
    }
    let mut session = Session::new(experiment, data, device.device.clone());
    if let Some(source) = source {
        session.start_from(source);
    }
    let prepared = Prepared {
        session,
        device,
        start: None,
    };
    let folder = tempfile::tempdir()?;
    let mut interrupt = Interrupt::install()?;
    let mut begun = begin(
        document,
        prepared,
        folder.path(),
        Occasion::Run,
        &mut interrupt,
    )
    .map_err(unwrapped)?;
    let mut reporter = Reporter::of_begun(output, &begun);
    let (session, run) = (&mut begun.session, &mut begun.run);
    let end = fit(session, run, &interrupt, &mut Silent);
    let code = conclude(end, session, run, &interrupt, &mut reporter)?;
    if code != ExitCode::Done {
        return Ok(code);
    }
    let checks = verify(run.folder(), &Moves::default())?;
    let failed: Vec<String> = checks
        .iter()
        .filter_map(|check| Some(format!("{}: {}", check.what, check.problem.as_ref()?)))
        .collect();
    if !failed.is_empty() {
        print_result(&format!("FAILED  {}\n", failed.join("\nFAILED  ")))?;
        return Ok(ExitCode::CheckFailed);
    }
    print_result(&format!(
        "{verdict}: trained and evaluated two batches, wrote a checkpoint\n\
         and results, passed all {} checks of the run, and deleted it\n",
        checks.len()
    ))?;
    Ok(ExitCode::Done)
}
