//! The network: the layers of a config one after the other.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};

use super::batch_norm::BatchStatistics;
use super::fusion;
use super::layer::{Activation, Layer};
use super::mode::Mode;
use super::parameters::{Path, from_array, to_array};
use crate::array::Arrays;
use crate::config::{Experiment, Shape};

#[derive(Module, Debug)]
pub struct Network {
    layers: Vec<Layer>,
}

impl Network {
    /// The experiment's network with its start values; a device with autodiff makes it trainable.
    pub fn new(experiment: &Experiment, device: &Device) -> Self {
        let [channels, height, width] = experiment.model.input;
        let image = Shape::Image {
            channels,
            height,
            width,
        };
        let inputs = std::iter::once(image).chain(experiment.shapes());
        let layers = experiment.model.layers.iter().zip(inputs).enumerate();
        Self {
            layers: layers
                .map(|(index, (layer, input))| {
                    Layer::build(layer, index, input, experiment.seed, device)
                })
                .collect(),
        }
    }

    /// `[batch, channels, height, width]` to logits `[batch, classes]`.
    ///
    /// In training also what batch normalizations have seen, for [`Self::with_statistics`].
    pub fn forward(&self, images: Tensor<4>, mode: Mode) -> (Tensor<2>, Vec<BatchStatistics>) {
        let mut activation = Activation::Image(images);
        let mut statistics = Vec::new();
        let mut rest = self.layers.as_slice();
        while !rest.is_empty() {
            let (output, count) = fusion::forward(rest, activation, mode, &mut statistics);
            activation = output;
            rest = &rest[count..];
        }
        match activation {
            Activation::Flat(logits) => (logits, statistics),
            Activation::Image(_) => unreachable!("an experiment's network ends in class scores"),
        }
    }

    /// The network with the statistics of a batch taken into its running ones.
    pub fn with_statistics(mut self, statistics: Vec<BatchStatistics>) -> Self {
        for batch in statistics {
            if let Layer::BatchNorm2d(norm) = &mut self.layers[batch.layer] {
                norm.update(batch);
            }
        }
        self
    }

    /// What is the first to have a NaN or an infinity on the way: `the output of layers.3 (conv2d)`.
    pub fn first_non_finite(&self, images: Tensor<4>, mode: Mode) -> Option<String> {
        let mut activation = Activation::Image(images);
        if !activation.is_finite() {
            return Some("the images themselves (data.scale, data.normalize)".to_owned());
        }
        for (index, layer) in self.layers.iter().enumerate() {
            activation = layer.forward(activation, mode, &mut Vec::new());
            if !activation.is_finite() {
                return Some(format!("the output of layers.{index} ({})", layer.name()));
            }
        }
        None
    }

    /// Numbers that training moves, running statistics not among them.
    pub fn parameter_count(&self) -> usize {
        let mut counter = Counter(0);
        self.visit(&mut counter);
        counter.0
    }

    /// All parameters and running statistics by name, in PyTorch's layout.
    pub fn parameters(&self) -> Arrays {
        let mut reader = Reader::default();
        self.visit(&mut reader);
        reader.arrays
    }

    /// The network with other parameters, which must be the same names and shapes exactly.
    ///
    /// The error names what is missing, superfluous or misshapen.
    pub fn with_parameters(self, arrays: &Arrays) -> Result<Self, String> {
        let mut writer = Writer {
            arrays,
            path: Path::default(),
            seen: 0,
            misfit: None,
        };
        let network = self.map(&mut writer);
        match writer.misfit {
            Some(misfit) => Err(misfit),
            None if writer.seen < arrays.len() => {
                let own = network.parameters();
                let other = arrays.keys().find(|name| !own.contains_key(*name));
                let name = other.map_or("", String::as_str);
                Err(format!("the network has no parameter `{name}`"))
            }
            None => Ok(network),
        }
    }
}

struct Counter(usize);

impl ModuleVisitor for Counter {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.0 += param.val().shape().num_elements();
        }
    }
}

#[derive(Default)]
struct Reader {
    path: Path,
    arrays: Arrays,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.arrays.insert(
            self.path.to_string(),
            to_array(param.val().inner().into_data()),
        );
    }
}

struct Writer<'a> {
    arrays: &'a Arrays,
    path: Path,
    seen: usize,
    misfit: Option<String>,
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.to_string();
        let expected = to_array(param.val().inner().into_data()).shape;
        let Some(array) = self.arrays.get(&name) else {
            self.misfit
                .get_or_insert(format!("parameter `{name}` is missing"));
            return param;
        };
        self.seen += 1;
        let misfit = match from_array(array) {
            Some(data) if array.shape == expected => {
                let device = param.val().device();
                let is_trained = param.is_require_grad();
                return param
                    .map(|_| Tensor::from_data(data, &device).set_require_grad(is_trained));
            }
            Some(_) => format!(
                "parameter `{name}` has shape {:?}, the network's is {expected:?}",
                array.shape
            ),
            None => format!("parameter `{name}` is of whole numbers, the network's is of floats"),
        };
        self.misfit.get_or_insert(misfit);
        param
    }
}
