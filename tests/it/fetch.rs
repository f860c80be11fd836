//! Fetching: whatever a server does, a file gets its name only if its checksum is right; whatever an
//! archive holds, nothing comes out of it but plain files in their folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use runner::data::archive::{self, ArchiveFormat, Limits};
use runner::data::catalog::{Checksum, Member, Remote, SETS, Set};
use runner::data::fetch::{Error, Event, Options, fetch};
use runner::digest;
use tempfile::TempDir;

use crate::support::{Sandbox, bundled, project};

const IMAGES: &str = "t10k-images-idx3-ubyte.gz";
const PART: &str = ".tmp-t10k-images-idx3-ubyte.gz.part";

// ------------------------------------------------------------------------------------ the server

/// A request for a file.
struct Request {
    file: String,
    /// What comes after `bytes=` and before the hyphen, in a header Range.
    from: Option<usize>,
    /// How many came before it.
    number: usize,
}

/// File and start of each request.
type Requests = Arc<Mutex<Vec<(String, Option<usize>)>>>;

/// Answers on this machine alone, one connection after the other, until it is dropped.
struct Server {
    url: String,
    /// So far.
    requests: Requests,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn new(
        answer: impl Fn(&Request, &mut TcpStream) -> std::io::Result<()> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Requests::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let (seen, over) = (Arc::clone(&requests), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                let number = seen.lock().unwrap().len();
                let Some(request) = read_request(&stream, number) else {
                    continue;
                };
                let line = (request.file.clone(), request.from);
                seen.lock().unwrap().push(line);
                // A client that has seen enough goes.
                let _ = answer(&request, &mut stream);
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        Self {
            url,
            requests,
            is_over,
            thread: Some(thread),
        }
    }

    /// A good one: it has these files and gives any part of them.
    fn of(files: Vec<(&'static str, Vec<u8>)>) -> Self {
        Self::new(move |request, stream| {
            match files.iter().find(|(name, _)| *name == request.file) {
                Some((_, bytes)) => part(stream, bytes, request.from.unwrap_or(0)),
                None => head(stream, "404 Not Found", &[]),
            }
        })
    }

    fn starts(&self) -> Vec<Option<usize>> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|(_, from)| *from).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.strip_prefix("http://").unwrap());
        let _ = self.thread.take().unwrap().join();
    }
}

fn read_request(stream: &TcpStream, number: usize) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let file = first.split(' ').nth(1)?.rsplit('/').next()?.to_owned();
    let mut from = None;
    for line in lines {
        let line = line.ok()?.to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.strip_suffix('-').unwrap().parse().ok();
        }
    }
    Some(Request { file, from, number })
}

fn head(stream: &mut TcpStream, status: &str, headers: &[(&str, &str)]) -> std::io::Result<()> {
    let headers = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = headers.collect();
    let length = match headers.to_lowercase().contains("content-length")
        || headers.contains("chunked")
        || status.starts_with("200")
    {
        true => "",
        false => "Content-Length: 0\r\n",
    };
    stream.write_all(
        format!("HTTP/1.1 {status}\r\nConnection: close\r\n{length}{headers}\r\n").as_bytes(),
    )
}

/// Head of an answer that has the bytes from `from` on.
fn part_head(stream: &mut TcpStream, bytes: &[u8], from: usize) -> std::io::Result<()> {
    let (left, total) = (bytes.len().saturating_sub(from), bytes.len());
    let length = left.to_string();
    match from {
        0 => head(stream, "200 OK", &[("Content-Length", &length)]),
        _ if left == 0 => {
            let range = format!("bytes */{total}");
            head(
                stream,
                "416 Range Not Satisfiable",
                &[("Content-Range", &range)],
            )
        }
        _ => {
            let range = format!("bytes {from}-{}/{total}", total - 1);
            let headers = [("Content-Length", &*length), ("Content-Range", &range)];
            head(stream, "206 Partial Content", &headers)
        }
    }
}

fn part(stream: &mut TcpStream, bytes: &[u8], from: usize) -> std::io::Result<()> {
    part_head(stream, bytes, from)?;
    stream.write_all(bytes.get(from..).unwrap_or_default())
}

/// An answer of no length, ended by the end of the connection.
fn endless_head(stream: &mut TcpStream) -> std::io::Result<()> {
    head(stream, "200 OK", &[])
}

// --------------------------------------------------------------------------------- what is fetched

/// The bundled file as it is on disk.
fn packed(name: &str) -> Vec<u8> {
    fs::read(project().join("data/digits").join(name)).unwrap()
}

/// The bundled images for evaluation, from these mirrors.
fn images(mirrors: &[&str]) -> Set {
    let digits = Set::find("digits").unwrap();
    let file = digits.files.iter().find(|file| file.name == IMAGES);
    set(*file.unwrap(), mirrors)
}

fn set(file: Remote, mirrors: &[&str]) -> Set {
    let mirrors: Vec<&'static str> = mirrors.iter().map(|mirror| leak(mirror)).collect();
    Set {
        name: "small",
        mirrors: mirrors.leak(),
        files: vec![file].leak(),
        ..*Set::find("digits").unwrap()
    }
}

fn leak(text: &str) -> &'static str {
    text.to_owned().leak()
}

/// Known as a whole, with two members.
fn archive_of(name: &'static str, bytes: &[u8]) -> Remote {
    Remote {
        name,
        bytes: bytes.len() as u64,
        checksum: Checksum::Archive {
            sha256: leak(&digest::of(bytes).hex()),
        },
        members: MEMBERS,
    }
}

const MEMBERS: &[Member] = &[
    Member {
        path: "set/train.bin",
        name: "train.bin",
    },
    Member {
        path: "set/test.bin",
        name: "eval.bin",
    },
];

/// Impatient.
fn options() -> Options {
    Options {
        stall: Duration::from_millis(300),
        pause: Duration::ZERO,
        ..Options::default()
    }
}

struct Fetched {
    folder: TempDir,
    result: Result<usize, Error>,
    /// What was wrong with mirrors on the way.
    troubles: Vec<String>,
}

impl Fetched {
    fn new(set: &Set) -> Self {
        Self::into(set, tempfile::tempdir().unwrap())
    }

    fn into(set: &Set, folder: TempDir) -> Self {
        let mut troubles = Vec::new();
        let mut observe = |event: Event| {
            if let Event::Trouble { why, .. } = event {
                troubles.push(why.to_owned());
            }
        };
        let result = fetch(set, folder.path(), None, &options(), &mut observe);
        Self {
            folder,
            result,
            troubles,
        }
    }

    /// The bundled images and nothing else are there.
    #[track_caller]
    fn whole(self) -> Self {
        let result = self.result.as_ref();
        assert_eq!(*result.unwrap_or_else(|error| panic!("{error}")), 1);
        let files = snapshot(self.folder.path());
        assert_eq!(names(&files), [IMAGES]);
        let packed = self.folder.path().join(IMAGES);
        assert_eq!(unpacked(&packed), bundled(IMAGES));
        self
    }

