//! Activations with options.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::shape_rule::{self, ShapeRule};
use crate::language::choice::Variant;
use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::{Section, SectionReader};
use crate::language::values::{NUMBER, POSITIVE, count, word};
use crate::language::word::Word;
use crate::model::shape::{Shape, ShapeError, channels_of};

/// An activation: a function of each number.
#[derive(Debug, Clone, PartialEq, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Activation {
    /// `torch.nn.ReLU`
    Relu,
    /// `torch.nn.ReLU6`
    Relu6,
    /// `torch.nn.LeakyReLU`
    LeakyRelu(LeakyRelu),
    /// `torch.nn.GELU`
    Gelu(Gelu),
    /// `torch.nn.SiLU`
    Silu,
    /// `torch.nn.ELU`
    Elu(Elu),
    /// `torch.nn.Hardswish`
    HardSwish,
    /// `torch.nn.Sigmoid`
    Sigmoid,
    /// `torch.nn.Tanh`
    Tanh,
    /// `torch.nn.Softplus`
    Softplus(Softplus),
    /// `torch.nn.PReLU`
    Prelu(Prelu),
}

/// The layers of the family, in the order of the documentation.
pub(super) const LAYERS: [Variant<SectionReader<Activation>>; 11] = [
    Variant::of(RELU, |_| Activation::Relu),
    Variant::of(RELU6, |_| Activation::Relu6),
    Variant::of(LEAKY_RELU, |section| {
        Activation::LeakyRelu(LeakyRelu::read(section))
    }),
    Variant::of(GELU, |section| Activation::Gelu(Gelu::read(section))),
    Variant::of(SILU, |_| Activation::Silu),
    Variant::of(ELU, |section| Activation::Elu(Elu::read(section))),
    Variant::of(HARD_SWISH, |_| Activation::HardSwish),
    Variant::of(SIGMOID, |_| Activation::Sigmoid),
    Variant::of(TANH, |_| Activation::Tanh),
    Variant::of(SOFTPLUS, |section| {
        Activation::Softplus(Softplus::read(section))
    }),
    Variant::of(PRELU, |section| Activation::Prelu(Prelu::read(section))),
];

impl Activation {
    /// Its shapes and parameters.
    pub(super) fn rule(&self) -> &dyn ShapeRule {
        match self {
            Self::Relu => &shape_rule::Elementwise,
            Self::Relu6 => &shape_rule::Elementwise,
            Self::LeakyRelu(_) => &shape_rule::Elementwise,
            Self::Gelu(_) => &shape_rule::Elementwise,
            Self::Silu => &shape_rule::Elementwise,
            Self::Elu(_) => &shape_rule::Elementwise,
            Self::HardSwish => &shape_rule::Elementwise,
            Self::Sigmoid => &shape_rule::Elementwise,
            Self::Tanh => &shape_rule::Elementwise,
            Self::Softplus(_) => &shape_rule::Elementwise,
            Self::Prelu(it) => it,
        }
    }
}

/// As `torch.nn.LeakyReLU`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LeakyRelu {
    /// The slope for negative inputs.
    pub negative_slope: f64,
}

/// As `torch.nn.GELU`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gelu {
    /// The exact function, or which approximation.
    pub approximate: Approximate,
}

/// How GELU is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Approximate {
    /// Exactly, with the error function.
    None,
    /// `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`
    Tanh,
}

impl Word for Approximate {}

/// As `torch.nn.ELU`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Elu {
    /// Minus the limit for very negative inputs.
    pub alpha: f64,
}

/// As `torch.nn.Softplus`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Softplus {
    /// How sharply the curve bends, greater than 0.
    pub beta: f64,
    /// Where `beta x` is above it, the layer gives `x` itself.
    pub threshold: f64,
}

/// As `torch.nn.PReLU`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prelu {
    /// 1, or one a channel.
    pub num_parameters: usize,
    /// What each begins with.
    pub init: f64,
}

