//! predictions.csv and its like: what the network says of each image of a split.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::rows;
use crate::metrics::ConfusionMatrix;
use crate::run_dir::layout;

/// What the network says of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The image's class.
    pub label: u32,
    /// The class that the network takes it for.
    pub prediction: u32,
    /// The softmax probability of the prediction.
    pub probability: f32,
    /// That of every class; `None` unless `log.probabilities` asks for it.
    pub probabilities: Option<Vec<f32>>,
}

/// A row: an image and its prediction.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionRow<'a> {
    /// The number of the image in its source.
    pub index: u32,
    /// The file that it came from.
    pub path: Cow<'a, str>,
    /// What the network says of it.
    pub said: &'a Prediction,
}

/// The columns of every file.
const COLUMNS: [&str; 7] = [
    "index",
    "path",
    "label",
    "label_name",
    "prediction",
    "prediction_name",
    "probability",
];

/// The columns of runs of older versions.
const OLD_COLUMNS: [&str; 5] = ["index", "path", "label", "prediction", "probability"];

impl<'a> PredictionRow<'a> {
    /// The prediction for image `index` of the file `path`.
    pub fn new((index, path): (u32, &'a str), said: &'a Prediction) -> Self {
        Self {
            index,
            path: Cow::Borrowed(path),
            said,
        }
    }

    /// Floats are written in full, as 0.00001 and not as 1e-5.
    fn cells(&self, class_names: &[String]) -> Vec<String> {
        let said = self.said;
        let name = |class: u32| class_names[class as usize].clone();
        let mut cells = vec![
            self.index.to_string(),
            self.path.clone().into_owned(),
            said.label.to_string(),
            name(said.label),
            said.prediction.to_string(),
            name(said.prediction),
            said.probability.to_string(),
        ];
        let all = said.probabilities.iter().flatten();
        cells.extend(all.map(f32::to_string));
        cells
    }
}

/// The first line: with a column for the probability of each class where `is_all`.
fn header(class_names: &[String], is_all: bool) -> Vec<String> {
    let mut header: Vec<String> = COLUMNS.map(str::to_owned).to_vec();
    if is_all {
        header.extend(class_names.iter().map(|name| format!("probability_{name}")));
    }
    header
}

/// The text of the file.
pub fn text(predictions: &[PredictionRow<'_>], class_names: &[String]) -> String {
    let is_all = predictions
        .first()
        .is_some_and(|row| row.said.probabilities.is_some());
    let mut text = rows::line(&header(class_names, is_all));
    for row in predictions {
        text.push_str(&rows::line(&row.cells(class_names)));
    }
    text
}

/// What is wrong with a file of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It is not there, or not text.
    #[error("cannot be read")]
    Unreadable,
    /// Line `.0` is not a prediction of one of the classes.
    #[error("line {0} is not a prediction")]
    Line(usize),
}

/// What is read of a row, whatever other columns there are.
#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "index")]
    _index: u32,
    label: usize,
    label_name: Option<String>,
    prediction: usize,
    prediction_name: Option<String>,
    #[serde(rename = "probability")]
    _probability: f32,
}

/// What a run has said of an image, by the names of classes.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPrediction {
    /// The number of the image in its source.
    pub index: u32,
    /// The file that it came from.
    pub path: String,
    /// The image's class.
    pub label: String,
    /// The class that the network took it for.
    pub prediction: String,
    /// The softmax probability of the prediction.
    pub probability: f32,
}

#[derive(Deserialize)]
struct NamedRow {
    index: u32,
    path: String,
    label: String,
    label_name: Option<String>,
    prediction: String,
    prediction_name: Option<String>,
    probability: f32,
}

/// Reads the predictions.csv of a run; `None` where there is none.
///
/// # Errors
///
/// What is wrong with the file, in words.
pub fn read_predictions(folder: &Path) -> Result<Option<Vec<StoredPrediction>>, String> {
    let path = folder.join(layout::PREDICTIONS);
    if !path.exists() {
        return Ok(None);
    }
    let damaged = |error: csv::Error| format!("{}: {error}", layout::PREDICTIONS);
    let mut reader = csv::Reader::from_path(path).map_err(damaged)?;
    let rows = reader.deserialize().map(|row| {
        let row: NamedRow = row.map_err(damaged)?;
        Ok(StoredPrediction {
            index: row.index,
            path: row.path,
            // Older versions have numbers alone.
            label: row.label_name.unwrap_or(row.label),
            prediction: row.prediction_name.unwrap_or(row.prediction),
            probability: row.probability,
        })
    });
    rows.collect::<Result<_, _>>().map(Some)
}

/// Counts the predictions in a file by label and prediction.
pub fn read_confusion(path: &Path, class_names: &[String]) -> Result<ConfusionMatrix, Flaw> {
    let text = fs::read_to_string(path).map_err(|_| Flaw::Unreadable)?;
    let mut confusion = ConfusionMatrix::new(class_names.len());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns: Vec<String> = match reader.headers() {
        Ok(columns) => columns.iter().map(str::to_owned).collect(),
        Err(_) => return Err(Flaw::Line(1)),
    };
    let is_known = [false, true].map(|is_all| header(class_names, is_all) == columns);
    if !is_known.contains(&true) && columns != OLD_COLUMNS {
        return Err(Flaw::Line(1));
    }
    for (index, row) in reader.deserialize::<Stored>().enumerate() {
        let flaw = Flaw::Line(index + 2);
        let row = row.map_err(|_| flaw)?;
        for (class, name) in [
            (row.label, &row.label_name),
            (row.prediction, &row.prediction_name),
        ] {
            let own = class_names.get(class).ok_or(flaw)?;
            if name.as_ref().is_some_and(|name| name != own) {
                return Err(flaw);
            }
        }
        confusion.add(row.label, row.prediction);
    }
    Ok(confusion)
}
