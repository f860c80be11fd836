//! Opens every image file once before a run directory is made: whether it can be decoded, its size, its checksum
//! and statistics.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;

use super::exif::Orientation;
use super::geometry::Geometry;
use super::picture::{Picture, Request};
use crate::data::sources::labelled::{ImageFiles, ImagePlace};
use crate::digest;

/// The channels and size that images are converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSpec {
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// Height and width.
    pub size: [usize; 2],
    /// How images of other sizes are brought to this one.
    pub geometry: Geometry,
    /// An image of more pixels is refused.
    pub max_pixels: u64,
    /// Of samples of 16 bits so many are used.
    pub bits: u32,
    /// Whether images are turned as EXIF says.
    pub is_turned: bool,
}

impl ImageSpec {
    /// Bytes of an image.
    pub fn bytes(self) -> usize {
        self.channels * self.size[0] * self.size[1]
    }
}

/// What a scan found in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedFile {
    /// To notice a change of the file.
    pub stamp: Stamp,
    /// SHA-256 (hex) of the file; empty if it could not be read.
    pub sha256: String,
    /// Whether it is a usable image.
    pub outcome: Outcome,
}

/// Metadata that changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// The size of the file.
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub modified: u128,
    /// When anything of the file was changed, its name among it; 0 where the system does not tell.
    pub changed: i128,
}

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A usable image.
    Good(ImageStats),
    /// A whole image, of this height and width.
    OtherSize([usize; 2]),
    /// Why it is none.
    Bad(String),
}

/// Statistics of a decoded image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImageStats {
    /// Equal for equal pixels: the beginning of their SHA-256.
    pub key: u64,
    /// Of each channel, the sum of its pixels and of their squares.
    pub sums: [(u64, u64); 3],
    /// What the file says beside its pixels.
    pub traits: Traits,
}

/// What is known of an image file beside its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits {
    /// The largest sample, where samples have 16 bits of which the file does not say how many are used.
    pub peak: Option<u16>,
    /// Whether EXIF says that the camera was not held upright.
    pub is_turned: bool,
}

impl Traits {
    /// Those of a decoded image.
    pub fn of(picture: &Picture) -> Self {
        Self {
            peak: picture.peak,
            is_turned: picture.orientation != Orientation::Upright,
        }
    }
}

impl ImageStats {
    /// The statistics of row-major pixels `[channels, height, width]`.
    pub fn of(planes: &[u8], channels: usize) -> Self {
        let mut sums = [(0, 0); 3];
        let planes_of = planes.chunks_exact(planes.len() / channels);
        for (sums, plane) in sums.iter_mut().zip(planes_of) {
            *sums = moments(plane);
        }
        Self {
            key: digest::of(planes).word(),
            sums,
            traits: Traits::default(),
        }
    }
}

/// The sum of pixels and of their squares.
pub fn moments(pixels: &[u8]) -> (u64, u64) {
    // 32 bits hold the sum of squares of a chunk, which vectorizes better than 64.
    pixels
        .chunks(1 << 15)
        .fold((0, 0), |(sum, squares), chunk| {
            let of_chunk = chunk.iter().fold((0u32, 0u32), |(sum, squares), pixel| {
                let pixel = u32::from(*pixel);
                (sum + pixel, squares + pixel * pixel)
            });
            (sum + u64::from(of_chunk.0), squares + u64::from(of_chunk.1))
        })
}

/// Mean and standard deviation of so many pixels from their sum and the sum of their squares.
pub fn mean_and_deviation(sum: u128, squares: u128, pixels: u128) -> (f64, f64) {
    let mean = sum as f64 / pixels as f64;
    let variance = squares as f64 / pixels as f64 - mean * mean;
    (mean, variance.max(0.0).sqrt())
}

impl Stamp {
    /// The stamp of a file with this metadata.
    pub fn of(metadata: &fs::Metadata) -> Self {
        let modified = metadata.modified().ok();
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        #[cfg(unix)]
        let changed = {
            use std::os::unix::fs::MetadataExt;
            i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec())
        };
        #[cfg(not(unix))]
        let changed = 0;
        Self {
            bytes: metadata.len(),
            modified: modified.map_or(0, |time| time.as_nanos()),
            changed,
        }
    }
}

