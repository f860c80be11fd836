//! A trained network held against labelled images: those of its run again, or any others.

use std::path::{Path, PathBuf};

use super::unchanged::{Asked, check_data, check_evaluable, elsewhere};
use super::{DataError, Error, Refusal, Trained};
use crate::config::{Document, Experiment, LANGUAGE, Normalize, OnResume};
use crate::data::{self, Batches, Dataset, LoadError, OtherSet, Role, Splits, Watch};
use crate::metrics::Evaluation;
use crate::run_dir::{
    self, Choice, DataFile, EvaluationRecord, Moves, Prediction, PredictionRow, SplitResults,
    SplitScores, now, write_evaluation,
};
use crate::train::{Interrupt, Stop, evaluate_all};

/// What is to be evaluated.
#[derive(Debug, Clone, Copy)]
pub struct Examination<'a> {
    /// The run's directory.
    pub folder: &'a Path,
    /// `key=value`: other images, how they are prepared, and what is scored.
    pub overrides: &'a [String],
    /// Which weights.
    pub choice: &'a Choice,
    /// Threads that compute; one a processor unless stated.
    pub threads: Option<u16>,
    /// The new folder for the results; one below the run unless stated.
    pub out: Option<&'a Path>,
}

/// How an evaluation ended.
pub enum Examined {
    /// All images are evaluated, the results written.
    Done(Box<Findings>),
    /// Something asked for a stop; nothing is written.
    Stopped(Stop),
}

/// What came out.
pub struct Findings {
    /// The network.
    pub trained: Trained,
    /// The folder of the results.
    pub folder: PathBuf,
    /// What evaluation.json says.
    pub record: EvaluationRecord,
    /// scikit-learn's classification reports: of the evaluation images or the other set, and of the test images.
    pub reports: Vec<(Role, String)>,
    /// What a user should know.
    pub warnings: Vec<String>,
}

/// Evaluates the network of a run on its own images, wherever they are now, or on others; writes the results. Both watches
/// are told how many images are done.
///
/// # Errors
/// Where the run, its checkpoint or its data cannot be used, or the results cannot be written.
pub fn examine(
    asked: Examination<'_>,
    interrupt: &Interrupt,
    reading: Watch<'_>,
    evaluating: Watch<'_>,
) -> Result<Examined, Error> {
    let (mut document, before) = run_dir::document(asked.folder)?;
    let places_before = document.data_places();
    document.set_all(asked.overrides);
    let after = document.experiment()?;
    check_evaluable(&before, &after)?;
    let trained = Trained::open(
        asked.folder,
        asked.choice,
        Some(after.device),
        asked.threads,
    )?;
    let mut places = document.data_places();
    places.retain(|place| !places_before.contains(place));
    // Of several that are named the one for evaluation is meant.
    places.sort_by_key(|(key, _)| *key != Role::Eval.name());
    let subject = Subject::load(&trained, &after, places.first(), reading);
    let subject = subject.map_err(|error| error.told(&document))?;
    let mut results = Vec::new();
    for (role, images) in &subject.splits {
        let exam = Exam::new(&trained, &after, images);
        match exam.take(interrupt, evaluating)? {
            Ok((predictions, evaluation)) => results.push(Outcome {
                role: *role,
                images,
                predictions,
                evaluation,
            }),
            Err(stop) => return Ok(Examined::Stopped(stop)),
        }
    }
    let record = record(asked, &trained, &subject, &results);
    let names = trained.class_names();
    let mut written = results.iter().map(|outcome| outcome.written(names));
    let eval = written.next().expect("one split at least");
    let test = written.next();
    let folder = write_evaluation(
        asked.folder,
        asked.out,
        &record,
        names,
        &eval,
        test.as_ref(),
    )?;
    let reports = [Some(eval.report), test.map(|test| test.report)];
    let roles = results.iter().map(|outcome| outcome.role);
    let reports = roles.zip(reports.into_iter().flatten()).collect();
    Ok(Examined::Done(Box::new(Findings {
        folder,
        record,
        reports,
        warnings: [subject.warnings, otherwise(&before, &after)].concat(),
        trained,
    })))
}

/// Says that images are prepared in another way than in the run.
fn otherwise(before: &Experiment, after: &Experiment) -> Vec<String> {
    let changes = before.changes(after).into_iter();
    let of_images = changes.filter(|change| {
        change.key.starts_with("data.") && LANGUAGE.on_resume(&change.key) == OnResume::Fixed
    });
    let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
    let told = of_images.map(|change| {
        format!(
            "images are not as in the run: {} is {} and was {}",
            change.key,
            told(&change.is),
            told(&change.was)
        )
    });
    told.collect()
}

