//! `normalize`: the mean and the standard deviation that pixels are brought to.

use serde::{Deserialize, Serialize};

use crate::language::info::{Fallback, Kind};
use crate::language::key::{Key, TableKey};
use crate::language::section::Section;
use crate::language::values::numbers;
use crate::text::tree::Value;

/// Where the mean and the standard deviation come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalize {
    /// They are computed from the training images.
    Auto,
    /// The config states them.
    #[serde(untagged)]
    Stated(Moments),
}

/// Mean and standard deviation of each channel, in scaled pixels (`pixel * scale`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// What is subtracted from each channel.
    pub mean: Vec<f64>,
    /// What each channel is divided by, greater than 0.
    pub std: Vec<f64>,
}

const AUTO: &str = "auto";

pub(super) const NORMALIZE: TableKey = TableKey::new(
    "normalize",
    Kind::Either(&[Kind::Table(&[MEAN.info, STD.info]), Kind::Word(&[AUTO])]),
    Fallback::Nothing,
    "mean to subtract and standard deviation to divide by, per channel, after `scale`; auto: \
     those of the training images",
);

const MEAN: Key<Vec<f64>> = Key::required(
    "mean",
    numbers(&Kind::NUMBER, "an array of finite numbers, one per channel"),
    "value subtracted from each channel",
)
.unit("scaled pixels");
const STD: Key<Vec<f64>> = Key::required(
    "std",
    numbers(
        &Kind::POSITIVE,
        "an array of finite numbers greater than 0, one per channel",
    ),
    "value each channel is divided by",
)
.unit("scaled pixels");

impl Normalize {
    /// `channels` is `None` where `model.input` cannot be read.
    pub(super) fn read(section: &Section<'_>, channels: Option<usize>) -> Option<Self> {
        let node = section.node(&NORMALIZE)?;
        if let Value::String(word) = &node.value {
            check_word(section, word, channels);
            return Some(Normalize::Auto);
        }
        let table = section.table(&NORMALIZE);
        let mean = table.try_read(&MEAN);
        let std = table.try_read(&STD);
        for (key, values) in [(&MEAN, &mean), (&STD, &std)] {
            if let (Some(channels), Some(values)) = (channels, values)
                && values.len() != channels
            {
                report_count(&table, key, values.len(), channels);
            }
        }
        Some(Normalize::Stated(Moments {
            mean: mean.unwrap_or_default(),
            std: std.unwrap_or_default(),
        }))
    }

    /// Warns of moments of pixels from 0 to 1 where pixels go to 255.
    pub(super) fn check_scale(&self, section: &Section<'_>, scale: f64) {
        // Values that could not be read are empty.
        let is_of_one = |values: &[f64]| !values.is_empty() && values.iter().all(|it| *it <= 1.0);
        if let (Some(node), Normalize::Stated(moments)) = (section.node(&NORMALIZE), self)
            && is_of_one(&moments.mean)
            && is_of_one(&moments.std)
            && scale == 1.0
        {
            section.warn(
                node,
                "this looks like the mean and standard deviation of pixels from 0 to 1, but \
                 pixels go up to 255"
                    .to_owned(),
                None,
                "set scale = 0.00392156862745098, that is 1/255",
            );
        }
    }
}

/// Reports a word that is not "auto", and "auto" for images with more channels than colour has.
fn check_word(section: &Section<'_>, word: &str, channels: Option<usize>) {
    if word != AUTO {
        let message = format!("`data.normalize` must be {}", NORMALIZE.kind);
        section.report(&NORMALIZE, message, "", "write normalize = \"auto\"");
    } else if let Some(channels) = channels.filter(|channels| *channels > 3) {
        let message = format!("normalize = \"auto\" does not support {channels} channels");
        let help =
            "it supports grey and colour images only; set `mean` and `std`, one value per channel";
        section.report(&NORMALIZE, message, "", help);
    }
}

fn report_count(table: &Section<'_>, key: &Key<Vec<f64>>, values: usize, channels: usize) {
    let plural = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let message = format!(
        "`{}` has {} for {}",
        table.path_of(key.name),
        plural(values, "value"),
        plural(channels, "channel")
    );
    table.report(key, message, "", "give one per channel of `model.input`");
}
