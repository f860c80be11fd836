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
use crate::data::Role;
use crate::data::sources::columns::ColumnPlaces;
use crate::data::sources::place::{Container, MAX_MEMBER};

/// A Parquet file of images.
#[derive(Debug)]
pub struct Shard {
    path: PathBuf,
    /// The leaf column of the encoded images.
    bytes: usize,
    /// Whether the image of a row will be read; `None` where those of all rows are.
    wanted: Option<Vec<bool>>,
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
    /// The split of each row, where a column says it.
    pub splits: Option<Vec<Role>>,
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
        let names = column_names(&reader);
        let found = ColumnPlaces::of(&names, columns)?;
        let leaf = |parts: &[&str]| leaf_of(&reader, parts);
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
        let splits = match found.split {
            Some(split) => Some(known_splits(read_splits(&reader, names[split])?)?),
            None => None,
        };
        if let Some(splits) = splits.as_ref().filter(|it| it.len() != labels.len()) {
            return Err(format!(
                "its columns have {} and {} rows",
                splits.len(),
                labels.len()
            ));
        }
        let names = class_names(&reader, label);
        let groups = reader.metadata().row_groups().iter();
        let nulls = |group: &RowGroupMetaData| group.column(bytes).statistics()?.null_count_opt();
        let has_paths_only = groups.map(nulls).any(|nulls| nulls != Some(0));
        let shard = Shard {
            path: path.to_owned(),
            bytes,
            wanted: None,
            taken_out: OnceLock::new(),
        };
        Ok(Self {
            shard,
            labels,
            splits,
            paths,
            names,
            has_paths_only,
        })
    }

    /// The rows of a split, whose images alone are taken out then; all rows if no split is named.
    pub fn select(&mut self, split: Option<Role>) -> Vec<usize> {
        let (Some(split), Some(splits)) = (split, &self.splits) else {
            return (0..self.labels.len()).collect();
        };
        let wanted: Vec<bool> = splits.iter().map(|own| *own == split).collect();
        let rows = (0..wanted.len()).filter(|row| wanted[*row]).collect();
        self.shard.wanted = Some(wanted);
        rows
    }
}

/// The splits that rows of a file are in, unknown ones left out; `None` where no column says so, or the file cannot be
/// read.
pub fn splits(path: &Path, columns: &Columns) -> Option<Vec<Role>> {
    let read = || {
        let reader = open(path)?;
        let names = column_names(&reader);
        let found = ColumnPlaces::of(&names, columns)?;
        found
            .split
            .map(|split| read_splits(&reader, names[split]))
            .transpose()
    };
    let splits = guarded(read).ok()??;
    Some(splits.into_iter().flatten().collect())
}

/// The names of the columns, those of a struct under its one name.
fn column_names(reader: &Reader) -> Vec<&str> {
    let schema = reader.metadata().file_metadata().schema();
    schema.get_fields().iter().map(|root| root.name()).collect()
}

/// The place among all columns of the one with this path, which has one value a row.
fn leaf_of(reader: &Reader, parts: &[&str]) -> Option<usize> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let mut leaves = schema.columns().iter();
    leaves.position(|leaf| leaf.path().parts() == parts && leaf.max_rep_level() == 0)
}

/// The split of each row, by its name, or by its number where the metadata name the numbers; otherwise what is there in
/// its place.
fn read_splits(reader: &Reader, column: &str) -> Result<Vec<Result<Role, String>>, String> {
    let leaf = leaf_of(reader, &[column])
        .ok_or_else(|| format!("its column {column} does not have one split per row"))?;
    let names = class_names(reader, column).unwrap_or_default();
    let split = |label: Option<Label>| match label {
        Some(Label::Name(name)) => Role::from_name(&name).ok_or_else(|| format!("{name:?}")),
        Some(Label::Number(number)) => {
            let name = usize::try_from(number).ok().and_then(|it| names.get(it));
            let split = name.and_then(|name| Role::from_name(name));
            split.ok_or_else(|| name.map_or_else(|| number.to_string(), |name| format!("{name:?}")))
        }
        None => Err("null".to_owned()),
    };
    Ok(read_labels(reader, leaf)?.into_iter().map(split).collect())
}

/// The splits of all rows, if each has one.
fn known_splits(splits: Vec<Result<Role, String>>) -> Result<Vec<Role>, String> {
    let known = |(row, split): (usize, Result<Role, String>)| {
        split.map_err(|what| format!("the split of its row {row} is unknown: {what}"))
    };
    splits.into_iter().enumerate().map(known).collect()
}

/// `info.features.<column>.names` of what Hugging Face writes into the metadata, in the order of the numbers.
fn class_names(reader: &Reader, column: &str) -> Option<Vec<String>> {
    let metadata = reader.metadata().file_metadata().key_value_metadata();
    let pair = metadata?.iter().find(|pair| pair.key == "huggingface")?;
    let json: serde_json::Value = serde_json::from_str(pair.value.as_deref()?).ok()?;
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
            let wanted = self.wanted.as_ref();
            let is_wanted = wanted.is_none_or(|wanted| wanted.get(places.len()) == Some(&true));
            let place = value.filter(|_| is_wanted).map(|value| {
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
