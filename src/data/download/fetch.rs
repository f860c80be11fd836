//! Fetching a known set: from one mirror after the other, going on where it stopped, and nothing
//! gets its name before its checksum is right.
//!
//! While a file is on its way it is `.tmp-NAME.part` in the folder, and that is all that an
//! interruption leaves there: the next call goes on with it. Members of an archive have their
//! checksums in `fetched.sha256`, in the form of sha256sum.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use ureq::http::{HeaderMap, StatusCode};

use super::archive::{self, Kind, Limits, Unpacked};
use super::catalog::{Checksum, Remote, Set};
use crate::digest::Digest;
use crate::files::{self, IoError, TEMPORARY_PREFIX};

/// How patient a fetch is.
#[derive(Debug, Clone)]
pub struct Options {
    /// To connect.
    pub connect: Duration,
    /// Without a byte.
    pub stall: Duration,
    /// How often a mirror whose connection breaks is asked for the rest.
    pub retries: u32,
    /// Before each of these.
    pub pause: Duration,
    /// Bytes that may be written to the folder, where that is known.
    pub free: Option<u64>,
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            retries: 3,
            pause: Duration::from_secs(1),
            free: None,
            limits: Limits::default(),
        }
    }
}

/// What happens while a set is fetched.
#[derive(Debug)]
pub enum Event<'a> {
    /// A file is here already, and right.
    There { name: &'a str },
    /// So many of so many bytes of a file are here.
    Bytes { name: &'a str, bytes: u64, of: u64 },
    /// It did not go well with a mirror; what comes next is another try.
    Trouble { url: &'a str, why: &'a str },
    /// A file is whole, and right.
    Done { name: &'a str, bytes: u64 },
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "cannot fetch {file} of {set}:{}\ntry again later, which goes on where this stopped; or name a mirror: runner data fetch {set} --mirror URL",
        listed(failures)
    )]
    Mirrors {
        set: &'static str,
        file: &'static str,
        /// The address and what was wrong with it.
        failures: Vec<(String, String)>,
    },
    #[error(
        "no public place is known that has {set}: {description}\nname one that has it: runner data fetch {set} --mirror URL"
    )]
    NoMirror {
        set: &'static str,
        description: &'static str,
    },
    #[error("{}: there already, and not what belongs to {set}: {why}\nmove it away, or fetch into another folder with --to", path.display())]
    Occupied {
        set: &'static str,
        path: PathBuf,
        why: String,
    },
    #[error("{}: another process is fetching into this folder\nwait until it ends, or stop it", path.display())]
    Busy { path: PathBuf },
    #[error(transparent)]
    Archive(archive::Error),
    #[error("{}: {needed} bytes are needed and {free} are free\nfree some space, or fetch into another folder with --to", path.display())]
    NoSpace {
        path: PathBuf,
        /// Bytes.
        needed: u64,
        free: u64,
    },
    #[error(transparent)]
    Io(#[from] IoError),
}

impl Error {
    /// Whether this machine is at fault, and not what was fetched or where from.
    pub fn is_local(&self) -> bool {
        matches!(
            self,
            Error::Io(_) | Error::NoSpace { .. } | Error::Archive(archive::Error::Io(_))
        )
    }
}

fn listed(failures: &[(String, String)]) -> String {
    let lines = failures
        .iter()
        .map(|(url, why)| format!("\n  {url}: {why}"));
    lines.collect()
}

/// The checksums of what came out of an archive.
const SUMS: &str = "fetched.sha256";

