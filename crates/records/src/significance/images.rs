//! What two runs say of the same images.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use runner_statistics::bootstrap::Pair;

use crate::run_dir::{Identity, StoredPrediction, eval_images, read_predictions};

/// The predictions of two runs for each image that both were evaluated on: all of them.
#[derive(Debug)]
pub struct SameImages {
    /// Of the first run, in its order.
    pub first: Vec<StoredPrediction>,
    /// Of the second, in the order of the first.
    pub second: Vec<StoredPrediction>,
}

/// Why two runs cannot be held against each other image by image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpaired {
    /// A run has no predictions, since it is not finished or is a file of metrics on its own.
    #[error("{0} has no predictions.csv: only a finished run has one")]
    NoPredictions(String),
    /// They were evaluated on different images.
    #[error("they were evaluated on different images: {0}")]
    OtherImages(String),
    /// The file of predictions cannot be read.
    #[error("{0}")]
    Damaged(String),
}

impl SameImages {
    /// Reads the predictions of both runs, each with its name, and brings those of the second into the order of the first. Images
    /// are the same if their checksums are, or those of the file that holds them and their number in it.
    ///
    /// # Errors
    ///
    /// Where a run has none, or the images are not the same.
    pub fn read(runs: [(&str, &Path); 2]) -> Result<Self, Unpaired> {
        let [first, second] = [Side::read(runs[0])?, Side::read(runs[1])?];
        let other = |missing: usize, of: usize| {
            Unpaired::OtherImages(format!(
                "{missing} of the {of} images of {} are not among those of {}",
                runs[0].0, runs[1].0
            ))
        };
        let places: HashMap<&Key, usize> = second.keys.iter().zip(0..).collect();
        let found: Vec<Option<usize>> = first
            .keys
            .iter()
            .map(|key| places.get(key).copied())
            .collect();
        let missing = found.iter().filter(|place| place.is_none()).count();
        if missing > 0 {
            return Err(other(missing, first.keys.len()));
        }
        if second.keys.len() != first.keys.len() {
            return Err(Unpaired::OtherImages(format!(
                "{} has {} images, {} {}",
                runs[0].0,
                first.keys.len(),
                runs[1].0,
                second.keys.len()
            )));
        }
        let in_order = found.into_iter().flatten();
        Ok(Self {
            second: in_order.map(|place| second.said[place].clone()).collect(),
            first: first.said,
        })
    }

    /// The pairs with one numbering of the names of classes, and the number of classes.
    pub fn pairs(&self) -> (Vec<Pair>, usize) {
        let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
        for said in self.first.iter().chain(&self.second) {
            for name in [&said.label, &said.prediction] {
                let next = numbers.len() as u32;
                numbers.entry(name).or_insert(next);
            }
        }
        let pairs = self
            .first
            .iter()
            .zip(&self.second)
            .map(|(first, second)| Pair {
                label: numbers[first.label.as_str()],
                first: numbers[first.prediction.as_str()],
                second: numbers[second.prediction.as_str()],
            });
        (pairs.collect(), numbers.len())
    }
}

/// What tells an image: a checksum, the number in its file, and its class.
type Key = (String, u32, String);

struct Side {
    keys: Vec<Key>,
    said: Vec<StoredPrediction>,
}

impl Side {
    fn read((name, folder): (&str, &Path)) -> Result<Self, Unpaired> {
        let damaged = |why: String| Unpaired::Damaged(format!("{name}: {why}"));
        let said = read_predictions(folder).map_err(damaged)?;
        let said = said.ok_or_else(|| Unpaired::NoPredictions(name.to_owned()))?;
        let identity = Identity::read(folder).map_err(|error| damaged(error.to_string()))?;
        let own_files = eval_images(folder).map_err(damaged)?;
        let checksum = |path: &str| -> Option<(String, bool)> {
            if let Some(sha256) = own_files.get(path) {
                return Some((sha256.clone(), true));
            }
            let mut files = identity.data_files.iter();
            let file = files.find(|file| file.path == path)?;
            Some((file.sha256.clone(), false))
        };
        let keys = said.iter().map(|said| {
            let (sha256, is_own_file) = checksum(&said.path).unwrap_or((said.path.clone(), false));
            let index = if is_own_file { 0 } else { said.index };
            (sha256, index, said.label.clone())
        });
        Ok(Self {
            keys: keys.collect(),
            said,
        })
    }
}
