//! How a training looks: a bar while it runs, two lines an epoch, the report at the end.

use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::exit::{OfRun, unwrapped};
use super::output::{Output, colour, note};
use super::start;
use super::units::{human, thousands};
use crate::exit::ExitCode;
use crate::lifecycle::{self, Begun, Conclusion, Extension, SplitReport};
use crate::metrics::{EpochRecord, Scores};
use crate::run_dir::{Log, Phase, Timing, Writer, layout};
use crate::train::{self, End, Interrupt, Observer, Progress, Session};

/// Shows a training on stdout and stderr and keeps train.log.
pub struct Reporter {
    output: Output,
    log: Log,
    bar: ProgressBar,
    /// Whether there is to be a bar, from the first batch on.
    is_shown: bool,
    epochs: u64,
    /// Seconds of each epoch of this process so far.
    epoch_seconds: Vec<f64>,
}

impl Reporter {
    pub fn new(output: Output, log: Log, epochs: u64) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
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
            is_shown: !output.quiet && std::io::stderr().is_terminal(),
            epochs,
            epoch_seconds: Vec::new(),
        }
    }

    /// A line on stderr and in the log.
    pub fn note(&mut self, line: &str) {
        self.bar.suspend(|| self.output.note(line));
        self.log.line(line);
    }

    /// A line on stderr, even when quiet, and in the log.
    fn warn(&mut self, line: &str) {
        let line = format!("warning: {line}");
        self.bar.suspend(|| note(&line));
        self.log.line(&line);
    }

    /// A line on stdout and in the log.
    pub fn result(&mut self, line: &str) {
        self.bar.suspend(|| self.output.result(line));
        self.log.line(line);
    }

    /// Shows a run that was just made.
    pub fn of_begun(output: Output, begun: &Begun) -> Self {
        let epochs = begun.session.experiment.training.epochs;
        let mut reporter = Self::new(output, begun.run.log(), epochs);
        reporter.introduce(&begun.session, &begun.run, &begun.device);
        reporter
    }

    /// What is about to be trained, and where.
    pub fn introduce(&mut self, session: &Session, run: &Writer, device: &str) {
        self.note(&format!("device: {device}"));
        self.note(&format!("data: {}", data_line(session)));
        for warning in &session.data.warnings {
            self.note(&format!("warning: {warning}"));
        }
        for line in session.start.iter().flat_map(start::lines) {
            self.note(&line);
        }
        self.note(&format!(
            "network: {} layers, {} parameters",
            session.experiment.model.layers.len(),
            thousands(session.parameter_count() as f64)
        ));
        for lost in run.lost() {
            self.warn(&lost.to_string());
        }
        self.note(&format!("run: {}", run.folder().display()));
    }

    /// The results of a run that is finished, and what to do next.
    fn results(
        &mut self,
        session: &Session,
        run: &Writer,
        eval: &SplitReport,
        test: Option<&SplitReport>,
    ) {
        self.result(&format!("\n{}", eval.text));
        if let Some(test) = test {
            let scores = &test.scores;
            self.result(&format!(
                "Test ({} images)  Acc: {:.4} F1: {:.4}({:.4}/{:.4})\n\n{}",
                thousands(test.images as f64),
                scores.accuracy,
                scores.f1,
                scores.precision,
                scores.recall,
                test.text
            ));
        }
        let epochs = session.experiment.training.epochs;
        let folder = run.folder().display();
        self.result(&format!("Run:  {folder}\nNext: runner show {folder}"));
        // A run that stopped early would do so again at once.
        if session.position.epoch > epochs {
            let mut longer = session.experiment.clone();
            longer.training.epochs *= 2;
            let more = longer.training.epochs;
            self.result(&format!(
                "      runner resume {folder} training.epochs={more}"
            ));
            if let Some(extension) = Extension::new(&longer, epochs, session.steps_per_epoch()) {
                let told = rates(&extension, run.folder());
                self.result(&textwrap::indent(&told, "        "));
            }
        }
        self.result(&format!("      runner compare {folder} <another run>"));
    }

    /// Removes the bar.
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
        // Both at once: the last batches of one phase must not be drawn among those of the next.
        self.bar.update(|bar| {
            bar.set_len(progress.batches as u64);
            bar.set_pos(progress.batch as u64);
        });
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
        if self.is_shown && self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    fn epoch(&mut self, record: &EpochRecord, timing: &Timing) {
        let seconds = timing.seconds();
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

/// Ends a run after its training and shows how it went; returns the exit code.
pub fn conclude(
    end: Result<End, train::Error>,
    session: &mut Session,
    run: &mut Writer,
    interrupt: &Interrupt,
    reporter: &mut Reporter,
) -> anyhow::Result<ExitCode> {
    reporter.end();
    if let Ok(End::Early) = end {
        reporter.note(&stopped_early(session));
    }
    let conclusion = lifecycle::conclude(end, session, run, interrupt)
        .map_err(|error| OfRun::new(run.folder(), unwrapped(error)))?;
    match conclusion {
        Conclusion::Finished { eval, test } => {
            reporter.results(session, run, &eval, test.as_ref());
            Ok(ExitCode::Done)
        }
        Conclusion::Stopped(stop) => {
            reporter.note(&stopped(run.folder(), stop.name()));
            Ok(stop.exit_code())
        }
    }
}

/// At what rates more epochs of a run in `folder` would be trained, and what to do if that is not wanted.
pub fn rates(extension: &Extension, folder: &Path) -> String {
    let Extension {
        first_epoch,
        last_epoch,
        first_rate,
        rates: [lowest, highest],
        stretched,
    } = extension;
    let rates = match (short(*lowest), short(*highest)) {
        (lowest, highest) if lowest == highest => format!("a learning rate of {lowest}"),
        (lowest, highest) => format!(
            "learning rates between {lowest} and {highest}, starting at {}",
            short(*first_rate)
        ),
    };
    let epochs = match first_epoch == last_epoch {
        true => format!("epoch {first_epoch}"),
        false => format!("epochs {first_epoch} to {last_epoch}"),
    };
    let told = format!("the schedule gives {epochs} {rates}");
    match stretched {
        None => told,
        Some(stretched) => format!(
            "{told}\nfor one schedule over all {last_epoch} epochs, start a new run:\n  runner run {} \
             training.epochs={last_epoch} {stretched}",
            folder.join(layout::RESOLVED).display()
        ),
    }
}

/// A learning rate with three significant digits, which are enough to read.
pub fn short(rate: f64) -> String {
    let rounded: f64 = format!("{rate:.2e}").parse().unwrap_or(rate);
    format!("{rounded:?}")
}

/// The message of a run that `early_stop` ended.
pub fn stopped_early(session: &Session) -> String {
    let epochs = session.position.epoch - 1;
    match &session.experiment.early_stop {
        Some(rule) => format!(
            "stopped early after epoch {epochs}: {} did not improve for {} epochs",
            rule.monitor, rule.patience
        ),
        None => format!("stopped early after epoch {epochs}"),
    }
}

/// The message of a run that was stopped.
pub fn stopped(folder: &Path, reason: &str) -> String {
    let folder = folder.display();
    format!("stopped by {reason}; the checkpoint is written\nto continue: runner resume {folder}")
}

/// The data in one line.
pub fn data_line(session: &Session) -> String {
    let data = &session.data;
    let [channels, height, width] = session.experiment.model.input;
    let test = data.test.as_ref().map_or_else(String::new, |test| {
        format!(", {} for the final test,", thousands(test.len() as f64))
    });
    format!(
        "{} training and {} evaluation images{test} of {channels}x{height}x{width} in {} classes",
        thousands(data.train.len() as f64),
        thousands(data.eval.len() as f64),
        data.class_names.len()
    )
}
