//! `[optimizer]`: the update rule, with the names and defaults of `torch.optim`.

use serde::Serialize;
use strum::{EnumString, VariantNames};

use crate::language::choice::{ChoiceKey, Variant, infos};
use crate::language::key::{Fallback, Key, KeyInfo};
use crate::language::kind::Kind;
use crate::language::section::Section;
use crate::language::values::{
    BOOLEAN, EPSILON, NOT_NEGATIVE, SHARE, Values, integer, list_of_words, two_numbers, word,
};
use crate::language::word::Word;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    Sgd(Sgd),
    Adam(Adam),
    Adamw(Adam),
    Rmsprop(Rmsprop),
    Adagrad(Adagrad),
    Adadelta(Adadelta),
    Lion(Lion),
    Lamb(Lamb),
    Muon(Muon),
}

/// As `torch.optim.SGD`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sgd {
    pub momentum: f64,
    pub dampening: f64,
    pub nesterov: bool,
    pub weight_decay: f64,
    pub no_decay: Vec<NoDecay>,
}

/// As `torch.optim.Adam`, whose weight decay is added to the gradient (L2), and `torch.optim.AdamW`,
/// whose is decoupled from it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adam {
    pub betas: [f64; 2],
    pub eps: f64,
    pub weight_decay: f64,
    pub amsgrad: bool,
    pub no_decay: Vec<NoDecay>,
}

/// As `torch.optim.RMSprop`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rmsprop {
    pub alpha: f64,
    pub eps: f64,
    pub momentum: f64,
    pub centered: bool,
    pub weight_decay: f64,
    pub no_decay: Vec<NoDecay>,
}

/// As `torch.optim.Adagrad`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adagrad {
    pub lr_decay: f64,
    pub initial_accumulator_value: f64,
    pub eps: f64,
    pub weight_decay: f64,
    pub no_decay: Vec<NoDecay>,
}

/// As `torch.optim.Adadelta`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adadelta {
    pub rho: f64,
    pub eps: f64,
    pub weight_decay: f64,
    pub no_decay: Vec<NoDecay>,
}

/// `X. Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023`; the weight decay is
/// decoupled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lion {
    pub betas: [f64; 2],
    pub weight_decay: f64,
    pub no_decay: Vec<NoDecay>,
}

/// `Y. You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", 2020`;
/// the weight decay is decoupled, and within the trust ratio.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lamb {
    pub betas: [f64; 2],
    pub eps: f64,
    pub weight_decay: f64,
    pub no_decay: Vec<NoDecay>,
}

/// As `torch.optim.Muon`, for parameters of two dimensions or more, in single precision; AdamW for the
/// others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Muon {
    pub momentum: f64,
    pub nesterov: bool,
    pub weight_decay: f64,
    /// Steps of the Newton-Schulz iteration.
    pub ns_steps: usize,
    /// Added to the norm that the iteration divides by.
    pub eps: f64,
    /// How the learning rate is fitted to the shape of a matrix.
    pub adjust_lr_fn: AdjustLrFn,
    /// Of AdamW.
    pub betas: [f64; 2],
    /// Of AdamW.
    pub adamw_eps: f64,
    pub no_decay: Vec<NoDecay>,
}

/// Parameters that weight decay leaves alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NoDecay {
    /// All biases.
    Bias,
    /// All parameters of normalization layers.
    Norm,
}

impl Word for NoDecay {}

/// How Muon fits the learning rate to the shape of a matrix, as `torch.optim.Muon`'s `adjust_lr_fn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AdjustLrFn {
    /// Updates have the root mean square of AdamW's.
    MatchRmsAdamw,
    /// As in the first publication.
    Original,
}

impl Word for AdjustLrFn {}

