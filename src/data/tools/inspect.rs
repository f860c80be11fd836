//! What is in a data set, whatever it is for, or in the splits of a run: counts, sizes, colours, duplicates, broken
//! files.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use super::reading;
use crate::config::{self, Format, OnBadImage, Reading};
use crate::data::pixels::geometry::Geometry;
use crate::data::pixels::load::hash_of;
use crate::data::pixels::picture::{Picture, Request};
use crate::data::pixels::scan::{ImageSpec, Progress, Traits, Watch, mean_and_deviation, moments};
use crate::data::sources;
use crate::data::sources::labelled::{ImageData, ImagePlace, LabelledImages};
use crate::data::sources::labels::Labels;
use crate::data::splits::classes::twins;
use crate::data::splits::load::{key_of, list_all};
use crate::data::splits::warnings::{of_peak, of_turned};
use crate::data::splits::{classes, split};
use crate::data::{Error, LoadError, Role};
use crate::digest;

/// What is known of everything at a place, or of the splits of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// As a word of `data.format`; empty for the splits of a run, which may be of several.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub format: &'static str,
    /// Training before evaluation before test.
    pub splits: Vec<SplitReport>,
    /// Images that are there more than once, each with all its places.
    pub duplicates: Vec<Vec<String>>,
    /// Why no run begins with these data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
}

/// What one split contains.
#[derive(Debug, Serialize)]
pub struct SplitReport {
    /// As a key of `[data]`.
    pub split: &'static str,
    /// How many are whole.
    pub images: usize,
    /// Name and number of images.
    pub classes: Vec<(String, usize)>,
    /// Height, width and number of images, the most frequent first.
    #[serde(serialize_with = "by_size")]
    pub sizes: Vec<(usize, usize, usize)>,
    /// How many have one channel.
    pub grey: usize,
    /// How many have more channels.
    pub color: usize,
    /// Of each channel, 0..=255; of grey images among coloured ones as if they were coloured.
    pub mean: Vec<f64>,
    /// As `mean`.
    pub std: Vec<f64>,
    /// How many have an orientation in EXIF that is not upright.
    pub exif_turned: usize,
    /// The largest sample of those with 16 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_16_bit: Option<u16>,
    /// What may be meant, but not by everybody.
    pub notes: Vec<String>,
    /// Path and reason.
    pub broken: Vec<(String, String)>,
    /// What a user should know.
    pub warnings: Vec<String>,
}