const NEGATIVE_SLOPE: Key<f64> = Key::with_default(
    "negative_slope",
    NUMBER,
    "0.01",
    "slope for negative inputs",
);
const APPROXIMATE: Key<Approximate> = Key::with_default(
    "approximate",
    word(),
    "\"none\"",
    "none: the exact function; tanh: its approximation with tanh",
);
const ALPHA: Key<f64> = Key::with_default(
    "alpha",
    NUMBER,
    "1.0",
    "scale of the curve below 0: very negative inputs give -alpha",
);
const BETA: Key<f64> = Key::with_default("beta", POSITIVE, "1.0", "sharpness of the bend");
const THRESHOLD: Key<f64> = Key::with_default(
    "threshold",
    NUMBER,
    "20.0",
    "where the input times beta is above this, the output is the input itself",
);
const NUM_PARAMETERS: Key<usize> = Key::with_default(
    "num_parameters",
    count(),
    "1",
    "number of learned slopes: 1, or one per channel",
);
const INIT: Key<f64> =
    Key::with_default("init", NUMBER, "0.25", "initial slope for negative inputs");

const LEAKY_RELU_KEYS: &[KeyInfo] = &[NEGATIVE_SLOPE.info];
const GELU_KEYS: &[KeyInfo] = &[APPROXIMATE.info];
const ELU_KEYS: &[KeyInfo] = &[ALPHA.info];
const SOFTPLUS_KEYS: &[KeyInfo] = &[BETA.info, THRESHOLD.info];
const PRELU_KEYS: &[KeyInfo] = &[NUM_PARAMETERS.info, INIT.info];

const RELU: KeyInfo = KeyInfo::choice("relu", &[], "max(0, x), like torch.nn.ReLU");
const RELU6: KeyInfo = KeyInfo::choice("relu6", &[], "max(0, x), at most 6, like torch.nn.ReLU6");
const LEAKY_RELU: KeyInfo = KeyInfo::choice(
    "leaky_relu",
    LEAKY_RELU_KEYS,
    "x, with a small slope below 0, like torch.nn.LeakyReLU",
);
const GELU: KeyInfo = KeyInfo::choice(
    "gelu",
    GELU_KEYS,
    "x times the standard normal distribution function of x, like torch.nn.GELU",
);
const SILU: KeyInfo = KeyInfo::choice("silu", &[], "x sigmoid(x), like torch.nn.SiLU");
const ELU: KeyInfo = KeyInfo::choice(
    "elu",
    ELU_KEYS,
    "x above 0, alpha (exp(x) - 1) below, like torch.nn.ELU",
);
const HARD_SWISH: KeyInfo = KeyInfo::choice(
    "hard_swish",
    &[],
    "x min(max(x + 3, 0), 6) / 6, like torch.nn.Hardswish",
);
const SIGMOID: KeyInfo =
    KeyInfo::choice("sigmoid", &[], "1 / (1 + exp(-x)), like torch.nn.Sigmoid");
const TANH: KeyInfo = KeyInfo::choice("tanh", &[], "hyperbolic tangent, like torch.nn.Tanh");
const SOFTPLUS: KeyInfo = KeyInfo::choice(
    "softplus",
    SOFTPLUS_KEYS,
    "log(1 + exp(beta x)) / beta, like torch.nn.Softplus",
);
const PRELU: KeyInfo = KeyInfo::choice(
    "prelu",
    PRELU_KEYS,
    "x, with a learned slope below 0, like torch.nn.PReLU",
);

impl LeakyRelu {
    fn read(section: &Section<'_>) -> Self {
        Self {
            negative_slope: section.read(&NEGATIVE_SLOPE),
        }
    }
}

impl Gelu {
    fn read(section: &Section<'_>) -> Self {
        Self {
            approximate: section.read(&APPROXIMATE),
        }
    }
}

impl Elu {
    fn read(section: &Section<'_>) -> Self {
        Self {
            alpha: section.read(&ALPHA),
        }
    }
}

impl Softplus {
    fn read(section: &Section<'_>) -> Self {
        Self {
            beta: section.read(&BETA),
            threshold: section.read(&THRESHOLD),
        }
    }
}

impl Prelu {
    fn read(section: &Section<'_>) -> Self {
        Self {
            num_parameters: section.read(&NUM_PARAMETERS),
            init: section.read(&INIT),
        }
    }
}

impl ShapeRule for Prelu {
    fn output(&self, input: Shape) -> Result<Shape, ShapeError> {
        let (channels, count) = (channels_of(input), self.num_parameters);
        if count == 1 || count == channels {
            return Ok(input);
        }
        Err(ShapeError::of_input(
            format!("{count} slopes for {channels} channels"),
            "set `num_parameters` to 1, or to the number of channels",
        ))
    }

    fn other_parameters(&self, _input: Shape) -> usize {
        self.num_parameters
    }
}
