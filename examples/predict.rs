//! Tells the classes of images by the network of a run, as `runner predict` does:
//!
//!     cargo run --release --example predict -- experiments/latest photo.jpg

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "that is what it is for"
)]

use std::path::Path;
use std::process::ExitCode;

use runner::config::Columns;
use runner::data::images_at;
use runner::lifecycle::Trained;
use runner::run_dir::Choice;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, image] = arguments.as_slice() else {
        eprintln!("usage: predict RUN IMAGE");
        return Ok(ExitCode::from(2));
    };
    // On the device of the run's config, and all processors.
    let trained = Trained::open(Path::new(run), &Choice::default(), None, None)?;
    let images = images_at(Path::new(image), &Columns::default())?;
    trained.predict(&images, |image, answer| -> Result<(), String> {
        let answer = answer?;
        let class = &trained.class_names()[answer.prediction];
        let probability = answer.probabilities[answer.prediction];
        println!("{}: {class} ({probability:.4})", image.name());
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
