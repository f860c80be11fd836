//! The memory of all decoders at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// What a decoder may take without a question, in bytes. All together may take as much for each thread.
pub const OF_A_DECODER: u64 = 64 << 20;

/// Bytes that all together may take at most, where that is less.
static LIMIT: AtomicU64 = AtomicU64::new(u64::MAX);

/// Bytes that are taken.
static TAKEN: Mutex<u64> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

/// Memory that is given back when this is dropped.
#[derive(Debug)]
pub struct Taken(u64);

/// Limits all decoders together to so many bytes, because the machine or the job has no more.
pub fn limit(bytes: u64) {
    LIMIT.store(bytes, Ordering::Relaxed);
}

/// Waits until so many bytes are free. What is more than all of them goes alone. Whoever has some must not wait for
/// more.
pub fn take(bytes: u64) -> Taken {
    let of_threads = OF_A_DECODER * rayon::current_num_threads() as u64;
    let all = of_threads.min(LIMIT.load(Ordering::Relaxed));
    let bytes = bytes.min(all);
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = GIVEN_BACK.wait_while(taken, |taken| *taken + bytes > all);
    *waited.unwrap_or_else(PoisonError::into_inner) += bytes;
    Taken(bytes)
}

impl Drop for Taken {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
        GIVEN_BACK.notify_all();
    }
}
