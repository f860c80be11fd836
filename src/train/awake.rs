//! Keeps Rayon's threads awake while a loop runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A thread that finds no work for longer than this waits for a batch, not for the next operation.
const PATIENCE: Duration = Duration::from_millis(1);
const NAP: Duration = Duration::from_micros(100);

/// Runs `work` on one of the threads that compute, and keeps the others awake: between two operations of a
/// step there is less time than it takes to wake a thread.
pub(super) fn run_awake<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    // With more threads than processors, a waiting thread would only take time from a working one.
    let others = rayon::current_num_threads().min(processors) - 1;
    let is_done = AtomicBool::new(false);
    rayon::scope(|scope| {
        for _ in 0..others {
            scope.spawn(|_| {
                let mut worked = Instant::now();
                while !is_done.load(Ordering::Relaxed) {
                    if rayon::yield_now() == Some(rayon::Yield::Executed) {
                        worked = Instant::now();
                    } else if worked.elapsed() < PATIENCE {
                        std::thread::yield_now();
                    } else {
                        // Leaves the processor to the threads that decode images.
                        std::thread::sleep(NAP);
                    }
                }
            });
        }
        // A guard, so that the other threads end even when `work` panics.
        let _end = Ending(&is_done);
        work()
    })
}

struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