    /// An error that has all of these; gives what is left in the folder.
    #[track_caller]
    fn failed(self, parts: &[&str]) -> Vec<String> {
        let error = self.result.expect_err("it went well").to_string();
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in:\n{error}");
        }
        names(&snapshot(self.folder.path()))
    }

    #[track_caller]
    fn troubled(self, parts: &[&str]) -> Self {
        assert_eq!(self.troubles.len(), parts.len(), "{:?}", self.troubles);
        for (trouble, part) in self.troubles.iter().zip(parts) {
            assert!(trouble.contains(part), "{part:?} is not in {trouble:?}");
        }
        self
    }
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(File::open(path).unwrap());
    decoder.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Every file below a folder with its content, links and folders with what they are.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            let name = entry.path().strip_prefix(folder).unwrap().to_owned();
            let kind = entry.file_type().unwrap();
            assert!(kind.is_dir() || kind.is_file(), "{name:?} is {kind:?}");
            if kind.is_dir() {
                folders.push(entry.path());
                found.insert(name, b"a folder".to_vec());
            } else {
                assert_eq!(links(&entry.path()), 1, "{name:?}");
                found.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

#[cfg(unix)]
fn links(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(&fs::metadata(path).unwrap())
}

#[cfg(not(unix))]
fn links(_path: &Path) -> u64 {
    1
}

fn names(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    files
        .keys()
        .map(|name| name.display().to_string())
        .collect()
}

// --------------------------------------------------------------------------- servers good and bad

#[test]
fn a_whole_file_gets_its_name() {
    let server = Server::of(vec![(IMAGES, packed(IMAGES))]);
    let fetched = Fetched::new(&images(&[&server.url])).whole().troubled(&[]);
    // What is there and right is not asked for again.
    let again = Fetched::into(&images(&[&server.url]), fetched.folder);
    assert_eq!(again.result.unwrap(), 0);
    assert_eq!(server.starts(), [None]);
}

#[test]
fn the_same_content_packed_otherwise_is_as_good() {
    let repacked = gzip(&bundled(IMAGES), Compression::none());
    assert!(repacked.len() > packed(IMAGES).len());
    let server = Server::of(vec![(IMAGES, repacked)]);
    Fetched::new(&images(&[&server.url])).whole().troubled(&[]);
}

#[test]
fn a_part_is_gone_on_with() {
    let server = Server::of(vec![(IMAGES, packed(IMAGES))]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(PART), &packed(IMAGES)[..100_000]).unwrap();
    Fetched::into(&images(&[&server.url]), folder)
        .whole()
        .troubled(&[]);
    assert_eq!(server.starts(), [Some(100_000)]);
}

#[test]
fn a_part_of_another_file_is_noticed_and_fetched_anew() {
    let server = Server::of(vec![(IMAGES, packed(IMAGES))]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(PART), [7; 1000]).unwrap();
    let fetched = Fetched::into(&images(&[&server.url]), folder).whole();
    fetched.troubled(&["not a gzip file"]);
    assert_eq!(server.starts(), [Some(1000), None]);
}

#[test]
fn a_part_longer_than_the_file_is_fetched_anew() {
    let server = Server::of(vec![(IMAGES, packed(IMAGES))]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(PART), vec![7; 900_000]).unwrap();
    let fetched = Fetched::into(&images(&[&server.url]), folder).whole();
    fetched.troubled(&["its file is shorter than the part"]);
    assert_eq!(server.starts(), [Some(900_000), None]);
    // Longer than the file can ever be: nobody needs to be asked.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(PART), vec![7; 5_000_000]).unwrap();
    Fetched::into(&images(&[&server.url]), folder)
        .whole()
        .troubled(&[]);
}

#[test]
fn a_part_that_is_all_there_is_needs_no_more_bytes() {
    let repacked = gzip(&bundled(IMAGES), Compression::none());
    let server = Server::of(vec![(IMAGES, repacked.clone())]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(PART), &repacked).unwrap();
    Fetched::into(&images(&[&server.url]), folder)
        .whole()
        .troubled(&[]);
    assert_eq!(server.starts(), [Some(repacked.len())]);
}

#[test]
fn a_server_without_ranges_gives_all_of_it_again() {
    let server = Server::new(|_, stream| part(stream, &packed(IMAGES), 0));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(PART), &packed(IMAGES)[..100_000]).unwrap();
    Fetched::into(&images(&[&server.url]), folder)
        .whole()
        .troubled(&[]);
}

#[test]
fn another_part_than_was_asked_for_is_not_put_behind_the_first() {
    for range in [
        "bytes 0-784479/784480",
        "bytes 100001-784479/784480",
        "bytes x",
        "",
    ] {
        let server = Server::new(move |request, stream| match request.from {
            None => part(stream, &packed(IMAGES), 0),
            Some(from) => {
                let bytes = &packed(IMAGES)[from..];
                let length = bytes.len().to_string();
                let headers = [("Content-Length", &*length), ("Content-Range", range)];
                head(stream, "206 Partial Content", &headers)?;
                stream.write_all(bytes)
            }
        });
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(PART), &packed(IMAGES)[..100_000]).unwrap();
        let fetched = Fetched::into(&images(&[&server.url]), folder).whole();
        fetched.troubled(&["a different part than was requested"]);
    }
}

#[test]
fn a_connection_that_breaks_is_made_again_for_the_rest() {
    let server = Server::new(|request, stream| {
        let (bytes, from) = (packed(IMAGES), request.from.unwrap_or(0));
        part_head(stream, &bytes, from)?;
        // Three times no more than a quarter.
        let end = match request.number {
            0..3 => from + bytes.len() / 4,
            _ => bytes.len(),
        };
        stream.write_all(&bytes[from..end])
    });
    let fetched = Fetched::new(&images(&[&server.url])).whole();
    fetched.troubled(&["the connection broke after"; 3]);
    let quarter = packed(IMAGES).len() / 4;
    let starts = [None, Some(quarter), Some(2 * quarter), Some(3 * quarter)];
    assert_eq!(server.starts(), starts);
}

#[test]
fn a_server_that_always_breaks_is_left_for_the_next() {
    let half = packed(IMAGES).len() / 2;
    let bad = Server::new(move |_, stream| {
        part_head(stream, &packed(IMAGES), 0)?;
        stream.write_all(&packed(IMAGES)[..half])
    });
    let good = Server::of(vec![(IMAGES, packed(IMAGES))]);
    let fetched = Fetched::new(&images(&[&bad.url, &good.url])).whole();
    fetched.troubled(&["the connection broke after"; 4]);
    assert_eq!(bad.starts(), [None, Some(half), Some(half), Some(half)]);
    assert_eq!(good.starts(), [Some(half)]);
}

