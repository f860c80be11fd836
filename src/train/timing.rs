//! What an epoch costs; recorded, never used to decide.

use std::time::Instant;

/// Seconds and images of one phase in this process.
#[derive(Debug, Default, Clone, Copy)]
pub struct Stopwatch {
    seconds: f64,
    images: usize,
}

impl Stopwatch {
    pub fn add(&mut self, since: Instant, images: usize) {
        self.seconds += since.elapsed().as_secs_f64();
        self.images += images;
    }

    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The mean rate so far; 0 before the first image.
    pub fn images_per_second(&self) -> f64 {
        if self.seconds == 0.0 {
            0.0
        } else {
            self.images as f64 / self.seconds
        }
    }
}

/// Seconds rounded to microseconds, which is precise enough and short to read.
pub fn rounded(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

/// The most memory this process has had, where the system tells (Linux: `VmHWM`).
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
