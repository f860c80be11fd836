//! The update rule, with its state kept by parameter name.
//!
//! Burn's own `ModuleOptimizer` keys its state by parameter ids that are random in each process,
//! restores it on whatever device is the default, and passes silently over a state that does not
//! fit. So only the form of a rule (`burn::optim::Optimizer`) is Burn's, and the bookkeeping is
//! here: state goes into named arrays and comes back out of them onto the parameter's own device,
//! whole or not at all.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{
    AdamState, AdaptiveMomentumState, DynState, GradientsParams, Optimizer as Rule, RecordState,
    StateSink, StateSource,
};
use burn::tensor::{Device, Tensor};
use burn_pack::Scalar;

use crate::array::{Array, Arrays, Values};
use crate::config;
use crate::kernels;
use crate::model::{Network, Path, from_array, to_array};

/// An update rule and what it remembers.
pub enum Optimizer {
    Adam(PerParameter<Adam>),
}

/// A rule and its state for every parameter, by name.
pub struct PerParameter<R> {
    rule: R,
    states: BTreeMap<String, DynState>,
}

impl Optimizer {
    pub fn new(config: &config::Optimizer) -> Self {
        match config {
            config::Optimizer::Adam(adam) => Optimizer::Adam(PerParameter::new(Adam(adam.clone()))),
        }
    }

    /// How many numbers the state has for each number of a parameter.
    pub fn state_size(&self) -> usize {
        match self {
            Optimizer::Adam(_) => 2,
        }
    }

    /// One step: the network with every parameter moved along its gradient.
    pub fn step(
        &mut self,
        learning_rate: f64,
        network: Network,
        gradients: &mut GradientsParams,
    ) -> Network {
        match self {
            Optimizer::Adam(adam) => adam.step(learning_rate, network, gradients),
        }
    }

    /// The state as arrays `<state>.<parameter>`; `network` is the one it belongs to.
    pub fn state(&self, network: &Network) -> Arrays {
        match self {
            Optimizer::Adam(adam) => adam.state(network),
        }
    }

    /// Takes over a state that [`Optimizer::state`] gave.
    ///
    /// The error names what is missing or superfluous; before the first step there is no state.
    pub fn load_state(&mut self, network: &Network, arrays: &Arrays) -> Result<(), String> {
        match self {
            Optimizer::Adam(adam) => adam.load_state(network, arrays),
        }
    }
}

impl<R: Rule> PerParameter<R> {
    fn new(rule: R) -> Self {
        Self {
            rule,
            states: BTreeMap::new(),
        }
    }

    fn step(
        &mut self,
        learning_rate: f64,
        network: Network,
        gradients: &mut GradientsParams,
    ) -> Network {
        network.map(&mut Stepper {
            optimizer: self,
            learning_rate,
            gradients,
            path: Path::default(),
        })
    }

    fn state(&self, network: &Network) -> Arrays {
        let mut writer = StateWriter {
            optimizer: self,
            path: Path::default(),
            arrays: Arrays::new(),
        };
        network.visit(&mut writer);
        writer.arrays
    }

    fn load_state(&mut self, network: &Network, arrays: &Arrays) -> Result<(), String> {
        let mut reader = StateReader::<R> {
            arrays,
            path: Path::default(),
            states: BTreeMap::new(),
            missing: None,
            rule: PhantomData,
        };
        network.visit(&mut reader);
        let StateReader {
            states, missing, ..
        } = reader;
        if let (Some(name), false) = (missing, arrays.is_empty()) {
            return Err(format!(
                "the optimizer state of parameter `{name}` is missing or misshapen"
            ));
        }
        let before = std::mem::replace(&mut self.states, states);
        // What was not read cannot come back out; so this finds every array too many.
        let taken = self.state(network);
        match arrays
            .iter()
            .find(|(name, array)| taken.get(*name) != Some(array))
        {
            Some((name, _)) => {
                self.states = before;
                Err(format!("the optimizer has no state `{name}`"))
            }
            None => Ok(()),
        }
    }
}

/// Adam as PyTorch computes it, with the state that Burn's own rule has.
#[derive(Clone)]
pub struct Adam(config::Adam);