#[test]
fn a_server_that_stalls_is_left_and_what_came_is_kept() {
    let bad = Server::new(|request, stream| {
        if request.number == 0 {
            part_head(stream, &packed(IMAGES), 0)?;
            stream.write_all(&packed(IMAGES)[..100_000])?;
        }
        stream.flush()?;
        // Until the client goes, and no longer than a test may take.
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.read(&mut [0]).map(|_| ())
    });
    let start = Instant::now();
    let fetched = Fetched::new(&images(&[&bad.url])).troubled(&["no data for 300ms"; 3]);
    assert!(start.elapsed() < Duration::from_secs(10));
    let left = fetched.folder.path().join(PART);
    assert!(fs::read(left).unwrap() == packed(IMAGES)[..100_000]);
    assert_eq!(fetched.failed(&[&bad.url, "no data for 300ms"]), [PART]);
    assert_eq!(bad.starts()[1], Some(100_000));
}

#[test]
fn a_length_that_lies_is_noticed() {
    let good = Server::of(vec![(IMAGES, packed(IMAGES))]);
    // What was promised does not come; but what came is all there is.
    let long = Server::new(|_, stream| {
        let length = (packed(IMAGES).len() + 1000).to_string();
        head(stream, "200 OK", &[("Content-Length", &length)])?;
        stream.write_all(&packed(IMAGES))
    });
    let fetched = Fetched::new(&images(&[&long.url])).whole();
    fetched.troubled(&["the connection broke after 784480 bytes"]);
    // More comes than was promised: what was promised is no whole file.
    let short = Server::new(|_, stream| {
        head(stream, "200 OK", &[("Content-Length", "5000")])?;
        stream.write_all(&packed(IMAGES))
    });
    let fetched = Fetched::new(&images(&[&short.url, &good.url])).whole();
    fetched.troubled(&["not a gzip file"]);
    // More than any such file can have.
    let huge = Server::new(|_, stream| {
        head(
            stream,
            "200 OK",
            &[("Content-Length", "18446744073709551615")],
        )
    });
    let fetched = Fetched::new(&images(&[&huge.url, &good.url])).whole();
    fetched.troubled(&["has 18446744073709551615 bytes, more than the"]);
}

#[test]
fn a_server_that_never_ends_is_stopped() {
    let sent = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&sent);
    let server = Server::new(move |_, stream| {
        endless_head(stream)?;
        // A bound, lest a client without one takes the test down with it.
        for _ in 0..4000 {
            stream.write_all(&[7; 1 << 16])?;
            *counted.lock().unwrap() += 1 << 16;
        }
        Ok(())
    });
    let fetched = Fetched::new(&images(&[&server.url])).troubled(&[]);
    assert_eq!(fetched.failed(&["it sent more than the"]), [""; 0]);
    drop(server);
    assert!(*sent.lock().unwrap() < 100 << 20);
}

#[test]
fn other_bytes_never_get_the_name() {
    let other = gzip(&vec![0; bundled(IMAGES).len()], Compression::fast());
    let mut flipped = packed(IMAGES);
    *flipped.last_mut().unwrap() ^= 1;
    let bomb = gzip(&vec![0; 100 << 20], Compression::fast());
    let page = b"<html>Please log in to this network</html>".to_vec();
    let cases = [
        (other, "its SHA-256 is"),
        (flipped, "not a gzip file"),
        (bomb, "there are more"),
        (page, "not a gzip file"),
        (Vec::new(), "not a gzip file"),
    ];
    for (bytes, why) in cases {
        let bad = Server::of(vec![(IMAGES, bytes)]);
        let left = Fetched::new(&images(&[&bad.url])).troubled(&[]);
        assert_eq!(left.failed(&["cannot fetch", &bad.url, why]), [""; 0]);
        let good = Server::of(vec![(IMAGES, packed(IMAGES))]);
        Fetched::new(&images(&[&bad.url, &good.url])).whole();
        // Asked once and no more: it has shown what it has.
        assert_eq!(bad.starts(), [None, None]);
    }
}

#[test]
fn a_mirror_without_the_file_is_asked_once() {
    for status in ["404 Not Found", "403 Forbidden", "503 Service Unavailable"] {
        let bad = Server::new(move |_, stream| head(stream, status, &[]));
        let good = Server::of(vec![(IMAGES, packed(IMAGES))]);
        Fetched::new(&images(&[&bad.url, &good.url]))
            .whole()
            .troubled(&[status]);
        assert_eq!(bad.starts(), [None]);
    }
}

#[test]
fn every_mirror_that_failed_is_named_with_its_reason() {
    let missing = Server::new(|_, stream| head(stream, "404 Not Found", &[]));
    let other = Server::of(vec![(IMAGES, b"no such thing".to_vec())]);
    let dead = dead_address();
    let fetched = Fetched::new(&images(&[&missing.url, &other.url, &dead]));
    let left = fetched.failed(&[
        &format!("cannot fetch {IMAGES} of small:"),
        &format!("{}/{IMAGES}: 404 Not Found", missing.url),
        &format!("{}/{IMAGES}: not a gzip file", other.url),
        &format!("{dead}/{IMAGES}: the connection was refused"),
        "runner data fetch small --mirror URL",
    ]);
    assert_eq!(left, [""; 0]);
}

#[test]
fn redirects_are_followed_with_the_part_that_is_asked_for() {
    let good = Server::of(vec![(IMAGES, packed(IMAGES))]);
    let target = format!("{}/elsewhere/{IMAGES}", good.url);
    let server = Server::new(move |_, stream| head(stream, "302 Found", &[("Location", &target)]));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(PART), &packed(IMAGES)[..100_000]).unwrap();
    Fetched::into(&images(&[&server.url]), folder)
        .whole()
        .troubled(&[]);
    assert_eq!(good.starts(), [Some(100_000)]);

    let circle = Server::new(|request, stream| {
        head(
            stream,
            "302 Found",
            &[("Location", &format!("/{}", request.file))],
        )
    });
    let left = Fetched::new(&images(&[&circle.url])).failed(&["too many redirects"]);
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_file_of_another_content_is_never_replaced() {
    let server = Server::of(vec![(IMAGES, packed(IMAGES))]);
    let plain = IMAGES.strip_suffix(".gz").unwrap();
    for (name, bytes) in [(IMAGES, &packed(IMAGES)[..1000]), (plain, b"mine")] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let path = folder.path().join(name);
        let fetched = Fetched::into(&images(&[&server.url]), folder);
        assert_eq!(fs::read(&path).unwrap(), bytes);
        let told = path.display().to_string();
        assert_eq!(fetched.failed(&[&told, "move it away", "--to"]), [name]);
    }
    // The right one need not be packed.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(plain), bundled(IMAGES)).unwrap();
    let fetched = Fetched::into(&images(&[&server.url]), folder);
    assert_eq!(fetched.result.unwrap(), 0);
    assert_eq!(server.starts(), []);
}

#[test]
fn two_do_not_fetch_into_one_folder() {
    let server = Server::of(vec![(IMAGES, packed(IMAGES))]);
    let folder = tempfile::tempdir().unwrap();
    let other = File::create(folder.path().join(PART)).unwrap();
    other.lock().unwrap();
    let fetched = Fetched::into(&images(&[&server.url]), folder);
    assert_eq!(fetched.failed(&["another process"]), [PART]);
    assert_eq!(server.starts(), []);
}

