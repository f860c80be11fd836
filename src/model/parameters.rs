//! Parameters by name, in PyTorch's layout.
//!
//! Burn keys parameters by ids that are random in each process, so everything that outlives one is
//! keyed by the path of the parameter in the network: `layers.8.weight`, the name that an
//! `nn.Sequential` called `layers` has for it.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};

use crate::array::{Array, Values};

/// A parameter or a running statistic of a network.
#[derive(Debug)]
pub struct Parameter {
    /// Its name in PyTorch: `layers.8.weight`.
    pub name: String,
    id: ParamId,
    /// Whether training changes it: neither running statistics nor what is frozen.
    pub is_trained: bool,
    /// Whether it is a running statistic.
    pub is_statistic: bool,
    /// Whether it belongs to a normalization layer.
    pub is_of_norm: bool,
    /// Its shape in Burn's layout.
    pub shape: Vec<usize>,
    /// Its values, flattened in the order of the shape; without autodiff.
    pub values: Tensor<1>,
}

impl Parameter {
    fn new<const D: usize>(path: &Path, param: &Param<Tensor<D>>) -> Self {
        let tensor = plain(param.val());
        Self {
            name: path.to_string(),
            id: param.id,
            is_trained: param.is_require_grad(),
            is_statistic: path.is_of_statistic(),
            is_of_norm: path.is_in_norm(),
            shape: tensor.dims().to_vec(),
            values: flat(tensor),
        }
    }

    /// How many numbers it has.
    pub fn element_count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Values of its shape, for example its own or those of its optimizer state, as an array in PyTorch's layout.
    ///
    /// # Panics
    /// If the values are not 32-bit floats.
    pub fn array_of(&self, values: Tensor<1>) -> Array {
        let values = values.into_data();
        let values: Vec<f32> = values.try_into_vec().expect("parameters are 32-bit floats");
        to_array(TensorData::new(values, self.shape.clone()))
    }

    /// The inverse of [`Self::array_of`]; `None` if the array is not of floats or of another shape.
    pub fn values_of(&self, array: &Array) -> Option<Tensor<1>> {
        let data = from_array(array)?;
        if data.shape().to_vec() != self.shape {
            return None;
        }
        let values: Vec<f32> = data.try_into_vec().ok()?;
        let data = TensorData::new(values, [self.element_count()]);
        Some(Tensor::from_data(data, &self.values.device()))
    }

    /// The shape in PyTorch's layout.
    pub fn pytorch_shape(&self) -> Vec<usize> {
        match *self.shape.as_slice() {
            [rows, columns] => vec![columns, rows],
            _ => self.shape.clone(),
        }
    }

    /// Its gradient among these, in the order of the shape.
    pub fn gradient(&self, gradients: &GradientsParams) -> Option<Tensor<1>> {
        match self.shape.len() {
            1 => gradients.get::<1>(self.id).map(flat),
            2 => gradients.get::<2>(self.id).map(flat),
            3 => gradients.get::<3>(self.id).map(flat),
            4 => gradients.get::<4>(self.id).map(flat),
            rank => unreachable!("no parameter has {rank} dimensions"),
        }
    }

    /// Puts a gradient in the place of the one that is there.
    pub fn set_gradient(&self, gradients: &mut GradientsParams, values: Tensor<1>) {
        match *self.shape.as_slice() {
            [a] => replace(gradients, self.id, values.reshape([a])),
            [a, b] => replace(gradients, self.id, values.reshape([a, b])),
            [a, b, c] => replace(gradients, self.id, values.reshape([a, b, c])),
            [a, b, c, d] => replace(gradients, self.id, values.reshape([a, b, c, d])),
            _ => unreachable!("no parameter has more than four dimensions"),
        }
    }
}

fn replace<const D: usize>(gradients: &mut GradientsParams, id: ParamId, values: Tensor<D>) {
    gradients.remove::<D>(id);
    gradients.register(id, values);
}

fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let length = tensor.shape().num_elements();
    tensor.reshape([length])
}

/// The tensor without autodiff.
fn plain<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    match tensor.device().is_autodiff() {
        true => tensor.inner(),
        false => tensor,
    }
}