/// Called with the number of files done and the number of all files, from any thread.
pub type Watch<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Scans all files on all threads; results are in the order of the files. `known` gives earlier results;
/// `keep` gets every newly decoded image with its index.
pub fn scan(
    files: &ImageFiles,
    spec: ImageSpec,
    known: &(dyn Fn(usize, Stamp) -> Option<ScannedFile> + Sync),
    keep: &(dyn Fn(usize, Vec<u8>) + Sync),
    watch: Watch<'_>,
) -> Vec<ScannedFile> {
    let progress = Progress::new(files.places.len(), watch);
    let look = |(index, place): (usize, &ImagePlace)| {
        let entry = look_at(place, spec, &|stamp| known(index, stamp), |planes| {
            keep(index, planes);
        });
        progress.advance();
        entry
    };
    files.places.par_iter().enumerate().map(look).collect()
}

/// As [`scan`], but writes each image to its place in `pixels`; bad ones leave a gap.
pub fn scan_into(
    files: &ImageFiles,
    spec: ImageSpec,
    pixels: &mut [u8],
    watch: Watch<'_>,
) -> Vec<ScannedFile> {
    let progress = Progress::new(files.places.len(), watch);
    let look = |(place, target): (&ImagePlace, &mut [u8])| {
        let entry = look_at(place, spec, &|_| None, |planes| {
            target.copy_from_slice(&planes)
        });
        progress.advance();
        entry
    };
    let targets = pixels.par_chunks_exact_mut(spec.bytes());
    files.places.par_iter().zip(targets).map(look).collect()
}

/// Counts finished files across threads.
pub struct Progress<'a> {
    done: AtomicUsize,
    all: usize,
    watch: Watch<'a>,
}

impl<'a> Progress<'a> {
    /// For so many files.
    pub fn new(all: usize, watch: Watch<'a>) -> Self {
        Self {
            done: AtomicUsize::new(0),
            all,
            watch,
        }
    }

    /// Reports one more finished file.
    pub fn advance(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        (self.watch)(done, self.all);
    }
}

fn look_at(
    place: &ImagePlace,
    spec: ImageSpec,
    known: &dyn Fn(Stamp) -> Option<ScannedFile>,
    keep: impl FnOnce(Vec<u8>),
) -> ScannedFile {
    let bad = |reason: String| ScannedFile {
        stamp: Stamp::default(),
        sha256: String::new(),
        outcome: Outcome::Bad(reason),
    };
    let stamp = match place.stamp() {
        Ok(stamp) => stamp,
        Err(error) => return bad(format!("cannot be read: {error}")),
    };
    if let Some(entry) = known(stamp) {
        return entry;
    }
    let bytes = match place.read() {
        Ok(bytes) => bytes,
        Err(reason) => return bad(reason),
    };
    let outcome = match spec.decode(&bytes) {
        Ok((planes, traits)) => {
            let stats = ImageStats {
                traits,
                ..ImageStats::of(&planes, spec.channels)
            };
            keep(planes);
            Outcome::Good(stats)
        }
        Err(outcome) => outcome,
    };
    ScannedFile {
        stamp: Stamp {
            bytes: bytes.len() as u64,
            ..stamp
        },
        sha256: digest::of(&bytes).hex(),
        outcome,
    }
}

impl ImageSpec {
    /// What a decoder of its images is asked.
    pub fn request(self) -> Request {
        Request {
            max_pixels: self.max_pixels,
            bits: self.bits,
            is_turned: self.is_turned,
            geometry: self.geometry,
            at_least: self.geometry.at_least(),
            reduction: self.geometry.reduction(self.channels),
        }
    }

    /// From the bytes of a file to row-major `[channels, height, width]`.
    pub fn decode(self, bytes: &[u8]) -> Result<(Vec<u8>, Traits), Outcome> {
        let planes = |picture: Picture| {
            let traits = Traits::of(&picture);
            let size = self.geometry.result(picture.full);
            if size != self.size {
                return Err(Outcome::OtherSize(size));
            }
            self.check(picture.full)?;
            let planes = picture.arranged(self.geometry, self.channels);
            Ok((planes.map_err(Outcome::Bad)?, traits))
        };
        Picture::decode_then(bytes, self.request(), planes).map_err(Outcome::Bad)?
    }

    /// Refuses an image so narrow that it would become too large.
    fn check(self, [height, width]: [usize; 2]) -> Result<(), Outcome> {
        let pixels = self.geometry.most_pixels([height, width]);
        if pixels <= self.max_pixels {
            return Ok(());
        }
        Err(Outcome::Bad(format!(
            "it is {width}x{height}, which padding or resizing would bring to {pixels} pixels, more than \
             data.max_pixels = {}",
            self.max_pixels
        )))
    }
}
