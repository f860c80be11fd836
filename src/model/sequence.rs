//! Lists of layers: built one after the other, and run with fusion, where one kernel computes several
//! neighbouring layers. The config has no key for it.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::tensor::Tensor;

use super::builder::{Place, Settings};
use super::flow::{Flow, Mode, Pass};
use super::layer::{
    Activation, BatchNorm, Convolution, Layer, Normalization, Pooling, convolution, pooling,
};
use crate::config::{self, Shape};
use crate::kernels::{self, Rectifier, conv_relu_pool::ConvReluPoolGeometry};

/// An element of a list of layers.
#[derive(Module, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all elements are plain, and there are few of them"
)]
pub enum Node {
    /// A layer without layers inside.
    Plain(Layer),
    /// Two lists of layers.
    Residual(Residual),
}

/// The sum of two branches; without a shortcut the other one is the input.
#[derive(Module, Debug)]
pub struct Residual {
    layers: Vec<Node>,
    shortcut: Vec<Node>,
}

/// The layers of a list with their start values. The names of their parameters begin with `path`,
/// `input` is the shape of one sample, and `count` the number of layers so far.
pub fn build(
    layers: &[config::Layer],
    path: &str,
    mut input: Shape,
    network: Settings<'_>,
    count: &mut usize,
) -> Vec<Node> {
    let mut nodes = Vec::with_capacity(layers.len());
    for (index, layer) in layers.iter().enumerate() {
        let path = &format!("{path}.{index}");
        let number = *count;
        *count += 1;
        nodes.push(match layer {
            config::Layer::Residual(residual) => {
                let mut branch = |name: &str, layers: &[config::Layer]| {
                    build(layers, &format!("{path}.{name}"), input, network, count)
                };
                Node::Residual(Residual {
                    layers: branch("layers", &residual.layers),
                    shortcut: branch("shortcut", &residual.shortcut),
                })
            }
            plain => {
                let place = Place {
                    network,
                    path,
                    number,
                    input,
                };
                let layer = Layer::new(plain, &place);
                Node::Plain(layer.expect("layers with layers inside come before"))
            }
        });
        input = config::output_shape(layer, input);
    }
    nodes
}

/// Runs all layers of a list.
pub fn forward(nodes: &[Node], mut flow: Flow, pass: &mut Pass) -> Flow {
    let mut rest = nodes;
    while !rest.is_empty() {
        (flow, rest) = forward_first(rest, flow, pass);
    }
    flow
}

/// Finds all batch norms, in the order of a forward pass.
pub fn find_batch_norms<'a>(nodes: &'a mut [Node], found: &mut Vec<&'a mut BatchNorm>) {
    for node in nodes {
        match node {
            Node::Plain(Layer::Normalization(Normalization::Batch(norm))) => found.push(norm),
            Node::Plain(_) => {}
            Node::Residual(residual) => {
                find_batch_norms(&mut residual.layers, found);
                find_batch_norms(&mut residual.shortcut, found);
            }
        }
    }
}

/// Runs the first layer, and with it those after it that fuse with it; returns the output and the remaining
/// layers.
fn forward_first<'a>(nodes: &'a [Node], input: Flow, pass: &mut Pass) -> (Flow, &'a [Node]) {
    use Node::{Plain, Residual};
    match (nodes, input) {
        (
            [
                Plain(Layer::Convolution(Convolution::Conv2d(conv))),
                rest @ ..,
            ],
            Flow::Image(x),
        ) => forward_conv2d(conv, rest, x, pass),
        (
            [
                Plain(Layer::Normalization(Normalization::Batch(norm))),
                rest @ ..,
            ],
            Flow::Image(x),
        ) => forward_batch_norm(norm, rest, x, pass),
        (
            [
                Residual(residual),
                Plain(Layer::Activation(activation)),
                rest @ ..,
            ],
            input,
        ) if let Some(rectifier) = activation.rectifier() => {
            (residual.forward(input, pass, Some(rectifier)), rest)
        }
        ([Residual(residual), rest @ ..], input) => (residual.forward(input, pass, None), rest),
        (
            [
                Plain(Layer::Flatten(_)),
                Plain(Layer::Linear(linear)),
                rest @ ..,
            ],
            Flow::Image(x),
        ) => (linear.forward_flattened(x), rest),
        ([Plain(layer), rest @ ..], input) => (layer.forward(input, pass), rest),
        ([], input) => (input, nodes),
    }
}

/// Runs a convolution and the layers that fuse with it: a batch norm by running statistics, folded into the weights;
/// then ReLU or ReLU6, or ReLU and a max pool, perhaps with a dropout.
fn forward_conv2d<'a>(
    conv: &Conv2d,
    rest: &'a [Node],
    x: Tensor<4>,
    pass: &mut Pass,
) -> (Flow, &'a [Node]) {
    use Node::Plain;
    let (weight, bias, rest) = match rest {
        [
            Plain(Layer::Normalization(Normalization::Batch(norm))),
            rest @ ..,
        ] if norm.is_fixed(pass.mode) => {
            let (weight, bias) = norm.fold_into(conv);
            (weight, Some(bias), rest)
        }
        _ => {
            let bias = conv.bias.as_ref().map(|bias| bias.val());
            (conv.weight.val(), bias, rest)
        }
    };
    if let Some((pool, rest)) = pool_of_block(conv, rest) {
        let geometry = ConvReluPoolGeometry {
            conv2d: convolution::geometry(conv, x.dims()),
            pool: pooling::geometry(pool),
        };
        return forward_block(x, weight, bias, geometry, rest, pass.mode);
    }
    let (rectifier, rest) = leading_rectifier(rest);
    let output = convolution::forward(conv, x, weight, bias, rectifier);
    (Flow::Image(output), rest)
}