/// Fetches what is missing of a set into a folder, from `mirror/NAME` instead of the public places
/// if there is one; gives the number of files that were fetched. A file of another content is never
/// replaced.
pub fn fetch(
    set: &Set,
    folder: &Path,
    mirror: Option<&str>,
    options: &Options,
    observe: &mut dyn FnMut(Event),
) -> Result<usize, Error> {
    let mut missing = Vec::new();
    for file in set.files {
        match is_there(set, file, folder)? {
            true => {
                // Left by one that was interrupted at the very end.
                remove_leftovers(folder, file);
                observe(Event::There { name: file.name });
            }
            false => missing.push(file),
        }
    }
    if missing.is_empty() {
        return Ok(0);
    }
    let mirrors = match &mirror {
        Some(mirror) => std::slice::from_ref(mirror),
        None => set.mirrors,
    };
    if mirrors.is_empty() {
        return Err(Error::NoMirror {
            set: set.name,
            description: set.description,
        });
    }
    check_space(&missing, folder, options)?;
    let is_new = !folder.exists();
    fs::create_dir_all(folder).map_err(IoError::at("create", folder))?;
    let result = fetch_missing(set, &missing, folder, mirrors, options, observe);
    if is_new && result.is_err() {
        // Only an empty one goes.
        let _ = fs::remove_dir(folder);
    }
    result.map(|()| missing.len())
}

fn fetch_missing(
    set: &Set,
    missing: &[&Remote],
    folder: &Path,
    mirrors: &[&str],
    options: &Options,
    observe: &mut dyn FnMut(Event),
) -> Result<(), Error> {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(options.connect))
        .timeout_per_read(Some(options.stall))
        .user_agent(concat!("runner/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent();
    for file in missing {
        let mut download = Download {
            agent: &agent,
            options,
            file,
            part: Part::open(folder, file.name)?,
            observe,
        };
        download.try_all(set, mirrors)?;
        let part = download.part;
        let bytes = part.bytes;
        install(set, file, folder, part, options)?;
        observe(Event::Done {
            name: file.name,
            bytes,
        });
    }
    Ok(())
}

/// An archive is there twice while it is unpacked.
fn check_space(missing: &[&Remote], folder: &Path, options: &Options) -> Result<(), Error> {
    let bytes = missing.iter().map(|file| match file.members {
        [] => file.bytes,
        _ => file.bytes * 2,
    });
    let needed = bytes.sum();
    match options.free {
        Some(free) if free < needed => Err(Error::NoSpace {
            path: folder.to_owned(),
            needed,
            free,
        }),
        _ => Ok(()),
    }
}

/// Whether all that stays of a file is in the folder. An error if something else is in its place.
fn is_there(set: &Set, file: &Remote, folder: &Path) -> Result<bool, Error> {
    if !file.members.is_empty() {
        return are_members_there(set, file, folder);
    }
    let mut candidates = vec![(file.name, file.checksum)];
    // A plain file is read in preference to a packed one.
    if let (Checksum::Content { sha256, .. }, Some(plain)) =
        (file.checksum, file.name.strip_suffix(".gz"))
    {
        candidates.insert(0, (plain, Checksum::Archive { sha256 }));
    }
    for (name, checksum) in candidates {
        let path = folder.join(name);
        if let Some(opened) = open(&path)? {
            return match verify(&opened, &path, checksum) {
                Ok(()) => Ok(true),
                Err(failure) => Err(Error::Occupied {
                    set: set.name,
                    why: failure.why()?,
                    path,
                }),
            };
        }
    }
    Ok(false)
}

fn are_members_there(set: &Set, file: &Remote, folder: &Path) -> Result<bool, Error> {
    let sums = fs::read_to_string(folder.join(SUMS)).unwrap_or_default();
    let sums: Vec<_> = sums.lines().filter_map(|l| l.split_once("  ")).collect();
    let mut whole = true;
    for member in file.members {
        let path = folder.join(member.name);
        let sum = sums.iter().find(|(_, name)| *name == member.name);
        match (open(&path)?, sum) {
            (Some(opened), Some((sha256, _))) => {
                let found = sha256_of(&opened, u64::MAX);
                if found.map_err(IoError::at("read", &path))? != *sha256 {
                    let set = set.name;
                    let why = format!("its checksum is not the one in {SUMS}");
                    return Err(Error::Occupied { set, path, why });
                }
            }
            // What is there without a checksum is compared once there is something to compare.
            _ => whole = false,
        }
    }
    Ok(whole)
}

fn open(path: &Path) -> Result<Option<File>, Error> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(IoError::new("read", path, error).into()),
    }
}

