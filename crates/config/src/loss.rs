//! `[loss]`: what training makes small.

use serde::Serialize;

use super::key::{Fallback, Key, Kind};
use super::section::Section;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    CrossEntropy(CrossEntropy),
    Focal(Focal),
}

/// As `torch.nn.CrossEntropyLoss`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrossEntropy {
    /// The share of the target that is spread over all classes.
    pub label_smoothing: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
}

/// `T.-Y. Lin et al., "Focal Loss for Dense Object Detection", 2017`, over all classes: the cross
/// entropy of a sample times `(1 - p)^gamma`, with `p` the probability of its class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Focal {
    pub gamma: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
}

/// How much the samples of each class count.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ClassWeights {
    /// `balanced`: samples / (classes * samples of the class), of the training data, as
    /// scikit-learn's `class_weight="balanced"`.
    Word(String),
    /// One a class, in the order of the classes.
    Stated(Vec<f64>),
}

const LABEL_SMOOTHING: Key = Key::optional(
    "label_smoothing",
    Kind::SHARE,
    "0.0",
    "the share of the target that is spread evenly over all classes",
);
const GAMMA: Key = Key::optional(
    "gamma",
    Kind::NOT_NEGATIVE,
    "2.0",
    "how much less samples count that are right already; 0 is the cross entropy",
);
const CLASS_WEIGHTS: Key = Key::new(
    "class_weights",
    Kind::Either(&[
        Kind::Array {
            each: &Kind::NOT_NEGATIVE,
            length: None,
            words: "an array of numbers of at least 0, one for each class",
        },
        Kind::Word(&["balanced"]),
    ]),
    Fallback::Nothing,
    "how much the images of each class count; \"balanced\": the fewer there are, the more",
);

pub const KEYS: &[Key] = &[
    loss(
        "cross_entropy",
        &[LABEL_SMOOTHING, CLASS_WEIGHTS],
        "the cross entropy, as torch.nn.CrossEntropyLoss",
    ),
    loss(
        "focal",
        &[GAMMA, CLASS_WEIGHTS],
        "the focal loss: the cross entropy times (1 - p)^gamma",
    ),
];

const fn loss(name: &'static str, keys: &'static [Key], meaning: &'static str) -> Key {
    Key::new(name, Kind::Table(keys), Fallback::Nothing, meaning)
}

impl Loss {
    /// `classes` is how many the network tells apart, where that is known.
    pub(super) fn read(key: &Key, section: &Section<'_>, classes: Option<usize>) -> Self {
        let (loss, section) = section
            .choice(key)
            .unwrap_or_else(|| section.nothing(&KEYS[0]));
        let class_weights = read_class_weights(&section, classes);
        match loss.name {
            "cross_entropy" => Loss::CrossEntropy(CrossEntropy {
                label_smoothing: section.float(&LABEL_SMOOTHING),
                class_weights,
            }),
            "focal" => Loss::Focal(Focal {
                gamma: section.float(&GAMMA),
                class_weights,
            }),
            _ => unreachable!("every loss of the language is read"),
        }
    }

    pub fn class_weights(&self) -> Option<&ClassWeights> {
        match self {
            Loss::CrossEntropy(loss) => loss.class_weights.as_ref(),
            Loss::Focal(loss) => loss.class_weights.as_ref(),
        }
    }
}

fn read_class_weights(section: &Section<'_>, classes: Option<usize>) -> Option<ClassWeights> {
    let node = section.node(&CLASS_WEIGHTS)?;
    let before = section.diagnostics().errors();
    let Some(weights) = section.floats_or_word(&CLASS_WEIGHTS) else {
        return Some(ClassWeights::Word("balanced".to_owned()));
    };
    let is_read = section.diagnostics().errors() == before;
    if let Some(classes) = classes.filter(|classes| is_read && weights.len() != *classes) {
        let message = format!(
            "`{}` has {} numbers for {classes} classes",
            section.path_of(CLASS_WEIGHTS.name),
            weights.len()
        );
        let help = "give one for each class that the network tells apart, in their order";
        section.report_at(node, message, None, help);
    } else if is_read && weights.iter().all(|weight| *weight == 0.0) {
        let message = "with all weights 0 nothing can be learned".to_owned();
        section.report_at(node, message, None, "give at least one class a weight");
    }
    Some(ClassWeights::Stated(weights))
}
