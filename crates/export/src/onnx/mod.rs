//! ONNX files.
//!
//! What readers understand differently is not written: there is no `auto_pad`, no `ceil_mode`, no `Dropout`; windows,
//! steps, zeros and slopes are always stated.

mod activation;
mod fold;
mod graph;
mod layers;
mod normalization;
mod opset;
mod pooling;
mod preprocessing;
mod protobuf;
mod writer;

use self::graph::{Element, Graph, INPUT, Port};
use self::writer::{Flow, Writer};
use crate::{Error, Trained, config};

pub use opset::Opset;
pub use preprocessing::PixelLayout;

/// What can be chosen about an ONNX file.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Which versions of the operators are used.
    pub opset: Opset,
    /// Whether batch norms become part of the layer with weights before them.
    pub fold: bool,
    /// Takes bytes that lie so and gives probabilities; without it, takes what the network takes and gives logits.
    pub preprocessing: Option<PixelLayout>,
}

const LOGITS: &str = "logits";
const PROBABILITIES: &str = "probabilities";

/// Protobuf's limit for a message, and so for a file without others beside it.
const MOST_BYTES: usize = i32::MAX as usize;

/// The bytes of the file.
///
/// # Errors
/// [`Error::OpsetTooLow`], [`Error::TooLarge`], and [`Error::Parameter`] where the weights are not the network's.
pub fn encode(trained: &Trained<'_>, options: Options) -> Result<Vec<u8>, Error> {
    options.opset.check(&trained.experiment.trace())?;
    let model = &trained.experiment.model;
    let mut writer = Writer {
        graph: Graph::new(options.opset),
        trained,
        is_folding: options.fold,
    };
    let name = match options.preprocessing {
        Some(layout) => layout.write(&mut writer.graph, trained),
        None => INPUT.to_owned(),
    };
    let shape = config::image_shape(model.input);
    writer.list(&model.layers, "layers", Flow { name, shape })?;
    let mut graph = writer.graph;
    graph.name_last(LOGITS);
    let (input, output) = match options.preprocessing {
        Some(layout) => {
            preprocessing::softmax(&mut graph, LOGITS, PROBABILITIES);
            (layout.port(model.input), PROBABILITIES)
        }
        None => {
            let input = Port {
                name: INPUT,
                element: Element::Float,
                sample: model.input.to_vec(),
            };
            (input, LOGITS)
        }
    };
    let output = Port {
        name: output,
        element: Element::Float,
        sample: vec![trained.experiment.classes()],
    };
    let name = &trained.experiment.name;
    let model = graph.into_model(name, &input, &output, trained.notes());
    match model.len() {
        0..=MOST_BYTES => Ok(model.encode()),
        bytes => Err(Error::TooLarge { bytes }),
    }
}