const PAIR_OF_SHARES: Values<[f64; 2]> = two_numbers(
    &Kind::SHARE,
    "an array of two numbers of at least 0 and less than 1",
);
const BETAS: Key<[f64; 2]> = Key::with_default(
    "betas",
    PAIR_OF_SHARES,
    "[0.9, 0.999]",
    "the decay of the running averages of the gradient and of its square",
);
const LION_BETAS: Key<[f64; 2]> = Key::with_default(
    "betas",
    PAIR_OF_SHARES,
    "[0.9, 0.99]",
    "the weight of the running average of the gradient in a step, and the average's decay",
);
const ADAMW_BETAS: Key<[f64; 2]> = Key::with_default(
    "betas",
    PAIR_OF_SHARES,
    "[0.9, 0.999]",
    "the betas of AdamW, for parameters of one dimension",
);
const EPS: Key<f64> = epsilon("1e-8");
const ADAGRAD_EPS: Key<f64> = epsilon("1e-10");
const ADADELTA_EPS: Key<f64> = epsilon("1e-6");
const MUON_EPS: Key<f64> = epsilon("1e-7");
const ADAMW_EPS: Key<f64> = Key::with_default(
    "adamw_eps",
    EPSILON,
    "1e-8",
    "the eps of AdamW, for parameters of one dimension",
);
const L2: Key<f64> = Key::with_default(
    "weight_decay",
    NOT_NEGATIVE,
    "0.0",
    "the L2 penalty added to the gradient",
);
const ADAMW_DECAY: Key<f64> = decoupled("0.01");
const LION_DECAY: Key<f64> = decoupled("0.0");
const MUON_DECAY: Key<f64> = decoupled("0.1");
const NO_DECAY: Key<Vec<NoDecay>> = Key::with_default(
    "no_decay",
    list_of_words(
        "an array of \"bias\" (all biases), \"norm\" (all of normalization layers) or both",
    ),
    "[]",
    "the parameters that weight decay leaves alone",
);
const AMSGRAD: Key<bool> = Key::with_default(
    "amsgrad",
    BOOLEAN,
    "false",
    "whether the largest average of the squares so far counts",
);
const MOMENTUM: Key<f64> = Key::with_default(
    "momentum",
    SHARE,
    "0.0",
    "the part of the last step that goes into the next",
);
const MUON_MOMENTUM: Key<f64> = Key::with_default(
    "momentum",
    SHARE,
    "0.95",
    "the decay of the running average of the gradient",
);
const DAMPENING: Key<f64> = Key::with_default(
    "dampening",
    NOT_NEGATIVE,
    "0.0",
    "the part of the gradient that does not go into the momentum",
);
const NESTEROV: Key<bool> = Key::with_default(
    "nesterov",
    BOOLEAN,
    "false",
    "whether the momentum is Nesterov's",
);
const MUON_NESTEROV: Key<bool> = Key::with_default(
    "nesterov",
    BOOLEAN,
    "true",
    "whether the momentum is Nesterov's",
);
const ALPHA: Key<f64> = Key::with_default(
    "alpha",
    SHARE,
    "0.99",
    "the decay of the running average of the gradient's square",
);
const CENTERED: Key<bool> = Key::with_default(
    "centered",
    BOOLEAN,
    "false",
    "whether the gradient is divided by its deviation, not by its size",
);
const LR_DECAY: Key<f64> = Key::with_default(
    "lr_decay",
    NOT_NEGATIVE,
    "0.0",
    "how fast the learning rate falls with the steps",
);
const INITIAL_ACCUMULATOR_VALUE: Key<f64> = Key::with_default(
    "initial_accumulator_value",
    NOT_NEGATIVE,
    "0.0",
    "what the sum of the squares begins with",
);
const RHO: Key<f64> = Key::with_default(
    "rho",
    SHARE,
    "0.9",
    "the decay of the running averages of the squares",
);
const NS_STEPS: Key<usize> = Key::with_default(
    "ns_steps",
    integer(1, 100),
    "5",
    "the steps of the iteration that makes the update orthogonal",
);
const ADJUST_LR_FN: Key<AdjustLrFn> = Key::with_default(
    "adjust_lr_fn",
    word(),
    "\"match_rms_adamw\"",
    "how the learning rate is fitted to the shape of a matrix; PyTorch's default is \"original\"",
);

const fn epsilon(default: &'static str) -> Key<f64> {
    let meaning = "the term added to the denominator for numerical stability";
    Key::with_default("eps", EPSILON, default, meaning)
}

