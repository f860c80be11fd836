//! `[optimizer]`: the update rule, with the names and defaults of `torch.optim`.

use serde::Serialize;

use super::key::{Fallback, Key, Kind};
use super::section::Section;

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
    pub no_decay: Vec<String>,
}

/// As `torch.optim.Adam`, whose weight decay is added to the gradient (L2), and `torch.optim.AdamW`,
/// whose is decoupled from it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adam {
    pub betas: [f64; 2],
    pub eps: f64,
    pub weight_decay: f64,
    pub amsgrad: bool,
    pub no_decay: Vec<String>,
}

/// As `torch.optim.RMSprop`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rmsprop {
    pub alpha: f64,
    pub eps: f64,
    pub momentum: f64,
    pub centered: bool,
    pub weight_decay: f64,
    pub no_decay: Vec<String>,
}

/// As `torch.optim.Adagrad`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adagrad {
    pub lr_decay: f64,
    pub initial_accumulator_value: f64,
    pub eps: f64,
    pub weight_decay: f64,
    pub no_decay: Vec<String>,
}

/// As `torch.optim.Adadelta`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adadelta {
    pub rho: f64,
    pub eps: f64,
    pub weight_decay: f64,
    pub no_decay: Vec<String>,
}

/// `X. Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023`; the weight decay is
/// decoupled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lion {
    pub betas: [f64; 2],
    pub weight_decay: f64,
    pub no_decay: Vec<String>,
}

/// `Y. You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", 2020`;
/// the weight decay is decoupled, and within the trust ratio.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lamb {
    pub betas: [f64; 2],
    pub eps: f64,
    pub weight_decay: f64,
    pub no_decay: Vec<String>,
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
    /// `match_rms_adamw` or `original`.
    pub adjust_lr_fn: String,
    /// Of AdamW.
    pub betas: [f64; 2],
    /// Of AdamW.
    pub adamw_eps: f64,
    pub no_decay: Vec<String>,
}

const PAIR_OF_SHARES: Kind = Kind::Array {
    each: &Kind::SHARE,
    length: Some(2),
    words: "an array of two numbers of at least 0 and less than 1",
};
const BETAS: Key = Key::optional(
    "betas",
    PAIR_OF_SHARES,
    "[0.9, 0.999]",
    "the decay of the running averages of the gradient and of its square",
);
const LION_BETAS: Key = Key::optional(
    "betas",
    PAIR_OF_SHARES,
    "[0.9, 0.99]",
    "the weight of the running average of the gradient in a step, and the average's decay",
);
const ADAMW_BETAS: Key = Key::optional(
    "betas",
    PAIR_OF_SHARES,
    "[0.9, 0.999]",
    "the betas of AdamW, for parameters of one dimension",
);
const EPS: Key = epsilon("1e-8");
const ADAGRAD_EPS: Key = epsilon("1e-10");
const ADADELTA_EPS: Key = epsilon("1e-6");
const MUON_EPS: Key = epsilon("1e-7");
const ADAMW_EPS: Key = Key::optional(
    "adamw_eps",
    Kind::EPSILON,
    "1e-8",
    "the eps of AdamW, for parameters of one dimension",
);
const L2: Key = Key::optional(
    "weight_decay",
    Kind::NOT_NEGATIVE,
    "0.0",
    "the L2 penalty added to the gradient",
);
const ADAMW_DECAY: Key = decoupled("0.01");
const LION_DECAY: Key = decoupled("0.0");
const MUON_DECAY: Key = decoupled("0.1");
const NO_DECAY: Key = Key::optional(
    "no_decay",
    Kind::Array {
        each: &Kind::Word(&["bias", "norm"]),
        length: None,
        words: "an array of \"bias\" (all biases), \"norm\" (all of normalization layers) or both",
    },
    "[]",
    "the parameters that weight decay leaves alone",
);
const AMSGRAD: Key = Key::optional(
    "amsgrad",
    Kind::Boolean,
    "false",
    "whether the largest average of the squares so far counts",
);
const MOMENTUM: Key = Key::optional(
    "momentum",
    Kind::SHARE,
    "0.0",
    "the part of the last step that goes into the next",
);
const MUON_MOMENTUM: Key = Key::optional(
    "momentum",
    Kind::SHARE,
    "0.95",
    "the decay of the running average of the gradient",
);
const DAMPENING: Key = Key::optional(
    "dampening",
    Kind::NOT_NEGATIVE,
    "0.0",
    "the part of the gradient that does not go into the momentum",
);
const NESTEROV: Key = Key::optional(
    "nesterov",
    Kind::Boolean,
    "false",
    "whether the momentum is Nesterov's",
);
const MUON_NESTEROV: Key = Key::optional(
    "nesterov",
    Kind::Boolean,
    "true",
    "whether the momentum is Nesterov's",
);
const ALPHA: Key = Key::optional(
    "alpha",
    Kind::SHARE,
    "0.99",
    "the decay of the running average of the gradient's square",
);
const CENTERED: Key = Key::optional(
    "centered",
    Kind::Boolean,
    "false",
    "whether the gradient is divided by its deviation, not by its size",
);
const LR_DECAY: Key = Key::optional(
    "lr_decay",
    Kind::NOT_NEGATIVE,
    "0.0",
    "how fast the learning rate falls with the steps",
);
const INITIAL_ACCUMULATOR_VALUE: Key = Key::optional(
    "initial_accumulator_value",
    Kind::NOT_NEGATIVE,
    "0.0",
    "what the sum of the squares begins with",
);
const RHO: Key = Key::optional(
    "rho",
    Kind::SHARE,
    "0.9",
    "the decay of the running averages of the squares",
);
const NS_STEPS: Key = Key::optional(
    "ns_steps",
    Kind::Integer { min: 1, max: 100 },
    "5",
    "the steps of the iteration that makes the update orthogonal",
);
const ADJUST_LR_FN: Key = Key::optional(
    "adjust_lr_fn",
    Kind::Word(&["match_rms_adamw", "original"]),
    "\"match_rms_adamw\"",
    "how the learning rate is fitted to the shape of a matrix; PyTorch's default is \"original\"",
);

