//! A reader for tar files that may be hostile: a header can ask for all memory, so headers are limited.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// The headers between two members may take at most this many bytes.
const HEADER_BYTES: u64 = 1 << 20;

/// How many bytes may still be read. Clones share the number, so that it can be set while a reader is borrowed.
#[derive(Debug, Clone)]
pub struct Allowance(Rc<Cell<u64>>);

impl Allowance {
    /// From now on, only headers are to be read.
    pub fn for_headers(&self) {
        self.0.set(HEADER_BYTES);
    }

    /// From now on, anything may be read: the caller limits it.
    pub fn for_contents(&self) {
        self.0.set(u64::MAX);
    }
}

/// A reader that fails once its allowance is used up. It begins with headers.
pub struct Metered<R> {
    inner: R,
    allowance: Allowance,
}

impl<R> Metered<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        let allowance = Allowance(Rc::new(Cell::new(HEADER_BYTES)));
        Self { inner, allowance }
    }

    /// What may still be read.
    pub fn allowance(&self) -> Allowance {
        self.allowance.clone()
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.allowance.0.get();
        if left == 0 {
            let what = format!("more than {HEADER_BYTES} bytes without a member");
            return Err(io::Error::other(what));
        }
        let end = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut buffer[..end])?;
        self.allowance.0.set(left - read as u64);
        Ok(read)
    }
}
