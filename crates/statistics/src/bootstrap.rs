//! The interval of a difference of scores on the same images, by drawing images again and again.

use rayon::prelude::*;
use runner_metrics::ConfusionMatrix;
use runner_random::{Purpose, stream};

use super::ALPHA;

/// What two classifiers say of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The class of the image.
    pub label: u32,
    /// What the first takes it for.
    pub first: u32,
    /// What the second takes it for.
    pub second: u32,
}

/// A difference with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// The score of the first less that of the second.
    pub difference: f64,
    /// Of the 95 % percentile interval.
    pub low: f64,
    /// The other end.
    pub high: f64,
}

/// The percentile bootstrap of the difference of a score (B. Efron, "Bootstrap methods: another look at the jackknife",
/// 1979): images are drawn with replacement `resamples` times, the same ones for both. It follows from the seed alone,
/// whatever the number of threads.
///
/// # Panics
/// If there are no images or resamples, or a class is not below `classes`.
pub fn paired(
    pairs: &[Pair],
    classes: usize,
    score: impl Fn(&ConfusionMatrix) -> f64 + Sync,
    resamples: usize,
    seed: u64,
) -> Bootstrap {
    let kinds = Kinds::new(pairs);
    let difference = |counts: &[u32]| {
        let mut matrices = [ConfusionMatrix::new(classes), ConfusionMatrix::new(classes)];
        for (pair, count) in kinds.pairs.iter().zip(counts) {
            let label = pair.label as usize;
            matrices[0].add_many(label, pair.first as usize, u64::from(*count));
            matrices[1].add_many(label, pair.second as usize, u64::from(*count));
        }
        score(&matrices[0]) - score(&matrices[1])
    };
    let mut drawn: Vec<f64> = (0..resamples as u64)
        .into_par_iter()
        .map_init(
            || vec![0; kinds.pairs.len()],
            |counts, resample| {
                counts.fill(0);
                let mut random = stream(seed, Purpose::Bootstrap, 0, resample);
                for _ in 0..kinds.of_image.len() {
                    let image = random.below(kinds.of_image.len() as u64);
                    counts[kinds.of_image[image as usize] as usize] += 1;
                }
                difference(counts)
            },
        )
        .collect();
    drawn.sort_unstable_by(f64::total_cmp);
    Bootstrap {
        difference: difference(&kinds.counts),
        low: quantile(&drawn, ALPHA / 2.0),
        high: quantile(&drawn, 1.0 - ALPHA / 2.0),
    }
}

/// The quantile by linear interpolation, as NumPy's default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// Images of which both classifiers say the same count as one kind; there are few.
struct Kinds {
    pairs: Vec<Pair>,
    counts: Vec<u32>,
    /// The kind of each image.
    of_image: Vec<u32>,
}

impl Kinds {
    fn new(pairs: &[Pair]) -> Self {
        let mut known = std::collections::BTreeMap::new();
        let mut kinds = Self {
            pairs: Vec::new(),
            counts: Vec::new(),
            of_image: Vec::with_capacity(pairs.len()),
        };
        for pair in pairs {
            let key = (pair.label, pair.first, pair.second);
            let kind = *known.entry(key).or_insert_with(|| {
                kinds.pairs.push(*pair);
                kinds.counts.push(0);
                kinds.pairs.len() - 1
            });
            kinds.counts[kind] += 1;
            kinds.of_image.push(kind as u32);
        }
        kinds
    }
}
