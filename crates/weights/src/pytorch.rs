//! State dicts that `torch.save` wrote, of today (a zip archive) and of before version 1.6.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{Cursor, Read};

use zip::{CompressionMethod, ZipArchive};

use crate::array::{Array, Arrays, Values};
use crate::element::Element;
use crate::pickle::{self, Item, Value};

/// How an archive begins.
pub(crate) const ZIP: &[u8] = b"PK";
/// How the format of before begins: a pickle of a number that stands for it.
pub(crate) const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// More than the description of any state dict, whose numbers are elsewhere.
const MOST_PICKLED: u64 = 64 << 20;

/// The floats of a state dict by their names.
///
/// # Errors
/// Why the bytes are none.
pub(crate) fn read(bytes: &[u8]) -> Result<Arrays, String> {
    let (pickled, storages) = match bytes.starts_with(LEGACY) {
        true => legacy(bytes)?,
        false => archive(bytes)?,
    };
    let entries = state_dict(&pickled).ok_or("it has no state dict")?;
    // Views may share numbers, but whoever has more than the file is after the memory.
    let mut left = bytes.len();
    let mut arrays = Arrays::new();
    for (name, item) in entries {
        let (Value::Text(name), Some(tensor)) = (&**name, Tensor::of(item)) else {
            continue;
        };
        let of_tensor = |why: String| format!("tensor `{name}`: {why}");
        let tensor = tensor.map_err(of_tensor)?;
        if let Element::Other(_) = tensor.element {
            continue;
        }
        let storage = storages.get(&tensor.storage);
        let storage = storage.ok_or_else(|| of_tensor("its numbers are missing".to_owned()))?;
        let values = tensor.values(storage, &mut left).map_err(of_tensor)?;
        let array = Array {
            shape: tensor.size,
            values: Values::F32(values),
        };
        // As DataParallel calls them.
        let name = name.strip_prefix("module.").unwrap_or(name);
        arrays.insert(name.to_owned(), array);
    }
    Ok(arrays)
}

/// The bytes of what tensors share, by its key.
type Storages<'a> = HashMap<String, Cow<'a, [u8]>>;

/// The pickle and the storages of an archive. Members are found by the directory at its end: what stands before each
/// of them has neither sizes nor checksums.
fn archive(bytes: &[u8]) -> Result<(Item, Storages<'_>), String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let names = archive.file_names().map(|name| name.map(Cow::into_owned));
    let names: Vec<String> = names
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let pickle = names.iter().find(|name| name.ends_with("/data.pkl"));
    let pickle = pickle.ok_or("the archive has no data.pkl")?;
    let root = pickle.trim_end_matches("data.pkl");
    let mut member = |name: &str, most: u64| {
        let file = archive.by_name(name).map_err(|error| error.to_string())?;
        let is_as_written = file.compression() == CompressionMethod::Stored && file.size() <= most;
        if !is_as_written {
            return Err(format!("{name} is compressed or too large"));
        }
        let mut content = Vec::with_capacity(file.size() as usize);
        let mut limited = file.take(most);
        limited
            .read_to_end(&mut content)
            .map_err(|error| format!("{name}: {error}"))?;
        Ok(content)
    };
    let order = format!("{root}byteorder");
    if names.contains(&order) && member(&order, 16)? != b"little" {
        return Err("its numbers are big-endian".to_owned());
    }
    let pickled = pickle::read(&mut member(pickle, MOST_PICKLED)?.as_slice())?;
    let folder = format!("{root}data/");
    let mut storages = Storages::new();
    for name in &names {
        if let Some(key) = name.strip_prefix(&folder) {
            let content = member(name, bytes.len() as u64)?;
            storages.insert(key.to_owned(), content.into());
        }
    }
    Ok((pickled, storages))
}

/// The pickle and the storages of the format of before: pickles of its number, its version, the machine's sizes, the
/// state dict and the keys of its storages, then these, each with its length before it.
fn legacy(bytes: &[u8]) -> Result<(Item, Storages<'_>), String> {
    let mut rest = bytes;
    for _ in 0..2 {
        pickle::read(&mut rest)?;
    }
    let system = pickle::read(&mut rest)?;
    if get(&system, "little_endian").is_some_and(|it| **it == Value::Bool(false)) {
        return Err("its numbers are big-endian".to_owned());
    }
    let pickled = pickle::read(&mut rest)?;
    let keys = pickle::read(&mut rest)?;
    let elements: HashMap<String, Element> = state_dict(&pickled)
        .unwrap_or_default()
        .iter()
        .filter_map(|(_, item)| Tensor::of(item)?.ok())
        .map(|tensor| (tensor.storage, tensor.element))
        .collect();
    let Value::Sequence(keys) = &*keys else {
        return Err("the list of its storages is missing".to_owned());
    };
    let mut storages = Storages::new();
    for key in keys {
        let short = "it ends too early";
        let Value::Text(key) = &**key else {
            return Err("the key of a storage is no text".to_owned());
        };
        let element = elements.get(key).ok_or("a storage is of no tensor")?;
        let count = rest.split_off(..8).ok_or(short)?;
        let count = u64::from_le_bytes(count.try_into().expect("these are eight"));
        let length = count.checked_mul(element.size() as u64).ok_or(short)?;
        let length = usize::try_from(length).map_err(|_| short)?;
        let content = rest.split_off(..length).ok_or(short)?;
        storages.insert(key.clone(), content.into());
    }
    Ok((pickled, storages))
}

/// The dict of tensors, which training scripts put beside other things.
fn state_dict(item: &Item) -> Option<&[(Item, Item)]> {
    let Value::Dict(entries) = &**item else {
        return None;
    };
    if entries.iter().any(|(_, item)| Tensor::of(item).is_some()) {
        return Some(entries);
    }
    let inner = ["state_dict", "model", "model_state_dict"];
    inner.iter().find_map(|name| state_dict(get(item, name)?))
}

