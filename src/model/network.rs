//! The network: the layers of a config one after the other.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::builder::Settings;
use super::flow::{BatchStatistics, Flow, Mode, Pass};
use super::layer::BatchNorm;
use super::parameters::{self, Parameter};
use super::sequence::{self, Node};
use crate::array::{Arrays, Values};
use crate::config::{self, Experiment};

/// An experiment's network.
#[derive(Module, Debug)]
pub struct Network {
    layers: Vec<Node>,
    /// What the config calls each of them.
    #[module(skip)]
    names: Vec<&'static str>,
}

impl Network {
    /// The experiment's network with its start values; a device with autodiff makes it trainable, but for what is frozen.
    pub fn new(experiment: &Experiment, device: &Device) -> Self {
        let model = &experiment.model;
        let settings = Settings {
            seed: experiment.seed,
            init: &model.init,
            device,
        };
        let input = config::image_shape(model.input);
        let network = Self {
            layers: sequence::build(&model.layers, "layers", input, settings, &mut 0),
            names: model.layers.iter().map(config::Layer::name).collect(),
        };
        match experiment.training.groups.as_slice() {
            [] => network,
            groups => network.with_frozen(groups),
        }
    }

    /// The network without the frozen groups in its training. A batch norm whose weight and bias are frozen keeps its
    /// running statistics too.
    fn with_frozen(self, groups: &[config::Group]) -> Self {
        let mut network = parameters::freeze(self, |parameter| {
            let group = config::group_of(groups, &parameter.name);
            group.is_some_and(|(_, group)| group.frozen)
        });
        let mut norms = Vec::new();
        sequence::find_batch_norms(&mut network.layers, &mut norms);
        norms.into_iter().for_each(BatchNorm::find_out_if_frozen);
        network
    }

    /// How many numbers of the network are in each of these groups, and last, how many are in none; running statistics are
    /// not among them.
    pub fn group_sizes(&self, groups: &[config::Group]) -> Vec<usize> {
        let mut sizes = vec![0; groups.len() + 1];
        self.visit_parameters(|parameter| {
            if !parameter.is_statistic {
                let group = config::group_of(groups, &parameter.name);
                let place = group.map_or(groups.len(), |(place, _)| place);
                sizes[place] += parameter.element_count();
            }
        });
        sizes
    }

    /// `[batch, channels, height, width]` to logits `[batch, classes]`.
    ///
    /// In training also what batch normalizations have seen, for [`Self::with_statistics`].
    pub fn forward(&self, images: Tensor<4>, mode: Mode) -> (Tensor<2>, Vec<BatchStatistics>) {
        let mut pass = Pass::new(mode);
        let logits = sequence::forward(&self.layers, Flow::Image(images), &mut pass);
        (logits.flat(), pass.statistics)
    }

    /// The network with the statistics of a batch taken into its running ones.
    ///
    /// # Panics
    /// If they are not of one forward pass of this network.
    pub fn with_statistics(mut self, statistics: Vec<BatchStatistics>) -> Self {
        let mut norms = Vec::new();
        sequence::find_batch_norms(&mut self.layers, &mut norms);
        norms.retain(|norm| !norm.is_frozen);
        assert_eq!(norms.len(), statistics.len(), "of one forward pass");
        for (norm, batch) in norms.into_iter().zip(statistics) {
            norm.update(batch);
        }
        self
    }

    /// The first layer whose output has a NaN or an infinity: `the output of layers.3 (conv2d)`.
    pub fn first_non_finite(&self, images: Tensor<4>, mode: Mode) -> Option<String> {
        let mut flow = Flow::Image(images);
        if !flow.is_finite() {
            return Some("the images themselves (data.scale, data.normalize)".to_owned());
        }
        let layers = self.layers.chunks(1).zip(&self.names);
        for (index, (layer, name)) in layers.enumerate() {
            flow = sequence::forward(layer, flow, &mut Pass::new(mode));
            if !flow.is_finite() {
                return Some(format!("the output of layers.{index} ({name})"));
            }
        }
        None
    }

    /// Looks at every parameter and running statistic.
    pub fn visit_parameters(&self, visit: impl FnMut(Parameter)) {
        parameters::visit(self, visit);
    }

    /// The name of the first parameter or running statistic that matches the predicate.
    pub fn first_of_parameters(&self, matches: impl Fn(&Parameter) -> bool) -> Option<String> {
        let mut found = None;
        self.visit_parameters(|parameter| {
            if found.is_none() && matches(&parameter) {
                found = Some(parameter.name);
            }
        });
        found
    }

    /// Gives every parameter and running statistic new values where `map` has some.
    pub fn map_parameters(self, map: impl FnMut(Parameter) -> Option<Tensor<1>>) -> Self {
        parameters::map(self, map)
    }

    /// Numbers that a checkpoint has of the network.
    pub fn size(&self) -> usize {
        let mut count = 0;
        self.visit_parameters(|parameter| count += parameter.element_count());
        count
    }

    /// Numbers that training moves; neither running statistics nor what is frozen.
    pub fn parameter_count(&self) -> usize {
        let mut count = 0;
        self.visit_parameters(|parameter| {
            if parameter.is_trained {
                count += parameter.element_count();
            }
        });
        count
    }

    /// All parameters and running statistics by name, in PyTorch's layout.
    pub fn parameters(&self) -> Arrays {
        let mut arrays = Arrays::new();
        self.visit_parameters(|parameter| {
            let array = parameter.array_of(parameter.values.clone());
            arrays.insert(parameter.name, array);
        });
        arrays
    }

    /// The network with other parameters, which must be the same names and shapes exactly.
    ///
    /// # Errors
    /// What is missing, superfluous or misshapen.
    pub fn with_parameters(self, arrays: &Arrays) -> Result<Self, String> {
        let mut names = Vec::new();
        let mut misfit = None;
        let network = self.map_parameters(|parameter| {
            let name = &parameter.name;
            let values = match arrays.get(name) {
                None => Err(format!("parameter `{name}` is missing")),
                Some(array) => parameter
                    .values_of(array)
                    .ok_or_else(|| match array.values {
                        Values::I64(_) => {
                            format!("parameter `{name}` has integers, but the network's has floats")
                        }
                        Values::F32(_) => format!(
                            "parameter `{name}` has shape {:?}, but the network's has {:?}",
                            array.shape,
                            parameter.pytorch_shape()
                        ),
                    }),
            };
            names.push(parameter.name);
            values.map_err(|why| misfit.get_or_insert(why)).ok()
        });
        let superfluous = arrays.keys().find(|name| !names.contains(name));
        match (misfit, superfluous) {
            (Some(misfit), _) => Err(misfit),
            (None, Some(name)) => Err(format!("the network has no parameter `{name}`")),
            (None, None) => Ok(network),
        }
    }
}
