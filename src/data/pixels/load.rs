//! Loads the images of a source: decoded ones are converted, image files are scanned with the help of the cache
//! and kept in memory if the budget allows.

use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::cache::Cache;
use super::images::{Images, MemoryBudget, Names, OnDemand, Storage};
use super::samples::grey;
use super::scan::{ImageSpec, ImageStats, Outcome, ScannedFile, Watch, scan, scan_into};
use crate::config;
use crate::data::Error;
use crate::data::sources::labelled::{ImageData, ImageFiles};
use crate::digest::{self, Digest};
use crate::memory;
use crate::run_dir::DataFile;

/// An image file as it was when it was read.
pub struct HashedFile {
    /// As the source names it.
    pub path: String,
    /// The file that holds it, if it is no file of its own.
    pub container: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 (hex).
    pub sha256: String,
}

/// The images of a source, and which of them can be used.
pub struct Loaded {
    /// All images, unusable ones among them.
    pub images: Images,
    /// Indices of the images that can be used.
    pub good: Vec<u32>,
    /// Path and reason of those that cannot.
    pub bad: Vec<(String, String)>,
    /// Path, height and width of those that would have to be resized.
    pub other_sizes: Vec<(String, [usize; 2])>,
    /// Every image file of a source that has a file for each image; else empty.
    pub checksums: Vec<HashedFile>,
    /// One record for a whole folder of image files; none where other files hold them.
    pub files: Vec<DataFile>,
    /// What a user should know.
    pub warning: Option<String>,
}

/// Limits the memory of all decoders together to a quarter of what the machine or the job leaves.
pub fn limit_decoders() {
    let free = memory::available().map_or(u64::MAX, |free| free.bytes);
    super::memory::limit(free / 4);
}

/// Loads the images of a source as `spec` wants them.
///
/// # Errors
///
/// If decoded images have another shape than `spec` and cannot be converted.
pub fn load(
    contents: ImageData,
    spec: ImageSpec,
    data: &config::Data,
    budget: &MemoryBudget,
    watch: Watch<'_>,
) -> Result<Loaded, Error> {
    match contents {
        ImageData::Pixels {
            shape,
            bytes,
            source,
        } => from_pixels(shape, bytes, source, spec, budget),
        ImageData::Files(files) => from_files(files, spec, data, budget, watch),
    }
}

fn from_pixels(
    shape: [usize; 3],
    bytes: Vec<u8>,
    source: String,
    spec: ImageSpec,
    budget: &MemoryBudget,
) -> Result<Loaded, Error> {
    let [channels, height, width] = shape;
    let misfit = |what: String, remedy: String| Error::Mismatch {
        path: PathBuf::from(&source),
        what,
        remedy,
    };
    let wanted = [spec.channels, spec.size[0], spec.size[1]];
    let other_size = spec.size != spec.geometry.result([height, width]);
    let is_convertible =
        channels == spec.channels || [channels, spec.channels].iter().all(|c| matches!(c, 1 | 3));
    if other_size || !is_convertible {
        return Err(misfit(
            format!("its images are {shape:?}, but `model.input` is {wanted:?}"),
            match is_convertible && other_size {
                true => format!(
                    "set model.input = {shape:?}, resize the images with data.resize = {:?}, or \
                     use other data",
                    spec.size
                ),
                false => format!("set model.input = {shape:?}, or use other data"),
            },
        ));
    }
    let old = channels * height * width;
    let of_source = |image: &[u8]| digest::of(image).word();
    let is_as_it_is = shape == wanted && spec.geometry.keeps([height, width]);
    let source_hashes: Option<Vec<u64>> =
        (!is_as_it_is).then(|| bytes.par_chunks_exact(old).map(of_source).collect());
    let pixels = match is_as_it_is {
        true => bytes,
        false => {
            let length = bytes.len() / old * spec.bytes();
            let mut pixels = memory::zeros(length).ok_or_else(|| too_large(&source, length))?;
            let images = pixels.par_chunks_exact_mut(spec.bytes());
            images
                .zip(bytes.par_chunks_exact(old))
                .try_for_each(|(target, image)| {
                    let planes = to_channels(image, channels, spec.channels);
                    let planes = spec.geometry.of_planes(&planes, [height, width])?;
                    target.copy_from_slice(&planes);
                    Ok(())
                })
                .map_err(|what: String| misfit(what, "choose another data.resize".to_owned()))?;
            pixels
        }
    };
    // These pixels are in memory already, which leaves less for other sources.
    budget.take(pixels.len() as u64);
    let images = pixels.par_chunks_exact(spec.bytes());
    let stats: Vec<ImageStats> = images
        .map(|image| ImageStats::of(image, spec.channels))
        .collect();
    Ok(Loaded {
        good: (0..stats.len() as u32).collect(),
        images: Images {
            spec,
            source_channels: Some(channels),
            storage: Storage::Memory(pixels),
            names: Names::One(source),
            source_hashes: source_hashes
                .unwrap_or_else(|| stats.iter().map(|stats| stats.key).collect()),
            stats,
        },
        bad: Vec::new(),
        other_sizes: Vec::new(),
        checksums: Vec::new(),
        files: Vec::new(),
        warning: None,
    })
}

