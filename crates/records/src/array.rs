//! Named arrays in host memory: what passes between network, optimizer and checkpoint.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::digest::Digest;

/// Arrays by name, always in the order of their names.
pub type Arrays = BTreeMap<String, Array>;

/// A dense row-major array.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Empty for a scalar.
    pub shape: Vec<usize>,
    /// As many as the product of the shape.
    pub values: Values,
}

/// The values of an array, by their type.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Parameters, and most of the state of optimizers.
    F32(Vec<f32>),
    /// Counts of steps.
    I64(Vec<i64>),
}

impl Array {
    /// An array without dimensions.
    pub fn scalar(value: i64) -> Self {
        Self {
            shape: Vec::new(),
            values: Values::I64(vec![value]),
        }
    }

    /// How many bytes its values have.
    pub fn bytes_len(&self) -> usize {
        match &self.values {
            Values::F32(values) => size_of_val(values.as_slice()),
            Values::I64(values) => size_of_val(values.as_slice()),
        }
    }

    /// Writes the values as little-endian bytes, a piece at a time.
    ///
    /// # Errors
    ///
    /// If `to` takes them not.
    pub fn write_to(&self, to: &mut (impl Write + ?Sized)) -> io::Result<()> {
        match &self.values {
            Values::F32(values) => write_pieces(values, f32::to_le_bytes, to),
            Values::I64(values) => write_pieces(values, i64::to_le_bytes, to),
        }
    }

    /// The values as little-endian bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes_len());
        self.write_to(&mut bytes).expect("a vector takes any bytes");
        bytes
    }

    /// Whether it has neither NaN nor infinity.
    pub fn is_finite(&self) -> bool {
        match &self.values {
            Values::F32(values) => values.iter().all(|value| value.is_finite()),
            Values::I64(_) => true,
        }
    }
}

/// Writes `bytes` of each value.
fn write_pieces<T: Copy, const N: usize>(
    values: &[T],
    bytes: fn(T) -> [u8; N],
    to: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    const PIECE: usize = 1 << 14;
    let mut piece = Vec::with_capacity(N * PIECE.min(values.len()));
    for values in values.chunks(PIECE) {
        piece.clear();
        piece.extend(values.iter().flat_map(|value| bytes(*value)));
        to.write_all(&piece)?;
    }
    Ok(())
}

/// SHA-256 over the arrays in canonical form: for each, in the order of the names, the name with
/// its length before it, the type, the shape with its length before it, the little-endian bytes.
pub fn digest(arrays: &Arrays) -> Digest {
    let mut digest = Digest::default();
    for (name, array) in arrays {
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name);
        digest.update(match array.values {
            Values::F32(_) => b"F32",
            Values::I64(_) => b"I64",
        });
        digest.update((array.shape.len() as u64).to_le_bytes());
        for size in &array.shape {
            digest.update((*size as u64).to_le_bytes());
        }
        let taken = array.write_to(&mut digest);
        taken.expect("a digest takes all bytes");
    }
    digest
}
