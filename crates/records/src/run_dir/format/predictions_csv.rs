//! predictions.csv and test_predictions.csv: what the network says of each image of a split.

use std::borrow::Cow;
use std::fmt::Display;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};

use super::rows;
use crate::metrics::ConfusionMatrix;

/// What the network says of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The image's class.
    pub label: u32,
    /// The class that the network takes it for.
    pub prediction: u32,
    /// The softmax probability of the prediction.
    pub probability: f32,
}

/// A row: an image and its prediction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PredictionRow<'a> {
    /// The number of the image in its source.
    pub index: u32,
    /// The file that it came from.
    pub path: Cow<'a, str>,
    /// The image's class.
    pub label: u32,
    /// The class that the network takes it for.
    pub prediction: u32,
    /// The softmax probability of the prediction.
    #[serde(serialize_with = "as_text")]
    pub probability: f32,
}

/// A float in full, where serde's CSV would write 1e-5 for 0.00001.
fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl<'a> PredictionRow<'a> {
    /// The prediction for image `index` of the file `path`.
    pub fn new((index, path): (u32, &'a str), prediction: &Prediction) -> Self {
        Self {
            index,
            path: Cow::Borrowed(path),
            label: prediction.label,
            prediction: prediction.prediction,
            probability: prediction.probability,
        }
    }
}

/// The text of the file.
pub fn text(predictions: &[PredictionRow<'_>]) -> String {
    rows::header::<PredictionRow<'_>>() + &rows::lines(predictions)
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

/// Counts the predictions in a file by label and prediction.
pub fn read_confusion(path: &Path, classes: usize) -> Result<ConfusionMatrix, Flaw> {
    let text = fs::read_to_string(path).map_err(|_| Flaw::Unreadable)?;
    let mut confusion = ConfusionMatrix::new(classes);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for (index, row) in reader.deserialize::<PredictionRow<'_>>().enumerate() {
        let row = row.map_err(|_| Flaw::Line(index + 2))?;
        let (label, prediction) = (row.label as usize, row.prediction as usize);
        if label >= classes || prediction >= classes {
            return Err(Flaw::Line(index + 2));
        }
        confusion.add(label, prediction);
    }
    Ok(confusion)
}