/// Converted images that do not fit into memory.
fn too_large(source: &str, length: usize) -> Error {
    Error::OutOfMemory {
        path: PathBuf::from(source),
        what: "its images in the size of the network",
        bytes: length as u64,
        remedy: "resize them to less, give the job more memory, or write them as image files, which are \
                 decoded as they are needed: runner data export",
    }
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

/// The largest of all samples of 16 bits; `None` if no image has such samples.
pub fn peak(
    files: &ImageFiles,
    spec: ImageSpec,
    data: &config::Data,
    watch: Watch<'_>,
) -> Option<u16> {
    let cache = match data.cache {
        config::Cache::Off => None,
        config::Cache::Auto | config::Cache::Disk => Cache::open(files, spec),
    };
    let known = |index: usize, stamp| cache.as_ref()?.known(files, index, stamp);
    let entries = scan(files, spec, &known, &|_, _| {}, watch);
    if let Some(cache) = cache.filter(|cache| !cache.is_all_known(files, &entries)) {
        cache.write_scan(files, &entries, None);
    }
    let of_entry = |entry: &ScannedFile| match &entry.outcome {
        Outcome::Good(stats) => stats.traits.peak,
        Outcome::OtherSize(_) | Outcome::Bad(_) => None,
    };
    entries.iter().filter_map(of_entry).max()
}

fn from_files(
    files: ImageFiles,
    spec: ImageSpec,
    data: &config::Data,
    budget: &MemoryBudget,
    watch: Watch<'_>,
) -> Result<Loaded, Error> {
    let cache = match data.cache {
        config::Cache::Off => None,
        config::Cache::Auto | config::Cache::Disk => Cache::open(&files, spec),
    };
    let length = files.places.len() * spec.bytes();
    let mut warning = None;
    let in_memory = budget.take(length as u64).then(|| {
        let in_memory = into_memory(&files, spec, cache.as_ref(), watch);
        if in_memory.is_none() {
            budget.exhaust();
            warning = Some(refused(&files, length));
        }
        in_memory
    });
    let (storage, entries) = in_memory.flatten().unwrap_or_else(|| {
        let is_for_disk = data.cache == config::Cache::Disk;
        on_demand(&files, spec, cache.as_ref(), is_for_disk, budget, watch)
    });
    let loaded = finish(files, spec, storage, entries)?;
    Ok(Loaded { warning, ..loaded })
}

/// The warning about images that are within `data.memory_limit` and do not fit into memory all the same.
fn refused(files: &ImageFiles, length: usize) -> String {
    format!(
        "{}: {} MiB of memory for decoded images cannot be had, so they are decoded as they are needed; give the \
         job more memory, or lower data.memory_limit for what fits to stay in memory",
        files.title,
        length.div_ceil(1 << 20)
    )
}

/// `None` where there is no memory for all of them.
fn into_memory(
    files: &ImageFiles,
    spec: ImageSpec,
    cache: Option<&Cache>,
    watch: Watch<'_>,
) -> Option<(Storage, Vec<ScannedFile>)> {
    let recalled = cache.and_then(|cache| {
        let entries = cache.recall(files)?;
        Some((Storage::Memory(cache.all_pixels(&entries)?), entries))
    });
    if recalled.is_some() {
        return recalled;
    }
    let mut pixels = memory::zeros(files.places.len() * spec.bytes())?;
    let entries = scan_into(files, spec, &mut pixels, watch);
    if let Some(cache) = cache {
        let key = cache.keep_pixels(&entries, &pixels);
        cache.write_scan(files, &entries, key.as_deref());
    }
    Some((Storage::Memory(pixels), entries))
}

fn on_demand(
    files: &ImageFiles,
    spec: ImageSpec,
    cache: Option<&Cache>,
    is_for_disk: bool,
    budget: &MemoryBudget,
    watch: Watch<'_>,
) -> (Storage, Vec<ScannedFile>) {
    let count = files.places.len();
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
                    let offset = (index * spec.bytes()) as u64;
                    if write_at(file.as_file(), &planes, offset).is_err() {
                        is_written.store(false, Ordering::Relaxed);
                    }
                }
                if budget.take(planes.len() as u64) {
                    let _ = slots[index].set(planes.into_boxed_slice());
                }
            };
            // For a file of decoded images all have to be decoded.
            let known = |index: usize, stamp| match unfinished {
                Some(_) => None,
                None => cache?.known(files, index, stamp),
            };
            let entries = scan(files, spec, &known, &keep, watch);
            let whole = unfinished.filter(|_| is_written.into_inner());
            let key = disk.zip(whole).and_then(|(cache, file)| {
                let length = (count * spec.bytes()) as u64;
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
        places: files.places.clone(),
        slots,
        budget: budget.clone(),
        decoded,
    };
    (Storage::OnDemand(on_demand), entries)
}

