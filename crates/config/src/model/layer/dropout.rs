//! Dropout.

use serde::Serialize;

use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::SHARE;

/// As `torch.nn.Dropout` and `torch.nn.Dropout2d`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dropout {
    /// The share of elements, or channels, set to zero in training; the others are scaled by
    /// `1 / (1 - p)`.
    pub p: f64,
}

const P: Key<f64> = Key::with_default(
    "p",
    SHARE,
    "0.5",
    "fraction of elements set to zero in training",
);
const CHANNEL_P: Key<f64> = Key::with_default(
    "p",
    SHARE,
    "0.5",
    "fraction of channels set to zero in training",
);

pub(super) const DROPOUT: KeyInfo = KeyInfo::choice(
    "dropout",
    &[P.info],
    "sets random elements to zero in training, like torch.nn.Dropout",
);
pub(super) const DROPOUT2D: KeyInfo = KeyInfo::choice(
    "dropout2d",
    &[CHANNEL_P.info],
    "sets random channels to zero in training, like torch.nn.Dropout2d",
);

impl Dropout {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            p: section.read(&P),
        }
    }

    pub(super) fn read_of_channels(section: &Section<'_>) -> Self {
        Self {
            p: section.read(&CHANNEL_P),
        }
    }
}