/// Looks at every parameter and running statistic.
pub fn visit(module: &impl Module, visit: impl FnMut(Parameter)) {
    module.visit(&mut Visitor {
        path: Path::default(),
        visit,
    });
}

/// Gives every parameter and running statistic new values where `map` has some.
pub fn map<M: Module>(module: M, map: impl FnMut(Parameter) -> Option<Tensor<1>>) -> M {
    module.map(&mut Mapper {
        path: Path::default(),
        map,
    })
}

/// Takes the parameters that the predicate holds for out of the training.
pub fn freeze<M: Module>(module: M, is_frozen: impl FnMut(&Parameter) -> bool) -> M {
    module.map(&mut Freezer {
        path: Path::default(),
        is_frozen,
    })
}

struct Freezer<F> {
    path: Path,
    is_frozen: F,
}

impl<F: FnMut(&Parameter) -> bool> ModuleMapper for Freezer<F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match (self.is_frozen)(&Parameter::new(&self.path, &param)) {
            true => param.set_require_grad(false),
            false => param,
        }
    }
}

struct Visitor<F> {
    path: Path,
    visit: F,
}

impl<F: FnMut(Parameter)> ModuleVisitor for Visitor<F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        (self.visit)(Parameter::new(&self.path, param));
    }
}

struct Mapper<F> {
    path: Path,
    map: F,
}

impl<F: FnMut(Parameter) -> Option<Tensor<1>>> ModuleMapper for Mapper<F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let parameter = Parameter::new(&self.path, &param);
        let (is_trained, shape) = (parameter.is_trained, param.val().shape());
        let Some(values) = (self.map)(parameter) else {
            return param;
        };
        let values: Tensor<D> = values.reshape(shape);
        param.map(|before| match before.device().is_autodiff() {
            true => Tensor::from_inner(values).set_require_grad(is_trained),
            false => values,
        })
    }
}

/// The path of whatever a visitor of a module is at.
///
/// The variant that an enum of layers holds has a name for Burn but none for PyTorch; it is left out.
#[derive(Debug, Default)]
struct Path(Vec<PathPart>);

#[derive(Debug)]
struct PathPart {
    name: Option<String>,
    is_in_norm: bool,
}

impl Path {
    fn enter(&mut self, name: &str, container: &str) {
        let is_variant = container.starts_with("Enum:");
        self.0.push(PathPart {
            name: (!is_variant).then(|| name.to_owned()),
            is_in_norm: matches!(container, "Struct:BatchNorm" | "Struct:GroupNorm"),
        });
    }

    fn exit(&mut self) {
        self.0.pop();
    }

    fn is_in_norm(&self) -> bool {
        self.0.iter().any(|part| part.is_in_norm)
    }

    fn is_of_statistic(&self) -> bool {
        let name = self.0.last().and_then(|part| part.name.as_deref());
        self.is_in_norm() && name.is_some_and(|name| name.starts_with("running_"))
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.0.iter().filter_map(|part| part.name.as_deref());
        f.write_str(&names.collect::<Vec<&str>>().join("."))
    }
}

/// The data of a parameter as an array in PyTorch's layout.
///
/// Burn keeps a linear weight as `[in, out]`, PyTorch as `[out, in]`; every parameter of two dimensions is
/// a linear weight.
fn to_array(data: TensorData) -> Array {
    let shape = data.shape().to_vec();
    let values = data.try_into_vec().expect("parameters are 32-bit floats");
    let (values, shape) = transpose_matrix(values, shape);
    Array {
        shape,
        values: Values::F32(values),
    }
}

/// The inverse of [`to_array`]; `None` if the array is not of floats.
pub fn from_array(array: &Array) -> Option<TensorData> {
    let Values::F32(values) = &array.values else {
        return None;
    };
    let (values, shape) = transpose_matrix(values.clone(), array.shape.clone());
    Some(TensorData::new(values, shape))
}

fn transpose_matrix(values: Vec<f32>, shape: Vec<usize>) -> (Vec<f32>, Vec<usize>) {
    match *shape.as_slice() {
        [rows, columns] => {
            let transposed = (0..columns)
                .flat_map(|column| (0..rows).map(move |row| row * columns + column))
                .map(|index| values[index])
                .collect();
            (transposed, vec![columns, rows])
        }
        _ => (values, shape),
    }
}
