//! What is kept from one run to the next: what a scan found, and decoded images.
//!
//! Both are only ever a shortcut. A file counts as known if its size and both its times are those of the
//! scan; decoded images are kept under the checksums of the files they come from, and each is held
//! against its own checksum when it is read. Where anything is amiss, the files are read anew.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use etcetera::BaseStrategy;
use rayon::prelude::*;

use super::scan::{ImageSpec, ImageStats, Outcome, ScannedFile, Stamp, Traits};
use crate::data::sources::labelled::{ImageFiles, ImagePlace};
use crate::digest::{self, Digest};
use crate::memory;

/// Changes whenever the same file may give other pixels than before.
const DECODER: u32 = 3;

/// Nanoseconds. A file that changed within this time before the scan may change again without another time
/// stamp, as clocks of file systems are coarse.
const FRESH: u128 = 2_000_000_000;

/// The results of an earlier scan of one folder for one [`ImageSpec`].
pub struct Cache {
    folder: PathBuf,
    /// Names the file of the scan.
    place: String,
    spec: ImageSpec,
    known: HashMap<PathBuf, ScannedFile>,
    /// Names the file of decoded images that goes with it.
    pixels: Option<String>,
}

impl Cache {
    /// Opens what there is; `None` where there is no folder for caches.
    pub fn open(files: &ImageFiles, spec: ImageSpec) -> Option<Self> {
        let folder = cache_folder()?;
        let root = files.root.canonicalize().ok()?;
        // A file may list the images of several splits, each with a scan of its own.
        let part = files.title.strip_prefix(&files.root.display().to_string());
        let part = part.unwrap_or(&files.title);
        let ImageSpec {
            channels,
            size: [height, width],
            geometry,
            max_pixels,
            bits,
            is_turned,
        } = spec;
        let mut digest = digest::of(root.as_os_str().as_encoded_bytes());
        digest.update(format!(
            "\n{DECODER} {channels} {height} {width} {geometry:?} {max_pixels} {bits} {is_turned}{part}"
        ));
        let mut place = digest.hex();
        place.truncate(32);
        let mut cache = Self {
            folder,
            place,
            spec,
            known: HashMap::new(),
            pixels: None,
        };
        cache.read_scan();
        Some(cache)
    }

    /// What is known of a file, if it is still the same.
    pub fn known(&self, files: &ImageFiles, index: usize, stamp: Stamp) -> Option<ScannedFile> {
        let entry = self.known.get(&files.name(index))?;
        let is_unchanged = files.places[index].is_unchanged(entry.stamp, stamp);
        is_unchanged.then(|| entry.clone())
    }

    /// What is known of all files, if all of them are still the same.
    pub fn recall(&self, files: &ImageFiles) -> Option<Vec<ScannedFile>> {
        let known =
            |(index, place): (usize, &ImagePlace)| self.known(files, index, place.stamp().ok()?);
        files.places.par_iter().enumerate().map(known).collect()
    }

    /// Whether the cache holds all of these results already.
    pub fn is_all_known(&self, files: &ImageFiles, entries: &[ScannedFile]) -> bool {
        let is_known = |(index, entry)| self.known.get(&files.name(index)) == Some(entry);
        // One file may be there as several images.
        let names: HashSet<PathBuf> = (0..entries.len()).map(|index| files.name(index)).collect();
        self.known.len() == names.len() && entries.iter().enumerate().all(is_known)
    }

    fn scan_path(&self) -> PathBuf {
        self.folder.join(format!("scan-{}.csv", self.place))
    }

