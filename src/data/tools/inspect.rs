//! What is in a data set, whatever it is for: counts, sizes, colours, duplicates, broken files.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use crate::config::Format;
use crate::data::pixels::picture::{self, Picture};
use crate::data::pixels::scan::{Progress, Watch, mean_and_deviation, moments};
use crate::data::sources::labelled::{ImageData, LabelledImages};
use crate::data::sources::labels::Labels;
use crate::data::sources::{self, Source};
use crate::data::{Error, Role};
use crate::digest;

/// What is known of everything at a place.
#[derive(Debug, Serialize)]
pub struct Report {
    /// As a word of `data.format`.
    pub format: &'static str,
    /// Training before evaluation before test.
    pub splits: Vec<SplitReport>,
    /// Images that are there more than once, each with all its places.
    pub duplicates: Vec<Vec<String>>,
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
    pub sizes: Vec<(usize, usize, usize)>,
    /// How many have one channel.
    pub grey: usize,
    /// How many have more channels.
    pub color: usize,
    /// Of each channel, 0..=255; of grey images among coloured ones as if they were coloured.
    pub mean: Vec<f64>,
    /// As `mean`.
    pub std: Vec<f64>,
    /// Path and reason.
    pub broken: Vec<(String, String)>,
    /// What a user should know.
    pub warnings: Vec<String>,
}

/// What one image adds.
struct InspectedImage {
    name: String,
    outcome: Result<Measurements, String>,
}

struct Measurements {
    channels: usize,
    size: [usize; 2],
    key: u64,
    sums: [(u64, u64); 3],
}

/// Looks at every image at a place.
pub fn inspect(place: &Path, format: Format, watch: Watch<'_>) -> Result<Report, Error> {
    let sources = sources::all_splits(place, format)?;
    let format = sources
        .first()
        .map_or("", |(_, source)| source.format.into());
    let mut splits = Vec::new();
    let mut places: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for (role, source) in sources {
        let (split, seen) = inspect_split(role, &source, watch)?;
        for image in seen {
            if let Ok(measured) = image.outcome {
                places.entry(measured.key).or_default().push(image.name);
            }
        }
        splits.push(split);
    }
    let mut duplicates: Vec<Vec<String>> = places
        .into_values()
        .filter(|places| places.len() > 1)
        .collect();
    duplicates.sort();
    Ok(Report {
        format,
        splits,
        duplicates,
    })
}

fn inspect_split(
    role: Role,
    source: &Source,
    watch: Watch<'_>,
) -> Result<(SplitReport, Vec<InspectedImage>), Error> {
    let LabelledImages {
        labels,
        images,
        warnings,
        ..
    } = source.list()?;
    let seen = match &images {
        ImageData::Pixels {
            shape,
            bytes,
            source,
        } => of_pixels(*shape, bytes, source),
        ImageData::Files(files) => {
            let progress = Progress::new(files.paths.len(), watch);
            let look = |path: &std::path::PathBuf| {
                let picture = picture::read(path).and_then(|bytes| Picture::decode(&bytes));
                progress.advance();
                InspectedImage {
                    name: path.display().to_string(),
                    outcome: picture.map(|picture| of_picture(&picture)),
                }
            };
            files.paths.par_iter().map(look).collect()
        }
    };
    Ok((summary(role, &labels, &seen, warnings), seen))
}

fn of_pixels(shape: [usize; 3], bytes: &[u8], source: &str) -> Vec<InspectedImage> {
    let [channels, height, width] = shape;
    let images = bytes
        .par_chunks_exact(channels * height * width)
        .enumerate();
    images
        .map(|(index, image)| {
            let mut sums = [(0, 0); 3];
            for (sums, plane) in sums.iter_mut().zip(image.chunks_exact(height * width)) {
                *sums = moments(plane);
            }
            InspectedImage {
                name: format!("image {index} of {source}"),
                outcome: Ok(Measurements {
                    channels,
                    size: [height, width],
                    key: digest::of(image).word(),
                    sums,
                }),
            }
        })
        .collect()
}

fn of_picture(picture: &Picture) -> Measurements {
    let planes = picture.planes(picture.channels);
    let size = [picture.height, picture.width];
    let mut digest = digest::of(format!("{size:?}"));
    digest.update(&planes);
    let mut sums = [(0, 0); 3];
    for (sums, plane) in sums.iter_mut().zip(planes.chunks_exact(size[0] * size[1])) {
        *sums = moments(plane);
    }
    Measurements {
        channels: picture.channels,
        size,
        key: digest.word(),
        sums,
    }
}

fn summary(
    role: Role,
    labels: &Labels,
    seen: &[InspectedImage],
    warnings: Vec<String>,
) -> SplitReport {
    let good: Vec<(&Measurements, u32)> = seen
        .iter()
        .zip(labels.numbers())
        .filter_map(|(seen, label)| Some((seen.outcome.as_ref().ok()?, *label)))
        .collect();
    let names = match labels {
        Labels::Names { classes, .. } => classes.clone(),
        Labels::Numbers(labels) => {
            let classes = labels.iter().max().map_or(0, |highest| highest + 1);
            (0..classes).map(|class| class.to_string()).collect()
        }
    };
    let mut counts = vec![0; names.len()];
    let mut sizes: BTreeMap<[usize; 2], usize> = BTreeMap::new();
    for (measured, label) in &good {
        counts[*label as usize] += 1;
        *sizes.entry(measured.size).or_default() += 1;
    }
    let mut sizes: Vec<(usize, usize, usize)> = sizes
        .into_iter()
        .map(|([height, width], count)| (height, width, count))
        .collect();
    sizes.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    let channels = good
        .iter()
        .map(|(measured, _)| measured.channels)
        .max()
        .unwrap_or(0);
    let of_channel = |channel: usize| {
        let add = |(sum, squares, pixels): (u128, u128, u128),
                   (measured, _): &(&Measurements, u32)| {
            let (more, more_squares) = measured.sums[channel.min(measured.channels - 1)];
            let area = (measured.size[0] * measured.size[1]) as u128;
            (
                sum + u128::from(more),
                squares + u128::from(more_squares),
                pixels + area,
            )
        };
        let (sum, squares, pixels) = good.iter().fold((0, 0, 0), add);
        mean_and_deviation(sum, squares, pixels)
    };
    let of_channels: Vec<(f64, f64)> = (0..channels.min(3)).map(of_channel).collect();
    let grey = good
        .iter()
        .filter(|(measured, _)| measured.channels == 1)
        .count();
    SplitReport {
        split: role.name(),
        images: good.len(),
        classes: names.into_iter().zip(counts).collect(),
        sizes,
        grey,
        color: good.len() - grey,
        mean: of_channels.iter().map(|(mean, _)| *mean).collect(),
        std: of_channels.iter().map(|(_, std)| *std).collect(),
        broken: seen
            .iter()
            .filter_map(|seen| Some((seen.name.clone(), seen.outcome.as_ref().err()?.clone())))
            .collect(),
        warnings,
    }
}
