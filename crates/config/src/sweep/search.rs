//! `[search]`: which points of the parameters are tried, and how long.

use serde::Serialize;
use strum::{EnumString, VariantNames};

use crate::language::choice::{ChoiceKey, Variant, infos};
use crate::language::info::{Fallback, KeyInfo, MAX_SIZE};
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{PART, count, integer, word};
use crate::language::word::Word;

/// How points are chosen, and how long their trials train.
#[derive(Debug, Clone, PartialEq)]
pub enum Search {
    /// Every combination of the listed values, the first parameter slowest.
    Grid,
    /// Points drawn at random.
    Random(Random),
    /// Points of a scrambled Sobol sequence, which fill the space evenly.
    Sobol(Sobol),
    /// Many points for a short time, the best of them longer.
    Halving(Halving),
    /// Several halvings that differ in how short the short time is.
    Hyperband(Hyperband),
    /// Each point where the results so far promise most.
    Tpe(Tpe),
}

/// Random search.
#[derive(Debug, Clone, PartialEq)]
pub struct Random {
    /// The number of points.
    pub trials: u64,
    /// The seed that the points follow from.
    pub seed: u64,
}

/// Search by a Sobol sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Sobol {
    /// The number of points.
    pub trials: u64,
    /// The seed that the scrambling follows from.
    pub seed: u64,
}

/// Successive halving (K. Jamieson and A. Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter
/// Optimization", 2016), in steps that wait for all of a rung.
#[derive(Debug, Clone, PartialEq)]
pub struct Halving {
    /// The number of points of the first rung; that of the grid where it is absent.
    pub trials: Option<u64>,
    /// One of so many points goes on to the next rung, which trains so many times as long.
    pub eta: u64,
    /// The epochs of the first rung.
    pub min_epochs: u64,
    /// Where the points come from; follows from the parameters where it is absent.
    pub sampling: Option<Sampling>,
    /// The seed that drawn points follow from.
    pub seed: u64,
}

/// Hyperband (L. Li and others, "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", 2018).
#[derive(Debug, Clone, PartialEq)]
pub struct Hyperband {
    /// As that of [`Halving`].
    pub eta: u64,
    /// The epochs of the shortest rung.
    pub min_epochs: u64,
    /// Where the points come from.
    pub sampling: Sampling,
    /// The seed that the points follow from.
    pub seed: u64,
}

/// Tree-structured Parzen estimators (J. Bergstra and others, "Algorithms for Hyper-Parameter Optimization", 2011).
#[derive(Debug, Clone, PartialEq)]
pub struct Tpe {
    /// The number of points.
    pub trials: u64,
    /// So many points are drawn at random before any result counts.
    pub startup: u64,
    /// So many points are chosen at a time, from the results of all points before them.
    pub batch: u64,
    /// The share of results that count as good.
    pub gamma: f64,
    /// So many candidates are drawn for each value, of which the most promising is taken.
    pub candidates: u64,
    /// The seed that all draws follow from.
    pub seed: u64,
}

/// Where the points of a search come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Sampling {
    /// Every combination of the listed values.
    Grid,
    /// Drawn at random.
    Random,
    /// A scrambled Sobol sequence.
    Sobol,
}

impl Word for Sampling {}

const TRIALS: Key<u64> = Key::required(
    "trials",
    count(),
    "number of points, each run with every seed",
);
const TRIALS_OR_GRID: Key<Option<u64>> = Key::derived(
    "trials",
    count(),
    "all points of the grid",
    "number of points of the first rung, each run with every seed",
);
const SEED: Key<u64> = Key::with_default(
    "seed",
    integer(0, i64::MAX as u64),
    "0",
    "seed that the drawn points follow from",
);
const ETA: Key<u64> = Key::with_default(
    "eta",
    integer(2, MAX_SIZE),
    "3",
    "one of this many points goes on to the next rung, which is this many times as long",
);
const MIN_EPOCHS: Key<u64> =
    Key::with_default("min_epochs", count(), "1", "epochs of the first rung").unit("epochs");
