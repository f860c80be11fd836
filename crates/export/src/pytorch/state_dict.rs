//! A state dict that `torch.load(weights_only=True)` reads: a zip archive of a pickle and the numbers of each tensor.

use std::io::{Cursor, Seek, Write};

use zip::ZipWriter;
use zip::result::ZipResult;
use zip::write::SimpleFileOptions;

use crate::array::{Array, Arrays, Values};

/// The bytes of the file: equal weights have equal bytes.
pub(super) fn encode(arrays: &Arrays) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    match write(&mut archive, arrays).and_then(|()| archive.finish()) {
        Ok(bytes) => bytes.into_inner(),
        Err(error) => unreachable!("memory takes what is written: {error}"),
    }
}

fn write(archive: &mut ZipWriter<impl Write + Seek>, arrays: &Arrays) -> ZipResult<()> {
    let mut member = |name: &str, bytes: &[u8]| {
        // Stored, and where `torch.load(mmap=True)` can use it as it lies.
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .with_alignment(64);
        archive.start_file(format!("archive/{name}"), options)?;
        archive.write_all(bytes)?;
        ZipResult::Ok(())
    };
    member("data.pkl", &pickle(arrays))?;
    member("byteorder", b"little")?;
    for (index, array) in arrays.values().enumerate() {
        member(&format!("data/{index}"), &array.to_bytes())?;
    }
    member("version", b"3\n")
}

/// A dict from names to tensors whose numbers are in other members of the archive.
fn pickle(arrays: &Arrays) -> Vec<u8> {
    let mut pickle = Pickle(b"\x80\x02}(".to_vec());
    for (index, (name, array)) in arrays.iter().enumerate() {
        pickle.text(name);
        pickle.tensor(array, index);
    }
    pickle.0.extend(b"u.");
    pickle.0
}

/// The codes of Python's pickle, protocol 2.
struct Pickle(Vec<u8>);

impl Pickle {
    fn text(&mut self, text: &str) {
        self.0.push(b'X');
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    /// No layer has more numbers than fit.
    fn integer(&mut self, value: usize) {
        self.0.push(b'J');
        self.0.extend((value as i32).to_le_bytes());
    }

    fn integers(&mut self, values: &[usize]) {
        self.0.push(b'(');
        values.iter().for_each(|value| self.integer(*value));
        self.0.push(b't');
    }

    /// `torch._utils._rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict())`
    fn tensor(&mut self, array: &Array, index: usize) {
        let (storage, count) = match &array.values {
            Values::F32(values) => ("FloatStorage", values.len()),
            Values::I64(values) => ("LongStorage", values.len()),
        };
        self.0.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        self.text("storage");
        self.0.extend(format!("ctorch\n{storage}\n").bytes());
        self.text(&index.to_string());
        self.text("cpu");
        self.integer(count);
        self.0.extend(b"tQ");
        self.integer(0);
        self.integers(&array.shape);
        self.integers(&strides(&array.shape));
        self.0.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
}

/// How far the next element of each dimension is, in elements.
fn strides(shape: &[usize]) -> Vec<usize> {
    let after = |dimension: usize| shape[dimension + 1..].iter().product();
    (0..shape.len()).map(after).collect()
}