#[test]
fn room_is_looked_for_ahead() {
    let server = Server::of(vec![(IMAGES, packed(IMAGES))]);
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        free: Some(1000),
        ..options()
    };
    let folder = folder.path().join("new");
    let error = fetch(
        &images(&[&server.url]),
        &folder,
        None,
        &options,
        &mut |_| {},
    )
    .unwrap_err();
    assert!(error.is_local());
    assert!(
        error
            .to_string()
            .contains("784480 bytes are needed, but only 1000 are free")
    );
    assert!(!folder.exists());
    assert_eq!(server.starts(), []);
}

// ------------------------------------------------------------------------------- sets in archives

#[test]
fn members_of_archives_get_their_names_and_their_checksums() {
    for (name, bytes) in [("set.tar.gz", good_tar_gz()), ("set.zip", good_zip())] {
        let server = Server::of(vec![(name, bytes.clone())]);
        let set = set(archive_of(name, &bytes), &[&server.url]);
        let fetched = Fetched::new(&set).troubled(&[]);
        assert_eq!(*fetched.result.as_ref().unwrap(), 1);
        let folder = fetched.folder.path();
        let expected = ["eval.bin", "fetched.sha256", "train.bin"];
        assert_eq!(names(&snapshot(folder)), expected);
        assert_eq!(fs::read(folder.join("train.bin")).unwrap(), TRAIN);
        assert_eq!(fs::read(folder.join("eval.bin")).unwrap(), EVAL);
        let sums = fs::read_to_string(folder.join("fetched.sha256")).unwrap();
        assert!(sums.contains(&format!("{}  train.bin\n", digest::of(TRAIN).hex())));
        assert!(set.is_in(folder));

        // All there, with what an interruption at the very end leaves.
        fs::write(folder.join(format!(".tmp-{name}.part")), b"left").unwrap();
        let again = Fetched::into(&set, fetched.folder);
        assert_eq!(*again.result.as_ref().unwrap(), 0);
        assert_eq!(names(&snapshot(again.folder.path())), expected);

        // One lost: it comes again, and the other stays as it is.
        fs::remove_file(again.folder.path().join("eval.bin")).unwrap();
        let again = Fetched::into(&set, again.folder);
        assert_eq!(*again.result.as_ref().unwrap(), 1);
        assert_eq!(names(&snapshot(again.folder.path())), expected);
        assert_eq!(server.starts(), [None, None]);

        // One damaged: that is for the user to decide, and nothing is asked for.
        fs::write(again.folder.path().join("train.bin"), b"mine").unwrap();
        let again = Fetched::into(&set, again.folder);
        assert_eq!(again.failed(&["train.bin", "move it away"]), expected);
        assert_eq!(server.starts(), [None, None]);
    }
}

