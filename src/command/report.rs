//! How a training looks: a bar while it runs, two lines an epoch, the report at the end.

use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::{Output, colour};
use super::units::{human, thousands};
use crate::data::Dataset;
use crate::metrics::{EpochRecord, Scores};
use crate::run_dir::{
    Log, Phase, Prediction, PredictionRow, Results, SplitResults, Timing, Writer,
};
use crate::train::{Observer, Progress, Session};

/// Shows a training on stdout and stderr and keeps train.log.
pub struct Reporter {
    output: Output,
    log: Log,
    bar: ProgressBar,
    epochs: u64,
    /// Seconds of each epoch of this process so far.
    epoch_seconds: Vec<f64>,
}

impl Reporter {
    pub fn new(output: Output, log: Log, epochs: u64) -> Self {
        let shown = !output.quiet && std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            None,
            if shown {
                ProgressDrawTarget::stderr()
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        let template = if colour() {
            "{prefix} {wide_bar:.cyan/dim} {pos}/{len} {msg}"
        } else {
            "{prefix} {wide_bar} {pos}/{len} {msg}"
        };
        let style = ProgressStyle::with_template(template).expect("the template is well-formed");
        bar.set_style(style.progress_chars("━━─"));
        Self {
            output,
            log,
            bar,
            epochs,
            epoch_seconds: Vec::new(),
        }
    }

    /// A line on stderr and in the log.
    pub fn note(&mut self, line: &str) {
        self.bar.suspend(|| self.output.note(line));
        self.log.line(line);
    }

    /// A line on stdout and in the log.
    pub fn result(&mut self, line: &str) {
        self.bar.suspend(|| self.output.result(line));
        self.log.line(line);
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Reporter {
    fn batch(&mut self, progress: Progress) {
        let phase = match progress.phase {
            Phase::Training => "train",
            Phase::Evaluation => "eval ",
        };
        self.bar.set_length(progress.batches as u64);
        self.bar.set_position(progress.batch as u64);
        self.bar.set_prefix(format!(
            "epoch {}/{} {phase}",
            progress.epoch, progress.epochs
        ));
        let left = progress.images_left as f64 / progress.images_per_second;
        self.bar.set_message(format!(
            "{} img/s, loss {:.4}, {} left",
            thousands(progress.images_per_second),
            progress.loss,
            human(left)
        ));
    }

    fn epoch(&mut self, record: &EpochRecord, timing: &Timing) {
        let seconds = timing.train_seconds
            + timing.eval_seconds
            + timing.checkpoint_seconds.unwrap_or_default();
        self.epoch_seconds.push(seconds);
        let mean = self.epoch_seconds.iter().sum::<f64>() / self.epoch_seconds.len() as f64;
        let left = match self.epochs - record.epoch {
            0 => String::new(),
            epochs => format!(", about {} left", human(mean * epochs as f64)),
        };
        let evaluating = match record.eval {
            Some(_) => {
                let speed = thousands(timing.eval_images_per_second);
                format!(", {speed} img/s evaluating")
            }
            None => String::new(),
        };
        self.note(&format!(
            "epoch {}/{}: {seconds:.1} s, {} img/s training{evaluating}{left}",
            record.epoch,
            self.epochs,
            thousands(timing.train_images_per_second),
        ));
        self.result(&scores_line("Train", &record.train.scores()));
        if let Some(eval) = &record.eval {
            self.result(&scores_line("Eval", &eval.scores()));
        }
    }
}

/// The tutorial's line: `Train Loss: 0.4862 Acc: 0.8683 F1: 0.8675(0.8675/0.8674)`, the pair being
/// precision and recall.
fn scores_line(split: &str, scores: &Scores) -> String {
    format!(
        "{split} Loss: {:.4} Acc: {:.4} F1: {:.4}({:.4}/{:.4})",
        scores.loss, scores.accuracy, scores.f1, scores.precision, scores.recall
    )
}

/// Writes the results of a run whose epochs are all done, and prints them.
pub fn finish(
    session: &Session,
    predictions: &[Prediction],
    test: Option<&[Prediction]>,
    run: &Writer,
    reporter: &mut Reporter,
) -> anyhow::Result<()> {
    let data = &session.data;
    let names = &data.class_names;
    let test = data.test.as_ref().zip(test);
    let results = Results {
        eval: results_of(&data.eval, predictions, names),
        test: test.map(|(images, predictions)| results_of(images, predictions, names)),
        step: session.position.step,
        monitor: &session.experiment.checkpoint,
    };
    run.finish(&results)?;
    reporter.end();
    reporter.result(&format!("\n{}", results.eval.report));
    if let Some(test) = &results.test {
        let scores = test.confusion.scores(0.0);
        reporter.result(&format!(
            "Test ({} images apart)  Acc: {:.4} F1: {:.4}({:.4}/{:.4})\n\n{}",
            thousands(test.predictions.len() as f64),
            scores.accuracy,
            scores.f1,
            scores.precision,
            scores.recall,
            test.report
        ));
    }
    let epochs = session.experiment.training.epochs;
    let folder = run.folder().display();
    reporter.result(&format!("Run:  {folder}\nNext: runner show {folder}"));
    // A run that stopped early would do so again at once.
    if session.position.epoch > epochs {
        let more = epochs * 2;
        reporter.result(&format!(
            "      runner resume {folder} training.epochs={more}"
        ));
    }
    reporter.result(&format!("      runner compare {folder} <another run>"));
    Ok(())
}

/// The predictions of a split beside where its images came from, and what follows from them.
fn results_of<'a>(
    images: &'a Dataset,
    predictions: &[Prediction],
    class_names: &[String],
) -> SplitResults<'a> {
    let rows = predictions.iter().enumerate();
    let rows = rows.map(|(place, row)| PredictionRow::new(images.origin(place), row));
    SplitResults::new(rows.collect(), class_names)
}

/// What a run says that has learned all it will.
pub fn stopped_early(session: &Session) -> String {
    let epochs = session.position.epoch - 1;
    match &session.experiment.early_stop {
        Some(rule) => format!(
            "stopped early after epoch {epochs}: {} did not get better for {} epochs",
            rule.monitor, rule.patience
        ),
        None => format!("stopped early after epoch {epochs}"),
    }
}

/// What a run that was stopped says.
pub fn stopped(folder: &Path, reason: &str) -> String {
    let folder = folder.display();
    format!("stopped by {reason}; the checkpoint is written\ngo on with: runner resume {folder}")
}
