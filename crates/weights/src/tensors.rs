//! Weights in safetensors files.

use safetensors::tensor::{Dtype, SafeTensors};

use crate::array::{Array, Arrays, Values};
use crate::element::Element;

/// The floats of a file by their names.
///
/// # Errors
/// Why the bytes are no safetensors file.
pub(crate) fn read(bytes: &[u8]) -> Result<Arrays, String> {
    let file = SafeTensors::deserialize(bytes);
    let file = file.map_err(|error| format!("not a safetensors file: {error}"))?;
    let mut arrays = Arrays::new();
    for (name, view) in file.iter() {
        let element = match view.dtype() {
            Dtype::F16 => Element::Half,
            Dtype::BF16 => Element::Bfloat,
            Dtype::F32 => Element::Float,
            Dtype::F64 => Element::Double,
            _ => continue,
        };
        let numbers = view.data().chunks_exact(element.size());
        let array = Array {
            shape: view.shape().to_vec(),
            values: Values::F32(numbers.filter_map(|bytes| element.read(bytes)).collect()),
        };
        arrays.insert(name.to_owned(), array);
    }
    Ok(arrays)
}
