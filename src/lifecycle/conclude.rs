//! The end of a training: results written where all epochs are done, what happened noted in any case.

use super::Error;
use crate::data::{Dataset, Role};
use crate::metrics::Scores;
use crate::run_dir::{Event, Prediction, PredictionRow, Results, SplitResults, Writer};
use crate::train::{self, End, Interrupt, Predicted, Session, Stop};

/// How a training ended, without an error.
#[derive(Debug)]
pub enum Conclusion {
    /// All epochs are done, or as many as were worth it; the results are written.
    Finished {
        /// What was said of the evaluation images.
        eval: SplitReport,
        /// Of the images for the last evaluation, where there are some.
        test: Option<SplitReport>,
    },
    /// Something asked for a stop; the checkpoint is written.
    Stopped(Stop),
}

/// What the last evaluation said of one split.
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
    let step = session.position.step;
    let end = end.inspect_err(|error| {
        // The first error is the one to tell, whether or not it can be noted.
        let _ = run.event(Event::Failed {
            step,
            reason: error.to_string(),
        });
    })?;
    let conclusion = match end {
        End::Stopped(stop) => Conclusion::Stopped(stop),
        End::Complete | End::Early => finish(session, run, interrupt)?,
    };
    if let Conclusion::Stopped(stop) = &conclusion {
        let reason = stop.name().to_owned();
        run.event(Event::Stopped { step, reason })?;
    }
    Ok(conclusion)
}

/// Writes the results of a run whose epochs are all done.
fn finish(session: &Session, run: &Writer, interrupt: &Interrupt) -> Result<Conclusion, Error> {
    let eval = match session.predict(Role::Eval, interrupt)? {
        Predicted::All(predictions) => predictions,
        Predicted::Stopped(stop) => return Ok(Conclusion::Stopped(stop)),
        Predicted::Nothing => unreachable!("there are always evaluation images"),
    };
    let test = match session.predict(Role::Test, interrupt)? {
        Predicted::All(predictions) => Some(predictions),
        Predicted::Stopped(stop) => return Ok(Conclusion::Stopped(stop)),
        Predicted::Nothing => None,
    };
    let names = &session.data.class_names;
    let test = session.data.test.as_ref().zip(test.as_deref());
    let results = Results {
        eval: results_of(&session.data.eval, &eval, names),
        test: test.map(|(images, predictions)| results_of(images, predictions, names)),
        step: session.position.step,
        monitor: &session.experiment.checkpoint,
    };
    run.finish(&results)?;
    Ok(Conclusion::Finished {
        eval: report(results.eval),
        test: results.test.map(report),
    })
}

/// Joins the predictions of a split with the origins of its images, and computes the results from them.
fn results_of<'a>(
    images: &'a Dataset,
    predictions: &[Prediction],
    class_names: &[String],
) -> SplitResults<'a> {
    let rows = predictions.iter().enumerate();
    let rows = rows.map(|(place, row)| PredictionRow::new(images.origin(place), row));
    SplitResults::new(rows.collect(), class_names)
}

fn report(split: SplitResults<'_>) -> SplitReport {
    SplitReport {
        images: split.predictions.len(),
        scores: split.confusion.scores(0.0),
        text: split.report,
    }
}