/// What a dict has under a text.
fn get<'a>(dict: &'a Item, key: &str) -> Option<&'a Item> {
    let Value::Dict(entries) = &**dict else {
        return None;
    };
    let is_it = |(name, _): &&(Item, Item)| matches!(&**name, Value::Text(text) if text == key);
    entries.iter().find(is_it).map(|(_, value)| value)
}

/// A tensor as `torch._utils._rebuild_tensor_v2` makes it.
struct Tensor {
    /// The key of its storage.
    storage: String,
    element: Element,
    /// Where it begins in the storage, in elements.
    offset: usize,
    size: Vec<usize>,
    /// How far the next element of each dimension is, in elements.
    stride: Vec<usize>,
}

impl Tensor {
    /// The tensor that a value is; `None` if it is none.
    fn of(item: &Item) -> Option<Result<Self, String>> {
        let Value::Call(function, arguments) = &**item else {
            return None;
        };
        let (Value::Global(name), Value::Sequence(arguments)) = (&**function, &**arguments) else {
            return None;
        };
        match name.as_str() {
            "torch._utils._rebuild_tensor_v2" => {
                let tensor = Self::rebuilt(arguments);
                Some(tensor.ok_or_else(|| "it is not as torch.save writes it".to_owned()))
            }
            "torch._utils._rebuild_parameter" => Self::of(arguments.first()?),
            _ => None,
        }
    }

    fn rebuilt(arguments: &[Item]) -> Option<Self> {
        let [storage, offset, size, stride, ..] = arguments else {
            return None;
        };
        let Value::Persistent(id) = &**storage else {
            return None;
        };
        let Value::Sequence(id) = &**id else {
            return None;
        };
        let [_, class, key, ..] = id.as_slice() else {
            return None;
        };
        let (Value::Global(class), Value::Text(storage)) = (&**class, &**key) else {
            return None;
        };
        let tensor = Self {
            storage: storage.clone(),
            element: element(class)?,
            offset: integer(offset)?,
            size: integers(size)?,
            stride: integers(stride)?,
        };
        (tensor.size.len() == tensor.stride.len()).then_some(tensor)
    }

    /// Its numbers, row-major, whatever their order in the storage; takes their count off what may be read.
    fn values(&self, storage: &[u8], left: &mut usize) -> Result<Vec<f32>, String> {
        let outside = || "it reaches beyond its storage".to_owned();
        let count = self
            .size
            .iter()
            .try_fold(1usize, |all, size| all.checked_mul(*size));
        let count = count.filter(|count| *count <= *left).ok_or_else(outside)?;
        *left -= count;
        let bytes = self.element.size();
        let mut index = vec![0; self.size.len()];
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            let mut places = index.iter().zip(&self.stride);
            let place = places.try_fold(self.offset, |sum: usize, (index, stride): (&usize, _)| {
                sum.checked_add(index.checked_mul(*stride)?)
            });
            let start = place
                .and_then(|place| place.checked_mul(bytes))
                .ok_or_else(outside)?;
            let number = storage.get(start..).and_then(|rest| rest.get(..bytes));
            values.extend(number.and_then(|bytes| self.element.read(bytes)));
            if number.is_none() {
                return Err(outside());
            }
            // The next place: the last dimension runs fastest.
            for (index, size) in index.iter_mut().zip(&self.size).rev() {
                *index += 1;
                if *index < *size {
                    break;
                }
                *index = 0;
            }
        }
        Ok(values)
    }
}

/// What the numbers of a storage are.
fn element(class: &str) -> Option<Element> {
    Some(match class.strip_prefix("torch.")? {
        "HalfStorage" => Element::Half,
        "BFloat16Storage" => Element::Bfloat,
        "FloatStorage" => Element::Float,
        "DoubleStorage" => Element::Double,
        "BoolStorage" | "ByteStorage" | "CharStorage" => Element::Other(1),
        "ShortStorage" => Element::Other(2),
        "IntStorage" => Element::Other(4),
        "LongStorage" => Element::Other(8),
        _ => return None,
    })
}

fn integer(item: &Item) -> Option<usize> {
    match **item {
        Value::Integer(value) => value.try_into().ok(),
        _ => None,
    }
}

fn integers(item: &Item) -> Option<Vec<usize>> {
    match &**item {
        Value::Sequence(items) => items.iter().map(integer).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&[u8]; 2] = [
        include_bytes!("../../../tests/fixtures/weights/zip.pth"),
        include_bytes!("../../../tests/fixtures/weights/legacy.pth"),
    ];

    /// Whatever is done to a file, it is read or refused.
    #[test]
    fn damaged_files_do_no_harm() {
        for file in FILES {
            assert!(!read(file).unwrap().is_empty());
            for place in 0..file.len() {
                let mut damaged = file.to_vec();
                damaged[place] ^= 1 << (place % 8);
                let _ = read(&damaged);
                let _ = read(&file[..place]);
            }
        }
    }

    #[test]
    fn what_a_state_dict_has_no_use_for_is_refused() {
        // A call of os.system stays a call.
        let call = b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.";
        let item = pickle::read(&mut call.as_slice()).unwrap();
        assert!(matches!(&*item, Value::Call(..)));
        // INST.
        let error = pickle::read(&mut b"(ios\nsystem\n.".as_slice()).unwrap_err();
        assert!(error.contains("opcode 0x69"), "{error}");
        let deep = [&b"N"[..], &vec![0x85; 1 << 20], b"."].concat();
        let error = pickle::read(&mut deep.as_slice()).unwrap_err();
        assert!(error.contains("inside of each other"), "{error}");
    }
}
