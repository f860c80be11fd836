//! One Parquet file: its columns, and its images, which are extracted when the first one is needed.
//!
//! Images are stored in compressed pages of many, so reading one would mean decompressing all of them. Therefore all
//! images of a file are extracted together into an unnamed temporary file, which the system deletes with the process;
//! from there, each is read by its position.

use std::borrow::Cow;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, OnceLock};

use parquet::basic::Type;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::config::Columns;
use crate::data::sources::columns::ColumnPlaces;
use crate::data::sources::place::{Container, MAX_MEMBER};

/// A Parquet file of images.
#[derive(Debug)]
pub struct Shard {
    path: PathBuf,
    /// The leaf column of the encoded images.
    bytes: usize,
    /// The position of each image in the temporary file; `None` for a row without bytes.
    taken_out: OnceLock<Result<TakenOut, String>>,
}

#[derive(Debug)]
struct TakenOut {
    file: Mutex<File>,
    places: Vec<Option<(u64, u64)>>,
}

/// The class of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// By its number.
    Number(i64),
    /// By its name.
    Name(String),
}

/// What a file states about its images.
pub struct Contents {
    /// The file.
    pub shard: Shard,
    /// The class of each row; `None` where it is null.
    pub labels: Vec<Option<Label>>,
    /// The path of a row's image, for rows without bytes.
    pub paths: Vec<Option<String>>,
    /// The names of the classes, where the metadata have them.
    pub names: Option<Vec<String>>,
    /// Whether some rows may have no bytes.
    pub has_paths_only: bool,
}

type Reader = SerializedFileReader<File>;

fn damaged(error: ParquetError) -> String {
    format!("not a Parquet file, or a damaged one: {error}")
}

thread_local! {
    /// Whether this thread is inside of [`guarded`].
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Turns a panic of the parquet crate, which some damaged pages cause (version 60.1), into an error, without its text
/// on stderr.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                others(panic);
            }
        }));
    });
    let before = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    result.unwrap_or_else(|_| Err("a damaged Parquet file".to_owned()))
}

/// Opens a file and checks that its columns lie inside it, which the crate does not.
fn open(path: &Path) -> Result<Reader, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    let reader = SerializedFileReader::new(file).map_err(damaged)?;
    let groups = reader.metadata().row_groups().iter();
    let is_inside = |chunk: &ColumnChunkMetaData| {
        let first = chunk.data_page_offset();
        let start = chunk.dictionary_page_offset().unwrap_or(first);
        let end = start.checked_add(chunk.compressed_size());
        start >= 0
            && first >= 0
            && chunk.compressed_size() >= 0
            && end.is_some_and(|end| end as u64 <= bytes)
    };
    match groups.flat_map(|group| group.columns()).all(is_inside) {
        true => Ok(reader),
        false => Err("a damaged Parquet file: a column lies outside of it".to_owned()),
    }
}

impl Contents {
    /// Reads everything but the images; the error says what is wrong.
    pub fn read(path: &Path, columns: &Columns) -> Result<Self, String> {
        guarded(|| Self::read_columns(path, columns))
    }

    fn read_columns(path: &Path, columns: &Columns) -> Result<Self, String> {
        let reader = open(path)?;
        let metadata = reader.metadata().file_metadata();
        let schema = metadata.schema_descr();
        let roots = metadata.schema().get_fields();
        let names: Vec<&str> = roots.iter().map(|root| root.name()).collect();
        let found = ColumnPlaces::of(&names, columns)?;
        if let Some(split) = found.split {
            return Err(format!(
                "its column {} says the split of each row, which is not heeded in Parquet files",
                names[split]
            ));
        }
        let leaf = |parts: &[&str]| {
            let mut leaves = schema.columns().iter();
            leaves.position(|leaf| leaf.path().parts() == parts && leaf.max_rep_level() == 0)
        };
        let (image, label) = (names[found.path], names[found.label]);
        let is_binary = |leaf: &usize| schema.column(*leaf).physical_type() == Type::BYTE_ARRAY;
        let bytes = leaf(&[image, "bytes"]).or_else(|| leaf(&[image]));
        let bytes = bytes.filter(is_binary).ok_or_else(|| {
            format!("its column {image} does not have encoded images in it, bytes or struct{{bytes, path}}")
        })?;
        let label_leaf = leaf(&[label])
            .ok_or_else(|| format!("its column {label} does not have one class per row"))?;
        let labels = read_labels(&reader, label_leaf)?;
        let paths = match leaf(&[image, "path"]).filter(is_binary) {
            Some(leaf) => texts(&reader, leaf)?,
            None => vec![None; labels.len()],
        };
        if paths.len() != labels.len() {
            return Err(format!(
                "its columns have {} and {} rows",
                paths.len(),
                labels.len()
            ));
        }
        let metadata = metadata.key_value_metadata().into_iter().flatten();
        let mut metadata = metadata.filter(|pair| pair.key == "huggingface");
        let names = metadata
            .next()
            .and_then(|pair| class_names(pair.value.as_deref()?, label));
        let groups = reader.metadata().row_groups().iter();
        let nulls = |group: &RowGroupMetaData| group.column(bytes).statistics()?.null_count_opt();
        let has_paths_only = groups.map(nulls).any(|nulls| nulls != Some(0));
        let shard = Shard {
            path: path.to_owned(),
            bytes,
            taken_out: OnceLock::new(),
        };
        Ok(Self {
            shard,
            labels,
            paths,
            names,
            has_paths_only,
        })
    }
}

