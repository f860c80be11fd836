//! `[loss]`: what training makes small.

use serde::Serialize;

use crate::language::choice::{ChoiceKey, Variant, infos};
use crate::language::info::{Fallback, KeyInfo, Kind};
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{FromNode, NOT_NEGATIVE, SHARE, either};
use crate::text::tree::{Node, Value};

/// What training minimizes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// The cross entropy.
    CrossEntropy(CrossEntropy),
    /// The focal loss.
    Focal(Focal),
}

/// As `torch.nn.CrossEntropyLoss`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrossEntropy {
    /// The share of the target that is spread over all classes.
    pub label_smoothing: f64,
    /// The weight of each class; all alike if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
}

/// `T.-Y. Lin et al., "Focal Loss for Dense Object Detection", 2017`, over all classes: the cross
/// entropy of a sample times `(1 - p)^gamma`, with `p` the probability of its class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Focal {
    /// The exponent; at least 0, where 0 is the cross entropy.
    pub gamma: f64,
    /// The weight of each class; all alike if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
}

/// The weight of the samples of each class.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// Samples / (classes * samples of the class), of the training data, as
    /// scikit-learn's `class_weight="balanced"`.
    Balanced,
    /// One weight a class, in the order of the classes; at least 0.
    #[serde(untagged)]
    Stated(Vec<f64>),
}

const BALANCED: &str = "balanced";

impl FromNode for ClassWeights {
    fn from_node(node: &Node, kind: Kind) -> Result<Self, &Node> {
        match (&node.value, kind) {
            (Value::String(word), _) if word == BALANCED => Ok(Self::Balanced),
            (_, Kind::Either(&[numbers, _])) => {
                Vec::from_node(node, numbers).map(ClassWeights::Stated)
            }
            _ => Err(node),
        }
    }

    fn placeholder() -> Self {
        Self::Balanced
    }
}

const LABEL_SMOOTHING: Key<f64> = Key::with_default(
    "label_smoothing",
    SHARE,
    "0.0",
    "fraction of the target that is spread evenly over all classes",
);
const GAMMA: Key<f64> = Key::with_default(
    "gamma",
    NOT_NEGATIVE,
    "2.0",
    "how strongly well-classified samples are down-weighted; 0 is the plain cross entropy",
);
const CLASS_WEIGHTS: Key<Option<ClassWeights>> = Key::optional(
    "class_weights",
    either(&[
        Kind::Array {
            each: &Kind::NOT_NEGATIVE,
            length: None,
            words: "an array of numbers of at least 0, one per class",
        },
        Kind::Word(&[BALANCED]),
    ]),
    "weight of each class; \"balanced\": the fewer images a class has, the higher its weight",
);

type Reader = fn(&Section<'_>) -> Loss;

/// The losses of the language.
const LOSSES: [Variant<Reader>; 2] = [
    Variant::new(
        "cross_entropy",
        &[LABEL_SMOOTHING.info, CLASS_WEIGHTS.info],
        "cross entropy, like torch.nn.CrossEntropyLoss",
        |section| {
            Loss::CrossEntropy(CrossEntropy {
                label_smoothing: section.read(&LABEL_SMOOTHING),
                class_weights: section.read(&CLASS_WEIGHTS),
            })
        },
    ),
    Variant::new(
        "focal",
        &[GAMMA.info, CLASS_WEIGHTS.info],
        "focal loss: cross entropy times (1 - p)^gamma",
        |section| {
            Loss::Focal(Focal {
                gamma: section.read(&GAMMA),
                class_weights: section.read(&CLASS_WEIGHTS),
            })
        },
    ),
];
const KEYS: &[KeyInfo] = &infos(&LOSSES);

/// The key of the document.
pub(crate) const LOSS: ChoiceKey<Reader> = ChoiceKey::new(
    "loss",
    &LOSSES,
    KEYS,
    Fallback::Value("\"cross_entropy\""),
    "loss that training minimizes; evaluation always reports the plain cross entropy",
);

impl Loss {
    /// `classes` is how many the network tells apart, where that is known.
    pub(crate) fn read(document: &Section<'_>, classes: Option<usize>) -> Self {
        let (loss, section) = document
            .choice(&LOSS)
            .unwrap_or_else(|| (&LOSSES[0], document.nothing()));
        let read = (loss.read)(&section);
        check_class_weights(&section, read.class_weights(), classes);
        read
    }

    /// The weights of the classes, if there are any.
    pub fn class_weights(&self) -> Option<&ClassWeights> {
        match self {
            Loss::CrossEntropy(loss) => loss.class_weights.as_ref(),
            Loss::Focal(loss) => loss.class_weights.as_ref(),
        }
    }
}

fn check_class_weights(
    section: &Section<'_>,
    weights: Option<&ClassWeights>,
    classes: Option<usize>,
) {
    let (Some(node), Some(ClassWeights::Stated(weights))) = (section.node(&CLASS_WEIGHTS), weights)
    else {
        return;
    };
    if let Some(classes) = classes.filter(|classes| weights.len() != *classes) {
        let message = format!(
            "`{}` has {} numbers for {classes} classes",
            section.path_of(CLASS_WEIGHTS.name),
            weights.len()
        );
        let help = "give one per output of the network, in class order";
        section.report_at(node, message, None, help);
    } else if weights.iter().all(|weight| *weight == 0.0) {
        let message = "all class weights are 0, so nothing can be learned".to_owned();
        section.report_at(
            node,
            message,
            None,
            "give at least one class a weight above 0",
        );
    }
}