impl Rule for Adam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: f64,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamState<D>>,
    ) -> (Tensor<D>, Option<AdamState<D>>) {
        let (time, averages) = match state.map(|state| state.momentum) {
            Some(momentum) => (momentum.time, [momentum.moment_1, momentum.moment_2]),
            None => (0, [parameter.zeros_like(), parameter.zeros_like()]),
        };
        let adam = kernels::adam::Adam {
            learning_rate,
            betas: self.0.betas,
            eps: self.0.eps,
            weight_decay: self.0.weight_decay,
            time: time as u64 + 1,
        };
        let (parameter, [mean, square]) = kernels::adam_step(parameter, gradient, averages, adam);
        let momentum = AdaptiveMomentumState::new(time + 1, mean, square);
        (parameter, Some(AdamState::new(momentum)))
    }

    fn to_device<const D: usize>(state: AdamState<D>, device: &Device) -> AdamState<D> {
        AdamState::new(state.momentum.to_device(device))
    }
}

struct Stepper<'a, R> {
    optimizer: &'a mut PerParameter<R>,
    learning_rate: f64,
    gradients: &'a mut GradientsParams,
    path: Path,
}

impl<R: Rule> ModuleMapper for Stepper<'_, R> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else {
            return param;
        };
        let name = self.path.to_string();
        let state = self
            .optimizer
            .states
            .remove(&name)
            .map(DynState::downcast::<R::State<D>>);
        let (rule, learning_rate) = (&self.optimizer.rule, self.learning_rate);
        let mut next = None;
        let param = param.map(|tensor| {
            let (tensor, state) = rule.step(learning_rate, tensor.inner(), gradient, state);
            next = state;
            Tensor::from_inner(tensor).require_grad()
        });
        if let Some(state) = next {
            let state = DynState::create(state, D);
            self.optimizer.states.insert(name, state);
        }
        param
    }
}

struct StateWriter<'a, R> {
    optimizer: &'a PerParameter<R>,
    path: Path,
    arrays: Arrays,
}

impl<R: Rule> ModuleVisitor for StateWriter<'_, R> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, _param: &Param<Tensor<D>>) {
        let parameter = self.path.to_string();
        let Some(state) = self.optimizer.states.get(&parameter) else {
            return;
        };
        let mut sink = StateSink::default();
        state
            .downcast_ref::<R::State<D>>()
            .state_flatten("", &mut sink);
        for (leaf, data) in sink.tensors {
            self.arrays
                .insert(format!("{leaf}.{parameter}"), to_array(data));
        }
        for (leaf, scalar) in sink.scalars {
            self.arrays
                .insert(format!("{leaf}.{parameter}"), scalar_to_array(scalar));
        }
    }
}

struct StateReader<'a, R> {
    arrays: &'a Arrays,
    path: Path,
    states: BTreeMap<String, DynState>,
    /// The first parameter whose state cannot be rebuilt.
    missing: Option<String>,
    rule: PhantomData<R>,
}

impl<R: Rule> ModuleVisitor for StateReader<'_, R> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            return;
        }
        let parameter = self.path.to_string();
        let tensor = param.val().inner();
        let suffix = format!(".{parameter}");
        let mut scalars = BTreeMap::new();
        let mut tensors = Vec::new();
        for (name, array) in self.arrays {
            let Some(leaf) = name.strip_suffix(&suffix) else {
                continue;
            };
            match (&array.values, from_array(array)) {
                (Values::I64(values), _) if array.shape.is_empty() => {
                    scalars.insert(leaf.to_owned(), Scalar::Int(values[0]));
                }
                (_, Some(data)) if *data.shape() == tensor.shape() => {
                    tensors.push((leaf.to_owned(), data));
                }
                _ => {}
            }
        }
        let mut source = StateSource::new(scalars);
        for (leaf, data) in tensors {
            source.insert_tensor(leaf, data);
        }
        match R::State::<D>::state_unflatten("", &mut source, &tensor.device()) {
            Some(state) => {
                let state = DynState::create(state, D);
                self.states.insert(parameter, state);
            }
            None => {
                self.missing.get_or_insert(parameter);
            }
        }
    }
}

/// Rules keep no other scalars than counters.
fn scalar_to_array(scalar: Scalar) -> Array {
    Array::scalar(i64::try_from(scalar).expect("a counter fits 63 bits"))
}