/// The beginning of a checksum as a number: the hash of an image file, by which it is split.
pub fn hash_of(sha256: &str) -> u64 {
    let beginning = sha256.get(..16).unwrap_or_default();
    u64::from_str_radix(beginning, 16).unwrap_or_default()
}

/// Separates usable images from unusable ones.
fn finish(
    files: ImageFiles,
    spec: ImageSpec,
    storage: Storage,
    entries: Vec<ScannedFile>,
) -> Result<Loaded, Error> {
    let name = |index: usize| files.places[index].name();
    let (mut good, mut bad, mut other_sizes) = (Vec::new(), Vec::new(), Vec::new());
    let mut source_hashes = Vec::with_capacity(entries.len());
    // Unusable files are no part of the digest: they may come and go.
    let mut digest = Digest::default();
    let (mut own_files, mut bytes) = (0, 0);
    let mut stats = Vec::with_capacity(entries.len());
    let mut checksums = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        match entry.outcome {
            Outcome::Good(of_image) => {
                good.push(index as u32);
                stats.push(of_image);
                // What is inside other files is part of theirs.
                if files.places[index].container().is_none() {
                    own_files += 1;
                    bytes += entry.stamp.bytes;
                    digest.update(files.name(index).as_os_str().as_encoded_bytes());
                    digest.update(format!("\0{}\n", entry.sha256));
                }
            }
            Outcome::Bad(reason) => {
                bad.push((name(index), reason));
                stats.push(ImageStats::default());
            }
            Outcome::OtherSize(size) => {
                other_sizes.push((name(index), size));
                stats.push(ImageStats::default());
            }
        }
        source_hashes.push(hash_of(&entry.sha256));
        checksums.push(HashedFile {
            path: name(index),
            container: files.places[index].container(),
            bytes: entry.stamp.bytes,
            sha256: entry.sha256,
        });
    }
    let folder = DataFile {
        path: files.title.clone(),
        bytes,
        sha256: digest.hex(),
        files: Some(own_files),
    };
    let has_own_files = files.places.iter().any(|it| it.container().is_none());
    let names = (0..files.places.len()).map(name).collect();
    let places = files.places;
    Ok(Loaded {
        images: Images {
            spec,
            source_channels: None,
            storage,
            names: Names::Each { names, places },
            stats,
            source_hashes,
        },
        good,
        bad,
        other_sizes,
        checksums,
        files: if has_own_files {
            vec![folder]
        } else {
            Vec::new()
        },
        warning: None,
    })
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn write_at(_file: &File, _bytes: &[u8], _offset: u64) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
