//! The bytes of a checkpoint's file, array after array: all of them together would be as large again as the state of the run.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use crate::array::{Array, Arrays, Values};

/// A safetensors file that is about to be written, or compared with one.
#[derive(Debug)]
pub struct Encoding<'a> {
    /// All bytes before those of the arrays.
    head: Vec<u8>,
    /// In the order of the file.
    arrays: Vec<&'a Array>,
}

impl<'a> Encoding<'a> {
    /// The file of these arrays, with one entry of metadata. Equal arrays and entries have equal bytes: those that
    /// `safetensors::serialize` gives.
    pub(super) fn new(arrays: &'a Arrays, key: &str, text: String) -> Self {
        // Types with the larger elements come first, then names decide.
        let mut sorted: Vec<(&String, &Array)> = arrays.iter().collect();
        sorted.sort_by_key(|(_, array)| std::cmp::Reverse(dtype(array)));
        let mut end = 0;
        let infos = sorted.iter().map(|(name, array)| {
            let start = end;
            end += array.bytes_len();
            let info = TensorInfo {
                dtype: dtype(array),
                shape: array.shape.clone(),
                data_offsets: (start, end),
            };
            ((*name).clone(), info)
        });
        let entry = HashMap::from([(key.to_owned(), text)]);
        let metadata = Metadata::new(Some(entry), infos.collect())
            .expect("arrays have as many bytes as their shapes say");
        let mut header = serde_json::to_vec(&metadata).expect("a header is plain data");
        header.resize(header.len().next_multiple_of(8), b' ');
        let length = (header.len() as u64).to_le_bytes();
        Self {
            head: [length.as_slice(), &header].concat(),
            arrays: sorted.into_iter().map(|(_, array)| array).collect(),
        }
    }

    /// Writes all bytes of the file.
    ///
    /// # Errors
    ///
    /// If `to` takes them not.
    pub fn write_to(&self, to: &mut (impl Write + ?Sized)) -> io::Result<()> {
        to.write_all(&self.head)?;
        self.arrays.iter().try_for_each(|array| array.write_to(to))
    }

    /// Whether a file has these bytes and no others.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn is_in(&self, file: impl Read) -> io::Result<bool> {
        let mut comparison = Comparison {
            file,
            read: Vec::new(),
            has_differed: false,
        };
        match self.write_to(&mut comparison) {
            Err(_) if comparison.has_differed => Ok(false),
            Err(error) => Err(error),
            Ok(()) => Ok(comparison.file.read(&mut [0])? == 0),
        }
    }
}

fn dtype(array: &Array) -> Dtype {
    match array.values {
        Values::F32(_) => Dtype::F32,
        Values::I64(_) => Dtype::I64,
    }
}

/// Takes bytes as long as they are those of a file, in their order.
struct Comparison<R> {
    file: R,
    /// As many bytes of the file as there were to take.
    read: Vec<u8>,
    has_differed: bool,
}

impl<R: Read> Write for Comparison<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.read.clear();
        let count = bytes.len() as u64;
        (&mut self.file).take(count).read_to_end(&mut self.read)?;
        self.has_differed = self.read != bytes;
        match self.has_differed {
            true => Err(io::ErrorKind::InvalidData.into()),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
