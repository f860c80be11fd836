//! Functions of each element.

use super::graph::{Attribute, Graph};
use super::writer::{Flow, Writer};
use crate::Error;
use crate::config::{Activation, Approximate, Prelu, Shape, Softplus};

/// Writes an activation; gives the name of its output.
pub(super) fn write(
    writer: &mut Writer<'_>,
    activation: &Activation,
    path: &str,
    input: &Flow,
) -> Result<String, Error> {
    if let Activation::Prelu(layer) = activation {
        return prelu(writer, layer, path, input);
    }
    let (graph, x) = (&mut writer.graph, input.name.as_str());
    let alpha = |value| vec![("alpha", Attribute::Float(value))];
    let mut steps = Steps { graph, path };
    Ok(match activation {
        Activation::Relu => steps.last("Relu", &[x]),
        Activation::Relu6 => {
            let limits = [steps.number("min", 0.0), steps.number("max", 6.0)];
            steps.last("Clip", &[x, &limits[0], &limits[1]])
        }
        Activation::LeakyRelu(leaky) => {
            let slope = alpha(leaky.negative_slope);
            steps.graph.node("LeakyRelu", &[x], path, slope)
        }
        Activation::Gelu(gelu) if steps.graph.opset.has(20) => {
            let approximate = match gelu.approximate {
                Approximate::None => "none",
                Approximate::Tanh => "tanh",
            };
            let attributes = vec![("approximate", Attribute::Text(approximate))];
            steps.graph.node("Gelu", &[x], path, attributes)
        }
        Activation::Gelu(gelu) => match gelu.approximate {
            Approximate::None => steps.gelu(x),
            Approximate::Tanh => steps.gelu_tanh(x),
        },
        Activation::Silu => {
            let sigmoid = steps.step("Sigmoid", &[x], "sigmoid");
            steps.last("Mul", &[x, &sigmoid])
        }
        Activation::Elu(elu) => steps.graph.node("Elu", &[x], path, alpha(elu.alpha)),
        Activation::HardSwish if steps.graph.opset.has(14) => steps.last("HardSwish", &[x]),
        Activation::HardSwish => {
            // Its default slope is 1/5, that of PyTorch and Keras 1/6.
            let attributes = vec![
                ("alpha", Attribute::Float(1.0 / 6.0)),
                ("beta", Attribute::Float(0.5)),
            ];
            let name = format!("{path}/hard_sigmoid");
            let sigmoid = steps.graph.node("HardSigmoid", &[x], name, attributes);
            steps.last("Mul", &[x, &sigmoid])
        }
        Activation::Sigmoid => steps.last("Sigmoid", &[x]),
        Activation::Tanh => steps.last("Tanh", &[x]),
        Activation::Softplus(softplus) => steps.softplus(softplus, x),
        Activation::Prelu(_) => unreachable!("it was written above"),
    })
}

/// Slopes stand beside the channels: `[channels, 1, 1]` for images.
fn prelu(
    writer: &mut Writer<'_>,
    layer: &Prelu,
    path: &str,
    input: &Flow,
) -> Result<String, Error> {
    let name = format!("{path}.weight");
    let slopes = writer.trained.parameter(&name)?;
    let graph = &mut writer.graph;
    let shape: &[usize] = match input.shape {
        Shape::Image { .. } => &[layer.num_parameters, 1, 1],
        Shape::Flat { .. } => &[layer.num_parameters],
    };
    graph.floats(name.clone(), shape, slopes.values);
    Ok(graph.node("PRelu", &[&input.name, &name], path, Vec::new()))
}

/// A function that is made of several operators.
struct Steps<'g, 'a> {
    graph: &'g mut Graph<'a>,
    path: &'g str,
}

impl Steps<'_, '_> {
    /// An operator in between.
    fn step(&mut self, operator: &'static str, inputs: &[&str], name: &str) -> String {
        let output = format!("{}/{name}", self.path);
        self.graph.node(operator, inputs, output, Vec::new())
    }

    /// The operator that gives the layer's output.
    fn last(&mut self, operator: &'static str, inputs: &[&str]) -> String {
        self.graph.node(operator, inputs, self.path, Vec::new())
    }

    /// A constant without dimensions.
    fn number(&mut self, name: &str, value: f64) -> String {
        let name = format!("{}/{name}", self.path);
        self.graph.floats(name, &[], vec![value as f32])
    }

    /// `x (1 + erf(x / sqrt(2))) / 2`
    fn gelu(&mut self, x: &str) -> String {
        let scale = self.number("scale", std::f64::consts::FRAC_1_SQRT_2);
        let scaled = self.step("Mul", &[x, &scale], "scaled");
        let erf = self.step("Erf", &[&scaled], "erf");
        self.halved_share(x, &erf)
    }

    /// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`
    fn gelu_tanh(&mut self, x: &str) -> String {
        let cubic = self.number("cubic", 0.044_715);
        let scale = self.number("scale", (2.0 / std::f64::consts::PI).sqrt());
        let square = self.step("Mul", &[x, x], "square");
        let cube = self.step("Mul", &[&square, x], "cube");
        let part = self.step("Mul", &[&cube, &cubic], "part");
        let sum = self.step("Add", &[x, &part], "sum");
        let scaled = self.step("Mul", &[&sum, &scale], "scaled");
        let tanh = self.step("Tanh", &[&scaled], "tanh");
        self.halved_share(x, &tanh)
    }

    /// `x (1 + share) / 2`
    fn halved_share(&mut self, x: &str, share: &str) -> String {
        let (one, half) = (self.number("one", 1.0), self.number("half", 0.5));
        let above = self.step("Add", &[share, &one], "above");
        let product = self.step("Mul", &[x, &above], "product");
        self.last("Mul", &[&product, &half])
    }

    /// `log(1 + exp(beta x)) / beta`, and `x` where `beta x` is above the threshold.
    fn softplus(&mut self, layer: &Softplus, x: &str) -> String {
        /// From here on, `log(1 + exp(x))` is `x` for 32-bit floats.
        const LINEAR: f64 = 17.0;
        let (beta, threshold) = (layer.beta, layer.threshold);
        if beta == 1.0 && threshold >= LINEAR {
            return self.last("Softplus", &[x]);
        }
        let beta = self.number("beta", beta);
        let scaled = self.step("Mul", &[x, &beta], "scaled");
        let curve = self.step("Softplus", &[&scaled], "curve");
        if threshold >= LINEAR {
            return self.last("Div", &[&curve, &beta]);
        }
        let curve = self.step("Div", &[&curve, &beta], "unscaled");
        let threshold = self.number("threshold", threshold);
        let is_above = self.step("Greater", &[&scaled, &threshold], "is_above");
        self.last("Where", &[&is_above, x, &curve])
    }
}
