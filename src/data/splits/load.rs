//! From what a config names to the splits of a run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::dataset::Dataset;
use super::only::only;
use super::{classes, split, warnings};
use crate::config::{self, BitDepth, Exif, Moments, Normalize, OnBadImage};
use crate::data::pixels;
use crate::data::pixels::depth::bits_of;
use crate::data::pixels::geometry::Geometry;
use crate::data::pixels::images::{Images, MemoryBudget};
use crate::data::pixels::load::{HashedFile, Loaded};
use crate::data::pixels::scan::{ImageSpec, Watch};
use crate::data::sources::labelled::{ImageData, LabelledImages};
use crate::data::sources::{self, synthetic};
use crate::data::{Error, LoadError, Role};
use crate::digest::Digest;
use crate::memory;
use crate::run_dir::{DataFile, ImageFile};

/// All images that a run reads.
#[derive(Debug)]
pub struct Splits {
    /// The training split.
    pub train: Dataset,
    /// The evaluation split.
    pub eval: Dataset,
    /// For one evaluation after the last epoch.
    pub test: Option<Dataset>,
    /// The name of each class, in the order of their numbers.
    pub class_names: Vec<String>,
    /// Training before evaluation before test, images before labels.
    pub files: Vec<DataFile>,
    /// Every image file of sources that have a file for each image.
    pub listing: Vec<ImageFile>,
    /// Mean and standard deviation of each channel, if pixels are normalized.
    pub normalize: Option<Moments>,
    /// Of samples of 16 bits so many are used, where the training images say so and not the config.
    pub found_bits: Option<u32>,
    /// What a user should know before the run.
    pub warnings: Vec<String>,
    /// What may be meant, but not by everybody.
    pub notes: Vec<String>,
}

impl Splits {
    /// Loads all splits for images of `input` (channels, height, width) in `classes` classes.
    ///
    /// # Errors
    ///
    /// If something of the data cannot be used, or does not go with the rest; with the key that names it.
    pub fn load(
        data: &config::Data,
        input: [usize; 3],
        classes: usize,
        watch: Watch<'_>,
    ) -> Result<Self, LoadError> {
        let spec = ImageSpec::of(data, input);
        check_size(data, spec, input).map_err(LoadError::at(size_key(data).0))?;
        let mut parts = list_all(data, classes, spec)?;
        let spec = spec.with_depth(data, &parts, watch);
        let class_names = classes::unify(&mut parts, classes, data.first_label)
            .map_err(|(role, error)| LoadError::at(key_of(data, role))(error))?;
        let budget = MemoryBudget::new(memory_limit(data));
        pixels::load::limit_decoders();
        let mut splits = SplitsBuilder::default();
        for (role, labelled) in parts {
            let loaded = splits.load(role, labelled, spec, data, &budget, watch);
            loaded.map_err(LoadError::at(key_of(data, role)))?;
        }
        splits.finish(data, class_names, spec)
    }

    /// SHA-256 (hex) over the checksums of all files.
    pub fn digest(&self) -> String {
        let mut digest = Digest::default();
        for file in &self.files {
            digest.update(&file.sha256);
        }
        digest.hex()
    }
}

/// Images of another size than the network's are only good if they are cropped.
fn check_size(data: &config::Data, spec: ImageSpec, input: [usize; 3]) -> Result<(), Error> {
    let [_, height, width] = input;
    let is_cropped = |step: &config::Augment| step.is_crop();
    let is_larger = spec.size[0] >= height && spec.size[1] >= width;
    if spec.size == [height, width] || is_larger && data.augment.iter().any(is_cropped) {
        return Ok(());
    }
    let size = spec.size;
    let (key, verb) = size_key(data);
    Err(Error::Mismatch {
        path: PathBuf::from(format!("data.{key}")),
        what: format!(
            "images are {verb} to {size:?}, but the network takes {:?}",
            [height, width]
        ),
        remedy: match is_larger {
            true => format!(
                "add \"random_crop\" or \"random_resized_crop\" to data.augment, which crop them, or set \
                 data.{key} to the network's size"
            ),
            false => format!("set data.{key} = [{height}, {width}]"),
        },
    })
}

/// The key that gives images their size, and what it does.
fn size_key(data: &config::Data) -> (&'static str, &'static str) {
    match data.center_crop {
        Some(_) => ("center_crop", "cropped"),
        None => ("resize", "resized"),
    }
}

