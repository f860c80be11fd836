//! Which images are for what.

use super::dataset::Dataset;
use crate::config;
use crate::random::{Purpose, stream};

/// Splits training images into those that stay and those that are for evaluation.
///
/// Where an image goes follows from what it is in its source and `split_seed` alone, so that no image that
/// comes or goes moves another, the same image twice is on one side, and neither colour nor size of what
/// the network sees makes a difference. Each class has its share as closely as
/// chance brings it: no rule that moves no image can meet it exactly, since the one image more or less
/// that makes a share whole would have to be another one for another set.
pub fn hold_out(data: &config::Data, train: Dataset) -> (Dataset, Dataset) {
    let is_for_evaluation = |place: usize| {
        let draw = draw(data, Purpose::Split, &train, place);
        match (data.validation, data.folds, data.fold) {
            (Some(share), ..) => draw as f64 / (u64::MAX as f64) < share,
            (None, Some(folds), Some(fold)) => {
                ((u128::from(draw) * u128::from(folds)) >> 64) as u64 + 1 == fold
            }
            _ => false,
        }
    };
    let (evaluation, training): (Vec<usize>, Vec<usize>) =
        (0..train.len()).partition(|place| is_for_evaluation(*place));
    (train.only(&training), train.only(&evaluation))
}

/// At most so many images, of each class its share, the rest going to the classes that miss most of
/// theirs. A larger limit keeps those of a smaller one, as far as its shares allow.
pub fn limit(
    data: &config::Data,
    dataset: Dataset,
    limit: Option<usize>,
    classes: usize,
) -> Dataset {
    let Some(limit) = limit.filter(|limit| *limit < dataset.len()) else {
        return dataset;
    };
    let counts = dataset.class_counts(classes);
    let share = |class: usize| {
        let product = counts[class] as u128 * limit as u128;
        let all = dataset.len() as u128;
        ((product / all) as usize, product % all)
    };
    let mut quotas: Vec<usize> = (0..classes).map(|class| share(class).0).collect();
    let mut by_rest: Vec<usize> = (0..classes).collect();
    by_rest.sort_by_key(|class| std::cmp::Reverse(share(*class).1));
    let missing = limit - quotas.iter().sum::<usize>();
    for class in &by_rest[..missing] {
        quotas[*class] += 1;
    }
    let mut places: Vec<usize> = (0..dataset.len()).collect();
    places.sort_by_cached_key(|place| draw(data, Purpose::Limit, &dataset, *place));
    places.retain(|place| {
        let quota = &mut quotas[dataset.labels[*place] as usize];
        let is_taken = *quota > 0;
        *quota -= usize::from(is_taken);
        is_taken
    });
    places.sort_unstable();
    dataset.only(&places)
}

/// A number that follows from the image itself.
fn draw(data: &config::Data, purpose: Purpose, dataset: &Dataset, place: usize) -> u64 {
    let hash = dataset.source_hash(place);
    stream(data.split_seed, purpose, 0, hash).next_u64()
}