const fn epsilon(default: &'static str) -> Key {
    let meaning = "the term added to the denominator for numerical stability";
    Key::optional("eps", Kind::EPSILON, default, meaning)
}

const fn decoupled(default: &'static str) -> Key {
    let meaning = "the part of a parameter taken off in each step, times the learning rate";
    Key::optional("weight_decay", Kind::NOT_NEGATIVE, default, meaning)
}

pub const KEYS: &[Key] = &[
    rule(
        "sgd",
        &[MOMENTUM, DAMPENING, NESTEROV, L2, NO_DECAY],
        "stochastic gradient descent, as torch.optim.SGD",
    ),
    rule(
        "adam",
        &[BETAS, EPS, L2, AMSGRAD, NO_DECAY],
        "Adam, as torch.optim.Adam",
    ),
    rule(
        "adamw",
        &[BETAS, EPS, ADAMW_DECAY, AMSGRAD, NO_DECAY],
        "Adam with decoupled weight decay, as torch.optim.AdamW",
    ),
    rule(
        "rmsprop",
        &[ALPHA, EPS, MOMENTUM, CENTERED, L2, NO_DECAY],
        "RMSprop, as torch.optim.RMSprop",
    ),
    rule(
        "adagrad",
        &[
            LR_DECAY,
            INITIAL_ACCUMULATOR_VALUE,
            ADAGRAD_EPS,
            L2,
            NO_DECAY,
        ],
        "Adagrad, as torch.optim.Adagrad",
    ),
    rule(
        "adadelta",
        &[RHO, ADADELTA_EPS, L2, NO_DECAY],
        "Adadelta, as torch.optim.Adadelta",
    ),
    rule(
        "lion",
        &[LION_BETAS, LION_DECAY, NO_DECAY],
        "Lion, as timm's",
    ),
    rule(
        "lamb",
        &[BETAS, ADADELTA_EPS, ADAMW_DECAY, NO_DECAY],
        "LAMB, as timm's with always_adapt",
    ),
    rule(
        "muon",
        &[
            MUON_MOMENTUM,
            MUON_NESTEROV,
            MUON_DECAY,
            NS_STEPS,
            MUON_EPS,
            ADJUST_LR_FN,
            ADAMW_BETAS,
            ADAMW_EPS,
            NO_DECAY,
        ],
        "Muon, as torch.optim.Muon, for matrices and convolutions, with AdamW for the rest",
    ),
];