/// `info.features.<column>.names` of what Hugging Face writes into the metadata, in the order of the numbers.
fn class_names(json: &str, column: &str) -> Option<Vec<String>> {
    let json: serde_json::Value = serde_json::from_str(json).ok()?;
    let names = json["info"]["features"][column]["names"].as_array()?;
    names
        .iter()
        .map(|name| name.as_str().map(str::to_owned))
        .collect()
}

impl Shard {
    /// Whether a row has bytes; extracts all images.
    pub fn has_bytes(&self, row: usize) -> Result<bool, String> {
        Ok(self.images()?.places.get(row).is_some_and(Option::is_some))
    }

    fn images(&self) -> Result<&TakenOut, String> {
        let taken_out = self.taken_out.get_or_init(|| guarded(|| self.take_out()));
        taken_out.as_ref().map_err(String::clone)
    }

    fn take_out(&self) -> Result<TakenOut, String> {
        let unwritable = |error: io::Error| {
            format!(
                "its images cannot be taken out to a temporary file: {error}; set TMPDIR to a folder on a disk \
                 with enough space"
            )
        };
        let reader = open(&self.path)?;
        let mut target = BufWriter::new(tempfile::tempfile().map_err(unwritable)?);
        let mut places = Vec::new();
        let mut end = 0;
        let mut failed = None;
        each_array(&reader, self.bytes, &mut |value| {
            let place = value.map(|value| {
                let bytes = value.data();
                if let Err(error) = target.write_all(bytes) {
                    failed.get_or_insert(error);
                }
                let start = end;
                end += bytes.len() as u64;
                (start, bytes.len() as u64)
            });
            places.push(place);
        })?;
        if let Some(error) = failed {
            return Err(unwritable(error));
        }
        let file = target
            .into_inner()
            .map_err(|error| unwritable(error.into_error()))?;
        Ok(TakenOut {
            file: Mutex::new(file),
            places,
        })
    }
}

impl Container for Shard {
    fn path(&self) -> &Path {
        &self.path
    }

    fn name(&self, index: usize) -> Cow<'_, str> {
        Cow::Owned(format!("row {index}"))
    }

    fn read(&self, index: usize) -> Result<Vec<u8>, String> {
        let images = self.images()?;
        let Some(Some((start, length))) = images.places.get(index).copied() else {
            return Err("the row has neither an image nor the path of one".to_owned());
        };
        if length > MAX_MEMBER {
            return Err(format!(
                "it has {} MiB, more than the {} allowed for an image",
                length >> 20,
                MAX_MEMBER >> 20
            ));
        }
        let mut image = vec![0; length as usize];
        let mut file = images
            .file
            .lock()
            .map_err(|_| "another thread failed to read it")?;
        file.seek(SeekFrom::Start(start))
            .and_then(|_| file.read_exact(&mut image))
            .map_err(|error| format!("cannot be read: {error}"))?;
        Ok(image)
    }
}

/// The number of rows that are read at once.
const AT_ONCE: usize = 256;

/// Calls `take` with each value of a column of bytes, row by row.
fn each_array(
    reader: &Reader,
    leaf: usize,
    take: &mut dyn FnMut(Option<&ByteArray>),
) -> Result<(), String> {
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(damaged)?;
        match group.get_column_reader(leaf).map_err(damaged)? {
            ColumnReader::ByteArrayColumnReader(mut column) => {
                let present = group.metadata().column(leaf).column_descr().max_def_level();
                each_value(&mut column, present, take)?;
            }
            _ => return Err("a column of bytes is of another type".to_owned()),
        }
    }
    Ok(())
}

/// Calls `take` with each value of a column of one group of rows.
fn each_value<T: DataType>(
    column: &mut ColumnReaderImpl<T>,
    present: i16,
    take: &mut dyn FnMut(Option<&T::T>),
) -> Result<(), String> {
    loop {
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let read = column.read_records(AT_ONCE, Some(&mut levels), None, &mut values);
        let (rows, ..) = read.map_err(damaged)?;
        if rows == 0 {
            return Ok(());
        }
        let mut values = values.iter();
        for row in 0..rows {
            let is_there = levels.get(row).is_none_or(|level| *level == present);
            take(if is_there { values.next() } else { None });
        }
    }
}

/// A column of texts.
fn texts(reader: &Reader, leaf: usize) -> Result<Vec<Option<String>>, String> {
    let mut texts = Vec::new();
    let mut is_text = true;
    each_array(reader, leaf, &mut |value| {
        let text = value.map(|value| std::str::from_utf8(value.data()).map(str::to_owned));
        is_text &= !matches!(text, Some(Err(_)));
        texts.push(text.and_then(Result::ok));
    })?;
    match is_text {
        true => Ok(texts),
        false => Err("a column of texts has some that are not UTF-8".to_owned()),
    }
}

/// The class of each row: whole numbers, or texts.
fn read_labels(reader: &Reader, leaf: usize) -> Result<Vec<Option<Label>>, String> {
    let mut labels = Vec::new();
    let mut number = |value: Option<i64>| labels.push(value.map(Label::Number));
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(damaged)?;
        let present = group.metadata().column(leaf).column_descr().max_def_level();
        match group.get_column_reader(leaf).map_err(damaged)? {
            ColumnReader::Int32ColumnReader(mut column) => {
                each_value(&mut column, present, &mut |it| {
                    number(it.map(|it| i64::from(*it)))
                })?;
            }
            ColumnReader::Int64ColumnReader(mut column) => {
                each_value(&mut column, present, &mut |it| number(it.copied()))?;
            }
            ColumnReader::ByteArrayColumnReader(_) => {
                let names = texts(reader, leaf)?;
                return Ok(names.into_iter().map(|it| it.map(Label::Name)).collect());
            }
            _ => return Err("its labels are neither whole numbers nor texts".to_owned()),
        }
    }
    Ok(labels)
}
