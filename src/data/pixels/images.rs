//! The pixels of a source: in memory as far as they may be, else read and decoded when they are needed.

use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use super::cache::Cache;
use super::picture::{self, grey};
use super::scan::{Entry, Facts, Form, Outcome, Watch, scan, scan_into};
use crate::config;
use crate::data::Error;
use crate::data::sources::listed::{Contents, ImageFiles};
use crate::digest::{self, Digest};
use crate::run_dir::DataFile;

/// All images of one source.
#[derive(Debug)]
pub struct Images {
    form: Form,
    kept: Kept,
    names: Names,
    /// Of each image; those of a bad one mean nothing.
    facts: Vec<Facts>,
    /// A number for what each image is in its source, whatever form it comes out in.
    contents: Vec<u64>,
}

#[derive(Debug)]
enum Kept {
    /// Row-major `[image, channel, height, width]`.
    Memory(Vec<u8>),
    OnDemand(OnDemand),
}

/// Images that do not all fit into memory.
#[derive(Debug)]
struct OnDemand {
    paths: Vec<PathBuf>,
    /// Those that did fit.
    slots: Vec<OnceLock<Box<[u8]>>>,
    room: Room,
    /// All of them decoded, one after the other.
    decoded: Option<File>,
}

#[derive(Debug)]
enum Names {
    /// All images came from this.
    One(String),
    /// A file each.
    Each(Vec<String>),
}

/// Bytes that decoded images may still take, of all sources together.
#[derive(Debug, Clone)]
pub struct Room(std::sync::Arc<AtomicU64>);

impl Room {
    pub fn new(bytes: u64) -> Self {
        Self(std::sync::Arc::new(AtomicU64::new(bytes)))
    }

    /// Whether there was so much, which is then taken.
    fn take(&self, bytes: u64) -> bool {
        let less = |room: u64| room.checked_sub(bytes);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}

/// An image file as it was when it was read.
pub struct FileChecksum {
    pub path: String,
    pub bytes: u64,
    /// SHA-256 (hex).
    pub sha256: String,
}

/// The images of a source and what is to be said of them.
pub struct Loaded {
    pub images: Images,
    /// Places of images that can be used.
    pub good: Vec<u32>,
    /// Path and reason of those that cannot.
    pub bad: Vec<(String, String)>,
    /// The same of those that would have to be resized.
    pub other_sizes: Vec<(String, String)>,
    /// Of a source with a file an image: each with its checksum.
    pub checksums: Vec<FileChecksum>,
    pub files: Vec<DataFile>,
}

impl Images {
    /// What a source lists, in the form that is wanted.
    pub fn load(
        contents: Contents,
        form: Form,
        data: &config::Data,
        room: &Room,
        watch: Watch<'_>,
    ) -> Result<Loaded, Error> {
        match contents {
            Contents::Pixels {
                shape,
                bytes,
                source,
            } => from_pixels(shape, bytes, source, form, room),
            Contents::Files(files) => from_files(files, form, data, room, watch),
        }
    }

    /// Channels, height, width.
    pub fn shape(&self) -> [usize; 3] {
        let [height, width] = self.form.size;
        [self.form.channels, height, width]
    }

    pub fn facts(&self, index: u32) -> &Facts {
        &self.facts[index as usize]
    }

    /// A number that is equal for equal images of a source.
    pub fn content(&self, index: u32) -> u64 {
        self.contents[index as usize]
    }

    /// What an image came from.
    pub fn name(&self, index: u32) -> &str {
        match &self.names {
            Names::One(name) => name,
            Names::Each(names) => &names[index as usize],
        }
    }

    pub fn has_a_file_each(&self) -> bool {
        matches!(self.names, Names::Each(_))
    }

    /// Whether an image costs more than a copy.
    pub fn is_slow(&self) -> bool {
        matches!(self.kept, Kept::OnDemand(_))
    }