/// Why a try did not succeed.
enum Failure {
    /// This mirror will not do.
    Mirror(String),
    /// The connection broke; the rest may come with another.
    Broken(String),
    /// The bytes are whole and wrong.
    Wrong(String),
    /// Nothing that another mirror could help.
    Local(Error),
}

impl Failure {
    fn why(self) -> Result<String, Error> {
        match self {
            Failure::Local(error) => Err(error),
            Failure::Mirror(why) | Failure::Broken(why) | Failure::Wrong(why) => Ok(why),
        }
    }
}

/// A file on its way.
struct Download<'a> {
    agent: &'a ureq::Agent,
    options: &'a Options,
    file: &'a Remote,
    part: Part,
    observe: &'a mut dyn FnMut(Event),
}

impl Download<'_> {
    fn try_all(&mut self, set: &Set, mirrors: &[&str]) -> Result<(), Error> {
        let mut failures: Vec<(String, String)> = Vec::new();
        for mirror in mirrors {
            if let Some((url, why)) = failures.last() {
                (self.observe)(Event::Trouble { url, why });
            }
            let url = format!("{}/{}", mirror.trim_end_matches('/'), self.file.name);
            match self.try_one(&url) {
                Ok(()) => return Ok(()),
                Err(failure) => failures.push((url, failure.why()?)),
            }
        }
        self.part.remove_if_empty();
        Err(Error::Mirrors {
            set: set.name,
            file: self.file.name,
            failures,
        })
    }

    /// All of the file, and right; asks again where that may help.
    fn try_one(&mut self, url: &str) -> Result<(), Failure> {
        let mut retries = self.options.retries;
        loop {
            let was_begun = self.part.bytes > 0;
            let result = self
                .transfer(url)
                .and_then(|()| self.part.verify(self.file));
            let why = match result {
                Ok(()) => return Ok(()),
                Err(Failure::Wrong(why)) => {
                    self.part.clear()?;
                    // What was begun may have been another file; this mirror may have the right one.
                    if !was_begun || retries == 0 {
                        return Err(Failure::Wrong(why));
                    }
                    why
                }
                Err(Failure::Broken(why)) if retries > 0 => why,
                Err(failure) => return Err(failure),
            };
            (self.observe)(Event::Trouble { url, why: &why });
            retries -= 1;
            std::thread::sleep(self.options.pause);
        }
    }

    /// What is missing of the part, or all of it if the server gives no less.
    fn transfer(&mut self, url: &str) -> Result<(), Failure> {
        let limit = most(self.file);
        if self.part.bytes > limit {
            self.part.clear()?;
        }
        if self.part.bytes == self.file.bytes {
            return Ok(());
        }
        // Asked for nothing else, a server may still call a .gz file gzip-encoded; nothing decodes it.
        let mut request = self.agent.get(url).header("Accept-Encoding", "identity");
        if self.part.bytes > 0 {
            request = request.header("Range", format!("bytes={}-", self.part.bytes));
        }
        let mut response = request.call().map_err(|error| self.failure(&error))?;
        let headers = response.headers();
        let length = header(headers, "content-length").and_then(|text| text.parse::<u64>().ok());
        let range = header(headers, "content-range").and_then(content_range);
        let total = match (response.status(), range) {
            (StatusCode::OK, _) => {
                self.part.clear()?;
                length
            }
            (StatusCode::PARTIAL_CONTENT, Some((Some(start), total)))
                if start == self.part.bytes =>
            {
                total.or(length.map(|length| start.saturating_add(length)))
            }
            (StatusCode::PARTIAL_CONTENT, _) => {
                self.part.clear()?;
                return Err(Failure::Broken(
                    "it sends another part than was asked for".to_owned(),
                ));
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, Some((None, Some(total))))
                if total == self.part.bytes =>
            {
                return Ok(());
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, _) => {
                self.part.clear()?;
                return Err(Failure::Broken(
                    "its file ends before the part that is here".to_owned(),
                ));
            }
            (status, _) => return Err(Failure::Mirror(status.to_string())),
        };
        let published = match self.file.checksum {
            Checksum::Archive { .. } => Some(self.file.bytes),
            Checksum::Content { .. } => None,
        };
        match (total, published) {
            (Some(total), Some(published)) if total != published => {
                let why = format!("its file has {total} bytes, not {published}");
                return Err(Failure::Mirror(why));
            }
            (Some(total), _) if total > limit => {
                let why = format!("its file has {total} bytes, and no more than {limit} can be");
                return Err(Failure::Mirror(why));
            }
            _ => {}
        }
        let whole = total.or(published);
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::Broken(self.broken(&error))),
            };
            if self.part.bytes + read as u64 > limit {
                self.part.clear()?;
                let why = format!("it sends more than the {limit} bytes that can be");
                return Err(Failure::Mirror(why));
            }
            self.part.append(&buffer[..read])?;
            (self.observe)(Event::Bytes {
                name: self.file.name,
                bytes: self.part.bytes,
                of: whole.unwrap_or(self.file.bytes),
            });
        }
        match whole {
            Some(whole) if self.part.bytes < whole => {
                let bytes = self.part.bytes;
                let why = format!("it ended after {bytes} of {whole} bytes");
                Err(Failure::Broken(why))
            }
            _ => Ok(()),
        }
    }

    /// What a request that got no answer says of its mirror.
    fn failure(&self, error: &ureq::Error) -> Failure {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect) => {
                Failure::Mirror(format!("no connection within {:?}", self.options.connect))
            }
            ureq::Error::Timeout(_) => Failure::Broken(self.stalled()),
            ureq::Error::Io(error) => match error.kind() {
                ErrorKind::ConnectionRefused => {
                    Failure::Mirror("the connection is refused".to_owned())
                }
                ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof => {
                    Failure::Broken("the connection broke before an answer came".to_owned())
                }
                // No address, no route.
                _ => Failure::Mirror(error.to_string()),
            },
            other => Failure::Mirror(other.to_string()),
        }
    }

    /// What ended an answer ahead of time.
    fn broken(&self, error: &io::Error) -> String {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(ureq::Error::Timeout(_)) => self.stalled(),
            _ if error.kind() == ErrorKind::UnexpectedEof => {
                format!("the connection broke after {} bytes", self.part.bytes)
            }
            _ => error.to_string(),
        }
    }

    fn stalled(&self) -> String {
        format!("not a byte for {:?}", self.options.stall)
    }
}

