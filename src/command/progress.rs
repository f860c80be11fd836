//! A bar on a terminal for what takes a while.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bar appears only after this time.
const PATIENCE: Duration = Duration::from_millis(500);

/// A progress bar over images; shows nothing where stderr is no terminal.
pub struct ScanBar {
    bar: ProgressBar,
    since: Instant,
}

/// A bar with the label `what`.
pub fn scan_bar(what: &str) -> ScanBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let template = format!("{what} [{{bar:40}}] {{human_pos}}/{{human_len}}, {{eta}} left");
    let style = ProgressStyle::with_template(&template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    ScanBar {
        bar,
        since: Instant::now(),
    }
}

impl ScanBar {
    /// Shows that `done` of `all` images are done.
    pub fn at(&self, done: usize, all: usize) {
        if done == all {
            self.bar.finish_and_clear();
        } else if self.since.elapsed() > PATIENCE {
            if self.bar.is_hidden() && self.bar.length() != Some(all as u64) {
                self.bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            self.bar.set_length(all as u64);
            self.bar.set_position(done as u64);
        }
    }
}

impl Drop for ScanBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
