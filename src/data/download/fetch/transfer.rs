//! Downloads one file over HTTP: from one mirror after the other, going on where the last try stopped.

use std::io::{self, ErrorKind, Read};

use ureq::http::{HeaderMap, StatusCode};

use super::error::{Error, Failure};
use super::options::{Event, Options};
use super::partial_file::PartialFile;
use crate::data::download::catalog::{Checksum, Remote, Set};

/// A file on its way.
pub(super) struct Download<'a> {
    /// With the time limits of `options`.
    pub agent: &'a ureq::Agent,
    /// How patient to be.
    pub options: &'a Options,
    /// What is wanted.
    pub file: &'a Remote,
    /// What is here of it.
    pub part: PartialFile,
    /// Is told of progress.
    pub observe: &'a mut dyn FnMut(Event),
}

impl Download<'_> {
    /// Downloads the file from the first mirror that has it.
    pub fn try_all(&mut self, set: &Set, mirrors: &[&str]) -> Result<(), Error> {
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
        let Answer::Body { total } = self.answer(response.status(), response.headers())? else {
            return Ok(());
        };
        let whole = self.expected_bytes(total, limit)?;
        self.receive(&mut response.body_mut().as_reader(), whole, limit)
    }

    /// What the head of an answer says of its body; prepares the part for it.
    fn answer(&mut self, status: StatusCode, headers: &HeaderMap) -> Result<Answer, Failure> {
        let length = header(headers, "content-length").and_then(|text| text.parse::<u64>().ok());
        let range = header(headers, "content-range").and_then(content_range);
        match (status, range) {
            (StatusCode::OK, _) => {
                self.part.clear()?;
                Ok(Answer::Body { total: length })
            }
            (StatusCode::PARTIAL_CONTENT, Some((Some(start), total)))
                if start == self.part.bytes =>
            {
                let total = total.or(length.map(|length| start.saturating_add(length)));
                Ok(Answer::Body { total })
            }
            (StatusCode::PARTIAL_CONTENT, _) => {
                self.part.clear()?;
                Err(Failure::Broken(
                    "it sent a different part than was requested".to_owned(),
                ))
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, Some((None, Some(total))))
                if total == self.part.bytes =>
            {
                Ok(Answer::NothingMissing)
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, _) => {
                self.part.clear()?;
                Err(Failure::Broken(
                    "its file is shorter than the part already fetched".to_owned(),
                ))
            }
            (status, _) => Err(Failure::Mirror(status.to_string())),
        }
    }

    /// The size of the whole file, as far as it is known; an error if it cannot be that of the right file.
    fn expected_bytes(&self, total: Option<u64>, limit: u64) -> Result<Option<u64>, Failure> {
        let published = match self.file.checksum {
            Checksum::Archive { .. } => Some(self.file.bytes),
            Checksum::Content { .. } => None,
        };
        match (total, published) {
            (Some(total), Some(published)) if total != published => {
                let why = format!("its file has {total} bytes, not {published}");
                Err(Failure::Mirror(why))
            }
            (Some(total), _) if total > limit => {
                let why =
                    format!("its file has {total} bytes, more than the {limit} expected at most");
                Err(Failure::Mirror(why))
            }
            _ => Ok(total.or(published)),
        }
    }

    /// Appends a body to the part.
    fn receive(
        &mut self,
        body: &mut impl Read,
        whole: Option<u64>,
        limit: u64,
    ) -> Result<(), Failure> {
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
                let why = format!("it sent more than the {limit} bytes expected at most");
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
                    Failure::Mirror("the connection was refused".to_owned())
                }
                ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof => {
                    Failure::Broken("the connection broke before a response arrived".to_owned())
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
        format!("no data for {:?}", self.options.stall)
    }
}

/// What the head of an answer promises.
enum Answer {
    /// Bytes to append to the part, and how long the whole file is, if that is said.
    Body { total: Option<u64> },
    /// The part is the whole file already.
    NothingMissing,
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
