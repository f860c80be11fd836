//! A config-driven experiment runner: one TOML file declares a run, one directory says everything about it.
//!
//! # Layout
//!
//! In the order in which data flow; what stands without the rest is a crate of its own, re-exported here:
//!
//! - [`cli`] and [`command`]: what a user types, and what is printed; [`exit`] the codes
//! - [`config`]: from text to an experiment, with every mistake told at its place
//! - [`random`]: every draw, a function of seed, purpose, epoch and index
//! - [`data`]: images from files, split, cached, augmented and batched
//! - [`device`]: what computes; [`kernels`]: fast operations for the CPU; [`memory`]: how much there is
//! - [`model`], [`optimizer`], [`schedule`]: the network and how it learns
//! - [`metrics`]: scores, and the columns of metrics.csv
//! - [`train`]: the loop
//! - [`lifecycle`]: what happens to a run: prepared, begun, resumed, concluded, reproduced, proven, used
//! - [`weights`]: weights as other programs keep them; [`export`]: a network as their files
//! - [`run_dir`], [`compare`], [`significance`], [`parting`], [`table`]: what runs leave on disk, and how it is read; [`mod@array`], [`digest`],
//!   [`files`] are below them
//!
//! # Reading a config
//!
//! ```
//! # const CONFIG: &str = include_str!("../tests/configs/synthetic.toml");
//! use runner::config::Document;
//!
//! let document = Document::parse("tiny.toml", CONFIG.to_owned(), "tiny");
//! let experiment = document.experiment()?;
//! let shapes: Vec<String> = experiment
//!     .trace()
//!     .iter()
//!     .map(|layer| format!("{} gives {}", layer.layer.name(), layer.output))
//!     .collect();
//! assert_eq!(shapes, ["flatten gives 64 features", "linear gives 3 features"]);
//! # Ok::<(), runner::config::Error>(())
//! ```
//!
//! # Training, and reading what is left
//!
//! ```
//! # const CONFIG: &str = include_str!("../tests/configs/synthetic.toml");
//! use runner::config::Document;
//! use runner::lifecycle::{Occasion, begin, conclude, prepare};
//! use runner::run_dir::Run;
//! use runner::train::{Interrupt, Silent, fit};
//!
//! let out = tempfile::tempdir()?;
//! let document = Document::parse("tiny.toml", CONFIG.to_owned(), "tiny");
//! let prepared = prepare(&document, document.experiment()?, None, &|_, _| {})?;
//! let mut interrupt = Interrupt::default();
//! let mut begun = begin(&document, prepared, out.path(), Occasion::Run, &mut interrupt)?;
//! let end = fit(&mut begun.session, &mut begun.run, &interrupt, &mut Silent);
//! conclude(end, &mut begun.session, &mut begun.run, &interrupt)?;
//!
//! let run = Run::open(begun.run.folder())?;
//! let metrics = run.metrics()?;
//! assert_eq!(metrics.len(), 2);
//! assert!(metrics.get(1, "eval_accuracy").is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Using a trained network
//!
//! ```
//! # const CONFIG: &str = include_str!("../tests/configs/synthetic.toml");
//! # use runner::config::Document;
//! # use runner::lifecycle::{Occasion, begin, conclude, prepare};
//! # use runner::train::{Interrupt, Silent, fit};
//! # let out = tempfile::tempdir()?;
//! # let document = Document::parse("tiny.toml", CONFIG.to_owned(), "tiny");
//! # let prepared = prepare(&document, document.experiment()?, None, &|_, _| {})?;
//! # let mut interrupt = Interrupt::default();
//! # let mut begun = begin(&document, prepared, out.path(), Occasion::Run, &mut interrupt)?;
//! # let end = fit(&mut begun.session, &mut begun.run, &interrupt, &mut Silent);
//! # conclude(end, &mut begun.session, &mut begun.run, &interrupt)?;
//! # let folder = begun.run.folder();
//! # let image = out.path().join("image.pgm");
//! # std::fs::write(&image, b"P2 8 8 255 ".iter().copied().chain(b"7 ".repeat(64)).collect::<Vec<u8>>())?;
//! use runner::config::Columns;
//! use runner::data::images_at;
//! use runner::lifecycle::Trained;
//! use runner::run_dir::Choice;
//!
//! let trained = Trained::open(folder, &Choice::Best, None, None)?;
//! let images = images_at(&image, &Columns::default())?;
//! trained.predict(&images, |_, answer| -> Result<(), String> {
//!     let answer = answer?;
//!     let best = answer.top(1)[0];
//!     assert!(answer.probabilities[best] >= 1.0 / trained.class_names().len() as f32);
//!     Ok(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Comparing runs
//!
//! ```
//! # const CONFIG: &str = include_str!("../tests/configs/synthetic.toml");
//! # use runner::config::Document;
//! # use runner::lifecycle::{Occasion, begin, conclude, prepare};
//! # use runner::train::{Interrupt, Silent, fit};
//! # let out = tempfile::tempdir()?;
//! # for seed in [1, 2] {
//! #     let mut document = Document::parse("tiny.toml", CONFIG.to_owned(), "tiny");
//! #     document.set_all(&[format!("seed={seed}")]);
//! #     let prepared = prepare(&document, document.experiment()?, None, &|_, _| {})?;
//! #     let mut interrupt = Interrupt::default();
//! #     let mut begun = begin(&document, prepared, out.path(), Occasion::Run, &mut interrupt)?;
//! #     let end = fit(&mut begun.session, &mut begun.run, &interrupt, &mut Silent);
//! #     conclude(end, &mut begun.session, &mut begun.run, &interrupt)?;
//! # }
//! use runner::compare::{ComparedRun, compare};
//! use runner::run_dir::list;
//! use runner::table::Style;
//!
//! let runs: Vec<ComparedRun> = list(out.path())
//!     .iter()
//!     .map(|folder| ComparedRun::read(folder))
//!     .collect::<Result<_, _>>()?;
//! let table = compare(&runs, "eval_accuracy").render(Style::Markdown);
//! // A heading, a rule, and a line a run; the seeds are what the configs differ in.
//! assert_eq!(table.lines().count(), 4);
//! assert!(table.contains("seed"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(missing_docs)]

pub use runner_config as config;
pub use runner_digest as digest;
pub use runner_export as export;
pub use runner_files as files;
pub use runner_kernels as kernels;
pub use runner_metrics as metrics;
pub use runner_random as random;
pub use runner_records::{
    array, compare, condition, overview, parting, run_dir, significance, table,
};
pub use runner_sweep as sweep;
pub use runner_weights as weights;

pub mod cli;
pub mod command;
pub mod data;
pub mod device;
pub mod exit;
pub mod lifecycle;
pub mod memory;
pub mod model;
pub mod optimizer;
pub mod schedule;
pub mod train;
