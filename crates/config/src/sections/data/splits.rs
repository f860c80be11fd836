//! Where each split of the images comes from: the keys, and whether they go together.

use crate::language::info::{KeyInfo, OnResume};
use crate::language::key::{Key, TableKey};
use crate::language::section::Section;
use crate::language::values::{BOOLEAN, PART, TEXT, integer};

pub(super) const PATH: Key<Option<String>> = Key::optional(
    "path",
    TEXT,
    "folder or file with all splits: a folder with train/ and test/ or val/, each with one folder \
     of images per class; a folder of IDX or CIFAR files, of WebDataset shards or of Parquet \
     files under their usual names; a CSV file with the columns path, label and split; or a \
     NumPy archive (.npz)",
)
.on_resume(OnResume::SameData);
pub(super) const TRAIN: Key<Option<String>> = Key::follows(
    "train",
    TEXT,
    "path",
    "`path`",
    "training images, in place of those in `path`: anything `path` accepts, a folder with one \
     folder of images per class, a single file, or a pattern for the shards of one split, such \
     as train-{000..146}.tar or train-*.parquet",
)
.on_resume(OnResume::SameData);
pub(super) const EVAL: Key<Option<String>> = Key::follows(
    "eval",
    TEXT,
    "path",
    "`path`",
    "evaluation images, in place of those in `path`; accepts the same as `train`",
)
.on_resume(OnResume::SameData);
pub(super) const TEST: Key<Option<String>> = Key::follows(
    "test",
    TEXT,
    "path",
    "`path`",
    "images for one final evaluation after the last epoch, separate from those evaluated every \
     epoch; by default the test split of `path`, unless evaluation already uses it",
)
.on_resume(OnResume::SameData);
/// What says where the images are: of all splits, of training, evaluation and test.
pub(crate) const PLACES: [&Key<Option<String>>; 4] = [&PATH, &TRAIN, &EVAL, &TEST];
pub(super) const VALIDATION: Key<Option<f64>> = Key::optional(
    "validation",
    PART,
    "fraction of the training images held out for evaluation, chosen by their content",
);
pub(super) const FOLDS: Key<Option<u64>> = Key::optional(
    "folds",
    integer(2, 1000),
    "number of parts the training images are split into, one of them for evaluation",
);
pub(super) const FOLD: Key<Option<u64>> = Key::optional(
    "fold",
    integer(1, 1000),
    "which of the `folds` is used for evaluation, counted from 1",
);
pub(super) const STRATIFY: Key<bool> = Key::with_default(
    "stratify",
    BOOLEAN,
    "false",
    "whether `validation` and `folds` give every class its exact share, and not only on average; adding or removing an image may then move one other of its class",
);

/// Reads the values of [`PLACES`].
pub(super) fn read_places(section: &Section<'_>) -> [Option<String>; 4] {
    PLACES.map(|key| {
        let text = section.read(key);
        if text.as_deref() == Some("") && section.has_text(key) {
            let message = format!("`{}` is empty", section.path_of(key.name));
            section.report(key, message, "", "name a folder or a file");
        }
        text
    })
}

/// Reports splits that come from nowhere, or from two places. `synthetic` is the key of made-up images.
pub(super) fn check_sources(section: &Section<'_>, synthetic: &TableKey) {
    let has = |key: &KeyInfo| section.node(key).is_some();
    let is_split = has(&VALIDATION) || has(&FOLDS);
    if has(synthetic) {
        for key in PLACES {
            section.report_two(
                key,
                synthetic,
                "images are either read from files or generated",
            );
        }
        return;
    }
    if is_split && has(&EVAL) {
        let split = if has(&VALIDATION) {
            &VALIDATION.info
        } else {
            &FOLDS.info
        };
        section.report_two(
            &EVAL,
            split,
            "evaluation images are both named and split off",
        );
    }
    if has(&PATH) || has(&TRAIN) && (has(&EVAL) || is_split) {
        return;
    }
    if !has(&TRAIN) && !has(&EVAL) {
        let help = "name a folder with both splits: path = \"data/digits\"";
        section.report_needed(&PATH, "no data source is set", help);
        return;
    }
    let (there, absent, instead) = match has(&TRAIN) {
        true => (
            &TRAIN,
            "eval",
            "a `path` that contains it, or validation = 0.1",
        ),
        false => (&EVAL, "train", "a `path` that contains it"),
    };
    let message = format!(
        "`data.{}` names one split, but nothing names the other",
        there.name
    );
    let help = format!("add {absent} = \"...\", or {instead}");
    section.report(there, message, "", &help);
}

/// Reads whether a split keeps the shares of the classes; warns where there is no such split.
pub(super) fn read_stratify(section: &Section<'_>) -> bool {
    let stratify = section.read(&STRATIFY);
    let is_split = section.node(&VALIDATION).is_some() || section.node(&FOLDS).is_some();
    if let Some(node) = section.node(&STRATIFY).filter(|_| stratify && !is_split) {
        let message = "`data.stratify` has no effect: no images are split off".to_owned();
        let help = "set `validation` or `folds`, or remove it";
        section.warn(node, message, None, help);
    }
    stratify
}

/// Reports a split by share and by folds at once, and folds of which no one is chosen.
pub(super) fn check_folds(section: &Section<'_>) {
    section.report_two(
        &VALIDATION,
        &FOLDS,
        "both `data.validation` and `data.folds` are set",
    );
    match (section.node(&FOLDS), section.node(&FOLD)) {
        (Some(_), None) => {
            let message =
                "`data.folds` is set without `data.fold`, the one used for evaluation".to_owned();
            section.report(&FOLDS, message, "", "add fold = 1, and run once per fold");
        }
        (None, Some(_)) => {
            let message = "`data.fold` is set without `data.folds`, the number of them".to_owned();
            section.report(&FOLD, message, "", "add folds = 5");
        }
        (Some(folds), Some(fold)) => {
            let (count, number) = (section.read(&FOLDS), section.read(&FOLD));
            if let (Some(count), Some(number)) = (count, number)
                && number > count
            {
                let message = format!("fold {number} does not exist: there are {count}");
                let related = Some((folds, format!("{count} folds")));
                section.report_at(fold, message, related, "folds are numbered from 1");
            }
        }
        (None, None) => {}
    }
}
