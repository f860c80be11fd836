//! Layers that have lists of layers inside.

use serde::Serialize;

use super::{Layer, layer_keys};
use crate::language::key::{Fallback, Key, TableKey};
use crate::language::kind::{Kind, LayerKeys};
use crate::language::values::count;

/// The sum of two branches that take the same input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Residual {
    /// The one branch.
    pub layers: Vec<Layer>,
    /// The other branch; the input itself where it has no layers.
    pub shortcut: Vec<Layer>,
}

pub(crate) const RESIDUAL_LAYERS: TableKey =
    list("layers", Fallback::Required, "the layers of the one branch");
pub(crate) const RESIDUAL_SHORTCUT: TableKey = list(
    "shortcut",
    Fallback::Value("[]"),
    "the layers of the other branch; with none it is the input itself",
);
pub(crate) const INNER_LAYERS: TableKey = list(
    "layers",
    Fallback::Required,
    "the layers, one after the other",
);
pub(crate) const REPEAT_TIMES: Key<usize> = Key::required(
    "times",
    count(),
    "how often the layers come, each time with parameters of their own",
);

const fn list(name: &'static str, default: Fallback, meaning: &'static str) -> TableKey {
    TableKey::new(name, Kind::Layers(LayerKeys(layer_keys)), default, meaning)
}

impl Residual {
    /// Both branches, each with its name.
    pub(super) fn branches(&self) -> Vec<(&'static str, &[Layer])> {
        vec![
            (RESIDUAL_LAYERS.name, &self.layers),
            (RESIDUAL_SHORTCUT.name, &self.shortcut),
        ]
    }
}