/// What evaluation.json says.
fn record(
    asked: Examination<'_>,
    trained: &Trained,
    subject: &Subject,
    results: &[Outcome<'_>],
) -> EvaluationRecord {
    let mut scores = results
        .iter()
        .map(|outcome| SplitScores::new(outcome.images.len(), &outcome.evaluation));
    let weights = &trained.weights;
    let checkpoint = weights.file.strip_prefix(asked.folder);
    EvaluationRecord {
        run_id: trained.run.identity.run_id.clone(),
        checkpoint: checkpoint.unwrap_or(&weights.file).display().to_string(),
        checkpoint_digest: weights.digest.clone(),
        averaged: weights.is_averaged,
        overrides: asked.overrides.to_vec(),
        own_data: subject.is_own,
        data_files: subject.files.clone(),
        eval: scores.next().expect("one split at least"),
        test: scores.next(),
        unknown_classes: subject.unknown.iter().cloned().collect(),
        missing_classes: subject.missing.clone(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        backend: trained.device.backend.to_owned(),
        created_at: now(),
    }
}

/// What came of one split.
struct Outcome<'a> {
    role: Role,
    images: &'a Dataset,
    predictions: Vec<Prediction>,
    evaluation: Evaluation,
}

impl Outcome<'_> {
    /// The same as its files have it.
    fn written(&self, class_names: &[String]) -> SplitResults<'_> {
        let rows = self.predictions.iter().enumerate();
        let rows = rows
            .map(|(index, prediction)| PredictionRow::new(self.images.origin(index), prediction));
        SplitResults::new(rows.collect(), class_names)
    }
}

/// The images that a network is held against.
struct Subject {
    /// The evaluation images and, if there are some, the test images; of another set the one split that is taken.
    splits: Vec<(Role, Dataset)>,
    files: Vec<DataFile>,
    /// Whether they are the run's own.
    is_own: bool,
    unknown: Vec<(String, usize)>,
    missing: Vec<String>,
    warnings: Vec<String>,
}

/// Why there are no images.
enum Unusable {
    /// Those of the run are not there, or others.
    Own(Refusal),
    /// Something else is wrong with the run.
    Run(Error),
    /// The other ones cannot be used.
    Other(LoadError),
}

impl Unusable {
    fn told(self, document: &Document) -> Error {
        match self {
            Self::Own(refusal) => refusal.into(),
            Self::Run(error) => error,
            Self::Other(error) => DataError::new(document, error).into(),
        }
    }
}

impl Subject {
    /// The run's own images, if no other place is named or they are there now; else all labelled images at the place.
    fn load(
        trained: &Trained,
        after: &Experiment,
        named: Option<&(&'static str, String)>,
        watch: Watch<'_>,
    ) -> Result<Self, Unusable> {
        match (Self::own(trained, after, watch), named) {
            (Err(_), Some((key, place))) => {
                let other = Self::other(trained, after, Path::new(place), watch);
                other.map_err(|error| Unusable::Other(LoadError::at(key)(error)))
            }
            (own, _) => own,
        }
    }

    fn own(trained: &Trained, after: &Experiment, watch: Watch<'_>) -> Result<Self, Unusable> {
        let (folder, identity) = (&trained.run.folder, &trained.run.identity);
        let asked = Asked {
            command: "evaluate",
            folder,
            data: &after.data,
        };
        let data = Splits::load(&after.data, after.model.input, after.classes(), watch)
            .map_err(|error| Unusable::Own(elsewhere(&error, identity, asked)))?;
        let moves = Moves::new(folder, &after.data).map_err(|error| Unusable::Run(error.into()))?;
        check_data(identity, &data, &moves, asked).map_err(Unusable::Own)?;
        let mut splits = vec![(Role::Eval, data.eval)];
        splits.extend(data.test.map(|test| (Role::Test, test)));
        Ok(Self {
            splits,
            files: data.files,
            is_own: true,
            unknown: Vec::new(),
            missing: Vec::new(),
            warnings: Vec::new(),
        })
    }

    fn other(
        trained: &Trained,
        after: &Experiment,
        place: &Path,
        watch: Watch<'_>,
    ) -> Result<Self, data::Error> {
        let bits = trained.run.identity.found_bits;
        let names = trained.class_names();
        let set = OtherSet::load(place, &after.data, after.model.input, names, bits, watch)?;
        Ok(Self {
            splits: vec![(set.role, set.images)],
            files: set.files,
            is_own: false,
            unknown: set.unknown,
            missing: set.missing,
            warnings: set.warnings,
        })
    }
}

/// A network before images.
struct Exam<'a> {
    trained: &'a Trained,
    experiment: &'a Experiment,
    images: &'a Dataset,
}

impl<'a> Exam<'a> {
    fn new(trained: &'a Trained, experiment: &'a Experiment, images: &'a Dataset) -> Self {
        Self {
            trained,
            experiment,
            images,
        }
    }

    /// What is said of each image, with all scores; or why it stopped.
    fn take(
        &self,
        interrupt: &Interrupt,
        watch: Watch<'_>,
    ) -> Result<Result<(Vec<Prediction>, Evaluation), Stop>, Error> {
        let Experiment {
            data,
            model,
            training,
            metrics,
            log,
            ..
        } = self.experiment;
        let moments = match &data.normalize {
            Some(Normalize::Stated(moments)) => Some(moments.clone()),
            Some(Normalize::Auto) => self.trained.run.identity.normalize.clone(),
            None => None,
        };
        let size = training.batch_size;
        let batches = Batches::in_order(self.images, data, moments, model.input, size);
        let classes = self.trained.class_names().len();
        let mut evaluation = Evaluation::new(classes, metrics.top_k, metrics.calibration_bins);
        let mut predictions = Vec::with_capacity(self.images.len());
        let Trained {
            network, device, ..
        } = self.trained;
        let stop = evaluate_all(network, &batches, &device.device, interrupt, |outcome| {
            evaluation.add(outcome.loss, &outcome.scores);
            predictions.extend(outcome.predictions(log.probabilities));
            watch(predictions.len(), self.images.len());
        })?;
        Ok(match stop {
            Some(stop) => Err(stop),
            None => Ok((predictions, evaluation)),
        })
    }
}