    fn pixels_path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("pixels-{key}.bin"))
    }

    fn read_scan(&mut self) {
        let Ok(text) = fs::read(self.scan_path()) else {
            return;
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_slice());
        let mut known = HashMap::new();
        let mut pixels = None;
        let mut is_whole = false;
        for record in reader.byte_records() {
            let Ok(record) = record else { return };
            match (&record[0], record.len()) {
                (b"pixels", 2) => pixels = std::str::from_utf8(&record[1]).ok().map(str::to_owned),
                (b"end", 1) => is_whole = true,
                (_, 15) => match scanned_file_of(&record) {
                    Some((path, entry)) => {
                        known.insert(path, entry);
                    }
                    None => return,
                },
                _ => return,
            }
        }
        if is_whole {
            self.known = known;
            self.pixels = pixels;
        }
    }

    /// Writes down what was found, for the next run; `pixels` names the decoded images. What cannot be
    /// written is done without.
    pub fn write_scan(&self, files: &ImageFiles, entries: &[ScannedFile], pixels: Option<&str>) {
        let fresh = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_nanos())
            .saturating_sub(FRESH);
        let is_settled = |stamp: &Stamp| {
            stamp.modified < fresh && u128::try_from(stamp.changed).is_ok_and(|it| it < fresh)
        };
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .from_writer(Vec::new());
        let mut written = Ok(());
        for (index, entry) in entries.iter().enumerate() {
            // One that may still change is looked at again; so is one that could not be read.
            if is_settled(&entry.stamp) && !entry.sha256.is_empty() {
                written = written
                    .and_then(|()| writer.write_byte_record(&record_of(&files.name(index), entry)));
            }
        }
        if let Some(key) = pixels {
            written = written.and_then(|()| writer.write_record(["pixels", key]));
        }
        written = written.and_then(|()| writer.write_record(["end"]));
        let Ok(text) = writer.into_inner() else {
            return;
        };
        if written.is_ok() && self.put(&self.scan_path(), &text).is_ok() {
            let old = self.pixels.as_deref().filter(|old| Some(*old) != pixels);
            if let Some(old) = old {
                let _ = fs::remove_file(self.pixels_path(old));
            }
        }
    }

    /// The name of the decoded images of these files.
    pub fn key(&self, entries: &[ScannedFile]) -> String {
        let ImageSpec {
            channels,
            size: [height, width],
            geometry,
            bits,
            is_turned,
            ..
        } = self.spec;
        let mut digest = Digest::default();
        digest.update(format!(
            "{DECODER} {channels} {height} {width} {geometry:?} {bits} {is_turned}\n"
        ));
        for entry in entries {
            digest.update(&entry.sha256);
        }
        let mut key = digest.hex();
        key.truncate(32);
        key
    }

    /// The decoded images of these files, one after the other; those that are no images leave a gap.
    pub fn pixels(&self, entries: &[ScannedFile]) -> Option<File> {
        let file = File::open(self.pixels_path(&self.key(entries))).ok()?;
        let bytes = file.metadata().ok()?.len();
        (bytes == (entries.len() * self.spec.bytes()) as u64).then_some(file)
    }

    /// Reads them all, and holds each against its checksum.
    pub fn all_pixels(&self, entries: &[ScannedFile]) -> Option<Vec<u8>> {
        let mut file = self.pixels(entries)?;
        let mut pixels = memory::with_capacity(entries.len() * self.spec.bytes())?;
        file.read_to_end(&mut pixels).ok()?;
        let images = pixels.par_chunks_exact(self.spec.bytes()).zip(entries);
        let is_good = |(image, entry): (&[u8], &ScannedFile)| match &entry.outcome {
            Outcome::Good(stats) => stats.key == digest::of(image).word(),
            _ => true,
        };
        let is_whole = pixels.len() == entries.len() * self.spec.bytes();
        (is_whole && images.all(is_good)).then_some(pixels)
    }

    /// Keeps decoded images, one after the other. Gives their name, if it could.
    pub fn keep_pixels(&self, entries: &[ScannedFile], pixels: &[u8]) -> Option<String> {
        let key = self.key(entries);
        self.put(&self.pixels_path(&key), pixels).ok()?;
        Some(key)
    }

    /// A file for images that are decoded one by one, not to be seen until it is published.
    pub fn unfinished(&self) -> io::Result<tempfile::NamedTempFile> {
        fs::create_dir_all(&self.folder)?;
        tempfile::NamedTempFile::new_in(&self.folder)
    }

    /// Gives a finished file of decoded images its name in the cache.
    pub fn publish(
        &self,
        file: tempfile::NamedTempFile,
        entries: &[ScannedFile],
    ) -> Option<String> {
        let key = self.key(entries);
        file.persist(self.pixels_path(&key)).ok()?;
        Some(key)
    }

    /// Writes a file beside its name and then under it, so that it is whole or not there.
    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.unfinished()?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    }
}