/// A map from `"28x28"`, height and width, to the number of images.
fn by_size<S: Serializer>(
    sizes: &[(usize, usize, usize)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let pairs = sizes.iter();
    serializer.collect_map(pairs.map(|(height, width, count)| (format!("{height}x{width}"), count)))
}

/// The images of one split, each looked at.
struct InspectedSplit {
    role: Role,
    request: Request,
    images: Vec<InspectedImage>,
    broken: Vec<(String, String)>,
    warnings: Vec<String>,
}

/// What one image adds.
struct InspectedImage {
    name: String,
    label: u32,
    /// By which it is split.
    hash: u64,
    channels: usize,
    size: [usize; 2],
    /// Equal for equal pixels.
    key: u64,
    sums: [(u64, u64); 3],
    traits: Traits,
}

/// Looks at every image at a place.
///
/// # Errors
///
/// If no labelled images are recognised there.
pub fn inspect(
    place: &Path,
    format: Format,
    reading: &Reading,
    watch: Watch<'_>,
) -> Result<Report, Error> {
    let sources = sources::all_splits(place, format, &reading.columns)?;
    let format = sources
        .first()
        .map_or("", |(_, source)| source.format.into());
    let (mut splits, mut reports) = (Vec::new(), Vec::new());
    let mut request = None;
    for (role, source) in sources {
        let labelled = source.list()?;
        let names = names_of(&labelled.labels);
        let request = *request.get_or_insert_with(|| reading::request(reading, &labelled));
        let split = InspectedSplit::of(role, labelled, request, watch);
        reports.push(split.summary(&names));
        splits.push(split);
    }
    Ok(Report {
        format,
        splits: reports,
        duplicates: duplicates(&splits),
        refusals: Vec::new(),
    })
}

/// Looks at every image of the splits that a run would have, for a network of this input (channels, height, width)
/// and so many classes.
///
/// # Errors
///
/// If the splits cannot be told apart, or their classes are not the same.
pub fn inspect_run(
    data: &config::Data,
    input: [usize; 3],
    outputs: usize,
    watch: Watch<'_>,
) -> Result<Report, LoadError> {
    let spec = ImageSpec::of(data, input);
    let mut parts = list_all(data, outputs, spec)?;
    let classes = number_of_classes(&parts, outputs, data.first_label);
    let names = classes::unify(&mut parts, classes, data.first_label)
        .map_err(|(role, error)| LoadError::at(key_of(data, role))(error))?;
    let request = Request {
        at_least: None,
        reduction: None,
        geometry: Geometry::default(),
        ..spec.with_depth(data, &parts, watch).request()
    };
    let mut splits: Vec<InspectedSplit> = Vec::new();
    for (role, labelled) in parts {
        let split = InspectedSplit::of(role, labelled, request, watch);
        match role {
            Role::Train if data.is_split() => splits.extend(split.hold_out(data)),
            _ => splits.push(split),
        }
    }
    for split in &mut splits {
        match split.role {
            Role::Train => split.limit(data, data.limit_train, classes),
            Role::Eval => split.limit(data, data.limit_eval, classes),
            Role::Test => {}
        }
    }
    Ok(Report {
        format: "",
        splits: splits.iter().map(|split| split.summary(&names)).collect(),
        duplicates: duplicates(&splits),
        refusals: refusals(&splits, data, spec, [outputs, classes]),
    })
}

/// The number of classes that the data have; labels that are numbers may have as many as the network.
fn number_of_classes(
    parts: &[(Role, LabelledImages)],
    outputs: usize,
    first_label: usize,
) -> usize {
    let highest = |labels: &[u32]| {
        let highest = labels.iter().max().map_or(0, |label| *label as usize + 1);
        highest.saturating_sub(first_label)
    };
    match parts.first().map(|(_, labelled)| &labelled.labels) {
        Some(Labels::Names { classes, .. }) => classes.len(),
        _ => {
            let of_parts = parts.iter().map(|(_, it)| highest(it.labels.numbers()));
            of_parts.max().unwrap_or(0).max(outputs)
        }
    }
}

/// Why a run would not begin.
fn refusals(
    splits: &[InspectedSplit],
    data: &config::Data,
    spec: ImageSpec,
    [outputs, classes]: [usize; 2],
) -> Vec<String> {
    let mut refusals = Vec::new();
    if outputs != classes {
        refusals.push(format!(
            "the network has {outputs} outputs, the data {classes} classes"
        ));
    }
    let broken: usize = splits.iter().map(|split| split.broken.len()).sum();
    if broken > 0 && data.on_bad_image == OnBadImage::Error {
        refusals.push(format!(
            "{} be used, and data.on_bad_image is \"error\"",
            counted(broken, "file cannot", "files cannot")
        ));
    }
    let images = splits.iter().flat_map(|split| &split.images);
    let others = images.filter(|image| spec.geometry.result(image.size) != spec.size);
    let others = others.count();
    if others > 0 {
        let [height, width] = spec.size;
        let resized = match spec.geometry.resize {
            Some(_) => " once they are resized",
            None => "",
        };
        refusals.push(format!(
            "{} not {height}x{width}, the size in `model.input`{resized}",
            counted(others, "image is", "images are")
        ));
    }
    for split in splits.iter().filter(|split| split.images.is_empty()) {
        refusals.push(format!("no {} images are left", split.role.title()));
    }
    refusals
}

fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// The places of every image that is there more than once.
fn duplicates(splits: &[InspectedSplit]) -> Vec<Vec<String>> {
    let mut places: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for image in splits.iter().flat_map(|split| &split.images) {
        places
            .entry(image.key)
            .or_default()
            .push(image.name.clone());
    }
    let mut duplicates: Vec<Vec<String>> = places
        .into_values()
        .filter(|places| places.len() > 1)
        .collect();
    duplicates.sort();
    duplicates
}

/// The names of the classes of one split.
fn names_of(labels: &Labels) -> Vec<String> {
    match labels {
        Labels::Names { classes, .. } => classes.clone(),
        Labels::Numbers(labels) => {
            let classes = labels.iter().max().map_or(0, |highest| highest + 1);
            (0..classes).map(|class| class.to_string()).collect()
        }
    }
}

impl InspectedSplit {
    /// Looks at all images of a split.
    fn of(role: Role, labelled: LabelledImages, request: Request, watch: Watch<'_>) -> Self {
        let labels = labelled.labels.numbers();
        let (mut images, mut broken) = (Vec::new(), Vec::new());
        match &labelled.images {
            ImageData::Pixels {
                shape,
                bytes,
                source,
            } => images = of_pixels(*shape, bytes, source, labels),
            ImageData::Files(files) => {
                let progress = Progress::new(files.places.len(), watch);
                let look = |(place, label): (&ImagePlace, &u32)| {
                    let image = of_file(place, *label, request);
                    progress.advance();
                    image.map_err(|reason| (place.name(), reason))
                };
                let seen: Vec<Result<InspectedImage, (String, String)>> =
                    files.places.par_iter().zip(labels).map(look).collect();
                for image in seen {
                    match image {
                        Ok(image) => images.push(image),
                        Err(problem) => broken.push(problem),
                    }
                }
            }
        }
        Self {
            role,
            request,
            images,
            broken,
            warnings: labelled.warnings,
        }
    }

    /// What a split goes by.
    fn keys(&self) -> Vec<split::Image> {
        let key = |image: &InspectedImage| (image.hash, image.label);
        self.images.iter().map(key).collect()
    }

    /// Training images apart from those that are held out for evaluation, as a run divides them.
    fn hold_out(mut self, data: &config::Data) -> [Self; 2] {
        let mut sides = split::held_out(data, &self.keys()).into_iter();
        let is_held_out = |_: &InspectedImage| sides.next() == Some(true);
        let (held_out, rest) = std::mem::take(&mut self.images)
            .into_iter()
            .partition(is_held_out);
        let evaluation = Self {
            role: Role::Eval,
            request: self.request,
            images: held_out,
            broken: Vec::new(),
            warnings: Vec::new(),
        };
        self.images = rest;
        [self, evaluation]
    }

    /// Leaves at most so many images, as a run does.
    fn limit(&mut self, data: &config::Data, limit: Option<usize>, classes: usize) {
        let Some(limit) = limit else {
            return;
        };
        let mut is_kept = vec![false; self.images.len()];
        for place in split::kept(data, &self.keys(), limit, classes) {
            is_kept[place] = true;
        }
        let mut is_kept = is_kept.into_iter();
        self.images.retain(|_| is_kept.next() == Some(true));
    }

    /// All of it in numbers; `names` are those of the classes.
    fn summary(&self, names: &[String]) -> SplitReport {
        let mut counts = vec![0; names.len()];
        let mut sizes: BTreeMap<[usize; 2], usize> = BTreeMap::new();
        for image in &self.images {
            counts[image.label as usize] += 1;
            *sizes.entry(image.size).or_default() += 1;
        }
        let mut sizes: Vec<(usize, usize, usize)> = sizes
            .into_iter()
            .map(|([height, width], count)| (height, width, count))
            .collect();
        sizes.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
        let of_channels = self.moments();
        let grey = self.images.iter().filter(|it| it.channels == 1).count();
        let exif_turned = self.images.iter().filter(|it| it.traits.is_turned).count();
        let peak_16_bit = self.images.iter().filter_map(|it| it.traits.peak).max();
        let of_depth = peak_16_bit.and_then(|peak| of_peak(peak, self.request.bits));
        let notes = of_turned(exif_turned, self.request.is_turned);
        SplitReport {
            exif_turned,
            peak_16_bit,
            notes: notes.into_iter().collect(),
            split: self.role.name(),
            images: self.images.len(),
            classes: names.iter().cloned().zip(counts).collect(),
            sizes,
            grey,
            color: self.images.len() - grey,
            mean: of_channels.iter().map(|(mean, _)| *mean).collect(),
            std: of_channels.iter().map(|(_, std)| *std).collect(),
            broken: self.broken.clone(),
            warnings: self
                .warnings
                .iter()
                .cloned()
                .chain(twins(names))
                .chain(of_depth)
                .collect(),
        }
    }

    /// Mean and deviation of the pixels of each channel.
    fn moments(&self) -> Vec<(f64, f64)> {
        let channels = self.images.iter().map(|image| image.channels).max();
        let of_channel = |channel: usize| {
            let add = |(sum, squares, pixels): (u128, u128, u128), image: &InspectedImage| {
                let (more, more_squares) = image.sums[channel.min(image.channels - 1)];
                let area = (image.size[0] * image.size[1]) as u128;
                (
                    sum + u128::from(more),
                    squares + u128::from(more_squares),
                    pixels + area,
                )
            };
            let (sum, squares, pixels) = self.images.iter().fold((0, 0, 0), add);
            mean_and_deviation(sum, squares, pixels)
        };
        (0..channels.unwrap_or(0).min(3)).map(of_channel).collect()
    }
}

fn of_pixels(shape: [usize; 3], bytes: &[u8], source: &str, labels: &[u32]) -> Vec<InspectedImage> {
    let [channels, height, width] = shape;
    let images = bytes.par_chunks_exact(channels * height * width);
    images
        .zip(labels)
        .enumerate()
        .map(|(index, (image, label))| {
            let hash = digest::of(image).word();
            InspectedImage {
                name: format!("image {index} of {source}"),
                label: *label,
                hash,
                channels,
                size: [height, width],
                key: hash,
                sums: sums_of(image, height * width),
                traits: Traits::default(),
            }
        })
        .collect()
}

fn of_file(place: &ImagePlace, label: u32, request: Request) -> Result<InspectedImage, String> {
    let bytes = place.read()?;
    Picture::decode_then(&bytes, request, |picture| {
        let size = [picture.height, picture.width];
        let planes = picture.planes(picture.channels);
        let mut digest = digest::of(format!("{size:?}"));
        digest.update(&planes);
        InspectedImage {
            name: place.name(),
            label,
            hash: hash_of(&digest::of(&bytes).hex()),
            channels: picture.channels,
            size,
            key: digest.word(),
            sums: sums_of(&planes, size[0] * size[1]),
            traits: Traits::of(&picture),
        }
    })
}

/// Of each channel, the sum of its pixels and of their squares.
fn sums_of(planes: &[u8], area: usize) -> [(u64, u64); 3] {
    let mut sums = [(0, 0); 3];
    for (sums, plane) in sums.iter_mut().zip(planes.chunks_exact(area)) {
        *sums = moments(plane);
    }
    sums
}
