//! The input and output shapes of every layer, known before any data are read or memory is allocated.

use super::keys::Model;
use super::layer::Layer;
use super::shape::{MAX_ELEMENTS, Shape, ShapeError, elements, image_shape};

/// One layer of a network with its input and output shapes.
#[derive(Debug, Clone)]
pub struct Traced<'a> {
    /// The layer.
    pub layer: &'a Layer,
    /// Its path in the network: `3`, or inside another layer `3.layers.0`.
    pub path: String,
    /// The index of the layer whose output it takes; `None` for the input of the network.
    pub producer: Option<usize>,
    /// The shape of one sample that it takes.
    pub input: Shape,
    /// The shape of one sample that it gives.
    pub output: Shape,
}

/// Why a layer of a network cannot take its input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LayerError {
    /// Number of the layer.
    pub layer: usize,
    pub message: String,
    pub help: String,
    /// Whether the input is part of the problem, so that its source is worth showing.
    pub concerns_input: bool,
}

/// The confusion matrix has to fit into memory and into checkpoints.
const MAX_CLASSES: usize = 8192;

/// All layers of a network with their shapes, each container before the layers inside it.
///
/// # Errors
/// The first layer that cannot take its input, or an end that is no score for each class.
pub(crate) fn infer(model: &Model) -> Result<Vec<Traced<'_>>, LayerError> {
    let (layers, error) = trace(model.input, &model.layers);
    match error.or_else(|| check_end(model, &layers)) {
        Some(error) => Err(error),
        None => Ok(layers),
    }
}

/// All layers up to the first that does not fit, and why it does not.
pub(crate) fn trace(input: [usize; 3], layers: &[Layer]) -> (Vec<Traced<'_>>, Option<LayerError>) {
    let mut tracer = Tracer(Vec::new());
    let end = tracer.list(layers, image_shape(input), None, "");
    (tracer.0, end.err())
}

struct Tracer<'a>(Vec<Traced<'a>>);

impl<'a> Tracer<'a> {
    /// The output shape of a list of layers whose input comes from the layer `producer`.
    fn list(
        &mut self,
        layers: &'a [Layer],
        mut shape: Shape,
        mut producer: Option<usize>,
        prefix: &str,
    ) -> Result<Shape, LayerError> {
        for (index, layer) in layers.iter().enumerate() {
            let number = self.0.len();
            let path = format!("{prefix}{index}");
            self.0.push(Traced {
                layer,
                path: path.clone(),
                producer,
                input: shape,
                output: shape,
            });
            let mut outputs = Vec::new();
            for (name, branch) in layer.branches() {
                outputs.push(self.list(branch, shape, producer, &format!("{path}.{name}."))?);
            }
            let output = match outputs[..] {
                [one, other] if one != other => Err(ShapeError::of_layer(
                    format!("its layers output {one}, its shortcut {other}"),
                    "put a convolution with kernel_size 1 and the same stride and out_channels in \
                     the `shortcut`",
                )),
                [one, ..] => Ok(one),
                [] => after(layer, shape),
            };
            shape = output.map_err(|error| LayerError {
                layer: number,
                message: format!("layer {path} `{}`: {}", layer.name(), error.message),
                help: match producer {
                    None => error.help.to_owned(),
                    Some(_) => format!("{}{}", error.help, error.help_after_layer),
                },
                concerns_input: error.concerns_input,
            })?;
            self.0[number].output = shape;
            producer = Some(number);
        }
        Ok(shape)
    }
}

/// A network ends in a score for each of at least two classes.
pub(crate) fn check_end(model: &Model, layers: &[Traced<'_>]) -> Option<LayerError> {
    let shape = after_last(model, layers);
    let (message, help) = match shape {
        Shape::Flat {
            features: 2..=MAX_CLASSES,
        } => return None,
        Shape::Flat { features: 2.. } => (
            format!("the network ends in {shape}, but at most {MAX_CLASSES} classes are supported"),
            "end with { linear = { out_features = <number of classes> } }",
        ),
        Shape::Flat { .. } => (
            "the network ends in one feature, but needs one per class, so at least two".to_owned(),
            "end with { linear = { out_features = <number of classes> } }",
        ),
        Shape::Image { .. } => (
            format!("the network ends in an image of {shape}, not in one score per class"),
            "end with \"flatten\" and { linear = { out_features = <number of classes> } }",
        ),
    };
    Some(LayerError {
        layer: last(layers).unwrap_or(0),
        message,
        help: help.to_owned(),
        concerns_input: false,
    })
}

/// The output shape of the network.
pub(crate) fn after_last(model: &Model, layers: &[Traced<'_>]) -> Shape {
    last(layers).map_or(image_shape(model.input), |last| layers[last].output)
}

/// The last layer that is not inside of another.
fn last(layers: &[Traced<'_>]) -> Option<usize> {
    layers.iter().rposition(|layer| !layer.path.contains('.'))
}

/// The output shape of a layer of a valid network.
///
/// # Panics
/// If the layer cannot take the input.
pub fn output_shape(layer: &Layer, input: Shape) -> Shape {
    let output = match layer.branches()[..] {
        [(_, branch), ..] => Ok(after_all(branch, input)),
        [] => after(layer, input),
    };
    match output {
        Ok(output) => output,
        Err(_) => unreachable!("the shapes of an experiment fit"),
    }
}

/// The output shape of layers of a valid network.
pub(crate) fn after_all(layers: &[Layer], input: Shape) -> Shape {
    let next = |shape, layer| output_shape(layer, shape);
    layers.iter().fold(input, next)
}

/// The output shape of a layer without layers inside.
fn after(layer: &Layer, input: Shape) -> Result<Shape, ShapeError> {
    let rule = layer.rule().expect("the caller looks into branches");
    let output = rule.output(input)?;
    if rule.weights(input) > MAX_ELEMENTS {
        return Err(ShapeError::of_input(
            "has more than a gigabyte of parameters".to_owned(),
            "make the layer or its input smaller",
        ));
    }
    if elements(output) > MAX_ELEMENTS {
        return Err(ShapeError::of_input(
            format!("outputs {output}, more than a gigabyte for one image"),
            "make the layer or `model.input` smaller",
        ));
    }
    Ok(output)
}
