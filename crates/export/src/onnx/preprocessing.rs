//! What comes before and after the network, in the graph: from bytes of pixels to probabilities.

use super::graph::{Attribute, Element, Graph, INPUT, Port};
use crate::Trained;

/// How the bytes of images lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelLayout {
    /// `[batch, height, width, channels]`, as Pillow and OpenCV have them.
    ChannelsLast,
    /// `[batch, channels, height, width]`
    ChannelsFirst,
}

impl PixelLayout {
    /// The graph's input: images of the network's size and channels.
    pub(super) fn port(self, [channels, height, width]: [usize; 3]) -> Port<'static> {
        Port {
            name: INPUT,
            element: Element::Uint8,
            sample: match self {
                Self::ChannelsLast => vec![height, width, channels],
                Self::ChannelsFirst => vec![channels, height, width],
            },
        }
    }

    /// Writes the way from bytes to what the network takes; gives the name of that.
    pub(super) fn write(self, graph: &mut Graph<'_>, trained: &Trained<'_>) -> String {
        let to = ("to", Attribute::Integer(Element::Float as usize));
        let mut pixels = graph.node("Cast", &[INPUT], "preprocessing/float", vec![to]);
        if self == Self::ChannelsLast {
            let order = ("perm", Attribute::Integers(vec![0, 3, 1, 2]));
            let name = "preprocessing/channels_first";
            pixels = graph.node("Transpose", &[&pixels], name, vec![order]);
        }
        let scale = trained.experiment.data.scale;
        let channels = trained.experiment.model.input[0];
        let (factors, summands): (Vec<f32>, Vec<f32>) = match trained.normalize {
            Some(moments) => {
                let channels = moments.mean.iter().zip(&moments.std);
                channels
                    .map(|(mean, std)| ((scale / std) as f32, (-mean / std) as f32))
                    .unzip()
            }
            None => (vec![scale as f32; channels], Vec::new()),
        };
        let beside = [channels, 1, 1];
        let factors = graph.floats("preprocessing/factors", &beside, factors);
        pixels = graph.node(
            "Mul",
            &[&pixels, &factors],
            "preprocessing/scaled",
            Vec::new(),
        );
        if !summands.is_empty() {
            let summands = graph.floats("preprocessing/summands", &beside, summands);
            let name = "preprocessing/normalized";
            pixels = graph.node("Add", &[&pixels, &summands], name, Vec::new());
        }
        pixels
    }
}

/// Writes the way from logits to probabilities.
pub(super) fn softmax(graph: &mut Graph<'_>, logits: &str, output: &str) {
    let axis = ("axis", Attribute::Integer(1));
    graph.node("Softmax", &[logits], output, vec![axis]);
}