const fn decoupled(default: &'static str) -> Key<f64> {
    let meaning = "the part of a parameter taken off in each step, times the learning rate";
    Key::with_default("weight_decay", NOT_NEGATIVE, default, meaning)
}

type Reader = fn(&Section<'_>) -> Optimizer;

/// The optimizers of the language.
const OPTIMIZERS: [Variant<Reader>; 9] = [
    Variant::new(
        "sgd",
        &[
            MOMENTUM.info,
            DAMPENING.info,
            NESTEROV.info,
            L2.info,
            NO_DECAY.info,
        ],
        "stochastic gradient descent, as torch.optim.SGD",
        |section| Optimizer::Sgd(Sgd::read(section)),
    ),
    Variant::new(
        "adam",
        &[BETAS.info, EPS.info, L2.info, AMSGRAD.info, NO_DECAY.info],
        "Adam, as torch.optim.Adam",
        |section| Optimizer::Adam(Adam::read(section, &L2)),
    ),
    Variant::new(
        "adamw",
        &[
            BETAS.info,
            EPS.info,
            ADAMW_DECAY.info,
            AMSGRAD.info,
            NO_DECAY.info,
        ],
        "Adam with decoupled weight decay, as torch.optim.AdamW",
        |section| Optimizer::Adamw(Adam::read(section, &ADAMW_DECAY)),
    ),
    Variant::new(
        "rmsprop",
        &[
            ALPHA.info,
            EPS.info,
            MOMENTUM.info,
            CENTERED.info,
            L2.info,
            NO_DECAY.info,
        ],
        "RMSprop, as torch.optim.RMSprop",
        |section| Optimizer::Rmsprop(Rmsprop::read(section)),
    ),
    Variant::new(
        "adagrad",
        &[
            LR_DECAY.info,
            INITIAL_ACCUMULATOR_VALUE.info,
            ADAGRAD_EPS.info,
            L2.info,
            NO_DECAY.info,
        ],
        "Adagrad, as torch.optim.Adagrad",
        |section| Optimizer::Adagrad(Adagrad::read(section)),
    ),
    Variant::new(
        "adadelta",
        &[RHO.info, ADADELTA_EPS.info, L2.info, NO_DECAY.info],
        "Adadelta, as torch.optim.Adadelta",
        |section| Optimizer::Adadelta(Adadelta::read(section)),
    ),
    Variant::new(
        "lion",
        &[LION_BETAS.info, LION_DECAY.info, NO_DECAY.info],
        "Lion, as timm's",
        |section| Optimizer::Lion(Lion::read(section)),
    ),
    Variant::new(
        "lamb",
        &[
            BETAS.info,
            ADADELTA_EPS.info,
            ADAMW_DECAY.info,
            NO_DECAY.info,
        ],
        "LAMB, as timm's with always_adapt",
        |section| Optimizer::Lamb(Lamb::read(section)),
    ),
    Variant::new(
        "muon",
        &[
            MUON_MOMENTUM.info,
            MUON_NESTEROV.info,
            MUON_DECAY.info,
            NS_STEPS.info,
            MUON_EPS.info,
            ADJUST_LR_FN.info,
            ADAMW_BETAS.info,
            ADAMW_EPS.info,
            NO_DECAY.info,
        ],
        "Muon, as torch.optim.Muon, for matrices and convolutions, with AdamW for the rest",
        |section| Optimizer::Muon(Muon::read(section)),
    ),
];
const KEYS: &[KeyInfo] = &infos(&OPTIMIZERS);

/// The key of the document.
pub(crate) const OPTIMIZER: ChoiceKey<Reader> = ChoiceKey::new(
    "optimizer",
    &OPTIMIZERS,
    KEYS,
    Fallback::Value("\"adam\""),
    "the update rule",
);

impl Optimizer {
    pub(crate) fn read(document: &Section<'_>) -> Self {
        let (optimizer, section) = document
            .choice(&OPTIMIZER)
            .unwrap_or_else(|| (&OPTIMIZERS[1], document.nothing()));
        (optimizer.read)(&section)
    }

    /// Which parameters the weight decay leaves alone.
    pub fn no_decay(&self) -> &[NoDecay] {
        match self {
            Optimizer::Sgd(rule) => &rule.no_decay,
            Optimizer::Adam(rule) | Optimizer::Adamw(rule) => &rule.no_decay,
            Optimizer::Rmsprop(rule) => &rule.no_decay,
            Optimizer::Adagrad(rule) => &rule.no_decay,
            Optimizer::Adadelta(rule) => &rule.no_decay,
            Optimizer::Lion(rule) => &rule.no_decay,
            Optimizer::Lamb(rule) => &rule.no_decay,
            Optimizer::Muon(rule) => &rule.no_decay,
        }
    }
}

impl Sgd {
    fn read(section: &Section<'_>) -> Self {
        let sgd = Self {
            momentum: section.read(&MOMENTUM),
            dampening: section.read(&DAMPENING),
            nesterov: section.read(&NESTEROV),
            weight_decay: section.read(&L2),
            no_decay: section.read(&NO_DECAY),
        };
        if sgd.nesterov && (sgd.momentum == 0.0 || sgd.dampening != 0.0) {
            let message = format!(
                "`{}` needs a momentum and no dampening",
                section.path_of(NESTEROV.name)
            );
            let help = "set momentum = 0.9, say, and take `dampening` out";
            section.report(&NESTEROV, message, "", help);
        }
        sgd
    }
}

impl Adam {
    fn read(section: &Section<'_>, weight_decay: &Key<f64>) -> Self {
        Self {
            betas: section.read(&BETAS),
            eps: section.read(&EPS),
            weight_decay: section.read(weight_decay),
            amsgrad: section.read(&AMSGRAD),
            no_decay: section.read(&NO_DECAY),
        }
    }
}

impl Rmsprop {
    fn read(section: &Section<'_>) -> Self {
        Self {
            alpha: section.read(&ALPHA),
            eps: section.read(&EPS),
            momentum: section.read(&MOMENTUM),
            centered: section.read(&CENTERED),
            weight_decay: section.read(&L2),
            no_decay: section.read(&NO_DECAY),
        }
    }
}

impl Adagrad {
    fn read(section: &Section<'_>) -> Self {
        Self {
            lr_decay: section.read(&LR_DECAY),
            initial_accumulator_value: section.read(&INITIAL_ACCUMULATOR_VALUE),
            eps: section.read(&ADAGRAD_EPS),
            weight_decay: section.read(&L2),
            no_decay: section.read(&NO_DECAY),
        }
    }
}

impl Adadelta {
    fn read(section: &Section<'_>) -> Self {
        Self {
            rho: section.read(&RHO),
            eps: section.read(&ADADELTA_EPS),
            weight_decay: section.read(&L2),
            no_decay: section.read(&NO_DECAY),
        }
    }
}

impl Lion {
    fn read(section: &Section<'_>) -> Self {
        Self {
            betas: section.read(&LION_BETAS),
            weight_decay: section.read(&LION_DECAY),
            no_decay: section.read(&NO_DECAY),
        }
    }
}

impl Lamb {
    fn read(section: &Section<'_>) -> Self {
        Self {
            betas: section.read(&BETAS),
            eps: section.read(&ADADELTA_EPS),
            weight_decay: section.read(&ADAMW_DECAY),
            no_decay: section.read(&NO_DECAY),
        }
    }
}

impl Muon {
    fn read(section: &Section<'_>) -> Self {
        Self {
            momentum: section.read(&MUON_MOMENTUM),
            nesterov: section.read(&MUON_NESTEROV),
            weight_decay: section.read(&MUON_DECAY),
            ns_steps: section.read(&NS_STEPS),
            eps: section.read(&MUON_EPS),
            adjust_lr_fn: section.read(&ADJUST_LR_FN),
            betas: section.read(&ADAMW_BETAS),
            adamw_eps: section.read(&ADAMW_EPS),
            no_decay: section.read(&NO_DECAY),
        }
    }
}
