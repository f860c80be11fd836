//! Parameters by name, in PyTorch's layout.
//!
//! Burn keys parameters by ids that are random in each process, so everything that outlives one is
//! keyed by the path of the parameter in the network: `layers.8.weight`, the name that an
//! `nn.Sequential` called `layers` has for it.

use burn::tensor::TensorData;

use crate::array::{Array, Values};

/// The path of whatever a visitor of a module is at.
///
/// The variant that an enum of layers holds has a name for Burn but none for PyTorch; it is left out.
#[derive(Debug, Default)]
pub struct Path(Vec<Option<String>>);

impl Path {
    pub fn enter(&mut self, name: &str, container: &str) {
        let variant = container.starts_with("Enum:");
        self.0.push((!variant).then(|| name.to_owned()));
    }

    pub fn exit(&mut self) {
        self.0.pop();
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().flatten().map(String::as_str).collect();
        f.write_str(&names.join("."))
    }
}

/// The data of a parameter, or of anything of its shape, as an array in PyTorch's layout.
///
/// Burn keeps a linear weight as `[in, out]`, PyTorch as `[out, in]`; every matrix of the
/// vocabulary is one.
pub fn to_array(data: TensorData) -> Array {
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
