//! Divides the training images of a source, and limits splits.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::dataset::Dataset;
use crate::config;
use crate::random::{Purpose, stream};

/// What a split goes by of an image: a hash of it as its source has it, and its class.
pub type Image = (u64, u32);

/// Divides training images into those that stay and those that are held out for evaluation; see [`held_out`].
pub fn hold_out(data: &config::Data, train: Dataset) -> (Dataset, Dataset) {
    let is_held_out = held_out(data, &images(&train));
    let (evaluation, training): (Vec<usize>, Vec<usize>) =
        (0..train.len()).partition(|place| is_held_out[*place]);
    (train.only(&training), train.only(&evaluation))
}

/// Keeps at most `limit` images; see [`kept`].
pub fn limit(
    data: &config::Data,
    dataset: Dataset,
    limit: Option<usize>,
    classes: usize,
) -> Dataset {
    match limit {
        Some(limit) => dataset.only(&kept(data, &images(&dataset), limit, classes)),
        None => dataset,
    }
}

fn images(dataset: &Dataset) -> Vec<Image> {
    let image = |place| (dataset.source_hash(place), dataset.labels[place]);
    (0..dataset.len()).map(image).collect()
}

/// Whether each of the training images is held out for evaluation.
///
/// Without `stratify` the side of an image is a function of its bytes in the source and of `split_seed` alone: adding
/// or removing an image never moves another one, and a class gets its share only on average. With it each class gets
/// its share to the image, which no such function can give; adding or removing an image then moves at most one other
/// to evaluation and one from it. Either way copies of an image are on the same side, and `model.input` makes no
/// difference.
pub fn held_out(data: &config::Data, images: &[Image]) -> Vec<bool> {
    let Some(part) = Part::of(data) else {
        return vec![false; images.len()];
    };
    let draws: Vec<u64> = images
        .iter()
        .map(|image| draw(data, Purpose::Split, *image))
        .collect();
    match data.stratify {
        true => stratified(part, &draws, images),
        false => draws.iter().map(|draw| part.has_draw(*draw)).collect(),
    }
}

/// The part of the training images that is for evaluation.
#[derive(Clone, Copy)]
enum Part {
    /// So many of one.
    Share(f64),
    /// The one of this number, from 1, of so many that are equal.
    Fold { fold: u64, folds: u64 },
}

impl Part {
    fn of(data: &config::Data) -> Option<Self> {
        match (data.validation, data.folds, data.fold) {
            (Some(share), ..) => Some(Self::Share(share)),
            (None, Some(folds), Some(fold)) => Some(Self::Fold { fold, folds }),
            _ => None,
        }
    }

    /// Whether an image of which nothing is known but its draw is in this part.
    fn has_draw(self, draw: u64) -> bool {
        match self {
            Self::Share(share) => draw as f64 / (u64::MAX as f64) < share,
            Self::Fold { fold, folds } => {
                ((u128::from(draw) * u128::from(folds)) >> 64) as u64 + 1 == fold
            }
        }
    }

    /// Which of `count` images in a row are in this part. Of folds that cannot be equal the first have one more, so
    /// that with one image more a single fold grows, and each end moves by one at most.
    fn ranks(self, count: usize) -> Range<usize> {
        match self {
            Self::Share(share) => 0..(share * count as f64).round() as usize,
            Self::Fold { fold, folds } => {
                let [fold, folds] = [fold, folds].map(|number| number as usize);
                let end = |fold: usize| fold * (count / folds) + fold.min(count % folds);
                end(fold - 1)..end(fold)
            }
        }
    }
}

/// Whether each image is in a part that every class has its share of: the images of a class are brought into the
/// order of their draws, and their ranks decide. Copies of an image count as one, in the first of their classes.
fn stratified(part: Part, draws: &[u64], images: &[Image]) -> Vec<bool> {
    let mut class_of: BTreeMap<u64, u32> = BTreeMap::new();
    for (draw, (_, label)) in draws.iter().zip(images) {
        let class = class_of.entry(*draw).or_insert(*label);
        *class = (*class).min(*label);
    }
    let mut in_order: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (draw, class) in &class_of {
        in_order.entry(*class).or_default().push(*draw);
    }
    let of_class = |draws: &Vec<u64>| draws[part.ranks(draws.len())].to_vec();
    let chosen: BTreeSet<u64> = in_order.values().flat_map(of_class).collect();
    draws.iter().map(|draw| chosen.contains(draw)).collect()
}

/// The places of at most `limit` images, of each class its share, the rest going to the classes that miss most of
/// theirs. A larger limit keeps those of a smaller one, as far as its shares allow.
pub fn kept(data: &config::Data, images: &[Image], limit: usize, classes: usize) -> Vec<usize> {
    if limit >= images.len() {
        return (0..images.len()).collect();
    }
    let mut counts = vec![0usize; classes];
    for (_, label) in images {
        counts[*label as usize] += 1;
    }
    let share = |class: usize| {
        let product = counts[class] as u128 * limit as u128;
        let all = images.len() as u128;
        ((product / all) as usize, product % all)
    };
    let mut quotas: Vec<usize> = (0..classes).map(|class| share(class).0).collect();
    let mut by_rest: Vec<usize> = (0..classes).collect();
    by_rest.sort_by_key(|class| std::cmp::Reverse(share(*class).1));
    let missing = limit - quotas.iter().sum::<usize>();
    for class in &by_rest[..missing] {
        quotas[*class] += 1;
    }
    let mut places: Vec<usize> = (0..images.len()).collect();
    places.sort_by_cached_key(|place| draw(data, Purpose::Limit, images[*place]));
    places.retain(|place| {
        let quota = &mut quotas[images[*place].1 as usize];
        let is_taken = *quota > 0;
        *quota -= usize::from(is_taken);
        is_taken
    });
    places.sort_unstable();
    places
}

/// A number that follows from the image itself.
fn draw(data: &config::Data, purpose: Purpose, (hash, _): Image) -> u64 {
    stream(data.split_seed, purpose, 0, hash).next_u64()
}
