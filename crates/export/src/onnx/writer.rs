//! What writes layers into a graph, and what several families of them need.

use super::graph::{Attribute, Graph};
use crate::config::Shape;
use crate::{Error, Trained};

/// Writes the layers of a network into a graph.
pub(super) struct Writer<'a> {
    /// What is written so far.
    pub(super) graph: Graph<'a>,
    /// The network.
    pub(super) trained: &'a Trained<'a>,
    /// Whether batch norms become part of the layer before them.
    pub(super) is_folding: bool,
}

/// A value between two layers.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// Its name in the graph.
    pub(super) name: String,
    /// The shape of one sample.
    pub(super) shape: Shape,
}

impl Writer<'_> {
    /// A parameter as a constant of its own name and shape; gives the name.
    pub(super) fn parameter(&mut self, name: &str) -> Result<String, Error> {
        let parameter = self.trained.parameter(name)?;
        Ok(self.graph.floats(name, parameter.shape, parameter.values))
    }
}

/// From an image to features.
pub(super) fn flatten(graph: &mut Graph<'_>, input: &str, output: &str) -> String {
    let axis = ("axis", Attribute::Integer(1));
    graph.node("Flatten", &[input], output, vec![axis])
}

/// Zeros before and after the rows and the columns, in ONNX's order: all before, then all after.
pub(super) fn pads([rows, columns]: [[usize; 2]; 2]) -> Attribute {
    Attribute::Integers(vec![rows[0], columns[0], rows[1], columns[1]])
}
