//! Numbers for reading.

use std::time::Duration;

/// 31500.4 as `31,500`.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Whole seconds, rounded up, in the largest units that say something: `3 s`, `4 min 10 s`, `2 h 5 min`.
pub fn human(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds.ceil()).map_or(0, |left| left.as_secs());
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Bytes in the largest decimal unit that says something: `1.6 MB`.
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if value < 1000.0 {
            let decimals = usize::from(unit != "bytes" && value < 100.0);
            return format!("{value:.decimals$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}