/// Bytes that a file has at most. The same content may be packed in other ways, but never be much
/// larger than it is unpacked.
fn most(file: &Remote) -> u64 {
    match file.checksum {
        Checksum::Archive { .. } => file.bytes,
        Checksum::Content { bytes, .. } => file.bytes.max(bytes + bytes / 1000 + 1024),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Start and total of `bytes 200-999/1000`, `bytes 200-999/*` or `bytes */1000`.
fn content_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-').map(|(start, _)| start.parse().ok());
    Some((start.flatten(), total.parse().ok()))
}

/// Compares a file, read from its beginning, with its checksum.
fn verify(mut file: &File, path: &Path, checksum: Checksum) -> Result<(), Failure> {
    let local = |error| Failure::Local(IoError::new("read", path, error).into());
    file.rewind().map_err(local)?;
    let (expected, found) = match checksum {
        Checksum::Archive { sha256 } => (sha256, sha256_of(file, u64::MAX).map_err(local)?),
        Checksum::Content { sha256, bytes } => {
            let unpacked = MultiGzDecoder::new(BufReader::new(file));
            let found = sha256_of(unpacked, bytes).map_err(|error| {
                Failure::Wrong(format!(
                    "not a gzip file of {bytes} bytes unpacked: {error}"
                ))
            })?;
            (sha256, found)
        }
    };
    match found == expected {
        true => Ok(()),
        false => Err(Failure::Wrong(format!(
            "its SHA-256 is {found}, not {expected}"
        ))),
    }
}

/// The digest of all that a reader gives; an error if that is more than `limit` bytes.
fn sha256_of(reader: impl Read, limit: u64) -> io::Result<String> {
    let mut reader = reader.take(limit.saturating_add(1));
    let mut buffer = vec![0; 1 << 16];
    let mut digest = Digest::default();
    loop {
        match reader.read(&mut buffer) {
            Ok(0) if reader.limit() == 0 => return Err(io::Error::other("there are more")),
            Ok(0) => return Ok(digest.hex()),
            Ok(read) => digest.update(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The beginning of a file, locked by this process.
struct Part {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Part {
    fn open(folder: &Path, name: &str) -> Result<Self, Error> {
        let path = part_path(folder, name);
        let failed = |error| IoError::new("write", &path, error);
        let mut options = File::options();
        let options = options.read(true).append(true).create(true);
        let file = options.open(&path).map_err(failed)?;
        // Some file systems have no locks: then without. And another process may have given the
        // part its name since it was opened.
        let is_locked = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        if is_locked || !path.exists() {
            return Err(Error::Busy { path });
        }
        let bytes = file.metadata().map_err(failed)?.len();
        Ok(Self { file, path, bytes })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file
            .write_all(bytes)
            .map_err(|error| Failure::Local(IoError::new("write", &self.path, error).into()))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Failure> {
        self.file
            .set_len(0)
            .map_err(|error| Failure::Local(IoError::new("write", &self.path, error).into()))?;
        self.bytes = 0;
        Ok(())
    }

    fn verify(&self, file: &Remote) -> Result<(), Failure> {
        verify(&self.file, &self.path, file.checksum)
    }

    /// A part of nothing would be of no use to anybody.
    fn remove_if_empty(&self) {
        if self.bytes == 0 {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Gives a whole and right file its name, or its members theirs.
fn install(
    set: &Set,
    file: &Remote,
    folder: &Path,
    part: Part,
    options: &Options,
) -> Result<(), Error> {
    if file.members.is_empty() {
        let synced = part.file.sync_all();
        synced.map_err(IoError::at("write", &part.path))?;
        files::rename(&part.path, &folder.join(file.name))?;
        return Ok(files::sync_folder(folder)?);
    }
    let unpacked = unpacked_path(folder, file.name);
    let kind = Kind::of(file.name);
    let result = archive::unpack(&part.path, kind, file.members, &unpacked, options.limits)
        .map_err(Error::Archive)
        .and_then(|files| publish(set, &files, &unpacked, folder));
    match &result {
        // The part is whole: once there is room for its members it need not be fetched again.
        Err(error) if error.is_local() || matches!(error, Error::Occupied { .. }) => {
            let _ = fs::remove_dir_all(&unpacked);
        }
        _ => remove_leftovers(folder, file),
    }
    result
}

fn part_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{TEMPORARY_PREFIX}{name}.part"))
}

fn unpacked_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{TEMPORARY_PREFIX}{name}.unpacked"))
}

/// Takes away what is of no more use; if that fails no harm is done.
fn remove_leftovers(folder: &Path, file: &Remote) {
    let _ = fs::remove_file(part_path(folder, file.name));
    let _ = fs::remove_dir_all(unpacked_path(folder, file.name));
}

/// Moves unpacked files into the folder; one that is there already with the same content stays.
fn publish(set: &Set, files: &[Unpacked], from: &Path, folder: &Path) -> Result<(), Error> {
    let mut sums = String::new();
    for file in files {
        let path = folder.join(&file.name);
        sums += &format!("{}  {}\n", file.sha256, file.name);
        match open(&path)? {
            None => files::rename(&from.join(&file.name), &path)?,
            Some(there) => {
                let found = sha256_of(there, u64::MAX).map_err(IoError::at("read", &path))?;
                if found != file.sha256 {
                    let why = format!("its SHA-256 is {found}, not {}", file.sha256);
                    let set = set.name;
                    return Err(Error::Occupied { set, path, why });
                }
            }
        }
    }
    let beside = from.join(SUMS);
    files::write_synced(&beside, sums.as_bytes())?;
    files::rename(&beside, &folder.join(SUMS))?;
    Ok(files::sync_folder(folder)?)
}
