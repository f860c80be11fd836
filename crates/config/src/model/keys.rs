//! `[model]`: the input, and the network as a list of layers or by the name of a preset.

use serde::Serialize;

use super::initializer::{self, Initializer};
use super::layer::{Layer, layer_keys};
use super::preset::Preset;
use crate::language::info::{Fallback, KeyInfo, Kind, LayerKeys, MAX_SIZE};
use crate::language::key::{Key, TableKey};
use crate::language::values::{TEXT, count, integer, three_counts, word};

/// The network, with presets, `sequential` and `repeat` written out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Model {
    /// Channels, height, width of one image.
    pub input: [usize; 3],
    /// How the weights of convolutions and linear layers begin that do not say it themselves.
    pub init: Initializer,
    /// Where the known weights are that the network begins with, where they fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// The layers in the order in which data flow.
    pub layers: Vec<Layer>,
}

pub(crate) const INPUT: Key<[usize; 3]> = Key::required(
    "input",
    three_counts("[channels, height, width], each an integer from 1 to 1048576"),
    "shape of one image",
)
.unit("channels, pixels, pixels");
pub(crate) const WEIGHTS: Key<Option<String>> = Key::optional(
    "weights",
    TEXT,
    "known weights to begin with instead of random ones: a run directory (its best checkpoint), a checkpoint, a \
     safetensors file, or a state dict of PyTorch (.pth, .pt); names of torchvision and timm are understood for \
     resnet18 and vgg11; what does not fit begins anew, and is listed",
);
pub(crate) const PRESET: Key<Option<Preset>> = Key::optional(
    "preset",
    word(),
    "predefined network, in place of `layers`; `runner config show` prints its layers",
);
pub(crate) const WIDTH: Key<Option<usize>> = Key::derived(
    "width",
    count(),
    "the usual width of the preset",
    "number of channels in the preset's first stage, or of features in an mlp's hidden layers",
);
pub(crate) const CLASSES: Key<Option<usize>> = Key::optional(
    "classes",
    integer(2, MAX_SIZE),
    "number of classes that the preset predicts",
);
pub(crate) const LAYERS: TableKey = TableKey::new(
    "layers",
    Kind::Layers(LayerKeys(layer_keys)),
    Fallback::derived("those of `preset`"),
    "the network",
);
pub(crate) const MODEL: TableKey = TableKey::required("model", KEYS, "the network");
const KEYS: &[KeyInfo] = &[
    INPUT.info,
    initializer::NETWORK_INIT.info,
    WEIGHTS.info,
    PRESET.info,
    WIDTH.info,
    CLASSES.info,
    LAYERS.info,
];

/// Stands for an input that cannot be read.
pub(crate) const UNREAD: [usize; 3] = [0; 3];
