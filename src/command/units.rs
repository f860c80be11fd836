//! Numbers for reading.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};

/// 31500.4 as `31,500`.
pub fn thousands(number: f64) -> String {
    HumanCount(number.round() as u64).to_string()
}

/// A number of things: `1 epoch`, `1,000 epochs`.
pub fn counted(count: usize, thing: &str) -> String {
    let plural = match count {
        1 => "",
        _ if thing.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {thing}{plural}", thousands(count as f64))
}

/// Whole seconds, rounded up, in the largest units that say something: `3 s`, `4 min`, `4 min 10 s`, `2 h 5 min`.
pub fn human(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds.ceil()).map_or(0, |left| left.as_secs());
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Bytes in the largest binary unit that says something: `1.60 MiB`.
pub fn bytes(count: u64) -> String {
    HumanBytes(count).to_string()
}
