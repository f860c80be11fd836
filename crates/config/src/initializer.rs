//! How weights begin, with the names and defaults of `torch.nn.init`.

use serde::Serialize;

use super::key::{Fallback, Key, Kind};
use super::section::Section;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Initializer {
    /// What PyTorch's layers begin with: weights and biases uniform in ±1/√fan_in.
    Pytorch,
    KaimingUniform(Kaiming),
    KaimingNormal(Kaiming),
    XavierUniform(Gain),
    XavierNormal(Gain),
    Orthogonal(Gain),
    Zeros,
    Constant(Constant),
}

/// As `torch.nn.init.kaiming_uniform_` and `kaiming_normal_`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kaiming {
    /// `fan_in` or `fan_out`.
    pub mode: String,
    /// What follows the layer; one of [`NONLINEARITIES`].
    pub nonlinearity: String,
    /// The slope of a leaky ReLU.
    pub a: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gain {
    pub gain: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Constant {
    pub value: f64,
}

/// Those that `torch.nn.init.calculate_gain` knows.
pub const NONLINEARITIES: &[&str] = &["linear", "tanh", "relu", "leaky_relu"];

const MODE: Key = Key::optional(
    "mode",
    Kind::Word(&["fan_in", "fan_out"]),
    "\"fan_in\"",
    "whether the variance is kept on the way forward or backward",
);
const NONLINEARITY: Key = Key::optional(
    "nonlinearity",
    Kind::Word(NONLINEARITIES),
    "\"leaky_relu\"",
    "what follows the layer",
);
const A: Key = Key::optional(
    "a",
    Kind::NUMBER,
    "0.0",
    "the slope below 0 of the leaky_relu that follows; 0 is relu",
);
const GAIN: Key = Key::optional("gain", Kind::POSITIVE, "1.0", "a factor on the weights");
const VALUE: Key = Key::required("value", Kind::NUMBER, "what every weight begins with");

const KAIMING: &[Key] = &[MODE, NONLINEARITY, A];

pub const KEYS: &[Key] = &[
    way(
        "pytorch",
        &[],
        "uniform in ±1/√fan_in, biases too, as PyTorch's layers",
    ),
    way("kaiming_uniform", KAIMING, "as kaiming_uniform_"),
    way("kaiming_normal", KAIMING, "as kaiming_normal_"),
    way("xavier_uniform", &[GAIN], "as xavier_uniform_"),
    way("xavier_normal", &[GAIN], "as xavier_normal_"),
    way("orthogonal", &[GAIN], "as orthogonal_"),
    way("zeros", &[], "zeros"),
    way("constant", &[VALUE], "one number"),
];

const fn way(name: &'static str, keys: &'static [Key], meaning: &'static str) -> Key {
    Key::new(name, Kind::Table(keys), Fallback::Nothing, meaning)
}

/// The key that a layer has for its own.
pub const OF_LAYER: Key = Key::new(
    "init",
    Kind::Choice(KEYS),
    Fallback::Derived("`model.init`"),
    "how the weights begin, and with any but \"pytorch\" the bias at 0",
);

impl Initializer {
    pub(super) fn read_of_layer(section: &Section<'_>) -> Option<Self> {
        section.node(&OF_LAYER)?;
        Some(Self::read(&OF_LAYER, section))
    }

    /// `key` is one that stands in the section, and of the kind that [`KEYS`] are the choices of.
    pub(super) fn read(key: &Key, section: &Section<'_>) -> Self {
        let Some((way, section)) = section.choice(key) else {
            return Initializer::Pytorch;
        };
        let kaiming = || Kaiming {
            mode: section.text(&MODE),
            nonlinearity: section.text(&NONLINEARITY),
            a: section.float(&A),
        };
        let gain = || Gain {
            gain: section.float(&GAIN),
        };
        match way.name {
            "pytorch" => Initializer::Pytorch,
            "kaiming_uniform" => Initializer::KaimingUniform(kaiming()),
            "kaiming_normal" => Initializer::KaimingNormal(kaiming()),
            "xavier_uniform" => Initializer::XavierUniform(gain()),
            "xavier_normal" => Initializer::XavierNormal(gain()),
            "orthogonal" => Initializer::Orthogonal(gain()),
            "zeros" => Initializer::Zeros,
            "constant" => Initializer::Constant(Constant {
                value: section.float(&VALUE),
            }),
            _ => unreachable!("every way to begin is read"),
        }
    }
}
