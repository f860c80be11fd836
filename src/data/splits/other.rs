//! A labelled set that is none of a run's splits, with its classes brought to those of the run by their names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::classes::some_of;
use super::dataset::Dataset;
use super::load::{SplitsBuilder, memory_limit};
use crate::config;
use crate::data::pixels::images::MemoryBudget;
use crate::data::pixels::load::limit_decoders;
use crate::data::pixels::scan::{ImageSpec, Watch};
use crate::data::sources;
use crate::data::sources::labelled::LabelledImages;
use crate::data::sources::labels::Labels;
use crate::data::{Error, Role};
use crate::run_dir::DataFile;

/// The images of such a set.
#[derive(Debug)]
pub struct OtherSet {
    /// Those whose class is one of the run's.
    pub images: Dataset,
    /// What the set calls them; training images where it has no other.
    pub role: Role,
    /// The files that they are from.
    pub files: Vec<DataFile>,
    /// Classes of the set that the run does not have, and the number of their images, which are left out.
    pub unknown: Vec<(String, usize)>,
    /// Classes of the run that the set has no image of.
    pub missing: Vec<String>,
    /// What a user should know.
    pub warnings: Vec<String>,
}

impl OtherSet {
    /// Loads the labelled images at a place, prepared as `data` says, for a network of `input` (channels, height, width)
    /// that tells these classes. Where the place has several splits, those for evaluation are taken before those for
    /// the test, before those for training. Of samples of 16 bits so many `bits` are used, if the run found that out.
    ///
    /// # Errors
    ///
    /// If nothing of a known format is there, its images cannot be used, or none is of one of the classes.
    pub fn load(
        place: &Path,
        data: &config::Data,
        input: [usize; 3],
        class_names: &[String],
        bits: Option<u32>,
        watch: Watch<'_>,
    ) -> Result<Self, Error> {
        let columns = data.columns.clone().unwrap_or_default();
        let mut found = sources::all_splits(place, data.format, &columns)?;
        found.sort_by_key(|(role, _)| match role {
            Role::Eval => 0,
            Role::Test => 1,
            Role::Train => 2,
        });
        let (role, source) = found.swap_remove(0);
        let mut labelled = source.list()?;
        let own = Classes::renumber(&mut labelled, class_names);
        own.check(place, class_names)?;
        let spec = ImageSpec::of(data, input);
        let spec = ImageSpec {
            bits: bits.unwrap_or(spec.bits),
            ..spec
        };
        let budget = MemoryBudget::new(memory_limit(data));
        limit_decoders();
        let mut set = SplitsBuilder::default();
        set.load(role, labelled, spec, data, &budget, watch)?;
        set.refuse_unusable(data, spec)
            .map_err(|error| error.error)?;
        let all = set.take(role).expect("it was just loaded");
        let known = (0..all.len()).filter(|image| all.labels[*image] != UNKNOWN);
        let images = all.only(&known.collect::<Vec<usize>>());
        let skipped = set.skipped();
        Ok(Self {
            images,
            role,
            files: set.files,
            unknown: own.unknown,
            missing: own.missing,
            warnings: set.warnings.into_iter().chain(skipped).collect(),
        })
    }
}

/// Stands for a class that the run does not have.
const UNKNOWN: u32 = u32::MAX;

/// How the classes of a set go with those of a run.
struct Classes {
    /// Those that the run does not have, and the number of their images.
    unknown: Vec<(String, usize)>,
    /// Those that only the run has.
    missing: Vec<String>,
}

impl Classes {
    /// Gives each image the number that the run has for the name of its class, or [`UNKNOWN`]. A label that is a number
    /// is its own name.
    fn renumber(labelled: &mut LabelledImages, class_names: &[String]) -> Self {
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for label in labelled.labels.numbers() {
            *counts.entry(*label).or_default() += 1;
        }
        let name = |label: u32| match &labelled.labels {
            Labels::Names { classes, .. } => classes[label as usize].clone(),
            Labels::Numbers(_) => label.to_string(),
        };
        let number_of = |name: String| class_names.iter().position(|it| *it == name);
        let numbers = counts.keys().map(|label| (*label, number_of(name(*label))));
        let numbers: BTreeMap<u32, Option<usize>> = numbers.collect();
        let found: BTreeSet<usize> = numbers.values().flatten().copied().collect();
        let missing = (0..class_names.len()).filter(|number| !found.contains(number));
        let missing = missing.map(|number| class_names[number].clone()).collect();
        let unknown = counts.iter().filter(|(label, _)| numbers[label].is_none());
        let unknown = unknown
            .map(|(label, count)| (name(*label), *count))
            .collect();
        let labels = labelled.labels.numbers().iter();
        let labels = labels
            .map(|label| numbers[label].map_or(UNKNOWN, |number| number as u32))
            .collect();
        labelled.labels = Labels::Numbers(labels);
        Self { unknown, missing }
    }

    /// Refuses a set that has no class of the run.
    fn check(&self, place: &Path, class_names: &[String]) -> Result<(), Error> {
        if self.missing.len() < class_names.len() {
            return Ok(());
        }
        let names: Vec<String> = self.unknown.iter().map(|(name, _)| name.clone()).collect();
        Err(Error::Mismatch {
            path: place.to_owned(),
            what: format!(
                "its classes are {}, of which the run has none: it was trained to tell {}",
                some_of(&names),
                some_of(class_names)
            ),
            remedy: "give the classes the names that they had in training".to_owned(),
        })
    }
}
