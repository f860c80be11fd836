//! Divides the training images of a source, and limits splits.

use super::dataset::Dataset;
use crate::config;
use crate::random::{Purpose, stream};

/// Divides training images into those that stay and those that are held out for evaluation.
///
/// The side of an image is a function of its bytes in the source and of `split_seed` alone. So adding or
/// removing an image never moves another one, copies of an image are on the same side, and `model.input`
/// makes no difference. The price: a class gets its share only on average. An exact share would need
/// rounding, and rounding depends on the other images.
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