impl ImageSpec {
    /// What images are converted to for a network of this input (channels, height, width).
    pub(in crate::data) fn of(data: &config::Data, input: [usize; 3]) -> Self {
        let geometry = Geometry::of(data);
        Self {
            channels: input[0],
            size: geometry.size().unwrap_or([input[1], input[2]]),
            geometry,
            max_pixels: data.max_pixels,
            bits: match data.bit_depth {
                BitDepth::Bits(bits) => bits,
                BitDepth::Auto => u16::BITS,
            },
            is_turned: data.exif == Exif::Apply,
        }
    }

    /// The same with the bits that the training images need, if the config leaves these to them.
    pub(in crate::data) fn with_depth(
        self,
        data: &config::Data,
        parts: &[(Role, LabelledImages)],
        watch: Watch<'_>,
    ) -> Self {
        let files = match parts.first().map(|(_, labelled)| &labelled.images) {
            Some(ImageData::Files(files)) if data.bit_depth == BitDepth::Auto => files,
            _ => return self,
        };
        let peak = pixels::load::peak(files, self, data, watch);
        Self {
            bits: peak.map_or(u16::BITS, bits_of),
            ..self
        }
    }
}

/// The key that names the images of a split.
pub(in crate::data) fn key_of(data: &config::Data, role: Role) -> &'static str {
    match (own_place(data, role), role) {
        _ if data.synthetic.is_some() => "synthetic",
        (None, _) => "path",
        (Some(_), Role::Eval) if data.is_split() => Role::Train.name(),
        (Some(_), role) => role.name(),
    }
}

/// The place that a split has apart from `path`.
fn own_place(data: &config::Data, role: Role) -> Option<&String> {
    match role {
        Role::Train => data.train.as_ref(),
        Role::Eval if data.is_split() => data.train.as_ref(),
        Role::Eval => data.eval.as_ref(),
        Role::Test => data.test.as_ref(),
    }
}

/// Where the images of a split are, as the config says it.
fn place_of(data: &config::Data, role: Role) -> String {
    let place = own_place(data, role).or(data.path.as_ref());
    place.cloned().unwrap_or_default()
}

/// Lists what each split takes its images from.
///
/// # Errors
///
/// If places do not have what the config looks for there; of each key the first error.
pub(in crate::data) fn list_all(
    data: &config::Data,
    classes: usize,
    spec: ImageSpec,
) -> Result<Vec<(Role, LabelledImages)>, LoadError> {
    let mut parts = Vec::new();
    let mut wrong: Vec<LoadError> = Vec::new();
    for role in [Role::Train, Role::Eval, Role::Test] {
        let key = key_of(data, role);
        match list(data, role, classes, spec) {
            Ok(labelled) => parts.extend(labelled.map(|labelled| (role, labelled))),
            Err(error) if wrong.iter().all(|it| it.key != key) => {
                wrong.push(LoadError::at(key)(error));
            }
            Err(_) => {}
        }
    }
    let mut wrong = wrong.into_iter();
    match wrong.next() {
        Some(first) => Err(LoadError {
            others: wrong.collect(),
            ..first
        }),
        None => Ok(parts),
    }
}

fn list(
    data: &config::Data,
    role: Role,
    classes: usize,
    spec: ImageSpec,
) -> Result<Option<LabelledImages>, Error> {
    if let Some(made) = &data.synthetic {
        let count = match role {
            Role::Train => made.train_images,
            Role::Eval if data.is_split() => 0,
            Role::Eval => made.eval_images,
            Role::Test => made.test_images,
        };
        let shape = [spec.channels, spec.size[0], spec.size[1]];
        let make = || synthetic::make(data.split_seed, role, count, classes, shape);
        return Ok((count > 0).then(make));
    }
    match sources::find(data, role)? {
        Some(source) => {
            let labelled = source.list()?;
            Ok(Some(match &data.classes {
                Some(names) => only(labelled, names)?,
                None => labelled,
            }))
        }
        None => Ok(None),
    }
}

/// Bytes that decoded images may take.
pub(super) fn memory_limit(data: &config::Data) -> u64 {
    let free = memory::available().map_or(u64::MAX, |free| free.bytes);
    data.memory_limit.map_or(free / 2, |limit| limit << 20)
}