const SAMPLING: Key<Option<Sampling>> = Key::derived(
    "sampling",
    word(),
    "\"grid\" where every parameter lists its values and `trials` is absent or the size of the grid, else \"random\"",
    "where the points come from",
);
const DRAWN: Key<Sampling> = Key::with_default(
    "sampling",
    word(),
    "\"random\"",
    "where the points come from; a grid has no number of points to choose",
);
const STARTUP: Key<u64> = Key::with_default(
    "startup",
    count(),
    "10",
    "number of points that are drawn at random before results count",
);
const BATCH: Key<u64> = Key::with_default(
    "batch",
    count(),
    "4",
    "number of points that are chosen at a time, from the results of all points before; they can run at once",
);
const GAMMA: Key<f64> = Key::with_default(
    "gamma",
    PART,
    "0.1",
    "share of the results that count as good",
);
const CANDIDATES: Key<u64> = Key::with_default(
    "candidates",
    count(),
    "24",
    "number of candidates for a value, of which the most promising is taken",
);

type Reader = fn(&Section<'_>) -> Search;

const SEARCHES: [Variant<Reader>; 6] = [
    Variant::new(
        "grid",
        &[],
        "every combination of the listed values, the first parameter slowest",
        |_| Search::Grid,
    ),
    Variant::new(
        "random",
        &[TRIALS.info, SEED.info],
        "points drawn at random",
        |section| {
            Search::Random(Random {
                trials: section.read(&TRIALS),
                seed: section.read(&SEED),
            })
        },
    ),
    Variant::new(
        "sobol",
        &[TRIALS.info, SEED.info],
        "points of a scrambled Sobol sequence, which fill the space evenly",
        |section| {
            Search::Sobol(Sobol {
                trials: section.read(&TRIALS),
                seed: section.read(&SEED),
            })
        },
    ),
    Variant::new(
        "halving",
        &[
            TRIALS_OR_GRID.info,
            ETA.info,
            MIN_EPOCHS.info,
            SAMPLING.info,
            SEED.info,
        ],
        "many points for a short time, the best of them longer, as successive halving",
        |section| {
            Search::Halving(Halving {
                trials: section.read(&TRIALS_OR_GRID),
                eta: section.read(&ETA),
                min_epochs: section.read(&MIN_EPOCHS),
                sampling: section.read(&SAMPLING),
                seed: section.read(&SEED),
            })
        },
    ),
    Variant::new(
        "hyperband",
        &[ETA.info, MIN_EPOCHS.info, DRAWN.info, SEED.info],
        "several halvings, from many points for a short time to few for the full one",
        |section| Search::Hyperband(read_hyperband(section)),
    ),
    Variant::new(
        "tpe",
        &[
            TRIALS.info,
            STARTUP.info,
            BATCH.info,
            GAMMA.info,
            CANDIDATES.info,
            SEED.info,
        ],
        "each point where the results so far promise most, by tree-structured Parzen estimators",
        |section| {
            Search::Tpe(Tpe {
                trials: section.read(&TRIALS),
                startup: section.read(&STARTUP),
                batch: section.read(&BATCH),
                gamma: section.read(&GAMMA),
                candidates: section.read(&CANDIDATES),
                seed: section.read(&SEED),
            })
        },
    ),
];
const KEYS: &[KeyInfo] = &infos(&SEARCHES);

pub(super) const SEARCH: ChoiceKey<Reader> = ChoiceKey::new(
    "search",
    &SEARCHES,
    KEYS,
    Fallback::Value("\"grid\""),
    "which points are tried, and for how long",
);

fn read_hyperband(section: &Section<'_>) -> Hyperband {
    let sampling = section.read(&DRAWN);
    if sampling == Sampling::Grid {
        section.report(
            &DRAWN,
            "`hyperband` chooses the number of its points, and a grid has its own".to_owned(),
            "",
            "write \"random\" or \"sobol\", or search by `halving`, which takes a grid",
        );
    }
    Hyperband {
        eta: section.read(&ETA),
        min_epochs: section.read(&MIN_EPOCHS),
        sampling,
        seed: section.read(&SEED),
    }
}

impl Search {
    pub(super) fn read(document: &Section<'_>) -> Self {
        match document.choice(&SEARCH) {
            Some((search, section)) => (search.read)(&section),
            None => Search::Grid,
        }
    }

    /// Its name in the language.
    pub fn name(&self) -> &'static str {
        match self {
            Search::Grid => "grid",
            Search::Random(_) => "random",
            Search::Sobol(_) => "sobol",
            Search::Halving(_) => "halving",
            Search::Hyperband(_) => "hyperband",
            Search::Tpe(_) => "tpe",
        }
    }
}
