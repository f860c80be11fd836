//! Known weights taken over into a network, as far as they fit.

use std::collections::BTreeSet;

use super::network::Network;
use crate::array::Arrays;

/// What became of known weights.
#[derive(Debug, Clone, Default)]
pub struct Transfer {
    /// How many parameters and running statistics were taken over.
    pub taken: usize,
    /// Those of the network that begin anew.
    pub anew: Vec<Anew>,
    /// The names of those that the network does not have.
    pub unused: Vec<String>,
}

/// A parameter or running statistic that begins anew.
#[derive(Debug, Clone)]
pub struct Anew {
    /// Its name.
    pub name: String,
    /// Its shape in PyTorch's layout.
    pub shape: Vec<usize>,
    /// The other shape that is known under its name; `None` where nothing is.
    pub known: Option<Vec<usize>>,
}

impl Network {
    /// The network with the known weights that have the name and the shape of its own.
    pub fn with_known(self, known: &Arrays) -> (Self, Transfer) {
        let mut transfer = Transfer::default();
        let mut names = BTreeSet::new();
        let network = self.map_parameters(|parameter| {
            let array = known.get(&parameter.name);
            let values = array.and_then(|array| parameter.values_of(array));
            match values {
                Some(_) => transfer.taken += 1,
                None => transfer.anew.push(Anew {
                    name: parameter.name.clone(),
                    shape: parameter.pytorch_shape(),
                    known: array.map(|array| array.shape.clone()),
                }),
            }
            names.insert(parameter.name);
            values
        });
        let is_unused = |name: &&String| !names.contains(*name);
        transfer.unused = known.keys().filter(is_unused).cloned().collect();
        (network, transfer)
    }
}