/// Splits that are being loaded.
#[derive(Default)]
pub(super) struct SplitsBuilder {
    datasets: Vec<(Role, Dataset)>,
    /// What they are from.
    pub files: Vec<DataFile>,
    sources: Vec<LoadedSource>,
    bad: Vec<(String, String)>,
    other_sizes: Vec<(String, [usize; 2])>,
    /// The split that has the first image which cannot be used.
    first_bad: Option<Role>,
    /// What a user should know.
    pub warnings: Vec<String>,
}

/// What is known of the files of one source.
struct LoadedSource {
    source: String,
    images: Arc<Images>,
    checksums: Vec<HashedFile>,
    labels: Vec<u32>,
}

impl SplitsBuilder {
    /// Loads the images of a split.
    pub fn load(
        &mut self,
        role: Role,
        labelled: LabelledImages,
        spec: ImageSpec,
        data: &config::Data,
        budget: &MemoryBudget,
        watch: Watch<'_>,
    ) -> Result<(), Error> {
        // A list of images may serve for several splits.
        for file in labelled.files {
            if !self.files.contains(&file) {
                self.files.push(file);
            }
        }
        self.warnings.extend(labelled.warnings);
        let Loaded {
            images,
            good,
            bad,
            other_sizes,
            checksums,
            mut files,
            warning,
        } = pixels::load::load(labelled.images, spec, data, budget, watch)?;
        self.warnings.extend(warning);
        // The same folder may serve for two splits.
        for file in &mut files {
            if self.sources.iter().any(|it| it.source == file.path) {
                file.path += &format!(" ({})", role.name());
            }
        }
        let source = files.first().map(|file| file.path.clone());
        let is_skipped = data.on_bad_image == OnBadImage::Skip;
        if !other_sizes.is_empty() || !bad.is_empty() && !is_skipped {
            self.first_bad.get_or_insert(role);
        }
        self.other_sizes.extend(other_sizes);
        self.files.extend(files);
        self.bad.extend(bad);
        let images = Arc::new(images);
        let labels = labelled.labels.numbers();
        self.datasets.push((
            role,
            Dataset {
                labels: good.iter().map(|place| labels[*place as usize]).collect(),
                images: Arc::clone(&images),
                places: good,
            },
        ));
        self.sources.push(LoadedSource {
            source: source.unwrap_or_default(),
            images,
            checksums,
            labels: labels.to_vec(),
        });
        Ok(())
    }

    /// Refuses images that cannot be used, unless they are to be skipped.
    pub fn refuse_unusable(
        &mut self,
        data: &config::Data,
        spec: ImageSpec,
    ) -> Result<(), LoadError> {
        if let Some(role) = self.first_bad {
            let error = Error::BadImages {
                problems: match data.on_bad_image {
                    OnBadImage::Error => std::mem::take(&mut self.bad).into(),
                    OnBadImage::Skip => Box::default(),
                },
                other_sizes: std::mem::take(&mut self.other_sizes),
                size: spec.size,
                keeps_shape: spec.geometry.resize.is_some(),
                place: place_of(data, role).into(),
            };
            return Err(LoadError::at(key_of(data, role))(error));
        }
        Ok(())
    }

    /// The warning about images that cannot be used and are skipped.
    pub fn skipped(&self) -> Option<String> {
        let (path, reason) = self.bad.first()?;
        Some(match self.bad.len() {
            1 => format!("1 image file skipped: {path}: {reason}"),
            count => format!("{count} image files skipped, the first of them {path}: {reason}"),
        })
    }

    /// The images of a split, if it was loaded and not taken before.
    pub fn take(&mut self, role: Role) -> Option<Dataset> {
        let found = self.datasets.iter().position(|(of, _)| *of == role)?;
        Some(self.datasets.remove(found).1)
    }