    /// Calls `work` with an image, row-major `[channels, height, width]`.
    pub fn with<R>(&self, index: u32, work: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        let index = index as usize;
        match &self.kept {
            Kept::Memory(pixels) => Ok(work(
                &pixels[index * self.form.bytes()..][..self.form.bytes()],
            )),
            Kept::OnDemand(on_demand) => {
                if let Some(image) = on_demand.slots[index].get() {
                    return Ok(work(image));
                }
                let image = on_demand.decode(index, self.form, self.facts[index].key)?;
                let result = work(&image);
                if on_demand.room.take(image.len() as u64) {
                    let _ = on_demand.slots[index].set(image.into_boxed_slice());
                }
                Ok(result)
            }
        }
    }
}

impl OnDemand {
    fn decode(&self, index: usize, form: Form, key: u64) -> Result<Vec<u8>, Error> {
        if let Some(file) = &self.decoded {
            let mut image = vec![0; form.bytes()];
            let is_read = read_at(file, &mut image, (index * form.bytes()) as u64).is_ok();
            if is_read && digest::of(&image).word() == key {
                return Ok(image);
            }
        }
        let path = &self.paths[index];
        let changed = |what: String| Error::Mismatch {
            path: path.clone(),
            what: format!("{what}, and was an image of the run when it began"),
            remedy: "put the original back, and go on with `runner resume`".to_owned(),
        };
        let bytes = picture::read(path).map_err(changed)?;
        let image = form.decode(&bytes).ok();
        let same = image.filter(|image| digest::of(image).word() == key);
        same.ok_or_else(|| changed("it is another image".to_owned()))
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// Elsewhere the files are decoded every time.
#[cfg(not(unix))]
fn read_at(_file: &File, _bytes: &mut [u8], _offset: u64) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn write_at(_file: &File, _bytes: &[u8], _offset: u64) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

fn from_pixels(
    shape: [usize; 3],
    bytes: Vec<u8>,
    source: String,
    form: Form,
    room: &Room,
) -> Result<Loaded, Error> {
    let [channels, height, width] = shape;
    let misfit = |what: String, remedy: String| Error::Mismatch {
        path: PathBuf::from(&source),
        what,
        remedy,
    };
    let wanted = [form.channels, form.size[0], form.size[1]];
    let other_size = form.size != [height, width];
    let is_convertible =
        channels == form.channels || [channels, form.channels].iter().all(|c| matches!(c, 1 | 3));
    if other_size && !form.is_resized || !is_convertible {
        return Err(misfit(
            format!("its images are {shape:?}, `model.input` is {wanted:?}"),
            match is_convertible && other_size {
                true => format!(
                    "set model.input = {shape:?}, bring the images to its size with data.resize = \
                     {:?}, or name other data",
                    form.size
                ),
                false => format!("set model.input = {shape:?}, or name other data"),
            },
        ));
    }
    let old = channels * height * width;
    let of_source = |image: &[u8]| digest::of(image).word();
    let contents: Option<Vec<u64>> =
        (shape != wanted).then(|| bytes.par_chunks_exact(old).map(of_source).collect());
    let pixels = match shape == wanted {
        true => bytes,
        false => {
            let mut pixels = vec![0; bytes.len() / old * form.bytes()];
            let images = pixels.par_chunks_exact_mut(form.bytes());
            images
                .zip(bytes.par_chunks_exact(old))
                .try_for_each(|(target, image)| {
                    let planes = to_channels(image, channels, form.channels);
                    let planes = picture::resize(&planes, [height, width], form.size)?;
                    target.copy_from_slice(&planes);
                    Ok(())
                })
                .map_err(|what: String| misfit(what, "choose another data.resize".to_owned()))?;
            pixels
        }
    };
    // They are in memory already; those of other sources then have less.
    room.take(pixels.len() as u64);
    let images = pixels.par_chunks_exact(form.bytes());
    let facts: Vec<Facts> = images
        .map(|image| Facts::of(image, form.channels))
        .collect();
    Ok(Loaded {
        good: (0..facts.len() as u32).collect(),
        images: Images {
            form,
            kept: Kept::Memory(pixels),
            names: Names::One(source),
            contents: contents.unwrap_or_else(|| facts.iter().map(|facts| facts.key).collect()),
            facts,
        },
        bad: Vec::new(),
        other_sizes: Vec::new(),
        checksums: Vec::new(),
        files: Vec::new(),
    })
}

/// From grey to colour or back.
fn to_channels(planes: &[u8], from: usize, to: usize) -> Vec<u8> {
    match (from, to) {
        (3, 1) => {
            let area = planes.len() / 3;
            let pixel = |index| {
                grey(&[
                    planes[index],
                    planes[index + area],
                    planes[index + 2 * area],
                ])
            };
            (0..area).map(pixel).collect()
        }
        (1, 3) => planes.repeat(3),
        _ => planes.to_vec(),
    }
}

fn from_files(
    files: ImageFiles,
    form: Form,
    data: &config::Data,
    room: &Room,
    watch: Watch<'_>,
) -> Result<Loaded, Error> {
    let cache = match data.cache {
        config::Cache::Off => None,
        config::Cache::Auto | config::Cache::Disk => Cache::open(&files, form),
    };
    let (kept, entries) = match room.take((files.paths.len() * form.bytes()) as u64) {
        true => into_memory(&files, form, cache.as_ref(), watch),
        false => on_demand(
            &files,
            form,
            cache.as_ref(),
            data.cache == config::Cache::Disk,
            room,
            watch,
        ),
    };
    finish(files, form, kept, entries)
}

fn into_memory(
    files: &ImageFiles,
    form: Form,
    cache: Option<&Cache>,
    watch: Watch<'_>,
) -> (Kept, Vec<Entry>) {
    let recalled = cache.and_then(|cache| {
        let entries = cache.recall(files)?;
        Some((Kept::Memory(cache.all_pixels(&entries)?), entries))
    });
    if let Some(recalled) = recalled {
        return recalled;
    }
    let mut pixels = vec![0; files.paths.len() * form.bytes()];
    let entries = scan_into(files, form, &mut pixels, watch);
    if let Some(cache) = cache {
        let key = cache.keep_pixels(&entries, &pixels);
        cache.write_scan(files, &entries, key.as_deref());
    }
    (Kept::Memory(pixels), entries)
}

fn on_demand(
    files: &ImageFiles,
    form: Form,
    cache: Option<&Cache>,
    is_for_disk: bool,
    room: &Room,
    watch: Watch<'_>,
) -> (Kept, Vec<Entry>) {
    let count = files.paths.len();
    let slots: Vec<OnceLock<Box<[u8]>>> = (0..count).map(|_| OnceLock::new()).collect();
    let disk = cache.filter(|_| is_for_disk);
    let recalled = disk.and_then(|cache| {
        let entries = cache.recall(files)?;
        Some((cache.pixels(&entries)?, entries))
    });
    let (decoded, entries) = match recalled {
        Some((decoded, entries)) => (Some(decoded), entries),
        None => {
            let unfinished = disk.and_then(|cache| cache.unfinished().ok());
            let is_written = AtomicBool::new(true);
            let keep = |index: usize, planes: Vec<u8>| {
                if let Some(file) = &unfinished {
                    let offset = (index * form.bytes()) as u64;
                    if write_at(file.as_file(), &planes, offset).is_err() {
                        is_written.store(false, Ordering::Relaxed);
                    }
                }
                if room.take(planes.len() as u64) {
                    let _ = slots[index].set(planes.into_boxed_slice());
                }
            };
            // For a file of decoded images all have to be decoded.
            let known = |index: usize, stamp| match unfinished {
                Some(_) => None,
                None => cache?.known(files, index, stamp),
            };
            let entries = scan(files, form, &known, &keep, watch);
            let whole = unfinished.filter(|_| is_written.into_inner());
            let key = disk.zip(whole).and_then(|(cache, file)| {
                let length = (count * form.bytes()) as u64;
                file.as_file().set_len(length).ok()?;
                cache.publish(file, &entries)
            });
            let is_news = |cache: &&Cache| key.is_some() || !cache.is_all_known(files, &entries);
            if let Some(cache) = cache.filter(is_news) {
                cache.write_scan(files, &entries, key.as_deref());
            }
            (disk.and_then(|cache| cache.pixels(&entries)), entries)
        }
    };
    let on_demand = OnDemand {
        paths: files.paths.clone(),
        slots,
        room: room.clone(),
        decoded,
    };
    (Kept::OnDemand(on_demand), entries)
}

/// The beginning of a checksum as a number.
fn content_of(sha256: &str) -> u64 {
    let beginning = sha256.get(..16).unwrap_or_default();
    u64::from_str_radix(beginning, 16).unwrap_or_default()
}

/// Sorts the good from the bad.
fn finish(files: ImageFiles, form: Form, kept: Kept, entries: Vec<Entry>) -> Result<Loaded, Error> {
    let name = |index: usize| files.paths[index].display().to_string();
    let (mut good, mut bad, mut other_sizes) = (Vec::new(), Vec::new(), Vec::new());
    let mut contents = Vec::with_capacity(entries.len());
    // Files that are not used may come and go.
    let mut digest = Digest::default();
    let mut bytes = 0;
    let mut facts = Vec::with_capacity(entries.len());
    let mut checksums = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        match entry.outcome {
            Outcome::Good(of_image) => {
                good.push(index as u32);
                facts.push(of_image);
                bytes += entry.stamp.bytes;
                digest.update(files.name(index).as_os_str().as_encoded_bytes());
                digest.update(format!("\0{}\n", entry.sha256));
            }
            Outcome::Bad(reason) => {
                bad.push((name(index), reason));
                facts.push(Facts::default());
            }
            Outcome::OtherSize([height, width]) => {
                let [wanted_height, wanted_width] = form.size;
                let reason = format!(
                    "an image of {height} rows and {width} columns, `model.input` is of \
                     {wanted_height} and {wanted_width}"
                );
                other_sizes.push((name(index), reason));
                facts.push(Facts::default());
            }
        }
        contents.push(content_of(&entry.sha256));
        checksums.push(FileChecksum {
            path: name(index),
            bytes: entry.stamp.bytes,
            sha256: entry.sha256,
        });
    }
    let folder = DataFile {
        path: files.title.clone(),
        bytes,
        sha256: digest.hex(),
        files: Some(good.len()),
    };
    let names = (0..files.paths.len()).map(name).collect();
    Ok(Loaded {
        images: Images {
            form,
            kept,
            names: Names::Each(names),
            facts,
            contents,
        },
        good,
        bad,
        other_sizes,
        checksums,
        files: vec![folder],
    })
}