#[test]
fn a_member_in_the_way_is_kept_and_so_is_the_archive() {
    let bytes = good_zip();
    let server = Server::of(vec![("set.zip", bytes.clone())]);
    let set = set(archive_of("set.zip", &bytes), &[&server.url]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eval.bin");
    fs::write(&path, b"mine").unwrap();
    let fetched = Fetched::into(&set, folder);
    assert!(matches!(fetched.result, Err(Error::Occupied { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    fs::remove_file(&path).unwrap();
    let again = Fetched::into(&set, fetched.folder);
    assert_eq!(*again.result.as_ref().unwrap(), 1);
    let expected = ["eval.bin", "fetched.sha256", "train.bin"];
    assert_eq!(names(&snapshot(again.folder.path())), expected);
    assert_eq!(server.starts(), [None]);
}

#[test]
fn an_archive_of_another_length_is_not_even_read() {
    let bytes = good_tar_gz();
    let longer = [&bytes[..], b"more"].concat();
    let bad = Server::of(vec![("set.tar.gz", longer)]);
    let good = Server::of(vec![("set.tar.gz", bytes.clone())]);
    let set = set(archive_of("set.tar.gz", &bytes), &[&bad.url, &good.url]);
    let fetched = Fetched::new(&set);
    assert_eq!(*fetched.result.as_ref().unwrap(), 1);
    fetched.troubled(&[&format!(
        "has {} bytes, not {}",
        bytes.len() + 4,
        bytes.len()
    )]);
}

#[test]
fn an_archive_of_no_stated_length_is_fetched_until_it_is_whole() {
    let bytes = good_tar_gz();
    let whole = bytes.clone();
    let server = Server::new(move |request, stream| match request.number {
        0 => {
            endless_head(stream)?;
            stream.write_all(&bytes[..50])
        }
        _ => part(stream, &bytes, request.from.unwrap_or(0)),
    });
    let fetched = Fetched::new(&set(archive_of("set.tar.gz", &whole), &[&server.url]));
    assert_eq!(*fetched.result.as_ref().unwrap(), 1);
    fetched.troubled(&["it ended after 50 of"]);
    assert_eq!(server.starts(), [None, Some(50)]);
}

#[test]
fn a_hostile_archive_with_the_right_checksum_leaves_nothing() {
    let bytes = tar_gz(&[entry("set/train.bin", TRAIN), entry("../eval.bin", EVAL)]);
    let server = Server::of(vec![("set.tar.gz", bytes.clone())]);
    let fetched = Fetched::new(&set(archive_of("set.tar.gz", &bytes), &[&server.url]));
    assert!(!fetched.result.as_ref().unwrap_err().is_local());
    let left = fetched.failed(&[
        "refused because of its member `../eval.bin`",
        "leaves its folder",
    ]);
    assert_eq!(left, [""; 0]);
}

// ------------------------------------------------------------------------------------ the program

#[test]
fn the_program_fetches_what_a_config_can_name() {
    let files = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"];
    let files = files
        .into_iter()
        .chain([IMAGES, "t10k-labels-idx1-ubyte.gz"]);
    let server = Server::of(files.map(|name| (name, packed(name))).collect());
    let sandbox = Sandbox::new();
    let fetch = ["data", "fetch", "digits", "--mirror", &server.url];
    sandbox
        .runner(&fetch)
        .success()
        .stdout_has(&[
            "digits is fetched, every file verified: data/digits",
            "data.path = \"data/digits\"\n  model.input = [1, 28, 28]\n",
            "CC BY-SA 3.0",
        ])
        .stderr_has(&["t10k-images-idx3-ubyte.gz: 766.09 KiB"]);
    let again = sandbox.runner(&fetch).success();
    let again = again.stdout_has(&["is already here, every file verified"]);
    again.stderr_has(&["t10k-images-idx3-ubyte.gz: already here"]);
    assert_eq!(server.starts().len(), 4);

    let elsewhere = [&fetch[..], &["--to", "my set", "-q"]].concat();
    let quiet = sandbox.runner(&elsewhere).success();
    assert_eq!((&*quiet.stdout, &*quiet.stderr), ("my set\n", ""));
    assert_eq!(snapshot(&sandbox.path("my set")).len(), 4);

    let listed = sandbox.runner(&["data", "list", "--csv"]).success().stdout;
    let digits = listed
        .lines()
        .find(|line| line.starts_with("digits,"))
        .unwrap();
    assert!(digits.starts_with("digits,10000,5000,10,1x28x28,,CC BY-SA 3.0,data/digits,"));
}

#[test]
fn an_unknown_name_is_an_error_with_a_guess() {
    let sandbox = Sandbox::new();
    for (typed, meant) in [
        ("mnits", "mnist"),
        ("Fashion_MNIST", "fashion-mnist"),
        ("cifar10", "cifar-10"),
    ] {
        let outcome = sandbox.runner(&["data", "fetch", typed]).code(2);
        outcome.stderr_has(&[
            &format!("unknown set `{typed}`"),
            &format!("did you mean {meant}?"),
            "emnist-digits, cifar-10, cifar-100",
        ]);
    }
    let outcome = sandbox.runner(&["data", "fetch", "imagenet"]).code(2);
    assert!(
        !outcome.stderr.contains("did you mean"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_mirror_is_an_address() {
    let sandbox = Sandbox::new();
    for mirror in ["localhost:8000", "/mnt/sets", "ftp://127.0.0.1/sets"] {
        let outcome = sandbox.runner(&["data", "fetch", "mnist", "--mirror", mirror]);
        let outcome = outcome.code(2);
        outcome.stderr_has(&[mirror, "http:// or https://", "copied into data/mnist"]);
    }
}

#[test]
fn a_connection_that_ends_without_an_answer_is_made_again() {
    let server = Server::new(|request, stream| match request.number {
        0 => Ok(()),
        _ => part(stream, &packed(IMAGES), 0),
    });
    let fetched = Fetched::new(&images(&[&server.url])).whole();
    fetched.troubled(&["the connection broke before a response arrived"]);
}

#[test]
fn a_fetch_that_fails_ends_with_4_and_leaves_no_trace() {
    let sandbox = Sandbox::new();
    let dead = dead_address();
    let other = Server::new(|_, stream| part(stream, b"something else", 0));
    for (mirror, why) in [
        (&*dead, "the connection was refused"),
        (&other.url, "not a gzip file"),
    ] {
        let outcome = sandbox
            .runner(&["data", "fetch", "mnist", "--mirror", mirror])
            .code(4);
        let outcome = outcome.stderr_has(&[
            "error: cannot fetch train-images-idx3-ubyte.gz of mnist:",
            mirror,
            why,
        ]);
        assert_eq!(outcome.stdout, "");
        assert!(!sandbox.path("data/mnist").exists());
    }
    let outcome = sandbox.runner(&["data", "fetch", "digits"]).code(4);
    outcome.stderr_has(&["no public source is known for digits", "bundled"]);
}

#[test]
fn a_fetch_that_is_killed_leaves_a_part_and_goes_on_with_it() {
    let sandbox = Sandbox::new();
    for (name, rest) in [
        ("train-images-idx3-ubyte", 7_840_016),
        ("train-labels-idx1-ubyte", 10_008),
        ("t10k-labels-idx1-ubyte", 5_008),
    ] {
        let bytes = bundled(&format!("{name}.gz"));
        assert_eq!(bytes.len(), rest);
        sandbox.write(&format!("here/{name}"), bytes);
    }
    let slow = Server::new(|_, stream| {
        part_head(stream, &packed(IMAGES), 0)?;
        stream.write_all(&packed(IMAGES)[..400_000])?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.read(&mut [0]).map(|_| ())
    });
    let arguments = ["data", "fetch", "digits", "--to", "here", "-q", "--mirror"];
    let mut child = sandbox
        .command(&[&arguments[..], &[&slow.url]].concat())
        .spawn()
        .unwrap();
    let path = sandbox.path("here").join(PART);
    let start = Instant::now();
    while fs::metadata(&path).map_or(0, |part| part.len()) < 400_000 {
        assert!(start.elapsed() < Duration::from_secs(20), "nothing comes");
        sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = snapshot(&sandbox.path("here"));
    assert_eq!(left.len(), 4, "{:?}", names(&left));
    assert!(!left.contains_key(Path::new(IMAGES)));
    let good = Server::of(vec![(IMAGES, packed(IMAGES))]);
    sandbox
        .runner(&[&arguments[..], &[&good.url]].concat())
        .success();
    assert_eq!(good.starts(), [Some(400_000)]);
    assert_eq!(
        unpacked(&sandbox.path("here").join(IMAGES)),
        bundled(IMAGES)
    );
}

#[test]
fn the_list_has_every_known_set() {
    let sandbox = Sandbox::new();
    let json = sandbox.runner(&["data", "list", "--json"]).success().stdout;
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), SETS.len());
    for (row, set) in rows.as_array().unwrap().iter().zip(SETS) {
        assert_eq!(row["name"], set.name);
        assert_eq!(row["here"], serde_json::Value::Null);
        assert_eq!(row["source"], set.source);
    }
    let list = sandbox.runner(&["data", "list"]).success();
    list.stdout_has(&["emnist-digits", "240000", "562", "3x32x32"]);
    let list = sandbox.runner(&["data", "list", "--markdown"]).success();
    list.stdout_has(&["| cifar-100 ", "| licence"]);
}

/// What a catalogue can have wrong without ever being fetched.
#[test]
fn the_known_sets_are_well_formed() {
    for set in SETS {
        assert_eq!(Set::find(set.name).unwrap().source, set.source);
        for mirror in set.mirrors {
            assert!(mirror.starts_with("http"), "{mirror}");
            assert!(!mirror.ends_with('/'), "{mirror}");
        }
        for file in set.files {
            let (Checksum::Content { sha256, .. } | Checksum::Archive { sha256 }) = file.checksum;
            assert_eq!(sha256.len(), 64, "{} of {}", file.name, set.name);
            let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
            assert!(sha256.chars().all(is_hex), "{} of {}", file.name, set.name);
            if let Checksum::Content { bytes, .. } = file.checksum {
                let images = set.images[usize::from(file.name.starts_with("t10k"))];
                let expected = match file.name.contains("images") {
                    true => 16 + images * set.shape[1] * set.shape[2],
                    false => 8 + images,
                };
                assert_eq!(bytes, expected, "{} of {}", file.name, set.name);
            }
        }
    }
}

/// What the catalogue says of the files that are here is so.
#[test]
fn the_bundled_set_is_what_the_catalogue_says() {
    let folder = project().join("data/digits");
    let digits = Set::find("digits").unwrap();
    assert!(digits.is_in(&folder));
    let fetched = fetch(digits, &folder, None, &options(), &mut |_| {});
    assert_eq!(fetched.unwrap(), 0);
    for file in digits.files {
        let path = folder.join(file.name);
        assert_eq!(
            fs::metadata(path).unwrap().len(),
            file.bytes,
            "{}",
            file.name
        );
    }
}

/// An address where nobody answers.
fn dead_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

// ------------------------------------------------------------------------------- hostile archives

const TRAIN: &[u8] = b"the pixels of training";
const EVAL: &[u8] = b"the pixels of evaluation";

/// A tar entry: its name, type, what it links to, content, and the size that its header states.
#[derive(Clone)]
struct Entry {
    name: Vec<u8>,
    kind: u8,
    link: Vec<u8>,
    content: Vec<u8>,
    size: u64,
}

fn entry(name: impl AsRef<[u8]>, content: &[u8]) -> Entry {
    Entry {
        name: name.as_ref().to_owned(),
        kind: b'0',
        link: Vec::new(),
        content: content.to_owned(),
        size: content.len() as u64,
    }
}

impl Entry {
    fn kind(mut self, kind: u8) -> Self {
        self.kind = kind;
        self
    }

    fn link(mut self, link: &str) -> Self {
        self.link = link.as_bytes().to_owned();
        self
    }

    fn size(mut self, size: u64) -> Self {
        self.size = size;
        self
    }

    /// Header and content, each in blocks of 512 bytes.
    fn bytes(&self) -> Vec<u8> {
        let mut header = [0; 512];
        let name = &self.name[..self.name.len().min(100)];
        header[..name.len()].copy_from_slice(name);
        header[100..108].copy_from_slice(b"0000644\0");
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        if self.size < 1 << 33 {
            header[124..136].copy_from_slice(format!("{:011o}\0", self.size).as_bytes());
        } else {
            // GNU's form for what octal digits cannot hold.
            header[124] = 0x80;
            header[128..136].copy_from_slice(&self.size.to_be_bytes());
        }
        header[136..148].copy_from_slice(b"00000000000\0");
        header[156] = self.kind;
        header[157..157 + self.link.len()].copy_from_slice(&self.link);
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut bytes = header.to_vec();
        bytes.extend(&self.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

/// A record of a PAX header: `LENGTH key=value`.
fn pax(key: &str, value: &str) -> Entry {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length.to_string().len() + rest.len() != length {
        length += 1;
    }
    entry("pax", format!("{length}{rest}").as_bytes()).kind(b'x')
}

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(Entry::bytes).collect();
    bytes.extend([0; 1024]);
    bytes
}

fn gzip(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar_gz(entries: &[Entry]) -> Vec<u8> {
    gzip(&tar(entries), Compression::fast())
}

fn good_entries() -> [Entry; 2] {
    [entry("set/train.bin", TRAIN), entry("set/test.bin", EVAL)]
}

fn good_tar_gz() -> Vec<u8> {
    let [train, eval] = good_entries();
    let folder = entry("set/", b"").kind(b'5');
    tar_gz(&[folder, train, entry("set/readme", b"not wanted"), eval])
}

/// A zip member, whose headers can say something else each.
#[derive(Clone)]
struct Zipped {
    name: Vec<u8>,
    local_name: Vec<u8>,
    content: Vec<u8>,
    /// Stored as it is, or deflated.
    method: u16,
    crc: u32,
    size: u32,
    local_size: u32,
    /// Kind and permissions under Unix.
    mode: u32,
    flags: u16,
    /// The local header that the directory names, if it is not its own.
    offset: Option<u32>,
}

fn zipped(name: impl AsRef<[u8]>, content: &[u8]) -> Zipped {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    Zipped {
        name: name.as_ref().to_owned(),
        local_name: name.as_ref().to_owned(),
        content: content.to_owned(),
        method: 8,
        crc: crc.sum(),
        size: content.len() as u32,
        local_size: content.len() as u32,
        mode: 0o100_644,
        flags: 0,
        offset: None,
    }
}

fn zip(members: &[Zipped]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let offset = member.offset.unwrap_or(bytes.len() as u32);
        let packed = match member.method {
            8 => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&member.content).unwrap();
                encoder.finish().unwrap()
            }
            _ => member.content.clone(),
        };
        // Version, flags, method, time, date, checksum, sizes, length of the name, no extra field.
        let common = |size: u32, name: &[u8]| {
            let mut header = Vec::new();
            for word in [20, member.flags, member.method, 0, 0x21] {
                header.extend(u16::to_le_bytes(word));
            }
            for word in [member.crc, packed.len() as u32, size] {
                header.extend(word.to_le_bytes());
            }
            header.extend((name.len() as u16).to_le_bytes());
            header.extend([0, 0]);
            header
        };
        bytes.extend(b"PK\x03\x04");
        bytes.extend(common(member.local_size, &member.local_name));
        bytes.extend(&member.local_name);
        bytes.extend(&packed);
        directory.extend(b"PK\x01\x02");
        // Made by version 3.0 under Unix.
        directory.extend([30, 3]);
        directory.extend(common(member.size, &member.name));
        directory.extend([0; 6]);
        directory.extend((member.mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(&member.name);
    }
    let (start, length) = (bytes.len() as u32, directory.len() as u32);
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend((members.len() as u16).to_le_bytes());
    bytes.extend((members.len() as u16).to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

fn good_members() -> [Zipped; 2] {
    [zipped("set/train.bin", TRAIN), zipped("set/test.bin", EVAL)]
}

fn good_zip() -> Vec<u8> {
    let [train, eval] = good_members();
    let folder = Zipped {
        mode: 0o040_755,
        method: 0,
        ..zipped("set/", b"")
    };
    zip(&[folder, train, zipped("set/readme", b"not wanted"), eval])
}

/// Unpacks into a folder between others; whatever comes of it, those stay as they were and no link
/// is anywhere.
fn unpack(
    format: ArchiveFormat,
    bytes: &[u8],
    members: &[Member],
) -> Result<BTreeMap<PathBuf, Vec<u8>>, String> {
    let limits = Limits {
        members: 20,
        member_bytes: 1 << 20,
        total_bytes: 3 << 19,
    };
    let outside = tempfile::tempdir().unwrap();
    let root = outside.path().join("a/b");
    fs::create_dir_all(&root).unwrap();
    fs::write(outside.path().join("sentinel"), b"as it was").unwrap();
    fs::write(root.join("sentinel"), b"as it was").unwrap();
    let archive = root.join("archive");
    fs::write(&archive, bytes).unwrap();
    let before = snapshot(outside.path());
    let destination = root.join("unpacked");
    let result = archive::unpack(&archive, format, members, &destination, limits);
    let inside = match result {
        Ok(_) => {
            let inside = snapshot(&destination);
            fs::remove_dir_all(&destination).unwrap();
            Ok(inside)
        }
        // Nothing half made remains.
        Err(error) => Err(error.to_string()),
    };
    assert_eq!(names(&snapshot(outside.path())), names(&before));
    assert!(snapshot(outside.path()) == before);
    inside
}

/// Hostile names, as members that are not wanted and as members that are; and why they are refused.
const HOSTILE_NAMES: &[(&str, &str)] = &[
    ("../x", "leaves its folder"),
    ("a/../../x", "leaves its folder"),
    ("set/..", "leaves its folder"),
    ("..", "leaves its folder"),
    (
        "a/b/../../../../../../../../../../tmp/x",
        "leaves its folder",
    ),
    ("/tmp/runner-hostile", "absolute"),
    ("//tmp/runner-hostile", "absolute"),
    ("..\\x", "backslash"),
    ("C:\\x", "backslash"),
    ("\\\\host\\share\\x", "backslash"),
    ("C:x", "colon"),
    ("set/train.bin:stream", "colon"),
];

#[test]
fn hostile_names_are_refused() {
    for (name, why) in HOSTILE_NAMES {
        let wanted = [Member {
            path: name,
            name: "x",
        }];
        let [train, eval] = good_entries();
        let tar = tar_gz(&[train, eval, entry(name, b"evil")]);
        let [train, eval] = good_members();
        let zip = zip(&[train, eval, zipped(name, b"evil")]);
        for (kind, bytes) in [(ArchiveFormat::TarGz, tar), (ArchiveFormat::Zip, zip)] {
            for members in [MEMBERS, &wanted] {
                let error = unpack(kind, &bytes, members).unwrap_err();
                assert!(error.contains(why), "{name}: {error}");
                let told = format!("member `{}`", name.escape_debug());
                assert!(error.contains(&told), "{name}: {error}");
            }
        }
    }
}

#[test]
fn hostile_tar_files_are_refused() {
    let [train, eval] = good_entries();
    let long = "x".repeat(2000);
    let with = |entries: &[Entry]| {
        let (first, last) = (slice::from_ref(&train), slice::from_ref(&eval));
        tar(&[first, entries, last].concat())
    };
    let whole = tar(&[train.clone(), eval.clone()]);
    let mut bad_sum = whole.clone();
    bad_sum[0] = b'S';
    let mut bad_size = whole.clone();
    bad_size[124..136].copy_from_slice(b"zzzzzzzzzzz\0");
    let many: Vec<Entry> = (0..30).map(|n| entry(format!("set/{n}"), b"")).collect();
    let large = vec![0; 1 << 20];
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("symbolic link", with(&[entry("link", b"").kind(b'2').link("/etc")]), "a symbolic link"),
        ("file through a symbolic link", tar(&[entry("set", b"").kind(b'2').link("../.."), train.clone(), eval.clone()]), "a symbolic link"),
        ("symbolic link in place of a wanted file", tar(&[entry("set/train.bin", b"").kind(b'2').link("/etc/passwd"), eval.clone()]), "a symbolic link"),
        ("hard link", with(&[entry("hard", b"").kind(b'1').link("../sentinel")]), "a hard link"),
        ("hard link in place of a wanted file", tar(&[train.clone(), entry("set/test.bin", b"").kind(b'1').link("../sentinel")]), "a hard link"),
        ("character device", with(&[entry("null", b"").kind(b'3')]), "a device"),
        ("block device", with(&[entry("disk", b"").kind(b'4')]), "a device"),
        ("pipe", with(&[entry("pipe", b"").kind(b'6')]), "a device or a pipe"),
        ("contiguous file", with(&[entry("c", b"").kind(b'7')]), "of type '7'"),
        ("sparse file", with(&[entry("s", b"").kind(b'S')]), "sparse"),
        ("unknown type", with(&[entry("z", b"").kind(b'Z')]), "of type 'Z'"),
        ("name twice", with(slice::from_ref(&train)), "occurs twice"),
        ("name twice, written otherwise", with(&[entry("./set//train.bin", b"evil")]), "occurs twice"),
        ("folder and file of one name", with(&[entry("set/train.bin/", b"").kind(b'5')]), "occurs twice"),
        ("not UTF-8", with(&[entry(b"set/\xff\xfe", b"")]), "not UTF-8"),
        ("long name of PAX out of the folder", with(&[pax("path", "../x"), entry("ok", b"")]), "leaves its folder"),
        ("long name of GNU out of the folder", with(&[entry("././@LongLink", b"../x\0").kind(b'L'), entry("ok", b"")]), "leaves its folder"),
        ("long link of GNU", with(&[entry("././@LongLink", b"/etc\0").kind(b'K'), entry("ok", b"").kind(b'2')]), "a symbolic link"),
        ("NUL by PAX", with(&[pax("path", "set/a\0b"), entry("ok", b"")]), "NUL"),
        ("very long name of PAX", with(&[pax("path", &long), entry("ok", b"")]), "longer than 1024"),
        ("very long name of GNU", with(&[entry("././@LongLink", long.as_bytes()).kind(b'L'), entry("ok", b"")]), "longer than 1024"),
        ("two long names for one file", with(&[entry("l", b"a\0").kind(b'L'), entry("l", b"b\0").kind(b'L'), entry("ok", b"")]), "two long name"),
        ("long name for nothing", tar(&[train.clone(), eval.clone(), entry("l", b"a\0").kind(b'L')]), "future member"),
        ("a long name of megabytes", with(&[entry("l", &[large.clone(), large.clone()].concat()).kind(b'L'), entry("ok", b"")]), "without a member"),
        ("a PAX header of megabytes", with(&[entry("l", &[large.clone(), large.clone()].concat()).kind(b'x'), entry("ok", b"")]), "without a member"),
        ("huge declared size", with(&[entry("set/big", b"").size(1 << 40)]), "truncated"),
        ("largest declared size", with(&[entry("set/big", b"").size(u64::MAX)]), "size overflow"),
        ("huge declared size of a wanted file", tar(&[train.clone().size(1 << 40), eval.clone()]), "truncated"),
        ("huge size by PAX", with(&[pax("size", "1099511627776"), entry("ok", b"")]), "truncated"),
        ("member too large", with(&[entry("set/big", &[&large[..], b"x"].concat())]), "more than 1048576 bytes"),
        ("wanted member too large", tar(&[entry("set/train.bin", &[&large[..], b"x"].concat()), eval.clone()]), "more than 1048576 bytes"),
        ("all too large", with(&[entry("set/a", &large), entry("set/b", &large)]), "more than 1572864 bytes"),
        ("too many members", with(&many), "more than 20 members"),
        ("a wanted member missing", tar(slice::from_ref(&train)), "it does not contain `set/test.bin`"),
        ("a folder in place of a wanted file", tar(&[train.clone(), entry("set/test.bin/", b"").kind(b'5')]), "it does not contain `set/test.bin`"),
        ("header checksum", bad_sum, "checksum"),
        ("size of no digits", bad_size, "damaged archive"),
        ("nothing but zeros", vec![0; 10240], "it does not contain `set/train.bin`"),
        ("zeros without end", [whole.clone(), vec![0; 3 << 20]].concat(), "without a member"),
        ("half a header", whole[..300].to_vec(), "damaged archive"),
        ("half a member", whole[..518].to_vec(), "truncated"),
        ("no end", Vec::new(), "it does not contain `set/train.bin`"),
    ];
    for (what, bytes, why) in &cases {
        let error = unpack(
            ArchiveFormat::TarGz,
            &gzip(bytes, Compression::fast()),
            MEMBERS,
        );
        let error = error.expect_err(what);
        assert!(error.contains(why), "{what}: {error}");
    }
    // The same with the packing damaged.
    let packed = gzip(&whole, Compression::fast());
    for length in [
        0,
        5,
        15,
        packed.len() / 2,
        packed.len() - 8,
        packed.len() - 1,
    ] {
        let error = unpack(ArchiveFormat::TarGz, &packed[..length], MEMBERS).unwrap_err();
        assert!(
            error.contains("truncated") || length == 0,
            "{length}: {error}"
        );
    }
    let mut flipped = packed.clone();
    *flipped.last_mut().unwrap() ^= 1;
    unpack(ArchiveFormat::TarGz, &flipped, MEMBERS).unwrap_err();
    unpack(ArchiveFormat::TarGz, &whole, MEMBERS).unwrap_err();
}

#[test]
fn hostile_zip_files_are_refused() {
    let [train, eval] = good_members();
    let with = |member: Zipped| zip(&[train.clone(), member, eval.clone()]);
    let whole = zip(&[train.clone(), eval.clone()]);
    let link = |name: &str, to: &str| Zipped {
        mode: 0o120_777,
        method: 0,
        ..zipped(name, to.as_bytes())
    };
    let device = |kind: u32| Zipped {
        mode: kind,
        ..zipped("device", b"")
    };
    let mut bad_count = whole.clone();
    let end = whole.len();
    bad_count[end - 12..end - 10].copy_from_slice(&9u16.to_le_bytes());
    bad_count[end - 14..end - 12].copy_from_slice(&9u16.to_le_bytes());
    let many = (0..30)
        .map(|n| zipped(format!("set/{n}"), b""))
        .collect::<Vec<_>>();
    let bomb = vec![0; (1 << 20) + 1];
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("symbolic link", with(link("link", "/etc")), "a link or a device"),
        ("symbolic link in place of a wanted file", zip(&[link("set/train.bin", "/etc/passwd"), eval.clone()]), "a link or a device"),
        ("file through a symbolic link", zip(&[link("set", "../.."), train.clone(), eval.clone()]), "a link or a device"),
        ("character device", with(device(0o020_666)), "a link or a device"),
        ("block device", with(device(0o060_666)), "a link or a device"),
        ("pipe", with(device(0o010_666)), "a link or a device"),
        ("socket", with(device(0o140_666)), "a link or a device"),
        ("NUL in a name", with(zipped(b"set/a\0b", b"")), "NUL"),
        ("not UTF-8", with(zipped(b"set/\xff\xfe", b"")), "not UTF-8"),
        ("very long name", with(zipped("x".repeat(2000), b"")), "longer than 1024"),
        ("name twice", with(train.clone()), "the same name"),
        ("name twice, written otherwise", with(zipped("./set//train.bin", b"evil")), "occurs twice"),
        ("bomb", zip(&[zipped("set/train.bin", &bomb), eval.clone()]), "more than 1048576 bytes"),
        ("bomb that says it is small", zip(&[Zipped { size: 10, local_size: 10, ..zipped("set/train.bin", &bomb) }, eval.clone()]), "larger than its declared"),
        ("two bombs", zip(&[zipped("set/train.bin", &bomb[1..]), zipped("set/test.bin", &bomb[1..])]), "more than 1572864 bytes"),
        ("huge declared size", zip(&[Zipped { size: u32::MAX - 1, local_size: u32::MAX - 1, ..train.clone() }, eval.clone()]), "does not have the 4294967294 bytes"),
        ("members that share their bytes", zip(&[train.clone(), Zipped { offset: Some(0), ..eval.clone() }]), "overlap"),
        ("member behind the end", zip(&[train.clone(), Zipped { offset: Some(1 << 30), ..eval.clone() }]), "not a valid zip"),
        ("wrong checksum", zip(&[Zipped { crc: 1, ..train.clone() }, eval.clone()]), "damaged archive"),
        ("encrypted", zip(&[Zipped { flags: 1, ..train.clone() }, eval.clone()]), "not a valid zip"),
        ("unknown method", zip(&[Zipped { method: 99, ..train.clone() }, eval.clone()]), "method not supported"),
        ("too many members", zip(&[&many[..], &good_members()[..]].concat()), "more than 20 members"),
        ("a wanted member missing", zip(slice::from_ref(&train)), "it does not contain `set/test.bin`"),
        ("a folder in place of a wanted file", zip(&[train.clone(), zipped("set/test.bin/", b"")]), "it does not contain `set/test.bin`"),
        ("more members counted than there are", bad_count, "not a valid zip"),
        ("no zip at all", b"<html>Please log in</html>".to_vec(), "not a valid zip"),
        ("nothing", Vec::new(), "not a valid zip"),
    ];
    for (what, bytes, why) in &cases {
        let error = unpack(ArchiveFormat::Zip, bytes, MEMBERS).expect_err(what);
        assert!(error.contains(why), "{what}: {error}");
    }
    for length in [10, 40, whole.len() / 2, whole.len() - 22, whole.len() - 1] {
        unpack(ArchiveFormat::Zip, &whole[..length], MEMBERS).unwrap_err();
    }
}

#[test]
fn sound_archives_unpack() {
    let expected = BTreeMap::from([
        (PathBuf::from("train.bin"), TRAIN.to_vec()),
        (PathBuf::from("eval.bin"), EVAL.to_vec()),
    ]);
    let [train, eval] = good_entries();
    let global = entry("pax_global_header", b"17 comment=older\n").kind(b'g');
    let old = Entry {
        kind: 0,
        ..train.clone()
    };
    let dotted = entry("./set/test.bin", EVAL);
    let long = [pax("path", "set/test.bin"), entry("cut", EVAL)];
    let tars = [
        good_tar_gz(),
        tar_gz(&[global, train.clone(), eval.clone()]),
        tar_gz(&[old, dotted]),
        tar_gz(&[slice::from_ref(&train), &long[..]].concat()),
        // Without the blocks that end it, as some programs write.
        gzip(&[train.bytes(), eval.bytes()].concat(), Compression::best()),
    ];
    for bytes in tars {
        assert_eq!(
            unpack(ArchiveFormat::TarGz, &bytes, MEMBERS).unwrap(),
            expected
        );
    }
    let [train, eval] = good_members();
    let stored = Zipped {
        method: 0,
        ..train.clone()
    };
    // The directory at the end says what members are called, and nothing else does.
    let other = Zipped {
        local_name: b"../../../x.bin".to_vec(),
        ..train
    };
    for bytes in [
        good_zip(),
        zip(&[stored, eval.clone()]),
        zip(&[other, eval]),
    ] {
        assert_eq!(
            unpack(ArchiveFormat::Zip, &bytes, MEMBERS).unwrap(),
            expected
        );
    }
    // A folder of that name, of which nobody knows what it is, goes first.
    let folder = tempfile::tempdir().unwrap();
    let (archive, into) = (folder.path().join("a"), folder.path().join("b"));
    fs::write(&archive, good_zip()).unwrap();
    fs::create_dir(&into).unwrap();
    fs::write(into.join("left"), b"").unwrap();
    archive::unpack(
        &archive,
        ArchiveFormat::Zip,
        MEMBERS,
        &into,
        Limits::default(),
    )
    .unwrap();
    assert_eq!(names(&snapshot(&into)), ["eval.bin", "train.bin"]);
}
