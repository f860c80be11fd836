//! `[model]`: the input, and the network as a list of layers or by the name of a preset.

use serde::Serialize;

use super::initializer::{self, Initializer};
use super::key::{Fallback, Key, Kind, LayerKeys};
use super::layer::{Layer, layer_keys};
use super::preset::PRESETS;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Model {
    /// Channels, height, width of one image.
    pub input: [usize; 3],
    /// How the weights of convolutions and linear layers begin that do not say it themselves.
    pub init: Initializer,
    pub layers: Vec<Layer>,
}

pub const INPUT: Key = Key::required(
    "input",
    Kind::Array {
        each: &Kind::COUNT,
        length: Some(3),
        words: "[channels, height, width], each an integer from 1 to 1048576",
    },
    "the size of one image",
)
.unit("channels, pixels, pixels");
pub const INIT: Key = Key::optional(
    "init",
    Kind::Choice(initializer::KEYS),
    "\"pytorch\"",
    "how the weights of convolutions and linear layers begin, and with any but \"pytorch\" their biases at 0",
);
pub const PRESET: Key = Key::new(
    "preset",
    Kind::Word(PRESETS),
    Fallback::Nothing,
    "a known network, in place of `layers`; `runner config show` writes it out",
);
pub const WIDTH: Key = Key::new(
    "width",
    Kind::COUNT,
    Fallback::Derived("what is usual for the preset"),
    "the channels of the preset's first stage, or the features of an mlp's layers",
);
pub const CLASSES: Key = Key::new(
    "classes",
    Kind::Integer {
        min: 2,
        max: super::key::MAX_SIZE,
    },
    Fallback::Nothing,
    "the number of classes that a preset tells apart",
);
pub const LAYERS: Key = Key::new(
    "layers",
    Kind::Layers(LayerKeys(layer_keys)),
    Fallback::Derived("those of `preset`"),
    "the network",
);
pub const KEYS: &[Key] = &[INPUT, INIT, PRESET, WIDTH, CLASSES, LAYERS];

/// Stands for an input that cannot be read.
pub const UNREAD: [usize; 3] = [0; 3];
