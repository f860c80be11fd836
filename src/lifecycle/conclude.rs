//! The end of a training: results written where all epochs are done, what happened noted in any case.

use super::Error;
use crate::data::{Dataset, Role, Splits};
use crate::memory;
use crate::metrics::Scores;
use crate::model::Network;
use crate::run_dir::{
    self, BestResults, Cause, Checkpoint, Event, Prediction, PredictionRow, Results, SplitResults,
    Writer, best_checkpoint, layout,
};
use crate::train::{self, End, Interrupt, Predicted, Session, Stop};

/// How a training ended, without an error.
#[derive(Debug)]
pub enum Conclusion {
    /// All epochs are done, or as many as were worth it; the results are written.
    Finished {
        /// Scores and report of the evaluation images.
        eval: SplitReport,
        /// The same for the test images, if there are any.
        test: Option<SplitReport>,
    },
    /// Something asked for a stop; the checkpoint is written.
    Stopped(Stop),
}

/// The result of the last evaluation of one split.
#[derive(Debug)]
pub struct SplitReport {
    /// How many images there are.
    pub images: usize,
    /// Their scores; the loss is not among them.
    pub scores: Scores,
    /// scikit-learn's classification report.
    pub text: String,
}

/// Ends a run after [`fit`](crate::train::fit): writes the results where all epochs are done, otherwise notes
/// in the run's events why it ended.
///
/// # Errors
/// Why the training failed, which is noted in the run's events; or why its results cannot be made or
/// written. All epochs are in a checkpoint then, and a resume writes the results.
pub fn conclude(
    end: Result<End, train::Error>,
    session: &mut Session,
    run: &mut Writer,
    interrupt: &Interrupt,
) -> Result<Conclusion, Error> {
    let concluded = note(end, session, run, interrupt);
    memory::nothing_before_the_end();
    concluded
}

fn note(
    end: Result<End, train::Error>,
    session: &mut Session,
    run: &mut Writer,
    interrupt: &Interrupt,
) -> Result<Conclusion, Error> {
    let step = session.position.step;
    let end = end.inspect_err(|error| {
        // The first error is the one to tell, whether or not it can be noted.
        let _ = run.event(Event::Failed {
            step,
            cause: Some(cause(error)),
            reason: error.to_string(),
        });
    })?;
    let conclusion = match end {
        End::Stopped(stop) => Conclusion::Stopped(stop),
        End::Complete | End::Early => match finish(session, run, interrupt) {
            Ok(conclusion) => conclusion,
            Err(Halt::Stop(stop)) => Conclusion::Stopped(stop),
            Err(Halt::Error(error)) => return Err(error),
        },
    };
    if let Conclusion::Stopped(stop) = &conclusion {
        let reason = stop.name().to_owned();
        run.event(Event::Stopped { step, reason })?;
    }
    Ok(conclusion)
}

/// The kind of an error, as the events record it.
fn cause(error: &train::Error) -> Cause {
    match error {
        train::Error::Diverged { .. } | train::Error::RunDir(run_dir::Error::NotFinite { .. }) => {
            Cause::Diverged
        }
        train::Error::RunDir(run_dir::Error::Io(error)) if error.is_disk_full() => Cause::DiskFull,
        _ => Cause::Other,
    }
}

/// Why results are not written.
enum Halt {
    /// Something asked for it.
    Stop(Stop),
    /// Something failed.
    Error(Error),
}

impl<E: Into<Error>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Writes the results of a run whose epochs are all done.
fn finish(session: &Session, run: &Writer, interrupt: &Interrupt) -> Result<Conclusion, Halt> {
    let names = &session.data.class_names;
    let last = Predictions::new(|role| session.predict(role, interrupt))?;
    let best = best(session, run)?;
    let of_best = match best.as_ref().and_then(|best| best.network.as_ref()) {
        Some(network) => Some(Predictions::new(|role| {
            session.predict_with(network, role, interrupt)
        })?),
        None => None,
    };
    let (eval, test) = last.rows(&session.data);
    let results = Results {
        eval: SplitResults::new(eval, names),
        test: test.map(|rows| SplitResults::new(rows, names)),
        best: best.map(|best| {
            let (eval, test) = of_best.as_ref().unwrap_or(&last).rows(&session.data);
            BestResults {
                checkpoint: best.checkpoint,
                eval,
                test,
            }
        }),
        planned_epochs: session.experiment.training.epochs,
        step: session.position.step,
        monitor: &session.experiment.checkpoint,
    };
    run.finish(&results)?;
    Ok(Conclusion::Finished {
        eval: report(results.eval),
        test: results.test.map(report),
    })
}

/// The predictions of a network for all images.
struct Predictions {
    eval: Vec<Prediction>,
    test: Option<Vec<Prediction>>,
}

impl Predictions {
    fn new(predict: impl Fn(Role) -> Result<Predicted, train::Error>) -> Result<Self, Halt> {
        let predict = |role| match predict(role)? {
            Predicted::All(predictions) => Ok(Some(predictions)),
            Predicted::Stopped(stop) => Err(Halt::Stop(stop)),
            Predicted::Nothing => Ok(None),
        };
        Ok(Self {
            eval: predict(Role::Eval)?.expect("there are always evaluation images"),
            test: predict(Role::Test)?,
        })
    }

    /// The predictions with the origins of the images; of the evaluation and of the test.
    fn rows<'a>(
        &'a self,
        data: &'a Splits,
    ) -> (Vec<PredictionRow<'a>>, Option<Vec<PredictionRow<'a>>>) {
        let rows = |images: &'a Dataset, predictions: &'a [Prediction]| {
            let numbered = predictions.iter().enumerate();
            numbered
                .map(|(index, prediction)| PredictionRow::new(images.origin(index), prediction))
                .collect()
        };
        let test = data.test.as_ref().zip(self.test.as_deref());
        (
            rows(&data.eval, &self.eval),
            test.map(|(images, predictions)| rows(images, predictions)),
        )
    }
}

/// The best checkpoint that is there.
struct Best {
    /// The name of its file.
    checkpoint: String,
    /// What it holds; `None` where that is the network as it stands.
    network: Option<Network>,
}

/// The best checkpoint; `None` where there is none, or it is damaged, which `verify` tells.
fn best(session: &Session, run: &Writer) -> Result<Option<Best>, Error> {
    let monitor = &session.experiment.checkpoint.monitor;
    let Some(checkpoint) = best_checkpoint(run.folder(), &run.metrics(), monitor)? else {
        return Ok(None);
    };
    if checkpoint == session.position.file_name() {
        return Ok(Some(Best {
            checkpoint,
            network: None,
        }));
    }
    let path = run.folder().join(layout::CHECKPOINTS).join(&checkpoint);
    let Ok((read, _)) = Checkpoint::read(&path) else {
        return Ok(None);
    };
    Ok(Some(Best {
        checkpoint,
        network: Some(session.network_of(&read)?),
    }))
}

fn report(split: SplitResults<'_>) -> SplitReport {
    SplitReport {
        images: split.predictions.len(),
        scores: split.confusion.scores(0.0),
        text: split.report,
    }
}
