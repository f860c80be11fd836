//! How weights begin, with the names and defaults of `torch.nn.init`.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::language::choice::{ChoiceKey, Variant, infos};
use crate::language::info::{Fallback, KeyInfo};
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{NUMBER, POSITIVE, word};
use crate::language::word::Word;

/// How weights begin.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Initializer {
    /// What PyTorch's layers begin with: weights and biases uniform in ±1/√fan_in.
    Pytorch,
    /// As `torch.nn.init.kaiming_uniform_`; biases are 0.
    KaimingUniform(Kaiming),
    /// As `torch.nn.init.kaiming_normal_`; biases are 0.
    KaimingNormal(Kaiming),
    /// As `torch.nn.init.xavier_uniform_`; biases are 0.
    XavierUniform(Gain),
    /// As `torch.nn.init.xavier_normal_`; biases are 0.
    XavierNormal(Gain),
    /// As `torch.nn.init.orthogonal_`; biases are 0.
    Orthogonal(Gain),
    /// All weights and biases are 0.
    Zeros,
    /// All weights are one number; biases are 0.
    Constant(Constant),
}

/// As `torch.nn.init.kaiming_uniform_` and `kaiming_normal_`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kaiming {
    /// Whether the variance is kept on the way forward or backward.
    pub mode: FanMode,
    /// What follows the layer.
    pub nonlinearity: Nonlinearity,
    /// The slope of a leaky ReLU.
    pub a: f64,
}

/// Options of `torch.nn.init.xavier_uniform_`, `xavier_normal_` and `orthogonal_`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gain {
    /// The factor on the weights, greater than 0.
    pub gain: f64,
}

/// Options of `torch.nn.init.constant_`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Constant {
    /// What every weight begins with.
    pub value: f64,
}

/// Which side of a layer keeps its variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FanMode {
    /// The variance is kept on the way forward.
    FanIn,
    /// The variance of the gradient is kept on the way backward.
    FanOut,
}

impl Word for FanMode {}

/// The functions that `torch.nn.init.calculate_gain` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Nonlinearity {
    /// The layer's output itself.
    Linear,
    /// `tanh(x)`
    Tanh,
    /// `max(0, x)`
    Relu,
    /// `x`, with a small slope below 0.
    LeakyRelu,
}

impl Word for Nonlinearity {}

const MODE: Key<FanMode> = Key::with_default(
    "mode",
    word(),
    "\"fan_in\"",
    "whether the variance is preserved in the forward or the backward pass",
);
const NONLINEARITY: Key<Nonlinearity> = Key::with_default(
    "nonlinearity",
    word(),
    "\"leaky_relu\"",
    "the activation that follows the layer",
);
const A: Key<f64> = Key::with_default(
    "a",
    NUMBER,
    "0.0",
    "negative slope of the leaky_relu that follows; 0 means relu",
);
const GAIN: Key<f64> = Key::with_default("gain", POSITIVE, "1.0", "factor applied to the weights");
const VALUE: Key<f64> = Key::required("value", NUMBER, "initial value of every weight");

const KAIMING: &[KeyInfo] = &[MODE.info, NONLINEARITY.info, A.info];
const GAINS: &[KeyInfo] = &[GAIN.info];

type Reader = fn(&Section<'_>) -> Initializer;

/// The ways to begin.
const INITIALIZERS: [Variant<Reader>; 8] = [
    Variant::new(
        "pytorch",
        &[],
        "uniform in ±1/√fan_in, biases too, like PyTorch's layers",
        |_| Initializer::Pytorch,
    ),
    Variant::new(
        "kaiming_uniform",
        KAIMING,
        "like kaiming_uniform_",
        |section| Initializer::KaimingUniform(Kaiming::read(section)),
    ),
    Variant::new(
        "kaiming_normal",
        KAIMING,
        "like kaiming_normal_",
        |section| Initializer::KaimingNormal(Kaiming::read(section)),
    ),
    Variant::new("xavier_uniform", GAINS, "like xavier_uniform_", |section| {
        Initializer::XavierUniform(Gain::read(section))
    }),
    Variant::new("xavier_normal", GAINS, "like xavier_normal_", |section| {
        Initializer::XavierNormal(Gain::read(section))
    }),
    Variant::new("orthogonal", GAINS, "like orthogonal_", |section| {
        Initializer::Orthogonal(Gain::read(section))
    }),
    Variant::new("zeros", &[], "zeros", |_| Initializer::Zeros),
    Variant::new(
        "constant",
        &[VALUE.info],
        "the same value everywhere",
        |section| {
            Initializer::Constant(Constant {
                value: section.read(&VALUE),
            })
        },
    ),
];

/// The ways to begin, as keys.
pub const KEYS: &[KeyInfo] = &infos(&INITIALIZERS);

/// The key of the network.
pub(crate) const NETWORK_INIT: ChoiceKey<Reader> = ChoiceKey::new(
    "init",
    &INITIALIZERS,
    KEYS,
    Fallback::Value("\"pytorch\""),
    "initial weights of convolutions and linear layers; any choice but \"pytorch\" sets their \
     biases to 0",
);

/// The key that a layer has for its own.
pub(crate) const LAYER_INIT: ChoiceKey<Reader> = ChoiceKey::new(
    "init",
    &INITIALIZERS,
    KEYS,
    Fallback::derived("`model.init`"),
    "initial weights; any choice but \"pytorch\" sets the bias to 0",
);

impl Initializer {
    pub(crate) fn of_network(model: &Section<'_>) -> Self {
        Self::read(&NETWORK_INIT, model)
    }

    pub(crate) fn of_layer(layer: &Section<'_>) -> Option<Self> {
        layer.node(&LAYER_INIT)?;
        Some(Self::read(&LAYER_INIT, layer))
    }

    fn read(key: &ChoiceKey<Reader>, section: &Section<'_>) -> Self {
        match section.choice(key) {
            Some((variant, section)) => (variant.read)(&section),
            None => Initializer::Pytorch,
        }
    }
}

impl Kaiming {
    fn read(section: &Section<'_>) -> Self {
        Self {
            mode: section.read(&MODE),
            nonlinearity: section.read(&NONLINEARITY),
            a: section.read(&A),
        }
    }
}

impl Gain {
    fn read(section: &Section<'_>) -> Self {
        Self {
            gain: section.read(&GAIN),
        }
    }
}
