//! `[optimizer]`: the update rule, with the names and defaults of `torch.optim`.
//!
//! An optimizer's struct, keys and reader stand together in a file; the list of them is here.

mod adadelta;
mod adagrad;
mod adam;
mod lamb;
mod lion;
mod muon;
mod rmsprop;
mod sgd;
mod shared;

use serde::Serialize;

use crate::language::choice::{ChoiceKey, Variant, infos};
use crate::language::info::{Fallback, KeyInfo};
use crate::language::section::Section;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use lamb::Lamb;
pub use lion::Lion;
pub use muon::{AdjustLrFn, Muon};
pub use rmsprop::Rmsprop;
pub use sgd::Sgd;
pub use shared::NoDecay;

/// The update rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Stochastic gradient descent, perhaps with momentum.
    Sgd(Sgd),
    /// Adam, with an L2 penalty.
    Adam(Adam),
    /// Adam, with decoupled weight decay.
    Adamw(Adam),
    /// RMSprop.
    Rmsprop(Rmsprop),
    /// Adagrad.
    Adagrad(Adagrad),
    /// Adadelta.
    Adadelta(Adadelta),
    /// Lion.
    Lion(Lion),
    /// LAMB.
    Lamb(Lamb),
    /// Muon for matrices, AdamW for the rest.
    Muon(Muon),
}

type Reader = fn(&Section<'_>) -> Optimizer;

/// The optimizers of the language, in the order of the documentation.
const OPTIMIZERS: [Variant<Reader>; 9] = [
    Variant::of(sgd::SGD, |section| Optimizer::Sgd(Sgd::read(section))),
    Variant::of(adam::ADAM, |section| {
        Optimizer::Adam(Adam::read_adam(section))
    }),
    Variant::of(adam::ADAMW, |section| {
        Optimizer::Adamw(Adam::read_adamw(section))
    }),
    Variant::of(rmsprop::RMSPROP, |section| {
        Optimizer::Rmsprop(Rmsprop::read(section))
    }),
    Variant::of(adagrad::ADAGRAD, |section| {
        Optimizer::Adagrad(Adagrad::read(section))
    }),
    Variant::of(adadelta::ADADELTA, |section| {
        Optimizer::Adadelta(Adadelta::read(section))
    }),
    Variant::of(lion::LION, |section| Optimizer::Lion(Lion::read(section))),
    Variant::of(lamb::LAMB, |section| Optimizer::Lamb(Lamb::read(section))),
    Variant::of(muon::MUON, |section| Optimizer::Muon(Muon::read(section))),
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

    /// The weight decay, of whatever kind it is.
    pub fn weight_decay(&self) -> f64 {
        match self {
            Optimizer::Sgd(rule) => rule.weight_decay,
            Optimizer::Adam(rule) | Optimizer::Adamw(rule) => rule.weight_decay,
            Optimizer::Rmsprop(rule) => rule.weight_decay,
            Optimizer::Adagrad(rule) => rule.weight_decay,
            Optimizer::Adadelta(rule) => rule.weight_decay,
            Optimizer::Lion(rule) => rule.weight_decay,
            Optimizer::Lamb(rule) => rule.weight_decay,
            Optimizer::Muon(rule) => rule.weight_decay,
        }
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