/// `runner` in the platform's folder for caches: on Linux `$XDG_CACHE_HOME`, or else `~/.cache`.
fn cache_folder() -> Option<PathBuf> {
    let caches = etcetera::choose_base_strategy().ok()?.cache_dir();
    // A home that is a relative path would put a cache wherever the program runs.
    caches.is_absolute().then(|| caches.join("runner"))
}

fn record_of(path: &Path, entry: &ScannedFile) -> csv::ByteRecord {
    let (outcome, [height, width], stats, reason) = match &entry.outcome {
        Outcome::Good(stats) => ("good", [0, 0], *stats, ""),
        Outcome::OtherSize(size) => ("size", *size, ImageStats::default(), ""),
        Outcome::Bad(reason) => ("bad", [0, 0], ImageStats::default(), reason.as_str()),
    };
    let mut record = csv::ByteRecord::new();
    record.push_field(path.as_os_str().as_encoded_bytes());
    for number in [
        entry.stamp.bytes.to_string(),
        entry.stamp.modified.to_string(),
        entry.stamp.changed.to_string(),
        entry.sha256.clone(),
        outcome.to_owned(),
        height.to_string(),
        width.to_string(),
        stats.key.to_string(),
    ] {
        record.push_field(number.as_bytes());
    }
    let sums = stats.sums.iter();
    let sums: Vec<String> = sums
        .map(|(sum, squares)| format!("{sum} {squares}"))
        .collect();
    record.push_field(sums[0].as_bytes());
    record.push_field(sums[1].as_bytes());
    record.push_field(sums[2].as_bytes());
    record.push_field(reason.as_bytes());
    let peak = stats.traits.peak.map(|peak| peak.to_string());
    record.push_field(peak.unwrap_or_default().as_bytes());
    record.push_field(stats.traits.is_turned.to_string().as_bytes());
    record
}

fn scanned_file_of(record: &csv::ByteRecord) -> Option<(PathBuf, ScannedFile)> {
    let text = |column: usize| std::str::from_utf8(&record[column]).ok();
    let pair = |column: usize| {
        let (sum, squares) = text(column)?.split_once(' ')?;
        Some((sum.parse().ok()?, squares.parse().ok()?))
    };
    let outcome = match text(5)? {
        "good" => Outcome::Good(ImageStats {
            key: text(8)?.parse().ok()?,
            sums: [pair(9)?, pair(10)?, pair(11)?],
            traits: Traits {
                peak: match text(13)? {
                    "" => None,
                    peak => Some(peak.parse().ok()?),
                },
                is_turned: text(14)?.parse().ok()?,
            },
        }),
        "size" => Outcome::OtherSize([text(6)?.parse().ok()?, text(7)?.parse().ok()?]),
        "bad" => Outcome::Bad(text(12)?.to_owned()),
        _ => return None,
    };
    let entry = ScannedFile {
        stamp: Stamp {
            bytes: text(1)?.parse().ok()?,
            modified: text(2)?.parse().ok()?,
            changed: text(3)?.parse().ok()?,
        },
        sha256: text(4)?.to_owned(),
        outcome,
    };
    Some((path_of(&record[0])?, entry))
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().map(PathBuf::from)
}
