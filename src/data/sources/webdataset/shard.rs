//! One tar file: what its members are, and their bytes.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::data::metered::Metered;
use crate::data::sources::image_folder::is_named_as_image;
use crate::data::sources::place::{Container, MAX_MEMBER};
use crate::digest::Digest;
use crate::run_dir::DataFile;

/// Where an image is in a shard.
#[derive(Debug)]
pub struct Member {
    /// Its name in the tar file.
    pub name: String,
    /// Position of its first byte in the file.
    pub offset: u64,
    /// Its size.
    pub bytes: u64,
}

/// A tar file.
#[derive(Debug)]
pub struct Shard {
    /// Where it is.
    pub path: PathBuf,
    /// The images that have a class.
    pub members: Vec<Member>,
}

impl Container for Shard {
    fn path(&self) -> &Path {
        &self.path
    }

    fn name(&self, index: usize) -> Cow<'_, str> {
        Cow::Borrowed(&self.members[index].name)
    }

    fn read(&self, index: usize) -> Result<Vec<u8>, String> {
        let Member { offset, bytes, .. } = self.members[index];
        if bytes > MAX_MEMBER {
            return Err(format!(
                "it has {} MiB, more than the {} allowed for an image",
                bytes >> 20,
                MAX_MEMBER >> 20
            ));
        }
        let read = || {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut image = Vec::new();
            file.take(bytes).read_to_end(&mut image)?;
            Ok(image)
        };
        let image = read().map_err(|error: io::Error| format!("cannot be read: {error}"))?;
        match image.len() as u64 == bytes {
            true => Ok(image),
            false => Err("the tar file is shorter than it was".to_owned()),
        }
    }
}

/// The members whose names agree up to the first dot.
#[derive(Debug, Default)]
pub struct Sample {
    /// The name and place of the image.
    pub image: Option<Member>,
    /// The text of its class.
    pub label: Option<String>,
}

/// Members that are neither images nor classes.
#[derive(Debug, Default)]
pub struct OtherMembers {
    /// How many there are.
    pub count: usize,
    /// The name of the first.
    pub first: Option<String>,
}

/// All samples of a shard in the order of their names; the error says what is wrong with it.
pub fn samples<R: Read>(
    reader: &mut ShardReader<R>,
    others: &mut OtherMembers,
) -> Result<BTreeMap<String, Sample>, String> {
    let allowance = reader.inner.allowance();
    let is_at_end = Rc::clone(&reader.is_at_end);
    // For a header that ends early, the tar crate reports no error kind.
    let damaged = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => CUT_OFF.to_owned(),
        _ if is_at_end.get() => CUT_OFF.to_owned(),
        _ => format!("not a tar file, or a damaged one: {error}"),
    };
    let mut samples: BTreeMap<String, Sample> = BTreeMap::new();
    let mut tar = tar::Archive::new(&mut *reader);
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        let is_plain = kind.is_file();
        let name = entry.path_bytes().into_owned();
        let name = String::from_utf8(name).map_err(|_| "a member's name is not UTF-8")?;
        if name.contains(char::is_control) {
            return Err(format!(
                "the name {name:?} has characters that cannot be shown"
            ));
        }
        allowance.for_contents();
        let (key, kind) = match (is_plain, key_of(&name)) {
            (true, known) => known,
            // A link, a sparse file.
            (false, (key, _)) => (key, MemberKind::Other),
        };
        match kind {
            MemberKind::Image => {
                let member = Member {
                    offset: entry.raw_file_position(),
                    bytes: entry.size(),
                    name: name.clone(),
                };
                let before = samples
                    .entry(key.to_owned())
                    .or_default()
                    .image
                    .replace(member);
                if before.is_some() {
                    return Err(twice("images", key, &name));
                }
            }
            MemberKind::Class => {
                let label = label(&name, &mut entry)?;
                let before = samples
                    .entry(key.to_owned())
                    .or_default()
                    .label
                    .replace(label);
                if before.is_some() {
                    return Err(twice("classes", key, &name));
                }
            }
            MemberKind::Other => {
                others.count += 1;
                others.first.get_or_insert(name);
            }
        }
        let left = io::copy(&mut entry, &mut io::sink()).map_err(damaged)?;
        let is_read = !is_plain || kind == MemberKind::Class || left == entry.size();
        if !is_read {
            return Err(CUT_OFF.to_owned());
        }
        allowance.for_headers();
    }
    reader.check_end()?;
    Ok(samples)
}

