//! The pixels of a source: in memory as far as they may be, else read and decoded when they are needed.

use std::fs::File;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::picture::Picture;
use super::scan::{ImageSpec, ImageStats};
use crate::data::Error;
use crate::data::sources::place::ImagePlace;
use crate::digest;

/// All images of one source.
#[derive(Debug)]
pub struct Images {
    /// The size and channels of every image.
    pub(super) spec: ImageSpec,
    /// Where the pixels are.
    pub(super) storage: Storage,
    /// Where the images came from.
    pub(super) names: Names,
    /// Channels before any conversion to `spec`, where all images have as many; `None` where each is a file.
    pub(super) source_channels: Option<usize>,
    /// One entry an image; that of a bad image means nothing.
    pub(super) stats: Vec<ImageStats>,
    /// A hash of each image as its source has it, before any conversion to `spec`.
    pub(super) source_hashes: Vec<u64>,
}

/// Where the pixels of a source are.
#[derive(Debug)]
pub(super) enum Storage {
    /// Row-major `[image, channel, height, width]`.
    Memory(Vec<u8>),
    /// Decoded when they are needed.
    OnDemand(OnDemand),
}

/// Images that do not all fit into memory.
#[derive(Debug)]
pub(super) struct OnDemand {
    /// The file of each image.
    pub places: Vec<ImagePlace>,
    /// The decoded images that did fit into memory.
    pub slots: Vec<OnceLock<Box<[u8]>>>,
    /// What limits them.
    pub budget: MemoryBudget,
    /// All images decoded, one after the other, where the cache has them.
    pub decoded: Option<File>,
}

/// Where the images of a source came from.
#[derive(Debug)]
pub(super) enum Names {
    /// All images came from this file or folder.
    One(String),
    /// Each image is a file.
    Each {
        /// As messages and records have them.
        names: Vec<String>,
        /// Where the files are.
        places: Vec<ImagePlace>,
    },
}

/// Bytes that decoded images may still take, of all sources together.
#[derive(Debug, Clone)]
pub struct MemoryBudget(std::sync::Arc<AtomicU64>);

impl MemoryBudget {
    /// A budget of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self(std::sync::Arc::new(AtomicU64::new(bytes)))
    }

    /// Leaves nothing, where the system gives less than was thought.
    pub(super) fn exhaust(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Takes so many bytes if there are as many; whether it did.
    pub(super) fn take(&self, bytes: u64) -> bool {
        let less = |budget: u64| budget.checked_sub(bytes);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}

impl Images {
    /// Whether the source has this image in colour. A file that cannot be read any more is none.
    pub fn is_colour(&self, image: u32) -> bool {
        const COLOUR: usize = 3;
        if let Some(channels) = self.source_channels {
            return channels == COLOUR;
        }
        let Names::Each { places, .. } = &self.names else {
            return false;
        };
        let mut request = self.spec.request();
        if let Some(reduction) = &mut request.reduction {
            reduction.channels = COLOUR;
        }
        let is_colour = |picture: Picture| picture.channels == COLOUR;
        let bytes = places[image as usize].read();
        bytes.is_ok_and(|bytes| Picture::decode_then(&bytes, request, is_colour) == Ok(true))
    }

    /// Channels, height, width.
    pub fn shape(&self) -> [usize; 3] {
        let [height, width] = self.spec.size;
        [self.spec.channels, height, width]
    }

    /// The statistics of an image.
    pub fn stats(&self, index: u32) -> &ImageStats {
        &self.stats[index as usize]
    }

    /// A hash of an image as its source has it: equal for equal images, whatever size and colours a run wants.
    pub fn source_hash(&self, index: u32) -> u64 {
        self.source_hashes[index as usize]
    }

    /// What an image came from.
    pub fn name(&self, index: u32) -> &str {
        match &self.names {
            Names::One(name) => name,
            Names::Each { names, .. } => &names[index as usize],
        }
    }

    /// Whether each image is a file of its own.
    pub fn has_a_file_each(&self) -> bool {
        matches!(self.names, Names::Each { .. })
    }

    /// Whether an image costs more than a copy.
    pub fn is_slow(&self) -> bool {
        matches!(self.storage, Storage::OnDemand(_))
    }

    /// Calls `work` with an image, row-major `[channels, height, width]`.
    pub fn with<R>(&self, index: u32, work: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        let index = index as usize;
        match &self.storage {
            Storage::Memory(pixels) => Ok(work(
                &pixels[index * self.spec.bytes()..][..self.spec.bytes()],
            )),
            Storage::OnDemand(on_demand) => {
                if let Some(image) = on_demand.slots[index].get() {
                    return Ok(work(image));
                }
                let image = on_demand.decode(index, self.spec, self.stats[index].key)?;
                let result = work(&image);
                if on_demand.budget.take(image.len() as u64) {
                    let _ = on_demand.slots[index].set(image.into_boxed_slice());
                }
                Ok(result)
            }
        }
    }
}

impl OnDemand {
    fn decode(&self, index: usize, spec: ImageSpec, key: u64) -> Result<Vec<u8>, Error> {
        if let Some(file) = &self.decoded {
            let mut image = vec![0; spec.bytes()];
            let is_read = read_at(file, &mut image, (index * spec.bytes()) as u64).is_ok();
            if is_read && digest::of(&image).word() == key {
                return Ok(image);
            }
        }
        let place = &self.places[index];
        let changed = |what: String| Error::Mismatch {
            path: place.path().into_owned(),
            what: format!("{what}, but it was an image when the run started"),
            remedy: "put the original back, then continue with `runner resume`".to_owned(),
        };
        let bytes = place.read().map_err(changed)?;
        let image = spec.decode(&bytes).ok();
        let same = image.filter(|(image, _)| digest::of(image).word() == key);
        let same = same.map(|(image, _)| image);
        same.ok_or_else(|| changed("it is a different image".to_owned()))
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// Without positioned reads in the standard library the image files are decoded every time.
#[cfg(not(unix))]
fn read_at(_file: &File, _bytes: &mut [u8], _offset: u64) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