/// Runs a batch norm and the layers that fuse with it: ReLU or ReLU6, and a convolution after a norm that goes by its batch.
fn forward_batch_norm<'a>(
    norm: &BatchNorm,
    rest: &'a [Node],
    x: Tensor<4>,
    pass: &mut Pass,
) -> (Flow, &'a [Node]) {
    let (rectifier, rest) = leading_rectifier(rest);
    match rest {
        [
            Node::Plain(Layer::Convolution(Convolution::Conv2d(conv))),
            rest @ ..,
        ] if !norm.is_fixed(pass.mode) && pool_of_block(conv, rest).is_none() => {
            let (after, rest) = leading_rectifier(rest);
            let output = norm.forward_into(conv, x, pass, [rectifier, after]);
            (Flow::Image(output), rest)
        }
        _ => (Flow::Image(norm.forward(x, pass, rectifier)), rest),
    }
}

/// ReLU or ReLU6, if it comes next.
fn leading_rectifier(nodes: &[Node]) -> (Option<Rectifier>, &[Node]) {
    match nodes {
        [Node::Plain(Layer::Activation(activation)), rest @ ..]
            if let Some(rectifier) = activation.rectifier() =>
        {
            (Some(rectifier), rest)
        }
        _ => (None, nodes),
    }
}

/// The max pool that one kernel computes with the convolution before it, if ReLU and such a pool come next.
fn pool_of_block<'a>(conv: &Conv2d, rest: &'a [Node]) -> Option<(&'a MaxPool2d, &'a [Node])> {
    match rest {
        [
            Node::Plain(Layer::Activation(Activation::Relu(_))),
            Node::Plain(Layer::Pooling(Pooling::Max(pool))),
            rest @ ..,
        ] if is_byte_sized(pool) && convolution::surplus(conv) == [0, 0] => Some((pool, rest)),
        _ => None,
    }
}

/// Runs convolution, ReLU and max pool as one kernel. A dropout of its output is fused too, and a linear layer
/// after `flatten` reads the images in their layout, without a copy.
fn forward_block(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    geometry: ConvReluPoolGeometry,
    rest: &[Node],
    mode: Mode,
) -> (Flow, &[Node]) {
    use Node::Plain;
    let block = |mask| kernels::conv_relu_pool(x, weight, bias, geometry, mask);
    match rest {
        [Plain(Layer::Dropout(dropout)), rest @ ..] if !dropout.is_of_channels() => {
            (Flow::Image(block(dropout.mask(mode))), rest)
        }
        [
            Plain(Layer::Flatten(_)),
            Plain(Layer::Dropout(dropout)),
            Plain(Layer::Linear(linear)),
            rest @ ..,
        ] => (linear.forward_flattened(block(dropout.mask(mode))), rest),
        [
            Plain(Layer::Flatten(_)),
            Plain(Layer::Dropout(dropout)),
            rest @ ..,
        ] => {
            let output = block(dropout.mask(mode));
            (Flow::Flat(output.flatten(1, 3)), rest)
        }
        rest => (Flow::Image(block(None)), rest),
    }
}

/// Whether a window has fewer than 256 elements: the kernel keeps the position of each maximum in a byte.
fn is_byte_sized(pool: &MaxPool2d) -> bool {
    pooling::geometry(pool).window_len() < 256
}

impl Residual {
    /// The sum of the branches, then ReLU or ReLU6 where one is asked for.
    fn forward(&self, input: Flow, pass: &mut Pass, rectifier: Option<Rectifier>) -> Flow {
        let [input, shortcut] = twice(input);
        let one = forward(&self.layers, input, pass);
        let other = forward(&self.shortcut, shortcut, pass);
        match (one, other) {
            (Flow::Image(one), Flow::Image(other)) => {
                Flow::Image(kernels::residual(one, other, rectifier))
            }
            (Flow::Flat(one), Flow::Flat(other)) => {
                Flow::Flat(kernels::residual(one, other, rectifier))
            }
            _ => unreachable!("the shapes of an experiment fit"),
        }
    }
}

/// An input for two branches. Burn sums the gradients of both in the order of the shape; for images that is made the order
/// in which they lie, channels last, so that neither is copied.
fn twice(input: Flow) -> [Flow; 2] {
    let Flow::Image(images) = input else {
        return [input.clone(), input];
    };
    let stored = images.permute([0, 2, 3, 1]);
    [stored.clone(), stored].map(|stored| Flow::Image(stored.permute([0, 3, 1, 2])))
}