/// Says that a sample has two images or two classes.
fn twice(what: &str, key: &str, name: &str) -> String {
    format!(
        "two {what} of the sample {key:?}, the second of them {name}: the name up to the first dot identifies a sample"
    )
}

const CUT_OFF: &str = "the tar file ends early: it was cut off";

/// The role of a member, by its file extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MemberKind {
    Image,
    Class,
    Other,
}

/// The key of the sample that a member belongs to (its name up to the first dot after the last slash), and its role.
fn key_of(name: &str) -> (&str, MemberKind) {
    let name = name.strip_prefix("./").unwrap_or(name);
    let base = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = name[base..].find('.').map_or(name.len(), |dot| base + dot);
    let kind = match Path::new(name).extension().and_then(|it| it.to_str()) {
        // A hidden file has no name before its dot.
        _ if dot == base => MemberKind::Other,
        Some(ending) if ending.eq_ignore_ascii_case("cls") => MemberKind::Class,
        _ if is_named_as_image(Path::new(name)) => MemberKind::Image,
        _ => MemberKind::Other,
    };
    (&name[..dot], kind)
}

/// The text of a `.cls` member.
fn label(name: &str, entry: &mut impl Read) -> Result<String, String> {
    const MOST: u64 = 1024;
    let mut text = String::new();
    let read = entry.take(MOST + 1).read_to_string(&mut text);
    read.map_err(|error| format!("{name} cannot be read: {error}"))?;
    let label = text.trim();
    match label.is_empty() || text.len() as u64 > MOST || label.contains(char::is_control) {
        true => Err(format!("{name} does not contain a class, such as 7 or cat")),
        false => Ok(label.to_owned()),
    }
}

/// Reads a shard and takes the checksum and the length of what was read.
pub struct ShardReader<R> {
    inner: Metered<R>,
    digest: Digest,
    bytes: u64,
    /// Zero bytes since the last other one.
    zeros: u64,
    /// Whether there was nothing more to read.
    is_at_end: Rc<Cell<bool>>,
}

impl<R: Read> ShardReader<R> {
    /// Nothing is read yet.
    pub fn new(inner: R) -> Self {
        Self {
            inner: Metered::new(inner),
            digest: Digest::default(),
            bytes: 0,
            zeros: 0,
            is_at_end: Rc::default(),
        }
    }

    /// The record of the file at `path`, from which everything was read.
    pub fn record(self, path: &Path) -> DataFile {
        DataFile {
            path: path.display().to_string(),
            bytes: self.bytes,
            sha256: self.digest.hex(),
            files: None,
        }
    }

    /// Checks that the file ends with blocks of zeros and nothing after them.
    fn check_end(&mut self) -> Result<(), String> {
        const BLOCK: u64 = 512;
        if self.zeros < BLOCK {
            return Err(CUT_OFF.to_owned());
        }
        self.inner.allowance().for_contents();
        let (end, zeros) = (self.bytes, self.zeros);
        io::copy(self, &mut io::sink()).map_err(|error| format!("cannot be read: {error}"))?;
        match self.zeros == zeros + (self.bytes - end) {
            true => Ok(()),
            false => Err(
                "data follow its end: perhaps two tar files were joined; `tar --concatenate` joins them correctly"
                    .to_owned(),
            ),
        }
    }
}

impl<R: Read> Read for ShardReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.is_at_end.set(read == 0 && !buffer.is_empty());
        let bytes = &buffer[..read];
        let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count() as u64;
        self.zeros = if zeros == read as u64 {
            self.zeros + zeros
        } else {
            zeros
        };
        self.digest.update(bytes);
        self.bytes += read as u64;
        Ok(read)
    }
}
