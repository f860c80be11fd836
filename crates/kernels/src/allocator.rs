//! Memory from the system. Where there is none, the program ends with an error that says what to do: Rust would abort.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::{self, Write};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The system's allocator, for a program whose users are told what to do once memory is refused.
#[derive(Debug, Clone, Copy)]
pub struct Allocator;

thread_local! {
    static IS_FALLIBLE: Cell<bool> = const { Cell::new(false) };
}

/// What is done before the program ends for want of memory, given the bytes that were refused.
type LastWords = Box<dyn FnOnce(usize) + Send>;

/// With memory that is given back for it.
static LAST_WORDS: Mutex<Option<(Vec<u8>, LastWords)>> = Mutex::new(None);
/// Enough for a few small allocations, and so much that the system gets it back.
const RESERVE: usize = 1 << 20;
/// Whether the program is ending.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Sets what is done before the program ends because memory was refused, in place of what was set before. It may
/// ask for little memory, and must not wait for a lock.
pub fn before_the_end(work: impl FnOnce(usize) + Send + 'static) {
    let words = (vec![0; RESERVE], Box::new(work) as LastWords);
    *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
}

/// Nothing is done any more.
pub fn nothing_before_the_end() {
    *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Does something that asks for memory by `Vec::try_reserve` or the like, and is told where it is refused.
pub fn fallibly<T>(work: impl FnOnce() -> T) -> T {
    let before = IS_FALLIBLE.replace(true);
    let result = work();
    IS_FALLIBLE.set(before);
    result
}

/// `length` zeros, which take up memory only as they are written; `None` where so much is refused.
pub fn zeroed_bytes(length: usize) -> Option<Vec<u8>> {
    let layout = Layout::array::<u8>(length).ok()?;
    if length == 0 {
        return Some(Vec::new());
    }
    // SAFETY: the layout is not empty.
    let memory = fallibly(|| unsafe { std::alloc::alloc_zeroed(layout) });
    // SAFETY: so many bytes of the global allocator, and all of them are zero.
    (!memory.is_null()).then(|| unsafe { Vec::from_raw_parts(memory, length, length) })
}

// SAFETY: everything is the system's; of its results only null pointers are looked at.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        given(unsafe { System.realloc(memory, layout, size) }, size)
    }
}

#[inline]
fn given(memory: *mut u8, bytes: usize) -> *mut u8 {
    if memory.is_null() {
        refused(bytes);
    }
    memory
}

/// Ends the program, unless somebody is there to be told.
#[cold]
fn refused(bytes: usize) {
    if IS_FALLIBLE.try_with(Cell::get).unwrap_or(false) {
        return;
    }
    thread_local! {
        static HAS_BEGUN: Cell<bool> = const { Cell::new(false) };
    }
    // Even for the end there was no memory.
    if HAS_BEGUN.replace(true) {
        std::process::exit(1);
    }
    if IS_ENDING.swap(true, Ordering::Relaxed) {
        // Another thread is about to end it.
        std::thread::sleep(Duration::from_secs(10));
        std::process::exit(1);
    }
    let mut text = Text::default();
    let _ = write!(
        text,
        "error: out of memory: {bytes} bytes more cannot be had\n\
         use a smaller data.memory_limit or training.batch_size, fewer --threads, or give the job more memory \
         (the limit of its container or batch job, or ulimit -v)\n"
    );
    text.print();
    // Who is just setting it has not written anything yet.
    let words = LAST_WORDS.try_lock().ok().and_then(|mut it| it.take());
    if let Some((reserve, work)) = words {
        drop(reserve);
        work(bytes);
    }
    std::process::exit(1);
}

/// A short text without memory of its own.
struct Text {
    bytes: [u8; 512],
    length: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            bytes: [0; 512],
            length: 0,
        }
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let length = text.len().min(room.len());
        room[..length].copy_from_slice(&text.as_bytes()[..length]);
        self.length += length;
        Ok(())
    }
}

impl Text {
    /// Writes it to stderr, whoever else is just writing there.
    #[cfg(unix)]
    fn print(&self) {
        use std::fs::File;
        use std::mem::ManuallyDrop;
        use std::os::fd::FromRawFd;

        // SAFETY: the descriptor is stderr's, and stays open, as the file is not dropped.
        let mut stderr = ManuallyDrop::new(unsafe { File::from_raw_fd(2) });
        let _ = stderr.write_all(&self.bytes[..self.length]);
    }

    #[cfg(not(unix))]
    fn print(&self) {
        let _ = std::io::stderr().write_all(&self.bytes[..self.length]);
    }
}