const fn rule(name: &'static str, keys: &'static [Key], meaning: &'static str) -> Key {
    Key::new(name, Kind::Table(keys), Fallback::Nothing, meaning)
}

impl Optimizer {
    pub(super) fn read(key: &Key, section: &Section<'_>) -> Self {
        let (rule, section) = section
            .choice(key)
            .unwrap_or_else(|| section.nothing(&KEYS[1]));
        let section = &section;
        match rule.name {
            "sgd" => Optimizer::Sgd(Sgd::read(section)),
            "adam" => Optimizer::Adam(Adam::read(section, &L2)),
            "adamw" => Optimizer::Adamw(Adam::read(section, &ADAMW_DECAY)),
            "rmsprop" => Optimizer::Rmsprop(Rmsprop {
                alpha: section.float(&ALPHA),
                eps: section.float(&EPS),
                momentum: section.float(&MOMENTUM),
                centered: section.boolean(&CENTERED),
                weight_decay: section.float(&L2),
                no_decay: section.words(&NO_DECAY),
            }),
            "adagrad" => Optimizer::Adagrad(Adagrad {
                lr_decay: section.float(&LR_DECAY),
                initial_accumulator_value: section.float(&INITIAL_ACCUMULATOR_VALUE),
                eps: section.float(&ADAGRAD_EPS),
                weight_decay: section.float(&L2),
                no_decay: section.words(&NO_DECAY),
            }),
            "adadelta" => Optimizer::Adadelta(Adadelta {
                rho: section.float(&RHO),
                eps: section.float(&ADADELTA_EPS),
                weight_decay: section.float(&L2),
                no_decay: section.words(&NO_DECAY),
            }),
            "lion" => Optimizer::Lion(Lion {
                betas: read_betas(section, &LION_BETAS),
                weight_decay: section.float(&LION_DECAY),
                no_decay: section.words(&NO_DECAY),
            }),
            "lamb" => Optimizer::Lamb(Lamb {
                betas: read_betas(section, &BETAS),
                eps: section.float(&ADADELTA_EPS),
                weight_decay: section.float(&ADAMW_DECAY),
                no_decay: section.words(&NO_DECAY),
            }),
            "muon" => Optimizer::Muon(Muon {
                momentum: section.float(&MUON_MOMENTUM),
                nesterov: section.boolean(&MUON_NESTEROV),
                weight_decay: section.float(&MUON_DECAY),
                ns_steps: section.size(&NS_STEPS),
                eps: section.float(&MUON_EPS),
                adjust_lr_fn: section.text(&ADJUST_LR_FN),
                betas: read_betas(section, &ADAMW_BETAS),
                adamw_eps: section.float(&ADAMW_EPS),
                no_decay: section.words(&NO_DECAY),
            }),
            _ => unreachable!("every optimizer of the language is read"),
        }
    }

    /// Which parameters the weight decay leaves alone: `bias`, `norm`.
    pub fn no_decay(&self) -> &[String] {
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
            momentum: section.float(&MOMENTUM),
            dampening: section.float(&DAMPENING),
            nesterov: section.boolean(&NESTEROV),
            weight_decay: section.float(&L2),
            no_decay: section.words(&NO_DECAY),
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
    fn read(section: &Section<'_>, weight_decay: &Key) -> Self {
        Self {
            betas: read_betas(section, &BETAS),
            eps: section.float(&EPS),
            weight_decay: section.float(weight_decay),
            amsgrad: section.boolean(&AMSGRAD),
            no_decay: section.words(&NO_DECAY),
        }
    }
}

fn read_betas(section: &Section<'_>, key: &Key) -> [f64; 2] {
    let betas = section.floats(key);
    // A placeholder where the array cannot be read.
    betas
        .and_then(|betas| betas.try_into().ok())
        .unwrap_or_default()
}
