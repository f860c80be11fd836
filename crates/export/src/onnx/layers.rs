//! Layers as operators: lists of them, those with weights, and residual sums.

use super::fold::{Affine, Channels, batch_norm};
use super::graph::Attribute;
use super::writer::{Flow, Writer, flatten, pads};
use super::{activation, normalization, pooling};
use crate::Error;
use crate::config::{self, Conv2d, ConvTranspose2d, Convolution, Layer, Residual};

/// The constants of a layer with weights.
struct Kernel {
    weight: String,
    bias: Option<String>,
}

impl Kernel {
    /// The inputs of the layer's operator.
    fn inputs<'a>(&'a self, input: &'a str) -> Vec<&'a str> {
        let bias = self.bias.as_deref();
        [input, &self.weight].into_iter().chain(bias).collect()
    }
}

impl Writer<'_> {
    /// Writes a list of layers, whose parameters' names begin with `path`; gives what the last one does.
    pub(super) fn list(
        &mut self,
        layers: &[Layer],
        path: &str,
        mut flow: Flow,
    ) -> Result<Flow, Error> {
        let mut rest = layers;
        while let [layer, after @ ..] = rest {
            let index = layers.len() - rest.len();
            let norm = after.first().and_then(batch_norm);
            let norm = norm.filter(|_| self.is_folding && has_weights(layer));
            let place = |index| format!("{path}.{index}");
            let norm = norm.map(|norm| (place(index + 1), norm.eps));
            rest = &after[usize::from(norm.is_some())..];
            let name = self.layer(layer, &place(index), &flow, norm)?;
            let shape = config::output_shape(layer, flow.shape);
            flow = Flow { name, shape };
        }
        Ok(flow)
    }

    /// Writes one layer, perhaps with the batch norm of this path and eps folded in; gives the name of its output.
    fn layer(
        &mut self,
        layer: &Layer,
        path: &str,
        input: &Flow,
        norm: Option<(String, f64)>,
    ) -> Result<String, Error> {
        Ok(match layer {
            Layer::Linear(linear) => {
                let kernel = self.kernel(path, linear.bias, Channels::First, norm)?;
                self.linear(path, input, &kernel)
            }
            Layer::Convolution(Convolution::Conv2d(conv)) => {
                let kernel = self.kernel(path, conv.bias, Channels::First, norm)?;
                self.conv2d(conv, path, input, &kernel)
            }
            Layer::Convolution(Convolution::ConvTranspose2d(conv)) => {
                let channels = Channels::Second {
                    groups: conv.groups,
                };
                let kernel = self.kernel(path, conv.bias, channels, norm)?;
                self.conv_transpose2d(conv, path, input, &kernel)
            }
            // They do nothing where nothing is trained.
            Layer::Dropout(_) | Layer::Dropout2d(_) => input.name.clone(),
            Layer::Flatten => flatten(&mut self.graph, &input.name, path),
            Layer::Residual(residual) => self.residual(residual, path, input)?,
            Layer::Normalization(norm) => normalization::write(self, norm, path, input)?,
            Layer::Activation(function) => activation::write(self, function, path, input)?,
            Layer::Pooling(pool) => pooling::write(&mut self.graph, pool, path, input),
        })
    }

    /// The constants of a layer with weights.
    fn kernel(
        &mut self,
        path: &str,
        has_bias: bool,
        channels: Channels,
        norm: Option<(String, f64)>,
    ) -> Result<Kernel, Error> {
        let trained = self.trained;
        let weight = trained.parameter(&format!("{path}.weight"))?;
        let bias = has_bias.then(|| trained.parameter(&format!("{path}.bias")));
        let bias = bias.transpose()?;
        let Some((norm, eps)) = norm else {
            return Ok(Kernel {
                weight: self.parameter(&format!("{path}.weight"))?,
                bias: bias
                    .map(|_| self.parameter(&format!("{path}.bias")))
                    .transpose()?,
            });
        };
        let of_norm = |name: &str| {
            let parameter = trained.parameter(&format!("{norm}.{name}"));
            parameter.map(|parameter| parameter.values)
        };
        let running = [of_norm("running_mean")?, of_norm("running_var")?];
        let affine = Affine::new(eps, of_norm("weight")?, of_norm("bias")?, running);
        // These names say that they are not the parameters.
        let values = affine.weight(weight.values, weight.shape[0], channels);
        let name = format!("{path}.folded_weight");
        let folded = self.graph.floats(name, weight.shape, values);
        let values = affine.bias(bias.map(|bias| bias.values));
        let (name, shape) = (format!("{path}.folded_bias"), [values.len()]);
        Ok(Kernel {
            weight: folded,
            bias: Some(self.graph.floats(name, &shape, values)),
        })
    }

    fn linear(&mut self, path: &str, input: &Flow, kernel: &Kernel) -> String {
        let attributes = vec![
            ("alpha", Attribute::Float(1.0)),
            ("beta", Attribute::Float(1.0)),
            ("transA", Attribute::Integer(0)),
            ("transB", Attribute::Integer(1)),
        ];
        let inputs = kernel.inputs(&input.name);
        self.graph.node("Gemm", &inputs, path, attributes)
    }

    fn conv2d(&mut self, conv: &Conv2d, path: &str, input: &Flow, kernel: &Kernel) -> String {
        let attributes = vec![
            ("dilations", Attribute::Integers(conv.dilation.to_vec())),
            ("group", Attribute::Integer(conv.groups)),
            (
                "kernel_shape",
                Attribute::Integers(conv.kernel_size.to_vec()),
            ),
            ("pads", pads(conv.sides())),
            ("strides", Attribute::Integers(conv.stride.to_vec())),
        ];
        let inputs = kernel.inputs(&input.name);
        self.graph.node("Conv", &inputs, path, attributes)
    }

    fn conv_transpose2d(
        &mut self,
        conv: &ConvTranspose2d,
        path: &str,
        input: &Flow,
        kernel: &Kernel,
    ) -> String {
        let attributes = vec![
            ("dilations", Attribute::Integers(conv.dilation.to_vec())),
            ("group", Attribute::Integer(conv.groups)),
            (
                "kernel_shape",
                Attribute::Integers(conv.kernel_size.to_vec()),
            ),
            (
                "output_padding",
                Attribute::Integers(conv.output_padding.to_vec()),
            ),
            ("pads", pads(conv.padding.map(|side| [side, side]))),
            ("strides", Attribute::Integers(conv.stride.to_vec())),
        ];
        let inputs = kernel.inputs(&input.name);
        self.graph.node("ConvTranspose", &inputs, path, attributes)
    }

    fn residual(&mut self, residual: &Residual, path: &str, input: &Flow) -> Result<String, Error> {
        let mut branch = |name: &str, layers: &[Layer]| {
            self.list(layers, &format!("{path}.{name}"), input.clone())
        };
        let one = branch("layers", &residual.layers)?;
        let other = branch("shortcut", &residual.shortcut)?;
        Ok(self
            .graph
            .node("Add", &[&one.name, &other.name], path, Vec::new()))
    }
}

fn has_weights(layer: &Layer) -> bool {
    matches!(layer, Layer::Linear(_) | Layer::Convolution(_))
}
