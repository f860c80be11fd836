//! `[data]`: where the images are and how their bytes become numbers.

use serde::Serialize;

use super::key::{Fallback, Key, Kind};
use super::section::Section;

/// Pixels are bytes, 0..=255. The network sees `(pixel * scale - mean) / std`, channel by channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Data {
    /// Folder of the training images, or the IDX file that holds them.
    pub train: String,
    /// The same for evaluation.
    pub eval: String,
    pub scale: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Normalize {
    /// One value a channel, in scaled units.
    pub mean: Vec<f64>,
    /// One value a channel, in scaled units.
    pub std: Vec<f64>,
}

const PATH: Key = Key::new(
    "path",
    Kind::Text,
    Fallback::Nothing,
    "a folder with both splits: train-images-idx3-ubyte[.gz], t10k-images-idx3-ubyte[.gz] and their labels",
);
const TRAIN: Key = Key::new(
    "train",
    Kind::Text,
    Fallback::Derived("`path`"),
    "the training images apart from `path`: a folder like it, or an IDX images file, its labels beside it",
);
const EVAL: Key = Key::new(
    "eval",
    Kind::Text,
    Fallback::Derived("`path`"),
    "the evaluation images apart from `path`: a folder like it, or an IDX images file, its labels beside it",
);
const SCALE: Key = Key::optional(
    "scale",
    Kind::POSITIVE,
    "1.0",
    "the factor on each pixel (0..255) before `normalize`",
);
const NORMALIZE: Key = Key::new(
    "normalize",
    Kind::Table(&[MEAN, STD]),
    Fallback::Nothing,
    "the mean to subtract and the standard deviation to divide by, after `scale`",
);
const MEAN: Key = Key::required(
    "mean",
    Kind::Array {
        each: &Kind::NUMBER,
        length: None,
        words: "an array of finite numbers, one a channel",
    },
    "what is subtracted from each channel",
)
.unit("scaled pixels");
const STD: Key = Key::required(
    "std",
    Kind::Array {
        each: &Kind::POSITIVE,
        length: None,
        words: "an array of finite numbers greater than 0, one a channel",
    },
    "what each channel is divided by",
)
.unit("scaled pixels");

pub const KEYS: &[Key] = &[PATH, TRAIN, EVAL, SCALE, NORMALIZE];

impl Data {
    /// `channels` is `None` where `model.input` cannot be read.
    pub(super) fn read(section: &Section<'_>, channels: Option<usize>) -> Self {
        let [path, train, eval] = [&PATH, &TRAIN, &EVAL].map(|key| {
            let text = section.optional_text(key);
            if text.as_deref() == Some("") && section.has_text(key) {
                let message = format!("`{}` is empty", section.path_of(key.name));
                section.report(key, message, "", "name a folder or a file");
            }
            text
        });
        let (train, eval) = match (path, train, eval) {
            (_, Some(train), Some(eval)) => (train, eval),
            (Some(path), train, eval) => (train.unwrap_or(path.clone()), eval.unwrap_or(path)),
            (None, None, None) => {
                let help = "name a folder that holds both splits: path = \"data/digits\"";
                section.report_needed(&PATH, "no data are named", help);
                Default::default()
            }
            (None, train, _) => {
                let (there, absent) = match train {
                    Some(_) => ("train", "eval"),
                    None => ("eval", "train"),
                };
                let message = format!("`data.{there}` names the one split, and nothing the other");
                let help = format!("add {absent} = \"...\", or a `path` that holds it");
                section.report(
                    if there == "train" { &TRAIN } else { &EVAL },
                    message,
                    "",
                    &help,
                );
                Default::default()
            }
        };
        let scale = section.float(&SCALE);
        if let Some(node) = section.node(&SCALE)
            && scale > 1.0
        {
            section.warn(
                node,
                format!("pixels of 255 become {}", 255.0 * scale),
                None,
                "`scale` is a factor: 1/255, that is 0.00392156862745098, brings them to 0..1",
            );
        }
        let normalize = Normalize::read(section, channels);
        // What could not be read is empty.
        let is_of_one = |values: &[f64]| !values.is_empty() && values.iter().all(|it| *it <= 1.0);
        let is_of_one = |it: &Normalize| is_of_one(&it.mean) && is_of_one(&it.std);
        if let (Some(node), Some(true)) =
            (section.node(&NORMALIZE), normalize.as_ref().map(is_of_one))
            && scale == 1.0
        {
            section.warn(
                node,
                "this looks like the mean and deviation of pixels from 0 to 1, and they go to 255"
                    .to_owned(),
                None,
                "set scale = 0.00392156862745098, that is 1/255",
            );
        }
        Self {
            train,
            eval,
            scale,
            normalize,
        }
    }
}

impl Normalize {
    fn read(section: &Section<'_>, channels: Option<usize>) -> Option<Self> {
        section.node(&NORMALIZE)?;
        let table = section.table(&NORMALIZE);
        let mean = table.floats(&MEAN);
        let std = table.floats(&STD);
        for (key, values) in [(&MEAN, &mean), (&STD, &std)] {
            if let (Some(channels), Some(values)) = (channels, values)
                && values.len() != channels
            {
                let plural = |count: usize, what: &str| match count {
                    1 => format!("1 {what}"),
                    count => format!("{count} {what}s"),
                };
                table.report(
                    key,
                    format!(
                        "`{}` has {} for {}",
                        table.path_of(key.name),
                        plural(values.len(), "value"),
                        plural(channels, "channel")
                    ),
                    "",
                    "write one for each channel of `model.input`",
                );
            }
        }
        Some(Self {
            mean: mean.unwrap_or_default(),
            std: std.unwrap_or_default(),
        })
    }
}