    fn finish(
        mut self,
        data: &config::Data,
        class_names: Vec<String>,
        spec: ImageSpec,
    ) -> Result<Splits, LoadError> {
        self.refuse_unusable(data, spec)?;
        let classes = class_names.len();
        let train = self.take(Role::Train);
        let mut train = train.expect("there are always training images");
        let mut eval = self.take(Role::Eval);
        let test = self.take(Role::Test);
        if data.is_split() {
            let (rest, held_out) = split::hold_out(data, train);
            (train, eval) = (rest, Some(held_out));
        }
        let eval = eval.expect("a config without evaluation images is refused");
        let train = split::limit(data, train, data.limit_train, classes);
        let eval = split::limit(data, eval, data.limit_eval, classes);
        for (role, dataset) in [(Role::Train, &train), (Role::Eval, &eval)] {
            if dataset.is_empty() {
                return Err(LoadError::at(key_of(data, role))(self.nothing_left(role)));
            }
        }
        self.warnings.extend(self.skipped());
        let mut splits = vec![(Role::Train, &train), (Role::Eval, &eval)];
        splits.extend(test.as_ref().map(|test| (Role::Test, test)));
        self.warnings
            .extend(warnings::empty_classes(&splits, &class_names));
        self.warnings.extend(classes::twins(&class_names));
        self.warnings.extend(warnings::depth(&train, spec.bits));
        let notes = [
            warnings::turned(&splits, spec.is_turned),
            warnings::found_depth(&train, data, spec.bits),
        ];
        self.warnings
            .extend(warnings::contradictions(&train, &class_names));
        self.warnings.extend(warnings::duplicates(&splits));
        let listing = self.listing(&splits, &class_names);
        Ok(Splits {
            normalize: normalize(data, &train).map_err(LoadError::at("normalize"))?,
            found_bits: (data.bit_depth == BitDepth::Auto && spec.bits < u16::BITS)
                .then_some(spec.bits),
            train,
            eval,
            test,
            class_names,
            files: self.files,
            listing,
            warnings: self.warnings,
            notes: notes.into_iter().flatten().collect(),
        })
    }

    /// The error that a split is empty.
    fn nothing_left(&self, role: Role) -> Error {
        let path = PathBuf::from(self.files.first().map_or("data", |file| &file.path));
        let title = role.title();
        match self.bad.first() {
            None => Error::Mismatch {
                path,
                what: format!("no {title} images are left"),
                remedy: "there are too few images for `validation`, `folds` or the limits in `data`".to_owned(),
            },
            Some((first, reason)) => Error::Mismatch {
                path,
                what: format!(
                    "no {title} images are left, since {} skipped, the first of them {first}: {reason}",
                    match self.bad.len() {
                        1 => "1 image file was".to_owned(),
                        count => format!("{count} image files were"),
                    }
                ),
                remedy: "put the files where the paths lead to, or correct the paths; data.on_bad_image = \"error\" \
                         lists all of them"
                    .to_owned(),
            },
        }
    }

    /// Every image file, in the order of the sources.
    fn listing(&self, splits: &[(Role, &Dataset)], class_names: &[String]) -> Vec<ImageFile> {
        let problems: BTreeMap<&str, &str> = self
            .bad
            .iter()
            .map(|(path, reason)| (path.as_str(), reason.as_str()))
            .collect();
        let mut listing = Vec::new();
        for source in self.sources.iter().filter(|it| !it.checksums.is_empty()) {
            let mut roles = vec![""; source.checksums.len()];
            for (role, dataset) in splits {
                if Arc::ptr_eq(&dataset.images, &source.images) {
                    for place in &dataset.places {
                        roles[*place as usize] = role.name();
                    }
                }
            }
            for (index, checksum) in source.checksums.iter().enumerate() {
                let problem = problems.get(checksum.path.as_str()).copied();
                listing.push(ImageFile {
                    source: checksum
                        .container
                        .as_ref()
                        .unwrap_or(&source.source)
                        .clone(),
                    path: checksum.path.clone(),
                    bytes: checksum.bytes,
                    sha256: checksum.sha256.clone(),
                    split: roles[index].into(),
                    label: class_names[source.labels[index] as usize].clone(),
                    problem: problem.unwrap_or_default().to_owned(),
                });
            }
        }
        listing
    }
}

/// What is subtracted from the pixels of each channel and what they are divided by.
fn normalize(data: &config::Data, train: &Dataset) -> Result<Option<Moments>, Error> {
    match &data.normalize {
        None => Ok(None),
        Some(Normalize::Stated(moments)) => Ok(Some(moments.clone())),
        Some(Normalize::Auto) => {
            let moments = train.moments();
            if let Some(channel) = moments.iter().position(|(_, deviation)| *deviation == 0.0) {
                return Err(Error::Mismatch {
                    path: PathBuf::from(train.origin(0).1),
                    what: format!(
                        "all pixels of channel {channel} of the training images are equal"
                    ),
                    remedy: "there is nothing to normalize: remove data.normalize = \"auto\""
                        .to_owned(),
                });
            }
            Ok(Some(Moments {
                mean: moments.iter().map(|(mean, _)| mean * data.scale).collect(),
                std: moments.iter().map(|(_, std)| std * data.scale).collect(),
            }))
        }
    }
}
